"""Every rule on every event: four workloads, more and more rules, small and large batches, and other engines.

All of it in one run on one core, in CPU time. Two figures each: from bytes to verdicts (find the lines, tokenise,
map to OCSF, match), and matching alone. `new` is the first time an engine sees the events, `known` the second.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import events, machine, peers, plot, results, workloads
from benchmarks.judge import Judged, judged


@dataclass(frozen=True, slots=True)
class Sizes:
    """Events of each workload, numbers of rules (None: all), batches of so many MiB, how many for a peer."""

    workloads: dict[str, int]
    rules: tuple[int | None, ...] = (100, 500, 1_000, None)
    batches: tuple[int, ...] = (8, 16, 32, 64, 128)
    peers: int = 10_000


FULL = Sizes({"W1": 600_000, "procmix": 60_000, "procuniq": 60_000, "alluniq": 150_000})
QUICK = Sizes({"W1": 60_000, "procmix": 10_000, "procuniq": 10_000, "alluniq": 20_000}, (100, None), (), 4_000)

GOALS = {"W1": 1_000_000, "procmix": 300_000, "procuniq": 120_000, "alluniq": 400_000}
"""Bytes to verdicts, events per second and core, asked for in the issue of the kernel."""


class Bench:
    """Files, rules and what was measured so far."""

    def __init__(self, folder: Path, sizes: Sizes) -> None:
        self.folder, self.sizes = folder, sizes
        self.rules = events.rules(folder)
        self.cache = folder / "cache"
        self.files: dict[str, tuple[str, Path]] = {}

    def file(self, name: str) -> Path:
        """The workload, written when first asked for."""
        if name not in self.files:
            self.files[name] = workloads.written(name, self.sizes.workloads[name], self.folder)
        return self.files[name][1]

    def run(self, name: str, **settings: Any) -> Judged:
        """Our engine over a workload."""
        print(f"{name} {settings or ''} ...", file=sys.stderr)
        return judged(self.file(name), self.rules, self.cache, **settings)


def workload_table(bench: Bench, bars: dict[str, dict[str, float]]) -> str:
    """All rules, every workload; and the peers on the first events of the same files."""
    rows: list[tuple[object, ...]] = []
    against: list[tuple[object, ...]] = []
    conditions, missing = peers.queries(bench.rules, bench.folder)
    for name in bench.sizes.workloads:
        ours = bench.run(name)
        new, known = ours.passes[0], ours.passes[-1]
        bars[name] = {"bytes to verdicts, new": new.whole, "bytes to verdicts, known": known.whole,
                      "matching alone, new": new.match, "matching alone, known": known.match}  # fmt: skip
        rows.append((
            name, f"{new.events:,}", f"{new.hits:,}", f"{new.judged / new.events:.2f}",
            f"**{new.whole:,.0f}**", f"{new.match:,.0f}", f"{known.whole:,.0f}", f"{known.match:,.0f}",
            f"{ours.peak:,.0f}", f"{GOALS[name]:,}",
        ))  # fmt: skip
        for engine, path in conditions.items():
            theirs = peers.asked(engine, path, bench.file(name), bench.sizes.peers)
            rate = theirs.events / theirs.asked
            bars[name][peers.NAMES[engine]] = rate
            against.append((
                name, peers.NAMES[engine], f"{theirs.events:,}", f"{theirs.rules:,}", f"{theirs.hits:,}",
                f"{rate:,.0f}", f"{theirs.events / (theirs.asked + theirs.loaded):,.0f}", f"{theirs.peak:,.0f}",
                f"{new.match / rate:,.0f} x", f"{known.match / rate:,.0f} x",
            ))  # fmt: skip
    heads = ("workload", "events", "hits", "values judged per event", "bytes to verdicts, new", "matching, new",
             "bytes to verdicts, known", "matching, known", "peak MB", "goal")  # fmt: skip
    peer_heads = ("workload", "engine", "events", "rules", "hits", "matching, events/s", "with loading, events/s",
                  "peak MB", "our matching: new", "known")  # fmt: skip
    origins = "; ".join(f"{name}: {bench.files[name][0]}" for name in bench.sizes.workloads)
    said = (
        f"All {ours.rules:,} rules, one core, events per CPU second. {origins}.\n\n{machine.table(heads, rows)}\n\n"
        f"#### Other engines, same run, same events\n\n{machine.table(peer_heads, against)}\n\n"
        "Their time grows with the number of events, so they get the first few. They start from records that are "
        "already flat and named as Sigma names them. DuckDB's backend finds what it should not (patterns of its SQL "
        "let `_` stand for any character). Zircolite runs SQLite's queries in SQLite's way; it is not on the package "
        "index."
    )
    return "\n\n".join((said, *missing))


def rules_table(bench: Bench) -> str:
    """W1 with more and more rules."""
    rows: list[tuple[object, ...]] = []
    first: Judged | None = None
    for count in bench.sizes.rules:
        found = bench.run("W1", count=count)
        first = first or found
        new, known = found.passes[0], found.passes[-1]
        rows.append((
            f"{found.rules:,}", f"{new.hits:,}", f"{new.whole:,.0f}", f"{known.whole:,.0f}", f"{new.match:,.0f}",
            f"{known.match:,.0f}", f"{first.passes[0].whole / new.whole:.2f}",
            f"{first.passes[-1].whole / known.whole:.2f}", f"{first.passes[0].match / new.match:.2f}",
            f"{first.passes[-1].match / known.match:.2f}", f"{found.start:.2f}", f"{found.peak:,.0f}",
        ))  # fmt: skip
    heads = ("rules", "hits", "bytes to verdicts, new", "known", "matching, new", "known", "time: whole, new",
             "whole, known", "matching, new", "known", "plans s", "peak MB")  # fmt: skip
    return (
        f"W1.\n\n{machine.table(heads, rows)}\n\nTime as a multiple of the first row's; the goal is "
        "at most 1.6. `plans` is the CPU time from loaded rules to the first verdicts."
    )


def batch_table(bench: Bench) -> str:
    """W1 in small and large batches."""
    rows = []
    for batch in bench.sizes.batches:
        found = bench.run("W1", batch=batch << 20)
        new, known = found.passes[0], found.passes[-1]
        rows.append((f"{batch:,}", *(f"{part:,.0f}" for part in (new.whole, known.whole, new.match, known.match)),
                     f"{found.peak:,.0f}"))  # fmt: skip
    heads = ("MiB of a batch", "bytes to verdicts, new", "known", "matching, new", "known", "peak MB")
    return f"W1, all rules.\n\n{machine.table(heads, rows)}"


def main(sizes: Sizes = FULL) -> str:
    """All workloads and the peers; gives the tables, and draws the picture where they were measured in full."""
    bars: dict[str, dict[str, float]] = {}
    with machine.workspace() as folder:
        said = workload_table(Bench(folder, sizes), bars)
    if sizes is FULL:
        plot.bars(bars, results.PICTURE, "Events per second and core, all Windows rules (logarithmic)")
    return f"### Detection: bytes to verdicts\n\n{said}"


def more_rules(sizes: Sizes = FULL) -> str:
    """Cost against rules."""
    with machine.workspace() as folder:
        return f"### More rules\n\n{rules_table(Bench(folder, sizes))}"


def batches(sizes: Sizes = FULL) -> str:
    """Cost against the size of batches."""
    with machine.workspace() as folder:
        return f"### Batches\n\n{batch_table(Bench(folder, sizes))}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    print(main(QUICK if parser.parse_args().quick else FULL))
