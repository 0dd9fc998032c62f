"""A rule after parsing: a tree of and/or/not over predicates, each about one field and one constant.

Field names are still Sigma's; `taxonomy` says in which columns of an event they are found.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

__all__ = ["And", "Constant", "Kind", "Node", "Not", "Or", "Predicate"]


class Kind(Enum):
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
    TIMEPART = "timepart"  # value: (part, number) with part out of "minute hour day week month year"; UTC, ISO week


class Token(Enum):
    """What stands between the literal parts of a GLOB."""

    MANY = "*"
    ONE = "?"


@dataclass(frozen=True, slots=True)
class Predicate:
    """One test of one field.

    Args:
        field: the Sigma field name; None is a keyword: any text of the record.
        kind: how to compare.
        value: the constant, as `Kind` says.
        cased: True compares upper and lower case as written (`cased`, `re`); text constants of other
            predicates are stored lower-cased.
    """

    field: str | None
    kind: Kind
    value: Any
    cased: bool = False


@dataclass(frozen=True, slots=True)
class And:
    """True when all are."""

    args: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """True when one is."""

    args: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """True when the other is not."""

    arg: Node


@dataclass(frozen=True, slots=True)
class Constant:
    """True or false whatever the event says."""

    value: bool


Node = And | Or | Not | Constant | Predicate
