"""Stretches of time in which something was not seen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

__all__ = ["Stretch", "joined"]


class Stretch(NamedTuple):
    """A stretch of time in which something was not seen, and why."""

    since: int
    until: int
    why: str
    source: str = ""
    of: str = ""
    """uid of the portal, place or asset it is about; empty: the source as a whole."""


def joined(stretches: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Stretches [since, until) as few that do not touch, in order of time."""
    return tuple(_runs(sorted(stretches)))


def _runs(stretches: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    began: int | None = None
    ended = 0
    for since, until in stretches:
        if began is None:
            began, ended = since, until
        elif since <= ended:
            ended = max(ended, until)
        else:
            yield began, ended
            began, ended = since, until
    if began is not None:
        yield began, ended
