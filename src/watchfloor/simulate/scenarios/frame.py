"""The one shape of all scenarios: a pure function of a day's state and a generator gives records and what is expected.

    S7          hit, misses (one benign twin per trap), edges, and of the hit: late, reordered, duplicated, blind

A case names its variant; `S7:blind` injects one, `S7` all of S7, `all` everything. Cases are spread over the days.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from watchfloor.errors import UsageError
from watchfloor.simulate import doors
from watchfloor.simulate.draft import NOBODY, Draft, joined
from watchfloor.simulate.faults import Outage
from watchfloor.simulate.lines import Ints
from watchfloor.simulate.movement import Passages, Stays, move, stays
from watchfloor.simulate.offices import instant
from watchfloor.simulate.rota import HOUR, MINUTE, OFF, WORKS, Calendar, Itinerary
from watchfloor.simulate.site import Site

__all__ = [
    "BLIND", "EXPECTED", "GENERAL", "Plan", "Scenario", "State", "Story", "Told", "Variant", "planned", "scenarios",
    "tell",
]  # fmt: skip

EXPECTED = ("finding", "none", "indeterminate", "not_evaluable")

BLIND = "blind"
GENERAL: Mapping[str, str] = {
    "late": "the records come 4 minutes late, within what sources are allowed",
    "reordered": "the records arrive in reverse order",
    "duplicated": "each record is delivered twice",
    BLIND: "a source that the decision needs is blind",
}
"""Variants that every scenario has, made of its first hit."""


@dataclass(frozen=True, slots=True)
class Story:
    """What a case puts into the site.

    Args:
        records: what sources record, in the vendors' formats.
        entities: uids of who and what it is about.
        since: begin of the act; until: its anchor, the judged event. UTC epoch milliseconds.
        stays: where people are who came for it.
        outages: what is not seen.
        needs: source and portals without which it cannot be decided.
    """

    records: list[Draft]
    entities: list[str]
    since: int
    until: int
    stays: list[Stays] = field(default_factory=list)
    outages: list[Outage] = field(default_factory=list)
    needs: tuple[str, tuple[int, ...]] = ("onguard", ())


Teller = Callable[..., Story]


@dataclass(frozen=True, slots=True)
class Variant:
    """One case of a scenario.

    Args:
        says: the hit's signature, or the trap, in the words of the scenarios' list.
        expected: one of `EXPECTED`.
        given: what is different, as arguments of the scenario's function.
        reason: why it is not decided, or what kind of finding it is instead.
    """

    says: str
    expected: str
    given: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario: its function, its hits, one miss per trap, its edges."""

    id: str
    title: str
    tell: Teller
    hits: Mapping[str, Variant]
    misses: Mapping[str, Variant]
    edges: Mapping[str, Variant] = field(default_factory=dict)

    def variants(self) -> Mapping[str, tuple[str, Variant]]:
        """Name -> kind and variant, those included that are made of the first hit."""
        first = next(iter(self.hits.values()))
        found = {name: ("hit", one) for name, one in self.hits.items()}
        found |= {name: ("miss", one) for name, one in self.misses.items()}
        found |= {name: ("edge", one) for name, one in self.edges.items()}
        for name, says in GENERAL.items():
            expected = "not_evaluable" if name == BLIND else "finding"
            reason = "coverage_gap" if name == BLIND else ""
            found[name] = ("fault", replace(first, says=says, expected=expected, reason=reason))
        return found


@dataclass
class State:
    """A day of the site, as a scenario finds it.

    Args:
        kind: what kind of day it is for each person (`rota.WORKS` ...).
        stays: who is where.
        passages: who passes which portal when.
        skew: per portal how far its controller's clock is ahead.
        used: people who have their part in a case already.
    """

    site: Site
    calendar: Calendar
    kind: npt.NDArray[np.int8]
    stays: Stays
    passages: Passages
    skew: Ints
    used: set[int] = field(default_factory=set)

    def moment(self, rng: np.random.Generator, low: float = 9, high: float = 16) -> int:
        """A moment between two hours of the local day."""
        return self.calendar.hour(float(rng.uniform(low, high)))

    def pick(self, rng: np.random.Generator, mask: npt.NDArray[np.bool_]) -> int:
        """Somebody of those, who has no part in another case; anybody of those when all have."""
        free = [code for code in np.flatnonzero(mask).tolist() if code not in self.used]
        chosen = int(rng.choice(free or np.flatnonzero(mask)))
        self.used.add(chosen)
        return chosen

    def free(self, *roles: str, account: bool = False) -> npt.NDArray[np.bool_]:
        """Who is employed and has a day off (of these roles, with an account)."""
        return self._of(self.kind == OFF, roles, account) & self.site.at_work(self.calendar.hour(12))

    def working(self, *roles: str, account: bool = False) -> npt.NDArray[np.bool_]:
        """Who is at work today (of these roles, with an account)."""
        return self._of(self.kind == WORKS, roles, account)

    def _of(self, mask: npt.NDArray[np.bool_], roles: Sequence[str], account: bool) -> npt.NDArray[np.bool_]:
        if roles and (mask & np.isin(self.site.roles, roles)).any():
            mask = mask & np.isin(self.site.roles, roles)
        if account:
            mask = mask & np.array([bool(name) for name in self.site.account])
        if not mask.any():  # a small site on a Sunday: whoever is employed
            mask = self.site.at_work(self.calendar.hour(12))
            mask = mask & np.array([bool(name) for name in self.site.account]) if account else mask
        return mask

    def seated(self, rng: np.random.Generator, *, long: int = HOUR) -> tuple[int, int, int]:
        """Somebody with a computer who sits at it for long: person, since, until."""
        where = self.stays
        mask = (where.place == self.site.desk[where.person]) & (where.until - where.since > long)
        rows = np.flatnonzero(mask & (self.site.host[where.person] >= 0))
        if not len(rows):
            person = self.pick(rng, self.free(account=True))
            return person, self.calendar.hour(9), self.calendar.hour(12)
        fresh = [row for row in rows.tolist() if int(where.person[row]) not in self.used]
        row = int(rng.choice(fresh or rows))
        self.used.add(int(where.person[row]))
        return int(where.person[row]), int(where.since[row]), int(where.until[row])

    def inside(self, zone_prefix: str, time: int) -> npt.NDArray[np.bool_]:
        """Who is in the places of a zone (or zones that begin so) at a moment."""
        places = np.array([uid.startswith(zone_prefix) for uid in self.site.zone])
        here = places[self.stays.place] & (self.stays.since <= time) & (self.stays.until > time)
        found = np.zeros(len(self.site.people), np.bool_)
        found[self.stays.person[here]] = True
        return found

    def walk(
        self, person: int, stops: Sequence[tuple[int, str]], rng: np.random.Generator, *, unread: Sequence[str] = ()
    ) -> tuple[list[Draft], Stays, Passages]:
        """Let somebody who is off the site come, go to places at times, and leave after the last; records and truth.

        Args:
            stops: (time to set out, uid of a place); the way home is added half an hour after the last.
            unread: portals through which they follow somebody, without a read.
        """
        site = self.site
        whole = [*stops, (stops[-1][0] + 30 * MINUTE, "")]
        time = np.array([[moment for moment, _ in whole]], np.int64)
        place = np.array([[site.place_code[uid] if uid else site.home[person] for _, uid in whole]], np.int32)
        passages = move(site, Itinerary(np.array([person], np.int32), time, place), rng)
        read = np.array(
            [
                bool(site.directory.portals[site.portals[code]].readers) and site.portals[code] not in unread
                for code in passages.portal.tolist()
            ],
            np.bool_,
        )
        seen = passages.take(read)
        records = [
            doors.swipes(site, seen.time, seen.portal, doors.TAKEN, person=person, inward=seen.inward, rng=rng,
                         skew=self.skew)
        ]  # fmt: skip
        return records, stays(site, passages), passages

    def swipe(
        self, time: int, portal: str, event: int, rng: np.random.Generator, *, person: int = NOBODY,
        inward: bool = True, badge: str | None = None, facility: str = "12",
    ) -> Draft:  # fmt: skip
        """One record of a door."""
        if person == NOBODY and badge is None:
            badge, facility = "", ""
        return doors.swipes(
            self.site, np.array([time]), self.site.portal_code[portal], event, person=person, inward=inward,
            badge=badge, facility=None if badge is None else facility, rng=rng, skew=self.skew,
        )  # fmt: skip

    def when(self, time: int) -> Ints:
        """One moment as a column."""
        return np.array([time], np.int64)


@dataclass(frozen=True, slots=True)
class Plan:
    """A case that is to be put in."""

    scenario: Scenario
    name: str
    kind: str
    variant: Variant

    @property
    def key(self) -> int:
        """A number of its own, for its generator."""
        return zlib.crc32(f"{self.scenario.id}:{self.name}".encode())


@dataclass(frozen=True, slots=True)
class Told:
    """A case that was put in."""

    number: int
    plan: Plan
    story: Story
    records: list[Draft]
    outages: list[Outage]
    site: Site

    @property
    def stays(self) -> list[Stays]:
        """Where people are who came for it."""
        return self.story.stays

    def as_json(self) -> dict[str, Any]:
        """For truth/scenarios.jsonl."""
        variant = self.plan.variant
        return {
            "case": self.number,
            "scenario": self.plan.scenario.id,
            "variant": self.plan.name,
            "kind": self.plan.kind,
            "says": variant.says,
            "expected": variant.expected,
            "reason": variant.reason,
            "entities": self.story.entities,
            "since": instant(self.story.since),
            "until": instant(self.story.until),
            "records": sum(len(one) for one in self.records),
            "sources": sorted({one.source for one in self.records}),
        }


@cache
def scenarios() -> Mapping[str, Scenario]:
    """All scenarios by id, in order."""
    package = importlib.import_module("watchfloor.simulate.scenarios")
    names = sorted(one.name for one in pkgutil.iter_modules(package.__path__) if re.fullmatch(r"s\d\d", one.name))
    modules = [importlib.import_module(f"watchfloor.simulate.scenarios.{name}") for name in names]
    return {module.SCENARIO.id: module.SCENARIO for module in modules}


def planned(inject: Sequence[str], days: int) -> dict[int, list[Plan]]:
    """Cases by day, spread over the days.

    Args:
        inject: `all`, `S7` or `S7:name`.

    Raises:
        UsageError: there is no such scenario or variant.
    """
    cases = [case for asked in inject for case in _asked(asked.strip())]
    found: dict[int, list[Plan]] = {}
    for number, case in enumerate({(case.scenario.id, case.name): case for case in cases}.values()):
        found.setdefault(number % days, []).append(case)
    return found


def _asked(text: str) -> Iterator[Plan]:
    every = scenarios()
    name, _, variant = text.partition(":")
    chosen = list(every.values()) if name == "all" else [every[name.upper()]] if name.upper() in every else []
    if not chosen:
        raise UsageError(f"there is no scenario {name!r}", remedy=f"there are: all, {', '.join(every)}")
    for scenario in chosen:
        variants = scenario.variants()
        if variant and variant not in variants:
            raise UsageError(f"{scenario.id} has no variant {variant!r}", remedy=f"it has: {', '.join(variants)}")
        for key, (kind, one) in variants.items():
            if variant in ("", key):
                yield Plan(scenario, key, kind, one)


def tell(state: State, plan: Plan, number: int, rng: np.random.Generator) -> Told:
    """Make a case: its records are marked with its number, and delivered as its variant wants."""
    story = plan.scenario.tell(state, rng, **plan.variant.given)
    parts = [one.of_case(number) for one in story.records if len(one)]
    outages = [replace(outage, case=number) for outage in story.outages]
    if plan.kind == "fault":
        if plan.name == "late":
            parts = [replace(one, arrival=one.arrival + 4 * MINUTE) for one in parts]
        elif plan.name == "reordered":
            latest = max((int(one.arrival.max()) for one in parts), default=0)
            parts = [replace(one, arrival=latest + (latest - one.arrival) // 60) for one in parts]
        elif plan.name == "duplicated":
            parts = [joined([one, replace(one, arrival=one.arrival + 7_000)]) for one in parts]
        elif plan.name == BLIND:
            source, portals = story.needs
            outages.append(
                Outage(source, story.since - 30 * MINUTE, story.until + 30 * MINUTE, portals, lost=True, case=number)
            )
    return Told(number, plan, story, parts, outages, state.site)
