"""Coverage findings: what a rule could not judge, because nobody could see. Detection Findings (OCSF 2004), no alerts.

They have no event, as it is the event that may be missing: source, place, stretch and reason stand in the evidence and
in the sentence. Created when the stretch is known, updated when it ends, resolved when its records come after all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
import pyarrow as pa

from watchfloor import __version__
from watchfloor.ocsf import schema
from watchfloor.ocsf.column import Column
from watchfloor.ocsf.correlated import CORRELATION, NOT_EVALUABLE
from watchfloor.ocsf.derive import derive
from watchfloor.ocsf.events import Events
from watchfloor.ocsf.finding import SEVERITY, RuleFacts, tags_of
from watchfloor.ocsf.uid import finding_uid

__all__ = ["Uncovered", "uncovered"]

CREATED, UPDATED = 1, 2  # activity_id
NEW, RESOLVED = 1, 4  # status_id


@dataclass(frozen=True, slots=True)
class Uncovered:
    """What became of a stretch in which a rule could not judge.

    Args:
        rule: which.
        gap: `why`, `source`, `of`, `since`, `until` (milliseconds).
        said: why, as a person says it.
        first: since when it was blind as it was told first, milliseconds: one question keeps its uid.
        lasts: it is not over yet.
        again: it was told before.
        over: its records came after all.
        told: when it was decided, milliseconds.
    """

    rule: RuleFacts
    gap: Mapping[str, Any]
    said: str
    first: int
    lasts: bool
    again: bool
    over: bool
    told: int

    @property
    def uid(self) -> str:
        """Of the finding: of the rule, what was blind, and since when."""
        return finding_uid(self.rule.uid, f"{self.gap['source']}\0{self.gap['of']}\0{self.first}")


def uncovered(stretches: Sequence[Uncovered]) -> Events:
    """Findings of stretches."""
    rows = [_row(one) for one in stretches]
    known = schema.attribute
    columns: dict[str, Column | Any] = {
        name: Column.from_arrow(pa.array([row[name] for row in rows], known("detection_finding", name).arrow))
        for name in rows[0]
    }
    columns["finding_info.analytic.type"] = "Correlation"
    return Events.build("detection_finding", derive("detection_finding", columns, len(rows)), len(rows))


def _row(one: Uncovered) -> dict[str, Any]:
    gap, uid, rule = one.gap, one.uid, one.rule
    title = f"Cannot be judged: {rule.title}"
    return {
        "metadata.uid": finding_uid(uid, f"{one.over}\0{gap['since']}\0{gap['until']}") if one.again else uid,
        "metadata.product.name": "watchfloor",
        "metadata.product.vendor_name": "watchfloor",
        "metadata.product.version": __version__,
        "finding_info.uid": uid,
        "finding_info.title": title,
        "finding_info.desc": rule.description,
        "finding_info.types": [NOT_EVALUABLE],
        "finding_info.analytic.uid": rule.uid,
        "finding_info.analytic.name": rule.title,
        "finding_info.analytic.type_id": 99,
        "finding_info.tags": tags_of(rule),
        "finding_info.first_seen_time": gap["since"],
        "finding_info.last_seen_time": gap["until"],
        "finding_info.created_time": one.told,
        "evidences": [{"name": CORRELATION, "data": orjson.dumps({"gaps": [dict(gap)]}).decode()}],
        "time": one.told,
        "start_time": gap["since"],
        "end_time": gap["until"],
        "severity_id": SEVERITY["informational"],
        "is_alert": False,
        "activity_id": UPDATED if one.again else CREATED,
        "status_id": RESOLVED if one.over else NEW,
        "status_detail": gap["why"],
        "message": _sentence(one, title),
    }


def _sentence(one: Uncovered, title: str) -> str:
    since, until = (
        f"{datetime.fromtimestamp(one.gap[name] / 1000, UTC):%Y-%m-%d %H:%M:%S}" for name in ("since", "until")
    )
    if one.over:
        return f"{title}: what was missing since {since} UTC has come after all."
    return f"{title}: {one.said}, from {since} {'on, and still is' if one.lasts else f'to {until}'} (UTC)."
