"""Presence: in, out or unknown. A fold over one person's sightings, by event time; whatever order they came in.

    08:02 Taken, gate, in       yard      100   until the next sighting, or until it is too old to believe
    08:09 Taken, door, in       office    100
    12:10                       office     70   the zone is tailgate-prone: somebody may have left with somebody else
    20:09                       unknown    -    twelve hours without a sighting
    21:00 Taken, gate, out      out       100   until the next sighting

Unknown is never absence. A fire alarm makes everybody in its reach unknown, never out (domain reference 2.2). So
does a gap at a way out of where somebody was seen, or at a way in for who had left: they may have passed unseen
(gaps.py; scenarios A3). Where one leaves freely, without a read, half an hour is as long as a sighting is believed.

The same fold says on which site somebody is (`on_site`): only the ways out of the site count there.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from watchfloor.world.directory import Directory
from watchfloor.world.entities import FOREVER, LONG_AGO
from watchfloor.world.gaps import RESTS_ON as GAPS_REST_ON
from watchfloor.world.gaps import Gaps
from watchfloor.world.interval import Interval, Known
from watchfloor.world.seen import STRONG, Sighting
from watchfloor.world.sources import SKEW_MS, Source
from watchfloor.world.travel import Travel
from watchfloor.world.ways import Ways, is_outside

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from watchfloor.ocsf.column import Column
    from watchfloor.world.history import AsOf, History

__all__ = [
    "CONTRADICTED",
    "OUT",
    "RESTS_ON",
    "TAILGATED",
    "UNKNOWN",
    "Believes",
    "Presence",
    "Reset",
    "asked",
    "believed",
    "believes",
    "believes_of_sites",
    "doubt_of",
    "resets",
]

OUT, UNKNOWN = "out", "unknown"
"""Values of a presence besides the uid of a place."""

RESTS_ON = ("shift", "evacuating", "drill", *GAPS_REST_ON)
"""Kinds of statements that presence rests on, besides sightings and pulses."""

LONGEST_MS = 12 * 3_600_000
"""A sighting is believed so long (scenarios, A3)."""

FREE_EGRESS_MS = 30 * 60_000
"""... and so long where one leaves without a read."""

SURELY_MS = 60_000
"""In a tailgate-prone zone, or next to one, a person is surely there for so long after a read."""

CONTRADICTED = 75
"""Confidence of a stretch after which somebody was seen where they cannot have come to unread: in it they moved unseen,
or a clock is wrong. Below `entities.SURE`; told apart because until then nobody knew."""

TAILGATED = 70
"""Confidence after that, and of whatever else is doubtful: below `entities.SURE`."""


ONE_BY_ONE = ("turnstile", "mantrap")
"""Kinds of portals through which nobody follows anybody."""


class Reset(NamedTuple):
    """From `time` on nobody who was last seen in one of `places` is known to be anywhere; no places: nobody at all."""

    time: int
    places: frozenset[str]


class Believes(NamedTuple):
    """What a place makes of a sighting.

    Args:
        value: what is said of who is there: its uid, that of its site, or `out`.
        longest: milliseconds a sighting there is believed.
        tailgate: somebody may have followed somebody else out, or on into a place beside it.
    """

    value: str
    longest: int = LONGEST_MS
    tailgate: bool = False


def believes(directory: Directory) -> Mapping[str, Believes]:
    """Per place, from its zone and the ways out of it."""
    freely: set[str] = set()
    for portal in directory.portals.values():
        if portal.free_egress:
            freely |= directory.inside(portal.inside)
    prone = {uid for uid in directory.places if _prone(directory, uid)}
    beside = {portal.outside for portal in directory.portals.values() if portal.inside in prone}
    beside |= {portal.inside for portal in directory.portals.values() if portal.outside in prone}
    return {
        uid: Believes(
            OUT if is_outside(directory, uid) else uid,
            FREE_EGRESS_MS if uid in freely else LONGEST_MS,
            uid in prone or uid in beside,
        )
        for uid in directory.places
    }


def believes_of_sites(directory: Directory) -> Mapping[str, Believes]:
    """Per place what it says of the site: only the ways out of the site count, whatever room somebody is in."""
    freely, followed = set(), set()
    for portal in directory.portals.values():
        site, other = directory.site_of(portal.inside), directory.site_of(portal.outside)
        if is_outside(directory, portal.outside) or site != other:
            if portal.free_egress:
                freely.add(site)
            if portal.kind not in ONE_BY_ONE and _prone(directory, portal.inside):
                followed.add(site)
    return {
        uid: Believes(
            OUT if is_outside(directory, uid) else site or UNKNOWN,
            FREE_EGRESS_MS if site in freely else LONGEST_MS,
            site in followed,
        )
        for uid in directory.places
        for site in (directory.site_of(uid),)
    }


def resets(directory: Directory, history: Known) -> list[Reset]:
    """Fire and evacuation, in order of time; a drill is neither. Their reach is the building, else the site."""
    found = []
    for place in directory.places:
        alarms = history.intervals("evacuating", place)
        if not alarms:
            continue
        drills = [drill for around in directory.up(place) for drill in history.intervals("drill", around)]
        reach = [uid for uid in directory.up(place) if directory.places[uid].kind in ("building", "site")]
        places = directory.inside(reach[0]) if reach else frozenset[str]()
        for one in alarms:
            if not any(drill.since <= one.since < drill.until for drill in drills):
                found.append(Reset(one.since, places))
    return sorted(set(found), key=lambda reset: (reset.time, sorted(reset.places)))


def _prone(directory: Directory, place: str) -> bool:
    zone = directory.zones.get(directory.zone_of(place))
    return zone is not None and zone.tailgate_prone


def believed(
    seen: Iterable[Sighting],
    places: Mapping[str, Believes],
    resets: Sequence[Reset] = (),
    shifts: Sequence[Interval] = (),
    *,
    ways: Ways | None = None,
    unseen: Callable[[frozenset[str]], Sequence[tuple[int, int]]] = lambda portals: (),
    skew: Callable[[str], int] = lambda source: SKEW_MS,
    before: Sighting | None = None,
) -> list[Interval]:
    """Where one person was, as intervals; `moment` of each is the sighting it rests on.

    Args:
        seen: sightings of one person, in any order; one event counts once.
        places: what places make of sightings.
        resets: in order of time.
        shifts: the person's shifts: who was seen during one is believed there until it ends at most.
        ways: what parts places; without them nobody moves unseen.
        unseen: of portals, when any of them had a gap; in order of time.
        skew: of a source, milliseconds to which its clock is right.
        before: the sighting before all of these.
    """
    made: list[Interval] = []
    ordered = sorted(set(seen), key=lambda one: (one.time, one.sequence, one))
    for number, one in enumerate(ordered):
        coming = ordered[number + 1] if number + 1 < len(ordered) else None
        following = FOREVER if coming is None else coming.time
        last = ordered[number - 1] if number else before
        if following <= one.time:
            continue  # another sighting of the same moment counts
        place = places.get(one.place) or Believes(one.place)
        value = place.value
        end = following
        if value != OUT:
            end = min(end, one.time + place.longest)
            shift_end = next((shift.until for shift in shifts if shift.since <= one.time < shift.until), FOREVER)
            end = min(end, max(shift_end, one.time + 1))
            end = min(end, next((r.time for r in resets if _reaches(r, one)), FOREVER))
        leaves = frozenset[str]() if ways is None else ways.leaves(one.place)
        end = max(one.time, min(end, _first(unseen(leaves), one.time)))
        contradicted, doubtful = end, end
        if place.tailgate and value != OUT:
            doubtful = min(end, one.time + SURELY_MS)
        if ways is not None and coming is not None and not ways.follows(one.place, coming):
            contradicted = max(one.time, following - LONGEST_MS) if value == OUT else one.time
        if (
            ways is not None
            and last is not None
            and not ways.follows(last.place, one)
            and _unordered(last, one, ways, skew)
        ):
            doubtful = one.time
        edges = (one.time, min(contradicted, doubtful), doubtful, end, following)
        sure = (one.strength, min(CONTRADICTED, one.strength), min(TAILGATED, one.strength), 0)
        for (since, until), confidence in zip(pairwise(edges), sure, strict=True):
            if since < until:
                known = since < end and value != UNKNOWN
                made.append(_made(one, since, until, value if known else UNKNOWN, confidence if known else 0))
    return made


def _unordered(one: Sighting, other: Sighting, ways: Ways, skew: Callable[[str], int]) -> bool:
    """Whether two sightings, so near each other, may have happened in the other order: by clocks that differ."""
    doubt = skew(one.source) + skew(other.source)
    return ways.clock(one) != ways.clock(other) and other.time - one.time <= doubt


def _reaches(reset: Reset, one: Sighting) -> bool:
    return reset.time > one.time and (not reset.places or one.place in reset.places)


def _first(stretches: Sequence[tuple[int, int]], time: int) -> int:
    """When the first of them begins that has not ended at a time."""
    place = bisect_right(stretches, time, key=_until)
    return stretches[place][0] if place < len(stretches) else FOREVER


def _until(stretch: tuple[int, int]) -> int:
    return stretch[1]


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


def asked(
    history: History,
    person: Column,
    times: npt.NDArray[np.int64],
    doubt: npt.NDArray[np.int64] | int = 0,
    *,
    then: bool = False,
    kind: str = "presence",
) -> AsOf:
    """Presence at times that are right only so far: sure is what holds all the time they may mean.

    Args:
        person: uids. Shape (rows,).
        times: UTC epoch milliseconds. Shape (rows,).
        doubt: how far times and the clocks of sightings may be apart, milliseconds; 0 of one clock. Shape (rows,).
        then: as known at these times, whoever was seen where after them: the same whenever it is asked.
        kind: `presence` in places, or `on_site`.
    """
    import numpy as np  # the fold of one person does without

    found = history.as_of(kind, person, times)
    confidence = found.confidence.copy()
    if then:
        confidence[confidence == CONTRADICTED] = STRONG
    doubtful = found.moment > times - doubt  # earlier, the sighting before that one would hold
    if not then and np.any(doubt):
        late = history.as_of(kind, person, times + doubt)
        doubtful |= (late.value.codes != found.value.codes) | (late.moment != found.moment)
    confidence[doubtful] = np.minimum(confidence[doubtful], TAILGATED)
    return replace(found, confidence=confidence)


def doubt_of(sources: Mapping[str, Source]) -> int:
    """Milliseconds to which the clocks of some sources are right; of none, what nobody has measured."""
    return max((int(one.skew_ms) for one in sources.values()), default=SKEW_MS)


class Presence:
    """Keeps the history's `presence` in step with sightings, resets and gaps.

    A sighting changes nothing of what was before the one before it, so that only what follows is folded again: what a
    batch costs does not grow with how long somebody has been known.

    Args:
        directory: places, zones, portals.
        history: where presence goes, and where shifts, modes of doors and losses come from.
        sources: what is heard of whom; without them silence means nothing.
    """

    def __init__(self, directory: Directory, history: History, sources: Mapping[str, Source] | None = None) -> None:
        self.gaps = Gaps(directory, history, sources)
        self._unseen: dict[frozenset[str], tuple[tuple[int, int], ...]] = {}
        self._seen_as = (
            ("presence", believes(directory), Ways(directory)),
            ("on_site", believes_of_sites(directory), Ways(directory, sites=True)),
        )
        self.travel = Travel(self._seen_as[0][2])
        self._skew = {uid: int(one.skew_ms) for uid, one in (sources or {}).items()}
        self._directory, self._history = directory, history
        self._seen: dict[str, list[Sighting]] = defaultdict(list)
        self._resets: list[Reset] = []

    @property
    def doubt(self) -> int:
        """Milliseconds to which the clocks of those who tell of passages are right."""
        return doubt_of(self.gaps.sources)

    def add(self, seen: Iterable[Sighting], shifted: Iterable[str] = ()) -> int:
        """More sightings, and whatever alarms and gaps there are by now; gives how many sightings were new.

        Args:
            shifted: persons about whose shifts something new is known.
        """
        since = dict.fromkeys((uid for uid in shifted if uid in self._seen), LONG_AGO)
        new = 0
        for one in seen:
            known = self._seen[one.person]
            place = bisect_left(known, one)
            if place == len(known) or known[place] != one:
                self._travelled(known, place, one)
                known.insert(place, one)
                since[one.person] = min(one.time, since.get(one.person, FOREVER))
                new += 1
        now = resets(self._directory, self._history)
        differ = set(now) ^ set(self._resets)
        self._resets = now
        changed = min([self.gaps.renew(), *(reset.time for reset in differ)])
        if changed < FOREVER:
            self._unseen = {}
            for person in self._seen:
                since[person] = min(changed, since.get(person, FOREVER))
        for person, time in since.items():
            self._fold(person, time)
        return new

    def _travelled(self, known: Sequence[Sighting], place: int, one: Sighting) -> None:
        """What comes between two sightings parts them."""
        before = known[place - 1] if place else None
        after = known[place] if place < len(known) else None
        if before is not None and after is not None:
            self.travel.remove(before, after)
        if before is not None:
            self.travel.add(before, one)
        if after is not None:
            self.travel.add(one, after)

    def _fold(self, person: str, since: int) -> None:
        """Fold again all that something at `since` may change: from the last sighting before it on."""
        known = self._seen[person]
        before = bisect_left(known, since, key=_time)
        start = bisect_left(known, known[before - 1].time, key=_time) if before else 0
        cut = known[start].time if before else LONG_AGO
        resets = self._resets[bisect_right(self._resets, cut, key=lambda reset: reset.time) :]
        shifts = [shift for shift in self._history.intervals("shift", person) if shift.until > cut]
        for kind, places, ways in self._seen_as:
            made = believed(
                known[start:],
                places,
                resets,
                shifts,
                ways=ways,
                unseen=self._gaps_at,
                skew=lambda source: self._skew.get(source, SKEW_MS),
                before=known[start - 1] if start else None,
            )
            self._history.replace(kind, person, made, since=cut)
        self._history.replace("sighted", person, _last_seen(known[start:]), since=cut)

    def _gaps_at(self, portals: frozenset[str]) -> tuple[tuple[int, int], ...]:
        found = self._unseen.get(portals)
        if found is None:
            found = self._unseen[portals] = self.gaps.of(portals)
        return found


def _time(one: Sighting) -> int:
    return one.time
