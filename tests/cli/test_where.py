"""`where` and `who`: what a guard asks, in words a guard uses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from tests.run import test_living
from watchfloor.cli import main


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = test_living.estate(tmp_path_factory.mktemp("where") / "estate")
    test_living.run(folder)
    return folder


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(list(arguments)) == 0
    return capsys.readouterr().out.strip()


@pytest.mark.parametrize(
    ("name", "at", "starts", "holds"),
    [
        (
            "1",
            "2026-03-02 08:08",
            "p-1, 2026-03-02 08:08:00+00:00: in crane (z-crane), confidence 100",
            "(3 min before) by doors",
        ),
        (
            "1",
            "2026-03-02 08:06",
            "p-1, 2026-03-02 08:06:00+00:00: in crane (z-crane), confidence 70, not sure",
            "(1 min before) by doors",  # nobody measured the clock of the doors
        ),
        ("ada", "2026-03-02 09:20", "p-1, 2026-03-02 09:20:00+00:00: in yard (z-yard)", "(20 min before) by doors"),
        ("1001", "2026-03-02 10:00", "p-1, 2026-03-02 10:00:00+00:00: in cab (z-crane)", "by hmi"),
        ("p-1", "2026-03-03", "p-1, 2026-03-03 00:00:00+00:00: unknown since 2026-03-02 21:40:00+00:00", "in cab"),
        ("p-2", "2026-03-01", "p-2, 2026-03-01 00:00:00+00:00: unknown, never seen before", ""),
    ],
)
def test_where(estate: Path, capsys: pytest.CaptureFixture[str], name: str, at: str, starts: str, holds: str) -> None:
    answer = said(capsys, "where", name, "--at", at, "--estate", str(estate))
    assert answer.startswith(starts) and holds in answer and "\n" not in answer


def test_where_as_json(estate: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer = orjson.loads(said(capsys, "where", "1", "--at", "2026-03-02 08:08", "--estate", str(estate), "--json"))
    assert (answer["presence"], answer["place"], answer["zone"], answer["confidence"]) == (
        "in",
        "crane",
        "z-crane",
        100,
    )
    assert answer["sighting"]["time"] == "2026-03-02 08:05:00+00:00" and answer["sighting"]["event"]


def test_who(estate: Path, capsys: pytest.CaptureFixture[str]) -> None:
    at = ("--at", "2026-03-02 08:10", "--estate", str(estate))
    lines = said(capsys, "who", "s", *at).splitlines()
    assert lines[0] == "s, 2026-03-02 08:10:00+00:00: 2 people"
    assert [line.split()[:2] for line in lines[1:]] == [["surely", "p-1"], ["surely", "p-2"]]
    answer = orjson.loads(said(capsys, "who", "z-crane", *at, "--json"))
    assert (answer["certain"], answer["possible"]) == (1, 1) and answer["surely"][0]["person"] == "p-1"
    later = orjson.loads(said(capsys, "who", "yard", "--at", "2026-03-02 20:30", "--estate", str(estate), "--json"))
    assert (later["certain"], later["possible"]) == (0, 0), "half a day without a sighting: nobody can say"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["where", "nobody"], "stood for nobody"),
        (["where", "p-1", "--at", "teatime"], "is no time"),
        (["who", "nowhere"], "no place and no zone"),
    ],
)
def test_what_cannot_be_answered(
    estate: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    assert main([*arguments, "--estate", str(estate)]) == 2
    told = capsys.readouterr().err
    assert says in told and "->" in told


def test_before_anything_was_seen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = test_living.estate(tmp_path / "estate")
    assert "never seen" in said(capsys, "where", "p-1", "--estate", str(folder))
    assert said(capsys, "who", "s", "--estate", str(folder)).endswith(": 0 people")


HEAVY = (
    "cyclopts", "deltalake", "llvmlite", "msgspec", "numba", "numpy", "pandas", "pyarrow", "rich", "rustworkx", "sigma",
    "yaml",
)  # fmt: skip


@pytest.mark.parametrize("arguments", [["where", "1"], ["where", "p-1", "--json"], ["who", "s"]])
def test_a_guard_does_not_wait_for_engines(estate: Path, arguments: list[str]) -> None:
    """One person or place is answered without what is there for millions of events: it takes longer than the answer."""
    assert main(["run", str(estate), "--once"]) == 0  # nothing is new, and a quiet moment comes
    asked = [*arguments, "--at", "2026-03-02 08:08", "--estate", str(estate)]
    code = (
        f"import sys; from watchfloor.cli import main; code = main({asked!r});"
        f"heavy = sorted(set({HEAVY!r}) & set(sys.modules)); sys.exit(f'loaded {{heavy}}' if heavy else code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and ("p-1" in done.stdout), done.stderr
