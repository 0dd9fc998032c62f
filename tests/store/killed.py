"""A process that commits batches until it is killed: the program under test of test_commit.py.

Every batch is a pure function of its range, as on the real path. Usage: killed.py FOLDER BATCHES
"""

from __future__ import annotations

import sys
from pathlib import Path

import pyarrow as pa

from watchfloor.store.commit import Committer, Intent
from watchfloor.store.lake import Lake
from watchfloor.store.lock import EstateLock
from watchfloor.store.quarantine import Quarantined, table

PER_BATCH = 20
CLASSES = ("process_activity", "authentication", "network_activity", "detection_finding")


def made(intent: Intent) -> dict[str, pa.Table]:
    """The tables of one batch."""
    tables = {}
    numbers = range(intent.start["s"] + 1, intent.end["s"] + 1)
    for kind, name in enumerate(CLASSES):
        mine = [n for n in numbers if n % (len(CLASSES) + 1) == kind]
        paths = pa.array([f"p{n % 3}" for n in mine]).dictionary_encode()
        actor = pa.StructArray.from_arrays([pa.StructArray.from_arrays([paths], ["path"])], ["file"])
        tables[name] = pa.table(
            {"time": pa.array([n * 40_000_000 for n in mine], pa.int64()), "n": mine, "actor": actor}
        )
    tables["quarantine"] = table(
        Quarantined("s", "st", n, n, "f", "", "bad", b"%d" % n)
        for n in numbers
        if n % (len(CLASSES) + 1) == len(CLASSES)
    )
    return tables


def work(folder: Path, batches: int) -> None:
    """Commit until `batches` batches are in."""
    with EstateLock(folder):
        lake = Lake(folder / "lake")
        committer = Committer(lake, folder / "cursor.json")
        print("ready", flush=True)  # noqa: T201
        while committer.cursor.batch < batches:
            end = {"s": committer.positions.get("s", 0) + PER_BATCH}
            intent = committer.pending() or committer.begin(end)
            committer.commit(intent, made(intent))
            if intent.batch % 7 == 0:
                lake.compact(CLASSES[0])


if __name__ == "__main__":
    work(Path(sys.argv[1]), int(sys.argv[2]))
