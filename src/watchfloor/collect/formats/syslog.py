"""Syslog: RFC 5424, RFC 3164 and what is written to /var/log, framed by newlines or by octet counts (RFC 6587).

Timestamps stay as written: RFC 3164 has no year and this is not the place to guess one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from watchfloor.collect.formats.format import BAD_HEAD, BLOCK, MAX_RECORD, Bad, Framed, broken, joined, skip_to
from watchfloor.collect.formats.lines import CUT, TOO_LONG, LineFormat, frame_lines, share

__all__ = ["SYSLOG", "Syslog", "header"]

FACILITIES = (
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "ntp",
    "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
)  # fmt: skip
"""RFC 5424, table 1."""

SEVERITIES = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")
"""RFC 5424, table 2."""

_BSD = r"(?:[A-Z][a-z]{2} {1,2}\d{1,2} (?:\d{4} )?\d{1,2}:\d{2}:\d{2}(?:\.\d+)?(?: \d{4}(?= ))?)"
_ISO = r"(?:\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(?:[.,]\d+)?(?:Z|[+-]\d{2}:?\d{2})?)"
_PRI = re.compile(r"<(\d{1,3})>")
_5424 = re.compile(r"1 (\S+) (\S+) (\S+) (\S+) (\S+) ?(.*)", re.DOTALL)
_3164 = re.compile(rf"({_BSD}|{_ISO}):? +(.*)", re.DOTALL)
_CISCO = re.compile(
    rf"(?:(?P<sequence>\d+): )?(?:(?P<host>[\w.:-]+?): )?(?:(?P<second>\d+): )?[*.]?(?P<timestamp>{_BSD}|{_ISO})"
    r"(?: [A-Z]{2,5})?: (?P<tag>%[\w-]+-\d-\w+): ?(?P<message>.*)",
    re.DOTALL,
)
_TAG = re.compile(r"([^\s:\[\]]{1,128})(?:\[([^\]\s]{0,64})\])?: ?(.*)", re.DOTALL)
_HOST = re.compile(r"(\S+) +(.*)", re.DOTALL)
_FACILITY = re.compile(r"<([a-z]+[0-7]?)\.([a-z]+)> ?(.*)", re.DOTALL)
_PARAM = re.compile(r' *([^\s="\]]+)="((?:[^"\\\]]|\\.)*)"')
_SD_ID = re.compile(r"\[([^\s=\"\]]+)")
_SNIFF = re.compile(
    rf"(?:<\d{{1,3}}>(?:1 |{_BSD}|{_ISO}|\S)|(?:{_BSD}|{_ISO}):? +\S+ +[^\s:]+: |{_BSD} \S+ \S)".encode()
)
_COUNTED = re.compile(rb"(\d{1,9}) (?=<\d{1,3}>)")

NIL = "-"


class Syslog(LineFormat):
    """Syslog messages, from the wire or from files."""

    name = "syslog"

    def sniff(self, head: bytes, name: str) -> float:
        """By the share of lines with a priority, or with a timestamp, host and tag."""
        if _COUNTED.match(head):
            return 0.85
        return 0.8 * share(head, _SNIFF)

    def frame(self, file: BinaryIO, context: bytes = b"", *, after: int = 0, final: bool = True) -> Iterator[Framed]:
        """Cut at line ends; where the stream begins with an octet count, by octet counts as long as they last."""
        start = b""
        while len(start) < 16 and (more := file.read(16 - len(start))):
            start += more
        if file.seekable():
            file.seek(0)
        else:
            file = _Again(start, file)  # type: ignore[assignment]
        if context != COUNTED and not (_COUNTED.match(start) and not context):
            return frame_lines(file, self.name, after=after, final=final)
        return _frame_counted(file, self.name, after, final)

    def fields(self, line: str) -> dict[str, Any]:
        """pri, facility, severity, timestamp, hostname, app_name, procid, msgid, structured_data, message."""
        record, rest = header(line)
        record["message"] = rest
        return record


COUNTED = b"counted"


class _Again:
    """A stream that cannot seek, with its first bytes put back."""

    def __init__(self, head: bytes, inner: BinaryIO) -> None:
        self.head = head
        self.inner = inner

    def seekable(self) -> bool:
        return False

    def read(self, size: int = -1) -> bytes:
        head, self.head = self.head, b""
        if size < 0:
            return head + self.inner.read()
        self.head = head[size:]
        return head[:size] + (self.inner.read(size - len(head)) if size > len(head) else b"")


def _frame_counted(file: BinaryIO, name: str, after: int, final: bool) -> Iterator[Framed]:
    """RFC 6587, section 3.4.1; a message without count ends at its newline."""
    skip_to(file, after)
    base = after
    data = b""
    while True:
        chunk = file.read(BLOCK)
        data += chunk
        ended = not chunk
        at = 0
        good: list[bytes] = []
        bad: list[Bad] = []
        while at < len(data):
            count = _COUNTED.match(data, at)
            if count is not None:
                size = int(count[1])
                end = count.end() + size
                if size > MAX_RECORD:
                    break
                if end > len(data):
                    if not ended or not (final or broken(file) is not None):
                        break
                    # Cut off, or a wrong count: only this line is given up.
                    end = data.find(b"\n", at) + 1 or len(data)
                    bad.append(Bad(len(good), CUT, data[at:end][:BAD_HEAD]))
                    at = end
                    continue
                good.append(data[count.end() : end].rstrip(b"\n") + b"\n")
            else:
                newline = data.find(b"\n", at)
                if newline < 0:
                    break
                end = newline + 1
                line = data[at:end]
                if len(line) > MAX_RECORD:
                    bad.append(Bad(len(good), TOO_LONG, line[:BAD_HEAD]))
                elif line.strip():
                    good.append(line)
            at = end
        left = data[at:]
        count = _COUNTED.match(left)
        oversize = len(left) > MAX_RECORD or (count is not None and int(count[1]) > MAX_RECORD)
        stuck = ended or oversize
        if good or bad:
            yield Framed(joined(good, name, COUNTED), base + at, bad)
        base += at
        data = left
        if oversize:
            # Either the count is wrong or the message is: go on behind the next line end.
            head, size = data[:BAD_HEAD], len(data)
            newline = data.find(b"\n")
            while newline < 0 and (data := file.read(BLOCK)):
                size += len(data)
                newline = data.find(b"\n")
            rest = data[newline + 1 :] if newline >= 0 else b""
            base += size - len(rest)
            data = rest
            yield Framed(joined([], name, COUNTED), base, [Bad(0, TOO_LONG, head)])
            continue
        if stuck:
            break
    if data.strip() and (final or broken(file) is not None):
        if broken(file) is not None:
            yield Framed(joined([], name, COUNTED), base + len(data), [Bad(0, CUT, data[:BAD_HEAD])])
        else:
            yield Framed(joined([data], name, COUNTED), base + len(data))


def header(line: str) -> tuple[dict[str, Any], str]:
    """The syslog header of a line as fields, and the message behind it."""
    record: dict[str, Any] = {}
    line = line.lstrip("\x00")
    pri = _PRI.match(line)
    if pri is not None and int(pri[1]) < 192:
        number = int(pri[1])
        record["pri"] = number
        record["facility"] = FACILITIES[number >> 3]
        record["severity"] = SEVERITIES[number & 7]
        line = line[pri.end() :]
        modern = _5424.match(line)
        if modern is not None:
            return _modern(record, modern)
    cisco = _CISCO.match(line)
    if cisco is not None:
        if cisco["host"]:
            record["hostname"] = cisco["host"]
        sequence = cisco["second"] or cisco["sequence"]
        if sequence:
            record["sequence"] = sequence
        record["timestamp"] = cisco["timestamp"]
        record["app_name"] = cisco["tag"]
        return record, cisco["message"]
    old = _3164.match(line)
    if old is None:
        if pri is not None and "pri" in record:
            return _tag(record, line)
        return record, line
    record["timestamp"] = old[1]
    rest = old[2]
    level = _FACILITY.match(rest)  # BSD: `<auth.info> host`
    if level is not None:
        record.setdefault("facility", level[1])
        record.setdefault("severity", level[2])
        rest = level[3]
    tag = _TAG.match(rest)
    if tag is not None and not rest.startswith(tag[1] + " "):
        # The tag stands where the host should be: `last message`, and senders that leave the host out.
        return _tag(record, rest)
    host = _HOST.match(rest)
    if host is None:
        return record, rest
    record["hostname"] = host[1]
    return _tag(record, host[2])


def _tag(record: dict[str, Any], rest: str) -> tuple[dict[str, Any], str]:
    tag = _TAG.match(rest)
    if tag is None:
        return record, rest
    record["app_name"] = tag[1]
    if tag[2]:
        record["procid"] = tag[2]
    return record, tag[3]


def _modern(record: dict[str, Any], found: re.Match[str]) -> tuple[dict[str, Any], str]:
    for name, value in zip(("timestamp", "hostname", "app_name", "procid", "msgid"), found.groups(), strict=False):
        if value != NIL:
            record[name] = value
    rest = found[6]
    if rest.startswith(NIL) and rest[1:2] in ("", " "):
        return record, rest[2:].removeprefix("\ufeff")
    data, at = _structured(rest)
    if data:
        record["structured_data"] = data
    return record, rest[at:].removeprefix(" ").removeprefix("\ufeff")


def _structured(rest: str) -> tuple[dict[str, dict[str, str]], int]:
    """RFC 5424, section 6.3: the elements, and where they end. One that does not parse belongs to the message."""
    elements: dict[str, dict[str, str]] = {}
    at = 0
    while (found := _SD_ID.match(rest, at)) is not None:
        params: dict[str, str] = {}
        here = found.end()
        while (param := _PARAM.match(rest, here)) is not None:
            params[param[1]] = re.sub(r'\\(["\\\]])', r"\1", param[2])
            here = param.end()
        close = re.compile(r" *\]").match(rest, here)
        if close is None:
            break
        elements.setdefault(found[1], {}).update(params)
        at = close.end()
    return elements, at


SYSLOG = Syslog()
