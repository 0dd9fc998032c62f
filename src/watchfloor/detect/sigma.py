"""Sigma documents into rules: pySigma parses values and conditions, this module lowers them to predicates.

Follows the Sigma specification v2.1.0 (rules, modifiers, filters). Where pySigma 2.0.1 is narrower we widen it here,
without touching its tables: `utf16le` (in the specification, unknown to pySigma), UTF-16 of text outside ASCII, and
`startswith`/`endswith` on regular expressions, which anchor. Where the specification is silent the decisions stand in
`decisions/sigma-field-resolution.md`.

Template variables, external sources and processing pipelines of pySigma are never used.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import re2
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
from sigma.modifiers import (
    SigmaBase64Modifier,
    SigmaBase64OffsetModifier,
    SigmaContainsModifier,
    SigmaEndswithModifier,
    SigmaRegularExpressionModifier,
    SigmaStartswithModifier,
    SigmaValueModifier,
    modifier_mapping,
)
from sigma.policy import SigmaPolicy
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

from watchfloor.detect.predicate import (
    Constant,
    Kind,
    Node,
    Predicate,
    Token,
    conjunction,
    disjunction,
    negation,
)
from watchfloor.detect.rule import LEVELS, STATUSES, Filter, Logsource, Problem, ProblemKind, Rule
from watchfloor.documents import Document

__all__ = ["MODIFIERS", "read_document"]

Placeholders = Mapping[str, Sequence[str]]

_MAX_CONDITION = 20_000  # characters
_MAX_MESSAGE = 300  # characters of pySigma's own words; they may quote the rule at length
_MAX_PARENTHESES = 24  # pySigma's condition parser backtracks over every pair
_TECHNIQUE = re.compile(r"attack\.(t\d{4}(?:\.\d{3})?)", re.IGNORECASE)
_ATTACK_OTHER = re.compile(r"attack\.[a-z]\d{4}(?:\.\d{3})?", re.IGNORECASE)
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
    "year": range(1970, 2201),
}


def read_document(document: Document, placeholders: Placeholders | None = None) -> Rule | Filter | Problem:
    """One Sigma document, lowered, or the reason why not. Never raises, whatever the document holds.

    Args:
        placeholders: values for `|expand`; a rule that needs others is a problem of kind `placeholder`.
    """
    label = ""
    try:
        if isinstance(document.data, dict):
            label = str(document.data.get("title") or document.data.get("id") or "")[:_MAX_MESSAGE]
        return _read(document, placeholders or {})
    except _Refused as error:
        return Problem(document.file, document.line(*error.path), label, error.reason, error.remedy, error.kind)
    except SigmaError as error:
        return Problem(document.file, document.first_line, label, _message(error), _remedy(error), "error")
    except RecursionError:
        reason = "the rule is nested too deeply"
        return Problem(document.file, document.first_line, label, reason, "simplify its condition", "error")
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        reason = f"the rule cannot be understood: {error or type(error).__name__}"
        return Problem(
            document.file, document.first_line, label, reason, "compare it with the Sigma specification", "error"
        )


class _Refused(Exception):
    """Why a document is not loaded, and at which path inside it."""

    def __init__(self, path: tuple[str | int, ...], reason: str, remedy: str, kind: ProblemKind = "error") -> None:
        super().__init__(reason)
        self.path, self.reason, self.remedy, self.kind = path, reason, remedy, kind


def _message(error: SigmaError) -> str:
    text = str(error.args[0] if error.args else error).rstrip(".")
    return text if len(text) <= _MAX_MESSAGE else text[:_MAX_MESSAGE] + "…"


def _remedy(error: SigmaError) -> str:
    if isinstance(error, SigmaModifierError):
        return f"use modifiers of the Sigma specification: {' '.join(sorted(MODIFIERS))}"
    if isinstance(error, SigmaRegularExpressionError):
        return "rewrite it without look-around, back references and huge repetitions (RE2 syntax)"
    if isinstance(error, SigmaTypeError):
        return "give the value a type that the modifiers before it produce (text, number, true/false)"
    if isinstance(error, SigmaConditionError):
        return "use the names of the selections with and, or, not, `1 of x*`, `all of them` and parentheses"
    return "see the Sigma specification on this part of a rule"


# ------------------------------------------------------------------------------------------------ documents


def _read(document: Document, placeholders: Placeholders) -> Rule | Filter:
    data = document.data
    if not isinstance(data, dict):
        raise _Refused((), "the document is not a map", "a Sigma rule begins with `title:`")
    if "correlation" in data:
        reason = "not evaluated yet: correlation"
        raise _Refused(("correlation",), reason, "the rules it refers to are evaluated on their own", "correlation")
    if "action" in data:
        reason = "`action:` documents belong to Sigma 1 and mean nothing since Sigma 2"
        raise _Refused(("action",), reason, "write each rule out whole", "unsupported")
    if "filter" in data:
        return _read_filter(document, placeholders)
    if "detection" not in data:
        what = "has no `detection`" if "title" in data or "logsource" in data else "is no Sigma document"
        raise _Refused((), f"the document {what}", "add `detection:` with selections and a condition")
    title = data.get("title")
    if not isinstance(title, str) or not title:
        raise _Refused(("title",), "the rule has no title", "add `title:`")
    logsource = _logsource(data)
    condition = _Lowering(placeholders).detections(data["detection"], "detection")
    if isinstance(condition, Constant):
        truth = "always" if condition.value else "never"
        raise _Refused(("detection", "condition"), f"the condition is {truth} true", "check its selections")
    tags = _texts(data, "tags")
    techniques = tuple(dict.fromkeys(m[1].upper() for m in map(_TECHNIQUE.fullmatch, tags) if m))
    tactics = tuple(
        dict.fromkeys(
            tag[7:].lower().replace("_", "-")
            for tag in tags
            if tag.lower().startswith("attack.") and not _ATTACK_OTHER.fullmatch(tag)
        )
    )
    return Rule(
        id=_id(data),
        title=title,
        level=_one_of(data, "level", LEVELS) or "medium",
        status=_one_of(data, "status", STATUSES),
        logsource=logsource,
        condition=condition,
        file=document.file,
        line=document.line(),
        name=_text(data, "name"),
        description=_text(data, "description"),
        author=_text(data, "author"),
        tags=tags,
        techniques=techniques,
        tactics=tactics,
        references=_texts(data, "references"),
        falsepositives=_texts(data, "falsepositives"),
        taxonomy=_text(data, "taxonomy") or "sigma",
    )


def _read_filter(document: Document, placeholders: Placeholders) -> Filter:
    data = document.data
    body = data["filter"]
    if not isinstance(body, dict):
        raise _Refused(("filter",), "`filter` is not a map", "give it `rules`, selections and a condition")
    rules = body.get("rules")
    if isinstance(rules, str):
        rules = None if rules.lower() == "any" else [rules]
    elif rules is None or not isinstance(rules, list) or not all(isinstance(rule, str) for rule in rules):
        raise _Refused(("filter", "rules"), "the filter does not say for which rules", "list their ids, or write `any`")
    selections = {name: value for name, value in body.items() if name != "rules"}
    return Filter(
        id=_id(data),
        title=_text(data, "title") or "",
        logsource=_logsource(data),
        rules=None if not rules else tuple(rules),
        condition=_Lowering(placeholders).detections(selections, "filter"),
        file=document.file,
        line=document.line(),
    )


def _logsource(data: dict[str, Any]) -> Logsource:
    given = data.get("logsource")
    if not isinstance(given, dict):
        raise _Refused(("logsource",), "the rule has no `logsource` map", "say product, category or service")
    parts: dict[str, str] = {}
    for name in ("product", "category", "service"):
        value = given.get(name)
        if value is None:
            continue
        if not isinstance(value, str) or not value:
            raise _Refused(("logsource", name), f"{name} of the log source is not text", "write it as text")
        parts[name] = value.lower()
    if not parts:
        raise _Refused(("logsource",), "the log source is empty", "say product, category or service")
    return Logsource(**parts)


def _id(data: dict[str, Any]) -> str:
    """The rule's own id, or one that its content decides."""
    given = data.get("id")
    if given is None or given == "":
        content = json.dumps([data.get(key) for key in ("title", "logsource", "detection", "filter")], default=str)
        return str(uuid.uuid5(uuid.NAMESPACE_URL, "sigma:" + hashlib.sha256(content.encode()).hexdigest()))
    if not isinstance(given, str):
        raise _Refused(("id",), "the id is not text", "use a UUID")
    return given.strip().lower()


def _text(data: dict[str, Any], key: str) -> str | None:
    value = data.get(key)
    return None if value is None else str(value)


def _texts(data: dict[str, Any], key: str) -> tuple[str, ...]:
    value = data.get(key)
    if value is None:
        return ()
    return tuple(str(item) for item in value if item is not None) if isinstance(value, list) else (str(value),)


def _one_of(data: dict[str, Any], key: str, allowed: tuple[str, ...]) -> str | None:
    value = data.get(key)
    if value is None:
        return None
    if not isinstance(value, str) or value.lower() not in allowed:
        raise _Refused((key,), f"{value!r} is no {key}", f"use one of: {', '.join(allowed)}")
    return value.lower()


# ------------------------------------------------------------------------- what pySigma lacks, as modifiers of ours


class _QuietRe2:
    """RE2 for pySigma's checks: says nothing on the console and compiles a pattern once."""

    error = re2.error

    def __init__(self) -> None:
        self.options = re2.Options()
        self.options.log_errors = False
        self.options.max_mem = 8 << 20

    def compile(self, pattern: str, flags: int = 0) -> Any:
        prefix = "".join(name for flag, name in ((re.I, "i"), (re.M, "m"), (re.S, "s")) if flags & flag)
        try:
            return re2.compile(f"(?{prefix}){pattern}" if prefix else pattern, self.options)
        except re2.error as error:
            reason = error.args[0] if error.args else error
            raise re2.error(reason.decode("utf-8", "replace") if isinstance(reason, bytes) else reason) from None


class _Utf16(SigmaValueModifier):  # type: ignore[misc]
    """Text as its UTF-16 bytes, each byte one character, so that `base64` after it sees exactly these bytes."""

    codec = "utf-16-le"
    mark = ""

    def modify(self, val: SigmaString) -> SigmaString:
        parts = [part.encode(self.codec).decode("latin-1") if isinstance(part, str) else part for part in val.s]
        made = SigmaString()
        made.s = [self.mark, *parts] if self.mark else parts
        return made._merge_strs()


class _Utf16Be(_Utf16):
    codec = "utf-16-be"


class _Utf16Marked(_Utf16):
    mark = "\xff\xfe"


def _payload(modifier: Any, val: SigmaString) -> bytes:
    """The bytes a base64 modifier encodes."""
    if val.contains_special():
        raise _NotInBase64("a value with wildcards cannot be encoded in base64")
    text = "".join(part for part in val.s if isinstance(part, str))
    wide = any(isinstance(applied, type) and issubclass(applied, _Utf16) for applied in modifier.applied_modifiers)
    return text.encode("latin-1" if wide else "utf-8")


class _NotInBase64(SigmaTypeError):  # type: ignore[misc]
    pass


def _plain(text: str) -> SigmaString:
    """Text without wildcards, whatever characters it has."""
    made = SigmaString()
    made.s = [text] if text else []
    return made


class _Base64(SigmaBase64Modifier):  # type: ignore[misc]
    def modify(self, val: SigmaString) -> SigmaString:
        return _plain(b64encode(_payload(self, val)).decode())


class _Base64Offset(SigmaBase64OffsetModifier):  # type: ignore[misc]
    def modify(self, val: SigmaString) -> SigmaExpansion:
        data = _payload(self, val)
        return SigmaExpansion(
            [
                _plain(
                    b64encode(shift * b" " + data)[
                        self.start_offsets[shift] : self.end_offsets[(len(data) + shift) % 3]
                    ].decode()
                )
                for shift in range(3)
            ]
        )


def _anchored(val: SigmaRegularExpression, before: str, after: str) -> SigmaRegularExpression:
    val.regexp = SigmaString(f"{before}(?:{val.regexp}){after}", escape=False)
    val.compile()
    return val


class _Contains(SigmaContainsModifier):  # type: ignore[misc]
    """A regular expression is searched anyway."""

    def modify(
        self, val: SigmaString | SigmaRegularExpression | SigmaFieldReference
    ) -> SigmaString | SigmaRegularExpression | SigmaFieldReference:
        return val if isinstance(val, SigmaRegularExpression) else super().modify(val)


class _Startswith(SigmaStartswithModifier):  # type: ignore[misc]
    def modify(
        self, val: SigmaString | SigmaRegularExpression | SigmaFieldReference
    ) -> SigmaString | SigmaRegularExpression | SigmaFieldReference:
        return _anchored(val, r"\A", "") if isinstance(val, SigmaRegularExpression) else super().modify(val)


class _Endswith(SigmaEndswithModifier):  # type: ignore[misc]
    def modify(
        self, val: SigmaString | SigmaRegularExpression | SigmaFieldReference
    ) -> SigmaString | SigmaRegularExpression | SigmaFieldReference:
        return _anchored(val, "", r"\z") if isinstance(val, SigmaRegularExpression) else super().modify(val)


# Every modifier of the specification v2.1.0 and pySigma's additional names.
MODIFIERS: Mapping[str, Any] = {
    **modifier_mapping,
    "base64": _Base64,
    "base64offset": _Base64Offset,
    "contains": _Contains,
    "startswith": _Startswith,
    "endswith": _Endswith,
    "wide": _Utf16,
    "utf16le": _Utf16,
    "utf16be": _Utf16Be,
    "utf16": _Utf16Marked,
}

_POLICY = SigmaPolicy(regex_engine=_QuietRe2())


# ------------------------------------------------------------------------------------------------ detections


class _Lowering:
    """One document's detections into one node."""

    def __init__(self, placeholders: Placeholders) -> None:
        self.placeholders = placeholders

    def detections(self, body: Any, top: str) -> Node:
        if not isinstance(body, dict):
            raise _Refused((top,), f"`{top}` is not a map", "give it selections and a condition")
        conditions = body.get("condition")
        if conditions is None or conditions == []:
            raise _Refused((top,), "the rule has no condition", "add `condition:` naming the selections")
        if not isinstance(conditions, list):
            conditions = [conditions]
        selections: dict[str, SigmaDetection] = {}
        for name, value in body.items():
            # `timeframe` served the aggregations of Sigma 1; with a plain condition it says nothing.
            if name != "condition" and not (name == "timeframe" and isinstance(value, str)):
                selections[name] = self._selection(value, (top, name))
        if not selections:
            raise _Refused((top,), "the rule has no selection", "add one and name it in the condition")
        nodes = []
        for text in conditions:
            self._check_condition(text, top)
        try:
            for condition in SigmaDetections(selections, conditions, policy=_POLICY).parsed_condition:
                nodes.append(self.lower(condition.parsed))
        except SigmaConditionError as error:
            raise _Refused((top, "condition"), f"the condition is wrong: {_message(error)}", _remedy(error)) from None
        return disjunction(nodes)

    @staticmethod
    def _check_condition(text: Any, top: str) -> None:
        path = (top, "condition")
        if not isinstance(text, str) or not text.strip():
            raise _Refused(path, "the condition is not text", "name the selections, e.g. `selection and not filter`")
        if "|" in text:
            reason = "the condition uses the aggregation syntax `|` of Sigma 1"
            raise _Refused(path, reason, "write a Sigma correlation instead", "unsupported")
        depth = deepest = 0
        for character in text:
            depth += (character == "(") - (character == ")")
            deepest = max(deepest, depth)
        if len(text) > _MAX_CONDITION or deepest > _MAX_PARENTHESES:
            reason = (
                f"the condition is longer than {_MAX_CONDITION} characters or nested deeper than {_MAX_PARENTHESES}"
            )
            raise _Refused(path, reason, "give parts of it names of their own")

    def _selection(self, value: Any, path: tuple[str | int, ...]) -> SigmaDetection:
        """Mirrors `SigmaDetection.from_definition`, with places for errors and our modifiers."""
        if isinstance(value, dict):
            if not value:
                raise _Refused(path, "the selection is empty", "give it a field and a value")
            return SigmaDetection([self._item(key, part, (*path, key)) for key, part in value.items()])
        if isinstance(value, list):
            if not value:
                raise _Refused(path, "the selection is empty", "give it a field and a value")
            if all(isinstance(part, _SIMPLE) for part in value):
                return SigmaDetection([self._item(None, value, path)])
            return SigmaDetection([self._selection(part, (*path, i)) for i, part in enumerate(value)])
        return SigmaDetection([self._item(None, value, path)])

    def _item(self, key: str | None, value: Any, path: tuple[str | int, ...]) -> SigmaDetectionItem:
        field, *names = key.split("|") if key is not None else [""]
        unknown = [name for name in names if name not in MODIFIERS]
        if unknown:
            remedy = f"use modifiers of the Sigma specification: {' '.join(sorted(MODIFIERS))}"
            raise _Refused(path, f"unknown modifier {unknown[0]!r}", remedy)
        modifiers = [MODIFIERS[name] for name in names]
        values = value if isinstance(value, list) else [value]
        if not values:
            raise _Refused(path, "the list of values is empty", "give it a value, or write null for a missing field")
        if not all(isinstance(part, _SIMPLE) for part in values):
            raise _Refused(path, "a value is itself a list or a map", "a field has one value or a flat list of them")
        if SigmaRegularExpressionModifier in modifiers:
            typed = [SigmaString.from_str(str(part)) for part in values]
        else:
            typed = [sigma_type(part) for part in values]
        try:
            item = SigmaDetectionItem(field or None, modifiers, typed, policy=_POLICY)
            if not field:
                for part in item.value:
                    self._check_keyword(part, path)
            for part in item.value:
                self._check_placeholders(part, path)
        except SigmaError as error:
            where = "" if key is None else f"{key!r}: "
            raise _Refused(path, where + _message(error), _remedy(error)) from None
        return item

    def _check_keyword(self, value: Any, path: tuple[str | int, ...]) -> None:
        if isinstance(value, SigmaExpansion):
            for part in value.values:
                self._check_keyword(part, path)
        elif not isinstance(value, SigmaString | SigmaNumber | SigmaBool | SigmaRegularExpression) or isinstance(
            value, SigmaTimestampPart
        ):
            raise _Refused(path, "this comparison needs a field, not a keyword", "name the field before the modifier")
        elif isinstance(value, SigmaString) and all(part is SpecialChars.WILDCARD_MULTI for part in value.s):
            raise _Refused(path, "an empty keyword is found in everything", "give the keyword some text")

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
                raise _Refused(path, reason, f"give the estate a list named {part.name!r}", "placeholder")

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
        raise _Refused((), f"pySigma's {type(condition).__name__} is unknown here", "report this rule to us")

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
        raise _Refused((), f"pySigma's {type(value).__name__} is unknown here", "report this rule to us")

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
        Predicate(field, Kind.TIMEPART, (part, number)) for number in _TIME_RANGE[part] if holds(number, value.number)
    )
