"""Texts as matching reads them: bytes in UTF-8, and the same in lower case."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from operator import eq
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from watchfloor.detect import scanning
from watchfloor.detect.trie import joined
from watchfloor.words import Bytes, Flags, Int32s, Int64s

__all__ = ["Lowered", "Texts", "fixed"]


class Texts(NamedTuple):
    """Texts in UTF-8: text i is data[starts[i]:stops[i]] (int64). `data` is read-only."""

    data: Bytes
    starts: Int64s
    stops: Int64s

    @classmethod
    def of(cls, texts: Sequence[str]) -> Texts:
        """From Python strings; lone surrogates become `?`."""
        data, offsets = joined([text.encode("utf-8", "replace") for text in texts])
        return cls(data, offsets[:-1], offsets[1:])

    def bytes(self, index: int) -> bytes:
        """Text `index` as bytes."""
        return self.data[self.starts[index] : self.stops[index]].tobytes()

    def text(self, index: int) -> str:
        """Text `index`."""
        return self.bytes(index).decode("utf-8", "replace")


class Lowered(NamedTuple):
    """The same texts in lower case.

    Args:
        data, starts, stops: as in `Texts`.
        foreign: per text: it is not all ASCII, so a character may be many bytes.
    """

    data: Bytes
    starts: Int64s
    stops: Int64s
    foreign: Flags

    @classmethod
    def of(cls, texts: Texts) -> Lowered:
        """Lower-case copies."""
        count = len(texts.starts)
        lower = np.empty(int((texts.stops - texts.starts).sum()) + 8, np.uint8)
        offsets = np.empty(count + 1, np.int64)
        foreign, odd = np.empty(count, np.bool_), np.empty(count, np.bool_)
        scanning.lowered(*texts, lower, offsets, foreign, odd, *_tables())
        starts, stops = offsets[:-1].copy(), offsets[1:].copy()
        if odd.any():  # Python's str.lower is the law
            tail, at = [], len(lower)
            for position in np.flatnonzero(odd).tolist():
                text = texts.text(position).lower().encode("utf-8", "replace")
                starts[position], stops[position] = at, at + len(text)
                at += len(text)
                tail.append(text)
            lower = np.concatenate([lower, np.frombuffer(b"".join(tail), np.uint8)])
        return cls(fixed(lower), starts, stops, foreign)


@cache
def _tables() -> tuple[Int32s, Flags]:
    """Lower case by code point, as `scanning.lowered` takes it. A sigma depends on its place: it is in no table."""
    two = [chr(code).lower() for code in range(0x800)]
    lower_two = [ord(text) if len(text) == 1 and 0x80 <= ord(text) < 0x800 else -1 for text in two]
    lower_two[ord("Σ")] = -1
    letters = [*map(chr, range(1 << 16))]
    return np.array(lower_two, np.int32), np.fromiter(map(eq, letters, map(str.lower, letters)), np.bool_, 1 << 16)


def fixed(array: npt.NDArray[Any]) -> Any:
    """The array, from now on read-only."""
    array.setflags(write=False)
    return array
