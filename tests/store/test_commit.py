"""One batch is in the lake once, wherever the process died."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from watchfloor.errors import StoreError
from watchfloor.store.commit import Committer
from watchfloor.store.lake import Lake

PROGRAM = Path(__file__).with_name("killed.py")
KILLS = int(os.environ.get("WATCHFLOOR_KILLS", "15"))
BATCHES = 25


def contents(folder: Path) -> dict[str, list[dict[str, Any]]]:
    lake = Lake(folder / "lake", read_only=True)
    return {
        name: sorted(
            pa.table(DeltaTable(lake.folder / name).to_pyarrow_table()).to_pylist(),
            key=lambda row: row.get("n") or row["sequence"],
        )
        for name in lake.tables()
    }


def run(folder: Path, batches: int, kill_after: float | None = None) -> float | None:
    """Run the program; give how many seconds it worked, None when it was killed before its end."""
    arguments = [sys.executable, str(PROGRAM), str(folder), str(batches)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        began = time.monotonic()
        if kill_after is not None:
            time.sleep(kill_after)
            process.send_signal(signal.SIGKILL)
        _, complaint = process.communicate(timeout=120)
        assert process.returncode in {0, -signal.SIGKILL}, complaint.decode()
        return time.monotonic() - began if process.returncode == 0 else None


def killed_over_and_over(folder: Path, kills: int, batches: int, calm: float, seed: int) -> int:
    """Kill the program `kills` times at random instants, then let it finish; give how often it had work left.

    Args:
        calm: seconds an undisturbed run takes; a kill comes while the machine at hand has work for it.
    """
    chance, struck = random.Random(seed), 0
    for number in range(kills):
        # The goal moves with the kills, so that every one of them strikes a process at work.
        goal = max(2, batches * (number + 1) // kills)
        struck += run(folder, goal, chance.uniform(0, calm / kills)) is None
    assert run(folder, batches) is not None
    return struck


def test_killed_at_random_instants(tmp_path: Path) -> None:
    calm, wild = tmp_path / "calm", tmp_path / "wild"
    batches = max(BATCHES, KILLS)
    took = run(calm, batches)
    assert took is not None
    struck = killed_over_and_over(wild, KILLS, batches, took, seed=11)
    assert struck >= KILLS // 3, "the test hardly killed anything at work"
    assert contents(wild) == contents(calm)
    assert sum(map(len, contents(calm).values())) == batches * 20
    assert Committer(Lake(wild / "lake"), wild / "cursor.json").pending() is None


def table(*numbers: int) -> pa.Table:
    return pa.table({"time": list(numbers), "n": list(numbers)})


@pytest.mark.parametrize("tables_done", [0, 1, 2])
def test_killed_between_tables(backend: Path, tables_done: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every instant between two durable steps, one by one."""
    lake = Lake(backend / "lake")
    committer = Committer(lake, backend / "cursor.json")
    committer.commit(committer.begin({"a": 2}), {"x": table(1), "y": table(2)})
    intent = committer.begin({"a": 4, "b": 1}, maker="v1")
    tables = {"x": table(3, 5), "y": table(4)}
    for name in sorted(tables)[:tables_done]:
        lake.append(name, tables[name], version=intent.batch)
    del committer, lake

    again = Committer(Lake(backend / "lake"), backend / "cursor.json")
    assert again.pending() == intent
    assert intent.maker == "v1"
    assert (intent.start, intent.end) == ({"a": 2, "b": 0}, {"a": 4, "b": 1})
    with pytest.raises(StoreError, match="pending"):
        again.begin({"a": 9})
    done = again.commit(intent, tables)
    assert done.skipped == tuple(sorted(tables)[:tables_done])
    assert done.rows == {"x": 2, "y": 1}
    assert again.pending() is None
    assert again.positions == {"a": 4, "b": 1}
    assert [row["n"] for row in contents(backend)["x"]] == [1, 3, 5]
    assert [row["n"] for row in contents(backend)["y"]] == [2, 4]


def test_several_tables_of_one_class_become_one(backend: Path) -> None:
    committer = Committer(Lake(backend / "lake"), backend / "cursor.json")
    encoded = pa.StructArray.from_arrays([pa.array(["q"]).dictionary_encode()], ["s"])
    other = pa.StructArray.from_arrays([pa.array(["r"]).dictionary_encode(), pa.array([1])], ["s", "t"])
    parts = [pa.table({"time": [1], "n": [1], "a": encoded}), pa.table({"time": [2], "n": [2], "a": other})]
    committer.commit(committer.begin({"a": 2}), {"x": [*parts, table(3)], "empty": table()})
    rows = contents(backend)
    assert list(rows) == ["x"]
    assert [row["a"] for row in rows["x"]] == [{"s": "q", "t": None}, {"s": "r", "t": 1}, None]


def test_an_empty_batch_moves_the_cursor(backend: Path) -> None:
    committer = Committer(Lake(backend / "lake"), backend / "cursor.json")
    committer.commit(committer.begin({"a": 5}), {})
    assert Committer(Lake(backend / "lake"), backend / "cursor.json").positions == {"a": 5}


def test_only_the_begun_batch_is_committed(backend: Path) -> None:
    committer = Committer(Lake(backend / "lake"), backend / "cursor.json")
    intent = committer.begin({"a": 5})
    committer.commit(intent, {})
    with pytest.raises(StoreError, match="not the batch"):
        committer.commit(intent, {})
    with pytest.raises(StoreError, match="committed up to 5"):
        committer.begin({"a": 4})
