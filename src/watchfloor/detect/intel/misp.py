"""MISP: events as JSON (`Event` of an export or a feed, `response` of a search), the attributes of objects too.

An attribute is read when it is to be detected (`to_ids`), or when nothing says so. Types of two parts (`filename|md5`,
`domain|ip`, `ip-dst|port`) give the part that is an indicator.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from watchfloor.detect.intel.gathered import Defaults, Gathered, Lines
from watchfloor.detect.intel.indicator import TLPS
from watchfloor.detect.intel.stix import moment_of

__all__ = ["TYPES", "parts_of", "read_misp"]

TYPES: Mapping[str, tuple[str | None, ...]] = {
    "ip-src": ("ip",),
    "ip-dst": ("ip",),
    "ip-src|port": ("ip", None),
    "ip-dst|port": ("ip", None),
    "domain": ("domain",),
    "hostname": ("domain",),
    "hostname|port": ("domain", None),
    "domain|ip": ("domain", "ip"),
    "url": ("url",),
    "link": (None,),
    "md5": ("hash",),
    "sha1": ("hash",),
    "sha256": ("hash",),
    "filename|md5": (None, "hash"),
    "filename|sha1": (None, "hash"),
    "filename|sha256": (None, "hash"),
    "malware-sample": (None, "hash"),
    "email": ("email",),
    "email-src": ("email",),
    "email-dst": ("email",),
    "email-reply-to": ("email",),
    "user-agent": ("user_agent",),
    "ja3-fingerprint-md5": ("ja3",),
    "ja4-fingerprint": ("ja4",),
    "vulnerability": ("cve",),
    "vehicle-registration-plate-number": ("plate",),
}
"""Type of an attribute -> kind of each of its parts, None where a part is none."""


def parts_of(type_: str, value: str) -> list[tuple[str, str]]:
    """(kind, value) of an attribute; empty where its type is none of ours."""
    kinds = TYPES.get(type_, ())
    values = value.split("|") if len(kinds) > 1 else [value]
    return [(kind, part) for kind, part in zip(kinds, values, strict=False) if kind is not None and part.strip()]


def read_misp(document: Any, payload: bytes, file: Path, defaults: Defaults, gathered: Gathered) -> None:
    """The attributes of all events of a document."""
    lines = Lines(payload)
    for event in _events(document):
        above = _tags(event)
        info = str(event.get("uuid", ""))
        for one in _attributes(event):
            uid = str(one.get("uuid", "")) or info
            if one.get("deleted") is True or one.get("to_ids") is False:
                gathered.passes(
                    "an attribute that is not to be detected (to_ids)" if not one.get("deleted") else "deleted"
                )
                continue
            type_, value = str(one.get("type", "")), str(one.get("value", ""))
            found = parts_of(type_, value)
            if not found:
                gathered.passes(f"an attribute of type {type_}")
                continue
            try:
                times = {
                    key: moment_of(one[key])
                    for key in ("first_seen", "last_seen", "timestamp")
                    if one.get(key) not in (None, "")
                }
            except (ValueError, OverflowError) as error:
                gathered.wrong(file, lines.of(uid), f"attribute {uid}: {error}", "mend it, or ask its source")
                continue
            tags = {**above, **_tags(one)}
            claim = defaults.claim(times.get("last_seen", times.get("timestamp")))
            levels = [
                name
                for tag in tags
                for name in TLPS
                if tag == f"tlp:{name}" or (name == "clear" and tag == "tlp:white")
            ]
            claim = claim._replace(
                since=times.get("first_seen", claim.since),
                tlp=max(levels, key=TLPS.index) if levels else claim.tlp,
                labels=tuple(sorted({*claim.labels, *(tag for tag in tags if not tag.startswith("tlp:"))})),
                reference=uid,
            )
            line = lines.of(uid)
            for kind, part in found:
                gathered.add(kind, part, claim, file, line)


def _events(document: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(document, list):
        for one in document:
            yield from _events(one)
    elif isinstance(document, dict):
        if "Event" in document:
            yield from _events(document["Event"])
        elif "response" in document:
            yield from _events(document["response"])
        elif "Attribute" in document or "Object" in document:
            yield document


def _attributes(event: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for one in event.get("Attribute") or ():
        if isinstance(one, dict):
            yield one
    for thing in event.get("Object") or ():
        if isinstance(thing, dict):
            yield from (one for one in thing.get("Attribute") or () if isinstance(one, dict))


def _tags(thing: Mapping[str, Any]) -> dict[str, None]:
    return {str(tag.get("name", "")).lower(): None for tag in thing.get("Tag") or () if isinstance(tag, dict)}
