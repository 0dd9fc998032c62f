"""Column: whatever is done to distinct values is the same as doing it row by row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from watchfloor.ocsf.column import Column

TEXTS = st.lists(st.none() | st.sampled_from(["", "a", "A", "b", "é", "0x10", "7", "-3", "x" * 50]), max_size=30)


def _of(values: list[str | None]) -> Column:
    return Column.of(values, pa.string())


@given(TEXTS)
def test_in_and_out(values: list[str | None]) -> None:
    column = _of(values)
    assert column.to_pylist() == column.to_arrow().to_pylist() == column.plain().to_pylist() == values
    assert Column.from_arrow(column.to_arrow()).to_pylist() == values
    assert Column.from_arrow(pa.chunked_array([pa.array(values, pa.string())] * 2)).to_pylist() == values * 2
    assert column.present.tolist() == [value is not None for value in values]
    assert column.all_missing == all(value is None for value in values)


@given(TEXTS)
def test_a_function_runs_once_per_distinct_value(values: list[str | None]) -> None:
    calls: list[str] = []

    def upper(value: str) -> str | None:
        calls.append(value)
        return value.upper() if value != "b" else None

    mapped = _of(values).map(upper, pa.string())
    assert mapped.to_pylist() == [None if value in (None, "b") else str(value).upper() for value in values]
    assert len(calls) == len({value for value in values if value is not None})
    assert mapped.distinct().to_pylist() == mapped.to_pylist()
    assert len(set(mapped.distinct().values.to_pylist())) == len(mapped.distinct().values)


@given(TEXTS, st.data())
def test_rows(values: list[str | None], data: st.DataObject) -> None:
    column = _of(values)
    if values:
        rows = data.draw(st.lists(st.integers(0, len(values) - 1)))
        taken = column.take(np.array(rows, np.int64))
        assert taken.to_pylist() == [values[row] for row in rows] == taken.compact().to_pylist()
        assert set(taken.compact().values.to_pylist()) == {values[row] for row in rows} - {None}
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=len(values), max_size=len(values))), np.bool_)
    assert column.where(mask).to_pylist() == [v if keep else None for v, keep in zip(values, mask, strict=True)]


@given(TEXTS, st.data())
def test_two_and_more(left: list[str | None], data: st.DataObject) -> None:
    same = st.lists(st.none() | st.sampled_from("abz"), min_size=len(left), max_size=len(left))
    middle, right = data.draw(same), data.draw(same)
    joined = _of(left).coalesce(_of(middle), _of(right)).to_pylist()
    assert joined == [next((v for v in row if v is not None), None) for row in zip(left, middle, right, strict=True)]
    seen: list[tuple[Any, Any]] = []

    def both(one: Any, two: Any) -> str | None:
        seen.append((one, two))
        return None if one is None else f"{one}/{two}"

    zipped = _of(left).zip(_of(right), both, pa.string())
    assert zipped.to_pylist() == [None if a is None else f"{a}/{b}" for a, b in zip(left, right, strict=True)]
    assert len(seen) == len(set(seen)), "once per distinct pair"
    size = len(left)
    places = [(0, _of(left)), (size, _of(middle)), (2 * size + 2, _of(right))]
    assert Column.joined(places, 3 * size + 3).to_pylist() == [*left, *middle, None, None, *right, None]


@given(TEXTS)
def test_numbers_and_text(values: list[str | None]) -> None:
    table = {"0x10": 16, "7": 7, "-3": -3}
    numbers = _of(values).integer()
    assert numbers.to_pylist() == [table.get(value or "") for value in values]
    assert numbers.text().to_pylist() == [None if n is None else str(n) for n in numbers.to_pylist()]


def test_numbers_that_are_too_large_are_no_numbers() -> None:
    assert _of([str(2**63), str(-(2**63)), "9" * 5000, "1.5", "١"]).integer().to_pylist()[:4] == [
        None, -(2**63), None, None,
    ]  # fmt: skip


def test_constants_and_nested_values() -> None:
    assert Column.constant("x", 3).to_pylist() == ["x"] * 3 and Column.constant(None, 2).to_pylist() == [None] * 2
    assert Column.constant(True, 1).text().to_pylist() == ["true"]
    nested = [[{"a": 1}], None, [{"a": 1}]]
    column = Column.of(nested)
    assert column.to_pylist() == nested and column.take([2, 1]).to_pylist() == [[{"a": 1}], None]
    assert Column.of([None, None]).all_missing and Column.constant("x", 0).all_missing
    assert _of(["a", "-", "b"]).without("-").to_pylist() == ["a", None, "b"]
    assert _of(["a", "b"]).replace({"a": 1}, 99).to_pylist() == [1, 99]
