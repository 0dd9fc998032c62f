"""Records against a pure-Python flattening of json.loads, and the laws of their views."""

from __future__ import annotations

import itertools
import json
import re
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watchfloor.collect import records as module
from watchfloor.collect.quarantine import Bad
from watchfloor.collect.records import Piece, Records, tokenise
from watchfloor.errors import SourceMalformed
from watchfloor.ocsf.column import Column

RELAXED = settings(deadline=None)  # the first call compiles
LONE = re.compile("[\ud800-\udfff]")


class Literal(str):
    """A number as it is written."""

    __slots__ = ()


def read(lines: Sequence[bytes], first: int = 0) -> tuple[Records, list[Bad]]:
    """Tokenise one record per line end-less piece of bytes."""
    offsets = np.concatenate([[0], np.cumsum([len(line) for line in lines])]).astype(np.int64)
    sequence = np.arange(first, first + len(lines), dtype=np.int64)
    return tokenise([Piece(b"".join(lines), offsets, sequence, sequence * 1000)], source="s", stream="t")


def good(*lines: bytes) -> Records:
    records, bad = read(lines)
    assert bad == []
    return records


def rows(records: Records) -> list[dict[str, str]]:
    """Every row as name -> text."""
    columns = {name: column.to_pylist() for name, column in records.columns()}
    return [{name: values[i] for name, values in columns.items() if values[i] is not None} for i in range(len(records))]


def whole(text: str) -> str:
    return LONE.sub("\ufffd", text)


def flatten(line: bytes) -> dict[str, Any]:
    """What a record must come to. Arrays stay Python lists."""
    result: dict[str, Any] = {}

    class Pairs(list[Any]):
        pass

    def plain(value: Any) -> Any:
        if isinstance(value, Pairs):
            return {whole(key): plain(inner) for key, inner in value}
        if isinstance(value, list):
            return [plain(inner) for inner in value]
        return whole(value) if isinstance(value, str) else value

    def visit(prefix: str, pairs: Pairs) -> None:
        for key, value in pairs:
            name = prefix + whole(key)
            if isinstance(value, Pairs):
                if value:
                    visit(name + ".", value)
                else:
                    result[name] = "{}"
            elif isinstance(value, list):
                result[name + "[]"] = plain(value)
            elif value is not None:
                result[name] = {True: "true", False: "false"}[value] if isinstance(value, bool) else whole(value)

    visit("", json.loads(line, object_pairs_hook=Pairs, parse_int=Literal, parse_float=Literal))
    return result


def comparable(row: dict[str, str]) -> dict[str, Any]:
    """A row with its array texts parsed, so that it compares with `flatten`."""
    return {
        name: json.loads(text, parse_int=Literal, parse_float=Literal) if name.endswith("[]") else text
        for name, text in row.items()
    }


characters = st.one_of(
    st.characters(exclude_categories=["Cs"]),
    st.sampled_from(["\\", '"', "\x00", "\n", "/", "\x7f", "\u0800", "\uffff", "\U00010000", "😀", "\ud800", "\udc00"]),
)
texts = st.text(characters, max_size=20)
# a name that ends in [] would compare as an array
keys = st.one_of(st.sampled_from(["a", "b", "a.b", "", "c"]), texts.filter(lambda key: not key.endswith("[]")))
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(10**40), 10**40),
    st.floats(allow_nan=False, allow_infinity=False),
    texts,
    st.sampled_from(["C:\\Windows\\System32\\cmd.exe", "true", "1", "{}", "same"]),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=4)),
    max_leaves=12,
)
objects = st.dictionaries(keys, values, max_size=6)


@st.composite
def lines_of_json(draw: st.DrawFn) -> list[bytes]:
    lines = []
    for value in draw(st.lists(objects, max_size=8)):
        ascii_only = draw(st.booleans())
        separators = draw(st.sampled_from([(",", ":"), (", ", ": "), (" ,\t", " :\n")]))
        text = json.dumps(value, ensure_ascii=ascii_only, separators=separators)
        try:
            line = text.encode()
        except UnicodeEncodeError:
            line = json.dumps(value, separators=separators).encode()
        lines.append(line + draw(st.sampled_from([b"", b"\n", b"\r\n", b"  "])))
    return lines


# -- what a record comes to -------------------------------------------------------------------------------------------


@RELAXED
@given(lines_of_json())
def test_columns_are_the_flattened_objects(lines: list[bytes]) -> None:
    records = good(*lines)
    assert [comparable(row) for row in rows(records)] == [flatten(line) for line in lines]
    assert [records.raw(i) for i in range(len(records))] == [line.strip() for line in lines]
    for name, column in records.columns():
        column.values.validate(full=True)
        held = column.values.to_pylist()
        assert len(set(held)) == len(held), f"{name}: a value twice"
        assert set(column.codes.tolist()) - {-1} == set(range(len(held))), f"{name}: a value no row has"
        assert column.codes.dtype == np.int32
        assert column.type == pa.string()


def test_every_kind_of_value() -> None:
    line = b'{"s":"x","n":-1.50e+3,"t":true,"f":false,"z":null,'
    line += b'"o":{"p":{"q":"r"},"e":{ }},"l":[ 1, {"a":[]} ],"u":"\\u00e9\\n"}'
    assert rows(good(line)) == [
        {
            "s": "x",
            "n": "-1.50e+3",
            "t": "true",
            "f": "false",
            "o.p.q": "r",
            "o.e": "{}",
            "l[]": '[ 1, {"a":[]} ]',
            "u": "é\n",
        }
    ]


def test_big_numbers_keep_every_digit() -> None:
    number = b"1234567890" * 30
    assert rows(good(b'{"a":' + number + b',"b":1e999,"c":-0}')) == [{"a": number.decode(), "b": "1e999", "c": "-0"}]


@pytest.mark.parametrize(
    ("line", "row"),
    [
        (b'{"a":1,"a":2}', {"a": "2"}),
        (b'{"a":1,"\\u0061":2}', {"a": "2"}),
        (b'{"a.b":1,"a":{"b":2}}', {"a.b": "2"}),
        (b'{"a":{"b":2},"a.b":1}', {"a.b": "1"}),
        (b'{"a":1,"a":null}', {"a": "1"}),
        (b'{"a[]":"x","a":[1]}', {"a[]": "[1]"}),
        (b'{"a":1,"a":{"b":2}}', {"a": "1", "a.b": "2"}),
        (b'{"":1,"b":{"":2}}', {"": "1", "b.": "2"}),
    ],
)
def test_of_members_with_one_name_the_last_wins(line: bytes, row: dict[str, str]) -> None:
    assert rows(good(line)) == [row]


def test_lone_surrogates_become_replacement_characters() -> None:
    line = b'{"a":"\\ud800x","b":["\\udfff","\\ud83d\\ude00"],"\\ud800":1,"c":"\\ud800\\ud83d\\ude00","d":"\\ud83d"}'
    records = good(line)
    assert rows(records) == [
        {"a": "\ufffdx", "b[]": '["\\ufffd","\\ud83d\\ude00"]', "\ufffd": "1", "c": "\ufffd😀", "d": "\ufffd"}
    ]
    assert records.raw(0) == line
    assert orjson.loads(rows(records)[0]["b[]"]) == ["\ufffd", "😀"]


def test_spellings_of_one_text_are_one_value() -> None:
    records = good(b'{"a":"A/b"}', b'{"a":"\\u0041/b"}', b'{"a":"\\u0041\\/b"}', b'{"a":1}', b'{"a":"1"}')
    column = records.column("a")
    assert column is not None
    assert column.values.to_pylist() == ["A/b", "1"]
    assert column.codes.tolist() == [0, 0, 0, 1, 1]


def test_blank_records_are_neither_good_nor_bad() -> None:
    records, bad = read([b"", b'{"a":1}', b"\r\n", b"{", b"\xef\xbb\xbf", b"{}"], first=10)
    assert records.record_index.tolist() == [1, 5]
    assert records.sequence.tolist() == [11, 15]
    assert records.received.tolist() == [11000, 15000]
    assert [one.record for one in bad] == [3]


def test_no_rows() -> None:
    records = good()
    assert len(records) == 0
    assert records.names == ()
    assert records.column("a") is None
    assert records.shapes[1] == []
    assert rows(good(b"{}")) == [{}]
    assert good(b"{}").shapes[1] == [frozenset()]


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, lambda data: np.frombuffer(data, np.uint8)])
def test_any_kind_of_buffer(kind: Any) -> None:
    line = b'{"a":1}'
    records, _ = tokenise([Piece(kind(line), np.array([0, 7]), np.array([1]), np.array([2]))], source="s", stream="t")
    assert rows(records) == [{"a": "1"}]


def test_values_do_not_follow_the_buffer() -> None:
    data = bytearray(b'{"a":"x"}')
    records, _ = tokenise([Piece(data, np.array([0, 9]), np.array([1]), np.array([2]))], source="s", stream="t")
    data[:] = b"?" * 9
    assert rows(records) == [{"a": "x"}]


@pytest.mark.parametrize("offsets", [[], [0, 8], [-1, 3], [3, 2], [0, 3, 7]])
def test_offsets_that_do_not_fit(offsets: list[int]) -> None:
    with pytest.raises(SourceMalformed):
        tokenise([Piece(b'{"a":1}', np.array(offsets, np.int64), np.array([1]), np.array([1]))], source="s", stream="t")


# -- views ------------------------------------------------------------------------------------------------------------


@RELAXED
@given(lines_of_json(), st.data())
def test_taking_rows(lines: list[bytes], data: st.DataObject) -> None:
    records = good(*lines)
    expected = rows(records) if data.draw(st.booleans()) else rows(good(*lines))
    chosen = data.draw(st.lists(st.integers(0, len(lines) - 1), max_size=12)) if lines else []
    taken = records.take(chosen)
    assert rows(taken) == [expected[i] for i in chosen]
    assert list(taken.names) == list(dict.fromkeys(taken.names))
    assert set(taken.names) == {name for i in chosen for name in expected[i]}
    assert taken.sequence.tolist() == chosen
    again = data.draw(st.lists(st.integers(0, len(chosen) - 1), max_size=6)) if chosen else []
    assert rows(taken.take(again)) == [expected[chosen[i]] for i in again]
    mask = np.array([i in chosen for i in range(len(lines))], np.bool_)
    assert rows(records.take(mask)) == [row for row, wanted in zip(expected, mask, strict=True) if wanted]


@RELAXED
@given(lines_of_json())
def test_shapes(lines: list[bytes]) -> None:
    records = good(*lines).rename({"a": "b"})
    codes, sets = records.shapes
    assert len(set(sets)) == len(sets)
    assert [sets[code] for code in codes] == [frozenset(row) for row in rows(records)]


@RELAXED
@given(lines_of_json(), st.dictionaries(keys, keys, max_size=4), st.data())
def test_renaming(lines: list[bytes], names: dict[str, str], data: st.DataObject) -> None:
    names = {whole(old): whole(new) for old, new in names.items()}
    records = good(*lines)
    before = rows(records)
    renamed = records.rename(names)
    after = rows(renamed)
    for old_row, new_row in zip(before, after, strict=True):
        assert set(new_row) == {names.get(name, name) for name in old_row}
        for new, text in new_row.items():
            if new in old_row and names.get(new, new) == new:
                assert text == old_row[new]
            else:
                assert text in {old_row[old] for old in old_row if names.get(old, old) == new}
    assert rows(records) == before
    assert rows(records.rename({})) == before
    chosen = data.draw(st.lists(st.integers(0, len(lines) - 1), max_size=5)) if lines else []
    assert rows(renamed.take(chosen)) == rows(records.take(chosen).rename(names)) == [after[i] for i in chosen]


def test_renaming_twice_follows_the_new_names() -> None:
    records = good(b'{"a":1,"b":2}').rename({"a": "x"}).rename({"x": "y", "a": "never"})
    assert rows(records) == [{"y": "1", "b": "2"}]


def test_renaming_onto_another_name_coalesces() -> None:
    records = good(b'{"a":1,"b":2}', b'{"b":3}', b'{"a":4}', b'{"c":5}').rename({"b": "a", "c": "a"})
    assert records.names == ("a",)
    column = records.column("a")
    assert column is not None
    assert column.to_pylist() == ["1", "3", "4", "5"]
    assert column.values.to_pylist() == ["1", "4", "3", "5"]


def test_columns_are_built_once() -> None:
    records = good(b'{"a":1}')
    assert records.column("a") is records.column("a")
    assert records.column("b") is None


def test_names_stand_in_the_order_of_their_first_appearance() -> None:
    assert good(b'{"z":1,"a":{"y":2}}', b'{"b":1,"z":3}').names == ("z", "a.y", "b")


def test_many_names_on_few_rows_need_no_matrix() -> None:
    lines = [json.dumps({f"name{i}": i, "same": "x"}).encode() for i in range(3000)]
    records = good(*lines)
    assert len(records.names) == 3001
    column = records.column("name2999")
    assert column is not None
    assert column.codes.tolist() == [-1] * 2999 + [0]
    assert column.values.to_pylist() == ["2999"]
    assert sum(row["same"] == "x" for row in rows(records.take(np.arange(2900, 3000)))) == 100


# -- fingerprints -----------------------------------------------------------------------------------------------------


def fingerprint(data: bytes) -> list[int]:
    """The definition: 128 bits of state, sixteen bytes a step, the last step padded with zeros."""
    word = 2**64 - 1
    f0, f1, f2, f3 = 0xFBF8FDFAFEF9FFFC, 0xF9FFFBFCF8FEFAFD, 0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93

    def fold(left: int, right: int) -> int:
        return ((left * right) & word) ^ ((left * right) >> 64)

    a, b = f2 ^ len(data), (f3 + len(data)) & word
    for at in range(0, len(data) // 16 * 16 + 1, 16):
        step = data[at : at + 16].ljust(16, b"\0")
        v, w = int.from_bytes(step[:8], "little"), int.from_bytes(step[8:], "little")
        a, b = (fold(v ^ f0, w ^ a) + b) & word, (fold(w ^ f1, v ^ b) + a) & word
    return [fold(a ^ f2, b ^ f1), fold(b ^ f3, a ^ f0)]


def test_the_fingerprint_is_part_of_the_format() -> None:
    """These numbers name records in lakes that exist: they may never change."""
    records = good(b'{"a":1}', b'{"message":"seventeen or more bytes","n":2}', b"{}")
    assert [[f"{word:016x}" for word in pair] for pair in records.fingerprint.tolist()] == [
        ["8a878b7e96a44fe3", "082e2fb2db88d92a"],
        ["6ce6042ccaba59af", "d9367b4ac6e626ee"],
        ["df62192d811c56cf", "c65e930d7cbeeae4"],
    ]


def test_the_fingerprint_follows_its_definition() -> None:
    lines = [b'{"a":"' + bytes(97 + (i * j) % 26 for j in range(i)) + b'"}' for i in range(80)]
    assert good(*lines).fingerprint.tolist() == [fingerprint(line) for line in lines]


@RELAXED
@given(st.lists(objects, max_size=20))
def test_fingerprints_follow_content(values: list[dict[str, Any]]) -> None:
    lines = [json.dumps(value).encode() for value in values]
    records, again = good(*lines), good(*[b" \xef\xbb\xbf " + line + b"\r\n" for line in reversed(lines)])
    prints = [tuple(pair) for pair in records.fingerprint.tolist()]
    assert prints == [tuple(pair) for pair in again.fingerprint.tolist()][::-1]
    assert len(set(prints)) == len(set(lines))


def test_one_bit_changes_both_words() -> None:
    line = bytearray(b'{"a":"' + b"x" * 60 + b'"}')
    seen = [set[int](), set[int]()]
    for at in range(6, 66):
        for letter in b"yz":
            changed = line.copy()
            changed[at] = letter
            for word, pair in zip(seen, good(bytes(changed)).fingerprint[0].tolist(), strict=True):
                word.add(pair)
    assert [len(word) for word in seen] == [120, 120]


# -- room -------------------------------------------------------------------------------------------------------------


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_tables_grow_in_the_middle_of_a_block(seed: int) -> None:
    random = np.random.default_rng(seed)
    expected = [
        {
            f"k{random.integers(900)}\n{i % 7}": f"v{random.integers(10**6)}" + "\\" * int(random.integers(3))
            for i in range(40)
        }
        for _ in range(300)
    ]
    records = good(*[orjson.dumps(row) for row in expected])
    assert rows(records) == expected


ODD = (
    b'{"a":"x","b":{"c":1,"d":"x"}}', b'{"a":"x\\ny","b":{"c":"x"}}', b'{"\\u0061":"x\\u000ay","e":[1,{"f":"x"}]}',
    b'{"a":1,"a":"x","b":{}}', b'{"b.c":"x","b":{"c":"y"}}', b'{"a":"\xff"}', b"{", b"", b'{"g":"\\ud800"}', b"[1]",
    b'{"long":"' + b"z" * 90 + b'"}', b'{"a":null,"h":true}', b'{"nobody":"else has this"}',
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(lines=st.lists(st.sampled_from(ODD), min_size=1, max_size=30), cuts=st.sets(st.integers(0, 30)),
       size=st.sampled_from([1, 40, 200, 4 << 20]))  # fmt: skip
def test_pieces_do_not_matter(lines: list[bytes], cuts: set[int], size: int) -> None:
    def piece(first: int, stop: int) -> Piece:
        numbers = np.arange(first, stop, dtype=np.int64)
        ends = np.cumsum([0, *(len(line) for line in lines[first:stop])], dtype=np.int64)
        return Piece(b"".join(lines[first:stop]), ends, numbers + 1, numbers + 1000)

    edges = sorted({0, len(lines), *(cut for cut in cuts if cut < len(lines))})
    before = module.PIECE
    module.PIECE = size
    try:
        made, bad = tokenise([piece(a, b) for a, b in itertools.pairwise(edges)], source="s", stream="t")
    finally:
        module.PIECE = before
    whole, wrong = tokenise([piece(0, len(lines))], source="s", stream="t")
    assert rows(made) == rows(whole) and made.names == whole.names and bad == wrong
    assert [made.raw(i) for i in range(made.rows)] == [whole.raw(i) for i in range(whole.rows)]
    for name in ("fingerprint", "sequence", "received", "record_index"):
        assert getattr(made, name).tolist() == getattr(whole, name).tolist()
    codes, sets = made.shapes
    wanted, names = whole.shapes
    assert [sets[code] for code in codes] == [names[code] for code in wanted]
    back = np.arange(made.rows)[::-1]
    assert rows(made.take(back)) == rows(whole.take(back))


def test_tables_survive_hashes_that_all_collide(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a seed of zeros much collides on purpose of nobody; the bytes are compared all the same."""
    size = len(module._seeds())
    monkeypatch.setattr(module, "_seeds", lambda: np.zeros(size, np.uint64))
    expected = [{f"k{i % 50}": f"v{i}", "same\n": str(i % 3)} for i in range(2000)]
    assert rows(good(*[orjson.dumps(row) for row in expected])) == expected


def test_little_endian() -> None:
    assert sys.byteorder == "little", "the kernels load words: a big-endian machine would give other fingerprints"


def test_columns_a_normalisation_has_made_follow_every_view() -> None:
    records = good(b'{"a":"1","b":"x"}', b'{"a":"2"}', b'{"a":"3","b":"z"}')
    made = records.with_columns({"b": Column.of(["p", None, None]), "c": Column.of([None, "q", "r"])})
    assert rows(made) == [{"a": "1", "b": "p"}, {"a": "2", "c": "q"}, {"a": "3", "c": "r"}]
    assert rows(made.take([2, 1]).rename({"c": "d"})) == [{"a": "3", "d": "r"}, {"a": "2", "d": "q"}]
    assert made.take([2]).names == ("a", "c") and made.take([2]).column("b") is None
    assert rows(records) == [{"a": "1", "b": "x"}, {"a": "2"}, {"a": "3", "b": "z"}]
    assert made.raw(0) == records.raw(0) and made.fingerprint.tolist() == records.fingerprint.tolist()
