"""How credentials stand: active, suspended, lost, ended. Events and files in, statements out.

    credentials.csv       active from valid_from to valid_to; ended after the last
    account_change        created, enabled, unlocked: active; disabled, locked: suspended; deleted: ended
    entity_management     credential.status as the access control system says it, else by what was done

An event holds from its time on, to the end that the files give it; what is known later holds (history.py). The
credential is the one that was changed, not the one it was changed with.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from watchfloor.ocsf.column import Column
from watchfloor.ocsf.events import Events
from watchfloor.world.directory import Directory
from watchfloor.world.entities import FOREVER, LONG_AGO, SURE
from watchfloor.world.history import Statement
from watchfloor.world.resolve import Resolver, asked, times_of

__all__ = ["ACTIVE", "NAMED", "STATUSES", "changed", "from_files"]

KIND = "credential_status"
ACTIVE, SUSPENDED, LOST, ENDED = "active", "suspended", "lost", "ended"
STATUSES = (ACTIVE, SUSPENDED, LOST, ENDED)

DONE: Mapping[str, Mapping[int, str]] = {
    "account_change": {1: ACTIVE, 2: ACTIVE, 12: ACTIVE, 5: SUSPENDED, 9: SUSPENDED, 6: ENDED},
    "entity_management": {8: ACTIVE, 10: ACTIVE, 13: ACTIVE, 9: SUSPENDED, 12: SUSPENDED, 4: ENDED, 11: ENDED},
}
"""Class -> activity_id -> how the credential stands after it. Nothing else that is done changes it."""

NAMED: Mapping[str, Sequence[tuple[str, str]]] = {
    "account_change": (("user.email_addr", "email"), ("user.name", "account"), ("user.uid", "sid")),
    "entity_management": (
        ("credential.uid", "badge"),
        ("credential.uid", "key"),
        ("credential.uid", "plate"),
        ("credential.uid", "mobile"),
    ),
}
"""Class -> columns and kinds of alias that name the credential, in order of preference."""

FAILURE = 2
"""status_id of what was tried in vain."""


def from_files(directory: Directory) -> Iterator[Statement]:
    """What credentials.csv states."""
    for uid, spans in _spans(directory).items():
        for since, until in spans:
            yield Statement(uid, KIND, ACTIVE, since, until, LONG_AGO, because="credentials.csv")
        last = max(until for _, until in spans)
        if last < FOREVER:
            yield Statement(uid, KIND, ENDED, last, FOREVER, LONG_AGO, because="credentials.csv")


def changed(events: Events, resolver: Resolver) -> Iterator[Statement]:
    """What events state of the credentials they change."""
    named = NAMED.get(events.class_name)
    if named is None or len(events) == 0:
        return
    uid, credentials = Column.missing(len(events)), resolver.directory.credentials
    for column, kind in named:
        meant = asked(resolver, events, column, kind)
        if meant is not None:
            known = meant.entity.where(meant.confidence >= SURE).compact()
            uid = uid.coalesce(known.keep(lambda entity: entity in credentials))
    columns = {
        name: [None] * len(events) if column is None else column.to_pylist()
        for name in (
            "activity_id", "status_id", "credential.status", "metadata.logged_time", "metadata.uid", "wf.source_uid",
            "wf.source_seq",
        )
        for column in (events.column(name),)
    }  # fmt: skip
    ends = {known: max(until for _, until in spans) for known, spans in _spans(resolver.directory).items()}
    times = times_of(events).tolist()
    for row, credential in enumerate(uid.to_pylist()):
        if credential is None or columns["status_id"][row] == FAILURE:
            continue
        said = columns["credential.status"][row]
        status = said if said in STATUSES else DONE[events.class_name].get(columns["activity_id"][row] or 0)
        if status is not None:
            end, time, knew = ends.get(credential, FOREVER), times[row], columns["metadata.logged_time"][row]
            yield Statement(
                credential, KIND, status, time, end if time < end else FOREVER, time if knew is None else knew,
                columns["wf.source_seq"][row] or 0, 100, columns["wf.source_uid"][row] or "",
                columns["metadata.uid"][row] or "",
            )  # fmt: skip


def _spans(directory: Directory) -> Mapping[str, list[tuple[int, int]]]:
    found: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for alias in directory.aliases:
        if alias.entity in directory.credentials and alias.valid_from < alias.valid_to:
            found[alias.entity].append((alias.valid_from, alias.valid_to))
    return found
