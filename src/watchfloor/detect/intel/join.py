"""Indicators onto events: what is known of the values of each event at its time, as columns `intel.*` that rules read.

    intel.ip.matched      true: an indicator holds; false: none does; missing: the event has no such value, or nobody
                          has indicators of that kind
    intel.ip.value        the indicator: the value itself, or a network or domain around it; .source .tlp .labels
    intel.ip.confidence   as it has faded by then; .attribute where the value stands
    intel.matched         of all kinds that are asked for; intel.kind and the others: the surest of all. Plates, badges
                          and persons are named under their own kind only

A batch is asked value by value: what a column repeats is looked up once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from watchfloor.detect.intel.indicator import KINDS, PERSONAL
from watchfloor.detect.intel.intelligence import Intelligence
from watchfloor.ocsf.column import MISSING, Codes, Column, Rows
from watchfloor.ocsf.events import Events
from watchfloor.words import Int64s
from watchfloor.world.resolve import times_of

__all__ = ["CARRIES", "SIGHTING_SCHEMA", "IntelJoin", "asked_kinds"]

CARRIES: Mapping[str, tuple[str, ...]] = {
    "ip": ("ip", "intermediate_ips[]", "x_forwarded_for[]", "answers[].rdata", "email.x_originating_ip[]"),
    "domain": ("hostname", "url.domain", "endpoint.domain", "tls.sni", "answers[].rdata"),
    "url": ("url_string", "http_request.referrer"),
    "hash": ("hashes[].value",),
    "email": ("email_addr", "email.from", "email.to[]", "email.cc[]", "email.reply_to", "email.return_path"),
    "user_agent": ("http_request.user_agent",),
    "ja3": ("ja3_hash.value", "ja3s_hash.value"),
    "ja4": ("ja4_fingerprint_list[].value",),
    "cve": ("vulnerabilities[].cve.uid", "cve.uid"),
    "plate": ("credential.credential_number", "credential.uid"),
    "badge": ("credential.credential_number", "credential.uid"),
    "person": ("wf.person_uid",),
    "drone": ("unmanned_aerial_system.serial_number",),
    "geofence": ("location.lat",),
}
"""Kind -> ends of the OCSF attributes that carry it; behind [] the path inside each element of a list."""

OUTSIDE = ("unmapped.", "metadata.", "intel.", "observables", "enrichments", "evidences")
"""What these hold is not what the event is about."""

PLATE = 5
"""`credential.type_id` of a number plate (our extension); every other credential is a badge here."""

SIGHTING_SCHEMA = pa.schema(
    [
        pa.field("kind", pa.string(), nullable=False),
        pa.field("value", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("reference", pa.string()),
        pa.field("tlp", pa.string(), nullable=False),
        pa.field("confidence", pa.int64(), nullable=False),
        pa.field("attribute", pa.string(), nullable=False),
        pa.field("class_name", pa.string(), nullable=False),
        pa.field("event_uid", pa.string()),
        pa.field("time", pa.int64(), nullable=False),
    ]
)
"""Columns of the table of what matched; `time` that of the event, UTC epoch milliseconds."""


class _Cells(NamedTuple):
    """Values of one kind in one attribute: value `codes[i]` stands in row `rows[i]`."""

    attribute: str
    rows: Rows
    codes: Codes
    values: pa.Array


class _Hits(NamedTuple):
    """What holds, ascending by row, the surest of a row first."""

    rows: Rows
    places: Int64s
    claims: Int64s
    scores: Int64s
    attributes: Int64s

    def take(self, order: Int64s) -> _Hits:
        return _Hits(*(part[order] for part in self))


class IntelJoin:
    """Joins what is known onto events, and says what matched.

    Args:
        intelligence: all indicators.
        kinds: what is looked up (`asked_kinds`).
    """

    def __init__(self, intelligence: Intelligence, kinds: Iterable[str]) -> None:
        self._known = intelligence
        asked = frozenset(kinds)
        self.kinds = tuple(kind for kind in intelligence.kinds if kind in asked)

    def join(self, events: Events) -> tuple[Events, pa.Table]:
        """Events with columns `intel.*`, and what matched as rows of `SIGHTING_SCHEMA`."""
        none = SIGHTING_SCHEMA.empty_table()
        if len(events) == 0 or not self.kinds:
            return events, none
        times = times_of(events)
        columns: dict[str, Column] = {}
        seen: list[pa.Table] = []
        asked_any = np.zeros(len(events), np.bool_)
        over: list[tuple[str, _Hits, dict[str, Column]]] = []
        for kind in self.kinds:
            cells = list(_cells(events, kind))
            if not cells:
                continue
            asked = np.zeros(len(events), np.bool_)
            for one in cells:
                asked[one.rows] = True
            asked_any |= asked
            hits = self._hits(kind, cells, times)
            best = np.flatnonzero(np.diff(hits.rows, prepend=-1))
            top = hits.take(best)
            told = self._told(kind, top, [one.attribute for one in cells], len(events))
            columns |= {f"intel.{kind}.{name}": column for name, column in told.items()}
            columns[f"intel.{kind}.matched"] = _yes_no(asked, top.rows)
            if len(hits.rows):
                over.append((kind, top, told))
                seen.append(self._sightings(kind, hits, [one.attribute for one in cells], events, times))
        if not columns:
            return events, none
        columns |= _over_all(over, asked_any)
        known = {name: column for name, column in columns.items() if not column.all_missing}
        return events.with_columns(known), pa.concat_tables([none, *seen])

    def _hits(self, kind: str, cells: Sequence[_Cells], times: Int64s) -> _Hits:
        said = self._known.claims
        parts: list[_Hits] = []
        for number, one in enumerate(cells):
            found = self._known.find(kind, one.values)
            if len(found.texts) == 0:
                continue
            held = said.holding(found, one.codes, times[one.rows])
            hit = np.flatnonzero((held.claims >= 0) & ~said.benign[held.claims])
            parts.append(
                _Hits(
                    one.rows[hit],
                    found.places[held.pairs[hit]],
                    held.claims[hit],
                    np.round(held.scores[hit]).astype(np.int64),
                    np.full(len(hit), number, np.int64),
                )
            )
        if not parts:
            empty = np.empty(0, np.int64)
            return _Hits(empty, empty, empty, empty, empty)
        joined = _Hits(*(np.concatenate(part) for part in zip(*parts, strict=True)))
        places, of_place = np.unique(joined.places, return_inverse=True)
        values = np.array([self._known.value(kind, place) for place in places.tolist()])
        rank = np.argsort(np.argsort(values, kind="stable"))[of_place]  # a place is another in another process
        order = np.lexsort((rank, joined.attributes, joined.claims, -joined.scores, joined.rows))
        return joined.take(order)

    def _told(self, kind: str, top: _Hits, attributes: Sequence[str], rows: int) -> dict[str, Column]:
        """Columns of a kind that say what was found."""
        said = self._known.claims.said
        claims, of_claim = np.unique(top.claims, return_inverse=True)
        places, of_place = np.unique(top.places, return_inverse=True)
        mine = [said[claim] for claim in claims.tolist()]
        values = [self._known.value(kind, place) for place in places.tolist()]

        def column(values: Any, codes: Codes | Int64s, type_: pa.DataType) -> Column:
            spread = np.full(rows, MISSING, np.int32)
            spread[top.rows] = codes
            return Column(spread, pa.array(values, type_))

        text, texts = pa.string(), pa.list_(pa.string())
        return {
            "value": column(values, of_place, text),
            "source": column([claim.source for claim in mine], of_claim, text).distinct(),
            "tlp": column([claim.tlp for claim in mine], of_claim, text).distinct(),
            "labels": column([list(claim.labels) or None for claim in mine], of_claim, texts)._remap(None),
            "confidence": column(top.scores, np.arange(len(top.rows)), pa.int64()),
            "attribute": column(attributes, top.attributes, text),
        }

    def _sightings(self, kind: str, hits: _Hits, attributes: Sequence[str], events: Events, times: Int64s) -> pa.Table:
        said = self._known.claims.said
        claims, of_claim = np.unique(hits.claims, return_inverse=True)
        places, of_place = np.unique(hits.places, return_inverse=True)
        mine = [said[claim] for claim in claims.tolist()]
        uids = events.column("metadata.uid")
        count, by_claim = len(hits.rows), pa.array(of_claim)
        columns: dict[str, pa.Array] = {
            "kind": pa.repeat(kind, count),
            "value": pa.array([self._known.value(kind, place) for place in places.tolist()]).take(pa.array(of_place)),
            "source": pa.array([claim.source for claim in mine]).take(by_claim),
            "reference": pa.array([claim.reference or None for claim in mine], pa.string()).take(by_claim),
            "tlp": pa.array([claim.tlp for claim in mine]).take(by_claim),
            "confidence": pa.array(hits.scores),
            "attribute": pa.array(attributes).take(pa.array(hits.attributes)),
            "class_name": pa.repeat(events.class_name, count),
            "event_uid": pa.nulls(count, pa.string()) if uids is None else uids.take(hits.rows).plain(),
            "time": pa.array(times[hits.rows]),
        }
        return pa.table([columns[one.name] for one in SIGHTING_SCHEMA], schema=SIGHTING_SCHEMA)


def _yes_no(asked: np.ndarray[tuple[int], np.dtype[np.bool_]], rows: Rows) -> Column:
    found = np.where(asked, 0, MISSING).astype(np.int32)
    found[rows] = 1
    return Column(found, pa.array([False, True]))


def _over_all(
    over: Sequence[tuple[str, _Hits, dict[str, Column]]], asked: np.ndarray[tuple[int], np.dtype[np.bool_]]
) -> dict[str, Column]:
    """Of all kinds together: whether any matched, and the surest."""
    rows = len(asked)
    best, score = np.full(rows, -1, np.int64), np.full(rows, -1, np.int64)
    for number, (_, top, _) in enumerate(over):
        better = top.scores > score[top.rows]
        best[top.rows[better]], score[top.rows[better]] = number, top.scores[better]
    found = {"intel.matched": _yes_no(asked, np.flatnonzero(best >= 0))}
    if over:
        found["intel.kind"] = Column(best.astype(np.int32), pa.array([kind for kind, _, _ in over]))
        for name in ("value", "source", "confidence", "tlp"):
            parts = [
                told[name].where(best == number)
                for number, (kind, _, told) in enumerate(over)
                if name != "value" or kind not in PERSONAL
            ]
            if parts:
                found[f"intel.{name}"] = parts[0].coalesce(*parts[1:])
    return found


def _cells(events: Events, kind: str) -> Iterator[_Cells]:
    """Where values of a kind stand in a batch."""
    for name in events.names:
        if name.startswith(OUTSIDE):
            continue
        for tail in CARRIES[kind]:
            head, mark, inner = tail.partition("[]")
            if name != head and not name.endswith(f".{head}"):
                continue
            column = events.column(name)
            if column is None:
                continue
            if kind == "geofence":
                column = _points(events, name, column)
            if kind in ("plate", "badge"):
                column = _credential(events, name, column, kind)
            if mark:
                yield from _inside(name, column, inner.lstrip("."))
            elif pa.types.is_string(column.type) and not column.all_missing:
                column = column if len(column.values) <= len(column) else column.compact()
                rows = np.flatnonzero(column.present)
                yield _Cells(name, rows, column.codes[rows], column.values)


def _inside(name: str, column: Column, path: str) -> Iterator[_Cells]:
    """The values inside the lists of a column."""
    if not pa.types.is_list(column.type) or column.all_missing:
        return
    lists = column.plain()
    inner = lists.flatten()
    for part in path.split(".") if path else ():
        if not pa.types.is_struct(inner.type) or inner.type.get_field_index(part) < 0:
            return
        inner = pc.struct_field(inner, [inner.type.get_field_index(part)])
    if not pa.types.is_string(inner.type):
        return
    elements = Column.from_arrow(inner)
    there = np.flatnonzero(elements.present)
    owners = np.asarray(pc.list_parent_indices(lists)).astype(np.int64)
    if len(there):
        yield _Cells(f"{name}.{path}" if path else name, owners[there], elements.codes[there], elements.values)


def _credential(events: Events, name: str, column: Column, kind: str) -> Column:
    """Numbers of credentials of a kind; of badges with format and facility in front, where the event tells them."""
    prefix = name.rpartition(".")[0]
    types = events.column(f"{prefix}.type_id")
    if types is None:
        plates = np.zeros(len(column), np.bool_)
    else:
        plates = np.array([*(value == PLATE for value in types.values.to_pylist()), False])[types.codes]
    if kind == "plate":
        return column.where(plates).compact()
    column = column.where(~plates).compact()
    for part, between in (("facility_code", ":"), ("credential_format", "/")):
        told = events.column(f"{prefix}.{part}")
        if told is not None and not column.all_missing:

            def before(front: str | None, number: str | None, between: str = between) -> str | None:
                return f"{front}{between}{number}" if front and number else number

            column = told.text().where(column.present).zip(column, before, pa.string())
    return column


def _points(events: Events, name: str, lat: Column) -> Column:
    """Where something was, as `latitude,longitude`."""
    long = events.column(f"{name.rpartition('.')[0]}.long")
    if long is None:
        return Column.missing(len(lat))

    def point(north: float | None, east: float | None) -> str | None:
        return None if north is None or east is None else f"{north:.6f},{east:.6f}"

    return lat.zip(long, point, pa.string())


def asked_kinds(fields: Iterable[str], always: Iterable[str] = ()) -> frozenset[str]:
    """The kinds that rules ask for by the fields they name, and those the estate always wants."""
    asked = set(always)
    for field in fields:
        space, _, rest = field.partition(".")
        if space == "intel":
            first = rest.partition(".")[0]
            asked |= {first} if first in KINDS else set(KINDS)
    return frozenset(asked)
