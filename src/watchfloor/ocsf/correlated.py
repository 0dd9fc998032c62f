"""Detection Findings of correlations: the finding of the judged event, with the evidence of all that made it one.

Each event that a rule matched has a finding of its own, whether that rule speaks for itself or not; what a correlation
finds is the finding of the event it judged, under its own name, with the related events and evidences of the others.
Findings are few, so rows may be looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from watchfloor.ocsf.column import Column
from watchfloor.ocsf.derive import derive
from watchfloor.ocsf.events import Events
from watchfloor.ocsf.finding import SEVERITY, RuleFacts, attacks_of, tags_of
from watchfloor.ocsf.uid import finding_uid

__all__ = ["CORRELATION", "NOT_EVALUABLE", "Change", "correlated"]

CORRELATION = "correlation"
NOT_EVALUABLE = "not_evaluable"
"""`finding_info.types` of what a correlation found, and of what it could not judge."""

UPDATED, CREATED = 2, 1  # activity_id
NEW, SUPPRESSED, RESOLVED = 1, 3, 4  # status_id
MOST_OBSERVABLES = 100
UNSEEN_CONFIDENCE = 40


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a correlation's finding.

    Args:
        rule: the correlation.
        uid: of its finding.
        kind: `create`, `retract`, `not_evaluable`, `evaluable`.
        anchor: row of the judged event's own finding.
        evidence: rows of those of all events that made it, oldest first.
        group: names and values of the group.
        number: what was counted.
        late, unseen: `FINDINGS`.
        gaps: what was not seen, and why.
        told: when it was decided, milliseconds; makes updates of one finding differ.
    """

    rule: RuleFacts
    uid: str
    kind: str
    anchor: int
    evidence: tuple[int, ...]
    group: Mapping[str, str]
    number: float
    late: bool
    unseen: bool
    gaps: tuple[Mapping[str, Any], ...]
    told: int


def correlated(own: Events, changes: Sequence[Change]) -> Events:
    """Detection findings of changes.

    Args:
        own: findings of the events (`finding.findings`), whose rows the changes name.
    """
    rows = [_row(own, change) for change in changes]
    base = own.take(np.array([change.anchor for change in changes], np.int64))
    columns: dict[str, Column | Any] = {name: base.column(name) for name in base.names}
    for name in rows[0]:
        columns[name] = Column.from_arrow(pa.array([row[name] for row in rows], _type(own, name)))
    for name in ("finding_info.src_url", "finding_info.analytic.version"):
        columns.pop(name, None)
    columns = {name: column for name, column in columns.items() if column is not None}
    for derived in ("activity_name", "type_uid", "type_name", "severity", "status", "finding_info.analytic.type"):
        columns.pop(derived, None)
    columns["finding_info.analytic.type"] = "Correlation"
    return Events.build("detection_finding", derive("detection_finding", columns, len(rows)), len(rows))


def _type(own: Events, name: str) -> pa.DataType | None:
    from watchfloor.ocsf import schema

    return schema.attribute("detection_finding", name).arrow


def _row(own: Events, change: Change) -> dict[str, Any]:
    rule, told = change.rule, change.kind
    judged = told in (NOT_EVALUABLE, "evaluable")
    evidence = change.evidence or (change.anchor,)
    times = [_values(own, name, evidence) for name in ("start_time", "end_time", "time")]
    first, last, seen = min(times[0], default=None), max(times[1], default=None), max(times[2], default=None)
    uid = finding_uid(change.uid, NOT_EVALUABLE) if judged else change.uid
    again = told not in ("create", NOT_EVALUABLE) or change.late
    title = f"Cannot be judged: {rule.title}" if judged else rule.title
    return {
        "metadata.uid": finding_uid(uid, f"{told}\0{change.told}") if again else uid,
        "finding_info.uid": uid,
        "finding_info.title": title,
        "finding_info.desc": rule.description,
        "finding_info.types": [NOT_EVALUABLE if judged else CORRELATION],
        "finding_info.analytic.uid": rule.uid,
        "finding_info.analytic.name": rule.title,
        "finding_info.analytic.type_id": 99,
        "finding_info.attacks": attacks_of(rule),
        "finding_info.tags": tags_of(rule),
        "finding_info.related_events": _lists(own, "finding_info.related_events", evidence),
        "finding_info.related_events_count": len(evidence),
        "finding_info.first_seen_time": first,
        "finding_info.last_seen_time": last,
        "finding_info.created_time": seen,
        "evidences": [*_lists(own, "evidences", evidence), _decided(change)],
        "observables": _distinct(_lists(own, "observables", evidence)),
        "time": seen,
        "start_time": first,
        "end_time": last,
        "severity_id": SEVERITY["informational"] if judged else SEVERITY[rule.level or "informational"],
        "is_alert": told == "create",
        "activity_id": CREATED if told in ("create", NOT_EVALUABLE) else UPDATED,
        "status_id": {"retract": SUPPRESSED, "evaluable": RESOLVED}.get(told, NEW),
        "status_detail": _detail(change),
        "confidence_score": UNSEEN_CONFIDENCE if change.unseen else None,
        "message": _sentence(own, change, title, first, last),
    }


def _detail(change: Change) -> str | None:
    if change.kind == "retract":
        return "retracted_late_fact"
    if change.gaps:
        return ", ".join(dict.fromkeys(str(gap["why"]) for gap in change.gaps))
    return "late" if change.late else None


def _sentence(own: Events, change: Change, title: str, first: int | None, last: int | None) -> str:
    """What a person reads: what was found, of whom, how much, in how long."""
    said = (_values(own, "message", (change.anchor,)) or [""])[0]
    deed = said.partition(": ")[2] or said
    group = ", ".join(f"{name} {value}" for name, value in change.group.items())
    level = change.rule.level or "informational"
    if change.kind == "retract":
        return f"{title}: taken back, a late fact says otherwise ({group or 'everybody'})."
    if change.kind == "evaluable":
        return f"{title}: it can be judged now ({group or 'everybody'})."
    if change.kind == NOT_EVALUABLE:
        why = "; ".join(_gap(gap) for gap in change.gaps) or "its window was not seen"
        return f"{title} ({group or 'everybody'}): {why}. {deed}"
    span = (last or 0) - (first or 0)
    events = len(change.evidence)
    many = f"{events} event{'s' if events != 1 else ''}" + (f" in {span / 1000:g} s" if span else "")
    blind = ", although not all was seen" if change.unseen else ""
    return f"{title} ({level}): {group or 'everybody'}, {many}{blind}; at last {deed}"


def _gap(gap: Mapping[str, Any]) -> str:
    about = " ".join(str(gap[name]) for name in ("source", "of") if gap.get(name))
    return str(gap["why"]).replace("_", " ") + (f" ({about})" if about else "")


def _decided(change: Change) -> dict[str, Any]:
    """The evidence that is the correlation's own: group, number, what was not seen."""
    said: dict[str, Any] = {"group": dict(change.group), "number": change.number}
    if change.gaps:
        said["gaps"] = [dict(gap) for gap in change.gaps]
    return {"name": CORRELATION, "data": orjson.dumps(said).decode()}


def _values(own: Events, name: str, rows: Sequence[int]) -> list[Any]:
    column = own.column(name)
    if column is None:
        return []
    return [value for value in column.take(np.array(rows, np.int64)).to_pylist() if value is not None]


def _lists(own: Events, name: str, rows: Sequence[int]) -> list[Any]:
    return [entry for some in _values(own, name, rows) for entry in some]


def _distinct(found: list[Any]) -> list[Any]:
    kept: dict[str, Any] = {}
    for one in found:
        kept.setdefault(orjson.dumps(one, default=str, option=orjson.OPT_SORT_KEYS).decode(), one)
    return list(kept.values())[:MOST_OBSERVABLES]
