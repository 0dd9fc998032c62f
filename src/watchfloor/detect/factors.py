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
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import and_

__all__ = ["Factors", "factors", "line"]

MOST_WORDS, MOST_LETTERS, LONGEST = 40, 6, 64
"""Literals of a choice that are kept apart; members of a class that are; bytes of a literal."""

COPIES = 8
"""How often something repeated is written out."""

SHORTEST = 2
"""Bytes of a literal worth looking for."""

LONGEST_REPEAT = 1000
"""What RE2 allows."""

QUANTIFIER = re.compile(r"\{(\d+)(,(\d*))?\}")
LINE = re.compile(r"\.\{(\d+),?\}")
GROUP = re.compile(r"\?(?:P?<\w+>|([a-zA-Z-]*):)")
SETTING = re.compile(r"\?([a-zA-Z-]+)\)")
CODE = re.compile(r"x(?:\{([0-9a-fA-F]+)\}|([0-9a-fA-F]{2}))")


def _mask(letters: Iterable[str]) -> int:
    return sum({1 << ord(letter.lower()) for letter in letters})


EVERY = (1 << 128) - 1
ASCII = [chr(code) for code in range(128)]
DIGITS = frozenset("0123456789")
WORDS = DIGITS | frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")
BLANKS = frozenset("\t\n\f\r ")
CLASSES = {"d": DIGITS, "w": WORDS, "s": BLANKS}
CONTROLS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v", "a": "\a"}
NOTHING_WIDE = "bBAz"


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
    letters: frozenset[int] = field(default_factory=frozenset)

    def found(self) -> frozenset[str]:
        """Literals of which one is in it."""
        return self.exact if self.exact is not None and "" not in self.exact else self.words


class _Unknown(Exception):
    """Something in an expression that is not understood."""


EMPTY = frozenset(("",))


def factors(pattern: str) -> Factors:
    """The demands of an RE2 expression that RE2 has accepted; flags do not matter to them."""
    try:
        part = _Reader(pattern).choice()
    except _Unknown:
        return Factors()
    words = part.found()
    if not words or min(map(len, words)) < SHORTEST:
        words = frozenset()
    return Factors(part.length, tuple(sorted(words)), tuple(sorted(part.letters, key=int.bit_count)))


def line(pattern: str, flags: str) -> tuple[int, bool] | None:
    """Of an expression that only asks for so many characters in a row: how many, and whether within a line."""
    found = LINE.fullmatch(pattern)
    return (int(found[1]), "s" not in flags) if found else None


class _Reader:
    """Reads an expression from left to right."""

    def __init__(self, pattern: str) -> None:
        self._text = pattern
        self._at = 0

    def _ahead(self) -> str:
        return self._text[self._at : self._at + 1]

    def choice(self) -> _Part:
        """Up to the end, or to the bracket that closes this group."""
        parts = [self._sequence()]
        while self._ahead() == "|":
            self._at += 1
            parts.append(self._sequence())
        return parts[0] if len(parts) == 1 else _either(parts)

    def _sequence(self) -> _Part:
        parts: list[_Part] = []
        while (ahead := self._ahead()) and ahead not in "|)":
            parts += self._repeated(self._one())
        return _joined(parts)

    def _repeated(self, part: _Part) -> list[_Part]:
        least, most = 1, 1
        ahead = self._ahead()
        if ahead and ahead in "*+?":
            self._at += 1
            least, most = {"*": (0, LONGEST_REPEAT), "+": (1, LONGEST_REPEAT), "?": (0, 1)}[ahead]
        elif found := QUANTIFIER.match(self._text, self._at):
            self._at = found.end()
            least = int(found[1])
            most = least if found[2] is None else int(found[3] or LONGEST_REPEAT)
        else:
            return [part]
        if self._ahead() == "?":  # the shortest first: the same texts fit
            self._at += 1
        if (least, most) == (0, 1) and part.exact is not None:
            return [_Part(0, part.exact | EMPTY)]
        parts = [part] * min(least, COPIES)
        if least > COPIES or most > least:
            parts.append(_Part(part.length * (least - len(parts))))
        return parts or [_Part(0, EMPTY)]

    def _one(self) -> _Part:
        letter = self._ahead()
        self._at += 1
        match letter:
            case "(":
                return self._group()
            case "[":
                return _of(self._class())
            case ".":
                return _Part(1)
            case "^" | "$":
                return _Part(0, EMPTY)
            case "\\":
                if self._ahead() in NOTHING_WIDE:
                    self._at += 1
                    return _Part(0, EMPTY)
                return _of(self._escaped())
            case _:
                return _of(frozenset(letter)) if letter.isascii() else _Part(1)

    def _group(self) -> _Part:
        if self._ahead() == "?":
            if found := SETTING.match(self._text, self._at):
                self._at = found.end()
                if self._ahead() in ("?", "*", "+", "{"):  # repeats what stands before the setting
                    raise _Unknown
                return _Part(0, EMPTY)
            found = GROUP.match(self._text, self._at)
            if found is None:
                raise _Unknown
            self._at = found.end()
        part = self.choice()
        self._at += 1
        return part

    def _escaped(self) -> frozenset[str] | None:
        """The ASCII letters an escape means; None for whatever. Stands behind the backslash."""
        letter = self._ahead()
        self._at += 1
        if letter.lower() in CLASSES:
            found = CLASSES[letter.lower()]
            return found if letter.islower() else frozenset(ASCII) - found
        if letter in CONTROLS:
            return frozenset(CONTROLS[letter])
        if letter == "x" and (code := CODE.match(self._text, self._at - 1)):
            self._at = code.end()
            number = int(code[1] or code[2], 16)
            return frozenset(chr(number)) if number < 128 else None
        if letter.isascii() and not letter.isalnum() and letter:
            return frozenset(letter)
        raise _Unknown

    def _class(self) -> frozenset[str] | None:
        """The ASCII letters of a class; None where it holds others that could fold to them. Stands behind `[`."""
        negated = self._ahead() == "^"
        self._at += negated
        found: set[str] = set()
        foreign = False
        first = True
        while first or self._ahead() != "]":
            first = False
            letter = self._ahead()
            if not letter or self._text.startswith("[:", self._at):
                raise _Unknown
            self._at += 1
            members = self._escaped() if letter == "\\" else frozenset(letter)
            if self._ahead() == "-" and self._text[self._at + 1 : self._at + 2] not in ("", "]"):
                self._at += 1
                last = self._ahead()
                self._at += 1
                ends = self._escaped() if last == "\\" else frozenset(last)
                if members is None or ends is None or len(members) != 1 or len(ends) != 1:
                    raise _Unknown
                (low,), (high,) = members, ends
                foreign = foreign or not high.isascii()
                found.update(chr(code) for code in range(ord(low), min(ord(high), 127) + 1))
            elif members is None or not "".join(members).isascii():
                foreign = True
            else:
                found |= members
        self._at += 1
        if negated:
            return frozenset(ASCII) - found
        return None if foreign else frozenset(found)


def _of(letters: frozenset[str] | None) -> _Part:
    """One of some letters."""
    if letters is None:
        return _Part(1)
    lowered = frozenset(letter.lower() for letter in letters)
    mask = _mask(lowered)
    needed = frozenset((mask,)) if mask != EVERY else frozenset[int]()
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
