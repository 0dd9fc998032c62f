"""`watchfloor pull`: one feed after the other, and each failure said."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Verb
from tests.run.test_taxii import Server, indicator, server
from watchfloor.errors import EstateError

__all__ = ["server"]


@pytest.fixture
def estate(tmp_path: Path, server: Server) -> Path:
    (tmp_path / "estate.toml").write_text("")
    (tmp_path / "intel").mkdir()
    (tmp_path / "intel" / "feeds.toml").write_text(
        f'[[feed]]\nid = "a"\npath = "a.json"\ntaxii = "{server.url}"\ntoken_env = "NOT_SET_ANYWHERE"\n'
        f'[[feed]]\nid = "b"\npath = "b.json"\ntaxii = "{server.url}"\n'
        '[[feed]]\nid = "c"\npath = "c.csv"\n'
    )
    server.added = [("2026-05-01Z", indicator(1)), ("2026-05-02Z", indicator(2)), ("2026-05-03Z", indicator(3))]
    return tmp_path


def test_one_that_fails_stops_no_other(watchfloor: Verb, estate: Path) -> None:
    said = watchfloor("pull", estate)
    assert said.code == 4 and "NOT_SET_ANYWHERE is not set" in said.err and "->" in said.err
    assert said.out.startswith("b: 3 objects came, 3 are in ") and (estate / "b.json").is_file()
    again = watchfloor("pull", estate, "--json")
    (a, b) = again.objects
    assert a["feed"] == "a" and a["error"] and (b["fetched"], b["held"], b["since"]) == (0, 3, "2026-05-03Z")


def test_one_alone(watchfloor: Verb, estate: Path) -> None:
    said = watchfloor("pull", estate, "--feed", "b")
    assert said.code == 0 and not said.err
    assert watchfloor("intel", estate, "198.51.100.2").out.startswith("holds")
    refused = watchfloor("pull", estate, "--feed", "c")
    assert refused.code == 2 and "'c'" in refused.err and "these are: a, b" in refused.err


def test_nothing_to_fetch(watchfloor: Verb, tmp_path: Path) -> None:
    (tmp_path / "estate.toml").write_text("")
    said = watchfloor("pull", tmp_path)
    assert said.code == 2 and "taxii" in said.err


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ("path = 'a/*.json'", "one file"),
        ("path = 'a.json'\nformat = 'csv'", "STIX"),
        ("path = 'a.json'\nuser = 'x'", "both"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(watchfloor: Verb, tmp_path: Path, more: str, says: str) -> None:
    (tmp_path / "estate.toml").write_text("")
    (tmp_path / "intel").mkdir()
    (tmp_path / "intel" / "x.toml").write_text(
        f"[[feed]]\nid = 'a'\ntaxii = 'https://taxii.example.com/c/1/'\n{more}\n"
    )
    said = watchfloor("pull", tmp_path)
    assert said.code == EstateError.exit_code and says in said.err and "x.toml:" in said.err
