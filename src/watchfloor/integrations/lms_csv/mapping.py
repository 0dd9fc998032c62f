"""Training records: who has passed what, and until when it counts."""

from __future__ import annotations

from watchfloor.collect.convert import local
from watchfloor.collect.mapping import Mapped, Record, event, maps

TRAINING = 6
"""activity_id of workforce_activity."""

TRAINING_OK = 7
"""predicate_type_id."""


@maps("training")
def training(r: Record) -> Mapped:
    """One training of one person."""
    zone = r.settings["timezone"]
    passed = r.named("completed", local(zone))
    known = r.named("recorded_at", local(zone))
    return event(
        "workforce_activity",
        {
            "time": known.coalesce(passed),
            "activity_id": TRAINING,
            "severity_id": 1,
            "user.uid": r.named("person"),
            "predicate.predicate_type_id": TRAINING_OK,
            "predicate.holds": True,
            "predicate.predicate_scope": r.named("training"),
            "predicate.valid_from_time": passed,
            "predicate.valid_to_time": r.named("expires", local(zone, end=True)),
            "predicate.known_from_time": known,
        },
    )
