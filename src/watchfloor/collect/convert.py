"""Converters: from the text a vendor writes to the value OCSF asks for. Each takes a column and gives a column.

They run once per distinct value, vectorised where the values are many (times). A value that cannot be converted
becomes missing; the mapping that needs the original text besides uses `Record.read`.
"""

from __future__ import annotations

import ipaddress
import ntpath
import posixpath
import re
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from watchfloor.ocsf.column import Column, one_type

__all__ = [
    "basename",
    "boolean",
    "domain_of",
    "filetime",
    "integer",
    "ip",
    "iso",
    "json",
    "local",
    "lower",
    "matching",
    "number",
    "parent_folder",
    "prefixed",
    "real",
    "times",
    "to",
    "unix_ms",
    "unix_ns",
    "unix_s",
    "unix_us",
    "user_of",
    "without",
    "yearless",
]

FILETIME_EPOCH_MS = 11_644_473_600_000
"""Milliseconds from 1601-01-01 to 1970-01-01 (Windows FILETIME)."""

DAY_MS = 86_400_000

NOTHING = ("", "-", "--", "N/A", "n/a", "(null)", "null", "none", "None", "NULL")
"""What vendors write where there is nothing."""

_ISO = re.compile(
    r"\s*(\d{4})[-/](\d{2})[-/](\d{2})(?:[T ]\s?(\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?"
    r"\s*(Z|UTC|GMT|[+-]\d{2}:?\d{2}|[+-]\d{2})?\s*$"
)


def iso(column: Column) -> Column:
    """ISO 8601 / RFC 3339 text to epoch milliseconds; without an offset it is read as UTC."""
    return column.later(lambda texts: texts.apply(_iso_array), pa.int64())


def _iso_array(values: pa.Array) -> pa.Array:
    if not pa.types.is_string(values.type):
        return pa.nulls(len(values), pa.int64())
    try:  # fast path: the whole array in one call (2026-01-31T10:00:00.123456Z and its kin)
        bare = pc.replace_substring(pc.utf8_trim(values, " "), "T", " ", max_replacements=1)
        bare = pc.if_else(pc.ends_with(bare, "Z"), pc.utf8_slice_codeunits(bare, 0, -1), bare)
        moments = pc.cast(pc.cast(bare, pa.timestamp("ns")), pa.int64())
        return pa.array(moments.to_numpy(zero_copy_only=False) // 1_000_000)
    except pa.ArrowInvalid:
        return pa.array([_iso_ms(value) for value in values.to_pylist()], pa.int64())


def _iso_ms(text: str) -> int | None:
    match = _ISO.match(text)
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    leap = second == "60"
    try:
        moment = datetime(
            int(year),
            int(month),
            int(day),
            int(hour or 0),
            int(minute or 0),
            59 if leap else int(second or 0),
            tzinfo=UTC,
        )
    except ValueError:
        return None
    ms = int((moment - _EPOCH).total_seconds()) * 1000 + (1000 if leap else 0)
    ms += int((fraction or "0").ljust(9, "0")[:3])
    if zone and zone[0] in "+-":
        digits = zone[1:].replace(":", "")
        offset = (int(digits[:2]) * 60 + int(digits[2:] or 0)) * 60_000
        ms -= offset if zone[0] == "+" else -offset
    return ms


def local(zone: str, *, end: bool = False) -> Callable[[Column], Column]:
    """ISO 8601 to epoch milliseconds; without an offset it is local time of an IANA zone.

    A plain day means midnight at its beginning, or with `end` at its end: a day with a change of the clock is as long
    as it is.
    """
    place = ZoneInfo(zone)

    def moment(text: str) -> int | None:
        found, ms = _ISO.match(text), _iso_ms(text)
        if ms is None or found is None or found[8]:
            return ms
        whole_day = found[4] is None
        wall = _EPOCH.replace(tzinfo=None) + timedelta(milliseconds=ms, days=1 if end and whole_day else 0)
        return int((wall.replace(tzinfo=place).astimezone(UTC) - _EPOCH) // timedelta(milliseconds=1))

    return lambda column: column.map(moment, pa.int64())


_YEARLESS = re.compile(r"\s*\*?([A-Za-z]{3})\s+(\d{1,2})\s+(\d{2}):(\d{2}):(\d{2})(?:[.,](\d{1,9}))?")
_MONTHS = {name: number for number, name in enumerate(
    ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1)}  # fmt: skip
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _scaled(column: Column, per_ms: float) -> Column:
    """Numbers as text, times `per_ms`, to whole milliseconds."""

    def convert(values: pa.Array) -> pa.Array:
        if pa.types.is_string(values.type):
            return pa.array([_to_ms(value, per_ms) for value in values.to_pylist()], pa.int64())
        return pc.cast(pc.floor(pc.multiply(pc.cast(values, pa.float64()), per_ms)), pa.int64())

    return column.apply(convert)


def _to_ms(text: str, per_ms: float) -> int | None:
    whole, _, fraction = text.strip().partition(".")
    try:
        if per_ms >= 1:  # seconds or milliseconds: exact, without passing through a float
            digits = {1000: 3, 1: 0}.get(int(per_ms), 0)
            sign = -1 if whole.startswith("-") else 1
            ms = int(whole) * int(per_ms)
            if digits and fraction:
                ms += sign * int(fraction.ljust(digits, "0")[:digits])
        else:
            ms = int(whole) // round(1 / per_ms)
    except ValueError:
        try:
            ms = int(float(text) * per_ms)
        except (ValueError, OverflowError):
            return None
    return ms if -(2**63) <= ms < 2**63 else None


def unix_s(column: Column) -> Column:
    """Seconds since 1970, fraction allowed, to epoch milliseconds."""
    return _scaled(column, 1000)


def unix_ms(column: Column) -> Column:
    """Milliseconds since 1970."""
    return _scaled(column, 1)


def unix_us(column: Column) -> Column:
    """Microseconds since 1970 to epoch milliseconds."""
    return _scaled(column, 0.001)


def unix_ns(column: Column) -> Column:
    """Nanoseconds since 1970 to epoch milliseconds."""
    return _scaled(column, 0.000001)


def filetime(column: Column) -> Column:
    """Windows FILETIME (100 ns since 1601, decimal or 0x hexadecimal) to epoch milliseconds."""
    return column.integer().map(lambda ticks: ticks // 10_000 - FILETIME_EPOCH_MS, pa.int64())


def times(*formats: str, year: int | None = None, zone: str = "UTC") -> Callable[[Column], Column]:
    """Text in one of several `strptime` formats to epoch milliseconds.

    Args:
        formats: tried in this order.
        year: fills in one that the text lacks.
        zone: IANA name; times are local to it, unless the text says its offset (%z).
    """
    place = ZoneInfo(zone)

    def one(text: str) -> int | None:
        for pattern in formats:
            try:
                moment = datetime.strptime(text if year is None else f"{year} {text}", pattern)
            except ValueError:
                continue
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=place)
            return round((moment.astimezone(UTC) - _EPOCH).total_seconds() * 1000)
        return None

    return lambda column: column.map(one, pa.int64())


def yearless(received: Column) -> Callable[[Column], Column]:
    """RFC 3164 time (`Feb 17 13:40:03`, fraction allowed), read as UTC, to epoch milliseconds.

    The year is the latest that puts the record no more than a day after it was received: a log of December that
    arrives in January belongs to the year before.
    """

    def one(text: str | None, now: int | None) -> int | None:
        match = _YEARLESS.match(text or "")
        if match is None or now is None:
            return None
        month, day, hour, minute, second, fraction = match.groups()
        year = (_EPOCH + timedelta(milliseconds=now)).year
        for candidate in (year + 1, year, year - 1, year - 2, year - 3, year - 4):  # 29 February asks for a leap year
            try:
                moment = datetime(
                    candidate,
                    _MONTHS[month.lower()],
                    int(day),
                    int(hour),
                    int(minute),
                    min(int(second), 59),
                    tzinfo=UTC,
                )
            except (ValueError, KeyError):
                continue
            ms = int((moment - _EPOCH).total_seconds()) * 1000 + int((fraction or "0").ljust(3, "0")[:3])
            if ms <= now + DAY_MS:
                return ms
        return None

    # One day is fine enough to choose a year, and keeps the distinct pairs few.
    coarse = received.map(lambda ms: ms // DAY_MS * DAY_MS, pa.int64()).distinct()
    return lambda column: column.zip(coarse, one, pa.int64())


def integer(column: Column) -> Column:
    """Decimal or 0x-hexadecimal text to int64."""
    return column.integer()


def number(column: Column) -> Column:
    """Text to double."""

    def one(value: Any) -> float | None:
        try:
            result = float(value)
        except (ValueError, TypeError):
            return None
        return result if np.isfinite(result) else None

    return column.later(lambda values: values.map(one, pa.float64()), pa.float64())


def boolean(column: Column) -> Column:
    """true/false, yes/no, 1/0, T/F in any case to bool."""
    table = {"true": True, "yes": True, "1": True, "t": True, "y": True}
    table |= {"false": False, "no": False, "0": False, "f": False, "n": False}
    return column.later(lambda values: values.map(lambda value: table.get(str(value).lower()), pa.bool_()), pa.bool_())


def lower(column: Column) -> Column:
    """Lower case."""
    return column.map(str.lower, pa.string())


def real(column: Column) -> Column:
    """Drop what a vendor writes for "nothing" (`-`, `N/A`, empty ...)."""
    return column.without(*NOTHING)


def without(*noise: str) -> Callable[[Column], Column]:
    """Drop these values."""
    return lambda column: column.without(*noise)


def to(table: Mapping[Any, Any], default: Any = None) -> Callable[[Column], Column]:
    """Look the value up; what the table does not hold becomes `default`. Text is tried as written, then lower-cased."""

    def one(value: Any) -> Any:
        if value in table:
            return table[value]
        return table.get(value.lower(), default) if isinstance(value, str) else default

    type_ = one_type([*table.values(), default])
    if type_ is None or pa.types.is_null(type_):
        return lambda column: column.map(one)
    return lambda column: column.later(lambda values: values.map(one, type_), type_)


def ip(column: Column) -> Column:
    """An IPv4 or IPv6 address in canonical text; brackets, zone index and `::ffff:` prefix are taken off."""

    def one(value: Any) -> str | None:
        text = str(value).strip().strip("[]").partition("%")[0]
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return None
        mapped = getattr(address, "ipv4_mapped", None)
        return str(mapped or address)

    return column.later(lambda values: values.map(one, pa.string()), pa.string())


def basename(column: Column) -> Column:
    r"""Last part of a Windows or POSIX path."""
    return column.map(lambda path: ntpath.basename(path) if "\\" in path else posixpath.basename(path), pa.string())


def parent_folder(column: Column) -> Column:
    r"""All but the last part of a Windows or POSIX path."""
    return column.map(
        lambda path: (ntpath.dirname(path) if "\\" in path else posixpath.dirname(path)) or None, pa.string()
    )


def domain_of(column: Column) -> Column:
    r"""`EXAMPLE` of `EXAMPLE\ada`, `example.com` of `ada@example.com`; nothing where there is no domain."""

    def domains(names: pa.Array) -> pa.Array:
        domain, _ = _cut(names, "\\")
        _, host = _cut(names, "@", last=True)
        host = pc.if_else(pc.match_substring(names, "@"), host, None)
        return pc.if_else(pc.match_substring(names, "\\"), _filled(domain), host)

    return column.text().later(lambda texts: texts.apply(domains), pa.string(), parts=True)


def user_of(column: Column) -> Column:
    r"""`ada` of `EXAMPLE\ada`, `ada@example.com` or `ada`."""

    def users(names: pa.Array) -> pa.Array:
        _, behind = _cut(names, "\\")
        before, _ = _cut(names, "@", last=True)
        return _filled(pc.if_else(pc.match_substring(names, "\\"), behind, before))

    return column.text().later(lambda texts: texts.apply(users), pa.string(), parts=True)


def _cut(texts: pa.Array, sign: str, *, last: bool = False) -> tuple[pa.Array, pa.Array]:
    """What stands before and behind the first (last) `sign`; where there is none, both are the whole text."""
    parts = pc.split_pattern(texts, sign, max_splits=1, reverse=last)
    return parts.values.take(parts.offsets[:-1]), parts.values.take(pc.subtract(parts.offsets[1:], 1))


def _filled(texts: pa.Array) -> pa.Array:
    """Empty texts are none."""
    return pc.if_else(pc.equal(texts, ""), None, texts)


def matching(pattern: str, group: int | str = 1) -> Callable[[Column], Column]:
    """The group of a regular expression searched in the text; missing where it does not match."""
    compiled = re.compile(pattern)

    def one(text: str) -> str | None:
        found = compiled.search(text)
        return found.group(group) if found else None

    return lambda column: column.map(one, pa.string())


def prefixed(prefix: str) -> Callable[[Column], Column]:
    """Put a prefix before the text."""
    return lambda column: column.map(lambda value: prefix + value, pa.string())


def json(function: Callable[[Any], Any], type: pa.DataType | None = None) -> Callable[[Column], Column]:
    """Decode the JSON text (as columns named `x[]` hold it) and apply `function` to it; errors become missing.

    Where the answers are not of one kind, because somebody wrote a list where all others write a text, those of the
    rarer kind are missing, and what is inside lists and objects is text.
    """

    def one(text: str) -> Any:
        try:
            return function(orjson.loads(text))
        except (ValueError, LookupError, TypeError, AttributeError):
            return None

    def converted(column: Column) -> Column:
        try:
            return column.map(one, type)
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
            texts = column.values.to_pylist()
            return column.map(dict(zip(texts, _of_one_kind([one(text) for text in texts]), strict=True)).get)

    return converted


def _of_one_kind(answers: list[Any]) -> list[Any]:
    kinds = Counter(_kind(answer) for answer in answers if answer is not None)
    most = max(kinds, key=kinds.__getitem__)
    return [_as_text(answer) if answer is not None and _kind(answer) is most else None for answer in answers]


def _kind(answer: Any) -> type[list[Any]] | type[dict[Any, Any]] | type[str]:
    return list if isinstance(answer, list) else dict if isinstance(answer, dict) else str


def _as_text(value: Any) -> Any:
    """Every scalar as text; a list in a list, an object in an object, or one among other things, as its JSON."""
    if isinstance(value, list):
        objects = all(item is None or isinstance(item, dict) for item in value)
        return [_as_text(item) if objects else _flat(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _flat(item) for key, item in value.items()}
    return _flat(value)


def _flat(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else msgspec.json.encode(value).decode()
