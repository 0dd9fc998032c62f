"""What belongs to nobody, or to somebody who is gone: badges, accounts, assets, as of a moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from watchfloor.world.directory import Directory
from watchfloor.world.entities import Alias

__all__ = ["REPORTS", "Orphan", "orphans"]

REPORTS: Mapping[str, str] = {
    "badge_without_person": "a badge, key, plate or phone that nobody holds",
    "account_without_person": "an account, address or certificate that nobody holds",
    "leaver_with_credential": "a live credential of somebody who is not employed",
    "asset_without_place": "an asset that stands nowhere",
}
"""What is reported."""

BADGES = frozenset(("badge", "key", "plate", "mobile"))
ACCOUNTS = frozenset(("account", "email", "certificate", "sid"))


@dataclass(frozen=True, slots=True)
class Orphan:
    """One thing to look into.

    Args:
        report: one of `REPORTS`.
        uid: of the credential or asset.
        person: who left; empty in the other reports.
        since: start of what is odd, UTC epoch milliseconds; None where it has always been so.
    """

    report: str
    uid: str
    person: str = ""
    since: int | None = None


def orphans(directory: Directory, at: int) -> Sequence[Orphan]:
    """All of them, by report and uid. Pool, visitor and shared credentials have no holder on purpose.

    Args:
        at: UTC epoch milliseconds.
    """
    live: dict[str, list[Alias]] = {}
    for alias in directory.aliases:
        if alias.entity in directory.credentials and alias.valid_from <= at < alias.valid_to:
            live.setdefault(alias.entity, []).append(alias)
    found: list[Orphan] = []
    for uid, names in live.items():
        credential = directory.credentials[uid]
        if credential.holder_kind != "person":
            continue
        holders = {alias.person for alias in names if alias.person}
        if not holders:
            report = "badge_without_person" if credential.kind in BADGES else "account_without_person"
            found.append(Orphan(report, uid))
        for person in holders:
            spans = directory.employed.get(person, ())
            if not any(start <= at < end for start, end in spans):
                left = max((end for _, end in spans if end <= at), default=None)
                found.append(Orphan("leaver_with_credential", uid, person, left))
    placeless = (asset.uid for asset in directory.assets.values() if asset.place not in directory.places)
    found += (Orphan("asset_without_place", uid) for uid in placeless)
    order = list(REPORTS)
    return sorted(found, key=lambda one: (order.index(one.report), one.uid, one.person))
