"""What people did, as sums: so many bytes out on a day, and in which hours of it they came in. Events in, sums out.

    network_activity           traffic.bytes_out to outside the estate's networks   -> egress_bytes_1d   bytes of a day
    physical_access_activity   Taken, in                                            -> entry_hour        hours of a day

Whose: `wf.person_uid`; of traffic nobody is named in, whoever owns the machine it came from (`owners`). Days and hours
are those of the estate's time zone. Nothing else of what people do is summed up: what an estate must not count, it does
not count here.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from watchfloor.ocsf.column import MISSING, Column
from watchfloor.ocsf.events import Events
from watchfloor.world.directory import Directory
from watchfloor.world.learning import one_of
from watchfloor.world.resolve import times_of

__all__ = ["ACTIVITY_SCHEMA", "DONE_IN", "EGRESS", "ENTRY", "Activity", "Local", "Sums", "owners", "sums_table"]

Numbers = npt.NDArray[np.int64]

EGRESS, ENTRY = "egress_bytes_1d", "entry_hour"
"""Metrics: amounts of a day that add up; bits of the hours of a day."""

DONE_IN: Mapping[str, str] = {EGRESS: "network_activity", ENTRY: "physical_access_activity"}
"""Metric -> class of the events that it is made of."""

PERSONAL = ("host", "mobile")
"""Kinds of assets that are somebody's own: what goes out of them is their owner's."""

UNROUTED = tuple(
    map(
        ipaddress.ip_network,
        ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "169.254.0.0/16", "fe80::/10"),
    )
)
"""Addresses that nobody outside has (RFC 1918, 4193, 3927, 4291)."""

TAKEN = 3
"""activity_id of physical_access_activity."""

HOUR_MS = 3_600_000

ACTIVITY_SCHEMA = pa.schema(
    [
        pa.field("person", pa.string(), nullable=False),
        pa.field("metric", pa.string(), nullable=False),
        pa.field("local_day", pa.int64(), nullable=False),
        pa.field("amount", pa.int64(), nullable=False),
    ]
)
"""Columns of a table of sums; `local_day` counts from 1970-01-01 in the estate's time zone."""


class Sums(NamedTuple):
    """Amounts of one metric, per person and day. Each of shape (sums,)."""

    metric: str
    person: list[str]
    day: Numbers
    amount: Numbers
    """Bytes, or a bit for each hour of the day."""


class Local:
    """Times as the estate's clocks show them; the offset is looked up once per distinct hour."""

    def __init__(self, directory: Directory) -> None:
        self._zone = directory.timezone

    def hours(self, times: Numbers) -> Numbers:
        """Hours since 1970-01-01 00:00 on the estate's clocks. Shape as `times`, UTC epoch milliseconds."""
        quarters, place = np.unique(times // (HOUR_MS // 4), return_inverse=True)  # offsets are of quarter hours
        local = [quarter * (HOUR_MS // 4) + self._offset_ms(quarter * (HOUR_MS // 4)) for quarter in quarters.tolist()]
        return (np.array(local, np.int64) // HOUR_MS)[place.ravel()]

    def _offset_ms(self, time: int) -> int:
        offset = datetime.fromtimestamp(time / 1000, UTC).astimezone(self._zone).utcoffset() or timedelta()
        return int(offset.total_seconds() * 1000)


class Activity:
    """Reads sums out of events.

    Args:
        directory: whose machine is whose, which networks are the estate's own, its time zone.
    """

    def __init__(self, directory: Directory) -> None:
        self.local = Local(directory)
        self._owners = owners(directory)
        networks = [one for zone in directory.zones.values() for one in zone.networks]
        self._inside = [ipaddress.ip_network(one) for one in (*networks, *UNROUTED)]

    def responsible(self, events: Events) -> Column | None:
        """Per row whose deed it is: the person it names, else the owner of the machine it came from."""
        person, source = events.column("wf.person_uid"), events.column("wf.src_asset_uid")
        if source is None or source.all_missing:
            return person
        owner = source.map(self._owners.get, pa.string())
        found = owner if person is None or person.all_missing else person.coalesce(owner)
        return None if found.all_missing else found

    def amounts(self, events: Events) -> tuple[str, Column, Numbers] | None:
        """The metric that events of this class have, whose it is, and how much per row (0 is none). None without any.

        Of `ENTRY` an amount is the bit of the hour.
        """
        if events.class_name == DONE_IN[EGRESS]:
            sent = events.column("traffic.bytes_out")
            person = self.responsible(events)
            if sent is None or sent.all_missing or person is None:
                return None
            known = sent.integer()
            values = np.append(np.asarray(known.values.to_numpy(zero_copy_only=False), np.int64), 0)
            return EGRESS, person, np.where(self._leaves(events), np.maximum(values[known.codes], 0), 0)
        if events.class_name == DONE_IN[ENTRY]:
            person = events.column("wf.person_uid")
            if person is None or person.all_missing:
                return None
            inwards = one_of(events.column("wf.direction"), ("in",), len(events))
            inwards &= one_of(events.column("activity_id"), (TAKEN,), len(events))
            return ENTRY, person, np.where(inwards, 1 << (self.local.hours(times_of(events)) % 24), 0)
        return None

    def of(self, events: Events) -> Sums | None:
        """What these events add to the days of people; None where they add nothing."""
        found = self.amounts(events)
        if found is None:
            return None
        metric, person, amount = found
        rows = np.flatnonzero((person.codes != MISSING) & (amount > 0))
        if not len(rows):
            return None
        person = person.take(rows).compact().distinct()
        day = self.local.hours(times_of(events)[rows]) // 24
        first = int(day.min())
        keys = person.codes.astype(np.int64) * (int(day.max()) - first + 1) + (day - first)
        every, place = np.unique(keys, return_inverse=True)
        made = np.zeros(len(every), np.int64)
        (np.add if metric == EGRESS else np.bitwise_or).at(made, place.ravel(), amount[rows])
        people = person.values.to_pylist()
        spread = int(day.max()) - first + 1
        return Sums(metric, [people[key // spread] for key in every.tolist()], every % spread + first, made)

    def _leaves(self, events: Events) -> npt.NDArray[np.bool_]:
        """Rows that go to an address outside the estate's networks."""
        target = events.column("dst_endpoint.ip")
        if target is None:
            return np.zeros(len(events), np.bool_)
        return np.array([*map(self._outside, target.values.to_pylist()), False], np.bool_)[target.codes]

    def _outside(self, text: str) -> bool:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return False
        return not (address.is_multicast or address.is_loopback or any(address in network for network in self._inside))


def owners(directory: Directory) -> dict[str, str]:
    """Machine -> whose it is; of machines that are one person's."""
    return {uid: one.owner for uid, one in directory.assets.items() if one.owner and one.kind in PERSONAL}


def sums_table(sums: Sums) -> pa.Table:
    """As a table of `ACTIVITY_SCHEMA`."""
    count = len(sums.person)
    columns = [pa.array(sums.person, pa.string()), pa.array([sums.metric] * count, pa.string()), sums.day, sums.amount]
    return pa.table([pa.array(column) for column in columns], schema=ACTIVITY_SCHEMA)
