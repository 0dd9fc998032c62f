"""A Sigma correlation document into a `Correlation`, or the reason why not (Sigma v2.1.0, section correlation; v2.2).

The schema that comes with the specification is a smoke test, and pySigma overlooks what changes a meaning: an unknown
key, a rule named twice, a count that nothing at all fulfils. Here each of them is refused with its line. Ranges
(`{gt: 1, lte: 5}`) and `generate` at the top are in the text of the standard, and are taken.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from watchfloor.detect.correlation_condition import MOST_RULES, OPERATORS, ConditionError, negated, postfix
from watchfloor.detect.heading import attack, id_of, one_of, text, texts
from watchfloor.detect.lowering import Refused
from watchfloor.detect.rule import LEVELS, STATUSES, Correlation
from watchfloor.documents import Document

__all__ = ["ALL_RULES", "COUNTS", "DOUBTS", "ORDERED", "TYPES", "UNITS", "duration", "meets", "read_correlation"]

COUNTS = ("event_count", "value_count")
METRICS = ("value_sum", "value_avg", "value_percentile", "value_median")
ORDERED = "temporal_ordered"
TEMPORAL = ("temporal", ORDERED)
TYPES = (*COUNTS, *METRICS, *TEMPORAL)

KEYS = ("type", "rules", "group-by", "timespan", "condition", "aliases", "generate")
"""Of `correlation:`. Others are refused: `group_by` instead of `group-by` would make one group of everybody."""

OWN = ("anchor", "window", "lateness", "on_incomplete", "emit", "suppress", "min_confidence", "doubt")
"""Of `watchfloor:`."""

DOUBTS = (
    "common_cause", "identity_ambiguous", "low_confidence", "map_stale", "order_within_skew", "peer_group_small",
    "fact_unknown",
)  # fmt: skip
"""Why a match may mean nothing (reference 6.4)."""

UNITS: Mapping[str, int] = {
    "s": 1_000,
    "m": 60_000,
    "h": 3_600_000,
    "d": 86_400_000,
    "w": 604_800_000,
    "M": 2_629_746_000,
    "y": 31_556_952_000,
}
"""Milliseconds; week, month and year as pySigma has them."""

ALL_RULES = "gte"
"""A temporal correlation without condition wants all its rules."""

MEETS: Mapping[str, Callable[[float, float], bool]] = {
    "gt": lambda value, bound: value > bound,
    "gte": lambda value, bound: value >= bound,
    "lt": lambda value, bound: value < bound,
    "lte": lambda value, bound: value <= bound,
    "eq": lambda value, bound: value == bound,
    "neq": lambda value, bound: value != bound,
}

_DURATION = re.compile(r"([0-9]{1,9})([smhdwMy])")
_MOST_TEMPORAL = 64  # one bit each


def meets(value: float, bounds: tuple[tuple[str, float], ...]) -> bool:
    """Whether a value is within all bounds."""
    return all(MEETS[operator](value, bound) for operator, bound in bounds)


def duration(value: Any, path: tuple[str | int, ...], *, zero: bool = False) -> int:
    """`15m` in milliseconds.

    Raises:
        Refused: it is no duration, or nothing at all.
    """
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is None or (not zero and int(found[1]) == 0):
        raise Refused(path, f"{value!r} is no duration", "write a number and one of s m h d, such as 15m")
    return int(found[1]) * UNITS[found[2]]


def read_correlation(document: Document) -> Correlation:
    """The correlation of a document whose data is a map with `correlation`.

    Raises:
        Refused: what is wrong, and where.
    """
    data = document.data
    body = data["correlation"]
    if not isinstance(body, dict):
        raise Refused(("correlation",), "`correlation` is not a map", "give it type, rules, timespan and condition")
    for key in body:
        if key not in KEYS:
            raise Refused(("correlation", key), f"a correlation has no {key!r}", f"it has: {', '.join(KEYS)}")
    title = data.get("title")
    if not isinstance(title, str) or not title:
        raise Refused(("title",), "the rule has no title", "add `title:`")
    for key in ("detection", "filter"):
        if key in data:
            raise Refused((key,), f"a document has `correlation` or `{key}`, not both", "make two documents of it")
    kind = body.get("type")
    if kind not in TYPES:
        raise Refused(("correlation", "type"), f"{kind!r} is no type of correlation", f"use one of: {', '.join(TYPES)}")
    rules = _rules(body)
    if "timespan" not in body:
        raise Refused(("correlation",), "the correlation has no `timespan`", "say how long, such as 15m")
    timespan = duration(body["timespan"], ("correlation", "timespan"))
    group_by = _names(body, "group-by")
    bounds, expression, field, percentile = _condition(body, kind, rules)
    own = _own(data, rules, expression, timespan)
    tags = texts(data, "tags")
    techniques, tactics = attack(tags)
    return Correlation(
        id=id_of(data, ("title", "correlation", "watchfloor")),
        title=title,
        level=one_of(data, "level", LEVELS) or "medium",
        status=one_of(data, "status", STATUSES),
        kind=kind,
        rules=rules,
        group_by=group_by,
        timespan=timespan,
        bounds=bounds,
        expression=expression,
        file=document.file,
        line=document.line(),
        field=field,
        percentile=percentile,
        aliases=_aliases(body, rules, group_by),
        generate=_generate(data, body),
        name=text(data, "name"),
        description=text(data, "description"),
        author=text(data, "author"),
        tags=tags,
        techniques=techniques,
        tactics=tactics,
        references=texts(data, "references"),
        falsepositives=texts(data, "falsepositives"),
        purpose=text(data, "purpose"),
        itm=texts(data, "itm"),
        **own,
    )


def _rules(body: dict[str, Any]) -> tuple[str, ...]:
    given = body.get("rules")
    given = [given] if isinstance(given, str) else given
    if not isinstance(given, list) or not given or not all(isinstance(one, str) and one for one in given):
        raise Refused(("correlation", "rules"), "`rules` does not list names or ids", "name one rule at least")
    for number, one in enumerate(given):
        if one in given[:number]:
            raise Refused(
                ("correlation", "rules", number), f"the rule {one!r} is listed twice",
                "list each once; to want several matches of one rule use event_count",
            )  # fmt: skip
    return tuple(given)


def _names(body: dict[str, Any], key: str) -> tuple[str, ...]:
    given = body.get(key)
    given = [] if given is None else [given] if isinstance(given, str) else given
    if not isinstance(given, list) or not all(isinstance(one, str) and one for one in given):
        raise Refused(("correlation", key), f"`{key}` is no list of fields", "list names of fields or aliases")
    return tuple(dict.fromkeys(given))


def _generate(data: dict[str, Any], body: dict[str, Any]) -> bool:
    """The text of the standard has it at the top, pySigma reads it below `correlation`."""
    given = {place: held["generate"] for place, held in (("", data), ("correlation", body)) if "generate" in held}
    for place, value in given.items():
        path = (place, "generate") if place else ("generate",)
        if not isinstance(value, bool):
            raise Refused(path, "`generate` is neither true nor false", "write true or false")
    if len(set(given.values())) > 1:
        raise Refused(("generate",), "`generate` stands twice and says two things", "remove one of the two")
    return any(given.values())


def _aliases(
    body: dict[str, Any], rules: tuple[str, ...], group_by: tuple[str, ...]
) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    given = body.get("aliases") or {}
    if not isinstance(given, dict):
        raise Refused(("correlation", "aliases"), "`aliases` is not a map", "alias: {rule: field}")
    found = []
    for alias, fields in given.items():
        path = ("correlation", "aliases", alias)
        if not isinstance(fields, dict) or not all(isinstance(one, str) and one for one in fields.values()):
            raise Refused(path, f"the alias {alias!r} is no map of rules to fields", "alias: {rule: field}")
        for rule in fields:
            if rule not in rules:
                raise Refused((*path, rule), f"{rule!r} is none of the rules of this correlation", "see `rules`")
        for rule in rules:
            if alias in group_by and rule not in fields:
                raise Refused(
                    path, f"the alias {alias!r} does not say which field of {rule!r} it is",
                    "name a field for each rule; without it none of its matches belongs to a group",
                )  # fmt: skip
        found.append((alias, tuple(fields.items())))
    return tuple(found)


Condition = tuple[tuple[tuple[str, float], ...], tuple[str, ...], str | None, float | None]


def _condition(body: dict[str, Any], kind: str, rules: tuple[str, ...]) -> Condition:
    """Bounds, expression, field, percentile."""
    path = ("correlation", "condition")
    given = body.get("condition")
    if given is None and kind in TEMPORAL:
        given = {ALL_RULES: len(rules)}
    if kind in TEMPORAL and len(rules) > _MOST_TEMPORAL:
        raise Refused(("correlation", "rules"), f"more than {_MOST_TEMPORAL} rules", "make several correlations of it")
    if isinstance(given, str):
        return _in_words(given, kind, rules)
    if not isinstance(given, dict):
        remedy = "write a map such as {gte: 10}, or for a temporal correlation names with and, or, not"
        raise Refused(path, "the correlation has no condition", remedy)
    bounds = []
    for key, value in given.items():
        if key in MEETS:
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                raise Refused((*path, key), f"{value!r} is no number", "write a number")
            bounds.append((key, float(value)))
        elif key not in ("field", "percentile"):
            remedy = f"it has: {', '.join(MEETS)}, field, percentile"
            raise Refused((*path, key), f"a condition has no {key!r}", remedy)
    if not bounds:
        raise Refused(path, "the condition compares with nothing", f"use one or more of: {', '.join(MEETS)}")
    field, percentile = _field(given, kind), _percentile(given, kind)
    if kind in (*COUNTS, *TEMPORAL) and meets(0, tuple(bounds)):
        raise Refused(
            path, "the condition is true where nothing happened at all, and nobody can see that",
            "count upwards; what did not happen is written as `not` in a temporal correlation with `watchfloor:`",
        )  # fmt: skip
    if kind in TEMPORAL and not any(meets(n, tuple(bounds)) for n in range(1, len(rules) + 1)):
        raise Refused(path, f"no number of the {len(rules)} rules meets the condition", "correct the number")
    return tuple(bounds), (), field, percentile


def _field(given: dict[str, Any], kind: str) -> str | None:
    path = ("correlation", "condition", "field")
    field = given.get("field")
    if isinstance(field, list) and len(field) == 1:
        field = field[0]
    if isinstance(field, list):
        raise Refused(path, "several fields at once are not evaluated", "name one field", "unsupported")
    wanted = kind.startswith("value_")
    if wanted and not (isinstance(field, str) and field):
        raise Refused(path[:2], f"{kind} does not say of which field", "add `field:` to the condition")
    if not wanted and field is not None:
        raise Refused(path, f"{kind} counts matches and has no field", "remove it, or use value_count")
    return field if wanted else None


def _percentile(given: dict[str, Any], kind: str) -> float | None:
    path = ("correlation", "condition", "percentile")
    value = given.get("percentile")
    if kind != "value_percentile":
        if value is not None:
            raise Refused(path, f"{kind} has no percentile", "remove it, or use value_percentile")
        return None
    if value is None:
        raise Refused(path[:2], "nobody can know which percentile is meant", "add `percentile:`, such as 95")
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 100:
        raise Refused(path, f"{value!r} is no percentile", "write a number from 0 to 100")
    return float(value)


def _in_words(given: str, kind: str, rules: tuple[str, ...]) -> Condition:
    path = ("correlation", "condition")
    if kind not in TEMPORAL:
        raise Refused(path, f"{kind} compares a number", "write a map such as {gte: 10}")
    try:
        expression = postfix(given)
    except ConditionError as error:
        remedy = "names of rules (letters, digits, _) with and, or, not and brackets"
        raise Refused(path, f"the condition is wrong: {error}", remedy) from None
    named = {token for token in expression if token not in OPERATORS}
    for one in sorted(named):
        if one not in rules:
            raise Refused(path, f"the condition names {one!r}, which `rules` does not list", "list it")
    for one in rules:
        if one not in named:
            remedy = "name it, or take it out of `rules`; a rule needs a `name` of letters, digits and _ for that"
            raise Refused(path, f"the condition does not say what {one!r} is for", remedy)
    if kind == ORDERED:
        if set(expression) - named - {"&"}:
            remedy = "use temporal, or list the rules without a condition"
            raise Refused(path, "an order of what is or-ed or negated means nothing", remedy, "unsupported")
        return ((ALL_RULES, float(len(rules))),), (), None, None
    if len(rules) > MOST_RULES:
        raise Refused(path, f"a condition in words names at most {MOST_RULES} rules", "chain correlations")
    return (), expression, None, None


def _own(data: dict[str, Any], rules: tuple[str, ...], expression: tuple[str, ...], timespan: int) -> dict[str, Any]:
    """The map `watchfloor:`, checked against the rest."""
    given = data.get("watchfloor", {})
    if not isinstance(given, dict):
        raise Refused(("watchfloor",), "`watchfloor` is not a map", f"it has: {', '.join(OWN)}")
    for key in given:
        if key not in OWN:
            raise Refused(("watchfloor", key), f"`watchfloor` has no {key!r}", f"it has: {', '.join(OWN)}")
    present, absent = negated(expression) if expression else (frozenset[str](), frozenset[str]())
    anchor = given.get("anchor")
    if anchor is not None and anchor not in rules:
        raise Refused(("watchfloor", "anchor"), f"{anchor!r} is none of the rules", f"one of: {', '.join(rules)}")
    if absent and anchor is None:
        remedy = "add `watchfloor: {anchor: <the rule whose match is judged>}`"
        raise Refused(("correlation", "condition"), "a condition with `not` has no anchor", remedy)
    if absent and (anchor in absent or anchor not in present):
        remedy = "the anchor is what happened; what did not happen cannot be judged"
        raise Refused(("watchfloor", "anchor"), f"the anchor {anchor!r} is negated", remedy)
    both = sorted(present & absent)
    if both:
        reason = f"{both[0]!r} is wanted and not wanted"
        raise Refused(("correlation", "condition"), reason, "write two correlations", "unsupported")
    before, after = _window(given, timespan)
    if after and anchor is None:
        raise Refused(("watchfloor", "window"), "a window after the match needs an anchor", "add `anchor:`")
    lateness = given.get("lateness")
    confidence = given.get("min_confidence", 80)
    if isinstance(confidence, bool) or not isinstance(confidence, int) or not 0 <= confidence <= 100:
        raise Refused(("watchfloor", "min_confidence"), f"{confidence!r} is no confidence", "a whole number, 0 to 100")
    return {
        "anchor": anchor,
        "before": before,
        "after": after,
        "lateness": None if lateness is None else duration(lateness, ("watchfloor", "lateness"), zero=True),
        "on_incomplete": _word(given, "on_incomplete", ("indeterminate", "fire", "drop")),
        "emit": _word(given, "emit", ("once", "each", "reset")),
        "suppress": duration(given.get("suppress", "0s"), ("watchfloor", "suppress"), zero=True),
        "min_confidence": confidence,
        "doubt": _doubt(given, rules, anchor),
    }


def _doubt(given: dict[str, Any], rules: tuple[str, ...], anchor: str | None) -> tuple[tuple[str, str], ...]:
    path = ("watchfloor", "doubt")
    doubt = given.get("doubt", {})
    if not isinstance(doubt, dict):
        raise Refused(path, "`doubt` is no map of rules to reasons", "doubt: {rule: common_cause}")
    for rule, reason in doubt.items():
        if rule not in rules or rule == anchor:
            remedy = f"one of: {', '.join(one for one in rules if one != anchor)}"
            raise Refused((*path, rule), f"{rule!r} is none of the rules beside the anchor", remedy)
        if reason not in DOUBTS:
            raise Refused((*path, rule), f"{reason!r} is no reason", f"use one of: {', '.join(DOUBTS)}")
    return tuple(doubt.items())


def _window(given: dict[str, Any], timespan: int) -> tuple[int, int]:
    path = ("watchfloor", "window")
    window = given.get("window", {})
    if not isinstance(window, dict) or set(window) - {"before", "after"}:
        raise Refused(path, "`window` is no map of `before` and `after`", "window: {before: 12h, after: 5m}")
    before = duration(window["before"], (*path, "before"), zero=True) if "before" in window else timespan
    after = duration(window["after"], (*path, "after"), zero=True) if "after" in window else 0
    if before + after != timespan:
        raise Refused(
            path, "before and after are together not the timespan",
            "make `timespan` their sum: other engines know only that, and must not look at less",
        )  # fmt: skip
    return before, after


def _word(given: dict[str, Any], key: str, allowed: tuple[str, ...]) -> str:
    value = given.get(key, allowed[0])
    if value not in allowed:
        raise Refused(("watchfloor", key), f"{value!r} is no {key}", f"use one of: {', '.join(allowed)}")
    return str(value)
