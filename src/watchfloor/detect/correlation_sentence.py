"""A correlation as a person reads it: what it counts, within which time, and what it does with what comes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from watchfloor.detect.correlation_condition import AND, NOT, OR
from watchfloor.detect.rule import Correlation

__all__ = ["condition", "outcomes", "span", "what", "window"]

SYMBOLS: Mapping[str, str] = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "eq": "=", "neq": "!="}
WORDS: Mapping[str, str] = {AND: "and", OR: "or"}
KINDS: Mapping[str, str] = {
    "event_count": "matches of {rules}",
    "value_count": "different values of {field} among matches of {rules}",
    "value_sum": "sum of {field} over matches of {rules}",
    "value_avg": "mean of {field} over matches of {rules}",
    "value_percentile": "percentile {percentile:g} of {field} over matches of {rules}",
    "value_median": "median of {field} over matches of {rules}",
    "temporal": "how many of {rules} match",
    "temporal_ordered": "how many of {rules} match one after the other",
}
EMITS: Mapping[str, str] = {
    "once": "one finding per group until the condition is false again",
    "each": "a finding for each match that fulfils it",
    "reset": "a finding, and counting begins anew",
}
INCOMPLETE: Mapping[str, str] = {
    "indeterminate": "no finding; it is said that it is not evaluable, and why",
    "fire": "a finding all the same, marked as not wholly seen",
    "drop": "no finding, and nothing is said",
}
UNITS = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s"))


def condition(rule: Correlation) -> str:
    """What it asks for, in one sentence."""
    within = span(rule.timespan)
    if rule.expression:
        return f"{_infix(rule.expression)}, within {within}"
    bounds = " and ".join(f"{SYMBOLS[operator]} {number:g}" for operator, number in rule.bounds)
    return f"{what(rule)} {bounds}, within {within}"


def what(rule: Correlation) -> str:
    """What it counts; of a condition in words that is nothing but how many of its rules match."""
    percentile = 50 if rule.percentile is None else rule.percentile
    return KINDS[rule.kind].format(rules=", ".join(rule.rules), field=rule.field, percentile=percentile)


def window(rule: Correlation) -> str:
    """How far it looks around the event it judges."""
    anchor = "each match" if rule.anchor is None else f"each match of {rule.anchor}"
    around = [f"{span(rule.before)} before", *([f"{span(rule.after)} after"] if rule.after else [])]
    waits = "" if rule.lateness is None else f"; waits {span(rule.lateness)} longer than its sources need"
    return f"{' and '.join(around)} {anchor}{waits}"


def outcomes(rule: Correlation) -> dict[str, str]:
    """What may come of it -> what is done then."""
    rest = f"; then none for {span(rule.suppress)} of the same group" if rule.suppress else ""
    return {
        "fulfilled": f"{EMITS[rule.emit]}{rest}",
        "not evaluable": INCOMPLETE[rule.on_incomplete],
        "overturned by what comes late": "the finding is taken back",
    }


def span(milliseconds: int) -> str:
    """A duration in the largest unit that it is whole in: `15m`."""
    for unit, name in UNITS:
        if milliseconds >= unit and milliseconds % unit == 0:
            return f"{milliseconds // unit}{name}"
    return f"{milliseconds} ms"


def _infix(expression: Sequence[str]) -> str:
    stack: list[str] = []
    for token in expression:
        if token == NOT:
            stack.append(f"not {stack.pop()}")
        elif token in WORDS:
            second, first = stack.pop(), stack.pop()
            stack.append(f"({first} {WORDS[token]} {second})")
        else:
            stack.append(token)
    text = stack[0]
    return text[1:-1] if text.startswith("(") else text
