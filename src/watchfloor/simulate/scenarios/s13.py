"""S13: blinding the guards."""

from __future__ import annotations

import numpy as np

from watchfloor.simulate import doors, hosts
from watchfloor.simulate.draft import Draft
from watchfloor.simulate.faults import Outage
from watchfloor.simulate.rota import HOUR, MINUTE
from watchfloor.simulate.scenarios.frame import Scenario, State, Story, Variant

PORTAL, CAMERA, RECORDER = "portal-ot-servers", "asset-cam-ot-servers", "asset-recorder"


def tell(
    state: State,
    rng: np.random.Generator,
    *,
    change: str = "retention.days=1",
    by: str = "away",
    silent: str = PORTAL,
    order: tuple[str, str] | None = None,
    late: bool = False,
    said: str = "",
    moves: bool = True,
    weak: bool = False,
) -> Story:
    """Somebody weakens what watches a room, and then something moves there.

    Args:
        change: what is set on the recorder; empty: nothing.
        by: `away` somebody who is off the site, `present` somebody at their desk.
        silent: what is silent: a portal and its camera, the `camera` alone, `switch` all on it for some minutes, empty
            nothing.
        order: asset and title of a work order; `late`: recorded an hour after.
        said: what the recorder says by itself.
        moves: the camera sees movement.
        weak: the administrator's account is linked to somebody by likeness only.
    """
    site = state.site
    time = state.moment(rng, 20, 22)
    recorder = site.asset_code[RECORDER]
    records: list[Draft] = []
    outages: list[Outage] = []
    entities = [RECORDER, PORTAL]
    begin = time - 3 * HOUR
    if by == "present":
        person, begin, _ = state.seated(rng)
        begin += 10 * MINUTE
        time = begin + HOUR
    else:
        person = state.pick(rng, state.free("it_admin", account=True))
    if change:
        entities.append(site.people[person])
        who = state.weak[0] if weak else site.account[person]
        text = f"sudo[311]: {who} : TTY=pts/0 ; PWD=/opt/nvr ; USER=root ; COMMAND=/opt/nvr/bin/nvrctl set {change}"
        records.append(hosts.linux(site, state.when(begin), recorder, text, person=-1 if weak else person))
    if said:
        records.append(hosts.linux(site, state.when(begin), recorder, f"nvrd[311]: {said}"))
    gone = time - 40 * MINUTE
    if silent == PORTAL:
        outages.append(Outage("onguard", gone, time + HOUR, (site.portal_code[PORTAL],)))
        records.append(state.signal(CAMERA, gone + MINUTE, "tns1:VideoSource/SignalLoss"))
    elif silent == "switch":
        records.append(state.signal("asset-sw-security", gone, "Device/Restart"))
        records += [
            state.signal(uid, gone + later, "tns1:VideoSource/SignalLoss", state=lost)
            for uid, one in site.directory.assets.items()
            if one.kind == "camera" and "asset-sw-security" in one.infrastructure
            for later, lost in ((0, "true"), (4 * MINUTE, "false"))
        ]
    elif silent == "camera":
        records.append(state.signal(CAMERA, gone, "tns1:VideoSource/SignalLoss"))
    if order:
        records.append(state.order(order[0], begin, order[1], hours=6, recorded=time + HOUR if late else None))
    if moves:
        records.append(state.signal(CAMERA.replace("ot-servers", "control"), time, "tns1:VideoSource/MotionAlarm"))
        records.append(state.swipe(time, "portal-control", doors.HELD, rng))
    return Story(records, entities, begin, time, outages=outages, needs=("linux", ()))


SCENARIO = Scenario(
    "S13",
    "Blinding the guards",
    tell,
    hits={
        "retention": Variant("retention 30 -> 1 day, reader silent, movement", "finding"),
    },
    misses={
        "patching": Variant("patching night", "none",
                            {"change": "version=8.2", "by": "present", "silent": "camera",
                             "order": (RECORDER, "Patching")}),
        "switch": Variant("switch reboot", "none", {"change": "", "silent": "switch"}, "common cause"),
        "licence": Variant("licence expiry", "none", {"change": "", "silent": "camera", "said": "licence expired"}),
        "certificate": Variant("certificate roll-over", "none",
                               {"change": "", "silent": "camera", "said": "certificate renewed, sessions dropped"}),
        "mask": Variant("authorised privacy mask for the works council", "none",
                        {"change": "camera.10.mask=on", "by": "present", "silent": "",
                         "order": (RECORDER, "Privacy mask by agreement")}),
        "cleaning": Variant("camera cleaning", "none", {"change": "", "silent": "camera",
                                                        "order": (CAMERA, "Camera cleaning")}),
        "forwarder": Variant("log forwarder upgrade", "none",
                             {"change": "", "silent": "", "said": "log forwarder restarted",
                              "order": (RECORDER, "Log forwarder upgrade")}),
        "time-zone": Variant("time-zone change of the recorder", "none",
                             {"change": "timezone=Europe/Amsterdam", "by": "present", "silent": ""}),
    },
    edges={
        "power": Variant("silence due to power (common_cause)", "indeterminate", {"silent": "switch"}, "common_cause"),
        "ambiguous": Variant("account of the administrator linked by likeness only", "indeterminate", {"weak": True},
                             "identity_ambiguous"),
        "ticket-late": Variant("change ticket entered later", "none",
                               {"order": (RECORDER, "Retention by agreement"), "late": True},
                               "retracted"),
    },
)  # fmt: skip
