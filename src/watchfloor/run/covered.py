"""Whether what happened somewhere could have been seen: answers from what the lake remembers of sources and doors."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow.compute as pc

from watchfloor.estate import Estate
from watchfloor.store.lake import Lake
from watchfloor.world.coverage import Coverage, Covering
from watchfloor.world.directory import Directory
from watchfloor.world.history import SCHEMA, History
from watchfloor.world.pulse import pulse_table
from watchfloor.world.skew import Ahead, measured
from watchfloor.world.tables import PULSES, SIGHTINGS, STATEMENTS
from watchfloor.world.world import Learnt

__all__ = ["clocks", "covered"]

MEASURED_MS = 14 * 86_400_000
"""Clocks are compared by passages of so long: they drift, and are set."""


def covered(
    described: Estate, directory: Directory, lake: Lake, of: str, start: int, end: int, feed: str | None, known_at: int
) -> Coverage:
    """Whether what happened there in [start, end) could have been seen, as known at a moment.

    Raises:
        EstateError: coverage.toml is wrong.
    """
    sources = described.covers(directory)
    heard = lake.read(PULSES)
    history = History()
    said = lake.read(
        STATEMENTS, SCHEMA.names, pc.field("kind").isin(["portal_mode", "bypassed", "lost", "maintenance"])
    )
    history.add(Learnt.of(said=said).said)
    covering = Covering(directory, sources, heard if heard.num_rows else pulse_table([]), history, known_at=known_at)
    return covering.coverage(of, start, end, feed=feed)


def clocks(directory: Directory, lake: Lake, end: int) -> Mapping[str, Ahead]:
    """How far the clocks of doors were ahead of each other, by who walked between them in the two weeks before."""
    near = (pc.field("time") >= end - MEASURED_MS) & (pc.field("time") < end)
    return measured(Learnt.of(lake.read(SIGHTINGS, where=near)).seen, directory)
