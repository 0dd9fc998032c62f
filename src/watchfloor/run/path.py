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
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import orjson

from watchfloor.collect.formats.format import Offsets, offsets_of
from watchfloor.collect.formats.recognise import by_name
from watchfloor.collect.mapper import Leftovers, Mapper
from watchfloor.collect.quarantine import Bad
from watchfloor.collect.records import tokenise
from watchfloor.detect.sentence import fields_of
from watchfloor.ocsf import finding
from watchfloor.ocsf.events import Events
from watchfloor.store.quarantine import Quarantined

if TYPE_CHECKING:
    from watchfloor.collect.formats.format import Block
    from watchfloor.detect.engine import Engine
    from watchfloor.detect.rule import Rule
    from watchfloor.detect.taxonomy import Taxonomy
    from watchfloor.store.landing import LandedBlock

__all__ = ["UNFRAMED", "Outcome", "Path", "merged", "unframed"]

UNFRAMED = "unframed"
"""Format of landed records that could not be cut out of their stream: their head is kept, the context holds why."""


@dataclass(slots=True)
class Outcome:
    """What came of some records: `read == mapped + len(quarantined)`, always."""

    read: int = 0
    mapped: int = 0
    events: list[Events] = field(default_factory=list)
    findings: list[Events] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)
    leftovers: Leftovers = field(default_factory=Counter)
    integrations: Counter[str] = field(default_factory=Counter)


class Path:
    """Mapper and rules, ready to run.

    Args:
        mapper: maps records to events.
        engine: matches rules; None maps only.
        rules: the engine's rules, in its order.
        taxonomy: where the rules' fields are found.
    """

    def __init__(self, mapper: Mapper, engine: Engine | None, rules: Sequence[Rule], taxonomy: Taxonomy) -> None:
        self.mapper, self.engine, self.rules = mapper, engine, rules
        self._facts = [_facts(rule) for rule in rules]
        self._fields = [taxonomy.places(rule.logsource, fields_of(rule.condition)) for rule in rules]

    def run(self, block: LandedBlock, *, integration: str | None = None, mapper: Mapper | None = None) -> Outcome:
        """Take the records of one block all the way.

        Args:
            block: records of one stream of one source.
            integration: the product, where the estate says so.
            mapper: in place of the path's own, where a source has settings of its own.
        """
        outcome = Outcome(read=len(block.offsets) - 1)
        if block.format == UNFRAMED:
            outcome.quarantined = _unframed(block)
            return outcome
        self._map(block, outcome, integration, mapper or self.mapper)
        if self.engine is not None:
            outcome.findings = [found for events in outcome.events if (found := self.detect(events)) is not None]
        return outcome

    def _map(self, block: LandedBlock, outcome: Outcome, integration: str | None, mapper: Mapper) -> None:
        """Decode, tokenise, map. What this takes (twice the block and more) is free again before rules are matched."""
        decoded = by_name(block.format).decode(_as_block(block))
        records, unreadable = tokenise(
            decoded.ndjson,
            decoded.offsets,
            source=block.source,
            stream=block.stream,
            sequence=block.sequence,
            received=block.received,
        )
        batch = mapper.map(records, only=integration)
        outcome.events, outcome.leftovers, outcome.integrations = batch.events, batch.leftovers, batch.integrations
        outcome.mapped = batch.rows
        outcome.quarantined = _quarantined(block, (*decoded.bad, *unreadable, *batch.bad))

    def detect(self, events: Events) -> Events | None:
        """The findings in one batch of events; None where there are none."""
        if self.engine is None or len(events) == 0:
            return None
        matches = self.engine.match(events)
        if len(matches.rows) == 0:
            return None
        order = np.argsort(matches.rules, kind="stable")
        rules, starts = np.unique(matches.rules[order], return_index=True)
        hits = [
            finding.Match(self._facts[rule], rows.astype(np.int64), self._fields[rule])
            for rule, rows in zip(rules.tolist(), np.split(matches.rows[order], starts[1:]), strict=True)
        ]
        return finding.findings(events, hits)


def merged(blocks: Iterable[LandedBlock], records: int, bytes: int = 1 << 30) -> Iterator[LandedBlock]:
    """Join neighbouring blocks of one stream until each holds about `records` records, or `bytes` bytes.

    What is done once per block (naming families, looking values up) then pays for more rows. No block is held longer
    than it takes to join it.
    """
    held: list[LandedBlock] = []
    rows = size = 0
    for block in blocks:
        alike = held and (block.source, block.stream, block.format, block.context) == (
            held[0].source,
            held[0].stream,
            held[0].format,
            held[0].context,
        )
        full = rows + len(block) > records or size + len(block.payload) > bytes
        if held and (not alike or full or block.format == UNFRAMED):
            yield _joined(held)
            rows = size = 0
        held.append(block)
        rows += len(block)
        size += len(block.payload)
    if held:
        yield _joined(held)


def _joined(held: list[LandedBlock]) -> LandedBlock:
    """One block of all that are held, in order; none is held afterwards."""
    if len(held) == 1:
        return held.pop()
    first, starts, base = held[0], [], 0
    for block in held:
        starts.append(block.offsets[:-1] - block.offsets[0] + base)
        base += int(block.offsets[-1] - block.offsets[0])
    whole = replace(
        first,
        sequence=np.concatenate([block.sequence for block in held]),
        received=np.concatenate([block.received for block in held]),
        payload=b"".join(memoryview(block.payload)[block.offsets[0] : block.offsets[-1]] for block in held),
        offsets=np.append(np.concatenate(starts), base).astype(np.int64),
    )
    held.clear()
    return whole


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
    return _quarantined(
        block,
        [Bad(i, reasons[i], block.payload[block.offsets[i] : block.offsets[i + 1]]) for i in range(len(block))],
    )


def _facts(rule: Rule) -> finding.RuleFacts:
    return finding.RuleFacts(
        uid=rule.id,
        title=rule.title,
        level=rule.level,
        description=rule.description,
        author=rule.author,
        attacks=tuple(finding.Attack(technique_uid=technique) for technique in rule.techniques)
        + tuple(finding.Attack(tactic_name=tactic) for tactic in rule.tactics),
        tags=rule.tags,
        references=rule.references,
        false_positives=rule.falsepositives,
    )
