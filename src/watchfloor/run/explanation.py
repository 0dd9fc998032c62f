"""Why a finding is one: its record is read from the landing again and its rule asked again.

What was known when the rule was asked (`asof.*`, `lag.*`, who and where) is taken from the event in the lake, as it was
then: what became known since changes nothing of why. Where the estate has people, the values shown are those of the
lake, without personal identifiers, and the record itself is shown for a reason only, which is written down.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from watchfloor.detect.engine import Reason
from watchfloor.detect.rule import Correlation, Rule
from watchfloor.errors import UsageError
from watchfloor.estate import Estate
from watchfloor.ocsf.events import Events
from watchfloor.run.counted import Counted, counted
from watchfloor.run.local import source_mappers
from watchfloor.run.prepare import prepared
from watchfloor.store.lake import Lake
from watchfloor.store.landing import LandingReader
from watchfloor.store.query import Hunts

if TYPE_CHECKING:
    from watchfloor.run.prepare import Prepared

__all__ = ["Explanation", "explained"]

OURS = "watchfloor"
"""`metadata.product.name` of our own findings; alerts of other products rest in the same table."""

ASKED: Mapping[str, str] = {
    "uid": "finding_info.uid",
    "rule": "finding_info.analytic.uid",
    "message": "message",
    "source": "wf.source_uid",
    "sequence": "wf.source_seq",
    "product": "metadata.product.name",
    "evidences": "evidences",
    "sources": "finding_info.data_sources",
    "related": "finding_info.related_events",
    "at": "end_time",
}
"""What is asked of a finding -> where it stands."""

KNOWN_THEN = ("wf.", "asof.", "lag.", "peer.", "intel.")
"""Columns that say what was known when the rule was asked; no record has them."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """One finding, its rule, its record, and what decided.

    Args:
        record: empty where it may name people and nobody said what it is needed for.
        known: what was known of person, place and things: column -> value; only those columns the rule did not read.
        counted: what a correlation made of the event and others; then record and reasons are those of the judged event
            and of the rule that matched it.
    """

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
    known: dict[str, Any]
    counted: Counted | None = None

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            **{key: value for key, value in asdict(self).items() if key != "reasons" and value != {}},
            "reasons": [reason._asdict() for reason in self.reasons],
        }


def explained(estate: Estate, uid: str, *, whole: bool = False) -> Explanation:
    """Explain the finding whose uid begins with `uid`.

    Args:
        whole: give the record and values as the source wrote them, also where they may name people.

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
    correlations = {one.id: one for one in ready.rulebook.correlations}
    if row["rule"] not in rules and row["rule"] not in correlations:
        raise UsageError(
            f"the rule {row['rule']} is not among the estate's rules any more",
            remedy="bring the rule back to explain its findings; the finding itself stays in the lake",
        )
    if row["source"] is None:  # of what nobody could see there is no record
        return _unseen(row, correlations[row["rule"]])
    source, sequence = row["source"], row["sequence"]
    record = LandingReader(estate.store / "landing").record(source, sequence)
    stream, received, judged, kept = _again(estate, ready, source, sequence)
    reasons: list[Reason] = []
    assert ready.path.engine is not None
    rule: Rule | Correlation
    if row["rule"] in correlations:
        rule = correlations[row["rule"]]
        positions = _matching(ready, rule, judged)
    else:
        positions = [rules[row["rule"]]]
        rule = ready.rulebook.rules[positions[0]]
    if judged is not None:
        reasons = [reason for position in positions for reason in ready.path.engine.explain(judged, 0, position)]
    hidden = not whole and estate.pseudonyms and bool(estate.world().persons)
    if hidden:
        reasons = [_shown(reason, kept) for reason in reasons]
    read = {reason.column for reason in reasons}
    told = {} if kept is None else {name: _value(kept, name) for name in kept.names if name.startswith(KNOWN_THEN[1:])}
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
        record="" if hidden else record.decode("utf-8", "replace").strip(),
        reasons=reasons,
        known={name: value for name, value in told.items() if value is not None and name not in read},
        counted=counted(rule, row, row["sources"] or ()) if isinstance(rule, Correlation) else None,
    )


def _unseen(row: Mapping[str, Any], rule: Correlation) -> Explanation:
    return Explanation(
        row["uid"], rule.title, rule.level, row["message"] or "", rule.id, f"{rule.file}:{rule.line}",
        source="", stream="", sequence=0, received="", record="", reasons=(), known={}, counted=counted(rule, row),
    )  # fmt: skip


def _matching(ready: Prepared, rule: Correlation, judged: Events | None) -> list[int]:
    """Positions of the rules that matched a judged event, of those a correlation counts on, at whatever depth."""
    if judged is None or ready.path.engine is None:
        return []
    book, wanted, pending = ready.rulebook, set[str](), [rule.id]
    while pending:
        for uid in book.members.get(pending.pop(), ()):
            wanted.add(uid)
            pending.append(uid)
    matched = ready.path.engine.match(judged)
    return [int(one) for one in matched.rules if matched.rows[0] == 0 and book.matched[one].id in wanted]


def _again(
    estate: Estate, ready: Prepared, source: str, sequence: int
) -> tuple[str, int, Events | None, Events | None]:
    """Stream and time of receipt of a record; its event mapped again, as the rule saw it, and as the lake has it."""
    block = next(iter(LandingReader(estate.store / "landing").read({source: sequence - 1}, 1, sources=[source])), None)
    if block is None:
        return "", 0, None, None
    settings = next((item for item in estate.sources if item.id == source), None)
    outcome = ready.path.map(
        [block],
        integration=settings.integration if settings else None,
        mapper=source_mappers(estate, ready.path.mapper).get(source),
    )
    judged = next(iter(outcome.events), None)
    if judged is None:
        return block.stream, int(block.received[0]), None, None
    kept = _kept(estate, judged.class_name, source, sequence)
    if kept is not None:
        then = {name: kept.column(name) for name in kept.names if name.startswith(KNOWN_THEN)}
        judged = judged.with_columns({name: column for name, column in then.items() if column is not None})
    return block.stream, int(block.received[0]), judged, kept


def _kept(estate: Estate, class_name: str, source: str, sequence: int) -> Events | None:
    """The event of a record as it rests in the lake."""
    mine = (pc.field("wf", "source_uid") == source) & (pc.field("wf", "source_seq") == sequence)
    rows = Lake(estate.store / "lake", read_only=True).read(class_name, where=mine)
    return Events.flatten(class_name, rows.slice(0, 1).drop(["day"])) if rows.num_rows else None


def _shown(reason: Reason, kept: Events | None) -> Reason:
    """With the value of the lake, out of which personal identifiers were taken."""
    if reason.value is None or reason.column is None:
        return reason
    value = None if kept is None else _value(kept, reason.column)
    texts = [str(one) for one in value] if isinstance(value, list) else [] if value is None else [str(value)]
    return reason if reason.value in texts else reason._replace(value=", ".join(texts) or None)


def _value(events: Events, name: str) -> Any:
    column = events.column(name)
    return None if column is None else column.to_pylist()[0]


def _finding(estate: Estate, uid: str) -> dict[str, Any]:
    if "'" in uid or not uid.isprintable():
        raise UsageError(f"{uid!r} is no uid", remedy="one line without quotes, as the findings show it")
    hunts = Hunts(estate.store / "lake")
    if "detection_finding" not in hunts.tables():
        raise UsageError(
            "the lake holds no findings", remedy="watchfloor run ESTATE --once makes some, where there are any"
        )
    schema = Lake(estate.store / "lake", read_only=True).schema("detection_finding")
    asked = ", ".join(f"{path if _there(schema, path) else 'null'} as {name}" for name, path in ASKED.items())
    rows = hunts.ask(
        f"select {asked} from detection_finding where starts_with(finding_info.uid, '{uid}') "
        "qualify row_number() over (partition by finding_info.uid order by activity_id, time) = 1",
        limit=5,
    ).table.to_pylist()
    if len(rows) != 1:
        raise UsageError(
            f"{len(rows) or 'no'} findings begin with {uid!r}",
            remedy='watchfloor hunt ESTATE "select finding_info.uid, message from detection_finding" lists them',
        )
    found: dict[str, Any] = rows[0]
    return found


def _there(schema: pa.Schema, path: str) -> bool:
    """Whether a table has a dotted column: one that no finding has used is not there."""
    steps, fields = path.split("."), {field.name: field.type for field in schema}
    for depth, step in enumerate(steps):
        if step not in fields:
            return False
        if depth < len(steps) - 1:
            fields = {field.name: field.type for field in fields[step]}
    return True
