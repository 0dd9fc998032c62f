"""The tree's constructors keep it small and never change what it says."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.detect.oracle import evaluate
from watchfloor.detect.predicate import (
    And,
    Constant,
    Kind,
    Node,
    Not,
    Or,
    Predicate,
    conjunction,
    disjunction,
    negation,
    predicates,
)

A, B, C = (Predicate(name, Kind.EQUALS, "1") for name in "abc")


def test_nested_parts_are_flattened_and_kept_once() -> None:
    assert conjunction([A, conjunction([B, A]), Constant(True)]) == And((A, B))
    assert disjunction([A, disjunction([B, A]), Constant(False)]) == Or((A, B))
    assert conjunction([A, A]) == A


def test_constants_fold() -> None:
    assert conjunction([A, Constant(False)]) == Constant(False)
    assert disjunction([A, Constant(True)]) == Constant(True)
    assert conjunction([]) == Constant(True)
    assert disjunction([]) == Constant(False)
    assert negation(negation(A)) == A
    assert negation(Constant(True)) == Constant(False)


def test_predicates_come_from_left_to_right() -> None:
    assert list(predicates(And((A, Not(Or((B, C))))))) == [A, B, C]


trees = st.recursive(
    st.sampled_from([A, B, C, Constant(True), Constant(False)]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda args: And(tuple(args))),
        st.lists(inner, max_size=3).map(lambda args: Or(tuple(args))),
        inner.map(Not),
    ),
    max_leaves=12,
)


def rebuilt(node: Node) -> Node:
    if isinstance(node, And):
        return conjunction(map(rebuilt, node.args))
    if isinstance(node, Or):
        return disjunction(map(rebuilt, node.args))
    return negation(rebuilt(node.arg)) if isinstance(node, Not) else node


@given(trees, st.sets(st.sampled_from("abc")))
def test_a_rebuilt_tree_says_the_same_and_holds_no_constant_inside(tree: Node, true: set[str]) -> None:
    event = {name: ["1"] for name in true}
    small = rebuilt(tree)
    assert evaluate(small, event) == evaluate(tree, event)
    if not isinstance(small, Constant):
        assert not any(isinstance(part, Constant) for part in parts(small))


def parts(node: Node) -> list[Node]:
    inner = node.args if isinstance(node, And | Or) else (node.arg,) if isinstance(node, Not) else ()
    return [node, *(part for arg in inner for part in parts(arg))]
