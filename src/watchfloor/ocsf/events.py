"""Events: an immutable columnar batch of one OCSF class.

A thin wrapper over an Arrow table whose columns are dotted attribute names (`actor.user.name`). Strings are
`dictionary<int32, string>`; numbers, booleans and `time` (epoch ms) are plain; arrays are Arrow lists. Columns stand in
name order, all-missing ones are left out, and `class_uid` is always there. In the lake the dots nest (see `nest`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from watchfloor.errors import SchemaError
from watchfloor.ocsf import nest, schema
from watchfloor.ocsf.cast import cast
from watchfloor.ocsf.column import Column, Mask

UNIQUE = "metadata.uid"
"""The one attribute whose values never repeat."""

REJECTED = "_rejected"
"""Added to `unmapped.<attribute>` when a value does not fit its attribute and that name is already in use."""


@dataclass(frozen=True, slots=True, eq=False)
class Events:
    """A batch of one class. Make it with `build`, `flatten` or `concat`.

    Args:
        class_name: OCSF class name, `process_activity`.
        table: flat, one chunk per column, columns in name order.
    """

    class_name: str
    table: pa.Table
    _columns: dict[str, Column] = field(default_factory=dict, repr=False)
    """Columns already decoded; a cache, never the truth."""

    # -- making ---------------------------------------------------------------------------------------------------

    @classmethod
    def build(cls, class_name: str, columns: Mapping[str, Column | Any], rows: int) -> Events:
        """Events from named columns or scalars (a scalar holds in every row; None = no value).

        Values are cast to the schema's types. One that cannot be cast moves to `unmapped.<name>` as text.

        Raises:
            SchemaError: unknown class or attribute, or a column of the wrong length: a bug in the mapping, never data.
        """
        known = schema.class_(class_name)
        found = {name: column.settled() for name, column in fitted(known.name, columns, rows).items()}
        ready = {name: column for name, column in found.items() if not column.all_missing}
        for name, column in ready.items():
            # Parquet writes a dictionary that repeats itself out in full; what a mapping made often does.
            made_up = pa.types.is_string(column.type) and not name.startswith(nest.PREFIX) and name != UNIQUE
            ready[name] = column.distinct() if made_up else column
        return cls.of_fitted(known.name, ready)

    @classmethod
    def of_fitted(cls, class_name: str, columns: dict[str, Column]) -> Events:
        """Events of columns that are of the schema's types and not all missing, as `fitted` gives them."""
        made = cls._of(class_name, {name: column.to_arrow() for name, column in columns.items()})
        made._columns.update(columns)
        return made

    @classmethod
    def flatten(cls, class_name: str, nested: pa.Table) -> Events:
        """Events from the nested shape of the lake. Inverse of `nest()`."""
        flat = {name: _encoded(array) for name, array in nest.flatten(nested).items()}
        if "class_uid" not in flat:
            flat["class_uid"] = pa.array(np.full(nested.num_rows, schema.class_(class_name).uid, np.int64))
        return cls._of(class_name, flat)

    @classmethod
    def concat(cls, batches: Sequence[Events]) -> Events:
        """All rows of batches of one class; columns some lack are missing there; dictionaries become one.

        Raises:
            SchemaError: no batch, or batches of different classes.
        """
        classes = sorted({batch.class_name for batch in batches})
        if len(classes) != 1:
            raise SchemaError(f"events to join must be of one class, not of {', '.join(classes) or 'none'}")
        if len(batches) == 1:
            return batches[0]
        joined = pa.concat_tables([batch.table for batch in batches], promote_options="default")
        return cls._of(classes[0], {name: nest.whole(joined.column(name)) for name in joined.column_names})

    @classmethod
    def _of(cls, class_name: str, arrays: Mapping[str, pa.Array]) -> Events:
        return cls(class_name, pa.table({name: arrays[name] for name in sorted(arrays, key=nest.path)}))

    # -- looking --------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        rows: int = self.table.num_rows
        return rows

    def __iter__(self) -> Iterator[Any]:
        raise TypeError("events are columns: use `column(name)`; `to_pylist()` is for people")

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.table.schema.get_field_index(name) >= 0

    @property
    def names(self) -> tuple[str, ...]:
        """Column names, in order."""
        return tuple(self.table.column_names)

    def column(self, name: str) -> Column | None:
        """The column of that dotted name; None when no row has a value."""
        known = self._columns.get(name)
        if known is None:
            index = self.table.schema.get_field_index(name)
            if index < 0:
                return None
            known = self._columns[name] = Column.from_arrow(self.table.column(index))
        return known

    def may_hold(self, test: Callable[[pa.StringArray], Mask] | None) -> Collection[str]:
        """The columns of which a text may pass a test: here all are made, and nothing is gained by asking."""
        del test
        return frozenset(self.names)

    # -- changing -------------------------------------------------------------------------------------------------

    def take(self, rows: npt.NDArray[np.integer[Any]] | Sequence[int]) -> Events:
        """The given rows, in that order. Dictionaries are shared."""
        return Events(self.class_name, self._whole(self.table.take(pa.array(np.asarray(rows, np.int64)))))

    def pick(self, rows: npt.NDArray[np.int64], names: Iterable[str] | None = None) -> Events:
        """A few rows, and of these only the named columns where names are given. Dictionaries hold a value per row."""
        picked = {
            name: column.pick(rows)
            for name in (self.names if names is None else names)
            if (column := self.column(name)) is not None
        }
        return self.of_fitted(
            self.class_name, {name: column for name, column in picked.items() if not column.all_missing}
        )

    def filter(self, mask: Mask) -> Events:
        """The rows where `mask` is true."""
        return self.take(np.flatnonzero(np.asarray(mask, np.bool_)))

    def slice(self, start: int, rows: int) -> Events:
        """`rows` rows from `start`, without copying."""
        return Events(self.class_name, self.table.slice(start, rows))

    def with_columns(self, columns: Mapping[str, Column | Any]) -> Events:
        """These events with columns added or replaced; None or an all-missing column removes one."""
        kept: dict[str, Column | Any] = {name: self.column(name) for name in self.names}
        return Events.build(self.class_name, {**kept, **columns}, len(self))

    # -- other shapes ---------------------------------------------------------------------------------------------

    def nest(self) -> pa.Table:
        """The shape of the lake: dotted names as structs, all `unmapped.*` as one map<string, string>."""
        return nest.nest(self.table, self._columns)

    def to_pylist(self) -> list[dict[str, Any]]:
        """OCSF as nested dicts, for people, golden files and JSON: keys in name order, nothing that is null."""
        rows: list[dict[str, Any]] = [{} for _ in range(len(self))]
        for name in self.names:
            *parents, last = nest.path(name)
            array = nest.whole(self.table.column(name))
            nested = pa.types.is_nested(array.type)
            for row, value in zip(rows, array.to_pylist(), strict=True):
                if value is None:
                    continue
                for parent in parents:
                    row = row.setdefault(parent, {})
                row[last] = _dense(value) if nested else value
        return rows

    @staticmethod
    def _whole(table: pa.Table) -> pa.Table:
        if all(column.num_chunks == 1 for column in table.columns):
            return table
        return pa.table({name: nest.whole(table.column(name)) for name in table.column_names})


def fitted(
    class_name: str, columns: Mapping[str, Column | Any], rows: int, taken: Collection[str] = ()
) -> dict[str, Column]:
    """The columns in the types of the schema, without those known to be all missing; `class_uid` is always there.

    Columns of the right type that wait go on waiting.

    Args:
        taken: names of columns that there are besides, so that what does not fit gets another.

    Raises:
        SchemaError: as `Events.build`.
    """
    known = schema.class_(class_name)
    language = schema.load()
    ready: dict[str, Column] = {}
    strays: list[tuple[str, Column]] = []
    for name, given in columns.items():
        column = given if isinstance(given, Column) else Column.constant(given, rows)
        if len(column) != rows:
            raise SchemaError(f"column '{name}' of class {known.name} has {len(column)} rows, not {rows}")
        attribute = language.attribute(known.name, name)
        if name == nest.UNMAPPED:
            raise SchemaError(
                "'unmapped' is a map and no column",
                remedy=f"name what is in it: '{nest.PREFIX}<the source's own name>'",
            )
        if column.known_missing:
            continue
        if column.waits and column.type == attribute.arrow:
            ready[name] = column.later(partial(_roomy, rows), column.type, parts=True)
            continue
        fits, failed = cast(column, attribute, known.name)
        if failed is not None:
            strays.append((f"{nest.PREFIX}{name}", failed))
        if not fits.all_missing:
            ready[name] = _roomy(rows, fits)
    for name, column in strays:
        ready[name + REJECTED if name in ready or name in taken else name] = column
    if "class_uid" not in ready:
        ready["class_uid"] = Column.constant(known.uid, rows, pa.int64())
    return ready


def _roomy(rows: int, column: Column) -> Column:
    """With no more values than rows."""
    return column if len(column.values) <= rows else column.compact()


def _encoded(array: pa.Array) -> pa.Array:
    """Strings as dictionary<int32, string>, whatever a reader made of them."""
    type_ = array.type
    if pa.types.is_dictionary(type_):
        if type_.index_type == pa.int32() and type_.value_type == pa.string():
            return array
        return Column.from_arrow(array.cast(pa.string())).to_arrow()
    if pa.types.is_large_string(type_) or pa.types.is_string_view(type_):
        array = array.cast(pa.string())
    if pa.types.is_string(array.type):
        return Column.from_arrow(array).to_arrow()
    return array


def _dense(value: Any) -> Any:
    """Without nulls, at any depth."""
    if isinstance(value, dict):
        return {key: dense for key, inner in value.items() if (dense := _dense(inner)) is not None} or None
    if isinstance(value, list):
        return [_dense(inner) for inner in value]
    return value
