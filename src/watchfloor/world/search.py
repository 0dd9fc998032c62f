"""The kernels of timelines and of the history: per row the interval of its key that holds at its time.

first     begin of each key's intervals in since and until; one more at the end
last      per key the interval that answered last: events come nearly in order, so it mostly answers again
found     per row the interval, -1 where none holds

The search stands in both: as a function of its own it cost the history half its pace.
"""

from __future__ import annotations

from typing import Any

import numba

__all__ = ["answer", "search", "within"]


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


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
def answer(
    first: Any, since: Any, until: Any, last: Any, value: Any, moment: Any, confidence: Any, lowest: Any, keys: Any,
    times: Any, found_value: Any, found_since: Any, found_moment: Any, found_confidence: Any,
) -> None:  # fmt: skip
    """Fill in what holds: value, since, moment and confidence of the interval of each row that has one.

    `lowest` is per key the time from which on these intervals count and replace what was filled in; empty: always.
    """
    overlay = len(lowest) > 0
    for row in range(len(keys)):
        key, time = keys[row], times[row]
        if key < 0 or key >= len(first) - 1:
            continue
        if overlay:
            if time < lowest[key]:
                continue
            found_value[row], found_since[row], found_moment[row], found_confidence[row] = -1, 0, 0, 0
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
            found_value[row], found_since[row] = value[near], since[near]
            found_moment[row], found_confidence[row] = moment[near], confidence[near]


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
def within(first: Any, since: Any, until: Any, start: Any, end: Any, low: Any, high: Any) -> None:
    """Fill in per key the first interval that ends after `start`, and the first that begins at `end` or later."""
    for key in range(len(low)):
        for bound, edge in ((0, start), (1, end)):
            left, right = first[key], first[key + 1]
            while left < right:
                middle = (left + right) >> 1
                before = until[middle] <= edge if bound == 0 else since[middle] < edge
                if before:
                    left = middle + 1
                else:
                    right = middle
            if bound == 0:
                low[key] = left
            else:
                high[key] = left
