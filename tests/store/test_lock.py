"""One engine per estate, and a dead one never locks anybody out."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from watchfloor.errors import StoreError, StoreLocked
from watchfloor.store.lock import EstateLock

HOLDER = """
import sys, time
from pathlib import Path
from watchfloor.store.lock import EstateLock
lock = EstateLock(Path(sys.argv[1]), clock=lambda: 1767225600000)
print("held", flush=True)
time.sleep(60)
"""


def test_second_engine_is_told_who_and_since_when(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(StoreLocked, match=f"process {holder.pid} on .* since 2026-01-01 00:00:00 UTC"):
            EstateLock(tmp_path)
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait(10)
    with EstateLock(tmp_path):
        pass


def test_released_lock_can_be_taken_again(tmp_path: Path) -> None:
    lock = EstateLock(tmp_path)
    with pytest.raises(StoreLocked):
        EstateLock(tmp_path)
    lock.release()
    lock.release()
    EstateLock(tmp_path).release()


def test_read_only_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test may run as root, whom no permission stops: the system's answer is given by hand."""

    def refuse(*_: object, **__: object) -> int:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(StoreError, match="may not write here: read-only file system") as caught:
        EstateLock(tmp_path)
    monkeypatch.undo()
    assert caught.value.remedy
    assert caught.value.file == str(tmp_path / "engine.lock")
