"""Presence: in, out or unknown. A fold over one person's sightings, by event time; whatever order they came in.

    08:02 Taken, gate, in       yard      100   until the next sighting, or until it is too old to believe
    08:09 Taken, door, in       office    100
    12:10                       office     70   the zone is tailgate-prone: somebody may have left with somebody else
    20:09                       unknown    -    twelve hours without a sighting
    21:00 Taken, gate, out      out       100   until the next sighting

Unknown is never absence. A fire alarm or the outage of a door controller makes everybody in its reach unknown,
never out (domain reference 2.2, scenarios A3). Where one leaves freely, without a read, half an hour is as long as a
sighting is believed.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from watchfloor.world.directory import Directory
from watchfloor.world.entities import FOREVER, LONG_AGO
from watchfloor.world.history import History, Interval
from watchfloor.world.sighting import Sighting

__all__ = ["OUT", "RESTS_ON", "UNKNOWN", "Believes", "Presence", "Reset", "believed", "believes"]

OUT, UNKNOWN = "out", "unknown"
"""Values of a presence besides the uid of a place."""

RESTS_ON = ("shift", "evacuating", "lost")
"""Kinds of statements that presence rests on, besides sightings."""

LONGEST_MS = 12 * 3_600_000
"""A sighting is believed so long (scenarios, A3)."""

FREE_EGRESS_MS = 30 * 60_000
"""... and so long where one leaves without a read."""

SURELY_MS = 60_000
"""In a tailgate-prone zone, or next to one, a person is surely there for so long after a read."""

TAILGATED = 70
"""Confidence after that: below `entities.SURE`."""


class Reset(NamedTuple):
    """From `time` on nobody who was last seen in one of `places` is known to be anywhere; no places: nobody at all."""

    time: int
    places: frozenset[str]
    source: str = ""
    because: str = ""


@dataclass(frozen=True, slots=True)
class Believes:
    """What a place makes of a sighting.

    Args:
        outside: who goes there has left.
        longest: milliseconds a sighting there is believed.
        tailgate: somebody may have followed somebody else out, or on into a place beside it.
    """

    outside: bool
    longest: int
    tailgate: bool


def believes(directory: Directory) -> Mapping[str, Believes]:
    """Per place, from its zone and the ways out of it."""
    freely: set[str] = set()
    for portal in directory.portals.values():
        if portal.free_egress:
            freely |= directory.inside(portal.inside)
    prone = {uid for uid in directory.places if _prone(directory, uid)}
    beside = {portal.outside for portal in directory.portals.values() if portal.inside in prone}
    beside |= {portal.inside for portal in directory.portals.values() if portal.outside in prone}
    found: dict[str, Believes] = {}
    for place in directory.places.values():
        zones = [directory.zones[uid] for uid in directory.around(directory.zone_of(place.uid))]
        found[place.uid] = Believes(
            outside=bool(zones) and zones[0].kind == "external",
            longest=FREE_EGRESS_MS if place.uid in freely else LONGEST_MS,
            tailgate=place.uid in prone or place.uid in beside,
        )
    return found


def _prone(directory: Directory, place: str) -> bool:
    zone = directory.zones.get(directory.zone_of(place))
    return zone is not None and zone.tailgate_prone


NOWHERE_SPECIAL = Believes(False, LONGEST_MS, False)


def believed(
    seen: Iterable[Sighting],
    places: Mapping[str, Believes],
    resets: Sequence[Reset] = (),
    shifts: Sequence[Interval] = (),
) -> list[Interval]:
    """Where one person was, as intervals; `moment` of each is the sighting it rests on.

    Args:
        seen: sightings of one person, in any order; one event counts once.
        places: what places make of sightings.
        resets: in order of time.
        shifts: the person's shifts: who was seen during one is believed there until it ends at most.
    """
    made: list[Interval] = []
    ordered = sorted(set(seen), key=lambda one: (one.time, one.sequence, one))
    for number, one in enumerate(ordered):
        following = ordered[number + 1].time if number + 1 < len(ordered) else FOREVER
        if following <= one.time:
            continue  # another sighting of the same moment counts
        place = places.get(one.place, NOWHERE_SPECIAL)
        value, longest = (OUT, FOREVER) if place.outside else (one.place, place.longest)
        end = min(following, one.time + longest)
        shift_end = next((shift.until for shift in shifts if shift.since <= one.time < shift.until), FOREVER)
        if value != OUT:
            end = min(end, max(shift_end, one.time + 1))
        broken = next((r for r in resets if r.time > one.time and (not r.places or one.place in r.places)), None)
        if broken is not None and value != OUT and broken.time < end:
            end = broken.time
        if place.tailgate and value != OUT and end > one.time + SURELY_MS:
            made.append(_made(one, one.time, one.time + SURELY_MS, value, one.strength))
            made.append(_made(one, one.time + SURELY_MS, end, value, min(TAILGATED, one.strength)))
        else:
            made.append(_made(one, one.time, end, value, one.strength))
        if end < following:
            made.append(_made(one, end, following, UNKNOWN, 0))
    return made


def _last_seen(seen: Iterable[Sighting]) -> list[Interval]:
    """The place of the last sighting, until the next one: not where somebody is, but where somebody came from."""
    ordered = sorted(seen, key=lambda one: (one.time, one.sequence, one))
    ends = [*(one.time for one in ordered[1:]), FOREVER]
    return [
        _made(one, one.time, end, one.place, one.strength)
        for one, end in zip(ordered, ends, strict=True)
        if one.time < end
    ]


def _made(one: Sighting, since: int, until: int, value: str, confidence: int) -> Interval:
    return Interval(since, until, value, confidence, one.time)


class Presence:
    """Keeps the history's `presence` in step with sightings and resets.

    A sighting changes nothing of what was before the one before it, so that only what follows is folded again: what a
    batch costs does not grow with how long somebody has been known.

    Args:
        directory: places, zones, portals.
        history: where presence goes, and where shifts come from.
    """

    def __init__(self, directory: Directory, history: History) -> None:
        self._places = believes(directory)
        self._history = history
        self._seen: dict[str, list[Sighting]] = defaultdict(list)
        self._resets: list[Reset] = []

    def add(self, seen: Iterable[Sighting], resets: Iterable[Reset] = (), shifted: Iterable[str] = ()) -> int:
        """More sightings and resets; gives how many sightings were new.

        Args:
            shifted: persons about whose shifts something new is known.
        """
        since = dict.fromkeys((uid for uid in shifted if uid in self._seen), LONG_AGO)
        new = 0
        for one in seen:
            known = self._seen[one.person]
            place = bisect_left(known, one)
            if place == len(known) or known[place] != one:
                known.insert(place, one)
                since[one.person] = min(one.time, since.get(one.person, FOREVER))
                new += 1
        fresh = [reset for reset in set(resets) if reset not in self._resets]
        if fresh:
            self._resets = sorted([*self._resets, *fresh], key=lambda reset: (reset.time, sorted(reset.places)))
            first = min(reset.time for reset in fresh)
            for person in self._seen:
                since[person] = min(first, since.get(person, FOREVER))
        for person, time in since.items():
            self._fold(person, time)
        return new

    def _fold(self, person: str, since: int) -> None:
        """Fold again all that something at `since` may change: from the last sighting before it on."""
        known = self._seen[person]
        before = bisect_left(known, since, key=_time)
        start = bisect_left(known, known[before - 1].time, key=_time) if before else 0
        cut = known[start].time if before else LONG_AGO
        resets = self._resets[bisect_right(self._resets, cut, key=lambda reset: reset.time) :]
        shifts = [shift for shift in self._history.intervals("shift", person) if shift.until > cut]
        made = believed(known[start:], self._places, resets, shifts)
        self._history.replace("presence", person, made, since=cut)
        self._history.replace("sighted", person, _last_seen(known[start:]), since=cut)


def _time(one: Sighting) -> int:
    return one.time
