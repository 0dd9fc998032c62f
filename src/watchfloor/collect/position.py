"""Where reading a file stopped, and whether a file is the one that was read.

A file is not its name: rotation renames, copies, truncates and compresses, and a copying tool puts a new file in the
place of the old one. So a position remembers the file's identity and two samples of its bytes: its beginning, and what
stands right before the place where reading stopped. A file that is long enough and agrees in both is the same log,
whatever it is called and wherever it lies; a common header alone is not enough.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import asdict, dataclass, replace
from typing import BinaryIO

import msgspec

from watchfloor.collect.formats.format import BLOCK
from watchfloor.errors import SourceMalformed

__all__ = ["SAMPLE", "Position", "begins", "continues", "identified", "same", "sampled", "start_of"]

SAMPLE = 1024
"""Bytes of each of the two samples."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where reading stopped.

    Args:
        device, inode: the file's identity when it was read; copies have another.
        offset: `Framed.after` of its format: a byte of the unpacked stream; of event files a record id.
        size: bytes of the beginning that `digest` covers.
        digest: SHA-256 of them, hexadecimal.
        last: SHA-256 of the bytes before `offset`, at most `SAMPLE`; of event files of the last record. Empty where it
            is not known.
        context: `Block.context` that belongs to the offset, Latin-1.
        format: name of the format once it is known.
        stamp: size and time of change of a file that was read as a whole, to its end; it is read again when it changes.
    """

    device: int = 0
    inode: int = 0
    offset: int = 0
    size: int = 0
    digest: str = ""
    context: str = ""
    format: str = ""
    last: str = ""
    stamp: str = ""

    def dump(self) -> str:
        """As text."""
        return msgspec.json.encode(asdict(self)).decode()

    @classmethod
    def load(cls, text: str) -> Position:
        """From text.

        Raises:
            SourceMalformed: it is no position in a file.
        """
        try:
            return msgspec.json.decode(text.encode(), type=cls)
        except msgspec.DecodeError as error:
            raise SourceMalformed(f"this is no position in a file ({error})") from error


def sampled(data: bytes) -> str:
    """The digest of one sample."""
    return hashlib.sha256(data).hexdigest() if data else ""


def identified(file: BinaryIO, position: Position) -> Position:
    """The position with the identity of this file, which can seek. The samples cover only bytes that have been read."""
    status = os.fstat(file.fileno())
    here = file.tell()
    size = min(SAMPLE, status.st_size, max(position.offset, 0))
    digest = sampled(_before(file, size))
    last = sampled(_before(file, position.offset)) if position.offset <= status.st_size else ""
    file.seek(here)
    return replace(
        position, device=status.st_dev, inode=status.st_ino, size=size if digest else 0, digest=digest, last=last
    )


def start_of(file: BinaryIO, position: Position) -> Position:
    """The beginning of this file, in the same format."""
    return replace(identified(file, Position()), format=position.format)


def same(file: BinaryIO, position: Position) -> bool:
    """Whether this is the very file of the position, grown or as it was."""
    status = os.fstat(file.fileno())
    return (status.st_dev, status.st_ino) == (position.device, position.inode) and continues(file, position)


def continues(file: BinaryIO, position: Position) -> bool:
    """Whether this stream says up to the position what the one of the position said. Stands at its beginning after it
    where it can seek, and behind the position where it cannot.

    Args:
        file: at its beginning.
        position: of bytes; a position in an event file cannot be told this way.
    """
    head = file.read(position.size)
    if sampled(head) != position.digest:
        return False
    held, at = head, len(head)
    if file.seekable():
        held, at = _before(file, position.offset), min(position.offset, file.seek(0, os.SEEK_END))
        file.seek(0)
    else:
        while at < position.offset and (chunk := file.read(min(BLOCK, position.offset - at))):
            at += len(chunk)
            held = (held + chunk)[-SAMPLE:]
    return at >= position.offset and (not position.last or sampled(held[-SAMPLE:]) == position.last)


def begins(head: bytes, position: Position) -> bool:
    """Whether a stream with this head begins as the one of the position."""
    return 0 < position.size <= len(head) and sampled(head[: position.size]) == position.digest


def _before(file: BinaryIO, end: int) -> bytes:
    """At most `SAMPLE` bytes before byte `end` of a file that can seek."""
    size = min(SAMPLE, max(end, 0))
    file.seek(max(end, 0) - size)
    return file.read(size)
