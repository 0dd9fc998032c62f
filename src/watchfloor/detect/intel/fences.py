"""Areas that are watched: is a point inside, and inside which?

    POLYGON ((4.10 51.95, 4.16 51.95, 4.16 51.98, 4.10 51.95))     well-known text (OGC 06-103r4): longitude first
    CIRCLE (51.95 4.10 500)                                        ours: latitude, longitude, metres

Points are texts `latitude,longitude` in degrees (WGS 84). An area is small against the earth: its sides are straight in
degrees, and none crosses the 180th meridian.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from watchfloor.detect.intel.exact import Found
from watchfloor.words import Int64s

__all__ = ["Fences", "fence", "points"]

Degrees = npt.NDArray[np.float64]

NUMBER = r"[-+]?\d{1,3}(?:\.\d+)?"
CIRCLE = re.compile(rf"\s*circle\s*\(\s*({NUMBER})[\s,]+({NUMBER})[\s,]+(\d+(?:\.\d+)?)\s*\)\s*", re.IGNORECASE)
POLYGON = re.compile(r"\s*polygon\s*\(\s*\(([^()]*)\)\s*\)\s*", re.IGNORECASE)
POINT = re.compile(rf"\s*({NUMBER})\s+({NUMBER})(?:\s+{NUMBER})?\s*")
PAIR = rf"^\s*(?P<lat>{NUMBER})\s*,\s*(?P<long>{NUMBER})\s*$"

METRES = 111_320.0
"""Length of a degree of latitude."""

CORNERS = 48
"""Corners of the polygon that stands for a circle: at most 0.2 % of the radius inside it."""


@dataclass(frozen=True, slots=True, eq=False)
class Fence:
    """One area: corners (latitude, longitude), shape (corners, 2), the first not repeated; `text` in one spelling."""

    text: str
    corners: Degrees


def fence(text: str) -> Fence | None:
    """The area that a text describes; None where it describes none."""
    if found := CIRCLE.fullmatch(text):
        lat, long, radius = (float(part) for part in found.groups())
        if not (abs(lat) < 89 and abs(long) <= 180 and 0 < radius <= 1_000_000):
            return None
        turns = np.linspace(0.0, 2.0 * math.pi, CORNERS, endpoint=False)
        high = radius / METRES
        wide = high / math.cos(math.radians(lat))
        corners = np.stack([lat + high * np.sin(turns), long + wide * np.cos(turns)], axis=1)
        return Fence(f"CIRCLE ({lat:g} {long:g} {radius:g})", corners)
    if found := POLYGON.fullmatch(text):
        pairs = [POINT.fullmatch(part) for part in found.group(1).split(",")]
        ring = [(float(pair.group(2)), float(pair.group(1))) for pair in pairs if pair is not None]
        if len(ring) != len(pairs) or any(abs(lat) > 90 or abs(long) > 180 for lat, long in ring):
            return None
        if ring[0] == ring[-1]:
            ring.pop()
        if len(set(ring)) < 3:
            return None
        told = ", ".join(f"{long:.12g} {lat:.12g}" for lat, long in [*ring, ring[0]])
        return Fence(f"POLYGON (({told}))", np.array(ring))
    return None


def points(values: pa.Array) -> tuple[Degrees, Degrees]:
    """Texts `latitude,longitude` as numbers; NaN where a text is none."""
    found = pc.extract_regex(values, PAIR)
    lat, long = (
        np.asarray(pc.fill_null(pc.cast(pc.struct_field(found, name), pa.float64()), np.nan))
        for name in ("lat", "long")
    )
    return lat, long


class Fences:
    """Known areas.

    Args:
        fences: distinct ones, in an order of their own: of two as large as each other the later is the nearer.
        claims: of each, as `claims.Claims` numbers them.
    """

    def __init__(self, fences: Sequence[Fence], claims: Int64s) -> None:
        self._fences, self._claims = fences, claims
        areas = [_area(one.corners) for one in fences]
        self._rank = np.empty(len(fences), np.int32)
        self._rank[np.argsort(areas, kind="stable")[::-1]] = np.arange(len(fences), dtype=np.int32)

    def find(self, values: pa.Array) -> Found:
        """Which points lie in which areas; the smaller an area, the nearer."""
        lat, long = points(values)
        texts, places = [np.empty(0, np.int32)], [np.empty(0, np.int64)]
        for number, one in enumerate(self._fences):
            low, high = one.corners.min(axis=0), one.corners.max(axis=0)
            near = np.flatnonzero((lat >= low[0]) & (lat <= high[0]) & (long >= low[1]) & (long <= high[1]))
            hit = near[_inside(lat[near], long[near], one.corners)]
            texts.append(hit.astype(np.int32))
            places.append(np.full(len(hit), number, np.int64))
        text, place = np.concatenate(texts), np.concatenate(places)
        order = np.argsort(text, kind="stable")
        text, place = text[order], place[order]
        return Found(text, place, self._claims[place], self._rank[place])

    def value(self, place: int) -> str:
        """The area at a place, as people write it."""
        return self._fences[place].text

    @property
    def nbytes(self) -> int:
        """Memory held."""
        return sum(one.corners.nbytes + len(one.text) for one in self._fences) + self._claims.nbytes


def _area(corners: Degrees) -> float:
    y, x = corners.T
    return float(abs(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y)) / 2)


def _inside(lat: Degrees, long: Degrees, corners: Degrees) -> npt.NDArray[np.bool_]:
    """Points that an odd number of sides lies beside (the even-odd rule)."""
    inside = np.zeros(len(lat), np.bool_)
    before = corners[-1]
    for corner in corners:
        (y0, x0), (y1, x1) = before, corner
        if y0 != y1:
            crosses = (lat < y0) != (lat < y1)
            inside ^= crosses & (long < x0 + (lat - y0) / (y1 - y0) * (x1 - x0))
        before = corner
    return inside
