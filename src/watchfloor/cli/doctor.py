"""`watchfloor doctor`: what this machine is, what is installed, what is missing."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import sys
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from watchfloor import __version__
from watchfloor.cli.screen import console, json_line

PACKAGES = ("pyarrow", "numpy", "numba", "duckdb", "deltalake", "pysigma", "google-re2", "evtx", "ocsf-json-schema")
"""What the path stands on."""

LOW_DISK = 2 << 30
"""Bytes of free disk below which doctor speaks up."""


def doctor(folder: Path = Path(), *, json: Annotated[bool, Parameter(negative=())] = False) -> int:
    """What this machine is, what is installed, what is missing.

    Args:
        folder: whose disk to look at.
        json: print one JSON object.
    """
    facts = _facts(folder)
    if json:
        json_line(facts)
        return 0 if not facts["problems"] else 1
    screen = console()
    from rich.markup import escape
    from rich.table import Table

    table = Table(show_header=False, box=None, pad_edge=False)
    for key, value in facts.items():
        if key not in ("problems", "packages"):
            table.add_row(f"[bold]{key.replace('_', ' ')}", escape(str(value)))
    for name, version in facts["packages"].items():
        table.add_row(f"[dim]  {name}", version or "[bold red]missing")
    screen.print(table)
    for problem in facts["problems"]:
        screen.print(f"[bold red]! [/]{escape(problem)}")
    if not facts["problems"]:
        screen.print("[bold green]all there[/]")
    return 0 if not facts["problems"] else 1


def _facts(folder: Path) -> dict[str, Any]:
    where = folder if folder.exists() else Path()
    free = shutil.disk_usage(where).free
    packages: dict[str, str | None] = {}
    for name in PACKAGES:
        try:
            packages[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            packages[name] = None
    problems = [f"package {name} is missing: run make setup" for name, version in packages.items() if version is None]
    if where != folder:
        problems.append(f"there is no folder {folder}: give one that exists")
    if free < LOW_DISK:
        problems.append(f"only {free / 2**30:.1f} GiB free at {where.resolve()}: free some before running an estate")
    if not os.access(where, os.W_OK):
        problems.append(f"{where.resolve()} cannot be written: choose another folder for the store")
    if importlib.util.find_spec("numba") and not _cache_writable():
        problems.append("compiled kernels cannot be cached: set NUMBA_CACHE_DIR to a folder you may write")
    return {
        "watchfloor": __version__,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory": _memory(),
        "disk_free": f"{free / 2**30:.1f} GiB at {where.resolve()}",
        "terminal": "yes" if sys.stdout.isatty() else "no, output is piped",
        "packages": packages,
        "problems": problems,
    }


def _memory() -> str:
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return "unknown"
    return f"{size / 2**30:.1f} GiB"


def _cache_writable() -> bool:
    if os.environ.get("NUMBA_CACHE_DIR"):
        return os.access(os.environ["NUMBA_CACHE_DIR"], os.W_OK)
    return os.access(Path(__file__).parent, os.W_OK) or os.access(Path.home(), os.W_OK)
