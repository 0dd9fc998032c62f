"""Work orders: what makes a strange act expected. One row is one step in the life of an order."""

from __future__ import annotations

import re

import pyarrow as pa

from watchfloor.collect.convert import local
from watchfloor.collect.mapping import Mapped, Record, event, maps

STATUS = (  # first match wins
    (r"cancel|reject|withdraw", 5),
    (r"clos|complet|done|finish", 4),
    (r"extend", 6),
    (r"start|progress|open|active", 3),
    (r"approv|releas|issued|plan|schedul", 2),
    (r"request|draft|new|wait", 1),
)
"""Words of a status -> activity_id of maintenance_activity; any other word is Other."""

TYPES = (
    (r"permit|ptw", 2),
    (r"isolat|loto", 3),
    (r"commission", 4),
    (r"change|rfc", 5),
    (r"work|order|repair|inspect|prevent|correct", 1),
)
"""Words of a type -> work_order_type_id."""

OTHER = 99


@maps("order")
def order(r: Record) -> Mapped:
    """One step of one order."""
    zone = r.settings["timezone"]
    status, kind = r.named("status"), r.named("type")
    start = r.named("start", local(zone))
    asset = r.named("asset")
    return event(
        "maintenance_activity",
        {
            "time": r.named("recorded_at", local(zone)).coalesce(start),
            "activity_id": status.map(lambda text: _first(STATUS, text), pa.int64()),
            "activity_name": status.map(lambda text: text if _first(STATUS, text) == OTHER else None),
            "severity_id": 1,
            "user.uid": r.named("requested_by"),
            "work_order.uid": r.named("work_order"),
            "work_order.title": r.named("title"),
            "work_order.status": status,
            "work_order.work_order_type_id": kind.map(lambda text: _first(TYPES, text), pa.int64()),
            "work_order.work_order_type": kind.map(lambda text: text if _first(TYPES, text) == OTHER else None),
            "work_order.approver.uid": r.named("approved_by"),
            "work_order.start_time": start,
            "work_order.end_time": r.named("end", local(zone, end=True)),
            "controller.name": asset,
        },
    )


def _first(table: tuple[tuple[str, int], ...], text: str) -> int:
    return next((number for pattern, number in table if re.search(pattern, text, re.IGNORECASE)), OTHER)
