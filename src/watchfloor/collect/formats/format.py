"""What a format is: it frames bytes into records and decodes each record into one JSON object.

Framing never interprets and decoding never reads: `frame` cuts a stream into the records as the source wrote them
(these bytes go to the landing), `decode` turns a block of them into NDJSON for the tokeniser. Both are pure: the same
bytes give the same records wherever a block happens to end.

Three laws every format keeps, tested as properties over all of them:

* nothing vanishes: records read = records in blocks + `Framed.bad`; records in a block = decoded + `Decoded.bad`;
* framing from any `after` that framing gave continues exactly where it left off;
* nothing raises because of what the bytes say.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import BinaryIO, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from watchfloor.collect.quarantine import Bad

__all__ = [
    "BAD_HEAD",
    "BLOCK",
    "HEAD",
    "MAX_RECORD",
    "Bad",
    "Block",
    "Decoded",
    "Format",
    "Framed",
    "Offsets",
    "broken",
    "joined",
    "offsets_of",
    "skip_to",
]

Offsets = npt.NDArray[np.int64]

HEAD = 64 * 1024
"""Bytes a format may look at before it says whether a stream is its own."""

BLOCK = 8 * 1024 * 1024
"""Bytes read at a time; a block is about as big."""

MAX_RECORD = 16 * 1024 * 1024
"""The longest record, bytes. A longer one is one `Bad`; memory stays bounded while it is skipped."""

BAD_HEAD = 64 * 1024
"""How much of a bad record is kept, bytes."""


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Records of one stream, as the source wrote them.

    Args:
        payload: the records, end to end.
        offsets: record i is `payload[offsets[i]:offsets[i + 1]]`, with the line end and the blank lines that may
            follow it: compare and hash records without trailing blank space (`record`). Shape (rows + 1,), int64.
        context: what decoding needs beside the record (CSV and Zeek headers); empty for most formats.
        format: name of the format.
    """

    payload: bytes
    offsets: Offsets
    context: bytes = b""
    format: str = ""

    def __len__(self) -> int:
        return max(len(self.offsets) - 1, 0)

    def record(self, i: int) -> bytes:
        """Record i without the white space around it."""
        return self.payload[self.offsets[i] : self.offsets[i + 1]].strip()

    def records(self) -> list[bytes]:
        """All records without the white space around them."""
        ends = self.offsets.tolist()
        return [self.payload[a:b].strip() for a, b in pairwise(ends)]


@dataclass(frozen=True, slots=True, eq=False)
class Framed:
    """One step of framing.

    Args:
        block: the records.
        after: where to resume so that nothing is repeated and nothing skipped: the byte just behind the last record
            (of the decompressed UTF-8 stream); for EVTX the last event record id.
        bad: what could not be framed, beside the records of the block; `record` is the index in the block that it
            stood before.
        broken: why the stream ends before its time ("the gzip stream ends early"); only on the last step.
    """

    block: Block
    after: int
    bad: list[Bad] = field(default_factory=list)
    broken: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """The records of a block as JSON objects.

    Args:
        ndjson: the JSON.
        offsets: as in the block, with the same number of rows; a bad record is empty. Shape (rows + 1,), int64.
        bad: records that could not be decoded; `record` is the index in the block.
    """

    ndjson: bytes
    offsets: Offsets
    bad: list[Bad] = field(default_factory=list)


@runtime_checkable
class Format(Protocol):
    """One way of writing records down."""

    @property
    def name(self) -> str:
        """Name in configuration, in blocks and in what the user reads."""
        ...

    def sniff(self, head: bytes, name: str) -> float:
        """How sure we are, 0 to 1, that a stream with this head (at most `HEAD` bytes) and file name is ours."""
        ...

    def frame(self, file: BinaryIO, context: bytes = b"", *, after: int = 0, final: bool = True) -> Iterator[Framed]:
        """Cut a stream into records.

        Args:
            file: the stream at its very beginning, decompressed.
            context: `Block.context` of the last block before `after`; empty makes the format find it again.
            after: where an earlier framing stopped.
            final: False while the stream still grows: an unfinished last record then waits for the next time.
        """
        ...

    def decode(self, block: Block) -> Decoded:
        """Turn records into JSON objects. Never raises for what a record says."""
        ...


def skip_to(file: BinaryIO, after: int) -> None:
    """Move a stream that stands at its beginning to byte `after`, by reading where it cannot seek."""
    if after <= 0:
        return
    if file.seekable():
        file.seek(after)
        return
    left = after
    while left > 0:
        got = file.read(min(left, BLOCK))
        if not got:
            return
        left -= len(got)


def broken(file: BinaryIO) -> str | None:
    """Why a stream ended before its time, None when it ended well (or nobody can tell)."""
    seen: object | None = file
    while seen is not None:
        reason = getattr(seen, "broken", None)
        if isinstance(reason, str):
            return reason
        seen = getattr(seen, "raw", None) or getattr(seen, "inner", None)
    return None


def offsets_of(records: Sequence[bytes]) -> Offsets:
    """Offsets of records that are joined without anything between them. Shape (rows + 1,)."""
    offsets = np.zeros(len(records) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, records), np.int64, len(records)), out=offsets[1:])
    return offsets


def joined(records: Sequence[bytes], format: str, context: bytes = b"") -> Block:
    """A block of these records; each should bring its own line end."""
    return Block(b"".join(records), offsets_of(records), context, format)
