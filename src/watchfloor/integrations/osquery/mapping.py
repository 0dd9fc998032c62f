"""osquery's result log to OCSF.

A record is a row of a scheduled query (`columns`), and queries are named by whoever wrote them. So what a row means
is told by the table that the name ends in (`pack/base/process_events`, `pack_base_process_events`), else by columns
that only rows of that table hold. The columns keep osquery's names under `unmapped.columns.*`; the tables lead
Sigma's names there.

Sources: osquery's schema (osquery.io/schema/5.x) and "Logging" in its documentation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa

from watchfloor.collect.convert import basename, integer, ip, times, to, unix_s
from watchfloor.collect.mapping import Mapped, Record, event, maps
from watchfloor.ocsf.column import Column

TABLES: tuple[tuple[str, str], ...] = (
    ("process_file_events", "file"), ("process_events", "process"), ("socket_events", "socket"),
    ("file_events", "file"), ("ntfs_journal_events", "file"), ("logged_in_users", "session"),
    ("user_events", "session"), ("last", "session"), ("dns_lookup_events", "dns"),
)  # fmt: skip
"""Table a query's name ends in -> family; `bpf_` and `es_` tables end in these as well."""

TELLING: tuple[tuple[frozenset[str], str], ...] = (
    (frozenset(("cmdline", "path", "pid", "parent", "auid")), "process"),
    (frozenset(("cmdline", "path", "pid", "parent", "syscall")), "process"),
    (frozenset(("remote_address", "remote_port", "action", "pid")), "socket"),
    (frozenset(("remote_address", "remote_port", "syscall")), "socket"),
    (frozenset(("target_path", "action", "category")), "file"),
    (frozenset(("user", "tty", "host", "type")), "session"),
    (frozenset(("username", "tty", "host", "type", "time")), "session"),
)
"""Columns that only rows of that table hold."""

DEMANDS: Mapping[str, tuple[frozenset[str], ...]] = {
    "process": (frozenset(("pid",)),),
    "socket": (frozenset(("remote_address",)), frozenset(("local_address",))),
    "file": (frozenset(("target_path",)), frozenset(("path",)), frozenset(("dest_path",))),
    "session": (frozenset(("user",)), frozenset(("username",)), frozenset(("uid",))),
    "dns": (frozenset(("query",)),),
}
"""Columns of which a row of that family has at least one set; without them it is a row like any other."""

FILE_ACTIONS: Mapping[str, int] = {
    "CREATED": 1, "UPDATED": 3, "DELETED": 4, "MOVED_FROM": 5, "MOVED_TO": 5, "ATTRIBUTES_MODIFIED": 6, "ACCESSED": 2,
    "OPENED": 14, "OPEN": 14, "create": 1, "write": 3, "read": 2, "rename": 5, "unlink": 4, "FILECREATION": 1,
    "FILEDELETION": 4, "FILEWRITE": 3,
}  # fmt: skip
SOCKET_ACTIONS: Mapping[str, int] = {"connect": 1, "bind": 7, "listen": 7, "accept": 1, "accept4": 1}
INBOUND = frozenset(("accept", "accept4", "bind", "listen"))
SESSION_TYPES: Mapping[str, int] = {"user": 1, "login": 1, "7": 1, "6": 1, "8": 2, "dead": 2}
"""utmp types of logged_in_users (words) and last (numbers; 7 a user's process, 8 a dead one)."""
PROTOCOLS: Mapping[str, str] = {"1": "icmp", "6": "tcp", "17": "udp", "58": "icmp6"}
PLATFORMS: Mapping[str, tuple[str, int]] = {
    "darwin": ("macOS", 300), "windows": ("Windows", 100), "ubuntu": ("Linux", 200), "linux": ("Linux", 200),
    "debian": ("Linux", 200), "centos": ("Linux", 200), "rhel": ("Linux", 200), "amzn": ("Linux", 200),
    "fedora": ("Linux", 200), "arch": ("Linux", 200), "suse": ("Linux", 200), "opensuse": ("Linux", 200),
}  # fmt: skip
STATUS_SEVERITY: Mapping[str, int] = {"0": 1, "1": 2, "2": 3, "3": 4}
_PREFIX = "columns."
_PARTS = re.compile(r"[/\-:.\s]")


def classify(r: Record) -> Column:
    """By the query's name, else by the columns of the row."""
    codes, shapes = r.records.shapes
    texts = [
        ",".join(sorted(name.removeprefix(_PREFIX) for name in shape if name.startswith(_PREFIX))) for shape in shapes
    ]
    return r.read("name").zip(Column(codes.astype(np.int32), pa.array(texts, pa.string())), _family, pa.string())


@lru_cache(maxsize=65536)
def _family(query: str | None, columns: str | None) -> str:
    names = frozenset((columns or "").split(",")) - {""}
    if not names:
        return "other"
    last = _PARTS.split((query or "").lower())[-1]
    told = next((family for table, family in TABLES if last == table or last.endswith(f"_{table}")), None)
    told = told or next((family for wanted, family in TELLING if wanted <= names), None)
    return told if told and any(demand <= names for demand in DEMANDS[told]) else "query"


def said(r: Record, *names: str) -> Column:
    """The first of these columns of the row that says something."""
    return r.missing().coalesce(*(r.read(f"{_PREFIX}{name}").keep(bool) for name in names))


def envelope(r: Record) -> dict[str, Any]:
    """What every record has: when, which host, which query. A row's own time beats the query's, until it goes."""
    action = r.read("action")
    gone = action.keep(lambda word: word == "removed").present
    own = unix_s(said(r, "time")).keep(lambda ms: ms > 0).where(~gone)
    asked = unix_s(r.read("unixTime"))
    calendar = r.take("calendarTime")
    time = own
    for other_ in (asked, times("%a %b %d %H:%M:%S %Y %Z", "%a %b %d %H:%M:%S %Y")(calendar)):
        time = time.coalesce(other_) if len(time.values) else other_
    host = r.take("hostIdentifier")
    platform = r.read("decorations.platform").coalesce(
        r.read("decorations.os_platform"), r.read("platform"), said(r, "build_platform")
    )
    named = host.coalesce(r.read("decorations.hostname"), r.read("decorations.host"))
    return {
        "time": time,
        "severity_id": 1,
        "metadata.event_code": r.take("name"),
        "metadata.log_name": "osqueryd.results",
        "metadata.original_time": calendar,
        "metadata.correlation_uid": said(r, "eid"),
        "device.hostname": named,
        "device.name": r.constant(r.records.source).where(~named.present),
        "device.uid": r.read("decorations.host_uuid").coalesce(r.read("decorations.hardware_uuid")),
        "device.type_id": 0,
        "device.os.type": platform.map(lambda name: PLATFORMS.get(name.lower(), (None, 0))[0], pa.string()),
        "device.os.type_id": platform.map(lambda name: PLATFORMS.get(name.lower(), (None, None))[1], pa.int64()),
        "device.os.name": platform.map(lambda name: name if name.lower() in PLATFORMS else None, pa.string()),
    }


def _unix(found: dict[str, Any]) -> dict[str, Any]:
    """Tables of Linux (audit, BPF) have `auid` or `syscall`: hosts whose decorations say nothing are Linux then."""
    if not len(found["device.os.type"].values):
        found |= {"device.os.type": "Linux", "device.os.type_id": 200, "device.os.name": "Linux"}
    return found


def acting(r: Record, prefix: str) -> dict[str, Column]:
    """The process of an event row."""
    path = said(r, "path")
    return {
        f"{prefix}.pid": said(r, "pid").integer(),
        f"{prefix}.file.path": path,
        f"{prefix}.name": basename(path).keep(bool),
        f"{prefix}.cmd_line": said(r, "cmdline", "cmdline_raw"),
    }


@maps("process")
def process(r: Record) -> Mapped:
    """Processes that started; `bpf_process_events` names the exit of the call."""
    found = envelope(r)
    if r.has("columns.auid") or r.has("columns.syscall"):
        _unix(found)
    kind, login = said(r, "event_type"), said(r, "auid").without("4294967295", "-1")
    path = said(r, "path")
    return event(
        "process_activity",
        found | acting(r, "process"),
        activity_id=kind.map(lambda word: 2 if word.lower() == "exit" else 1).coalesce(r.constant(1))
        if len(kind.values)
        else 1,
        exit_code=said(r, "exit_code").integer(),
        process={
            "working_directory": said(r, "cwd").map(lambda text: text.strip('"'), pa.string()),
            "user.uid": said(r, "uid"),
            "user.name": said(r, "username"),
            "euid": said(r, "euid").integer(),
            "file.name": basename(path).keep(bool),
            "file.type_id": path.map(lambda _: 1),
        },
        actor={
            "user.uid": login.coalesce(said(r, "uid")),
            "user.name": said(r, "username").where(~login.present),  # it is the effective user's
            "process": {"pid": said(r, "parent").integer(), "file.path": _parent(r)},
        },
    )


def _parent(r: Record) -> Column:
    return said(r, "parent_path").where(said(r, "parent").present)


@maps("socket")
def socket(r: Record) -> Mapped:
    """Sockets: who called whom, or listened."""
    found = _unix(envelope(r))
    action = said(r, "action", "syscall")
    inbound = action.map(lambda word: word in INBOUND or None, pa.bool_()).present
    local, remote = ip(said(r, "local_address")), ip(said(r, "remote_address"))
    local_port, remote_port = said(r, "local_port").integer(), said(r, "remote_port").integer()
    failed = said(r, "success", "exit_code").zip(
        said(r, "status"), lambda good, status: status not in (None, "succeeded", "in_progress", "no_client")
        if status else None, pa.bool_()
    )  # fmt: skip

    def side(near: Column, far: Column) -> Column:
        parts = [near.where(inbound), far.where(~inbound)]
        return parts[0].coalesce(parts[1]) if len(near.values) else parts[1]

    source, target = side(remote, local), side(local, remote)
    here = found["device.hostname"].coalesce(found["device.name"])
    return event(
        "network_activity",
        found | acting(r, "actor.process"),
        activity_id=action.map(lambda word: SOCKET_ACTIONS.get(word, 99)).coalesce(r.constant(1)),
        activity_name=action.map(lambda word: None if word in SOCKET_ACTIONS else word, pa.string()),
        status_id=failed.map(lambda bad: 2 if bad else 1),
        actor={"user.uid": said(r, "auid", "uid").without("4294967295")},
        connection_info={
            "direction_id": action.map(lambda word: 1 if word in INBOUND else 2).coalesce(r.constant(0)),
            "protocol_name": said(r, "protocol").replace(PROTOCOLS),
            "protocol_num": said(r, "protocol").integer(),
        },
        src_endpoint={
            "ip": source,
            "port": side(remote_port, local_port).where(source.present | ~inbound),
            "hostname": here.where(~inbound),
        },
        dst_endpoint={
            "ip": target,
            "port": side(local_port, remote_port).where(target.present | inbound),
            "hostname": here.where(inbound),
        },
    )


@maps("file")
def file(r: Record) -> Mapped:
    """Changes of watched files."""
    found = envelope(r)
    action = said(r, "action", "operation", "event_type")
    path = said(r, "target_path", "dest_path", "path")
    hashes = said(r, "sha256")
    return event(
        "file_activity",
        found,
        activity_id=action.map(lambda word: FILE_ACTIONS.get(word, 99)).coalesce(r.constant(0)),
        activity_name=action.map(lambda word: None if word in FILE_ACTIONS else word, pa.string()),
        file={
            "path": path,
            "name": basename(path).keep(bool).coalesce(path),
            "type_id": 1,
            "size": said(r, "size").integer(),
            "hashes": hashes.map(lambda value: [{"algorithm_id": 3, "value": value}]),
            "owner.uid": said(r, "uid"),
        },
        actor={
            "process": {
                "pid": said(r, "pid").integer(),
                "file.path": said(r, "executable").where(said(r, "pid").present),
            },
            "user.uid": said(r, "uid"),
            "app_name": "osquery",
        },
    )


@maps("session")
def session(r: Record) -> Mapped:
    """Who is logged in (a row that is gone is a logoff), who was, and what PAM reported."""
    found = envelope(r)
    kind = said(r, "type").map(SESSION_TYPES.get, pa.int64())
    gone = r.read("action").map(lambda word: 2 if word == "removed" else None, pa.int64())
    activity = gone
    for other_ in (kind, r.constant(1)):
        activity = activity.coalesce(other_) if len(activity.values) else other_
    host = said(r, "host", "address")
    address = ip(host)
    return event(
        "authentication",
        found,
        activity_id=activity,
        status_id=1,
        is_remote=host.map(lambda text: True if text not in ("", "localhost") and not text.startswith(":") else None),
        user={"name": said(r, "user", "username"), "uid": said(r, "uid")},
        session={"terminal": said(r, "tty", "terminal")},
        service={"name": "login"},
        src_endpoint={
            "ip": address,
            "hostname": host.zip(address, lambda text, found_: text if text and not found_ else None, pa.string()),
        },
        dst_endpoint={"hostname": found["device.hostname"]},
    )


@maps("dns")
def dns(r: Record) -> Mapped:
    """Lookups that Windows reported."""
    found = envelope(r)
    host = found["device.hostname"].coalesce(found["device.name"])
    return event(
        "dns_activity",
        found,
        activity_id=1,
        query={"hostname": said(r, "query", "name"), "type": said(r, "type")},
        actor={
            "process": {"pid": said(r, "pid").integer(), "file.path": said(r, "path").where(said(r, "pid").present)}
        },
        src_endpoint={"hostname": host},
    )


@maps("query")
def query(r: Record) -> Mapped:
    """A row of any other query. Added and removed say how the host's state changed, not what happened."""
    found = envelope(r)
    return event(
        "base_event",
        found,
        activity_name=r.read("action"),
        message=found["metadata.event_code"],
    )


@maps("other")
def other(r: Record) -> Mapped:
    """Records without a row of their own: whole snapshots, batches, the status log."""
    found = envelope(r)
    found["severity_id"] = r.read("severity", to(STATUS_SEVERITY, 1)).coalesce(r.constant(1))
    return event(
        "base_event",
        found,
        activity_name=r.read("action"),
        message=r.read("message").coalesce(found["metadata.event_code"]),
        count=r.read("counter", integer).map(lambda _: None),
    )
