"""Rules that change while an engine runs: noticed between batches, compiled, taken over.

Only what a changed file holds is parsed again, everything else comes out of the cache. The new rules stand ready before
the old ones go; if that fails, the old ones stay.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath

from watchfloor.clock import monotonic_s
from watchfloor.detect.rule import Problem
from watchfloor.detect.rulebook import Rulebook, rule_files
from watchfloor.errors import RuleError, WatchfloorError
from watchfloor.run.prepare import Prepared

__all__ = ["Reloaded", "RuleWatch"]

LOOK_SECONDS = 5.0
"""How often files of rules are looked at: a look at three thousand of them takes 25 ms."""

State = frozenset[tuple[str, int, int, int]]
"""Of every file of rules: its path, inode, size and time of change."""


@dataclass(frozen=True, slots=True)
class Reloaded:
    """What came of a change of rules.

    Args:
        ready: the path with the new rules; None when they cannot be used and the old ones go on.
        added, removed, changed: ids of rules, against those before.
        problems: documents that are not loaded now and were not complained about before.
        error: why the new rules cannot be used.
    """

    ready: Prepared | None
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    error: WatchfloorError | None = None


class RuleWatch:
    """Watches the files of an estate's rules.

    Args:
        paths: files, folders and archives of rules; one that does not exist may come to.
        prepare: makes the path anew from those that exist.
        every: seconds between two looks.
    """

    def __init__(
        self,
        paths: Sequence[FilePath],
        prepare: Callable[[Sequence[FilePath]], Prepared],
        *,
        every: float = LOOK_SECONDS,
    ) -> None:
        self._paths, self._prepare, self._every = paths, prepare, every
        self._state = _state(self._there())
        self._looked = monotonic_s()

    def _there(self) -> list[FilePath]:
        return [path for path in self._paths if path.exists()]

    def look(self, before: Rulebook) -> Reloaded | None:
        """What has become of the rules; None when nothing changed, or it was looked just now.

        Args:
            before: the rules in use.
        """
        if monotonic_s() - self._looked < self._every:
            return None
        try:
            state = _state(self._there())
            if state == self._state:
                return None
            self._state = state  # before reading: what changes meanwhile is seen at the next look
            ready = self._prepare(self._there())
            if before.rules and not ready.rulebook.rules:
                raise RuleError("not one rule is left that can be loaded", remedy="to run without rules, start anew")
        except WatchfloorError as error:
            return Reloaded(None, error=error)
        finally:
            self._looked = monotonic_s()
        return _compared(before, ready)


def _compared(before: Rulebook, ready: Prepared) -> Reloaded:
    old, new = ({rule.id: rule for rule in book.rules} for book in (before, ready.rulebook))
    known = {(problem.file, problem.reason) for problem in before.problems}
    return Reloaded(
        ready,
        tuple(uid for uid in new if uid not in old),
        tuple(uid for uid in old if uid not in new),
        tuple(uid for uid, rule in new.items() if uid in old and old[uid] != rule),
        tuple(problem for problem in ready.rulebook.problems if (problem.file, problem.reason) not in known),
    )


def _state(paths: Sequence[FilePath]) -> State:
    found = []
    for name, _ in rule_files(paths):
        try:
            status = os.stat(name)
        except OSError:  # gone since it was listed
            continue
        found.append((name, status.st_ino, status.st_size, status.st_mtime_ns))
    return frozenset(found)
