"""The files of one source of an estate: which there are, who they were at the last look, and where each goes on.

Logs that grow are tailed. What is compressed, an archive, an event file or UTF-16 is read as a whole, and from where
reading stopped when it has changed. In a folder, or behind a pattern, every file is a stream of its own, and rotation
renames streams: so each file is first held against the positions of all (`position.py`), those that only have a new
name get their position under it before anything is read, and a copy of what is read elsewhere is left alone. A source
that is one single file has its rotated forerunners looked for beside it (`tail.py`).
"""

from __future__ import annotations

import io
import os
import re
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from watchfloor.clock import now_ms
from watchfloor.collect.archive import packing, unpack
from watchfloor.collect.files import Opened, Skipped, opened, walk
from watchfloor.collect.formats.format import BLOCK, MAX_RECORD, Block, Format
from watchfloor.collect.position import SAMPLE, Position, begins, continues, sampled
from watchfloor.collect.source import START, Batch, cannot_open
from watchfloor.collect.tail import SETTLE_S, Tail
from watchfloor.errors import SourceError, named

__all__ = ["Watched"]

HEAD = 4096
"""Bytes that tell how a file is packed."""

HIDDEN = (".", "~")
"""Beginnings of names that are not read in a folder: hidden files, and what an editor left."""

EVENT_FILE = b"ElfFile\x00"

PACKED = re.compile(r"\.(gz|xz|bz2|zst|zstd|lz4|z)$", re.IGNORECASE)
STAMP = r"[._-](?:\d[\dTZ:._-]*|old|bak|prev|orig|copy|save)"
STAMPED = re.compile(rf"{STAMP}$", re.IGNORECASE)
STAMPED_STEM = re.compile(rf"{STAMP}(?=\.[a-z]\w{{0,7}}$)", re.IGNORECASE)
"""What rotation adds to a name: `app.log.1.gz`, `app-20260102.log`, `app.log.bak`."""

LOST = (
    "the file was truncated or replaced and no rotated copy was found: what was written behind the last look is lost, "
    "if anything was"
)

GROWING = frozenset(("utf-16-le", "utf-16-be"))
"""Packings of files that a writer may append to all the time."""


@dataclass(slots=True)
class _File:
    """One file at this look."""

    name: str
    path: Path
    status: os.stat_result
    packing: str | None
    event_file: bool
    start: Position | None = None
    former: str = ""
    """The stream it was at the last look."""
    copy: bool = False
    _head: bytes | None = None

    @property
    def whole(self) -> bool:
        return self.packing is not None or self.event_file

    @property
    def archive(self) -> bool:
        return self.packing in ("zip", "tar")

    @property
    def identity(self) -> tuple[int, int]:
        return self.status.st_dev, self.status.st_ino

    @property
    def stamp(self) -> str:
        return f"{self.status.st_size}:{self.status.st_mtime_ns}"

    @property
    def age_s(self) -> float:
        return now_ms() / 1000 - self.status.st_mtime

    @property
    def head(self) -> bytes:
        """The first bytes, unpacked."""
        if self._head is None:
            self._head = b""
            with suppress(OSError), self.stream() as stream:
                self._head = stream.read(SAMPLE)
        return self._head

    @contextmanager
    def stream(self) -> Iterator[BinaryIO]:
        """Its bytes, unpacked; those of an archive are none."""
        with self.path.open("rb") as file:
            members = iter(()) if self.archive else unpack(self.path.name, file)
            yield next((member.file for member in members if member.file), cast(BinaryIO, io.BytesIO()))


class Watched:
    """The files of one source.

    Args:
        path: a file, a folder or a pattern.
        folder: names of streams are relative to it.
        format: how all of them are written; None recognises each.
        store: a folder whose files are none of them: what we write must not be what we read.
    """

    def __init__(self, path: Path, folder: Path, format: Format | None = None, *, store: Path | None = None) -> None:
        self.path, self.folder, self.format = path, folder, format
        self.store = None if store is None else os.path.abspath(store) + os.sep

    def files(self) -> list[Path | Skipped]:
        """The file, all files of the folder, or what the pattern matches; and what cannot be read of it."""
        text = str(self.path)
        found: list[Path | Skipped]
        if any(mark in text for mark in "*?[") and not self.path.exists():
            depth = next(i for i, part in enumerate(self.path.parts) if set(part) & set("*?["))
            fixed = Path(*self.path.parts[:depth])
            found = list(walk(sorted(match for match in fixed.glob(str(self.path.relative_to(fixed))))))
        else:
            found = list(walk([self.path]))
        shown = [
            item
            for item in found
            if not _path(item).name.startswith(HIDDEN)
            and not (self.store and os.path.abspath(_path(item)).startswith(self.store))
        ]
        return sorted(shown, key=_path)

    def look(
        self, resume: Mapping[str, str], unread: list[tuple[str, str]], *, final: bool = False
    ) -> Iterator[tuple[str, Iterator[Batch]]]:
        """Every stream that may have something new, in turn. Batches are to be kept in the order they come in.

        Args:
            resume: stream -> `after` of its last batch.
            unread: given (stream, reason) of what cannot be read.
            final: nobody writes any more: take the unfinished last line of a file as a record too.

        Raises:
            SourceError: while reading a stream; the next one can be asked for.
        """
        positions = {stream: position for stream, after in resume.items() if (position := _loaded(after)) is not None}
        files: list[_File] = []
        for item in self.files():
            if isinstance(item, Skipped):
                unread.append((self._name(item.path), item.reason))
                continue
            try:
                files.append(self._seen(item))
            except OSError as error:
                unread.append((self._name(item), cannot_open(error, item).what))
        if not files and not unread:
            unread.append((named(self.path), "there is no such file"))
        alone = len(files) == 1 and files[0].path == self.path and not files[0].whole
        if alone:
            files[0].start = positions.get(files[0].name)
        else:
            found = _recognise(files, positions)
            unread += [(file.name, LOST) for file in files if _lost(file, positions.get(file.name), found)]
            yield from _renamed(files)
        for file in files:
            if file.copy:
                continue
            if file.whole:
                yield from self._whole(file, positions, unread, final=final)
            else:
                # A rotated file gets no more lines, so its last one may lack its end.
                ended = final or (file.name != _family(file.name) and file.age_s >= SETTLE_S)
                tail = Tail([file.path], self.format, final=ended, alone=not alone)
                yield file.name, tail.read(str(file.path), file.start.dump() if file.start else START)

    def _name(self, path: Path) -> str:
        try:
            return named(Path(os.path.abspath(path)).relative_to(os.path.abspath(self.folder)))
        except ValueError:
            return named(path)

    def _seen(self, path: Path) -> _File:
        with path.open("rb") as file:
            head = file.read(HEAD)
            status = os.fstat(file.fileno())
        return _File(self._name(path), path, status, packing(head, path.name), head.startswith(EVENT_FILE))

    # -- files that are read as a whole

    def _whole(
        self, file: _File, positions: Mapping[str, Position], unread: list[tuple[str, str]], *, final: bool
    ) -> Iterator[tuple[str, Iterator[Batch]]]:
        known = file.start or positions.get(file.name)
        if known is not None and known.stamp == file.stamp and known.stamp:
            return
        growing = file.packing in GROWING
        if not final and not growing and abs(file.age_s) < SETTLE_S:
            return  # it is still being put there
        own = named(file.path)
        only = not file.archive
        done = Position(device=file.identity[0], inode=file.identity[1], stamp=file.stamp)
        starts = self._verified(file, positions, known if only else None)
        for item in opened([file.path], format=self.format):
            if not isinstance(item, Opened):
                unread.append((file.name, item.reason))
                continue
            stream = file.name if only else file.name + item.name.removeprefix(own)
            start = starts.get(stream, Position())
            # A member of an archive has no identity of its own.
            device, inode = (done.device, done.inode) if only else (0, 0)
            reading = _Reading(item, replace(start, device=device, inode=inode, stamp=""))
            yield stream, reading.batches(final=final or not growing)
            if only:
                done = replace(reading.position, stamp=file.stamp)
        yield file.name, iter([_empty(done)])

    def _verified(self, file: _File, positions: Mapping[str, Position], known: Position | None) -> dict[str, Position]:
        """Per stream of a file that was read before where it goes on: only what still begins as it did."""
        own = named(file.path)
        begun = {name for name in positions if name == file.name or name.startswith(file.name + "/")}
        starts: dict[str, Position] = {}
        if not begun and known is None:
            return starts
        for item in opened([file.path], format=self.format):
            if not isinstance(item, Opened):
                continue
            stream = file.name if not file.archive else file.name + item.name.removeprefix(own)
            position = known if known is not None and stream == file.name else positions.get(stream)
            if position is None:
                continue
            if item.format.name == "evtx":  # it looks itself whether the last record is still there
                starts[stream] = position
                continue
            with suppress(OSError):
                if continues(item.file, position):
                    starts[stream] = position
        return starts


class _Reading:
    """One stream, read as a whole; knows the position behind what was read."""

    def __init__(self, item: Opened, position: Position) -> None:
        self.item, self.position = item, position

    def batches(self, *, final: bool) -> Iterator[Batch]:
        item = self.item
        samples = None if item.format.name == "evtx" else _Samples(item.file)
        read = item if samples is None else replace(item, file=cast(BinaryIO, samples))
        position = replace(self.position, format=item.format.name)
        context = position.context.encode("latin-1")
        for framed in read.frames(position.offset, context, final=final):
            context = framed.block.context or (context if samples is not None else b"")
            position = replace(position, offset=framed.after, context=context.decode("latin-1"))
            if samples is not None:
                size = min(SAMPLE, framed.after)
                position = replace(
                    position, size=size, digest=sampled(samples.head[:size]), last=sampled(samples.before(framed.after))
                )
            self.position = position
            yield Batch(framed.block, position.dump(), framed.bad, framed.broken)


class _Samples(io.RawIOBase):
    """A stream that remembers its first bytes and enough of the last ones to give those before any recent place."""

    KEPT = MAX_RECORD + 2 * BLOCK

    def __init__(self, inner: BinaryIO) -> None:
        super().__init__()
        self.inner = inner
        self.head = b""
        self._at = 0
        self._kept: deque[bytes] = deque()
        self._size = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self.inner.read(size)
        if len(self.head) < SAMPLE:
            self.head += data[: SAMPLE - len(self.head)]
        self._at += len(data)
        self._kept.append(data)
        self._size += len(data)
        while self._size - len(self._kept[0]) > self.KEPT:
            self._size -= len(self._kept.popleft())
        return data

    def before(self, end: int) -> bytes:
        """At most `SAMPLE` bytes before byte `end`; nothing when they are gone."""
        first = self._at - self._size
        start = max(end - SAMPLE, 0)
        if start < first or end > self._at:
            return b""
        found = b""
        for data in self._kept:
            if first < end and first + len(data) > start:
                found += data[max(start - first, 0) : end - first]
            first += len(data)
        return found


# -- who is who -------------------------------------------------------------------------------------------------------


def _recognise(files: list[_File], positions: Mapping[str, Position]) -> set[str]:
    """Give every file the position of what it was at the last look, under whatever name, and mark mere copies.

    Returns:
        The streams whose position some file goes on from.
    """
    by_identity: dict[tuple[int, int], list[str]] = defaultdict(list)
    kin: dict[str, list[str]] = defaultdict(list)
    for stream, position in positions.items():
        by_identity[position.device, position.inode].append(stream)
        kin[_family(stream)].append(stream)
    taken: dict[str, _File] = {}

    def give(file: _File, found: Iterable[str]) -> bool:
        streams = sorted(found, key=lambda stream: positions[stream].offset)
        if any(stream in taken for stream in streams):
            file.copy = True
        elif streams:
            file.former = streams[-1]
            file.start = replace(positions[file.former], device=file.identity[0], inode=file.identity[1])
            taken.update(dict.fromkeys(streams, file))
        return bool(streams)

    strangers = [
        file
        for file in files
        if not give(file, [s for s in by_identity.get(file.identity, ()) if _is(file, positions[s], own=True)])
    ]
    for file in sorted(strangers, key=lambda file: file.name not in positions):
        near = {file.name, *kin.get(_family(file.name), ())} & positions.keys()
        if not give(file, [s for s in near if _is(file, positions[s], own=s == file.name)]):
            file.copy = any(_repeats(file, other) for other in taken.values() if _kin(file, other))
    return set(taken)


def _is(file: _File, position: Position, *, own: bool) -> bool:
    """Whether a file holds all that was read of the one of the position, whatever its name and identity are.

    Args:
        own: it is the same file by its identity, or lies at the same place.
    """
    if position.stamp and position.stamp == file.stamp and own:
        return True
    if file.archive or file.event_file:
        # How far it is the same is looked at when it is read.
        return (position.device, position.inode) == file.identity and (position.format == "evtx") == file.event_file
    if position.format == "evtx":
        return False
    with suppress(OSError):
        if begins(file.head, position) or own:
            with file.stream() as stream:
                return continues(stream, position)
    return False


def _repeats(file: _File, other: _File) -> bool:
    """Whether all that a file says stands at the beginning of another one too: a copy that is being made."""
    if other.copy or not file.head or file.head != other.head[: len(file.head)]:
        return False
    with suppress(OSError):
        size, end = _end_of(file, None)
        return _end_of(other, size) == (size, end)
    return False


def _end_of(file: _File, stop: int | None) -> tuple[int, bytes]:
    """How long a file is, up to byte `stop`, and its last bytes there, unpacked."""
    at, end = 0, b""
    with file.stream() as stream:
        while data := stream.read(BLOCK if stop is None else min(BLOCK, stop - at)):
            at, end = at + len(data), (end + data)[-SAMPLE:]
    return at, end


def _renamed(files: Iterable[_File]) -> Iterator[tuple[str, Iterator[Batch]]]:
    """Positions under the new names, before anything is read: whatever happens then, no file is taken for a new one.

    A chain (`a.1` is `a.2` now, and `a` is `a.1`) is told from its end, so that no position is lost on the way.
    """
    waiting = {file.name: file for file in files if file.start is not None and file.former != file.name}
    while waiting:
        needed = {file.former for file in waiting.values()}
        file = waiting.pop(next((name for name in waiting if name not in needed), next(iter(waiting))))
        if file.start is not None:
            yield file.name, iter([_empty(file.start)])


def _family(name: str) -> str:
    """What a rotated file was called at first: `app.log` for `app.log.2.gz` and `app-20260102.log`."""
    folder, _, last = name.rpartition("/")
    last = PACKED.sub("", last)
    while (shorter := STAMPED.sub("", last)) != last and shorter:
        last = shorter
    return f"{folder}/{STAMPED_STEM.sub('', last)}"


def _lost(file: _File, position: Position | None, found: set[str]) -> bool:
    """Whether what was read under this name is nowhere any more."""
    read = position is not None and position.offset > 0 and not position.stamp
    return read and not file.whole and file.start is None and file.name not in found


def _kin(file: _File, other: _File) -> bool:
    return file is not other and _family(file.name) == _family(other.name)


def _path(item: Path | Skipped) -> Path:
    return item.path if isinstance(item, Skipped) else item


def _loaded(after: str) -> Position | None:
    try:
        return Position.load(after) if after else None
    except SourceError:
        return None


def _empty(position: Position) -> Batch:
    """No records, but a position."""
    return Batch(Block(b"", np.zeros(1, np.int64), b"", position.format), position.dump())
