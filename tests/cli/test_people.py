"""`watchfloor people`: no name without a reason, and every decision in links.jsonl."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.world.test_directory import small
from watchfloor.cli import main
from watchfloor.estate import load


@pytest.fixture
def estate(tmp_path: Path) -> Path:
    folder = small(tmp_path / "estate")
    (folder / "estate.toml").write_text("")
    with (folder / "people/people.csv").open("a") as more:
        more.write("p-3,,Bo Example,bo@example.org,guard,own,s,2026-02-01,2026-02-10\n")
        more.write("p-3,,Bo Example,bo@example.org,guard,own,s,2999-01-01,\n")
    with (folder / "people/credentials.csv").open("a") as more:
        more.write("c-5,account,b.example,,,person,,\nc-7,account,bo3,,p-3,person,,\n")
    return folder


def test_orphans(estate: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["people", "orphans", str(estate), "--at", "2026-04-06 12:00", "--json"]) == 0
    out, err = capsys.readouterr()
    assert [json.loads(line) for line in out.splitlines()] == [
        {"person": None, "report": "account_without_person", "since": None, "uid": "c-5"},
        {"person": "p-3", "report": "leaver_with_credential", "since": "2026-02-11 00:00+00:00", "uid": "c-7"},
    ]
    assert "account_without_person 1" in err
    assert not (estate / "var").exists(), "nobody looked at a name"


def test_names_for_a_reason_only(estate: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["people", "orphans", str(estate), "--at", "2026-04-06"]
    assert main(command) == 0
    assert "Bo Example" not in capsys.readouterr().out
    assert main([*command, "--names"]) == 2
    assert "reason" in capsys.readouterr().err and not (estate / "var/unmasked.jsonl").exists()
    assert main([*command, "--names", "--reason", "audit 3"]) == 0
    assert "p-3 (Bo Example)" in capsys.readouterr().out
    (line,) = (estate / "var/unmasked.jsonl").read_text().splitlines()
    assert json.loads(line)["reason"] == "audit 3" and json.loads(line)["persons"] == ["p-3"]


def test_suggestions_are_decided_once(estate: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("splink", reason="the extra `entity` is not installed")
    assert main(["people", "suggest", str(estate), "--json"]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert ("p-2", "p-3") in {(one["left"], one["right"]) for one in told}
    assert "Example" not in json.dumps(told) and all(one["score"] >= 80 for one in told)
    assert main(["people", "merge", str(estate), "p-2", "p-3", "--reason", "rehired", "--who", "hr"]) == 0
    assert load(estate).world().same == {"p-3": "p-2"}
    assert main(["people", "suggest", str(estate), "--json"]) == 0
    assert '"p-3"' not in capsys.readouterr().out
    assert main(["people", "unmerge", str(estate), "p-2", "p-3", "--reason", "brothers"]) == 0
    assert load(estate).world().same == {}
    verdicts = [json.loads(line)["verdict"] for line in (estate / "links.jsonl").read_text().splitlines()]
    assert verdicts == ["merge", "unmerge"]


def test_confirm_and_reject(estate: Path) -> None:
    until = ["--until", "2999-12-31", "--reason", "asked"]
    assert main(["people", "confirm", str(estate), "c-5", "p-2", *until]) == 0
    assert {one.person for one in load(estate).world().aliases if one.entity == "c-5"} == {"p-2"}
    assert main(["people", "reject", str(estate), "c-5", "p-2", "--reason", "asked again"]) == 0
    assert {one.person for one in load(estate).world().aliases if one.entity == "c-5"} == {""}


@pytest.mark.parametrize(
    ("words", "code", "what"),
    [
        (["merge", "E", "p-2", "p-9", "--reason", "x"], 3, "no person"),
        (["merge", "E", "p-2", "p-3", "--reason", " "], 2, "has a reason"),
        (["merge", "E", "p-2", "p-3", "--reason", "x", "--until", "soon"], 2, "no time"),
        (["merge", "E", "p-2", "p-3", "--reason", "x", "--until", "2020-01-01"], 2, "expired"),
        (["orphans", "E", "--at", "soon"], 2, "no time"),
        (["suggest", "E", "--cardholders", "none.csv"], 3, "no such file"),
    ],
)
def test_what_makes_no_sense(
    estate: Path, words: list[str], code: int, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["people", *(str(estate) if word == "E" else word for word in words)]) == code
    assert what in capsys.readouterr().err
    assert not (estate / "links.jsonl").exists()
