"""Sigma documents and events by chance, and both verdicts on them: the engine's and the specification's.

Chance is a `random.Random`: a seeded one for millions of cases, Hypothesis's for the test suite. Rules and events draw
on the same few texts, so that a good share of the cases are hits, and near misses abound.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import yaml

from tests.detect import specification
from watchfloor.collect.records import Piece, tokenise
from watchfloor.detect.engine import Engine
from watchfloor.detect.rule import Problem, Rule
from watchfloor.detect.sigma import read_document
from watchfloor.documents import Document, parse_yaml
from watchfloor.ocsf.column import Column

Json = dict[str, Any]

TEXTS = (
    "cmd", "CMD.exe", "C:\\Windows\\System32\\cmd.exe", "\\\\server\\share$", "a*b", "a?b", "\\*", "back\\", "a\\\\b",
    "powershell -enc ZQBj -NoP", "powershell /enc ZQBj /nop", "net \u2013enc \u2014NoP \u2015x", "x-y /z -", "-",
    "/a-b", "Straße", "STRASSE", "ÉCOLE", "école", "İstanbul", "istanbul", "ΣΑΣ", "σας", "\u212aelvin", "kelvin",
    "mi\u017f\u017f", "MISS", "日本", "\U0001f600 smile", "", " ", "null", "true", "False", "{}", "100%", "%users%",
    "line\nend\n", "tab\tx", "0", "1", "01", "1.0", "4624", "abcabcabd", "aaaa", "The quick brown fox",
    "administrator", "root",
)  # fmt: skip
NUMBERS = (0, 1, -1, 5, 80, 443, 4624, 65535, 2**31, 2**63, 1.5, -0.25, 1e300, 0.1)
NUMERIC = ("5", " 80 ", "+443", "-1", "1e3", "1.50", ".5", "5.", "0x10", "nan", "inf", "1_000", "٣", "")
TIMES = (
    "2026-03-02T19:30:12.434Z", "2026-03-02 19:30:12", "2026-01-01T00:59:59+01:00", "2024-12-30",
    "2027-01-03T23:59:59Z", "1767225600", "1767225600000", "1767225600123456", "1767225600123456789",
    "-1", "noon", "2026-02-30T00:00:00Z",
    "1969-12-31T23:59:59-00:30", "0",
)  # fmt: skip
ADDRESSES = (
    "10.1.2.3", "10.255.0.1", "192.0.2.77", "192.0.3.1", "2001:db8::1", "2001:DB8:0::ffff", "2001:db9::", "::1",
    "::ffff:10.1.2.3", "fe80::1%eth0", "010.1.2.3", "10.1.2", "10.1.2.3 ", "1.2.3.4.5", "", "::ffff:192.0.2.1",
    "0.0.0.0",
)  # fmt: skip
NETWORKS = ("10.0.0.0/8", "192.0.2.0/24", "192.0.2.77/32", "0.0.0.0/0", "2001:db8::/32", "::/0", "fe80::/10", "::1/128")
PATTERNS = (
    "cmd", "^cmd$", "\\.exe$", "[a-c]+d", "(?:enc|nop) ?", "s{2}", "^$", "^.$", "é", "c.l", "a|b", "\\\\", "x.y",
    "^end", "\\d+", "[^a-z]", "\\*", "fox$", "(ab|abc)+d?$", "end$", "\\w -",
)  # fmt: skip
PLACEHOLDERS = {"users": ("administrator", "root", "σας"), "hosts": ("cmd",)}
FIELDS = ("Image", "CommandLine", "User", "EventID", "tags", "recs.name", "obj.deep.value")
COLUMNS = {"Image": ("process.file.path",), "User": ("actor.user.name", "unmapped.Account"),
           "EventID": ("metadata.event_code",)}  # fmt: skip
"""Where a field stands in a batch, others under `unmapped.`; a record's `User` or `Account` is the rule's `User`."""


# -- events -----------------------------------------------------------------------------------------------------------


def record(chance: Random) -> Json:
    """One record."""
    made: Json = {}
    for name, value in (
        ("Image", _texts), ("CommandLine", _texts), ("User", _texts), ("Account", _texts), ("Count", _number),
        ("When", _time), ("Address", _address), ("tags", _texts), ("Blob", _blob),
    ):  # fmt: skip
        if chance.random() < 0.75:
            made[name] = _several(chance, value)
    if chance.random() < 0.8:
        made["EventID"] = chance.choice([1, "1", 4624, "4624", "abc", "CMD.exe", ""])
    if chance.random() < 0.5:
        made["recs"] = [
            chance.choice([{"name": _texts(chance)}, {"name": [_texts(chance), None]}, {"other": 1}, None, 5])
            for _ in range(chance.randrange(4))
        ]
    if chance.random() < 0.5:
        made["obj"] = chance.choice([{"deep": {"value": _texts(chance)}}, {"deep": {}}, {"deep": {"value": None}}, {}])
    return made


def _several(chance: Random, one: Callable[[Random], Any]) -> Any:
    how = chance.randrange(12)
    if how == 0:
        return None
    if how <= 2:
        return [chance.choice([one(chance), None, one(chance)]) for _ in range(chance.randrange(4))]
    return one(chance)


def _texts(chance: Random) -> str:
    text = chance.choice(TEXTS)
    how = chance.randrange(6)
    if how == 0:
        text += chance.choice(TEXTS)
    elif how == 1:
        text = text.swapcase()
    return text


def _number(chance: Random) -> Any:
    return chance.choice([chance.choice(NUMBERS), chance.choice(NUMERIC), chance.choice([True, False])])


def _time(chance: Random) -> Any:
    return chance.choice([chance.choice(TIMES), 1767225600 + chance.randrange(10**8)])


def _address(chance: Random) -> str:
    return chance.choice(ADDRESSES)


def _blob(chance: Random) -> str:
    codec = chance.choice(["utf-8", "utf-16-le", "utf-16-be", "utf-16"])
    inner = chance.choice(["", "a", "ab", "xyz"]) + chance.choice(TEXTS) + chance.choice(["", "q", "qr"])
    return b64encode(inner.encode(codec)).decode()


def flat_record(chance: Random) -> Json:
    """A record for SQL: one ASCII text under every field, for SQLite knows other letters' cases as little as null's."""
    return {name: _until(chance, one) for name, one in FLAT.items()}


def _until(chance: Random, one: Callable[[Random], str]) -> str:
    while not (text := one(chance)).isascii() or "\n" in text:  # Python's `$` stops before a last line end
        pass
    return text


FLAT = {**dict.fromkeys(("Image", "CommandLine", "User", "EventID", "tags", "recs.name", "obj.deep.value"), _texts),
        "Blob": _blob}  # fmt: skip


# -- rules ------------------------------------------------------------------------------------------------------------

NARROW = "_narrow"
"""A rule with a selection of this name has a log source of its own: only events that `NARROW_EVENTS` names."""

NARROW_EVENTS = ("1", "abc", "cmd.exe")
NAMES = ("sel", "selection_a", "selection_b", "filter_main", "filter_opt", "_hidden", "x_1", NARROW)


def detection(chance: Random, *, plain: bool = False) -> Json:
    """A `detection:` map.

    Args:
        plain: only what SQL over a text column means the same by.
    """
    names = chance.sample(NAMES, chance.randint(1, 4))
    made: Json = {name: _selection(chance, plain) for name in names}
    conditions = [_condition(chance, names, 3) for _ in range(chance.choice([1, 1, 1, 1, 2]))]
    made["condition"] = conditions if len(conditions) > 1 and not plain else conditions[0]
    return made


def _condition(chance: Random, names: Sequence[str], depth: int) -> str:
    how = chance.randrange(10) if depth else chance.randrange(4)
    if how < 3:
        return chance.choice(names)
    if how == 3:
        visible = [name for name in names if name[0] != "_"]
        patterns = [f"{name[:cut]}*" for name in names for cut in (1, 3, len(name))]
        if visible:
            patterns += ["them", "*", f"*{visible[0][-1]}"]
        return f"{chance.choice(['1', 'all', 'any'])} of {chance.choice(patterns)}"
    if how < 6:
        return (
            f"not {_condition(chance, names, depth - 1)}" if how == 4 else f"({_condition(chance, names, depth - 1)})"
        )
    word = chance.choice([" and ", " or "])
    return word.join(_condition(chance, names, depth - 1) for _ in range(chance.randint(2, 3)))


def _selection(chance: Random, plain: bool) -> Any:
    how = chance.randrange(12)
    if not plain:
        if how == 0:
            return [_value(chance, True) for _ in range(chance.randint(1, 3))]
        if how == 1:
            key = chance.choice(
                ["|all", "|contains", "|re", "|cased", "|base64offset|contains", "|windash", "|startswith"]
            )
            inner = [chance.choice(PATTERNS) if key == "|re" else _value(chance, True) for _ in range(2)]
            return {key: inner} if key == "|all" else {key: inner[0]}
        if how == 2:
            return [_value(chance, True), _map(chance, plain)]
    if how <= 4:
        return [_map(chance, plain) for _ in range(chance.randint(1, 3))]
    return _map(chance, plain)


def _map(chance: Random, plain: bool) -> Json:
    return dict(_item(chance, plain) for _ in range(chance.choice([1, 1, 2, 3])))


def _item(chance: Random, plain: bool) -> tuple[str, Any]:
    kinds = [_text_item] * 5
    if plain:
        kinds += [_unanchored, _blob_item]
    else:
        kinds += [_number_item, _time_item, _address_item, _regex_item, _other_item, _blob_item, _reference_item]
    key, value = chance.choice(kinds)(chance)
    if chance.random() < 0.12 and "exists" not in key and value is not None:
        key += "|neq"
    return key, value


def _value(chance: Random, keyword: bool = False) -> str:
    """A text as a rule may write it: a whole one or a part, wildcards, escapes, other case."""
    text = chance.choice(TEXTS)
    how = chance.randrange(6)
    if how == 0 and len(text) > 2:
        cut = chance.randrange(len(text) - 1)
        text = text[cut : cut + chance.randint(1, 8)]
    elif how == 1:
        text = text.swapcase()
    elif how == 2 and text:
        cut = chance.randrange(len(text))
        text = text[:cut] + chance.choice("*?") + text[cut + chance.randrange(2) :]
    elif how == 3:
        text = text.replace("\\", "\\\\").replace("*", "\\*").replace("?", "\\?")
    elif how == 4:
        text = chance.choice(["*", "?", "\\", "\\\\", "\\*", "\\?", ""]) + text + chance.choice(["*", "?", "", "\\"])
    return "cmd" if keyword and not text.strip("*") else text


def _listed(chance: Random, one: Callable[[Random], Any], key: str, *, all_: bool = True) -> tuple[str, Any]:
    how = chance.randrange(4)
    if how == 0:
        return key, [one(chance) for _ in range(chance.randint(1, 3))]
    if how == 1 and all_:
        return f"{key}|all", [one(chance) for _ in range(chance.randint(2, 3))]
    return key, one(chance)


def _text_item(chance: Random) -> tuple[str, Any]:
    modifiers = chance.choice([
        "", "", "|contains", "|startswith", "|endswith", "|cased", "|contains|cased", "|startswith|cased",
        "|endswith|cased", "|windash", "|contains|windash", "|windash|contains", "|windash|startswith", "|expand",
        "|contains|expand", "|expand|endswith", "|cased|windash", "|windash|cased", "|cased|contains",
        "|cased|endswith", "|cased|expand", "|expand|cased",
    ])  # fmt: skip
    field = chance.choice(FIELDS)
    if "expand" in modifiers:
        return f"{field}{modifiers}", chance.choice(["%users%", "%hosts%", "%hosts%.exe", "*%users%", "%hosts%%users%"])
    return _listed(chance, _value, field + modifiers)


def _number_item(chance: Random) -> tuple[str, Any]:
    how = chance.randrange(4)
    if how == 0:
        return _listed(chance, lambda c: c.choice([*NUMBERS, True, False]), "Count")
    if how == 1:
        return _listed(chance, lambda c: c.choice([1, 4624, 5, True]), chance.choice(["EventID", "tags", "Image"]))
    compare = chance.choice(["lt", "lte", "gt", "gte"])
    return _listed(chance, lambda c: c.choice(NUMBERS), f"{chance.choice(['Count', 'tags', 'EventID'])}|{compare}")


def _time_item(chance: Random) -> tuple[str, Any]:
    part, low, high = chance.choice([
        ("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("week", 1, 53), ("month", 1, 12), ("year", 2023, 2028),
    ])  # fmt: skip
    number = chance.choice([low, high, chance.randint(low, high), 30 if part == "minute" else low])
    return f"When|{part}" + chance.choice(["", "", "|lt", "|lte", "|gt", "|gte"]), number


def _address_item(chance: Random) -> tuple[str, Any]:
    return _listed(chance, lambda c: c.choice(NETWORKS), f"{chance.choice(['Address', 'Address', 'tags'])}|cidr")


def _regex_item(chance: Random) -> tuple[str, Any]:
    flags = chance.choice(["", "", "|i", "|m", "|s", "|i|m", "|i|s", "|ignorecase", "|m|s", "|multiline", "|dotall"])
    anchor = chance.choice(["", "", "", "|startswith", "|endswith", "|contains"])
    return _listed(chance, lambda c: c.choice(PATTERNS), f"{chance.choice(FIELDS)}|re{flags}{anchor}")


def _unanchored(chance: Random) -> tuple[str, Any]:
    return _listed(
        chance, lambda c: c.choice(PATTERNS), f"{chance.choice(FIELDS[:5])}|re{chance.choice(['', '|i', '|s'])}"
    )


def _other_item(chance: Random) -> tuple[str, Any]:
    field = chance.choice([*FIELDS, "Count", "nowhere", "recs.other"])
    how = chance.randrange(4)
    if how == 0:
        return f"{field}|exists", chance.choice([True, False])
    return (field, None) if how == 1 else (field, "*" if how == 2 else "")


def _blob_item(chance: Random) -> tuple[str, Any]:
    wide = chance.choice(["", "|wide", "|utf16le", "|utf16be", "|utf16"])
    case = chance.choice(["", "", "", "|cased"])
    code = case + chance.choice(
        ["|base64", "|base64|contains", "|base64offset|contains", "|base64offset", "|base64offset|endswith"]
    )
    if chance.random() < 0.1:
        return f"Image{wide or '|wide'}|contains", chance.choice(["cmd", "é", "a*b", "\U0001f600"])

    def value(chance: Random) -> str:
        return chance.choice(TEXTS).replace("\\", "\\\\").replace("*", "\\*").replace("?", "\\?") or "cmd"

    return _listed(chance, value, f"Blob{wide}{code}")


def _reference_item(chance: Random) -> tuple[str, Any]:
    other = chance.choice([*FIELDS, "nowhere"])
    how = chance.choice(["", "", "|contains", "|startswith", "|endswith"])
    return f"{chance.choice(FIELDS)}|fieldref{how}", other


# -- the engine's verdict ---------------------------------------------------------------------------------------------


class Everywhere:
    """A taxonomy: a log source is every event, or those of `NARROW_EVENTS`; fields stand where `COLUMNS` says."""

    def routes_for(self, logsource: Any) -> list[Any]:
        return [Route((("metadata.event_code", NARROW_EVENTS),)) if logsource.category else Route()]

    def columns(self, logsource: Any, field: str) -> tuple[str, ...] | None:
        return COLUMNS.get(field)


@dataclass(frozen=True)
class Route:
    tests: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True)
class Batch:
    """Tokenised records as the mapper leaves them, with a few fields in OCSF's places."""

    columns: Mapping[str, Column]
    rows: int
    class_name: str = "thing"

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.columns)

    def column(self, name: str) -> Column | None:
        return self.columns.get(name)

    def may_hold(self, test: Any) -> set[str]:
        return {
            name
            for name, column in self.columns.items()
            if test is None or not pa.types.is_string(column.type) or bool(test(column.values).any())
        }

    def __len__(self) -> int:
        return self.rows


def batch(records: Sequence[Json]) -> Batch:
    """The records through the reader."""
    lines = [json.dumps(record, ensure_ascii=False).encode() for record in records]
    ends = np.concatenate([[0], np.cumsum([len(line) for line in lines])]).astype(np.int64)
    numbers = np.arange(len(lines), dtype=np.int64)
    found, bad = tokenise([Piece(b"".join(lines), ends, numbers, numbers)], source="s", stream="s")
    assert not bad, bad
    columns = {}
    for name in found.names:
        column = found.column(name)
        assert column is not None
        plain = name.removesuffix("[]")
        columns[COLUMNS[plain][0] + name[len(plain) :] if plain in COLUMNS else f"unmapped.{name}"] = column
    return Batch(columns, len(records))


def event(found: Json) -> dict[str, list[str]]:
    """The record as the specification sees it, with `Account` as another place of `User`."""
    fields = specification.texts(found)
    if "Account" in fields:
        fields["User"] = fields.get("User", []) + fields["Account"]
    return fields


def document(made: Json) -> Document:
    """A whole rule, through YAML."""
    logsource = {"product": "any"} | ({"category": "narrow"} if NARROW in made else {})
    rule = {"title": "t", "logsource": logsource, "detection": made}
    (found,) = parse_yaml(yaml.safe_dump(rule, allow_unicode=True, sort_keys=False).encode(), "made.yml")
    assert isinstance(found, Document), found
    return found


def means(found: Document) -> specification.Test:
    """What the specification makes of it."""
    made = found.data["detection"]
    test = specification.means(made, PLACEHOLDERS)
    if NARROW not in made:
        return test
    return lambda event: any(text.lower() in NARROW_EVENTS for text in event.get("EventID", ())) and test(event)


def loaded(found: Document) -> Rule | Problem:
    """What the compiler makes of it."""
    made = read_document(found, PLACEHOLDERS)
    assert isinstance(made, Rule | Problem)
    return made


def verdicts(rules: Sequence[Rule], records: Sequence[Json]) -> tuple[set[tuple[int, int]], set[tuple[int, int]]]:
    """The engine's (record, rule) pairs: with values new, and again with values known."""
    engine, made = Engine(rules, Everywhere()), batch(records)
    assert not engine.rejected and not engine.unrouted, (engine.rejected, engine.unrouted)
    first, second = (
        set(zip(found.rows.tolist(), found.rules.tolist(), strict=True))
        for found in (engine.match(made), engine.match(made))
    )
    return first, second


# -- what differs, made small -----------------------------------------------------------------------------------------


def differs(made: Json, found: Json) -> bool:
    """Do both disagree on one rule and one record? A rule that is refused does not count."""
    try:
        read = document(made)
        rule = loaded(read)
        if isinstance(rule, Problem):
            return False
        expected = means(read)(event(found))
        first, second = verdicts([rule], [found])
        return bool(first) != expected or bool(second) != expected
    except (AssertionError, KeyError, ValueError, IndexError):
        return False


def smallest(made: Json, found: Json, still: Callable[[Json, Json], bool] = differs) -> tuple[Json, Json]:
    """Leave out whatever can be left out while both still disagree."""
    shrunk = True
    while shrunk:
        shrunk = False
        for smaller in _smaller_rules(made):
            if still(smaller, found):
                made, shrunk = smaller, True
                break
        for smaller in _without_one(found):
            if still(made, smaller):
                found, shrunk = smaller, True
                break
    return made, found


def _smaller_rules(made: Json) -> Iterator[Json]:
    names = [name for name in made if name != "condition"]
    if len(names) > 1 or made["condition"] not in (names[0], f"not {names[0]}"):
        for name in names:
            yield {name: made[name], "condition": name}
            yield {name: made[name], "condition": f"not {name}"}
    for name in names:
        for body in _without_one(made[name]):
            yield {**made, name: body}


def _without_one(value: Any) -> Iterator[Any]:
    """Every way to leave out one member or element, at any depth."""
    if isinstance(value, dict):
        for key in value:
            if len(value) > 1:
                yield {other: inner for other, inner in value.items() if other != key}
            for inner in _without_one(value[key]):
                yield {**value, key: inner}
    elif isinstance(value, list):
        for place in range(len(value)):
            if len(value) > 1:
                yield value[:place] + value[place + 1 :]
            for inner in _without_one(value[place]):
                yield [*value[:place], inner, *value[place + 1 :]]
        if len(value) == 1:
            yield value[0]
