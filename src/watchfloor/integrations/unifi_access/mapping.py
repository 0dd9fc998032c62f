"""UniFi Access: webhooks, notifications, system log and NFC cards of its API; events of UniFi Protect's API.

    {"event": "access.door.unlock", "data": {"location", "device", "actor", "object"}}       webhook, no time of its own
    {"event": "access.logs.add", "data": {"@timestamp", "_source": {...}}}                   notification
    {"@timestamp", "_source": {"actor", "authentication", "event", "target"}}                system log, a hit
    {"token", "card_type", "display_id", "status", "user_id"}                                an NFC card
    {"modelKey": "event", "type", "start", "end", "camera"}, {"type": "add", "item": {...}}  UniFi Protect

An unlock is a decision: UniFi reports no passages (domain reference 2.1). Who opens from afar is not at the door. A
card that a doorbell read (Protect) is not even that; the decision about it comes from Access.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import orjson
import pyarrow as pa

from watchfloor.collect.convert import ip, iso, json, real, unix_ms, unix_s
from watchfloor.collect.mapping import Mapped, Record, event, maps
from watchfloor.ocsf.column import Column

UNLOCK = "access.door.unlock"
DOORS: Mapping[str, int] = {
    UNLOCK: 1, "access.data.device.remote_unlock": 11, "access.device.dps_status": 99, "access.dps.status.update": 99,
    "access.unlock_schedule.activate": 11, "access.unlock_schedule.deactivate": 11, "access.temporary_unlock.start": 11,
    "access.temporary_unlock.end": 11, "nfcCardScanned": 99, "fingerprintIdentified": 99, "faceIdentified": 99,
}  # fmt: skip
"""Event -> activity_id of physical_access_activity; what is read but not decided, and open and closed, is Other."""

MODES: Mapping[str, str] = {
    "access.unlock_schedule.activate": "Unlocked", "access.temporary_unlock.start": "Unlocked",
    "access.unlock_schedule.deactivate": "Locked", "access.temporary_unlock.end": "Locked",
}  # fmt: skip
"""Event -> mode of the door from then on."""

EMERGENCY, ENVIRONMENTAL = "access.device.emergency_status", 6
SIGNALS: Mapping[str, int] = {
    EMERGENCY: 6, "disconnect": 8, "connect": 8, "motion": 11, "smartDetectZone": 11, "smartDetectLine": 11,
    "smartDetectLoiterZone": 11, "smartAudioDetect": 11, "sensorAlarm": 6, "sensorWaterLeak": 6,
    "sensorExtremeValues": 6, "sensorBatteryLow": 7, "sensorMotion": 99, "sensorOpened": 99, "sensorClosed": 99,
    "lightMotion": 99, "tamper": 5, "sensorTamper": 5, "cameraTamper": 5,
}  # fmt: skip
"""Event -> activity_id of alarm_signal_activity."""

OVER = frozenset(("connect", "sensorClosed", "none", "normal"))
"""Events and states in which a signal is over."""

RECOGNISED: tuple[tuple[str, int], ...] = (
    ("NFC", 1), ("PIN", 2), ("FINGER", 3), ("FACE", 4), ("PLATE", 9), ("REX", 10), ("TOUCH", 11), ("MOBILE", 11),
)  # fmt: skip
"""Part of the way of authenticating -> recognition_type_id."""

CARDS: Mapping[str, tuple[str, int]] = {
    "assigned": ("active", 10), "pending": ("suspended", 11), "disable": ("suspended", 9), "loss": ("lost", 9),
    "deleted": ("ended", 4),
}  # fmt: skip
"""Status of an NFC card -> the same in our words, activity_id of entity_management."""

DENY_REASONS = (
    (r"expired", 3), (r"pin", 4), (r"schedule|time", 5), (r"polic|permission|unauthori", 6), (r"invalid|unknown", 9),
)  # fmt: skip
"""What a refusal says -> deny_reason_id; any other is Other."""

FROM_AFAR = ("REMOTE", "CALL", "API")
"""Parts of the way of authenticating of somebody who is not at the door: it is opened for others."""

GRANTED, DENIED, REX, MODE, OTHER = 1, 2, 7, 11, 99
SUCCESS = frozenset(("access", "success", "access granted", "granted"))
SEVERITY: Mapping[int, int] = {5: 4, 6: 5, 8: 3, 11: 1}
NEW, RESTORE, STILL = 1, 2, 3
CARD = 1

PRIVATE = tuple(
    f"{before}_source.actor.{name}"
    for before in ("", "data.")
    for name in ("display_name", "alternate_name", "avatar", "sso_picture")
)


def classify(r: Record) -> Column:
    """By the event's name; a card has none."""
    card = r.read("card_type").zip(r.read("display_id"), lambda *both: "credential" if all(both) else None)
    kind = _kind(r)
    door = kind.map(lambda name: "door" if name in DOORS else None)
    signal = kind.map(lambda name: "signal" if name in SIGNALS else None)
    return card.coalesce(door, signal, r.constant("other"))


@maps("door")
def door(r: Record) -> Mapped:
    """What happened at a door."""
    kind, said = _kind(r), _result(r)
    how = _either(r, "authentication.credential_provider").coalesce(r.take("data.object.authentication_type", real))
    how = how.coalesce(kind.keep(lambda name: name not in MODES and not name.startswith("access.")))
    activity = _together(_together(kind, said), how).map(_activity, pa.int64())
    denied = _either(r, "event.display_message").coalesce(said).where(activity.codes >= 0)
    denied = denied.zip(activity, lambda text, number: text if number == DENIED else None)
    card = how.zip(_either(r, "authentication.issuer"), lambda way, value: value if way and "NFC" in way else None)
    card = card.coalesce(_protect(r, "metadata.nfc.nfcId"))
    camera = _protect(r, "camera").coalesce(_protect(r, "device"))
    portal = _target(r, "door", "id").coalesce(
        r.take("data.location.id"), r.take("data.unique_id"), camera, r.take("data.device.id"), _target(r, "UAH", "id")
    )
    return event(
        "physical_access_activity",
        {
            **_shared(r, kind),
            "activity_id": activity,
            "activity_name": kind.zip(activity, lambda name, number: name if number == OTHER else None),
            "severity_id": activity.map(lambda number: 2 if number == DENIED else 1, pa.int64()),
            "status": said,
            "status_id": activity.replace({GRANTED: 1, DENIED: 2}, OTHER),
            "portal.uid": portal.coalesce(kind),
            "portal.name": _target(r, "door", "display_name").coalesce(
                r.take("data.location.name"), r.take("data.name")
            ),
            "portal.reader_uid": r.take("data.object.reader_id", real),
            "portal.type_id": 1,
            "portal.portal_mode": kind.replace(MODES),
            "recognition_type_id": how.map(_recognised, pa.int64()),
            "credential.uid": card,
            "credential.type_id": card.map(lambda _: CARD, pa.int64()),
            "user.uid": _who(r),
            "wf.direction": _target(r, "device_config", "display_name").replace({"entry": "in", "exit": "out"}),
            "place.level": _target(r, "floor", "display_name"),
            "place.building": _target(r, "building", "display_name"),
            "deny_reason": denied,
            "deny_reason_id": denied.map(_reason, pa.int64()),
        },
    )


@maps("signal")
def signal(r: Record) -> Mapped:
    """What a device or a camera says."""
    kind, state = _kind(r), r.take("data.object.status", real)
    activity = kind.zip(state, _signal, pa.int64())
    ended = _protect(r, "end").text()
    stage = _together(_together(kind, state), r.read("type").where(r.read("item.id").present))
    lifecycle = stage.zip(ended, _lifecycle, pa.int64())
    return event(
        "alarm_signal_activity",
        {
            **_shared(r, kind),
            "activity_id": activity,
            "activity_name": kind.zip(activity, lambda name, number: name if number == OTHER else None),
            "lifecycle_id": lifecycle,
            "severity_id": activity.zip(
                lifecycle, lambda number, life: SEVERITY.get(number, 1) if life == NEW else 1, pa.int64()
            ),
            "status": state,
            "status_id": OTHER,
            "signal_code.signal": kind,
            "signal_code.signal_standard": "UniFi",
            "alarm_point.uid": _protect(r, "metadata.sensorId.text").coalesce(_protect(r, "metadata.lightId.text")),
            "alarm_point.name": _protect(r, "metadata.sensorName.text").coalesce(
                _protect(r, "metadata.lightName.text")
            ),
            "confidence_pct": _protect(r, "score").integer().keep(bool),
            "message": _protect(r, "smartDetectTypes[]").keep(lambda text: text != "[]"),
        },
    )


@maps("credential")
def credential(r: Record) -> Mapped:
    """An NFC card as it stood when the list was fetched: the list has no time of its own."""
    r.ignore("alias", "note", "user.first_name", "user.last_name", "user.name")
    status = r.read("status").map(str.lower)
    return event(
        "entity_management",
        {
            "metadata.event_code": "nfc_card",
            "activity_id": status.map(lambda word: CARDS.get(word, ("", OTHER))[1], pa.int64()),
            "severity_id": 1,
            "entity.type": "Credential",
            "entity.type_id": OTHER,
            "entity.name": "Credential",
            "credential.credential_format": r.take("card_type"),
            "credential.uid": r.take("display_id"),
            "credential.type_id": CARD,
            "credential.status": status.map(lambda word: CARDS.get(word, (word, 0))[0]),
            "credential.user.uid": r.take("user_id", real),
            "credential.holder_type": r.take("user_type", real),
        },
    )


@maps("other")
def other(r: Record) -> Mapped:
    """A doorbell, a visitor, a policy: kept, and not understood further."""
    kind = _kind(r)
    return event("base_event", {**_shared(r, kind), "activity_id": OTHER, "severity_id": 1})


def _kind(r: Record) -> Column:
    """What happened: of a log entry what it logs, of Protect its type."""
    logged = r.read("data._source.event.type").coalesce(r.read("_source.event.type"))
    outside = r.read("type").where(r.read("modelKey").present)
    return logged.coalesce(r.read("event"), r.read("item.type"), outside)


def _result(r: Record) -> Column:
    return _either(r, "event.result").coalesce(r.take("data.object.result", real), r.take("data.object.status", real))


def _shared(r: Record, kind: Column) -> dict[str, Column]:
    r.ignore(*PRIVATE, "data.actor.name", "data.object.authentication_value", "data.token")
    stamp = r.read("data.@timestamp").coalesce(r.read("@timestamp"))
    start, end = _protect(r, "start"), _protect(r, "end")
    later = r.read("type").keep(lambda word: word == "update").present & r.read("item.id").present
    return {
        "time": unix_ms(end.where(later)).coalesce(
            unix_ms(start), unix_ms(end), unix_ms(_either(r, "event.published")), iso(stamp),
            unix_s(r.read("data.create_time")),
        ),
        "start_time": unix_ms(start),
        "end_time": unix_ms(end),
        "metadata.original_time": stamp.coalesce(start.text()),
        "metadata.event_code": kind,
        "metadata.correlation_uid": r.take("data._id").coalesce(r.take("_id"), r.take("item.id"), r.take("id")),
        "device.name": r.take("data.device.alias", real).coalesce(
            r.take("data.device.name", real), r.take("data.device_name", real), _target(r, "UAH", "display_name")
        ),
        "device.uid": r.take("data.device.id").coalesce(
            _target(r, "UAH", "id"), _protect(r, "camera"), _protect(r, "device")
        ),
        "device.ip": r.take("data.device.ip", ip),
        "device.mac": r.take("data.device.mac", real),
        "message": _either(r, "event.display_message"),
    }  # fmt: skip


def _either(r: Record, name: str) -> Column:
    """A field of a log entry, which a notification wraps in `data`."""
    return r.take(f"data._source.{name}").text().coalesce(r.take(f"_source.{name}").text()).without("", "N/A")


def _protect(r: Record, name: str) -> Column:
    """A field of a Protect event, which the public API wraps in `item`."""
    return r.take(f"item.{name}").text().coalesce(r.take(name).text())


def _who(r: Record) -> Column:
    kind = _either(r, "actor.type").coalesce(r.take("data.actor.type"))
    actor = _either(r, "actor.id").coalesce(r.take("data.actor.id", real))
    read = (_protect(r, f"metadata.{way}.ulpId") for way in ("nfc", "fingerprint", "face"))
    return actor.zip(kind, lambda uid, what: uid if what in (None, "user") else None).coalesce(*read)


def _target(r: Record, kind: str, part: str) -> Column:
    """A part of the first target of a log entry that is of this kind."""

    def found(targets: list[Mapping[str, str]]) -> str | None:
        return next((str(one[part]) for one in targets if one.get("type") == kind and one.get(part)), None)

    return json(found, pa.string())(r.read("data._source.target[]").coalesce(r.read("_source.target[]")))


def _together(one: Column, other: Column) -> Column:
    """Both as one value, the second empty where it is missing."""
    return one.zip(other, lambda a, b: orjson.dumps([a, b]).decode())


def _activity(both: str) -> int | None:
    first, way = orjson.loads(both)
    kind, result = orjson.loads(first)
    activity = DOORS.get(kind)
    if activity != GRANTED:
        return activity
    if way is not None and "REX" in way.upper():
        return REX
    if way is not None and any(part in way.upper() for part in FROM_AFAR):
        return MODE
    return GRANTED if result is None or result.lower() in SUCCESS else DENIED


def _reason(text: str) -> int:
    return next((number for words, number in DENY_REASONS if re.search(words, text, re.IGNORECASE)), OTHER)


def _recognised(way: str) -> int:
    return next((kind for part, kind in RECOGNISED if part in way.upper()), OTHER)


def _signal(kind: str | None, state: str | None) -> int | None:
    """An emergency mode is environmental only where people are to leave; nobody leaves in a lockdown."""
    if kind == EMERGENCY:
        return ENVIRONMENTAL if state == "evacuation" else OTHER
    return SIGNALS.get(kind or "")


def _lifecycle(stage: str | None, ended: str | None) -> int:
    first, change = orjson.loads(stage or "[null,null]")
    kind, state = orjson.loads(first or "[null,null]")
    if kind in OVER or (state or "").lower() in OVER:
        return RESTORE
    if change == "update":
        return RESTORE if ended else STILL
    return NEW
