"""Expressions walked place by place against RE2."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from watchfloor.detect.comparison import compiled
from watchfloor.detect.expressions import Expressions
from watchfloor.detect.positions import Positions
from watchfloor.detect.texts import Lowered, Texts
from watchfloor.errors import RuleError

ATOMS = ("a", "b", "K", "-", ".", r"\.", r"\d", r"\w", r"\S", r"\s", "[ab]", "[^a]", "[^\\d-]", "[A-C]", "[-/–]")
LARGE = ("{70}", "{0,70}", "{2,70}", r"\b")
QUANTIFIERS = ("", "", "", "*", "+", "?", "{2}", "{1,3}", "{2,}", "{0,2}", "{0,}", "+?")


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    several = st.lists(inner, min_size=1, max_size=4)
    return st.one_of(
        several.map("".join),
        several.map(lambda parts: f"({'|'.join(parts)})"),
        st.builds("(?:{}){}".format, inner, st.sampled_from(QUANTIFIERS)),
        st.builds("(?{}:{})".format, st.sampled_from(["i", "s", "-i"]), inner),
    )


single = st.builds("{}{}".format, st.sampled_from(ATOMS), st.sampled_from((*QUANTIFIERS, *LARGE)))
expressions = st.builds(
    "{}{}{}".format,
    st.sampled_from(["", "", "^", "(?i)", "(?i)^", "(?s)"]),
    st.recursive(single, _grown, max_leaves=7),
    st.sampled_from(["", "", "$", r"\z"]),
)
texts = st.one_of(
    st.text(alphabet="aAbBkK1- .\n", max_size=14),
    st.builds(
        lambda text, times, more: text * times + more, st.text("aA1-", max_size=2), st.integers(60, 75), st.text("ab-")
    ),
)


def _accepted(pattern: str, flags: str) -> bool:
    try:
        compiled(pattern, flags)
    except RuleError:  # more repetitions of repetitions than RE2 takes
        return False
    return True


@settings(deadline=None, max_examples=600)
@given(
    st.lists(st.tuples(expressions, st.sampled_from(["", "i"])), min_size=1, max_size=4), st.lists(texts, min_size=1)
)
def test_a_walk_says_what_re2_says(asked: list[tuple[str, str]], held: list[str]) -> None:
    walked = [one for one in asked if _accepted(*one) and Positions.of(*one) is not None]
    assume(walked)
    all_ = Expressions(walked)
    given_ = Texts.of(held)
    lower = Lowered.of(given_)
    pairs = {(i, n) for i, text in enumerate(held) for word, n in all_.words if word in text.lower().encode()}
    found = np.array(sorted(pairs), np.int32).reshape(-1, 2)
    hits = sorted(zip(*all_.scan(given_, lower, found[:, 0].copy(), found[:, 1].copy()), strict=True))
    wanted = [
        (i, n)
        for i, text in enumerate(held)
        for n, one in enumerate(walked)
        if compiled(*one).search(text.encode()) is not None
    ]
    assert hits == wanted


BEGINNINGS = (r"\s[a-f0-9]{70}\s", r"foo\b", r"x.{1000}y", r"ab{0,70}c")
"""Of these only the beginning can be walked."""


@pytest.mark.parametrize(
    ("pattern", "places"),
    [
        (r"\s-c\s", 4),
        (r"a{3,5}b", 4),  # what may stand before it need not be counted
        (r"^a{3,5}b", 6),
        (r"-k\s\w{1,64}(?:\s?(?:-p|-s))?", 4),
        (r"x[^\\]{1,60}$", 61),
        (r"a{2,}b{2,}c", 5),
        (r"(?:ab|cd)+e", 5),
        (r"\s[a-f0-9]{70}\s", 64),  # the beginning of it
        (r"foo\b", 3),
        (r"x.{1000}y", 1),
        (r"ab{0,70}c", 1),
    ],
)
def test_places(pattern: str, places: int) -> None:
    found = Positions.of(pattern, "")
    assert found is not None
    assert len(found.follow) == places
    assert found.whole == (pattern not in BEGINNINGS)


@pytest.mark.parametrize("pattern", ["a*", "(^a|b)c", r"\bfoo", "(?m)^a", r"\pL", "(?i)é", "b{0,70}"])
def test_others_are_left_to_re2(pattern: str) -> None:
    assert Positions.of(pattern, "") is None
