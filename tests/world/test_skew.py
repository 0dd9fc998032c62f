"""Clocks of doors, measured by who walks between them: the truth lies within, and one record proves nothing."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.world.test_world import port_estate

from watchfloor.world.directory import Directory, load
from watchfloor.world.entities import Asset
from watchfloor.world.sighting import STRONG, Sighting
from watchfloor.world.skew import ENOUGH, measured

MINUTE, HOUR = 60_000, 3_600_000
CONTROLLERS = {"gate": "dc-1", "crane-door": "dc-2", "cab-door": "dc-3"}


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Directory:
    """Gate, crane's door, cab's door in a row, each with a controller of its own."""
    found = load(port_estate(tmp_path_factory.mktemp("estate")))
    portals = {
        uid: replace(one, controller=CONTROLLERS.get(uid, ""), at=(0.0, 0.0, 0.0) if uid == "gate" else one.at)
        for uid, one in found.portals.items()
    }
    return replace(found, portals=portals, assets={uid: Asset(uid, "door_controller") for uid in CONTROLLERS.values()})


WAY = (("gate", "yard"), ("crane-door", "crane"), ("cab-door", "cab"))
BACK = (("cab-door", "crane"), ("crane-door", "yard"), ("gate", "street"))


def days(ahead: dict[str, int], count: int = 40, seed: int = 1) -> list[Sighting]:
    """So many people go to the cab and home, at 1 to 2.4 m/s, read by clocks that are ahead by so many milliseconds."""
    rng = random.Random(seed)
    found: list[Sighting] = []
    for person in range(count):
        time = person * 24 * HOUR
        for way in (WAY, BACK):
            for row, (door, place) in enumerate(way):
                if row:
                    apart = {"gate": 250, "crane-door": 250 if way is WAY else 50, "cab-door": 50}[door]
                    time += int(apart / rng.uniform(1.0, 2.4) * 1000) + rng.randrange(0, 60_000)
                said = time + ahead.get(door, 0)
                because = f"e-{person}-{time}"
                found.append(Sighting(f"p-{person}", said, 0, place, STRONG, True, "doors", because, door))
            time += 4 * HOUR
    return found


def test_a_clock_that_is_ahead_shows_itself(port: Directory) -> None:
    found = measured(days({"crane-door": 200_000}), port)
    assert found["dc-2"].at_least > 60_000 and found["dc-2"].at_least <= 200_000 <= found["dc-2"].at_most
    assert found["dc-1"].at_most < 200_000
    right = measured(days({}), port)
    assert all(one.at_least <= 0 <= one.at_most for one in right.values()) and len(right) == 3


def test_too_few_and_one_alone_prove_nothing(port: Directory) -> None:
    assert measured(days({}, ENOUGH - 1), port) == {}
    walks = days({})
    lent = [
        Sighting("x", 0, 0, "yard", STRONG, True, "doors", "x-1", "gate"),
        Sighting("x", 1, 0, "crane", STRONG, True, "doors", "x-2", "crane-door"),
    ]
    found = measured([*walks, *lent], port)["dc-2"]
    assert found.at_least <= 0 <= found.at_most, "a badge that was in two places at once"
    assert measured([], port) == {}


@settings(max_examples=25, deadline=None)
@given(
    st.dictionaries(st.sampled_from(sorted(CONTROLLERS)), st.integers(-90_000, 90_000), max_size=3),
    st.integers(0, 99),
    st.randoms(use_true_random=False),
)
def test_the_truth_lies_within_in_any_order(
    port: Directory, ahead: dict[str, int], seed: int, shuffled: random.Random
) -> None:
    seen = days(ahead, seed=seed)
    found = measured(seen, port)
    shuffled.shuffle(seen)
    assert measured(seen, port) == found
    for door, clock in CONTROLLERS.items():
        if clock in found:
            others = sorted(ahead.get(other, 0) for other in CONTROLLERS if other != door)
            true = ahead.get(door, 0)
            assert found[clock].at_least <= true - sum(others) / 2 + 1e-6, "the median of two is their mean"
            assert found[clock].at_most >= true - sum(others) / 2 - 1e-6
