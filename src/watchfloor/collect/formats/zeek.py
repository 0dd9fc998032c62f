"""Zeek's tab-separated logs. The header is context; it may change in mid-file. Zeek's JSON logs are plain NDJSON.

Columns keep Zeek's names (`id.orig_h`), as in its JSON logs; `_path` names the log.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import msgspec
import numpy as np

from watchfloor.collect.formats.format import Block, Decoded, Framed
from watchfloor.collect.formats.lines import ENCODING_FIELD, Writer, frame_lines, line_ends, text

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
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?\Z")
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
        while first < last and ends[first] <= after:
            first += 1
        if first >= last:
            return
        a, b = int(block.offsets[first]), int(block.offsets[last])
        offsets = block.offsets[first : last + 1] - a
        yield Framed(Block(block.payload[a:b], offsets, header, self.name), ends[last - 1])

    def decode(self, block: Block) -> Decoded:
        """Unset columns are absent, sets and vectors are arrays, booleans are JSON booleans."""
        header = _header(block.context)
        out = Writer()
        convert = None if header is None else [_converter(type, header) for type in header.types]
        ends = block.offsets.tolist()
        for i in range(len(block)):
            raw = block.payload[ends[i] : ends[i + 1]].rstrip(b"\r\n ")
            if header is None or convert is None:
                out.refuse("no #fields header before this row", raw)
                continue
            cells = raw.split(header.separator)
            if len(cells) != len(header.names):
                out.refuse(f"{len(cells)} columns where the header names {len(header.names)}", raw)
                continue
            record: dict[str, Any] = {"_path": header.path} if header.path else {}
            for name, cell, of in zip(header.names, cells, convert, strict=True):
                if cell != header.unset:
                    record[name] = of(cell)
            try:
                raw.decode()
            except UnicodeDecodeError:
                record[ENCODING_FIELD] = "latin-1"
            out.add(record)
        return out.decoded()


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


def _string(cell: bytes) -> str:
    return text(_unescape(cell))[0]


def _number(cell: bytes) -> Any:
    value = text(cell)[0]
    return msgspec.Raw(value) if _NUMBER.match(value) else value


def _bool(cell: bytes) -> Any:
    return {b"T": True, b"F": False}.get(cell, text(cell)[0])


def _scalar(type: str) -> Callable[[bytes], Any]:
    if type in NUMBERS:
        return _number
    return _bool if type == "bool" else _string


def _converter(type: str, header: _Header) -> Callable[[bytes], Any]:
    if type.startswith(("set[", "vector[", "table[")):
        of = _scalar(type[type.index("[") + 1 :].rstrip("]"))

        def array(cell: bytes) -> Any:
            if cell == header.empty:
                return []
            return [of(part) if part != header.unset else None for part in cell.split(header.set_separator)]

        return array
    of = _scalar(type)
    empty = header.empty

    def scalar(cell: bytes) -> Any:
        return "" if cell == empty else of(cell)

    return scalar


ZEEK = ZeekTsv()
