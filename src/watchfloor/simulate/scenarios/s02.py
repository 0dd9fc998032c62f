"""S2: console logon with no badge-in."""

from __future__ import annotations

import numpy as np

from watchfloor.simulate import doors, hosts
from watchfloor.simulate.draft import Draft
from watchfloor.simulate.movement import Stays
from watchfloor.simulate.rota import HOUR, MINUTE
from watchfloor.simulate.scenarios.frame import Scenario, State, Story, Variant

HERE = ("asset-ews-1", "room-engineering", "portal-engineering")
BUILDING = "building-ops"
JEWELS = tuple((f"asset-hmi-{number}", "room-control", "portal-control") for number in (1, 2, 3))


def tell(
    state: State,
    rng: np.random.Generator,
    *,
    at: tuple[str, str, str] | None = None,
    kind: int = hosts.CONSOLE,
    leave: bool = False,
    comes: bool = False,
    unread: bool = False,
    before: int = 20 * MINUTE,
    again: bool = False,
    note: str = "",
    escorted: bool = False,
    drill: bool = False,
    shift: int = 0,
    weak: bool = False,
    buffered: int = 0,
) -> Story:
    """A logon at a console in a controlled zone.

    Args:
        at: console, its room and the door of that; one of the control room's where none is given.
        kind: logon type.
        leave: the person is on leave.
        comes: they come through the doors, `before` the logon; `unread`: behind somebody at the last one.
        again: there was a logon of the same session before.
        note: kind of a session that the jump host says they have there, on this console.
        escorted: an escort is read at the door, and has the duty.
        drill: there is a fire drill, from which people come back together.
        shift: milliseconds by which the shift began before the logon.
        buffered: milliseconds by which what the doors say of them comes late.
        weak: the account is linked to somebody by likeness only.
    """
    site = state.site
    asset, place, portal = JEWELS[int(rng.integers(len(JEWELS)))] if at is None else at
    host = site.asset_code[asset]
    if comes or unread:
        person = state.pick(rng, state.free("ot_engineer", "control_operator", "electrician", account=True))
        time = state.moment(rng, 22.2, 23.5) if shift else state.moment(rng, 10, 15)
    else:
        person = state.pick(rng, state.elsewhere())
        time = state.moment(rng, 19, 21)
    records: list[Draft] = [
        hosts.logons(site, state.when(time), host, kind, person=-1 if weak else person,
                     user=state.weak[0] if weak else None)
    ]  # fmt: skip
    stays: list[Stays] = []
    if comes or unread:
        skipped = [portal] if unread else []
        walked, stay = state.visit(person, time - before, place, rng, unread=skipped, stay=before + 40 * MINUTE)
        records, stays = records + [doors.delayed(one, buffered) for one in walked], [stay]
    if leave:
        records.append(state.says(person, "on_leave", "yes", time - 48 * HOUR, time + 48 * HOUR, time - 60 * HOUR))
    if again:
        records.append(hosts.logons(site, state.when(time - before // 2), host, hosts.CONSOLE, person=person))
    if note:
        jump = site.asset_code["asset-jump"]
        session = f"{note}-{site.column('hostname')[host]}"
        text = f"systemd-logind[771]: New session {session} of user {site.account[person]}."
        records.append(hosts.linux(site, state.when(time - MINUTE), jump, text, person=person))
    if escorted:
        escort = state.pick(rng, state.free("ot_engineer", "guard"))
        walked, stay = state.visit(escort, time - before, place, rng, stay=before + 40 * MINUTE)
        duty = state.says(escort, "escort_duty", f"V-S2-{person}", time - 2 * HOUR, time + 2 * HOUR, time - 20 * HOUR)
        records, stays = [*records, *walked, duty], [*stays, stay]
    if drill:
        records.append(
            state.signal("asset-panel-fire", time - 40 * MINUTE, "Fire/Drill", state="start", detail=BUILDING)
        )
        records.append(state.signal("asset-panel-fire", time - 10 * MINUTE, "Fire/Drill", state="end", detail=BUILDING))
    if shift:
        records.append(state.says(person, "on_shift", "night", time - shift, time + HOUR, time - shift - 20 * HOUR))
    return Story(
        records, [site.people[person], asset], time - 12 * HOUR if not shift else time - shift, time, stays,
        needs=("onguard", (site.portal_code[portal],)), absent=() if comes else (person,),
    )  # fmt: skip


SCENARIO = Scenario(
    "S2",
    "Console logon with no badge-in",
    tell,
    hits={
        "crown-jewel": Variant("crown jewel, no badge all day, full coverage", "finding"),
        "on-leave": Variant("on-leave account", "finding", {"leave": True, "at": HERE}),
    },
    misses={
        "tailgate": Variant("tailgating by legitimate staff (finding, but routed to a nudge)", "finding",
                            {"unread": True}, "awareness: a nudge, no case"),
        "kvm": Variant("KVM over IP, out-of-band board or hypervisor console reported as type 2", "none",
                       {"note": "kvm"}),
        "unlock": Variant("unlock events", "none", {"kind": hosts.UNLOCK, "again": True, "comes": True}),
        "shadowing": Variant("RDP shadowing", "none", {"kind": hosts.REMOTE, "note": "shadow"}),
        "escort": Variant("group entry with an escort", "none", {"unread": True, "escorted": True}),
        "drill": Variant("fire drill return", "none", {"unread": True, "drill": True}),
        "drift": Variant("controller drift", "none", {"comes": True, "before": -3 * MINUTE}),
        "task": Variant("scheduled task or service under a user name", "none", {"kind": hosts.BATCH}),
        "night-shift": Variant("night shift that began before the window", "none",
                               {"comes": True, "before": 13 * HOUR, "shift": 14 * HOUR}),
    },
    edges={
        "buffered": Variant("badge event buffered in the controller, arrives 2h later", "none",
                            {"comes": True, "buffered": 2 * HOUR}, "retracted"),
        "ambiguous": Variant("account linked by likeness only", "indeterminate", {"weak": True}, "identity_ambiguous"),
        "badge-after": Variant("badge at t+4m (inside window: no finding)", "none",
                               {"comes": True, "before": -4 * MINUTE}),
    },
)  # fmt: skip
