"""Columns that wait: whatever is done to one is what is done to a column that is made, and only looking makes it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchfloor.ocsf.column import Column, Mask
from watchfloor.ocsf.waiting import Waiting, joined

VALUES = st.none() | st.sampled_from(["", "-", "a", "b", "7", "0x10", "mimikatz", "é"])
TEXTS = st.lists(VALUES, max_size=12)


def _made(values: list[str | None]) -> Column:
    return Column.of(values, pa.string())


def _waiting(values: list[str | None]) -> Waiting:
    column = _made(values)
    return Waiting(
        len(values), pa.string(), lambda: column, some=not column.all_missing, every=None not in values,
        holds=lambda test: bool(np.any(test(column.values))),
    )  # fmt: skip


def _first_letter(column: Column) -> Column:
    return column.map(lambda text: text[:1] or None, pa.string())


CHANGES: list[Callable[[Column], Column]] = [
    lambda column: column.take(np.arange(len(column))[::-1]),
    lambda column: column.take(np.arange(len(column)) % 2 == 0),
    lambda column: column.where(np.arange(len(column)) % 3 == 0),
    Column.compact,
    Column.distinct,
    Column.integer,
    Column.text,
    lambda column: column.integer().text(),
    lambda column: column.without("-", ""),
    lambda column: column.later(_first_letter, pa.string(), parts=True),
    lambda column: column.map(lambda text: text + "!", pa.string()),
    lambda column: column.coalesce(Column.constant("x", len(column))),
    lambda column: column.zip(column, lambda one, two: f"{one}{two}", pa.string()),
]


@given(TEXTS, st.lists(st.sampled_from(range(len(CHANGES))), max_size=3))
def test_it_is_the_column_that_is_made_at_once(values: list[str | None], changes: list[int]) -> None:
    one, other = _made(values), _waiting(values)
    for number in changes:
        if pa.types.is_string(one.type):
            one, other = CHANGES[number](one), CHANGES[number](other)  # type: ignore[assignment]
        said = other.known()
        assert not said[0] or not one.all_missing
        assert not said[1] or one.everywhere
        assert not other.known_missing or one.all_missing
    assert len(other) == len(one) and other.type == one.type
    assert other.settled().to_pylist() == other.to_pylist() == one.to_pylist()
    assert other.all_missing == one.all_missing and other.everywhere == one.everywhere
    assert not other.settled().waits


@given(TEXTS, st.data())
def test_several_come_to_one(values: list[str | None], data: st.DataObject) -> None:
    same = st.lists(VALUES, min_size=len(values), max_size=len(values))
    columns = [values, data.draw(same), data.draw(same)]
    made = [_made(one) for one in columns]
    mixed = [data.draw(st.sampled_from([_made, _waiting]))(one) for one in columns]
    assert mixed[0].coalesce(*mixed[1:]).to_pylist() == made[0].coalesce(*made[1:]).to_pylist()
    size = len(values)
    places, others = [[(i * size, one) for i, one in enumerate(some)] for some in (made, mixed)]
    found = joined(others, 3 * size + 1)
    assert len(found) == 3 * size + 1 and found.to_pylist() == Column.joined(places, 3 * size + 1).to_pylist()


@given(TEXTS, st.sampled_from(range(len(CHANGES))), st.sampled_from(["a", "mimi", "7", "x"]))
def test_what_may_hold_a_text_says_so(values: list[str | None], number: int, wanted: str) -> None:
    def test(texts: pa.StringArray) -> Mask:
        return np.asarray(pc.match_substring(texts, wanted).to_numpy(zero_copy_only=False), np.bool_)

    column = CHANGES[number](_waiting(values))
    if pa.types.is_string(column.type):
        column = column.coalesce(column)
        assert column.may_hold(test) or not any(wanted in (text or "") for text in column.to_pylist())


def test_only_looking_makes_it() -> None:
    def refuse() -> Column:
        raise AssertionError("nobody looked")

    column = Waiting(3, pa.string(), refuse, some=True)
    later = column.without("-").take(np.array([0, 2])).integer().coalesce(Column.missing(2, pa.int64()))
    constant = joined([(0, column), (3, Waiting.constant("x", 2))], 5)
    assert (len(later), later.type, len(constant), constant.type) == (2, pa.int64(), 5, pa.string())
    assert not column.all_missing and not later.known_missing and constant.known() == (True, False)
    with pytest.raises(AssertionError, match="nobody looked"):
        later.to_pylist()
    assert Waiting(2, pa.int64(), lambda: Column.missing(2)).type == pa.int64()
    assert Waiting(2, pa.int64(), lambda: Column.missing(2)).values.type == pa.int64()
