"""Reader, lowering and engine say what the Sigma specification says, on rules and events by chance.

Some seconds of it here; millions of cases with `python -m benchmarks.oracle`.
"""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from benchmarks import oracle
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.detect import sigma_cases
from tests.detect.specification import Condition, means, offsets, texts
from tests.detect.test_sigma import MODIFIER_CASES
from watchfloor.detect.modifiers import MODIFIERS
from watchfloor.detect.rule import Problem, Rule

REFUSED = ("always true", "never true", "empty keyword", "cannot be encoded", "doesn't match any detection")
"""Why a generated rule may be refused; anything else is one that the compiler should know."""


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.randoms(use_true_random=False))
def test_the_engine_says_what_the_specification_says(chance: Random) -> None:
    records = [sigma_cases.record(chance) for _ in range(6)]
    rules: list[Rule] = []
    meanings, made = [], []
    for _ in range(6):
        detection = sigma_cases.detection(chance)
        document = sigma_cases.document(detection)
        rule = sigma_cases.loaded(document)
        if isinstance(rule, Problem):
            assert any(reason in rule.reason for reason in REFUSED), (rule.reason, detection)
            continue
        rules.append(rule)
        made.append(detection)
        meanings.append(sigma_cases.means(document))
    new, known = sigma_cases.verdicts(rules, records)
    for number, meaning in enumerate(meanings):
        for row, record in enumerate(records):
            expected = meaning(sigma_cases.event(record))
            assert ((row, number) in new) is expected, (made[number], record)
            assert ((row, number) in known) is expected, (made[number], record)


@pytest.mark.parametrize("seed", range(4))
def test_and_on_thousands_of_cases(seed: int) -> None:
    chance, tally = Random(1_000 + seed), oracle.Tally()
    for _ in range(3):
        assert oracle.round_(chance, tally) is None
    assert tally.hits > tally.cases // 10


def test_and_what_sqlite_finds() -> None:
    chance, tally = Random(5), oracle.Tally()
    for _ in range(4):
        assert oracle.sqlite_round(chance, tally) is None
    assert tally.hits > tally.cases // 10 > 0


def test_rules_by_chance_use_every_modifier() -> None:
    chance, used = Random(3), set()
    for _ in range(600):
        for body in sigma_cases.detection(chance).values():
            for part in body if isinstance(body, list) else [body]:
                used |= {name for key in part for name in key.split("|")[1:]} if isinstance(part, dict) else set()
    assert used >= set(MODIFIERS)


@pytest.mark.parametrize(("modifier", "selection", "event", "expected"), MODIFIER_CASES)
def test_the_judge_knows_the_cases_written_by_hand(
    modifier: str, selection: dict[str, Any], event: dict[str, Any], expected: bool
) -> None:
    assert means({"s": selection, "condition": "s"})(texts(event)) is expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("yes or no and no", True),
        ("not no and no", False),
        ("not (no and no)", True),
        ("1 of *", True),
        ("all of them", False),
        ("all of y*", True),
        ("not 1 of n*", True),
        ("_not", True),
        ("1 of n* or 1 of _*", True),
    ],
)
def test_the_judge_reads_conditions(condition: str, expected: bool) -> None:
    selections = {"yes": lambda _: True, "no": lambda _: False, "_not": lambda _: True}
    assert Condition(condition, selections).read()({}) is expected


def test_the_judge_cuts_base64_as_the_specification_shows() -> None:
    assert offsets(b"/bin/bash") == ["L2Jpbi9iYXNo", "9iaW4vYmFza", "vYmluL2Jhc2"]


def test_what_differs_is_made_small() -> None:
    rule = {"a": [{"x|contains": ["1", "2"], "y": "z"}, {"q": "r"}], "b": {"z": "1"}, "condition": "1 of them"}
    record = {"x": ["1", "5"], "y": "z", "unused": {"deep": 1}}

    def still(made: dict[str, Any], found: dict[str, Any]) -> bool:
        return "'1'" in str(made.get("a")) and "1" in str(found.get("x"))

    made, found = sigma_cases.smallest(rule, record, still)
    assert made == {"a": {"x|contains": "1"}, "condition": "a"}
    assert found == {"x": "1"}
