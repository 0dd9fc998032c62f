"""Every value met lately, and what the rules think of it.

A value is judged when it is first met; afterwards it is found again by its hash (and its bytes: an attacker chooses
values, not our random key) and costs one look-up. The store is bounded: when it has outgrown its budget, the values not
met for longest are forgotten before the next batch, down to half of it, and that is counted.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from operator import is_
from typing import Any, NamedTuple

import numpy as np

from watchfloor.detect import arena
from watchfloor.detect.matcher import Matcher
from watchfloor.detect.texts import Texts
from watchfloor.words import Bytes, Flags, Hashes, Int32s, Int64s

__all__ = ["Question", "Split", "ValueStore", "random_key"]

FIRST_UNITS = 1 << 15
FIRST_RECORDS = 1 << 12
AGES = 64
"""Batches told apart when values are forgotten by age."""


def random_key() -> tuple[np.uint64, np.uint64]:
    """A key for hashing values, new in every process."""
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


Split = Callable[[bytes], list[str]]
"""The texts in a value that holds several."""


class ValueStore:
    """Values of all columns with their marks; the data is drawn in `arena.py`.

    Args:
        key: the key for hashing.
        budget: bytes the store may hold when a batch begins.

    Mark sets and places of records are good until the next call of `trim`.
    """

    def __init__(self, key: tuple[np.uint64, np.uint64], budget: int) -> None:
        self._key = key
        self._budget = budget
        self.evictions = 0
        """How often values were forgotten because the budget was spent."""
        self.forgotten = 0
        """Values forgotten so far."""
        self.scanned = 0
        """Values judged so far: what was not found in the store."""
        self._epoch = 0
        self._slots: Hashes = np.zeros(2 * FIRST_RECORDS, np.uint64)
        self._arena: Bytes = np.empty(0, np.uint8)
        self._take(np.empty(8 * FIRST_UNITS, np.uint8))
        self.mark_starts: Int64s = np.zeros(FIRST_RECORDS, np.int64)
        self.marks: Int32s = np.empty(FIRST_RECORDS, np.int32)
        self._fresh: Int64s = np.empty(FIRST_RECORDS, np.int64)
        self._used: Int64s = np.zeros(2, np.int64)
        self._sets = 0

    def _take(self, array: Bytes) -> None:
        self._arena, self._heads = array, array.view(np.int32)

    def forget(self) -> None:
        """Drop all values."""
        self._slots[:] = 0
        self._used[:] = 0
        self._sets = 0

    @property
    def count(self) -> int:
        """Values known."""
        return int(self._used[1])

    @property
    def nbytes(self) -> int:
        """Memory held."""
        arrays = (self._slots, self._arena, self.mark_starts, self.marks, self._fresh)
        return sum(array.nbytes for array in arrays)

    def trim(self) -> None:
        """Begin a batch; if the budget is spent, forget the oldest values. No ids may be in use."""
        self._epoch += 1
        held = 8 * int(self._used[0]) + self._slots.nbytes + 12 * self._sets
        if held <= self._budget:
            return
        sizes = np.zeros(AGES + 1, np.int64)
        arena.ages(self._heads, int(self._used[0]), self._epoch, sizes)
        fitting = int(np.searchsorted(np.cumsum(8 * sizes[:AGES]), self._budget // 2, "right"))
        before = self.count
        self._sweep(self._epoch - fitting + 1)
        self.evictions += 1
        self.forgotten += before - self.count

    def _sweep(self, oldest: int) -> None:
        """Keep the values met in batch `oldest` or later."""
        units = max(FIRST_UNITS, int(self._used[0]))
        new, starts, marks = np.empty(8 * units, np.uint8), np.empty_like(self.mark_starts), np.empty_like(self.marks)
        self._slots = np.zeros(len(self._slots), np.uint64)
        used, records, sets = arena.sweep(
            self._arena, self._heads, int(self._used[0]), oldest, self.mark_starts, self.marks, self._slots,
            *self._key, new, new.view(np.int32), starts, marks,
        )  # fmt: skip
        self._take(new)
        self.mark_starts, self.marks = starts, marks
        self._used[:] = used, records
        self._sets = sets

    def look_up(
        self,
        asks: Int64s,
        rows: int,
        masks: Flags,
        filters: Hashes,
        memo: Int32s,
        levels: Bytes,
        questions: Sequence[tuple[Question, Split | None]],
    ) -> tuple[Bytes, Bytes]:
        """What the rows of a batch hold, column by column (`arena.ASK`), into `memo`; values never met are judged.

        Args:
            asks: the columns; those with the same question stand side by side.
            questions: per ask what is asked of it; and how its values are split, if each holds several texts.

        Returns:
            Per ask how much its values matter; per row whether a rule may hold there (`arena.weigh`, `arena.flag`).
        """
        progress = np.zeros(3, np.int64)
        fresh_starts = np.zeros(len(asks) + 1, np.int64)
        while not arena.look_up(
            asks, rows, masks, filters, memo, self._slots, self._arena, self._heads, self._used, self._epoch,
            *self._key, self._fresh, fresh_starts, progress,
        ):  # fmt: skip
            self._grow(int(asks[progress[0], arena.SIZE]), int(progress[2]))
        if progress[2]:
            try:
                self._judge(fresh_starts, questions)
            except BaseException:
                self.forget()  # values without a judgement must not stay
                raise
        weights, hot = np.zeros(len(asks), np.uint8), np.zeros(rows, np.uint8)
        arena.weigh(asks, memo, self._heads, self.mark_starts, self.marks, levels, weights)
        arena.flag(asks, rows, memo, weights, hot)
        return weights, hot

    def _judge(self, fresh_starts: Int64s, questions: Sequence[tuple[Question, Split | None]]) -> None:
        """Judge the new records, all of one question at once."""
        ask = 0
        texts = self._arena.view()
        texts.setflags(write=False)
        while ask < len(questions):
            following = ask + 1
            while following < len(questions) and all(map(is_, questions[following], questions[ask])):
                following += 1
            places = self._fresh[fresh_starts[ask] : fresh_starts[following]]
            if len(places):
                question, split = questions[ask]
                starts, stops = np.empty(len(places), np.int64), np.empty(len(places), np.int64)
                arena.texts_of_records(self._heads, places, starts, stops)
                if split is None:
                    owners, atoms = question.matcher.scan(Texts(texts, starts, stops))
                else:
                    pieces = [
                        split(texts[start:stop].tobytes())
                        for start, stop in zip(starts.tolist(), stops.tolist(), strict=True)
                    ]
                    of_piece = np.repeat(np.arange(len(pieces), dtype=np.int32), [len(piece) for piece in pieces])
                    owners, atoms = question.matcher.scan(Texts.of([text for piece in pieces for text in piece]))
                    owners = of_piece[owners]
                self._settle(question, places, owners, atoms)
                self.scanned += len(places)
            ask = following

    def _settle(self, question: Question, places: Int64s, owners: Int32s, atoms: Int32s) -> None:
        """Give records their marks."""
        ends = np.empty(len(places), np.int64)
        arena.count_marks(owners, atoms, question.atom_starts, ends)
        most = int(ends[-1])
        if self._sets + len(places) + 1 > len(self.mark_starts):
            self.mark_starts = _grown(self.mark_starts, self._sets + len(places) + 1)
        need = int(self.mark_starts[self._sets]) + most
        if need > len(self.marks):
            self.marks = _grown(self.marks, need)
        self._sets = arena.settle(
            owners, atoms, question.atom_starts, question.atom_marks, ends, np.full(question.marks, -1, np.int32),
            np.empty(most, np.int32), places, self._heads, self._sets, self.mark_starts, self.marks,
        )  # fmt: skip

    def _grow(self, size: int, new: int) -> None:
        """Room for a column of so many bytes."""
        units, records = int(self._used[0]), int(self._used[1])
        if 2 * (records + 1) > len(self._slots):
            self._slots = np.zeros(2 * len(self._slots), np.uint64)
            arena.rehash(self._arena, self._heads, units, self._slots, *self._key)
        elif new == len(self._fresh):
            self._fresh = _grown(self._fresh, new + 1)
        else:
            self._take(_grown(self._arena, (8 * units + size + 64) // 8 * 8))


def _grown(array: Any, least: int) -> Any:
    """The array with room for `least` entries, at least half as long again."""
    larger = np.empty(max(least, len(array) + len(array) // 16 * 8), array.dtype)
    larger[: len(array)] = array
    return larger
