"""Files in, findings out: no estate, no store, nothing kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path as FilePath

import numpy as np

from watchfloor.collect.files import Opened, Skipped, opened
from watchfloor.collect.formats.format import Format, Framed
from watchfloor.collect.mapper import Leftovers
from watchfloor.collect.quarantine import Bad
from watchfloor.errors import SourceMalformed
from watchfloor.ocsf.events import Events
from watchfloor.run.path import Path, gathered
from watchfloor.store.landing import LandedBlock
from watchfloor.store.quarantine import Quarantined

__all__ = ["Totals", "detect"]


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

    @property
    def failed(self) -> list[Skipped]:
        """Inputs that are there to be read and could not be: missing, refused, unreachable."""
        return [item for item in self.skipped if not isinstance(item.error, SourceMalformed)]


def detect(
    paths: Sequence[FilePath],
    path: Path,
    totals: Totals,
    *,
    now: int,
    format: Format | None = None,
    integration: str | None = None,
    advance: Callable[[int, str], None] = lambda size, name: None,
    quarantine: Callable[[Quarantined], None] = lambda record: None,
) -> Iterator[tuple[str, Events]]:
    """Take every record of every path along the path.

    Args:
        paths: files, folders and archives.
        path: mapper and rules.
        totals: counted into as the work goes on.
        now: receipt time of the records, epoch milliseconds.
        format: how all inputs are written; None recognises each.
        integration: the product of all inputs; None recognises each record.
        advance: told how many bytes of which stream are done.
        quarantine: given every record that could not be read or mapped.

    Yields:
        (name of the stream, findings); `wf.source_seq` of a finding is the record's number in the stream, from 1.
    """
    for item in opened(paths, format=format):
        if isinstance(item, Skipped):
            totals.skipped.append(item)
            continue
        totals.files += 1
        totals.formats[item.format.name] += 1
        for blocks in gathered(_blocks(item, now, totals, advance, quarantine)):
            outcome = path.map(blocks, integration=integration)
            totals.read += outcome.read
            totals.mapped += outcome.mapped
            totals.quarantined += len(outcome.quarantined)
            totals.integrations.update(outcome.integrations)
            totals.leftovers.update(outcome.leftovers)
            for record in outcome.quarantined:
                _count(totals, record.reason.partition(" (byte")[0], item.name)
                quarantine(record)
            found = path.detect(outcome.events)
            if found is not None:
                totals.findings += len(found)
                yield item.name, found


def _count(totals: Totals, reason: str, name: str) -> None:
    totals.reasons[reason] += 1
    totals.first.setdefault(reason, name)


def _blocks(
    item: Opened,
    now: int,
    totals: Totals,
    advance: Callable[[int, str], None],
    quarantine: Callable[[Quarantined], None],
) -> Iterator[LandedBlock]:
    sequence = 1
    for framed in item.frames():
        if framed.broken is not None:
            totals.broken.append((item.name, framed.broken))
        count = len(framed.block)
        for bad in framed.bad:
            _unframed(item, bad, sequence, framed, now, totals, quarantine)
        sequence_of_block = np.arange(sequence, sequence + count, dtype=np.int64)
        sequence += count + len(framed.bad)
        totals.bytes += len(framed.block.payload)
        advance(len(framed.block.payload), item.name)
        if count:
            yield LandedBlock(
                source=item.name,
                stream=item.name,
                format=item.format.name,
                context=framed.block.context,
                sequence=sequence_of_block,
                received=np.full(count, now, np.int64),
                content=framed.block.payload,
                offsets=framed.block.offsets,
            )


def _unframed(
    item: Opened,
    bad: Bad,
    sequence: int,
    framed: Framed,
    now: int,
    totals: Totals,
    quarantine: Callable[[Quarantined], None],
) -> None:
    """A record that could not even be cut out of its file counts as read and quarantined."""
    totals.read += 1
    totals.quarantined += 1
    _count(totals, bad.reason, item.name)
    quarantine(Quarantined(item.name, item.name, sequence + bad.record, now, item.format.name, "", bad.reason, bad.raw))
