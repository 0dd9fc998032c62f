"""Names and paths are cut by column as Python would cut each."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from watchfloor.collect.convert import NOTHING, domain_of, real, user_of
from watchfloor.ocsf.column import Column
from watchfloor.ocsf.derive import _basenames

names = st.lists(st.one_of(st.text(alphabet="aé@\\/. ", max_size=8), st.sampled_from(NOTHING)), min_size=1, max_size=9)


def domain(name: str) -> str | None:
    if "\\" in name:
        return name.partition("\\")[0] or None
    return name.rpartition("@")[2] if "@" in name else None


def user(name: str) -> str | None:
    bare = name.partition("\\")[2] if "\\" in name else name.rpartition("@")[0] if "@" in name else name
    return bare or None


@settings(deadline=None, max_examples=300)
@given(names, st.integers(0, 3))
def test_as_python_cuts_them(held: list[str], skipped: int) -> None:
    values = pa.array([*["x@y\\z"] * skipped, *held], pa.string()).slice(
        skipped
    )  # values are often part of a larger array
    column = Column(np.arange(len(held), dtype=np.int32), values)
    assert domain_of(column).to_pylist() == [domain(name) for name in held]
    assert user_of(column).to_pylist() == [user(name) for name in held]
    assert real(column).to_pylist() == [None if name in NOTHING else name for name in held]
    assert _basenames(values).to_pylist() == [
        name.replace("\\", "/").rstrip("/").rpartition("/")[2] or None for name in held
    ]


def test_of_nothing_is_nothing() -> None:
    empty = Column.missing(2)
    assert [domain_of(empty).to_pylist(), user_of(empty).to_pylist(), real(empty).to_pylist()] == [[None, None]] * 3
