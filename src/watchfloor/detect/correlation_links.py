"""Which rules each correlation counts on: references by id or name into the rules that are loaded.

A correlation whose rules are not all there is not loaded, nor is one that counts on it; the rules it names then go on
speaking for themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from watchfloor.detect.rule import Correlation, Problem, Rule

__all__ = ["AMBIGUOUS", "IN_DOUBT", "PERSON", "Linked", "doubted", "field_of", "link"]

PERSON = "wf.person_uid"

AMBIGUOUS = "identity_ambiguous"
"""Why a match is in doubt: nobody knows surely whose it is (reference 6.4)."""

IN_DOUBT = " in doubt"
"""Behind the id of a rule: it matches where it is not sure who it was."""


class Linked(NamedTuple):
    """Correlations that can be evaluated.

    Args:
        correlations: those a correlation counts on stand before it.
        members: per correlation's id the ids of its rules, in its order.
        silent: ids of rules and correlations that only others count on: they make no findings of their own.
        doubtful: what matches where it is in doubt whose an event is, of the rules that are counted.
        problems: of the other correlations.
    """

    correlations: tuple[Correlation, ...]
    members: Mapping[str, tuple[str, ...]]
    silent: frozenset[str]
    doubtful: tuple[Rule, ...]
    problems: tuple[Problem, ...]


def field_of(correlation: Correlation, member: int, name: str) -> str:
    """The field of a member that a name in `group-by` stands for."""
    wanted = (*correlation.rules, *correlation.weak)[member]
    for alias, fields in correlation.aliases:
        if alias == name:
            return dict(fields).get(wanted, name)
    return name


def doubted(correlation: Correlation, member: int) -> bool:
    """Whether whose a match of a member is decides to which group it belongs."""
    return any(field_of(correlation, member, name) == PERSON for name in correlation.group_by)


def link(rules: Iterable[Rule], correlations: Sequence[Correlation]) -> Linked:
    """Resolve every reference."""
    known: dict[str, list[Rule | Correlation]] = {}
    named: list[Rule | Correlation] = [*rules, *correlations]
    for each in named:
        known.setdefault(each.id, []).append(each)
        if each.name:
            known.setdefault(each.name, []).append(each)
    problems: list[Problem] = []
    members: dict[str, tuple[str, ...]] = {}
    waiting: dict[str, Correlation] = {}
    for one in correlations:
        found = _members(one, known)
        if isinstance(found, Problem):
            problems.append(found)
        else:
            members[one.id] = found
            waiting[one.id] = one
    ready: dict[str, Correlation] = {}
    inner = {one.id for one in correlations}
    while waiting:
        able = [one for one in waiting.values() if all(uid in ready or uid not in inner for uid in members[one.id])]
        if not able:
            break
        for one in able:
            del waiting[one.id]
            wrong = _chain(one, members[one.id], ready)
            if wrong is None:
                ready[one.id] = one
            else:
                problems.append(wrong)
    for one in waiting.values():
        lost = [name for name, uid in zip(one.rules, members[one.id], strict=True) if uid in inner and uid not in ready]
        circle = all(uid in waiting for uid in members[one.id] if uid in inner and uid not in ready)
        if circle:
            problems.append(_wrong(one, f"{lost[0]!r} counts on this correlation, or on itself", "undo the circle"))
        else:
            problems.append(
                _wrong(one, f"the correlation {lost[0]!r} it counts on is not loaded", "see its own reason")
            )
    made: dict[str, Rule] = {}
    single = {uid: known_as[0] for uid, known_as in known.items() if len(known_as) == 1}
    for one in list(ready.values()):
        ready[one.id], more = _in_doubt(one, members[one.id], single, made)
        members[one.id] += more
    kept = {uid: members[uid] for uid in ready}
    speaking = {uid for one in ready.values() if one.generate for uid in members[one.id][: len(one.rules)]}
    silent = frozenset(uid for some in kept.values() for uid in some) - speaking
    return Linked(tuple(ready.values()), kept, silent, tuple(made.values()), tuple(problems))


def _in_doubt(
    one: Correlation, uids: Sequence[str], single: Mapping[str, Rule | Correlation], made: dict[str, Rule]
) -> tuple[Correlation, tuple[str, ...]]:
    """With the rules whose matches depend on who it was; and the ids of what matches where that is in doubt."""
    names, more = [], []
    for member, (name, uid) in enumerate(zip(one.rules, uids, strict=True)):
        rule = single.get(uid)
        if not isinstance(rule, Rule):
            continue
        if rule.possible is not None:
            weak = f"{uid}{IN_DOUBT}"
            made[weak] = replace(rule, id=weak, name=None, condition=rule.possible, possible=None)
            more.append(weak)
        elif doubted(one, member):
            more.append(uid)
        else:
            continue
        names.append(name)
    return replace(one, weak=tuple(names)), tuple(more)


def _members(one: Correlation, known: Mapping[str, Sequence[Rule | Correlation]]) -> tuple[str, ...] | Problem:
    found: list[str] = []
    for name in one.rules:
        meant = {rule.id for rule in known.get(name, known.get(name.strip().lower(), ()))}
        if not meant:
            reason = f"the rule {name!r} it counts on is not loaded"
            return _wrong(one, reason, "add that rule, mend it, or correct the name; its own problem is listed too")
        if len(meant) > 1:
            return _wrong(one, f"{len(meant)} rules are called {name!r}", "give each its own `name`, or name the id")
        uid = meant.pop()
        if uid in found:
            return _wrong(one, f"the rule {name!r} is listed twice, by id and by name", "list each rule once")
        found.append(uid)
    return tuple(found)


def _chain(one: Correlation, uids: Sequence[str], ready: Mapping[str, Correlation]) -> Problem | None:
    """A correlation knows nothing of what it found but the values it was grouped by."""
    for number, uid in enumerate(uids):
        inner = ready.get(uid)
        if inner is None:
            continue
        wanted = [field_of(one, number, name) for name in one.group_by]
        for field in (*wanted, *((one.field,) if one.field else ())):
            if field not in inner.group_by:
                has = ", ".join(inner.group_by) or "nothing"
                reason = f"{one.rules[number]!r} is a correlation and has no {field!r}: it is grouped by {has}"
                return _wrong(one, reason, "add the field to its group-by, or an alias here")
    return None


def _wrong(one: Correlation, reason: str, remedy: str) -> Problem:
    return Problem(one.file, one.line, one.title, reason, remedy, "correlation")
