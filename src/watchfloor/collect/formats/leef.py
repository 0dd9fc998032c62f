"""IBM QRadar Log Event Extended Format, versions 1.0 and 2.0, with or without a syslog header."""

from __future__ import annotations

import re
from typing import Any

from watchfloor.collect.formats.cef import add
from watchfloor.collect.formats.lines import LineFormat, share
from watchfloor.collect.formats.syslog import header

__all__ = ["LEEF", "Leef"]

HEADER = ("leef_version", "device_vendor", "device_product", "device_version", "event_id")

_START = re.compile(r"(?:^|[\s:])LEEF: ?(?=\d\.\d\|)")
_SNIFF = re.compile(rb"(?:.{0,256}?[\s:])?LEEF: ?\d\.\d\|")
_DELIMITER = re.compile(r"(?:(?:0?x|\\x|\\u00)([0-9A-Fa-f]{2})|(\\t)|([^|=\w]))?\|")


class Leef(LineFormat):
    """LEEF messages: the header, `extension.<key>`, and `syslog.<field>` where a syslog header stood before it."""

    name = "leef"

    def sniff(self, head: bytes, name: str) -> float:
        """By the share of lines that hold a LEEF header."""
        return 0.95 * share(head, _SNIFF)

    def fields(self, line: str) -> dict[str, Any]:
        """One message; a line without LEEF header keeps its syslog fields and `message`."""
        start = _START.search(line)
        if start is None:
            record, message = header(line)
            return {"message": message, **({"syslog": record} if record else {})}
        parts = line[start.end() :].split("|", len(HEADER))
        if len(parts) < len(HEADER):
            raise ValueError(f"LEEF header ends before {HEADER[len(parts)]}")
        result: dict[str, Any] = dict(zip(HEADER, parts, strict=False))
        rest = parts[len(HEADER)] if len(parts) > len(HEADER) else ""
        delimiter = "\t"
        if result["leef_version"].startswith("2"):
            found = _DELIMITER.match(rest)
            if found is not None:
                delimiter = chr(int(found[1], 16)) if found[1] else found[3] or "\t"
                rest = rest[found.end() :]
        extension: dict[str, Any] = {}
        for pair in rest.split(delimiter):
            name, equals, value = pair.partition("=")
            if equals and name.strip():
                add(extension, name.strip(), value)
            elif pair.strip():
                add(extension, "_text", pair.strip())
        if extension:
            result["extension"] = extension
        if start.start() > 0:
            before, text = header(line[: start.start() + 1])
            if text.strip(" :"):
                before["message"] = text.strip()
            if before:
                result["syslog"] = before
        return result


LEEF = Leef()
