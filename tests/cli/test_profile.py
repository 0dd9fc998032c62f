"""`watchfloor profile`: what rules cost, which never fire."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from tests.cli.conftest import Verb
from tests.conftest import PROJECT
from tests.run import small

SILENT = """
title: Something else
id: 33333333-3333-4333-8333-333333333333
level: medium
logsource: {product: windows, category: process_creation}
detection:
  selection: {CommandLine|contains: 'mimikatz'}
  condition: selection
"""


def by_kind(objects: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for each in objects:
        found[each["kind"]].append(each)
    return found


def test_tables_for_people(watchfloor: Verb, logs: Path, rules: Path) -> None:
    (rules / "silent.yml").write_text(SILENT, "utf-8")
    said = watchfloor("profile", rules, logs)
    assert said.code == 0 and said.counts == (50, 50, 0)
    first = said.out.splitlines()[0]
    assert first.startswith("50 events, 20 of them matched | 3 rules, 2 of them fired | ")
    for title in (
        "where the time goes", "dearest rules", "dearest fields", "dearest machines and regular expressions",
        "literals found most often", "1 rules never fired", "what keeps most of them silent",
    ):  # fmt: skip
        assert title in said.out, title
    assert re.search(r"1 +never seen +CommandLine contains 'mimikatz'", said.out)
    assert "Whoami was run" in said.out and "CommandLine contains ' -enc '" in said.out
    assert "\x1b" not in said.out + said.err, "colour where nobody looks"


def test_json_counts_what_detect_finds(watchfloor: Verb, logs: Path, rules: Path) -> None:
    found = watchfloor("detect", logs, "--rules", rules, "--json").objects
    hits = Counter(each["finding_info"]["analytic"]["uid"] for each in found)
    said = watchfloor("profile", rules, logs, "--json")
    assert said.code == 0 and said.counts == (50, 50, 0)
    told = by_kind(said.objects)
    assert {each["id"]: each["hits"] for each in told["rule"]} == hits
    (summary,) = told["summary"]
    assert summary["hits"] == len(found) and summary["matched"] == 20 and summary["rules_fired"] == 2
    assert summary["read"] == summary["events"] + summary["quarantined"] == 50
    assert summary["seconds"] > 0 and summary["never"] == {}


def test_json_is_as_documented(watchfloor: Verb, logs: Path, rules: Path) -> None:
    (rules / "silent.yml").write_text(SILENT, "utf-8")
    text = (PROJECT / "docs" / "command-line.md").read_text("utf-8")
    section = text.partition("\n### As JSON\n")[2].partition("\n### ")[0]
    documented = {}
    for item in re.findall(r"^\* (.*?)(?=^\* |\n\n)", section, re.DOTALL | re.MULTILINE):
        kind, *keys = re.findall(r"`([a-z_]+)`", item)
        documented[kind] = {*keys, "kind"} - {"null", "reason", "detail"}
    told = by_kind(watchfloor("profile", rules, logs, "--json").objects)
    assert {kind: set(objects[0]) for kind, objects in told.items()} == documented
    for objects in told.values():
        assert len({tuple(each) for each in objects}) == 1, "all of a kind have the same keys"
    never = {each["id"]: each["never"] for each in told["rule"]}
    assert never.pop("33333333-3333-4333-8333-333333333333") == {
        "reason": "never seen", "detail": "CommandLine contains 'mimikatz'",
    }  # fmt: skip
    assert set(never.values()) == {None}
    from watchfloor.detect.never import REASONS
    from watchfloor.run.profile import STAGES

    assert [each["stage"] for each in told["stage"]] == list(STAGES)
    reasons = text.partition("\n### Why a rule never fired\n")[2].partition("\n### ")[0]
    assert re.findall(r"^\* \*\*([a-z ]+)\*\*: (.+?)[;.]$", reasons, re.MULTILINE) == list(REASONS.items())


def test_no_text_of_the_data_is_told(watchfloor: Verb, logs: Path, rules: Path, tmp_path: Path) -> None:
    said = watchfloor("profile", rules, logs, "--json", "--flame", tmp_path / "flame.svg")
    told = said.out + (tmp_path / "flame.svg").read_text("utf-8")
    for secret in ("user1", "ws1.example.com", "notepad.exe"):
        assert secret not in told


def test_a_flame_graph(watchfloor: Verb, logs: Path, rules: Path, tmp_path: Path) -> None:
    picture = tmp_path / "flame.svg"
    said = watchfloor("profile", rules, logs, "--flame", picture)
    assert said.code == 0 and f"flame graph: {picture}" in said.err
    assert ET.fromstring(picture.read_text("utf-8")).tag.endswith("svg")
    said = watchfloor("profile", rules, logs, "--flame", tmp_path / "nowhere" / "flame.svg")
    assert said.code == 1 and "nowhere" in said.err and "->" in said.err


def test_what_makes_no_sense(watchfloor: Verb, logs: Path, rules: Path, tmp_path: Path) -> None:
    said = watchfloor("profile", rules)
    assert said.code == 2 and "watchfloor profile RULES PATH" in said.err
    said = watchfloor("profile", rules, logs, "--min-level", "hgih")
    assert said.code == 2 and "hgih" in said.err and "critical" in said.err
    said = watchfloor("profile", rules, logs, "--integration", "nosuch")
    assert said.code == 2 and "windows" in said.err
    (tmp_path / "none").mkdir()
    said = watchfloor("profile", tmp_path / "none", logs)
    assert said.code == 3 and "not one rule" in said.err
    said = watchfloor("profile", rules, logs, tmp_path / "missing", "--json")
    assert said.code == 4 and "missing" in said.err
    assert by_kind(said.objects)["summary"][0]["read"] == 50


def test_min_level_and_limit(watchfloor: Verb, logs: Path, rules: Path) -> None:
    said = watchfloor("profile", rules, logs, "--json", "--min-level", "high")
    assert [each["id"] for each in by_kind(said.objects)["rule"]] == [small.WHOAMI]
    said = watchfloor("profile", rules, logs, "--limit", 1)
    assert said.out.count("Image endswith") + said.out.count("CommandLine contains") == 1
