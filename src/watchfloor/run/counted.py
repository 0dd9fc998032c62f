"""Why a correlation found something: what it counted, in which window, and what would have made it no finding.

Said out of the finding itself and of the rule as it stands now; nothing is counted again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from watchfloor.detect.correlation_condition import negated
from watchfloor.detect.correlation_sentence import condition, what
from watchfloor.detect.rule import Correlation
from watchfloor.ocsf.correlated import CORRELATION

__all__ = ["Counted", "counted"]


@dataclass(frozen=True, slots=True)
class Counted:
    """What a correlation made of some events.

    Args:
        condition: what it asks for.
        group: whose matches these are: field -> value.
        since, until: the window around the judged event.
        number: what was counted; None where the condition is in words.
        events: (uid, time, type) of each event, oldest first.
        sources: what told of the judged event.
        gaps: what was not seen.
        otherwise: what would have made it not a finding.
    """

    condition: str
    group: Mapping[str, str]
    since: str
    until: str
    number: float | None
    events: Sequence[tuple[str, str, str]]
    sources: Sequence[str]
    gaps: Sequence[str]
    otherwise: Sequence[str]


def counted(rule: Correlation, row: Mapping[str, Any], sources: Sequence[str] = ()) -> Counted:
    """Explain a finding of a correlation.

    Args:
        row: of the finding: `evidences`, `related` (its related events) and `at`, the time of the judged event, ms.
        sources: what told of the judged event.
    """
    own: Mapping[str, Any] = next((one for one in row["evidences"] or () if one.get("name") == CORRELATION), {})
    said = orjson.loads(own.get("data") or "{}")
    since, until = row["at"] - rule.before, row["at"] + rule.after
    events = sorted(
        (one.get("first_seen_time") or 0, str(one.get("uid")), str(one.get("type_name") or ""))
        for one in row["related"] or ()
    )
    return Counted(
        condition=condition(rule),
        group={str(name): str(value) for name, value in (said.get("group") or {}).items()},
        since=_iso(since),
        until=_iso(until),
        number=None if rule.expression else said.get("number"),
        events=[(uid, _iso(time), kind) for time, uid, kind in events],
        sources=list(sources),
        gaps=[_gap(gap) for gap in said.get("gaps") or ()],
        otherwise=_otherwise(rule, _iso(since), _iso(until)),
    )


def _otherwise(rule: Correlation, since: str, until: str) -> list[str]:
    """Sentences: any of these, and there would be no finding."""
    group = f" of the same {', '.join(rule.group_by)}" if rule.group_by else ""
    between = f"between {since} and {until}"
    if rule.expression:
        _, absent = negated(rule.expression)
        found = [f"a match of {name}{group} {between}" for name in rule.rules if name in absent]
        wanted = [name for name in rule.rules if name not in absent and name != rule.anchor]
        found += [f"no match of {name}{group} {between}, if nothing else of the condition holds" for name in wanted]
        if absent:
            found.append("a source that could have told of it being silent or blind then: it could not be judged")
        return found
    if rule.kind == "temporal_ordered":
        return [f"{', '.join(rule.rules)} in another order, or one of them not {between}"]
    low = [number for operator, number in rule.bounds if operator in ("gt", "gte")]
    found = [f"{what(rule)}{group} below {number:g} {between}" for number in low]
    found += [
        f"{what(rule)}{group} beyond {number:g} {between}"
        for operator, number in rule.bounds
        if operator in ("lt", "lte")
    ]
    return found or [f"another number of {what(rule)}{group} {between}"]


def _gap(gap: Mapping[str, Any]) -> str:
    about = " ".join(str(gap[name]) for name in ("source", "of") if gap.get(name))
    return f"{gap['why']} {about} {_iso(gap['since'])} to {_iso(gap['until'])}".replace("  ", " ")


def _iso(time: int) -> str:
    try:
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=time)).isoformat(timespec="seconds")
    except OverflowError:
        return "always" if time < 0 else "ever"
