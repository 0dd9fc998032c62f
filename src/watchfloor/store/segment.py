"""One segment file of the landing: its bytes, and nothing else.

    header   magic "WFLAND\\r\\n", u16 version, u16 zero, u32 length of body, u32 CRC-32 of these 16 bytes,
             body (JSON), u32 CRC-32 of everything before
             body: source, created (ms), first (sequence), nonce (hex), previous (SHA-256 of the segment before, or ""),
             resume (stream -> after, as it stood when the segment began)
    block*   fixed head (52 bytes), meta (JSON), columns (zstd frame), payload (zstd frame)
    trailer  only when sealed: u64 offset of the footer block, magic "WFSEALED"

A block is one of
    RECORDS  many records of one stream: columns = received int64[n], length uint32[n], context; payload = the records
    MARK     says only that everything before `durable` had been flushed; follows every flush
    FOOTER   seals: meta holds the SHA-256 of all bytes before it and the last sequence, columns the index of blocks

Integers are little-endian. Every CRC-32 starts from the CRC of the segment's random nonce, so bytes inside a hostile
record can never pass for a block, nor can stale bytes of another file. `durable` in each head is what tells a torn
tail (never acknowledged: repair) from damage (acknowledged: stop and say so).
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import zstandard

from watchfloor.errors import StoreDamaged, StoreNewer

VERSION = 1
MAGIC = b"WFLAND\r\n"
SEALED = b"WFSEALED"
BLOCK = b"WFB\x01"
RECORDS, MARK, FOOTER = 1, 2, 3
LEVEL = 1

_HEADER = struct.Struct("<8sHHI")  # magic version zero length, then a CRC of its own
_HEAD = struct.Struct("<4sB3xIqQIIQII")  # magic kind rows first durable meta columns body body_crc head_crc
_TRAILER = struct.Struct("<Q8s")
_CRC = struct.Struct("<I")

RESTORE = (
    "restore this file from a backup, or, where there is none, rename it to end in .damaged: "
    "reading goes on behind it and the gap is reported"
)

Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Header:
    """How a segment begins."""

    source: str
    created: int
    first: int
    nonce: bytes
    previous: str
    resume: Mapping[str, str]
    end: int
    """Offset just behind the header."""

    @property
    def seed(self) -> int:
        """Where every CRC of this segment starts."""
        return zlib.crc32(self.nonce)


@dataclass(frozen=True, slots=True)
class Head:
    """The head of one block, checked against its CRC."""

    offset: int
    kind: int
    rows: int
    first: int
    durable: int
    columns: int
    body: int
    body_crc: int
    meta: bytes

    @property
    def start(self) -> int:
        """Offset of the body."""
        return self.offset + _HEAD.size + len(self.meta)

    @property
    def end(self) -> int:
        """Offset just behind the block."""
        return self.start + self.body


@dataclass(frozen=True, slots=True)
class Torn:
    """Where a segment stops making sense."""

    offset: int
    short: bool
    """True when the file simply ends too early, as a killed process leaves it."""
    records: int | None
    """How many records the broken block claims, where its head can still be read."""


# -- making bytes ------------------------------------------------------------------------------------------------------


def header(source: str, created: int, first: int, previous: str, resume: Mapping[str, str]) -> tuple[bytes, Header]:
    """The bytes a new segment begins with, and what they say."""
    nonce = os.urandom(16)
    body = json.dumps(
        {
            "source": source,
            "created": created,
            "first": first,
            "nonce": nonce.hex(),
            "previous": previous,
            "resume": dict(resume),
        },
        ensure_ascii=False,
        separators=(",", ":"),
    ).encode("utf-8", "surrogatepass")
    fixed = _HEADER.pack(MAGIC, VERSION, 0, len(body))
    data = fixed + _CRC.pack(zlib.crc32(fixed)) + body
    data += _CRC.pack(zlib.crc32(data))
    return data, Header(source, created, first, nonce, previous, dict(resume), len(data))


def block(
    kind: int,
    seed: int,
    durable: int,
    first: int,
    rows: int = 0,
    meta: bytes = b"",
    columns: bytes = b"",
    payload: bytes = b"",
) -> bytes:
    """The bytes of one block; `columns` and `payload` are compressed already (or empty)."""
    crc = zlib.crc32(payload, zlib.crc32(columns, seed))
    head = _HEAD.pack(BLOCK, kind, rows, first, durable, len(meta), len(columns), len(columns) + len(payload), crc, 0)[
        : -_CRC.size
    ]
    checksum = zlib.crc32(meta, zlib.crc32(head, seed))
    return b"".join((head, _CRC.pack(checksum), meta, columns, payload))


def records(
    compressor: zstandard.ZstdCompressor,
    seed: int,
    durable: int,
    first: int,
    meta: bytes,
    received: Int64,
    offsets: Int64,
    context: bytes,
    payload: bytes | memoryview,
) -> bytes:
    """The bytes of a RECORDS block."""
    lengths = np.diff(offsets).astype("<u4")
    columns = compressor.compress(received.astype("<i8").tobytes() + lengths.tobytes() + context)
    return block(RECORDS, seed, durable, first, len(received), meta, columns, compressor.compress(payload))


def footer(seed: int, offset: int, last: int, sha256: str, blocks: list[Head]) -> bytes:
    """The bytes that seal a segment whose content ends at `offset`."""
    index = np.array([[head.offset, head.first, head.rows] for head in blocks], "<i8").reshape(-1, 3)
    meta = json.dumps({"sha256": sha256, "last": last}).encode()
    columns = zstandard.ZstdCompressor(level=LEVEL).compress(index.tobytes())
    return block(FOOTER, seed, offset, last + 1, 0, meta, columns) + _TRAILER.pack(offset, SEALED)


@dataclass(frozen=True, slots=True)
class Packed:
    """The payload of a RECORDS block as it rests on disk, or the bytes `start:stop` of it."""

    zstd: bytes
    start: int
    stop: int

    def unpacked(self) -> bytes:
        """The bytes."""
        whole = zstandard.ZstdDecompressor().decompress(self.zstd)
        return whole if self.stop - self.start == len(whole) else whole[self.start : self.stop]

    def part(self, low: int, high: int) -> Packed:
        """The bytes `low:high` of these."""
        return Packed(self.zstd, self.start + low, self.start + high)


# -- reading bytes -----------------------------------------------------------------------------------------------------


def read_header(descriptor: int, path: Path) -> Header | None:
    """How the segment begins; None when the file ends within its header (killed while it was made: holds nothing).

    Raises:
        StoreNewer: written by a newer watchfloor.
        StoreDamaged: no header of ours.
    """
    start = _HEADER.size + _CRC.size
    fixed = os.pread(descriptor, start, 0)
    if len(fixed) < start and MAGIC.startswith(fixed[: len(MAGIC)]):
        return None
    if len(fixed) < start or zlib.crc32(fixed[: _HEADER.size]) != _CRC.unpack(fixed[_HEADER.size :])[0]:
        raise StoreDamaged("not a landing segment, or its header is damaged", file=path, remedy=RESTORE)
    magic, version, _, length = _HEADER.unpack(fixed[: _HEADER.size])
    if magic != MAGIC:
        raise StoreDamaged("not a landing segment", file=path, remedy=RESTORE)
    if version > VERSION:
        raise StoreNewer(
            f"landing format {version}, this watchfloor knows {VERSION}", file=path, remedy="use a newer watchfloor"
        )
    rest = os.pread(descriptor, length + _CRC.size, start)
    if len(rest) < length + _CRC.size:
        return None
    if zlib.crc32(fixed + rest[:length]) != _CRC.unpack(rest[length:])[0]:
        raise StoreDamaged("the segment's header is damaged", file=path, remedy=RESTORE)
    body: dict[str, Any] = json.loads(rest[:length].decode("utf-8", "surrogatepass"))
    return Header(
        body["source"], body["created"], body["first"], bytes.fromhex(body["nonce"]), body["previous"],
        body["resume"], start + length + _CRC.size,
    )  # fmt: skip


def read_head(descriptor: int, seed: int, offset: int, size: int) -> Head | Torn:
    """The head of the block at `offset` of a file of `size` bytes; its body may still be cut off."""
    fixed = os.pread(descriptor, _HEAD.size, offset)
    if len(fixed) < _HEAD.size:
        return Torn(offset, True, None)
    magic, kind, rows, first, durable, meta_length, columns, body, body_crc, head_crc = _HEAD.unpack(fixed)
    if magic != BLOCK:
        return Torn(offset, False, None)
    if offset + _HEAD.size + meta_length > size:
        return Torn(offset, True, None)
    meta = os.pread(descriptor, meta_length, offset + _HEAD.size)
    if zlib.crc32(meta, zlib.crc32(fixed[: -_CRC.size], seed)) != head_crc:
        return Torn(offset, False, None)
    return Head(offset, kind, rows, first, durable, columns, body, body_crc, meta)


def heads(descriptor: int, seed: int, offset: int, size: int, *, check: bool = False) -> Iterator[Head | Torn]:
    """Every block from `offset` on; ends behind the last whole one, with a Torn where something follows it.

    Args:
        check: also hold each body against its CRC.
    """
    while offset < size:
        head = read_head(descriptor, seed, offset, size)
        if isinstance(head, Head) and (head.end > size or (check and read_body(descriptor, seed, head) is None)):
            head = Torn(offset, head.end > size, head.rows)
        yield head
        if isinstance(head, Torn) or head.kind == FOOTER:
            return
        offset = head.end


def read_body(descriptor: int, seed: int, head: Head) -> bytes | None:
    """The compressed body; None when it does not hold against its CRC."""
    body = os.pread(descriptor, head.body, head.start)
    return body if len(body) == head.body and zlib.crc32(body, seed) == head.body_crc else None


def decode(head: Head, body: bytes) -> tuple[Int64, Int64, bytes, Packed]:
    """received int64[n], offsets int64[n+1], context, payload of a RECORDS block that holds against its CRC."""
    decompressor = zstandard.ZstdDecompressor()
    columns = decompressor.decompress(body[: head.columns])
    rows = head.rows
    received = np.frombuffer(columns, "<i8", rows).astype(np.int64, copy=False)
    offsets = np.zeros(rows + 1, np.int64)
    np.cumsum(np.frombuffer(columns, "<u4", rows, rows * 8), out=offsets[1:])
    return received, offsets, columns[rows * 12 :], Packed(body[head.columns :], 0, int(offsets[-1]))


def sealed_at(descriptor: int, size: int) -> int | None:
    """Offset of the footer of a sealed segment; None when it is not sealed."""
    if size < _TRAILER.size:
        return None
    offset, magic = _TRAILER.unpack(os.pread(descriptor, _TRAILER.size, size - _TRAILER.size))
    return offset if magic == SEALED and offset < size else None


def read_footer(descriptor: int, seed: int, offset: int, size: int, path: Path) -> tuple[dict[str, Any], Int64]:
    """What the footer at `offset` says (`sha256`, `last`), and the index int64[blocks, 3] of offset, first, rows.

    Raises:
        StoreDamaged: it does not hold.
    """
    head = read_head(descriptor, seed, offset, size)
    body = read_body(descriptor, seed, head) if isinstance(head, Head) and head.kind == FOOTER else None
    if body is None or isinstance(head, Torn) or head.end + _TRAILER.size != size:
        raise StoreDamaged(f"the seal at byte {offset} is damaged", file=path, remedy=RESTORE)
    index = np.frombuffer(zstandard.ZstdDecompressor().decompress(body), "<i8").reshape(-1, 3).astype(np.int64)
    return json.loads(head.meta), index


def acknowledged_behind(descriptor: int, seed: int, offset: int, size: int) -> int | None:
    """Where behind `offset` a block says that what stood at `offset` had been flushed; None if none does."""
    step = 1 << 20
    at = offset + 1
    while at < size:
        chunk = os.pread(descriptor, step + len(BLOCK) - 1, at)
        found = chunk.find(BLOCK)
        while found >= 0:
            head = read_head(descriptor, seed, at + found, size)
            if isinstance(head, Head) and offset < head.durable <= head.offset:
                return head.offset
            found = chunk.find(BLOCK, found + 1)
        at += step
    return None
