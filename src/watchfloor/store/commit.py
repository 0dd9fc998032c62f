"""One batch into the lake, exactly once, whatever happens in between.

    1  intent    batch number and the range of each source: durable
    2  appends   one per table, each an application transaction (application, batch): durable, idempotent
    3  cursor    positions and batch number, intent gone: durable

A process killed before 1 has done nothing. Killed between 1 and 3, `pending` gives the intent to the next one, which
makes exactly that batch again: tables that have it already skip it, the others take it. Killed after 3, it is done.
So a batch is whole before the next begins, and no row is ever doubled or lost. Making the same batch again must give
the same rows; everything on the path is a pure function of the records, and `Intent.maker` shows where it is not
(watchfloor, a rule or a mapping was changed between the crash and the restart).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from watchfloor.errors import StoreError
from watchfloor.store.cursors import Cursor, CursorFile, Intent
from watchfloor.store.lake import Parts

if TYPE_CHECKING:
    import pyarrow as pa

    from watchfloor.store.lake import Lake

__all__ = ["Committed", "Committer", "Intent"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Committed:
    """What one commit did.

    Args:
        rows: per table the rows of the batch.
        skipped: tables that had them already, from before a crash.
    """

    batch: int
    rows: Mapping[str, int]
    skipped: tuple[str, ...] = ()


class Committer:
    """Commits batches in order. One per estate: the estate's lock sees to that.

    Args:
        lake: where the tables are.
        cursor: the cursor's file.
        application: under which name the lake remembers the batches.
    """

    def __init__(self, lake: Lake, cursor: Path, *, application: str = "watchfloor") -> None:
        self._lake = lake
        self._file = CursorFile(cursor)
        self._application = application
        self._cursor = self._file.read()

    @property
    def cursor(self) -> Cursor:
        """What has been committed."""
        return self._cursor

    @property
    def positions(self) -> dict[str, int]:
        """Per source the sequence of the last committed record: where reading the landing goes on."""
        return dict(self._cursor.positions)

    def pending(self) -> Intent | None:
        """The batch that a process died over; it has to be made and committed again before any other."""
        return self._cursor.intent

    def begin(self, end: Mapping[str, int], *, maker: str = "") -> Intent:
        """Declare the next batch: everything behind the committed positions up to `end`.

        Args:
            end: per source the sequence of the last record; a source it does not name has no part in the batch.
            maker: see Intent.

        Raises:
            StoreError: a batch is pending, or `end` lies before what is committed.
        """
        if self._cursor.intent is not None:
            raise StoreError("a batch is pending", file=self._file.path, remedy="commit Committer.pending() first")
        start = {source: self._cursor.positions.get(source, 0) for source in end}
        for source, sequence in end.items():
            if sequence < start[source]:
                raise StoreError(
                    f"{source!r} is committed up to {start[source]}, the batch ends at {sequence}",
                    file=self._file.path,
                    remedy="the landing holds less than the lake: restore it, or open it with committed=",
                )
        intent = Intent(self._cursor.batch + 1, start, dict(end), maker)
        self._save(Cursor(self._cursor.batch, self._cursor.positions, intent))
        return intent

    def commit(
        self,
        intent: Intent,
        tables: Mapping[str, pa.Table | list[pa.Table] | Parts],
        *,
        more: Mapping[str, Mapping[str, Parts]] | None = None,
    ) -> Committed:
        """Append all tables of the batch, then move the cursor.

        Args:
            tables: per class name the nested table, or several that become one, or what `Lake.write` made of it;
                findings are `detection_finding`, what could not be read or mapped is `quarantine`.
            more: per application what else goes into tables, some of which the batch itself goes into.

        Raises:
            StoreError: `intent` is not the one begun or pending; or the disk refuses, and the batch stays pending.
        """
        if intent != self._cursor.intent:
            raise StoreError("not the batch that was begun", file=self._file.path, remedy="begin() or pending() first")
        rows: dict[str, int] = {}
        skipped: list[str] = []
        for name in sorted(tables):
            given = tables[name]
            table = _joined(given) if isinstance(given, list) else given
            if len(table) == 0:
                continue
            rows[name] = len(table)
            add = self._lake.take if isinstance(table, Parts) else self._lake.append
            if not add(name, table, application=self._application, version=intent.batch):
                skipped.append(name)
        for application, others in (more or {}).items():
            for name in sorted(others):
                if len(others[name]):
                    rows[name] = rows.get(name, 0) + len(others[name])
                    self._lake.take(name, others[name], application=application, version=intent.batch)
        self._save(Cursor(intent.batch, {**self._cursor.positions, **intent.end}))
        return Committed(intent.batch, rows, tuple(skipped))

    def _save(self, cursor: Cursor) -> None:
        self._file.write(cursor)
        self._cursor = cursor


def _joined(tables: list[pa.Table]) -> pa.Table:
    """Tables of one class one behind the other; columns and nested fields that one lacks are null there."""
    import pyarrow as pa

    from watchfloor.store.shape import canonical, fitted, settled

    if len(tables) == 1:
        return tables[0]
    schema = None
    for table in tables:
        schema = settled(schema, table.schema)
    parts = []
    for table in tables:
        part = fitted(table, schema)
        # Dictionaries of different batches cannot be joined inside structs.
        parts.append(part.cast(pa.schema([pa.field(field.name, canonical(field.type)) for field in part.schema])))
    return pa.concat_tables(parts, promote_options="permissive")
