"""A site lives: day by day, source by source, the same records for the same seed.

itinerary -> passages -> doors            who goes where through which portals
stays     -> computers, sign-ins, network what they do where they are
plant, offices                            what goes on without them
scenarios                                 what is put in
faults    -> files                        how it is delivered
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from watchfloor.errors import UsageError
from watchfloor.simulate import (
    doors,
    entra,
    hosts,
    network,
    offices,
    readings,
    security,
    signins,
    switches,
    sysmon,
    vpn,
)
from watchfloor.simulate.docks import swapped
from watchfloor.simulate.draft import Draft, joined
from watchfloor.simulate.drills import announced, drill_on, evacuated
from watchfloor.simulate.faults import Outage, cut, drift, everyday_outages, shaken
from watchfloor.simulate.lines import Ints
from watchfloor.simulate.movement import NOWHERE, Stays, Window, move, stays, together
from watchfloor.simulate.output import Output
from watchfloor.simulate.rota import HOUR, Calendar, itinerary, rota
from watchfloor.simulate.scenarios.frame import Plan, State, Told, planned, tell
from watchfloor.simulate.site import Site, read_site
from watchfloor.simulate.sources import SOURCES

__all__ = ["Summary", "generate"]

TAILGATE = 0.12
"""Share of those who come close behind somebody at a door known for it, and follow without a read."""

SECOND = 1_000

MANY = 4_000
"""People from which a day is written hour by hour."""


@dataclass(slots=True)
class Summary:
    """What was written."""

    people: int
    days: int
    first_day: date
    records: dict[str, int] = field(default_factory=dict)
    bytes: int = 0
    cases: int = 0

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "people": self.people,
            "days": self.days,
            "first_day": self.first_day.isoformat(),
            "records": self.records,
            "total": sum(self.records.values()),
            "bytes": self.bytes,
            "cases": self.cases,
        }


def generate(
    folder: Path,
    out: Path,
    *,
    days: int,
    seed: int,
    start: date,
    timezone: str,
    inject: Sequence[str] = (),
    faults: Collection[str] = (),
    advance: Callable[[int, str], None] = lambda done, what: None,
) -> Summary:
    """Write records and truth.

    Args:
        folder: the estate, whose files say who and what there is.
        out: where files are written; made when it is not there.
        inject: cases, like `S1`, `S7:blind` or `all`.
        faults: keys of `faults.FAULTS`.
        advance: told after each day, with 1 and the day.

    Raises:
        EstateError: a file of the estate is wrong, or it describes no people and portals.
        UsageError: a case is not known, nobody is free for one on any day, or `out` holds records already.
    """
    site = read_site(folder, timezone=timezone)
    plan = planned(inject, days)
    summary = Summary(len(site.people), days, start)
    skew = drift(site, faults, seed)
    told: list[Told] = []
    outages: list[Outage] = []
    carried: dict[str, Draft] = {}
    before = NOWHERE
    postponed: list[Plan] = []
    with Output(out, site) as output:
        for number in range(days):
            calendar = Calendar(start + timedelta(days=number), site.directory.timezone)
            day = _Day(site, calendar, seed, skew, first=number == 0)
            stories, postponed = day.tell([*postponed, *plan.get(number, ())], len(told), before)
            if postponed and number == days - 1:
                case = f"{postponed[0].scenario.id}:{postponed[0].name}"
                raise UsageError(
                    f"nobody was free for case {case} up to {calendar.day}",
                    remedy="let more people live there, or more days go by",
                )
            told += stories
            down = everyday_outages(site, faults, calendar.start, day.generator(31))
            down += [outage for story in stories for outage in story.outages]
            outages += down
            output.write_presence(day.presence(stories))
            before = day.stays
            rng = day.generator(37)
            windows = day.windows()
            for part, window in enumerate(windows):
                last = number == days - 1 and part == len(windows) - 1
                records = day.records(window, first=part == 0)
                if part == 0:
                    records += [one for story in stories for one in story.records]
                    records += day.unlocked(down)
                for source in SOURCES:
                    mine = [one for one in records if one.source == source and len(one)]
                    parts = [carried.pop(source)] if source in carried else []
                    parts += [shaken(cut(joined(mine), down), faults, rng)] if mine else []
                    if parts:
                        whole = joined(parts)
                        later = whole.arrival >= window.until
                        if later.any() and not last:
                            carried[source] = whole.take(later)
                            whole = whole.take(~later)
                        output.write(whole)
            advance(1, calendar.day.isoformat())
        output.write_lines("scenarios.jsonl", [one.as_json(outages, told) for one in told])
        output.write_lines("faults.jsonl", [outage.as_json(site) for outage in outages])
        summary.records, summary.bytes, summary.cases = dict(output.counts), output.bytes, len(told)
    return summary


class _Day:
    """One day of the site; what is written of it comes window by window."""

    def __init__(self, site: Site, calendar: Calendar, seed: int, skew: Ints, *, first: bool) -> None:
        self.site, self.calendar, self.seed, self.skew, self.first = site, calendar, seed, skew, first
        rng = self.generator(3)
        self.kind, self.start = rota(site, calendar, seed)
        self.drill = drill_on(site, calendar)
        wanted = itinerary(site, calendar, self.kind, self.start, rng)
        if self.drill is not None:
            wanted = evacuated(site, wanted, self.drill, rng)
        walked = move(site, wanted, rng)
        self.passages = together(site, walked, TAILGATE, rng)
        self.stays = stays(site, self.passages)
        self.docks = swapped(site, self.kind, self.generator(41))
        self.today = site.using(self.docks.host)
        self.rng = self.generator(5)

    def generator(self, purpose: int) -> np.random.Generator:
        """One for each day and purpose, so that a longer run begins with the same days."""
        return np.random.default_rng([self.seed, self.calendar.day.toordinal(), purpose])

    def windows(self) -> list[Window]:
        """The whole day, or its hours where many people would not fit; the last one holds the rest of the night."""
        parts = 1 if len(self.site.people) < MANY else 24
        edges = np.linspace(self.calendar.start, self.calendar.end, parts + 1).astype(np.int64).tolist()
        edges[0] -= 2 * HOUR
        found = [Window(since, until) for since, until in itertools.pairwise(edges)]
        return [*found, Window(self.calendar.end, self.calendar.end + 18 * HOUR)]

    def records(self, window: Window, *, first: bool) -> list[Draft]:
        """What is recorded in a window; with the first one, also what is drawn by the day."""
        site, calendar, rng = self.today, self.calendar, self.rng
        found = [
            doors.everyday(site, self.passages.take(window.holds(self.passages.time)), rng, self.skew),
            *hosts.at_desks(site, self.stays, window, rng),
            *sysmon.everyday(site, self.stays, window, rng),
            *signins.everyday(site, calendar, self.stays, self.kind, window, rng),
            *entra.everyday(site, calendar, self.stays, self.kind, window, rng),
            *vpn.everyday(site, calendar, self.kind, window, rng),
            *network.desks(site, self.stays, window, rng),
            switches.everyday(site, self.stays, window, self.docks.docks),
        ]
        if first:
            found += [
                hosts.servers(site, calendar.start, calendar.end, self.stays, rng),
                network.plant(site, calendar.start, calendar.end, rng),
                offices.personnel(site, calendar, self.kind, self.start, self.seed, first=self.first),
                offices.works(site, calendar, rng),
                *security.everyday(site, calendar, self.stays, rng),
                network.sightings(site, self.stays, rng),
                readings.everyday(site, calendar.start, calendar.end, rng),
            ]
            if self.drill is not None:
                found += announced(site, self.drill)
            if self.first:
                found.append(offices.trainings(site, calendar.day, calendar.start - 10 * HOUR))
        return found

    def tell(self, plan: Sequence[Plan], number: int, before: Stays) -> tuple[list[Told], list[Plan]]:
        """The cases of this day, and those for which nobody is free; `before` is who was where the day before."""
        state = State(self.site, self.calendar, self.kind, self.stays, self.passages, self.skew, before)
        told: list[Told] = []
        postponed: list[Plan] = []
        for case in plan:
            one = tell(state, case, number + len(told), self.seed)
            if one is None:
                postponed.append(case)
            else:
                told.append(one)
        return told, postponed

    def unlocked(self, down: Sequence[Outage]) -> list[Draft]:
        """What doors say that stand open: just before, and when it is over."""
        rng = self.generator(43)
        return [
            doors.unlocked(self.site, one.portals, one.since - SECOND, one.until, rng, self.skew)
            for one in down
            if one.open
        ]

    def presence(self, stories: Sequence[Told]) -> Stays:
        """Who was where on this day, those included who came for a case."""
        here = [self.stays, *(stay for story in stories for stay in story.stays)]
        person, place, since, until = (
            np.concatenate([getattr(one, name) for one in here]) for name in ("person", "place", "since", "until")
        )
        return Stays(person, place, since, until)
