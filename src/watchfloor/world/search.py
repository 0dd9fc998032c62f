"""The kernel of timelines: per row the interval of its key that holds at its time.

first     begin of each key's intervals in since and until; one more at the end
last      per key the interval that answered last: events come nearly in order, so it mostly answers again
found     per row the interval, -1 where none holds
"""

from __future__ import annotations

from typing import Any

import numba

__all__ = ["search"]


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
def search(first: Any, since: Any, until: Any, last: Any, keys: Any, times: Any, found: Any) -> None:
    """Fill `found`; intervals of one key are sorted and do not overlap."""
    for row in range(len(keys)):
        key, time = keys[row], times[row]
        found[row] = -1
        if key < 0:
            continue
        low, high = first[key], first[key + 1]
        if low == high:
            continue
        near = last[key]
        if not (since[near] <= time and (near + 1 == high or time < since[near + 1])):
            while low < high:  # the first that begins later
                middle = (low + high) >> 1
                if since[middle] <= time:
                    low = middle + 1
                else:
                    high = middle
            if low == first[key]:
                continue
            near = low - 1
            last[key] = near
        if time < until[near]:
            found[row] = near
