"""Lowered rules kept between starts, by the content of the file they came from.

One file, replaced whole: a checksum, then msgpack. It is only ever a saving of time: what does not fit (another version
of us or of pySigma, other placeholders, a flipped bit) is as if it were not there, and a folder we may not write to is
left alone. No pickle: reading it can build nothing but rules.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path

import msgspec
from msgspec.structs import replace

from watchfloor.detect.rule import Correlation, Filter, Problem, Rule
from watchfloor.detect.sealed import fingerprint, read_sealed, write_sealed

__all__ = ["Found", "RuleCache", "digest"]

Found = Rule | Correlation | Filter | Problem

FILE = "rules.cache"
STALE = 2000
"""Files that are remembered although the last start did not need them: other rules of the same user."""

_SOURCES = (
    "sigma.py",
    "heading.py",
    "correlation_document.py",
    "correlation_condition.py",
    "lowering.py",
    "modifiers.py",
    "predicate.py",
    "rule.py",
    "rulecache.py",
    "unknown.py",
    "../documents.py",
)


class _Memory(msgspec.Struct):
    """Digest of a file -> its documents; digest of an archive -> its members (name, digest) in order."""

    files: dict[bytes, list[Found]] = {}
    archives: dict[bytes, list[tuple[str, bytes]]] = {}


def digest(payload: bytes) -> bytes:
    """By which a content is known."""
    return hashlib.sha256(payload).digest()


class RuleCache:
    """What one folder remembers of rules read before.

    Args:
        folder: where the file lies; made when it is not there.
        placeholders: the values rules were lowered with; others, other cache.
    """

    def __init__(self, folder: Path, placeholders: Mapping[str, Sequence[str]] | None) -> None:
        self._path = Path(folder) / FILE
        given = msgspec.json.encode({name: list(values) for name, values in sorted((placeholders or {}).items())})
        self._key = fingerprint(*_SOURCES, more=[metadata.version("pysigma").encode(), given])
        self._old = read_sealed(self._path, self._key, _Memory) or _Memory()
        self._used = _Memory()
        self._changed = False

    def get(self, name: str, content: bytes) -> list[Found] | None:
        """What the file with this digest held, as if just read from `name`; None when it was never read."""
        held = self._old.files.get(content)
        if held is None:
            return None
        self._used.files[content] = held
        return [item if item.file == name else replace(item, file=name) for item in held]

    def put(self, content: bytes, found: Sequence[Found]) -> None:
        """Remember what the file with this digest holds."""
        self._used.files[content] = self._old.files[content] = list(found)
        self._changed = True

    def members(self, content: bytes) -> list[tuple[str, bytes]] | None:
        """The members of the archive with this digest, if all of them are remembered."""
        members = self._old.archives.get(content)
        if members is None or any(member not in self._old.files for _, member in members):
            return None
        self._used.archives[content] = members
        return members

    def put_members(self, content: bytes, members: Sequence[tuple[str, bytes]]) -> None:
        """Remember what the archive with this digest holds."""
        self._used.archives[content] = list(members)
        self._changed = True

    def save(self) -> None:
        """Write it, whole or not at all; not being able to is no error."""
        if not self._changed:
            return
        old, used = self._old, self._used
        kept = _Memory({**old.files, **used.files}, {**old.archives, **used.archives})
        write_sealed(self._path, self._key, kept if len(kept.files) <= len(used.files) + STALE else used)
        self._changed = False
