"""Texts as numbers, each read once for all limits. Kernel of `matcher.py`.

    " -12.50e3\\n"   ->   1250 (digits, below 2**53), exponent 1   ->   12500.0        one product of two exact doubles

What counts as a number is what `comparison.numeric` says: decimal, as JSON and vendors write it. A double is exact up
to 2**53, and so are the powers of ten up to 22: their product or quotient is rounded once, as `float` does it (Clinger,
1990). What has more digits or a larger exponent is left open, for Python.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from watchfloor.words import Bytes, Flags, Int64s, kernel

MOST_DIGITS, EXACT = 18, 1 << 53
POWERS = np.array([10.0**power for power in range(23)])


@kernel
def _blank(byte: Any) -> Any:
    return byte == 32 or 9 <= byte <= 13


@kernel
def _number(data: Any, at: Any, stop: Any) -> Any:
    """(is it a number, is it open, the number)."""
    while at < stop and _blank(data[at]):
        at += 1
    while at < stop and _blank(data[stop - 1]):
        stop -= 1
    sign = 1.0
    if at < stop and (data[at] == 43 or data[at] == 45):
        sign = -1.0 if data[at] == 45 else 1.0
        at += 1
    digits = np.int64(0)
    exponent = np.int64(0)
    length = written = 0
    point = False
    while at < stop:
        byte = np.int64(data[at])
        if 48 <= byte <= 57:
            written += 1
            if length > 0 or byte > 48:
                length += 1
            if length <= MOST_DIGITS:
                digits = digits * 10 + byte - 48
            if point:
                exponent -= 1
        elif byte == 46 and not point:
            point = True
        else:
            break
        at += 1
    if written == 0:
        return False, False, 0.0
    if at < stop:
        if data[at] != 69 and data[at] != 101:
            return False, False, 0.0
        at += 1
        negative = at < stop and data[at] == 45
        if at < stop and (data[at] == 43 or data[at] == 45):
            at += 1
        if at == stop:
            return False, False, 0.0
        power = np.int64(0)
        while at < stop:
            byte = np.int64(data[at])
            if byte < 48 or byte > 57:
                return False, False, 0.0
            power = min(power * 10 + byte - 48, np.int64(1_000_000))
            at += 1
        exponent += -power if negative else power
    if length > MOST_DIGITS or digits > EXACT or exponent < -22 or exponent > 22:
        return True, True, 0.0
    if exponent < 0:
        return True, False, sign * (np.float64(digits) / POWERS[-exponent])
    return True, False, sign * (np.float64(digits) * POWERS[exponent])


@kernel
def read(data: Bytes, starts: Int64s, stops: Int64s, values: npt.NDArray[np.float64], open_: Flags) -> None:
    """values[i]: the number text i writes, NaN when it writes none, or when open_[i] says that Python must read it."""
    for i in range(len(starts)):
        found, left, value = _number(data, starts[i], stops[i])
        open_[i] = left
        values[i] = value if found and not left else np.nan
