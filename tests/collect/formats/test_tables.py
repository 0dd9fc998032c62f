"""Tables by kernel against tables row by row: the same records, the same objects byte by byte, the same complaints."""

from __future__ import annotations

import gzip
import io
import json
import lzma
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import orjson
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.collect.formats import slow_tables
from tests.conftest import PROJECT

from watchfloor.collect.formats import cells as cells_module
from watchfloor.collect.formats import csv as csv_module
from watchfloor.collect.formats.csv import CSV, REASONS
from watchfloor.collect.formats.format import Block, Decoded, Format, Framed, offsets_of
from watchfloor.collect.formats.zeek import ZEEK

SHARED = PROJECT.parent / "shared" / "data"
THOROUGH = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))


def same(mine: Decoded, truth: Decoded) -> None:
    assert mine.bad == truth.bad
    if mine.ndjson != truth.ndjson:  # a name that comes twice is written twice, and the last one counts
        ours, theirs = ([each.ndjson[a:b] for a, b in pairwise(each.offsets.tolist())] for each in (mine, truth))
        for one, other in zip(ours, theirs, strict=True):  # orjson takes no 1e310
            assert one == other or len(json.loads(one)) < one.count(b'":'), (one, other)
            assert (json.loads(one) if one else None) == (json.loads(other) if other else None)
    else:
        assert mine.offsets.tolist() == truth.offsets.tolist()


def both(format: Format, block: Block, truth: Decoded) -> None:
    """With the usual room, and with no more than each row may need: under bounds checks a byte too far is noticed."""
    same(format.decode(block), truth)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cells_module, "ROOM", 1)
        same(format.decode(block), truth)


def frames(steps: list[Framed]) -> list[tuple[object, ...]]:
    return [
        (step.block.payload, step.block.offsets.tolist(), step.block.context, step.block.format, step.after, step.bad)
        for step in steps
    ]


# -- CSV

pieces = st.sampled_from(
    [b",", b";", b'"', b'""', b"\n", b"\r\n", b"\r", b" ", b"\t", b"\\", b"\0", b"\x1f", b"\x7f", b"a", b"bc",
     b"a longer text than one word", b"0.5", b"\xc3\xa9", b"\xe2\x82\xac", b"\xf0\x9f\x90\x9f", b"\xff", b"\xc3",
     b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xc0\x80", b"_encoding", b"|"]
)  # fmt: skip
cells = st.lists(pieces, max_size=5).map(b"".join)
quoted = cells.map(lambda cell: b'"' + cell.replace(b'"', b'""') + b'"')
header = st.sampled_from(
    [b"a,b,c\n", b'"x ""1""";y;y\r\n', b"a,_encoding\n", "é,b\n".encode(), b"one\n", b"sep=;\na;b;c\n"]
)
tables = st.builds(
    lambda first, rows: first + b"".join(rows),
    header,
    st.lists(
        st.builds(
            lambda row, mark, end: mark.join(row) + end,
            st.lists(st.one_of(cells, quoted, quoted), min_size=1, max_size=5),
            st.sampled_from([b",", b",", b";", b""]),
            st.sampled_from([b"\n", b"\n", b"\r\n", b"", b"\n\n", b"\n  \n"]),
        ),
        max_size=12,
    ),
)


@THOROUGH
@given(tables, st.sampled_from([0, 0, 1, 7, 20]), st.booleans())
@example(b'a,b\n"x', 0, False)
@example(b'a,b\n"x,"\n1,2\n', 0, True)
@example(b"a,b\n1,2\n3,4", 0, False)
@example(b'\r"a"\nb\n', 0, True)
@example(b"a,b\n" + b"\xff,2\n" + "é,2\n".encode() + b"_,\xc3", 0, True)
def test_csv_is_cut_as_row_by_row(raw: bytes, after: int, final: bool) -> None:
    mine = list(CSV.frame(io.BytesIO(raw), after=after, final=final))
    assert frames(mine) == frames(list(slow_tables.csv_frame(io.BytesIO(raw), after=after, final=final)))
    for step in mine:
        both(CSV, step.block, slow_tables.csv_decode(step.block))


@THOROUGH
@given(tables)
def test_csv_is_cut_the_same_where_quotes_may_not_span_much(raw: bytes) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_module, "MULTILINE", 9)
        patch.setattr(slow_tables, "MULTILINE", 9)
        patch.setattr(csv_module, "MAX_RECORD", 20)
        patch.setattr(slow_tables, "MAX_RECORD", 20)
        patch.setattr(csv_module, "HEAD", 16)
        patch.setattr(slow_tables, "HEAD", 16)
        for size in (1, 5, 1000):
            patch.setattr(csv_module, "BLOCK", size)
            patch.setattr(slow_tables, "BLOCK", size)
            mine = frames(list(CSV.frame(io.BytesIO(raw))))
            assert mine == frames(list(slow_tables.csv_frame(io.BytesIO(raw))))


def flat(steps: list[Framed]) -> list[object]:
    """Everything that was read, in order."""
    found: list[object] = []
    for step in steps:
        records = [step.block.payload[a:b] for a, b in pairwise(step.block.offsets.tolist())]
        for i in range(len(records) + 1):
            found += [(bad.reason, bad.raw) for bad in step.bad if bad.record == i]
            found += records[i : i + 1]
    return found


@THOROUGH
@given(tables, st.sampled_from([0, 9]))
def test_csv_in_small_blocks_is_the_same(raw: bytes, after: int) -> None:
    whole = flat(list(CSV.frame(io.BytesIO(raw), after=after)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_module, "MOST_ROWS", 3)
        small = list(CSV.frame(io.BytesIO(raw), after=after))
        assert flat(small) == whole
        assert all(0 < len(step.block) + len(step.bad) <= 3 for step in small)
        for i, step in enumerate(small):
            assert flat(small[: i + 1]) + flat(list(CSV.frame(io.BytesIO(raw), after=step.after))) == whole


@THOROUGH
@given(
    st.lists(st.one_of(cells, st.binary(max_size=40)), max_size=8), st.sampled_from([*",;\t| x", "\xa7", "\0", "\x85"])
)
def test_any_bytes_as_rows_of_csv(rows: list[bytes], delimiter: str) -> None:
    rows = [row + b"\n" for row in rows]
    for names in (["a"], ["a", 'b"', "é\n"], ["a", "_encoding", "c", "d"], []):
        context = orjson.dumps({"columns": names, "delimiter": delimiter})
        block = Block(b"".join(rows), offsets_of(rows), context, "csv")
        both(CSV, block, slow_tables.csv_decode(block))


def test_a_block_without_a_header() -> None:
    block = Block(b"1,2\n3,4\n", np.array([0, 4, 8]), b"", "csv")
    assert [bad.reason for bad in CSV.decode(block).bad] == ["no header row before this row"] * 2
    assert CSV.decode(block).offsets.tolist() == [0, 0, 0]
    same(CSV.decode(Block(b"", np.zeros(1, np.int64), b"{}", "csv")), Decoded(b"", np.zeros(1, np.int64), []))


def test_names_much_longer_than_rows_need_more_room_than_was_guessed() -> None:
    names = [f"{i}" * 70 for i in range(1000, 1400)]
    rows = [b"," * 399 + b"\n"] * 300 + [b"," * 398 + b"\x01" * 5000 + b"\n"] + [b"x" + b"," * 399 + b"\n"] * 3
    block = Block(b"".join(rows), offsets_of(rows), orjson.dumps({"columns": names, "delimiter": ","}), "csv")
    mine = CSV.decode(block)
    same(mine, slow_tables.csv_decode(block))
    assert [bad.record for bad in mine.bad] == [300]
    assert len(mine.ndjson) > 20 * len(block.payload)


def test_the_reasons_of_python_are_ours() -> None:
    _, reason = csv_module._cells("a\rb", ",")
    assert reason == REASONS[-1]


# -- Zeek

types = st.sampled_from(
    ["string", "count", "double", "time", "bool", "addr", "enum", "set[string]", "vector[count]", "vector[bool]",
     "table[string]", "set[", "vector[set[string]]", "nonsense"]
)  # fmt: skip
values = st.one_of(
    st.sampled_from(
        [b"-", b"(empty)", b"", b"T", b"F", b"TF", b"0", b"-1", b"12.50", b"1e9", b"1E+2", b"01", b"1.", b"-", b"--",
         b"+1", b".5", b"1e", b"1e+", b"1.5.2", b"a,b", b"-,1,(empty)", b",", b"1,2,x", b"T,-,F", b"\\x2c",
         b"\\xc3\\xa9", b"\\xff", b"\\\\x09", b"\\x4", b"\\x4g", b"\\", b"\\x", b"plain text of some length",
         b'quo"te and more',
         b"\xc3\xa9",
         b"\xff", b"\x01", b" ", "\u0661".encode(), b"longer than a word \\x0a end", b"198.51.100.7",
         b"123456789012345678901234567890"]
    ),
    st.binary(max_size=12).map(lambda raw: raw.replace(b"\n", b"").replace(b"\t", b"")),
)  # fmt: skip


@st.composite
def zeek(draw: st.DrawFn) -> Block:
    names = draw(
        st.lists(st.sampled_from(["ts", "uid", "id.orig_h", "é", 'q"', "_path", "x", "ts"]), min_size=1, max_size=7)
    )
    separator, told = draw(st.sampled_from([(b"\t", b"\\x09"), (b"\t", b"\\x09"), (b"|", b"|"), (b"||", b"||")]))
    lines = [b"#separator " + told]
    for key, choices in (
        (b"set_separator", [b",", b",", b";", b"::", b""]),
        (b"empty_field", [b"(empty)", b"(empty)", b"", b"0"]),
        (b"unset_field", [b"-", b"-", b"", b"0", b"T"]),
        (b"path", [b"conn", b"", b'a"b', b"\xff"]),
    ):
        if draw(st.booleans()):
            lines.append(b"#" + key + separator + draw(st.sampled_from(choices)))
    lines.append(b"#fields" + separator + separator.join(name.encode() for name in names))
    kinds = draw(st.lists(types, max_size=len(names) + 1))
    lines.append(b"#types" + separator + separator.join(kind.encode() for kind in kinds))
    rows = draw(st.lists(st.lists(values, min_size=len(names), max_size=len(names)), max_size=6))
    rows += draw(st.lists(st.lists(values, max_size=8), max_size=2))
    cut = [separator.join(row) + draw(st.sampled_from([b"\n", b"\r\n", b" \n", b"\n\n"])) for row in rows]
    return Block(b"".join(cut), offsets_of(cut), b"\n".join(lines), "zeek_tsv")


@example(Block(b"1e310\t(empty)\n", np.array([0, 14]), b"#separator \\x09\n#fields\tts\tts\n#types\tcount", "zeek_tsv"))
@THOROUGH
@given(zeek())
def test_zeek_row_by_row(block: Block) -> None:
    both(ZEEK, block, slow_tables.zeek_decode(block))


def test_a_zeek_block_without_a_header() -> None:
    block = Block(b"1\t2\n3\n", np.array([0, 4, 6]), b"#path\tx\n", "zeek_tsv")
    both(ZEEK, block, slow_tables.zeek_decode(block))
    assert len(ZEEK.decode(block).bad) == 2


# -- recorded tables


def opened(path: Path) -> bytes:
    raw = path.read_bytes()
    return gzip.decompress(raw) if path.suffix == ".gz" else lzma.decompress(raw) if path.suffix == ".xz" else raw


def recorded(pattern: str) -> list[Path]:
    return sorted(
        path for path in SHARED.rglob("*") if path.is_file() and pattern in path.name and path.suffix != ".txt"
    )


@pytest.mark.skipif(not SHARED.is_dir(), reason="no recorded data beside the project (../shared/data)")
def test_recorded_tables() -> None:
    rows = 0
    slow: dict[str, Callable[[Block], Decoded]] = {"csv": slow_tables.csv_decode, "zeek_tsv": slow_tables.zeek_decode}
    zeek_logs = sorted((SHARED / "ot" / "4sics_zeek_logs").glob("*.log*"))
    for path in (*recorded(".csv"), *zeek_logs):
        raw = opened(path)[: 3 << 20]
        format = ZEEK if path in zeek_logs else CSV
        steps = list(format.frame(io.BytesIO(raw)))
        if format is CSV:
            assert frames(steps) == frames(list(slow_tables.csv_frame(io.BytesIO(raw)))), path
        for step in steps:
            same(format.decode(step.block), slow[format.name](step.block))
            rows += len(step.block)
    assert rows > 100_000
