"""ArcSight CEF and QRadar LEEF: what both standards define, whoever speaks it.

Names are those of the CEF Implementation Standard (version 26, "Producer dictionary") and of the LEEF guide
("Predefined event attributes"), under `extension`. Everything is read and stays under `unmapped` besides: a rule for
one vendor's product asks for the vendor's own keys.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from watchfloor.collect.convert import ip, iso, number, real, times, unix_ms, unix_s, yearless
from watchfloor.collect.mapping import Mapped, Record, event, maps
from watchfloor.ocsf.column import Column

WORDS: Mapping[str, int] = {"unknown": 0, "low": 2, "medium": 3, "high": 4, "very-high": 5}
"""Severity in words (CEF) -> severity_id; numbers are 0-3, 4-6, 7-8, 9-10 (CEF) and 1-10 (LEEF `sev`)."""

ALLOWED = frozenset((
    "accept", "accepted", "allow", "allowed", "pass", "passed", "permit", "permitted", "forward", "forwarded",
    "success", "successful",
))  # fmt: skip
REFUSED = frozenset((
    "block", "blocked", "deny", "denied", "drop", "dropped", "discard", "reject", "rejected", "reset", "refuse",
    "refused", "failure", "failed", "fail", "prevent", "prevented", "quarantine", "quarantined",
))  # fmt: skip
"""First words of `act`, `action` and `outcome`."""

PROTOCOLS: Mapping[str, int] = {
    "1": 1, "6": 6, "17": 17, "47": 47, "50": 50, "58": 58, "icmp": 1, "tcp": 6, "udp": 17, "gre": 47, "esp": 50,
    "ipv6-icmp": 58, "icmp6": 58,
}  # fmt: skip
NAMES: Mapping[int, str] = {1: "icmp", 6: "tcp", 17: "udp", 47: "gre", 50: "esp", 58: "ipv6-icmp"}

LOGIN = re.compile(r"\b(?:log(?:ged)?[ _-]?(?:on|in|off|out)|sign[ _-]?(?:on|in|off|out)|authentication)\b", re.I)
LEAVING = re.compile(r"\b(?:log(?:ged)?|sign)[ _-]?(?:off|out)\b", re.I)
FAILING = re.compile(r"\b(?:fail(?:ed|ure)?|denied|refused|rejected|invalid|unsuccessful)\b", re.I)

COUNTRY: Mapping[str, str] = {"source": "source country", "target": "destination country"}
"""Which end -> label of the custom string for its country: CEF has keys for coordinates, but none for that."""

WRITTEN = ("%b %d %Y %H:%M:%S.%f %Z", "%b %d %Y %H:%M:%S.%f", "%b %d %Y %H:%M:%S %Z", "%b %d %Y %H:%M:%S")
"""CEF and LEEF: `MMM dd yyyy HH:mm:ss[.SSS] [zzz]`; without a year as RFC 3164 writes it."""


def classify(r: Record) -> Column:
    """By what the message names: a user and a login, two addresses, neither."""
    said = _title(r).zip(_said(r, "cat"), lambda title, cat: f"{title or ''} {cat or ''}", pa.string())
    user = _said(r, "duser", "suser", "usrName")
    login = said.zip(user, lambda text, name: "login" if name and LOGIN.search(text or "") else None, pa.string())
    ends = _said(r, "src").zip(_said(r, "dst"), lambda a, b: "connection" if a and b else None, pa.string())
    return login.coalesce(ends)


@maps("login")
def login(r: Record) -> Mapped:
    """Somebody logged in or out."""
    title, shared = _title(r), _shared(r)
    outcome = _verdict(_said(r, "outcome", "act", "action"))
    return event(
        "authentication",
        shared,
        activity_id=title.map(lambda text: 2 if LEAVING.search(text) else 1),
        status_id=outcome.coalesce(title.map(lambda text: 2 if FAILING.search(text) else None)),
        user={
            "name": _said(r, "duser", "usrName", "suser"),
            "uid": _said(r, "duid", "suid"),
            "domain": _said(r, "dntdom", "domain", "sntdom"),
        },
        src_endpoint=_end(r, "source"),
        dst_endpoint=_end(r, "target"),
        service={"name": r.read("device_product")},
        status_detail=_said(r, "reason"),
    )


@maps("connection")
def connection(r: Record) -> Mapped:
    """What passed between two addresses, or did not."""
    act = _said(r, "act", "action", "outcome")
    verdict = _verdict(act)
    protocol = _said(r, "proto").map(lambda text: PROTOCOLS.get(text.lower()), pa.int64())
    return event(
        "network_activity",
        _shared(r),
        activity_id=verdict.map(lambda number: 6 if number == 1 else 5).coalesce(r.constant(6)),
        action_id=verdict,
        disposition_id=verdict,
        src_endpoint=_end(r, "source"),
        dst_endpoint=_end(r, "target"),
        connection_info={
            "direction_id": _said(r, "deviceDirection").map({"0": 1, "1": 2}.get, pa.int64()).coalesce(r.constant(0)),
            "protocol_num": protocol,
            "protocol_name": protocol.map(NAMES.get, pa.string()),
        },
        traffic={
            "bytes_in": _said(r, "in", "dstBytes").integer(),
            "bytes_out": _said(r, "out", "srcBytes").integer(),
        },
        actor={"user.name": _said(r, "suser", "usrName")},
        url={"url_string": _said(r, "request", "url")},
        app_name=_said(r, "app"),
    )


@maps("other")
def other(r: Record) -> Mapped:
    """Any other message."""
    return event(
        "base_event",
        _shared(r),
        activity_id=99,
        actor={"user.name": _said(r, "suser", "duser", "usrName")},
        status_id=_verdict(_said(r, "outcome")),
    )


# -- what mappings are made of ----------------------------------------------------------------------------------------


def _said(r: Record, *keys: str) -> Column:
    """The first of these keys of the extension that says something."""
    found = r.missing()
    for key in keys:
        found = found.coalesce(real(r.read(f"extension.{key}")))
    return found


def _labelled(r: Record, label: str) -> Column:
    """The custom string that a product labels so; no case."""
    found = r.missing()
    for number_ in range(1, 7):
        labels = _said(r, f"cs{number_}Label")
        said = labels.zip(
            _said(r, f"cs{number_}"), lambda name, text: text if (name or "").lower() == label else None, pa.string()
        )
        found = found.coalesce(said)
    return found


def _title(r: Record) -> Column:
    return r.read("name").coalesce(_said(r, "msg"), r.read("event_id"))


def _shared(r: Record) -> dict[str, Any]:
    """What every message has."""
    stamp = _said(r, "rt", "devTime", "end", "start").coalesce(r.read("syslog.timestamp"))
    level = r.read("severity").coalesce(_said(r, "sev"))
    host, address = _said(r, "dvchost", "identHostName"), ip(_said(r, "dvc"))
    sender = r.read("syslog.hostname")
    return {
        "time": _time(stamp, r.received),
        "severity_id": level.map(_severity, pa.int64()).coalesce(r.constant(0)),
        "message": _said(r, "msg").coalesce(r.read("name"), r.read("event_id")),
        "metadata.event_code": r.read("signature_id").coalesce(r.read("event_id")),
        "metadata.original_time": stamp,
        "metadata.log_name": _said(r, "cat"),
        "metadata.product.vendor_name": r.read("device_vendor"),
        "metadata.product.name": r.read("device_product"),
        "metadata.product.version": r.read("device_version"),
        "device.hostname": host.coalesce(sender).where(~ip(host.coalesce(sender)).present),
        "device.ip": address.coalesce(ip(sender)),
        "device.name": r.read("device_product").coalesce(r.constant("unknown")),
        "device.type_id": r.constant(0),
    }


def _end(r: Record, which: str) -> dict[str, Any]:
    """One of the two ends."""
    own = which == "source"
    names = ("src", "shost", "spt", "smac") if own else ("dst", "dhost", "dpt", "dmac")
    address, host, port, mac = names
    country = _labelled(r, COUNTRY[which])
    return {
        "ip": ip(_said(r, address, f"c6a{2 if own else 3}")),
        "hostname": _said(r, host),
        "port": _said(r, port, "srcPort" if own else "dstPort").integer(),
        "mac": _said(r, mac, "srcMAC" if own else "dstMAC"),
        "location.country": country,
        "location.lat": number(_said(r, "slat" if own else "dlat")).where(country.present),
        "location.long": number(_said(r, "slong" if own else "dlong")).where(country.present),
    }


def _verdict(column: Column) -> Column:
    """1 for what was let through, 2 for what was not."""

    def one(text: str) -> int | None:
        word = re.split(r"[^a-z0-9]", text.strip().lower(), maxsplit=1)[0]
        return 1 if word in ALLOWED else 2 if word in REFUSED else None

    return column.map(one, pa.int64())


def _severity(text: str) -> int | None:
    if not text.isdigit() or len(text) > 2:
        return WORDS.get(text.lower())
    number = int(text)
    return 2 if number <= 3 else 3 if number <= 6 else 4 if number <= 8 else 5


def _time(stamp: Column, received: Column) -> Column:
    """Milliseconds or seconds since 1970, the standards' own way of writing, RFC 3164, ISO 8601."""
    long = stamp.keep(lambda text: text.isdigit() and len(text) in (12, 13))
    short = stamp.keep(lambda text: text.isdigit() and len(text) in (9, 10))
    return unix_ms(long).coalesce(
        unix_s(short), times(*WRITTEN)(stamp), yearless(received)(stamp), iso(stamp.keep(lambda t: not t.isdigit()))
    )
