"""STIX 2.1 bundles, and TAXII 2.1 collections as files (OASIS Standards, 10 June 2021).

Read is what names observables: comparisons with = and IN (and ISSUBSET, of addresses) that stand alone or are joined by
OR. What holds only together with other things (AND, FOLLOWEDBY, WITHIN, REPEATS), what is an expression (MATCHES, LIKE)
and what names no observable of ours is counted with its reason: half a pattern would be another pattern.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from watchfloor.detect.intel.gathered import Defaults, Gathered, Lines
from watchfloor.detect.intel.indicator import TLPS, Claim

__all__ = ["moment_of", "observables", "read_stix"]

PATHS: Mapping[str, str] = {
    "ipv4-addr:value": "ip",
    "ipv6-addr:value": "ip",
    "network-traffic:src_ref.value": "ip",
    "network-traffic:dst_ref.value": "ip",
    "domain-name:value": "domain",
    "url:value": "url",
    "file:hashes.md5": "hash",
    "file:hashes.sha-1": "hash",
    "file:hashes.sha1": "hash",
    "file:hashes.sha-256": "hash",
    "file:hashes.sha256": "hash",
    "artifact:hashes.md5": "hash",
    "artifact:hashes.sha-1": "hash",
    "artifact:hashes.sha-256": "hash",
    "email-addr:value": "email",
    "email-message:from_ref.value": "email",
    "email-message:sender_ref.value": "email",
    "network-traffic:extensions.http-request-ext.request_header.user-agent": "user_agent",
    "vulnerability:name": "cve",
    "x-watchfloor-plate:value": "plate",
    "x-watchfloor-badge:value": "badge",
    "x-watchfloor-person:uid": "person",
    "x-watchfloor-drone:serial_number": "drone",
}
"""Object path, without quotes and in lower case -> kind. STIX has none for what is physical: ours begin with x-."""

MARKINGS: Mapping[str, str] = {
    "613f2e26-407d-48c7-9eca-b8e91df99dc9": "clear",
    "34098fce-860f-48ae-8e50-ebd3cc5e41da": "green",
    "f88d31f6-486f-44da-b317-01333bde0b82": "amber",
    "5e57c739-391a-4eb3-b6be-7d15ca92d5ed": "red",
    "94868c89-83c2-464b-929b-a1a8aa3c8487": "clear",
    "bab4a63c-aed9-4cf5-a766-dfca5abac2bb": "green",
    "55d920b0-5e8b-4f79-9ee9-91f868d9b421": "amber",
    "939a9414-2ddd-4d32-a0cd-375ea402b003": "amber+strict",
    "e828b379-4e03-4974-9ac4-e53a884c97c1": "red",
}
"""Marking definitions of TLP 1 (STIX 2.1, 7.2.1.4) and TLP 2 (OASIS extension definition) -> level."""

TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^'\\]|\\.)*')|(?P<sign>[\[\](),]|!=|<=|>=|=|<|>)"
    r"|(?P<path>[a-z][\w-]*:(?:'(?:[^'\\]|\\.)*'|\[(?:\*|\d+)\]|[\w.-])+)"
    r"|(?P<word>[A-Za-z_]\w*)|(?P<number>[-+]?\d[\w.:+-]*))"
)
TOGETHER = ("AND", "FOLLOWEDBY", "WITHIN", "REPEATS", "START", "STOP")
OTHER = ("MATCHES", "LIKE", "ISSUPERSET", "EXISTS", "NOT")


def read_stix(objects: Sequence[Any], payload: bytes, file: Path, defaults: Defaults, gathered: Gathered) -> None:
    """The indicators among the objects of a bundle or an envelope.

    Args:
        payload: of the file, in which problems are looked up.
    """
    lines = Lines(payload)
    marked = {**MARKINGS, **_own_markings(objects)}
    seen = _sightings(objects)
    newest: dict[str, Mapping[str, Any]] = {}
    for one in objects:
        if isinstance(one, dict) and one.get("type") == "indicator":
            uid = str(one.get("id", ""))
            if uid not in newest or str(one.get("modified", "")) >= str(newest[uid].get("modified", "")):
                newest[uid] = one
    for uid, one in newest.items():
        if one.get("revoked") is True:
            gathered.passes("revoked by its source")
            continue
        if one.get("pattern_type", "stix") != "stix":
            gathered.passes(f"a pattern of type {one.get('pattern_type')}, not of STIX")
            continue
        try:
            claim = _claim(one, defaults, marked, seen.get(uid))
            found = list(observables(str(one.get("pattern", ""))))
        except _NotRead as reason:
            gathered.passes(str(reason))
        except (ValueError, OverflowError) as error:
            gathered.wrong(file, lines.of(uid), f"indicator {uid}: {error}", "mend it, or ask its source")
        else:
            line = lines.of(uid)
            for kind, value in found:
                gathered.add(kind, value, claim, file, line)


class _NotRead(Exception):
    """Why a pattern is no observable of ours."""


def observables(pattern: str) -> Iterator[tuple[str, str]]:
    """(kind, value) of each observable that a pattern names, any of which is the pattern.

    Raises:
        _NotRead: it says more than that.
        ValueError: it is no pattern (STIX 2.1, section 9).
    """
    tokens = _tokens(pattern)
    words = {text.upper() for sort, text in tokens if sort == "word"}
    for word in (*TOGETHER, *OTHER):
        if word in words:
            raise _NotRead(f"a pattern with {word}")
    if any(sort == "sign" and text in ("!=", "<", ">", "<=", ">=") for sort, text in tokens):
        raise _NotRead("a pattern that compares otherwise than for equality")
    found: list[tuple[str, str]] = []
    unknown = ""
    at = 0

    def take(sort: str, *texts: str) -> str:
        nonlocal at
        if at >= len(tokens) or tokens[at][0] != sort or (texts and tokens[at][1].upper() not in texts):
            told = tokens[at][1] if at < len(tokens) else "the end"
            raise ValueError(f"the pattern is not understood at {told!r}")
        at += 1
        return tokens[at - 1][1]

    def next_is(sort: str, text: str) -> bool:
        return at < len(tokens) and tokens[at][0] == sort and tokens[at][1].upper() == text

    depth = inside = 0
    while True:
        while next_is("sign", "(") or next_is("sign", "["):
            inside += tokens[at][1] == "["
            depth += 1
            at += 1
        path = take("path")
        how = take("sign", "=") if next_is("sign", "=") else take("word", "IN", "ISSUBSET").upper()
        values = []
        if how == "IN":
            take("sign", "(")
            values.append(_value(take("text")))
            while next_is("sign", ","):
                at += 1
                values.append(_value(take("text")))
            take("sign", ")")
        else:
            values.append(_value(take("text")))
        kind = PATHS.get(path.lower().replace("'", ""))
        if kind is None:
            unknown = f"a pattern over {path}"
        elif how == "ISSUBSET" and kind != "ip":
            raise _NotRead("a pattern with ISSUBSET of what is no address")
        else:
            found += [(kind, value) for value in values]
        while depth and (next_is("sign", ")") or next_is("sign", "]")):
            depth -= 1
            at += 1
        if at == len(tokens):
            break
        take("word", "OR")
    if depth or not inside:
        raise ValueError("the pattern has brackets that do not meet")
    if not found:
        raise _NotRead(unknown)
    yield from found


def _tokens(pattern: str) -> list[tuple[str, str]]:
    tokens, at = [], 0
    pattern = pattern.rstrip()
    while at < len(pattern):
        found = TOKEN.match(pattern, at)
        if found is None or found.end() == at:
            raise ValueError(f"the pattern is not understood at {pattern[at : at + 20]!r}")
        tokens.append((str(found.lastgroup), found.group(str(found.lastgroup))))
        at = found.end()
    return tokens


def _value(quoted: str) -> str:
    return re.sub(r"\\(.)", r"\1", quoted[1:-1])


def _claim(one: Mapping[str, Any], defaults: Defaults, marked: Mapping[str, str], seen: int | None) -> Claim:
    since = moment_of(one["valid_from"]) if "valid_from" in one else None
    if since is None:
        raise ValueError("has no valid_from")
    written = moment_of(one["modified"]) if "modified" in one else since
    claim = defaults.claim(max(written, seen if seen is not None else written))
    tlps = [
        marked[key] for ref in one.get("object_marking_refs") or () if (key := str(ref).partition("--")[2]) in marked
    ]
    confidence = one.get("confidence", claim.confidence)
    if isinstance(confidence, bool) or not isinstance(confidence, int) or not 0 <= confidence <= 100:
        raise ValueError(f"confidence {confidence!r} is no whole number from 0 to 100")
    types = one.get("indicator_types") or one.get("labels") or ()
    return claim._replace(
        since=since,
        until=moment_of(one["valid_until"]) if "valid_until" in one else claim.until,
        tlp=max(tlps, key=TLPS.index) if tlps else claim.tlp,
        confidence=confidence,
        labels=tuple(sorted({*claim.labels, *(str(name) for name in types)})),
        reference=str(one.get("id", "")),
    )


def _own_markings(objects: Sequence[Any]) -> dict[str, str]:
    """Marking definitions that a bundle brings itself."""
    found = {}
    for one in objects:
        if isinstance(one, dict) and one.get("type") == "marking-definition":
            said = one.get("definition")
            name = str(said.get("tlp", "") if isinstance(said, dict) else "") or str(one.get("name", ""))
            level = name.lower().removeprefix("tlp:").replace("white", "clear")
            if level in TLPS:
                found[str(one.get("id", "")).partition("--")[2]] = level
    return found


def _sightings(objects: Sequence[Any]) -> dict[str, int]:
    """Per indicator when somebody last saw it."""
    seen: dict[str, int] = {}
    for one in objects:
        if isinstance(one, dict) and one.get("type") == "sighting" and "last_seen" in one:
            try:
                at = moment_of(one["last_seen"])
            except (ValueError, OverflowError):
                continue
            uid = str(one.get("sighting_of_ref", ""))
            seen[uid] = max(at, seen.get(uid, at))
    return seen


def moment_of(text: object) -> int:
    """A time stamp of STIX (RFC 3339), a day, or seconds since 1970, as UTC epoch milliseconds.

    Raises:
        ValueError: it is no time.
    """
    plain = str(text).strip()
    if re.fullmatch(r"\d{1,11}(\.\d+)?", plain):
        return int(float(plain) * 1000)
    plain = re.sub(r"(\.\d{6})\d+", r"\1", plain)
    try:
        when = datetime.fromisoformat(plain)
    except ValueError:
        raise ValueError(f"{plain[:40]!r} is no time") from None
    when = when if when.tzinfo is not None else when.replace(tzinfo=UTC)
    return (when - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
