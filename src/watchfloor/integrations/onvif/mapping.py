"""ONVIF events: as devices send them (XML), or as bridges write them (JSON), with the topic as the device sends it.

Topics are those of the ONVIF core, access control, door control and analytics specifications (domain reference 2.4);
bridges of panels, tags and other sensors use the same shape with topics of their own. The longest beginning that is in
the table counts: a device may send any subtopic. A holder's name (`CredentialHolderName`) is personal data that nobody
needs here: it is dropped.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import pyarrow as pa

from watchfloor.collect.convert import iso
from watchfloor.collect.mapping import Mapped, Record, event, maps
from watchfloor.ocsf.column import Column

ACCESS: Mapping[str, int] = {
    "AccessControl/AccessGranted": 1, "AccessControl/Denied": 2, "AccessControl/AccessTaken": 3,
    "AccessControl/AccessNotTaken": 4, "Door/State/DoorAlarm": 5, "AccessControl/Duress": 8,
    "Credential/State/ApbViolation": 9, "Door/State/DoorMode": 11, "AccessPoint/State": 11, "Door/State/DoorTamper": 12,
}  # fmt: skip
"""Beginning of a topic -> activity_id of physical_access_activity."""

DOOR_ALARM: Mapping[str, int] = {"DoorForcedOpen": 5, "DoorOpenTooLong": 6}
"""State of DoorAlarm -> activity_id."""

SIGNALS: Mapping[str, int] = {
    "Device/HeartBeat": 8, "Device/HardwareFailure": 7, "Device/PowerSupply": 7, "Device/Restart": 7,
    "Device/Trigger": 7, "Device/SecurityPolicy": 5, "VideoSource/SignalLoss": 8, "VideoSource/ImpairedVisibility": 5,
    "VideoSource/GlobalSceneChange": 5, "VideoSource/ImageToo": 5, "VideoSource/MotionAlarm": 11, "RuleEngine": 11,
    "RecordingConfig/Delete": 5, "Configuration": 7, "Communications": 8, "Fire": 6, "Panel/Panic": 4,
    "Panel/Holdup": 3, "Panel/Perimeter": 2, "Panel/Intrusion": 1, "Panel/Opening": 9, "Panel/Closing": 10, "Panel": 7,
    "OSDP": 7, "OSDP/LocalStatus/Tamper": 5,
    "RFID/TagExit": 2, "RFID": 7, "Airspace": 2, "Weather": 7, "Relay": 7, "Wireless": 5, "PrivacyMask": 5,
    "CameraApplicationPlatform": 11, "Device/IO": 7, "Storage": 7, "VideoSource/Tampering": 5,
}  # fmt: skip
"""Beginning of a topic -> activity_id of alarm_signal_activity; any other is Other."""

SEVERITY: Mapping[int, int] = {1: 4, 2: 3, 3: 5, 4: 5, 5: 3, 6: 5, 8: 2}
ACCESS_SEVERITY: Mapping[int, int] = {2: 2, 5: 4, 6: 2, 8: 5, 9: 3, 12: 4}
SIGN_OF_LIFE = "Device/HeartBeat"
DRILL = "Fire/Drill"
OVER = frozenset(
    ("0", "false", "ok", "normal", "restored", "cleared", "idle", "inactive", "notintamper", "established")
)
"""States in which a signal is over."""

STATES = (
    "state", "data.State", "data.state", "data.active", "data.triggered", "data.IsMotion", "data.IsInside",
    "data.LogicalState", "data.alert", "data.Value",
)  # fmt: skip
"""Where a message says how it is: bridges first, then the items that ONVIF and vendors name."""

INPUTS = ("source.InputToken", "source.RelayToken", "source.port", "source.sensor", "source.disk_id")

NEW, RESTORE, STILL, TEST = 1, 2, 3, 9
STANDING = "Initialized"
"""PropertyOperation of what was so before, told to somebody who has just begun to listen."""

DELETED = "Deleted"
COUNTER, COUNT = "RuleEngine/CountAggregation/Counter", re.compile(r"\s*(\d{1,6})\b")
OTHER = 99
DENY_REASONS: Mapping[str, int] = {
    "credentialnotenabled": 1, "credentialnotactive": 2, "credentialexpired": 3, "invalidpin": 4,
    "notpermittedatthistime": 5, "unauthorized": 6, "invalididentifiervalue": 7,
}  # fmt: skip
"""Reason of a denial -> deny_reason_id; a string nobody knows is Other."""


def classify(r: Record) -> Column:
    """Doors apart from all else."""
    return (
        r.read("topic")
        .map(lambda text: "signal" if _access(_bare(text)) is None else "access")
        .coalesce(Column.constant("signal", len(r)))
    )


@maps("access")
def access(r: Record) -> Mapped:
    """What an access point or a door says."""
    topic, state = r.read("topic").map(_bare), _state(r)
    activity = topic.zip(state, _activity, pa.int64())
    over = topic.zip(state, _over, pa.int64())
    denied = topic.zip(r.read("detail").coalesce(r.read("data.Reason"), state), _reason, pa.string())
    r.ignore("data.CredentialHolderName")
    token = r.first("data.CredentialToken", "data.Card", "credential", "data.IdentifierValue")
    return event(
        "physical_access_activity",
        {
            **_shared(r),
            "activity_id": activity.coalesce(r.constant(OTHER)),
            "lifecycle_id": over,
            "severity_id": over.map(lambda _: 1, pa.int64()).coalesce(
                activity.replace(ACCESS_SEVERITY, 1), r.constant(1)
            ),
            "portal.uid": r.take("source.DoorToken").coalesce(
                r.take("source.AccessPointToken"), r.read("device"), r.read("producer"), r.read("topic")
            ),
            "portal.type_id": 1,
            "portal.portal_mode": topic.zip(
                state, lambda said, mode: mode if said and said.endswith("DoorMode") else None
            ),
            "credential.uid": token,
            "deny_reason": denied,
            "deny_reason_id": denied.map(lambda text: DENY_REASONS.get(_plain(text), OTHER), pa.int64()),
        },
    )


@maps("signal")
def signal(r: Record) -> Mapped:
    """A sign of life, a fault, something seen."""
    topic, state = r.read("topic").map(_bare), _state(r)
    activity = topic.map(lambda text: _longest(SIGNALS, text), pa.int64()).coalesce(r.constant(OTHER))
    lifecycle = topic.zip(state, _lifecycle, pa.int64()).coalesce(r.constant(NEW))
    lifecycle = lifecycle.zip(r.read("operation"), _as_told, pa.int64())
    return event(
        "alarm_signal_activity",
        {
            **_shared(r),
            "activity_id": activity,
            "activity_name": topic.map(lambda text: text if _longest(SIGNALS, text) == OTHER else None),
            "lifecycle_id": lifecycle,
            "severity_id": activity.zip(
                lifecycle, lambda kind, life: SEVERITY.get(kind, 1) if life == NEW else 1, pa.int64()
            ),
            "signal_code.signal": r.read("topic"),
            "signal_code.signal_standard": "ONVIF",
            "alarm_point.uid": _named(r).zip(
                r.first(*INPUTS), lambda device, port: f"{device}/{port}" if device and port else None
            ),
            "people_count": topic.zip(r.take("data.Count").text(), _counted, pa.int64()).coalesce(
                topic.zip(r.read("detail"), _counted, pa.int64())
            ),
            "message": r.take("detail"),
        },
    )


def _counted(topic: str | None, text: str | None) -> int | None:
    """How many: ONVIF's Count, or the number that a bridge's text begins with."""
    found = COUNT.match(text) if topic is not None and text is not None and topic.startswith(COUNTER) else None
    return None if found is None else int(found[1])


def _shared(r: Record) -> dict[str, Column | str | int]:
    return {
        "time": r.take("timestamp", iso),
        "metadata.original_time": r.read("timestamp"),
        "metadata.event_code": r.take("topic"),
        "metadata.sequence": r.take("seq").integer(),
        "device.name": _named(r),
        "device.uid": r.take("producer"),
        "device.type_id": 7,
        "status": _state(r),
        "status_id": 99,
    }


def _named(r: Record) -> Column:
    """The device as the bridge or the setting names it, else the URI by which it names itself."""
    return r.take("device").coalesce(r.constant(r.settings["device"] or None), r.read("producer"))


def _state(r: Record) -> Column:
    columns = [r.read(name).text() for name in STATES]
    return columns[0].coalesce(*columns[1:])


def _bare(text: str) -> str:
    """The topic without the prefixes of its name spaces."""
    return "/".join(part.rpartition(":")[2] for part in text.split("/"))


def _plain(text: str) -> str:
    return text.rpartition(":")[2].replace(" ", "").lower()


def _longest(table: Mapping[str, int], topic: str) -> int:
    known = [beginning for beginning in table if topic.startswith(beginning)]
    return table[max(known, key=len)] if known else OTHER


def _access(topic: str) -> int | None:
    found = _longest(ACCESS, topic)
    return None if found == OTHER else found


def _activity(topic: str | None, state: str | None) -> int | None:
    if topic is None:
        return None
    if topic.startswith("Door/State/DoorAlarm"):
        return DOOR_ALARM.get(state or "")
    return _access(topic)


def _over(topic: str | None, state: str | None) -> int | None:
    """Of what a door says: Restore where it is over. A decision is never over."""
    told = topic is not None and topic.startswith("Door/State/Door") and state is not None
    return RESTORE if told and (state or "").strip().lower() in OVER else None


def _reason(topic: str | None, reason: str | None) -> str | None:
    return reason if topic is not None and topic.startswith("AccessControl/Denied") else None


def _lifecycle(topic: str | None, state: str | None) -> int:
    if topic in (SIGN_OF_LIFE, DRILL):
        return TEST
    return RESTORE if state is not None and state.strip().lower() in OVER else NEW


def _as_told(lifecycle: int | None, operation: str | None) -> int | None:
    """What is told at the beginning is no news; what is deleted is over."""
    if operation == DELETED:
        return RESTORE
    return STILL if operation == STANDING and lifecycle == NEW else lifecycle
