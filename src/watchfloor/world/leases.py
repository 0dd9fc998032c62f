"""Devices on the estate's own network: who was given an address, by the name they say. Events in, statements out.

    dhcp_activity, acknowledged     the device of this name is on the network until the lease ends
                   released         it is not any more

The name is all that a sign-in to a cloud says of a device as well. Anybody may give a device a name: that one is here
is a reason to believe that a sign-in came from here by a roundabout way, and never one to believe in an attack.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from watchfloor.ocsf.column import MISSING, Column
from watchfloor.ocsf.events import Events
from watchfloor.world.history import History, Statement
from watchfloor.world.learned import ACKNOWLEDGED, LEASE_S, RELEASED
from watchfloor.world.learning import stated, told

__all__ = ["leases", "on_lan"]

KIND = "leased"
YES = "yes"


def leases(events: Events) -> Iterator[Statement]:
    """Which devices are on the network, by name."""
    if events.class_name != "dhcp_activity":
        return
    for row in told(events, "activity_id", "src_endpoint.hostname", "lease_dur"):
        name, activity = row["src_endpoint.hostname"], row["activity_id"]
        if name and activity in (ACKNOWLEDGED, RELEASED):
            lasts = LEASE_S if row["lease_dur"] is None else max(int(row["lease_dur"]), 1)
            end, sure = row["time"] + 1000 * lasts, 100 if activity == ACKNOWLEDGED else 0
            yield stated(row, short(name), KIND, YES, row["time"], end, confidence=sure)


def on_lan(events: Events, history: History, times: npt.NDArray[np.int64]) -> Column | None:
    """True where the device that somebody signs in with has a lease; None where no event names one."""
    found = [column for name in ("device.name", "device.hostname") if (column := events.column(name)) is not None]
    if events.class_name != "authentication" or not found:
        return None
    names = found[0].coalesce(*found[1:])
    if names.all_missing or not history.knows(KIND):
        return None
    leased = history.as_of(KIND, names.text().map(short, pa.string()), times).found
    return Column(np.where(leased, 0, MISSING).astype(np.int32), pa.array([True]))


def short(name: str) -> str:
    """A host's name without its domain, in small letters."""
    return name.partition(".")[0].lower()
