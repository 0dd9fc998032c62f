"""Records of sign-ins to the cloud (Okta System Log) and of what administrators do there (CloudTrail)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from watchfloor.simulate.draft import NOBODY, Draft, draft
from watchfloor.simulate.lines import Ints, Template, counted, iso, picked
from watchfloor.simulate.movement import Stays, Window, at_desks, settling
from watchfloor.simulate.rota import AWAY, HOME, HOUR, Calendar
from watchfloor.simulate.site import Site

__all__ = ["COUNTRIES", "HERE", "HOMES", "HOTELS", "Where", "aws", "elsewhere", "everyday", "sign_ins"]


class Where(NamedTuple):
    """From where a sign-in comes; `hosts` are the last numbers of its addresses."""

    city: str
    country: str
    latitude: float
    longitude: float
    network: str
    asn: int = 64500
    proxy: bool = False
    hosts: range = range(1, 100)

    def addresses(self) -> list[str]:
        """All of its addresses."""
        return [self.network.format(number) for number in self.hosts]


HERE = Where("Harbourtown", "Netherlands", 52.2, 3.9, "203.0.113.{}")
HOMES = Where("Exampletown", "Netherlands", 52.1, 4.3, "198.51.100.{}", 64501)
HOTELS = (
    Where("Exampleburg", "Germany", 53.5, 10.0, "192.0.2.{}", 64502),
    Where("Sampleport", "Singapore", 1.3, 103.8, "192.0.2.{}", 64503, hosts=range(110, 200)),
)

COUNTRIES: Mapping[str, str] = {"Netherlands": "NL", "Germany": "DE", "Singapore": "SG"}
"""Country by name, as Okta says it, -> ISO 3166-1 alpha-2, as Entra does."""

OKTA = Template(
    '{"actor":{"id":"00u{id}","type":"User","alternateId":"{user}@example.com","displayName":"{name}",'
    '"detailEntry":null},"client":{"userAgent":{"rawUserAgent":"Mozilla/5.0 (Windows NT 10.0; Win64; x64) '
    'AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36","os":"Windows 10","browser":"CHROME"},'
    '"zone":"null","device":"Computer","id":null,"ipAddress":"{ip}","geographicalContext":{"city":"{city}",'
    '"state":null,"country":"{country}","postalCode":null,"geolocation":{"lat":{latitude},"lon":{longitude}}}},'
    '"device":{"id":"guo{device}","name":"{device}","os_platform":"WINDOWS","os_version":"10.0.26100",'
    '"managed":{managed},"registered":{managed}},"authenticationContext":{"authenticationStep":0,'
    '"externalSessionId":"idx{session}"},"displayMessage":"{message}","eventType":"{event}",'
    '"outcome":{"result":"{result}","reason":{reason}},"published":"{time}","securityContext":{"asNumber":{asn},'
    '"asOrg":"example transit","isp":"example transit","domain":"example.net","isProxy":{proxy}},"severity":"INFO",'
    '"debugContext":{"debugData":{"requestId":"r{session}"}},"legacyEventType":"core.user_auth.login_success",'
    '"transaction":{"type":"WEB","id":"t{session}","detail":{}},"uuid":"{session}-0000-11f0-8000-000000000001",'
    '"version":"0","target":[{"id":"0oa1","type":"AppInstance","alternateId":"{app}","displayName":"{app}",'
    '"detailEntry":null}]}'
)

EVENTS: Mapping[str, tuple[str, str]] = {
    "start": ("user.session.start", "User login to Okta"),
    "sso": ("user.authentication.sso", "User single sign on to app"),
    "mfa": ("user.authentication.auth_via_mfa", "Authentication of user via MFA"),
    "push_denied": ("user.mfa.okta_verify.deny_push", "User rejected Okta push verify"),
}

CLOUDTRAIL = Template(
    '{"eventVersion":"1.11","userIdentity":{"type":"IAMUser","principalId":"AIDAEXAMPLE{id}",'
    '"arn":"arn:aws:iam::123456789012:user/{user}","accountId":"123456789012","accessKeyId":"AKIAEXAMPLE{id}",'
    '"userName":"{user}"},"eventTime":"{time}","eventSource":"{service}.amazonaws.com","eventName":"{call}",'
    '"awsRegion":"eu-central-1","sourceIPAddress":"{ip}","userAgent":"aws-cli/2.17.5","requestParameters":{parameters},'
    '"responseElements":null,"requestID":"{request}-0000-4000-8000-000000000022",'
    '"eventID":"{request}-0000-4000-8000-000000000023","readOnly":{read},"eventType":"AwsApiCall",'
    '"managementEvent":true,"recipientAccountId":"123456789012","eventCategory":"Management"}'
)
CALLS = (("ec2", "DescribeInstances"), ("s3", "ListBuckets"), ("cloudwatch", "GetMetricData"), ("iam", "ListUsers"))

SESSIONS = pa.array([f"{number:08x}" for number in range(7, 70_000, 17)])

CALLS_PER_HOUR = 4.0


def sign_ins(
    site: Site,
    time: Ints,
    person: npt.NDArray[Any] | int,
    where: Where,
    *,
    rng: np.random.Generator,
    event: str = "start",
    app: str = "Example Office",
    device: str | None = None,
    result: str = "SUCCESS",
    user: str | None = None,
) -> Draft:
    """Sign-ins of people; from their own computer unless `device` names another; `user` for a shared account."""
    time = np.asarray(time, np.int64)
    n = len(time)
    persons = np.broadcast_to(np.asarray(person, np.int32), n)
    hosts = np.where(persons >= 0, site.host[persons], NOBODY)
    devices = site.words("computer")
    kind, message = EVENTS[event]
    ips = where.addresses()
    lines = OKTA.fill(
        n,
        time=iso(time),
        id=counted(persons),
        user=picked(site.words("account"), persons) if user is None else user,
        name=picked(site.words("name"), persons) if user is None else user,
        ip=picked(ips, np.abs(persons) % len(ips)),
        city=where.city,
        country=where.country,
        latitude=str(where.latitude),
        longitude=str(where.longitude),
        device=picked(devices, np.where(hosts >= 0, hosts, len(devices) - 1)) if device is None else device,
        managed="true" if device is None else "false",
        session=picked(SESSIONS, rng.integers(0, len(SESSIONS), n)),
        message=message,
        event=kind,
        result=result,
        reason="null" if result == "SUCCESS" else '"INVALID_CREDENTIALS"',
        asn=str(where.asn),
        proxy="true" if where.proxy else "false",
        app=app,
    )
    named = hosts if device is None else NOBODY
    return draft("okta", time, lines, person=persons, asset=named, delay=rng.integers(1_000, 60_000, n))


def aws(
    site: Site,
    time: Ints,
    person: npt.NDArray[Any] | int,
    *,
    rng: np.random.Generator,
    call: tuple[str, str] | None = None,
    ip: str = "203.0.113.10",
    parameters: str = "null",
) -> Draft:
    """Calls of administrators; a read, or the one given as service and name."""
    time = np.asarray(time, np.int64)
    n = len(time)
    persons = np.broadcast_to(np.asarray(person, np.int32), n)
    which = rng.integers(len(CALLS), size=n)
    lines = CLOUDTRAIL.fill(
        n,
        time=iso(time // 1000 * 1000),
        id=counted(10_000 + persons),
        user=picked(site.words("account"), persons),
        service=picked([service for service, _ in CALLS], which) if call is None else call[0],
        call=picked([name for _, name in CALLS], which) if call is None else call[1],
        ip=ip,
        parameters=parameters,
        request=picked(SESSIONS, rng.integers(0, len(SESSIONS), n)),
        read="true" if call is None else "false",
    )
    return draft("aws", time // 1000 * 1000, lines, person=persons, delay=rng.integers(60_000, 600_000, n))


def everyday(
    site: Site,
    calendar: Calendar,
    where: Stays,
    kind: npt.NDArray[np.int8],
    window: Window,
    rng: np.random.Generator,
) -> list[Draft]:
    """Who signs in from the desk, from home and from hotels in a window of time; and calls to the cloud."""
    index, first = at_desks(site, where)
    person, since, until = where.person[index], where.since[index], where.until[index]
    found = []
    if len(index):
        begin = since + 130_000 + settling(where, index)
        middle = (begin + until) // 2
        some, more = first & window.holds(begin), ~first & window.holds(middle)
        found += [
            sign_ins(site, begin[some], person[some], HERE, rng=rng),
            sign_ins(site, begin[some] + 9_000, person[some], HERE, rng=rng, event="mfa"),
            sign_ins(site, middle[more], person[more], HERE, rng=rng, event="sso"),
        ]
        admin = site.roles[person] == "it_admin"
        if admin.any():
            row, time = window.spread(since[admin], until[admin], CALLS_PER_HOUR, rng)
            found.append(aws(site, time, person[admin][row], rng=rng))
    for mine, place in elsewhere(site, kind):
        begin = calendar.utc(8 * HOUR + mine.astype(np.int64) * 7_919 % HOUR)
        mine, begin = mine[window.holds(begin)], begin[window.holds(begin)]
        found += [
            sign_ins(site, begin, mine, place, rng=rng),
            sign_ins(site, begin + 12_000, mine, place, rng=rng, event="mfa"),
            sign_ins(site, begin + 60_000, mine, place, rng=rng, event="sso", app="Example VPN"),
        ]
    return found


def elsewhere(site: Site, kind: npt.NDArray[np.int8]) -> Iterator[tuple[npt.NDArray[np.int64], Where]]:
    """Who works from home or from a hotel on a day, and where that is; only of people with an account."""
    for day, places in ((HOME, (HOMES,)), (AWAY, HOTELS)):
        who = np.flatnonzero((kind == day) & site.has_account)
        for number, place in enumerate(places):
            mine = who[who % len(places) == number]
            if len(mine):
                yield mine, place
