"""The history: what follows from statements, in whatever order they came, as of any time and as known at any time."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watchfloor.ocsf.column import Column
from watchfloor.world.fact import MANY, SIGNALLED
from watchfloor.world.history import SCHEMA, History, Interval, Intervals, Statement, folded

TIMES = st.integers(0, 12)
STATEMENTS = st.builds(
    lambda entity, kind, value, since, length, known, sequence, sure: Statement(
        entity, kind, value, since, since + length, known, sequence, sure, "s", "e"
    ),
    st.sampled_from(["p-1", "p-2"]),
    st.sampled_from(["employment", "training", "evacuating"]),
    st.sampled_from(["a", "b"]),
    TIMES,
    st.integers(0, 6),
    TIMES,
    st.integers(0, 3),
    st.sampled_from([0, 60, 100]),
)


def looked_up(
    said: list[Statement], entity: str, kind: str, value: str, time: int, known: int | None
) -> tuple[str, int] | None:
    """The reference: every statement read for every row."""
    there = [
        one
        for one in said
        if one.entity == entity
        and one.kind == kind
        and (kind not in MANY or one.value == value)
        and one.valid_from <= time < one.valid_to
        and (known is None or one.known_from <= known)
    ]
    given_last = kind in SIGNALLED
    best = max(
        there, key=lambda one: (one.valid_from if given_last else 0, one.known_from, one.sequence, one), default=None
    )
    return None if best is None or best.confidence == 0 else (best.value, best.confidence)


@settings(max_examples=200)
@given(
    st.lists(STATEMENTS, max_size=10),
    st.lists(st.tuples(st.sampled_from(["p-1", "p-2", "p-3"]), TIMES), min_size=1),
    st.data(),
)
def test_as_of_is_what_a_look_at_every_statement_finds(
    said: list[Statement], rows: list[tuple[str, int]], data: st.DataObject
) -> None:
    history = History()
    order = data.draw(st.permutations(said))
    for cut in range(0, len(order), 3):  # bulk, overlay, and both
        history.add(order[cut : cut + 3])
        history.as_of("employment", Column.of(["p-1"]), np.array([0]))
    history.add(said)
    known = data.draw(st.none() | TIMES)
    entity, times = Column.of([uid for uid, _ in rows]), np.array([time for _, time in rows], np.int64)
    for kind in ("employment", "evacuating"):
        found = history.as_of(kind, entity, times, known_at=known)
        got = [
            (value, sure) if value is not None else None
            for value, sure in zip(found.value.to_pylist(), found.confidence.tolist(), strict=True)
        ]
        assert got == [looked_up(said, uid, kind, "", time, known) for uid, time in rows]
        assert found.found.tolist() == [one is not None for one in got]
    for value in ("a", "b"):
        held = history.holds("training", entity, value, times, known_at=known)
        expected = [looked_up(said, uid, "training", value, time, known) for uid, time in rows]
        assert held.found.tolist() == [one is not None for one in expected]
    either = history.any("training", entity, times, known_at=known).found.tolist()
    assert either == [
        any(looked_up(said, uid, "training", value, time, known) for value in ("a", "b")) for uid, time in rows
    ]


@given(st.lists(STATEMENTS, max_size=8), st.data())
def test_order_and_repetition_change_nothing(said: list[Statement], data: st.DataObject) -> None:
    one, other = History(), History()
    one.add(said)
    other.add(data.draw(st.permutations(said)))
    other.add(said[:3])
    assert one.to_table().equals(other.to_table()) and one.to_table().schema == SCHEMA
    for entity in ("p-1", "p-2"):
        assert list(one.intervals("employment", entity)) == list(other.intervals("employment", entity))


@given(st.lists(STATEMENTS, max_size=10))
def test_what_is_folded_does_not_overlap(said: list[Statement]) -> None:
    made = folded(one for one in said if (one.entity, one.kind) == ("p-1", "employment"))
    for before, after in pairwise(made):
        assert before.until <= after.since and before.since < before.until
        assert not (before.until == after.since and before[2:6] == after[2:6] and before.moment == after.moment)


def test_a_back_dated_record_is_true_earlier_and_known_later() -> None:
    history = History()
    history.add(
        [Statement("p", "employment", "active", 0, 1000, 0), Statement("p", "employment", "ended", 500, 1000, 700)]
    )
    entity, at = Column.of(["p"]), np.array([600], np.int64)
    assert history.as_of("employment", entity, at, known_at=699).value.to_pylist() == ["active"]
    assert history.as_of("employment", entity, at, known_at=700).value.to_pylist() == ["ended"]
    assert history.as_of("employment", entity, at).value.to_pylist() == ["ended"]


def test_an_alarm_whose_end_came_before_its_beginning_is_over() -> None:
    begin = Statement("b", "evacuating", "alarm", 10, 100, 7, 2)
    end = Statement("b", "evacuating", "alarm", 20, 100, 7, 1, 0)
    assert folded([begin, end], signalled=True) == [Interval(10, 20, "alarm", 100, 10)]
    assert folded([begin, end]) == [Interval(10, 100, "alarm", 100, 10)], "personnel may correct what it said"


def test_replaced_and_kept() -> None:
    history = History()
    for number in range(40):
        history.replace("presence", f"p-{number}", [Interval(0, 10, "hall"), Interval(10, 20, "yard", 60, moment=5)])
    entity, times = Column.of([f"p-{number}" for number in range(40)] * 2), np.array([3] * 40 + [15] * 40, np.int64)
    assert history.as_of("presence", entity, times).value.to_pylist() == ["hall"] * 40 + ["yard"] * 40
    history.replace("presence", "p-7", [Interval(0, 5, "out")])
    again = history.as_of("presence", entity, times)
    assert again.value.to_pylist()[7] == "out" and again.value.to_pylist()[47] is None
    assert again.confidence.tolist()[8] == 100 and again.moment.tolist()[48] == 5
    assert list(history.intervals("presence", "p-8"))[1].value == "yard"


def test_from_a_moment_on_something_else_is_believed() -> None:
    history = History()
    people = [f"p-{number}" for number in range(40)]
    since, numbers = np.tile(np.array([0, 10, 20]), 40), np.repeat(np.arange(40, dtype=np.int32), 3)
    columns = Intervals(
        numbers, since, since + 10, np.tile(np.array([0, 1, 0], np.int32), 40), since, np.full(120, 100, np.int8)
    )
    history.load("presence", people, ["hall", "yard"], columns)
    history.replace("presence", "p-7", [Interval(15, 18, "out"), Interval(18, 99, "crane")], since=15)
    assert [(one.since, one.until, one.value) for one in history.intervals("presence", "p-7")] == [
        (0, 10, "hall"), (10, 15, "yard"), (15, 18, "out"), (18, 99, "crane")
    ]  # fmt: skip
    entity, times = Column.of(["p-7"] * 4 + ["p-8", "p-9"]), np.array([3, 14, 15, 50, 15, 30], np.int64)
    assert history.as_of("presence", entity, times).value.to_pylist() == ["hall", "yard", "out", "crane", "yard", None]
    for person in people[10:]:  # so many that the overlay becomes part of the bulk
        history.replace("presence", person, [Interval(12, 13, "crane")], since=12)
    history.replace("presence", "p-40", [Interval(0, 99, "out")])
    entity, times = Column.of(["p-7", "p-12", "p-12", "p-12", "p-40"]), np.array([14, 11, 12, 25, 1], np.int64)
    assert history.as_of("presence", entity, times).value.to_pylist() == ["yard", "yard", "crane", None, "out"]
    assert [one.value for one in history.intervals("presence", "p-12")] == ["hall", "yard", "crane"]


def test_what_overlaps_is_not_loaded() -> None:
    twice = Intervals(
        np.zeros(2, np.int32), np.array([0, 5]), np.array([6, 9]), np.zeros(2, np.int32), np.zeros(2, np.int64),
        np.full(2, 100, np.int8),
    )  # fmt: skip
    with pytest.raises(ValueError, match="overlap"):
        History().load("presence", ["p"], ["hall"], twice)
