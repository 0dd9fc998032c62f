"""`watchfloor check`: everything that can be wrong before anything runs."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Verb
from tests.run import small


def _estate(tmp_path: Path) -> Path:
    estate = small.estate(tmp_path)
    (estate / "logs" / "ws" / "a.json").write_bytes(small.lines([small.sysmon(0)]))
    return estate


def test_all_is_well(watchfloor: Verb, tmp_path: Path) -> None:
    estate = _estate(tmp_path)
    said = watchfloor("check", estate)
    assert said.code == 0 and "1 sources, 2 rules" in said.out and "0 errors, 0 warnings" in said.out
    assert watchfloor("check", estate, "--json").objects[-1]["errors"] == 0
    assert not (estate / "var").exists(), "checking makes nothing"


def test_what_is_wrong_is_named(watchfloor: Verb, tmp_path: Path) -> None:
    estate = _estate(tmp_path)
    toml = estate / "estate.toml"
    toml.write_text(
        toml.read_text()
        + '[[sources]]\nid = "gone"\npath = "nowhere.log"\n'
        + '[[sources]]\nid = "odd"\npath = "logs/ws"\nintegration = "nobody"\n'
    )
    (estate / "rules" / "bad.yml").write_text("title: x\n")
    said = watchfloor("check", estate)
    assert said.code == 3
    for word in ("nowhere.log", "nobody", "bad.yml"):
        assert word in said.out
    problems = watchfloor("check", estate, "--json").objects
    assert {p["subject"] for p in problems[:-1]} == {"source", "rule"} and problems[-1]["errors"] == 2


def test_rules_that_are_not_there(watchfloor: Verb, tmp_path: Path) -> None:
    estate = _estate(tmp_path)
    text = (estate / "estate.toml").read_text()
    (estate / "estate.toml").write_text(text + '[rules]\npaths = ["rules", "no-rules"]\n')
    said = watchfloor("check", estate)
    assert said.code == 0 and "no-rules" in said.out and "1 warnings" in said.out


def test_an_integration_of_ones_own(watchfloor: Verb, tmp_path: Path) -> None:
    estate = _estate(tmp_path)
    watchfloor("new", "integration", "gate_lane", "--estate", estate)
    said = watchfloor("check", estate)
    assert said.code == 3 and "golden" in said.out
    watchfloor("golden", "gate_lane", "--estate", estate, "--accept")
    assert watchfloor("check", estate).code == 0
    (estate / "integrations" / "gate_lane" / "manifest.toml").write_text('id = "gate_lane"\nwrong = 1\n')
    said = watchfloor("check", estate)
    assert said.code == 3 and "manifest.toml:2" in said.out and "wrong" in said.out


RULE = """title: Door forced
id: 7d1a3a52-0c6a-4f35-9f6b-0c1f6f7a0001
status: test
tags: [attack.initial-access, attack.t1200]
logsource: {product: watchfloor, category: physical_access}
detection:
  selection: {activity_id: 5}
  condition: selection
falsepositives: [Door held open, Lid in the wind]
level: medium
"""
HEAD = "Date/Time,Site,Door,Reader,Card Number,Event,Direction\n"
FORCED = HEAD + "2026-03-23 02:11:04,Harbour,Store,27-1,,Door Forced Open,IN\n"
HELD = HEAD + "2026-03-23 02:11:04,Harbour,Store,27-1,,Door Held Open,IN\n"


def _rule(estate: Path, rule: str = RULE, hit: str = FORCED, miss: str = HELD) -> None:
    for name, text in (("rule.yml", rule), ("hits/forced.csv", hit), ("misses/held_open.csv", miss)):
        file = estate / "rules" / "door_forced" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def test_rule_folders_are_tried(watchfloor: Verb, tmp_path: Path) -> None:
    estate = _estate(tmp_path)
    _rule(estate)
    said = watchfloor("check", estate)
    assert said.code == 0 and "3 rules (1 with hits and misses)" in said.out
    assert "no miss for the trap 'Lid in the wind'" in said.out and "Door held open" not in said.out
    _rule(estate, hit=HELD)
    said = watchfloor("check", estate)
    assert said.code == 3 and "hits/forced.csv: 0 findings, 1 wanted" in said.out
    _rule(estate, miss=FORCED)
    said = watchfloor("check", estate)
    assert said.code == 3 and "misses/held_open.csv: 1 findings, 0 wanted" in said.out


def test_fields_that_nobody_gives(watchfloor: Verb, tmp_path: Path) -> None:
    estate = _estate(tmp_path)
    _rule(estate, rule=RULE.replace("{activity_id: 5}", "{activity_id: 5, portl.name: Store}"))
    said = watchfloor("check", estate)
    assert "the field portl.name does not exist in" in said.out


def test_what_of_attack_could_be_seen(watchfloor: Verb, tmp_path: Path) -> None:
    """A source of Windows events sees what rules for Windows ask, and no door."""
    estate = _estate(tmp_path)
    _rule(estate)
    said = watchfloor("check", estate)
    assert "2 of 3 rules could see something here" in said.out
    assert "1  no source gives events of product watchfloor, category physical_access" in said.out
    told = watchfloor("check", estate, "--json").objects[-1]
    assert told["seeing"] == 2 and told["proven"] == 1 and sum(told["blind"].values()) == 1
    access = next(one for one in told["attack"] if (one["matrix"], one["tactic"]) == ("enterprise", "initial-access"))
    assert (access["ruled"], access["seen"]) == (1, 0) and access["techniques"] == 11
    (estate / "estate.toml").write_text(
        (estate / "estate.toml").read_text()
        + '[[sources]]\nid = "doors"\npath = "doors.csv"\nintegration = "access_csv"\n'
    )
    (estate / "doors.csv").write_text(FORCED)
    assert watchfloor("check", estate, "--json").objects[-1]["seeing"] == 3
