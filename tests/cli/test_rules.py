"""`watchfloor rules`: list, show, coverage."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Verb
from tests.run import small


def test_list(watchfloor: Verb, rules: Path) -> None:
    said = watchfloor("rules", "list", "--rules", rules)
    assert said.code == 0 and "Whoami was run" in said.out and "T1033" in said.out.upper()
    found = watchfloor("rules", "list", "--rules", rules, "--json").objects
    assert {rule["id"] for rule in found} == {small.WHOAMI, small.ENCODED}
    assert all(Path(rule["file"]).is_file() and rule["line"] >= 1 for rule in found)
    assert len(watchfloor("rules", "list", "--rules", rules, "--level", "high", "--json").objects) == 1
    assert len(watchfloor("rules", "list", "--rules", rules, "--find", "t1033", "--json").objects) == 1
    assert len(watchfloor("rules", "list", "--rules", rules, "--find", "nothing", "--json").objects) == 0


def test_a_level_that_is_none(watchfloor: Verb, rules: Path) -> None:
    said = watchfloor("rules", "list", "--rules", rules, "--level", "hgih")
    assert said.code == 2 and "hgih" in said.err and "high" in said.err


def test_problems(watchfloor: Verb, rules: Path) -> None:
    (rules / "bad.yml").write_text(
        "title: x\nlogsource: {product: windows}\ndetection:\n  s: {a|odd: 1}\n  condition: s\n"
    )
    said = watchfloor("rules", "list", "--rules", rules, "--problems", "--json")
    (problem,) = said.objects
    assert problem["file"].endswith("bad.yml") and "odd" in problem["reason"] and problem["remedy"] and problem["line"]
    assert "bad.yml" in watchfloor("rules", "list", "--rules", rules, "--problems").out


def test_show(watchfloor: Verb, rules: Path) -> None:
    said = watchfloor("rules", "show", "whoami", "--rules", rules)
    assert said.code == 0 and "process.file.path" in said.out and "ends with" in said.out
    (told,) = watchfloor("rules", "show", small.WHOAMI[:8], "--rules", rules, "--json").objects
    assert told["id"] == small.WHOAMI and told["columns"]["Image"][0] == "process.file.path"
    said = watchfloor("rules", "show", "zzz", "--rules", rules)
    assert said.code == 2 and "no rules match" in said.err
    said = watchfloor("rules", "show", "o", "--rules", rules)
    assert said.code == 2 and small.WHOAMI in said.err and small.ENCODED in said.err


def test_coverage(watchfloor: Verb, rules: Path) -> None:
    said = watchfloor("rules", "coverage", "--rules", rules)
    assert said.code == 0 and "process_activity" in said.out
    (told,) = watchfloor("rules", "coverage", "--rules", rules, "--json").objects
    assert told["rules"] == 2 and told["levels"]["high"] == 1 and told["untagged"] == 1 and told["not_loaded"] == 0


def test_no_such_rules(watchfloor: Verb, tmp_path: Path) -> None:
    for verb in (("list",), ("coverage",), ("show", "x")):
        said = watchfloor("rules", *verb, "--rules", tmp_path / "nowhere")
        assert said.code == 3 and "nowhere" in said.err
