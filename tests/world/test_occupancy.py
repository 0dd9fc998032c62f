"""Occupancy and anti-passback: what is surely known, what is possible, and nothing that is not known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.world.test_resolve import built
from tests.world.test_world import HOUR, MINUTE, T0, context, passed, port_estate

from watchfloor.ocsf.column import Column
from watchfloor.world.directory import Directory, load
from watchfloor.world.entities import SURE
from watchfloor.world.history import History, Interval, Statement
from watchfloor.world.occupancy import occupancy
from watchfloor.world.presence import LONGEST_MS, OUT, UNKNOWN, Presence
from watchfloor.world.sighting import STRONG, WEAK, Sighting
from watchfloor.world.world import World


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Directory:
    return load(port_estate(tmp_path_factory.mktemp("estate")))


PLACES = ["street", "yard", "crane", "cab", "s", "office"]
SEEN = st.builds(
    lambda person, at, place, strength: Sighting(person, T0 + at * HOUR, 0, place, strength, True, "doors", f"e{at}"),
    st.sampled_from(["p-1", "p-2", "p-3"]),
    st.integers(0, 30),
    st.sampled_from(["street", "yard", "crane", "cab", "office"]),
    st.sampled_from([STRONG, WEAK]),
)


def counted(history: History, directory: Directory, place: str, time: int) -> tuple[int, int]:
    """The reference: everybody asked for every row."""
    inside = directory.inside(place)
    certain = possible = 0
    for person in ("p-1", "p-2", "p-3"):
        holds = next((one for one in history.intervals("presence", person) if one.since <= time < one.until), None)
        if holds is None or holds.value == OUT:
            continue
        where = holds.value
        if where == UNKNOWN:
            last = next(one for one in history.intervals("sighted", person) if one.since == holds.moment)
            where = last.value if time < holds.moment + LONGEST_MS else ""
        certain += where in inside and holds.confidence >= SURE
        possible += where in inside
    return certain, possible


@given(st.lists(SEEN, max_size=10), st.lists(SEEN, max_size=3), st.lists(st.integers(0, 30), max_size=2), st.data())
def test_occupancy_is_what_asking_everybody_finds(
    port: Directory, seen: list[Sighting], later: list[Sighting], alarms: list[int], data: st.DataObject
) -> None:
    history = History()
    presence = Presence(port, history)
    history.add(Statement("crane", "evacuating", "alarm", T0 + at * HOUR + 1, T0 + at * HOUR + 2, T0) for at in alarms)
    presence.add(seen)
    occupancy(port, history, Column.of(["s"]), np.array([T0], np.int64))
    presence.add(later)
    drawn = st.tuples(st.sampled_from(PLACES), st.integers(-1, 50 * 60))
    rows = data.draw(st.lists(drawn, min_size=1, max_size=8))
    times = np.array([T0 + at * MINUTE for _, at in rows], np.int64)
    found = occupancy(port, history, Column.of([place for place, _ in rows]), times)
    expected = [counted(history, port, place, int(time)) for (place, _), time in zip(rows, times, strict=True)]
    assert list(zip(found.certain.tolist(), found.possible.tolist(), strict=True)) == expected


def test_no_place_has_nobody_in_it(port: Directory) -> None:
    found = occupancy(port, History(), Column.of([None, "cab"]), np.array([T0, T0], np.int64))
    assert found.certain.tolist() == [0, 0] and found.possible.tolist() == [0, 0]


def test_what_lies_within_is_what_meets(port: Directory) -> None:
    history = History()
    history.replace("presence", "p-1", [Interval(0, 10, "yard"), Interval(10, 20, "cab")])
    history.replace("presence", "p-2", [Interval(5, 7, "yard")])
    for start, end, expected in ((0, 5, {(0, 10)}), (5, 6, {(0, 10), (5, 7)}), (10, 99, {(10, 20)}), (20, 99, set())):
        some, _ = history.within("presence", start, end)
        assert set(zip(some.since.tolist(), some.until.tolist(), strict=True)) == expected


def walked(port: Directory, mode: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    gate = replace(port.portals["gate"], antipassback=mode)
    events, _ = World(replace(port, portals={**port.portals, "gate": gate})).take(
        {"physical_access_activity": built("physical_access_activity", rows)}
    )
    return [context(events["physical_access_activity"], row) for row in range(len(rows))]


def test_in_twice(port: Directory) -> None:
    rows = [
        passed("gate", "1", T0),
        passed("gate", "1", T0 + 20 * MINUTE),
        passed("gate", "1", T0 + HOUR, "out"),
        passed("gate", "1", T0 + 2 * HOUR, "out"),
        passed("gate", "1", T0 + 3 * HOUR),
        passed("gate", "1", T0 + 20 * HOUR),
        passed("crane-door", "1", T0 + 21 * HOUR),
    ]
    found = walked(port, "hard", rows)
    assert [one["asof.portal.passback"] for one in found] == [None, True, False, True, False, None, None]
    assert [one["asof.portal.antipassback"] for one in found] == ["hard"] * 6 + [None]
    assert found[1]["asof.place.occupancy_certain"] == 1
    assert not any("asof.portal.passback" in one for one in walked(port, "none", rows))


def test_timed_forgives(port: Directory) -> None:
    rows = [passed("gate", "1", T0 + at * MINUTE) for at in (0, 20, 60)]
    assert [one["asof.portal.passback"] for one in walked(port, "timed", rows)] == [None, True, False]
