"""The whole of it: events in, events with context out; the same whatever the order, and the same when taught again."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.world.test_directory import feature, point, written
from tests.world.test_resolve import built

from watchfloor.errors import EstateError
from watchfloor.ocsf.events import Events
from watchfloor.world.coverage import Covering
from watchfloor.world.directory import Directory, load
from watchfloor.world.presence import resets
from watchfloor.world.pulse import pulse_table
from watchfloor.world.sources import EVERYWHERE, Source
from watchfloor.world.traversal import Traversal, great_circle_km
from watchfloor.world.world import Learnt, World

T0, MINUTE, HOUR = 1_780_000_000_000, 60_000, 3_600_000
NEW_YEAR = 1_767_225_600_000  # 2026-01-01
TELLING = {"doors": Source("doors", frozenset({EVERYWHERE}), heartbeat_s=1e9)}


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Directory:
    """Two sites; on the one a yard, a crane whose cab demands a training, and a console in it."""
    return load(port_estate(tmp_path_factory.mktemp("estate")))


def port_estate(folder: Path) -> Path:
    def door(uid: str, outside: str, inside: str, x: float) -> dict[str, Any]:
        readers = [{"uid": f"{uid}-in", "side": "in"}, {"uid": f"{uid}-out", "side": "out"}]
        return feature("portal", uid, point(x, 0), outside=outside, inside=inside, readers=readers)

    return written(
        folder,
        {
            "people/people.csv": "uid,personnel_no,role,start,end\n"
            "p-1,1001,crane_operator,2026-01-01,\np-2,1002,clerk,2026-01-01,2026-02-28\n",
            "people/credentials.csv": "uid,kind,value,holder\nc-1,badge,1,p-1\nc-2,badge,2,p-2\nc-3,account,ada,p-1\n",
            "assets/assets.csv": "uid,kind,name,place,criticality,hostname,purdue,part_of\n"
            "a-1,hmi,HMI 1,cab,4,hmi1,,a-4\na-2,plc,PLC 7,cab,4,,1,a-3\na-3,crane,Hoist,cab,,,,a-4\n"
            "a-4,crane,Crane,cab,,,,\n",
            "places/p.geojson": [
                feature("site", "s", point(4.0, 52.0)),
                feature("site", "far", point(5.0, 52.0)),
                feature("area", "street", parent="s"),
                feature("area", "yard", parent="s"),
                feature("building", "crane", parent="s"),
                feature("room", "cab", parent="crane"),
                feature("room", "office", parent="far"),
                door("gate", "street", "yard", 0),
                door("crane-door", "yard", "crane", 250),
                door("cab-door", "crane", "cab", 300),
                door("office-door", "far", "office", 0),
            ],
            "places/zones.toml": '[[zone]]\nuid = "z-street"\nkind = "external"\nplaces = ["street"]\n'
            '[[zone]]\nuid = "z-yard"\nplaces = ["yard"]\n[[zone]]\nuid = "z-office"\nplaces = ["far"]\n'
            '[[zone]]\nuid = "z-crane"\nparent = "z-yard"\npurdue = 2\ntraining = ["crane"]\nplaces = ["crane"]\n',
        },
    )


def passed(door: str, badge: str, time: int, direction: str = "in", number: int = 0) -> dict[str, Any]:
    return {
        "time": time, "activity_id": 3, "credential.uid": badge, "portal.reader_uid": f"{door}-{direction}",
        "wf.direction": direction, "wf.source_seq": number, "metadata.uid": f"e{time}-{door}-{badge}-{number}",
    }  # fmt: skip


def context(events: Events, row: int = 0) -> dict[str, Any]:
    return {
        name: column.take([row]).to_pylist()[0]
        for name in events.names
        if name.startswith(("asof.", "lag.")) and (column := events.column(name)) is not None
    }


LOGON = {"activity_id": 1, "user.name": "ada", "device.hostname": "hmi1", "status_id": 1, "logon_type_id": 2}


def test_a_logon_while_the_person_is_elsewhere(port: Directory) -> None:
    world = World(port)
    events, learnt = world.take(
        {
            "authentication": built("authentication", [{**LOGON, "time": T0 + 30 * MINUTE}]),
            "physical_access_activity": built("physical_access_activity", [passed("gate", "1", T0)]),
        }
    )
    found = context(events["authentication"])
    assert found["lag.presence.place_uid"] == "yard" and found["lag.presence.age_s"] == 1800
    assert found["asof.person.employment_status"] == "active" and found["asof.person.role_class"] == "crane_operator"
    assert found["asof.dst_asset.criticality_id"] == 4 and found["asof.dst_asset.purdue_level"] == 2.0
    assert found["asof.dst_asset.zone"] == "z-crane"
    assert "asof.dst_asset.open_work_order" not in found, "nobody told us of any order: not known, not no"
    assert len(learnt.seen) == 2, "the door, and the console itself"


def test_what_kind_of_thing_place_and_holder_it_is(port: Directory) -> None:
    events, _ = World(port).take(
        {
            "authentication": built("authentication", [{**LOGON, "time": T0}]),
            "physical_access_activity": built("physical_access_activity", [passed("crane-door", "1", T0)]),
        }
    )
    logon, door = context(events["authentication"]), context(events["physical_access_activity"])
    assert logon["asof.dst_asset.kind"] == "hmi" and logon["asof.credential.holder_kind"] == "person"
    assert door["asof.place.zone_kind"] == "restricted", "what a zone is that does not say"
    assert "asof.dst_asset.kind" not in door


def test_a_faulty_detector_evacuates_nobody(port: Directory) -> None:
    def evacuating(lifecycle: int) -> Any:
        fire = {"activity_id": 6, "lifecycle_id": lifecycle, "device.name": "HMI 1", "time": T0, "metadata.uid": "f"}
        events, _ = World(port).take(
            {
                "alarm_signal_activity": built("alarm_signal_activity", [fire]),
                "physical_access_activity": built("physical_access_activity", [passed("cab-door", "1", T0 + 1)]),
            }
        )
        return context(events["physical_access_activity"]).get("asof.place.evacuating")

    assert [evacuating(stage) for stage in (1, 5, 6, 9)] == ["alarm", None, None, None]


def test_who_left_the_company_and_who_never_was(port: Directory) -> None:
    rows = [passed("gate", "2", T0), passed("gate", "1", T0 + 1)]
    events, _ = World(port).take({"physical_access_activity": built("physical_access_activity", rows)})
    joined = events["physical_access_activity"]
    assert context(joined, 0)["asof.person.employment_status"] == "ended"
    last_day = datetime(2026, 3, 1, tzinfo=UTC)  # p-2 is employed up to and with 28 February
    assert context(joined, 0)["asof.person.ended_s"] == T0 // 1000 - int(last_day.timestamp())
    assert "asof.person.ended_s" not in context(joined, 1) or context(joined, 1)["asof.person.ended_s"] is None
    assert context(joined, 1)["asof.person.presence"] == "in" and context(joined, 1)["asof.person.zone"] == "z-yard"


def workforce(kind: int, holds: bool, known: int, **more: Any) -> dict[str, Any]:
    return {
        "time": known, "user.uid": "1001", "predicate.predicate_type_id": kind, "predicate.holds": holds,
        "predicate.known_from_time": known, **{f"predicate.{name}": value for name, value in more.items()},
    }  # fmt: skip


def test_training_and_notice(port: Directory) -> None:
    world = World(port)
    said = [
        workforce(7, True, T0 - HOUR, predicate_scope="crane", valid_from_time=T0 - HOUR, valid_to_time=T0 + HOUR),
        workforce(2, True, T0, valid_from_time=T0 - 2 * HOUR),
    ]
    doors = [passed("cab-door", "1", T0), passed("cab-door", "1", T0 + 2 * HOUR), passed("gate", "1", T0 + 3 * HOUR)]
    events, _ = world.take(
        {
            "physical_access_activity": built("physical_access_activity", doors),
            "workforce_activity": built("workforce_activity", said),
        }
    )
    joined = events["physical_access_activity"]
    assert [context(joined, row)["asof.person.training_ok"] for row in (0, 1)] == [True, False], "lapsed"
    assert context(joined, 2)["asof.person.training_ok"] is None, "the yard demands none"
    assert context(joined, 0)["asof.person.employment_status"] == "in_notice"


@pytest.mark.parametrize("ordered", ["PLC 7", "Hoist", "Crane"])
def test_work_orders(port: Directory, ordered: str) -> None:
    """For the controller, or for a machine it is part of."""
    order = {"controller.name": ordered, "work_order.uid": "WO-1"}
    world = World(port, complete=frozenset({"work_order"}))
    orders = [
        {**order, "time": T0, "activity_id": 2, "work_order.start_time": T0, "work_order.end_time": T0 + 5 * HOUR},
        {**order, "time": T0 + 2 * HOUR, "activity_id": 4},
    ]
    writes = [{"time": T0 + at * HOUR, "activity_id": 10, "controller.name": "PLC 7"} for at in (-1, 1, 3)]
    events, _ = world.take(
        {
            "ot_command_activity": built("ot_command_activity", writes),
            "maintenance_activity": built("maintenance_activity", orders),
        }
    )
    joined = events["ot_command_activity"]
    assert [context(joined, row)["asof.dst_asset.open_work_order"] for row in range(3)] == [False, True, False]


def test_maintenance_is_on_while_somebody_works(port: Directory) -> None:
    """Approved is not begun; of two orders the other goes on; a panel that is tried as a whole is in maintenance."""

    def order(hour: int, activity: int, uid: str, end: int = 9) -> dict[str, Any]:
        return {
            "controller.name": "PLC 7", "work_order.uid": uid, "time": T0 + hour * HOUR, "activity_id": activity,
            "work_order.start_time": T0, "work_order.end_time": T0 + end * HOUR,
        }  # fmt: skip

    world = World(port)
    orders = [order(0, 2, "WO-1"), order(1, 3, "WO-1"), order(2, 7, "WO-2", 5), order(3, 4, "WO-1")]
    tried = [
        {"time": T0 + at * HOUR, "activity_id": 7, "lifecycle_id": 9, "device.hostname": "hmi1",
         "signal_code.signal": signal}
        for at, signal in ((0, "TS"), (1, "TE"))
    ]  # fmt: skip
    writes = [{"time": T0 + at * HOUR + 1, "activity_id": 10, "controller.name": "PLC 7"} for at in (0, 1, 3, 5)]
    world.take({"alarm_signal_activity": built("alarm_signal_activity", tried)})
    events, _ = world.take(
        {
            "ot_command_activity": built("ot_command_activity", writes),
            "maintenance_activity": built("maintenance_activity", orders),
        }
    )
    joined = events["ot_command_activity"]
    assert [context(joined, row)["asof.dst_asset.maintenance"] for row in range(4)] == [False, True, True, False]
    spans = [(one.since, one.until) for one in world.history.intervals("maintenance", "a-1", "test")]
    assert spans == [(T0, T0 + HOUR)]


def test_a_map_that_nobody_checked_for_long(tmp_path: Path) -> None:
    """Ninety days after the check nobody knows where the console stands, nor who sits at it."""
    folder = port_estate(tmp_path)
    (folder / "assets" / "assets.csv").write_text(
        "uid,kind,name,place,hostname,checked\na-1,hmi,HMI 1,cab,hmi1,2026-01-01\na-2,hmi,HMI 2,cab,hmi2,\n"
    )
    times = [T0 - 60 * 24 * HOUR, T0]  # in March, and in May
    rows = [{**LOGON, "time": time, "device.hostname": host} for time in times for host in ("hmi1", "hmi2")]
    cases: list[tuple[float | None, list[bool | None]]] = [(90.0, [None, None, True, None]), (None, [None] * 4)]
    for days, old in cases:
        world = World(load(folder, map_days=days))
        events, learnt = world.take({"authentication": built("authentication", rows)})
        joined = [context(events["authentication"], row) for row in range(4)]
        assert [one.get("asof.dst_asset.map_stale") for one in joined] == old
        assert [one["asof.dst_asset.zone"] for one in joined] == [None if stale else "z-crane" for stale in old]
        assert len(learnt.seen) == 4 - old.count(True), "and nobody was seen there"
        where = events["authentication"].column("wf.place_uid")
        assert where is not None and where.to_pylist() == [None if stale else "cab" for stale in old]


def test_a_door_of_which_nobody_checked_where_it_leads(tmp_path: Path) -> None:
    """Who passes it is nobody knows where; it cannot be told who passes, which coverage says and presence heeds."""
    folder = port_estate(tmp_path)
    plan = folder / "places" / "p.geojson"
    told = json.loads(plan.read_text())
    for one in told["features"]:
        if one["properties"]["uid"] == "crane-door":
            one["properties"]["checked"] = "2026-01-01"
    plan.write_text(json.dumps(told))
    rows = [passed("gate", "1", T0 - HOUR), passed("crane-door", "1", T0), {**passed("gate", "2", T0 + HOUR)}]
    for days, old in ((90.0, True), (None, False)):
        world = World(load(folder, map_days=days))
        events, learnt = world.take({"physical_access_activity": built("physical_access_activity", rows)})
        joined = events["physical_access_activity"]
        where, zone = joined.column("wf.place_uid"), joined.column("wf.zone_uid")
        assert where is not None and where.to_pylist() == ["yard", None if old else "crane", "yard"]
        assert zone is not None and (zone.to_pylist()[1] is None) == old
        assert [context(joined, row).get("asof.portal.map_stale") for row in range(3)] == [None, old or None, None]
        assert len(learnt.seen) == (2 if old else 3)
        believed = world.history.intervals("presence", "p-1")
        held = next(one for one in believed if one.since <= T0 + 1 < one.until)
        assert held.value == ("unknown" if old else "crane"), "from the yard one may go through it unseen"
        covering = Covering(world.directory, TELLING, pulse_table([]), world.history, known_at=T0)
        why = {one.why for one in covering.coverage("crane-door", T0 - HOUR, T0).reasons}
        assert ("map_stale" in why) == old
        assert world.directory.fresh_until == ({"crane-door": NEW_YEAR + 91 * 24 * HOUR} if old else {})


@pytest.mark.parametrize("checked", ["yesterday", 5])
def test_a_check_that_is_no_day(checked: Any, tmp_path: Path) -> None:
    folder = port_estate(tmp_path)
    plan = folder / "places" / "p.geojson"
    told = json.loads(plan.read_text())
    told["features"][-1]["properties"]["checked"] = checked
    plan.write_text(json.dumps(told))
    with pytest.raises(EstateError, match="checked"):
        load(folder)


def test_fire_makes_unknown(port: Directory) -> None:
    alarm = {"time": T0 + HOUR, "activity_id": 6, "lifecycle_id": 1, "place.name": "crane", "place.uid": "crane"}
    doors = [passed("cab-door", "1", T0), {**passed("gate", "1", T0 + 2 * HOUR), "activity_id": 2}]
    events, _ = World(port).take(
        {
            "physical_access_activity": built("physical_access_activity", doors),
            "alarm_signal_activity": built("alarm_signal_activity", [alarm]),
        }
    )
    after = context(events["physical_access_activity"], 1)
    assert after["asof.person.presence"] == "unknown" and after["asof.person.zone"] is None
    assert after["lag.presence.place_uid"] == "cab", "where somebody was last seen is still known"


def test_a_drill_is_no_fire(port: Directory) -> None:
    place = {"place.name": "crane", "place.uid": "crane"}
    signals = [
        {**place, "time": T0 + HOUR, "activity_id": 7, "lifecycle_id": 9, "signal_code.signal": "TS"},
        {**place, "time": T0 + HOUR + MINUTE, "activity_id": 6, "lifecycle_id": 1, "signal_code.signal": "FA"},
        {**place, "time": T0 + 2 * HOUR, "activity_id": 6, "lifecycle_id": 2, "signal_code.signal": "FR"},
        {**place, "time": T0 + 2 * HOUR, "activity_id": 7, "lifecycle_id": 9, "signal_code.signal": "TE"},
        {**place, "time": T0 + 9 * HOUR, "activity_id": 7, "lifecycle_id": 9, "signal_code.signal": "TS"},
        {**place, "time": T0 + 20 * HOUR, "activity_id": 6, "lifecycle_id": 1, "signal_code.signal": "FA"},
    ]
    doors = [
        passed("cab-door", "1", T0),
        *({**passed("crane-door", "9", T0 + int(hour * HOUR)), "activity_id": 2} for hour in (1.5, 3, 9.5, 19, 21)),
    ]
    world = World(port)
    for signal in reversed(signals):  # the fire is known before the drill
        world.take({"alarm_signal_activity": built("alarm_signal_activity", [signal])})
    events, _ = world.take({"physical_access_activity": built("physical_access_activity", doors)})
    joined = events["physical_access_activity"].column("asof.place.evacuating")
    assert joined is not None
    assert joined.to_pylist() == [None, "drill", None, "drill", None, "alarm"], "who forgot to end it has ended it"
    found = [(one.until - T0) // HOUR for one in world.history.intervals("presence", "p-1") if one.value == "cab"]
    assert found == [12], "nobody is unknown for a drill"
    assert [(one.time - T0) // HOUR for one in resets(port, world.history)] == [20]


def test_bypass_and_loss_of_a_device(port: Directory) -> None:
    alarm = {"place.uid": "cab", "place.name": "cab"}
    signals = [
        {**alarm, "time": T0, "activity_id": 1, "lifecycle_id": 7, "alarm_point.name": "PIR 3"},
        {**alarm, "time": T0 + HOUR, "activity_id": 1, "lifecycle_id": 8, "alarm_point.name": "PIR 3"},
        {"time": T0, "activity_id": 8, "lifecycle_id": 5, "device.hostname": "hmi1"},
        {"time": T0 + HOUR, "activity_id": 8, "lifecycle_id": 6, "device.hostname": "hmi1"},
        {**alarm, "time": T0 + HOUR, "activity_id": 6, "lifecycle_id": 9},
    ]
    world = World(port)
    world.take({"alarm_signal_activity": built("alarm_signal_activity", signals)})
    history = world.history
    assert [(one.since, one.until) for one in history.intervals("bypassed", "cab", "PIR 3")] == [(T0, T0 + HOUR)]
    assert [(one.since, one.until) for one in history.intervals("lost", "a-1")] == [(T0, T0 + HOUR)]
    assert not history.intervals("evacuating", "cab"), "a test is no alarm"
    assert not resets(port, history)


def test_nobody_is_quicker_than_possible(port: Directory) -> None:
    traversal = Traversal(port)

    def seconds(start: str, end: str) -> float:
        return float(traversal.seconds[traversal.number(start), traversal.number(end)])

    assert seconds("street", "cab") == pytest.approx(3 + 250 / 2.5 + 3 + 50 / 2.5 + 3)
    assert seconds("cab", "cab") == 0 and seconds("cab", "crane") == 0
    kilometres = great_circle_km(4.0, 52.0, 5.0, 52.0)
    assert kilometres == pytest.approx(68.46, abs=0.1)
    assert seconds("cab", "office") == pytest.approx(kilometres / 900 * 3600 + 45 * 60)
    rows = [
        passed("cab-door", "1", T0),
        passed("office-door", "1", T0 + 10 * MINUTE),
        passed("gate", "1", T0 + 5 * HOUR),
    ]
    events, _ = World(port).take({"physical_access_activity": built("physical_access_activity", rows)})
    joined = events["physical_access_activity"]
    slack = [context(joined, row).get("lag.presence.slack_s") for row in range(3)]
    assert slack[0] is None
    assert slack[1] == pytest.approx(600 + 240 - (kilometres / 900 * 3600 + 45 * 60))
    assert slack[2] is not None and slack[2] > 0


DOORS = st.lists(
    st.tuples(
        st.sampled_from(["gate", "crane-door", "cab-door", "office-door"]),
        st.sampled_from(["1", "2", "9"]),
        st.integers(0, 50),
        st.sampled_from(["in", "out"]),
    ),
    min_size=1,
    max_size=10,
    unique=True,
)


@settings(max_examples=40)
@given(DOORS, st.data())
def test_the_same_world_in_any_order_and_when_taught_again(
    port: Directory, doors: list[Any], data: st.DataObject
) -> None:
    rows = [
        passed(door, badge, T0 + at * 10 * MINUTE, way, number) for number, (door, badge, at, way) in enumerate(doors)
    ]
    whole = World(port)
    events, learnt = whole.take({"physical_access_activity": built("physical_access_activity", rows)})
    pieces, tables = World(port), []
    for batch, row in enumerate(data.draw(st.permutations(rows))):
        _, some = pieces.take({"physical_access_activity": built("physical_access_activity", [row])})
        tables.append(some.tables(batch))
    again = World(port)
    seen = [one["sighting"] for one in tables if "sighting" in one]
    again.teach(Learnt.of(pa.concat_tables(seen) if seen else None))
    for person in ("p-1", "p-2"):
        for kind in ("presence", "sighted"):
            believed = list(whole.history.intervals(kind, person))
            assert (
                believed == list(pieces.history.intervals(kind, person)) == list(again.history.intervals(kind, person))
            )
    joined, _ = again.take({"physical_access_activity": built("physical_access_activity", rows)})
    assert joined["physical_access_activity"].to_pylist() == events["physical_access_activity"].to_pylist()
    assert len(learnt.seen) == len([row for row in rows if row["credential.uid"] != "9"])


def test_on_which_site_somebody_was_until_now(port: Directory) -> None:
    def then(*before: dict[str, Any]) -> dict[str, Any]:
        rows = [*before, passed("office-door", "1", T0 + 3 * HOUR)]
        events, _ = World(port).take({"physical_access_activity": built("physical_access_activity", rows)})
        return context(events["physical_access_activity"], len(rows) - 1)

    inside = then(passed("gate", "1", T0))
    assert inside["lag.presence.site"] == "s" and inside["asof.person.site"] == "far"
    assert inside["lag.presence.slack_s"] > 0, "time enough to travel: a contradiction, not impossible"
    assert then(passed("gate", "1", T0), passed("gate", "1", T0 + HOUR, "out")).get("lag.presence.site") is None
    assert then().get("lag.presence.site") is None, "never seen before"
    assert then(passed("gate", "1", T0 - 10 * HOUR)).get("lag.presence.site") is None, "too long ago to be believed"


def test_whose_computer_it_came_from(tmp_path: Path) -> None:
    folder = port_estate(tmp_path)
    (folder / "assets" / "assets.csv").write_text(
        "uid,kind,name,owner,place,ip\na-1,host,A,p-1,cab,10.0.0.1\na-2,server,B,p-1,cab,10.0.0.2\n"
    )
    notice = {"user.uid": "1001", "predicate.predicate_type_id": 2, "predicate.holds": True}
    rows = [{"time": T0, "src_endpoint.ip": f"10.0.0.{number}"} for number in (1, 2)]
    world = World(load(folder))
    events, _ = world.take({"network_activity": built("network_activity", rows)})
    assert context(events["network_activity"])["asof.src_asset.owner_uid"] == "p-1"
    assert context(events["network_activity"]).get("asof.src_asset.owner_in_notice") is None, "nobody states notices"
    assert context(events["network_activity"], 1)["asof.src_asset.owner_uid"] is None, "a server is nobody's own"
    world.take({"workforce_activity": built("workforce_activity", [{**notice, "time": T0 - HOUR}])})
    events, _ = world.take({"network_activity": built("network_activity", rows)})
    assert context(events["network_activity"])["asof.src_asset.owner_in_notice"] is True
