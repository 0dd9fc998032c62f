"""The cloud and SaaS integrations: every vendor's envelopes, recognition among all, recorded data without loss."""

from __future__ import annotations

import gzip
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from watchfloor.collect.mapper import MappedBatch, Mapper
from watchfloor.collect.records import Piece, tokenise
from watchfloor.estate import find_integrations
from watchfloor.testing.integration import RECEIVED, read_sample, samples

OWNERS: Mapping[str, str] = {
    "AWS.CloudTrail": "aws",
    "AWS.VPCFlow": "aws",
    "AWS.GuardDuty": "aws",
    "Okta.SystemLog": "okta",
    "Azure.Audit": "entra",
    "Azure.MonitorActivity": "entra",
    "Microsoft365.Audit.SharePoint": "m365",
    "Microsoft365.Audit.AzureActiveDirectory": "m365",
    "GSuite.ActivityEvent": "google_workspace",
    "GitHub.Audit": "github",
    "Amazon.EKS.Audit": "kubernetes",
    "GCP.AuditLog": "gcp",
}
"""What a data lake calls a log -> the integration that must recognise its records."""

FIRED: Mapping[str, tuple[str, ...]] = {
    "aws": ("AWS Root Credentials", "AWS IAM Backdoor Users Keys", "AWS S3 Bucket Versioning Disable"),
    "okta": ("Okta API Token Created", "Okta New Admin Console Behaviours", "Okta Security Threat Detected"),
    "entra": ("Anonymous IP Address", "Disabled MFA to Bypass Authentication Mechanisms", "End User Consent"),
    "m365": ("New Federated Domain Added - Exchange", "Microsoft 365 - Impossible Travel Activity"),
    "gcp": ("GCP Access Policy Deleted", "Google Workspace Government Attack Warning"),
    "google_workspace": (
        "Google Workspace User Granted Admin Privileges",
        "Google Workspace Granted Domain API Access",
    ),
    "github": ("Github Delete Action Invoked", "New Github Organization Member Added"),
    "kubernetes": ("Container With A hostPath Mount Created", "Privileged Container Deployed"),
}
"""Rules of SigmaHQ that must fire on our samples: the names their fields have at the vendor lead to our columns."""

OTHERS = frozenset(("aws", "okta", "entra", "m365", "google_workspace", "github", "kubernetes", "gcp"))


@pytest.fixture(scope="module")
def mapper() -> Mapper:
    return Mapper(find_integrations())


def mapped(mapper: Mapper, *records: Mapping[str, Any]) -> MappedBatch:
    """What all integrations together make of these records."""
    lines = [orjson.dumps(record) + b"\n" for record in records]
    count = len(lines)
    offsets, sequence = np.cumsum([0, *map(len, lines)], dtype=np.int64), np.arange(count, dtype=np.int64)
    piece = Piece(b"".join(lines), offsets, sequence, np.full(count, RECEIVED, np.int64))
    found, bad = tokenise([piece], source="test", stream="test")
    batch = mapper.map(found)
    batch.bad += bad
    return batch


def one(mapper: Mapper, record: Mapping[str, Any]) -> dict[str, Any]:
    """The single event of a single record."""
    batch = mapped(mapper, record)
    assert not batch.bad
    (events,) = batch.events
    (event,) = events.to_pylist()
    return event


CALL = {
    "eventVersion": "1.11",
    "eventTime": "2026-01-12T09:00:07Z",
    "eventSource": "iam.amazonaws.com",
    "eventName": "DeleteUser",
    "awsRegion": "us-east-1",
    "sourceIPAddress": "192.0.2.10",
    "userIdentity": {"type": "Root", "arn": "arn:aws:iam::123456789012:root", "accountId": "123456789012"},
    "requestParameters": {"userName": "svc-archive"},
}


def test_eventbridge_wraps_the_same_record(mapper: Mapper) -> None:
    plain = one(mapper, CALL)
    wrapped = one(mapper, {"version": "0", "detail-type": "AWS API Call via CloudTrail", "detail": CALL})
    assert plain["class_name"] == wrapped["class_name"] == "Account Change"
    assert plain["user"] == wrapped["user"] and plain["time"] == wrapped["time"]
    assert wrapped["actor"]["user"]["name"] == "root" and wrapped["activity_name"] == "Delete"


def test_a_service_that_calls_for_somebody_is_no_address(mapper: Mapper) -> None:
    event = one(mapper, {**CALL, "sourceIPAddress": "cloudformation.amazonaws.com"})
    assert event["src_endpoint"] == {"svc_name": "cloudformation.amazonaws.com"}


def test_a_refused_call_is_a_failure_with_the_vendors_words(mapper: Mapper) -> None:
    event = one(mapper, {**CALL, "errorCode": "AccessDenied", "errorMessage": "no"})
    assert (event["status"], event["status_code"], event["status_detail"]) == ("Failure", "AccessDenied", "no")
    assert event["action"] == "Denied"


def test_okta_in_lower_case_is_read_as_okta_spells_it(mapper: Mapper) -> None:
    record = {
        "eventtype": "user.session.start",
        "published": "2026-01-12T09:00:07.353Z",
        "displaymessage": "User login to Okta",
        "actor": {"alternateId": "ada@example.com", "type": "User"},
        "client": {"ipAddress": "192.0.2.10"},
        "outcome": {"result": "FAILURE", "reason": "INVALID_CREDENTIALS"},
        "securitycontext": {"isProxy": True},
    }
    event = one(mapper, record)
    assert (event["class_name"], event["status"]) == ("Authentication", "Failure")
    assert event["metadata"]["event_code"] == "user.session.start"
    assert event["unmapped"]["securityContext.isProxy"] == "true"


def test_pubsub_wraps_the_same_entry(mapper: Mapper) -> None:
    entry = {
        "protoPayload": {"methodName": "SetIamPolicy", "serviceName": "cloudresourcemanager.googleapis.com"},
        "timestamp": "2026-01-12T09:00:07Z",
        "resource": {"type": "project"},
    }
    event = one(mapper, {"data": entry})
    assert event["class_name"] == "User Access Management"
    assert event["metadata"]["event_code"] == "SetIamPolicy"


def test_shapes_of_one_product_mix_in_one_batch(mapper: Mapper) -> None:
    """Event Hub and Log Analytics spell the same field in different cases; neither hides the other's."""
    hub = {
        "time": "2026-01-12T09:00:07Z",
        "category": "SignInLogs",
        "operationName": "Sign-in activity",
        "resourceId": "/tenants/x",
        "callerIpAddress": "192.0.2.10",
        "properties": {"userPrincipalName": "ada@example.com", "status": {"errorCode": 0}},
    }
    analytics = {
        "TimeGenerated": "2026-01-12T09:01:07Z",
        "OperationName": "Sign-in activity",
        "ResultType": "50126",
        "UserPrincipalName": "boris@example.com",
        "IPAddress": "203.0.113.77",
        "Category": "SignInLogs",
    }
    batch = mapped(mapper, hub, analytics)
    (events,) = batch.events
    first, second = events.to_pylist()
    assert (first["user"]["name"], first["status"]) == ("ada@example.com", "Success")
    assert (second["user"]["name"], second["status"]) == ("boris@example.com", "Failure")
    assert second["src_endpoint"]["ip"] == "203.0.113.77"


def test_what_nobody_recognises_is_kept_whole(mapper: Mapper) -> None:
    event = one(mapper, {"createdAt": 1768208407, "msg": "hello", "deep": {"er": [1, {"a": None}]}})
    assert event["class_name"] == "Base Event" and event["message"] == "hello" and event["time"] == 1768208407000
    assert set(event["unmapped"]) == {"createdAt", "msg", "deep.er[]"}


def test_odd_values_never_quarantine(mapper: Mapper) -> None:
    odd: list[dict[str, Any]] = [
        {**CALL, "eventTime": "never", "sourceIPAddress": "", "userIdentity": {"arn": "x"}, "eventName": ""},
        {"kind": "Event", "verb": "get", "objectRef": {}, "sourceIPs": "not a list", "user": {"username": ""}},
        {"srcaddr": "-", "dstaddr": "-", "interface_id": "-", "start": "x", "protocol": "-", "srcport": "99999999999"},
        {"id": {"applicationName": "drive", "time": 7}, "events": [], "actor": {}},
        {"Workload": "X", "Operation": "", "UserId": "", "RecordType": "", "Parameters": [1, "a", None]},
    ]
    batch = mapped(mapper, *odd)
    assert not batch.bad and batch.rows == len(odd)


# -- recorded data ------------------------------------------------------------------------------------------------


def test_recorded_saas_logs_are_recognised_and_mapped(mapper: Mapper, shared_data: Path) -> None:
    path = shared_data / "cloud" / "panther_rule_tests" / "events.jsonl.gz"
    rows = [orjson.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    batch = mapped(mapper, *[row["log"] for row in rows])
    assert not batch.bad and batch.rows == len(rows)
    confusion: dict[str, Counter[str]] = defaultdict(Counter)
    by_kind: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        kinds = row["log_types"] or []
        by_kind[kinds[0] if len(kinds) == 1 else ""].append(row["log"])
    for kind, logs in by_kind.items():
        confusion[kind] += mapped(mapper, *logs).integrations
    wrong = {
        kind: dict(found)
        for kind, found in confusion.items()
        if (kind in OWNERS and set(found) != {OWNERS[kind]}) or (kind and kind not in OWNERS and set(found) & OTHERS)
    }
    assert not wrong


def test_recorded_cloudtrail_of_attacks(mapper: Mapper, shared_data: Path, tmp_path: Path) -> None:
    files = sorted((shared_data / "cloud" / "stratus_cloudtrail").glob("*.json*"))
    assert files
    calls = 0
    for path in files:
        plain = tmp_path / path.name.removesuffix(".gz")
        plain.write_bytes(gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes())
        sample = read_sample(plain, mapper)
        assert not sample.bad, path.name
        assert set(sample.integrations) == {"aws"}, path.name
        assert all(events.class_name != "base_event" for events in sample.events), path.name
        calls += sum(len(events) for events in sample.events)
    assert calls > 100


def test_public_rules_fire_on_the_samples(shared_data: Path) -> None:
    rules = shared_data / "knowledge" / "sigma_rules"
    wanted = {found.id: found.folder for found in find_integrations() if found.id in FIRED}
    paths = [str(path) for folder in wanted.values() for path in samples(folder)]
    done = subprocess.run(
        [str(Path(sys.executable).parent / "watchfloor"), "detect", *paths, "--rules", str(rules), "--json"],
        capture_output=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    fired: dict[str, set[str]] = defaultdict(set)
    for line in done.stdout.splitlines():
        finding = orjson.loads(line)
        fired[Path(finding["watchfloor"]["file"]).parents[1].name].add(finding["finding_info"]["title"])
    missing = {name: sorted(set(titles) - fired[name]) for name, titles in FIRED.items() if set(titles) - fired[name]}
    assert not missing
