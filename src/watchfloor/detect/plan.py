"""Rules for one route: what is left of them when everything the route already answers is folded away.

Each remaining rule becomes jump code over the tests of the plan, and names *witnesses*: tests of which at least one
must hold for the rule to hold, chosen to be rare. Rows without a witness never look at the rule.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from watchfloor.detect.comparison import Comparison, holds
from watchfloor.detect.predicate import Kind
from watchfloor.detect.questions import AND, NOT, OR, FieldTest, Questions, ReferenceTest, RouteCondition, Tree
from watchfloor.words import Bytes, Int32s, Int64s

__all__ = ["Plan", "Plans", "Route", "compile_plan", "residual"]

Route = Mapping[str, str]
"""Route column -> text; a column without a value is not in it."""

HOLDS, FAILS = -1, -2
"""Jump targets that end a rule."""

COMMON = frozenset(
    (".exe", ".dll", "c:\\", "\\windows\\", "c:\\windows\\", "\\system32\\", "c:\\windows\\system32\\",
     "c:\\program files\\", "\\program files\\", "\\program files (x86)\\", "c:\\program files (x86)\\", "c:\\users\\",
     "\\users\\", "http", "https://", "/usr/bin/", "/bin/", "/tmp/", "true", "false", "nt authority\\system")
)  # fmt: skip
"""Literals that say little about an event although they are long."""


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """The rules of one route, numbered 0..rules-1, over tests numbered 0..tests-1.

    Args:
        maps: field number -> per mark of the field the test it stands for, -1 none.
        references: (test number in the rulebook, test of the plan) of the field comparisons.
        witness_starts, witness_rules: per test the rules it is a witness of.
        always: rules without a witness.
        code_starts, code_tests, code_true, code_false: per rule its code: test, next step if it holds and if not.
        rule_index: per rule its position in the rulebook.
    """

    maps: Mapping[int, Int32s]
    references: tuple[tuple[int, int], ...]
    tests: int
    witness_starts: Int64s
    witness_rules: Int32s
    always: Int32s
    code_starts: Int64s
    code_tests: Int32s
    code_true: Int32s
    code_false: Int32s
    rule_index: Int32s


# -- folding ----------------------------------------------------------------------------------------------------------


def residual(questions: Questions, route: Route) -> tuple[tuple[int, Tree], ...]:
    """The rules that can match on a route, with what remains to be asked."""
    known: dict[int, Tree] = {}
    result: list[tuple[int, Tree]] = []
    lowered = {column: text.lower() for column, text in route.items()}
    for routes, rules in questions.trees:
        if any(_on(condition, lowered) for condition in routes):
            for position, tree in rules:
                left = _fold(questions, tree, route, known)
                if left is not False:
                    result.append((position, left))
    return tuple(sorted(result, key=lambda item: item[0]))


def _on(condition: RouteCondition, route: Route) -> bool:
    return all(route.get(column) in allowed for column, allowed in condition.tests)


def _fold(questions: Questions, tree: Tree, route: Route, known: dict[int, Tree]) -> Tree:
    if isinstance(tree, bool):
        return tree
    if not isinstance(tree, tuple):
        if tree not in known:
            known[tree] = _fold_test(questions, tree, route)
        return known[tree]
    kind, children, routed = tree
    if not routed:
        return tree
    if kind is NOT:
        left = _fold(questions, children[0], route, known)
        if isinstance(left, bool):
            return not left
        if isinstance(left, tuple) and left[0] is NOT:
            return left[1][0]
        return (NOT, (left,), False)
    final = kind is OR
    rest: list[Tree] = []
    for child in children:
        left = _fold(questions, child, route, known)
        if left is final:
            return final
        if not isinstance(left, bool):
            rest.append(left)
    if not rest:
        return not final
    return rest[0] if len(rest) == 1 else (kind, tuple(rest), False)


def _fold_test(questions: Questions, number: int, route: Route) -> Tree:
    """True when the route itself passes, False when only the route could have and does not, else the test."""
    test = questions.tests[number]
    if isinstance(test, ReferenceTest):
        return number
    open_fields = False
    for place in test.fields:
        column = questions.route_fields.get(place)
        if column is None:
            open_fields = True
        else:
            text = route.get(column)
            if text is not None and any(holds(comparison, text) for comparison in test.comparisons):
                return True
    return number if open_fields else False


# -- compiling --------------------------------------------------------------------------------------------------------


def compile_plan(questions: Questions, rules: Sequence[tuple[int, Tree]]) -> Plan:
    """Code and witnesses for what `residual` left."""
    numbers: dict[int, int] = {}
    witnesses: list[list[int]] = []
    always: list[int] = []
    starts, tests, holds_to, fails_to = [0], [], [], []
    for rule, (_, tree) in enumerate(rules):
        code = _code(tree)
        for test, yes, no in code:
            if test not in numbers:
                numbers[test] = len(numbers)
                witnesses.append([])
            tests.append(numbers[test])
            holds_to.append(yes)
            fails_to.append(no)
        starts.append(len(tests))
        found = _witness(questions, tree)
        if found is None:
            always.append(rule)
        else:
            for test in found[1]:
                witnesses[numbers[test]].append(rule)
    maps: dict[int, Int32s] = {}
    references = []
    for test, number in numbers.items():
        asked = questions.tests[test]
        if isinstance(asked, ReferenceTest):
            references.append((test, number))
            continue
        for place, mark in zip(asked.fields, asked.marks, strict=True):
            if place not in questions.route_fields:
                if place not in maps:
                    maps[place] = np.full(len(questions.asked[place].marks), -1, np.int32)
                maps[place][mark] = number
    witness_starts = np.zeros(len(numbers) + 1, np.int64)
    np.cumsum([len(found) for found in witnesses], out=witness_starts[1:])
    return Plan(
        maps,
        tuple(references),
        len(numbers),
        witness_starts,
        np.array([rule for found in witnesses for rule in found], np.int32),
        np.array(always, np.int32),
        np.array(starts, np.int64),
        np.array(tests, np.int32),
        np.array(holds_to, np.int32),
        np.array(fails_to, np.int32),
        np.array([position for position, _ in rules], np.int32),
    )


def _code(tree: Tree) -> list[tuple[int, int, int]]:
    """(test, next if it holds, next if not); begins at 0; no code at all means "always"."""
    if tree is True:
        return []
    code: list[tuple[int, int, int]] = []  # written back to front, so that targets are known

    def write(node: Tree, yes: int, no: int) -> int:
        if not isinstance(node, tuple):
            code.append((node, yes, no))
            return len(code) - 1
        kind, children, _ = node
        if kind is NOT:
            return write(children[0], no, yes)
        following = yes if kind is AND else no
        for child in reversed(children):
            following = write(child, following, no) if kind is AND else write(child, yes, following)
        return following

    write(tree, HOLDS, FAILS)
    last = len(code) - 1
    return [(test, yes if yes < 0 else last - yes, no if no < 0 else last - no) for test, yes, no in reversed(code)]


def _witness(questions: Questions, tree: Tree) -> tuple[float, frozenset[int]] | None:
    """The rarest set of tests of which one must hold, with its estimated frequency; None when there is no such set."""
    if isinstance(tree, bool):
        return None
    if not isinstance(tree, tuple):
        guess = questions.frequencies.get(tree)
        if guess is None:
            guess = questions.frequencies[tree] = _frequency(questions.tests[tree])
        return guess, frozenset((tree,))
    kind, children, _ = tree
    if kind is NOT:
        return None
    found = [_witness(questions, child) for child in children]
    if kind is AND:
        return min((one for one in found if one is not None), key=lambda one: one[0], default=None)
    parts = [one for one in found if one is not None]
    if len(parts) < len(found):
        return None
    return sum(part[0] for part in parts), frozenset[int]().union(*(part[1] for part in parts))


def _frequency(test: FieldTest | ReferenceTest) -> float:
    """A guess how often a test holds: long literals are rare."""
    if isinstance(test, ReferenceTest):
        return 0.3
    return min(1.0, sum(_rarity(comparison) for comparison in test.comparisons))


def _rarity(comparison: Comparison) -> float:
    kind, value, _ = comparison
    match kind:
        case Kind.EXISTS:
            return 1.0
        case Kind.EQUALS:
            return 0.5 if value in COMMON else 0.02 if len(value) > 2 else 0.2
        case Kind.CONTAINS | Kind.STARTSWITH | Kind.ENDSWITH:
            if value.lower() in COMMON:
                return 0.5
            base = {Kind.CONTAINS: 1.0, Kind.STARTSWITH: 0.8, Kind.ENDSWITH: 0.6}[kind]
            return float(base * 2.0 ** (-0.45 * (len(value) - 1)))
        case Kind.LT | Kind.LTE | Kind.GT | Kind.GTE:
            return 0.4
        case _:
            return 0.05


# -- all plans together -----------------------------------------------------------------------------------------------


class Plans:
    """The plans of all routes seen, laid out in one set of arrays for `rows.evaluate`.

    Args:
        questions: gives the rulebook; asked for when a route is met that is not known.
        most: plans to keep; when a batch begins with more, all are forgotten and made again as needed.
        plans, routes: what is known from an earlier start.
    """

    def __init__(
        self,
        questions: Callable[[], Questions],
        most: int,
        plans: Sequence[Plan] = (),
        routes: Mapping[tuple[str | None, ...], int] | None = None,
    ) -> None:
        self._questions = questions
        self._most = most
        self.compiled = 0
        """Plans made so far."""
        self.met = 0
        """Routes met so far that were not known."""
        self.forget()
        self.plans += plans
        self.routes.update(routes or {})

    def forget(self) -> None:
        """Drop all plans."""
        self.plans: list[Plan] = []
        self.routes: dict[tuple[str | None, ...], int] = {}
        """Texts of the route columns -> number of the plan, -1 when no rule can match there."""
        self._numbers: dict[Any, int] = {}
        self._levels: dict[tuple[int, int], Bytes] = {}
        self._laid_out = -1

    def trim(self) -> bool:
        """Forget everything when there are too many, and say so; to be called when no plan numbers are in use."""
        full = len(self.plans) > self._most or len(self.routes) > 4 * self._most
        if full:
            self.forget()
        return full

    def number(self, key: tuple[str | None, ...], columns: Sequence[str]) -> int:
        """The plan for a route (`key`: texts of `columns`); -1 when no rule can match there."""
        number = self.routes.get(key)
        if number is None:
            self.met += 1
            questions = self._questions()
            route = {column: text for column, text in zip(columns, key, strict=True) if text is not None}
            rules = residual(questions, route)
            number = -1
            if rules:
                told_apart = tuple((position, tree is True, tree) for position, tree in rules)  # True == test 1
                known = self._numbers.get(told_apart)
                if known is None:
                    known = self._numbers[told_apart] = len(self.plans)
                    self.plans.append(compile_plan(questions, rules))
                    self.compiled += 1
                number = known
            self.routes[key] = number
        return number

    def levels(self, plan: int, place: int) -> Bytes:
        """How much a plan minds each mark of a field: 0 not, 1 some rule asks, 2 it may begin a rule (a witness)."""
        known = self._levels.get((plan, place))
        if known is None:
            asked = self.plans[plan].maps[place]
            begins = np.diff(self.plans[plan].witness_starts) > 0
            known = np.where(asked < 0, 0, np.where(begins[asked], 2, 1)).astype(np.uint8)
            self._levels[plan, place] = known
        return known

    def lay_out(self) -> None:
        """Bring the joint arrays up to date."""
        if self._laid_out == len(self.plans):
            return
        plans = self.plans
        self.test_base = _starts([plan.tests for plan in plans])
        self.rule_base = _starts([len(plan.rule_index) for plan in plans])
        self.witness_starts, self.witness_rules = _ranges([(plan.witness_starts, plan.witness_rules) for plan in plans])
        self.code_starts, self.code_tests = _ranges([(plan.code_starts, plan.code_tests) for plan in plans])
        self.code_true = _flat([plan.code_true for plan in plans])
        self.code_false = _flat([plan.code_false for plan in plans])
        self.always_starts = _starts([len(plan.always) for plan in plans])
        self.always_rules = _flat([plan.always for plan in plans])
        self.rule_index = _flat([plan.rule_index for plan in plans])
        self.ref_starts = _starts([len(plan.references) for plan in plans])
        self.ref_tests = np.array([test for plan in plans for _, test in plan.references], np.int32)
        self.references = [number for plan in plans for number, _ in plan.references]
        self.map_tests = _flat([part for plan in plans for part in plan.maps.values()])
        self.map_starts: list[dict[int, int]] = []
        at = 0
        for plan in plans:
            starts = {}
            for place, part in plan.maps.items():
                starts[place] = at
                at += len(part)
            self.map_starts.append(starts)
        self.most_tests = max((plan.tests for plan in plans), default=0)
        self.most_rules = max((len(plan.rule_index) for plan in plans), default=0)
        self._laid_out = len(plans)

    @property
    def nbytes(self) -> int:
        """Memory of the joint arrays, roughly half of what plans hold."""
        self.lay_out()
        return sum(value.nbytes for value in vars(self).values() if isinstance(value, np.ndarray))


def _starts(lengths: Sequence[int]) -> Int64s:
    starts = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=starts[1:])
    return starts


def _flat(parts: Sequence[Int32s]) -> Int32s:
    return np.concatenate([*parts, np.empty(0, np.int32)])


def _ranges(parts: Sequence[tuple[Int64s, Int32s]]) -> tuple[Int64s, Int32s]:
    """Several (starts, items) as one: starts move by the items before them; each part keeps all but its last start."""
    moved, base = [], 0
    for starts, items in parts:
        moved.append(starts[:-1] + base)
        base += len(items)
    return np.concatenate([*moved, np.array([base], np.int64)]), _flat([items for _, items in parts])
