"""S10: duress and executive threat."""

from __future__ import annotations

import numpy as np

from watchfloor.simulate import doors, signins
from watchfloor.simulate.draft import Draft
from watchfloor.simulate.rota import HOUR, MINUTE
from watchfloor.simulate.scenarios.frame import Scenario, State, Story, Variant

PANEL = "asset-panel-fire"


def tell(
    state: State,
    rng: np.random.Generator,
    *,
    pin: bool = True,
    panic: str = "",
    cleared: bool = False,
    test: bool = False,
    mistyped: bool = False,
    order: str = "",
    drill: int = 0,
    weak: bool = False,
) -> Story:
    """Somebody gives the silent signal.

    Args:
        pin: by a duress PIN at a door, after which they approve a payment.
        panic: by a panic key, in this place.
        cleared: taken back with the code word within a minute.
        test: the panel is being tested.
        mistyped: the PIN was off by one digit, then right.
        order: title of a work order on the panel.
        weak: the badge is linked to them by likeness only; they approve nothing.
        drill: milliseconds after which a drill is recorded.
    """
    site = state.site
    person, _, _ = state.seated(rng)
    time = state.moment(rng)
    records: list[Draft] = []
    if test:
        records.append(state.signal(PANEL, time - 10 * MINUTE, "Panel/Test", detail=panic))
    if mistyped:
        records.append(state.swipe(time, "portal-office", doors.WRONG_PIN, rng, person=person))
        records.append(state.swipe(time + 9_000, "portal-office", doors.GRANTED, rng, person=person))
    elif weak:
        records.append(state.swipe(time, "portal-office", doors.DURESS, rng, badge=state.weak[1]))
    elif pin:
        records.append(state.swipe(time, "portal-office", doors.DURESS, rng, person=person))
        at = state.when(time + 3 * MINUTE)
        records.append(
            signins.sign_ins(site, at, person, signins.HERE, rng=rng, event="sso", app="Example Payments approval")
        )
    if panic:
        records.append(state.signal(PANEL, time, "Panel/Panic", detail=panic))
        if cleared:
            records.append(state.signal(PANEL, time + 40_000, "Panel/Panic", state="cancelled", detail=panic))
    if order:
        records.append(state.order(PANEL, time, order))
    if drill:
        records.append(state.order(PANEL, time, "Drill of panic keys", kind="Permit to work", recorded=time + drill))
    needs = ("onguard", (site.portal_code["portal-office"],)) if pin else ("panels", ())
    return Story(records, ["portal-office" if weak else site.people[person] if pin else panic], time, time, needs=needs)


RAISED = "critical until a person clears it"

SCENARIO = Scenario(
    "S10",
    "Duress and executive threat",
    tell,
    hits={
        "pin-approval": Variant("duress PIN then approval 3m later", "finding"),
        "panic-key": Variant("panic key in reception", "finding", {"pin": False, "panic": "room-office-lobby"}),
    },
    misses={
        "accidental": Variant("accidental press", "finding",
                              {"pin": False, "panic": "room-office-lobby", "cleared": True}, RAISED),
        "unregistered-test": Variant("test day not registered", "finding", {"pin": False, "panic": "room-control"},
                                     RAISED),
        "mistyped": Variant("PIN off by one digit by mistake", "none", {"mistyped": True}),
        "test-state": Variant("panel test state (life-safety test states 9-12, 23)", "none",
                              {"pin": False, "panic": "room-control", "test": True}),
        "child": Variant("child or visitor pressing", "finding", {"pin": False, "panic": "room-visitors"}, RAISED),
        "installer": Variant("installer", "none",
                             {"pin": False, "panic": "room-gatehouse", "test": True,
                              "order": "Test of panic keys"}),
    },
    edges={
        "unknown-person": Variant("unknown person, known zone (finding on zone)", "finding", {"weak": True}, RAISED),
        "drill-late": Variant("drill flag arrives late (only after people confirmed)", "finding",
                              {"pin": False, "panic": "room-office-lobby", "drill": 2 * HOUR}, RAISED),
    },
)  # fmt: skip
