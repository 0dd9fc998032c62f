"""assets/assets.csv: the things that are watched.

uid,kind,name,vendor,model,place,zone,purdue,criticality,owner,hostname,ip,mac,serial,infrastructure,
part_of,checked,valid_from,valid_to
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from watchfloor.world.entities import FOREVER, Alias, Asset
from watchfloor.world.rows import rows

__all__ = ["ASSETS", "KINDS", "Assets", "read_assets"]

ASSETS: Mapping[str, str] = {
    "uid": "opaque id of the asset",
    "kind": "what it is, see below",
    "name": "what people call it; an alias",
    "vendor": "who made it",
    "model": "which one",
    "place": "uid of the place it stands in",
    "zone": "uid of the zone; empty: that of its place",
    "purdue": "level 0 to 5",
    "criticality": "0 (none) to 4 (crown jewel)",
    "owner": "uid of a person",
    "hostname": "host name; several by `;`",
    "ip": "address; several by `;`",
    "mac": "hardware address; several by `;`",
    "serial": "serial number",
    "infrastructure": "uids of what it depends on, by `;`: switch, UPS, controller",
    "part_of": "uid of the machine or line it is part of: a work order for that one is one for it",
    "checked": "when somebody last saw that it stands there: see `map_days` of the estate",
    "valid_from": "these names are true since",
    "valid_to": "and until",
}
"""Columns of assets/assets.csv."""

KINDS = (
    "camera", "crane", "door_controller", "drone", "engineering_station", "firewall", "hmi", "host", "mobile", "panel",
    "plc", "printer", "reader", "recorder", "rtu", "safety_controller", "sensor", "server", "switch", "vehicle",
)  # fmt: skip
"""Kinds of assets; a camera, recorder, reader, door controller or panel is a security device."""

NAMES = {"name": "device", "hostname": "hostname", "ip": "ip", "mac": "mac", "serial": "serial"}
"""Column -> kind of alias."""


@dataclass(frozen=True, slots=True)
class Assets:
    """What assets.csv says; an asset in several rows has had other names, the latest row describes it."""

    assets: Mapping[str, Asset]
    aliases: tuple[Alias, ...] = field(repr=False)


def read_assets(path: Path, zone: ZoneInfo, *, fresh_ms: int | None = None) -> Assets:
    """assets.csv; none when there is no such file.

    Args:
        fresh_ms: milliseconds after which a check is too old; None: never.

    Raises:
        EstateError: a row is wrong; with file and line. Whether places and owners exist is for the directory to say.
    """
    assets: dict[str, tuple[int, Asset]] = {}
    aliases: list[Alias] = []
    for row in rows(path, ASSETS, zone):
        uid, (start, end) = row.must("uid"), row.span("valid_from", "valid_to")
        criticality = row.number("criticality", 0.0)
        if criticality not in (0, 1, 2, 3, 4):
            raise row.wrong(f"criticality {criticality} is not 0 to 4", "0 none, 4 crown jewel")
        purdue = row.number("purdue")
        if purdue is not None and not 0 <= purdue <= 5:
            raise row.wrong(f"purdue {purdue} is no level", "0 to 5")
        asset = Asset(
            uid=uid,
            kind=row.one_of("kind", KINDS),
            place=row.text("place"),
            zone=row.text("zone"),
            purdue=purdue,
            criticality=int(criticality),
            owner=row.text("owner"),
            vendor=row.text("vendor"),
            model=row.text("model"),
            infrastructure=row.parts("infrastructure"),
            part_of=row.text("part_of"),
            fresh_until=FOREVER if fresh_ms is None or not row.text("checked") else row.until("checked") + fresh_ms,
        )
        if uid not in assets or assets[uid][0] <= start:
            assets[uid] = (start, asset)
        for column, kind in NAMES.items():
            aliases += [
                Alias("", kind, value, uid, "", start, end, provenance=row.place) for value in row.parts(column)
            ]
    return Assets({uid: asset for uid, (_, asset) in assets.items()}, tuple(aliases))
