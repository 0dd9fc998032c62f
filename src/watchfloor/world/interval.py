"""Statements of one entity, and the intervals that follow from them.

shift  07:00 - 15:00, known at 06:00        07:00 - 12:00 early
shift  12:00 - 18:00, known at 11:00        12:00 - 18:00 late
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple, Protocol, TypeVar

from watchfloor.world.entities import LONG_AGO
from watchfloor.world.fact import MANY, SIGNALLED

__all__ = ["ANY", "Interval", "Known", "Said", "Statement", "folded", "overlaid", "parts"]

Thing = TypeVar("Thing")

ANY = "\x00any"
"""The value under which a many-valued kind keeps when any of its values holds."""


class Statement(NamedTuple):
    """One row of `history.SCHEMA`."""

    entity: str
    kind: str
    value: str
    valid_from: int
    valid_to: int
    known_from: int
    sequence: int = 0
    confidence: int = 100
    source: str = ""
    because: str = ""


class Interval(NamedTuple):
    """What is believed of one entity over one stretch of time.

    Who said so is in the statements and sightings; of presence, `moment` leads to the sighting.
    """

    since: int
    until: int
    value: str
    confidence: int = 100
    moment: int = 0
    """What the value's age counts from, UTC epoch milliseconds."""


def folded(statements: Iterable[Statement], *, signalled: bool = False) -> list[Interval]:
    """What follows from statements of one entity and kind (and, of a many-valued kind, one value).

    Where they meet in valid time, the one known last holds; of equals the higher sequence. Of signals (`SIGNALLED`) the
    one given last holds, whenever it came. Order does not matter, and the same statement twice counts once.
    """
    said = sorted(set(statements), key=lambda one: (one.valid_from, one.known_from, one.sequence, one))
    said = [one for one in said if one.valid_from < one.valid_to]
    if len(said) == 1 or all(a.valid_to <= b.valid_from for a, b in pairwise(said)):
        return [_interval(one, one.valid_from, one.valid_to) for one in said if one.confidence]
    made = overlaid(
        said,
        lambda one: (one.valid_from, one.valid_to),
        lambda one: (one.valid_from if signalled else LONG_AGO, one.known_from, one.sequence, one),
    )
    return [_interval(one, since, until) for one, since, until in made if one.confidence]


def overlaid(
    some: Sequence[Thing], span: Callable[[Thing], tuple[int, int]], rank: Callable[[Thing], Any]
) -> list[tuple[Thing, int, int]]:
    """Of things that hold over stretches of time the one that ranks highest, from when to when; in order of time.

    Args:
        some: in the order in which their stretches begin.
        span: [since, until) of one.
    """
    edges = sorted({edge for one in some for edge in span(one)})
    made: list[tuple[Thing, int, int]] = []
    active: list[Thing] = []
    coming = 0
    for since, until in pairwise(edges):
        while coming < len(some) and span(some[coming])[0] <= since:
            active.append(some[coming])
            coming += 1
        active = [one for one in active if span(one)[1] > since]
        if not active:
            continue
        best = max(active, key=rank)
        if made and made[-1][0] is best and made[-1][2] == since:
            made[-1] = (best, made[-1][1], until)
        else:
            made.append((best, since, until))
    return made


def _interval(one: Statement, since: int, until: int) -> Interval:
    return Interval(since, until, one.value, one.confidence, since)


def parts(kind: str, said: Iterable[Statement]) -> list[tuple[str, list[Interval]]]:
    """Value -> intervals; of a kind that is not many-valued all under one name."""
    signalled = kind in SIGNALLED
    if kind not in MANY:
        return [("", folded(said, signalled=signalled))]
    by_value: dict[str, list[Statement]] = defaultdict(list)
    for one in said:
        by_value[one.value].append(one)
    parts = [(value, folded(some, signalled=signalled)) for value, some in by_value.items()]
    return [*parts, (ANY, _together(one for _, intervals in parts for one in intervals))]


def _together(intervals: Iterable[Interval]) -> list[Interval]:
    """When any of them holds, as surely as the surest that begins a stretch."""
    made: list[Interval] = []
    for one in sorted(intervals, key=lambda one: (one.since, -one.confidence, one)):
        if made and one.since <= made[-1].until:
            made[-1] = made[-1]._replace(until=max(made[-1].until, one.until))
        else:
            made.append(one._replace(value=ANY))
    return made


class Known(Protocol):
    """Whoever knows what is believed of single entities: `Said`, or the history."""

    def intervals(self, kind: str, entity: str, value: str = "") -> Sequence[Interval]:
        """What is believed of one entity, in order of time; of a many-valued kind of one value, or of `ANY`."""
        ...


class Said:
    """What follows from some statements, one entity at a time: the history of whoever asks a single question."""

    def __init__(self, statements: Iterable[Statement]) -> None:
        self._said: dict[tuple[str, str], list[Statement]] = defaultdict(list)
        for one in statements:
            self._said[one.kind, one.entity].append(one)

    def intervals(self, kind: str, entity: str, value: str = "") -> Sequence[Interval]:
        """As `Known.intervals`."""
        return dict(parts(kind, self._said.get((kind, entity), ()))).get(value, ())
