"""A regular expression as a set of places in it, at most 64: a text is walked once, a bit says "we may stand here".

    \\s-c\\s      places   0: blank   1: -   2: c   3: blank        first = {0}    last = {3}
                 follow   0 -> {1}   1 -> {2}   2 -> {3}           sets['-'] = {1}, sets[' '] = {0, 3} ..

    where we stand after a byte = (first | follow of where we stood) & sets[byte]; it fits when that is a last place

Glushkov's construction (1961): no state explodes, nothing is compiled ahead, and whatever the text, a byte costs at
most 64 steps. What a text may begin with or end in as often as it likes is cut off first: `\\w{1,64}` at the end is
`\\w`. Of an expression with more places, or with something that is no place (`\\b`), the beginning is walked: where
that does not fit nothing does, the others are RE2's to decide. The walk is `verifying.standing`.
"""

from __future__ import annotations

from dataclasses import dataclass

from watchfloor.detect.syntax import BEGIN, END, Assertion, Choice, Letters, Node, Repeated, Several, Unknown, parsed

__all__ = ["MOST", "Positions"]

MOST = 64
"""Places of an expression: bits of a word."""

NEARLY_ALL = 90
"""Letters of a set that says nothing about a text."""


@dataclass(frozen=True, slots=True)
class Positions:
    """An expression, ready to be walked.

    Args:
        first, last: places it may begin and end with, one bit each.
        follow: per place those that may come next.
        sets: per ASCII byte the places it may stand in.
        begin, end: it must begin where the text does, or end where it ends.
        whole: it is all of the expression, not only its beginning.
    """

    first: int
    last: int
    follow: tuple[int, ...]
    sets: tuple[int, ...]
    begin: bool
    end: bool
    whole: bool

    @classmethod
    def of(cls, pattern: str, flags: str) -> Positions | None:
        """For an RE2 expression; None when it is not one for us."""
        try:
            parts = _flat(parsed(pattern, flags))
        except Unknown:
            return None
        begin, end = bool(parts) and parts[0] == BEGIN, bool(parts) and parts[-1] == END
        parts = parts[begin : len(parts) - end]
        if not begin:
            parts = _shortened(parts)
        if not end:
            parts = _shortened(parts[::-1])[::-1]
        walked = _beginning(parts)
        whole = len(walked) == len(parts) and walked == parts
        end = end and whole
        places = _Places()
        nullable, first, last = places.enter(Several(tuple(walked if whole else _shortened(walked[::-1])[::-1])))
        if nullable:
            return None
        sets = [0] * 128
        for place, letters in enumerate(places.letters):
            for letter in letters:
                sets[ord(letter)] |= 1 << place
        return cls(first, last, tuple(places.follow), tuple(sets), begin, end, whole)


def _flat(node: Node) -> list[Node]:
    """The parts of a sequence, nested ones opened."""
    if isinstance(node, Several):
        return [part for inner in node.parts for part in _flat(inner)]
    return [node]


def _shortened(parts: list[Node]) -> list[Node]:
    """Parts of which the first may be preceded by anything: as few repetitions as it needs."""
    while parts and isinstance(parts[0], Repeated):
        least, part = parts[0].least, parts[0].part
        parts = parts[1:]
        if least:
            return [Repeated(part, least, least), *parts]
    return parts


def _beginning(parts: list[Node]) -> list[Node]:
    """As many parts as there are places for; of what is repeated the repetitions that must be."""
    found: list[Node] = []
    room = MOST
    for part in parts:
        size = _size(part)
        if size is None or size > room:
            match part:  # so much of nearly any letter would keep all places busy and say nothing
                case Repeated(Letters(letters) as inner, least) if letters is not None and len(letters) < NEARLY_ALL:
                    found.append(Repeated(inner, min(least, room), min(least, room)))
            break
        found.append(part)
        room -= size
    return found


def _size(node: Node) -> int | None:
    """How many places a part takes; None when it cannot be walked."""
    match node:
        case Letters(letters):
            return None if letters is None else 1
        case Assertion():
            return None
        case Several(parts) | Choice(parts):
            sizes = [_size(part) for part in parts]
            return None if None in sizes else sum(size for size in sizes if size)
        case Repeated(part, least, most):
            size = _size(part)
            return None if size is None else size * (max(least, 1) if most is None else most)


class _Places:
    """Places numbered as they are met."""

    def __init__(self) -> None:
        self.letters: list[frozenset[str]] = []
        self.follow: list[int] = []

    def enter(self, node: Node) -> tuple[bool, int, int]:
        """Give a part its places; returns whether it may be empty, its first and its last places."""
        match node:
            case Assertion():
                raise AssertionError("has no place")
            case Letters(letters):
                place = 1 << len(self.follow)
                self.letters.append(letters or frozenset())
                self.follow.append(0)
                return False, place, place
            case Several(parts):
                whole = (True, 0, 0)
                for part in parts:
                    whole = self._behind(whole, self.enter(part))
                return whole
            case Choice(parts):
                found = [self.enter(part) for part in parts]
                nullable, first, last = False, 0, 0
                for one in found:
                    nullable, first, last = nullable or one[0], first | one[1], last | one[2]
                return nullable, first, last
            case Repeated(part, least, most):
                return self._repeated(part, least, most)

    def _repeated(self, part: Node, least: int, most: int | None) -> tuple[bool, int, int]:
        whole = (True, 0, 0)
        for copy in range(max(least, 1) if most is None else most):
            nullable, first, last = self.enter(part)
            if most is None and copy >= least - 1:
                self._join(last, first)
            whole = self._behind(whole, (nullable or copy >= least, first, last))
        return whole

    def _behind(self, left: tuple[bool, int, int], right: tuple[bool, int, int]) -> tuple[bool, int, int]:
        self._join(left[2], right[1])
        return (
            left[0] and right[0],
            left[1] | (right[1] if left[0] else 0),
            right[2] | (left[2] if right[0] else 0),
        )

    def _join(self, last: int, first: int) -> None:
        for place in range(len(self.follow)):
            if last >> place & 1:
                self.follow[place] |= first
