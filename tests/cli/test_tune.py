"""`watchfloor tune`: out of what was decided a filter that removes the unwanted, none that is wanted, and no hit."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Verb
from tests.run import small
from watchfloor.estate import load
from watchfloor.run.tuning import proposed
from watchfloor.testing.rule import hits_with

RULE = "55555555-5555-4555-8555-555555555555"
TEXT = rf"""
title: A shell was run
id: {RULE}
name: shell
status: test
level: high
logsource: {{product: windows, category: process_creation}}
detection:
  selection: {{Image|endswith: '.exe', CommandLine|contains: shell}}
  parent: {{ParentImage|exists: true}}
  condition: selection and parent
"""
GOOD, BAD = r"C:\Tools\updater.exe", r"C:\Windows\explorer.exe"


def run_by(number: int, parent: str) -> dict[str, Any]:
    record = small.sysmon(number)
    data = record["Event"]["EventData"] if "Event" in record else record
    data.update({"Image": r"C:\a.exe", "CommandLine": f"shell {number}", "ParentImage": parent})
    return record


@pytest.fixture
def estate(watchfloor: Verb, tmp_path: Path) -> Path:
    """Five findings of the updater, two of a person, none decided."""
    made = small.estate(tmp_path)
    folder = made / "rules" / "shell"
    (folder / "hits").mkdir(parents=True)
    (folder / "rule.yml").write_text(TEXT)
    (folder / "hits" / "one.json").write_bytes(small.lines([run_by(1, BAD)]))
    parents = [GOOD] * 5 + [BAD] * 2
    (made / "logs" / "ws" / "a.json").write_bytes(small.lines(run_by(i, parent) for i, parent in enumerate(parents)))
    assert watchfloor("run", made, "--once").code == 0
    return made


def decide(estate: Path, *verdicts: str) -> None:
    """About the findings in the order of their records."""
    found = small.rows(
        estate,
        f"select finding_info.uid as uid from detection_finding where finding_info.analytic.uid = '{RULE}' "
        "order by wf.source_seq",
    )
    assert len(found) == 7
    rows = [f"{one['uid']},{verdict},ada,seen" for one, verdict in zip(found, verdicts, strict=False) if verdict]
    (estate / "dispositions.csv").write_text("\n".join(["finding,verdict,who,reason", *rows, ""]))


def test_a_filter_that_removes_only_what_was_not_wanted(watchfloor: Verb, estate: Path) -> None:
    decide(estate, "false_positive", "benign", "false_positive", "", "", "true_positive")
    (found,) = watchfloor("tune", "shell", "--estate", estate, "--owner", "Floor", "--days", "30", "--json").objects
    assert found["fields"] == {"ParentImage": [GOOD]} and found["hits"] == ["one.json"]
    assert (found["removed"], found["open"], found["left"], found["kept"]) == (3, 2, 0, 1)
    said = watchfloor("tune", RULE, "--estate", estate, "--owner", "Floor")
    assert said.code == 0 and "owner: 'Floor'" in said.out and "expires: 20" in said.out
    assert "# would have removed 3 unwanted findings and 2 nobody decided about" in said.out
    assert (estate / "rules" / "shell" / "rule.yml").read_text() == TEXT
    (estate / "rules" / "filter.yml").write_text(said.out)
    (estate / "logs" / "ws" / "b.json").write_bytes(small.lines([run_by(8, GOOD), run_by(9, BAD)]))
    assert watchfloor("run", estate, "--once").code == 0
    rows = small.rows(estate, f"select count(*) as n from detection_finding where finding_info.analytic.uid = '{RULE}'")
    assert rows == [{"n": 8}], "of two more records one is a finding"


def test_a_filter_that_would_lose_a_hit_is_none(watchfloor: Verb, estate: Path) -> None:
    (estate / "rules" / "shell" / "hits" / "two.json").write_bytes(small.lines([run_by(1, GOOD)]))
    decide(estate, "false_positive", "false_positive", "", "", "", "true_positive")
    said = watchfloor("tune", "shell", "--estate", estate)
    assert said.code == 2 and "lose one of the rule's own hits" in said.err


def test_what_cannot_be_told_apart_and_what_nobody_decided(watchfloor: Verb, estate: Path) -> None:
    assert "0 are decided" in watchfloor("tune", "shell", "--estate", estate).err
    decide(estate, "false_positive", "false_positive", "true_positive")
    assert "nothing that can be filtered" in watchfloor("tune", "shell", "--estate", estate).err
    decide(estate, "fine")
    said = watchfloor("tune", "shell", "--estate", estate)
    assert said.code == 3 and "dispositions.csv" in said.err and "line 2" in said.err.replace(":2", " line 2")
    assert watchfloor("tune", "nobody", "--estate", estate).code == 2
    assert watchfloor("tune", "shell", "--estate", estate, "--days", "0").code == 2


def test_a_filter_that_expired_is_applied_no_more(watchfloor: Verb, estate: Path) -> None:
    decide(estate, "false_positive", "false_positive", "", "", "", "true_positive")
    text = proposed(load(estate), "shell", hits_with, owner="Floor", expires=date(2001, 1, 1)).text
    (estate / "rules" / "filter.yml").write_text(text)
    (estate / "logs" / "ws" / "b.json").write_bytes(small.lines([run_by(8, GOOD)]))
    assert watchfloor("run", estate, "--once").code == 0
    rows = small.rows(estate, f"select count(*) as n from detection_finding where finding_info.analytic.uid = '{RULE}'")
    assert rows == [{"n": 8}]
    assert "expired on 2001-01-01" in watchfloor("check", estate).out
