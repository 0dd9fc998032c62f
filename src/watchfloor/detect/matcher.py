"""All comparisons that any rule makes with one field, applied to a text at once.

comparison                         needle: a literal looked for in the lower-cased text
equals, contains ...               decides it
GLOB, cased                        makes it a candidate, then the whole text is walked (`globs`)
regex                              makes it a candidate, then RE2 is asked (`expressions`)
cidr                               none: the text is read as an address, once for all networks (`addresses`)
lt, gte ..., parts of times        none: computed for every text
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from watchfloor.detect import addresses, numbers, scanning
from watchfloor.detect.automaton import Automaton
from watchfloor.detect.comparison import TEXT_KINDS, Comparison, network, numeric, tester, time_part
from watchfloor.detect.expressions import Expressions, Understood
from watchfloor.detect.globs import Globs
from watchfloor.detect.predicate import Kind
from watchfloor.detect.texts import Lowered, Texts
from watchfloor.detect.trie import Trie, joined
from watchfloor.words import Int32s

__all__ = ["Matcher"]

ORDERS = {Kind.LT: np.less, Kind.LTE: np.less_equal, Kind.GT: np.greater, Kind.GTE: np.greater_equal}
PAIRS_AT_ONCE = 65536
WORD = 64
LOW = (1 << WORD) - 1


class Matcher:
    """The machines for one field.

    Args:
        atoms: the comparisons, distinct; their positions are the atom numbers that `scan` reports.
        understood: what is known of their expressions, where that was kept.

    Raises:
        RuleError: a pattern that cannot be compiled, or too many literals.
    """

    def __init__(self, atoms: Sequence[Comparison], understood: Understood | None = None) -> None:
        self.atoms = tuple(atoms)
        self._exists: list[int] = []
        self._always: list[int] = []
        self._limits: list[int] = []
        self._times: dict[str, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
        globs: list[int] = []
        expressions: list[int] = []
        networks: list[int] = []
        literals: dict[Kind, list[tuple[bytes, int]]] = {kind: [] for kind in TEXT_KINDS}
        hintless: list[int] = []
        # needles: first the atoms they decide, then the GLOBs and the expressions they make candidates
        first = len(self.atoms)
        for number, atom in enumerate(self.atoms):
            kind, value, cased = atom
            if kind in TEXT_KINDS and not cased:
                literals[kind].append((value.encode(), number))
            elif kind in TEXT_KINDS and value.isascii():
                literals[kind].append((value.lower().encode(), first + len(globs)))
                globs.append(number)
            elif kind is Kind.GLOB:
                if hint := _hint(atom):
                    literals[Kind.CONTAINS].append((hint, first + len(globs)))
                else:
                    hintless.append(len(globs))
                globs.append(number)
            elif kind is Kind.EXISTS:
                self._exists.append(number)
            elif kind is Kind.REGEX:
                expressions.append(number)
            elif kind is Kind.CIDR:
                networks.append(number)
            elif kind in ORDERS:
                self._limits.append(number)
            elif kind is Kind.TIMEPART:
                self._times[value[0]][int(value[1])].append(number)
            else:
                self._always.append(number)
        self._globs = Globs([self.atoms[number] for number in globs])
        self._expressions = Expressions([self.atoms[number].value for number in expressions], understood)
        self._decided = np.array([*range(first), *globs, *expressions], np.int32)
        """Needle -> atom."""
        self._first_glob, self._first_expression = first, first + len(globs)
        self._hintless = np.array(hintless, np.int32)
        literals[Kind.CONTAINS] += [(word, self._first_expression + n) for word, n in self._expressions.words]
        self._starts = Trie.of(literals[Kind.STARTSWITH])
        self._ends = Trie.of(literals[Kind.ENDSWITH], backwards=True)
        self._inside = Automaton.of(literals[Kind.CONTAINS])
        self._wholes(literals[Kind.EQUALS])
        self._range(networks)
        self._machines = any(literals.values()) or bool(globs or expressions)

    def _wholes(self, literals: list[tuple[bytes, int]]) -> None:
        self._whole_bytes, self._whole_offsets = joined([literal for literal, _ in literals])
        self._whole_needles = np.array([needle for _, needle in literals], np.int32)
        self._whole_hashes = np.empty(len(literals), np.uint64)
        scanning.hash_literals(self._whole_bytes, self._whole_offsets, self._whole_hashes)
        self._whole_table = np.empty(0, np.int32)
        if literals:
            self._whole_table = np.full(1 << (2 * len(literals)).bit_length(), -1, np.int32)
            scanning.tabulate(self._whole_hashes, len(literals), self._whole_table)

    def _range(self, networks: Sequence[int]) -> None:
        """First and last address of every network."""
        bounds = [network(self.atoms[number].value) for number in networks]
        words = [
            half
            for ends in bounds
            for end in ends
            for half in (int.from_bytes(end, "big") >> WORD, int.from_bytes(end, "big") & LOW)
        ]
        self._networks, self._network_atoms = np.array(words, np.uint64), np.array(networks, np.int32)
        self._versions = np.array([4 if len(low) == 4 else 6 for low, _ in bounds], np.int32)

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
        found: list[tuple[Int32s, Int32s]] = [(np.empty(0, np.int32), np.empty(0, np.int32))]
        count = len(texts.starts)
        if count == 0:
            return found[0]
        if self._exists:
            every = np.arange(count, dtype=np.int32)
            found += [(every, np.full(count, number, np.int32)) for number in self._exists]
        if self._machines:
            found += self._literals(texts)
        if len(self._versions):
            found += self._addresses(texts)
        if self._limits:
            found += self._numeric(texts)
        if self._times or self._always:
            computed = [self._compute(texts.text(position)) for position in range(count)]
            owners = np.repeat(np.arange(count, dtype=np.int32), [len(atoms) for atoms in computed])
            found.append((owners, np.array([atom for atoms in computed for atom in atoms], np.int32)))
        return (
            np.concatenate([positions for positions, _ in found]),
            np.concatenate([numbers for _, numbers in found]),
        )

    def _literals(self, texts: Texts) -> list[tuple[Int32s, Int32s]]:
        """Pairs (text, atom) that literals decide, or make candidates that hold."""
        lower = Lowered.of(texts)
        positions, needles = self._search(lower)
        if not len(self._globs) and not len(self._expressions):
            return [(positions, self._decided[needles])]
        sure = needles < self._first_glob
        found = [(positions[sure], self._decided[needles[sure]])]
        tried = ~sure & (needles < self._first_expression)
        held, globs = positions[tried], needles[tried] - np.int32(self._first_glob)
        if len(self._hintless):
            count = len(texts.starts)
            held = np.concatenate([held, np.repeat(np.arange(count, dtype=np.int32), len(self._hintless))])
            globs = np.concatenate([globs, np.tile(self._hintless, count)])
        fits = self._globs.fitting(texts, lower, held, globs)
        found.append((held[fits], self._decided[globs[fits] + self._first_glob]))
        if len(self._expressions):
            tried = needles >= self._first_expression
            hit_texts, hits = self._expressions.scan(
                texts, lower, positions[tried], needles[tried] - np.int32(self._first_expression)
            )
            numbers = self._decided[np.array(hits, np.int64) + self._first_expression]
            found.append((np.array(hit_texts, np.int32), numbers))
        return found

    def _addresses(self, texts: Texts) -> list[tuple[Int32s, Int32s]]:
        """Pairs (text, atom) of addresses and networks."""
        room = max(PAIRS_AT_ONCE, len(self._versions))
        out_text, out_network = np.empty(room, np.int32), np.empty(room, np.int32)
        found: list[tuple[Int32s, Int32s]] = []
        begin = 0
        while begin < len(texts.starts):
            begin, pairs = addresses.inside(*texts, begin, self._networks, self._versions, out_text, out_network)
            found.append((out_text[:pairs].copy(), self._network_atoms[out_network[:pairs]]))
        return found

    def _numeric(self, texts: Texts) -> list[tuple[Int32s, Int32s]]:
        """Pairs (text, atom) of numbers and limits."""
        count = len(texts.starts)
        values, open_ = np.empty(count, np.float64), np.empty(count, np.bool_)
        numbers.read(*texts, values, open_)
        for position in np.flatnonzero(open_).tolist():
            values[position] = numeric(texts.text(position))
        found: list[tuple[Int32s, Int32s]] = []
        for number in self._limits:
            kind, limit, _ = self.atoms[number]
            hits = np.flatnonzero(ORDERS[kind](values, limit)).astype(np.int32)  # what is no number is NaN: never
            found.append((hits, np.full(len(hits), number, np.int32)))
        return found

    def _compute(self, text: str) -> list[int]:
        """The atoms that are computed for each text and hold for `text`."""
        result = [number for number in self._always if tester(self.atoms[number])(text)]
        for part, wanted in self._times.items():
            value = time_part(text, part)
            if value is not None:
                result += wanted.get(value, ())
        return result

    def _search(self, lower: Lowered) -> tuple[Int32s, Int32s]:
        """Pairs (text, needle) over the lower-cased texts, ascending by text."""
        count, needles = len(lower.starts), len(self._decided)
        seen = np.full(needles, -1, np.int64)
        room = max(PAIRS_AT_ONCE, 2 * needles)
        out_text, out_needle = np.empty(room, np.int32), np.empty(room, np.int32)
        parts: list[tuple[Int32s, Int32s]] = []
        begin = 0
        while begin < count:
            begin, pairs = scanning.scan(
                lower.data, lower.starts, lower.stops, begin,
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
