"""A filter before the memory of values: could this text hold any of a few long literals at all?

Keywords are asked of every text of an event, and hardly any text holds one. Such a text need not be looked up, judged
or kept: eight bytes at every fourth place are looked up in a bit filter, and most texts are done with.

    literal   s e k u r l s a : :          grams of 5 bytes (the shortest literal less 3, 8 at most), four of them
              [s e k u r][e k u r l] ..    lowered, hashed, one bit each; a literal anywhere has one of the four at a
    text      |. . .|. . .|. . .|. .       place that is walked, so no is a certain no, in any case of letters

Texts beyond ASCII always pass: there, lower case is Python's business. `arena.may_hold` is the walk.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache, reduce

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from watchfloor.detect import arena
from watchfloor.detect.arena import MULTIPLIER, SKIM_STRIDE
from watchfloor.detect.comparison import Comparison
from watchfloor.detect.lookup import texts_of
from watchfloor.detect.predicate import Kind
from watchfloor.words import Flags, Hashes

__all__ = ["Keywords", "Skim", "long"]

SHORTEST = 7
"""Bytes a literal needs, or its grams say too little."""

NUMBER = re.compile(r"[-+.0-9e]+", re.IGNORECASE)
"""A literal a number could hold."""

NEVER = r"[^\s\S]"
"""An expression that fits no text."""

FILTER_BITS = 16
"""log2 of the bits of a filter, at least."""


@dataclass(frozen=True, slots=True, eq=False)
class Skim:
    """A filter for some literals.

    Args:
        filter: its bits, 64 a word.
        shift: of a hash, leaves the number of the bit.
        gram: bytes looked at in each place.
        numbers: a number as text could hold one of the literals.
    """

    filter: Hashes
    shift: int
    gram: int
    numbers: bool

    @classmethod
    def of(cls, asked: Collection[Comparison]) -> Skim | None:
        """For comparisons that are all `contains` with something long enough; None when one is not."""
        if not asked or not all(map(long, asked)):
            return None
        literals = [one.value.lower().encode() for one in asked]
        shortest = min(map(len, literals))
        gram = min(8, shortest - SKIM_STRIDE + 1)
        grams = np.array(
            [
                int.from_bytes(literal[at : at + gram], "little")
                for literal in literals
                for at in _rarest(literal, gram)
            ],
            np.uint64,
        )
        bits = max(FILTER_BITS, int(64 * len(grams) - 1).bit_length())
        places = (grams * MULTIPLIER) >> np.uint64(64 - bits)
        filter_ = np.zeros(1 << (bits - 6), np.uint64)
        np.bitwise_or.at(filter_, places >> np.uint64(6), np.uint64(1) << (places & np.uint64(63)))
        return cls(filter_, 64 - bits, gram, any(NUMBER.fullmatch(one.value) for one in asked))

    def possible(self, values: pa.Array) -> Flags:
        """Which of some nested values could hold a literal in one of their texts, at any depth."""
        kind = values.type
        if pa.types.is_string(kind):
            found = np.zeros(len(values), np.bool_)
            arena.possible(*texts_of(values.fill_null("")), self.filter, 0, self.shift, self.gram, found)
            return found
        if pa.types.is_list(kind):
            offsets = values.offsets.to_numpy()
            inside = np.concatenate([[0], np.cumsum(self.possible(values.values))])
            return np.asarray(inside[offsets[1:]] > inside[offsets[:-1]])
        if pa.types.is_struct(kind):
            return reduce(np.logical_or, map(self.possible, values.flatten()), np.zeros(len(values), np.bool_))
        return np.full(len(values), self.numbers or not (pa.types.is_integer(kind) or pa.types.is_boolean(kind)))


def long(one: Comparison) -> bool:
    """Can a filter look for it: is it `contains`, of something long enough?"""
    return one.kind is Kind.CONTAINS and len(one.value.lower().encode()) >= SHORTEST


@dataclass(frozen=True, slots=True, eq=False)
class Keywords:
    """Which texts hold one of some literals; those beyond ASCII always may.

    Args:
        skim: the filter for them.
        pattern: one of them, in any case, for texts in ASCII.
    """

    skim: Skim
    pattern: str

    @classmethod
    def of(cls, asked: Collection[Comparison]) -> Keywords | None:
        """As `Skim.of`."""
        skim = Skim.of(asked)
        if skim is None:
            return None
        literals = "|".join(re.escape(one.value) for one in asked if one.value.isascii())
        return cls(skim, f"(?is:{literals})" if literals else NEVER)

    def __call__(self, values: pa.StringArray) -> Flags:
        found = self.skim.possible(values)
        some = np.flatnonzero(found)  # the filter errs: one text in thirty holds four letters of some literal
        if len(some):
            texts = values.take(pa.array(some))
            held = pc.or_(pc.match_substring_regex(texts, self.pattern), pc.invert(pc.string_is_ascii(texts)))
            found[some] = held.to_numpy(zero_copy_only=False)
        return found


@lru_cache(maxsize=65536)
def _rarest(literal: bytes, gram: int) -> range:
    """Four places one behind the other where grams begin: those with the most different bytes."""
    last = len(literal) - gram - SKIM_STRIDE + 1
    best = max(range(last + 1), key=lambda at: len(set(literal[at : at + gram + SKIM_STRIDE - 1])))
    return range(best, best + SKIM_STRIDE)
