"""What a Sigma document means, straight from the specification: the judge of reader, lowering and engine together.

    means(document["detection"], placeholders)(texts(record))  ->  True or False

A document is what a YAML parser gives, a record what a JSON parser gives. Written from the Sigma specification v2.1.0
(sections on detections and conditions, appendix modifiers); where it is silent, from `decisions/
sigma-field-resolution.md`. Shares nothing with the code it judges, and is written another way: modifiers work on
characters and wildcards one by one, conditions are read by descent, regular expressions are Python's.
"""

from __future__ import annotations

import ipaddress
import itertools
import math
import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

Event = Mapping[str, Sequence[str]]
"""Field -> its texts. A field that is missing is not in it; keywords look into all of them."""

Test = Callable[[Event], bool]
MANY, ONE = "many", "one"
Character = tuple[str, str]
"""("text", a character) or (MANY, "") or (ONE, "")."""
Text = tuple[Character, ...]

DASHES = "-/\u2013\u2014\u2015"
NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)
PARTS = ("minute", "hour", "day", "week", "month", "year")
COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "lt": lambda a, b: bool(a < b),
    "lte": lambda a, b: bool(a <= b),
    "gt": lambda a, b: bool(a > b),
    "gte": lambda a, b: bool(a >= b),
}
FLAGS = {"i": re.I, "ignorecase": re.I, "m": re.M, "multiline": re.M, "s": re.S, "dotall": re.S}


# -- events -----------------------------------------------------------------------------------------------------------


def texts(record: Mapping[str, Any]) -> dict[str, list[str]]:
    """A JSON object as fields: inner objects dotted, arrays as several values, null as nothing."""
    found: dict[str, list[str]] = {}

    def walk(name: str, value: Any) -> None:
        if isinstance(value, dict) and value:
            for key, inner in value.items():
                walk(f"{name}.{key}", inner)
        elif isinstance(value, list):
            for inner in value:
                walk(name, inner)
        elif value is not None:
            found.setdefault(name, []).append(written(value))

    for key, value in record.items():
        walk(key, value)
    return found


def written(value: Any) -> str:
    """A scalar as JSON writes it, without quotes; an empty object too."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else repr(value)


# -- rules ------------------------------------------------------------------------------------------------------------


def means(detection: Mapping[str, Any], placeholders: Mapping[str, Sequence[str]] | None = None) -> Test:
    """The meaning of a whole `detection:` map."""
    selections = {
        name: selection(body, placeholders or {}) for name, body in detection.items() if name not in ("condition",)
    }
    given = detection["condition"]
    conditions = [Condition(text, selections).read() for text in (given if isinstance(given, list) else [given])]
    return lambda event: any(condition(event) for condition in conditions)


def selection(body: Any, placeholders: Mapping[str, Sequence[str]]) -> Test:
    """A map: all of its items. A list: one of its maps or keywords."""
    if isinstance(body, dict):
        items = [item(key, value, placeholders) for key, value in body.items()]
        return lambda event: all(test(event) for test in items)
    if isinstance(body, list):
        parts = [selection(part, placeholders) for part in body]
        return lambda event: any(part(event) for part in parts)
    return item("", body, placeholders)


def item(key: str, given: Any, placeholders: Mapping[str, Sequence[str]]) -> Test:
    """`field|modifiers: value` or a list of values; a key without a field searches all texts."""
    field, *modifiers = key.split("|")
    join = all if "all" in modifiers else any
    tests = [one(field, modifiers, value, placeholders) for value in (given if isinstance(given, list) else [given])]
    if "neq" in modifiers:
        return lambda event: not join(test(event) for test in tests)
    return lambda event: join(test(event) for test in tests)


def one(field: str, modifiers: Sequence[str], value: Any, placeholders: Mapping[str, Sequence[str]]) -> Test:
    """One value of one item."""

    def of(event: Event) -> Iterable[str]:
        return event.get(field, ()) if field else itertools.chain.from_iterable(event.values())

    if "exists" in modifiers:
        return lambda event: any(True for _ in of(event)) is value
    if value is None:
        return lambda event: not any(True for _ in of(event))
    if "fieldref" in modifiers:
        compare = reference(modifiers)
        return lambda event: any(
            compare(mine.lower(), other.lower()) for mine in of(event) for other in event.get(value, ())
        )
    holds = on_text(modifiers, value, not field, placeholders)
    return lambda event: any(holds(text) for text in of(event))


def reference(modifiers: Sequence[str]) -> Callable[[str, str], bool]:
    """How two fields compare."""
    if "contains" in modifiers:
        return str.__contains__
    if "startswith" in modifiers:
        return str.startswith
    return str.endswith if "endswith" in modifiers else str.__eq__


def on_text(
    modifiers: Sequence[str], value: Any, keyword: bool, placeholders: Mapping[str, Sequence[str]]
) -> Callable[[str], bool]:
    """A value as a question about one text."""
    part = next((name for name in modifiers if name in PARTS), None)
    compare = next((COMPARE[name] for name in modifiers if name in COMPARE), None)
    if part is not None:
        equal = compare or (lambda a, b: bool(a == b))
        return lambda text: (found := part_of(text, part)) is not None and equal(found, value)
    if compare is not None:
        return lambda text: NUMBER.fullmatch(text) is not None and compare(float(text), value)
    if "cidr" in modifiers:
        network = ipaddress.ip_network(value)
        return lambda text: within(text, network)
    if "re" in modifiers:
        return expression(modifiers, str(value))
    if not isinstance(value, str):
        wanted = written(int(value) if isinstance(value, float) and value.is_integer() else value).lower()
        return lambda text: wanted in text.lower() if keyword else text.lower() == wanted
    cased = "cased" in modifiers
    patterns = [pattern(spelling, keyword, cased) for spelling in spellings(value, modifiers, placeholders)]
    return lambda text: any(found.fullmatch(text if cased else text.lower()) for found in patterns)


# -- texts ------------------------------------------------------------------------------------------------------------


def characters(value: str) -> Text:
    """Wildcards and escapes: a backslash takes the meaning from `*`, `?` and another backslash, else it is itself."""
    made: list[Character] = []
    position = 0
    while position < len(value):
        here, after = value[position], value[position + 1 : position + 2]
        if here == "\\" and after and after in "\\*?":
            made.append(("text", after))
            position += 1
        else:
            made.append({"*": (MANY, ""), "?": (ONE, "")}.get(here, ("text", here)))
        position += 1
    return tuple(made)


def spellings(value: str, modifiers: Sequence[str], placeholders: Mapping[str, Sequence[str]]) -> list[Text]:
    """All texts a value stands for, modifiers applied from left to right."""
    many: Character = (MANY, "")
    found = [characters(value)]
    if "expand" in modifiers:
        found = [
            characters("".join(pieces))
            for pieces in itertools.product(
                *([piece] if number % 2 == 0 else placeholders[piece] for number, piece in enumerate(value.split("%")))
            )
        ]
    for modifier in modifiers:
        match modifier:
            case "contains":
                found = [(many, *text, many) for text in found]
            case "startswith":
                found = [(*text, many) for text in found]
            case "endswith":
                found = [(many, *text) for text in found]
            case "windash":
                found = [spelling for text in found for spelling in dashed(text)]
            case "wide" | "utf16le" | "utf16be" | "utf16":
                found = [utf16(text, modifier) for text in found]
            case "base64":
                found = [plain(b64encode(octets(text, modifiers)).decode()) for text in found]
            case "base64offset":
                found = [plain(piece) for text in found for piece in offsets(octets(text, modifiers))]
    return found


def plain(value: str) -> Text:
    """Characters without wildcards."""
    return tuple(("text", character) for character in value)


def dashed(text: Text) -> list[Text]:
    """A dash or slash that begins a word may be any of the dashes Windows takes for one."""

    def word(place: int) -> bool:
        return 0 <= place < len(text) and (text[place][1].isalnum() or text[place][1] == "_")

    choices = [
        plain(DASHES) if text[place][1] in ("-", "/") and not word(place - 1) and word(place + 1) else (text[place],)
        for place in range(len(text))
    ]
    return list(itertools.product(*choices))


def utf16(text: Text, modifier: str) -> Text:
    """UTF-16, each byte a character."""
    order = "big" if modifier == "utf16be" else "little"
    made: list[Character] = list(plain("\xff\xfe")) if modifier == "utf16" else []
    for kind, character in text:
        if kind != "text":
            made.append((kind, character))
            continue
        number = ord(character)
        units = [number] if number < 0x10000 else [0xD7C0 + (number >> 10), 0xDC00 + (number & 0x3FF)]
        made += plain(b"".join(unit.to_bytes(2, order) for unit in units).decode("latin-1"))  # type: ignore[arg-type]
    return tuple(made)


def octets(text: Text, modifiers: Sequence[str]) -> bytes:
    """What base64 encodes."""
    encoded = any(name in modifiers for name in ("wide", "utf16le", "utf16be", "utf16"))
    return "".join(character for _, character in text).encode("latin-1" if encoded else "utf-8")


def offsets(data: bytes) -> list[str]:
    """Base64 of `data` behind 0, 1 and 2 other bytes: only the characters that these do not change."""
    return [
        b64encode(bytes(before) + data).decode()[math.ceil(8 * before / 6) : 8 * (before + len(data)) // 6]
        for before in range(3)
    ]


def pattern(text: Text, keyword: bool, cased: bool) -> re.Pattern[str]:
    """A text with wildcards as a regular expression for the whole text; without regard to case: in lower case."""
    pieces: list[str] = []
    for kind, group in itertools.groupby(text, key=lambda character: character[0]):
        held = list(group)
        if kind == "text":
            literal = "".join(character for _, character in held)
            pieces.append(re.escape(literal if cased else literal.lower()))
        else:
            pieces += [".*" if kind == MANY else "."] * len(held)
    joined = "".join(pieces)
    return _compiled(f".*{joined}.*" if keyword else joined, re.S)


@cache
def _compiled(text: str, flags: int) -> re.Pattern[str]:
    return re.compile(text, flags)


def expression(modifiers: Sequence[str], value: str) -> Callable[[str], bool]:
    """A regular expression, searched; `startswith` and `endswith` anchor it.

    Python's differ from RE2's in three points: `$` stops before a last line end, `\\d` and `\\w` know all alphabets,
    and without regard to case a dotted capital i is an i, which Unicode's simple case folding denies.
    """
    flags = sum(FLAGS[name] for name in modifiers if name in FLAGS)
    meant = {r"\d": "[0-9]", r"\w": "[0-9A-Za-z_]", "$": "$" if flags & re.M else r"\Z"}
    value = re.sub(r"\\.|\$", lambda found: meant.get(found[0], found[0]), value)
    value = rf"\A(?:{value})" if "startswith" in modifiers else value
    value = rf"(?:{value})\Z" if "endswith" in modifiers else value
    found = _compiled(value, flags)
    caseless = {0x130: "\u05d0"} if flags & re.I else {}
    return lambda text: found.search(text.translate(caseless)) is not None


# -- addresses and times ----------------------------------------------------------------------------------------------


def within(text: str, network: Any) -> bool:
    """Is it an address of the network? An IPv4 address in IPv6 clothes is one of IPv4."""
    try:
        address: Any = ipaddress.ip_address(text.partition("%")[0] if ":" in text else text)
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return address.version == network.version and address in network


def part_of(text: str, part: str) -> int | None:
    """A part of a time in UTC: of an ISO 8601 text, or of seconds, ms, us, ns since 1970 by their size."""
    try:
        if NUMBER.fullmatch(text):
            number = float(text)
            size = abs(number)
            unit = 1e9 if size >= 1e17 else 1e6 if size >= 1e14 else 1e3 if size >= 1e11 else 1
            moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=number / unit)
        else:
            moment = datetime.fromisoformat(text.strip())
            moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return moment.isocalendar().week if part == "week" else int(getattr(moment, part))


# -- conditions -------------------------------------------------------------------------------------------------------


class Condition:
    """`or` binds weakest, then `and`, then `not`, then `1 of`/`all of`, names and parentheses."""

    def __init__(self, text: str, selections: Mapping[str, Test]) -> None:
        self.words = re.findall(r"[()]|[^\s()]+", text)
        self.selections = selections

    def read(self) -> Test:
        test = self.either()
        assert not self.words, self.words
        return test

    def take(self, *wanted: str) -> str | None:
        return self.words.pop(0) if self.words and (not wanted or self.words[0].lower() in wanted) else None

    def either(self) -> Test:
        tests = [self.both()]
        while self.take("or"):
            tests.append(self.both())
        return lambda event: any(test(event) for test in tests)

    def both(self) -> Test:
        tests = [self.negated()]
        while self.take("and"):
            tests.append(self.negated())
        return lambda event: all(test(event) for test in tests)

    def negated(self) -> Test:
        if self.take("not"):
            inner = self.negated()
            return lambda event: not inner(event)
        if self.take("("):
            inner = self.either()
            assert self.take(")")
            return inner
        word = self.take() or ""
        if word in ("1", "any", "all") and self.take("of"):
            named = self.named(self.take() or "")
            join = all if word == "all" else any
            return lambda event: join(test(event) for test in named)
        return self.selections[word]

    def named(self, wanted: str) -> list[Test]:
        """`them`, or a pattern with `*`; names that begin with `_` only where the pattern does."""
        shape = ".*".join(map(re.escape, wanted.split("*"))) if wanted != "them" else ".*"
        found = [
            test
            for name, test in self.selections.items()
            if re.fullmatch(shape, name) and (wanted[0] == "_" or name[0] != "_")
        ]
        assert found, wanted
        return found
