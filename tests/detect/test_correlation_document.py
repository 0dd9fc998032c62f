"""Correlation documents: read, refused with their line, linked to rules, and compared with pySigma where they differ.

`test_sigma_pin_<id>` holds what the text of the standard, its schema and pySigma 2.0.1 say of one input against what we
do (reference, section 4). A changed result after an upgrade of pySigma is something to look at, not to wave through.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from sigma import exceptions
from sigma.collection import SigmaCollection
from sigma.correlations import SigmaCorrelationRule, SigmaCorrelationType

from watchfloor.detect.correlation_condition import ConditionError, negated, postfix, table
from watchfloor.detect.correlation_document import TYPES
from watchfloor.detect.rule import Correlation, Problem, Rule
from watchfloor.detect.rulebook import Rulebook, load_rules
from watchfloor.detect.sigma import read_document
from watchfloor.documents import Document, parse_yaml

BASE: dict[str, Any] = {
    "type": "event_count",
    "rules": ["a"],
    "group-by": ["User"],
    "timespan": "10m",
    "condition": {"gte": 5},
}


def document(correlation: dict[str, Any], **top: Any) -> dict[str, Any]:
    body = {key: value for key, value in {**BASE, **correlation}.items() if value is not ...}
    return {"title": "A correlation", "id": "0d5d1e0c-5a43-4a34-9a55-2d1f1a1f6f01", "correlation": body, **top}


def read(correlation: dict[str, Any], **top: Any) -> Correlation | Problem:
    (parsed,) = parse_yaml(yaml.safe_dump(document(correlation, **top), sort_keys=False).encode(), "c.yml")
    assert isinstance(parsed, Document)
    found = read_document(parsed)
    assert isinstance(found, Correlation | Problem)
    return found


def good(correlation: dict[str, Any], **top: Any) -> Correlation:
    found = read(correlation, **top)
    assert isinstance(found, Correlation), found
    return found


def refused(correlation: dict[str, Any], **top: Any) -> str:
    """The reason; every problem names file, a line inside the document and a remedy."""
    found = read(correlation, **top)
    assert isinstance(found, Problem), found
    assert found.file == "c.yml" and found.line > 1 and found.remedy and found.rule == "A correlation"
    return found.reason


def pysigma(correlation: dict[str, Any], **top: Any) -> SigmaCorrelationRule:
    return SigmaCorrelationRule.from_dict(document(correlation, **top))


TEMPORAL: dict[str, Any] = {"type": "temporal", "rules": ["a", "b"], "condition": ...}


# -- pins -----------------------------------------------------------------------------------------------------------


def test_sigma_pin_p01() -> None:
    """A range: in the text, accepted by the schema; pySigma wants exactly one operator."""
    condition = {"condition": {"gt": 100, "lte": 200}}
    assert good(condition).bounds == (("gt", 100.0), ("lte", 200.0))
    with pytest.raises(exceptions.SigmaCorrelationConditionError):
        pysigma(condition)


def test_sigma_pin_p02() -> None:
    """A condition in words: approved for v2.2, in pySigma."""
    words = {**TEMPORAL, "condition": "a and b"}
    assert good(words).expression == ("a", "b", "&")
    assert pysigma(words).condition is not None


def test_sigma_pin_p03() -> None:
    """A condition in words on event_count says nothing; pySigma records an error."""
    words = {"condition": "a"}
    assert "compares a number" in refused(words)
    collected = SigmaCorrelationRule.from_dict(document(words), collect_errors=True)
    assert collected.errors


@pytest.mark.parametrize("place", ["top", "below"])
def test_sigma_pin_p04(place: str) -> None:
    """`generate`: the text and the schema have it at the top, pySigma only reads it below `correlation`."""
    assert not good({}).generate
    if place == "top":
        assert good({}, generate=True).generate
        assert not pysigma({}, generate=True).generate
    else:
        assert good({"generate": True}).generate
        assert pysigma({"generate": True}).generate
    assert "says two things" in refused({"generate": True}, generate=False)


def test_sigma_pin_p05() -> None:
    """A percentile of nobody knows which: an example of the text; pySigma parses it. We want to be told."""
    condition = {"type": "value_percentile", "condition": {"field": "Image", "lte": 1}}
    assert "which percentile" in refused(condition)
    assert pysigma(condition).condition is not None


def test_sigma_pin_p06() -> None:
    """`percentile`: unknown to the text, in pySigma."""
    condition = {"type": "value_percentile", "condition": {"field": "Size", "gte": 10, "percentile": 95}}
    assert good(condition).percentile == 95
    assert pysigma(condition).condition.percentile == 95


def test_sigma_pin_p07() -> None:
    """value_median: unknown to the text and the schema, in pySigma."""
    condition = {"type": "value_median", "condition": {"field": "Size", "gte": 10}}
    assert good(condition).kind == "value_median"
    assert pysigma(condition).type is SigmaCorrelationType.VALUE_MEDIAN


def test_sigma_pin_p08() -> None:
    """No group-by: the text says both that it must be there and that it may not; then all matches are one group."""
    assert good({"group-by": ...}).group_by == ()
    assert pysigma({"group-by": ...}).group_by is None


def test_sigma_pin_p09() -> None:
    """One field instead of a list of one."""
    assert good({"group-by": "User"}).group_by == ("User",)
    assert pysigma({"group-by": "User"}).group_by == ["User"]


def test_sigma_pin_p10() -> None:
    """A rule listed twice: not said in the text, refused by the schema, parsed by pySigma."""
    twice = {"rules": ["a", "a"]}
    assert "listed twice" in refused(twice)
    assert len(pysigma(twice).rules) == 2


@pytest.mark.parametrize("condition", [{"eq": 0}, {"lt": 5}, {"lte": 3}, {"neq": 2}, {"gte": 0}])
def test_sigma_pin_p11(condition: dict[str, int]) -> None:
    """What is true of a group nobody has seen can never be found in a stream; pySigma parses it."""
    assert "nothing happened" in refused({"condition": condition})
    assert pysigma({"condition": condition}).condition is not None


def test_sigma_pin_p12() -> None:
    """value_count of no field: the schema accepts it."""
    without = {"type": "value_count"}
    assert "of which field" in refused(without)
    with pytest.raises(exceptions.SigmaCorrelationRuleError):
        pysigma(without)


def test_sigma_pin_p13() -> None:
    """An operator that does not exist: the schema accepts it."""
    assert "'banana'" in refused({"condition": {"banana": 2}})
    with pytest.raises(exceptions.SigmaCorrelationConditionError):
        pysigma({"condition": {"banana": 2}})


def test_sigma_pin_p14() -> None:
    """An unknown key below `correlation`: accepted by both. `group_by` there would put everybody into one group."""
    assert "'group_by'" in refused({"group_by": ["User"]})
    assert pysigma({"group_by": ["User"]}) is not None


def test_sigma_pin_p15() -> None:
    """An unknown key at the top is anybody's own; pySigma keeps it."""
    assert good({}, owner="gsoc").id == good({}).id
    assert pysigma({}, owner="gsoc").custom_attributes["owner"] == "gsoc"


def test_sigma_pin_p16() -> None:
    """An unknown type."""
    assert "'count'" in refused({"type": "count"})
    with pytest.raises(exceptions.SigmaCorrelationTypeError):
        pysigma({"type": "count"})


@pytest.mark.parametrize("timespan", ["90x", "0s", "m", "-5m", 300])
def test_sigma_pin_p17(timespan: object) -> None:
    """A timespan that is none: the schema accepts it."""
    assert "no duration" in refused({"timespan": timespan})
    with pytest.raises((exceptions.SigmaTimespanError, exceptions.SigmaError, TypeError)):
        pysigma({"timespan": timespan})


def test_sigma_pin_p18() -> None:
    """A rule that a condition in words leaves out."""
    words = {**TEMPORAL, "condition": "a"}
    assert "what 'b' is for" in refused(words)
    with pytest.raises(exceptions.SigmaError):
        pysigma(words)


def test_sigma_pin_p19(tmp_path: Path) -> None:
    """A rule that does not exist: listed, and nothing else is lost."""
    book = loaded(tmp_path, document({"rules": ["nobody"]}), rule("a"))
    assert [one.name for one in book.rules] == ["a"] and not book.correlations
    (problem,) = book.problems
    assert problem.kind == "correlation" and "'nobody'" in problem.reason
    with pytest.raises(exceptions.SigmaRuleNotFoundError):
        SigmaCollection.from_dicts([document({"rules": ["nobody"]})]).resolve_rule_references()


def test_sigma_pin_p20() -> None:
    """Four types in one part of the text, seven in the schema, eight in pySigma and here."""
    assert sorted(TYPES) == sorted(kind.name.lower() for kind in SigmaCorrelationType)


def test_sigma_pin_p21() -> None:
    """utf16le: in the text, unknown to pySigma; we know it."""
    text = """
    title: r
    logsource: {product: windows}
    detection: {s: {CommandLine|utf16le|base64|contains: abc}, condition: s}
    """
    (parsed,) = parse_yaml(text.encode(), "r.yml")
    assert isinstance(parsed, Document) and isinstance(read_document(parsed), Rule)
    with pytest.raises(exceptions.SigmaError):
        SigmaCollection.from_yaml(text)


# -- reading --------------------------------------------------------------------------------------------------------

ABSENT: dict[str, Any] = {**TEMPORAL, "condition": "a and not b", "timespan": "725m"}
OWN: dict[str, Any] = {"anchor": "a", "window": {"before": "12h", "after": "5m"}, "lateness": "5m", "emit": "each"}


def test_what_is_ours_is_read() -> None:
    found = good(ABSENT, watchfloor={**OWN, "suppress": "8h", "min_confidence": 90, "on_incomplete": "drop"})
    assert (found.anchor, found.before, found.after) == ("a", 12 * 3_600_000, 300_000)
    assert (found.lateness, found.emit, found.suppress) == (300_000, "each", 8 * 3_600_000)
    assert (found.min_confidence, found.on_incomplete) == (90, "drop")


def test_what_may_mean_nothing_is_read() -> None:
    assert good(ABSENT, watchfloor={**OWN, "doubt": {"b": "common_cause"}}).doubt == (("b", "common_cause"),)
    assert good({}, watchfloor={"doubt": {"a": "fact_unknown"}}).doubt == (("a", "fact_unknown"),)


def test_what_nobody_says_has_its_default() -> None:
    found = good({})
    assert (found.before, found.after, found.emit, found.suppress) == (600_000, 0, "once", 0)
    assert (found.on_incomplete, found.min_confidence, found.level) == ("indeterminate", 80, "medium")


@pytest.mark.parametrize(
    ("own", "reason"),
    [
        (None, "has no anchor"),
        ({}, "has no anchor"),
        ({**OWN, "ancor": "a"}, "has no 'ancor'"),
        ({**OWN, "anchor": "c"}, "none of the rules"),
        ({**OWN, "anchor": "b"}, "is negated"),
        ({**OWN, "window": {"before": "12h"}}, "not the timespan"),
        ({**OWN, "window": {"before": "12h", "after": "5m", "gap": "1s"}}, "no map of"),
        ({**OWN, "emit": "always"}, "is no emit"),
        ({**OWN, "on_incomplete": "guess"}, "is no on_incomplete"),
        ({**OWN, "min_confidence": 101}, "is no confidence"),
        ({**OWN, "min_confidence": True}, "is no confidence"),
        ({**OWN, "lateness": "soon"}, "is no duration"),
        ({**OWN, "doubt": ["b"]}, "is no map"),
        ({**OWN, "doubt": {"a": "common_cause"}}, "beside the anchor"),
        ({**OWN, "doubt": {"c": "common_cause"}}, "beside the anchor"),
        ({**OWN, "doubt": {"b": "weather"}}, "is no reason"),
        ({**OWN, "suppress": 5}, "is no duration"),
        (["anchor"], "is not a map"),
    ],
)
def test_a_mistake_in_what_is_ours_refuses_the_rule(own: Any, reason: str) -> None:
    assert reason in refused(ABSENT, **({} if own is None else {"watchfloor": own}))


@pytest.mark.parametrize(
    ("correlation", "reason"),
    [
        ({"type": ...}, "None is no type"),
        ({"rules": ...}, "does not list"),
        ({"rules": []}, "does not list"),
        ({"timespan": ...}, "no `timespan`"),
        ({"condition": ...}, "has no condition"),
        ({"condition": {}}, "compares with nothing"),
        ({"condition": {"gte": "five"}}, "is no number"),
        ({"condition": {"gte": 5, "field": "User"}}, "has no field"),
        ({"condition": {"gte": 5, "percentile": 5}}, "has no percentile"),
        ({"type": "value_count", "condition": {"gte": 5, "field": ["a", "b"]}}, "several fields"),
        ({"type": "value_percentile", "condition": {"gte": 5, "field": "a", "percentile": 101}}, "is no percentile"),
        ({**TEMPORAL, "condition": {"gte": 3}}, "no number of the 2 rules"),
        ({**TEMPORAL, "condition": "a and (b"}, "not closed"),
        ({**TEMPORAL, "condition": "a and b-c"}, "'-' has no meaning"),
        ({**TEMPORAL, "condition": "a and b and c"}, "names 'c'"),
        ({**TEMPORAL, "type": "temporal_ordered", "condition": "a or b"}, "order"),
        ({"aliases": {"who": {"b": "User"}}}, "none of the rules"),
        ({"rules": ["a", "b"], "group-by": ["who"], "aliases": {"who": {"a": "User"}}}, "which field of 'b'"),
        ({"aliases": ["who"]}, "is not a map"),
        ({"generate": "yes please"}, "neither true nor false"),
    ],
)
def test_a_mistake_is_refused(correlation: dict[str, Any], reason: str) -> None:
    assert reason in refused(correlation)


def test_one_that_is_wanted_and_not_wanted_is_refused() -> None:
    own = {"watchfloor": {"anchor": "a"}}
    assert "wanted and not wanted" in refused({**TEMPORAL, "condition": "a and not b or b"}, **own)


def test_the_line_is_that_of_the_mistake() -> None:
    text = b"title: A\ncorrelation:\n  type: event_count\n  rules: [a]\n  timespan: 5x\n  condition: {gte: 2}\n"
    (parsed,) = parse_yaml(text, "c.yml")
    assert isinstance(parsed, Document)
    found = read_document(parsed)
    assert isinstance(found, Problem) and found.line == 5


def test_a_cached_correlation_is_the_same() -> None:
    found = good(ABSENT, watchfloor=OWN, tags=["attack.t1078"], itm=["ME021"])
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(found), type=Correlation) == found
    assert found.techniques == ("T1078",) and found.itm == ("ME021",)


@given(st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=8), inner)))
def test_whatever_it_holds_it_is_read_or_refused(anything: Any) -> None:
    data = {"title": "t", "correlation": anything}
    assert isinstance(read_document(Document(data, "c.yml", 1)), Correlation | Problem)
    for key in BASE:
        held = {"title": "t", "correlation": {**BASE, key: anything}, "watchfloor": anything}
        assert isinstance(read_document(Document(held, "c.yml", 1)), Correlation | Problem)


# -- conditions in words ----------------------------------------------------------------------------------------------

NAMES = ("a", "b", "c_1")
CONDITIONS = st.recursive(
    st.sampled_from(NAMES),
    lambda inner: st.one_of(
        inner.map(lambda one: f"not {one}"),
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda some: f"({some[0]} {some[1]} {some[2]})"),
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(" ".join),
    ),
    max_leaves=8,
)


@given(CONDITIONS)
def test_a_condition_means_what_python_means(text: str) -> None:
    """Python's `not`, `and`, `or` bind alike."""
    said = table(postfix(text), NAMES)
    for number in range(1 << len(NAMES)):
        names = {name: bool(number >> bit & 1) for bit, name in enumerate(NAMES)}
        assert said[number] == bool(eval(text, {}, names)), (text, names)


@given(CONDITIONS)
def test_more_of_what_is_negated_never_helps(text: str) -> None:
    expression = postfix(text)
    present, absent = negated(expression)
    said = table(expression, NAMES)
    for bit, name in enumerate(NAMES):
        without = np.flatnonzero((np.arange(len(said)) >> bit & 1) == 0)
        grows = said[without + (1 << bit)].astype(int) - said[without]
        assert name in present or (grows <= 0).all()
        assert name in absent or (grows >= 0).all()


@pytest.mark.parametrize("text", ["", "and", "a b", "a and", "not", "(a", "a)", "()", "a && b", "a not b", "1 of a*"])
def test_what_is_no_condition_is_refused(text: str) -> None:
    with pytest.raises(ConditionError):
        postfix(text)


def test_depth_is_bounded() -> None:
    with pytest.raises(ConditionError, match="deeply"):
        postfix("(" * 1000 + "a" + ")" * 1000)


# -- links ------------------------------------------------------------------------------------------------------------


def rule(name: str, **more: Any) -> dict[str, Any]:
    return {
        "title": f"Rule {name}",
        "name": name,
        "logsource": {"product": "windows", "category": "process_creation"},
        "detection": {"s": {"Image|endswith": f"{name}.exe"}, "condition": "s"},
        **more,
    }


def loaded(folder: Path, *documents: dict[str, Any]) -> Rulebook:
    (folder / "rules.yml").write_text(yaml.safe_dump_all(documents, sort_keys=False))
    return load_rules([folder])


def named(name: str, **correlation: Any) -> dict[str, Any]:
    return {"title": f"Correlation {name}", "name": name, "correlation": {**BASE, **correlation}}


def test_rules_that_only_others_count_on_are_silent(tmp_path: Path) -> None:
    a, b = rule("a"), rule("b", id="AAAAAAAA-0000-4000-8000-000000000001")
    book = loaded(tmp_path, named("c", rules=["a"]), a, named("d", rules=["AAAAAAAA-0000-4000-8000-000000000001"]), b)
    ids = {one.name: one.id for one in book.rules} | {one.name: one.id for one in book.correlations}
    assert book.members == {ids["c"]: (ids["a"],), ids["d"]: (ids["b"],)}
    assert book.silent == {ids["a"], ids["b"]}
    assert book.documents == 4 == len(book.rules) + len(book.correlations)


def test_a_rule_that_asks_who_it_was_has_a_doubt(tmp_path: Path) -> None:
    """One more rule for the engine, no more documents; never a finding of its own."""
    asks = rule("a", detection={"s": {"asof.person.role_class": "guard"}, "condition": "s"})
    by_person = named("c", rules=["a", "b"], **{"group-by": ["wf.person_uid"]})
    book = loaded(tmp_path, asks, rule("b"), {**by_person, "generate": True})
    (one,), (doubtful,) = book.correlations, book.doubtful
    ids = {rule.name: rule.id for rule in book.rules}
    assert doubtful.id == f"{ids['a']} in doubt" and book.matched == (*book.rules, doubtful)
    assert book.members[one.id] == (ids["a"], ids["b"], doubtful.id, ids["b"])
    assert one.weak == ("a", "b")
    assert book.silent == {doubtful.id} and book.documents == 3


def test_who_generates_once_speaks(tmp_path: Path) -> None:
    book = loaded(tmp_path, rule("a"), named("c", rules=["a"]), {**named("d", rules=["a"]), "generate": True})
    assert not book.silent and len(book.correlations) == 2


def test_a_chain_is_in_order(tmp_path: Path) -> None:
    book = loaded(tmp_path, named("outer", rules=["inner"]), named("inner", rules=["a"]), rule("a"))
    assert [one.name for one in book.correlations] == ["inner", "outer"]
    assert book.silent == {book.correlations[0].id, book.rules[0].id}


def test_a_chain_knows_only_its_groups(tmp_path: Path) -> None:
    outer = named("outer", rules=["inner"], **{"group-by": ["Image"]})
    book = loaded(tmp_path, outer, named("inner", rules=["a"]), rule("a"))
    assert [one.name for one in book.correlations] == ["inner"]
    assert "grouped by User" in book.problems[0].reason


@pytest.mark.parametrize(
    ("documents", "reasons"),
    [
        ([named("c", rules=["d"]), named("d", rules=["c"])], ["circle", "circle"]),
        ([named("c", rules=["c"])], ["circle"]),
        ([named("c", rules=["d"]), named("d", rules=["nobody"])], ["not loaded", "not loaded"]),
        ([rule("a"), rule("a", title="Another"), named("c", rules=["a"])], ["2 rules are called"]),
    ],
)
def test_what_cannot_be_linked_is_listed(tmp_path: Path, documents: list[dict[str, Any]], reasons: list[str]) -> None:
    book = loaded(tmp_path, *documents)
    assert not book.correlations and not book.silent
    assert len(book.problems) == len(reasons)
    for problem, reason in zip(book.problems, reasons, strict=True):
        assert problem.kind == "correlation" and reason in f"{problem.reason} {problem.remedy}"


def test_the_examples_of_the_reference_load(tmp_path: Path) -> None:
    """One interactive logon, one badge, and that the one was without the other; pySigma parses them too."""
    (tmp_path / "absence.yml").write_text(EXAMPLE)
    book = load_rules([tmp_path])
    assert not book.problems, book.problems[0]
    (found,) = book.correlations
    assert found.expression == ("console_logon", "badge_in", "!", "&")
    collection = SigmaCollection.from_yaml(EXAMPLE)
    collection.resolve_rule_references()
    assert not collection.errors


EXAMPLE = """
title: Interactive console logon on a mapped host
name: console_logon
taxonomy: watchfloor
logsource: {product: windows, service: security}
detection:
    selection: {EventID: 4624, LogonType: [2, 7, 11]}
    condition: selection
level: informational
---
title: Badge used and portal passed inwards
name: badge_in
taxonomy: watchfloor
logsource: {category: physical_access, product: watchfloor}
detection:
    selection: {activity_id: 3, wf.direction: in}
    condition: selection
level: informational
---
title: Console logon with no badge-in during the previous 12 hours
name: logon_without_badge
taxonomy: watchfloor
correlation:
    type: temporal
    rules: [console_logon, badge_in]
    aliases:
        person: {console_logon: wf.person_uid, badge_in: wf.person_uid}
    group-by: [person]
    timespan: 725m
    condition: console_logon and not badge_in
watchfloor:
    anchor: console_logon
    window: {before: 12h, after: 5m}
    lateness: 5m
    on_incomplete: indeterminate
    emit: each
    suppress: 8h
    min_confidence: 80
level: high
"""


def test_filters_reach_the_rules_of_a_correlation(tmp_path: Path) -> None:
    hide: dict[str, Any] = {
        "title": "not those",
        "logsource": {"product": "windows", "category": "process_creation"},
        "filter": {"rules": ["a"], "s": {"User": "svc"}, "condition": "not s"},
    }
    book = loaded(tmp_path, rule("a"), named("c", rules=["a"]), hide)
    assert book.rules[0].filters and book.correlations
