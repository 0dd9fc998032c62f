"""A condition as text, and the fields it asks for."""

from __future__ import annotations

from pathlib import Path

from watchfloor.detect.rulebook import Rulebook, load_rules
from watchfloor.detect.sentence import fields_of, only, sentence

RULE = r"""
title: Words
id: 77777777-7777-4777-8777-777777777777
level: high
tags: [attack.execution, attack.t1059.001]
logsource: {product: windows, category: process_creation}
detection:
  equals: {Image: 'C:\a.exe'}
  ends: {Image|endswith: '\b.exe'}
  starts: {ParentImage|startswith: 'C:\'}
  parts: {CommandLine|contains|all: [one, two]}
  cased: {CommandLine|contains|cased: Three}
  glob: {CommandLine: 'a*b?c'}
  regex: {CommandLine|re: 'x+y'}
  net: {Address|cidr: 192.0.2.0/24}
  number: {ProcessId|gte: 100}
  there: {User|exists: true}
  nothing: {Hashes: null}
  ref: {Image|fieldref: ParentImage}
  words: [alpha, beta]
  condition: (equals or ends or 1 of pa*) and not (starts and net) and cased and glob and regex and number and there
    and nothing and ref and words
"""


def _book(tmp_path: Path, **rules: str) -> Rulebook:
    for name, text in rules.items():
        (tmp_path / f"{name}.yml").write_text(text)
    return load_rules([tmp_path])


def test_every_kind_of_test_has_words(tmp_path: Path) -> None:
    book = _book(tmp_path, words=RULE)
    assert not book.problems, book.problems
    text = sentence(book.rules[0].condition).lower()
    for words in (
        "image is ", "image ends with", "parentimage starts with", "commandline contains 'one'", "(case matters)",
        "commandline looks like 'a*b?c'", "matches /x+y/", "192.0.2.0/24", "processid >= 100", "user has a value",
        "not hashes has a value", "the value of parentimage", "any text", "all of", "any of",
    ):  # fmt: skip
        assert words in text, f"{words!r} not in\n{text}"
    assert max(len(line) - len(line.lstrip()) for line in text.splitlines()) >= 4, "structure is indentation"


def test_fields_in_order_and_once(tmp_path: Path) -> None:
    fields = fields_of(_book(tmp_path, words=RULE).rules[0].condition)
    assert len(fields) == len(set(fields))
    assert set(fields) == {"Image", "ParentImage", "CommandLine", "Address", "ProcessId", "User", "Hashes"}


def test_which_values_a_field_must_have(tmp_path: Path) -> None:
    head = "title: T\nlogsource: {product: watchfloor, category: authentication}\ndetection:\n"
    asked = {
        "a: {user.name: [X, y], b: 1}\n  condition: a": {"x", "y"},
        "a: {user.name: x}\n  b: {c: 1}\n  condition: a or b": None,
        "a: {user.name: x}\n  b: {user.name: y, c: 1}\n  condition: a or b": {"x", "y"},
        "a: {user.name: [x, y]}\n  b: {user.name: [y, z]}\n  condition: a and b": {"y"},
        "a: {user.name: x}\n  b: {c: 1}\n  condition: b and not a": None,
        "a: {user.name|contains: x}\n  condition: a": None,
    }
    for number, (text, wanted) in enumerate(asked.items()):
        folder = tmp_path / str(number)
        folder.mkdir()
        (rule,) = _book(folder, rule=f"{head}  {text}\n").rules
        assert only(rule.condition, "user.name") == wanted, text
