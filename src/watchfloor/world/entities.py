"""What an estate knows by name: the nouns of the world, as plain records.

    Person      a human                                      Place    site > building > level > room
    Credential  what stands for one (badge, account, key)    Portal   joins two places: a door, a gate
    Asset       a thing: host, PLC, camera, crane            Zone     places and networks under one demand (IEC 62443)
                                                             Conduit  joins two zones: a door or a firewall rule

Each has a `uid`: stable, opaque, chosen by the estate (or derived from its stable key), never a name and never
a number that people know. Names and other personal identifiers are not here but in the vault. Everything else that
names an entity in a record (badge number, account, host name, address, reader) is an `Alias`. Times are UTC epoch
milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

__all__ = [
    "FOREVER",
    "LONG_AGO",
    "SURE",
    "Alias",
    "Asset",
    "Conduit",
    "Credential",
    "Person",
    "Place",
    "Portal",
    "Reader",
    "Zone",
]

LONG_AGO = -(1 << 62)
"""Start of an interval that has always been, UTC epoch milliseconds."""

FOREVER = 1 << 62
"""End of an interval that goes on, UTC epoch milliseconds."""

SURE = 80
"""Confidence (0 to 100) below which a binding is unknown (scenarios, A2)."""


class Person(NamedTuple):
    """A human, without a name.

    Args:
        uid: opaque id, `person-…`.
        role: role class, coarse (`crane_operator`, `it_admin`, `guard`, `clerk` …): the peer group.
        department: organisational unit.
        employer: `own`, `contractor`, `agency`, `visitor`.
        site: uid of the place of work.
        start: first day of employment or contract.
        end: end of it.
    """

    uid: str
    role: str = ""
    department: str = ""
    employer: str = "own"
    site: str = ""
    start: int = LONG_AGO
    end: int = FOREVER


class Credential(NamedTuple):
    """What stands for a person.

    Args:
        uid: opaque id, `cred-…`.
        kind: `badge`, `account`, `key`, `plate`, `certificate`, `mobile`.
        holder_kind: `person`; `shared` (service or common account), `pool` and `visitor` never resolve to a person.
    """

    uid: str
    kind: str
    holder_kind: str = "person"


@dataclass(frozen=True, slots=True)
class Asset:
    """A thing that is watched.

    Args:
        uid: opaque id, `asset-…`.
        kind: `host`, `server`, `plc`, `rtu`, `hmi`, `engineering_station`, `camera`, `recorder`, `reader`,
            `door_controller`, `panel`, `switch`, `firewall`, `vehicle`, `drone`, `crane`, `sensor`.
        place: uid of the place it stands in; empty where nobody knows.
        zone: uid of the zone; empty: that of its place.
        purdue: level 0 to 5, None where it has none.
        criticality: 0 (none) to 4 (crown jewel).
        owner: uid of a person; empty where nobody owns it.
        infrastructure: uids of what it depends on (switch, UPS, controller): the common causes.
        part_of: uid of the machine or line it is part of; empty where it stands alone.
        fresh_until: where it stands was checked recently enough until then, UTC epoch milliseconds; afterwards nobody
            knows.
    """

    uid: str
    kind: str
    place: str = ""
    zone: str = ""
    purdue: float | None = None
    criticality: int = 0
    owner: str = ""
    vendor: str = ""
    model: str = ""
    infrastructure: tuple[str, ...] = ()
    part_of: str = ""
    fresh_until: int = FOREVER


class Place(NamedTuple):
    """A site, a building, a level, a room, a yard.

    Args:
        kind: `site`, `building`, `level`, `room`, `area` (outdoors), `muster`.
        parent: uid of the place around it; empty for a site.
        zone: uid of the zone it belongs to; empty: that of its parent.
        ring: outline as (x, y) in metres in the site's own grid, or in degrees (longitude, latitude) for a site.
        centre: (x, y) in metres on the site's grid, z in metres above it as the third.
    """

    uid: str
    kind: str
    name: str
    parent: str = ""
    zone: str = ""
    ring: tuple[tuple[float, float], ...] = ()
    centre: tuple[float, float, float] = (0.0, 0.0, 0.0)


class Reader(NamedTuple):
    """A reader at a portal.

    Args:
        side: `in` reads who goes from `Portal.outside` to `Portal.inside`, `out` the other way.
        interior: a read here implies that the person is inside already (muster, time clock).
    """

    uid: str
    side: str = "in"
    interior: bool = False


@dataclass(frozen=True, slots=True)
class Portal:
    """A door, gate, turnstile: joins two places.

    Args:
        kind: `door`, `gate`, `turnstile`, `mantrap`, `barrier`, `elevator`, `cage`.
        outside: uid of the place on the side one enters from.
        inside: uid of the place it leads into.
        taken_capable: it reports that somebody passed, not only that somebody may.
        free_egress: one leaves without a read.
        egress_path: part of an escape route: never to be locked.
        fail_safe: opens when power fails.
        antipassback: `none`, `soft`, `hard`, `timed`.
        controller: uid of the asset that drives it.
        cycle_s: seconds one passage takes at least.
        at: (x, y, z) in metres on the site's grid.
        fresh_until: between which places it is was checked recently enough until then, UTC epoch milliseconds;
            afterwards nobody knows.
    """

    uid: str
    kind: str
    name: str
    outside: str
    inside: str
    readers: tuple[Reader, ...] = ()
    taken_capable: bool = True
    free_egress: bool = False
    egress_path: bool = False
    fail_safe: bool = True
    antipassback: str = "none"
    controller: str = ""
    cycle_s: float = 3.0
    at: tuple[float, float, float] = (0.0, 0.0, 0.0)
    fresh_until: int = FOREVER


@dataclass(frozen=True, slots=True)
class Zone:
    """Places and network segments under one demand (IEC 62443-3-2; one vocabulary for doors and networks).

    Args:
        kind: `perimeter`, `public`, `restricted`, `critical`, `transitional`, `external`.
        parent: uid of the zone around it: who is in this one is in that one too.
        purdue: level 0 to 5 where it is a network zone.
        security_level: target, SL-T 0 to 4.
        networks: address ranges, CIDR.
        clearance: what a person needs to be here; empty: nothing.
        training: trainings a person needs to be here.
        tailgate_prone: people are known to follow each other in: absence is never sure.
        crown_jewel: what must not be lost.
    """

    uid: str
    name: str
    kind: str = "restricted"
    parent: str = ""
    purdue: float | None = None
    security_level: int = 0
    networks: tuple[str, ...] = ()
    clearance: str = ""
    training: tuple[str, ...] = ()
    tailgate_prone: bool = False
    crown_jewel: bool = False


class Conduit(NamedTuple):
    """What joins two zones: portals or firewall rules, the uids of which are in `via`."""

    uid: str
    source: str
    target: str
    via: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Alias:
    """A name for an entity in some source's records, with when it was true and when we knew (bitemporal).

    Args:
        source: the source that uses the name; empty: every source.
        kind: `badge`, `account`, `email`, `personnel_no`, `key`, `plate`, `certificate`; `hostname`, `ip`, `mac`,
            `serial`, `device`; `door`, `reader`, `room`, `camera`, `zone`.
        value: as records have it; compared without case, a badge as `facility:number` or `number` alone.
        entity: uid of what it names.
        person: uid of who that stands for in this interval, where it is a credential; empty where nobody is known or
            meant (pool and visitor badges, shared accounts).
        valid_from: true in the world since; UTC epoch milliseconds, like the other times here.
        valid_to: true until (not including).
        known_from: we believed it since.
        known_to: we believed it until: a correction closes it.
        confidence: 0 to 100.
        method: `authoritative`, `deterministic`, `probabilistic`, `manual`.
        status: `verified`, `proposed`, `rejected`; only verified ones may ever drive an action.
        provenance: file and line, or source and record, that said so.
    """

    source: str
    kind: str
    value: str
    entity: str
    person: str = ""
    valid_from: int = LONG_AGO
    valid_to: int = FOREVER
    known_from: int = LONG_AGO
    known_to: int = FOREVER
    confidence: int = 100
    method: str = "authoritative"
    status: str = "verified"
    provenance: str = field(default="", compare=False)
