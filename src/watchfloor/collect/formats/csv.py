"""Comma-, semicolon-, tab- or bar-separated tables with a header row (RFC 4180 and what spreadsheets make of it).

The header is context: every record can be decoded on its own. Quoted cells may hold line ends. A quote that never
closes costs its own line only.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt
import orjson

from watchfloor.collect.formats.cells import LINE_END, OPEN, csv_ends, csv_rows, gather, objects
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
    offsets_of,
)
from watchfloor.collect.formats.lines import BOM, CUT, MOST_ROWS, TOO_LONG, text

__all__ = ["CSV", "Csv"]

_SPACED_NAMES = re.compile(r"[a-z][a-z0-9_-]*(?: [a-z][a-z0-9_-]*){7,}")
"""A header of names with a space between them, as AWS writes VPC flow logs; eight names, so that prose is none."""

DELIMITERS = (",", ";", "\t", "|")
MULTILINE = 1024 * 1024
"""The longest record that spans several lines, bytes; beyond it the quote is taken for a stray one."""

REASONS = ("", "a quote that never closes", TOO_LONG, CUT, "new-line character seen in unquoted field")
_GOOD, _OPEN, _LONG, _CUT, _LINE_END = range(5)
_HEADER = -1
"""Why a record is none."""

_NAME = re.compile(r"[^\W\d][\w .,:/#()%°@+\-\[\]&?'$]{0,79}\Z|_\w*\Z")
_SEPARATOR_LINE = re.compile(rb'sep=([^\r\n"])\r?\n', re.IGNORECASE)


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
        header = _header(block.context)
        if header is None:
            return Decoded(
                b"",
                np.zeros(len(block) + 1, np.int64),
                [Bad(i, "no header row before this row", _raw(block, i)) for i in range(len(block))],
            )
        names, delimiter = header
        joined, starts = _members(names)
        data = np.frombuffer(block.payload, np.uint8)
        utf8, latin = (np.frombuffer(delimiter.encode(code), np.uint8) for code in ("utf-8", "latin-1"))

        def write(first: int, *room: Any) -> tuple[int, int]:
            return csv_rows(data, block.offsets, first, utf8, latin, joined, starts, *room)

        made = objects(block.offsets, len(joined), len(names), write)
        bad = []
        for i in np.flatnonzero(made.status).tolist():
            if made.status[i] == LINE_END:
                reason = REASONS[_LINE_END]
            else:
                reason = f"{made.cells[i]} cells where the header names {len(names)}"
            bad.append(Bad(i, reason, _raw(block, i)))
        return Decoded(made.ndjson, made.offsets, bad)


def _raw(block: Block, i: int) -> bytes:
    start, stop = int(block.offsets[i]), int(block.offsets[i + 1])
    return block.payload[start:stop].rstrip(b"\r\n")[:BAD_HEAD]


def _header(context: bytes) -> tuple[list[str], str] | None:
    """Names and delimiter out of a block's context; None where there is no header."""
    try:
        found = orjson.loads(context)
        names, delimiter = found["columns"], found["delimiter"]
    except (ValueError, KeyError, TypeError):
        return None
    return (names, delimiter) if names else None


def _members(names: list[str]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """What stands before each value of an object, one behind the other, and where each begins."""
    parts = [(b"," if i else b"{") + orjson.dumps(name) + b":" for i, name in enumerate(names)]
    return np.frombuffer(b"".join(parts), np.uint8), offsets_of(parts)


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
    names: dict[str, int] = {}  # name -> the number to try next for another of the same name
    for i, cell in enumerate(cells, 1):
        name = unique = cell.strip() or f"column_{i}"
        while unique in names:
            unique = f"{name}_{names[name]}"
            names[name] += 1
        names[unique] = 2
    return list(names)


class _Records(NamedTuple):
    """Records of a chunk: data[starts[i]:ends[i]], and per record an index into `REASONS`; _HEADER is none."""

    starts: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    reasons: npt.NDArray[np.int64]


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
        between = np.frombuffer(delimiter.encode(), np.uint8)
        context = b""
        ended = not data
        while True:
            found, at = self._records(data, at, ended, between)
            context = context or self._header(data, found, delimiter)
            yield from self._framed(data, found, base, at, context)
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
                    yield Framed(Block(b"", np.zeros(1, np.int64), context, self.name), base, [Bad(0, TOO_LONG, head)])
                continue
            chunk = self.file.read(BLOCK)
            ended = not chunk
            data += chunk

    def _records(self, data: bytes, at: int, ended: bool, delimiter: npt.NDArray[np.uint8]) -> tuple[_Records, int]:
        """The records of data[at:] as far as they are whole, and where to go on."""
        lines = data.count(b"\n", at) + 1
        starts, ends, states = np.empty(lines, np.int64), np.empty(lines, np.int64), np.empty(lines, np.int8)
        count, at = csv_ends(np.frombuffer(data, np.uint8), at, ended, delimiter, MULTILINE, starts, ends, states)
        starts, ends = starts[:count], ends[:count]
        reasons = np.where(states[:count] == OPEN, _OPEN, np.where(ends - starts > MAX_RECORD, _LONG, _GOOD))
        if not ended or count == 0:
            return _Records(starts, ends, reasons), at
        stopped = broken(self.file) is not None
        left = count
        if not self.final and not stopped and (reasons == _OPEN).any():
            left = int(np.argmax(reasons == _OPEN))  # it may still close
        elif ends[-1] == len(data) and stopped and (reasons[-1] != _GOOD or not data.endswith(b"\n")):
            reasons[-1] = _CUT
        elif ends[-1] == len(data) and not self.final and reasons[-1] == _GOOD and not data.endswith(b"\n"):
            left = count - 1  # it is still being written
        if left < count:
            at = int(starts[left])
        return _Records(starts[:left], ends[:left], reasons[:left]), at

    def _header(self, data: bytes, found: _Records, delimiter: str) -> bytes:
        """The first row that has cells, as context; it is no record. Rows before it that are none get their reason."""
        for i in range(len(found.reasons)):
            if found.reasons[i] == _GOOD:
                line = text(data[found.starts[i] : found.ends[i]])[0].rstrip("\r\n")
                cells, reason = _cells(line, delimiter)
                if reason:
                    found.reasons[i] = _LINE_END
                elif cells:
                    found.reasons[i] = _HEADER
                    return orjson.dumps({"delimiter": delimiter, "columns": _columns(cells)})
        return b""

    def _framed(self, data: bytes, found: _Records, base: int, at: int, context: bytes) -> Iterator[Framed]:
        """The records behind `after`, at most `MOST_ROWS` in a step; the last step ends at `at`."""
        wanted = base + found.ends > self.after
        rows = np.flatnonzero(wanted & (found.reasons != _HEADER))
        for first in range(0, len(rows), MOST_ROWS):
            some = rows[first : first + MOST_ROWS]
            behind = at if first + MOST_ROWS >= len(rows) else int(found.ends[some[-1]])
            good = found.reasons[some] == _GOOD
            starts, ends = found.starts[some[good]], found.ends[some[good]]
            payload, offsets = b"", np.zeros(1, np.int64)
            if len(starts):
                offsets = np.concatenate([offsets, np.cumsum(ends - starts)])
                payload = data[starts[0] : ends[-1]]
                if len(payload) != offsets[-1]:  # blank lines or bad records lie between
                    whole = np.empty(offsets[-1], np.uint8)
                    gather(np.frombuffer(data, np.uint8), starts, ends, whole)
                    payload = whole.tobytes()
            before = np.cumsum(good)
            bad = [
                Bad(int(before[i]), REASONS[found.reasons[some[i]]], self._head(data, found, some[i]))
                for i in np.flatnonzero(~good).tolist()
            ]
            yield Framed(Block(payload, offsets, context, self.name), base + behind, bad)

    @staticmethod
    def _head(data: bytes, found: _Records, row: int) -> bytes:
        return data[found.starts[row] : found.ends[row]][:BAD_HEAD]


CSV = Csv()
