"""Quarantine keeps the reason and the head of the record."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from watchfloor.store.lake import Lake
from watchfloor.store.quarantine import HEAD_BYTES, SCHEMA, TABLE, Quarantined, table


def test_rows() -> None:
    long = b"x" * (HEAD_BYTES + 1)
    made = table(
        [
            Quarantined("s", "st", 7, 5, "csv", "okta", "bad \ud800 text", b"\xff\0"),
            Quarantined("s", "st", None, None, "evtx", "", "broken chunk", long),
        ],
        clock=lambda: 99,
    )
    assert made.schema.equals(SCHEMA)
    first, second = made.to_pylist()
    assert (first["time"], first["sequence"], first["raw"], first["size"]) == (5, 7, b"\xff\0", 2)
    assert first["reason"] == "bad ? text"
    assert (second["time"], second["received"], second["sequence"]) == (99, 99, None)
    assert (len(second["raw"]), second["size"]) == (HEAD_BYTES, HEAD_BYTES + 1)


def test_it_goes_into_the_lake(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    assert lake.append(TABLE, table([Quarantined("s", "st", 7, 5, "csv", "", "why", b"\xff")]), version=1)
    assert lake.schema(TABLE).names == [*SCHEMA.names, "day"]
    assert table([]).num_rows == 0
    assert pa.types.is_binary(lake.schema(TABLE).field("raw").type)
