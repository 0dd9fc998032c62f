"""Files that grow, through every way logs are rotated: moved and created anew, truncated, copied and truncated.

A position remembers which file it means: device, inode, byte offset, and a digest of the file's first bytes, because
inodes are used again and a truncated file keeps its own. Where the file at the path is no longer that file, the rotated
one is looked for beside it (also compressed) and read to its end first. What cannot be found again is said, not hidden.

`read` returns when it has caught up; the caller decides when to look again. The position is opaque text.
"""

from __future__ import annotations

import hashlib
import io
import logging
import os
import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import BinaryIO, cast

import msgspec
import numpy as np

from watchfloor.clock import now_ms
from watchfloor.collect.archive import head_of, unpack
from watchfloor.collect.formats.format import BLOCK, HEAD, Block, Format, broken
from watchfloor.collect.formats.recognise import by_name, recognise
from watchfloor.collect.source import START, Batch, cannot_open
from watchfloor.errors import SourceError, SourceMalformed, SourceUnreachable

__all__ = ["Position", "Tail", "rotated"]

log = logging.getLogger(__name__)

DIGEST = 1024
"""Bytes at the beginning of a file that tell it from others."""

SETTLE_S = 2.0
"""A file that has not grown for so long is not in the middle of a record that spans lines."""

MAX_ROTATIONS = 1000
"""Rotated files that are caught up with in one reading."""

SPANNING = frozenset(("auditd",))
"""Formats whose records span lines, so that the last one is complete only when the file has settled."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where reading stopped.

    Args:
        device, inode: the file's identity when it was read; copies have another.
        offset: `Framed.after` of its format.
        size: bytes of the beginning that `digest` covers.
        digest: SHA-256 of them, hexadecimal.
        context: `Block.context` that belongs to the offset, Latin-1.
        format: name of the format once it is known.
    """

    device: int = 0
    inode: int = 0
    offset: int = 0
    size: int = 0
    digest: str = ""
    context: str = ""
    format: str = ""

    def dump(self) -> str:
        """As text."""
        return msgspec.json.encode(asdict(self)).decode()

    @classmethod
    def load(cls, text: str) -> Position:
        """From text.

        Raises:
            SourceMalformed: it is no position of a tail.
        """
        try:
            return msgspec.json.decode(text.encode(), type=cls)
        except msgspec.DecodeError as error:
            raise SourceMalformed(f"this is no position in a tailed file ({error})") from error


class Tail:
    """Growing files as a source; a stream is one path.

    Args:
        paths: files, or patterns such as `/var/log/app/*.log`; rotated siblings are found by themselves.
        format: name of their format; None recognises it by the first bytes.
        settle_s: seconds without growth after which an event of several lines is complete.
        final: nobody writes any more: the last line is a record even without its end.
    """

    def __init__(
        self,
        paths: Sequence[str | Path],
        format: str | None = None,
        settle_s: float = SETTLE_S,
        *,
        final: bool = False,
    ) -> None:
        self.final = final
        self.paths = tuple(str(path) for path in paths)
        self.format = None if format is None else by_name(format)
        self.settle_s = settle_s

    def check(self) -> list[SourceError]:
        """Paths that are missing or refused."""
        problems: list[SourceError] = []
        for stream in self.streams():
            if not os.path.exists(stream):
                problems.append(SourceUnreachable("it does not exist", file=stream, remedy="check the path"))
            elif not os.access(stream, os.R_OK):
                problems.append(cannot_open(PermissionError(), stream))
        return problems

    def streams(self) -> list[str]:
        """The given files, and what the patterns match now."""
        found: list[str] = []
        for path in self.paths:
            if any(mark in path for mark in "*?["):
                folder, pattern = os.path.split(path)
                found += sorted(str(match) for match in Path(folder or ".").glob(pattern) if match.is_file())
            else:
                found.append(path)
        return list(dict.fromkeys(found))

    def read(self, stream: str, after: str = START) -> Iterator[Batch]:
        """What was written since `after`, first to the file's rotated forerunners, then to the file itself."""
        path = Path(stream)
        position = Position.load(after) if after else None
        for _ in range(MAX_ROTATIONS):
            try:
                file = path.open("rb")
            except OSError as error:
                old = _forerunner(path, position) if position is not None else None
                if position is None or not isinstance(error, FileNotFoundError):
                    raise cannot_open(error, path) from error
                if old is not None:
                    # Moved away and not created anew yet; the writer may still hold it open.
                    yield from self._rest(path, old, position, final=self._settled(old))
                return
            with file:
                if position is None or _same(file, position):
                    yield from self._grown(path, file, position or Position())
                    return
                old = _forerunner(path, position)
                if old is None:
                    position = yield from self._lost(file, position)
                    continue
                switched = os.fstat(file.fileno()).st_size > 0 or self._settled(old)
                position = yield from self._rest(path, old, position, final=switched)
                if not switched:
                    return  # the writer may not have let go of the old file yet
                position = _successor(path, old, position) or _start_of(file, position)
        log.warning("a tailed file was rotated %d times while it was read", MAX_ROTATIONS)

    def _settled(self, path: Path) -> bool:
        return now_ms() - path.stat().st_mtime_ns // 1_000_000 >= self.settle_s * 1000

    def _grown(self, path: Path, file: BinaryIO, position: Position) -> Iterator[Batch]:
        """The file at the path, which may still be written to."""
        status = os.fstat(file.fileno())
        if status.st_size == 0:
            return
        format = self._format(path, file, position)
        if (
            format.name in SPANNING
            and not self.final
            and now_ms() - status.st_mtime_ns // 1_000_000 >= self.settle_s * 1000
        ):
            whole = _last_line_end(file, status.st_size)
            if whole:
                # No event of several lines is open, but the last line may be: hide it.
                yield from self._batches(cast(BinaryIO, _Upto(file, whole)), file, format, position, final=True)
            return
        yield from self._batches(file, file, format, position, final=self.final)

    def _rest(self, path: Path, old: Path, position: Position, *, final: bool) -> Generator[Batch, None, Position]:
        """What is left of a rotated file. Returns the position behind it."""
        with old.open("rb") as file:
            for member in unpack(str(old), file):
                if member.file is None:
                    raise SourceMalformed(member.problem or "cannot be read", file=old)
                format = self._format(path, member.file, position)
                for batch in self._batches(member.file, None, format, position, final=final):
                    position = Position.load(batch.after)
                    yield batch
                return position
        return position

    def _lost(self, file: BinaryIO, position: Position) -> Generator[Batch, None, Position]:
        """The file we read is nowhere to be found: say so, and start with the one that stands in its place."""
        fresh = _start_of(file, position)
        reason = (
            f"the file was truncated or replaced and no rotated copy was found: "
            f"what was written behind byte {position.offset} is lost, if anything was"
        )
        yield Batch(Block(b"", np.zeros(1, np.int64), b"", position.format), fresh.dump(), [], reason)
        return fresh

    def _format(self, path: Path, file: BinaryIO, position: Position) -> Format:
        if self.format is not None:
            return self.format
        if position.format:
            return by_name(position.format)
        return recognise(head_of(file, HEAD), path.name)

    def _batches(
        self, view: BinaryIO, file: BinaryIO | None, format: Format, position: Position, *, final: bool
    ) -> Iterator[Batch]:
        position = replace(position, format=format.name)
        context = position.context.encode("latin-1")
        for framed in format.frame(view, context, after=position.offset, final=final):
            if framed.block.context:
                context = framed.block.context
            position = replace(position, offset=framed.after, context=context.decode("latin-1"))
            if file is not None:
                position = _identify(file, position)
            yield Batch(framed.block, position.dump(), framed.bad, framed.broken)
        reason = broken(view)
        if reason is not None:
            yield Batch(Block(b"", np.zeros(1, np.int64), b"", format.name), position.dump(), [], reason)


class _Upto(io.RawIOBase):
    """The first bytes of a file, as if it ended there."""

    def __init__(self, inner: BinaryIO, size: int) -> None:
        super().__init__()
        self.inner = inner
        self.size = size
        inner.seek(0)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if whence == os.SEEK_END:
            return self.inner.seek(self.size + offset)
        return self.inner.seek(offset, whence)

    def tell(self) -> int:
        return self.inner.tell()

    def read(self, size: int = -1) -> bytes:
        left = max(self.size - self.inner.tell(), 0)
        return self.inner.read(left if size < 0 else min(size, left))


def _last_line_end(file: BinaryIO, size: int) -> int:
    """Where the last whole line ends, looking back no further than needed."""
    end = size
    while end > 0:
        start = max(end - BLOCK, 0)
        file.seek(start)
        at = file.read(end - start).rfind(b"\n")
        if at >= 0:
            file.seek(0)
            return start + at + 1
        end = start
    file.seek(0)
    return 0


def _digest(file: BinaryIO, size: int) -> str:
    head = head_of(file, size)
    return hashlib.sha256(head).hexdigest() if len(head) == size else ""


def _identify(file: BinaryIO, position: Position) -> Position:
    """The position with the identity of this file. The digest covers only bytes that have been read."""
    status = os.fstat(file.fileno())
    here = file.tell()
    size = min(DIGEST, status.st_size, max(position.offset, 0))
    file.seek(0)
    digest = _digest(file, size) if size else ""
    file.seek(here)
    return replace(position, device=status.st_dev, inode=status.st_ino, size=size, digest=digest)


def _same(file: BinaryIO, position: Position) -> bool:
    """Whether this is the file of the position, grown or as it was."""
    status = os.fstat(file.fileno())
    if (status.st_dev, status.st_ino) != (position.device, position.inode):
        return False
    if status.st_size < position.size:
        return False
    if position.format != "evtx" and status.st_size < position.offset:
        return False
    return position.size == 0 or _digest(file, position.size) == position.digest


def _start_of(file: BinaryIO, position: Position) -> Position:
    """The beginning of this file, in the same format."""
    return replace(_identify(file, Position()), format=position.format)


def rotated(path: Path, stream: str, positions: Mapping[str, Position]) -> Position | None:
    """The position that shows that this file is a log some stream has read already, under the name it had before.

    A folder that is watched sees rotated files as files of their own; without this they would be read twice.

    Args:
        path: the file.
        stream: its own name as a stream.
        positions: stream -> where it stood before this pass, names as `stream`.

    Returns:
        None where the file is its own: never read, or read under this very name.
    """
    bases = [name for name in positions if name != stream and _rotation_names(Path(name)).fullmatch(Path(stream).name)]
    bases = [name for name in bases if Path(name).parent == Path(stream).parent]
    if not bases:
        return None
    own = positions.get(stream)
    with suppress(OSError), path.open("rb") as file:
        member = next(unpack(path.name, file), None)
        if member is None or member.file is None:
            return None
        head = head_of(member.file, DIGEST)
        if own is not None and _begins(head, own):
            return None
        for name, position in positions.items():
            kin = name in bases or any(_rotation_names(Path(base)).fullmatch(Path(name).name) for base in bases)
            if kin and name != stream and _begins(head, position):
                return position
        if own is not None and _begins(head, own):
            return own
    return None


def _begins(head: bytes, position: Position) -> bool:
    """Whether a file with this head is the one the position means."""
    return 0 < position.size <= len(head) and hashlib.sha256(head[: position.size]).hexdigest() == position.digest


def _rotation_names(path: Path) -> re.Pattern[str]:
    """What rotation may call this file: `a.log.1.gz`, `a-20260102.log`."""
    stem, suffix = re.escape(path.stem), re.escape(path.suffix)
    return re.compile(
        rf"{re.escape(path.name)}[._-].+|{stem}[._-](?:\d[\dTZ:._-]*|old|bak|prev){suffix}(?:\.\w{{2,4}})?"
    )


def _siblings(path: Path) -> list[Path]:
    """Files beside this one that rotation may have made of it (`a.log.1.gz`, `a-20260102.log`), newest first."""
    pattern = _rotation_names(path)
    found: list[tuple[float, Path]] = []
    try:
        entries = list(os.scandir(path.parent))
    except OSError:
        return []
    for entry in entries:
        if pattern.fullmatch(entry.name):
            with suppress(OSError):
                if entry.is_file():
                    found.append((entry.stat().st_mtime, Path(entry.path)))
    return [sibling for _, sibling in sorted(found, reverse=True)]


def _forerunner(path: Path, position: Position) -> Path | None:
    """The rotated file that the position means: by identity, else by its first bytes and length."""
    siblings = _siblings(path)
    for sibling in siblings:
        with suppress(OSError), sibling.open("rb") as file:
            if _same(file, position):
                return sibling
    if not position.size:
        return None
    for sibling in siblings:
        with suppress(OSError), sibling.open("rb") as file:
            member = next(unpack(sibling.name, file), None)
            if member is None or member.file is None or _digest(member.file, position.size) != position.digest:
                continue
            if member.file is file and sibling.stat().st_size < position.offset:
                continue  # begins alike, but is not it
            return sibling
    return None


def _successor(path: Path, old: Path, position: Position) -> Position | None:
    """The start of the next younger rotated file, where the log was rotated more than once since we looked."""
    with suppress(OSError):
        age = old.stat().st_mtime_ns
        for sibling in reversed(_siblings(path)):
            status = sibling.stat()
            if sibling != old and status.st_mtime_ns > age:
                return Position(device=status.st_dev, inode=status.st_ino, format=position.format)
    return None
