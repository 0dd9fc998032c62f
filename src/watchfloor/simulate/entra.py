"""Records of sign-ins to Microsoft Entra ID, as its diagnostic settings export them: the office suite of the desks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from watchfloor.simulate.draft import NOBODY, Draft, draft
from watchfloor.simulate.lines import Ints, Template, counted, iso, picked
from watchfloor.simulate.movement import Stays, Window, at_desks, settling
from watchfloor.simulate.rota import HOUR, Calendar
from watchfloor.simulate.signins import COUNTRIES, HERE, SESSIONS, Where, elsewhere
from watchfloor.simulate.site import Site

__all__ = ["everyday", "sign_ins"]

ENTRA = Template(
    '{"time":"{time}","resourceId":"/tenants/00000000-0000-4000-8000-0000000000a0/providers/Microsoft.aadiam",'
    '"operationName":"Sign-in activity","operationVersion":"1.0","category":"{category}",'
    '"tenantId":"00000000-0000-4000-8000-0000000000a0","resultType":"{code}","callerIpAddress":"{ip}",'
    '"correlationId":"{session}-0000-4000-9000-000000000001","Level":4,"location":"{country}",'
    '"properties":{"id":"{session}-0000-4000-8000-{user_id}","createdDateTime":"{time}",'
    '"userDisplayName":"{name}","userPrincipalName":"{user}@example.com",'
    '"userId":"00000000-0000-4000-a000-{user_id}","appDisplayName":"{app}","ipAddress":"{ip}",'
    '"status":{"errorCode":{code}},"clientAppUsed":"Browser","userAgent":"Mozilla/5.0 (Windows NT 10.0; Win64; x64) '
    'AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0",'
    '"deviceDetail":{"deviceId":"{device_id}","displayName":"{device}","operatingSystem":"Windows10",'
    '"browser":"Edge 131.0.0","isCompliant":{managed},"isManaged":{managed}},'
    '"location":{"city":"{city}","countryOrRegion":"{country}","geoCoordinates":{"latitude":{latitude},'
    '"longitude":{longitude}}},"conditionalAccessStatus":"success","authenticationRequirement":"{factor}",'
    '"authenticationProtocol":"none","isInteractive":{interactive},"riskLevelDuringSignIn":"none",'
    '"riskState":"none","resourceDisplayName":"{app}","userType":"member","autonomousSystemNumber":{asn}}}'
)

APPS: Sequence[str] = ("Office 365 Exchange Online", "Office 365 SharePoint Online", "Microsoft Teams")


def sign_ins(
    site: Site,
    time: Ints,
    person: npt.NDArray[Any] | int,
    where: Where,
    *,
    rng: np.random.Generator,
    interactive: bool = True,
    app: str = "",
    device: str | None = None,
    code: str = "0",
) -> Draft:
    """Sign-ins of people; from their own computer unless `device` names another; `code` is the error, 0 for none."""
    time = np.asarray(time, np.int64)
    n = len(time)
    persons = np.broadcast_to(np.asarray(person, np.int32), n)
    hosts = np.where(persons >= 0, site.host[persons], NOBODY)
    devices = site.words("computer")
    own = device is None
    ips = where.addresses()
    number = pc.utf8_lpad(counted(persons.astype(np.int64) + 1), 12, padding="0")
    lines = ENTRA.fill(
        n,
        time=iso(time),
        category="SignInLogs" if interactive else "NonInteractiveUserSignInLogs",
        code=code,
        ip=picked(ips, np.abs(persons) % len(ips)),
        session=picked(SESSIONS, rng.integers(0, len(SESSIONS), n)),
        user_id=number,
        user=picked(site.words("account"), persons),
        name=picked(site.words("name"), persons),
        app=app or picked(APPS, rng.integers(0, len(APPS), n)),
        device=picked(devices, np.where(hosts >= 0, hosts, len(devices) - 1)) if device is None else device,
        device_id=pc.binary_join_element_wise("00000000-0000-4000-b000-", number, "") if own else "",
        managed="true" if own else "false",
        city=where.city,
        country=COUNTRIES[where.country],
        latitude=str(where.latitude),
        longitude=str(where.longitude),
        factor="multiFactorAuthentication" if interactive else "singleFactorAuthentication",
        interactive="true" if interactive else "false",
        asn=str(where.asn),
    )
    named = hosts if own else NOBODY
    return draft("entra", time, lines, person=persons, asset=named, delay=rng.integers(30_000, 280_000, n))


def everyday(
    site: Site,
    calendar: Calendar,
    where: Stays,
    kind: npt.NDArray[np.int8],
    window: Window,
    rng: np.random.Generator,
) -> list[Draft]:
    """Mail and files: once by hand in the morning, then by tokens that are renewed; from home and hotels as well."""
    index, first = at_desks(site, where)
    found = []
    if len(index):
        person = where.person[index]
        begin = where.since[index] + 170_000 + settling(where, index) // 2
        some, more = first & window.holds(begin), ~first & window.holds(begin)
        found += [
            sign_ins(site, begin[some], person[some], HERE, rng=rng),
            sign_ins(site, begin[more], person[more], HERE, rng=rng, interactive=False),
        ]
    for mine, place in elsewhere(site, kind):
        begin = calendar.utc(8 * HOUR + mine.astype(np.int64) * 6_007 % HOUR)
        mine, begin = mine[window.holds(begin)], begin[window.holds(begin)]
        if len(mine):
            found += [
                sign_ins(site, begin, mine, place, rng=rng),
                sign_ins(site, begin + 4 * HOUR, mine, place, rng=rng, interactive=False),
            ]
    return [one for one in found if len(one)]
