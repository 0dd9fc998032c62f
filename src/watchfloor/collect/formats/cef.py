"""ArcSight Common Event Format, with or without a syslog header (CEF Implementation Standard, version 26)."""

from __future__ import annotations

import re
from typing import Any

from watchfloor.collect.formats.lines import LineFormat, share
from watchfloor.collect.formats.syslog import header

__all__ = ["CEF", "Cef"]

HEADER = ("cef_version", "device_vendor", "device_product", "device_version", "signature_id", "name", "severity")

_START = re.compile(r"(?:^|[\s:])CEF: ?(?=\d+(?:\.\d+)?\|)")
_SNIFF = re.compile(rb"(?:.{0,256}?[\s:])?CEF: ?\d+(?:\.\d+)?\|")
_PIPE = re.compile(r"((?:[^\\|]|\\.)*)\|", re.DOTALL)
_KEY = re.compile(r"(?:^|(?<=\s))([A-Za-z0-9_.,\[\]-]+)=")
_ESCAPED = re.compile(r"\\([\\=|nr])")
_LITERAL = {"n": "\n", "r": "\r"}


class Cef(LineFormat):
    """CEF messages: the header, `extension.<key>`, and `syslog.<field>` where a syslog header stood before it.

    Custom fields keep both halves: `extension.cs1` and `extension.cs1Label`.
    """

    name = "cef"

    def sniff(self, head: bytes, name: str) -> float:
        """By the share of lines that hold a CEF header."""
        return 0.95 * share(head, _SNIFF)

    def fields(self, line: str) -> dict[str, Any]:
        """One message; a line without CEF header keeps its syslog fields and `message`."""
        start = _START.search(line)
        if start is None:
            record, message = header(line)
            return {"message": message, **({"syslog": record} if record else {})}
        result: dict[str, Any] = {}
        at = start.end()
        for name in HEADER:
            part = _PIPE.match(line, at)
            if part is None:
                if name == HEADER[-1]:  # nothing behind the severity, not even its bar
                    result[name] = unescape(line[at:].strip())
                    at = len(line)
                    break
                raise ValueError(f"CEF header ends before {name}")
            result[name] = unescape(part[1])
            at = part.end()
        extension = _extension(line[at:])
        if extension:
            result["extension"] = extension
        if start.start() > 0:
            before, rest = header(line[: start.start() + 1])
            if rest.strip(" :"):
                before["message"] = rest.strip()
            if before:
                result["syslog"] = before
        return result


def unescape(value: str) -> str:
    """Without the backslashes that CEF puts before bars, equals signs and itself."""
    if "\\" not in value:
        return value
    return _ESCAPED.sub(lambda found: _LITERAL.get(found[1], found[1]), value)


def _extension(rest: str) -> dict[str, Any]:
    keys = list(_KEY.finditer(rest))
    result: dict[str, Any] = {}
    if not keys:
        return {"_text": rest.strip()} if rest.strip() else {}
    if rest[: keys[0].start()].strip():
        result["_text"] = rest[: keys[0].start()].strip()
    for key, following in zip(keys, [*keys[1:], None], strict=True):
        value = rest[key.end() : len(rest) if following is None else following.start()]
        add(result, key[1], unescape(value.rstrip()))
    return result


def add(record: dict[str, Any], name: str, value: Any) -> None:
    """Set a field; one that comes again makes a list, so that nothing is overwritten."""
    if name not in record:
        record[name] = value
    elif isinstance(record[name], list):
        record[name].append(value)
    else:
        record[name] = [record[name], value]


CEF = Cef()
