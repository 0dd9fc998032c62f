"""Addresses and networks, each in order of its first address, and the network around it.

198.51.100.0/24           <- parent of -+
  198.51.100.64/26        <-------------+        an address lies in the nearest network that begins at or before it,
    198.51.100.77                                or in one around that; in no other
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from watchfloor.detect.intel import probing
from watchfloor.detect.intel.exact import OUT, Found
from watchfloor.detect.texts import Texts
from watchfloor.words import Bytes, Hashes, Int32s, Int64s

__all__ = ["Networks", "networks", "written_out"]

NOTHING: Hashes = np.empty(0, np.uint64)
SIX = 1 << 40
"""Added to the number of a network of version 6: its place."""


def networks(texts: Texts) -> tuple[Hashes, Bytes]:
    """Texts as networks.

    Returns:
        shape (texts, 4): first address as two words, last address; per text the version, 0 where it is no network.
    """
    bounds, versions = np.zeros(4 * len(texts.starts), np.uint64), np.zeros(len(texts.starts), np.uint8)
    probing.read_networks(texts.data, texts.starts, texts.stops, bounds, versions)
    return bounds.reshape(-1, 4), versions


def written_out(text: str) -> list[str]:
    """Networks that a text means in another way than the kernels read; none where it means none."""
    plain = text.strip().replace("[.]", ".").replace("(.)", ".").replace("[:]", ":")
    try:
        if "-" in plain:
            first, last = (ipaddress.ip_address(part.strip()) for part in plain.split("-"))
            return [str(one) for one in ipaddress.summarize_address_range(first, last)]
        return [str(ipaddress.ip_network(plain, strict=False))]
    except (ValueError, TypeError):
        return []


@dataclass(frozen=True, slots=True, eq=False)
class _One:
    """Networks of one version; version 4 keeps 32 bits of each address and no high words."""

    version: int
    high: Hashes
    low: npt.NDArray[Any]
    last_high: Hashes
    last_low: npt.NDArray[Any]
    parents: Int32s
    claims: npt.NDArray[np.uint32]
    directory: Int32s

    @classmethod
    def of(cls, version: int, bounds: Hashes, claims: Int64s) -> _One:
        high, low, last_high, last_low = (bounds[:, number] for number in range(4))
        order = np.lexsort((~last_low, ~last_high, low, high))
        high, low, last_high, last_low = (
            np.ascontiguousarray(part[order]) for part in (high, low, last_high, last_low)
        )
        parents = np.empty(len(order), np.int32)
        probing.nest(high, low, last_high, last_low, parents)
        small = claims[order].astype(np.uint32)
        if version == 6:
            return cls(version, high, low, last_high, last_low, parents, small, np.zeros(1, np.int32))
        directory = np.searchsorted(low, np.arange(65537, dtype=np.uint64) << np.uint64(16)).astype(np.int32)
        return cls(
            version, NOTHING, low.astype(np.uint32), NOTHING, last_low.astype(np.uint32), parents, small, directory
        )

    def find(self, bounds: Hashes, versions: Bytes) -> Found:
        parts: list[tuple[Int32s, Int64s]] = []
        text, row = np.empty(OUT, np.int32), np.empty(OUT, np.int64)
        at = 0
        while len(self.low) and at < len(versions):
            at, many = probing.around(
                bounds.reshape(-1), versions, at, self.version, self.high, self.low, self.last_high, self.last_low,
                self.parents, self.directory, text, row,
            )  # fmt: skip
            parts.append((text[:many].copy(), row[:many].copy()))
        if not parts:
            return Found.none()
        rows = np.concatenate([part[1] for part in parts])
        return Found(
            np.concatenate([part[0] for part in parts]),
            rows + (SIX if self.version == 6 else 0),
            self.claims[rows].astype(np.int64),
            self._depth(rows),
        )

    def _depth(self, rows: Int64s) -> Int32s:
        """The narrower a network, the larger."""
        if self.version == 4:
            width = self.last_low[rows].astype(np.int64) - self.low[rows].astype(np.int64)
            narrow: Int32s = (64 - np.log2(width + 1.0)).astype(np.int32)
            return narrow
        wide = (self.last_high[rows] - self.high[rows]).astype(np.float64) * 2.0**64
        small: Int32s = (256 - np.log2(wide + (self.last_low[rows] - self.low[rows]).astype(np.float64) + 1.0)).astype(
            np.int32
        )
        return small

    @property
    def nbytes(self) -> int:
        held = (self.high, self.low, self.last_high, self.last_low, self.parents, self.claims, self.directory)
        return sum(part.nbytes for part in held)


@dataclass(frozen=True, slots=True, eq=False)
class Networks:
    """Known addresses and networks."""

    four: _One
    six: _One
    count: int

    @classmethod
    def of(cls, bounds: Hashes, versions: Bytes, claims: Int64s) -> Networks:
        """From distinct networks as `networks` gives them, and the claims of each."""
        four, six = versions == 4, versions == 6
        return cls(_One.of(4, bounds[four], claims[four]), _One.of(6, bounds[six], claims[six]), len(bounds))

    def find(self, bounds: Hashes, versions: Bytes) -> Found:
        """Which addresses or networks, as `networks` reads them, lie in a known one."""
        found = [
            part for part in (self.four.find(bounds, versions), self.six.find(bounds, versions)) if len(part.texts)
        ]
        if len(found) < 2:
            return found[0] if found else Found.none()
        four, six = found
        order = np.argsort(np.concatenate([four.texts, six.texts]), kind="stable")
        return Found(
            np.concatenate([four.texts, six.texts])[order],
            np.concatenate([four.places, six.places])[order],
            np.concatenate([four.claims, six.claims])[order],
            np.concatenate([four.near, six.near])[order],
        )

    def value(self, place: int) -> str:
        """The network at a place, as people write it."""
        one, row = (self.six, place - SIX) if place >= SIX else (self.four, place)
        high, last_high = (0, 0) if one.version == 4 else (int(one.high[row]), int(one.last_high[row]))
        first = high << 64 | int(one.low[row])
        size = (last_high << 64 | int(one.last_low[row])) - first + 1
        kind = ipaddress.IPv4Network if one.version == 4 else ipaddress.IPv6Network
        network = kind((first, (32 if one.version == 4 else 128) - size.bit_length() + 1))
        return str(network.network_address) if size == 1 else str(network)

    @property
    def nbytes(self) -> int:
        """Memory held."""
        return self.four.nbytes + self.six.nbytes
