"""All sixteen scenarios and every trap of their list; what is expected agrees with who is where."""

from __future__ import annotations

import csv
import ipaddress
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow.parquet as pq
import pytest

from tests.conftest import PROJECT
from tests.simulate.conftest import FRIDAY, Lived, live
from watchfloor.errors import UsageError
from watchfloor.simulate import offices
from watchfloor.simulate.founding.estate import TIMEZONE
from watchfloor.simulate.rota import HOUR
from watchfloor.simulate.scenarios import s01
from watchfloor.simulate.scenarios.frame import (
    BLIND,
    EXPECTED,
    GENERAL,
    State,
    Story,
    Told,
    planned,
    scenarios,
)
from watchfloor.simulate.scenarios.s07 import ENTITLED
from watchfloor.simulate.site import read_site
from watchfloor.simulate.sources import SOURCES
from watchfloor.world.rows import moment, zone_named

TRAPS = {
    "S1": (
        "secure-web-gateway or carrier egress abroad",
        "privacy relay",
        "second own device at home left signed in",
        "badge left in the reader area or lent",
        "buddy badge",
        "shared account",
        "VPN split tunnel",
        "mobile roaming with home-routed address",
        "geolocation database error",
    ),
    "S2": (
        "tailgating by legitimate staff (finding, but routed to a nudge)",
        "KVM over IP, out-of-band board or hypervisor console reported as type 2",
        "unlock events",
        "RDP shadowing",
        "group entry with an escort",
        "fire drill return",
        "controller drift",
        "scheduled task or service under a user name",
        "night shift that began before the window",
    ),
    "S3": (
        "rehire",
        "contractor becomes employee under a new id",
        "back-dated or time-zone-shifted HR record",
        "garden leave (still employed)",
        "badge re-issued to another person",
        "HR polling lag",
        "pool badge",
        "mailbox delegate acting for the leaver",
        "automatic sign-in of a forgotten device (attempt, lower severity)",
    ),
    "S4": (
        "trolley or pram counted twice",
        "group with one badge by permit",
        "docking station or MAC pass-through",
        "imaging batch",
        "stale port map",
        "randomised Wi-Fi addresses",
        "phone of an employee in guest network",
        "door held for a delivery with work order",
    ),
    "S5": (
        "offline controller uploads a burst",
        "clock drift",
        "visitor pool badges",
        "26-bit duplicates across facility codes",
        "two valid credentials of one person",
        "mantrap or turnstile retry",
        "reader wired to the wrong door",
        "vehicle lane plus pedestrian reader",
        "test reads by installers",
    ),
    "S6": (
        "missed request-to-exit (most forced alarms are not forced)",
        "PoE switch or UPS failure",
        "camera firmware update",
        "cleaning crew with a trolley",
        "approved imaging by USB",
        "wind or warped door",
        "camera privacy mode by policy",
    ),
    "S7": (
        "upload instead of download",
        "redundancy synchronisation",
        "wrong asset tag in the order (line-level match clears)",
        "break-fix before paperwork (cleared, flagged retroactive)",
        "vendor service laptop with permit",
        "controller restart after power loss (mode change)",
        "historian or backup job reading logic",
        "engineer entered behind a colleague (presence unknown)",
    ),
    "S8": (
        "daylight-saving change",
        "optimum start",
        "commissioning",
        "approved vendor remote session",
        "change-of-value storms",
        "schedule exception (holiday)",
        "defrost cycle",
        "sensor fault (slope without load)",
    ),
    "S9": (
        "agreed handover",
        "project close",
        "workstation backup",
        "shift swap",
        "cleaning up own mailbox",
        "large legitimate build artefacts",
        "peer group too small (indeterminate)",
        "in-notice flag set for the wrong person",
    ),
    "S10": (
        "accidental press",
        "test day not registered",
        "PIN off by one digit by mistake",
        "panel test state (life-safety test states 9-12, 23)",
        "child or visitor pressing",
        "installer",
    ),
    "S11": (
        "inspection drone with permit",
        "hobbyist passing at 450 m without effect (event only)",
        "thunderstorm",
        "backhaul maintenance",
        "bird",
        "Remote ID spoof without RF confirmation (lower confidence)",
        "relay test",
    ),
    "S12": (
        "training system lag",
        "same name, other person",
        "worker for two employers",
        "emergency crew",
        "course passed, certificate pending",
        "zone re-classified that day",
        "escort entered by the other leaf of the gate",
    ),
    "S13": (
        "patching night",
        "switch reboot",
        "licence expiry",
        "certificate roll-over",
        "authorised privacy mask for the works council",
        "camera cleaning",
        "log forwarder upgrade",
        "time-zone change of the recorder",
    ),
    "S14": (
        "normal carrying of the own laptop",
        "tag shadowing or cross-reads",
        "battery tag fault",
        "docking change",
        "repair courier with pass",
        "two people leaving together (identity ambiguous)",
        "NAC drop by Wi-Fi roaming",
    ),
    "S15": (
        "wardens checking rooms",
        "responders",
        "drill",
        "remote sessions",
        "screen activity by software",
        "person who could not leave (this is the important one: finding yes, reading = rescue)",
        "alarm in another fire section",
    ),
    "S16": (
        "firmware update",
        "recorder fail-over",
        "new management server",
        "discovery by the vendor tool",
        "DNS change",
        "cloud feature switched on by change",
        "vulnerability scanner (as destination)",
    ),
}
"""The traps of each scenario, in the words of their list."""

NOT_PLAIN = {
    "S2": {"tailgate"},
    "S3": {"device"},
    "S6": {"switch"},
    "S7": {"behind-colleague"},
    "S9": {"small-peers"},
    "S10": {"accidental", "unregistered-test", "child"},
    "S11": {"spoof"},
    "S14": {"two-people"},
    "S15": {"trapped"},
}
"""Traps of which the list itself (or the rule before it) says that something else than silence is right."""


def test_there_are_sixteen_in_order() -> None:
    assert list(scenarios()) == [f"S{number}" for number in range(1, 17)] == list(TRAPS)


@pytest.mark.parametrize("name", TRAPS)
def test_every_trap_is_one_miss(name: str) -> None:
    misses = scenarios()[name].misses
    assert sorted(one.says for one in misses.values()) == sorted(TRAPS[name])
    assert {key for key, one in misses.items() if one.expected != "none"} == NOT_PLAIN.get(name, set())
    assert all(misses[key].reason for key in NOT_PLAIN.get(name, ()))


@pytest.mark.parametrize("name", TRAPS)
def test_hits_find_and_every_scenario_has_what_happens_to_records(name: str) -> None:
    scenario = scenarios()[name]
    variants = scenario.variants()
    assert scenario.hits
    assert all(one.expected == "finding" for one in scenario.hits.values())
    assert {key for key, (kind, _) in variants.items() if kind == "fault"} == set(GENERAL)
    assert {one.expected for _, one in variants.values()} <= set(EXPECTED)
    assert variants["blind"][1].expected == "not_evaluable"


def test_all_are_put_in(lived: Lived) -> None:
    told = {(one["scenario"], one["variant"]) for one in lived.told}
    assert told == {(key, name) for key, one in scenarios().items() for name in one.variants()}
    assert [one["case"] for one in lived.told] == list(range(len(lived.told)))
    known = {*lived.site.people, *lived.site.assets, *lived.site.places, *lived.site.portals}
    for one in lived.told:
        assert one["since"] <= one["until"]
        assert set(one["entities"]) <= known


def test_the_page_names_the_sources_of_every_scenario(lived: Lived) -> None:
    page = (PROJECT / "docs" / "simulate.md").read_text("utf-8")
    wrote: dict[str, set[str]] = {}
    for one in lived.told:
        wrote.setdefault(one["scenario"], set()).update(one["sources"])
        assert one["rule"] == f"s{int(one['scenario'][1:]):02d}"
        if one["variant"] == "blind":
            assert [outage["case"] for outage in one["outages"]] == [one["case"]] * len(one["outages"]) != []
    rows = re.findall(r"^\| (S\d+) \|(.*)$", page, re.MULTILINE)
    named = {name: set(re.findall(r"`([a-z-]+)`", row)) & set(SOURCES) for name, row in rows}
    assert named == wrote


def test_names_that_are_linked_by_likeness_only_name_nobody(lived: Lived) -> None:
    account, badge = lived.site.weak["account"], lived.site.weak["badge"]
    assert account not in lived.site.account and badge not in lived.site.badges.number
    lines = (lived.logs / "onguard.csv").read_text("utf-8").splitlines()[1:]
    rows = zip(lived.records["source"], lived.records["sequence"], lived.records["person"], strict=True)
    persons = {sequence: person for source, sequence, person in rows if source == "onguard"}
    shown = [number for number, line in enumerate(lines, 1) if f",{badge}," in line]
    assert shown and all(persons[number] is None for number in shown)


def test_an_escort_is_read_when_the_case_says(port: Path, tmp_path: Path) -> None:
    live(port, tmp_path, days=1, inject=["S12:other-leaf", "S12:escort-after"])
    rows = pq.read_table(tmp_path / "truth" / "records.parquet").to_pylist()
    for one, gap in zip(_told(tmp_path), (5_000, 28_000), strict=True):
        door = [row for row in rows if row["case"] == one["case"] and row["portal"] == "portal-crane-2"]
        first = min(row["time_ms"] for row in door if row["person"] == one["entities"][0])
        assert first + gap in {row["time_ms"] for row in door if row["person"] != one["entities"][0]}


def test_a_door_that_stands_open_says_so_and_reads_nobody(port: Path, tmp_path: Path) -> None:
    live(port, tmp_path, days=1, faults={"blind"})
    outage = orjson.loads((tmp_path / "truth" / "faults.jsonl").read_bytes())
    name = read_site(port, timezone=TIMEZONE).directory.portals[outage["portals"][0]].name
    with (tmp_path / "onguard.csv").open(encoding="utf-8", newline="") as file:
        mine = [row for row in csv.DictReader(file) if row["READER"] == name]
    said = {row["EVENT"]: row["EVENT_TIME_UTC"] for row in mine if row["EVENT"].startswith("Reader Mode")}
    assert list(said) == ["Reader Mode Unlocked", "Reader Mode Card Only"]
    begin, end = said.values()
    assert not [row for row in mine if begin < row["EVENT_TIME_UTC"] < end]


@pytest.mark.parametrize("name", ["ABROAD", "GATEWAY", "RELAY", "NEAR", "MISPLACED"])
def test_addresses_of_sign_ins_are_addresses(name: str) -> None:
    where = getattr(s01, name)
    assert len({ipaddress.ip_address(text) for text in where.addresses()}) == len(where.hosts)


def _told(folder: Path) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in (folder / "truth" / "scenarios.jsonl").read_bytes().splitlines()]


def test_cases_own_the_records_that_the_truth_counts(port: Path, tmp_path: Path) -> None:
    hits = [f"{key}:{name}" for key, one in scenarios().items() for name in one.hits]
    live(port, tmp_path, days=1, inject=hits)
    cases = Counter(pq.read_table(tmp_path / "truth" / "records.parquet")["case"].to_pylist())
    told = _told(tmp_path)
    blind = {portal for line in (tmp_path / "truth" / "faults.jsonl").read_bytes().splitlines()
             for portal in orjson.loads(line)["portals"]}  # fmt: skip
    assert blind == {"portal-ot-servers"}  # S13 blinds it, as its part
    assert not any(one["disturbed"] for one in told)
    assert {one["case"]: one["records"] for one in told} == {key: n for key, n in cases.items() if key is not None}


def test_what_happens_to_records_happens_to_them(port: Path, tmp_path: Path) -> None:
    names = ["unknown-station", "late", "reordered", "duplicated", "blind"]
    live(port, tmp_path, days=2, inject=[f"S7:{name}" for name in names])
    case = {one["variant"]: one["case"] for one in _told(tmp_path)}
    table = pq.read_table(tmp_path / "truth" / "records.parquet").to_pylist()
    rows = {name: [row for row in table if row["case"] == case[name]] for name in names}
    assert {name: len(found) for name, found in rows.items()} == {
        "unknown-station": 3, "late": 3, "reordered": 3, "duplicated": 6, "blind": 0,
    }  # fmt: skip
    times = {name: [row["time_ms"] for row in found] for name, found in rows.items()}
    assert times["unknown-station"] == sorted(times["unknown-station"])
    assert times["reordered"] == sorted(times["reordered"], reverse=True)
    after = [row for row in table if row["source"] == "zeek-ot" and row["sequence"] > rows["late"][-1]["sequence"]]
    before = [row for row in table if row["source"] == "zeek-ot" and row["sequence"] < rows["late"][0]["sequence"]]
    assert max(row["time_ms"] for row in before) > times["late"][-1] + 60_000
    assert after
    outage = orjson.loads((tmp_path / "truth" / "faults.jsonl").read_bytes())
    assert (outage["source"], outage["case"]) == ("zeek-ot", case["blind"])


class _Presence:
    """Who is where, to be asked."""

    def __init__(self, lived: Lived) -> None:
        columns = ("person", "place", "zone", "since_ms", "until_ms")
        self.rows = list(zip(*(lived.presence[name] for name in columns), strict=True))

    def of(self, person: str, time: int) -> str | None:
        """The place a person is in; None when they are off the site."""
        return next((place for who, place, _, a, b in self.rows if who == person and a <= time < b), None)

    def within(self, zone: str, time: int) -> set[str]:
        """Who is in a zone."""
        return {who for who, _, where, a, b in self.rows if where == zone and a <= time < b}


def _ms(text: str) -> int:
    return moment(text, zone_named("UTC"))


def test_who_is_where_agrees_with_what_is_expected(lived: Lived) -> None:
    presence = _Presence(lived)
    role = dict(zip(lived.site.people, lived.site.role, strict=True))
    checked: Counter[str] = Counter()
    for one in lived.told:
        until = _ms(one["until"])
        people = [uid for uid in one["entities"] if uid.startswith("person-")]
        name = f"{one['scenario']}:{one['variant']}"
        if one["scenario"] == "S1" and one["kind"] == "hit":
            assert presence.of(people[0], until), name
        elif one["scenario"] == "S2" and one["kind"] == "hit":
            assert not any(
                who == people[0] and a < until and b > until - 12 * HOUR for who, _, _, a, b in presence.rows
            )
        elif one["scenario"] == "S7" and one["kind"] in ("hit", "fault"):
            crane = one["entities"][0].removeprefix("asset-plc-")
            assert not {role[who] for who in presence.within(f"zone-{crane}", until)} & set(ENTITLED), name
        elif name in ("S7:behind-colleague", "S2:tailgate", "S2:escort"):
            assert presence.of(people[0], until), name
        elif name == "S12:alone":
            assert presence.of(people[0], until) == one["entities"][1]
        else:
            continue
        checked[one["scenario"]] += 1
    assert checked["S1"] == checked["S2"] - 2 == 2
    assert checked["S7"] >= 5
    assert checked["S12"] == 1


def test_a_case_is_the_same_whatever_else_is_put_in(port: Path, tmp_path: Path) -> None:
    """Its generator is its own; only who takes part may differ when others took them first."""
    live(port, tmp_path / "alone", days=1, inject=["S11:phase-fault"])
    live(port, tmp_path / "among", days=1, inject=["S16:scan", "S11:phase-fault"])
    alone = _told(tmp_path / "alone")[0]
    among = next(one for one in _told(tmp_path / "among") if one["scenario"] == "S11")
    assert {**alone, "case": 0} == {**among, "case": 0}


def test_the_crews_cover_every_shift(port: Path) -> None:
    site = read_site(port, timezone=TIMEZONE)
    drivers = site.rank[site.roles == "straddle_driver"] % 4
    assert set(np.unique(drivers)) == {0, 1, 2, 3}


def test_a_case_waits_for_a_day_on_which_somebody_is_free(
    port: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fits = State.fits
    monkeypatch.setattr(State, "fits", lambda state, story: state.calendar.day != FRIDAY and fits(state, story))
    live(port, tmp_path / "two", days=2, inject=["S11:phase-fault"])
    (told,) = [orjson.loads(line) for line in (tmp_path / "two/truth/scenarios.jsonl").read_bytes().splitlines()]
    assert told["since"].startswith("2026-03-28") and told["case"] == 0
    with pytest.raises(UsageError, match="nobody was free for case S11:phase-fault"):
        live(port, tmp_path / "one", days=1, inject=["S11:phase-fault"])


def test_cases_that_may_clear_one_another_are_told(port: Path, tmp_path: Path) -> None:
    live(port, tmp_path, days=1, inject=["S8:office-pc", "S8:commissioning", "S11:phase-fault"])
    told = [orjson.loads(line) for line in (tmp_path / "truth/scenarios.jsonl").read_bytes().splitlines()]
    assert {one["variant"]: len(one["crossed"]) for one in told} == {
        "office-pc": 1, "commissioning": 1, "phase-fault": 0,
    }  # fmt: skip


def test_what_is_usual_is_nobodys_on_the_first_day() -> None:
    days = {plan.name: day for day, plans in planned(["S9"], 7).items() for plan in plans}
    assert min(days.values()) == scenarios()["S9"].learns == 3 and set(days.values()) == {3, 4, 5, 6}
    assert {day for day, plans in planned(["S9"], 2).items() for plan in plans if plan.name != BLIND} == {0}


def test_an_order_for_what_drives_a_door_may_clear_what_happens_there(port: Path) -> None:
    site = read_site(port, timezone=TIMEZONE)
    portal = next(one for one in site.directory.portals.values() if one.controller)
    (plan,) = planned(["S4:trolley"], 1)[0]
    order = ("WO-1", "Work order", "Approved", site.asset_code[portal.controller], 0, 0, 0, HOUR, "Test of readers")

    def told(number: int, entity: str, *orders: Any) -> Told:
        records = [offices.orders(site, orders)] if orders else []
        return Told(number, plan, Story(records, [entity], 0, HOUR), records, [], site)

    both = [told(0, portal.uid), told(1, "somebody", order), told(2, "somebody else")]
    assert [one.crossed(both) for one in both] == [[1], [], []]
