"""Windows rules of Sigma on SQLite, as pySigma's SQLite backend writes them: the peer our findings are held against.

Nothing here shares code with the engine: rules are parsed and written as SQL by pySigma, log sources become plain
conditions on Channel and EventID, and events become one wide table. The way Zircolite works, too.
"""

from __future__ import annotations

import functools
import re
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

SYSMON = "Microsoft-Windows-Sysmon/Operational"
POWERSHELL = ["Microsoft-Windows-PowerShell/Operational", "PowerShellCore/Operational"]

SYSMON_IDS: Mapping[str, Sequence[int]] = {
    "file_change": (2,),
    "network_connection": (3,),
    "sysmon_status": (4, 16),
    "process_termination": (5,),
    "driver_load": (6,),
    "image_load": (7,),
    "create_remote_thread": (8,),
    "raw_access_thread": (9,),
    "process_access": (10,),
    "file_event": (11,),
    "registry_add": (12,),
    "registry_delete": (12,),
    "registry_event": (12, 13, 14),
    "registry_set": (13,),
    "registry_rename": (14,),
    "create_stream_hash": (15,),
    "pipe_created": (17, 18),
    "wmi_event": (19, 20, 21),
    "dns_query": (22,),
    "file_delete": (23, 26),
    "process_tampering": (25,),
    "file_block_executable": (27,),
    "file_block_shredding": (28,),
    "file_executable_detected": (29,),
    "sysmon_error": (255,),
}
"""Category -> Sysmon's event ids (Sysmon manifest, schema 4.90)."""

POWERSHELL_IDS: Mapping[str, tuple[Any, int]] = {
    "ps_script": (POWERSHELL, 4104),
    "ps_module": (POWERSHELL, 4103),
    "ps_classic_start": ("Windows PowerShell", 400),
    "ps_classic_provider_start": ("Windows PowerShell", 600),
    "ps_classic_script": ("Windows PowerShell", 800),
}

ENVELOPE = frozenset(("tags", "@version", "Message", "message", "port", "SourceModuleType", "SourceModuleName", "type"))
"""What the shipper says about itself; and the rendered text, which repeats all fields."""

Hits = Mapping[str, frozenset[int]]
"""Rule id -> numbers of the records it matches."""


def log_source(rule: Mapping[str, Any]) -> Any:
    """A rule's log source as a detection on Channel and EventID; None where it is not one of Windows."""
    source = rule.get("logsource", {})
    category, service = source.get("category"), source.get("service")
    if source.get("product") != "windows":
        return None
    if category == "process_creation":
        return [{"Channel": SYSMON, "EventID": 1}, {"Channel": "Security", "EventID": 4688}]
    if category in SYSMON_IDS:
        return {"Channel": SYSMON, "EventID": list(SYSMON_IDS[category])}
    if category in POWERSHELL_IDS:
        channel, event_id = POWERSHELL_IDS[category]
        return {"Channel": channel, "EventID": event_id}
    from sigma.pipelines.common import windows_logsource_mapping

    channel = windows_logsource_mapping.get(service)
    return None if category or channel is None else {"Channel": channel}


def documents(folders: Iterable[Path]) -> tuple[dict[str, dict[str, Any]], Counter[str]]:
    """The rules as documents whose detection also asks for the log source, by rule id; and why others are left out."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    made: dict[str, dict[str, Any]] = {}
    left: Counter[str] = Counter()
    for path in sorted(path for folder in folders for path in folder.rglob("*.yml")):
        found = [document for document in yaml.load_all(path.read_text("utf-8"), loader) if document]
        rule = found[0]
        source = log_source(rule) if len(found) == 1 and "detection" in rule else None
        if source is None:
            left["not of Windows"] += 1
            continue
        detection = rule["detection"]
        if not isinstance(detection["condition"], str):
            left["several conditions"] += 1
            continue
        detection["_source"] = source  # `them` does not mean names that begin with _
        detection["condition"] = f"({detection['condition']}) and _source"
        rule["logsource"] = {"product": "windows"}
        made[str(rule["id"])] = rule
    return made, left


def queries(folders: Iterable[Path]) -> tuple[dict[str, str], Counter[str]]:
    """The rules as SQL: rule id -> condition; and why the others are none."""
    from sigma.backends.sqlite import sqliteBackend
    from sigma.exceptions import SigmaError
    from sigma.rule import SigmaRule

    backend = sqliteBackend()
    made: dict[str, str] = {}
    found, left = documents(folders)
    for name, rule in found.items():
        try:
            (text,) = backend.convert_rule(SigmaRule.from_dict(rule))
        except (SigmaError, NotImplementedError, ValueError) as error:
            left[type(error).__name__] += 1
            continue
        made[name] = text.partition(" WHERE ")[2]
    return made, left


def flat(event: Mapping[str, Any]) -> dict[str, str]:
    """One recorded event under Sigma's field names, all values as text."""
    fields: dict[str, Any] = {}
    for name, value in event.items():
        if name in ENVELOPE or value is None:
            continue
        if isinstance(value, dict):
            inner = {key: item for key, item in value.items() if not isinstance(item, dict | list) and item is not None}
            fields = inner | fields
        else:
            fields[name] = "\n".join(map(str, value)) if isinstance(value, list) else value
    provider = next((fields[n] for n in ("SourceName", "source_name", "ProviderName") if fields.get(n)), None)
    if provider is not None:
        fields["Provider_Name"] = provider
    fields.setdefault("EventID", fields.get("event_id"))
    fields.setdefault("Channel", fields.get("log_name"))
    fields.setdefault("Computer", fields.get("Hostname") or fields.get("host"))
    if str(fields["EventID"]) == "4688" and str(fields["Channel"]).lower() == "security":
        for new, old in (("Image", "NewProcessName"), ("ParentImage", "ParentProcessName")):
            if old in fields:
                fields[new] = fields[old]
    if "ProcessId" in fields:  # SQLite's columns know no case; `ProcessID` is the logging service's own
        fields.pop("ProcessID", None)
    return {name: _text(value) for name, value in fields.items() if value is not None}


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def database(events: Iterable[Mapping[str, str]], columns: Iterable[str]) -> sqlite3.Connection:
    """A table `logs` of those events, rowid = position + 1, with an index on EventID.

    Args:
        columns: names that must be there although no event may have them.
    """
    rows = list(events)
    names: dict[str, str] = {}
    for name in (*columns, *(name for row in rows for name in row)):
        names.setdefault(name.lower(), name)
    connection = sqlite3.connect(":memory:")
    connection.create_function("REGEXP", 2, _regexp, deterministic=True)
    listed = ", ".join(f'"{_quoted(name)}" TEXT COLLATE NOCASE' for name in names.values())
    connection.execute(f"CREATE TABLE logs ({listed})")
    order = {lower: number for number, lower in enumerate(names)}
    marks = ", ".join("?" * len(order))
    for row in rows:
        values: list[str | None] = [None] * len(order)
        for name, value in row.items():
            values[order[name.lower()]] = value
        connection.execute(f"INSERT INTO logs VALUES ({marks})", values)
    connection.execute('CREATE INDEX by_event ON logs ("EventID")')
    return connection


def _quoted(name: str) -> str:
    return name.replace('"', '""')


@functools.lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _regexp(pattern: str, value: str | None) -> bool:
    return value is not None and _compiled(pattern).search(value) is not None


def hits(connection: sqlite3.Connection, conditions: Mapping[str, str]) -> tuple[Hits, dict[str, str]]:
    """What every rule matches, by position in the table; and why some could not run."""
    found: dict[str, frozenset[int]] = {}
    failed: dict[str, str] = {}
    for rule, condition in conditions.items():
        try:
            rows = connection.execute(f"SELECT rowid - 1 FROM logs WHERE {condition}").fetchall()
        except sqlite3.Error as error:
            failed[rule] = str(error)
            continue
        found[rule] = frozenset(number for (number,) in rows)
    return found, failed
