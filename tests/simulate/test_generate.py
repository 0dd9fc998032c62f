"""The simulated site: the same bytes for the same seed, ways that exist, and a truth that fits the records."""

from __future__ import annotations

import csv
import itertools
import re
import shutil
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from tests.conftest import PROJECT
from tests.simulate.conftest import Lived, live
from watchfloor import cli
from watchfloor.detect.intel.feeds import Feeds
from watchfloor.errors import UsageError
from watchfloor.simulate.docks import swapped
from watchfloor.simulate.drills import drill_on
from watchfloor.simulate.founding.estate import TIMEZONE, found
from watchfloor.simulate.panels import crc
from watchfloor.simulate.readings import TAGS
from watchfloor.simulate.rota import HOUR, SHIFTS, WORKS, Calendar, rota
from watchfloor.simulate.site import read_site
from watchfloor.simulate.sources import SOURCES
from watchfloor.world.entities import SURE
from watchfloor.world.orphans import orphans

FASTEST = 2.5
"""Metres per second that nobody exceeds on foot."""


def _bytes(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".parquet"
    }


def test_same_seed_same_bytes_other_seed_others(port: Path, tmp_path: Path) -> None:
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        live(port, tmp_path / name, seed=seed, days=1, inject=["S1"], faults={"late", "duplicated", "drift"})
    a, b, c = (_bytes(tmp_path / name) for name in ("a", "b", "c"))
    assert a == b
    assert a.keys() == c.keys()
    assert all(a[name] != c[name] for name in ("onguard.csv", "windows.ndjson", "okta.ndjson", "zeek_it.ndjson"))
    tables = [pq.read_table(tmp_path / name / "truth" / "records.parquet") for name in ("a", "b", "c")]
    assert tables[0].equals(tables[1])
    assert not tables[0].equals(tables[2])


def test_a_longer_run_begins_with_the_same_people_in_the_same_places(port: Path, tmp_path: Path) -> None:
    live(port, tmp_path / "one", days=1)
    live(port, tmp_path / "two", days=2)
    one, two = (pq.read_table(tmp_path / name / "truth" / "presence.parquet") for name in ("one", "two"))
    assert 0 < one.num_rows < two.num_rows
    assert two.slice(0, one.num_rows).equals(one)


def test_the_committed_harbour_is_what_its_maker_makes(tmp_path: Path) -> None:
    harbour = PROJECT / "estates" / "harbour"
    found(tmp_path, people=400, seed=1)
    made = _bytes(tmp_path)
    assert made
    assert {name: (harbour / name).read_bytes() for name in made} == made
    mine = [path for path in harbour.rglob("*") if path.is_file() and not {"var", "logs"} & set(path.parts)]
    size = sum(path.stat().st_size for path in mine)
    assert size < 2_000_000


def test_the_harbour_holds_every_difficulty_of_a_directory() -> None:
    site = read_site(PROJECT / "estates" / "harbour", timezone=TIMEZONE)
    assert len(site.people) == 400
    assert len(set(site.name)) < len(site.name)  # namesakes
    assert any(len(spans) > 1 for spans in site.employed)  # rehires
    holders = defaultdict(set)
    for alias in site.directory.aliases:
        if alias.kind == "badge":
            holders[alias.value].add(alias.person)
    assert any(len(people) > 1 for people in holders.values())  # re-issued
    kinds = Counter(one.holder_kind for one in site.directory.credentials.values())
    assert set(kinds) == {"person", "pool", "visitor", "shared"}
    assert {"contractor", "agency", "own"} <= set(site.employer)
    assert {"building": 2, "site": 2}.items() <= Counter(one.kind for one in site.directory.places.values()).items()
    assert Counter(one.kind for one in site.directory.assets.values())["crane"] == 6


def test_every_way_leads_through_portals_that_join_its_places(lived: Lived) -> None:
    site, walks = lived.site, lived.site.walks
    checked = 0
    for source, from_uid in enumerate(site.places):
        for target, to_uid in enumerate(site.places):
            way = source * walks.places + target
            here, clock = from_uid, 0
            for step in range(walks.first[way], walks.first[way + 1]):
                portal = site.directory.portals[site.portals[walks.portal[step]]]
                into = site.places[walks.into[step]]
                assert {here, into} == {portal.inside, portal.outside}
                assert walks.inward[step] == (into == portal.inside)
                assert walks.after_ms[step] >= clock
                here, clock = into, int(walks.after_ms[step])
                checked += 1
            if walks.total_ms[way] > 0:
                assert here == to_uid
    assert checked > 1000


def test_presence_follows_the_portal_graph_at_a_walking_pace(lived: Lived) -> None:
    joined = {frozenset((one.inside, one.outside)) for one in lived.site.directory.portals.values()}
    by_person = defaultdict(list)
    columns = (lived.presence[name] for name in ("person", "place", "since_ms", "until_ms"))
    for person, place, since, until in zip(*columns, strict=True):
        assert since < until
        by_person[person].append((since, until, place))
    assert len(by_person) > 50
    steps = 0
    for rows in by_person.values():
        rows.sort()
        for (_, left, place), (came, _, following) in itertools.pairwise(rows):
            assert left <= came, "nobody is in two places at a time"
            if left == came:
                assert frozenset((place, following)) in joined
                steps += 1
    assert steps > 500


def test_truth_has_a_row_for_each_record_in_order(lived: Lived) -> None:
    numbers = defaultdict(list)
    for source, sequence in zip(lived.records["source"], lived.records["sequence"], strict=True):
        numbers[source].append(sequence)
    for source, count in lived.summary.records.items():
        assert numbers[source] == list(range(1, count + 1))
        path = lived.logs / SOURCES[source].file
        lines = path.read_bytes().splitlines()
        assert len(lines) - bool(SOURCES[source].header) == count
    assert set(numbers) == set(SOURCES) == set(lived.summary.records)


def test_badges_in_records_are_those_of_the_persons_in_the_truth(lived: Lived) -> None:
    held = defaultdict(list)
    for alias in lived.site.directory.aliases:
        if alias.kind == "badge" and alias.confidence >= SURE:  # one is somebody's by likeness only
            held[alias.value.partition(":")[2]].append((alias.valid_from, alias.valid_to, alias.person))
    with (lived.logs / "onguard.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    truth = [
        (person, time, portal)
        for source, person, time, portal in zip(
            *(lived.records[name] for name in ("source", "person", "time_ms", "portal")), strict=True
        )
        if source == "onguard"
    ]
    named = 0
    for row, (person, time, portal) in zip(rows, truth, strict=True):
        assert lived.site.directory.portals[portal].name == row["READER"]
        if row["BADGE_ID"]:
            holders = {who for since, until, who in held[row["BADGE_ID"]] if since <= time < until}
            assert person is None or person in holders, row
            assert person is not None or holders <= {""} or row["FACILITY_CODE"] != "12"
            named += person is not None
        else:
            assert person is None
    assert named > 500


def test_accounts_in_records_are_those_of_the_persons_in_the_truth(lived: Lived) -> None:
    account = dict(zip(lived.site.people, lived.site.account, strict=True))
    lines = (lived.logs / "okta.ndjson").read_bytes().splitlines()
    persons = [p for s, p in zip(lived.records["source"], lived.records["person"], strict=True) if s == "okta"]
    for line, person in zip(lines, persons, strict=True):
        user = orjson.loads(line)["actor"]["alternateId"].partition("@")[0]
        assert person is None or account[person] == user


def test_every_line_of_json_is_json(lived: Lived) -> None:
    for source in SOURCES.values():
        if source.file.endswith(".ndjson"):
            for line in (lived.logs / source.file).read_bytes().splitlines():
                assert isinstance(orjson.loads(line), dict)


def test_the_night_in_which_the_clocks_change_has_its_shift(lived: Lived) -> None:
    """The night shift of Saturday ends at 06:00 summer time, which is 04:00 UTC, after seven hours."""
    last = max(
        until
        for place, since, until in zip(*(lived.presence[n] for n in ("place", "since_ms", "until_ms")), strict=True)
        if since < 1_774_746_000_000 and place != "room-gatehouse"  # 2026-03-29T01:00Z
    )
    assert 1_774_756_800_000 - 3_600_000 < last < 1_774_756_800_000 + 3_600_000  # 2026-03-29T04:00Z


def test_records_are_written_in_order_of_delivery_and_faults_do_what_they_say(port: Path, tmp_path: Path) -> None:
    live(port, tmp_path / "plain", days=1)
    live(port, tmp_path / "twice", days=1, faults={"duplicated"})
    live(port, tmp_path / "blind", days=1, faults={"blind"})
    plain, twice, blind = (
        (tmp_path / name / "onguard.csv").read_text().splitlines()[1:] for name in ("plain", "twice", "blind")
    )
    assert set(twice) == set(plain)
    zeek = (tmp_path / "twice" / "zeek_ot.ndjson").read_bytes().splitlines()
    assert len(zeek) > len(set(zeek))
    outage = orjson.loads((tmp_path / "blind" / "truth" / "faults.jsonl").read_bytes().splitlines()[0])
    site = read_site(port, timezone=TIMEZONE)
    door = site.directory.portals[outage["portals"][0]].name
    gone = set(plain) - set(blind)
    assert all(door in line for line in gone)


def test_cases_nobody_knows_and_folders_that_hold_records_are_errors(port: Path, tmp_path: Path) -> None:
    for wrong in ("S99", "S1:nothing"):
        with pytest.raises(UsageError, match=r"there is no scenario|has no variant"):
            live(port, tmp_path / "x", days=1, inject=[wrong])
    live(port, tmp_path / "y", days=1)
    with pytest.raises(UsageError, match="already holds records"):
        live(port, tmp_path / "y", days=1)


def test_every_record_is_mapped_and_names_who_and_what_the_truth_says(
    lived: Lived, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """0 lost; at least 99.5 % of the records that name somebody or something known resolve to it, none to another."""
    estate = tmp_path / "estate"
    shutil.copytree(lived.estate, estate)
    assert cli.main(["run", str(estate), "--once", "--json"]) == 0
    total = orjson.loads(capsysbinary.readouterr().out.splitlines()[-1])
    written = sum(lived.summary.records.values())
    assert (total["read"], total["mapped"], total["quarantined"]) == (written, written, 0)
    names = ("source", "sequence", *RESOLVED)
    truth = {row[:2]: row[2:] for row in zip(*(lived.records[name] for name in names), strict=True)}
    named: Counter[str] = Counter()
    found: Counter[str] = Counter()
    wrong = []
    for table in sorted((estate / "var" / "lake").iterdir()):
        for wf in _wf(table):
            key = (wf["source_uid"], wf["source_seq"])
            for kind, true in zip(RESOLVED, truth.get(key, ()), strict=False):
                said = wf.get(RESOLVED[kind])
                named[kind] += true is not None
                found[kind] += true is not None and said == true
                if said is not None and (said != true if kind == "person" else true is not None and said != true):
                    wrong.append((key, kind, true, said))
    assert not wrong
    assert named["person"] > 10_000
    assert named["portal"] > 1_000
    for kind, count in named.items():
        assert found[kind] >= 0.995 * count, kind


RESOLVED = {"person": "person_uid", "asset": "asset_uid", "source_asset": "src_asset_uid", "portal": "portal_uid"}
"""Column of the truth -> attribute of an event's `wf`."""


def _wf(table: Path) -> list[dict[str, Any]]:
    """What the rows of a table of the lake say of who and what; findings name what their events name."""
    if table.name == "detection_finding" or not (table / "_delta_log").is_dir():
        return []
    whole = DeltaTable(str(table)).to_pyarrow_dataset()
    return whole.to_table(columns=["wf"])["wf"].to_pylist() if "wf" in whole.schema.names else []


def test_nobody_works_on_after_their_last_day(port: Path) -> None:
    """Also not the rest of a night: who is on at 22:00 is employed in the morning as well."""
    site = read_site(port, timezone=TIMEZONE)
    last, before = (Calendar(date(2026, 3, day), site.directory.timezone) for day in (26, 25))
    gone = replace(site, employed=tuple(((0, last.end),) for _ in site.people))
    for calendar, nights in ((before, True), (last, False)):
        kind, start = rota(gone, calendar, 1)
        assert (kind == WORKS).any()
        assert ((kind == WORKS) & (start == SHIFTS["night"] * HOUR)).any() == nights


def test_a_drill_reads_at_the_muster_point_who_was_in_the_building(port: Path, tmp_path: Path) -> None:
    """Wednesday, half past ten: everybody leaves, is read, and comes back."""
    live(port, tmp_path, days=1, start=date(2026, 3, 25))
    rows = pq.read_table(tmp_path / "truth" / "records.parquet").to_pylist()
    presence = pq.read_table(tmp_path / "truth" / "presence.parquet").to_pylist()
    site = read_site(port, timezone=TIMEZONE)
    drill = drill_on(site, Calendar(date(2026, 3, 25), site.directory.timezone))
    assert drill is not None
    assert drill_on(site, Calendar(date(2026, 3, 26), site.directory.timezone)) is None
    inside = site.directory.inside(drill.building)

    def within(time: int) -> set[str]:
        return {
            one["person"] for one in presence if one["place"] in inside and one["since_ms"] <= time < one["until_ms"]
        }

    read = {one["person"] for one in rows if one["place"] == drill.muster and one["portal"]}
    assert len(within(drill.since)) > 10
    assert len(read & within(drill.since)) >= 0.85 * len(within(drill.since))  # some were on their way out
    assert len(within(drill.until - 60_000)) <= 0.2 * len(read)
    assert len(within(drill.until + 20 * 60_000)) >= 0.5 * len(read)
    said = [one for one in rows if one["source"] == "panels" and one["place"] == drill.building]
    assert [one["time_ms"] // 1000 for one in said] == [drill.since // 1000, drill.until // 1000]


def test_docks_are_swapped_within_a_room(port: Path) -> None:
    site = read_site(port, timezone=TIMEZONE)
    everybody = np.full(len(site.people), WORKS, np.int8)
    days = [swapped(site, everybody, np.random.default_rng(seed)) for seed in range(200)]
    moved = [day.host != site.host for day in days]
    assert any(row.any() for row in moved) and any((day.docks != np.arange(len(site.assets))).any() for day in days)
    for day, row in zip(days, moved, strict=True):
        assert sorted(day.host) == sorted(site.host)
        assert sorted(day.docks) == list(range(len(site.assets)))
        assert (site.stands[day.host[row]] == site.stands[site.host[row]]).all()
    assert np.mean([row.sum() for row in moved]) < 0.05 * len(site.people)


def test_readings_are_those_of_devices_the_estate_has(lived: Lived) -> None:
    with (lived.logs / "readings.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    named = {alias.value for alias in lived.site.directory.aliases if alias.kind == "device"}
    assert {row["device"] for row in rows} <= named
    assert {row["tag"].partition(".")[2] for row in rows} == {tag.name for tags in TAGS.values() for tag in tags}
    assert all(abs(float(row["value"])) < 10_000 for row in rows)


def test_of_the_harbour_only_what_its_page_says_belongs_to_nobody() -> None:
    directory = read_site(PROJECT / "estates" / "harbour", timezone=TIMEZONE).directory
    found = orphans(directory, 1_775_426_400_000)  # 2026-04-06
    assert {one.report for one in found} == {"leaver_with_credential"}
    page = (PROJECT / "estates" / "harbour" / "watch.md").read_text()
    assert {one.uid for one in found} == set(re.findall(r"cred-[a-z0-9-]+", page))


def test_sightings_are_of_addresses_that_the_estates_feed_lists(lived: Lived) -> None:
    feeds = Feeds.of(PROJECT / "estates" / "harbour").feeds
    assert [defaults.source for defaults, _, _ in feeds] == ["port-isac"]
    with (lived.estate / "intel" / "port-isac.csv").open(encoding="utf-8", newline="") as file:
        listed = {row["value"] for row in csv.DictReader(file)}
    seen = [
        orjson.loads(line) for line in (lived.logs / "zeek_it.ndjson").read_bytes().splitlines() if b'"intel"' in line
    ]
    assert seen and {one["seen.indicator"] for one in seen} <= listed
    assert all(one["id.resp_h"] == one["seen.indicator"] for one in seen)


def test_frames_of_panels_carry_the_checksum_of_the_standard() -> None:
    assert crc(b"123456789") == 0xBB3D  # CRC-16/ARC
    assert crc(b'"SIA-DCS"6002L0#AAA[|Nri2/JC12]_12:58:23,09-15-2021') == 0x97F9
