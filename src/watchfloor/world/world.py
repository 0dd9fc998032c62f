"""The world: everything known about people, assets and places, as one thing that the path asks batch by batch.

    events --resolve--> who, what, where --learn--> sightings and statements --fold--> history
                             |                                                            |
                             +----------------------- as-of join ------------------------+--> events with context

What a batch teaches is known before the batch is joined, whichever class it came in. All it keeps follows from what it
was taught, in whatever order: so a world that is taught again what it learnt before is the same world.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa

from watchfloor.ocsf.events import Events
from watchfloor.world import standing
from watchfloor.world.activity import Sums, sums_table
from watchfloor.world.asof import AsOfJoin
from watchfloor.world.common_cause import CommonCause
from watchfloor.world.consoles import sessions
from watchfloor.world.directory import Directory
from watchfloor.world.entities import Alias
from watchfloor.world.history import SCHEMA, History, Statement, statements_table
from watchfloor.world.learned import aliases_of, aliases_table, learned
from watchfloor.world.learning import from_directory, statements
from watchfloor.world.leases import leases
from watchfloor.world.peers import Peers
from watchfloor.world.presence import Presence
from watchfloor.world.pulse import Pulse, pulse_table, pulses
from watchfloor.world.resolve import Resolver
from watchfloor.world.sighting import Sighting, sightings
from watchfloor.world.sources import Source
from watchfloor.world.tables import ACTIVITY, ALIASES, PULSES, SIGHTINGS, STATEMENTS
from watchfloor.world.tailgating import Tailgating, observed

__all__ = ["Learnt", "World", "activity_rows"]

DAY_MS = 86_400_000

NAMING = ("inventory_info", "inventory_info", "dhcp_activity", "workforce_activity")
"""Classes that name things and accounts, in this order: addresses and leases are of what devices before are called."""

SIGHTING_SCHEMA = pa.schema(
    [
        pa.field("person", pa.string(), nullable=False),
        pa.field("time", pa.int64(), nullable=False),
        pa.field("sequence", pa.int64(), nullable=False),
        pa.field("place", pa.string(), nullable=False),
        pa.field("strength", pa.int16(), nullable=False),
        pa.field("moved", pa.bool_(), nullable=False),
        pa.field("source", pa.string()),
        pa.field("because", pa.string()),
        pa.field("portal", pa.string()),
    ]
)
"""Columns of a table of sightings; `time` in UTC epoch milliseconds."""


@dataclass(slots=True)
class Learnt:
    """What a batch of events taught."""

    seen: list[Sighting] = field(default_factory=list)
    said: list[Statement] = field(default_factory=list)
    named: list[Alias] = field(default_factory=list)
    heard: list[Pulse] = field(default_factory=list)
    """Of the sources: a silent one makes a gap in presence. Coverage asks the lake."""
    done: list[Sums] = field(default_factory=list)
    """What people did; it adds up, so it is taken up once, with its batch."""

    def tables(self, batch: int) -> dict[str, pa.Table]:
        """As tables with the number of the batch and a `time`, for the lake; only those that have rows."""
        made: dict[str, pa.Table] = {}
        if self.seen:
            columns = list(zip(*self.seen, strict=True))
            seen = pa.table(
                [pa.array(column, one.type) for column, one in zip(columns, SIGHTING_SCHEMA, strict=True)],
                schema=SIGHTING_SCHEMA,
            )
            made[SIGHTINGS] = seen.append_column("batch", pa.array([batch] * len(seen), pa.int64()))
        if self.said:
            said = statements_table(self.said)
            said = said.append_column("time", said["known_from"])
            made[STATEMENTS] = said.append_column("batch", pa.array([batch] * len(said), pa.int64()))
        if self.heard:
            heard = pulse_table(self.heard)
            made[PULSES] = heard.append_column("batch", pa.array([batch] * len(heard), pa.int64()))
        if self.named:
            named = aliases_table(self.named)
            named = named.append_column("time", named["known_from"])
            made[ALIASES] = named.append_column("batch", pa.array([batch] * len(named), pa.int64()))
        if self.done:
            made[ACTIVITY] = activity_rows(pa.concat_tables(map(sums_table, self.done)), batch)
        return made

    def renamed(self, same: Mapping[str, str]) -> Learnt:
        """Of persons who were merged since, as of whom they were merged into."""
        if not same:
            return self
        return replace(
            self,
            seen=[one._replace(person=same.get(one.person, one.person)) for one in self.seen],
            said=[one._replace(entity=same.get(one.entity, one.entity)) for one in self.said],
            named=[
                one
                if one.person not in same
                else replace(one, entity=same.get(one.entity, one.entity), person=same[one.person])
                for one in self.named
            ],
        )

    @classmethod
    def of(cls, seen: pa.Table | None = None, said: pa.Table | None = None, named: pa.Table | None = None) -> Learnt:
        """From the tables of the lake, whatever other columns they have."""
        return cls(
            seen=[Sighting(*row)._replace(portal=row[-1] or "") for row in _rows(seen, SIGHTING_SCHEMA)],
            said=[Statement(*row) for row in _rows(said, SCHEMA)],
            named=list(aliases_of(named)),
        )


def activity_rows(sums: pa.Table, batch: int, *, whole: bool = False) -> pa.Table:
    """Sums as rows of `ACTIVITY`."""
    count = sums.num_rows
    sums = sums.append_column("time", pa.array(np.asarray(sums["local_day"].to_numpy(), np.int64) * DAY_MS))
    sums = sums.append_column("batch", pa.array(np.full(count, batch, np.int64)))
    return sums.append_column("whole", pa.array(np.full(count, whole, np.bool_)))


class World:
    """What is known.

    Args:
        directory: what the estate's files say.
        complete: kinds of facts that some source of the estate states completely: there, none means no.
        sources: what each source could see, and what it is like when it is well (coverage.toml).
        hidden: makes tokens of accounts, without which none that records give out are learnt.
    """

    def __init__(
        self,
        directory: Directory,
        *,
        complete: frozenset[str] = frozenset(),
        sources: Mapping[str, Source] | None = None,
        hidden: Callable[[str], str] | None = None,
    ) -> None:
        self.directory = directory
        self.resolver = Resolver(directory, hidden=hidden)
        self.history = History()
        self.presence = Presence(directory, self.history, sources)
        self.tailgating = Tailgating(directory, self.history, self.presence.doubt)
        self.common_cause = CommonCause(directory, self.history)
        self.peers = Peers(directory, self.history, sources)
        self._join = AsOfJoin(
            directory,
            self.history,
            complete=complete,
            sources=sources,
            doubt=self.presence.doubt,
            travel=self.presence.travel,
        )
        self.history.add(from_directory(directory))
        self.history.add(standing.from_files(directory))

    def take(self, batches: Mapping[str, Events]) -> tuple[dict[str, Events], Learnt]:
        """Resolve, learn, join: events by class in, the same events with context out, and what they taught."""
        learnt = Learnt()
        for name in NAMING:
            if name in batches:
                found = learned(batches[name], self.resolver.aliases)
                self.resolver.aliases.add(found)
                learnt.named += found
        resolved = {name: self.resolver.resolve(events) for name, events in batches.items()}
        for events in resolved.values():
            learnt.seen += sightings(events, self.directory)
            learnt.said += statements(events, self.directory)
            learnt.said += observed(events, self.directory)
            learnt.said += standing.changed(events, self.resolver)
            learnt.said += sessions(events, self.resolver)
            learnt.said += leases(events)
            learnt.heard += pulses(events)
            done = self.peers.activity.of(events)
            learnt.done += [] if done is None else [done]
        self.teach(learnt)
        for done in learnt.done:
            self.peers.add(done)
        return {name: self._with_context(events) for name, events in resolved.items()}, learnt

    def _with_context(self, events: Events) -> Events:
        usual = self.peers.join(events)
        joined = self._join.join(events)
        return joined.with_columns(usual) if usual else joined

    def teach(self, learnt: Learnt) -> None:
        """Take up what was learnt, now or before; what is known already changes nothing."""
        learnt = learnt.renamed(self.directory.same)
        self.resolver.aliases.add(learnt.named)
        self.history.add(learnt.said)
        self.presence.gaps.hear(pulse_table(learnt.heard))
        shifted = {one.entity for one in learnt.said if one.kind == "shift"}
        self.presence.add(learnt.seen, shifted)
        self.tailgating.add(learnt.seen, learnt.said)
        self.common_cause.add(learnt.said)


def _rows(table: pa.Table | None, schema: pa.Schema) -> Iterable[tuple[Any, ...]]:
    if table is None or table.num_rows == 0:
        return ()
    there = set(table.column_names)
    missing = [None] * table.num_rows  # of a column that came later: tables of before know nothing of it
    return zip(*(table[name].to_pylist() if name in there else missing for name in schema.names), strict=True)
