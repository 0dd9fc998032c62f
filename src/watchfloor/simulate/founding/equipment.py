"""Invented equipment: computers, controllers, cameras and what they depend on, from tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from watchfloor.simulate.founding.ground import CRANES, PORTALS
from watchfloor.simulate.founding.staff import ROLES, Staff

__all__ = ["FIXED", "POINTS", "Thing", "cameras", "equipment", "equipment_csv"]


class Thing(NamedTuple):
    """One row of assets.csv."""

    uid: str
    kind: str
    name: str
    vendor: str = ""
    model: str = ""
    place: str = ""
    zone: str = ""
    purdue: str = ""
    criticality: int = 0
    owner: str = ""
    hostname: str = ""
    ip: str = ""
    mac: str = ""
    serial: str = ""
    infrastructure: str = ""
    part_of: str = ""


FIXED: tuple[Thing, ...] = (
    Thing("asset-sw-office", "switch", "SW-OFFICE", "Example Networks", "X48", "room-server", "", "4", 2, "",
          "sw-office", "10.21.0.2"),
    Thing("asset-sw-ops", "switch", "SW-OPS", "Example Networks", "X24", "room-ot-servers", "", "3", 3, "", "sw-ops",
          "10.40.30.2"),
    Thing("asset-sw-security", "switch", "SW-SEC", "Example Networks", "X48P", "room-cctv", "", "3", 3, "", "sw-sec",
          "10.50.0.2"),
    Thing("asset-sw-gate", "switch", "SW-GATE", "Example Networks", "X8P", "room-gatehouse", "", "3", 2, "", "sw-gate",
          "10.50.0.3"),
    Thing("asset-fw-it", "firewall", "FW-IT", "Example Networks", "F100", "room-server", "", "4", 3, "", "fw-it",
          "10.21.0.1"),
    Thing("asset-fw-ot", "firewall", "FW-OT", "Example Networks", "F100", "room-ot-servers", "", "3.5", 4, "", "fw-ot",
          "10.40.30.1"),
    Thing("asset-dc-01", "server", "DC-01", "", "", "room-server", "", "4", 4, "", "dc-01", "10.21.0.10"),
    Thing("asset-file-01", "server", "FILE-01", "", "", "room-server", "", "4", 3, "", "file-01", "10.21.0.11"),
    Thing("asset-proxy", "server", "PROXY-01", "", "", "room-server", "", "4", 2, "", "proxy-01", "10.21.0.12"),
    Thing("asset-vpn", "server", "VPN-01", "", "", "room-server", "", "4", 3, "", "vpn-01", "10.21.0.13"),
    Thing("asset-erp", "server", "ERP-01", "", "", "room-server", "", "4", 3, "", "erp-01", "10.21.0.14"),
    Thing("asset-wsus", "server", "WSUS-01", "", "", "room-server", "", "4", 1, "", "wsus-01", "10.21.0.15"),
    Thing("asset-jump", "server", "JUMP-01", "", "", "room-ot-servers", "zone-dmz", "3.5", 4, "", "jump-01",
          "10.30.0.10"),
    Thing("asset-historian", "server", "HIST-01", "", "", "room-ot-servers", "", "3", 3, "", "hist-01", "10.40.30.10"),
    Thing("asset-scada", "server", "SCADA-01", "", "", "room-ot-servers", "", "2", 4, "", "scada-01", "10.40.30.11"),
    Thing("asset-ot-backup", "server", "OTBAK-01", "", "", "room-ot-servers", "", "3", 3, "", "otbak-01",
          "10.40.30.12"),
    Thing("asset-hmi-1", "hmi", "HMI-01", "Siemens", "Comfort", "room-control", "", "2", 4, "", "hmi-01",
          "10.40.10.11"),
    Thing("asset-hmi-2", "hmi", "HMI-02", "Siemens", "Comfort", "room-control", "", "2", 4, "", "hmi-02",
          "10.40.10.12"),
    Thing("asset-hmi-3", "hmi", "HMI-03", "Siemens", "Comfort", "room-control", "", "2", 4, "", "hmi-03",
          "10.40.10.13"),
    Thing("asset-ews-1", "engineering_station", "EWS-01", "", "", "room-engineering", "", "3", 4, "", "ews-01",
          "10.40.20.11"),
    Thing("asset-ews-2", "engineering_station", "EWS-02", "", "", "room-engineering", "", "3", 4, "", "ews-02",
          "10.40.20.12"),
    Thing("asset-plc-reefer", "plc", "PLC-REEFER", "Schneider", "M580", "room-reefer-power", "", "1", 3, "",
          "plc-reefer", "10.42.10.10", "", "EX-PLC-R1"),
    Thing("asset-rtu-substation", "rtu", "RTU-SUB", "Example Power", "R40", "room-substation", "", "1", 4, "",
          "rtu-sub", "10.42.0.10", "", "EX-RTU-1"),
    Thing("asset-relay-substation", "safety_controller", "REL-SUB", "Example Power", "P20", "room-substation", "", "1",
          4, "", "rel-sub", "10.42.0.11"),
    Thing("asset-hvac-server", "plc", "HVAC-SERVER-ROOM", "Example Air", "B200", "room-server", "zone-bms", "2", 3, "",
          "hvac-server", "10.43.0.11"),
    Thing("asset-hvac-office", "plc", "HVAC-OFFICE", "Example Air", "B200", "room-office-2", "zone-bms", "2", 1, "",
          "hvac-office", "10.43.0.12"),
    Thing("asset-hvac-ops", "plc", "HVAC-OPS", "Example Air", "B200", "room-ops-1", "zone-bms", "2", 2, "", "hvac-ops",
          "10.43.0.13"),
    Thing("asset-bms", "server", "BMS-01", "Example Air", "", "room-server", "zone-bms", "2", 3, "", "bms-01",
          "10.43.0.10"),
    Thing("asset-recorder", "recorder", "NVR-01", "Example Vision", "N64", "room-cctv", "", "3", 3, "", "nvr-01",
          "10.50.0.10", "", "", "asset-sw-security"),
    Thing("asset-acs", "server", "ACS-01", "", "", "room-cctv", "", "3", 3, "", "acs-01", "10.50.0.11", "", "",
          "asset-sw-security"),
    Thing("asset-dc-gate", "door_controller", "PANEL-1", "Example Access", "LP4", "room-gatehouse", "", "3", 3, "",
          "panel-1", "10.50.2.1", "", "EX-DC-1", "asset-sw-gate"),
    Thing("asset-dc-office", "door_controller", "PANEL-2", "Example Access", "LP4", "room-server", "", "3", 3, "",
          "panel-2", "10.50.2.2", "", "EX-DC-2", "asset-sw-office"),
    Thing("asset-dc-ops", "door_controller", "PANEL-3", "Example Access", "LP4", "room-cctv", "", "3", 3, "",
          "panel-3", "10.50.2.3", "", "EX-DC-3", "asset-sw-security"),
    Thing("asset-dc-quay", "door_controller", "PANEL-4", "Example Access", "LP4", "area-quay", "", "3", 2, "",
          "panel-4", "10.50.2.4", "", "EX-DC-4", "asset-sw-security"),
    Thing("asset-dc-substation", "door_controller", "PANEL-5", "Example Access", "LP2", "room-substation", "", "3", 3,
          "", "panel-5", "10.50.2.5", "", "EX-DC-5", "asset-sw-security"),
    Thing("asset-dc-cranes", "door_controller", "PANEL-6", "Example Access", "LP4", "room-crane-1", "", "3", 3, "",
          "panel-6", "10.50.2.6", "", "EX-DC-6", "asset-sw-security"),
    Thing("asset-dc-depot", "door_controller", "PANEL-9", "Example Access", "LP2", "room-depot", "", "3", 2, "",
          "panel-9", "10.70.2.1", "", "EX-DC-9"),
    Thing("asset-panel-substation", "panel", "IDP-SUB", "Example Alarm", "A8", "room-substation", "", "3", 3, "", "",
          "10.50.3.1", "", "5A1"),
    Thing("asset-panel-fire", "panel", "FIRE-01", "Example Alarm", "F16", "room-gatehouse", "", "", 4, "", "",
          "10.50.3.2", "", "5A2"),
    Thing("asset-drone-radar", "sensor", "AIR-01", "Example Sky", "S3", "area-substation", "", "", 2, "", "air-01",
          "10.50.4.1"),
    Thing("asset-disk-7", "sensor", "DISK-SHELF-7", "", "", "room-server", "", "", 4, "", "", "", "", "EX-DISK-7"),
)  # fmt: skip
"""Everything that is there once."""

POINTS: Mapping[str, tuple[str, ...]] = {
    "asset-panel-fire": (
        "building-office", "building-ops", "area-quay", "area-yard", "room-gatehouse", "room-control", "room-visitors",
        "room-office-lobby", "room-server", "room-ot-servers",
    ),
    "asset-panel-substation": ("area-substation", "room-substation"),
}  # fmt: skip
"""Panel -> the places that its points watch, by number."""

WATCHED: tuple[tuple[str, str, tuple[float, float], tuple[str, ...]], ...] = (
    ("gate", "site", (420, -4), ("portal-gate", "portal-gate-2")),
    ("vehicles", "site", (444, -4), ("portal-vehicles",)),
    ("lobby", "office-0", (44, -84), ("portal-office", "room-office-lobby")),
    ("office-yard", "office-0", (138, -71), ("portal-office-yard",)),
    ("server", "office-2", (82, -78), ("portal-server", "room-server")),
    ("ops-south", "ops-0", (202, 70), ("portal-ops",)),
    ("ops-north", "ops-0", (298, 70), ("portal-ops-quay",)),
    ("control", "ops-1", (226, 66), ("portal-control", "room-control")),
    ("engineering", "ops-1", (266, 66), ("portal-engineering", "room-engineering")),
    ("ot-servers", "ops-1", (213, 74), ("portal-ot-servers", "room-ot-servers")),
    ("quay-west", "site", (204, 404), ("portal-quay", "area-quay")),
    ("quay-east", "site", (704, 404), ("portal-quay-2", "area-quay")),
    ("reefer", "site", (604, 100), ("portal-reefer", "area-reefer")),
    ("substation", "site", (98, 344), ("portal-substation", "area-substation")),
    ("substation-room", "site", (52, 333), ("portal-substation-room", "room-substation")),
    *((f"crane-{k}", "site", (130.0 * k, 422.0), (f"portal-crane-{k}", f"room-crane-{k}")) for k in CRANES),
    ("depot", "depot", (102, 3), ("portal-depot",)),
)


def cameras() -> dict[str, tuple[str, tuple[float, float], tuple[str, ...]]]:
    """Cameras for the floor plans: uid -> file, point, what they see."""
    return {f"asset-cam-{name}": (plan, point, covers) for name, plan, point, covers in WATCHED}


def equipment(crew: Staff) -> Iterator[Thing]:
    """All assets: those that are there once, cranes, cameras, vehicles, and a computer for each who has an account."""
    yield from FIXED
    for k in CRANES:
        zone, room = f"zone-crane-{k}", f"room-crane-{k}"
        yield Thing(f"asset-crane-{k}", "crane", f"STS-{k}", "Example Cranes", "S65", "area-quay", zone, "0", 4)
        yield Thing(
            f"asset-plc-crane-{k}", "plc", f"PLC-STS-{k}", "Siemens", "S7-1500", room, zone, "1", 4, "",
            f"plc-sts-{k}", f"10.41.{k}.10", f"02:41:00:00:0{k}:10", f"EX-PLC-{k}", part_of=f"asset-crane-{k}",
        )  # fmt: skip
        yield Thing(
            f"asset-hmi-crane-{k}", "hmi", f"HMI-STS-{k}", "Siemens", "Comfort", f"room-cab-{k}", zone, "2", 3, "",
            f"hmi-sts-{k}", f"10.41.{k}.20", part_of=f"asset-crane-{k}",
        )  # fmt: skip
    before = {door.uid: door.outside if door.plan == "site" else door.inside for door in PORTALS}
    for number, (name, _, _, covers) in enumerate(WATCHED, 1):
        switch = "asset-sw-gate" if name in ("gate", "vehicles") else "asset-sw-security"
        place = next((one for one in covers if not one.startswith("portal-")), before.get(covers[0], ""))
        yield Thing(
            f"asset-cam-{name}", "camera", f"CAM-{number:02d}", "Example Vision", "D5", place, "zone-guard-cctv", "3",
            2, "", f"cam-{number:02d}", f"10.50.1.{number}", f"02:50:00:00:01:{number:02x}", "", switch,
        )  # fmt: skip
    for number in range(1, 21):
        yield Thing(f"asset-straddle-{number}", "vehicle", f"SC-{number:02d}", "Example Cranes", "V4", "area-yard")
    number = 0
    for member in crew.members:
        if not member.account:
            continue
        number += 1
        role = ROLES[member.role]
        desk = role.work[0] if role.work[0].startswith("room-") else role.base
        high, low = divmod(number + 255, 250)
        yield Thing(
            f"asset-lt-{number:05d}", "host", f"LT-{number:05d}", "Example Computers", "E14", desk, "zone-office", "4",
            1, member.uid, f"lt-{number:05d}", f"10.20.{high}.{low + 2}", f"02:20:00:{number >> 16:02x}:"
            f"{number >> 8 & 255:02x}:{number & 255:02x}", f"EX-LT-{number:05d}", "asset-sw-office",
        )  # fmt: skip


def equipment_csv(crew: Staff) -> Iterator[tuple[object, ...]]:
    """Rows of assets/assets.csv, header first."""
    yield Thing._fields
    yield from equipment(crew)
