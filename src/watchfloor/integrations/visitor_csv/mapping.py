"""Visits: who may be here as a guest, on which badge, and who answers for them; of the visitor only the badge."""

from __future__ import annotations

import re

import pyarrow as pa

from watchfloor.collect.convert import local
from watchfloor.collect.mapping import Mapped, Record, event, maps

ESCORT_DUTY = 9
"""activity_id of workforce_activity."""

ESCORT = 8
"""predicate_type_id."""

OFF = re.compile(r"cancel|reject|no.?show|left|ended|closed", re.IGNORECASE)
"""Words of a status with which a visit does not hold, or not any more."""


@maps("visit")
def visit(r: Record) -> Mapped:
    """One visit, stated of its escort, else of its host."""
    zone = r.settings["timezone"]
    since = r.named("from", local(zone))
    known = r.named("recorded_at", local(zone))
    escort, host = r.named("escort"), r.named("host", take=False)
    r.ignore("company")
    return event(
        "workforce_activity",
        {
            "time": known.coalesce(since),
            "activity_id": ESCORT_DUTY,
            "severity_id": 1,
            "status": r.named("status", take=False),
            "status_id": 99,
            "user.uid": escort.coalesce(host),
            "predicate.predicate_type_id": ESCORT,
            "predicate.holds": r.named("status").map(lambda text: OFF.search(text) is None, pa.bool_()),
            "predicate.visit_uid": r.named("visit"),
            "predicate.valid_from_time": since,
            "predicate.valid_to_time": r.named("to", local(zone, end=True)),
            "predicate.known_from_time": known,
            "place.site": r.named("site"),
        },
    )
