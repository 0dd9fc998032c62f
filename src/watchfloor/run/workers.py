"""Processes beside this one that do its work: one per core, sharing what it has read and compiled.

    this process   give(order) ---- numbers through a pipe ---> whichever worker is free
                   take()      <--- numbers through a pipe ---- work(order)
                   what an order and its answer hold stands in memory that both see (a memfd for each one under way)

A worker is a fork, so rules, plans and loaded kernels are there at once and lie in memory once, until somebody writes
to them. Orders go to whoever is free; answers are taken in the order of the orders, so nothing that is made of them
can depend on how many workers there were or who was quick.

Workers end when this process does, however it ends: their pipe is closed, and the kernel kills them. They leave
Ctrl-C to this process. One that dies takes the others along and is an error here: nobody waits for an answer that never
comes. decisions/one-process-per-core.md says why fork, and what a worker must not touch.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import pickle
import select
import signal
import struct
import sys
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, NoReturn, TypeVar

from watchfloor.errors import UsageError, WatchfloorError, WorkerLost

__all__ = ["MOST", "Workers", "cores", "how_many", "possible"]

Order = TypeVar("Order")
Answer = TypeVar("Answer")

MOST = 8
"""Workers at most, unless somebody asks for more: one process hands out the work and takes it back."""

BUG = 70
"""Exit code of a worker that failed where it never should."""

_DIES_WITH_PARENT = 1  # PR_SET_PDEATHSIG
_NUMBERS = struct.Struct("<qq")  # number of the order, bytes of what it or its answer holds


def possible() -> bool:
    """Whether this system has what workers need. Elsewhere one process does all the work."""
    return sys.platform == "linux" and hasattr(os, "memfd_create")


def cores() -> int:
    """The processors this process may use, of those it can see, and within what its container was given."""
    if not hasattr(os, "sched_getaffinity"):
        return os.cpu_count() or 1
    allowed = len(os.sched_getaffinity(0))
    with suppress(OSError, ValueError):  # "max 100000", or "150000 100000": one and a half
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text("ascii").split()
        allowed = min(allowed, max(1, int(quota) // int(period)))
    return allowed


def how_many(asked: int | None) -> int:
    """How many workers there are to be at most: what somebody asked for, else one per core.

    Raises:
        UsageError: less than one was asked for, or more than one where only one can be.
    """
    if asked is None:
        return min(MOST, cores()) if possible() else 1
    if asked < 1:
        raise UsageError(f"{asked} workers do no work", remedy="one at least; without a number there is one per core")
    if asked > 1 and not possible():
        raise UsageError("this system runs one process only", remedy="leave the number of workers out")
    return asked


class Workers(Generic[Order, Answer]):
    """Forks of this process that each do `work(order)` until closed.

    Args:
        work: done in the workers; sees everything as it was here when the workers were made.
        count: how many.
        under_way: orders that can be given before an answer is taken; each keeps the memory of the largest it held.
        first: done once in each worker before its first order: to let go of what must not be held twice.

    Raises:
        WatchfloorError: the system gives no memory or no process.
    """

    def __init__(
        self,
        work: Callable[[Order], Answer],
        count: int,
        *,
        under_way: int | None = None,
        first: Callable[[], None] = lambda: None,
    ) -> None:
        self._work, self._first = work, first
        self._given = self._taken = 0
        self._come: dict[int, int] = {}
        self._alive: dict[int, int] = {}
        self._places: list[int] = []
        self._pipes: list[int] = []
        self._owner = os.getpid()
        try:
            self._places += [os.memfd_create("watchfloor-order") for _ in range(under_way or 2 * count)]
            self._orders, self._order = os.pipe()
            self._pipes += [self._orders, self._order]
            self._answers, self._answer = os.pipe()
            self._pipes += [self._answers, self._answer]
            for _ in range(count):
                self._fork()
        except OSError as error:
            self.close()
            raise _refused(error) from error
        except BaseException:
            self.close()
            raise
        self._poll = select.poll()
        for descriptor in (self._answers, *self._alive):
            self._poll.register(descriptor, select.POLLIN)

    def __enter__(self) -> Workers[Order, Answer]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- the side of this process -------------------------------------------------------------------------------------

    @property
    def pids(self) -> list[int]:
        """The workers' process ids."""
        return list(self._alive.values())

    @property
    def waiting(self) -> int:
        """Orders whose answer has not been taken yet."""
        return self._given - self._taken

    @property
    def room(self) -> bool:
        """Whether another order can be given before an answer is taken."""
        return self.waiting < len(self._places)

    def give(self, order: Order) -> None:
        """Hand an order over; there must be `room`. Does not wait.

        Raises:
            WatchfloorError: the system gives no memory.
        """
        assert self.room
        number = self._given
        try:
            size = _put(self._places[number % len(self._places)], order)
        except OSError as error:
            raise _refused(error) from error
        os.write(self._order, _NUMBERS.pack(number, size))
        self._given += 1

    def ready(self) -> bool:
        """Whether `take` would not wait.

        Raises:
            WorkerLost: a worker is gone.
        """
        return self._has_come(0)

    def take(self) -> Answer:
        """The answer to the oldest order whose answer was not taken yet; waits for it.

        Raises:
            WorkerLost: a worker is gone.
            Exception: whatever `work` raised over this order.
        """
        assert self.waiting
        while not self._has_come(None):
            pass
        number, size = self._taken, self._come.pop(self._taken)
        good, answer = _get(self._places[number % len(self._places)], size)
        self._taken += 1
        if not good:
            raise answer
        made: Answer = answer
        return made

    def close(self) -> None:
        """End the workers, whatever they are at; harmless when done twice."""
        if os.getpid() != self._owner:
            return
        for descriptor, pid in self._alive.items():
            os.close(descriptor)
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for pid in self._alive.values():
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)
        self._alive.clear()
        for descriptor in (*self._places, *self._pipes):
            os.close(descriptor)
        self._places.clear()
        self._pipes.clear()

    def _has_come(self, patience_ms: int | None) -> bool:
        """Whether the next answer is there, after looking at the pipes once."""
        if self._taken in self._come:
            return True
        lost = -1
        for descriptor, _ in self._poll.poll(patience_ms):
            if descriptor == self._answers:
                number, size = _NUMBERS.unpack(os.read(self._answers, _NUMBERS.size))
                self._come[number] = size
            else:
                lost = descriptor
        if lost >= 0 and self._taken not in self._come:
            raise self._missed(lost)
        return self._taken in self._come

    def _missed(self, descriptor: int) -> WorkerLost:
        """A worker's end of its pipe is closed: it is dead. The others follow."""
        pid = self._alive.pop(descriptor)
        os.close(descriptor)
        how = "is gone"
        with suppress(ChildProcessError):
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            how = f"was killed (signal {-status})" if status < 0 else f"ended by itself (exit code {status})"
        self.close()
        return WorkerLost(
            f"worker process {pid} {how} before its work was done",
            remedy="run it again, with fewer workers if memory was short; nothing is left half-written",
        )

    # -- the side of a worker -----------------------------------------------------------------------------------------

    def _fork(self) -> None:
        alive, life = os.pipe()
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # until it is clear whose it is
        try:
            with warnings.catch_warnings():
                # Threads of libraries sleep in this process; a worker does without them.
                warnings.simplefilter("ignore", DeprecationWarning)
                pid = os.fork()
            if pid == 0:
                self._live(alive, mask)
            self._alive[alive] = pid
        except BaseException:
            os.close(alive)
            raise
        finally:
            os.close(life)
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def _live(self, alive: int, mask: set[int | signal.Signals]) -> NoReturn:
        """A worker's whole life."""
        code = BUG
        try:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            ctypes.CDLL(None).prctl(_DIES_WITH_PARENT, signal.SIGKILL)
            if os.getppid() == self._owner:  # it did not die before we asked
                for descriptor in (alive, *self._alive, self._order, self._answers):
                    os.close(descriptor)
                self._first()
                while len(message := os.read(self._orders, _NUMBERS.size)) == _NUMBERS.size:
                    self._do(*_NUMBERS.unpack(message))
            code = 0
        finally:
            os._exit(code)  # no farewell: buffers and threads are those of the process it was made of

    def _do(self, number: int, size: int) -> None:
        place = self._places[number % len(self._places)]
        try:
            size = _put(place, (True, self._work(_get(place, size))))
        except Exception as error:
            size = _put(place, (False, _portable(error)))
        os.write(self._answer, _NUMBERS.pack(number, size))


class _Sink:
    """What pickle writes to: a memfd from its beginning."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor, self.size = descriptor, 0

    def write(self, data: Any) -> int:
        """All of `data`."""
        left = memoryview(data).cast("B")
        written = len(left)
        while len(left):
            done = os.pwrite(self._descriptor, left, self.size)
            self.size += done
            left = left[done:]
        return written


def _put(descriptor: int, value: Any) -> int:
    """Write a value down; gives its size."""
    sink = _Sink(descriptor)
    pickle.dump(value, sink, protocol=5)  # long texts go straight through, without a copy of everything
    return sink.size


def _get(descriptor: int, size: int) -> Any:
    with mmap.mmap(descriptor, size, access=mmap.ACCESS_READ) as written:
        return pickle.loads(written)


def _portable(error: Exception) -> Exception:
    """The error as one that can be sent, with where it came from when it is a bug."""
    if not isinstance(error, WatchfloorError):
        error.add_note("".join(traceback.format_exception(error)))
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def _refused(error: OSError) -> WatchfloorError:
    return WatchfloorError(
        f"the system refuses memory or processes for workers ({error.strerror or error})",
        remedy="run it with one worker, or give it more",
    )
