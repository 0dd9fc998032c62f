"""The tokeniser reads hostile input: what it accepts, what it refuses, and that it never breaks."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watchfloor.collect.quarantine import Bad
from watchfloor.collect.records import Piece, Records, tokenise
from watchfloor.collect.tokeniser import MAX_DEPTH, MAX_FIELDS, MAX_NAME


def read(*lines: bytes) -> tuple[Records, list[Bad]]:
    offsets = np.concatenate([[0], np.cumsum([len(line) for line in lines])]).astype(np.int64)
    numbers = np.arange(len(lines), dtype=np.int64)
    return tokenise([Piece(b"".join(lines), offsets, numbers, numbers)], source="s", stream="t")


def reason(line: bytes) -> str | None:
    """Why a record is refused, without the position; None when it is good. It stands between two good records."""
    records, bad = read(b'{"before":"1"}', line, b'{"behind":"1"}')
    assert [name in records.names for name in ("before", "behind")] == [True, True]
    assert len(records) + len(bad) == 3
    for _, column in records.columns():
        column.values.validate(full=True)
    if not bad:
        return None
    assert bad[0].record == 1
    assert bad[0].raw == line[: 64 * 1024]
    return bad[0].reason.rpartition(" (")[0]


def refuse(constant: str) -> Any:
    raise ValueError(constant)


def standard(line: bytes) -> bool:
    """Is it one JSON object? Python's parser, made as strict as RFC 8259; it has no opinion on lone surrogates."""
    try:
        text = line.decode().removeprefix("\ufeff")
        return isinstance(json.loads(text, parse_constant=refuse, parse_int=str, parse_float=str), dict)
    except (ValueError, RecursionError):
        return False


def is_blank(line: bytes) -> bool:
    return not line.strip(b" \t\r\n").removeprefix(b"\xef\xbb\xbf").strip(b" \t\r\n")


def judge(line: bytes) -> None:
    """Ours and the standard must agree, and with orjson too where it does not have limits of its own."""
    if is_blank(line):
        return
    text = line.strip(b" \t\r\n")
    ours = reason(line) is None
    assert ours == standard(text), line
    try:
        other = isinstance(orjson.loads(text), dict)
    except orjson.JSONDecodeError:
        other = False
    if ours != other:
        # orjson refuses lone surrogates, a byte order mark, and numbers that no double can hold
        assert ours
        assert b"\\ud" in line.lower() or text.startswith(b"\xef\xbb\xbf") or b"e" in line.lower(), line


SEEDS = [
    rb'{"a":"x\n\u00e9\ud83d\ude00","b":[1,-2.5e+10,{"c":null,"d":[true,false]},"q\""],"e":{"f":{},"g":"'
    + "é😀".encode()
    + b'"},"h":0}',
    b'{"EventID":4688,"Image":"C:\\\\Windows\\\\System32\\\\cmd.exe","t":true,"n":null}',
    b'\xef\xbb\xbf { "a" : [ ] , "b" : { } }\r\n',
]


TELLING = [bytes([c]) for c in b'{}[]",:\\/0123456789eE+-.tfnu dD8\n\t\x00']


@pytest.mark.parametrize("line", SEEDS)
def test_every_prefix_and_suffix(line: bytes) -> None:
    for cut in range(len(line)):
        judge(line[:cut])
        judge(line[cut:])


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(SEEDS),
    st.lists(
        st.tuples(
            st.integers(0, 200),
            st.integers(0, 3),
            st.one_of(st.binary(max_size=3), st.sampled_from(TELLING)),
        ),
        min_size=1,
        max_size=3,
    ),
)  # fmt: skip
def test_mutations(line: bytes, changes: list[tuple[int, int, bytes]]) -> None:
    for at, removed, inserted in changes:
        at %= len(line) + 1
        line = line[:at] + inserted + line[at + removed :]
        line = line or b"{"
    judge(line)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.one_of(st.binary(max_size=60), st.text('{}[]",:\\u0d8 1e-.tfn', max_size=60).map(str.encode)), max_size=20
    )
)
def test_random_bytes(lines: list[bytes]) -> None:
    records, bad = read(*lines)
    numbers = sorted([*records.record_index.tolist(), *[one.record for one in bad]])
    blank = [
        i for i, line in enumerate(lines) if not line.strip(b" \t\r\n").removeprefix(b"\xef\xbb\xbf").strip(b" \t\r\n")
    ]
    assert sorted(numbers + blank) == list(range(len(lines)))
    for name, column in records.columns():
        name.encode()
        column.values.validate(full=True)


def test_random_bytes_in_bulk() -> None:
    """Much noise around and inside valid records; mostly to see that nothing is read or written outside."""
    random = np.random.default_rng(7)
    base = b"".join(SEEDS) * 20
    for _ in range(100):
        data = np.frombuffer(base, np.uint8).copy()
        hits = random.integers(0, len(data), random.integers(1, 60))
        data[hits] = random.integers(0, 256, len(hits))
        cuts = np.sort(random.integers(0, len(data) + 1, 40))
        offsets = np.concatenate([[0], cuts, [len(data)]]).astype(np.int64)
        numbers = np.arange(len(offsets) - 1, dtype=np.int64)
        records, bad = tokenise([Piece(data, offsets, numbers, numbers)], source="s", stream="t")
        assert len(records) + len(bad) <= len(numbers)
        for _, column in records.columns():
            column.values.validate(full=True)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"[1]", "not a JSON object"),
        (b'"a"', "not a JSON object"),
        (b"null", "not a JSON object"),
        (b"{", "truncated"),
        (b'{"a', "truncated"),
        (b'{"a"', "truncated"),
        (b'{"a":', "truncated"),
        (b'{"a":"', "truncated"),
        (b'{"a":"\\', "truncated"),
        (b'{"a":1', "truncated"),
        (b'{"a":[1', "truncated"),
        (b'{"a":1}}', "something follows the object"),
        (b'{"a":1} {"a":2}', "something follows the object"),
        (b'{"a":1}\x00', "something follows the object"),
        (b'{,"a":1}', "malformed JSON: a key, '}' or ',' is missing"),
        (b'{"a":1,}', "malformed JSON: a key, '}' or ',' is missing"),
        (b'{"a":1 "b":2}', "malformed JSON: a key, '}' or ',' is missing"),
        (b"{a:1}", "malformed JSON: a key, '}' or ',' is missing"),
        (b'{"a" 1}', "malformed JSON: ':' is missing"),
        (b'{"a":[{"b" 1}]}', "malformed JSON: ':' is missing"),
        (b'{"a":tru}', "malformed JSON: not a value"),
        (b'{"a":True}', "malformed JSON: not a value"),
        (b'{"a":NaN}', "malformed JSON: not a value"),
        (b'{"a":+1}', "malformed JSON: not a value"),
        (b'{"a":.5}', "malformed JSON: not a value"),
        (b'{"a":1.}', "malformed JSON: not a value"),
        (b'{"a":1e}', "malformed JSON: not a value"),
        (b'{"a":-}', "malformed JSON: not a value"),
        (b"{\"a\":'x'}", "malformed JSON: not a value"),
        (b'{"a":01}', "malformed JSON: a key, '}' or ',' is missing"),
        (b'{"a":truex}', "malformed JSON: a key, '}' or ',' is missing"),
        (b'{"a":[1,]}', "malformed JSON: not a value"),
        (b'{"a":[1 2]}', "malformed JSON: a key, '}' or ',' is missing"),
        (b'{"a":[1}}', "malformed JSON: a key, '}' or ',' is missing"),
        (b'{"a":"\\x"}', "malformed JSON: invalid escape in a string"),
        (b'{"a":"\\u12g4"}', "malformed JSON: invalid escape in a string"),
        (b'{"a":"\\u12"}', "malformed JSON: invalid escape in a string"),
        (b'{"a":["\\x"]}', "malformed JSON: invalid escape in a string"),
        (b'{"\\x":1}', "malformed JSON: invalid escape in a string"),
        (b'{"a":"\x01"}', "malformed JSON: unescaped control character in a string"),
        (b'{"a":"\x00"}', "malformed JSON: unescaped control character in a string"),
        (b'{"a\t":1}', "malformed JSON: unescaped control character in a string"),
        (b'{"a":["\t"]}', "malformed JSON: unescaped control character in a string"),
        (b'{"a":"\xff"}', "invalid UTF-8"),
        (b'{"a":"\xc3"}', "invalid UTF-8"),
        (b'{"a":"\xc0\x80"}', "invalid UTF-8"),
        (b'{"a":"\xe0\x80\x80"}', "invalid UTF-8"),
        (b'{"a":"\xed\xa0\x80"}', "invalid UTF-8"),
        (b'{"a":"\xf0\x8f\xbf\xbf"}', "invalid UTF-8"),
        (b'{"a":"\xf4\x90\x80\x80"}', "invalid UTF-8"),
        (b'{"a":1}\xc3', "invalid UTF-8"),
    ],
)
def test_what_is_refused(line: bytes, expected: str) -> None:
    assert reason(line) == expected


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=12))
def test_utf8_is_what_python_says(data: bytes) -> None:
    data = data.replace(b'"', b"x").replace(b"\\", b"x")
    data = bytes(c if c >= 32 else 32 for c in data)
    try:
        data.decode()
        valid = True
    except UnicodeDecodeError:
        valid = False
    for filler in (b"", b"1234567"):
        assert (reason(b'{"a":"' + filler + data + b'"}') is None) == valid


def test_a_good_spelling_does_not_excuse_a_bad_one() -> None:
    """A string that was seen before is not validated again: only its own bytes may be recognised."""
    records, bad = read(b'{"a":"1"}', b'{"a":"tru"}', b'{"a":tru}', b'{"a":"\\n"}', b'{"a":\\n}', b'{"a":"x\ty"}')
    assert records.record_index.tolist() == [0, 1, 3]
    assert [one.record for one in bad] == [2, 4, 5]


def test_depth() -> None:
    def objects(depth: int) -> bytes:
        return b'{"a":' * depth + b"1" + b"}" * depth

    def arrays(depth: int) -> bytes:
        return b'{"a":' + b"[" * depth + b"]" * depth + b"}"

    assert reason(objects(MAX_DEPTH)) is None
    assert reason(objects(MAX_DEPTH + 1)) == f"nested deeper than {MAX_DEPTH}"
    assert reason(arrays(MAX_DEPTH - 1)) is None
    assert reason(arrays(MAX_DEPTH)) == f"nested deeper than {MAX_DEPTH}"
    assert reason(b'{"a":' * 100_000) == f"nested deeper than {MAX_DEPTH}"
    assert reason(b'{"a":' + b"[" * 100_000) == f"nested deeper than {MAX_DEPTH}"


def test_fields() -> None:
    def wide(count: int) -> bytes:
        return orjson.dumps({str(i): i for i in range(count)})

    assert reason(wide(MAX_FIELDS)) is None
    assert reason(wide(MAX_FIELDS + 1)) == f"more than {MAX_FIELDS} fields"


def test_long_names() -> None:
    assert reason(b'{"%s":1}' % (b"k" * MAX_NAME)) is None
    assert reason(b'{"%s":1}' % (b"k" * (MAX_NAME + 1))) == f"a dotted name is longer than {MAX_NAME} bytes"
    half = b"k" * (MAX_NAME // 2)
    assert reason(b'{"%s":{"%s":1}}' % (half, half)) == f"a dotted name is longer than {MAX_NAME} bytes"


def test_a_refused_record_leaves_nothing_behind() -> None:
    records, bad = read(b'{"x":1,"y":2,"z":', b'{"y":"3","x":"4"}', b'{"z":5,"y":6,"y":7,}', b'{"y":8}')
    assert [one.record for one in bad] == [0, 2]
    assert records.names == ("y", "x")
    column = records.column("y")
    assert column is not None
    assert column.to_pylist() == ["3", "8"]


def test_only_the_head_of_a_bad_record_is_kept() -> None:
    line = b'{"a":"' + b"x" * 200_000
    _, bad = read(line)
    assert bad[0].raw == line[: 64 * 1024]


def test_a_reason_never_holds_bytes_of_the_record() -> None:
    _, bad = read(b'{"a":"secret" secret}')
    assert "secret" not in bad[0].reason
    assert bad[0].reason.endswith("(byte 14)")
