"""Sightings: X was at P at time T, says S, this strongly. Events in, sightings out.

    physical_access_activity   Taken             through a portal, in or out      strong    moves
                               Granted           where the portal reports no Taken    weak  moves
                               any, interior     a reader that stands inside      strong    stays
    authentication             interactive, not remote, at a console whose place is known   strong   stays
    muster                     a Taken or Granted at a place of kind muster       strong    stays

Granted without Taken, where Taken would have come, moves nobody; Denied, Forced and Held Open say nothing of
whereabouts (domain reference 2.1, scenarios A3).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from watchfloor.ocsf.column import Column
from watchfloor.ocsf.events import Events
from watchfloor.world.directory import Directory
from watchfloor.world.resolve import stale, times_of
from watchfloor.world.seen import STRONG, WEAK, Sighting

__all__ = ["STRONG", "WEAK", "Sighting", "sightings"]

GRANTED, TAKEN = 1, 3
"""activity_id of physical_access_activity."""

LOGON = 1
"""activity_id of authentication."""

CONSOLE = (2, 7, 11, 13)
"""logon_type_id of a logon at the machine itself: interactive, unlock, cached interactive, cached unlock."""

SUCCESS = 1


def sightings(events: Events, directory: Directory) -> Iterator[Sighting]:
    """What resolved events (`wf.*`) say about where persons are."""
    if events.class_name == "physical_access_activity":
        rows, strength, moved, place = _through_doors(events, directory)
    elif events.class_name == "authentication":
        rows, strength, moved, place = _at_consoles(events, directory)
    else:
        return
    person = events.column("wf.person_uid")
    if person is None or place is None or len(rows) == 0:
        return
    rows = rows[(person.codes[rows] >= 0) & (place.codes[rows] >= 0)]
    if len(rows) == 0:
        return
    times = times_of(events)
    yield from (
        Sighting(who, time, sequence, where, strong, came, source or "", because or "", portal or "")
        for who, time, sequence, where, strong, came, source, because, portal in zip(
            person.take(rows).to_pylist(),
            times[rows].tolist(),
            _numbers(events.column("wf.source_seq"), rows),
            place.take(rows).to_pylist(),
            strength[rows].tolist(),
            moved[rows].tolist(),
            _texts(events.column("wf.source_uid"), rows),
            _texts(events.column("metadata.uid"), rows),
            _texts(events.column("wf.portal_uid"), rows),
            strict=True,
        )
    )


_Found = tuple[npt.NDArray[np.int64], npt.NDArray[np.int16], npt.NDArray[np.bool_], Column | None]


def _through_doors(events: Events, directory: Directory) -> _Found:
    activity = _coded(events.column("activity_id"), len(events))
    portal = events.column("wf.portal_uid")
    place = events.column("wf.place_uid")
    reader = events.column("portal.reader_uid")
    count = len(events)
    taken, granted = activity == TAKEN, activity == GRANTED
    reports = np.ones(count, np.bool_)
    if portal is not None:
        capable = [
            uid not in directory.portals or directory.portals[uid].taken_capable for uid in portal.values.to_pylist()
        ]
        reports = np.array([*capable, True])[portal.codes]
    interior = np.zeros(count, np.bool_)
    if reader is not None:
        inner = {r.uid.lower() for p in directory.portals.values() for r in p.readers if r.interior}
        interior = np.array([*(uid.lower() in inner for uid in reader.text().values.to_pylist()), False])[reader.codes]
    muster = np.zeros(count, np.bool_)
    if place is not None:
        kinds = [uid in directory.places and directory.places[uid].kind == "muster" for uid in place.values.to_pylist()]
        muster = np.array([*kinds, False])[place.codes]
    passes = taken | granted
    strong = taken | (passes & (interior | muster))
    weak = granted & ~strong & ~reports
    strength = np.where(strong, STRONG, WEAK).astype(np.int16)
    return np.flatnonzero(strong | weak), strength, ~interior & ~muster, place


def _at_consoles(events: Events, directory: Directory) -> _Found:
    count = len(events)
    activity = _coded(events.column("activity_id"), count)
    kind = _coded(events.column("logon_type_id"), count)
    status = _coded(events.column("status_id"), count)
    asset = events.column("wf.asset_uid")
    if asset is None:
        return np.empty(0, np.int64), np.empty(0, np.int16), np.empty(0, np.bool_), None
    placed = asset.where(~stale(directory, asset, times_of(events)))
    place = placed.map(lambda uid: directory.assets[uid].place or None if uid in directory.assets else None)
    remote = events.column("is_remote")
    here = np.ones(count, np.bool_) if remote is None else ~np.isin(remote.codes, _true(remote))
    rows = np.flatnonzero((activity == LOGON) & np.isin(kind, CONSOLE) & (status == SUCCESS) & here)
    return rows, np.full(count, STRONG, np.int16), np.zeros(count, np.bool_), place


def _true(column: Column) -> list[int]:
    """Codes of the values that are true."""
    return [code for code, value in enumerate(column.values.to_pylist()) if value is True]


def _coded(column: Column | None, rows: int) -> npt.NDArray[np.int64]:
    if column is None or len(column.values) == 0:
        return np.full(rows, -1, np.int64)
    return np.append(np.asarray(column.values.to_numpy(zero_copy_only=False), np.int64), -1)[column.codes]


def _numbers(column: Column | None, rows: npt.NDArray[np.int64]) -> list[int]:
    return [0] * len(rows) if column is None else [value or 0 for value in column.take(rows).to_pylist()]


def _texts(column: Column | None, rows: npt.NDArray[np.int64]) -> list[str | None]:
    return [None] * len(rows) if column is None else column.take(rows).to_pylist()
