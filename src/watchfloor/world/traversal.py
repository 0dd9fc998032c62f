"""How fast one can get from one place to another at most: nobody is quicker, whatever the records say.

    same site        through the portals: straight lines at walking pace, and each portal's cycle
    other site       great circle at the speed of an airliner, and what getting in and out of it takes
    no way known     nobody can say: the map is stale, and nothing is claimed

Within the first and the last place no distance counts: somebody may stand next to the door. So the bound is never above
what is possible, and learned times may raise confidence but never lower it (domain reference 3).
"""

from __future__ import annotations

import math
from collections import defaultdict

import numpy as np
import numpy.typing as npt
import rustworkx

from watchfloor.world.directory import Directory
from watchfloor.world.entities import Portal

__all__ = ["EARTH_KM", "FLYING_KMH", "OVERHEAD_S", "WALKING", "Traversal"]

WALKING = 2.5
"""Metres a second inside a site."""

FLYING_KMH = 900.0
"""Kilometres an hour between sites."""

OVERHEAD_S = 45 * 60.0
"""Seconds any way between sites takes besides."""

EARTH_KM = 6371.0088
"""Mean radius (IUGG)."""


class Traversal:
    """Shortest times between all places, computed once.

    Args:
        directory: places, portals and where sites are.
    """

    def __init__(self, directory: Directory, *, walking: float = WALKING) -> None:
        self._numbers = {uid: number for number, uid in enumerate(directory.places)}
        self.seconds = self._within(directory, walking)
        """Shortest time from place to place, seconds; nan where no way is known. Shape (places, places)."""
        self._between(directory)

    def at_least(self, start: npt.NDArray[np.int32], end: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
        """Per row the shortest time, seconds; nan where it is not known. Places as `number` gives them, -1 for none."""
        known = (start >= 0) & (end >= 0)
        found = np.full(len(start), np.nan)
        found[known] = self.seconds[start[known], end[known]]
        return found

    def number(self, place: str) -> int:
        """The number of a place; -1 where there is no such place."""
        return self._numbers.get(place, -1)

    def _within(self, directory: Directory, walking: float) -> npt.NDArray[np.float64]:
        count = len(self._numbers)
        seconds = np.full((count, count), np.nan)
        np.fill_diagonal(seconds, 0.0)
        portals = list(directory.portals.values())
        graph = rustworkx.PyDiGraph(multigraph=False)
        graph.add_nodes_from(range(len(portals)))
        doors: dict[str, list[int]] = defaultdict(list)
        for number, portal in enumerate(portals):
            doors[portal.outside].append(number)
            doors[portal.inside].append(number)
        for numbers in doors.values():
            for start in numbers:
                for end in numbers:
                    if start != end:
                        pace = _apart(portals[start], portals[end]) / walking + portals[end].cycle_s
                        known = graph.get_edge_data(start, end) if graph.has_edge(start, end) else math.inf
                        graph.add_edge(start, end, min(pace, known))
        if portals:
            ways = rustworkx.digraph_floyd_warshall_numpy(graph, weight_fn=float)
            for place, leaving in doors.items():
                cycles = np.array([portals[number].cycle_s for number in leaving])
                for other, entering in doors.items():
                    quickest = float(np.min(cycles[:, None] + ways[np.ix_(leaving, entering)]))
                    if place != other and math.isfinite(quickest):
                        seconds[self._numbers[place], self._numbers[other]] = quickest
        # A place lies in others: who is in a room is in its building too, and is there without any time.
        for uid, number in self._numbers.items():
            for around in directory.up(uid):
                seconds[number, self._numbers[around]] = seconds[self._numbers[around], number] = 0.0
        return seconds

    def _between(self, directory: Directory) -> None:
        sites = np.array([directory.site_of(uid) for uid in self._numbers])
        for start, (start_x, start_y) in directory.located.items():
            for end, (end_x, end_y) in directory.located.items():
                if start != end:
                    hours = great_circle_km(start_x, start_y, end_x, end_y) / FLYING_KMH
                    rows, columns = np.flatnonzero(sites == start), np.flatnonzero(sites == end)
                    self.seconds[np.ix_(rows, columns)] = hours * 3600.0 + OVERHEAD_S


def great_circle_km(start_lon: float, start_lat: float, end_lon: float, end_lat: float) -> float:
    """Kilometres between two points in degrees (haversine)."""
    a, b = math.radians(start_lat), math.radians(end_lat)
    half = math.sin((b - a) / 2) ** 2 + math.cos(a) * math.cos(b) * math.sin(math.radians(end_lon - start_lon) / 2) ** 2
    return 2 * EARTH_KM * math.asin(math.sqrt(min(1.0, half)))


def _apart(one: Portal, other: Portal) -> float:
    return math.dist(one.at, other.at)
