"""S1: remote login abroad while badged in."""

from __future__ import annotations

import numpy as np

from watchfloor.simulate import doors, network, offices, signins
from watchfloor.simulate.rota import AWAY, DAY, MINUTE
from watchfloor.simulate.scenarios.frame import Scenario, State, Story, Variant
from watchfloor.simulate.signins import HERE, Where

ABROAD = Where("Faraway", "Singapore", 1.3, 103.8, "192.0.2.{}", 64510, hosts=range(200, 224))
GATEWAY = ABROAD._replace(network="203.0.113.{}", asn=64600, proxy=True, city="Gateway", hosts=range(224, 228))
RELAY = ABROAD._replace(asn=64601, proxy=True, city="Relay", hosts=range(230, 240))
NEAR = Where("Exampletown", "Netherlands", 52.1, 4.3, "198.51.100.{}", 64501, hosts=range(150, 200))
MISPLACED = HERE._replace(city="Nowhere", country="Singapore", latitude=1.3, longitude=103.8)


def tell(
    state: State,
    rng: np.random.Generator,
    *,
    where: Where = ABROAD,
    device: str | None = "FARAWAY-PC",
    pushes: int = 0,
    user: str | None = None,
    on_lan: bool = False,
    away: bool = False,
    late_badge: int = 0,
    late_exit: int = 0,
    weak: bool = False,
) -> Story:
    """Somebody sits at their desk; the account signs in from elsewhere.

    Args:
        pushes: prompts that are refused before.
        user: a shared account instead of theirs.
        on_lan: their computer (or the device that signs in) gets an address on the site's network at the same time.
        away: they are travelling, and only their badge comes in.
        late_badge: milliseconds by which what the doors say of them comes late.
        late_exit: they have left half an hour before, and milliseconds by which what the doors say of that comes late.
        weak: the account is linked to somebody by likeness only.
    """
    site = state.site
    records, stays = [], []
    if weak:
        user = state.weak[0]
    if late_exit:
        person = state.pick(rng, state.free(account=True))
        since = state.moment(rng)
        walked, stay = state.visit(person, since, site.places[site.desk[person]], rng, stay=10 * MINUTE)
        for one in walked:
            leaving = one.time > since
            records += [one.take(~leaving), doors.delayed(one.take(leaving), late_exit)]
        stays = [stay]
    elif away or late_badge:
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
        at = state.when(time - 2 * MINUTE)
        own = device is None
        records.append(
            network.leases(site, at, int(site.host[person]))
            if own
            else network.leases(site, at, -1, mac="da:a1:19:00:00:51", name=device, ip="10.60.0.51")
        )
    return Story(records, [site.people[person]], since, time, stays)


SCENARIO = Scenario(
    "S1",
    "Remote login abroad while badged in",
    tell,
    hits={
        "new-device": Variant("new device, badged in 40 minutes before", "finding"),
        "push-fatigue": Variant("push fatigue", "finding", {"pushes": 4, "device": "FARAWAY-PHONE"}),
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
        "exit-late": Variant("badge egress arrives late", "none", {"late_exit": 120 * MINUTE}, "retracted"),
        "ambiguous": Variant("account linked by likeness only", "indeterminate", {"weak": True}, "identity_ambiguous"),
        "badge-late": Variant("Taken arrives after the decision", "finding", {"late_badge": 120 * MINUTE}, "late"),
    },
)  # fmt: skip
