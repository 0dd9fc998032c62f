"""A regular expression that RE2 has accepted, taken apart: as far as texts in ASCII are concerned.

    net\\s+(user|group)$      Several(Letters n, Letters e, Letters t, Repeated(Letters \\s, 1, None), Choice(..), END )

Letters beyond ASCII are in no set, for no ASCII text holds them. What is not understood raises `Unknown`: whoever asks
then leaves it to RE2. Syntax: RE2's own (github.com/google/re2/wiki/Syntax).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

__all__ = ["BEGIN", "END", "Assertion", "Choice", "Letters", "Node", "Repeated", "Several", "Unknown", "parsed"]

QUANTIFIER = re.compile(r"\{(\d+)(,(\d*))?\}")
GROUP = re.compile(r"\?(?:P?<\w+>|([imsU]*(?:-[imsU]+)?):)")
SETTING = re.compile(r"\?([imsU]*(?:-[imsU]+)?)\)")
CODE = re.compile(r"x(?:\{([0-9a-fA-F]+)\}|([0-9a-fA-F]{2}))")

ASCII = frozenset(map(chr, range(128)))
DIGITS = frozenset("0123456789")
WORDS = DIGITS | frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")
CLASSES = {"d": DIGITS, "w": WORDS, "s": frozenset("\t\n\f\r ")}
CONTROLS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v", "a": "\a"}


class Unknown(Exception):
    """Something in an expression that is not understood."""


@dataclass(frozen=True, slots=True)
class Letters:
    """One character out of a set; None: which ASCII letters it may be is not known."""

    letters: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Assertion:
    """Something that takes no character: `BEGIN`, `END`, or another one."""

    what: str = ""


@dataclass(frozen=True, slots=True)
class Several:
    """One behind the other."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeated:
    """`least` to `most` times; None: without limit."""

    part: Node
    least: int
    most: int | None


Node = Letters | Assertion | Several | Choice | Repeated

BEGIN, END = Assertion("begin"), Assertion("end")


@lru_cache(maxsize=4096)
def parsed(pattern: str, flags: str) -> Node:
    """The expression.

    Raises:
        Unknown: something in it is not understood.
    """
    return _Reader(pattern, flags).choice()


class _Reader:
    """Reads an expression from left to right; `flags` are those in force."""

    def __init__(self, pattern: str, flags: str) -> None:
        self._text = pattern
        self._at = 0
        self._flags = frozenset(flags)

    def _ahead(self) -> str:
        return self._text[self._at : self._at + 1]

    def choice(self) -> Node:
        """Up to the end, or to the bracket that closes this group."""
        parts = [self._sequence()]
        while self._ahead() == "|":
            self._at += 1
            parts.append(self._sequence())
        return parts[0] if len(parts) == 1 else Choice(tuple(parts))

    def _sequence(self) -> Node:
        parts: list[Node] = []
        while (ahead := self._ahead()) and ahead not in "|)":
            parts.append(self._repeated(self._one()))
        return parts[0] if len(parts) == 1 else Several(tuple(parts))

    def _repeated(self, part: Node) -> Node:
        ahead = self._ahead()
        if ahead and ahead in "*+?":
            self._at += 1
            least, most = {"*": (0, None), "+": (1, None), "?": (0, 1)}[ahead]
        elif found := QUANTIFIER.match(self._text, self._at):
            self._at = found.end()
            least = int(found[1])
            most = least if found[2] is None else int(found[3]) if found[3] else None
        else:
            return part
        if self._ahead() == "?":  # the shortest first: the same texts fit
            self._at += 1
        return Repeated(part, least, most)

    def _one(self) -> Node:
        letter = self._ahead()
        self._at += 1
        match letter:
            case "(":
                return self._group()
            case "[":
                return Letters(self._class())
            case ".":
                return Letters(ASCII if "s" in self._flags else ASCII - {"\n"})
            case "^" | "$":
                return Assertion() if "m" in self._flags else BEGIN if letter == "^" else END
            case "\\":
                letter = self._ahead()
                if letter and letter in "bBAz":
                    self._at += 1
                    return {"A": BEGIN, "z": END}.get(letter, Assertion())
                return Letters(self._folded(self._escaped()))
            case _:
                return Letters(self._folded(frozenset(letter)))

    def _group(self) -> Node:
        before = self._flags
        if self._ahead() == "?":
            if found := SETTING.match(self._text, self._at):
                self._at = found.end()
                self._set(found[1])
                if self._ahead() in ("?", "*", "+", "{"):  # would repeat what stands before the setting
                    raise Unknown
                return Several(())
            found = GROUP.match(self._text, self._at)
            if found is None:
                raise Unknown
            self._at = found.end()
            self._set(found[1] or "")
        part = self.choice()
        self._at += 1
        self._flags = before
        return part

    def _set(self, flags: str) -> None:
        on, _, off = flags.partition("-")
        self._flags = (self._flags | frozenset(on)) - frozenset(off)

    def _folded(self, letters: frozenset[str]) -> frozenset[str] | None:
        """The ASCII letters that are meant, in both cases where case does not matter."""
        if "i" in self._flags:
            if not "".join(letters).isascii():  # the sign of Kelvin is a k, an old s is an s
                return None
            letters = frozenset(case for letter in letters for case in (letter.lower(), letter.upper()))
        return letters & ASCII

    def _escaped(self) -> frozenset[str]:
        """The letters an escape means. Stands behind the backslash."""
        letter = self._ahead()
        self._at += 1
        if letter.lower() in CLASSES:
            found = CLASSES[letter.lower()]
            return found if letter.islower() else ASCII - found
        if letter in CONTROLS:
            return frozenset(CONTROLS[letter])
        if letter == "x" and (code := CODE.match(self._text, self._at - 1)):
            self._at = code.end()
            return frozenset(chr(int(code[1] or code[2], 16)))
        if letter.isascii() and not letter.isalnum() and letter:
            return frozenset(letter)
        raise Unknown

    def _class(self) -> frozenset[str] | None:
        """The ASCII letters of a class. Stands behind `[`."""
        negated = self._ahead() == "^"
        self._at += negated
        found: set[str] = set()
        first = True
        while first or self._ahead() != "]":
            first = False
            letter = self._ahead()
            if not letter or self._text.startswith("[:", self._at):
                raise Unknown
            self._at += 1
            members = self._escaped() if letter == "\\" else frozenset(letter)
            if self._ahead() == "-" and self._text[self._at + 1 : self._at + 2] not in ("", "]"):
                self._at += 1
                last = self._ahead()
                self._at += 1
                ends = self._escaped() if last == "\\" else frozenset(last)
                if len(members) != 1 or len(ends) != 1:
                    raise Unknown
                (low,), (high,) = members, ends
                found.update(map(chr, range(ord(low), min(ord(high), 127) + 1)))
                found |= ends
            else:
                found |= members
        self._at += 1
        letters = self._folded(frozenset(found))
        return ASCII - letters if negated and letters is not None else letters
