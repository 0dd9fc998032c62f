"""S11: drone near a substation and loss of communications."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from watchfloor.simulate import network
from watchfloor.simulate.draft import Draft
from watchfloor.simulate.rota import HOUR, MINUTE
from watchfloor.simulate.scenarios.frame import Scenario, State, Story, Variant

RADAR, RELAY, RTU, SCADA = "asset-drone-radar", "asset-relay-substation", "asset-rtu-substation", "asset-scada"


def tell(
    state: State,
    rng: np.random.Generator,
    *,
    metres: int = 180,
    kind: str = "multirotor",
    confirmed: bool = True,
    trips: bool = True,
    lost: Sequence[str] = (),
    perimeter: bool = False,
    order: tuple[str, str, str] | None = None,
    weather: bool = False,
    late: int = 0,
) -> Story:
    """Something flies near the substation, and the plant feels it.

    Args:
        metres: from the fence; `kind`: what the sensor takes it for; `confirmed`: by radio besides Remote ID.
        trips: a relay trips three minutes later.
        lost: devices that are silent from then on.
        perimeter: the fence sensor answers.
        order: asset, title and kind of an order; `late`: recorded so many milliseconds after.
        weather: there is a thunderstorm.
    """
    site = state.site
    time = state.moment(rng, 6, 21)
    detail = f"{kind} {metres} m {'remote-id+rf' if confirmed else 'remote-id'}"
    records: list[Draft] = [state.signal(RADAR, time, "Airspace/Track", detail=detail)]
    anchor = time
    if trips:
        anchor = time + 3 * MINUTE
        relay, scada = site.asset_code[RELAY], site.asset_code[SCADA]
        records.append(network.dnp3(site, state.when(anchor), relay, scada, "UNSOLICITED_RESPONSE", rng))
        records.append(state.signal(RELAY, anchor, "Relay/Trip", detail="phase fault L2"))
    for number, uid in enumerate(lost):
        anchor = time + 4 * MINUTE
        records.append(state.signal(uid, anchor + number * 9_000, "Communications/Lost"))
    if perimeter:
        records.append(
            state.signal("asset-panel-substation", time + 2 * MINUTE, "Panel/Perimeter", detail="area-substation")
        )
    if order:
        records.append(state.order(order[0], time, order[1], kind=order[2], recorded=time + late if late else None))
    if weather:
        records.append(state.signal(RADAR, time - 8 * MINUTE, "Weather/Lightning", detail="3 km"))
    return Story(records, [RADAR, "area-substation"], time, anchor, needs=("security", ()))


SCENARIO = Scenario(
    "S11",
    "Drone near a substation and loss of communications",
    tell,
    hits={
        "phase-fault": Variant("drone 180 m + phase fault 3m later", "finding"),
        "rtu-perimeter": Variant("drone + RTU loss + perimeter", "finding",
                                 {"trips": False, "lost": (RTU,), "perimeter": True}),
    },
    misses={
        "permit": Variant("inspection drone with permit", "none",
                          {"order": (RADAR, "Inspection flight", "Permit to work")}),
        "hobbyist": Variant("hobbyist passing at 450 m without effect (event only)", "none",
                            {"metres": 450, "trips": False}),
        "thunderstorm": Variant("thunderstorm", "none", {"trips": False, "weather": True,
                                                         "lost": (RTU, "asset-plc-reefer", "asset-dc-depot")}),
        "backhaul": Variant("backhaul maintenance", "none",
                            {"trips": False, "lost": (RTU,), "order": (RTU, "Backhaul maintenance", "Work order")}),
        "bird": Variant("bird", "none", {"kind": "bird", "trips": False}),
        "spoof": Variant("Remote ID spoof without RF confirmation (lower confidence)", "finding",
                         {"confirmed": False}, "lower confidence"),
        "relay-test": Variant("relay test", "none", {"metres": 900, "order": (RELAY, "Relay test", "Permit to work")}),
    },
    edges={
        "carrier-late": Variant("carrier outage learned later", "none",
                                {"trips": False, "lost": (RTU,), "late": 2 * HOUR,
                                 "order": (RTU, "Carrier outage", "Work order")}, "retracted"),
        "permit-late": Variant("permit arrives late", "none",
                               {"order": (RADAR, "Inspection flight", "Permit to work"), "late": 2 * HOUR},
                               "retracted"),
    },
)  # fmt: skip
