"""The correlations of an estate that runs: taken up from the lake, moved on in the commit of each batch.

    start, or after a failure    table `correlation_state`, of all committed batches: the newest row of each group
    each batch                   matches in; findings, and the groups that changed, are rows of the same commit

As with the world, a crash between any two writes leaves what is in the lake: a batch that was begun and not committed
is judged again by a state that has not heard of it, and gives the same findings.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from watchfloor.detect.correlation import SNAPSHOT, Ask, Gap, Watermark
from watchfloor.detect.rule import Rule
from watchfloor.detect.rulebook import Rulebook
from watchfloor.detect.sentence import only
from watchfloor.detect.taxonomy import Taxonomy
from watchfloor.ocsf.events import Events
from watchfloor.run.correlating import Correlating, Matched
from watchfloor.run.unseen import Unseen
from watchfloor.store.lake import Lake, Parts
from watchfloor.world.blind import Blind
from watchfloor.world.coverage import Covering
from watchfloor.world.sources import Source

__all__ = ["APPLICATION", "LATENESS_MS", "STATE", "Heard", "Standing", "classes_of", "gaps"]

STATE = "correlation_state"
"""Table of what correlations hold: `correlation.SNAPSHOT` and `batch`; one row more a batch, without a key, for what
was heard of the sources."""

APPLICATION = "watchfloor-correlations"
"""Under which the lake remembers their findings: these come into a table that the batch itself goes into, too."""

LATENESS_MS = 60_000
"""How late records of a source may come of which coverage.toml says nothing, milliseconds."""

LIVE_MS = 86_400_000
"""Records that come later than this after they happened are of long ago: their source is not being followed."""

UNHEARD = -(1 << 62)
"""How far a source is that was not heard yet."""

WHOLE_EVERY = 256
"""Batches after which all groups are written down, so that a start need not read what is older."""

SOURCES = "sources"
"""`rule` of the rows that say what was heard."""

BLIND = "blind"
"""`rule` of the rows that say which stretches of blindness were told."""

OWN = "detection_finding"


@dataclass(slots=True)
class Heard:
    """What a batch told of its sources.

    Args:
        last: per source the time of its youngest event, milliseconds.
        classes: per source the classes of its events.
        received: when the youngest record came, milliseconds.
    """

    last: dict[str, int] = field(default_factory=dict)
    classes: dict[str, set[str]] = field(default_factory=dict)
    received: int = 0

    def add(self, events: Events) -> None:
        """Take note of some events of one class."""
        sources, time = events.column("wf.source_uid"), events.column("time")
        if sources is None or time is None:
            return
        times = time.integer()
        values = np.append(np.asarray(times.values.to_numpy(zero_copy_only=False), np.int64), UNHEARD)
        youngest = np.full(len(sources.values) + 1, UNHEARD, np.int64)
        np.maximum.at(youngest, sources.codes, values[times.codes])
        for source, latest in zip(sources.values.to_pylist(), youngest.tolist(), strict=False):
            if latest > UNHEARD:
                self.last[source] = max(self.last.get(source, latest), latest)
                self.classes.setdefault(source, set()).add(events.class_name)


class Standing:
    """Correlations that go on from batch to batch.

    Args:
        rulebook, taxonomy: as of `Correlating`.
        lake: where state and findings go.
        committed: gives the number of the last committed batch.
        sources: what coverage.toml says of the sources.
        covering: tells what could be seen, as known at a moment (milliseconds); None where nobody knows.
        blind: tells what was not seen (`LivingWorld.blind`); None where nobody knows.
    """

    def __init__(
        self,
        rulebook: Rulebook,
        taxonomy: Taxonomy,
        lake: Lake,
        committed: Callable[[], int],
        *,
        sources: Mapping[str, Source] | None = None,
        covering: Callable[[int], Covering | None] = lambda known_at: None,
        blind: Callable[[int, int, int], list[Blind] | None] = lambda known_at, upto, since: None,
    ) -> None:
        self._rulebook, self._taxonomy, self._lake, self._committed = rulebook, taxonomy, lake, committed
        self._sources, self._covering = sources or {}, covering
        self._classes = {rule.id: classes_of(rule, taxonomy) for rule in rulebook.matched}
        self._named = {rule.id: only(rule.condition, "wf.source_uid") for rule in rulebook.matched}
        self._now: Correlating | None = None
        self._blind, self._unseen = blind, Unseen(rulebook, self._classes)
        self._last: dict[str, tuple[int, int]] = {}
        self._seen: dict[str, set[str]] = {}

    def forget(self) -> None:
        """What was counted may not have been committed: begin again from the lake."""
        self._now = None

    def take(
        self, matched: Matched, heard: Heard, batch: int, behind: Collection[str] = ()
    ) -> tuple[Events | None, dict[str, Parts]]:
        """Move on by a batch: findings, and the files of state and findings, that are in no table yet.

        Args:
            behind: sources of which more has landed than was read. No source counts as further than these were heard:
                months that are read at once, source after source, are judged as if all of them had come together.
        """
        correlating = self._correlating()
        self._hear(heard)
        known: list[Covering | None] = []

        def coverage(ask: Ask) -> Sequence[Gap]:
            if not known:  # what could be seen is read only when somebody asks
                known.append(self._covering(heard.received))
            return gaps(known[0], self._classes, ask)

        correlating.coverage = coverage
        watermark = self._watermark(heard.received, behind)
        found = correlating.step([matched], watermark, now=heard.received)
        asked = self._questions(heard.received, behind)
        if asked is not None:
            found = asked if found is None else Events.concat([found, asked])
        parts = {STATE: self._written(correlating, batch, heard.received)}
        if found is not None:
            parts[OWN] = self._lake.write(found.nest(), self._lake.columns(OWN))
        return found, parts

    # -- sources ------------------------------------------------------------------------------------------------------

    def _hear(self, heard: Heard) -> None:
        for source, last in heard.last.items():
            known = self._last.get(source, (UNHEARD, 0))
            self._last[source] = max(known[0], min(last, heard.received)), max(known[1], heard.received)
            self._seen.setdefault(source, set()).update(heard.classes[source])

    def _allowed(self, source: str) -> tuple[int, int]:
        """How late its records may come, and how long it may be silent, milliseconds."""
        said = self._sources.get(source)
        if said is None:
            return LATENESS_MS, 0
        return int(said.lateness_s * 1000), int((said.heartbeat_s or 0) * 1000)

    def _watermark(self, now: int, behind: Collection[str]) -> Watermark:
        told: dict[str, int] = {}
        reached: dict[str, int] = {}
        sure: dict[str, int] = {}
        skew: dict[str, int] = {}
        latest = max((last for last, _ in self._last.values()), default=now)
        for source, (last, received) in self._last.items():
            said = self._sources.get(source)
            lateness, heartbeat = self._allowed(source)
            # Of long ago: what the clock was, the youngest record says.
            quiet = max(now - received, latest - last if now - latest > LIVE_MS else 0)
            alive = min(quiet, heartbeat)
            told[source] = last - lateness
            reached[source] = told[source] + quiet
            sure[source] = told[source] + alive
            if said is not None:
                skew[source] = int(said.skew_ms)
        if behind:
            least = min(told.get(source, UNHEARD) for source in behind)
            reached = {source: min(mark, least) for source, mark in reached.items()}
            sure = {source: min(mark, least) for source, mark in sure.items()}
        feeds = {}
        for rule, classes in self._classes.items():
            some = {source for source, seen in self._seen.items() if classes is None or seen & classes}
            if classes is not None:
                some |= {said.id for said in self._sources.values() if said.feeds & classes}
            named = self._named.get(rule)
            if named is not None:
                some = {source for source in some if source.lower() in named}
            if some:
                feeds[rule] = frozenset(some)
        return Watermark(reached, sure, feeds, skew)

    def _questions(self, now: int, behind: Collection[str]) -> Events | None:
        """What could not be judged because nothing came that asks.

        The clock takes sources along only where they are read as they write: the end of records of long ago is no
        silence.
        """
        marks = {}
        for source, (last, received) in self._last.items():
            lateness, _ = self._allowed(source)
            marks[source] = last - lateness + (max(now - received, 0) if received - last < LIVE_MS else 0)
        upto = min([max(marks.values(), default=UNHEARD), *(marks.get(source, UNHEARD) for source in behind)])
        known_at = max((received for _, received in self._last.values()), default=now)
        return self._unseen.look(upto, lambda: self._blind(known_at, upto, self._unseen.back_to), now)

    # -- state --------------------------------------------------------------------------------------------------------

    def _correlating(self) -> Correlating:
        if self._now is None:
            self._now = Correlating(self._rulebook, self._taxonomy, older=self._older)
            rows = self._newest()
            self._last, self._seen = {}, {}
            self._unseen = Unseen(self._rulebook, self._classes)
            kept = []
            for row in rows:
                if row["rule"] == BLIND:
                    self._unseen.read(row["text"])
                elif row["rule"] == SOURCES:
                    said = orjson.loads(row["text"])
                    self._last = {source: (last, received) for source, (last, received, _) in said.items()}
                    self._seen = {source: set(classes) for source, (_, _, classes) in said.items()}
                else:
                    kept.append(row)
            self._now.state = self._now.operator.restored(pa.Table.from_pylist(kept, SNAPSHOT))
        return self._now

    def _newest(self) -> list[dict[str, Any]]:
        """The newest committed row of each group."""
        until = pc.field("batch") <= self._committed()
        batches = self._lake.read(STATE, ["batch"], until & pc.field("whole"))
        since = max(batches["batch"].to_pylist(), default=0) if batches.num_rows else 0
        held = self._lake.read(STATE, [*SNAPSHOT.names, "batch"], until & (pc.field("batch") >= since))
        newest: dict[tuple[str, int | None], dict[str, Any]] = {}
        if held.num_rows:
            for row in held.sort_by("batch").to_pylist():
                newest[row["rule"], row["key"]] = row
        return [{name: row[name] for name in SNAPSHOT.names} for row in newest.values()]

    def _written(self, correlating: Correlating, batch: int, now: int) -> Parts:
        whole = batch % WHOLE_EVERY == 0
        state = correlating.operator.snapshot(correlating.state, changed=not whole)
        said = {
            source: (last, received, sorted(self._seen.get(source, ())))
            for source, (last, received) in self._last.items()
        }
        own = [{"rule": SOURCES, "text": orjson.dumps(said).decode()}, {"rule": BLIND, "text": self._unseen.written()}]
        sources = pa.Table.from_pylist(own, SNAPSHOT)
        table = pa.concat_tables([state, sources])
        count = table.num_rows
        table = table.append_column("batch", pa.array(np.full(count, batch, np.int64)))
        table = table.append_column("whole", pa.array(np.full(count, whole, np.bool_)))
        table = table.append_column("time", pa.array(np.full(count, now, np.int64)))
        return self._lake.write(table, self._lake.columns(STATE))

    def _older(self, uids: Sequence[str], since: int, until: int) -> Iterable[Events]:
        """Events of before the start of this process, out of the lake."""
        wanted = (pc.field("time") >= since) & (pc.field("time") <= until)
        wanted &= pc.field("metadata", "uid").isin(list(uids))
        for name in self._lake.tables():
            columns = self._lake.columns(name)
            if columns is None or "metadata" not in columns.names or name == OWN:
                continue
            rows = self._lake.read(name, columns.names, wanted)
            if rows.num_rows:
                yield Events.flatten(name, rows)


def gaps(covering: Covering | None, classes: Mapping[str, frozenset[str] | None], ask: Ask) -> Sequence[Gap]:
    """Why what is missing may have happened all the same.

    Args:
        covering: tells what could be seen; None where nobody knows.
        classes: per id of a rule the classes it may match in (`classes_of`).
    """
    if covering is None or not ask.scope:
        return (Gap("unwatched" if ask.scope else "unplaced", "", ask.scope, ask.start, ask.end),)
    found: dict[Gap, None] = {}
    for uid in ask.rules:
        names: list[str | None] = [*sorted(classes.get(uid) or ())]
        for name in names or [None]:
            try:
                held = covering.coverage(ask.scope, ask.start, ask.end + 1, feed=name)
            except KeyError:  # a place that only records know of
                return (Gap("unwatched", "", ask.scope, ask.start, ask.end),)
            for one in held.reasons:
                since, until = max(one.since, ask.start), min(one.until, ask.end + 1)
                found[Gap(one.why, one.source, one.of, since, until)] = None
    return tuple(found)


def classes_of(rule: Rule, taxonomy: Taxonomy) -> frozenset[str] | None:
    """The classes a rule may match in; None is any."""
    found: set[str] = set()
    for condition in taxonomy.routes_for(rule.logsource) or ():
        named = dict(condition.tests).get("class_name")
        if named is None:
            return None
        found.update(named)
    return frozenset(found)
