"""Consoles at which nobody sits: sessions by KVM over IP, out-of-band board or hypervisor. Events in, statements out.

A host records such a session as a logon at its own screen (Windows type 2), and only the gateway knows better. A
session of a gateway that is called `kvm-HOST`, `bmc-HOST` or `vm-HOST` is one onto the console of that host, of whom it
names.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from watchfloor.ocsf.column import MISSING, Column
from watchfloor.ocsf.events import Events
from watchfloor.world.entities import SURE
from watchfloor.world.history import History, Statement
from watchfloor.world.learning import stated, told
from watchfloor.world.resolve import Resolver, times_of

__all__ = ["GATEWAYS", "console_session", "sessions"]

GATEWAYS = ("kvm-", "bmc-", "vm-")
"""Beginnings of the names of sessions that lead to another host's console."""

KIND = "console_session"
LONGEST_MS = 12 * 3_600_000
"""A session of which nobody says that it ended is over after so long."""

LOGON, LOGOFF, SUCCESS = 1, 2, 1
"""activity_id and status_id of authentication."""


def sessions(events: Events, resolver: Resolver) -> Iterator[Statement]:
    """Who has a session onto which host's console, and has none any more."""
    named = events.column("session.uid") if events.class_name == "authentication" else None
    if named is None or named.all_missing:
        return
    named = named.text().map(_host, pa.string())
    rows = np.flatnonzero(named.present)
    if not len(rows):
        return
    names = named.take(rows).compact()
    meant = resolver.aliases.ask("hostname", names, times_of(events)[rows])
    assets = meant.entity.where(meant.confidence >= SURE).to_pylist()
    columns = ("wf.person_uid", "activity_id", "status_id")
    for asset, row in zip(assets, told(events.take(rows), *columns), strict=True):
        person, activity = row["wf.person_uid"], row["activity_id"]
        if asset is not None and person is not None and row["status_id"] == SUCCESS and activity in (LOGON, LOGOFF):
            end = row["time"] + LONGEST_MS
            yield stated(row, asset, KIND, person, row["time"], end, confidence=100 if activity == LOGON else 0)


def _host(session: str) -> str | None:
    return next((session[len(start) :] for start in GATEWAYS if session.lower().startswith(start)), None)


def console_session(history: History, asset: Column, person: Column, times: npt.NDArray[np.int64]) -> Column:
    """True where the row's person has a session onto the console of the row's asset; missing elsewhere."""
    found = history.any(KIND, asset, times).found & person.present
    if found.any():
        codes = np.unique(person.codes[found])
        mine = np.zeros(len(times), np.bool_)
        for code in codes.tolist():  # of those who have any: few
            rows = found & (person.codes == code)
            mine |= rows & history.holds(KIND, asset, person.values[code].as_py(), times).found
        found = mine
    return Column(np.where(found, 0, MISSING).astype(np.int32), pa.array([True]))
