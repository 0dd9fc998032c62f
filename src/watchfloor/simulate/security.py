"""Records of security devices beside the doors: cameras, tags, the sky sensor, panels; and visitors at the doors."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from watchfloor.simulate import doors, offices, panels
from watchfloor.simulate.draft import NOBODY, Draft, draft
from watchfloor.simulate.lines import Ints, Template, counted, iso, picked
from watchfloor.simulate.movement import Stays
from watchfloor.simulate.rota import HOUR, MINUTE, Calendar
from watchfloor.simulate.site import Site

__all__ = ["everyday", "signals"]

SIGNAL = Template(
    '{"timestamp":"{time}","device":"{device}","topic":"{topic}","state":"{state}","detail":"{detail}","seq":{serial}}'
)


def signals(
    site: Site,
    time: Ints,
    asset: npt.NDArray[Any] | int,
    topic: str,
    *,
    state: str = "true",
    detail: str = "",
    place: int = NOBODY,
    portal: int = NOBODY,
) -> Draft:
    """What a device says, by topic (those of ONVIF where it has one); a panel says it by a frame to its receiver."""
    time = np.asarray(time, np.int64)
    assets = np.broadcast_to(np.asarray(asset, np.int32), len(time))
    if (topic, state) in panels.CODES and len(time) and int(assets[0]) in site.of("panel"):
        return panels.frames(site, time, assets, topic, state=state, detail=detail)
    names = [name or uid for name, uid in zip(site.column("device"), site.assets, strict=True)]
    lines = SIGNAL.fill(
        len(time), time=iso(time), device=picked(names, assets), topic=topic, state=state, detail=detail,
        serial=counted(time // 100 % 10_000_000),
    )  # fmt: skip
    return draft("security", time, lines, asset=assets, place=place, portal=portal, delay=800)


def everyday(site: Site, calendar: Calendar, where: Stays, rng: np.random.Generator) -> list[Draft]:
    """Signs of life of devices, and a few visitors with their hosts."""
    found = []
    each = np.arange(calendar.start, calendar.end, HOUR)
    for kind in ("camera", "panel", "recorder"):
        for asset in site.of(kind):
            found.append(signals(site, each + asset * 1000, asset, "tns1:Device/HeartBeat", state="ok"))
    if calendar.day.weekday() < 5 and site.visitors:
        found += _visitors(site, calendar, where, rng)
    return found


def _visitors(site: Site, calendar: Calendar, where: Stays, rng: np.random.Generator) -> list[Draft]:
    ten, noon = calendar.hour(10), calendar.hour(11.5)
    office = np.array([uid.startswith("room-") for uid in site.places])
    hosting = np.flatnonzero(
        (where.since < ten)
        & (where.until > ten + HOUR)
        & office[where.place]
        & (where.place == site.desk[where.person])
    )
    count = min(len(hosting), len(site.visitors), max(1, len(site.people) // 150))
    if not count or "portal-office" not in site.portal_code:
        return []
    door = site.portal_code["portal-office"]
    hosts = where.person[rng.choice(hosting, count, replace=False)]
    rows, found = [], []
    for i, host in enumerate(hosts.tolist()):
        number, facility = site.visitors[i]
        since = ten + int(rng.integers(0, 40)) * MINUTE
        rows.append((f"V-{calendar.day:%y%m%d}-{i}", number, host, host, since, noon + HOUR, "approved", "Example Ltd"))
        for time, inward in ((since + 5 * MINUTE, True), (since + 65 * MINUTE, False)):
            found.append(
                doors.swipes(site, np.array([time]), door, doors.TAKEN, inward=inward, badge=number, facility=facility,
                             rng=rng)
            )  # fmt: skip
    return [*found, offices.visits(site, rows)]
