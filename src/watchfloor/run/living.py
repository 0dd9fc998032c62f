"""The world of an estate that runs: taken up from the lake, taught batch by batch, never ahead of what is committed.

    start, or after a failure    files of the estate + the world's own tables, of all committed batches
    each batch                   resolve, learn, join; what was learnt is rows of the same commit

So a crash between any two writes leaves a world that is the replay of what is in the lake: a batch that was begun and
not committed is made again on a world that has not heard of it, and gives the same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from watchfloor.ocsf.events import Events
from watchfloor.store.lake import Lake
from watchfloor.world.activity import ACTIVITY_SCHEMA
from watchfloor.world.blind import Blind, blind
from watchfloor.world.coverage import Covering
from watchfloor.world.directory import Directory
from watchfloor.world.pulse import PULSE_SCHEMA, Pulse, pulse_table
from watchfloor.world.sources import Source
from watchfloor.world.tables import ACTIVITY, ALIASES, PULSES, SIGHTINGS, STATEMENTS
from watchfloor.world.world import Learnt, World, activity_rows

__all__ = ["LivingWorld", "taken_up"]

USUAL_MS = 28 * 86_400_000
"""How far back pulses tell what is usual of a source: three weeks, and some days to spare."""

WHOLE_EVERY = 256
"""Batches after which all sums are written down, so that a start need not read what is older."""


class LivingWorld:
    """The world of one engine.

    Args:
        directory: what the estate's files say.
        lake: where what was learnt is kept.
        committed: gives the number of the last committed batch.
        complete: kinds of facts of which none means no.
        sources: what each source could see, and what it is like when it is well.
        hidden: makes tokens of accounts that records give out.
    """

    def __init__(
        self,
        directory: Directory,
        lake: Lake,
        committed: Callable[[], int],
        *,
        complete: frozenset[str] = frozenset(),
        sources: Mapping[str, Source] | None = None,
        hidden: Callable[[str], str] | None = None,
    ) -> None:
        self._hidden = hidden
        self._directory, self._lake, self._committed, self._complete = directory, lake, committed, complete
        self._sources = sources
        self._world: World | None = None
        self._heard: list[Pulse] = []

    def take(self, batches: Mapping[str, Events], batch: int) -> tuple[dict[str, Events], dict[str, pa.Table]]:
        """Events by class with context, and the rows of the world's own tables."""
        if self._world is None:
            self._world = taken_up(
                self._directory,
                self._lake,
                complete=self._complete,
                sources=self._sources,
                until=self._committed(),
                hidden=self._hidden,
            )
        joined, learnt = self._world.take(batches)
        self._heard = learnt.heard
        tables = learnt.tables(batch)
        if batch % WHOLE_EVERY == 0:
            tables[ACTIVITY] = activity_rows(self._world.peers.to_table(), batch, whole=True)
        return joined, tables

    def covering(self, known_at: int) -> Covering | None:
        """What could be seen, as known at a moment, UTC epoch milliseconds; None before the first batch."""
        if self._world is None:
            return None
        pulses = self._pulses(pc.field("batch") <= self._committed())
        return Covering(self._directory, self._sources or {}, pulses, self._world.history, known_at=known_at)

    def blind(self, known_at: int, upto: int, since: int) -> list[Blind] | None:
        """What was not seen, of sources, doors and places; None before the first batch.

        Args:
            known_at: UTC epoch milliseconds.
            upto: how far the sources are.
            since: what was over before that nobody asks for.
        """
        if self._world is None:
            return None
        where = (pc.field("batch") <= self._committed()) & (pc.field("time") >= max(since, USUAL_MS) - USUAL_MS)
        heard = self._pulses(where)
        return blind(self._directory, self._sources or {}, heard, self._world.history, known_at=known_at, upto=upto)

    def _pulses(self, where: pc.Expression) -> pa.Table:
        """Of committed batches, and of the one that was just made."""
        heard = self._lake.read(PULSES, PULSE_SCHEMA.names, where)
        parts = [part.cast(PULSE_SCHEMA) for part in (heard, pulse_table(self._heard)) if part.num_rows]
        return pa.concat_tables(parts) if parts else pulse_table([])

    def forget(self) -> None:
        """What was learnt may not have been committed: begin again from the lake."""
        self._world = None


def taken_up(
    directory: Directory,
    lake: Lake,
    *,
    complete: frozenset[str] = frozenset(),
    sources: Mapping[str, Source] | None = None,
    until: int | None = None,
    hidden: Callable[[str], str] | None = None,
) -> World:
    """The world as the lake remembers it.

    Args:
        until: the last batch that counts; None takes all there are.
    """
    world = World(directory, complete=complete, sources=sources, hidden=hidden)
    where = None if until is None else pc.field("batch") <= until
    said, named = lake.read(STATEMENTS, where=where), lake.read(ALIASES, where=where)
    world.presence.gaps.hear(lake.read(PULSES, PULSE_SCHEMA.names, where))
    world.teach(Learnt.of(lake.read(SIGHTINGS, where=where), said, named))
    world.peers.load(_sums(lake, where))
    return world


def _sums(lake: Lake, where: pc.Expression | None) -> pa.Table:
    """The sums that were written down whole last, and those of the batches since."""
    whole = pc.field("whole")
    batches = lake.read(ACTIVITY, ["batch"], whole if where is None else where & whole)
    since = max(batches["batch"].to_pylist(), default=-1) if batches.num_rows else -1
    some = (whole & (pc.field("batch") == since)) | (~whole & (pc.field("batch") > since))
    return lake.read(ACTIVITY, ACTIVITY_SCHEMA.names, some if where is None else where & some)
