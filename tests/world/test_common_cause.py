"""Common cause: what several devices need and that failed; the same in any order, and as one finds it by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.world.test_directory import feature, point, written
from tests.world.test_resolve import built

from watchfloor.world.common_cause import FEWEST, HOLDS_MS, KIND, TOGETHER_MS
from watchfloor.world.directory import Directory, load
from watchfloor.world.world import World

T0, SECOND = 1_780_000_000_000, 1000
SUPERVISORY, COMMUNICATION, NEW, RESTORE, TEST = 7, 8, 1, 2, 9

ASSETS = """uid,kind,name,place,infrastructure
ups,sensor,UPS,,
sw,switch,SW,rack,ups
sw-2,switch,SW-2,rack,
cam-1,camera,CAM-1,hall,sw
cam-2,camera,CAM-2,store,sw
cam-3,camera,CAM-3,yard,sw
cam-4,camera,CAM-4,yard,sw-2
dc,door_controller,DC,rack,sw
plc,plc,PLC,store,
"""

NEEDS = {"sw": {"ups"}, "sw-2": set(), "dc": {"sw", "ups"}, "cam-4": {"sw-2"}, "ups": set(), "plc": set()} | {
    f"cam-{n}": {"sw", "ups"} for n in (1, 2, 3)
}
WATCHED = {"hall": {"cam-1", "dc"}, "store": {"cam-2", "dc"}, "yard": {"cam-3", "cam-4"}}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Directory:
    """A hall and a store behind doors of one controller, their cameras on one switch; a yard with a camera more."""

    def door(uid: str, outside: str, inside: str) -> dict[str, Any]:
        readers = [{"uid": f"{uid}-in", "side": "in"}]
        return feature(
            "portal", uid, point(0, 0), name=uid, outside=outside, inside=inside, readers=readers, controller="dc"
        )

    return load(
        written(
            tmp_path_factory.mktemp("estate"),
            {
                "assets/assets.csv": ASSETS,
                "places/p.geojson": [
                    feature("site", "s", point(4.0, 52.0)),
                    feature("area", "yard", parent="s"),
                    feature("building", "house", parent="s"),
                    *(feature("room", uid, parent="house") for uid in ("hall", "store", "rack")),
                    door("d-hall", "yard", "hall"),
                    door("d-store", "hall", "store"),
                    feature("camera", "cam-1", point(0, 0), covers=["d-hall", "hall"]),
                    feature("camera", "cam-2", point(0, 0), covers=["store"]),
                    *(feature("camera", uid, point(0, 0), covers=["yard"]) for uid in ("cam-3", "cam-4")),
                ],
            },
        )
    )


def said(second: int, name: str, activity: int = COMMUNICATION, stage: int = NEW) -> dict[str, Any]:
    return {
        "time": T0 + second * SECOND, "activity_id": activity, "lifecycle_id": stage, "device.name": name.upper(),
        "metadata.uid": f"e-{second}-{name}-{activity}-{stage}",
    }  # fmt: skip


def believed(site: Directory, *batches: list[dict[str, Any]]) -> dict[str, list[tuple[int, int, str]]]:
    world = World(site)
    for rows in batches:
        world.take({"alarm_signal_activity": built("alarm_signal_activity", rows)})
    return {
        uid: found
        for uid in (*NEEDS, *WATCHED)
        if (found := [((one.since - T0) // SECOND, (one.until - T0) // SECOND, one.value)
                      for one in world.history.intervals(KIND, uid)])
    }  # fmt: skip


HELD = HOLDS_MS // SECOND


def test_three_at_once(site: Directory) -> None:
    rows = [said(0, "cam-1"), said(50, "cam-2"), said(110, "cam-3")]
    found = believed(site, rows)
    assert found["cam-1"] == [(0, HELD, "sw")], "not what feeds the switch: all that was lost hangs on the switch"
    assert believed(site, [said(0, "sw-2"), said(5, "ups", SUPERVISORY), said(9, "cam-1")])["cam-1"][0][2] == "ups"
    assert found.keys() == {"cam-1", "cam-2", "cam-3", "sw", "hall", "store"}, "the yard has a camera that sees"
    assert believed(site, rows[:2]) == {}, "two may be blinded"
    assert believed(site, [*rows[:2], said(121, "cam-3")]) == {}
    assert believed(site, [*rows[:2], said(60, "cam-4")]) == {}, "it hangs on something else"
    assert believed(site, [rows[0], said(1, "cam-1"), said(2, "cam-1")]) == {}, "one device three times is one"


def test_the_element_says_so_itself(site: Directory) -> None:
    found = believed(site, [said(0, "sw", SUPERVISORY), said(100, "cam-1")])
    assert found["cam-1"] == [(100, 100 + HELD, "sw")] == found["sw"]
    assert believed(site, [said(0, "sw"), said(100, "dc")])["dc"] == [(100, 100 + HELD, "sw")], "lost itself"
    assert believed(site, [said(0, "sw", SUPERVISORY), said(130, "cam-1")]) == {}, "long before"
    assert believed(site, [said(0, "sw", SUPERVISORY, RESTORE), said(1, "cam-1")]) == {}
    assert believed(site, [said(0, "plc", SUPERVISORY), said(1, "cam-1")]) == {}, "nothing depends on it"


def test_until_it_is_back_and_a_sign_of_life_is_no_loss(site: Directory) -> None:
    rows = [said(0, "sw", SUPERVISORY), said(0, "cam-1"), said(600, "cam-1", stage=RESTORE)]
    assert believed(site, rows)["hall"] == [(0, 600, "sw")]
    assert believed(site, [said(number, f"cam-{number}", stage=TEST) for number in (1, 2, 3)]) == {}


def test_onto_events(site: Directory) -> None:
    rows = [said(0, "cam-1"), said(1, "cam-2"), said(2, "cam-3"), said(900, "cam-1", 11), said(900, "cam-4", 11)]
    events, _ = World(site).take({"alarm_signal_activity": built("alarm_signal_activity", rows)})
    joined = events["alarm_signal_activity"]
    asset, place, building = (
        joined.column(f"asof.{name}") for name in ("dst_asset.common_cause", "place.common_cause", "place.building")
    )
    assert asset is not None and asset.to_pylist() == ["sw", "sw", "sw", "sw", None]
    assert place is not None and place.to_pylist() == ["sw", "sw", None, "sw", None]
    assert building is not None and building.to_pylist() == ["house", "house", "yard", "house", "yard"]


def by_hand(rows: list[tuple[int, str, int, int]]) -> Mapping[str, set[tuple[int, str]]]:
    """Second by second: entity -> when something of it is lost by what."""
    lost = {(at, uid) for at, uid, activity, stage in rows if activity == COMMUNICATION and stage == NEW}
    failed = {(at, uid) for at, uid, _, stage in rows if stage == NEW}
    together = TOGETHER_MS // SECOND

    def said_so(at: int, element: str) -> bool:
        return any(by == element and abs(when - at) <= together for when, by in failed)

    def many(at: int, element: str) -> bool:
        under = {(when, uid) for when, uid in lost if element in NEEDS[uid]}
        starts = range(at - together, at + 1)
        return any(len({uid for when, uid in under if 0 <= when - start <= together}) >= FEWEST for start in starts)

    found: dict[str, set[tuple[int, str]]] = {}
    for at, uid in lost:
        for element in NEEDS[uid]:
            nearer = [one for one in NEEDS[uid] if element in NEEDS[one]]
            counted = many(at, element) and not any(many(at, one) or said_so(at, one) for one in nearer)
            if said_so(at, element) or counted:
                ends = [when for when, other, activity, stage in rows
                        if other == uid and activity == COMMUNICATION and stage == RESTORE and when > at]  # fmt: skip
                places = [place for place, some in WATCHED.items()
                          if uid in some and all(element in NEEDS[one] for one in some)]  # fmt: skip
                for entity in (uid, element, *places):
                    seconds = ((second, element) for second in range(at, min([at + HELD, *ends])))
                    found.setdefault(entity, set()).update(seconds)
    return found


ROWS = st.lists(
    st.tuples(
        st.integers(0, 400), st.sampled_from(sorted(NEEDS)), st.sampled_from([SUPERVISORY, COMMUNICATION]),
        st.sampled_from([NEW, NEW, NEW, RESTORE]),
    ),
    max_size=10, unique_by=lambda row: row[:3],
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(ROWS, st.data())
def test_as_by_hand_in_any_order_and_portions(
    site: Directory, rows: list[tuple[int, str, int, int]], data: st.DataObject
) -> None:
    rows = [row for row in rows if not (row[2] == SUPERVISORY and row[3] == RESTORE)]
    made = [said(*row) for row in rows]
    whole = believed(site, made) if made else {}
    wanted = by_hand(rows)
    assert whole.keys() == wanted.keys()
    for uid, stretches in whole.items():
        seconds = {second: by for since, until, by in stretches for second in range(since, until)}
        assert seconds.keys() == {second for second, _ in wanted[uid]}
        assert all((second, by) in wanted[uid] for second, by in seconds.items())
    shuffled = data.draw(st.permutations(made))
    cut = data.draw(st.integers(0, len(made)))
    assert believed(site, *(part for part in (shuffled[:cut], shuffled[cut:], shuffled[:1]) if part)) == whole
