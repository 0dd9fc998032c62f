"""Feeds of indicators that change while an engine runs: noticed between batches, read aside, taken over whole.

A file that is being written may be half of itself when it is looked at. So indicators of which a whole file cannot
be read are not taken over: the former go on until the files change again.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path as FilePath
from typing import TYPE_CHECKING

from watchfloor.clock import monotonic_s
from watchfloor.detect.intel.feeds import files_of
from watchfloor.errors import WatchfloorError

if TYPE_CHECKING:
    from watchfloor.detect.intel.feeds import Read
    from watchfloor.estate import Estate

__all__ = ["FeedWatch"]

LOOK_SECONDS = 5.0
"""How often files of feeds are looked at."""

State = frozenset[tuple[str, int, int, int]]
"""Of every file: its path, inode, size and time of change."""


class FeedWatch:
    """Watches the files that an estate's indicators come from; to be made before they are read first.

    Args:
        estate: whose `intel/`.
        every: seconds between two looks.
    """

    def __init__(self, estate: Estate, *, every: float = LOOK_SECONDS) -> None:
        self._estate, self._every = estate, every
        self._state = self._now()
        self._looked = monotonic_s()

    def look(self) -> Read | WatchfloorError | None:
        """The indicators anew; why they cannot be used; None when nothing changed, or it was looked just now.

        An estate whose last feed is gone keeps the indicators it has: to run without any, start anew.
        """
        if monotonic_s() - self._looked < self._every:
            return None
        try:
            state = self._now()
            if state == self._state:
                return None
            self._state = state  # before reading: what changes meanwhile is seen at the next look
            read = self._estate.intelligence()
        except WatchfloorError as error:
            return error
        finally:
            self._looked = monotonic_s()
        return read if read is None or not read.broken else read.broken[0]

    def _now(self) -> State:
        try:
            return _state(files_of(self._estate.folder))
        except WatchfloorError:  # a TOML file is wrong: its own state is all there is
            return _state((self._estate.folder / "intel").glob("*"))


def _state(paths: Iterable[FilePath]) -> State:
    found = []
    for path in paths:
        try:
            status = os.stat(path)
        except OSError:  # gone since it was listed
            continue
        found.append((str(path), status.st_ino, status.st_size, status.st_mtime_ns))
    return frozenset(found)
