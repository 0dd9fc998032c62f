"""One test over every rule we ship: hits hit, misses miss."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.conftest import PROJECT
from watchfloor.testing import rule as contract

RULES = sorted(path.parent for path in (PROJECT / "estates").glob("*/rules/*/rule.yml"))


def test_there_are_rules() -> None:
    assert len(RULES) >= 10


@pytest.mark.parametrize("folder", RULES, ids=lambda folder: folder.name)
def test_hits_hit_and_misses_miss(folder: Path) -> None:
    assert contract.problems(folder) == []


def test_a_rule_that_finds_too_much_is_noticed(tmp_path: Path) -> None:
    folder = tmp_path / "encoded_powershell"
    shutil.copytree(PROJECT / "estates" / "firstlight" / "rules" / "encoded_powershell", folder)
    rule = folder / "rule.yml"
    rule.write_text(rule.read_text("utf-8").replace("image and encoded and hidden", "image"), "utf-8")
    assert any("findings, 0 wanted" in problem for problem in contract.problems(folder))
