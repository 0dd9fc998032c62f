"""Observables: what people pivot on."""

from __future__ import annotations

from tests.ocsf.batches import launches
from watchfloor.ocsf.column import Column
from watchfloor.ocsf.events import Events
from watchfloor.ocsf.observables import LEFT_OUT, observables, observed
from watchfloor.ocsf.validate import validate


def pairs(events: Events) -> list[list[tuple[str, int, str]] | None]:
    return [
        None if many is None else [(one["name"], one["type_id"], one["value"]) for one in many]
        for many in observables(events).to_pylist()
    ]


def test_names_addresses_paths_and_hashes() -> None:
    events = Events.build(
        "network_activity",
        {
            "src_endpoint.ip": Column.of(["192.0.2.1", None, None]),
            "dst_endpoint.hostname": Column.of(["a.example.com", "b.example.com", None]),
            "dst_endpoint.port": 443,
            "actor.process.pid": 4,
            "wf.source_uid": "src",
            "unmapped.ip": "203.0.113.1",
        },
        3,
    )
    assert pairs(events) == [
        [("dst_endpoint.hostname", 1, "a.example.com"), ("src_endpoint.ip", 2, "192.0.2.1")],
        [("dst_endpoint.hostname", 1, "b.example.com")],
        None,
    ]


def test_hashes_inside_an_array() -> None:
    hashes = [[{"algorithm_id": 1, "value": "aa"}, {"algorithm_id": 3, "value": "bb"}], None, []]
    events = Events.build("file_activity", {"file.hashes": Column.of(hashes), "file.path": "/x"}, 3)
    assert pairs(events) == [
        [("file.hashes.value", 8, "aa"), ("file.hashes.value", 8, "bb"), ("file.path", 45, "/x")],
        [("file.path", 45, "/x")],
        [("file.path", 45, "/x")],
    ]


def test_badges_are_observables_too() -> None:
    events = Events.build("physical_access_activity", {"credential.credential_number": "10001", "portal.uid": "d7"}, 1)
    assert pairs(events) == [[("credential.credential_number", 20001, "10001"), ("portal.uid", 20002, "d7")]]


def test_what_nobody_pivots_on_is_left_out() -> None:
    events = launches(1)
    names = [name for name, _ in observed(events.class_name, events.names)]
    assert "process.cmd_line" not in names and "process.pid" not in names and "device.hostname" in names
    assert all(type_id not in LEFT_OUT for _, type_id in observed(events.class_name, events.names))


def test_nothing_to_see() -> None:
    assert observables(Events.build("base_event", {"message": "m"}, 2)).all_missing


def test_the_list_fits_the_schema_and_rides_on_an_event() -> None:
    events = launches(2)
    with_list = events.with_columns({"observables": observables(events)})
    assert validate(with_list) == []
    assert {one["type"] for one in with_list.to_pylist()[0]["observables"]} == {
        "User Name",
        "Hostname",
        "File Path",
        "File Name",
    }
