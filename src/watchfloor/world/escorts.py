"""Escorts: whether somebody who has escort duty is in the same zone, as far as sightings tell.

    escort duty, personnel    9:00 ......................... 12:00
    last seen in the crane          9:40 ...... 10:30                  in the crane, and so on the quay around it
    an escort is there              9:40 ...... 10:30

How sure the sighting is does not count: who came in with somebody is not expected to be read every minute. Where nobody
on duty was seen, nothing is said: that there is no escort, sightings do not tell.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from watchfloor.ocsf.column import MISSING, Column
from watchfloor.world.directory import Directory
from watchfloor.world.history import ANY, History
from watchfloor.world.stretch import joined

__all__ = ["escorted"]

Numbers = npt.NDArray[np.int64]


def escorted(directory: Directory, history: History, place: Column, times: Numbers) -> Column:
    """True where somebody on duty is in the zone of the row's place, or in a zone within it; missing elsewhere.

    Args:
        place: uids of places. Shape (rows,).
        times: UTC epoch milliseconds. Shape (rows,).
    """
    found = np.zeros(len(times), np.bool_)
    if len(times) and not place.all_missing:
        spans = _spans(directory, history, int(times.min()), int(times.max()) + 1)
        for code, uid in enumerate(place.values.to_pylist() if spans else ()):
            there = spans.get(directory.zone_of(uid))
            if there:
                rows = np.flatnonzero(place.codes == code)
                since, until = np.array(there, np.int64).T
                row = np.searchsorted(since, times[rows], "right") - 1
                found[rows] = (row >= 0) & (times[rows] < until[row])
    return Column(np.where(found, 0, MISSING).astype(np.int32), pa.array([True]))


def _spans(directory: Directory, history: History, start: int, end: int) -> dict[str, tuple[tuple[int, int], ...]]:
    """Per zone when somebody on duty was in it; of those few who have duty in [start, end)."""
    duty, _ = history.within("escort", start, end, value=ANY)
    if not len(duty.since):
        return {}
    seen, places = history.within("presence", start, end)
    around = [tuple(directory.around(directory.zone_of(uid))) if uid in directory.places else () for uid in places]
    found: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for who, since, until in zip(duty.entity.tolist(), duty.since.tolist(), duty.until.tolist(), strict=True):
        mine = np.flatnonzero((seen.entity == who) & (seen.since < until) & (seen.until > since))
        for row in mine.tolist():
            span = max(since, int(seen.since[row])), min(until, int(seen.until[row]))
            for zone in around[seen.value[row]]:
                found[zone].append(span)
    return {zone: joined(spans) for zone, spans in found.items()}
