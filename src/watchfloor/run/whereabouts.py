"""Where somebody was, and who was somewhere: answers for a guard, from what the lake remembers, with how sure they are.

Only what the question needs is read: the sightings of one person, or those that a place's last half day may rest on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow.compute as pc

from watchfloor.errors import UsageError
from watchfloor.estate import Estate
from watchfloor.store.lake import Lake
from watchfloor.world.coverage import Coverage, Covering
from watchfloor.world.directory import Directory
from watchfloor.world.entities import SURE, Alias
from watchfloor.world.fact import SCHEMA
from watchfloor.world.history import History, Interval
from watchfloor.world.naming import forms
from watchfloor.world.presence import LONGEST_MS, OUT, RESTS_ON, TAILGATED, UNKNOWN, Presence
from watchfloor.world.pulse import PULSE_SCHEMA, pulse_table
from watchfloor.world.sighting import Sighting
from watchfloor.world.skew import Ahead, measured
from watchfloor.world.sources import Source
from watchfloor.world.world import PULSES, SIGHTINGS, STATEMENTS, Learnt

__all__ = ["Inside", "Whereabouts", "clocks", "covered", "person_named", "place_named", "uid_of", "where", "who"]

MEASURED_MS = 14 * 86_400_000
"""Clocks are compared by passages of so long: they drift, and are set."""

PERSON_KINDS = ("badge", "account", "email", "personnel_no", "key", "plate", "mobile", "sid")
PLACE_KINDS = ("room", "zone", "site")


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where a person was at a moment.

    Args:
        presence: `in`, `out` or `unknown`.
        place: uid of the innermost place; empty unless `in`.
        since: when that became known, UTC epoch milliseconds; None where nobody was ever seen.
        confidence: 0 to 100.
        seen: the sighting all this rests on; None where there is none.
    """

    person: str
    at: int
    presence: str
    place: str
    zone: str
    since: int | None
    confidence: int
    seen: Sighting | None

    @property
    def sure(self) -> bool:
        """Whether anything may be built on it."""
        return self.confidence >= SURE


@dataclass(frozen=True, slots=True)
class Inside:
    """Who was in a place at a moment: surely, and possibly besides."""

    place: str
    at: int
    surely: tuple[Whereabouts, ...]
    possibly: tuple[Whereabouts, ...]


def person_named(directory: Directory, name: str, at: int) -> str:
    """The person a uid, badge, account, address or number stood for at a moment.

    Raises:
        UsageError: it stood for nobody, or for several.
    """
    if name in directory.persons:
        return directory.same.get(name, name)
    found = {alias.person for alias in _named(directory, PERSON_KINDS, name) if alias.valid_from <= at < alias.valid_to}
    found.discard("")
    if len(found) != 1:
        what = "stood for several persons" if found else "stood for nobody"
        raise UsageError(
            f"{name!r} {what} at that time", remedy="give a person's uid, badge, account or e-mail address"
        )
    return found.pop()


def place_named(directory: Directory, name: str) -> frozenset[str]:
    """The places that a uid or name of a place or zone means.

    Raises:
        UsageError: it is no place and no zone.
    """
    for uid in (name, *(alias.entity for alias in _named(directory, PLACE_KINDS, name))):
        if uid in directory.places:
            return directory.inside(uid)
        if uid in directory.zones:
            return frozenset(place for place in directory.places if uid in directory.around(directory.zone_of(place)))
    raise UsageError(f"{name!r} is no place and no zone", remedy="give a uid or name from places/")


def uid_of(directory: Directory, name: str) -> str:
    """The uid of a place, zone, portal or asset that is called so.

    Raises:
        UsageError: nothing is, or several things are.
    """
    known = (directory.places, directory.zones, directory.portals, directory.assets)
    if any(name in some for some in known):
        return name
    found = {alias.entity for alias in _named(directory, (*PLACE_KINDS, "door", "reader", "device", "hostname"), name)}
    found = {uid for uid in found if any(uid in some for some in known)}
    if len(found) != 1:
        what = "may be several things" if found else "is no place, zone, door or asset"
        raise UsageError(f"{name!r} {what}", remedy="give its uid, from places/ or assets/")
    return found.pop()


def covered(
    described: Estate, directory: Directory, lake: Lake, of: str, start: int, end: int, feed: str | None, known_at: int
) -> Coverage:
    """Whether what happened there in [start, end) could have been seen, as known at a moment.

    Raises:
        EstateError: coverage.toml is wrong.
    """
    sources = described.covers(directory)
    heard = lake.read(PULSES)
    history = History()
    said = lake.read(
        STATEMENTS, SCHEMA.names, pc.field("kind").isin(["portal_mode", "bypassed", "lost", "maintenance"])
    )
    history.add(Learnt.of(said=said).said)
    covering = Covering(directory, sources, heard if heard.num_rows else pulse_table([]), history, known_at=known_at)
    return covering.coverage(of, start, end, feed=feed)


def clocks(directory: Directory, lake: Lake, end: int) -> Mapping[str, Ahead]:
    """How far the clocks of doors were ahead of each other, by who walked between them in the two weeks before."""
    near = (pc.field("time") >= end - MEASURED_MS) & (pc.field("time") < end)
    return measured(Learnt.of(lake.read(SIGHTINGS, where=near)).seen, directory)


def _named(directory: Directory, kinds: Iterable[str], name: str) -> list[Alias]:
    """Aliases that are written like a name, those that are written exactly so first."""
    wanted = {kind: forms(kind, name) for kind in kinds}
    ranked = [
        (min(asked.index(form) for form in written), alias)
        for alias in directory.aliases
        if (asked := wanted.get(alias.kind)) and (written := set(asked) & set(forms(alias.kind, alias.value)))
    ]
    best = min((rank for rank, _ in ranked), default=0)
    return [alias for rank, alias in ranked if rank == best]


def where(
    directory: Directory, lake: Lake, person: str, at: int, sources: Mapping[str, Source] | None = None
) -> Whereabouts:
    """Where a person was at a moment.

    Args:
        sources: what each source could see; without them silence means nothing.
    """
    uids = [person, *(uid for uid, kept in directory.same.items() if kept == person)]
    seen = lake.read(SIGHTINGS, where=pc.field("person").isin(uids) & (pc.field("time") <= at + LONGEST_MS))
    return _placed(directory, lake, Learnt.of(seen).renamed(directory.same).seen, [person], at, sources)[0]


def who(
    directory: Directory,
    lake: Lake,
    places: frozenset[str],
    name: str,
    at: int,
    sources: Mapping[str, Source] | None = None,
) -> Inside:
    """Who was in some places at a moment.

    Args:
        sources: what each source could see; without them silence means nothing.
    """
    since = at - LONGEST_MS
    near = lake.read(SIGHTINGS, where=(pc.field("time") <= at + LONGEST_MS) & (pc.field("time") > since))
    seen = Learnt.of(near).renamed(directory.same).seen
    last: dict[str, Sighting] = {}
    for one in sorted(seen, key=lambda one: (one.time, one.sequence, one)):
        if one.time <= at:
            last[one.person] = one
    concerned = sorted(person for person, one in last.items() if one.place in places)
    found = _placed(directory, lake, [one for one in seen if one.person in set(concerned)], concerned, at, sources)
    surely = tuple(one for one in found if one.place in places and one.sure)
    possibly = tuple(one for one in found if one not in surely and one.presence != OUT)
    return Inside(name, at, surely, possibly)


def _placed(
    directory: Directory,
    lake: Lake,
    seen: Iterable[Sighting],
    persons: list[str],
    at: int,
    sources: Mapping[str, Source] | None,
) -> list[Whereabouts]:
    history = History()
    said = lake.read(STATEMENTS, SCHEMA.names, pc.field("kind").isin(RESTS_ON))
    history.add(Learnt.of(said=said).said)
    presence = Presence(directory, history, sources)
    if sources:
        presence.gaps.hear(lake.read(PULSES, PULSE_SCHEMA.names))
    known = list(seen)
    presence.add(known)
    doubt = presence.doubt
    return [_of(directory, person, at, doubt, history.intervals("presence", person), known) for person in persons]


def _of(
    directory: Directory, person: str, at: int, doubt: int, intervals: Sequence[Interval], seen: Iterable[Sighting]
) -> Whereabouts:
    holds, *near = [
        next((one for one in intervals if one.since <= time < one.until), None) for time in (at, at - doubt, at + doubt)
    ]
    if holds is None:
        return Whereabouts(person, at, UNKNOWN, "", "", None, 0, None)
    rests = next((one for one in seen if one.person == person and one.time == holds.moment), None)
    place = "" if holds.value in (OUT, UNKNOWN) else holds.value
    steady = all(one is not None and (one.value, one.moment) == (holds.value, holds.moment) for one in near)
    return Whereabouts(
        person,
        at,
        holds.value if not place else "in",
        place,
        directory.zone_of(place),
        holds.since,
        holds.confidence if steady else min(TAILGATED, holds.confidence),
        rests,
    )
