"""The map of unmapped values, and Delta's taste."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tests.ocsf.batches import launches
from watchfloor.ocsf import nest
from watchfloor.ocsf.column import Column
from watchfloor.ocsf.events import Events


def test_a_dotted_unmapped_name_is_one_step() -> None:
    assert nest.path("unmapped.a.b") == ("unmapped", "a.b")
    assert nest.path("actor.user.name") == ("actor", "user", "name")


def test_map_holds_what_is_present_in_the_order_of_keys() -> None:
    columns = [Column.of(["1", None, None]), Column.of([None, None, ""])]
    array = nest.to_map(["x", "y"], columns)
    assert array.to_pylist() == [[("x", "1")], None, [("y", "")]]
    assert {k: v.to_pylist() for k, v in nest.from_map(array).items()} == {
        "unmapped.x": ["1", None, None],
        "unmapped.y": [None, None, ""],
    }


def test_a_sliced_map_is_read_right() -> None:
    array = nest.to_map(["x", "y"], [Column.of(["1", "2", "3"]), Column.of([None, "b", None])])
    assert {k: v.to_pylist() for k, v in nest.from_map(array.slice(1)).items()} == {
        "unmapped.x": ["2", "3"],
        "unmapped.y": ["b", None],
    }


def test_fit_refuses_what_the_type_does_not_hold() -> None:
    with pytest.raises(KeyError, match=r"hashes\.colour"):
        nest.fit(pa.array([{"colour": "red"}]), pa.struct([("value", pa.string())]), "hashes")


def test_delta_takes_encoded_strings_everywhere(tmp_path: Path) -> None:
    import deltalake

    events = launches(5)
    deltalake.write_deltalake(str(tmp_path / "t"), events.nest())
    deltalake.write_deltalake(str(tmp_path / "t"), events.nest(), mode="append")
    read = Events.flatten("process_activity", deltalake.DeltaTable(str(tmp_path / "t")).to_pyarrow_table())
    assert sorted(map(str, read.to_pylist())) == sorted(map(str, [*events.to_pylist(), *events.to_pylist()]))
    assert read.table.schema == events.table.schema


def test_nesting_many_unmapped_columns_costs_no_python_loop() -> None:
    """50,000 rows of 30 columns: 0.05 s when measured; the bound leaves room for a busy machine."""
    rows, width = 50_000, 30
    chance = np.random.default_rng(1)
    values = pa.array([f"value {i}" for i in range(2000)])
    columns = {f"unmapped.f{i}": Column(chance.integers(-1, 2000, rows).astype(np.int32), values) for i in range(width)}
    events = Events.build("process_activity", columns, rows)
    took = []
    for _ in range(3):
        start = time.perf_counter()
        events.nest()
        took.append(time.perf_counter() - start)
    assert min(took) < 1.0
