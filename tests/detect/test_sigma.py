"""Every modifier and construct of Sigma v2.1.0's stateless language: parsed, lowered, and judged by the oracle."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.detect.oracle import evaluate
from watchfloor.detect.modifiers import MODIFIERS
from watchfloor.detect.predicate import And, Kind, Not, Or, Predicate, Token
from watchfloor.detect.rule import Correlation, Filter, Logsource, Problem, Rule
from watchfloor.detect.sigma import read_document
from watchfloor.documents import Document, parse_yaml

HEAD = {
    "title": "A rule",
    "id": "6b2f2c53-0d39-4e8a-9d8f-6a7f3ad5b7e1",
    "logsource": {"product": "windows", "category": "process_creation"},
    "level": "high",
}


def parsed(text: str, placeholders: Mapping[str, Sequence[str]] | None = None) -> Rule | Correlation | Filter | Problem:
    (document,) = parse_yaml(text.encode(), "rule.yml")
    assert isinstance(document, Document), document
    return read_document(document, placeholders)


def rule(detection: Any, placeholders: Mapping[str, Sequence[str]] | None = None, **head: Any) -> Rule:
    """The rule with these detections; a map without a condition is one selection."""
    if "condition" not in detection:
        detection = {"selection": detection, "condition": "selection"}
    made = parsed(yaml.safe_dump({**HEAD, **head, "detection": detection}, sort_keys=False), placeholders)
    assert isinstance(made, Rule), made
    return made


def problem(detection: Any, **head: Any) -> Problem:
    text = yaml.safe_dump({**HEAD, **head, "detection": detection}, sort_keys=False)
    found = parsed(text)
    assert isinstance(found, Problem), found
    assert found.file == "rule.yml"
    assert found.rule == "A rule"
    assert found.remedy
    return found


def hits(detection: Any, **fields: Any) -> bool:
    event = {name: [str(v) for v in (value if isinstance(value, list) else [value])] for name, value in fields.items()}
    return evaluate(rule(detection).condition, event)


def text_of(selection: str) -> Any:
    """A selection as a person would write it, quotes and backslashes included."""
    return yaml.safe_load(selection)


# ------------------------------------------------------------------------------------------- plain comparisons


def test_equals_ignores_case_also_outside_ascii() -> None:
    assert hits({"f": "Ärger"}, f="äRGER")
    assert not hits({"f": "Ärger"}, f="Ärger!")
    assert rule({"f": "ÄRGER"}).condition == Predicate("f", Kind.EQUALS, "ärger")


@pytest.mark.parametrize(
    ("value", "kind", "constant"),
    [
        ("abc", Kind.EQUALS, "abc"),
        ("abc*", Kind.STARTSWITH, "abc"),
        ("*abc", Kind.ENDSWITH, "abc"),
        ("*abc*", Kind.CONTAINS, "abc"),
        ("**a***", Kind.CONTAINS, "a"),
        ("a*b", Kind.GLOB, ("a", Token.MANY, "b")),
        ("a?", Kind.GLOB, ("a", Token.ONE)),
        ("a*?*?", Kind.GLOB, ("a", Token.ONE, Token.ONE, Token.MANY)),
        ("*", Kind.EXISTS, None),
        ("", Kind.EQUALS, ""),
        (r"\*", Kind.EQUALS, "*"),
        (r"a\?b", Kind.EQUALS, "a?b"),
        (r"c:\windows", Kind.EQUALS, r"c:\windows"),
        (r"c:\\windows", Kind.EQUALS, r"c:\windows"),
        (r"a\\*", Kind.STARTSWITH, "a\\"),
        (r"a\\\*", Kind.EQUALS, r"a\*"),
        ("a\\", Kind.EQUALS, "a\\"),
        (r"\\\\server", Kind.EQUALS, r"\\server"),
    ],
)
def test_wildcards_and_escapes(value: str, kind: Kind, constant: Any) -> None:
    assert rule({"f": value}).condition == Predicate("f", kind, constant)


def test_numbers_and_truth_are_compared_as_text() -> None:
    assert hits({"EventID": 4624}, EventID="4624")
    assert hits({"EventID": "4624"}, EventID=4624)
    assert not hits({"EventID": 4624}, EventID="04624")
    assert hits({"f": 1.5}, f="1.5")
    assert hits({"f": -3}, f="-3")
    assert hits({"f": True}, f="true")
    assert hits({"f": False}, f="False")


def test_missing_null_and_empty_differ() -> None:
    assert hits({"f": None})
    assert not hits({"f": None}, f="")
    assert hits({"f": ""}, f="")
    assert not hits({"f": ""})
    assert hits({"f": ["x", None]})
    assert not hits({"f": "*"})
    assert hits({"f": "*"}, f="")


def test_lists_are_or_maps_are_and_lists_of_maps_are_or() -> None:
    assert hits({"f": ["a", "b"]}, f="b")
    assert not hits({"f": "a", "g": "b"}, f="a")
    assert hits({"f": "a", "g": "b"}, f="a", g="b")
    listed = {"s": [{"f": "a", "g": "b"}, {"h": "c"}], "condition": "s"}
    assert hits(listed, h="c")
    assert not hits(listed, f="a")


def test_a_field_of_many_values_matches_by_any() -> None:
    assert hits({"f": "b"}, f=["a", "b"])
    assert not hits({"f|neq": "b"}, f=["a", "b"])


# ------------------------------------------------------------------------------------------- modifiers

MODIFIER_CASES: list[tuple[str, dict[str, Any], dict[str, Any], bool]] = [
    ("contains", {"f|contains": "b?d"}, {"f": "aBCDe"}, True),
    ("contains", {"f|contains": ""}, {}, False),
    ("startswith", {"f|startswith": "ab"}, {"f": "ABc"}, True),
    ("startswith", {"f|startswith": "ab"}, {"f": "cab"}, False),
    ("endswith", {"f|endswith": r"\cmd.exe"}, {"f": r"C:\Windows\CMD.EXE"}, True),
    ("endswith", {"f|endswith": r"\cmd.exe"}, {"f": r"C:\Windows\CMD.EXE.txt"}, False),
    ("all", {"f|contains|all": ["a", "b"]}, {"f": "xbxa"}, True),
    ("all", {"f|contains|all": ["a", "b"]}, {"f": "xa"}, False),
    ("exists", {"f|exists": True}, {"f": ""}, True),
    ("exists", {"f|exists": True}, {}, False),
    ("exists", {"f|exists": False}, {}, True),
    ("cased", {"f|cased": "Abc"}, {"f": "Abc"}, True),
    ("cased", {"f|cased": "Abc"}, {"f": "abc"}, False),
    ("cased", {"f|contains|cased": "B*D"}, {"f": "aBcDe"}, True),
    ("cased", {"f|contains|cased": "B*D"}, {"f": "aBcde"}, False),
    ("neq", {"f|neq": "a"}, {"f": "b"}, True),
    ("neq", {"f|neq": "a"}, {"f": "A"}, False),
    ("neq", {"f|neq": "a"}, {}, True),
    ("neq", {"f|neq": ["a", "b"]}, {"f": "b"}, False),
    ("windash", {"f|windash|contains": " -param"}, {"f": "x /param"}, True),
    ("windash", {"f|windash|contains": " -param"}, {"f": "x \u2013param"}, True),
    ("windash", {"f|windash|contains": " -param"}, {"f": "x \u2014param"}, True),
    ("windash", {"f|windash|contains": " -param"}, {"f": "x \u2015param"}, True),
    ("windash", {"f|contains|windash": " /a-b"}, {"f": "x -a-b"}, True),
    ("windash", {"f|contains|windash": " /a-b"}, {"f": "x -a/b"}, False),
    ("windash", {"f|windash|contains|all": [" -a", " -b"]}, {"f": "x /a \u2013b"}, True),
    ("re", {"f|re": "^A.c$"}, {"f": "Abc"}, True),
    ("re", {"f|re": "^A.c$"}, {"f": "abc"}, False),
    ("re", {"f|re": "b+"}, {"f": "abbc"}, True),
    ("re", {"f|re": r"\\[a-z]{3}\.exe"}, {"f": r"c:\foo.exe"}, True),
    ("re", {"f|re": 4}, {"f": "1234"}, True),
    ("i", {"f|re|i": "^a.c$"}, {"f": "ABC"}, True),
    ("ignorecase", {"f|re|ignorecase": "^a.c$"}, {"f": "ABC"}, True),
    ("m", {"f|re|m": "^b$"}, {"f": "a\nb\nc"}, True),
    ("m", {"f|re": "^b$"}, {"f": "a\nb\nc"}, False),
    ("multiline", {"f|re|multiline": "^b$"}, {"f": "a\nb\nc"}, True),
    ("s", {"f|re|s": "a.b"}, {"f": "a\nb"}, True),
    ("s", {"f|re": "a.b"}, {"f": "a\nb"}, False),
    ("dotall", {"f|re|dotall|i": "a.b"}, {"f": "A\nB"}, True),
    ("startswith", {"f|re|startswith": "a|b"}, {"f": "bx"}, True),
    ("startswith", {"f|re|startswith": "a|b"}, {"f": "xb"}, False),
    ("endswith", {"f|re|endswith": "a|b"}, {"f": "xb"}, True),
    ("endswith", {"f|re|endswith": "a|b"}, {"f": "bx"}, False),
    ("contains", {"f|re|contains": "a|b"}, {"f": "xbx"}, True),
    ("base64", {"f|base64|contains": "foobar"}, {"f": "-e Zm9vYmFy"}, True),
    ("base64", {"f|base64|cased": "foobar"}, {"f": "zm9vymfy"}, False),
    ("base64", {"f|base64": "größe"}, {"f": b64encode("größe".encode()).decode()}, True),
    ("base64offset", {"f|base64offset|contains": "/bin/bash"}, {"f": b64encode(b"/bin/bash -i").decode()}, True),
    ("base64offset", {"f|base64offset|contains": "/bin/bash"}, {"f": b64encode(b"x/bin/bash -i").decode()}, True),
    ("base64offset", {"f|base64offset|contains": "/bin/bash"}, {"f": b64encode(b"xx/bin/bash -i").decode()}, True),
    ("base64offset", {"f|base64offset|contains": "/bin/bash"}, {"f": b64encode(b"/bin/zsh").decode()}, False),
    ("cased", {"f|cased|windash": "-A"}, {"f": "/a"}, False),
    ("cased", {"f|cased|windash": "-A"}, {"f": "/A"}, True),
    ("cased", {"f|cased|base64": "ping"}, {"f": b64encode(b"ping").decode().lower()}, False),
    ("wide", {"f|wide|base64": "ping"}, {"f": b64encode("ping".encode("utf-16-le")).decode()}, True),
    ("utf16le", {"f|utf16le|base64": "größe"}, {"f": b64encode("größe".encode("utf-16-le")).decode()}, True),
    ("utf16be", {"f|utf16be|base64": "größe"}, {"f": b64encode("größe".encode("utf-16-be")).decode()}, True),
    ("utf16", {"f|utf16|base64": "größe"}, {"f": b64encode(b"\xff\xfe" + "größe".encode("utf-16-le")).decode()}, True),
    ("wide", {"f|wide|base64offset|contains": "ping"}, {"f": b64encode("xping é".encode("utf-16-le")).decode()}, True),
    ("wide", {"f|wide|contains": "ab"}, {"f": "xa\0b\0"}, True),
    ("cidr", {"f|cidr": "192.0.2.0/24"}, {"f": "192.0.2.200"}, True),
    ("cidr", {"f|cidr": "192.0.2.0/24"}, {"f": "192.0.3.1"}, False),
    ("cidr", {"f|cidr": "192.0.2.0/24"}, {"f": "192.0.2.x"}, False),
    ("cidr", {"f|cidr": ["198.51.100.0/30", "192.0.2.0/25"]}, {"f": "192.0.2.127"}, True),
    ("cidr", {"f|cidr": "2001:db8::/32"}, {"f": "2001:DB8:1::1"}, True),
    ("cidr", {"f|cidr": "2001:db8::/32"}, {"f": "2001:db9::1"}, False),
    ("cidr", {"f|cidr": "0.0.0.0/0"}, {"f": "2001:db8::1"}, False),
    ("lt", {"f|lt": 10}, {"f": "9.5"}, True),
    ("lt", {"f|lt": 10}, {"f": "10"}, False),
    ("lte", {"f|lte": 10}, {"f": "10"}, True),
    ("gt", {"f|gt": 10}, {"f": "9"}, False),
    ("gt", {"f|gt": 10}, {"f": "100"}, True),
    ("gte", {"f|gte": 1.5}, {"f": "1.50"}, True),
    ("gte", {"f|gte": 10}, {"f": "many"}, False),
    ("gte", {"f|gte": 10}, {}, False),
    ("minute", {"f|minute": 30}, {"f": "2026-03-01T12:30:05Z"}, True),
    ("hour", {"f|hour": 23}, {"f": "2026-03-01T00:30:00+01:00"}, True),
    ("hour", {"f|hour": [1, 2]}, {"f": "2026-03-01T02:30:00"}, True),
    ("hour", {"f|hour|gte": 20}, {"f": "2026-03-01T21:00:00Z"}, True),
    ("hour", {"f|hour|gte": 20}, {"f": "2026-03-01T19:59:59Z"}, False),
    ("day", {"f|day": 28}, {"f": "2026-02-28T23:59:59Z"}, True),
    ("week", {"f|week": 53}, {"f": "2026-12-31T00:00:00Z"}, True),
    ("month", {"f|month|lt": 2}, {"f": "2026-02-01T00:00:00Z"}, False),
    ("year", {"f|year": 2026}, {"f": "2026-01-01T00:00:00Z"}, True),
    ("year", {"f|year|lt": 2000}, {"f": "1999-12-31T23:59:59Z"}, True),
    ("fieldref", {"f|fieldref": "g"}, {"f": "A", "g": "a"}, True),
    ("fieldref", {"f|fieldref": "g"}, {"f": "a", "g": "b"}, False),
    ("fieldref", {"f|fieldref": "g"}, {"f": "a"}, False),
    ("fieldref", {"f|fieldref": "g"}, {}, False),
    ("fieldref", {"f|fieldref|neq": "g"}, {"f": "a", "g": "b"}, True),
    ("fieldref", {"f|fieldref|neq": "g"}, {"f": "a", "g": "A"}, False),
    ("fieldref", {"f|fieldref|startswith": "g"}, {"f": "abc", "g": "AB"}, True),
    ("fieldref", {"f|fieldref|startswith": "g"}, {"f": "abc", "g": "bc"}, False),
    ("fieldref", {"f|fieldref|endswith": "g"}, {"f": "abc", "g": "bc"}, True),
    ("fieldref", {"f|fieldref|contains": "g"}, {"f": "abc", "g": "b"}, True),
]


@pytest.mark.parametrize(("modifier", "selection", "event", "expected"), MODIFIER_CASES)
def test_modifier(modifier: str, selection: dict[str, Any], event: dict[str, Any], expected: bool) -> None:
    assert hits(selection, **event) is expected


def test_every_modifier_has_a_case() -> None:
    assert set(MODIFIERS) - {case[0] for case in MODIFIER_CASES} == {"expand"}


def test_expand_takes_its_values_from_the_estate() -> None:
    selection = {"user|expand": "%Administrators%", "host|expand|startswith": r"%Site%-%Kind%"}
    values = {"Administrators": ["root", "adm*"], "Site": ["ham", "ber"], "Kind": ["srv"]}
    condition = rule(selection, values).condition
    assert evaluate(condition, {"user": ["ADMIN7"], "host": ["BER-srv01"]})
    assert not evaluate(condition, {"user": ["bob"], "host": ["BER-srv01"]})
    assert not evaluate(condition, {"user": ["root"], "host": ["muc-srv01"]})


def test_expand_inside_a_regular_expression_is_literal() -> None:
    condition = rule({"f|re|expand": "^x%Dot%y$"}, {"Dot": ["a.b"]}).condition
    assert evaluate(condition, {"f": ["xa.by"]})
    assert not evaluate(condition, {"f": ["xaxby"]})


def test_a_placeholder_nobody_resolves_rejects_the_rule() -> None:
    found = problem({"s": {"user|expand": "%Administrators%"}, "condition": "s"})
    assert found.kind == "placeholder"
    assert "%Administrators%" in found.reason
    assert found.line == 9


def test_a_percent_sign_without_expand_is_a_percent_sign() -> None:
    assert hits({"f": "%TEMP%"}, f="%temp%")


# ------------------------------------------------------------------------------------------- keywords


def test_keywords_are_or_over_the_record() -> None:
    found = {"keywords": ["mimikatz", "se?ret*door"], "condition": "keywords"}
    assert hits(found, a="x", b="run MimiKatz now")
    assert hits(found, a="the SEcret back door is open")
    assert not hits(found, a="nothing")
    assert rule(found).condition == Or(
        (
            Predicate(None, Kind.CONTAINS, "mimikatz"),
            Predicate(None, Kind.GLOB, (Token.MANY, "se", Token.ONE, "ret", Token.MANY, "door", Token.MANY)),
        )
    )


def test_keywords_with_all_are_and() -> None:
    found = {"keywords": {"|all": ["alpha", 17]}, "condition": "keywords"}
    assert hits(found, a="alpha", b="x17y")
    assert not hits(found, a="alpha")


def test_keywords_take_modifiers() -> None:
    assert hits({"k": {"|re": "a[0-9]+z"}, "condition": "k"}, a="xa12z")
    assert hits({"k": {"|cased": "Ab"}, "condition": "k"}, a="xAb")
    assert not hits({"k": {"|cased": "Ab"}, "condition": "k"}, a="xab")
    assert hits({"k": "single", "condition": "k"}, a="a single word")


@pytest.mark.parametrize("keywords", [{"|cidr": "192.0.2.0/24"}, {"|gt": 3}, [None], {"|exists": True}, [""], ["*"]])
def test_keywords_that_mean_nothing_are_refused(keywords: Any) -> None:
    assert problem({"k": keywords, "condition": "k"}).kind == "error"


# ------------------------------------------------------------------------------------------- conditions

ABC = {"sel_a": {"a": 1}, "sel_b": {"b": 1}, "_sel_c": {"c": 1}, "other": {"d": 1}}


@pytest.mark.parametrize(
    ("condition", "event", "expected"),
    [
        ("sel_a and sel_b", {"a": 1}, False),
        ("sel_a or sel_b", {"b": 1}, True),
        ("not sel_a", {}, True),
        ("sel_a or sel_b and other", {"a": 1}, True),
        ("(sel_a or sel_b) and other", {"a": 1}, False),
        ("not sel_a and sel_b", {"b": 1}, True),
        ("not (sel_a or sel_b)", {"b": 1}, False),
        ("1 of sel_*", {"b": 1}, True),
        ("any of sel_*", {"b": 1}, True),
        ("all of sel_*", {"b": 1}, False),
        ("all of sel_*", {"a": 1, "b": 1}, True),
        ("1 of them", {"c": 1}, False),
        ("1 of them", {"d": 1}, True),
        ("all of them", {"a": 1, "b": 1, "d": 1}, True),
        ("not 1 of sel_*", {"d": 1}, True),
        ("_sel_c", {"c": 1}, True),
        (["sel_a", "sel_b and other"], {"a": 1}, True),
        (["sel_a", "sel_b and other"], {"b": 1}, False),
    ],
)
def test_conditions(condition: Any, event: dict[str, Any], expected: bool) -> None:
    assert hits({**ABC, "condition": condition}, **event) is expected


def test_the_tree_is_small() -> None:
    detection = {"a": {"f": ["x", "X"], "g": "1"}, "b": {"f": "x"}, "condition": "a and (b and not not a)"}
    assert rule(detection).condition == And((Predicate("f", Kind.EQUALS, "x"), Predicate("g", Kind.EQUALS, "1")))
    assert rule({"f": None}).condition == Not(Predicate("f", Kind.EXISTS, None))


@pytest.mark.parametrize(
    ("detection", "reason", "line"),
    [
        ({"s": {"f|nonsense": 1}, "condition": "s"}, "unknown modifier 'nonsense'", 9),
        ({"s": {"f": 1}}, "no condition", 7),
        ({"s": {"f": 1}, "condition": "t"}, "'t' not defined", 10),
        ({"s": {"f": 1}, "condition": "1 of x*"}, "doesn't match any detection", 10),
        ({"s": {"f": 1}, "condition": "s and"}, "condition is wrong", 10),
        ({"s": {"f": 1}, "condition": "("}, "condition is wrong", 10),
        ({"s": {"f": 1}, "condition": 7}, "not text", 10),
        ({"s": {"f": 1}, "condition": "(" * 60 + "s" + ")" * 60}, "nested deeper", 10),
        ({"s": {"f": 1}, "condition": "s | count() > 5"}, "aggregation syntax", 10),
        ({"condition": "s"}, "no selection", 7),
        ({"s": {}, "condition": "s"}, "empty", 8),
        ({"s": [], "condition": "s"}, "empty", 8),
        ({"s": {"f": []}, "condition": "s"}, "empty", 9),
        ({"s": {"f": {"g": 1}}, "condition": "s"}, "list or a map", 9),
        ({"s": {"f": [[1]]}, "condition": "s"}, "list or a map", 9),
        ({"s": {"f|re": "(?=a)"}, "condition": "s"}, "invalid perl operator", 9),
        ({"s": {"f|re": r"(a)\1"}, "condition": "s"}, "invalid escape sequence", 9),
        ({"s": {"f|re": "(a"}, "condition": "s"}, "missing", 9),
        ({"s": {"f|re": "((a{100}){100}){100}"}, "condition": "s"}, "repetition", 9),
        ({"s": {"f|cidr": "192.0.2.1/99"}, "condition": "s"}, "CIDR", 9),
        ({"s": {"f|gt": "many"}, "condition": "s"}, "incompatible", 9),
        ({"s": {"f|exists": "maybe"}, "condition": "s"}, "incompatible", 9),
        ({"s": {"f|base64": "a*b"}, "condition": "s"}, "base64", 9),
        ({"s": {"f|windash": "-a -b -c -d"}, "condition": "s"}, "windash", 9),
        ({"s": {"f|fieldref": "a*"}, "condition": "s"}, "wildcards", 9),
        ("text", "not a map", 7),
        (["a"], "not a map", 7),
    ],
)
def test_a_broken_rule_is_told_where_and_why(detection: Any, reason: str, line: int) -> None:
    found = problem(detection)
    assert reason in found.reason
    assert found.line == line


@pytest.mark.parametrize(
    "condition", ["1 of " + "*a" * 5000, "(" * 24 + "s" + ")" * 24, "not " * 2000 + "s", " or ".join(["s"] * 2000)]
)
def test_a_long_condition_neither_hangs_nor_floods_the_reader(condition: str) -> None:
    found = parsed(yaml.safe_dump({**HEAD, "detection": {"s": {"f": 1}, "condition": condition}}))
    assert isinstance(found, Rule) or (isinstance(found, Problem) and len(found.reason) < 500)


def test_a_regular_expression_that_would_explode_elsewhere_runs_in_linear_time() -> None:
    assert not hits({"f|re": "^(a+)+$"}, f="a" * 50_000 + "!")


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        ({"title": None}, "no title"),
        ({"level": "urgent"}, "no level"),
        ({"status": 3}, "no status"),
        ({"logsource": None}, "no `logsource`"),
        ({"logsource": {}}, "empty"),
        ({"logsource": {"product": 3}}, "not text"),
        ({"id": 7}, "not text"),
    ],
)
def test_a_broken_head_is_told_too(head: dict[str, Any], reason: str) -> None:
    found = parsed(yaml.safe_dump({**HEAD, **head, "detection": {"s": {"f": 1}, "condition": "s"}}, sort_keys=False))
    assert isinstance(found, Problem)
    assert reason in found.reason


@pytest.mark.parametrize("text", ["just text", "- a\n- b", "a: 1", "title: x\nlogsource: {product: a}", "42"])
def test_what_is_no_rule_is_said_to_be_none(text: str) -> None:
    found = parsed(text)
    assert isinstance(found, Problem)
    assert found.kind == "error"


def test_sigma_1_global_documents_are_unsupported() -> None:
    found = parsed("action: global\ntitle: x\n")
    assert isinstance(found, Problem)
    assert found.kind == "unsupported"


def test_what_a_rule_carries() -> None:
    made = rule(
        {"f": 1},
        tags=[
            "attack.defense_evasion",
            "attack.execution",
            "attack.t1059.001",
            "attack.T1003",
            "attack.g0016",
            "cve.2024-1",
        ],
        status="deprecated",
        references=["https://example.com/a"],
        falsepositives=["Administrators"],
        author="Ada Example",
        name="short",
    )
    assert made.techniques == ("T1059.001", "T1003")
    assert made.tactics == ("defense-evasion", "execution")
    assert "cve.2024-1" in made.tags
    assert (made.level, made.status, made.name, made.author) == ("high", "deprecated", "short", "Ada Example")
    assert made.logsource == Logsource(product="windows", category="process_creation")
    assert (made.file, made.line) == ("rule.yml", 1)
    assert made.id == HEAD["id"]


def test_a_rule_without_an_id_gets_one_from_its_content() -> None:
    first, again, other = (rule({"f": value}, id=None).id for value in (1, 1, 2))
    assert first == again != other


# ------------------------------------------------------------------------------------------- properties

value = st.text(st.sampled_from("aB*?\\é-/"), max_size=8)
modifiers = st.lists(st.sampled_from(sorted(MODIFIERS)), max_size=3)
values = st.one_of(
    value, st.integers(-5, 70), st.none(), st.booleans(), st.floats(allow_nan=False), st.lists(value, max_size=3)
)


@given(st.dictionaries(modifiers.map(lambda names: "|".join(["f", *names])), values, max_size=3), value)
def test_any_selection_is_lowered_or_refused(selection: dict[str, Any], text: str) -> None:
    text_rule = yaml.safe_dump({**HEAD, "detection": {"s": selection, "condition": "s"}}, allow_unicode=True)
    found = parsed(text_rule, {"x": ["y"]})
    if isinstance(found, Rule):
        evaluate(found.condition, {"f": [text]})
    else:
        assert isinstance(found, Problem)
        assert found.reason


@given(value, value)
def test_globs_agree_with_a_plain_matcher(pattern: str, text: str) -> None:
    assert hits({"f": pattern}, f=text) is plain_match(units(pattern.lower()), text.lower())


def units(pattern: str) -> list[str]:
    """Literal characters as "=x", wildcards as themselves; specification, section on escaping."""
    found: list[str] = []
    at = 0
    while at < len(pattern):
        if pattern[at] == "\\" and pattern[at + 1 : at + 2] in ("*", "?", "\\") and at + 1 < len(pattern):
            found.append("=" + pattern[at + 1])
            at += 2
            continue
        found.append(pattern[at] if pattern[at] in "*?" else "=" + pattern[at])
        at += 1
    return found


def plain_match(pattern: list[str], text: str) -> bool:
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(plain_match(pattern[1:], text[at:]) for at in range(len(text) + 1))
    return bool(text) and (pattern[0] == "?" or pattern[0] == "=" + text[0]) and plain_match(pattern[1:], text[1:])
