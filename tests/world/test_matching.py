"""Suggestions: the right ones, none between namesakes, none twice, and nothing is ever linked by them."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import pytest
from tests.world.test_directory import small

from watchfloor.errors import EstateError, UsageError
from watchfloor.world.directory import load
from watchfloor.world.links import Decision, Links
from watchfloor.world.matching import PROPOSE, REVIEW, Record, accounts, cardholders, people, suggest

NONE = Links((), 0)


def crowd(number: int = 300) -> list[Record]:
    def word(n: int) -> str:
        return "".join(chr(97 + n // 26**place % 26) for place in range(3))

    return [
        Record(f"h-{n}", f"G{word(n * 7)} F{word(n * 11)}", f"mail{n}@example.com", str(9000 + n), "s")
        for n in range(number)
    ]


HR = [
    *crowd(),
    Record("p-a", "Maria Okoro", "m.okoro@example.com", "77", "s"),
    Record("p-b", "Jan de Vries", "", "78", "s"),
    Record("p-c", "Jan de Vries", "j.vries2@example.com", "79", "s"),
]


def found(left: list[Record], right: list[Record] | None = HR, links: Links = NONE) -> dict[tuple[str, str], str]:
    pytest.importorskip("splink", reason="the extra `entity` is not installed")
    return {(one.left, one.right): one.standing for one in suggest(left, right, links)}


def test_two_lists() -> None:
    cards = [
        Record("c-1", "Okoro, Mária", "", "", "s"),
        Record("c-2", "Jan de Vries", "", "", "s"),
        Record("c-3", "M Okoro", "", "0077", ""),
        Record("c-4", email="m.okoro"),
        Record("c-5", "Jan de Vries", "j.vries2@example.com"),
        Record("c-6", "Somebody Else", "s.else@example.com", "5", "s"),
    ]
    assert found(cards) == {
        ("c-1", "p-a"): "review",
        ("c-3", "p-a"): "review",
        ("c-4", "p-a"): "propose",
        ("c-5", "p-c"): "propose",
    }, "which Jan de Vries c-2 is, nobody can say"


def test_scores_are_the_same_every_time_and_within_bounds() -> None:
    pytest.importorskip("splink", reason="the extra `entity` is not installed")
    cards = [Record("c-1", "Okoro, Maria", "", "", "s"), Record("c-4", email="m.okoro")]
    first = suggest(cards, HR, NONE)
    assert first == suggest(cards, HR, NONE)
    assert all(REVIEW <= one.score <= 100 and (one.standing == "propose") == (one.score >= PROPOSE) for one in first)
    assert "Okoro" not in repr(first) and "Okoro" not in repr(cards)


def test_doubles_within_a_list() -> None:
    again = Record("p-z", "Maria Okoro", "m.okoro@example.net", "", "s")
    assert found([*HR, again], None) == {("p-a", "p-z"): "propose"}, "namesakes with two numbers are two people"


def test_what_was_decided_is_not_asked_again() -> None:
    cards = [Record("c-4", email="m.okoro")]
    links = Links([Decision("reject", "p-a", "c-4", 0, "guard", "no")], 1)
    assert found(cards, links=links) == {}


def test_nothing_to_compare() -> None:
    assert suggest([], HR, NONE) == suggest(HR[:1], None, NONE) == suggest(HR, [], NONE) == ()


def test_records_of_an_estate(tmp_path: Path) -> None:
    folder = small(tmp_path)
    with (folder / "people/credentials.csv").open("a") as more:
        more.write("c-5,account,HARBOUR\\b.example,,,person,,\nc-6,account,svc,,,shared,,\nc-7,badge,5,,,person,,\n")
    directory = load(folder)
    assert [one.uid for one in people(directory)] == ["p-1", "p-2"]
    assert [(one.uid, one.email) for one in accounts(directory)] == [("c-5", "b.example")]
    (tmp_path / "cards.csv").write_text("uid,name\nc-7,Example Bo\n")
    assert cardholders(tmp_path / "cards.csv", directory) == [Record("c-7", "Example Bo")]
    (tmp_path / "cards.csv").write_text("uid,name\nc-7,Example Bo\nc-99,Ada\n")
    with pytest.raises(EstateError, match=r"cards\.csv:3: 'c-99'"):
        cardholders(tmp_path / "cards.csv", directory)
    with pytest.raises(EstateError, match="no such file"):
        cardholders(tmp_path / "none.csv", directory)


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("splink"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UsageError, match=r"watchfloor\[entity\]"):
        suggest(HR[:2], HR, NONE)
