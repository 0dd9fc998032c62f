"""The one shape of all scenarios: a pure function of a day's state and a generator gives records and what is expected.

    S7          hit, misses (one benign twin per trap), edges, and of the hit: late, reordered, duplicated, blind

A case names its variant; `S7:blind` injects one, `S7` all of S7, `all` everything. Cases are spread over the days.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from watchfloor.errors import UsageError
from watchfloor.simulate import doors, offices, security
from watchfloor.simulate.draft import NOBODY, Draft, joined
from watchfloor.simulate.faults import Outage, cut
from watchfloor.simulate.lines import Ints
from watchfloor.simulate.movement import Passages, Stays, move, stays
from watchfloor.simulate.offices import instant
from watchfloor.simulate.rota import HOUR, LEAVE, MINUTE, OFF, WORKS, Calendar, Itinerary
from watchfloor.simulate.site import Site

__all__ = [
    "BLIND", "EXPECTED", "GENERAL", "Plan", "Scenario", "State", "Story", "Told", "Variant", "planned", "scenarios",
    "tell",
]  # fmt: skip

EXPECTED = ("finding", "none", "indeterminate", "not_evaluable")

BLIND = "blind"

FEW, ATTEMPTS = 4, 40
CROSSES = 6 * HOUR
"""Milliseconds that orders, permits and announcements last beyond the act they are for."""

GENERAL: Mapping[str, str] = {
    "late": "the records come 4 minutes late, within what sources are allowed",
    "reordered": "the records arrive in reverse order",
    "duplicated": "each record is delivered twice",
    BLIND: "a source or door that the decision needs is blind: silent, or unlocked by its mode",
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
        absent: codes of people who are off the site all the while.
    """

    records: list[Draft]
    entities: list[str]
    since: int
    until: int
    stays: list[Stays] = field(default_factory=list)
    outages: list[Outage] = field(default_factory=list)
    needs: tuple[str, tuple[int, ...]] = ("onguard", ())
    absent: tuple[int, ...] = ()


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
    """A scenario: its function, its hits, one miss per trap, its edges.

    Args:
        learns: days that must have gone by: what is usual is nobody's on the first day.
    """

    id: str
    title: str
    tell: Teller
    hits: Mapping[str, Variant]
    misses: Mapping[str, Variant]
    edges: Mapping[str, Variant] = field(default_factory=dict)
    learns: int = 0

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
        before: who was where the day before: night shifts last until the morning.
        came: where people were who came for a case; apart: who must not come, from when to when.
    """

    site: Site
    calendar: Calendar
    kind: npt.NDArray[np.int8]
    stays: Stays
    passages: Passages
    skew: Ints
    before: Stays
    used: set[int] = field(default_factory=set)
    came: list[Stays] = field(default_factory=list)
    apart: list[tuple[int, int, int]] = field(default_factory=list)

    def moment(self, rng: np.random.Generator, low: float = 9, high: float = 16) -> int:
        """A moment between two hours of the local day."""
        return self.calendar.hour(float(rng.uniform(low, high)))

    def pick(self, rng: np.random.Generator, mask: npt.NDArray[np.bool_]) -> int:
        """Somebody of those, who has no part in another case if there is one."""
        fresh = [code for code in np.flatnonzero(mask).tolist() if code not in self.used]
        chosen = int(rng.choice(fresh or np.flatnonzero(mask)))
        self.used.add(chosen)
        return chosen

    def free(self, *roles: str, account: bool = False) -> npt.NDArray[np.bool_]:
        """Who is employed and has a day off (of these roles, with an account); where they are few, also on leave."""
        employed = self.site.at_work(self.calendar.hour(12))
        found = self._of((self.kind == OFF) & employed, roles, account)
        if found.sum() < FEW:
            found = self._of(np.isin(self.kind, (OFF, LEAVE)) & employed, roles, account)
        return found

    def elsewhere(self) -> npt.NDArray[np.bool_]:
        """Who has an account, is employed and does not come today."""
        account = self.site.has_account
        found: npt.NDArray[np.bool_] = account & (self.kind != WORKS) & self.site.at_work(self.calendar.hour(12))
        return found

    def fits(self, story: Story) -> bool:
        """Whether nobody who comes for the story is somewhere else at the time, and nobody comes who must not."""
        away = [(person, story.since, story.until) for person in story.absent]
        mine = [*_rows(story.stays), *away]
        people = {who for who, _, _ in mine}
        others = [row for row in (*_rows([self.before, self.stays, *self.came]), *self.apart) if row[0] in people]
        return not any(who == other and since < b and a < until for who, since, until in mine for other, a, b in others)

    def working(self, *roles: str, account: bool = False) -> npt.NDArray[np.bool_]:
        """Who is at work today (of these roles, with an account)."""
        return self._of(self.kind == WORKS, roles, account)

    def _of(self, mask: npt.NDArray[np.bool_], roles: Sequence[str], account: bool) -> npt.NDArray[np.bool_]:
        if roles and (mask & np.isin(self.site.roles, roles)).any():
            mask = mask & np.isin(self.site.roles, roles)
        if account:
            mask = mask & self.site.has_account
        if not mask.any():  # a small site on a Sunday: whoever is employed
            mask = self.site.at_work(self.calendar.hour(12))
            mask = mask & self.site.has_account if account else mask
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
        self,
        person: int,
        stops: Sequence[tuple[int, str]],
        rng: np.random.Generator,
        *,
        unread: Sequence[str] = (),
        stay: int = 30 * MINUTE,
    ) -> tuple[list[Draft], Stays, Passages]:
        """Let somebody who is off the site come, go to places at times, and leave after the last; records and truth.

        Args:
            stops: (time to set out, uid of a place); the way home is added `stay` after the last.
            unread: portals through which they follow somebody, without a read.
        """
        site = self.site
        whole = [*stops, (stops[-1][0] + stay, "")]
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

    def visit(
        self,
        person: int,
        time: int,
        place: str,
        rng: np.random.Generator,
        *,
        unread: Sequence[str] = (),
        stay: int = 30 * MINUTE,
    ) -> tuple[list[Draft], Stays]:
        """Let somebody who is off the site be in a place at a moment, and `stay` after it on the way out."""
        site = self.site
        way = int(site.walks.total_ms[int(site.home[person]) * site.walks.places + site.place_code[place]])
        early = int(1.4 * way) + 2 * MINUTE
        records, stays, _ = self.walk(person, [(time - early, place)], rng, unread=unread, stay=early + stay)
        return records, stays

    def order(
        self,
        asset: str,
        time: int,
        title: str,
        *,
        kind: str = "Work order",
        recorded: int | None = None,
        hours: float = 4,
    ) -> Draft:
        """An approved work order or permit around a moment, by default recorded an hour before its begin."""
        site = self.site
        here = site.at_work(time)
        who = int(np.flatnonzero(here & np.isin(site.roles, ["ot_engineer", "electrician", "it_admin"]))[0])
        chief = int(np.flatnonzero(here & (site.roles == "manager"))[0])
        since, until = time - 2 * HOUR, time + int(hours * HOUR)
        number = f"WO-X{zlib.crc32(f'{asset}{time}{title}'.encode()) % 1_000_000:06d}"
        kind = kind if recorded is None else f"{kind}@{recorded}"
        return offices.orders(
            site, [(number, kind, "Approved", site.asset_code[asset], who, chief, since, until, title)]
        )

    def says(self, person: int, predicate: str, value: str, since: int, until: int | str, recorded: int) -> Draft:
        """A predicate of personnel."""
        return offices.hr(self.site, [(person, predicate, value, since, until, recorded)])

    def signal(self, asset: str, time: int, topic: str, *, state: str = "true", detail: str = "") -> Draft:
        """What a security device says."""
        return security.signals(
            self.site, self.when(time), self.site.asset_code[asset], topic, state=state, detail=detail
        )

    def passed(
        self, rng: np.random.Generator, *portals: str, inward: bool = True, alone: int = 0
    ) -> tuple[int, int, str]:
        """Somebody who was read at one of these portals today: person, time, portal.

        Args:
            alone: milliseconds before and after in which nobody else was there, or as few as there is.
        """
        codes = [self.site.portal_code[uid] for uid in portals]
        found = self.passages
        rows = np.flatnonzero(np.isin(found.portal, codes) & (found.inward == inward) & ~found.unread)
        if alone:
            near = np.zeros(len(rows), np.int64)
            for code in codes:
                there, mine = np.sort(found.time[found.portal == code]), found.portal[rows] == code
                time = found.time[rows[mine]]
                near[mine] = np.searchsorted(there, time + alone) - np.searchsorted(there, time - alone, "right")
            rows = rows[near == near.min(initial=1 << 62)]
        fresh = [row for row in rows.tolist() if int(found.person[row]) not in self.used]
        if not len(rows):
            return self.pick(rng, self.working()), self.calendar.hour(10), portals[0]
        row = int(rng.choice(fresh or rows))
        self.used.add(int(found.person[row]))
        return int(found.person[row]), int(found.time[row]), self.site.portals[found.portal[row]]

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

    @property
    def weak(self) -> tuple[str, str]:
        """An account and a badge number of which nobody knows surely whose they are."""
        return self.site.weak.get("account", "ext.support"), self.site.weak.get("badge", "499990")

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

    def disturbed(self, outages: Sequence[Outage]) -> bool:
        """Whether an outage that is not its own takes records from it."""
        return any(
            bool(len(cut(one, [outage])) < len(one))
            for outage in outages
            if outage.case != self.number and outage.lost
            for one in self.records
        )

    def crossed(self, others: Iterable[Told]) -> list[int]:
        """Numbers of other cases about the same person or thing, so near that an order of one may clear the other."""
        portals = self.site.directory.portals
        mine = set(self.story.entities)
        mine |= {portals[uid].controller for uid in mine if uid in portals}
        return [
            one.number
            for one in others
            if one.number != self.number
            and not mine.isdisjoint((*one.story.entities, *one.ordered))
            and one.story.since - CROSSES < self.story.until
            and self.story.since < one.story.until + CROSSES
        ]

    @property
    def ordered(self) -> set[str]:
        """Things that its orders are for."""
        codes = (code for one in self.records if one.source == "cmms" for code in one.asset.tolist())
        return {self.site.assets[code] for code in codes if code >= 0}

    @property
    def stays(self) -> list[Stays]:
        """Where people are who came for it."""
        return self.story.stays

    def as_json(self, outages: Sequence[Outage], others: Iterable[Told]) -> dict[str, Any]:
        """For truth/scenarios.jsonl."""
        variant = self.plan.variant
        return {
            "case": self.number,
            "scenario": self.plan.scenario.id,
            "rule": f"s{int(self.plan.scenario.id[1:]):02d}",
            "variant": self.plan.name,
            "kind": self.plan.kind,
            "says": variant.says,
            "expected": variant.expected,
            "reason": variant.reason,
            "entities": self.story.entities,
            "since": instant(self.story.since),
            "until": instant(self.story.until),
            "records": sum(len(one) for one in self.records),
            "disturbed": self.disturbed(outages),
            "crossed": self.crossed(others),
            "outages": [one.as_json(self.site) for one in self.outages],
            "sources": sorted({one.source for one in self.records}),
        }


def _rows(stays: Sequence[Stays]) -> Iterator[tuple[int, int, int]]:
    """Person, since, until."""
    for one in stays:
        yield from zip(one.person.tolist(), one.since.tolist(), one.until.tolist(), strict=True)


@cache
def scenarios() -> Mapping[str, Scenario]:
    """All scenarios by id, in order."""
    package = importlib.import_module("watchfloor.simulate.scenarios")
    names = sorted(one.name for one in pkgutil.iter_modules(package.__path__) if re.fullmatch(r"s\d\d", one.name))
    modules = [importlib.import_module(f"watchfloor.simulate.scenarios.{name}") for name in names]
    return {module.SCENARIO.id: module.SCENARIO for module in modules}


def planned(inject: Sequence[str], days: int) -> dict[int, list[Plan]]:
    """Cases by day, spread over the days; those in which a source is blind come on the last day, away from the others.

    Args:
        inject: `all`, `S7` or `S7:name`.

    Raises:
        UsageError: there is no such scenario or variant.
    """
    cases = [case for asked in inject for case in _asked(asked.strip())]
    once = {(case.scenario.id, case.name): case for case in cases}.values()
    found: dict[int, list[Plan]] = {}
    last = max(1, days - 1)
    for number, case in enumerate(case for case in once if case.name != BLIND):
        learnt = min(case.scenario.learns, last - 1)
        found.setdefault(learnt + number % (last - learnt), []).append(case)
    found.setdefault(days - 1, []).extend(case for case in once if case.name == BLIND)
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


def tell(state: State, plan: Plan, number: int, seed: int) -> Told | None:
    """Make a case: its records are marked with its number, and delivered as its variant wants.

    None if nobody is free who could come for it on that day.
    """
    for attempt in range(ATTEMPTS):
        used = set(state.used)
        story = plan.scenario.tell(state, np.random.default_rng([seed, plan.key, attempt]), **plan.variant.given)
        if state.fits(story):
            break
        state.used = used
    else:
        return None
    state.came += story.stays
    state.apart += [(person, story.since, story.until) for person in story.absent]
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
                Outage(
                    source,
                    story.since - 30 * MINUTE,
                    story.until + 30 * MINUTE,
                    portals,
                    lost=True,
                    case=number,
                    open=bool(portals),
                )
            )
    return Told(number, plan, story, parts, outages, state.site)
