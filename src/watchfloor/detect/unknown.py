"""Unknown is never "no": conditions over what may not be known, so that only what is certainly true matches.

Context fields (`asof.*`, `lag.*`, `peer.*`, `intel.*`) are missing where nobody can know. A comparison with such a
field is neither true nor false then, and `and`, `or`, `not` follow Kleene's three-valued logic (reference 6.3):

    true  and unknown = unknown       true or unknown = true          not unknown = unknown
    false and unknown = false         false or unknown = unknown

The engine knows two values. So a rule that asks for context is rewritten once, when it is read, into the condition "it
is certainly true", in which every "not" over a context field also asks that the field has a value. `exists` is the one
test that is never unknown. Fields of the record itself keep Sigma's two-valued logic.

Whose a record is may be in doubt (a badge linked by likeness only, a name of two people). Facts of a person are missing
then, and the rule does not match; `possibly` is the condition under which it would, were the person the right one.
"""

from __future__ import annotations

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
)
from watchfloor.detect.sentence import fields_of

__all__ = ["CONTEXT", "PERSONAL", "certainly", "is_context", "possibly"]

CONTEXT = ("asof.", "lag.", "peer.", "intel.")
"""Beginnings of the fields that the world adds to an event."""

PERSONAL = ("asof.person.", "lag.presence.", "peer.")
"""Of these, the beginnings of those that are missing where nobody knows surely who it was."""

WEAK: Node = conjunction((
    Predicate("wf.resolution_confidence", Kind.EXISTS, None),
    negation(Predicate("wf.person_uid", Kind.EXISTS, None)),
))  # fmt: skip
"""Somebody is named, and it is not sure who that is (`world.resolve`)."""


def is_context(field: str | None) -> bool:
    """Whether a field is one that may be unknown."""
    return field is not None and field.startswith(CONTEXT)


def certainly(node: Node) -> Node:
    """The condition that is true where `node` is true, and false where it is false or unknown."""
    return _true(node) if any(is_context(field) for field in fields_of(node)) else node


def possibly(node: Node) -> Node | None:
    """The condition "it may be true, and it is in doubt who it was"; None where it does not depend on who it was.

    Args:
        node: as written, before `certainly`.
    """
    if not any(field.startswith(PERSONAL) for field in fields_of(node)):
        return None
    found = conjunction((certainly(_granted(node, positive=True)), WEAK))
    return None if isinstance(found, Constant) else found


def _granted(node: Node, *, positive: bool) -> Node:
    """With every comparison of a person's fact answered so that the whole is rather true."""
    if isinstance(node, And):
        return conjunction(_granted(arg, positive=positive) for arg in node.args)
    if isinstance(node, Or):
        return disjunction(_granted(arg, positive=positive) for arg in node.args)
    if isinstance(node, Not):
        return negation(_granted(node.arg, positive=not positive))
    if isinstance(node, Constant) or node.kind is Kind.EXISTS:
        return node
    asked = (node.field, node.value[0] if node.kind is Kind.FIELDREF else None)
    return Constant(positive) if any((field or "").startswith(PERSONAL) for field in asked) else node


def _true(node: Node) -> Node:
    if isinstance(node, And):
        return conjunction(_true(arg) for arg in node.args)
    if isinstance(node, Or):
        return disjunction(_true(arg) for arg in node.args)
    if isinstance(node, Not):
        return _false(node.arg)
    return node  # a comparison with what is missing is not true


def _false(node: Node) -> Node:
    if isinstance(node, And):
        return disjunction(_false(arg) for arg in node.args)
    if isinstance(node, Or):
        return conjunction(_false(arg) for arg in node.args)
    if isinstance(node, Not):
        return _true(node.arg)
    if isinstance(node, Constant) or node.kind is Kind.EXISTS:
        return negation(node)
    asked = [node.field, node.value[0] if node.kind is Kind.FIELDREF else None]
    known = [Predicate(field, Kind.EXISTS, None) for field in asked if is_context(field)]
    return conjunction([*known, negation(node)])
