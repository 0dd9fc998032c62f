"""S16: camera or door controller as pivot."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from watchfloor.simulate import network
from watchfloor.simulate.draft import Draft
from watchfloor.simulate.rota import MINUTE
from watchfloor.simulate.scenarios.frame import Scenario, State, Story, Variant

CAMERA, PANEL, ACS = "asset-cam-server", "asset-dc-office", "asset-acs"
VENDOR, UNKNOWN, CLOUD = "203.0.113.200", "203.0.113.66", "203.0.113.210"
OFFICE = tuple(f"10.20.1.{i}" for i in range(10, 40))


def tell(
    state: State,
    rng: np.random.Generator,
    *,
    src: str = CAMERA,
    to: tuple[str, ...] = OFFICE,
    port: int = 445,
    scan: bool = True,
    order: str = "",
    late: bool = False,
    dst: str = "",
    readdressed: bool = False,
) -> Story:
    """A security device talks to somebody it never knew.

    Args:
        src: who begins.
        to: addresses; `dst`: an asset instead.
        scan: none of them answers.
        order: title of a work order on the device; `late`: recorded three hours after.
        readdressed: it has an address of the cameras that nobody has written down.
    """
    site = state.site
    time = state.moment(rng, 1, 22)
    source = site.asset_code[src]
    addresses = (site.column("ip")[site.asset_code[dst]],) if dst else to
    at = time + np.arange(len(addresses), dtype=np.int64) * 700
    records: list[Draft] = [
        network.connections(
            site, at, -1 if readdressed else source, pa.array(addresses, pa.string()), port, rng=rng, service="-",
            state="S0" if scan else "SF", address="10.50.1.200" if readdressed else None,
            target=site.asset_code[dst] if dst else -1,
        )
    ]  # fmt: skip
    if order:
        records.append(state.order(dst or src, time, order, recorded=time + 180 * MINUTE if late else None))
    return Story(records, [src, *([dst] if dst else [])], time, time + MINUTE, needs=("zeek-it", ()))


SCENARIO = Scenario(
    "S16",
    "Camera or door controller as pivot",
    tell,
    hits={
        "scan": Variant("camera scans 445 in the office net", "finding"),
        "unknown": Variant("controller connects to an unknown address", "finding",
                           {"src": PANEL, "to": (UNKNOWN,), "port": 443, "scan": False}),
    },
    misses={
        "firmware": Variant("firmware update", "none",
                            {"to": (VENDOR,), "port": 443, "scan": False, "order": "Firmware of cameras"}),
        "fail-over": Variant("recorder fail-over", "none", {"to": ("10.50.0.20",), "port": 554, "scan": False,
                                                            "order": "Recorder fail-over"}),
        "management": Variant("new management server", "none", {"to": ("10.50.0.13",), "port": 443, "scan": False,
                                                                "order": "New management server"}),
        "discovery": Variant("discovery by the vendor tool", "none", {"src": ACS, "dst": CAMERA, "port": 3702}),
        "dns": Variant("DNS change", "none", {"to": ("10.21.0.20",), "port": 53, "scan": False,
                                              "order": "DNS change"}),
        "cloud": Variant("cloud feature switched on by change", "none",
                         {"to": (CLOUD,), "port": 443, "scan": False, "order": "Cloud view switched on"}),
        "scanner": Variant("vulnerability scanner (as destination)", "none",
                           {"src": "asset-wsus", "dst": CAMERA, "port": 445}),
    },
    edges={
        "re-addressed": Variant("device re-addressed (identity of asset ambiguous)", "indeterminate",
                                {"readdressed": True}, "identity_ambiguous"),
        "firmware-late": Variant("firmware job learned later", "none",
                                 {"to": (VENDOR,), "port": 443, "scan": False, "order": "Firmware of panels",
                                  "late": True},
                                 "retracted"),
    },
)  # fmt: skip
