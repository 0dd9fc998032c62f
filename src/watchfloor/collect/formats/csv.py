"""Comma-, semicolon-, tab- or bar-separated tables with a header row (RFC 4180 and what spreadsheets make of it).

The header is context: every record can be decoded on its own. Quoted cells may hold line ends. A quote that never
closes costs its own line only.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

import orjson

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
)
from watchfloor.collect.formats.lines import BOM, CUT, ENCODING_FIELD, TOO_LONG, Writer, text

__all__ = ["CSV", "Csv"]

_SPACED_NAMES = re.compile(r"[a-z][a-z0-9_-]*(?: [a-z][a-z0-9_-]*){7,}")
"""A header of names with a space between them, as AWS writes VPC flow logs; eight names, so that prose is none."""

DELIMITERS = (",", ";", "\t", "|")
MULTILINE = 1024 * 1024
"""The longest record that spans several lines, bytes; beyond it the quote is taken for a stray one."""

OPEN_QUOTE = "a quote that never closes"

_NAME = re.compile(r"[^\W\d][\w .,:/#()%°@+\-\[\]&?'$]{0,79}\Z|_\w*\Z")
_SEPARATOR_LINE = re.compile(rb"sep=(.)\r?\n", re.IGNORECASE)


class Csv:
    """Tables with a header row."""

    name = "csv"

    def sniff(self, head: bytes, name: str) -> float:
        """By a row of names followed by rows of as many cells."""
        lines, delimiter = _table(head)
        if delimiter is None:
            return 0.0
        try:
            cells = [row for row in csv.reader(lines, delimiter=delimiter) if row]
        except csv.Error:
            return 0.0
        if not cells:
            return 0.0
        if len(head) >= HEAD and len(cells) > 2:
            cells.pop()  # it may be cut off
        width = len(cells[0])
        named = name.lower().endswith((".csv", ".tsv", ".tab"))
        names = [cell.strip() for cell in cells[0]]
        if width < (2 if named else 3) or any("=" in cell for cell in names):
            return 0.0
        good = sum(_NAME.match(cell) is not None for cell in names) / width
        if not named and any(cell.startswith(" ") for cell in cells[0][1:]):
            return 0.0  # prose with commas
        if good < (0.5 if named else 0.99) or (len(cells) < 2 and not named):
            return 0.0
        same = sum(len(row) == width for row in cells[1:])
        even = same / (len(cells) - 1) if len(cells) > 1 else 1.0
        return (0.9 if named else 0.75) * even * even

    def frame(self, file: BinaryIO, context: bytes = b"", *, after: int = 0, final: bool = True) -> Iterator[Framed]:
        """Rows behind the header."""
        yield from _Framing(self.name, file, after, final).run()

    def decode(self, block: Block) -> Decoded:
        """Each row as an object of the header's names; rows that are longer or shorter are bad."""
        out = Writer()
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
                out.refuse(reason, raw)
                continue
            if not clean:
                record[ENCODING_FIELD] = "latin-1"
            out.add(record)
        return out.decoded()


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


def _cells(line: str, delimiter: str) -> tuple[list[str], str]:
    """The cells of one row, or why it is none."""
    try:
        rows = list(csv.reader([line], delimiter=delimiter))
    except csv.Error as error:
        return [], str(error).partition(" - ")[0]
    return (rows[0], "") if len(rows) == 1 else ([], "not one row")


def _table(head: bytes) -> tuple[list[str], str | None]:
    """The first lines and the delimiter; None where it is no table."""
    body = head.removeprefix(BOM)
    given = _SEPARATOR_LINE.match(body)
    if given is not None:
        body = body[given.end() :]
    lines = [line for line in text(body)[0].splitlines(keepends=True)[:60] if line.strip()]
    if not lines:
        return [], None
    if given is not None:
        return lines, text(given[1])[0]
    return lines, _delimiter(lines)


def _delimiter(lines: list[str]) -> str | None:
    if _SPACED_NAMES.fullmatch(lines[0].rstrip("\r\n")) and all(
        line.count(" ") == lines[0].count(" ") for line in lines[:-1]
    ):
        return " "
    best, most = None, 1
    for delimiter in DELIMITERS:
        try:
            widths = [len(row) for row in csv.reader(lines, delimiter=delimiter) if row]
        except csv.Error:
            continue
        if not widths or widths[0] < 2:
            continue
        even = sum(width == widths[0] for width in widths)
        score = even * 100 + widths[0]
        if score > most:
            best, most = delimiter, score
    return best


def _columns(cells: list[str]) -> list[str]:
    """Names that are all there and all different."""
    names: list[str] = []
    for i, cell in enumerate(cells, 1):
        name = cell.strip() or f"column_{i}"
        number = 2
        unique = name
        while unique in names:
            unique = f"{name}_{number}"
            number += 1
        names.append(unique)
    return names


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


CSV = Csv()
