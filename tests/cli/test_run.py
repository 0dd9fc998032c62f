"""`watchfloor run`: an estate, in one pass or until stopped."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

from tests.cli.conftest import Verb
from tests.run import small


def _logged(estate: Path, name: str, start: int, stop: int, mode: str = "ab") -> None:
    with (estate / "logs" / "ws" / name).open(mode) as log:
        log.write(small.lines(small.sysmon(i) for i in range(start, stop)))


def _held(estate: Path) -> tuple[int, int, int]:
    """(events, findings, quarantined) in the lake."""
    found = {name: len(rows) for name, rows in small.tables(estate).items()}
    findings, bad = found.pop("detection_finding", 0), found.pop("quarantine", 0)
    return sum(found.values()), findings, bad


def test_once_twice_and_after_the_log_has_grown(watchfloor: Verb, tmp_path: Path) -> None:
    estate = small.estate(tmp_path)
    _logged(estate, "a.json", 0, 50)
    said = watchfloor("run", estate, "--once")
    assert said.code == 0 and said.counts == (50, 50, 0) and _held(estate) == (50, 20, 0)
    assert "lake:" in said.err and "estate small" in said.err
    said = watchfloor("run", estate, "--once")
    assert said.code == 0 and said.counts == (0, 0, 0) and _held(estate) == (50, 20, 0)
    _logged(estate, "a.json", 50, 60)
    _logged(estate, "b.json", 60, 70)
    said = watchfloor("run", estate, "--once")
    assert said.counts == (20, 20, 0) and _held(estate) == (70, 28, 0)


def test_json(watchfloor: Verb, tmp_path: Path) -> None:
    estate = small.estate(tmp_path, batch=20)
    _logged(estate, "a.json", 0, 50)
    said = watchfloor("run", estate, "--once", "--json")
    *batches, total = said.objects
    assert [batch["batch"] for batch in batches] == [1, 2, 3]
    assert sum(batch["read"] for batch in batches) == total["read"] == 50
    assert total["findings"] == 20 and total["integrations"] == {"windows": 50}


def test_whole_files_are_taken_once(watchfloor: Verb, tmp_path: Path) -> None:
    estate = small.estate(tmp_path)
    (estate / "logs" / "ws" / "a.gz").write_bytes(gzip.compress(small.lines(small.sysmon(i) for i in range(20))))
    assert watchfloor("run", estate, "--once").counts == (20, 20, 0)
    assert watchfloor("run", estate, "--once").counts == (0, 0, 0)
    assert _held(estate) == (20, 8, 0)


def test_rotation_neither_doubles_nor_loses(watchfloor: Verb, tmp_path: Path) -> None:
    estate = small.estate(tmp_path)
    _logged(estate, "app.log", 0, 20)
    watchfloor("run", estate, "--once")
    _logged(estate, "app.log", 20, 25)
    log = estate / "logs" / "ws" / "app.log"
    log.rename(log.with_name("app.log.1"))
    _logged(estate, "app.log", 25, 40)
    assert watchfloor("run", estate, "--once").counts == (20, 20, 0)
    packed, written = log.with_name("app.log.2.gz"), log.with_name("app.log.1").stat()
    packed.write_bytes(gzip.compress(log.with_name("app.log.1").read_bytes()))
    os.utime(packed, ns=(written.st_atime_ns, written.st_mtime_ns))  # as gzip leaves it
    log.rename(log.with_name("app.log.1"))
    _logged(estate, "app.log", 40, 50)
    assert watchfloor("run", estate, "--once").counts == (10, 10, 0)
    assert len(small.rows(estate, "select distinct process.pid from process_activity")) == 50
    assert _held(estate) == (50, 20, 0)


def test_a_source_with_settings_and_a_product(watchfloor: Verb, tmp_path: Path) -> None:
    estate = small.estate(tmp_path)
    path = estate / "estate.toml"
    path.write_text(path.read_text() + 'integration = "windows"\nformat = "ndjson"\n')
    _logged(estate, "a.json", 0, 5)
    assert watchfloor("run", estate, "--once").counts == (5, 5, 0)
    path.write_text(path.read_text().replace('"windows"', '"windoze"'))
    said = watchfloor("run", estate, "--once")
    assert said.code == 3 and "windoze" in said.err and "windows" in said.err
    path.write_text(path.read_text().replace('"windoze"', '"windows"').replace('"ndjson"', '"njson"'))
    said = watchfloor("run", estate, "--once")
    assert said.code in (2, 3) and "njson" in said.err


def test_a_source_without_files_is_told_and_the_others_run(watchfloor: Verb, tmp_path: Path) -> None:
    estate = small.estate(tmp_path)
    path = estate / "estate.toml"
    path.write_text(path.read_text() + '[[sources]]\nid = "gone"\npath = "nowhere/*.log"\n')
    _logged(estate, "a.json", 0, 5)
    said = watchfloor("run", estate, "--once")
    assert said.code == 0 and said.counts == (5, 5, 0) and "gone" in said.err


def test_rules_that_do_not_load_are_told(watchfloor: Verb, tmp_path: Path) -> None:
    estate = small.estate(tmp_path)
    (estate / "rules" / "broken.yml").write_text("title: x\ndetection: {a: 1\n")
    _logged(estate, "a.json", 0, 5)
    said = watchfloor("run", estate, "--once")
    assert said.code == 0 and "broken.yml" in said.err and said.counts == (5, 5, 0)


def test_an_estate_without_rules_still_collects(watchfloor: Verb, tmp_path: Path) -> None:
    estate = small.estate(tmp_path)
    for rule in (estate / "rules").rglob("*.yml"):
        rule.unlink()
    _logged(estate, "a.json", 0, 5)
    said = watchfloor("run", estate, "--once")
    assert said.code == 0 and said.counts == (5, 5, 0) and _held(estate) == (5, 0, 0)


def test_min_level_of_the_estate(watchfloor: Verb, tmp_path: Path) -> None:
    estate = small.estate(tmp_path, more='[rules]\nmin_level = "high"\n')
    _logged(estate, "a.json", 0, 10)
    watchfloor("run", estate, "--once")
    assert _held(estate) == (10, 2, 0)


def test_no_estate(watchfloor: Verb, tmp_path: Path) -> None:
    said = watchfloor("run", tmp_path, "--once")
    assert said.code == 3 and "there is no estate here" in said.err and "->" in said.err


def test_what_was_quarantined_can_be_asked_as_the_run_says(watchfloor: Verb, tmp_path: Path) -> None:
    estate = small.estate(tmp_path)
    (estate / "logs" / "ws" / "a.json").write_bytes(small.lines(map(small.sysmon, range(9))) + b"{one\n{two\n")
    said = watchfloor("run", estate, "--once")
    hint = next(line for line in said.err.splitlines() if line.startswith("why quarantined:"))
    answer = watchfloor("hunt", estate, hint.split('"')[1], "--json")
    assert sum(row["count_star()"] for row in answer.objects) == 2
