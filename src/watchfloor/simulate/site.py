"""The site as columns: people, badges, places, portals and things of an estate's folder, numbered.

Everything that lives is drawn by these numbers. Names come from the directory's vault: raw records of the products hold
them, so the simulated ones do as well.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from watchfloor.simulate.draft import NOBODY, Codes
from watchfloor.simulate.lines import Ints
from watchfloor.simulate.walking import Walks, walks
from watchfloor.world.directory import Directory, load
from watchfloor.world.entities import FOREVER, SURE

__all__ = ["OUTDOORS", "Badges", "Site", "read_site"]

OUTDOORS = frozenset({"external"})
"""Kinds of zones that are off the site."""


@dataclass(frozen=True, slots=True)
class Badges:
    """Badges by person and the time from which they hold; sorted by both."""

    person: Codes
    since: Ints
    until: Ints
    number: tuple[str, ...]
    facility: tuple[str, ...]
    _keys: Ints

    def at(self, person: npt.NDArray[np.integer], time: Ints) -> Codes:
        """The row of the badge each person has at a time; `NOBODY` without one."""
        key = (person.astype(np.int64) << 43) + np.clip(time, 0, None)
        row = np.searchsorted(self._keys, key, side="right") - 1
        valid = (row >= 0) & (self.person[row] == person) & (time < self.until[row])
        return np.where(valid, row, NOBODY).astype(np.int32)


@dataclass(frozen=True)
class Site:
    """An estate, numbered.

    Args:
        people, places, portals, assets: uids; codes are positions in them.
        role, employer, account, name, number: per person.
        employed: per person the intervals of employment.
        home: per person the place outside their site; rank: position within the role, which gives the crew.
        host: per person their computer; desk: the place it stands in; `NOBODY` without.
        pools, visitors: badge numbers that stand for nobody, with facility.
    """

    directory: Directory
    people: tuple[str, ...]
    role: tuple[str, ...]
    employer: tuple[str, ...]
    account: tuple[str, ...]
    name: tuple[str, ...]
    number: tuple[str, ...]
    employed: tuple[tuple[tuple[int, int], ...], ...]
    rank: Ints
    home: Codes
    host: Codes
    desk: Codes
    places: tuple[str, ...]
    portals: tuple[str, ...]
    assets: tuple[str, ...]
    badges: Badges
    pools: tuple[tuple[str, str], ...]
    visitors: tuple[tuple[str, str], ...]
    walks: Walks

    @cached_property
    def place_code(self) -> Mapping[str, int]:
        """uid of a place -> code."""
        return {uid: code for code, uid in enumerate(self.places)}

    @cached_property
    def portal_code(self) -> Mapping[str, int]:
        """uid of a portal -> code."""
        return {uid: code for code, uid in enumerate(self.portals)}

    @cached_property
    def asset_code(self) -> Mapping[str, int]:
        """uid of an asset -> code."""
        return {uid: code for code, uid in enumerate(self.assets)}

    @cached_property
    def roles(self) -> npt.NDArray[np.str_]:
        """Role of each person, to be compared."""
        return np.array(self.role)

    @cached_property
    def has_account(self) -> npt.NDArray[np.bool_]:
        """Who has an account."""
        return np.array([bool(name) for name in self.account])

    @cached_property
    def outside(self) -> npt.NDArray[np.bool_]:
        """Places that are off the site."""
        zones = self.directory.zones
        found = (zones.get(self.directory.zone_of(uid)) for uid in self.places)
        return np.array([zone is not None and zone.kind in OUTDOORS for zone in found])

    @cached_property
    def zone(self) -> tuple[str, ...]:
        """uid of the zone of each place."""
        return tuple(self.directory.zone_of(uid) for uid in self.places)

    def names(self, kind: str) -> Mapping[str, str]:
        """uid of an asset -> its first alias of a kind (hostname, ip, mac, device)."""
        return self._names.get(kind, {})

    @cached_property
    def _names(self) -> Mapping[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for alias in self.directory.aliases:
            if alias.entity in self.directory.assets:
                found.setdefault(alias.kind, {}).setdefault(alias.entity, alias.value)
        return found

    @cached_property
    def readers(self) -> tuple[tuple[str, str], ...]:
        """How the door system calls the readers of each portal, in and out: by `aliases.csv`, else by its uid."""
        found: dict[str, list[str]] = {}
        for alias in self.directory.aliases:
            if alias.kind == "reader" and alias.source == "onguard":
                found.setdefault(alias.entity, []).append(alias.value)
        named = (found.get(uid, [uid]) for uid in self.portals)
        return tuple((names[0], names[-1]) for names in named)

    @cached_property
    def points(self) -> Mapping[tuple[str, str], str]:
        """Account of a panel and uid of a place -> number of the point that watches it, by `aliases.csv`."""
        found = {}
        for alias in self.directory.aliases:
            if alias.kind == "point" and alias.source == "panels":
                account, _, number = alias.value.partition("/")
                found[account, alias.entity] = number
        return found

    @cached_property
    def weak(self) -> Mapping[str, str]:
        """Kind (account, badge) -> a name that is linked to somebody by likeness only; of badges the number."""
        found: dict[str, str] = {}
        for alias in self.directory.aliases:
            if alias.confidence < SURE:
                found.setdefault(alias.kind, alias.value.rpartition(":")[2])
        return found

    @cached_property
    def controllers(self) -> Codes:
        """The asset that drives each portal; `NOBODY` without one."""
        uids = (self.directory.portals[uid].controller for uid in self.portals)
        return np.array([self.asset_code.get(uid, NOBODY) for uid in uids], np.int32)

    @cached_property
    def stands(self) -> Codes:
        """Code of the place each asset stands in; last `NOBODY`, of no asset."""
        uids = (self.directory.assets[uid].place for uid in self.assets)
        return np.array([*(self.place_code.get(uid, NOBODY) for uid in uids), NOBODY], np.int32)

    def of(self, kind: str) -> list[int]:
        """Codes of the assets of a kind."""
        return [code for code, uid in enumerate(self.assets) if self.directory.assets[uid].kind == kind]

    def words(self, kind: str) -> pa.Array:
        """Names by code: account, name, badge, facility of people, else of assets; last an empty one.

        `computer` is a host name as Windows writes it.
        """
        if kind == "computer" and kind not in self._words:
            self._words[kind] = pc.utf8_upper(self.words("hostname"))
        if kind not in self._words:
            own = {"account": self.account, "name": self.name, "badge": self.badges.number}
            own["facility"] = self.badges.facility
            self._words[kind] = pa.array([*(own[kind] if kind in own else self.column(kind)), ""], pa.string())
        return self._words[kind]

    @cached_property
    def _words(self) -> dict[str, pa.Array]:
        return {}

    def column(self, kind: str) -> list[str]:
        """A name of each asset, empty without one."""
        if kind not in self._columns:
            names = self.names(kind)
            self._columns[kind] = [names.get(uid, "") for uid in self.assets]
        return self._columns[kind]

    @cached_property
    def _columns(self) -> dict[str, list[str]]:
        return {}

    def using(self, host: Codes) -> Site:
        """The same site on a day on which people use these computers."""
        day = replace(self, host=host)
        known = {field.name for field in fields(self)}
        day.__dict__.update({name: value for name, value in self.__dict__.items() if name not in known})
        return day

    def at_work(self, time: int) -> npt.NDArray[np.bool_]:
        """Who is employed at a moment."""
        return np.array([any(start <= time < end for start, end in spans) for spans in self.employed])


def read_site(folder: Path, *, timezone: str) -> Site:
    """The site that an estate's folder describes.

    Raises:
        EstateError: a file is wrong; with file and line.
    """
    directory = load(folder, timezone=timezone)
    people = tuple(sorted(directory.persons))
    code = {uid: i for i, uid in enumerate(people)}
    places, portals = tuple(directory.places), tuple(directory.portals)
    assets = tuple(directory.assets)
    named = {one.uid: one for one in directory.named}
    accounts, badges, pools, visitors = _credentials(directory, code)
    place_code = {uid: i for i, uid in enumerate(places)}
    hosts = {a.owner: i for i, a in enumerate(directory.assets.values()) if a.owner and a.kind == "host"}
    host = np.array([hosts.get(uid, NOBODY) for uid in people], np.int32)
    desk = [NOBODY if h < 0 else place_code.get(directory.assets[assets[h]].place, NOBODY) for h in host]
    outside = _outside(directory)
    ranks: dict[str, int] = {}
    rank = []
    for uid in sorted(people, key=lambda uid: zlib.crc32(uid.encode())):
        role = directory.persons[uid].role
        ranks[role] = ranks.get(role, -1) + 1
        rank.append((code[uid], ranks[role]))
    return Site(
        directory=directory,
        people=people,
        role=tuple(directory.persons[uid].role for uid in people),
        employer=tuple(directory.persons[uid].employer for uid in people),
        account=tuple(accounts.get(uid, "") for uid in people),
        name=tuple(named[uid].name for uid in people),
        number=tuple(named[uid].personnel_no for uid in people),
        employed=tuple(directory.employed[uid] for uid in people),
        rank=np.array([value for _, value in sorted(rank)], np.int64),
        home=np.array([place_code[outside[directory.persons[uid].site]] for uid in people], np.int32),
        host=host,
        desk=np.array(desk, np.int32),
        places=places,
        portals=portals,
        assets=assets,
        badges=badges,
        pools=pools,
        visitors=visitors,
        walks=walks(directory),
    )


def _outside(directory: Directory) -> dict[str, str]:
    """The outdoors of each site; a person without a known site begins at the first one."""
    found: dict[str, str] = {}
    for uid in directory.places:
        zone = directory.zones.get(directory.zone_of(uid))
        if zone is not None and zone.kind in OUTDOORS and directory.places[uid].kind == "area":
            found.setdefault(directory.site_of(uid), uid)
            found.setdefault("", uid)
    return found


def _credentials(
    directory: Directory, code: Mapping[str, int]
) -> tuple[dict[str, str], Badges, tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]:
    accounts: dict[str, str] = {}
    rows: list[tuple[int, int, int, str, str]] = []
    nobody: dict[str, list[tuple[str, str]]] = {"pool": [], "visitor": []}
    for alias in directory.aliases:
        if alias.confidence < SURE:
            continue
        if alias.kind == "account" and alias.person and "\\" not in alias.value and "@" not in alias.value:
            accounts.setdefault(alias.person, alias.value)
        if alias.kind == "badge":
            facility, _, number = alias.value.rpartition(":")
            if alias.person:
                rows.append((code[alias.person], max(alias.valid_from, 0), alias.valid_to, number, facility))
            else:
                kind = directory.credentials[alias.entity].holder_kind
                nobody.setdefault(kind, []).append((number, facility))
    rows.sort()
    persons = np.array([row[0] for row in rows], np.int32)
    since = np.array([row[1] for row in rows], np.int64)
    until = np.array([min(row[2], FOREVER) for row in rows], np.int64)
    keys = (persons.astype(np.int64) << 43) + np.clip(since, 0, None)
    badges = Badges(persons, since, until, tuple(r[3] for r in rows), tuple(r[4] for r in rows), keys)
    return accounts, badges, tuple(nobody["pool"]), tuple(nobody["visitor"])
