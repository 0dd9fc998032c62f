"""Readings: numbers of sensors and tags over time, as historians and building systems export them.

    long    timestamp,tag,value,unit         one value a row
    wide    timestamp,tag 1,tag 2,...        one moment a row: every column but the time is a tag

A row becomes one event with the values of that moment in `readings`; the lake keeps them in a table of their own. An
empty cell is no value, and what is no number stays under `unmapped`.
"""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa

from watchfloor.collect.convert import local, times
from watchfloor.collect.mapping import Mapped, Record, event, maps
from watchfloor.ocsf.column import Column

SAMPLED = 1
"""activity_id."""

UNKNOWN = 0
"""type_id of a device: what it is, the estate knows."""


@maps("reading")
def reading(r: Record) -> Mapped:
    """The values of one moment."""
    pattern, zone = r.settings["time_format"], r.settings["timezone"]
    moment = r.named("time", times(pattern) if pattern else local(zone))
    tag, device = r.named("tag"), r.named("device")
    readings = _wide(r) if tag.all_missing else _long(r, tag)
    return event(
        "process_reading_activity",
        {
            "time": moment,
            "activity_id": SAMPLED,
            "severity_id": 1,
            "readings": readings,
            "device.name": device,
            "device.type_id": device.map(lambda _: UNKNOWN, pa.int64()),
        },
    )


def _long(r: Record, tag: Column) -> Column:
    value = r.named("value", take=False)
    number = value.map(_number, pa.float64())
    whole = np.flatnonzero(tag.present & number.present)
    if len(whole) == len(r):
        r.named("value")
    made = pa.StructArray.from_arrays(
        [
            tag.take(whole).plain(),
            number.take(whole).plain(),
            r.named("unit").take(whole).plain(),
            r.named("quality").take(whole).plain(),
        ],
        ["tag", "reading_value", "reading_unit", "reading_quality"],
    )
    counts = np.zeros(len(r), np.int32)
    counts[whole] = 1
    return _listed(counts, made)


def _wide(r: Record) -> Column:
    columns: list[tuple[str, Column]] = []
    for name, column in list(r.left()):
        numbers = column.map(_number, pa.float64())
        if numbers.all_missing:
            continue
        columns.append((name.strip(), numbers))
        if bool((numbers.present == column.present).all()):
            r.take(name)
    matrix = np.full((len(r), len(columns)), np.nan)
    for position, (_, numbers) in enumerate(columns):
        values = np.append(numbers.values.to_numpy(zero_copy_only=False), np.nan)
        matrix[:, position] = values[numbers.codes]
    there = ~np.isnan(matrix)
    names = pa.array([name for name, _ in columns], pa.string())
    made = pa.StructArray.from_arrays(
        [names.take(pa.array(np.nonzero(there)[1])), pa.array(matrix[there])], ["tag", "reading_value"]
    )
    return _listed(there.sum(axis=1).astype(np.int32), made)


def _listed(counts: np.ndarray[tuple[int], np.dtype[np.int32]], values: pa.StructArray) -> Column:
    """So many of the values for each row; none where there are none."""
    ends = np.concatenate([np.zeros(1, np.int32), np.cumsum(counts, dtype=np.int32)])
    lists = pa.ListArray.from_arrays(pa.array(ends, pa.int32()), values)
    present = np.flatnonzero(counts > 0)
    codes = np.full(len(counts), -1, np.int32)
    codes[present] = np.arange(len(present), dtype=np.int32)
    return Column(codes, lists.take(pa.array(present)))


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None
