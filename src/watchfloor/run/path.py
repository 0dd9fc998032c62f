"""The path every record takes: collect -> world -> detect -> respond. Read this first.

    bytes of one stream   a block of records, as the source wrote them                 (collect/formats, store/landing)
      -> decode           one JSON object per record                                    (collect/formats)
      -> tokenise         distinct values and codes, column by column                   (collect/records)
      -> map              OCSF events, one batch per class; the rest to quarantine      (collect/mapper, integrations)
      -> match            which rule, which row                                         (detect/engine)
      -> findings         OCSF Detection Findings that carry their evidence             (ocsf/finding)

`world` (who, what, where at that moment) joins its columns onto the events between map and match; `respond` takes the
findings. The path reads no clock and writes nothing: `local` and `oneshot` drive it and say where things go.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import orjson

from watchfloor.collect.formats.format import Offsets, offsets_of
from watchfloor.collect.formats.recognise import by_name
from watchfloor.collect.mapper import Leftovers, Mapper
from watchfloor.collect.quarantine import Bad
from watchfloor.collect.records import Piece, tokenise
from watchfloor.detect.intel.indicator import naming
from watchfloor.detect.sentence import fields_of
from watchfloor.ocsf import finding
from watchfloor.ocsf.events import Events
from watchfloor.run.correlating import Matched, facts
from watchfloor.store.quarantine import Quarantined

if TYPE_CHECKING:
    from watchfloor.collect.draft import Draft
    from watchfloor.collect.formats.format import Block
    from watchfloor.collect.mapper import MappedBatch
    from watchfloor.detect.correlation_matches import MatchReader
    from watchfloor.detect.engine import Engine
    from watchfloor.detect.rule import Rule
    from watchfloor.detect.taxonomy import Taxonomy
    from watchfloor.store.landing import LandedBlock

__all__ = ["BATCH_BYTES", "BATCH_RECORDS", "UNFRAMED", "Judged", "Outcome", "Path", "by_stream", "gathered", "unframed"]

BATCH_RECORDS = 150_000
"""Records after which a batch is full."""

BATCH_BYTES = 80 << 20
"""Bytes of records after which a batch is full, however few the records: memory follows the bytes."""

UNFRAMED = "unframed"
"""Format of landed records that could not be cut out of their stream: their head is kept, the context holds why."""


Way = Callable[..., "MappedBatch"]
"""`Mapper.map` or `Mapper.draft`."""


@dataclass(slots=True)
class Outcome:
    """What came of some records: `read == mapped + len(quarantined)`, always. Events, or drafts where they will do."""

    read: int = 0
    mapped: int = 0
    events: list[Events] = field(default_factory=list)
    drafts: list[Draft] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)
    leftovers: Leftovers = field(default_factory=Counter)
    integrations: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Judged:
    """What rules said of some events: findings, None where there are none, and what correlations are to count."""

    found: Events | None = None
    matched: Matched = field(default_factory=Matched)


class Path:
    """Mapper and rules, ready to run.

    Args:
        mapper: maps records to events.
        engine: matches rules; None maps only.
        rules: the engine's rules, in its order.
        taxonomy: where the rules' fields are found.
        reader: reads what correlations need of the events their rules matched; None where there are none.
        silent: ids of rules that only correlations count on.
    """

    def __init__(
        self,
        mapper: Mapper,
        engine: Engine | None,
        rules: Sequence[Rule],
        taxonomy: Taxonomy,
        reader: MatchReader | None = None,
        silent: frozenset[str] = frozenset(),
    ) -> None:
        self.mapper, self.engine, self.rules = mapper, engine, rules
        self._taxonomy, self._reader, self._silent = taxonomy, reader, silent
        self._known: dict[int, tuple[finding.RuleFacts, tuple[str, ...]]] = {}

    def map(
        self, blocks: Sequence[LandedBlock], *, integration: str | None = None, mapper: Mapper | None = None
    ) -> Outcome:
        """Decode, tokenise, map: from records to events.

        Args:
            blocks: records of one stream of one source; what is done once per call pays for all of them.
            integration: the product, where the estate says so.
            mapper: in place of the path's own, where a source has settings of its own.
        """
        return self._each(blocks, integration, (mapper or self.mapper).map)

    def draft(self, blocks: list[LandedBlock], *, integration: str | None = None) -> Outcome:
        """As `map`, where nobody wants events but those that rules match: `Outcome.drafts` instead of events.

        The list is emptied, and the text of each block goes as soon as it is tokenised: of what no mapping could take,
        only the reason is known.
        """
        return self._each(blocks, integration, self.mapper.draft, spent=blocks)

    def _each(
        self,
        blocks: Sequence[LandedBlock],
        integration: str | None,
        way: Way,
        spent: list[LandedBlock] | None = None,
    ) -> Outcome:
        outcome = Outcome(read=sum(len(block) for block in blocks))
        framed = []
        for block in blocks:
            if block.format == UNFRAMED:
                outcome.quarantined += _unframed(block)
            else:
                framed.append(block)
        if spent is not None:
            spent.clear()
        if framed:
            self._map(framed, outcome, integration, way, keep=spent is None)
        return outcome

    def _map(
        self, blocks: list[LandedBlock], outcome: Outcome, integration: str | None, way: Way, *, keep: bool
    ) -> None:
        """Blocks to events. One block is unpacked at a time; the values of all are free again with the last draft."""
        bad: list[list[Bad]] = []

        def pieces() -> Iterator[Piece]:
            for number, block in enumerate(blocks):
                decoded = by_name(block.format).decode(_as_block(block))
                bad.append(list(decoded.bad))
                again = partial(_again, block) if keep else bytes
                blocks[number] = block if keep else replace(block, content=b"")
                yield Piece(decoded.ndjson, decoded.offsets, block.sequence, block.received, again)

        size = sum(block.size for block in blocks)
        records, unreadable = tokenise(pieces(), source=blocks[0].source, stream=blocks[0].stream, size=size)
        batch = way(records, only=integration)
        outcome.events, outcome.drafts = batch.events, batch.drafts
        outcome.leftovers, outcome.integrations = batch.leftovers, batch.integrations
        outcome.mapped = batch.rows
        first = np.cumsum([0, *map(len, blocks)])
        for found in (*unreadable, *batch.bad):  # numbered through all blocks
            number = int(np.searchsorted(first, found.record, "right")) - 1
            bad[number].append(replace(found, record=found.record - int(first[number])))
        for block, refused in zip(blocks, bad, strict=True):
            outcome.quarantined += _quarantined(block, refused)

    def detect(self, batches: Iterable[Events | Draft], shown: Iterable[Events] | None = None) -> Judged:
        """The findings in batches of events, and what correlations are to count.

        Args:
            shown: the same events as findings may tell of them; without it, as they are matched.
        """
        judged = Judged()
        if self.engine is None:
            return judged
        found: list[tuple[Events | Draft, list[finding.Match]]] = []
        matched = list(batches)
        for events, told in zip(matched, matched if shown is None else shown, strict=True):
            matches = self.engine.match(events)
            if len(matches.rows) == 0:
                continue
            order = np.argsort(matches.rules, kind="stable")
            rules, starts = np.unique(matches.rules[order], return_index=True)
            by_rule = list(zip(rules.tolist(), np.split(matches.rows[order], starts[1:]), strict=True))
            hits = [self._about(rule, rows) for rule, rows in by_rule if self.rules[rule].id not in self._silent]
            if hits:
                found.append((told, hits))
            if self._reader is not None:
                self._count(told, by_rule, judged.matched)
        judged.found = finding.findings(found) if found else None
        return judged

    def _count(
        self, told: Events | Draft, by_rule: Iterable[tuple[int, npt.NDArray[np.int32]]], matched: Matched
    ) -> None:
        """Keep what correlations count, and the events themselves: a finding may have to name them later."""
        assert self._reader is not None
        counted = [self._about(rule, rows) for rule, rows in by_rule if rule in self._reader.wanted]
        numbers = [rule for rule, _ in by_rule if rule in self._reader.wanted]
        if not counted:
            return
        rows = np.unique(np.concatenate([match.rows for match in counted]))
        names = {*finding.told(told.class_name, told.names), *self._reader.columns(numbers, told.names)}
        names |= {name for match in counted for name in match.fields}
        events = told.pick(rows, [name for name in told.names if name in names])
        matched.events.append(events)
        for rule, match in zip(numbers, counted, strict=True):
            matched.matches.append(self._reader.read(events, rule, np.searchsorted(rows, match.rows)))

    def _about(self, number: int, rows: npt.NDArray[np.int32]) -> finding.Match:
        """The events a rule matched, with what its findings say of it; few of thousands of rules ever match."""
        known = self._known.get(number)
        if known is None:
            rule = self.rules[number]
            fields = self._taxonomy.places(rule.logsource, fields_of(rule.condition))
            known = self._known[number] = facts(rule), naming(fields)
        return finding.Match(known[0], rows.astype(np.int64), known[1])


def gathered(
    blocks: Iterable[LandedBlock], records: int = BATCH_RECORDS, most: int = BATCH_BYTES
) -> Iterator[list[LandedBlock]]:
    """Blocks of one stream in groups of about `records` records, or `most` bytes."""
    held: list[LandedBlock] = []
    rows = size = 0
    for block in blocks:
        if held and (rows + len(block) > records or size + block.size > most):
            yield held
            held, rows, size = [], 0, 0
        held.append(block)
        rows += len(block)
        size += block.size
    if held:
        yield held


def by_stream(blocks: Iterable[LandedBlock]) -> list[list[LandedBlock]]:
    """Blocks by source and stream, each in the order given: several sources land by turns."""
    streams: dict[tuple[str, str], list[LandedBlock]] = {}
    for block in blocks:
        streams.setdefault((block.source, block.stream), []).append(block)
    return list(streams.values())


def _again(block: LandedBlock) -> bytes:
    return by_name(block.format).decode(_as_block(block)).ndjson


def _as_block(block: LandedBlock) -> Block:
    from watchfloor.collect.formats.format import Block

    return Block(payload=block.payload, offsets=block.offsets, context=block.context, format=block.format)


def _quarantined(block: LandedBlock, found: Iterable[Bad]) -> list[Quarantined]:
    """Each bad record once, whoever complained first."""
    first: dict[int, Bad] = {}
    for bad in found:
        first.setdefault(bad.record, bad)
    return [
        Quarantined(
            source=block.source,
            stream=block.stream,
            sequence=int(block.sequence[number]),
            received=int(block.received[number]),
            format=block.format,
            integration="",
            reason=bad.reason,
            raw=bad.raw,
        )
        for number, bad in sorted(first.items())
    ]


def unframed(found: Sequence[Bad]) -> tuple[bytes, Offsets, bytes]:
    """Records that could not be framed as a block of their own: payload, offsets, and the reasons as context."""
    payload = b"".join(bad.raw for bad in found)
    return payload, offsets_of([bad.raw for bad in found]), orjson.dumps([bad.reason for bad in found])


def _unframed(block: LandedBlock) -> list[Quarantined]:
    reasons = orjson.loads(block.context)
    # A block that was read from its middle has lost its first records: reasons count from the end.
    reasons = reasons[len(reasons) - len(block) :] if len(reasons) >= len(block) else reasons
    payload = block.payload
    return _quarantined(
        block,
        [Bad(i, reasons[i], payload[block.offsets[i] : block.offsets[i + 1]]) for i in range(len(block))],
    )
