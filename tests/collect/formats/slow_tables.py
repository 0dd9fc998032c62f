"""Tables row by row in plain Python: slow, and the truth for the kernels of `cells`."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

import orjson

from watchfloor.collect.formats.csv import _SEPARATOR_LINE, MULTILINE, REASONS, _cells, _columns, _table
from watchfloor.collect.formats.format import (
    BAD_HEAD,
    BLOCK,
    HEAD,
    MAX_RECORD,
    Bad,
    Block,
    Decoded,
    Framed,
    broken,
    joined,
    offsets_of,
)
from watchfloor.collect.formats.lines import BOM, CUT, ENCODING_FIELD, TOO_LONG, text
from watchfloor.collect.formats.zeek import NUMBERS, _Header, _header, _unescape

OPEN_QUOTE = REASONS[1]
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?\Z", re.ASCII)


def dumps(record: dict[str, Any]) -> bytes:
    return orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)


# -- CSV --------------------------------------------------------------------------------------------------------------


def csv_decode(block: Block) -> Decoded:
    """As `Csv.decode`."""
    out: list[bytes] = []
    bad: list[Bad] = []
    try:
        context = orjson.loads(block.context)
        names, delimiter = context["columns"], context["delimiter"]
    except (ValueError, KeyError, TypeError):
        names, delimiter = [], ","
    csv.field_size_limit(MAX_RECORD)
    ends = block.offsets.tolist()
    for i in range(len(block)):
        raw = block.payload[ends[i] : ends[i + 1]].rstrip(b"\r\n")
        line, clean = text(raw)
        record, reason = _row(line, names, delimiter)
        if reason:
            bad.append(Bad(i, reason, raw[:BAD_HEAD]))
            out.append(b"")
            continue
        if not clean:
            record[ENCODING_FIELD] = "latin-1"
        out.append(dumps(record))
    return Decoded(b"".join(out), offsets_of(out), bad)


def _row(line: str, names: list[str], delimiter: str) -> tuple[dict[str, Any], str]:
    if not names:
        return {}, "no header row before this row"
    cells, reason = _cells(line, delimiter)
    if reason:
        return {}, reason
    width = len(names)
    if len(cells) > width and not any(cells[width:]):
        cells = cells[:width]  # trailing delimiters
    if len(cells) != width:
        return {}, f"{len(cells)} cells where the header names {width}"
    return dict(zip(names, cells, strict=True)), ""


def csv_frame(file: BinaryIO, *, after: int = 0, final: bool = True) -> Iterator[Framed]:
    """As `Csv.frame`."""
    yield from _Framing("csv", file, after, final).run()


class _Framing:
    """One pass over one table."""

    def __init__(self, name: str, file: BinaryIO, after: int, final: bool) -> None:
        self.name = name
        self.file = file
        self.after = after
        self.final = final

    def run(self) -> Iterator[Framed]:
        data = b""
        while len(data) < HEAD and (chunk := self.file.read(BLOCK)):
            data += chunk
        base = 0
        at = len(BOM) if data.startswith(BOM) else 0
        given = _SEPARATOR_LINE.match(data, at)
        _, sniffed = _table(data[:HEAD])
        delimiter = sniffed or ","
        if given is not None:
            at = given.end()
        row = _pattern(delimiter)
        context = b""
        ended = not data
        while True:
            good: list[bytes] = []
            bad: list[Bad] = []
            stopped = broken(self.file) is not None
            while at < len(data):
                end, reason = _next(row, data, at, ended)
                if end == 0:
                    break
                raw = data[at:end]
                at = end
                if not raw.strip():
                    continue
                if reason and stopped and ended and end == len(data):
                    reason = CUT
                if not reason and ended and end == len(data) and not raw.endswith(b"\n"):
                    if stopped:
                        reason = CUT
                    elif not self.final:
                        at -= len(raw)
                        break
                if reason and ended and not self.final and not stopped and reason == OPEN_QUOTE:
                    at -= len(raw)
                    break
                cells = None
                if not context and not reason:
                    cells, reason = _cells(text(raw)[0].rstrip("\r\n"), delimiter)
                if cells and not reason:
                    names = _columns(cells)
                    context = orjson.dumps({"delimiter": delimiter, "columns": names})
                elif base + at > self.after:
                    if reason:
                        bad.append(Bad(len(good), reason, raw[:BAD_HEAD]))
                    else:
                        good.append(raw)
            if good or bad:
                yield Framed(joined(good, self.name, context), base + at, bad)
            if ended:
                return
            base += at
            data = data[at:]
            at = 0
            if len(data) > MAX_RECORD and b"\n" not in data:
                head = data[:BAD_HEAD]
                size = len(data)
                newline = -1
                while newline < 0 and (data := self.file.read(BLOCK)):
                    newline = data.find(b"\n")
                    size += len(data) if newline < 0 else newline + 1
                base += size
                data = data[newline + 1 :] if newline >= 0 else b""
                if base > self.after:
                    yield Framed(joined([], self.name, context), base, [Bad(0, TOO_LONG, head)])
                continue
            chunk = self.file.read(BLOCK)
            ended = not chunk
            data += chunk


def _pattern(delimiter: str) -> re.Pattern[bytes]:
    d = re.escape(delimiter.encode())
    field = rb'(?:"(?:[^"]++|"")*+"[^%b\n]*+|[^"%b\n][^%b\n]*+|)' % (d, d, d)
    return re.compile(rb"%b(?:%b%b)*+(?:\n|\Z)" % (field, d, field))


def _next(row: re.Pattern[bytes], data: bytes, at: int, ended: bool) -> tuple[int, str]:
    """Where the record at `at` ends and what is wrong with it; 0 where more bytes are needed."""
    line = data.find(b"\n", at) + 1
    stop = line or len(data)
    if data.find(b'"', at, stop) < 0:
        if not line and not ended:
            return 0, ""
        return stop, TOO_LONG if stop - at > MAX_RECORD else ""
    found = row.match(data, at, at + MULTILINE)
    if found is not None and found.end() > at and (found.end() < min(len(data), at + MULTILINE) or _closed(found)):
        return found.end(), ""
    if not ended and len(data) - at <= MULTILINE:
        return 0, ""  # it may still close
    if line and line - at > MULTILINE:
        return line, TOO_LONG if line - at > MAX_RECORD else ""
    if not line and not ended:
        return 0, ""
    if found is not None and ended and found.end() == len(data):
        return found.end(), ""
    return stop, OPEN_QUOTE


def _closed(found: re.Match[bytes]) -> bool:
    return found[0].endswith(b"\n")


# -- Zeek -------------------------------------------------------------------------------------------------------------


def zeek_decode(block: Block) -> Decoded:
    """As `ZeekTsv.decode`."""
    header = _header(block.context)
    out: list[bytes] = []
    bad: list[Bad] = []
    convert = None if header is None else [_converter(type, header) for type in header.types]
    ends = block.offsets.tolist()
    for i in range(len(block)):
        raw = block.payload[ends[i] : ends[i + 1]].rstrip(b"\r\n ")
        if header is None or convert is None:
            bad.append(Bad(i, "no #fields header before this row", raw[:BAD_HEAD]))
            out.append(b"")
            continue
        cells = raw.split(header.separator)
        if len(cells) != len(header.names):
            reason = f"{len(cells)} columns where the header names {len(header.names)}"
            bad.append(Bad(i, reason, raw[:BAD_HEAD]))
            out.append(b"")
            continue
        record: dict[str, Any] = {"_path": header.path} if header.path else {}
        for name, cell, of in zip(header.names, cells, convert, strict=True):
            if cell != header.unset:
                record[name] = of(cell)
        try:
            raw.decode()
        except UnicodeDecodeError:
            record[ENCODING_FIELD] = "latin-1"
        out.append(dumps(record))
    return Decoded(b"".join(out), offsets_of(out), bad)


def _string(cell: bytes) -> str:
    return text(_unescape(cell))[0]


def _number(cell: bytes) -> Any:
    value = text(cell)[0]
    return orjson.Fragment(value) if _NUMBER.match(value) else value


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
