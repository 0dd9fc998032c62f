"""What cannot be known makes nothing match, however a rule says "not"."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchfloor.detect.predicate import And, Constant, Kind, Node, Not, Or, Predicate
from watchfloor.detect.rulebook import load_rules
from watchfloor.detect.taxonomy import Taxonomy
from watchfloor.detect.unknown import certainly, is_context, possibly
from watchfloor.ocsf.column import Column
from watchfloor.ocsf.events import Events

FIELDS = ("asof.a", "lag.b", "own")
LEAVES = (
    st.builds(Predicate, st.sampled_from(FIELDS), st.just(Kind.EQUALS), st.sampled_from(["x", "y"]))
    | st.builds(Predicate, st.sampled_from(FIELDS), st.just(Kind.EXISTS), st.none())
    | st.builds(
        lambda field, other: Predicate(field, Kind.FIELDREF, (other, "equals")),
        st.sampled_from(FIELDS),
        st.sampled_from(FIELDS),
    )
)
TREES: st.SearchStrategy[Node] = st.recursive(
    LEAVES,
    lambda inner: (
        st.builds(Not, inner) | st.builds(And, st.tuples(inner, inner)) | st.builds(Or, st.tuples(inner, inner))
    ),
    max_leaves=8,
)
ROWS = st.fixed_dictionaries({field: st.sampled_from(["x", "y", None]) for field in FIELDS})


def kleene(node: Node, row: dict[str, Any]) -> bool | None:
    """Three-valued, as detection reference 6.3 says; None is unknown."""
    if isinstance(node, Constant):
        return node.value
    if isinstance(node, Not):
        value = kleene(node.arg, row)
        return None if value is None else not value
    if isinstance(node, And | Or):
        values = [kleene(arg, row) for arg in node.args]
        decisive = isinstance(node, Or)
        return decisive if decisive in values else None if None in values else not decisive
    assert node.field is not None
    own = row[node.field]
    if node.kind is Kind.EXISTS:
        return own is not None
    other = row[node.value[0]] if node.kind is Kind.FIELDREF else node.value
    asked = [node.field, *([node.value[0]] if node.kind is Kind.FIELDREF else [])]
    if any(is_context(field) and row[field] is None for field in asked):
        return None
    return own is not None and own == other


def two_valued(node: Node, row: dict[str, Any]) -> bool:
    """As the engine does it: a comparison with what is missing is false."""
    if isinstance(node, Constant):
        return node.value
    if isinstance(node, Not):
        return not two_valued(node.arg, row)
    if isinstance(node, And):
        return all(two_valued(arg, row) for arg in node.args)
    if isinstance(node, Or):
        return any(two_valued(arg, row) for arg in node.args)
    assert node.field is not None
    own = row[node.field]
    if node.kind is Kind.EXISTS:
        return own is not None
    return own is not None and own == (row[node.value[0]] if node.kind is Kind.FIELDREF else node.value)


@given(TREES, ROWS)
def test_certainly_is_kleenes_true(node: Node, row: dict[str, Any]) -> None:
    assert two_valued(certainly(node), row) == (kleene(node, row) is True)


PEOPLE = ("asof.person.a", "lag.presence.b", "own", "asof.c")
COMPARED = st.builds(Predicate, st.sampled_from(PEOPLE), st.just(Kind.EQUALS), st.sampled_from(["x", "y"]))
WHO: st.SearchStrategy[Node] = st.recursive(
    COMPARED,
    lambda inner: (
        st.builds(Not, inner) | st.builds(And, st.tuples(inner, inner)) | st.builds(Or, st.tuples(inner, inner))
    ),
    max_leaves=8,
)
SOME = st.sampled_from(["x", "y", None])


@given(WHO, SOME, SOME, SOME, SOME)
def test_whoever_it_was_it_may_have_matched(node: Node, own: str | None, c: str | None, a: str, b: str) -> None:
    """What would match for certain, were somebody known, may match while nobody is; and only then."""
    doubt = possibly(node)
    weak = {"asof.person.a": None, "lag.presence.b": None, "own": own, "asof.c": c,
            "wf.resolution_confidence": 60, "wf.person_uid": None}  # fmt: skip
    if doubt is None:
        return
    known = {**weak, "asof.person.a": a, "lag.presence.b": b}
    if kleene(node, known) is True:
        assert two_valued(doubt, weak)
    assert not two_valued(doubt, {**weak, "wf.person_uid": "p-1"})
    assert not two_valued(doubt, {**weak, "wf.resolution_confidence": None})


def test_what_does_not_ask_who_is_never_in_doubt() -> None:
    assert possibly(Predicate("asof.place.armed", Kind.EQUALS, "x")) is None
    asked = And((Predicate("own", Kind.EQUALS, "x"), Predicate("asof.person.a", Kind.EQUALS, "x")))
    doubt = possibly(asked)
    row = {"own": "y", "asof.person.a": None, "wf.resolution_confidence": 60, "wf.person_uid": None}
    assert doubt is not None and not two_valued(doubt, row) and two_valued(doubt, {**row, "own": "x"})


def test_rules_about_records_alone_are_left_as_they_are() -> None:
    node = Not(Predicate("own", Kind.EQUALS, "x"))
    assert certainly(node) is node


RULE = """
title: t
id: 11111111-1111-4111-8111-111111111111
status: test
level: low
logsource: {{product: windows, service: security}}
detection:
  selection: {{EventID: 4624}}
  context: {context}
  condition: {condition}
"""


@pytest.mark.parametrize(
    ("context", "condition", "hits"),
    [
        ("{asof.person.zone: z-1}", "selection and context", [0]),
        ("{asof.person.zone: z-1}", "selection and not context", [1]),
        ("{asof.person.zone|fieldref|neq: asof.dst_asset.zone}", "selection and context", [1]),
        ("{asof.person.zone|fieldref|neq: asof.dst_asset.zone}", "selection and not context", [0]),
        ("{asof.person.zone|exists: false}", "selection and context", [2]),
        ("{asof.person.zone: null}", "selection and context", [2]),
        ("{asof.person.zone|exists: true, asof.person.zone: z-1}", "selection and not context", [1, 2]),
        ("{lag.presence.age_s|lte: 60}", "selection and context", [0]),
        ("{lag.presence.age_s|lte: 60}", "selection and not context", [1]),
        ("{wf.person_uid: p-1}", "selection and not context", [1, 2]),
    ],
)
def test_in_a_rule_of_any_log_source(tmp_path: Path, context: str, condition: str, hits: list[int]) -> None:
    from watchfloor.detect.engine import Engine

    (tmp_path / "rule.yml").write_text(RULE.format(context=context, condition=condition))
    book = load_rules([tmp_path])
    assert not book.problems
    columns: dict[str, Any] = {
        "time": 0, "activity_id": 1, "metadata.product.name": "Windows", "metadata.event_code": "4624",
        "metadata.log_name": "Security", "metadata.log_provider": "Microsoft-Windows-Security-Auditing",
        "device.os.type": "Windows",
        "asof.person.zone": Column.of(["z-1", "z-2", None]),
        "asof.dst_asset.zone": Column.of(["z-1", "z-1", "z-1"]),
        "lag.presence.age_s": Column.of([30, 90, None]),
        "wf.person_uid": Column.of(["p-1", "p-2", None]),
    }  # fmt: skip
    events = Events.build("authentication", columns, 3)
    found = Engine(book.rules, Taxonomy.load()).match(events)
    assert sorted(found.rows.tolist()) == hits
