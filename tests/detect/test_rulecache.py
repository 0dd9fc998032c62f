"""Rules kept between starts are the rules themselves, and a damaged memory is as good as none."""

from __future__ import annotations

import sys
import zipfile
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


def test_a_known_archive_is_not_unpacked(rules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = rules.with_name("rules.zip")

    def pack(*names: str) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            for name in names:
                archive.writestr(name, RULES if name == "one.yml" else RULES.replace("Everything", name))

    def at(path: Path) -> tuple[Rulebook, Rulebook]:
        return load_rules([path], cache=path.parent / "cache"), load_rules([path])

    pack("one.yml")
    assert len(set(map(repr, (*at(path), *at(path))))) == 1
    pack("one.yml", "two.yml")
    assert len({repr(book) for _ in range(2) for book in at(path)}) == 1
    fresh = load_rules([path])
    monkeypatch.setattr("watchfloor.detect.rulebook._unpacked", lambda *_: pytest.fail("unpacked"))
    assert load(path) == fresh
    (path.parent / "cache" / rulecache.FILE).unlink()
    with pytest.raises(pytest.fail.Exception):
        load(path)


def test_an_archive_that_is_not_whole_is_read_each_time(rules: Path) -> None:
    path = rules.with_name("rules.zip")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("one.yml", RULES)
        archive.writestr("two.yml", RULES.replace("Everything", "Nothing"))
    path.write_bytes(path.read_bytes().replace(b"Everything", b"Everythink"))
    fresh = load_rules([path])
    assert any("cannot be unpacked" in problem.reason for problem in fresh.problems)
    assert load(path) == load(path) == fresh


def test_what_is_long_unused_is_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rulecache, "STALE", 2)
    for turn in range(5):
        cache = rulecache.RuleCache(tmp_path, None)
        cache.put(bytes([turn]), [])
        cache.save()
        assert rulecache.RuleCache(tmp_path, None).get("name", bytes([turn])) == []
    known = [rulecache.RuleCache(tmp_path, None).get("name", bytes([turn])) for turn in range(5)]
    assert known.count([]) <= 3


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
