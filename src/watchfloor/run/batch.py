"""One batch, from landed records to files that only have to be taken into the lake.

What is done here needs nothing but the records and what was compiled before, so it can be done here or in a worker, at
once or again after a crash, and gives the same rows.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from watchfloor.collect.mapper import Leftovers, Mapper
from watchfloor.detect.intel.indicator import KINDS
from watchfloor.ocsf.column import Column
from watchfloor.ocsf.events import Events
from watchfloor.run.correlating import Matched
from watchfloor.run.memory import give_back
from watchfloor.run.path import Path, by_stream
from watchfloor.run.standing import Heard
from watchfloor.store import quarantine
from watchfloor.store.lake import Lake, Parts
from watchfloor.store.landing import LandedBlock

if TYPE_CHECKING:
    from watchfloor.detect.intel.join import IntelJoin
    from watchfloor.run.living import LivingWorld

__all__ = ["SIGHTINGS", "Made", "Maker"]

SIGHTINGS = "indicator_sighting"
"""Table of the indicators that matched: what, when, in which event."""

GIVE_BACK_EVERY = 2
"""Batches after which memory that fell apart is returned to the system: each time costs a hundredth of a batch."""


@dataclass(slots=True)
class Made:
    """What came of a batch: `read == mapped + quarantined`.

    Args:
        parts: per table its rows, on the disk and not yet in the lake.
        found: the findings, for whoever shows them.
        matched: what correlations are to count.
        heard: of the sources.
    """

    read: int = 0
    mapped: int = 0
    quarantined: int = 0
    parts: dict[str, Parts] = field(default_factory=dict)
    integrations: Counter[str] = field(default_factory=Counter)
    leftovers: Leftovers = field(default_factory=Counter)
    found: Events | None = None
    matched: Matched = field(default_factory=Matched)
    heard: Heard = field(default_factory=Heard)


class Maker:
    """Makes batches.

    Args:
        path: mapper and rules.
        lake: where the files go.
        products: per source its integration, where the estate names one.
        mappers: per source its own mapper, where it has settings.
        world: who, what and where; None where the estate says nothing of it. Its batches are made one after the other.
        private: takes personal identifiers out of what is written; rules see the events before that.
        intel: indicators that rules ask for; None where none are.
    """

    def __init__(
        self,
        path: Path,
        lake: Lake,
        products: Mapping[str, str | None],
        mappers: Mapping[str, Mapper | None],
        world: LivingWorld | None = None,
        private: Callable[[Events], Events] | None = None,
        intel: IntelJoin | None = None,
    ) -> None:
        self.world, self._private, self._intel = world, private, intel
        self._path, self._lake, self._products, self._mappers = path, lake, products, mappers
        self._batches = 0

    def make(self, blocks: deque[LandedBlock], columns: Callable[[str], pa.Schema | None], batch: int = 0) -> Made:
        """Map, join what is known, match and write down.

        Args:
            blocks: the records; taken from here as the work goes on, so that they are free again when they are mapped.
            columns: the columns of a table, as far as they are known (`Lake.columns`).
            batch: its number, which only a world needs.
        """
        made = Made()
        made.heard.received = max((int(block.received.max()) for block in blocks if len(block)), default=0)
        events: dict[str, list[Events]] = defaultdict(list)
        rejected: list[quarantine.Quarantined] = []
        streams = deque(by_stream(blocks))
        blocks.clear()
        while streams:
            source = streams[0][0].source
            outcome = self._path.map(
                streams.popleft(), integration=self._products.get(source), mapper=self._mappers.get(source)
            )
            for _ in range(len(outcome.events)):
                events[outcome.events[0].class_name].append(outcome.events.pop(0))
            made.read += outcome.read
            made.mapped += outcome.mapped
            made.integrations.update(outcome.integrations)
            made.leftovers.update(outcome.leftovers)
            rejected += outcome.quarantined
            del outcome
        # Joined before they nest: inside structs Arrow cannot make one dictionary of several.
        classes = {name: Events.concat(events.pop(name)) for name in sorted(events)}
        for found in classes.values():
            made.heard.add(found)
        if self.world is not None:
            classes, learnt = self.world.take(classes, batch)
            for name, table in learnt.items():
                made.parts[name] = self._lake.write(table, columns(name))
        if self._intel is not None:
            joined = {name: self._intel.join(events) for name, events in classes.items()}
            classes = {name: events for name, (events, _) in joined.items()}
            seen = pa.concat_tables([table for _, table in joined.values()])
            if len(seen):
                made.parts[SIGHTINGS] = self._lake.write(self._shown(seen), columns(SIGHTINGS))
        if self._private is None:
            judged = self._path.detect(classes.values())
        else:
            shown = {name: self._private(events) for name, events in classes.items()}
            judged = self._path.detect(classes.values(), shown.values())
            classes = shown
        made.found, made.matched = judged.found, judged.matched
        if made.found is not None:
            name = made.found.class_name
            vendors = [classes.pop(name)] if name in classes else []
            classes[name] = Events.concat([*vendors, made.found])
        for name in sorted(classes):
            made.parts[name] = self._lake.write(classes.pop(name).nest(), columns(name))
        if rejected:
            made.parts[quarantine.TABLE] = self._lake.write(quarantine.table(rejected), columns(quarantine.TABLE))
        made.quarantined = len(rejected)
        self._batches += 1
        if self._batches % GIVE_BACK_EVERY == 0:
            give_back()
        return made

    def _shown(self, seen: pa.Table) -> pa.Table:
        """Sightings of indicators as they may be kept: values that name somebody of the estate as events have them."""
        if self._private is None:
            return seen
        kinds = seen["kind"].combine_chunks()
        values = Column.from_arrow(seen["value"])
        named = {
            f"intel.{kind}.value": values.where(pc.equal(kinds, kind).to_numpy(zero_copy_only=False)) for kind in KINDS
        }
        shown = self._private(Events.build("base_event", {"time": Column.from_arrow(seen["time"]), **named}, len(seen)))
        parts = [column for name in named if (column := shown.column(name)) is not None]
        at = seen.schema.get_field_index("value")
        return seen.set_column(at, seen.schema.field("value"), parts[0].coalesce(*parts[1:]).plain())
