"""Millions of broken lines: does the tokeniser say what Python's json and orjson say, on every line and every value?

    python -m benchmarks.fuzz --lines 10M --seed 1

Lines are records of our own making, integrations' samples and, where they are at hand, recordings; then blocks of them
are broken at once with numpy (bytes and bits exchanged, left out, put in, lines cut short and spliced). Everything
follows from the seed. The judge is `tests/collect/json_meaning.py`. The first lines that differ are printed; the exit
code is 1 then.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from random import Random

import numpy as np
import numpy.typing as npt
import orjson
from tests.collect.json_meaning import differences

from benchmarks import events, machine

BLOCK = 5_000
"""Lines at a time."""

POOL = 40_000
"""Whole lines to break."""

INTERESTING = np.frombuffer(
    b'{}[]",:\\/u0129eE+-.tfnaDd8 \t\n\r\x00\x1f\x7f\x80\xbf\xc0\xc3\xe0\xed\xf0\xf4\xff\xef', np.uint8
)
PUT_IN = (
    b'"a":1,', b'"a":{"b":2},', b'"a.b":3,', b"\\ud800", b"\\udc00", b"\\uD83D\\uDE00", b"\\u0000", b"\\u00e9",
    b"\\n", b"\\x", b"[", b"[[[[[[[[", b"]", b"{", b"}", b'{"k":', b"[1,2,[3]]", b"1e999", b"-0", b"0123",
    b"12345678901234567890", b"0.1e-7", b"NaN", b"-Infinity", b"true", b"nul", b"null", b"\xef\xbb\xbf",
    b"\xed\xa0\x80", b"\xc0\x80", b"\xf4\x90\x80\x80", "\u2028é😀".encode(), b" \t\r\n", b'"', b'""', b",",
    b":", b"\\", b'\\"', b"/*c*/", b"9" * 400,
)  # fmt: skip
KEYS = ("a", "b", "a.b", "EventID", "Image", "é", "k", "", "a[]", "x y", "deep", "\U0001f600", "long" * 12)


def pool(chance: Random, size: int = POOL) -> list[bytes]:
    """Lines that are whole."""
    made = [_object(chance, 3) for _ in range(size // 2)]
    made += [orjson.dumps(event) for event in events._made(size // 20)]
    folder = machine.PROJECT / "src" / "watchfloor" / "integrations"
    for path in sorted(folder.glob("*/samples/*.ndjson")):
        made += path.read_bytes().splitlines()
    if size == POOL and machine.SHARED.is_dir():
        made += events.corpus(records=size // 20).ndjson.splitlines()
    made += [b'{"a":' * depth + b"1" + b"}" * depth for depth in range(58, 68)]
    made += [b'{"a":' + b"[" * depth + b"]" * depth + b"}" for depth in range(58, 68)]
    return [line for line in made if len(line) < 4_000]


def _object(chance: Random, depth: int) -> bytes:
    """An object as nobody would write it by hand, but may."""
    members = [
        _spaced(chance, _text(chance, chance.choice(KEYS))) + b":" + _value(chance, depth)
        for _ in range(chance.choice([0, 1, 2, 3, 5, 9]))
    ]
    return _spaced(chance, b"{" + b",".join(members) + b"}")


def _value(chance: Random, depth: int) -> bytes:
    how = chance.randrange(12 if depth else 9)
    if how < 4:
        return _spaced(chance, _text(chance, "".join(chance.choices(LETTERS, k=chance.choice(LENGTHS)))))
    if how < 7:
        return _spaced(chance, chance.choice(NUMBERS))
    if how < 9:
        return _spaced(chance, chance.choice([b"true", b"false", b"null", b"null"]))
    if how < 10:
        return _object(chance, depth - 1)
    inner = b",".join(_value(chance, depth - 1) for _ in range(chance.randrange(4)))
    return _spaced(chance, b"[" + inner + b"]")


LETTERS = 'abcdefgh 01_-.ABC\\/"\n\t\0\x1f\x7fééß日日\u2028\U0001f600' * 4 + "\ud800\udfff"
LENGTHS = (0, 1, 3, 8, 9, 20, 70)
NUMBERS = (
    b"0", b"-0", b"1", b"4688", b"-12.50", b"1e3", b"1E+3", b"0.1e-7", b"9223372036854775807", b"18446744073709551616",
    b"123456789012345678901234567890", b"1e400", b"-1e-400", b"3.141592653589793238462643",
)  # fmt: skip


def _text(chance: Random, text: str) -> bytes:
    """A JSON string, each character plain or escaped in one of the ways there are."""
    made = [b'"']
    for letter in text:
        number = ord(letter)
        lone = 0xD800 <= number < 0xE000
        if letter in '"\\' or number < 32 or lone or chance.randrange(8) == 0:
            short = {'"': b'\\"', "\\": b"\\\\", "/": b"\\/", "\n": b"\\n", "\t": b"\\t"}.get(letter)
            if short is not None and chance.randrange(2):
                made.append(short)
                continue
            units = [number] if number < 0x10000 else [0xD7C0 + (number >> 10), 0xDC00 + (number & 0x3FF)]
            made += [(b"\\u%04x" if chance.randrange(2) else b"\\u%04X") % unit for unit in units]
        else:
            made.append(letter.encode())
    return b"".join((*made, b'"'))


def _spaced(chance: Random, text: bytes) -> bytes:
    if chance.randrange(6):
        return text
    return chance.choice([b"", b" ", b"\t", b"\r\n", b"  \n "]) + text + chance.choice([b"", b" ", b"\n"])


def broken(lines: list[bytes], chance: Random, numbers: np.random.Generator) -> list[bytes]:
    """A block of lines, most of them broken; about a fifth stays whole."""
    lines = list(lines)
    for place in range(0, len(lines), 5):  # put in, cut short, spliced: line by line
        line = lines[place]
        at = chance.randrange(len(line) + 1)
        how = chance.randrange(4)
        if how == 0:
            lines[place] = line[:at]
        elif how == 1:
            other = lines[chance.randrange(len(lines))]
            lines[place] = line[:at] + other[chance.randrange(len(other) + 1) :]
        else:
            lines[place] = line[:at] + chance.choice(PUT_IN) + line[at:]
    data = np.frombuffer(b"".join(lines), np.uint8).copy()
    ends = np.cumsum([len(line) for line in lines])
    count = len(lines) // 3
    data[_places(data, count, numbers)] = numbers.choice(INTERESTING, count)
    data[_places(data, count // 2, numbers)] = numbers.integers(0, 256, count // 2, np.uint8)
    flipped = _places(data, count // 2, numbers)
    data[flipped] ^= np.uint8(1) << numbers.integers(0, 8, len(flipped), np.uint8)
    kept = np.ones(len(data), np.bool_)
    kept[_places(data, count // 2, numbers)] = False
    places = np.concatenate([[0], np.cumsum(kept)])[np.concatenate([[0], ends])]
    text = data[kept].tobytes()
    return [text[start:end] for start, end in zip(places[:-1].tolist(), places[1:].tolist(), strict=True)]


def _places(data: npt.NDArray[np.uint8], count: int, numbers: np.random.Generator) -> npt.NDArray[np.int64]:
    return numbers.integers(0, len(data), count)


def main(wanted: int = 10_000_000, seed: int = 1, *, shown: int = 5) -> str:
    """Compare; gives the figures, or prints the first differences and exits."""
    chance, numbers = Random(seed), np.random.default_rng(seed)
    tally: Counter[str] = Counter()
    began, lines, told, size = time.process_time(), 0, 0, 0
    whole = pool(chance)
    while lines < wanted:
        if lines - told >= 1_000_000:
            told = lines
            whole = pool(chance)
            print(f"{lines:,} lines, {time.process_time() - began:.0f} s", file=sys.stderr)
        block = broken(chance.choices(whole, k=min(BLOCK, wanted - lines)), chance, numbers)
        differing = [found for _, found in zip(range(shown), differences(block, tally), strict=False)]
        if differing:
            for line, problem in differing:
                print(f"{line!r}\n  {problem}")
            print(f"within {lines + len(block):,} lines of seed {seed}")
            raise SystemExit(1)
        lines, size = lines + len(block), size + sum(map(len, block))
    rows = [(what, f"{count:,}") for what, count in tally.most_common()]
    return (
        f"### Fuzz of the reader\n\n{lines:,} lines of {size / lines:,.0f} bytes (seed {seed}, "
        f"{time.process_time() - began:.0f} s): **0 differences** to json and orjson, in what is valid and in every "
        f"value.\n\n{machine.table(('lines, values', 'count'), rows)}"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=machine.count_of, default=10_000_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    print(main(given.lines, given.seed))
