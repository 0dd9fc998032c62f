"""The memory of values: one arena of records, found by hash. Kernels; `values.py` owns the arrays.

    slots     | tag, place | 0 | tag, place | ..        open addressing, a power of two, never more than half full
                     |
    arena     | head: mark set, asker, length, epoch | the bytes of the value, padded to 8 | head | bytes ..
                     |
    marks     | starts[set] .. starts[set + 1]          which tests of rules hold for the value

A value is looked up once per batch: one slot, whose tag (half the hash) turns most strangers away, then the record,
head and bytes side by side. Equal tags are settled by comparing asker, length and bytes. Most values have no mark and
so no mark set (`NOTHING`). A value never seen gets its record at once and stays `PENDING` until the matcher has judged
it. `asker` says what was asked of the value: the same text means something else in another field. `epoch` is the batch
in which it was last met; when the arena is full, `sweep` copies the younger records into a new one.

Columns come as rows of `asks` (addresses, see `ASK`), so that one call serves all columns of a batch.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from watchfloor.words import (
    Bytes,
    Flags,
    Hashes,
    Int32s,
    Int64s,
    bytes_at,
    copy,
    hashed,
    int32s_at,
    kernel,
    load,
    lower,
    same,
)

ASK = (
    "codes",
    "values",
    "offsets",
    "data",
    "size",
    "asker",
    "kept",
    "memo",
    "skim",
    "skim_shift",
    "skim_gram",
    "level",
)
"""What an ask says of a column.

codes: address of its codes (int32, one per row). values: how many values it has. offsets, data, size: addresses of
the values' offsets (int32) and bytes, and how many bytes there are. asker: who asks. kept: row of `masks` with the rows
that count, -1 all. memo: where its values begin in `memo`. skim, skim_shift, skim_gram: its filter (see `skims`),
skim_gram 0 when it has none. level: where its marks begin in `levels`.
"""
(CODES, VALUES, OFFSETS, DATA, SIZE, ASKER, KEPT, MEMO, SKIM, SKIM_SHIFT, SKIM_GRAM, LEVEL) = range(12)

NOTHING, PENDING = np.int32(-1), np.int32(-2)
"""Mark sets of values without a mark, and of values not judged yet."""

UNSEEN, WANTED = np.int32(-3), np.int32(-2)
"""In `memo`, before the look-up: no row has the value; some row has."""

NO_MARK = np.int32(-2)
"""In `memo`, at the end: nobody in this batch minds the value. Even, so that its lowest bit says "not hot"."""

HEAD = 16
"""Bytes of a record before its text."""

SKIM_STRIDE = 4

U = np.uint64
ONE = U(1)
TAG, REFERENCE = U(0xFFFFFFFF00000000), U(0x00000000FFFFFFFF)
HIGH = U(0x8080808080808080)
MULTIPLIER = U(0x9E3779B97F4A7C15)
B6, B63 = U(6), U(63)


@kernel
def _hash(data: Any, at: Any, length: Any, asker: Any, k0: Any, k1: Any) -> Any:
    return hashed(data, at, length, k0, k1 ^ (U(asker) * MULTIPLIER))


@kernel
def enter(slots: Any, h: Any, place: Any) -> None:
    """Put a record that is not there into the slots."""
    mask = U(len(slots) - 1)
    slot = h & mask
    while slots[slot] != U(0):
        slot = (slot + ONE) & mask
    slots[slot] = (h & TAG) | U(place + 1)


@kernel
def may_hold(data: Any, start: Any, stop: Any, filters: Any, base: Any, shift: Any, gram: Any) -> Any:
    """Could data[start:stop] hold a literal of the filter, in any case? True for all texts beyond ASCII."""
    if stop + 8 > len(data):
        return True
    mask = (ONE << U(gram * 8)) - ONE if gram < 8 else ~U(0)
    at = start
    seen = U(0)
    hit = U(0)
    while at + gram <= stop:
        word = load(data, at)
        seen |= word
        bit = ((lower(word) & mask) * MULTIPLIER) >> shift
        hit |= filters[base + (bit >> B6)] >> (bit & B63)
        at += SKIM_STRIDE
    if at < stop:
        seen |= load(data, at)
    return (hit & ONE) != U(0) or (seen & HIGH) != U(0)


@kernel
def possible(
    data: Bytes, starts: Int64s, stops: Int64s, filters: Hashes, base: int, shift: int, gram: int, found: Flags
) -> None:
    """found[i]: text data[starts[i]:stops[i]] could hold a literal of the filter."""
    for i in range(len(starts)):
        found[i] = may_hold(data, starts[i], stops[i], filters, U(base), U(shift), gram)


@kernel
def look_up(
    asks: Int64s, rows: int, masks: Flags, filters: Hashes, memo: Int32s, slots: Hashes, arena: Bytes, heads: Int32s,
    used: Int64s, epoch: int, k0: np.uint64, k1: np.uint64, fresh: Int64s, fresh_starts: Int64s, progress: Int64s,
) -> bool:  # fmt: skip
    """The records of all values that the rows of a batch have, into `memo`; values never seen get one, PENDING.

    memo[ask.memo + code] = place of the record (in units of 8 bytes), or negative when no row asks or nothing asked can
    hold. New records stand in `fresh`, those of ask i between fresh_starts[i] and [i + 1].
    used = [end of the arena in use (in units of 8 bytes), records]; progress = [ask, code, new records], kept between
    calls. Returns False when there is no room for one more record: to be called again with more, or True at the end.
    """
    mask = U(len(slots) - 1)
    for ask in range(progress[0], len(asks)):
        codes = int32s_at(asks[ask, CODES], rows)
        values = asks[ask, VALUES]
        offsets = int32s_at(asks[ask, OFFSETS], values + 1)
        data = bytes_at(asks[ask, DATA], asks[ask, SIZE])
        asker, base, gram = asks[ask, ASKER], asks[ask, MEMO], asks[ask, SKIM_GRAM]
        if progress[1] == 0:
            fresh_starts[ask] = progress[2]
            kept = asks[ask, KEPT]
            memo[base : base + values] = UNSEEN
            if kept >= 0:
                for row in range(rows):
                    if codes[row] >= 0 and masks[kept, row]:
                        memo[base + codes[row]] = WANTED
            elif values * 4 <= rows:
                memo[base : base + values] = WANTED
            else:
                for row in range(rows):
                    if codes[row] >= 0:
                        memo[base + codes[row]] = WANTED
        for code in range(progress[1], values):
            if memo[base + code] != WANTED:
                continue
            start, stop = np.int64(offsets[code]), np.int64(offsets[code + 1])
            length = stop - start
            if gram > 0 and not may_hold(
                data, start, stop, filters, U(asks[ask, SKIM]), U(asks[ask, SKIM_SHIFT]), gram
            ):
                continue
            h = _hash(data, start, length, asker, k0, k1)
            tag = h & TAG
            slot = h & mask
            held = slots[slot]
            place = np.int64(-1)
            while held != U(0):
                if (held & TAG) == tag:
                    at = np.int64(held & REFERENCE) - 1
                    if (
                        heads[2 * at + 1] == asker
                        and heads[2 * at + 2] == length
                        and same(data, start, arena, 8 * at + HEAD, length)
                    ):
                        place = at
                        break
                slot = (slot + ONE) & mask
                held = slots[slot]
            if place < 0:
                size = (HEAD + length + 7) >> 3
                if 8 * (used[0] + size) > len(arena) or 2 * (used[1] + 1) > len(slots) or progress[2] == len(fresh):
                    progress[0] = ask
                    progress[1] = code
                    return False
                place = used[0]
                slots[slot] = tag | U(place + 1)
                heads[2 * place] = PENDING
                heads[2 * place + 1] = asker
                heads[2 * place + 2] = length
                copy(data, start, length, arena, 8 * place + HEAD)
                used[0] += size
                used[1] += 1
                fresh[progress[2]] = place
                progress[2] += 1
            heads[2 * place + 3] = epoch
            memo[base + code] = place
        progress[1] = 0
    progress[0] = len(asks)
    fresh_starts[len(asks)] = progress[2]
    return True


@kernel
def texts_of_records(heads: Int32s, places: Int64s, starts: Int64s, stops: Int64s) -> None:
    """Where the texts of records stand in the arena."""
    for i in range(len(places)):
        starts[i] = 8 * places[i] + HEAD
        stops[i] = starts[i] + heads[2 * places[i] + 2]


@kernel
def count_marks(owners: Int32s, atoms: Int32s, atom_starts: Int64s, ends: Int64s) -> None:
    """From pairs (value, atom) in any order: where the marks of each value would end, repetitions included."""
    ends[:] = 0
    for i in range(len(owners)):
        ends[owners[i]] += atom_starts[atoms[i] + 1] - atom_starts[atoms[i]]
    for value in range(1, len(ends)):
        ends[value] += ends[value - 1]


@kernel
def settle(
    owners: Int32s, atoms: Int32s, atom_starts: Int64s, atom_marks: Int32s, ends: Int64s, last: Int32s, room: Int32s,
    places: Int64s, heads: Int32s, sets: int, mark_starts: Int64s, marks: Int32s,
) -> int:  # fmt: skip
    """Give judged values their mark sets, numbered from `sets` on, each mark once; returns the next number.

    `ends` as `count_marks` left it; `room` has as many entries as it says; `last` one per mark, all -1.
    """
    for i in range(len(owners) - 1, -1, -1):
        value = owners[i]
        for k in range(atom_starts[atoms[i]], atom_starts[atoms[i] + 1]):
            ends[value] -= 1
            room[ends[value]] = atom_marks[k]
    for value in range(len(places)):  # ends[value] is now where the marks of the value begin
        heads[2 * places[value]] = NOTHING
        stop = ends[value + 1] if value + 1 < len(ends) else len(room)
        at = mark_starts[sets]
        for k in range(ends[value], stop):
            mark = room[k]
            if last[mark] != value:
                last[mark] = value
                marks[at] = mark
                at += 1
        if at > mark_starts[sets]:
            heads[2 * places[value]] = sets
            sets += 1
            mark_starts[sets] = at
    return sets


@kernel
def weigh(
    asks: Int64s, memo: Int32s, heads: Int32s, mark_starts: Int64s, marks: Int32s, levels: Bytes, weights: Bytes
) -> None:
    """From records to what rows need: memo = 2 * mark set + hot, or NO_MARK.

    levels[ask.level + mark]: 0 no plan of the batch minds the mark, 1 some rule asks, 2 it may begin a rule (it is a
    witness); a value with such a mark is hot. weights[ask]: the highest level any of its values has.
    """
    for ask in range(len(asks)):
        base, first = asks[ask, MEMO], asks[ask, LEVEL]
        highest = np.uint8(0)
        for i in range(base, base + asks[ask, VALUES]):
            place = np.int64(memo[i])
            memo[i] = NO_MARK
            if place < 0:
                continue
            number = heads[2 * place]
            if number < 0:
                continue
            level = np.uint8(0)
            for k in range(mark_starts[number], mark_starts[number + 1]):
                level = max(level, levels[first + marks[k]])
            if level > 0:
                memo[i] = 2 * number + (1 if level > 1 else 0)
                highest = max(highest, level)
        weights[ask] = highest


@kernel
def flag(asks: Int64s, rows: int, memo: Int32s, weights: Bytes, hot: Bytes) -> None:
    """hot[row] = 1 where a value of the row is hot; others stay."""
    for ask in range(len(asks)):
        if weights[ask] > 1:
            codes = int32s_at(asks[ask, CODES], rows)
            base = asks[ask, MEMO]
            for row in range(rows):
                if codes[row] >= 0:
                    hot[row] |= np.uint8(memo[base + codes[row]] & 1)


@kernel
def rehash(arena: Bytes, heads: Int32s, used: int, slots: Hashes, k0: np.uint64, k1: np.uint64) -> None:
    """Fill empty slots with all records."""
    place = np.int64(0)
    while place < used:
        length = np.int64(heads[2 * place + 2])
        enter(slots, _hash(arena, 8 * place + HEAD, length, heads[2 * place + 1], k0, k1), place)
        place += (HEAD + length + 7) >> 3


@kernel
def ages(heads: Int32s, used: int, epoch: int, sizes: Int64s) -> None:
    """sizes[age] = units of 8 bytes of the records last met `age` batches ago; the last entry: that long or longer."""
    place = np.int64(0)
    while place < used:
        size = (HEAD + np.int64(heads[2 * place + 2]) + 7) >> 3
        age = epoch - np.int64(heads[2 * place + 3])
        sizes[age if age < len(sizes) else len(sizes) - 1] += size
        place += size


@kernel
def sweep(
    arena: Bytes, heads: Int32s, used: int, oldest: int, mark_starts: Int64s, marks: Int32s, slots: Hashes,
    k0: np.uint64, k1: np.uint64, new_arena: Bytes, new_heads: Int32s, new_starts: Int64s, new_marks: Int32s,
) -> tuple[int, int, int]:  # fmt: skip
    """Copy the records last met in batch `oldest` or later, with their marks, into new arrays; enter them into slots.

    Returns the units of 8 bytes in use, the records and the mark sets.
    """
    place = np.int64(0)
    to: Any = np.int64(0)
    records = sets = 0
    new_starts[0] = 0
    while place < used:
        length = np.int64(heads[2 * place + 2])
        size = (HEAD + length + 7) >> 3
        if heads[2 * place + 3] >= oldest:
            new_arena[8 * to : 8 * (to + size)] = arena[8 * place : 8 * (place + size)]
            number = heads[2 * place]
            if number >= 0:
                new_heads[2 * to] = sets
                at = new_starts[sets]
                for k in range(mark_starts[number], mark_starts[number + 1]):
                    new_marks[at] = marks[k]
                    at += 1
                sets += 1
                new_starts[sets] = at
            enter(slots, _hash(arena, 8 * place + HEAD, length, heads[2 * place + 1], k0, k1), to)
            to += size
            records += 1
        place += size
    return to, records, sets
