"""The plainest possible meaning of a lowered rule: slow, obvious, and the judge of every faster way.

`evaluate(node, event)` with an event as a map from Sigma field name to its values as text. No value, no key, an empty
list: the field is missing. Nothing here shares code with the engine.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

import re2

from watchfloor.detect.predicate import And, Constant, Kind, Node, Not, Or, Predicate, Token

Event = Mapping[str, Sequence[str]]


def evaluate(node: Node, event: Event) -> bool:
    """Whether the rule's condition holds for the event."""
    if isinstance(node, And):
        return all(evaluate(arg, event) for arg in node.args)
    if isinstance(node, Or):
        return any(evaluate(arg, event) for arg in node.args)
    if isinstance(node, Not):
        return not evaluate(node.arg, event)
    if isinstance(node, Constant):
        return node.value
    return _predicate(node, event)


def _predicate(predicate: Predicate, event: Event) -> bool:
    if predicate.field is None:
        values = [text for texts in event.values() for text in texts]
    else:
        values = list(event.get(predicate.field, ()))
    if predicate.kind is Kind.FIELDREF:
        other, mode = predicate.value
        return any(_refers(value, mode, text) for value in values for text in event.get(other, ()))
    return any(_holds(predicate, value) for value in values)


def _refers(value: str, mode: str, text: str) -> bool:
    value, text = value.lower(), text.lower()
    return {
        "equals": value == text,
        "contains": text in value,
        "startswith": value.startswith(text),
        "endswith": value.endswith(text),
    }[mode]


def _holds(predicate: Predicate, value: str) -> bool:
    kind, constant = predicate.kind, predicate.value
    text = value if predicate.cased else value.lower()
    if kind is Kind.EXISTS:
        return True
    if kind is Kind.EQUALS:
        return bool(text == constant)
    if kind is Kind.CONTAINS:
        return str(constant) in text
    if kind is Kind.STARTSWITH:
        return text.startswith(constant)
    if kind is Kind.ENDSWITH:
        return text.endswith(constant)
    if kind is Kind.GLOB:
        return _glob(constant).fullmatch(text) is not None
    if kind is Kind.REGEX:
        return _regex(*constant).search(value) is not None
    if kind is Kind.CIDR:
        return _in_network(value, constant)
    if kind is Kind.TIMEPART:
        part, number = constant
        return bool(_time_part(value, part) == int(number))
    number = _number(value)
    if number is None:
        return False
    return bool(
        {
            Kind.LT: number < constant,
            Kind.LTE: number <= constant,
            Kind.GT: number > constant,
            Kind.GTE: number >= constant,
        }[kind]
    )


@cache
def _glob(parts: tuple[Any, ...]) -> re.Pattern[str]:
    pieces = [".*" if part is Token.MANY else "." if part is Token.ONE else re.escape(part) for part in parts]
    return re.compile("".join(pieces), re.DOTALL)


@cache
def _regex(pattern: str, flags: str) -> Any:
    return re2.compile(f"(?{flags}){pattern}" if flags else pattern)


def _in_network(value: str, network: str) -> bool:
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    wanted = ipaddress.ip_network(network)
    return (mapped or address) in wanted if (mapped or address).version == wanted.version else False


def _number(value: str) -> float | None:
    if not re.fullmatch(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", value, re.ASCII):
        return None
    return float(value)


def _time_part(value: str, part: str) -> int | None:
    try:
        number = _number(value)
        if number is not None:
            seconds = number / next((unit for size, unit in _UNITS if abs(number) >= size), 1)
            when = datetime.fromtimestamp(seconds, UTC)
        else:
            when = datetime.fromisoformat(value.strip())
            when = (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return when.isocalendar().week if part == "week" else int(getattr(when, part))


_UNITS = ((10**17, 10**9), (10**14, 10**6), (10**11, 10**3))  # ns, us, ms; smaller numbers are seconds
