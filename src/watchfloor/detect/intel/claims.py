"""What sources say of values, and which of it holds at a moment.

Most values have one claim, and a list of a million values makes the same claim of each. So claims are kept once, and a
value holds one number: that of its claim, or, with SEVERAL added, where its claims are counted and listed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from watchfloor.detect.intel.exact import Found
from watchfloor.detect.intel.indicator import DECAYS, Claim
from watchfloor.words import Int32s, Int64s

__all__ = ["SEVERAL", "Claims", "Held", "combined"]

SEVERAL = 1 << 31
"""Added to a number that is a place in `Claims.lists`."""

Floats = npt.NDArray[np.float64]


class Held(NamedTuple):
    """Per row what holds: the number of the pair and of the claim, -1 for none; and how sure it is, 0 to 100."""

    pairs: Int64s
    claims: Int64s
    scores: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Claims:
    """All claims of all kinds.

    Args:
        said: the claims; sorted, so that what comes first does not depend on the order in which feeds were read.
        lists: how many, then their numbers, of values that have several.
    """

    said: Sequence[Claim]
    lists: Int32s
    _columns: Mapping[str, npt.NDArray[Any]]

    @classmethod
    def of(cls, said: Sequence[Claim], lists: Int32s) -> Claims:
        """From claims in their order."""
        models = [DECAYS[one.decay] for one in said]
        columns: dict[str, npt.NDArray[Any]] = {
            "since": np.array([one.since for one in said], np.int64),
            "until": np.array([one.until for one in said], np.int64),
            "seen": np.array([one.seen for one in said], np.int64),
            "base": np.array([one.confidence for one in said], np.float64),
            "verdict": np.array([abs(one.verdict) for one in said], np.int64),
            "benign": np.array([*(one.verdict < 0 for one in said), False]),
            "usable": np.array([not one.held for one in said], np.int64),
            "lifetime": np.array([model.lifetime_ms for model in models], np.float64),
            "power": np.array([1.0 / model.delta for model in models], np.float64),
            "threshold": np.array([model.threshold for model in models], np.float64),
        }
        return cls(said, lists, columns)

    @property
    def benign(self) -> npt.NDArray[np.bool_]:
        """Per claim whether it is a verdict that there is nothing bad; of claim -1 too."""
        found: npt.NDArray[np.bool_] = self._columns["benign"]
        return found

    def numbers(self, claim: int) -> list[int]:
        """The numbers of the claims a value holds."""
        if claim < SEVERAL:
            return [claim]
        start = claim - SEVERAL
        found: list[int] = self.lists[start + 1 : start + 1 + int(self.lists[start])].tolist()
        return found

    def holding(self, found: Found, codes: Int32s, times: Int64s) -> Held:
        """What holds in each row: a verdict before what feeds say, the narrower before the wider, then the surer.

        Args:
            found: what is known of the distinct values; ascending by text.
            codes: per row the number of its value, -1 where it has none.
            times: per row its time, UTC epoch milliseconds.
        """
        rows = len(codes)
        pairs, claims = np.full(rows, -1, np.int64), np.full(rows, -1, np.int64)
        scores = np.zeros(rows)
        size = max(int(codes.max(initial=-1)), int(found.texts.max(initial=-1))) + 2
        count_of = np.bincount(found.texts, minlength=size)
        counts = np.where(codes >= 0, count_of[codes], 0)
        hit = np.flatnonzero(counts)
        if len(hit) == 0:
            return Held(pairs, claims, scores)
        # one entry per row and pair, then one per row, pair and claim
        first = np.concatenate([[0], np.cumsum(count_of)])
        row, pair = _spread(hit, first[codes[hit]], counts[hit])
        several = found.claims[pair] >= SEVERAL
        start = np.where(several, found.claims[pair] - SEVERAL, 0)
        many = np.where(several, self.lists[start] if len(self.lists) else 1, 1)
        entry, at = _spread(np.arange(len(row)), np.where(several, start + 1, 0), many)
        one = np.where(several[entry], self.lists[at] if len(self.lists) else 0, found.claims[pair[entry]])
        row, pair = row[entry], pair[entry]
        said, time = self._columns, times[row]
        age = np.maximum(0.0, time.astype(np.float64) - said["seen"][one])
        fades = 1.0 - (age / said["lifetime"][one]) ** said["power"][one]
        score = said["base"][one] * np.maximum(0.0, fades)
        holds = (said["since"][one] <= time) & (time < said["until"][one]) & (score >= said["threshold"][one])
        keep = np.flatnonzero(holds & (said["usable"][one] == 1))
        row, pair, one, score = row[keep], pair[keep], one[keep], score[keep]
        order = np.lexsort((one, -score, -found.near[pair], -said["verdict"][one], row))
        best = order[np.flatnonzero(np.diff(row[order], prepend=-1))]
        pairs[row[best]], claims[row[best]], scores[row[best]] = pair[best], one[best], score[best]
        return Held(pairs, claims, scores)


def _spread(what: Int64s, first: Int64s, counts: Int64s) -> tuple[Int64s, Int64s]:
    """Each of `what` as often as `counts` says, and beside it first, first + 1, ..."""
    again = np.repeat(np.arange(len(what)), counts)
    within = np.arange(len(again)) - np.repeat(np.cumsum(counts) - counts, counts)
    return what[again], first[again] + within


def combined(values: Int32s, count: int, claims: Int32s, lists: list[Int32s], at: int) -> Int64s:
    """Per distinct value the number it holds.

    Args:
        values: per (value, claim) the number of the value; claims: the number of the claim.
        count: distinct values.
        lists: gets the claims of values that have several; `at` is how long all of them together are so far.
    """
    order = np.lexsort((claims, values))
    values, claims = values[order], claims[order]
    new = np.ones(len(values), np.bool_)
    new[1:] = (values[1:] != values[:-1]) | (claims[1:] != claims[:-1])
    values, claims = values[new], claims[new]
    many = np.bincount(values, minlength=count)
    begin = np.cumsum(many) - many
    held: Int64s = claims[begin].astype(np.int64)
    for value in np.flatnonzero(many > 1).tolist():
        held[value] = SEVERAL + at
        part = claims[begin[value] : begin[value] + many[value]]
        lists.append(np.concatenate([[len(part)], part]).astype(np.int32))
        at += len(part) + 1
    return held
