"""Alarm panels over SIA DC-09: SIA DC-03 codes and Contact ID (DC-05) events to doors and alarm signals.

Codes are those of the domain reference (2.3, 2.6) and of ANSI/SIA DC-03: the first letter says what it is about, the
second what became of it. A test or a supervision message is no alarm, and nobody knows what an encrypted frame says.
"""

from __future__ import annotations

from collections.abc import Mapping

import orjson
import pyarrow as pa

from watchfloor.collect.convert import iso
from watchfloor.collect.mapping import Mapped, Record, event, maps
from watchfloor.ocsf.column import Column

DOORS: Mapping[str, int] = {
    "DG": 1, "DD": 2, "DK": 2, "DP": 2, "DQ": 2, "DV": 2, "DW": 2, "DF": 5, "DL": 6, "DN": 6, "DX": 7, "DC": 11,
    "DO": 11, "DY": 11,
}  # fmt: skip
"""DC-03 code -> activity_id of physical_access_activity."""

DOOR_EVENTS: Mapping[str, int] = {
    "422": 1, "124": 8, "125": 8, "421": 2, "461": 2, "424": 2, "423": 5, "426": 6, "425": 7, "429": 11, "430": 11,
    "431": 11,
}  # fmt: skip
"""Contact ID event -> activity_id of physical_access_activity."""

SUBJECTS: Mapping[str, int] = {
    "B": 1, "H": 3, "P": 4, "M": 4, "Q": 4, "T": 5, "F": 6, "G": 6, "K": 6, "W": 6, "Z": 6, "A": 7, "Y": 7, "R": 7,
    "X": 7, "U": 7, "E": 7, "J": 7, "L": 7, "N": 7, "I": 7, "S": 7, "V": 11, "O": 9, "C": 10,
}  # fmt: skip
"""First letter of a DC-03 code -> activity_id of alarm_signal_activity."""

COMMUNICATION = frozenset(("YC", "YK", "YS", "YG", "LT", "LR", "NC", "NF", "NL", "NR", "NS", "NT", "RP", "RX"))
"""DC-03 codes about the line between panel and receiver."""

WHAT_BECAME: Mapping[str, int] = {"A": 1, "R": 2, "H": 2, "C": 4, "T": 5, "J": 6, "B": 7, "U": 8, "X": 9, "E": 9}
"""Second letter of a DC-03 code -> lifecycle_id."""

TESTS = frozenset(("RP", "RX", "TX", "BX", "FX", "GX", "HX", "KX", "PX", "QX", "SX", "WX", "ZX", "TS", "TE"))

EVENTS: tuple[tuple[int, int, int], ...] = (
    (100, 102, 4), (110, 118, 6), (120, 120, 4), (121, 122, 3), (123, 123, 4), (126, 129, 3), (130, 136, 1),
    (137, 137, 5), (138, 143, 1), (144, 145, 5), (146, 149, 1), (150, 169, 6), (200, 339, 7), (340, 349, 7),
    (350, 359, 8), (360, 382, 7), (383, 383, 5), (384, 399, 7), (580, 699, 7),
)  # fmt: skip
"""Contact ID events, first and last -> activity_id of alarm_signal_activity (SIA DC-05, groups)."""

NOT_DONE = frozenset(("CI", "CT", "OI", "OT", "CE"))
"""DC-03 codes of the letters of opening and closing that say it did not happen, or not in time."""

SUPERVISED = frozenset(("FS", "GS", "KS", "WS", "ZS"))
"""DC-03 codes that supervise an environmental point: no alarm of it."""

OPEN_CLOSE = range(400, 412)
OPENING, CLOSING = 9, 10
BYPASS, UNBYPASS, TEST = 7, 8, 9
NEW, RESTORE, STILL = 1, 2, 3
QUALIFIER: Mapping[str, int] = {"1": NEW, "3": RESTORE, "6": STILL}
SEVERE: Mapping[int, int] = {1: 4, 2: 4, 3: 5, 4: 5, 5: 4, 6: 5, 11: 3}
"""activity_id -> severity_id of a new signal; restorals, tests and all else are informational."""

DOOR_SEVERITY: Mapping[int, int] = {2: 2, 5: 4, 6: 2, 8: 5}
STANDARDS: Mapping[str, str] = {"SIA-DCS": "SIA DC-03", "ADM-CID": "Contact ID"}


def classify(r: Record) -> Column:
    """Doors apart from alarms."""
    door = r.read("code").map(lambda code: "door" if code in DOORS else None)
    other = r.read("event").map(lambda number: "door" if number in DOOR_EVENTS else None)
    return door.coalesce(other, Column.constant("alarm", len(r)))


@maps("door")
def door(r: Record) -> Mapped:
    """What a panel says of a door. It reports no passages: granted is a decision."""
    code, number = r.read("code"), r.read("event")
    activity = code.replace(DOORS).coalesce(number.replace(DOOR_EVENTS))
    lifecycle = r.read("qualifier").text().replace(QUALIFIER)
    return event(
        "physical_access_activity",
        {
            **_shared(r),
            "activity_id": activity,
            "lifecycle_id": lifecycle,
            "severity_id": lifecycle.map(lambda stage: 1 if stage == RESTORE else None, pa.int64()).coalesce(
                activity.replace(DOOR_SEVERITY, 1)
            ),
            "portal.uid": _point(r),
            "portal.type_id": 1,
        },
    )


@maps("alarm")
def alarm(r: Record) -> Mapped:
    """An alarm signal, as the panel codes it."""
    said = (
        r.read("code")
        .map(_from_sia)
        .coalesce(
            r.read("event").zip(r.read("qualifier").text(), _from_contact),
            r.read("id").map(_without_code),
        )
    )

    def part(name: str) -> Column:
        return said.map(lambda text: orjson.loads(text)[name], pa.int64())

    activity, lifecycle = part("activity"), part("lifecycle")
    return event(
        "alarm_signal_activity",
        {
            **_shared(r),
            "activity_id": activity,
            "lifecycle_id": lifecycle,
            "severity_id": activity.zip(
                lifecycle, lambda kind, life: SEVERE.get(kind, 1) if life == NEW else 1, pa.int64()
            ),
            "alarm_point.uid": _point(r),
            "alarm_point.point_number": r.read("zone"),
            "alarm_point.partition": r.take("partition"),
            "alarm_point.panel_account": r.read("account"),
        },
    )


def _shared(r: Record) -> dict[str, Column | str]:
    account = r.read("account")
    return {
        "time": r.read("extended.occurred")
        .map(_occurred)
        .apply(lambda texts: iso(Column.from_arrow(texts)).plain())
        .coalesce(r.take("sent", iso)),
        "metadata.original_time": r.read("sent"),
        "metadata.event_code": r.read("code").coalesce(r.read("event")),
        "metadata.sequence": r.take("sequence").integer(),
        "signal_code.signal": r.read("code").coalesce(r.read("event"), r.read("id")),
        "signal_code.qualifier": r.read("qualifier").text(),
        "signal_code.signal_standard": r.read("id").map(lambda kind: STANDARDS.get(kind, kind)),
        "device.name": account,
        "user.uid": r.take("user"),
        "message": r.take("message"),
    }


def _point(r: Record) -> Column:
    """`account/zone`: zones of two panels share their numbers."""
    return r.read("account").zip(r.take("zone"), lambda panel, zone: f"{panel}/{zone}")


def _without_code(kind: str) -> str:
    """A supervision of the line, or something nobody can read."""
    return _told(8, TEST) if kind == "NULL" else _told(0, 0)


def _from_sia(code: str) -> str:
    if not code:
        return _told(0, 0)
    if code in TESTS:
        return _told(8 if code in COMMUNICATION else 7, TEST)
    if code in COMMUNICATION:
        return _told(8, RESTORE if code in ("YK", "LR", "NR") else NEW)
    if code in NOT_DONE or code in SUPERVISED:
        return _told(7, NEW)
    subject = SUBJECTS.get(code[0], 7)
    if subject in (OPENING, CLOSING):
        return _told(subject, NEW)
    return _told(subject, WHAT_BECAME.get(code[1:2], NEW))


def _from_contact(number: str | None, qualifier: str | None) -> str | None:
    if number is None or qualifier is None or not number.isdecimal():
        return None
    said, event_number = QUALIFIER.get(qualifier, NEW), int(number)
    if event_number in OPEN_CLOSE:
        return _told(OPENING if said == NEW else CLOSING, NEW)
    if 570 <= event_number <= 579:
        return _told(7, BYPASS if said == NEW else UNBYPASS)
    if event_number in (601, 602):
        return _told(8, TEST)
    activity = next((kind for first, last, kind in EVENTS if first <= event_number <= last), 7)
    return _told(activity, said)


def _told(activity: int, lifecycle: int) -> str:
    return orjson.dumps({"activity": activity, "lifecycle": lifecycle}).decode()


def _occurred(text: str) -> str | None:
    """`HH:MM:SS,MM-DD-YYYY` as ISO 8601; the panel's own time of occurrence (extended data H)."""
    clock, comma, day = text.strip("_ ").partition(",")
    parts = day.split("-")
    return f"{parts[2]}-{parts[0]}-{parts[1]}T{clock}Z" if comma and len(parts) == 3 else None
