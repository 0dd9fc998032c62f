"""Why a finding is one: its record is read from the landing again and its rule asked again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from watchfloor.detect.engine import Reason
from watchfloor.detect.rule import Rule
from watchfloor.errors import UsageError
from watchfloor.estate import Estate
from watchfloor.run.local import source_mappers
from watchfloor.run.prepare import prepared
from watchfloor.store.landing import LandingReader
from watchfloor.store.query import Hunts

__all__ = ["Explanation", "explained"]

OURS = "watchfloor"
"""`metadata.product.name` of our own findings; alerts of other products rest in the same table."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """One finding, its rule, its record, and what decided."""

    uid: str
    title: str
    level: str
    message: str
    rule: str
    rule_file: str
    source: str
    stream: str
    sequence: int
    received: str
    record: str
    reasons: Sequence[Reason]

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            **{key: value for key, value in asdict(self).items() if key != "reasons"},
            "reasons": [reason._asdict() for reason in self.reasons],
        }


def explained(estate: Estate, uid: str) -> Explanation:
    """Explain the finding whose uid begins with `uid`.

    Raises:
        UsageError: no such finding, or several; or its rule is no longer among the estate's rules.
        StoreError: its record is no longer in the landing.
    """
    row = _finding(estate, uid)
    if row["product"] != OURS:
        raise UsageError(
            f"{row['product']} raised this alert, none of the estate's rules: there is nothing to ask again",
            remedy=f"its record is number {row['sequence']} of source {row['source']}; the alert holds all it said",
        )
    ready = prepared(
        [path for path in estate.rules if path.exists()],
        integrations=estate.integrations(),
        placeholders=estate.placeholders,
        cache=estate.store / "cache",
    )
    rules = {rule.id: position for position, rule in enumerate(ready.rulebook.rules)}
    if row["rule"] not in rules:
        raise UsageError(
            f"the rule {row['rule']} is not among the estate's rules any more",
            remedy="bring the rule back to explain its findings; the finding itself stays in the lake",
        )
    position = rules[row["rule"]]
    rule: Rule = ready.rulebook.rules[position]
    source, sequence = row["source"], row["sequence"]
    reader = LandingReader(estate.store / "landing")
    block = next(iter(reader.read({source: sequence - 1}, 1, sources=[source])), None)
    record = reader.record(source, sequence)
    reasons: list[Reason] = []
    stream, received = "", 0
    if block is not None:
        stream, received = block.stream, int(block.received[0])
        settings = next((item for item in estate.sources if item.id == source), None)
        outcome = ready.path.map(
            [block],
            integration=settings.integration if settings else None,
            mapper=source_mappers(estate, ready.path.mapper).get(source),
        )
        assert ready.path.engine is not None
        for events in outcome.events:
            reasons = ready.path.engine.explain(events, 0, position)
    return Explanation(
        uid=row["uid"],
        title=rule.title,
        level=rule.level,
        message=row["message"] or "",
        rule=rule.id,
        rule_file=f"{rule.file}:{rule.line}",
        source=source,
        stream=stream,
        sequence=sequence,
        received=(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=received)).isoformat(),
        record=record.decode("utf-8", "replace").strip(),
        reasons=reasons,
    )


def _finding(estate: Estate, uid: str) -> dict[str, Any]:
    if "'" in uid or not uid.isprintable():
        raise UsageError(f"{uid!r} is no uid", remedy="one line without quotes, as the findings show it")
    hunts = Hunts(estate.store / "lake")
    if "detection_finding" not in hunts.tables():
        raise UsageError(
            "the lake holds no findings", remedy="watchfloor run ESTATE --once makes some, where there are any"
        )
    rows = hunts.ask(
        "select finding_info.uid as uid, finding_info.analytic.uid as rule, message, wf.source_uid as source, "
        "metadata.product.name as product, wf.source_seq as sequence from detection_finding "
        f"where starts_with(finding_info.uid, '{uid}')",
        limit=5,
    ).table.to_pylist()
    if len(rows) != 1:
        raise UsageError(
            f"{len(rows) or 'no'} findings begin with {uid!r}",
            remedy='watchfloor hunt ESTATE "select finding_info.uid, message from detection_finding" lists them',
        )
    found: dict[str, Any] = rows[0]
    return found
