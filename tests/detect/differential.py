"""Our whole path (records -> OCSF -> rules) held against pySigma's SQLite backend on the same records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson

from tests.detect import sqlite_peer
from watchfloor.collect.mapper import Mapper
from watchfloor.collect.records import Piece, tokenise
from watchfloor.detect.engine import Engine
from watchfloor.detect.rulebook import load_rules
from watchfloor.detect.sentence import fields_of
from watchfloor.detect.taxonomy import Taxonomy
from watchfloor.estate import find_integrations

EXPLAINED: dict[str, str] = {
    "3037d961-21e9-4732-b27a-637bcc7bf539": (
        "Conhost Legacy Option asks for IntegrityLevel S-1-16-12288: Security 4688 says so under MandatoryLabel, which "
        "our field table reads as well; SQLite has no such column for these records. We are right."
    ),
}
"""Rule id -> why our path and SQLite differ on it, and who is right."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came of it.

    Args:
        records: how many were judged.
        rules: how many rules both sides run.
        hits: (rule, record) pairs both sides found.
        only_ours, only_theirs: per rule the records only one side found.
        left_out: rules SQLite cannot run, by reason.
    """

    records: int
    rules: int
    hits: int
    only_ours: dict[str, list[int]]
    only_theirs: dict[str, list[int]]
    left_out: dict[str, int]

    @property
    def unexplained(self) -> set[str]:
        """Rules that differ for no reason we know."""
        return (set(self.only_ours) | set(self.only_theirs)) - set(EXPLAINED)


def compare(folders: Sequence[Path], lines: Sequence[bytes], *, chunk: int = 50_000) -> Comparison:
    """Run all rules below `folders` over recorded Windows events, one JSON object each, both ways."""
    conditions, left_out = sqlite_peer.queries(folders)
    taxonomy = Taxonomy.load()
    rulebook = load_rules(folders, taxonomy=taxonomy)
    both = {rule.id for rule in rulebook.rules} & set(conditions)
    columns = {field for rule in rulebook.rules for field in fields_of(rule.condition)}
    mapper, engine = Mapper(find_integrations()), Engine(rulebook.rules, taxonomy)
    ids = [rule.id for rule in rulebook.rules]
    ours: dict[str, set[int]] = {}
    theirs: dict[str, set[int]] = {}
    for start in range(0, len(lines), chunk):
        part = lines[start : start + chunk]
        offsets = np.concatenate([[0], np.cumsum([len(line) for line in part])]).astype(np.int64)
        numbers = np.arange(start, start + len(part), dtype=np.int64)
        records, bad = tokenise([Piece(b"".join(part), offsets, numbers, numbers)], source="otrf", stream="otrf")
        assert not bad
        for events in mapper.map(records, only="windows").events:
            matches = engine.match(events)
            sequence = events.column("wf.source_seq")
            assert sequence is not None
            number = np.asarray(sequence.plain())
            for row, rule in zip(matches.rows.tolist(), matches.rules.tolist(), strict=True):
                ours.setdefault(ids[rule], set()).add(int(number[row]))
        table = sqlite_peer.database((sqlite_peer.flat(orjson.loads(line)) for line in part), columns)
        found, failed = sqlite_peer.hits(table, {rule: conditions[rule] for rule in both})
        table.close()
        both -= set(failed)
        left_out.update(failed.values())
        for rule, rows in found.items():
            theirs.setdefault(rule, set()).update(start + row for row in rows)
    only_ours = {rule: sorted(ours.get(rule, set()) - theirs.get(rule, set())) for rule in both}
    only_theirs = {rule: sorted(theirs.get(rule, set()) - ours.get(rule, set())) for rule in both}
    return Comparison(
        len(lines),
        len(both),
        sum(len(ours.get(rule, set()) & theirs.get(rule, set())) for rule in both),
        {rule: rows for rule, rows in only_ours.items() if rows},
        {rule: rows for rule, rows in only_theirs.items() if rows},
        dict(left_out),
    )
