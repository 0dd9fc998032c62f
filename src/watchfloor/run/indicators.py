"""Where an indicator was seen: what the lake keeps of matches, for whoever asks about a value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow.compute as pc

from watchfloor.run.batch import SIGHTINGS
from watchfloor.store.lake import Lake

__all__ = ["Seen", "seen"]


@dataclass(frozen=True, slots=True)
class Seen:
    """Matches of one indicator: how many events, when first and last (UTC epoch milliseconds), in which attributes."""

    kind: str
    value: str
    events: int
    first: int
    last: int
    attributes: tuple[tuple[str, int], ...]


def seen(lake: Lake, indicators: Iterable[tuple[str, str]]) -> list[Seen]:
    """What the lake knows of indicators (kind, value), those that were never seen left out."""
    wanted = list(dict.fromkeys(indicators))
    if not wanted:
        return []
    rows = lake.read(SIGHTINGS, where=pc.field("value").isin([value for _, value in wanted]))
    found = []
    for kind, value in wanted:
        mine = rows.filter((pc.field("kind") == kind) & (pc.field("value") == value)) if rows.num_rows else rows
        if mine.num_rows == 0:
            continue
        times = pc.min_max(mine["time"]).as_py()
        where = Counter(
            f"{a}: {b}" for a, b in zip(*(mine[n].to_pylist() for n in ("class_name", "attribute")), strict=True)
        )
        events = len(set(mine["event_uid"].to_pylist()))
        found.append(Seen(kind, value, events, times["min"], times["max"], tuple(sorted(where.items()))))
    return found
