"""Rules kept between starts are the rules themselves, and a damaged memory is as good as none."""

from __future__ import annotations

import sys
from pathlib import Path
from subprocess import run

import pytest

from watchfloor.detect import rulecache
from watchfloor.detect.rulebook import Rulebook, load_rules

RULES = r"""
title: Everything at once
logsource: {product: windows, service: security}
tags: [attack.t1059, attack.execution]
detection:
  a:
    - {f: x, 'g|contains': ['y', 'z*?w']}
    - {'h|re|i': '^a+$', 'i|cidr': 192.0.2.0/24, 'j|gte': 4, 'k|exists': false}
  b: {'l|fieldref|endswith': m, 'n|hour': 3, 'o|cased': Q}
  c: [word]
  condition: a or not b and c
---
title: Filter
logsource: {product: windows}
filter: {rules: any, s: {u: v}, condition: not s}
---
title: Broken
logsource: {product: windows}
detection: {s: {'f|banana': 1}, condition: s}
"""


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    path = tmp_path / "rules.yml"
    path.write_text(RULES)
    return path


def load(rules: Path) -> Rulebook:
    return load_rules([rules], cache=rules.parent / "cache")


def test_what_comes_back_is_what_went_in(rules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = load_rules([rules])
    assert len(fresh.rules) == len(fresh.problems) == 1
    assert load(rules) == fresh
    monkeypatch.setattr("watchfloor.detect.rulebook._read_file", lambda *_: pytest.fail("not read from the cache"))
    assert load(rules) == fresh
    moved = rules.rename(rules.with_name("moved.yml"))
    assert load(moved).rules[0].file == str(moved)


def test_a_second_start_does_not_need_pysigma(rules: Path) -> None:
    load(rules)
    code = (
        "import sys; from pathlib import Path; from watchfloor.detect.rulebook import load_rules;"
        "b = load_rules([Path(sys.argv[1])], cache=Path(sys.argv[1]).parent / 'cache');"
        "assert len(b.rules) == 1 and 'sigma' not in sys.modules"
    )
    run([sys.executable, "-c", code, str(rules)], check=True, timeout=60)


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "junk"])
def test_a_damaged_cache_is_written_anew(rules: Path, damage: str) -> None:
    fresh = load(rules)
    path = rules.parent / "cache" / rulecache.FILE
    whole = path.read_bytes()
    path.write_bytes(
        {
            "flip": whole[:100] + bytes([whole[100] ^ 1]) + whole[101:],
            "cut": whole[: len(whole) // 2],
            "empty": b"",
            "junk": b"\xff" * 100,
        }[damage]
    )
    assert load(rules) == fresh
    assert path.read_bytes() == whole


def test_other_placeholders_are_another_cache(rules: Path) -> None:
    rules.write_text("title: x\nlogsource: {product: windows}\ndetection: {s: {'f|expand': '%p%'}, condition: s}\n")
    folder = rules.parent / "cache"
    assert not load_rules([rules], cache=folder).rules
    assert load_rules([rules], cache=folder, placeholders={"p": ["a"]}).rules
    assert not load_rules([rules], cache=folder).rules


def test_a_folder_that_cannot_be_written_is_no_error(rules: Path) -> None:
    (rules.parent / "file").write_text("")
    assert load_rules([rules], cache=rules.parent / "file" / "cache").rules
