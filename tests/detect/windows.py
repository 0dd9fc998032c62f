"""What correlations mean, as slowly and plainly as it can be said: the reference that the operator is held against.

All matches are there at once, nothing is late, nothing was said before. A group is a list in order; each match looks at
the others in its window. No state, no pointers that slide, no code of the engine's but what a condition
negates.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

from watchfloor.detect.correlation_condition import negated
from watchfloor.detect.rule import Correlation

BEYOND: Mapping[str, Callable[[float, float], bool]] = {
    "gt": float.__gt__, "gte": float.__ge__, "lt": float.__lt__, "lte": float.__le__, "eq": float.__eq__,
    "neq": float.__ne__,
}  # fmt: skip


@dataclass(frozen=True, order=True)
class Match:
    time: int
    sequence: int
    uid: int
    member: int
    correlation: int = 0
    key: int = 2
    value: float = 0.0
    scope: str = ""


Event = list[Match]
"""The matches of one event, by rule."""

Covered = Callable[[int, int], bool]


def findings(one: Correlation, number: int, matches: Iterable[Match], covered: Covered) -> dict[Any, set[str]]:
    """(uid of the anchor, key) -> `match`, `unknown`, or both; what is neither, or of no group, is left out."""
    groups: dict[int, dict[tuple[int, int, int], Event]] = {}
    for match in sorted(set(matches)):
        if match.correlation == number and match.key != 0:
            events = groups.setdefault(match.key, {})
            events.setdefault((match.time, match.sequence, match.uid), []).append(match)
    found: dict[Any, set[str]] = {}
    for key, group in groups.items():
        for uid, what in _group(one, list(group.values()), covered):
            found.setdefault((uid, key), set()).add(what)
    return found


def _group(one: Correlation, group: list[Event], covered: Covered) -> Iterable[tuple[int, str]]:
    anchor = None if one.anchor is None else one.rules.index(one.anchor)
    around = one.after > 0 or "!" in one.expression
    active, fired, asked, begun = False, -math.inf, -math.inf, 0
    quiet = max(one.suppress, one.before + one.after if one.emit == "once" else 0)
    for at, event in enumerate(group):
        time = event[0].time
        if active and time - group[at - 1][0].time > one.before:
            active = False
        if anchor is not None and all(_meant(one, match) != anchor for match in event):
            continue
        sure = any(not _vague(one, match) and anchor in (None, match.member) for match in event)
        window = [
            _left(one, other) if number < begun else other
            for number, other in enumerate(group)
            if time - one.before <= other[0].time and (other[0].time <= time + one.after if around else number <= at)
        ]
        window = [other for other in window if other]
        worlds = [(_true(one, some), _ends(one, some, event)) for some in _worlds(one, window, event, sure)]
        truths = {holds and ends for (holds, _), ends in worlds} | (set() if sure else {False})
        true, doubt = True in truths, truths == {True, False}
        certain = all(visible for (_, visible), _ in worlds)
        unknown = doubt or (true and not certain and not covered(time - one.before, time + one.after))
        spoken = (one.emit == "once" and active) or (one.suppress > 0 and time - fired < one.suppress)
        if unknown and not spoken and not time - asked < quiet:
            asked = time
            yield event[0].uid, "unknown"
        counts = true and not doubt and (not unknown or one.on_incomplete == "fire")
        if one.emit == "once":
            fires = counts and not active
        else:
            fires = counts
        if not unknown:
            active = true
        if fires:
            if not (one.suppress and time - fired < one.suppress):
                fired = time
                yield event[0].uid, "match"
            if one.emit == "reset":
                begun, active = at + 1, False


def _left(one: Correlation, event: Event) -> Event:
    """What a reset leaves of an event: it forgets what was counted, never that something was there."""
    _, absent = negated(one.expression) if one.expression else ((), ())
    return [match for match in event if one.rules[_meant(one, match)] in absent]


def _meant(one: Correlation, match: Match) -> int:
    """The rule that a match is one of, or may be."""
    return one.rules.index((*one.rules, *one.weak)[match.member])


def _vague(one: Correlation, match: Match) -> bool:
    """Whether a match may mean nothing."""
    return match.member >= len(one.rules) or one.rules[match.member] in dict(one.doubt)


def _worlds(one: Correlation, window: list[Event], event: Event, sure: bool) -> Iterable[list[Event]]:
    """The window as it may be: what is in doubt is there, or not; where only one number counts, all or none of it.

    What is judged is there, or it would not be judged.
    """
    there = {
        match for match in event if not sure and (not one.expression or one.rules[_meant(one, match)] == one.anchor)
    }
    doubts = [match for other in window for match in other if _vague(one, match) and match not in there]
    members = sorted({match.member for match in doubts})
    if one.expression:
        parts = [set(some) for size in range(len(members) + 1) for some in combinations(members, size)]
        chosen = [[match for match in doubts if match.member in some] for some in parts]
    elif one.kind in ("event_count", "value_count", "temporal"):
        chosen = [doubts[:size] for size in range(len(doubts) + 1)]
    else:
        chosen = [[], doubts]
    for some in chosen:
        made = []
        for other in window:
            kept = [match for match in other if not _vague(one, match) or match in some or match in there]
            if kept:
                made.append([replace(match, member=_meant(one, match)) for match in kept])
        if made:
            yield made


def _true(one: Correlation, window: list[Event]) -> tuple[bool, bool]:
    """Whether the condition holds if what is absent is absent; and whether it holds whatever is absent."""
    if one.expression:
        there = {one.rules[match.member] for event in window for match in event}
        wanted = _said(one.expression, lambda name: name in there)
        _, absent = negated(one.expression)
        return wanted, _said(one.expression, lambda name: name in there or name in absent)
    value = _value(one, window)
    meets = all(BEYOND[operator](float(value), bound) for operator, bound in one.bounds)
    return meets, True


def _said(expression: tuple[str, ...], there: Callable[[str], bool]) -> bool:
    stack: list[bool] = []
    for token in expression:
        if token == "!":
            stack.append(not stack.pop())
        elif token in "&|":
            second, first = stack.pop(), stack.pop()
            stack.append(first and second if token == "&" else first or second)
        else:
            stack.append(there(token))
    return stack[0]


def _value(one: Correlation, window: list[Event]) -> float:
    values = [event[0].value for event in window]
    if one.kind == "event_count":
        return len(window)
    if one.kind == "value_count":
        return len(set(values))
    if one.kind == "value_sum":
        return sum(values)
    if one.kind == "value_avg":
        return sum(values) / len(window)
    if one.kind in ("value_percentile", "value_median"):
        values.sort()
        place = (len(values) - 1) * (50.0 if one.percentile is None else one.percentile) / 100
        low = math.floor(place)
        high = min(low + 1, len(values) - 1)
        return values[low] + (values[high] - values[low]) * (place - low)
    if one.kind == "temporal":
        return len({match.member for event in window for match in event})
    return max(_chains(window).values(), default=0)


def _chains(window: list[Event]) -> dict[Match, int]:
    """Per match how many different rules match one after the other up to it, in the order of the list."""
    best: dict[Match, int] = {}
    for match in (match for event in window for match in event):
        best[match] = 1 + max((best[b] for b in best if b.member < match.member), default=0)
    return best


def _ends(one: Correlation, window: list[Event], event: Event) -> bool:
    """Whether the order ends with this event; a later match of another rule does not find it again."""
    if one.kind != "temporal_ordered" or one.emit == "once":
        return True
    same = event[0].time, event[0].sequence, event[0].uid
    chains = _chains(window)
    reached = max(
        (length for match, length in chains.items() if (match.time, match.sequence, match.uid) == same), default=0
    )
    return all(BEYOND[operator](float(reached), bound) for operator, bound in one.bounds)


def rule(kind: str = "event_count", rules: int | tuple[str, ...] = 1, **more: Any) -> Correlation:
    """A correlation over rules called a, b, c."""
    names = tuple("abcdefgh"[:rules]) if isinstance(rules, int) else rules
    given: dict[str, Any] = {
        "id": "c0", "title": "t", "level": "high", "status": None, "kind": kind, "rules": names, "group_by": ("u",),
        "timespan": 10_000, "bounds": (("gte", 3.0),), "expression": (), "file": "f", "line": 1, "before": 10_000,
    }  # fmt: skip
    return Correlation(**{**given, **more})
