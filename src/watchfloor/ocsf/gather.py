"""Columns -> entries of maps, row by row: the one loop of this floor that arrays alone do too slowly.

Imported when first needed: importing Numba takes most of a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.int32]

__all__ = ["entries"]


def entries(
    columns: Sequence[Codes], first: npt.NDArray[np.int64], place: Codes, rows: int
) -> tuple[Codes, Codes, Codes]:
    """The values present, row by row, in each row column by column.

    Args:
        columns: per column its codes, -1 for "no value"; each of shape (rows,).
        first: per column where its values begin in `place`.
        place: per value of all columns its number among the distinct values.
        rows: how many rows there are.

    Returns:
        offsets (rows + 1,) of the rows' entries; per entry its column; per entry its value's number in `place`.
    """
    offsets = np.zeros(rows + 1, np.int32)
    for codes in columns:
        _count(codes, offsets)
    np.cumsum(offsets, out=offsets)
    which, values = np.empty(offsets[-1], np.int32), np.empty(offsets[-1], np.int32)
    filled = offsets[:-1].copy()
    for number, codes in enumerate(columns):
        _fill(codes, number, place[first[number] :], filled, which, values)
    return offsets, which, values


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
def _count(codes: Any, offsets: Any) -> None:
    for row in range(len(codes)):
        if codes[row] >= 0:
            offsets[row + 1] += 1


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
def _fill(codes: Any, number: Any, place: Any, filled: Any, which: Any, values: Any) -> None:
    for row in range(len(codes)):
        if codes[row] >= 0:
            at = filled[row]
            which[at] = number
            values[at] = place[codes[row]]
            filled[row] = at + 1
