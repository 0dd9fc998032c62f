"""Physical badging signals in the schema of Microsoft's insider-risk connector: who, where, when, success or failure.

Success is a decision, not a passage: nobody says whether somebody went in (domain reference 2.1).
"""

from __future__ import annotations

from watchfloor.collect.convert import iso
from watchfloor.collect.mapping import Mapped, Record, event, maps

STATUS = {"Success": 1, "Failed": 2}
"""AccessStatus -> activity_id: granted, denied."""

OTHER = 99


@maps("access")
def access(r: Record) -> Mapped:
    """One attempt."""
    status, user = r.take("AccessStatus"), r.take("UserId")
    activity = status.replace(STATUS)
    return event(
        "physical_access_activity",
        {
            "time": r.take("EventTime", iso),
            "metadata.original_time": r.read("EventTime"),
            "metadata.log_provider": r.take("SourceSystem"),
            "activity_id": activity.coalesce(r.constant(OTHER)),
            "severity_id": activity.map(lambda number: 2 if number == STATUS["Failed"] else 1).coalesce(r.constant(1)),
            "status": status,
            "status_id": activity.coalesce(r.constant(OTHER)),
            "user.name": user,
            "user.email_addr": user.keep(lambda name: "@" in name),
            "portal.uid": r.take("AssetId"),
            "portal.name": r.take("AssetName"),
            "portal.type_id": 1,
        },
    )
