"""S1: remote login abroad while badged in."""

from __future__ import annotations

import numpy as np

from watchfloor.simulate import doors, network, offices, signins
from watchfloor.simulate.rota import AWAY, DAY, MINUTE
from watchfloor.simulate.scenarios.frame import Scenario, State, Story, Variant
from watchfloor.simulate.signins import HERE, Where

ABROAD = Where("Faraway", "Singapore", 1.3, 103.8, "192.0.2.7{}", 64510)
GATEWAY = ABROAD._replace(network="203.0.113.2{}", asn=64600, proxy=True, city="Gateway")
RELAY = ABROAD._replace(asn=64601, proxy=True, city="Relay")
NEAR = Where("Exampletown", "Netherlands", 52.1, 4.3, "198.51.100.8{}", 64501)
MISPLACED = HERE._replace(city="Nowhere", country="Singapore", latitude=1.3, longitude=103.8)


def tell(
    state: State,
    rng: np.random.Generator,
    *,
    where: Where = ABROAD,
    device: str | None = "UNKNOWN-PC",
    pushes: int = 0,
    user: str | None = None,
    on_lan: bool = False,
    away: bool = False,
    late_badge: int = 0,
) -> Story:
    """Somebody sits at their desk; the account signs in from elsewhere.

    Args:
        pushes: prompts that are refused before.
        user: a shared account instead of theirs.
        on_lan: their computer gets an address on the site's network at the same time.
        away: they are travelling, and only their badge comes in.
        late_badge: milliseconds by which what the doors say of them comes late.
    """
    site = state.site
    records, stays = [], []
    if away or late_badge:
        person = state.pick(
            rng, (state.kind == AWAY) if away and (state.kind == AWAY).any() else state.free(account=True)
        )
        since = state.moment(rng)
        desk = "room-planning" if away else site.places[site.desk[person]]
        walked, stay, _ = state.walk(person, [(since - 30 * MINUTE, desk), (since + 90 * MINUTE, desk)], rng)
        records += [doors.delayed(one, late_badge) for one in walked]
        stays = [] if away else [stay]  # a lent badge moves nobody
        if away:
            records.append(
                offices.hr(site, [(person, "travelling", "SG", since - DAY, since + 3 * DAY, since - 2 * DAY)])
            )
    else:
        person, since, _ = state.seated(rng)
    time = since + 40 * MINUTE
    for push in range(pushes):
        at = state.when(time - (pushes - push) * 2 * MINUTE)
        records.append(
            signins.sign_ins(site, at, person, where, rng=rng, event="push_denied", device=device, result="FAILURE")
        )
    records.append(
        signins.sign_ins(
            site, state.when(time), -1 if user else person, where, rng=rng, device=device, app="Example VPN", user=user
        )
    )
    if on_lan:
        records.append(network.leases(site, state.when(time - 2 * MINUTE), int(site.host[person])))
    return Story(records, [site.people[person]], since, time, stays)


SCENARIO = Scenario(
    "S1",
    "Remote login abroad while badged in",
    tell,
    hits={
        "new-device": Variant("new device, badged in 40 minutes before", "finding"),
        "push-fatigue": Variant("push fatigue", "finding", {"pushes": 4, "device": None}),
    },
    misses={
        "gateway": Variant("secure-web-gateway or carrier egress abroad", "none", {"where": GATEWAY, "on_lan": True,
                                                                                  "device": None}),
        "relay": Variant("privacy relay", "none", {"where": RELAY, "on_lan": True, "device": None}),
        "home-device": Variant("second own device at home left signed in", "none", {"where": NEAR}),
        "lent-badge": Variant("badge left in the reader area or lent", "none", {"away": True, "device": None},
                              "travelling clears it; the badge is another matter"),
        "buddy-badge": Variant("buddy badge", "none", {"away": True, "where": NEAR}),
        "shared-account": Variant("shared account", "none", {"user": "cctv-view"}),
        "split-tunnel": Variant("VPN split tunnel", "none", {"on_lan": True, "device": None}),
        "roaming": Variant("mobile roaming with home-routed address", "none", {"where": RELAY._replace(proxy=False),
                                                                               "on_lan": True, "device": "PHONE"}),
        "geolocation": Variant("geolocation database error", "none", {"where": MISPLACED, "device": None,
                                                                      "on_lan": True}),
    },
    edges={
        "badge-late": Variant("Taken arrives after the decision", "finding", {"late_badge": 120 * MINUTE}, "late"),
    },
)  # fmt: skip
