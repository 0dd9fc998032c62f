"""What is usual for a person, and for others of the same role: `peer.own.*` and `peer.role.*`, next to the as-of join.

    egress_bytes_1d    n pctl z median share_of_p99    an event's bytes against whole days of the 28 days before
    entry_hour         n pctl                          how usual the hour of an entry is, on a working day or a weekend

What is usual on a day is what was so on days that were over, and could have come in, before it: never the day itself,
so that nothing is usual because of what is judged, and the order in which records come changes nothing. Of a role it is
what all others of it did, so that nobody shifts what they are held against. Days far beyond all others count for
nobody. Of fewer than ten days (own) or people (role) nothing follows but `n`: unknown, not zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from watchfloor.ocsf.column import MISSING, Column
from watchfloor.ocsf.events import Events
from watchfloor.world import hours, spread
from watchfloor.world.activity import ACTIVITY_SCHEMA, DONE_IN, EGRESS, ENTRY, HOUR_MS, Activity, Sums, sums_table
from watchfloor.world.directory import Directory
from watchfloor.world.history import History
from watchfloor.world.resolve import times_of
from watchfloor.world.sources import Source

__all__ = ["KEPT_DAYS", "WINDOW_DAYS", "Peers"]

Numbers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

WINDOW_DAYS = 28
"""Days that are looked back upon."""

KEPT_DAYS = WINDOW_DAYS + 7
"""Days that are kept: records of one source may come a week after those of another one."""

SETTLED_MS = HOUR_MS
"""A day is over so long after its end at least; longer where a source may be later."""

DAY_MS = 24 * HOUR_MS


class Peers:
    """Keeps the sums of the last days, and answers what is usual.

    Args:
        directory: machines and their owners, networks, time zone.
        history: who had which role when.
        sources: how late records may come.
    """

    def __init__(self, directory: Directory, history: History, sources: Mapping[str, Source] | None = None) -> None:
        self.activity = Activity(directory)
        self._history, self._same = history, directory.same
        self._numbers: dict[str, int] = {}
        self._days: dict[str, dict[int, Numbers]] = {metric: {} for metric in DONE_IN}
        self._groups: dict[tuple[str, int, str], spread.Group | hours.Group] = {}
        late = {
            metric: [one.lateness_s * 1000 for one in (sources or {}).values() if not one.feeds or name in one.feeds]
            for metric, name in DONE_IN.items()
        }
        self._settled_ms = {metric: int(max([SETTLED_MS, *some])) for metric, some in late.items()}

    def add(self, sums: Sums) -> None:
        """Take up what people did; sums of days that are no longer kept are let go."""
        kept = self._days[sums.metric]
        latest = max([*kept, int(sums.day.max())])
        numbers = self._numbered(sums.person)
        together = np.add if sums.metric == EGRESS else np.bitwise_or
        for day in np.unique(sums.day).tolist():
            if day > latest - KEPT_DAYS:
                rows = sums.day == day
                amounts = kept[day] = _as_long(kept.get(day), len(self._numbers))
                together.at(amounts, numbers[rows], sums.amount[rows])
                self._forget(sums.metric, day)
        for day in [day for day in kept if day <= latest - KEPT_DAYS]:
            del kept[day]

    def load(self, table: pa.Table) -> None:
        """Take up a table of sums (`activity.ACTIVITY_SCHEMA`)."""
        for metric in DONE_IN:
            mine = table.filter(pa.compute.equal(table["metric"], metric)) if table.num_rows else table
            if mine.num_rows:
                day, amount = (np.asarray(mine[name].to_numpy(), np.int64) for name in ("local_day", "amount"))
                self.add(Sums(metric, mine["person"].to_pylist(), day, amount))

    def to_table(self) -> pa.Table:
        """All that is kept: the same sums give the same table."""
        uids = list(self._numbers)
        parts = [ACTIVITY_SCHEMA.empty_table()]
        for metric, days in self._days.items():
            for day, amounts in sorted(days.items()):
                there = sorted(np.flatnonzero(amounts).tolist(), key=uids.__getitem__)
                people = [uids[number] for number in there]
                parts.append(sums_table(Sums(metric, people, np.full(len(there), day, np.int64), amounts[there])))
        return pa.concat_tables(parts)

    def join(self, events: Events) -> dict[str, Column]:
        """The columns `peer.*` of events whose persons are resolved; none where nothing is known."""
        found = self.activity.amounts(events)
        if found is None:
            return {}
        metric, person, amount = found
        rows = np.flatnonzero((person.codes != MISSING) & (amount > 0))
        if not len(rows):
            return {}
        person = person.take(rows).compact().distinct()
        whose = self._numbered(person.values.to_pylist())
        times = times_of(events)[rows]
        asked = _Asked(metric, person.codes.astype(np.int64), amount[rows], self.activity.local.hours(times))
        last = self.activity.local.hours(times - self._settled_ms[metric]) // 24 - 1
        answers: dict[str, Floats] = {}
        for day in np.unique(last).tolist():
            some = np.flatnonzero(last == day)
            for name, values in self._usual(asked.take(some), whose, person.values, day).items():
                answers.setdefault(name, np.full(len(rows), np.nan))[some] = values
        return {f"peer.{name}": _column(values, rows, len(events)) for name, values in sorted(answers.items())}

    def _numbered(self, uids: Sequence[str]) -> Numbers:
        numbers, same = self._numbers, self._same
        return np.array([numbers.setdefault(same.get(uid, uid), len(numbers)) for uid in uids], np.int64)

    # -- what is usual ------------------------------------------------------------------------------------------------

    def _usual(self, asked: _Asked, whose: Numbers, uids: pa.Array, day: int) -> dict[str, Floats]:
        """Answers for rows that look back on the same days, the last of which is `day`."""
        window = self._window(asked.metric, day)
        mine = whose[asked.person]
        told = {f"own.{asked.metric}.{name}": values for name, values in _own(asked, window, mine, day).items()}
        roles, of_all = self._roles(uids, day), self._roles(pa.array(list(self._numbers), pa.string()), day)
        for role in sorted({role for role in roles if role}):
            rows = np.flatnonzero(np.array([one == role for one in roles], np.bool_)[asked.person])
            members = np.flatnonzero(np.array([one == role for one in of_all], np.bool_))
            answers = self._of_group(asked.take(rows), mine[rows], role, members, window, day)
            for name, values in answers.items():
                told.setdefault(f"role.{asked.metric}.{name}", np.full(len(mine), np.nan))[rows] = values
        return told

    def _of_group(
        self, asked: _Asked, mine: Numbers, role: str, members: Numbers, window: Numbers, day: int
    ) -> dict[str, Floats]:
        key = (asked.metric, day, role)
        known = self._groups.get(key)
        if known is None or not np.array_equal(known.members, members):
            made = (
                hours.Group.of(window, _weekends(day), members)
                if asked.metric == ENTRY
                else spread.Group.of(window, members)
            )
            known = self._groups[key] = made
        if isinstance(known, hours.Group):
            return known.answer(mine, asked.hour)
        return known.answer(mine, asked.amount)

    def _window(self, metric: str, day: int) -> Numbers:
        """Amounts of everybody on the days looked back on. Shape (people, WINDOW_DAYS)."""
        days, count = self._days[metric], len(self._numbers)
        return np.stack([_as_long(days.get(one), count) for one in range(day - WINDOW_DAYS + 1, day + 1)], axis=1)

    def _roles(self, uids: pa.Array, day: int) -> list[str | None]:
        """Roles when the last of these days was over."""
        if len(uids) == 0:
            return []
        everybody = Column(np.arange(len(uids), dtype=np.int32), uids)
        end = np.full(len(uids), (day + 1) * DAY_MS, np.int64)
        return self._history.as_of("role", everybody, end).value.to_pylist()

    def _forget(self, metric: str, day: int) -> None:
        for key in [key for key in self._groups if key[0] == metric and key[1] >= day]:
            del self._groups[key]


@dataclass(frozen=True, slots=True)
class _Asked:
    """Rows that are asked about. Each of shape (rows,)."""

    metric: str
    person: Numbers
    amount: Numbers
    hour: Numbers

    def take(self, rows: Numbers) -> _Asked:
        return _Asked(self.metric, self.person[rows], self.amount[rows], self.hour[rows])


def _as_long(amounts: Numbers | None, count: int) -> Numbers:
    """With a place for everybody."""
    if amounts is None:
        return np.zeros(count, np.int64)
    return amounts if len(amounts) >= count else np.append(amounts, np.zeros(count - len(amounts), np.int64))


def _own(asked: _Asked, window: Numbers, mine: Numbers, day: int) -> dict[str, Floats]:
    if asked.metric == ENTRY:
        return hours.own(window, _weekends(day), mine, asked.hour)
    return spread.own(window, mine, asked.amount)


def _weekends(day: int) -> npt.NDArray[np.bool_]:
    """Which of the days looked back on are none of work; 1970-01-01 was a Thursday."""
    return (np.arange(day - WINDOW_DAYS + 1, day + 1) + 3) % 7 >= hours.SATURDAY


def _column(values: Floats, rows: Numbers, count: int) -> Column:
    there = np.flatnonzero(np.isfinite(values))
    codes = np.full(count, MISSING, np.int32)
    codes[rows[there]] = np.arange(len(there), dtype=np.int32)
    return Column(codes, pa.array(values[there]))
