"""`where` folds one person alone; the engine keeps everybody: they say the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.run import small, test_living
from watchfloor.clock import now_ms
from watchfloor.estate import Estate, load
from watchfloor.run.living import taken_up
from watchfloor.run.local import LocalEngine
from watchfloor.run.prepare import prepared
from watchfloor.run.whereabouts import INDEXED, Whereabouts, where, who
from watchfloor.store.cursors import CursorFile
from watchfloor.store.index import FILE, Remembered, follow
from watchfloor.store.lake import Lake
from watchfloor.world.links import Decision, decide
from watchfloor.world.presence import OUT, TAILGATED, UNKNOWN
from watchfloor.world.world import World

MINUTE = 60_000
START = 1_772_434_800_000  # 2026-03-02 07:00 UTC

COVERED = """
[[source]]
id = "doors"
sees = ["*"]
heartbeat_s = 7000
skew_ms = 90000
feeds = ["physical_access_activity"]
"""


@pytest.fixture(scope="module", params=["", COVERED], ids=["", "with coverage.toml"])
def ran(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    folder = test_living.estate(tmp_path_factory.mktemp("where") / "estate")
    if request.param:
        (folder / "coverage.toml").write_text(request.param)
    test_living.run(folder)
    return folder


@pytest.fixture(params=[True, False], ids=["out of the index", "out of the lake"])
def estate(ran: Path, request: pytest.FixtureRequest) -> Path:
    (ran / "var" / "lake" / FILE).unlink(missing_ok=True)
    if request.param:
        follow(Lake(ran / "var" / "lake"), CursorFile(ran / "var" / "cursor.json").read().batch, INDEXED)
    return ran


def engine_of(described: Estate) -> World:
    """The whole world, as an engine takes it up."""
    directory = described.world()
    lake = Lake(described.store / "lake", read_only=True)
    return taken_up(directory, lake, sources=described.covers(directory))


def by_the_engine(world: World, person: str, at: int) -> tuple[str, str, int, int | None]:
    """Presence, place, confidence and since of a person."""
    held = [
        next((one for one in world.history.intervals("presence", person) if one.since <= time < one.until), None)
        for time in (at, at - world.presence.doubt, at + world.presence.doubt)
    ]
    now = held[0]
    if now is None:
        return UNKNOWN, "", 0, None
    steady = all(one is not None and (one.value, one.moment) == (now.value, now.moment) for one in held)
    confidence = now.confidence if steady else min(now.confidence, TAILGATED)
    place = "" if now.value in (OUT, UNKNOWN) else now.value
    return "in" if place else now.value, place, confidence, now.since


def short(found: Whereabouts) -> tuple[str, str, int, int | None]:
    return found.presence, found.place, found.confidence, found.since


def test_it_is_what_the_engine_believes(estate: Path) -> None:
    described = load(estate)
    world = engine_of(described)
    directory, known = described.world(), Remembered(described.store, INDEXED)
    sources = described.covers(directory)
    assert (known._base is not None) == (described.store / "lake" / FILE).exists()
    answers = set()
    for person in directory.persons:
        for minute in range(0, 16 * 60, 47):
            at = START + minute * MINUTE
            found = short(where(directory, known, person, at, sources))
            assert found == by_the_engine(world, person, at), (person, minute)
            answers.add(found[0])
    known.close()
    assert answers >= {"in", "unknown"}


def test_who_is_where_where_says(estate: Path) -> None:
    described = load(estate)
    directory, known = described.world(), Remembered(described.store, INDEXED)
    sources = described.covers(directory)
    at = START + 70 * MINUTE
    found = who(directory, known, directory.inside("s"), "s", at, sources)
    assert found.surely or found.possibly
    for one in (*found.surely, *found.possibly):
        assert one == where(directory, known, one.person, at, sources)
    known.close()


def test_who_was_merged_is_one(tmp_path: Path) -> None:
    folder = test_living.estate(tmp_path / "estate")
    test_living.run(folder)
    described = load(folder)
    at = START + 70 * MINUTE
    decide(folder, Decision("merge", "p-2", "p-1", now_ms() - 1, "t", "the same"), described.world())
    directory = described.world()
    assert directory.same == {"p-1": "p-2"}
    with Remembered(described.store, INDEXED) as known:
        assert short(where(directory, known, "p-2", at)) == by_the_engine(engine_of(described), "p-2", at)


def test_it_answers_while_an_engine_runs(tmp_path: Path) -> None:
    """It takes no lock and writes nothing: what is committed counts, whoever commits."""
    folder = test_living.estate(tmp_path / "estate", batch=1)
    described = load(folder)
    directory = described.world()
    ready = prepared(list(described.rules), integrations=described.integrations())
    told = []
    with LocalEngine(described, ready) as engine:
        engine.collect(final=True)
        while (report := engine.process()) is not None:
            if report.batch % 2:
                engine.keep_house()
            known = Remembered(described.store, INDEXED)
            assert (known._base is not None) == bool(report.batch % 2), "behind the cursor it is not asked"
            found = where(directory, known, "p-1", START + 180 * MINUTE)
            known.close()
            assert short(found) == by_the_engine(engine_of(described), "p-1", START + 180 * MINUTE)
            told.append(found.place)
    assert "crane" in told and told[-1] == "cab", told
    assert small.rows(folder, "select 1 from sighting")
