"""`watchfloor new` and `golden`: an integration from nothing to accepted."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.conftest import Verb
from tests.run import small
from watchfloor.testing.integration import problems


def test_a_scaffold_lacks_only_its_golden(watchfloor: Verb, tmp_path: Path) -> None:
    estate = tmp_path / "[red]"  # what stands in a name is no markup
    said = watchfloor("new", "integration", "lane_reader", "--estate", estate)
    folder = estate / "integrations" / "lane_reader"
    assert said.code == 0 and str(folder) in said.out.replace("\n", "")
    assert problems(folder) and all("golden" in problem for problem in problems(folder))
    said = watchfloor("golden", folder)
    assert said.code == 3 and "--accept" in said.err
    asked = re.findall("`watchfloor (.+?)`", said.out)[0].split()
    assert asked == ["golden", str(folder), "--accept"], "what it says works as it is said"
    said = watchfloor(*asked)
    assert said.code == 0 and "wrote" in said.out and problems(folder) == []
    said = watchfloor("golden", folder)
    assert said.code == 0 and "as accepted" in said.out
    assert watchfloor("golden", folder, "--json").objects == [
        {"integration": "lane_reader", "changed": [], "problems": []}
    ]
    golden = folder / "golden" / "access.ndjson"
    golden.write_text(golden.read_text().replace("ada.example", "eve.example"))
    said = watchfloor("golden", folder)
    assert said.code == 3 and "differs" in said.out and "-" in said.out and "eve.example" in said.out


def test_what_was_scaffolded_is_used(watchfloor: Verb, tmp_path: Path) -> None:
    estate = small.estate(tmp_path)
    watchfloor("new", "integration", "lane_two", "--estate", estate)
    sample = (estate / "integrations" / "lane_two" / "samples" / "access.ndjson").read_bytes()
    (estate / "logs" / "ws" / "lane.json").write_bytes(sample)
    said = watchfloor("run", estate, "--once")
    assert said.counts == (2, 2, 0) and "lane_two 2" in said.err
    assert small.rows(estate, "select actor.user.name as who from api_activity") == [{"who": "ada.example"}]


@pytest.mark.parametrize("name", ["Upper", "with space", "../up", "1first", "a", "x" * 60])
def test_names_that_cannot_be(watchfloor: Verb, tmp_path: Path, name: str) -> None:
    said = watchfloor("new", "integration", name, "--estate", tmp_path)
    assert said.code == 2 and "->" in said.err and not (tmp_path / "integrations").exists()


def test_nothing_is_overwritten(watchfloor: Verb, tmp_path: Path) -> None:
    watchfloor("new", "integration", "mine", "--estate", tmp_path)
    readme = tmp_path / "integrations" / "mine" / "README.md"
    readme.write_text("my own words")
    assert watchfloor("new", "integration", "mine", "--estate", tmp_path).code == 2
    assert readme.read_text() == "my own words"


def test_golden_asks_which(watchfloor: Verb) -> None:
    said = watchfloor("golden")
    assert said.code == 2 and "windows" in said.err
    said = watchfloor("golden", "windoze")
    assert said.code == 2 and "windoze" in said.err and "windows" in said.err
