"""Columns grow, types stay, no value is lost."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watchfloor.store.shape import DIVERTED, canonical, fitted, settled


def grow(*batches: pa.Table) -> tuple[pa.Schema, list[list[dict[str, Any]]]]:
    schema, rows = None, []
    for batch in batches:
        schema = settled(schema, batch.schema)
        rows.append(fitted(batch, schema).to_pylist())
    return schema, rows


@pytest.mark.parametrize(
    ("first", "second", "kept", "diverted"),
    [
        ([1], [2.0, 2.5, None], [2, None, None], [None, "2.5", None]),
        ([1], ["7", "x", "007"], [7, None, None], [None, "x", "007"]),
        ([1.5], ["2.5", "1e3"], [2.5, None], [None, "1e3"]),
        ([1.5], [2**60 + 1], [None], [str(2**60 + 1)]),
        ([1.5], [2, 3], [2.0, 3.0], None),
        (["a"], [1, None], ["1", None], None),
        (["a"], [True, False], ["true", "false"], None),
        (["a"], [1.5], ["1.5"], None),
        ([True], ["TRUE", "no"], [True, None], [None, "no"]),
        ([1], [{"a": 1}], None, ['{"a": 1}']),
        ([{"a": 1}], ["x"], None, ["x"]),
        (["a"], [["x", "y"]], None, ['["x", "y"]']),
        ([[1]], [["x"]], None, ['["x"]']),
        ([b"\xff"], ["é"], ["é".encode()], None),
        (["a"], [b"\xff"], ["ff"], None),
    ],
)
def test_a_type_that_changes(
    first: list[Any], second: list[Any], kept: list[Any] | None, diverted: list[Any] | None
) -> None:
    schema, (_, rows) = grow(pa.table({"x": first}), pa.table({"x": second}))
    assert schema.field("x").type == canonical(pa.array(first).type)
    assert (rows[0].get("x", "absent") == "absent") == (kept is None)
    if kept is not None:
        assert [row["x"] for row in rows] == kept
    assert [row.get("x" + DIVERTED) for row in rows] == (diverted or [None] * len(rows))


def test_inside_structs_and_lists() -> None:
    one = pa.table({"a": [{"b": {"c": 1}}, None], "l": [[{"n": 1}], None]})
    two = pa.table({"a": [None, {"b": {"c": "x", "d": "new"}}], "l": [[], [{"n": "x", "m": 2}, None]]})
    schema, (_, rows) = grow(one, two)
    assert rows[0] == {"a": None, "l": []}
    assert rows[1]["a"]["b"] == {"c": None, "c" + DIVERTED: "x", "d": "new"}
    assert rows[1]["l"] == [{"n": None, "n" + DIVERTED: "x", "m": 2}, None]
    assert settled(schema, two.schema).equals(schema), "the same batch brings nothing new"


def test_what_holds_nothing_makes_no_column() -> None:
    table = pa.table({"n": pa.nulls(2), "e": pa.array([{}, {}], pa.struct([])), "l": pa.array([[], []]), "x": [1, 2]})
    schema, (rows,) = grow(table)
    assert schema.names == ["x"]
    assert rows == [{"x": 1}, {"x": 2}]


def test_what_fits_is_passed_on_untouched() -> None:
    column = pa.chunked_array([pa.array(["a", "b"]).dictionary_encode()])
    table = pa.table({"s": column})
    assert fitted(table, settled(None, table.schema))["s"].chunk(0).indices.equals(column.chunk(0).indices)


def test_odd_types_become_ours() -> None:
    table = pa.table(
        {
            "i": pa.array([1], pa.uint8()),
            "f": pa.array([1.5], pa.float32()),
            "s": pa.array(["x"], pa.large_string()),
            "b": pa.array([b"x"], pa.large_binary()),
            "m": pa.array([[("k", "v")]], pa.map_(pa.string(), pa.dictionary(pa.int32(), pa.string()))),
        }
    )
    schema, (rows,) = grow(table)
    assert schema.types == [pa.int64(), pa.float64(), pa.string(), pa.binary(), pa.map_(pa.string(), pa.string())]
    assert rows == [{"i": 1, "f": 1.5, "s": "x", "b": b"x", "m": [("k", "v")]}]


scalars = st.one_of(
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=3),
    st.lists(st.text(max_size=4), min_size=1, max_size=3),
    st.lists(st.floats(allow_nan=False), min_size=1, max_size=3),
    st.lists(st.booleans(), min_size=1, max_size=3),
    st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=2), min_size=1, max_size=3),
    st.lists(st.fixed_dictionaries({"a": st.integers(0, 3)}), min_size=1, max_size=3),
)


@settings(deadline=None)
@given(st.lists(scalars, min_size=1, max_size=5))
def test_no_sequence_of_types_fails_or_loses_a_value(batches: list[list[Any]]) -> None:
    schema, rows = grow(*(pa.table({"x": batch}) for batch in batches))
    for batch, got in zip(batches, rows, strict=True):
        assert len(got) == len(batch)
        for row in got:
            assert (row.get("x") is None) != (row.get("x" + DIVERTED) is None)
    assert set(schema.names) <= {"x", "x" + DIVERTED}
