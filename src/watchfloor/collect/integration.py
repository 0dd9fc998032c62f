"""An integration as its manifest declares it; its code is loaded when the first record of its kind arrives."""

from __future__ import annotations

import importlib.util
import re
import sys
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from watchfloor.collect.mapping import MappingFunction, Record, families_of
from watchfloor.collect.records import Records
from watchfloor.errors import ManifestError
from watchfloor.ocsf.column import Column

__all__ = ["OTHER", "Family", "Integration", "Mappings", "Setting", "Signature", "load_manifest"]

OTHER = "other"
"""The family of records that an integration recognises as its product's but has no better mapping for."""

KEYS = {
    "id", "name", "vendor", "product", "gives", "formats", "priority", "recognise", "families", "ignored", "settings",
    "secrets", "quality",
}  # fmt: skip
CLAIM_STATES = ("done", "todo", "exempt")


@dataclass(frozen=True, slots=True)
class Signature:
    """What records of this product look like.

    Args:
        fields: dotted raw names that are all present.
        values: raw name -> texts, one of which it holds.
        patterns: raw name -> regular expression found in its text; for logs that say who they are only in words.
    """

    fields: frozenset[str]
    values: Mapping[str, frozenset[str]] = field(default_factory=dict)
    patterns: Mapping[str, re.Pattern[str]] = field(default_factory=dict)

    def asks(self) -> bool:
        """Whether the names alone do not decide."""
        return bool(self.values or self.patterns)


@dataclass(frozen=True, slots=True)
class Family:
    """Records that one mapping function maps to one OCSF class."""

    name: str
    class_name: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Setting:
    """Something the estate may set."""

    name: str
    help: str
    default: Any = None
    required: bool = False


@dataclass(frozen=True, slots=True)
class Mappings:
    """The code of an integration: how its records are renamed, told apart and mapped."""

    functions: Mapping[str, MappingFunction]
    classify: Callable[[Record], Column] | None
    normalise: Callable[[Records, Mapping[str, Any]], Records] | None


@dataclass(slots=True)
class Integration:
    """One product: its manifest, and its code on demand."""

    id: str
    name: str
    vendor: str
    product: str
    folder: Path
    priority: int
    formats: tuple[str, ...]
    signatures: tuple[Signature, ...]
    families: Mapping[str, Family]
    ignored: Mapping[str, str]
    settings: Mapping[str, Setting]
    claims: Mapping[str, str]
    values: Mapping[str, Any] = field(default_factory=dict)
    _mappings: Mappings | None = None

    @property
    def manifest(self) -> Path:
        """The manifest file."""
        return self.folder / "manifest.toml"

    def with_settings(self, values: Mapping[str, Any]) -> Integration:
        """The same integration with an estate's settings.

        Raises:
            ManifestError: a setting it does not have, or a required one without a value.
        """
        unknown = sorted(set(values) - set(self.settings))
        if unknown:
            raise ManifestError(
                f"integration {self.id!r} has no setting {unknown[0]!r}",
                file=self.manifest,
                remedy=f"it has: {', '.join(sorted(self.settings)) or 'none'}",
            )
        missing = sorted(n for n, setting in self.settings.items() if setting.required and values.get(n) is None)
        if missing:
            raise ManifestError(
                f"integration {self.id!r} needs the setting {missing[0]!r}: {self.settings[missing[0]].help}",
                file=self.manifest,
                remedy=f"give it under settings of the source: settings = {{ {missing[0]} = ... }}",
            )
        merged = {name: values.get(name, setting.default) for name, setting in self.settings.items()}
        return Integration(
            self.id, self.name, self.vendor, self.product, self.folder, self.priority, self.formats, self.signatures,
            self.families, self.ignored, self.settings, self.claims, merged, self._mappings,
        )  # fmt: skip

    @property
    def setting_values(self) -> Mapping[str, Any]:
        """Settings with their defaults filled in."""
        return self.values or {name: setting.default for name, setting in self.settings.items()}

    @property
    def mappings(self) -> Mappings:
        """The mapping functions, loaded on first use.

        Raises:
            ManifestError: no mapping.py, or a family without a function or the other way round.
        """
        if self._mappings is None:
            self._mappings = _load_mappings(self)
        return self._mappings


def load_manifest(folder: Path) -> Integration:
    """Read `folder/manifest.toml`.

    Raises:
        ManifestError: unreadable, not TOML, unknown or missing keys; names file and line where it can.
    """
    path = folder / "manifest.toml"
    try:
        text = path.read_text("utf-8")
        data = tomllib.loads(text)
    except OSError as error:
        raise ManifestError(f"cannot be read: {error.strerror}", file=path) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ManifestError(f"is not TOML: {error}", file=path, line=getattr(error, "lineno", None)) from error

    def wrong(what: str, key: str, remedy: str | None = None) -> ManifestError:
        lines = text.splitlines()
        line = next((i for i, row in enumerate(lines, 1) if row.lstrip("[ ").startswith(key)), None)
        return ManifestError(what, file=path, line=line, remedy=remedy)

    for key in data:
        if key not in KEYS:
            raise wrong(f"unknown key {key!r}", key, f"known keys: {', '.join(sorted(KEYS))}")
    for key in ("id", "name", "vendor", "families"):
        if key not in data:
            raise wrong(f"key {key!r} is missing", key, "docs/integrations.md describes the manifest")
    if data["id"] != folder.name:
        raise wrong(f"id {data['id']!r} differs from the folder's name {folder.name!r}", "id", "make them equal")
    for key, kind, should in (("families", dict, "[families.NAME]"), ("recognise", list, "[[recognise]]"),
                              ("settings", dict, "[settings.NAME]")):  # fmt: skip
        entries = data.get(key, kind())
        inner = entries.values() if isinstance(entries, dict) else entries
        if not isinstance(entries, kind) or not all(isinstance(entry, dict) for entry in inner):
            raise wrong(f"{key} is not made of tables", key, f"write {should} and the keys under it")
    if not isinstance(data.get("priority", 0), int):
        raise wrong(f"priority = {data['priority']!r} is not a whole number", "priority", "0 is usual")
    families = {
        name: Family(name, entry.get("class", ""), entry.get("title", "")) for name, entry in data["families"].items()
    }
    for family in families.values():
        if not family.class_name:
            raise wrong(f"family {family.name!r} has no class", f"families.{family.name}", 'add class = "..."')
    claims = {name: str(state) for name, state in data.get("quality", {}).items()}
    for name, state in claims.items():
        word, _, reason = state.partition(":")
        if word.strip() not in CLAIM_STATES or (word.strip() == "exempt" and not reason.strip()):
            raise wrong(f"claim {name} = {state!r}", name, "done, todo, or exempt: REASON")
    signatures = tuple(
        Signature(
            frozenset(entry.get("fields", ()))
            | frozenset(entry.get("values", {}))
            | frozenset(entry.get("patterns", {})),
            {name: frozenset([v] if isinstance(v, str) else v) for name, v in entry.get("values", {}).items()},
            {name: _compiled(pattern, wrong) for name, pattern in entry.get("patterns", {}).items()},
        )
        for entry in data.get("recognise", ())
    )
    settings = {
        name: Setting(name, entry.get("help", ""), entry.get("default"), bool(entry.get("required", False)))
        for name, entry in data.get("settings", {}).items()
    }
    return Integration(
        id=data["id"],
        name=data["name"],
        vendor=data["vendor"],
        product=data.get("product", data["name"]),
        folder=folder,
        priority=int(data.get("priority", 0)),
        formats=tuple(data.get("formats", ())),
        signatures=signatures,
        families=families,
        ignored=dict(data.get("ignored", {})),
        settings=settings,
        claims=claims,
    )


def _compiled(pattern: str, wrong: Callable[..., ManifestError]) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise wrong(f"pattern {pattern!r} is no regular expression: {error}", "patterns", "mend it") from error


def _load_mappings(integration: Integration) -> Mappings:
    path = integration.folder / "mapping.py"
    module = _import(path, f"watchfloor_integration_{integration.id}")
    functions: dict[str, MappingFunction] = {}
    for value in vars(module).values():
        for family in families_of(value):
            if family in functions:
                raise ManifestError(f"family {family!r} is mapped twice", file=path, remedy="keep one function")
            functions[family] = value
    for name in integration.families.keys() - functions.keys():
        raise ManifestError(
            f"family {name!r} has no mapping function", file=path, remedy=f'write a function under @maps("{name}")'
        )
    for name in functions.keys() - integration.families.keys():
        raise ManifestError(
            f"family {name!r} of mapping.py is not declared",
            file=integration.manifest,
            remedy=f'add [families.{name}] with class = "..."',
        )
    return Mappings(functions, getattr(module, "classify", None), getattr(module, "normalise", None))


def _import(path: Path, name: str) -> ModuleType:
    """Import one file outside any package; the same file is imported once per process."""
    name = f"{name}_{abs(hash(str(path.resolve()))):x}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise ManifestError("integration has no mapping.py", file=path.parent, remedy="write one")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise ManifestError(
            f"cannot be imported: {type(error).__name__}: {error}", file=path, remedy="run it with python to see where"
        ) from error
    return module
