"""The regular expressions of one field: RE2 is asked only about texts that have what one needs (`factors`)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import accumulate
from typing import Any

import numpy as np
import re2

from watchfloor.detect import verifying
from watchfloor.detect.comparison import compiled
from watchfloor.detect.factors import factors, line
from watchfloor.detect.positions import MOST, Positions
from watchfloor.detect.texts import Lowered, Texts
from watchfloor.words import Int32s

__all__ = ["Expressions"]

WORD = 64
LOW = (1 << WORD) - 1


class Expressions:
    """Expressions, numbered 0.. in the order given.

    Args:
        expressions: (pattern, flags), accepted by RE2.

    Attributes:
        words: (literal, expression): where an expression has some, a text must hold one of them, in lower case.
    """

    def __init__(self, expressions: Sequence[tuple[str, str]]) -> None:
        self._given = tuple(expressions)
        self._walks([Positions.of(*one) for one in self._given])
        self._search = [compiled(*one).search for one in self._given]
        self._lines = {number: found for number, one in enumerate(self._given) if (found := line(*one))}
        demands = [factors(*one) for one in self._given]
        self.words = [
            (word.encode(), number)
            for number, demand in enumerate(demands)
            if number not in self._lines
            for word in demand.words
        ]
        alone = [n for n, demand in enumerate(demands) if not demand.words and n not in self._lines]
        self._wordless = np.array(alone, np.int32)
        self._least = np.array([demand.length for demand in demands], np.int64)
        self._starts = np.zeros(len(demands) + 1, np.int64)
        np.cumsum([len(demand.letters) for demand in demands], out=self._starts[1:])
        self._letters = np.array(
            [half for demand in demands for mask in demand.letters for half in (mask & LOW, mask >> WORD)], np.uint64
        )

    def _walks(self, found: Sequence[Positions | None]) -> None:
        """The expressions that can be walked, one behind the other."""
        walks = [one for one in found if one is not None]
        self._walked = np.array(list(accumulate(one is not None for one in found)), np.int32) - np.int32(1)
        self._walked[[one is None for one in found]] = -1
        self._firsts = np.array([one.first for one in walks], np.uint64)
        self._lasts = np.array([one.last for one in walks], np.uint64)
        follow = np.zeros((len(walks), MOST), np.uint64)
        for number, one in enumerate(walks):
            follow[number, : len(one.follow)] = one.follow
        self._follow = follow.ravel()
        self._sets = np.array([one.sets for one in walks], np.uint64).ravel()
        self._begins = np.array([one.begin for one in walks], np.bool_)
        self._ends = np.array([one.end for one in walks], np.bool_)
        self._wholes = np.array([one.whole for one in walks], np.bool_)

    def __len__(self) -> int:
        return len(self._given)

    @cached_property
    def _filter(self) -> tuple[Any, Int32s]:
        """RE2's own filter over all but the lines, for texts beyond ASCII; and the numbers of what is in it."""
        numbers = [number for number in range(len(self._given)) if number not in self._lines]
        result = re2.Filter()
        for number in numbers:
            pattern, flags = self._given[number]
            options = re2.Options()
            options.log_errors = False
            options.never_capture = True
            result.Add(((f"(?{flags})" if flags else "") + pattern).encode(), options)
        result.Compile()
        return result, np.array(numbers, np.int32)

    def scan(self, texts: Texts, lower: Lowered, positions: Int32s, found: Int32s) -> tuple[list[int], list[int]]:
        """Pairs (text, expression) that fit.

        Args:
            texts, lower: the texts, as written and in lower case.
            positions, found: pairs (text, expression) where one of the expression's words is in the text.
        """
        hit_texts: list[int] = []
        hit_expressions: list[int] = []
        count = len(texts.starts)
        lengths = texts.stops - texts.starts
        for number, (least, by_line) in self._lines.items():
            longest = np.empty(count, np.int64)
            verifying.longest_lines(*texts, least, by_line, longest)
            hits = np.flatnonzero(longest >= least).tolist()
            hit_texts += hits
            hit_expressions += [number] * len(hits)
        present = np.empty(2 * count, np.uint64)
        verifying.letters_of(lower.data, lower.starts, lower.stops, present)
        room = len(positions) + count * len(self._wordless)
        out_text, out_expression = np.empty(room, np.int32), np.empty(room, np.int32)
        pairs = verifying.worth_trying(
            positions, found, self._wordless, lengths, lower.foreign, present,
            self._least, self._starts, self._letters, out_text, out_expression,
        )  # fmt: skip
        out_text, out_expression = out_text[:pairs], out_expression[:pairs]
        answers = np.empty(pairs, np.uint8)
        verifying.standing(
            out_text, out_expression, *texts, self._walked, self._firsts, self._lasts, self._follow, self._sets,
            self._begins, self._ends, self._wholes, answers,
        )  # fmt: skip
        fit = answers == verifying.YES
        hit_texts += out_text[fit].tolist()
        hit_expressions += out_expression[fit].tolist()
        open_ = np.flatnonzero(answers == verifying.OPEN)
        order = open_[np.argsort(out_text[open_], kind="stable")]
        at, payload = -1, b""
        for text, number in zip(out_text[order].tolist(), out_expression[order].tolist(), strict=True):
            if text != at:
                at, payload = text, texts.bytes(text)
            if self._search[number](payload) is not None:
                hit_texts.append(text)
                hit_expressions.append(number)
        foreign = np.flatnonzero(lower.foreign).tolist()
        if foreign:
            filter_, numbers = self._filter
            for text in foreign:
                matched = filter_.Match(texts.bytes(text)) or []
                hit_texts += [text] * len(matched)
                hit_expressions += numbers[matched].tolist() if matched else []
        return hit_texts, hit_expressions
