"""Literals at the start or the end of a text, all at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from watchfloor.detect import scanning
from watchfloor.words import Bytes, Int32s, Int64s

__all__ = ["Trie", "joined"]


def joined(literals: Sequence[bytes]) -> tuple[Bytes, Int64s]:
    """The literals one behind the other, and where each begins (one more entry than literals)."""
    offsets = np.zeros(len(literals) + 1, np.int64)
    np.cumsum([len(literal) for literal in literals], out=offsets[1:])
    return np.frombuffer(b"".join(literals) or b"\0", np.uint8), offsets


@dataclass(frozen=True, slots=True, eq=False)
class Trie:
    """A trie held as a hash table of edges (`scanning.build_trie`).

    Args:
        keys: node * 256 + byte per table place, -1 where empty; length zero when there are no literals.
        targets: the node an edge leads to.
        first, again: the literals that end in a node, as a chain.
        needles: literal -> the number the owner gave it.
    """

    keys: Int64s
    targets: Int32s
    first: Int32s
    again: Int32s
    needles: Int32s

    @classmethod
    def of(cls, literals: Sequence[tuple[bytes, int]], *, backwards: bool = False) -> Trie:
        """From (literal, needle number); `backwards` reads literals and texts from their ends."""
        if not literals:
            none = np.empty(0, np.int32)
            return cls(np.empty(0, np.int64), none, none, none, none)
        data, offsets = joined([literal for literal, _ in literals])
        needles = np.array([needle for _, needle in literals], np.int32)
        return cls(*scanning.build_trie(data, offsets, backwards), needles)

    @property
    def nbytes(self) -> int:
        """Memory held."""
        return sum(part.nbytes for part in (self.keys, self.targets, self.first, self.again, self.needles))
