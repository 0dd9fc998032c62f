"""Occupancy: how many people are in a place at a moment, as an interval: surely, and possibly.

    certain    presence there is at least `entities.SURE`
    possible   these, and who was last seen there within half a day and is not surely elsewhere or out

Who is in a room is in its building too. People without a badge, and who followed somebody in, are in neither number: it
is what is known, not a head count (domain reference 2.2).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from watchfloor.ocsf.column import Column
from watchfloor.world.directory import Directory
from watchfloor.world.history import History
from watchfloor.world.presence import CONTRADICTED, LONGEST_MS, UNKNOWN

__all__ = ["Occupancy", "occupancy"]

Numbers = npt.NDArray[np.int64]


class Occupancy(NamedTuple):
    """Per row how many people were there: at least and at most, as far as sightings tell. Shape (rows,)."""

    certain: Numbers
    possible: Numbers


def occupancy(directory: Directory, history: History, place: Column, times: Numbers) -> Occupancy:
    """How many people were in each row's place at its time.

    Args:
        place: uids of places; 0 where a row has none.
        times: UTC epoch milliseconds.
    """
    from watchfloor.world.search import search  # compiled, which takes its time: only where many rows ask

    none = np.zeros(len(times), np.int64)
    if len(times) == 0 or place.all_missing:
        return Occupancy(none, none.copy())
    asked = {uid: number for number, uid in enumerate(place.values.to_pylist())}
    start, end = int(times.min()), int(times.max()) + 1
    some, values = history.within("presence", start, end)
    where = values.copy()
    unknown = np.flatnonzero(np.array([value == UNKNOWN for value in values] + [False])[some.value])
    at, until = some.value, some.until
    if len(unknown):  # they are where they were last seen, if that is not too long ago
        seen, places = history.within("sighted", int(some.moment[unknown].min()), end)
        order = np.lexsort((seen.since, seen.entity))
        keys = _keys(seen.entity[order], seen.since[order])
        rests = np.searchsorted(keys, _keys(some.entity[unknown], some.moment[unknown]), "right") - 1
        at, until = at.copy(), until.copy()
        at[unknown] = len(values) + seen.value[order][rests]
        until[unknown] = np.minimum(until[unknown], some.moment[unknown] + LONGEST_MS)
        where = [*values, *places]
    sure = some.confidence >= CONTRADICTED  # as known then
    expanded = [[asked[uid] for uid in directory.up(value) if uid in asked] for value in where]
    lengths = np.array([len(places) for places in expanded] or [0])
    firsts = np.cumsum(lengths) - lengths
    flat = np.array([number for places in expanded for number in places], np.int64)
    counts = np.where(until > some.since, lengths[at], 0)
    rows = np.repeat(np.arange(len(counts)), counts)
    if len(rows) == 0:
        return Occupancy(none, none.copy())
    there = flat[firsts[at[rows]] + np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)]
    span = end - start + 1
    edges = [there * span + np.clip(edge[rows] - start, 0, end - start) for edge in (some.since, until)]
    keys = np.concatenate(edges)
    order = np.argsort(keys)
    keys = keys[order]
    steps = np.repeat(np.array([1, -1]), len(rows))[order]
    # Whoever came to a place has left it at the end of what was asked for, so that each place begins with nobody.
    certain, possible = np.cumsum(steps * np.tile(sure[rows], 2)[order]), np.cumsum(steps)
    first = np.searchsorted(keys, np.arange(len(asked) + 1) * span)
    found = np.empty(len(times), np.int64)
    search(first, keys % span, np.full(len(keys), span), first[:-1].copy(), place.codes, times - start, found)
    return Occupancy(np.where(found >= 0, certain[found], 0), np.where(found >= 0, possible[found], 0))


def _keys(entity: npt.NDArray[np.int32], time: Numbers) -> Numbers:
    """Entity and time as one number that sorts alike: milliseconds until the year 2248 are 43 bits."""
    return (entity.astype(np.int64) << 43) + np.clip(time, 0, (1 << 43) - 1)
