"""Rows of one stream in columnar form, straight from bytes.

`tokenise` reads a block of NDJSON once; `Records` is a view of its rows. Views are cheap: taking rows or renaming
columns copies no text, and columns are built when the first one is asked for, at a cost that follows the tokens of the
view's own rows. What counts as a record and how nesting becomes names: see `watchfloor.collect.tokeniser`.
"""

from __future__ import annotations

import functools
import secrets
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from watchfloor.collect.quarantine import Bad
from watchfloor.collect.tokeniser import (
    BAD,
    NAME_BYTES,
    NAMES,
    PADDING,
    PATHS,
    REASONS,
    ROWS,
    SPELLED,
    TOKENS,
    TOP,
    VALUES,
    group_columns,
    rebuild,
    tokenise_block,
)
from watchfloor.errors import SourceMalformed
from watchfloor.ocsf.column import Column

__all__ = ["Records", "tokenise"]

RAW_LIMIT = 64 * 1024
"""How many bytes of a bad record travel with its reason."""

BLOCK_LIMIT = 2**31 - 1
"""Bytes of one block: texts are addressed with 32 bits."""

_Bytes = npt.NDArray[np.uint8]
_Int64 = npt.NDArray[np.int64]
_Int32 = npt.NDArray[np.int32]
_Uint64 = npt.NDArray[np.uint64]


def tokenise(
    ndjson: bytes | bytearray | memoryview | _Bytes,
    offsets: _Int64,
    *,
    source: str,
    stream: str,
    sequence: _Int64,
    received: _Int64,
) -> tuple[Records, list[Bad]]:
    """Turn the records of one block into columns.

    Args:
        ndjson: the block, below 2 GiB; it is copied.
        offsets: int64[n + 1]; record i is `ndjson[offsets[i]:offsets[i + 1]]`, with or without its line end.
        source: the source the block came from.
        stream: the stream of that source.
        sequence: int64[n], the sequence number of every record.
        received: int64[n], when every record was received, ms since 1970-01-01 UTC.

    Returns:
        the good records, and the bad ones with their reason. An empty record (or only white space) is in neither: its
        format has already reported it.

    Raises:
        SourceMalformed: the offsets, sequence or received do not fit the block.
    """
    data = ndjson if isinstance(ndjson, np.ndarray) else np.frombuffer(ndjson, np.uint8)
    offsets = np.ascontiguousarray(offsets, np.int64)
    count = len(offsets) - 1
    if count < 0 or offsets[0] < 0 or offsets[-1] > len(data) or bool((np.diff(offsets) < 0).any()):
        raise SourceMalformed(f"record offsets do not lie in order within a block of {len(data)} bytes")
    if len(data) > BLOCK_LIMIT:
        raise SourceMalformed(f"a block of {len(data)} bytes is too large", remedy="frame blocks below 2 GiB")
    if len(sequence) != count or len(received) != count:
        raise SourceMalformed(
            f"{count} records in the block, but {len(sequence)} sequence numbers and {len(received)} times of receipt"
        )
    table = _tables(data, offsets)
    bad = []
    for record, reason, at in table.bad.tolist():
        start = int(offsets[record])
        raw = table.buffer[start : min(int(offsets[record + 1]), start + RAW_LIMIT)].tobytes()
        bad.append(Bad(record, f"{REASONS[reason]} (byte {at})", raw))
    batch = _Batch(
        table,
        source,
        stream,
        np.asarray(sequence, np.int64)[table.record],
        np.asarray(received, np.int64)[table.record],
    )
    return Records(batch, np.arange(len(table.record), dtype=np.int64), {}), bad


class Records:
    """Rows of one stream. Immutable; made by `tokenise`.

    Attributes:
        source, stream: where the rows came from.
    """

    __slots__ = ("_added", "_batch", "_columns", "_groups", "_names", "_renamed", "_rows", "_shapes")

    def __init__(
        self, batch: _Batch, rows: _Int64, renamed: Mapping[str, str], added: Mapping[str, Column] | None = None
    ) -> None:
        self._added: Mapping[str, Column] = added or {}
        self._batch = batch
        self._rows = rows
        self._renamed = renamed
        self._groups: _Groups | None = None
        self._names: dict[str, tuple[int, ...]] | None = None
        self._columns: dict[str, Column] = {}
        self._shapes: tuple[_Int32, list[frozenset[str]]] | None = None

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        return f"<Records {len(self)} rows of {self.source}/{self.stream}>"

    @property
    def source(self) -> str:
        """The source the rows came from."""
        return self._batch.source

    @property
    def stream(self) -> str:
        """The stream of that source."""
        return self._batch.stream

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self._rows)

    @property
    def sequence(self) -> _Int64:
        """The sequence number of every row, int64[rows]."""
        return self._batch.sequence[self._rows]

    @property
    def received(self) -> _Int64:
        """When every row was received, int64[rows], ms since 1970-01-01 UTC."""
        return self._batch.received[self._rows]

    @property
    def record_index(self) -> _Int64:
        """The number of every row's record in its block, int64[rows]."""
        return self._batch.table.record[self._rows]

    @property
    def fingerprint(self) -> _Uint64:
        """128-bit hash of every row's `raw` bytes, uint64[rows, 2].

        The same on every machine and in every version: it names content. It is not cryptographic: who can choose
        records could make two with the same fingerprint.
        """
        return self._batch.table.fingerprint[self._rows]

    def raw(self, row: int) -> bytes:
        """The record of one row as it was written, without surrounding white space and byte order mark."""
        at = self._rows[row]
        start = self._batch.table.start[at]
        return self._batch.table.buffer[start : start + self._batch.table.length[at]].tobytes()

    # -- columns --------------------------------------------------------------------------------------------------

    @property
    def names(self) -> tuple[str, ...]:
        """The dotted names present in these rows, in the order of their first appearance."""
        if not self._added:
            return tuple(self._index())
        empty = {name for name, column in self._added.items() if column.all_missing}
        return tuple(name for name in dict.fromkeys((*self._index(), *self._added)) if name not in empty)

    def column(self, name: str) -> Column | None:
        """The text values under one name, distinct; None when no row has it."""
        if name in self._added:
            return None if self._added[name].all_missing else self._added[name]
        column = self._columns.get(name)
        if column is None:
            held = self._index().get(name)
            if held is None:
                return None
            groups = self._grouped()
            column = groups.column(held[0])
            if len(held) > 1:
                column = column.coalesce(*[groups.column(k) for k in held[1:]]).distinct().compact()
            self._columns[name] = column
        return column

    def columns(self) -> Iterator[tuple[str, Column]]:
        """Every name with its column."""
        for name in self.names:
            column = self.column(name)
            if column is not None:
                yield name, column

    def _grouped(self) -> _Groups:
        if self._groups is None:
            self._groups = self._batch.group(self._rows)
        return self._groups

    def _index(self) -> dict[str, tuple[int, ...]]:
        """Name -> its groups. Only renaming can bring several together; the one that had the name from the start is
        then the first, the others follow in order of appearance."""
        if self._names is None:
            groups, spelled = self._grouped(), self._batch.names
            index: dict[str, tuple[int, ...]] = {}
            if not self._renamed:
                index = {spelled[name]: (k,) for k, name in enumerate(groups.names.tolist())}
            else:
                for k, name in enumerate(groups.names.tolist()):
                    old = spelled[name]
                    new = self._renamed.get(old, old)
                    held = index.get(new, ())
                    index[new] = (k, *held) if old == new else (*held, k)
            self._names = index
        return self._names

    @property
    def shapes(self) -> tuple[_Int32, list[frozenset[str]]]:
        """int32[rows] and the distinct sets of names the rows have: row i has the names `sets[codes[i]]`."""
        if self._shapes is None:
            batch = self._batch
            found, codes = np.unique(batch.shape_of[self._rows], return_inverse=True)
            sets: dict[frozenset[str], int] = {}
            moved = np.empty(len(found), np.int32)
            for i, shape in enumerate(found.tolist()):
                names = batch.shape_names(shape)
                if self._renamed:
                    names = frozenset(self._renamed.get(name, name) for name in names)
                moved[i] = sets.setdefault(names, len(sets))
            self._shapes = moved[codes.reshape(-1)], list(sets)
        return self._shapes

    # -- other views ----------------------------------------------------------------------------------------------

    def take(self, rows: npt.NDArray[Any] | Sequence[int]) -> Records:
        """The given rows, in that order (or a mask of rows)."""
        index = np.asarray(rows)
        if index.dtype != np.bool_:
            index = index.astype(np.int64, copy=False)
        added = {name: column.take(index).compact() for name, column in self._added.items()}
        return Records(self._batch, self._rows[index], self._renamed, added)

    def with_columns(self, columns: Mapping[str, Column]) -> Records:
        """The same rows with columns a normalisation has made; one of a name that is there stands in its place.

        `raw`, `fingerprint` and `shapes` still tell of the records as they came.
        """
        result = Records(self._batch, self._rows, self._renamed, {**self._added, **columns})
        result._groups, result._names, result._columns = self._groups, self._names, self._columns
        return result

    def rename(self, names: Mapping[str, str]) -> Records:
        """Give columns new names. Names that are not there are ignored.

        Where several columns come to one name, a row has the value of the column that had the name already, else of the
        first of the others that has one.
        """
        renamed = {old: names.get(new, new) for old, new in self._renamed.items()}
        for old, new in names.items():
            renamed.setdefault(old, new)
        result = Records(
            self._batch, self._rows, renamed, {names.get(name, name): column for name, column in self._added.items()}
        )
        result._groups = self._groups
        return result


class _Table(NamedTuple):
    """A tokenised block; see `tokenise_block` for the shapes."""

    buffer: _Bytes
    record: _Int64
    start: _Int64
    length: _Int64
    row_ptr: _Int64
    fingerprint: _Uint64
    shape: _Uint64
    bad: _Int64
    tokens: _Int32
    values: _Int64
    names: _Int64
    name_bytes: _Bytes


def _tables(data: _Bytes, offsets: _Int64) -> _Table:
    """Run the kernel over a block, giving it more room whenever a table is full."""
    size, records = len(data), len(offsets) - 1
    # the block, padding, texts of escaped strings (pages are touched only when needed), padding that begins with {}
    buffer = np.empty(2 * size + 3 * PADDING, np.uint8)
    buffer[:size] = data
    buffer[size : size + PADDING] = 0
    buffer[-PADDING:] = 0
    buffer[-PADDING : 2 - PADDING] = (123, 125)
    state = np.zeros(11, np.int64)
    state[[PATHS, TOP]] = 1, size + PADDING
    rows, prints = np.empty((records, 4), np.int64), np.empty((records, 3), np.uint64)
    bad = np.empty((records, 3), np.int64)
    tables: dict[int, npt.NDArray[Any]] = {
        TOKENS: np.empty((max(256, size // 48), 2), np.int32),
        VALUES: np.empty((max(256, size // 192), 3), np.int64),
        SPELLED: np.empty((max(256, size // 384), 4), np.int64),
        PATHS: np.empty((256, 11), np.int64),
        NAMES: np.empty((256, 4), np.int64),
        NAME_BYTES: np.empty(1 << 14, np.uint8),
    }
    tables[PATHS][0] = (0, -1, 0, -1, -1, -1, -1, -1, 0, -1, -1)  # the object itself; no key can find it
    slots = {kind: _slots(tables[kind], int(state[kind])) for kind in (VALUES, SPELLED, PATHS, NAMES)}
    while full := tokenise_block(
        buffer, offsets, _seeds(), state, rows, prints, bad, tables[TOKENS],
        tables[VALUES], slots[VALUES], tables[SPELLED], slots[SPELLED],
        tables[PATHS], slots[PATHS], tables[NAMES], slots[NAMES], tables[NAME_BYTES],
    ):  # fmt: skip
        small = tables[full]
        tables[full] = np.empty((2 * len(small), *small.shape[1:]), small.dtype)
        tables[full][: len(small)] = small
        if full in slots:
            slots[full] = _slots(tables[full], int(state[full]))
    good = int(state[ROWS])
    return _Table(
        buffer,
        rows[:good, 0],
        rows[:good, 1],
        rows[:good, 2],
        np.concatenate([np.zeros(1, np.int64), rows[:good, 3]]),
        prints[:good, :2],
        prints[:good, 2],
        bad[: state[BAD]],
        tables[TOKENS][: state[TOKENS]],
        tables[VALUES][: state[VALUES]],
        tables[NAMES][: state[NAMES]],
        tables[NAME_BYTES][: state[NAME_BYTES]],
    )


def _slots(table: npt.NDArray[Any], used: int) -> _Uint64:
    """A hash table with at least twice as many slots as `table` has room for."""
    slots = np.zeros(1 << (2 * len(table) - 1).bit_length(), np.uint64)
    rebuild(slots, table, used)
    return slots


class _Batch:
    """One tokenised block, shared by all views of its rows."""

    def __init__(self, table: _Table, source: str, stream: str, sequence: _Int64, received: _Int64) -> None:
        self.table = table
        self.source = source
        self.stream = stream
        self.sequence = sequence
        self.received = received
        self._lock = threading.Lock()  # the scratch arrays serve one call at a time
        self._name_scratch = np.zeros(len(table.names), np.int64)
        self._value_scratch = np.zeros(len(table.values), np.int64)
        self._stamps = np.zeros(2, np.int64)
        self._shape_names: dict[int, frozenset[str]] = {}

    @functools.cached_property
    def names(self) -> list[str]:
        """The dotted name of every name id."""
        table = self.table
        text = table.name_bytes.tobytes()
        return [text[at : at + length].decode() for at, length in table.names[:, :2].tolist()]

    @functools.cached_property
    def _shape_table(self) -> tuple[_Int64, _Int32]:
        """The first row of every distinct shape, in order of appearance, and the shape of every row."""
        _, rows, codes = np.unique(self.table.shape, return_index=True, return_inverse=True)
        order = np.argsort(rows)  # the hashes are secret and differ from process to process: never order by them
        place = np.empty(len(order), np.int32)
        place[order] = np.arange(len(order), dtype=np.int32)
        return rows[order].astype(np.int64), place[codes.reshape(-1)]

    @property
    def shape_of(self) -> _Int32:
        """The shape of every row."""
        return self._shape_table[1]

    def shape_names(self, shape: int) -> frozenset[str]:
        """The names that rows of this shape have."""
        names = self._shape_names.get(shape)
        if names is None:
            table, row = self.table, self._shape_table[0][shape]
            tokens = table.tokens[table.row_ptr[row] : table.row_ptr[row + 1], 0]
            names = self._shape_names[shape] = frozenset(self.names[name] for name in tokens.tolist())
        return names

    def group(self, rows: _Int64) -> _Groups:
        """The columns of these rows."""
        table = self.table
        with self._lock:
            grouped = group_columns(
                rows,
                table.row_ptr,
                table.tokens,
                table.buffer,
                table.values,
                self._name_scratch,
                self._value_scratch,
                self._stamps,
            )
        return _Groups(len(rows), *grouped)


class _Groups:
    """The tokens of some rows, sorted by name: what columns are cut from."""

    __slots__ = ("_codes", "_entry_code", "_entry_ptr", "_entry_row", "_rows", "_value_ptr", "_values", "names")

    def __init__(
        self,
        rows: int,
        names: _Int32,
        entry_ptr: _Int64,
        entry_row: _Int32,
        entry_code: _Int32,
        value_ptr: _Int64,
        text_offsets: _Int32,
        text: _Bytes,
        codes: _Int32,
    ) -> None:
        self.names = names
        self._rows = rows
        self._entry_ptr = entry_ptr.tolist()
        self._entry_row = entry_row
        self._entry_code = entry_code
        self._value_ptr = value_ptr.tolist()
        # the kernel has validated the text as UTF-8, record by record
        self._values = pa.StringArray.from_buffers(
            len(text_offsets) - 1, pa.py_buffer(text_offsets), pa.py_buffer(text), None, 0
        )
        self._codes = codes if len(codes) else None

    def column(self, k: int) -> Column:
        """The column of the k-th name."""
        first = self._value_ptr[k]
        values = self._values.slice(first, self._value_ptr[k + 1] - first)
        if self._codes is not None:
            return Column(self._codes[k], values)
        entries = slice(self._entry_ptr[k], self._entry_ptr[k + 1])
        codes = np.full(self._rows, -1, np.int32)
        codes[self._entry_row[entries]] = self._entry_code[entries]
        return Column(codes, values)


@functools.cache
def _seeds() -> _Uint64:
    """This process's secret for the hash tables: without it nobody can choose values that collide."""
    return np.frombuffer(secrets.token_bytes(32), np.uint64).copy()
