"""What an expression demands is demanded by RE2 too; and the demands that make it quick are found."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watchfloor.detect.comparison import compiled
from watchfloor.detect.expressions import Expressions
from watchfloor.detect.factors import Factors, factors, line
from watchfloor.detect.texts import Lowered, Texts
from watchfloor.errors import RuleError

ATOMS = (
    "a", "B", "k", "ab", "-", ".", r"\.", r"\\", r"\d", r"\w", r"\S", r"\s", r"\W", "[ab]", "[^a]", "[A-C]", "[a\\-]",
    "[]a]", r"[\d-]", "[^\\s]", "é", "[aé]", "[^é]", "[+-é]", r"\x41", r"\x{e9}", r"\t", "^", "$", r"\b", r"\B", "{",
    "a{,2}", "(?i)", "(?i:K)", "(?P<n>a)", r"\pL", r"\C",
)  # fmt: skip
QUANTIFIERS = ("", "", "", "*", "+", "?", "{2}", "{1,3}", "{2,}", "{0,2}", "{12}", "+?", "??")


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    several = st.lists(inner, min_size=1, max_size=4)
    return st.one_of(
        several.map("".join),
        several.map(lambda parts: f"({'|'.join(parts)})"),
        st.builds(lambda part, sign: f"(?:{part}){sign}", inner, st.sampled_from(QUANTIFIERS)),
    )


single = st.builds("{}{}".format, st.sampled_from(ATOMS), st.sampled_from(QUANTIFIERS))
expressions = st.recursive(single, _grown, max_leaves=8)
texts = st.text(alphabet="aAbBkKcC1- .\\{\t\né,+", max_size=12)


def meets(demand: Factors, text: str) -> bool:
    held = sum({1 << ord(letter) for letter in text})
    return (
        len(text) >= demand.length
        and (not demand.words or any(word in text for word in demand.words))
        and all(mask & held for mask in demand.letters)
    )


@settings(deadline=None, max_examples=400)
@given(expressions, st.sampled_from(["", "i", "s", "m"]), st.lists(texts, min_size=1, max_size=12))
def test_no_text_that_fits_is_refused(pattern: str, flags: str, held: list[str]) -> None:
    try:
        search = compiled(pattern, flags).search
    except RuleError:
        return
    demand = factors(pattern, flags)
    fit = [text for text in held if search(text.encode()) is not None]
    assert all(meets(demand, text.lower()) for text in fit if text.isascii())


@settings(deadline=None)
@given(st.lists(st.tuples(expressions, st.sampled_from(["", "i", "s", "m"])), min_size=1, max_size=5), st.lists(texts))
def test_together_is_each_for_itself(asked: list[tuple[str, str]], held: list[str]) -> None:
    asked = [*asked, (".{3,}", ""), (".{5}", "s")]
    try:
        searches = [compiled(*one).search for one in asked]
    except RuleError:
        return
    all_ = Expressions(asked)
    given_ = Texts.of(held)
    lower = Lowered.of(given_)
    there = [(i, n) for i, text in enumerate(held) for word, n in all_.words if word in text.lower().encode()]
    pairs = np.array(sorted(set(there)), np.int32).reshape(-1, 2)
    found = all_.scan(given_, lower, pairs[:, 0].copy(), pairs[:, 1].copy())
    wanted = [(i, n) for i, text in enumerate(held) for n, search in enumerate(searches) if search(text.encode())]
    assert sorted(zip(*found, strict=True)) == wanted


@pytest.mark.parametrize(
    ("pattern", "length", "words"),
    [
        (r"net\s+user", 8, {"user"}),
        (r"(?i)https?://0[0-9]{3,11}", 11, {"http://0", "https://0"}),
        (r"(cat|dog)s?fish", 7, {"catfish", "catsfish", "dogfish", "dogsfish"}),
        (r"\s-c\s", 4, {f"{a}-c{b}" for a in "\t\n\f\r " for b in "\t\n\f\r "}),
        (r"(foo|b)ar.*|xyz", 3, {"fooar", "bar", "xyz"}),
        (r"[a-f0-9]{8}-", 9, set()),
        (r"a*", 0, set()),
        (r"[[:alpha:]]foo", 0, set()),
        (r"\Qfoo\E", 0, set()),
    ],
)
def test_demands(pattern: str, length: int, words: set[str]) -> None:
    found = factors(pattern, "")
    assert (found.length, set(found.words)) == (length, words)


def test_letters_are_lower_case() -> None:
    assert {chr(i) for mask in factors("A`.*`[XY]", "").letters for i in range(128) if mask >> i & 1} == set("a`xy")


def test_only_so_many_characters() -> None:
    assert line(".{1000,}", "") == (1000, True)
    assert line(".{7}", "s") == (7, False)
    assert line(".{7,9}", "") is None
    assert line("^.{7}", "") is None
