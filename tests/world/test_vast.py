"""A real export through `access_csv` by settings alone: the proximity cards of an office (VAST Challenge 2016)."""

from __future__ import annotations

import csv
import gzip
from collections import Counter
from pathlib import Path

import orjson
import pytest
from tests.conftest import PROJECT
from tests.run import small
from tests.run.test_living import run
from tests.world.test_directory import feature, point, written

from watchfloor.cli import main
from watchfloor.estate import load
from watchfloor.run.whereabouts import where
from watchfloor.store.lake import Lake
from watchfloor.world.rows import moment

DATA = PROJECT.parent / "shared" / "data" / "converged" / "vast2016_mc2"

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is not there")


def reads() -> list[dict[str, str]]:
    with gzip.open(DATA / "prox_fixed.csv.gz", "rt") as file:
        return [{key.strip(): value.strip() for key, value in row.items()} for row in csv.DictReader(file)]


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """People and their cards, floors and their zones; the export itself is read where it lies."""
    with (DATA / "employees.csv").open() as file:
        employees = [row for row in csv.DictReader(file) if row["Last Name"]]
    holders = {
        f"{row['First Name'][0]}{row['Last Name']}".lower().replace(" ", ""): f"p-{row['Id']}" for row in employees
    }
    cards = sorted({row["prox-id"] for row in reads()})
    zones = sorted({(row["floor"], row["zone"]) for row in reads()})
    credentials = [
        f"c-{card},badge,{card},{holders.get(card.rstrip('0123456789'), '')},"
        + ("" if holders.get(card.rstrip("0123456789")) else "pool")
        for card in cards
    ]
    plan = [feature("site", "office", point(24.8, 39.3)), feature("building", "gastech", parent="office")]
    plan += [feature("level", f"floor-{floor}", parent="gastech") for floor in sorted({floor for floor, _ in zones})]
    plan += [
        feature("room", f"f{floor}-z{zone}".replace(" ", ""), name=f"{floor}/{zone}", parent=f"floor-{floor}")
        for floor, zone in zones
    ]
    folder = written(
        tmp_path_factory.mktemp("vast") / "estate",
        {
            "people/people.csv": "uid,department\n"
            + "".join(f"p-{row['Id']},{row['Department']}\n" for row in employees),
            "people/credentials.csv": "uid,kind,value,holder,holder_kind\n" + "\n".join(credentials) + "\n",
            "places/office.geojson": plan,
        },
    )
    (folder / "rules").mkdir()
    (folder / "estate.toml").write_text(
        f'[[sources]]\nid = "prox"\npath = "{DATA}/prox_fixed.csv.gz"\nintegration = "access_csv"\n'
        'settings = { time = "timestamp", event = "type", badge = "prox-id", level = "floor", room = "zone", '
        'words = { "fixed-prox" = "Taken" } }\n'
    )
    run(folder)
    return folder


def test_every_read_is_an_event_that_names_place_and_card(estate: Path) -> None:
    (counts,) = small.rows(
        estate,
        "select count(*) as n, count(wf.place_uid) as places, count(wf.credential_uid) as cards, "
        "count(wf.person_uid) as people from physical_access_activity",
    )
    known = reads()
    assert counts["n"] == len(known) and counts["places"] == len(known) and counts["cards"] == len(known)
    held = {alias.value for alias in load(estate).world().aliases if alias.kind == "badge" and alias.person}
    assert counts["people"] == sum(row["prox-id"] in held for row in known) > 0.9 * len(known), "pool cards are nobody"
    assert small.rows(estate, "select 1 from quarantine") == []


def test_where_agrees_with_the_last_read(estate: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["where", "vawelon001", "--at", "2016-05-31 09:00", "--estate", str(estate), "--json"]) == 0
    answer = orjson.loads(capsys.readouterr().out)
    described = load(estate)
    zone = described.world().timezone
    at = moment("2016-05-31 09:00", zone)
    before = [row for row in reads() if row["prox-id"] == "vawelon001" and moment(row["timestamp"], zone) <= at]
    last = max(before, key=lambda row: moment(row["timestamp"], zone))
    assert answer["presence"] == "in" and answer["place"] == f"f{last['floor']}-z{last['zone']}".replace(" ", "")
    assert answer["sighting"]["source"] == "prox"


def test_nobody_is_where_no_card_of_theirs_was_last_read(estate: Path) -> None:
    described = load(estate)
    directory, lake = described.world(), Lake(described.store / "lake", read_only=True)
    at = moment("2016-06-07 11:00", directory.timezone)
    last: dict[str, tuple[int, str]] = {}
    people = {alias.value: alias.person for alias in directory.aliases if alias.kind == "badge"}
    for row in reads():
        when, person = moment(row["timestamp"], directory.timezone), people[row["prox-id"]]
        if person and at - 12 * 3_600_000 < when <= at and when >= last.get(person, (0, ""))[0]:
            last[person] = when, f"f{row['floor']}-z{row['zone']}".replace(" ", "")
    assert len(last) > 50
    found = Counter(where(directory, lake, person, at).place == place for person, (_, place) in last.items())
    assert found[True] >= len(last) - 2, "two reads of one second may count either way"
