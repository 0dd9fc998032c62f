"""Our extension is a valid OCSF extension and says what the domain needs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from watchfloor.errors import SchemaError
from watchfloor.ocsf import extend, schema

PHYSEC = {
    "physical_access_activity": (
        "Granted|Denied|Taken|Not Taken|Forced|Held Open|Request To Exit|Duress|Antipassback Violation|Tailgate|"
        "Portal Mode Changed|Tamper"
    ),
    "alarm_signal_activity": (
        "Intrusion|Perimeter|Holdup|Panic|Tamper|Environmental|Supervisory|Communication|Opening|Closing|Video Analytic"
    ),
    "alarm_disposition_activity": "Triaged|Escalated|Cleared|Reopened",
    "patrol_activity": (
        "Tour Started|Checkpoint Registered|Completed|Incomplete|Missed|Checkpoint Missed|Overrun|"
        "Geofence Exception|Sequence Exception"
    ),
    "post_staffing_activity": (
        "Assumed|Relieved|Late Arrival|No Show|Abandoned|Break Started|Break Ended|Break Overrun|Coverage Gap|Overtime"
    ),
    "response_activity": (
        "Assigned|Acknowledged|En Route|On Scene|Action Taken|Cleared|Declined|Reassigned|Escalated To Agency"
    ),
    "incident_report_activity": "Created|Updated|Submitted|Approved|Closed|Reopened|Referred",
}


def core() -> dict[str, Any]:
    return schema.compiled(orjson.loads(schema.PIN.read_bytes()))


def test_the_extension_is_valid() -> None:
    assert extend.check(core(), extend.load()) == []


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"uid": 214}, "not in 1..213"),
        ({"uid": 42}, "is taken"),
        ({"attributes": {"hostname": {"type": "string_t"}}}, "'hostname' is a name of the core"),
        ({"attributes": {"gizmo": {"type": "gizmo_object"}}}, "no type or object 'gizmo_object'"),
        ({"attributes": {"gizmo_id": {"type": "integer_t", "enum": {"1": {}}}}}, "is not a text of ours"),
        ({"attributes": {"gizmo": {"type": "string_t", "observable": 7}}}, "outside our block"),
        ({"categories": {}}, "no category 'physical_security'"),
        ({"objects": {"process": {"caption": "x", "attributes": {}}}}, "'process' is a name of the core"),
        ({"objects": {"gizmo": {"caption": "x", "attributes": {"never": {}}}}}, "no attribute 'never'"),
        ({"objects": {"gizmo": {"caption": "x", "attributes": {"type_id": {}}}}}, "without its sibling 'type'"),
        (
            {"objects": {"gizmo": {"caption": "x", "attributes": {}, "constraints": {"just_one": ["a"]}}}},
            "constraint on unknown 'a'",
        ),
    ],
)
def test_the_check_finds_what_is_wrong(change: dict[str, Any], complaint: str) -> None:
    broken = replace(extend.load(), **change)
    assert any(complaint in wrong for wrong in extend.check(core(), broken)), extend.check(core(), broken)


def test_two_classes_may_not_share_a_uid() -> None:
    ours = extend.load()
    twin = {**ours.classes["patrol_activity"], "name": "twin_activity"}
    broken = replace(ours, classes={**ours.classes, "twin_activity": twin})
    assert any("is also of" in wrong for wrong in extend.check(core(), broken))


def test_arithmetic_and_the_32_bit_border() -> None:
    ours = extend.load()
    assert ours.uid == 200
    for name in ours.classes:
        class_ = schema.class_(name)
        category = ours.categories[ours.classes[name]["category"]]["uid"]
        assert class_.category_uid == ours.uid * 100 + category
        assert class_.uid == class_.category_uid * 1000 + ours.classes[name]["uid"]
        assert class_.type_uid(99) == class_.uid * 100 + 99 < 2**31
    largest = ((extend.MAX_UID * 100 + 99) * 1000 + 999) * 100 + 99
    beyond = (((extend.MAX_UID + 1) * 100 + 99) * 1000 + 999) * 100 + 99
    assert largest < 2**31 <= beyond


def test_the_names_and_activities_of_physec() -> None:
    for uid, (name, activities) in enumerate(PHYSEC.items(), start=1):
        class_ = schema.class_(name)
        assert class_.uid == 20030000 + uid
        assert [class_.activities[n] for n in sorted(class_.activities) if n not in (0, 99)] == activities.split("|")


def test_our_own_classes() -> None:
    ours = {name: schema.class_(name).category_name for name in extend.load().classes if name not in PHYSEC}
    assert ours == {
        "ot_command_activity": "Operational Technology",
        "ot_process_alarm_activity": "Operational Technology",
        "process_reading_activity": "Operational Technology",
        "ot_controller_change_activity": "Operational Technology",
        "maintenance_activity": "Organisation",
        "workforce_activity": "Organisation",
    }


def test_the_converged_profile_is_on_every_class() -> None:
    for name in schema.load().names:
        for field in ("site_uid", "person_uid", "time_origin", "source_uid", "source_seq", "ingest_log_index"):
            assert schema.attribute(name, f"wf.{field}").profiles == ()
        assert schema.class_(name).attributes["wf"].profiles == ("watchfloor/converged",)
        assert schema.attribute(name, "place.building").type == "string_t"


def test_every_attribute_has_words() -> None:
    for name, data in extend.load().attributes.items():
        assert data["caption"] and data["description"].rstrip().endswith((".", ")", "...", "?")), name


def test_no_biometric_sample_and_no_record_of_hr_has_a_place() -> None:
    names = {*extend.load().attributes} | {a for o in extend.load().objects.values() for a in o["attributes"]}
    for forbidden in ("template", "sample", "photo", "salary", "illness", "diagnosis", "union"):
        assert not any(forbidden in name for name in names)


def test_our_observables_are_in_the_enum() -> None:
    enum = schema.load().object_("observable")["type_id"].enum
    assert set(extend.load().observables()) <= set(enum)
    assert schema.attribute("physical_access_activity", "credential.credential_number").observable == 20001


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "extension.json").write_text("{")
    with pytest.raises(SchemaError) as caught:
        extend.load(tmp_path)
    assert caught.value.file == str(tmp_path / "extension.json")
