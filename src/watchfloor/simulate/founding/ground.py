"""The ground of the port: places, portals, cameras and zones, drawn from tables.

Everything is invented. Coordinates are metres on the site's grid, x along the quay, y from the road to the water. Rooms
without a reader lie in the zone of the corridor they open to, so that who has been seen in the corridor is in the zone.
"""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["CRANES", "HARBOUR", "PLACES", "PORTALS", "ZONES", "Door", "Spot", "ZoneRow", "plans", "zones_toml"]

HARBOUR, DEPOT = "site-harbour", "site-depot"
LOCATED = {HARBOUR: (3.9, 52.2), DEPOT: (4.42, 52.02)}
"""Longitude and latitude, degrees: out at sea and on a field, 40 km apart."""

CRANES = range(1, 7)
FLOOR_M = 4.0


class Spot(NamedTuple):
    """A place that is drawn: outline as (x0, y0, x1, y1), the file it is drawn in, its height in metres."""

    uid: str
    kind: str
    name: str
    parent: str
    zone: str
    box: tuple[float, float, float, float]
    plan: str
    floor: float = 0.0


class Door(NamedTuple):
    """A portal: `readers` in, out, both or none; `flags` are what differs from a common door."""

    uid: str
    kind: str
    name: str
    outside: str
    inside: str
    at: tuple[float, float]
    plan: str
    readers: str = "both"
    controller: str = ""
    floor: float = 0.0
    flags: str = ""


class ZoneRow(NamedTuple):
    """A zone of zones.toml."""

    uid: str
    name: str
    kind: str
    parent: str = ""
    purdue: float | None = None
    level: int = 0
    networks: tuple[str, ...] = ()
    clearance: str = ""
    training: tuple[str, ...] = ()
    tailgate: bool = False
    jewel: bool = False


def _room(uid: str, name: str, level: str, zone: str, box: tuple[float, float, float, float], floor: float) -> Spot:
    return Spot(f"room-{uid}", "room", name, level, zone, box, level.removeprefix("level-"), floor)


OFFICE, OPS = "zone-office", "zone-ops"

PLACES: tuple[Spot, ...] = (
    Spot("area-landside", "area", "Road and car park", HARBOUR, "zone-outside", (0, -120, 900, 0), "site"),
    Spot("area-yard", "area", "Container yard", HARBOUR, "zone-yard", (0, 0, 900, 400), "site"),
    Spot("area-quay", "area", "Quay", HARBOUR, "zone-quay", (0, 400, 900, 460), "site"),
    Spot("area-reefer", "area", "Reefer stacks", "area-yard", "zone-reefer", (600, 60, 860, 160), "site"),
    Spot("area-substation", "area", "Substation", "area-yard", "zone-substation", (20, 300, 100, 380), "site"),
    Spot("muster-gate", "muster", "Muster point Gate", "area-landside", "", (420, -30, 450, -10), "site"),
    Spot("muster-yard", "muster", "Muster point Yard", "area-yard", "", (320, 180, 350, 200), "site"),
    Spot("room-gatehouse", "room", "Gatehouse", "area-yard", "zone-guard", (410, 2, 424, 12), "site"),
    Spot("room-substation", "room", "Substation control", "area-substation", "zone-substation-room",
         (40, 320, 60, 335), "site"),
    Spot("room-reefer-power", "room", "Reefer power house", "area-reefer", "zone-reefer-power",
         (610, 70, 626, 82), "site"),
    Spot("building-office", "building", "Office building", HARBOUR, OFFICE, (40, -100, 140, -40), "site"),
    Spot("building-ops", "building", "Operations building", HARBOUR, OPS, (200, 40, 300, 100), "site"),
    Spot("level-office-0", "level", "Office ground floor", "building-office", "", (40, -100, 140, -40), "office-0"),
    Spot("level-office-1", "level", "Office first floor", "building-office", "", (40, -100, 140, -40), "office-1",
         FLOOR_M),
    Spot("level-office-2", "level", "Office second floor", "building-office", "", (40, -100, 140, -40), "office-2",
         2 * FLOOR_M),
    Spot("level-ops-0", "level", "Operations ground floor", "building-ops", "", (200, 40, 300, 100), "ops-0"),
    Spot("level-ops-1", "level", "Operations first floor", "building-ops", "", (200, 40, 300, 100), "ops-1", FLOOR_M),
    _room("office-lobby", "Lobby", "level-office-0", "", (40, -100, 70, -70), 0),
    _room("office-0", "Corridor 0", "level-office-0", "", (70, -75, 140, -70), 0),
    _room("canteen", "Canteen", "level-office-0", "", (70, -70, 120, -40), 0),
    _room("visitors", "Visitors' room", "level-office-0", "", (70, -100, 90, -75), 0),
    _room("mail", "Mail room", "level-office-0", "", (90, -100, 110, -75), 0),
    _room("office-1", "Corridor 1", "level-office-1", "", (70, -75, 140, -70), FLOOR_M),
    _room("hr", "Personnel", "level-office-1", "zone-hr", (40, -100, 70, -75), FLOOR_M),
    _room("finance", "Finance", "level-office-1", "", (70, -100, 100, -75), FLOOR_M),
    _room("planning", "Planning", "level-office-1", "", (70, -70, 110, -40), FLOOR_M),
    _room("meeting-1", "Meeting room 1", "level-office-1", "", (100, -100, 120, -75), FLOOR_M),
    _room("office-2", "Corridor 2", "level-office-2", "", (70, -75, 140, -70), 2 * FLOOR_M),
    _room("it", "IT office", "level-office-2", "", (40, -100, 70, -75), 2 * FLOOR_M),
    _room("server", "Server room", "level-office-2", "zone-server", (70, -100, 90, -75), 2 * FLOOR_M),
    _room("management", "Management", "level-office-2", "", (70, -70, 110, -40), 2 * FLOOR_M),
    _room("meeting-2", "Meeting room 2", "level-office-2", "", (100, -100, 120, -75), 2 * FLOOR_M),
    _room("ops-0", "Corridor E", "level-ops-0", "", (200, 68, 300, 72), 0),
    _room("changing", "Changing room", "level-ops-0", "", (200, 40, 230, 68), 0),
    _room("workshop", "Workshop", "level-ops-0", "", (230, 40, 270, 68), 0),
    _room("ops-canteen", "Canteen E", "level-ops-0", "", (200, 72, 240, 100), 0),
    _room("ot-store", "OT spares", "level-ops-0", "zone-ot-store", (240, 72, 260, 100), 0),
    _room("ops-1", "Corridor F", "level-ops-1", "", (200, 68, 300, 72), FLOOR_M),
    _room("control", "Control room", "level-ops-1", "zone-control", (200, 40, 250, 68), FLOOR_M),
    _room("engineering", "Engineering", "level-ops-1", "zone-engineering", (250, 40, 280, 68), FLOOR_M),
    _room("ot-servers", "OT server room", "level-ops-1", "zone-ot-servers", (200, 72, 225, 100), FLOOR_M),
    _room("cctv", "CCTV room", "level-ops-1", "zone-guard-cctv", (225, 72, 250, 100), FLOOR_M),
    *(
        spot
        for k in CRANES
        for spot in (
            Spot(f"room-crane-{k}", "room", f"Crane {k} electrical room", "area-quay", f"zone-crane-{k}",
                 (130 * k - 8, 420, 130 * k + 2, 432), "site", 6.0),
            Spot(f"room-cab-{k}", "room", f"Crane {k} cab", "area-quay", f"zone-crane-{k}",
                 (130 * k - 3, 440, 130 * k + 3, 446), "site", 38.0),
        )
    ),
    Spot("area-depot-road", "area", "Depot road", DEPOT, "zone-depot-road", (0, -40, 200, 0), "depot"),
    Spot("area-depot", "area", "Inland depot", DEPOT, "zone-depot", (0, 0, 200, 150), "depot"),
    Spot("room-depot", "room", "Depot office", "area-depot", "zone-depot-office", (20, 20, 40, 32), "depot"),
)  # fmt: skip
"""All places but the sites."""

GATE, BUILDING, PLANT = "asset-dc-gate", "asset-dc-office", "asset-dc-ops"

PORTALS: tuple[Door, ...] = (
    Door("portal-gate", "turnstile", "D-0101 Main gate", "area-landside", "area-yard", (420, 0), "site", "both", GATE,
         0, "antipassback=soft"),
    Door("portal-gate-2", "turnstile", "D-0102 Main gate lane 2", "area-landside", "area-yard", (426, 0), "site",
         "both", GATE, 0, "antipassback=soft"),
    Door("portal-vehicles", "barrier", "D-0103 Vehicle gate", "area-landside", "area-yard", (440, 0), "site", "both",
         GATE, 0, "cycle_s=8"),
    Door("portal-muster-gate", "gate", "M-01 Muster point Gate", "area-landside", "muster-gate", (435, -10), "site",
         "both", GATE),
    Door("portal-muster-yard", "gate", "M-02 Muster point Yard", "area-yard", "muster-yard", (335, 180), "site",
         "both", GATE),
    Door("portal-office", "turnstile", "D-0201 Office entrance", "area-landside", "room-office-lobby", (40, -85),
         "office-0", "both", BUILDING),
    Door("portal-office-yard", "door", "D-0202 Office to yard", "area-yard", "room-office-0", (140, -72), "office-0",
         "both", BUILDING),
    Door("portal-lobby", "door", "D-0203 Lobby", "room-office-lobby", "room-office-0", (70, -72), "office-0", "none"),
    Door("portal-canteen", "door", "Canteen", "room-office-0", "room-canteen", (90, -70), "office-0", "none"),
    Door("portal-visitors", "door", "Visitors", "room-office-0", "room-visitors", (80, -75), "office-0", "none"),
    Door("portal-mail", "door", "Mail", "room-office-0", "room-mail", (100, -75), "office-0", "none"),
    Door("portal-office-01", "door", "Stairs 0-1", "room-office-0", "room-office-1", (135, -72), "office-0", "none",
         "", FLOOR_M / 2, "cycle_s=12 egress_path"),
    Door("portal-office-12", "elevator", "Lift 1-2", "room-office-1", "room-office-2", (132, -72), "office-1", "none",
         "", 1.5 * FLOOR_M, "cycle_s=20"),
    Door("portal-hr", "door", "D-0211 Personnel", "room-office-1", "room-hr", (60, -75), "office-1", "both", BUILDING,
         FLOOR_M),
    Door("portal-finance", "door", "Finance", "room-office-1", "room-finance", (80, -75), "office-1", "none", "",
         FLOOR_M),
    Door("portal-planning", "door", "Planning", "room-office-1", "room-planning", (90, -70), "office-1", "none", "",
         FLOOR_M),
    Door("portal-meeting-1", "door", "Meeting 1", "room-office-1", "room-meeting-1", (110, -75), "office-1", "none",
         "", FLOOR_M),
    Door("portal-it", "door", "IT office", "room-office-2", "room-it", (60, -75), "office-2", "none", "", 2 * FLOOR_M),
    Door("portal-server", "mantrap", "D-0221 Server room", "room-office-2", "room-server", (80, -75), "office-2",
         "both", BUILDING, 2 * FLOOR_M, "antipassback=hard cycle_s=10"),
    Door("portal-management", "door", "Management", "room-office-2", "room-management", (90, -70), "office-2", "none",
         "", 2 * FLOOR_M),
    Door("portal-meeting-2", "door", "Meeting 2", "room-office-2", "room-meeting-2", (110, -75), "office-2", "none",
         "", 2 * FLOOR_M),
    Door("portal-ops", "door", "D-0301 Operations south", "area-yard", "room-ops-0", (200, 70), "ops-0", "both", PLANT,
         0, "egress_path"),
    Door("portal-ops-quay", "door", "D-0302 Operations north", "area-yard", "room-ops-0", (300, 70), "ops-0", "both",
         PLANT, 0, "egress_path"),
    Door("portal-changing", "door", "Changing", "room-ops-0", "room-changing", (215, 68), "ops-0", "none"),
    Door("portal-workshop", "door", "Workshop", "room-ops-0", "room-workshop", (250, 68), "ops-0", "none"),
    Door("portal-ops-canteen", "door", "Canteen E", "room-ops-0", "room-ops-canteen", (220, 72), "ops-0", "none"),
    Door("portal-ot-store", "cage", "D-0311 OT spares", "room-ops-0", "room-ot-store", (250, 72), "ops-0", "both",
         PLANT),
    Door("portal-ops-01", "door", "Stairs E-F", "room-ops-0", "room-ops-1", (295, 70), "ops-0", "none", "",
         FLOOR_M / 2, "cycle_s=12 egress_path"),
    Door("portal-control", "door", "D-0321 Control room", "room-ops-1", "room-control", (225, 68), "ops-1", "both",
         PLANT, FLOOR_M, "egress_path"),
    Door("portal-engineering", "door", "D-0322 Engineering", "room-ops-1", "room-engineering", (265, 68), "ops-1",
         "both", PLANT, FLOOR_M),
    Door("portal-ot-servers", "door", "D-0323 OT server room", "room-ops-1", "room-ot-servers", (212, 72), "ops-1",
         "both", PLANT, FLOOR_M, "antipassback=hard"),
    Door("portal-cctv", "door", "D-0324 CCTV room", "room-ops-1", "room-cctv", (237, 72), "ops-1", "both", PLANT,
         FLOOR_M),
    Door("portal-gatehouse", "door", "D-0104 Gatehouse", "area-yard", "room-gatehouse", (417, 12), "site", "both",
         GATE),
    Door("portal-quay", "gate", "D-0401 Quay gate west", "area-yard", "area-quay", (200, 400), "site", "both",
         "asset-dc-quay"),
    Door("portal-quay-2", "gate", "D-0402 Quay gate east", "area-yard", "area-quay", (700, 400), "site", "both",
         "asset-dc-quay"),
    Door("portal-reefer", "gate", "D-0403 Reefer gate", "area-yard", "area-reefer", (600, 100), "site", "both",
         "asset-dc-quay"),
    Door("portal-reefer-power", "door", "D-0404 Reefer power house", "area-reefer", "room-reefer-power", (618, 82),
         "site", "both", "asset-dc-quay"),
    Door("portal-substation", "gate", "D-0501 Substation fence", "area-yard", "area-substation", (100, 340), "site",
         "both", "asset-dc-substation"),
    Door("portal-substation-room", "door", "D-0502 Substation control", "area-substation", "room-substation",
         (50, 335), "site", "both", "asset-dc-substation"),
    *(
        door
        for k in CRANES
        for door in (
            Door(f"portal-crane-{k}", "door", f"D-06{k}1 Crane {k} electrical room", "area-quay", f"room-crane-{k}",
                 (130 * k - 3, 420), "site", "both", "asset-dc-cranes", 6.0, "cycle_s=5"),
            Door(f"portal-cab-{k}", "elevator", f"D-06{k}2 Crane {k} lift", "area-quay", f"room-cab-{k}",
                 (130 * k, 440), "site", "both", "asset-dc-cranes", 19.0, "cycle_s=40"),
        )
    ),
    Door("portal-depot", "gate", "D-0901 Depot gate", "area-depot-road", "area-depot", (100, 0), "depot", "both",
         "asset-dc-depot"),
    Door("portal-depot-office", "door", "D-0902 Depot office", "area-depot", "room-depot", (30, 32), "depot", "both",
         "asset-dc-depot"),
)  # fmt: skip
"""All portals."""

ZONES: tuple[ZoneRow, ...] = (
    ZoneRow("zone-outside", "Outside the fence", "external"),
    ZoneRow(OFFICE, "Office building", "restricted", "", 4, 1, ("10.20.0.0/16",), "", (), True),
    ZoneRow("zone-hr", "Personnel", "restricted", OFFICE, None, 2, (), "hr"),
    ZoneRow("zone-server", "Server room", "critical", OFFICE, 4, 3, ("10.21.0.0/24",), "server", (), False, True),
    ZoneRow("zone-yard", "Container yard", "restricted", "", None, 1, (), "", ("yard-safety",)),
    ZoneRow(OPS, "Operations building", "restricted", "zone-yard", 3, 2, ("10.40.1.0/24",), "", (), True),
    ZoneRow("zone-ot-store", "OT spares", "restricted", OPS, None, 2, (), "ot"),
    ZoneRow("zone-control", "Control room", "critical", OPS, 2, 3, ("10.40.10.0/24",), "control", (), False, True),
    ZoneRow("zone-engineering", "Engineering", "critical", OPS, 3, 3, ("10.40.20.0/24",), "ot"),
    ZoneRow("zone-ot-servers", "OT server room", "critical", OPS, 3, 3, ("10.40.30.0/24",), "ot", (), False, True),
    ZoneRow("zone-guard", "Gatehouse", "restricted", "zone-yard", None, 2, (), "guard"),
    ZoneRow("zone-guard-cctv", "CCTV room", "restricted", OPS, None, 3, ("10.50.0.0/16",), "guard"),
    ZoneRow("zone-quay", "Quay", "restricted", "zone-yard", None, 2, (), "", ("yard-safety", "quay-safety")),
    *(
        ZoneRow(f"zone-crane-{k}", f"Crane {k}", "critical", "zone-quay", 1, 3, (f"10.41.{k}.0/24",), "crane",
                ("crane-access",))
        for k in CRANES
    ),
    ZoneRow("zone-reefer", "Reefer stacks", "restricted", "zone-yard", None, 1, (), "", ("reefer",)),
    ZoneRow("zone-reefer-power", "Reefer power", "critical", "zone-reefer", 1, 3, ("10.42.10.0/24",), "ot",
            ("high-voltage",)),
    ZoneRow("zone-substation", "Substation", "critical", "zone-yard", None, 3, (), "substation", ("high-voltage",)),
    ZoneRow("zone-substation-room", "Substation control", "critical", "zone-substation", 1, 4, ("10.42.0.0/24",),
            "substation", ("high-voltage",), False, True),
    ZoneRow("zone-bms", "Building automation", "restricted", "", 2, 2, ("10.43.0.0/16",)),
    ZoneRow("zone-dmz", "OT demilitarised zone", "transitional", "", 3.5, 3, ("10.30.0.0/24",)),
    ZoneRow("zone-depot-road", "Outside the depot", "external"),
    ZoneRow("zone-depot", "Inland depot", "restricted", "", 4, 1, ("10.70.0.0/16",)),
    ZoneRow("zone-depot-office", "Depot office", "restricted", "zone-depot", None, 1),
)  # fmt: skip
"""All zones."""

CONDUITS = (
    ("conduit-office-dmz", OFFICE, "zone-dmz", ("fw-it: rule 20",)),
    ("conduit-dmz-ops", "zone-dmz", OPS, ("fw-ot: rule 4",)),
    ("conduit-control-cranes", "zone-control", "zone-quay", ("fw-ot: rule 7", "portal-quay")),
    ("conduit-engineering-cranes", "zone-engineering", "zone-quay", ("fw-ot: rule 8",)),
    ("conduit-control-substation", "zone-control", "zone-substation", ("fw-ot: rule 9", "portal-substation")),
    ("conduit-office-bms", OFFICE, "zone-bms", ("fw-it: rule 31",)),
)


def plans(cameras: dict[str, tuple[str, tuple[float, float], tuple[str, ...]]]) -> dict[str, dict[str, Any]]:
    """GeoJSON documents by the stem of their file.

    Args:
        cameras: uid -> file, point, uids covered.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for site, (longitude, latitude) in LOCATED.items():
        properties: dict[str, Any] = {"kind": "site", "uid": site, "name": site.removeprefix("site-").title()}
        properties["grid"] = {"origin": [longitude, latitude], "rotation_deg": 0}
        geometry: dict[str, Any] = {"type": "Point", "coordinates": [longitude, latitude]}
        found.setdefault("site" if site == HARBOUR else "depot", []).append(_feature(properties, geometry))
    for spot in PLACES:
        properties = {"kind": spot.kind, "uid": spot.uid, "name": spot.name, "parent": spot.parent}
        properties |= {"zone": spot.zone} if spot.zone else {}
        properties |= {"elevation_m": spot.floor} if spot.floor else {}
        x0, y0, x1, y1 = spot.box
        ring = [[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]]
        found.setdefault(spot.plan, []).append(_feature(properties, {"type": "Polygon", "coordinates": [ring]}))
    for door in PORTALS:
        found.setdefault(door.plan, []).append(_feature(_portal(door), {"type": "Point", "coordinates": list(door.at)}))
    for uid, (plan, point, covers) in cameras.items():
        properties = {"kind": "camera", "uid": uid, "covers": list(covers)}
        found.setdefault(plan, []).append(_feature(properties, {"type": "Point", "coordinates": list(point)}))
    return {stem: {"type": "FeatureCollection", "features": features} for stem, features in found.items()}


def _feature(properties: dict[str, Any], geometry: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def _portal(door: Door) -> dict[str, Any]:
    sides = {"both": ("in", "out"), "in": ("in",), "none": ()}[door.readers]
    stem = door.uid.removeprefix("portal-")
    properties: dict[str, Any] = {
        "kind": "portal", "uid": door.uid, "name": door.name, "type": door.kind, "outside": door.outside,
        "inside": door.inside, "readers": [{"uid": f"reader-{stem}-{side}", "side": side} for side in sides],
    }  # fmt: skip
    properties |= {"elevation_m": door.floor} if door.floor else {}
    if door.controller:
        properties["controller"] = door.controller
    if not sides:
        properties |= {"taken_capable": False, "free_egress": True}
    for flag in door.flags.split():
        key, _, value = flag.partition("=")
        properties[key] = True if not value else float(value) if key == "cycle_s" else value
    return properties


def zones_toml() -> str:
    """The text of places/zones.toml."""
    lines = ["# Zones and conduits: one vocabulary for doors and networks (IEC 62443-3-2)."]
    for zone in ZONES:
        lines += ["", "[[zone]]", f'uid = "{zone.uid}"', f'name = "{zone.name}"', f'kind = "{zone.kind}"']
        lines += [f'parent = "{zone.parent}"'] if zone.parent else []
        lines += [f"purdue = {zone.purdue}"] if zone.purdue is not None else []
        lines += [f"security_level = {zone.level}"] if zone.level else []
        lines += [f"networks = {_texts(zone.networks)}"] if zone.networks else []
        lines += [f'clearance = "{zone.clearance}"'] if zone.clearance else []
        lines += [f"training = {_texts(zone.training)}"] if zone.training else []
        lines += ["tailgate_prone = true"] if zone.tailgate else []
        lines += ["crown_jewel = true"] if zone.jewel else []
    for uid, source, target, via in CONDUITS:
        lines += ["", "[[conduit]]", f'uid = "{uid}"', f'source = "{source}"', f'target = "{target}"']
        lines += [f"via = {_texts(via)}"]
    return "\n".join(lines) + "\n"


def _texts(values: tuple[str, ...]) -> str:
    return "[" + ", ".join(f'"{value}"' for value in values) + "]"
