"""Records of the door system, as its export writes them: passages, refusals, alarms, lost controllers."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from watchfloor.simulate.draft import NOBODY, Draft, draft, joined
from watchfloor.simulate.lines import Ints, Template, counted, picked, stamps
from watchfloor.simulate.movement import Passages
from watchfloor.simulate.site import Site

__all__ = [
    "DENIED", "FORCED", "GRANTED", "HELD", "LOST", "NOT_TAKEN", "RESTORED", "TAKEN", "WORDS", "WRONG_PIN", "delayed",
    "everyday", "swipes", "unlocked",
]  # fmt: skip

WORDS: Sequence[tuple[str, str]] = (
    ("Access Granted", "Access Granted: Entry Made"),
    ("Access Granted", "Access Granted: Entry Not Made"),
    ("Access Denied", "Access Denied: Invalid Access Level"),
    ("Access Denied", "Access Denied: Invalid Badge"),
    ("Access Denied", "Access Denied: Invalid Card Format"),
    ("Area APB", "Antipassback Violation"),
    ("Portal", "Door Forced Open"),
    ("Portal", "Door Held Open"),
    ("Duress", "Duress Access Granted: Entry Made"),
    ("System", "Communications Lost"),
    ("System", "Communications Restored"),
    ("Access Granted", "Access Granted"),
    ("Reader", "Reader Mode Unlocked"),
    ("Reader", "Reader Mode Card Only"),
    ("Access Denied", "Access Denied: Invalid PIN"),
)
"""Kind and text of an event."""

(
    TAKEN, NOT_TAKEN, DENIED, INVALID, BAD_FORMAT, PASSBACK, FORCED, HELD, DURESS, LOST, RESTORED, GRANTED, UNLOCKED,
    CARD_ONLY, WRONG_PIN,
) = range(15)  # fmt: skip

LINE = Template("{time},{serial},{panel},{reader},{reader_id},{type},{event},{badge},{facility},{direction}")

DELAY_MS = (200, 2_500)
"""A record leaves the controller within this time."""

NOT_USED, REFUSED, LEFT_OPEN, WRONG_ALARM = 0.012, 0.004, 0.0015, 0.0006
"""Shares of passages beside which somebody turns round, is refused, keeps the door open, leaves without a request."""


def swipes(
    site: Site,
    time: Ints,
    portal: npt.NDArray[Any] | int,
    event: npt.NDArray[Any] | int,
    *,
    person: npt.NDArray[Any] | int = NOBODY,
    inward: npt.NDArray[Any] | bool = True,
    badge: pa.Array | str | None = None,
    facility: pa.Array | str | None = None,
    rng: np.random.Generator,
    skew: Ints | None = None,
) -> Draft:
    """Records at portals.

    Args:
        event: position in `WORDS`.
        person: who is meant; the badge is the one they hold at that time.
        badge: number on the card, where it is not the person's (or nobody's).
        skew: per portal how far the clock of its controller is ahead, milliseconds.
    """
    time = np.asarray(time, np.int64)
    n = len(time)
    portals = np.broadcast_to(np.asarray(portal, np.int32), n)
    persons = np.broadcast_to(np.asarray(person, np.int32), n)
    events = np.broadcast_to(np.asarray(event, np.int32), n)
    inwards = np.broadcast_to(np.asarray(inward, np.bool_), n)
    if badge is None:
        held = site.badges.at(persons, time)
        badge = picked(site.words("badge"), np.where(held == NOBODY, len(site.badges.number), held))
        facility = picked(site.words("facility"), np.where(held == NOBODY, len(site.badges.facility), held))
    described = [site.directory.portals[uid] for uid in site.portals]
    panels = [site.names("device").get(portal.controller, "") for portal in described]
    system = np.isin(events, (LOST, RESTORED, UNLOCKED, CARD_ONLY))
    sides = np.where(system, 2, np.where(inwards, 0, 1))
    lines = LINE.fill(
        n,
        time=stamps(time if skew is None else time + skew[portals]),
        serial=counted(time // 10 % 100_000_000),
        panel=picked(panels, portals),
        reader=picked([portal.name for portal in described], portals),
        reader_id=picked([name for pair in site.readers for name in pair], 2 * portals + np.where(inwards, 0, 1)),
        type=picked([kind for kind, _ in WORDS], events),
        event=picked([text for _, text in WORDS], events),
        badge=badge,
        facility="12" if facility is None else facility,
        direction=picked(["IN", "OUT", ""], sides),
    )  # fmt: skip
    into = [(site.place_code[portal.inside], site.place_code[portal.outside]) for portal in described]
    places = np.array(into, np.int32)[portals, np.where(inwards, 0, 1)]
    nowhere = np.isin(events, (LOST, RESTORED))
    delay = rng.integers(*DELAY_MS, n)
    return draft(
        "onguard", time, lines, person=persons, asset=site.controllers[portals],
        place=np.where(nowhere, NOBODY, places), portal=portals, delay=delay,
    )  # fmt: skip


def everyday(site: Site, passages: Passages, rng: np.random.Generator, skew: Ints | None = None) -> Draft:
    """What the doors say about a day's passages, and what goes wrong at doors every day."""
    has_reader = _read_sides(site)
    seen = passages.take(has_reader[passages.portal, np.where(passages.inward, 0, 1)] & ~passages.unread)
    n = len(seen)
    found = [swipes(site, seen.time, seen.portal, TAKEN, person=seen.person, inward=seen.inward, rng=rng, skew=skew)]
    luck = rng.random(n)
    edges = np.cumsum([0.0, NOT_USED, REFUSED, LEFT_OPEN, WRONG_ALARM])
    for (low, high), event, before in zip(
        itertools.pairwise(edges), (NOT_TAKEN, DENIED, HELD, FORCED), (20_000, 9_000, -45_000, -60_000),
        strict=True,
    ):  # fmt: skip
        some = seen.take((luck >= low) & (luck < high))
        who: npt.NDArray[Any] | int = some.person if event in (NOT_TAKEN, DENIED) else NOBODY
        found.append(
            swipes(site, some.time - before, some.portal, event, person=who, inward=some.inward, rng=rng, skew=skew)
        )  # fmt: skip
    if n:  # the reader that does not read today
        broken = int(rng.choice(seen.portal))
        some = seen.take((seen.portal == broken) & (rng.random(n) < 0.2))
        found.append(
            swipes(
                site, some.time - 4_000, some.portal, BAD_FORMAT, inward=some.inward, badge="", facility="", rng=rng,
                skew=skew,
            )
        )  # fmt: skip
    return joined(found)


def unlocked(
    site: Site, portals: Sequence[int], since: int, until: int, rng: np.random.Generator, skew: Ints | None = None
) -> Draft:
    """Doors that stand open for a while, by their mode: who passes is not read, and nothing is an alarm."""
    time = np.repeat(np.array([since, until], np.int64), len(portals))
    events = np.repeat(np.array([UNLOCKED, CARD_ONLY], np.int32), len(portals))
    return swipes(
        site, time, np.tile(np.array(portals, np.int32), 2), events, badge="", facility="", rng=rng, skew=skew
    )


def _read_sides(site: Site) -> npt.NDArray[np.bool_]:
    """Per portal whether the way in and the way out are read."""
    sides: Mapping[str, set[str]] = {
        uid: {reader.side for reader in site.directory.portals[uid].readers} for uid in site.portals
    }
    return np.array([("in" in sides[uid], "out" in sides[uid]) for uid in site.portals], np.bool_)


def delayed(records: Draft, by: int) -> Draft:
    """The same records, delivered later by so many milliseconds."""
    return replace(records, arrival=records.arrival + by)
