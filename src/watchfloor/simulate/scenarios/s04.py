"""S4: tailgate, then rogue device."""

from __future__ import annotations

import numpy as np

from watchfloor.simulate import doors, network, offices, switches
from watchfloor.simulate.draft import Draft
from watchfloor.simulate.rota import HOUR, MINUTE
from watchfloor.simulate.scenarios.frame import Scenario, State, Story, Variant

DOORS = {"portal-ops": "asset-cam-ops-south", "portal-office": "asset-cam-lobby"}
NETWORKS = {"portal-ops": ("10.40.1.{}", switches.OPERATIONS), "portal-office": ("10.20.99.{}", switches.OFFICE)}
"""Door -> addresses of the building behind it, and its switch."""

ALONE = 5 * MINUTE
"""Nobody else passes for so long before and after: longer than the clocks of doors and cameras are apart."""

STRANGER, RANDOM = "02:99:00:00:00:{:02x}", "da:a1:19:00:00:{:02x}"


def tell(
    state: State,
    rng: np.random.Generator,
    *,
    device: bool = True,
    mac: str = STRANGER,
    name: str = "unknown-pc",
    ip: str = "",
    many: int = 1,
    after: int = 20 * MINUTE,
    registered: int | None = None,
    access_point: bool = False,
    visit: bool = False,
    order: str = "",
    held: bool = False,
) -> Story:
    """Two pass on one grant, and a device nobody knows appears.

    Args:
        device: it does appear; `mac`, `name`, `ip` are what it says of itself, `many` how many there are; an address
            of the building behind the door unless `ip` says another, and then at no port there.
        after: milliseconds after which it does.
        registered: milliseconds after it at which a work order names it as registered.
        access_point: it is a radio cell of its own.
        visit: a group is announced.
        order: title of a work order at that door.
        held: the door is held open meanwhile.
    """
    site = state.site
    person, time, portal = state.passed(rng, *DOORS, alone=ALONE)  # among many a count of two tells nothing
    records: list[Draft] = [
        state.signal(DOORS[portal], time + 2_000, "tns1:RuleEngine/CountAggregation/Counter", detail="2 on 1 grant")
    ]
    if held:
        records.append(state.swipe(time + 40_000, portal, doors.HELD, rng))
    at = time + after
    network_there, switch = NETWORKS[portal]
    if device and not access_point:
        for i in range(many):
            number, moment = int(rng.integers(2, 250)), state.when(at + i * 4_000)
            if not ip:
                port = site.asset_code[switch] + i
                records.append(switches.refused(site, moment - 2_000, mac.format(number), port, switch=switch))
            address = (ip or network_there).format(number)
            records.append(network.leases(site, moment, -1, mac=mac.format(number), name=name, ip=address))
    if access_point:
        records.append(state.signal(DOORS[portal], at, "Wireless/RogueAccessPoint", detail="EXAMPLE-FREE-WIFI"))
    if registered is not None:
        records.append(state.order(switch, at, "Registration of a device", recorded=at + registered))
    if visit:
        badge, _ = site.visitors[-1]
        rows = [(f"V-S4-{person}", badge, person, person, time - HOUR, time + 3 * HOUR, "approved", "Example Tours")]
        records.append(offices.visits(site, rows))
    if order:
        records.append(state.order("asset-dc-ops" if portal == "portal-ops" else "asset-dc-office", time, order))
    return Story(
        records, [portal, site.people[person]], min(time, at), max(time, at), needs=("security", ())
    )  # fmt: skip


SCENARIO = Scenario(
    "S4",
    "Tailgate, then rogue device",
    tell,
    hits={
        "new-mac": Variant("count 2 on 1 grant, new MAC 20m later", "finding"),
        "rogue-ap": Variant("rogue AP", "finding", {"access_point": True}),
    },
    misses={
        "trolley": Variant("trolley or pram counted twice", "none", {"device": False}),
        "group": Variant("group with one badge by permit", "none", {"visit": True}),
        "dock": Variant("docking station or MAC pass-through", "none", {"name": "lt-00001", "ip": "10.20.1.8"}),
        "imaging": Variant("imaging batch", "none", {"many": 12, "name": "imaging", "order": "Imaging batch"}),
        "port-map": Variant("stale port map", "none", {"ip": "10.70.0.{}"}, "the port is in another zone"),
        "random-mac": Variant("randomised Wi-Fi addresses", "none", {"mac": RANDOM, "ip": "10.60.0.{}", "name": "-"}),
        "phone": Variant("phone of an employee in guest network", "none", {"ip": "10.60.1.{}", "name": "phone"}),
        "delivery": Variant("door held for a delivery with work order", "none",
                            {"held": True, "order": "Delivery of a scanner", "name": "scanner"}),
    },
    edges={
        "registered-late": Variant("registration arrives late", "none", {"registered": 2 * HOUR}, "retracted"),
        "device-first": Variant("device before tailgate by 30 s with skew 120 s", "indeterminate", {"after": -30_000},
                                "order_within_skew"),
    },
)  # fmt: skip
