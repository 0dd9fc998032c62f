"""`coverage`: whether what happened could have been seen, in words a guard uses."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from tests.run import test_living
from watchfloor.cli import main

SOURCES = """[[source]]
id = "doors"
sees = ["*"]
expects = { day = 2, night = 0 }
lateness_s = 60
feeds = ["physical_access_activity"]
"""


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = test_living.estate(tmp_path_factory.mktemp("coverage") / "estate")
    (folder / "coverage.toml").write_text(SOURCES)
    test_living.run(folder)
    return folder


def asked(capsys: pytest.CaptureFixture[str], estate: Path, of: str, start: str, end: str) -> dict[str, object]:
    code = main(
        ["coverage", of, "--between", f"2026-03-02 {start}", f"2026-03-02 {end}", "--estate", str(estate), "--json"]
    )
    assert code == 0
    answer: dict[str, object] = orjson.loads(capsys.readouterr().out)
    return answer


def test_what_was_seen_and_what_was_not(estate: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert asked(capsys, estate, "crane", "08:00", "09:00")["coverage"] == "full"
    noon = asked(capsys, estate, "crane", "12:00", "13:00")
    assert noon["coverage"] == "blind" and noon["sources"] == ["doors"]
    part = asked(capsys, estate, "crane", "08:00", "13:00")
    assert part["coverage"] == "partial"
    (first, *_) = part["reasons"] if isinstance(part["reasons"], list) else []
    assert first["source"] == "doors" and first["why"] == "few"


def test_as_a_guard_reads_it(estate: Path, capsys: pytest.CaptureFixture[str]) -> None:
    times = ("--between", "2026-03-02 12:00", "2026-03-02 13:00", "--estate", str(estate))
    assert main(["coverage", "gate", *times]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("blind, nothing could be seen")
    assert "fewer events than expected came from doors" in lines[1] and lines[-1].endswith("watched by: doors")


@pytest.mark.parametrize(
    ("place", "start", "end", "says"),
    [
        ("nowhere", "08:00", "09:00", "no place, zone, door or asset"),
        ("crane", "09:00", "08:00", "not behind the first"),
        ("crane", "soon", "09:00", "is no time"),
    ],
)
def test_what_cannot_be_answered(
    estate: Path, capsys: pytest.CaptureFixture[str], place: str, start: str, end: str, says: str
) -> None:
    code = main(["coverage", place, "--between", f"2026-03-02 {start}", f"2026-03-02 {end}", "--estate", str(estate)])
    told = capsys.readouterr().err
    assert code == 2 and says in told and "->" in told
