"""Clocks of doors, measured by people who walk between them: how far each is ahead of the others, at least, at most.

    gate 08:00:00 -> quay 08:02:10     40 m are 16 s at least: quay's clock is ahead by 114 s at most
    quay 16:00:00 -> gate 15:59:02     and by 74 s at least, else they would have arrived before they left

Who walks one way bounds the difference of two clocks from one side, who comes back from the other. Bounds add up over
clocks in between. A single record may be wrong, so the third of the narrowest counts. A clock that is said to be right
to `skew_ms` and is not shows itself so (scenarios, A5).
"""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from watchfloor.world.directory import Directory
from watchfloor.world.seen import Sighting
from watchfloor.world.traversal import WALKING
from watchfloor.world.ways import Ways

__all__ = ["Ahead", "measured"]

NEAR_MS = 10 * 60_000
"""Two passages further apart bound nothing, and are in the order they say."""

COUNTS, ENOUGH = 3, 20
"""Which of the narrowest counts; and of so many passages at least, each way."""


class Ahead(NamedTuple):
    """How far a clock is ahead of the others (the middle one of them), milliseconds; negative: behind."""

    at_least: float
    at_most: float


def measured(seen: Iterable[Sighting], directory: Directory) -> Mapping[str, Ahead]:
    """Per clock (uid of a controller, else id of a source) how far it is ahead; only of those that can be compared."""
    bounds = _bounds(seen, directory)
    clocks = sorted({clock for pair in bounds for clock in pair})
    if len(clocks) < 2:
        return {}
    number = {clock: row for row, clock in enumerate(clocks)}
    most = np.full((len(clocks), len(clocks)), np.inf)
    np.fill_diagonal(most, 0.0)
    for (start, end), bound in bounds.items():
        most[number[start], number[end]] = bound
    for via in range(len(clocks)):  # Floyd and Warshall
        np.minimum(most, most[:, via, None] + most[None, via, :], out=most)
    found: dict[str, Ahead] = {}
    for clock, row in number.items():
        others = [
            other for other in range(len(clocks)) if other != row and np.isfinite(most[row, other] + most[other, row])
        ]
        if others and most[row, row] >= 0:  # else some records contradict each other
            found[clock] = Ahead(float(np.median(-most[row, others])), float(np.median(most[others, row])))
    return found


def _bounds(seen: Iterable[Sighting], directory: Directory) -> dict[tuple[str, str], float]:
    """(a, b) -> how far b's clock is ahead of a's at most, milliseconds."""
    ways, portals = Ways(directory), directory.portals
    by_person: dict[str, list[Sighting]] = defaultdict(list)
    for one in seen:
        if one.moved and one.portal in portals:
            by_person[one.person].append(one)
    narrowest: dict[tuple[str, str], list[float]] = defaultdict(list)
    counts: dict[tuple[str, str], int] = defaultdict(int)

    def walked(start: Sighting, end: Sighting) -> None:
        pair = ways.clock(start), ways.clock(end)
        apart = math.dist(portals[start.portal].at, portals[end.portal].at) / WALKING * 1000
        counts[pair] += 1
        heapq.heappush(narrowest[pair], -(end.time - start.time - apart))
        if len(narrowest[pair]) > COUNTS:
            heapq.heappop(narrowest[pair])

    for passages in by_person.values():
        for one, other in pairwise(_in_order(sorted(set(passages)), ways)):
            near = abs(other.time - one.time) <= NEAR_MS
            if near and ways.clock(one) != ways.clock(other) and ways.follows(one.place, other):
                walked(one, other)
    return {pair: -min(some) for pair, some in narrowest.items() if counts[pair] >= ENOUGH}


def _in_order(passages: list[Sighting], ways: Ways) -> list[Sighting]:
    """As they were walked: two that follow from each other only the other way round are turned."""
    for row in range(2, len(passages)):
        before, one, other = passages[row - 2 : row + 1]
        near = other.time - one.time <= NEAR_MS and ways.clock(one) != ways.clock(other)
        turned = ways.follows(before.place, other) and ways.follows(other.place, one)
        if near and turned and not ways.follows(before.place, one):
            passages[row - 1], passages[row] = other, one
    return passages
