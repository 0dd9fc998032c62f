"""Two columns row by row against Python's own comparisons."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watchfloor.detect import comparing
from watchfloor.detect.engine import CODES, MODES
from watchfloor.detect.texts import Texts

texts = st.one_of(
    st.text(alphabet="aAbB1.\0", max_size=20),
    st.text(alphabet="aAéK\u212aσς", max_size=6),
    st.sampled_from(["C:\\Windows\\System32\\cmd.exe", "c:\\windows\\system32\\CMD.EXE", "cmd.exe", "CMD.EXE", "@[`{"]),
)


def asked(left: list[str], right: list[str], mode: str, cased: bool) -> list[int]:
    """Every left text against every right one."""
    rows = np.arange(len(left) * len(right), dtype=np.int32)
    answers = np.full(len(rows), 9, np.uint8)
    comparing.compare(
        rows, (rows // len(right)).astype(np.int32), *Texts.of(left), (rows % len(right)).astype(np.int32),
        *Texts.of(right), CODES[mode], cased, answers,
    )  # fmt: skip
    return answers.tolist()


@settings(deadline=None, max_examples=300)
@given(
    st.lists(texts, min_size=1, max_size=5),
    st.lists(texts, min_size=1, max_size=5),
    st.sampled_from(sorted(MODES)),
    st.booleans(),
)
def test_it_says_what_python_says(left: list[str], right: list[str], mode: str, cased: bool) -> None:
    answers = asked(left, right, mode, cased)
    for answer, (one, other) in zip(answers, ((one, other) for one in left for other in right), strict=True):
        if not cased and not (one + other).isascii():
            assert answer == comparing.OPEN
        elif cased:
            assert answer == MODES[mode](one, other)
        else:
            assert answer == MODES[mode](one.lower(), other.lower())


def test_missing_is_no() -> None:
    answers = np.full(3, 9, np.uint8)
    codes, others = np.array([-1, 0, 0], np.int32), np.array([0, -1, 0], np.int32)
    comparing.compare(
        np.arange(3, dtype=np.int32),
        codes,
        *Texts.of(["a"]),
        others,
        *Texts.of(["A"]),
        comparing.EQUALS,
        False,
        answers,
    )
    assert answers.tolist() == [comparing.NO, comparing.NO, comparing.YES]


@pytest.mark.parametrize("needle", ["a" * 2000, "a" * 1999 + "b"])
def test_a_search_that_takes_long_is_left_open(needle: str) -> None:
    assert asked(["a" * 5000], [needle], "contains", True) == [comparing.OPEN]
    assert asked(["a" * 5000], [needle[-3:]], "contains", True) == [needle.endswith("a")]
