"""Columns that are made when somebody looks.

    Column    codes, values
    Waiting   rows, type, how to make it         codes and values are made by the first who looks at them

Rules ask for few of an event's columns. What is known of a column beforehand (how many rows, which type, that a row has
a value) is enough to pass it on, to join it and to say what follows from it; what nobody looks at costs a microsecond.
Only what cannot fail waits: a mapping that raises must raise while its records can still be set aside.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from watchfloor.ocsf.column import Codes, Column, Mask, Test, one_type

__all__ = ["Waiting", "holding", "joined"]


class Waiting(Column):
    """A column that the first who looks at its codes or values makes.

    Args:
        rows: how many rows it has.
        type: of its values.
        make: makes it, and cannot fail.
        some: it is known that a row has a value.
        every: it is known that every row has one.
        holds: may one of its texts pass a test? None when nobody knows.
    """

    __slots__ = ("_every", "_holds", "_kind", "_made", "_make", "_rows", "_some")

    waits = True

    _rows: int
    _kind: pa.DataType
    _make: Callable[[], Column] | None
    _made: Column | None
    _some: bool
    _every: bool
    _holds: Callable[[Test], bool] | None

    def __init__(
        self,
        rows: int,
        type: pa.DataType,
        make: Callable[[], Column],
        *,
        some: bool = False,
        every: bool = False,
        holds: Callable[[Test], bool] | None = None,
    ) -> None:
        put = object.__setattr__
        put(self, "_rows", rows)
        put(self, "_kind", type)
        put(self, "_make", make)
        put(self, "_made", None)
        put(self, "_some", (some or every) and rows > 0)
        put(self, "_every", every)
        put(self, "_holds", holds)

    @classmethod
    def constant(cls, value: Any, rows: int, type: pa.DataType | None = None) -> Column:
        """As of any column, of a value that Arrow is known to take."""
        kind = type or one_type([value])
        if kind is None or pa.types.is_null(kind):
            return Column.constant(value, rows, type)
        holds = partial(holding, own=(value,)) if isinstance(value, str) else None
        return cls(rows, kind, lambda: Column.constant(value, rows, kind), every=True, holds=holds)

    def _column(self) -> Column:
        made = self._made
        if made is None:
            assert self._make is not None
            made = self._make().settled()
            if made.type != self._kind:  # no row has a value
                made = Column.missing(self._rows, self._kind)
            object.__setattr__(self, "_made", made)
            object.__setattr__(self, "_make", None)
        return made

    @property
    def codes(self) -> Codes:
        """As of any column."""
        return self._column().codes

    @property
    def values(self) -> pa.Array:
        """As of any column."""
        return self._column().values

    @property
    def _bounds(self) -> list[int]:
        return self._column()._bounds

    def __len__(self) -> int:
        return self._rows

    @property
    def type(self) -> pa.DataType:
        """As of any column."""
        return self._kind

    @property
    def all_missing(self) -> bool:
        """As of any column."""
        return not self._some and self._column().all_missing

    @property
    def known_missing(self) -> bool:
        """As of any column."""
        return self._rows == 0 or (self._made is not None and self.all_missing)

    @property
    def everywhere(self) -> bool:
        """As of any column."""
        return self._every or self._column().everywhere

    def known(self) -> tuple[bool, bool]:
        """As of any column."""
        return self._some, self._every

    def may_hold(self, test: Test) -> bool:
        """As of any column."""
        return self._holds is None or self._holds(test)

    def settled(self) -> Column:
        """As of any column."""
        return self._column()

    def later(
        self,
        function: Callable[[Column], Column],
        type: pa.DataType,
        *,
        parts: bool = False,
        own: tuple[str, ...] = (),
    ) -> Column:
        """As of any column."""
        holds = self._holds if parts else None
        if own and holds is not None:
            holds = partial(_either, holds, own)
        return Waiting(self._rows, type, lambda: function(self._column()), holds=holds)

    def take(self, rows: npt.NDArray[np.integer[Any]] | Sequence[int]) -> Column:
        """As of any column."""
        index = np.asarray(rows)
        count = int(np.count_nonzero(index)) if index.dtype == np.bool_ else len(index)
        return Waiting(count, self._kind, lambda: self._column().take(index), every=self._every, holds=self._holds)

    def where(self, mask: Mask) -> Column:
        """As of any column."""
        return self.later(lambda column: column.where(mask), self._kind, parts=True)

    def first(self, columns: Sequence[Column]) -> Column:
        """As `coalesce`, of columns of which some wait."""
        told = [column for column in columns if not column.known_missing]
        if len(told) < 2 or told[0].known()[1]:
            return told[0] if told else columns[0]
        if len({column.type for column in told}) > 1:
            return Column.first(self, columns)
        known = [column.known() for column in told]
        return Waiting(
            len(told[0]), told[0].type, lambda: Column.first(self, told), some=any(some for some, _ in known),
            every=any(every for _, every in known), holds=partial(_any, told),
        )  # fmt: skip

    def compact(self) -> Column:
        """As of any column."""
        return self._alike(Column.compact)

    def distinct(self) -> Column:
        """As of any column."""
        return self._alike(Column.distinct)

    def _alike(self, function: Callable[[Column], Column]) -> Column:
        """The same in every row, in another shape."""
        return Waiting(
            self._rows, self._kind, lambda: function(self._column()),
            some=self._some, every=self._every, holds=self._holds,
        )  # fmt: skip


@lru_cache(maxsize=4096)
def holding(test: Test, own: tuple[str, ...]) -> bool:
    """May one of some texts pass a test?"""
    return bool(np.any(test(pa.array(own, pa.string()))))


def _any(columns: Sequence[Column], test: Test) -> bool:
    for column in columns:  # noqa: SIM110 - asked thousands of times a batch
        if column.may_hold(test):
            return True
    return False


def _either(holds: Callable[[Test], bool], own: tuple[str, ...], test: Test) -> bool:
    return holds(test) or holding(test, own)


def joined(parts: Sequence[tuple[int, Column]], rows: int) -> Column:
    """As `Column.joined`, made when somebody looks."""
    if len(parts) == 1 and len(parts[0][1]) == rows:
        return parts[0][1]
    known = [column.known() for _, column in parts]
    return Waiting(
        rows, parts[0][1].type, lambda: Column.joined(parts, rows), some=any(some for some, _ in known),
        every=all(every for _, every in known) and sum(len(column) for _, column in parts) == rows,
        holds=partial(_any, [column for _, column in parts]),
    )  # fmt: skip
