"""What nobody could see is told by itself, up to how far the sources are."""

from __future__ import annotations

import pytest
from tests.world.test_coverage import DOORS, MONDAY, beats
from tests.world.test_world import HOUR, MINUTE, port_estate

from watchfloor.world.blind import Blind, blind
from watchfloor.world.coverage import ALARMS, PASSAGES
from watchfloor.world.directory import Directory, load
from watchfloor.world.history import History, Statement
from watchfloor.world.pulse import Pulse, pulse_table
from watchfloor.world.sources import EVERYWHERE, Source

PANEL = Source("panel", frozenset({EVERYWHERE}), heartbeat_s=600, feeds=frozenset({ALARMS}))


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Directory:
    return load(port_estate(tmp_path_factory.mktemp("estate")))


def found(
    port: Directory, heard: list[Pulse], *said: Statement, upto: int = 300, more: tuple[Source, ...] = ()
) -> list[Blind]:
    history = History()
    history.add(said)
    sources = {one.id: one for one in (DOORS, *more)}
    return blind(
        port, sources, pulse_table(heard), history, known_at=MONDAY + 900 * MINUTE, upto=MONDAY + upto * MINUTE
    )  # fmt: skip


def minutes(one: Blind) -> tuple[str, str, float, float, str, bool]:
    """In minutes after Monday's begin."""
    return one.source, one.of, (one.since - MONDAY) / MINUTE, (one.until - MONDAY) / MINUTE, one.why, one.lasts


def test_a_source_that_was_silent_and_one_that_is(port: Directory) -> None:
    heard = beats(*range(60), *range(120, 180))
    gap, end = map(minutes, found(port, heard))
    assert gap[0] == "doors" and gap[2] == pytest.approx(59, abs=0.1) and gap[3:] == (120, "silent", False)
    assert end[2] == pytest.approx(179, abs=0.1) and end[3:] == (300, "silent", True)
    assert found(port, heard)[0].classes == {PASSAGES}


def test_what_may_still_come_is_not_missing(port: Directory) -> None:
    """The clock is ten hours ahead, the sources are not: a quiet end of a file is no silence."""
    assert found(port, beats(*range(180)), upto=185) == []
    assert found(port, [], upto=185) == []


def test_too_few_events_are_judged_by_whole_hours(port: Directory) -> None:
    few = Source("few", frozenset({EVERYWHERE}), expects=(30.0, 30.0), feeds=frozenset({ALARMS}))
    heard = beats(*range(300)) + beats(*range(120), *range(120, 180, 10), *range(180, 300), source="few")
    assert list(map(minutes, found(port, heard, more=(few,)))) == [("few", "", 120, 180, "few", False)]


def test_doors_that_tell_nobody_who_passes(port: Directory) -> None:
    heard = beats(*range(300))
    opened = Statement("gate", "portal_mode", "unlocked", MONDAY + HOUR, MONDAY + 2 * HOUR, MONDAY)
    assert list(map(minutes, found(port, heard, opened))) == [("doors", "gate", 60, 120, "masked", False)]
    lasting = opened._replace(valid_to=MONDAY + 20 * HOUR)
    assert list(map(minutes, found(port, heard, lasting))) == [("doors", "gate", 60, 300, "masked", True)]
    later = opened._replace(valid_from=MONDAY + 10 * HOUR, valid_to=MONDAY + 20 * HOUR)
    assert found(port, heard, later) == []


def test_an_alarm_point_that_was_bypassed(port: Directory) -> None:
    heard = beats(*range(300)) + beats(*range(300), source="panel")
    off = Statement("yard", "bypassed", "point-1", MONDAY + HOUR, MONDAY + 2 * HOUR, MONDAY)
    (one,) = found(port, heard, off, more=(PANEL,))
    assert minutes(one) == ("panel", "yard", 60, 120, "bypassed", False) and one.classes == {ALARMS}
