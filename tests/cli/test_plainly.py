"""What is understood without the parser means what the parser makes of it; all else is left to it."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watchfloor.cli import FILES, VERBS, application
from watchfloor.cli.plainly import understood
from watchfloor.cli.where import where, who


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["ada"], {"person": "ada"}),
        (["ada", "--at", "2026-05-31 09:00"], {"person": "ada", "at": "2026-05-31 09:00"}),
        (["--json", "--estate=x/y", "ada"], {"json": True, "estate": Path("x/y"), "person": "ada"}),
        ([], None),
        (["ada", "bo"], None),
        (["ada", "--at"], None),
        (["ada", "--at", "--json"], None),
        (["ada", "--at", "1", "--at", "2"], None),
        (["ada", "--json=yes"], None),
        (["ada", "--no-json"], None),
        (["--person", "ada"], None),
        (["--help"], None),
        (["-h"], None),
        (["ada", "--"], None),
        (["ada", "--nonsense", "1"], None),
        ([""], None),
    ],
)
def test_where(words: list[str], found: dict[str, Any] | None) -> None:
    assert understood(where, words) == found


def test_who_has_parameters_of_its_own() -> None:
    assert understood(who, ["quay"]) == {"place": "quay"} and understood(who, []) is None


WORD = st.sampled_from(
    ["ada", "x y", "--at", "--estate", "--json", "--at=1", "--json=", "--estate=", "-1", "--", "--help", "--person", ""]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(WORD, max_size=5), st.sampled_from(["where", "who", "doctor", "check", "schema"]))
def test_the_parser_says_the_same(words: list[str], verb: str) -> None:
    function = getattr(importlib.import_module(f"watchfloor.cli.{FILES.get(verb, verb)}"), verb)
    found = understood(function, words)
    if found is None:
        return
    _, bound, _ = application().parse_args([verb, *words], exit_on_error=False, print_error=False)
    assert bound.arguments == found


def test_every_verb_is_where_the_table_says() -> None:
    for verb in VERBS:
        assert callable(getattr(importlib.import_module(f"watchfloor.cli.{FILES.get(verb, verb)}"), verb))
