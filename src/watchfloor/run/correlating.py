"""Correlations on the path: matches in, OCSF findings with all their evidence out.

    matched events -> matches (group, value, time)      -> operator: what changed           (detect/correlation)
                   -> evidence, by uid                  -> finding of each event            (ocsf/finding)
                                                        -> finding of the correlation       (ocsf/correlated)

Nothing here reads a clock: what time it is, is what the records say of when they came.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from watchfloor.detect.correlation import Ask, Gap, Operator, Watermark, unwatched
from watchfloor.detect.correlation_matches import no_matches
from watchfloor.detect.intel.indicator import naming
from watchfloor.detect.rule import Correlation, Rule
from watchfloor.detect.rulebook import Rulebook
from watchfloor.detect.sentence import fields_of
from watchfloor.detect.taxonomy import Taxonomy
from watchfloor.ocsf import finding
from watchfloor.ocsf.correlated import Change, correlated
from watchfloor.ocsf.events import Events
from watchfloor.run.recall import Place, Recall

__all__ = ["Correlating", "Matched", "alerting", "facts"]

Older = Callable[[Sequence[str], int, int], Iterable[Events]]
"""Finds events of some uids that happened in [since, until] and are kept no longer."""


@dataclass(slots=True)
class Matched:
    """What correlations need of a batch.

    Args:
        matches: tables as `correlation.MATCHES`.
        events: the matched events, as findings may tell of them.
    """

    matches: list[pa.Table] = field(default_factory=list)
    events: list[Events] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.matches)


class Correlating:
    """The correlations of a rulebook, and what they hold.

    Args:
        rulebook: rules and correlations.
        taxonomy: where the fields of rules are found.
        coverage: what could have been seen.
        older: finds evidence that a restart has let go of.

    Attributes:
        unjudged: per id of a correlation how many matches it could not judge.
        waiting: matched, and taken up with the next step.
    """

    def __init__(
        self,
        rulebook: Rulebook,
        taxonomy: Taxonomy,
        *,
        coverage: Callable[[Ask], Sequence[Gap]] = unwatched,
        older: Older = lambda uids, since, until: (),
    ) -> None:
        self.operator = Operator(rulebook.correlations, rulebook.members)
        self.state = self.operator.begin()
        self.coverage, self._older = coverage, older
        self._members, self._silent = rulebook.members, rulebook.silent
        self._rules: dict[str, Rule] = {rule.id: rule for rule in rulebook.matched}
        self._position = {one.id: number for number, one in enumerate(rulebook.correlations)}
        self._taxonomy = taxonomy
        self._evidence = Recall()
        self._found = Recall()
        self.unjudged: Counter[str] = Counter()
        self.waiting: list[Matched] = []

    @property
    def counters(self) -> Mapping[str, int]:
        """What was left out, by reason."""
        return self.operator.counters(self.state)

    def step(self, matched: Iterable[Matched], watermark: Watermark, *, now: int = 0) -> Events | None:
        """Take up what was matched; findings of what changed, without those of silent correlations. None if none.

        Args:
            now: when the youngest record came, milliseconds: tells later findings of one thing from earlier ones.
        """
        tables = []
        waiting, self.waiting = self.waiting, []
        for one in (*waiting, *matched):
            tables += one.matches
            for events in one.events:
                self._evidence.keep(events)
        matches = pa.concat_tables([no_matches(), *tables]).unify_dictionaries()
        self.state, changed = self.operator.step(self.state, matches, watermark, self.coverage)
        found = self._told(changed.to_pylist(), now) if changed.num_rows else None
        for kept in (self._evidence, self._found):
            kept.forget(self.state.oldest)
        return found

    def _told(self, changes: list[dict[str, Any]], now: int) -> Events | None:
        """Findings, those of inner correlations first: outer ones name them."""
        parts: list[Events] = []
        for number, one in enumerate(self.operator.correlations):
            some = [change for change in changes if change["correlation"] == number]
            for change in some:
                if change["change"] == "not_evaluable":
                    self.unjudged[one.id] += 1
            if one.on_incomplete == "drop":
                some = [change for change in some if change["change"] in ("create", "retract")]
            if not some:
                continue
            found = self._of(one, some, now)
            self._found.keep(found)
            if one.id not in self._silent:
                parts.append(found)
        return Events.concat(parts) if parts else None

    def _of(self, one: Correlation, changes: Sequence[Mapping[str, Any]], now: int) -> Events:
        members = self._members[one.id]
        wanted: dict[tuple[str, str], None] = {}
        for change in changes:
            for uid, member in zip(change["evidence"], change["members"], strict=True):
                wanted[uid, members[member]] = None
        own, rows = self._own(list(wanted), changes)
        made = []
        for change in changes:
            evidence = [
                rows[uid, members[member]]
                for uid, member in zip(change["evidence"], change["members"], strict=True)
                if (uid, members[member]) in rows
            ]
            anchor = next(rows[uid, rule] for uid, rule in rows if uid == change["anchor"])
            group = dict(zip(one.group_by, orjson.loads(change["text"] or "[]"), strict=False))
            made.append(
                Change(
                    rule=facts(one),
                    uid=change["uid"],
                    kind=change["change"],
                    anchor=anchor,
                    evidence=tuple(evidence),
                    group={name: str(value) for name, value in group.items()},
                    number=change["number"],
                    late=change["late"],
                    unseen=change["unseen"],
                    gaps=tuple(change["gaps"] or ()),
                    told=now,
                )
            )
        return correlated(own, made)

    def _own(
        self, wanted: Sequence[tuple[str, str]], changes: Sequence[Mapping[str, Any]]
    ) -> tuple[Events, dict[tuple[str, str], int]]:
        """The finding of each event by the rule that matched it, and in which row it is."""
        self._fetch([uid for uid, rule in wanted if rule in self._rules], changes)
        by_batch: dict[int, dict[str, list[tuple[str, int]]]] = {}
        inner: list[tuple[str, str, Place]] = []
        for uid, rule in wanted:
            if rule in self._position:
                place = self._found.find(uid)
                if place is not None:
                    inner.append((uid, rule, place))
                continue
            place = self._evidence.find(uid)
            if place is not None:
                by_batch.setdefault(place.batch, {}).setdefault(rule, []).append((uid, place.row))
        rows: dict[tuple[str, str], int] = {}
        batches = []
        for number, rules in by_batch.items():
            matches = []
            for rule, some in rules.items():
                known = self._rules[rule]
                fields = self._taxonomy.places(known.logsource, fields_of(known.condition))
                hit = np.array([row for _, row in some], np.int64)
                matches.append(finding.Match(facts(known), hit, naming(fields)))
                for uid, _ in some:
                    rows[uid, rule] = len(rows)
            batches.append((self._evidence.events(number), matches))
        parts = [finding.findings(batches)] if batches else []
        for uid, rule, place in inner:
            rows[uid, rule] = len(rows)
            parts.append(self._found.events(place.batch).take([place.row]))
        for change in changes:  # nothing is left of the event: what is known of it is that it was
            if not any(uid == change["anchor"] for uid, _ in rows):
                rule = self._members[self.operator.correlations[change["correlation"]].id][0]
                rows[change["anchor"], rule] = len(rows)
                event = Events.build("base_event", {"time": change["time"], "metadata.uid": change["anchor"]}, 1)
                named = finding.RuleFacts(rule, rule)
                parts.append(finding.findings([(event, [finding.Match(named, np.zeros(1, np.int64))])]))
        return Events.concat(parts), rows

    def _fetch(self, uids: Sequence[str], changes: Sequence[Mapping[str, Any]]) -> None:
        """Bring back evidence that a restart has let go of."""
        missing = [uid for uid in dict.fromkeys(uids) if self._evidence.find(uid) is None]
        if not missing:
            return
        spans = [self.operator.correlations[change["correlation"]].timespan for change in changes]
        times = [change["time"] for change in changes]
        for events in self._older(missing, min(times) - 2 * max(spans), max(times) + 2 * max(spans)):
            self._evidence.keep(events)


def facts(rule: Rule | Correlation) -> finding.RuleFacts:
    """What a finding says of its rule."""
    return finding.RuleFacts(
        uid=rule.id,
        title=rule.title,
        level=rule.level,
        description=rule.description,
        author=rule.author,
        attacks=tuple(finding.Attack(technique_uid=technique) for technique in rule.techniques)
        + tuple(finding.Attack(tactic_name=tactic) for tactic in rule.tactics),
        tags=rule.tags,
        references=rule.references,
        false_positives=rule.falsepositives,
    )


def alerting(found: Events) -> Events | None:
    """The findings that are news: not those taken back, nor what could not be judged; None if none are."""
    alert = found.column("is_alert")
    if alert is None:
        return None
    rows = np.flatnonzero(np.array([value is True for value in alert.to_pylist()], np.bool_))
    return found.take(rows) if len(rows) else None
