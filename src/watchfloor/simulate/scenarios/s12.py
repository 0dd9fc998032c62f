"""S12: contractor with expired clearance or training in a restricted zone."""

from __future__ import annotations

import numpy as np

from watchfloor.simulate import doors, offices
from watchfloor.simulate.draft import Draft
from watchfloor.simulate.movement import Stays
from watchfloor.simulate.rota import HOUR, MINUTE
from watchfloor.simulate.scenarios.frame import Scenario, State, Story, Variant

DOOR = "portal-crane-2"


def tell(
    state: State,
    rng: np.random.Generator,
    *,
    place: str = "room-crane-2",
    roles: tuple[str, ...] = ("vendor_technician", "mechanic", "crane_operator"),
    lapsed: str = "self",
    passed: int | None = None,
    emergency: bool = False,
    escorted: bool = False,
    weak: bool = False,
    beside_ms: int = 5_000,
    granted: bool = False,
) -> Story:
    """Somebody whose training lapsed yesterday walks into a crane.

    Args:
        place: where they go instead.
        roles: who it may be: the default ones are trained for the way there, so that only the crane asks for more.
        lapsed: whose training lapsed: `self`, `namesake`, or nobody's (empty).
        passed: milliseconds after the passage at which a certificate is recorded; negative: before it.
        emergency: there is an alarm, and they come to help.
        escorted: an escort is read at the same gate, `beside_ms` after.
        granted: the door tells only that they may, not that they did.
        weak: the badge is linked to them by likeness only.
    """
    site = state.site
    person = state.pick(rng, state.free(*roles))
    time = state.moment(rng)
    lapse, noted, today = state.calendar.hour(7), state.calendar.start - HOUR, state.calendar.day
    records: list[Draft] = []
    stays: list[Stays] = []
    if weak:
        records.append(state.swipe(time, DOOR, doors.TAKEN, rng, badge=state.weak[1]))
    elif granted:
        records.append(state.swipe(time, DOOR, doors.GRANTED, rng, person=person))
    else:
        walked, stay = state.visit(person, time, place, rng)
        records, stays = [*walked], [stay]
    who = person
    if lapsed == "namesake":
        others = np.array(site.name) == site.name[person]
        others[person] = False
        who = state.pick(rng, others if others.any() else state.free("cleaner"))
    if lapsed:
        # From when the night shift has gone until hours later: whoever works there on another day is trained again.
        records.append(state.says(who, "training_ok", "!crane-access", lapse, time + 2 * HOUR, noted))
    if passed is not None:
        records.append(
            offices.training(site, person, "crane-access", today, today.replace(year=today.year + 1), time + passed)
        )
    if emergency:
        records += [
            state.signal("asset-panel-fire", at, "Fire/Alarm", state=said, detail="area-quay")
            for at, said in ((time - 15 * MINUTE, "start"), (time + 30 * MINUTE, "end"))
        ]
    if escorted:
        escort = state.pick(rng, state.free("mechanic", "ot_engineer"))
        beside, other = state.visit(escort, time, place, rng, unread=[DOOR])
        stays.append(other)
        passed = next(int(one.time[one.portal == site.portal_code[DOOR]][0]) for one in walked)
        leaves = int(other.until[other.place == site.place_code[place]].max())
        records += [
            *beside,
            state.swipe(passed + beside_ms, DOOR, doors.TAKEN, rng, person=escort),
            state.swipe(leaves, DOOR, doors.TAKEN, rng, person=escort, inward=False),
        ]
        records.append(
            state.says(escort, "escort_duty", f"V-S12-{person}", time - 2 * HOUR, time + 3 * HOUR, time - 20 * HOUR)
        )
    portal = site.portal_code[DOOR]
    return Story(records, [site.people[person], place], time - HOUR, time, stays, needs=("onguard", (portal,)))


SCENARIO = Scenario(
    "S12",
    "Contractor with expired clearance or training in a restricted zone",
    tell,
    hits={
        "alone": Variant("expired yesterday, alone", "finding"),
    },
    misses={
        "lag": Variant("training system lag", "none", {"passed": 3 * HOUR}, "retracted when the certificate comes"),
        "namesake": Variant("same name, other person", "none", {"lapsed": "namesake"}),
        "two-employers": Variant("worker for two employers", "none", {"passed": -2 * HOUR}),
        "emergency": Variant("emergency crew", "none", {"emergency": True, "roles": ("guard", "electrician")}),
        "pending": Variant("course passed, certificate pending", "none", {"passed": 40 * MINUTE},
                           "retracted when the certificate comes"),
        "re-classified": Variant("zone re-classified that day", "none", {"place": "area-yard"}),
        "other-leaf": Variant("escort entered by the other leaf of the gate", "none", {"escorted": True}),
    },
    edges={
        "escort-after": Variant("escort badge read 28 s later with skew 5 s", "none",
                                {"escorted": True, "beside_ms": 28_000}),
        "granted-only": Variant("portal without Taken (indeterminate)", "indeterminate", {"granted": True},
                                "presence unknown"),
        "ambiguous": Variant("badge linked by likeness only", "indeterminate", {"weak": True}, "identity_ambiguous"),
    },
)  # fmt: skip
