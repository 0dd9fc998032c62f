"""One column against another, row by row: field references. Kernel of `engine.py`.

    row 17:  left  codes[17] -> C : \\ W i n d o w s \\ x . e x e        equals, contains, startswith, endswith:
             right codes[17] -> c : \\ w i n d o w s \\ x . e x e        eight bytes at a time, lower-cased on the way

Two texts are compared where they stand, which costs less than remembering the answer. Without regard to case only
ASCII is decided here; where either text holds more the answer is OPEN, and so is a search that would take too many
steps: both texts are an attacker's to choose.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from watchfloor.words import Bytes, Int32s, Int64s, kernel, load, lower, tail

NO, YES, OPEN = np.uint8(0), np.uint8(1), np.uint8(2)

EQUALS, CONTAINS, STARTSWITH, ENDSWITH = range(4)

MOST_STEPS = 1 << 18
"""Bytes compared at most to find one text in another."""

U = np.uint64
HIGH = U(0x8080808080808080)


@kernel
def _foreign(data: Any, at: Any, stop: Any) -> Any:
    """Is there a byte above 127 in data[at:stop]?"""
    seen = U(0)
    while at + 8 <= stop:
        seen |= load(data, at)
        at += 8
    if at < stop:
        seen |= tail(data, at, stop - at)
    return (seen & HIGH) != U(0)


@kernel
def _alike(left: Any, a: Any, right: Any, b: Any, length: Any, cased: Any) -> Any:
    """left[a:a+length] == right[b:b+length], or the same in lower case."""
    end = a + length
    while a + 8 <= end:
        one, other = load(left, a), load(right, b)
        if one != other and (cased or lower(one) != lower(other)):
            return False
        a += 8
        b += 8
    if a == end:
        return True
    one, other = tail(left, a, end - a), tail(right, b, end - a)
    return one == other or (not cased and lower(one) == lower(other))


@kernel
def compare(
    rows: Int32s, left_codes: Int32s, left: Bytes, left_starts: Int64s, left_stops: Int64s, right_codes: Int32s,
    right: Bytes, right_starts: Int64s, right_stops: Int64s, mode: int, cased: bool, answers: Bytes,
) -> None:  # fmt: skip
    """answers[i]: does the left text of rows[i] equal, contain, start with or end with the right one? Missing: NO."""
    for i in range(len(rows)):
        answers[i] = NO
        one, other = left_codes[rows[i]], right_codes[rows[i]]
        if one < 0 or other < 0:
            continue
        a, end = left_starts[one], left_stops[one]
        b = right_starts[other]
        length = right_stops[other] - b
        if not cased and (_foreign(left, a, end) or _foreign(right, b, b + length)):
            answers[i] = OPEN
            continue
        spare = end - a - length
        if spare < 0 or (mode == EQUALS and spare > 0):
            continue
        if mode == CONTAINS:
            if (spare + 1) * length > MOST_STEPS:
                answers[i] = OPEN
                continue
            for at in range(a, a + spare + 1):
                if _alike(left, at, right, b, length, cased):
                    answers[i] = YES
                    break
        elif _alike(left, a + (spare if mode == ENDSWITH else np.int64(0)), right, b, length, cased):
            answers[i] = YES
