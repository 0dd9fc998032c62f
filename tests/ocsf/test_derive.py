"""What follows from what a mapping said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchfloor.errors import SchemaError
from watchfloor.ocsf import schema
from watchfloor.ocsf.column import Column
from watchfloor.ocsf.derive import derive, derived, profiles
from watchfloor.ocsf.events import Events


def derived_rows(class_name: str, rows: int = 1, **columns: object) -> list[dict[str, object]]:
    dotted = {name.replace("__", "."): value for name, value in columns.items()}
    return Events.build(class_name, derive(class_name, dotted, rows), rows).to_pylist()


def test_ids_names_and_version_of_a_class() -> None:
    (row,) = derived_rows("authentication", activity_id=1, status_id=2, auth_protocol_id=2)
    assert row == {
        "activity_id": 1,
        "activity_name": "Logon",
        "auth_protocol": "Kerberos",
        "auth_protocol_id": 2,
        "category_name": "Identity & Access Management",
        "category_uid": 3,
        "class_name": "Authentication",
        "class_uid": 3002,
        "metadata": {"version": schema.load().version},
        "severity": "Informational",
        "severity_id": 1,
        "status": "Failure",
        "status_id": 2,
        "type_name": "Authentication: Logon",
        "type_uid": 300201,
    }


def test_what_the_mapping_said_stays() -> None:
    rows = derived_rows(
        "authentication",
        rows=2,
        activity_id=Column.of([1, None]),
        auth_protocol_id=Column.of([99, 1]),
        auth_protocol=Column.of(["Quux", None]),
        severity_id=Column.of([None, 4]),
    )
    assert [row["auth_protocol"] for row in rows] == ["Quux", "NTLM"]
    assert [row["severity"] for row in rows] == ["Informational", "High"]
    assert [row["type_uid"] for row in rows] == [300201, 300200]


def test_a_named_activity_without_number_is_other() -> None:
    rows = derived_rows("authentication", rows=2, activity_name=Column.of(["Teleport", None]))
    assert [(row["activity_id"], row["activity_name"]) for row in rows] == [(99, "Teleport"), (0, "Unknown")]


def test_text_numbers_count_as_numbers() -> None:
    (row,) = derived_rows("process_activity", activity_id="1", severity_id="5")
    assert (row["type_uid"], row["severity"]) == (100701, "Critical")


def test_an_activity_nobody_knows_is_named_other_in_its_type() -> None:
    (row,) = derived_rows("process_activity", activity_id=55)
    assert (row["type_uid"], row["type_name"]) == (100755, "Process Activity: Other")


def test_siblings_inside_objects() -> None:
    (row,) = derived_rows("process_activity", device__os__type_id=200, actor__user__type_id=3)
    assert row["device"]["os"]["type"] == "Linux"  # type: ignore[index]
    assert row["actor"]["user"]["type"] == "System"  # type: ignore[index]


def test_what_an_object_demands_and_follows_is_filled_where_the_object_is() -> None:
    rows = derived_rows(
        "process_activity",
        rows=2,
        process__file__path=Column.of([r"C:\Windows\System32\cmd.exe", None]),
        device__hostname=Column.of([None, "ws1"]),
    )
    assert rows[0]["process"]["file"]["name"] == "cmd.exe" and rows[0]["process"]["file"]["type_id"] == 0  # type: ignore[index]
    assert "device" not in rows[0] and rows[1]["device"]["type_id"] == 0 and "process" not in rows[1]  # type: ignore[index]


def test_a_given_name_of_a_file_stays() -> None:
    (row,) = derived_rows("file_activity", file__path="/etc/passwd", file__name="shown.txt")
    assert row["file"]["name"] == "shown.txt"  # type: ignore[index]


def test_extension_type_uid() -> None:
    (row,) = derived_rows("physical_access_activity", activity_id=3, portal__uid="d1", portal__type_id=2)
    assert (row["type_uid"], row["class_uid"], row["category_uid"]) == (2003000103, 20030001, 20030)
    assert row["type_name"] == "Physical Access Activity: Taken"
    assert row["portal"] == {"type": "Gate", "type_id": 2, "uid": "d1"}


def test_a_wrong_class_uid_is_a_bug() -> None:
    with pytest.raises(SchemaError, match="class_uid 1007"):
        derive("process_activity", {"class_uid": 3002}, 1)


def test_profiles_are_declared_when_complete() -> None:
    assert profiles("authentication", {"device.hostname", "wf.source_uid"}) == ["host", "watchfloor/converged"]
    assert profiles("process_activity", {"device.hostname"}) == []  # there, host demands `actor` too
    assert profiles("api_activity", {"api.operation"}) == []
    assert profiles("process_activity", {"api.operation"}) == []  # the cloud profile demands `cloud` too
    assert profiles("process_activity", {"api.operation", "cloud.provider"}) == ["cloud"]


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), min_size=1, max_size=12), st.data())
def test_profiles_follow_the_row_and_not_its_neighbours(
    rows: list[tuple[bool, bool, bool]], data: st.DataObject
) -> None:
    def declared(part: list[tuple[bool, bool, bool]]) -> list[list[str] | None]:
        columns = {
            name: Column.of(["x" if row[place] else None for row in part])
            for place, name in enumerate(("device.hostname", "actor.user.name", "cloud.provider"))
        }
        made = Events.build("process_activity", derive("process_activity", columns, len(part)), len(part))
        return [row["metadata"].get("profiles") for row in made.to_pylist()]

    cut = data.draw(st.integers(0, len(rows)))
    assert declared(rows) == [said for part in (rows[:cut], rows[cut:]) if part for said in declared(part)]


def test_deriving_twice_changes_nothing() -> None:
    columns = {"activity_id": Column.of([1, 2, None]), "device.hostname": "a", "process.file.path": "/bin/ls"}
    once = Events.build("process_activity", derive("process_activity", columns, 3), 3)
    assert derived(once).to_pylist() == once.to_pylist()
