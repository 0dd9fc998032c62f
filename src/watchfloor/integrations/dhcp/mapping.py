"""DHCP servers: what ISC dhcpd, Kea and dnsmasq write of each exchange (RFC 2131, table 2).

An acknowledged lease says which hardware had an address from then on; the world learns that as an alias. dhcpd and
dnsmasq do not say for how long, Kea does.
"""

from __future__ import annotations

from watchfloor.collect.convert import integer, ip, iso, local, matching, yearless
from watchfloor.collect.mapping import Mapped, Record, event, maps
from watchfloor.ocsf.column import Column

ACTIVITY = {
    "DHCPDISCOVER": 1,
    "DHCPOFFER": 2,
    "DHCPREQUEST": 3,
    "DHCPDECLINE": 4,
    "DHCPACK": 5,
    "DHCPNAK": 6,
    "DHCPRELEASE": 7,
    "DHCPINFORM": 8,
    "DHCP4_LEASE_ADVERT": 2,
    "DHCP4_LEASE_OFFER": 2,
    "DHCP4_LEASE_ALLOC": 5,
    "DHCP4_RELEASE": 7,
}
"""Message type, or Kea's message id -> activity_id."""

ADDRESS = r"\d{1,3}(?:\.\d{1,3}){3}"
HARDWARE = r"[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}"

KIND = r"\b(DHCP(?:DISCOVER|OFFER|REQUEST|DECLINE|ACK|NAK|RELEASE|INFORM)|DHCP4_[A-Z_]+)\b"
CLIENT = rf"\b(?:on|for|of|lease|address|from|DHCP[A-Z]+\([^)]*\)) ({ADDRESS})\b"
MAC = rf"\b({HARDWARE})\b"
SERVER = rf"\bDHCPREQUEST for \S+ \(({ADDRESS})\)"
HOST = rf"(?:{HARDWARE} \(([^)]+)\)|DHCP[A-Z]+\([^)]*\) {ADDRESS} {HARDWARE} (\S+))"
LASTS = r"\bfor (\d+) seconds"
TRANSACTION = r"\btid=(0x[0-9a-fA-F]+)"
VIA = r"(?: via ([^\s:]+)|DHCP[A-Z]+\(([^)]+)\))"
"""The server's interface, or the address of the relay that the client's message came by."""

TIME = r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?) "


def classify(r: Record) -> Column:
    """A message that names a client, by address or by hardware, is an exchange."""
    text = r.read("message")
    about = matching(CLIENT)(text).coalesce(matching(MAC)(text))
    kind = matching(KIND)(text)
    return kind.zip(about, lambda name, who: "lease" if name in ACTIVITY and who else None)


@maps("lease")
def lease(r: Record) -> Mapped:
    """One message between a server and a client."""
    text = r.read("message")
    kind = matching(KIND)(text)
    address, mac = ip(matching(CLIENT)(text)), matching(MAC)(text)
    via = matching(VIA, 1)(text).coalesce(matching(VIA, 2)(text))
    relay = ip(via)
    given = kind.zip(address, lambda name, value: [value] if value and ACTIVITY[name] == 5 else None)
    return event(
        "dhcp_activity",
        {
            **_shared(r),
            "activity_id": kind.replace(ACTIVITY),
            "src_endpoint.ip": address,
            "src_endpoint.mac": mac,
            "src_endpoint.hostname": matching(HOST, 1)(text).coalesce(matching(HOST, 2)(text)),
            "src_endpoint.intermediate_ips": given,
            "src_endpoint.interface_name": via.where(~relay.present),
            "relay.ip": relay,
            "dst_endpoint.hostname": r.read("hostname"),
            "dst_endpoint.ip": ip(matching(SERVER)(text)),
            "lease_dur": integer(matching(LASTS)(text)),
            "transaction_uid": matching(TRANSACTION)(text),
        },
    )


@maps("other")
def other(r: Record) -> Mapped:
    """Anything else the server has to say."""
    return event("base_event", {**_shared(r), "activity_id": 99})


def _shared(r: Record) -> dict[str, Column]:
    text = r.take("message")
    stamp, server = r.read("timestamp"), r.take("hostname")
    own = local(r.settings["timezone"])(matching(TIME)(text))
    return {
        "time": iso(stamp).coalesce(yearless(r.received)(stamp)).coalesce(own),
        "metadata.original_time": stamp.coalesce(matching(TIME)(text)),
        "metadata.event_code": matching(KIND)(text),
        "severity_id": Column.constant(1, len(r)),
        "message": text,
        "device.hostname": server,
        "device.type_id": server.map(lambda _: 1),
    }
