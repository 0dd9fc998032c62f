"""What OCSF objects to is found and counted."""

from __future__ import annotations

import dataclasses

import pyarrow as pa
import pytest

from tests.ocsf.batches import launches
from watchfloor.ocsf.column import Column
from watchfloor.ocsf.events import Events
from watchfloor.ocsf.validate import Problem, validate


def test_valid_events_have_no_problem() -> None:
    assert validate(launches(3)) == []
    assert validate(launches(0)) == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"severity_id": 77}, Problem("severity_id", "77 is not in the enum", 3)),
        ({"time": Column.of([1, None, None])}, Problem("time", "is required and missing", 2)),
        ({"metadata.product.name": None}, Problem("metadata.product", "is required and missing", 3)),
        ({"metadata.version": None}, Problem("metadata.version", "is required and missing", 3)),
        ({"actor.process.pid": None}, Problem("actor.process", "at least one of pid, uid, cpid", 3)),
        (
            {"process.pid": Column.of([1, None, 1])},
            Problem("process", "at least one of pid, uid, cpid", 1),
        ),
        (
            {"device.os.type_id": Column.of([100, 4, 5])},
            Problem("device.os.type_id", "4, 5 is not in the enum", 2),
        ),
        ({"file.path": "/x"}, None),
    ],
)
def test_problems(change: dict[str, object], problem: Problem | None) -> None:
    if problem is None:  # an attribute the class does not have cannot even be built
        from watchfloor.errors import SchemaError

        with pytest.raises(SchemaError):
            launches(3).with_columns(change)
        return
    assert problem in validate(launches(3).with_columns(change))


def test_a_column_of_the_wrong_type_is_found() -> None:
    events = launches(2)
    table = events.table.set_column(
        events.table.schema.get_field_index("time"), "time", pa.array(["a", "b"]).dictionary_encode()
    )
    assert Problem("time", "is string, not int64", 2) in validate(dataclasses.replace(events, table=table))


def test_a_declared_profile_demands_what_it_requires() -> None:
    plain = Events.build("authentication", {"time": 1, "user.name": "a"}, 1)
    assert not any(problem.attribute == "cloud" for problem in validate(plain))
    declared = plain.with_columns({"metadata.profiles": Column.of([["cloud"]])})
    assert Problem("cloud", "is required and missing", 1) in validate(declared)


def test_at_least_one_of_a_class() -> None:
    events = Events.build("dns_activity", {"time": 1}, 2)
    assert Problem("(class)", "at least one of dst_endpoint, src_endpoint", 2) in validate(events)


def test_just_one() -> None:
    columns = {"startup_item.job.name": "a", "startup_item.driver.file.name": Column.of(["b", None])}
    events = Events.build("startup_item_query", columns, 2)
    assert Problem("startup_item", "just one of driver, job, process, win_service", 1) in validate(events)


def test_a_problem_reads_as_a_sentence() -> None:
    assert str(Problem("time", "is required and missing", 2)) == "time: is required and missing (2 rows)"
