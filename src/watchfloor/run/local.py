"""One machine: collect into the landing, take what landed along the path, commit.

    collect    files -> landing; acknowledged (position moved) only when flushed
    process    landing -> events, findings, quarantine -> lake; batch by batch, exactly once (processing.py)

The two know of each other only through the landing, so a crash between them costs nothing.
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path as FilePath
from typing import TYPE_CHECKING

from watchfloor.clock import Clock, now_ms
from watchfloor.collect.integration import Integration
from watchfloor.collect.mapper import Mapper
from watchfloor.collect.source import Batch
from watchfloor.collect.watched import Watched
from watchfloor.detect.intel.join import IntelJoin, asked_kinds
from watchfloor.detect.sentence import fields_of
from watchfloor.detect.taxonomy import Taxonomy
from watchfloor.errors import EstateError, ManifestError, SourceError, SourceUnreachable, WatchfloorError
from watchfloor.estate import Estate, SourceSettings
from watchfloor.run.batch import Maker
from watchfloor.run.feedwatch import FeedWatch
from watchfloor.run.living import LivingWorld
from watchfloor.run.memory import give_back, settled
from watchfloor.run.path import UNFRAMED, unframed
from watchfloor.run.prepare import Prepared, chosen_format
from watchfloor.run.processing import BatchReport, Processing
from watchfloor.run.reload import Reloaded, RuleWatch
from watchfloor.run.standing import Standing
from watchfloor.run.whereabouts import INDEXED
from watchfloor.run.workers import how_many
from watchfloor.store.commit import Committer
from watchfloor.store.index import BUSY, follow
from watchfloor.store.lake import Lake
from watchfloor.store.landing import LandingReader, LandingWriter
from watchfloor.store.lock import EstateLock
from watchfloor.world.directory import Directory
from watchfloor.world.privacy import Pseudonyms, token
from watchfloor.world.resolve import Resolver
from watchfloor.world.vault import Vault

if TYPE_CHECKING:
    from watchfloor.detect.intel.feeds import Read

__all__ = ["BatchReport", "LocalEngine", "Trouble", "source_mappers", "sources_checked"]

log = logging.getLogger(__name__)

FLUSH_BYTES = 16 << 20
"""Bytes landed before they are flushed and acknowledged."""

TOLD = frozenset({"workforce_activity", "maintenance_activity", "inventory_info", "dhcp_activity"})
"""Classes whose events say what is true of people and things."""

SEEN = frozenset({"physical_access_activity", "alarm_signal_activity", "entity_management"})
"""Classes whose events say where people are and how places stand, and are judged by the former. A source that gives
these, or some of the former among others, is read before those that only ask."""

HALF = "landed "
"""Before the position of a step whose records that could not be framed have landed and whose others have not."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """A stream that could not be read, or not to its end."""

    source: str
    stream: str
    reason: str


class LocalEngine:
    """The engine of one estate; holds its lock until closed.

    Args:
        estate: what is watched.
        ready: rules and mappings.
        clock: gives the received time of records.
        watch: notices rules that change; None never looks, neither for rules nor for indicators.

    Raises:
        StoreLocked: another engine runs on this estate.
        StoreNewer, StoreDamaged, StoreFull: the store cannot be used.
        EstateError: a source names an integration or a format that does not exist.
    """

    def __init__(
        self, estate: Estate, ready: Prepared, *, clock: Clock = now_ms, watch: RuleWatch | None = None
    ) -> None:
        self.estate, self.ready, self._clock, self._watch = estate, ready, clock, watch
        self._mappers = source_mappers(estate, ready.path.mapper)
        directory = estate.world()
        # What a batch teaches the world, the next one must know: they are made one after the other.
        workers = 1 if directory else how_many(estate.workers)
        self._watched = {source.id: _watched(source, estate) for source in estate.sources}
        self._order = _teachers_first(estate, ready.path.mapper) if directory else estate.sources
        self._lock = EstateLock(estate.store, clock=clock)
        try:
            self._lake = Lake(estate.store / "lake", compact_every=estate.compact_commits)
            self._lake.sweep()
            committer = self._committer = Committer(self._lake, estate.store / "cursor.json")
            self._sources = estate.covers(directory) if directory else {}
            positions = committer.positions
            vault = _vault(estate, directory, clock())
            self._world = (
                LivingWorld(
                    directory,
                    self._lake,
                    lambda: committer.cursor.batch,
                    complete=estate.complete,
                    sources=self._sources,
                    hidden=None if vault is None else partial(token, vault.key),
                )
                if directory
                else None
            )
            self._feeds = None if watch is None else FeedWatch(estate)
            self._intel = estate.intelligence()
            self._private = None if vault is None else Pseudonyms(Resolver(directory), vault.key).pseudonymised
            self._writers = {
                source.id: LandingWriter(
                    estate.store / "landing", source.id, committed=positions.get(source.id, 0), clock=clock
                )
                for source in estate.sources
            }
            self._processing = Processing(
                LandingReader(estate.store / "landing"),
                list(self._writers),
                self._maker(),
                self._made_by(),
                committer,
                self._lake,
                batch_records=estate.batch_records,
                workers=workers,
                standing=self._correlations(),
                landed=lambda: {source: writer.last for source, writer in self._writers.items()},
                first=self._lock.release,  # the kernel gives it to the next engine when this one is dead
            )
        except BaseException:
            self._lock.release()
            raise
        settled()
        self.trouble: list[Trouble] = []
        self._followed = -1
        self._standing: frozenset[Trouble] = frozenset()

    def close(self) -> None:
        """Let go of workers, files and lock; flushes nothing that was not flushed."""
        self._processing.close()
        self.ready.keep()
        for writer in self._writers.values():
            writer.close(flush=False)
        self._lock.release()
        gc.unfreeze()

    def __enter__(self) -> LocalEngine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- collect ----------------------------------------------------------------------------------------------------

    def collect(
        self,
        *,
        final: bool = False,
        advance: Callable[[int, str], None] | None = None,
        committed: Callable[[BatchReport], None] | None = None,
    ) -> int:
        """Land what the sources have now; returns how many records. New troubles go to `self.trouble`.

        Args:
            final: take the unfinished last line of a file as a record too.
            advance: told (records, stream) as they land.
            committed: told of every batch that workers made and this process committed while it went on collecting;
                without it, processing waits until everything has landed.
        """
        landed = 0
        troubles: list[Trouble] = []
        for source in self._order:
            writer = self._writers[source.id]
            before = writer.last
            open_bytes = 0
            unread: list[tuple[str, str]] = []
            halves = _halves(writer.resume())
            resume = {stream: after for stream, (_, after) in halves.items()}
            for stream, batches in self._watched[source.id].look(resume, unread, final=final):
                there = halves[stream][0] if stream in halves else 0
                try:
                    for batch in batches:
                        there -= self._land(writer, stream, batch, resume.get(stream, ""), there)
                        open_bytes += len(batch.records.payload)
                        resume[stream] = batch.after
                        if batch.broken is not None:
                            troubles.append(Trouble(source.id, stream, batch.broken))
                        if advance is not None:
                            advance(len(batch.records), stream)
                        if open_bytes >= FLUSH_BYTES:
                            writer.flush()
                            open_bytes = 0
                            self._meanwhile(committed)
                except SourceError as error:
                    troubles.append(Trouble(source.id, stream, error.what))
            writer.flush()
            troubles += [Trouble(source.id, stream, reason) for stream, reason in unread]
            landed += writer.last - before
        self.trouble = [trouble for trouble in troubles if trouble not in self._standing]
        self._standing = frozenset(troubles)
        return landed

    def _meanwhile(self, committed: Callable[[BatchReport], None] | None) -> None:
        while committed is not None and (report := self._processing.meanwhile()) is not None:
            committed(report)

    def _land(self, writer: LandingWriter, stream: str, batch: Batch, before: str, there: int) -> int:
        """One step of a stream. Its first `there` records that could not be framed are in the landing already, from
        before a crash; returns how many of these it brought."""
        received = self._clock()
        known, bad = len(batch.bad[:there]), batch.bad[there:]
        if bad:
            # A kill between the two blocks must not land these again: the position says how many there are.
            payload, offsets, reasons = unframed(bad)
            half = f"{HALF}{len(batch.bad)} {before}"
            writer.append(stream, UNFRAMED, payload, offsets, received, context=reasons, after=half)
        block = batch.records
        writer.append(
            stream, block.format, block.payload, block.offsets, received, context=block.context, after=batch.after
        )
        return known

    # -- process ----------------------------------------------------------------------------------------------------

    def _maker(self) -> Maker:
        products = {source.id: source.integration for source in self.estate.sources}
        return Maker(
            self.ready.path, self._lake, products, self._mappers, self._world, self._private, self._intel_join()
        )

    def _intel_join(self) -> IntelJoin | None:
        """The indicators that the rules or the estate ask for."""
        if self._intel is None:
            return None
        fields = {field for rule in self.ready.rulebook.rules for field in fields_of(rule.condition)}
        join = IntelJoin(self._intel.intelligence, asked_kinds(fields, self._intel.always))
        return join if join.kinds else None

    def _made_by(self) -> str:
        """What makes the same rows of the same records: rules and mappings, and the indicators."""
        return self.ready.maker() + ("" if self._intel is None else f" {self._intel.digest}")

    def _correlations(self) -> Standing | None:
        book = self.ready.rulebook
        if not book.correlations:
            return None
        world = self._world
        return Standing(
            book,
            Taxonomy.load(),
            self._lake,
            lambda: self._committer.cursor.batch,
            sources=self._sources,
            covering=(lambda known_at: None) if world is None else world.covering,
            blind=(lambda known_at, upto, since: None) if world is None else world.blind,
        )

    def renew(self) -> Reloaded | None:
        """Take over rules that have changed; None when there are none, or a batch is pending that others began.

        The next batch is made with them; positions, landing and lake are as they were. What cannot be used changes
        nothing. `Intent.maker` of every batch names the rules it is made with.
        """
        if self._watch is None or self._processing.pending:
            return None
        found = self._watch.look(self.ready.rulebook)
        if found is not None and found.ready is not None:
            self.ready = found.ready
            self._processing.renew(self._maker(), self._made_by(), self._correlations())
        return found

    def renew_indicators(self) -> Read | WatchfloorError | None:
        """Take over indicators that have changed; None when there are none, or a batch is pending that others began.

        As `renew`: the next batch is made with them, and what cannot be used changes nothing but says why.
        """
        if self._feeds is None or self._processing.pending:
            return None
        found = self._feeds.look()
        if found is not None and not isinstance(found, WatchfloorError):
            self._intel = found
            self._processing.renew(self._maker(), self._made_by(), self._correlations())
        return found

    @property
    def indicators(self) -> Read | None:
        """The indicators in use, and what of their files cannot be read."""
        return self._intel

    def process(self) -> BatchReport | None:
        """Take the next batch of landed records along the path and commit it; None when there is none.

        Raises:
            WorkerLost: a worker was killed; the batch is made again when the engine is started again.
            StoreError: the disk refuses.
        """
        return self._processing.next()

    def keep_house(self, *, busy: bool = False) -> None:
        """Compact the tables that have gathered many small files, and remove files nobody can need any more.

        In a quiet moment, what has been compiled of the rules is kept for the next start, and the index of what people
        ask for follows the lake.

        Args:
            busy: records are waiting: compacting costs a third of what processing costs, so most of it can wait.
        """
        if not busy:
            self.ready.keep(rarely=True)
            self._follow()
        due = self._lake.due(busy=busy)
        if due:
            give_back()  # delta-rs has an allocator of its own
        for name in due:
            removed = self._lake.compact(name)
            self._lake.vacuum(name)  # what a compaction replaced more than a day ago
            log.info("compacted table %s: %d files", name, removed)

    def _follow(self) -> None:
        batch = self._committer.cursor.batch
        if self._world is None or batch == self._followed:
            return
        reason = follow(self._lake, batch, INDEXED)
        if reason == BUSY:
            return  # the next quiet moment will do
        self._followed = batch
        if reason:
            log.warning("questions about people are answered slowly, there is no index: %s", reason)


def _vault(estate: Estate, directory: Directory, now: int) -> Vault | None:
    """It takes in the names of people, which are taken out of events. None where the estate has no people."""
    if not (estate.pseudonyms and directory.persons):
        return None
    vault = Vault(estate.store)
    vault.keep(directory, now)
    vault.forget(now)
    return vault


def _teachers_first(estate: Estate, mapper: Mapper) -> Sequence[SourceSettings]:
    """Sources in the order in which they are read: what is known of people and places first, what asks for it last.

    While records trickle in all of them meet in one batch. Of months that are read at once, orders and leavers must be
    known before the commands and sign-ins that are judged by them.
    """
    classes = {one.id: {family.class_name for family in one.families.values()} for one in mapper.integrations}

    def rank(source: SourceSettings) -> int:
        gives = classes.get(source.integration or "", set()) - {"base_event"}
        return 0 if gives and gives <= TOLD else 1 if gives & (SEEN | TOLD) else 2

    return sorted(estate.sources, key=rank)


def source_mappers(estate: Estate, usual: Mapper) -> dict[str, Mapper | None]:
    """Per source the mapper that has its settings; None where the usual one will do.

    Raises:
        EstateError: a source names an integration that does not exist, or gives it settings it does not have.
    """
    return {source.id: _mapper(source, estate, usual) for source in estate.sources}


def sources_checked(estate: Estate, integrations: Sequence[Integration]) -> list[WatchfloorError]:
    """What stands in the way of reading the sources, without reading them."""
    usual = Mapper(integrations)
    found: list[WatchfloorError] = []
    for source in estate.sources:
        try:
            _mapper(source, estate, usual)
            files = _watched(source, estate).files()
        except WatchfloorError as error:
            found.append(error)
            continue
        if not any(isinstance(file, FilePath) for file in files):
            found.append(
                SourceUnreachable(f"source {source.id!r} has no file", file=source.path, remedy="check its path")
            )
    return found


def _mapper(source: SourceSettings, estate: Estate, usual: Mapper) -> Mapper | None:
    """A mapper with the source's own settings; None where the usual one will do."""
    if source.integration is None:
        if source.settings:
            raise EstateError(
                f"source {source.id!r} has settings but names no integration",
                file=estate.folder / "estate.toml",
                remedy='add integration = "..." to that source',
            )
        return None
    found = next((i for i in usual.integrations if i.id == source.integration), None)
    if found is None:
        known = ", ".join(sorted(i.id for i in usual.integrations))
        raise EstateError(
            f"source {source.id!r} names the integration {source.integration!r}, which does not exist",
            file=estate.folder / "estate.toml",
            remedy=f"there are: {known}",
        )
    needed = any(setting.required for setting in found.settings.values())
    if not (source.settings or needed):
        return None
    try:
        return Mapper([found.with_settings(source.settings)])
    except ManifestError as error:  # what is wrong is what the estate says, not the manifest
        raise EstateError(
            f"source {source.id!r}: {error.what}", file=estate.folder / "estate.toml", remedy=error.remedy
        ) from error


def _watched(source: SourceSettings, estate: Estate) -> Watched:
    return Watched(source.path, estate.folder, chosen_format(source.format, source.records), store=estate.store)


def _halves(resume: Mapping[str, str]) -> dict[str, tuple[int, str]]:
    """Per stream how many records that could not be framed landed of the step behind its position, and the position."""
    found = {}
    for stream, after in resume.items():
        count, _, before = after.removeprefix(HALF).partition(" ") if after.startswith(HALF) else ("0", "", after)
        found[stream] = int(count), before
    return found
