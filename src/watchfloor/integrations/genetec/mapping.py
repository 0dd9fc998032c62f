"""Security Center's reports as the Security Desk exports them to CSV: activities, units, alarms, credentials.

Column names are those of the report pane and event texts those of the event types in Genetec's guides (5.9 to 5.12).
`Access granted` is a decision, `Entry detected` a passage, `No entry detected` a grant that nobody used. `Entry
assumed` is written where no entry sensor is fitted: it says no more than the grant (domain reference 2.1).
"""

from __future__ import annotations

import re
from typing import TypeVar

import pyarrow as pa

from watchfloor.collect.convert import integer, ip, local, matching, real, times
from watchfloor.collect.mapping import Mapped, Record, event, maps
from watchfloor.ocsf.column import Column

Found = TypeVar("Found")

ACCESS = (  # first match wins: the more special ones stand first
    (r"^duress", 8),
    (r"antipassback violation$", 9),
    (r"^no entry detected|^no exit detected", 4),
    (r"^entry detected|^exit detected", 3),
    (r"^access granted|^entry assumed", 1),
    (r"^access denied|^access refused|unknown credential", 2),
    (r"^door forced open", 5),
    (r"^door open(ed)? (for )?too long|^door held open", 6),
    (r"request to exit", 7),
    (r"tailgat|^piggyback", 10),
    (r"(un)?locked|unlock schedule|maintenance mode|^double-badge|^door maintenance", 11),
    (r"tamper", 12),
    (r"^door (opened|closed)|^door warning|^door offline", 99),
)
"""Event texts at a door, an area or an elevator -> activity_id of physical_access_activity."""

UNIT = (
    (r"duress", 3),
    (r"(master|perimeter) armed|\barmed\b", 10),
    (r"disarmed", 9),
    (r"glass break|intrusion.*alarm|alarm activated", 1),
    (r"manual station", 6),
    (r"tamper", 5),
    (r"bypass", 7),
    (r"unit (lost|connected)|(on|off)line|connection (lost|restored|failed)", 8),
    (r"\bac fail|battery|synchroni[sz]ation|firmware|rebooted|input|hardware fault", 7),
)
"""Event texts of a unit -> activity_id of alarm_signal_activity."""

DENIED, FORCED, MODE, OTHER = 2, 5, 11, 99
DENY_REASONS = (
    (r"expired", 3),
    (r"inactive", 2),
    (r"lost|stolen", 1),
    (r"pin", 4),
    (r"schedule|time", 5),
    (r"access rule|privilege|unauthori|clearance|no access", 6),
    (r"unknown|unassigned", 9),
)
"""What follows `Access denied:` -> deny_reason_id; any other is Other."""

MODES = ((r"unlocked|maintenance mode(?! cancel)|unlock schedule (start|activ)", "Unlocked"), (r"locked", "Locked"))
"""Event texts -> mode of the door."""

SEVERITY = {2: 2, 5: 4, 6: 2, 8: 5, 9: 3, 10: 3, 12: 4}
UNIT_SEVERITY = {1: 4, 3: 5, 5: 4, 6: 5, 7: 2, 8: 3}
PASSING = frozenset((1, 2, 3, 4, 7, 8, 9))
"""activity_id of somebody who passes or wants to; what a door says of itself has no direction."""

SIDES = ((r"\b(out|exit)\b", "out"), (r"\b(in|entry|entrance)\b", "in"))
OVER = re.compile(r"connected|restored|online|normal|reverted|succeeded|cancel|deactivated", re.IGNORECASE)
NEW, RESTORE, BYPASS, UNBYPASS = 1, 2, 7, 8

STATES = ((r"^acknowledged", 3), (r"^under investigation", 1), (r"^acknowledge?ment required", 1))
"""State of an alarm -> activity_id of alarm_disposition_activity; `Active` is none: nobody has looked at it."""

STATUS = {"active": ("active", 10), "inactive": ("suspended", 12), "expired": ("ended", 11), "lost": ("lost", 11),
          "stolen": ("lost", 11)}  # fmt: skip
"""Status of a credential -> the same in our words, activity_id of entity_management."""

CARD, PLATE, PIN = 1, 5, 3
CODE = r"^\s*(\d+)\s*[/:-]\s*(\d+)\s*$"
"""Facility code and card number; codes of other formats are taken whole."""

PERSONAL = (
    "Cardholder", "First name", "Last name", "Picture", "Email address", "Mobile phone number",
    "Supplemental credential",
)  # fmt: skip


def classify(r: Record) -> Column:
    """Reports by their columns, events by their words; one batch may hold rows of several reports."""
    raised = r.read("Triggering event").map(lambda _: "alarm")
    seen = r.read("State").where(raised.present).map(lambda text: "disposition" if _first(STATES, text) else None)
    card = r.read("Credential status").map(lambda _: "credential")
    at_door = r.read("Door").coalesce(r.read("Access point"), r.read("Credential code")).present
    of_unit = r.read("Unit").coalesce(r.read("Intrusion detection unit"), r.read("Intrusion detection area")).present
    text = r.read("Event")
    door = text.map(lambda said: "access" if _first(ACCESS, said) else None).where(at_door | ~of_unit)
    unit = text.map(lambda said: "unit" if _first(UNIT, said) else None)
    return seen.coalesce(raised, card, door, unit, r.constant("other"))


@maps("access")
def access(r: Record) -> Mapped:
    """Who may pass, who passed, and what the door says."""
    text = r.take("Event")
    activity = text.map(lambda said: _first(ACCESS, said), pa.int64())
    denied = text.where(activity.present).zip(activity, lambda said, kind: said if kind == DENIED else None)
    side = r.read("Side", real).coalesce(r.read("Access point", real))
    return event(
        "physical_access_activity",
        {
            **_shared(r, text),
            **_credential(r),
            "activity_id": activity,
            "activity_name": text.zip(activity, lambda said, kind: said if kind == OTHER else None),
            "severity_id": activity.replace(SEVERITY, 1),
            "status_id": activity.replace({1: 1, 3: 1, 2: 2}, 99),
            "portal.name": r.take("Door").coalesce(r.take("Elevator"), r.read("Location"), r.read("Access point")),
            "portal.reader_uid": r.take("Access point", real),
            "portal.type_id": 1,
            "portal.portal_mode": text.zip(activity, _mode),
            "place.name": r.take("Area"),
            "wf.direction": side.zip(activity, _direction),
            "deny_reason": denied,
            "deny_reason_id": denied.map(lambda said: _first(DENY_REASONS, said) or OTHER, pa.int64()),
        },
    )


@maps("unit")
def unit(r: Record) -> Mapped:
    """What a unit says of itself or of its area: while it is lost, nobody sees its doors."""
    text = r.take("Event")
    activity = text.map(lambda said: _first(UNIT, said), pa.int64())
    lifecycle = text.map(_lifecycle, pa.int64())
    return event(
        "alarm_signal_activity",
        {
            **_shared(r, text),
            "activity_id": activity,
            "lifecycle_id": lifecycle,
            "severity_id": activity.zip(
                lifecycle, lambda kind, life: UNIT_SEVERITY.get(kind, 1) if life == NEW else 1, pa.int64()
            ),
            "signal_code.signal": text,
            "signal_code.signal_standard": "Genetec",
            "alarm_point.name": r.take("Device", real),
            "place.name": r.take("Intrusion detection area", real),
            "message": r.take("Description", real),
        },
    )


@maps("alarm")
def alarm(r: Record) -> Mapped:
    """An alarm that nobody has looked at yet."""
    text = r.take("Triggering event")
    activity = text.map(lambda said: _first(UNIT, said), pa.int64()).coalesce(r.constant(OTHER))
    return event(
        "alarm_signal_activity",
        {
            **_raised(r, text),
            "portal.name": _source(r, "Door"),
            "activity_id": activity,
            "activity_name": text.zip(activity, lambda said, kind: said if kind == OTHER else None),
            "lifecycle_id": NEW,
            "severity_id": _priority(r),
        },
    )


@maps("disposition")
def disposition(r: Record) -> Mapped:
    """What somebody made of an alarm; a report has one row of each alarm, with its last state."""
    text, state = r.take("Triggering event"), r.take("State")
    raised, since = _raised(r, text), _since(r)
    moment = _moment(r, "Acknowledged on").coalesce(_moment(r, "Investigated on"))
    return event(
        "alarm_disposition_activity",
        {
            **raised,
            "time": moment.coalesce(since),
            "start_time": since,
            "activity_id": state.map(lambda said: _first(STATES, said), pa.int64()),
            "severity_id": 1,
            "status": state,
            "status_id": OTHER,
            "alarm_disposition.alarm_cause_id": 0,
            "alarm_disposition.comment": r.take("Context", real),
        },
    )


@maps("credential")
def credential(r: Record) -> Mapped:
    """A credential as it stood when the report was made: the export has no time of its own."""
    r.ignore(*PERSONAL)
    status = r.read("Credential status").map(str.lower)
    return event(
        "entity_management",
        {
            **_credential(r),
            "metadata.event_code": "Credential configuration",
            "activity_id": status.map(lambda said: STATUS.get(said, ("", OTHER))[1], pa.int64()),
            "severity_id": 1,
            "entity.type": "Credential",
            "entity.type_id": OTHER,
            "entity.name": "Credential",
            "credential.status": status.map(lambda said: STATUS.get(said, (said, 0))[0]),
            "credential.expiration_time": _moment(r, "Credential expiration date"),
            "start_time": _moment(r, "Credential activation date"),
        },
    )


@maps("other")
def other(r: Record) -> Mapped:
    """An event text no table knows."""
    text = r.take("Event")
    return event("base_event", {**_shared(r, text), "activity_id": OTHER, "severity_id": 1})


def _shared(r: Record, text: Column) -> dict[str, Column | str | int]:
    r.ignore(*PERSONAL)
    return {
        "time": _moment(r, "Event timestamp"),
        "metadata.original_time": r.read("Event timestamp"),
        "metadata.event_code": text,
        "device.name": r.take("Unit", real).coalesce(r.take("Intrusion detection unit", real)),
        "device.ip": r.take("IP address", ip),
    }


def _raised(r: Record, text: Column) -> dict[str, Column | str]:
    return {
        "time": _since(r),
        "metadata.original_time": r.read("Source time").coalesce(r.read("Triggering time"), r.read("Trigger time")),
        "metadata.event_code": text,
        "metadata.correlation_uid": r.take("ID", real),
        "actor.user.name": r.take("Acknowledged by", real).coalesce(r.take("Investigated by", real)),
        "signal_code.signal": text,
        "signal_code.desc": r.take("Alarm"),
        "signal_code.signal_standard": "Genetec",
        "alarm_point.name": r.take("Source"),
        "place.name": _source(r, "Area", "Intrusion detection area"),
        "alarm_point.type": r.take("Source entity type", real),
    }


def _source(r: Record, *kinds: str) -> Column:
    """What raised an alarm, where it is of these kinds."""
    return r.read("Source").zip(r.read("Source entity type"), lambda name, kind: name if kind in kinds else None)


def _since(r: Record) -> Column:
    """When an alarm was raised: by its event's own time, in versions that tell it."""
    return _moment(r, "Source time").coalesce(_moment(r, "Triggering time"), _moment(r, "Trigger time"))


def _credential(r: Record) -> dict[str, Column]:
    code, format_ = r.take("Credential code", real), r.take("Card format", real)
    number = matching(CODE, 2)(code)
    return {
        "credential.uid": number.coalesce(code),
        "credential.facility_code": matching(CODE, 1)(code),
        "credential.credential_format": format_,
        "credential.type_id": code.zip(format_, _kind, pa.int64()),
    }


def _kind(code: str | None, format_: str | None) -> int | None:
    if code is None:
        return None
    words = (format_ or "").lower()
    return PLATE if "plate" in words else PIN if words == "pin" else CARD


def _moment(r: Record, name: str) -> Column:
    """A time of a report: ISO 8601, or as the workstation's locale writes it."""
    text, zone, formats = r.take(name, real), r.settings["timezone"], r.settings["time_format"]
    patterns = [formats] if isinstance(formats, str) else formats
    return local(zone)(text).coalesce(times(*patterns, zone=zone)(text))


def _priority(r: Record) -> Column:
    """Genetec's 1 (highest) to 255 -> severity_id."""
    return r.take("Priority", integer).map(lambda level: 4 if level <= 50 else 3 if level <= 150 else 2, pa.int64())


def _direction(side: str | None, activity: int | None) -> str | None:
    return None if side is None or activity not in PASSING else _first(SIDES, side)


def _mode(text: str | None, activity: int | None) -> str | None:
    return None if text is None or activity != MODE else _first(MODES, text)


def _lifecycle(text: str) -> int:
    if re.search(r"bypass", text, re.IGNORECASE):
        return UNBYPASS if OVER.search(text) else BYPASS
    return RESTORE if OVER.search(text) else NEW


def _first(table: tuple[tuple[str, Found], ...], text: str) -> Found | None:
    return next((found for pattern, found in table if re.search(pattern, text, re.IGNORECASE)), None)
