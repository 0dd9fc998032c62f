"""Coverage: could what happened at a place have been seen, all the time? Without it, "nobody came" says nothing.

    place, zone    every portal one gets in by, and those of the zones around it on the way
    portal         its sources; its controller; the mode it is in: an unlocked door tells nobody
    asset          its sources, and what it depends on

Full only if everything needed was well all the time; blind if nothing was at any time; partial between. Each reason
names the source or the thing, and the stretch of time (scenarios A4, detection reference 7.1).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from watchfloor.world.directory import Directory
from watchfloor.world.entities import FOREVER, Portal
from watchfloor.world.interval import ANY, Known
from watchfloor.world.sources import Source
from watchfloor.world.stretch import Stretch, joined

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ALARMS", "OPEN", "PASSAGES", "WHY", "Coverage", "Covering", "grown_stale", "standing_at"]

WHY: Mapping[str, str] = {
    "never_heard": "nothing was ever heard of {source}",
    "silent": "{source} was silent for longer than its heartbeat",
    "few": "fewer events than expected came from {source}",
    "clock": "the clock of {source} was ahead of ours by more than it may",
    "pending": "something on time may still come from {source}",
    "unmeasured": "nobody said what {source} is like when it is well, and what is usual is not known yet",
    "unwatched": "no source sees {of}",
    "masked": "{of} was in a mode that tells nobody who passes, or masks its alarms",
    "bypassed": "an alarm point at {of} was bypassed",
    "map_stale": "nobody has checked for too long where {of} is",
    "lost": "{of} could not be reached",
    "maintenance": "{of} was in maintenance",
}
"""Why something was not seen, and how one says so."""

PASSAGES, ALARMS = "physical_access_activity", "alarm_signal_activity"
"""Classes that tell who passes a portal, and what alarms there were."""

OPEN = ("unlocked", "lockedopen", "locked_open")
"""Modes in which people pass without a read, and forced and held-open alarms are masked (domain reference 2.1)."""

MASKS_FORCED = (*OPEN, "accessed")
"""Modes in which a forced door is no alarm."""


class Coverage(NamedTuple):
    """Whether what happened could have been seen.

    Args:
        state: `full`, `partial` or `blind`.
        reasons: what was not seen and why, in order of time, cut to what was asked for; none if it is full.
        sources: ids of the sources that could see it when they are well.
        intervals: when something was not seen: [since, until), joined, UTC epoch milliseconds.
        late: what came late and is whole now; no reason against full.
    """

    state: str
    reasons: tuple[Stretch, ...]
    sources: tuple[str, ...]
    intervals: tuple[tuple[int, int], ...]
    late: tuple[Stretch, ...]


def said(stretch: Stretch) -> str:
    """A reason as a person says it."""
    return WHY[stretch.why].format(source=stretch.source, of=stretch.of)


class Covering:
    """Answers what was covered, as known at one moment.

    Args:
        directory: places, portals, zones, assets.
        sources: what each could see.
        heard: pulses of all of them (`pulse.PULSE_SCHEMA`).
        history: modes of doors, bypassed and lost devices, maintenance.
        known_at: UTC epoch milliseconds; what arrived later does not count.
    """

    def __init__(
        self, directory: Directory, sources: Mapping[str, Source], heard: pa.Table, history: Known, *, known_at: int
    ) -> None:
        self._directory, self._sources, self._history, self._heard = directory, sources, history, heard
        self._known_at = known_at
        self._health: dict[str, list[Stretch]] = {}

    def coverage(self, of: str, start: int, end: int, *, feed: str | None = None) -> Coverage:
        """Whether what happened there in [start, end) could have been seen.

        Args:
            of: uid of a place, zone, portal or asset.
            start: UTC epoch milliseconds.
            end: not included.
            feed: class of events that is asked for; None: passages at places and portals, anything at assets.

        Raises:
            KeyError: there is no such place, zone, portal or asset.
        """
        from watchfloor.world.pulse import late  # who only asks what there is to see need not wait for NumPy

        directory = self._directory
        if of in directory.assets:
            needed = [self._asset(of, feed)]
        elif of in directory.portals:
            needed = [self._portal(directory.portals[of], feed or PASSAGES)]
        elif of in directory.places or of in directory.zones:
            portals = _ways_in(directory, of)
            needed = [self._portal(portal, feed or PASSAGES) for portal in portals]
            if not portals:
                needed = [self._unwalled(of, feed or PASSAGES)]
        else:
            raise KeyError(of)
        gaps = [
            [_cut(one, start, end) for one in stretches if one.since < end and one.until > start]
            for _, stretches in needed
        ]
        merged = joined((one.since, one.until) for some in gaps for one in some)
        blind = all(joined((one.since, one.until) for one in some) == ((start, end),) for some in gaps)
        sources = sorted({uid for seeing, _ in needed for uid in seeing})
        came_late = (one for uid in sources for one in late(self._sources[uid], self._heard, self._known_at))
        return Coverage(
            "full" if not merged else "blind" if blind else "partial",
            tuple(sorted({one for some in gaps for one in some})),
            tuple(sources),
            merged,
            tuple(_cut(one, start, end) for one in came_late if one.since < end and one.until > start),
        )

    def _portal(self, portal: Portal, feed: str) -> tuple[set[str], list[Stretch]]:
        seeing, found = self._seen(portal.uid, standing_at(self._directory, portal), feed)
        modes = MASKS_FORCED if feed == ALARMS else OPEN
        found += [
            Stretch(one.since, one.until, "masked", of=portal.uid)
            for one in self._history.intervals("portal_mode", portal.uid)
            if one.value in modes
        ]
        found += grown_stale(self._directory, portal.uid)
        found += self._device(portal.controller)
        if feed == ALARMS:
            for place in (portal.outside, portal.inside):
                found += self._bypassed(place)
        return seeing, found

    def _asset(self, uid: str, feed: str | None) -> tuple[set[str], list[Stretch]]:
        directory = self._directory
        place = directory.assets[uid].place
        there = {uid, *directory.up(place), *directory.around(directory.zone_of_asset(uid))}
        seeing, found = self._seen(uid, there, feed)
        found += grown_stale(directory, uid)
        found += self._device(uid)
        found += [
            Stretch(one.since, one.until, "maintenance", of=uid)
            for one in self._history.intervals("maintenance", uid, ANY)
        ]
        return seeing, found

    def _unwalled(self, of: str, feed: str) -> tuple[set[str], list[Stretch]]:
        """A place without a door: what sees it is all there is to go by."""
        directory = self._directory
        zone = of if of in directory.zones else directory.zone_of(of)
        seeing, found = self._seen(of, {of, *directory.up(of), *directory.around(zone)}, feed)
        return seeing, found + (self._bypassed(of) if feed == ALARMS else [])

    def _seen(self, of: str, there: set[str], feed: str | None) -> tuple[set[str], list[Stretch]]:
        seeing = {
            one.id
            for one in self._sources.values()
            if one.sees_any(there) and (feed is None or not one.feeds or feed in one.feeds)
        }
        if not seeing:
            return seeing, [Stretch(-(1 << 62), 1 << 62, "unwatched", of=of)]
        return seeing, [stretch for uid in sorted(seeing) for stretch in self._unwell(uid)]

    def _unwell(self, source: str) -> list[Stretch]:
        from watchfloor.world.pulse import unwell

        if source not in self._health:
            one = self._sources[source]
            self._health[source] = unwell(one, self._heard, self._directory.timezone, self._known_at)
        return self._health[source]

    def _device(self, uid: str) -> list[Stretch]:
        """It, or what it depends on, could not be reached."""
        asset = self._directory.assets.get(uid)
        if asset is None:
            return []
        return [
            Stretch(one.since, one.until, "lost", of=device)
            for device in (uid, *asset.infrastructure)
            for one in self._history.intervals("lost", device)
        ]

    def _bypassed(self, place: str) -> list[Stretch]:
        return [
            Stretch(one.since, one.until, "bypassed", of=place)
            for one in self._history.intervals("bypassed", place, ANY)
        ]


def _ways_in(directory: Directory, of: str) -> list[Portal]:
    """Portals into a place or zone, and into every zone around it."""
    found: dict[str, Portal] = {}
    zone = of if of in directory.zones else directory.zone_of(of)
    for around in directory.around(zone):
        found |= {portal.uid: portal for portal in directory.portals_of(around)}
    for place in directory.up(of):
        if directory.zone_of(place) != zone:
            break
        there = directory.inside(place)
        found |= {one.uid: one for one in directory.portals.values() if (one.inside in there) != (one.outside in there)}
    return [found[uid] for uid in sorted(found)]


def _cut(one: Stretch, start: int, end: int) -> Stretch:
    return one._replace(since=max(one.since, start), until=min(one.until, end))


def grown_stale(directory: Directory, uid: str) -> list[Stretch]:
    """From when on nobody knows where an asset stands or a portal leads: what it tells is of no place (A2)."""
    since = directory.fresh_until.get(uid)
    return [] if since is None else [Stretch(since, FOREVER, "map_stale", of=uid)]


def standing_at(directory: Directory, portal: Portal) -> set[str]:
    """What a source that sees a portal may name: the portal, its readers, the places and zones on both sides."""
    there = {portal.uid, *(reader.uid for reader in portal.readers)}
    for side in (portal.outside, portal.inside):
        there |= {*directory.up(side), *directory.around(directory.zone_of(side))}
    return there
