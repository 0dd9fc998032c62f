"""Linux, Zeek, Suricata, osquery: what records mean, when they happened, whose they are; recorded data without loss."""

from __future__ import annotations

import gzip
import re
import subprocess
import sys
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchfloor.collect.formats.syslog import SYSLOG
from watchfloor.collect.mapper import MappedBatch, Mapper
from watchfloor.collect.records import Piece, tokenise
from watchfloor.estate import find_integrations
from watchfloor.ocsf.validate import validate
from watchfloor.testing.integration import RECEIVED, Sample, read_sample, samples

OURS = ("linux", "osquery", "suricata", "zeek")

FIRED: Mapping[str, tuple[str, ...]] = {
    "linux": (
        "ASLR Disabled Via Sysctl or Direct Syscall - Linux",
        "Creation Of An User Account",
        "Disable System Firewall",
        "Linux Keylogging with Pam.d",
        "Local System Accounts Discovery - Linux",
        "Modifying Crontab",
        "Sudo Privilege Escalation CVE-2019-14287 - Builtin",
        "Suspicious C2 Activities",
        "Systemd Service Creation",
    ),
    "osquery": ("Curl Usage on Linux", "MacOS Scripting Interpreter AppleScript"),
    "suricata": ("Exploit Framework User Agent",),
    "zeek": (
        "Default Cobalt Strike Certificate",
        "Kerberos Network Traffic RC4 Ticket Encryption",
        "MITRE BZAR Indicators for Execution",
        "Potential PetitPotam Attack Via EFS RPC Calls",
        "SMB Spoolss Name Piped Usage",
        "Suspicious DNS Z Flag Bit Set",
    ),
}
"""Rules of SigmaHQ that must fire on our samples."""


@pytest.fixture(scope="module")
def mapper() -> Mapper:
    return Mapper(find_integrations())


def mapped(mapper: Mapper, *records: Mapping[str, Any], received: int = RECEIVED) -> MappedBatch:
    """What all integrations together make of these records."""
    lines = [orjson.dumps(record) + b"\n" for record in records]
    offsets, sequence = np.cumsum([0, *map(len, lines)], dtype=np.int64), np.arange(len(lines), dtype=np.int64)
    piece = Piece(b"".join(lines), offsets, sequence, np.full(len(lines), received, np.int64))
    found, bad = tokenise([piece], source="test", stream="test")
    batch = mapper.map(found)
    batch.bad += bad
    return batch


def one(mapper: Mapper, record: Mapping[str, Any], *, received: int = RECEIVED) -> dict[str, Any]:
    """The single event of a single record."""
    batch = mapped(mapper, record, received=received)
    assert not batch.bad
    (events,) = batch.events
    (event,) = events.to_pylist()
    return event


def line(mapper: Mapper, text: str, *, received: int = RECEIVED) -> dict[str, Any]:
    """The event of a syslog line."""
    return one(mapper, SYSLOG.fields(text), received=received)


# -- recognition ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", OURS)
def test_samples_are_recognised_among_all_integrations(mapper: Mapper, name: str) -> None:
    (integration,) = (found for found in find_integrations() if found.id == name)
    for path in samples(integration.folder):
        sample = read_sample(path, mapper)
        assert not sample.bad, path.name
        assert set(sample.integrations) == {name}, path.name


@pytest.mark.parametrize("name", OURS)
def test_odd_values_never_quarantine(mapper: Mapper, name: str) -> None:
    """Every sample as JSON with every value replaced by something else than it should be."""
    (integration,) = (found for found in find_integrations() if found.id == name)
    alone = Mapper([integration])
    for path in samples(integration.folder):
        records = [orjson.loads(raw) for raw in read_sample(path, alone).raw]
        odd: Any
        for odd in ("", "x", "-", "99999999999999999999999", -1, 1.5, True, None, [], [None], [{}], {}, {"a": [1]}):
            told = ("_path", "event_type", "name", "action", "types")
            broken = [{key: value if key in told else odd for key, value in record.items()} for record in records]
            batch = mapped(alone, *broken)
            assert not [bad for bad in batch.bad if "failed" in bad.reason], (path.name, odd, batch.bad[:1])


# -- syslog ---------------------------------------------------------------------------------------------------------


@given(
    moment=st.datetimes(datetime(2000, 3, 1), datetime(2037, 1, 1)),
    age=st.timedeltas(timedelta(hours=-23), timedelta(days=360)),
)
def test_a_time_without_a_year_gets_the_year_it_was_received_in(moment: datetime, age: timedelta) -> None:
    moment = moment.replace(microsecond=0, tzinfo=UTC)
    integration = next(found for found in find_integrations() if found.id == "linux")
    stamp = f"{moment:%b} {moment.day:2} {moment:%H:%M:%S}"
    event = line(Mapper([integration]), f"{stamp} web01 app[1]: hello", received=int((moment + age).timestamp() * 1000))
    assert datetime.fromtimestamp(event["time"] / 1000, UTC) == moment
    assert event["metadata"]["original_time"] == stamp


def test_the_29th_of_february_goes_back_to_a_leap_year(mapper: Mapper) -> None:
    event = line(mapper, "Feb 29 12:00:00 web01 app: hello")
    assert datetime.fromtimestamp(event["time"] / 1000, UTC).year == 2024


def test_a_line_without_a_time_gets_the_time_it_was_received(mapper: Mapper) -> None:
    event = one(mapper, {"pri": 38, "facility": "auth", "severity": "info", "app_name": "sshd", "message": "hello"})
    assert event["time"] == RECEIVED and event["wf"]["time_origin"] == "received"


def test_local_time_is_shifted_by_the_setting() -> None:
    (linux,) = (found for found in find_integrations() if found.id == "linux")
    local = Mapper([linux.with_settings({"utc_offset_minutes": 120})])
    assert (
        line(local, "Jun  9 06:00:00 web01 app: x")["time"] == line(local, "2025-06-09T04:00:00Z web01 app: x")["time"]
    )


LOGIN, HOST = "Authentication", "192.0.2.1"


@pytest.mark.parametrize(
    ("text", "name", "activity", "status", "user", "host"),
    [
        ("sshd[1]: Accepted password for ada from 192.0.2.1 port 1 ssh2", LOGIN, "Logon", "Success", "ada", HOST),
        ("sshd[1]: Failed password for from from 192.0.2.1 port 1 ssh2", LOGIN, "Logon", "Failure", "from", HOST),
        ("sshd[1]: Failed none for invalid user a b from 2001:db8::1", LOGIN, "Logon", "Failure", "a b", "2001:db8::1"),
        ("sshd[1]: Invalid user  from 192.0.2.1 port 1", LOGIN, "Logon", "Failure", "unknown", HOST),
        ("sshd[1]: Connection closed by 192.0.2.1 port 1 [preauth]", "SSH Activity", "Fail", "Failure", None, HOST),
        ("sshd[1]: Connection closed by 192.0.2.1 port 1", "SSH Activity", "Close", None, None, HOST),
        ("su: FAILED SU (to root) ada on pts/1", LOGIN, "Account Switch", "Failure", "root", None),
        ("userdel[1]: delete user 'ada'", "Account Change", "Delete", "Success", "ada", None),
        ("gpasswd[1]: user ada added by root to group wheel", "Group Management", "Add User", "Success", "ada", None),
        ("CRON[1]: (root) CMD (x)", "Scheduled Job Activity", "Start", None, None, None),
        ("app[1]: Failed password for ada from 192.0.2.1 port 1 ssh2", "Base Event", "Unknown", None, None, None),
    ],
)  # fmt: skip
def test_what_lines_mean(
    mapper: Mapper, text: str, name: str, activity: str, status: str | None, user: str | None, host: str | None
) -> None:
    event = line(mapper, f"Jan 12 08:00:00 web01 {text}")
    assert (event["class_name"], event["activity_name"], event.get("status")) == (name, activity, status)
    assert event.get("user", {}).get("name") == user
    assert event.get("src_endpoint", {}).get("ip") == host


def test_refused_sudo_starts_nothing(mapper: Mapper) -> None:
    text = "Jan 12 08:00:00 web01 sudo: ada : {}TTY=pts/0 ; PWD=/tmp ; USER=root ; COMMAND=/bin/sh -c id"
    allowed, refused = line(mapper, text.format("")), line(mapper, text.format("command not allowed ; "))
    assert allowed["process"]["cmd_line"] == "/bin/sh -c id" and allowed["process"]["file"]["path"] == "/bin/sh"
    assert (allowed["actor"]["user"]["name"], allowed["process"]["user"]["name"]) == ("ada", "root")
    assert (refused["class_name"], refused["status"]) == ("Authentication", "Failure")
    assert (refused["actor"]["user"]["name"], refused["user"]["name"]) == ("ada", "root")


def test_network_gear_is_no_linux() -> None:
    (linux,) = (found for found in find_integrations() if found.id == "linux")
    event = line(Mapper([linux]), "<189>Jan 12 08:05:04 192.0.2.1 %SYS-5-CONFIG_I: Configured from console")
    assert "os" not in event["device"]


# -- the wire -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "activity", "status"),
    [("SF", "Close", "Success"), ("S0", "Fail", "Failure"), ("REJ", "Refuse", "Failure"), ("RSTO", "Reset", "Success"),
     ("OTH", "Traffic", "Success"), ("new one", "Traffic", "Success")],
)  # fmt: skip
def test_state_of_a_zeek_connection(mapper: Mapper, state: str, activity: str, status: str) -> None:
    ends = {"id.orig_h": "192.0.2.1", "id.orig_p": 1, "id.resp_h": "192.0.2.2", "id.resp_p": 2}
    event = one(mapper, {"ts": 1768204800.5, "uid": "C1", **ends, "proto": "tcp", "conn_state": state})
    assert (event["activity_name"], event["status"], event["status_code"]) == (activity, status, state)
    assert event["metadata"]["event_code"] == "conn" and event["time"] == 1768204800500


@pytest.mark.parametrize(
    ("function", "command", "code", "severity"),
    [("READ_COILS", "read", 1, 1), ("WRITE_SINGLE_COIL", "write", 5, 3),
     ("PROGRAM_UNITY", "download_program", 90, 5), ("FIRMWARE_REPLACEMENT", "firmware", 125, 6),
     ("unknown-171", "identify", 43, 1),
     ("unknown-66", "proprietary", 66, 3)],
)  # fmt: skip
def test_command_class_of_a_modbus_function(
    mapper: Mapper, function: str, command: str, code: int, severity: int
) -> None:
    ends = {"id.orig_h": "192.0.2.1", "id.orig_p": 1, "id.resp_h": "192.0.2.2", "id.resp_p": 502}
    event = one(mapper, {"_path": "modbus", "ts": 1768204800.5, "uid": "C1", **ends, "func": function})
    assert event["class_name"] == "OT Command Activity" and event["severity_id"] == severity
    assert (event["ot_command"]["command_class"], event["ot_command"]["function_code"]) == (command, code)


@pytest.mark.parametrize("kind", ["answer", "response"])
@pytest.mark.parametrize("from_server", [True, False])
def test_a_dns_answer_keeps_the_client_first(mapper: Mapper, kind: str, from_server: bool) -> None:
    client, server = ("192.0.2.10", 53001), ("192.0.2.53", 53)
    (source, source_port), (target, target_port) = (server, client) if from_server else (client, server)
    record = {
        "timestamp": "2026-01-12T08:01:00.010001+0000", "event_type": "dns", "flow_id": 1, "src_ip": source,
        "src_port": source_port, "dest_ip": target, "dest_port": target_port, "proto": "UDP",
        "dns": {"type": kind, "rrname": "www.example.com", "rcode": "NOERROR"},
    }  # fmt: skip
    event = one(mapper, record)
    assert event["src_endpoint"]["ip"] == "192.0.2.10" and event["dst_endpoint"] == {"ip": "192.0.2.53", "port": 53}
    assert event["activity_name"] == "Response"


# -- recorded data ----------------------------------------------------------------------------------------------------


def read(path: Path, mapper: Mapper, folder: Path) -> Sample:
    """A recorded file, unpacked."""
    if path.suffix == ".gz":
        plain = folder / path.stem
        plain.write_bytes(gzip.decompress(path.read_bytes()))
        path = plain
    return read_sample(path, mapper)


def events_of(sample: Sample) -> list[dict[str, Any]]:
    return [event for events in sample.events for event in events.to_pylist()]


def test_recorded_zeek_logs_of_a_plant_network(mapper: Mapper, shared_data: Path, tmp_path: Path) -> None:
    classes: Counter[str] = Counter()
    for path in sorted((shared_data / "ot" / "4sics_zeek_logs").glob("*.log*")):
        sample = read(path, mapper, tmp_path)
        assert not sample.bad and set(sample.integrations) == {"zeek"}, path.name
        for events in sample.events:
            assert not validate(events), (path.name, validate(events)[:3])
            origin = events.column("wf.time_origin")
            assert origin is None or "received" not in origin.to_pylist(), path.name
            classes[events.class_name] += len(events)
    assert classes["dns_activity"] == 15139 and classes["ot_command_activity"] == 11
    assert classes["base_event"] < 2000


def test_recorded_logs_of_many_daemons_all_map(mapper: Mapper, shared_data: Path) -> None:
    for path in sorted((shared_data / "it" / "fail2ban_logs").glob("*.log")):
        sample = read_sample(path, mapper)
        assert not sample.bad, path.name
        assert set(sample.integrations) <= {"linux", "generic"}, path.name
        assert not [problem for events in sample.events for problem in validate(events)], path.name


def judged(path: Path) -> Iterator[tuple[dict[str, Any], str]]:
    """Lines with what fail2ban's authors say about them."""
    truth: dict[str, Any] | None = None
    for text in path.read_text("utf-8", errors="replace").splitlines():
        if text.startswith("# failJSON:"):
            truth = orjson.loads(re.sub(r"^# failJSON:\s*", "", text))
        elif truth is not None and text.strip() and not text.startswith("#"):
            yield truth, text
            truth = None


def test_recorded_sshd_failures_are_failures_from_the_right_host(mapper: Mapper, shared_data: Path) -> None:
    """The rest are told only by other lines of the same process: which host it was, or that it had failed before."""
    right, total = 0, 0
    for truth, text in judged(shared_data / "it" / "fail2ban_logs" / "sshd.log"):
        if not truth["match"] or "host" not in truth:
            continue
        total += 1
        event = line(mapper, text)
        other_side = event.get("src_endpoint", {})
        failed = event["class_name"] in ("Authentication", "SSH Activity") and event.get("status") == "Failure"
        right += failed and truth["host"] in (other_side.get("ip"), other_side.get("hostname"))
    assert total > 100 and right / total > 0.85


def test_recorded_audit_log(mapper: Mapper, shared_data: Path, tmp_path: Path) -> None:
    packed = (
        shared_data / "it" / "otrf_mordor" / "files" / "atomic" / "linux" / "discovery" / "host" / "sh_arp_cache.zip"
    )
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(tmp_path)
    (path,) = tmp_path.glob("*.log")
    events = events_of(read_sample(path, mapper))
    assert [event["process"]["cmd_line"] for event in events] == ["arp -a", "grep -v ^?"]
    assert {event["activity_name"] for event in events} == {"Launch"}


def test_recorded_osquery_results(mapper: Mapper, shared_data: Path) -> None:
    path = shared_data / "cloud" / "panther_rule_tests" / "events.jsonl.gz"
    rows = [orjson.loads(raw) for raw in gzip.decompress(path.read_bytes()).splitlines()]
    logs = [row["log"] for row in rows if any(kind.startswith("Osquery.") for kind in row["log_types"] or ())]
    batch = mapped(mapper, *logs)
    assert logs and not batch.bad and set(batch.integrations) == {"osquery"}
    assert not [problem for events in batch.events for problem in validate(events)]


def test_zeek_records_of_the_ocsf_examples(mapper: Mapper, shared_data: Path) -> None:
    with zipfile.ZipFile(shared_data / "knowledge" / "ocsf_examples" / "ocsf_examples.zip") as archive:
        raw = {name: archive.read(name).decode() for name in archive.namelist() if re.search(r"/Zeek/.*\.raw$", name)}
    records = [
        orjson.loads(part)
        for text in raw.values()
        for part in re.split(r"(?<=^\})\s*(?=^\{)", text.strip(), flags=re.MULTILINE)
    ]
    batch = mapped(mapper, *records)
    assert len(records) >= 8 and not batch.bad and set(batch.integrations) == {"zeek"}
    assert not [problem for events in batch.events for problem in validate(events)]


def test_public_rules_fire_on_the_samples(shared_data: Path) -> None:
    rules = shared_data / "knowledge" / "sigma_rules"
    paths = [str(path) for found in find_integrations() if found.id in OURS for path in samples(found.folder)]
    done = subprocess.run(
        [str(Path(sys.executable).parent / "watchfloor"), "detect", *paths, "--rules", str(rules), "--json"],
        capture_output=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    fired: dict[str, set[str]] = defaultdict(set)
    for row in done.stdout.splitlines():
        finding = orjson.loads(row)
        title = finding["finding_info"]["title"]
        fired[Path(finding["watchfloor"]["file"]).parent.parent.name].add(title)
    missing = {name: sorted(set(titles) - fired[name]) for name, titles in FIRED.items() if set(titles) - fired[name]}
    assert not missing
