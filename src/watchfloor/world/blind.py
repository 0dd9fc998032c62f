"""Stretches in which something was not seen, all of them: what no event asks for, because the event is what is missing.

    source   silent, too few events, clock ahead                      whatever it would have told
    portal   open by its mode; its controller lost, in maintenance    who passes
             nobody has checked where it leads (`map_days`)           who passes
    place    an alarm point there bypassed                            its alarms

Coverage answers for one place and stretch (`coverage.py`); a rule whose own records were lost asks for none. So what is
blind is told by itself, up to how far the sources are: what may still come is not missing yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import pyarrow as pa

from watchfloor.world.coverage import ALARMS, OPEN, PASSAGES, grown_stale, standing_at
from watchfloor.world.directory import Directory
from watchfloor.world.gaps import CUTS
from watchfloor.world.history import ANY, History
from watchfloor.world.pulse import Stretch, unwell
from watchfloor.world.sources import Source

__all__ = ["Blind", "blind"]


class Blind(NamedTuple):
    """What was not seen, from when to when.

    Args:
        source: who would have told.
        of: uid of the portal or place; "" is all that the source sees.
        since, until: [since, until), UTC epoch milliseconds; `until` is how far the sources are where it lasts on.
        why: a reason of `coverage.WHY`.
        classes: of the events that are missing; none: whatever the source gives.
        lasts: it is not over yet.
    """

    source: str
    of: str
    since: int
    until: int
    why: str
    classes: frozenset[str]
    lasts: bool


def blind(
    directory: Directory,
    sources: Mapping[str, Source],
    heard: pa.Table,
    history: History,
    *,
    known_at: int,
    upto: int,
) -> list[Blind]:
    """All stretches in which something was not seen, as known at a moment; in order of source, thing and time.

    Args:
        heard: pulses of the sources (`pulse.PULSE_SCHEMA`).
        known_at: UTC epoch milliseconds.
        upto: how far the sources are: what would have happened after it is not missing yet.
    """
    found = [*_sources(directory, sources, heard, known_at, upto)]
    for one in (*_portals(directory, sources, history), *_places(directory, sources, history)):
        if one.since < upto:
            found.append(one._replace(until=min(one.until, upto), lasts=one.until > upto))
    return _joined(found)


def _sources(
    directory: Directory, sources: Mapping[str, Source], heard: pa.Table, known_at: int, upto: int
) -> Iterator[Blind]:
    for source in sources.values():
        for one in unwell(source, heard, directory.timezone, known_at):
            if one.why not in CUTS or one.since >= upto:
                continue
            if one.why != "silent":
                whole = one.until <= upto  # an hour is judged when it is over
                if whole:
                    yield Blind(source.id, "", one.since, one.until, one.why, source.feeds, False)
            elif min(one.until, upto) - one.since > int((source.heartbeat_s or 0) * 1000):
                lasts = one.until > upto
                yield Blind(source.id, "", one.since, min(one.until, upto), one.why, source.feeds, lasts)


def _portals(directory: Directory, sources: Mapping[str, Source], history: History) -> Iterator[Blind]:
    telling = [one for one in sources.values() if not one.feeds or PASSAGES in one.feeds]
    for portal in directory.portals.values():
        if not portal.readers:
            continue
        seeing = [one.id for one in telling if one.sees_any(standing_at(directory, portal))]
        if not seeing:
            continue
        modes = history.intervals("portal_mode", portal.uid)
        stretches = [Stretch(one.since, one.until, "masked") for one in modes if one.value in OPEN]
        stretches += grown_stale(directory, portal.uid)
        controller = directory.assets.get(portal.controller)
        for device in () if controller is None else (controller.uid, *controller.infrastructure):
            stretches += [Stretch(one.since, one.until, "lost") for one in history.intervals("lost", device)]
        if controller is not None:
            kept = history.intervals("maintenance", controller.uid, ANY)
            stretches += [Stretch(one.since, one.until, "maintenance") for one in kept]
        for one in stretches:
            yield Blind(seeing[0], portal.uid, one.since, one.until, one.why, frozenset((PASSAGES,)), False)


def _places(directory: Directory, sources: Mapping[str, Source], history: History) -> Iterator[Blind]:
    telling = [one for one in sources.values() if not one.feeds or ALARMS in one.feeds]
    for place in directory.places:
        for one in history.intervals("bypassed", place, ANY):
            there = {place, *directory.up(place), *directory.around(directory.zone_of(place))}
            seeing = [source.id for source in telling if source.sees_any(there)]
            if seeing:
                yield Blind(seeing[0], place, one.since, one.until, "bypassed", frozenset((ALARMS,)), False)


def _joined(found: Iterable[Blind]) -> list[Blind]:
    """Stretches of one thing that touch or overlap are one; the first says why."""
    made: list[Blind] = []
    for one in sorted(found):
        last = made[-1] if made else None
        if last is not None and last[:2] == one[:2] and last.classes == one.classes and one.since <= last.until:
            made[-1] = last._replace(until=max(last.until, one.until), lasts=last.lasts or one.lasts)
        else:
            made.append(one)
    return made
