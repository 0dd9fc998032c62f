"""How usual an hour of the day is, on a working day or a weekend: for one person, or for all others of a group.

    pctl   per cent of all hours with an entry that were no more usual than this one; 0 is an hour nobody came in at

An hour is as usual as it, the one before and the one after are together: nobody is out of pattern who is late for once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from watchfloor.world.spread import told

__all__ = ["SATURDAY", "Group", "own"]

Numbers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

SATURDAY = 5


def own(window: Numbers, weekend: Mask, whose: Numbers, hour: Numbers) -> dict[str, Floats]:
    """Entries against those of the same person.

    Args:
        window: a bit for each hour of a day with an entry. Shape (people, days).
        weekend: which days are none of work. Shape (days,).
        whose: row of `window`. Shape (events,).
        hour: hours since 1970-01-01 on the estate's clocks. Shape (events,).
    """
    people, row = np.unique(whose, return_inverse=True)
    counts = _counts(window[people], weekend)
    return told(counts.sum(axis=1)[row], {"pctl": _usual(counts, row, _slot(hour))})


@dataclass(frozen=True, slots=True)
class Group:
    """Hours of a group.

    Args:
        members: rows of the window.
        counts: per member how often each hour. Shape (members, 48): of working days, of weekends.
    """

    members: Numbers
    counts: Numbers

    @classmethod
    def of(cls, window: Numbers, weekend: Mask, members: Numbers) -> Group:
        """The group of some rows of a window (see `own`)."""
        return cls(members, _counts(window[members], weekend))

    def answer(self, whose: Numbers, hour: Numbers) -> dict[str, Floats]:
        """Entries against those of all other members; `n` is how many of them came at all (see `own`)."""
        people, row = np.unique(whose, return_inverse=True)
        at = np.minimum(np.searchsorted(self.members, people), len(self.members) - 1)
        inside = self.members[at] == people
        mine = np.where(inside[:, None], self.counts[at], 0)
        others = (self.counts.sum(axis=1) > 0).sum() - (mine.sum(axis=1) > 0)
        left = self.counts.sum(axis=0)[None, :] - mine
        return told(others[row], {"pctl": _usual(left, row, _slot(hour))})


def _counts(bits: Numbers, weekend: Mask) -> Numbers:
    """How often each hour. Shape (people, 48)."""
    came = (bits[:, :, None] >> np.arange(24)) & 1
    return np.concatenate([came[:, ~weekend].sum(axis=1), came[:, weekend].sum(axis=1)], axis=1)


def _slot(hour: Numbers) -> Numbers:
    """Position of an hour in `_counts`; 1970-01-01 was a Thursday."""
    return np.where((hour // 24 + 3) % 7 >= SATURDAY, 24, 0) + hour % 24


def _usual(counts: Numbers, row: Numbers, slot: Numbers) -> Floats:
    """Per event, per cent of entries in hours no more usual than its own."""
    day = counts.reshape(-1, 2, 24)
    usual = (np.roll(day, 1, axis=2) + day + np.roll(day, -1, axis=2)).reshape(-1, 48)
    pairs, place = np.unique(row * 48 + slot, return_inverse=True)
    who, when = pairs // 48, pairs % 48
    no_more = usual[who] <= usual[who, when][:, None]
    found = (counts[who] * no_more).sum(axis=1) / np.maximum(counts[who].sum(axis=1), 1)
    answers: Floats = 100.0 * found[place.ravel()]
    return answers
