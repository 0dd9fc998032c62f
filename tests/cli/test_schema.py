"""`watchfloor schema` and `doctor`."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Verb


def test_all_classes(watchfloor: Verb) -> None:
    said = watchfloor("schema")
    assert said.code == 0 and "process_activity" in said.out and "physical_access_activity" in said.out
    names = {entry["name"] for entry in watchfloor("schema", "--json").objects}
    assert {"process_activity", "authentication", "detection_finding", "base_event"} <= names


def test_one_class_and_one_attribute(watchfloor: Verb) -> None:
    said = watchfloor("schema", "process_activity")
    assert said.code == 0 and "cmd_line" in watchfloor("schema", "process_activity", "process").out
    (told,) = watchfloor("schema", "process_activity", "actor.user", "--json").objects
    assert any("name" in str(member) for member in told["members"])
    assert watchfloor("schema", "process_activity", "--json").objects


def test_names_that_are_not_there(watchfloor: Verb) -> None:
    said = watchfloor("schema", "proces_activity")
    assert said.code == 5 and "process_activity" in said.err and "->" in said.err
    assert watchfloor("schema", "process_activity", "actor.usr").code == 5


def test_doctor(watchfloor: Verb, tmp_path: Path) -> None:
    said = watchfloor("doctor", tmp_path)
    assert said.code in (0, 1) and "pyarrow" in said.out and "python" in said.out
    (facts,) = watchfloor("doctor", tmp_path, "--json").objects
    assert facts["packages"]["duckdb"] and facts["cores"] >= 1 and said.code == bool(facts["problems"])
