"""A class as a person reads it."""

from __future__ import annotations

from pathlib import Path

import pytest

from watchfloor.errors import SchemaError
from watchfloor.ocsf import describe, schema

GOLDEN = Path(__file__).parent / "golden"


def test_the_page_of_a_door() -> None:
    assert describe.text(describe.describe("physical_access_activity")) == (
        GOLDEN / "physical_access_activity.txt"
    ).read_text(encoding="utf-8")


def test_every_class_has_a_page() -> None:
    for name in schema.load().names:
        page = describe.describe(name)
        shown = describe.text(page)
        assert max(map(len, shown.splitlines())) <= 140, name
        listed = [line for part in ("required", "recommended", "optional") for line in page.of(part)]
        assert len(listed) + len(page.with_profile) == len(page.lines)


def test_a_line() -> None:
    line = describe.describe_attribute("process_activity", "device.os.type_id")
    assert "100 Windows" in describe.line_text(line)
    assert (100, "Windows") in line.enum and line.column == "int64" and line.requirement == "required"
    assert describe.describe_attribute("file_activity", "file.hashes").type == "list of object fingerprint"
    user = describe.describe_attribute("process_activity", "actor.user")
    assert user.column is None and "actor.user.name" in user.members and user.more > 5


def test_members() -> None:
    names = [line.name for line in describe.members("process_activity", "device.os")]
    assert "device.os.name" in names
    assert describe.members("process_activity", "time") == ()


def test_a_misspelt_class_names_the_nearest() -> None:
    with pytest.raises(SchemaError) as caught:
        describe.describe("proces_activity")
    assert "'process_activity'" in (caught.value.remedy or "")


def test_the_list_of_all() -> None:
    entries = describe.overview()
    assert len(entries) == len(schema.load().names)
    assert [e.name for e in entries if e.ours][:3] == [
        "physical_access_activity",
        "alarm_signal_activity",
        "alarm_disposition_activity",
    ]
    assert {e.name for e in entries if e.deprecated} >= {"security_finding"}
