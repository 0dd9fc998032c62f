"""Records of offices: predicates from personnel, trainings, work orders, visits; never more than a predicate."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from watchfloor.simulate.draft import NOBODY, Draft, draft
from watchfloor.simulate.rota import AWAY, DAY, HOUR, LEAVE, SHIFT_ROLES, SHIFTS, WORKS, Calendar
from watchfloor.simulate.site import Site
from watchfloor.world.entities import FOREVER

__all__ = ["TRAININGS", "hr", "instant", "orders", "personnel", "training", "trainings", "visits", "works"]

TRAININGS: dict[str, tuple[str, ...]] = {
    "crane_operator": ("yard-safety", "quay-safety", "crane-access"), "straddle_driver": ("yard-safety",),
    "lasher": ("yard-safety", "quay-safety"), "reefer_technician": ("yard-safety", "reefer"),
    "guard": ("yard-safety", "quay-safety", "reefer"), "control_operator": ("yard-safety",),
    "ot_engineer": ("yard-safety", "quay-safety", "crane-access", "high-voltage", "reefer"),
    "electrician": ("yard-safety", "quay-safety", "crane-access", "high-voltage", "reefer"),
    "mechanic": ("yard-safety", "quay-safety", "crane-access"),
    "vendor_technician": ("yard-safety", "quay-safety", "crane-access"), "": ("yard-safety",),
}  # fmt: skip
"""What a role is trained for."""

CLEARANCES: dict[str, tuple[str, ...]] = {
    "crane_operator": ("crane",), "guard": ("guard", "server", "ot", "control"), "control_operator": ("control",),
    "ot_engineer": ("ot", "control", "crane", "substation"), "electrician": ("ot", "substation", "crane"),
    "mechanic": ("crane",), "it_admin": ("server",), "hr_officer": ("hr",), "manager": ("control",),
    "vendor_technician": ("crane",), "cleaner": (),
}  # fmt: skip
"""Zones' clearances a role has."""

NOTICE = 0.015
"""Share of people who are in their notice period."""


def instant(time: int) -> str:
    """UTC epoch milliseconds as ISO 8601 in whole seconds; empty for an open end."""
    return "" if time >= FOREVER else datetime.fromtimestamp(time / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _rows(source: str, rows: Sequence[tuple[int, str, int, int]]) -> Draft:
    """Rows as (time, line, person, asset)."""
    time = np.array([row[0] for row in rows], np.int64)
    lines = pa.array([f"{row[1]}\n" for row in rows], pa.string())
    person = np.array([row[2] for row in rows], np.int32)
    return draft(source, time, lines, person=person, asset=np.array([row[3] for row in rows], np.int32))


def hr(site: Site, statements: Sequence[tuple[int, str, str, int | str, int | str, int]]) -> Draft:
    """Predicates: (person, predicate, value, valid from, valid to, recorded at); times in ms or as text."""
    rows = []
    for person, predicate, value, since, until, recorded in statements:
        spans = ",".join(one if isinstance(one, str) else instant(one) for one in (since, until))
        rows.append(
            (recorded, f"{site.number[person]},{predicate},{value},{spans},{instant(recorded)}", person, NOBODY)
        )
    return _rows("hr", rows)


def personnel(
    site: Site, calendar: Calendar, kind: npt.NDArray[np.int8], start: npt.NDArray[np.int64], seed: int, *, first: bool
) -> Draft:
    """What personnel says on a day: shifts of tomorrow's plan, leave and travel on Mondays, everything on the first."""
    said: list[tuple[int, str, str, int | str, int | str, int]] = []
    day = calendar.start
    monday = calendar.day.weekday() == 0
    if first:
        notice = np.random.default_rng([seed, 23]).random(len(site.people)) < NOTICE
        known = day - 10 * HOUR
        for person in range(len(site.people)):
            for since, until in site.employed[person]:
                said.append((person, "employed", "yes", max(since, 0), until, known))
            said.append((person, "role_class", site.role[person], max(site.employed[person][-1][0], 0), "", known))
            for name in CLEARANCES.get(site.role[person], ()):
                said.append((person, "clearance_ok", name, day - 100 * DAY, "", known))
            if notice[person]:
                said.append((person, "in_notice", "yes", day - 14 * DAY, day + 60 * DAY, known))
    for hour in range(24):  # an export every hour says at least one thing: silence is known as such
        known = calendar.hour(hour + 0.1)
        employed = np.flatnonzero(site.at_work(known))
        person = int(employed[(calendar.day.toordinal() * 24 + hour) % len(employed)])
        said.append((person, "role_class", site.role[person], max(site.employed[person][-1][0], 0), "", known))
    end = calendar.start + 7 * DAY if monday else calendar.start + (7 - calendar.day.weekday()) * DAY
    if first or monday:
        for person in np.flatnonzero(kind == LEAVE).tolist():
            said.append((person, "on_leave", "yes", day, end, day - 9 * HOUR))
        for person in np.flatnonzero(kind == AWAY).tolist():
            said.append((person, "travelling", "DE" if person % 2 == 0 else "SG", day, end, day - 9 * HOUR))
    begins = calendar.utc(start)
    names = {hour * HOUR: name for name, hour in SHIFTS.items()}
    on = np.flatnonzero((kind == WORKS) & np.isin(site.roles, list(SHIFT_ROLES)))
    for person in on.tolist():
        since = int(begins[person])
        said.append((person, "on_shift", names[int(start[person])], since, since + 8 * HOUR, day - 8 * HOUR))
    return hr(site, said)


def trainings(site: Site, day: date, recorded: int) -> Draft:
    """All trainings, as of the first day."""
    rows = []
    for person, role in enumerate(site.role):
        for number, training in enumerate(TRAININGS.get(role, TRAININGS[""])):
            done = day - timedelta(days=30 + (person * 7 + number * 31) % 300)
            expires = done + timedelta(days=365)
            rows.append(
                (recorded, f"{site.number[person]},{training},{done},{expires},{instant(recorded)}", person, NOBODY)
            )
    return _rows("lms", rows)


def training(site: Site, person: int, name: str, done: date, expires: date, recorded: int) -> Draft:
    """One training."""
    return _rows(
        "lms", [(recorded, f"{site.number[person]},{name},{done},{expires},{instant(recorded)}", person, NOBODY)]
    )


def orders(site: Site, rows: Sequence[tuple[str, str, str, int, int, int, int, int, str]]) -> Draft:
    """Work orders: (order, type, status, asset, requested by, approved by, start, end, title), recorded an hour before;
    a type that ends in `@` and milliseconds is recorded then."""
    found = []
    for order, kind, status, asset, requested, approved, since, until, title in rows:
        kind, _, at = kind.partition("@")
        recorded = int(at) if at else since - HOUR
        line = (
            f"{order},{kind},{status},{site.names('device').get(site.assets[asset], '')},{site.number[requested]},"
            f"{site.number[approved]},{instant(since)},{instant(until)},{instant(recorded)},{title}"
        )
        found.append((recorded, line, requested, asset))
    return _rows("cmms", found)


def works(site: Site, calendar: Calendar, rng: np.random.Generator) -> Draft:
    """The planned work of a day, on cranes and the reefer plant."""
    here = site.at_work(calendar.hour(8)) & site.at_work(calendar.hour(20))
    engineers = np.flatnonzero(here & np.isin(site.roles, ["ot_engineer", "electrician", "mechanic"]))
    managers = np.flatnonzero(here & (site.roles == "manager"))
    assets = [code for code in site.of("plc") if site.directory.assets[site.assets[code]].zone != "zone-bms"]
    rows = []
    for number, asset in enumerate(rng.choice(assets, min(3, len(assets)), replace=False).tolist()):
        since = calendar.hour(9 + 2 * number)
        who, chief = int(rng.choice(engineers)), int(rng.choice(managers))
        rows.append(
            (f"WO-{calendar.day:%y%m%d}-{number}", "Work order", "Approved", asset, who, chief, since, since + 2 * HOUR,
             "Inspection as planned")
        )  # fmt: skip
    return orders(site, rows)


def visits(site: Site, rows: Sequence[tuple[str, str, int, int, int, int, str, str]]) -> Draft:
    """Visits: (visit, badge, host, escort, from, to, status, company), recorded a day before."""
    found = []
    for visit, badge, host, escort, since, until, status, company in rows:
        recorded = since - DAY
        place = site.directory.persons[site.people[host]].site
        line = (
            f"{visit},{badge},{site.number[host]},{site.number[escort]},{place},{instant(since)},{instant(until)},"
            f"{status},{instant(recorded)},{company}"
        )
        found.append((recorded, line, host, NOBODY))
    return _rows("visitors", found)
