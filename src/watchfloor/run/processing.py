"""Landed records into the lake, batch after batch: made by this process or by workers, committed by this one in order.

    landing -> waiting blocks -> batch -> made (here, or in a worker)  -> committed, one after the other
               as they rest      what one commit takes                    intent, files into tables, cursor

Making changes nothing that anybody sees: it ends with files that are in no table. So batches can be made side by side
and ahead of their turn, and what a crash leaves of them is only removed. What commits is one process, one batch at a
time, as if it had made them itself (decisions/exactly-once-commit.md, decisions/one-process-per-core.md).
"""

from __future__ import annotations

import gc
import pickle
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from watchfloor.clock import monotonic_s
from watchfloor.collect.mapper import Leftovers
from watchfloor.ocsf.events import Events
from watchfloor.run.batch import Made, Maker
from watchfloor.run.correlating import alerting
from watchfloor.run.path import BATCH_BYTES
from watchfloor.run.standing import APPLICATION, Standing
from watchfloor.run.workers import Workers
from watchfloor.store.commit import Committer, Intent
from watchfloor.store.lake import Lake
from watchfloor.store.landing import LandedBlock, LandingReader

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["BatchReport", "Processing"]

PAYS = 16 << 20
"""Bytes of waiting records from which on workers are made; below, one process is done before they would be at work."""

LEAST_BYTES = 32 << 20
"""Workers share what is left so that all end at once, but never in batches smaller than this."""

CALM_S = 60.0
"""Workers that had nothing to do for so long are let go, with their memory."""


@dataclass(slots=True)
class BatchReport:
    """What one batch did: `read == mapped + quarantined`.

    Args:
        seconds: since the batch was begun or the one before it was committed, whichever was later.
    """

    batch: int
    read: int
    mapped: int
    quarantined: int
    findings: int
    seconds: float
    redone: bool = False
    mixed: bool = False
    """Begun with other rules, mappings or another version than finished it: its tables may hold of both."""
    tables: Mapping[str, int] = field(default_factory=dict)
    integrations: Counter[str] = field(default_factory=Counter)
    leftovers: Leftovers = field(default_factory=Counter)
    found: Events | None = None


@dataclass(slots=True)
class _Batch:
    """Records of one batch: per source those behind `start`, up to `end`."""

    blocks: deque[LandedBlock]
    start: dict[str, int]
    end: dict[str, int]
    began: float


Order = tuple[deque[LandedBlock], bytes]
"""What a worker is given: records, and the pickled columns of all tables."""


class Processing:
    """Takes what has landed along the path and commits it.

    Args:
        reader: of the landing.
        sources: whose records are taken.
        maker: makes batches.
        made_by: what makes the same rows of the same records (`Prepared.maker`).
        committer, lake: where they go.
        batch_records: records of a batch at most.
        workers: how many processes make batches while much is waiting; 1 makes all here.
        standing: the correlations; None where there are none.
        landed: per source how much has landed, as a sequence.
        first: done in each worker before its first batch.
    """

    def __init__(
        self,
        reader: LandingReader,
        sources: Sequence[str],
        maker: Maker,
        made_by: str,
        committer: Committer,
        lake: Lake,
        *,
        batch_records: int,
        workers: int = 1,
        standing: Standing | None = None,
        landed: Callable[[], Mapping[str, int]] = dict,
        first: Callable[[], None] = lambda: None,
    ) -> None:
        self._reader, self._sources, self._maker, self._made_by = reader, list(sources), maker, made_by
        self._committer, self._lake, self._first = committer, lake, first
        self._standing, self._landed = standing, landed
        self._most_records, self._count = batch_records, workers
        self._most_bytes = BATCH_BYTES
        self._waiting: deque[LandedBlock] = deque()
        self._read: dict[str, int] = {}
        self._cut_to: dict[str, int] = {}
        self._workers: Workers[Order, Made] | None = None
        self._under_way: deque[_Batch] = deque()
        self._columns: dict[str, pa.Schema] = {}
        self._told_columns = b""
        self._committed_at = 0.0

    def close(self) -> None:
        """End the workers, whatever they are at; what they made is made again when it is wanted again."""
        workers, self._workers = self._workers, None
        self._under_way.clear()
        self._waiting.clear()
        self._read.clear()
        self._cut_to.clear()
        if workers is not None:
            workers.close()
            self._lake.sweep()

    @property
    def pending(self) -> bool:
        """Whether a batch was begun and not committed: it is made again before any other."""
        return self._committer.pending() is not None

    def renew(self, maker: Maker, made_by: str, standing: Standing | None = None) -> None:
        """From the next batch on, that is from the last committed record on, another maker makes them."""
        self.close()
        self._maker, self._made_by, self._standing = maker, made_by, standing

    def next(self) -> BatchReport | None:
        """Commit the next batch; None when nothing is waiting.

        Raises:
            WorkerLost: a worker was killed; nothing is lost, the next call or the next start makes its batch again.
            StoreError: the disk refuses.
        """
        with self._anew_after_failure():
            began = monotonic_s()
            intent = self._committer.pending()
            if intent is not None:
                blocks = deque(self._reader.read(intent.start, until=intent.end))
                made = self._maker.make(blocks, self._lake.columns, intent.batch)
                return self._commit(intent, made, began, redone=True)
            if self._workers is None:
                return self._alone(began)
            self._hand_out()
            if self._under_way:
                return self._take_back()
            if began - self._committed_at > CALM_S:
                self.close()
            return None

    def meanwhile(self) -> BatchReport | None:
        """While more is landing: keep workers busy with whole batches, commit one that is made; never waits for one."""
        if self._count == 1:
            return None
        if self._workers is None:
            return self.next() if self._look() >= PAYS else None
        with self._anew_after_failure():
            self._hand_out(whole=True)
            return self._take_back() if self._under_way and self._workers.ready() else None

    @contextmanager
    def _anew_after_failure(self) -> Iterator[None]:
        """What was read ahead of the cursor counts for nothing once something failed."""
        try:
            yield
        except BaseException:
            self.close()
            if self._maker.world is not None:
                self._maker.world.forget()
            if self._standing is not None:
                self._standing.forget()
            raise

    # -- what is waiting ----------------------------------------------------------------------------------------------

    def _look(self) -> int:
        """Read what has landed, as much as all workers can be given at once; the bytes that are waiting."""
        size = sum(block.size for block in self._waiting)
        records = sum(len(block) for block in self._waiting)
        if size < self._count * self._most_bytes and records < self._count * self._most_records:
            for block in self._reader.read({**self._committer.positions, **self._read}, sources=self._sources):
                self._waiting.append(block)
                self._read[block.source] = int(block.sequence[-1])
                size, records = size + block.size, records + len(block)
                if size >= self._count * self._most_bytes or records >= self._count * self._most_records:
                    break
        return size

    def _cut(self, most: int, began: float) -> _Batch:
        """Take blocks away as a batch: one at least, and no more than `most` bytes or a batch's records."""
        batch = _Batch(deque(), {}, {}, began)
        size = records = 0
        while self._waiting and records < self._most_records and (size < most or not batch.blocks):
            block = self._waiting.popleft()
            fits = self._most_records - records
            if len(block) > fits:
                self._waiting.appendleft(block.slice(fits, len(block)))
                block = block.slice(0, fits)
            batch.blocks.append(block)
            batch.end[block.source] = int(block.sequence[-1])
            size, records = size + block.size, records + len(block)
        before = {**self._committer.positions, **self._cut_to}
        batch.start = {source: before.get(source, 0) for source in batch.end}
        self._cut_to |= batch.end
        return batch

    # -- workers ------------------------------------------------------------------------------------------------------

    def _hand_out(self, *, whole: bool = False) -> None:
        """Give workers what is waiting; `whole`: only full batches."""
        assert self._workers is not None
        while self._workers.room:
            size = self._look()
            records = sum(len(block) for block in self._waiting)
            if not self._waiting or (whole and size < self._most_bytes and records < self._most_records):
                return
            share = self._most_bytes if whole else min(self._most_bytes, max(LEAST_BYTES, size // self._count))
            batch = self._cut(share, monotonic_s())
            self._workers.give((batch.blocks, self._all_columns()))
            batch.blocks = deque()
            self._under_way.append(batch)

    def _take_back(self) -> BatchReport:
        """Commit the oldest batch that is under way."""
        assert self._workers is not None
        batch, made = self._under_way.popleft(), self._workers.take()
        return self._commit(self._begin(batch), made, batch.began)

    def _make(self, order: Order) -> Made:
        """The work of a worker."""
        blocks, columns = order
        return self._maker.make(blocks, _unpacked(columns).get)

    def _all_columns(self) -> bytes:
        """The columns of all tables: they seldom change."""
        now = {name: columns for name in self._lake.tables() if (columns := self._lake.columns(name)) is not None}
        if not self._told_columns or now != self._columns:
            self._columns, self._told_columns = now, pickle.dumps(now)
        return self._told_columns

    # -- committing ---------------------------------------------------------------------------------------------------

    def _alone(self, began: float) -> BatchReport | None:
        """Make and commit a batch here. Workers are made on the way, where there is enough for them."""
        size = self._look()
        if not self._waiting:
            return None
        many = self._count > 1 and size >= PAYS
        # Over the first block kernels and plans are loaded, and the lake's engine has not started its threads yet: now
        # is the time to make workers, who find the one and are not bothered by the other.
        batch = self._cut(0 if many else self._most_bytes, began)
        intent = self._begin(batch)
        made = self._maker.make(batch.blocks, self._lake.columns, intent.batch)
        if many:
            gc.freeze()
            self._workers = Workers(self._make, self._count, first=self._first)
        return self._commit(intent, made, began)

    def _begin(self, batch: _Batch) -> Intent:
        intent = self._committer.begin(batch.end, maker=self._made_by)
        assert intent.start == batch.start, "a batch begins where the one before it ended"
        return intent

    def _commit(self, intent: Intent, made: Made, began: float, *, redone: bool = False) -> BatchReport:
        found = made.found
        more = None
        if self._standing is not None:
            read = {**self._committer.positions, **intent.end}
            behind = [source for source, last in self._landed().items() if last > read.get(source, 0)]
            told, parts = self._standing.take(made.matched, made.heard, intent.batch, behind)
            more = {APPLICATION: parts}
            alerts = None if told is None else alerting(told)
            if alerts is not None:
                found = alerts if found is None else Events.concat([found, alerts])
        tables = self._committer.commit(intent, made.parts, more=more).rows
        now = monotonic_s()
        seconds, self._committed_at = now - max(began, self._committed_at), now
        return BatchReport(
            batch=intent.batch,
            read=made.read,
            mapped=made.mapped,
            quarantined=made.quarantined,
            findings=0 if found is None else len(found),
            seconds=seconds,
            redone=redone,
            mixed=redone and intent.maker != self._made_by,
            tables=tables,
            integrations=made.integrations,
            leftovers=made.leftovers,
            found=found,
        )


@lru_cache(maxsize=1)
def _unpacked(columns: bytes) -> dict[str, pa.Schema]:
    known: dict[str, pa.Schema] = pickle.loads(columns)
    return known
