"""A rule's detections into one tree of predicates: pySigma applies modifiers and parses conditions, we lower them.

Where the specification v2.1.0 is silent the decisions stand in `decisions/sigma-field-resolution.md`. Template
variables, external sources and processing pipelines of pySigma are never used.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionNOT,
    ConditionOR,
    ConditionValueExpression,
)
from sigma.exceptions import (
    SigmaConditionError,
    SigmaError,
    SigmaModifierError,
    SigmaRegularExpressionError,
    SigmaTypeError,
)
from sigma.modifiers import SigmaCaseSensitiveModifier, SigmaRegularExpressionModifier
from sigma.rule import SigmaDetection, SigmaDetectionItem, SigmaDetections
from sigma.types import (
    CompareOperators,
    Placeholder,
    SigmaBool,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExists,
    SigmaExpansion,
    SigmaFieldReference,
    SigmaNull,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaRegularExpressionFlag,
    SigmaString,
    SigmaTimestampPart,
    SpecialChars,
    sigma_type,
)

from watchfloor.detect.modifiers import MODIFIERS, POLICY
from watchfloor.detect.predicate import Kind, Node, Predicate, Token, conjunction, disjunction, negation
from watchfloor.detect.rule import ProblemKind
from watchfloor.detect.unknown import certainly

__all__ = ["Lowering", "Placeholders", "Refused", "message", "number_text", "remedy_for"]

Placeholders = Mapping[str, Sequence[str]]

_MAX_CONDITION = 20_000  # characters
_MAX_MESSAGE = 300  # characters of pySigma's own words; they may quote the rule at length
_MAX_PARENTHESES = 24  # pySigma's condition parser backtracks over every pair
_SIMPLE = (str, int, float, bool, type(None))
_FLAGS = {
    SigmaRegularExpressionFlag.IGNORECASE: "i",
    SigmaRegularExpressionFlag.MULTILINE: "m",
    SigmaRegularExpressionFlag.DOTALL: "s",
}
_COMPARE = {
    CompareOperators.LT: (Kind.LT, lambda value, bound: value < bound),
    CompareOperators.LTE: (Kind.LTE, lambda value, bound: value <= bound),
    CompareOperators.GT: (Kind.GT, lambda value, bound: value > bound),
    CompareOperators.GTE: (Kind.GTE, lambda value, bound: value >= bound),
}
# What a part of a time can be, in UTC; the years of `year|lt` and its like end somewhere sensible.
_TIME_RANGE = {
    "minute": range(60),
    "hour": range(24),
    "day": range(1, 32),
    "week": range(1, 54),
    "month": range(1, 13),
    "year": range(1, 10_000),
}


class Refused(Exception):
    """Why a document is not loaded, and at which path inside it."""

    def __init__(self, path: tuple[str | int, ...], reason: str, remedy: str, kind: ProblemKind = "error") -> None:
        super().__init__(reason)
        self.path, self.reason, self.remedy, self.kind = path, reason, remedy, kind


def message(error: SigmaError) -> str:
    text = str(error.args[0] if error.args else error).rstrip(".")
    return text if len(text) <= _MAX_MESSAGE else text[:_MAX_MESSAGE] + "…"


def remedy_for(error: SigmaError) -> str:
    if isinstance(error, SigmaModifierError):
        return f"use modifiers of the Sigma specification: {' '.join(sorted(MODIFIERS))}"
    if isinstance(error, SigmaRegularExpressionError):
        return "rewrite it without look-around, back references and huge repetitions (RE2 syntax)"
    if isinstance(error, SigmaTypeError):
        return "give the value a type that the modifiers before it produce (text, number, true/false)"
    if isinstance(error, SigmaConditionError):
        return "use the names of the selections with and, or, not, `1 of x*`, `all of them` and parentheses"
    return "see the Sigma specification on this part of a rule"


class Lowering:
    """One document's detections into one node."""

    def __init__(self, placeholders: Placeholders) -> None:
        self.placeholders = placeholders

    def detections(self, body: Any, top: str) -> Node:
        """The condition that is certainly true (`unknown.certainly`)."""
        return certainly(self.written(body, top))

    def written(self, body: Any, top: str) -> Node:
        """The condition as it is written."""
        if not isinstance(body, dict):
            raise Refused((top,), f"`{top}` is not a map", "give it selections and a condition")
        conditions = body.get("condition")
        if conditions is None or conditions == []:
            raise Refused((top,), "the rule has no condition", "add `condition:` naming the selections")
        if not isinstance(conditions, list):
            conditions = [conditions]
        selections: dict[str, SigmaDetection] = {}
        for name, value in body.items():
            # `timeframe` served the aggregations of Sigma 1; with a plain condition it says nothing.
            if name != "condition" and not (name == "timeframe" and isinstance(value, str)):
                selections[name] = self._selection(value, (top, name))
        if not selections:
            raise Refused((top,), "the rule has no selection", "add one and name it in the condition")
        nodes = []
        for text in conditions:
            self._check_condition(text, top)
        try:
            for condition in SigmaDetections(selections, conditions, policy=POLICY).parsed_condition:
                nodes.append(self.lower(condition.parsed))
        except SigmaConditionError as error:
            raise Refused((top, "condition"), f"the condition is wrong: {message(error)}", remedy_for(error)) from None
        return disjunction(nodes)

    @staticmethod
    def _check_condition(text: Any, top: str) -> None:
        path = (top, "condition")
        if not isinstance(text, str) or not text.strip():
            raise Refused(path, "the condition is not text", "name the selections, e.g. `selection and not filter`")
        if "|" in text:
            reason = "the condition uses the aggregation syntax `|` of Sigma 1"
            raise Refused(path, reason, "write a Sigma correlation instead", "unsupported")
        depth = deepest = 0
        for character in text:
            depth += (character == "(") - (character == ")")
            deepest = max(deepest, depth)
        if len(text) > _MAX_CONDITION or deepest > _MAX_PARENTHESES:
            reason = (
                f"the condition is longer than {_MAX_CONDITION} characters or nested deeper than {_MAX_PARENTHESES}"
            )
            raise Refused(path, reason, "give parts of it names of their own")

    def _selection(self, value: Any, path: tuple[str | int, ...]) -> SigmaDetection:
        """Mirrors `SigmaDetection.from_definition`, with places for errors and our modifiers."""
        if isinstance(value, dict):
            if not value:
                raise Refused(path, "the selection is empty", "give it a field and a value")
            return SigmaDetection([self._item(key, part, (*path, key)) for key, part in value.items()])
        if isinstance(value, list):
            if not value:
                raise Refused(path, "the selection is empty", "give it a field and a value")
            if all(isinstance(part, _SIMPLE) for part in value):
                return SigmaDetection([self._item(None, value, path)])
            return SigmaDetection([self._selection(part, (*path, i)) for i, part in enumerate(value)])
        return SigmaDetection([self._item(None, value, path)])

    def _item(self, key: str | None, value: Any, path: tuple[str | int, ...]) -> SigmaDetectionItem:
        field, *names = key.split("|") if key is not None else [""]
        unknown = [name for name in names if name not in MODIFIERS]
        if unknown:
            remedy = f"use modifiers of the Sigma specification: {' '.join(sorted(MODIFIERS))}"
            raise Refused(path, f"unknown modifier {unknown[0]!r}", remedy)
        modifiers = [MODIFIERS[name] for name in names]
        # last, wherever it stands: other modifiers make new texts, which do not know that case counts
        modifiers.sort(key=lambda modifier: modifier is SigmaCaseSensitiveModifier)
        values = value if isinstance(value, list) else [value]
        if not values:
            raise Refused(path, "the list of values is empty", "give it a value, or write null for a missing field")
        if not all(isinstance(part, _SIMPLE) for part in values):
            raise Refused(path, "a value is itself a list or a map", "a field has one value or a flat list of them")
        if SigmaRegularExpressionModifier in modifiers:
            typed = [SigmaString.from_str(str(part)) for part in values]
        else:
            typed = [sigma_type(part) for part in values]
        try:
            item = SigmaDetectionItem(field or None, modifiers, typed, policy=POLICY)
            if not field:
                for part in item.value:
                    self._check_keyword(part, path)
            for part in item.value:
                self._check_placeholders(part, path)
        except SigmaError as error:
            where = "" if key is None else f"{key!r}: "
            raise Refused(path, where + message(error), remedy_for(error)) from None
        return item

    def _check_keyword(self, value: Any, path: tuple[str | int, ...]) -> None:
        if isinstance(value, SigmaExpansion):
            for part in value.values:
                self._check_keyword(part, path)
        elif not isinstance(value, SigmaString | SigmaNumber | SigmaBool | SigmaRegularExpression) or isinstance(
            value, SigmaTimestampPart
        ):
            raise Refused(path, "this comparison needs a field, not a keyword", "name the field before the modifier")
        elif isinstance(value, SigmaString) and all(part is SpecialChars.WILDCARD_MULTI for part in value.s):
            raise Refused(path, "an empty keyword is found in everything", "give the keyword some text")

    def _check_placeholders(self, value: Any, path: tuple[str | int, ...]) -> None:
        if isinstance(value, SigmaExpansion):
            for part in value.values:
                self._check_placeholders(part, path)
            return
        text = value.regexp if isinstance(value, SigmaRegularExpression) else value
        if not isinstance(text, SigmaString):
            return
        for part in text.s:
            if isinstance(part, Placeholder) and part.name not in self.placeholders:
                reason = f"the placeholder %{part.name}% has no value"
                raise Refused(path, reason, f"give the estate a list named {part.name!r}", "placeholder")

    # -------------------------------------------------------------------------------------- conditions to nodes

    def lower(self, condition: Any) -> Node:
        if isinstance(condition, ConditionFieldEqualsValueExpression):
            return self._value(condition.field, condition.value)
        if isinstance(condition, ConditionOR):
            return disjunction(self.lower(arg) for arg in condition.args)
        if isinstance(condition, ConditionAND):
            return conjunction(self.lower(arg) for arg in condition.args)
        if isinstance(condition, ConditionNOT):
            return negation(self.lower(condition.args[0]))
        if isinstance(condition, ConditionValueExpression):
            return self._value(None, condition.value)
        raise Refused((), f"pySigma's {type(condition).__name__} is unknown here", "report this rule to us")

    def _value(self, field: str | None, value: Any) -> Node:
        if isinstance(value, SigmaString):
            return disjunction(_text_node(field, *parts) for parts in self._spellings(value))
        if isinstance(value, SigmaExpansion):
            return disjunction(self._value(field, part) for part in value.values)
        if isinstance(value, SigmaTimestampPart):
            return _time_node(field, value, lambda number, bound: number == bound)
        if isinstance(value, SigmaNumber):
            return Predicate(field, Kind.EQUALS if field else Kind.CONTAINS, number_text(value.number))
        if isinstance(value, SigmaBool):
            return Predicate(field, Kind.EQUALS if field else Kind.CONTAINS, "true" if value.boolean else "false")
        if isinstance(value, SigmaNull):
            return negation(Predicate(field, Kind.EXISTS, None))
        if isinstance(value, SigmaExists):
            node = Predicate(field, Kind.EXISTS, None)
            return node if value.exists else negation(node)
        if isinstance(value, SigmaRegularExpression):
            flags = "".join(sorted(_FLAGS[flag] for flag in value.flags))
            return disjunction(
                Predicate(field, Kind.REGEX, (pattern, flags), cased="i" not in flags)
                for pattern in self._patterns(value.regexp)
            )
        if isinstance(value, SigmaCIDRExpression):
            return Predicate(field, Kind.CIDR, str(value.network))
        if isinstance(value, SigmaCompareExpression):
            return _comparison(field, value)
        if isinstance(value, SigmaFieldReference):
            mode = {(False, False): "equals", (True, False): "startswith", (False, True): "endswith"}.get(
                (value.starts_with, value.ends_with), "contains"
            )
            return Predicate(field, Kind.FIELDREF, (value.field, mode))
        raise Refused((), f"pySigma's {type(value).__name__} is unknown here", "report this rule to us")

    def _spellings(self, value: SigmaString) -> Iterator[tuple[list[Any], bool]]:
        """The parts of a text for each combination of placeholder values, and whether case counts."""
        cased = isinstance(value, SigmaCasedString)
        if not value.contains_placeholder():
            yield value.s, cased
            return
        plain = SigmaString()
        plain.s = value.s
        for text in plain.replace_placeholders(lambda p: map(SigmaString, self.placeholders[p.name])):
            yield text.s, cased

    def _patterns(self, regexp: SigmaString) -> Iterator[str]:
        if not regexp.contains_placeholder():
            yield str(regexp)
            return
        for text in regexp.replace_placeholders(
            lambda p: (SigmaString(re.escape(value), escape=False) for value in self.placeholders[p.name])
        ):
            yield str(text)


def number_text(number: int | float) -> str:
    """The decimal text a number in a rule is compared with: 4624 -> "4624", 1.5 -> "1.5"."""
    return str(number) if isinstance(number, int) else repr(number)


def _text_node(field: str | None, parts: Sequence[Any], cased: bool) -> Node:
    """The cheapest predicate that says what a text with wildcards says."""
    made: list[str | Token] = []
    if field is None:
        made.append(Token.MANY)  # a keyword is looked for inside the record's text
    for part in parts:
        if isinstance(part, str):
            if not part:
                continue
            text = part if cased else part.lower()
            if made and isinstance(made[-1], str):
                made[-1] += text
            else:
                made.append(text)
        elif part is SpecialChars.WILDCARD_SINGLE:
            # "*?" and "?*" are one and the same: write the counted one first.
            made.insert(len(made) - 1 if made and made[-1] is Token.MANY else len(made), Token.ONE)
        elif not made or made[-1] is not Token.MANY:
            made.append(Token.MANY)
    if field is None and made[-1] is not Token.MANY:
        made.append(Token.MANY)
    match made:
        case []:
            return Predicate(field, Kind.EQUALS, "", cased)
        case [Token.MANY]:
            return Predicate(field, Kind.EXISTS, None)
        case [str() as text]:
            return Predicate(field, Kind.EQUALS, text, cased)
        case [Token.MANY, str() as text]:
            return Predicate(field, Kind.ENDSWITH, text, cased)
        case [str() as text, Token.MANY]:
            return Predicate(field, Kind.STARTSWITH, text, cased)
        case [Token.MANY, str() as text, Token.MANY]:
            return Predicate(field, Kind.CONTAINS, text, cased)
    return Predicate(field, Kind.GLOB, tuple(made), cased)


def _comparison(field: str | None, value: SigmaCompareExpression) -> Node:
    if value.op not in _COMPARE:  # NEQ: pySigma 2 says `neq` by negating the item instead
        return negation(Predicate(field, Kind.EQUALS, number_text(value.number.number)))
    kind, holds = _COMPARE[value.op]
    if isinstance(value.number, SigmaTimestampPart):
        return _time_node(field, value.number, holds)
    return Predicate(field, kind, float(value.number.number))


def _time_node(field: str | None, value: SigmaTimestampPart, holds: Any) -> Node:
    """A part of a time compared with a number: one predicate for each number that will do."""
    part = value.timestamp_part.name.lower()
    return disjunction(
        Predicate(field, Kind.TIMEPART, (part, str(number)))
        for number in _TIME_RANGE[part]
        if holds(number, value.number)
    )
