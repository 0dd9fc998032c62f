"""The regular expressions of one field: RE2 is asked only about texts that have what one needs (`factors`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
from watchfloor.words import Flags, Hashes, Int32s, Int64s

__all__ = ["Expressions", "Understood"]

WORD = 64
LOW = (1 << WORD) - 1


@dataclass(frozen=True, slots=True, eq=False)
class Understood:
    """What is known of some expressions before any text is seen; it only depends on them, so it is kept.

    Args:
        lines: expression -> (characters, within a line), of those that only ask for so many in a row (`factors.line`).
        words: (literal, expression): where an expression has some, a text must hold one of them, in lower case.
        wordless: the expressions that have none, but the lines.
        least: per expression how many bytes it takes at least.
        starts, letters: per expression the sets of letters of which a text must hold one, two words each.
        walked: per expression its number among those that can be walked by place, or -1.
        firsts, lasts, follow, sets, begins, ends, wholes: their places (`positions.Positions`), one behind the other.
    """

    lines: Mapping[int, tuple[int, bool]]
    words: Sequence[tuple[bytes, int]]
    wordless: Int32s
    least: Int64s
    starts: Int64s
    letters: Hashes
    walked: Int32s
    firsts: Hashes
    lasts: Hashes
    follow: Hashes
    sets: Hashes
    begins: Flags
    ends: Flags
    wholes: Flags

    @classmethod
    def of(cls, expressions: Sequence[tuple[str, str]]) -> Understood:
        """Read them.

        Args:
            expressions: (pattern, flags), accepted by RE2.
        """
        lines = {number: asked for number, one in enumerate(expressions) if (asked := line(*one))}
        demands = [factors(*one) for one in expressions]
        words = [(word.encode(), n) for n, demand in enumerate(demands) if n not in lines for word in demand.words]
        masks = [mask for demand in demands for mask in demand.letters]
        starts = np.zeros(len(demands) + 1, np.int64)
        np.cumsum([len(demand.letters) for demand in demands], out=starts[1:])
        found = [Positions.of(*one) for one in expressions]
        walks = [walk for walk in found if walk is not None]
        walked = np.array(list(accumulate(walk is not None for walk in found)), np.int32) - np.int32(1)
        walked[[walk is None for walk in found]] = -1
        follow = np.zeros((len(walks), MOST), np.uint64)
        for number, walk in enumerate(walks):
            follow[number, : len(walk.follow)] = walk.follow
        return cls(
            lines,
            words,
            np.array([n for n, demand in enumerate(demands) if not demand.words and n not in lines], np.int32),
            np.array([demand.length for demand in demands], np.int64),
            starts,
            np.array([half for mask in masks for half in (mask & LOW, mask >> WORD)], np.uint64),
            walked,
            np.array([walk.first for walk in walks], np.uint64),
            np.array([walk.last for walk in walks], np.uint64),
            follow.ravel(),
            np.array([walk.sets for walk in walks], np.uint64).ravel(),
            np.array([walk.begin for walk in walks], np.bool_),
            np.array([walk.end for walk in walks], np.bool_),
            np.array([walk.whole for walk in walks], np.bool_),
        )


class Expressions:
    """Expressions, numbered 0.. in the order given.

    Args:
        expressions: (pattern, flags), accepted by RE2.
        understood: what is known of them, where that was kept.

    Attributes:
        words: as `Understood.words`.
    """

    def __init__(self, expressions: Sequence[tuple[str, str]], understood: Understood | None = None) -> None:
        self._given = tuple(expressions)
        self._search: dict[int, Any] = {}
        self._known = Understood.of(self._given) if understood is None else understood
        self.words = self._known.words

    def __len__(self) -> int:
        return len(self._given)

    @cached_property
    def _filter(self) -> tuple[Any, Int32s]:
        """RE2's own filter over all but the lines, for texts beyond ASCII; and the numbers of what is in it."""
        numbers = [number for number in range(len(self._given)) if number not in self._known.lines]
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
        known = self._known
        hit_texts: list[int] = []
        hit_expressions: list[int] = []
        count = len(texts.starts)
        lengths = texts.stops - texts.starts
        for number, (least, by_line) in known.lines.items():
            longest = np.empty(count, np.int64)
            verifying.longest_lines(*texts, least, by_line, longest)
            hits = np.flatnonzero(longest >= least).tolist()
            hit_texts += hits
            hit_expressions += [number] * len(hits)
        present = np.empty(2 * count, np.uint64)
        verifying.letters_of(lower.data, lower.starts, lower.stops, present)
        room = len(positions) + count * len(known.wordless)
        out_text, out_expression = np.empty(room, np.int32), np.empty(room, np.int32)
        pairs = verifying.worth_trying(
            positions, found, known.wordless, lengths, lower.foreign, present,
            known.least, known.starts, known.letters, out_text, out_expression,
        )  # fmt: skip
        out_text, out_expression = out_text[:pairs], out_expression[:pairs]
        answers = np.empty(pairs, np.uint8)
        verifying.standing(
            out_text, out_expression, *texts, known.walked, known.firsts, known.lasts, known.follow, known.sets,
            known.begins, known.ends, known.wholes, answers,
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
            search = self._search.get(number)
            if search is None:  # most are never needed: a walk decides
                search = self._search[number] = compiled(*self._given[number]).search
            if search(payload) is not None:
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
