"""How long people took from where they were to the next portal: learnt from sightings, and only ever for more doubt.

    yard -> gate      12,408 moves before today      the quickest in a thousand took 41 s
    hall -> d-store      310 moves                   nothing is said: a thousand are needed

What is possible is a matter of distances (traversal.py) and stays so. A move that is quicker than nearly everybody's,
both clocks' doubt taken off, makes an impossible one surer; nothing is impossible for being unusual (domain reference
3). What is usual on a day is what was so until its begin (UTC), so that it does not depend on what came with what.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections import defaultdict

from watchfloor.world.seen import Sighting
from watchfloor.world.ways import Ways

__all__ = ["DAY_MS", "ENOUGH", "LONGEST_MS", "QUICKEST", "Travel"]

QUICKEST = 0.001
"""Which share of moves is unusually quick."""

ENOUGH = 1000
"""Of fewer moves that share is not one."""

LONGEST_MS = 60 * 60_000
"""Who took longer stayed in between; that they came is no move."""

DAY_MS = 86_400_000


class Travel:
    """Moves from a place to a portal.

    Args:
        ways: which sightings follow from each other; a move past a reader that read nobody is none.
    """

    def __init__(self, ways: Ways) -> None:
        self._ways = ways
        self._times: dict[tuple[str, str], array[int]] = defaultdict(lambda: array("q"))
        self._took: dict[tuple[str, str], array[int]] = defaultdict(lambda: array("q"))
        self._known: dict[tuple[str, str], dict[int, float]] = defaultdict(dict)

    def add(self, before: Sighting, after: Sighting) -> None:
        """One sighting came right after another."""
        if self._is_move(before, after):
            key, took = (before.place, after.portal), after.time - before.time
            row = self._row(key, after.time, took)
            self._times[key].insert(row, after.time)
            self._took[key].insert(row, took)
            self._changed(key, after.time)

    def remove(self, before: Sighting, after: Sighting) -> None:
        """It did not: something was seen in between."""
        if self._is_move(before, after):
            key, took = (before.place, after.portal), after.time - before.time
            row = self._row(key, after.time, took)
            del self._times[key][row], self._took[key][row]
            self._changed(key, after.time)

    def moves(self) -> dict[tuple[str, str], list[tuple[int, int]]]:
        """All that is known: (place, portal) -> when, UTC epoch milliseconds, and milliseconds it took."""
        found = {key: list(zip(times, self._took[key], strict=True)) for key, times in self._times.items()}
        return {key: moves for key, moves in found.items() if moves}

    def quickest_s(self, place: str, portal: str, time: int) -> float:
        """Seconds in which the quickest in a thousand came from a place to a portal, until the day of a time began.

        Args:
            time: UTC epoch milliseconds.

        Returns:
            nan where too few are known.
        """
        key, day = (place, portal), time // DAY_MS * DAY_MS
        found = self._known[key].get(day)
        if found is None:
            count = bisect_left(self._times[key], day) if key in self._times else 0
            found = math.nan
            if count >= ENOUGH:
                import numpy as np  # who asks where one person was does without

                rank = math.ceil(count * QUICKEST) - 1
                found = float(np.partition(np.array(self._took[key][:count]), rank)[rank]) / 1000
            self._known[key][day] = found
        return found

    def _is_move(self, before: Sighting, after: Sighting) -> bool:
        if not (after.portal and after.moved and 0 < after.time - before.time <= LONGEST_MS):
            return False
        return self._ways.follows(before.place, after)

    def _row(self, key: tuple[str, str], time: int, took: int) -> int:
        row = bisect_left(self._times[key], time)
        while row < len(self._times[key]) and self._times[key][row] == time and self._took[key][row] < took:
            row += 1
        return row

    def _changed(self, key: tuple[str, str], time: int) -> None:
        known = self._known[key]
        for day in [day for day in known if day > time]:
            del known[day]
