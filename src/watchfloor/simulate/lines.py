"""Records by template: text with holes, filled column by column; no step per record.

Template('{"ts":{ts},"user":"{user}"}').fill(n, ts=..., user=...)        -> n lines
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["Ints", "Template", "counted", "iso", "picked", "seconds", "stamps"]

Ints = npt.NDArray[np.int64]

HOLE = re.compile(r"\{([a-z_]\w*)\}")
MILLISECONDS = pa.array([f"{ms:03d}" for ms in range(1000)])


class Template:
    """A line with holes `{name}`. Braces that hold anything else stand for themselves.

    Args:
        end: what follows each line; nothing where it is part of another one.
    """

    def __init__(self, text: str, *, end: str = "\n") -> None:
        parts = HOLE.split(text + end)
        self._texts, self.holes = parts[::2], parts[1::2]

    def fill(self, rows: int, **columns: Any) -> pa.Array:
        """So many lines.

        Args:
            columns: per hole a text, or an Arrow array of `rows` texts.
        """
        parts: list[Any] = [pa.repeat("", rows)]  # gives the number of rows, also where every hole is a text
        pending = self._texts[0]
        for hole, text in zip(self.holes, self._texts[1:], strict=True):
            value = columns[hole]
            if isinstance(value, str):
                pending += value + text
            else:
                parts += [pending, value] if pending else [value]
                pending = text
        parts += [pending] if pending else []
        return pc.binary_join_element_wise(*parts, "")


def picked(words: Sequence[str] | pa.Array, codes: npt.NDArray[Any]) -> pa.Array:
    """The word of each code."""
    return (words if isinstance(words, pa.Array) else pa.array(words, pa.string())).take(pa.array(codes))


def counted(numbers: npt.NDArray[Any]) -> pa.Array:
    """Whole numbers as text."""
    return pa.array(numbers).cast(pa.string())


def stamps(times: Ints, *, between: str = " ", after: str = "") -> pa.Array:
    """UTC epoch milliseconds as `2026-03-23 05:41:07.000`, with other words between and after."""
    text = pa.array(times, pa.timestamp("ms")).cast(pa.string())
    if between != " ":
        raw = np.frombuffer(text.buffers()[2], np.uint8, 23 * len(times)).reshape(-1, 23).copy()
        raw[:, 10] = ord(between)
        text = pa.StringArray.from_buffers(len(times), text.buffers()[1], pa.py_buffer(raw.tobytes()))
    return pc.binary_join_element_wise(text, after, "") if after else text


def iso(times: Ints) -> pa.Array:
    """UTC epoch milliseconds as ISO 8601 with milliseconds and `Z`."""
    return stamps(times, between="T", after="Z")


def seconds(times: Ints) -> pa.Array:
    """UTC epoch milliseconds as seconds with three digits behind the point."""
    whole, rest = np.divmod(times, 1000)
    return pc.binary_join_element_wise(counted(whole), MILLISECONDS.take(pa.array(rest)), ".")
