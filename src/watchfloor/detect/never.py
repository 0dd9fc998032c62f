"""Why a rule never fired on some data: how far it got, by the counters of a `Profiler`.

What is left of a rule on a route is asked once more, with what was counted in place of an answer: a comparison that
held in no row is false, one that held in every row is true, any other is open. A rule that is false by that could not
have fired whatever the rows held together; the comparisons that make it so are the reason.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from watchfloor.detect.comparison import comparison, describe
from watchfloor.detect.predicate import Kind, Predicate, predicates
from watchfloor.detect.profile import Case, Profiler
from watchfloor.detect.questions import AND, NOT, ROUTE_COLUMNS, ReferenceTest, Tree
from watchfloor.detect.rule import Rule
from watchfloor.detect.taxonomy import Taxonomy

__all__ = ["REASONS", "Never", "Reason", "never_fired"]

Reason = Literal[
    "unknown log source", "cannot run", "no log source", "no such event", "no field", "never seen", "false"
]
"""Why a rule never fired, the furthest it got; in this order."""

REASONS: Mapping[Reason, str] = {
    "unknown log source": "no taxonomy table says which events its log source means",
    "cannot run": "one of its comparisons cannot be made",
    "no log source": "the data hold no events of its log source",
    "no such event": "its log source is there, events of the kind it asks for (event id, channel) are not",
    "no field": "a field it needs never has a value",
    "never seen": "a value it needs was never seen",
    "false": "each part held somewhere, never all together; or a filter of its own always did",
}


@dataclass(frozen=True, slots=True)
class Never:
    """Why a rule never fired."""

    reason: Reason
    detail: str


def never_fired(profiler: Profiler, rules: Sequence[Rule], taxonomy: Taxonomy) -> dict[int, Never]:
    """Position of each rule without a hit -> why.

    Args:
        profiler: after the last batch.
        rules: the profiler's rules, in its order.
        taxonomy: where their log sources are found.
    """
    result: dict[int, Never] = {}
    at: dict[int, list[tuple[Case, Tree]]] = defaultdict(list)
    for case in profiler.cases:
        for position, tree in case.rules:
            at[position].append((case, tree))
    held = {id(case): dict(zip(case.test_numbers, case.test_rows.tolist(), strict=True)) for case in profiler.cases}
    routes = [_route(key) for key in profiler.routes]
    there: dict[Any, bool] = {}
    for position, rule in enumerate(rules):
        if profiler.hits[position]:
            continue
        source = rule.logsource
        if position in profiler.unrouted:
            result[position] = Never("unknown log source", str(source))
        elif position in profiler.rejected:
            result[position] = Never("cannot run", profiler.rejected[position].what)
        elif position in at:
            found = [_Why(profiler, rule, case, held[id(case)]).why(tree) for case, tree in at[position]]
            order = list(REASONS)
            result[position] = max(found, key=lambda never: order.index(never.reason))
        else:
            if source not in there:
                conditions = taxonomy.routes_for(source) or ()
                there[source] = any(condition.admits(route) for condition in conditions for route in routes)
            if there[source]:
                result[position] = Never("no such event", _asked_of_route(profiler, rule) or str(source))
            else:
                result[position] = Never("no log source", str(source))
    return result


def _route(key: tuple[str | None, ...]) -> dict[str, str | int | None]:
    return dict(zip(ROUTE_COLUMNS, key, strict=True))


def _asked_of_route(profiler: Profiler, rule: Rule) -> str:
    """What a rule asks of the route itself."""
    questions, source = profiler.questions, rule.logsource
    key = (source.product, source.category, source.service)
    found = [
        describe(test)
        for test in predicates(rule.condition)
        if any(place in questions.route_fields for place in questions.resolve(test.field, key, source))
    ]
    return _some(found)


def _some(texts: Sequence[str]) -> str:
    return texts[0] + (f" (or {len(texts) - 1} more)" if len(texts) > 1 else "") if texts else ""


class _Why:
    """Why a rule cannot have fired in a case: tests that never held are false, tests that always did are true."""

    def __init__(self, profiler: Profiler, rule: Rule, case: Case, held: Mapping[int, int]) -> None:
        self._profiler, self._rule, self._case, self._held = profiler, rule, case, held

    def why(self, tree: Tree) -> Never:
        blocks = self._blocks(tree)
        if not blocks:
            return Never("false", "each part held somewhere, never all together")
        asked = [test for test in blocks if test >= 0]
        if not asked:
            return Never("false", f"always excluded: {self._text(~blocks[0])}")
        seen = [test for test in asked if self._has_value(test)]
        if not seen:
            return Never("no field", _some(sorted({name for test in asked for name in self._fields(test)})))
        return Never("never seen", self._text(seen[0]))

    def _blocks(self, tree: Tree) -> list[int]:
        """Tests whose answer alone makes a tree false (~test when it is excluded); none when it is open."""
        state, tests = self._judge(tree)
        return tests if state is False else []

    def _judge(self, tree: Tree) -> tuple[bool | None, list[int]]:
        if isinstance(tree, bool):
            return tree, []
        if not isinstance(tree, tuple):
            held = self._held.get(tree, 0)
            if held == 0:
                return False, [tree]
            return (True, [~tree]) if held == self._case.rows else (None, [])
        kind, children, _ = tree
        found = [self._judge(child) for child in children]
        if kind is NOT:
            state, tests = found[0]
            return (None, []) if state is None else (not state, tests)
        final = kind is not AND  # the answer of one child that decides alone
        deciding = [tests for state, tests in found if state is final]
        if deciding:
            return final, min(deciding, key=self._worst)
        if any(state is None for state, _ in found):
            return None, []
        return not final, [test for _, tests in found for test in tests]

    def _worst(self, tests: list[int]) -> int:
        """Prefer a missing field, then a value never seen, then an exclusion."""
        if any(test < 0 for test in tests):
            return 2
        return 0 if not any(self._has_value(test) for test in tests) else 1

    def _has_value(self, number: int) -> bool:
        if number < 0:
            return True
        test = self._profiler.questions.tests[number]
        present = self._case.present
        if isinstance(test, ReferenceTest):
            return all(any(present[place] for place in side) for side in (test.left, test.right))
        return any(present[place] or place in self._profiler.questions.route_fields for place in test.fields)

    def _fields(self, number: int) -> list[str]:
        """What the rule calls the fields of a test."""
        return sorted({test.field or "any text" for test in self._asking(number)})

    def _text(self, number: int) -> str:
        return _some(sorted(describe(test) for test in self._asking(number)))

    def _asking(self, number: int) -> list[Predicate]:
        """The rule's own predicates behind a test."""
        wanted = self._profiler.questions.tests[number]
        source = self._rule.logsource
        key = (source.product, source.category, source.service)
        resolve = self._profiler.questions.resolve
        found: list[Predicate] = []
        for test in predicates(self._rule.condition):
            places = resolve(test.field, key, source)
            if isinstance(wanted, ReferenceTest):
                if test.kind is Kind.FIELDREF and places == wanted.left:
                    found.append(test)
            elif test.kind is not Kind.FIELDREF and places == wanted.fields and comparison(test) in wanted.comparisons:
                found.append(test)
        return found
