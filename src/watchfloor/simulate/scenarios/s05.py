"""S5: cloned badge, impossible traversal."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from watchfloor.simulate import doors
from watchfloor.simulate.draft import Draft
from watchfloor.simulate.faults import Outage
from watchfloor.simulate.rota import HOUR, MINUTE
from watchfloor.simulate.scenarios.frame import Scenario, State, Story, Variant


def tell(
    state: State,
    rng: np.random.Generator,
    *,
    first: str = "portal-gate",
    second: str = "portal-depot",
    gap: int = 90_000,
    pool: bool = False,
    facility: str = "",
    mobile: bool = False,
    people: int = 1,
    event: int = doors.TAKEN,
    order: str = "",
    burst: bool = False,
    backfill: int = 0,
    more: Sequence[str] = (),
    roles: Sequence[str] = (),
) -> Story:
    """A badge at one portal, and `gap` milliseconds later at another.

    Args:
        pool: a badge of nobody.
        facility: the second card has the same number and this facility code.
        mobile: the second use is of the person's phone.
        people: so many have the same experience.
        event: what the second reader says.
        order: title of a work order at its controller.
        burst: they walk as one does, but the controllers deliver all at the end.
        backfill: milliseconds by which the second record comes late.
        more: further portals, at the same gap each.
        roles: who it may be: those who may be there.
    """
    site = state.site
    time = state.moment(rng)
    records: list[Draft] = []
    entities: list[str] = []
    if burst:
        person = state.pick(rng, state.free("mechanic", "electrician"))
        walked, stay = state.visit(person, time, "room-crane-2", rng)
        gone = tuple(code for code, uid in enumerate(site.portals) if uid.startswith(("portal-crane", "portal-quay")))
        outage = Outage("onguard", time - HOUR, time + HOUR, gone, lost=False)
        return Story(walked, [site.people[person]], time - HOUR, time + HOUR, [stay], [outage])
    for i in range(people):
        person = state.pick(rng, state.free(*roles))
        number, code = ("", "12")
        if pool:
            number, code = site.pools[i % len(site.pools)]
        else:
            entities.append(site.people[person])
        at = time + i * 11 * MINUTE
        who = -1 if pool else person
        records.append(state.swipe(at, first, doors.TAKEN, rng, person=who, badge=number or None, facility=code))
        for step, portal in enumerate((second, *more), 1):
            badge: str | None = number or None
            if facility:
                row = int(site.badges.at(np.array([person]), state.when(at))[0])
                badge, code, who = site.badges.number[row], facility, -1
            elif mobile:
                badge, who = f"{0xEE0000000000 + person:012x}", -1
            second_use = state.swipe(at + step * gap, portal, event, rng, person=who, badge=badge, facility=code)
            records.append(doors.delayed(second_use, backfill))
    if order:
        records.append(state.order(site.directory.portals[second].controller, time, order))
    gates = (site.portal_code[first], site.portal_code[second])
    return Story(records, entities, time, time + gap, needs=("onguard", gates))


SCENARIO = Scenario(
    "S5",
    "Cloned badge, impossible traversal",
    tell,
    hits={
        "two-sites": Variant("90 s between sites 40 km apart", "finding"),
        "disjoint": Variant("disjoint ingress", "finding", {"gap": 3 * HOUR}, "contradiction, lower severity"),
    },
    misses={
        "burst": Variant("offline controller uploads a burst", "none", {"burst": True}),
        "drift": Variant("clock drift", "none", {"second": "portal-quay", "gap": 60_000},
                         "possible within both clocks' uncertainty"),
        "pool": Variant("visitor pool badges", "none", {"pool": True}),
        "facility": Variant("26-bit duplicates across facility codes", "none", {"facility": "77"}),
        "two-credentials": Variant("two valid credentials of one person", "none", {"mobile": True}),
        "retry": Variant("mantrap or turnstile retry", "none", {"second": "portal-gate", "gap": 6_000}),
        "wiring": Variant("reader wired to the wrong door", "none",
                          {"second": "portal-reefer", "gap": 4_000, "people": 5,
                           "roles": ("guard", "electrician", "reefer_technician")}, "the map is wrong, not the people"),
        "lanes": Variant("vehicle lane plus pedestrian reader", "none",
                         {"second": "portal-vehicles", "gap": 12_000}),
        "installer": Variant("test reads by installers", "none",
                             {"second": "portal-ops", "event": doors.GRANTED, "order": "Test of readers",
                              "gap": 15_000, "more": ("portal-control", "portal-cctv")}),
    },
    edges={
        "backfilled": Variant("backfilled second event", "finding", {"backfill": 3 * HOUR}, "late"),
        "skew": Variant("skew 300 s makes it possible (no finding)", "none",
                        {"second": "portal-quay", "gap": 100_000}),
    },
)  # fmt: skip
