"""The as-of join: what it costs to put onto each event what was true at its time, and how that grows.

An estate of so many persons and assets, half a year of facts about them: sightings and presence, shifts, leave, notice,
travel, training, clearance, work orders, maintenance, arming, doors. Logons ask for all of it, in batches as the path
has them, their times in order but for the jitter of late sources, at random ages. CPU time of one core.
"""

from __future__ import annotations

import argparse
import gc
import time
from collections.abc import Mapping
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from benchmarks import machine
from watchfloor.ocsf.column import Column
from watchfloor.ocsf.events import Events
from watchfloor.world.asof import AsOfJoin
from watchfloor.world.directory import Directory
from watchfloor.world.entities import Asset, Person, Place, Portal, Zone
from watchfloor.world.history import ANY, History, Intervals, Statement

GOAL = 1_500_000
"""Events a second and core, asked for in the issue of the world."""

BATCH = 150_000
BEGIN, LASTS = 1_780_000_000_000, 180 * 86_400_000
PLACES = 200

SHARES: Mapping[str, float] = {
    "presence": 0.31, "on_site": 0.31, "sighted": 0.3, "shift": 0.06, "maintenance": 0.02,
}  # fmt: skip
"""What the facts are about: nearly all of them where somebody was."""


class Size(NamedTuple):
    """How large the world is."""

    persons: int
    assets: int
    facts: int


SIZES = (
    Size(10_000, 5_000, 100_000),
    Size(10_000, 5_000, 1_000_000),
    Size(10_000, 5_000, 10_000_000),
    Size(10_000, 5_000, 50_000_000),
    Size(1_000, 500, 10_000_000),
    Size(50_000, 25_000, 10_000_000),
)


def main(sizes: tuple[Size, ...] = SIZES) -> str:
    """Measure; gives the table."""
    rows = [_row(size) for size in sizes]
    largest = max(sizes, key=lambda size: size.facts)
    fewer = _row(largest, whole=False)
    head = ("persons", "assets", "facts", "opened in", "memory of the facts", "bytes a fact", "events/s and core",
            "µs an event")  # fmt: skip
    text = machine.table(head, rows)
    return (
        f"## As-of join\n\n{COLUMNS} Goal: {GOAL:,} events/s for 12 kinds.\n\n{text}\n\n"
        f"With 14 kinds, those of the person and of the thing acted on: {fewer[-2]} events/s with {fewer[2]} facts."
    )


COLUMNS = "18 kinds of facts become up to 41 columns `asof.*` and `lag.*` of each logon, `Events` in and `Events` out."


def _row(size: Size, *, whole: bool = True) -> tuple[object, ...]:
    random = np.random.default_rng(7)
    directory = _directory(size)
    history, batches = History(), [_batch(size, random, whole=whole) for _ in range(8)]
    AsOfJoin(directory, history).join(batches[0])  # compiles
    gc.collect()
    before = machine.rss_mb()
    count, opened = _fill(history, size, random)
    join = AsOfJoin(directory, history, complete=frozenset({"work_order"}))
    began = time.process_time()
    joined = join.join(batches[0])
    opened += time.process_time() - began
    gc.collect()
    memory = machine.rss_mb() - before
    assert len([name for name in joined.names if name.startswith(("asof.", "lag."))]) >= 20
    taken = []
    for batch in batches[1:]:
        start = time.process_time()
        join.join(batch)
        taken.append(time.process_time() - start)
    each = sorted(taken)[len(taken) // 2] / BATCH
    return (
        f"{size.persons:,}", f"{size.assets:,}", f"{count:,}", f"{opened:.1f} s", f"{memory:,.0f} MB",
        f"{memory * 1e6 / count:.0f}", f"{1 / each:,.0f}", f"{each * 1e6:.2f}",
    )  # fmt: skip


def _directory(size: Size) -> Directory:
    zones = {
        f"z-{n}": Zone(
            f"z-{n}", "", clearance="secret" if n % 5 == 0 else "", training=("crane",) if n % 3 == 0 else ()
        )
        for n in range(20)
    }
    places = {f"pl-{n}": Place(f"pl-{n}", "room", "", parent="s", zone=f"z-{n % 20}") for n in range(PLACES)}
    places["s"] = Place("s", "site", "", zone="z-1")
    portals = {
        f"d-{n}": Portal(f"d-{n}", "door", "", "pl-0", f"pl-{n}", at=(float(n), 0.0, 0.0)) for n in range(1, PLACES)
    }
    return Directory(
        persons={f"p-{n}": Person(f"p-{n}", "clerk") for n in range(size.persons)},
        employed={}, credentials={},
        assets={f"a-{n}": Asset(f"a-{n}", "host", f"pl-{n % PLACES}", criticality=n % 5) for n in range(size.assets)},
        places=places, portals=portals, zones=zones, conduits={}, located={}, cameras={},
        zone_of_place={uid: place.zone for uid, place in places.items()},
        aliases=(), named=(), timezone=ZoneInfo("UTC"),
    )  # fmt: skip


def _fill(history: History, size: Size, random: np.random.Generator) -> tuple[int, float]:
    """Gives how many facts there are, and the seconds the history took to open them."""
    people, things = [f"p-{n}" for n in range(size.persons)], [f"a-{n}" for n in range(size.assets)]
    rooms = [f"pl-{n}" for n in range(PLACES)]
    count, taken = 0, 0.0
    for kind, share in SHARES.items():
        whose = things if kind == "maintenance" else people
        values = [*rooms, "out"]
        if kind not in ("presence", "sighted"):
            values = {"maintenance": ["on"], "shift": ["early", "late"], "on_site": ["s", "out"]}[kind]
        each = max(1, int(size.facts * share / len(whose)))
        step = LASTS // each
        since = BEGIN + np.tile(np.arange(each, dtype=np.int64) * step, len(whose))
        since += random.integers(0, max(1, step // 3), len(since))
        until = since + (step // 2 if kind in ("shift", "maintenance") else step - step // 3)
        intervals = Intervals(
            np.repeat(np.arange(len(whose), dtype=np.int32), each), since, until,
            random.integers(0, len(values), len(since)).astype(np.int32), since, np.full(len(since), 100, np.int8),
        )  # fmt: skip
        began = time.process_time()
        history.load(kind, whose, values, intervals, value=ANY if kind == "maintenance" else "")
        taken += time.process_time() - began
        count += len(since)
    end = BEGIN + LASTS
    said = [Statement(uid, "employed", "yes", BEGIN, end, 0) for uid in people]
    said += [Statement(uid, "role", "clerk", BEGIN, end, 0) for uid in people]
    for kind, value, every in (("training", "crane", 2), ("clearance", "secret", 3), ("in_notice", "yes", 50),
                               ("on_leave", "yes", 9), ("travelling", "NL", 11), ("escort", "v-1", 40)):  # fmt: skip
        said += [Statement(uid, kind, value, BEGIN, end, 0) for uid in people[::every]]
    said += [Statement(uid, "work_order", f"wo-{n % 20}", BEGIN, end, 0) for n, uid in enumerate(things[::7])]
    said += [Statement(uid, "armed", "armed", BEGIN, end, 0) for uid in rooms[::4]]
    began = time.process_time()
    count += history.add(said)
    return count, taken + time.process_time() - began


def _batch(size: Size, random: np.random.Generator, *, whole: bool) -> Events:
    """Logons of some minutes at a random time, nearly in order; `whole`: also whence they come, and a place."""
    start = BEGIN + int(random.integers(LASTS // 10, LASTS * 9 // 10))
    times = start + np.sort(random.integers(0, 600_000, BATCH)) - random.integers(0, 5_000, BATCH)

    def drawn(names: list[str]) -> Column:
        return Column(random.integers(0, len(names), BATCH).astype(np.int32), pa.array(names))

    place = random.integers(0, PLACES, BATCH).astype(np.int32)
    columns: dict[str, Column | int] = {
        "activity_id": 1,
        "time": Column(np.arange(BATCH, dtype=np.int32), pa.array(times, pa.int64())),
        "wf.person_uid": drawn([f"p-{n}" for n in range(size.persons)]),
        "wf.asset_uid": drawn([f"a-{n}" for n in range(size.assets)]),
        "wf.zone_uid": Column((place % 20).astype(np.int32), pa.array([f"z-{n}" for n in range(20)])),
    }
    if whole:
        columns["wf.src_asset_uid"] = drawn([f"a-{n}" for n in range(size.assets)])
        columns["wf.place_uid"] = Column(place, pa.array([f"pl-{n}" for n in range(PLACES)]))
    return Events.build("authentication", columns, BATCH)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--facts", type=machine.count_of, default=None, help="only one size of 10,000 persons")
    given = parser.parse_args()
    machine.pin()
    print(main(SIZES if given.facts is None else (Size(10_000, 5_000, given.facts),)))
