"""The engine against a naive evaluation of the same rules, row by row and rule by rule."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from watchfloor.detect.engine import Engine
from watchfloor.detect.predicate import And, Constant, Kind, Node, Not, Or, Predicate, Token
from watchfloor.ocsf.column import Column


@dataclass(frozen=True)
class Source:
    product: str | None = None
    category: str | None = None
    service: str | None = None


@dataclass(frozen=True)
class Rule:
    condition: Node
    logsource: Source = Source("any")
    id: str = "r"


@dataclass(frozen=True)
class Batch:
    class_name: str
    columns: dict[str, Column]
    rows: int

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.columns)

    def column(self, name: str) -> Column | None:
        return self.columns.get(name)

    def may_hold(self, test: Any) -> set[str]:
        return {
            name
            for name, column in self.columns.items()
            if test is None or not pa.types.is_string(column.type) or bool(test(column.values).any())
        }

    def __len__(self) -> int:
        return self.rows

    def take(self, rows: Sequence[int]) -> Batch:
        index = np.array(rows, np.int64)
        return Batch(self.class_name, {name: column.take(index) for name, column in self.columns.items()}, len(rows))


@dataclass(frozen=True)
class Route:
    tests: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True)
class Taxonomy:
    routes: Mapping[str, list[Route]] = field(default_factory=dict)
    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def routes_for(self, logsource: Any) -> list[Route] | None:
        return self.routes.get(logsource.product)

    def columns(self, logsource: Any, field: str) -> tuple[str, ...] | None:
        return self.fields.get(field)


FIELDS = {
    "Alpha": ("x.alpha",),
    "Beta": ("x.beta", "unmapped.Beta2"),
    "EventID": ("metadata.event_code",),
    "Mixed": ("metadata.event_code", "unmapped.Gamma"),
    "Number": ("x.number",),
    "Tags": ("x.tags",),
}
TAXONOMY = Taxonomy(
    {
        "any": [Route()],
        "first": [Route((("class_name", ("thing",)), ("metadata.event_code", ("1", "a"))))],
        "linux": [Route((("device.os.type", ("linux",)),)), Route((("activity_id", ("2",)),))],
        "other": [Route((("class_name", ("another",)),))],
    },
    FIELDS,
)
READS = {  # field -> the columns that hold it, spelled out
    "Alpha": ["x.alpha"],
    "Beta": ["x.beta", "unmapped.Beta2"],
    "EventID": ["metadata.event_code"],
    "Mixed": ["metadata.event_code", "unmapped.Gamma", "unmapped.ga mma"],
    "Number": ["x.number"],
    "Tags": ["x.tags"],
    "gamma": ["unmapped.Gamma", "unmapped.ga mma"],
    "items": ["unmapped.items[]"],
    "items.sub": ["unmapped.items[]/sub"],
    "nowhere": [],
}
READS["Mixed"] = ["metadata.event_code", "unmapped.Gamma"]
TEXT_COLUMNS = (
    "x.alpha", "x.beta", "unmapped.Beta2", "metadata.event_code", "unmapped.Gamma", "unmapped.ga mma", "device.os.type",
)  # fmt: skip

PATTERNS = ["a+b", "^a", "b$", "[ab]c?1", "(?:ab|cd)", "é", "a.c", "\\\\", "(a|b)(b|c)", ".", "^$"]
NETWORKS = ["10.0.0.0/8", "192.0.2.0/24", "2001:db8::/32", "0.0.0.0/0", "10.1.2.3/32"]
ADDRESSES = ["10.1.2.3", "192.0.2.77", "2001:db8::1", "11.0.0.1", "::1", "999.1.1.1", "10.1.2"]

texts = st.one_of(
    st.text(alphabet="aAbBcC1\\ .é", max_size=6),
    st.text(alphabet="aAkKsSéÉßİ\u212a\u017fΣσς\0*?", max_size=5),
    st.sampled_from(["", "1", "2", "10", "-1.5", "1e3", "abc", "ABC", "nan", *ADDRESSES]),
)
numbers = st.one_of(st.integers(-3, 12), st.just(2**62))


@st.composite
def batches(draw: st.DrawFn) -> tuple[Batch, list[dict[str, list[str]]]]:
    rows = draw(st.integers(1, 12))
    columns: dict[str, Column] = {}
    readings: list[dict[str, list[str]]] = [{} for _ in range(rows)]

    def add(name: str, values: st.SearchStrategy[Any], kind: pa.DataType) -> list[Any]:
        if draw(st.booleans()) and not name.startswith("metadata"):
            return []
        held = draw(st.lists(st.one_of(st.none(), values), min_size=rows, max_size=rows))
        columns[name] = Column.of(held, kind)
        return held

    for name in ("x.alpha", "x.beta", "unmapped.Beta2", "unmapped.Gamma", "unmapped.ga mma"):
        for reading, text in zip(readings, add(name, texts, pa.string()), strict=False):
            reading[name] = [] if text is None else [text]
    for name, some in (("metadata.event_code", ["1", "2", "a", "A", "é"]), ("device.os.type", ["Linux", "LINUX", "x"])):
        for reading, text in zip(readings, add(name, st.sampled_from(some), pa.string()), strict=False):
            reading[name] = [] if text is None else [text]
    for name, values in (("x.number", numbers), ("activity_id", st.integers(1, 3))):
        for reading, number in zip(readings, add(name, values, pa.int64()), strict=False):
            reading[name] = [] if number is None else [str(number)]
    for reading, tags in zip(readings, add("x.tags", st.lists(texts, max_size=3), pa.list_(pa.string())), strict=False):
        reading["x.tags"] = tags or []
    scalar = st.one_of(texts, st.integers(0, 9), st.booleans(), st.none())
    element = st.one_of(scalar, st.fixed_dictionaries({}, optional={"sub": scalar, "Other": texts, "SUB ": texts}))
    arrays = st.lists(element, max_size=3)
    for reading, payload in zip(readings, add("unmapped.items[]", arrays.map(json.dumps), pa.string()), strict=False):
        items = [] if payload is None else json.loads(payload)
        reading["unmapped.items[]"] = [
            json.dumps(item, ensure_ascii=False, separators=(",", ":")) if isinstance(item, dict) else plain(item)
            for item in items
            if item is not None
        ]
        inner = [value for item in items if isinstance(item, dict) for key, value in item.items() if key != "Other"]
        reading["unmapped.items[]/sub"] = [plain(value) for value in inner if value is not None]
        reading["unmapped.items[]/leaves"] = [
            plain(value)
            for item in items
            for value in (item.values() if isinstance(item, dict) else [item])
            if value is not None
        ]
    return Batch("thing", columns, rows), readings


def plain(value: Any) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


@st.composite
def predicates(draw: st.DrawFn) -> Predicate:
    name = draw(st.sampled_from([*READS, "Alpha", "gamma", None]))
    kind = draw(st.sampled_from(list(Kind)))
    cased = draw(st.booleans())
    value: Any
    match kind:
        case Kind.EQUALS | Kind.CONTAINS | Kind.STARTSWITH | Kind.ENDSWITH:
            value = draw(texts)
            value = value if cased else value.lower()
        case Kind.GLOB:
            part = st.one_of(st.text(alphabet="aAbBcé\\", min_size=1, max_size=3), st.sampled_from(list(Token)))
            value = tuple(draw(st.lists(part, min_size=1, max_size=6)))
            value = value if cased else tuple(p.lower() if isinstance(p, str) else p for p in value)
        case Kind.REGEX:
            value = (draw(st.sampled_from(PATTERNS)), draw(st.sampled_from(["", "i", "s", "is"])))
        case Kind.CIDR:
            value = draw(st.sampled_from(NETWORKS))
        case Kind.LT | Kind.LTE | Kind.GT | Kind.GTE:
            value = float(draw(st.sampled_from([-1.5, 0, 1, 2, 10, 1000])))
        case Kind.EXISTS:
            value = None
        case Kind.FIELDREF:
            name = name or "Alpha"
            value = (
                draw(st.sampled_from(list(READS))),
                draw(st.sampled_from(["equals", "contains", "startswith", "endswith"])),
            )
        case Kind.TIMEPART:
            value = (draw(st.sampled_from(["minute", "hour", "year"])), draw(st.sampled_from(["0", "1970"])))
    return Predicate(name, kind, value, cased)


nodes: st.SearchStrategy[Node] = st.recursive(
    st.one_of(predicates(), predicates(), st.booleans().map(Constant)),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=4).map(lambda args: And(tuple(args))),
        st.lists(inner, min_size=1, max_size=4).map(lambda args: Or(tuple(args))),
        inner.map(Not),
    ),
    max_leaves=12,
)
rules_of = st.lists(
    st.builds(Rule, nodes, st.sampled_from(["any", "any", "first", "linux", "other", "unknown"]).map(Source)),
    min_size=1,
    max_size=8,
)


def read(reading: dict[str, list[str]], name: str | None) -> list[str]:
    if name is None:
        found = [text for column in (*TEXT_COLUMNS, "x.tags") for text in reading.get(column, [])]
        return found + reading.get("unmapped.items[]/leaves", [])
    return [text for column in READS[name] for text in reading.get(column, [])]


def passes(predicate: Predicate, text: str) -> bool:
    value, low = predicate.value, text if predicate.cased else text.lower()
    match predicate.kind:
        case Kind.EQUALS:
            return bool(low == value)
        case Kind.CONTAINS:
            return value in low
        case Kind.STARTSWITH:
            return low.startswith(value)
        case Kind.ENDSWITH:
            return low.endswith(value)
        case Kind.GLOB:
            pattern = "".join({Token.MANY: ".*", Token.ONE: "."}.get(p) or re.escape(p) for p in value)
            return re.fullmatch(pattern, low, re.DOTALL) is not None
        case Kind.REGEX:
            flags = sum({"i": re.IGNORECASE, "s": re.DOTALL}[f] for f in value[1])
            return re.search(value[0], text, flags) is not None
        case Kind.CIDR:
            try:
                return ipaddress.ip_address(text) in ipaddress.ip_network(value)
            except ValueError:
                return False
        case Kind.LT | Kind.LTE | Kind.GT | Kind.GTE:
            if not re.fullmatch(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", text, re.ASCII):
                return False
            number = float(text)
            return bool(
                {"lt": number < value, "lte": number <= value, "gt": number > value, "gte": number >= value}[
                    predicate.kind.value
                ]
            )
        case Kind.TIMEPART:
            part, wanted = value
            if (
                not re.fullmatch(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", text, re.ASCII)
                or abs(float(text)) > 1e10
            ):
                return False  # the texts here hold no ISO times; 2**62 is outside every calendar
            seconds = float(text)
            return bool(
                {"year": 1970 if seconds >= 0 else 1969, "hour": seconds // 3600 % 24, "minute": seconds // 60 % 60}[
                    part
                ]
                == int(wanted)
            )
        case _:
            return True


def oracle(node: Node, reading: dict[str, list[str]]) -> bool:
    match node:
        case Constant(value):
            return value
        case And(args):
            return all(oracle(arg, reading) for arg in args)
        case Or(args):
            return any(oracle(arg, reading) for arg in args)
        case Not(arg):
            return not oracle(arg, reading)
        case Predicate(kind=Kind.FIELDREF):
            other, mode = node.value
            fold = str if node.cased else str.lower
            compare = {
                "equals": str.__eq__,
                "contains": str.__contains__,
                "startswith": str.startswith,
                "endswith": str.endswith,
            }
            return any(
                compare[mode](fold(one), fold(two)) for one in read(reading, node.field) for two in read(reading, other)
            )
        case Predicate():
            return any(passes(node, text) for text in read(reading, node.field))


def on_route(product: str | None, reading: dict[str, list[str]]) -> bool:
    code = [text.lower() for text in reading.get("metadata.event_code", [])]
    os = [text.lower() for text in reading.get("device.os.type", [])]
    match product:
        case "any":
            return True
        case "first":
            return code in (["1"], ["a"])
        case "linux":
            return os == ["linux"] or reading.get("activity_id") == ["2"]
        case _:
            return False


def expected(rules: Sequence[Rule], readings: Sequence[dict[str, list[str]]]) -> list[tuple[int, int]]:
    return [
        (row, number)
        for row, reading in enumerate(readings)
        for number, rule in enumerate(rules)
        if on_route(rule.logsource.product, reading) and oracle(rule.condition, reading)
    ]


def matched(engine: Engine, batch: Batch) -> list[tuple[int, int]]:
    found = engine.match(batch)
    assert found.rows.dtype == np.int32
    assert found.rules.dtype == np.int32
    return list(zip(found.rows.tolist(), found.rules.tolist(), strict=True))


slowly = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))


@slowly
@given(rules_of, batches(), batches())
def test_same_as_the_naive_evaluation(rules: list[Rule], first: Any, second: Any) -> None:
    engine = Engine(rules, TAXONOMY)
    assert not engine.rejected
    for batch, readings in (first, second, first):  # new values, some known values, only known values
        assert matched(engine, batch) == expected(rules, readings)


def code(text: str | None) -> Batch:
    return Batch("thing", {"metadata.event_code": Column.of([text], pa.string())}, 1)


def test_a_rule_that_always_holds_on_a_route_is_no_test_number_one() -> None:
    rules = [
        Rule(Predicate("Alpha", Kind.CIDR, "10.0.0.0/8", False), Source("any")),
        Rule(Predicate("Mixed", Kind.CONTAINS, "", False), Source("any")),
    ]
    engine = Engine(rules, TAXONOMY)
    assert [matched(engine, code(text)) for text in (None, "1", None)] == [[], [(0, 1)], []]


def test_routes_keep_their_case_for_who_minds_it() -> None:
    rules = [
        Rule(Predicate("EventID", Kind.REGEX, ("^a", ""), False), Source("any")),
        Rule(Predicate("EventID", Kind.REGEX, ("^A", ""), False), Source("any")),
        Rule(Predicate("EventID", Kind.EQUALS, "A", True), Source("any")),
        Rule(Predicate("EventID", Kind.EQUALS, "a", False), Source("first")),
    ]
    engine = Engine(rules, TAXONOMY)
    assert matched(engine, code("A")) == [(0, 1), (0, 2), (0, 3)]
    assert matched(engine, code("a")) == [(0, 0), (0, 3)]


@slowly
@given(
    st.lists(st.sampled_from(["kiwi", "mimi", "0a", "12:30", "", "É", "k"]), min_size=1, max_size=4, unique=True),
    st.lists(st.none() | st.text(alphabet="kimwKIMW012:-aAéÉ\u212a", max_size=8), min_size=1, max_size=12),
)
def test_keywords_that_are_words_pass_over_numbers_only(words: list[str], found: list[str | None]) -> None:
    rules = [Rule(Predicate(None, Kind.CONTAINS, word.lower(), False), Source("any")) for word in words]
    batch = Batch("thing", {"x.alpha": Column.of(found, pa.string())}, len(found))
    expected = [
        (row, number)
        for row, text in enumerate(found)
        for number, word in enumerate(words)
        if text is not None and word.lower() in text.lower()
    ]
    engine = Engine(rules, TAXONOMY)
    assert matched(engine, batch) == expected and matched(engine, batch) == expected


@slowly
@given(rules_of, batches(), st.data())
def test_any_split_of_the_rows_gives_the_same_matches(rules: list[Rule], drawn: Any, data: st.DataObject) -> None:
    batch, _ = drawn
    whole = matched(Engine(rules, TAXONOMY), batch)
    engine = Engine(rules, TAXONOMY, plans=1, budget=0)  # and nothing is remembered
    parts = data.draw(st.lists(st.integers(0, 3), min_size=len(batch), max_size=len(batch)))
    found = []
    for part in range(4):
        rows = [row for row in range(len(batch)) if parts[row] == part]
        found += [(rows[row], rule) for row, rule in matched(engine, batch.take(rows))]
    assert sorted(found) == whole


@slowly
@given(rules_of, batches())
def test_explains_what_it_found(rules: list[Rule], drawn: Any) -> None:
    batch, readings = drawn
    engine = Engine(rules, TAXONOMY)
    for row, number in expected(rules, readings):
        for reason in engine.explain(batch, row, number):
            if reason.matched and reason.field is not None:
                assert reason.value in read(readings[row], reason.field)
                assert reason.column in batch.names


def one(condition: Node, columns: dict[str, Column], product: str = "any") -> list[int]:
    rows = len(next(iter(columns.values())))
    return [
        row for row, _ in matched(Engine([Rule(condition, Source(product))], TAXONOMY), Batch("thing", columns, rows))
    ]


def test_missing_is_not_empty() -> None:
    columns = {"x.alpha": Column.of([None, "", "a"], pa.string())}
    assert one(Predicate("Alpha", Kind.EQUALS, ""), columns) == [1]
    assert one(Predicate("Alpha", Kind.EXISTS, None), columns) == [1, 2]
    assert one(Not(Predicate("Alpha", Kind.EXISTS, None)), columns) == [0]
    assert one(Predicate("Alpha", Kind.GLOB, (Token.MANY,)), columns) == [1, 2]
    assert one(Not(Predicate("Alpha", Kind.CONTAINS, "a")), columns) == [0, 1]


def test_a_rule_that_cannot_run_is_reported_and_the_others_run() -> None:
    rules = [
        Rule(Predicate("Alpha", Kind.REGEX, ("(?=a)b", "")), id="look-ahead"),
        Rule(Predicate("Alpha", Kind.CIDR, "300.0.0.0/8"), id="no network"),
        Rule(Constant(True), Source("unknown"), id="no route"),
        Rule(Predicate("Alpha", Kind.EQUALS, "a"), id="good"),
    ]
    engine = Engine(rules, TAXONOMY)
    assert sorted(engine.rejected) == [0, 1]
    assert "RE2" in str(engine.rejected[0])
    assert engine.unrouted == (2,)
    assert matched(engine, Batch("thing", {"x.alpha": Column.of(["A"])}, 1)) == [(0, 3)]


def test_hostile_values() -> None:
    long = "x" * 1_000_000
    held = ["\0", "a\0b", long, long + "needle", "needle" + long, "\U0001f600needle", "é" * 100_000 + "NEEDLE", ""]
    columns = {"x.alpha": Column.of(held)}
    assert one(Predicate("Alpha", Kind.CONTAINS, "needle"), columns) == [3, 4, 5, 6]
    assert one(Predicate("Alpha", Kind.ENDSWITH, "needle"), columns) == [3, 5, 6]
    assert one(Predicate("Alpha", Kind.EQUALS, "\0"), columns) == [0]
    assert one(Predicate("Alpha", Kind.GLOB, ("a", Token.ONE, "b")), columns) == [1]
    assert one(Predicate("Alpha", Kind.GLOB, ("x", Token.MANY, "x", Token.MANY, "y", Token.MANY, "z")), columns) == []
    assert one(Predicate("Alpha", Kind.REGEX, ("(x+x+)+y", "")), columns) == []
    nested = ["[" * 900 + "]" * 900, "[" * 5000, '[{"sub":"needle"}]']
    assert one(Predicate("items.sub", Kind.CONTAINS, "needle"), {"unmapped.items[]": Column.of(nested)}) == [2]


def test_values_beyond_the_budget_are_forgotten_between_batches() -> None:
    engine = Engine([Rule(Predicate("Alpha", Kind.ENDSWITH, "7"))], TAXONOMY, budget=1 << 20)
    for turn in range(6):
        held = [f"{turn}-{'x' * 500}-{i}" for i in range(1000)]
        assert len(matched(engine, Batch("thing", {"x.alpha": Column.of(held)}, 1000))) == 100
    assert engine.counters["value_evictions"] >= 2
    assert engine.counters["values"] < 6000


def test_values_met_all_the_time_are_not_forgotten() -> None:
    engine = Engine([Rule(Predicate("Alpha", Kind.ENDSWITH, "7"))], TAXONOMY, budget=1 << 20)
    faithful = [f"again-{i}" for i in range(100)]
    for turn in range(20):
        held = faithful + [f"{turn}-{'x' * 500}-{i}" for i in range(900)]
        assert len(matched(engine, Batch("thing", {"x.alpha": Column.of(held)}, 1000))) == 100
    assert engine.counters["value_evictions"] >= 5
    assert engine.counters["values_judged"] == 100 + 20 * 900
    assert engine.counters["values_forgotten"] + engine.counters["values"] == 100 + 20 * 900


def test_one_batch_may_be_larger_than_the_budget() -> None:
    engine = Engine([Rule(Predicate("Alpha", Kind.ENDSWITH, "7"))], TAXONOMY, budget=1)
    batch = Batch("thing", {"x.alpha": Column.of([f"{'x' * 50}-{i}" for i in range(10_000)])}, 10_000)
    for _ in range(3):
        assert len(matched(engine, batch)) == 1000
    assert engine.counters["values_judged"] == 30_000


@slowly
@given(rules_of, batches(), batches(), st.integers(0, 4000))
def test_forgetting_changes_nothing(rules: list[Rule], first: Any, second: Any, budget: int) -> None:
    engine = Engine(rules, TAXONOMY, budget=budget)
    for batch, readings in (first, second, first, second):
        assert matched(engine, batch) == expected(rules, readings)


@pytest.mark.parametrize("words", [["needle-in-hay", "another needle"], ["ab", "needle-in-hay"]])
def test_keywords_of_some_rows_are_not_looked_for_in_others(words: list[str]) -> None:
    """Two routes: one with long keywords (they have a filter), one with short ones."""
    rules = [
        Rule(Or(tuple(Predicate(None, Kind.CONTAINS, word) for word in words)), Source("first")),
        Rule(Predicate(None, Kind.CONTAINS, "y"), Source("linux")),
    ]
    held = ["x NEEDLE-in-hay", "y", "needle-in-ha", "Another Needle é", "ab", None, "y"]
    columns = {
        "x.alpha": Column.of(held, pa.string()),
        "x.number": Column.of(list(range(7)), pa.int64()),
        "metadata.event_code": Column.of(["1", "1", "a", "a", "1", "1", "2"]),
        "device.os.type": Column.of(["x", "linux", "x", "linux", "x", "linux", "linux"]),
    }
    wanted = [(row, 0) for row, text in enumerate(held[:6]) if text and any(word in text.lower() for word in words)]
    wanted += [(1, 1), (6, 1)]
    assert matched(Engine(rules, TAXONOMY), Batch("thing", columns, 7)) == sorted(wanted)


def test_known_values_are_not_judged_again() -> None:
    engine = Engine([Rule(Predicate("Alpha", Kind.CONTAINS, "b"))], TAXONOMY)
    batch = Batch("thing", {"x.alpha": Column.of(["abc", "b", "abc", None])}, 4)
    assert matched(engine, batch) == matched(engine, batch) == [(0, 0), (1, 0), (2, 0)]
    assert engine.counters["values_judged"] == 2


def test_more_matches_than_fit_at_once() -> None:
    rules = [Rule(Predicate("Alpha", Kind.CONTAINS, "a")) for _ in range(50)]
    found = Engine(rules, TAXONOMY).match(Batch("thing", {"x.alpha": Column.constant("a", 5000)}, 5000))
    assert len(found.rows) == 250_000
    assert bool((np.bincount(found.rules) == 5000).all())


def test_many_routes() -> None:
    codes = [str(i % 700) for i in range(5000)]
    rules = [
        Rule(And((Predicate("EventID", Kind.EQUALS, str(i)), Predicate("Alpha", Kind.EQUALS, "a")))) for i in range(700)
    ]
    engine = Engine(rules, TAXONOMY)
    batch = Batch("thing", {"metadata.event_code": Column.of(codes), "x.alpha": Column.of(["a", "b"] * 2500)}, 5000)
    assert matched(engine, batch) == [(row, row % 700) for row in range(0, 5000, 2)]
    assert engine.counters["plans"] == 700


@pytest.mark.parametrize("values", [2, 300_000])
def test_route_columns_with_many_values(values: int) -> None:
    codes = Column(np.array([0, values - 1, -1], np.int32), pa.array([str(i) for i in range(values)]))
    columns = dict.fromkeys(("metadata.event_code", "metadata.log_name", "metadata.log_provider"), codes)
    columns["device.os.type"] = Column.of(["Linux", None, "linux"])
    engine = Engine([Rule(Constant(True), Source("linux"))], TAXONOMY)
    assert matched(engine, Batch("thing", columns, 3)) == [(0, 0), (2, 0)]


def test_explain_names_the_fields_that_decided() -> None:
    condition = And(
        (
            Or((Predicate("Alpha", Kind.ENDSWITH, "\\cmd.exe"), Predicate("Alpha", Kind.EQUALS, "x"))),
            Not(Predicate("gamma", Kind.CONTAINS, "quiet")),
            Predicate("EventID", Kind.EQUALS, "1"),
        )
    )
    columns = {
        "x.alpha": Column.of(["C:\\Cmd.EXE"]),
        "unmapped.Gamma": Column.of(["loud"]),
        "metadata.event_code": Column.of(["1"]),
    }
    engine = Engine([Rule(condition)], TAXONOMY)
    reasons = engine.explain(Batch("thing", columns, 1), 0, 0)
    assert [(r.field, r.column, r.value, r.matched) for r in reasons] == [
        ("Alpha", "x.alpha", "C:\\Cmd.EXE", True),
        ("gamma", "unmapped.Gamma", "loud", False),
        ("EventID", "metadata.event_code", "1", True),
    ]
