"""places/zones.toml: zones and conduits, one vocabulary for doors and networks (IEC 62443-3-2).

[[zone]]     uid name kind parent purdue security_level networks clearance training tailgate_prone crown_jewel places
[[conduit]]  uid source target via
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from watchfloor.documents import read_toml
from watchfloor.errors import EstateError
from watchfloor.world.entities import Conduit, Zone

__all__ = ["CONDUIT", "KINDS", "ZONE", "Zones", "read_zones"]

KINDS = ("perimeter", "public", "restricted", "critical", "transitional", "external")

ZONE: Mapping[str, tuple[type | tuple[type, ...], str]] = {
    "uid": (str, "opaque id"),
    "name": (str, "what people call it; an alias"),
    "kind": (str, ", ".join(KINDS)),
    "parent": (str, "uid of the zone around it"),
    "purdue": ((int, float), "level 0 to 5, of a network"),
    "security_level": (int, "target, SL-T 0 to 4"),
    "networks": (list, "address ranges, CIDR"),
    "clearance": (str, "what one needs to be here"),
    "training": (list, "trainings one needs to be here"),
    "tailgate_prone": (bool, "people follow each other in: absence is never sure"),
    "crown_jewel": (bool, "what must not be lost"),
    "places": (list, "uids of places that belong to it"),
}
"""Keys of [[zone]], their types and what they are for."""

CONDUIT: Mapping[str, tuple[type | tuple[type, ...], str]] = {
    "uid": (str, "opaque id"),
    "source": (str, "uid of a zone"),
    "target": (str, "uid of a zone"),
    "via": (list, "uids of portals, names of firewall rules"),
}
"""Keys of [[conduit]]."""


class Zones(NamedTuple):
    """What zones.toml says; `places` gives the zone of a place that names none itself, `lines` is for complaints."""

    zones: Mapping[str, Zone]
    conduits: Mapping[str, Conduit]
    places: Mapping[str, str]
    lines: Mapping[str, int]


def read_zones(path: Path) -> Zones:
    """zones.toml; none when there is no such file.

    Raises:
        EstateError: unknown key, wrong type, unknown parent, a circle of parents, a place in two zones, no network.
    """
    if not path.exists():
        return Zones({}, {}, {}, {})
    document = read_toml(path)
    zones: dict[str, Zone] = {}
    conduits: dict[str, Conduit] = {}
    places: dict[str, str] = {}
    lines: dict[str, int] = {}
    for key in document.data:
        if key not in ("zone", "conduit"):
            raise EstateError(
                f"unknown table {key!r}", file=path, line=document.line(key), remedy="[[zone]], [[conduit]]"
            )
    for number, entry in enumerate(document.data.get("zone", [])):
        line = document.line("zone", number)
        _checked(entry, ZONE, "zone", path, line)
        uid = entry["uid"]
        if uid in zones:
            raise EstateError(f"zone {uid} stands twice", file=path, line=line, remedy="give one another uid")
        if entry.get("kind", "restricted") not in KINDS:
            raise EstateError(f"kind {entry['kind']!r} is not known", file=path, line=line, remedy=", ".join(KINDS))
        for network in entry.get("networks", []):
            try:
                ipaddress.ip_network(network)
            except ValueError as error:
                raise EstateError(f"no network: {error}", file=path, line=line, remedy="like 192.0.2.0/24") from None
        for place in entry.get("places", []):
            if places.setdefault(place, uid) != uid:
                what = f"place {place} is in {places[place]} and in {uid}"
                raise EstateError(
                    what, file=path, line=line, remedy="a place is in one zone; zones lie in zones by parent"
                )
        lines[uid] = line
        zones[uid] = Zone(
            uid=uid,
            name=entry.get("name", ""),
            kind=entry.get("kind", "restricted"),
            parent=entry.get("parent", ""),
            purdue=entry.get("purdue"),
            security_level=entry.get("security_level", 0),
            networks=tuple(entry.get("networks", [])),
            clearance=entry.get("clearance", ""),
            training=tuple(entry.get("training", [])),
            tailgate_prone=entry.get("tailgate_prone", False),
            crown_jewel=entry.get("crown_jewel", False),
        )
    for zone in zones.values():
        _rooted(zone, zones, path, lines)
    for number, entry in enumerate(document.data.get("conduit", [])):
        line = document.line("conduit", number)
        _checked(entry, CONDUIT, "conduit", path, line)
        for end in ("source", "target"):
            if entry.get(end) not in zones:
                what = f"conduit {entry['uid']} has no zone {entry.get(end)!r} as its {end}"
                raise EstateError(what, file=path, line=line, remedy="name a [[zone]] of this file")
        conduits[entry["uid"]] = Conduit(entry["uid"], entry["source"], entry["target"], tuple(entry.get("via", [])))
    return Zones(zones, conduits, places, lines)


def _checked(entry: Any, keys: Mapping[str, tuple[Any, str]], what: str, path: Path, line: int) -> None:
    if not isinstance(entry, dict) or not isinstance(entry.get("uid"), str):
        raise EstateError(f"a {what} has no uid", file=path, line=line, remedy=f"write [[{what}]] and uid below it")
    for key, value in entry.items():
        if key not in keys:
            raise EstateError(f"a {what} has no {key!r}", file=path, line=line, remedy=f"it has: {', '.join(keys)}")
        kind, said = keys[key]
        wrong = not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool)
        if wrong or (kind is list and not all(isinstance(part, str) for part in value)):
            raise EstateError(f"{key} of {entry['uid']} is of the wrong type", file=path, line=line, remedy=said)


def _rooted(zone: Zone, zones: Mapping[str, Zone], path: Path, lines: Mapping[str, int]) -> None:
    seen = {zone.uid}
    while zone.parent:
        if zone.parent not in zones:
            what = f"zone {zone.uid} lies in {zone.parent!r}, which is not there"
            raise EstateError(what, file=path, line=lines[zone.uid], remedy="name a [[zone]] of this file")
        if zone.parent in seen:
            what = f"zone {zone.uid} lies in itself"
            raise EstateError(what, file=path, line=lines[zone.uid], remedy="break the circle of parents")
        seen.add(zone.parent)
        zone = zones[zone.parent]
