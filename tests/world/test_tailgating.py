"""Tailgating: inferred from what doors and sensors say, with how and how sure; the same in any order."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.world.test_directory import feature, point, written
from tests.world.test_resolve import built

from watchfloor.world.directory import Directory, load
from watchfloor.world.history import Interval
from watchfloor.world.sources import EVERYWHERE, Source
from watchfloor.world.tailgating import BOTH, COUNT, DEVICE, HELD_OPEN, surest
from watchfloor.world.world import World

T0, MINUTE, HOUR = 1_780_000_000_000, 60_000, 3_600_000
SOURCES = {uid: Source(uid, frozenset({EVERYWHERE}), skew_ms=5_000) for uid in ("doors", "cameras")}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Directory:
    """A hall with a canteen nobody parts from it, a store with a reader; a camera that counts at the hall's door."""

    def door(uid: str, outside: str, inside: str, **more: Any) -> dict[str, Any]:
        readers = [{"uid": f"{uid}-in", "side": "in"}, {"uid": f"{uid}-out", "side": "out"}]
        return feature(
            "portal", uid, point(0, 0), name=uid, outside=outside, inside=inside, **{"readers": readers, **more}
        )

    return load(
        written(
            tmp_path_factory.mktemp("estate"),
            {
                "people/people.csv": "uid,personnel_no,name\np-1,1001,A\n",
                "people/credentials.csv": "uid,kind,value,holder,holder_kind\nc-1,badge,1,p-1,\nc-9,badge,9,,visitor\n",
                "assets/assets.csv": "uid,kind,name,place\ncam,camera,CAM-1,yard\ncam-2,camera,CAM-2,yard\n",
                "places/p.geojson": [
                    feature("site", "s", point(4.0, 52.0)),
                    *(feature("room", uid, parent="s") for uid in ("yard", "hall", "canteen", "store")),
                    door("d-hall", "yard", "hall"),
                    door("d-canteen", "hall", "canteen", readers=[]),
                    door("d-store", "hall", "store"),
                    feature("camera", "cam", point(0, 0), covers=["d-hall", "yard"]),
                    feature("camera", "cam-2", point(0, 0), covers=["d-hall", "d-store"]),
                ],
            },
        )
    )


def passed(second: int, badge: str = "1", activity: int = 3, door: str = "d-hall", **more: Any) -> dict[str, Any]:
    return {
        "time": T0 + second * 1000, "activity_id": activity, "credential.uid": badge, "portal.reader_uid": f"{door}-in",
        "wf.direction": "in", "metadata.uid": f"e-{second}-{badge}-{activity}", **more,
    }  # fmt: skip


def counted(second: int, people: int, camera: str = "CAM-1") -> dict[str, Any]:
    return {"time": T0 + second * 1000, "activity_id": 11, "device.name": camera, "people_count": people}


def inferred(
    site: Directory, doors: list[dict[str, Any]], counts: list[dict[str, Any]], place: str = "hall"
) -> list[Any]:
    world = World(site, sources=SOURCES)
    batches = {"physical_access_activity": doors, "alarm_signal_activity": counts}
    world.take({name: built(name, rows) for name, rows in batches.items() if rows})
    found = world.history.intervals("tailgated", place)
    return [((one.since - T0) // 1000, one.value, one.confidence) for one in found]


def test_more_people_than_passages(site: Directory) -> None:
    assert inferred(site, [passed(0)], [counted(2, 2)]) == [(2, "count", COUNT)]
    assert inferred(site, [passed(0)], [counted(2, 2)], "canteen") == [(2, "count", COUNT)], "no reader before it"
    assert inferred(site, [passed(0)], [counted(2, 2)], "store") == []
    assert inferred(site, [passed(0)], [counted(2, 1)]) == []
    assert inferred(site, [passed(0), passed(3, "9")], [counted(2, 2)]) == [], "a visitor has a badge too"
    assert inferred(site, [passed(0), passed(33)], [counted(0, 2)]) == [], "clocks may differ"
    assert inferred(site, [passed(0), passed(60)], [counted(0, 2)]) == [(0, "count", COUNT)]
    assert inferred(site, [passed(0)], [counted(2, 2, "CAM-2")]) == [], "it sees two doors: nobody knows which"


def test_who_escorts_visitors_lets_them_in(site: Directory) -> None:
    def after(*batches: dict[str, list[dict[str, Any]]]) -> int:
        world = World(site, sources=SOURCES)
        for one in batches:
            world.take({name: built(name, rows) for name, rows in one.items()})
        return len(world.history.intervals("tailgated", "hall"))

    doors = {
        "physical_access_activity": [passed(0)],
        "alarm_signal_activity": [counted(2, 4)],
    }
    visit = {
        "time": T0 - HOUR, "user.uid": "1001", "predicate.predicate_type_id": 8, "predicate.visit_uid": "v-1",
        "predicate.valid_from_time": T0 - HOUR, "predicate.valid_to_time": T0 + HOUR, "metadata.uid": "e-visit",
    }  # fmt: skip
    assert after(doors) == 1
    assert after({**doors, "workforce_activity": [visit]}) == 0
    assert after(doors, {"workforce_activity": [visit]}) == 0, "whatever is known first"
    assert after(doors, {"workforce_activity": [visit | {"predicate.valid_to_time": T0 - 1}]}) == 1


def test_what_doors_say(site: Directory) -> None:
    assert inferred(site, [passed(0, "", 10)], []) == [(0, "device", DEVICE)]
    assert inferred(site, [passed(0, "", 10, confidence_pct=60)], []) == [(0, "device", 60)]
    assert inferred(site, [passed(0), passed(40, "", 6)], []) == [], "long after anybody passed"
    assert inferred(site, [passed(0), passed(20, "", 6)], []) == [(20, "held_open", HELD_OPEN)]
    both = inferred(site, [passed(0), passed(20, "", 6)], [counted(2, 2)])
    assert both == [(2, "count", BOTH), (3602, "held_open", HELD_OPEN)]


def test_onto_events(site: Directory) -> None:
    world = World(site, sources=SOURCES)
    rows = [passed(0), passed(0, "", 2, "d-hall"), passed(600, "", 2), passed(4000, "", 2)]
    events, _ = world.take(
        {
            "alarm_signal_activity": built("alarm_signal_activity", [counted(2, 2)]),
            "physical_access_activity": built("physical_access_activity", rows),
        }
    )
    joined = events["physical_access_activity"]
    age, sure = joined.column("asof.place.tailgate_age_s"), joined.column("asof.place.tailgate_confidence")
    assert age is not None and age.to_pylist() == [None, None, 598, None]
    assert sure is not None and sure.to_pylist() == [None, None, COUNT, None]


ROWS = st.lists(
    st.tuples(st.integers(0, 90), st.sampled_from(["1", "9", "10", "6", "c1", "c2", "c3"])), max_size=8, unique=True
)


@settings(max_examples=40, deadline=None)
@given(ROWS, st.data())
def test_in_any_order_and_when_taught_again(site: Directory, rows: list[tuple[int, str]], data: st.DataObject) -> None:
    made = [
        counted(at, int(what[1:]))
        if what[0] == "c"
        else passed(at, what)
        if what in ("1", "9")
        else passed(at, "", int(what))
        for at, what in rows
    ]
    doors = [row for row in made if "people_count" not in row]
    counts = [row for row in made if "people_count" in row]
    whole = inferred(site, doors, counts)
    world, again = World(site, sources=SOURCES), World(site, sources=SOURCES)
    for row in data.draw(st.permutations(made)):
        name = "alarm_signal_activity" if "people_count" in row else "physical_access_activity"
        _, learnt = world.take({name: built(name, [row])})
        again.teach(learnt)
        again.teach(learnt)
    for one in (world, again):
        found = one.history.intervals("tailgated", "hall")
        assert [((one.since - T0) // 1000, one.value, one.confidence) for one in found] == whole


def test_the_surest_holds() -> None:
    found = surest([Interval(0, 10, "a", 40, 0), Interval(5, 15, "b", 75, 5), Interval(8, 18, "c", 75, 8)])
    assert [(one.since, one.until, one.value) for one in found] == [(0, 5, "a"), (5, 8, "b"), (8, 18, "c")]
    assert surest([]) == []
