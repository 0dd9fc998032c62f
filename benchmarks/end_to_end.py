"""NDJSON file -> landing -> OCSF -> all Windows rules -> Delta, on one core: how fast, whose time, how much memory.

One process writes the files, another, pinned to one core, runs the engine as `watchfloor run` does and is measured. The
first chunk warms up (rules, compiled kernels, the first look at every kind of record) and is not counted.
"""

from __future__ import annotations

import argparse
import itertools
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks import events, machine
from benchmarks.stages import STAGES, Stopwatch, watch_path

CHUNK = 540_000
"""Events given at a time: four full batches."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One chunk through the engine: what it counted and used."""

    read: int
    mapped: int
    quarantined: int
    findings: int
    cpu: float
    wall: float
    rss: float
    peak: float
    stages: dict[str, float]
    counters: dict[str, int]


def write_estate(folder: Path, rules: list[Path], *, batch: int | None = None, more: str = "") -> Path:
    """An estate that reads the folder `in`; `more` settings of its engine."""
    (folder / "in").mkdir(parents=True, exist_ok=True)
    engine = f"[engine]\n{more}" + (f"batch_records = {batch}\n" if batch else "")
    (folder / "estate.toml").write_text(
        f'[estate]\nname = "bench"\n[rules]\npaths = {json.dumps([str(path) for path in rules])}\n{engine}'
        '[[sources]]\nid = "windows"\npath = "in"\n'
    )
    return folder


def measured(estate: Path, chunks: Iterator[tuple[int, bytes]], *, ahead: bool = False) -> Iterator[Sample]:
    """Feed an engine of its own process chunk by chunk.

    Args:
        ahead: make the next chunk while the engine works. A long run takes less time then, and a core that shares its
            units with the other one takes a fifth more for each event.
    """
    command = [sys.executable, "-m", "benchmarks.end_to_end", "--engine", str(estate)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=machine.PROJECT) as engine:
        assert engine.stdin is not None and engine.stdout is not None
        waiting = _written(estate, 0, chunks)
        for number in itertools.count(1):
            if waiting is None:
                break
            path = waiting.rename(estate / "in" / waiting.name)
            engine.stdin.write(b"\n")
            engine.stdin.flush()
            waiting = _written(estate, number, chunks) if ahead else None
            line = engine.stdout.readline()
            if not line:
                raise RuntimeError("the engine under measurement died")
            path.unlink()
            waiting = waiting or _written(estate, number, chunks)
            yield Sample(**json.loads(line))
        engine.stdin.close()


def _written(estate: Path, number: int, chunks: Iterator[tuple[int, bytes]]) -> Path | None:
    """The next chunk as a file beside the folder that is read; None when there is none."""
    chunk = next(chunks, None)
    if chunk is None:
        return None
    path = estate / f"events-{number:05d}.ndjson"
    path.write_bytes(chunk[1])
    return path


def engine(estate: Path) -> None:
    """The measured process: for every line on stdin take what is there, then say what it cost."""
    machine.pin()
    from watchfloor.estate import load
    from watchfloor.run.local import LocalEngine
    from watchfloor.run.prepare import prepared

    described = load(estate)
    ready = prepared(list(described.rules), integrations=described.integrations())
    watch = Stopwatch()
    watch_path(watch)
    with LocalEngine(described, ready) as running:
        for _ in sys.stdin:
            watch.seconds.clear()
            cpu, wall = time.process_time(), time.perf_counter()
            running.collect(final=True)
            sums = dict.fromkeys(("read", "mapped", "quarantined", "findings"), 0)
            while (report := running.process()) is not None:
                for name in sums:
                    sums[name] += getattr(report, name)
                running.keep_house(busy=True)
            cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
            assert ready.path.engine is not None
            said = Sample(
                **sums, cpu=cpu, wall=wall, rss=machine.rss_mb(), peak=machine.peak_mb(), stages=dict(watch.seconds),
                counters=dict(ready.path.engine.counters),
            )  # fmt: skip
            print(json.dumps({name: getattr(said, name) for name in said.__slots__}), flush=True)


def main(
    wanted: int = 1_000_000,
    *,
    batch: int | None = None,
    messages: bool = False,
    one_day: bool = True,
    ahead: bool = False,
) -> str:
    """Measure; gives the tables."""
    source = events.corpus(messages=messages, one_day=one_day)
    growth: list[tuple[object, ...]] = []
    cpu = wall = 0.0
    read = findings = quarantined = done = 0
    stages: dict[str, float] = dict.fromkeys((*STAGES, "between"), 0.0)
    last: Sample | None = None
    with machine.workspace() as folder:
        estate = write_estate(folder, events.rules(folder), batch=batch)
        step = min(5_000_000, max(1_000_000, wanted // 10))
        for sample in measured(estate, events.varied(source, wanted + CHUNK, CHUNK), ahead=ahead):
            if last is not None:  # the first one warms up
                cpu, wall = cpu + sample.cpu, wall + sample.wall
                read, findings = read + sample.read, findings + sample.findings
                quarantined += sample.quarantined
                for stage in STAGES:
                    stages[stage] += sample.stages.get(stage, 0.0)
                stages["between"] += sample.cpu - sum(sample.stages.values())
            last = sample
            if read - done >= step or (not growth and read) or read >= wanted:
                done = read
                print(f"{read:,} events, {read / cpu:,.0f}/s, {sample.rss:,.0f} MB", file=sys.stderr)
                judged, evicted = sample.counters["values_judged"], sample.counters["value_evictions"]
                now = (read, read / cpu, sample.rss, sample.peak, judged, evicted)
                growth.append(tuple(f"{figure:,.0f}" for figure in now))
        lake = sum(path.stat().st_size for path in (estate / "var" / "lake").rglob("*.parquet"))
        landing = sum(path.stat().st_size for path in (estate / "var" / "landing").rglob("*.wfl"))
    assert last is not None
    size = len(source.ndjson) / source.records
    rows: list[tuple[object, ...]] = [
        (stage, f"{seconds / read * 1e6:.2f}", f"{seconds / cpu:.0%}") for stage, seconds in stages.items()
    ]
    rows.append(("all", f"{cpu / read * 1e6:.2f}", "100%"))
    said = (
        f"{read:,} events of {size:,.0f} bytes: **{read / cpu:,.0f} events/s** per CPU second "
        f"({read / wall:,.0f} by the clock on the wall, disk included), peak memory **{last.peak:,.0f} MB**, "
        f"{findings:,} findings, {quarantined} quarantined; landing {landing / (read + CHUNK):,.0f} and "
        f"lake {lake / (read + CHUNK):,.0f} bytes per event."
    )
    heading = f"### End to end: {source.name}" + ("" if one_day else ", spread over years")
    shares = machine.table(("stage", "us/event", "share"), rows)
    grown = machine.table(("events", "events/s", "memory MB", "peak MB", "values judged", "evictions"), growth)
    return "\n\n".join((heading, said, shares, grown))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=machine.count_of, default=1_000_000)
    parser.add_argument("--batch", type=int, default=None)
    parser.add_argument("--messages", action="store_true")
    parser.add_argument("--spread", action="store_true", help="dates as recorded, not laid on one day")
    parser.add_argument("--ahead", action="store_true", help="make events while others are measured: for long runs")
    parser.add_argument("--engine", type=Path, default=None)
    given = parser.parse_args()
    if given.engine is not None:
        engine(given.engine)
    else:
        print(
            main(given.events, batch=given.batch, messages=given.messages, one_day=not given.spread, ahead=given.ahead)
        )
