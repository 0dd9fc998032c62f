"""SIA DC-09: what alarm panels send over IP, one frame a line, as receivers log them.

    CRC(4 hex) 0LLL(length) "ID" sequence [Rreceiver] Lprefix #account [data][extended] _HH:MM:SS,MM-DD-YYYY
    97F9 0078 "SIA-DCS" 6002 L0 #AAA [|Nri2/JC12] _12:58:23,09-15-2021

The CRC (CRC-16/ARC, from the first quote on) decides whether a frame is what was sent: a wrong one is refused. The
length is written in hexadecimal, decimal or as a constant, so one that does not fit is only said. Encrypted frames
(`"*SIA-DCS"`) are kept as they are: without the panel's key nobody knows what they say (domain reference 2.7).
"""

from __future__ import annotations

import re
from typing import Any

from watchfloor.collect.formats.lines import LineFormat, share

__all__ = ["DC09", "Dc09", "crc16"]

POLYNOMIAL = 0xA001
"""CRC-16/ARC, reflected; initial value 0; the check value of `123456789` is BB3D."""

_FRAME = re.compile(
    r'\n?(?P<crc>[0-9A-Fa-f]{4})(?P<length>[0-9A-Fa-f]{4})(?P<body>"(?P<star>\*?)(?P<id>[A-Z][A-Z-]{2,10})"'
    r"(?P<sequence>\d{4})(?:R(?P<receiver>[0-9A-Fa-f]{1,6}))?L(?P<prefix>[0-9A-Fa-f]{1,6})"
    r"(?:#(?P<account>[0-9A-Za-z]{1,16}))?(?P<rest>.*))",
    re.DOTALL,
)
_SNIFF = re.compile(rb'[0-9A-Fa-f]{8}"\*?[A-Z-]{3,11}"\d{4}')
_TIME = re.compile(r"_(\d{2}):(\d{2}):(\d{2}),(\d{2})-(\d{2})-(\d{4})\s*\Z")
_BLOCK = re.compile(r"\[([^\]]*)\]")
_ACCOUNT = re.compile(r"#([0-9A-Za-z]{1,16})\Z")
_SIA = re.compile(
    r"[NOAE]?(?P<flags>(?:[a-z]{2}[^/A-Z]*/?)*)(?P<code>[A-Z]{2})(?P<point>[0-9A-Fa-f]*)(?P<text>.*)\Z", re.DOTALL
)
_FLAG = re.compile(r"(ri|id|ti|pi|vi|tg|lt|da)([^/]*)")
_CONTACT = re.compile(r"(?P<qualifier>[136])(?P<event>\d{3})\s+(?P<group>[0-9A-Fa-f]{2})\s+(?P<zone>[0-9A-Fa-f]{3})\Z")

EXTENDED = {
    "H": "occurred", "V": "verification", "X": "longitude", "Y": "latitude", "Z": "altitude", "L": "location",
    "O": "building", "R": "room", "S": "site", "I": "alarm_text", "M": "mac", "K": "key", "A": "authentication",
    "P": "program",
}  # fmt: skip
"""Letter of an extended block -> field."""


def _table() -> list[int]:
    made = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ (POLYNOMIAL if value & 1 else 0)
        made.append(value)
    return made


TABLE = _table()


def crc16(data: bytes) -> int:
    """CRC-16/ARC."""
    value = 0
    for byte in data:
        value = (value >> 8) ^ TABLE[(value ^ byte) & 0xFF]
    return value


class Dc09(LineFormat):
    """Frames of SIA DC-09: `id`, `sequence`, `account`, `code` or `event` with their parts, `extended.<name>`."""

    name = "dc09"

    def sniff(self, head: bytes, name: str) -> float:
        """By the share of lines that begin as a frame."""
        return 0.97 * share(head, _SNIFF)

    def fields(self, line: str) -> dict[str, Any]:
        """One frame.

        Raises:
            ValueError: it is no frame, or its CRC says that it is not what was sent.
        """
        found = _FRAME.match(line)
        if found is None:
            raise ValueError("no DC-09 frame")
        body = found["body"].rstrip("\r")
        expected = crc16(body.encode("utf-8", "surrogateescape"))
        if int(found["crc"], 16) != expected:
            raise ValueError(f"CRC {found['crc']} is not that of the frame, {expected:04X}")
        result: dict[str, Any] = {
            "id": found["id"],
            "sequence": int(found["sequence"]),
            "prefix": found["prefix"],
        }
        if found["receiver"]:
            result["receiver"] = found["receiver"]
        if found["account"]:
            result["account"] = found["account"].upper()
        size = len(body.encode("utf-8", "surrogateescape"))
        written = found["length"]
        if size not in (int(written, 16), int(written) if written.isdigit() else -1):
            result["length_mismatch"] = f"{written} for {size} bytes"
        rest = found["rest"].rstrip("\r")
        if found["star"]:
            result["encrypted"] = True
            return result
        time = _TIME.search(rest)
        if time is not None:
            hour, minute, second, month, day, year = time.groups()
            result["sent"] = f"{year}-{month}-{day}T{hour}:{minute}:{second}Z"
            rest = rest[: time.start()]
        blocks = _BLOCK.findall(rest)
        if blocks:
            _data(found["id"], blocks[0], result)
        extended = {EXTENDED.get(block[:1], block[:1]): block[1:] for block in blocks[1:] if block}
        if extended:
            result["extended"] = extended
        return result


def _data(kind: str, block: str, result: dict[str, Any]) -> None:
    """What stands in the first pair of brackets: account, bar, message."""
    account, bar, message = block.rpartition("|")
    if bar:
        named = _ACCOUNT.search(account)
        if named is not None:
            result.setdefault("account", named[1].upper())
    message = message.strip()
    if not message:
        return
    result["message"] = message
    if kind == "ADM-CID":
        contact = _CONTACT.match(message)
        if contact is None:
            raise ValueError("the data is no Contact ID message")
        result["qualifier"] = int(contact["qualifier"])
        result["event"] = contact["event"]
        result["partition"] = contact["group"]
        result["zone"] = contact["zone"]
    elif kind == "SIA-DCS":
        sia = _SIA.match(message)
        if sia is None:
            raise ValueError("the data is no SIA message")
        result["code"] = sia["code"]
        for name, value in _FLAG.findall(sia["flags"] or ""):
            result[{"ri": "partition", "id": "user", "ti": "local_time", "pi": "peripheral"}.get(name, name)] = value
        if sia["point"]:
            result["zone"] = sia["point"]
        text = sia["text"].strip("^* ")
        if text:
            result["text"] = text


DC09 = Dc09()
