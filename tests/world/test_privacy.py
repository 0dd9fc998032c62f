"""No personal identifier leaves: whatever column, list or text it stands in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.world.test_directory import small
from tests.world.test_resolve import APRIL, JANUARY, built

from watchfloor.ocsf import nest, schema
from watchfloor.ocsf.column import Column
from watchfloor.ocsf.observables import observables
from watchfloor.world.directory import load
from watchfloor.world.privacy import CLASSES, TOKEN, Pseudonyms, personal_class
from watchfloor.world.resolve import Resolver

IDENTIFIERS = ("ada example", "example, ada", "ada@example.com", "harbour\\ada", "bo example", "bo@example.com")


@pytest.fixture(scope="module")
def pseudonyms(tmp_path_factory: pytest.TempPathFactory) -> Pseudonyms:
    return Pseudonyms(Resolver(load(small(tmp_path_factory.mktemp("estate")))), b"k" * 32)


def shown(pseudonyms: Pseudonyms, class_name: str, *rows: dict[str, Any]) -> list[dict[str, Any]]:
    return pseudonyms.pseudonymised(built(class_name, list(rows))).to_pylist()


def test_people_become_their_uid(pseudonyms: Pseudonyms) -> None:
    (row,) = shown(
        pseudonyms,
        "authentication",
        {
            "time": APRIL,
            "user.name": "ada",
            "user.domain": "HARBOUR",
            "user.full_name": "Example, Ada",
            "user.email_addr": "Ada@Example.com",
            "actor.user.uid": "1001",
        },
    )
    assert row["user"] == {"name": "p-1", "domain": "HARBOUR", "full_name": "p-1", "email_addr": "p-1"}
    assert row["actor"]["user"]["uid"] == "p-1"


def test_a_badge_that_changed_hands(pseudonyms: Pseudonyms) -> None:
    badge = {"credential.uid": "4711", "credential.facility_code": "12"}
    first, second, pool = shown(
        pseudonyms,
        "physical_access_activity",
        {"time": JANUARY, **badge},
        {"time": APRIL, **badge},
        {"time": APRIL, "credential.uid": "9001", "credential.facility_code": "12"},
    )
    assert [row["credential"]["uid"] for row in (first, second, pool)] == ["p-1", "p-2", "c-3"]


def test_who_is_not_known_gets_a_token(pseudonyms: Pseudonyms) -> None:
    rows = shown(
        pseudonyms,
        "authentication",
        {"time": APRIL, "user.name": "mallory", "user.email_addr": "eve@example.org"},
        {"time": APRIL, "user.name": "OTHER\\Mallory"},
        {"time": APRIL, "user.name": "trent"},
        {"time": APRIL, "user.name": "ada", "user.domain": "HMI1"},
    )
    names = [row["user"]["name"] for row in rows]
    assert names[0] == names[1] != names[2] and all(TOKEN.fullmatch(name) for name in names), "ada of HMI1 is not ada"
    assert rows[0]["user"]["email_addr"].endswith("@example.org")
    other = Pseudonyms(pseudonyms._resolver, b"z" * 32)
    assert other.token("mallory") != pseudonyms.token("mallory"), "without the key nobody can try names"


def test_what_is_nobodys_stays(pseudonyms: Pseudonyms) -> None:
    (row,) = shown(
        pseudonyms,
        "authentication",
        {
            "time": APRIL,
            "user.name": "SYSTEM",
            "user.uid": "S-1-5-18",
            "actor.user.name": "HOST$",
            "unmapped.Port": "1001",
        },
    )
    assert row["user"] == {"name": "SYSTEM", "uid": "S-1-5-18"} and row["actor"]["user"]["name"] == "HOST$"
    assert row["unmapped"] == {"Port": "1001"}, "a number in a column of numbers is no personnel number"


def test_running_text(pseudonyms: Pseudonyms) -> None:
    (row,) = shown(
        pseudonyms,
        "process_activity",
        {
            "time": APRIL,
            "process.cmd_line": r"net use \\srv\x /user:HARBOUR\ada; mail ada@example.com",
            "process.file.path": r"C:\Users\ada\adapter.exe",
            "unmapped.Note": "ADA  EXAMPLE and Example, Ada came",
            "unmapped.CardHolder": "Bo Example",
            "unmapped.Card Number": "4711",
            "unmapped.TargetUserName": "mallory",
            "unmapped.LogonType": "3",
        },
    )
    assert row["process"]["cmd_line"] == r"net use \\srv\x /user:p-1; mail p-1"
    assert row["process"]["file"]["path"] == r"C:\Users\p-1\adapter.exe"
    left = row["unmapped"]
    assert left["Note"] == "p-1 and p-1 came" and left["CardHolder"] == "p-2" and left["Card Number"] == "p-2"
    assert TOKEN.fullmatch(left["TargetUserName"]) and left["LogonType"] == "3"


def test_lists_observables_and_evidence(pseudonyms: Pseudonyms) -> None:
    raw = built(
        "authentication",
        [
            {"time": APRIL, "user.name": "ada@example.com", "device.hostname": "h"},
            {"time": APRIL, "user.name": "eve"},
        ],
    )
    events = raw.with_columns({"observables": observables(raw)})
    first, second = pseudonyms.pseudonymised(events).to_pylist()
    assert [one["value"] for one in first["observables"]] == ["h", "p-1"]
    assert [TOKEN.fullmatch(one["value"]) is not None for one in second["observables"]] == [True]
    evidence = [{"actor": {"user": {"name": "ada"}}, "process": {"cmd_line": "run as ada"}}, {"user": {"name": "eve"}}]
    finding = built("detection_finding", [{"time": APRIL, "message": "by ada"}, {"time": APRIL}])
    kind = schema.attribute("detection_finding", "evidences").arrow
    assert kind is not None
    inferred = pa.array([evidence, None])
    fitted = pa.ListArray.from_arrays(
        inferred.offsets, nest.fit(inferred.flatten(), kind.value_type, ""), type=kind, mask=inferred.is_null()
    )
    told = pseudonyms.pseudonymised(finding.with_columns({"evidences": Column.from_arrow(fitted)})).to_pylist()
    assert told[0]["message"] == "by p-1" and "evidences" not in told[1]
    assert told[0]["evidences"][0] == {"actor": {"user": {"name": "p-1"}}, "process": {"cmd_line": "run as p-1"}}
    assert TOKEN.fullmatch(told[0]["evidences"][1]["user"]["name"])


COLUMNS = (
    "user.name", "user.full_name", "user.email_addr", "actor.user.name", "actor.user.email_addr", "credential.uid",
    "message", "raw_data", "unmapped.Holder", "unmapped.Employee No", "unmapped.e-mail",
)  # fmt: skip
WORDS = ("Ada Example", "EXAMPLE, ADA", "ada@example.com", "HARBOUR\\ada", "Bo  Example", "bo@example.com")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(COLUMNS), st.sampled_from(WORDS), min_size=1), min_size=1, max_size=6))
def test_no_identifier_is_left_and_twice_is_once(pseudonyms: Pseudonyms, rows: list[dict[str, str]]) -> None:
    events = built("physical_access_activity", [{"time": APRIL, **row} for row in rows])
    once = pseudonyms.pseudonymised(events)
    text = json.dumps(once.to_pylist()).lower()
    assert not [name for name in IDENTIFIERS if json.dumps(name)[1:-1] in text], text
    assert len(once) == len(events)
    assert pseudonyms.pseudonymised(once).to_pylist() == once.to_pylist()


def test_every_column_has_a_class() -> None:
    assert personal_class("actor.user.name") == "identifier"
    assert personal_class("wf.person_uid") == "pseudonym"
    assert personal_class("asof.person.zone") == personal_class("lag.presence.zone") == "whereabouts"
    assert personal_class("asof.person.in_notice") == "employment"
    assert personal_class("unmapped.anything") == "indirect" and personal_class("src_endpoint.ip") == "indirect"
    assert personal_class("activity_id") == "none" and personal_class("process.name") == "none"
    assert {name for _, name in CLASSES} == {
            "identifier", "pseudonym", "whereabouts", "employment", "behaviour", "indirect",
        }  # fmt: skip


def test_nobody_named_costs_nothing(pseudonyms: Pseudonyms, tmp_path: Path) -> None:
    events = built("process_activity", [{"time": APRIL, "process.name": "cmd.exe", "process.cmd_line": "cmd /c dir"}])
    assert pseudonyms.pseudonymised(events) is events
    empty = Pseudonyms(Resolver(load(tmp_path)), b"k" * 32)
    assert empty.pseudonymised(events) is events
