"""The pulse of sources: how much came from each in every minute, and how late; and whether it was well.

    minute  events  first     last      lag
    10:00       41  10:00:01  10:00:58  1 .. 3 s
    10:01        -                                    a gap: silent when it lasts longer than the source's heartbeat
    10:02       38  10:02:00  10:02:59  41 .. 43 min  came late, as a burst: a gap until then, none since

Minutes are those in which things happened, not those in which we heard of them. Pulses are only ever added, so that
health "as known then" is what follows from those known by then.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from watchfloor.ocsf.events import Events
from watchfloor.world.entities import FOREVER, LONG_AGO
from watchfloor.world.resolve import times_of
from watchfloor.world.sources import Source
from watchfloor.world.stretch import Stretch

__all__ = ["PULSE_SCHEMA", "Pulse", "Stretch", "late", "pulse_table", "pulses", "unwell"]

Numbers = npt.NDArray[np.int64]

MINUTE, HOUR, WEEK = 60_000, 3_600_000, 168

DAYTIME = (7, 19)
"""Hours of Monday to Friday, local time, for which `expects.day` is meant."""

WEEKS = 3
"""What is usual at an hour of the week is known after so many of them."""

DEVIATIONS = 4.0
"""Fewer than the mean less so many standard deviations (at least those of a Poisson count) is too few."""

PULSE_SCHEMA = pa.schema(
    [
        pa.field("source", pa.string(), nullable=False),
        pa.field("time", pa.int64(), nullable=False),
        pa.field("events", pa.int64(), nullable=False),
        pa.field("first", pa.int64(), nullable=False),
        pa.field("last", pa.int64(), nullable=False),
        pa.field("lag_low", pa.int64(), nullable=False),
        pa.field("lag_high", pa.int64(), nullable=False),
        pa.field("known_from", pa.int64(), nullable=False),
    ]
)
"""Columns of a table of pulses. No personal data."""


class Pulse(NamedTuple):
    """One minute of one source. Times in UTC epoch milliseconds."""

    source: str
    time: int
    """Begin of the minute."""

    events: int
    first: int
    last: int
    lag_low: int
    """Least time from happening to arriving, milliseconds; negative: the source's clock is ahead of ours."""

    lag_high: int
    known_from: int
    """When the first of them arrived."""


def pulses(events: Events) -> Iterator[Pulse]:
    """What arrived, by source and minute. Numbers of events go in, a row for each minute comes out."""
    source, arrived = events.column("wf.source_uid"), events.column("metadata.logged_time")
    if source is None or arrived is None or len(events) == 0:
        return
    times = times_of(events)
    received = np.append(np.asarray(arrived.values.to_numpy(zero_copy_only=False), np.int64), 0)[arrived.codes]
    rows = np.flatnonzero((source.codes >= 0) & (arrived.codes >= 0) & (times != 0))
    if len(rows) == 0:
        return
    names, codes, times, received = source.values.to_pylist(), source.codes[rows], times[rows], received[rows]
    minutes = times // MINUTE
    order = np.lexsort((minutes, codes))
    codes, minutes, times, received = codes[order], minutes[order], times[order], received[order]
    starts = np.flatnonzero((np.diff(codes, prepend=-1) != 0) | (np.diff(minutes, prepend=minutes[0] - 1) != 0))
    lag = received - times
    for code, minute, count, first, last, low, high, known in zip(
        codes[starts].tolist(),
        minutes[starts].tolist(),
        np.diff(starts, append=len(times)).tolist(),
        np.minimum.reduceat(times, starts).tolist(),
        np.maximum.reduceat(times, starts).tolist(),
        np.minimum.reduceat(lag, starts).tolist(),
        np.maximum.reduceat(lag, starts).tolist(),
        np.minimum.reduceat(received, starts).tolist(),
        strict=True,
    ):
        yield Pulse(names[code], minute * MINUTE, count, first, last, low, high, known)


def unwell(source: Source, heard: pa.Table, zone: ZoneInfo, known_at: int) -> list[Stretch]:
    """When a source was not well, as known at a moment; in no order, and stretches may overlap.

    Args:
        source: what it is like when it is well.
        heard: pulses; those of other sources count for nothing.
        zone: in which hours of day and week are meant.
        known_at: UTC epoch milliseconds.

    Returns:
        stretches with `why`: `never_heard` before its first sign, `silent`, `few`, `clock`, `pending` (something on
        time may still come), `unmeasured` (nobody said what it is like when it is well, and what is usual is not known
        yet).
    """
    mine = _of(source.id, heard, known_at)
    pending = Stretch(known_at - int(source.lateness_s * 1000), FOREVER, "pending", source.id)
    if mine.num_rows == 0:
        return [Stretch(LONG_AGO, FOREVER, "never_heard", source.id)]
    first, last, count, low = (mine[name].to_numpy() for name in ("first", "last", "events", "lag_low"))
    ends = np.maximum.accumulate(last)
    found = [pending, Stretch(LONG_AGO, int(first[0]), "never_heard", source.id)]
    if source.heartbeat_s is not None:
        allowed = int(source.heartbeat_s * 1000)
        starts = np.append(first[1:], max(known_at, int(ends[-1])))
        found += [
            Stretch(int(ends[row]), int(starts[row]), "silent", source.id)
            for row in np.flatnonzero(starts - ends > allowed).tolist()
        ]
    hours, places = np.unique(first // HOUR, return_inverse=True)
    whole = np.arange(hours[0] + 1, known_at // HOUR)  # the first and the current one are parts of an hour
    counts = np.zeros(len(whole), np.int64)
    inside = np.isin(hours, whole)
    counts[hours[inside] - hours[0] - 1] = np.bincount(places, count, len(hours)).astype(np.int64)[inside]
    few, judged = _few(source, whole, counts, zone)
    found += [Stretch(int(hour) * HOUR, (int(hour) + 1) * HOUR, "few", source.id) for hour in whole[few]]
    if source.heartbeat_s is None:
        unjudged = [int(hour) for hour in whole[~judged]]
        found += [Stretch(hour * HOUR, (hour + 1) * HOUR, "unmeasured", source.id) for hour in unjudged]
    ahead = np.unique(places[low < -source.skew_ms])
    found += [Stretch(int(hour) * HOUR, (int(hour) + 1) * HOUR, "clock", source.id) for hour in hours[ahead]]
    return found


def late(source: Source, heard: pa.Table, known_at: int) -> list[Stretch]:
    """What arrived later than the source's lateness: by minutes that became whole afterwards (backfill)."""
    mine = _of(source.id, heard, known_at)
    times = mine["time"].to_numpy()[mine["lag_low"].to_numpy() > source.lateness_s * 1000]
    return [
        Stretch(int(run[0]), int(run[-1]) + MINUTE, "late", source.id)
        for run in np.split(times, np.flatnonzero(np.diff(times) > MINUTE) + 1)
        if len(run)
    ]


def _of(source: str, heard: pa.Table, known_at: int) -> pa.Table:
    mine = (pc.field("source") == source) & (pc.field("known_from") <= known_at)
    return heard.filter(mine).sort_by([("first", "ascending"), ("last", "ascending")])


def _few(
    source: Source, hours: Numbers, counts: Numbers, zone: ZoneInfo
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Hours with too few events; and hours about which that can be said at all."""
    local = [_local(int(hour), zone) for hour in hours]
    if source.expects is not None:
        day, night = source.expects
        wanted = np.array([day if week < 5 * 24 and DAYTIME[0] <= week % 24 < DAYTIME[1] else night for week in local])
        return counts < wanted, np.ones(len(hours), np.bool_)
    few, judged = np.zeros(len(hours), np.bool_), np.zeros(len(hours), np.bool_)
    weeks = np.array(local)
    for week in range(WEEK):
        rows = np.flatnonzero(weeks == week)
        for number in range(WEEKS, len(rows)):  # only from what was before: no hour is judged by those after it
            known = counts[rows[:number]]
            usual, spread = float(known.mean()), max(float(known.var()), float(known.mean()))
            judged[rows[number]] = usual > DEVIATIONS**2  # of fewer, none at all would be nothing unusual
            few[rows[number]] = judged[rows[number]] and counts[rows[number]] < usual - DEVIATIONS * spread**0.5
    return few, judged


def _local(hour: int, zone: ZoneInfo) -> int:
    local = datetime.fromtimestamp(hour * 3600, UTC).astimezone(zone)
    return local.weekday() * 24 + local.hour


def pulse_table(heard: Sequence[Pulse]) -> pa.Table:
    """Pulses as a table of `PULSE_SCHEMA`."""
    columns = list(zip(*heard, strict=True)) or [()] * len(PULSE_SCHEMA)
    return pa.table(
        [pa.array(column, field.type) for column, field in zip(columns, PULSE_SCHEMA, strict=True)], schema=PULSE_SCHEMA
    )
