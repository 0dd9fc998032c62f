"""HR predicates: what HR may state of a person, and nothing else (domain reference 6).

One row is one predicate with its validity. What is not in the table below does not cross the border: neither the value
nor who it is about is kept, only that something was refused.
"""

from __future__ import annotations

import pyarrow as pa

from watchfloor.collect.convert import local, lower
from watchfloor.collect.mapping import Mapped, Record, event, maps
from watchfloor.ocsf.column import Column

PREDICATES = {
    "employed": 1,
    "in_notice": 2,
    "on_shift": 3,
    "on_leave": 4,
    "travelling": 5,
    "clearance_ok": 6,
    "training_ok": 7,
    "escort_duty": 8,
    "role_class": 99,
    "site": 99,
    "employer_class": 99,
}
"""What HR may state -> predicate_type_id."""

ACTIVITY = {
    "employed": 1,
    "in_notice": 10,
    "on_shift": 4,
    "on_leave": 5,
    "travelling": 8,
    "clearance_ok": 7,
    "training_ok": 6,
    "escort_duty": 9,
    "role_class": 2,
    "site": 2,
    "employer_class": 2,
}
"""... -> activity_id; the end of an employment is Leaver."""

LEAVER = 3
NO = ("no", "false", "0", "n")
YES = ("yes", "true", "1", "y", "")


def classify(r: Record) -> Column:
    """Statements that HR may not make are refused."""
    known = r.named("predicate", lower, take=False).map(lambda name: "predicate" if name in PREDICATES else None)
    return known.coalesce(Column.constant("refused", len(r)))


@maps("predicate")
def predicate(r: Record) -> Mapped:
    """One statement."""
    zone = r.settings["timezone"]
    name = r.named("predicate", lower)
    value = r.named("value")
    holds = value.map(lambda text: text.strip().lower() not in NO and not text.startswith("!"), pa.bool_())
    about = value.map(_about)
    known = r.named("recorded_at", local(zone))
    since = r.named("valid_from", local(zone))
    activity = name.zip(
        holds.coalesce(Column.constant(True, len(r))),
        lambda what, yes: ACTIVITY[what] if yes or what != "employed" else LEAVER,
        pa.int64(),
    )
    return event(
        "workforce_activity",
        {
            "time": known.coalesce(since),
            "activity_id": activity,
            "severity_id": 1,
            "user.uid": r.named("person"),
            "predicate.predicate_type_id": name.replace(PREDICATES),
            "predicate.predicate_type": name.map(lambda what: what if PREDICATES[what] == 99 else None),
            "predicate.holds": holds.coalesce(Column.constant(True, len(r))),
            "predicate.predicate_scope": name.zip(about, lambda what, text: text if what != "escort_duty" else None),
            "predicate.visit_uid": name.zip(about, lambda what, text: text if what == "escort_duty" else None),
            "predicate.valid_from_time": since,
            "predicate.valid_to_time": r.named("valid_to", local(zone, end=True)),
            "predicate.known_from_time": known,
            "role_class": name.zip(about, lambda what, text: text if what == "role_class" else None),
            "employer_class": name.zip(about, lambda what, text: text if what == "employer_class" else None),
            "place.site": name.zip(about, lambda what, text: text if what == "site" else None),
        },
    )


@maps("refused")
def refused(r: Record) -> Mapped:
    """Something that must not be known here."""
    r.ignore(*r.names)
    return event("base_event", {"activity_id": 99, "severity_id": 1, "message": "a statement of HR that is not taken"})


def _about(text: str) -> str | None:
    """What a statement is about: a zone, a training, a country; nothing for a plain yes or no."""
    bare = text.strip().removeprefix("!").strip()
    return None if bare.lower() in (*YES, *NO) else bare
