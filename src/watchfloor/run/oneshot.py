"""Files in, findings out: no estate, no store, nothing kept.

    files -> steps (records of one stream)  -> done: mapped, matched        -> counted, and findings given out
             this process, in order            here, or in workers             this process, in order

What is found does not depend on who did a step, nor on how many records a step has: findings of a stream come in the
order of its records.
"""

from __future__ import annotations

import gc
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path as FilePath
from typing import TypeVar

import numpy as np

from watchfloor.collect.files import Opened, Skipped, opened
from watchfloor.collect.formats.format import Format, Framed
from watchfloor.collect.mapper import Leftovers
from watchfloor.detect.correlation import Watermark
from watchfloor.errors import SourceMalformed
from watchfloor.ocsf.events import Events
from watchfloor.run.correlating import Correlating, Matched, alerting
from watchfloor.run.memory import give_back
from watchfloor.run.path import Path, gathered
from watchfloor.run.workers import Workers
from watchfloor.store.landing import LandedBlock

__all__ = ["PAYS", "Totals", "detect"]

PAYS = 16 << 20
"""Bytes of records from which on workers are made: below, one process is done before they would be at work."""

LEAST = 1 << 20
"""Bytes a step counts for at least: a small file costs as much as some hundred records of a large one."""

STEP_BYTES = 48 << 20
"""Bytes of a step: a step costs what it costs to ask for its columns, however few its records, and memory follows them:
with all rules for Windows 525 MB on Windows events, 650 MB where nearly every text is new."""

Shown = TypeVar("Shown")


@dataclass(slots=True)
class Totals:
    """What was done: `read == mapped + quarantined`, always. `first` names the first stream of each reason."""

    files: int = 0
    read: int = 0
    mapped: int = 0
    quarantined: int = 0
    findings: int = 0
    bytes: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    first: dict[str, str] = field(default_factory=dict)
    integrations: Counter[str] = field(default_factory=Counter)
    formats: Counter[str] = field(default_factory=Counter)
    leftovers: Leftovers = field(default_factory=Counter)
    skipped: list[Skipped] = field(default_factory=list)
    broken: list[tuple[str, str]] = field(default_factory=list)
    correlations: Counter[str] = field(default_factory=Counter)
    """What correlations left out, by reason."""
    unjudged: Counter[str] = field(default_factory=Counter)
    """Per id of a correlation how many matches it could not judge, for nobody knows what could have been seen."""

    @property
    def failed(self) -> list[Skipped]:
        """Inputs that are there to be read and could not be: missing, refused, unreachable."""
        return [item for item in self.skipped if not isinstance(item.error, SourceMalformed)]


@dataclass(slots=True)
class _Step:
    """Some records of one stream, one behind the other, and those that could not be cut out of it."""

    name: str
    blocks: list[LandedBlock] = field(default_factory=list)
    unframed: Counter[str] = field(default_factory=Counter)
    size: int = 0
    """Bytes of the records."""

    def __post_init__(self) -> None:
        self.size = sum(block.size for block in self.blocks)

    def beginning(self) -> _Step:
        """Take away its first block, as a step of its own."""
        begun = _Step(self.name, self.blocks[:1])
        del self.blocks[:1]
        self.size -= begun.size
        return begun


@dataclass(slots=True)
class _Done:
    """What came of a step."""

    read: int
    mapped: int
    reasons: Counter[str]
    integrations: Counter[str]
    leftovers: Leftovers
    findings: int
    shown: object
    matched: Matched


def detect(
    paths: Sequence[FilePath],
    path: Path,
    totals: Totals,
    *,
    now: int,
    show: Callable[[str, Events], Shown],
    format: Format | None = None,
    integration: str | None = None,
    advance: Callable[[int, str], None] = lambda size, name: None,
    workers: int = 1,
    correlating: Correlating | None = None,
    last: bool = True,
) -> Generator[Shown, None, None]:
    """Take every record of every path along the path.

    Args:
        paths: files, folders and archives.
        path: mapper and rules.
        totals: counted into as the work goes on.
        now: receipt time of the records, epoch milliseconds.
        show: makes of (name of the stream, its findings) what the caller wants; called where the findings are made,
            which may be another process. `wf.source_seq` of a finding is the record's number in the stream, from 1.
        format: how all inputs are written; None recognises each.
        integration: the product of all inputs; None recognises each record.
        advance: told how many bytes of which stream are done.
        workers: how many processes map and match; they are made only where there is enough to do.
        correlating: the correlations; None where there are none.
        last: no more records will come for them, in another call: they judge.

    Yields:
        What `show` made, in the order of paths, streams and records, however many workers there are; at last what
        correlations found, stream by stream, in the order it was decided.

    Raises:
        WorkerLost: a worker was killed.
    """

    def do(step: _Step) -> _Done:
        outcome = path.draft(step.blocks, integration=integration)
        judged = path.detect((*outcome.events, *outcome.drafts))
        found = judged.found
        return _Done(
            read=outcome.read,
            mapped=outcome.mapped,
            reasons=Counter(record.reason.partition(" (byte")[0] for record in outcome.quarantined),
            integrations=outcome.integrations,
            leftovers=outcome.leftovers,
            findings=0 if found is None else len(found),
            shown=None if found is None else show(step.name, _by_record(found)),
            matched=judged.matched,
        )

    steps = _steps(paths, totals, now=now, format=format)
    for step, done in _alone(steps, do) if workers == 1 else _shared(steps, do, workers):
        _count(totals, step, done)
        give_back()
        advance(step.size, step.name)
        if done.matched and correlating is not None:
            correlating.waiting.append(done.matched)
        if done.findings:
            yield done.shown  # type: ignore[misc]
    if correlating is not None and last:
        yield from _correlated(correlating, totals, show)


def _correlated(correlating: Correlating, totals: Totals, show: Callable[[str, Events], Shown]) -> Iterator[Shown]:
    """What correlations find once all input is read: nothing more can come. Findings of one stream after the other."""
    found = correlating.step((), Watermark.end())
    totals.correlations = Counter(correlating.counters)
    totals.unjudged = Counter(correlating.unjudged)
    made = None if found is None else alerting(found)
    if made is None:
        return
    names = made.column("wf.source_uid")
    streams = [""] * len(made) if names is None else [name or "" for name in names.to_pylist()]
    totals.findings += len(made)
    for name in dict.fromkeys(streams):
        yield show(name, made.take([row for row, stream in enumerate(streams) if stream == name]))


def _alone(steps: Iterator[_Step], do: Callable[[_Step], _Done]) -> Iterator[tuple[_Step, _Done]]:
    for step in steps:
        yield step, do(step)


def _shared(steps: Iterator[_Step], do: Callable[[_Step], _Done], count: int) -> Iterator[tuple[_Step, _Done]]:
    """Steps done by workers, in order. Workers are made once it is known that they pay."""
    held: deque[_Step] = deque()
    size = 0
    for step in steps:
        held.append(step)
        size += max(step.size, LEAST)
        if size >= PAYS:
            break
    else:
        yield from _alone(iter(held), do)
        return
    first = held[0].beginning()
    yield first, do(first)  # kernels and plans are loaded here and now: workers find them ready
    gc.freeze()  # what there is stays; looking for garbage among it would make a copy in each worker
    given: deque[_Step] = deque()
    with Workers(do, count, under_way=count + (count + 1) // 2) as workers:
        for step in chain(_emptying(held), steps):
            while not workers.room:
                yield given.popleft(), workers.take()
            workers.give(step)
            step.blocks.clear()
            given.append(step)
        while given:
            yield given.popleft(), workers.take()


def _emptying(held: deque[_Step]) -> Iterator[_Step]:
    while held:
        yield held.popleft()


def _by_record(found: Events) -> Events:
    """Findings in the order of the records; those of one record in the order of the rules, as they are made."""
    numbers = found.column("wf.source_seq")
    if numbers is None:
        return found
    order = np.argsort(numbers.plain().to_numpy(zero_copy_only=False), kind="stable")
    return found.take(order)


def _count(totals: Totals, step: _Step, done: _Done) -> None:
    unframed = step.unframed.total()
    totals.read += done.read + unframed
    totals.mapped += done.mapped
    totals.quarantined += done.reasons.total() + unframed
    totals.findings += done.findings
    totals.bytes += step.size
    totals.integrations.update(done.integrations)
    totals.leftovers.update(done.leftovers)
    for reason, records in chain(step.unframed.items(), done.reasons.items()):
        totals.reasons[reason] += records
        totals.first.setdefault(reason, step.name)


def _steps(paths: Sequence[FilePath], totals: Totals, *, now: int, format: Format | None) -> Iterator[_Step]:
    for item in opened(paths, format=format):
        if isinstance(item, Skipped):
            totals.skipped.append(item)
            continue
        totals.files += 1
        totals.formats[item.format.name] += 1
        unframed: Counter[str] = Counter()
        for blocks in gathered(_blocks(item, now, totals, unframed), most=STEP_BYTES):
            yield _Step(item.name, blocks, unframed.copy())
            unframed.clear()
        if unframed:
            yield _Step(item.name, [], unframed)


def _blocks(item: Opened, now: int, totals: Totals, unframed: Counter[str]) -> Iterator[LandedBlock]:
    """The records of a stream; what could not be cut out of it is counted, and numbered, too."""
    sequence = 1
    for framed in item.frames():
        if framed.broken is not None:
            totals.broken.append((item.name, framed.broken))
        count = len(framed.block)
        unframed.update(bad.reason for bad in framed.bad)
        first, sequence = sequence, sequence + count + len(framed.bad)
        if count:
            yield _block(item, framed, first, now)


def _block(item: Opened, framed: Framed, first: int, now: int) -> LandedBlock:
    count = len(framed.block)
    return LandedBlock(
        source=item.name,
        stream=item.name,
        format=item.format.name,
        context=framed.block.context,
        sequence=np.arange(first, first + count, dtype=np.int64),
        received=np.full(count, now, np.int64),
        content=framed.block.payload,
        offsets=framed.block.offsets,
    )
