"""The history: statements go in; out comes, for many rows at once, what was true at their times, as known when.

    statements ----fold----> per kind: intervals that do not overlap ----search----> value, since, confidence per row

Folding happens per entity, and only for entities about which something new was said: the bulk stays compiled, what was
touched since lies in a small overlay that is asked from the moment on from which it differs, and now and then becomes
part of the bulk. Of many-valued kinds each value is a kind of its own, and "any of them" is one more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from watchfloor.ocsf.column import MISSING, Column
from watchfloor.world.entities import FOREVER, LONG_AGO
from watchfloor.world.interval import ANY, Interval, Statement, folded, parts

__all__ = ["ANY", "SCHEMA", "AsOf", "History", "Interval", "Intervals", "Statement", "folded", "statements_table"]

SCHEMA = pa.schema(
    [
        pa.field("entity", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("value", pa.string(), nullable=False),
        pa.field("valid_from", pa.int64(), nullable=False),
        pa.field("valid_to", pa.int64(), nullable=False),
        pa.field("known_from", pa.int64(), nullable=False),
        pa.field("sequence", pa.int64(), nullable=False),
        pa.field("confidence", pa.int8(), nullable=False),
        pa.field("source", pa.string()),
        pa.field("because", pa.string()),
    ]
)
"""Columns of a table of statements. Times are UTC epoch milliseconds; an open end is `entities.FOREVER`. `because` is
the uid of the event, or file and line, that said so."""

Numbers = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]

MERGE_AT, LARGEST = 8, 100_000
"""The overlay becomes part of the bulk when it has grown to this part (1/8) of it, or to so many intervals."""


@dataclass(frozen=True, slots=True)
class AsOf:
    """Per row, what held.

    Args:
        value: missing where nothing was known.
        since: start of the interval, UTC epoch milliseconds; 0 where nothing was known.
        moment: what the value's age counts from.
        confidence: 0 to 100.
        found: rows for which something was known.
    """

    value: Column
    since: Numbers
    moment: Numbers
    confidence: npt.NDArray[np.int8]
    found: npt.NDArray[np.bool_]


class History:
    """Statements and what follows from them."""

    def __init__(self) -> None:
        self._said: dict[tuple[str, str], set[Statement]] = defaultdict(set)
        self._numbers: dict[str, int] = {}
        self._kinds: dict[tuple[str, str], _Kind] = {}
        self._past: dict[tuple[str, str, int], _Kind] = {}
        self._stated: dict[str, npt.NDArray[np.bool_]] = {}
        self._looked_up: list[tuple[pa.Array, int, Codes]] = []

    def __len__(self) -> int:
        return sum(len(said) for said in self._said.values())

    def add(self, statements: Iterable[Statement]) -> int:
        """More statements; gives how many were new. Those known already change nothing."""
        new = 0
        touched: dict[tuple[str, str], None] = {}
        for one in statements:
            said = self._said[one.kind, one.entity]
            if one not in said:
                said.add(one)
                touched[one.kind, one.entity] = None
                new += 1
        for kind, entity in touched:
            for value, intervals in parts(kind, self._said[kind, entity]):
                self.replace(kind, entity, intervals, value=value)
        if new:
            self._past.clear()
            self._stated.clear()
        return new

    def replace(
        self, kind: str, entity: str, intervals: Sequence[Interval], *, since: int = LONG_AGO, value: str = ""
    ) -> None:
        """What is believed of an entity from now on, where something else than statements says so (presence).

        Args:
            intervals: in order of time, not overlapping, none of them before `since`.
            since: what was believed of the time before stays; UTC epoch milliseconds.
            value: of a many-valued kind, which value holds then.
        """
        self._of(kind, value).replace(self._number(entity), intervals, since)

    def load(
        self, kind: str, entities: Sequence[str], values: Sequence[str], intervals: Intervals, *, value: str = ""
    ) -> None:
        """What is believed of many entities at once, where something else than statements says so.

        Replaces all that was believed of this kind.

        Args:
            entities: uids; `intervals.entity` are positions among them.
            values: `intervals.value` are positions among them.
            value: of a many-valued kind, which value holds then, or `ANY`.

        Raises:
            ValueError: intervals of one entity overlap, or one is empty.
        """
        numbers = np.array([self._number(uid) for uid in entities], np.int32)
        placed = intervals._replace(entity=numbers[intervals.entity])
        self._kinds[kind, value] = _Kind(values, _Compiled.sorted(len(self._numbers), placed))

    def intervals(self, kind: str, entity: str, value: str = "") -> Sequence[Interval]:
        """What is believed of one entity, in order of time; of a many-valued kind of one value."""
        known, number = self._kinds.get((kind, value)), self._numbers.get(entity)
        return () if known is None or number is None else known.intervals(number)

    def knows(self, kind: str) -> bool:
        """Whether anything was ever believed of this kind (that is not many-valued), of anybody."""
        return (kind, "") in self._kinds

    def values(self, kind: str, entity: str) -> list[str]:
        """Values ever stated of an entity."""
        return sorted({one.value for one in self._said.get((kind, entity), ())})

    def stated(self, kind: str, entity: Column) -> npt.NDArray[np.bool_]:
        """Rows about whose entity anything of that kind was ever stated. Shape (rows,)."""
        flags = self._stated.get(kind)
        if flags is None or len(flags) != len(self._numbers) + 1:
            flags = self._stated[kind] = np.zeros(len(self._numbers) + 1, np.bool_)
            flags[[self._numbers[uid] for name, uid in self._said if name == kind]] = True
        return flags[self._look_up(entity)][entity.codes]

    def as_of(self, kind: str, entity: Column, times: Numbers, *, known_at: int | None = None) -> AsOf:
        """What was true of each row's entity at the row's time.

        Args:
            kind: a kind that is not many-valued.
            entity: uids. Shape (rows,).
            times: UTC epoch milliseconds. Shape (rows,).
            known_at: as known at this moment, UTC epoch milliseconds; None: as known now.
        """
        return self.holds(kind, entity, "", times, known_at=known_at)

    def holds(self, kind: str, entity: Column, value: str, times: Numbers, *, known_at: int | None = None) -> AsOf:
        """As `as_of`, of one value of a many-valued kind."""
        asked = self._kinds.get((kind, value), NONE) if known_at is None else self._as_known(kind, value, known_at)
        return asked.as_of(self._look_up(entity), entity.codes, times)

    def any(self, kind: str, entity: Column, times: Numbers, *, known_at: int | None = None) -> AsOf:
        """As `as_of`, of a many-valued kind: whether any value holds; which one is not said."""
        return self.holds(kind, entity, ANY, times, known_at=known_at)

    def within(self, kind: str, start: int, end: int, *, value: str = "") -> tuple[Intervals, list[str]]:
        """All intervals of a kind (of a many-valued one: of one value, or `ANY`) that meet [start, end), whole; and
        their values."""
        return self._kinds.get((kind, value), NONE).within(start, end)

    def to_table(self) -> pa.Table:
        """All statements, sorted: the same set gives the same table."""
        return statements_table(one for said in self._said.values() for one in said)

    def _number(self, entity: str) -> int:
        return self._numbers.setdefault(entity, len(self._numbers))

    def _look_up(self, entity: Column) -> Codes:
        """Numbers of a column's values, and -1 after them. A batch asks of the same column for every kind."""
        size = len(self._numbers)
        for values, known, numbers in self._looked_up:
            if values is entity.values and known == size:
                return numbers
        get = self._numbers.get
        numbers = np.array([*(get(uid, MISSING) for uid in entity.values.to_pylist()), MISSING], np.int32)
        self._looked_up = [(entity.values, size, numbers), *self._looked_up[:3]]
        return numbers

    def _of(self, kind: str, value: str = "") -> _Kind:
        known = self._kinds.get((kind, value))
        if known is None:
            known = self._kinds[kind, value] = _Kind()
        return known

    def _as_known(self, kind: str, value: str, known_at: int) -> _Kind:
        past = self._past.get((kind, value, known_at))
        if past is None:
            past = self._past[kind, value, known_at] = _Kind()
            for (name, entity), said in self._said.items():
                if name == kind:
                    known = dict(parts(kind, [one for one in said if one.known_from <= known_at]))
                    past.replace(self._number(entity), known.get(value, ()), LONG_AGO)
        return past


def statements_table(statements: Iterable[Statement]) -> pa.Table:
    """Statements as a table of `fact.SCHEMA`, sorted."""
    columns = list(zip(*sorted(statements), strict=True)) or [()] * len(SCHEMA)
    return pa.table(
        [pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)], schema=SCHEMA
    )


class _Kind:
    """Facts of one kind: bulk and overlay."""

    def __init__(self, values: Sequence[str] = (), bulk: _Compiled | None = None) -> None:
        self._values = {value: code for code, value in enumerate(values)}
        self._texts: pa.Array = pa.array([], pa.string())
        self._bulk = bulk if bulk is not None else _Compiled.sorted(0, NOTHING)
        self._fresh: dict[int, tuple[int, Sequence[Interval]]] = {}
        self._overlay: _Compiled | None = None
        self._since: Numbers = np.empty(0, np.int64)

    def replace(self, number: int, intervals: Sequence[Interval], since: int) -> None:
        if number in self._fresh:
            began, before = self._fresh[number]
            if began < since:
                since, intervals = began, [*_before(before, since), *intervals]
        self._fresh[number] = (since, intervals)
        self._overlay = None

    def intervals(self, number: int) -> list[Interval]:
        values = list(self._values)
        since, fresh = self._fresh.get(number, (FOREVER, ()))
        return [*_before(self._bulk.intervals(number, values), since), *fresh]

    def as_of(self, numbers: Codes, codes: Codes, times: Numbers) -> AsOf:
        from watchfloor.world.search import answer  # takes half a second, which who asks for one person need not wait

        self._settle()
        rows = len(codes)
        value, confidence = np.full(rows, MISSING, np.int32), np.zeros(rows, np.int8)
        since, moment = np.zeros(rows, np.int64), np.zeros(rows, np.int64)
        whose, times = numbers[codes], np.ascontiguousarray(times, np.int64)
        for compiled, lowest in ((self._bulk, np.empty(0, np.int64)), (self._overlay, self._since)):
            if compiled is not None and (len(compiled) or len(lowest)):
                answer(*compiled.arrays, lowest, whose, times, value, since, moment, confidence)
        if len(self._texts) != len(self._values):
            self._texts = pa.array(list(self._values), pa.string())
        return AsOf(Column(value, self._texts), since, moment, confidence, value >= 0)

    def within(self, start: int, end: int) -> tuple[Intervals, list[str]]:
        self._settle()
        some = self._bulk.within(start, end)
        if self._overlay is not None:
            ends = np.full(max(len(self._since), self._bulk.entities), FOREVER, np.int64)
            ends[: len(self._since)] = self._since
            latest = ends[some.entity]
            clipped = some._replace(until=np.minimum(some.until, latest))
            kept = np.flatnonzero((some.since < latest) & (clipped.until > start))
            pairs: Iterable[tuple[Any, Any]] = zip(clipped, self._overlay.within(start, end), strict=True)
            some = Intervals._make(np.concatenate([old[kept], new]) for old, new in pairs)
        return some, list(self._values)

    def _settle(self) -> None:
        if self._overlay is not None or not self._fresh:
            return
        fresh = sum(len(intervals) for _, intervals in self._fresh.values())
        entities = max(self._fresh) + 1
        rows = [
            (number, one.since, one.until, self._values.setdefault(one.value, len(self._values)), one.moment,
             one.confidence)
            for number, (_, intervals) in sorted(self._fresh.items())
            for one in intervals
        ]  # fmt: skip
        entity, since, until, value, moment, confidence = np.array(rows, np.int64).reshape(-1, 6).T.copy()
        new = Intervals(
            entity.astype(np.int32), since, until, value.astype(np.int32), moment, confidence.astype(np.int8)
        )
        lowest = np.full(entities, FOREVER, np.int64)
        lowest[list(self._fresh)] = [since for since, _ in self._fresh.values()]
        if fresh * MERGE_AT > len(self._bulk) or fresh > LARGEST:
            self._bulk = self._bulk.merged(new, lowest)
            self._fresh, self._since = {}, np.empty(0, np.int64)
        else:
            self._overlay, self._since = _Compiled(entities, new), lowest


def _before(intervals: Iterable[Interval], since: int) -> Iterable[Interval]:
    return (one if one.until <= since else one._replace(until=since) for one in intervals if one.since < since)


class Intervals(NamedTuple):
    """Intervals as columns. Each of shape (intervals,)."""

    entity: npt.NDArray[np.int32]
    """Position of whose it is among the entities."""
    since: Numbers
    until: Numbers
    value: npt.NDArray[np.int32]
    """Position among the values."""
    moment: Numbers
    confidence: npt.NDArray[np.int8]


_WHOLE, _SMALL = np.empty(0, np.int64), np.empty(0, np.int32)
NOTHING = Intervals(_SMALL, _WHOLE, _WHOLE, _SMALL, _WHOLE, np.empty(0, np.int8))


class _Compiled:
    """Intervals of one kind, searchable: in order of entity and time."""

    def __init__(self, entities: int, ordered: Intervals) -> None:
        whose, since, until = ordered.entity, ordered.since, ordered.until
        same = whose[1:] == whose[:-1]
        if np.any(since >= until) or np.any(same & (since[1:] < until[:-1])):
            raise ValueError("intervals of one entity overlap, or one is empty")
        self._columns, self.entities = ordered, entities
        self._first = np.searchsorted(whose, np.arange(entities + 1, dtype=np.int32)).astype(np.int64)
        self._last = self._first[:-1].copy()
        """The interval that answered last, per entity: events come nearly in order."""

    @classmethod
    def sorted(cls, entities: int, columns: Intervals) -> _Compiled:
        order = np.lexsort((columns.since, columns.entity))
        return cls(entities, Intervals._make(column[order] for column in columns))

    @property
    def arrays(self) -> tuple[npt.NDArray[Any], ...]:
        columns = self._columns
        return (
            self._first, columns.since, columns.until, self._last, columns.value, columns.moment, columns.confidence
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self._columns.since)

    def within(self, start: int, end: int) -> Intervals:
        from watchfloor.world.search import within

        columns, low = self._columns, np.zeros(self.entities, np.int64)
        high = low.copy()
        within(self._first, columns.since, columns.until, start, end, low, high)
        count = np.maximum(high - low, 0)
        rows = np.arange(int(count.sum())) + np.repeat(low - (np.cumsum(count) - count), count)
        return Intervals._make(column[rows] for column in columns)

    def merged(self, new: Intervals, lowest: Numbers) -> _Compiled:
        """With intervals that count from `lowest` of their entity on; both are in order, so nothing is sorted."""
        entities = max(self.entities, len(lowest))
        lowest = np.append(lowest, np.full(entities - len(lowest), FOREVER, np.int64))
        old = self._columns
        ends = lowest[old.entity]
        stay = np.flatnonzero(old.since < ends)
        kept = old._replace(until=np.minimum(old.until, ends))
        place = np.searchsorted(old.entity[stay], new.entity, "right")
        pairs: Iterable[tuple[Any, Any]] = zip(kept, new, strict=True)
        return _Compiled(entities, Intervals._make(np.insert(before[stay], place, after) for before, after in pairs))

    def intervals(self, number: int, values: list[str]) -> list[Interval]:
        if number >= self.entities:
            return []
        columns = self._columns
        return [
            Interval(
                int(columns.since[row]), int(columns.until[row]), values[columns.value[row]],
                int(columns.confidence[row]), int(columns.moment[row]),
            )
            for row in range(int(self._first[number]), int(self._first[number + 1]))
        ]  # fmt: skip


NONE = _Kind()
"""A kind of which nothing is known; nothing is ever added to it."""
