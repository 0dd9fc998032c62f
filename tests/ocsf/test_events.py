"""Events: built, taken, joined, nested and back."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ocsf.batches import launches, process_events, relaxed
from watchfloor.errors import SchemaError
from watchfloor.ocsf.column import Column
from watchfloor.ocsf.events import Events


def one(name: str, *values: object, class_name: str = "process_activity") -> Events:
    return Events.build(class_name, {name: Column.of(values)}, len(values))


def test_strings_are_encoded_numbers_plain_and_missing_columns_dropped() -> None:
    events = Events.build(
        "process_activity",
        {"process.name": Column.of(["a", None, "a"]), "time": 5, "message": None, "status": Column.missing(3)},
        3,
    )
    assert events.names == ("class_uid", "process.name", "time")
    types = {name: events.table.schema.field(name).type for name in events.names}
    assert types == {
        "class_uid": pa.int64(),
        "process.name": pa.dictionary(pa.int32(), pa.string()),
        "time": pa.int64(),
    }
    column = events.column("process.name")
    assert column is not None and column.to_pylist() == ["a", None, "a"] and len(column.values) == 1
    assert events.column("message") is None and "message" not in events and len(events) == 3


@pytest.mark.parametrize(
    ("name", "given", "fits", "spare"),
    [
        ("process.pid", ["7", "0x1F", " 8", "x", None, ""], [7, 31, 8, None, None, None], {3: "x", 5: ""}),
        ("process.pid", ["99999999999999999999", "1"], [None, 1], {0: "99999999999999999999"}),
        ("process.pid", [1.0, 1.5], [1, None], {1: "1.5"}),
        ("process.pid", [True], [1], {}),
        ("is_alert", ["True", "0", 'maybe"'], [True, False, None], {2: 'maybe"'}),
        ("is_alert", [1, 0, 7], [True, False, None], {2: "7"}),
        ("risk_score", ["12", "high"], [12, None], {1: "high"}),
        ("actor.user.name", [5, None], ["5", None], {}),
        ("actor.user.name", [True], ["true"], {}),
        ("actor.user.name", [0.25], ["0.25"], {}),
        ("actor.user.name", [{"a": 1}], ['{"a":1}'], {}),
        ("metadata.profiles", ["host", None], [["host"], None], {}),
        ("metadata.profiles", [[1, 2]], [["1", "2"]], {}),
        ("process.file.hashes", ["abc"], [None], {0: "abc"}),
    ],
)
def test_values_are_cast_and_what_does_not_fit_is_kept(
    name: str, given: list[object], fits: list[object], spare: dict[int, str]
) -> None:
    events = one(name, *given)
    column, left = events.column(name), events.column(f"unmapped.{name}")
    assert (column.to_pylist() if column else [None] * len(given)) == fits
    assert ({} if left is None else {i: v for i, v in enumerate(left.to_pylist()) if v is not None}) == spare


def test_a_stray_value_never_overwrites_what_is_there() -> None:
    columns = {"process.pid": Column.of(["x", "1"]), "unmapped.process.pid": Column.of(["kept", None])}
    rows = Events.build("process_activity", columns, 2).to_pylist()
    assert rows[0]["unmapped"] == {"process.pid": "kept", "process.pid_rejected": "x"}


def test_arrow_timestamps_become_epoch_milliseconds() -> None:
    stamps = pa.array([1_700_000_000_123_456], pa.timestamp("us", tz="UTC"))
    column = Events.build("process_activity", {"time": Column.from_arrow(stamps)}, 1).column("time")
    assert column is not None and column.to_pylist() == [1_700_000_000_123]


def test_structs_fit_by_name() -> None:
    events = one("process.file.hashes", [{"algorithm_id": 3, "value": "ab"}], None)
    assert events.to_pylist()[0]["process"]["file"]["hashes"] == [{"algorithm_id": 3, "value": "ab"}]
    with pytest.raises(SchemaError, match=r"keeps no 'process.file.hashes.colour'"):
        one("process.file.hashes", [{"colour": "red"}])


@pytest.mark.parametrize(
    ("columns", "what"),
    [
        ({"process.nam": 1}, "'process.nam'"),
        ({"process": "x"}, "is an object"),
        ({"unmapped": "x"}, "is a map"),
        ({"time": Column.of([1, 2])}, "has 2 rows, not 1"),
    ],
)
def test_a_bug_in_a_mapping_is_an_error(columns: dict[str, object], what: str) -> None:
    with pytest.raises(SchemaError, match=what) as caught:
        Events.build("process_activity", columns, 1)
    assert caught.value.remedy is not None or "rows" in what


def test_an_unknown_class_is_an_error() -> None:
    with pytest.raises(SchemaError, match="no class 'proces_activity'"):
        Events.build("proces_activity", {}, 0)


def test_events_refuse_to_be_looped_over() -> None:
    with pytest.raises(TypeError, match="columns"):
        list(launches())


def test_json_is_nested_ordered_and_without_nulls() -> None:
    rows = launches(2).to_pylist()
    assert list(rows[0]) == sorted(rows[0]) and list(rows[0]["actor"]) == ["process", "user"]
    assert "user" not in rows[1]["actor"] and rows[1]["unmapped"] == {"IntegrityLevel": "High"}


def test_nested_shape() -> None:
    nested = launches(2).nest()
    actor = nested.schema.field("actor").type
    assert actor.field("user").type == pa.struct([("name", pa.dictionary(pa.int32(), pa.string()))])
    assert nested.column("actor").to_pylist()[1]["user"] is None
    assert pa.types.is_map(nested.schema.field("unmapped").type)
    assert nested.column("unmapped").to_pylist() == [[("IntegrityLevel", "High")]] * 2


def test_with_columns_adds_replaces_and_removes() -> None:
    events = launches(2).with_columns({"message": "hello", "unmapped.IntegrityLevel": None, "process.pid": "oops"})
    assert "unmapped.IntegrityLevel" not in events and "process.pid" not in events
    assert events.to_pylist()[0]["unmapped"] == {"process.pid": "oops"}
    assert events.to_pylist()[1]["message"] == "hello"


def test_concat_fills_what_some_lack_and_makes_one_dictionary() -> None:
    joined = Events.concat([one("process.name", "a", "b"), one("message", "m"), one("process.name", "b", "c")])
    column = joined.column("process.name")
    assert column is not None and column.to_pylist() == ["a", "b", None, "b", "c"]
    assert sorted(column.values.to_pylist()) == ["a", "b", "c"]
    assert all(c.num_chunks == 1 for c in joined.table.columns)


def test_only_one_class_can_be_joined() -> None:
    with pytest.raises(SchemaError, match="authentication, process_activity"):
        Events.concat([one("message", "m"), one("message", "m", class_name="authentication")])
    with pytest.raises(SchemaError, match="none"):
        Events.concat([])


@relaxed
@given(process_events())
def test_flatten_undoes_nest(events: Events) -> None:
    again = Events.flatten(events.class_name, events.nest())
    assert again.to_pylist() == events.to_pylist()
    if len(events):
        assert again.names == events.names
        assert again.table.schema == events.table.schema


@relaxed
@given(process_events())
def test_the_nested_shape_says_the_same_as_the_json(events: Events) -> None:
    def clean(value: object) -> object:
        if isinstance(value, dict):
            kept = {k: c for k, v in value.items() if (c := clean(v)) is not None}
            return kept or None
        if isinstance(value, list) and value and isinstance(value[0], tuple):
            return dict(value)
        return [clean(v) for v in value] if isinstance(value, list) else value

    nested = [clean(row) for row in events.nest().to_pylist()]
    assert nested == [clean(row) for row in events.to_pylist()]


@relaxed
@given(process_events(), st.data())
def test_take_and_filter_are_rows(events: Events, data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.integers(0, len(events) - 1), max_size=8)) if len(events) else []
    everything = events.to_pylist()
    assert events.take(rows).to_pylist() == [everything[row] for row in rows]
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=len(events), max_size=len(events))), np.bool_)
    assert events.filter(mask).to_pylist() == [row for row, keep in zip(everything, mask, strict=True) if keep]


@relaxed
@given(st.lists(process_events(), min_size=1, max_size=4))
def test_concat_is_the_rows_one_after_the_other(batches: list[Events]) -> None:
    joined = Events.concat(batches)
    assert joined.to_pylist() == [row for batch in batches for row in batch.to_pylist()]


@relaxed
@given(process_events(), process_events())
def test_nested_batches_join_in_any_shape(one: Events, two: Events) -> None:
    """A lake may hand back a table of several chunks with different dictionaries."""
    joined = Events.concat([one, two])
    both = pa.concat_tables([joined.nest().slice(0, len(one)), joined.nest().slice(len(one))])
    assert Events.flatten("process_activity", both).to_pylist() == joined.to_pylist()


def test_rows_without_a_value_survive_joining_dictionaries() -> None:
    # Arrow follows the code under a null as well when it makes one dictionary of several
    column = Column(np.array([-1, 0, -1, 1], np.int32), pa.array(["a", "b"]))
    assert column.to_arrow().indices.buffers()[1] is not None
    assert int(np.frombuffer(column.to_arrow().indices.buffers()[1], np.int32).min()) == 0
    batches = [Events.build("process_activity", {"process.name": column, "time": 1}, 4) for _ in range(3)]
    joined = Events.concat(batches).column("process.name")
    assert joined is not None
    assert joined.to_pylist() == [None, "a", None, "b"] * 3
