"""What a rulebook covers, counted."""

from __future__ import annotations

from pathlib import Path

from watchfloor.detect.coverage import by_tactic, coverage
from watchfloor.detect.rulebook import load_rules
from watchfloor.detect.taxonomy import Taxonomy

RULE = r"""
title: One
id: 77777777-7777-4777-8777-777777777777
level: high
tags: [attack.execution, attack.t1059.001]
logsource: {product: windows, category: process_creation}
detection:
  s: {Image: 'C:\a.exe'}
  condition: s
"""


def test_coverage_counts(tmp_path: Path) -> None:
    plain = (
        "title: {t}\nid: {i}\nlevel: low\nlogsource: {{product: linux, service: auditd}}\n"
        "detection:\n  s: {{type: x}}\n  condition: s\n"
    )
    (tmp_path / "a.yml").write_text(RULE)
    (tmp_path / "b.yml").write_text(plain.format(t="B", i="88888888-8888-4888-8888-888888888888"))
    (tmp_path / "c.yml").write_text(plain.format(t="C", i="88888888-8888-4888-8888-888888888889"))
    book = load_rules([tmp_path])
    found = coverage(book.rules, Taxonomy.load())
    assert found.rules == 3 and found.levels["low"] == 2 and found.levels["high"] == 1 and found.untagged == 2
    assert next(iter(found.levels)) == "critical"
    assert sum(found.techniques.values()) == 1 and "T1059.001" in str(found.techniques).upper()
    assert [entry.rules for entry in found.logsources] == [2, 1], "most first"
    windows = found.logsources[1]
    assert "process_activity" in windows.classes and "process_creation" in windows.logsource


def test_coverage_of_nothing() -> None:
    found = coverage([], Taxonomy.load())
    assert found.rules == 0 and found.logsources == () and set(found.levels.values()) == {0}


def test_techniques_by_tactic(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text(RULE)
    rules = load_rules([tmp_path]).rules
    found = {(one.matrix, one.tactic): one for one in by_tactic(rules)}
    execution = found["enterprise", "execution"]
    assert (execution.ruled, execution.seen) == (1, 1), "a sub-technique counts for its technique"
    assert execution.techniques > 10 and found["ics", "execution"].ruled == 0
    assert sum(one.seen for one in by_tactic(rules, frozenset())) == 0
    assert [one.matrix for one in by_tactic(rules)] == ["enterprise"] * 14 + ["ics"] * 12
