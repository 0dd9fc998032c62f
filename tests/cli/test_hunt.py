"""`watchfloor hunt`: SQL over the lake."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Verb
from tests.run import small


@pytest.fixture
def estate(watchfloor: Verb, tmp_path: Path) -> Path:
    made = small.estate(tmp_path)
    (made / "logs" / "ws" / "a.json").write_bytes(small.lines(small.sysmon(i) for i in range(20)) + b"{broken\n")
    assert watchfloor("run", made, "--once").code == 0
    return made


def test_an_answer_for_people_and_for_programs(watchfloor: Verb, estate: Path) -> None:
    sql = "select process.name as name, count(*) as n from process_activity group by 1 order by 1"
    said = watchfloor("hunt", estate, sql)
    assert said.code == 0 and said.out.splitlines()[0].split() == ["name", "n"] and "cmd.exe" in said.out
    assert "5 rows" in said.err
    said = watchfloor("hunt", estate, sql, "--json")
    assert said.objects[0] == {"name": "cmd.exe", "n": 4} and len(said.objects) == 5


def test_everything_the_path_made_can_be_asked(watchfloor: Verb, estate: Path) -> None:
    for table, rows in (("process_activity", 20), ("detection_finding", 8), ("quarantine", 1)):
        assert watchfloor("hunt", estate, f"select count(*) as n from {table}", "--json").objects == [{"n": rows}]
        whole = watchfloor("hunt", estate, f"select * from {table}", "--json")
        assert whole.code == 0 and len(whole.objects) == rows, "times, maps and bytes are JSON too"
        assert watchfloor("hunt", estate, f"select * from {table}").code == 0
    kinds = "select {'a': 1} as s, [1, 2] as l, now() as t, 1.5::decimal(4,2) as d, 'x'::blob as b, date '2026-01-31' as y, interval 1 day as i, 'nan'::double as f, null as n, 2::hugeint as h, gen_random_uuid() as u, time '10:00' as c"  # noqa: E501
    assert watchfloor("hunt", estate, kinds).code == 0
    said = watchfloor("hunt", estate, kinds, "--json")
    assert said.code == 0 and said.objects[0]["l"] == [1, 2]


def test_limit(watchfloor: Verb, estate: Path) -> None:
    said = watchfloor("hunt", estate, "select 1 from process_activity", "--limit", "3", "--json")
    assert len(said.objects) == 3 and "--limit" in said.err
    said = watchfloor("hunt", estate, "select 1 from process_activity", "--limit", "3")
    assert "more" in said.err


@pytest.mark.parametrize(
    ("sql", "word"),
    [
        ("select from", "syntax"),
        ("select nothing from process_activity", "nothing"),
        ("select 1 from process_activty", "process_activity"),
        ("drop table quarantine", "only reads"),
        ("copy quarantine to 'x.csv'", "only reads"),
        ("select * from read_text('/etc/passwd')", "read_text"),
        ("", "no statement"),
    ],
)
def test_what_cannot_be_asked(watchfloor: Verb, estate: Path, sql: str, word: str) -> None:
    said = watchfloor("hunt", estate, sql)
    assert said.code == 7 and word in said.err and "->" in said.err and not said.out


def test_the_question_may_be_piped_in(watchfloor: Verb, estate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("select count(*) as n\nfrom process_activity;\n"))
    assert watchfloor("hunt", estate, "--json").objects == [{"n": 20}]


def test_a_session(watchfloor: Verb, estate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    session = """.help|.tables|.columns quarantine|.columns nope|.limit 2||select count(*) as n|from process_activity;
select 1 from;|select process.pid from process_activity;|.quit"""
    typed = session.replace("\n", "|").split("|")
    monkeypatch.setattr(sys, "stdin", Terminal("\n".join(typed) + "\n"))
    monkeypatch.setattr("builtins.input", lambda prompt="": typed.pop(0))
    said = watchfloor("hunt", estate)
    assert said.code == 0 and not typed
    for word in ("detection_finding", "reason", "no table 'nope'", "20", "syntax"):
        assert word in said.out
    assert "more" in said.err


def test_an_estate_that_never_ran(watchfloor: Verb, tmp_path: Path) -> None:
    estate = small.estate(tmp_path)
    assert watchfloor("hunt", estate, "select count(*) as n from quarantine", "--json").objects == [{"n": 0}]
    said = watchfloor("hunt", estate, "select 1 from process_activity")
    assert said.code == 7 and "there is no table process_activity" in said.err
    assert not (estate / "var").exists(), "asking makes nothing"
