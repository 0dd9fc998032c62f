"""How a table's columns grow: new ones appear, none ever changes its type, and nothing is lost.

A table keeps for ever the type with which an attribute first came. A batch that brings another type is fitted:

    the value casts exactly (5.0 for an integer, 7 for a text)      it is cast
    it does not ("abc" for an integer, a struct for a text)         it goes as text into the sibling `<name>__text`

so that neither a batch nor a reader ever fails over a vendor who changed his mind. The types of the lake are few:
int64, double, bool, string, binary, struct, list and map<string, string>.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["DIVERTED", "canonical", "fitted", "settled", "stands"]

DIVERTED = "__text"
"""What is appended to a name for values that do not fit the name's type."""

TEXTS = pa.map_(pa.string(), pa.string())


def canonical(type_: pa.DataType) -> pa.DataType | None:
    """The lake's type for an Arrow type; None for one that holds nothing (null, a struct without fields)."""
    if pa.types.is_dictionary(type_):
        return canonical(type_.value_type)
    if pa.types.is_null(type_):
        return None
    if pa.types.is_boolean(type_):
        return pa.bool_()
    if pa.types.is_integer(type_):
        return pa.int64()
    if pa.types.is_floating(type_):
        return pa.float64()
    if pa.types.is_binary(type_) or pa.types.is_large_binary(type_) or pa.types.is_fixed_size_binary(type_):
        return pa.binary()
    if pa.types.is_map(type_):
        return TEXTS
    if pa.types.is_list(type_) or pa.types.is_large_list(type_):
        inner = canonical(type_.value_type)
        return None if inner is None else pa.list_(inner)
    if pa.types.is_struct(type_):
        fields = [(field.name, canonical(field.type)) for field in type_]
        kept = [pa.field(name, inner) for name, inner in fields if inner is not None]
        return pa.struct(kept) if kept else None
    return pa.string()


def _kind(type_: pa.DataType) -> str:
    for name in ("struct", "list", "map"):
        if getattr(pa.types, f"is_{name}")(type_):
            return name
    return "scalar"


def _grown(have: pa.DataType, brought: pa.DataType) -> pa.DataType:
    """`have` with what `brought` adds to it; both canonical and of one kind."""
    if pa.types.is_struct(have):
        return pa.struct(_grown_fields(list(have), list(brought)))
    if pa.types.is_list(have) and _kind(have.value_type) == _kind(brought.value_type):
        return pa.list_(_grown(have.value_type, brought.value_type))
    return have


def _fits(have: pa.DataType, brought: pa.DataType) -> bool:
    """Whether every value of type `brought` can stand under `have` without looking at the values."""
    if _kind(have) != _kind(brought):
        return False
    if pa.types.is_list(have):
        return _fits(have.value_type, brought.value_type)
    return _kind(have) != "scalar" or have == brought or (have == pa.string() and brought != pa.binary())


def _grown_fields(have: list[pa.Field], brought: list[pa.Field]) -> list[pa.Field]:
    fields = {field.name: field for field in have}
    for field in brought:
        known = fields.get(field.name)
        if known is None:
            fields[field.name] = pa.field(field.name, field.type)
            continue
        if _kind(known.type) == _kind(field.type):
            fields[field.name] = pa.field(field.name, _grown(known.type, field.type))
        if not _fits(known.type, field.type):
            fields.setdefault(field.name + DIVERTED, pa.field(field.name + DIVERTED, pa.string()))
    return list(fields.values())


def settled(have: pa.Schema | None, brought: pa.Schema) -> pa.Schema:
    """The table's schema once it has taken in a batch; equal to `have` when the batch brings nothing new."""
    canonicals = [(field.name, canonical(field.type)) for field in brought]
    fields = [pa.field(name, type_) for name, type_ in canonicals if type_ is not None]
    return pa.schema(_grown_fields([] if have is None else list(have), fields))


def fitted(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The batch with every column it has in the type of `schema`; columns it lacks stay out.

    Strings may stay dictionary-encoded. Columns that already fit are passed on untouched.
    """
    wanted = {field.name: field.type for field in schema}
    columns: dict[str, Any] = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        _place(columns, name, column, wanted)
    return pa.table(columns) if columns else table.select([])


def stands(have: pa.Schema, want: pa.Schema) -> bool:
    """Whether a batch of schema `have` can be written under `want` as it is: `fitted` would change nothing."""
    wanted = {field.name: field.type for field in want}
    return all(field.name in wanted and _stands(field.type, wanted[field.name]) for field in have)


def _place(columns: dict[str, Any], name: str, array: Any, wanted: dict[str, pa.DataType]) -> None:
    """Put `array` under `name`, and what does not fit there under the diverted name."""
    want = wanted.get(name)
    if want is None:
        return
    if _stands(array.type, want):
        columns[name] = array
        return
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
        if isinstance(array, pa.ChunkedArray):
            array = pa.concat_arrays(array.chunks)
    good, rest = _fit(array, want)
    if good is not None:
        columns[name] = good
    if rest is not None:
        columns[name + DIVERTED] = rest


def _stands(have: pa.DataType, want: pa.DataType) -> bool:
    """Whether a column of type `have` can be written as `want` as it is; a struct may lack fields."""
    if pa.types.is_dictionary(have):
        return bool(have.value_type == want and want == pa.string())
    if pa.types.is_struct(have) and pa.types.is_struct(want):
        wanted = {field.name: field.type for field in want}
        return have.num_fields > 0 and all(f.name in wanted and _stands(f.type, wanted[f.name]) for f in have)
    if pa.types.is_list(have) and pa.types.is_list(want):
        return _stands(have.value_type, want.value_type)
    if pa.types.is_map(have) and pa.types.is_map(want):
        return _stands(have.key_type, want.key_type) and _stands(have.item_type, want.item_type)
    return bool(have == want)


def _fit(array: pa.Array, want: pa.DataType) -> tuple[pa.Array | None, pa.Array | None]:
    """The array as `want`, and the values that would not go, as text (None: there are none)."""
    if canonical(array.type) is None:
        return None, None
    if _stands(array.type, want):
        return array, None
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_struct(want) and pa.types.is_struct(array.type):
        return _fit_struct(array, want), None
    if pa.types.is_list(want) and (pa.types.is_list(array.type) or pa.types.is_large_list(array.type)):
        values, rest = _fit(array.flatten(), want.value_type)
        if rest is None and values is not None:
            return _relisted(array, values), None
    elif pa.types.is_map(want) and pa.types.is_map(array.type):
        return array.cast(want), None
    elif _kind(want) == "scalar" and not pa.types.is_nested(array.type):
        return _fit_scalar(array, want)
    return None, _text(array)


def _fit_struct(array: pa.Array, want: pa.DataType) -> pa.Array | None:
    wanted = {field.name: field.type for field in want}
    columns: dict[str, Any] = {}
    for field, child in zip(array.type, array.flatten(), strict=True):
        _place(columns, field.name, child, wanted)
    if not columns:
        return None
    return pa.StructArray.from_arrays(list(columns.values()), list(columns), mask=array.is_null())


def _relisted(array: pa.Array, values: pa.Array) -> pa.Array:
    lengths = pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False)
    offsets = np.zeros(len(array) + 1, np.int32)
    np.cumsum(lengths, out=offsets[1:])
    mask = array.is_null() if array.null_count else None
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values, mask=mask)


def _fit_scalar(array: pa.Array, want: pa.DataType) -> tuple[pa.Array | None, pa.Array | None]:
    if want == pa.string():
        return _text(array), None
    text = pa.types.is_string(array.type) or pa.types.is_large_string(array.type)
    if want == pa.binary() or not (text or want == pa.bool_()):  # Arrow reads "007" as 7 and 2 as true: too generous
        try:
            return array.cast(want), None
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            pass
    encoded = array.dictionary_encode()  # value by value, once per distinct one
    cast = [_exact(value, want) for value in encoded.dictionary.to_pylist()]
    values = pa.array(cast, want)
    good = values.take(encoded.indices)
    left = pc.if_else(values.is_valid(), pa.scalar(None, pa.string()), _text(encoded.dictionary))
    rest = left.take(encoded.indices)
    return good, rest if rest.null_count < len(rest) else None


def _exact(value: Any, want: pa.DataType) -> Any:
    """The Python value in type `want` when nothing is lost by it, else None."""
    try:
        if want == pa.int64():
            number = int(value)
            same = str(number) == value if isinstance(value, str) else number == value
            return number if same and -(2**63) <= number < 2**63 else None
        if want == pa.float64():
            real = float(value)
            same = value in {str(real), f"{real:g}"} if isinstance(value, str) else real == value
            return real if same else None
        if want == pa.bool_() and isinstance(value, str):
            return {"true": True, "false": False}.get(value.lower())
    except (ValueError, OverflowError, TypeError):
        return None
    return None


def _text(array: pa.Array) -> pa.Array:
    """Every value as text: scalars as JSON writes them, nested ones as JSON, bytes as UTF-8 or hexadecimal."""
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
        return array.cast(pa.string())
    if pa.types.is_integer(array.type) or pa.types.is_boolean(array.type):
        return array.cast(pa.string())
    return pa.array([None if value is None else _written(value) for value in array.to_pylist()], pa.string())


def _written(value: Any) -> str:
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value.hex()
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=_written)
