"""Random batches of events for properties, and a few invented ones to read."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from watchfloor.ocsf.column import Column
from watchfloor.ocsf.derive import derive
from watchfloor.ocsf.events import Events

relaxed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""The first example loads the schema."""

TEXTS = st.text(max_size=8)
NUMBERS = st.integers(-(2**63), 2**63 - 1)

CELLS: dict[str, Any] = {
    "time": NUMBERS,
    "message": TEXTS,
    "actor.user.name": TEXTS,
    "actor.process.pid": NUMBERS,
    "actor.process.file.path": TEXTS,
    "process.name": TEXTS,
    "process.file.hashes": st.lists(
        st.fixed_dictionaries({"value": st.none() | TEXTS, "algorithm_id": st.integers(0, 7)}), max_size=3
    ),
    "is_alert": st.booleans(),
    "metadata.profiles": st.lists(TEXTS, max_size=2),
    "wf.source_seq": NUMBERS,
    "unmapped.Plain": TEXTS,
    "unmapped.With.Dots": TEXTS,
    "unmapped.target[]": TEXTS,
    "unmapped. odd name ": TEXTS,
}


@st.composite
def process_events(draw: st.DrawFn, max_rows: int = 6) -> Events:
    rows = draw(st.integers(0, max_rows))
    names = draw(st.sets(st.sampled_from(sorted(CELLS))))
    columns = {
        name: Column.of(draw(st.lists(st.none() | CELLS[name], min_size=rows, max_size=rows)), _type(name))
        for name in sorted(names)
    }
    return Events.build("process_activity", columns, rows)


def _type(name: str) -> pa.DataType:
    from watchfloor.ocsf import schema

    return schema.attribute("process_activity", name).arrow


def launches(rows: int = 2) -> Events:
    """Valid process launches."""
    columns = {
        "time": Column.of([1_700_000_000_000 + i for i in range(rows)]),
        "activity_id": 1,
        "process.pid": 7,
        "process.cmd_line": Column.of([f"tool.exe -x {i}" for i in range(rows)]),
        "process.file.path": r"C:\Tools\tool.exe",
        "actor.user.name": Column.of(["alice" if i % 2 == 0 else None for i in range(rows)]),
        "actor.process.pid": 4,
        "actor.process.file.path": r"C:\Windows\explorer.exe",
        "device.hostname": "ws1.example.com",
        "device.os.type_id": 100,
        "metadata.uid": Column.of([f"{i:032x}" for i in range(rows)]),
        "metadata.product.name": "Example EDR",
        "metadata.log_name": "launches",
        "unmapped.IntegrityLevel": "High",
        "wf.source_uid": "edr",
        "wf.source_seq": Column.of(list(range(rows))),
    }
    return Events.build("process_activity", derive("process_activity", columns, rows), rows)
