"""Rules and events by chance, millions of cases: does the engine say what the specification says?

    python -m benchmarks.oracle --cases 1M            against tests/detect/specification.py
    python -m benchmarks.oracle --cases 200k --sqlite  and against pySigma's SQLite backend, where both mean the same

A case is one rule on one event. A round takes some rules and some events, loads the rules from YAML, reads the events
from JSON, and compares every pair; values new and values known. Everything follows from the seed. The first difference
is made small and printed; the exit code is 1 then.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections import Counter
from collections.abc import Mapping
from random import Random
from typing import Any

import yaml
from tests.detect import sigma_cases

from benchmarks import machine
from watchfloor.detect.rule import Problem, Rule

RULES, EVENTS = 30, 30

FORGETS_CASE = re.compile(r"\|cased\|(?!all|neq)")
"""pySigma forgets `cased` where a modifier behind it makes a new text; we do not."""


class Tally:
    """Cases and hits, per modifier too; what was refused."""

    def __init__(self) -> None:
        self.cases = self.hits = self.rules = 0
        self.refused: Counter[str] = Counter()
        self.by_modifier: dict[str, list[int]] = {}

    def count(self, detection: Mapping[str, Any], events: int, hits: int) -> None:
        """One rule over some events."""
        self.rules, self.cases, self.hits = self.rules + 1, self.cases + events, self.hits + hits
        for name in _modifiers(detection):
            held = self.by_modifier.setdefault(name, [0, 0])
            held[0] += events
            held[1] += hits


def _modifiers(detection: Mapping[str, Any]) -> set[str]:
    """Every modifier a rule uses, and what it uses besides: keywords, several conditions, `of`, null."""
    found: set[str] = set()
    for name, body in detection.items():
        if name == "condition":
            found |= {"list of conditions"} if isinstance(body, list) else set()
            words = " ".join(body) if isinstance(body, list) else body
            found |= {word for word in (" of ", "not ") if word in words}
            continue
        parts = body if isinstance(body, list) else [body]
        found |= {"list of maps"} if len(parts) > 1 and isinstance(parts[0], dict) else set()
        for part in parts:
            for key, value in part.items() if isinstance(part, dict) else [("", part)]:
                field, *modifiers = key.split("|")
                found |= set(modifiers) | ({"list of values"} if isinstance(value, list) else set())
                found |= {word for word, holds in (("keywords", not field), ("null", value is None)) if holds}
    return found


def round_(chance: Random, tally: Tally) -> tuple[Any, Any] | None:
    """Some rules over some events; the first pair that differs."""
    records = [sigma_cases.record(chance) for _ in range(EVENTS)]
    events = [sigma_cases.event(record) for record in records]
    rules, means, made = [], [], []
    for _ in range(RULES):
        detection = sigma_cases.detection(chance)
        document = sigma_cases.document(detection)
        rule = sigma_cases.loaded(document)
        if isinstance(rule, Problem):
            tally.refused[rule.reason] += 1
            continue
        rules.append(rule)
        means.append(sigma_cases.means(document))
        made.append(detection)
    first, second = sigma_cases.verdicts(rules, records)
    for number, mean in enumerate(means):
        expected = {row for row, event in enumerate(events) if mean(event)}
        tally.count(made[number], len(events), len(expected))
        for found in (first, second):
            differing = expected ^ {row for row, rule in found if rule == number}
            if differing:
                return made[number], records[min(differing)]
    return None


def sqlite_round(chance: Random, tally: Tally) -> tuple[Any, Any] | None:
    """The same against SQL: records that are flat, with every field there, rules that SQL means the same by."""
    from sigma.backends.sqlite import sqliteBackend
    from sigma.exceptions import SigmaError
    from sigma.rule import SigmaRule
    from tests.detect import sqlite_peer

    records = [sigma_cases.flat_record(chance) for _ in range(EVENTS)]
    rules: list[Rule] = []
    made: list[Any] = []
    conditions: dict[str, str] = {}
    backend = sqliteBackend()
    for _ in range(RULES):
        detection = sigma_cases.detection(chance, plain=True)
        text = yaml.safe_dump(detection, allow_unicode=True)
        if sigma_cases.NARROW in detection or not text.isascii() or FORGETS_CASE.search(text):
            continue
        document = sigma_cases.document(detection)
        rule = sigma_cases.loaded(document)
        if isinstance(rule, Problem):
            tally.refused[rule.reason] += 1
            continue
        try:
            (text,) = backend.convert_rule(SigmaRule.from_dict(document.data))
        except SigmaError as error:
            tally.refused[f"SQLite: {error}"] += 1
            continue
        conditions[str(len(rules))] = text.partition(" WHERE ")[2]
        rules.append(rule)
        made.append(detection)
    first, second = sigma_cases.verdicts(rules, records)
    table = sqlite_peer.database(({name: str(v) for name, v in record.items()} for record in records), ())
    theirs, failed = sqlite_peer.hits(table, conditions)
    tally.refused.update(f"SQLite: {why}" for why in failed.values())
    for number, detection in enumerate(made):
        if str(number) not in theirs:
            continue
        expected = theirs[str(number)]
        tally.count(detection, len(records), len(expected))
        for found in (first, second):
            differing = expected ^ {row for row, rule in found if rule == number}
            if differing:
                return detection, records[min(differing)]
    return None


def main(cases: int = 1_000_000, seed: int = 1, *, sqlite: bool = False) -> str:
    """Compare; gives the figures, or exits with the first difference."""
    chance, tally = Random(seed), Tally()
    began, told = time.process_time(), 0
    while tally.cases < cases:
        differing = (sqlite_round if sqlite else round_)(chance, tally)
        if differing is not None:
            _tell(*differing, seed=seed, cases=tally.cases, sqlite=sqlite)
            raise SystemExit(1)
        if tally.cases - told >= 100_000:
            told = tally.cases
            print(f"{told:,} cases, {time.process_time() - began:.0f} s", file=sys.stderr)
    return _said(tally, seed, time.process_time() - began, sqlite)


def _tell(detection: Any, record: Any, *, seed: int, cases: int, sqlite: bool) -> None:
    if not sqlite:
        if sigma_cases.differs(detection, record):
            detection, record = sigma_cases.smallest(detection, record)
        else:
            print("only together with other rules or events of the round:")
        wanted = sigma_cases.means(sigma_cases.document(detection))(sigma_cases.event(record))
        print(f"the specification says {wanted}, the engine {not wanted}:")
    print(yaml.safe_dump(detection, allow_unicode=True, sort_keys=False))
    print(f"on {record!r}\nafter {cases:,} cases of seed {seed}")


def _said(tally: Tally, seed: int, seconds: float, sqlite: bool) -> str:
    against = "pySigma's SQLite backend" if sqlite else "the specification's oracle"
    rows = [
        (name.strip(), f"{cases:,}", f"{hits / cases:.0%}") for name, (cases, hits) in sorted(tally.by_modifier.items())
    ]
    refused = sum(tally.refused.values())
    return (
        f"### Oracle: {against}\n\n{tally.cases:,} cases ({tally.rules:,} rules, seed {seed}, {seconds:.0f} s): "
        f"**0 differences**; {tally.hits / tally.cases:.0%} are hits. Values new and values known, both. {refused:,} "
        f"rules were refused by both or by their own fault: "
        + "; ".join(f"{count:,} {reason}" for reason, count in tally.refused.most_common(8))
        + f".\n\n{machine.table(('rules that use', 'cases', 'hits'), rows)}"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=machine.count_of, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sqlite", action="store_true")
    given = parser.parse_args()
    print(main(given.cases, given.seed, sqlite=given.sqlite))
