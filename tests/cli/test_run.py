"""`watchfloor run`: an estate, in one pass or until stopped."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import Any

import pytest

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


def test_two_rotations_between_two_runs(watchfloor: Verb, tmp_path: Path) -> None:
    estate = small.estate(tmp_path)
    folder = estate / "logs" / "ws"
    _logged(estate, "app.log", 0, 20)
    watchfloor("run", estate, "--once")
    _logged(estate, "app.log", 20, 25)
    (folder / "app.log").rename(folder / "app.log.2")
    _logged(estate, "app.log.1", 25, 40)
    _logged(estate, "app.log", 40, 50)
    assert watchfloor("run", estate, "--once").counts == (30, 30, 0)
    assert watchfloor("run", estate, "--once").counts == (0, 0, 0)
    assert _held(estate) == (50, 20, 0)


def test_names_and_texts_in_other_encodings(watchfloor: Verb, tmp_path: Path) -> None:
    estate = small.estate(tmp_path)
    records = small.lines(small.sysmon(i) for i in range(10))
    (estate / "logs" / "ws" / os.fsdecode(b"caf\xe9.json")).write_bytes(records)
    (estate / "logs" / "ws" / "new\nline.json").write_bytes(records)
    for codec in ("utf-16", "utf-16-le", "utf-16-be"):
        (estate / "logs" / "ws" / f"{codec}.json").write_bytes(records.decode().encode(codec))
    assert watchfloor("run", estate, "--once").counts == (50, 50, 0)
    assert _held(estate) == (50, 20, 0)
    detected = watchfloor("detect", estate / "logs", "--rules", estate / "rules", "--json")
    assert detected.counts == (50, 50, 0) and len(detected.objects) == 20
    assert any(found["watchfloor"]["file"].endswith("caf\\xe9.json") for found in detected.objects)


def test_a_trouble_that_stays_is_told_once(tmp_path: Path) -> None:
    from watchfloor.estate import load
    from watchfloor.run.local import LocalEngine
    from watchfloor.run.prepare import prepared

    estate = small.estate(tmp_path)
    (estate / "logs" / "ws" / "gone").symlink_to(tmp_path / "nowhere")
    with LocalEngine(load(estate), prepared([estate / "rules"])) as engine:
        for expected in (["gone"], [], ["other"], []):
            if expected == ["other"]:
                (estate / "logs" / "ws" / "other").symlink_to(tmp_path / "nowhere")
            engine.collect()
            assert [Path(trouble.stream).name for trouble in engine.trouble] == expected


def test_a_kill_between_what_is_no_record_and_what_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are two blocks of the landing; neither may come twice, wherever a kill falls."""
    from watchfloor.estate import load
    from watchfloor.run.local import LocalEngine
    from watchfloor.run.path import UNFRAMED
    from watchfloor.run.prepare import prepared
    from watchfloor.store.landing import LandingWriter

    estate = small.estate(tmp_path)
    (estate / "logs" / "ws" / "a.json").write_bytes(b'[{"a":1},nonsense,{"a":2},rubbish,{"a":3}]')
    ready = prepared([estate / "rules"])
    real = LandingWriter.append

    def killed(self: LandingWriter, stream: str, format: str, *given: Any, **named: Any) -> int:
        if format != UNFRAMED:
            raise KeyboardInterrupt
        return real(self, stream, format, *given, **named)

    with monkeypatch.context() as context, LocalEngine(load(estate), ready) as engine:
        context.setattr(LandingWriter, "append", killed)
        with pytest.raises(KeyboardInterrupt):
            engine.collect(final=True)
    with LocalEngine(load(estate), ready) as engine:
        engine.collect(final=True)
        while engine.process() is not None:
            pass
    assert _held(estate) == (3, 0, 2)


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
    assert said.code == 2 and "njson" in said.err


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
