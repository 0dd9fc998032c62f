"""Where somebody was, and who was somewhere: answers for a guard, from what the lake remembers, with how sure they are.

Only what the question needs is read: the sightings of one person, or those that a place's last half day may rest on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from watchfloor.errors import UsageError
from watchfloor.store.index import Indexed, Remembered
from watchfloor.world.directory import Directory
from watchfloor.world.entities import LONG_AGO, SURE, Alias
from watchfloor.world.gaps import Gaps
from watchfloor.world.interval import Interval, Said, Statement
from watchfloor.world.naming import forms
from watchfloor.world.presence import (
    LONGEST_MS,
    OUT,
    RESTS_ON,
    TAILGATED,
    UNKNOWN,
    believed,
    believes,
    doubt_of,
    resets,
)
from watchfloor.world.seen import Sighting
from watchfloor.world.sources import SKEW_MS, Source
from watchfloor.world.tables import PULSES, SIGHTINGS, STATEMENTS
from watchfloor.world.ways import Ways

__all__ = ["Inside", "Whereabouts", "person_named", "place_named", "uid_of", "where", "who"]

INDEXED: Mapping[str, Indexed] = {
    SIGHTINGS: Indexed(Sighting._fields, by=("person", "time"), horizon=True),
    STATEMENTS: Indexed(Statement._fields, by=("kind", "entity"), only=(("kind", RESTS_ON),)),
}
"""What is asked for one person or place, kept so that it is found at once (store/index.py)."""

PERSON_KINDS = ("badge", "account", "email", "personnel_no", "key", "plate", "mobile", "sid")
PLACE_KINDS = ("room", "zone", "site")


class Whereabouts(NamedTuple):
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


class Inside(NamedTuple):
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
    directory: Directory, known: Remembered, person: str, at: int, sources: Mapping[str, Source] | None = None
) -> Whereabouts:
    """Where a person was at a moment.

    Args:
        sources: what each source could see; without them silence means nothing.
    """
    uids = [person, *(uid for uid, kept in directory.same.items() if kept == person)]
    among, until, horizon = {"person": uids}, at + LONGEST_MS, known.horizon(SIGHTINGS)
    seen = _seen(directory, known, among, since=horizon, until=until)
    before = {one.time for one in seen if one.time <= at - doubt_of(Gaps(directory, Said(()), sources).sources)}
    if len(before) < 2 and horizon > LONG_AGO:  # what holds depends on the last two moments, wherever they are
        seen = _seen(directory, known, among, since=LONG_AGO, until=until)
    return _placed(directory, known, seen, [person], at, sources)[0]


def who(
    directory: Directory,
    known: Remembered,
    places: frozenset[str],
    name: str,
    at: int,
    sources: Mapping[str, Source] | None = None,
) -> Inside:
    """Who was in some places at a moment.

    Args:
        sources: what each source could see; without them silence means nothing.
    """
    seen = _seen(directory, known, {}, since=at - LONGEST_MS + 1, until=at + LONGEST_MS)
    last: dict[str, Sighting] = {}
    for one in sorted(seen, key=lambda one: (one.time, one.sequence, one)):
        if one.time <= at:
            last[one.person] = one
    concerned = sorted(person for person, one in last.items() if one.place in places)
    found = _placed(directory, known, seen, concerned, at, sources)
    surely = tuple(one for one in found if one.place in places and one.sure)
    possibly = tuple(one for one in found if one not in surely and one.presence != OUT)
    return Inside(name, at, surely, possibly)


def _seen(
    directory: Directory, known: Remembered, among: Mapping[str, Sequence[str]], *, since: int, until: int
) -> list[Sighting]:
    same = directory.same
    rows = known.rows(SIGHTINGS, among, since=since, until=until)
    return [Sighting(*row)._replace(person=same.get(row[0], row[0]), portal=row[-1] or "") for row in rows]


def _placed(
    directory: Directory,
    known: Remembered,
    seen: Iterable[Sighting],
    persons: list[str],
    at: int,
    sources: Mapping[str, Source] | None,
) -> list[Whereabouts]:
    """Presence of some persons, folded as the engine folds it (world.presence.Presence), out of all it rests on."""
    same = directory.same
    whose = {*persons, *(uid for uid, kept in same.items() if kept in persons)}
    said = known.rows(STATEMENTS, {"kind": [kind for kind in RESTS_ON if kind != "shift"]})
    said += known.rows(STATEMENTS, {"kind": ["shift"], "entity": whose})
    history = Said(Statement(same.get(row[0], row[0]), *row[1:]) for row in said)
    gaps = Gaps(directory, history, sources)
    if gaps.sources:
        gaps.hear(known.lake().read(PULSES))
    gaps.renew()
    alarms, places, ways = resets(directory, history), believes(directory), Ways(directory)
    skew = {uid: int(one.skew_ms) for uid, one in (sources or {}).items()}
    by_person: dict[str, list[Sighting]] = {person: [] for person in persons}
    for one in seen:
        if one.person in by_person:
            by_person[one.person].append(one)
    return [
        _of(
            directory,
            person,
            at,
            doubt_of(gaps.sources),
            believed(
                mine_seen,
                places,
                alarms,
                history.intervals("shift", person),
                ways=ways,
                unseen=gaps.of,
                skew=lambda source: skew.get(source, SKEW_MS),
            ),
            mine_seen,
        )
        for person, mine_seen in by_person.items()
    ]


def _of(
    directory: Directory, person: str, at: int, doubt: int, intervals: Sequence[Interval], seen: Iterable[Sighting]
) -> Whereabouts:
    holds, *near = [
        next((one for one in intervals if one.since <= time < one.until), None) for time in (at, at - doubt, at + doubt)
    ]
    if holds is None:
        return Whereabouts(person, at, UNKNOWN, "", "", None, 0, None)
    rests = max((one for one in seen if one.time == holds.moment), key=lambda one: (one.sequence, one), default=None)
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
