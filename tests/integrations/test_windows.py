"""The Windows integration: shapes come to one naming, families to the right class, real recordings lose nothing."""

from __future__ import annotations

import contextlib
import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watchfloor.collect.integration import Integration, load_manifest
from watchfloor.collect.mapper import MappedBatch, Mapper
from watchfloor.collect.records import Piece, tokenise
from watchfloor.estate import find_integrations
from watchfloor.testing.integration import RECEIVED, read_sample, samples

WINDOWS: Integration = next(found for found in find_integrations() if found.id == "windows")

SYSTEM = {
    "Provider": {"#attributes": {"Name": "Microsoft-Windows-Sysmon"}},
    "EventID": 1,
    "Level": 4,
    "TimeCreated": {"#attributes": {"SystemTime": "2026-03-02T08:00:00.123456Z"}},
    "Channel": "Microsoft-Windows-Sysmon/Operational",
    "Computer": "ws-042.example.com",
    "Execution": {"#attributes": {"ProcessID": 3544, "ThreadID": 1}},
}


def mapped(*records: Mapping[str, Any], setting: Mapping[str, Any] | None = None) -> MappedBatch:
    """What the integration makes of these records."""
    lines = [json.dumps(record).encode() + b"\n" for record in records]
    return mapped_lines(lines, setting)


def mapped_lines(lines: list[bytes], setting: Mapping[str, Any] | None = None) -> MappedBatch:
    """What the integration makes of these lines."""
    offsets = np.cumsum([0, *map(len, lines)])
    count = len(lines)
    piece = Piece(b"".join(lines), offsets, np.arange(count), np.full(count, RECEIVED))
    found, bad = tokenise([piece], source="test", stream="test")
    batch = Mapper([WINDOWS.with_settings(setting) if setting else WINDOWS]).map(found, only="windows")
    batch.bad += bad
    return batch


def one(record: Mapping[str, Any], setting: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The single event of a single record."""
    batch = mapped(record, setting=setting)
    assert not batch.bad
    (events,) = batch.events
    (event,) = events.to_pylist()
    return {"class": events.class_name, **event}


def evtx(data: Mapping[str, Any] | None, body: str = "EventData", **system: Any) -> dict[str, Any]:
    """A record as the EVTX reader renders it."""
    return {"Event": {"System": SYSTEM | system, body: data}}


SHAPES = {
    "evtx": evtx({"Image": "C:\\a\\b.exe", "ProcessId": 7, "User": "EXAMPLE\\ada"}),
    "evtx, separate attributes": {
        "Event": {
            "System": {
                "Provider_attributes": {"Name": "Microsoft-Windows-Sysmon"},
                "EventID": 1,
                "TimeCreated_attributes": {"SystemTime": "2026-03-02T08:00:00.123456Z"},
                "Channel": SYSTEM["Channel"],
                "Computer": SYSTEM["Computer"],
            },
            "EventData": {"Image": "C:\\a\\b.exe", "ProcessId": 7, "User": "EXAMPLE\\ada"},
        }
    },
    "winlogbeat": {
        "@timestamp": "2026-03-02T08:00:00.123Z",
        "winlog": {
            "event_id": "1",
            "channel": SYSTEM["Channel"],
            "provider_name": "Microsoft-Windows-Sysmon",
            "computer_name": SYSTEM["Computer"],
            "event_data": {"Image": "C:\\a\\b.exe", "ProcessId": "7", "User": "EXAMPLE\\ada"},
        },
    },
    "winlogbeat 6": {
        "@timestamp": "2026-03-02T08:00:00.123Z",
        "event_id": 1,
        "log_name": SYSTEM["Channel"],
        "source_name": "Microsoft-Windows-Sysmon",
        "computer_name": SYSTEM["Computer"],
        "event_data": {"Image": "C:\\a\\b.exe", "ProcessId": "7", "User": "EXAMPLE\\ada"},
    },
    "nxlog": {
        "EventTime": "2026-03-02 08:00:00",
        "UtcTime": "2026-03-02 08:00:00.123",
        "EventID": 1,
        "Channel": SYSTEM["Channel"],
        "SourceName": "Microsoft-Windows-Sysmon",
        "Hostname": SYSTEM["Computer"],
        "Image": "C:\\a\\b.exe",
        "ProcessId": "7",
        "User": "EXAMPLE\\ada",
    },
    "fluent bit": {
        "TimeCreated": "2026-03-02 08:00:00.123 +0000",
        "EventID": 1,
        "Channel": SYSTEM["Channel"],
        "ProviderName": "Microsoft-Windows-Sysmon",
        "Computer": SYSTEM["Computer"],
        "StringInserts": ["-", None, None, "7", "C:\\a\\b.exe", *[None] * 7, "EXAMPLE\\ada"],
    },
    "flat": {
        "TimeCreated": "2026-03-02 08:00:00.123",
        "EventID": "1",
        "Channel": SYSTEM["Channel"],
        "Provider_Name": "Microsoft-Windows-Sysmon",
        "Computer": SYSTEM["Computer"],
        "Image": "C:\\a\\b.exe",
        "ProcessId": "7",
        "User": "EXAMPLE\\ada",
    },
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_comes_to_the_same_event(shape: str) -> None:
    event = one(SHAPES[shape])
    assert event["class"] == "process_activity" and event["activity_id"] == 1
    assert event["time"] == 1_772_438_400_123
    assert event["device"]["hostname"] == "ws-042.example.com"
    assert event["metadata"]["event_code"] == "1"
    assert event["metadata"]["log_name"] == SYSTEM["Channel"]
    assert event["metadata"]["log_provider"] == "Microsoft-Windows-Sysmon"
    assert event["process"]["file"] | {"type": None, "type_id": None} == {
        "path": "C:\\a\\b.exe", "name": "b.exe", "type": None, "type_id": None,
    }  # fmt: skip
    assert event["process"]["pid"] == 7
    assert event["actor"]["user"] == {"name": "ada", "domain": "EXAMPLE"}
    assert event["unmapped"]["User"] == "EXAMPLE\\ada"
    assert event["wf"]["time_origin"] == "source"


def test_all_shapes_in_one_batch() -> None:
    batch = mapped(*SHAPES.values())
    (events,) = batch.events
    assert len(events) == len(SHAPES) and not batch.bad
    assert {event["process"]["file"]["path"] for event in events.to_pylist()} == {"C:\\a\\b.exe"}


def test_the_name_of_an_event_never_hides_the_envelope() -> None:
    """5156 says ProcessID of its own; 104 says Channel of its own."""
    filtered = one(
        evtx(
            {"ProcessID": 6336, "Application": "\\device\\x.exe", "SourceAddress": "192.0.2.1", "SourcePort": "5"},
            EventID=5156,
            Channel="Security",
            Provider={"#attributes": {"Name": "Microsoft-Windows-Security-Auditing"}},
        )
    )
    assert filtered["actor"]["process"]["pid"] == 6336
    assert filtered["unmapped"]["System.ProcessID"] == "3544"
    cleared = one(
        evtx(
            {"LogFileCleared": {"Channel": "Security", "SubjectUserName": "ada"}},
            "UserData",
            EventID={"#text": 104, "#attributes": {"Qualifiers": 0}},
            Channel="System",
            Provider={"#attributes": {"Name": "Microsoft-Windows-Eventlog"}},
        )
    )
    assert cleared["class"] == "event_log_actvity" and cleared["activity_id"] == 1
    assert cleared["metadata"]["log_name"] == "System"
    assert cleared["log_name"] == "Security" == cleared["unmapped"]["Channel"]


def test_inserts_nobody_can_name_stay_a_list() -> None:
    known, unknown = SHAPES["fluent bit"], SHAPES["fluent bit"] | {"EventID": 24}
    longer = SHAPES["fluent bit"] | {"StringInserts": ["x"] * 40}
    events = [
        event
        for batch in mapped(known, unknown | {"StringInserts": "odd"}, longer).events
        for event in batch.to_pylist()
    ]
    by_row = {event["wf"]["source_seq"]: event["unmapped"] for event in events}
    assert "StringInserts[]" not in by_row[0]
    assert by_row[1]["StringInserts"] == "odd"
    assert json.loads(by_row[2]["StringInserts[]"]) == ["x"] * 40


def test_two_names_for_one_thing_lose_nothing() -> None:
    event = one(SHAPES["flat"] | {"Hostname": "other.example.com", "SourceName": "Else"})
    assert event["device"]["hostname"] == "ws-042.example.com"
    assert event["unmapped"]["Hostname"] == "other.example.com"
    assert event["unmapped"]["SourceName"] == "Else"


@pytest.mark.parametrize(
    ("text", "pid", "left"), [("0x1f4", 500, "0x1f4"), ("500", 500, None), ("none", None, "none"), ("007", 7, "007")]
)
def test_numbers_keep_the_text_they_cannot_give_back(text: str, pid: int | None, left: str | None) -> None:
    event = one(evtx({"Image": "a.exe", "ProcessId": text}))
    assert event["process"].get("pid") == pid
    assert event["unmapped"].get("ProcessId") == left


def test_addresses_are_canonical_and_keep_their_spelling() -> None:
    event = one(
        evtx({"SourceIp": "2001:db8:0:0:0:0:0:1", "DestinationIp": "192.0.2.9", "DestinationHostname": "-"}, EventID=3)
    )
    assert event["src_endpoint"]["ip"] == "2001:db8::1"
    assert event["unmapped"]["SourceIp"] == "2001:db8:0:0:0:0:0:1"
    assert "DestinationIp" not in event["unmapped"]
    assert "hostname" not in event["dst_endpoint"] and event["unmapped"]["DestinationHostname"] == "-"


def test_time_of_nxlog_follows_the_setting() -> None:
    record = {key: value for key, value in SHAPES["nxlog"].items() if key != "UtcTime"}
    assert one(record)["time"] == 1_772_438_400_000
    assert one(record, {"event_time_offset_minutes": 60})["time"] == 1_772_438_400_000 - 3_600_000


def test_no_time_is_the_time_of_receipt() -> None:
    record = evtx({"Image": "a.exe", "ProcessGuid": "x"})
    record["Event"]["System"]["TimeCreated"] = None
    event = one(record)
    assert event["time"] == RECEIVED and event["wf"]["time_origin"] == "received"


@pytest.mark.parametrize(
    ("object_type", "class_name"),
    [("File", "file_activity"), ("Key", "registry_key_activity"), ("Process", "windows_resource_activity"),
     (None, "windows_resource_activity")],
)  # fmt: skip
def test_object_audit_is_told_by_the_type_of_the_object(object_type: str | None, class_name: str) -> None:
    data = {"ObjectType": object_type, "ObjectName": "\\x\\y", "HandleId": "0x1", "SubjectUserName": "ada"}
    assert one(evtx(data, EventID=4663, Channel="Security", Provider=None))["class"] == class_name


def test_an_event_id_of_another_provider_is_not_mistaken() -> None:
    """Providers share the System log and reuse ids."""
    event = one(evtx({"param1": "x"}, EventID=7036, Channel="System", Provider={"#attributes": {"Name": "Somebody"}}))
    assert event["class"] == "base_event" and event["unmapped"]["param1"] == "x"


@pytest.mark.parametrize("path", samples(WINDOWS.folder), ids=lambda path: path.stem)
def test_nothing_of_a_sample_is_lost(path: Path) -> None:
    """Every scalar of the raw record is somewhere in the event, as it was written."""
    sample = read_sample(path, Mapper([WINDOWS]))
    events = {e["wf"]["source_seq"]: e for batch in sample.events for e in batch.to_pylist()}
    for row, raw in enumerate(sample.raw):
        kept = set(_texts(events[row]))
        for name, text in _named("", json.loads(raw)):
            if "xmlns" not in name:
                assert text in kept, f"{path.name}:{row + 1}: {name}"


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
    else:
        yield str(value).lower() if isinstance(value, bool) else str(value)
        if isinstance(value, str) and value[:1] == "[":
            with contextlib.suppress(ValueError):
                yield from _texts(json.loads(value))


def _named(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _named(f"{name}.{key}", inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _named(name, inner)
    elif value is not None:
        yield name, str(value).lower() if isinstance(value, bool) else str(value)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
CODES = st.sampled_from([1, 3, 4, 10, 12, 13, 22, 104, 255, 1102, 1116, 4103, 4624, 4656, 4688, 4698, 4720, 5156, 7045])
LOGS = st.sampled_from([
    "Microsoft-Windows-Sysmon/Operational", "Security", "System", "Windows PowerShell", "Application",
    "Microsoft-Windows-PowerShell/Operational", "Microsoft-Windows-Windows Defender/Operational",
])  # fmt: skip
FIELDS = st.sampled_from([
    "Image", "ProcessId", "UtcTime", "User", "Hashes", "SourceIp", "DestinationPort", "EventType", "TargetObject",
    "QueryResults", "LogonType", "IpAddress", "TaskContent", "ObjectType", "PrivilegeList", "Severity ID", "Path",
    "Data", "Channel", "#text", "#attributes", "",
])  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(CODES, LOGS, st.dictionaries(FIELDS, SCALARS | st.lists(SCALARS, max_size=3))), min_size=1))
def test_hostile_values_neither_crash_nor_vanish(records: list[tuple[int, str, dict[str, Any]]]) -> None:
    batch = mapped(*(evtx(data, EventID=code, Channel=log, Provider=None) for code, log, data in records))
    assert not [bad for bad in batch.bad if "mapping" in bad.reason]
    assert batch.rows + len(batch.bad) == len(records)


# -- real recordings, where they lie beside the project ---------------------------------------------------------------


def _accounted(name: str, lines: list[bytes]) -> int:
    batch = mapped_lines(lines)
    assert not batch.bad, f"{name}: {batch.bad[0].reason}"
    assert batch.rows == len(lines), name
    return batch.rows


def test_otrf_recordings_lose_nothing(shared_data: Path) -> None:
    total = 0
    for path in sorted((shared_data / "it/otrf_mordor").rglob("*/windows/**/*.zip")):
        with zipfile.ZipFile(path) as archive:
            for member in archive.namelist():
                if member.endswith(".json") and not member.startswith("__MACOSX"):
                    with archive.open(member) as file:
                        lines = [line for line in file if line.strip()]
                    total += _accounted(member, lines)
    assert total > 50_000


@pytest.mark.parametrize("name", ["it/evtx_to_mitre/evtx.zip", "it/sigma_regression/regression_data.zip"])
def test_recorded_event_files_lose_nothing(shared_data: Path, tmp_path: Path, name: str) -> None:
    total = 0
    mapper = Mapper([WINDOWS])
    with zipfile.ZipFile(shared_data / name) as archive:
        for number, member in enumerate(sorted(archive.namelist())):
            if not member.endswith(".evtx"):
                continue
            path = tmp_path / f"{number}.evtx"
            path.write_bytes(archive.read(member))
            sample = read_sample(path, mapper)
            assert not sample.bad, f"{member}: {sample.bad[0]}"
            assert sum(map(len, sample.events)) == len(sample.raw), member
            total += len(sample.raw)
    assert total >= 98


def test_the_manifest_can_be_read_from_anywhere(tmp_path: Path) -> None:
    """The folder stands alone: an estate may keep a changed copy."""
    copy = tmp_path / "windows"
    copy.mkdir()
    for name in ("manifest.toml", "mapping.py"):
        (copy / name).write_bytes((WINDOWS.folder / name).read_bytes())
    assert load_manifest(copy).mappings.functions.keys() == WINDOWS.families.keys()


def test_a_record_is_mapped_the_same_whatever_stands_beside_it() -> None:
    plain = {"EventID": 7045, "Channel": "System", "Hostname": "ws-042", "SourceName": "Service Control Manager"}
    both = {**plain, "ProviderName": "Service Control Manager", "SourceName": "agent"}
    (alone,) = mapped(plain).events
    (beside,) = mapped(plain, both).events
    first, second = beside.to_pylist()
    assert first == alone.to_pylist()[0]
    assert first["metadata"]["log_provider"] == second["metadata"]["log_provider"] == "Service Control Manager"
    assert "SourceName" not in first.get("unmapped", {})
    assert second["unmapped"]["SourceName"] == "agent"
