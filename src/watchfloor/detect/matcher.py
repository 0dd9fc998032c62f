"""All comparisons that any rule makes with one field, applied to a text at once.

A comparison becomes a *needle* (a literal looked for in the lower-cased text), which either decides it or only makes
it a *candidate* that is then verified on the original text: cased comparisons, GLOBs. Regular expressions go through
RE2's own literal filter. What has no literal (numbers, networks, parts of times) is computed for every text.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import re2

from watchfloor.detect import scanning
from watchfloor.detect.automaton import Automaton
from watchfloor.detect.comparison import (
    TEXT_KINDS,
    Comparison,
    network,
    numeric,
    packed,
    tester,
    time_part,
)
from watchfloor.detect.predicate import Kind
from watchfloor.detect.trie import Trie, joined
from watchfloor.detect.words import Bytes, Int32s, Int64s

__all__ = ["Matcher", "Texts"]

ORDER_KINDS = (Kind.LT, Kind.LTE, Kind.GT, Kind.GTE)
PAIRS_AT_ONCE = 65536


class Texts(NamedTuple):
    """Texts in UTF-8: text i is data[starts[i]:stops[i]] (int64). `data` is read-only."""

    data: Bytes
    starts: Int64s
    stops: Int64s

    @classmethod
    def of(cls, texts: Sequence[str]) -> Texts:
        """From Python strings; lone surrogates become `?`."""
        data, offsets = joined([text.encode("utf-8", "replace") for text in texts])
        return cls(data, offsets[:-1], offsets[1:])

    def bytes(self, index: int) -> bytes:
        """Text `index` as bytes."""
        return self.data[self.starts[index] : self.stops[index]].tobytes()

    def text(self, index: int) -> str:
        """Text `index`."""
        return self.bytes(index).decode("utf-8", "replace")


class Matcher:
    """The machines for one field.

    Args:
        atoms: the comparisons, distinct; their positions are the atom numbers that `scan` reports.

    Raises:
        RuleError: a pattern that cannot be compiled, or too many literals.
    """

    def __init__(self, atoms: Sequence[Comparison]) -> None:
        self.atoms = tuple(atoms)
        self._exists: list[int] = []
        self._always: list[int] = []
        self._numbers: list[int] = []
        self._times: dict[str, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
        self._networks: dict[int, list[tuple[bytes, bytes, int]]] = defaultdict(list)
        expressions: list[int] = []
        literals: dict[Kind, list[tuple[bytes, int]]] = {kind: [] for kind in TEXT_KINDS}
        self._candidates: dict[int, int] = {}
        needles = len(self.atoms)  # a needle below this number decides the atom of the same number
        for number, atom in enumerate(self.atoms):
            kind, value, cased = atom
            if kind in TEXT_KINDS and not cased:
                literals[kind].append((value.encode(), number))
            elif kind in TEXT_KINDS and value.isascii():
                literals[kind].append((value.lower().encode(), needles))
                self._candidates[needles] = number
                needles += 1
            elif kind is Kind.GLOB and (hint := _hint(atom)):
                literals[Kind.CONTAINS].append((hint, needles))
                self._candidates[needles] = number
                needles += 1
            elif kind is Kind.EXISTS:
                self._exists.append(number)
            elif kind is Kind.REGEX:
                expressions.append(number)
            elif kind is Kind.CIDR:
                low, high = network(value)
                self._networks[len(low)].append((low, high, number))
            elif kind in ORDER_KINDS:
                self._numbers.append(number)
            elif kind is Kind.TIMEPART:
                self._times[value[0]][int(value[1])].append(number)
            else:
                self._always.append(number)
        self._needles = needles
        self._verify = {needle: tester(self.atoms[number]) for needle, number in self._candidates.items()}
        self._starts = Trie.of(literals[Kind.STARTSWITH])
        self._ends = Trie.of(literals[Kind.ENDSWITH], backwards=True)
        self._inside = Automaton.of(literals[Kind.CONTAINS])
        self._wholes(literals[Kind.EQUALS])
        self._order()
        self._expressions = np.array(expressions, np.int32)
        self._filter = _filter([self.atoms[number].value for number in expressions])
        self._machines = any(literals.values())

    def _wholes(self, literals: list[tuple[bytes, int]]) -> None:
        self._whole_bytes, self._whole_offsets = joined([literal for literal, _ in literals])
        self._whole_needles = np.array([needle for _, needle in literals], np.int32)
        self._whole_hashes = np.empty(len(literals), np.uint64)
        scanning.hash_literals(self._whole_bytes, self._whole_offsets, self._whole_hashes)
        self._whole_table = np.empty(0, np.int32)
        if literals:
            self._whole_table = np.full(1 << (2 * len(literals)).bit_length(), -1, np.int32)
            scanning.tabulate(self._whole_hashes, len(literals), self._whole_table)

    def _order(self) -> None:
        """Sort numeric limits, so that one bisection answers all of one kind."""
        self._limits: dict[Kind, tuple[list[float], list[int]]] = {}
        for kind in ORDER_KINDS:
            found = sorted((float(self.atoms[n].value), n) for n in self._numbers if self.atoms[n].kind is kind)
            if found:
                self._limits[kind] = [limit for limit, _ in found], [number for _, number in found]

    @property
    def nbytes(self) -> int:
        """Memory of the machines."""
        return self._inside.nbytes + self._starts.nbytes + self._ends.nbytes + self._whole_bytes.nbytes

    # -- scanning -----------------------------------------------------------------------------------------------------

    def scan(self, texts: Texts) -> tuple[Int32s, Int32s]:
        """Which atoms hold for which texts.

        Returns:
            Pairs (text, atom), each once, in no particular order.
        """
        found: list[tuple[Int32s, Int32s]] = []
        count = len(texts.starts)
        if count == 0:
            return np.empty(0, np.int32), np.empty(0, np.int32)
        if self._exists:
            every = np.arange(count, dtype=np.int32)
            found += [(every, np.full(count, number, np.int32)) for number in self._exists]
        extra_texts: list[int] = []
        extra_atoms: list[int] = []
        if self._machines:
            positions, needles = self._search(texts)
            sure = needles < len(self.atoms)
            found.append((positions[sure], needles[sure]))
            at, text = -1, ""
            for position, needle in zip(positions[~sure].tolist(), needles[~sure].tolist(), strict=True):
                number = self._candidates[needle]
                if position != at:
                    at, text = position, texts.text(position)
                if self._verify[needle](text):
                    extra_texts.append(position)
                    extra_atoms.append(number)
        if self._filter is not None:
            match = self._filter.Match
            for position in range(count):
                hits = match(texts.bytes(position))
                if hits:
                    extra_atoms += self._expressions[hits].tolist()
                    extra_texts += [position] * len(hits)
        if self._limits or self._networks or self._times or self._always:
            for position in range(count):
                computed = self._compute(texts.text(position))
                extra_atoms += computed
                extra_texts += [position] * len(computed)
        found.append((np.array(extra_texts, np.int32), np.array(extra_atoms, np.int32)))
        return (
            np.concatenate([positions for positions, _ in found]),
            np.concatenate([numbers for _, numbers in found]),
        )

    def _compute(self, text: str) -> list[int]:
        """The atoms without a literal that hold for `text`."""
        result = [number for number in self._always if tester(self.atoms[number])(text)]
        if self._limits and (number_ := numeric(text)) is not None:
            for kind, (limits, numbers) in self._limits.items():
                if kind in (Kind.LT, Kind.GTE):  # number < limit: limits above; number >= limit: limits up to it
                    cut = bisect_right(limits, number_)
                else:
                    cut = bisect_left(limits, number_)
                result += numbers[cut:] if kind in (Kind.LT, Kind.LTE) else numbers[:cut]
        if self._networks and (address := packed(text)) is not None:
            result += [number for low, high, number in self._networks[len(address)] if low <= address <= high]
        for part, wanted in self._times.items():
            value = time_part(text, part)
            if value is not None:
                result += wanted.get(value, ())
        return result

    def _search(self, texts: Texts) -> tuple[Int32s, Int32s]:
        """Pairs (text, needle) over the lower-cased texts."""
        count = len(texts.starts)
        lower = np.empty(int((texts.stops - texts.starts).sum()) + 8, np.uint8)
        offsets = np.empty(count + 1, np.int64)
        foreign = np.empty(count, np.bool_)
        scanning.lowered(*texts, lower, offsets, foreign)
        starts, stops = offsets[:-1].copy(), offsets[1:].copy()
        if foreign.any():  # beyond ASCII, Python's str.lower is the law
            tail, at = [], len(lower)
            for position in np.flatnonzero(foreign).tolist():
                text = texts.text(position).lower().encode("utf-8", "replace")
                starts[position], stops[position] = at, at + len(text)
                at += len(text)
                tail.append(text)
            lower = np.concatenate([lower, np.frombuffer(b"".join(tail), np.uint8)])
        seen = np.full(self._needles, -1, np.int64)
        room = max(PAIRS_AT_ONCE, 2 * self._needles)
        out_text, out_needle = np.empty(room, np.int32), np.empty(room, np.int32)
        parts: list[tuple[Int32s, Int32s]] = []
        begin = 0
        lower = _fixed(lower)
        while begin < count:
            begin, pairs = scanning.scan(
                lower, starts, stops, begin,
                self._whole_table, self._whole_hashes, self._whole_bytes, self._whole_offsets, self._whole_needles,
                self._starts.keys, self._starts.targets, self._starts.first, self._starts.again, self._starts.needles,
                self._ends.keys, self._ends.targets, self._ends.first, self._ends.again, self._ends.needles,
                self._inside.moves, self._inside.classes, self._inside.width,
                self._inside.first, self._inside.again, self._inside.outputs, self._inside.needles,
                seen, out_text, out_needle,
            )  # fmt: skip
            parts.append((out_text[:pairs].copy(), out_needle[:pairs].copy()))
        return np.concatenate([part for part, _ in parts]), np.concatenate([part for _, part in parts])


def _hint(atom: Comparison) -> bytes:
    """The longest literal every text that fits a GLOB must hold, lower-cased; empty when there is none to rely on."""
    literals = [part for part in atom.value if isinstance(part, str) and (part.isascii() or not atom.cased)]
    return max((part.lower().encode() for part in literals), key=len, default=b"")


def _filter(expressions: Sequence[tuple[str, str]]) -> Any:
    """All regular expressions behind RE2's literal prefilter, or None when there are none."""
    if not expressions:
        return None
    result = re2.Filter()
    for pattern, flags in expressions:
        options = re2.Options()
        options.log_errors = False
        options.never_capture = True
        prefix = f"(?{flags})" if flags else ""
        result.Add((prefix + pattern).encode(), options)
    result.Compile()
    return result


def _fixed(array: npt.NDArray[Any]) -> Any:
    array.setflags(write=False)
    return array
