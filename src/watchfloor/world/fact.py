"""What was true of an entity over an interval, and since when we knew: the one shape of everything the world remembers.

    entity      kind             value        number  valid_from  valid_to  known_from  known_to  confidence  source
    person-17   presence         zone-crane      -      02:10       06:30     02:10:04     -         100     onguard
    person-17   employment       in_notice       -      1 May       -         3 May        -         100     hr

A table of facts is an Arrow table of `SCHEMA`. Of one entity and kind the facts believed at one moment do not overlap
in valid time, unless the kind is many-valued (training, clearance, work orders). A correction closes `known_to` of
what it replaces and adds what is believed now: nothing is edited, so "as known at" can be asked of any moment.
"""

from __future__ import annotations

import pyarrow as pa

__all__ = ["KINDS", "SCHEMA"]

SCHEMA = pa.schema(
    [
        pa.field("entity", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("value", pa.string()),
        pa.field("number", pa.float64()),
        pa.field("valid_from", pa.int64(), nullable=False),
        pa.field("valid_to", pa.int64(), nullable=False),
        pa.field("known_from", pa.int64(), nullable=False),
        pa.field("known_to", pa.int64(), nullable=False),
        pa.field("confidence", pa.int8(), nullable=False),
        pa.field("source", pa.string()),
        pa.field("because", pa.string()),
    ]
)
"""Columns of a table of facts. Times are UTC epoch milliseconds; an open end is `entities.FOREVER`. `because` is the
uid of the event, or file and line, that said so."""

KINDS = {
    # kind: (of what, what the value is)
    "presence": ("person", "uid of the innermost place the person is known to be in, `out`, or `unknown`"),
    "employment": ("person", "`active`, `in_notice`, `leave`, `suspended`, `ended`"),
    "shift": ("person", "name of the shift; the interval is the shift"),
    "clearance": ("person", "name of a clearance; many-valued"),
    "training": ("person", "name of a training; many-valued"),
    "travelling": ("person", "country code (ISO 3166-1 alpha-2)"),
    "role": ("person", "role class"),
    "escort": ("person", "uid of the visit the person has escort duty for; many-valued"),
    "visit": ("person", "uid of an approved visit; many-valued"),
    "antipassback": ("person", "`inside`, `violated`, `forgiven`"),
    "credential_status": ("credential", "`active`, `suspended`, `lost`, `ended`"),
    "work_order": ("asset", "uid of an open work order or permit; many-valued"),
    "maintenance": ("asset", "`on`: maintenance mode"),
    "asset_zone": ("asset", "uid of the zone the asset stands in"),
    "asset_place": ("asset", "uid of the place the asset stands in"),
    "asset_criticality": ("asset", "0 to 4, in `number` as well"),
    "armed": ("place", "`armed`, `disarmed`"),
    "evacuating": ("place", "`alarm`, `evacuated`, `drill`"),
    "portal_mode": ("portal", "`locked`, `unlocked`, `accessed`, `blocked`, `lockdown`: some of them mask alarms"),
    "occupancy": ("place", "`certain..possible` heads; the certain ones in `number`"),
    "source_health": ("source", "`healthy`, `late`, `silent`, `skewed`"),
}
"""Every kind of fact: whose it is and what its value says."""
