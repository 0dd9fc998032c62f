"""Does memory stay flat over a month? A port of many people lives day by day; every record goes along the whole path.

    python -m benchmarks.long_replay --people 50000 --days 30 --write     all of it: some hours, 40 GB of disk at most
    python -m benchmarks.long_replay --people 1000 --days 30              a look

One process simulates, without a break, and hands over each day's records; another one runs the estate with the pack and
the harbour's scenarios, world and correlations included, as `watchfloor run` does, and says after each day what it
holds. Records are deleted when they have landed, events in the lake when they are a day old: a month of 50,000 people
is 150 GB. What the world and the correlations remember stays.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import IO, Any
from unittest.mock import patch

import numpy as np
from deltalake import DeltaTable

from benchmarks import machine, plot
from benchmarks.machine import PROJECT
from watchfloor.simulate import generate as generating
from watchfloor.simulate.founding.estate import TIMEZONE, found
from watchfloor.simulate.output import Output
from watchfloor.simulate.site import Site
from watchfloor.simulate.sources import SOURCES
from watchfloor.store.lake import Lake

PICTURE = PROJECT / "docs" / "long-replay.svg"
RULES = (PROJECT / "src" / "watchfloor" / "content" / "rules", PROJECT / "estates" / "harbour" / "rules")
START, SEED = date(2026, 3, 23), 1
WARM_UP = 5
"""Days until everything has been seen once: kernels, routes, values, everybody's week."""

FLAT = 1.05
"""Memory at the end as a multiple of that after the warm-up that still counts as flat."""

FINDINGS = "detection_finding"


@dataclass(frozen=True, slots=True)
class Day:
    """What the engine says after a day. rss, peak: MB, at its end and at most; held: matches that correlations hold."""

    read: int
    findings: int
    cpu: float
    rss: float
    peak: float
    held: int


class Daily(Output):
    """Files that are given away day by day."""

    last: Daily | None = None
    """The one that is written."""

    def __init__(self, folder: Path, site: Site) -> None:
        super().__init__(folder, site)
        Daily.last = self

    def hand_over(self, into: Path) -> int:
        """Move what was written since the last time; bytes of it."""
        size = 0
        for source in SOURCES.values():
            self._files[source.id].close()
            size += (self.folder / source.file).stat().st_size
            shutil.move(self.folder / source.file, into / source.file)
            file = self._files[source.id] = (self.folder / source.file).open("wb")
            if source.header:
                file.write(source.header.encode() + b"\n")
        return size


def lived(folder: Path, people: int, days: int) -> list[tuple[Day, int, float]]:
    """Per day what the engine said, bytes of the records, and GB of the store."""
    estate = folder / "estate"
    found(estate, people=people, seed=SEED)
    logs = estate / "logs"
    logs.mkdir()
    told: list[tuple[Day, int, float]] = []
    command = [sys.executable, "-m", "benchmarks.long_replay", "--engine", str(estate)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=PROJECT, text=True) as engine:
        assert engine.stdin is not None and engine.stdout is not None

        def advance(_: int, day: str) -> None:
            assert Daily.last is not None
            size = Daily.last.hand_over(logs)
            said = _asked(engine.stdin, engine.stdout, day)
            for file in logs.iterdir():
                file.unlink()
            _prune(estate / "var" / "lake", day)
            told.append((said, size, _size(estate / "var") / 1e9))
            print(f"{day}: {said.read:,} records, {said.cpu:,.0f} s, {said.rss:,.0f} MB, {told[-1][2]:.1f} GB",
                  file=sys.stderr, flush=True)  # fmt: skip

        with patch.object(generating, "Output", Daily):
            generating.generate(
                estate, folder / "living", days=days, seed=SEED, start=START, timezone=TIMEZONE, advance=advance
            )
        engine.stdin.close()
    return told


def _asked(into: IO[str] | None, out: IO[str] | None, day: str) -> Day:
    """Let the engine take a day."""
    assert into is not None and out is not None
    end = datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(days=1)
    into.write(f"{int(end.timestamp() * 1000)}\n")
    into.flush()
    line = out.readline()
    if not line:
        raise RuntimeError("the engine under measurement died")
    return Day(**json.loads(line))


def _prune(lake: Path, day: str) -> None:
    """Delete events of days before this one; findings, and what the world and correlations remember, stay."""
    held = Lake(lake, read_only=True)
    for name in held.tables():
        columns = held.columns(name)
        if name != FINDINGS and columns is not None and {"metadata", "wf"} <= set(columns.names):
            table = DeltaTable(lake / name)
            table.delete(f"day < '{day}'")
            table.vacuum(0, dry_run=False, enforce_retention_duration=False, full=True)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def engine(estate: Path) -> None:
    """The measured process: for every moment on stdin take what is there, then say what is held."""
    from watchfloor.estate import load
    from watchfloor.run.local import LocalEngine
    from watchfloor.run.prepare import prepared

    described = load(estate)
    ready = prepared(RULES, integrations=described.integrations(), placeholders=described.placeholders)
    now = [0]
    with LocalEngine(described, ready, clock=lambda: now[0]) as running:
        for line in sys.stdin:
            now[0] = int(line)
            Path("/proc/self/clear_refs").write_text("5")  # the peak is counted anew
            cpu = time.process_time()
            running.collect(final=True)
            read = findings = 0
            while (report := running.process()) is not None:
                read, findings = read + report.read, findings + report.findings
                running.keep_house(busy=True)
            running.keep_house()
            standing: Any = running._processing._standing
            held = 0 if standing is None or standing._now is None else standing._now.state.held
            said = Day(read, findings, time.process_time() - cpu, machine.rss_mb(), machine.peak_mb(), held)
            print(json.dumps(asdict(said)), flush=True)


def main(people: int = 5_000, days: int = 30) -> str:
    """Measure; gives text and table, and draws the picture."""
    with machine.workspace() as folder:
        told = lived(folder, people, days)
    measured = [day for day, _, _ in told]
    rss, peak = ([getattr(day, name) for day in measured] for name in ("rss", "peak"))
    warm = min(WARM_UP, max(0, days - 2))
    slope = float(np.polyfit(np.arange(warm, days), rss[warm:], 1)[0])
    early, late = float(np.median(rss[warm : warm + 5])), float(np.median(rss[-5:]))
    verdict = "Flat" if late <= early * FLAT else "**Not flat**"
    records, cpu = sum(day.read for day in measured), sum(day.cpu for day in measured)
    plot.lines({"at the end of the day": rss, "at most in the day": peak}, PICTURE,
               f"Memory of the engine, MB, over {days} days of {people:,} people")  # fmt: skip
    shown = [number for number in range(days) if number < 3 or number % 5 == 4 or number == days - 1]
    rows = [
        (
            number + 1, f"{measured[number].read:,}", f"{told[number][1] / 1e6:,.0f}", f"{measured[number].findings:,}",
            f"{measured[number].held:,}", f"{rss[number]:,.0f}", f"{peak[number]:,.0f}", f"{told[number][2]:.2f}",
        )
        for number in shown
    ]  # fmt: skip
    heads = ("day", "records", "MB", "findings", "matches held", "memory MB", "at most MB", "store GB")
    return f"""### A month: {days} days of {people:,} people

{verdict}: the median of days {warm + 1} to {warm + 5} is {early:,.0f} MB, that of the last five {late:,.0f} MB
({late / early - 1:+.1%}); {slope:+.1f} MB a day. {records:,} records in one life, {records / cpu:,.0f} per CPU second
along the whole path. `Matches held` is what correlations remember; the store is landing, findings, and what world and
correlations remember, as events are deleted when they are a day old. Every other batch gives memory back, so single
days go up and down.

![Memory of the engine over the days](docs/{PICTURE.name})

{machine.table(heads, rows)}"""


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=machine.count_of, default=5_000)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--write", action="store_true", help="keep the figures in benchmarks/RESULTS.md")
    parser.add_argument("--engine", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.engine is not None:
        engine(given.engine)
    else:
        text = main(given.people, given.days)
        print(text)
        if given.write:
            from benchmarks import results

            results.keep("long_replay", text)
