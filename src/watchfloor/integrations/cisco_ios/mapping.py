"""Cisco IOS, IOS XE and NX-OS: syslog messages of the form `%FACILITY-SEVERITY-MNEMONIC: text`.

The message stays whole in `message`: SigmaHQ's rules for these devices search it for words.
"""

from __future__ import annotations

from watchfloor.collect.convert import ip, iso, matching, yearless
from watchfloor.collect.mapping import Mapped, Record, event, maps
from watchfloor.ocsf.column import Column

MNEMONIC = r"%([A-Z0-9_]+-(?:[A-Z0-9_]+-)?[0-7]-[A-Z0-9_]+)"
FAMILIES = {
    "SEC_LOGIN-5-LOGIN_SUCCESS": "login",
    "SEC_LOGIN-4-LOGIN_FAILED": "login",
    "PARSER-5-CFGLOG_LOGGEDCMD": "command",
    "SYS-5-CONFIG_I": "command",
    **{
        f"{facility}-5-{verdict}": "port"
        for facility in ("DOT1X", "MAB", "AUTHMGR", "SESSION_MGR")
        for verdict in ("SUCCESS", "FAIL")
    },
}
EAP, RADIUS = 9, 10
PROTOCOL = {"DOT1X": EAP, "MAB": RADIUS}
"""Facility -> auth_protocol_id: 802.1X carries EAP, MAC authentication bypass asks the RADIUS server."""
SEVERITY = {"0": 6, "1": 5, "2": 5, "3": 4, "4": 3, "5": 2, "6": 1, "7": 1}
"""Syslog severity (RFC 5424, table 2) -> OCSF severity_id."""

TIME = r"\*?((?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) +\d{1,2} \d{2}:\d{2}:\d{2}(?:\.\d+)?)"


def classify(r: Record) -> Column:
    """By mnemonic."""
    return _mnemonic(r).replace(FAMILIES, "other")


@maps("login")
def login(r: Record) -> Mapped:
    """Somebody logged in, or tried to."""
    text = r.read("message")
    failed = _mnemonic(r).map(lambda name: 2 if name.endswith("FAILED") else 1)
    return event(
        "authentication",
        {
            **_shared(r),
            "activity_id": 1,
            "status_id": failed,
            "user.name": matching(r"\[user: ([^\]]*)\]")(text),
            "src_endpoint.ip": ip(matching(r"\[Source: ([^\]]*)\]")(text)),
            "dst_endpoint.hostname": r.read("hostname"),
            "status_detail": matching(r"\[Reason: ([^\]]*)\]")(text),
        },
    )


@maps("port")
def port(r: Record) -> Mapped:
    """A device came up at a port, and was let in by 802.1X or its address, or was not."""
    text, mnemonic = r.read("message"), _mnemonic(r)
    mac = matching(r"client \(([0-9A-Fa-f.:-]+)\)")(text)
    return event(
        "authentication",
        {
            **_shared(r),
            "activity_id": 1,
            "status_id": mnemonic.map(lambda name: 2 if name.endswith("FAIL") else 1),
            "auth_protocol_id": mnemonic.map(lambda name: PROTOCOL.get(name.partition("-")[0], 0)),
            "user.name": mac,
            "src_endpoint.uid": mac,
            "src_endpoint.mac": mac,
            "dst_endpoint.hostname": r.read("hostname"),
            "dst_endpoint.interface_name": matching(r"on Interface (\S+)")(text),
            "session.uid": matching(r"AuditSessionID (\S+)")(text),
        },
    )


@maps("command")
def command(r: Record) -> Mapped:
    """Somebody changed the configuration."""
    user = matching(r"(?:User: ?|by )(\S+)")(r.read("message"))
    return event("base_event", {**_shared(r), "activity_id": 99, "activity_name": "Configure", "actor.user.name": user})


@maps("other")
def other(r: Record) -> Mapped:
    """Anything else the device has to say."""
    return event("base_event", {**_shared(r), "activity_id": 99})


def _mnemonic(r: Record) -> Column:
    return matching(MNEMONIC)(r.read("app_name")).coalesce(matching(MNEMONIC)(r.read("message")))


def _shared(r: Record) -> dict[str, Column]:
    mnemonic = _mnemonic(r)
    text = r.take("message")
    stamp = r.read("timestamp").coalesce(matching(TIME)(text))
    sender = matching(r"^(\S+) \d+: ")(text)
    return {
        "time": yearless(r.received)(stamp).coalesce(iso(stamp)),
        "metadata.original_time": stamp,
        "metadata.event_code": mnemonic,
        "metadata.log_name": mnemonic.map(lambda name: name.partition("-")[0]),
        "severity_id": mnemonic.map(lambda name: SEVERITY[name.split("-")[-2]]),
        "message": text,
        "device.hostname": r.take("hostname").coalesce(sender),
        "device.ip": ip(sender),
        "device.type_id": Column.constant(12, len(r)),
    }
