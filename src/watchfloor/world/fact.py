"""What was true of an entity over an interval: the one shape of everything the world remembers.

    entity      kind          value       valid_from  valid_to  known_from  sequence  confidence  source   because
    person-17   presence      crane-cab   02:10       06:30     02:10:04    4711      100         onguard  event uid
    person-17   in_notice     yes         1 May       -         3 May       12        100         hr       event uid

A row is a *statement*: somebody said so, and since `known_from` we know. Statements are only ever added. What is
believed follows from them: where statements of one entity and kind meet in valid time, the one known last holds (of
equals the higher sequence); one of confidence 0 says "not so". So "as known at d" is what follows from the statements
known by then, a correction is just a later statement, and the order in which they arrive changes nothing. Of
many-valued kinds (training, clearance, work orders) each value is a matter of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

__all__ = ["KINDS", "MANY", "SIGNALLED", "Kind"]


class Kind(NamedTuple):
    """A kind of fact."""

    of: str
    """Whose it is: person, asset, credential, place, portal, or the name of a device."""

    many: bool
    """Several values may hold at once."""

    says: str
    """What its value is."""


KINDS: Mapping[str, Kind] = {
    "employed": Kind("person", False, "yes; while employed or under contract"),
    "in_notice": Kind("person", False, "yes; has given or been given notice"),
    "on_leave": Kind("person", False, "yes; never why"),
    "shift": Kind("person", False, "name of the shift, or yes; the interval is the shift"),
    "clearance": Kind("person", True, "name of a clearance"),
    "training": Kind("person", True, "name of a training"),
    "travelling": Kind("person", False, "country, ISO 3166-1 alpha-2"),
    "role": Kind("person", False, "role class"),
    "escort": Kind("person", True, "uid of the visit the person has escort duty for"),
    "presence": Kind("person", False, "uid of the innermost place, `out`, or `unknown`; from sightings"),
    "on_site": Kind("person", False, "uid of the site, `out`, or `unknown`; from sightings"),
    "sighted": Kind("person", False, "uid of the place of the last sighting, however old; from sightings"),
    "credential_status": Kind("credential", False, "active, suspended, lost or ended"),
    "work_order": Kind("asset", True, "uid of an open work order or permit; of a place too, see `learning.py`"),
    "maintenance": Kind("asset", True, "uid of the order that is being carried out, or `test`"),
    "console_session": Kind(
        "asset", True, "uid of a person who has a session onto its console (KVM, board, hypervisor)"
    ),
    "leased": Kind("name of a device", False, "yes; it has an address on the estate's network"),
    "lost": Kind("asset", False, "yes; reported as not reachable, by itself or its panel"),
    "fault": Kind("asset", False, "what it reported of itself, at that moment; of what others depend on"),
    "common_cause": Kind("asset", False, "uid of what failed, by which it was lost; of a place too: `common_cause.py`"),
    "bypassed": Kind("place", True, "uid or name of an alarm point that is switched off, or yes"),
    "armed": Kind("place", False, "armed or disarmed"),
    "evacuating": Kind("place", False, "alarm or evacuated"),
    "drill": Kind("place", False, "yes; its alarm points are being tried: what they signal is no fire"),
    "tailgated": Kind(
        "place", False, "device, count or held_open: how it is known that somebody followed; an hour long"
    ),
    "counted": Kind("portal", True, "how many people a sensor counted; of one moment, like the next three"),
    "followed": Kind("portal", True, "device; it says itself that somebody followed"),
    "held_open": Kind("portal", False, "yes; longer than it should"),
    "passed": Kind("portal", True, "uid of the event of a passage by nobody who is known"),
    "portal_mode": Kind("portal", False, "locked, unlocked, accessed, blocked, lockdown: some of them mask alarms"),
}
"""Every kind of fact. A person's facts are personal data: purpose and expiry are those of their source."""

MANY = frozenset(name for name, kind in KINDS.items() if kind.many)

SIGNALLED = frozenset(("evacuating", "drill", "armed", "bypassed", "lost", "portal_mode", "console_session", "leased"))
"""Kinds of which a device says when they begin and when they end: the last signal holds, by the time at which it was
given. When it came says nothing: the end of an alarm that was delivered before its beginning is still its end."""
