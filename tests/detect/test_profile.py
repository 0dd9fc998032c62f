"""The engine that counts: finds what the plain one finds, and counts what a person would count."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given

from tests.detect.test_engine import TAXONOMY, Batch, Rule, Source, batches, expected, rules_of, slowly
from watchfloor.detect import profile
from watchfloor.detect.predicate import And, Kind, Node, Not, Predicate
from watchfloor.detect.profile import Profiler
from watchfloor.ocsf.column import Column


def profiler(rules: list[Rule]) -> Profiler:
    """With a clock that moves by one at every look."""
    ticks = itertools.count()
    return Profiler(rules, TAXONOMY, lambda: float(next(ticks)))


@slowly
@given(rules_of, batches(), batches())
def test_counts_do_not_change_what_is_found(rules: list[Rule], first: Any, second: Any) -> None:
    engine = profiler(rules)
    wanted = np.zeros(len(rules), np.int64)
    rows = 0
    for batch, readings in (first, second, first):
        found = engine.match(batch)
        truth = expected(rules, readings)
        assert list(zip(found.rows.tolist(), found.rules.tolist(), strict=True)) == truth
        for _, rule in truth:
            wanted[rule] += 1
        rows += len({row for row, _ in truth})
    assert engine.hits.tolist() == wanted.tolist()
    assert engine.matched == rows
    assert sum(engine.routes.values()) == sum(len(batch) for batch, _ in (first, second, first))
    for case in engine.cases:
        assert sum(case.routes.values()) == case.rows
        assert (case.hits <= case.candidates).all() and (case.candidates <= case.rows).all()
        assert (case.test_rows <= case.rows).all()
    positions = [position for case in engine.cases for position, _ in case.rules]
    counted = np.zeros(len(rules), np.int64)
    np.add.at(counted, positions, np.concatenate([*(case.hits for case in engine.cases), np.zeros(0, np.int64)]))
    assert counted.tolist() == wanted.tolist()
    assert all(seconds >= 0 for watch in (engine.prepare, engine.matching) for seconds in watch.values())


def alpha(*texts: str | None) -> Batch:
    return Batch("thing", {"x.alpha": Column.of(list(texts), pa.string())}, len(texts))


def contains(literal: str) -> Predicate:
    return Predicate("Alpha", Kind.CONTAINS, literal)


def test_values_are_counted_once_and_rows_as_often_as_they_come() -> None:
    both: Node = And((contains("red"), contains("blue")))
    engine = profiler([Rule(contains("red")), Rule(both), Rule(And((contains("blue"), Not(contains("red")))))])
    engine.match(alpha("red", "red", "blue red", None, "green", "blue"))
    engine.match(alpha("red", "violet"))
    (place,) = [place for place, where in enumerate(engine.questions.fields) if where.name == "x.alpha"]
    found = engine.fields[place]
    assert found.columns == {"x.alpha"}
    assert found.values == 5, "red is known when it comes again"
    assert found.bytes == sum(map(len, ("red", "blue red", "green", "blue", "violet")))
    assert found.rows == 7
    by_literal = {atom.value: number for number, atom in enumerate(found.machine.atoms)}
    assert found.machine.hits[by_literal["red"]] == 2 and found.atom_rows[by_literal["red"]] == 4
    assert found.machine.hits[by_literal["blue"]] == 2 and found.atom_rows[by_literal["blue"]] == 2
    assert engine.hits.tolist() == [4, 1, 1] and engine.matched == 5
    (case,) = engine.cases
    assert case.present[place] == 7
    assert case.candidates[0] == 4


def test_a_wrong_count_stops_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(*args: Any) -> int:
        return 0

    monkeypatch.setattr(profile, "count", nothing)
    with pytest.raises(RuntimeError, match="other hits"):
        profiler([Rule(contains("red"))]).match(alpha("red"))


def test_a_batch_without_rows_or_rules() -> None:
    engine = profiler([Rule(contains("red"), Source("other"))])
    assert len(engine.match(alpha()).rows) == 0
    assert len(engine.match(alpha("red")).rows) == 0
    assert engine.cases == [] and sum(engine.routes.values()) == 1
