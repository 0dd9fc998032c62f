"""Tailgating: more people went in than were let in. Always inferred, so it comes with how, and how sure that is.

    device      a turnstile, a door or a camera says so itself                      as sure as it says, else 80
    count       a sensor counted more people than passages were read around then    75
    held_open   the door stood open after a passage: somebody may have followed     40

The fact is one of the place that was entered and of those behind it that no reader parts from it. It begins when it
happened and holds for an hour (scenarios, S4). Passages count whoever they are of, and all those count that may have
been meant, as clocks differ: a wrong clock makes nobody a tailgater. Who is to escort visitors may let a group in with
one badge: that count tells nothing. A count and a door that stood open agree on their own grounds: 85.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator

from watchfloor.ocsf.events import Events
from watchfloor.world.directory import Directory
from watchfloor.world.history import ANY, History, Interval, Statement
from watchfloor.world.interval import overlaid
from watchfloor.world.learning import one_of, stated, told
from watchfloor.world.sighting import Sighting
from watchfloor.world.ways import Ways

__all__ = ["KIND", "RESTS_ON", "Tailgating", "observed", "surest"]

KIND = "tailgated"
COUNTED, SAID, HELD, PASSED = "counted", "followed", "held_open", "passed"

RESTS_ON = (COUNTED, SAID, HELD, PASSED)
"""Kinds of statements it rests on, besides sightings: all of portals, each of one moment."""

ESCORT = "escort"
"""... and this one, of persons: whose visitors may come in with them."""

HOLDS_MS = 60 * 60_000
"""So long somebody who followed is looked for."""

TOGETHER_MS = 30_000
"""What a sensor counts at once, and what follows a door that was held, lies within this time."""

DEVICE, COUNT, HELD_OPEN, BOTH = 80, 75, 40, 85
"""How sure each is."""

TAILGATE, HELD_TOO_LONG, GRANTED, TAKEN = 10, 6, 1, 3
"""activity_id of physical_access_activity."""


def observed(events: Events, directory: Directory) -> Iterator[Statement]:
    """What resolved events say of portals: counts, doors that stood open, passages of nobody who is known."""
    if events.class_name == "physical_access_activity":
        yield from _at_doors(events, directory)
    elif events.class_name == "alarm_signal_activity":
        yield from _by_sensors(events, directory)


def _at_doors(events: Events, directory: Directory) -> Iterator[Statement]:
    activity, person = events.column("activity_id"), events.column("wf.person_uid")
    counted = _counted(directory)
    passed = one_of(activity, (GRANTED, TAKEN), len(events))
    passed &= one_of(events.column("wf.portal_uid"), counted, len(events))
    if person is not None:
        passed &= ~person.present  # of those who are known there is a sighting
    telling = one_of(activity, (TAILGATE, HELD_TOO_LONG), len(events))
    for row in told(events, "activity_id", "wf.portal_uid", "confidence_pct", where=passed | telling):
        portal, sure, time = row["wf.portal_uid"], row["confidence_pct"], row["time"]
        kind, value, confidence = {
            TAILGATE: (SAID, "device", DEVICE if sure is None else int(sure)),
            HELD_TOO_LONG: (HELD, "yes", HELD_OPEN),
        }.get(row["activity_id"], (PASSED, row["metadata.uid"] or "yes", 100))
        if portal is not None:
            yield stated(row, portal, kind, value, time, time + 1, confidence=confidence)


def _by_sensors(events: Events, directory: Directory) -> Iterator[Statement]:
    count = events.column("people_count")
    if count is None:
        return
    several = one_of(count, range(2, 1_000_000), len(events))
    for row in told(events, "people_count", "wf.asset_uid", "wf.portal_uid", where=several):
        portal, time = row["wf.portal_uid"], row["time"]
        seen = _portals(directory, row["wf.asset_uid"] or "")
        if portal is None and len(seen) == 1:  # of two doors at once nobody knows which
            portal = seen[0]
        if portal is not None:
            yield stated(row, portal, COUNTED, str(row["people_count"]), time, time + 1)


def _portals(directory: Directory, camera: str) -> list[str]:
    return [uid for uid in directory.cameras.get(camera, ()) if uid in directory.portals]


def _counted(directory: Directory) -> frozenset[str]:
    """Portals that some sensor sees."""
    return frozenset(uid for camera in directory.cameras for uid in _portals(directory, camera))


class Tailgating:
    """Keeps the history's `tailgated` in step with sightings and statements.

    Args:
        directory: portals, and which sensor sees them.
        history: where the fact goes.
        doubt: milliseconds to which the clocks of doors and sensors are right.
    """

    def __init__(self, directory: Directory, history: History, doubt: int) -> None:
        self._directory, self._history, self._doubt = directory, history, doubt
        self._counted, self._ways = _counted(directory), Ways(directory)
        self._passed: dict[str, list[tuple[int, str, str]]] = defaultdict(list)
        self._through: dict[str, set[str]] = defaultdict(set)
        """Person -> portals they passed."""
        self._said: dict[str, set[Statement]] = defaultdict(set)

    def add(self, seen: Iterable[Sighting], said: Iterable[Statement]) -> None:
        """More sightings and statements; those known already change nothing."""
        touched: set[str] = set()
        for one in seen:
            if one.portal in self._counted and one.moved:
                touched |= self._pass(one.portal, one.time, one.because, one.person)
        for statement in said:
            if statement.kind == ESCORT:
                touched |= self._through.get(statement.entity, set())
            elif statement.kind == PASSED:
                touched |= self._pass(statement.entity, statement.valid_from, statement.value)
            elif statement.kind in RESTS_ON:
                self._said[statement.entity].add(statement)
                touched.add(statement.entity)
        portals = self._directory.portals
        for place in {place for uid in touched if uid in portals for place in self._open(uid)}:
            doors = (uid for uid in portals if place in self._open(uid))
            self._history.replace(KIND, place, surest(one for uid in doors for one in self._inferred(uid)))

    def _open(self, portal: str) -> frozenset[str]:
        """Where one gets from the door without being read again."""
        return self._ways.reaches(self._directory.portals[portal].inside)

    def _pass(self, portal: str, time: int, because: str, person: str = "") -> set[str]:
        known, one = self._passed[portal], (time, because, person)
        if person:
            self._through[person].add(portal)
        place = bisect_left(known, one)
        if place < len(known) and known[place] == one:
            return set()
        known.insert(place, one)
        return {portal}

    def _inferred(self, portal: str) -> Iterator[Interval]:
        said = self._said.get(portal, ())
        held = sorted(one.valid_from for one in said if one.kind == HELD)
        for one in said:
            time = one.valid_from
            if one.kind == SAID:
                yield Interval(time, time + HOLDS_MS, one.value, one.confidence, time)
            elif one.kind == HELD and self._near(portal, time):
                yield Interval(time, time + HOLDS_MS, HELD, one.confidence, time)
            elif one.kind == COUNTED and int(one.value) > self._near(portal, time) and not self._escorted(portal, time):
                near = bisect_right(held, time + 2 * TOGETHER_MS) > bisect_left(held, time - TOGETHER_MS)
                yield Interval(time, time + HOLDS_MS, "count", BOTH if near else COUNT, time)

    def _near(self, portal: str, time: int) -> int:
        """How many passages may have been meant."""
        return len(self._meant(portal, time))

    def _meant(self, portal: str, time: int) -> list[tuple[int, str, str]]:
        passed, reach = self._passed.get(portal, []), TOGETHER_MS + self._doubt
        return passed[bisect_left(passed, (time - reach, "", "")) : bisect_left(passed, (time + reach + 1, "", ""))]

    def _escorted(self, portal: str, time: int) -> bool:
        """Whether somebody passed who is to escort visitors at that time."""
        return any(
            one.since <= at < one.until
            for at, _, person in self._meant(portal, time)
            if person
            for one in self._history.intervals(ESCORT, person, ANY)
        )


def surest(found: Iterable[Interval]) -> list[Interval]:
    """Of intervals that meet, the surest holds, of equals the latest; in order of time, not overlapping."""
    some = sorted(set(found))
    made: list[Interval] = []
    for best, since, until in overlaid(some, lambda one: one[:2], lambda one: (one.confidence, one.moment, one.value)):
        if made and made[-1].until == since and made[-1][2:] == best[2:]:
            made[-1] = made[-1]._replace(until=until)
        else:
            made.append(best._replace(since=since, until=until))
    return made
