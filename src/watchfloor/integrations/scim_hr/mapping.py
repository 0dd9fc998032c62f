"""Users as a SCIM 2.0 provider lists them (RFC 7643): whether an account is active, since when, for whom.

Of a person nothing is kept but what names the account: user name, work number, the coarse title. Names, addresses,
telephone numbers and pictures are dropped.
"""

from __future__ import annotations

import pyarrow as pa

from watchfloor.collect.convert import boolean, iso
from watchfloor.collect.mapping import Mapped, Record, event, maps

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
JOINER, LEAVER = 1, 3
EMPLOYED = 1
"""predicate_type_id."""

PRIVATE = (
    "name.familyName", "name.givenName", "name.formatted", "name.middleName", "name.honorificPrefix",
    "name.honorificSuffix", "displayName", "nickName", "photos[]", "addresses[]", "phoneNumbers[]", "ims[]", "locale",
    "preferredLanguage", "profileUrl", "emails[]",
)  # fmt: skip


@maps("user")
def user(r: Record) -> Mapped:
    """One user, as of its last change."""
    r.ignore(*PRIVATE)
    active = r.take("active", boolean).coalesce(r.constant(True))
    changed = r.take("meta.lastModified", iso).coalesce(r.take("meta.created", iso))
    number = r.take(f"{ENTERPRISE}.employeeNumber")
    return event(
        "workforce_activity",
        {
            "time": changed,
            "activity_id": active.map(lambda yes: JOINER if yes else LEAVER, pa.int64()),
            "severity_id": 1,
            "user.uid": number.coalesce(r.take("externalId")),
            "user.name": r.take("userName"),
            "predicate.predicate_type_id": EMPLOYED,
            "predicate.holds": active,
            "predicate.valid_from_time": changed,
            "predicate.known_from_time": changed,
            "role_class": r.take("title"),
            "employer_class": r.take("userType"),
        },
    )
