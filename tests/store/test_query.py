"""Hunts read the lake and nothing else."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from watchfloor.errors import QueryError
from watchfloor.store.lake import Lake
from watchfloor.store.query import Hunts

NAME = "process_activity"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(tmp_path / "it's [a] 100% lake")
    actor = pa.array([{"user": {"name": "ann"}}, {"user": {"name": "bob"}}])
    lake.append(NAME, pa.table({"time": [1, 2], "actor": actor}), version=1)
    texts = pa.array([[("k", "v")]], pa.map_(pa.string(), pa.string()))
    lake.append(NAME, pa.table({"time": [86_400_000], "unmapped": texts}), version=2)
    return lake


@pytest.fixture
def hunts(lake: Lake) -> Iterator[Hunts]:
    hunts = Hunts(lake.folder)
    yield hunts
    hunts.close()


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("SELECT count(*) AS n FROM process_activity", [{"n": 3}]),
        ("select actor.user.name from process_activity where time = 2", [{"name": "bob"}]),
        ("select unmapped['k'] v from process_activity where day >= '1970-01-02'", [{"v": "v"}]),
        ("with p as (from Process_Activity) select max(day) d from p", [{"d": "1970-01-02"}]),
        ("select count(*) n from quarantine", [{"n": 0}]),
        ("select 1 a union all values (2) order by 1", [{"a": 1}, {"a": 2}]),
        (
            "with recursive t(n) as (select 1 union all select n+1 from t where n<3) select sum(n)::int s from t",
            [{"s": 6}],
        ),
        ("select count(*) n from range(5)", [{"n": 5}]),
        ("select name from (show tables)", [{"name": NAME}, {"name": "quarantine"}]),
        ("select timezone('UTC', to_timestamp(0)) is not null t", [{"t": True}]),
    ],
)
def test_reading(hunts: Hunts, sql: str, rows: list[dict[str, object]]) -> None:
    assert hunts.ask(sql).table.to_pylist() == rows


@pytest.mark.parametrize(
    "sql", [f"DESCRIBE {NAME}", f"SUMMARIZE {NAME}", f"EXPLAIN SELECT * FROM {NAME}", "SHOW TABLES"]
)
def test_looking_around(hunts: Hunts, sql: str) -> None:
    assert hunts.ask(sql).table.num_rows > 0


FORBIDDEN = [
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM glob('/*')",
    "SELECT * FROM read_parquet('http://198.51.100.1/x.parquet')",
    "SELECT * FROM 'http://198.51.100.1/x.parquet'",
    "COPY (SELECT 1) TO '{lake}/x.csv'",
    "WITH x AS (COPY (SELECT 1) TO '{lake}/x.csv') SELECT * FROM x",
    "SELECT * FROM (WITH x AS (COPY (SELECT 1) TO '{lake}/x.csv') SELECT * FROM x)",
    "EXPLAIN ANALYZE COPY (SELECT 1) TO '{lake}/x.csv'",
    "EXPLAIN ANALYZE WITH x AS (COPY (SELECT 1) TO '{lake}/x.csv') SELECT * FROM x",
    "/**/ EXPLAIN ANALYZE COPY (SELECT 1) TO '{lake}/x.csv'",
    "SELECT * FROM query('WITH x AS (COPY (SELECT 1) TO ''{lake}/x.csv'') SELECT * FROM x')",
    "SELECT 1; COPY (SELECT 1) TO '{lake}/x.csv'",
    "EXPORT DATABASE '{lake}/x.csv'",
    "ATTACH '{lake}/x.csv'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET memory_limit='100GB'",
    "PRAGMA threads=64",
    "RESET lock_configuration",
    "CREATE TABLE t AS SELECT 1",
    "CREATE MACRO f() AS 1",
    "DROP VIEW process_activity",
    "DELETE FROM process_activity",
    "INSERT INTO process_activity VALUES (1)",
    "CALL pragma_version()",
    "SELECT * FROM secret_of_python",
    "CREATE SECRET (TYPE s3)",
]


@pytest.mark.parametrize("sql", FORBIDDEN)
def test_the_sandbox_holds(hunts: Hunts, lake: Lake, sql: str) -> None:
    secret_of_python = pa.table({"x": [1]})
    assert secret_of_python.num_rows == 1
    with pytest.raises(QueryError) as caught:
        hunts.ask(sql.replace("{lake}", str(lake.folder).replace("'", "''")))
    assert caught.value.remedy
    assert not list(lake.folder.glob("x.csv*"))
    assert hunts.ask("SELECT count(*) AS n FROM process_activity").table.to_pylist() == [{"n": 3}]


@pytest.mark.parametrize("sql", ["SELECT * FROM read_text('/etc/passwd')", "COPY (SELECT 1) TO '/tmp/never.csv'",
                                 "INSTALL httpfs", "SET threads=64", "SET lock_configuration=false"])  # fmt: skip
def test_the_inner_fences_hold_alone(hunts: Hunts, sql: str) -> None:
    """Also without the look at the syntax tree nothing gets out."""
    with pytest.raises(Exception, match=r"disabled by configuration|has been locked|Cannot access"):
        hunts._connection.execute(sql)


def test_errors_help(hunts: Hunts) -> None:
    with pytest.raises(QueryError, match=r"LINE 1: SELEC 1\n +\^") as caught:
        hunts.ask("SELEC 1")
    with pytest.raises(QueryError, match="there is no table nope") as caught:
        hunts.ask("SELECT * FROM nope")
    assert "process_activity, quarantine" in (caught.value.remedy or "")
    with pytest.raises(QueryError, match="colour") as caught:
        hunts.ask("SELECT colour FROM process_activity")
    assert "DESCRIBE" in (caught.value.remedy or "")
    with pytest.raises(QueryError, match="no statement"):
        hunts.ask(" -- nothing")
    with pytest.raises(QueryError, match="only reads") as caught:
        hunts.ask("PIVOT process_activity ON day USING count(*)")
    assert "PIVOT t ON" in (caught.value.remedy or "")
    with pytest.raises(QueryError, match="Could not convert"):
        hunts.ask("SELECT CAST('x' AS INT)")


def test_files_with_and_without_an_object_in_an_object(lake: Lake, hunts: Hunts) -> None:
    process = pa.array([{"process": {"name": "sh"}}])
    lake.append(NAME, pa.table({"time": [5], "actor": process}), version=3)
    found = hunts.ask(
        "select actor.user.name u, actor.process.name p from process_activity where time < 9 order by time"
    )
    assert found.table.to_pylist() == [{"u": "ann", "p": None}, {"u": "bob", "p": None}, {"u": None, "p": "sh"}]


def test_limit(hunts: Hunts) -> None:
    answer = hunts.ask("SELECT * FROM range(100000)", limit=7)
    assert (answer.table.num_rows, answer.more) == (7, True)
    answer = hunts.ask("SELECT * FROM range(7)", limit=7)
    assert (answer.table.num_rows, answer.more) == (7, False)
    assert hunts.ask("SELECT 1", limit=1).more is False


def test_memory_is_bounded(lake: Lake) -> None:
    hunts = Hunts(lake.folder, memory="50MB", threads=1)
    with pytest.raises(QueryError, match=r"(?i)memory") as caught:
        hunts.ask("SELECT list(range) FROM range(100000000)")
    assert "memory" in (caught.value.remedy or "")


def test_new_rows_are_seen(lake: Lake, hunts: Hunts) -> None:
    count = "SELECT count(*) AS n FROM process_activity"
    assert hunts.ask(count).table.to_pylist() == [{"n": 3}]
    lake.append(NAME, pa.table({"time": [9]}), version=3)
    lake.append("quarantine", pa.table({"time": [9]}), version=3)
    assert hunts.ask(count).table.to_pylist() == [{"n": 4}]
    lake.compact(NAME)
    lake.vacuum(NAME, hours=0)
    assert hunts.ask(count).table.to_pylist() == [{"n": 4}]
    assert hunts.ask("SELECT count(*) AS n FROM quarantine").table.to_pylist() == [{"n": 1}]
    assert hunts.tables() == [NAME, "quarantine"]
    assert hunts.columns(NAME).names == ["time", "actor", "unmapped", "day"]


@pytest.mark.parametrize("exists", [False, True])
def test_empty_lake(tmp_path: Path, exists: bool) -> None:
    folder = tmp_path / "lake"
    if exists:
        Lake(folder)
    schema = pa.schema([("time", pa.int64()), ("actor", pa.struct([("user", pa.struct([("name", pa.string())]))]))])
    hunts = Hunts(folder, known={"authentication": schema})
    assert hunts.tables() == ["authentication", "quarantine"]
    answer = hunts.ask("SELECT actor.user.name, day FROM authentication")
    assert answer.table.num_rows == 0
    assert answer.table.column_names == ["name", "day"]
    assert folder.exists() == exists


def test_files_of_killed_appends_are_not_seen(lake: Lake, hunts: Hunts) -> None:
    file = Path(lake.files(NAME)[0])
    (file.parent / "part-never-committed.parquet").write_bytes(file.read_bytes())
    assert hunts.ask("SELECT count(*) AS n FROM process_activity").table.to_pylist() == [{"n": 3}]


def test_ctrl_c_stops_a_hunt_and_not_the_hunter(tmp_path: Path) -> None:
    code = textwrap.dedent("""
        import os, signal, sys, threading
        from pathlib import Path
        from watchfloor.store.query import Hunts
        signal.signal(signal.SIGINT, signal.default_int_handler)  # pytest's workers ignore it, and so would we
        hunts = Hunts(Path(sys.argv[1]))
        hunts.ask("SELECT 1")
        for sql in ("SELECT sum(a.range * b.range) FROM range(10000000) a, range(1000000) b",
                    "SELECT a.range * b.range AS x FROM range(10000000) a, range(1000000) b"):
            timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
            timer.start()
            try:
                hunts.ask(sql, limit=10**12 if "sum" in sql else 10**9)
            except KeyboardInterrupt:
                pass
            else:
                raise SystemExit("not stopped")
            assert hunts.ask("SELECT 42 AS n").table.to_pylist() == [{"n": 42}]
    """)
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], check=False, timeout=60, stderr=subprocess.PIPE, text=True
    )
    assert done.returncode == 0, done.stderr
