"""Events that are not built: what a rule asks of them is made when it is asked, and the rest never.

    records --map--> attributes --derive--> columns      most of them wait (`ocsf.column.Waiting`)
                 \\--> what nobody took         left       a name and where it is; a column only when somebody asks
                                               uid        only of events a rule matched

Most columns are asked for by no rule; most events match none. Whoever writes events down needs all of them and builds
them (`ocsf.events`); whoever only wants findings does not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from watchfloor.collect.records import Records
from watchfloor.ocsf import uid
from watchfloor.ocsf.column import Column, Test, is_number
from watchfloor.ocsf.events import UNIQUE, Events

__all__ = ["Draft", "Left"]


@dataclass(frozen=True, slots=True)
class Left:
    """What nobody took of some records, under one name."""

    records: Records
    name: str

    def column(self) -> Column:
        """The column itself."""
        column = self.records.column(self.name)
        return Column.missing(self.records.rows) if column is None else column

    def may_hold(self, test: Test) -> bool:
        """May one of its texts pass a test?"""
        return self.name in self.records.may_hold(test)


class Draft:
    """Events of one class, to be asked as `Events` are: `column` and `pick` give what theirs would give.

    Args:
        class_name: OCSF class name.
        columns: what is made of them, in the types of the schema.
        left: per column that nobody has made yet its parts: (first row, column or where to find it) each.
        records: the records they come from, row by row.
    """

    def __init__(
        self,
        class_name: str,
        columns: dict[str, Column],
        left: Mapping[str, Sequence[tuple[int, Column | Left]]],
        records: Records,
    ) -> None:
        self.class_name = class_name
        self.names = tuple(sorted({*columns, *left, UNIQUE}))
        self._columns, self._left, self._records = columns, left, records

    def __len__(self) -> int:
        return self._records.rows

    def column(self, name: str) -> Column | None:
        """The column of that dotted name; None when no row has a value."""
        column = self._columns.get(name)
        if column is None:
            if name == UNIQUE:
                column = self._uids(np.arange(len(self)))
            elif name in self._left:
                held = [(start, one if isinstance(one, Column) else one.column()) for start, one in self._left[name]]
                column = Column.joined(held, len(self))
            else:
                return None
            self._columns[name] = column
        return None if column.all_missing else column

    def may_hold(self, test: Test | None) -> Collection[str]:
        """The columns of which a text may pass a test (None: any may); others' certainly do not."""
        held = {name: column for name, column in self._columns.items() if not is_number(column.type)}
        if test is None:
            return {*held, *self._left}
        found = {name for name, column in held.items() if column.may_hold(test)}
        for name, parts in self._left.items():
            for _, one in parts:
                if one.may_hold(test):
                    found.add(name)
                    break
        return found

    def pick(self, rows: npt.NDArray[np.int64], names: Iterable[str] | None = None) -> Events:
        """A few rows as events, and of these only the named columns where names are given."""
        picked: dict[str, Column] = {}
        for name in self.names if names is None else names:
            column = self._uids(rows) if name == UNIQUE else self.column(name)
            if column is not None:
                picked[name] = column if name == UNIQUE else column.pick(rows)
        return Events.of_fitted(
            self.class_name, {name: column for name, column in picked.items() if not column.all_missing}
        )

    def take(self, rows: npt.NDArray[np.integer[Any]] | Sequence[int]) -> Events:
        """The given rows as events, whole."""
        return self.pick(np.asarray(rows, np.int64))

    def _uids(self, rows: npt.NDArray[np.int64]) -> Column:
        records = self._records
        return uid.event_uids(records.fingerprint[rows], records.source, records.sequence[rows])
