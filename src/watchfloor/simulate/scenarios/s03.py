"""S3: terminated or suspended person uses badge or account."""

from __future__ import annotations

import numpy as np

from watchfloor.simulate import doors, signins
from watchfloor.simulate.draft import NOBODY, Draft
from watchfloor.simulate.movement import Stays
from watchfloor.simulate.rota import DAY, HOUR, MINUTE
from watchfloor.simulate.scenarios.frame import Scenario, State, Story, Variant
from watchfloor.simulate.signins import HOMES


def tell(
    state: State,
    rng: np.random.Generator,
    *,
    ended: int = 3 * HOUR,
    recorded: int = 2 * HOUR,
    again: bool = False,
    role: str = "",
    garden: bool = False,
    reissued: bool = False,
    pool: bool = False,
    delegate: bool = False,
    device: bool = False,
    denied: bool = False,
    weak: bool = False,
    namesake: bool = False,
) -> Story:
    """An employment ended; a credential is used.

    Args:
        ended: milliseconds before the act; 0: it did not end.
        recorded: milliseconds before the act at which personnel wrote it down; negative: after it.
        again: employed anew since, as `role`.
        garden: in notice and on leave, but employed.
        reissued: the badge was somebody's who left, and is now theirs.
        pool: a badge of nobody is used.
        delegate: a colleague opens the mailbox.
        device: only a forgotten device tries to sign in.
        denied: refused at the gate, then VPN.
        namesake: it ended for somebody else of the same name.
        weak: a badge is used that is linked to them by likeness only.
    """
    site = state.site
    time = state.moment(rng, 0.5, 23) if reissued else state.moment(rng)
    person = state.pick(rng, state.free(account=True))
    if reissued:
        numbers = np.array(site.badges.number)
        values, counts = np.unique(numbers, return_counts=True)
        rows = np.flatnonzero(np.isin(numbers, values[counts > 1]))
        held = [row for row in rows.tolist() if site.badges.since[row] <= time < site.badges.until[row]]
        person = int(site.badges.person[held[-1]]) if held else person
    records: list[Draft] = []
    stays: list[Stays] = []
    if ended:
        left = person
        if namesake:
            others = np.array(site.name) == site.name[person]
            others[person] = False
            left = state.pick(rng, others if others.any() else state.free("clerk"))
        records.append(state.says(left, "employed", "no", time - ended, "", time - recorded))
    if again:
        records.append(state.says(person, "employed", "yes", time - ended // 2, "", time - recorded + MINUTE))
        if role:
            records.append(state.says(person, "role_class", role, time - ended // 2, "", time - recorded + MINUTE))
    if garden:
        records.append(state.says(person, "in_notice", "yes", time - 9 * DAY, time + 9 * DAY, time - 10 * DAY))
        records.append(state.says(person, "on_leave", "yes", time - DAY, time + 9 * DAY, time - 2 * DAY))
    now = state.when(time)
    if weak:
        records.append(state.swipe(time, "portal-gate", doors.TAKEN, rng, badge=state.weak[1]))
    elif pool:
        number, facility = site.pools[int(rng.integers(len(site.pools)))]
        records.append(state.swipe(time, "portal-gate", doors.TAKEN, rng, badge=number, facility=facility))
    elif delegate:
        other = state.pick(rng, state.free("clerk", "manager", account=True))
        records.append(signins.sign_ins(site, now, other, HOMES, rng=rng, event="sso", app="Mailbox by delegation"))
    elif device:
        records.append(signins.sign_ins(site, now, person, HOMES, rng=rng, result="FAILURE"))
    elif denied:
        records.append(state.swipe(time, "portal-gate", doors.DENIED, rng, person=person))
        records.append(
            signins.sign_ins(site, state.when(time + 50 * MINUTE), person, HOMES, rng=rng, app="Example VPN")
        )
    else:
        walked, stay = state.visit(person, time, "area-yard", rng)
        records, stays = records + walked, [stay]
    entities = [] if pool or person == NOBODY else [site.people[person]]
    return Story(records, entities, time - ended, time, stays, needs=("hr", ()))


SCENARIO = Scenario(
    "S3",
    "Terminated or suspended person uses badge or account",
    tell,
    hits={
        "badge": Variant("granted 3h after end", "finding"),
        "denied-vpn": Variant("denied then VPN", "finding", {"denied": True}),
    },
    misses={
        "rehire": Variant("rehire", "none", {"ended": 20 * DAY, "recorded": 20 * DAY, "again": True}),
        "new-id": Variant("contractor becomes employee under a new id", "none",
                          {"ended": 2 * DAY, "recorded": 2 * DAY, "again": True, "role": "mechanic"}),
        "time-zone": Variant("back-dated or time-zone-shifted HR record", "none",
                             {"ended": 45 * MINUTE, "recorded": -2 * HOUR}, "within the grace of an hour"),
        "garden-leave": Variant("garden leave (still employed)", "none", {"ended": 0, "garden": True}),
        "reissued": Variant("badge re-issued to another person", "none", {"ended": 0, "reissued": True}),
        "polling": Variant("HR polling lag", "none", {"ended": 20 * MINUTE, "recorded": -15 * MINUTE}),
        "pool": Variant("pool badge", "none", {"pool": True}),
        "delegate": Variant("mailbox delegate acting for the leaver", "none", {"delegate": True}),
        "device": Variant("automatic sign-in of a forgotten device (attempt, lower severity)", "finding",
                          {"device": True}, "an attempt: medium"),
    },
    edges={
        "namesake": Variant("two people, one name", "none", {"namesake": True}),
        "ambiguous": Variant("badge linked by likeness only", "indeterminate", {"weak": True}, "identity_ambiguous"),
        "correction": Variant("HR correction arrives (rehire)", "none",
                              {"recorded": 2 * HOUR, "again": True, "ended": 5 * HOUR}, "retracted"),
    },
)  # fmt: skip
