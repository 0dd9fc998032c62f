"""index.sqlite: the rows of small tables by what one asks for, for whoever has one question and waits for the answer.

    lake/index.sqlite    follows the lake batch by batch, when nothing is waiting; good for nothing else

To ask the lake itself takes Arrow and delta-rs, which alone take half a second to import. The index is derived: it
says up to which batch it has followed, and whoever finds it behind the cursor, or not at all, asks the lake. Deleted,
or broken, it is made anew by the next engine (decisions/one-question.md).
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from watchfloor.store.cursors import CursorFile
from watchfloor.store.lakefile import checked

if TYPE_CHECKING:
    import pyarrow.compute as pc

    from watchfloor.store.lake import Lake

__all__ = ["BUSY", "FILE", "Indexed", "Remembered", "follow"]

FILE = "index.sqlite"
CURSOR = "cursor.json"

KEEP_MS = 31 * 86_400_000
"""Of a table with a horizon, how much before its youngest row is kept."""

LONG_AGO = -(1 << 62)
BUSY = "somebody is asking"

WAIT_S = 1.0
"""How long a question waits while an engine writes; then it asks the lake."""

Row = tuple[Any, ...]


class Indexed(NamedTuple):
    """A table of the lake that is indexed.

    Args:
        columns: which of its columns, `time` among them where it has a horizon.
        by: columns in the order in which rows are looked up.
        only: column -> values; rows with others are left to the lake.
        horizon: rows much older than the youngest are left to the lake.
    """

    columns: tuple[str, ...]
    by: tuple[str, ...]
    only: tuple[tuple[str, tuple[str, ...]], ...] = ()
    horizon: bool = False


# -- the engine's side ------------------------------------------------------------------------------------------------


def follow(lake: Lake, batch: int, tables: Mapping[str, Indexed]) -> str:
    """Take up what the lake's batches have added up to the last committed one. Whoever calls this holds its lock.

    An index that cannot be used is made anew.

    Returns:
        why it has not followed: `BUSY`, or what the disk says; "" when all is well.
    """
    file = lake.folder / FILE
    for again in (False, True):
        try:
            os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640))
            with closing(sqlite3.connect(file, timeout=WAIT_S, isolation_level=None)) as base:
                base.execute("begin immediate")
                _follow(base, lake, batch, tables)
                base.execute("commit")  # else closing rolls back
            return ""
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_BUSY:
                return BUSY
            if again:
                return str(error)
            file.unlink(missing_ok=True)
        except OSError as error:
            return error.strerror or str(error)
    return ""


def _follow(base: sqlite3.Connection, lake: Lake, batch: int, tables: Mapping[str, Indexed]) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc

    held = _state(base, tables)
    if held is not None and held == batch:
        return
    if held is None or held > batch:
        _begin(base, tables)
        held = 0
    for name, one in tables.items():
        where = (pc.field("batch") > held) & (pc.field("batch") <= batch)
        for column, values in one.only:
            where &= pc.field(column).isin(list(values))
        if name not in lake.tables():
            continue
        rows = lake.read(name, _there(lake, name, one.columns), where)
        missing = pa.nulls(rows.num_rows)
        cells = [(rows[c] if c in rows.column_names else missing).to_pylist() for c in one.columns]
        marks = ", ".join("?" * len(one.columns))
        base.executemany(f"insert into {name} values ({marks})", zip(*cells, strict=True))
        if one.horizon:
            (youngest,) = base.execute(f"select max(time) from {name}").fetchone()
            if youngest is not None:
                gone = base.execute(f"delete from {name} where time < ?", (youngest - KEEP_MS,)).rowcount
                if gone:
                    base.execute("update horizon set since = ? where name = ?", (youngest - KEEP_MS, name))
    base.execute("update state set batch = ?", (batch,))


def _there(lake: Lake, name: str, columns: Sequence[str]) -> list[str]:
    known = set(lake.schema(name).names)
    return [column for column in columns if column in known]


def _state(base: sqlite3.Connection, tables: Mapping[str, Indexed]) -> int | None:
    """The batch up to which it has followed; None where it is another's, or nobody's."""
    try:
        row = base.execute("select batch, shape from state").fetchone()
    except sqlite3.OperationalError:
        return None
    return int(row[0]) if row is not None and row[1] == repr(tables) else None


def _begin(base: sqlite3.Connection, tables: Mapping[str, Indexed]) -> None:
    base.execute("drop table if exists state")
    base.execute("drop table if exists horizon")
    base.execute("create table state(batch integer, shape text)")
    base.execute("create table horizon(name text primary key, since integer)")
    base.execute("insert into state values (0, ?)", (repr(tables),))
    for name, one in tables.items():
        base.execute(f"drop table if exists {name}")
        base.execute(f"create table {name}({', '.join(one.columns)})")
        base.execute(f"create index {name}_by on {name}({', '.join(one.by)})")
        if one.horizon:
            base.execute(f"create index {name}_time on {name}(time)")
        base.execute("insert into horizon values (?, ?)", (name, LONG_AGO))


# -- the side of who asks ---------------------------------------------------------------------------------------------


class Remembered:
    """Rows of small tables: out of the index where that has followed to the cursor, else out of the lake.

    Takes no lock and writes nothing.

    Args:
        store: the store's folder.
        tables: what is indexed.

    Raises:
        StoreNewer, StoreDamaged, StoreError: lake or cursor cannot be read.
    """

    def __init__(self, store: Path, tables: Mapping[str, Indexed]) -> None:
        self._lake, self._tables = store / "lake", tables
        checked(self._lake)
        self._base = self._opened(CursorFile(store / CURSOR).read().batch)

    def close(self) -> None:
        """Let go of the index: an engine that wants to go on waits for it."""
        if self._base is not None:
            self._base.close()
        self._base = None

    def __enter__(self) -> Remembered:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def rows(
        self,
        name: str,
        among: Mapping[str, Collection[str]],
        *,
        since: int = LONG_AGO,
        until: int = -LONG_AGO,
    ) -> list[Row]:
        """Rows of an indexed table, in no order, as tuples of its `columns`.

        Args:
            among: column -> values one of which it must have; of a column that is indexed `only` for some, of these.
            since, until: only rows with a `time` in [since, until], UTC epoch milliseconds.
        """
        with self._broken_is_absent():
            if self._base is not None and since >= self.horizon(name):
                return self._from_index(name, among, since, until)
        return self._from_lake(name, among, since, until)

    def horizon(self, name: str) -> int:
        """Rows with a `time` before this the index has not got, UTC epoch milliseconds."""
        with self._broken_is_absent():
            if self._base is not None:
                (since,) = self._base.execute("select since from horizon where name = ?", (name,)).fetchone()
                return int(since)
        return LONG_AGO

    def lake(self) -> Lake:
        """The lake itself, for who needs columns."""
        from watchfloor.store.lake import Lake

        return Lake(self._lake, read_only=True)

    # -- inside

    def _opened(self, batch: int) -> sqlite3.Connection | None:
        try:
            base = sqlite3.connect(f"file:{quote(str(self._lake / FILE))}?mode=ro", uri=True, timeout=WAIT_S)
        except sqlite3.DatabaseError:
            return None
        try:
            base.execute("begin")  # from here on it is as it is now
            if _state(base, self._tables) == batch:
                return base
        except sqlite3.DatabaseError:
            pass
        base.close()
        return None

    @contextmanager
    def _broken_is_absent(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError:
            self.close()

    def _from_index(self, name: str, among: Mapping[str, Collection[str]], since: int, until: int) -> list[Row]:
        assert self._base is not None
        tests = [f"{column} in ({', '.join('?' * len(values))})" for column, values in among.items()]
        given: list[Any] = [value for values in among.values() for value in values]
        if self._tables[name].horizon:
            tests.append("time between ? and ?")
            given += [since, until]
        return self._base.execute(
            f"select {', '.join(self._tables[name].columns)} from {name} where {' and '.join(tests or ['true'])}", given
        ).fetchall()

    def _from_lake(self, name: str, among: Mapping[str, Collection[str]], since: int, until: int) -> list[Row]:
        import pyarrow.compute as pc

        lake, one = self.lake(), self._tables[name]
        if name not in lake.tables():
            return []
        where: pc.Expression = pc.scalar(True)
        for column, values in among.items():
            where &= pc.field(column).isin(list(values))
        if one.horizon:
            where &= (pc.field("time") >= since) & (pc.field("time") <= until)
        rows = lake.read(name, _there(lake, name, one.columns), where)
        missing = [None] * rows.num_rows
        cells = [rows[column].to_pylist() if column in rows.column_names else missing for column in one.columns]
        return list(zip(*cells, strict=True))
