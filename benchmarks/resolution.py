"""Resolution: what it costs to say who, what and where an event names, and to take the names out of it.

An estate of so many persons, each with an account under two names and a badge that changed hands once, and half as many
hosts. Batches as the path has them: logons (account with domain, host, address) and door events (badge with facility,
reader). CPU time of one core, the second batch on: names are met again.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks import machine
from watchfloor.ocsf.column import Column
from watchfloor.ocsf.events import Events
from watchfloor.world.directory import load
from watchfloor.world.privacy import Pseudonyms
from watchfloor.world.resolve import Resolver

GOAL = 2_000_000
"""Events a second and core, asked for in the issue of the world."""

BATCH, BATCHES = 150_000, 8
BEGIN, LASTS = 1_780_000_000_000, 180 * 86_400_000
SIZES = (400, 10_000, 50_000)


def main(sizes: tuple[int, ...] = SIZES) -> str:
    """Measure; gives the table."""
    rows = [row for size in sizes for row in _rows(size)]
    head = ("persons", "names", "events", "first batch", "resolved, events/s", "names taken out, events/s")
    return (
        "## Resolution\n\nUp to nine columns `wf.*` of each event; and pseudonyms in place of names, with a text of "
        f"its own in every tenth event. Goal of resolution: {GOAL:,} events/s and core.\n\n{machine.table(head, rows)}"
    )


def _rows(persons: int) -> list[tuple[object, ...]]:
    with machine.workspace() as folder:
        resolver = Resolver(load(_estate(folder, persons)))
    random = np.random.default_rng(7)
    rows: list[tuple[object, ...]] = []
    for name, made in (("logons", _logons), ("doors", _doors)):
        batches = [made(persons, random) for _ in range(BATCHES)]
        first = _taken(resolver.resolve, batches[:1])
        rest = _taken(resolver.resolve, batches[1:])
        private = Pseudonyms(resolver, b"k" * 32)
        private.pseudonymised(batches[0])
        hidden = _taken(private.pseudonymised, batches[1:])
        found = resolver.resolve(batches[0]).column("wf.person_uid")
        if found is None or not found.everywhere:
            raise RuntimeError("somebody was not found: nothing was measured")
        events = BATCH * (BATCHES - 1)
        rows.append(
            (
                f"{persons:,}", f"{len(resolver.aliases):,}", name, f"{first:.2f} s", f"{events / rest:,.0f}",
                f"{events / hidden:,.0f}",
            )
        )  # fmt: skip
    return rows


def _taken(what: Callable[[Events], Events], batches: list[Events]) -> float:
    began = time.process_time()
    for events in batches:
        what(events)
    return time.process_time() - began


def _estate(folder: Path, persons: int) -> Path:
    people, credentials, assets = (
        ["uid,name,email,site"], ["uid,kind,value,facility,holder,valid_from,valid_to"], ["uid,kind,hostname,ip"],
    )  # fmt: skip
    for n in range(persons):
        people.append(f"p-{n},Given{n} Family{n},given{n}@example.com,")
        credentials += [
            f"a-{n},account,HARBOUR\\user{n},,p-{n},,",
            f"a-{n},account,user{n}@example.com,,p-{n},,",
            f"b-{n},badge,{n + 1},12,p-{(n + 1) % persons},,2026-06-30",
            f"b-{n},badge,{n + 1},12,p-{n},2026-07-01,",
        ]
        if n % 2 == 0:
            assets.append(f"h-{n},host,host{n}.example.com,10.{n >> 16}.{n >> 8 & 255}.{n & 255}")
    for name, lines in (("people/people", people), ("people/credentials", credentials), ("assets/assets", assets)):
        path = folder / f"{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n")
    return folder


def _logons(persons: int, random: np.random.Generator) -> Events:
    who, host = random.integers(0, persons, BATCH), random.integers(0, (persons + 1) // 2, BATCH) * 2
    return Events.build(
        "authentication",
        {
            "time": Column.of(_times(random)),
            "activity_id": 1,
            "user.name": Column.of(f"user{n}" for n in who),
            "user.domain": "HARBOUR",
            "device.hostname": Column.of(f"host{n}.example.com" for n in host),
            "src_endpoint.ip": Column.of(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in host),
            "unmapped.CommandLine": Column.of(_texts(who, random)),
        },
        BATCH,
    )


def _doors(persons: int, random: np.random.Generator) -> Events:
    who = random.integers(0, persons, BATCH)
    return Events.build(
        "physical_access_activity",
        {
            "time": Column.of(_times(random)),
            "activity_id": 3,
            "credential.uid": Column.of(str(n + 1) for n in who),
            "credential.facility_code": "12",
            "portal.reader_uid": Column.of(f"r-{n}" for n in random.integers(0, 200, BATCH)),
            "unmapped.Remark": Column.of(_texts(who, random)),
        },
        BATCH,
    )


def _times(random: np.random.Generator) -> list[int]:
    times: list[int] = np.sort(BEGIN + random.integers(0, LASTS, BATCH)).tolist()
    return times


def _texts(who: np.ndarray[tuple[int], np.dtype[np.int64]], random: np.random.Generator) -> list[str | None]:
    """In every tenth event a text of its own; every hundredth names somebody."""
    drawn = random.integers(0, 100, len(who))
    return [
        f"net use /user:user{n} {row}" if luck == 0 else f"tool.exe --job {row}" if luck < 10 else None
        for row, (n, luck) in enumerate(zip(who.tolist(), drawn.tolist(), strict=True))
    ]


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    print(main())
