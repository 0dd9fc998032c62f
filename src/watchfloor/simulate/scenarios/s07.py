"""S7: PLC logic download, no authorised engineer, no work order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from watchfloor.simulate import doors, network, signins, vpn
from watchfloor.simulate.draft import Draft
from watchfloor.simulate.movement import Stays
from watchfloor.simulate.rota import HOUR, MINUTE
from watchfloor.simulate.scenarios.frame import Scenario, State, Story, Variant

DOWNLOAD = ("Request Download", "Download Block", "Download Ended")
UPLOAD = ("Start Upload", "Upload", "End Upload")
STOP = ("PLC Stop", "Write Variable")
RESTART = ("PLC Control",)
ENTITLED = ("ot_engineer", "electrician", "mechanic", "vendor_technician")


def tell(
    state: State,
    rng: np.random.Generator,
    *,
    jobs: Sequence[str] = DOWNLOAD,
    src: str = "",
    order: str = "",
    on: str = "plc",
    kind: str = "Work order",
    late: int = 0,
    follows: bool = False,
    power: bool = False,
    session: bool = False,
    weak: bool = False,
) -> Story:
    """Logic is written to a crane's controller at night.

    Args:
        jobs: functions in order.
        src: uid of the station, `partner` for the controller of the next crane, empty for one that nobody knows.
        order: title of a work order; `on`: for the controller (`plc`), its crane (`line`), the next crane (`twin`).
        late: the order is recorded so many milliseconds after.
        follows: an engineer entered behind a colleague.
        power: power came back just before.
        weak: a badge is read at the crane that is linked to an entitled person by likeness only.
        session: a technician of the vendor has come in by the gateway.
    """
    site = state.site
    time = state.moment(rng, 1.5, 4.5)
    entitled = np.isin(site.roles, ENTITLED)
    cranes = [k for k in range(1, 7) if not (entitled & state.inside(f"zone-crane-{k}", time)).any()] or [1]
    crane = int(rng.choice(cranes))
    following = crane % 6 + 1
    target = f"asset-plc-crane-{crane}"
    stations = {"": -1, "partner": site.asset_code[f"asset-plc-crane-{following}"]}
    station = stations[src] if src in stations else site.asset_code[src]
    records: list[Draft] = []
    stays: list[Stays] = []
    entities = [target]
    for step, job in enumerate(jobs):
        at = state.when(time + step * 1_500)
        records.append(network.s7(site, at, station, site.asset_code[target], job, rng))
    if order:
        asset = {"plc": target, "line": f"asset-crane-{crane}", "twin": f"asset-plc-crane-{following}"}[on]
        recorded = time + late if late else time - 5 * HOUR
        records.append(state.order(asset, time, order, kind=kind, recorded=recorded))
    if follows:
        engineer = state.pick(rng, state.free("ot_engineer", "electrician", "mechanic"))
        walked, stay = state.visit(
            engineer, time - 10 * MINUTE, f"room-crane-{crane}", rng, unread=[f"portal-crane-{crane}"], stay=40 * MINUTE
        )
        records, stays = records + walked, [stay]
        entities.append(site.people[engineer])
    if weak:
        door = f"portal-crane-{crane}"
        records.append(state.swipe(time - 12 * MINUTE, door, doors.TAKEN, rng, badge=state.weak[1]))
        records.append(state.swipe(time + 25 * MINUTE, door, doors.TAKEN, rng, badge=state.weak[1], inward=False))
    if session:
        vendor = state.pick(rng, state.free("vendor_technician", account=True))
        records.append(vpn.sessions(site, state.when(time - 25 * MINUTE), vendor, signins.HOMES))
    if power:
        records.append(state.signal(target, time - 2 * MINUTE, "Device/PowerSupply", state="restored"))
    return Story(records, entities, time - HOUR, time, stays, needs=("zeek-ot", ()))


SCENARIO = Scenario(
    "S7",
    "PLC logic download, no authorised engineer, no work order",
    tell,
    hits={
        "unknown-station": Variant("S7comm 0x1A-0x1C from an unknown station", "finding"),
        "stop-write": Variant("stop then write", "finding", {"jobs": STOP}),
    },
    misses={
        "upload": Variant("upload instead of download", "none", {"jobs": UPLOAD, "src": "asset-ews-1"}),
        "redundancy": Variant("redundancy synchronisation", "none", {"src": "partner"}),
        "wrong-tag": Variant("wrong asset tag in the order (line-level match clears)", "none",
                             {"order": "Drive parameters", "on": "line", "src": "asset-ews-1"}),
        "break-fix": Variant("break-fix before paperwork (cleared, flagged retroactive)", "none",
                             {"order": "Break-fix of the hoist", "late": 2 * HOUR, "src": "asset-ews-1"},
                             "retroactive"),
        "vendor": Variant("vendor service laptop with permit", "none",
                          {"order": "Vendor service", "kind": "Permit to work", "session": True}),
        "power-loss": Variant("controller restart after power loss (mode change)", "none",
                              {"jobs": RESTART, "src": "asset-scada", "power": True}),
        "backup": Variant("historian or backup job reading logic", "none", {"jobs": UPLOAD, "src": "asset-ot-backup"}),
        "behind-colleague": Variant("engineer entered behind a colleague (presence unknown)", "indeterminate",
                                    {"follows": True, "src": "asset-ews-1"}, "presence unknown"),
    },
    edges={
        "ambiguous": Variant("somebody is in the cell whose badge is linked by likeness only", "indeterminate",
                             {"weak": True}, "identity_ambiguous"),
        "order-late": Variant("order entered 2h later (cleared, retroactive)", "none",
                              {"order": "Change of parameters", "late": 2 * HOUR}, "retroactive"),
        "twin-order": Variant("order for the twin asset (finding with hint)", "finding",
                              {"order": "Drive parameters", "on": "twin"}),
    },
)  # fmt: skip
