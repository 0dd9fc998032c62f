"""A rule after parsing: a tree of and/or/not over predicates, each about one field and one constant.

Field names are still Sigma's; `taxonomy` says in which columns of an event they are found. Trees are built with
`conjunction`, `disjunction` and `negation`, which keep them small: flat, without duplicates, without constants inside.
They are msgspec structs, so that thousands of rules come out of the cache in some ten milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Any

import msgspec

__all__ = [
    "And",
    "Constant",
    "Kind",
    "Node",
    "Not",
    "Or",
    "Predicate",
    "Token",
    "conjunction",
    "disjunction",
    "negation",
    "predicates",
]


class Kind(StrEnum):
    """How a predicate looks at a value (Sigma specification v2.1.0, appendix modifiers)."""

    EQUALS = "equals"  # value: str
    CONTAINS = "contains"  # value: str
    STARTSWITH = "startswith"  # value: str
    ENDSWITH = "endswith"  # value: str
    GLOB = "glob"  # value: tuple of literal str parts and the tokens MANY, ONE; anchored at both ends
    REGEX = "regex"  # value: (pattern, flags) with flags out of "ims"; searched, not anchored
    CIDR = "cidr"  # value: str, network in CIDR notation
    LT = "lt"  # value: float, as are the next three
    LTE = "lte"
    GT = "gt"
    GTE = "gte"
    EXISTS = "exists"  # value: None; "is there any value". `null` and `exists: false` are Not(EXISTS)
    FIELDREF = "fieldref"  # value: (other field, mode) with mode out of "equals", "contains", "startswith", "endswith"
    TIMEPART = "timepart"  # value: (part, digits) with part out of "minute hour day week month year"; UTC, ISO week


class Token(IntEnum):
    """What stands between the literal parts of a GLOB. A number, so that no text can be taken for it."""

    MANY = 0
    ONE = 1

    @property
    def sign(self) -> str:
        """As people write it."""
        return "*?"[self]


if TYPE_CHECKING:
    Value = Any  # which one, only the kind knows
else:
    Value = None | str | float | tuple[str | Token, ...]


class Predicate(msgspec.Struct, frozen=True, array_like=True, tag="?", gc=False):
    """One test of one field.

    Args:
        field: the Sigma field name; None is a keyword: any text of the record.
        kind: how to compare.
        value: the constant, as `Kind` says.
        cased: True compares upper and lower case as written (`cased`, `re`); text constants of other
            predicates are stored lower-cased (`str.lower`, so the other side must be lowered the same way).
    """

    field: str | None
    kind: Kind
    value: Value
    cased: bool = False


class And(msgspec.Struct, frozen=True, array_like=True, tag="&", gc=False):
    """True when all are."""

    args: tuple[Node, ...]


class Or(msgspec.Struct, frozen=True, array_like=True, tag="|", gc=False):
    """True when one is."""

    args: tuple[Node, ...]


class Not(msgspec.Struct, frozen=True, array_like=True, tag="!", gc=False):
    """True when the other is not."""

    arg: Node


class Constant(msgspec.Struct, frozen=True, array_like=True, tag="=", gc=False):
    """True or false whatever the event says."""

    value: bool


Node = And | Or | Not | Constant | Predicate


def conjunction(nodes: Iterable[Node]) -> Node:
    """All of them: nested ands flattened, each part once, false swallows all; of nothing: true."""
    parts: dict[Node, None] = {}
    for node in nodes:
        if isinstance(node, Constant):
            if not node.value:
                return node
            continue
        parts.update(dict.fromkeys(node.args if isinstance(node, And) else (node,)))
    if not parts:
        return Constant(True)
    return next(iter(parts)) if len(parts) == 1 else And(tuple(parts))


def disjunction(nodes: Iterable[Node]) -> Node:
    """One of them: nested ors flattened, each part once, true swallows all; of nothing: false."""
    parts: dict[Node, None] = {}
    for node in nodes:
        if isinstance(node, Constant):
            if node.value:
                return node
            continue
        parts.update(dict.fromkeys(node.args if isinstance(node, Or) else (node,)))
    if not parts:
        return Constant(False)
    return next(iter(parts)) if len(parts) == 1 else Or(tuple(parts))


def negation(node: Node) -> Node:
    """The opposite; twice negated is as it was."""
    if isinstance(node, Constant):
        return Constant(not node.value)
    return node.arg if isinstance(node, Not) else Not(node)


def predicates(node: Node) -> Iterator[Predicate]:
    """Every predicate of a tree, from left to right, as often as it stands there."""
    if isinstance(node, Predicate):
        yield node
    elif isinstance(node, Not):
        yield from predicates(node.arg)
    elif isinstance(node, And | Or):
        for arg in node.args:
            yield from predicates(arg)
