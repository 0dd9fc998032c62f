"""What a text must hold before a regular expression has a chance: read off the expression itself.

RE2 costs a microsecond per text and expression, most of which can be told beforehand to fail:

    net\\s+user\\s+\\w{3}      at least 12 bytes; one of the literals "user" (found by the field's automaton anyway);
                            a blank, and a letter or digit
    `.*`.*`                 at least 3 bytes, no literal of two; a backtick

All of it is said of texts in ASCII and lower case, whatever the case of the expression: then a literal is a run of
bytes, and letters of other alphabets that fold to `k` or `s` cannot stand there. What is not understood is no demand,
so a mistake here can only be one of too many demands; a property holds them against RE2.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_

from watchfloor.detect.syntax import Assertion, Choice, Letters, Node, Repeated, Several, Unknown, parsed

__all__ = ["Factors", "factors", "line"]

MOST_WORDS, MOST_LETTERS, LONGEST = 40, 6, 64
"""Literals of a choice that are kept apart; members of a class that are; bytes of a literal."""

COPIES = 8
"""How often something repeated is written out."""

SHORTEST = 2
"""Bytes of a literal worth looking for."""

NEARLY_ALL = 90
"""A set of so many bytes says nothing about a text."""

LINE = re.compile(r"\.\{(\d+),?\}")


@dataclass(frozen=True, slots=True)
class Factors:
    """What every text that fits holds, if it is ASCII; the text is looked at in lower case.

    Args:
        length: so many bytes at least.
        words: one of these literals; empty: no such demand.
        letters: of each of these sets (bit c: the byte c) one byte.
    """

    length: int = 0
    words: tuple[str, ...] = ()
    letters: tuple[int, ...] = ()


@dataclass(slots=True)
class _Part:
    """A part of an expression: the texts it can be, where they are few; else one of `words` is in it, and `letters`."""

    length: int = 0
    exact: frozenset[str] | None = None
    words: frozenset[str] = frozenset()
    letters: frozenset[int] = frozenset()

    def found(self) -> frozenset[str]:
        """Literals of which one is in it."""
        return self.exact if self.exact is not None and "" not in self.exact else self.words


EMPTY = frozenset(("",))


def factors(pattern: str, flags: str) -> Factors:
    """The demands of an RE2 expression that RE2 has accepted."""
    try:
        part = _part(parsed(pattern, flags))
    except Unknown:
        return Factors()
    words = part.found()
    if not words or min(map(len, words)) < SHORTEST:
        words = frozenset()
    return Factors(part.length, tuple(sorted(words)), tuple(sorted(part.letters, key=int.bit_count)))


def line(pattern: str, flags: str) -> tuple[int, bool] | None:
    """Of an expression that only asks for so many characters in a row: how many, and whether within a line."""
    found = LINE.fullmatch(pattern)
    return (int(found[1]), "s" not in flags) if found else None


def _part(node: Node) -> _Part:
    match node:
        case Letters(letters):
            return _Part(1) if letters is None else _of(letters)
        case Assertion():
            return _Part(0, EMPTY)
        case Choice(parts):
            return _either([_part(part) for part in parts])
        case Several(parts):
            return _joined([one for part in parts for one in _copies(part)])
        case Repeated():
            return _joined(_copies(node))


def _copies(node: Node) -> list[_Part]:
    """What is repeated, one behind the other."""
    if not isinstance(node, Repeated):
        return [_part(node)]
    part, least, most = _part(node.part), node.least, node.most
    if (least, most) == (0, 1) and part.exact is not None:
        return [_Part(0, part.exact | EMPTY)]
    parts = [part] * min(least, COPIES)
    if least > COPIES or most != least:
        parts.append(_Part(part.length * (least - len(parts))))
    return parts


def _of(letters: frozenset[str]) -> _Part:
    """One of some letters."""
    lowered = frozenset(letter.lower() for letter in letters)
    mask = sum(1 << ord(letter) for letter in lowered)
    needed = frozenset((mask,)) if mask.bit_count() < NEARLY_ALL else frozenset[int]()
    return _Part(1, lowered if 0 < len(lowered) <= MOST_LETTERS else None, letters=needed)


def _joined(parts: Sequence[_Part]) -> _Part:
    """One behind the other: neighbours that are known become longer literals."""
    held, found = EMPTY, [frozenset[str]()]
    known = True
    for part in parts:
        longer = None
        if part.exact is not None and len(held) * len(part.exact) <= MOST_WORDS:
            longer = frozenset(left + right for left in held for right in part.exact)
        if longer is None or max(map(len, longer)) > LONGEST:
            known = False
            found += [held, part.found()]
            held = part.exact if part.exact is not None else EMPTY
        else:
            held = longer
    letters = frozenset[int]().union(*(part.letters for part in parts))
    length = sum(part.length for part in parts)
    if known:
        return _Part(length, held, letters=letters)
    found.append(held)
    return _Part(length, None, max(found, key=_worth), letters)


def _worth(words: frozenset[str]) -> tuple[int, int]:
    """How much it helps to know that one of these is there."""
    return (min(map(len, words), default=0), -len(words))


def _either(parts: Sequence[_Part]) -> _Part:
    """One of several."""
    length = min(part.length for part in parts)
    letters = reduce(and_, (part.letters for part in parts))
    if all(part.exact is not None for part in parts):
        exact = frozenset[str]().union(*(part.exact or EMPTY for part in parts))
        if len(exact) <= MOST_WORDS:
            return _Part(length, exact, letters=letters)
    found = [part.found() for part in parts]
    words = frozenset[str]().union(*found) if all(found) else frozenset[str]()
    return _Part(length, None, words if len(words) <= MOST_WORDS else frozenset(), letters)
