"""What an integration's author writes: one function per family of records, in columns.

    @maps("door_unlock")
    def door_unlock(r: Record) -> Mapped:
        return event(
            "physical_access_activity",
            time=r.take("timestamp", unix_ms),
            activity_id=r.take("event.type", to(ACTIVITY)),
            portal={"uid": r.take("door.id"), "name": r.take("door.name")},
        )

Taking a column removes it from what is left; what nobody took rides under `unmapped` and is counted. Reading leaves it
there as well, which a mapping does when OCSF's home holds another spelling than the vendor's and rules need the
vendor's (`User: EXAMPLE\\ada` is read into `user.domain` and `user.name`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from watchfloor.collect.records import Records
from watchfloor.errors import MappingError
from watchfloor.ocsf.column import Column
from watchfloor.ocsf.waiting import Waiting

__all__ = ["Converter", "Mapped", "MappingFunction", "Record", "event", "families_of", "maps"]

Converter = Callable[[Column], Column]
MappingFunction = Callable[["Record"], "Mapped"]


@dataclass(slots=True)
class Record:
    """The records of one family, as the author of a mapping sees them.

    Args:
        records: the rows, all of one family.
        settings: the integration's settings, with their defaults filled in.
    """

    records: Records
    settings: Mapping[str, Any] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    _missing: list[Column] = field(default_factory=list)

    def __len__(self) -> int:
        return self.records.rows

    @property
    def names(self) -> tuple[str, ...]:
        """Dotted names present in at least one of the rows."""
        return self.records.names

    def has(self, name: str) -> bool:
        """Is this name present in any row, and not taken yet?"""
        return name not in self.taken and self.records.column(name) is not None

    def take(self, name: str, *converters: Converter) -> Column:
        """The column `name`, converted; it no longer counts as left over. Absent = missing in every row."""
        column = self.records.column(name)
        self.taken.add(name)
        return self._converted(column, converters)

    def read(self, name: str, *converters: Converter) -> Column:
        """The column `name`, converted; the vendor's own text stays under `unmapped` as well."""
        return self._converted(self.records.column(name), converters)

    def first(self, *names: str) -> Column:
        """Per row the first of the columns that has a value; all are taken."""
        columns = [self.take(name) for name in names]
        return columns[0].coalesce(*columns[1:])

    def named(self, setting: str, *converters: Converter, take: bool = True) -> Column:
        """The column that a setting names, or the first of those it names that is there; missing where none is.

        Blanks around names and values do not count: exports of tables are often written with a blank after each comma.
        """
        names = self.settings[setting]
        there = {name.strip(): name for name in reversed(self.records.names)}
        for name in [names] if isinstance(names, str) else names:
            if name in there and self.records.column(there[name]) is not None:
                column = self.take(there[name], _trimmed) if take else self.read(there[name], _trimmed)
                return self._converted(column, converters)
        return self.missing()

    @property
    def received(self) -> Column:
        """When each record was received, epoch milliseconds."""
        return Column.from_arrow(pa.array(self.records.received, pa.int64()))

    def constant(self, value: Any) -> Column:
        """The same value in every row."""
        return Column.constant(value, len(self))

    def missing(self) -> Column:
        """No value in any row."""
        if not self._missing:
            self._missing.append(Column.missing(len(self)))
        return self._missing[0]

    def ignore(self, *names: str) -> None:
        """Drop columns; the manifest says why under [ignored]."""
        self.taken.update(names)

    def left(self) -> Iterator[tuple[str, Column]]:
        """What nobody took: (dotted raw name, column)."""
        for name in self.records.names:
            if name not in self.taken:
                column = self.records.column(name)
                if column is not None:
                    yield name, column

    def _converted(self, column: Column | None, converters: tuple[Converter, ...]) -> Column:
        result = self.missing() if column is None else column
        for converter in converters:
            result = converter(result)
        return result


def _trimmed(column: Column) -> Column:
    return column.apply(lambda values: pc.utf8_trim_whitespace(values) if pa.types.is_string(values.type) else values)


@dataclass(frozen=True, slots=True)
class Mapped:
    """What a mapping function returns: a class and its attributes by dotted OCSF name."""

    class_name: str
    attributes: dict[str, Column | Any]


def event(class_name: str, attributes: Mapping[str, Any] | None = None, /, **more: Any) -> Mapped:
    """One OCSF event per row.

    Args:
        class_name: OCSF or extension class name.
        attributes: attributes by dotted name (`{"actor.user.name": column}`).
        more: attributes by name; a mapping as value nests (`user={"name": column}`).

    A value is a `Column`, a scalar that holds for every row, or None (no value).
    """
    flat: dict[str, Any] = {}
    for source in (attributes or {}, more):
        _flatten("", source, flat)
    return Mapped(class_name, flat)


def _flatten(prefix: str, values: Mapping[str, Any], into: dict[str, Any]) -> None:
    for name, value in values.items():
        dotted = f"{prefix}{name}"
        if isinstance(value, Mapping):
            _flatten(f"{dotted}.", value, into)
        elif value is None or (isinstance(value, Column) and value.known_missing):
            continue
        elif dotted in into:
            raise MappingError(f"attribute {dotted!r} is given twice", remedy="give it once in the mapping function")
        else:
            into[dotted] = value


def maps(*families: str) -> Callable[[MappingFunction], MappingFunction]:
    """Mark a function as the mapping of these families (names as in manifest.toml)."""

    def mark(function: MappingFunction) -> MappingFunction:
        function.__dict__["families"] = families
        return function

    return mark


def families_of(function: Any) -> tuple[str, ...]:
    """The families a function was marked with; empty for any other object."""
    families = getattr(function, "__dict__", {}).get("families", ())
    return families if isinstance(families, tuple) else ()


def constant_like(value: Any, rows: int) -> Column:
    """A scalar, list or column as a column of `rows` rows."""
    if isinstance(value, Column):
        return value
    if isinstance(value, bool | float) or (isinstance(value, int) and abs(value) < 2**63):
        return Waiting.constant(value, rows)
    if isinstance(value, str) and value.isascii():
        return Waiting.constant(value, rows)
    if isinstance(value, pa.Array):
        return Column.from_arrow(value)
    return Column.constant(value, rows)
