"""OnGuard's event transactions as its reports export them, and its badges as OpenAccess or a table lists them.

Event texts are those of OnGuard's alarm and event monitor. `Entry Made` is a passage, `Entry Not Made` is a grant that
nobody used, and a grant without either is a decision only (domain reference 2.1).
"""

from __future__ import annotations

import re

import pyarrow as pa

from watchfloor.collect.convert import integer, iso
from watchfloor.collect.mapping import Mapped, Record, event, maps
from watchfloor.ocsf.column import Column

ACCESS = (  # first match wins: the more special ones stand first
    (r"duress", 8),
    (r"anti.?passback|\bapb\b", 9),
    (r"entry not made|not used", 4),
    (r"entry made|exit made", 3),
    (r"granted", 1),
    (r"denied|invalid|not in panel|unknown badge|inactive badge|expired badge|lost badge", 2),
    (r"forced open|door forced", 5),
    (r"held open|door held", 6),
    (r"request to exit|\brex\b|free egress", 7),
    (r"tailgat", 10),
    (r"reader (mode|unlocked|locked)|mode change|unlock(ed)?\b|lock(ed)?\b|cipher|first card", 11),
    (r"tamper", 12),
)
"""What OnGuard writes -> activity_id of physical_access_activity."""

PANEL = (
    (r"communications? (lost|restored|trouble)|(off|on).?line|host offline", 8),
    (r"(power|battery|ac) (fail|fault|low|restored)|cabinet|panel", 7),
)
"""Texts about a panel -> activity_id of alarm_signal_activity."""

DENIED, MODE_CHANGED = 2, 11
DENY_REASONS = (
    (r"expired|deactivat|inactive", 3),
    (r"no(t in)? (access )?(level|rights)|invalid access level|unauthori", 6),
    (r"time|schedule", 5),
    (r"pin", 4),
    (r"lost|stolen|suspend", 1),
    (r"not in panel|unknown|invalid badge|invalid card|facility|issue code", 9),
)
"""Texts of a denial -> deny_reason_id (ONVIF's list, domain reference 2.4); any other is Other."""

SEVERITY = {2: 2, 5: 4, 6: 2, 8: 5, 9: 3, 10: 3, 12: 4}
DIRECTION = {"in": "in", "entry": "in", "out": "out", "exit": "out"}
RESTORED = re.compile(r"restored|cleared|online", re.IGNORECASE)
CARD = 1
RESTORE = 2
"""lifecycle_id of what is over: a door that was forced or held and is closed again."""

DONE = {"active": 10, "suspended": 12, "lost": 11, "ended": 11}
"""How a badge stands -> activity_id of entity_management; with a status nobody explained, it was changed."""

UPDATE, OTHER = 3, 99
LISTED = "property_value_map."


def classify(r: Record) -> Column:
    """Badges by their columns, events by their words."""
    text = r.read("EVENT")
    access = text.map(lambda said: "access" if _first(ACCESS, said) else None)
    panel = text.map(lambda said: "panel" if _first(PANEL, said) else None)
    badge = r.read("BADGEKEY").coalesce(r.read(f"{LISTED}BADGEKEY")).map(lambda _: "badge")
    return access.coalesce(panel, badge, Column.constant("other", len(r)))


@maps("access")
def access(r: Record) -> Mapped:
    """Who may pass, who passed, and what the door says."""
    r.ignore("EVENT_TYPE")
    text = r.take("EVENT")
    activity = text.map(lambda said: _first(ACCESS, said), pa.int64())
    denied = text.map(lambda said: said if _first(ACCESS, said) == DENIED else None)
    over = text.map(lambda said: RESTORE if RESTORED.search(said) else None, pa.int64())
    badge = r.take("BADGE_ID")
    return event(
        "physical_access_activity",
        {
            "time": _time(r),
            "metadata.original_time": r.read("EVENT_TIME_UTC"),
            "metadata.event_code": text,
            "metadata.sequence": r.take("SERIAL", integer),
            "activity_id": activity,
            "lifecycle_id": over,
            "severity_id": over.map(lambda _: 1, pa.int64()).coalesce(activity.replace(SEVERITY, 1)),
            "status_id": activity.replace({1: 1, 3: 1, 2: 2}, 99),
            "portal.name": r.take("READER"),
            "portal.reader_uid": r.take("READER_ID"),
            "portal.type_id": 1,
            "portal.portal_mode": text.map(_mode, pa.string()),
            "credential.uid": badge,
            "credential.type_id": badge.map(lambda _: CARD, pa.int64()),
            "credential.facility_code": r.take("FACILITY_CODE"),
            "wf.direction": r.take("DIRECTION").map(lambda said: DIRECTION.get(said.strip().lower())),
            "deny_reason": denied,
            "deny_reason_id": denied.map(lambda said: _first(DENY_REASONS, said) or 99, pa.int64()),
            "device.name": r.take("PANEL"),
        },
    )


@maps("panel")
def panel(r: Record) -> Mapped:
    """What a panel says of itself: while it is silent, nobody sees its doors."""
    r.ignore("EVENT_TYPE")
    text = r.take("EVENT")
    return event(
        "alarm_signal_activity",
        {
            "time": _time(r),
            "metadata.original_time": r.read("EVENT_TIME_UTC"),
            "metadata.event_code": text,
            "metadata.sequence": r.take("SERIAL", integer),
            "activity_id": text.map(lambda said: _first(PANEL, said), pa.int64()),
            "lifecycle_id": text.map(lambda said: RESTORE if RESTORED.search(said) else 1, pa.int64()),
            "severity_id": text.map(lambda said: 1 if RESTORED.search(said) else 3, pa.int64()),
            "device.name": r.take("PANEL"),
        },
    )


@maps("badge")
def badge(r: Record) -> Mapped:
    """A badge as it stands since its last change; of whom it is, only the number is kept."""
    known = {str(name).lower(): word for name, word in r.settings["statuses"].items()}
    written = _listed(r, "STATUS")
    changed, expires = iso(_listed(r, "LASTCHANGED")), iso(_listed(r, "DEACTIVATE"))
    over = expires.zip(
        changed.coalesce(r.received), lambda end, now: "ended" if end is not None and end <= now else None
    )
    status = over.coalesce(written.map(lambda word: known.get(word.strip().lower(), word)))
    return event(
        "entity_management",
        {
            "time": changed,
            "metadata.original_time": _listed(r, "LASTCHANGED"),
            "metadata.event_code": "Lnl_Badge",
            "activity_id": status.map(lambda word: DONE.get(word, UPDATE), pa.int64()).coalesce(r.constant(UPDATE)),
            "severity_id": 1,
            "start_time": iso(_listed(r, "ACTIVATE")),
            "entity.name": "Credential",
            "entity.type": "Credential",
            "entity.type_id": OTHER,
            "credential.uid": _listed(r, "ID"),
            "credential.type_id": CARD,
            "credential.status": status,
            "credential.expiration_time": expires,
            "credential.user.uid": _listed(r, "PERSONID").coalesce(_listed(r, "EMPID")),
        },
    )


@maps("other")
def other(r: Record) -> Mapped:
    """An event text no table knows."""
    r.ignore("EVENT_TYPE")
    return event(
        "base_event",
        {
            "time": _time(r),
            "metadata.original_time": r.read("EVENT_TIME_UTC"),
            "metadata.event_code": r.take("EVENT"),
            "metadata.sequence": r.take("SERIAL", integer),
            "activity_id": 99,
            "severity_id": 1,
        },
    )


def _listed(r: Record, name: str) -> Column:
    """A property of a badge, which OpenAccess puts into a map."""
    return r.take(LISTED + name).text().coalesce(r.take(name).text()).without("")


def _mode(text: str) -> str | None:
    """The mode that a reader was set to."""
    if _first(ACCESS, text) != MODE_CHANGED:
        return None
    said = text.lower()
    if "unlock" in said:
        return "Unlocked"
    _, _, mode = said.partition("mode")
    return mode.strip().title() or ("Locked" if "lock" in said else None)


def _time(r: Record) -> Column:
    offset = int(r.settings["utc_offset_minutes"]) * 60_000
    moment = r.take("EVENT_TIME_UTC", iso)
    return moment.map(lambda ms: ms - offset, pa.int64()) if offset else moment


def _first(table: tuple[tuple[str, int], ...], text: str) -> int | None:
    return next((number for pattern, number in table if re.search(pattern, text, re.IGNORECASE)), None)
