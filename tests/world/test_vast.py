"""A real export through `access_csv` by settings alone: the proximity cards of an office (VAST Challenge 2016)."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import orjson
import pytest
from tests.conftest import PROJECT
from tests.run import small
from tests.run.test_living import run
from tests.world.vast import card_reads
from tests.world.vast import estate as written_estate

from watchfloor.cli import main
from watchfloor.estate import load
from watchfloor.run.whereabouts import INDEXED, where
from watchfloor.store.index import Remembered
from watchfloor.world.rows import moment

DATA = PROJECT.parent / "shared" / "data" / "converged" / "vast2016_mc2"

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is not there")


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The export itself is read where it lies."""
    folder = written_estate(tmp_path_factory.mktemp("vast") / "estate", DATA)
    run(folder)
    return folder


def test_every_read_is_an_event_that_names_place_and_card(estate: Path) -> None:
    (counts,) = small.rows(
        estate,
        "select count(*) as n, count(wf.place_uid) as places, count(wf.credential_uid) as cards, "
        "count(wf.person_uid) as people from physical_access_activity",
    )
    known = card_reads(DATA)
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
    before = [
        row for row in card_reads(DATA) if row["prox-id"] == "vawelon001" and moment(row["timestamp"], zone) <= at
    ]
    last = max(before, key=lambda row: moment(row["timestamp"], zone))
    assert answer["presence"] == "in" and answer["place"] == f"f{last['floor']}-z{last['zone']}".replace(" ", "")
    assert answer["sighting"]["source"] == "prox"


def test_nobody_is_where_no_card_of_theirs_was_last_read(estate: Path) -> None:
    described = load(estate)
    directory, lake = described.world(), Remembered(described.store, INDEXED)
    at = moment("2016-06-07 11:00", directory.timezone)
    last: dict[str, tuple[int, str]] = {}
    people = {alias.value: alias.person for alias in directory.aliases if alias.kind == "badge"}
    for row in card_reads(DATA):
        when, person = moment(row["timestamp"], directory.timezone), people[row["prox-id"]]
        if person and at - 12 * 3_600_000 < when <= at and when >= last.get(person, (0, ""))[0]:
            last[person] = when, f"f{row['floor']}-z{row['zone']}".replace(" ", "")
    assert len(last) > 50
    found = Counter(where(directory, lake, person, at).place == place for person, (_, place) in last.items())
    assert found[True] >= len(last) - 2, "two reads of one second may count either way"
