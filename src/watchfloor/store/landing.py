"""The landing: every record as its source gave it, on disk before anything interprets it.

    landing/<source>/<first sequence, 20 digits>.wfl        segments; their bytes are described in segment.py

A record has a source, a stream of that source, the time it was received and a sequence: counted per source from 1,
without gaps, in the order of landing. `LandingWriter.append` hands records over, `flush` returning is the
acknowledgement. With the records travel the collector's own positions (`after` of each stream), so where collecting
has to go on after a crash is exactly as durable as the data itself.

Readers see only what has been flushed: what the lake holds can never be ahead of what the landing keeps.
"""

from __future__ import annotations

import errno
import hashlib
import heapq
import json
import logging
import os
import urllib.parse
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType

import numpy as np
import numpy.typing as npt
import zstandard

from watchfloor.clock import Clock, now_ms
from watchfloor.errors import StoreDamaged, StoreError
from watchfloor.store import segment
from watchfloor.store.disk import explained, make_folder, sync_folder, write_all

__all__ = ["LandedBlock", "LandingReader", "LandingWriter", "Position", "Repair", "folder_name", "verify"]

log = logging.getLogger(__name__)

SEGMENT_BYTES = 64 << 20
SUFFIX = ".wfl"
DAMAGED = ".damaged"
AFTER_DAMAGE = 1 << 32
"""How far sequences jump when the newest segment was set aside: no number is ever given twice."""

Position = Mapping[str, int]
"""Per source the sequence of the last record read; a source that is not named has not been read."""

Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class LandedBlock:
    """Records of one stream of one source, with consecutive sequences.

    Args:
        context: what the format needs to decode the records beside their own bytes (a CSV header).
        sequence: int64[n], consecutive.
        received: int64[n], ms since 1970-01-01T00:00:00Z.
        content: the records, one behind the other; what was landed stays packed until somebody asks for `payload`.
        offsets: int64[n+1], record i is payload[offsets[i]:offsets[i+1]]; begins with 0.
    """

    source: str
    stream: str
    format: str
    context: bytes
    sequence: Int64
    received: Int64
    content: bytes | segment.Packed
    offsets: Int64

    def __len__(self) -> int:
        return len(self.sequence)

    @property
    def payload(self) -> bytes:
        """The records as they came. Unpacked at every call: a batch of blocks waits in a tenth of the memory."""
        return self.content if isinstance(self.content, bytes) else self.content.unpacked()

    @property
    def size(self) -> int:
        """Bytes of the payload."""
        return int(self.offsets[-1] - self.offsets[0])

    def slice(self, start: int, stop: int) -> LandedBlock:
        """Records start..stop-1."""
        if start <= 0 and stop >= len(self):
            return self
        low, high = int(self.offsets[start]), int(self.offsets[stop])
        return replace(
            self,
            sequence=self.sequence[start:stop],
            received=self.received[start:stop],
            content=self.content[low:high] if isinstance(self.content, bytes) else self.content.part(low, high),
            offsets=self.offsets[start : stop + 1] - low,
        )


@dataclass(frozen=True, slots=True)
class Repair:
    """What opening a landing cut off behind the last whole block: nothing in it had been acknowledged."""

    file: Path
    offset: int
    bytes: int
    records: int | None
    """Records in the first torn block, where its head could still be read."""


def folder_name(source: str) -> str:
    """A source's id as the name of a folder: readable, unambiguous, never longer than a file system allows."""
    name = urllib.parse.quote(source, safe=" @+=,()", errors="surrogatepass").replace(
        ".", "%2E", int(source[:1] == ".")
    )
    if 0 < len(name) <= 160:
        return name
    digest = hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return f"{name[:100]}~{digest}"


def _segments(folder: Path) -> list[tuple[int, Path]]:
    try:
        names = os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise explained(error, folder) from error
    return sorted(
        (int(name[: -len(SUFFIX)]), folder / name) for name in names if name.endswith(SUFFIX) and name[:20].isdigit()
    )


# -- writing -----------------------------------------------------------------------------------------------------------


class LandingWriter:
    """Appends the records of one source. One writer per source: the estate's lock sees to that.

    Args:
        folder: the landing's folder; made when it is not there.
        source: the source's id.
        committed: the sequence the lake has already committed for this source. Should the landing hold less (a disk
            was restored from an old copy), numbering goes on behind it, so that no sequence ever names two records.
        segment_bytes: where a segment is sealed and the next one begun.

    Raises:
        StoreDamaged: acknowledged records cannot be read back.
        StoreNewer: a newer watchfloor wrote here.
        StoreFull, StoreError: the disk refuses.
    """

    def __init__(
        self,
        folder: Path,
        source: str,
        *,
        committed: int = 0,
        segment_bytes: int = SEGMENT_BYTES,
        clock: Clock = now_ms,
    ) -> None:
        self.source = source
        self.folder = Path(folder) / folder_name(source)
        self.repaired: Repair | None = None
        self._segment_bytes = segment_bytes
        self._clock = clock
        self._compressor = zstandard.ZstdCompressor(level=segment.LEVEL)
        self._descriptor = -1
        self._path = self.folder
        self._next = 1
        self._seed = self._end = self._durable = 0
        self._new_name = False
        self._index: list[segment.Head] = []
        self._previous = ""
        self._resume: dict[str, str] = {}
        self._broken = False
        make_folder(self.folder)
        try:
            self._open_last()
        except OSError as error:
            self._release()
            raise explained(error, self._path) from error
        except BaseException:
            self._release()
            raise
        if self._next <= committed:
            log.warning("landing of %s ends before what the lake has committed; numbering goes on behind it", source)
            self._seal_if_open()
            self._next = committed + 1

    def __enter__(self) -> LandingWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(flush=kind is None)

    @property
    def last(self) -> int:
        """The sequence of the last record appended; 0 when there is none."""
        return self._next - 1

    def resume(self) -> dict[str, str]:
        """Per stream the `after` that came with its last block."""
        return dict(self._resume)

    def append(
        self,
        stream: str,
        format: str,
        payload: bytes | memoryview,
        offsets: Int64,
        received: Int64 | int,
        *,
        context: bytes = b"",
        after: str = "",
    ) -> int:
        """Hand records over; they are acknowledged when `flush` returns. No records and only an `after` is allowed.

        Args:
            offsets: int64[n+1], record i is payload[offsets[i]:offsets[i+1]].
            received: ms since the epoch, one for all or int64[n].
            after: the stream's own position just behind these records.

        Returns:
            The sequence of the last record, the first one's being that minus n plus 1.

        Raises:
            StoreFull: no space; the segment is as it was before and stays readable.
            StoreError: the disk refuses.
        """
        offsets = np.ascontiguousarray(offsets, np.int64)
        rows = len(offsets) - 1
        if rows < 0 or (
            rows and (int(offsets[0]) < 0 or int(offsets[-1]) > len(payload) or (np.diff(offsets) < 0).any())
        ):
            raise StoreError("offsets do not fit the payload", file=self._path, remedy="a bug in a source: report it")
        times = np.full(rows, received, np.int64) if isinstance(received, int) else np.asarray(received, np.int64)
        if len(times) != rows:
            raise StoreError("one received time per record is needed", file=self._path, remedy="report this bug")
        self._usable()
        if self._end >= self._segment_bytes:
            self._seal_if_open()
        if self._descriptor < 0:
            self._begin()
        if rows and (int(offsets[0]) or int(offsets[-1]) != len(payload)):
            payload = memoryview(payload)[int(offsets[0]) : int(offsets[-1])]
        meta = json.dumps({"stream": stream, "format": format, "after": after}, separators=(",", ":")).encode()
        data = segment.records(
            self._compressor,
            self._seed,
            self._durable,
            self._next,
            meta,
            times,
            offsets,
            context,
            payload if rows else b"",
        )
        start = self._end
        self._write(data)
        self._index.append(segment.Head(start, segment.RECORDS, rows, self._next, self._durable, 0, 0, 0, b""))
        self._next += rows
        if after:
            self._resume[stream] = after
        return self._next - 1

    def flush(self) -> int:
        """Make everything appended durable: returning is the acknowledgement.

        Returns:
            The sequence up to which records are acknowledged.
        """
        self._usable()
        if self._descriptor >= 0 and self._durable < self._end:
            self._sync()
            if self._new_name:
                try:
                    sync_folder(self.folder)
                except OSError as error:
                    raise explained(error, self.folder) from error
                self._new_name = False
            self._durable = self._end
            self._mark()
        return self._next - 1

    def close(self, *, flush: bool = True, seal: bool = False) -> None:
        """Flush and let go of the file. A closed writer can be followed by a new one; `seal` ends the segment too."""
        try:
            if self._descriptor >= 0 and not self._broken:
                if seal:
                    self._seal_if_open()
                elif flush:
                    self.flush()
        finally:
            self._release()

    # -- inside

    def _release(self) -> None:
        """Let go of the file as it is."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        self._broken = True

    def _usable(self) -> None:
        if self._broken:
            raise StoreError(
                "this landing is closed, or a write failed before", file=self._path, remedy="open it again"
            )

    def _begin(self) -> None:
        self._path = self.folder / f"{self._next:020d}{SUFFIX}"
        data, head = segment.header(self.source, self._clock(), self._next, self._previous, self._resume)
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        except OSError as error:
            raise explained(error, self._path) from error
        try:
            write_all(descriptor, data)
        except OSError as error:
            os.close(descriptor)
            self._path.unlink(missing_ok=True)
            raise explained(error, self._path) from error
        self._descriptor, self._seed, self._end, self._durable = descriptor, head.seed, len(data), 0
        self._hash = hashlib.sha256(data)
        self._index = []
        self._new_name = True

    def _write(self, data: bytes) -> None:
        try:
            os.lseek(self._descriptor, self._end, os.SEEK_SET)
            write_all(self._descriptor, data)
        except OSError as error:
            try:
                os.ftruncate(self._descriptor, self._end)
            except OSError:
                self._broken = True  # the next opening repairs it
            raise explained(error, self._path) from error
        self._hash.update(data)
        self._end += len(data)

    def _sync(self) -> None:
        try:
            os.fdatasync(self._descriptor)
        except OSError as error:
            # After a failed fsync nobody knows what is on the disk (and a second one would lie): open again and look.
            self._broken = True
            raise explained(error, self._path) from error

    def _mark(self) -> None:
        """Say in the file what has been flushed. Not flushed itself: it is for readers and for repair."""
        try:
            self._write(segment.block(segment.MARK, self._seed, self._durable, self._next))
        except StoreError:
            log.warning("no room for a flush mark in %s", self._path)
            return
        self._durable = self._end

    def _seal_if_open(self) -> None:
        if self._descriptor < 0:
            return
        self.flush()
        if not any(head.rows for head in self._index):
            return  # only positions so far: the next segment would need the same name
        digest = self._hash.hexdigest()
        self._write(segment.footer(self._seed, self._end, self._next - 1, digest, self._index))
        self._sync()
        os.close(self._descriptor)
        self._descriptor = -1
        self._previous = digest

    def _open_last(self) -> None:
        present = _segments(self.folder)
        aside = [int(p.name[:20]) for p in self.folder.glob(f"*{SUFFIX}{DAMAGED}") if p.name[:20].isdigit()]
        while present:
            first, self._path = present.pop()
            descriptor = self._descriptor = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
            size = os.fstat(descriptor).st_size
            head = segment.read_header(descriptor, self._path)
            if head is None:  # killed while it was being made: it never held anything
                self.repaired = Repair(self._path, 0, size, None)
                os.close(descriptor)
                self._descriptor = -1
                self._path.unlink()
                sync_folder(self.folder)
                continue
            if head.source != self.source:
                raise StoreDamaged(f"holds records of {head.source!r}", file=self._path, remedy=segment.RESTORE)
            self._resume = dict(head.resume)
            self._seed = head.seed
            footer = segment.sealed_at(descriptor, size)
            if footer is None:
                self._open_tail(head, size)
            else:
                facts, index = segment.read_footer(descriptor, head.seed, footer, size, self._path)
                for offset in index[:, 0]:
                    self._remember(segment.read_head(descriptor, head.seed, int(offset), size))
                self._previous = facts["sha256"]
                self._next = facts["last"] + 1
                os.close(descriptor)
                self._descriptor = -1
            if max(aside, default=0) > first:
                break
            return
        if aside:
            self._seal_if_open()
            self._next = max(self._next, max(aside) + AFTER_DAMAGE)

    def _open_tail(self, head: segment.Header, size: int) -> None:
        """Walk an unsealed segment, cut what was never acknowledged, and stand at its end."""
        self._next, self._index, self._end = head.first, [], head.end
        torn: segment.Torn | None = None
        for part in segment.heads(self._descriptor, head.seed, head.end, size, check=True):
            if isinstance(part, segment.Torn):
                torn = part
                break
            if part.kind == segment.FOOTER:  # killed between the footer and its trailer
                torn = segment.Torn(part.offset, True, None)
                break
            if part.kind == segment.RECORDS:
                self._index.append(part)
                self._remember(part)
                self._next = part.first + part.rows
            self._end = part.end
        if torn is not None:
            later = segment.acknowledged_behind(self._descriptor, head.seed, torn.offset, size)
            if later is not None:
                raise StoreDamaged(
                    f"the block at byte {torn.offset} is damaged; acknowledged records follow it",
                    file=self._path,
                    remedy=segment.RESTORE,
                )
            self.repaired = Repair(self._path, torn.offset, size - torn.offset, torn.records)
            log.warning("cut %d bytes never acknowledged off the end of %s", size - torn.offset, self._path)
            if not torn.short:
                self._set_tail_aside(torn.offset, size)
            os.ftruncate(self._descriptor, torn.offset)
        self._hash = hashlib.sha256()
        at = 0
        while at < self._end:
            chunk = os.pread(self._descriptor, min(1 << 20, self._end - at), at)
            self._hash.update(chunk)
            at += len(chunk)
        self._new_name = True
        self._durable = 0
        self.flush()  # what a killed writer left in the page cache counts as landed now

    def _set_tail_aside(self, offset: int, size: int) -> None:
        """Keep a tail that is not merely short, for whoever wants to look at it."""
        beside = self._path.with_name(f"{self._path.name}.tail-{offset}")
        try:
            beside.write_bytes(os.pread(self._descriptor, size - offset, offset))
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise
            beside.unlink(missing_ok=True)

    def _remember(self, head: segment.Head | segment.Torn) -> None:
        if isinstance(head, segment.Torn):
            raise StoreDamaged(f"the block at byte {head.offset} is damaged", file=self._path, remedy=segment.RESTORE)
        meta = json.loads(head.meta)
        if meta["after"]:
            self._resume[meta["stream"]] = meta["after"]


# -- reading -----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Opened:
    """What a reader knows of one segment."""

    path: Path
    header: segment.Header
    sealed: bool
    offsets: list[int] = field(default_factory=list)
    firsts: list[int] = field(default_factory=list)
    pending: list[segment.Head] = field(default_factory=list)
    """Blocks seen but not known to be flushed."""
    scanned: int = 0
    durable: int = 0
    last: int = 0


class LandingReader:
    """Reads the landing of all sources; needs no lock and writes nothing, so a read-only folder will do.

    Args:
        folder: the landing's folder; one that is not there reads as empty.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self._known: dict[Path, _Opened] = {}
        self._names: dict[str, str] = {}

    def sources(self) -> list[str]:
        """The ids of all sources that have a segment, sorted."""
        try:
            folders = sorted(entry.name for entry in os.scandir(self.folder) if entry.is_dir())
        except FileNotFoundError:
            return []
        except OSError as error:
            raise explained(error, self.folder) from error
        names = []
        for name in folders:
            if name not in self._names:
                for _, path in _segments(self.folder / name):
                    opened = self._open(path)
                    if opened is not None:
                        self._names[name] = opened.header.source
                        break
            if name in self._names:
                names.append(self._names[name])
        return sorted(names)

    def last(self, source: str) -> int:
        """The sequence of the last flushed record; 0 when there is none."""
        for _, path in reversed(_segments(self.folder / folder_name(source))):
            opened = self._open(path)
            if opened is not None:
                return max(opened.last, opened.header.first - 1)
        return 0

    def end(self) -> dict[str, int]:
        """Per source the sequence of the last flushed record."""
        return {source: self.last(source) for source in self.sources()}

    def resume(self, source: str) -> dict[str, str]:
        """Per stream the `after` of its last flushed block."""
        for _, path in reversed(_segments(self.folder / folder_name(source))):
            opened = self._open(path)
            if opened is None:
                continue
            after = dict(opened.header.resume)
            with _descriptor(path) as descriptor:
                size = os.fstat(descriptor).st_size
                for offset in opened.offsets:
                    head = segment.read_head(descriptor, opened.header.seed, offset, size)
                    if isinstance(head, segment.Torn):
                        raise _damaged(path, offset)
                    meta = json.loads(head.meta)
                    if meta["after"]:
                        after[meta["stream"]] = meta["after"]
            return after
        return {}

    def read(
        self,
        after: Position | None = None,
        limit_records: int | None = None,
        *,
        until: Position | None = None,
        sources: Iterable[str] | None = None,
    ) -> Iterator[LandedBlock]:
        """Flushed records behind `after`, of all sources, the block received first coming first.

        Args:
            after: per source the last sequence already read; resuming from any position, also inside a block,
                neither repeats nor skips.
            limit_records: stop after so many records, cutting the last block where needed.
            until: per source the last sequence wanted; a source it does not name is not read. Together with `after`
                it names exactly the records of one batch.
            sources: read only these.

        Raises:
            StoreDamaged: a checksum does not hold; names the file, the byte and what to do.
            StoreNewer: written by a newer watchfloor.
        """
        after = after or {}
        wanted = sorted(until) if until is not None else self.sources()
        if sources is not None:
            chosen = set(sources)
            wanted = [source for source in wanted if source in chosen]
        left = limit_records
        queue: list[tuple[int, int, LandedBlock, Iterator[LandedBlock]]] = []

        def advance(order: int, blocks: Iterator[LandedBlock]) -> None:
            block = next(blocks, None)
            if block is not None:
                heapq.heappush(queue, (int(block.received[0]), order, block, blocks))

        for order, source in enumerate(wanted):
            stop = None if until is None else until[source]
            advance(order, self._blocks(source, after.get(source, 0), stop))
        while queue and (left is None or left > 0):
            _, order, block, blocks = heapq.heappop(queue)
            if left is not None:
                block = block.slice(0, min(left, len(block)))
                left -= len(block)
            yield block
            if left is None or left > 0:
                advance(order, blocks)

    def record(self, source: str, sequence: int) -> bytes:
        """One record as its source gave it.

        Raises:
            StoreError: the landing does not hold it (any more).
        """
        for block in self._blocks(source, sequence - 1, sequence):
            if int(block.sequence[0]) == sequence:
                return block.payload
            break
        raise StoreError(
            f"record {sequence} of {source!r} is not in the landing",
            file=self.folder / folder_name(source),
            remedy="it may have been removed by retention; the event in the lake stays",
        )

    # -- inside

    def _blocks(self, source: str, after: int, until: int | None) -> Iterator[LandedBlock]:
        if until is not None and until <= after:
            return
        segments = _segments(self.folder / folder_name(source))
        begin = max(0, bisect_right([first for first, _ in segments], after + 1) - 1)
        expected: int | None = after + 1 if after else None
        for number, (first, path) in enumerate(segments[begin:], begin):
            if until is not None and first > until:
                return
            opened = self._open(path, newest=number == len(segments) - 1)
            if opened is None:
                continue
            if opened.last <= after:
                continue
            with _descriptor(path) as descriptor:
                at = max(0, bisect_right(opened.firsts, after + 1) - 1)
                for offset in opened.offsets[at:]:
                    block = _load(descriptor, opened, offset)
                    if block is None:
                        continue
                    low, high = int(block.sequence[0]), int(block.sequence[-1])
                    if high <= after:
                        continue
                    if until is not None and low > until:
                        return
                    if expected is not None and low > expected:
                        log.warning("landing of %s lacks records %d to %d", source, expected, low - 1)
                    expected = high + 1
                    stop = len(block) if until is None else min(len(block), until - low + 1)
                    yield block.slice(max(0, after + 1 - low), stop)

    def _open(self, path: Path, *, newest: bool = True) -> _Opened | None:
        """What is known of a segment, brought up to date; None when it holds nothing yet."""
        opened = self._known.get(path)
        if opened is not None and opened.sealed:
            return opened
        with _descriptor(path) as descriptor:
            size = os.fstat(descriptor).st_size
            if opened is None:
                header = segment.read_header(descriptor, path)
                if header is None:
                    return None
                opened = _Opened(path, header, False, scanned=header.end, last=header.first - 1)
            footer = segment.sealed_at(descriptor, size)
            if footer is not None:
                facts, index = segment.read_footer(descriptor, opened.header.seed, footer, size, path)
                opened = _Opened(
                    path, opened.header, True, index[:, 0].tolist(), index[:, 1].tolist(), last=facts["last"]
                )
            else:
                self._scan(descriptor, opened, size, newest)
        self._known[path] = opened
        return opened

    def _scan(self, descriptor: int, opened: _Opened, size: int, newest: bool) -> None:
        for part in segment.heads(descriptor, opened.header.seed, opened.scanned, size):
            if isinstance(part, segment.Torn):
                behind = segment.acknowledged_behind(descriptor, opened.header.seed, part.offset, size)
                if behind is not None or not newest:
                    raise _damaged(opened.path, part.offset)
                break
            opened.durable = max(opened.durable, part.durable)
            if part.kind == segment.FOOTER:
                break
            if part.kind == segment.RECORDS:
                opened.pending.append(part)
            opened.scanned = part.end
        while opened.pending and opened.pending[0].end <= opened.durable:
            head = opened.pending.pop(0)
            opened.offsets.append(head.offset)
            opened.firsts.append(head.first)
            opened.last = head.first + head.rows - 1


class _descriptor:
    """A file open for reading, as the operating system's number."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> int:
        try:
            self._number = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise explained(error, self._path) from error
        return self._number

    def __exit__(self, *_: object) -> None:
        os.close(self._number)


def _damaged(path: Path, offset: int) -> StoreDamaged:
    return StoreDamaged(f"the block at byte {offset} is damaged", file=path, remedy=segment.RESTORE)


def _load(descriptor: int, opened: _Opened, offset: int) -> LandedBlock | None:
    """The block at `offset`; None when it carries only a position."""
    seed = opened.header.seed
    head = segment.read_head(descriptor, seed, offset, os.fstat(descriptor).st_size)
    body = None if isinstance(head, segment.Torn) else segment.read_body(descriptor, seed, head)
    if body is None or isinstance(head, segment.Torn):
        raise _damaged(opened.path, offset)
    if head.rows == 0:
        return None
    meta = json.loads(head.meta)
    received, offsets, context, packed = segment.decode(head, body)
    sequence = np.arange(head.first, head.first + head.rows, dtype=np.int64)
    return LandedBlock(
        opened.header.source, meta["stream"], meta["format"], context, sequence, received, packed, offsets
    )


def verify(path: Path) -> str:
    """Hold a sealed segment against its SHA-256, every block against its CRC, and give the SHA-256.

    Raises:
        StoreDamaged: it does not hold, or it is not sealed.
    """
    with _descriptor(path) as descriptor:
        size = os.fstat(descriptor).st_size
        header = segment.read_header(descriptor, path)
        offset = segment.sealed_at(descriptor, size)
        if header is None or offset is None:
            raise StoreDamaged(
                "not sealed", file=path, remedy="the newest segment of a source is sealed when it is full"
            )
        facts, _ = segment.read_footer(descriptor, header.seed, offset, size, path)
        digest, at = hashlib.sha256(), 0
        while at < offset:
            chunk = os.pread(descriptor, min(1 << 20, offset - at), at)
            digest.update(chunk)
            at += len(chunk)
        if digest.hexdigest() != facts["sha256"]:
            for part in segment.heads(descriptor, header.seed, header.end, offset, check=True):
                if isinstance(part, segment.Torn):
                    raise _damaged(path, part.offset)
            raise StoreDamaged("the segment is not what was sealed", file=path, remedy=segment.RESTORE)
        return digest.hexdigest()
