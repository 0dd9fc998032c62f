"""What a comparison means on one text: the single definition that folding, verifying and explaining share.

Sigma specification v2.1.0, appendix modifiers. Texts compare without regard to case (`str.lower` on both sides) unless
the comparison is cased; regular expressions are RE2 (linear time, an attacker chooses the text) and are searched.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

import re2

from watchfloor.detect.predicate import Kind, Predicate, Token, Value
from watchfloor.errors import RuleError

__all__ = ["Comparison", "comparison", "describe", "holds", "tester"]

TEXT_KINDS = (Kind.EQUALS, Kind.CONTAINS, Kind.STARTSWITH, Kind.ENDSWITH)
NUMBER = re.compile(r"\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\s*", re.ASCII)
"""What counts as a number in a text: decimal, as JSON and vendors write it; no `nan`, no `inf`, no `1_000`."""

MAPPED = b"\0" * 10 + b"\xff\xff"
"""RFC 4291 2.5.5.2: an IPv4 address in IPv6 clothes (`::ffff:192.0.2.1`) counts as the IPv4 address it is."""

EPOCH_UNITS = ((10**17, 10**9), (10**14, 10**6), (10**11, 10**3))
"""An integer time from this size on counts in this fraction of a second; smaller ones are seconds."""


class Comparison(NamedTuple):
    """One test of one text, without the field: hashable, and the same for all rules that ask it."""

    kind: Kind
    value: Value
    cased: bool


def comparison(predicate: Predicate) -> Comparison:
    """The comparison a predicate makes, in its plainest form: a test every text passes becomes EXISTS.

    Raises:
        RuleError: a regular expression RE2 does not know, or a network that is none.
    """
    kind, value, cased = predicate.kind, predicate.value, predicate.cased
    if kind is Kind.GLOB:
        return _glob(tuple(value), cased)
    if kind in TEXT_KINDS:
        value = str(value) if cased else str(value).lower()
        if not value and kind is not Kind.EQUALS:
            return Comparison(Kind.EXISTS, None, False)
        return Comparison(kind, value, cased and not _caseless(value))
    if kind is Kind.REGEX:
        pattern, flags = value
        checked(pattern, flags)
        return Comparison(kind, (pattern, "".join(sorted(set(flags)))), True)
    if kind is Kind.CIDR:
        network(value)
        return Comparison(kind, value, False)
    return Comparison(kind, value, False)


def _glob(parts: tuple[Any, ...], cased: bool) -> Comparison:
    """A GLOB with adjacent parts joined; what `*` alone can say becomes a plain text comparison."""
    merged: list[Any] = []
    for part in parts:
        if isinstance(part, str):
            text = part if cased else part.lower()
            if not text:
                continue
            if merged and isinstance(merged[-1], str):
                merged[-1] += text
                continue
            merged.append(text)
        elif not (part is Token.MANY and merged and merged[-1] is Token.MANY):
            merged.append(part)
    match merged:
        case []:
            return Comparison(Kind.EQUALS, "", False)
        case [Token.MANY]:
            return Comparison(Kind.EXISTS, None, False)
        case [str(text)]:
            kind = Kind.EQUALS
        case [str(text), Token.MANY]:
            kind = Kind.STARTSWITH
        case [Token.MANY, str(text)]:
            kind = Kind.ENDSWITH
        case [Token.MANY, str(text), Token.MANY]:
            kind = Kind.CONTAINS
        case _:
            return Comparison(Kind.GLOB, tuple(merged), cased)
    return Comparison(kind, text, cased and not _caseless(text))


def _caseless(text: str) -> bool:
    """Nothing in it has an upper or a lower case. Only ASCII: some foreign letters become marks when lower-cased."""
    return text.isascii() and text.lower() == text.upper()


def holds(test: Comparison, text: str) -> bool:
    """Does `text` pass?"""
    return tester(test)(text)


@lru_cache(maxsize=65536)
def tester(test: Comparison) -> Callable[[str], bool]:
    """The comparison as a function of the original text."""
    kind, value, cased = test
    match kind:
        case Kind.EXISTS:
            return lambda text: True
        case Kind.EQUALS:
            return (lambda text: text == value) if cased else (lambda text: text.lower() == value)
        case Kind.CONTAINS:
            return (lambda text: value in text) if cased else (lambda text: value in text.lower())
        case Kind.STARTSWITH:
            return (lambda text: text.startswith(value)) if cased else (lambda text: text.lower().startswith(value))
        case Kind.ENDSWITH:
            return (lambda text: text.endswith(value)) if cased else (lambda text: text.lower().endswith(value))
        case Kind.GLOB:
            segments = _segments(value)
            return (lambda text: fits(segments, text)) if cased else (lambda text: fits(segments, text.lower()))
        case Kind.REGEX:
            search = compiled(*value).search
            return lambda text: search(text.encode("utf-8", "replace")) is not None
        case Kind.CIDR:
            low, high = network(value)
            size = len(low)
            return lambda text: (
                (address := packed(text)) is not None and len(address) == size and low <= address <= high
            )
        case Kind.LT:
            return lambda text: (number := numeric(text)) is not None and number < value
        case Kind.LTE:
            return lambda text: (number := numeric(text)) is not None and number <= value
        case Kind.GT:
            return lambda text: (number := numeric(text)) is not None and number > value
        case Kind.GTE:
            return lambda text: (number := numeric(text)) is not None and number >= value
        case Kind.TIMEPART:
            part, wanted = value
            return lambda text: time_part(text, part) == int(wanted)
        case _:
            raise RuleError(f"a {kind.value} comparison does not look at one text")


@lru_cache(maxsize=4096)
def compiled(pattern: str, flags: str) -> Any:
    """As `checked`, kept: for who uses it."""
    return checked(pattern, flags)


def checked(pattern: str, flags: str) -> Any:
    """A regular expression for UTF-8 bytes. Hundreds are checked, and take tens of megabytes if kept; few are used.

    Raises:
        RuleError: RE2 does not know the construct (look-around, back-references).
    """
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    prefix = f"(?{''.join(sorted(set(flags)))})" if flags else ""
    try:
        return re2.compile((prefix + pattern).encode(), options)
    except re2.error as problem:
        reason = problem.args[0].decode(errors="replace") if isinstance(problem.args[0], bytes) else problem.args[0]
        raise RuleError(
            f"regular expression {pattern!r}: {reason}",
            remedy="rules run on RE2 syntax (no look-around, no back-references): rewrite the expression",
        ) from None


def _segments(parts: tuple[Any, ...]) -> tuple[tuple[tuple[str | None, ...], ...], bool, bool]:
    """A GLOB cut at every `*`: the segments (None = one character), and whether either end is open."""
    segments: list[list[str | None]] = [[]]
    for part in parts:
        if part is Token.MANY:
            segments.append([])
        else:
            segments[-1].append(None if part is Token.ONE else part)
    open_start, open_end = parts[0] is Token.MANY, parts[-1] is Token.MANY
    return tuple(tuple(segment) for segment in segments if segment), open_start, open_end


def fits(glob: tuple[tuple[tuple[str | None, ...], ...], bool, bool], text: str) -> bool:
    """Does the whole text fit the GLOB? Leftmost matching of each segment: no backtracking over `*`."""
    segments, open_start, open_end = glob
    position, count = 0, len(segments)
    if not segments:
        return True
    for index, segment in enumerate(segments):
        first, last = index == 0 and not open_start, index == count - 1 and not open_end
        if last:
            start = len(text) - sum(1 if part is None else len(part) for part in segment)
            return start >= position and (not first or start == 0) and _at(segment, text, start) is not None
        if first:
            end = _at(segment, text, 0)
        else:
            end = _from(segment, text, position)
        if end is None:
            return False
        position = end
    return True


def _at(segment: tuple[str | None, ...], text: str, start: int) -> int | None:
    """Where the segment ends if it stands at `start`."""
    for part in segment:
        if part is None:
            start += 1
        elif text.startswith(part, start):
            start += len(part)
        else:
            return None
    return start if start <= len(text) else None


def _from(segment: tuple[str | None, ...], text: str, start: int) -> int | None:
    """Where the leftmost occurrence of the segment from `start` on ends."""
    before = 0
    anchor: str | None = None
    for part in segment:
        if part is not None:
            anchor = part
            break
        before += 1
    if anchor is None:
        return start + before if start + before <= len(text) else None
    found = text.find(anchor, start + before)
    while found >= 0:
        end = _at(segment, text, found - before)
        if end is not None:
            return end
        found = text.find(anchor, found + 1)
    return None


def numeric(text: str) -> float | None:
    """The number a text writes, if it writes one."""
    return float(text) if NUMBER.fullmatch(text) else None


def packed(text: str) -> bytes | None:
    """An address in network order: 4 bytes, 16 bytes, or None when the text is none. Zone ids (`%eth0`) are ignored."""
    if ":" not in text:
        try:
            return socket.inet_pton(socket.AF_INET, text)
        except (OSError, ValueError):
            return None
    try:
        address = socket.inet_pton(socket.AF_INET6, text.partition("%")[0])
    except (OSError, ValueError):
        return None
    return address[12:] if address.startswith(MAPPED) else address


@lru_cache(maxsize=16384)
def network(text: str) -> tuple[bytes, bytes]:
    """First and last address of a network in CIDR notation; bits behind the mask are ignored.

    Raises:
        RuleError: it is none.
    """
    import ipaddress

    try:
        parsed = ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        raise RuleError(f"{text!r} is not a network in CIDR notation", remedy="write it like 192.0.2.0/24") from None
    return parsed.network_address.packed, parsed.broadcast_address.packed


def time_part(text: str, part: str) -> int | None:
    """Minute, hour, day, week (ISO), month or year in UTC of an ISO 8601 time or an epoch number."""
    moment = _moment(text)
    if moment is None:
        return None
    return moment.isocalendar().week if part == "week" else int(getattr(moment, part))


def _moment(text: str) -> datetime | None:
    number = numeric(text)
    try:
        if number is not None:
            for least, unit in EPOCH_UNITS:
                if abs(number) >= least:
                    number /= unit
                    break
            return datetime.fromtimestamp(number, UTC)
        moment = datetime.fromisoformat(text.strip())
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None


def describe(predicate: Predicate) -> str:
    """A predicate as people read it: `Image endswith '\\cmd.exe'`."""
    field = "any text" if predicate.field is None else predicate.field
    kind, value = predicate.kind, predicate.value
    cased = " (cased)" if predicate.cased and kind is not Kind.REGEX else ""
    match kind:
        case Kind.EXISTS:
            return f"{field} exists"
        case Kind.GLOB:
            text = "".join(part.sign if isinstance(part, Token) else part for part in value)
            return f"{field} like {text!r}{cased}"
        case Kind.REGEX:
            return f"{field} matches /{value[0]}/{value[1]}"
        case Kind.FIELDREF:
            return f"{field} {value[1]} field {value[0]}{cased}"
        case Kind.TIMEPART:
            return f"{value[0]} of {field} is {value[1]}"
        case _:
            return f"{field} {kind.value} {value!r}{cased}"
