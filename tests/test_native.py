"""Kernels under bounds checks: what `make check-native` switches on is on, and stops what reads or writes too far.

Numba checks what is indexed when NUMBA_BOUNDSCHECK is 1; loads and stores of whole words check themselves then. In an
ordinary run the checks are compiled out, so these tests have nothing to see.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numba import njit
from numba.core import config

from watchfloor import words
from watchfloor.collect import records

pytestmark = pytest.mark.skipif(not config.BOUNDSCHECK, reason="only under NUMBA_BOUNDSCHECK=1: make check-native")

BYTES = np.zeros(100, np.uint8)


@njit  # type: ignore[untyped-decorator, unused-ignore]
def looks(array: Any, at: Any) -> Any:
    return words.where(array, at, np.uint8(34))


@njit  # type: ignore[untyped-decorator, unused-ignore]
def compares(array: Any, at: Any) -> Any:
    return words.differing(array, np.int64(0), array, at)


@njit  # type: ignore[untyped-decorator, unused-ignore]
def cuts(array: Any, at: Any) -> Any:
    return words.sixty_four(array, at, np.int64(3))


@njit  # type: ignore[untyped-decorator, unused-ignore]
def takes(array: Any, at: Any) -> Any:
    return words.load(array, at)


@njit  # type: ignore[untyped-decorator, unused-ignore]
def puts(array: Any, at: Any) -> None:
    words.store(array, at, np.uint64(0))


@pytest.mark.parametrize(("touches", "size"), [(takes, 8), (puts, 8), (looks, 64), (compares, 64), (cuts, 64)])
def test_words_outside_are_refused(touches: Callable[[Any, int], Any], size: int) -> None:
    touches(BYTES, 0)
    touches(BYTES, len(BYTES) - size)
    for at in (len(BYTES) - size + 1, len(BYTES), 10**9, -1, -size):
        with pytest.raises(IndexError):
            touches(BYTES, at)
    with pytest.raises(IndexError):
        touches(BYTES[: size - 1], 0)


def test_a_kernel_of_ours_is_compiled_with_checks() -> None:
    words.hashed(BYTES, 0, len(BYTES), np.uint64(1), np.uint64(2))
    with pytest.raises(IndexError):
        words.hashed(BYTES, 0, len(BYTES) + 1, np.uint64(1), np.uint64(2))


def test_reading_behind_the_end_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """An overrun by intention: the same records, without the bytes that may be read behind them."""
    line = b'{"a":"b"}'
    offsets, numbers = np.array([0, len(line)], np.int64), np.zeros(1, np.int64)
    piece = records.Piece(line, offsets, numbers, numbers)
    assert len(records.tokenise([piece], source="s", stream="s")[0]) == 1
    monkeypatch.setattr(records, "PADDING", 0)
    with pytest.raises(IndexError, match=r"outside|out of bounds"):
        records.tokenise([piece], source="s", stream="s")
