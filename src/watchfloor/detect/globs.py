"""The GLOBs and cased comparisons of one field: a literal makes them candidates, then they are walked (`verifying`)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from watchfloor.detect import verifying
from watchfloor.detect.comparison import Comparison, tester
from watchfloor.detect.predicate import Kind, Token
from watchfloor.detect.texts import Lowered, Texts
from watchfloor.words import Flags, Int32s

__all__ = ["Globs"]

OPEN = {
    Kind.EQUALS: (False, False),
    Kind.STARTSWITH: (False, True),
    Kind.ENDSWITH: (True, False),
    Kind.CONTAINS: (True, True),
}
"""Whether there may be something before the literal and behind it."""


class Globs:
    """Comparisons of whole texts, numbered 0.. in the order given.

    Args:
        atoms: GLOBs, and cased comparisons of other kinds.
    """

    def __init__(self, atoms: Sequence[Comparison]) -> None:
        self._atoms = tuple(atoms)
        programmes = [_programme(atom) for atom in self._atoms]
        self._cased = np.array([atom.cased for atom in self._atoms], np.bool_)
        self._starts = np.zeros(len(programmes) + 1, np.int64)
        np.cumsum([len(programme) for programme in programmes], out=self._starts[1:])
        self._programmes = np.array([step for programme in programmes for step in programme], np.int32)

    def __len__(self) -> int:
        return len(self._atoms)

    def fitting(self, texts: Texts, lower: Lowered, positions: Int32s, globs: Int32s) -> Flags:
        """Which of these pairs (text, GLOB) fit."""
        fits = np.zeros(len(positions), np.bool_)
        verifying.fitting(
            positions, globs, *texts, lower.data, lower.starts, lower.stops,
            self._cased, self._starts, self._programmes, fits,
        )  # fmt: skip
        for pair in np.flatnonzero(lower.foreign[positions]).tolist():
            fits[pair] = tester(self._atoms[globs[pair]])(texts.text(int(positions[pair])))
        return fits


def _programme(atom: Comparison) -> list[int]:
    """The bytes of the literals, MANY and ONE. A letter beyond ASCII is as good as any byte no ASCII text has."""
    if atom.kind is Kind.GLOB:
        parts = list(atom.value)
    else:
        before, behind = OPEN[atom.kind]
        parts = [Token.MANY] * before + [atom.value] + [Token.MANY] * behind
    steps: list[int] = []
    for part in parts:
        if isinstance(part, Token):
            steps.append(verifying.MANY if part is Token.MANY else verifying.ONE)
        else:
            steps += part.encode("utf-8", "replace")
    return steps
