"""Literals anywhere in a text, all at once: Aho and Corasick's automaton."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from watchfloor.detect import scanning
from watchfloor.detect.trie import joined
from watchfloor.errors import RuleError
from watchfloor.words import Bytes, Int32s

__all__ = ["Automaton"]

MOST_ENTRIES = 2**29
"""Transitions one automaton may have (2 GiB): states * classes must also fit an int32 with a flag."""


@dataclass(frozen=True, slots=True, eq=False)
class Automaton:
    """A dense automaton over byte classes (`scanning.build_automaton`).

    Args:
        moves: next state * width per (state * width + class), sign bit set when it reports.
        classes: byte -> class; bytes no literal holds share class 0. Shape (256,), uint8.
        width: number of classes; 0 when there are no literals.
        first, again, outputs: what a state reports.
        needles: literal -> the number the owner gave it.
    """

    moves: Int32s
    classes: Bytes
    width: int
    first: Int32s
    again: Int32s
    outputs: Int32s
    needles: Int32s

    @classmethod
    def of(cls, literals: Sequence[tuple[bytes, int]]) -> Automaton:
        """From (literal, needle number); no literal is empty.

        Raises:
            RuleError: the literals are too many for one automaton.
        """
        classes = np.zeros(256, np.uint8)
        if not literals:
            none = np.empty(0, np.int32)
            return cls(none, classes, 0, none, none, none, none)
        literals = sorted(literals)
        data, offsets = joined([literal for literal, _ in literals])
        used = np.unique(data)
        if len(used) == 256:  # class 0 means "in no literal": 256 classes cannot all be told apart from it
            raise RuleError("literals over all 256 byte values cannot be text")
        classes[used] = np.arange(1, len(used) + 1, dtype=np.uint8)
        width = len(used) + 1
        if (int(offsets[-1]) + 1) * width > MOST_ENTRIES:
            raise RuleError(
                f"{len(literals)} `contains` literals of {int(offsets[-1])} bytes on one field are too many",
                remedy="compare whole values (no wildcard) for long lists of indicators",
            )
        moves, first, again, outputs = scanning.build_automaton(data, offsets, classes, width)
        needles = np.array([needle for _, needle in literals], np.int32)
        return cls(moves, classes, width, first, again, outputs, needles)

    @property
    def nbytes(self) -> int:
        """Memory held."""
        parts = (self.moves, self.classes, self.first, self.again, self.outputs, self.needles)
        return sum(part.nbytes for part in parts)
