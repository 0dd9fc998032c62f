"""How long people usually take: learnt in any order, of days that are over, and only ever for more doubt."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.world.test_resolve import built
from tests.world.test_world import context, passed, port_estate

from watchfloor.world.directory import Directory, load
from watchfloor.world.history import History
from watchfloor.world.presence import Presence
from watchfloor.world.sighting import STRONG, WEAK, Sighting
from watchfloor.world.sources import EVERYWHERE, Source
from watchfloor.world.travel import DAY_MS, ENOUGH, Travel
from watchfloor.world.ways import Ways
from watchfloor.world.world import Learnt, World

DAY = 20_000 * DAY_MS
MINUTE, HOUR = 60_000, 3_600_000
PORTALS = {"yard": "gate", "crane": "crane-door", "cab": "cab-door"}


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Directory:
    return load(port_estate(tmp_path_factory.mktemp("estate")))


def seen(person: str, time: int, place: str, strength: int = STRONG) -> Sighting:
    return Sighting(person, time, 0, place, strength, True, "doors", f"e-{person}-{time}-{place}", PORTALS[place])


def walks(count: int, day: int = DAY, shortest: int = 110) -> list[Sighting]:
    """So many people came in by the gate and to the crane's door, the quickest in `shortest` seconds."""
    found = []
    for number in range(count):
        start = day + number * 60_000
        found += [seen(f"w-{number}", start, "yard"), seen(f"w-{number}", start + (shortest + number) * 1000, "crane")]
    return found


def test_of_a_thousand_the_quickest(port: Directory) -> None:
    travel = Travel(Ways(port))
    sightings = walks(ENOUGH - 1)
    for before, after in zip(sightings[::2], sightings[1::2], strict=True):
        travel.add(before, after)
    assert math.isnan(travel.quickest_s("yard", "crane-door", DAY + DAY_MS)), "too few"
    travel.add(*walks(1, DAY + HOUR, 500))
    assert travel.quickest_s("yard", "crane-door", DAY + DAY_MS) == 110
    assert math.isnan(travel.quickest_s("yard", "crane-door", DAY + HOUR)), "the day is not over"
    assert math.isnan(travel.quickest_s("crane", "crane-door", DAY + DAY_MS))
    late = walks(1, DAY + 2 * HOUR, 90)
    travel.add(*late)
    assert travel.quickest_s("yard", "crane-door", DAY + DAY_MS) == 110, "of 1,001 the second"
    travel.remove(*late)
    travel.add(seen("x", DAY, "yard"), seen("x", DAY + 2 * HOUR, "crane"))  # stayed in between
    travel.add(seen("x", DAY, "yard"), seen("x", DAY + 1000, "cab"))  # a reader between them read nobody
    assert travel.quickest_s("yard", "crane-door", DAY + DAY_MS) == 110
    assert math.isnan(travel.quickest_s("yard", "cab-door", DAY + DAY_MS))


STEPS = st.lists(
    st.tuples(st.integers(0, 40), st.sampled_from(sorted(PORTALS))), max_size=8, unique_by=lambda one: one[0]
)


@settings(max_examples=50, deadline=None)
@given(STEPS, st.data())
def test_moves_are_those_between_neighbours_in_any_order(
    port: Directory, steps: list[tuple[int, str]], data: st.DataObject
) -> None:
    said = [seen("p-1", DAY + at * MINUTE, place) for at, place in steps]
    presence = Presence(port, History())
    for one in data.draw(st.permutations(said)):
        presence.add([one])
    ordered = Travel(Ways(port))
    said.sort()
    for before, after in pairwise(said):
        ordered.add(before, after)
    assert presence.travel.moves() == ordered.moves()


def test_an_unusual_move_is_surer_and_not_impossible(port: Directory) -> None:
    sources = {"doors": Source("doors", frozenset({EVERYWHERE}), skew_ms=1000)}
    world = World(port, sources=sources)
    world.teach(Learnt(seen=walks(ENOUGH)))
    today = DAY + DAY_MS
    world.teach(Learnt(seen=[seen("p-1", today + HOUR, "yard", WEAK), seen("p-2", today + HOUR, "yard")]))

    def came(badge: str, seconds: int) -> dict[str, Any]:
        row = {**passed("crane-door", badge, today + HOUR + seconds * 1000), "wf.source_uid": "doors", "activity_id": 2}
        events, _ = world.take({"physical_access_activity": built("physical_access_activity", [row])})
        found = context(events["physical_access_activity"])
        assert found["lag.presence.quickest_s"] == 110
        return {name: found.get(f"lag.presence.{name}") for name in ("confidence", "slack_s")}

    usual, quick = came("2", 200), came("2", 105)
    assert (usual["confidence"], quick["confidence"]) == (100, 100), "no surer than sure"
    assert quick["slack_s"] > 0, "possible all the same"
    assert came("1", 105)["confidence"] == WEAK + 10 and came("1", 200)["confidence"] == WEAK
    assert came("1", 109)["confidence"] == WEAK, "by two seconds the clocks may be apart"
