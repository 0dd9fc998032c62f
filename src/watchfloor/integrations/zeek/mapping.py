"""Zeek logs to OCSF: TSV and JSON, Bro 2.4 to Zeek 7, and Corelight's additions where they are known.

Field names are Zeek's own (reference: docs.zeek.org, "Zeek Log Formats and Inspection"). The originator is the source
endpoint. What OCSF spells as Zeek does is taken and led back to by `detect/taxonomy/zeek.toml`; the rest is read and
stays under `unmapped` besides. `metadata.event_code` is the log's path; a JSON log that does not say it is told by the
fields that every record of that log has.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache, partial
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from watchfloor.collect.convert import basename, boolean, ip, iso, json, real, to, unix_s
from watchfloor.collect.mapping import Mapped, Record, event, maps
from watchfloor.collect.records import Records
from watchfloor.ocsf.column import Column

LOGS: tuple[tuple[str, frozenset[str]], ...] = tuple(
    (log, frozenset(names.split()))
    for log, names in (
        ("conn", "conn_state"),
        ("dns", "trans_id rejected"),
        ("dns", "trans_id AA"),
        ("http", "trans_depth request_body_len"),
        ("http", "trans_depth method"),
        ("smtp", "trans_depth helo"),
        ("smtp", "trans_depth last_reply"),
        ("ssl", "established resumed"),
        ("ssl", "established cipher"),
        ("ssh", "auth_attempts"),
        ("ssh", "kex_alg"),
        ("ssh", "client server"),
        ("kerberos", "request_type"),
        ("kerberos", "cipher client"),
        ("smb_files", "action name"),
        ("smb_mapping", "share_type"),
        ("dce_rpc", "operation endpoint"),
        ("dce_rpc", "operation named_pipe"),
        ("ntlm", "server_nb_computer_name"),
        ("ntlm", "username hostname success"),
        ("ntlm", "username domainname"),
        ("rdp", "security_protocol"),
        ("rdp", "cookie result"),
        ("radius", "username result"),
        ("ftp", "command reply_code"),
        ("ftp", "command user"),
        ("modbus_detailed", "modbus_detailed_link_id request_values"),
        ("modbus_mask_write_register", "and_mask or_mask"),
        ("dnp3_control", "trip_control_code execute_count"),
        ("s7comm_upload_download", "rosctr block_type"),
        ("s7comm", "rosctr_code function_code"),
        ("cip", "cip_service_code class_id"),
        ("bacnet", "bvlc_function pdu_service"),
        ("bacnet_property", "pdu_service instance_number property"),
        ("dnp3", "fc_request"),
        ("dnp3", "fc_reply"),
        ("modbus", "func"),
        ("tunnel", "tunnel_type"),
        ("snmp", "community"),
        ("snmp", "get_requests"),
        ("socks", "request_p"),
        ("sip", "call_id"),
        ("syslog", "facility severity message"),
        ("files", "fuid source"),
        ("x509", "certificate.serial"),
        ("dhcp", "msg_types"),
        ("dhcp", "mac trans_id"),
        ("notice", "note msg"),
        ("dpd", "analyzer failure_reason"),
        ("software", "software_type"),
        ("weird", "name notice"),
        ("known_services", "port_num port_proto"),
    )
)
"""Fields that only records of this log hold, in the order in which they are tried."""

FAMILY: Mapping[str, str] = {
    "conn": "conn", "dns": "dns", "http": "http", "ssl": "tls", "files": "file", "ssh": "ssh", "smb_files": "smb",
    "smb_mapping": "smb", "dce_rpc": "rpc", "kerberos": "kerberos", "ntlm": "logon", "radius": "logon", "rdp": "rdp",
    "dhcp": "dhcp", "ftp": "ftp", "smtp": "mail", "notice": "notice", "modbus": "ot", "dnp3": "ot",
    "modbus_detailed": "ot", "modbus_mask_write_register": "ot", "modbus_read_write_multiple_registers": "ot",
    "dnp3_control": "ot", "s7comm": "ot", "s7comm_upload_download": "ot", "cip": "ot", "bacnet": "ot",
    "bacnet_property": "ot", "opcua_binary": "ot",
}  # fmt: skip
"""Log path -> family. Any other log that names a connection is `session`."""

NEEDS: Mapping[str, tuple[frozenset[str], ...]] = {
    "file": (frozenset(("tx_hosts", "rx_hosts")), frozenset(("id.orig_h", "id.resp_h"))),
    "mail": (frozenset(("from",)), frozenset(("to",)), frozenset(("mailfrom",)), frozenset(("rcptto",))),
    "http": (frozenset(("method",)), frozenset(("status_code",)), frozenset(("uri",)), frozenset(("host",))),
    "dhcp": tuple(frozenset((name,)) for name in ("client_addr", "assigned_ip", "id.orig_h", "assigned_addr", "mac")),
}
"""What OCSF's class demands of a record: one of these sets, else it is `session` or `other`."""

UNDERSCORED: Mapping[str, str] = {f"id_{part}": f"id.{part}" for part in ("orig_h", "orig_p", "resp_h", "resp_p")}

STATE_ACTIVITY: Mapping[str, int] = {
    "SF": 2, "RSTO": 3, "RSTR": 3, "RSTOS0": 3, "RSTRH": 3, "S0": 4, "SH": 4, "SHR": 4, "REJ": 5, "S1": 6, "S2": 6,
    "S3": 6, "OTH": 6,
}  # fmt: skip
"""conn_state -> 2 closed, 3 reset, 4 failed (no answer), 5 refused, 6 seen in mid-stream."""

FAILED_STATES = frozenset(("S0", "SH", "SHR", "REJ", "RSTOS0", "RSTRH"))
"""Never established: both sides did not complete the handshake."""

PROTOCOLS: Mapping[str, int] = {"icmp": 1, "tcp": 6, "udp": 17, "icmp6": 58, "sctp": 132}

METHODS: Mapping[str, int] = {
    "CONNECT": 1, "DELETE": 2, "GET": 3, "HEAD": 4, "OPTIONS": 5, "POST": 6, "PUT": 7, "TRACE": 8, "PATCH": 9,
}  # fmt: skip

RCODES = frozenset((*range(12), *range(16, 26)))

SMB_ACTIONS: Mapping[str, int] = {"FILE_OPEN": 2, "PIPE_OPEN": 2, "PRINT_OPEN": 2}
SHARE_TYPES: Mapping[str, int] = {"DISK": 1, "PIPE": 2, "PRINT": 3}
FTP_COMMANDS: Mapping[str, int] = {
    "STOR": 1, "STOU": 1, "APPE": 1, "RETR": 2, "DELE": 4, "RMD": 4, "RNFR": 5, "RNTO": 5, "LIST": 6, "NLST": 6,
    "MLSD": 6,
}  # fmt: skip
DHCP_MESSAGES: Mapping[str, int] = {
    "DISCOVER": 1, "OFFER": 2, "REQUEST": 3, "DECLINE": 4, "ACK": 5, "NAK": 6, "RELEASE": 7, "INFORM": 8,
}  # fmt: skip

# -- commands of industrial protocols ---------------------------------------------------------------------------------

CLASSES: Mapping[str, tuple[int, int]] = {
    "identify": (1, 1), "read": (2, 1), "connect": (3, 1), "diagnostic": (4, 2), "write": (5, 3), "control": (6, 3),
    "time_set": (7, 3), "security": (8, 4), "operating_mode": (9, 4), "download_program": (10, 5), "firmware": (11, 6),
    "proprietary": (12, 3),
}  # fmt: skip
"""Command class -> activity_id, severity_id."""

MODBUS: Mapping[str, tuple[int, str]] = {
    "READ_COILS": (0x01, "read"), "READ_DISCRETE_INPUTS": (0x02, "read"), "READ_HOLDING_REGISTERS": (0x03, "read"),
    "READ_INPUT_REGISTERS": (0x04, "read"), "WRITE_SINGLE_COIL": (0x05, "write"),
    "WRITE_SINGLE_REGISTER": (0x06, "write"), "READ_EXCEPTION_STATUS": (0x07, "diagnostic"),
    "DIAGNOSTICS": (0x08, "diagnostic"), "PROGRAM_484": (0x09, "download_program"), "POLL_484": (0x0A, "proprietary"),
    "GET_COMM_EVENT_COUNTER": (0x0B, "diagnostic"), "GET_COMM_EVENT_LOG": (0x0C, "diagnostic"),
    "PROGRAM_584_984": (0x0D, "download_program"), "POLL_584_984": (0x0E, "proprietary"),
    "WRITE_MULTIPLE_COILS": (0x0F, "write"), "WRITE_MULTIPLE_REGISTERS": (0x10, "write"),
    "REPORT_SLAVE_ID": (0x11, "identify"), "PROGRAM_884_U84": (0x12, "download_program"),
    "RESET_COMM_LINK_884_U84": (0x13, "proprietary"), "READ_FILE_RECORD": (0x14, "read"),
    "WRITE_FILE_RECORD": (0x15, "write"), "MASK_WRITE_REGISTER": (0x16, "write"),
    "READ_WRITE_MULTIPLE_REGISTERS": (0x17, "write"), "READ_FIFO_QUEUE": (0x18, "read"),
    "PROGRAM_CONCEPT": (0x28, "download_program"), "MULTIPLE_FUNCTION_CODES": (0x29, "proprietary"),
    "ENCAP_INTERFACE_TRANSPORT": (0x2B, "identify"), "PROGRAM_UNITY": (0x5A, "download_program"),
    "FIRMWARE_REPLACEMENT": (0x7D, "firmware"), "PROGRAM_584_984_2": (0x7E, "download_program"),
    "REPORT_LOCAL_ADDRESS_MB": (0x7F, "proprietary"),
}  # fmt: skip
"""Names of Zeek's Modbus::function_codes -> function code, command class."""

MODBUS_NAMES: Mapping[int, str] = {code: name for name, (code, _) in MODBUS.items()}

DNP3: Mapping[str, tuple[int, str]] = {
    "CONFIRM": (0x00, "connect"), "READ": (0x01, "read"), "WRITE": (0x02, "write"), "SELECT": (0x03, "control"),
    "OPERATE": (0x04, "control"), "DIRECT_OPERATE": (0x05, "control"), "DIRECT_OPERATE_NR": (0x06, "control"),
    "IMMED_FREEZE": (0x07, "control"), "IMMED_FREEZE_NR": (0x08, "control"), "FREEZE_CLEAR": (0x09, "control"),
    "FREEZE_CLEAR_NR": (0x0A, "control"), "FREEZE_AT_TIME": (0x0B, "control"), "FREEZE_AT_TIME_NR": (0x0C, "control"),
    "COLD_RESTART": (0x0D, "operating_mode"), "WARM_RESTART": (0x0E, "operating_mode"),
    "INITIALIZE_DATA": (0x0F, "operating_mode"), "INITIALIZE_APPL": (0x10, "operating_mode"),
    "START_APPL": (0x11, "operating_mode"), "STOP_APPL": (0x12, "operating_mode"),
    "SAVE_CONFIG": (0x13, "download_program"), "ENABLE_UNSOLICITED": (0x14, "diagnostic"),
    "DISABLE_UNSOLICITED": (0x15, "diagnostic"), "ASSIGN_CLASS": (0x16, "diagnostic"),
    "DELAY_MEASURE": (0x17, "diagnostic"), "RECORD_CURRENT_TIME": (0x18, "time_set"), "OPEN_FILE": (0x19, "write"),
    "CLOSE_FILE": (0x1A, "read"), "DELETE_FILE": (0x1B, "write"), "GET_FILE_INFO": (0x1C, "read"),
    "AUTHENTICATE_FILE": (0x1D, "write"), "ABORT_FILE": (0x1E, "write"), "ACTIVATE_CONFIG": (0x1F, "download_program"),
    "AUTHENTICATE_REQ": (0x20, "security"), "AUTHENTICATE_ERR": (0x21, "security"), "RESPONSE": (0x81, "read"),
    "UNSOLICITED_RESPONSE": (0x82, "read"), "AUTHENTICATE_RESP": (0x83, "security"),
}  # fmt: skip
"""Names of Zeek's DNP3::function_codes -> application function code, command class."""

S7COMM: Mapping[int, str] = {
    0x04: "read", 0x05: "write", 0x1A: "download_program", 0x1B: "download_program", 0x1C: "download_program",
    0x1D: "read", 0x1E: "read", 0x1F: "read", 0x28: "operating_mode", 0x29: "operating_mode", 0xF0: "connect",
}  # fmt: skip
"""Parameter functions of S7 jobs. Upload reads logic out of the controller, download writes it."""

S7COMM_GROUPS: Mapping[int, str] = {
    0x00: "operating_mode", 0x01: "diagnostic", 0x02: "read", 0x03: "read", 0x04: "identify", 0x05: "security",
    0x07: "time_set",
}  # fmt: skip
"""Function groups of S7 user data."""

S7COMM_TRANSFERS: Mapping[str, str] = {
    "Request Download": "download_program", "Download Block": "download_program", "Download Ended": "download_program",
    "Start Upload": "read", "Upload": "read", "End Upload": "read",
}  # fmt: skip

CIP: Mapping[int, str] = {
    0x01: "read", 0x03: "read", 0x0E: "read", 0x4C: "read", 0x52: "read", 0x02: "write", 0x04: "write", 0x10: "write",
    0x4D: "write", 0x53: "write", 0x4E: "write", 0x05: "operating_mode", 0x06: "operating_mode",
    0x07: "operating_mode", 0x08: "write", 0x09: "write", 0x0A: "connect", 0x4B: "proprietary",
}  # fmt: skip
"""CIP services. Those above 0x31 mean something else on each class of objects: see `_cip`."""

CIP_PROGRAMS = frozenset((0x64, 0x68, 0x6B, 0x6C, 0x6D, 0x70))
"""Classes that hold the program of a Logix controller: creating and deleting there is a download."""

CIP_TAGS = frozenset((None, 0x02, 0x6B, 0x6C))
"""Classes on which 0x4C, 0x4D, 0x4E, 0x52 and 0x53 read and write tags; no class means a symbolic name."""

CONNECTION_MANAGER = 0x06

BACNET: Mapping[str, tuple[int, str]] = {
    "acknowledge_alarm": (0, "control"), "cov_notification": (1, "read"), "event_notification": (2, "diagnostic"),
    "get_alarm_summary": (3, "diagnostic"), "get_enrollment_summary": (4, "diagnostic"), "subscribe_cov": (5, "read"),
    "atomic_read_file": (6, "read"), "atomic_write_file": (7, "write"), "add_list_element": (8, "write"),
    "remove_list_element": (9, "write"), "create_object": (10, "write"), "delete_object": (11, "write"),
    "read_property": (12, "read"), "read_property_conditional": (13, "read"), "read_property_multiple": (14, "read"),
    "write_property": (15, "write"), "write_property_multiple": (16, "write"),
    "device_communication_control": (17, "operating_mode"), "private_transfer": (18, "proprietary"),
    "text_message": (19, "diagnostic"), "reinitialize_device": (20, "operating_mode"), "read_range": (26, "read"),
    "life_safety_operation": (27, "control"), "subscribe_cov_property": (28, "read"),
    "get_event_information": (29, "diagnostic"), "i_am": (0, "identify"), "i_have": (1, "identify"),
    "who_is": (8, "identify"), "who_has": (7, "identify"), "time_synchronization": (6, "time_set"),
    "utc_time_synchronization": (9, "time_set"), "write_group": (10, "write"),
    "unconfirmed_cov_notification": (2, "read"),
    "unconfirmed_event_notification": (3, "diagnostic"), "unconfirmed_private_transfer": (4, "proprietary"),
    "unconfirmed_text_message": (5, "diagnostic"), "subscribe_cov_property_multiple": (30, "read"),
    "cov_notification_multiple": (31, "read"), "unconfirmed_cov_notification_multiple": (11, "read"),
    "vt_open": (21, "connect"), "vt_close": (22, "connect"), "vt_data": (23, "proprietary"),
    "who_am_i": (13, "identify"), "you_are": (14, "write"),
}  # fmt: skip
"""BACnet services -> service choice, command class."""

OPCUA: tuple[tuple[str, str], ...] = (
    ("Write", "write"), ("Call", "control"), ("HistoryUpdate", "write"), ("AddNodes", "write"),
    ("DeleteNodes", "write"), ("AddReferences", "write"), ("DeleteReferences", "write"), ("Read", "read"),
    ("HistoryRead", "read"), ("Browse", "identify"), ("TranslateBrowse", "identify"), ("FindServers", "identify"),
    ("GetEndpoints", "identify"),
    ("CreateSession", "connect"), ("ActivateSession", "connect"), ("CloseSession", "connect"),
    ("OpenSecureChannel", "connect"), ("CloseSecureChannel", "connect"), ("CreateSubscription", "read"),
    ("CreateMonitoredItems", "read"), ("Publish", "read"), ("ServiceFault", "diagnostic"),
)  # fmt: skip
"""Beginning of an OPC UA service's name -> command class; the handshake (HEL, ACK) is a connection."""

PROTOCOL_NAMES: tuple[tuple[str, str], ...] = (
    ("modbus", "Modbus"), ("dnp3", "DNP3"), ("s7comm", "S7comm"), ("cip", "CIP"), ("bacnet", "BACnet"),
    ("opcua", "OPC UA"),
)  # fmt: skip
"""Beginning of a log's path -> its protocol."""

BLINDS = {"DISABLE_UNSOLICITED": 4, "life_safety_operation": 5}
"""Commands graver than their class: one blinds the master, one touches life safety."""

SEVERE_NOTICES: tuple[tuple[str, int], ...] = (
    ("ATTACK::", 4), ("Exploit::", 4), ("Heartbleed::", 4), ("Signatures::", 3), ("Intel::", 4), ("SSH::", 3),
    ("HTTP::SQL_Injection", 4), ("Scan::", 3), ("TeamCymruMalwareHashRegistry::", 4), ("SSL::", 2),
    ("CaptureLoss::", 1), ("PacketFilter::", 1),
)  # fmt: skip
"""Beginning of a notice's type -> severity_id; anything else is 2 Low."""

_UNKNOWN_FUNCTION = re.compile(r"unknown-(\d{1,3})\Z")


def normalise(records: Records, settings: Mapping[str, Any]) -> Records:
    """`id_orig_h`, as some shippers flatten it, to Zeek's `id.orig_h`."""
    del settings
    wanted = {old: new for old, new in UNDERSCORED.items() if old in records.names and new not in records.names}
    return records.rename(wanted) if wanted else records


def classify(r: Record) -> Column:
    """By the log's path, and whether the record has what its OCSF class demands."""
    codes, shapes = r.records.shapes
    bare = [frozenset(name.removesuffix("[]") for name in shape) for shape in shapes]
    kinds = Column(codes.astype(np.int32), pa.array([orjson.dumps(sorted(shape)).decode() for shape in bare]))
    return _path(r).zip(kinds, _family, pa.string())


def _family(path: str | None, shape: str | None) -> str:
    names = frozenset(orjson.loads(shape or "[]"))
    family = FAMILY.get(path or "")
    ends = "id.orig_h" in names and "id.resp_h" in names
    demanded = NEEDS.get(family or "")
    if family is not None and (any(need <= names for need in demanded) if demanded else _complete(family, names)):
        return family
    return "session" if ends else "other"


def _complete(family: str, names: frozenset[str]) -> bool:
    return family == "notice" or "id.orig_h" in names or "id.resp_h" in names


def _path(r: Record) -> Column:
    """The log's path: as said, else from the names of the fields."""
    said = r.read("_path", real).map(_plain_path, pa.string())
    if bool(said.present.all()):
        return said
    codes, shapes = r.records.shapes
    told = [_told(frozenset(name.removesuffix("[]") for name in shape)) for shape in shapes]
    return said.coalesce(Column(codes.astype(np.int32), pa.array(told, pa.string())))


def _plain_path(path: str) -> str:
    """Corelight's reduced logs (`conn_red`) are the logs they reduce."""
    return path.removesuffix("_red")


@lru_cache(maxsize=4096)
def _told(names: frozenset[str]) -> str:
    return next((log for log, wanted in LOGS if wanted <= names), "unknown")


# -- what mappings are made of ----------------------------------------------------------------------------------------


def words(r: Record, table: Mapping[str, str]) -> dict[str, Column]:
    """Text as it is: attribute -> raw name."""
    return {attribute: r.take(name) for attribute, name in table.items()}


def numbers(r: Record, table: Mapping[str, str]) -> dict[str, Column]:
    """Whole numbers; text that a number would not give back stays under `unmapped` as well."""
    found = {}
    for attribute, name in table.items():
        raw = r.take(name)
        number = raw.integer()
        found[attribute] = number
        _keep(found, name, raw, number)
    return found


def addresses(r: Record, table: Mapping[str, str]) -> dict[str, Column]:
    """IP addresses in canonical text; another spelling stays under `unmapped` as well."""
    found = {}
    for attribute, name in table.items():
        raw = r.take(name)
        address = ip(raw)
        found[attribute] = address
        _keep(found, name, raw, address)
    return found


def _keep(found: dict[str, Column], name: str, raw: Column, made: Column) -> None:
    """What was changed in being converted keeps its own text."""
    if not len(raw.values):
        return
    same = raw.zip(made, lambda old, new: None if old == str(new) else old, pa.string())
    if len(same.values):
        found[f"unmapped.{name}"] = same


def moment(column: Column) -> Column:
    """Seconds since 1970, or ISO 8601 (`LogAscii::json_timestamps`)."""
    if not len(column.values):
        return column.integer()
    numeric = pc.match_substring_regex(column.values, r"^-?[0-9.eE+]+$")
    if bool(pc.all(numeric).as_py()):
        return unix_s(column)
    return iso(column) if not bool(pc.any(numeric).as_py()) else unix_s(column).coalesce(iso(column))


def envelope(r: Record) -> dict[str, Any]:
    """What every log has: when, and between whom."""
    path = _path(r)
    said = r.take("_path")
    time = r.take("ts")
    found: dict[str, Any] = {
        "time": moment(time),
        "severity_id": 1,
        "metadata.event_code": path,
        "metadata.log_name": said.coalesce(path),
        "metadata.original_time": time,
    }
    return found


def ends(r: Record, *, connection: bool = True) -> dict[str, Any]:
    """Originator and responder; the connection too, where the class has a place for it."""
    found: dict[str, Any] = {}
    found |= addresses(r, {"src_endpoint.ip": "id.orig_h", "dst_endpoint.ip": "id.resp_h"})
    found |= numbers(r, {"src_endpoint.port": "id.orig_p", "dst_endpoint.port": "id.resp_p"})
    if not connection:
        return found
    found |= words(r, {"connection_info.uid": "uid", "connection_info.community_uid": "community_id"})
    protocol = r.take("proto")
    found |= {
        "connection_info.protocol_name": protocol,
        "connection_info.protocol_num": protocol.replace(PROTOCOLS),
        "connection_info.protocol_ver_id": found["src_endpoint.ip"].map(lambda address: 6 if ":" in address else 4),
    }
    return found


def milliseconds(column: Column) -> Column:
    """An interval in seconds."""
    return unix_s(column)


def outcome(column: Column) -> Column:
    """true -> success, false -> failure."""
    return boolean(column).map(lambda good: 1 if good else 2)


def first(r: Record, name: str) -> Column:
    """First element of a set."""
    return r.read(f"{name}[]", json(lambda items: items[0])).coalesce(r.read(name))


def both(left: Column, right: Column) -> Column:
    """Sum of two counts; missing counts as nothing."""
    there = left.present | right.present
    if not there.any():
        return Column.missing(len(left), pa.int64())
    total = pc.add(*(pc.fill_null(_int(column), 0) for column in (left, right)))
    return Column.from_arrow(total).where(there)


def _int(column: Column) -> pa.Array:
    return column.plain() if len(column.values) else pa.nulls(len(column), pa.int64())


def flag(value: int, mask: Column, otherwise: int) -> Column:
    """`value` where the column says something, else `otherwise`."""
    there = mask.present.astype(np.int32)
    return Column(there, pa.array([otherwise, value], pa.int64()))


# -- the logs ---------------------------------------------------------------------------------------------------------


@maps("conn")
def conn(r: Record) -> Mapped:
    """Connections."""
    shared = envelope(r) | ends(r)
    state = r.take("conn_state")
    duration = r.read("duration", milliseconds)
    counts = numbers(
        r,
        {
            "traffic.bytes_out": "orig_bytes",
            "traffic.bytes_in": "resp_bytes",
            "traffic.packets_out": "orig_pkts",
            "traffic.packets_in": "resp_pkts",
            "traffic.bytes_missed": "missed_bytes",
        },
    )
    inner, outer = r.read("local_orig", boolean), r.read("local_resp", boolean)
    return event(
        "network_activity",
        shared | counts,
        app_name=r.take("service"),
        activity_id=state.map(lambda name: STATE_ACTIVITY.get(name, 6)).coalesce(r.constant(6)),
        status_id=state.map(lambda name: 2 if name in FAILED_STATES else 1),
        status_code=state,
        start_time=shared["time"],
        duration=duration,
        end_time=_later(shared["time"], duration),
        connection_info={"flag_history": r.take("history"), "direction_id": inner.zip(outer, _direction)},
        src_endpoint={"mac": r.read("orig_l2_addr"), "vlan_uid": r.read("vlan")},
        dst_endpoint={"mac": r.read("resp_l2_addr")},
        traffic={
            "bytes": both(counts["traffic.bytes_out"], counts["traffic.bytes_in"]),
            "packets": both(counts["traffic.packets_out"], counts["traffic.packets_in"]),
        },
    )


def _direction(inner: bool | None, outer: bool | None) -> int:
    if inner is None or outer is None:
        return 0
    return 3 if inner and outer else 2 if inner else 1 if outer else 99


def _later(time: Column, duration: Column) -> Column:
    if not len(time.values) or not len(duration.values):
        return Column.missing(len(time), pa.int64())
    return Column.from_arrow(pc.add(_int(time), _int(duration)))


@maps("dns")
def dns(r: Record) -> Mapped:
    """Queries and what came back: Zeek writes both into one record."""
    shared = envelope(r) | ends(r)
    code = r.read("rcode").integer()
    trip = r.read("rtt", milliseconds)
    return event(
        "dns_activity",
        shared | numbers(r, {"query.packet_uid": "trans_id"}),
        activity_id=flag(6, code, 1),
        query_time=shared["time"],
        response_time=_later(shared["time"], trip),
        query={"hostname": r.take("query"), "type": r.take("qtype_name"), "class": r.take("qclass_name")},
        rcode_id=code.map(lambda number: number if number in RCODES else 99),
        rcode=r.take("rcode_name"),
        status_id=code.map(lambda number: 1 if number == 0 else 2),
        answers=r.read("answers[]").zip(r.read("TTLs[]"), _answers),
    )


def _answers(texts: str | None, lives: str | None) -> list[dict[str, Any]] | None:
    answers = orjson.loads(texts) if texts else []
    ttls = orjson.loads(lives) if lives else []
    found: list[dict[str, Any]] = []
    for i, answer in enumerate(answers):
        if isinstance(answer, str) and answer:
            ttl = ttls[i] if i < len(ttls) and isinstance(ttls[i], int | float) and 0 <= ttls[i] < 2**31 else None
            found.append({"rdata": answer} | ({} if ttl is None else {"ttl": int(ttl)}))
    return found or None


@maps("http")
def http(r: Record) -> Mapped:
    """Requests with their responses."""
    method, uri, host = r.take("method"), r.read("uri"), r.read("host")
    known = method.keep(lambda verb: verb in METHODS)
    shared = envelope(r) | ends(r)
    code = r.read("status_code").integer()
    authority = host.zip(shared["dst_endpoint.ip"], lambda name, address: name or address)
    target = uri.zip(method, lambda text, verb: f"{CONNECT}{text}" if text and verb == "CONNECT" else text, pa.string())
    split = uri.map(_split)
    answered = code.present
    return event(
        "http_activity",
        shared | {"unmapped.method": method.keep(lambda verb: verb not in METHODS)},
        activity_id=method.map(lambda verb: METHODS.get(verb.upper(), 99)).coalesce(r.constant(0)),
        activity_name=method.map(lambda verb: None if verb.upper() in METHODS else verb),
        status_id=code.map(lambda number: 1 if number < 400 else 2),
        actor={"user.name": r.read("username")},
        http_request={
            "http_method": known,
            "user_agent": r.take("user_agent"),
            "referrer": r.take("referrer"),
            "version": r.read("version"),
            "body_length": r.read("request_body_len").integer(),
            "url": {
                "url_string": target.zip(authority, _url, pa.string()),
                "hostname": host.map(_host, pa.string()).where(uri.present),
                "path": split.map(lambda parts: parts[0], pa.string()),
                "query_string": split.map(lambda parts: parts[1], pa.string()),
                "scheme": uri.map(lambda text: text.partition("://")[0] if "://" in text[:10] else "http"),
            },
        },
        http_response={
            "code": code,
            "status": r.read("status_msg").where(answered),
            "body_length": r.read("response_body_len").integer().where(answered),
            "content_type": first(r, "resp_mime_types").where(answered),
        },
    )


def _split(uri: str) -> list[str | None]:
    path, mark, query = uri.partition("?")
    if "://" in path[:10]:
        path = "/" + path.partition("://")[2].partition("/")[2]
    return [path or None, query if mark else None]


CONNECT = "\x00"
"""Marks the target of a CONNECT, which is `host:port` and no path."""


def _url(uri: str | None, authority: str | None) -> str | None:
    """The URL as a browser would show it: the request line holds only what is behind the host."""
    if uri is None or uri.startswith(CONNECT) or "://" in uri[:10] or authority is None:
        return uri.removeprefix(CONNECT) if uri else uri
    return f"http://{f'[{authority}]' if authority.count(':') > 1 else authority}{'' if uri[:1] == '/' else '/'}{uri}"


def _host(text: str) -> str:
    name, mark, port = text.rpartition(":")
    return name if mark and port.isdigit() and ":" not in name else text


@maps("tls")
def tls(r: Record) -> Mapped:
    """TLS handshakes."""
    established = r.read("established", boolean)
    return event(
        "network_activity",
        envelope(r) | ends(r),
        app_name="tls",
        activity_id=established.map(lambda good: 1 if good else 4).coalesce(r.constant(6)),
        status_id=established.map(lambda good: 1 if good else 2),
        status_detail=r.read("validation_status").coalesce(r.read("last_alert")),
        tls={
            "version": r.read("version").coalesce(r.constant("unknown")),
            "cipher": r.take("cipher"),
            "sni": r.take("server_name"),
            "certificate_chain": r.read("cert_chain_fps[]", json(_texts)).coalesce(
                r.read("cert_chain_fuids[]", json(_texts))
            ),
            "ja3_hash": _md5(r.read("ja3")),
            "ja3s_hash": _md5(r.read("ja3s")),
        },
    )


def _texts(items: list[Any]) -> list[str] | None:
    return [str(item) for item in items if item] or None


def _md5(column: Column) -> dict[str, Column]:
    return {"value": column, "algorithm_id": column.map(lambda _: 1)}


@maps("file")
def file(r: Record) -> Mapped:
    """Files seen in transfer. From Zeek 5.1 on the connection's ends are there; before, only sender and receiver."""
    shared = envelope(r)
    upload = r.read("is_orig", boolean)
    sender, receiver = ip(first(r, "tx_hosts")), ip(first(r, "rx_hosts"))
    ways = sender.zip(receiver, lambda tx, rx: f"{tx or ''} {rx or ''}", pa.string())
    client = ways.zip(upload, lambda pair, up: pair.split(" ")[0 if up else 1] or None, pa.string())
    server = ways.zip(upload, lambda pair, up: pair.split(" ")[1 if up else 0] or None, pa.string())
    shared |= {"src_endpoint.ip": ip(r.read("id.orig_h")).coalesce(client)}
    shared |= {"dst_endpoint.ip": ip(r.read("id.resp_h")).coalesce(server)}
    size = r.read("total_bytes").integer().coalesce(r.read("seen_bytes").integer())
    name = r.read("filename", real)
    return event(
        "file_hosting",
        shared,
        activity_id=upload.map(lambda up: 1 if up else 2).coalesce(r.constant(2)),
        actor={"app_name": r.read("source").coalesce(r.constant("unknown"))},
        src_endpoint={"port": r.read("id.orig_p").integer()},
        dst_endpoint={"port": r.read("id.resp_p").integer()},
        connection_info={"uid": r.read("uid").coalesce(first(r, "conn_uids"))},
        file={
            "name": basename(name).coalesce(r.read("fuid")),
            "uid": r.take("fuid"),
            "mime_type": r.take("mime_type"),
            "size": size,
            "type_id": 1,
            "hashes": _hashes(r),
        },
    )


def _hashes(r: Record) -> Column:
    found = r.constant("[]")
    for name, label, number in (("md5", "MD5", 1), ("sha1", "SHA-1", 2), ("sha256", "SHA-256", 3)):
        added = r.read(name)
        if len(added.values):
            found = found.zip(added, partial(_with, algorithm=label, number=number), pa.string())
    return found.map(lambda text: orjson.loads(text) or None)


def _with(text: str | None, value: str | None, *, algorithm: str, number: int) -> str:
    items = orjson.loads(text or "[]")
    if value:
        items.append({"algorithm": algorithm, "algorithm_id": number, "value": value})
    return orjson.dumps(items).decode()


@maps("ssh")
def ssh(r: Record) -> Mapped:
    """SSH: whether the logon succeeded is Zeek's inference from packet sizes."""
    success = r.read("auth_success", boolean)
    hashes = {}
    for side, name in (("client_hassh", "hassh"), ("server_hassh", "hasshServer")):
        value = r.read(name)
        hashes[f"{side}.fingerprint.value"] = value
        hashes[f"{side}.fingerprint.algorithm_id"] = value.map(lambda _: 20)
    return event(
        "ssh_activity",
        envelope(r) | ends(r) | hashes,
        activity_id=success.map(lambda good: 1 if good else 4).coalesce(r.constant(6)),
        status_id=success.map(lambda good: 1 if good else 2),
        protocol_ver=r.read("version"),
        app_name="ssh",
        connection_info={
            "direction_id": r.read("direction", to({"INBOUND": 1, "OUTBOUND": 2}, 0)).coalesce(r.constant(0))
        },
    )


@maps("smb")
def smb(r: Record) -> Mapped:
    """Files and shares."""
    action = r.read("action").map(lambda name: name.rpartition("::")[2])
    shared = envelope(r) | ends(r)
    name = r.read("name")
    kind = r.read("share_type").coalesce(
        r.read("path").map(lambda path: "PIPE" if path.upper().endswith("\\IPC$") else None)
    )
    return event(
        "smb_activity",
        shared,
        activity_id=action.map(lambda verb: SMB_ACTIONS.get(verb, 99)).coalesce(r.constant(99)),
        activity_name=action.map(lambda verb: None if verb in SMB_ACTIONS else verb).coalesce(
            shared["metadata.event_code"].map(lambda log: "Tree Connect" if log == "smb_mapping" else None)
        ),
        command=r.read("action"),
        file={
            "name": basename(name),
            "path": name,
            "size": r.read("size").integer().where(name.present),
            "uid": r.read("fuid").where(name.present),
            "type_id": name.map(lambda _: 0),
        },
        share=r.read("path"),
        share_type_id=kind.map(lambda word: SHARE_TYPES.get(word, 99)),
        share_type=kind,
    )


@maps("rpc")
def rpc(r: Record) -> Mapped:
    """Calls of remote procedures."""
    return event(
        "network_activity",
        envelope(r) | ends(r),
        activity_id=6,
        app_name="dce_rpc",
        message=r.read("endpoint").zip(
            r.read("operation"), lambda place, call: "::".join(part for part in (place, call) if part) or None
        ),
        duration=r.read("rtt", milliseconds),
    )


@maps("kerberos")
def kerberos(r: Record) -> Mapped:
    """Ticket requests."""
    client = r.read("client")
    asked = r.read("request_type")
    return event(
        "authentication",
        envelope(r) | ends(r, connection=False),
        activity_id=asked.replace({"AS": 3, "TGS": 4}, 0).coalesce(r.constant(0)),
        status_id=r.read("success", outcome),
        status_detail=r.take("error_msg"),
        auth_protocol_id=2,
        is_remote=True,
        service={"name": r.take("service")},
        user={
            "name": client.map(lambda name: name.partition("/")[0] or None, pa.string()).coalesce(
                r.constant("unknown")
            ),
            "domain": client.map(lambda name: name.partition("/")[2] or None, pa.string()),
            "type_id": client.map(lambda name: 3 if name.partition("/")[0].endswith("$") else 1),
        },
        start_time=r.read("from", moment),
        end_time=r.read("till", moment),
    )


@maps("logon")
def logon(r: Record) -> Mapped:
    """NTLM and RADIUS."""
    shared = envelope(r) | ends(r, connection=False)
    result = r.read("result").map(lambda word: {"success": 1, "failed": 2}.get(word.lower(), 0))
    return event(
        "authentication",
        shared,
        activity_id=1,
        status_id=r.read("success", outcome).coalesce(result),
        status_detail=r.read("status").coalesce(r.read("reply_msg")),
        auth_protocol_id=shared["metadata.event_code"].replace({"ntlm": 1, "radius": 10}),
        logon_type_id=3,
        is_remote=True,
        user={
            "name": r.read("username").coalesce(r.constant("unknown")),
            "domain": r.read("domainname"),
        },
        src_endpoint={"hostname": r.read("hostname").coalesce(r.read("framed_addr")), "mac": r.read("mac")},
        dst_endpoint={"hostname": r.read("server_dns_computer_name").coalesce(r.read("server_nb_computer_name"))},
    )


@maps("rdp")
def rdp(r: Record) -> Mapped:
    """Remote desktop; the cookie often is the user's name, cut off."""
    return event(
        "rdp_activity",
        envelope(r) | ends(r),
        activity_id=3,
        status_id=r.read("auth_success", outcome),
        status_detail=r.read("result"),
        identifier_cookie=r.take("cookie"),
        app_name="rdp",
        protocol_ver=r.read("client_build"),
        src_endpoint={"hostname": r.read("client_name")},
    )


@maps("dhcp")
def dhcp(r: Record) -> Mapped:
    """Leases: one record per exchange from Zeek 2.6 on, one per lease before."""
    shared = envelope(r) | ends(r)
    kinds = r.read("msg_types[]", json(lambda items: DHCP_MESSAGES.get(items[-1], 99)))
    assigned = ip(r.read("assigned_addr").coalesce(r.read("assigned_ip")))
    shared["src_endpoint.ip"] = shared["src_endpoint.ip"].coalesce(ip(r.read("client_addr")), assigned)
    shared["dst_endpoint.ip"] = shared["dst_endpoint.ip"].coalesce(ip(r.read("server_addr")))
    return event(
        "dhcp_activity",
        shared,
        activity_id=kinds.coalesce(assigned.map(lambda _: 5), r.constant(0)) if len(kinds.values) else 5,
        src_endpoint={
            "mac": r.read("mac"),
            "hostname": r.read("host_name").coalesce(r.read("client_fqdn")),
            "intermediate_ips": assigned.map(lambda address: [address]),
        },
        lease_dur=r.read("lease_time", unix_s).map(lambda ms: ms // 1000, pa.int64()),
        transaction_uid=r.take("trans_id"),
    )


@maps("ftp")
def ftp(r: Record) -> Mapped:
    """Commands and their replies."""
    command = r.read("command")
    argument = r.read("arg")
    code = r.read("reply_code").integer()
    about = command.zip(
        argument, lambda verb, what: what if verb in FTP_COMMANDS and verb not in ("LIST", "NLST", "MLSD") else None
    )
    return event(
        "ftp_activity",
        envelope(r) | ends(r),
        activity_id=command.map(lambda verb: FTP_COMMANDS.get(verb, 99)).coalesce(r.constant(0)),
        activity_name=command.map(lambda verb: None if verb in FTP_COMMANDS else verb),
        command=command,
        codes=code.map(lambda number: [number]),
        command_responses=r.read("reply_msg").map(lambda text: [text]),
        status_id=code.map(lambda number: 1 if number < 400 else 2),
        actor={"user.name": r.read("user")},
        app_name="ftp",
        file={
            "name": basename(about),
            "path": about,
            "type_id": about.map(lambda _: 0),
            "size": r.read("file_size").integer().where(about.present),
            "mime_type": r.read("mime_type").where(about.present),
        },
    )


@maps("mail")
def mail(r: Record) -> Mapped:
    """SMTP transactions."""
    envelope_to = r.read("rcptto[]", json(_texts))
    return event(
        "email_activity",
        envelope(r) | ends(r, connection=False),
        activity_id=1,
        direction_id=0,
        smtp_hello=r.take("helo"),
        status_id=r.read("last_reply").map(lambda text: 1 if text.startswith("2") else 2),
        status_detail=r.take("last_reply"),
        email={
            "from": r.read("from").coalesce(r.read("mailfrom")),
            "to": r.read("to[]", json(_texts)).coalesce(envelope_to),
            "cc": r.read("cc[]", json(_texts)),
            "reply_to": r.read("reply_to"),
            "smtp_from": r.take("mailfrom"),
            "smtp_to": envelope_to,
            "subject": r.take("subject"),
            "message_uid": r.take("msg_id"),
        },
    )


@maps("notice")
def notice(r: Record) -> Mapped:
    """What Zeek's own scripts found notable."""
    kind = r.read("note")
    shared = envelope(r)
    client = ip(r.read("id.orig_h").coalesce(r.read("src")))
    server = ip(r.read("id.resp_h").coalesce(r.read("dst")))
    joined = client.zip(server, lambda a, b: f"{a or ''} {b or ''}", pa.string())
    uid = kind.zip(shared["metadata.original_time"], lambda note, ts: f"{note} {ts}", pa.string()).zip(
        joined, lambda start, pair: f"{start} {pair}".strip(), pa.string()
    )
    shared["severity_id"] = kind.map(_severity).coalesce(r.constant(2))
    return event(
        "detection_finding",
        shared,
        activity_id=1,
        status_id=1,
        message=r.read("msg"),
        finding_info={
            "uid": uid,
            "title": kind.coalesce(r.constant("Notice")),
            "desc": r.take("msg"),
            "analytic.name": kind,
            "analytic.type_id": kind.map(lambda _: 2),
            "created_time": shared["time"],
        },
        evidences=joined.map(_evidence),
    )


def _severity(note: str) -> int:
    return next((severity for start, severity in SEVERE_NOTICES if note.startswith(start)), 2)


def _evidence(pair: str) -> list[dict[str, Any]] | None:
    source, _, target = pair.partition(" ")
    found: dict[str, Any] = {}
    if source:
        found["src_endpoint"] = {"ip": source}
    if target:
        found["dst_endpoint"] = {"ip": target}
    return [found] if found else None


@maps("ot")
def ot(r: Record) -> Mapped:
    """Commands of industrial protocols, by class (domain reference 4.2)."""
    shared = envelope(r) | ends(r)
    protocol = shared["metadata.event_code"]
    parsed = protocol.zip(_asked(r), _command)
    answer = _is_answer(r, protocol)
    severity = parsed.map(lambda text: orjson.loads(text)["severity"], pa.int64())
    shared["severity_id"] = answer.map(lambda yes: 1 if yes else None, pa.int64()).coalesce(severity, r.constant(1))

    def part(name: str, type_: pa.DataType) -> Column:
        made: Column = parsed.map(lambda text: orjson.loads(text)[name], type_)
        return made

    return event(
        "ot_command_activity",
        shared,
        activity_id=part("activity", pa.int64()).coalesce(r.constant(99)),
        status_id=part("exception", pa.bool_())
        .map(lambda failed: 2 if failed else None)
        .coalesce(r.read("exception", real).map(lambda _: 2)),
        status_detail=r.read("exception").coalesce(r.read("exception_code")),
        ot_command={
            "ot_protocol": protocol.map(_protocol),
            "operation": part("operation", pa.string()),
            "function_code": part("code", pa.int64()),
            "command_class": part("class", pa.string()),
            "is_response": answer,
            "unit_id": r.read("unit_id").coalesce(r.read("unit")).integer()
            if r.has("unit_id") or r.has("unit")
            else None,
        },
    )


def _asked(r: Record) -> Column:
    """What the command is called, and on what: one text per row, parts separated by a tab."""
    named = r.read("func").coalesce(
        r.read("fc_request"), r.read("fc_reply"), r.read("pdu_service"), r.read("identifier_str")
    )
    code = r.read("cip_service_code").coalesce(r.read("function_code"))
    name = r.read("cip_service").coalesce(r.read("function_name"))
    scope = r.read("class_id").coalesce(r.read("rosctr_code"))
    scoped = code.zip(scope, lambda number, where: f"{number}\t{where or ''}" if number else None)
    coded = scoped.zip(name, lambda parts, word: f"{parts}\t{word or ''}" if parts else None)
    return named.coalesce(coded, name, r.read("msg_type"))


def _is_answer(r: Record, protocol: Column) -> Column:
    """Whether a row is an answer; missing where one row is question and answer in one."""
    replied = r.read("fc_request").zip(
        r.read("fc_reply"), lambda request, answer: request is None and answer is not None
    )
    dnp3 = replied.zip(protocol, lambda answer, log: bool(answer) if log == "dnp3" else None, pa.bool_())
    sent = r.read("is_orig", boolean)
    return dnp3.coalesce(sent.map(lambda asks: not asks, pa.bool_()))


def _protocol(log: str) -> str:
    return next((name for beginning, name in PROTOCOL_NAMES if log.startswith(beginning)), log)


def _command(protocol: str | None, asked: str | None) -> str | None:
    """What the function's name or code says, as JSON text."""
    if asked is None or protocol is None:
        return None
    exception = False
    code: int | None
    if protocol.startswith("modbus"):
        operation = asked
        unknown = _UNKNOWN_FUNCTION.match(asked)
        if unknown is not None and int(unknown[1]) >= 128:  # the high bit marks an exception response
            exception, operation = True, MODBUS_NAMES.get(int(unknown[1]) - 128, asked)
        elif asked.endswith("_EXCEPTION"):
            exception, operation = True, asked.removesuffix("_EXCEPTION")
        code, kind = MODBUS.get(operation, (None, "proprietary"))
        if code is None and unknown is not None:
            code = int(unknown[1]) & 127
    elif protocol.startswith("dnp3"):
        operation = asked.partition("\t")[0]
        code, kind = DNP3.get(operation, (None, "proprietary"))
    elif protocol.startswith("s7comm"):
        code, kind, operation = _s7comm(asked)
    elif protocol == "cip":
        code, kind, operation = _cip(asked)
    elif protocol.startswith("bacnet"):
        operation = re.sub(r"_(request|ack|simple_ack|complex_ack)\Z", "", asked.replace("-", "_"))
        kind = "diagnostic" if operation in ("abort", "reject", "error") else "proprietary"
        code, kind = BACNET.get(operation.removeprefix("confirmed_"), (None, kind))
    else:
        operation, code = asked, None
        kind = next((found for beginning, found in OPCUA if asked.startswith(beginning)), "connect")
    activity, severity = CLASSES[kind]
    severity = max(severity, BLINDS.get(operation, 0))
    return orjson.dumps(
        {
            "class": kind,
            "activity": activity,
            "severity": 1 if exception else severity,
            "code": code,
            "operation": operation,
            "exception": exception,
        }
    ).decode()


def _s7comm(asked: str) -> tuple[int | None, str, str]:
    """Function code, command class, name: of a job's parameter, or of a group of user data."""
    first, _, rest = asked.partition("\t")
    code = _number(first)
    if code is None:
        return None, S7COMM_TRANSFERS.get(first, "proprietary"), first
    scope, _, name = rest.partition("\t")
    userdata = _number(scope) == 7
    group = code & 0x0F if userdata else code
    return code, (S7COMM_GROUPS if userdata else S7COMM).get(group, "proprietary"), name or first


def _cip(asked: str) -> tuple[int | None, str, str]:
    """Service, command class, name: the same number means different things on different classes of objects."""
    first, _, rest = asked.partition("\t")
    scope, _, name = rest.partition("\t")
    code, on = _number(first), _number(scope)
    service = None if code is None else code & 0x7F  # the high bit marks a reply
    kind = CIP.get(-1 if service is None else service, "proprietary")
    if service is not None and service > 0x31 and on == CONNECTION_MANAGER:
        kind = "connect"
    elif service is not None and service > 0x31 and service != 0x4B and on not in CIP_TAGS:
        kind = "proprietary"
    elif service in (0x08, 0x09) and on in CIP_PROGRAMS:
        kind = "download_program"
    return service, kind, name or first


def _number(text: str) -> int | None:
    """A code, decimal or hexadecimal; none has more than 32 bits."""
    try:
        number = int(text, 0)
    except ValueError:
        return None
    return number if 0 <= number < 1 << 32 else None


@maps("session")
def session(r: Record) -> Mapped:
    """Any other log of a connection."""
    shared = envelope(r) | ends(r)
    odd = r.read("name").zip(
        shared["metadata.event_code"], lambda name, log: name if log == "weird" else log, pa.string()
    )
    return event(
        "network_activity",
        shared,
        activity_id=99,
        activity_name=odd,
        message=r.read("failure_reason").coalesce(r.read("addl").zip(odd, _weird, pa.string()), r.read("message")),
        app_name=r.read("analyzer").coalesce(r.read("service")),
    )


def _weird(detail: str | None, name: str | None) -> str | None:
    return f"{name}: {detail}" if detail and name else None


@maps("other")
def other(r: Record) -> Mapped:
    """Logs that name no connection."""
    shared = envelope(r)
    text = r.read("name").coalesce(
        r.read("certificate.subject"), r.read("unparsed_version"), r.read("host"), r.read("message")
    )
    return event("base_event", shared, message=text, activity_name=shared["metadata.event_code"])
