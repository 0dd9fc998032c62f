"""Numbers read natively are Python's, to the last bit."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watchfloor.detect import numbers
from watchfloor.detect.comparison import numeric
from watchfloor.detect.texts import Texts

ODD = (
    "1 -1 +1 .5 5. . - + e5 1e 1e+ 1e-3 1E3 1.5e22 1e23 1e-22 1e-23 00012 0.000123 1_000 0x10 nan inf 1e999 ٣ 1.2.3 "
    "--1 é1 0 -0 1e0 00 0e5 123456789012345678 1234567890123456789 0.1234567890123456789 9007199254740993"
)
some = st.one_of(
    st.floats().map(repr),
    st.integers(-(10**20), 10**20).map(str),
    st.decimals(allow_nan=False, allow_infinity=False, places=3).map(str),
    st.sampled_from(ODD.split()),
    st.text(alphabet="0123456789+-.eE \n\x1c", max_size=10),
    st.builds("{}{}{}".format, st.sampled_from(" \t\n\v\f\r"), st.integers(), st.sampled_from(" \t\n\x85\xa0")),
)


def read(held: list[str]) -> tuple[list[float], list[bool]]:
    values, open_ = np.empty(len(held)), np.empty(len(held), np.bool_)
    numbers.read(*Texts.of(held), values, open_)
    return values.tolist(), open_.tolist()


@settings(deadline=None, max_examples=500)
@given(st.lists(some, min_size=1, max_size=10))
def test_a_number_is_what_python_says(held: list[str]) -> None:
    for text, value, left in zip(held, *read(held), strict=True):
        wanted = numeric(text)
        if left:
            assert wanted is not None
        else:
            assert (None if math.isnan(value) else value) == wanted
            assert wanted is None or math.copysign(1, value) == math.copysign(1, wanted)


@pytest.mark.parametrize(("text", "left"), [("9007199254740992", False), ("9007199254740993", True), ("1e22", False)])
def test_what_is_left_to_python(text: str, left: bool) -> None:
    assert read([text])[1] == [left]
