"""OSDP as tools capture it on the wire (osdpcap, SIA libosdp-conformance): one frame a line, in hexadecimal.

    53 80 0800 05 40 ....     start, address (bit 7: answer), length, control, code, data, CRC or sum
                  control     bits 0-1 sequence, bit 2 CRC, bit 3 a security block follows

OSDP carries no access decision (domain reference 2.8, IEC 60839-11-5): a card that a reader read is no more than
that. What matters on the bus is who changes keys, addresses and firmware, and whether frames are protected:
`status_detail` says `unsecured`, `default key` (a handshake with the well-known SCBK-D) or `secured`. Of encrypted
frames only the code can be read.
"""

from __future__ import annotations

from binascii import crc_hqx
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import orjson
import pyarrow as pa

from watchfloor.collect.convert import unix_s
from watchfloor.collect.mapping import Mapped, Record, event, maps
from watchfloor.ocsf.column import Column

START, MARK, ANSWER = 0x53, 0xFF, 0x80
HAS_CRC, HAS_BLOCK = 0x04, 0x08
CRC_SEED = 0x1D0F
HANDSHAKE, ENCRYPTED = (0x11, 0x12, 0x13, 0x14), (0x17, 0x18)
"""Types of security blocks: the four of a handshake, and those whose data is encrypted."""

NAMES_KEY = HANDSHAKE[:3]
"""... whose first byte says which key: 0 is SCBK-D."""

UNSECURED, DEFAULT_KEY, SECURED = "unsecured", "default key", "secured"

COMMANDS: Mapping[int, tuple[str, str]] = {
    0x60: ("POLL", "read"), 0x61: ("ID", "identify"), 0x62: ("CAP", "identify"), 0x64: ("LSTAT", "read"),
    0x65: ("ISTAT", "read"), 0x66: ("OSTAT", "read"), 0x67: ("RSTAT", "read"), 0x68: ("OUT", "control"),
    0x69: ("LED", "control"), 0x6A: ("BUZ", "control"), 0x6B: ("TEXT", "control"), 0x6E: ("COMSET", "write"),
    0x73: ("BIOREAD", "read"), 0x74: ("BIOMATCH", "read"), 0x75: ("KEYSET", "security"), 0x76: ("CHLNG", "connect"),
    0x77: ("SCRYPT", "connect"), 0x7B: ("ACURXSIZE", "connect"), 0x7C: ("FILETRANSFER", "firmware"),
    0x80: ("MFG", "proprietary"), 0xA1: ("XWR", "write"), 0xA2: ("ABORT", "control"), 0xA3: ("PIVDATA", "read"),
    0xA4: ("GENAUTH", "security"), 0xA5: ("CRAUTH", "security"), 0xA7: ("KEEPACTIVE", "control"),
}  # fmt: skip
"""Code of a command -> its name, its class (domain reference 4.1)."""

ANSWERS: Mapping[int, tuple[str, str]] = {
    0x40: ("ACK", "read"), 0x41: ("NAK", "diagnostic"), 0x45: ("PDID", "identify"), 0x46: ("PDCAP", "identify"),
    0x48: ("LSTATR", "read"), 0x49: ("ISTATR", "read"), 0x4A: ("OSTATR", "read"), 0x4B: ("RSTATR", "read"),
    0x50: ("RAW", "read"), 0x51: ("FMT", "read"), 0x53: ("KEYPAD", "read"), 0x54: ("COM", "write"),
    0x57: ("BIOREADR", "read"), 0x58: ("BIOMATCHR", "read"), 0x76: ("CCRYPT", "connect"), 0x78: ("RMAC_I", "connect"),
    0x79: ("BUSY", "diagnostic"), 0x7A: ("FTSTAT", "firmware"), 0x80: ("PIVDATAR", "read"),
    0x81: ("GENAUTHR", "security"), 0x82: ("CRAUTHR", "security"), 0x90: ("MFGREP", "proprietary"),
    0x91: ("MFGERRR", "diagnostic"), 0xB1: ("XRD", "read"),
}  # fmt: skip

CLASSES: Mapping[str, tuple[int, int]] = {
    "identify": (1, 1), "read": (2, 1), "connect": (3, 1), "diagnostic": (4, 2), "write": (5, 3), "control": (6, 1),
    "security": (8, 4), "firmware": (11, 5), "proprietary": (12, 3),
}  # fmt: skip
"""Class -> activity_id of ot_command_activity, severity_id of a command; lamps and locks are daily work."""

REFUSALS: Mapping[int, str] = {
    1: "bad check", 2: "bad length", 3: "unknown command", 4: "unexpected sequence", 5: "unsupported security block",
    6: "security required", 7: "unsupported biometric type", 8: "unsupported biometric format", 9: "unable to process",
}  # fmt: skip
"""First byte of a NAK."""

RAW, KEYPAD, CARDS = 0x50, 0x53, (0x50, 0x51, 0x53)
LOCAL_STATUS, READER_STATUS, NAK = 0x48, 0x4B, 0x41
TAMPER, SUPERVISORY = 5, 7
NEW, RESTORE = 1, 2
CARD, PIN, OTHER = 1, 2, 99


def classify(r: Record) -> Column:
    """By the code of the frame."""
    return r.read("data").map(lambda text: _frame(text).get("family", "other")).coalesce(r.constant("other"))


@maps("card")
def card(r: Record) -> Mapped:
    """A card at a reader; of keys that were pressed nothing is kept but that they were."""
    part, where = _parts(r), _where(r)
    number = part("number", pa.string())
    return event(
        "physical_access_activity",
        {
            **_shared(r),
            "activity_id": OTHER,
            "activity_name": part("name", pa.string()),
            "portal.uid": where,
            "portal.reader_uid": part("reader", pa.string()),
            "portal.type_id": 1,
            "recognition_type_id": part("code", pa.int64()).map(
                lambda code: PIN if code == KEYPAD else CARD, pa.int64()
            ),
            "credential.uid": number,
            "credential.facility_code": part("facility", pa.string()),
            "credential.credential_format": part("format", pa.string()),
            "credential.type_id": number.map(lambda _: CARD, pa.int64()),
        },
    )


@maps("status")
def status(r: Record) -> Mapped:
    """What a device says of its cover and its power."""
    part = _parts(r)
    lifecycle = part("alarm", pa.bool_()).map(lambda on: NEW if on else RESTORE, pa.int64())
    return event(
        "alarm_signal_activity",
        {
            **_shared(r),
            "activity_id": part("kind", pa.int64()),
            "lifecycle_id": lifecycle,
            "severity_id": part("kind", pa.int64()).zip(
                lifecycle, lambda kind, life: (4 if kind == TAMPER else 2) if life == NEW else 1, pa.int64()
            ),
            "signal_code.signal": part("name", pa.string()),
            "signal_code.signal_standard": "OSDP",
            "alarm_point.uid": _where(r),
        },
    )


@maps("command")
def command(r: Record) -> Mapped:
    """A command of the controller, or the answer of a device."""
    part = _parts(r)
    kind, answer = part("class", pa.string()), part("answer", pa.bool_())
    severity = kind.zip(answer, lambda name, replied: 1 if replied or name is None else CLASSES[name][1], pa.int64())
    default = part("secured", pa.string()).map(lambda how: 4 if how == DEFAULT_KEY else None, pa.int64())
    return event(
        "ot_command_activity",
        {
            **_shared(r),
            "activity_id": kind.map(lambda name: CLASSES[name][0], pa.int64()),
            "severity_id": default.coalesce(severity),
            "status_id": part("refused", pa.string()).map(lambda _: 2, pa.int64()),
            "ot_command.ot_protocol": "OSDP",
            "ot_command.operation": part("name", pa.string()),
            "ot_command.function_code": part("code", pa.int64()),
            "ot_command.command_class": kind,
            "ot_command.is_response": answer,
            "ot_command.unit_id": part("address", pa.int64()),
            "controller.name": _where(r),
            "message": part("refused", pa.string()),
        },
    )


@maps("other")
def other(r: Record) -> Mapped:
    """A piece of a frame, or one that was hurt on the way."""
    return event("base_event", {**_shared(r), "activity_id": OTHER, "message": _parts(r)("why", pa.string())})


def _shared(r: Record) -> dict[str, Column | str | int]:
    r.ignore("data")
    part = _parts(r)
    stamp = r.take("timeSec").text().zip(r.take("timeNano").text(), _stamp)
    return {
        "time": unix_s(stamp),
        "metadata.original_time": stamp,
        "metadata.event_code": part("name", pa.string()),
        "metadata.reporter.name": r.take("osdpSource"),
        "severity_id": 1,
        "status_detail": part("secured", pa.string()),
        "device.name": _where(r),
        "device.type_id": _where(r).map(lambda _: OTHER, pa.int64()),
    }


def _parts(r: Record) -> Any:
    said = r.read("data").map(lambda text: orjson.dumps(_frame(text)).decode(), pa.string())
    return lambda name, type_: said.map(lambda text: orjson.loads(text).get(name), type_)


def _where(r: Record) -> Column:
    """`bus/address`: addresses of two buses are the same numbers."""
    bus = r.settings["bus"]
    found: Column = _parts(r)("address", pa.int64()).map(lambda address: f"{bus}/{address}", pa.string())
    return found


def _stamp(seconds: str | None, nanos: str | None) -> str | None:
    if seconds is None or not seconds.strip().isdecimal():
        return None
    fraction = (nanos or "").strip()
    return f"{seconds.strip()}.{fraction.zfill(9) if fraction.isdecimal() else '0'}"


@lru_cache(maxsize=1 << 16)
def _frame(text: str) -> dict[str, Any]:
    """What a frame says, without its data; only `why` where it cannot be read."""
    try:
        raw = bytes.fromhex(text.replace("-", " ")).lstrip(bytes((MARK,)))
    except ValueError:
        return {"why": "not hexadecimal"}
    if len(raw) < 7 or raw[0] != START or int.from_bytes(raw[2:4], "little") != len(raw):
        return {"why": "not a whole frame"}
    control, check = raw[4], 2 if raw[4] & HAS_CRC else 1
    body = raw[:-check]
    wanted = crc_hqx(body, CRC_SEED) if check == 2 else -sum(body) & 0xFF
    if int.from_bytes(raw[-check:], "little") != wanted:
        return {"why": "the check is wrong"}
    block = body[5 : 5 + body[5]] if control & HAS_BLOCK else b""
    payload = body[5 + len(block) :]
    if (control & HAS_BLOCK and len(block) < 2) or not payload:
        return {"why": "not a whole frame"}
    answer, code = bool(raw[1] & ANSWER), payload[0]
    name, kind = (ANSWERS if answer else COMMANDS).get(code, (f"0x{code:02X}", "proprietary"))
    made: dict[str, Any] = {
        "family": "command", "address": raw[1] & 0x7F, "answer": answer, "code": code, "name": name, "class": kind,
        "secured": _secured(block),
    }  # fmt: skip
    if answer and not (block and block[1] in ENCRYPTED):
        data = payload[1:-4] if block and block[1] not in HANDSHAKE else payload[1:]
        made |= _answered(code, data)
    elif answer and code in CARDS:
        made["family"] = "card"
    return made


def _secured(block: bytes) -> str:
    if not block:
        return UNSECURED
    return DEFAULT_KEY if block[1] in NAMES_KEY and len(block) > 2 and block[2] == 0 else SECURED


def _answered(code: int, data: bytes) -> dict[str, Any]:
    """What of an answer's data is kept."""
    if code in CARDS:
        return {"family": "card", "reader": str(data[0]) if data else None, **(_card(data) if code == RAW else {})}
    if code == LOCAL_STATUS and len(data) >= 2:
        kind = SUPERVISORY if data[1] and not data[0] else TAMPER
        return {"family": "status", "kind": kind, "alarm": bool(data[0] or data[1])}
    if code == READER_STATUS and data:
        return {"family": "status", "kind": TAMPER, "alarm": any(data)}
    if code == NAK and data:
        return {"refused": REFUSALS.get(data[0], f"error {data[0]}")}
    return {}


def _card(data: bytes) -> dict[str, Any]:
    """Number of a card: facility and number of the 26 bits everybody uses, else the bits as they are."""
    bits, card = int.from_bytes(data[2:4], "little"), data[4:]
    if len(data) < 5 or bits > 8 * len(card) or bits == 0:
        return {}
    value = int.from_bytes(card, "big") >> (8 * len(card) - bits)
    if bits == 26:
        return {"format": "26 bits", "facility": str(value >> 17 & 0xFF), "number": str(value >> 1 & 0xFFFF)}
    return {"format": f"{bits} bits", "number": f"{value:x}"}
