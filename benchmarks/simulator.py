"""How fast a site lives: records a second of processor time, written to disk with their truth, and the memory for it.

Every size is a process of its own: 400 people for a week as the harbour has them, with and without all cases and
faults, and founded estates of more people.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from benchmarks import machine

SIZES: Sequence[tuple[int, int, bool]] = ((400, 7, False), (400, 7, True), (5_000, 10, False), (50_000, 2, False))
"""People, days, with all cases and faults."""


def main(sizes: Sequence[tuple[int, int, bool]] = SIZES) -> str:
    """Measure; gives the table."""
    rows = []
    for people, days, all_ in sizes:
        with machine.workspace() as folder:
            words = [sys.executable, "-m", "benchmarks.simulator", str(folder), str(people), str(days), str(int(all_))]
            said = subprocess.run(words, capture_output=True, text=True, check=True, cwd=machine.PROJECT).stdout
            measured = json.loads(said)
        rows.append(
            [
                f"{people:,}{' with all cases and faults' if all_ else ''}",
                str(days),
                f"{measured['records']:,}",
                f"{measured['bytes'] / 1e6:,.0f} MB",
                f"{measured['processor']:.1f} s",
                f"{measured['records'] / measured['processor']:,.0f}",
                f"{measured['first'] / 1e6:,.0f} MB",
                f"{measured['memory'] / 1e6:,.0f} MB",
            ]
        )
    head = ["people", "days", "records", "written", "processor", "records/s", "peak after a day", "peak"]
    return f"### Simulator\n\n{(__doc__ or '').splitlines()[0]}\n\n{machine.table(head, rows)}"


def _one(folder: Path, people: int, days: int, all_: bool) -> None:
    from watchfloor.simulate.faults import FAULTS
    from watchfloor.simulate.founding.estate import TIMEZONE, found
    from watchfloor.simulate.generate import generate

    estate = folder / "estate"
    found(estate, people=people, seed=1)
    begun = time.process_time()
    peaks: list[int] = []
    summary = generate(
        estate, folder / "logs", days=days, seed=1, start=date(2026, 3, 23), timezone=TIMEZONE,
        inject=["all"] if all_ else [], faults=set(FAULTS) if all_ else set(),
        advance=lambda _, __: peaks.append(_peak()),
    )  # fmt: skip
    said = {
        "records": sum(summary.records.values()),
        "bytes": summary.bytes,
        "processor": time.process_time() - begun,
        "first": peaks[0],
        "memory": _peak(),
    }
    print(json.dumps(said))


def _peak() -> int:
    """Bytes that this process held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("people", type=int)
    parser.add_argument("days", type=int)
    parser.add_argument("all", type=int)
    given = parser.parse_args()
    _one(given.folder, given.people, given.days, bool(given.all))
