"""A filter for a rule that is too loud, out of what analysts decided about its findings. The rule is never changed.

    dispositions.csv     which findings were wanted, and which were not
    their evidence       fields the rule asked for, and what they held; where it was and on what
    candidates           a field, or two, whose values the unwanted share and no wanted finding has
    hits/ of the rule    asked again with the filter: one that is lost refuses it

No filter is about a person, their account or their badge: what somebody does is not all right because it is them.
"""

from __future__ import annotations

import re
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import combinations
from pathlib import Path
from typing import Any

import orjson

from watchfloor.detect.rule import Correlation, Rule
from watchfloor.detect.rulebook import Rulebook, load_rules
from watchfloor.detect.sentence import fields_of
from watchfloor.detect.taxonomy import Taxonomy
from watchfloor.errors import UsageError
from watchfloor.estate import Estate
from watchfloor.run.dispositions import FILE, dispositions
from watchfloor.store.lake import Lake

__all__ = ["LEAST", "Proposal", "proposed"]

LEAST = 2
"""Unwanted findings that a value must have had to be one to filter."""

MOST_VALUES = 20
"""Values of one filter: a list that is longer is no reason but a record of what happened."""

MOST_TRIED = 8
"""Candidates that are tried on the rule's own hits."""

PERSONAL = re.compile(
    r"user|account|person|owner|mail|credential|badge|holder|employee|sid$|(?:^|[._])(?:name|uid|cmd_line|commandline)$",
    re.IGNORECASE,
)
"""Fields that no filter is about: who it was, and texts that are of one moment."""

PLACED = ("asset_uid", "src_asset_uid", "portal_uid", "place_uid", "zone_uid")
"""What a finding says besides: where it was, and on what; columns `wf.*`."""

SUPPRESSED = 3


@dataclass(frozen=True, slots=True)
class Proposal:
    """A filter, and what it would have done.

    Args:
        rule: id of the rule it is for; of a correlation the rule whose matches it judges.
        fields: field -> values; all fields must hold one of theirs.
        removed: unwanted findings it would have removed; open: those nobody decided about, that it would have, too.
        left: unwanted findings it would have kept; kept: wanted ones, all of them.
        hits: of the rule's own folder, all still found.
        text: the Sigma filter.
    """

    rule: str
    title: str
    fields: Mapping[str, Sequence[str]]
    removed: int
    open: int
    left: int
    kept: int
    hits: Sequence[str]
    text: str


@dataclass(frozen=True, slots=True)
class _Found:
    """A finding: what was decided, and per field the values of all its events."""

    wanted: bool | None
    values: Mapping[str, frozenset[str]]


Tried = Callable[[Path, str], tuple[Sequence[str], Sequence[str]]]
"""A rule's file and a filter: the rule's own hits that are found as before, and those that are lost."""


def proposed(estate: Estate, name: str, tried: Tried, *, owner: str, expires: date) -> Proposal:
    """Propose a filter for a rule, named by id, name or title.

    Raises:
        UsageError: no such rule, no findings of it, too little was decided, or nothing tells wanted and unwanted apart.
        EstateError: a row of dispositions.csv is wrong.
    """
    book = load_rules([path for path in estate.rules if path.exists()], placeholders=estate.placeholders)
    rule = _named(book, name)
    told = _judged(book, rule)
    found = list(_findings(estate, rule.id, told))
    unwanted = [one for one in found if one.wanted is False]
    if len(unwanted) < LEAST:
        raise UsageError(
            f"of {len(found)} findings of {rule.title!r} {len(unwanted)} are decided to be unwanted",
            remedy=f"write them into {FILE}; from {LEAST} on, one can see what they have in common",
        )
    for number, fields in enumerate(_candidates(found)):
        if number == MOST_TRIED:
            break
        text = written(told, rule, fields, owner, expires)
        hits, lost = tried(Path(rule.file), text)
        if lost:
            continue
        gone = [one for one in found if _holds(one, fields)]
        return Proposal(
            told.id, rule.title, fields, sum(one.wanted is False for one in gone),
            sum(one.wanted is None for one in gone), sum(one.wanted is False for one in found) -
            sum(one.wanted is False for one in gone), sum(one.wanted is True for one in found), hits, text,
        )  # fmt: skip
    raise UsageError(
        f"nothing that can be filtered tells the {len(unwanted)} unwanted findings of {rule.title!r} from the others",
        remedy="they differ in what no filter is about (people), or a filter would lose one of the rule's own hits: "
        "look at them with watchfloor explain, and mend the rule",
    )


def written(
    rule: Rule, about: Rule | Correlation, fields: Mapping[str, Sequence[str]], owner: str, expires: date
) -> str:
    """The Sigma filter as text."""
    uid = uuid.uuid5(uuid.UUID(rule.id), "\0".join(f"{key}={'|'.join(values)}" for key, values in fields.items()))
    lines = [f"title: {_quoted(f'Not wanted: {about.title}')}", f"id: {uid}", "logsource:"]
    lines += [f"    {key}: {value}" for key, value in _logsource(rule).items()]
    lines += ["filter:", "    rules:", f"        - {rule.id}", "    unwanted:"]
    for key, values in fields.items():
        lines += [f"        {key}:", *(f"            - {_quoted(_escaped(value))}" for value in values)]
    lines += ["    condition: not unwanted", f"author: {_quoted(owner)}", f"owner: {_quoted(owner)}"]
    return "\n".join([*lines, f"expires: {expires.isoformat()}", ""])


def _named(book: Rulebook, name: str) -> Rule | Correlation:
    every: list[Rule | Correlation] = [*book.rules, *book.correlations]
    found = [one for one in every if name.lower() in (one.id.lower(), (one.name or "").lower(), one.title.lower())]
    if len(found) != 1:
        raise UsageError(
            f"{len(found) or 'no'} rules of the estate are named {name!r}", remedy="watchfloor rules list shows them"
        )
    return found[0]


def _judged(book: Rulebook, rule: Rule | Correlation) -> Rule:
    """The rule a filter must be about: Sigma has filters of rules, not of correlations."""
    rules = {one.id: one for one in book.rules}
    inner = {one.id: one for one in book.correlations}
    while isinstance(rule, Correlation):
        members = dict(zip(rule.rules, book.members[rule.id], strict=True))
        uid = members[rule.anchor] if rule.anchor in members else book.members[rule.id][0]
        rule = rules[uid] if uid in rules else inner[uid]
    return rule


def _findings(estate: Estate, uid: str, told: Rule) -> Iterator[_Found]:
    """Findings of a rule that were not taken back."""
    lake = Lake(estate.store / "lake", read_only=True)
    if "detection_finding" not in lake.tables():
        return
    decided, fields = dispositions(estate), _fields(told)
    latest: dict[str, dict[str, Any]] = {}
    columns = [one for one in ("finding_info", "evidences", "wf", "status_id", "activity_id", "time") if
               one in lake.schema("detection_finding").names]  # fmt: skip
    for row in lake.read("detection_finding", columns).to_pylist():
        info = row["finding_info"]
        if info["analytic"]["uid"] == uid and "not_evaluable" not in (info.get("types") or ()):
            known = latest.get(info["uid"])
            if known is None or (known["time"], known["activity_id"]) <= (row["time"], row["activity_id"]):
                said = {key: value for key, value in row.items() if value is not None}
                latest[info["uid"]] = {**(known or {}), **said}
    for name, row in sorted(latest.items()):
        if row.get("status_id") != SUPPRESSED:
            verdict = decided.get(name)
            yield _Found(None if verdict is None else verdict.wanted, _values(row, told, fields))


def _fields(rule: Rule) -> dict[str, str]:
    """Column -> what the rule calls it: evidence names columns, a filter Sigma's fields."""
    taxonomy = Taxonomy.load()
    names = fields_of(rule.condition)
    return {column: name for name in reversed(names) for column in taxonomy.places(rule.logsource, [name])}


def _values(row: Mapping[str, Any], told: Rule, fields: Mapping[str, str]) -> dict[str, frozenset[str]]:
    """What the events of a finding held that a filter may be about."""
    found: dict[str, set[str]] = defaultdict(set)
    placed = (row.get("wf") or {}) if told.logsource.product == "watchfloor" else {}
    for evidence in row.get("evidences") or ():
        said = orjson.loads(evidence.get("data") or "{}")
        for column, value in (said.get("fields") or {}).items():
            name = fields.get(column)
            if name is not None and value is not None and not (PERSONAL.search(name) or PERSONAL.search(column)):
                found[name].update(_texts(value))
    for name in PLACED:
        if placed.get(name):
            found[f"wf.{name}"].add(placed[name])
    return {name: frozenset(values) for name, values in found.items()}


def _texts(value: Any) -> list[str]:
    if isinstance(value, bool):
        return ["true" if value else "false"]
    if isinstance(value, list):
        return [text for one in value for text in _texts(one)]
    return [f"{value:g}" if isinstance(value, float) else str(value)]


def _candidates(found: Sequence[_Found]) -> Iterator[dict[str, list[str]]]:
    """Filters that remove unwanted findings and no wanted one: the most first, then those that remove fewest that
    nobody decided about, then the fewest values."""
    names = sorted({name for one in found for name in one.values})
    ranked: list[tuple[int, int, int, int, dict[str, list[str]]]] = []
    for size in (1, 2):
        for chosen in combinations(names, size):
            fields = _shared(found, chosen)
            gone = [one for one in found if fields and _holds(one, fields)]
            if gone and not any(one.wanted for one in gone):
                unwanted = sum(one.wanted is False for one in gone)
                count = sum(len(values) for values in fields.values())
                if unwanted >= LEAST:
                    ranked.append((-unwanted, len(gone) - unwanted, size, count, fields))
    ranked.sort(key=lambda one: (*one[:4], sorted(one[4])))
    return (one[4] for one in ranked)


def _shared(found: Sequence[_Found], names: Sequence[str]) -> dict[str, list[str]]:
    """Per field the values that unwanted findings had and, of one field, no wanted one; {} without any."""
    alone: dict[str, list[str]] = {}
    for name in names:
        unwanted: Counter[str] = Counter()
        wanted: set[str] = set()
        for one in found:
            values = one.values.get(name, frozenset())
            if one.wanted:
                wanted |= values
            elif one.wanted is False:
                unwanted.update(values)
        often = sorted(value for value, count in unwanted.items() if count >= LEAST)
        alone[name] = [value for value in often if len(names) > 1 or value not in wanted]
    if all(0 < len(values) <= MOST_VALUES for values in alone.values()):
        return alone
    return {}


def _holds(one: _Found, fields: Mapping[str, Sequence[str]]) -> bool:
    """Whether a filter would remove a finding: surely, that is if all its events held such values."""
    return all(one.values.get(name) and one.values[name] <= set(values) for name, values in fields.items())


def _logsource(rule: Rule) -> dict[str, str]:
    source = rule.logsource
    parts = {"product": source.product, "category": source.category, "service": source.service}
    return {name: value for name, value in parts.items() if value}


def _escaped(value: str) -> str:
    """As Sigma reads it: wildcards are meant as they stand."""
    return re.sub(r"([*?]|\\(?=[*?\\]))", r"\\\1", value)


def _quoted(text: str) -> str:
    """In YAML's single quotes, in which nothing is special but they."""
    return "'" + text.replace("'", "''") + "'"
