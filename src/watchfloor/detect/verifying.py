"""From "it may hold" to "it holds": what stands behind a literal that was found. Kernels of `matcher.py`.

    needle found  ──┬─ GLOB, cased    walk the programme over the text           c : \\ * \\ ? . e x e
                    │                 (as written, or lower-cased)               99 58 92 MANY 92 ONE 46 101 120 101
                    └─ regex          has the text the length and the letters? only then is it walked (`positions`),
                                      or RE2 asked

                       present[text]  one bit per ASCII byte, two words:   ..  `  a b c ..
                       demand         of each of its sets one letter:      { ` } and { 0..9 }

All of it is about texts in ASCII, where a character is a byte; the others are Python's. Only `longest_lines` counts
characters in any UTF-8.
"""

from __future__ import annotations

import numpy as np

from watchfloor.words import Bytes, Flags, Hashes, Int32s, Int64s, kernel, zeros

MANY, ONE = -1, -2
"""What a programme of a GLOB holds besides bytes."""

NO, YES, OPEN = np.uint8(0), np.uint8(1), np.uint8(2)

U = np.uint64
BIT, SIX, LOW = U(1), U(6), U(63)


@kernel
def fitting(
    texts: Int32s, globs: Int32s, written: Bytes, written_starts: Int64s, written_stops: Int64s, lower: Bytes,
    lower_starts: Int64s, lower_stops: Int64s, cased: Flags, programme_starts: Int64s, programmes: Int32s, fits: Flags,
) -> None:  # fmt: skip
    """fits[i]: GLOB globs[i] fits the whole of text texts[i]; at a `*` the shortest stretch is tried first."""
    for i in range(len(texts)):
        text, glob = texts[i], globs[i]
        data, at, end = lower, lower_starts[text], lower_stops[text]
        if cased[glob]:
            data, at, end = written, written_starts[text], written_stops[text]
        step, last = programme_starts[glob], programme_starts[glob + 1]
        star, resume = np.int64(-1), at
        good = True
        while at < end:
            wanted = programmes[step] if step < last else np.int32(MANY - 2)
            if wanted == MANY:
                star, resume = step, at
                step += 1
            elif wanted == ONE or wanted == np.int32(data[at]):
                step += 1
                at += 1
            elif star >= 0:
                resume += 1
                at = resume
                step = star + 1
            else:
                good = False
                break
        while step < last and programmes[step] == MANY:
            step += 1
        fits[i] = good and step == last


@kernel
def letters_of(lower: Bytes, starts: Int64s, stops: Int64s, present: Hashes) -> None:
    """present[2 * i], present[2 * i + 1]: which of the bytes 0..63 and 64..127 text i holds."""
    for i in range(len(starts)):
        low = U(0)
        high = U(0)
        for at in range(starts[i], stops[i]):
            byte = U(lower[at])
            bit = BIT << (byte & LOW)
            upper = U(0) - ((byte >> SIX) & BIT)
            low |= bit & ~upper
            high |= bit & upper
        present[2 * i] = low
        present[2 * i + 1] = high


@kernel
def worth_trying(
    texts: Int32s, found: Int32s, wordless: Int32s, lengths: Int64s, foreign: Flags, present: Hashes,
    least: Int64s, letter_starts: Int64s, letters: Hashes, out_text: Int32s, out_expression: Int32s,
) -> int:  # fmt: skip
    """What RE2 is to be asked: expressions with a literal that was `found` in one of `texts`, and those without one for
    all texts; of these what has the length and the letters.

    letters[2 * k], letters[2 * k + 1] is set k; expression e demands the sets letter_starts[e] .. letter_starts[e + 1].
    `out` has room for all. Returns the number of pairs (text, expression).
    """
    pairs = 0
    for i in range(len(texts) + len(lengths) * len(wordless)):
        if i < len(texts):
            text, expression = int(texts[i]), int(found[i])
        else:
            text = (i - len(texts)) // len(wordless)
            expression = int(wordless[(i - len(texts)) % len(wordless)])
        if foreign[text] or lengths[text] < least[expression]:
            continue
        good = True
        for k in range(letter_starts[expression], letter_starts[expression + 1]):
            if (present[2 * text] & letters[2 * k]) | (present[2 * text + 1] & letters[2 * k + 1]) == U(0):
                good = False
                break
        if good:
            out_text[pairs] = text
            out_expression[pairs] = expression
            pairs += 1
    return pairs


@kernel
def longest_lines(data: Bytes, starts: Int64s, stops: Int64s, least: int, by_line: bool, longest: Int64s) -> None:
    """The characters of the longest line of each text (not `by_line`: of all of it); 0 with less than `least` bytes."""
    for i in range(len(starts)):
        longest[i] = 0
        if stops[i] - starts[i] < least:
            continue
        count = 0
        for at in range(starts[i], stops[i]):
            byte = data[at]
            if by_line and byte == 10:
                count = 0
            elif byte < 128 or byte >= 192:
                count += 1
                longest[i] = max(longest[i], count)


@kernel
def standing(
    texts: Int32s, expressions: Int32s, data: Bytes, starts: Int64s, stops: Int64s, walked: Int32s, firsts: Hashes,
    lasts: Hashes, follow: Hashes, sets: Hashes, begins: Flags, ends: Flags, wholes: Flags, answers: Bytes,
) -> None:  # fmt: skip
    """answers[i]: does expression expressions[i] fit text texts[i]? OPEN where the walk cannot tell (`positions`).

    walked[e]: number of expression e among those that can be walked, -1 for others; `follow` holds 64 words of each,
    `sets` 128. The texts are ASCII, as written.
    """
    for i in range(len(texts)):
        one = np.int64(walked[expressions[i]])
        if one < 0:
            answers[i] = OPEN
            continue
        answers[i] = NO
        at, stop = starts[texts[i]], stops[texts[i]]
        first, last = firsts[one], lasts[one]
        base, ways = 128 * one, 64 * one
        begin, end = begins[one], ends[one]
        places = U(0)
        opening = first
        while at < stop:
            if places == U(0) and not begin:
                while at < stop and sets[base + np.int64(data[at])] & first == U(0):
                    at += 1
                if at == stop:
                    break
            reached = opening
            while places != U(0):
                reached |= follow[ways + zeros(places)]
                places &= places - BIT
            places = reached & sets[base + np.int64(data[at])]
            at += 1
            if begin:
                opening = U(0)
                if places == U(0):
                    break
            if places & last != U(0) and (not end or at == stop):
                answers[i] = YES if wholes[one] else OPEN
                break
