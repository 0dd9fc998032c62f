"""Whose time it is: CPU time per stage of the path, taken from outside while the real path runs.

A stage is a function or method; while one is at work inside another, the time is the inner one's only.
"""

from __future__ import annotations

import functools
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any


class Stopwatch:
    """CPU seconds per stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._open: list[str] = []
        self._since = 0.0

    def watch(self, owner: Any, name: str, stage: str) -> None:
        """From now on `owner.name(...)` counts for `stage`; what it yields later counts too."""
        inner = getattr(owner, name)

        @functools.wraps(inner)
        def timed(*args: Any, **kwargs: Any) -> Any:
            result = self._during(stage, lambda: inner(*args, **kwargs))
            return self._each(stage, result) if hasattr(result, "__next__") else result

        setattr(owner, name, timed)

    def _each(self, stage: str, iterator: Iterator[Any]) -> Iterator[Any]:
        end = object()
        while (item := self._during(stage, lambda: next(iterator, end))) is not end:
            yield item

    def _during(self, stage: str, work: Callable[[], Any]) -> Any:
        self._turn()
        self._open.append(stage)
        try:
            return work()
        finally:
            self._turn()
            self._open.pop()

    def _turn(self) -> None:
        now = time.process_time()
        if self._open:
            self.seconds[self._open[-1]] += now - self._since
        self._since = now


def watch_path(watch: Stopwatch) -> None:
    """Put the stopwatch at every stage between a file and the lake."""
    from watchfloor.collect.mapper import Mapper
    from watchfloor.collect.tail import Tail
    from watchfloor.detect.engine import Engine
    from watchfloor.ocsf import finding
    from watchfloor.ocsf.events import Events
    from watchfloor.run import path
    from watchfloor.store.commit import Committer
    from watchfloor.store.lake import Lake
    from watchfloor.store.landing import LandingReader, LandingWriter

    watch.watch(Tail, "read", "read file")
    watch.watch(LandingWriter, "append", "land")
    watch.watch(LandingWriter, "flush", "land")
    watch.watch(LandingReader, "read", "read landing")
    watch.watch(path, "tokenise", "tokenise")
    watch.watch(Mapper, "map", "map")
    watch.watch(Engine, "match", "match")
    watch.watch(finding, "findings", "findings")
    watch.watch(Events, "nest", "nest")
    watch.watch(Lake, "write", "write")
    watch.watch(Committer, "begin", "commit")
    watch.watch(Committer, "commit", "commit")
    watch.watch(Lake, "compact", "compact")


STAGES = (
    "read file", "land", "read landing", "tokenise", "map", "match", "findings", "nest", "write", "commit", "compact",
)  # fmt: skip
