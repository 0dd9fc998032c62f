"""A rule that is ready to be compiled, one that counts on others, and the reason why another is not."""

from __future__ import annotations

from typing import Literal

import msgspec

from watchfloor.detect.predicate import Node

__all__ = [
    "LEVELS",
    "STATUSES",
    "Correlation",
    "Emit",
    "Filter",
    "Incomplete",
    "Logsource",
    "Problem",
    "ProblemKind",
    "Rule",
]

LEVELS = ("informational", "low", "medium", "high", "critical")  # Sigma specification v2.1.0, lowest first
STATUSES = ("stable", "test", "experimental", "deprecated", "unsupported")

ProblemKind = Literal["error", "unsupported", "placeholder", "correlation", "duplicate", "no_route", "unused", "over"]
Emit = Literal["once", "each", "reset"]
Incomplete = Literal["indeterminate", "fire", "drop"]


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
        possible: the condition under which it may match where it is in doubt whose the event is; None where it does not
            depend on that.
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
    possible: Node | None = None


class Correlation(msgspec.Struct, frozen=True, array_like=True, tag="correlation", gc=False):
    """One Sigma correlation rule, read. It judges what other rules matched (Sigma specification v2.1.0 and SEP #198).

    Args:
        id, title, level, status, file, line, name, description, author, tags, techniques, tactics, references,
            falsepositives: as of `Rule`.
        kind: its `type`, one of `correlation_document.TYPES`.
        rules: names or ids of the rules it counts on, as written, each once.
        group_by: fields or aliases whose values must agree; none makes one group of all.
        timespan: milliseconds.
        bounds: (operator, number), all of which the count or value must meet; empty with an expression.
        expression: names of rules and `&` `|` `!` behind what they join (postfix); empty with bounds.
        field: whose values are counted, summed ...; None where matches are.
        percentile: 0 to 100, of `value_percentile`.
        aliases: per alias its name and (rule as written, field) for each rule.
        generate: the rules it counts on also speak for themselves.
        anchor: the rule whose matches are judged; None judges each match.
        before, after: the window around a match, milliseconds; together the timespan.
        lateness: milliseconds to wait beyond that of the sources; None waits no longer.
        on_incomplete: what becomes of a match that cannot be judged.
        emit: `once` per group until the condition is false again, at `each` match, or `reset` what was counted.
        suppress: milliseconds after a finding in which its group makes no other.
        min_confidence: links of entities below it are no links.
        purpose, itm: as written.
        doubt: (rule as written, reason) of rules whose matches may mean nothing.
        weak: rules whose matches are in doubt where it is not sure who it was; each is one more member.
    """

    id: str
    title: str
    level: str
    status: str | None
    kind: str
    rules: tuple[str, ...]
    group_by: tuple[str, ...]
    timespan: int
    bounds: tuple[tuple[str, float], ...]
    expression: tuple[str, ...]
    file: str
    line: int
    field: str | None = None
    percentile: float | None = None
    aliases: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()
    generate: bool = False
    anchor: str | None = None
    before: int = 0
    after: int = 0
    lateness: int | None = None
    on_incomplete: Incomplete = "indeterminate"
    emit: Emit = "once"
    suppress: int = 0
    min_confidence: int = 80
    name: str | None = None
    description: str | None = None
    author: str | None = None
    tags: tuple[str, ...] = ()
    techniques: tuple[str, ...] = ()
    tactics: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    falsepositives: tuple[str, ...] = ()
    purpose: str | None = None
    itm: tuple[str, ...] = ()
    doubt: tuple[tuple[str, str], ...] = ()
    weak: tuple[str, ...] = ()


class Filter(msgspec.Struct, frozen=True, array_like=True, tag="filter", gc=False):
    """A Sigma filter: where it holds, the rules it names fire no more.

    Args:
        rules: ids, names or titles; None is any rule of the log source.
        condition: to be and-ed to the rule's own.
        expires: last day on which it counts, ISO 8601; None counts for ever.
    """

    id: str
    title: str
    logsource: Logsource
    rules: tuple[str, ...] | None
    condition: Node
    file: str
    line: int
    expires: str | None = None


class Problem(msgspec.Struct, frozen=True, array_like=True, tag="problem", gc=False):
    """A document that is not loaded, or (in a rulebook's `notes`) something worth knowing about one that is.

    Args:
        file: where it is.
        line: 1-based.
        rule: title or id, as far as it could be read; else "".
        reason: one sentence.
        remedy: what its author can do.
        kind: `error` broken; `unsupported` valid, and beyond what we evaluate; `placeholder` needs a value of the
            estate; `correlation` a rule it counts on is not loaded; `duplicate` the id is taken; `no_route` unknown log
            source; `unused` a filter that meets no rule.
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
