"""How much further away an address is than anybody can have come since they were last seen.

    seen at the gate 40 minutes ago, signs in from 10,500 km away       10,500 - 100 - 0.67 h x 900 km/h = 9,800 km

Where an address is, is a guess of a database: weak evidence, and never any at all within 100 km (scenarios, S1).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from watchfloor.ocsf.column import Column
from watchfloor.ocsf.events import Events
from watchfloor.world.directory import Directory
from watchfloor.world.history import AsOf
from watchfloor.world.traversal import EARTH_KM, FLYING_KMH

__all__ = ["GUESS_KM", "beyond_km", "kilometres"]

Reals = npt.NDArray[np.float64]

GUESS_KM = 100.0
"""Kilometres by which the place of an address may be wrong without meaning anything."""


def beyond_km(directory: Directory, before: AsOf, events: Events, times: npt.NDArray[np.int64]) -> Reals | None:
    """Per row kilometres that nobody can have come, negative where they can; nan where it cannot be said.

    Args:
        before: the sighting before each row; its value is a place. Shape (rows,).
        times: UTC epoch milliseconds. Shape (rows,).
    """
    longitude, latitude = (_reals(events.column(f"src_endpoint.location.{name}")) for name in ("long", "lat"))
    if longitude is None or latitude is None or not before.found.any():
        return None
    sites = [directory.located.get(directory.site_of(uid)) for uid in before.value.values.to_pylist()]
    here = np.array([*((np.nan, np.nan) if site is None else site for site in sites), (np.nan, np.nan)])
    at = here[before.value.codes]
    hours = (times - before.moment) / 3_600_000.0
    away = kilometres(at[:, 0], at[:, 1], longitude, latitude) - GUESS_KM - FLYING_KMH * hours
    return np.where(before.found, away, np.nan)


def kilometres(start_lon: Reals, start_lat: Reals, end_lon: Reals, end_lat: Reals) -> Reals:
    """Kilometres between points in degrees, row by row (haversine)."""
    a, b = np.radians(start_lat), np.radians(end_lat)
    across = np.radians(end_lon - start_lon) / 2
    half = np.sin((b - a) / 2) ** 2 + np.cos(a) * np.cos(b) * np.sin(across) ** 2
    found: Reals = 2 * EARTH_KM * np.arcsin(np.sqrt(np.minimum(1.0, half)))
    return found


def _reals(column: Column | None) -> Reals | None:
    if column is None or column.all_missing:
        return None
    return np.array([*(np.nan if one is None else float(one) for one in column.values.to_pylist()), np.nan])[
        column.codes
    ]
