"""Zeek's tab-separated logs. The header is context; it may change in mid-file. Zeek's JSON logs are plain NDJSON.

Columns keep Zeek's names (`id.orig_h`), as in its JSON logs; `_path` names the log.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import orjson

from watchfloor.collect.formats.cells import ARRAY, BOOL, NUMBER, STRING, objects, zeek_rows
from watchfloor.collect.formats.format import BAD_HEAD, Bad, Block, Decoded, Framed, offsets_of
from watchfloor.collect.formats.lines import frame_lines, line_ends, text

__all__ = ["ZEEK", "ZeekTsv"]

DIRECTIVES = (
    b"#separator",
    b"#set_separator",
    b"#empty_field",
    b"#unset_field",
    b"#path",
    b"#open",
    b"#fields",
    b"#types",
)
NUMBERS = frozenset(("count", "int", "port", "time", "interval", "double"))

_ESCAPE = re.compile(rb"\\(?:\\|x([0-9a-fA-F]{2}))")
"""Zeek writes a backslash twice and every byte it cannot print as \\xNN."""
HASH = 35


@dataclass(frozen=True, slots=True)
class _Header:
    separator: bytes
    set_separator: bytes
    empty: bytes
    unset: bytes
    path: str
    names: tuple[str, ...]
    types: tuple[str, ...]


class ZeekTsv:
    """Zeek logs as Zeek writes them by default."""

    name = "zeek_tsv"

    def sniff(self, head: bytes, name: str) -> float:
        """By the header."""
        if head.startswith(b"#separator ") or (head.startswith(b"#") and b"\n#fields\t" in head[:8192]):
            return 1.0
        return 0.0

    def frame(self, file: BinaryIO, context: bytes = b"", *, after: int = 0, final: bool = True) -> Iterator[Framed]:
        """Rows between header lines. Without context a resumed file is read from its beginning to find the header."""
        header = context
        fresh = False  # the header lines just read belong to one header
        start = after if context else 0
        for framed in frame_lines(file, self.name, after=start, final=final):
            block = framed.block
            if not len(block):
                if framed.after > after:
                    yield framed
                continue
            ends = line_ends(framed)
            first = np.frombuffer(block.payload, np.uint8)[block.offsets[:-1]]
            rows = 0  # start of the current run of data rows
            for i in [*np.flatnonzero(first == HASH).tolist(), len(block)]:
                yield from self._rows(block, rows, i, ends, header, after)
                if i > rows:
                    fresh = False
                if i < len(block):
                    line = block.record(i)
                    if line.startswith(DIRECTIVES):
                        if not fresh:
                            header, fresh = b"", True
                        header += line + b"\n"
                rows = i + 1

    def _rows(
        self, block: Block, first: int, last: int, ends: list[int], header: bytes, after: int
    ) -> Iterator[Framed]:
        # By where a row begins: its end moves when a blank line behind it is read with it.
        begin = ends[0] - int(block.offsets[1])
        while first < last and begin + int(block.offsets[first]) < after:
            first += 1
        if first >= last:
            return
        a, b = int(block.offsets[first]), int(block.offsets[last])
        offsets = block.offsets[first : last + 1] - a
        yield Framed(Block(block.payload[a:b], offsets, header, self.name), ends[last - 1])

    def decode(self, block: Block) -> Decoded:
        """Unset columns are absent, sets and vectors are arrays, booleans are JSON booleans."""
        header = _header(block.context)
        if header is None:
            return Decoded(
                b"",
                np.zeros(len(block) + 1, np.int64),
                [Bad(i, "no #fields header before this row", _raw(block, i)) for i in range(len(block))],
            )
        data = _bytes(block.payload)
        separator, set_separator = _bytes(header.separator), _bytes(header.set_separator)
        empty, unset = _bytes(header.empty), _bytes(header.unset)
        head = _bytes(b"{" + (b'"_path":' + orjson.dumps(header.path) if header.path else b""))
        parts = [orjson.dumps(name) + b":" for name in header.names]
        names = _bytes(b"".join(parts))
        starts = offsets_of(parts)
        kinds = np.array([_kind(type) for type in header.types], np.int8)
        scratch = np.empty(int(np.diff(block.offsets).max(initial=0)), np.uint8)

        def write(first: int, *room: Any) -> tuple[int, int]:
            return zeek_rows(
                data, block.offsets, first, separator, set_separator, empty, unset, kinds,
                head, names, starts, scratch, *room,
            )  # fmt: skip

        made = objects(block.offsets, len(head) + len(names), len(parts), write)
        bad = [
            Bad(i, f"{made.cells[i]} columns where the header names {len(parts)}", _raw(block, i))
            for i in np.flatnonzero(made.status).tolist()
        ]
        return Decoded(made.ndjson, made.offsets, bad)


def _bytes(raw: bytes) -> npt.NDArray[np.uint8]:
    return np.frombuffer(raw, np.uint8)


def _raw(block: Block, i: int) -> bytes:
    start, stop = int(block.offsets[i]), int(block.offsets[i + 1])
    return block.payload[start:stop].rstrip(b"\r\n ")[:BAD_HEAD]


def _kind(type: str) -> int:
    """How a column of a Zeek type is written."""
    if type.startswith(("set[", "vector[", "table[")):
        return ARRAY + _scalar(type[type.index("[") + 1 :].rstrip("]"))
    return _scalar(type)


def _scalar(type: str) -> int:
    return NUMBER if type in NUMBERS else BOOL if type == "bool" else STRING


def _header(context: bytes) -> _Header | None:
    separator = b"\t"
    values: dict[str, list[bytes]] = {}
    for line in context.split(b"\n"):
        if line.startswith(b"#separator "):
            separator = _unescape(line[11:].strip(b" ")) or b"\t"
        elif line.startswith(b"#"):
            name, *rest = line[1:].split(separator)
            values[name.decode("latin-1")] = rest
    if "fields" not in values:
        return None
    names = tuple(text(name)[0] for name in values["fields"])
    types = tuple(text(name)[0] for name in values.get("types", []))

    def one(name: str, default: bytes) -> bytes:
        return (values.get(name) or [default])[0]

    return _Header(
        separator,
        one("set_separator", b",") or b",",
        one("empty_field", b"(empty)"),
        one("unset_field", b"-"),
        text(one("path", b""))[0],
        names,
        (types + ("string",) * (len(names) - len(types)))[: len(names)],
    )


def _unescape(cell: bytes) -> bytes:
    if b"\\" not in cell:
        return cell
    return _ESCAPE.sub(lambda found: bytes((int(found[1], 16),)) if found[1] else b"\\", cell)


ZEEK = ZeekTsv()
