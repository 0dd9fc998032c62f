"""`watchfloor rules`: list, show, coverage."""

from __future__ import annotations

from pathlib import Path

import pytest

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


CORRELATED = """\
title: Whoami many times
id: 44444444-4444-4444-8444-444444444444
name: many
correlation:
    type: event_count
    rules: [{rule}]
    group-by: [host, user]
    aliases:
        user: {{{rule}: User}}
        host: {{{rule}: Computer}}
    timespan: 15m
    condition: {{gte: 10}}
level: high
watchfloor:
    emit: each
    suppress: 1h
    on_incomplete: fire
"""

CHAINED = """\
title: Whoami many times, and nothing else
id: 55555555-5555-4555-8555-555555555555
correlation:
    type: temporal
    rules: [many, other]
    group-by: [host]
    aliases:
        host: {many: host, other: Computer}
    timespan: 1h
    condition: many and not other
    generate: true
watchfloor:
    anchor: many
    window: {before: 50m, after: 10m}
    lateness: 5m
level: critical
"""


@pytest.fixture
def correlated(rules: Path) -> Path:
    (rules / "many.yml").write_text(CORRELATED.format(rule=small.WHOAMI))
    other = (
        "title: Other\nname: other\nid: 66666666-6666-4666-8666-666666666666\nlevel: low\n"
        "logsource: {product: windows, category: process_creation}\n"
        "detection: {a: {Image|endswith: other.exe}, condition: a}\n"
    )
    (rules / "other.yml").write_text(other)
    (rules / "chained.yml").write_text(CHAINED)
    return rules


def test_correlations_are_listed(watchfloor: Verb, correlated: Path) -> None:
    said = watchfloor("rules", "list", "--rules", correlated)
    assert "Whoami many times" in said.out and "temporal of 2 rules" in said.out
    assert "5 of 3 rules and 2 correlations" in said.err
    found = {rule["title"]: rule for rule in watchfloor("rules", "list", "--rules", correlated, "--json").objects}
    many = found["Whoami many times"]
    assert many["correlation"] == "event_count" and many["rules"] == [small.WHOAMI] and "logsource" not in many
    assert not many["silent"] and found["Whoami was run"]["silent"], "whoami is only counted on; many speaks itself"
    (one,) = watchfloor("rules", "list", "--rules", correlated, "--find", "temporal", "--json").objects
    assert one["id"].startswith("5555") and one["file"].endswith("chained.yml") and one["line"] == 1


def test_a_correlation_is_shown(watchfloor: Verb, correlated: Path) -> None:
    said = watchfloor("rules", "show", "4444", "--rules", correlated)
    for part in (
        "event_count of",
        f"{small.WHOAMI}: Whoami was run",
        f"matches of {small.WHOAMI} >= 10, within 15m",
        f"user; {small.WHOAMI}: User",
        "15m before each match",
        "fulfilled: a finding for each match that fulfils it; then none for 1h of the same group",
        "not evaluable: a finding all the same, marked as not wholly seen",
        "counted on by\n  Whoami many times, and nothing else",
        "many.yml:1",
    ):
        assert part in said.out, part
    (told,) = watchfloor("rules", "show", "5555", "--rules", correlated, "--json").objects
    assert told["condition"] == "many and not other, within 1h"
    assert told["window"] == "50m before and 10m after each match of many; waits 5m longer than its sources need"
    assert told["watchfloor"] == {
        "anchor": "many",
        "window": {"before_s": 3000.0, "after_s": 600.0},
        "lateness_s": 300.0,
        "on_incomplete": "indeterminate",
        "emit": "once",
        "suppress_s": 0.0,
        "min_confidence": 80,
    }
    assert [(one["name"], one["title"], one["silent"]) for one in told["rules"]] == [
        ("many", "Whoami many times", False),
        ("other", "Other", False),
    ]
    assert told["outcomes"]["not evaluable"].startswith("no finding") and told["counted_on_by"] == []
