"""Windows event files (.evtx), read by the `evtx` library.

A file is a 4 KiB header and chunks of 64 KiB ([MS-EVEN6], and the layout documented by libevtx). Chunks go to the
library in groups of 128 behind a header of our own, so that memory stays bounded, a damaged chunk costs only itself and
a damaged file header costs nothing. A live log is a ring: chunks are read in the order of their record ids.

The record we keep is the JSON that the library renders:
`{"Event": {"#attributes": .., "System": .., "EventData": ..}}`.
"""

from __future__ import annotations

import io
import os
import struct
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

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
    joined,
)
from watchfloor.collect.formats.lines import TOO_LONG

__all__ = ["EVTX", "Evtx"]

FILE_MAGIC = b"ElfFile\x00"
CHUNK_MAGIC = b"ElfChnk\x00"
HEADER = 4096
CHUNK = 65536
GROUP = 128
"""Chunks given to the library at once: 8 MiB."""

NO_RECORD = 2**64 - 1
RECORD_MAGIC = b"**\x00\x00"
RECORD_HEAD = 24
"""Magic, size, id and time of a record: no other record has the same."""

SPOOL = 64 * 1024 * 1024

_CHUNK_HEAD = struct.Struct("<8sQQQQIIII")
_HEADER = struct.pack("<8sQQQIHHHH", FILE_MAGIC, 0, GROUP - 1, 1, 128, 1, 3, HEADER, GROUP).ljust(HEADER, b"\x00")


@dataclass(frozen=True, slots=True)
class _Chunk:
    at: int  # in the file
    first: int  # record ids by its header
    last: int


class Evtx:
    """Windows event files."""

    name = "evtx"

    def sniff(self, head: bytes, name: str) -> float:
        """By the magic of the file or of its first chunk."""
        if head.startswith(FILE_MAGIC):
            return 1.0
        return 0.9 if head[HEADER : HEADER + 8] == CHUNK_MAGIC else 0.0

    def frame(self, file: BinaryIO, context: bytes = b"", *, after: int = 0, final: bool = True) -> Iterator[Framed]:
        """Records with an id above `after`, in the order of their ids. `Framed.after` is the last id of the step.

        The context is the head of that record: where another one has its id now, or all ids are lower, the log was
        cleared or exchanged, and is read from its beginning.
        """
        with _seekable(file) as whole:
            chunks, lost = _chunks(whole)
            if after and context and _exchanged(whole, chunks, after, context):
                after, context = 0, b""
            if after:
                lost = []  # told when the file was read for the first time
            for group in _groups(chunk for chunk in chunks if chunk.last > after):
                step = _group(whole, group, after)
                after, context = max(after, step.after), step.block.context
                yield Framed(step.block, after, [*lost, *step.bad])
                lost = []
            if lost:
                after = max(after, 1)
                yield Framed(joined([], self.name, context), after, lost)
            size = whole.seek(0, os.SEEK_END)
            torn = size > HEADER and (size - HEADER) % CHUNK != 0
            if size < HEADER or (torn and final and broken(file) is None):
                yield Framed(joined([], self.name, context), after, [], "the event file ends inside a chunk")

    def decode(self, block: Block) -> Decoded:
        """The payload itself."""
        return Decoded(block.payload, block.offsets)


class _seekable:
    """The file itself where it can seek, else a spooled copy."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.copy: BinaryIO | None = None

    def __enter__(self) -> BinaryIO:
        if self.file.seekable():
            return self.file
        self.copy = tempfile.SpooledTemporaryFile(SPOOL)  # type: ignore[assignment]
        assert self.copy is not None
        while data := self.file.read(BLOCK):
            self.copy.write(data)
        return self.copy

    def __exit__(self, *_: object) -> None:
        if self.copy is not None:
            self.copy.close()


def _chunks(file: BinaryIO) -> tuple[list[_Chunk], list[Bad]]:
    """The chunks that hold records, by record id, and those that nothing can be read from."""
    size = file.seek(0, os.SEEK_END)
    found: list[_Chunk] = []
    lost: list[Bad] = []
    for at in range(HEADER, size, CHUNK):
        file.seek(at)
        part = file.read(CHUNK)
        if not part.strip(b"\x00"):
            continue  # allocated, never written
        if len(part) < 512 or not part.startswith(CHUNK_MAGIC):
            count = len(_record_ids(part))
            reason = f"chunk at byte {at}: no event chunk where one should be ({count or 'no'} records in it)"
            lost.append(Bad(0, reason, part[:BAD_HEAD]))
            continue
        _, _, _, first, last, _, _, _, _ = _CHUNK_HEAD.unpack_from(part)
        if not 0 < first <= last < first + CHUNK:
            # An empty chunk, or a damaged header: the records know their ids.
            ids = _record_ids(part)
            if not ids:
                if first not in (0, NO_RECORD) and part[512:].strip(b"\x00"):
                    lost.append(Bad(0, f"chunk at byte {at}: its header is damaged", part[:BAD_HEAD]))
                continue
            first, last = min(ids), max(ids)
        found.append(_Chunk(at, first, last))
    # A ring that has wrapped: the order in the file is not the order of time.
    return sorted(found, key=lambda chunk: (chunk.first, chunk.at)), lost


def _record_ids(part: bytes) -> list[int]:
    """Ids of what looks like records in a chunk."""
    ids: list[int] = []
    at = part.find(RECORD_MAGIC)
    while 0 <= at <= len(part) - 24:
        size, identifier = struct.unpack_from("<IQ", part, at + 4)
        if 28 <= size <= CHUNK and 0 < identifier < NO_RECORD:
            ids.append(identifier)
        at = part.find(RECORD_MAGIC, at + 4)
    return ids


def _groups(chunks: Iterable[_Chunk]) -> Iterator[list[_Chunk]]:
    """Chunks to be read together. Those whose ids overlap stay together, so that one can resume behind each group."""
    group: list[_Chunk] = []
    last = 0
    for chunk in chunks:
        if len(group) >= GROUP and chunk.first > last:
            yield group
            group = []
        group.append(chunk)
        last = max(last, chunk.last)
    if group:
        yield group


def _exchanged(file: BinaryIO, chunks: list[_Chunk], last: int, head: bytes) -> bool:
    """Whether these chunks are not those in which the record `last` had this head."""
    for chunk in chunks:
        if chunk.first <= last <= chunk.last:
            file.seek(chunk.at)
            found = _raw(file.read(CHUNK), last)[:RECORD_HEAD]
            return bool(found) and found != head
    return max((chunk.last for chunk in chunks), default=last) < last


def _group(file: BinaryIO, chunks: list[_Chunk], after: int) -> Framed:
    """Read some chunks together; where one fails, each on its own so that we know which."""
    from evtx import PyEvtxParser

    parts: list[bytes] = []
    for chunk in chunks:
        file.seek(chunk.at)
        parts.append(file.read(CHUNK).ljust(CHUNK, b"\x00"))
    records: list[bytes] = []
    bad: list[Bad] = []
    last = after
    try:
        parser = PyEvtxParser(io.BytesIO(_HEADER + b"".join(parts)), number_of_threads=os.cpu_count() or 1)
        rows: Any = parser.records_json()
        for row in rows:
            if row["event_record_id"] > after:
                records.append(row["data"].encode("utf-8", "replace") + b"\n")
                last = max(last, row["event_record_id"])
    except (RuntimeError, ValueError, OSError):
        records, bad, last = [], [], after
        for chunk, part in zip(chunks, parts, strict=True):
            last = max(last, _one(chunk, part, after, records, bad))
    heads = (_raw(part, last) for chunk, part in zip(chunks, parts, strict=True) if chunk.first <= last <= chunk.last)
    return Framed(_checked(records, bad, next(heads, b"")[:RECORD_HEAD]), last, bad)


def _one(chunk: _Chunk, part: bytes, after: int, records: list[bytes], bad: list[Bad]) -> int:
    """One chunk that may be damaged: what can be read, and a `Bad` for each record that cannot."""
    from evtx import PyEvtxParser

    where = f"chunk at byte {chunk.at}"
    last = after
    seen: set[int] = set()
    reasons: list[str] = []
    rows: Any = iter(PyEvtxParser(io.BytesIO(_HEADER + part), number_of_threads=1).records_json())
    while len(reasons) < CHUNK // 24:
        try:
            row = next(rows)
        except StopIteration:
            break
        except (RuntimeError, ValueError, OSError) as error:
            reasons.append(" ".join(str(error).split())[:200])
            continue
        seen.add(row["event_record_id"])
        if row["event_record_id"] > after:
            records.append(row["data"].encode("utf-8", "replace") + b"\n")
            last = max(last, row["event_record_id"])
    span = range(chunk.first, chunk.last + 1)
    if len(span) > CHUNK // 24:
        span = range(0)  # ids made up by damage
    missing = [i for i in span if i not in seen and i > after]
    if reasons and not missing:
        missing = [chunk.last]
    reason = reasons[0] if reasons else "record missing"
    for number in missing:
        bad.append(Bad(len(records), f"{where}: {reason}", _raw(part, number)))
        last = max(last, number)
    return last


def _raw(part: bytes, number: int) -> bytes:
    """The bytes of a record in its chunk, as far as they can be found."""
    at = part.find(RECORD_MAGIC)
    while 0 <= at <= len(part) - 24:
        size, identifier = struct.unpack_from("<IQ", part, at + 4)
        if identifier == number:
            return part[at : at + min(size, BAD_HEAD)]
        at = part.find(RECORD_MAGIC, at + 4)
    return b""


def _checked(records: list[bytes], bad: list[Bad], context: bytes) -> Block:
    """A block of records, of which none is too long."""
    long = [i for i, record in enumerate(records) if len(record) > MAX_RECORD]
    for i in long:
        bad.append(Bad(0, TOO_LONG, records[i][:BAD_HEAD]))
    kept = [record for i, record in enumerate(records) if i not in set(long)] if long else records
    if not kept:
        return Block(b"", np.zeros(1, np.int64), context, EVTX.name)
    return joined(kept, EVTX.name, context)


EVTX = Evtx()
