"""Which events a Sigma log source means, and in which columns its fields stand: literal tables, one file per product.

A table file holds

    [[logsource]]
    product = "windows"
    category = "process_creation"            # any of product, category, service
    where = [ {class = "process_activity", activity_id = 1, "device.os.type" = "Windows"} ]
    fields = ["process_creation", "windows"] # field tables, tried in order

    [fields.process_creation]
    Image = "process.file.path"
    User = ["actor.user.name", "unmapped.User"]

Alternatives of `where` are or-ed, keys of one are and-ed, a list as value means one of them; text is compared without
regard to case. A field that no table names stands where the mapping left it: under `unmapped`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from pathlib import Path
from typing import Any

import orjson

from watchfloor.detect.rule import Logsource
from watchfloor.detect.unknown import CONTEXT
from watchfloor.documents import Document, parse_toml, read_toml
from watchfloor.errors import RuleError, SchemaError

__all__ = ["OCSF_TABLE", "ROUTE_COLUMNS", "RouteCondition", "Taxonomy"]

# The columns whose values decide which rules an event is shown to. One combination of their values is one route.
ROUTE_COLUMNS = (
    "class_name",
    "activity_id",
    "metadata.product.name",
    "metadata.log_provider",
    "metadata.log_name",
    "metadata.event_code",
    "device.os.type",
)
WORLD = ("wf.", *CONTEXT)  # beginnings of the fields that the world adds, whatever the log source
OCSF_TABLE = "ocsf"  # the table in which every field is called what OCSF calls it


@dataclass(frozen=True, slots=True)
class RouteCondition:
    """What the route of an event must be: every named column has one of the values, in lower case."""

    tests: tuple[tuple[str, tuple[str, ...]], ...]

    def admits(self, route: Mapping[str, str | int | None]) -> bool:
        """Whether events of this route (column -> value, None or absent when there is none) are meant."""
        for column, values in self.tests:
            value = route.get(column)
            if value is None or str(value).lower() not in values:
                return False
        return True

    def both(self, other: RouteCondition) -> RouteCondition:
        """What this and the other say together."""
        return RouteCondition(self.tests + tuple(test for test in other.tests if test not in self.tests))


@dataclass(frozen=True, slots=True)
class _Entry:
    logsource: Logsource
    where: tuple[RouteCondition, ...]
    tables: tuple[str, ...]
    document: Document
    index: int


class Taxonomy:
    """The tables of all files together; made by `Taxonomy.load`."""

    def __init__(
        self,
        entries: Mapping[Logsource, _Entry],
        fields: Mapping[str, Mapping[str, tuple[str, ...]]],
        documents: Sequence[Document],
    ) -> None:
        self._entries = entries
        self._fields = fields
        self._documents = tuple(documents)
        self._products = {logsource.product for logsource in entries if logsource.product}
        self._found: dict[Logsource, tuple[tuple[RouteCondition, ...], tuple[str, ...]] | None] = {}

    @staticmethod
    def load(folders: Sequence[Path] = ()) -> Taxonomy:
        """The built-in tables, then every `*.toml` of `folders`; a later entry for the same log source or field wins.

        Raises:
            RuleError: a file is no such table, with its line.
        """
        if not folders:
            return _built_in()
        extra = [read_toml(file) for folder in folders for file in sorted(Path(folder).glob("*.toml"))]
        return _assemble([*_built_in()._documents, *extra])

    @cached_property
    def digest(self) -> bytes:
        """By which these tables are known: all of their content."""
        return hashlib.sha256(orjson.dumps([document.data for document in self._documents])).digest()

    @property
    def logsources(self) -> tuple[Logsource, ...]:
        """Every log source that has an entry of its own."""
        return tuple(self._entries)

    def routes_for(self, logsource: Logsource) -> tuple[RouteCondition, ...] | None:
        """The alternatives an event's route must meet one of; None when nobody knows this log source."""
        found = self._find(logsource)
        return None if found is None else found[0]

    def tables_for(self, logsource: Logsource) -> tuple[str, ...]:
        """Names of the field tables to try, in order."""
        found = self._find(logsource)
        return () if found is None else found[1]

    def columns(self, logsource: Logsource, field: str) -> tuple[str, ...] | None:
        """The columns that hold `field` in events of this log source; None when no table names it.

        A rule that names only a product speaks of all its logs, in which a field may stand in different columns: it is
        looked for in each of them. What the world adds (`wf.*` and context) is called the same in every log source.
        """
        found = self.in_tables(self.tables_for(logsource), field)
        if found is None and logsource.product and not logsource.category and not logsource.service:
            places = {
                column: None
                for source, entry in self._entries.items()
                if source.product == logsource.product
                for table in entry.tables
                for column in self.in_tables((table,), field) or ()
            }
            found = (*places, f"unmapped.{field}") if places else None
        return found

    def in_tables(self, tables: Sequence[str], field: str) -> tuple[str, ...] | None:
        """The columns that hold `field`, from the first of `tables` that names it; None when none does."""
        for table in tables:
            if table == OCSF_TABLE or field.startswith(WORLD):
                return (field,)
            found = self._fields.get(table, {}).get(field)
            if found is not None:
                return found
        return None

    def places(self, logsource: Logsource, fields: Iterable[str]) -> tuple[str, ...]:
        """Every column in which these fields may stand, tables first, then where mappings leave them."""
        found: dict[str, None] = {}
        for field in fields:
            found.update(dict.fromkeys(self.columns(logsource, field) or (f"unmapped.{field}",)))
        return tuple(found)

    def _find(self, logsource: Logsource) -> tuple[tuple[RouteCondition, ...], tuple[str, ...]] | None:
        if logsource not in self._found:
            self._found[logsource] = self._search(logsource)
        return self._found[logsource]

    def _search(self, wanted: Logsource) -> tuple[tuple[RouteCondition, ...], tuple[str, ...]] | None:
        """An entry of its own; else all entries that say more; else category and service, each for itself."""
        own = self._entries.get(wanted)
        if own is not None:
            return own.where, own.tables
        if wanted.product == "watchfloor" and wanted.category:
            # Our own packs write OCSF: the category is the class, with or without its `_activity`.
            names = (wanted.category, f"{wanted.category}_activity")
            known = tuple(name for name in names if _is_class(name))
            return ((RouteCondition((("class_name", known),)),), (OCSF_TABLE,)) if known else None
        special = [entry for entry in self._entries.values() if wanted.covers(entry.logsource)]
        if special:
            where = dict.fromkeys(condition for entry in special for condition in entry.where)
            return tuple(where), tuple(dict.fromkeys(table for entry in special for table in entry.tables))
        if wanted.category and wanted.service:
            first = self._find(Logsource(product=wanted.product, category=wanted.category))
            second = self._find(Logsource(product=wanted.product, service=wanted.service))
            if first and second:
                where = dict.fromkeys(a.both(b) for a in first[0] for b in second[0])
                return tuple(where), tuple(dict.fromkeys(first[1] + second[1]))
            return None
        if wanted.product and wanted.product not in self._products and wanted.category:
            # A product without a table of its own, in a category that is the same whoever wrote the log.
            general = self._entries.get(Logsource(category=wanted.category))
            if general is not None:
                product = RouteCondition((("metadata.product.name", (wanted.product,)),))
                return tuple(condition.both(product) for condition in general.where), general.tables
        return None

    def check(self) -> Iterator[RuleError]:
        """Every class, column and table name that does not exist, with file and line. Reads the OCSF schema."""
        from watchfloor.ocsf import schema

        used: dict[str, set[str]] = {}
        for entry in self._entries.values():
            for number, condition in enumerate(entry.where):
                if all(column != "class_name" for column, _ in condition.tests):
                    for table in entry.tables:
                        used.setdefault(table, set()).update(schema.load().names)
                for column, values in condition.tests:
                    if column != "class_name":
                        continue
                    for value in values:
                        try:
                            schema.class_(value)
                        except SchemaError as error:
                            line = entry.document.line("logsource", entry.index, "where", number)
                            what = f"there is no class {value!r}"
                            yield RuleError(what, file=entry.document.file, line=line, remedy=error.remedy)
                        else:
                            for table in entry.tables:
                                used.setdefault(table, set()).add(value)
            for table in entry.tables:
                if table not in self._fields and table != OCSF_TABLE:
                    line = entry.document.line("logsource", entry.index, "fields")
                    what = f"there is no field table {table!r}"
                    yield RuleError(what, file=entry.document.file, line=line, remedy=f"add [fields.{table}]")
        for document in self._documents:
            for table, named in document.data.get("fields", {}).items():
                classes = used.get(table) or {"base_event", "process_activity"}
                for name in named:
                    for column in self._fields[table][name]:
                        if not column.startswith("unmapped.") and not any(_exists(c, column) for c in classes):
                            what = f"the field {name} points to {column!r}, which none of its classes has"
                            line = document.line("fields", table, name)
                            remedy = "use a dotted OCSF attribute, or unmapped.<raw name>"
                            yield RuleError(what, file=document.file, line=line, remedy=remedy)


def _is_class(name: str) -> bool:
    from watchfloor.ocsf import schema

    try:
        schema.class_(name)
    except SchemaError:
        return False
    return True


def _exists(class_name: str, column: str) -> bool:
    """As `schema.has`, without the search for near names: it is asked for every class."""
    from watchfloor.ocsf import schema

    members = schema.class_(class_name).attributes
    for step in column.split("."):
        found = members.get(step)
        if found is None:
            return False
        members = schema.load().object_(found.object) if found.object else {}
    return True


@cache
def _built_in() -> Taxonomy:
    folder = resources.files("watchfloor.detect").joinpath("taxonomy")
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".toml")), key=lambda f: f.name)
    return _assemble([parse_toml(file.read_bytes(), f"taxonomy/{file.name}") for file in files])


def _assemble(documents: Iterable[Document]) -> Taxonomy:
    documents = list(documents)
    entries: dict[Logsource, _Entry] = {}
    fields: dict[str, dict[str, tuple[str, ...]]] = {}
    for document in documents:
        unknown = set(document.data) - {"logsource", "fields"}
        if unknown:
            name = sorted(unknown)[0]
            raise _wrong(document, f"unknown key {name!r}", "a taxonomy file has [[logsource]] and [fields.*]", name)
        listed = document.data.get("logsource", [])
        if not isinstance(listed, list):
            raise _wrong(document, "`logsource` is not a list of tables", "write [[logsource]]", "logsource")
        own: set[Logsource] = set()
        for index, data in enumerate(listed):
            entry = _entry(document, index, data)
            if entry.logsource in own:
                what = f"the log source ({entry.logsource}) has two entries in this file"
                raise _wrong(document, what, "give one entry several alternatives in `where`", "logsource", index)
            own.add(entry.logsource)
            entries[entry.logsource] = entry
        tables = document.data.get("fields", {})
        if not isinstance(tables, dict):
            raise _wrong(document, "`fields` is not a table", "write [fields.<name>]", "fields")
        for table, named in tables.items():
            if not isinstance(named, dict) or table == OCSF_TABLE:
                raise _wrong(document, f"`fields.{table}` cannot be a field table", "rename it", "fields", table)
            known = fields.setdefault(table, {})
            for name, columns in named.items():
                known[name] = _columns(document, columns, "fields", table, name)
    return Taxonomy(entries, fields, documents)


def _entry(document: Document, index: int, data: Any) -> _Entry:
    place: tuple[str | int, ...] = ("logsource", index)
    if not isinstance(data, dict):
        raise _wrong(document, "a log source is not a table", "write [[logsource]]", *place)
    unknown = set(data) - {"product", "category", "service", "where", "fields"}
    if unknown:
        name = sorted(unknown)[0]
        remedy = "use product, category, service, where, fields"
        raise _wrong(document, f"unknown key {name!r} in a log source", remedy, *place, name)
    parts = {name: data[name] for name in ("product", "category", "service") if name in data}
    if not parts or not all(isinstance(value, str) and value for value in parts.values()):
        raise _wrong(document, "a log source names nothing", "say product, category or service as text", *place)
    where = data.get("where")
    if not isinstance(where, list) or not where:
        raise _wrong(document, "`where` is missing", "give a list of at least one table", *place, "where")
    tables = data.get("fields", [])
    if not isinstance(tables, list) or not all(isinstance(table, str) for table in tables):
        raise _wrong(document, "`fields` is not a list of table names", 'write fields = ["name"]', *place, "fields")
    return _Entry(
        Logsource(**{name: value.lower() for name, value in parts.items()}),
        tuple(_condition(document, place, condition) for condition in where),
        tuple(tables),
        document,
        index,
    )


def _condition(document: Document, place: tuple[str | int, ...], data: Any) -> RouteCondition:
    if not isinstance(data, dict) or not data:
        raise _wrong(document, "an alternative of `where` says nothing", "name a class", *place, "where")
    tests = []
    for key, value in _dotted(data):
        column = "class_name" if key == "class" else key
        if column not in ROUTE_COLUMNS:
            remedy = f"use class, {', '.join(ROUTE_COLUMNS[1:])}"
            raise _wrong(document, f"{key!r} does not decide a route", remedy, *place, "where")
        values = value if isinstance(value, list) else [value]
        if not values or not all(isinstance(v, str | int) for v in values):
            raise _wrong(document, f"{key!r} has no text or number as value", "correct it", *place, "where")
        tests.append((column, tuple(str(v).lower() for v in values)))
    return RouteCondition(tuple(sorted(tests)))


def _dotted(data: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """`device.os.type = ..` without quotes is nested in TOML; both ways of writing mean the same."""
    for key, value in data.items():
        if isinstance(value, dict):
            yield from _dotted(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def _columns(document: Document, value: Any, *path: str | int) -> tuple[str, ...]:
    columns = value if isinstance(value, list) else [value]
    if not columns or not all(isinstance(column, str) and column for column in columns):
        raise _wrong(document, "a field has no column", "give it a column's name, or a list of them", *path)
    return tuple(columns)


def _wrong(document: Document, what: str, remedy: str, *path: str | int) -> RuleError:
    return RuleError(what, file=document.file, line=document.line(*path), remedy=remedy)
