"""Records of the gateway for remote access, as it sends them in CEF: who came in from where, and left."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from watchfloor.simulate.draft import NOBODY, Draft, draft
from watchfloor.simulate.lines import Ints, Template, counted, picked
from watchfloor.simulate.movement import Window
from watchfloor.simulate.rota import AWAY, HOME, HOUR, Calendar
from watchfloor.simulate.signins import COUNTRIES, HOMES, HOTELS, Where
from watchfloor.simulate.site import Site

__all__ = ["everyday", "sessions"]

GATEWAY = "asset-vpn"

LINE = Template(
    "CEF:0|Example Networks|VPN Gateway|6.2|{event}|{said}|{severity}|rt={time} dvchost=vpn-01 dvc=10.21.0.13 "
    "src={ip} suser={user}{host} outcome={outcome} slat={latitude} slong={longitude} "
    "cs1Label=Source Country cs1={country} cn1Label=asn cn1={asn} externalId={session}"
)

EVENTS = {"in": ("LOGIN", "User logged in"), "out": ("LOGOUT", "User logged out"), "failed": ("LOGIN", "Login failed")}


def sessions(
    site: Site,
    time: Ints,
    person: npt.NDArray[Any] | int,
    where: Where,
    *,
    event: str = "in",
    device: str | None = None,
    user: str | None = None,
) -> Draft:
    """Sessions that begin, end or are refused; from their own computer unless `device` names another (or none, "")."""
    time = np.asarray(time, np.int64)
    n = len(time)
    persons = np.broadcast_to(np.asarray(person, np.int32), n)
    hosts = np.where(persons >= 0, site.host[persons], NOBODY)
    names = site.words("hostname")
    own = picked(names, np.where(hosts >= 0, hosts, len(names) - 1)) if device is None else device
    host: Any = pc.binary_join_element_wise(" shost=", own, "") if device is None else f" shost={device}"
    signature, said = EVENTS[event]
    ips = where.addresses()
    lines = LINE.fill(
        n,
        event=signature,
        said=said,
        severity="6" if event == "failed" else "3",
        time=counted(time),
        ip=picked(ips, np.abs(persons) % len(ips)),
        user=picked(site.words("account"), persons) if user is None else user,
        host=host if device != "" else "",
        outcome="failure" if event == "failed" else "success",
        country=COUNTRIES[where.country],
        latitude=str(where.latitude),
        longitude=str(where.longitude),
        asn=str(where.asn),
        session=counted(time // 1000 % 10_000_000),
    )
    gateway = site.asset_code.get(GATEWAY, NOBODY)
    named = hosts if device is None else NOBODY
    return draft("vpn", time, lines, person=persons, asset=gateway, source_asset=named, place=int(site.stands[gateway]),
                 delay=900)  # fmt: skip


def everyday(
    site: Site, calendar: Calendar, kind: npt.NDArray[np.int8], window: Window, rng: np.random.Generator
) -> list[Draft]:
    """Who works from home or a hotel: in at eight, out in the afternoon; some mistype first."""
    account = site.has_account
    found = []
    for day, places in ((HOME, (HOMES,)), (AWAY, HOTELS)):
        who = np.flatnonzero((kind == day) & account)
        for number, place in enumerate(places):
            mine = who[who % len(places) == number]
            wrong = rng.random(len(mine)) < 0.05
            begin = calendar.utc(8 * HOUR + mine.astype(np.int64) * 7_919 % HOUR) + 70_000
            end = begin + 7 * HOUR + mine.astype(np.int64) * 4_001 % (2 * HOUR)
            for event, at, some in (("failed", begin - 20_000, wrong), ("in", begin, None), ("out", end, None)):
                holds = window.holds(at) & (True if some is None else some)
                found.append(sessions(site, at[holds], mine[holds], place, event=event))
    return [one for one in found if len(one)]
