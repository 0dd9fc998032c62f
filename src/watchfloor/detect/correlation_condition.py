"""The condition of a temporal correlation that is written as text (SEP #198, Sigma v2.2): names, and, or, not, ( ).

    "logon and not badge_in"  ->  ("logon", "badge_in", "!", "&")

`not` binds closest, then `and`, then `or`. Names are letters, digits and `_`, as in pySigma's grammar.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["AND", "MOST_RULES", "NOT", "OR", "ConditionError", "negated", "postfix", "table"]

AND, OR, NOT = "&", "|", "!"
OPERATORS = frozenset((AND, OR, NOT))

MOST_RULES = 16
"""Rules that a condition in words may name: what it says of each combination of them is written out once."""

_TOKEN = re.compile(r"\s*(?:([()])|([A-Za-z0-9_]+)|(\S))")
_MOST_DEPTH = 64


class ConditionError(Exception):
    """Why a condition cannot be understood, in one sentence."""


def postfix(text: str) -> tuple[str, ...]:
    """A condition as names and operators, operators behind what they join.

    Raises:
        ConditionError: it is no condition.
    """
    tokens: list[str] = []
    for bracket, word, other in _TOKEN.findall(text):
        if other:
            raise ConditionError(f"{other!r} has no meaning here")
        tokens.append(bracket or (word.lower() if word.lower() in ("and", "or", "not") else word))
    parser = _Parser(tokens)
    parser.either(0)
    if parser.at < len(tokens):
        raise ConditionError(f"{tokens[parser.at]!r} is not expected")
    return tuple(parser.out)


class _Parser:
    """Recursive descent over the tokens; writes postfix."""

    def __init__(self, tokens: Sequence[str]) -> None:
        self.tokens, self.at = tokens, 0
        self.out: list[str] = []

    def _next(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def either(self, depth: int) -> None:
        if depth > _MOST_DEPTH:
            raise ConditionError("it is nested too deeply")
        self.both(depth)
        while self._next() == "or":
            self.at += 1
            self.both(depth)
            self.out.append(OR)

    def both(self, depth: int) -> None:
        self.one(depth)
        while self._next() == "and":
            self.at += 1
            self.one(depth)
            self.out.append(AND)

    def one(self, depth: int) -> None:
        token = self._next()
        turned = 0
        while token == "not":
            turned += 1
            self.at += 1
            token = self._next()
        if token == "(":
            self.at += 1
            self.either(depth + 1)
            if self._next() != ")":
                raise ConditionError("a bracket is not closed")
        elif token in ("", ")", "and", "or"):
            raise ConditionError("a name is missing" + (f" before {token!r}" if token else " at the end"))
        else:
            self.out.append(token)
        self.at += 1
        if turned % 2:
            self.out.append(NOT)


def negated(expression: Sequence[str]) -> tuple[frozenset[str], frozenset[str]]:
    """The names that count if they are there, and those that count if they are not; a name may be both."""
    stack: list[tuple[frozenset[str], frozenset[str]]] = []
    for token in expression:
        if token == NOT:
            yes, no = stack.pop()
            stack.append((no, yes))
        elif token in OPERATORS:
            second, first = stack.pop(), stack.pop()
            stack.append((first[0] | second[0], first[1] | second[1]))
        else:
            stack.append((frozenset((token,)), frozenset()))
    return stack[0]


def table(expression: Sequence[str], rules: Sequence[str]) -> npt.NDArray[np.uint8]:
    """What the condition says of each combination of rules: shape (2 ** rules,), bit i of the index is rule i."""
    combinations = np.arange(1 << len(rules))
    stack: list[npt.NDArray[np.bool_]] = []
    for token in expression:
        if token == NOT:
            stack.append(~stack.pop())
        elif token in OPERATORS:
            second, first = stack.pop(), stack.pop()
            stack.append(first & second if token == AND else first | second)
        else:
            stack.append((combinations >> rules.index(token)) & 1 == 1)
    return stack[0].astype(np.uint8)
