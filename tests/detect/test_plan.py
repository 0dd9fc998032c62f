"""Folding a route into rules, witnesses, and the jump code."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from watchfloor.detect.plan import FAILS, HOLDS, Plans, compile_plan, residual
from watchfloor.detect.predicate import And, Constant, Kind, Node, Not, Or, Predicate
from watchfloor.detect.questions import FieldTest, Questions


@dataclass(frozen=True)
class Source:
    product: str | None = None
    category: str | None = None
    service: str | None = None


@dataclass(frozen=True)
class Rule:
    condition: Node
    logsource: Source = Source()
    id: str = "r"


@dataclass(frozen=True)
class Anywhere:
    tests: tuple[tuple[str, tuple[str, ...]], ...] = ()


class Taxonomy:
    def routes_for(self, logsource: Any) -> list[Anywhere] | None:
        return [Anywhere()]

    def columns(self, logsource: Any, field: str) -> tuple[str, ...] | None:
        return ("metadata.event_code",) if field == "EventID" else (field,)


def eq(field: str, value: str) -> Predicate:
    return Predicate(field, Kind.EQUALS, value)


def asked(*conditions: Node) -> Questions:
    return Questions([Rule(condition) for condition in conditions], Taxonomy())


leaf = st.builds(eq, st.sampled_from(["EventID", "a", "b", "c"]), st.sampled_from(["x", "y"]))
nodes: st.SearchStrategy[Node] = st.recursive(
    st.one_of(leaf, leaf, st.booleans().map(Constant)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda args: And(tuple(args))),
        st.lists(inner, max_size=3).map(lambda args: Or(tuple(args))),
        inner.map(Not),
    ),
    max_leaves=10,
)


def truth(node: Node, values: dict[str, str | None]) -> bool:
    match node:
        case Constant(value):
            return value
        case And(args):
            return all(truth(arg, values) for arg in args)
        case Or(args):
            return any(truth(arg, values) for arg in args)
        case Not(arg):
            return not truth(arg, values)
        case Predicate():
            return bool(values[str(node.field)] == node.value)


@given(nodes, st.sampled_from(["x", "y", None]))
def test_code_and_witnesses_of_every_residual_rule(condition: Node, code: str | None) -> None:
    questions = asked(condition)
    rules = residual(questions, {} if code is None else {"metadata.event_code": code})
    worlds = [dict(zip("abc", world, strict=True)) for world in product(["x", "y", None], repeat=3)]
    wanted = [truth(condition, {**world, "EventID": code}) for world in worlds]
    if not rules:
        assert not any(wanted)
        return
    plan = compile_plan(questions, rules)
    column = {number: name.name for number, name in enumerate(questions.fields)}
    meaning: dict[int, tuple[str, frozenset[str]]] = {}
    for place, marks in plan.maps.items():
        for mark, test in enumerate(marks.tolist()):
            if test >= 0:
                texts = [atom.value for atom in questions.asked[place].atoms]
                meaning[test] = column[place], frozenset(texts[n] for n in questions.asked[place].marks[mark])
    witnesses = [test for test in range(plan.tests) if plan.witness_starts[test] < plan.witness_starts[test + 1]]
    for world, answer in zip(worlds, wanted, strict=True):
        holding = {test for test, (name, values) in meaning.items() if world[name] in values}
        step = 0 if len(plan.code_tests) else HOLDS
        while step >= 0:
            test = int(plan.code_tests[step])
            step = int((plan.code_true if test in holding else plan.code_false)[step])
        assert step == (HOLDS if answer else FAILS)
        if answer:
            assert plan.always.tolist() == [0] or holding & set(witnesses)


def test_what_the_route_answers_is_gone() -> None:
    questions = asked(
        And((eq("EventID", "4624"), eq("a", "x"))),
        And((Or((eq("EventID", "1"), eq("EventID", "2"))), eq("a", "y"))),
        Not(eq("EventID", "4624")),
        Not(eq("EventID", "1")),
    )
    rules = residual(questions, {"metadata.event_code": "4624"})
    assert [position for position, _ in rules] == [0, 3]
    assert rules[1][1] is True
    assert isinstance(questions.tests[rules[0][1]], FieldTest)


def test_alternatives_on_one_field_are_one_test() -> None:
    questions = asked(
        Or((eq("a", "1"), Or((eq("a", "2"), eq("b", "3"))))),
        And((eq("b", "4"), Not(eq("a", "5")), Not(Or((eq("a", "6"), eq("a", "7")))))),
    )
    values = [{one.value for one in test.comparisons} for test in questions.tests if isinstance(test, FieldTest)]
    assert {"1", "2"} in values
    assert {"5", "6", "7"} in values


def test_routes_with_the_same_rules_share_a_plan_and_old_plans_are_forgotten() -> None:
    questions = asked(And((eq("EventID", "1"), eq("a", "x"))), eq("b", "y"))
    plans = Plans(lambda: questions, most=2)
    columns = ("metadata.event_code",)
    assert plans.number(("7",), columns) == plans.number(("8",), columns) == plans.number((None,), columns)
    assert plans.number(("1",), columns) == 1
    for code in range(100, 110):
        plans.number((str(code),), columns)
    plans.trim()
    assert plans.plans == []
