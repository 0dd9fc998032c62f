"""Ways: where one gets from a place without being read, and at which portals one is read on leaving.

    yard --gate, read both ways--> hall --door without a reader--> canteen
    reaches   yard: yard    hall, canteen: hall, canteen
    leaves    yard: gate    hall, canteen: gate

What parts one place from another is a reader on the side one comes from; all that lies outside is one place. So a
sighting follows from the one before it if its portal can be reached from there unread: else somebody moved unseen, or
two clocks disagree about what was first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from watchfloor.world.directory import Directory
from watchfloor.world.sighting import Sighting

__all__ = ["Ways", "is_outside"]


def is_outside(directory: Directory, place: str) -> bool:
    """Whether who goes there has left."""
    zone = directory.zones.get(directory.zone_of(place))
    return zone is not None and zone.kind == "external"


class Ways:
    """The ways of an estate.

    Args:
        directory: places, portals and their readers.
    """

    def __init__(self, directory: Directory) -> None:
        self._portals = directory.portals
        outside = [uid for uid in directory.places if is_outside(directory, uid)]
        free: dict[str, set[str]] = defaultdict(set)
        read: dict[str, set[tuple[str, str]]] = defaultdict(set)
        for portal in directory.portals.values():
            sides = {reader.side for reader in portal.readers}
            for start, end, side in ((portal.outside, portal.inside, "in"), (portal.inside, portal.outside, "out")):
                if side in sides:
                    read[start].add((portal.uid, end))
                else:
                    free[start].add(end)
        drawn = {side for portal in directory.portals.values() for side in (portal.outside, portal.inside)}
        for uid, inner in directory.places.items():
            if inner.parent and uid not in drawn:  # nothing parts it from what is around it
                free[uid].add(inner.parent)
                free[inner.parent].add(uid)
        reaches: dict[str, frozenset[str]] = {}
        for uid in directory.places:
            reached: set[str] = set()
            coming = [uid]
            while coming:
                place = coming.pop()
                if place not in reached:
                    reached.add(place)
                    coming += free[place]
                    if place in outside:
                        coming += outside
            reaches[uid] = frozenset(reached)
        self.reaches: Mapping[str, frozenset[str]] = reaches
        """Place -> places one gets to without being read."""
        self.leaves: Mapping[str, frozenset[str]] = {
            uid: frozenset(portal for place in reached for portal, end in read[place] if end not in reached)
            for uid, reached in reaches.items()
        }
        """Place -> uids of the portals at which one is read on leaving it."""

    def follows(self, before: str, one: Sighting) -> bool:
        """Whether somebody who was in a place may be seen so next, without having passed a reader unread."""
        reached = self.reaches.get(before)
        if reached is None or one.place not in self.reaches:
            return True  # on no map: nothing can be said
        if not one.moved:
            return one.place in reached
        portal = self._portals.get(one.portal)
        if portal is None or one.place not in (portal.outside, portal.inside):
            return True
        return (portal.inside if one.place == portal.outside else portal.outside) in reached

    def clock(self, one: Sighting) -> str:
        """What dates a sighting: the portal's controller, else its source."""
        portal = self._portals.get(one.portal)
        return one.source if portal is None or not portal.controller else portal.controller
