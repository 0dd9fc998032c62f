"""Columns as mappings make them -> columns of the type the schema wants.

Data never raises here. A value that cannot be what the attribute is (text in a number) comes back as text, so that
the caller keeps it under `unmapped` and nothing is lost.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import orjson
import pyarrow as pa

from watchfloor.errors import SchemaError
from watchfloor.ocsf.column import Column
from watchfloor.ocsf.nest import fit
from watchfloor.ocsf.schema import Attribute

_TRUE = frozenset({"true", "1", "yes"})
_FALSE = frozenset({"false", "0", "no"})


def cast(column: Column, attribute: Attribute, class_name: str) -> tuple[Column, Column | None]:
    """The column in the attribute's type, and what did not fit as text (None = all did).

    Raises:
        SchemaError: the attribute is an object and has no column of its own, or a struct has fields that we do not
            keep there: both are bugs in the caller, not in data.
    """
    wanted = attribute.arrow
    if wanted is None:
        raise SchemaError(
            f"'{attribute.name}' of class {class_name} is an object ({attribute.object}) and holds no value itself",
            remedy=f"set its attributes, `{attribute.name}.<name>`",
        )
    if column.type == wanted or len(column.values) == 0:
        return column, None
    if pa.types.is_string(wanted):
        return _text(column), None
    if pa.types.is_list(wanted):
        return _list(column, wanted, attribute, class_name)
    if pa.types.is_integer(wanted):
        return _split(column, wanted, _integer)
    if pa.types.is_floating(wanted):
        return _split(column, wanted, _double)
    return _split(column, wanted, _boolean)


def _split(column: Column, wanted: pa.DataType, convert: Callable[[Any], Any]) -> tuple[Column, Column | None]:
    if pa.types.is_timestamp(column.type):
        column = column.apply(
            lambda values: values.cast(pa.timestamp("ms", tz=values.type.tz), safe=False).cast(pa.int64())
        )
    if not pa.types.is_nested(column.type) and not pa.types.is_boolean(wanted):
        try:
            return column._remap(column.values.cast(wanted)), None
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            pass  # one value or more is special: look at each
    results = [convert(value) for value in column.values.to_pylist()]
    fits = Column(column.codes, column.values)._remap(pa.array(results, wanted))
    if None not in results:
        return fits, None
    texts = [
        None if result is not None else _as_text(v)
        for result, v in zip(results, column.values.to_pylist(), strict=True)
    ]
    failed = Column(column.codes, column.values)._remap(pa.array(texts, pa.string()))
    return fits, None if failed.all_missing else failed


def _list(column: Column, wanted: pa.DataType, attribute: Attribute, class_name: str) -> tuple[Column, Column | None]:
    values = column.values
    if not (pa.types.is_list(values.type) or pa.types.is_large_list(values.type)):  # one value is an array of one
        offsets = pa.array(range(len(values) + 1), pa.int32())
        values = pa.ListArray.from_arrays(offsets, values)
    try:
        return Column(column.codes, fit(values, wanted, attribute.name)), None
    except KeyError as unknown:
        raise SchemaError(
            f"the array '{attribute.name}' of class {class_name} keeps no '{unknown.args[0]}'",
            remedy=f"it keeps {wanted.value_type}",
        ) from unknown
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError):
        return Column.missing(len(column), wanted), _text(column)


def _text(column: Column) -> Column:
    if pa.types.is_large_string(column.type) or pa.types.is_string_view(column.type):
        return column.apply(lambda values: values.cast(pa.string()))
    if pa.types.is_integer(column.type):
        return column.apply(lambda values: values.cast(pa.string()))
    return column.map(_as_text, pa.string())


def _as_text(value: Any) -> str:
    """As JSON writes it, a string without its quotes."""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return orjson.dumps(value, default=str).decode()


def _integer(value: Any) -> int | None:
    try:
        if isinstance(value, str):
            text = value.strip()
            number = int(text, 16) if text[:2].lower() == "0x" else int(text)
        elif isinstance(value, float):
            if not math.isfinite(value) or value != int(value):
                return None
            number = int(value)
        else:
            number = int(value)
    except (ValueError, TypeError, OverflowError):
        return None
    return number if -(2**63) <= number < 2**63 else None


def _double(value: Any) -> float | None:
    try:
        return float(value)
    except (ValueError, TypeError, OverflowError):
        return None


def _boolean(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower()
    return True if text in _TRUE else False if text in _FALSE else None
