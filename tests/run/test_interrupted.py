"""Killed, interrupted, disk full: nothing is lost, nothing is doubled, nothing stays half-written.

The measure is an uninterrupted run over the same records: the same rows in every table, whatever was in between.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from tests.run import small
from tests.run.nursery import Child, Nursery
from watchfloor.run.workers import possible
from watchfloor.store.lake import PARTS

RECORDS = 1200
BATCH = 100
BAD = 7
"""Lines in the middle that are no JSON: quarantine takes part in every commit too."""


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    with Nursery() as made:
        yield made


def _filled(folder: Path, more: str = "") -> Path:
    estate = small.estate(folder, batch=BATCH, sources=("one", "two"), more=more)
    records = [small.sysmon(i) for i in range(RECORDS)]
    middle = RECORDS // 2
    broken = b"".join(b'{"broken": %d\n' % i for i in range(BAD))
    (estate / "logs" / "one" / "a.json").write_bytes(
        small.lines(records[:100]) + broken + small.lines(records[100:middle])
    )
    (estate / "logs" / "two" / "b.json").write_bytes(small.lines(records[middle:]))
    return estate


def _rows(estate: Path) -> dict[str, Counter[bytes]]:
    """The lake without the times at which records came in and findings were made: two runs differ in them."""
    return {name: Counter(_timeless(name, row) for row in found) for name, found in small.tables(estate).items()}


def _files(estate: Path) -> int:
    """How far a run is: files of its store."""
    return sum(len(files) for _, _, files in os.walk(estate / "var"))


def _timeless(table: str, text: bytes) -> bytes:
    row = orjson.loads(text)
    if table in ("detection_finding", "quarantine"):
        for name in ("time", "day", "received"):
            row.pop(name, None)
    row.get("metadata", {}).pop("logged_time", None)
    row.get("finding_info", {}).pop("created_time", None)
    return orjson.dumps(row, option=orjson.OPT_SORT_KEYS)


@pytest.fixture(scope="module")
def undisturbed(nursery: Nursery, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Counter[bytes]], int]:
    """What the lake holds after a run that nobody disturbed, and how many files that made."""
    estate = _filled(tmp_path_factory.mktemp("undisturbed"))
    code, said = nursery.child(estate / "out", "run", estate, "--once").wait()
    assert code == 0, said
    found = _rows(estate)
    assert sum(found["process_activity"].values()) == RECORDS
    assert sum(found["detection_finding"].values()) == RECORDS // 5 * 2
    assert sum(found["quarantine"].values()) == BAD
    return found, _files(estate)


@pytest.mark.parametrize("kind", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM], ids=["kill", "ctrl-c", "term"])
def test_stopped_at_random_instants(
    nursery: Nursery, undisturbed: tuple[dict[str, Counter[bytes]], int], tmp_path: Path, kind: signal.Signals
) -> None:
    wanted, files = undisturbed
    estate = _filled(tmp_path)
    chance = random.Random(20260131 + kind)
    stopped, times = 0, 12 if kind == signal.SIGKILL else 4
    for _ in range(times):
        target = _files(estate) + chance.uniform(0, 1.5 * files / times)
        child = nursery.child(estate / "out", "run", estate, "--once")
        while not child.gone and _files(estate) < target:
            pass
        time.sleep(chance.choice((0, 0.002, 0.01, 0.03)))
        child.kill(kind)
        code, said = child.wait()
        assert "Traceback" not in said
        if kind == signal.SIGINT:
            assert code in (0, 130), said
            assert code == 0 or "interrupted" in said
        if code != 0:
            stopped += 1
    code, said = nursery.child(estate / "out", "run", estate, "--once").wait()
    assert code == 0, said
    assert stopped >= times // 3, "hardly a signal came in time: the test proves nothing"
    found = _rows(estate)
    assert found.keys() == wanted.keys()
    for name in wanted:
        assert found[name] == wanted[name], f"{name}: {sum(found[name].values())} rows"


@pytest.mark.skipif(not possible(), reason="workers need Linux")
@pytest.mark.parametrize("who", ["engine", "worker"])
def test_killed_while_workers_make_batches(
    nursery: Nursery, undisturbed: tuple[dict[str, Counter[bytes]], int], tmp_path: Path, who: str
) -> None:
    wanted, _ = undisturbed
    estate = _filled(tmp_path, more="workers = 2")
    chance = random.Random(20260201)
    killed = lost = 0
    for _ in range(12):
        child = nursery.child(estate / "out", "run", estate, "--once", workers_pay=True)
        workers = _until_it_has_workers(child)
        begun = _commits(estate)
        further = chance.randrange(4)
        while not child.gone and _commits(estate) < begun + further:
            pass
        time.sleep(chance.choice((0, 0.001, 0.004)))
        if not child.gone:
            child.kill() if who == "engine" else os.kill(chance.choice(workers), signal.SIGKILL)
            killed += 1
        code, said = child.wait()
        assert "Traceback" not in said
        if who == "worker" and code != 0:
            assert code == 1 and "was killed (signal 9)" in said and "->" in said, said
            lost += 1
        assert who == "engine" or code in (0, 1)
        for worker in workers:
            until = time.monotonic() + 10
            while Path(f"/proc/{worker}").exists() and time.monotonic() < until:
                time.sleep(0.002)
            assert not Path(f"/proc/{worker}").exists(), "a worker outlived the engine"
    code, said = nursery.child(estate / "out", "run", estate, "--once", workers_pay=True).wait()
    assert code == 0, said
    assert killed >= 3 and (who == "engine" or lost >= 2), "hardly anybody was killed: the test proves nothing"
    found = _rows(estate)
    assert found.keys() == wanted.keys()
    for name in wanted:
        assert found[name] == wanted[name], f"{name}: {sum(found[name].values())} rows"
    assert not list((estate / "var" / "lake" / PARTS).glob("*"))


def _until_it_has_workers(child: Child) -> list[int]:
    """The pids of its two workers, once there are two; of fewer when it ended before."""
    workers: list[int] = []
    while not child.gone and len(workers) < 2:
        with contextlib.suppress(OSError):
            workers = [int(pid) for pid in Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text().split()]
    return workers


def _commits(estate: Path) -> int:
    log = estate / "var" / "lake" / "process_activity" / "_delta_log"
    return len(list(log.glob("*.json"))) if log.is_dir() else 0


def test_the_disk_fills_up(
    nursery: Nursery, undisturbed: tuple[dict[str, Counter[bytes]], int], tmp_path: Path
) -> None:
    wanted, _ = undisturbed
    estate = _filled(tmp_path)
    refused = 0
    for largest in (200, 3_000, 20_000, 60_000):
        code, said = nursery.child(estate / "out", "run", estate, "--once", largest_file=largest).wait()
        if code:
            refused += 1
            assert code == 6, said
            assert "->" in said and "Traceback" not in said
            assert re.search(r"space|full|large", said), said
    assert refused >= 2
    code, said = nursery.child(estate / "out", "run", estate, "--once").wait()
    assert code == 0, said
    assert _rows(estate) == wanted


def test_ctrl_c_while_watching_ends_well(nursery: Nursery, tmp_path: Path) -> None:
    estate = _filled(tmp_path)
    child = nursery.child(estate / "out", "run", estate)
    until = time.monotonic() + 60
    while time.monotonic() < until and len(small.rows(estate, "select 1 from quarantine")) < BAD:
        time.sleep(0.1)
    with (estate / "logs" / "one" / "a.json").open("ab") as log:
        log.write(small.lines([small.sysmon(0, Marker="grown")]))
    asked = "select 1 from process_activity where process.pid = 1000"
    while time.monotonic() < until and len(small.rows(estate, asked)) < 2:
        time.sleep(0.1)
    assert len(small.rows(estate, asked)) == 2, "what was written while it ran has been taken"
    child.kill(signal.SIGINT)
    code, said = child.wait()
    assert code == 0 and "stopped" in said and "Traceback" not in said


def test_ctrl_c_in_the_middle_of_detect(nursery: Nursery, tmp_path: Path) -> None:
    rules = small.write_rules(tmp_path / "rules")
    log = tmp_path / "big.json"
    part = small.lines(small.sysmon(i) for i in range(2000))
    log.write_bytes(part * 150)
    for after in (0.05, 0.3, 0.8):
        child = nursery.child(tmp_path / "out", "detect", log, "--rules", rules, "--json")
        time.sleep(after)
        children = Path(f"/proc/{child.pid}/task/{child.pid}/children")
        workers = children.read_text("ascii").split() if children.exists() else []
        child.kill(signal.SIGINT)
        code, said = child.wait()
        assert not [pid for pid in workers if Path(f"/proc/{pid}").exists()], "workers are gone when it is"
        assert code == 130, said[-500:]
        assert "interrupted" in said and "Traceback" not in said
        for line in said.splitlines():
            if line.startswith("{"):
                orjson.loads(line)


def test_two_engines_on_one_estate(nursery: Nursery, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from watchfloor.cli import main

    estate = _filled(tmp_path)
    child = nursery.child(estate / "out", "run", estate)
    until = time.monotonic() + 60
    while time.monotonic() < until and not small.rows(estate, "select 1 from quarantine"):
        time.sleep(0.1)
    capsys.readouterr()
    assert main(["run", str(estate), "--once"]) == 6
    said = capsys.readouterr().err
    assert str(child.pid) in said and "another engine" in said and "->" in said
    child.kill(signal.SIGINT)
    assert child.wait()[0] == 0
    assert main(["run", str(estate), "--once"]) == 0
