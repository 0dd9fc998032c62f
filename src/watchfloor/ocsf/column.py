"""One attribute of many events: distinct values once, and a code per row.

Security data repeats itself, so everything works on distinct values and moves only codes: a function given to
`Column.map` runs once per distinct value, however many rows hold it.

A column may wait until somebody looks at it (`waiting.py`); what is said here of looking says what makes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Codes = npt.NDArray[np.int32]
Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Test = Callable[[pa.StringArray], Mask]
"""Which of some texts may hold what is looked for. If one may, so may every text that it is a part of."""

MISSING = -1
"""The code of a row that has no value."""

PLAIN_NUMBER = r"^(?:-?[0-9]{1,18}|0x[0-9a-fA-F]{1,15})$"
"""What Arrow and Python read as the same number; whatever else might be one is Python's."""


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """A dictionary-encoded column.

    Args:
        codes: per row the index into `values`, or -1 where the row has no value. Shape (rows,), int32.
        values: the values, without nulls. Distinct as a rule; operations stay correct when they are not.
    """

    codes: Codes
    values: pa.Array
    _bounds: list[int] = field(default_factory=list, repr=False)
    """Lowest and highest code once somebody has asked; a cache, never the truth. Columns of the same codes share it."""

    waits: ClassVar[bool] = False
    """Is it a column that may not have been made yet?"""

    # -- making ---------------------------------------------------------------------------------------------------

    @classmethod
    def constant(cls, value: Any, rows: int, type: pa.DataType | None = None) -> Column:
        """The same value in every row; None gives an all-missing column."""
        if value is None:
            return cls.missing(rows, type)
        return cls(np.zeros(rows, np.int32), pa.array([value], type or one_type([value])), [0, 0] if rows else [])

    @classmethod
    def missing(cls, rows: int, type: pa.DataType | None = None) -> Column:
        """No value in any row."""
        return cls(np.full(rows, MISSING, np.int32), _no_values(type or pa.string()), [MISSING, MISSING])

    @classmethod
    def of(cls, values: Iterable[Any], type: pa.DataType | None = None) -> Column:
        """From one Python value per row (None = no value)."""
        return cls.from_arrow(pa.array(list(values), type))

    @classmethod
    def from_arrow(cls, array: pa.Array | pa.ChunkedArray) -> Column:
        """From an Arrow array; an encoded one is taken as it is, any other is encoded."""
        if isinstance(array, pa.ChunkedArray):
            array = array.combine_chunks() if array.num_chunks != 1 else array.chunk(0)
            if isinstance(array, pa.ChunkedArray):  # combine_chunks keeps chunks that overflow 32-bit offsets
                array = pa.concat_arrays(array.chunks)
        if pa.types.is_null(array.type):
            return cls.missing(len(array))
        if not pa.types.is_dictionary(array.type):
            if pa.types.is_nested(array.type):  # Arrow cannot hash nested values: every row is its own value
                valid = np.flatnonzero(array.is_valid().to_numpy(zero_copy_only=False))
                codes = np.full(len(array), MISSING, np.int32)
                codes[valid] = np.arange(len(valid), dtype=np.int32)
                return cls(codes, array.drop_null())
            array = array.dictionary_encode()
        indices = array.indices
        if indices.null_count:
            indices = indices.fill_null(MISSING)
        codes = np.asarray(indices.to_numpy(zero_copy_only=False), np.int32)
        values = array.dictionary
        if values.null_count:
            keep = np.flatnonzero(values.is_valid().to_numpy(zero_copy_only=False))
            moved = np.full(len(values) + 1, MISSING, np.int32)
            moved[keep] = np.arange(len(keep), dtype=np.int32)
            return cls(moved[codes], values.drop_null())
        return cls(codes, values)

    # -- looking --------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def type(self) -> pa.DataType:
        """The Arrow type of the values."""
        return self.values.type

    @property
    def present(self) -> Mask:
        """Per row: is there a value?"""
        return self.codes >= 0

    def _span(self) -> list[int]:
        if not self._bounds:
            empty = len(self.codes) == 0
            self._bounds.extend((MISSING, MISSING) if empty else (int(self.codes.min()), int(self.codes.max())))
        return self._bounds

    @property
    def all_missing(self) -> bool:
        """True when no row has a value."""
        return (self._bounds or self._span())[1] < 0

    @property
    def known_missing(self) -> bool:
        """True when no row has a value, as far as that is known: a column that waits is not made for the answer."""
        return self.all_missing

    @property
    def everywhere(self) -> bool:
        """True when every row has a value."""
        return len(self.codes) == 0 or self._span()[0] >= 0

    def known(self) -> tuple[bool, bool]:
        """Is it known that a row has a value, that every row has one? Nothing is made for the answer."""
        return not self.all_missing, bool(self._bounds) and self._bounds[0] >= 0

    def may_hold(self, test: Test) -> bool:
        """May one of its texts pass a test? Nothing is made for the answer."""
        return True

    def settled(self) -> Column:
        """The same column, made: it holds nothing but its codes and values."""
        return self

    def to_pylist(self) -> list[Any]:
        """One Python value per row: for tests, golden files and people."""
        values = self.values.to_pylist()
        return [None if code < 0 else values[code] for code in self.codes.tolist()]

    def to_arrow(self) -> pa.Array:
        """Strings as a dictionary array (int32 codes), anything else as a plain array."""
        if pa.types.is_string(self.type):
            return pa.DictionaryArray.from_arrays(self._indices(), self.values, safe=False)
        return self.plain()

    def plain(self) -> pa.Array:
        """One Arrow value per row."""
        return self.values.take(self._indices())

    def _indices(self) -> pa.Array:
        """The codes as an Arrow array, sharing their memory if no row is missing; missing rows are null.

        Under a null stands 0: where Arrow makes one dictionary of several it follows every code, and -1 leads outside.
        """
        codes = np.ascontiguousarray(self.codes, np.int32)
        rows = len(codes)
        if self.everywhere:
            return pa.Array.from_buffers(pa.int32(), rows, [None, pa.py_buffer(codes)])
        valid = np.packbits(codes >= 0, bitorder="little")
        return pa.Array.from_buffers(pa.int32(), rows, [pa.py_buffer(valid), pa.py_buffer(np.maximum(codes, 0))])

    # -- changing: once per distinct value ------------------------------------------------------------------------

    def later(
        self,
        function: Callable[[Column], Column],
        type: pa.DataType,
        *,
        parts: bool = False,
        own: tuple[str, ...] = (),
    ) -> Column:
        """What `function` makes of this column; of one that waits it is made when somebody looks.

        Args:
            function: makes a column of the same rows; whatever the values are, it must not raise. A row without value
                stays without.
            type: of what it makes.
            parts: every text it makes is a part of the value it is made of, or one of its `own`.
            own: texts that it adds.
        """
        return function(self) if len(self.values) else Column(self.codes, _no_values(type), self._bounds)

    def map(self, function: Callable[[Any], Any], type: pa.DataType | None = None) -> Column:
        """Apply `function` once per distinct value; None means "no value"."""
        if len(self.values) == 0:
            return Column.missing(len(self), type)
        results = [function(value) for value in self.values.to_pylist()]
        return self._remap(pa.array(results, type or one_type(results)))

    def apply(self, function: Callable[[pa.Array], pa.Array]) -> Column:
        """Apply a vectorised function to the array of distinct values; nulls in its answer mean "no value"."""
        return self._remap(function(self.values)) if len(self.values) else self

    def replace(self, table: Mapping[Any, Any], default: Any = None) -> Column:
        """Look every distinct value up in `table`; what it does not hold becomes `default` (None = no value)."""
        return self.map(lambda value: table.get(value, default))

    def keep(self, wanted: Callable[[Any], bool]) -> Column:
        """Only the values for which `wanted` is true."""
        return self.map(lambda value: value if wanted(value) else None, self.type)

    def without(self, *noise: Any) -> Column:
        """Drop values a vendor writes for "nothing" (`-`, `N/A` ...)."""
        if not pa.types.is_string(self.type):
            return self.later(lambda column: column.keep(lambda value: value not in noise), self.type)
        return self.later(lambda column: column._without(noise), self.type, parts=True)

    def _without(self, noise: Sequence[Any]) -> Column:
        gone = pc.is_in(self.values, pa.array(noise, pa.string()))
        if not pc.any(gone).as_py():
            return self
        return self._remap(pc.if_else(gone, None, self.values))

    def integer(self) -> Column:
        """Text as int64: decimal or 0x-hexadecimal; anything else becomes missing."""
        if pa.types.is_integer(self.type):
            return self
        return self.later(Column._whole, pa.int64())

    def _whole(self) -> Column:
        if not pa.types.is_string(self.type) or len(self.values) == 0:
            return self.map(_integer, pa.int64())
        plain = pc.match_substring_regex(self.values, PLAIN_NUMBER)
        if pc.all(plain).as_py():
            return self._remap(self.values.cast(pa.int64()))
        odd = [
            None if known else _integer(value)
            for known, value in zip(plain.to_pylist(), self.values.to_pylist(), strict=True)
        ]
        numbers = pc.if_else(plain, self.values, None).cast(pa.int64())
        return self._remap(pc.coalesce(numbers, pa.array(odd, pa.int64())))

    def text(self) -> Column:
        """Any scalar as text, as JSON would write it."""
        if pa.types.is_string(self.type):
            return self
        if pa.types.is_boolean(self.type):
            return self.later(lambda column: column.map(_truth, pa.string()), pa.string())
        if pa.types.is_integer(self.type):
            return self.later(lambda column: column.map(str, pa.string()), pa.string())
        return self.map(str, pa.string())

    # -- changing: rows -------------------------------------------------------------------------------------------

    def take(self, rows: npt.NDArray[np.integer[Any]] | Sequence[int]) -> Column:
        """The given rows, in that order. The values are shared, not copied."""
        return Column(self.codes[rows], self.values)

    def pick(self, rows: npt.NDArray[np.integer[Any]] | Sequence[int]) -> Column:
        """As `take`, with a value of its own for every row: for a few rows out of many values."""
        codes = self.codes[rows]
        there = np.flatnonzero(codes >= 0)
        places = np.full(len(codes), MISSING, np.int32)
        places[there] = np.arange(len(there), dtype=np.int32)
        return Column(places, self.values.take(pa.array(codes[there])))

    def where(self, mask: Mask) -> Column:
        """Keep the value where `mask` is true, nothing elsewhere."""
        return Column(np.where(mask, self.codes, np.int32(MISSING)).astype(np.int32, copy=False), self.values)

    def compact(self) -> Column:
        """Drop values no row uses."""
        used = np.zeros(len(self.values) + 1, np.bool_)
        used[self.codes] = True  # -1 hits the spare last slot
        used[-1] = False
        if bool(used[:-1].all()):
            return self
        keep = np.flatnonzero(used[:-1])
        moved = np.full(len(self.values) + 1, MISSING, np.int32)
        moved[keep] = np.arange(len(keep), dtype=np.int32)
        return Column(moved[self.codes], self.values.take(pa.array(keep)))

    def coalesce(self, *others: Column) -> Column:
        """Per row the first of self and `others` that has a value."""
        for column in (self, *others):
            if column.waits:
                return column.first((self, *others))
        return self.first((self, *others))

    def first(self, columns: Sequence[Column]) -> Column:
        """As `coalesce`, of columns that are made; `self` only says who does it."""
        result, *others = columns
        for other in others:
            if bool((result.codes >= 0).all()) or len(other.values) == 0:
                continue
            if len(result.values) == 0:
                result = other
                continue
            shifted = np.where(other.codes >= 0, other.codes + np.int32(len(result.values)), np.int32(MISSING))
            codes = np.where(result.codes >= 0, result.codes, shifted).astype(np.int32, copy=False)
            tail = other.values if other.type == result.type else other.values.cast(result.type)
            result = Column(codes, pa.concat_arrays([result.values, tail]))
        return result

    def zip(self, other: Column, function: Callable[[Any, Any], Any], type: pa.DataType | None = None) -> Column:
        """Apply `function` once per distinct pair; a missing side is given as None."""
        width = len(other.values) + 1
        pairs = (self.codes.astype(np.int64) + 1) * width + (other.codes + 1)
        first, codes = appearing(pairs)
        left, right = [*self.values.to_pylist(), None], [*other.values.to_pylist(), None]
        results = [function(left[pair // width - 1], right[pair % width - 1]) for pair in pairs[first].tolist()]
        return Column(codes, _padded(results, type))._remap(None)

    @staticmethod
    def joined(parts: Sequence[tuple[int, Column]], rows: int) -> Column:
        """Columns of one type placed into `rows` rows: (first row, column) each; rows no part covers have no value.

        Values that several parts hold stand there several times.
        """
        if len(parts) == 1 and len(parts[0][1]) == rows:
            return parts[0][1]
        codes = np.full(rows, MISSING, np.int32)
        base = 0
        bounds = [0 if sum(len(column) for _, column in parts) == rows else MISSING, MISSING]
        for start, column in parts:
            if not column.everywhere:
                bounds[0] = MISSING
            if not column.all_missing:
                bounds[1] = base + column._span()[1]
            place = codes[start : start + len(column)]
            if base == 0:
                place[:] = column.codes
            elif column.everywhere:
                np.add(column.codes, np.int32(base), out=place)
            else:
                np.add(column.codes, np.int32(base), out=place, where=column.codes >= 0)
            base += len(column.values)
        values = [column.values for _, column in parts]
        return Column(codes, values[0] if len(values) == 1 else pa.concat_arrays(values), bounds)

    def _remap(self, values: pa.Array | None) -> Column:
        """Put `values` (aligned with ours, null = no value) in our place, dropping nulls."""
        array = self.values if values is None else values
        if isinstance(array, pa.ChunkedArray):
            array = array.combine_chunks()
        if pa.types.is_null(array.type):
            return Column.missing(len(self))
        if array.null_count == 0:
            return Column(self.codes, array, self._bounds)
        valid = array.is_valid().to_numpy(zero_copy_only=False)
        moved = np.full(len(array) + 1, MISSING, np.int32)
        moved[:-1][valid] = np.arange(int(valid.sum()), dtype=np.int32)
        return Column(moved[self.codes], array.drop_null())

    def distinct(self) -> Column:
        """The same column with every value held only once."""
        if pa.types.is_nested(self.type) or len(self.values) < 2:
            return self
        encoded = self.values.dictionary_encode()
        if len(encoded.dictionary) == len(self.values):
            return self
        moved = np.append(encoded.indices.to_numpy(zero_copy_only=False).astype(np.int32), np.int32(MISSING))
        return Column(moved[self.codes], encoded.dictionary)


def appearing(keys: npt.NDArray[np.int64] | npt.NDArray[np.uint64]) -> tuple[Rows, Codes]:
    """Keys numbered in the order of their appearance, without sorting them.

    Args:
        keys: shape (rows,).

    Returns:
        the row where each distinct key first appears, ascending; per row the number of its key.
    """
    codes = np.asarray(pa.array(keys).dictionary_encode().indices.to_numpy(), np.int32)
    return np.flatnonzero(np.diff(np.maximum.accumulate(codes), prepend=np.int32(-1))), codes


_TYPES: Mapping[type, pa.DataType] = {str: pa.string(), int: pa.int64(), bool: pa.bool_(), float: pa.float64()}


def one_type(values: Sequence[Any]) -> pa.DataType | None:
    """The Arrow type of plain Python scalars, None where Arrow must infer.

    Left to infer, `pa.array` looks for pandas on every call and, where there is none, searches the whole path: 0.5 ms.
    """
    kinds = {type(value) for value in values} - {type(None)}
    if not kinds:
        return pa.null()
    return _TYPES.get(kinds.pop()) if len(kinds) == 1 else None


def is_number(type: pa.DataType) -> bool:
    """Are values of this type numbers or truths: neither texts nor anything with texts in it?"""
    return type.id in _NUMBERS


_NUMBERS = frozenset(
    kind.id
    for kind in (
        pa.bool_(), pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64(),
        pa.float16(), pa.float32(), pa.float64(),
    )
)  # fmt: skip


@cache
def _no_values(type: pa.DataType) -> pa.Array:
    return pa.array([], type)


def _truth(value: bool) -> str:
    return "true" if value else "false"


def _padded(results: list[Any], type: pa.DataType | None) -> pa.Array:
    array = pa.array(results, type or one_type(results))
    return pc.cast(array, pa.string()) if pa.types.is_null(array.type) else array


def _integer(value: Any) -> int | None:
    try:
        number = int(value, 0) if isinstance(value, str) and value[:2].lower() == "0x" else int(value)
    except (ValueError, OverflowError, TypeError):
        return None
    return number if -(2**63) <= number < 2**63 else None
