"""Coverage: full only if everything needed was well all the time; a blind door has a name."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.world.test_resolve import built
from tests.world.test_world import HOUR, MINUTE, port_estate

from watchfloor.errors import EstateError
from watchfloor.world.coverage import ALARMS, Covering, said
from watchfloor.world.directory import Directory, load
from watchfloor.world.history import History, Statement
from watchfloor.world.pulse import Pulse, late, pulse_table, pulses, unwell
from watchfloor.world.sources import EVERYWHERE, Source, read_sources

MONDAY = 1_780_272_000_000  # 2026-06-01 00:00 UTC
UTC = ZoneInfo("UTC")
DOORS = Source("doors", frozenset({EVERYWHERE}), heartbeat_s=600, feeds=frozenset({"physical_access_activity"}))


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Directory:
    return load(port_estate(tmp_path_factory.mktemp("estate")))


def beats(*minutes: int, source: str = "doors", lag: int = 1000, count: int = 1) -> list[Pulse]:
    """Events in these minutes after Monday's begin."""
    times = [MONDAY + minute * MINUTE for minute in minutes]
    return [Pulse(source, time, count, time, time + 500, lag, lag, time + lag) for time in times]


def asked(port: Directory, heard: list[Pulse], sources: list[Source] | None = None, *said: Statement) -> Covering:
    history = History()
    history.add(said)
    known = {one.id: one for one in (sources if sources is not None else [DOORS])}
    return Covering(port, known, pulse_table(heard), history, known_at=MONDAY + 5 * HOUR)


def whys(covering: Covering, of: str, start: int = 1, end: int = 3, **more: Any) -> tuple[str, list[str]]:
    found = covering.coverage(of, MONDAY + start * HOUR, MONDAY + end * HOUR, **more)
    return found.state, [said(one) for one in found.reasons]


def test_pulses_are_minutes_of_sources() -> None:
    rows = [
        {"time": MONDAY + at, "metadata.logged_time": MONDAY + at + lag, "wf.source_uid": source}
        for source, at, lag in [("b", 0, 5), ("a", 59_999, 7), ("a", 1, 9), ("a", MINUTE, 3), ("a", 2, -4)]
    ]
    assert sorted(pulses(built("authentication", rows))) == [
        Pulse("a", MONDAY, 3, MONDAY + 1, MONDAY + 59_999, -4, 9, MONDAY - 2),
        Pulse("a", MONDAY + MINUTE, 1, MONDAY + MINUTE, MONDAY + MINUTE, 3, 3, MONDAY + MINUTE + 3),
        Pulse("b", MONDAY, 1, MONDAY, MONDAY, 5, 5, MONDAY + 5),
    ]


EVENTS = st.tuples(st.sampled_from(["a", "b", None]), st.integers(0, 5 * MINUTE), st.integers(-9, 9))


@given(st.lists(EVENTS, min_size=1))
def test_every_event_is_counted_once(given: list[tuple[str | None, int, int]]) -> None:
    rows = [
        {"time": MONDAY + at, "metadata.logged_time": MONDAY + at + lag, "wf.source_uid": source}
        for source, at, lag in given
    ]
    found = list(pulses(built("authentication", rows)))
    assert sum(one.events for one in found) == sum(source is not None for source, _, _ in given)
    assert len({(one.source, one.time) for one in found}) == len(found)
    for one in found:
        lags = [
            lag
            for source, at, lag in given
            if source == one.source and one.time <= MONDAY + at < one.time + MINUTE
        ]  # fmt: skip
        assert (one.events, one.lag_low, one.lag_high) == (len(lags), min(lags), max(lags))


def test_well_all_the_time(port: Directory) -> None:
    covering = asked(port, beats(*range(0, 300, 5)))
    found = covering.coverage("cab", MONDAY + HOUR, MONDAY + 3 * HOUR)
    assert found.state == "full" and found.reasons == () and found.sources == ("doors",) and found.late == ()


def test_a_silence_is_named(port: Directory) -> None:
    covering = asked(port, beats(*range(0, 90, 5), *range(130, 300, 5)))
    found = covering.coverage("cab", MONDAY + HOUR, MONDAY + 3 * HOUR)
    assert found.state == "partial"
    assert found.intervals == ((MONDAY + 85 * MINUTE + 500, MONDAY + 130 * MINUTE),)
    assert [said(one) for one in found.reasons] == ["doors was silent for longer than its heartbeat"]
    assert whys(covering, "cab", 2, 3)[0] == "partial" and whys(covering, "cab", 3, 4) == ("full", [])
    assert covering.coverage("cab", MONDAY + 90 * MINUTE, MONDAY + 2 * HOUR).state == "blind"


def test_what_came_late_is_whole_now_and_was_not_then(port: Directory) -> None:
    burst = beats(*range(90, 130, 5), lag=2 * HOUR)
    heard = [*beats(*range(0, 90, 5), *range(130, 300, 5)), *burst]
    covering = asked(port, heard)
    found = covering.coverage("cab", MONDAY + HOUR, MONDAY + 3 * HOUR)
    assert found.state == "full" and [one.why for one in found.late] == ["late"] * 8
    then = Covering(port, {"doors": DOORS}, pulse_table(heard), History(), known_at=MONDAY + 130 * MINUTE)
    assert then.coverage("cab", MONDAY + HOUR, MONDAY + 100 * MINUTE).state == "partial"
    assert late(DOORS, pulse_table(heard), MONDAY + 130 * MINUTE) == []


def test_nobody_sees_or_ever_spoke(port: Directory) -> None:
    assert whys(asked(port, [], []), "gate") == ("blind", ["no source sees gate"])
    assert whys(asked(port, []), "gate") == ("blind", ["nothing was ever heard of doors"])
    far = Source("far", frozenset({"far"}), heartbeat_s=600)
    state, reasons = whys(asked(port, beats(*range(0, 300, 5), source="far"), [far]), "office")
    assert (state, reasons) == ("full", [])
    gate = Source("gate", frozenset({"gate"}), heartbeat_s=600)
    state, reasons = whys(asked(port, beats(*range(0, 300, 5), source="gate"), [gate]), "cab")
    assert (state, reasons) == ("partial", ["no source sees cab-door", "no source sees crane-door"]), "the way in"
    with pytest.raises(KeyError):
        whys(asked(port, []), "nowhere")


def test_what_is_still_to_come_is_not_known(port: Directory) -> None:
    state, reasons = whys(asked(port, beats(*range(0, 301, 5))), "cab", 4, 5)
    assert (state, reasons) == ("partial", ["something on time may still come from doors"])


def test_an_open_door_tells_nobody(port: Directory) -> None:
    modes = [
        Statement("gate", "portal_mode", "unlocked", MONDAY + 90 * MINUTE, MONDAY + 2 * HOUR, 0),
        Statement("gate", "portal_mode", "accessed", MONDAY + 3 * HOUR, MONDAY + 3 * HOUR + 9, 0),
    ]
    covering = asked(port, beats(*range(0, 300, 5)), None, *modes)
    assert whys(covering, "gate", 1, 2)[1] == [
        "gate was in a mode that tells nobody who passes, or masks its alarms"
    ]  # fmt: skip
    assert whys(covering, "gate", 3, 4) == ("full", [])
    panel = Source("panel", frozenset({"*"}), heartbeat_s=600, feeds=frozenset({ALARMS}))
    bypass = Statement("yard", "bypassed", "PIR 3", MONDAY + 2 * HOUR, MONDAY + 3 * HOUR, 0)
    alarms = asked(port, beats(*range(0, 300, 5), source="panel"), [panel], *modes, bypass)
    assert whys(alarms, "gate", 3, 4, feed=ALARMS)[0] == "partial", "accessed masks the forced alarm"
    assert "an alarm point at yard was bypassed" in whys(alarms, "gate", 2, 3, feed=ALARMS)[1]


def test_an_asset_and_what_it_needs(port: Directory) -> None:
    lost = Statement("a-2", "lost", "yes", MONDAY + HOUR, MONDAY + 2 * HOUR, 0)
    work = Statement("a-1", "maintenance", "on", MONDAY + HOUR, MONDAY + 2 * HOUR, 0)
    plant = Source("plant", frozenset({"z-crane"}), heartbeat_s=600)
    covering = asked(port, beats(*range(0, 300, 5), source="plant"), [plant], lost, work)
    assert whys(covering, "a-2") == ("partial", ["a-2 could not be reached"])
    assert whys(covering, "a-1") == ("partial", ["a-1 was in maintenance"])
    assert whys(covering, "a-1", 2, 3) == ("full", [])
    other = asked(port, beats(*range(0, 300, 5), source="plant"), [plant])
    assert whys(other, "a-1", feed="physical_access_activity") == ("full", []), "without feeds it gives any"


def test_fewer_than_expected() -> None:
    source = Source("s", frozenset(), expects=(3, 1))
    heard = [*beats(*range(0, 24 * 60, 60), source="s"), *beats(9 * 60, source="s", count=5)]
    few = [one.since for one in unwell(source, pulse_table(heard), UTC, MONDAY + 24 * HOUR) if one.why == "few"]
    assert few == [MONDAY + hour * HOUR for hour in range(7, 19) if hour != 9], "by day three an hour, and one by night"
    saturday = [
        one._replace(time=one.time + 120 * HOUR, first=one.first + 120 * HOUR, last=one.last + 120 * HOUR)
        for one in heard
    ]
    found = unwell(source, pulse_table(saturday), UTC, MONDAY + 144 * HOUR)
    assert not [one for one in found if one.why == "few"]
    summer = unwell(source, pulse_table(heard), ZoneInfo("Europe/Amsterdam"), MONDAY + 24 * HOUR)
    assert min(one.since for one in summer if one.why == "few") == MONDAY + 5 * HOUR, "7 o'clock is 5 UTC"


def test_what_is_usual_is_learnt_from_the_weeks_before() -> None:
    source = Source("s", frozenset())
    week = 7 * 24 * 60
    heard = beats(0, *(number * week + 9 * 60 for number in range(5)), source="s", count=100)
    low = beats(5 * week + 9 * 60, source="s", count=30)
    found = unwell(source, pulse_table([*heard, *low]), UTC, MONDAY + 6 * 7 * 24 * HOUR)
    assert [one.since for one in found if one.why == "few"] == [MONDAY + (5 * 7 * 24 + 9) * HOUR]
    unmeasured = {one.since for one in found if one.why == "unmeasured"}
    assert MONDAY + 9 * HOUR in unmeasured and MONDAY + (4 * 7 * 24 + 9) * HOUR not in unmeasured


def test_a_clock_that_is_ahead() -> None:
    source = Source("s", frozenset(), expects=(0, 0), skew_ms=2000)
    heard = [*beats(1, 61, source="s"), *beats(62, source="s", lag=-5000)]
    found = unwell(source, pulse_table(heard), UTC, MONDAY + 3 * HOUR)
    assert [one.since for one in found if one.why == "clock"] == [MONDAY + HOUR]


TOML = '[[source]]\nid = "doors"\nsees = ["*"]\nexpects = { day = 150, night = 10 }\nfeeds = ["authentication"]\n'


def test_the_file(tmp_path: Path) -> None:
    path = tmp_path / "coverage.toml"
    assert read_sources(path, set()) == {}
    path.write_text(TOML + '[[source]]\nid = "plc"\nsees = ["z-1"]\nexpects = 7\nheartbeat_s = 60\n', "utf-8")
    found = read_sources(path, {"z-1"})
    assert found["doors"].expects == (150, 10) and found["doors"].heartbeat_s is None
    assert found["plc"].expects == (7, 7) and found["plc"].heartbeat_s == 60 and found["plc"].lateness_s == 900
    assert found["plc"].sees_any({"z-1"}) and not found["plc"].sees_any({"z-2"})


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("[sources]\nx = 1\n", 1, "unknown table"),
        ('[[source]]\nsees = ["*"]\n', 1, "has no id"),
        ('[[source]]\nid = "a"\nseas = ["*"]\n', 3, "has no 'seas'"),
        ('[[source]]\nid = "a"\nsees = "*"\n', 3, "no list"),
        ('[[source]]\nid = "a"\nsees = ["z-9"]\n', 3, "z-9"),
        ('[[source]]\nid = "a"\nheartbeat_s = -1\n', 3, "no amount"),
        ('[[source]]\nid = "a"\nexpects = { noon = 1 }\n', 3, "noon"),
        ('[[source]]\nid = "a"\ntaken_capable = 1\n', 3, "neither true nor false"),
        ('[[source]]\nid = "a"\n[[source]]\nid = "a"\n', 3, "twice"),
    ],
)
def test_every_mistake_has_a_line(tmp_path: Path, text: str, line: int, says: str) -> None:
    path = tmp_path / "coverage.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(EstateError, match=says) as raised:
        read_sources(path, {"z-1"})
    assert raised.value.line == line and raised.value.remedy
