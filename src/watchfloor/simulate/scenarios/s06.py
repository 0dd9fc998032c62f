"""S6: door forced, camera lost, USB inserted."""

from __future__ import annotations

import numpy as np

from watchfloor.simulate import doors, hosts
from watchfloor.simulate.draft import Draft
from watchfloor.simulate.rota import HOUR, MINUTE
from watchfloor.simulate.scenarios.frame import Scenario, State, Story, Variant

PORTAL, CAMERA, HOST = "portal-engineering", "asset-cam-engineering", "asset-ews-2"
LOSS = "tns1:VideoSource/SignalLoss"


def tell(
    state: State,
    rng: np.random.Generator,
    *,
    forced: int | None = 0,
    lost: int | None = 4 * MINUTE,
    inserted: int = 16 * MINUTE,
    topic: str = LOSS,
    event: int = doors.FORCED,
    often: int = 1,
    switch: bool = False,
    order: tuple[str, str] | None = None,
    back: bool = False,
    late: int = 0,
) -> Story:
    """A door, a camera and a computer of one room.

    Args:
        forced, lost, inserted: milliseconds after the begin at which each happens; None: not.
        topic: what the camera says.
        event: what the door says; `often`: how many times.
        switch: all cameras of the switch are lost with it, for an hour.
        order: a work order: asset and title.
        late: milliseconds by which what the door says comes late.
        back: the camera is there again before the USB device.
    """
    site = state.site
    time = state.moment(rng, 18, 23)
    records: list[Draft] = []
    if forced is not None:
        for i in range(often):
            records.append(doors.delayed(state.swipe(time + forced - i * 9 * MINUTE, PORTAL, event, rng), late))
    if lost is not None:
        gone = [CAMERA]
        if switch:
            records.append(state.signal("asset-sw-security", time + lost, "Device/PowerSupply", state="failed"))
            gone = [uid for uid, one in site.directory.assets.items()
                    if one.kind == "camera" and "asset-sw-security" in one.infrastructure]  # fmt: skip
        for uid in gone:
            records.append(state.signal(uid, time + lost, topic))
            if switch:
                records.append(state.signal(uid, time + lost + HOUR, topic, state="false"))
        if back:
            records.append(state.signal(CAMERA, time + lost + 5 * MINUTE, topic, state="false"))
    records.append(hosts.usb(site, state.when(time + inserted), site.asset_code[HOST], serial=f"EX{time % 9973:04d}"))
    if order:
        records.append(state.order(order[0], time, order[1]))
    return Story(
        records, [PORTAL, CAMERA, HOST], time, time + inserted, needs=("onguard", (site.portal_code[PORTAL],))
    )  # fmt: skip


SCENARIO = Scenario(
    "S6",
    "Door forced, camera lost, USB inserted",
    tell,
    hits={
        "forced-first": Variant("forced, loss after 4m, USB after 12m", "finding"),
        "loss-first": Variant("loss before forced", "finding", {"forced": 6 * MINUTE, "lost": 0}),
    },
    misses={
        "rex": Variant("missed request-to-exit (most forced alarms are not forced)", "none", {"lost": None}),
        "switch": Variant("PoE switch or UPS failure", "indeterminate", {"switch": True}, "common_cause"),
        "firmware": Variant("camera firmware update", "none", {"order": (CAMERA, "Firmware of cameras")}),
        "cleaning": Variant("cleaning crew with a trolley", "none", {"event": doors.HELD}),
        "imaging": Variant("approved imaging by USB", "none", {"order": (HOST, "Imaging by USB")}),
        "wind": Variant("wind or warped door", "none", {"lost": None, "often": 6}),
        "privacy": Variant("camera privacy mode by policy", "none", {"topic": "PrivacyMask/ByPolicy"}),
    },
    edges={
        "forced-late": Variant("forced event late by 1h", "finding", {"late": HOUR}, "late"),
        "restored": Variant("camera restored before USB (still a hit)", "finding", {"back": True}),
    },
)  # fmt: skip
