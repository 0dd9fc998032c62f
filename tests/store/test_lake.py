"""The lake: what goes in comes out, once, whatever shape it had."""

from __future__ import annotations

import ast
import json
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from deltalake import DeltaTable
from hypothesis import given, settings
from hypothesis import strategies as st

from watchfloor.errors import StoreDamaged, StoreError, StoreFull, StoreNewer
from watchfloor.store import lake as module
from watchfloor.store.lake import PARTS, Lake

SOURCES = Path(__file__).resolve().parents[2] / "src"
NAME = "process_activity"
DAY = 86_400_000
NEW_YEAR = 1_767_225_600_000  # 2026-01-01T00:00:00Z


def nested(rows: int, base: int = NEW_YEAR) -> pa.Table:
    """A table as Events.nest() gives it: dictionary-encoded strings inside structs, lists of structs, a map."""

    def text(*values: str) -> pa.Array:
        return pa.array([values[i % len(values)] for i in range(rows)]).dictionary_encode()

    def struct(**fields: pa.Array) -> pa.StructArray:
        return pa.StructArray.from_arrays(list(fields.values()), list(fields))

    numbers = pa.array(range(rows), pa.int64())
    return pa.table(
        {
            "time": pa.array([base + i for i in range(rows)], pa.int64()),
            "actor": struct(
                process=struct(file=struct(path=text("a", "b", "c")), pid=numbers), user=struct(name=text("u"))
            ),
            "observables": pa.array([[{"name": "x", "type_id": i}] for i in range(rows)]),
            "unmapped": pa.array([[("k", str(i))] for i in range(rows)], pa.map_(pa.string(), pa.string())),
            "class_name": text("Process Activity"),
        }
    )


def stored(lake: Lake, name: str = NAME) -> list[dict[str, Any]]:
    table = pa.table(DeltaTable(lake.folder / name).to_pyarrow_table())
    return sorted(table.to_pylist(), key=lambda row: (row["time"] is None, row["time"]))


def test_round_trip(backend: Path) -> None:
    lake = Lake(backend)
    table = nested(50)
    assert lake.append(NAME, table, version=1)
    assert stored(lake) == [{**row, "day": "2026-01-01"} for row in table.to_pylist()]
    assert lake.tables() == [NAME]
    assert lake.schema(NAME).names == [*table.column_names, "day"]


def test_same_batch_twice_is_appended_once(backend: Path) -> None:
    lake = Lake(backend)
    assert lake.committed(NAME) is None
    assert lake.append(NAME, nested(3), version=7)
    assert not lake.append(NAME, nested(3), version=7)
    again = Lake(backend)
    assert again.committed(NAME) == 7
    assert not again.append(NAME, nested(3), version=6)
    assert again.append(NAME, nested(3), version=7, application="another")
    assert again.append(NAME, nested(3), version=8)
    assert DeltaTable(backend / NAME).count() == 9
    assert DeltaTable(backend / NAME).transaction_version("watchfloor") == 8


def test_read_gives_what_is_wanted(backend: Path) -> None:
    lake = Lake(backend)
    assert lake.read(NAME).num_rows == 0
    lake.append(NAME, nested(3), version=1)
    wider = nested(2, NEW_YEAR + DAY).append_column("batch", pa.array([7, 8], pa.int64()))
    lake.append(NAME, wider, version=2)
    whole = lake.read(NAME).sort_by("time")
    assert whole.column_names == lake.schema(NAME).names
    assert whole["batch"].to_pylist() == [None, None, None, 7, 8]
    assert whole["day"].to_pylist() == ["2026-01-01"] * 3 + ["2026-01-02"] * 2
    assert whole["actor"].to_pylist()[:3] == nested(3)["actor"].to_pylist()
    some = lake.read(NAME, ["time", "batch"], pc.field("batch") >= 8)
    assert some.to_pylist() == [{"time": NEW_YEAR + DAY + 1, "batch": 8}]
    assert lake.compact(NAME) >= 0
    assert lake.read(NAME).sort_by("time").equals(whole)


def test_no_rows_no_table(backend: Path) -> None:
    lake = Lake(backend)
    assert not lake.append(NAME, nested(0), version=1)
    assert lake.tables() == []


@pytest.mark.parametrize(
    ("time", "day"),
    [
        (NEW_YEAR - 1, "2025-12-31"),
        (NEW_YEAR, "2026-01-01"),
        (-1, "1969-12-31"),
        (-11644473600000, "1601-01-01"),
        (253402300799999, "9999-12-31"),
        (253402300800000, "9999-12-31"),
        (2**63 - 1, "9999-12-31"),
        (-(2**63), "0001-01-01"),
        (None, "1970-01-01"),
    ],
)
def test_any_clock(backend: Path, time: int | None, day: str) -> None:
    lake = Lake(backend)
    lake.append(NAME, pa.table({"time": pa.array([time, time], pa.int64()), "x": ["a", "b"]}), version=1)
    assert [(row["time"], row["day"]) for row in stored(lake)] == [(time, day)] * 2


def test_days_are_apart(backend: Path) -> None:
    lake = Lake(backend)
    table = pa.table({"time": [NEW_YEAR + DAY, NEW_YEAR, NEW_YEAR + DAY], "x": [1, 2, 3]})
    lake.append(NAME, table, version=1)
    assert [Path(file).parent.name for file in lake.files(NAME)] == ["day=2026-01-01", "day=2026-01-02"]
    assert [row["x"] for row in stored(lake)] == [2, 1, 3]


def test_new_and_changed_columns(backend: Path) -> None:
    lake = Lake(backend)
    lake.append(NAME, pa.table({"time": [1], "a": [{"n": 1}]}), version=1)
    lake.append(NAME, pa.table({"time": [2], "a": [{"n": "x", "m": True}], "b": ["new"]}), version=2)
    lake = Lake(backend)
    lake.append(NAME, pa.table({"time": [3], "a": [{"n": 2.0}]}), version=3)
    expected = [
        (1, {"n": 1, "n__text": None, "m": None}, None),
        (2, {"n": None, "n__text": "x", "m": True}, "new"),
        (3, {"n": 2, "n__text": None, "m": None}, None),
    ]
    assert [(row["time"], row["a"], row["b"]) for row in stored(lake)] == expected
    seen = duckdb.sql(f"SELECT time, a, b FROM read_parquet({lake.files(NAME)}, union_by_name=true) ORDER BY 1")
    assert seen.fetchall() == expected


VALUES: list[Any] = [1, 2.5, 7.0, True, "7", "x", b"\xff", {"n": 1}, {"n": "y", "m": 2}, [1], ["z"], [{"n": 1}], None]


@settings(max_examples=40)
@given(
    batches=st.lists(
        st.dictionaries(st.sampled_from("ab"), st.sampled_from(VALUES), max_size=2), min_size=2, max_size=4
    )
)
def test_rows_written_ahead_are_taken_as_if_they_came_in_turn(batches: list[dict[str, Any]]) -> None:
    """All batches are written before the first is taken, as workers do, whatever types the columns come in."""
    tables = [
        pa.table({"time": [NEW_YEAR + number, NEW_YEAR + DAY + number], **{k: [v, None] for k, v in columns.items()}})
        for number, columns in enumerate(batches)
    ]
    with tempfile.TemporaryDirectory() as folder:
        turn, ahead = Lake(Path(folder) / "turn", durable=False), Lake(Path(folder) / "ahead", durable=False)
        written = [ahead.write(table, None) for table in tables]
        for version, (table, parts) in enumerate(zip(tables, written, strict=True), 1):
            assert len(parts) == len(table)
            assert turn.append(NAME, table, version=version) and ahead.take(NAME, parts, version=version)
        assert ahead.schema(NAME).equals(turn.schema(NAME))
        assert stored(ahead) == stored(turn)
        assert not list((ahead.folder / PARTS).iterdir())


def test_what_was_written_is_in_no_table_until_it_is_taken(backend: Path) -> None:
    lake = Lake(backend)
    assert lake.append(NAME, nested(3), version=1)
    parts = lake.write(nested(3, NEW_YEAR + 10), lake.columns(NAME))
    lost = lake.write(nested(3, NEW_YEAR + 20), lake.columns(NAME))
    assert len(stored(lake)) == 3 and lake.tables() == [NAME]
    assert lake.take(NAME, parts, version=2) and len(stored(lake)) == 6
    assert not lake.take(NAME, lost, version=2), "a version is taken once"
    assert not list((backend / PARTS).iterdir()), "and what came too late is gone"
    lake.write(nested(3), lake.columns(NAME))
    assert lake.sweep() == 1 and not list((backend / PARTS).iterdir()) and len(stored(lake)) == 6
    assert lake.columns("other") is None


def test_compaction_and_vacuum_keep_every_row(backend: Path) -> None:
    lake = Lake(backend)
    for version in range(1, 9):
        extra = {"x": [version]} if version > 4 else {}
        lake.append(NAME, nested(3, NEW_YEAR + version * 10).append_column("y", [["t"] * 3]), version=version)
        lake.append("other", pa.table({"time": [version], **extra}), version=version)
    before = stored(lake)
    assert lake.compact(NAME) == 8
    assert lake.compact("other") == 8
    assert len(lake.files(NAME)) == 1
    assert lake.append(NAME, nested(3, NEW_YEAR + 90).append_column("y", [["t"] * 3]), version=9)
    assert lake.vacuum(NAME, hours=0) == 8
    assert stored(lake)[: len(before)] == before
    assert len(list((backend / NAME).glob("day=*/*.parquet"))) == 2
    assert [row["x"] for row in stored(lake, "other")] == [None] * 4 + [5, 6, 7, 8]
    assert not lake.append(NAME, nested(3), version=9), "transactions survive compaction"


def test_compaction_behind_the_writers_back(backend: Path) -> None:
    lake, other = Lake(backend), Lake(backend)
    lake.append(NAME, nested(2), version=1)
    other.append(NAME, nested(2), version=2)
    other.compact(NAME)
    assert lake.append(NAME, nested(2), version=3)
    assert DeltaTable(backend / NAME).count() == 6
    other.append(NAME, nested(2), version=4)
    assert not lake.append(NAME, nested(2), version=4)
    assert DeltaTable(backend / NAME).count() == 8


def test_checkpoints_and_a_bounded_log(backend: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHECKPOINT_EVERY", 4)
    lake = Lake(backend, durable=False, compact_every=10)
    for version in range(1, 11):
        lake.append(NAME, nested(1), version=version)
    assert (backend / NAME / "_delta_log" / "_last_checkpoint").exists()
    assert lake.due() == [NAME] and lake.due(busy=True) == []
    for version in range(11, 81):
        lake.append(NAME, nested(1), version=version)
    assert lake.due(busy=True) == [NAME]
    lake.compact(NAME)
    assert lake.due() == []
    assert DeltaTable(backend / NAME).count() == 80
    assert Lake(backend).committed(NAME) == 80


def test_the_table_is_plain_delta(backend: Path) -> None:
    lake = Lake(backend)
    lake.append(NAME, nested(2), version=1)
    table = DeltaTable(backend / NAME)
    assert (table.protocol().min_reader_version, table.protocol().min_writer_version) == (1, 2)
    assert table.metadata().partition_columns == ["day"]
    (entry,) = pa.table(table.get_add_actions(flatten=True)).to_pylist()
    assert (entry["num_records"], entry["min.time"], entry["max.time"]) == (2, NEW_YEAR, NEW_YEAR + 1)
    assert [row["operation"] for row in table.history()] == ["WRITE", "CREATE TABLE"]


@pytest.mark.parametrize("name", ["", "../x", "A", "a b", "x/y", "9"])
def test_names_that_cannot_be_tables(backend: Path, name: str) -> None:
    with pytest.raises(StoreError, match="cannot be the name"):
        Lake(backend).append(name, nested(1), version=1)


def test_newer_and_damaged(backend: Path) -> None:
    lake = Lake(backend)
    lake.append(NAME, nested(1), version=1)
    (backend / "lake.json").write_text('{"format": 2}')
    with pytest.raises(StoreNewer, match="lake format 2"):
        Lake(backend)
    (backend / "lake.json").write_text("{")
    with pytest.raises(StoreDamaged):
        Lake(backend)
    (backend / "lake.json").write_text('{"format": 1}')
    entry = backend / NAME / "_delta_log" / f"{2:020d}.json"
    entry.write_text(
        json.dumps({"protocol": {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": ["deletionVectors"],
                                 "writerFeatures": ["deletionVectors"]}})
    )  # fmt: skip
    with pytest.raises(StoreNewer, match="Delta protocol 3/7"):
        Lake(backend).append(NAME, nested(1), version=2)
    entry.write_text("no JSON")
    with pytest.raises(StoreDamaged, match="Delta log cannot be read"):
        Lake(backend).append(NAME, nested(1), version=2)


def test_full_disk_leaves_the_table_as_it_was(backend: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = Lake(backend)
    lake.append(NAME, nested(2), version=1)
    for call in ("fsync", "link"):

        def refuse(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, call, refuse)
        with pytest.raises(StoreFull):
            lake.append(NAME, nested(2), version=2)
        monkeypatch.undo()
        assert DeltaTable(backend / NAME).count() == 2
    assert lake.append(NAME, nested(2), version=2)
    assert DeltaTable(backend / NAME).count() == 4


def test_what_a_kill_left_half_made_is_swept(backend: Path) -> None:
    lake = Lake(backend)
    lake.append(NAME, nested(3), version=1)
    (backend / ".0000.tmp" / "_delta_log").mkdir(parents=True)
    (backend / NAME / "_delta_log" / ".1111.tmp").write_bytes(b"{")
    assert Lake(backend).sweep() == 2 and Lake(backend).sweep() == 0
    assert lake.append(NAME, nested(3), version=2) and len(stored(lake)) == 6


def test_reading_makes_no_folder(tmp_path: Path) -> None:
    assert Lake(tmp_path / "none", read_only=True).tables() == []
    assert not (tmp_path / "none").exists()


# -- the abort of delta-rs ---------------------------------------------------------------------------------------------

SLICED = """
    import sys
    import pyarrow as pa
    from pathlib import Path
    rows = 3000
    inner = pa.StructArray.from_arrays([pa.array([str(i) for i in range(rows)]), pa.array(range(rows))], ["n", "p"])
    middle = pa.StructArray.from_arrays([inner], ["process"])
    table = pa.table({"time": pa.array(range(rows)), "actor": pa.StructArray.from_arrays([middle], ["x"])})
    table = table.slice(1001, 1000)
"""
UNFENCED = (
    SLICED
    + """
    from deltalake import write_deltalake
    write_deltalake(sys.argv[1], table)
"""
)
FENCED = (
    SLICED
    + """
    from watchfloor.store.lake import PARTS, Lake
    assert Lake(Path(sys.argv[1])).append("x", table, version=1)
    from deltalake import DeltaTable
    back = pa.table(DeltaTable(Path(sys.argv[1]) / "x").to_pyarrow_table()).drop_columns(["day"])
    assert back.to_pylist() == table.to_pylist()
    import os
    os._exit(0)  # the reader's threads may abort an interpreter that ends in an orderly way
"""
)


def run(code: str, folder: Path) -> int:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(folder)], check=False, timeout=120, stderr=subprocess.DEVNULL
    ).returncode


@pytest.mark.xfail(reason="delta-rs aborts the process over a sliced nested table; when this passes, it is mended")
def test_delta_rs_takes_a_sliced_nested_table(tmp_path: Path) -> None:
    assert run(UNFENCED, tmp_path / "t") != -signal.SIGABRT


def test_the_lake_takes_a_sliced_nested_table(tmp_path: Path) -> None:
    assert run(FENCED, tmp_path) == 0


def test_no_table_crosses_into_delta_rs() -> None:
    """The fence: nothing of ours calls what hands Arrow data to delta-rs."""
    for path in SOURCES.rglob("*.py"):
        tree = ast.parse(path.read_text())
        names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        names |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
        assert "write_deltalake" not in names, path
        if "deltalake" in path.read_text():
            assert path.parts[-2] in {"store", "run"} or path.name == "doctor.py", f"{path} knows deltalake"
