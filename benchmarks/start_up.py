"""How long until something is on the screen: `--help`, and the first finding of `watchfloor detect` with all rules."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from benchmarks import events, machine

RECORDS = 5_000
WATCHFLOOR = str(Path(sys.executable).with_name("watchfloor"))


def main(repeat: int = 3) -> str:
    """Measure; gives the table."""
    source = events.corpus(records=RECORDS)
    with machine.workspace() as folder:
        rules = [part for path in events.rules(folder) for part in ("--rules", str(path))]
        file = folder / "events.ndjson"
        file.write_bytes(source.ndjson)
        helped = min(_until_end([WATCHFLOOR, "--help"], folder) for _ in range(repeat))
        command = [WATCHFLOOR, "detect", str(file), *rules, "--json"]
        first = _until_line(command, folder)
        again = min(_until_line(command, folder) for _ in range(repeat))
    rows = [
        ("`watchfloor --help`", f"{helped:.2f} s"),
        (
            f"first finding of `watchfloor detect`, {RECORDS:,} events, all Windows rules, nothing cached",
            f"{first:.1f} s",
        ),
        ("the same again", f"{again:.1f} s"),
    ]
    return f"### Start\n\n{machine.table(('what', 'time by the clock'), rows)}"


def _environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "XDG_CACHE_HOME": str(folder / "cache")}


def _until_end(command: list[str], folder: Path) -> float:
    began = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True, env=_environment(folder))
    return time.perf_counter() - began


def _until_line(command: list[str], folder: Path) -> float:
    began = time.perf_counter()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=_environment(folder)
    ) as running:
        assert running.stdout is not None
        running.stdout.readline()
        taken = time.perf_counter() - began
        running.stdout.read()
    return taken


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=3)
    print(main(parser.parse_args().repeat))
