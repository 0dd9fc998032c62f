"""Detection findings: complete, valid, deterministic, readable at night."""

from __future__ import annotations

import numpy as np
import orjson
import pytest

from tests.ocsf.batches import launches
from watchfloor.errors import SchemaError
from watchfloor.ocsf.column import Column
from watchfloor.ocsf.derive import derive
from watchfloor.ocsf.events import Events
from watchfloor.ocsf.finding import SEVERITY, Attack, Match, RuleFacts, findings
from watchfloor.ocsf.validate import validate

CREATED = 1_800_000_000_000
RULE = RuleFacts(
    uid="5f0e8f1c-0000-4000-8000-000000000001",
    title="Strange tool",
    level="high",
    description="A tool nobody should run.",
    version="2024-02-01",
    author="A. Author",
    attacks=(
        Attack("TA0002", "Execution", "T1059.001", "PowerShell", "17.1"),
        Attack(technique_uid="T1003", technique_name="OS Credential Dumping", version="17.1"),
        Attack(tactic_uid="TA0008", tactic_name="Lateral Movement", version="17.1"),
    ),
    tags=("attack.execution", "attack.t1059.001"),
    references=("https://example.com/a", "https://example.com/b"),
    false_positives=("Administrators",),
)


def rows(*numbers: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(numbers, np.int64)


def findings_in(events: Events, matches: list[Match], created: int | None = None) -> Events:
    return findings([(events, matches)], created)


def test_a_finding_is_valid_ocsf() -> None:
    made = findings_in(launches(4), [Match(RULE, rows(0, 3), ("process.cmd_line",))], CREATED)
    assert made.class_name == "detection_finding" and len(made) == 2
    assert validate(made) == []


def test_times_ids_and_state() -> None:
    (row,) = findings_in(launches(2), [Match(RULE, rows(1))], CREATED).to_pylist()
    assert (row["class_uid"], row["type_uid"], row["activity_name"]) == (2004, 200401, "Create")
    assert (row["status"], row["is_alert"], row["severity"]) == ("New", True, "High")
    assert row["time"] == row["finding_info"]["created_time"] == CREATED
    happened = 1_700_000_000_001
    assert row["start_time"] == row["end_time"] == happened
    assert row["finding_info"]["first_seen_time"] == row["finding_info"]["last_seen_time"] == happened
    assert row["metadata"]["uid"] == row["finding_info"]["uid"] and len(row["metadata"]["uid"]) == 32


def test_the_rule_stands_on_the_finding() -> None:
    info = findings_in(launches(1), [Match(RULE, rows(0))], CREATED).to_pylist()[0]["finding_info"]
    assert info["analytic"] == {
        "name": RULE.title,
        "type": "Rule",
        "type_id": 1,
        "uid": RULE.uid,
        "version": "2024-02-01",
    }
    assert info["title"] == RULE.title and info["src_url"] == "https://example.com/a"
    assert info["attacks"] == [
        {
            "sub_technique": {"name": "PowerShell", "uid": "T1059.001"},
            "tactic": {"name": "Execution", "uid": "TA0002"},
            "technique": {"uid": "T1059"},
            "version": "17.1",
        },
        {"technique": {"name": "OS Credential Dumping", "uid": "T1003"}, "version": "17.1"},
        {"tactic": {"name": "Lateral Movement", "uid": "TA0008"}, "version": "17.1"},
    ]
    assert {tag["name"]: tag.get("values", tag.get("value")) for tag in info["tags"]} == {
        "tags": list(RULE.tags),
        "references": list(RULE.references),
        "false_positives": ["Administrators"],
        "author": "A. Author",
    }


def test_the_event_stands_as_evidence_and_as_related_event() -> None:
    events = launches(1)
    (row,) = findings_in(
        events, [Match(RULE, rows(0), ("process.cmd_line", "unmapped.IntegrityLevel"))], CREATED
    ).to_pylist()
    (evidence,) = row["evidences"]
    assert evidence["process"]["file"]["path"] == r"C:\Tools\tool.exe" and evidence["process"]["pid"] == 7
    assert evidence["actor"]["user"]["name"] == "alice" and evidence["device"]["hostname"] == "ws1.example.com"
    assert orjson.loads(evidence["data"]) == {
        "event_class": "process_activity",
        "fields": {"process.cmd_line": "tool.exe -x 0", "unmapped.IntegrityLevel": "High"},
    }
    (related,) = row["finding_info"]["related_events"]
    assert related["uid"] == "0" * 32 and related["type_uid"] == 100701
    assert row["device"]["hostname"] == "ws1.example.com" and row["wf"] == {"source_seq": 0, "source_uid": "edr"}
    assert row["finding_info"]["data_sources"] == ["Example EDR: launches"]
    assert {"device.hostname", "process.file.path"} <= {one["name"] for one in row["observables"]}


def test_fields_that_are_not_in_the_batch_do_not_hurt() -> None:
    (row,) = findings_in(launches(1), [Match(RULE, rows(0), ("dst_endpoint.ip",))], CREATED).to_pylist()
    assert orjson.loads(row["evidences"][0]["data"]) == {"event_class": "process_activity"}


def test_a_sentence_for_the_night() -> None:
    messages = [row["message"] for row in findings_in(launches(2), [Match(RULE, rows(0, 1))], CREATED).to_pylist()]
    assert messages == [
        "Strange tool (high): alice ran tool.exe -x 0 on ws1.example.com.",
        "Strange tool (high): somebody ran tool.exe -x 1 on ws1.example.com.",
    ]


@pytest.mark.parametrize(
    ("class_name", "columns", "sentence"),
    [
        (
            "authentication",
            {"activity_id": 1, "user.name": "bob", "device.hostname": "dc1"},
            "T (low): Authentication: Logon on dc1 by bob.",
        ),
        ("physical_access_activity", {"activity_id": 3, "portal.name": "Gate 4"}, "T (low): somebody was at Gate 4."),
        ("base_event", {}, "T (low): Base Event: Unknown."),
        ("dns_activity", {"query.hostname": "x" * 500}, f"T (low): somebody looked up {'x' * 159}…."),
    ],
)
def test_sentences_of_other_classes(class_name: str, columns: dict[str, object], sentence: str) -> None:
    events = Events.build(class_name, derive(class_name, columns, 1), 1)
    (row,) = findings_in(events, [Match(RuleFacts("r", "T", "low"), rows(0))], CREATED).to_pylist()
    assert row["message"] == sentence


def test_findings_come_match_by_match_and_are_deterministic() -> None:
    other = RuleFacts("other", "Other rule", "low")
    matches = [Match(RULE, rows(2, 0)), Match(RULE, rows()), Match(other, rows(2))]
    made = findings_in(launches(3), matches, CREATED)
    again = findings_in(launches(3), matches, CREATED + 5)
    assert [row["finding_info"]["analytic"]["uid"] for row in made.to_pylist()] == [RULE.uid, RULE.uid, "other"]
    uids = [row["metadata"]["uid"] for row in made.to_pylist()]
    assert len(set(uids)) == 3 and uids == [row["metadata"]["uid"] for row in again.to_pylist()]


def test_no_match_no_finding() -> None:
    assert len(findings_in(launches(2), [], CREATED)) == 0
    assert len(findings_in(launches(2), [Match(RULE, rows())], CREATED)) == 0


@pytest.mark.parametrize(("level", "severity"), [*SEVERITY.items(), (None, 1)])
def test_levels(level: str | None, severity: int) -> None:
    (row,) = findings_in(launches(1), [Match(RuleFacts("r", "T", level), rows(0))], CREATED).to_pylist()
    assert row["severity_id"] == severity


def test_an_unknown_level_is_an_error() -> None:
    with pytest.raises(SchemaError, match="unknown level 'huge'"):
        findings_in(launches(1), [Match(RuleFacts("r", "T", "huge"), rows(0))], CREATED)


def test_an_event_without_uid_and_time_still_makes_a_finding() -> None:
    events = Events.build("base_event", {"message": "m"}, 1)
    (row,) = findings_in(events, [Match(RULE, rows(0), ("message",))], CREATED).to_pylist()
    assert row["finding_info"]["uid"] and "start_time" not in row


def test_findings_of_different_classes_join_and_nest() -> None:
    door = Events.build("physical_access_activity", {"portal.name": Column.of(["Gate"])}, 1)
    parts = [findings_in(batch, [Match(RULE, rows(0))], CREATED) for batch in (launches(1), door)]
    joined = Events.concat(parts)
    at_once = findings([(launches(1), [Match(RULE, rows(0))]), (door, [Match(RULE, rows(0))])], CREATED)
    assert at_once.to_pylist() == joined.to_pylist()
    assert Events.flatten("detection_finding", joined.nest()).to_pylist() == joined.to_pylist()
