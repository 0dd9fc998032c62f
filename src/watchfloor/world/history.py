"""The history: statements go in; out comes, for many rows at once, what was true at their times, as known when.

    statements ----fold----> per kind: intervals that do not overlap ----search----> value, since, confidence per row

Folding happens per entity, and only for entities about which something new was said: the bulk stays compiled, what was
touched since lies in a small overlay that is asked first, and now and then becomes part of the bulk.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from watchfloor.ocsf.column import MISSING, Column
from watchfloor.world.fact import MANY, SCHEMA
from watchfloor.world.timeline import Timelines

__all__ = ["AsOf", "History", "Interval", "Statement", "folded"]

Numbers = npt.NDArray[np.int64]

MERGE_AT = 8
"""The overlay becomes part of the bulk when it has grown to this part (1/8) of it."""


class Statement(NamedTuple):
    """One row of `fact.SCHEMA`."""

    entity: str
    kind: str
    value: str
    valid_from: int
    valid_to: int
    known_from: int
    sequence: int = 0
    confidence: int = 100
    source: str = ""
    because: str = ""


class Interval(NamedTuple):
    """What is believed of one entity over one stretch of time.

    Who said so is in the statements and sightings; of presence, `moment` leads to the sighting.
    """

    since: int
    until: int
    value: str
    confidence: int = 100
    moment: int = 0
    """What the value's age counts from, UTC epoch milliseconds."""


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


def folded(statements: Iterable[Statement]) -> list[Interval]:
    """What follows from statements of one entity and kind (and, of a many-valued kind, one value).

    Where they meet in valid time, the one known last holds; of equals the higher sequence. Order does not matter, and
    the same statement twice counts once.
    """
    said = sorted(set(statements), key=lambda one: (one.valid_from, one.known_from, one.sequence, one))
    said = [one for one in said if one.valid_from < one.valid_to]
    if len(said) == 1 or all(a.valid_to <= b.valid_from for a, b in pairwise(said)):
        return [_interval(one, one.valid_from, one.valid_to) for one in said if one.confidence]
    edges = sorted({edge for one in said for edge in (one.valid_from, one.valid_to)})
    made: list[tuple[Statement, int, int]] = []
    active: list[Statement] = []
    coming = 0
    for since, until in pairwise(edges):
        while coming < len(said) and said[coming].valid_from <= since:
            active.append(said[coming])
            coming += 1
        active = [one for one in active if one.valid_to > since]
        if not active:
            continue
        best = max(active, key=lambda one: (one.known_from, one.sequence, one))
        if made and made[-1][0] is best and made[-1][2] == since:
            made[-1] = (best, made[-1][1], until)
        else:
            made.append((best, since, until))
    return [_interval(one, since, until) for one, since, until in made if one.confidence]


def _interval(one: Statement, since: int, until: int) -> Interval:
    return Interval(since, until, one.value, one.confidence, since)


class History:
    """Statements and what follows from them."""

    def __init__(self) -> None:
        self._said: dict[tuple[str, str], set[Statement]] = defaultdict(set)
        self._kinds: dict[str, _Kind] = {}
        self._past: dict[tuple[str, int], _Kind] = {}

    def __len__(self) -> int:
        return sum(len(said) for said in self._said.values())

    def add(self, statements: Iterable[Statement]) -> int:
        """More statements; gives how many were new. Those known already change nothing."""
        new = 0
        touched: dict[str, set[str]] = defaultdict(set)
        for one in statements:
            said = self._said[one.kind, one.entity]
            if one not in said:
                said.add(one)
                touched[one.kind].add(one.entity)
                new += 1
        for kind, entities in touched.items():
            for entity in entities:
                self._fold(kind, entity)
        if new:
            self._past.clear()
        return new

    def replace(self, kind: str, entity: str, intervals: Sequence[Interval]) -> None:
        """What is believed of an entity from now on, where something else than statements says so (presence)."""
        self._of(kind).replace(entity, intervals)

    def intervals(self, kind: str, entity: str, value: str = "") -> Sequence[Interval]:
        """What is believed of one entity, in order of time; of a many-valued kind of one value."""
        return self._of(kind).intervals(_key(entity, value) if kind in MANY else entity)

    def values(self, kind: str, entity: str) -> list[str]:
        """Values ever stated of an entity."""
        return sorted({one.value for one in self._said.get((kind, entity), ())})

    def as_of(self, kind: str, entity: Column, times: Numbers, *, known_at: int | None = None) -> AsOf:
        """What was true of each row's entity at the row's time.

        Args:
            kind: a kind that is not many-valued.
            entity: uids. Shape (rows,).
            times: UTC epoch milliseconds. Shape (rows,).
            known_at: as known at this moment, UTC epoch milliseconds; None: as known now.
        """
        return self._asked(kind, known_at).as_of(entity, times)

    def holds(self, kind: str, entity: Column, value: str, times: Numbers, *, known_at: int | None = None) -> AsOf:
        """As `as_of`, of one value of a many-valued kind."""
        keys = entity.map(lambda uid: _key(uid, value), pa.string())
        return self._asked(kind, known_at).as_of(keys, times)

    def any(self, kind: str, entity: Column, times: Numbers, *, known_at: int | None = None) -> AsOf:
        """As `as_of`, of a many-valued kind: any value that holds, and which one is not said twice for the same row."""
        values = sorted({one.value for (name, _), said in self._said.items() if name == kind for one in said})
        result: AsOf | None = None
        for value in values:
            found = self.holds(kind, entity, value, times, known_at=known_at)
            if result is None:
                result = found
                continue
            more = found.found & ~result.found
            result = AsOf(
                result.value.coalesce(found.value),
                np.where(more, found.since, result.since),
                np.where(more, found.moment, result.moment),
                np.where(more, found.confidence, result.confidence).astype(np.int8),
                result.found | found.found,
            )
        return result if result is not None else _Kind().as_of(entity, times)

    def to_table(self) -> pa.Table:
        """All statements, sorted: the same set gives the same table."""
        return statements_table(one for said in self._said.values() for one in said)

    def _fold(self, kind: str, entity: str) -> None:
        said = self._said[kind, entity]
        self._place(self._of(kind), kind, entity, said)

    def _place(self, target: _Kind, kind: str, entity: str, said: Iterable[Statement]) -> None:
        if kind not in MANY:
            target.replace(entity, folded(said))
            return
        by_value: dict[str, list[Statement]] = defaultdict(list)
        for one in said:
            by_value[one.value].append(one)
        for value, some in by_value.items():
            target.replace(_key(entity, value), folded(some))

    def _of(self, kind: str) -> _Kind:
        known = self._kinds.get(kind)
        if known is None:
            known = self._kinds[kind] = _Kind()
        return known

    def _asked(self, kind: str, known_at: int | None) -> _Kind:
        if known_at is None:
            return self._of(kind)
        past = self._past.get((kind, known_at))
        if past is None:
            past = self._past[kind, known_at] = _Kind()
            for (name, entity), said in self._said.items():
                if name == kind:
                    self._place(past, kind, entity, [one for one in said if one.known_from <= known_at])
        return past


def statements_table(statements: Iterable[Statement]) -> pa.Table:
    """Statements as a table of `fact.SCHEMA`, sorted."""
    columns = list(zip(*sorted(statements), strict=True)) or [()] * len(SCHEMA)
    return pa.table(
        [pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)], schema=SCHEMA
    )


def _key(entity: str, value: str) -> str:
    return f"{entity}\x00{value}"


class _Kind:
    """Facts of one kind: bulk and overlay."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}
        self._values: dict[str, int] = {}
        self._bulk = _Compiled.none()
        self._fresh: dict[int, Sequence[Interval]] = {}
        self._overlay: _Compiled | None = None

    def replace(self, entity: str, intervals: Sequence[Interval]) -> None:
        code = self._codes.setdefault(entity, len(self._codes))
        self._fresh[code] = intervals
        self._overlay = None

    def intervals(self, entity: str) -> Sequence[Interval]:
        code = self._codes.get(entity)
        if code is None:
            return ()
        return self._fresh[code] if code in self._fresh else self._bulk.intervals(code, list(self._values))

    def as_of(self, entity: Column, times: Numbers) -> AsOf:
        self._settle()
        wanted = entity.values.to_pylist()
        translated = np.full(len(wanted) + 1, -1, np.int32)
        in_overlay = np.zeros(len(wanted) + 1, np.bool_)
        for position, uid in enumerate(wanted):
            code = self._codes.get(uid, -1)
            translated[position] = code
            in_overlay[position] = code in self._fresh
        codes = translated[entity.codes]
        value, since, moment, confidence = self._bulk.at(codes, times)
        if self._fresh:
            assert self._overlay is not None
            rows = np.flatnonzero(in_overlay[entity.codes])
            if len(rows):
                value[rows], since[rows], moment[rows], confidence[rows] = self._overlay.at(codes[rows], times[rows])
        return AsOf(Column(value, pa.array(list(self._values), pa.string())), since, moment, confidence, value >= 0)

    def _settle(self) -> None:
        if self._overlay is not None or not self._fresh:
            return
        fresh = sum(len(intervals) for intervals in self._fresh.values())
        if fresh * MERGE_AT > len(self._bulk):
            kept = self._bulk.without(self._fresh)
            self._bulk = _Compiled.of(len(self._codes), kept, self._fresh, self._values)
            self._fresh = {}
            return
        self._overlay = _Compiled.of(len(self._codes), None, self._fresh, self._values)


class _Columns(NamedTuple):
    """Intervals as arrays, in no order."""

    entity: npt.NDArray[np.int32]
    since: Numbers
    until: Numbers
    value: npt.NDArray[np.int32]
    moment: Numbers
    confidence: npt.NDArray[np.int8]


class _Compiled:
    """Intervals of one kind, searchable."""

    def __init__(self, entities: int, columns: _Columns) -> None:
        self._columns = columns
        self._entities = entities
        self._timelines = Timelines(entities, columns.entity, columns.since, columns.until)

    @classmethod
    def none(cls) -> _Compiled:
        whole, small = np.empty(0, np.int64), np.empty(0, np.int32)
        return cls(0, _Columns(small, whole, whole, small, whole, np.empty(0, np.int8)))

    @classmethod
    def of(
        cls, entities: int, kept: _Columns | None, fresh: dict[int, Sequence[Interval]], values: dict[str, int]
    ) -> _Compiled:
        rows = [
            (code, one.since, one.until, values.setdefault(one.value, len(values)), one.moment, one.confidence)
            for code, intervals in fresh.items()
            for one in intervals
        ]
        entity, since, until, value, moment, confidence = np.array(rows, np.int64).reshape(-1, 6).T
        new = _Columns(
            entity.astype(np.int32), since, until, value.astype(np.int32), moment, confidence.astype(np.int8)
        )
        if kept is not None:
            new = _Columns._make(np.concatenate([old, more]) for old, more in zip(kept, new, strict=True))
        return cls(entities, new)

    def __len__(self) -> int:
        return len(self._columns.since)

    def without(self, fresh: dict[int, Sequence[Interval]]) -> _Columns:
        gone = np.zeros(max(self._entities, max(fresh, default=-1) + 1), np.bool_)
        gone[list(fresh)] = True
        stay = ~gone[self._columns.entity]
        entity, since, until, value, moment, confidence = self._columns
        return _Columns(entity[stay], since[stay], until[stay], value[stay], moment[stay], confidence[stay])

    def intervals(self, code: int, values: list[str]) -> list[Interval]:
        columns = self._columns
        rows = np.flatnonzero(columns.entity == code)
        rows = rows[np.argsort(columns.since[rows], kind="stable")]
        return [
            Interval(
                int(columns.since[row]), int(columns.until[row]), values[columns.value[row]],
                int(columns.confidence[row]), int(columns.moment[row]),
            )
            for row in rows
        ]  # fmt: skip

    def at(
        self, codes: npt.NDArray[np.int32], times: Numbers
    ) -> tuple[npt.NDArray[np.int32], Numbers, Numbers, npt.NDArray[np.int8]]:
        found = self._timelines.at(np.where(codes < self._entities, codes, -1).astype(np.int32), times)
        if len(self) == 0:
            none = np.zeros(len(codes), np.int64)
            return np.full(len(codes), MISSING, np.int32), none, none.copy(), np.zeros(len(codes), np.int8)
        hit = found >= 0
        columns = self._columns
        return (
            np.where(hit, columns.value[found], MISSING).astype(np.int32),
            np.where(hit, columns.since[found], 0),
            np.where(hit, columns.moment[found], 0),
            np.where(hit, columns.confidence[found], 0).astype(np.int8),
        )
