"""Every error watchfloor raises on purpose, drawn once.

    WatchfloorError                 may carry file, line and remedy; prints all three
    +-- UsageError                  the command line asks for something that makes no sense            exit 2
    +-- EstateError                 the user's own files: configuration, rules, integrations           exit 3
    |   +-- ManifestError           an integration's manifest.toml
    |   +-- RuleError               a rule that cannot be loaded
    +-- SourceError                 reading from the outside                                           exit 4
    |   +-- SourceRefused           we may not read it (permission, credentials)
    |   +-- SourceUnreachable       it is not there
    |   +-- SourceMalformed         it is there and cannot be read as what it claims to be
    +-- MappingError                a mapping broke its own contract: a bug in an integration                    exit 5
    +-- SchemaError                 a name that OCSF and our extension do not know                     exit 5
    +-- StoreError                  landing, lake, cursor                                              exit 6
    |   +-- StoreLocked             another engine runs on this estate
    |   +-- StoreFull               no space left
    |   +-- StoreNewer              written by a newer watchfloor
    |   +-- StoreDamaged            checksum or structure does not hold
    +-- QueryError                  a hunt that cannot be run                                          exit 7
    +-- WorkerLost                  a worker process died before its work was done                     exit 1

A record that cannot be read is not an error: it goes to quarantine with its reason and the work goes on.
"""

from __future__ import annotations

import os
from pathlib import Path

__all__ = [
    "EstateError",
    "ManifestError",
    "MappingError",
    "QueryError",
    "RuleError",
    "SchemaError",
    "SourceError",
    "SourceMalformed",
    "SourceRefused",
    "SourceUnreachable",
    "StoreDamaged",
    "StoreError",
    "StoreFull",
    "StoreLocked",
    "StoreNewer",
    "UsageError",
    "WatchfloorError",
    "WorkerLost",
]


def named(path: str | Path) -> str:
    """A path as text that everybody can store and print on one line: what is no UTF-8 or no letter is written out."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


class WatchfloorError(Exception):
    """What is wrong, where, and what to do about it.

    Args:
        what: one sentence, without the place and without advice.
        file: the file it is about, where there is one.
        line: 1-based line in `file`.
        remedy: what the reader can do now.
    """

    exit_code = 1

    def __init__(
        self, what: str, *, file: str | Path | None = None, line: int | None = None, remedy: str | None = None
    ) -> None:
        super().__init__(what)
        self.what = what
        self.file = None if file is None else named(file)
        self.line = line
        self.remedy = remedy

    @property
    def place(self) -> str | None:
        """`file:line`, `file` or None."""
        if self.file is None:
            return None
        return self.file if self.line is None else f"{self.file}:{self.line}"

    def __str__(self) -> str:
        text = self.what if self.place is None else f"{self.place}: {self.what}"
        return text if self.remedy is None else f"{text}\n  -> {self.remedy}"


class UsageError(WatchfloorError):
    """The command line asks for something that makes no sense."""

    exit_code = 2


class EstateError(WatchfloorError):
    """The user's own files are wrong."""

    exit_code = 3


class ManifestError(EstateError):
    """An integration's manifest.toml is wrong."""


class RuleError(EstateError):
    """A rule cannot be loaded."""


class SourceError(WatchfloorError):
    """Reading from the outside failed."""

    exit_code = 4


class SourceRefused(SourceError):
    """We may not read it."""


class SourceUnreachable(SourceError):
    """It is not there."""


class SourceMalformed(SourceError):
    """It is there and cannot be read as what it claims to be."""


class MappingError(WatchfloorError):
    """A mapping broke its own contract."""

    exit_code = 5


class SchemaError(WatchfloorError):
    """A name that OCSF and our extension do not know."""

    exit_code = 5


class StoreError(WatchfloorError):
    """Landing, lake or cursor."""

    exit_code = 6


class StoreLocked(StoreError):
    """Another engine runs on this estate."""


class StoreFull(StoreError):
    """No space left on the device."""


class StoreNewer(StoreError):
    """Written by a newer watchfloor."""


class StoreDamaged(StoreError):
    """A checksum or a structure does not hold."""


class QueryError(WatchfloorError):
    """A hunt cannot be run."""

    exit_code = 7


class WorkerLost(WatchfloorError):
    """A worker process died before its work was done."""
