"""Exports of access control systems: one row is one decision or one passage at a door.

Words are mapped to the activities of `physical_access_activity`. Only `Taken` says that somebody passed: an export that
knows only "granted" says no more than that (domain reference 2.1).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import pyarrow as pa

from watchfloor.collect.convert import iso, real, times
from watchfloor.collect.mapping import Mapped, Record, event, maps
from watchfloor.ocsf.column import Column

ACTIVITY = {
    "granted": 1,
    "denied": 2,
    "taken": 3,
    "not taken": 4,
    "forced": 5,
    "held open": 6,
    "request to exit": 7,
    "duress": 8,
    "antipassback violation": 9,
    "tailgate": 10,
    "portal mode changed": 11,
    "tamper": 12,
}

WORDS = (  # first match wins: the more special ones stand first
    (r"duress|hold.?up", "duress"),
    (r"anti.?pass.?back|apb|pass.?back", "antipassback violation"),
    (r"tail.?gat|piggy", "tailgate"),
    (r"tamper", "tamper"),
    (r"forced|break.?in", "forced"),
    (r"held|prop(ped)?|too long|left open", "held open"),
    (r"request.to.exit|\brex\b|exit button|egress", "request to exit"),
    (r"not (used|taken|opened)|no entry|unused", "not taken"),
    (r"denied|refused|reject|invalid|unknown (card|badge|credential)|expired|no access|not authori[sz]ed", "denied"),
    (r"entered|exited|passed|taken|access used|entry (made|complete)|door opened after", "taken"),
    (r"granted|valid|allowed|admitted|access ok|authori[sz]ed", "granted"),
    (r"unlocked|locked|lock.?down|mode|schedule", "portal mode changed"),
)
"""What exports write, and what it means."""

DENY_REASONS = (
    (r"expired", 3),
    (r"unknown|invalid (card|badge|credential)", 9),
    (r"time|schedule", 5),
    (r"pin", 4),
    (r"authori[sz]ed|no access|access level", 6),
)
"""What a refusal says -> deny_reason_id; any other is Other."""

DENIED, OTHER = 2, 99
SEVERITY = {2: 2, 5: 4, 6: 2, 8: 5, 9: 3, 10: 3, 12: 4}
RESTORED = re.compile(r"restored|cleared|closed again|back to normal", re.IGNORECASE)
RESTORE = 2
"""lifecycle_id of what is over: a door that was forced or held and is closed again."""

DIRECTION = {"in": "in", "entry": "in", "enter": "in", "entering": "in", "out": "out", "exit": "out", "leaving": "out"}


def classify(r: Record) -> Column:
    """A row whose event word means nothing to us stays whole under `unmapped`."""
    activities = _activity(r, r.named("event", real, take=False))
    return activities.map(lambda _: "access").coalesce(Column.constant("other", len(r)))


@maps("access")
def access(r: Record) -> Mapped:
    """A decision or a passage."""
    word = r.named("event", real, take=False)
    activity = _activity(r, word)
    badge = r.named("badge")
    denied = word.where(activity.present).zip(activity, lambda text, code: text if code == DENIED else None)
    over = word.map(lambda text: RESTORE if RESTORED.search(text) else None, pa.int64())
    return event(
        "physical_access_activity",
        {
            "time": _time(r),
            "metadata.original_time": r.named("time", take=False),
            "metadata.event_code": word,
            "activity_id": activity,
            "lifecycle_id": over,
            "severity_id": over.map(lambda _: 1, pa.int64()).coalesce(activity.replace(SEVERITY, 1)),
            "status_id": activity.replace({1: 1, 3: 1, 2: 2}, 99),
            "portal.name": r.named("door"),
            "portal.reader_uid": r.named("reader"),
            "portal.type_id": 1,
            "credential.uid": badge,
            "credential.type_id": badge.map(lambda _: 1, pa.int64()),
            "user.name": r.named("person"),
            "place.site": r.named("site"),
            "place.level": r.named("level"),
            "place.room": r.named("room"),
            "wf.direction": r.named("direction", real, take=False).map(lambda text: DIRECTION.get(text.lower())),
            "deny_reason": denied,
            "deny_reason_id": denied.map(_reason, pa.int64()),
        },
    )


@maps("other")
def other(r: Record) -> Mapped:
    """What happened is said in words nobody taught us: see the setting `words`."""
    return event(
        "base_event",
        {
            "time": _time(r),
            "metadata.original_time": r.named("time", take=False),
            "activity_id": 99,
            "severity_id": 1,
        },
    )


def _activity(r: Record, word: Column) -> Column:
    own: Mapping[str, str] = {key.lower(): value.lower() for key, value in r.settings["words"].items()}

    def meaning(text: str) -> int | None:
        known = own.get(text.lower())
        if known is None:
            known = next((name for pattern, name in WORDS if re.search(pattern, text, re.IGNORECASE)), None)
        return ACTIVITY.get(known or "")

    return word.map(meaning, pa.int64())


def _reason(text: str) -> int:
    return next((number for pattern, number in DENY_REASONS if re.search(pattern, text, re.IGNORECASE)), OTHER)


def _time(r: Record) -> Column:
    text = r.named("time", take=False)
    offset = int(r.settings["utc_offset_minutes"]) * 60_000
    pattern = r.settings["time_format"]
    moment = times(pattern)(text) if pattern else iso(text)
    return moment.map(lambda ms: ms - offset, pa.int64()) if offset else moment
