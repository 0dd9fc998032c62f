"""places/*.geojson: floor plans: where things are, and through which portals one gets there.

    FeatureCollection
      Point    kind=site       longitude, latitude; grid {origin, rotation_deg}: where the site's grid of metres lies
      Polygon  kind=building, level, room, area, muster        coordinates in metres on the site's grid
      Point    kind=portal     outside, inside, readers [{uid, side, interior}], taken_capable, ...
      Point    kind=camera     covers [places, portals]: uid is that of the asset

One file per level, and one for the yard, is how people draw them; the reader does not mind. Source: RFC 7946, with a
local grid in metres inside a site, as floor plans have one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from watchfloor.errors import EstateError
from watchfloor.world.entities import FOREVER, Alias, Place, Portal, Reader
from watchfloor.world.rows import moment

__all__ = ["PLACES", "PORTALS", "PROPERTIES", "Plans", "read_plans"]

PLACES = ("site", "building", "level", "room", "area", "muster")
PORTALS = ("door", "gate", "turnstile", "mantrap", "barrier", "elevator", "cage")
ANTIPASSBACK = ("none", "soft", "hard", "timed")

PROPERTIES: Mapping[str, str] = {
    "kind": "site, building, level, room, area, muster, portal or camera",
    "uid": "opaque id",
    "name": "what people call it; an alias",
    "parent": "uid of the place around it",
    "zone": "uid of the zone; without it that of the parent",
    "elevation_m": "height of a level above the site's ground, metres",
    "grid": "of a site: where its grid of metres lies: {origin: [longitude, latitude], rotation_deg}",
    "type": "of a portal: door, gate, turnstile, mantrap, barrier, elevator or cage",
    "outside": "of a portal: uid of the place one enters from",
    "inside": "of a portal: uid of the place it leads into",
    "readers": "of a portal: [{uid, side: in or out, interior}]",
    "taken_capable": "of a portal: it reports passages, not only decisions",
    "free_egress": "of a portal: one leaves without a read",
    "egress_path": "of a portal: part of an escape route, never to be locked",
    "fail_safe": "of a portal: opens when power fails",
    "antipassback": "of a portal: none, soft, hard or timed",
    "controller": "of a portal: uid of the asset that drives it",
    "cycle_s": "of a portal: seconds a passage takes at least",
    "checked": "of a portal: day on which somebody last saw that it leads there: see `map_days` of the estate",
    "covers": "of a camera: uids of places and portals it sees",
}
"""Properties of a feature."""


@dataclass(frozen=True, slots=True)
class Plans:
    """All floor plans of an estate.

    Args:
        places: by uid.
        portals: by uid.
        located: longitude and latitude of each site.
        elevation: metres, per level.
        cameras: uid of a camera -> what it covers.
        where: uid -> file and line, for complaints.
    """

    places: Mapping[str, Place]
    portals: Mapping[str, Portal]
    located: Mapping[str, tuple[float, float]]
    cameras: Mapping[str, tuple[str, ...]]
    aliases: tuple[Alias, ...] = field(repr=False)
    where: Mapping[str, tuple[Path, int | None]] = field(repr=False)


def read_plans(folder: Path, zone: ZoneInfo, *, fresh_ms: int | None = None) -> Plans:
    """All *.geojson of a folder; none when there is no such folder.

    Args:
        zone: in which days begin and end.
        fresh_ms: milliseconds after which a check is too old; None: never.

    Raises:
        EstateError: not GeoJSON, an unknown property, a uid that stands twice; with file and line. Whether parents and
            zones exist is for the directory to say.
    """
    places: dict[str, Place] = {}
    portals: dict[str, Portal] = {}
    located: dict[str, tuple[float, float]] = {}
    cameras: dict[str, tuple[str, ...]] = {}
    where: dict[str, tuple[Path, int | None]] = {}
    aliases: list[Alias] = []
    for path in sorted(folder.glob("*.geojson")) if folder.is_dir() else []:
        for feature in _features(path):
            if feature.uid in where and not (feature.kind == "camera" and feature.uid in cameras):
                raise feature.wrong(f"{feature.uid} stands twice", "give one of them another uid")
            where[feature.uid] = (path, feature.line)
            provenance = f"{path.name}:{feature.line or 1}"
            if feature.kind == "portal":
                portal = portals[feature.uid] = _portal(feature, zone, fresh_ms)
                names = [("door", portal.uid), ("door", portal.name)]
                names += [("reader", reader.uid) for reader in portal.readers]
                aliases += [Alias("", kind, name, portal.uid, provenance=provenance) for kind, name in names if name]
            elif feature.kind == "camera":
                cameras[feature.uid] = feature.texts("covers")
            else:
                place = places[feature.uid] = _place(feature)
                if place.kind == "site":
                    located[place.uid] = (place.centre[0], place.centre[1])
                kind = "site" if place.kind == "site" else "room"
                aliases += [
                    Alias("", kind, name, place.uid, provenance=provenance) for name in (place.uid, place.name) if name
                ]
    return Plans(places, portals, located, cameras, tuple(aliases), where)


class _Feature(NamedTuple):
    path: Path
    line: int | None
    uid: str
    kind: str
    properties: Mapping[str, Any]
    geometry: Mapping[str, Any]

    def wrong(self, what: str, remedy: str) -> EstateError:
        return EstateError(what, file=self.path, line=self.line, remedy=remedy)

    def text(self, key: str, default: str = "") -> str:
        value = self.properties.get(key, default)
        if not isinstance(value, str):
            raise self.wrong(f"{key} of {self.uid} is not text", "put it in quotes")
        return value

    def one_of(self, key: str, known: Sequence[str], default: str) -> str:
        value = self.text(key, default)
        if value not in known:
            raise self.wrong(f"{key} {value!r} of {self.uid} is not known", f"one of: {', '.join(known)}")
        return value

    def flag(self, key: str, default: bool) -> bool:
        value = self.properties.get(key, default)
        if not isinstance(value, bool):
            raise self.wrong(f"{key} of {self.uid} is neither true nor false", f"write {key}: true")
        return value

    def number(self, key: str, default: float) -> float:
        value = self.properties.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.wrong(f"{key} of {self.uid} is not a number", f"write {key}: {default}")
        return float(value)

    def texts(self, key: str) -> tuple[str, ...]:
        value = self.properties.get(key, [])
        if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
            raise self.wrong(f"{key} of {self.uid} is not a list of text", f'write {key}: ["..."]')
        return tuple(value)

    def point(self) -> tuple[float, float]:
        """The point, or the middle of the outline's corners."""
        if self.geometry.get("type") == "Point":
            return _pair(self, self.geometry.get("coordinates"))
        ring = self.ring()
        if not ring:
            raise self.wrong(f"{self.uid} has no geometry", "draw it as a Point or a Polygon")
        corners = ring[:-1] if len(ring) > 1 and ring[0] == ring[-1] else ring
        return sum(x for x, _ in corners) / len(corners), sum(y for _, y in corners) / len(corners)

    def ring(self) -> tuple[tuple[float, float], ...]:
        """The outline; holes do not count."""
        if self.geometry.get("type") != "Polygon":
            return ()
        rings = self.geometry.get("coordinates")
        if not isinstance(rings, list) or not rings or not isinstance(rings[0], list):
            raise self.wrong(f"the outline of {self.uid} is not a list of rings", "see RFC 7946, section 3.1.6")
        return tuple(_pair(self, corner) for corner in rings[0])


def _features(path: Path) -> Iterator[_Feature]:
    try:
        payload = path.read_bytes()
    except OSError as error:
        raise EstateError(f"cannot be read: {error.strerror or error}", file=path, remedy="make it readable") from error
    try:
        data = json.loads(payload.decode("utf-8-sig"), parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise EstateError(f"is not JSON: {error.msg}", file=path, line=error.lineno, remedy="mend that line") from error
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError is one
        raise EstateError(f"is not JSON: {error}", file=path, line=1, remedy="save it as UTF-8 text") from error
    features = data.get("features") if isinstance(data, dict) else None
    if not isinstance(features, list) or data.get("type") != "FeatureCollection":
        raise EstateError("is not a FeatureCollection", file=path, line=1, remedy="see RFC 7946, section 3.3")
    lines = _lines(payload)
    for number, feature in enumerate(features, 1):
        properties = feature.get("properties") if isinstance(feature, dict) else None
        if not isinstance(properties, dict) or not isinstance(properties.get("uid"), str) or not properties["uid"]:
            raise EstateError(f"feature {number} has no uid", file=path, remedy="give it properties with kind and uid")
        uid, kind = properties["uid"], properties.get("kind")
        known = _Feature(path, lines.get(uid), uid, str(kind), properties, feature.get("geometry") or {})
        for key in properties:
            if key not in PROPERTIES:
                raise known.wrong(f"{uid} has an unknown property {key!r}", f"known: {', '.join(PROPERTIES)}")
        if kind not in (*PLACES, "portal", "camera"):
            raise known.wrong(f"kind {kind!r} of {uid} is not known", PROPERTIES["kind"])
        yield known


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number")


def _lines(payload: bytes) -> dict[str, int]:
    """uid -> the line it first stands on as a uid."""
    found: dict[str, int] = {}
    for number, line in enumerate(payload.split(b"\n"), 1):
        for match in re.finditer(rb'"uid"\s*:\s*"([^"\\]*)"', line):
            found.setdefault(match[1].decode("utf-8", "replace"), number)
    return found


def _pair(feature: _Feature, value: Any) -> tuple[float, float]:
    if not isinstance(value, list) or len(value) < 2 or not all(isinstance(part, int | float) for part in value[:2]):
        raise feature.wrong(f"a coordinate of {feature.uid} is not a pair of numbers", "write [12.5, 3.0]")
    return float(value[0]), float(value[1])


def _place(feature: _Feature) -> Place:
    x, y = feature.point()
    return Place(
        uid=feature.uid,
        kind=feature.kind,
        name=feature.text("name"),
        parent=feature.text("parent"),
        zone=feature.text("zone"),
        ring=feature.ring(),
        centre=(x, y, feature.number("elevation_m", 0.0)),
    )


def _portal(feature: _Feature, zone: ZoneInfo, fresh_ms: int | None) -> Portal:
    outside, inside = feature.text("outside"), feature.text("inside")
    if not outside or not inside or outside == inside:
        raise feature.wrong(f"portal {feature.uid} does not join two places", "name outside and inside")
    readers = []
    for reader in feature.properties.get("readers", []):
        if not isinstance(reader, dict) or not isinstance(reader.get("uid"), str):
            raise feature.wrong(f"a reader of {feature.uid} has no uid", 'write {"uid": "...", "side": "in"}')
        if reader.get("side", "in") not in ("in", "out"):
            raise feature.wrong(f"side {reader['side']!r} of reader {reader['uid']} is not known", "in or out")
        readers.append(Reader(reader["uid"], reader.get("side", "in"), bool(reader.get("interior", False))))
    x, y = feature.point()
    return Portal(
        uid=feature.uid,
        kind=feature.one_of("type", PORTALS, "door"),
        name=feature.text("name"),
        outside=outside,
        inside=inside,
        readers=tuple(readers),
        taken_capable=feature.flag("taken_capable", True),
        free_egress=feature.flag("free_egress", False),
        egress_path=feature.flag("egress_path", False),
        fail_safe=feature.flag("fail_safe", True),
        antipassback=feature.one_of("antipassback", ANTIPASSBACK, "none"),
        controller=feature.text("controller"),
        cycle_s=feature.number("cycle_s", 3.0),
        at=(x, y, feature.number("elevation_m", 0.0)),
        fresh_until=_fresh(feature, zone, fresh_ms),
    )


def _fresh(feature: _Feature, zone: ZoneInfo, fresh_ms: int | None) -> int:
    checked = feature.text("checked")
    try:
        seen = moment(checked, zone, end=True) if checked else FOREVER
    except (ValueError, OverflowError):
        raise feature.wrong(f"checked {checked!r} of {feature.uid} is no day", "write 2026-05-31") from None
    return FOREVER if fresh_ms is None or not checked else seen + fresh_ms
