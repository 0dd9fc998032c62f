"""Every value ever seen, and what the rules think of it.

A value is judged when it is first met; afterwards it is found again by its hash (and its bytes: an attacker chooses
values, not our random key) and costs one look-up. The store is bounded: when it has grown over its budget it forgets
everything before the next batch, and counts that.
"""

from __future__ import annotations

import secrets
from typing import Any, NamedTuple

import numpy as np

from watchfloor.detect import kernels
from watchfloor.detect.kernels import Int32s, Int64s
from watchfloor.detect.matcher import Matcher, Texts

__all__ = ["Question", "ValueStore", "random_key"]

FIRST_VALUES = 1 << 12
FIRST_BYTES = 1 << 18


def random_key() -> tuple[np.uint64, np.uint64]:
    """A key for SipHash, new in every process."""
    return np.uint64(secrets.randbits(64)), np.uint64(secrets.randbits(64))


class Question(NamedTuple):
    """What the rules ask of one field: its comparisons, and which marks each one sets.

    Args:
        matcher: the comparisons (atoms).
        atom_starts: per atom where its marks begin in `atom_marks` (one more entry than atoms).
        atom_marks: mark numbers, 0..marks-1.
        marks: how many marks the field has; a mark is "this test of some rules holds for the value".
    """

    matcher: Matcher
    atom_starts: Int64s
    atom_marks: Int32s
    marks: int


class ValueStore:
    """Values of all columns with their marks.

    Args:
        key: the key for hashing.
        budget: bytes the store may hold when a batch begins.

    A value's id is good until the next call of `trim`. `asker` keeps the values of different questions apart.
    """

    def __init__(self, key: tuple[np.uint64, np.uint64], budget: int) -> None:
        self._key = key
        self._budget = budget
        self.evictions = 0
        """How often everything was forgotten because the budget was spent."""
        self.scanned = 0
        """Values judged so far: what was not found in the store."""
        self.forget()

    def forget(self) -> None:
        """Drop all values."""
        self.count = 0
        self._table = np.full(2 * FIRST_VALUES, -1, np.int32)
        self._hashes = np.empty(FIRST_VALUES, np.uint64)
        self._askers = np.empty(FIRST_VALUES, np.int32)
        self._starts = np.zeros(FIRST_VALUES + 1, np.int64)
        self._arena = np.empty(FIRST_BYTES, np.uint8)
        self.mark_starts = np.zeros(FIRST_VALUES + 1, np.int64)
        self.marks = np.empty(FIRST_VALUES, np.int32)

    @property
    def nbytes(self) -> int:
        """Memory held."""
        arrays = (self._table, self._hashes, self._askers, self._starts, self._arena, self.mark_starts, self.marks)
        return sum(array.nbytes for array in arrays)

    def trim(self) -> None:
        """Forget everything if the budget is spent; to be called when no ids are in use."""
        if self.nbytes > self._budget:
            self.forget()
            self.evictions += 1

    def look_up(self, asker: int, question: Question, texts: Texts, wanted: Int32s) -> Int32s:
        """The ids of the wanted texts; texts not met before are judged now."""
        return self._look_up(
            asker, texts, wanted, lambda fresh: _marks(question, *question.matcher.scan(texts, fresh), len(fresh))
        )

    def look_up_several(self, asker: int, question: Question, texts: Texts, wanted: Int32s, split: Any) -> Int32s:
        """As `look_up` for values that hold several texts each: `split(bytes)` gives them."""

        def judge(fresh: Int32s) -> tuple[Int32s, Int64s]:
            pieces = [split(texts.bytes(index)) for index in fresh.tolist()]
            owners = np.repeat(np.arange(len(pieces), dtype=np.int32), [len(piece) for piece in pieces])
            flat = [text for piece in pieces for text in piece]
            positions, atoms = question.matcher.scan(Texts.of(flat), np.arange(len(flat), dtype=np.int32))
            return _marks(question, owners[positions], atoms, len(fresh))

        return self._look_up(asker, texts, wanted, judge)

    def _look_up(self, asker: int, texts: Texts, wanted: Int32s, judge: Any) -> Int32s:
        found = np.empty(len(wanted), np.int32)
        hashes = np.empty(len(wanted), np.uint64)
        fresh = np.empty(len(wanted), np.int32)
        unknown, size = kernels.find(
            texts.data, texts.offsets, wanted, asker, *self._key,
            self._table, self._hashes, self._askers, self._starts, self._arena, found, hashes, fresh,
        )  # fmt: skip
        if unknown:
            self._reserve(unknown, size)
            added = kernels.insert(
                texts.data, texts.offsets, wanted, asker, unknown,
                self._table, self._hashes, self._askers, self._starts, self._arena, self.count, found, hashes, fresh,
            )  # fmt: skip
            try:
                marks, ends = judge(wanted[fresh[:added]])
            except BaseException:
                self.forget()  # values without a judgement must not stay
                raise
            base = int(self.mark_starts[self.count])
            if base + len(marks) > len(self.marks):
                self.marks = _grown(self.marks, base + len(marks))
            self.marks[base : base + len(marks)] = marks
            self.mark_starts[self.count : self.count + added + 1] = ends + base
            self.count += added
            self.scanned += added
        return found

    def _reserve(self, values: int, size: int) -> None:
        """Room for so many more values of so many bytes together."""
        count = self.count + values
        if count > len(self._hashes):
            self._hashes = _grown(self._hashes, count)
            self._askers = _grown(self._askers, count)
            self._starts = _grown(self._starts, count + 1)
            self.mark_starts = _grown(self.mark_starts, count + 1)
        if 2 * count > len(self._table):
            self._table = np.full(1 << (2 * count).bit_length(), -1, np.int32)
            kernels.rehash(self._hashes, self.count, self._table)
        need = int(self._starts[self.count]) + size
        if need > len(self._arena):
            self._arena = _grown(self._arena, need)


def _marks(question: Question, owners: Int32s, atoms: Int32s, values: int) -> tuple[Int32s, Int64s]:
    """Pairs (value, atom) as marks: all marks one behind the other, and where each value's begin."""
    starts = np.empty(values + 1, np.int64)
    last = np.full(question.marks, -1, np.int32)
    marks = kernels.collect(owners, atoms, question.atom_starts, question.atom_marks, values, last, starts, 0)
    return marks, starts


def _grown(array: Any, least: int) -> Any:
    """The array with room for `least` entries, at least half as long again."""
    larger = np.empty(max(least, len(array) + len(array) // 2), array.dtype)
    larger[: len(array)] = array
    return larger
