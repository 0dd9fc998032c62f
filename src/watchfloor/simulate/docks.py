"""Docks that are shared: on some days two colleagues of a room swap computers, or take theirs to each other's dock."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from watchfloor.simulate.draft import Codes
from watchfloor.simulate.rota import WORKS
from watchfloor.simulate.site import Site

__all__ = ["Docks", "swapped"]

SWAPPED = 0.03
"""Share of pairs of neighbours who swap on a day."""


@dataclass(frozen=True, slots=True)
class Docks:
    """Who uses what today.

    Args:
        host: per person the computer they use; docks: per asset the one at whose dock it stands.
    """

    host: Codes
    docks: Codes


def swapped(site: Site, kind: npt.NDArray[np.int8], rng: np.random.Generator) -> Docks:
    """Swaps of one day, between people of one room who both come; half of them of computers, half of docks."""
    host, docks = site.host.copy(), np.arange(len(site.assets), dtype=np.int32)
    here = np.flatnonzero((site.host >= 0) & (kind == WORKS))
    order = here[np.lexsort((rng.random(len(here)), site.desk[here]))]
    a, b = order[0 : len(order) - 1 : 2], order[1::2]
    luck = rng.random(len(a))
    chosen = (site.desk[a] == site.desk[b]) & (luck < SWAPPED)
    for one, other, computers in zip(a[chosen], b[chosen], luck[chosen] < SWAPPED / 2, strict=True):
        if computers:
            host[one], host[other] = site.host[other], site.host[one]
        else:
            mine, theirs = site.host[one], site.host[other]
            docks[mine], docks[theirs] = theirs, mine
    return Docks(host, docks)
