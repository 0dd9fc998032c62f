"""What a source is: it reads, never maps, and keeps no position of its own.

Three ways of failing are told apart: `SourceRefused` (we may not read it), `SourceUnreachable` (it is not there) and
`SourceMalformed` (it is there and is not what it claims to be). A bad record is none of them: it is a `Bad` in its
batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from watchfloor.collect.formats.format import Block
from watchfloor.collect.quarantine import Bad
from watchfloor.errors import SourceError, SourceMalformed, SourceRefused, SourceUnreachable

__all__ = ["START", "Batch", "Source", "cannot_open"]

START = ""
"""The `after` before the first record."""


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Some records of one stream.

    Args:
        records: as the source wrote them.
        after: where to resume: opaque text that only its source understands.
        bad: records that could not be framed, beside those in `records`.
        broken: why the stream stopped before its end, or what was lost on the way; None when all is well.
    """

    records: Block
    after: str
    bad: list[Bad] = field(default_factory=list)
    broken: str | None = None


@runtime_checkable
class Source(Protocol):
    """Where records come from."""

    def check(self) -> list[SourceError]:
        """What stands in the way of reading, without reading; empty when nothing does."""
        ...

    def streams(self) -> Sequence[str]:
        """Names of the streams that can be read now."""
        ...

    def read(self, stream: str, after: str = START) -> Iterator[Batch]:
        """What came after `after`, until there is no more for now. Neither repeats nor skips.

        Raises:
            SourceRefused, SourceUnreachable, SourceMalformed: the stream cannot be read at all.
        """
        ...


def cannot_open(error: OSError, path: object) -> SourceError:
    """The source error that an operating system error means."""
    if isinstance(error, PermissionError):
        return SourceRefused("we may not read it", file=str(path), remedy="give this user the right to read it")
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return SourceUnreachable("it does not exist", file=str(path), remedy="check the path")
    if isinstance(error, IsADirectoryError):
        return SourceMalformed("it is a folder", file=str(path))
    return SourceUnreachable(f"it cannot be read ({error.strerror or error})", file=str(path))
