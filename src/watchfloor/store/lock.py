"""One engine per estate: a lock the kernel gives back when its holder dies, however it dies."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from watchfloor.clock import Clock, now_ms
from watchfloor.errors import StoreLocked
from watchfloor.store.disk import explained, make_folder

__all__ = ["EstateLock"]


class EstateLock:
    """Held from construction until `release`, the end of the `with` block or the end of the process.

    Args:
        folder: the store's folder; the lock is the file `engine.lock` in it.

    Raises:
        StoreLocked: another engine holds it; says which process, on which machine, since when.
        StoreError: the folder cannot be written.
    """

    def __init__(self, folder: Path, *, clock: Clock = now_ms) -> None:
        self.path = Path(folder) / "engine.lock"
        make_folder(self.path.parent)
        try:
            self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        except OSError as error:
            raise explained(error, self.path) from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(self._descriptor, 4096, 0)
            os.close(self._descriptor)
            self._descriptor = -1
            raise StoreLocked(
                f"another engine runs on this estate: {_described(holder)}",
                file=self.path,
                remedy="stop it first, or give this one an estate folder of its own",
            ) from error
        except OSError as error:
            os.close(self._descriptor)
            self._descriptor = -1
            raise explained(error, self.path) from error
        note = {"pid": os.getpid(), "host": socket.gethostname(), "since": clock()}
        try:
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, json.dumps(note).encode(), 0)
        except OSError as error:
            self.release()
            raise explained(error, self.path) from error

    def release(self) -> None:
        """Let the next engine in; harmless when done twice."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> EstateLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _described(note: bytes) -> str:
    try:
        facts = json.loads(note)
        since = datetime.fromtimestamp(facts["since"] / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        return f"process {facts['pid']} on {facts['host']} since {since}"
    except (ValueError, KeyError, TypeError):
        return "it has not said which"
