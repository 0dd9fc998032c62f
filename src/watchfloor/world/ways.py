"""Ways: where one gets from a place without being read, and at which portals one is read on leaving.

    yard --gate, read both ways--> hall --door without a reader--> canteen
    reaches   yard: yard    hall, canteen: hall, canteen
    leaves    yard: gate    hall, canteen: gate

What parts one place from another is a reader on the side one comes from; all that lies outside is one place. So a
sighting follows from the one before it if its portal can be reached from there unread: else somebody moved unseen, or
two clocks disagree about what was first. The same holds of whole sites, whatever parts the rooms in them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from watchfloor.world.directory import Directory
from watchfloor.world.seen import Sighting

__all__ = ["Ways", "is_outside"]


def is_outside(directory: Directory, place: str) -> bool:
    """Whether who goes there has left."""
    zone = directory.zones.get(directory.zone_of(place))
    return zone is not None and zone.kind == "external"


class Ways:
    """The ways of an estate.

    Args:
        directory: places, portals and their readers.
        sites: only what parts sites from each other and from outside counts.
    """

    def __init__(self, directory: Directory, *, sites: bool = False) -> None:
        self._portals = directory.portals
        outside = [uid for uid in directory.places if is_outside(directory, uid)]
        self._within = {
            uid: directory.site_of(uid) if sites and uid not in outside else uid for uid in directory.places
        }
        free: dict[str, set[str]] = defaultdict(set)
        read: dict[str, set[tuple[str, str]]] = defaultdict(set)
        for portal in directory.portals.values():
            sides = {reader.side for reader in portal.readers}
            within, around = self._within[portal.inside], self._within[portal.outside]
            for start, end, side in ((around, within, "in"), (within, around, "out")):
                if side in sides:
                    read[start].add((portal.uid, end))
                else:
                    free[start].add(end)
        drawn = {side for portal in directory.portals.values() for side in (portal.outside, portal.inside)}
        for uid, inner in directory.places.items():
            if inner.parent and uid not in drawn:  # nothing parts it from what is around it
                free[self._within[uid]].add(self._within[inner.parent])
                free[self._within[inner.parent]].add(self._within[uid])
        reaches: dict[str, frozenset[str]] = {}
        for uid in set(self._within.values()):
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
        self._reaches: Mapping[str, frozenset[str]] = reaches
        self._leaves: Mapping[str, frozenset[str]] = {
            uid: frozenset(portal for place in reached for portal, end in read[place] if end not in reached)
            for uid, reached in reaches.items()
        }

    def reaches(self, place: str) -> frozenset[str]:
        """Places one gets to from there without being read."""
        return self._reaches.get(self._within.get(place, place), frozenset())

    def leaves(self, place: str) -> frozenset[str]:
        """uids of the portals at which one is read on leaving."""
        return self._leaves.get(self._within.get(place, place), frozenset())

    def follows(self, before: str, one: Sighting) -> bool:
        """Whether somebody who was in a place may be seen so next, without having passed a reader unread."""
        reached = self.reaches(before)
        if not reached or one.place not in self._within:
            return True  # on no map: nothing can be said
        if not one.moved:
            return self._within[one.place] in reached
        portal = self._portals.get(one.portal)
        if portal is None or one.place not in (portal.outside, portal.inside):
            return True
        return self._within[portal.inside if one.place == portal.outside else portal.outside] in reached

    def clock(self, one: Sighting) -> str:
        """What dates a sighting: the portal's controller, else its source."""
        portal = self._portals.get(one.portal)
        return one.source if portal is None or not portal.controller else portal.controller
