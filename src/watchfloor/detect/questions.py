"""What a rulebook asks: its rules over numbered tests, and per field the comparisons behind them.

A *test* is "one of these comparisons holds for one of these fields". Alternatives on the same field (`Image|endswith`:
a list) are one test, however long the list; so are several negated ones. A *field* here is a place in an event, not a
Sigma name: an OCSF column, a name under `unmapped.` that the source gave, or any text of the record (keywords).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from watchfloor.detect.comparison import Comparison, comparison
from watchfloor.detect.predicate import And, Constant, Kind, Node, Not, Or, Predicate
from watchfloor.errors import RuleError

__all__ = [
    "AND",
    "KEYWORDS",
    "NOT",
    "OR",
    "ROUTE_COLUMNS",
    "Asked",
    "Field",
    "FieldTest",
    "LogsourceLike",
    "Questions",
    "ReferenceTest",
    "RouteCondition",
    "RuleLike",
    "TaxonomyLike",
    "Tree",
    "canonical",
    "places",
]

ROUTE_COLUMNS = (
    "class_name",
    "activity_id",
    "metadata.product.name",
    "metadata.log_provider",
    "metadata.log_name",
    "metadata.event_code",
    "device.os.type",
)
"""What a route is made of: one distinct combination of these is one kind of event."""

AND, OR, NOT = "and", "or", "not"

Tree = Any
"""True, False, a test number, or (AND | OR | NOT, children, does it ask about the route)."""


class LogsourceLike(Protocol):
    """A Sigma log source."""

    @property
    def product(self) -> str | None: ...
    @property
    def category(self) -> str | None: ...
    @property
    def service(self) -> str | None: ...


class RuleLike(Protocol):
    """What the engine needs to know of a rule."""

    @property
    def id(self) -> str: ...
    @property
    def logsource(self) -> LogsourceLike: ...
    @property
    def condition(self) -> Node: ...


class RouteCondition(Protocol):
    """What a route must be: (route column, the lower-case texts it may have), all of them."""

    @property
    def tests(self) -> Sequence[tuple[str, Sequence[str]]]: ...


class TaxonomyLike(Protocol):
    """Where the log sources and fields of Sigma are found in OCSF events."""

    def routes_for(self, logsource: Any) -> Sequence[RouteCondition] | None:
        """The routes a log source means, any of them; None when the taxonomy does not know it."""

    def columns(self, logsource: Any, field: str) -> tuple[str, ...] | None:
        """The columns that hold a field, any of them; None when the name is found under `unmapped.` by itself."""


class Field(NamedTuple):
    """A place in an event: a column by its name, or (`raw`) whatever the source called so, in canonical spelling."""

    name: str
    raw: bool


KEYWORDS = Field("", True)
"""Any text of the record."""


@dataclass(frozen=True, slots=True)
class FieldTest:
    """One of `comparisons` holds for one of `fields` (field numbers); mark marks[i] of field fields[i] says so."""

    fields: tuple[int, ...]
    comparisons: tuple[Comparison, ...]
    marks: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ReferenceTest:
    """A value of one of `left` compares (`mode`) with a value of one of `right`."""

    left: tuple[int, ...]
    right: tuple[int, ...]
    mode: str
    cased: bool


@dataclass(slots=True)
class Asked:
    """Of one field: comparison -> number, and per mark the numbers of its comparisons."""

    atoms: dict[Comparison, int] = field(default_factory=dict)
    marks: list[tuple[int, ...]] = field(default_factory=list)


def canonical(name: str) -> str:
    """The spelling in which names given by a source are compared: lower case, no spaces."""
    return name.lower().replace(" ", "")


def places(taxonomy: TaxonomyLike, source: LogsourceLike, name: str | None) -> tuple[Field, ...]:
    """Where a Sigma field (None: any text) of a log source may stand."""
    if name is None:
        return (KEYWORDS,)
    columns = taxonomy.columns(source, name)
    if columns is None:
        return (Field(canonical(name), True),)
    return tuple(dict.fromkeys(Field(column, False) for column in columns))


class Questions:
    """All rules of a rulebook, prepared.

    Args:
        rules: any sequence; a rule is later known by its position.
        taxonomy: where fields and log sources are found.

    Attributes:
        fields: field number -> Field; number 0 is KEYWORDS.
        tests: test number -> FieldTest or ReferenceTest.
        trees: (routes, rules) per log source, rules as (position, tree).
        unrouted: positions of rules whose log source the taxonomy does not know.
        rejected: position -> why a rule cannot run.
        frequencies: test number -> how often it is expected to hold, as far as a plan has needed that.
    """

    def __init__(self, rules: Sequence[RuleLike], taxonomy: TaxonomyLike) -> None:
        self.fields: list[Field] = []
        self.asked: list[Asked] = []
        self.tests: list[FieldTest | ReferenceTest] = []
        self.trees: list[tuple[Sequence[RouteCondition], list[tuple[int, Tree]]]] = []
        self.unrouted: list[int] = []
        self.rejected: dict[int, RuleError] = {}
        self.frequencies: dict[int, float] = {}
        self._taxonomy = taxonomy
        self._field_numbers: dict[Field, int] = {}
        self._test_numbers: dict[Any, int] = {}
        self._comparisons: dict[Any, Comparison] = {}
        self._resolved: dict[tuple[Any, str | None], tuple[int, ...]] = {}
        self.field_number(KEYWORDS)
        self.route_fields = {self.field_number(Field(name, False)): name for name in ROUTE_COLUMNS}
        groups: dict[Any, int] = {}
        for position, rule in enumerate(rules):
            source = rule.logsource
            key = (source.product, source.category, source.service)
            number = groups.get(key)
            if number is None:
                routes = taxonomy.routes_for(source)
                number = groups[key] = -1 if routes is None else len(self.trees)
                if routes is not None:
                    self.trees.append((routes, []))
            if number < 0:
                self.unrouted.append(position)
                continue
            try:
                tree = self._prepare(rule.condition, key, source)
            except RuleError as problem:
                self.rejected[position] = problem
                continue
            self.trees[number][1].append((position, tree))

    # -- fields ---------------------------------------------------------------------------------------------------

    def field_number(self, place: Field) -> int:
        """The number of a field, new or known."""
        number = self._field_numbers.get(place)
        if number is None:
            number = self._field_numbers[place] = len(self.fields)
            self.fields.append(place)
            self.asked.append(Asked())
        return number

    def resolve(self, name: str | None, key: Any, source: LogsourceLike) -> tuple[int, ...]:
        """The fields a Sigma field name means for a log source."""
        found = self._resolved.get((key, name))
        if found is None:
            numbers = [self.field_number(place) for place in places(self._taxonomy, source, name)]
            found = self._resolved[key, name] = tuple(numbers)
        return found

    # -- trees ----------------------------------------------------------------------------------------------------

    def _prepare(self, node: Node, key: Any, source: LogsourceLike) -> Tree:
        match node:
            case Constant(value):
                return value
            case Predicate():
                return self._single(node, key, source)
            case Not(arg):
                return self._negated(self._prepare(arg, key, source))
            case And(args):
                return self._joined(AND, args, key, source)
            case Or(args):
                return self._joined(OR, args, key, source)

    def _single(self, predicate: Predicate, key: Any, source: LogsourceLike) -> int:
        fields = self.resolve(predicate.field, key, source)
        if predicate.kind is Kind.FIELDREF:
            other, mode = predicate.value
            test = ReferenceTest(fields, self.resolve(other, key, source), mode, predicate.cased)
            number = self._test_numbers.get(test)
            if number is None:
                number = self._test_numbers[test] = len(self.tests)
                self.tests.append(test)
            return number
        return self._test(fields, (self._comparison(predicate),))

    def _comparison(self, predicate: Predicate) -> Comparison:
        key = (predicate.kind, predicate.value, predicate.cased)
        found = self._comparisons.get(key)
        if found is None:
            found = self._comparisons[key] = comparison(predicate)
        return found

    def _test(self, fields: tuple[int, ...], comparisons: tuple[Comparison, ...]) -> int:
        """Numbers are given in the order of the rules: the same rules get the same ones in every process."""
        key = (fields, frozenset(comparisons))
        number = self._test_numbers.get(key)
        if number is None:
            number = self._test_numbers[key] = len(self.tests)
            marks = []
            for place in fields:
                asked = self.asked[place]
                marks.append(len(asked.marks))
                asked.marks.append(tuple(asked.atoms.setdefault(one, len(asked.atoms)) for one in comparisons))
            self.tests.append(FieldTest(fields, comparisons, tuple(marks)))
        return number

    def _joined(self, kind: str, args: Sequence[Node], key: Any, source: LogsourceLike) -> Tree:
        """And / Or with nested ones of the same kind opened, and tests of the same fields made one."""
        pending = list(reversed(args))
        together: dict[tuple[int, ...], dict[Comparison, None]] = {}
        children: list[Tree] = []
        while pending:
            arg = pending.pop()
            if isinstance(arg, And if kind is AND else Or):
                pending.extend(reversed(arg.args))
                continue
            plain = arg
            if kind is AND:  # not a and not b = not (a or b)
                plain = arg.arg if isinstance(arg, Not) else arg
                alternatives = _alternatives(plain) if plain is not arg else None
            else:
                alternatives = [arg] if isinstance(arg, Predicate) else None
            if alternatives and all(one.kind is not Kind.FIELDREF for one in alternatives):
                for one in alternatives:
                    fields = self.resolve(one.field, key, source)
                    together.setdefault(fields, {})[self._comparison(one)] = None
                continue
            children.append(self._prepare(arg, key, source))
        for fields, comparisons in together.items():
            test = self._test(fields, tuple(comparisons))
            children.append(test if kind is OR else self._negated(test))
        return self.combined(kind, children)

    def _negated(self, tree: Tree) -> Tree:
        if isinstance(tree, bool):
            return not tree
        if isinstance(tree, tuple) and tree[0] is NOT:
            return tree[1][0]
        return (NOT, (tree,), self.routed(tree))

    def combined(self, kind: str, children: Sequence[Tree]) -> Tree:
        """And / Or of prepared trees, simplified; what asks about the route comes first."""
        final = kind is OR  # the child that decides alone
        rest: dict[Tree, None] = {}
        for child in children:
            if child is final:
                return final
            if not isinstance(child, bool):
                rest[child] = None
        if not rest:
            return not final
        if len(rest) == 1:
            return next(iter(rest))
        ordered = sorted(rest, key=lambda child: not self.routed(child))
        return (kind, tuple(ordered), self.routed(ordered[0]))

    def routed(self, tree: Tree) -> bool:
        """Does it ask about a route column?"""
        if isinstance(tree, tuple):
            return bool(tree[2])
        if isinstance(tree, bool):
            return False
        test = self.tests[tree]
        return isinstance(test, FieldTest) and any(place in self.route_fields for place in test.fields)


def _alternatives(node: Node) -> list[Predicate] | None:
    """The predicates of a (flat) Or, or the one predicate; None for anything else."""
    if isinstance(node, Predicate):
        return [node]
    if isinstance(node, Or) and all(isinstance(arg, Predicate) for arg in node.args):
        return [arg for arg in node.args if isinstance(arg, Predicate)]
    return None
