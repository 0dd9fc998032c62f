"""How long a guard waits: `watchfloor where PERSON --at T`, from the prompt of the shell to the end of the answer.

By the clock, the whole command, with the disk's cache warm: in the estate of recorded card reads (VAST Challenge 2016)
and in the simulated harbour, which says in coverage.toml what its sources are like. Beside it what nobody is quicker
than: Python itself, and one import.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from statistics import median

from tests.world import vast

from benchmarks import harbour, machine
from watchfloor.estate import load
from watchfloor.run.whereabouts import INDEXED
from watchfloor.simulate.generate import generate
from watchfloor.store.index import Remembered
from watchfloor.world.tables import SIGHTINGS

RUNS = 20
WATCHFLOOR = str(Path(sys.executable).with_name("watchfloor"))
DATA = machine.SHARED / "converged" / "vast2016_mc2"
WHERE = ["where", "vawelon001", "--at", "2016-05-31 09:00"]
START = date(2026, 3, 23)
FLOOR = ("pass", "import sqlite3", "import duckdb", "import numpy", "import pyarrow")


def main(runs: int = RUNS, days: int = 7) -> str:
    """Measure; gives the table."""
    rows = [_row(f"`python -c '{text}'`", [sys.executable, "-c", text], runs) for text in FLOOR]
    rows += [_row(f"`watchfloor {one}`", [WATCHFLOOR, one], runs) for one in ("--version", "--help")]
    with machine.workspace() as folder:
        if DATA.is_dir():
            office = vast.estate(folder / "office", DATA)
            _run(office)
            rows.append(_row(f"`watchfloor {' '.join(WHERE)}`, the office", _asked(WHERE, office), runs))
        port = harbour.estate_at(folder / "port")
        generate(port, port / "logs", days=days, seed=1, start=START, timezone=load(port).timezone)
        (port / "logs" / "truth").rename(folder / "truth")
        _run(port)
        person, at = _somebody(port)
        rows.append(_row("`where`, the harbour", _asked(["where", person, "--at", at], port), runs))
        rows.append(_row("`who site-harbour`", _asked(["who", "site-harbour", "--at", at], port), runs))
    return (
        f"### Asking where somebody is\n\nThe whole command by the clock, {runs} times each; the harbour after {days} "
        f"days.\n\n{machine.table(('what', 'median', 'worst'), rows)}"
    )


def _run(estate: Path) -> None:
    subprocess.run([WATCHFLOOR, "run", str(estate), "--once"], stdout=subprocess.DEVNULL, check=True)


def _asked(words: Sequence[str], estate: Path) -> list[str]:
    return [WATCHFLOOR, *words, "--estate", str(estate)]


def _somebody(estate: Path) -> tuple[str, str]:
    """Whoever was seen most, and a moment after half of that."""
    times: dict[str, list[int]] = {}
    for person, moment, *_ in Remembered(estate / "var", INDEXED).rows(SIGHTINGS, {}):
        times.setdefault(person, []).append(moment)
    person = max(times, key=lambda one: (len(times[one]), one))
    at = time.gmtime(sorted(times[person])[len(times[person]) // 2] // 1000 + 600)
    return person, time.strftime("%Y-%m-%dT%H:%M:%SZ", at)


def _row(what: str, command: Sequence[str], runs: int) -> tuple[str, str, str]:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    taken = []
    for turn in range(runs + 2):  # an installed watchfloor has its bytecode, a warm disk its pages
        began = time.perf_counter()
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True, env=environment)
        if turn >= 2:
            taken.append((time.perf_counter() - began) * 1000)
    return what, f"{median(taken):.0f} ms", f"{max(taken):.0f} ms"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--days", type=int, default=7)
    given = parser.parse_args()
    print(main(given.runs, given.days))
