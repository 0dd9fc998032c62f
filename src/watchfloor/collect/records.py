"""Rows of one stream in columnar form, straight from bytes.

`tokenise` reads pieces of NDJSON once; `Records` is a view of its rows. Views are cheap: taking rows or renaming
columns copies no text, and columns are built when the first one is asked for, at a cost that follows the tokens of the
view's own rows. What counts as a record and how nesting becomes names: see `watchfloor.collect.tokeniser`.
"""

from __future__ import annotations

import functools
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from watchfloor.collect.quarantine import Bad
from watchfloor.collect.tokeniser import (
    ARENA,
    BAD,
    NAME_BYTES,
    NAMES,
    PADDING,
    PATHS,
    REASONS,
    RECENT,
    RECORD,
    ROWS,
    SPELLED,
    SUCCESSORS,
    TOKENS,
    VALUES,
    gathered,
    group_columns,
    rebuild,
    tokenise_block,
)
from watchfloor.errors import SourceMalformed
from watchfloor.ocsf.column import Column, Test, appearing
from watchfloor.ocsf.waiting import Waiting

__all__ = ["Piece", "Records", "tokenise"]

RAW_LIMIT = 64 * 1024
"""How many bytes of a bad record travel with its reason."""

PIECE = 8 << 20
"""Bytes tokenised at a time, so that tables stay in the processor's cache. A longer record is a piece alone."""

LIMIT = 2**31 - 1
"""Bytes of one piece, and of all distinct values of a batch: texts are addressed with 32 bits."""

AT_ONCE = 1 << 14
"""Values whose texts are laid side by side for a test."""

TESTS = 16
"""Tests of all values of a batch whose answers are kept."""

_Bytes = npt.NDArray[np.uint8]
_Int64 = npt.NDArray[np.int64]
_Int32 = npt.NDArray[np.int32]
_Uint64 = npt.NDArray[np.uint64]


class Piece(NamedTuple):
    """Some records of a stream as NDJSON.

    Args:
        ndjson: below 2 GiB.
        offsets: int64[n + 1]; record i is `ndjson[offsets[i]:offsets[i + 1]]`, with or without its line end.
        sequence: int64[n], the sequence number of every record.
        received: int64[n], when every record was received, ms since 1970-01-01 UTC.
        again: makes `ndjson` again, for who asks for a record as it was written; None keeps it as long as the records.
    """

    ndjson: bytes | bytearray | memoryview | _Bytes
    offsets: _Int64
    sequence: _Int64
    received: _Int64
    again: Callable[[], bytes] | None = None


def tokenise(pieces: Iterable[Piece], *, source: str, stream: str, size: int = 0) -> tuple[Records, list[Bad]]:
    """Turn records into columns.

    Args:
        pieces: the records; they are numbered through all pieces.
        source: the source they came from.
        stream: the stream of that source.
        size: bytes of all pieces, where that is known: a hint.

    Returns:
        the good records, and the bad ones with their reason. An empty record (or only white space) is in neither: its
        format has already reported it.

    Raises:
        SourceMalformed: the offsets, sequence or received do not fit a piece, or texts are too large for one batch.
    """
    held: list[tuple[int, Callable[[], _Bytes]]] = []
    sequence: list[_Int64] = [np.empty(0, np.int64)]
    received: list[_Int64] = [np.empty(0, np.int64)]
    tables = _Tables(0, 0)
    bad: list[Bad] = []
    count = 0
    for piece in pieces:
        data = piece.ndjson if isinstance(piece.ndjson, np.ndarray) else np.frombuffer(piece.ndjson, np.uint8)
        offsets = _checked(data, piece)
        if not held:
            tables = _Tables(len(data), max(size, len(data)))
        record, refused = tables.add(data, offsets, len(held))
        for number, reason, at in refused.tolist():
            start = int(offsets[number])
            raw = data[start : min(int(offsets[number + 1]), start + RAW_LIMIT)].tobytes()
            bad.append(Bad(count + number, f"{REASONS[reason]} (byte {at})", raw))
        sequence.append(np.asarray(piece.sequence, np.int64)[record])
        received.append(np.asarray(piece.received, np.int64)[record])
        held.append((count, _maker(piece.again, data)))
        count += len(offsets) - 1
    batch = _Batch(tables.done(), held, source, stream, np.concatenate(sequence), np.concatenate(received))
    return Records(batch, np.arange(len(batch.sequence), dtype=np.int64), {}), bad


def _maker(again: Callable[[], bytes] | None, data: _Bytes) -> Callable[[], _Bytes]:
    if again is None:
        return lambda: data
    return lambda: np.frombuffer(again(), np.uint8)


def _checked(data: _Bytes, piece: Piece) -> _Int64:
    """The offsets of a piece that is as it must be."""
    offsets = np.ascontiguousarray(piece.offsets, np.int64)
    count = len(offsets) - 1
    if count < 0 or offsets[0] < 0 or offsets[-1] > len(data) or bool((np.diff(offsets) < 0).any()):
        raise SourceMalformed(f"record offsets do not lie in order within a block of {len(data)} bytes")
    if len(data) > LIMIT:
        raise SourceMalformed(f"a block of {len(data)} bytes is too large", remedy="frame blocks below 2 GiB")
    if len(piece.sequence) != count or len(piece.received) != count:
        raise SourceMalformed(
            f"{count} records in the block, but {len(piece.sequence)} sequence numbers and "
            f"{len(piece.received)} times of receipt"
        )
    return offsets


class Records:
    """Rows of one stream. Immutable; made by `tokenise`.

    Attributes:
        source, stream: where the rows came from.
    """

    __slots__ = ("_added", "_batch", "_columns", "_groups", "_holding", "_names", "_renamed", "_rows", "_shapes")

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
        self._holding: dict[Test, frozenset[str]] = {}
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
        """The number of every row's record among those given to `tokenise`, int64[rows]."""
        batch, rows = self._batch, self._rows
        first = np.array([first for first, _ in batch.pieces] or [0], np.int64)
        return first[batch.table.piece[rows]] + batch.table.record[rows]

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
        table = self._batch.table
        data, start = self._batch.text(int(table.piece[at])), table.start[at]
        return bytes(data[start : start + table.length[at]])

    # -- columns --------------------------------------------------------------------------------------------------

    @property
    def names(self) -> tuple[str, ...]:
        """The dotted names present in these rows, in the order of their first appearance.

        A column that a normalisation has added and that waits counts as present until it is made.
        """
        if not self._added:
            return tuple(self._index())
        empty = {name for name, column in self._added.items() if column.known_missing}
        return tuple(name for name in dict.fromkeys((*self._index(), *self._added)) if name not in empty)

    def column(self, name: str) -> Column | None:
        """The text values under one name, distinct; None when no row has it."""
        if name in self._added:
            return None if self._added[name].known_missing else self._added[name]
        column = self._columns.get(name)
        if column is None:
            held = self._index().get(name)
            if held is None:
                return None
            groups = self._grouped()
            columns = [
                Waiting(
                    len(self), pa.string(), partial(groups.column, k), some=True,
                    every=groups.present(k) == len(self), holds=partial(self._batch.holds, int(groups.names[k])),
                )
                for k in held
            ]  # fmt: skip
            column = columns[0]
            if len(held) > 1:
                column = column.coalesce(*columns[1:]).distinct().compact()
            self._columns[name] = column
        return column

    def present(self, name: str) -> int:
        """How many rows have a value under one name; cheaper than the column."""
        if name not in self._added:
            held = self._index().get(name, ())
            if len(held) < 2:
                return self._grouped().present(held[0]) if held else 0
        column = self.column(name)
        return 0 if column is None else int((column.codes >= 0).sum())

    def may_hold(self, test: Test) -> frozenset[str]:
        """The names under which a value may pass a test. Others' certainly do not; these' may be in other records."""
        if test not in self._holding:
            passing = self._batch.passing(test)
            held = frozenset[str]()
            if bool(passing.any()):
                passes = passing[self._grouped().names].tolist()
                held = frozenset(name for name, groups in self._index().items() if any(passes[k] for k in groups))
            self._holding[test] = held | self._added.keys()
        return self._holding[test]

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
            shape_of = batch.shape_of[self._rows]
            first, codes = appearing(shape_of.astype(np.int64))
            sets: dict[frozenset[str], int] = {}
            moved = np.empty(len(first), np.int32)
            for i, shape in enumerate(shape_of[first].tolist()):
                names = batch.shape_names(shape)
                if self._renamed:
                    names = frozenset(self._renamed.get(name, name) for name in names)
                moved[i] = sets.setdefault(names, len(sets))
            self._shapes = moved[codes], list(sets)
        return self._shapes

    # -- other views ----------------------------------------------------------------------------------------------

    def take(self, rows: npt.NDArray[Any] | Sequence[int]) -> Records:
        """The given rows, in that order (or a mask of rows)."""
        index = np.asarray(rows)
        if index.dtype != np.bool_:
            index = index.astype(np.int64, copy=False)
        added = {name: column.take(index).compact() for name, column in self._added.items()}
        return Records(self._batch, self._rows[index], self._renamed, added)

    def joined(self, others: Sequence[Records]) -> Records:
        """The rows of this view, then those of other views of the same batch, under the names they came with."""
        rows = self._rows if not others else np.concatenate([self._rows, *(other._rows for other in others)])
        return Records(self._batch, rows, {})

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
        added = {names.get(name, name): column for name, column in self._added.items()}
        result = Records(self._batch, self._rows, renamed, added)
        result._groups = self._groups
        return result


class _Table(NamedTuple):
    """Tokenised pieces; see `tokenise_block` for the shapes. `record` and `start` count within the row's `piece`."""

    piece: _Int32
    record: _Int64
    start: _Int64
    length: _Int64
    row_ptr: _Int64
    fingerprint: _Uint64
    shape: _Uint64
    tokens: _Int32
    values: _Int64
    arena: _Bytes
    names: _Int64
    name_bytes: _Bytes


class _Tables:
    """The tables of a batch while it grows piece by piece.

    Args:
        size: bytes of the first piece: how large the tables begin.
        whole: bytes of all pieces.
    """

    def __init__(self, size: int, whole: int) -> None:
        size = min(size, PIECE)
        self._state = np.zeros(11, np.int64)
        self._state[PATHS] = 1
        self._tables: dict[int, npt.NDArray[Any]] = {
            TOKENS: np.empty((max(256, whole // 40), 2), np.int32),  # untouched memory costs nothing
            VALUES: np.empty((max(256, size // 96), 3), np.int64),
            ARENA: np.empty(size + PADDING, np.uint8),
            SPELLED: np.empty((max(256, size // 512), 4), np.int64),
            PATHS: np.empty((256, 6), np.int64),
            NAMES: np.empty((256, 4), np.int64),
            NAME_BYTES: np.empty(1 << 14, np.uint8),
        }
        # the object itself; no key can find it
        self._tables[PATHS][0] = (0, -1, 0, -1, -1, -1)
        self._slots = {kind: _slots(self._tables[kind], 0) for kind in (VALUES, SPELLED, PATHS, NAMES)}
        self._successors = np.full(SUCCESSORS, -1, np.int32)
        self._recent = np.full(3 * RECENT, np.iinfo(np.uint64).max, np.uint64)
        self._buffer = np.empty(0, np.uint8)
        self._rows: list[tuple[int, _Int64, _Uint64]] = []

    def add(self, data: _Bytes, offsets: _Int64, piece: int) -> tuple[_Int64, _Int64]:
        """Tokenise a piece; returns the numbers of its good records, and (record, reason, byte) of its bad ones."""
        records = len(offsets) - 1
        rows, prints = np.empty((records, 4), np.int64), np.empty((records, 3), np.uint64)
        bad = np.empty((records, 3), np.int64)
        good = refused = first = 0
        while first < records:
            last = records
            if offsets[last] - offsets[first] > PIECE + PIECE // 4:  # a crumb at the end costs as much as it saves
                last = max(int(np.searchsorted(offsets, offsets[first] + PIECE, "right")) - 1, first + 1)
            begin = int(offsets[first])
            self._fill(data[begin : int(offsets[last])])
            made, wrong = self._run(offsets[first : last + 1] - begin, rows[good:], prints[good:], bad[refused:])
            rows[good : good + made, :2] += (first, begin)
            bad[refused : refused + wrong, 0] += first
            good, refused, first = good + made, refused + wrong, last
        self._rows.append((piece, rows[:good], prints[:good]))
        return rows[:good, 0], bad[:refused]

    def _fill(self, text: _Bytes) -> None:
        """The buffer: the text, then padding; and once more padding, which begins with {}."""
        size = len(text)
        need = size + 2 * PADDING
        if not need <= len(self._buffer) <= max(2 * need, 2 * PIECE):
            self._buffer = np.empty(need, np.uint8)
            self._buffer[-PADDING:] = 0
            self._buffer[-PADDING : 2 - PADDING] = (123, 125)
        self._buffer[:size] = text
        self._buffer[size : size + PADDING] = 0

    def _run(self, offsets: _Int64, rows: _Int64, prints: _Uint64, bad: _Int64) -> tuple[int, int]:
        """Tokenise what is in the buffer; returns how many rows and how many bad records it gave."""
        state, tables, slots = self._state, self._tables, self._slots
        state[[RECORD, ROWS, BAD]] = 0
        while full := tokenise_block(
            self._buffer, offsets, _seeds(), state, rows, prints, bad, tables[TOKENS],
            tables[VALUES], slots[VALUES], tables[ARENA], self._recent, tables[SPELLED], slots[SPELLED],
            tables[PATHS], slots[PATHS], self._successors, tables[NAMES], slots[NAMES], tables[NAME_BYTES],
        ):  # fmt: skip
            if full == ARENA:
                self._more_room()
                continue
            tables[full] = _grown(tables[full], 2 * len(tables[full]))
            if full in slots:
                slots[full] = _slots(tables[full], int(state[full]))
        return int(state[ROWS]), int(state[BAD])

    def _more_room(self) -> None:
        """Room for the texts of values: half as much again, and for the longest text there can be in this piece."""
        top, have = int(self._state[ARENA]), len(self._tables[ARENA])
        if top + 2 * len(self._buffer) > LIMIT:
            raise SourceMalformed(
                f"the values of one batch take more than {LIMIT} bytes", remedy="set [engine] batch_records lower"
            )
        self._tables[ARENA] = _grown(self._tables[ARENA], max(have + have // 2, top + 2 * len(self._buffer) + PADDING))

    def done(self) -> _Table:
        """All pieces as one."""
        state, tables = self._state, self._tables
        rows = np.concatenate([np.empty((0, 4), np.int64), *(rows for _, rows, _ in self._rows)])
        prints = np.concatenate([np.empty((0, 3), np.uint64), *(prints for _, _, prints in self._rows)])
        pieces = np.array([piece for piece, _, _ in self._rows], np.int32)
        return _Table(
            np.repeat(pieces, [len(rows) for _, rows, _ in self._rows]),
            rows[:, 0],
            rows[:, 1],
            rows[:, 2],
            np.concatenate([np.zeros(1, np.int64), rows[:, 3]]),
            prints[:, :2],
            prints[:, 2],
            tables[TOKENS][: state[TOKENS]],
            tables[VALUES][: state[VALUES]],
            tables[ARENA],
            tables[NAMES][: state[NAMES]],
            tables[NAME_BYTES][: state[NAME_BYTES]],
        )


def _grown(table: npt.NDArray[Any], length: int) -> npt.NDArray[Any]:
    """The same table with room for `length` entries."""
    larger = np.empty((length, *table.shape[1:]), table.dtype)
    larger[: len(table)] = table
    return larger


def _slots(table: npt.NDArray[Any], used: int) -> _Uint64:
    """A hash table with at least twice as many slots as `table` has room for."""
    slots = np.zeros(1 << (2 * len(table) - 1).bit_length(), np.uint64)
    rebuild(slots, table, used)
    return slots


class _Batch:
    """Tokenised pieces, shared by all views of their rows; per piece the number of its first record, and its maker."""

    def __init__(
        self,
        table: _Table,
        pieces: Sequence[tuple[int, Callable[[], _Bytes]]],
        source: str,
        stream: str,
        sequence: _Int64,
        received: _Int64,
    ) -> None:
        self.table = table
        self.pieces = pieces
        self.source = source
        self.stream = stream
        self.sequence = sequence
        self.received = received
        self._lock = threading.Lock()  # the scratch arrays serve one call at a time
        self._name_scratch = np.zeros(len(table.names), np.int64)
        self._value_scratch = np.zeros(len(table.values), np.int64)
        self._stamps = np.zeros(2, np.int64)
        self._shape_names: dict[int, frozenset[str]] = {}
        self._text: tuple[int, _Bytes] | None = None
        self._passing: dict[Test, npt.NDArray[np.bool_]] = {}

    @functools.cached_property
    def names(self) -> list[str]:
        """The dotted name of every name id."""
        table = self.table
        text = table.name_bytes.tobytes()
        return [text[at : at + length].decode() for at, length in table.names[:, :2].tolist()]

    def text(self, piece: int) -> _Bytes:
        """The NDJSON of a piece; the last one asked for is kept, for records are mostly asked for in order."""
        text = self._text
        if text is None or text[0] != piece:
            text = self._text = (piece, self.pieces[piece][1]())
        return text[1]

    @functools.cached_property
    def _shape_table(self) -> tuple[_Int64, _Int32]:
        """The first row of every distinct shape, in order of appearance, and the shape of every row.

        The hashes are secret and differ from process to process: nothing may be ordered by them.
        """
        return appearing(self.table.shape)

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

    def passing(self, test: Test) -> npt.NDArray[np.bool_]:
        """Per name whether one of the values it has anywhere in the batch passes a test."""
        known = self._passing.get(test)
        if known is None:
            table = self.table
            passes = np.empty(len(table.values), np.bool_)
            for begin in range(0, len(passes), AT_ONCE):
                some = np.arange(begin, min(begin + AT_ONCE, len(passes)), dtype=np.int32)
                passes[some] = test(_texts(*gathered(some, table.arena, table.values)))
            known = np.zeros(len(table.names), np.bool_)
            if bool(passes.any()):
                known[table.tokens[passes[table.tokens[:, 1]], 0]] = True
            if len(self._passing) >= TESTS:
                self._passing.clear()
            self._passing[test] = known
        return known

    def holds(self, name: int, test: Test) -> bool:
        """May a value under a name (its id) pass a test?"""
        return bool(self.passing(test)[name])

    def group(self, rows: _Int64) -> _Groups:
        """The columns of these rows."""
        table = self.table
        with self._lock:
            grouped = group_columns(
                rows,
                table.row_ptr,
                table.tokens,
                self._name_scratch,
                self._value_scratch,
                self._stamps,
            )
        return _Groups(table, len(rows), *grouped)


class _Groups:
    """The tokens of some rows, by name: columns are cut from them, and have their texts copied, when asked for."""

    __slots__ = (
        "_codes", "_columns", "_distinct", "_entry_code", "_entry_ptr", "_entry_row", "_rows", "_table", "_value_ptr",
        "names",
    )  # fmt: skip

    def __init__(
        self,
        table: _Table,
        rows: int,
        names: _Int32,
        entry_ptr: _Int64,
        entry_row: _Int32,
        entry_code: _Int32,
        value_ptr: _Int64,
        distinct: _Int32,
        codes: _Int32,
    ) -> None:
        self.names = names
        self._table = table
        self._rows = rows
        self._entry_ptr = entry_ptr.tolist()
        self._entry_row = entry_row
        self._entry_code = entry_code
        self._value_ptr = value_ptr.tolist()
        self._distinct = distinct
        self._codes = codes if len(codes) else None
        self._columns: dict[int, Column] = {}

    def column(self, k: int) -> Column:
        """The column of the k-th name."""
        known = self._columns.get(k)
        if known is None:
            known = self._columns[k] = self._cut(k)
        return known

    def present(self, k: int) -> int:
        """How many rows have the k-th name."""
        count: int = self._entry_ptr[k + 1] - self._entry_ptr[k]
        return count

    def _cut(self, k: int) -> Column:
        ids = self._distinct[self._value_ptr[k] : self._value_ptr[k + 1]]
        values = _texts(*gathered(ids, self._table.arena, self._table.values))
        entries = slice(self._entry_ptr[k], self._entry_ptr[k + 1])
        bounds = [-1 if entries.stop - entries.start < self._rows else 0, len(ids) - 1]
        if self._codes is not None:
            return Column(self._codes[k], values, bounds)
        codes = np.full(self._rows, -1, np.int32)
        codes[self._entry_row[entries]] = self._entry_code[entries]
        return Column(codes, values, bounds)


def _texts(offsets: _Int32, text: _Bytes) -> pa.Array:
    """Texts as Arrow; the kernel has validated them as UTF-8, record by record."""
    return pa.StringArray.from_buffers(len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(text), None, 0)


@functools.cache
def _seeds() -> _Uint64:
    """This process's secret for the hash tables: without it nobody can choose values that collide."""
    return np.frombuffer(secrets.token_bytes(80), np.uint64).copy()
