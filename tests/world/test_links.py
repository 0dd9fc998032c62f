"""Decisions about who is who: taken back, everything is as before; people before machines; nothing silently."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.world.test_directory import small
from tests.world.test_resolve import APRIL, built

from watchfloor.errors import EstateError
from watchfloor.world.directory import Directory, load
from watchfloor.world.links import FILE, Decision, Links, decide, read_links
from watchfloor.world.resolve import Resolver
from watchfloor.world.sighting import Sighting
from watchfloor.world.world import Learnt

NOW = 1_770_000_000_000
UIDS = ("p-1", "p-2", "p-3", "p-4")


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Directory:
    folder = small(tmp_path_factory.mktemp("estate"))
    with (folder / "people/people.csv").open("a") as more:
        more.write("p-3,,Ada Exampel,,clerk,own,s,2025-01-01,2026-01-15\np-4,,Cy Example,,clerk,own,s,,\n")
    with (folder / "people/credentials.csv").open("a") as more:
        more.write("c-9,account,cy,,,person,,\nc-8,account,a.exampel,,p-3,person,,\n")
    return load(folder)


def decision(verdict: str, left: str, right: str, time: int = NOW, **more: Any) -> Decision:
    return Decision(verdict, left, right, time, "guard", "looked at it", **more)


def who(directory: Directory, *names: str) -> list[str | None]:
    events = built("authentication", [{"time": APRIL, "user.name": name} for name in names])
    column = Resolver(directory).resolve(events).column("wf.person_uid")
    return [None] * len(names) if column is None else column.to_pylist()


def test_a_merge_and_its_taking_back(directory: Directory) -> None:
    merge = decision("merge", "p-1", "p-3")
    merged = Links([merge], NOW).applied(directory)
    assert who(directory, "a.exampel", "ada@example.com") == ["p-3", "p-1"]
    assert who(merged, "a.exampel", "ada@example.com") == ["p-1", "p-1"]
    assert merged.same == {"p-3": "p-1"} and "p-3" not in merged.employed
    assert len(merged.employed["p-1"]) == 1, "employments that overlap are one"
    assert Links([merge, decision("unmerge", "p-1", "p-3")], NOW).applied(directory) is directory
    assert Links([merge], NOW - 1).applied(directory) is directory, "not yet taken"


def test_what_was_learnt_before_a_merge_follows_it(directory: Directory) -> None:
    seen = Sighting("p-3", NOW, 1, "b", 100, True, "doors", "e-1")
    learnt = Learnt([seen])
    assert learnt.renamed({"p-3": "p-1"}).seen == [seen._replace(person="p-1")]
    assert learnt.renamed({}) is learnt


def test_a_confirmed_account(directory: Directory) -> None:
    links = Links([decision("confirm", "c-9", "p-4")], NOW)
    assert who(directory, "cy") == [None]
    confirmed = links.applied(directory)
    assert who(confirmed, "cy") == ["p-4"]
    (alias,) = [alias for alias in confirmed.aliases if alias.entity == "c-9"]
    assert (alias.known_from, alias.method) == (NOW, "manual"), "nobody knew it before"
    again = [decision("confirm", "c-9", "p-4"), decision("reject", "c-9", "p-4")]
    assert Links(again, NOW).applied(directory) is directory


def test_people_before_machines(directory: Directory) -> None:
    mine = decision("reject", "p-1", "p-3", until=NOW + 100)
    machine = decision("merge", "p-1", "p-3", NOW + 10, automatic=True)
    assert Links([mine, machine], NOW + 50).verdict("p-3", "p-1") == "reject"
    assert Links([mine, machine], NOW + 100).verdict("p-1", "p-3") == "merge", "mine has expired"
    assert Links([machine, replace(mine, time=NOW + 20)], NOW + 50).same == {}


decisions = st.builds(
    Decision,
    verdict=st.sampled_from(["merge", "unmerge", "reject"]),
    left=st.sampled_from(UIDS),
    right=st.sampled_from(UIDS),
    time=st.integers(NOW, NOW + 50),
    who=st.just("guard"),
    reason=st.just("why"),
    until=st.integers(NOW + 51, NOW + 500),
    automatic=st.booleans(),
)


@settings(max_examples=80, deadline=None)
@given(st.lists(decisions, max_size=8), st.lists(st.permutations(UIDS).map(lambda p: p[:2]), max_size=4))
def test_merging_and_unmerging_restores_everything(
    directory: Directory, before: list[Decision], pairs: list[list[str]]
) -> None:
    """Merges of pairs nobody decided on, then each taken back: the directory is what it was."""
    at = NOW + 100
    told = {frozenset((one.left, one.right)) for one in before}
    fresh = [pair for pair in pairs if frozenset(pair) not in told]
    there = [decision("merge", pair[0], pair[1], at) for pair in fresh]
    back = [decision("unmerge", pair[0], pair[1], at) for pair in reversed(fresh)]
    first, last = Links(before, at).applied(directory), Links([*before, *there, *back], at).applied(directory)
    assert last == first
    for uid, kept in Links([*before, *there], at).same.items():
        assert Links([*before, *there], at).canonical(kept) == kept != uid, "one step leads to the end"


@settings(max_examples=80, deadline=None)
@given(st.lists(decisions, max_size=8), st.lists(decisions.map(lambda one: replace(one, automatic=True)), max_size=8))
def test_a_later_automatic_run_changes_no_decision(before: list[Decision], run: list[Decision]) -> None:
    at = NOW + 100
    mine = {pair: one for pair, one in Links(before, at).standing.items() if not one.automatic}
    after = Links([*before, *run], at).standing
    assert {pair: after[pair] for pair in mine} == mine


def test_the_file_is_only_added_to(directory: Directory, tmp_path: Path) -> None:
    assert read_links(tmp_path / FILE) == ()
    taken = [decision("merge", "p-1", "p-3"), decision("unmerge", "p-1", "p-3", until=NOW + 1, automatic=True)]
    for one in taken:
        before = (tmp_path / FILE).read_bytes() if (tmp_path / FILE).exists() else b""
        decide(tmp_path, one, directory)
        assert (tmp_path / FILE).read_bytes().startswith(before)
    assert list(read_links(tmp_path / FILE)) == taken


@pytest.mark.parametrize(
    ("verdict", "left", "right", "what"),
    [
        ("merge", "p-1", "p-9", "no person and no credential"),
        ("merge", "p-1", "p-1", "one already"),
        ("merge", "p-1", "c-9", "only persons"),
        ("confirm", "p-1", "p-2", "confirmed for a person"),
        ("confirm", "c-3", "p-2", "pool credential"),
    ],
)
def test_what_makes_no_sense(
    directory: Directory, tmp_path: Path, verdict: str, left: str, right: str, what: str
) -> None:
    with pytest.raises(EstateError, match=what):
        decide(tmp_path, decision(verdict, left, right), directory)
    assert not (tmp_path / FILE).exists()


WHOLE = {"verdict": "merge", "left": "a", "right": "b", "time": 1, "who": "x", "reason": "y"}


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("{", "not JSON"),
        ("[]", "no decision"),
        (json.dumps({**WHOLE, "more": 1}), "no decision"),
        (json.dumps({**WHOLE, "time": "1"}), "time '1'"),
        (json.dumps({key: value for key, value in WHOLE.items() if key != "who"}), "has no who"),
        (json.dumps({**WHOLE, "verdict": "marry"}), "'marry' is not known"),
        (json.dumps({**WHOLE, "automatic": 1}), "automatic 1"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, line: str, what: str) -> None:
    path = tmp_path / FILE
    path.write_text(json.dumps(WHOLE) + "\n\n" + line + "\n")
    with pytest.raises(EstateError, match=what) as caught:
        read_links(path)
    assert caught.value.line == 3
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(EstateError, match="UTF-8"):
        read_links(path)
