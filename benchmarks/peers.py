"""The same rules over the same events with other engines, each in a process of its own on the same core.

* pySigma's SQLite backend writes the queries, Python's sqlite3 runs them over a table with an index on EventID: the way
  Zircolite works.
* pySigma's DuckDB backend writes the queries, DuckDB runs them over a table of the same records, with one thread.

Both get the records laid flat under Sigma's field names (`tests/detect/sqlite_peer.py`): the work that our mapping
does is done for them, and its time is not counted. Loading their table is, as `loaded`.

Zircolite itself is not on the package index. RSigma, Tenzir and Hayabusa are no Python packages that can stand beside
us here: `detection-kernel` figures of theirs are from another day and another program.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import time
import venv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from benchmarks import duckdb_queries, machine

NAMES = {"sqlite": "pySigma SQLite backend", "duckdb": "pySigma DuckDB backend"}


@dataclass(frozen=True, slots=True)
class Peer:
    """What came of it. CPU seconds: `loaded` fills the table from flat records, `asked` runs all queries."""

    events: int
    rules: int
    hits: int
    loaded: float
    asked: float
    peak: float


def queries(rules: Sequence[Path], folder: Path) -> tuple[dict[str, Path], list[str]]:
    """The rules as SQL, by peer, as files; and why a peer is missing."""
    from tests.detect import sqlite_peer

    made = {"sqlite": folder / "sqlite.json"}
    made["sqlite"].write_text(json.dumps(sqlite_peer.queries(rules)[0]))
    try:
        found = _duckdb(sqlite_peer.documents(rules)[0], folder)
    except (OSError, subprocess.SubprocessError) as problem:
        return made, [f"pySigma DuckDB backend not measured: {duckdb_queries.REQUIREMENT} cannot be had ({problem})"]
    made["duckdb"] = folder / "duckdb.json"
    made["duckdb"].write_bytes(found)
    return made, []


def _duckdb(rules: Mapping[str, Any], folder: Path) -> bytes:
    """Conversion in an environment of its own.

    Raises:
        OSError, SubprocessError: there is no package index, or the package is not there.
    """
    home = folder / "duckdb-backend"
    venv.create(home, with_pip=True)
    python = str(home / "bin" / "python")
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", duckdb_queries.REQUIREMENT]
    subprocess.run(install, check=True, stdout=sys.stderr, timeout=180)
    done = subprocess.run(
        [python, duckdb_queries.__file__],
        input=json.dumps(rules, default=str).encode(), stdout=subprocess.PIPE, check=True,
    )  # fmt: skip
    return done.stdout


def asked(engine: str, conditions: Path, file: Path, records: int) -> Peer:
    """Measure in a process of its own; only the first `records` events: SQL's time grows with their number."""
    given = {"engine": engine, "conditions": str(conditions), "file": str(file), "records": records}
    command = [sys.executable, "-m", "benchmarks.peers", json.dumps(given)]
    done = subprocess.run(command, stdout=subprocess.PIPE, cwd=machine.PROJECT, check=True)
    return Peer(**json.loads(done.stdout))


def main(engine: str, conditions: str, file: str, records: int) -> Peer:
    """The measured process."""
    machine.pin()
    from tests.detect import sqlite_peer

    wanted: dict[str, str] = json.loads(Path(conditions).read_text())
    with open(file, "rb") as opened:
        rows = [sqlite_peer.flat(orjson.loads(line)) for line in islice(opened, records)]
    columns = _columns(wanted.values())
    began = time.process_time()
    if engine == "sqlite":
        table = sqlite_peer.database(rows, columns)
        loaded = time.process_time() - began
        began = time.process_time()
        found, failed = sqlite_peer.hits(table, wanted)
        hits = sum(len(numbers) for numbers in found.values())
    else:
        base = _duckdb_table(rows, columns)
        loaded = time.process_time() - began
        began = time.process_time()
        hits, failed = _duckdb_hits(base, wanted)
    taken = time.process_time() - began
    return Peer(len(rows), len(wanted) - len(failed), hits, loaded, taken, machine.peak_mb())


def _columns(conditions: Iterable[str]) -> set[str]:
    """Every word of the queries that may be a column: a superset does no harm."""
    words = re.compile(r"\"([^\"]+)\"|\b([A-Za-z_]\w*)\b(?=\s*(?:=|ILIKE|LIKE|GLOB|IS|REGEXP|IN|[<>]|,|\)))")
    return {
        quoted or plain
        for condition in conditions
        for quoted, plain in words.findall(re.sub(r"'(?:[^']|'')*'", "''", condition))
    } - {"NULL", "NOT", "AND", "OR", "logs"}


def _duckdb_table(rows: Sequence[Mapping[str, str]], columns: Iterable[str]) -> Any:
    """Text columns, EventID a number; DuckDB's names know no case, as SQLite's do not."""
    import duckdb
    import pyarrow as pa

    names: dict[str, str] = {}
    for name in (*columns, *(name for row in rows for name in row)):
        names.setdefault(name.lower(), name)
    lowered = [{name.lower(): value for name, value in row.items()} for row in rows]
    arrays = {}
    for lower, name in names.items():
        values = pa.array([row.get(lower) for row in lowered], pa.string())
        arrays[name] = values.cast(pa.int64()) if lower == "eventid" else values
    base = duckdb.connect()
    base.execute("SET threads = 1")
    made = pa.table(arrays)  # noqa: F841 - the query below reads it
    base.execute("CREATE TABLE logs AS SELECT * FROM made")
    return base


def _duckdb_hits(base: Any, conditions: Mapping[str, str]) -> tuple[int, dict[str, str]]:
    import duckdb

    hits = 0
    failed: dict[str, str] = {}
    for rule, condition in conditions.items():
        try:
            hits += len(base.execute(f"SELECT rowid FROM logs WHERE {condition}").fetchall())
        except duckdb.Error as error:
            failed[rule] = str(error)
    return hits, failed


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("asked", help="the arguments of `main` as a JSON object")
    print(json.dumps(asdict(main(**json.loads(parser.parse_args().asked)))))
