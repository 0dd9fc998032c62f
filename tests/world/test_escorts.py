"""Escorts: asked of everybody for every row, the columns find the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.world.test_occupancy import SEEN
from tests.world.test_resolve import built
from tests.world.test_world import HOUR, MINUTE, T0, context, passed, port_estate, workforce

from watchfloor.ocsf.column import Column
from watchfloor.world.directory import Directory, load
from watchfloor.world.escorts import escorted
from watchfloor.world.history import ANY, History, Statement
from watchfloor.world.presence import Presence
from watchfloor.world.sighting import Sighting
from watchfloor.world.world import World


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Directory:
    return load(port_estate(tmp_path_factory.mktemp("estate")))


DUTY = st.builds(
    lambda person, at, hours, visit: Statement(
        person, "escort", visit, T0 + at * HOUR, T0 + (at + hours) * HOUR, T0, confidence=100
    ),
    st.sampled_from(["p-1", "p-2", "p-3"]),
    st.integers(0, 30),
    st.integers(1, 9),
    st.sampled_from(["v-1", "v-2"]),
)


def somebody(history: History, directory: Directory, place: str, time: int) -> bool:
    """The reference: everybody asked for every row."""
    for person in ("p-1", "p-2", "p-3"):
        duty = any(one.since <= time < one.until for one in history.intervals("escort", person, ANY))
        where = next((o.value for o in history.intervals("presence", person) if o.since <= time < o.until), "")
        zone = directory.zone_of(place)
        if duty and zone and zone in directory.around(directory.zone_of(where)):
            return True
    return False


@given(st.lists(SEEN, max_size=10), st.lists(DUTY, max_size=4), st.data())
def test_an_escort_is_there_if_anybody_on_duty_is(
    port: Directory, seen: list[Sighting], duty: list[Statement], data: st.DataObject
) -> None:
    history = History()
    presence = Presence(port, history)
    history.add(duty)
    presence.add(seen)
    drawn = st.tuples(st.sampled_from(["street", "yard", "crane", "cab", "s", "office"]), st.integers(-1, 50 * 60))
    rows = data.draw(st.lists(drawn, min_size=1, max_size=8))
    times = np.array([T0 + at * MINUTE for _, at in rows], np.int64)
    found = escorted(port, history, Column.of([place for place, _ in rows]), times).to_pylist()
    expected = [somebody(history, port, place, int(time)) or None for (place, _), time in zip(rows, times, strict=True)]
    assert found == expected


def test_of_rows_without_a_place_nothing_is_said(port: Directory) -> None:
    none = np.zeros(0, np.int64)
    assert len(escorted(port, History(), Column.of([]), none)) == 0
    assert escorted(port, History(), Column.of([None]), np.array([T0], np.int64)).to_pylist() == [None]


def test_beside_whom_somebody_walks(port: Directory) -> None:
    duty = workforce(8, True, T0, visit_uid="v-1", valid_from_time=T0, valid_to_time=T0 + 3 * HOUR)
    doors: list[dict[str, Any]] = [
        passed("cab-door", "2", T0 - MINUTE),
        passed("cab-door", "1", T0 + MINUTE),
        passed("cab-door", "2", T0 + 2 * MINUTE),
        passed("cab-door", "1", T0 + HOUR, "out"),
        passed("gate", "1", T0 + HOUR + MINUTE, "out"),
        passed("cab-door", "2", T0 + HOUR + 2 * MINUTE),
    ]
    events, _ = World(port).take(
        {
            "physical_access_activity": built("physical_access_activity", doors),
            "workforce_activity": built("workforce_activity", [duty]),
        }
    )
    joined = events["physical_access_activity"]
    found = [context(joined, row).get("asof.place.escorted") for row in range(len(doors))]
    assert found == [None, True, True, True, None, None], "who is in the building the cab is in is in its zone, too"


def test_the_world_is_the_same_when_taught_again(port: Directory) -> None:
    duty = workforce(8, True, T0, visit_uid="v-1", valid_from_time=T0, valid_to_time=T0 + 3 * HOUR)
    world = World(port)
    _, learnt = world.take({"workforce_activity": built("workforce_activity", [duty])})
    again = World(port)
    again.teach(learnt)
    doors = [passed("cab-door", "1", T0 + MINUTE), passed("cab-door", "2", T0 + 2 * MINUTE)]
    for one in (world, again):
        events, _ = one.take({"physical_access_activity": built("physical_access_activity", doors)})
        assert context(events["physical_access_activity"], 1)["asof.place.escorted"] is True
