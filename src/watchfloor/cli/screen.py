"""Where words go: people read stderr and stdout, programs read stdout. Colour and progress only on a terminal."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import Console

__all__ = [
    "LEVEL_STYLES",
    "Progress",
    "announce_compiling",
    "as_json_line",
    "console",
    "json_line",
    "line",
    "progress",
    "readable",
    "side",
]

LEVEL_STYLES = {
    "critical": "bold white on red",
    "high": "bold red",
    "medium": "yellow",
    "low": "cyan",
    "informational": "dim",
}

DRIVING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Characters that drive a terminal, or turn the reading direction: an attacker chooses what stands in a log."""

PIPED_WIDTH = 200
"""Columns of a table that nobody looks at in a terminal."""


def line(text: str) -> None:
    """A plain line of an answer on stdout: at once, without what draws tables and colours."""
    sys.stdout.write(f"{readable(text)}\n")


def console() -> Console:
    """stdout, for answers. Plain text when piped; NO_COLOR is obeyed."""
    return _console(sys.stdout)


def side() -> Console:
    """stderr, for progress and asides."""
    return _console(sys.stderr)


def _console(file: TextIO) -> Console:
    from rich.console import Console
    from rich.segment import Segment

    class Screen(Console):
        """A console on which only we drive the terminal, and whose reader may go away."""

        def render(self, renderable: Any, options: Any = None) -> Iterable[Segment]:
            for segment in super().render(renderable, options):
                yield segment if segment.control else Segment(readable(segment.text), segment.style)

        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    return Screen(file=file, highlight=False, emoji=False, soft_wrap=not file.isatty(), width=_width(file))


def readable(text: str) -> str:
    """Text that does nothing but stand there: what drives a terminal becomes a visible mark."""
    return DRIVING.sub("\ufffd", text)


def _width(stream: TextIO) -> int | None:
    """A terminal's own width; a file has room for whole lines."""
    return None if stream.isatty() else PIPED_WIDTH


def json_line(value: Any) -> None:
    """One JSON object on a line of stdout."""
    sys.stdout.buffer.write(as_json_line(value))


def as_json_line(value: Any) -> bytes:
    """A value as one JSON object and a line end."""
    import orjson

    option = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS | orjson.OPT_APPEND_NEWLINE
    return orjson.dumps(value, default=_as_json, option=option)


def _as_json(value: Any) -> Any:
    """What JSON has no word for: raw records are text wherever they can be, sums of whole numbers stay numbers."""
    from decimal import Decimal

    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, Decimal):
        whole = value.is_finite() and value == value.to_integral_value() and abs(value) < 2**63
        return int(value) if whole else float(value)
    return str(value)


def announce_compiling() -> None:
    """The first run on a machine compiles the kernels, which takes its time: say so, or it looks hung."""
    _compiling().said = False


@cache
def _compiling() -> Any:
    from numba.core import event

    class Once(event.Listener):  # type: ignore[misc]
        said = False

        def on_start(self, event: object) -> None:
            if not self.said:
                self.said = True
                side().print("compiling the kernels, once on this machine: about 20 s")

        def on_end(self, event: object) -> None:
            pass

    listener = Once()
    event.register("numba:compile", listener)
    return listener


class Progress:
    """How far the work is; shown only on a terminal and only when it takes over a second."""

    def __init__(self, bar: Any = None, task: Any = None, room: int = 0) -> None:
        self._bar, self._task, self._room = bar, task, room

    def advance(self, done: int, what: str = "") -> None:
        """`done` more units; `what` is being worked on."""
        if self._bar is not None:
            from rich.markup import escape

            # The end of a path says more than its beginning; without room it is left out.
            short = what if len(what) <= self._room else f"…{what[1 - self._room :]}" if self._room > 12 else ""
            self._bar.update(self._task, advance=done, what=escape(short))


@contextmanager
def progress(title: str, total: int | None, unit: str = "B") -> Iterator[Progress]:
    """A progress bar on stderr with rate and time left; silent when stderr is not a terminal.

    Args:
        title: what is being done.
        total: units of work altogether, None when unknown.
        unit: "B" for bytes, or the name of what is counted.
    """
    if not sys.stderr.isatty():
        yield Progress()
        return
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        SpinnerColumn,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )
    from rich.progress import Progress as Bar

    size = (DownloadColumn(), TransferSpeedColumn()) if unit == "B" else (MofNCompleteColumn(), TextColumn(unit))
    screen = side()
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(20), *size, TimeRemainingColumn())
    room = screen.width - len(title) - 72
    with Bar(*columns, TextColumn("[dim]{task.fields[what]}"), console=screen, transient=True) as bar:
        yield Progress(bar, bar.add_task(title, total=total, what=""), room)
