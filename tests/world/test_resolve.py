"""Events say who, what and where, as of their time; a wrong person never, nobody rather."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.world.test_directory import small

from watchfloor.ocsf.column import Column
from watchfloor.ocsf.events import Events
from watchfloor.world.directory import load
from watchfloor.world.entities import Alias
from watchfloor.world.resolve import Resolver

JANUARY, APRIL = 1_768_000_000_000, 1_775_500_000_000


@pytest.fixture(scope="module")
def resolver(tmp_path_factory: pytest.TempPathFactory) -> Resolver:
    return Resolver(load(small(tmp_path_factory.mktemp("estate"))))


def built(class_name: str, rows: list[dict[str, Any]]) -> Events:
    names = sorted({name for row in rows for name in row})
    columns: dict[str, Any] = {name: Column.of([row.get(name) for row in rows]) for name in names}
    return Events.build(class_name, {"activity_id": 1, **columns}, len(rows))


def resolved(resolver: Resolver, class_name: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    events = resolver.resolve(built(class_name, rows))
    columns = {name: events.column(name) for name in events.names if name.startswith("wf.") and name.endswith("uid")}
    lists = {name[3:-4]: column.to_pylist() for name, column in columns.items() if column is not None}
    return [
        {name: values[row] for name, values in lists.items() if values[row] is not None} for row in range(len(rows))
    ]


def test_a_badge_at_a_door(resolver: Resolver) -> None:
    door = {"credential.uid": "4711", "credential.facility_code": "12", "portal.reader_uid": "r-1", "activity_id": 3}
    found = resolved(
        resolver,
        "physical_access_activity",
        [
            {**door, "time": JANUARY, "wf.direction": "in"},
            {**door, "time": APRIL, "wf.direction": "out", "portal.reader_uid": "r-2"},
            {"time": APRIL, "portal.name": "Door 1", "credential.uid": "9001", "credential.facility_code": "12"},
            {"time": APRIL, "portal.name": "Door 9", "credential.uid": "4712"},
        ],
    )
    there = {"portal": "d-1", "site": "s"}
    assert found == [
        {"person": "p-1", "credential": "c-1", "place": "control", "zone": "z-control", **there},
        {"person": "p-2", "credential": "c-1", "place": "b", "zone": "z-site", **there},
        {"credential": "c-3", "place": "control", "zone": "z-control", **there},
        {},
    ], "changed hands; who leaves stands outside; a pool badge is nobody; what is not known is missing"


def test_a_logon_at_a_console(resolver: Resolver) -> None:
    found = resolved(
        resolver,
        "authentication",
        [
            {"time": APRIL, "user.name": "ada", "user.domain": "HARBOUR", "device.hostname": "HMI1.example.com"},
            {"time": APRIL, "user.name": "ada", "user.domain": "HMI1", "device.hostname": "hmi1"},
            {"time": APRIL, "user.name": "SYSTEM", "user.domain": "NT AUTHORITY", "src_endpoint.ip": "192.0.2.7"},
            {"time": APRIL, "user.name": "ada@example.com", "dst_endpoint.ip": "::ffff:192.0.2.7"},
        ],
    )
    stands = {"asset": "a-1", "place": "control", "zone": "z-control", "site": "s"}
    assert found == [
        {"person": "p-1", "credential": "c-2", **stands},
        stands,
        {"src_asset": "a-1"},
        {"person": "p-1", "credential": "c-2", **stands},
    ], "a local account of the same name is somebody else"


def test_rows_that_say_half_of_it(resolver: Resolver) -> None:
    """Domain, facility and level stand in some rows of a batch and not in others."""
    badge = {"time": JANUARY, "credential.uid": "4711"}
    found = resolved(resolver, "physical_access_activity", [{**badge, "credential.facility_code": "12"}, badge])
    assert found[0]["person"] == "p-1"
    alone = resolved(resolver, "physical_access_activity", [badge])
    assert found[1] == alone[0], "what another row says of its facility changes nothing"
    found = resolved(
        resolver,
        "authentication",
        [
            {"time": APRIL, "user.domain": "HARBOUR"},
            {"time": APRIL, "user.name": "ada@example.com"},
            {"time": APRIL, "user.name": "ada", "user.domain": "HARBOUR"},
        ],
    )
    assert [row.get("person") for row in found] == [None, "p-1", "p-1"]


def test_who_acts_and_who_is_acted_upon(resolver: Resolver) -> None:
    change = {"time": APRIL, "user.name": r"HARBOUR\ada"}
    assert resolved(resolver, "account_change", [change]) == [{}], "ada is whom it happened to"
    acted = {"time": APRIL, "actor.user.name": r"HARBOUR\ada"}
    assert resolved(resolver, "process_activity", [acted]) == [{"person": "p-1", "credential": "c-2"}]


def test_two_names_that_disagree_name_nobody(resolver: Resolver) -> None:
    rows = [{"time": APRIL, "user.name": r"HARBOUR\ada", "user.email_addr": "bo@example.com"}]
    before = resolver.counters["conflict.person"]
    assert "person" not in resolved(resolver, "authentication", rows)[0]
    assert resolver.counters["conflict.person"] == before + 1


def test_a_weak_link_names_nobody_and_says_how_weak(tmp_path: Path) -> None:
    resolver = Resolver(load(small(tmp_path)))
    resolver.aliases.add([Alias("", "account", "maybe", "c-9", "p-1", confidence=60, status="proposed")])
    events = resolver.resolve(built("authentication", [{"time": APRIL, "user.name": "maybe"}]))
    assert events.column("wf.person_uid") is None
    confidence = events.column("wf.resolution_confidence")
    assert confidence is not None and confidence.to_pylist() == [60]


def test_a_badge_that_a_file_links_to_a_person(tmp_path: Path) -> None:
    """By likeness only: nobody, and how weak the link is; for certain: that person, by no credential we know."""
    (estate := small(tmp_path) / "aliases.csv").write_text(
        "kind,value,entity,confidence,method\nbadge,900,p-1,60,probabilistic\nbadge,901,p-1,100,manual\n"
    )
    events = Resolver(load(estate.parent)).resolve(
        built("physical_access_activity", [{"time": APRIL, "credential.uid": number} for number in ("900", "901")])
    )
    person, confidence = events.column("wf.person_uid"), events.column("wf.resolution_confidence")
    assert person is not None and person.to_pylist() == [None, "p-1"]
    assert confidence is not None and confidence.to_pylist() == [60, 100]
    credential = events.column("wf.credential_uid")
    assert credential is None or credential.all_missing


def test_a_name_of_two_people_is_somebodys(tmp_path: Path) -> None:
    resolver = Resolver(load(small(tmp_path)))
    resolver.aliases.add([Alias("", "account", "desk", "c-8", "p-1"), Alias("", "account", "desk", "c-9", "p-2")])
    rows = [{"time": APRIL, "user.name": name} for name in ("desk", "nobody")]
    events = resolver.resolve(built("authentication", rows))
    assert events.column("wf.person_uid") is None
    confidence = events.column("wf.resolution_confidence")
    assert confidence is not None and confidence.to_pylist() == [0, None]


def test_names_of_one_source_are_not_those_of_another(tmp_path: Path) -> None:
    resolver = Resolver(load(small(tmp_path)))
    rows = [
        {"time": APRIL, "portal.name": "D-0407", "wf.source_uid": source} for source in ("onguard", "genetec", None)
    ]
    assert [row.get("portal") for row in resolved(resolver, "physical_access_activity", rows)] == ["d-1", None, None]


NAMES = st.sampled_from(["ada", r"HARBOUR\ada", r"PC\ada", "bo@example.com", "nobody", None])
ROWS = st.fixed_dictionaries(
    {
        "time": st.sampled_from([JANUARY, APRIL]),
        "user.name": NAMES,
        "user.email_addr": st.sampled_from(["ada@example.com", "bo@example.com", None]),
        "device.hostname": st.sampled_from(["hmi1", "pc-7", None]),
        "wf.source_uid": st.sampled_from(["onguard", "x", None]),
    }
)


@settings(max_examples=60)
@given(st.lists(ROWS, min_size=1, max_size=12))
def test_every_row_for_itself(resolver: Resolver, rows: list[dict[str, Any]]) -> None:
    together = resolved(resolver, "authentication", rows)
    assert together == [resolved(resolver, "authentication", [row])[0] for row in rows]
    events = resolver.resolve(built("authentication", rows))
    again = resolver.resolve(events)
    assert again.to_pylist() == events.to_pylist(), "resolving twice changes nothing"


def test_no_rows(resolver: Resolver) -> None:
    empty = built("authentication", [{"time": APRIL}]).filter(np.array([False]))
    assert len(resolver.resolve(empty)) == 0


def test_a_credential_that_is_managed_is_not_its_managers(resolver: Resolver) -> None:
    """Who issues a badge is not who holds it, and an account that does it is not what it is done to."""
    badge = {"credential.uid": "4711", "credential.facility_code": "12", "time": JANUARY}
    (held,) = resolved(resolver, "physical_access_activity", [badge])
    (managed,) = resolved(resolver, "entity_management", [badge])
    assert managed == {"credential": held["credential"]}
    (by_somebody,) = resolved(resolver, "entity_management", [{**badge, "actor.user.name": "HARBOUR\\ada"}])
    assert by_somebody["credential"] == held["credential"] and "person" in by_somebody
    unknown = {"credential.uid": "0815", "actor.user.name": "HARBOUR\\ada", "time": JANUARY}
    assert "credential" not in resolved(resolver, "entity_management", [unknown])[0]


def test_a_point_of_a_panel_is_where_it_is_and_not_where_the_panel_hangs(tmp_path: Path) -> None:
    estate = small(tmp_path)
    with (estate / "aliases.csv").open("a") as file:
        file.write("panels,point,5A2/001,b\n")
    resolver = Resolver(load(estate))
    signal = {"device.name": "HMI one", "wf.source_uid": "panels", "time": JANUARY}
    stands, point = resolved(resolver, "alarm_signal_activity", [signal, {**signal, "alarm_point.uid": "5A2/001"}])
    assert (stands["place"], point["place"], point["asset"]) == ("control", "b", stands["asset"])


def test_the_id_of_a_users_record_is_an_account_as_well(resolver: Resolver) -> None:
    """An access control system names its user by an id of its own; credentials.csv says whose that is."""
    (named,) = resolved(resolver, "physical_access_activity", [{"user.name": "HARBOUR\\ada", "time": JANUARY}])
    (by_id,) = resolved(resolver, "physical_access_activity", [{"user.uid": "HARBOUR\\ada", "time": JANUARY}])
    assert by_id == named and "person" in named
