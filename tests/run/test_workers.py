"""Worker processes: answers in the order of the orders, errors carried home, nobody left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tests.conftest import PROJECT
from watchfloor.errors import EstateError, UsageError, WatchfloorError, WorkerLost
from watchfloor.run import workers
from watchfloor.run.workers import Workers, cores, how_many, possible

pytestmark = pytest.mark.skipif(not possible(), reason="workers need Linux")


def _same(number: int) -> int:
    return number


def gone(pid: int, seconds: float = 20) -> bool:
    """Whether a process ends, within some time; a zombie that nobody waits for counts as there."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if not Path(f"/proc/{pid}").exists():
            return True
        time.sleep(0.01)
    return False


def until(true: Callable[[], bool], seconds: float = 20) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.01)
    return False


@pytest.mark.parametrize("count", [1, 2, 4])
def test_answers_come_in_the_order_of_the_orders(count: int) -> None:
    def work(number: int) -> tuple[int, int]:
        time.sleep(0.002 * (number % 3))
        return number, os.getpid()

    made: list[tuple[int, int]] = []
    with Workers(work, count) as crew:
        pids = set(crew.pids)
        for number in range(40):
            while not crew.room:
                made.append(crew.take())
            crew.give(number)
        while crew.waiting:
            made.append(crew.take())
    assert [number for number, _ in made] == list(range(40))
    assert {pid for _, pid in made} <= pids and len(pids) == count and os.getpid() not in pids
    assert all(gone(pid) for pid in pids)


def test_anything_goes_there_and_back_whatever_its_size() -> None:
    table = pa.table({"text": pa.array(["a", "b", "a", None]).dictionary_encode(), "number": [1, 2, 3, 4]})

    def same(order: Any) -> Any:
        return order

    with Workers(same, 1) as crew:
        for order in (
            b"x" * (9 << 20),
            b"",
            np.arange(1_000_000),
            table,
            table.slice(1, 2),
            {"k": (1, None)},
            "ü" * 70_000,
        ):
            crew.give(order)
            answer = crew.take()
            assert np.array_equal(answer, order) if isinstance(order, np.ndarray) else answer == order


def test_workers_see_what_was_there_when_they_were_made_and_change_nothing_here() -> None:
    plan = [1]

    def work(number: int) -> int:
        plan.append(number)
        return len(plan)

    with Workers(work, 1) as crew:
        plan.clear()
        crew.give(5)
        assert crew.take() == 2 and plan == []


def test_an_error_comes_back_as_it_was_and_the_work_goes_on() -> None:
    def work(number: int) -> int:
        if number == 1:
            raise EstateError("wrong", file="estate.toml", line=3, remedy="mend it")
        return 10 // number

    with Workers(work, 2) as crew:
        for number in (1, 0, 5):
            crew.give(number)
        with pytest.raises(EstateError) as told:
            crew.take()
        assert (told.value.file, told.value.line, told.value.remedy) == ("estate.toml", 3, "mend it")
        with pytest.raises(ZeroDivisionError) as bug:
            crew.take()
        assert any("10 // number" in note for note in bug.value.__notes__), "a bug shows where it was"
        assert crew.take() == 2


def test_an_error_that_cannot_be_sent_says_what_it_was() -> None:
    class Local(Exception):
        pass

    def work(_: int) -> int:
        raise Local("here")

    with Workers(work, 1) as crew:
        crew.give(1)
        with pytest.raises(RuntimeError, match="Local: here"):
            crew.take()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_worker_that_dies_is_an_error_and_takes_the_others_along(number: signal.Signals) -> None:
    with Workers(time.sleep, 3) as crew:
        pids = crew.pids
        for _ in range(3):
            crew.give(60)
        os.kill(pids[1], number)
        with pytest.raises(WorkerLost, match=rf"{pids[1]} was killed \(signal {number.value}\)"):
            crew.take()
        assert all(gone(pid) for pid in pids)


def test_a_worker_that_ends_by_itself_is_missed_too() -> None:
    with Workers(os._exit, 1) as crew:
        crew.give(3)
        with pytest.raises(WorkerLost, match="exit code 3"):
            crew.ready() or crew.take()


def test_answers_that_came_before_a_worker_died_count() -> None:
    with Workers(_same, 1) as crew:
        crew.give(1)
        assert until(crew.ready)
        os.kill(crew.pids[0], signal.SIGKILL)
        assert crew.take() == 1


def test_nothing_waits_when_nothing_is_ready() -> None:
    with Workers(time.sleep, 1) as crew:
        crew.give(60)
        assert not crew.ready()


CHILD = """
import signal, time
from watchfloor.run.workers import Workers
signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in the background ignores it from the start
with Workers(time.sleep, 2) as crew:
    print(*crew.pids, flush=True)
    crew.give(600)
    {wait}
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("wait", ["crew.take()", "time.sleep(600)", "while True: pass"])
def test_workers_die_with_their_parent(number: signal.Signals, wait: str) -> None:
    code = CHILD.format(wait=wait)
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as parent:
        assert parent.stdout is not None
        pids = [int(text) for text in parent.stdout.readline().split()]
        assert len(pids) == 2 and all(Path(f"/proc/{pid}").exists() for pid in pids)
        parent.send_signal(number)
        try:
            parent.wait(30)
        finally:
            parent.kill()
    assert all(gone(pid) for pid in pids)


def test_ctrl_c_is_the_parents() -> None:
    """A terminal sends it to all processes: workers leave it to the one who knows what to do."""
    with Workers(_same, 1) as crew:
        os.kill(crew.pids[0], signal.SIGINT)
        crew.give(7)
        assert crew.take() == 7


def test_closing_is_harmless_when_done_twice_and_in_a_worker() -> None:
    held: list[Workers[int, int]] = []

    def work(number: int) -> int:
        held[0].close()
        return number

    crew = Workers(work, 2)
    held.append(crew)
    crew.give(1)  # the workers were made before: they see an empty list, and say so
    with pytest.raises(IndexError):
        crew.take()
    crew.close()
    crew.close()
    assert crew.pids == []


def test_what_the_system_refuses_is_an_error_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise OSError(12, "Cannot allocate memory")

    before = len(os.listdir("/proc/self/fd"))
    monkeypatch.setattr(os, "fork", refuse)
    with pytest.raises(WatchfloorError, match="Cannot allocate memory"):
        Workers(_same, 2)
    assert len(os.listdir("/proc/self/fd")) == before, "nothing stays open"


def test_first_is_done_once_in_every_worker() -> None:
    seen: list[int] = []

    def work(_: int) -> tuple[int, list[int]]:
        time.sleep(0.05)
        return os.getpid(), seen

    with Workers(work, 2, first=lambda: seen.append(os.getpid())) as crew:
        for number in range(4):
            crew.give(number)
        for _ in range(4):
            pid, told = crew.take()
            assert told == [pid]
    assert seen == []


def test_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 1 <= cores() <= (os.cpu_count() or 1)
    monkeypatch.setattr(workers, "cores", lambda: 64)
    assert how_many(None) == workers.MOST and how_many(1) == 1 and how_many(20) == 20
    with pytest.raises(UsageError):
        how_many(0)
    monkeypatch.setattr(workers, "possible", lambda: False)
    assert how_many(None) == 1 and how_many(1) == 1
    with pytest.raises(UsageError):
        how_many(2)
