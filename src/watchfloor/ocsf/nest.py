"""Flat dotted columns <-> the nested shape that rests in the lake.

Dotted names become structs, as OCSF nests them; a struct is null where all its children are. Everything `unmapped.*`
becomes ONE column `unmapped: map<string, string>`, because sources bring any number of names and a lake table must
not grow a column for each. Strings stay dictionary-encoded, inside structs and as keys and items of the map: Arrow,
Parquet and delta-rs take them there, and only codes move. Nothing here loops over rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from watchfloor.ocsf.column import MISSING, Column

UNMAPPED = "unmapped"
PREFIX = "unmapped."
TEXT = pa.dictionary(pa.int32(), pa.string())

Valid = npt.NDArray[np.bool_]


def path(name: str) -> tuple[str, ...]:
    """The steps of a dotted name; all behind `unmapped.` is one step."""
    return (UNMAPPED, name[len(PREFIX) :]) if name.startswith(PREFIX) else tuple(name.split("."))


def nest(table: pa.Table, decoded: Mapping[str, Column] | None = None) -> pa.Table:
    """Flat dotted table -> nested table, columns and fields in name order.

    Args:
        decoded: columns of the table that somebody has decoded already.
    """
    decoded = decoded or {}
    tree: dict[str, Any] = {}
    spare: list[str] = []
    for name in sorted(table.column_names, key=path):
        if name.startswith(PREFIX):
            spare.append(name)
            continue
        *parents, last = name.split(".")
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
        node[last] = whole(table.column(name))
    if spare:
        columns = [decoded.get(name) or Column.from_arrow(table.column(name)) for name in spare]
        tree[UNMAPPED] = to_map([name[len(PREFIX) :] for name in spare], columns)
    arrays = {name: _array(node)[0] for name, node in sorted(tree.items())}
    return pa.table(arrays) if arrays else table


def flatten(nested: pa.Table) -> dict[str, pa.Array]:
    """Nested table -> flat dotted columns, without all-missing ones. Inverse of `nest`."""
    flat: dict[str, pa.Array] = {}
    for name in nested.column_names:
        array = whole(nested.column(name))
        if name == UNMAPPED and pa.types.is_map(array.type):
            flat.update(from_map(array))
        else:
            _flatten(name, array, flat)
    return {name: array for name, array in flat.items() if array.null_count < len(array)}


def whole(array: pa.ChunkedArray | pa.Array) -> pa.Array:
    """One contiguous array; encoded chunks get one dictionary."""
    if isinstance(array, pa.Array):
        return array
    if array.num_chunks == 1:
        return array.chunk(0)
    if array.num_chunks == 0:
        return pa.array([], array.type)
    if pa.types.is_dictionary(array.type):
        array = array.unify_dictionaries()
    return pa.concat_arrays(array.chunks)


# -- structs ------------------------------------------------------------------------------------------------------


def _array(node: Any) -> tuple[pa.Array, Valid | None]:
    """An array and where it is valid (None = everywhere)."""
    if not isinstance(node, Mapping):
        return node, node.is_valid().to_numpy(zero_copy_only=False) if node.null_count else None
    names, arrays = sorted(node), []
    valid: Valid | None = None
    everywhere = False
    for name in names:
        array, child = _array(node[name])
        arrays.append(array)
        everywhere = everywhere or child is None
        if child is not None and not everywhere:
            valid = child if valid is None else valid | child
    if everywhere or valid is None or bool(valid.all()):
        return pa.StructArray.from_arrays(arrays, names), None
    return pa.StructArray.from_arrays(arrays, names, mask=pa.array(~valid)), valid


def _flatten(name: str, array: pa.Array, flat: dict[str, pa.Array]) -> None:
    if not pa.types.is_struct(array.type):
        flat[name] = array
        return
    for field, child in zip(array.type, array.flatten(), strict=True):  # flatten() applies the parent's nulls
        _flatten(f"{name}.{field.name}", child, flat)


# -- the map ------------------------------------------------------------------------------------------------------


def to_map(keys: Sequence[str], columns: Sequence[Column]) -> pa.MapArray:
    """Columns of text -> one map per row holding what is present, keys in the order given.

    Work is proportional to the values present. Null where a row has nothing.
    """
    from watchfloor.ocsf.gather import entries

    rows = len(columns[0])
    # Values of several columns repeat one another ("-", "0"): a dictionary that is not distinct is written out in full.
    pooled = pa.concat_arrays([_text(column.values) for column in columns]).dictionary_encode()
    place = np.asarray(pooled.indices.to_numpy(), np.int32)
    first = np.cumsum([0, *(len(column.values) for column in columns)])
    offsets, which, codes = entries([np.ascontiguousarray(column.codes) for column in columns], first, place, rows)
    items = pa.DictionaryArray.from_arrays(pa.array(codes), pooled.dictionary)
    names = pa.DictionaryArray.from_arrays(pa.array(which), pa.array(keys, pa.string()))
    nothing = offsets[1:] == offsets[:-1]
    mask = pa.array(nothing) if bool(nothing.any()) else None
    return pa.MapArray.from_arrays(pa.array(offsets), names, items, mask=mask)


def _text(values: pa.Array) -> pa.Array:
    return values if pa.types.is_string(values.type) else values.cast(pa.string())


def from_map(array: pa.MapArray) -> dict[str, pa.Array]:
    """A map column -> one encoded column of text per key, under `unmapped.<key>`."""
    rows = len(array)
    offsets = np.asarray(array.offsets.to_numpy(), np.int64)
    starts, stops = offsets[:-1], offsets[1:]
    lengths = stops - starts
    if array.null_count:
        lengths = np.where(array.is_valid().to_numpy(zero_copy_only=False), lengths, 0)
    row = np.repeat(np.arange(rows), lengths)
    within = np.arange(len(row)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    entry = pa.array(np.repeat(starts, lengths) + within)
    keys = Column.from_arrow(array.keys.take(entry))
    items = array.items.take(entry)
    order = np.argsort(keys.codes, kind="stable")
    bounds = np.searchsorted(keys.codes[order], np.arange(len(keys.values) + 1))
    flat: dict[str, pa.Array] = {}
    for code, key in enumerate(keys.values.to_pylist()):
        mine = order[bounds[code] : bounds[code + 1]]
        values = Column.from_arrow(items.take(pa.array(mine))).compact()
        codes = np.full(rows, MISSING, np.int32)
        codes[row[mine]] = values.codes
        flat[PREFIX + key] = Column(codes, values.values).to_arrow()
    return flat


# -- fitting nested values to a type ------------------------------------------------------------------------------


def fit(array: pa.Array, type_: pa.DataType, where: str) -> pa.Array:
    """Rearrange nested values to exactly `type_`: fields by name, absent ones null.

    Raises:
        KeyError: the value has a field that `type_` lacks; its dotted place is the argument.
        pa.ArrowInvalid: a scalar that cannot become what is wanted.
    """
    if array.type == type_:
        return array
    if pa.types.is_null(array.type):
        return pa.nulls(len(array), type_)
    if pa.types.is_dictionary(array.type):
        array = array.cast(array.type.value_type)
    if pa.types.is_struct(type_) and pa.types.is_struct(array.type):
        given = {field.name: child for field, child in zip(array.type, array.flatten(), strict=True)}
        unknown = sorted(set(given) - {field.name for field in type_})
        if unknown:
            raise KeyError(f"{where}.{unknown[0]}")
        arrays = [
            fit(given[field.name], field.type, f"{where}.{field.name}")
            if field.name in given
            else pa.nulls(len(array), field.type)
            for field in type_
        ]
        return pa.StructArray.from_arrays(arrays, fields=list(type_), mask=array.is_null())
    if pa.types.is_list(type_) and (pa.types.is_list(array.type) or pa.types.is_large_list(array.type)):
        lengths = pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False)
        offsets = np.zeros(len(array) + 1, np.int32)
        np.cumsum(lengths, out=offsets[1:])
        values = fit(array.flatten(), type_.value_type, where)
        mask = array.is_null() if array.null_count else None
        return pa.ListArray.from_arrays(pa.array(offsets), values, type=type_, mask=mask)
    if pa.types.is_boolean(array.type) and pa.types.is_string(type_):
        return array.cast(pa.string())
    return array.cast(type_)
