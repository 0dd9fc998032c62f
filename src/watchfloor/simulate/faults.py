"""What goes wrong between a device and its reader: late, reordered and doubled records, drift, bursts, blind doors.

Faults are part of the truth: `truth/faults.jsonl` says which source or portal was blind or late, and when.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from watchfloor.simulate.draft import Draft, joined
from watchfloor.simulate.lines import Ints
from watchfloor.simulate.rota import HOUR
from watchfloor.simulate.site import Site

__all__ = ["FAULTS", "Outage", "cut", "drift", "everyday_outages", "shaken"]

FAULTS: Mapping[str, str] = {
    "late": "3 of 1,000 records come 1 to 10 minutes late",
    "reordered": "2 of 100 records change places with others of the same half minute",
    "duplicated": "1 of 1,000 records is delivered twice",
    "drift": "the clock of each door controller is up to 8 seconds off, one of them by 90",
    "burst": "once a day a door controller is offline for two hours and then delivers all at once",
    "blind": "once a day a door stands open by its mode for three hours, and nobody is read there",
}
"""Fault -> what it does."""

LATE, REORDERED, DUPLICATED = 0.003, 0.02, 0.001
DRIFT_MS, WORST_MS = 8_000, 90_000


@dataclass(frozen=True, slots=True)
class Outage:
    """A source, or some of its portals, from when to when.

    Args:
        portals: codes; empty: the whole source.
        lost: what was recorded then is gone; otherwise it comes at the end, all at once.
        open: the doors stand open by their mode, and the system says so.
    """

    source: str
    since: int
    until: int
    portals: tuple[int, ...] = ()
    lost: bool = True
    case: int = -1
    open: bool = False

    def as_json(self, site: Site) -> dict[str, Any]:
        """For truth/faults.jsonl."""
        return {
            "kind": "blind" if self.lost else "burst",
            "source": self.source,
            "since_ms": self.since,
            "until_ms": self.until,
            "open": self.open,
            "portals": [site.portals[code] for code in self.portals],
            "case": self.case,
        }


def drift(site: Site, faults: Collection[str], seed: int) -> Ints:
    """Per portal how far its controller's clock is ahead, milliseconds; constant, as nobody sets these clocks."""
    rng = np.random.default_rng([seed, 29])
    controllers = sorted({site.directory.portals[uid].controller for uid in site.portals})
    ahead = {uid: int(rng.integers(-DRIFT_MS, DRIFT_MS)) for uid in controllers}
    if controllers:
        ahead[controllers[int(rng.integers(len(controllers)))]] = WORST_MS
    if "drift" not in faults:
        ahead = dict.fromkeys(controllers, 0)
    return np.array([ahead[site.directory.portals[uid].controller] for uid in site.portals], np.int64)


def everyday_outages(site: Site, faults: Collection[str], start: int, rng: np.random.Generator) -> list[Outage]:
    """The outages of one day."""
    found = []
    controlled = [code for code, uid in enumerate(site.portals) if site.directory.portals[uid].controller]
    since = start + int(rng.integers(5, 18)) * HOUR
    door, other = rng.choice(controlled, 2, replace=False).tolist()
    if "burst" in faults:
        panel = site.directory.portals[site.portals[door]].controller
        mine = tuple(c for c in controlled if site.directory.portals[site.portals[c]].controller == panel)
        found.append(Outage("onguard", since, since + 2 * HOUR, mine, lost=False))
    if "blind" in faults:
        found.append(Outage("onguard", since, since + 3 * HOUR, (other,), open=True))
    return found


def cut(records: Draft, outages: Collection[Outage]) -> Draft:
    """Records without those that were lost; those of a burst come when the line is back."""
    for outage in outages:
        if outage.source != records.source:
            continue
        hit = (records.time >= outage.since) & (records.time < outage.until)
        if outage.portals:
            hit &= np.isin(records.portal, outage.portals)
        if not hit.any():
            continue
        if outage.lost:
            records = records.take(~hit)
        else:
            arrival = records.arrival.copy()
            arrival[hit] = outage.until + (records.time[hit] - outage.since) // 600
            records = _arriving(records, arrival)
    return records


def shaken(records: Draft, faults: Collection[str], rng: np.random.Generator) -> Draft:
    """Records late, in another order, or twice."""
    arrival = records.arrival.copy()
    luck = rng.random(len(records))
    if "late" in faults:
        late = luck < LATE
        arrival[late] += rng.integers(60_000, 600_000, int(late.sum()))
    if "reordered" in faults:
        mixed = (luck >= LATE) & (luck < LATE + REORDERED)
        arrival[mixed] += rng.integers(0, 30_000, int(mixed.sum()))
    records = _arriving(records, arrival)
    if "duplicated" in faults:
        again = records.take(rng.random(len(records)) < DUPLICATED)
        if len(again):
            records = joined([records, _arriving(again, again.arrival + rng.integers(1_000, 60_000, len(again)))])
    return records


def _arriving(records: Draft, arrival: Ints) -> Draft:
    return Draft(
        records.source, records.time, arrival, records.lines, records.person, records.asset, records.source_asset,
        records.place, records.portal, records.case,
    )  # fmt: skip
