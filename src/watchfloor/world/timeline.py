"""What held when, for many rows at once: a partition of time per key, searched by a kernel (search.py).

    key        0                    1              2
    first      0                    3              4          4
    since      10     25     40     0
    until      25     30     90     99
               |      |      |      |
    row (key 0, time 27) -> interval 1       row (key 0, time 35) -> none: a gap       row (key 2, any time) -> none

Intervals of one key do not overlap; [since, until), UTC epoch milliseconds. Events come nearly in order and ask of the
same keys again and again, so the interval that answered last for a key is tried first; else the key's own few are
searched by halves.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["Timelines"]

Numbers = npt.NDArray[np.int64]
Found = npt.NDArray[np.int32]


class Timelines:
    """Intervals by key, ready to be asked.

    Args:
        keys: how many keys there are.
        key: whose each interval is, 0 to keys - 1. Shape (intervals,).
        since, until: UTC epoch milliseconds, until not included.

    Raises:
        ValueError: two intervals of one key overlap, or one ends before it starts.
    """

    def __init__(self, keys: int, key: npt.ArrayLike, since: npt.ArrayLike, until: npt.ArrayLike) -> None:
        whose = np.asarray(key, np.int32)
        begin, end = np.asarray(since, np.int64), np.asarray(until, np.int64)
        order = np.lexsort((begin, whose))
        self.order: Numbers = order.astype(np.int64)
        """Position in what was given, per interval as it is kept."""
        whose, self._since, self._until = whose[order], begin[order], end[order]
        same = whose[1:] == whose[:-1]
        if np.any(self._since >= self._until) or np.any(same & (self._since[1:] < self._until[:-1])):
            raise ValueError("intervals of one key overlap, or one is empty")
        self._first = np.searchsorted(whose, np.arange(keys + 1)).astype(np.int64)
        self._last = self._first[:-1].copy()

    def __len__(self) -> int:
        return len(self._since)

    def at(self, key: Found, times: Numbers) -> Numbers:
        """Per row the position (in what was given) of the interval that holds, -1 where none does.

        Args:
            key: per row the key, -1 for none. Shape (rows,).
            times: UTC epoch milliseconds. Shape (rows,).
        """
        from watchfloor.world.search import search  # takes half a second, which who asks for one person need not wait

        found = np.empty(len(key), np.int64)
        if len(self._since) == 0:
            found.fill(-1)
            return found
        search(
            self._first, self._since, self._until, self._last,
            np.ascontiguousarray(key, np.int32), np.ascontiguousarray(times, np.int64), found,
        )  # fmt: skip
        hit = found >= 0
        found[hit] = self.order[found[hit]]
        return found
