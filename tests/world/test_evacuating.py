"""For how long a place is evacuated, how long ago a drill began, how long a shift lasts, and where people muster."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.world.test_resolve import built
from tests.world.test_world import HOUR, LOGON, MINUTE, T0, context, passed, port_estate, workforce

from watchfloor.world.asof import AsOfJoin
from watchfloor.world.directory import Directory, load
from watchfloor.world.history import History, Statement
from watchfloor.world.world import World


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Directory:
    return load(port_estate(tmp_path_factory.mktemp("estate")))


PLACES = ["street", "yard", "crane", "cab", "s", "office"]
DRILLS = st.builds(
    lambda place, at, sure: Statement(place, "drill", "yes", T0 + at * MINUTE, T0 + (at + 9) * MINUTE, T0, 0, sure),
    st.sampled_from(PLACES),
    st.integers(0, 90),
    st.sampled_from([100, 100, 0]),
)


def asked(port: Directory, history: History, rows: list[tuple[str, int]]) -> dict[str, list[Any]]:
    events = built("alarm_signal_activity", [{"time": T0 + at * MINUTE, "wf.place_uid": place} for place, at in rows])
    joined = AsOfJoin(port, history).join(events)
    return {name: column.to_pylist() for name in joined.names if (column := joined.column(name)) is not None}


ROWS = st.lists(st.tuples(st.sampled_from(PLACES), st.integers(-1, 120)), min_size=1, max_size=8)


@given(st.lists(DRILLS, max_size=5), ROWS)
def test_the_last_drill_there_or_around(port: Directory, drills: list[Statement], rows: list[tuple[str, int]]) -> None:
    history = History()
    history.add(drills)
    found = asked(port, history, rows).get("asof.place.drill_age_s", [None] * len(rows))
    for (place, at), age in zip(rows, found, strict=True):
        time = T0 + at * MINUTE
        began = [
            one.since for around in port.up(place) for one in history.intervals("drill", around) if one.since <= time
        ]
        assert age == ((time - max(began)) // 1000 if began else None)


@given(st.lists(DRILLS, max_size=5), ROWS)
def test_evacuated_since(port: Directory, alarms: list[Statement], rows: list[tuple[str, int]]) -> None:
    history = History()
    history.add(one._replace(kind="evacuating", value="alarm") for one in alarms)
    found = asked(port, history, rows).get("asof.place.evacuating_s", [None] * len(rows))
    for (place, at), age in zip(rows, found, strict=True):
        time = T0 + at * MINUTE
        holds = [
            one.since
            for around in port.up(place)
            for one in history.intervals("evacuating", around)
            if one.since <= time < one.until
        ]
        assert age == ((time - holds[0]) // 1000 if holds else None), "of the nearest place around it"


def test_a_shift_lasts_since(port: Directory) -> None:
    shift = workforce(3, True, T0, predicate_scope="night", valid_from_time=T0, valid_to_time=T0 + 8 * HOUR)
    rows = [{**LOGON, "time": T0 + 2 * HOUR}, {**LOGON, "time": T0 + 9 * HOUR}]
    events, _ = World(port).take(
        {
            "authentication": built("authentication", rows),
            "workforce_activity": built("workforce_activity", [shift]),
        }
    )
    found = [context(events["authentication"], row).get("asof.person.shift_s") for row in (0, 1)]
    assert found == [7200, None], "a shift that is over lasts no longer"


def test_what_kind_of_place_somebody_comes_from(port: Directory) -> None:
    rows = [
        passed("gate", "1", T0),
        passed("cab-door", "1", T0 + 9 * MINUTE),
        passed("cab-door", "1", T0 + HOUR, "out"),
    ]
    events, _ = World(port).take({"physical_access_activity": built("physical_access_activity", rows)})
    joined = events["physical_access_activity"]
    found = [context(joined, row).get("lag.presence.place_kind") for row in range(3)]
    assert found == [None, "area", "room"]
