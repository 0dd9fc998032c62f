"""S15: abuse of an evacuation."""

from __future__ import annotations

import numpy as np

from watchfloor.simulate import doors, hosts
from watchfloor.simulate.draft import Draft
from watchfloor.simulate.movement import Stays
from watchfloor.simulate.rota import HOUR, MINUTE
from watchfloor.simulate.scenarios.frame import Scenario, State, Story, Variant

PANEL, HOST, ROOM, MUSTER = "asset-panel-fire", "asset-file-01", "room-server", "muster-gate"
DESKS = ("clerk", "planner", "hr_officer", "manager", "reefer_technician", "control_operator")
"""Roles that have no part in an evacuation but to leave."""

MUSTERED = 2
"""So many others are read at the muster point."""


def tell(
    state: State,
    rng: np.random.Generator,
    *,
    place: str = "building-office",
    act: str = "usb",
    roles: tuple[str, ...] = (),
    drill: bool = False,
    stays_in: bool = False,
    mustered: int | None = None,
) -> Story:
    """The fire alarm rings at night; six minutes later somebody is at a computer of the empty building.

    At night, as those who work there all day do not leave for a case, and would be found as well.

    Args:
        place: where the alarm is.
        act: `usb`, `console`, `remote` or `software`.
        roles: who it is, and comes through the doors; empty: nobody knows.
        drill: it is a drill, and registered.
        stays_in: somebody could not leave.
        mustered: they are at the muster point, and the read there is delivered so many milliseconds late.
    """
    site = state.site
    alarm = state.moment(rng, 4, 4.5)
    time = alarm + 6 * MINUTE
    host = site.asset_code[HOST]
    records: list[Draft] = []
    stays: list[Stays] = []
    entities = [HOST, place]
    person = -1
    if roles or stays_in or act in ("console", "remote"):
        person = state.pick(rng, state.free(*roles, account=True))
        entities.append(site.people[person])
    topic = "Fire/Drill" if drill else "Fire/Alarm"
    records.append(state.signal(PANEL, alarm, topic, state="start", detail=place))
    records.append(state.signal(PANEL, alarm + 40 * MINUTE, topic, state="end", detail=place))
    if drill:
        records.append(state.order(PANEL, alarm, "Evacuation drill with exercise at computers", kind="Permit to work"))
    if stays_in or roles:
        since = alarm - HOUR if stays_in else time
        walked, stay = state.visit(person, since, ROOM, rng, stay=90 * MINUTE if stays_in else 20 * MINUTE)
        records, stays = records + walked, [stay]
    for number in range(MUSTERED):  # others leave, and are read
        other = state.pick(rng, state.free())
        walked, stay, _ = state.walk(
            other, [(alarm - 50 * MINUTE, "room-office-0"), (alarm + 30_000 + number * 7_000, MUSTER)], rng,
            stay=35 * MINUTE,
        )  # fmt: skip
        records, stays = records + walked, [*stays, stay]
    if mustered is not None:
        person = state.pick(rng, state.free(account=True))
        entities.append(site.people[person])
        walked, stay, _ = state.walk(
            person, [(alarm - 50 * MINUTE, "room-office-0"), (alarm + 20_000, MUSTER)], rng, stay=35 * MINUTE
        )
        reader = site.portal_code[f"portal-{MUSTER}"]
        for one in walked:
            read = one.portal == reader
            records += [one.take(~read), doors.delayed(one.take(read), mustered)]
        stays = [*stays, stay]
    now = state.when(time)
    if act == "usb":
        records.append(hosts.usb(site, now, host, serial="EX0915"))
    elif act == "software":
        records.append(
            hosts.processes(site, now, host, -1, rng=rng, user="svc-backup",
                            program=(r"C:\\Program Files\\Example\\backup.exe", "backup.exe /nightly"))
        )  # fmt: skip
    else:
        kind = hosts.REMOTE if act == "remote" else hosts.CONSOLE
        records.append(hosts.logons(site, now, host, kind, person=person))
    return Story(records, entities, alarm, time, stays, needs=("panels", ()))


SCENARIO = Scenario(
    "S15",
    "Abuse of an evacuation",
    tell,
    hits={
        "usb": Variant("USB in Z 6m after alarm, not mustered", "finding"),
    },
    misses={
        "warden": Variant("wardens checking rooms", "none", {"act": "console", "roles": ("guard",)}),
        "responder": Variant("responders", "none", {"act": "console", "roles": ("electrician",)}),
        "drill": Variant("drill", "none", {"drill": True}),
        "remote": Variant("remote sessions", "none", {"act": "remote"}),
        "software": Variant("screen activity by software", "none", {"act": "software"}),
        "trapped": Variant("person who could not leave (this is the important one: finding yes, reading = rescue)",
                           "finding", {"act": "console", "stays_in": True, "roles": DESKS}, "rescue"),
        "other-section": Variant("alarm in another fire section", "none", {"place": "building-ops"}),
    },
    edges={
        "muster-late": Variant("muster read arrives late", "none", {"act": "console", "mustered": 2 * HOUR},
                               "retracted"),
    },
)  # fmt: skip
