"""Names that events give out: leases of DHCP, devices and addresses of an inventory. Events in, aliases out.

    dhcp_activity, acknowledged     address 10.0.3.7 is the asset with this hardware address (or host name)
                                    from the event's time on, for lease_dur seconds; known when the record came
                   released         from then on the address is nobody's, until it is given out again
    inventory_info                  the asset that one of a device's names means has its other names as well, and its
                                    address, from the event's time on to its end_time; known when the record came

    workforce_activity              the account that a directory service lists with somebody's number is that person's,
                                    from the event's time on; kept as a token (privacy.py), never as a name

What was said for later takes a name over, whether the one before has ended or not (`alias.py`), so records may come in
any order. One about hardware that the estate does not have says nothing, and so does one that says what is known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from watchfloor.ocsf.column import Column
from watchfloor.ocsf.events import Events
from watchfloor.world.alias import NOBODY, Aliases
from watchfloor.world.entities import FOREVER, SURE, Alias
from watchfloor.world.naming import forms
from watchfloor.world.resolve import times_of

__all__ = ["ALIASES_SCHEMA", "aliases_of", "aliases_table", "learned"]

ACKNOWLEDGED = 5
"""activity_id of dhcp_activity: the server has given the address out."""

RELEASED = 7
"""... and the client has given it back."""

METHOD = "deterministic"
"""Of an alias that follows from a key which both sides have."""

LEASE_S = 86_400
"""Seconds a lease lasts of which the record does not say it."""

HARDWARE: Mapping[str, str] = {"src_endpoint.mac": "mac", "src_endpoint.hostname": "hostname"}
"""Columns of a lease that say which asset it is for, surest first -> kind of alias."""

NAMES: Mapping[str, str] = {
    "device.hw_info.serial_number": "serial",
    "device.mac": "mac",
    "device.name": "device",
    "device.hostname": "hostname",
}
"""Columns of inventory_info that say which asset it is, surest first -> kind of alias; the address says it of none."""

ALIASES_SCHEMA = pa.schema(
    [
        pa.field("source", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("value", pa.string(), nullable=False),
        pa.field("entity", pa.string(), nullable=False),
        pa.field("person", pa.string()),
        pa.field("valid_from", pa.int64(), nullable=False),
        pa.field("valid_to", pa.int64(), nullable=False),
        pa.field("known_from", pa.int64(), nullable=False),
        pa.field("confidence", pa.int64(), nullable=False),
        pa.field("method", pa.string(), nullable=False),
        pa.field("provenance", pa.string(), nullable=False),
    ]
)
"""Columns of a table of learned aliases; times in UTC epoch milliseconds."""


def learned(events: Events, aliases: Aliases) -> Sequence[Alias]:
    """What events name.

    Args:
        events: of any class; those of most name nothing.
        aliases: by which hardware is known.
    """
    if events.class_name == "dhcp_activity":
        return _leased(events, aliases)
    if events.class_name == "inventory_info":
        return _listed(events, aliases)
    if events.class_name == "workforce_activity":
        return _employed(events, aliases)
    return ()


def _leased(events: Events, aliases: Aliases) -> Sequence[Alias]:
    activity = events.column("activity_id")
    if activity is None:
        return ()
    found: list[Alias] = []
    for which in (ACKNOWLEDGED, RELEASED):
        leases = events.take(
            np.flatnonzero(np.isin(activity.codes, np.flatnonzero(np.asarray(activity.values) == which)))
        )
        address = _addresses(leases)
        if len(leases) == 0 or address is None:
            continue
        asset, _ = _meant(leases, HARDWARE, aliases, times_of(leases))
        lasts = _numbers(leases.column("lease_dur"), np.full(len(leases), LEASE_S, np.int64))
        until = times_of(leases) + np.maximum(lasts, 1) * 1000
        if which == RELEASED:
            asset, until = asset.map(lambda _: NOBODY, pa.string()), np.full(len(leases), FOREVER, np.int64)
        found += _made("ip", address, asset, until, leases)
    return found


def _listed(events: Events, aliases: Aliases) -> Sequence[Alias]:
    """An inventory writes names as they are when it is asked, whenever what it says of them began."""
    asset, by = _meant(events, NAMES, aliases, _known(events))
    until = _numbers(events.column("end_time"), np.full(len(events), FOREVER, np.int64))
    found: list[Alias] = []
    for number, (name, kind) in enumerate((*NAMES.items(), ("device.ip", "ip"))):
        named = events.column(name)
        if named is not None:  # the name by which the asset was known says nothing new
            found += _made(kind, named.where(by != number), asset, until, events)
    return [alias for alias in dict.fromkeys(found) if not aliases.states(alias)]


def _employed(events: Events, aliases: Aliases) -> Sequence[Alias]:
    """Whose an account is, of people whose number is known; not of accounts that a file or a record names already."""
    number, account = events.column("user.uid"), events.column("user.name")
    if number is None or account is None or aliases.hidden is None:
        return ()
    times = times_of(events)
    meant, known = aliases.ask("personnel_no", number, times), aliases.ask("account", account, times)
    nobody = ~(known.person.present | known.entity.present | known.ambiguous)
    person = meant.person.where((meant.confidence >= SURE) & nobody)
    holds = events.column("predicate.holds")
    if holds is not None:  # who left has no account any more that would have to be known
        person = person.where(~np.isin(holds.codes, np.flatnonzero(~np.asarray(holds.values, np.bool_))))
    token = account.where(person.present).map(lambda name: _token(name, aliases.hidden), pa.string())
    until = np.full(len(events), FOREVER, np.int64)
    return [replace(one, person=one.entity) for one in _made("account", token, person, until, events)]


def _token(name: str, hidden: Callable[[str], str] | None) -> str | None:
    """None of an account that is nobody's (`naming.NOBODY`)."""
    written = forms("account", name)
    return hidden(written[0]) if written and hidden is not None else None


def _meant(
    events: Events, names: Mapping[str, str], aliases: Aliases, at: npt.NDArray[np.int64]
) -> tuple[Column, npt.NDArray[np.int64]]:
    """The asset that the first of these columns means which means one surely, and the number of that column or -1."""
    asset, by = Column.missing(len(events)), np.full(len(events), -1, np.int64)
    for number, (name, kind) in enumerate(names.items()):
        named = events.column(name)
        if named is not None:
            meant = aliases.ask(kind, named, at)
            here = meant.entity.where(meant.confidence >= SURE).compact()
            by[(by < 0) & here.present] = number
            asset = asset.coalesce(here)
    return asset, by


def _made(kind: str, names: Column, asset: Column, until: npt.NDArray[np.int64], events: Events) -> Sequence[Alias]:
    """An alias for each row that has a name and an asset, from the event's time on; few records a day say so."""
    times, known = times_of(events), _known(events)
    because = events.column("metadata.uid")
    uids = [""] * len(events) if because is None else because.to_pylist()
    lists = (column.to_pylist() for column in (names, asset))
    rows = zip(*lists, times.tolist(), until.tolist(), known.tolist(), uids, strict=True)
    return [
        Alias(
            "", kind, name, entity, valid_from=since, valid_to=end, known_from=came,
            method=METHOD, provenance=uid or "",
        )
        for name, entity, since, end, came, uid in rows
        if name is not None and entity is not None and end > since
    ]  # fmt: skip


def _known(events: Events) -> npt.NDArray[np.int64]:
    """When each record came; its own time where that is not said."""
    return _numbers(events.column("metadata.logged_time"), times_of(events))


def aliases_table(aliases: Sequence[Alias]) -> pa.Table:
    """As rows with `ALIASES_SCHEMA`."""
    return pa.table(
        {name: [getattr(alias, name) for alias in aliases] for name in ALIASES_SCHEMA.names}, schema=ALIASES_SCHEMA
    )


def aliases_of(table: pa.Table | None) -> Sequence[Alias]:
    """The aliases in such a table, whatever other columns it has."""
    if table is None or table.num_rows == 0:
        return ()
    there = [name for name in ALIASES_SCHEMA.names if name in table.column_names]  # `person` came later
    rows: Sequence[dict[str, Any]] = table.select(there).to_pylist()
    return [Alias(**{**row, "person": row.get("person") or ""}) for row in rows]


def _addresses(leases: Events) -> Column | None:
    """The address each lease is about: the one assigned, else the one the client speaks from."""
    assigned, speaks = leases.column("src_endpoint.intermediate_ips"), leases.column("src_endpoint.ip")
    first = None if assigned is None else assigned.map(lambda ips: ips[0] if ips else None, pa.string())
    return speaks if first is None else first if speaks is None else first.coalesce(speaks)


def _numbers(column: Column | None, default: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    if column is None or len(column.values) == 0:
        return default
    values = np.append(np.asarray(column.values, np.int64), 0)
    return np.where(column.present, values[column.codes], default)
