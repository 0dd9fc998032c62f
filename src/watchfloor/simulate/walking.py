"""Ways through the site: from any place to any other, through which portals, and how long it takes on foot.

A way never breaks the portal graph: each step leads through a portal that joins the place one is in with the next.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import rustworkx as rx

from watchfloor.simulate.draft import Codes
from watchfloor.simulate.lines import Ints
from watchfloor.world.directory import Directory

__all__ = ["METRES_PER_SECOND", "Walks", "walks"]

METRES_PER_SECOND = 1.4
"""An unhurried walk; the bound that detection uses for the impossible is 2.5."""

THROUGH_A_BUILDING = 400.0
"""Seconds by which people avoid to enter a building only to leave it on the other side; they cost no time."""

Step = tuple[str, str]
"""A portal, and the place it is left into."""


@dataclass(frozen=True, slots=True)
class Walks:
    """All ways; row `source * places + target` of a ragged table.

    Args:
        first: where the steps of a way begin; one more than there are ways.
        portal: code of the portal of each step.
        into: code of the place each step leads into.
        inward: whether it leads from the portal's outside to its inside.
        after_ms: when the portal is passed, milliseconds after leaving.
        total_ms: how long the whole way takes; -1 where there is none.
    """

    places: int
    first: Ints
    portal: Codes
    into: Codes
    inward: np.ndarray[tuple[int], np.dtype[np.bool_]]
    after_ms: Ints
    total_ms: Ints


def walks(directory: Directory) -> Walks:
    """Shortest ways between all places of a directory."""
    places = {uid: i for i, uid in enumerate(directory.places)}
    portals = {uid: i for i, uid in enumerate(directory.portals)}
    graph: rx.PyDiGraph[Step, float] = rx.PyDiGraph()
    steps: list[Step] = []
    doors_of: dict[str, list[tuple[int, str]]] = {}
    for portal in directory.portals.values():
        for from_, into in ((portal.outside, portal.inside), (portal.inside, portal.outside)):
            node = graph.add_node((portal.uid, into))
            steps.append((portal.uid, into))
            doors_of.setdefault(from_, []).append((node, portal.uid))

    def far(a: tuple[float, float, float], b: tuple[float, float, float]) -> float:
        return math.dist(a, b) / METRES_PER_SECOND

    def detour(uid: str) -> float:
        portal = directory.portals[uid]
        outdoors = directory.places[portal.outside].kind in ("area", "site")
        return THROUGH_A_BUILDING if outdoors and directory.places[portal.inside].kind == "room" else 0.0

    for node, (uid, into) in enumerate(steps):
        at = directory.portals[uid]
        for following, other in doors_of.get(into, []):
            if other != uid:
                seconds = far(at.at, directory.portals[other].at) + directory.portals[other].cycle_s
                graph.add_edge(node, following, seconds + detour(other))
    first, portal_codes, into_codes, inward, after, total = [0], [], [], [], [], []
    for source, place in directory.places.items():
        start = graph.add_node(("", source))
        for node, uid in doors_of.get(source, []):
            graph.add_edge(
                start, node, far(place.centre, directory.portals[uid].at) + directory.portals[uid].cycle_s + detour(uid)
            )
        found = rx.digraph_dijkstra_shortest_paths(graph, start, None, float)
        costs = dict(rx.digraph_dijkstra_shortest_path_lengths(graph, start, float))
        arriving: dict[str, list[int]] = {}
        for node in costs:
            if node < len(steps):
                arriving.setdefault(steps[node][1], []).append(node)
        for target, end in directory.places.items():
            best = min(
                arriving.get(target, []),
                key=lambda node: costs[node] + far(directory.portals[steps[node][0]].at, end.centre),
                default=None,
            )
            if best is not None and target != source:
                clock, here = 0.0, place.centre
                for node in list(found[best])[1:]:
                    uid, into = steps[node]
                    portal = directory.portals[uid]
                    clock += far(here, portal.at) + portal.cycle_s
                    here = portal.at
                    portal_codes.append(portals[uid])
                    into_codes.append(places[into])
                    inward.append(into == portal.inside)
                    after.append(round(clock * 1000))
                total.append(round((clock + far(here, end.centre)) * 1000))
            else:
                total.append(0 if target == source else -1)
            first.append(len(portal_codes))
        graph.remove_node(start)
    return Walks(
        len(places),
        np.array(first, np.int64),
        np.array(portal_codes, np.int32),
        np.array(into_codes, np.int32),
        np.array(inward, np.bool_),
        np.array(after, np.int64),
        np.array(total, np.int64),
    )
