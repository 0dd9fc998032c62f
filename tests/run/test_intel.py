"""Indicators on the path: rules read them, findings name them, what matched stays as rows, and nobody's name there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.run import small
from tests.run.test_living import HEADER, run
from tests.world.test_world import port_estate
from watchfloor.errors import WatchfloorError
from watchfloor.estate import load
from watchfloor.run import processing
from watchfloor.run.feedwatch import FeedWatch
from watchfloor.run.local import LocalEngine
from watchfloor.run.prepare import prepared
from watchfloor.run.reload import RuleWatch

KNOWN, LATER, BENIGN = "a" * 64, "b" * 64, "c" * 64

RULE = {
    "known.yml": """
title: A file known to be bad was run
id: 77777777-7777-4777-8777-777777777777
status: test
level: high
logsource: {product: windows, category: process_creation}
detection:
  known: {intel.hash.matched: true}
  condition: known
"""
}
FEEDS = """
[[feed]]
id = "sector"
path = "feeds/*.csv"
tlp = "green"
confidence = 75
[join]
always = ["ip"]
"""


def estate(folder: Path) -> Path:
    small.estate(folder)
    for file in (folder / "rules").rglob("*.yml"):
        file.unlink()
    small.write_rules(folder / "rules", RULE)
    for name in ("intel", "feeds"):
        (folder / name).mkdir()
    (folder / "intel" / "feeds.toml").write_text(FEEDS)
    (folder / "feeds" / "hashes.csv").write_text(
        f"value,since,reference\n{KNOWN},2026-01-01,i-1\n{LATER},2026-02-01,i-2\n{BENIGN},,i-3\n"
    )
    (folder / "intel" / "verdicts.csv").write_text(f"kind,value,verdict,who,reason\nhash,{BENIGN},benign,ada,our own\n")
    records = [
        small.sysmon(0, Hashes=f"MD5={'D' * 32},SHA256={KNOWN.upper()}"),
        small.sysmon(1, Hashes=f"SHA256={LATER}"),
        small.sysmon(2, Hashes=f"SHA256={BENIGN}"),
        small.sysmon(3),
    ]
    (folder / "logs" / "ws" / "a.ndjson").write_bytes(small.lines(records))
    return folder


def test_a_finding_names_the_indicator_and_its_source(tmp_path: Path) -> None:
    run(estate(tmp_path))
    (found,) = small.rows(tmp_path, "select evidences, message from detection_finding")
    said = orjson.loads(found["evidences"][0]["data"])["fields"]
    assert said["intel.hash.value"] == KNOWN and said["intel.hash.source"] == "sector"
    assert found["message"].endswith(f"; {KNOWN} is known to sector.")
    assert (said["intel.hash.confidence"], said["intel.hash.tlp"]) == (75, "green")
    events = small.rows(tmp_path, "select intel.hash.matched as it from process_activity order by time")
    assert [row["it"] for row in events] == [True, False, False, None]


def test_what_matched_stays_as_a_row(tmp_path: Path) -> None:
    run(estate(tmp_path))
    (row,) = small.rows(
        tmp_path,
        "select s.*, p.wf.source_seq as record from indicator_sighting s join process_activity p "
        "on p.metadata.uid = s.event_uid",
    )
    assert (row["kind"], row["value"], row["source"], row["reference"]) == ("hash", KNOWN, "sector", "i-1")
    assert (row["attribute"], row["class_name"], row["record"]) == ("process.file.hashes.value", "process_activity", 1)


def test_nothing_is_looked_up_that_nobody_asks_for(tmp_path: Path) -> None:
    estate(tmp_path)
    (tmp_path / "rules" / "known.yml").unlink()
    run(tmp_path)
    (row,) = small.rows(tmp_path, "select count(*) as n from process_activity")
    assert row["n"] == 4
    assert not (tmp_path / "var" / "lake" / "indicator_sighting").exists()


def test_other_indicators_are_another_maker(tmp_path: Path) -> None:
    first = load(estate(tmp_path)).intelligence()
    (tmp_path / "feeds" / "hashes.csv").write_text("value\n")
    second = load(tmp_path).intelligence()
    assert first is not None and second is not None and first.digest != second.digest


def test_feeds_that_change_are_taken_over_and_broken_ones_are_not(tmp_path: Path) -> None:
    folder = estate(tmp_path)
    described = load(folder)
    ready = prepared(list(described.rules), integrations=described.integrations())
    paths = list(described.rules)
    watch = RuleWatch(paths, lambda some: prepared(some, integrations=described.integrations()))
    with LocalEngine(described, ready, watch=watch) as engine:
        assert engine._feeds is not None
        engine._feeds = FeedWatch(described, every=0.0)
        assert engine.renew_indicators() is None, "nothing changed"
        (folder / "feeds" / "more.json.csv").write_text('{"objects": [')
        error = engine.renew_indicators()
        assert isinstance(error, WatchfloorError) and error.line and "more.json.csv" in str(error)
        assert engine.renew_indicators() is None, "complained about once"
        (folder / "feeds" / "more.json.csv").unlink()
        (folder / "feeds" / "hashes.csv").write_text(f"value\n{LATER}\n{'d' * 32}\n")
        found = engine.renew_indicators()
        assert not isinstance(found, WatchfloorError) and found is engine.indicators and found is not None
        assert found.intelligence.count == 3
        engine.collect(final=True)
        while engine.process() is not None:
            pass
    seen = small.rows(folder, "select value from indicator_sighting order by value")
    assert [row["value"] for row in seen] == [LATER, "d" * 32]


def test_workers_find_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processing, "PAYS", 1)
    made: list[Any] = []
    for name, workers in (("one", 1), ("two", 2)):
        folder = tmp_path / name
        folder.mkdir()
        estate(folder)
        text = (
            (folder / "estate.toml")
            .read_text()
            .replace("batch_records = 50000", f"batch_records = 2\nworkers = {workers}")
        )
        (folder / "estate.toml").write_text(text)
        run(folder)
        made.append(small.rows(folder, "select kind, value, event_uid, time from indicator_sighting order by all"))
    assert made[0] == made[1] and len(made[0]) == 1


def test_somebody_of_the_estate_is_not_named_by_an_indicator(tmp_path: Path) -> None:
    port_estate(tmp_path)
    (tmp_path / "rules").mkdir()
    (tmp_path / "intel").mkdir()
    (tmp_path / "intel" / "feeds.toml").write_text(
        '[[feed]]\nid = "case"\npath = "badges.txt"\nkind = "badge"\nbasis = "legitimate_interest"\n'
        "expires_days = 3650\n"
        '[join]\nalways = ["badge"]\n'
    )
    (tmp_path / "badges.txt").write_text("1\n424242\n")
    (tmp_path / "doors.csv").write_text(
        f"{HEADER}2026-03-02 07:58:11,gate,gate-in,1,Entered,In\n2026-03-02 07:59:11,gate,gate-in,424242,Entered,In\n"
    )
    (tmp_path / "estate.toml").write_text('[[sources]]\nid = "doors"\npath = "doors.csv"\nintegration = "access_csv"\n')
    run(tmp_path)
    seen = small.rows(tmp_path, "select value, source from indicator_sighting order by time")
    assert [row["source"] for row in seen] == ["case", "case"]
    events = small.rows(
        tmp_path,
        "select intel.badge.value as indicator, credential.uid as holder, intel.source as source "
        "from physical_access_activity order by time",
    )
    assert [row["indicator"] for row in events] == [row["value"] for row in seen] == [row["holder"] for row in events]
    assert "424242" not in json.dumps([seen, events]) and events[0]["indicator"] == "p-1"
