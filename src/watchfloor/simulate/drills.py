"""Evacuation drills: on Wednesdays a building goes to its muster point, is read there, and comes back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from watchfloor.simulate import offices, security
from watchfloor.simulate.draft import Draft
from watchfloor.simulate.rota import HOUR, MINUTE, Calendar, Itinerary
from watchfloor.simulate.site import Site

__all__ = ["Drill", "announced", "drill_on", "evacuated"]

PANEL = "asset-panel-fire"

BUILDINGS: tuple[tuple[str, str], ...] = (("building-office", "muster-gate"), ("building-ops", "muster-yard"))
"""Buildings in turn, and where they muster."""

WEDNESDAY = 2
HOUR_OF_DAY, LASTS_MS = 10.5, 25 * MINUTE

ARRIVES_MS = 6 * MINUTE
"""Who set out for the building just before has arrived after this time, and then turns round."""


@dataclass(frozen=True, slots=True)
class Drill:
    """One drill, [since, until) in UTC epoch milliseconds."""

    building: str
    muster: str
    since: int
    until: int


def drill_on(site: Site, calendar: Calendar) -> Drill | None:
    """The drill of a day, if there is one."""
    if calendar.day.weekday() != WEDNESDAY or PANEL not in site.asset_code:
        return None
    building, muster = BUILDINGS[calendar.day.isocalendar().week % len(BUILDINGS)]
    if building not in site.place_code or muster not in site.place_code:
        return None
    since = calendar.hour(HOUR_OF_DAY)
    return Drill(building, muster, since, since + LASTS_MS)


def evacuated(site: Site, plan: Itinerary, drill: Drill, rng: np.random.Generator) -> Itinerary:
    """The same day, but who is in the building then goes to the muster point, and nobody comes in until it is over."""
    inside = np.array([uid in site.directory.inside(drill.building) for uid in site.places])
    stops = np.where((plan.place >= 0) & (plan.time <= drill.since), np.arange(plan.place.shape[1]), -1)
    latest = stops.max(axis=1)
    rows = np.arange(len(plan.person))
    here = np.where(latest >= 0, plan.place[rows, np.maximum(latest, 0)], -1)
    goes = (here >= 0) & inside[here]
    meanwhile = (plan.time > drill.since) & (plan.time < drill.until)
    place = np.where(meanwhile & goes[:, None], -1, plan.place)
    waits = meanwhile & (place >= 0) & inside[place]
    times = np.where(waits, drill.until + (plan.time - drill.since) // 10, plan.time)
    n = len(rows)
    set_out = plan.time[rows, np.maximum(latest, 0)]
    out = np.maximum(drill.since + rng.integers(15_000, 120_000, n), set_out + ARRIVES_MS)
    back = drill.until + rng.integers(10_000, 240_000, n)
    time = np.concatenate([times, out[:, None], back[:, None]], axis=1)
    muster = np.where(goes, site.place_code[drill.muster], -1)
    place = np.concatenate([place, muster[:, None], np.where(goes, here, -1)[:, None]], axis=1)
    order = np.argsort(time, axis=1, kind="stable")
    return Itinerary(
        plan.person, np.take_along_axis(time, order, 1), np.take_along_axis(place, order, 1).astype(np.int32)
    )


def announced(site: Site, drill: Drill) -> list[Draft]:
    """What the panel says, and the permit for it, of the day before."""
    panel = site.asset_code[PANEL]
    chief = int(np.flatnonzero(site.at_work(drill.since) & (site.roles == "manager"))[0])
    order = (
        f"WO-DRILL-{drill.since // HOUR}", f"Permit to work@{drill.since - 20 * HOUR}", "Approved", panel, chief, chief,
        drill.since - HOUR, drill.until + HOUR, "Evacuation drill",
    )  # fmt: skip
    said = [
        security.signals(site, np.array([time]), panel, "Fire/Drill", state=state, detail=drill.building)
        for time, state in ((drill.since, "start"), (drill.until, "end"))
    ]
    return [offices.orders(site, [order]), *said]
