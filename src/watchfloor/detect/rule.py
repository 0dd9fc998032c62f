"""A rule that is ready to be compiled, and the reason why another is not."""

from __future__ import annotations

from typing import Literal

import msgspec

from watchfloor.detect.predicate import Node

__all__ = ["LEVELS", "STATUSES", "Filter", "Logsource", "Problem", "ProblemKind", "Rule"]

LEVELS = ("informational", "low", "medium", "high", "critical")  # Sigma specification v2.1.0, lowest first
STATUSES = ("stable", "test", "experimental", "deprecated", "unsupported")

ProblemKind = Literal["error", "unsupported", "placeholder", "correlation", "duplicate", "no_route", "unused"]


class Logsource(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Which log a rule is about (Sigma specification v2.1.0, log source); at least one is given."""

    product: str | None = None
    category: str | None = None
    service: str | None = None

    def __str__(self) -> str:
        return ", ".join(
            f"{name} {value}"
            for name, value in (("product", self.product), ("category", self.category), ("service", self.service))
            if value
        )

    def covers(self, other: Logsource) -> bool:
        """Whether everything said here is said by `other` too."""
        return all(
            mine is None or mine == theirs
            for mine, theirs in (
                (self.product, other.product),
                (self.category, other.category),
                (self.service, other.service),
            )
        )


class Rule(msgspec.Struct, frozen=True, array_like=True, tag="rule", gc=False):
    """One Sigma detection rule, lowered.

    Args:
        id: the rule's UUID in lower case, or one made from file and title when it has none.
        title: as written.
        level: one of `LEVELS`; a rule without one counts as medium, as in Sigma's own tools.
        status: one of `STATUSES` or None.
        logsource: what it is about.
        condition: the tree over Sigma field names; filters that name this rule are already in it.
        file: where it came from; in an archive `archive.zip/member`.
        line: 1-based line its document begins on.
        name: the short name by which correlations and filters may refer to it.
        description: as written.
        author: as written.
        tags: as written.
        techniques: ATT&CK technique ids out of the tags, such as "T1059.001".
        tactics: ATT&CK tactic names out of the tags, such as "defense-evasion".
        references: as written.
        falsepositives: as written.
        taxonomy: the field naming scheme, "sigma" unless the rule says otherwise.
        filters: ids of the Sigma filters applied.
    """

    id: str
    title: str
    level: str
    status: str | None
    logsource: Logsource
    condition: Node
    file: str
    line: int
    name: str | None = None
    description: str | None = None
    author: str | None = None
    tags: tuple[str, ...] = ()
    techniques: tuple[str, ...] = ()
    tactics: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    falsepositives: tuple[str, ...] = ()
    taxonomy: str = "sigma"
    filters: tuple[str, ...] = ()


class Filter(msgspec.Struct, frozen=True, array_like=True, tag="filter", gc=False):
    """A Sigma filter: where it holds, the rules it names fire no more.

    Args:
        rules: ids, names or titles; None is any rule of the log source.
        condition: to be and-ed to the rule's own.
    """

    id: str
    title: str
    logsource: Logsource
    rules: tuple[str, ...] | None
    condition: Node
    file: str
    line: int


class Problem(msgspec.Struct, frozen=True, array_like=True, tag="problem", gc=False):
    """A document that is not loaded, or (in a rulebook's `notes`) something worth knowing about one that is.

    Args:
        file: where it is.
        line: 1-based.
        rule: title or id, as far as it could be read; else "".
        reason: one sentence.
        remedy: what its author can do.
        kind: `error` broken; `unsupported` valid, and beyond what we evaluate; `placeholder` needs a value of the
            estate; `correlation` not evaluated yet; `duplicate` the id is taken; `no_route` unknown log source;
            `unused` a filter that meets no rule.
    """

    file: str
    line: int
    rule: str
    reason: str
    remedy: str
    kind: ProblemKind

    def __str__(self) -> str:
        named = f" {self.rule!r}" if self.rule else ""
        return f"{self.file}:{self.line}:{named} {self.reason}\n  -> {self.remedy}"
