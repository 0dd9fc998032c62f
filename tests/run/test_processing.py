"""Batches made by workers: the lake of one process, row for row. Who is killed and when: test_interrupted.py."""

from __future__ import annotations

import os
import random
import time
from functools import partial
from pathlib import Path

import pytest

from tests.run import small
from watchfloor.clock import Clock
from watchfloor.errors import StoreError
from watchfloor.estate import load
from watchfloor.run import processing
from watchfloor.run.local import LocalEngine
from watchfloor.run.path import Path as RecordPath
from watchfloor.run.prepare import Prepared, prepared
from watchfloor.run.processing import BatchReport
from watchfloor.run.reload import RuleWatch
from watchfloor.run.workers import Workers, possible
from watchfloor.store.lake import PARTS, Lake

pytestmark = pytest.mark.skipif(not possible(), reason="workers need Linux")

RECORDS = 400
LINES = [
    b"{broken %d\n" % i if i % 29 == 28 else small.lines([small.sysmon(i, **({"New": i} if i > 200 else {}))])
    for i in range(RECORDS)
]
STILL: Clock = lambda: 1_800_000_000_000  # noqa: E731


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return prepared([small.write_rules(tmp_path_factory.mktemp("rules"))])


@pytest.fixture(autouse=True)
def workers_pay_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processing, "PAYS", 1)
    monkeypatch.setattr(processing, "LEAST_BYTES", 1)


def _estate(folder: Path, workers: int, batch: int = 23) -> Path:
    made = small.estate(folder, batch=batch, more=f"workers = {workers}", sources=("one", "two"))
    for number, source in enumerate(("one", "two")):
        for part in range(2):
            lines = LINES[number * 200 + part * 100 : number * 200 + part * 100 + 100]
            (made / "logs" / source / f"{part}.json").write_bytes(b"".join(lines))
    return made


def _run(estate: Path, ready: Prepared) -> list[BatchReport]:
    reports: list[BatchReport] = []
    with LocalEngine(load(estate), ready, clock=STILL) as engine:
        engine.collect(final=True, committed=reports.append)
        while (report := engine.process()) is not None:
            reports.append(report)
    return reports


def _children() -> list[str]:
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text("ascii").split()


@pytest.fixture(scope="module")
def alone(ready: Prepared, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[bytes]]:
    """The lake of one process."""
    estate = _estate(tmp_path_factory.mktemp("alone"), 1)
    reports = _run(estate, ready)
    assert sum(report.read for report in reports) == RECORDS
    found = small.tables(estate)
    assert len(found["process_activity"]) == RECORDS - RECORDS // 29
    assert len(found["detection_finding"]) > 100 and len(found["quarantine"]) == RECORDS // 29
    return found


@pytest.mark.parametrize("workers", [2, 3])
@pytest.mark.parametrize("batch", [7, 23, 1000])
def test_the_lake_is_that_of_one_process(
    ready: Prepared, alone: dict[str, list[bytes]], tmp_path: Path, workers: int, batch: int
) -> None:
    estate = _estate(tmp_path, workers, batch)
    reports = _run(estate, ready)
    assert small.tables(estate) == alone
    assert [report.batch for report in reports] == list(range(1, len(reports) + 1))
    assert all(report.read == report.mapped + report.quarantined <= batch for report in reports)
    assert sum(report.read for report in reports) == RECORDS
    assert sum(report.findings for report in reports) == len(alone["detection_finding"])
    assert not _children() and not list((estate / "var" / "lake" / PARTS).iterdir())


def test_workers_made_all_batches_but_the_first(
    ready: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the test above would prove nothing."""
    here: list[int] = []
    real = RecordPath.map

    def count(self: RecordPath, *given: object, **named: object) -> object:
        here.append(1)
        return real(self, *given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(RecordPath, "map", count)
    assert len(_run(_estate(tmp_path, 2), ready)) > 10 and len(here) == 1


def test_workers_begin_while_records_still_land(
    ready: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from watchfloor.run import local

    monkeypatch.setattr(local, "FLUSH_BYTES", 1)
    reports: list[BatchReport] = []
    with LocalEngine(load(_estate(tmp_path, 2)), ready) as engine:
        engine.collect(final=True, committed=reports.append)
        early = len(reports)
        while (report := engine.process()) is not None:
            reports.append(report)
    assert 0 < early < len(reports)
    assert sum(report.read for report in reports) == RECORDS


def test_little_is_made_by_one(ready: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("a worker for some hundred records")

    monkeypatch.setattr(processing, "PAYS", 16 << 20)
    monkeypatch.setattr(processing, "Workers", never)
    assert sum(report.read for report in _run(_estate(tmp_path, 4), ready)) == RECORDS


def test_workers_are_let_go_when_it_is_calm(ready: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    estate = _estate(tmp_path, 2)
    log = estate / "logs" / "one" / "0.json"
    with LocalEngine(load(estate), ready) as engine:
        engine.collect()
        while engine.process() is not None:
            pass
        assert len(_children()) == 2
        monkeypatch.setattr(processing, "CALM_S", 0.0)
        assert engine.process() is None and not _children()
        with log.open("ab") as more:  # by now the lake's engine has threads: the next workers do without them
            more.write(b"".join(LINES[:100]))
        engine.collect()
        read = 0
        while (report := engine.process()) is not None:
            read += report.read
        assert read == 100 and len(_children()) in (0, 2)


def test_rules_that_change_hold_from_the_next_commit_on(tmp_path: Path) -> None:
    """What workers had made ahead with the former rules is made again."""
    estate = load(_estate(tmp_path, 2))
    make = partial(prepared, integrations=estate.integrations())
    watch = RuleWatch(estate.rules, make, every=0.0)
    with LocalEngine(estate, make(estate.rules), clock=STILL, watch=watch) as engine:
        engine.collect(final=True)
        before = [report for _ in range(3) if (report := engine.process()) is not None]
        assert len(_children()) == 2
        (tmp_path / "rules" / "whoami.yml").unlink()
        assert engine.renew() is not None and not _children()
        after = list(iter(engine.process, None))
    assert sum(report.read for report in before + after) == RECORDS
    assert not any(report.redone or report.mixed for report in after)
    found = small.rows(
        tmp_path, "select finding_info.analytic.uid as rule, wf.source_uid as source from detection_finding"
    )
    assert len(found) == sum(report.findings for report in before + after)
    whoami = sum(row["rule"] == small.WHOAMI for row in found)
    assert 0 < whoami < 20 < sum(row["rule"] == small.ENCODED for row in found)


def test_a_disk_that_refuses_loses_nothing(
    ready: Prepared, alone: dict[str, list[bytes]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    estate = _estate(tmp_path, 2)
    real, chance = Lake.take, random.Random(5)

    def refuse(self: Lake, *given: object, **named: object) -> bool:
        if chance.random() < 0.15:
            raise StoreError("the disk refuses")
        return real(self, *given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(Lake, "take", refuse)
    refused = 0
    with LocalEngine(load(estate), ready, clock=STILL) as engine:
        engine.collect(final=True)
        while True:
            try:
                if engine.process() is None:
                    break
            except StoreError:
                refused += 1
                assert not _children(), "workers end where something failed"
    assert refused > 3
    assert small.tables(estate) == alone


def test_a_worker_that_cannot_write_says_so(ready: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine, real = os.getpid(), Lake.write

    def refuse(self: Lake, *given: object) -> object:
        if os.getpid() != mine:
            raise StoreError("no space left", file=tmp_path, remedy="free some")
        return real(self, *given)

    monkeypatch.setattr(Lake, "write", refuse)
    with pytest.raises(StoreError, match="no space left"):
        _run(_estate(tmp_path, 2), ready)
    assert not _children()


def test_the_lock_is_not_held_by_workers(ready: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[Workers[object, object]] = []
    real = Workers.__init__

    def keep(self: Workers[object, object], *given: object, **named: object) -> None:
        held.append(self)
        real(self, *given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(Workers, "__init__", keep)
    with LocalEngine(load(_estate(tmp_path, 2)), ready) as engine:
        engine.collect(final=True)
        assert engine.process() is not None
        assert engine.process() is not None  # by now a worker has done something: it has let go
        (crew,) = held
        lock = (tmp_path / "var" / "engine.lock").stat()
        for pid in crew.pids:
            end = time.monotonic() + 10
            while _holds(pid, lock) and time.monotonic() < end:
                time.sleep(0.01)
            assert not _holds(pid, lock)


def _holds(pid: int, file: os.stat_result) -> bool:
    folder = Path(f"/proc/{pid}/fd")
    for name in os.listdir(folder):
        try:
            found = (folder / name).stat()
        except FileNotFoundError:  # closed since it was listed
            continue
        if (found.st_dev, found.st_ino) == (file.st_dev, file.st_ino):
            return True
    return False
