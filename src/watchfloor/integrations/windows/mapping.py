r"""Windows event logs to OCSF.

Four shapes come to one flat naming (`normalise`): what Windows says about an event stands under `System.*`
(`System.EventID`, `System.Channel` ...), what the event itself says under its own names (`Image`, `TargetUserName`). So
an event's own `Channel` or `ProcessID` never hides the envelope's.

Sources: Microsoft's "Audit events" reference for the Security log, the Sysmon manifest (schema 4.90), the event
manifests of PowerShell, Task Scheduler, Service Control Manager, Defender, DNS client and Terminal Services.

Text that OCSF wants in another spelling is read, not taken (`User: EXAMPLE\ada`, `0x1f4`): the vendor's own text stays
under `unmapped`, where Sigma rules find it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from watchfloor.collect.convert import boolean, domain_of, integer, ip, iso, real, to, user_of
from watchfloor.collect.mapping import Mapped, Record, event, maps
from watchfloor.collect.records import Records
from watchfloor.ocsf.column import Column
from watchfloor.ocsf.waiting import Waiting

# fmt: off

# -- which event belongs to which family ------------------------------------------------------------------------------

SYSMON, SECURITY, SYSTEM, SERVICES, EVENTLOG, POWERSHELL, ENGINE, TASKS, DEFENDER, SESSIONS, REMOTE, DNS = (
    "sysmon", "security", "system", "services", "eventlog", "powershell", "engine", "tasks", "defender", "sessions",
    "remote", "dns",
)

CHANNELS = {
    "microsoft-windows-sysmon/operational": SYSMON,
    "security": SECURITY,
    "system": SYSTEM,
    "microsoft-windows-powershell/operational": POWERSHELL,
    "powershellcore/operational": POWERSHELL,
    "windows powershell": ENGINE,
    "microsoft-windows-taskscheduler/operational": TASKS,
    "microsoft-windows-windows defender/operational": DEFENDER,
    "microsoft-windows-terminalservices-localsessionmanager/operational": SESSIONS,
    "microsoft-windows-terminalservices-remoteconnectionmanager/operational": REMOTE,
    "microsoft-windows-dns-client/operational": DNS,
    "microsoft-windows-dns client events/operational": DNS,
}

PROVIDERS = {
    "microsoft-windows-sysmon": SYSMON,
    "microsoft-windows-security-auditing": SECURITY,
    "service control manager": SERVICES,
    "microsoft-windows-eventlog": EVENTLOG,
    "eventlog": EVENTLOG,
    "microsoft-windows-powershell": POWERSHELL,
    "powershellcore": POWERSHELL,
    "powershell": ENGINE,
    "microsoft-windows-taskscheduler": TASKS,
    "microsoft-windows-windows defender": DEFENDER,
    "microsoft-windows-terminalservices-localsessionmanager": SESSIONS,
    "microsoft-windows-terminalservices-remoteconnectionmanager": REMOTE,
    "microsoft-windows-dns-client": DNS,
}
"""Whose event ids are known; several providers share the System log and reuse ids."""

FAMILIES: dict[str, dict[str, tuple[int, ...]]] = {
    SYSMON: {
        "process_launch": (1,),
        "process_exit": (5,),
        "file": (2, 11, 15, 23, 26, 27, 28, 29),
        "network": (3,),
        "sensor_state": (4, 16),
        "driver": (6,),
        "module": (7,),
        "inject": (8,),
        "raw_read": (9,),
        "process_access": (10,),
        "registry_key": (12, 14),
        "registry_value": (13,),
        "pipe": (17, 18),
        "wmi": (19, 20, 21),
        "dns": (22,),
        "tampering": (25,),
        "sensor_error": (255,),
    },
    SECURITY: {
        "logon": (4624, 4625, 4648, 4778, 4801),
        "logoff": (4634, 4647, 4779, 4800),
        "ticket": (4768, 4769, 4770, 4771, 4772, 4773, 4776, 4820, 4821, 4822, 4823, 4824),
        "session_rights": (4672,),
        "session_groups": (4627, 4964),
        "audited_launch": (4688,),
        "audited_exit": (4689,),
        "account": (
            4720, 4722, 4723, 4724, 4725, 4726, 4738, 4740, 4741, 4742, 4743, 4765, 4766, 4767, 4780, 4781, 4794,
            5376, 5377,
        ),
        "rights": (4703, 4704, 4705, 4717, 4718),
        "group": (
            4727, 4728, 4729, 4730, 4731, 4732, 4733, 4734, 4735, 4737, 4744, 4745, 4746, 4747, 4748, 4749, 4750,
            4751, 4752, 4753, 4754, 4755, 4756, 4757, 4758, 4759, 4760, 4761, 4762, 4763, 4764,
        ),
        "group_listing": (4799,),
        "user_listing": (4798,),
        "object": (4656, 4658, 4660, 4661, 4663, 4664, 4670, 4673, 4674, 4690, 4691, 4985, 5051),
        "audited_value": (4657,),
        "share": (5140, 5145),
        "directory": (4662, 5136, 5137, 5138, 5139, 5141),
        "packet_filter": (5031, 5150, 5151, 5152, 5153, 5154, 5155, 5156, 5157, 5158, 5159),
        "task": (4698, 4699, 4700, 4701, 4702),
        "service": (4697,),
        "external_device": (6416, 6419, 6420, 6421, 6422, 6423, 6424),
        "event_log": (1100, 1101, 1102, 1104, 1105, 1108, 4719, 4902, 4904, 4905, 4906, 4907, 4912),
    },
    SERVICES: {"service": (7000, 7009, 7022, 7023, 7024, 7026, 7031, 7034, 7035, 7036, 7040, 7045)},
    EVENTLOG: {"event_log": (104, 1100, 1101, 1102, 1104, 1105, 1108, 6005, 6006)},
    SYSTEM: {"service": (7036, 7040, 7045), "event_log": (104, 6005, 6006)},
    POWERSHELL: {"script": (4103, 4104)},
    ENGINE: {"script_host": (400, 403, 600, 800)},
    TASKS: {"task": (100, 102, 106, 110, 129, 140, 141, 142, 200, 201)},
    DEFENDER: {
        "malware": (1006, 1007, 1008, 1015, 1116, 1117, 1118, 1119, 1121, 1122, 1123, 1124, 1125, 1126),
        "protection_state": (1013, 2000, 5000, 5001, 5004, 5007, 5009, 5010, 5011, 5012, 5013, 5101),
    },
    SESSIONS: {"session": (21, 23, 24, 25)},
    REMOTE: {"session": (1149,)},
    DNS: {"dns_client": (3006, 3008, 3018, 3020)},
}

FAMILY = {
    (log, str(code)): name for log, families in FAMILIES.items() for name, codes in families.items() for code in codes
}

OBJECT_TYPES = {"file": "object_file", "directory": "object_file", "key": "object_key"}
"""`ObjectType` of the Security log's object audit."""

# -- the shapes -------------------------------------------------------------------------------------------------------

SYSTEM_ELEMENT = {
    "Provider.Name": "System.Provider_Name",
    "Provider.Guid": "System.Provider_Guid",
    "Provider.EventSourceName": "System.EventSourceName",
    "EventID.#text": "System.EventID",
    "EventID.Qualifiers": "System.Qualifiers",
    "TimeCreated.SystemTime": "System.TimeCreated",
    "Execution.ProcessID": "System.ProcessID",
    "Execution.ThreadID": "System.ThreadID",
    "Correlation.ActivityID": "System.ActivityID",
    "Correlation.RelatedActivityID": "System.RelatedActivityID",
    "Security.UserID": "System.UserID",
}
"""The System element of the Windows event schema; its other children keep their names."""

WINLOGBEAT = {
    "winlog.channel": "System.Channel",
    "winlog.provider_name": "System.Provider_Name",
    "winlog.provider_guid": "System.Provider_Guid",
    "winlog.event_id": "System.EventID",
    "winlog.record_id": "System.EventRecordID",
    "winlog.computer_name": "System.Computer",
    "winlog.task": "System.Task",
    "winlog.opcode": "System.Opcode",
    "winlog.version": "System.Version",
    "winlog.keywords[]": "System.Keywords[]",
    "winlog.activity_id": "System.ActivityID",
    "winlog.related_activity_id": "System.RelatedActivityID",
    "winlog.process.pid": "System.ProcessID",
    "winlog.process.thread.id": "System.ThreadID",
    "winlog.user.identifier": "System.UserID",
    "log.level": "System.Level",
    "@timestamp": "System.TimeCreated",
    "message": "Message",
}

FLAT = {
    "Channel": "System.Channel",
    "log_name": "System.Channel",
    "Provider_Name": "System.Provider_Name",
    "ProviderName": "System.Provider_Name",
    "SourceName": "System.Provider_Name",
    "source_name": "System.Provider_Name",
    "ProviderGuid": "System.Provider_Guid",
    "ProviderGUID": "System.Provider_Guid",
    "provider_guid": "System.Provider_Guid",
    "EventID": "System.EventID",
    "event_id": "System.EventID",
    "Qualifiers": "System.Qualifiers",
    "Computer": "System.Computer",
    "Hostname": "System.Computer",
    "computer_name": "System.Computer",
    "TimeCreated": "System.TimeCreated",
    "SystemTime": "System.TimeCreated",
    "TimeGenerated": "System.TimeCreated",
    "EventRecordID": "System.EventRecordID",
    "RecordNumber": "System.EventRecordID",
    "record_number": "System.EventRecordID",
    "Level": "System.Level",
    "Task": "System.Task",
    "Opcode": "System.Opcode",
    "Keywords": "System.Keywords",
    "keywords[]": "System.Keywords[]",
    "ExecutionProcessID": "System.ProcessID",
    "UserID": "System.UserID",
    "ActivityID": "System.ActivityID",
    "RelatedActivityID": "System.RelatedActivityID",
    "message": "Message",
    "EventData[]": "StringInserts[]",
}
"""NXLog, Fluent Bit, Fluentd and Winlogbeat before 7; where two names of a record mean the same, the upper one."""

BODIES = ("winlog.event_data.", "event_data.", "winlog.user_data.", "user_data.")
UNNAMED = {"Data.#text[]": "Data[]", "Data.#text": "Data", "#text": "Data", "#text[]": "Data[]"}

# -- from code to OCSF ------------------------------------------------------------------------------------------------

SEVERITY = {"0": 1, "1": 4, "2": 3, "3": 2, "4": 1, "5": 1, "critical": 4, "error": 3, "warning": 2, "information": 1}
"""`Level`: how an operator takes it, not how a defender does, hence one step lower than its name."""

OUTCOME = {
    **dict.fromkeys(("0x8020000000000000", "-9214364837600034816", "9232379236109516800", "Audit Success"), 1),
    **dict.fromkeys(("0x8010000000000000", "-9218868437227405312", "9227875636482146304", "Audit Failure"), 2),
    '["Audit Success"]': 1,
    '["Audit Failure"]': 2,
}
"""`Keywords` of the Security log -> status_id."""

FAILED = {"0x0": 1, "0x00000000": 1, "0": 1}

INTEGRITY = {
    "untrusted": 1, "low": 2, "medium": 3, "high": 4, "system": 5, "protected": 6, "appcontainer": 2, "s-1-16-0": 1,
    "s-1-16-4096": 2, "s-1-16-8192": 3, "s-1-16-8448": 3, "s-1-16-12288": 4, "s-1-16-16384": 5, "s-1-16-20480": 6,
}

HASHES = {"MD5": ("MD5", 1), "SHA1": ("SHA-1", 2), "SHA256": ("SHA-256", 3), "IMPHASH": ("Imphash", 18)}

HASH_NAMES = tuple(name for name, _ in HASHES.values())

FILE_ACTIVITY = {"2": 6, "11": 1, "15": 1, "23": 4, "26": 4, "27": 1, "28": 4, "29": 1}
BLOCKED_FILE = {"27": 2, "28": 2}
PIPE_ACTIVITY = {"17": 1, "18": 14}
KEY_ACTIVITY = {"CreateKey": 1, "DeleteKey": 4, "RenameKey": 5, "RenameValue": 5, "CreateValue": 3, "DeleteValue": 4}
VALUE_ACTIVITY = {"SetValue": 2, "DeleteValue": 4, "CreateValue": 2}
AUDITED_VALUE = {"%%1904": 2, "%%1905": 3, "%%1906": 4}
WMI_ACTIVITY = {"Created": 1, "Modified": 3, "Deleted": 4}
WMI_TYPE = {"19": "WMI event filter", "20": "WMI event consumer", "21": "WMI filter to consumer binding"}

LOGON_ACTIVITY = {"4624": 1, "4625": 1, "4648": 1, "4778": 1, "4801": 1}
LOGON_STATUS = {"4624": 1, "4625": 2}
LOGON_TYPES = frozenset(range(14)) - {1, 6}
REMOTE_LOGON = {"3": True, "8": True, "10": True, "12": True, "2": False, "5": False, "7": False, "11": False}
TICKET_ACTIVITY = {"4768": 3, "4772": 3, "4769": 4, "4773": 4, "4770": 5, "4771": 6, "4776": 1, "4820": 3, "4821": 4}
TICKET_PROTOCOL = {"4776": 1, "4822": 1, "4823": 1}
PROTOCOLS = {"ntlm": 1, "kerberos": 2, "wdigest": 3, "negotiate": 99, "microsoft_authentication_package_v1_0": 1}
SESSION_ACTIVITY = {"21": 1, "25": 1, "1149": 1, "23": 2, "24": 2}

ACCOUNT_ACTIVITY = {
    "4720": 1, "4722": 2, "4723": 3, "4724": 4, "4725": 5, "4726": 6, "4740": 9, "4741": 1, "4743": 6, "4767": 12,
    "4794": 4,
}
RIGHTS_ACTIVITY = {"4703": 1, "4704": 1, "4717": 1, "4705": 2, "4718": 2}
GROUP_ACTIVITY = {
    **dict.fromkeys(("4727", "4731", "4744", "4749", "4754", "4759"), 6), **dict.fromkeys(("4728", "4732", "4746",
    "4751", "4756", "4761"), 3), **dict.fromkeys(("4729", "4733", "4747", "4752", "4757", "4762"), 4),
    **dict.fromkeys(("4730", "4734", "4748", "4753", "4758", "4763"), 5),
}
OBJECT_ACTIVITY = {"4656": 14, "4660": 4, "4663": 2, "4664": 1, "4670": 7}
KEY_OBJECT_ACTIVITY = {"4660": 4, "4663": 2, "4670": 6}
DIRECTORY_ACTIVITY = {"4662": 2, "5136": 3, "5137": 1, "5138": 99, "5139": 5, "5141": 4}
FILTER_ACTIVITY = {"5154": 7, "5155": 7, "5158": 7, "5159": 7, "5156": 1, "5157": 5, "5152": 5, "5031": 5}
FILTER_VERDICT = {
    "5154": 1, "5156": 1, "5158": 1, "5031": 2, "5150": 2, "5151": 2, "5152": 2, "5153": 2, "5155": 2, "5157": 2,
    "5159": 2,
}
DIRECTION = {"%%14592": 1, "%%14593": 2}
TASK_ACTIVITY = {
    "4698": 1, "106": 1, "4702": 2, "140": 2, "4699": 3, "141": 3, "4700": 4, "4701": 5, "142": 5, "100": 6, "110": 6,
    "129": 6, "200": 6,
}
SERVICE_ACTIVITY = {
    "4697": 1, "7045": 1, "7040": 2, "7000": 3, "7009": 3, "7022": 3, "7023": 4, "7024": 4, "7026": 3, "7031": 4,
    "7034": 4,
}
DEVICE_ACTIVITY = {"6416": 1, "6422": 3, "6420": 4}
"""6419 and 6421 ask for what 6420 and 6422 do; 6423 forbids it, 6424 lets it in after all."""
DEVICE_REFUSED = {"6423": 2}
DEVICE_TYPES = {
    "diskdrive": 1, "wpd": 1, "keyboard": 2, "mouse": 3, "printer": 4, "printqueue": 4, "monitor": 5, "camera": 7,
    "image": 7,
}
"""Device setup class -> type of a peripheral device."""
SERVICE_STATE = {"running": 3, "stopped": 4, "paused": 5}
SERVICE_FAILED = dict.fromkeys(("7000", "7009", "7022", "7023", "7024", "7026", "7031", "7034"), 2)
START_TYPES = {
    "boot start": 1, "system start": 2, "auto start": 3, "demand start": 4, "disabled": 5, "0": 1, "1": 2, "2": 3,
    "3": 4, "4": 5,
}
SERVICE_TYPES = {
    "kernel mode driver": 1, "file system driver": 2, "user mode service": 3, "0x1": 1, "0x2": 2, "0x10": 3, "0x20":
    4,
}
LOG_ACTIVITY = {"104": 1, "1102": 1, "1105": 4, "1100": 7, "6005": 6, "6006": 7}
THREAT_SEVERITY = {"1": 2, "2": 3, "4": 4, "5": 5}
THREAT_OUTCOME = {"1": 3, "2": 3, "3": 5, "6": 1, "8": 2, "9": 16, "10": 2}
"""Defender's `Action ID`: clean, quarantine, remove, allow, user defined, no action, block -> disposition_id."""
PROTECTION_ACTIVITY = {
    "5000": 6, "5009": 6, "5011": 6, "5001": 7, "5010": 7, "5012": 7, "2000": 8, "5004": 8, "5007": 8,
}
DNS_STATUS = {"0": 0, "9001": 1, "9002": 2, "9003": 3, "9004": 4, "9005": 5}
"""`QueryStatus` of Sysmon 22 and the DNS client: DNS_ERROR_RCODE_* of winerror.h -> rcode_id."""

# -- which vendor field is which OCSF attribute -----------------------------------------------------------------------

ENVELOPE = {
    "metadata.event_code": "System.EventID",
    "metadata.log_name": "System.Channel",
    "metadata.log_provider": "System.Provider_Name",
    "metadata.original_time": "System.TimeCreated",
    "metadata.original_event_uid": "System.EventRecordID",
    "device.hostname": "System.Computer",
    "message": "Message",
}
ACTING = {"actor.process.file.path": "Image", "actor.process.uid": "ProcessGuid"}
IMAGE_FILE = {
    "version": "FileVersion", "desc": "Description", "company_name": "Company", "product.name": "Product",
    "internal_name": "OriginalFileName",
}
SUBJECT = {
    "actor.user.uid": "SubjectUserSid",
    "actor.user.name": "SubjectUserName",
    "actor.user.domain": "SubjectDomainName",
    "actor.session.uid": "SubjectLogonId",
}

NOTHING = pa.array(["-", ""], pa.string())
EMPTY, NO_TEXT, FALSE = pa.scalar("", pa.string()), pa.scalar(None, pa.string()), pa.scalar(False, pa.bool_())
"""Typed, because `pyarrow.compute` looks for pandas whenever it has to find the type of a Python value."""
HASH = pa.list_(
    pa.struct([("algorithm", pa.string()), ("algorithm_id", pa.int64()), ("value", pa.string())])
)

OS = {"device.os.name": "Windows", "device.os.type": "Windows", "device.os.type_id": 100, "device.type_id": 0}


# fmt: on

# -- bringing the shapes together -------------------------------------------------------------------------------------


def normalise(records: Records, settings: Mapping[str, Any]) -> Records:
    """Any of the shapes -> `System.*` and the event's own names."""
    plan: dict[str, str] = {}
    staying: dict[str, list[int]] = {}
    codes, shapes = records.shapes
    for number, shape in enumerate(shapes):
        names, collided = _plan(shape)
        plan.update(names)
        for name in collided:
            staying.setdefault(name, []).append(number)
    records = _renamed(records, plan, {name: np.isin(codes, numbers) for name, numbers in staying.items()})
    if records.column("StringInserts[]") is not None:
        records = _name_inserts(records)
    offset = int(settings.get("event_time_offset_minutes") or 0)
    time = Waiting(len(records), pa.int64(), partial(_time, records, offset))
    return records.with_columns({"System.time": time})


def _renamed(records: Records, plan: Mapping[str, str], staying: Mapping[str, npt.NDArray[np.bool_]]) -> Records:
    """Rename as planned; `staying`: names that keep their place in some rows only, never because of other rows."""
    columns = {name: records.column(name) for name in staying}  # first: what they cost, renaming then shares
    result = records.rename({old: new for old, new in plan.items() if old not in staying})
    mended: dict[str, Column] = {}
    for name, stays in staying.items():
        column, target = columns[name], plan.get(name)
        if column is None or target is None:
            continue
        mended[name] = column.where(stays).compact()
        moved, held = column.where(~stays).compact(), mended.get(target, result.column(target))
        mended[target] = moved if held is None else held.coalesce(moved).distinct()
    return result.with_columns(mended) if mended else result


def _time(records: Records, offset: int) -> Column:
    """TimeCreated; else what the event says itself; else what a shipper saw. NXLog's EventTime has no offset."""
    order = ["System.TimeCreated", "UtcTime", "@timestamp"]
    order.insert(2 if offset else 3, "EventTime")
    time = Column.missing(len(records), pa.int64())
    for name in order:
        column = records.column(name)
        if column is None or bool((time.codes >= 0).all()):
            continue
        found = iso(column.where(time.codes < 0).compact())
        if offset and name == "EventTime":
            found = found.apply(lambda values: pc.subtract(values, pa.scalar(offset * 60_000, pa.int64())))
        time = time.coalesce(found)
    return time


@lru_cache(maxsize=1)
def _inserts() -> dict[str, tuple[str, ...]]:
    """`<log> <event id>` -> the names of its data, in order; see inserts.toml."""
    data = tomllib.loads((Path(__file__).parent / "inserts.toml").read_text("utf-8"))
    return {f"{log} {code}": tuple(names) for log, events in data.items() for code, names in events.items()}


def _name_inserts(records: Records) -> Records:
    """Give the values of `StringInserts[]` the names they have in the event; what cannot be named stays a list."""
    r = Record(records)
    left = r.read("StringInserts[]")
    parsed = left.map(_insert_texts, pa.list_(pa.string()))
    events = _logs(r).zip(r.read("System.EventID"), lambda log, code: f"{log} {code}")
    added: dict[str, Column] = {}
    for number, event_ in enumerate(events.values.to_pylist()):
        names = _inserts().get(event_, ())
        fits = np.append(pc.less_equal(pc.list_value_length(parsed.values), len(names)), False)[parsed.codes]
        lists = parsed.where((events.codes == number) & fits).compact()
        if not names or len(lists.values) == 0:
            continue
        left = left.where(lists.codes < 0)
        width = pc.list_value_length(lists.values)
        for position, name in enumerate(names[: pc.max(width).as_py()]):
            reach = pc.if_else(pc.greater(width, position), lists.values, None)
            column = lists.apply(partial(_instead, _element(reach, position)))
            added[name] = added[name].coalesce(column) if name in added else column
    for name, column in added.items():
        said = records.column(name)
        added[name] = column if said is None else said.coalesce(column)
    return records.with_columns({**added, "StringInserts[]": left})


def _element(lists: pa.Array, position: int) -> pa.Array:
    return pa.array([None if values is None else values[position] for values in lists.to_pylist()], pa.string())


def _insert_texts(text: str) -> list[str | None] | None:
    try:
        values = orjson.loads(text)
    except ValueError:
        return None
    return [v if isinstance(v, str) or v is None else orjson.dumps(v).decode() for v in values]


@lru_cache(maxsize=8192)
def _plan(shape: frozenset[str]) -> tuple[dict[str, str], frozenset[str]]:
    """How the names of one shape are renamed, and which must stay because another name says the same already."""
    table = {}
    flat = not any(name.startswith(("winlog.", "Event.")) for name in shape)
    for name in shape:
        new = _evtx_name(name) if name.startswith("Event.") else None if flat else WINLOGBEAT.get(name)
        if new is None:
            body = next((body for body in BODIES if name.startswith(body)), None)
            if body is not None:
                new = UNNAMED.get(name.removeprefix(body), name.removeprefix(body))
        if new and new != name:
            table[name] = new
    if flat:
        table |= {name: new for name, new in FLAT.items() if name in shape}
    holder: dict[str, str] = {name: name for name in shape if name not in table}
    collided = set()
    order = {name: position for position, name in enumerate(FLAT)}
    for name in sorted(table, key=lambda old: (order.get(old, -1), old)):
        if holder.setdefault(table[name], name) != name:
            collided.add(name)
    return {name: new for name, new in table.items() if name not in collided}, frozenset(collided)


@lru_cache(maxsize=65536)
def _evtx_name(name: str) -> str | None:
    """`Event.System.Provider.#attributes.Name` -> `System.Provider_Name`, `Event.EventData.Image` -> `Image`."""
    bare = name.replace("_attributes.", ".#attributes.").replace(".@", ".#attributes.").replace("#attributes.", "")
    if bare.startswith("Event.System."):
        child = bare.removeprefix("Event.System.")
        return SYSTEM_ELEMENT.get(child, f"System.{child}")
    if name == "Event.EventData.#attributes.Name":
        return "System.EventData_Name"
    if bare.startswith("Event.EventData."):
        child = bare.removeprefix("Event.EventData.")
        return UNNAMED.get(child, child)
    if bare.startswith("Event.UserData."):
        child = bare.removeprefix("Event.UserData.").partition(".")[2]
        return "System.UserData_xmlns" if child == "xmlns" else child
    if bare == "Event.RenderingInfo.Message":
        return "Message"
    return "System.xmlns" if bare == "Event.xmlns" else bare.removeprefix("Event.")


def classify(r: Record) -> Column:
    """The family, from channel (or provider) and event id; object audit also from the type of the object."""
    families = _logs(r).zip(r.read("System.EventID"), lambda name, code: FAMILY.get((name, code), "other"))
    found = families.values.to_pylist()
    if "object" in found:
        families = families.zip(r.read("ObjectType"), _object_family)
    if "registry_key" in found:
        families = families.zip(r.read("EventType"), _registry_family)
    return families


def _logs(r: Record) -> Column:
    return r.read("System.Channel").zip(r.read("System.Provider_Name"), _log)


def _log(channel: str | None, provider: str | None) -> str:
    known = PROVIDERS.get((provider or "").lower())
    log = CHANNELS.get((channel or "").lower(), "")
    return known or ("" if log == SYSTEM and provider else log)


def _object_family(family: str, object_type: str | None) -> str:
    return OBJECT_TYPES.get((object_type or "").lower(), family) if family == "object" else family


def _registry_family(family: str, event_type: str | None) -> str:
    return "registry_value" if family == "registry_key" and event_type in VALUE_ACTIVITY else family


# -- what mappings are made of ----------------------------------------------------------------------------------------


def texts(r: Record, table: Mapping[str, str]) -> dict[str, Column]:
    """Text exactly as it is, attribute -> raw name."""
    found = {attribute: r.take(name) for attribute, name in table.items()}
    return {attribute: column for attribute, column in found.items() if not column.known_missing}


def words(r: Record, table: Mapping[str, str]) -> dict[str, Column]:
    """Text as it is, attribute -> raw name; `-` and the empty text stay under `unmapped`."""
    found: dict[str, Column] = {}
    for attribute, name in table.items():
        column = r.take(name)
        if column.known_missing:
            continue
        found[f"unmapped.{name}"] = column.later(_blanks, pa.string(), parts=True)
        found[attribute] = column.without("-", "")
    return found


def _blanks(column: Column) -> Column:
    """Only what `words` does not take for a value."""
    empty = pc.is_in(column.values, value_set=NOTHING)
    return column.apply(partial(_only, empty)) if empty.true_count else Column.missing(len(column))


def _only(mask: pa.Array, values: pa.Array) -> pa.Array:
    return pc.if_else(mask, values, NO_TEXT)


def numbers(r: Record, table: Mapping[str, str]) -> dict[str, Column]:
    """Decimal or hexadecimal text as numbers; text that a number would not give back stays under `unmapped` as well."""
    return _exactly(r, table, _whole, pa.int64())


def addresses(r: Record, table: Mapping[str, str]) -> dict[str, Column]:
    """IP addresses in canonical text; another spelling stays under `unmapped` as well."""
    return _exactly(r, table, _address, pa.string())


def _exactly(
    r: Record, table: Mapping[str, str], convert: Callable[[pa.Array], pa.Array], type_: pa.DataType
) -> dict[str, Column]:
    found: dict[str, Column] = {}
    for attribute, name in table.items():
        column = r.take(name)
        if column.known_missing:
            continue
        converted = cache(partial(_converted, convert, column))  # once, for who asks for both
        found[attribute] = column.later(partial(_instead_of, converted), type_)
        found[f"unmapped.{name}"] = column.later(partial(_others, converted), pa.string(), parts=True)
    return found


def _converted(convert: Callable[[pa.Array], pa.Array], column: Column) -> pa.Array:
    return convert(column.values)


def _instead_of(converted: Callable[[], pa.Array], column: Column) -> Column:
    return column.apply(partial(_instead, converted()))


def _others(converted: Callable[[], pa.Array], column: Column) -> Column:
    """Only texts that what they were converted to would not give back."""
    same = pc.fill_null(pc.equal(converted().cast(pa.string()), column.values), FALSE)
    return column.apply(partial(_only, pc.invert(same))) if same.false_count else Column.missing(len(column))


def _instead(made: pa.Array, values: pa.Array) -> pa.Array:
    del values
    return made


def _whole(values: pa.Array) -> pa.Array:
    try:
        return values.cast(pa.int64())
    except pa.ArrowInvalid:
        codes = np.arange(len(values), dtype=np.int32)
        return Column(codes, values).integer().plain()


def _address(values: pa.Array) -> pa.Array:
    return ip(Column(np.arange(len(values), dtype=np.int32), values)).plain()


def last_part(column: Column) -> Column:
    r"""`cmd.exe` of `C:\Windows\cmd.exe`: vectorised, because paths of files are nearly all different."""
    return column.later(lambda paths: paths.apply(_last_part), pa.string(), parts=True)


def _last_part(values: pa.Array) -> pa.Array:
    parts = pc.split_pattern(values, "\\", max_splits=1, reverse=True)
    ends = np.cumsum(pc.list_value_length(parts).to_numpy(zero_copy_only=False)) - 1
    last = parts.flatten().take(pa.array(ends))
    return pc.if_else(pc.equal(last, EMPTY), values, last)


def named(found: dict[str, Column], *prefixes: str) -> dict[str, Column]:
    """`<prefix>.file.path` also gives the names of file and process."""
    for prefix in prefixes:
        path = found.get(f"{prefix}.file.path")
        if path is not None:
            found[f"{prefix}.name"] = found[f"{prefix}.file.name"] = last_part(path)
    return found


def person(r: Record, name: str, *prefixes: str) -> dict[str, Column]:
    r"""`EXAMPLE\ada` -> name and domain; the raw text stays."""
    raw = r.read(name, real)
    user, domain = user_of(raw), domain_of(raw)
    return {f"{prefix}.{part}": column for prefix in prefixes for part, column in (("name", user), ("domain", domain))}


@lru_cache(maxsize=65536)
def _hashes(text: str) -> tuple[tuple[str, int, str], ...]:
    pairs = (part.strip().partition("=") for part in text.split(","))
    return tuple((*HASHES[key.upper()], value) for key, _, value in pairs if key.upper() in HASHES and value)


def hashes(column: Column) -> Column:
    """`SHA256=..,IMPHASH=..` -> OCSF fingerprints."""
    return column.later(lambda texts: texts.map(_fingerprints, HASH), HASH, parts=True, own=HASH_NAMES)


def _fingerprints(text: str) -> list[dict[str, Any]] | None:
    return [{"algorithm": a, "algorithm_id": i, "value": v} for a, i, v in _hashes(text)] or None


def code(r: Record, table: Mapping[str, int], default: int | None = None) -> Column:
    """A value that depends on the event id."""
    return r.read("System.EventID", to(table, default))


def envelope(r: Record) -> dict[str, Any]:
    """What every event has."""
    found: dict[str, Any] = dict(OS)
    found["time"] = r.take("System.time")
    found["severity_id"] = r.read("System.Level", to(SEVERITY, 1))
    found |= texts(r, ENVELOPE) | words(r, {"metadata.correlation_uid": "System.ActivityID"})
    if "device.hostname" not in found:
        found["device.hostname"] = r.read("ComputerName").coalesce(r.read("host.name"))
    r.ignore("System.xmlns", "System.UserData_xmlns")
    return found


def outcome(r: Record) -> Column:
    """status_id of a Security event: audit success or failure."""
    return r.read("System.Keywords", to(OUTCOME)).coalesce(r.read("System.Keywords[]", to(OUTCOME)))


def acting(r: Record) -> dict[str, Column]:
    """The process and user that did what a Sysmon event tells."""
    found = named(texts(r, ACTING), "actor.process")
    return found | numbers(r, {"actor.process.pid": "ProcessId"}) | person(r, "User", "actor.user")


def subject(r: Record) -> dict[str, Column]:
    """The account that did what a Security event tells."""
    return words(r, SUBJECT)


def calling_process(r: Record) -> dict[str, Column]:
    """`ProcessName` and `ProcessId` of a Security event: the process that acted."""
    found = named({"actor.process.file.path": r.read("ProcessName", real)}, "actor.process")
    return found | {"actor.process.pid": r.read("ProcessId", integer).without(0)}


def target(r: Record, prefix: str, sid: str = "TargetSid") -> dict[str, Column]:
    """`Target*` of a Security event; the raw texts stay, because they mean another thing in every event."""
    return {
        f"{prefix}.name": r.read("TargetUserName", real),
        f"{prefix}.domain": r.read("TargetDomainName", real),
        f"{prefix}.uid": r.read(sid, real),
    }


# -- Sysmon -----------------------------------------------------------------------------------------------------------


@maps("process_launch")
def process_launch(r: Record) -> Mapped:
    found = envelope(r) | named(
        texts(
            r,
            {
                "process.file.path": "Image",
                "process.cmd_line": "CommandLine",
                "process.uid": "ProcessGuid",
                "process.working_directory": "CurrentDirectory",
                "process.session.uid": "LogonId",
                "process.session.uuid": "LogonGuid",
                "actor.process.file.path": "ParentImage",
                "actor.process.cmd_line": "ParentCommandLine",
                "actor.process.uid": "ParentProcessGuid",
                **{f"process.file.{part}": name for part, name in IMAGE_FILE.items()},
            },
        ),
        "process",
        "actor.process",
    )
    found |= numbers(r, {"process.pid": "ProcessId", "actor.process.pid": "ParentProcessId"})
    found |= person(r, "User", "process.user", "actor.user") | person(r, "ParentUser", "actor.process.user")
    found["process.file.hashes"] = r.read("Hashes", hashes)
    found["process.integrity_id"] = r.read("IntegrityLevel", to(INTEGRITY, 99))
    found["process.created_time"] = r.read("UtcTime", iso)
    return event("process_activity", found, activity_id=1)


@maps("process_exit")
def process_exit(r: Record) -> Mapped:
    return event("process_activity", _own_process(r), activity_id=2)


def _own_process(r: Record) -> dict[str, Any]:
    """A process of which Sysmon does not say who acted: OCSF then wants itself as the actor."""
    found = envelope(r) | named(texts(r, {"process.file.path": "Image", "process.uid": "ProcessGuid"}), "process")
    found |= numbers(r, {"process.pid": "ProcessId"}) | person(r, "User", "process.user", "actor.user")
    return found | {f"actor.process.{part}": found.get(f"process.{part}") for part in ("pid", "uid")}


@maps("inject")
def inject(r: Record) -> Mapped:
    return event("process_activity", _process_to_process(r), activity_id=4, injection_type_id=1)


@maps("process_access")
def process_access(r: Record) -> Mapped:
    rights = r.read("GrantedAccess", integer)
    return event("process_activity", _process_to_process(r), activity_id=3, actual_permissions=rights)


def _process_to_process(r: Record) -> dict[str, Any]:
    """Sysmon 8 says SourceProcessGuid, Sysmon 10 SourceProcessGUID."""
    found = envelope(r) | named(
        texts(
            r,
            {
                "actor.process.file.path": "SourceImage",
                "process.file.path": "TargetImage",
            },
        ),
        "actor.process",
        "process",
    )
    for attribute, names in (
        ("actor.process.uid", ("SourceProcessGUID", "SourceProcessGuid")),
        ("process.uid", ("TargetProcessGUID", "TargetProcessGuid")),
    ):
        found[attribute] = r.first(*names)
    found |= numbers(r, {"actor.process.pid": "SourceProcessId", "process.pid": "TargetProcessId"})
    return found | person(r, "SourceUser", "actor.user") | person(r, "TargetUser", "process.user")


@maps("tampering")
def tampering(r: Record) -> Mapped:
    return event("process_activity", _own_process(r), activity_id=99)


@maps("file")
def file(r: Record) -> Mapped:
    found = envelope(r) | acting(r) | texts(r, {"file.path": "TargetFilename"})
    found["activity_id"] = code(r, FILE_ACTIVITY, 99)
    blocked = code(r, BLOCKED_FILE)
    if len(blocked.values):
        found |= {"action_id": blocked, "disposition_id": blocked}
    found["file.created_time"] = r.read("CreationUtcTime", iso)
    found["file.hashes"] = r.read("Hashes", hashes).coalesce(r.read("Hash", hashes))
    found["file.type_id"] = 1
    return event("file_activity", _file_name(found))


def _file_name(found: dict[str, Any]) -> dict[str, Any]:
    if "file.path" in found:
        found["file.name"] = last_part(found["file.path"])
    return found


@maps("raw_read")
def raw_read(r: Record) -> Mapped:
    found = envelope(r) | acting(r) | texts(r, {"file.path": "Device"})
    return event("file_activity", _file_name(found) | {"file.type_id": 4}, activity_id=2)


@maps("pipe")
def pipe(r: Record) -> Mapped:
    found = envelope(r) | acting(r) | texts(r, {"file.path": "PipeName"})
    found["activity_id"] = code(r, PIPE_ACTIVITY, 99)
    return event("file_activity", _file_name(found) | {"file.type_id": 6})


@maps("module")
def module(r: Record) -> Mapped:
    table = {"module.file.path": "ImageLoaded"} | {f"module.file.{part}": name for part, name in IMAGE_FILE.items()}
    found = envelope(r) | acting(r) | texts(r, table)
    found["module.file.name"] = last_part(found["module.file.path"]) if "module.file.path" in found else None
    found["module.file.hashes"] = r.read("Hashes", hashes)
    return event("module_activity", found | {"module.file.type_id": 1, "module.load_type_id": 1}, activity_id=1)


@maps("driver")
def driver(r: Record) -> Mapped:
    found = envelope(r) | texts(r, {"driver.file.path": "ImageLoaded"})
    found["driver.file.name"] = last_part(found["driver.file.path"]) if "driver.file.path" in found else None
    found["driver.file.hashes"] = r.read("Hashes", hashes)
    found |= {"driver.file.type_id": 1, "actor.app_name": "Windows kernel"}
    return event("kernel_extension_activity", found, activity_id=1)


@maps("registry_key")
def registry_key(r: Record) -> Mapped:
    found = envelope(r) | acting(r) | texts(r, {"reg_key.path": "TargetObject"})
    found["activity_id"] = _event_type(r, found).replace(KEY_ACTIVITY, 99)
    return event("registry_key_activity", found)


@maps("registry_value")
def registry_value(r: Record) -> Mapped:
    found = envelope(r) | acting(r) | texts(r, {"reg_value.path": "TargetObject", "reg_value.data": "Details"})
    if "reg_value.path" in found:
        found["reg_value.name"] = last_part(found["reg_value.path"])
    found["activity_id"] = _event_type(r, found).replace(VALUE_ACTIVITY, 2)
    return event("registry_value_activity", found)


def _event_type(r: Record, found: Mapping[str, Any]) -> Column:
    """Sysmon's EventType. NXLog hides it behind its own of that name; then the message still tells."""
    told = r.read("EventType", to({name: name for name in KEY_ACTIVITY | VALUE_ACTIVITY}))
    if "message" in found and bool((told.codes < 0).any()):
        pattern = r"EventType: (?P<type>\w+)"
        said = found["message"].where(told.codes < 0).compact()
        said = said.apply(lambda values: pc.struct_field(pc.extract_regex(values, pattern), "type"))
        told = told.coalesce(said)
    return told if len(told.values) else Column.constant("", len(r))


@maps("network")
def network(r: Record) -> Mapped:
    found = envelope(r) | acting(r)
    found |= words(
        r,
        {
            "src_endpoint.hostname": "SourceHostname",
            "dst_endpoint.hostname": "DestinationHostname",
            "dst_endpoint.svc_name": "DestinationPortName",
            "src_endpoint.svc_name": "SourcePortName",
            "connection_info.protocol_name": "Protocol",
        },
    )
    found |= addresses(r, {"src_endpoint.ip": "SourceIp", "dst_endpoint.ip": "DestinationIp"})
    found |= numbers(r, {"src_endpoint.port": "SourcePort", "dst_endpoint.port": "DestinationPort"})
    found["connection_info.direction_id"] = r.read("Initiated", boolean).replace({True: 2, False: 1}, 0)
    found["connection_info.protocol_num"] = r.read("Protocol", to({"tcp": 6, "udp": 17, "icmp": 1}))
    return event("network_activity", found, activity_id=1)


@maps("dns")
def dns(r: Record) -> Mapped:
    found = envelope(r) | acting(r)
    return event("dns_activity", found | _query(r), activity_id=2)


@maps("dns_client")
def dns_client(r: Record) -> Mapped:
    return event("dns_activity", envelope(r) | _query(r), activity_id=2)


def _query(r: Record) -> dict[str, Any]:
    found: dict[str, Any] = dict(texts(r, {"query.hostname": "QueryName"}))
    found["query.type"] = r.read("QueryType")
    found["rcode_id"] = r.read("QueryStatus", to(DNS_STATUS, 99))
    found["answers"] = r.read("QueryResults").map(_answers)
    found["src_endpoint.hostname"] = r.read("System.Computer").coalesce(r.read("ComputerName"))
    return found


def _answers(text: str) -> list[dict[str, str]] | None:
    """`type:  5 host.example.com;192.0.2.7;` -> answers."""
    found = []
    for part in filter(None, (part.strip() for part in text.split(";"))):
        if part.startswith("type:"):
            number, _, data = part.removeprefix("type:").strip().partition(" ")
            found.append({"type": "CNAME" if number == "5" else number, "rdata": data})
        elif part != "-":
            plain = part.removeprefix("::ffff:")
            found.append({"type": "AAAA" if ":" in plain else "A", "rdata": plain})
    return found or None


@maps("wmi")
def wmi(r: Record) -> Mapped:
    found = envelope(r) | person(r, "User", "actor.user")
    found["entity.name"] = r.read("Name").coalesce(r.read("Consumer"), r.read("Filter"))
    found["entity.type"] = r.read("System.EventID", to(WMI_TYPE, "WMI"))
    found["activity_id"] = r.read("Operation", to(WMI_ACTIVITY, 99))
    return event("entity_management", found | {"entity.type_id": 99})


@maps("sensor_state")
def sensor_state(r: Record) -> Mapped:
    """Sysmon started or stopped (4), its configuration changed (16)."""
    activity = code(r, {"16": 8}).coalesce(r.read("State", to({"Started": 3, "Stopped": 4}, 99)))
    found = envelope(r) | {"app.name": "Sysmon", "app.version": r.read("Version"), "activity_id": activity}
    return event("application_lifecycle", found)


@maps("sensor_error")
def sensor_error(r: Record) -> Mapped:
    found = envelope(r)
    found["status_code"], found["status_detail"] = r.read("ID"), r.read("Description")
    return event("application_error", found, activity_id=1)


# -- Security ---------------------------------------------------------------------------------------------------------


@maps("logon")
def logon(r: Record) -> Mapped:
    found = envelope(r) | subject(r) | calling_process(r) | _account(r)
    found["activity_id"] = code(r, LOGON_ACTIVITY)
    found["status_id"] = code(r, LOGON_STATUS).coalesce(outcome(r))
    found["is_remote"] = r.read("LogonType", to(REMOTE_LOGON))
    found["logon_type_id"] = r.read("LogonType", integer).map(lambda n: n if n in LOGON_TYPES else 99, pa.int64())
    found["auth_protocol"] = r.read("AuthenticationPackageName", real)
    found["auth_protocol_id"] = r.read("AuthenticationPackageName", real, to(PROTOCOLS, 99))
    found["status_code"] = r.read("SubStatus", real).without("0x0").coalesce(r.read("Status", real))
    found["status_detail"] = r.read("FailureReason", real)
    found["src_endpoint.hostname"] = r.read("WorkstationName", real).coalesce(r.read("ClientName", real))
    found["dst_endpoint.hostname"] = r.read("TargetServerName", real).coalesce(found["device.hostname"])
    found["src_endpoint.ip"] = r.read("IpAddress", ip).coalesce(r.read("ClientAddress", ip))
    found["src_endpoint.port"] = r.read("IpPort", integer).without(0)
    return event("authentication", found)


def _account(r: Record) -> dict[str, Any]:
    """Whom a logon or logoff is about: Target*, or Account* of events 4778 and 4779."""
    found = target(r, "user", "TargetUserSid")
    found["user.name"] = found["user.name"].coalesce(r.read("AccountName", real))
    found["user.domain"] = found["user.domain"].coalesce(r.read("AccountDomain", real))
    found["session.uid"] = r.read("TargetLogonId", real).coalesce(r.read("LogonID", real))
    return found


@maps("logoff")
def logoff(r: Record) -> Mapped:
    found = envelope(r) | subject(r) | _account(r)
    found["logon_type_id"] = r.read("LogonType", integer).map(lambda n: n if n in LOGON_TYPES else 99, pa.int64())
    found["dst_endpoint.hostname"] = found["device.hostname"]
    found["src_endpoint.hostname"] = r.read("ClientName", real)
    found["src_endpoint.ip"] = r.read("ClientAddress", ip)
    found["status_id"] = outcome(r)
    return event("authentication", found, activity_id=2)


@maps("ticket")
def ticket(r: Record) -> Mapped:
    """Kerberos tickets and NTLM validation, as domain controllers see them."""
    found = envelope(r) | target(r, "user")
    found["activity_id"] = code(r, TICKET_ACTIVITY, 99)
    found["auth_protocol_id"] = code(r, TICKET_PROTOCOL, 2)
    found["service.name"], found["service.uid"] = r.read("ServiceName", real), r.read("ServiceSid", real)
    found["src_endpoint.ip"] = r.read("IpAddress", ip)
    found["src_endpoint.port"] = r.read("IpPort", integer).without(0)
    found["src_endpoint.hostname"] = r.read("Workstation", real)
    found["dst_endpoint.hostname"] = found["device.hostname"]
    found["status_code"] = r.read("Status", real)
    found["status_id"] = r.read("Status", to(FAILED, 2)).coalesce(outcome(r))
    return event("authentication", found)


@maps("session")
def session(r: Record) -> Mapped:
    """Remote desktop sessions."""
    found = envelope(r) | person(r, "User", "user")
    found["user.name"] = found["user.name"].coalesce(r.read("Param1", real))
    found["user.domain"] = found["user.domain"].coalesce(r.read("Param2", real))
    found["session.uid"] = r.read("SessionID", real)
    found["src_endpoint.ip"] = r.read("Address", ip).coalesce(r.read("Param3", ip))
    found["dst_endpoint.hostname"] = found["device.hostname"]
    found["activity_id"] = code(r, SESSION_ACTIVITY)
    return event("authentication", found, logon_type_id=10, is_remote=True, status_id=1)


@maps("session_rights")
def session_rights(r: Record) -> Mapped:
    found = envelope(r) | subject(r)
    found["privileges"] = r.read("PrivilegeList").map(_words)
    found |= {f"user.{part}": found.get(f"actor.user.{part}") for part in ("name", "domain", "uid")}
    found |= {"session.uid": found.get("actor.session.uid"), "status_id": outcome(r)}
    return event("authorize_session", found, activity_id=1)


@maps("session_groups")
def session_groups(r: Record) -> Mapped:
    found = envelope(r) | subject(r) | target(r, "user", "TargetUserSid")
    groups = r.read("GroupMembership").coalesce(r.read("SidList")).map(_words)
    found["session.uid"] = r.read("TargetLogonId", real)
    found["group.uid"] = groups.map(lambda sids: sids[0].strip("%{}"), pa.string())
    found["status_id"] = outcome(r)
    return event("authorize_session", found, activity_id=2)


def _words(text: str) -> list[str] | None:
    """Windows separates the items of a list by line ends and tabs."""
    return [word for word in text.split() if word != "-"] or None


@maps("audited_launch")
def audited_launch(r: Record) -> Mapped:
    found = (
        envelope(r)
        | subject(r)
        | named(
            texts(
                r,
                {
                    "process.file.path": "NewProcessName",
                    "process.cmd_line": "CommandLine",
                    "actor.process.file.path": "ParentProcessName",
                },
            ),
            "process",
            "actor.process",
        )
    )
    found |= {"process.pid": r.read("NewProcessId", integer), "actor.process.pid": r.read("ProcessId", integer)}
    found |= target(r, "process.user", "TargetUserSid")
    found["process.session.uid"] = r.read("TargetLogonId", real).without("0x0")
    found["process.integrity_id"] = r.read("MandatoryLabel", to(INTEGRITY, 99))
    found["status_id"] = outcome(r)
    return event("process_activity", found, activity_id=1)


@maps("audited_exit")
def audited_exit(r: Record) -> Mapped:
    found = envelope(r) | subject(r)
    found |= named({"process.file.path": r.read("ProcessName", real)}, "process")
    found |= {"process.pid": r.read("ProcessId", integer), "exit_code": r.read("Status", integer)}
    found["status_id"] = outcome(r)
    return event("process_activity", found, activity_id=2)


@maps("account")
def account(r: Record) -> Mapped:
    found = envelope(r) | subject(r) | target(r, "user")
    found["activity_id"] = code(r, ACCOUNT_ACTIVITY, 99)
    found["user_result.name"] = r.read("NewTargetUserName", real)
    found["user.name"] = found["user.name"].coalesce(r.read("OldTargetUserName", real))
    found["status_id"] = outcome(r)
    return event("account_change", found)


@maps("rights")
def rights(r: Record) -> Mapped:
    found = envelope(r) | subject(r) | target(r, "user")
    found["user.uid"] = found["user.uid"].coalesce(r.read("TargetUserSid", real))
    listed = (r.read(name, real) for name in ("PrivilegeList", "AccessGranted", "AccessRemoved"))
    adjusted = (r.read(name, real) for name in ("EnabledPrivilegeList", "DisabledPrivilegeList"))
    found["privileges"] = r.missing().coalesce(*listed, *adjusted).map(_words)
    found |= calling_process(r)
    found["activity_id"], found["status_id"] = code(r, RIGHTS_ACTIVITY, 99), outcome(r)
    return event("user_access", found)


@maps("group")
def group(r: Record) -> Mapped:
    found = envelope(r) | subject(r) | target(r, "group")
    found["activity_id"], found["status_id"] = code(r, GROUP_ACTIVITY, 99), outcome(r)
    found["user.name"], found["user.uid"] = r.read("MemberName", real), r.read("MemberSid", real)
    return event("group_management", found)


@maps("group_listing")
def group_listing(r: Record) -> Mapped:
    found = envelope(r) | subject(r) | target(r, "group") | _caller(r)
    return event("admin_group_query", found, activity_id=1, query_result_id=1)


@maps("user_listing")
def user_listing(r: Record) -> Mapped:
    found = envelope(r) | subject(r) | target(r, "user") | _caller(r)
    return event("user_query", found, activity_id=1, query_result_id=1)


def _caller(r: Record) -> dict[str, Any]:
    found: dict[str, Any] = dict(named({"actor.process.file.path": r.read("CallerProcessName", real)}, "actor.process"))
    return found | {"actor.process.pid": r.read("CallerProcessId", integer), "status_id": outcome(r)}


@maps("object")
def object_(r: Record) -> Mapped:
    """A handle, a privilege or an object that is neither file nor registry key."""
    found = envelope(r) | subject(r) | calling_process(r)
    found["win_resource.name"] = r.read("ObjectName", real).coalesce(
        r.read("Service", real), r.read("ResourceManager", real), r.read("ObjectServer", real), r.constant("unknown")
    )
    found["win_resource.uid"] = r.read("HandleId", real).coalesce(r.read("SourceHandleId", real))
    found["win_resource.type"] = r.read("ObjectType", real)
    found["win_resource.svc_name"] = r.read("ObjectServer", real)
    found |= {"win_resource.type_id": 99, "status_id": outcome(r)}
    return event("windows_resource_activity", found, activity_id=1)


@maps("object_file")
def object_file(r: Record) -> Mapped:
    found = envelope(r) | subject(r) | calling_process(r)
    found["file.path"] = r.read("ObjectName", real)
    found["access_mask"] = r.read("AccessMask", integer)
    found["activity_id"], found["status_id"] = code(r, OBJECT_ACTIVITY, 99), outcome(r)
    found["file.security_descriptor"] = r.read("NewSd", real)
    return event("file_activity", _file_name(found) | {"file.type_id": 0})


@maps("object_key")
def object_key(r: Record) -> Mapped:
    found = envelope(r) | subject(r) | calling_process(r)
    found["reg_key.path"] = r.read("ObjectName", real)
    found["access_mask"] = r.read("AccessMask", integer)
    found["activity_id"], found["status_id"] = code(r, KEY_OBJECT_ACTIVITY, 2), outcome(r)
    found["reg_key.security_descriptor"] = r.read("NewSd", real)
    return event("registry_key_activity", found)


@maps("audited_value")
def audited_value(r: Record) -> Mapped:
    found = envelope(r) | subject(r) | calling_process(r)
    found["reg_value.path"], found["reg_value.name"] = r.read("ObjectName", real), r.read("ObjectValueName", real)
    found["reg_value.data"], found["prev_reg_value.data"] = r.read("NewValue", real), r.read("OldValue", real)
    found["activity_id"], found["status_id"] = r.read("OperationType", to(AUDITED_VALUE, 99)), outcome(r)
    if len(found["prev_reg_value.data"].values):
        had = found["prev_reg_value.data"].present
        for part in ("path", "name"):
            found[f"prev_reg_value.{part}"] = found[f"reg_value.{part}"].where(had)
    return event("registry_value_activity", found)


@maps("share")
def share(r: Record) -> Mapped:
    found = envelope(r) | subject(r)
    found["share"] = r.read("ShareName", real)
    found["file.path"] = r.read("RelativeTargetName", real)
    found["src_endpoint.ip"] = r.read("IpAddress", ip)
    found["src_endpoint.port"] = r.read("IpPort", integer).without(0)
    found["dst_endpoint.hostname"] = found["device.hostname"]
    found["share_type_id"] = found["share"].map(lambda name: 2 if name.lower().endswith("\\ipc$") else 1, pa.int64())
    found["file.type_id"] = Column.constant(0, len(r)).where(found["file.path"].present)
    found["status_id"] = outcome(r)
    return event("smb_activity", _file_name(found), activity_id=2)


@maps("directory")
def directory(r: Record) -> Mapped:
    found = envelope(r) | subject(r)
    found["entity.name"] = r.read("ObjectDN", real).coalesce(r.read("ObjectName", real), r.read("NewObjectDN", real))
    found["entity.uid"] = r.read("ObjectGUID", real)
    found["entity.type"] = r.read("ObjectClass", real).coalesce(r.read("ObjectType", real))
    found["activity_id"], found["status_id"] = code(r, DIRECTORY_ACTIVITY), outcome(r)
    return event("entity_management", found | {"entity.type_id": 99})


@maps("packet_filter")
def packet_filter(r: Record) -> Mapped:
    """The Windows Filtering Platform let something pass or stopped it."""
    found = envelope(r)
    found |= named({"actor.process.file.path": r.read("Application", real)}, "actor.process")
    found["actor.process.pid"] = r.read("ProcessID", integer).coalesce(r.read("ProcessId", integer))
    found |= addresses(r, {"src_endpoint.ip": "SourceAddress", "dst_endpoint.ip": "DestAddress"})
    found |= numbers(r, {"src_endpoint.port": "SourcePort", "dst_endpoint.port": "DestPort"})
    found["connection_info.protocol_num"] = r.read("Protocol", integer)
    found["connection_info.direction_id"] = r.read("Direction", to(DIRECTION, 0)).coalesce(r.constant(0))
    verdict = code(r, FILTER_VERDICT)
    found |= {"activity_id": code(r, FILTER_ACTIVITY, 99), "action_id": verdict, "disposition_id": verdict}
    return event("network_activity", found)


# -- services, tasks, logs --------------------------------------------------------------------------------------------


@maps("task")
def task(r: Record) -> Mapped:
    found = envelope(r) | subject(r) | texts(r, {"job.name": "TaskName"})
    content = r.read("TaskContent").coalesce(r.read("TaskContentNew"))
    found["job.cmd_line"] = content.map(_command).coalesce(r.read("ActionName", real), r.read("Path", real))
    found["job.user.name"] = r.read("UserContext", user_of).coalesce(r.read("UserName", user_of))
    found["activity_id"] = code(r, TASK_ACTIVITY, 99)
    return event("scheduled_job_activity", found)


def _command(xml: str) -> str | None:
    """`<Command>` and `<Arguments>` of a task definition."""
    parts = [_between(xml, f"<{tag}>", f"</{tag}>") for tag in ("Command", "Arguments")]
    return " ".join(part for part in parts if part) or None


def _between(text: str, before: str, after: str) -> str:
    found = text.partition(before)[2].partition(after)[0].strip()
    for entity, char in (("&quot;", '"'), ("&lt;", "<"), ("&gt;", ">"), ("&apos;", "'"), ("&amp;", "&")):
        found = found.replace(entity, char)
    return found


@maps("service")
def service(r: Record) -> Mapped:
    """7045 and 4697 name the fields; the others of the Service Control Manager number them."""
    found = envelope(r) | subject(r)
    waits = r.read("System.EventID", to({"7009": "7009"}))
    first = r.read("param1").where(waits.codes < 0).coalesce(r.read("param2"))
    found["win_service.name"] = r.read("ServiceName").coalesce(first, r.constant("unknown"))
    found["win_service.cmd_line"] = r.read("ImagePath").coalesce(r.read("ServiceFileName"))
    found["win_service.service_start_name"] = r.read("AccountName", real).coalesce(r.read("ServiceAccount", real))
    start = r.read("StartType", to(START_TYPES, 99)).coalesce(r.read("ServiceStartType", to(START_TYPES, 99)))
    found["win_service.service_start_type_id"] = start.coalesce(r.constant(0))
    found["win_service.service_type_id"] = r.read("ServiceType", to(SERVICE_TYPES, 99))
    state = r.read("param2", to(SERVICE_STATE))
    found["activity_id"] = code(r, SERVICE_ACTIVITY).coalesce(state, r.constant(99))
    found["status_id"] = code(r, SERVICE_FAILED).coalesce(outcome(r))
    found["actor.app_name"] = "Service Control Manager"
    return event("windows_service_activity", found)


@maps("external_device")
def external_device(r: Record) -> Mapped:
    """A device was recognised, enabled, disabled, or its installation forbidden (Plug and Play audit)."""
    found = envelope(r) | subject(r)
    found["peripheral_device.name"] = r.read("DeviceDescription").coalesce(r.constant("unknown"))
    found["peripheral_device.uid"] = r.read("DeviceId")
    found["peripheral_device.class"] = r.read("ClassName")
    found["peripheral_device.type_id"] = r.read("ClassName", to(DEVICE_TYPES, 99)).coalesce(r.constant(0))
    found["peripheral_device.vendor_id_list"] = r.read("VendorIds", real).map(str.split)
    found["activity_id"] = code(r, DEVICE_ACTIVITY, 99)
    found["status_id"] = code(r, DEVICE_REFUSED).coalesce(outcome(r))
    return event("peripheral_activity", found)


@maps("event_log")
def event_log(r: Record) -> Mapped:
    found = envelope(r) | subject(r)
    found["log_name"] = r.read("Channel").coalesce(r.read("System.Channel"))
    found["log_provider"] = r.read("System.Provider_Name")
    found["file.path"] = r.read("BackupPath", real)
    found["activity_id"] = code(r, LOG_ACTIVITY).coalesce(
        r.read("AuditPolicyChanges").map(lambda text: 10 if "%%8448" in text or "%%8450" in text else 9, pa.int64()),
        r.constant(99),
    )
    found["file.type_id"] = Column.constant(1, len(r)).where(found["file.path"].present)
    return event("event_log_actvity", _file_name(found))


@maps("script")
def script(r: Record) -> Mapped:
    """A script block (4104), or what one command of a pipeline did (4103)."""
    found = envelope(r) | texts(
        r,
        {
            "script.script_content.value": "ScriptBlockText",
            "script.uid": "ScriptBlockId",
            "script.file.path": "Path",
        },
    )
    content = found.get("script.script_content.value", r.missing())
    found["script.script_content.value"] = content.coalesce(r.read("Payload"), r.constant(""))
    if "script.file.path" in found:
        found["script.file.name"] = found["script.name"] = last_part(found["script.file.path"])
        found["script.file.type_id"] = Column.constant(1, len(r)).where(found["script.file.path"].present)
    found["actor.user.uid"] = r.read("System.UserID", real)
    found |= {"script.type_id": 2, "actor.app_name": "PowerShell"}
    return event("script_activity", found, activity_id=1)


@maps("script_host")
def script_host(r: Record) -> Mapped:
    """The PowerShell engine or a provider of it started, stopped or ran a pipeline."""
    found = envelope(r) | {"app.name": "PowerShell", "activity_id": code(r, {"400": 3, "403": 4, "600": 3}, 99)}
    return event("application_lifecycle", found)


# -- Defender ---------------------------------------------------------------------------------------------------------


@maps("malware")
def malware(r: Record) -> Mapped:
    found = envelope(r) | person(r, "Detection User", "actor.user")
    name = r.read("Threat Name", real).coalesce(r.read("ThreatName", real), r.read("ID", real))
    grave = r.read("Severity ID", to(THREAT_SEVERITY, 3))
    uid = r.read("Detection ID", real).coalesce(r.read("System.EventRecordID"), found["metadata.event_code"])
    found["finding_info.uid"] = uid
    found["finding_info.title"] = name.coalesce(r.constant("Microsoft Defender"))
    found["severity_id"] = grave if len(grave.values) else r.constant(3)
    found["malware"] = name.map(
        lambda threat: [{"name": threat, "provider": "Microsoft Defender", "classification_ids": [0]}]
    )
    acted = r.read("Action ID", to(THREAT_OUTCOME, 0)).coalesce(code(r, {"1121": 2, "1123": 2, "1125": 2}, 15))
    found["disposition_id"] = acted
    found["evidences"] = r.read("Path", real).map(_defender_files)
    return event("detection_finding", found, activity_id=1, is_alert=True)


def _defender_files(text: str) -> list[dict[str, Any]] | None:
    """`file:_C:\\x.exe; process:_pid:7`: what Defender found the threat in."""
    paths = [part.strip().partition(":_")[2] or part.strip() for part in text.split(";")]
    return [{"file": {"path": path, "name": path.rpartition("\\")[2] or path, "type_id": 0}} for path in paths if path]


@maps("protection_state")
def protection_state(r: Record) -> Mapped:
    found = envelope(r) | {"app.name": "Microsoft Defender Antivirus", "app.version": r.read("Product Version", real)}
    return event("application_lifecycle", found | {"activity_id": code(r, PROTECTION_ACTIVITY, 99)})


# -- everything else --------------------------------------------------------------------------------------------------


@maps("other")
def other(r: Record) -> Mapped:
    return event("base_event", envelope(r) | {"activity_id": 99})
