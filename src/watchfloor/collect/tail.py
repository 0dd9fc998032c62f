"""Files that grow, through every way logs are rotated: moved and created anew, truncated, copied and truncated.

A position remembers which file it means (`position.py`), because inodes are used again and a truncated file keeps its
own. Where the file at the path is no longer that file, the rotated one is looked for beside it (also compressed) and
read to its end first. What cannot be found again is said, not hidden. In a watched folder the rotated files are streams
of their own and `watched.py` tells who is who.

`read` returns when it has caught up; the caller decides when to look again. The position is opaque text.
"""

from __future__ import annotations

import io
import logging
import os
import re
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from watchfloor.clock import now_ms
from watchfloor.collect.archive import head_of, unpack
from watchfloor.collect.formats.format import BLOCK, HEAD, Block, Format, broken
from watchfloor.collect.formats.recognise import by_name, recognise
from watchfloor.collect.position import Position, continues, identified, same, start_of
from watchfloor.collect.source import START, Batch, cannot_open
from watchfloor.errors import SourceError, SourceMalformed, SourceUnreachable

__all__ = ["SETTLE_S", "Tail"]

log = logging.getLogger(__name__)

SETTLE_S = 2.0
"""A file that has not grown for so long is not in the middle of a record that spans lines."""

MAX_ROTATIONS = 1000
"""Rotated files that are caught up with in one reading."""

SPANNING = frozenset(("auditd",))
"""Formats whose records span lines, so that the last one is complete only when the file has settled."""


class Tail:
    """Growing files as a source; a stream is one path.

    Args:
        paths: files, or patterns such as `/var/log/app/*.log`; rotated siblings are found by themselves.
        format: their format or its name; None recognises it by the first bytes.
        settle_s: seconds without growth after which an event of several lines is complete.
        final: nobody writes any more: the last line is a record even without its end.
        alone: rotated files are not looked for: somebody else reads them.
    """

    def __init__(
        self,
        paths: Sequence[str | Path],
        format: str | Format | None = None,
        settle_s: float = SETTLE_S,
        *,
        final: bool = False,
        alone: bool = False,
    ) -> None:
        self.final = final
        self.alone = alone
        self.paths = tuple(str(path) for path in paths)
        self.format = by_name(format) if isinstance(format, str) else format
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
                looked = position is not None and not self.alone and isinstance(error, FileNotFoundError)
                old = _forerunner(path, position) if position is not None and looked else None
                if not looked or position is None:
                    raise cannot_open(error, path) from error
                if old is not None:
                    # Moved away and not created anew yet; the writer may still hold it open.
                    yield from self._rest(path, old, position, final=self._settled(old))
                return
            with file:
                if position is None or same(file, position):
                    yield from self._grown(path, file, position or Position())
                    return
                if self.alone:
                    return  # exchanged since somebody looked, who will look again
                old = _forerunner(path, position)
                if old is None and continues(file, position):
                    position = identified(file, position)  # a copy that took the place of what it was copied from
                    continue
                if old is None:
                    position = yield from self._lost(file, position)
                    continue
                switched = os.fstat(file.fileno()).st_size > 0 or self._settled(old)
                position = yield from self._rest(path, old, position, final=switched)
                if not switched:
                    return  # the writer may not have let go of the old file yet
                position = _successor(path, old, position) or start_of(file, position)
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
        fresh = start_of(file, position)
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
            position = replace(position, offset=framed.after, context=context.decode("latin-1"), last="")
            if file is not None:
                position = identified(file, position)
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
            if same(file, position):
                return sibling
    if not position.size:
        return None
    for sibling in siblings:
        with suppress(OSError), sibling.open("rb") as file:
            member = next(unpack(sibling.name, file), None)
            if member is not None and member.file is not None and continues(member.file, position):
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
