"""The directory: all that an estate's files say about people, assets, places and their names, checked as a whole.

    people/people.csv  people/credentials.csv      who there is, what stands for them            people.py
    assets/assets.csv                              the things that are watched                   assets.py
    places/*.geojson                               floor plans: places, portals, cameras         floorplan.py
    places/zones.toml                              zones and conduits                            zones.py
    aliases.csv                                    names in particular sources                   here

All are optional. What it holds is as of the files: what sources tell later (leases, new badges, moves) comes on top.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from zoneinfo import ZoneInfo

from watchfloor.errors import EstateError
from watchfloor.world.assets import read_assets
from watchfloor.world.entities import FOREVER, Alias, Asset, Conduit, Credential, Person, Place, Portal, Zone
from watchfloor.world.floorplan import read_plans
from watchfloor.world.people import Named, read_credentials, read_people
from watchfloor.world.rows import rows, zone_named
from watchfloor.world.zones import read_zones

__all__ = ["ALIASES", "FILES", "Directory", "load"]

FILES: Mapping[str, str] = {
    "people/people.csv": "who there is",
    "people/credentials.csv": "badges, accounts, keys, plates and whom they stand for",
    "assets/assets.csv": "hosts, controllers, cameras and their names",
    "places/*.geojson": "floor plans: sites, buildings, levels, rooms, portals, cameras",
    "places/zones.toml": "zones and conduits",
    "aliases.csv": "names that one source uses for an entity",
}
"""Files of an estate that describe its world."""

ALIASES: Mapping[str, str] = {
    "source": "id of the source that uses the name; empty: all",
    "kind": "kind of name: door, reader, room, point (of a panel), device, hostname, ip, mac, account, badge ...",
    "value": "the name as records have it",
    "entity": "uid of what it names",
    "valid_from": "true since",
    "valid_to": "true until",
    "known_from": "when we knew",
    "confidence": "0 to 100, 100 without it",
    "method": "authoritative, deterministic, probabilistic or manual",
    "status": "verified, proposed or rejected",
}
"""Columns of aliases.csv."""

DAY_MS = 86_400_000

METHODS = ("authoritative", "deterministic", "probabilistic", "manual")
STATUSES = ("verified", "proposed", "rejected")


@dataclass(frozen=True)
class Directory:
    """Everything the files say.

    Args:
        employed: per person the intervals of employment, [start, end) in UTC epoch milliseconds.
        located: longitude and latitude of each site, degrees (WGS 84).
        cameras: uid of a camera -> uids of the places and portals it covers.
        zone_of_place: uid of a place -> uid of its zone, inherited from the places around it.
        aliases: every name of everything.
        named: what identifies people to people: for the vault.
        timezone: in which days begin and end.
        same: uid of a person -> uid of whom it was merged into (links.py).
    """

    persons: Mapping[str, Person]
    employed: Mapping[str, tuple[tuple[int, int], ...]]
    credentials: Mapping[str, Credential]
    assets: Mapping[str, Asset]
    places: Mapping[str, Place]
    portals: Mapping[str, Portal]
    zones: Mapping[str, Zone]
    conduits: Mapping[str, Conduit]
    located: Mapping[str, tuple[float, float]]
    cameras: Mapping[str, tuple[str, ...]]
    zone_of_place: Mapping[str, str]
    aliases: tuple[Alias, ...] = field(repr=False)
    named: tuple[Named, ...] = field(repr=False)
    timezone: ZoneInfo
    same: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether the estate says anything about its world."""
        return bool(self.persons or self.credentials or self.assets or self.places or self.zones)

    def up(self, place: str) -> Iterator[str]:
        """The place and those around it, innermost first."""
        while place in self.places:
            yield place
            place = self.places[place].parent

    def around(self, zone: str) -> Iterator[str]:
        """The zone and those it lies in, innermost first."""
        while zone in self.zones:
            yield zone
            zone = self.zones[zone].parent

    def zone_of(self, place: str) -> str:
        """The zone of a place; empty where it has none."""
        return self.zone_of_place.get(place, "")

    def site_of(self, place: str) -> str:
        """The site a place is on; empty where none is known."""
        return next((uid for uid in self.up(place) if self.places[uid].kind == "site"), "")

    def zone_of_asset(self, asset: str) -> str:
        """The zone an asset stands in: its own, or that of its place."""
        known = self.assets.get(asset)
        return "" if known is None else known.zone or self.zone_of(known.place)

    @cached_property
    def fresh_until(self) -> Mapping[str, int]:
        """uid of an asset or portal -> until when it is known where that is, of those that grow stale one day."""
        every: tuple[Asset | Portal, ...] = (*self.assets.values(), *self.portals.values())
        return {one.uid: one.fresh_until for one in every if one.fresh_until < FOREVER}

    @cached_property
    def shared(self) -> frozenset[str]:
        """Assets that others depend on: switches, UPS, controllers."""
        return frozenset(uid for asset in self.assets.values() for uid in asset.infrastructure)

    @cached_property
    def driven(self) -> Mapping[str, frozenset[str]]:
        """Controller -> places into which it drives a door."""
        found: dict[str, set[str]] = {}
        for portal in self.portals.values():
            found.setdefault(portal.controller, set()).add(portal.inside)
        return {uid: frozenset(places) for uid, places in found.items() if uid}

    def building_of(self, place: str) -> str:
        """The building a place is in; outdoors the innermost area; empty where it is in neither."""
        around = list(self.up(place))
        kinds = [self.places[uid].kind for uid in around]
        return next((around[kinds.index(kind)] for kind in ("building", "area") if kind in kinds), "")

    def inside(self, place: str) -> frozenset[str]:
        """The place and all places in it."""
        return self._inside.get(place, frozenset())

    @cached_property
    def _inside(self) -> Mapping[str, frozenset[str]]:
        found: dict[str, set[str]] = {}
        for uid in self.places:
            for around in self.up(uid):
                found.setdefault(around, set()).add(uid)
        return {uid: frozenset(places) for uid, places in found.items()}

    def portals_of(self, zone: str) -> tuple[Portal, ...]:
        """Portals through which one gets into a zone, or out of it: one side lies in it (or in a zone in it)."""
        return self._portals_of.get(zone, ())

    @cached_property
    def _portals_of(self) -> Mapping[str, tuple[Portal, ...]]:
        found: dict[str, list[Portal]] = {}
        for portal in self.portals.values():
            outside = set(self.around(self.zone_of(portal.outside)))
            inside = set(self.around(self.zone_of(portal.inside)))
            for zone in outside ^ inside:
                found.setdefault(zone, []).append(portal)
        return {zone: tuple(portals) for zone, portals in found.items()}


def load(folder: Path, *, timezone: str = "UTC", map_days: float | None = None) -> Directory:
    """Read an estate's world.

    Args:
        folder: where estate.toml is.
        timezone: IANA name; times without an offset and days are of it.
        map_days: days for which it holds that somebody checked where an asset stands or a portal leads; None: for ever.

    Raises:
        EstateError: a file is wrong, or names an entity that is in none; with file and line.
    """
    try:
        zone = zone_named(timezone)
    except ValueError as error:
        raise EstateError(str(error), file=folder / "estate.toml", remedy='like timezone = "Europe/Paris"') from None
    people = read_people(folder / "people" / "people.csv", zone)
    credentials = read_credentials(folder / "people" / "credentials.csv", zone, people.persons)
    fresh_ms = None if map_days is None else int(map_days * DAY_MS)
    assets = read_assets(folder / "assets" / "assets.csv", zone, fresh_ms=fresh_ms)
    plans = read_plans(folder / "places", zone, fresh_ms=fresh_ms)
    zones_file = folder / "places" / "zones.toml"
    zones = read_zones(zones_file)
    _check_places(plans.places, plans.portals, plans.where, zones.zones)
    for place, zone_uid in zones.places.items():
        if place not in plans.places:
            raise EstateError(
                f"zone {zone_uid} names place {place!r}, which no floor plan draws", file=zones_file,
                line=zones.lines[zone_uid], remedy="draw it in places/*.geojson, or take it out",
            )  # fmt: skip
    zone_of: dict[str, str] = {}
    for uid in plans.places:
        zone_of[uid] = _inherited(uid, plans.places, zones.places)
    known = {*people.persons, *credentials.credentials, *assets.assets, *plans.places, *plans.portals, *zones.zones}
    _check_assets(
        folder / "assets" / "assets.csv", assets.assets, assets.aliases, plans.places, zones.zones, people.persons
    )
    zone_names = tuple(
        Alias("", "zone", name, one.uid, provenance=f"zones.toml:{zones.lines[one.uid]}")
        for one in zones.zones.values()
        for name in (one.uid, one.name)
        if name
    )
    return Directory(
        persons=people.persons,
        employed=people.employed,
        credentials=credentials.credentials,
        assets=assets.assets,
        places=plans.places,
        portals=plans.portals,
        zones=zones.zones,
        conduits=zones.conduits,
        located=plans.located,
        cameras=plans.cameras,
        zone_of_place=zone_of,
        aliases=(
            *people.aliases,
            *credentials.aliases,
            *assets.aliases,
            *plans.aliases,
            *zone_names,
            *_named_elsewhere(folder / "aliases.csv", zone, known, people.persons),
        ),
        named=people.named,
        timezone=zone,
    )


def _named_elsewhere(path: Path, zone: ZoneInfo, known: set[str], persons: Collection[str]) -> Iterator[Alias]:
    for row in rows(path, ALIASES, zone):
        entity = row.must("entity")
        if entity not in known:
            raise row.wrong(f"{entity!r} is no entity of this estate", "name a uid of people, assets, places or zones")
        confidence = row.number("confidence", 100.0)
        if confidence is None or not 0 <= confidence <= 100:
            raise row.wrong(f"confidence {confidence} is not 0 to 100", "100 is certain")
        valid_from, valid_to = row.span("valid_from", "valid_to")
        yield Alias(
            source=row.text("source"),
            kind=row.must("kind"),
            value=row.must("value"),
            entity=entity,
            person=entity if entity in persons else "",
            valid_from=valid_from,
            valid_to=valid_to,
            known_from=row.since("known_from"),
            confidence=int(confidence),
            method=row.one_of("method", METHODS, "authoritative"),
            status=row.one_of("status", STATUSES, "verified"),
            provenance=row.place,
        )


def _inherited(uid: str, places: Mapping[str, Place], given: Mapping[str, str]) -> str:
    while uid in places:
        zone = places[uid].zone or given.get(uid, "")
        if zone:
            return zone
        uid = places[uid].parent
    return ""


def _check_places(
    places: Mapping[str, Place],
    portals: Mapping[str, Portal],
    where: Mapping[str, tuple[Path, int | None]],
    zones: Mapping[str, Zone],
) -> None:
    def wrong(uid: str, what: str, remedy: str) -> EstateError:
        path, line = where[uid]
        return EstateError(what, file=path, line=line, remedy=remedy)

    for place in places.values():
        if place.parent and place.parent not in places:
            raise wrong(
                place.uid, f"{place.uid} lies in {place.parent!r}, which is not drawn", "draw it, or name another"
            )
        if place.zone and place.zone not in zones:
            raise wrong(
                place.uid, f"{place.uid} is in zone {place.zone!r}, which is not in zones.toml", "add a [[zone]]"
            )
        seen, around = {place.uid}, place.parent
        while around:
            if around in seen:
                raise wrong(place.uid, f"{place.uid} lies in itself", "break the circle of parents")
            seen.add(around)
            around = places[around].parent if around in places else ""
    for portal in portals.values():
        for side in (portal.outside, portal.inside):
            if side not in places:
                raise wrong(portal.uid, f"portal {portal.uid} leads to {side!r}, which is not drawn", "draw that place")


def _check_assets(
    path: Path,
    assets: Mapping[str, Asset],
    aliases: tuple[Alias, ...],
    places: Mapping[str, Place],
    zones: Mapping[str, Zone],
    persons: Mapping[str, Person],
) -> None:
    lines = {alias.entity: int(alias.provenance.rpartition(":")[2]) for alias in aliases}
    for asset in assets.values():
        for what, uid, known in (
            ("place", asset.place, places),
            ("zone", asset.zone, zones),
            ("owner", asset.owner, persons),
            *(("infrastructure", one, assets) for one in asset.infrastructure),
            ("part_of", asset.part_of, assets),
        ):
            if uid and uid not in known:
                raise EstateError(
                    f"the {what} of {asset.uid} is {uid!r}, which is not there", file=path,
                    line=lines.get(asset.uid), remedy="add it, or leave the cell empty",
                )  # fmt: skip
        seen, around = {asset.uid}, asset.part_of
        while around:
            if around in seen:
                raise EstateError(
                    f"{asset.uid} is part of itself", file=path, line=lines.get(asset.uid),
                    remedy="break the circle of part_of",
                )  # fmt: skip
            seen.add(around)
            around = assets[around].part_of if around in assets else ""
