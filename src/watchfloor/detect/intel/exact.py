"""Values that are known letter by letter, and each one's claims, in about as many bytes as the values have themselves.

For five million domains of 18 letters: 8 MB of Bloom filter, 5 MB of directory, 115 MB of records.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from watchfloor.detect.intel import probing
from watchfloor.detect.intel.spelling import Spelt
from watchfloor.words import Bytes, Hashes, Int32s, Int64s

__all__ = ["MODES", "Exact", "Found", "distinct"]

MODES = {"domain": probing.PARENTS, "badge": probing.LESS}
"""Kinds in which less than the whole value may be known too: parents of a domain, a badge without its facility."""

OUT = 1 << 16


class Found(NamedTuple):
    """What is known of some texts: pairs (text, indicator).

    Args:
        texts: which text.
        places: where the indicator stands, for `Exact.value` or `Networks.value`.
        claims: its claims, as `claims.Claims` numbers them.
        near: the larger, the more of the text is the indicator.
    """

    texts: Int32s
    places: Int64s
    claims: Int64s
    near: Int32s

    @classmethod
    def none(cls) -> Found:
        """Nothing."""
        return cls(np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int32))


@dataclass(frozen=True, slots=True, eq=False)
class Exact:
    """Known values of one kind.

    Args:
        mode: `probing.WHOLE`, `PARENTS` or `LESS`.
        key: of the hashes.
        bloom, directory, records: as `probing` lays them out.
        count: values.
    """

    mode: int
    key: tuple[np.uint64, np.uint64]
    shift: np.uint64
    bloom: Hashes
    directory: npt.NDArray[Any]
    records: Bytes
    count: int

    @classmethod
    def of(cls, kind: str, values: Spelt, claims: Int64s, key: tuple[np.uint64, np.uint64]) -> Exact:
        """From distinct values and the claims of each."""
        hash_of = np.empty(len(values.starts), np.uint64)
        probing.hashes(values.data, values.starts, values.stops, *key, hash_of)
        order = np.argsort(hash_of)
        count = len(order)
        bits = max(1, int(count // 4).bit_length())
        lengths = values.stops - values.starts
        size = int(lengths.sum()) + 5 * count + int(np.count_nonzero(lengths >= 128)) + 8
        del lengths
        directory: npt.NDArray[Any] = np.zeros((1 << bits) + 1, np.uint32 if size < 1 << 32 else np.int64)
        bloom = np.zeros(1 << max(4, (count * 10 // 64).bit_length()), np.uint64)
        records = np.zeros(size, np.uint8)
        shift = np.uint64(64 - bits)
        probing.lay_out(
            values.data, values.starts, values.stops, order, hash_of, claims, shift, bloom, directory, records
        )
        return cls(MODES.get(kind, probing.WHOLE), key, shift, bloom, directory, records, count)

    def find(self, texts: Spelt) -> Found:
        """Which of the texts are known."""
        found: list[tuple[Int32s, Int64s, Int32s]] = []
        text, place, near = np.empty(OUT, np.int32), np.empty(OUT, np.int64), np.empty(OUT, np.int32)
        at = 0
        while self.count and at < len(texts.starts):
            at, many = probing.find(
                texts.data, texts.starts, texts.stops, at, self.mode, *self.key, self.shift, self.bloom,
                self.directory, self.records, text, place, near,
            )  # fmt: skip
            if many:
                found.append((text[:many].copy(), place[:many].copy(), near[:many].copy()))
        if not found:
            return Found.none()
        places = np.concatenate([part[1] for part in found])
        claims = np.empty(len(places), np.int64)
        probing.claims_at(self.records, places, claims)
        return Found(
            np.concatenate([part[0] for part in found]), places, claims, np.concatenate([part[2] for part in found])
        )

    def value(self, place: int) -> bytes:
        """The value at a place."""
        length, begin = probing.record(self.records, place)
        return self.records[begin : begin + length].tobytes()

    @property
    def nbytes(self) -> int:
        """Memory held."""
        return self.bloom.nbytes + self.directory.nbytes + self.records.nbytes


def distinct(values: Spelt, key: tuple[np.uint64, np.uint64]) -> tuple[Int32s, int]:
    """Per value the number of its text, and how many texts there are."""
    hash_of = np.empty(len(values.starts), np.uint64)
    probing.hashes(values.data, values.starts, values.stops, *key, hash_of)
    numbers = np.empty(len(values.starts), np.int32)
    count = probing.group(values.data, values.starts, values.stops, np.argsort(hash_of), hash_of, numbers)
    return numbers, count
