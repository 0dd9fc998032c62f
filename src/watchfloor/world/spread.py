"""How amounts of days are spread, robustly: of one person, or of all others of a group; how far out an event lies.

    z      (log amount - median of the logs) / (1.4826 MAD of the logs), the scale never below a tenth
    pctl   per cent of days with no more than that
    share  amount / 99th percentile of the days: a correlation that sums it up to 1 has found a day above that

Amounts are compared by their logarithm: twice as much is as far from usual for whoever sends little as for whoever
sends much. Days further out than `FAR` scales are left out, so that what was taken once does not make it usual to take
as much again. (Median and MAD bear up to half of all days being wrong: Rousseeuw and Croux 1993.)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["ENOUGH", "FAR", "Group", "own", "told"]

Numbers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

ENOUGH = 10
"""Of fewer days or people nothing is usual (reference 6.1)."""

FAR = 6.0
"""So many scales from the median a day is no example."""

CONSISTENT = 1.4826
"""A MAD times this is the standard deviation, of normal spread."""

LEAST_SCALE = 0.1
"""Smaller differences (of logarithms) are none: somebody who sends the same every day is no precision instrument."""

NOWHERE = 1 << 62

HIGH = 0.99
"""The percentile of a day that `share` counts in."""


def told(n: Numbers, found: Mapping[str, Floats]) -> dict[str, Floats]:
    """`n`, and the rest where it is enough; nan elsewhere."""
    known = {name: np.where(n >= ENOUGH, values, np.nan) for name, values in found.items()}
    return {"n": n.astype(np.float64), **known}


def own(window: Numbers, whose: Numbers, amount: Numbers) -> dict[str, Floats]:
    """Events against the days of the same person.

    Args:
        window: amounts of days, 0 where there was nothing. Shape (people, days).
        whose: row of `window`. Shape (events,).
        amount: above 0. Shape (events,).
    """
    people, row = np.unique(whose, return_inverse=True)
    logs = np.sort(_logs(window[people]), axis=1)  # nan come last
    median, scale = _robust(logs)
    logs = np.sort(np.where(np.abs(logs - median[:, None]) <= FAR * scale[:, None], logs, np.nan), axis=1)
    n = np.isfinite(logs).sum(axis=1)
    high = np.log(_quantile(np.exp(logs), n, HIGH))
    asked = np.log(amount)
    below = (logs[row] <= asked[:, None]).sum(axis=1)
    return told(n[row], _answers(asked, below, n[row], median[row], scale[row], high[row]))


@dataclass(frozen=True, slots=True)
class Group:
    """Days of a group, sorted once for all its members.

    Args:
        members: rows of the window.
        logs: of the amounts that count, ascending. Shape (amounts,).
        places: per member where its own days stand in `logs`, ascending; NOWHERE where it has fewer. Shape
            (members, days).
        active: per member whether it has any. Shape (members,).
        median, scale: of them all.
    """

    members: Numbers
    logs: Floats
    places: Numbers
    active: npt.NDArray[np.bool_]
    median: float
    scale: float

    @classmethod
    def of(cls, window: Numbers, members: Numbers) -> Group:
        """The group of some rows of a window (see `own`)."""
        every = _logs(window[members])
        median, scale = _robust(np.sort(every.reshape(1, -1), axis=1))
        kept = np.isfinite(every) & (np.abs(every - median[0]) <= FAR * scale[0])
        values = every[kept]
        order = np.argsort(values, kind="stable")
        ranks = np.empty(len(values), np.int64)
        ranks[order] = np.arange(len(values))
        places = np.full(every.shape, NOWHERE, np.int64)
        places[kept] = ranks
        return cls(members, values[order], np.sort(places, axis=1), kept.any(axis=1), float(median[0]), float(scale[0]))

    def answer(self, whose: Numbers, amount: Numbers) -> dict[str, Floats]:
        """Events against the days of all other members.

        Args:
            whose: member, as in `members`; who is none has no days in the group. Shape (events,).
            amount: above 0. Shape (events,).
        """
        people, row = np.unique(whose, return_inverse=True)
        at = np.minimum(np.searchsorted(self.members, people), len(self.members) - 1)
        inside = self.members[at] == people
        mine = np.where(inside[:, None], self.places[at], NOWHERE)
        others = self.active.sum() - np.where(inside, self.active[at], False)
        days = len(self.logs) - (mine < NOWHERE).sum(axis=1)
        high = self._without(mine, days)
        asked = np.log(amount)
        upto = np.searchsorted(self.logs, asked, "right")
        below = upto - (mine[row] < upto[:, None]).sum(axis=1)
        median, scale = np.full(len(row), self.median), np.full(len(row), self.scale)
        return told(others[row], _answers(asked, below, days[row], median, scale, high[row]))

    def _without(self, mine: Numbers, days: Numbers) -> Floats:
        """The high percentile of what is left when each member's own days are taken out."""
        position = HIGH * np.maximum(days - 1, 0)
        low = np.floor(position).astype(np.int64)
        high = np.minimum(low + 1, np.maximum(days - 1, 0))
        ahead = mine - np.arange(mine.shape[1])  # how many of the others stand before each of one's own
        ahead = np.where(mine < NOWHERE, ahead, NOWHERE)
        padded = np.append(self.logs, np.nan)
        upper, lower = (
            np.exp(padded[np.minimum(at + (ahead <= at[:, None]).sum(axis=1), len(self.logs))]) for at in (high, low)
        )
        found: Floats = np.log(lower + (upper - lower) * (position - low))
        return found


def _logs(amounts: Numbers) -> Floats:
    return np.log(np.where(amounts > 0, amounts.astype(np.float64), np.nan))


def _robust(logs: Floats) -> tuple[Floats, Floats]:
    """Median and scale of each row; rows are ascending, with nan at the end."""
    n = np.isfinite(logs).sum(axis=1)
    median = _quantile(logs, n, 0.5)
    apart = np.sort(np.abs(logs - median[:, None]), axis=1)
    return median, np.fmax(CONSISTENT * _quantile(apart, n, 0.5), LEAST_SCALE)


def _quantile(ordered: Floats, n: Numbers, share: float) -> Floats:
    """Of the first `n` of each row, between two numbers on a line (NumPy's `linear`)."""
    if ordered.shape[1] == 0:
        return np.full(len(ordered), np.nan)
    rows, position = np.arange(len(ordered)), share * np.maximum(n - 1, 0)
    low = np.floor(position).astype(np.int64)
    high = np.minimum(low + 1, np.maximum(n - 1, 0))
    return ordered[rows, low] + (ordered[rows, high] - ordered[rows, low]) * (position - low)


def _answers(
    asked: Floats, below: Numbers, days: Numbers, median: Floats, scale: Floats, high: Floats
) -> dict[str, Floats]:
    return {
        "pctl": 100.0 * below / np.maximum(days, 1),
        "z": (asked - median) / scale,
        "median": np.exp(median),
        "share_of_p99": np.exp(asked - high),
    }
