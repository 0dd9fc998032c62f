"""What a rulebook covers: tactics, techniques, log sources; and what it cannot see."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from watchfloor.detect.rule import LEVELS, Rule
from watchfloor.detect.taxonomy import Taxonomy

__all__ = ["Coverage", "LogsourceCoverage", "coverage"]


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
