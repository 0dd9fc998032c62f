"""Compiled rulebooks kept between starts, one file each.

A file is known by everything that decides what is in it: log sources and conditions of the rules in their order, the
taxonomy's tables, and the text of this package's source. It is sealed: what does not fit is as if it were not there.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from contextlib import suppress
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from watchfloor.detect.compiled import Compiled
from watchfloor.detect.rule import Rule
from watchfloor.detect.sealed import fingerprint, packed, read_sealed, write_sealed
from watchfloor.detect.taxonomy import Taxonomy

if TYPE_CHECKING:
    from watchfloor.detect.engine import Engine

__all__ = ["CompiledCache"]

log = logging.getLogger(__name__)

FOLDER = "compiled"
MOST_FILES = 4
"""Rulebooks that are kept; the one unused for longest goes first."""

MOST_ROUTES = 4096
MOST_ROUTE_TEXT = 1000
"""Routes beyond these are made anew at the next start: their texts come out of events."""


class CompiledCache:
    """The compiled form of one rulebook on disk.

    Args:
        folder: the cache; a folder of its own is made in it.
        rules, taxonomy: what is compiled.
    """

    def __init__(self, folder: Path, rules: Sequence[Rule], taxonomy: Taxonomy) -> None:
        self._key = _key(rules, taxonomy)
        self._kept = 0
        self._path = Path(folder) / FOLDER / f"{self._key.hex()[:32]}.cache"

    def load(self) -> Compiled | None:
        """What was saved; None when there is nothing that fits."""
        found = read_sealed(self._path, self._key, Compiled)
        if found is not None:
            with suppress(OSError):
                os.utime(self._path)
        return found

    def keep(self, engine: Engine, *, rarely: bool = False) -> None:
        """Save what an engine of these rules has compiled since it was made, if anything.

        Args:
            rarely: only when it is twice as much as at the last time.
        """
        news = engine.news
        if news > self._kept * (2 if rarely else 1):
            self.save(engine.compiled())
            self._kept = news

    def save(self, compiled: Compiled) -> None:
        """Write it, whole or not at all, and remove rulebooks long unused; not being able to is no error."""
        routes = [(key, plan) for key, plan in compiled.routes if sum(map(len, filter(None, key))) <= MOST_ROUTE_TEXT]
        compiled.routes = routes[:MOST_ROUTES]
        write_sealed(self._path, self._key, compiled)
        try:
            files = sorted(self._path.parent.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
            for path in files[MOST_FILES:]:
                path.unlink(missing_ok=True)
        except OSError as error:
            log.info("old files in %s cannot be removed: %s", self._path.parent, error.strerror)


def _key(rules: Sequence[Rule], taxonomy: Taxonomy) -> bytes:
    routes = {source: taxonomy.routes_for(source) for source in dict.fromkeys(rule.logsource for rule in rules)}
    conditions = packed([(rule.logsource, rule.condition) for rule in rules])
    sources = sorted(path.name for path in resources.files("watchfloor.detect").iterdir() if path.name.endswith(".py"))
    return fingerprint(*sources, more=[conditions, packed(list(routes.items())), taxonomy.digest])
