"""S14: asset walk-out."""

from __future__ import annotations

import numpy as np

from watchfloor.simulate import doors, network, switches
from watchfloor.simulate.draft import Draft
from watchfloor.simulate.rota import HOUR, MINUTE
from watchfloor.simulate.scenarios.frame import Scenario, State, Story, Variant

DISK = "asset-disk-7"
EXITS = ("portal-gate", "portal-gate-2", "portal-office")


def tell(
    state: State,
    rng: np.random.Generator,
    *,
    asset: str = DISK,
    exits: bool = True,
    back: bool = False,
    battery: bool = False,
    leaves_network: bool = False,
    roams: bool = False,
    pass_: bool = False,
    late: int = 0,
    second: bool = False,
) -> Story:
    """A tag passes the exit half a minute before somebody does.

    Args:
        asset: what carries the tag; `own` the person's computer.
        exits: the tag is read at the exit; `back`: and in its room right after.
        battery: the tag says that its battery is low.
        leaves_network: their computer leaves the network; `roams`: and is on another part of it at once.
        pass_: there is a pass for it; `late`: recorded so many milliseconds after.
        second: somebody else leaves at the same time.
    """
    site = state.site
    person, passed, portal = state.passed(rng, *EXITS, inward=False)
    if asset == "own":
        carriers = [one for one in np.flatnonzero(site.host >= 0).tolist() if one not in state.used]
        person = person if site.host[person] >= 0 else int(rng.choice(carriers))
        asset = site.assets[int(site.host[person])]
    time = passed - 40_000
    records: list[Draft] = []
    if exits:
        records.append(state.signal(DISK if asset == DISK else asset, time, "RFID/TagExit", detail=portal))
    if back:
        records.append(state.signal(asset, time + 20_000, "RFID/TagSeen", detail="room-server"))
    if battery:
        records.append(state.signal(asset, time - MINUTE, "RFID/BatteryLow"))
    if leaves_network and site.host[person] >= 0:
        host = int(site.host[person])
        records.append(network.connections(site, state.when(time - 9 * MINUTE), host, "10.21.0.11", 445, rng=rng))
        if roams:
            records.append(network.leases(site, state.when(time - 8 * MINUTE), host, ip="10.20.200.9"))
        else:  # another dock: the same computer at another port
            at = np.array([(host + 7) % len(site.assets)], np.int32)
            records.append(switches.seen(site, state.when(time - 7 * MINUTE), np.array([host], np.int32), at))
    if pass_:
        recorded = time + late if late else None
        title = "Asset pass: repair by courier"
        records.append(state.order(asset, time, title, kind="Permit to work", recorded=recorded))
    if second:
        other = state.pick(rng, state.working())
        records.append(state.swipe(passed + 4_000, portal, doors.TAKEN, rng, person=other, inward=False))
    return Story(records, [asset, site.people[person]], time - HOUR, passed, needs=("security", ()))


SCENARIO = Scenario(
    "S14",
    "Asset walk-out",
    tell,
    hits={
        "disk": Variant("server drive tag at gate, egress of another person 40 s later", "finding"),
    },
    misses={
        "own-laptop": Variant("normal carrying of the own laptop", "none", {"asset": "own"}),
        "shadowing": Variant("tag shadowing or cross-reads", "none", {"back": True}),
        "battery": Variant("battery tag fault", "none", {"battery": True, "back": True}),
        "dock": Variant("docking change", "none", {"asset": "own", "exits": False, "leaves_network": True}),
        "courier": Variant("repair courier with pass", "none", {"pass_": True}),
        "two-people": Variant("two people leaving together (identity ambiguous)", "indeterminate", {"second": True},
                              "identity_ambiguous"),
        "roaming": Variant("NAC drop by Wi-Fi roaming", "none",
                           {"asset": "own", "exits": False, "leaves_network": True, "roams": True}),
    },
    edges={
        "pass-late": Variant("pass entered later", "none", {"pass_": True, "late": 2 * HOUR}, "retracted"),
    },
)  # fmt: skip
