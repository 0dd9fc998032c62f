"""What a rulebook is once it is compiled: plain data, the same in every process, so that it can be kept between starts.

    rules ── Questions ──┬─ fields      per place in an event: the comparisons (atoms) that rules make with it, and per
                         │              mark ("this test holds for the value") the atoms that set it
                         ├─ references  tests that compare two fields
                         └─ plans       per route met so far: the rules left there, as code over marks

Atoms, marks and tests are numbered in the order of the rules, so the numbers mean the same wherever the same rules are
compiled. The rules themselves are not in here, nor is anything made with the random key of a process.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import msgspec
import numpy as np

from watchfloor.detect.comparison import Comparison
from watchfloor.detect.expressions import Understood
from watchfloor.detect.plan import Plan
from watchfloor.detect.predicate import Kind
from watchfloor.detect.questions import Asked, Field, Questions, ReferenceTest
from watchfloor.detect.sealed import packed, unpacked
from watchfloor.errors import RuleError
from watchfloor.words import Int32s, Int64s

__all__ = ["Compiled", "FieldQuestions"]

Route = tuple[str | None, ...]
"""Texts of the route columns."""


@dataclass(frozen=True, eq=False)
class FieldQuestions:
    """What rules ask of one field.

    Args:
        place: which field.
        packed: its comparisons in msgpack, in the order of their numbers (atoms).
        mark_starts: per mark where its atoms begin in `mark_atoms`; one more entry than marks.
        mark_atoms: atom numbers; a mark holds when one of its atoms does.
        expressions: what is understood of its expressions, packed; nothing where it has none.
    """

    place: Field
    packed: bytes
    mark_starts: Int64s
    mark_atoms: Int32s
    expressions: bytes

    @classmethod
    def of(cls, place: Field, asked: Asked) -> FieldQuestions:
        """From what a rulebook asks."""
        starts = np.zeros(len(asked.marks) + 1, np.int64)
        np.cumsum([len(atoms) for atoms in asked.marks], out=starts[1:])
        atoms = np.array([atom for atoms in asked.marks for atom in atoms], np.int32)
        expressions = [atom.value for atom in asked.atoms if atom.kind is Kind.REGEX]
        understood = packed(Understood.of(expressions)) if expressions else b""
        return cls(place, msgspec.msgpack.encode(list(asked.atoms)), starts, atoms, understood)

    @cached_property
    def atoms(self) -> tuple[Comparison, ...]:
        """The comparisons."""
        return msgspec.msgpack.decode(self.packed, type=tuple[Comparison, ...])

    def understood(self) -> Understood | None:
        """What is known of its expressions."""
        return unpacked(self.expressions, Understood) if self.expressions else None

    @property
    def marks(self) -> int:
        """How many marks there are."""
        return len(self.mark_starts) - 1

    def by_atom(self) -> tuple[Int64s, Int32s]:
        """Per atom where its marks begin (one more entry than atoms), and the marks."""
        starts = np.zeros(len(self.atoms) + 1, np.int64)
        np.cumsum(np.bincount(self.mark_atoms, minlength=len(self.atoms)), out=starts[1:])
        marks = np.repeat(np.arange(self.marks, dtype=np.int32), np.diff(self.mark_starts))
        return starts, marks[np.argsort(self.mark_atoms, kind="stable")]


@dataclass(slots=True)
class Compiled:
    """All of a rulebook that matching needs.

    Args:
        fields: by field number.
        references: tests that compare two fields, by test number.
        unrouted: positions of rules whose log source the taxonomy does not know.
        rejected: (position, what, remedy) of rules that cannot run.
        plans, routes: what has been made of the rules for the routes met so far; -1: no rule can match there.
    """

    fields: Sequence[FieldQuestions]
    references: Mapping[int, ReferenceTest]
    unrouted: Sequence[int] = ()
    rejected: Sequence[tuple[int, str, str | None]] = ()
    plans: Sequence[Plan] = ()
    routes: Sequence[tuple[Route, int]] = field(default_factory=list)

    @classmethod
    def of(cls, questions: Questions) -> Compiled:
        """Without a plan: those are made when their route is met."""
        tests = enumerate(questions.tests)
        return cls(
            [FieldQuestions.of(place, asked) for place, asked in zip(questions.fields, questions.asked, strict=True)],
            {number: test for number, test in tests if isinstance(test, ReferenceTest)},
            questions.unrouted,
            [(position, error.what, error.remedy) for position, error in questions.rejected.items()],
        )

    def rejections(self) -> dict[int, RuleError]:
        """Position -> why a rule cannot run."""
        return {position: RuleError(what, remedy=remedy) for position, what, remedy in self.rejected}
