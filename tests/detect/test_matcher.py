"""All comparisons of a field at once against each for itself; and what single comparisons mean."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watchfloor.detect.comparison import Comparison, comparison, describe, holds, numeric, time_part
from watchfloor.detect.lookup import elements, leaves
from watchfloor.detect.matcher import Matcher
from watchfloor.detect.predicate import Kind, Predicate, Token
from watchfloor.detect.texts import Texts
from watchfloor.errors import RuleError

MANY, ONE = Token.MANY, Token.ONE

texts = st.text(alphabet="aAbB1.é\u212aÉΣσ\0", max_size=6)
addresses = st.sampled_from(["192.0.2.1", "192.0.2.200", "::ffff:192.0.2.7", "2001:DB8::1", "2001:db8::2"])
parts = st.one_of(st.text(alphabet="aAbBé", min_size=1, max_size=2), st.sampled_from(list(Token)))
predicates = st.one_of(
    st.builds(
        Predicate,
        st.just("F"),
        st.sampled_from([Kind.EQUALS, Kind.CONTAINS, Kind.STARTSWITH, Kind.ENDSWITH]),
        texts,
        st.booleans(),
    ),
    st.builds(Predicate, st.just("F"), st.just(Kind.GLOB), st.lists(parts, max_size=5).map(tuple), st.booleans()),
    st.builds(
        Predicate,
        st.just("F"),
        st.sampled_from([Kind.LT, Kind.LTE, Kind.GT, Kind.GTE]),
        st.sampled_from([0.0, 1.0, 11.0]),
    ),
    st.builds(
        Predicate,
        st.just("F"),
        st.just(Kind.REGEX),
        st.tuples(st.sampled_from(["a.b", "^b", "é+", "ab?A", "[AB]1", ".{3,}"]), st.sampled_from(["", "i"])),
    ),
    st.builds(Predicate, st.just("F"), st.just(Kind.CIDR), st.sampled_from(["192.0.2.0/25", "::/0", "2001:db8::/127"])),
)


@settings(deadline=None, max_examples=200)
@given(st.lists(predicates, min_size=1, max_size=12), st.lists(st.one_of(texts, addresses), min_size=1, max_size=8))
def test_all_at_once_is_each_for_itself(asked: list[Predicate], held: list[str]) -> None:
    atoms = list(dict.fromkeys(comparison(predicate) for predicate in asked))
    positions, numbers = Matcher(atoms).scan(Texts.of(held))
    pairs = list(zip(positions.tolist(), numbers.tolist(), strict=True))
    assert sorted(pairs) == sorted(
        (i, n) for i, text in enumerate(held) for n, atom in enumerate(atoms) if holds(atom, text)
    )


def passes(kind: Kind, value: Any, text: str, cased: bool = False) -> bool:
    return holds(comparison(Predicate("F", kind, value, cased)), text)


@pytest.mark.parametrize(
    ("network", "address", "inside"),
    [
        ("192.0.2.0/24", "192.0.2.255", True),
        ("192.0.2.0/24", "192.0.3.0", False),
        ("192.0.2.0/24", "::ffff:192.0.2.1", True),
        ("2001:db8::/32", "2001:DB8::1%eth0", True),
        ("2001:db8::/32", "192.0.2.1", False),
        ("0.0.0.0/0", "::1", False),
        ("192.0.2.0/24", "192.0.2.1\0", False),
        ("192.0.2.0/24", "", False),
    ],
)
def test_networks(network: str, address: str, inside: bool) -> None:
    assert passes(Kind.CIDR, network, address) is inside


@pytest.mark.parametrize(
    ("glob", "text", "fits"),
    [
        (("a", MANY, "b"), "axxb", True),
        (("a", MANY, "a"), "a", False),
        (("a", ONE, "b"), "aéb", True),
        (("a", ONE, "b"), "ab", False),
        ((ONE,), "", False),
        ((MANY, ONE), "x", True),
        ((ONE, MANY, ONE), "x", False),
        (("a", MANY, "b", MANY, "b"), "ab", False),
        ((MANY, "ab", ONE, MANY), "xababx", True),
        ((), "", True),
        ((MANY, MANY), "", True),
    ],
)
def test_globs(glob: tuple[Any, ...], text: str, fits: bool) -> None:
    assert passes(Kind.GLOB, glob, text) is fits


def test_a_glob_that_says_no_more_than_a_plain_comparison_becomes_one() -> None:
    assert comparison(Predicate("F", Kind.GLOB, (MANY, "A", "b", MANY))) == Comparison(Kind.CONTAINS, "ab", False)
    assert comparison(Predicate("F", Kind.GLOB, (MANY, MANY))) == Comparison(Kind.EXISTS, None, False)
    assert comparison(Predicate("F", Kind.CONTAINS, "")) == Comparison(Kind.EXISTS, None, False)


@pytest.mark.parametrize("text", ["nan", "inf", "1_0", "0x10", "", "1 2", "१"])
def test_no_numbers(text: str) -> None:
    assert numeric(text) is None


@pytest.mark.parametrize(
    ("text", "part", "value"),
    [
        ("2024-01-01T23:30:00-02:00", "hour", 1),
        ("2024-01-01T23:30:00.1234567Z", "minute", 30),
        ("2021-01-03 10:00:00", "week", 53),
        ("1704067200", "year", 2024),
        ("1704067200000", "month", 1),
        ("1704067200000000000", "day", 1),
        ("yesterday", "day", None),
        ("1e300", "day", None),
    ],
)
def test_parts_of_times(text: str, part: str, value: int | None) -> None:
    assert time_part(text, part) == value


def test_expressions_re2_does_not_know() -> None:
    with pytest.raises(RuleError, match="RE2"):
        comparison(Predicate("F", Kind.REGEX, ("(a)\\1", "")))


def test_json_arrays() -> None:
    payload = b'[{"Type":"User","in":{"Id":1},"list":[{"x":"a"},{"x":null}]},"plain",true,null,{}]'
    assert elements(payload, "type") == ["User"]
    assert elements(payload, "in.id") == ["1"]
    assert elements(payload, "list.x") == ["a"]
    assert elements(payload, "in") == []
    assert elements(payload, "")[1:] == ["plain", "true", "{}"]
    assert sorted(leaves(payload)) == ["1", "User", "a", "plain", "true"]
    assert elements(b"[not json", "") == ["[not json"]
    assert elements(b"[not json", "a") == []


def test_descriptions() -> None:
    assert describe(Predicate("Image", Kind.ENDSWITH, "\\cmd.exe")) == "Image endswith '\\\\cmd.exe'"
    assert describe(Predicate(None, Kind.GLOB, ("a", MANY))) == "any text like 'a*'"
    assert describe(Predicate("a", Kind.FIELDREF, ("b", "equals"))) == "a equals field b"
