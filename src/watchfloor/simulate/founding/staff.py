"""Invented people: roles in the shares of a real port, and every difficulty a directory has with them.

Namesakes; rehires; badges lost and re-issued to others; pool and visitor badges that stand for nobody; shared
accounts; contractors; leavers whose credentials end late.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np

from watchfloor.simulate.founding.ground import DEPOT, HARBOUR

__all__ = ["FIRST_DAY", "ROLES", "Badge", "Member", "Role", "Staff", "staff"]

FIRST_DAY = date(2026, 3, 23)
"""The first day that is simulated by default: the week in which Europe's clocks change."""

DOMAIN, FACILITY = "HARBOUR", "12"


class Role(NamedTuple):
    """A role class.

    Args:
        share: of all people.
        hours: `office`, or `shift` for round the clock.
        base: where they begin the day; `work` is where they spend it, several are shared out.
        account: they have an account and a computer.
        rooms: restricted rooms they are cleared for, and visit now and then.
    """

    share: float
    hours: str
    department: str
    base: str
    work: tuple[str, ...]
    account: bool
    employer: str = "own"
    clearance: tuple[str, ...] = ()
    training: tuple[str, ...] = ("yard-safety",)


QUAY = ("yard-safety", "quay-safety")
CABS = tuple(f"room-cab-{k}" for k in range(1, 7))

ROLES: dict[str, Role] = {
    "crane_operator": Role(0.10, "shift", "terminal", "room-changing", CABS, False, "own", ("crane",),
                           (*QUAY, "crane-access")),
    "straddle_driver": Role(0.19, "shift", "terminal", "room-changing", ("area-yard",), False),
    "lasher": Role(0.15, "shift", "terminal", "room-changing", ("area-quay",), False, "agency", (), QUAY),
    "reefer_technician": Role(0.03, "shift", "reefer", "room-changing", ("area-reefer",), True, "own", (),
                              ("yard-safety", "reefer")),
    "guard": Role(0.05, "shift", "security", "room-gatehouse", ("room-gatehouse", "room-cctv"), True, "own",
                  ("guard", "server", "ot")),
    "control_operator": Role(0.04, "shift", "control", "room-changing", ("room-control",), True, "own", ("control",)),
    "ot_engineer": Role(0.03, "office", "engineering", "room-engineering", ("room-engineering",), True, "own",
                        ("ot", "control", "crane", "substation"), (*QUAY, "crane-access", "high-voltage", "reefer")),
    "electrician": Role(0.03, "shift", "engineering", "room-workshop", ("room-workshop", "area-reefer"), True, "own",
                        ("ot", "substation", "crane"), (*QUAY, "crane-access", "high-voltage", "reefer")),
    "mechanic": Role(0.06, "shift", "engineering", "room-workshop", ("room-workshop", "area-quay"), False, "own",
                     ("crane",), (*QUAY, "crane-access")),
    "it_admin": Role(0.025, "office", "it", "room-it", ("room-it",), True, "own", ("server",)),
    "clerk": Role(0.13, "office", "finance", "room-finance", ("room-finance",), True),
    "planner": Role(0.06, "office", "planning", "room-planning", ("room-planning",), True),
    "hr_officer": Role(0.015, "office", "personnel", "room-hr", ("room-hr",), True, "own", ("hr",)),
    "manager": Role(0.03, "office", "management", "room-management", ("room-management",), True),
    "cleaner": Role(0.025, "office", "facility", "room-mail", ("room-office-1", "room-office-2"), False, "contractor"),
    "vendor_technician": Role(0.03, "office", "vendors", "room-workshop", ("room-workshop",), True, "contractor",
                              ("crane",), (*QUAY, "crane-access")),
    "depot_worker": Role(0.015, "office", "depot", "room-depot", ("room-depot", "area-depot"), False),
}  # fmt: skip
"""What people do here. The shares are of all people; at least one of each."""

FIRST = """
    Mara Ines Tomas Ravi Ada Lena Jonas Emil Noor Samir Aylin Bram Sanne Koen Femke Ruben Iris Milan Yara Daan Lotte
    Sem Eva Finn Tess Luca Nora Hugo Roos Thijs Zoe Adam Mila Niels Julia Oscar Anouk Pim Vera Joris Hana Karim
    Leyla Omar Selin Deniz Marta Piotr Ola Jan Kasia Pawel Chidi Ngozi Amara Kofi Ama Kwame Rosa Diego Elena Mateo
    Lucia Andrei Ioana Mihai Petra Viktor Sofia Anton Greta Nils Astrid Lars Maja Erik
"""
LAST = """
    Sample Example Invented Nobody Placeholder Specimen Fictor Mockman Dummer Testa Probst Muster Beispiel Ejemplo
    Esempio Voorbeeld Exemplar Przyklad Okoro Vandijk Dekker Bakkerman Smitson Visserij Meijerink Mulderink Bosveld
    Peterhof Hendrikx Dijkman Vosmaer Koster Postma Hoekman Veldman Kuiperij Janszen Roelofs Brouwerij Schipper
    Bootsma Havenaar Kaaiman Lossers Kraanman Ankerson Lootsman Sluiter Steiger Bolder Trosman Zeeman Waterman
    Golfslag Eblaw Vloed Stroomer Duinker Strander Wierda
"""

REHIRED, REISSUED, LOST = 0.01, 0.03, 0.02
"""Shares of people who came back, who hold the badge of somebody who left, who got a new badge for a lost one."""

LEAVERS = 0.02
FORGOTTEN = 4
"""Of so many leavers one's account is forgotten."""

POOL, VISITORS = 12, 30
"""Badges of contractors of a day, and of visitors."""

SHARED = ("hmi-control", "hmi-crane", "svc-backup", "svc-scada", "cctv-view", "kiosk-canteen")


class Badge(NamedTuple):
    """A number on a card, for a while; days are whole, None is open."""

    number: int
    uid: str
    since: date | None = None
    until: date | None = None


@dataclass(slots=True)
class Member:
    """Somebody: one row of people.csv per employment, and what stands for them.

    `closed` is the day on which account, phone and plate end; None where nobody saw to it.
    """

    uid: str
    number: int
    name: str
    role: str
    site: str
    spans: list[tuple[date, date | None]]
    badges: list[Badge] = field(default_factory=list)
    account: str = ""
    mobile: str = ""
    plate: str = ""
    closed: date | None = None

    @property
    def email(self) -> str:
        """The address, also of those without a computer."""
        return f"{self.account}@example.com" if self.account else ""


@dataclass(frozen=True, slots=True)
class Staff:
    """All people, and the badges and accounts of nobody."""

    members: tuple[Member, ...]
    pool: tuple[Badge, ...]
    visitor: tuple[Badge, ...]

    def people_csv(self) -> Iterator[tuple[object, ...]]:
        """Rows of people/people.csv, header first."""
        yield "uid", "personnel_no", "name", "email", "role", "department", "employer", "site", "start", "end"
        for one in self.members:
            role = ROLES[one.role]
            for start, end in one.spans:
                yield (
                    one.uid, one.number, one.name, one.email, one.role, role.department, role.employer, one.site,
                    start, end or "",
                )  # fmt: skip

    def credentials_csv(self) -> Iterator[tuple[object, ...]]:
        """Rows of people/credentials.csv, header first."""
        yield (
            "uid", "kind", "value", "facility", "holder", "holder_kind", "valid_from", "valid_to", "known_from",
        )  # fmt: skip
        for one in self.members:
            for badge in one.badges:
                yield (
                    badge.uid, "badge", badge.number, FACILITY, one.uid, "person", badge.since or "", badge.until or "",
                    "",
                )  # fmt: skip
            stem = one.uid.removeprefix("person-")
            since, until = one.spans[0][0], one.closed or ""
            if one.account:
                for kind, value in (
                    ("account", one.account),
                    ("account", f"{DOMAIN}\\{one.account}"),
                    ("account", one.email),
                ):
                    yield f"cred-account-{stem}", kind, value, "", one.uid, "person", since, until, ""
            if one.mobile:
                yield f"cred-mobile-{stem}", "mobile", one.mobile, "", one.uid, "person", since, until, ""
            if one.plate:
                yield f"cred-plate-{stem}", "plate", one.plate, "", one.uid, "person", since, until, ""
        for kind, badges in (("pool", self.pool), ("visitor", self.visitor)):
            for badge in badges:
                yield badge.uid, "badge", badge.number, FACILITY, "", kind, "", "", ""
        for name in SHARED:
            for value in (name, f"{DOMAIN}\\{name}"):
                yield f"cred-{name}", "account", value, "", "", "shared", "", "", ""


def staff(people: int, rng: np.random.Generator) -> Staff:
    """Invent so many people; the same generator gives the same ones."""
    roles = _shared_out(people, rng)
    names = _names(people, rng)
    accounts = _accounts(names)
    hired = rng.integers(40, 6000, people)
    uids = rng.permutation(np.arange(100_000, 100_000 + 9 * people))[:people]
    members: list[Member] = []
    for i in range(people):
        role = ROLES[roles[i]]
        site = DEPOT if roles[i] == "depot_worker" else HARBOUR
        uid = f"person-{uids[i]}"
        spans: list[tuple[date, date | None]] = [(FIRST_DAY - timedelta(days=int(hired[i])), None)]
        member = Member(uid, 50_000 + i, names[i], roles[i], site, spans)
        member.account = accounts[i] if role.account else ""
        if role.account and rng.random() < 0.3:
            member.mobile = f"{rng.integers(1 << 48):012x}"
        if rng.random() < 0.2:
            member.plate = f"EX-{i:05d}"
        members.append(member)
    _life(members, rng)
    first = max(400_000, 20_000 + 2 * people)
    pool = tuple(Badge(first + i, f"cred-pool-{i}") for i in range(POOL))
    visitor = tuple(Badge(first + 1000 + i, f"cred-visitor-{i}") for i in range(VISITORS))
    return Staff(tuple(members), pool, visitor)


def _shared_out(people: int, rng: np.random.Generator) -> Sequence[str]:
    counts = {name: max(1, round(role.share * people)) for name, role in ROLES.items()}
    while sum(counts.values()) > people and max(counts.values()) > 1:
        counts[max(counts, key=counts.__getitem__)] -= 1
    counts["straddle_driver"] += max(0, people - sum(counts.values()))
    every = np.repeat(np.array(list(counts)), list(counts.values()))[:people]
    return [str(name) for name in rng.permutation(every)]


def _names(people: int, rng: np.random.Generator) -> list[str]:
    """Names, of which some are borne by two."""
    first, last = FIRST.split(), LAST.split()
    names = [f"{first[a]} {last[b]}" for a, b in zip(
        rng.integers(len(first), size=people), rng.integers(len(last), size=people), strict=True
    )]  # fmt: skip
    for i in range(0, people - 1, 80):  # namesakes, for sure
        names[i + 1] = names[i]
    return names


def _accounts(names: Sequence[str]) -> list[str]:
    seen: dict[str, int] = {}
    found = []
    for name in names:
        first, last = name.lower().split()
        stem = f"{first[0]}.{last}"
        seen[stem] = seen.get(stem, 0) + 1
        found.append(stem if seen[stem] == 1 else f"{stem}{seen[stem]}")
    return found


def _life(members: list[Member], rng: np.random.Generator) -> None:
    """Who leaves, who came back, and what their badges went through."""
    order = [int(i) for i in rng.permutation(len(members))]

    def some(share: float) -> list[int]:
        count = max(1, round(share * len(members)))
        taken, order[:] = order[:count], order[count:]
        return taken

    leavers, rehired, lost, reissued = some(LEAVERS), some(REHIRED), some(LOST), some(REISSUED)
    for i, member in enumerate(members):
        member.badges.append(Badge(20_000 + i, f"cred-badge-{20_000 + i}", member.spans[0][0]))
    for number, i in enumerate(leavers):
        start, _ = members[i].spans[0]
        end = FIRST_DAY + timedelta(days=int(rng.integers(0, 6)))
        members[i].spans[0] = (start, end)
        members[i].closed = end if number % FORGOTTEN else None
    for i in rehired:
        start = FIRST_DAY - timedelta(days=900)
        back = FIRST_DAY - timedelta(days=int(rng.integers(10, 60)))
        members[i].spans[:] = [(start, start + timedelta(days=400)), (back, None)]
        members[i].badges[:] = [members[i].badges[0]._replace(since=start)]
    for i in lost:
        day = FIRST_DAY + timedelta(days=int(rng.integers(-20, 4)))
        old = members[i].badges[0]
        number = 20_000 + len(members) + i
        members[i].badges[:] = [old._replace(until=day), Badge(number, f"cred-badge-{number}", day + timedelta(1))]
    for former, i in zip(leavers, reissued, strict=False):  # who follows gets the number of who left, days later
        left = members[former].spans[-1][1]
        if left is None:
            continue
        own, number = members[i].badges[0], members[former].badges[0].number
        members[former].badges[0] = members[former].badges[0]._replace(until=left)
        members[i].badges[:] = [
            own._replace(until=left),
            Badge(number, f"cred-badge-{number}-2", left + timedelta(days=1)),
        ]
