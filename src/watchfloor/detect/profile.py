"""An engine that keeps count of itself, beside the hot path.

Every batch goes twice over the same rules. The plain engine judges it, under the stopwatch; then, off the stopwatch,
the same rows are judged once more with a counter at every step (`counting`), and the values the engine met for the
first time are scanned again machine by machine (equals, contains, regular expressions ...). Both passes must find the
same: an engine that counts wrongly stops.

    prepare   machines built, plans made, kernels loaded: once per field and per route
    values    what `Matcher.scan` took inside the engine: values met for the first time
    rows      the rest of `match`: routes, looking up, judging rows

Counters only; what a rule costs by them is `costs`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from watchfloor.detect.comparison import TEXT_KINDS, Comparison
from watchfloor.detect.counting import count
from watchfloor.detect.engine import Engine, Matches
from watchfloor.detect.expressions import Understood
from watchfloor.detect.lookup import EventsLike, Layout, Source, elements, is_text, leaves, texts_of
from watchfloor.detect.matcher import Matcher
from watchfloor.detect.plan import Plan, compile_plan, residual
from watchfloor.detect.predicate import Kind
from watchfloor.detect.questions import KEYWORDS, ROUTE_COLUMNS, ReferenceTest, RuleLike, TaxonomyLike, Tree
from watchfloor.detect.texts import Texts
from watchfloor.words import Int32s, Int64s

__all__ = ["Case", "FieldCount", "Profiler", "kind_of"]

SAMPLE = 400
"""Values of a field kept to measure regular expressions one by one."""

Seconds = defaultdict[str, float]

RouteKey = tuple[str | None, ...]
"""The texts of `ROUTE_COLUMNS`."""


def kind_of(atom: Comparison) -> str:
    """Which machine answers a comparison, in a word for people."""
    if atom.kind in TEXT_KINDS:
        return "cased" if atom.cased else atom.kind.value
    if atom.kind in (Kind.LT, Kind.LTE, Kind.GT, Kind.GTE):
        return "number"
    return "wildcard" if atom.kind is Kind.GLOB else atom.kind.value


class Recorded(Matcher):
    """The machines of one field, which remember what they were asked."""

    def __init__(self, atoms: Sequence[Comparison], understood: Understood | None, clock: Callable[[], float]) -> None:
        super().__init__(atoms, understood)
        self.clock = clock
        self.seconds = 0.0
        self.asked: list[Texts] = []
        self.hits: Int64s = np.zeros(len(self.atoms), np.int64)

    def scan(self, texts: Texts) -> tuple[Int32s, Int32s]:
        """As `Matcher.scan`, timed."""
        began = self.clock()
        found = super().scan(texts)
        self.seconds += self.clock() - began
        self.asked.append(texts)
        self.hits += np.bincount(found[1], minlength=len(self.hits))
        return found

    def again(self, texts: Texts) -> tuple[Int32s, Int32s]:
        """As `Matcher.scan`, off the record."""
        return super().scan(texts)


@dataclass(slots=True, eq=False)
class FieldCount:
    """What one field was asked.

    Args:
        machine: its machines.
        by_kind: per kind of comparison a machine of its own.
        columns: where its values were found.
        values, bytes: texts judged by the engine: new ones, each element of an array for itself.
        rows: rows of plans that ask the field in which it had a value.
        seconds: class of events -> seconds the engine's machines took.
        kinds: kind of comparison -> seconds its own machine takes for the same texts.
        atom_rows: per comparison in how many rows a value that passes it stood.
        sample: some of the values.
    """

    machine: Recorded
    by_kind: dict[str, Matcher]
    columns: set[str] = field(default_factory=set)
    values: int = 0
    bytes: int = 0
    rows: int = 0
    seconds: Seconds = field(default_factory=lambda: defaultdict(float))
    kinds: Seconds = field(default_factory=lambda: defaultdict(float))
    atom_rows: Int64s = field(default_factory=lambda: np.zeros(0, np.int64))
    sample: list[str] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Case:
    """Routes of one class on which the same is left of the same rules, and what was counted there.

    Args:
        class_name: the class of events.
        rules: (position of the rule, what is left of it).
        plan: these rules, compiled.
        routes: route -> rows.
        rows: rows judged.
        looked: values looked at, one per row and column asked.
        visited: marks looked at.
        present: field number -> rows in which it had a value.
        test_numbers: per test of the plan its number in the rulebook.
        test_rows: per test of the plan the rows in which it held.
        candidates, steps, hits: per rule of the plan, as `counting.count` says.
    """

    class_name: str
    rules: tuple[tuple[int, Tree], ...]
    plan: Plan
    test_numbers: list[int]
    routes: Counter[RouteKey] = field(default_factory=Counter)
    rows: int = 0
    looked: int = 0
    visited: int = 0
    present: Counter[int] = field(default_factory=Counter)
    test_rows: Int64s = field(init=False)
    candidates: Int64s = field(init=False)
    steps: Int64s = field(init=False)
    hits: Int64s = field(init=False)

    def __post_init__(self) -> None:
        self.test_rows = np.zeros(self.plan.tests, np.int64)
        self.candidates, self.steps, self.hits = (np.zeros(len(self.rules), np.int64) for _ in range(3))


@dataclass(frozen=True, slots=True, eq=False)
class _Lanes:
    """The columns of a batch that rules ask about, judged value by value; see `counting` for the drawing."""

    fields: list[int]
    matrix: npt.NDArray[np.int32]
    value_starts: Int64s
    value_atoms: Int32s
    bases: list[int]


class Profiler(Engine):
    """An engine under observation.

    Args:
        rules, taxonomy: as `Engine`.
        clock: seconds of processor time.

    Attributes:
        fields: field number -> what it was asked.
        cases: what was counted, per class and remaining rules.
        routes: every route met -> its rows, also those on which no rule is left.
        prepare, matching: class of events -> seconds of the engine itself.
        observing: seconds that only the observation took.
        hits: per rule the rows it holds for, as the engine said.
        matched: rows some rule holds for.
    """

    def __init__(self, rules: Sequence[RuleLike], taxonomy: TaxonomyLike, clock: Callable[[], float]) -> None:
        super().__init__(rules, taxonomy, matcher=partial(Recorded, clock=clock))
        self._clock = clock
        self.rules = rules
        self.fields: dict[int, FieldCount] = {}
        self.cases: list[Case] = []
        self.routes: Counter[RouteKey] = Counter()
        self.prepare: Seconds = defaultdict(float)
        self.matching: Seconds = defaultdict(float)
        self.observing = 0.0
        self.hits: Int64s = np.zeros(len(rules), np.int64)
        self.matched = 0
        self._case_of: dict[RouteKey, Case | None] = {}
        self._known: dict[Any, Case] = {}
        self._marks: dict[int, tuple[Int64s, Int32s]] = {}
        self._test_of_mark = {
            (place, mark): number
            for number, test in enumerate(self.questions.tests)
            if not isinstance(test, ReferenceTest)
            for place, mark in zip(test.fields, test.marks, strict=True)
        }

    def match(self, events: EventsLike) -> Matches:
        """As `Engine.match`.

        Raises:
            RuntimeError: engine and observation differ; a bug.
        """
        if len(events) == 0:
            return super().match(events)
        began = self._clock()
        name = events.class_name
        before = self.prepare[name]
        groups, firsts = self._groups(events)
        lanes = self._lanes_of(events, sorted({place for case, _ in groups for place in case.plan.maps}))
        counted = self._counted(events, groups, lanes)
        machines = self.prepare[name] - before
        at = self._clock()
        self.observing += at - began - machines
        if firsts:
            super().match(cast("Any", events).take(np.array(firsts)))  # plans are made, kernels are loaded
        warm = self._clock()
        scanned = self._scanned(name)
        self.prepare[name] += warm - at - scanned
        matches = super().match(events)
        ended = self._clock()
        self.matching[name] += ended - warm + scanned
        self._scanned(name)
        hits = np.bincount(matches.rules, minlength=len(self.rules))
        if not np.array_equal(hits, counted):
            raise RuntimeError("the observed engine found other hits than the plain one")
        self.hits += hits
        self.matched += len(np.unique(matches.rows))
        self.observing += self._clock() - ended
        return matches

    # -- routes ---------------------------------------------------------------------------------------------------

    def _groups(self, events: EventsLike) -> tuple[list[tuple[Case, Int32s]], list[int]]:
        """Per case its rows in this batch; and a row of every route that was not met before."""
        keys = np.zeros(len(events), np.int64)
        columns = [None if name == "class_name" else events.column(name) for name in ROUTE_COLUMNS]
        for column in columns:
            if column is not None and len(column.values):
                keys = np.unique(keys * (len(column.values) + 1) + column.codes + 1, return_inverse=True)[1]
        _, first_rows, route_of_row, sizes = np.unique(keys, return_index=True, return_inverse=True, return_counts=True)
        texts: list[list[str | None]] = []
        for name, column in zip(ROUTE_COLUMNS, columns, strict=True):
            if column is None:
                texts.append([events.class_name if name == "class_name" else None] * len(first_rows))
            else:
                known = texts_of(column.values)
                texts.append([known.text(code) if code >= 0 else None for code in column.codes[first_rows].tolist()])
        cases: list[Case] = []
        case_of_route = np.full(len(first_rows), -1, np.int64)
        fresh = []
        for number, key in enumerate(zip(*texts, strict=True)):
            if key not in self._case_of:
                fresh.append(int(first_rows[number]))
                self._case_of[key] = self._case(key)
            case = self._case_of[key]
            self.routes[key] += int(sizes[number])
            if case is not None:
                case.routes[key] += int(sizes[number])
                if case not in cases:
                    cases.append(case)
                case_of_route[number] = cases.index(case)
        case_of_row = case_of_route[route_of_row]
        groups = [(case, np.flatnonzero(case_of_row == i).astype(np.int32)) for i, case in enumerate(cases)]
        return groups, fresh

    def _case(self, key: RouteKey) -> Case | None:
        route = {column: text for column, text in zip(ROUTE_COLUMNS, key, strict=True) if text is not None}
        rules = residual(self.questions, route)
        if not rules:
            return None
        told_apart = key[0], tuple((position, tree is True, tree) for position, tree in rules)  # True == test 1
        if told_apart not in self._known:
            plan = compile_plan(self.questions, rules)
            case = Case(str(key[0]), rules, plan, self._test_numbers(plan))
            self._known[told_apart] = case
            self.cases.append(case)
        return self._known[told_apart]

    def _test_numbers(self, plan: Plan) -> list[int]:
        """Per test of a plan its number in the rulebook."""
        numbers = [-1] * plan.tests
        for number, test in plan.references:
            numbers[test] = number
        for place, tests in plan.maps.items():
            for mark in np.flatnonzero(tests >= 0).tolist():
                numbers[int(tests[mark])] = self._test_of_mark[place, mark]
        return numbers

    # -- values ---------------------------------------------------------------------------------------------------

    def _field(self, place: int, class_name: str) -> FieldCount:
        """The counters of a field; its machines are built now, if they are not yet."""
        found = self.fields.get(place)
        if found is None:
            began = self._clock()
            machine = self.machine(place)
            self.prepare[class_name] += self._clock() - began
            assert isinstance(machine, Recorded)
            kinds: dict[str, list[Comparison]] = defaultdict(list)
            for atom in machine.atoms:
                kinds[kind_of(atom)].append(atom)
            alone = {kind: Matcher(atoms) for kind, atoms in kinds.items()}
            rows = np.zeros(len(machine.atoms), np.int64)
            found = self.fields[place] = FieldCount(machine, alone, atom_rows=rows)
        return found

    def _scanned(self, class_name: str) -> float:
        """Take over what the machines were asked since the last time; returns the seconds that took them."""
        total = 0.0
        for found in self.fields.values():
            machine = found.machine
            total += machine.seconds
            found.seconds[class_name] += machine.seconds
            machine.seconds = 0.0
            asked, machine.asked = machine.asked, []
            for texts in asked:
                count = len(texts.starts)
                found.values += count
                found.bytes += int((texts.stops - texts.starts).sum())
                step = max(1, count // 64)
                for index in range(0, count, step)[: SAMPLE - len(found.sample)]:
                    found.sample.append(texts.text(index))
                for kind, alone in found.by_kind.items():
                    began = self._clock()
                    alone.scan(texts)
                    found.kinds[kind] += self._clock() - began
        return total

    def _lanes_of(self, events: EventsLike, places: Sequence[int]) -> _Lanes:
        layout = Layout(tuple(events.names))
        fields: list[int] = []
        lanes: list[Int32s] = []
        lengths: list[Int64s] = []
        atoms: list[Int32s] = []
        bases = [0]
        for place in places:
            for source in self._sources(layout, place):
                column = events.column(source.column)
                if column is None or len(column.values) == 0:
                    continue
                nested = bool(pa.types.is_nested(column.type))
                if (source.nested and not nested) or (place == 0 and not is_text(column.type)):
                    continue
                used = np.flatnonzero(np.bincount(column.codes + 1, minlength=len(column.values) + 1)[1:])
                if len(used) == 0:
                    continue
                found = self._field(place, events.class_name)
                found.columns.add(source.column)
                owners, passed = _passed(found.machine, column.values.take(pa.array(used)), source, place)
                of_code = np.full(len(column.values) + 1, -1, np.int32)  # the last one is for code -1
                of_code[used] = bases[-1] + np.arange(len(used), dtype=np.int32)
                fields.append(place)
                lanes.append(of_code[column.codes])
                lengths.append(np.bincount(owners, minlength=len(used)))
                atoms.append(passed)
                bases.append(bases[-1] + len(used))
        starts = np.zeros(bases[-1] + 1, np.int64)
        np.cumsum(np.concatenate([*lengths, np.zeros(0, np.int64)]), out=starts[1:])
        matrix = np.array(lanes, np.int32).reshape(len(lanes), len(events))
        return _Lanes(fields, matrix, starts, np.concatenate([*atoms, np.zeros(0, np.int32)]), bases)

    def _sources(self, layout: Layout, place: int) -> Iterable[Source]:
        where = self.questions.fields[place]
        if where == KEYWORDS:
            return layout.keyword_sources
        return layout.sources(where)

    # -- rows -----------------------------------------------------------------------------------------------------

    def _counted(self, events: EventsLike, groups: Sequence[tuple[Case, Int32s]], lanes: _Lanes) -> Int64s:
        """Count all groups in; returns the hits of each rule."""
        hits = np.zeros(len(self.rules), np.int64)
        value_rows = np.zeros(lanes.bases[-1], np.int64)
        atom_starts, atom_marks, atom_bases = self._joined_marks(sorted(set(lanes.fields)))
        for case, rows in groups:
            plan = case.plan
            asked = [lane for lane, place in enumerate(lanes.fields) if place in plan.maps]
            map_bases = dict(zip(plan.maps, np.cumsum([0, *map(len, plan.maps.values())]).tolist(), strict=False))
            refs = [self._reference(events, case, number, rows) for number, _ in plan.references]
            before = case.hits.copy()
            case.visited += count(
                rows, lanes.matrix, np.array(asked, np.int32),
                np.array([atom_bases[lanes.fields[lane]] for lane in asked], np.int64),
                np.array([map_bases[lanes.fields[lane]] for lane in asked], np.int64),
                lanes.value_starts, lanes.value_atoms, atom_starts, atom_marks,
                np.concatenate([*plan.maps.values(), np.zeros(0, np.int32)]),
                np.array(refs, np.bool_).reshape(len(refs), len(rows)),
                np.array([test for _, test in plan.references], np.int32),
                plan.witness_starts, plan.witness_rules, plan.always,
                plan.code_starts, plan.code_tests, plan.code_true, plan.code_false,
                value_rows, case.test_rows, case.candidates, case.steps, case.hits,
            )  # fmt: skip
            hits[plan.rule_index] += case.hits - before
            case.rows += len(rows)
            case.looked += len(rows) * len(asked)
            for place in plan.maps:
                own = [lane for lane in asked if lanes.fields[lane] == place]
                present = int(np.count_nonzero((lanes.matrix[own][:, rows] >= 0).any(axis=0))) if own else 0
                case.present[place] += present
                if own:
                    self.fields[place].rows += present
        for lane, place in enumerate(lanes.fields):
            begin, end = lanes.bases[lane], lanes.bases[lane + 1]
            atoms = lanes.value_atoms[lanes.value_starts[begin] : lanes.value_starts[end]]
            owners = np.repeat(value_rows[begin:end], np.diff(lanes.value_starts[begin : end + 1]))
            np.add.at(self.fields[place].atom_rows, atoms, owners)
        return hits

    def _reference(self, events: EventsLike, case: Case, number: int, rows: Int32s) -> npt.NDArray[np.bool_]:
        test = self.questions.tests[number]
        assert isinstance(test, ReferenceTest)
        layout = Layout(tuple(events.names))
        for place in (*test.left, *test.right):
            if place not in case.plan.maps:
                columns = [events.column(source.column) for source in self._sources(layout, place)]
                case.present[place] += sum(int((c.codes[rows] >= 0).sum()) for c in columns if c is not None)
        return self.compared(events, test, rows)

    def _joined_marks(self, places: Sequence[int]) -> tuple[Int64s, Int32s, dict[int, int]]:
        """Per atom its marks, for several fields one behind the other; field number -> where its atoms begin."""
        starts, marks, bases = [np.zeros(1, np.int64)], [np.zeros(0, np.int32)], {}
        atoms = total = 0
        for place in places:
            if place not in self._marks:
                asked = self.questions.asked[place]
                pairs = [(atom, mark) for mark, owned in enumerate(asked.marks) for atom in owned]
                pairs.sort()
                lengths = np.bincount([atom for atom, _ in pairs], minlength=len(asked.atoms))
                self._marks[place] = np.cumsum(lengths), np.array([mark for _, mark in pairs], np.int32)
            ends, own = self._marks[place]
            bases[place] = atoms
            starts.append(ends + total)
            marks.append(own)
            atoms += len(ends)
            total += len(own)
        return np.concatenate(starts), np.concatenate(marks), bases


def _passed(machine: Recorded, values: pa.Array, source: Source, place: int) -> tuple[Int32s, Int32s]:
    """Pairs (value, comparison that it passes), ascending by value."""
    texts = texts_of(values)
    owners = np.arange(len(values), dtype=np.int32)
    if source.several or pa.types.is_nested(values.type):
        split = leaves if place == 0 else lambda payload: elements(payload, source.path)
        pieces = [split(texts.bytes(index)) for index in range(len(values))]
        owners = np.repeat(owners, [len(piece) for piece in pieces])
        texts = Texts.of([text for piece in pieces for text in piece])
    positions, atoms = machine.again(texts)
    pairs = np.unique(np.stack([owners[positions].astype(np.int64), atoms]), axis=1)
    return pairs[0].astype(np.int32), pairs[1].astype(np.int32)
