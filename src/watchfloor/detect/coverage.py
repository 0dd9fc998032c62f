"""What a rulebook covers: tactics, techniques, log sources; and what of it could see anything.

A technique counts as covered where a rule names it or one of its sub-techniques, and as seen where such a rule could
hold on what is known to come (`evidence.sight`). How well a rule sees, no count says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from watchfloor.detect.matrix import attack
from watchfloor.detect.rule import LEVELS, Rule
from watchfloor.detect.taxonomy import Taxonomy

__all__ = ["Coverage", "LogsourceCoverage", "TacticCoverage", "by_tactic", "coverage"]


@dataclass(frozen=True, slots=True)
class LogsourceCoverage:
    """The rules of one log source, and which classes of events they are shown."""

    logsource: str
    rules: int
    classes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Coverage:
    """Counts over a rulebook."""

    rules: int
    levels: dict[str, int]
    tactics: dict[str, int]
    techniques: dict[str, int]
    untagged: int
    logsources: tuple[LogsourceCoverage, ...]


def coverage(rules: Sequence[Rule], taxonomy: Taxonomy) -> Coverage:
    """Count what the rules cover, most first."""
    levels = Counter(rule.level for rule in rules)
    tactics = Counter(tactic for rule in rules for tactic in rule.tactics)
    techniques = Counter(technique for rule in rules for technique in rule.techniques)
    by_logsource = Counter(rule.logsource for rule in rules)
    logsources = []
    for logsource, count in by_logsource.most_common():
        classes: set[str] = set()
        for condition in taxonomy.routes_for(logsource) or ():
            classes.update(value for column, values in condition.tests if column == "class_name" for value in values)
        logsources.append(LogsourceCoverage(str(logsource), count, tuple(sorted(classes))))
    return Coverage(
        rules=len(rules),
        levels={level: levels[level] for level in reversed(LEVELS)},
        tactics=dict(tactics.most_common()),
        techniques=dict(techniques.most_common()),
        untagged=sum(1 for rule in rules if not rule.tactics and not rule.techniques),
        logsources=tuple(logsources),
    )


@dataclass(frozen=True, slots=True)
class TacticCoverage:
    """Techniques of one tactic: all there are, those some rule names, those some rule could see."""

    matrix: str
    tactic: str
    techniques: int
    ruled: int
    seen: int


def by_tactic(rules: Sequence[Rule], seeing: Collection[str] | None = None) -> list[TacticCoverage]:
    """Every tactic of ATT&CK, Enterprise and ICS, in the order of the matrices.

    Args:
        seeing: ids of the rules that could see something; None: all.
    """
    known = attack()
    ruled = {technique.partition(".")[0] for rule in rules for technique in rule.techniques}
    seen = {
        technique.partition(".")[0]
        for rule in rules if seeing is None or rule.id in seeing
        for technique in rule.techniques
    }  # fmt: skip
    found = []
    for matrix, tactics in known.tactics.items():
        for tactic in tactics:
            there = {one.uid for one in known.of(matrix, tactic)}
            found.append(TacticCoverage(matrix, tactic, len(there), len(there & ruled), len(there & seen)))
    return found
