"""Which rules match which events: the stateless half of detection.

    engine = Engine(rules, taxonomy)
    matches = engine.match(events)          # events of one class, any mixture of routes

A batch is taken apart by route; each route has a plan (`plan`): the rules that are left there, folded. Each column
that a plan of the batch asks about is looked up once, value by value (`values`), then one kernel judges all rows. An
engine is used by one thread at a time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from watchfloor.detect import arena, comparing
from watchfloor.detect import rows as grouped
from watchfloor.detect.comparison import Comparison, comparison, describe, holds
from watchfloor.detect.compiled import Compiled
from watchfloor.detect.expressions import Understood
from watchfloor.detect.lookup import EventsLike, Layout, Source, elements, is_text, leaves, plain, texts_of
from watchfloor.detect.matcher import Matcher
from watchfloor.detect.plan import Plans
from watchfloor.detect.predicate import And, Constant, Kind, Node, Not, Or, Predicate
from watchfloor.detect.questions import (
    KEYWORDS,
    ROUTE_COLUMNS,
    Field,
    Questions,
    ReferenceTest,
    RuleLike,
    TaxonomyLike,
    places,
)
from watchfloor.detect.skim import Keywords, Skim
from watchfloor.detect.values import Question, Split, ValueStore, random_key
from watchfloor.errors import RuleError
from watchfloor.ocsf.column import Column
from watchfloor.words import Bytes, Hashes, Int32s, Int64s

__all__ = ["Engine", "Matches", "Reason"]

logger = logging.getLogger(__name__)

LAYOUTS = 256
MATCHES_AT_ONCE = 1 << 16


class Matches(NamedTuple):
    """Pairs (row of the batch, position of the rule), ascending by row, then rule. Two int32 arrays of one length."""

    rows: Int32s
    rules: Int32s


class Reason(NamedTuple):
    """One comparison that decided a rule.

    Args:
        field: the Sigma field name, None for a keyword.
        column: where it was looked for; None when the event has no such column.
        value: the text found there; None when there is none.
        test: the comparison, for people.
        matched: whether it holds.
    """

    field: str | None
    column: str | None
    value: str | None
    test: str
    matched: bool


class _Minded(NamedTuple):
    """What the plans of a batch together mind.

    Args:
        places: the fields, and whether their filter is used (keywords stand there once with it and once without).
        levels, levels_of: per mark of each field how much it matters (`arena.weigh`); where a field's marks begin.
        skims, filters: the fields' filters, and where the bits of each begin; the bits.
        skimmed: the plans whose keywords are all long enough for a filter.
    """

    places: Sequence[tuple[int, bool]]
    levels: Bytes
    levels_of: Mapping[int, int]
    skims: Mapping[tuple[int, bool], tuple[int, Skim]]
    filters: Hashes
    skimmed: frozenset[int]


class _Asked(NamedTuple):
    """The columns looked up for a batch.

    Args:
        table: the asks (`arena.ASK`).
        found: which asks belong to a field (and use its filter).
        weights, hot: `ValueStore.look_up`.
        alive: what the addresses in `table` point into.
    """

    table: Int64s
    found: Mapping[tuple[int, bool], Sequence[int]]
    weights: Bytes
    hot: Bytes
    alive: Sequence[Any]


class Engine:
    """All rules of a rulebook over batches of events.

    Args:
        rules: the rules; `Matches.rules` are positions in this sequence.
        taxonomy: where log sources and fields are found.
        budget: bytes of values to remember between batches.
        plans: route plans to remember between batches.
        matcher: makes the machines of a field; a profile puts in one that keeps count.
        compiled: what the same rules were compiled to before.

    Attributes:
        unrouted: positions of rules whose log source the taxonomy does not know: they never match.
        rejected: position -> why the rule cannot run: it never matches.
    """

    def __init__(
        self,
        rules: Sequence[RuleLike],
        taxonomy: TaxonomyLike,
        *,
        budget: int = 48 << 20,
        plans: int = 4096,
        matcher: Callable[[Sequence[Comparison], Understood | None], Matcher] = Matcher,
        compiled: Compiled | None = None,
    ) -> None:
        self._rules = rules
        self._matcher = matcher
        self._taxonomy = taxonomy
        self._from_before = compiled is not None
        self._questions = cache(partial(Questions, rules, taxonomy))  # taken apart only for a route never met before
        self._compiled = compiled or Compiled.of(self._questions())
        self.unrouted = tuple(self._compiled.unrouted)
        self.rejected: Mapping[int, RuleError] = self._compiled.rejections()
        for position, problem in self.rejected.items():
            logger.warning("rule %s does not run: %s", rules[position].id, problem.what)
        self._key = random_key()
        self._plans = Plans(self._questions, plans, self._compiled.plans, dict(self._compiled.routes))
        self._values = ValueStore(self._key, budget)
        self._asked: dict[int, Question] = {}
        self._askers: dict[tuple[int, str], int] = {}
        self._minds: dict[tuple[int, ...], _Minded] = {}
        self._skims: dict[tuple[int, bytes], Keywords | None] = {}
        self._easy: set[int] = set()
        self._keywords: Keywords | None = None
        self._splitters: dict[str, Split] = {}
        self._memo: Int32s = np.empty(0, np.int32)
        self._layouts: dict[tuple[str, ...], Layout] = {}
        self._stamps: Int64s = np.zeros(0, np.int64)
        self._rule_stamps: Int64s = np.zeros(0, np.int64)
        self._tick = 0

    @property
    def news(self) -> int:
        """How much has been compiled that was not given: rules taken apart, routes met."""
        return (not self._from_before) + self._plans.met

    def compiled(self) -> Compiled:
        """All that has been compiled so far, good for an engine of the same rules."""
        return replace(self._compiled, plans=list(self._plans.plans), routes=list(self._plans.routes.items()))

    @property
    def counters(self) -> Mapping[str, int]:
        """What the engine holds and did: values known and judged, evictions, plans, bytes."""
        return {
            "values": self._values.count,
            "values_judged": self._values.scanned,
            "values_forgotten": self._values.forgotten,
            "value_evictions": self._values.evictions,
            "value_bytes": self._values.nbytes,
            "plans": len(self._plans.plans),
            "plans_compiled": self._plans.compiled,
            "plan_bytes": self._plans.nbytes,
            "matcher_bytes": sum(question.matcher.nbytes for question in self._asked.values()),
        }

    @property
    def questions(self) -> Questions:
        """What the rules ask: tests, fields, trees."""
        return self._questions()

    def machine(self, place: int) -> Matcher:
        """The machines for a field, by its number; built when first needed."""
        return self._question(place).matcher

    # -- matching -----------------------------------------------------------------------------------------------------

    def match(self, events: EventsLike) -> Matches:
        """Judge every event by every rule of its route."""
        none = Matches(np.empty(0, np.int32), np.empty(0, np.int32))
        if len(events) == 0:
            return none
        if self._plans.trim():
            self._minds.clear()  # plans get other numbers
            self._easy.clear()
        self._values.trim()
        route, plan_of_route = self._routes(events)
        group_plan, numbers = np.unique(plan_of_route, return_inverse=True)
        if group_plan[0] < 0:
            group_plan, numbers = group_plan[1:], numbers - 1
        group_of_route: Int32s = numbers.astype(np.int32)
        if len(group_plan) == 0:
            return none
        self._plans.lay_out()
        starts, rows = grouped.group(route, group_of_route, len(group_plan))
        asked = self._ask(events, group_plan.tolist(), starts, rows)
        return self._judge(events, group_plan.astype(np.int32), starts, rows, asked)

    def _routes(self, events: EventsLike) -> tuple[Int64s, Int32s]:
        """Per row its route, numbered as met in this batch; per route its plan."""
        keys = np.zeros(len(events), np.int64)
        size = 1
        columns: list[Column | str | None] = []
        for name in ROUTE_COLUMNS:
            if name == "class_name":
                columns.append(events.class_name)
                continue
            column = events.column(name)
            columns.append(column)
            if column is None or len(column.values) == 0:
                continue
            radix = len(column.values) + 1
            if size * radix > 4 * len(events) + 4096:
                size = self._renumber(keys, size)[0]
            if size * radix > 1 << 40:
                _, codes = np.unique(column.codes, return_inverse=True)
                column_codes, radix = codes.astype(np.int32) - np.int32(1), int(codes.max()) + 2
            else:
                column_codes = column.codes
            grouped.combine(keys, column_codes, radix)
            size *= radix
        count, firsts = self._renumber(keys, size)
        texts = [_route_texts(column, firsts) for column in columns]
        plan_of_route = np.fromiter(
            (self._plans.number(key, ROUTE_COLUMNS) for key in zip(*texts, strict=True)), np.int32, count
        )
        return keys, plan_of_route

    @staticmethod
    def _renumber(keys: Int64s, size: int) -> tuple[int, Int64s]:
        """Make keys dense, in place; returns how many and a row of each."""
        if size <= 8 * len(keys) + 1_000_000:
            count, firsts = grouped.densify(keys, size)
            return int(count), firsts
        _, firsts, dense = np.unique(keys, return_index=True, return_inverse=True)
        keys[:] = dense
        return len(firsts), firsts

    def _ask(self, events: EventsLike, plans: Sequence[int], starts: Int64s, rows: Int32s) -> _Asked:
        """Look up every column that a plan of the batch asks about."""
        minded = self._minded(tuple(plans))
        layout = self._layout(events)
        count = len(events)
        masks, kept = self._keyword_rows(count, plans, minded, starts, rows)
        asks: list[tuple[int, ...]] = []
        questions: list[tuple[Question, Split | None]] = []
        found: dict[tuple[int, bool], list[int]] = {}
        alive: list[Any] = []
        memo = 0
        for place, skimmed in minded.places:
            if place == 0 and (place, skimmed) not in kept:
                continue
            start, skim = minded.skims.get((place, skimmed), (0, None))
            where = self._compiled.fields[place].place
            sources: Sequence[Source] = layout.keyword_sources if where == KEYWORDS else layout.sources(where)
            if where == KEYWORDS:
                held = events.may_hold(None if skim is None else self._keywords)
                sources = [source for source in sources if source.several or source.column in held]
            for source in sources:
                column = events.column(source.column)
                if column is None or len(column.values) == 0:
                    continue
                kind = column.type
                nested = pa.types.is_nested(kind)
                if (source.nested and not nested) or (place == 0 and not is_text(kind)):
                    continue
                if nested and place == 0 and skim is not None:
                    column = column.where(np.append(skim.possible(column.values), False)[column.codes]).compact()
                elif not pa.types.is_string(kind) and len(column.values) > count:
                    column = column.compact()
                values, codes = plain(column.values), np.ascontiguousarray(column.codes, np.int32)
                if len(values) == 0:
                    continue
                alive.append((values, codes))
                several = source.several or nested
                way = ("leaves" if place == 0 else f"[]{source.path}") if several else ""
                questions.append((self._question(place), self._splitter(place, source) if several else None))
                found.setdefault((place, skimmed), []).append(len(asks))
                _, offsets, data = values.buffers()
                asks.append(
                    (codes.__array_interface__["data"][0], len(values), offsets.address + 4 * values.offset,
                     data.address if data is not None else offsets.address, data.size if data is not None else 0,
                     self._asker(place, way), kept.get((place, skimmed), -1), memo, start,
                     skim.shift if skim else 0, skim.gram if skim and not several else 0, minded.levels_of[place])
                )  # fmt: skip
                memo += len(values)
        table = np.array(asks, np.int64).reshape(-1, len(arena.ASK))
        if memo > len(self._memo):
            self._memo = np.empty(memo + memo // 4, np.int32)
        weights, hot = self._values.look_up(table, count, masks, minded.filters, self._memo, minded.levels, questions)
        return _Asked(table, found, weights, hot, alive)

    def _minded(self, plans: tuple[int, ...]) -> _Minded:
        """What some plans together mind of each field."""
        known = self._minds.get(plans)
        if known is not None:
            return known
        needed = sorted({place for plan in plans for place in self._plans.map_starts[plan]})
        levels, levels_of, at = [np.empty(0, np.uint8)], {}, 0
        places: list[tuple[int, bool]] = []
        skims: dict[tuple[int, bool], tuple[int, Skim]] = {}
        filters = [np.empty(0, np.uint64)]
        skimmed: set[int] = set()
        for place in needed:
            asking = [plan for plan in plans if place in self._plans.map_starts[plan]]
            levels.append(np.maximum.reduce([self._plans.levels(plan, place) for plan in asking]))
            levels_of[place] = at
            at += len(levels[-1])
            if place == 0:  # most routes have few and long keywords: their rows must not pay for the others
                easy = [plan for plan in asking if self._skim(place, [plan]) is not None]
                skimmed.update(easy)
                if not self._easy.issuperset(easy):  # one test for all columns of a batch, whatever their routes
                    self._easy.update(easy)
                    self._keywords = self._skim(place, sorted(self._easy))
                parts = [(True, easy), (False, [plan for plan in asking if plan not in skimmed])]
            else:
                parts = [(True, asking)]
            for wanted, some in parts:
                if not some:
                    continue
                places.append((place, wanted))
                found = self._skim(place, some) if wanted else None
                if found is not None:
                    skims[place, wanted] = sum(map(len, filters)), found.skim
                    filters.append(found.skim.filter)
        if len(self._minds) >= LAYOUTS:
            self._minds.clear()
        minded = _Minded(places, np.concatenate(levels), levels_of, skims, np.concatenate(filters), frozenset(skimmed))
        self._minds[plans] = minded
        return minded

    def _skim(self, place: int, plans: Sequence[int]) -> Keywords | None:
        """The filter before the look-up of a field, for what some plans ask; None when it would let too much pass."""
        marks = np.flatnonzero(np.maximum.reduce([self._plans.levels(plan, place) for plan in plans]))
        key = (place, marks.tobytes())
        if key not in self._skims:
            if len(self._skims) >= LAYOUTS:
                self._skims.clear()
            asked = self._compiled.fields[place]  # not its machines: no column may ever have the field
            owners = np.repeat(np.arange(asked.marks), np.diff(asked.mark_starts))
            wanted = np.unique(asked.mark_atoms[np.isin(owners, marks)])
            self._skims[key] = Keywords.of([asked.atoms[atom] for atom in wanted.tolist()])
        return self._skims[key]

    def _keyword_rows(
        self, count: int, plans: Sequence[int], minded: _Minded, starts: Int64s, rows: Int32s
    ) -> tuple[npt.NDArray[np.bool_], dict[tuple[int, bool], int]]:
        """The rows whose plan has keywords, easy ones and others: masks, and which to use (-1: all rows)."""
        masks = np.zeros((2, count), np.bool_)
        kept: dict[tuple[int, bool], int] = {}
        for group, plan in enumerate(plans):
            if 0 in self._plans.map_starts[plan]:
                easy = plan in minded.skimmed
                masks[int(easy), rows[starts[group] : starts[group + 1]]] = True
                kept[0, easy] = int(easy)
        return masks, {key: -1 if bool(masks[row].all()) else row for key, row in kept.items()}

    def _question(self, place: int) -> Question:
        """The machines for a field, built when first needed and good for all routes."""
        question = self._asked.get(place)
        if question is None:
            asked = self._compiled.fields[place]
            starts, marks = asked.by_atom()
            question = Question(self._matcher(asked.atoms, asked.understood()), starts, marks, asked.marks)
            self._asked[place] = question
        return question

    def _splitter(self, place: int, source: Source) -> Split:
        """How the values of a column that holds several texts are split; the same function every time."""
        key = None if place == 0 else source.path
        if key is None:
            return leaves
        return self._splitters.setdefault(key, lambda payload: elements(payload, key))

    def _asker(self, place: int, way: str) -> int:
        return self._askers.setdefault((place, way), len(self._askers))

    def _layout(self, events: EventsLike) -> Layout:
        names = tuple(events.names)
        layout = self._layouts.get(names)
        if layout is None:
            if len(self._layouts) >= LAYOUTS:
                self._layouts.clear()
            layout = self._layouts[names] = Layout(names)
        return layout

    def _judge(
        self,
        events: EventsLike,
        group_plan: Int32s,
        starts: Int64s,
        rows: Int32s,
        asked: _Asked,
    ) -> Matches:
        plans = self._plans
        lane_starts = np.zeros(len(group_plan) + 1, np.int64)
        lane_asks: list[int] = []
        lane_maps: list[int] = []
        skimmed = self._minded(tuple(group_plan.tolist())).skimmed
        for group, plan in enumerate(group_plan.tolist()):
            for place, base in plans.map_starts[plan].items():
                easy = place != 0 or plan in skimmed
                for ask in asked.found.get((place, easy), ()):
                    if asked.weights[ask]:
                        lane_asks.append(ask)
                        lane_maps.append(base)
            lane_starts[group + 1] = len(lane_asks)
        ref_rows, refs = self._references(events, group_plan, starts, rows)
        hot = asked.hot | refs.any(axis=0)
        if plans.most_tests > len(self._stamps):
            self._stamps = np.zeros(plans.most_tests, np.int64)
        if plans.most_rules > len(self._rule_stamps):
            self._rule_stamps = np.zeros(plans.most_rules, np.int64)
        candidates = np.empty(max(1, plans.most_rules), np.int32)
        progress = np.array([0, 0, self._tick], np.int64)
        room = max(MATCHES_AT_ONCE, 2 * plans.most_rules)
        out_row, out_rule = np.empty(room, np.int32), np.empty(room, np.int32)
        lane_ask_array, lane_map_array = np.array(lane_asks, np.int32), np.array(lane_maps, np.int64)
        parts: list[tuple[Int32s, Int32s]] = []
        while progress[0] < len(group_plan):
            written = grouped.evaluate(
                asked.table, self._memo, hot, group_plan, starts, rows, lane_starts, lane_ask_array, lane_map_array,
                self._values.mark_starts, self._values.marks, plans.map_tests,
                plans.ref_starts, ref_rows, plans.ref_tests, refs,
                plans.test_base, plans.witness_starts, plans.witness_rules, plans.rule_base,
                plans.always_starts, plans.always_rules,
                plans.code_starts, plans.code_tests, plans.code_true, plans.code_false, plans.rule_index,
                self._stamps, self._rule_stamps, candidates, progress, out_row, out_rule,
            )  # fmt: skip
            parts.append((out_row[:written].copy(), out_rule[:written].copy()))
        self._tick = int(progress[2])
        hit_rows = np.concatenate([part for part, _ in parts])
        hit_rules = np.concatenate([part for _, part in parts])
        order = np.lexsort((hit_rules, hit_rows))
        return Matches(hit_rows[order], hit_rules[order])

    # -- comparing two fields -----------------------------------------------------------------------------------------

    def _references(
        self, events: EventsLike, group_plan: Int32s, starts: Int64s, rows: Int32s
    ) -> tuple[Int32s, npt.NDArray[np.bool_]]:
        """Per reference of the plans its row in the matrix of answers (-1 none); the matrix (references, rows)."""
        plans = self._plans
        ref_rows = np.full(len(plans.references), -1, np.int32)
        wanted: dict[int, list[Int32s]] = {}
        for group, plan in enumerate(group_plan.tolist()):
            for k in range(int(plans.ref_starts[plan]), int(plans.ref_starts[plan + 1])):
                wanted.setdefault(plans.references[k], []).append(rows[starts[group] : starts[group + 1]])
        answers = np.zeros((max(1, len(wanted)), len(events)), np.bool_)
        position = {number: i for i, number in enumerate(wanted)}
        for number, parts in wanted.items():
            test = self._compiled.references[number]
            self._compare(events, test, np.concatenate(parts), answers[position[number]])
        for k, number in enumerate(plans.references):
            ref_rows[k] = position.get(number, -1)
        return ref_rows, answers

    def compared(self, events: EventsLike, test: ReferenceTest, rows: Int32s) -> npt.NDArray[np.bool_]:
        """Per one of these rows: does a value of the left field compare with one of the right?"""
        answers = np.zeros(len(events), np.bool_)
        self._compare(events, test, rows, answers)
        return answers[rows]

    def _compare(self, events: EventsLike, test: ReferenceTest, rows: Int32s, out: npt.NDArray[np.bool_]) -> None:
        """out[row] = a value of the left field compares with one of the right."""
        layout = self._layout(events)
        sides = [
            [
                (column, source)
                for place in numbers
                for source in layout.sources(self._compiled.fields[place].place)
                if (column := events.column(source.column)) is not None and _usable(column, source)
            ]
            for numbers in (test.left, test.right)
        ]
        for left, left_source in sides[0]:
            for right, right_source in sides[1]:
                open_ = rows
                if not _several(left, left_source) and not _several(right, right_source):
                    answers = np.empty(len(rows), np.uint8)
                    comparing.compare(
                        rows, np.ascontiguousarray(left.codes, np.int32), *texts_of(left.values),
                        np.ascontiguousarray(right.codes, np.int32), *texts_of(right.values),
                        CODES[test.mode], test.cased, answers,
                    )  # fmt: skip
                    out[rows[answers == comparing.YES]] = True
                    open_ = rows[answers == comparing.OPEN]
                if len(open_):
                    codes, others = left.codes[open_], right.codes[open_]
                    answer = _pairs(
                        codes, _Texts(left, left_source, test.cased), others, _Texts(right, right_source, test.cased),
                        MODES[test.mode],
                    )  # fmt: skip
                    out[open_[answer]] = True

    # -- explaining ---------------------------------------------------------------------------------------------------

    def explain(self, events: EventsLike, row: int, rule: int) -> list[Reason]:
        """Which comparisons decided rule number `rule` on one event, and what they looked at."""
        found = self._rules[rule]
        return self._decide(found.condition, found.logsource, events, row)[1]

    def _decide(self, node: Node, logsource: Any, events: EventsLike, row: int) -> tuple[bool, list[Reason]]:
        match node:
            case Constant(value):
                return value, []
            case Not(arg):
                answer, reasons = self._decide(arg, logsource, events, row)
                return not answer, reasons
            case And(args) | Or(args):
                parts = [self._decide(arg, logsource, events, row) for arg in args]
                stops = isinstance(node, Or)  # the answer of a part that alone decides
                deciding = [reasons for answer, reasons in parts if answer is stops]
                chosen: Iterable[list[Reason]] = deciding or [reasons for _, reasons in parts]
                return stops if deciding else not stops, [reason for reasons in chosen for reason in reasons]
            case Predicate():
                return self._decide_one(node, logsource, events, row)

    def _decide_one(
        self, predicate: Predicate, logsource: Any, events: EventsLike, row: int
    ) -> tuple[bool, list[Reason]]:
        found = self._at(events, row, places(self._taxonomy, logsource, predicate.field))
        text = describe(predicate)
        hit: tuple[str, str] | None = None
        if predicate.kind is Kind.FIELDREF:
            other, mode = predicate.value
            fold: Callable[[str], str] = str if predicate.cased else str.lower
            others = self._at(events, row, places(self._taxonomy, logsource, other))
            right = [fold(value) for _, value in others]
            hit = next(
                (item for item in found if any(MODES[mode](fold(item[1]), value) for value in right)),
                None,
            )
        else:
            asked = comparison(predicate)
            hit = next((item for item in found if holds(asked, item[1])), None)
        shown = hit or (found[0] if found and predicate.field is not None else (None, None))
        return hit is not None, [Reason(predicate.field, shown[0], shown[1], text, hit is not None)]

    def _at(self, events: EventsLike, row: int, fields: Sequence[Field]) -> list[tuple[str, str]]:
        """(column, text) of every value the fields have in one event."""
        layout = self._layout(events)
        result: list[tuple[str, str]] = []
        for place in fields:
            if place.name == "class_name" and not place.raw:
                result.append(("class_name", events.class_name))
                continue
            if place == KEYWORDS:
                sources: Sequence[Source] = layout.keyword_sources
            else:
                sources = layout.sources(place)
            for source in sources:
                column = events.column(source.column)
                if column is None or column.codes[row] < 0 or not _usable(column, source):
                    continue
                if place == KEYWORDS and not is_text(column.type):
                    continue
                one = column.take(np.array([row]))
                texts = _Texts(one, source, True, keyword=place == KEYWORDS)
                result += [(source.column, text) for text in texts[int(one.codes[0])]]
        return result


MODES: Mapping[str, Callable[[str, str], bool]] = {
    "equals": str.__eq__,
    "contains": str.__contains__,
    "startswith": str.startswith,
    "endswith": str.endswith,
}
"""How one field compares with another: f(this value, that value)."""

CODES: Mapping[str, int] = {
    "equals": comparing.EQUALS,
    "contains": comparing.CONTAINS,
    "startswith": comparing.STARTSWITH,
    "endswith": comparing.ENDSWITH,
}
"""The same for the kernel."""


def _pairs(
    left_codes: Int32s, left: _Texts, right_codes: Int32s, right: _Texts, compare: Callable[[str, str], bool]
) -> npt.NDArray[np.bool_]:
    """Per row whether some text on the left compares with one on the right, asked once per distinct pair of values."""
    found = np.zeros(len(left_codes), np.bool_)
    both = np.flatnonzero((left_codes >= 0) & (right_codes >= 0))
    pairs, back = np.unique(left_codes[both].astype(np.int64) * right.count + right_codes[both], return_inverse=True)
    answers = np.fromiter(
        (
            any(compare(one, other) for one in left[pair // right.count] for other in right[pair % right.count])
            for pair in pairs.tolist()
        ),
        np.bool_,
        len(pairs),
    )
    found[both] = answers[back]
    return found


class _Texts:
    """The texts of a column's values, by code, made when asked for."""

    def __init__(self, column: Column, source: Source, cased: bool, keyword: bool = False) -> None:
        self.count = len(column.values)
        self._values = column.values
        self._source = source
        self._cased = cased
        self._keyword = keyword
        self._several = _several(column, source)
        self._known: dict[int, list[str]] = {}

    def __getitem__(self, code: int) -> list[str]:
        found = self._known.get(code)
        if found is None:
            texts = texts_of(self._values.slice(code, 1))
            if not self._several:
                found = [texts.text(0)]
            elif self._keyword:
                found = leaves(texts.bytes(0))
            else:
                found = elements(texts.bytes(0), self._source.path)
            if not self._cased:
                found = [text.lower() for text in found]
            self._known[code] = found
        return found


def _several(column: Column, source: Source) -> bool:
    """Do its values hold several texts each?"""
    return source.several or bool(pa.types.is_nested(column.type))


def _usable(column: Column, source: Source) -> bool:
    return not source.nested or bool(pa.types.is_nested(column.type))


def _route_texts(column: Column | str | None, rows: Int64s) -> list[str | None]:
    """The texts of a route column in the given rows."""
    if column is None:
        return [None] * len(rows)
    if isinstance(column, str):
        return [column] * len(rows)
    codes = column.codes[rows]
    if pa.types.is_string(column.type):
        texts_: list[str | None] = column.values.take(pa.array(codes, mask=codes < 0)).to_pylist()
        return texts_
    distinct, back = np.unique(codes, return_inverse=True)
    values = texts_of(column.values.take(pa.array(distinct[distinct >= 0])))
    texts: list[str | None] = [None] if len(distinct) and distinct[0] < 0 else []
    texts += [values.text(i) for i in range(len(distinct) - len(texts))]
    return [texts[i] for i in back.tolist()]
