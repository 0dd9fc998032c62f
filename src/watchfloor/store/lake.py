"""The lake: one Delta table per OCSF class, partitioned by day, that anything which reads Delta can read.

    lake/lake.json                       format version
    lake/<class name>/day=YYYY-MM-DD/    Parquet, zstd
    lake/<class name>/_delta_log/        Delta protocol, reader 1, writer 2: no deletion vectors, no column mapping
    lake/.parts/                         Parquet files that belong to no table yet

Tables are made, checkpointed, compacted and vacuumed by delta-rs. Appending, the one thing done all day, is written
here, for three reasons (decisions/delta-and-duckdb.md): an append must be on the disk, not in the page cache, before
the cursor moves; its cost must not grow with the table (delta-rs: 9 ms at ten files, 170 at a thousand); and no Arrow
table ever crosses into delta-rs, which aborts the whole process over a sliced nested one.

An append is what the Delta protocol calls a blind append: Parquet files first, then one log entry holding `add`, the
application's `txn` and, when columns are new, `metaData`; the entry is put in place by link(2), which fails when that
version exists already. The same (application, version) is appended once. The two halves can be had apart: `write` makes
files that belong to no table yet, in any process, and `take` takes them in, in the one process that appends.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import DeltaTable, Schema, WriterProperties
from deltalake.exceptions import DeltaError

from watchfloor.clock import now_ms
from watchfloor.errors import StoreDamaged, StoreError, StoreNewer
from watchfloor.store.disk import explained, make_folder, replace_durably, sync_folder, write_all
from watchfloor.store.lakefile import FILE, FORMAT, READER, WRITER, checked
from watchfloor.store.shape import fitted, settled, stands

if TYPE_CHECKING:
    from pyarrow.dataset import Dataset

__all__ = ["APPLICATION", "FORMAT", "Lake", "Parts", "days"]

log = logging.getLogger(__name__)

APPLICATION = "watchfloor"

CONFIGURATION = {
    "delta.enableDeletionVectors": "false",
    "delta.columnMapping.mode": "none",
    "delta.logRetentionDuration": "interval 1 days",
    "delta.deletedFileRetentionDuration": "interval 1 days",
    "delta.checkpointInterval": "64",
}
CHECKPOINT_EVERY = 64
COMPACT_EVERY = 64
"""Appends to one table after which `due` names it."""

TARGET_BYTES = 128 << 20
ROW_GROUP = 65_536
"""Rows written at a time by a compaction: with delta-rs' own million it takes half a gigabyte."""

BUSY_TIMES = 8
"""How many times more files a table may gather while records are waiting."""

VACUUM_HOURS = 24
NAME = re.compile(r"[a-z][a-z0-9_]{0,100}")
PARTS = ".parts"
"""Folder of files that have been written and belong to no table yet."""

FIRST_DAY, LAST_DAY = np.datetime64("0001-01-01", "D"), np.datetime64("9999-12-31", "D")


def days(time: pa.ChunkedArray | pa.Array) -> np.ndarray[Any, np.dtype[np.datetime64]]:
    """The UTC day of each time in ms since the epoch, held within the years 1 to 9999; without a time 1970-01-01."""
    ms = (
        time.fill_null(0).to_numpy(zero_copy_only=False) if isinstance(time, pa.Array) else time.fill_null(0).to_numpy()
    )
    whole = np.floor_divide(np.asarray(ms, np.int64), 86_400_000).astype("datetime64[D]")
    clipped: np.ndarray[Any, np.dtype[np.datetime64]] = np.clip(whole, FIRST_DAY, LAST_DAY)
    return clipped


@dataclass(slots=True)
class _Table:
    """What is remembered of one Delta table, so that an append reads nothing."""

    path: Path
    version: int
    schema: pa.Schema
    """Without `day`."""
    identity: str
    created: int
    configuration: Mapping[str, str]
    committed: dict[str, int] = field(default_factory=dict)
    appended: int = 0
    """Appends since the last compaction, as far as this process knows."""
    _settled: tuple[pa.Schema, pa.Schema, pa.Schema] | None = None

    def settled(self, brought: pa.Schema) -> pa.Schema:
        """As `shape.settled`; batches mostly bring what the one before brought."""
        known = self._settled
        if known is None or not (known[0].equals(self.schema) and known[1].equals(brought)):
            known = self._settled = (self.schema, brought, settled(self.schema, brought))
        return known[2]


@dataclass(frozen=True, slots=True)
class _Written:
    """One Parquet file; `first` and `last` are the lowest and highest `time`, None where a row has none."""

    name: str
    size: int
    day: str
    rows: int
    first: int | None
    last: int | None

    @property
    def path(self) -> str:
        """Where it lies in its table."""
        return f"day={self.day}/{self.name}"


@dataclass(frozen=True, slots=True)
class Parts:
    """Rows for one table that are on the disk and in no table yet; what `Lake.write` makes and `Lake.take` takes.

    Args:
        brought: the columns as they came, without `day`.
        schema: the columns as they were written.
        files: one per day.
    """

    brought: pa.Schema
    schema: pa.Schema
    files: tuple[_Written, ...]

    def __len__(self) -> int:
        return sum(file.rows for file in self.files)


class Lake:
    """All tables of one estate. One process appends (the estate's lock); any number may read.

    Args:
        folder: the lake's folder; made when it is not there, unless `read_only`.
        compact_every: appends after which a table is due to be compacted.
        durable: sync every file before an append returns. Off only where losing power may lose data (benchmarks).

    Raises:
        StoreNewer: written by a newer watchfloor.
        StoreError, StoreFull: the disk refuses.
    """

    def __init__(
        self, folder: Path, *, read_only: bool = False, durable: bool = True, compact_every: int = COMPACT_EVERY
    ) -> None:
        self.folder = Path(folder)
        self._compact_every = compact_every
        self._durable = durable
        self._tables: dict[str, _Table] = {}
        if not checked(self.folder) and not read_only:
            make_folder(self.folder)
            replace_durably(self.folder / FILE, json.dumps({"format": FORMAT}).encode())

    # -- looking

    def tables(self) -> list[str]:
        """Names of all tables, sorted."""
        try:
            entries = sorted(os.listdir(self.folder))
        except FileNotFoundError:
            return []
        return [name for name in entries if NAME.fullmatch(name) and _is_table(self.folder / name)]

    def schema(self, name: str) -> pa.Schema:
        """The columns of a table, `day` last."""
        return self._open(name).schema.append(pa.field("day", pa.string()))

    def committed(self, name: str, application: str = APPLICATION) -> int | None:
        """The version of the last append of `application`; None when the table has none of it."""
        if not (NAME.fullmatch(name) and _is_table(self.folder / name)):
            return None
        table = self._open(name)
        if application not in table.committed:
            version = _delta(table.path).transaction_version(application)
            if version is None:
                return None
            table.committed[application] = version
        return table.committed[application]

    def files(self, name: str) -> list[str]:
        """Paths of the Parquet files that make up a table now."""
        return sorted(unquote(uri.removeprefix("file://")) for uri in _delta(self.folder / name).file_uris())

    def read(self, name: str, columns: Sequence[str] | None = None, where: pc.Expression | None = None) -> pa.Table:
        """Rows of a table, in memory: for the small ones that an engine starts from. Hunts ask DuckDB.

        Args:
            columns: those wanted; None takes all, `day` last.
            where: rows wanted; Parquet's statistics keep row groups without any from being read.

        Returns:
            In no order. No such table gives no rows and no columns.
        """
        if not (NAME.fullmatch(name) and _is_table(self.folder / name)):
            return pa.table({})
        return self._dataset(name).to_table(columns=None if columns is None else list(columns), filter=where)

    def scan(self, name: str, where: pc.Expression | None = None, *, rows: int = ROW_GROUP) -> Iterator[pa.Table]:
        """The same of large tables: so many rows at a time, without `day`."""
        if not (NAME.fullmatch(name) and _is_table(self.folder / name)):
            return
        columns = [field.name for field in self.schema(name) if field.name != "day"]
        for batch in self._dataset(name).to_batches(columns, filter=where, batch_size=rows, batch_readahead=1):
            if batch.num_rows:
                yield pa.Table.from_batches([batch])

    def days(self, name: str) -> list[str]:
        """The days of which a table has rows, sorted; "2026-03-01"."""
        if not (NAME.fullmatch(name) and _is_table(self.folder / name)):
            return []
        return sorted({Path(file).parent.name.removeprefix("day=") for file in self.files(name)})

    def _dataset(self, name: str) -> Dataset:
        import pyarrow.dataset as ds  # takes a tenth of a second, and appending does without

        return ds.dataset(
            self.files(name),
            schema=self.schema(name),
            format="parquet",
            partitioning=ds.partitioning(pa.schema([("day", pa.string())]), flavor="hive"),
            partition_base_dir=str(self.folder / name),
        )

    # -- appending

    def append(self, name: str, table: pa.Table, *, application: str = APPLICATION, version: int) -> bool:
        """Append events of one class as one transaction; the same (application, version) again does nothing.

        Args:
            name: OCSF class name, or `quarantine`.
            table: nested, with an int64 column `time` in ms since the epoch; strings may be dictionary-encoded, slices
                and chunks are welcome. Columns the table lacks are added to it.
            version: grows by batch; versions at or below the last committed one count as appended.

        Returns:
            True when rows were appended, False when this had been done before or there are no rows.

        Raises:
            StoreFull, StoreError: the disk refuses; the table is as it was before.
        """
        if len(table) == 0 or self._done(name, application, version):
            return False
        return self.take(name, self.write(table, self.columns(name)), application=application, version=version)

    def columns(self, name: str) -> pa.Schema | None:
        """What `write` wants to know of a table: its columns without `day`; None when there is no such table yet."""
        return self._open(name).schema if name in self._tables or _is_table(self.folder / name) else None

    def write(self, table: pa.Table, columns: pa.Schema | None) -> Parts:
        """Write rows as files, synced, that belong to no table yet. Any process may; delta-rs has no part in it.

        Args:
            table: as for `append`.
            columns: those of the table that will take them, as far as they are known.

        Raises:
            StoreFull, StoreError: the disk refuses.
        """
        brought = _without_day(table.schema)
        fit = fitted(_plain(table), settled(columns, brought))
        day = days(table["time"])
        distinct = np.unique(day)
        try:
            (self.folder / PARTS).mkdir(exist_ok=True)
            files = [
                self._write_day(str(one), fit if len(distinct) == 1 else fit.filter(pa.array(day == one)))
                for one in distinct
            ]
        except OSError as error:
            raise explained(error, self.folder) from error
        return Parts(brought, fit.schema, tuple(files))

    def take(self, name: str, parts: Parts, *, application: str = APPLICATION, version: int) -> bool:
        """Append what `write` has written; otherwise as `append`.

        Columns that came into the table in the meantime may differ in type from those that were written: such parts
        are written again, as if they had come later.
        """
        if len(parts) == 0 or self._done(name, application, version):
            self._drop(parts)
            return False
        held = self._tables.get(name)
        if held is None:
            held = self._create(name, settled(None, parts.brought))
        schema = held.settled(parts.brought)
        try:
            if not stands(parts.schema, schema):
                parts = self._written_again(parts, schema)
            self._move(held.path, parts)
            return self._commit(held, schema, parts.files, application, version)
        except OSError as error:
            raise explained(error, held.path) from error

    def _done(self, name: str, application: str, version: int) -> bool:
        if not NAME.fullmatch(name):
            raise StoreError(f"{name!r} cannot be the name of a table", remedy="OCSF class names: a-z, 0-9 and _")
        done = self.committed(name, application)
        return done is not None and done >= version

    def _write_day(self, day: str, part: pa.Table) -> _Written:
        file = self.folder / PARTS / f"part-{uuid.uuid4()}.zstd.parquet"
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        try:
            with pa.PythonFile(os.fdopen(descriptor, "wb", closefd=False), "w") as sink:
                pq.write_table(
                    part,
                    sink,
                    compression="zstd",
                    compression_level=1,
                    store_schema=False,
                    write_statistics=[field.name for field in part.schema if not pa.types.is_nested(field.type)],
                )
            if self._durable:
                os.fsync(descriptor)
        except BaseException:
            file.unlink(missing_ok=True)
            raise
        finally:
            size = os.fstat(descriptor).st_size
            os.close(descriptor)
        time = part["time"].to_numpy()
        low, high = (int(time.min()), int(time.max())) if part["time"].null_count == 0 else (None, None)
        return _Written(file.name, size, day, len(part), low, high)

    def _written_again(self, parts: Parts, schema: pa.Schema) -> Parts:
        read = [pq.ParquetFile(self.folder / PARTS / file.name).read() for file in parts.files]
        again = self.write(pa.concat_tables(read), schema)
        self._drop(parts)
        return again

    def _drop(self, parts: Parts) -> None:
        for file in parts.files:
            (self.folder / PARTS / file.name).unlink(missing_ok=True)

    def _move(self, path: Path, parts: Parts) -> None:
        for file in parts.files:
            target = path / file.path
            fresh = not target.parent.is_dir()
            target.parent.mkdir(exist_ok=True)
            os.rename(self.folder / PARTS / file.name, target)
            if self._durable:
                sync_folder(target.parent)
                if fresh:
                    sync_folder(path)

    def _commit(
        self, table: _Table, schema: pa.Schema, written: tuple[_Written, ...], application: str, version: int
    ) -> bool:
        now = now_ms()
        while True:
            actions: list[dict[str, Any]] = [
                {"commitInfo": {"timestamp": now, "operation": "WRITE", "operationParameters": {"mode": "Append"},
                                "isBlindAppend": True, "engineInfo": APPLICATION}},
                {"txn": {"appId": application, "version": version, "lastUpdated": now}},
            ]  # fmt: skip
            if not schema.equals(table.schema):
                actions.append(_meta_data(table, schema))
            actions += [_add(part, now) for part in written]
            data = "\n".join(json.dumps(action, separators=(",", ":")) for action in actions).encode()
            if self._put(table.path / "_delta_log", table.version + 1, data):
                break
            self._reload(table)  # compaction, or somebody's hand, committed in between
            table.committed.pop(application, None)
            if (self.committed(table.path.name, application) or -1) >= version:
                return False  # the files just written stay unnamed until a vacuum
            schema = settled(table.schema, schema)
        table.version += 1
        table.schema = schema
        table.committed[application] = version
        table.appended += 1
        if table.version % CHECKPOINT_EVERY == 0:
            self._checkpoint(table)
        return True

    def _put(self, folder: Path, version: int, data: bytes) -> bool:
        """Put one log entry in place; False when that version exists."""
        beside = folder / f".{uuid.uuid4()}.tmp"
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        try:
            write_all(descriptor, data)
            if self._durable:
                os.fsync(descriptor)
            os.link(beside, folder / f"{version:020d}.json")
        except FileExistsError:
            return False
        finally:
            os.close(descriptor)
            beside.unlink(missing_ok=True)
        if self._durable:
            sync_folder(folder)
        return True

    # -- tables

    def _open(self, name: str) -> _Table:
        table = self._tables.get(name)
        if table is None:
            table = _Table(self.folder / name, -1, pa.schema([]), "", 0, {})
            self._reload(table)
            self._tables[name] = table
        return table

    def _reload(self, table: _Table) -> None:
        delta = _delta(table.path)
        protocol, about = delta.protocol(), delta.metadata()
        if protocol.min_reader_version > READER or protocol.min_writer_version > WRITER:
            raise StoreNewer(
                f"Delta protocol {protocol.min_reader_version}/{protocol.min_writer_version}, "
                f"this watchfloor knows {READER}/{WRITER}",
                file=table.path,
                remedy="another program upgraded this table: write it anew without deletion vectors and column mapping",
            )
        full = pa.schema(delta.schema().to_arrow())
        table.version = delta.version()
        table.schema = pa.schema([pa.field(f.name, f.type) for f in full if f.name != "day"])
        table.identity, table.created = str(about.id), int(about.created_time or 0)
        table.configuration = dict(about.configuration)
        table.committed = {
            name: done for name in table.committed if (done := delta.transaction_version(name)) is not None
        }

    def _create(self, name: str, schema: pa.Schema) -> _Table:
        path = self.folder / name
        beside = self.folder / f".{uuid.uuid4()}.tmp"  # a kill or a full disk must not leave half a table
        try:
            make_folder(beside)
            DeltaTable.create(
                beside,
                Schema.from_arrow(schema.append(pa.field("day", pa.string()))),
                mode="ignore",
                partition_by=["day"],
                configuration=CONFIGURATION,
            )
            if self._durable:
                entry = beside / "_delta_log" / f"{0:020d}.json"
                descriptor = os.open(entry, os.O_RDONLY)
                os.fsync(descriptor)
                os.close(descriptor)
                sync_folder(entry.parent)
                sync_folder(beside)
            with suppress(OSError):  # what an older watchfloor may have left of a table it never made
                (path / "_delta_log").rmdir()
                path.rmdir()
            try:
                beside.rename(path)
            except OSError:
                if not _is_table(path):
                    raise
            if self._durable:
                sync_folder(self.folder)
        except (OSError, DeltaError) as error:
            raise explained(_refusal(beside, error), path) from error
        finally:
            shutil.rmtree(beside, ignore_errors=True)
        return self._open(name)

    # -- keeping

    def sweep(self) -> int:
        """Remove what kills left half-made or not taken; gives how many. Nobody else may write."""
        patterns = (".*.tmp", "*/_delta_log/.*.tmp", f"{PARTS}/*")
        strays = [stray for pattern in patterns for stray in self.folder.glob(pattern)]
        for stray in strays:
            shutil.rmtree(stray, ignore_errors=True)
            with suppress(OSError):
                stray.unlink()
        return len(strays)

    def _checkpoint(self, table: _Table) -> None:
        """So that opening a table stays quick; a failure costs time, not data."""
        try:
            delta = _delta(table.path)
            delta.create_checkpoint()
            delta.cleanup_metadata()
        except (DeltaError, OSError) as error:
            log.warning("no checkpoint for %s: %s", table.path.name, type(error).__name__)

    def due(self, *, busy: bool = False) -> list[str]:
        """Tables that have gathered enough small files to be worth compacting.

        Args:
            busy: records are waiting: only tables that cannot wait either.
        """
        enough = self._compact_every * (BUSY_TIMES if busy else 1)
        return [name for name, table in self._tables.items() if table.appended >= enough]

    def compact(self, name: str) -> int:
        """Rewrite small files of a table into large ones; readers keep what they see. Gives how many files went."""
        table = self._open(name)
        delta = _delta(table.path)
        done = delta.optimize.compact(
            target_size=TARGET_BYTES,
            max_concurrent_tasks=1,
            writer_properties=WriterProperties(compression="ZSTD", compression_level=3, max_row_group_size=ROW_GROUP),
        )
        self._reload(table)
        table.appended = 0
        return int(done["numFilesRemoved"])

    def vacuum(self, name: str, *, hours: int = VACUUM_HOURS) -> int:
        """Remove files that no version younger than `hours` needs, left-overs of killed appends too; gives how many."""
        delta = _delta(self._open(name).path)
        gone = delta.vacuum(hours, dry_run=False, enforce_retention_duration=False, full=True)
        self._reload(self._tables[name])
        return len(gone)


def _refusal(folder: Path, error: Exception) -> OSError:
    """delta-rs does not say why the disk refused; a write of our own does."""
    if isinstance(error, OSError) and error.errno is not None:
        return error
    try:
        (folder / "probe").write_bytes(bytes(1 << 16))
    except OSError as answer:
        return answer
    return OSError(str(error) or "delta-rs could not make the table")


def _is_table(path: Path) -> bool:
    log = path / "_delta_log"
    return (log / f"{0:020d}.json").is_file() or (log / "_last_checkpoint").is_file()


def _delta(path: Path) -> DeltaTable:
    try:
        return DeltaTable(path)
    except DeltaError as error:
        raise StoreDamaged(
            "the table's Delta log cannot be read",
            file=path,
            remedy="restore the table's folder from a backup, or move it away and replay the landing",
        ) from error


def _without_day(schema: pa.Schema) -> pa.Schema:
    return pa.schema([field for field in schema if field.name != "day"])


def _plain(table: pa.Table) -> pa.Table:
    return table.drop_columns(["day"]) if "day" in table.column_names else table


def _meta_data(table: _Table, schema: pa.Schema) -> dict[str, Any]:
    text = Schema.from_arrow(schema.append(pa.field("day", pa.string()))).to_json()
    return {
        "metaData": {
            "id": table.identity,
            "format": {"provider": "parquet", "options": {}},
            "schemaString": text,
            "partitionColumns": ["day"],
            "configuration": dict(table.configuration),
            "createdTime": table.created,
        }
    }


def _add(part: _Written, now: int) -> dict[str, Any]:
    stats: dict[str, Any] = {"numRecords": part.rows}
    if part.first is not None:
        stats |= {"minValues": {"time": part.first}, "maxValues": {"time": part.last}, "nullCount": {"time": 0}}
    return {
        "add": {
            "path": part.path,
            "partitionValues": {"day": part.day},
            "size": part.size,
            "modificationTime": now,
            "dataChange": True,
            "stats": json.dumps(stats),
        }
    }
