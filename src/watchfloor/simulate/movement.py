"""From where people want to go to the portals they pass and the places they are in: passages, and truth of presence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from watchfloor.simulate.draft import Codes
from watchfloor.simulate.lines import Ints
from watchfloor.simulate.rota import Itinerary
from watchfloor.simulate.site import Site

__all__ = ["NOWHERE", "Passages", "Stays", "Window", "at_desks", "move", "settling", "stays", "together"]

Mask = npt.NDArray[np.bool_]

PAUSE_MS = 30_000
"""At least so long people stay where they went."""

FOLLOWS_MS = 5_000
"""Who passes a door within this time behind somebody may follow without a read."""

TWINS: Mapping[str, tuple[str, float]] = {"portal-gate": ("portal-gate-2", 0.3)}
"""Lanes beside each other: share of those who take the second."""


@dataclass(frozen=True, slots=True)
class Passages:
    """Who passed which portal when, in order per person.

    Args:
        person: code.
        time: UTC epoch milliseconds.
        portal: code.
        inward: from the portal's outside to its inside.
        into: code of the place it led into.
        unread: they followed somebody through the open door.
    """

    person: Codes
    time: Ints
    portal: Codes
    inward: Mask
    into: Codes
    unread: Mask

    def __len__(self) -> int:
        return len(self.time)

    def take(self, index: npt.NDArray[Any]) -> Passages:
        """Some of them."""
        return Passages(
            self.person[index], self.time[index], self.portal[index], self.inward[index], self.into[index],
            self.unread[index],
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stays:
    """Who was where from when to when, [since, until) in UTC epoch milliseconds; off the site is not listed."""

    person: Codes
    place: Codes
    since: Ints
    until: Ints

    def __len__(self) -> int:
        return len(self.since)


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a day, [since, until) in UTC epoch milliseconds."""

    since: int
    until: int

    def holds(self, time: Ints) -> Mask:
        """Which moments lie in it."""
        return (time >= self.since) & (time < self.until)

    def spread(self, begin: Ints, end: Ints, per_hour: float, rng: np.random.Generator) -> tuple[Ints, Ints]:
        """Moments at a rate, spread over the parts of intervals in the window: row of the interval, time."""
        since = np.maximum(begin, self.since)
        length = np.maximum(np.minimum(end, self.until) - since, 0)
        row = np.repeat(np.arange(len(begin)), rng.poisson(length / 3_600_000 * per_hour))
        return row, since[row] + (rng.random(len(row)) * length[row]).astype(np.int64)


NOWHERE = Stays(np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0, np.int64), np.zeros(0, np.int64))
"""Nobody is anywhere."""


def at_desks(site: Site, where: Stays) -> tuple[npt.NDArray[np.int64], Mask]:
    """Rows of who comes to their own desk and computer for five minutes at least; and which are a person's first."""
    account = site.has_account[where.person]
    index = np.flatnonzero((where.place == site.desk[where.person]) & account & (where.until - where.since > 300_000))
    person = where.person[index]
    first = np.ones(len(index), np.bool_)
    first[1:] = person[1:] != person[:-1]
    return index, first


def settling(where: Stays, index: npt.NDArray[Any]) -> Ints:
    """Milliseconds from coming in to the first touch of the keyboard, 40 s to 160 s; the same whenever it is asked."""
    found: Ints = 40_000 + (where.since[index] * 31 + where.person[index].astype(np.int64) * 1_009) % 120_000
    return found


def move(site: Site, wanted: Itinerary, rng: np.random.Generator) -> Passages:
    """Walk an itinerary through the portal graph; nobody sets out before they have arrived."""
    walks = site.walks
    rows, columns = wanted.time.shape
    here = site.home[wanted.person].copy()
    free = np.full(rows, -(1 << 60), np.int64)
    pace: npt.NDArray[np.float64] = rng.uniform(0.95, 1.3, (rows,))
    persons: list[Codes] = []
    departures: list[Ints] = []
    ways: list[Ints] = []
    paces: list[npt.NDArray[np.float64]] = []
    for k in range(columns):
        to = wanted.place[:, k]
        way = here.astype(np.int64) * walks.places + to
        going = (to >= 0) & (to != here)
        going[going] = walks.total_ms[way[going]] > 0
        leave = np.maximum(wanted.time[:, k], free + PAUSE_MS)
        index = np.flatnonzero(going)
        persons.append(wanted.person[index])
        departures.append(leave[index])
        ways.append(way[index])
        paces.append(pace[index])
        free[index] = leave[index] + (walks.total_ms[way[index]] * pace[index]).astype(np.int64)
        here[index] = to[index]
    person, leave = np.concatenate(persons), np.concatenate(departures)
    way, factor = np.concatenate(ways), np.concatenate(paces)
    first = walks.first[way]
    steps = walks.first[way + 1] - first
    trip = np.repeat(np.arange(len(way)), steps)
    row = np.repeat(first - np.cumsum(steps) + steps, steps) + np.arange(len(trip))
    time = leave[trip] + (walks.after_ms[row] * factor[trip]).astype(np.int64)
    portal = walks.portal[row].copy()
    for uid, (other, share) in TWINS.items():
        if uid in site.portal_code and other in site.portal_code:
            swap = (portal == site.portal_code[uid]) & (rng.random(len(portal)) < share)
            portal[swap] = site.portal_code[other]
    found = Passages(person[trip], time, portal, walks.inward[row], walks.into[row], np.zeros(len(row), np.bool_))
    return found.take(np.lexsort((found.time, found.person)))


def stays(site: Site, passages: Passages) -> Stays:
    """The places between the passages; who is inside at the end has not left yet and is not listed."""
    if not len(passages):
        return NOWHERE
    inside = ~site.outside[passages.into]
    inside[:-1] &= passages.person[:-1] == passages.person[1:]
    inside[-1] = False
    index = np.flatnonzero(inside)
    return Stays(passages.person[index], passages.into[index], passages.time[index], passages.time[index + 1])


def together(site: Site, passages: Passages, share: float, rng: np.random.Generator) -> Passages:
    """Let some follow close behind others, unread, where zones are known for it.

    Args:
        share: of those who come within seconds behind another one.
    """
    zones = site.directory.zones
    inner = [zones.get(site.directory.zone_of(site.directory.portals[uid].inside)) for uid in site.portals]
    doors = [site.directory.portals[uid].kind == "door" for uid in site.portals]
    prone = np.array([zone is not None and zone.tailgate_prone and door
                      for zone, door in zip(inner, doors, strict=True)])  # fmt: skip
    order = np.lexsort((passages.time, passages.inward, passages.portal))
    same = np.zeros(len(order), np.bool_)
    a, b = order[:-1], order[1:]
    same[1:] = (
        (passages.portal[a] == passages.portal[b])
        & (passages.inward[a] == passages.inward[b])
        & (passages.person[a] != passages.person[b])
        & (passages.time[b] - passages.time[a] < FOLLOWS_MS)
    )
    unread = np.zeros(len(order), np.bool_)
    unread[order] = same & (rng.random(len(order)) < share)
    unread &= prone[passages.portal]
    return Passages(passages.person, passages.time, passages.portal, passages.inward, passages.into, unread)
