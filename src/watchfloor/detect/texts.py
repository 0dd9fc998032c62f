"""Texts as matching reads them: bytes in UTF-8, and the same in lower case."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from watchfloor.detect import scanning
from watchfloor.detect.trie import joined
from watchfloor.detect.words import Bytes, Flags, Int64s

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
        foreign: per text: it is not all ASCII. Then Python's str.lower made it, and a character may be many bytes.
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
        foreign = np.empty(count, np.bool_)
        scanning.lowered(*texts, lower, offsets, foreign)
        starts, stops = offsets[:-1].copy(), offsets[1:].copy()
        if foreign.any():  # beyond ASCII, Python's str.lower is the law
            tail, at = [], len(lower)
            for position in np.flatnonzero(foreign).tolist():
                text = texts.text(position).lower().encode("utf-8", "replace")
                starts[position], stops[position] = at, at + len(text)
                at += len(text)
                tail.append(text)
            lower = np.concatenate([lower, np.frombuffer(b"".join(tail), np.uint8)])
        return cls(fixed(lower), starts, stops, foreign)


def fixed(array: npt.NDArray[Any]) -> Any:
    """The array, from now on read-only."""
    array.setflags(write=False)
    return array
