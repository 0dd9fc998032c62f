"""The machine under the measurements: one core, how much memory, and how a table is printed."""

from __future__ import annotations

import os
import platform
import resource
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
SHARED = PROJECT.parent / "shared" / "data"


def pin() -> int:
    """Keep this process and all its threads on one core, the last one; gives its number."""
    core = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    return core


def rss_mb() -> float:
    """Memory this process holds now, MB (10^6 bytes)."""
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 1e6


def peak_mb() -> float:
    """The most memory this process ever held, MB. Not ru_maxrss: that begins with what the parent held."""
    with open("/proc/self/status", "rb") as file:
        return next(int(line.split()[1]) * 1024 / 1e6 for line in file if line.startswith(b"VmHWM:"))


def described() -> str:
    """The machine in one line."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            lines = [line for line in file if line.startswith("model name")]
    except OSError:
        lines = []
    model = lines[0].partition(":")[2].strip() if lines else platform.machine()
    return f"{os.cpu_count()} cores ({model}) of a virtual machine, one pinned; {memory:.0f} GiB"


@contextmanager
def workspace() -> Iterator[Path]:
    """A folder that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="watchfloor-bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def count_of(text: str) -> int:
    """`100k`, `5M`, `50_000` as a number."""
    factor = {"k": 1_000, "m": 1_000_000}.get(text[-1:].lower(), 1)
    return int(float(text[:-1].replace("_", "")) * factor) if factor > 1 else int(text)


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table in Markdown."""
    lines = [f"| {' | '.join(head)} |", f"|{'|'.join('---' for _ in head)}|"]
    return "\n".join(lines + [f"| {' | '.join(str(cell) for cell in row)} |" for row in rows])
