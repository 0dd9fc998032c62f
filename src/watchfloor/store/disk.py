"""What the operating system answers when we write, in our own words, and how a write becomes durable.

A write is durable when the file *and* the folder that names it have been synced (POSIX promises nothing less, see
fsync(2)). Every module of the store that writes a file of its own does it through here.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

from watchfloor.errors import StoreError, StoreFull

__all__ = ["explained", "make_folder", "replace_durably", "sync_folder", "write_all"]

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
REFUSED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


def explained(error: OSError, path: str | Path) -> StoreError:
    """The store's error for what the operating system said; raise it `from` the original."""
    if error.errno in FULL:
        return StoreFull(
            f"cannot write: {os.strerror(error.errno or 0).lower()}",
            file=path,
            remedy="free space or raise the quota and start again: nothing acknowledged is lost, "
            "what was not acknowledged will be read again",
        )
    if error.errno in REFUSED:
        return StoreError(
            f"may not write here: {os.strerror(error.errno or 0).lower()}",
            file=path,
            remedy="give the account that runs watchfloor write permission, or choose another folder",
        )
    return StoreError(f"the disk refused: {error.strerror or error}", file=path, remedy="see the system's log")


def write_all(descriptor: int, data: bytes) -> None:
    """Write every byte; os.write may stop half-way and say so only by its count."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Create `folder` and its parents; each new name is durable.

    Raises:
        StoreError, StoreFull: the folder cannot be made.
    """
    missing = []
    parent = folder
    while not parent.exists():
        missing.append(parent)
        parent = parent.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for made in missing:
            sync_folder(made.parent)
    except OSError as error:
        raise explained(error, folder) from error


def replace_durably(path: Path, data: bytes) -> None:
    """Put `data` in the place of the file at `path`: after a crash it holds either all of the old or all of the new.

    Raises:
        StoreError, StoreFull: the file cannot be written; the old one is untouched.
    """
    beside = path.with_name(path.name + ".new")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)
        try:
            write_all(descriptor, data)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(beside, path)
        sync_folder(path.parent)
    except OSError as error:
        raise explained(error, path) from error
