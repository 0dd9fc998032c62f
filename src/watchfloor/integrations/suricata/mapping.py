"""Suricata's EVE log to OCSF.

Names are EVE's (Suricata user guide, "Eve JSON Format"; versions 4 to 8 of Suricata). A record's `src_ip` is where
the packet came from that made Suricata write it: an answer's source is the server. So the client is told by what the
record is about, where EVE says that (`direction` of Suricata 6 and later, or the kind of DNS record), and else taken
as it stands. What is not letter by letter what EVE says is read and stays under `unmapped` besides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from watchfloor.collect.convert import basename, integer, ip, iso, json
from watchfloor.collect.mapping import Mapped, Record, event, maps
from watchfloor.ocsf.column import Column

FAMILY: Mapping[str, str] = {
    "alert": "alert", "dns": "dns", "http": "http", "http2": "http", "tls": "tls", "ssh": "ssh", "flow": "flow",
    "netflow": "flow", "drop": "flow", "fileinfo": "file", "smb": "smb", "krb5": "kerberos", "rdp": "rdp",
    "dhcp": "dhcp", "ftp": "ftp", "modbus": "ot", "dnp3": "ot",
}  # fmt: skip
"""event_type -> family. Any other with addresses is `session`."""

PROTOCOLS: Mapping[str, int] = {
    "ICMP": 1, "TCP": 6, "UDP": 17, "IPV6-ICMP": 58, "ICMPV6": 58, "SCTP": 132,
}  # fmt: skip

METHODS: Mapping[str, int] = {
    "CONNECT": 1, "DELETE": 2, "GET": 3, "HEAD": 4, "OPTIONS": 5, "POST": 6, "PUT": 7, "TRACE": 8, "PATCH": 9,
}  # fmt: skip

SEVERITY: Mapping[str, int] = {"1": 4, "2": 3, "3": 2, "4": 1, "255": 1}
"""alert.severity is the priority of the signature's class: 1 is the gravest."""

RCODES: Mapping[str, int] = {
    "NOERROR": 0, "FORMERR": 1, "SERVFAIL": 2, "NXDOMAIN": 3, "NOTIMP": 4, "REFUSED": 5, "YXDOMAIN": 6, "YXRRSET": 7,
    "NXRRSET": 8, "NOTAUTH": 9, "NOTZONE": 10,
}  # fmt: skip

FLOW_STATES: Mapping[str, int] = {"new": 4, "established": 6, "closed": 2, "bypassed": 6}
"""flow.state when the record was written: a flow that stayed `new` was never answered."""

SMB_COMMANDS: Mapping[str, int] = {"SMB2_COMMAND_CREATE": 2, "SMB1_COMMAND_NT_CREATE_ANDX": 2}
RDP_EVENTS: Mapping[str, int] = {
    "initial_request": 1, "initial_response": 2, "connect_request": 3, "connect_response": 4, "tls_handshake": 5,
}  # fmt: skip
KERBEROS_EVENTS: Mapping[str, int] = {"KRB_AS_REQ": 3, "KRB_AS_REP": 3, "KRB_TGS_REQ": 4, "KRB_TGS_REP": 4}
DHCP_MESSAGES: Mapping[str, int] = {
    "discover": 1, "offer": 2, "request": 3, "decline": 4, "ack": 5, "nak": 6, "release": 7, "inform": 8,
}  # fmt: skip
FTP_COMMANDS: Mapping[str, int] = {
    "STOR": 1, "STOU": 1, "APPE": 1, "RETR": 2, "DELE": 4, "RMD": 4, "RNFR": 5, "RNTO": 5, "LIST": 6, "NLST": 6,
    "MLSD": 6,
}  # fmt: skip

CLASSES: Mapping[str, tuple[int, int]] = {
    "identify": (1, 1), "read": (2, 1), "connect": (3, 1), "diagnostic": (4, 2), "write": (5, 3), "control": (6, 3),
    "time_set": (7, 3), "security": (8, 4), "operating_mode": (9, 4), "download_program": (10, 5), "firmware": (11, 6),
    "proprietary": (12, 3),
}  # fmt: skip
"""Command class -> activity_id, severity_id."""

MODBUS: Mapping[int, str] = {
    **dict.fromkeys((1, 2, 3, 4, 20, 24), "read"), **dict.fromkeys((5, 6, 15, 16, 21, 22, 23), "write"),
    **dict.fromkeys((7, 8, 11, 12), "diagnostic"), **dict.fromkeys((17, 43), "identify"),
    **dict.fromkeys((9, 13, 18, 40, 90, 126), "download_program"), 125: "firmware",
}  # fmt: skip
DNP3: Mapping[int, str] = {
    0: "connect", 1: "read", 129: "read", 130: "read", **dict.fromkeys((2, 25, 27, 29, 30), "write"),
    **dict.fromkeys(range(3, 13), "control"), **dict.fromkeys((13, 14, 15, 16, 17, 18), "operating_mode"),
    **dict.fromkeys((19, 31), "download_program"), **dict.fromkeys((20, 21, 22, 23), "diagnostic"), 24: "time_set",
    **dict.fromkeys((26, 28), "read"), **dict.fromkeys((32, 33, 131), "security"),
}  # fmt: skip
"""Function code -> command class (IEEE 1815, table 4-1; Modbus application protocol V1.1b3)."""


def classify(r: Record) -> Column:
    """By event_type; a type that names no addresses is `other`."""
    families = r.read("event_type").zip(r.read("src_ip").coalesce(r.read("dest_ip")), _family, pa.string())
    coded = r.read("modbus[]").coalesce(_ot_code(r).text())
    return families.zip(coded, lambda name, code: "session" if name == "ot" and code is None else name, pa.string())


def _family(kind: str | None, address: str | None) -> str:
    family = FAMILY.get(kind or "", "session")
    return family if address is not None or family == "alert" else "other"


# -- what mappings are made of ----------------------------------------------------------------------------------------


def envelope(r: Record) -> dict[str, Any]:
    """What every record has."""
    stamp, kind = r.take("timestamp"), r.take("event_type")
    return {
        "time": iso(stamp),
        "severity_id": 1,
        "metadata.event_code": kind,
        "metadata.log_name": "eve",
        "metadata.original_time": stamp,
        "metadata.loggers": r.read("host").map(lambda name: [{"name": name}]),
    }


def ends(r: Record, swapped: Column | None = None, *, connection: bool = True) -> dict[str, Any]:
    """Client and server; `swapped` has a value where the packet came from the server."""
    source, target = ip(r.read("src_ip")), ip(r.read("dest_ip"))
    source_port, target_port = r.read("src_port", integer), r.read("dest_port", integer)
    turned = None if swapped is None else swapped.present
    if turned is not None and turned.any():
        source, target = (a.where(~turned).coalesce(b.where(turned)) for a, b in ((source, target), (target, source)))
        pair = (source_port, target_port)
        source_port, target_port = (
            a.where(~turned).coalesce(b.where(turned)) if len(a.values) and len(b.values) else a
            for a, b in (pair, pair[::-1])
        )
    found: dict[str, Any] = {
        "src_endpoint.ip": source,
        "dst_endpoint.ip": target,
        "src_endpoint.port": source_port,
        "dst_endpoint.port": target_port,
    }
    if connection:
        protocol = r.read("proto")
        found |= {
            "connection_info.uid": r.take("flow_id"),
            "connection_info.community_uid": r.take("community_id"),
            "connection_info.protocol_name": protocol.map(str.lower, pa.string()),
            "connection_info.protocol_num": protocol.map(lambda name: PROTOCOLS.get(name.upper())),
            "connection_info.protocol_ver_id": source.map(lambda address: 6 if ":" in address else 4),
            "src_endpoint.vlan_uid": r.read("vlan[]", json(lambda tags: str(tags[0]))).where(source.present),
        }
    return found


def answered(r: Record) -> Column:
    """A value where the record's packet went to the client."""
    return r.read("direction").map(lambda way: way if way == "to_client" else None, pa.string())


def texts(items: list[Any]) -> list[str] | None:
    """The elements as text."""
    return [str(item) for item in items if item] or None


def total(left: Column, right: Column) -> Column:
    """Sum of two counts that come together."""
    if not len(left.values) or not len(right.values):
        return left if len(left.values) else right
    return Column.from_arrow(pc.add(left.plain(), right.plain()))


def digest(column: Column, algorithm: int) -> dict[str, Column]:
    """An OCSF fingerprint."""
    return {"value": column, "algorithm_id": column.map(lambda _: algorithm)}


def hashes(r: Record, prefix: str) -> Column:
    """md5, sha1, sha256 as OCSF fingerprints."""
    found = r.missing()
    for name, number in (("md5", 1), ("sha1", 2), ("sha256", 3)):
        value = r.read(f"{prefix}.{name}")
        found = found.zip(value, _adding(number), pa.string())
    return found.map(lambda text: orjson.loads(text) if text else None)


def _adding(number: int) -> Callable[[str | None, str | None], str | None]:
    def add(text: str | None, value: str | None) -> str | None:
        if not value:
            return text
        return orjson.dumps([*orjson.loads(text or "[]"), {"algorithm_id": number, "value": value}]).decode()

    return add


# -- the types --------------------------------------------------------------------------------------------------------


@maps("alert")
def alert(r: Record) -> Mapped:
    """A signature that matched."""
    shared = envelope(r)
    number, text = r.read("alert.signature_id"), r.read("alert.signature")
    shared["severity_id"] = r.read("alert.severity").map(lambda level: SEVERITY.get(level, 2)).coalesce(r.constant(2))
    action = r.read("alert.action")
    fallback = number.zip(shared["metadata.original_time"], lambda sid, time: f"{sid or 'alert'} {time}", pa.string())
    uid = fallback.zip(r.read("flow_id"), lambda start, flow: f"{start} {flow}" if flow else start, pa.string())
    pair = (
        ip(r.read("src_ip"))
        .zip(r.read("src_port"), _end)
        .zip(ip(r.read("dest_ip")).zip(r.read("dest_port"), _end), lambda a, b: f"{a or ' '}|{b or ' '}", pa.string())
    )
    return event(
        "detection_finding",
        shared,
        activity_id=1,
        status_id=1,
        is_alert=True,
        message=text,
        action=action,
        action_id=action.replace({"allowed": 1, "blocked": 2}, 99),
        disposition_id=action.replace({"allowed": 1, "blocked": 2}, 99),
        confidence_id=r.read(
            "alert.metadata.confidence[]", json(lambda found: {"Low": 1, "Medium": 2, "High": 3}[found[0]])
        ),
        finding_info={
            "uid": uid,
            "title": text.coalesce(r.constant("Suricata alert")),
            "types": r.read("alert.category").map(lambda name: [name] if name else None),
            "analytic.name": text,
            "analytic.uid": number,
            "analytic.version": r.read("alert.rev"),
            "analytic.type_id": text.map(lambda _: 1),
            "created_time": shared["time"],
            "attacks": r.read("alert.metadata.mitre_technique_id[]").zip(
                r.read("alert.metadata.mitre_tactic_id[]"), _attacks
            ),
        },
        evidences=pair.map(_evidence),
    )


def _end(address: str | None, port: str | None) -> str | None:
    return f"{address} {port or ''}" if address else None


def _evidence(pair: str) -> list[dict[str, Any]] | None:
    found: dict[str, Any] = {}
    for name, text in zip(("src_endpoint", "dst_endpoint"), pair.split("|"), strict=True):
        address, _, port = text.partition(" ")
        if address:
            found[name] = {"ip": address} | ({"port": int(port)} if port.isdigit() else {})
    return [found] if found else None


def _attacks(techniques: str | None, tactics: str | None) -> list[dict[str, Any]] | None:
    numbers = [str(item) for item in orjson.loads(techniques or "[]") if item]
    found: list[dict[str, Any]] = [{"technique": {"uid": number.replace("_", ".")}} for number in numbers]
    if not found:
        found = [{"tactic": {"uid": str(item)}} for item in orjson.loads(tactics or "[]") if item]
    return found or None


@maps("dns")
def dns(r: Record) -> Mapped:
    """Queries and answers; version 3 lists queries, versions 1 and 2 name one."""
    kind = r.read("dns.type").map(lambda word: {"request": "query", "response": "answer"}.get(word, word), pa.string())
    # Up to version 2 an answer's source is the server, later the client: the server's port is the lower one.
    served = r.read("src_port", integer).zip(
        r.read("dest_port", integer), lambda a, b: "" if a and b and a < b else None, pa.string()
    )
    shared = envelope(r) | ends(r, kind.zip(served, lambda word, low: low if word == "answer" else None, pa.string()))
    asked = r.read("dns.queries[]", json(lambda items: items[0]["rrname"], pa.string()))
    record_type = r.read("dns.queries[]", json(lambda items: items[0]["rrtype"], pa.string()))
    listed = r.read("dns.query[]", json(lambda items: items[0]["rrname"], pa.string()))
    code = r.read("dns.rcode")
    return event(
        "dns_activity",
        shared,
        activity_id=kind.replace({"query": 1, "answer": 2}, 0).coalesce(r.constant(0)),
        query={
            "hostname": r.read("dns.rrname").coalesce(asked, listed),
            "type": r.read("dns.rrtype").coalesce(record_type),
            "packet_uid": r.read("dns.id", integer),
        },
        rcode=code,
        rcode_id=code.map(lambda name: RCODES.get(name.upper(), 99)),
        status_id=code.map(lambda name: 1 if name.upper() == "NOERROR" else 2),
        answers=r.read("dns.answers[]", json(_answers)).coalesce(
            r.read("dns.rdata").map(lambda text: [{"rdata": text}])
        ),
    )


def _answers(items: list[dict[str, Any]]) -> list[dict[str, Any]] | None:
    found: list[dict[str, Any]] = []
    for item in items:
        text = item.get("rdata")
        if text is not None:
            found.append({
                "rdata": text if isinstance(text, str) else orjson.dumps(text).decode(),
                "type": item.get("rrtype"),
                "ttl": item.get("ttl"),
            })  # fmt: skip
    return found or None


@maps("http")
def http(r: Record) -> Mapped:
    """A request with its response."""
    method, uri, host = r.read("http.http_method"), r.read("http.url"), r.read("http.hostname")
    shared = envelope(r) | ends(r, answered(r))
    status = r.read("http.status", integer)
    known = method.keep(lambda verb: verb in METHODS)
    port = r.read("http.http_port").coalesce(r.read("dest_port"))
    authority = host.coalesce(shared["dst_endpoint.ip"]).zip(
        port,
        lambda name, number: f"{name}:{number}" if name and number not in (None, "80", "443") else name,
        pa.string(),
    )
    there = status.present
    return event(
        "http_activity",
        shared,
        activity_id=method.map(lambda verb: METHODS.get(verb, 99)).coalesce(r.constant(0)),
        activity_name=method.map(lambda verb: None if verb in METHODS else verb, pa.string()),
        status_id=status.map(lambda number: 1 if number < 400 else 2),
        http_request={
            "http_method": known,
            "user_agent": r.read("http.http_user_agent"),
            "referrer": r.read("http.http_refer"),
            "version": r.read("http.protocol"),
            "x_forwarded_for": r.read("http.xff").map(lambda text: [text]),
            "url": {
                "url_string": uri.zip(authority, _url, pa.string()),
                "hostname": host.where(uri.present),
                "path": uri.map(_path, pa.string()),
                "query_string": uri.map(lambda text: text.partition("?")[2] or None, pa.string()),
            },
        },
        http_response={
            "code": status,
            "content_type": r.read("http.http_content_type").where(there),
            "body_length": r.read("http.length", integer).where(there),
        },
    )


def _url(uri: str | None, authority: str | None) -> str | None:
    """The request line holds only what is behind the host, save at a proxy."""
    if uri is None or "://" in uri[:10] or not uri.startswith("/") or authority is None:
        return uri
    return f"http://{authority}{uri}"


def _path(uri: str) -> str | None:
    path = uri.partition("?")[0]
    return ("/" + path.partition("://")[2].partition("/")[2]) if "://" in path[:10] else path or None


@maps("tls")
def tls(r: Record) -> Mapped:
    """TLS handshakes."""
    serial, issuer = r.read("tls.serial"), r.read("tls.issuerdn")
    whole = serial.present & issuer.present
    return event(
        "network_activity",
        envelope(r) | ends(r, answered(r)),
        activity_id=1,
        app_name="tls",
        tls={
            "version": r.read("tls.version").coalesce(r.constant("unknown")),
            "sni": r.read("tls.sni"),
            "ja3_hash": digest(r.read("tls.ja3.hash"), 1),
            "ja3s_hash": digest(r.read("tls.ja3s.hash"), 1),
            "certificate": {
                "serial_number": serial.where(whole),
                "issuer": issuer.where(whole),
                "subject": r.read("tls.subject").where(whole),
                "created_time": r.read("tls.notbefore", iso).where(whole),
                "expiration_time": r.read("tls.notafter", iso).where(whole),
                "fingerprints": r.read("tls.fingerprint")
                .where(whole)
                .map(lambda text: [{"algorithm_id": 2, "value": text}]),
            },
        },
    )


@maps("ssh")
def ssh(r: Record) -> Mapped:
    """Versions and fingerprints of both sides; EVE does not know how the logon went."""
    sides = {}
    for side, name in (("client_hassh", "client"), ("server_hassh", "server")):
        for key, column in digest(r.read(f"ssh.{name}.hassh.hash"), 20).items():
            sides[f"{side}.fingerprint.{key}"] = column
    return event(
        "ssh_activity",
        envelope(r) | ends(r, answered(r)) | sides,
        activity_id=1,
        app_name="ssh",
        protocol_ver=r.read("ssh.client.proto_version"),
    )


@maps("flow")
def flow(r: Record) -> Mapped:
    """Flows when they end, halves of flows (netflow), packets that were dropped."""
    shared = envelope(r)
    kind = shared["metadata.event_code"]
    state = r.read("flow.state")
    start = r.read("flow.start").coalesce(r.read("netflow.start"))
    end = r.read("flow.end").coalesce(r.read("netflow.end"))
    out, back = r.read("flow.bytes_toserver", integer), r.read("flow.bytes_toclient", integer)
    sent, answers = r.read("flow.pkts_toserver", integer), r.read("flow.pkts_toclient", integer)
    dropped = kind.map(lambda name: 5 if name == "drop" else None, pa.int64())
    return event(
        "network_activity",
        shared | ends(r),
        activity_id=dropped.coalesce(state.map(lambda name: FLOW_STATES.get(name, 6), pa.int64()), r.constant(6))
        if len(dropped.values) or len(state.values)
        else 6,
        app_name=r.read("app_proto").without("failed"),
        action_id=kind.map(lambda name: 2 if name == "drop" else None),
        disposition_id=kind.map(lambda name: 6 if name == "drop" else None),
        status_detail=r.read("flow.reason").coalesce(r.read("drop.reason")),
        start_time=iso(start),
        end_time=iso(end),
        duration=r.read("flow.age", integer).map(lambda seconds: seconds * 1000, pa.int64()),
        connection_info={"tcp_flags": r.read("tcp.tcp_flags").map(_hexadecimal, pa.int64())},
        traffic={
            "bytes_out": out,
            "bytes_in": back,
            "packets_out": sent,
            "packets_in": answers,
            "bytes": _or(total(out, back), r.read("netflow.bytes", integer)),
            "packets": _or(total(sent, answers), r.read("netflow.pkts", integer)),
        },
    )


def _or(column: Column, other_: Column) -> Column:
    return column.coalesce(other_) if len(column.values) else other_


def _hexadecimal(text: str) -> int | None:
    try:
        return int(text, 16)
    except ValueError:
        return None


@maps("file")
def file(r: Record) -> Mapped:
    """Files seen in transfer. The server sends what is downloaded."""
    name = r.read("fileinfo.filename")
    method = r.read("http.http_method").coalesce(r.read("ftp_data.command"), r.read("smb.command"))
    upload = method.map(lambda verb: verb if verb in ("POST", "PUT", "STOR") else None, pa.string())
    download = method.map(lambda verb: verb if verb in ("GET", "RETR") else None, pa.string())
    return event(
        "file_hosting",
        envelope(r) | ends(r, download),
        activity_id=upload.map(lambda _: 1, pa.int64()).coalesce(r.constant(2)) if len(upload.values) else 2,
        actor={"app_name": r.read("app_proto").coalesce(r.constant("unknown"))},
        file={
            "name": basename(name).keep(bool).coalesce(name, r.constant("unknown")),
            "path": name,
            "size": r.read("fileinfo.size", integer),
            "desc": r.read("fileinfo.magic"),
            "mime_type": r.read("http.http_content_type"),
            "hashes": hashes(r, "fileinfo"),
            "type_id": 1,
        },
        http_request={"url.url_string": r.read("http.url").zip(r.read("http.hostname"), _url, pa.string())},
    )


@maps("smb")
def smb(r: Record) -> Mapped:
    """Commands of SMB 1 to 3."""
    command, name = r.read("smb.command"), r.read("smb.filename").keep(bool)
    status = r.read("smb.status_code")
    return event(
        "smb_activity",
        envelope(r) | ends(r, answered(r)),
        activity_id=command.map(lambda word: SMB_COMMANDS.get(word, 99)).coalesce(r.constant(99)),
        activity_name=command.map(lambda word: None if word in SMB_COMMANDS else word, pa.string()),
        command=command,
        dialect=r.read("smb.dialect"),
        share=r.read("smb.share"),
        tree_uid=r.read("smb.tree_id"),
        status_id=status.map(lambda code: 1 if code in ("0x0", "0") else 2),
        status_code=status,
        status_detail=r.read("smb.status"),
        actor={
            "user.name": r.read("smb.ntlmssp.user").keep(bool),
            "user.domain": r.read("smb.ntlmssp.domain").keep(bool),
        },
        file={"name": basename(name), "path": name, "type_id": name.map(lambda _: 0)},
    )


@maps("kerberos")
def kerberos(r: Record) -> Mapped:
    """Answers of the key distribution centre."""
    kind, failed = r.read("krb5.failed_request"), r.read("krb5.error_code")
    message = r.read("krb5.msg_type")
    asked = kind.coalesce(message)
    name = r.read("krb5.cname").without("<empty>", "")
    return event(
        "authentication",
        envelope(r) | ends(r, answered(r), connection=False),
        activity_id=asked.map(lambda word: KERBEROS_EVENTS.get(word, 0)).coalesce(r.constant(0)),
        status_id=message.map(lambda word: 2 if word == "KRB_ERROR" else 1),
        status_code=failed,
        status_detail=failed,
        auth_protocol_id=2,
        is_remote=True,
        service={"name": r.read("krb5.sname").without("<empty>", "").coalesce(r.constant("krb5"))},
        user={
            "name": name.coalesce(r.constant("unknown")),
            "domain": r.read("krb5.realm").without("<empty>", ""),
        },
    )


@maps("rdp")
def rdp(r: Record) -> Mapped:
    """Set-up of remote desktop sessions."""
    return event(
        "rdp_activity",
        envelope(r) | ends(r, answered(r)),
        activity_id=r.read("rdp.event_type").map(lambda word: RDP_EVENTS.get(word, 99)).coalesce(r.constant(0)),
        activity_name=r.read("rdp.event_type").map(lambda word: None if word in RDP_EVENTS else word, pa.string()),
        identifier_cookie=r.read("rdp.cookie"),
        app_name="rdp",
        protocol_ver=r.read("rdp.client.version"),
        src_endpoint={"hostname": r.read("rdp.client.client_name")},
    )


@maps("dhcp")
def dhcp(r: Record) -> Mapped:
    """Messages in both directions."""
    kind = r.read("dhcp.dhcp_type")
    return event(
        "dhcp_activity",
        envelope(r) | ends(r, r.read("dhcp.type").map(lambda word: word if word == "reply" else None, pa.string())),
        activity_id=kind.map(lambda word: DHCP_MESSAGES.get(word, 99)).coalesce(r.constant(0)),
        activity_name=kind.map(lambda word: None if word in DHCP_MESSAGES else word, pa.string()),
        src_endpoint={
            "mac": r.read("dhcp.client_mac"),
            "hostname": r.read("dhcp.hostname"),
            "intermediate_ips": ip(r.read("dhcp.assigned_ip").without("0.0.0.0")).map(lambda address: [address]),
        },
        lease_dur=r.read("dhcp.lease_time", integer),
        transaction_uid=r.read("dhcp.id"),
    )


@maps("ftp")
def ftp(r: Record) -> Mapped:
    """Commands and replies."""
    command, about = r.read("ftp.command"), r.read("ftp.command_data")
    named = command.zip(
        about, lambda verb, what: what if verb in ("STOR", "RETR", "DELE", "RNFR", "RNTO") else None, pa.string()
    )
    codes = r.read(
        "ftp.completion_code[]", json(lambda items: [int(item) for item in items if str(item).isdigit()] or None)
    )
    user = command.zip(about, lambda verb, what: what if verb == "USER" else None, pa.string())
    return event(
        "ftp_activity",
        envelope(r) | ends(r, answered(r)),
        activity_id=command.map(lambda verb: FTP_COMMANDS.get(verb, 99)).coalesce(r.constant(0)),
        activity_name=command.map(lambda verb: None if verb in FTP_COMMANDS else verb, pa.string()),
        command=command,
        codes=codes,
        command_responses=r.read("ftp.reply[]", json(texts)),
        status_id=codes.map(lambda numbers: 1 if numbers[-1] < 400 else 2),
        actor={"user.name": user},
        app_name="ftp",
        file={"name": basename(named), "path": named, "type_id": named.map(lambda _: 0)},
    )


@maps("ot")
def ot(r: Record) -> Mapped:
    """Commands of Modbus and DNP3 by function code (domain reference 4.2)."""
    shared = envelope(r)
    protocol, code = shared["metadata.event_code"], _ot_code(r)
    kind = code.zip(
        protocol,
        lambda number, name: (
            (MODBUS if name == "modbus" else DNP3).get(number, "proprietary") if number is not None else None
        ),
        pa.string(),
    )
    shared["severity_id"] = kind.map(lambda name: CLASSES[name][1]).coalesce(r.constant(1))
    answer = r.read("dnp3.type").map(lambda word: word in ("response", "unsolicited_response"), pa.bool_())
    exception = r.read("modbus.response.exception.raw").coalesce(r.read("modbus.response.exception.code"))
    return event(
        "ot_command_activity",
        shared | ends(r, answered(r)),
        activity_id=kind.map(lambda name: CLASSES[name][0]).coalesce(r.constant(99)),
        status_id=exception.map(lambda _: 2),
        status_detail=r.read("modbus.response.exception.code"),
        ot_command={
            "ot_protocol": protocol.replace({"modbus": "Modbus", "dnp3": "DNP3"}),
            "command_class": kind,
            "function_code": code,
            "operation": r.read("modbus.request.function_code").coalesce(r.read("modbus.response.function_code")),
            "is_response": answer,
            "unit_id": r.read("modbus.request.unit_id", integer),
        },
    )


def _ot_code(r: Record) -> Column:
    found = Column.missing(len(r), pa.int64())
    for name in (
        "modbus.request.function_raw", "modbus.response.function_raw", "dnp3.application.function_code",
        "dnp3.request.application.function_code", "dnp3.response.application.function_code",
    ):  # fmt: skip
        code = r.read(name, integer)
        found = _or(found, code) if len(code.values) else found
    return found


@maps("session")
def session(r: Record) -> Mapped:
    """Anomalies, and types without a class of their own (smtp, snmp, mqtt, sip, nfs, quic ...)."""
    shared = envelope(r)
    odd = r.read("anomaly.event").coalesce(shared["metadata.event_code"])
    return event(
        "network_activity",
        shared | ends(r),
        activity_id=99,
        activity_name=odd,
        message=r.read("anomaly.event").zip(
            r.read("anomaly.type"), lambda name, kind: f"{kind}: {name}" if name else None, pa.string()
        ),
        app_name=r.read("anomaly.app_proto").coalesce(r.read("app_proto")),
    )


@maps("other")
def other(r: Record) -> Mapped:
    """Counters and messages of Suricata itself."""
    return event("base_event", envelope(r), message=r.read("engine.message"))
