"""people/people.csv and people/credentials.csv: who there is, and what stands for them.

    uid,personnel_no,name,email,role,department,employer,site,start,end
    uid,kind,value,facility,holder,holder_kind,valid_from,valid_to,known_from

A person may have several rows: a rehire is the same uid with another interval. A badge number in two rows with other
intervals is a re-issued badge. Name, e-mail and personnel number are for the vault; here they only become aliases.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from zoneinfo import ZoneInfo

from watchfloor.world.entities import FOREVER, Alias, Credential, Person
from watchfloor.world.rows import Row, rows

__all__ = ["CREDENTIALS", "PEOPLE", "Credentials", "Named", "People", "read_credentials", "read_people"]

PEOPLE: Mapping[str, str] = {
    "uid": "opaque id of the person, never reused",
    "personnel_no": "number in the HR system (vault)",
    "name": "name (vault)",
    "email": "e-mail address (vault)",
    "role": "role class, the peer group: crane_operator, it_admin, guard, clerk",
    "department": "organisational unit",
    "employer": "own, contractor, agency or visitor",
    "site": "uid of the place of work",
    "start": "first day; a rehire is another row of the same uid",
    "end": "last day; empty: goes on",
}
"""Columns of people/people.csv."""

CREDENTIALS: Mapping[str, str] = {
    "uid": "opaque id of the credential; several names of one account have one uid",
    "kind": "badge, account, email, key, plate, certificate, mobile or sid",
    "value": "as records write it",
    "facility": "facility code of a badge: numbers repeat across codes",
    "holder": "uid of the person; empty for pool, visitor and shared ones",
    "holder_kind": "person, pool, visitor or shared",
    "valid_from": "issued",
    "valid_to": "ended; empty: goes on",
    "known_from": "when we knew; empty: always",
}
"""Columns of people/credentials.csv."""

EMPLOYERS = ("own", "contractor", "agency", "visitor")
KINDS = ("account", "badge", "certificate", "email", "key", "mobile", "plate", "sid")
HOLDERS = ("person", "pool", "shared", "visitor")


@dataclass(frozen=True, slots=True)
class Named:
    """What identifies a person to people: for the vault and nowhere else."""

    uid: str
    personnel_no: str = field(default="", repr=False)
    name: str = field(default="", repr=False)
    email: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class People:
    """What people.csv says: the latest row of each person, all their intervals of employment, and their names."""

    persons: Mapping[str, Person]
    employed: Mapping[str, tuple[tuple[int, int], ...]]
    named: tuple[Named, ...] = field(repr=False)
    aliases: tuple[Alias, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What credentials.csv says."""

    credentials: Mapping[str, Credential]
    aliases: tuple[Alias, ...] = field(repr=False)


def read_people(path: Path, zone: ZoneInfo) -> People:
    """people.csv; none when there is no such file.

    Raises:
        EstateError: a row is wrong: an employment ends before it starts or overlaps another of the same person, two
            persons share a personnel number at a time; with file and line.
    """
    persons: dict[str, Person] = {}
    employed: dict[str, list[tuple[int, int]]] = {}
    named: dict[str, Named] = {}
    holders: dict[tuple[str, str], list[Alias]] = {}
    for row in rows(path, PEOPLE, zone):
        interval = row.span("start", "end")
        person = Person(
            uid=row.must("uid"),
            role=row.text("role"),
            department=row.text("department"),
            employer=row.one_of("employer", EMPLOYERS, "own"),
            site=row.text("site"),
            start=interval[0],
            end=interval[1],
        )
        for start, end in employed.get(person.uid, ()):
            if person.start < end and start < person.end:
                raise row.wrong(
                    f"{person.uid} is employed twice at a time", "one row per employment, one after the other"
                )
        employed.setdefault(person.uid, []).append(interval)
        before = persons.get(person.uid)
        if before is None or before.start <= person.start:
            persons[person.uid] = person
            named[person.uid] = Named(person.uid, row.text("personnel_no"), row.text("name"), row.text("email"))
        for kind in ("personnel_no", "email"):
            value = row.text(kind)
            if not value:
                continue
            for name in holders.setdefault((kind, value.lower()), []):
                if name.entity != person.uid and person.start < name.valid_to and name.valid_from < person.end:
                    raise row.wrong(
                        f"{person.uid} and {name.entity} share a {kind} at a time", "let one of them end before"
                    )
            name = Alias("", kind, value, person.uid, person.uid, *interval, provenance=row.place)
            holders[kind, value.lower()].append(name)
    aliases = [name for names in holders.values() for name in _kept(names)]
    return People(
        persons, {uid: tuple(sorted(spans)) for uid, spans in employed.items()}, tuple(named.values()), tuple(aliases)
    )


def _kept(names: list[Alias]) -> Iterator[Alias]:
    """A number that left with its holder still names them afterwards: until somebody else has it."""
    later = FOREVER
    for name in sorted(names, key=lambda one: one.valid_from, reverse=True):
        yield replace(name, valid_to=max(name.valid_to, later))
        later = name.valid_from


def read_credentials(path: Path, zone: ZoneInfo, persons: Mapping[str, Person]) -> Credentials:
    """credentials.csv; none when there is no such file.

    Raises:
        EstateError: a row is wrong: an unknown holder, or a value that stands for two holders at a time.
    """
    credentials: dict[str, Credential] = {}
    aliases: list[Alias] = []
    taken: dict[tuple[str, str], list[tuple[int, int, str, Row]]] = {}
    for row in rows(path, CREDENTIALS, zone):
        uid, kind = row.must("uid"), row.one_of("kind", KINDS)
        holder, holder_kind = row.text("holder"), row.one_of("holder_kind", HOLDERS, "person")
        if holder and holder not in persons:
            raise row.wrong(f"the holder {holder!r} is not in people.csv", "add the person, or leave the holder empty")
        if holder and holder_kind != "person":
            raise row.wrong(f"a {holder_kind} credential has no holder", "leave the holder empty")
        value = row.must("value")
        if kind == "badge" and row.text("facility"):
            value = f"{row.text('facility')}:{value}"
        start, end = row.span("valid_from", "valid_to")
        for other_start, other_end, other, where in taken.setdefault((kind, value.lower()), []):
            if start < other_end and other_start < end and other != (holder or uid):
                raise row.wrong(
                    f"this {kind} stands for two holders at a time, see line {where.line}",
                    "end the first before the second begins",
                )
        taken[kind, value.lower()].append((start, end, holder or uid, row))
        known = credentials.get(uid)
        if known is not None and (known.kind == "badge") != (kind == "badge"):
            raise row.wrong(f"{uid} is a {known.kind} in another row", "give it a uid of its own")
        credentials.setdefault(uid, Credential(uid, kind, holder_kind))
        aliases.append(
            Alias("", kind, value, uid, holder, start, end, row.since("known_from"), provenance=row.place)
        )  # fmt: skip
    return Credentials(credentials, tuple(aliases))
