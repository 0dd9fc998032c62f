"""Hunts: SQL over the lake, by DuckDB, in a sandbox.

A hunt reads tables of the lake and does nothing else. Three fences, each of which would do for most mischief alone:

    syntax tree   one statement, made of SELECTs only, and only table functions from a list. DuckDB 2.0 takes
                  `WITH x AS (COPY ... TO 'file') SELECT ...` for a SELECT, so its kind of statement alone says nothing
    files         `allowed_directories` = the lake, then external access off, extensions neither installed nor loaded
    settings      memory and threads bounded, Python's variables out of sight, and last of all the configuration locked

The tables are views over the Parquet files that the Delta log names (never a folder listing: that would show files
of killed appends), made when a hunt first mentions them.
"""

from __future__ import annotations

import glob
import json
import logging
import os
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

import duckdb
import pyarrow as pa

from watchfloor.errors import QueryError
from watchfloor.store.lake import Lake
from watchfloor.store.quarantine import SCHEMA as QUARANTINE
from watchfloor.store.quarantine import TABLE as QUARANTINE_TABLE

__all__ = ["Answer", "Hunts"]

log = logging.getLogger(__name__)

NODES = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"})
"""What a hunt's syntax tree may be made of; COPY_QUERY_NODE and its like are how a SELECT writes."""

TABLE_FUNCTIONS = frozenset(
    {
        "duckdb_columns", "duckdb_functions", "duckdb_tables", "duckdb_types", "duckdb_views", "generate_series",
        "generate_subscripts", "json_each", "json_tree", "pragma_table_info", "range", "repeat", "unnest",
    }
)  # fmt: skip
"""Not here, on purpose: whatever opens files (read_text, glob ...) and whatever runs SQL from a text (query ...)."""

EXPLAIN = re.compile(r"\A\s*explain(\s+analyze)?\s+(?=\S)", re.IGNORECASE)
MISSING_TABLE = re.compile(r"Table with name (.+?) does not exist", re.DOTALL)
BATCH_ROWS = 10_000


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What a hunt found.

    Args:
        table: at most `limit` rows.
        more: whether there were more.
    """

    table: pa.Table
    more: bool


class Hunts:
    """Answers SQL over one lake. Needs no lock, writes nothing; not to be shared between threads.

    Args:
        folder: the lake's folder; one that is not there counts as empty.
        known: columns of tables that may be asked for before their first row is there.
        memory: bound for one hunt, as DuckDB writes it.
        threads: how many cores it may use; all by default.

    Raises:
        StoreNewer, StoreDamaged: the lake cannot be read.
    """

    def __init__(
        self,
        folder: Path,
        *,
        known: Mapping[str, pa.Schema] | None = None,
        memory: str = "1GB",
        threads: int | None = None,
    ) -> None:
        self.folder = Path(folder).resolve()
        self._lake = Lake(self.folder, read_only=True)
        self._known = {QUARANTINE_TABLE: QUARANTINE, **(known or {})}
        self._shown: dict[str, tuple[str, ...] | None] = {}
        self._parser = duckdb.connect(":memory:")
        self._connection = duckdb.connect(
            ":memory:",
            config={
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
                "allow_community_extensions": "false",
                "python_enable_replacements": "false",
            },
        )
        inside = str(self.folder) + os.sep
        for setting in (
            # Twice: DuckDB holds the pattern, not what it finds, against this list.
            f"allowed_directories=[{_literal(inside)}, {_literal(glob.escape(inside))}]",
            "TimeZone='UTC'",
            "temp_directory=''",
            "enable_external_access=false",
            f"memory_limit={_literal(memory)}",
            f"threads={int(threads or os.cpu_count() or 1)}",
            "lock_configuration=true",  # last: from here on nobody changes anything
        ):
            self._connection.execute(f"SET {setting}")

    def tables(self) -> list[str]:
        """Names that a hunt may use, sorted: tables of the lake and those known to come."""
        return sorted({*self._lake.tables(), *self._known})

    def columns(self, name: str) -> pa.Schema:
        """The columns of a table."""
        if name in self._lake.tables():
            return Lake(self.folder, read_only=True).schema(name)
        schema: pa.Schema = self._known[name]
        return schema if "day" in schema.names else schema.append(pa.field("day", pa.string()))

    def ask(self, sql: str, *, limit: int = 10_000) -> Answer:
        """Run one SELECT and give at most `limit` rows. Ctrl-C stops it and the next hunt can be asked.

        Raises:
            QueryError: not a read, not SQL, or it failed; says why, where, and what there is instead.
            KeyboardInterrupt: the user stopped it.
        """
        for name in self._checked(sql):
            self._show(name)
        # In a thread of its own: DuckDB does not always look for a signal while it works, and the main thread can wait
        # for both. Without a signal this costs a fraction of a millisecond.
        with ThreadPoolExecutor(1, "hunt") as worker:
            stop = Event()
            running = worker.submit(self._run, sql, limit, stop)
            try:
                running.exception()
            except BaseException:
                stop.set()
                while not running.done():  # the hunt may not have begun when we first ask it to stop
                    self._connection.interrupt()
                    wait((running,), timeout=0.02)
                raise
        try:
            return running.result()
        except (duckdb.Error, RuntimeError, pa.ArrowException, OSError) as error:
            raise self._explained(error) from error

    def _run(self, sql: str, limit: int, stop: Event) -> Answer:
        relation = self._connection.sql(sql)
        if relation is None:
            return Answer(pa.table({}), False)
        with relation.to_arrow_reader(BATCH_ROWS) as reader:
            batches, rows = [], 0
            for batch in reader:
                batches.append(batch)
                rows += batch.num_rows
                if rows > limit or stop.is_set():
                    break
            table = pa.Table.from_batches(batches, reader.schema)
        return Answer(table.slice(0, limit), rows > limit)

    def close(self) -> None:
        """Let go of everything."""
        self._connection.close()
        self._parser.close()

    # -- inside

    def _checked(self, sql: str) -> set[str]:
        """Names of the tables that a hunt mentions.

        Raises:
            QueryError: it is not one read.
        """
        try:
            statements = self._parser.extract_statements(sql)
        except duckdb.Error as error:
            raise self._explained(error) from error
        if len(statements) != 1:
            raise QueryError(
                "a hunt is one statement" if statements else "there is no statement", remedy="ask one SELECT at a time"
            )
        inner = EXPLAIN.sub("", sql, count=1)
        answer = self._parser.execute("SELECT json_serialize_sql(?::VARCHAR)", [inner]).fetchone()
        tree = json.loads(answer[0]) if answer else {"error": True}
        nodes = list(_nodes(tree))
        forbidden = {node["type"] for node in nodes if str(node.get("type", "")).endswith("_NODE")} - NODES
        if tree["error"] or forbidden:
            raise QueryError(
                "a hunt only reads: SELECT, WITH, VALUES, FROM, DESCRIBE, SUMMARIZE, SHOW TABLES, EXPLAIN",
                remedy="PIVOT reads too once its values are listed: PIVOT t ON column IN (a, b) USING count(*)"
                if "pivot" in sql.lower()
                else "take what you need into a file with: watchfloor hunt ESTATE SQL --json > FILE",
            )
        for node in nodes:
            function = node.get("function")
            if node.get("type") == "TABLE_FUNCTION" and isinstance(function, dict):
                name = str(function.get("function_name", "")).lower()
                if name not in TABLE_FUNCTIONS:
                    raise QueryError(
                        f"the table function {name}() is not for hunts",
                        remedy="ask the tables of the lake: " + ", ".join(self.tables()),
                    )
        mentioned = {str(node["table_name"]).lower() for node in nodes if node.get("table_name")}
        names = set(self.tables())
        return names & mentioned or names

    def _show(self, name: str) -> None:
        """Make table `name` stand for what the lake holds now."""
        files = tuple(self._lake.files(name)) if name in self._lake.tables() else ()
        if name in self._shown and self._shown[name] == files:
            return
        if files:
            listed = ", ".join(_literal(glob.escape(file)) for file in files)
            text = (
                f"CREATE OR REPLACE VIEW {_quoted(name)} AS SELECT * {self._whole(name)} "
                f"FROM read_parquet([{listed}], union_by_name=true, "
                "hive_partitioning=true, hive_types={'day': 'VARCHAR'})"
            )
            if self._shown.get(name) == ():
                self._connection.unregister(name)
            try:
                self._connection.execute(text)
            except duckdb.Error as error:
                raise self._explained(error) from error
        else:
            self._connection.register(name, self.columns(name).empty_table())
        self._shown[name] = files

    def _whole(self, name: str) -> str:
        """Objects in objects are read whole.

        DuckDB 2.0.0 reads only the attribute that is asked for, and fails where a file has the outer object (`actor`)
        but not the one in it (`actor.user`); what it cannot look through, it does not take apart.
        """
        outer = [
            _quoted(field.name)
            for field in self.columns(name)
            if pa.types.is_struct(field.type) and any(pa.types.is_struct(inner.type) for inner in field.type)
        ]
        return f"REPLACE ({', '.join(f'coalesce({one}, NULL) AS {one}' for one in outer)})" if outer else ""

    def _explained(self, error: Exception) -> QueryError:
        """DuckDB's message, caret and all, with our advice."""
        message = re.sub(r"\A(\w+ )?Error: ", "", str(error)).strip()
        kind = type(error).__name__
        missing = MISSING_TABLE.search(message)
        if missing:
            caret = message[message.find("\n\nLINE") :] if "\n\nLINE" in message else ""
            return QueryError(
                f"there is no table {missing.group(1)}{caret}", remedy="the tables are: " + ", ".join(self.tables())
            )
        if kind == "OutOfMemoryException":
            remedy = "ask for fewer days or columns, or give hunts more memory"
        elif kind == "PermissionException":
            remedy = "hunts read the lake and nothing else; ask one of: " + ", ".join(self.tables())
        elif kind == "BinderException":
            remedy = "DESCRIBE table_name lists its columns; nested ones are written actor.user.name"
        elif kind == "ParserException":
            remedy = "the caret shows where the SQL stops making sense"
        elif kind in {"IOException", "HTTPException"}:
            remedy = "the lake changed while the hunt ran: ask again"
        else:
            remedy = "change the hunt and ask again"
        return QueryError(message, remedy=remedy)


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Every object of a syntax tree, however deep."""
    stack = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            yield node
            stack.extend(node.values())
        elif isinstance(node, list):
            stack.extend(node)


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
