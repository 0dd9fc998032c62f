"""The harbour, judged against its own truth: every record accounted for, everybody and everything named rightly, nobody
said to be where they are not.

A port of 400 people is simulated for some days on a seed, its records run through the estate, and the lake is compared
with what the simulator knows: per record which person, asset, place and door it names; per person and minute the zone.
"""

from __future__ import annotations

import argparse
import shutil
import time
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import machine
from watchfloor.estate import Estate, load
from watchfloor.ocsf.column import Column
from watchfloor.run.living import taken_up
from watchfloor.run.local import LocalEngine
from watchfloor.run.prepare import prepared
from watchfloor.store.lake import Lake
from watchfloor.world.entities import SURE
from watchfloor.world.presence import OUT, UNKNOWN, asked
from watchfloor.world.world import World

ROLES = {
    "person": "person_uid",
    "asset": "asset_uid",
    "source_asset": "src_asset_uid",
    "place": "place_uid",
    "portal": "portal_uid",
}
"""Column of the truth -> column of events."""

MINUTE_MS = 60_000


class Judged(NamedTuple):
    """Records that name something in one role."""

    named: int
    right: int
    unknown: int
    wrong: int


class Minutes(NamedTuple):
    """Person-minutes, by what presence said: surely (80 and more), weakly, or unknown."""

    right: int
    wrong: int
    weakly_right: int
    weakly_wrong: int
    unknown: int


def estate_at(folder: Path) -> Path:
    """A copy of the harbour without records."""
    return Path(
        shutil.copytree(machine.PROJECT / "estates" / "harbour", folder, ignore=shutil.ignore_patterns("logs", "var"))
    )


def simulated(estate: Path, *words: str) -> Path:
    """The folder of an estate's records, written by `watchfloor simulate`, given what else is asked of it.

    Raises:
        RuntimeError: it refuses; nothing may be measured on no records.
    """
    from watchfloor.cli import main as command

    logs = estate / "logs"
    ended = command(["simulate", str(estate), *words, "--out", str(logs)])
    if ended != 0:
        raise RuntimeError(f"watchfloor simulate {' '.join(words)} ended with {ended}")
    return logs


def run(folder: Path) -> tuple[int, int, int]:
    """Take all records; how many were read, mapped and quarantined."""
    described = load(folder)
    ready = prepared(list(described.rules), integrations=described.integrations())
    sums = [0, 0, 0]
    with LocalEngine(described, ready) as engine:
        engine.collect(final=True)
        while (report := engine.process()) is not None:
            sums = [sums[0] + report.read, sums[1] + report.mapped, sums[2] + report.quarantined]
    return sums[0], sums[1], sums[2]


def resolution(described: Estate, truth: Path) -> tuple[int, dict[str, Judged]]:
    """Records of the truth that are nowhere in the lake, and per role how they were resolved."""
    lake = Lake(described.store / "lake", read_only=True)
    database = duckdb.connect()
    parts = []
    for table in lake.tables():
        schema = lake.schema(table)
        if "wf" not in schema.names or table == "detection_finding":
            continue
        there = {field.name for field in schema.field("wf").type}
        columns = ", ".join(
            f"{f'wf.{column}' if column in there else 'null::varchar'} as {role}" for role, column in ROLES.items()
        )
        parts.append(
            f"select wf.source_uid as source, wf.source_seq as sequence, {columns} "
            f"from read_parquet({lake.files(table)}, union_by_name = true)"
        )
    database.execute(f"create table said as {' union all '.join(parts)}")
    database.execute(f"create table truth as from read_parquet('{truth}/records.parquet')")
    row = database.execute(
        "select count(*) from truth anti join said on truth.source = said.source and truth.sequence = said.sequence"
    ).fetchone()
    found: dict[str, Judged] = {}
    for role in ROLES:
        counted = database.execute(
            f"""select count(*), count(*) filter (s.{role} = t.{role}), count(*) filter (s.{role} is null),
            count(*) filter (s.{role} <> t.{role})
            from truth t join said s on t.source = s.source and t.sequence = s.sequence where t.{role} is not null"""
        ).fetchone()
        assert counted is not None
        found[role] = Judged(*counted)
    return (row or (0,))[0], found


def remembered(described: Estate) -> World:
    """The world as it is when all records have come."""
    directory = described.world()
    lake = Lake(described.store / "lake", read_only=True)
    return taken_up(directory, lake, complete=described.complete, sources=described.covers(directory))


def presence(described: Estate, truth: Path) -> Minutes:
    """What presence says of every person and minute, against where they were."""
    world = remembered(described)
    stays: dict[str, list[dict[str, Any]]] = {}
    for row in pq.read_table(truth / "presence.parquet").to_pylist():
        stays.setdefault(row["person"], []).append(row)
    first = min(row["since_ms"] for rows in stays.values() for row in rows)
    last = max(row["until_ms"] for rows in stays.values() for row in rows)
    minutes = np.arange(first // MINUTE_MS * MINUTE_MS, last, MINUTE_MS, dtype=np.int64)
    sums = np.zeros(5, np.int64)
    for person, rows in stays.items():
        sums += _minutes(world, person, sorted(rows, key=lambda row: row["since_ms"]), minutes)
    return Minutes(*sums.tolist())


def _minutes(
    world: World, person: str, rows: list[dict[str, Any]], minutes: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    directory = world.directory
    outside = {uid for uid, zone in directory.zones.items() if zone.kind == "external"}
    zones = ["", *(row["zone"] for row in rows)]
    since = np.array([row["since_ms"] for row in rows], np.int64)
    until = np.array([row["until_ms"] for row in rows], np.int64)
    stay = np.searchsorted(since, minutes, "right") - 1
    there = (stay >= 0) & (minutes < until[np.maximum(stay, 0)])
    true = np.array([OUT if zone in outside or not zone else zone for zone in zones])[np.where(there, stay + 1, 0)]
    doubt = np.full(len(minutes), world.presence.doubt)  # minutes are those of a clock that is right
    said = asked(world.history, Column.constant(person, len(minutes)), minutes, doubt)
    names = said.value.map(lambda uid: uid if uid in (OUT, UNKNOWN) else directory.zone_of(uid), pa.string())
    claimed = np.array([*names.values.to_pylist(), UNKNOWN])[names.codes]
    known, sure, right = claimed != UNKNOWN, said.confidence >= SURE, claimed == true
    return np.array(
        [
            np.sum(known & sure & right), np.sum(known & sure & ~right),
            np.sum(known & ~sure & right), np.sum(known & ~sure & ~right), np.sum(~known),
        ]
    )  # fmt: skip


def main(days: int = 7, seeds: tuple[int, ...] = (1, 2, 3), faults: str = "none") -> str:
    """Simulate, run, judge; gives the tables.

    Args:
        faults: what goes wrong between devices and their readers, as `watchfloor simulate --faults` takes it.
    """
    rows: list[tuple[object, ...]] = []
    stays: list[tuple[object, ...]] = []
    for seed in seeds:
        with machine.workspace() as folder:
            estate = estate_at(folder / "estate")
            began = time.process_time()
            logs = simulated(estate, "--days", str(days), "--seed", str(seed), "--faults", faults)
            written = time.process_time() - began
            truth = (logs / "truth").rename(folder / "truth")
            began = time.process_time()
            read, mapped, refused = run(estate)
            taken = time.process_time() - began
            described = load(estate)
            lost, judged = resolution(described, truth)
            counts = (seed, f"{read:,}", f"{refused:,}", lost, f"{read / written:,.0f}", f"{read / taken:,.0f}")
            rows.append((*counts, *(f"{one.right / one.named:.3%}, {one.wrong} wrong" for one in judged.values())))
            assert read == mapped + refused
            spent = presence(described, truth)
            stays.append((seed, *(f"{one:,}" for one in spent)))
    heads = (
        "seed",
        "records",
        "quarantined",
        "lost",
        "simulated/s",
        "run/s",
        *(role.replace("_", " ") for role in ROLES),
    )
    said = ("seed", "surely right", "surely wrong", "weakly right", "weakly wrong", "unknown")
    wrong = "" if faults == "none" else f", with faults: {faults}"
    return f"""### Harbour: {days} days, 400 people, against the truth{wrong}

{machine.table(heads, rows)}

Person-minutes by what presence says of the zone, asked by a clock that is right (surely: confidence 80 and more):

{machine.table(said, stays)}

`simulated/s` and `run/s` are records per CPU second: written by the simulator; landed, mapped, resolved, joined,
matched and committed by the engine, with the estate's rules."""


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=7)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--faults", default="none", help="as `watchfloor simulate --faults`: all, none, or some")
    given = parser.parse_args()
    print(main(given.days, tuple(given.seeds), given.faults))
