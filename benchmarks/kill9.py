"""kill -9 at random instants of `watchfloor run ESTATE --once`, until it ends by itself: what does the lake hold then?

The same records go through an uninterrupted run. Afterwards every table must hold the same rows, and every finding
exactly once. Instants are spread over a whole run, start to end; a run that is killed is started again. Two estates:
Windows events against many rules; and two days of the harbour, whose world learns sightings, statements and names.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import orjson

from benchmarks import events, harbour, machine
from benchmarks.end_to_end import write_estate
from watchfloor.run.standing import SOURCES, STATE

RECORDS = 8_000
BATCH = 500
HARBOUR_BATCH, HARBOUR_DAYS = 8_000, 2
CLOCK = frozenset(
    ("logged_time", "created_time", "modified_time", "received", "known_from", "logged_time_dt", "lag_low", "lag_high")
)
"""When a record was received, and so when something was known, differs from run to run by its nature."""

KEPT = ("cache", "vault.sqlite")
"""What a new beginning keeps of a store: most of a run is to be work, not start; tokens need the same key."""

FEWER = ("process_access", "file", "builtin")
"""Folders of SigmaHQ's Windows rules that are used: most of a run is then work, not start."""


def environment(folder: Path) -> dict[str, str]:
    """Runs the code as it stands now: what somebody edits meanwhile must not show as a difference."""
    shutil.copytree(machine.PROJECT / "src", folder / "src")
    return {**os.environ, "PYTHONPATH": str(folder / "src")}


def command(estate: Path) -> list[str]:
    """The command under test."""
    return [str(Path(sys.executable).with_name("watchfloor")), "run", str(estate), "--once"]


def rows(estate: Path) -> dict[str, list[bytes]]:
    """Per table its rows as sorted JSON, without what the clock put in."""
    import pyarrow.parquet as pq

    from watchfloor.store.lake import Lake

    lake = Lake(estate / "var" / "lake", read_only=True)
    found = {}
    for name in lake.tables():
        made = [row for file in lake.files(name) for row in pq.ParquetFile(file).read().to_pylist()]
        if name == STATE:
            made = [_timeless(row) for row in made]
        found[name] = sorted(orjson.dumps(_plain(row), option=orjson.OPT_SORT_KEYS, default=str) for row in made)
    return found


def _timeless(row: dict[str, Any]) -> dict[str, Any]:
    """A row of what correlations hold, without when its batch and the records of a source were received.

    How far a correlation is (`front`) follows from that: a quiet source is waited for by the clock.
    """
    kept = {name: value for name, value in row.items() if name not in ("time", "front")}
    if row["rule"] == SOURCES:
        kept["text"] = {source: (last, classes) for source, (last, _, classes) in orjson.loads(row["text"]).items()}
    return kept


def _plain(value: Any) -> Any:
    """The row without times of receipt and without nulls: files of one table need not all have all columns."""
    if isinstance(value, dict):
        kept = {name: _plain(inner) for name, inner in value.items() if name not in CLOCK}
        received = "known_from" in value or (kept.get("wf") or {}).get("time_origin") == "received"
        if "finding_info" in kept or (received and "events" not in value):  # the `time` of a pulse is its minute
            kept.pop("time", None)
        return {name: inner for name, inner in kept.items() if inner not in (None, {}, [])}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


def main(kills: int = 200, *, seed: int = 7) -> str:
    """Kill a run of Windows events, compare; gives the figure."""
    source = events.corpus(records=RECORDS)
    with machine.workspace() as folder:
        rules = events.rules(folder)
        fewer = [rules[0] / name for name in FEWER if (rules[0] / name).is_dir()] or rules
        estate = write_estate(folder / "whole", fewer, batch=BATCH)
        (estate / "in" / "events.ndjson").write_bytes(source.ndjson)
        said = _judged(folder, estate, kills, random.Random(seed))
    return f"### kill -9\n\nWindows events in batches of {BATCH:,}: {said}"


def with_a_world(kills: int = 200, *, seed: int = 7) -> str:
    """Kill a run of two days of the harbour, in which every case has room, compare; gives the figure."""
    with machine.workspace() as folder:
        whole = harbour.estate_at(folder / "whole")
        harbour.simulated(whole, "--days", str(HARBOUR_DAYS), "--seed", str(seed), "--inject", "all")
        with (whole / "estate.toml").open("a") as settings:
            settings.write(f"\n[engine]\nbatch_records = {HARBOUR_BATCH}\n")
        said = _judged(folder, whole, kills, random.Random(seed))
    about = f"{HARBOUR_DAYS} days of the harbour in batches of {HARBOUR_BATCH:,}"
    return f"### kill -9 while a world learns\n\n{about}: {said}"


def _judged(folder: Path, estate: Path, kills: int, chance: random.Random) -> str:
    """Run an estate whole, and a copy of it killed again and again; what was compared.

    Raises:
        AssertionError: a table holds other rows.
        RuntimeError: a run failed, or found nothing.
    """
    frozen = environment(folder)
    _uninterrupted(estate, frozen)  # compiles kernels and rules
    copy = Path(shutil.copytree(_emptied(estate), folder / "copy"))
    whole = _uninterrupted(estate, frozen)
    expected = rows(estate)
    if not expected.get("detection_finding"):
        raise RuntimeError("the uninterrupted run found nothing: there is nothing to lose")
    done = rounds = 0
    while done < kills:
        rounds += 1
        _emptied(copy)
        while done < kills:
            if not _killed(copy, chance.uniform(0.0, whole), frozen):
                break
            done += 1
        _uninterrupted(copy, frozen)
        _same(expected, rows(copy))
        print(f"{done} kills, {rounds} lakes compared", file=sys.stderr)
    total = sum(len(found) for found in expected.values())
    findings = len(expected.get("detection_finding", ()))
    return (
        f"{done} kills at random instants of `watchfloor run` ({whole:.1f} s uninterrupted), {rounds} lakes compared "
        f"with an uninterrupted run's: {total:,} rows in {len(expected)} tables equal row for row, "
        f"{findings:,} findings, **0 doubled, 0 lost**."
    )


def _emptied(estate: Path) -> Path:
    for part in (estate / "var").glob("*"):
        if part.name in KEPT:
            continue
        shutil.rmtree(part) if part.is_dir() else part.unlink()
    return estate


def _uninterrupted(estate: Path, frozen: dict[str, str]) -> float:
    began = time.perf_counter()
    ended = subprocess.run(command(estate), env=frozen, capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        raise RuntimeError(f"run ended with {ended.returncode}: {ended.stderr[-2000:]}")
    return time.perf_counter() - began


def _killed(estate: Path, after: float, frozen: dict[str, str]) -> bool:
    """Run for so long, then kill; False when it had ended by itself."""
    running = subprocess.Popen(command(estate), env=frozen, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        running.wait(after)
    except subprocess.TimeoutExpired:
        running.send_signal(signal.SIGKILL)
        running.wait()
        return True
    if running.returncode != 0:
        raise RuntimeError(f"run ended with {running.returncode}")
    return False


def _same(whole: dict[str, list[bytes]], other: dict[str, list[bytes]]) -> None:
    assert sorted(whole) == sorted(other), (sorted(whole), sorted(other))
    for name, expected in whole.items():
        assert len(other[name]) == len(expected), f"{name}: {len(other[name])} rows, not {len(expected)}"
        if other[name] != expected:
            first = next(pair for pair in zip(expected, other[name], strict=True) if pair[0] != pair[1])
            raise AssertionError(f"{name}: rows differ, the first:\n{first[0].decode()}\n{first[1].decode()}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--world", action="store_true", help="days of the harbour")
    given = parser.parse_args()
    print((with_a_world if given.world else main)(given.kills, seed=given.seed))
