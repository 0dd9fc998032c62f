"""The filter before the memory of values: a no is certain."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watchfloor.detect.arena import may_hold
from watchfloor.detect.comparison import Comparison, holds
from watchfloor.detect.lookup import leaves, plain
from watchfloor.detect.predicate import Kind
from watchfloor.detect.skim import Skim

letters = st.text(alphabet="aAbB:\\é\u212a", max_size=12)


def passes(skim: Skim, text: str, behind: bytes = bytes(8)) -> bool:
    raw = text.encode()
    data = np.frombuffer(raw + behind or b"\0", np.uint8)
    data.setflags(write=False)
    return bool(may_hold(data, 0, len(raw), skim.filter, np.uint64(0), np.uint64(skim.shift), skim.gram))


@settings(deadline=None, max_examples=300)
@given(
    st.lists(st.builds(Comparison, st.just(Kind.CONTAINS), letters.filter(lambda text: len(text) > 6), st.booleans())),
    st.lists(letters, max_size=3),
    st.data(),
)
def test_what_holds_a_literal_passes(asked: list[Comparison], around: list[str], data: st.DataObject) -> None:
    asked = [one if one.cased else one._replace(value=one.value.lower()) for one in asked]
    skim = Skim.of(asked)
    if skim is None:
        assert not asked or min(len(one.value.lower().encode()) for one in asked) < 7
        return
    literal = data.draw(st.sampled_from(asked)).value
    text = "".join([*around, data.draw(st.sampled_from([literal, literal.upper(), literal[1:]])), *around])
    if any(holds(one, text) for one in asked):
        assert passes(skim, text)


nested = st.lists(
    st.lists(
        st.fixed_dictionaries(
            {
                "name": st.one_of(
                    st.none(), st.sampled_from(["sekurlsa::x", "SEKURLSA::", "other text", "KELVIN12345"])
                ),
                "number": st.one_of(st.none(), st.sampled_from([7, 1234567, -1234567])),
                "more": st.one_of(st.none(), st.lists(st.sampled_from(["x", "sekurlsa::"]), max_size=2)),
            }
        ),
        max_size=3,
    ),
    min_size=1,
    max_size=5,
)
NESTED = pa.list_(
    pa.struct([("name", pa.string()), ("number", pa.int64()), ("more", pa.list_(pa.string()))])
)  # fmt: skip


@settings(deadline=None)
@given(nested, st.lists(st.sampled_from(["sekurlsa::", "1234567", "kelvin12345"]), min_size=1), st.integers(0, 2))
def test_a_nested_value_that_holds_a_literal_is_kept(held: list[Any], words: list[str], skipped: int) -> None:
    asked = [Comparison(Kind.CONTAINS, word, False) for word in words]
    skim = Skim.of(asked)
    assert skim is not None
    values = pa.array(held, NESTED).slice(skipped)
    texts = [leaves(payload.encode()) for payload in plain(values).to_pylist()]
    wanted = [any(holds(one, text) for one in asked for text in some) for some in texts]
    found = skim.possible(values).tolist()
    assert len(found) == len(wanted)
    assert all(kept or not needed for kept, needed in zip(found, wanted, strict=True))


def test_hashes_are_not_unfolded() -> None:
    skim = Skim.of([Comparison(Kind.CONTAINS, "sekurlsa::", False)])
    assert skim is not None
    held = [[{"name": "7FA1" * 8, "number": 1, "more": None}], [{"name": "x sekurlsa::y", "number": 1, "more": ["x"]}]]
    assert skim.possible(pa.array(held, NESTED)).tolist() == [False, True]


def test_most_texts_do_not_pass() -> None:
    skim = Skim.of([Comparison(Kind.CONTAINS, word, False) for word in ("sekurlsa::", "lsadump::", "kerberos::golden")])
    assert skim is not None
    held = [f"C:\\Windows\\System32\\file{number}.exe" for number in range(1000)]
    assert sum(passes(skim, text) for text in held) < 50
    assert passes(skim, "x SEKURLSA::LOGON")
    assert passes(skim, "\u212aerberos::golden")
    assert passes(skim, held[0], behind=b"")  # nothing may be read behind the last text, so it is not looked at


@pytest.mark.parametrize(
    "one",
    [
        Comparison(Kind.CONTAINS, "short", False),
        Comparison(Kind.ENDSWITH, "long enough", False),
        Comparison(Kind.EXISTS, None, False),
        Comparison(Kind.REGEX, ("long enough", ""), True),
    ],
)
def test_what_has_no_filter(one: Comparison) -> None:
    assert Skim.of([Comparison(Kind.CONTAINS, "long enough", False), one]) is None
