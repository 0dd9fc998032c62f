"""Names that events give out: leases of DHCP, an address for an asset over a time. Events in, aliases out.

    dhcp_activity, acknowledged     address 10.0.3.7 is the asset with this hardware address (or host name)
                                    from the event's time on, for lease_dur seconds; known when the record came

A lease that was given out later takes an address over, whether the one before has ended or not (`alias.py`), so leases
may come in any order. One for hardware that the estate does not have says nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from watchfloor.ocsf.column import Column
from watchfloor.ocsf.events import Events
from watchfloor.world.alias import Aliases
from watchfloor.world.entities import SURE, Alias
from watchfloor.world.resolve import times_of

__all__ = ["ALIASES_SCHEMA", "aliases_of", "aliases_table", "learned"]

ACKNOWLEDGED = 5
"""activity_id of dhcp_activity: the server has given the address out."""

LEASE_S = 86_400
"""Seconds a lease lasts of which the record does not say it."""

ALIASES_SCHEMA = pa.schema(
    [
        pa.field("source", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("value", pa.string(), nullable=False),
        pa.field("entity", pa.string(), nullable=False),
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
    activity = events.column("activity_id")
    if events.class_name != "dhcp_activity" or activity is None:
        return ()
    given = np.flatnonzero(np.isin(activity.codes, np.flatnonzero(np.asarray(activity.values) == ACKNOWLEDGED)))
    leases = events.take(given)
    address = _addresses(leases)
    if len(leases) == 0 or address is None:
        return ()
    times = times_of(leases)
    asset = Column.missing(len(leases))
    for kind, name in (("mac", "src_endpoint.mac"), ("hostname", "src_endpoint.hostname")):
        named = leases.column(name)
        if named is not None:
            meant = aliases.ask(kind, named, times)
            asset = asset.coalesce(meant.entity.where(meant.confidence >= SURE).compact())
    lasts, knew = leases.column("lease_dur"), leases.column("metadata.logged_time")
    seconds = _numbers(lasts, np.full(len(leases), LEASE_S, np.int64))
    known = _numbers(knew, times)
    because = leases.column("metadata.uid")
    uids = [""] * len(leases) if because is None else because.to_pylist()
    lists = (column.to_pylist() for column in (address, asset))
    rows = zip(*lists, times.tolist(), seconds.tolist(), known.tolist(), uids, strict=True)
    return [
        Alias(
            "", "ip", ip, entity, valid_from=since, valid_to=since + max(lasting, 1) * 1000, known_from=came,
            method="deterministic", provenance=uid or "",
        )
        for ip, entity, since, lasting, came, uid in rows
        if ip is not None and entity is not None
    ]  # fmt: skip


def aliases_table(aliases: Sequence[Alias]) -> pa.Table:
    """As rows with `ALIASES_SCHEMA`."""
    return pa.table(
        {name: [getattr(alias, name) for alias in aliases] for name in ALIASES_SCHEMA.names}, schema=ALIASES_SCHEMA
    )


def aliases_of(table: pa.Table | None) -> Sequence[Alias]:
    """The aliases in such a table, whatever other columns it has."""
    if table is None or table.num_rows == 0:
        return ()
    rows: Sequence[Mapping[str, Any]] = table.select(ALIASES_SCHEMA.names).to_pylist()
    return [Alias(**row) for row in rows]


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
