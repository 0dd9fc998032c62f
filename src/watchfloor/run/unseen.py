"""What correlations could not judge because nobody could see: one open question for each stretch of blindness.

    S7 counts commands to controllers    the tap of their network was silent from 02:00 to 04:00    one question

What a rule says is absent is judged at the place of each event (`detect/correlation`). What it counts is a record;
where the source of such records, or of the facts it reads, was blind, no record asks. So blindness itself is looked at,
as far as the sources are, and each stretch told once: again when it ends, and when its records come after all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import orjson

from watchfloor.detect.correlation_condition import negated
from watchfloor.detect.rule import Correlation, Rule
from watchfloor.detect.rulebook import Rulebook
from watchfloor.detect.sentence import fields_of
from watchfloor.ocsf.events import Events
from watchfloor.ocsf.uncovered import Uncovered, uncovered
from watchfloor.run.correlating import facts
from watchfloor.run.evidence import NEEDS
from watchfloor.world.blind import Blind
from watchfloor.world.coverage import WHY

__all__ = ["LOOK_EVERY", "Unseen"]

LOOK_EVERY = 300_000
"""Milliseconds that the sources go on before blindness is looked at again."""

LOOK_BACK = 2 * 86_400_000
"""Milliseconds in which a stretch may still become another one, by what comes late."""

STAFF = "workforce_activity"
ALSO: Mapping[str, str] = {
    "asof.person.ended_s": STAFF, "asof.person.employment_status": STAFF, "asof.person.role_class": STAFF,
}  # fmt: skip
"""What the estate's files say first, and a source of these events after them."""

BEFORE_ALL = -(1 << 62)


class _Told(NamedTuple):
    """A question: of which rule, about what, and since when it was told first; then what was told last."""

    rule: str
    source: str
    of: str
    first: int
    since: int
    until: int
    lasts: bool


class Unseen:
    """Questions of the correlations of a rulebook.

    Args:
        rulebook: what counts on what.
        classes: per rule id the classes of its events; None is any.
    """

    def __init__(self, rulebook: Rulebook, classes: Mapping[str, frozenset[str] | None]) -> None:
        self._asking: dict[str, tuple[Correlation, frozenset[str]]] = {}
        rules = {rule.id: rule for rule in rulebook.rules}
        for one in rulebook.correlations:
            needed = _needed(one, rulebook, rules, classes)
            if needed and one.id not in rulebook.silent and one.on_incomplete != "drop":
                self._asking[one.id] = one, needed
        self._told: list[_Told] = []
        self._upto = BEFORE_ALL

    @property
    def back_to(self) -> int:
        """What happened before this need not be looked at again, milliseconds."""
        recent = max(self._upto, BEFORE_ALL + LOOK_BACK) - LOOK_BACK
        return min([recent, *(told.since for told in self._told if told.lasts)])

    def due(self, upto: int) -> bool:
        """Whether the sources went on far enough for a look to pay."""
        return bool(self._asking) and upto >= self._upto + LOOK_EVERY

    def look(self, upto: int, known: Callable[[], Iterable[Blind] | None], now: int) -> Events | None:
        """Findings of what became blind, of what is over, and of what was seen after all; None where nothing did.

        Args:
            upto: how far the sources are, milliseconds.
            known: gives what was blind up to then; None where nobody knows.
            now: when the youngest record came, milliseconds.
        """
        if not self.due(upto):
            return None
        stretches = known()
        if stretches is None:
            return None
        since = self.back_to
        self._upto = upto
        before: dict[tuple[str, str, str], list[_Told]] = {}
        for told in self._told:
            before.setdefault(told[:3], []).append(told)
        kept: list[_Told] = []
        made: list[Uncovered] = []
        for one in stretches:
            if one.until <= since:
                continue
            for uid, (rule, needed) in self._asking.items():
                if one.classes and not needed & one.classes:
                    continue
                known_as = before.get((uid, one.source, one.of), [])
                same = [told for told in known_as if told.since <= one.until and one.since <= told.until]
                for told in same:
                    known_as.remove(told)
                now_told = _Told(uid, one.source, one.of, same[0].first if same else one.since, *one[2:4], one.lasts)
                kept.append(now_told)
                grows = bool(same) and same[0].since == one.since and same[0].lasts and one.lasts
                if not grows and same[:1] != [now_told]:
                    made.append(_uncovered(rule, one, now_told.first, now, again=bool(same)))
                made += [self._gone(told, now) for told in same[1:]]  # two that became one
        made += [self._gone(told, now) for some in before.values() for told in some if told.until > since]
        self._told = kept
        return uncovered(made) if made else None

    def _gone(self, told: _Told, now: int) -> Uncovered:
        one = Blind(told.source, told.of, told.since, told.until, "pending", frozenset(), False)
        return _uncovered(self._asking[told.rule][0], one, told.first, now, again=True, over=True)

    def written(self) -> str:
        """What was told, and how far: for the state."""
        return orjson.dumps([self._upto, [[*told] for told in self._told]]).decode()

    def read(self, text: str) -> None:
        """Take up what was written."""
        self._upto, told = orjson.loads(text)
        self._told = [_Told(*one) for one in told if one[0] in self._asking]


def _uncovered(rule: Correlation, one: Blind, first: int, now: int, *, again: bool, over: bool = False) -> Uncovered:
    gap = {"why": one.why, "source": one.source, "of": one.of, "since": one.since, "until": one.until}
    said = WHY[one.why].format(source=one.source, of=one.of)
    return Uncovered(facts(rule), gap, said, first, one.lasts, again, over, now)


def _needed(
    one: Correlation,
    book: Rulebook,
    rules: Mapping[str, Rule],
    classes: Mapping[str, frozenset[str] | None],
) -> frozenset[str]:
    """Classes of the events that a correlation counts, and of those that teach the facts its rules read."""
    inner = {other.id: other for other in book.correlations}
    absent = negated(one.expression)[1] if one.expression else frozenset[str]()
    found: set[str] = set()
    for name, uid in zip(one.rules, book.members[one.id], strict=False):
        if name in absent:
            continue
        if uid in inner:
            found |= _needed(inner[uid], book, rules, classes)
        elif uid in rules:
            found |= classes.get(uid) or frozenset()
            for field in fields_of(rules[uid].condition):
                found |= {needed for table in (NEEDS, ALSO) if (needed := table.get(field or ""))}
    return frozenset(found)
