"""Everything the path needs before the first record: rules compiled, mappings found."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import TYPE_CHECKING

import msgspec

from watchfloor import __version__
from watchfloor.clock import today
from watchfloor.collect.formats.recognise import by_name
from watchfloor.collect.mapper import Mapper
from watchfloor.detect.compiledcache import CompiledCache
from watchfloor.detect.engine import Engine
from watchfloor.detect.rulebook import Rulebook, load_rules
from watchfloor.detect.taxonomy import Taxonomy
from watchfloor.estate import find_integrations
from watchfloor.run.memory import use_system_allocator
from watchfloor.run.path import Path

if TYPE_CHECKING:
    from watchfloor.collect.formats.format import Format
    from watchfloor.collect.integration import Integration
    from watchfloor.run.correlating import Correlating

__all__ = ["Prepared", "chosen_format", "prepared", "user_cache"]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A path that is ready to run, and the rules it runs."""

    path: Path
    rulebook: Rulebook
    cache: CompiledCache | None = None

    def keep(self, *, rarely: bool = False) -> None:
        """Keep for the next start what has been compiled since this one; `rarely`: only if it is worth it."""
        if self.cache is not None and self.path.engine is not None:
            self.cache.keep(self.path.engine, rarely=rarely)

    def correlating(self, *, all_seen: bool = False) -> Correlating | None:
        """The correlations, before their first match; None where there are none.

        Args:
            all_seen: what is not among the records did not happen; otherwise nobody knows what could have been seen,
                and an absence is never judged.
        """
        if not self.rulebook.correlations:
            return None
        from watchfloor.detect.correlation import unwatched
        from watchfloor.run.correlating import Correlating

        return Correlating(self.rulebook, Taxonomy.load(), coverage=(lambda ask: ()) if all_seen else unwatched)

    def maker(self) -> str:
        """What makes the same events and findings of the same records: version, and a hash of rules and mappings."""
        digest = hashlib.blake2b(digest_size=8)
        rules = [(rule.id, rule.title, rule.level, rule.logsource, rule.condition) for rule in self.rulebook.matched]
        digest.update(msgspec.msgpack.encode(rules))
        digest.update(msgspec.msgpack.encode(self.rulebook.correlations))
        for integration in self.path.mapper.integrations:
            for file in sorted((*integration.folder.rglob("*.py"), *integration.folder.rglob("*.toml"))):
                digest.update(file.read_bytes())
            digest.update(repr(sorted(integration.setting_values.items())).encode())
        return f"{__version__} {digest.hexdigest()}"


def prepared(
    rules: Sequence[FilePath],
    *,
    integrations: Sequence[Integration] | None = None,
    mapper: Mapper | None = None,
    min_level: str | None = None,
    placeholders: Mapping[str, Sequence[str]] | None = None,
    cache: FilePath | None = None,
) -> Prepared:
    """Load and compile.

    Args:
        rules: files, folders and zip archives of Sigma rules.
        integrations: products; None takes every one there is.
        mapper: one that is ready, instead of `integrations`.
        min_level: rules below this level are left out.
        placeholders: values for Sigma's `|expand`.
        cache: folder that keeps lowered and compiled rules between starts; None makes them anew.

    Raises:
        RuleError: a path of rules does not exist.
        ManifestError: an integration is broken.
    """
    use_system_allocator()
    taxonomy = Taxonomy.load()
    rulebook = load_rules(rules, placeholders=placeholders, taxonomy=taxonomy, cache=cache, today=today())
    if min_level is not None:
        rulebook = rulebook.of_level(min_level)
    if mapper is None:
        mapper = Mapper(integrations if integrations is not None else find_integrations())
    memory = None if cache is None else CompiledCache(cache, rulebook.matched, taxonomy)
    engine = Engine(rulebook.matched, taxonomy, compiled=None if memory is None else memory.load())
    reader = None
    if rulebook.correlations:
        from watchfloor.detect.correlation_matches import MatchReader

        reader = MatchReader(rulebook.matched, rulebook.correlations, rulebook.members, taxonomy)
    return Prepared(Path(mapper, engine, rulebook.matched, taxonomy, reader, rulebook.silent), rulebook, memory)


def user_cache() -> FilePath | None:
    """Where this user's caches are kept: $WATCHFLOOR_CACHE, $XDG_CACHE_HOME/watchfloor or ~/.cache/watchfloor.

    None when $WATCHFLOOR_CACHE is empty, or nobody's home is known: then nothing is kept.
    """
    own = os.environ.get("WATCHFLOOR_CACHE")
    if own is not None:
        return FilePath(own) if own else None
    base = os.environ.get("XDG_CACHE_HOME")
    try:
        return FilePath(base) / "watchfloor" if base else FilePath.home() / ".cache" / "watchfloor"
    except RuntimeError:
        return None


def chosen_format(format: str | None, records: str | None) -> Format | None:
    """The format a user asked for; None lets each stream be recognised.

    Raises:
        UsageError: there is no such format.
    """
    if records is not None:
        from watchfloor.collect.formats.json import Json

        return Json(records)
    return None if format is None else by_name(format)
