"""Makes processes of watchfloor quickly: everything is imported and compiled once, then each one is a fork.

Run as a program it reads one JSON list a line: [output file, limits..., arguments...], forks a child that runs the
command line with these arguments, and answers `PID`; then, when the child is gone, its exit code (negative: the
signal). `Nursery` is the other end.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType

PROJECT = Path(__file__).resolve().parents[2]


class Child:
    """A running watchfloor; `wait` gives its exit code and what it wrote."""

    def __init__(self, nursery: Nursery, pid: int, output: Path) -> None:
        assert pid > 1, "out of step"  # kill(0) would be everybody
        self.pid, self.output, self._nursery = pid, output, nursery

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send a signal; too late is no error, since the child stays a zombie until the next one is made."""
        os.kill(self.pid, number)

    @property
    def gone(self) -> bool:
        """Has it ended by itself?"""
        return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"

    def wait(self) -> tuple[int, str]:
        """(exit code, output). Must be called before the next child is made."""
        return self._nursery.answer(), self.output.read_text("utf-8", "replace")


class Nursery:
    """One process that has everything loaded; children are made one after the other."""

    def __enter__(self) -> Nursery:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__))], cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.answer() == 0
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()

    def answer(self) -> int:
        """The next number it says."""
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())

    def child(self, output: Path, *arguments: str | Path, largest_file: int = 0, workers_pay: bool = False) -> Child:
        """Start `watchfloor arguments...`.

        Args:
            largest_file: bytes at which its disk is full (0: never).
            workers_pay: workers are made however little there is to do.
        """
        assert self._process.stdin is not None
        order = [str(output), largest_file, workers_pay, *(str(argument) for argument in arguments)]
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return Child(self, self.answer(), output)


def _work() -> None:
    # Everything that one pass uses, but not the lake: its engine starts threads, which do not survive a fork.
    import deltalake  # noqa: F401
    import duckdb  # noqa: F401
    import pyarrow.parquet  # noqa: F401

    from tests.run import small
    from watchfloor.cli import main
    from watchfloor.run import processing

    folder = Path(os.environ.get("TMPDIR", "/tmp")) / f"nursery-{os.getpid()}"
    small.write_rules(folder / "rules")
    (folder / "x.json").write_bytes(small.lines(small.sysmon(i) for i in range(10)))
    quiet = os.open(os.devnull, os.O_WRONLY)
    mouth = os.dup(1)
    os.dup2(quiet, 1)
    keep = os.dup(2)
    os.dup2(quiet, 2)
    code = main(["detect", str(folder / "x.json"), "--rules", str(folder / "rules")])
    sys.stdout.flush()
    os.dup2(mouth, 1)
    os.dup2(keep, 2)
    subprocess.run(["rm", "-rf", str(folder)], check=False)
    gc.freeze()
    os.write(1, f"{code}\n".encode())
    gone = 0
    for line in sys.stdin:
        if gone:
            os.waitpid(gone, 0)
        output, largest, workers_pay, *arguments = json.loads(line)
        pid = os.fork()
        if pid == 0:
            file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
            os.dup2(file, 1)
            os.dup2(file, 2)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            if workers_pay:
                processing.PAYS = processing.LEAST_BYTES = 1
            if largest:
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                resource.setrlimit(resource.RLIMIT_FSIZE, (largest, resource.RLIM_INFINITY))
            code = 99
            try:
                code = main(arguments)
                sys.stdout.flush()
            finally:
                os._exit(code)
        os.write(1, f"{pid}\n".encode())
        status = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        code = status.si_status if status and status.si_code == os.CLD_EXITED else -(status.si_status if status else 0)
        gone = pid
        os.write(1, f"{code}\n".encode())
    os._exit(0)  # the engines' own farewells take a second and say nothing


if __name__ == "__main__":
    sys.path.insert(0, str(PROJECT))
    _work()
