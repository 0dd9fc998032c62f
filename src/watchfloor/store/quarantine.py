"""What could not be read or mapped: kept beside the events, with the reason, so that it can be replayed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa

from watchfloor.clock import Clock, now_ms

__all__ = ["HEAD_BYTES", "SCHEMA", "TABLE", "Quarantined", "table"]

TABLE = "quarantine"
"""The table's name in the lake."""

HEAD_BYTES = 64 << 10
"""So much of a record is kept here; all of it is in the landing under (source, sequence)."""

SCHEMA = pa.schema(
    [
        pa.field("time", pa.int64()),  # received, ms since the epoch: the record's own time is unknown
        pa.field("source", pa.string()),
        pa.field("stream", pa.string()),
        pa.field("sequence", pa.int64()),  # null: never landed, because it could not even be framed
        pa.field("received", pa.int64()),
        pa.field("format", pa.string()),
        pa.field("integration", pa.string()),
        pa.field("reason", pa.string()),
        pa.field("size", pa.int64()),  # bytes of the whole record
        pa.field("raw", pa.binary()),  # its head
    ]
)


@dataclass(frozen=True, slots=True)
class Quarantined:
    """One record that went no further, and why."""

    source: str
    stream: str
    sequence: int | None
    received: int | None
    format: str
    integration: str
    reason: str
    raw: bytes


def table(rows: Iterable[Quarantined], *, clock: Clock = now_ms) -> pa.Table:
    """The rows as the lake's table `quarantine` takes them.

    Args:
        clock: gives the time for rows that have no received time; a replayed batch must hand in the same one.
    """
    columns: dict[str, list[object]] = {field.name: [] for field in SCHEMA}
    for row in rows:
        received = clock() if row.received is None else row.received
        values = (
            received, row.source, row.stream, row.sequence, received, row.format, row.integration,
            row.reason.encode("utf-8", "replace").decode(), len(row.raw), row.raw[:HEAD_BYTES],
        )  # fmt: skip
        for name, value in zip(columns, values, strict=True):
            columns[name].append(value)
    return pa.table(columns, SCHEMA)
