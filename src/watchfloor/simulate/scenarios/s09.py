"""S9: leaver: notice, mass download, odd-hours badge."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from watchfloor.simulate import network, signins
from watchfloor.simulate.draft import Draft
from watchfloor.simulate.movement import Stays
from watchfloor.simulate.rota import DAY, HOUR, MINUTE
from watchfloor.simulate.scenarios.frame import Scenario, State, Story, Variant

CLOUD, BACKUP, BUILDS = "203.0.113.240", "10.21.0.11", "10.21.0.14"
GIGABYTE = 1_000_000_000


def tell(
    state: State,
    rng: np.random.Generator,
    *,
    gigabytes: int = 40,
    to: str = CLOUD,
    roles: tuple[str, ...] = ("clerk", "planner", "manager"),
    notice: str = "self",
    order: str = "",
    shift: bool = False,
    mail: bool = False,
) -> Story:
    """Somebody in notice comes at an odd hour and takes a lot of data.

    Args:
        gigabytes: how much, in ten connections; `to`: where.
        roles: of these.
        notice: the person themselves, a `namesake`, or `withdrawn` again.
        order: title of an order for their computer: handover, project close.
        shift: they are on a swapped shift.
        mail: they clean their mailbox.
    """
    site = state.site
    person = state.pick(rng, state.free(*roles, account=True) | state.working(*roles, account=True))
    time = state.moment(rng, 19, 21)
    noticed = person
    if notice == "namesake":
        others = np.array(site.name) == site.name[person]
        others[person] = False
        noticed = state.pick(rng, others if others.any() else state.free("clerk"))
    recorded = time - 10 * DAY
    records: list[Draft] = [state.says(noticed, "in_notice", "yes", time - 9 * DAY, time + 30 * DAY, recorded)]
    if notice == "withdrawn":
        records.append(state.says(person, "in_notice", "no", time - 9 * DAY, "", time + HOUR))
    desk = site.places[site.desk[person]]
    walked, stay = state.visit(person, time - 20 * MINUTE, desk, rng, stay=2 * HOUR)
    records += walked
    stays: list[Stays] = [stay]
    host = int(site.host[person])
    if gigabytes:
        at = time + np.arange(10) * 3 * MINUTE
        sent = pa.array([str(gigabytes * GIGABYTE // 10 + i) for i in range(10)], pa.string())
        records.append(network.connections(site, at, host, to, 443, rng=rng, sent=sent))
    if order:
        records.append(state.order(site.assets[host], time, order, kind="Change"))
    if shift:
        records.append(state.says(person, "on_shift", "late", time - 2 * HOUR, time + 4 * HOUR, time - 8 * HOUR))
    if mail:
        records.append(signins.sign_ins(site, state.when(time), person, signins.HERE, rng=rng, event="sso", app="Mail"))
    return Story(
        records, [site.people[person], site.assets[host]], time - 24 * HOUR, time + 30 * MINUTE, stays,
        needs=("zeek-it", ()),
    )  # fmt: skip


SCENARIO = Scenario(
    "S9",
    "Leaver: notice, mass download, odd-hours badge",
    tell,
    hits={
        "cloud": Variant("40 GB to cloud storage + Sunday entry", "finding"),
    },
    misses={
        "handover": Variant("agreed handover", "none", {"order": "Handover of files"}),
        "project-close": Variant("project close", "none", {"order": "Project close"}),
        "backup": Variant("workstation backup", "none", {"to": BACKUP}),
        "shift-swap": Variant("shift swap", "none", {"gigabytes": 0, "shift": True}),
        "mailbox": Variant("cleaning up own mailbox", "none", {"gigabytes": 0, "mail": True}),
        "builds": Variant("large legitimate build artefacts", "none", {"to": BUILDS, "roles": ("it_admin",)}),
        "small-peers": Variant("peer group too small (indeterminate)", "indeterminate", {"roles": ("hr_officer",)},
                               "peer group too small"),
        "wrong-flag": Variant("in-notice flag set for the wrong person", "none", {"notice": "namesake"}),
    },
    edges={
        "retracted": Variant("notice retracted", "none", {"notice": "withdrawn"}, "retracted"),
    },
    learns=3,
)  # fmt: skip
