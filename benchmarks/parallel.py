"""One process against one per core, by the clock on the wall: `watchfloor detect` and `watchfloor run`.

The same file goes through one process, through two workers, and through two processes at once that know nothing of one
another: what these two reach together is all that the machine has to give. Runs alternate, so that what else the
machine does meets all of them. Rules are read and kernels and plans loaded before the clock starts; workers are made
after it has.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import events, machine
from benchmarks.end_to_end import write_estate
from watchfloor.cli.run import Sum
from watchfloor.run.oneshot import Totals

WARM = 10_000
"""Events taken before the clock starts."""


VERBS = ("detect", "run")


@dataclass(slots=True)
class Run:
    """What one process said of its work, and how much memory it and its workers took at the most."""

    wall: float
    cpu: float
    read: int
    findings: int
    digest: str
    memory: float = field(default=0.0)


def detect(folder: Path, workers: int) -> None:
    """The measured process: detect over `events.ndjson`, findings as JSON lines that are only hashed."""
    from functools import partial

    from watchfloor.cli.detect import _lines
    from watchfloor.run import oneshot
    from watchfloor.run.prepare import prepared

    ready = prepared([Path(path) for path in json.loads((folder / "rules.json").read_text())], cache=folder / "cache")
    show = partial(_lines, {})

    def over(name: str, count: int) -> tuple[oneshot.Totals, str]:
        totals, digest = oneshot.Totals(), hashlib.sha256()
        for lines in oneshot.detect([folder / name], ready.path, totals, now=1, show=show, workers=count):
            digest.update(lines)
        return totals, digest.hexdigest()

    over("warm.ndjson", 1)
    said = _timed(lambda: over("events.ndjson", workers))
    print(json.dumps({**said, "cpu": _cpu() - said["cpu"]}))


def run(folder: Path, workers: int) -> None:
    """The measured process: an engine takes `events.ndjson` into an estate of its own, from file to lake."""
    from watchfloor.estate import load
    from watchfloor.run.local import LocalEngine
    from watchfloor.run.prepare import prepared

    rules = [Path(path) for path in json.loads((folder / "rules.json").read_text())]
    with tempfile.TemporaryDirectory(dir=folder) as made:
        estate = write_estate(Path(made), rules, more=f"workers = {workers}\n")
        described = load(estate)
        ready = prepared(rules, integrations=described.integrations(), cache=folder / "cache")
        with LocalEngine(described, ready) as engine:

            def over(name: str) -> tuple[Sum, str]:
                total = Sum()
                os.link(folder / name, estate / "in" / name)
                engine.collect(final=True, committed=total.add)
                while (report := engine.process()) is not None:
                    total.add(report)
                    engine.keep_house(busy=True)
                return total, ""

            over("warm.ndjson")
            said = _timed(lambda: over("events.ndjson"))
        said["cpu"] = _cpu() - said["cpu"]
        print(json.dumps({**said, "digest": _lake(estate)}))


def _lake(estate: Path) -> str:
    """What the lake holds: per table the uids of its rows, sorted, as one hash."""
    import pyarrow.parquet as pq

    from watchfloor.store.lake import Lake

    lake, digest = Lake(estate / "var" / "lake", read_only=True), hashlib.sha256()
    for name in lake.tables():
        uids: list[str] = []
        for file in lake.files(name):
            uids += pq.ParquetFile(file).read(["metadata"])["metadata"].combine_chunks().field("uid").to_pylist()
        digest.update(f"{name} {len(uids)} {sorted(uids)}".encode())
    return digest.hexdigest()


def _cpu() -> float:
    """CPU seconds of this process and of those that it has waited for."""
    return sum(os.times()[:4])


def _timed(work: Callable[[], tuple[Totals | Sum, str]]) -> dict[str, Any]:
    """Wait for the word, do the work, say what it took; `cpu` is what had been used before."""
    print("ready", flush=True)
    sys.stdin.readline()
    began, cpu = time.perf_counter(), _cpu()
    totals, digest = work()
    wall = time.perf_counter() - began
    assert totals.read == totals.mapped + totals.quarantined
    return {"wall": wall, "cpu": cpu, "read": totals.read, "findings": totals.findings, "digest": digest}


def together(verb: str, folder: Path, workers: Sequence[int]) -> list[Run]:
    """Start one process for each number of workers, let all begin at one instant, and wait for all."""
    command = [sys.executable, "-m", "benchmarks.parallel", "--measured", verb, "--folder", str(folder)]
    children = [
        subprocess.Popen(
            [*command, "--workers", str(count)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=machine.PROJECT,
            text=True,
        )
        for count in workers
    ]  # fmt: skip
    for child in children:
        assert child.stdout is not None
        if child.stdout.readline() != "ready\n":
            raise RuntimeError("the process under measurement died")
    watchers = [_Watcher(child.pid) for child in children]
    for child in children:
        assert child.stdin is not None
        child.stdin.write("\n")
        child.stdin.flush()
    runs = []
    for child, watcher in zip(children, watchers, strict=True):
        said, _ = child.communicate()
        runs.append(Run(**json.loads(said), memory=watcher.end()))
    return runs


class _Watcher(threading.Thread):
    """Looks five times a second what a process and its workers hold; what they share counts once."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid, self._most, self._over = pid, 0.0, threading.Event()
        self.start()

    def run(self) -> None:
        while not self._over.wait(0.2):
            with suppress(OSError):
                children = Path(f"/proc/{self._pid}/task/{self._pid}/children").read_text("ascii").split()
                held = 0.0
                for pid in (str(self._pid), *children):
                    for line in Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines():
                        if line.startswith("Pss:"):
                            held += int(line.split()[1]) * 1024 / 1e6
                self._most = max(self._most, held)

    def end(self) -> float:
        """The most that was seen, MB."""
        self._over.set()
        self.join()
        return self._most


def main(wanted: int = 1_000_000, *, rounds: int = 3, verbs: Sequence[str] = VERBS) -> str:
    """Measure; gives the table."""
    source = events.corpus()
    rows: list[tuple[object, ...]] = []
    with machine.workspace() as folder:
        (folder / "rules.json").write_text(json.dumps([str(path) for path in events.rules(folder)]))
        (folder / "warm.ndjson").write_bytes(b"".join(part for _, part in events.varied(source, WARM, WARM)))
        with (folder / "events.ndjson").open("wb") as out:
            for _, part in events.varied(source, wanted, 250_000):
                out.write(part)
        for verb in verbs:
            together(verb, folder, [1])  # compiles kernels and rules
            one, two, both = [], [], []
            for _ in range(rounds):
                one += together(verb, folder, [1])
                two += together(verb, folder, [2])
                both.append(together(verb, folder, [1, 1]))
            assert len({run.digest for run in (*one, *two)}) == 1, "the results differ"
            alone = statistics.median(run.wall for run in one)
            shared = statistics.median(run.wall for run in two)
            bound = statistics.median(max(run.wall for run in pair) for pair in both)
            for name, runs, wall, share in (
                ("one process", one, alone, 1.0), ("two workers", two, shared, alone / shared),
                ("two strangers", [run for pair in both for run in pair], bound, 2 * alone / bound),
            ):  # fmt: skip
                work = one[0].read * (2 if name == "two strangers" else 1)
                cpu = statistics.median(run.cpu for run in runs)
                rows.append((verb, name, f"{wall:.2f}", f"{work / wall:,.0f}", f"{share:.2f}",
                             f"{cpu:.2f}", f"{max(run.memory for run in runs):,.0f}"))  # fmt: skip
            print(f"{verb}: {alone / shared:.2f} of {2 * alone / bound:.2f}", file=sys.stderr)
    head = ("verb", "who", "seconds", "events/s", "ratio", "CPU seconds each", "memory MB each")
    return (
        f"### One process per core: {source.name}\n\n{one[0].read:,} events, {one[0].findings:,} findings, medians of "
        f"{rounds} rounds, results equal.\n\n{machine.table(head, rows)}"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=machine.count_of, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--verb", choices=VERBS, default=None)
    parser.add_argument("--measured", choices=VERBS, default=None)
    parser.add_argument("--folder", type=Path, default=None)
    parser.add_argument("--workers", type=int, default=1)
    given = parser.parse_args()
    if given.measured:
        {"detect": detect, "run": run}[given.measured](given.folder, given.workers)
    else:
        print(main(given.events, rounds=given.rounds, verbs=(given.verb,) if given.verb else VERBS))
