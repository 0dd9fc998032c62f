"""Events that rules matched for correlations, kept as long as a correlation may name them as its evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from watchfloor.ocsf.events import Events

__all__ = ["Place", "Recall"]


class Place(NamedTuple):
    """Where an event is kept: which batch of events, and its row there."""

    batch: int
    row: int


@dataclass(frozen=True, slots=True)
class _Batch:
    events: Events
    uids: npt.NDArray[np.str_]
    order: npt.NDArray[np.int64]
    last: int


class Recall:
    """Events by uid."""

    def __init__(self) -> None:
        self._batches: dict[int, _Batch] = {}
        self._next = 0

    def __len__(self) -> int:
        return sum(len(batch.events) for batch in self._batches.values())

    def keep(self, events: Events) -> None:
        """Keep some events of one class."""
        uid, time = events.column("metadata.uid"), events.column("time")
        if len(events) == 0 or uid is None:
            return
        uids = np.array([text or "" for text in uid.to_pylist()], np.str_)
        order = np.argsort(uids, kind="stable")
        times = [] if time is None else [value for value in time.values.to_pylist() if value is not None]
        self._batches[self._next] = _Batch(events, uids[order], order, max(times, default=1 << 62))
        self._next += 1

    def find(self, uid: str) -> Place | None:
        """Where the event of that uid is; the youngest where it was kept twice."""
        for number in reversed(self._batches):
            batch = self._batches[number]
            at = int(np.searchsorted(batch.uids, uid))
            if at < len(batch.uids) and batch.uids[at] == uid:
                return Place(number, int(batch.order[at]))
        return None

    def events(self, batch: int) -> Events:
        """A batch of events."""
        return self._batches[batch].events

    def forget(self, before: int) -> None:
        """Let go of batches whose events all happened before a time, milliseconds."""
        for number in [number for number, batch in self._batches.items() if batch.last < before]:
            del self._batches[number]

    def batches(self) -> Sequence[Events]:
        """All that is kept."""
        return [batch.events for batch in self._batches.values()]
