"""What rules cost, by the counters of a `Profiler`.

Truth first: a value is judged once, by machines that look for the literals of all rules together, and a row wakes only
the rules that have a chance. So no rule has a running time of its own that could be measured. What is measured is the
time of each field's machines and of judging the rows of a class; it is divided by what was counted:

    field        seconds of its machines inside the engine, measured
    machine      one kind of comparison of a field: its part of the field's seconds, in the ratio of the seconds each
                 kind takes alone for the same texts
    comparison   an equal part of its machine: walking a text costs the same whatever is looked for. Regular
                 expressions share in the ratio of what each takes alone on a sample of the values
    rule         of each of its comparisons a part, shared with all rules that ask the same; and of the rows of a class
                 its steps and wakings out of all that was counted there
    saved        what would go if only this rule went: machines nobody else needs, regular expressions nobody else
                 asks, its part of the rows. Literals it shares a machine with are free

Rules add up to less than everything: looking up values and rows no rule woke up for are nobody's.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from watchfloor.detect.comparison import Comparison, describe, tester
from watchfloor.detect.never import Never, never_fired
from watchfloor.detect.predicate import Kind, Predicate, predicates
from watchfloor.detect.profile import Case, FieldCount, Profiler, kind_of
from watchfloor.detect.questions import KEYWORDS, FieldTest, Tree
from watchfloor.detect.rule import Rule
from watchfloor.detect.taxonomy import Taxonomy

__all__ = ["ComparisonCost", "Costs", "FieldCost", "RuleCost", "costs"]


@dataclass(slots=True)
class RuleCost:
    """What one rule did and cost.

    Args:
        rule: the rule.
        hits: rows it holds for.
        rows: rows of routes on which something is left of it.
        candidates: of these the rows that woke it: one of its rare comparisons held.
        steps: steps of its code that were taken.
        comparisons: comparisons it asks; own: of these what no other rule asks of the same field.
        seconds: its share; saved: what would go if only this rule went.
        never: why it has no hits.
    """

    rule: Rule
    hits: int = 0
    rows: int = 0
    candidates: int = 0
    steps: int = 0
    comparisons: int = 0
    own: int = 0
    seconds: float = 0.0
    saved: float = 0.0
    never: Never | None = None


@dataclass(frozen=True, slots=True)
class FieldCost:
    """What one field was asked and cost.

    Args:
        name: what rules call it, most frequent name first; columns: where its values were found.
        rules: rules that ask it; comparisons: distinct ones.
        rows: rows with a value, on routes with rules that ask it.
        values: distinct values judged; bytes: their length together.
        seconds: of its machines; kinds: kind of comparison -> its part.
    """

    name: str
    columns: tuple[str, ...]
    rules: int
    comparisons: int
    rows: int
    values: int
    bytes: int
    seconds: float
    kinds: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class ComparisonCost:
    """What one comparison of one field cost.

    Args:
        field: as `FieldCost.name`.
        kind: `equals`, `startswith`, `endswith`, `contains`, `wildcard`, `cased`, `regex`, `cidr`, `number` ...
        test: for people.
        rules: positions of the rules that ask it.
        values, rows: distinct values that pass, and rows in which one of them stood.
        seconds: its share.
    """

    field: str
    kind: str
    test: str
    rules: tuple[int, ...]
    values: int
    rows: int
    seconds: float


@dataclass(slots=True)
class Costs:
    """Everything, dearest first.

    Args:
        rules: all rules; by_position: the same in the order of the rulebook.
        fields, comparisons: of fields that were judged.
        prepare, values, rows: class of events -> seconds.
        by_class: class -> field name -> kind -> seconds of values.
        by_case: (class, name of the routes, seconds, rule position -> seconds).
    """

    rules: list[RuleCost] = field(default_factory=list)
    by_position: tuple[RuleCost, ...] = ()
    fields: list[FieldCost] = field(default_factory=list)
    comparisons: list[ComparisonCost] = field(default_factory=list)
    prepare: Mapping[str, float] = field(default_factory=dict)
    values: Mapping[str, float] = field(default_factory=dict)
    rows: Mapping[str, float] = field(default_factory=dict)
    by_class: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)
    by_case: list[tuple[str, str, float, dict[int, float]]] = field(default_factory=list)


def costs(profiler: Profiler, rules: Sequence[Rule], taxonomy: Taxonomy, clock: Callable[[], float]) -> Costs:
    """Divide what was measured among those who asked for it.

    Args:
        profiler: after the last batch.
        rules: the profiler's rules, in its order.
        taxonomy: where their log sources are found.
        clock: seconds of processor time.
    """
    result = Costs(prepare=dict(profiler.prepare))
    result.rules = [RuleCost(rule, hits=int(hits)) for rule, hits in zip(rules, profiler.hits, strict=True)]
    askers = _askers(profiler)
    names = _names(profiler, rules)
    for position, atoms in _asked_by_rule(askers).items():
        result.rules[position].comparisons = len(atoms)
        result.rules[position].own = sum(len(askers[atom]) == 1 for atom in atoms)
    values: dict[str, float] = defaultdict(float)
    for place, found in profiler.fields.items():
        _divide_field(result, profiler, place, found, askers, names[place], clock)
        for class_name, seconds in found.seconds.items():
            values[class_name] += seconds
    result.values = dict(values)
    result.rows = {name: max(0.0, total - values[name]) for name, total in profiler.matching.items()}
    _divide_rows(result, profiler)
    for position, never in never_fired(profiler, rules, taxonomy).items():
        result.rules[position].never = never
    result.by_position = tuple(result.rules)
    result.rules.sort(key=lambda cost: (-cost.seconds, -cost.candidates, cost.rule.title))
    result.fields.sort(key=lambda cost: (-cost.seconds, cost.name))
    result.comparisons.sort(key=lambda cost: (-cost.seconds, -cost.rows, cost.field, cost.test))
    result.by_case.sort(key=lambda case: -case[2])
    return result


# -- who asks what ----------------------------------------------------------------------------------------------------


def _askers(profiler: Profiler) -> dict[tuple[int, int], set[int]]:
    """(field, comparison) -> the rules that ask it."""
    questions = profiler.questions
    rules_of_test: dict[int, set[int]] = defaultdict(set)
    for _, rules in questions.trees:
        for position, tree in rules:
            for number in _tests(tree):
                rules_of_test[number].add(position)
    askers: dict[tuple[int, int], set[int]] = defaultdict(set)
    for number, positions in rules_of_test.items():
        test = questions.tests[number]
        if isinstance(test, FieldTest):
            for place, mark in zip(test.fields, test.marks, strict=True):
                for atom in questions.asked[place].marks[mark]:
                    askers[place, atom] |= positions
    return askers


def _tests(tree: Tree) -> Iterator[int]:
    if isinstance(tree, tuple):
        for child in tree[1]:
            yield from _tests(child)
    elif not isinstance(tree, bool):
        yield tree


def _asked_by_rule(askers: Mapping[tuple[int, int], set[int]]) -> dict[int, list[tuple[int, int]]]:
    asked: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for atom, positions in askers.items():
        for position in positions:
            asked[position].append(atom)
    return asked


def _names(profiler: Profiler, rules: Sequence[Rule]) -> dict[int, str]:
    """Per field what most rules call it."""
    called: dict[int, Counter[str]] = defaultdict(Counter)
    questions = profiler.questions
    for position, rule in enumerate(rules):
        if position in profiler.rejected or position in profiler.unrouted:
            continue
        source = rule.logsource
        key = (source.product, source.category, source.service)
        for name in {test.field for test in predicates(rule.condition)}:
            for place in questions.resolve(name, key, source):
                called[place][name or "any text"] += 1
    return {
        place: called[place].most_common(1)[0][0] if called[place] else where.name
        for place, where in enumerate(questions.fields)
    }


# -- values -----------------------------------------------------------------------------------------------------------


def _divide_field(
    result: Costs,
    profiler: Profiler,
    place: int,
    found: FieldCount,
    askers: Mapping[tuple[int, int], set[int]],
    name: str,
    clock: Callable[[], float],
) -> None:
    total, alone = sum(found.seconds.values()), sum(found.kinds.values())
    members: dict[str, list[int]] = defaultdict(list)
    for number, atom in enumerate(found.machine.atoms):
        members[kind_of(atom)].append(number)
    kinds = {kind: total * found.kinds[kind] / alone if alone else 0.0 for kind in members}
    asking: set[int] = set()
    for kind, numbers in members.items():
        weights = _weights([found.machine.atoms[number] for number in numbers], found.sample, clock)
        needed = set[int]().union(*(askers[place, number] for number in numbers))
        asking |= needed
        for number, weight in zip(numbers, weights, strict=True):
            share = kinds[kind] * weight
            positions = sorted(askers[place, number])
            for position in positions:
                result.rules[position].seconds += share / len(positions)
                if len(positions) == 1 and (kind == Kind.REGEX.value or len(needed) == 1):
                    result.rules[position].saved += share
            atom = found.machine.atoms[number]
            asked = None if profiler.questions.fields[place] == KEYWORDS else name
            result.comparisons.append(
                ComparisonCost(
                    field=name,
                    kind=kind,
                    test=describe(Predicate(asked, atom.kind, atom.value, atom.cased)),
                    rules=tuple(positions),
                    values=int(found.machine.hits[number]),
                    rows=int(found.atom_rows[number]),
                    seconds=share,
                )
            )
    result.fields.append(
        FieldCost(
            name=name,
            columns=tuple(sorted(found.columns)) if place else ("every text column",),
            rules=len(asking),
            comparisons=len(found.machine.atoms),
            rows=found.rows,
            values=found.values,
            bytes=found.bytes,
            seconds=total,
            kinds=dict(sorted(kinds.items(), key=lambda pair: -pair[1])),
        )
    )
    for class_name, seconds in found.seconds.items():
        part = seconds / total if total else 0.0
        into = result.by_class.setdefault(class_name, {}).setdefault(name, {})
        for kind, whole in kinds.items():
            into[kind] = into.get(kind, 0.0) + whole * part


def _weights(atoms: Sequence[Comparison], sample: Sequence[str], clock: Callable[[], float]) -> list[float]:
    """How the comparisons of one kind share its time; adds up to 1."""
    if atoms[0].kind is not Kind.REGEX or len(atoms) == 1 or not sample:
        return [1 / len(atoms)] * len(atoms)
    taken = []
    for atom in atoms:
        test = tester(atom)
        began = clock()
        for text in sample:
            test(text)
        taken.append(clock() - began)
    whole = sum(taken)
    return [one / whole for one in taken] if whole > 0 else [1 / len(atoms)] * len(atoms)


# -- rows -------------------------------------------------------------------------------------------------------------


def _divide_rows(result: Costs, profiler: Profiler) -> None:
    units: Counter[str] = Counter()
    for case in profiler.cases:
        units[case.class_name] += _units(case)
    for case in profiler.cases:
        unit = result.rows.get(case.class_name, 0.0) / max(1, units[case.class_name])
        own: dict[int, float] = {}
        for number, (position, _) in enumerate(case.rules):
            cost = result.rules[position]
            candidates, steps = int(case.candidates[number]), int(case.steps[number])
            seconds = unit * (candidates + steps)
            cost.rows += case.rows
            cost.candidates += candidates
            cost.steps += steps
            cost.seconds += seconds
            cost.saved += seconds
            if seconds > 0:
                own[position] = seconds
        result.by_case.append((case.class_name, _route_name(case), unit * _units(case), own))


def _units(case: Case) -> int:
    """Everything counted while judging rows: rows, values looked at, marks, wakings, steps."""
    return case.rows + case.looked + case.visited + int(case.candidates.sum() + case.steps.sum())


def _route_name(case: Case) -> str:
    """The commonest of its routes, by channel and event code or whatever it has; and how many more."""
    (_, activity, product, provider, channel, code, _), _ = case.routes.most_common(1)[0]
    first = channel or provider or product or "any"
    name = f"{first} {code}" if code else first if channel else f"{first} activity {activity}" if activity else first
    return name + (f" +{len(case.routes) - 1}" if len(case.routes) > 1 else "")
