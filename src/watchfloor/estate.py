"""An estate, the user's own repository, as typed objects; the only place that looks for integrations and rules.

estate.toml         name, sources, where the store is
rules/              Sigma rules, any depth; `pack = true` adds ours (content/rules), a list some of its folders
integrations/       the user's own, same shape as ours; one with our id replaces ours
people/ assets/ places/ aliases.csv    who and what there is, and where (world/directory.py)
intel/              feeds of indicators, warninglists, verdicts (detect/intel/feeds.py)
links.jsonl         what was decided about who is who (world/links.py)
var/                the store (landing, lake, cursors); not for version control
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from watchfloor.clock import now_ms
from watchfloor.errors import EstateError, ManifestError
from watchfloor.world import directory, links
from watchfloor.world.directory import Directory
from watchfloor.world.fact import KINDS
from watchfloor.world.links import Links, read_links
from watchfloor.world.rows import zone_named
from watchfloor.world.sources import Source, read_sources

if TYPE_CHECKING:
    from watchfloor.collect.integration import Integration
    from watchfloor.detect.intel.feeds import Read

__all__ = ["PACK", "SETTINGS", "Estate", "SourceSettings", "find_integrations", "load"]

SETTINGS: Mapping[str, Mapping[str, str]] = {
    "estate": {
        "name": "what people call this estate; shown on top of every report",
        "timezone": "IANA name of the time zone its days begin in (default: UTC)",
    },
    "store": {
        "folder": "where landing, lake and cursors lie, relative to estate.toml (default: var)",
    },
    "rules": {
        "paths": 'files, folders or zip archives of Sigma rules, relative to estate.toml (default: ["rules"])',
        "pack": 'take rules that come with watchfloor: true, or some folders, ["converged"] (default: false)',
        "min_level": "lowest level that makes a finding: informational, low, medium, high, critical",
    },
    "engine": {
        "batch_records": "records per batch and commit (default: 150000)",
        "poll_seconds": "how long to wait for new records before looking again (default: 1.0)",
        "compact_commits": "compact a lake table after this many commits (default: 50)",
        "workers": "processes that map and match while much is waiting (default: one per core, eight at most)",
    },
    "world": {
        "complete": "kinds of facts that a source states completely, like work_order: of these, none means no",
        "map_days": "days for which a check holds of where an asset stands or a door leads (default: for ever)",
    },
    "privacy": {
        "pseudonyms": "events name people by uid or token, not by name (default: true where there is a folder people/)",
    },
    "sources": {
        "id": "stable name of the source; findings and evidence refer to it",
        "path": "file, folder or glob, relative to estate.toml",
        "integration": "the product, where it should not be recognised from the records",
        "format": "the format, where it should not be recognised from the bytes",
        "records": "dotted path of the records inside a JSON document",
        "settings": "settings of the integration (table)",
    },
}
"""Every key estate.toml knows, and what it is for. The documentation and the errors are made from this table."""

PACK = Path(__file__).parent / "content" / "rules"
"""The rules that come with watchfloor, laid out as an estate's own."""

PLACEHOLDERS = "placeholders"
"""Table of `%name%` -> values for Sigma's `|expand`."""


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """One `[[sources]]` table."""

    id: str
    path: Path
    integration: str | None = None
    format: str | None = None
    records: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Estate:
    """Everything a user has said about what is watched."""

    folder: Path
    name: str
    store: Path
    rules: tuple[Path, ...]
    min_level: str | None
    sources: tuple[SourceSettings, ...]
    placeholders: Mapping[str, Sequence[str]]
    batch_records: int = 150_000
    poll_seconds: float = 1.0
    compact_commits: int = 50
    workers: int | None = None
    timezone: str = "UTC"
    complete: frozenset[str] = frozenset()
    map_days: float | None = None
    pseudonyms: bool = False

    def world(self, at: int | None = None) -> Directory:
        """What the estate's files say about its people, assets and places, with what was decided in links.jsonl.

        Args:
            at: decisions that hold at this moment, UTC epoch milliseconds; None is now.

        Raises:
            EstateError: a file is wrong; with file and line.
        """
        found = directory.load(self.folder, timezone=self.timezone, map_days=self.map_days)
        return Links(read_links(self.folder / links.FILE), now_ms() if at is None else at).applied(found)

    def intelligence(self) -> Read | None:
        """All indicators that the estate's files name (`intel/`), and what cannot be read; None where it names none.

        Raises:
            EstateError: a TOML file under `intel/` is wrong; with file and line.
        """
        from watchfloor.detect.intel import feeds
        from watchfloor.detect.values import random_key

        return feeds.read(self.folder, zone_named(self.timezone), random_key())

    def covers(self, directory: Directory) -> dict[str, Source]:
        """What coverage.toml says each source could see, and what it is like when it is well.

        Raises:
            EstateError: it is wrong; with file and line.
        """
        known = {*directory.places, *directory.portals, *directory.assets, *directory.zones}
        return read_sources(self.folder / "coverage.toml", known)

    def integrations(self) -> list[Integration]:
        """All integrations this estate may use; one of its own replaces ours of the same id.

        Raises:
            ManifestError: a manifest is wrong.
        """
        return find_integrations(self.folder / "integrations")


def load(folder: Path) -> Estate:
    """Read `folder/estate.toml`.

    Raises:
        EstateError: no such file, not TOML, an unknown key, a value of the wrong type; with file and line.
    """
    path = folder / "estate.toml" if folder.is_dir() else folder
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError as error:
        raise EstateError(
            "there is no estate here",
            file=path,
            remedy="give the folder that holds estate.toml; estates/firstlight in the project is one to copy",
        ) from error
    except UnicodeDecodeError as error:
        raise EstateError("is not UTF-8 text", file=path, remedy="save it as UTF-8") from error
    except OSError as error:
        raise EstateError(
            f"cannot be read: {error.strerror or error}", file=path, remedy="it should be a file that we may read"
        ) from error
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line (\d+)", str(error))
        raise EstateError(
            f"is not TOML: {error}", file=path, line=int(found.group(1)) if found else None, remedy="mend that line"
        ) from error
    return _Reader(path, text, data).estate()


def find_integrations(*folders: Path) -> list[Integration]:
    """Integrations of the wheel, of the entry-point group `watchfloor.integrations`, of `folders`; later wins.

    Raises:
        ManifestError: a manifest is wrong.
    """
    import importlib.metadata
    import importlib.util

    from watchfloor.collect.integration import load_manifest

    found: dict[str, Integration] = {}
    spec = importlib.util.find_spec("watchfloor.integrations")
    roots = [Path(location) for location in (spec.submodule_search_locations or ())] if spec else []
    candidates = [child for root in roots for child in sorted(root.iterdir())]
    for entry in importlib.metadata.entry_points(group="watchfloor.integrations"):
        package = importlib.util.find_spec(entry.value)
        if package is None or package.origin is None:
            raise ManifestError(
                f"entry point {entry.name!r} names {entry.value!r}, which cannot be imported",
                remedy="reinstall or remove that package",
            )
        candidates.append(Path(package.origin).parent)
    for folder in folders:
        if folder.is_dir():
            candidates += sorted(folder.iterdir())
    for candidate in candidates:
        if (candidate / "manifest.toml").is_file():
            integration = load_manifest(candidate)
            found[integration.id] = integration
    return list(found.values())


class _Reader:
    """Checks one estate.toml; every complaint names its line."""

    def __init__(self, path: Path, text: str, data: dict[str, Any]) -> None:
        self.path, self.lines, self.data = path, text.splitlines(), data
        self.begin = 0
        """Line behind which the table stands that is being read: keys of one name are in many sources."""

    def estate(self) -> Estate:
        for key in self.data:
            if key not in SETTINGS and key != PLACEHOLDERS:
                raise self.wrong(f"unknown table [{key}]", key, f"known tables: {', '.join((*SETTINGS, PLACEHOLDERS))}")
        estate, store = self.table("estate"), self.table("store")
        rules, engine = self.table("rules"), self.table("engine")
        folder = self.path.parent
        entries = self.data.get("sources", [])
        if not isinstance(entries, list):
            raise self.wrong("sources is not a list of tables", "sources", "write [[sources]] before each source")
        heads = [number for number, row in enumerate(self.lines) if re.match(r"\s*\[\[\s*sources\s*\]\]", row)]
        sources: list[SourceSettings] = []
        for number, entry in enumerate(entries):
            self.begin = heads[number] if len(heads) == len(entries) else 0
            source = self.source(entry, folder)
            if source.id in {other.id for other in sources}:
                raise self.wrong(f"two sources are named {source.id!r}", "id", "give each its own id")
            sources.append(source)
        self.begin = 0
        placeholders = self.data.get(PLACEHOLDERS, {})
        if not isinstance(placeholders, dict):
            raise self.wrong(f"[{PLACEHOLDERS}] is not a table", PLACEHOLDERS, "write [placeholders] on its own line")
        for key, given in placeholders.items():
            if any(isinstance(value, dict | list) for value in (given if isinstance(given, list) else [given])):
                raise self.wrong(f"{key} is neither a value nor a list of values", key, f'write {key} = ["..."]')
        min_level = self.text(rules, "min_level", "") or None
        if min_level not in (None, "informational", "low", "medium", "high", "critical"):
            raise self.wrong(f"min_level {min_level!r} is no level", "min_level", SETTINGS["rules"]["min_level"])
        world = self.table("world")
        return Estate(
            folder=folder,
            name=self.text(estate, "name", folder.resolve().name),
            timezone=self.timezone(estate),
            complete=self.complete(world),
            map_days=self.positive(world, "map_days", 1.0) if "map_days" in world else None,
            pseudonyms=self.flag(self.table("privacy"), "pseudonyms", True) and (folder / "people").is_dir(),
            store=folder / self.text(store, "folder", "var"),
            rules=(
                *(folder / part for part in self.texts(rules, "paths", ["rules"])),
                *self.pack(rules),
            ),
            min_level=min_level,
            sources=tuple(sources),
            placeholders={
                str(k): [str(v) for v in (vs if isinstance(vs, list) else [vs])] for k, vs in placeholders.items()
            },
            batch_records=self.whole(engine, "batch_records", 150_000),
            poll_seconds=self.positive(engine, "poll_seconds", 1.0),
            compact_commits=self.whole(engine, "compact_commits", 50),
            workers=self.whole(engine, "workers", 1) if "workers" in engine else None,
        )

    def source(self, entry: Any, folder: Path) -> SourceSettings:
        if not isinstance(entry, dict):
            raise self.wrong("a source is not a table", "sources", "write [[sources]] before each source")
        self.known("sources", entry)
        for key in ("id", "path"):
            if not entry.get(key):
                raise self.wrong(f"a source has no {key}", "sources", SETTINGS["sources"][key])
        name = self.text(entry, "id", "")
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", name):
            raise self.wrong(
                f"source id {name!r} is not usable", "id", "letters, digits, dot, dash, underscore; at most 63"
            )
        settings = entry.get("settings", {})
        if not isinstance(settings, dict):
            raise self.wrong("settings is not a table", "settings", SETTINGS["sources"]["settings"])
        return SourceSettings(
            id=name,
            path=folder / self.text(entry, "path", ""),
            integration=self.text(entry, "integration", "") or None,
            format=self.text(entry, "format", "") or None,
            records=self.text(entry, "records", "") or None,
            settings=settings,
        )

    def complete(self, world: dict[str, Any]) -> frozenset[str]:
        kinds = self.texts(world, "complete", [])
        for kind in kinds:
            if kind not in KINDS:
                raise self.wrong(f"{kind!r} is no kind of fact", "complete", f"one of: {', '.join(KINDS)}")
        return frozenset(kinds)

    def timezone(self, estate: dict[str, Any]) -> str:
        name = self.text(estate, "timezone", "UTC")
        try:
            zone_named(name)
        except ValueError as error:
            raise self.wrong(str(error), "timezone", 'like "Europe/Amsterdam"') from None
        return name

    # -- values -------------------------------------------------------------------------------------------------

    def table(self, name: str) -> dict[str, Any]:
        value = self.data.get(name, {})
        if not isinstance(value, dict):
            raise self.wrong(f"[{name}] is not a table", name, f"write [{name}] on a line of its own")
        self.known(name, value)
        return value

    def known(self, name: str, table: dict[str, Any]) -> None:
        for key in table:
            if key not in SETTINGS[name]:
                raise self.wrong(f"[{name}] has no key {key!r}", key, f"it has: {', '.join(SETTINGS[name])}")

    def text(self, table: dict[str, Any], key: str, default: str) -> str:
        value = table.get(key, default)
        if not isinstance(value, str):
            raise self.wrong(f"{key} = {value!r} is not text", key, "put it in quotes")
        if "\x00" in value:
            raise self.wrong(f"{key} holds a NUL", key, "take it out")
        return value

    def texts(self, table: dict[str, Any], key: str, default: list[str]) -> list[str]:
        value = table.get(key, default)
        if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
            raise self.wrong(f"{key} is not a list of text", key, f'write {key} = ["..."]')
        return value

    def pack(self, rules: dict[str, Any]) -> tuple[Path, ...]:
        """Folders of our own rules that the estate takes."""
        if not isinstance(rules.get("pack", False), list):
            return (PACK,) if self.flag(rules, "pack", False) else ()
        there = sorted(path.name for path in PACK.iterdir() if path.is_dir())
        wanted = self.texts(rules, "pack", [])
        for name in wanted:
            if name not in there:
                raise self.wrong(f"pack has no folder {name!r}", "pack", f"take some of {', '.join(there)}")
        return tuple(PACK / name for name in wanted)

    def flag(self, table: dict[str, Any], key: str, default: bool) -> bool:
        value = table.get(key, default)
        if not isinstance(value, bool):
            raise self.wrong(f"{key} = {value!r} is neither true nor false", key, f"write {key} = true")
        return value

    def positive(self, table: dict[str, Any], key: str, default: float) -> float:
        value = table.get(key, default)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 10**9:
            raise self.wrong(
                f"{key} = {value!r} is not a number above 0 and below a billion",
                key,
                SETTINGS["engine"].get(key) or SETTINGS["world"].get(key),
            )
        return value

    def whole(self, table: dict[str, Any], key: str, default: int) -> int:
        value = self.positive(table, key, default)
        if not isinstance(value, int):
            raise self.wrong(f"{key} = {value!r} is not a whole number", key, SETTINGS["engine"].get(key))
        return value

    def wrong(self, what: str, key: str, remedy: str | None) -> EstateError:
        stands = re.compile(rf"[\[\s]*{re.escape(key)}\b")
        rows = enumerate(self.lines[self.begin :], self.begin + 1)
        line = next((number for number, row in rows if stands.match(row)), None)
        return EstateError(what, file=self.path, line=line, remedy=remedy)
