"""S8: building-automation write outside hours."""

from __future__ import annotations

import numpy as np

from watchfloor.simulate import network, readings, signins, vpn
from watchfloor.simulate.draft import Draft
from watchfloor.simulate.rota import HOUR, MINUTE
from watchfloor.simulate.scenarios.frame import Scenario, State, Story, Variant
from watchfloor.simulate.signins import HOMES

TARGET = "asset-hvac-server"
ALARM_C = 3.0
"""Degrees C in 15 minutes from which the cooling raises an alarm."""


def tell(
    state: State,
    rng: np.random.Generator,
    *,
    hour: float = 2.17,
    by: str = "pc",
    func: str = "write_property",
    often: int = 1,
    warms: float = 5.0,
    order: str = "",
    late: int = 0,
    kind: str = "Work order",
    remote: bool = False,
) -> Story:
    """Somebody changes set-points of the cooling of the server room.

    Args:
        hour: local hour.
        by: `pc` an office computer, `bms` the building management, empty nobody.
        func: BACnet service; `often`: how many times.
        warms: degrees C that the return air rises in 15 minutes.
        order: title of a work order; `late`: recorded so many milliseconds after.
        remote: a vendor signed in before.
    """
    site = state.site
    time = state.calendar.hour(hour)
    target, bms = site.asset_code[TARGET], site.asset_code["asset-bms"]
    owners = np.flatnonzero(site.host >= 0)
    person = int(rng.choice(owners))
    source = bms if by == "bms" else int(site.host[person])
    records: list[Draft] = []
    if by:
        records.append(network.bacnet(site, time + 2_000 * np.arange(often), source, target, func, rng))
    minutes = np.arange(0, 31, 5)
    warm = 22 + warms / 15 * minutes
    trend = readings.values(site, time + 4 * MINUTE + minutes * MINUTE + 500, target, "return_air", warm, "Cel")
    records.append(trend)
    if warms >= ALARM_C:
        records.append(
            state.signal(TARGET, time + 20 * MINUTE, "Environment/HighTemperature", detail=f"{warms:g} C/15m")
        )
    records.append(
        network.temperatures(site, time + 4 * MINUTE + minutes * MINUTE, bms, target, warm, rng, instance="2")
    )
    if order:
        records.append(state.order(TARGET, time, order, kind=kind, recorded=time + late if late else None))
    if remote:
        vendor = state.pick(rng, state.free("vendor_technician", account=True))
        at = state.when(time - 20 * MINUTE)
        records.append(signins.sign_ins(site, at, vendor, HOMES, rng=rng, app="Example VPN"))
        records.append(vpn.sessions(site, at + 30_000, vendor, HOMES))
    entities = [TARGET, site.assets[source]]
    return Story(records, entities, time, time + 30 * MINUTE, needs=("zeek-ot", ()))


SCENARIO = Scenario(
    "S8",
    "Building-automation write outside hours",
    tell,
    hits={
        "office-pc": Variant("02:10 write from an office PC, slope 5 C / 15m", "finding"),
    },
    misses={
        "clock-change": Variant("daylight-saving change", "none", {"by": "bms", "hour": 5.0, "warms": 0.2}),
        "optimum-start": Variant("optimum start", "none", {"by": "bms", "hour": 4.6, "warms": 0.4}),
        "commissioning": Variant("commissioning", "none", {"order": "Commissioning of cooling",
                                                           "kind": "Commissioning"}),
        "vendor-session": Variant("approved vendor remote session", "none",
                                  {"by": "bms", "remote": True, "order": "Vendor session on cooling"}),
        "cov-storm": Variant("change-of-value storms", "none",
                             {"by": "bms", "func": "confirmed_cov_notification", "often": 300, "warms": 0.2}),
        "holiday": Variant("schedule exception (holiday)", "none",
                           {"by": "bms", "hour": 11.0, "order": "Holiday schedule", "warms": 1.0}),
        "defrost": Variant("defrost cycle", "none", {"by": "bms", "hour": 6.0, "warms": 2.0}),
        "sensor": Variant("sensor fault (slope without load)", "none", {"by": "", "warms": 20.0}),
    },
    edges={
        "order-late": Variant("work order late", "none", {"order": "Cooling of the server room", "late": 2 * HOUR},
                              "retroactive"),
    },
)  # fmt: skip
