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

from watchfloor.detect import kernels
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
from watchfloor.detect.kernels import Bytes, Int32s
from watchfloor.detect.predicate import Kind
from watchfloor.detect.trie import Trie, joined

__all__ = ["RARE", "Matcher", "Texts"]

ORDER_KINDS = (Kind.LT, Kind.LTE, Kind.GT, Kind.GTE)
PAIRS_AT_ONCE = 65536

FILLER = frozenset(b"0123456789abcdefABCDEFtTxXzZ -_:./+{}")
"""What times, numbers, addresses, hashes and GUIDs are made of."""

RARE: Bytes = np.array([byte not in FILLER for byte in range(256)], np.uint8)
"""Per byte: is it none of these?"""


class Texts(NamedTuple):
    """Texts as Arrow holds them: text i is data[offsets[i]:offsets[i+1]] in UTF-8 (int32 offsets, both read-only)."""

    data: Bytes
    offsets: Int32s

    @classmethod
    def of(cls, texts: Sequence[str]) -> Texts:
        """From Python strings; lone surrogates become `?`."""
        encoded = [text.encode("utf-8", "replace") for text in texts]
        data, offsets = joined(encoded)
        return cls(data, _fixed(offsets.astype(np.int32)))

    def bytes(self, index: int) -> bytes:
        """Text `index` as bytes."""
        return self.data[self.offsets[index] : self.offsets[index + 1]].tobytes()

    def text(self, index: int) -> str:
        """Text `index`."""
        return self.bytes(index).decode("utf-8", "replace")


class Matcher:
    """The machines for one field.

    Args:
        atoms: the comparisons, distinct; their positions are the atom numbers that `scan` reports.
        key: the random key for hashing, two uint64.

    Raises:
        RuleError: a pattern that cannot be compiled, or too many literals.
    """

    def __init__(self, atoms: Sequence[Comparison], key: tuple[np.uint64, np.uint64]) -> None:
        self.atoms = tuple(atoms)
        self._key = key
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
        self.wordy = np.array([_wordy(atom) for atom in self.atoms], np.bool_)
        """Per comparison: does every text for which it holds have a `RARE` byte?"""

    def _wholes(self, literals: list[tuple[bytes, int]]) -> None:
        self._whole_bytes, self._whole_offsets = joined([literal for literal, _ in literals])
        self._whole_needles = np.array([needle for _, needle in literals], np.int32)
        self._whole_hashes = np.array(
            [
                kernels.siphash(self._whole_bytes, int(start), int(stop), *self._key)
                for start, stop in zip(self._whole_offsets[:-1], self._whole_offsets[1:], strict=True)
            ],
            np.uint64,
        )
        self._whole_table = np.empty(0, np.int32)
        if literals:
            self._whole_table = np.full(1 << (2 * len(literals)).bit_length(), -1, np.int32)
            kernels.rehash(self._whole_hashes, len(literals), self._whole_table)

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

    def scan(self, texts: Texts, wanted: Int32s) -> tuple[Int32s, Int32s]:
        """Which atoms hold for which of the wanted texts.

        Returns:
            Pairs (position in `wanted`, atom), each once, ascending by position.
        """
        found: list[tuple[Int32s, Int32s]] = []
        if len(wanted) == 0:
            return np.empty(0, np.int32), np.empty(0, np.int32)
        if self._exists:
            positions = np.arange(len(wanted), dtype=np.int32)
            found += [(positions, np.full(len(wanted), number, np.int32)) for number in self._exists]
        extra_texts: list[int] = []
        extra_atoms: list[int] = []
        if self._machines:
            positions, needles = self._search(texts, wanted)
            sure = needles < len(self.atoms)
            found.append((positions[sure], needles[sure]))
            at, text = -1, ""
            for position, needle in zip(positions[~sure].tolist(), needles[~sure].tolist(), strict=True):
                number = self._candidates[needle]
                if position != at:
                    at, text = position, texts.text(wanted[position])
                if self._verify[needle](text):
                    extra_texts.append(position)
                    extra_atoms.append(number)
        if self._filter is not None:
            match = self._filter.Match
            for position, index in enumerate(wanted.tolist()):
                hits = match(texts.bytes(index))
                if hits:
                    extra_atoms += self._expressions[hits].tolist()
                    extra_texts += [position] * len(hits)
        if self._limits or self._networks or self._times or self._always:
            for position, index in enumerate(wanted.tolist()):
                computed = self._compute(texts.text(index))
                extra_atoms += computed
                extra_texts += [position] * len(computed)
        found.append((np.array(extra_texts, np.int32), np.array(extra_atoms, np.int32)))
        owners = np.concatenate([positions for positions, _ in found])
        atoms = np.concatenate([numbers for _, numbers in found])
        if sum(1 for positions, _ in found if len(positions)) > 1 or len(extra_texts):
            order = np.argsort(owners, kind="stable")
            owners, atoms = owners[order], atoms[order]
        return owners, atoms

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

    def _search(self, texts: Texts, wanted: Int32s) -> tuple[Int32s, Int32s]:
        """Pairs (position, needle) over the lower-cased texts."""
        lengths = texts.offsets[wanted + 1].astype(np.int64) - texts.offsets[wanted]
        lower = np.empty(int(lengths.sum()) + 1, np.uint8)
        offsets = np.empty(len(wanted) + 1, np.int64)
        foreign = np.empty(len(wanted), np.bool_)
        kernels.lowered(texts.data, texts.offsets, wanted, lower, offsets, foreign)
        starts, stops = offsets[:-1].copy(), offsets[1:].copy()
        if foreign.any():  # beyond ASCII, Python's str.lower is the law
            tail, at = [], len(lower)
            for position in np.flatnonzero(foreign).tolist():
                text = texts.text(wanted[position]).lower().encode("utf-8", "replace")
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
        while begin < len(wanted):
            begin, pairs = kernels.scan(
                lower, starts, stops, begin,
                self._whole_table, self._whole_hashes, self._whole_bytes, self._whole_offsets, self._whole_needles,
                *self._key,
                self._starts.keys, self._starts.targets, self._starts.first, self._starts.again, self._starts.needles,
                self._ends.keys, self._ends.targets, self._ends.first, self._ends.again, self._ends.needles,
                self._inside.moves, self._inside.classes, self._inside.width,
                self._inside.first, self._inside.again, self._inside.outputs, self._inside.needles,
                seen, out_text, out_needle,
            )  # fmt: skip
            parts.append((out_text[:pairs].copy(), out_needle[:pairs].copy()))
        return np.concatenate([part for part, _ in parts]), np.concatenate([part for _, part in parts])


def _wordy(atom: Comparison) -> bool:
    literal = atom.value.encode() if atom.kind in TEXT_KINDS else _hint(atom) if atom.kind is Kind.GLOB else b""
    return not FILLER.issuperset(literal)


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
