"""Records that are lines: found with numpy over large reads, without a Python step per line.

`frame_lines` is the framing of NDJSON, syslog, CEF, LEEF, key=value and plain text; `LineFormat` adds decoding line by
line for formats that have to look into each one.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, BinaryIO

import msgspec
import numpy as np

from watchfloor.collect.formats.format import (
    BAD_HEAD,
    BLOCK,
    MAX_RECORD,
    Bad,
    Block,
    Decoded,
    Framed,
    broken,
    offsets_of,
    skip_to,
)

__all__ = [
    "BOM",
    "TOO_LONG",
    "LineFormat",
    "Writer",
    "frame_lines",
    "head_lines",
    "line_ends",
    "share",
    "text",
]

BOM = b"\xef\xbb\xbf"
NEWLINE = 10
MOST_ROWS = 1 << 17
"""Records of one block: memory follows them, however short the lines are."""

TOO_LONG = f"longer than {MAX_RECORD // 1024 // 1024} MiB"
CUT = "the stream ends inside this record"

ENCODING_FIELD = "_encoding"
"""Set to `latin-1` where a line was no UTF-8 and every byte was read as the character of the same number instead."""


def frame_lines(file: BinaryIO, format: str, *, after: int = 0, final: bool = True) -> Iterator[Framed]:
    """Cut a stream at its line ends.

    Blank lines are no records. A line beyond `MAX_RECORD` is one `Bad`. When the stream breaks off early (half a gzip),
    its last, unfinished line is `Bad` too.
    """
    skip_to(file, after)
    base = after  # of `carry` in the stream
    carry = b""
    skipping: bytes | None = None  # head of an overlong line whose end is still to come
    while True:
        chunk = file.read(BLOCK)
        if skipping is not None:
            head = skipping
            end = chunk.find(b"\n")
            if chunk and end < 0:
                base += len(chunk)
                continue
            if not chunk and not final and broken(file) is None:
                return  # the line is still being written; `after` stays before it
            consumed = len(chunk) if end < 0 else end + 1
            base += consumed
            skipping = None
            yield Framed(_empty(format), base, [Bad(0, TOO_LONG, head)])
            chunk = chunk[consumed:]
            if not chunk:
                if consumed:
                    continue
                return
        if not chunk:
            break
        data = carry + chunk
        cut = data.rfind(b"\n") + 1
        if cut:
            yield from _lines(data[:cut] if cut < len(data) else data, base, format)
            base += cut
        carry = data[cut:]
        if len(carry) > MAX_RECORD:
            skipping = carry[:BAD_HEAD]
            base += len(carry)
            carry = b""
    if not carry.strip():
        return
    if broken(file) is not None:
        yield Framed(_empty(format), base + len(carry), [Bad(0, CUT, carry[:BAD_HEAD])])
    elif final:
        yield from _last(carry, base, format)


def _lines(data: bytes, base: int, format: str) -> Iterator[Framed]:
    """Whole lines to blocks: one, or the pieces between lines that are too long; none where all are blank."""
    view = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(view == NEWLINE).astype(np.int64) + 1
    starts = np.empty_like(ends)
    starts[0] = 0
    starts[1:] = ends[:-1]
    if base == 0 and data.startswith(BOM):
        starts[0] = len(BOM)
    maybe = np.flatnonzero(view[starts] <= 32)
    if len(maybe):
        blank = np.zeros(len(ends), np.bool_)
        size = ends[maybe] - starts[maybe]
        blank[maybe[size == 1]] = True
        for i in maybe[size > 1].tolist():
            blank[i] = not data[starts[i] : ends[i]].strip()
        starts, ends = starts[~blank], ends[~blank]
    piece = 0
    for i in [*np.flatnonzero(ends - starts - 1 > MAX_RECORD).tolist(), len(starts)]:
        for first in range(piece, i, MOST_ROWS):
            behind = min(first + MOST_ROWS, i)
            # Blank lines travel behind the record before them, so that a block is one slice of the stream.
            lead, stop = int(starts[first]), int(starts[behind]) if behind < len(starts) else len(data)
            offsets = np.append(starts[first:behind] - lead, stop - lead)
            yield Framed(Block(data[lead:stop], offsets, b"", format), base + stop)
        if i < len(starts):
            head = data[starts[i] : int(starts[i]) + BAD_HEAD]
            yield Framed(_empty(format), base + int(ends[i]), [Bad(0, TOO_LONG, head)])
        piece = i + 1


def _last(carry: bytes, base: int, format: str) -> Iterator[Framed]:
    """The last line, which has no line end."""
    lead = len(carry) - len(carry.lstrip())
    if base == 0 and carry.startswith(BOM):
        lead = len(BOM)
    if carry[lead:]:
        yield Framed(Block(carry[lead:], offsets_of([carry[lead:]]), b"", format), base + len(carry))


def line_ends(framed: Framed) -> list[int]:
    """The byte of the stream behind each record of a block that `frame_lines` gave: where one can resume."""
    shift = framed.after - len(framed.block.payload)
    return [shift + end for end in framed.block.offsets[1:].tolist()]


def _empty(format: str) -> Block:
    return Block(b"", np.zeros(1, np.int64), b"", format)


def head_lines(head: bytes, limit: int = 20) -> list[bytes]:
    """The first lines of a head that are not blank, without a last one that may be cut off (unless it is the only)."""
    lines = head.removeprefix(BOM).split(b"\n")
    if len(lines) > 1:
        lines = lines[:-1]
    kept = [line.strip() for line in lines[: limit * 4]]
    return [line for line in kept if line][:limit]


def share(head: bytes, pattern: re.Pattern[bytes]) -> float:
    """Share of the first lines that match; comment lines do not count."""
    lines = [line for line in head_lines(head, 60) if not line.startswith(b"#")][:20]
    return sum(pattern.match(line) is not None for line in lines) / len(lines) if lines else 0.0


def text(raw: bytes) -> tuple[str, bool]:
    """Bytes as text, and whether they were UTF-8. What is not is read as Latin-1, which can show every byte."""
    try:
        return raw.decode(), True
    except UnicodeDecodeError:
        return raw.decode("latin-1"), False


class Writer:
    """The records of a block as NDJSON, one behind the other in one buffer.

    A `bytes` per record would cost kilobytes for a record of a few letters: what an encoder takes and gives back in
    part, the system's allocator cannot use for the next.
    """

    def __init__(self) -> None:
        self._out = bytearray()
        self._ends = [0]
        self._bad: list[Bad] = []
        self._encode = msgspec.json.Encoder().encode_into

    def add(self, record: dict[str, Any]) -> None:
        """The next record."""
        try:
            self._encode(record, self._out, -1)
        except BaseException:
            del self._out[self._ends[-1] :]
            raise
        self._out += b"\n"
        self._ends.append(len(self._out))

    def refuse(self, reason: str, raw: bytes) -> None:
        """The next record is none, and why."""
        self._bad.append(Bad(len(self._ends) - 1, reason, raw[:BAD_HEAD]))
        self._ends.append(len(self._out))

    def decoded(self) -> Decoded:
        """All of them."""
        return Decoded(bytes(self._out), np.array(self._ends, np.int64), self._bad)


class LineFormat(ABC):
    """A format whose records are lines: subclasses say how one line reads."""

    name: str = ""

    @abstractmethod
    def fields(self, line: str) -> dict[str, Any]:
        """One line as an object.

        Raises:
            ValueError: the line is not ours; its text becomes the reason.
        """

    def frame(self, file: BinaryIO, context: bytes = b"", *, after: int = 0, final: bool = True) -> Iterator[Framed]:
        """Cut the stream at its line ends."""
        return frame_lines(file, self.name, after=after, final=final)

    def decode(self, block: Block) -> Decoded:
        """Each line to one object; a line that is no UTF-8 is read as Latin-1 and marked (`_encoding`)."""
        out = Writer()
        for raw in block.records():
            line, clean = text(raw)
            try:
                record = self.fields(line)
                if not clean:
                    record[ENCODING_FIELD] = "latin-1"
                out.add(record)
            except (ValueError, TypeError, RecursionError) as error:
                out.refuse(str(error) or type(error).__name__, raw)
        return out.decoded()
