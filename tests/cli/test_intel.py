"""`watchfloor intel` answers as an analyst asks; `check` counts what there is and names what cannot be read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Verb
from tests.run import small
from tests.run.test_intel import KNOWN, estate
from tests.run.test_living import run


@pytest.fixture
def port(tmp_path: Path) -> Path:
    estate(tmp_path)
    (tmp_path / "feeds" / "more.csv").write_text(
        "value,until,confidence\n198.51.100.0/24,2026-03-01,60\n10.1.2.3,,\nnonsense!,,\n"
    )
    (tmp_path / "feeds" / "private.json").write_text(
        json.dumps({"name": "private nets", "type": "cidr", "matching_attributes": ["ip-src"], "list": ["10.0.0.0/8"]})
    )
    with (tmp_path / "intel" / "feeds.toml").open("a") as file:
        file.write('[[warninglist]]\npath = "feeds/private.json"\n')
    return tmp_path


def test_what_is_known_and_where_it_was_seen(watchfloor: Verb, port: Path) -> None:
    run(port)
    said = watchfloor("intel", port, KNOWN.upper())
    assert said.code == 0
    assert f"holds  hash {KNOWN}; says sector; tlp:green; confidence 75; from 2026-01-01" in said.out
    assert f"seen   {KNOWN} in 1 events, 2026-01-31" in said.out
    assert "process_activity: process.file.hashes.value 1" in said.out
    (found,) = watchfloor("intel", port, KNOWN, "--json").objects
    assert [one["standing"] for one in found["known"]] == ["holds"] and found["seen"][0]["events"] == 1


def test_when_and_why_not(watchfloor: Verb, port: Path) -> None:
    def standing(value: str, *more: str) -> list[str]:
        (found,) = watchfloor("intel", port, value, "--json", *more).objects
        return [one["standing"] for one in found["known"]]

    assert standing("198.51.100.7", "--at", "2026-02-01") == ["holds"]
    assert standing("198.51.100.7", "--at", "2026-04-01") == ["expired"]
    assert standing("10.1.2.3") == ["warninglisted"]
    assert standing("c" * 64) == ["benign", "overruled"]
    assert standing("203.0.113.1") == [] and standing(KNOWN, "--kind", "ip") == []
    assert "private nets" in watchfloor("intel", port, "10.1.2.3").out
    assert "nothing is known" in watchfloor("intel", port, "203.0.113.1").out


def test_who_asks_wrongly_is_told(watchfloor: Verb, port: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    assert watchfloor("intel", port, "x", "--kind", "moon").code == 2
    bare = small.estate(tmp_path_factory.mktemp("bare"))
    assert watchfloor("intel", bare, "x").code == 2


def test_check_counts_them(watchfloor: Verb, port: Path) -> None:
    said = watchfloor("check", port)
    assert said.code == 0 and "more.csv:4: 'nonsense!' looks like no indicator" in said.out.replace("\n", "")
    assert "indicators ip: 2 (1 over or faded, 1 on a warninglist)" in said.out
    assert "indicators hash: 3 (1 with a verdict)" in said.out
    last = watchfloor("check", port, "--json").objects[-1]
    assert last["indicators"]["ip"] == {"values": 2, "expired": 1, "held": 1, "verdicts": 0} and last["unread"] == 1
    (port / "intel" / "bad.toml").write_text("[[feed]]\nid = 3\n")
    assert watchfloor("check", port).code == 3
