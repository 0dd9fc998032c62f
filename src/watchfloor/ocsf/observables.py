"""OCSF `observables`: the names, addresses, hashes and paths of an event, gathered in one list to pivot on.

The schema says which attributes are observables and of which `type_id`. Decision: findings carry them, plain events
do not. In the lake an event's own columns answer the same questions and a list per event would double its size; a
finding leaves the house (ticket, message, other tools), where the list is what people search for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa

from watchfloor.ocsf import schema
from watchfloor.ocsf.column import Codes, Column, Rows
from watchfloor.ocsf.events import Events

LEFT_OUT: frozenset[int] = frozenset(
    {
        11,  # port: says nothing without its address
        13,  # command line: whole in the evidence, too long to search for
        14,  # country
        15,  # process id: reused within minutes
        36,  # script content: as command line
    }
)
"""Observable type_ids of the schema that nobody pivots on."""

OUTSIDE = ("unmapped.", "wf.", "metadata.", "observables")
"""What these hold is ours or the record's, not what the event is about."""


def observables(events: Events) -> Column:
    """One `list<observable>` per row (name, value, type_id, type); missing where there is none.

    Vectorised: work is proportional to the values present.
    """
    wanted = schema.attribute(events.class_name, "observables").arrow
    assert wanted is not None
    captions = schema.load().object_("observable")["type_id"].enum
    names: list[str] = []
    types: list[int] = []
    rows: list[Rows] = []
    kinds: list[Codes] = []
    values: list[pa.Array] = []
    for name, type_id, where, found in _found(events):
        rows.append(where)
        kinds.append(np.full(len(where), len(names), np.int32))
        values.append(found)
        names.append(name)
        types.append(type_id)
    if not names:
        return Column.missing(len(events), wanted)
    row = np.concatenate(rows)
    order = np.argsort(row, kind="stable")
    kind = pa.array(np.concatenate(kinds)[order])
    element = {
        "name": pa.array(names, pa.string()).take(kind),
        "value": pa.concat_arrays(values).take(pa.array(order)),
        "type_id": pa.array(types, pa.int64()).take(kind),
        "type": pa.array([captions[type_id] for type_id in types], pa.string()).take(kind),
    }
    struct = wanted.value_type
    arrays = [element.get(field.name, pa.nulls(len(row), field.type)) for field in struct]
    counts = np.bincount(row, minlength=len(events))
    some = np.flatnonzero(counts)
    offsets = np.concatenate([[0], np.cumsum(counts[some])]).astype(np.int32)
    lists = pa.ListArray.from_arrays(
        pa.array(offsets), pa.StructArray.from_arrays(arrays, fields=list(struct)), type=wanted
    )
    codes = np.full(len(events), -1, np.int32)
    codes[some] = np.arange(len(some), dtype=np.int32)
    return Column(codes, lists)


def _found(events: Events) -> Iterator[tuple[str, int, Rows, pa.Array]]:
    """Per attribute: name, type_id, the rows that have it, their values as text."""
    for name, type_id in observed(events.class_name, events.names):
        column = events.column(name)
        if column is None or column.all_missing:
            continue
        if pa.types.is_list(column.type):
            yield from _hashes(name, column)
            continue
        where = np.flatnonzero(column.present)
        text = column.text()
        yield name, type_id, where, text.values.take(pa.array(text.codes[where]))


def _hashes(name: str, column: Column) -> Iterator[tuple[str, int, Rows, pa.Array]]:
    """The hashes of an array of fingerprints."""
    array = column.plain()
    lengths = array.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    values = array.flatten().field("value")
    row = np.repeat(np.arange(len(array)), lengths)
    there = values.is_valid().to_numpy(zero_copy_only=False)
    if bool(there.any()):
        type_id = schema.load().object_("fingerprint")["value"].observable
        assert type_id is not None
        yield f"{name}.value", type_id, row[there], values.drop_null()


def observed(class_name: str, names: Iterable[str]) -> list[tuple[str, int]]:
    """Those of the columns that OCSF calls observables, with their type_id."""
    found = []
    for name in names:
        if name.startswith(OUTSIDE):
            continue
        attribute = schema.attribute(class_name, name)
        if attribute.is_array:
            if attribute.object == "fingerprint":
                found.append((name, 30))
        elif attribute.observable is not None and attribute.observable not in LEFT_OUT:
            found.append((name, attribute.observable))
    return found
