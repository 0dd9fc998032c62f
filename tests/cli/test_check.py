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
