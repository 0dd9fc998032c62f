"""Files, folders and archives, read once: every stream of every path in turn, or why it is skipped.

One file that cannot be read never stops the others. `watched.py` is the way of an estate, which comes back.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from watchfloor.collect.archive import (
    IGNORED_FOLDERS,
    IGNORED_NAMES,
    IGNORED_PREFIXES,
    LIMITS,
    Limits,
    Member,
    head_of,
    unpack,
)
from watchfloor.collect.formats.format import Block, Format, Framed, broken
from watchfloor.collect.formats.recognise import recognise
from watchfloor.collect.source import cannot_open
from watchfloor.errors import SourceError, SourceMalformed, SourceUnreachable, named

__all__ = ["Opened", "Skipped", "opened", "walk"]

DOCUMENTS = frozenset((
    ".md", ".rst", ".adoc", ".yml", ".yaml", ".toml", ".ini", ".cfg", ".conf", ".html", ".htm", ".css", ".js", ".ts",
    ".py", ".ps1", ".psm1", ".bat", ".cmd", ".sh", ".c", ".h", ".go", ".rs", ".java", ".sql", ".ipynb", ".svg", ".lock",
))  # fmt: skip
"""Endings that are skipped inside folders and archives; a path that the user names is read whatever it is called."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file or stream that is not read.

    Args:
        name: path as the user should read it.
        error: why, as one of the source errors.
        path: the file on disk.
    """

    name: str
    error: SourceError
    path: Path

    @property
    def reason(self) -> str:
        """One sentence."""
        return self.error.what


@dataclass(frozen=True, slots=True)
class Opened:
    """A stream that can be read now, before the next one is asked for.

    Args:
        name: path as the user should read it: `logs.zip/host1/auth.log`.
        path: the file on disk.
        format: how it is written.
        file: its bytes, unpacked, at the beginning.
    """

    name: str
    path: Path
    format: Format
    file: BinaryIO

    def frames(self, after: int = 0, context: bytes = b"", *, final: bool = True) -> Iterator[Framed]:
        """Its records from `after` on. The last step says if the stream was `broken`. Never raises."""
        last = after
        told = False
        try:
            for framed in self.format.frame(self.file, context, after=after, final=final):
                last = framed.after
                told = told or framed.broken is not None
                yield framed
            reason = broken(self.file)
        except OSError as error:
            reason = f"reading stopped ({error.strerror or error})"
        if reason is not None and not told:
            yield Framed(Block(b"", np.zeros(1, np.int64), b"", self.format.name), last, [], reason)


def walk(paths: Iterable[str | Path]) -> Iterator[Path | Skipped]:
    """The files of these paths, folders in depth and sorted; links that lead in a circle are followed once."""
    for given in paths:
        path = Path(given)
        try:
            status = path.stat()
        except OSError as error:
            yield Skipped(named(path), _link_error(path, error), path)
            continue
        if stat.S_ISDIR(status.st_mode):
            yield from _folder(path, frozenset({(status.st_dev, status.st_ino)}))
        else:
            yield _regular(path, status)


def _link_error(path: Path, error: OSError) -> SourceError:
    if path.is_symlink() and not isinstance(error, PermissionError):
        return SourceUnreachable("a link that leads nowhere", file=path)
    return cannot_open(error, path)


def _regular(path: Path, status: os.stat_result) -> Path | Skipped:
    if stat.S_ISREG(status.st_mode):
        return path
    return Skipped(named(path), SourceMalformed("is a device, pipe or socket, not a file", file=path), path)


def _folder(folder: Path, seen: frozenset[tuple[int, int]]) -> Iterator[Path | Skipped]:
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        yield Skipped(named(folder), cannot_open(error, folder), folder)
        return
    for name in names:
        path = folder / name
        if name in IGNORED_NAMES or name in IGNORED_FOLDERS or name.startswith(IGNORED_PREFIXES) or name == ".git":
            continue
        try:
            status = path.stat()
        except OSError as error:
            yield Skipped(named(path), _link_error(path, error), path)
            continue
        if stat.S_ISDIR(status.st_mode):
            key = (status.st_dev, status.st_ino)
            if key not in seen:
                yield from _folder(path, seen | {key})
        elif _document(name):
            yield Skipped(named(path), SourceMalformed("is a document by its name; name it on its own to read it",
                                                     file=path), path)  # fmt: skip
        else:
            yield _regular(path, status)


def _document(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in DOCUMENTS


def opened(
    paths: Iterable[str | Path], *, format: Format | None = None, limits: Limits = LIMITS
) -> Iterator[Opened | Skipped]:
    """Every stream of every path in turn.

    Args:
        paths: files, folders and archives.
        format: how all of them are written; None recognises each by its content.
        limits: when to stop believing an archive.
    """
    for found in walk(paths):
        if isinstance(found, Skipped):
            yield found
            continue
        try:
            file = found.open("rb")
        except OSError as error:
            yield Skipped(named(found), cannot_open(error, found), found)
            continue
        with file:
            try:
                for member in unpack(named(found), file, limits):
                    yield _stream(member, found, format)
            except OSError as error:
                yield Skipped(named(found), cannot_open(error, found), found)


def _stream(member: Member, path: Path, format: Format | None) -> Opened | Skipped:
    if member.file is None:
        return Skipped(member.name, SourceMalformed(member.problem or "cannot be read", file=member.name), path)
    if member.name != named(path) and _document(member.name) and not _document(path.name):
        return Skipped(member.name, SourceMalformed("is a document by its name", file=member.name), path)
    try:
        head = head_of(member.file)
        chosen = format or recognise(head, member.name)
    except SourceError as error:
        return Skipped(member.name, error, path)
    return Opened(member.name, path, chosen, member.file)
