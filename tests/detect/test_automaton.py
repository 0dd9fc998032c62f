"""The literal machines against `in`, `startswith` and `endswith`."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watchfloor.detect.automaton import Automaton
from watchfloor.detect.comparison import Comparison
from watchfloor.detect.matcher import Matcher
from watchfloor.detect.predicate import Kind
from watchfloor.detect.texts import Texts
from watchfloor.detect.trie import Trie
from watchfloor.errors import RuleError

literals = st.lists(st.text(alphabet="abcé", min_size=1, max_size=5), min_size=1, max_size=12, unique=True)
texts = st.lists(st.text(alphabet="abcé", max_size=14), min_size=1, max_size=8)


@settings(deadline=None)
@given(literals, literals, literals, literals, texts)
def test_scan_finds_what_python_finds(
    whole: list[str], starts: list[str], ends: list[str], inside: list[str], held: list[str]
) -> None:
    kinds = [(Kind.EQUALS, whole), (Kind.STARTSWITH, starts), (Kind.ENDSWITH, ends), (Kind.CONTAINS, inside)]
    atoms = [Comparison(kind, literal, False) for kind, group in kinds for literal in group]
    positions, numbers = Matcher(atoms).scan(Texts.of(held))
    tests: dict[Kind, Callable[[str, str], bool]] = {
        Kind.EQUALS: str.__eq__,
        Kind.STARTSWITH: str.startswith,
        Kind.ENDSWITH: str.endswith,
        Kind.CONTAINS: str.__contains__,
    }
    wanted = {
        (i, n) for i, text in enumerate(held) for n, atom in enumerate(atoms) if tests[atom.kind](text, atom.value)
    }
    pairs = list(zip(positions.tolist(), numbers.tolist(), strict=True))
    assert set(pairs) == wanted
    assert len(pairs) == len(wanted)


def test_nested_literals_need_no_more_memory_than_their_length() -> None:
    nested = [("a" * n).encode() for n in range(1, 400)]
    machine = Automaton.of([(literal, n) for n, literal in enumerate(nested)])
    assert machine.nbytes < 20_000


def test_no_literals() -> None:
    assert Automaton.of([]).width == 0
    assert Trie.of([]).nbytes == 0


def test_too_many_literals_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("watchfloor.detect.automaton.MOST_ENTRIES", 100)
    with pytest.raises(RuleError, match="too many"):
        Automaton.of([(b"abcdefghijklmnopqrstuvwxyz", 0)])
