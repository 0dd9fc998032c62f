"""Linux audit logs: the lines of one event (one serial number) joined into one record.

The record: `serial`, `timestamp` (text, seconds), `node`, `types`, and one object per line under the line's type in
lower case (`syscall`, `execve`, `cwd`). `path` is always an array; another type that comes again becomes one. Values
that the kernel wrote in hexadecimal because they hold blanks keep their raw text; the readable form stands beside them
under `<name>_decoded`. An `execve` also gets `command`, its arguments in one line.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, BinaryIO

from watchfloor.collect.formats.cef import add
from watchfloor.collect.formats.format import MAX_RECORD, Block, Decoded, Framed, joined
from watchfloor.collect.formats.lines import ENCODING_FIELD, Writer, frame_lines, line_ends, share, text

__all__ = ["AUDITD", "Auditd"]

REACH = 64
"""Lines of one event stand at most this many lines apart: events of several processors interleave."""

MAX_LINES = 1024
"""Lines of one record."""

MAX_HELD = 100_000
"""Lines held while events overlap without end."""

ARRAYS = frozenset(("path",))
HEX_FIELDS = frozenset((
    "acct", "cmd", "comm", "cwd", "data", "dir", "exe", "file", "key", "name", "new-disk", "old-disk", "op", "path",
    "proctitle", "sw", "vm", "watch",
))  # fmt: skip
"""Fields that auditd writes in hexadecimal when they hold blanks, quotes or control bytes (`untrusted strings`)."""

_LINE = re.compile(r"(?:node=(\S+) )?type=(\S+) msg=audit\((\d+(?:\.\d+)?):(\d+)\):? ?(.*)", re.DOTALL)
_KEY = re.compile(rb"(?:.{0,300}? )??(?:node=(\S+) )?type=\S+ msg=audit\((\d+(?:\.\d+)?:\d+)\)")
_SNIFF = re.compile(rb"(?:node=\S+ )?type=\S+ msg=audit\(\d")
_FIELD = re.compile(r"""(?:^|(?<=[\s,(]))([A-Za-z_][\w.\[\]-]*)=("[^"]*"|'[^']*'|\{[^}]*\}|[^\s,]*)""")
_AVC = re.compile(r"avc:\s+(denied|granted)\s+\{ ([^}]*)\}\s+for\s+(.*)", re.DOTALL)
_ARGUMENT = re.compile(r"a(\d+)(?:\[(\d+)\])?\Z")
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+\Z")
ENRICHED = "\x1d"


@dataclass(slots=True)
class _Event:
    lines: list[bytes]
    first: int
    last: int
    size: int


class Auditd:
    """`audit.log`, and what audispd and `ausearch --raw` write."""

    name = "auditd"

    def sniff(self, head: bytes, name: str) -> float:
        """By the share of lines that begin as audit lines do."""
        return 0.97 * share(head, _SNIFF)

    def frame(self, file: BinaryIO, context: bytes = b"", *, after: int = 0, final: bool = True) -> Iterator[Framed]:
        """One record per event. Stops only where no event is open."""
        lines: list[bytes] = []
        ends: list[int] = []
        for framed in frame_lines(file, self.name, after=after, final=final):
            block = framed.block
            if framed.bad:
                # An overlong line: close what stands before it, so that positions stay in order.
                yield from self._give(lines, ends, len(lines))
                lines, ends = [], []
                yield framed
                continue
            cuts = block.offsets.tolist()
            lines += [block.payload[a:b] for a, b in pairwise(cuts)]
            ends += line_ends(framed)
            limit = max(len(lines) - REACH, 0)
            done = yield from self._give(lines, ends, limit)
            lines, ends = lines[done:], ends[done:]
        if final:
            yield from self._give(lines, ends, len(lines))
        else:
            yield from self._give(lines, ends, max(len(lines) - REACH, 0))

    def _give(self, lines: list[bytes], ends: list[int], limit: int) -> Generator[Framed, None, int]:
        """Yield the events of the longest run of at most `limit` lines that no event leaves; returns its length."""
        events = _events(lines)
        cut, reach = 0, 0
        for event in events:
            if event.first >= reach and event.first <= limit:
                cut = event.first  # nothing is open here
            reach = max(reach, event.last + 1)
        if reach <= limit:
            cut = reach
        if cut == 0 and limit > MAX_HELD:
            cut = limit
            events = _events(lines[:cut])
        chosen = [event for event in events if event.first < cut]
        if chosen:
            records = [b"".join(_ended(event.lines)) for event in chosen]
            yield Framed(joined(records, self.name), ends[cut - 1])
        return cut

    def decode(self, block: Block) -> Decoded:
        """One object per event; a line that is no audit line is `message`."""
        out = Writer()
        for raw in block.records():
            line, clean = text(raw)
            try:
                record = _record(line)
                if not clean:
                    record[ENCODING_FIELD] = "latin-1"
                out.add(record)
            except (ValueError, TypeError) as error:
                out.refuse(str(error), raw)
        return out.decoded()


def _ended(lines: list[bytes]) -> list[bytes]:
    """Each with its line end, and without the blank lines that travel behind it in a large read."""
    return [line[: line.find(b"\n") + 1] or line + b"\n" for line in lines]


def _events(lines: list[bytes]) -> list[_Event]:
    """Lines grouped by node and serial, in the order of their first lines."""
    events: list[_Event] = []
    open: dict[tuple[bytes | None, bytes], _Event] = {}
    for i, line in enumerate(lines):
        found = _KEY.match(line) if b"msg=audit(" in line[:512] else None
        if found is None:
            events.append(_Event([line], i, i, len(line)))
            continue
        key = (found[1], found[2])
        event = open.get(key)
        if (
            event is not None
            and i - event.last <= REACH
            and len(event.lines) < MAX_LINES
            and event.size + len(line) <= MAX_RECORD
        ):
            event.lines.append(line)
            event.last = i
            event.size += len(line)
        else:
            event = _Event([line], i, i, len(line))
            open[key] = event
            events.append(event)
    return events


def _record(text: str) -> dict[str, Any]:
    record: dict[str, Any] = {}
    types: list[str] = []
    for line in text.split("\n"):
        line = line.rstrip("\r")
        if not line.strip():
            continue
        found = _LINE.match(line) or _LINE.search(line)
        if found is None:
            add(record, "message", line)
            continue
        if found.start() > 0 and line[: found.start()].strip():
            record.setdefault("prefix", line[: found.start()].strip())
        node, type, timestamp, serial, rest = found.groups()
        record.setdefault("serial", serial)
        record.setdefault("timestamp", timestamp)
        if node:
            record.setdefault("node", node)
        types.append(type)
        name = _type_name(type)
        fields = _fields(type, rest)
        if name in ARRAYS:
            record.setdefault(name, []).append(fields)
        else:
            add(record, name, fields)
    if types:
        record["types"] = types
    return record


RESERVED = frozenset(("serial", "timestamp", "node", "types", "message", "prefix", ENCODING_FIELD))


def _type_name(type: str) -> str:
    name = type.lower()
    return f"{name}_" if name in RESERVED else name


def _fields(type: str, rest: str) -> dict[str, Any]:
    plain, _, enriched = rest.partition(ENRICHED)
    fields: dict[str, Any] = {}
    avc = _AVC.search(plain)
    if avc is not None:
        fields["avc"] = avc[1]
        fields["permissions"] = avc[2].split()
        plain = avc[3]
    loose: list[str] = []
    at = 0
    for found in _FIELD.finditer(plain):
        if found.start() < at:
            continue
        loose.append(plain[at : found.start()])
        at = found.end()
        name, value = found[1], found[2]
        if value.startswith("'") and "=" in value:
            # What user space says: msg='op=login acct="root" res=failed'
            inner = _fields(type, value.strip("'"))
            for key, item in inner.items():
                add(fields, key, item)
        else:
            _take(fields, type, name, value)
    loose.append(plain[at:])
    words = " ".join(part.strip(" ,()") for part in loose if part.strip(" ,()"))
    if words:
        add(fields, "text", words)
    for found in _FIELD.finditer(enriched):
        _take(fields, "", found[1], found[2])
    if type == "EXECVE":
        _arguments(fields)
    return fields


def _take(fields: dict[str, Any], type: str, name: str, value: str) -> None:
    quoted = len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'"
    if quoted:
        add(fields, name, value[1:-1])
        return
    add(fields, name, value)
    if type == "EXECVE" and _ARGUMENT.match(name) and "[" not in name:
        readable = _readable(value)
        if readable is not None:
            fields[f"{name}_decoded"] = readable
        return
    if name in HEX_FIELDS and type:
        readable = _readable(value)
        if readable is not None:
            add(fields, f"{name}_decoded", readable)


def _readable(value: str) -> str | None:
    """What hexadecimal digits spell; None where the value is something else."""
    if len(value) < 4 or not _HEX.match(value) or (value.isdigit() and len(value) < 8):
        return None
    return text(bytes.fromhex(value))[0].rstrip("\x00").replace("\x00", " ")


def _arguments(fields: dict[str, Any]) -> None:
    """Long arguments, which come in pieces (`a1[0]`, `a1[1]`), put together; and `command`."""
    pieces: dict[int, list[tuple[int, str]]] = {}
    for name, value in fields.items():
        found = _ARGUMENT.match(name)
        if found is not None and isinstance(value, str):
            pieces.setdefault(int(found[1]), []).append((int(found[2] or 0), value))
    words: list[str] = []
    for number in sorted(pieces):
        whole = "".join(value for _, value in sorted(pieces[number]))
        if f"a{number}" not in fields:
            fields[f"a{number}"] = whole
            readable = _readable(whole)
            if readable is not None:
                fields[f"a{number}_decoded"] = readable
        words.append(fields.get(f"a{number}_decoded", whole))
    if words:
        fields["command"] = " ".join(words)


AUDITD = Auditd()
