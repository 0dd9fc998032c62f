"""All indicators of an estate, ready to be asked: is this value known, at that time, and from whom?

    parts of all feeds -> one spelling -> distinct values -> warninglists -> claims, each once -> `Exact`, `Networks`

What is known does not depend on the order in which feeds were read, nor on how often a feed says something.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from watchfloor.detect.intel.claims import Claims, combined
from watchfloor.detect.intel.exact import Exact, Found, distinct
from watchfloor.detect.intel.fences import Fence, Fences, fence
from watchfloor.detect.intel.gathered import Gathered, Part
from watchfloor.detect.intel.indicator import DECAYS, KINDS, Claim, score
from watchfloor.detect.intel.networks import Networks, networks, written_out
from watchfloor.detect.intel.spelling import FINE, NONE, Spelt, shown, spelt
from watchfloor.detect.intel.warninglists import Warninglists
from watchfloor.detect.lookup import texts_of
from watchfloor.detect.texts import Texts
from watchfloor.words import Bytes, Hashes, Int32s, Int64s

__all__ = ["Answer", "Intelligence", "Tally"]


class Answer(NamedTuple):
    """One claim about a value that somebody asked for.

    Args:
        kind, value: the indicator, which may be a network around the value or a domain above it.
        claim: what is said.
        score: how sure it is at the moment asked for.
        standing: `holds`, `benign`, `overruled`, `warninglisted`, `expired`, `faded` or `not yet`.
    """

    kind: str
    value: str
    claim: Claim
    score: float
    standing: str


@dataclass(frozen=True, slots=True)
class Tally:
    """Indicators of a kind: how many; how many stand on a warninglist (`held`), or have only claims that ended."""

    values: int = 0
    expired: int = 0
    held: int = 0
    verdicts: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class _Kind:
    """Values of one kind while the index is made."""

    values: Spelt
    bounds: Hashes
    versions: Bytes
    numbers: Int32s
    """Per value as it was written: which distinct value it is."""
    first: Int64s
    """Per distinct value one of those."""
    claims: Int32s
    fences: Sequence[Fence] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Intelligence:
    """Indicators by kind, and their claims."""

    claims: Claims
    exact: Mapping[str, Exact]
    networks: Networks | None
    fences: Fences | None
    uses: Mapping[str, tuple[Int64s, Int64s]]
    """Per kind: what values hold (`Claims.numbers`), each once, and how many values hold it."""

    @classmethod
    def of(cls, gathered: Gathered, warninglists: Warninglists, key: tuple[np.uint64, np.uint64]) -> Intelligence:
        """From what was read. What is no value of its kind is added to the problems.

        Args:
            key: of the hashes: who does not know it cannot make values collide.
        """
        parts = gathered.by_kind()
        kinds = {kind: _one(kind, parts.pop(kind), gathered, warninglists, key) for kind in list(parts)}
        order = sorted(gathered.claims)
        rank = np.empty(len(order), np.int32)
        for place, claim in enumerate(order):
            rank[gathered.claims[claim]] = place
        lists: list[Int32s] = []
        exact: dict[str, Exact] = {}
        nets: Networks | None = None
        fences: Fences | None = None
        uses: dict[str, tuple[Int64s, Int64s]] = {}
        for kind in list(kinds):
            one = kinds.pop(kind)
            claims, count = rank[one.claims], len(one.first)
            held = combined(one.numbers, count, claims, lists, sum(map(len, lists)))
            uses[kind] = np.unique(held, return_counts=True)
            if kind == "geofence":
                fences = Fences([one.fences[first] for first in one.first.tolist()], held)
            elif kind == "ip":
                nets = Networks.of(one.bounds[one.first], one.versions[one.first], held)
            else:
                values = one.values
                kept = Spelt(values.data, values.starts[one.first], values.stops[one.first], values.state[one.first])
                del one, values
                exact[kind] = Exact.of(kind, kept, held, key)
        return cls(Claims.of(order, np.concatenate([np.empty(0, np.int32), *lists])), exact, nets, fences, uses)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of which there are indicators."""
        return tuple(kind for kind in KINDS if kind in self.uses)

    @property
    def count(self) -> int:
        """How many indicators there are."""
        return sum(int(counts.sum()) for _, counts in self.uses.values())

    @property
    def nbytes(self) -> int:
        """Memory of the values and what they hold; the claims themselves are not counted."""
        held = [*self.exact.values(), *(one for one in (self.networks, self.fences) if one is not None)]
        return sum(one.nbytes for one in held) + self.claims.lists.nbytes

    def find(self, kind: str, values: pa.Array) -> Found:
        """What is known of some values of a kind, ascending by value."""
        if kind == "geofence":
            return Found.none() if self.fences is None else self.fences.find(values)
        texts = texts_of(values)
        if kind == "ip":
            return Found.none() if self.networks is None else self.networks.find(*networks(texts))
        known = self.exact.get(kind)
        return Found.none() if known is None else known.find(spelt(kind, texts))

    def value(self, kind: str, place: int) -> str:
        """The indicator at a place, as people write it."""
        if kind in ("ip", "geofence"):
            held = self.networks if kind == "ip" else self.fences
            assert held is not None
            return held.value(place)
        return shown(kind, self.exact[kind].value(place))

    def about(self, value: str, at: int, kinds: Sequence[str] = ()) -> list[Answer]:
        """All that is said of a value, whether it holds at that moment or not; what holds comes first."""
        answers: list[Answer] = []
        for kind in kinds or self.kinds:
            found = self.find(kind, pa.array([value], pa.string()))
            said = [
                (place, near, self.claims.said[number])
                for place, claims, near in zip(
                    found.places.tolist(), found.claims.tolist(), found.near.tolist(), strict=True
                )
                for number in self.claims.numbers(claims)
            ]
            said.sort(key=lambda one: (-abs(one[2].verdict), -one[1], -score(one[2], at), one[2]))
            ruling = next((claim for _, _, claim in said if claim.verdict and claim.since <= at < claim.until), None)
            answers += [
                Answer(kind, self.value(kind, place), claim, score(claim, at), _standing(claim, at, ruling))
                for place, _, claim in said
            ]
        return sorted(answers, key=lambda one: one.standing not in ("holds", "benign"))

    def tally(self, at: int) -> dict[str, Tally]:
        """How many indicators there are at a moment, by kind."""
        made = {}
        for kind, (held, counts) in self.uses.items():
            tally = dict.fromkeys(Tally.__dataclass_fields__, 0)
            for number, count in zip(held.tolist(), counts.tolist(), strict=True):
                said = [self.claims.said[one] for one in self.claims.numbers(number)]
                tally["values"] += count
                tally["held"] += count * any(one.held for one in said)
                tally["verdicts"] += count * any(one.verdict for one in said)
                tally["expired"] += count * all(_standing(one, at, None) in ("expired", "faded") for one in said)
            made[kind] = Tally(**tally)
        return made


def _standing(claim: Claim, at: int, ruling: Claim | None) -> str:
    if at >= claim.until:
        return "expired"
    if at < claim.since:
        return "not yet"
    if claim.verdict:
        if ruling is not None and ruling is not claim:
            return "overruled"
        return "holds" if claim.verdict > 0 else "benign"
    if ruling is not None and ruling.verdict < 0:
        return "overruled"
    if claim.held:
        return "warninglisted"
    return "holds" if score(claim, at) >= DECAYS[claim.decay].threshold else "faded"


def _one(
    kind: str, parts: list[Part], gathered: Gathered, warninglists: Warninglists, key: tuple[np.uint64, np.uint64]
) -> _Kind:
    """Values of a kind in one spelling, those on a warninglist with claims that say so."""
    if kind == "geofence":
        return _areas(parts, gathered)
    claims = np.concatenate([part.claims for part in parts])
    none = np.empty((0, 4), np.uint64), np.empty(0, np.uint8)
    if kind == "ip":
        bounds, versions, claims = _addresses(parts, gathered)
        numbers, first = _distinct_networks(bounds, versions, key)
        values = Spelt(np.zeros(8, np.uint8), np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.uint8))
        held = warninglists.around(bounds[first], versions[first])
    else:
        made = []
        while parts:  # one by one, so that the bytes of a file are free once they are spelt
            made.append(_spelt(kind, parts.pop(0), gathered))
        shift = np.cumsum([0, *(len(one.data) for one in made)])
        fine = np.concatenate([one.state for one in made]) == FINE
        if len(made) == 1 and fine.all():
            values = made[0]
        else:
            values = Spelt(
                np.concatenate([one.data for one in made]),
                np.concatenate([one.starts + start for one, start in zip(made, shift[:-1], strict=True)])[fine],
                np.concatenate([one.stops + start for one, start in zip(made, shift[:-1], strict=True)])[fine],
                np.zeros(int(fine.sum()), np.uint8),
            )
        del made
        claims, (bounds, versions) = claims[fine], none
        numbers, count = distinct(values, key)
        first = np.zeros(count, np.int64)
        first[numbers[::-1]] = np.arange(len(numbers))[::-1]
        held = warninglists.holding(
            kind, Spelt(values.data, values.starts[first], values.stops[first], values.state[first])
        )
    if (held >= 0).any():
        claims = _held(claims, held[numbers], gathered, warninglists.names)
    return _Kind(values, bounds, versions, numbers, first, claims)


def _spelt(kind: str, part: Part, gathered: Gathered) -> Spelt:
    made = spelt(kind, part.values)
    _complain(kind, part, np.flatnonzero(made.state == NONE), gathered)
    return made


def _areas(parts: Sequence[Part], gathered: Gathered) -> _Kind:
    """Areas, equal ones as one, in the order of their texts."""
    fences: list[Fence] = []
    known: dict[str, int] = {}
    numbers, claims = [], []
    for part in parts:
        made = [fence(part.values.text(number)) for number in range(len(part.lines))]
        _complain("geofence", part, np.flatnonzero([one is None for one in made]), gathered)
        for one, claim in zip(made, part.claims.tolist(), strict=True):
            if one is not None:
                numbers.append(known.setdefault(one.text, len(known)))
                claims.append(claim)
                if len(known) > len(fences):
                    fences.append(one)
    order = sorted(range(len(fences)), key=lambda number: fences[number].text)
    rank = {number: place for place, number in enumerate(order)}
    fences, numbers = [fences[number] for number in order], [rank[number] for number in numbers]
    nothing = np.empty(0, np.int64)
    values = Spelt(np.zeros(8, np.uint8), nothing, nothing, np.empty(0, np.uint8))
    bounds, versions = np.empty((0, 4), np.uint64), np.empty(0, np.uint8)
    first = np.arange(len(fences))
    return _Kind(values, bounds, versions, np.array(numbers, np.int32), first, np.array(claims, np.int32), fences)


def _addresses(parts: Sequence[Part], gathered: Gathered) -> tuple[Hashes, Bytes, Int32s]:
    """Networks, what Python has to read (a-b, 198.51.100[.]7) behind the others."""
    bounds, versions, claims = [], [], []
    for part in parts:
        found, kinds = networks(part.values)
        fine = kinds > 0
        bounds.append(found[fine])
        versions.append(kinds[fine])
        claims.append(part.claims[fine])
        bad = []
        for number in np.flatnonzero(~fine).tolist():
            some = written_out(part.values.text(number))
            if not some:
                bad.append(number)
                continue
            found, kinds = networks(Texts.of(some))
            bounds.append(found)
            versions.append(kinds)
            claims.append(np.full(len(some), part.claims[number], np.int32))
        _complain("ip", part, np.array(bad, np.int64), gathered)
    return np.concatenate(bounds), np.concatenate(versions), np.concatenate(claims)


def _distinct_networks(bounds: Hashes, versions: Bytes, key: tuple[np.uint64, np.uint64]) -> tuple[Int32s, Int64s]:
    numbers = np.zeros(len(versions), np.int32)
    first: list[Int64s] = [np.empty(0, np.int64)]
    for version in (4, 6):
        which = np.flatnonzero(versions == version)
        data = np.ascontiguousarray(bounds[which]).view(np.uint8).reshape(-1)
        starts = np.arange(len(which), dtype=np.int64) * 32
        padded = np.concatenate([data, np.zeros(8, np.uint8)])
        mine, count = distinct(Spelt(padded, starts, starts + 32, np.zeros(len(which), np.uint8)), key)
        numbers[which] = mine + sum(map(len, first))
        one = np.zeros(count, np.int64)
        one[mine[::-1]] = which[::-1]
        first.append(one)
    return numbers, np.concatenate(first)


def _complain(kind: str, part: Part, bad: Int64s, gathered: Gathered) -> None:
    for number in bad.tolist():
        what = f"{part.values.text(number)[:60]!r} is no {kind}"
        gathered.wrong(part.file, int(part.lines[number]), what, f"a {kind} is: {KINDS[kind]}")


def _held(claims: Int32s, lists: Int32s, gathered: Gathered, names: Sequence[str]) -> Int32s:
    """Claims about values on a warninglist become claims that say so; verdicts stay."""
    said = list(gathered.claims)
    claims = claims.copy()
    mine = np.flatnonzero(lists >= 0)
    pairs, which = np.unique(claims[mine].astype(np.int64) << 32 | lists[mine], return_inverse=True)
    becomes = []
    for pair in pairs.tolist():
        claim = said[pair >> 32]
        if claim.verdict:
            becomes.append(pair >> 32)
        else:
            marked = claim._replace(held=names[pair & 0xFFFFFFFF])
            becomes.append(gathered.claims.setdefault(marked, len(gathered.claims)))
    claims[mine] = np.array(becomes, np.int32)[which]
    return claims
