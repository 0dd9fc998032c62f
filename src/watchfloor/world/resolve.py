"""Who, what and where an event names: the uids of person, credential, assets, portal, place, zone and site.

    user.name "HARBOUR\\ada", credential.uid "12:4711"   -> wf.person_uid, wf.credential_uid, wf.resolution_confidence
    dst_endpoint.ip, device.hostname, controller.name    -> wf.asset_uid          src_endpoint.* -> wf.src_asset_uid
    portal.reader_uid, portal.name, place.room           -> wf.portal_uid, wf.place_uid
    the place, the asset's place, the network            -> wf.zone_uid, wf.site_uid

A table per role says which columns name it, by which kind of alias, in order of preference. Names are looked up as of
the event's time, once per distinct value. Two columns that name two different persons name nobody, and so does
a binding below `SURE`: a wrong person is worse than none.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from watchfloor.ocsf.column import MISSING, Column
from watchfloor.ocsf.events import Events
from watchfloor.world.alias import Aliases, Meant
from watchfloor.world.directory import Directory
from watchfloor.world.entities import FOREVER, SURE

__all__ = ["Resolver", "asked", "stale", "times_of"]

Codes = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Named:
    """A column that names something.

    Args:
        column: dotted name.
        kind: kind of alias; `account` takes the sibling column `domain` along.
    """

    column: str
    kind: str


ACTING = (
    Named("actor.user.email_addr", "email"),
    Named("actor.user.name", "account"),
    Named("actor.user.uid", "sid"),
)
LOGGING_ON = (
    Named("user.email_addr", "email"),
    Named("user.name", "account"),
    Named("user.uid", "sid"),
)
CARRYING = (
    Named("credential.uid", "badge"),
    Named("credential.uid", "key"),
    Named("credential.uid", "plate"),
    Named("credential.uid", "mobile"),
)
STAFF = (
    Named("user.uid", "personnel_no"),
    Named("user.uid", "account"),
    Named("user.email_addr", "email"),
    Named("user.name", "account"),
)

PERSON: Mapping[str, Sequence[Named]] = {
    "authentication": LOGGING_ON,
    "authorize_session": LOGGING_ON,
    "physical_access_activity": (*CARRYING, *STAFF),
    "workforce_activity": STAFF,
    "maintenance_activity": STAFF,
    "": (*ACTING, Named("actor.process.user.name", "account")),
}
"""Class -> columns that name who acted; the entry without a name is for all other classes."""

NO_ACTOR: Sequence[Named] = LOGGING_ON
"""Who acted where no actor is named at all, in classes whose `user` is not somebody acted upon."""

ACTED_UPON = frozenset({"account_change", "user_access", "group_management", "entity_management"})
"""Classes whose `user` is whom something was done to."""

MANAGED = frozenset({"entity_management"})
"""Classes in which a credential is what something was done to, not what somebody carried."""

ASSET = (
    Named("controller.uid", "serial"),
    Named("controller.name", "device"),
    Named("controller.name", "hostname"),
    Named("controller.ip", "ip"),
    Named("dst_endpoint.hostname", "hostname"),
    Named("dst_endpoint.ip", "ip"),
    Named("dst_endpoint.mac", "mac"),
    Named("device.hostname", "hostname"),
    Named("device.name", "device"),
    Named("device.name", "hostname"),
    Named("device.ip", "ip"),
    Named("device.mac", "mac"),
)
SOURCE_ASSET = (
    Named("src_endpoint.hostname", "hostname"),
    Named("src_endpoint.ip", "ip"),
    Named("src_endpoint.mac", "mac"),
)
PORTAL = (Named("portal.reader_uid", "reader"), Named("portal.uid", "door"), Named("portal.name", "door"))
PLACE = (
    Named("alarm_point.uid", "point"),
    Named("place.uid", "room"),
    Named("place.room", "room"),
    Named("place.name", "room"),
    Named("place.level", "room"),
    Named("place.building", "room"),
    Named("place.site", "site"),
)
SITE = (Named("place.site", "site"),)


class Resolver:
    """Adds `wf.*` uids to events.

    Args:
        directory: what there is.
        aliases: names; by default those of the directory. More may be added to it as they are learnt.
        hidden: of aliases that are made here, see `Aliases`.
    """

    def __init__(
        self, directory: Directory, aliases: Aliases | None = None, *, hidden: Callable[[str], str] | None = None
    ) -> None:
        self.directory = directory
        self.aliases = Aliases(directory.aliases, hidden) if aliases is None else aliases
        self.counters: Counter[str] = Counter()
        """`ambiguous.<kind>` and `conflict.person`: rows for which nothing was taken because too much was said."""
        self._networks = sorted(
            (
                (ipaddress.ip_network(network), zone.uid)
                for zone in directory.zones.values()
                for network in zone.networks
            ),
            key=lambda pair: -pair[0].prefixlen,
        )

    def resolve(self, events: Events) -> Events:
        """Events with the uids of what they name; a column is missing where nothing is known."""
        rows = len(events)
        if rows == 0:
            return events
        asked = _Asked(self, events)
        person, credential, confidence = self._person(asked, events)
        managed = events.column("credential.uid") if events.class_name in MANAGED else None
        if managed is not None:
            credential = asked.first(CARRYING).coalesce(credential.where(~managed.present))
        asset = asked.first(ASSET)
        source_asset = asked.first(SOURCE_ASSET)
        portal = asked.first(PORTAL)
        place = asked.first(PLACE)
        directory = self.directory
        direction = events.column("wf.direction")
        leads = portal.where(~stale(directory, portal, times_of(events)))
        inside = _mapped(leads, lambda uid: directory.portals[uid].inside if uid in directory.portals else None)
        outside = _mapped(leads, lambda uid: directory.portals[uid].outside if uid in directory.portals else None)
        if direction is not None:  # who leaves is where they go to
            leaving = np.isin(direction.codes, _codes_of(direction, "out"))
            inside = outside.where(leaving).coalesce(inside)
        placed = asset.where(~stale(directory, asset, times_of(events)))
        stands_in = _mapped(
            placed, lambda uid: directory.assets[uid].place or None if uid in directory.assets else None
        )
        innermost = inside.coalesce(place, stands_in)
        zone = _mapped(innermost, directory.zone_of).coalesce(
            _mapped(placed, directory.zone_of_asset),
            *(self._network(events, name) for name in ("dst_endpoint.ip", "device.ip")),
        )
        site = _mapped(innermost, directory.site_of).coalesce(asked.first(SITE))
        return events.with_columns(
            {
                "wf.person_uid": person,
                "wf.credential_uid": credential,
                "wf.resolution_confidence": confidence,
                "wf.asset_uid": asset,
                "wf.src_asset_uid": source_asset,
                "wf.portal_uid": portal,
                "wf.place_uid": innermost,
                "wf.zone_uid": zone,
                "wf.site_uid": site,
            }
        )

    def _person(self, asked: _Asked, events: Events) -> tuple[Column, Column, Column]:
        """Person, credential, confidence; nobody where two columns disagree or the link is weak."""
        name = events.class_name
        ladder = list(PERSON.get(name, PERSON[""]))
        if name not in PERSON and name not in ACTED_UPON:
            ladder += NO_ACTOR
        rows = len(events)
        person = np.full(rows, MISSING, np.int32)
        credential = np.full(rows, MISSING, np.int32)
        sure = np.zeros(rows, np.int8)
        conflict = np.zeros(rows, np.bool_)
        several = np.zeros(rows, np.bool_)
        uids: pa.Array = pa.array([], pa.string())
        for rung in ladder:
            if rung in NO_ACTOR and name not in PERSON:
                # `user` acted only where no actor is named.
                meant = asked.meant(rung, where=person < 0)
            else:
                meant = asked.meant(rung)
            if meant is None:
                continue
            uids = meant.entity.values if len(meant.entity.values) > len(uids) else uids
            # A person's own name has the person as its entity; a credential's has it beside it.
            who = meant.person.codes
            several |= meant.ambiguous & (who < 0)
            conflict |= (person >= 0) & (who >= 0) & (person != who)
            fresh = (person < 0) & (who >= 0)
            person = np.where(fresh, who, person)
            sure = np.where(fresh, meant.confidence, sure)
            what = meant.entity.codes
            credential = np.where((credential < 0) & (what >= 0) & (what != who), what, credential)
        self.counters["conflict.person"] += int(conflict.sum())
        weak = conflict | (sure < SURE)
        confidence = np.where(conflict, 0, sure)
        known = (person >= 0) | conflict | several  # a name of two people is somebody's: of whom is in doubt
        person = np.where(weak, MISSING, person)
        numbers = Column(
            np.where(known, confidence, MISSING).astype(np.int32), pa.array(np.arange(101, dtype=np.int32), pa.int32())
        )
        return (
            Column(person.astype(np.int32), uids).compact(),
            Column(credential.astype(np.int32), uids).compact(),
            numbers.compact(),
        )

    def _network(self, events: Events, name: str) -> Column:
        """The zone of the smallest network an address lies in."""
        addresses = events.column(name)
        if addresses is None or not self._networks:
            return Column.missing(len(events))

        def zone(text: str) -> str | None:
            try:
                address = ipaddress.ip_address(text)
            except ValueError:
                return None
            return next((uid for network, uid in self._networks if address in network), None)

        return addresses.compact().map(zone, pa.string())


class _Asked:
    """What is asked of the aliases for one batch of events: the same column of the same kind once."""

    def __init__(self, resolver: Resolver, events: Events, *, counted: bool = True) -> None:
        self._resolver, self._events, self._counted = resolver, events, counted
        self._times = times_of(events)
        self._sources = events.column("wf.source_uid")

    def meant(self, named: Named, where: npt.NDArray[np.bool_] | None = None) -> Meant | None:
        names = self._events.column(named.column)
        if names is None:
            return None
        if not pa.types.is_string(names.type):
            names = names.text()
        if named.kind == "account":
            names = self._with_domain(names, named.column)
        if named.column == "place.room":
            names = self._on_level(names)
        if named.kind == "badge":
            names = self._with_facility(names)
        if where is not None:
            names = names.where(where)
        if names.all_missing:
            return None
        names = names.compact()
        found = [
            self._resolver.aliases.ask(
                named.kind, names if rows is None else names.take(rows),
                self._times if rows is None else self._times[rows], source=source,
            )
            for source, rows in self._by_source(named.kind)
        ]  # fmt: skip
        meant = found[0] if len(found) == 1 else _joined(found, [rows for _, rows in self._by_source(named.kind)])
        ambiguous = int(meant.ambiguous.sum())
        if ambiguous and self._counted:
            self._resolver.counters[f"ambiguous.{named.kind}"] += ambiguous
        return meant

    def first(self, ladder: Sequence[Named]) -> Column:
        """Per row the entity of the first column that names one."""
        codes = np.full(len(self._events), MISSING, np.int32)
        uids: pa.Array = pa.array([], pa.string())
        for rung in ladder:
            missing = codes < 0
            if not missing.any():
                break
            meant = self.meant(rung, where=missing)
            if meant is None:
                continue
            uids = meant.entity.values if len(meant.entity.values) > len(uids) else uids
            sure = missing & (meant.confidence >= SURE)
            codes = np.where(sure, meant.entity.codes, codes)
        return Column(codes.astype(np.int32), uids).compact()

    def _by_source(self, kind: str) -> list[tuple[str, npt.NDArray[np.int64] | None]]:
        """Sources whose names of this kind differ, with their rows; all rows at once where none has its own."""
        own = self._resolver.aliases.sources(kind)
        if self._sources is None or not own:
            return [("", None)]
        known = self._sources.values.to_pylist()
        if len(known) == 1 and self._sources.everywhere:
            return [(known[0] if known[0] in own else "", None)]
        groups: dict[str, list[int]] = {}
        for code, source in enumerate(known):
            groups.setdefault(source if source in own else "", []).append(code)
        groups.setdefault("", []).append(MISSING)
        return [(source, np.flatnonzero(np.isin(self._sources.codes, codes))) for source, codes in groups.items()]

    def _with_domain(self, names: Column, column: str) -> Column:
        domains = self._events.column(f"{column.rpartition('.')[0]}.domain")
        if domains is None:
            return names

        def whole(name: str, domain: str) -> str:
            return name if "\\" in name or "@" in name else f"{domain}\\{name}"

        return _together(names, domains.without("", "-"), whole)

    def _on_level(self, names: Column) -> Column:
        """`level/room` where both are told: rooms of two floors may share a number."""
        levels = self._events.column("place.level")
        if levels is None:
            return names
        return _together(names, levels, lambda room, level: f"{level}/{room}")

    def _with_facility(self, names: Column) -> Column:
        facilities = self._events.column("credential.facility_code")
        if facilities is None:
            return names
        return _together(names, facilities.text(), lambda number, code: f"{code}:{number}")


def asked(resolver: Resolver, events: Events, column: str, kind: str) -> Meant | None:
    """What a column of events named as a kind of alias, with domain and facility and as its source names things.

    None where no row names anything.
    """
    return _Asked(resolver, events, counted=False).meant(Named(column, kind))


def stale(directory: Directory, thing: Column, times: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Rows whose asset or portal was last seen in its place too long before their time: nobody knows where that is."""
    known = directory.fresh_until
    if not known:
        return np.zeros(len(times), np.bool_)
    until = [known.get(uid, FOREVER) for uid in thing.values.to_pylist()]
    return np.array([*until, FOREVER], np.int64)[thing.codes] <= times


def times_of(events: Events) -> npt.NDArray[np.int64]:
    """Each event's time, UTC epoch milliseconds; 0 where it has none."""
    column = events.column("time")
    if column is None or len(column.values) == 0:
        return np.zeros(len(events), np.int64)
    values = np.append(np.asarray(column.values.to_numpy(zero_copy_only=False), np.int64), 0)
    return values[column.codes]


def _together(names: Column, others: Column, function: Callable[[str, str], str]) -> Column:
    """Names made longer where the other column says something; as they are elsewhere."""

    def made(name: str | None, other: str | None) -> str | None:
        return name if name is None or other is None else function(name, other)

    return names.zip(others, made, pa.string())


def _mapped(column: Column, function: Any) -> Column:
    return column.map(lambda uid: function(uid) or None, pa.string()) if not column.all_missing else column


def _codes_of(column: Column, value: str) -> list[int]:
    return [code for code, known in enumerate(column.values.to_pylist()) if known == value]


def _joined(found: Sequence[Meant], rows: Sequence[npt.NDArray[np.int64] | None]) -> Meant:
    total = sum(len(one.confidence) for one in found)
    entity, person = np.full(total, MISSING, np.int32), np.full(total, MISSING, np.int32)
    confidence, ambiguous = np.zeros(total, np.int8), np.zeros(total, np.bool_)
    for one, where in zip(found, rows, strict=True):
        entity[where], person[where] = one.entity.codes, one.person.codes
        confidence[where], ambiguous[where] = one.confidence, one.ambiguous
    uids = max((one.entity.values for one in found), key=len)
    return Meant(Column(entity, uids), Column(person, uids), confidence, ambiguous)
