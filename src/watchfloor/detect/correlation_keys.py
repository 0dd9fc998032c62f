"""Groups of a correlation: the values of its `group-by` as one number, and as text for people.

Values are compared as Sigma compares them, without regard to case. The number is a hash of 63 bits: among a million
groups two meet by chance once in ten million times.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import orjson

from watchfloor.detect.correlation_links import field_of
from watchfloor.detect.rule import Correlation

__all__ = ["EVERYBODY", "NOBODY", "Regrouped", "hashed", "key_of", "number_of", "numeric", "regrouped"]

NOBODY = 0
"""The key of a match that belongs to no group: a field of `group-by` has no value."""

EVERYBODY = 1
"""The key of all matches where there is no `group-by`."""


class Regrouped(NamedTuple):
    """A finding as a correlation of correlations sees it: the values of its group, and its own value."""

    group: tuple[str | None, ...]
    value: float


def hashed(text: str) -> int:
    """63 bits of a text."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def key_of(values: Sequence[str | None]) -> tuple[int, str | None]:
    """The key of a group, and its values as JSON."""
    if not values:
        return EVERYBODY, "[]"
    if any(value is None for value in values):
        return NOBODY, None
    text = orjson.dumps(values).decode()
    return max(hashed(text.lower()), EVERYBODY + 1), text


def number_of(text: str) -> float:
    """A value to be told from others: a hash below 2 ** 53, which a float holds exactly."""
    return float(hashed(text.lower()) >> 10)


def regrouped(inner: Correlation, text: str, outer: Correlation, member: int) -> Regrouped:
    """What a finding of one correlation is to another that counts on it."""
    known = dict(zip(inner.group_by, orjson.loads(text or "[]"), strict=False))
    group = tuple(known.get(field_of(outer, member, name)) for name in outer.group_by)
    if outer.field is None:
        return Regrouped(group, float("nan"))
    own = known.get(outer.field)
    if own is None:
        return Regrouped(group, float("nan"))
    return Regrouped(group, number_of(own) if outer.kind == "value_count" else numeric(own))


def numeric(text: str) -> float:
    """A text that is a number, NaN where it is none."""
    try:
        number = float(text)
    except ValueError:
        return float("nan")
    return number if abs(number) < float("inf") else float("nan")
