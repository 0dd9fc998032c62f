"""NetBox: devices, addresses, interfaces, sites and racks, as its REST API lists them or its tables are exported (CSV).

An object says how things are since its last change; where a record does not tell when that was, since it was received.
What is only planned, or not in use any more, was over with that change (`end_time`): the world learns no name of it.
"""

from __future__ import annotations

import re

import pyarrow as pa

from watchfloor.collect.convert import ip, local, real
from watchfloor.collect.mapping import Mapped, Record, event, maps
from watchfloor.ocsf.column import Column

FAMILIES = (
    (r"/api/(dcim/devices|virtualization/virtual-machines)/", "device"),
    (r"/api/ipam/ip-addresses/", "address"),
    (r"/api/(dcim/interfaces|dcim/mac-addresses|virtualization/interfaces)/", "interface"),
    (r"/api/dcim/(sites|locations|racks)/", "place"),
)
"""Address of an object in the API -> family."""

LIVE = frozenset(("active", "online", "offline", "staged", "failed", "slaac", "connected"))
"""Status of an object whose names mean it; planned, inventory, decommissioning, reserved, deprecated, dhcp are none."""

COLLECT, OTHER = 2, 99


def classify(r: Record) -> Column:
    """By the object's address in the API, a row of a table by its columns; one batch may hold several tables."""
    listed = r.read("url").map(lambda url: next((name for pattern, name in FAMILIES if re.search(pattern, url)), None))
    tables = (("VRF", "address"), ("Manufacturer", "device"), ("Facility", "place"), ("Height", "place"))
    by_column = [r.constant(family).where(r.read(column).present) for column, family in tables]
    return listed.coalesce(*by_column, r.constant("other"))


@maps("device")
def device(r: Record) -> Mapped:
    """A thing, its names and where it stands."""
    address = _of(r, "primary_ip.address", "IP Address", "IPv4 Address", "IPv6 Address").coalesce(
        _of(r, "primary_ip4.address", "primary_ip6.address")
    )
    return event(
        "inventory_info",
        {
            **_shared(r),
            "device.uid": _of(r, "id", "ID"),
            "device.name": _of(r, "name", "Name"),
            "device.ip": _bare(address),
            "device.hw_info.serial_number": _of(r, "serial", "Serial number", "Serial Number"),
            "device.vendor_name": _of(r, "device_type.manufacturer.name", "Manufacturer"),
            "device.model": _of(r, "device_type.model", "Type"),
            "device.type_id": OTHER,
            "device.type": _of(r, "role.name", "device_role.name", "Role", "Device Role"),
            "place.site": _of(r, "site.name", "Site"),
            "place.room": _of(r, "location.name", "Location"),
        },
    )


@maps("address")
def address(r: Record) -> Mapped:
    """An address and what it is assigned to; in a network of its own (VRF) it is somebody else's as well."""
    vrf = _of(r, "vrf.name", "VRF", take=False)
    strange = vrf.map(lambda name: None if name in r.settings["vrfs"] else name).present
    return event(
        "inventory_info",
        {
            **_shared(r),
            "device.ip": _bare(_of(r, "address", "IP Address", take=False)).where(~strange),
            "device.name": _of(
                r, "assigned_object.device.name", "assigned_object.virtual_machine.name", "Device/VM", "Parent"
            ),
            "device.hostname": _of(r, "dns_name", "DNS Name"),
            "device.interface_name": _of(r, "assigned_object.name", "Interface"),
        },
    )


@maps("interface")
def interface(r: Record) -> Mapped:
    """A hardware address and whose it is."""
    named = _of(r, "device.name", "virtual_machine.name", "assigned_object.device.name")
    return event(
        "inventory_info",
        {
            **_shared(r),
            "device.mac": r.take("mac_address", real),
            "device.name": named,
            "device.interface_name": _of(r, "name", "assigned_object.name"),
        },
    )


@maps("place")
def place(r: Record) -> Mapped:
    """Where things stand; the estate draws its own places, so nothing is learnt of it."""
    rack = r.read("url").map(lambda url: url if "/racks/" in url else None).coalesce(r.read("Height"))
    name = _of(r, "name", "Name")
    return event(
        "base_event",
        {
            **_shared(r),
            "activity_id": OTHER,
            "place.name": name,
            "place.site": _of(r, "site.name", "Site").coalesce(name.where(~rack.present)),
            "place.room": _of(r, "location.name", "Location"),
        },
    )


@maps("other")
def other(r: Record) -> Mapped:
    """Any other object."""
    return event("base_event", {**_shared(r), "activity_id": OTHER, "message": r.take("display")})


def _shared(r: Record) -> dict[str, Column | int]:
    written = _of(r, "last_updated", "Last updated", "Last Updated", "created", "Created", take=False)
    since = local(r.settings["timezone"])(written)
    status = _of(r, "status.value", "Status").map(str.lower)
    over = status.map(lambda word: None if word in LIVE else word).present
    return {
        "time": since,
        "end_time": since.coalesce(r.received).where(over),
        "metadata.original_time": written,
        "activity_id": COLLECT,
        "severity_id": 1,
        "status": status,
        "status_id": OTHER,
    }


def _of(r: Record, *names: str, take: bool = True) -> Column:
    """Per row the first of these that says something."""
    columns = [(r.take(name) if take else r.read(name)).text() for name in names]
    return real(columns[0].coalesce(*columns[1:])).without("—")


def _bare(address: Column) -> Column:
    """Without the length of its network."""
    return ip(address.map(lambda text: text.partition("/")[0], pa.string()))
