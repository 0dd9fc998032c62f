"""Who works when, and where they go that day: shifts, office hours, leave, home office, hotels, lunch, rounds.

Times are local, in milliseconds since local midnight of the day; `Calendar` leads to UTC through both changes of the
clock. Everything is drawn per person and day, as columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from watchfloor.simulate.draft import Codes
from watchfloor.simulate.lines import Ints
from watchfloor.simulate.site import Site

__all__ = ["AWAY", "DAY", "HOUR", "MINUTE", "OFF", "SHIFTS", "WORKS", "Calendar", "Itinerary", "itinerary", "rota"]

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000

SHIFTS: Mapping[str, int] = {"early": 6, "late": 14, "night": 22}
"""Shift -> the hour it begins; eight hours each."""

PATTERN = ("early", "early", "late", "late", "night", "night", "", "")
"""Eight days of a crew; the four crews are two days apart, so that each shift has one."""

SHIFT_ROLES = frozenset(
    [
        "crane_operator",
        "straddle_driver",
        "lasher",
        "reefer_technician",
        "guard",
        "control_operator",
        "electrician",
        "mechanic",
    ]
)

OFF, WORKS, HOME, AWAY, LEAVE = 0, 1, 2, 3, 4
"""A person's day: free, at work, working from home, travelling, on leave."""

BASE: Mapping[str, str] = {
    "crane_operator": "room-changing", "straddle_driver": "room-changing", "lasher": "room-changing",
    "reefer_technician": "room-changing", "guard": "room-gatehouse", "control_operator": "room-changing",
    "electrician": "room-workshop", "mechanic": "room-workshop", "cleaner": "room-mail",
    "depot_worker": "room-depot", "vendor_technician": "room-workshop",
}  # fmt: skip
"""Where a role begins its day; the others begin at their desk."""

WORK: Mapping[str, tuple[str, ...]] = {
    "crane_operator": tuple(f"room-cab-{k}" for k in range(1, 7)), "straddle_driver": ("area-yard",),
    "lasher": ("area-quay",), "reefer_technician": ("area-reefer",), "guard": ("room-gatehouse", "room-cctv"),
    "control_operator": ("room-control",), "electrician": ("room-workshop", "area-reefer"),
    "mechanic": ("room-workshop", "area-quay"), "ot_engineer": ("room-engineering",), "it_admin": ("room-it",),
    "clerk": ("room-finance",), "planner": ("room-planning",), "hr_officer": ("room-hr",),
    "manager": ("room-management",), "cleaner": ("room-office-1", "room-office-2", "room-ops-0"),
    "vendor_technician": ("room-workshop",), "depot_worker": ("room-depot", "area-depot"),
}  # fmt: skip
"""Where a role works."""

VISITS: Mapping[str, tuple[str, ...]] = {
    "guard": ("area-quay", "area-reefer", "area-yard", "room-ops-0", "room-office-0"),
    "ot_engineer": ("room-control", "room-ot-servers", "room-crane-1", "room-crane-3", "room-crane-5", "room-ot-store"),
    "electrician": ("room-substation", "room-reefer-power", "room-crane-2", "room-crane-4", "room-crane-6"),
    "mechanic": ("room-crane-1", "room-crane-2", "room-crane-3", "room-crane-4", "room-crane-5", "room-crane-6"),
    "it_admin": ("room-server", "room-finance", "room-planning"),
    "manager": ("room-meeting-1", "room-meeting-2", "room-control"),
    "cleaner": ("room-canteen", "room-meeting-1", "room-meeting-2", "room-ops-1"),
    "control_operator": ("room-ops-1",),
    "vendor_technician": ("area-quay", "room-ops-canteen"),
    "depot_worker": ("area-depot",),
    "": ("room-meeting-1", "room-meeting-2", "room-mail"),
}
"""Where a role goes in between."""

LUNCH: Mapping[str, str] = {"office": "room-canteen", "shift": "room-ops-canteen", "depot": "area-depot"}

ON_LEAVE, FROM_HOME, TRAVELS = 0.05, 0.18, 0.03
HOME_ROLES = frozenset({"clerk", "planner", "hr_officer", "manager", "it_admin"})
TRAVEL_ROLES = frozenset({"manager", "planner"})


class Calendar:
    """Local time of a day to UTC, hour by hour."""

    def __init__(self, day: date, zone: ZoneInfo) -> None:
        self.day, self.zone = day, zone
        midnight = datetime(day.year, day.month, day.day)
        epoch = datetime(1970, 1, 1)
        self._midnight = (midnight - epoch) // timedelta(milliseconds=1)
        offsets = [
            ((midnight + timedelta(hours=hour)).replace(tzinfo=zone).utcoffset() or timedelta()).total_seconds() * 1000
            for hour in range(-12, 60)
        ]
        self._offsets = np.array(offsets, np.int64)
        self.start = int(datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC).timestamp() * 1000)
        after = day + timedelta(days=1)
        self.end = int(datetime(after.year, after.month, after.day, tzinfo=zone).astimezone(UTC).timestamp() * 1000)

    def utc(self, local: npt.NDArray[np.floating | np.integer]) -> Ints:
        """Milliseconds since local midnight (as the clock on the wall counts) as UTC epoch milliseconds."""
        ms = np.asarray(local).astype(np.int64)
        hour = np.clip(ms // HOUR + 12, 0, len(self._offsets) - 1)
        return self._midnight + ms - self._offsets[hour]

    def hour(self, hour: float) -> int:
        """An hour of the local day as UTC epoch milliseconds."""
        return int(self.utc(np.array([hour * HOUR]))[0])


@dataclass(frozen=True, slots=True)
class Itinerary:
    """Where people want to go on a day, as columns of stops: row per person, place -1 where there is no stop.

    Args:
        person: code of each row's person.
        time: when they set out for the stop, UTC epoch milliseconds.
        place: code of the stop's place.
    """

    person: Codes
    time: npt.NDArray[np.int64]
    place: npt.NDArray[np.int32]


def rota(site: Site, calendar: Calendar, seed: int) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int64]]:
    """What kind of day it is for each person, and the local start of their work in milliseconds.

    Leave and travel last from Monday to Sunday, so they are drawn by the week.
    """
    people = len(site.people)
    ordinal = calendar.day.toordinal()
    weekly = np.random.default_rng([seed, 17, (ordinal - 1) // 7]).random((2, people))
    daily = np.random.default_rng([seed, 19, ordinal]).random((3, people))
    roles = site.roles
    shift = np.isin(roles, list(SHIFT_ROLES))
    index = (ordinal + 2 * (site.rank % 4)) % len(PATTERN)
    names = np.array(PATTERN)[index]
    kind = np.zeros(people, np.int8)
    start = np.zeros(people, np.int64)
    for name, hour in SHIFTS.items():
        mine = shift & (names == name)
        kind[mine], start[mine] = WORKS, hour * HOUR
    weekday = calendar.day.weekday() < 5
    office = ~shift & (weekday | (daily[0] < 0.02))
    kind[office] = WORKS
    start[office] = 8 * HOUR + ((daily[1][office] - 0.5) * 90 * MINUTE).astype(np.int64)
    from_home = office & np.isin(roles, list(HOME_ROLES)) & (daily[2] < FROM_HOME)
    kind[from_home] = HOME
    kind[office & np.isin(roles, list(TRAVEL_ROLES)) & (weekly[0] < TRAVELS)] = AWAY
    kind[weekly[1] < ON_LEAVE] = LEAVE
    noon = calendar.hour(12)
    kind[~site.at_work(noon)] = OFF
    nights = start >= SHIFTS["night"] * HOUR
    kind[nights & ~site.at_work(noon + DAY)] = OFF  # it would end after their last day
    return kind, start


def itinerary(
    site: Site, calendar: Calendar, kind: npt.NDArray[np.int8], start: npt.NDArray[np.int64], rng: np.random.Generator
) -> Itinerary:
    """The stops of all who come to work on this day, in order; the last one is the way home."""
    person = np.flatnonzero(kind == WORKS).astype(np.int32)
    n = len(person)
    code = site.place_code

    def draw(table: Mapping[str, tuple[str, ...]], default: tuple[str, ...]) -> Codes:
        """A place per row, out of those of its role."""
        found = np.full(n, -1, np.int32)
        roles = site.roles[person]
        for role in np.unique(roles):
            options = [code[uid] for uid in table.get(str(role), default) if uid in code]
            mine = np.flatnonzero(roles == role)
            if options:
                found[mine] = rng.choice(options, len(mine))
        return found

    desk = site.desk[person]
    work = draw(WORK, ())
    work = np.where((work < 0) & (desk >= 0), desk, work)
    base = draw({role: (uid,) for role, uid in BASE.items()}, ())
    base = np.where(base >= 0, base, np.where(desk >= 0, desk, work))
    roles = site.roles[person]
    shift = np.isin(roles, list(SHIFT_ROLES))
    canteen = np.where(shift, code.get(LUNCH["shift"], -1), code.get(LUNCH["office"], -1))
    canteen = np.where(roles == "depot_worker", code.get(LUNCH["depot"], -1), canteen).astype(np.int32)
    begin = start[person]
    length = np.where(shift, 8 * HOUR, (8.4 * HOUR + (rng.random(n) - 0.5) * HOUR)).astype(np.int64)

    def after(low: float, high: float) -> Ints:
        return (rng.uniform(low, high, n) * MINUTE).astype(np.int64)

    lunch = begin + length // 2 + after(-40, 40)
    back = lunch + after(22, 45)
    first, second = begin + after(60, 150), back + after(30, 100)
    stops = [
        (begin - after(18, 40), base),
        (begin + after(-3, 8), work),
        (first, np.where(rng.random(n) < 0.5, draw(VISITS, VISITS[""]), -1)),
        (first + after(12, 45), work),
        (lunch, np.where(rng.random(n) < 0.85, canteen, -1)),
        (back, work),
        (second, np.where(rng.random(n) < 0.4, draw(VISITS, VISITS[""]), -1)),
        (second + after(10, 40), work),
        (begin + length - after(0, 6), np.where(shift, base, -1)),
        (begin + length + after(6, 22), site.home[person]),
    ]
    local = np.stack([time for time, _ in stops], axis=1)
    place = np.stack([np.asarray(place, np.int32) for _, place in stops], axis=1)
    return Itinerary(person, calendar.utc(local), place)
