"""Back-test: rules judge what the lake already holds, and their findings are held against those that rest there.

    which rules     those that differ from a revision, all, or those of some files                        (run/revision)
    events          class by class, day by day, as they rest in the lake, with what was known then        (store/lake)
      -> match, correlate, as on the path                                                     (run/path, correlating)
    findings        by uid, which follows from rule and event: same, added, gone

Nothing is written. What the world knew when an event came (`asof.*`, `lag.*`, `peer.*`, `intel.*`) is in the event;
what could have been seen is asked of the lake as it is now, so an absence that could not be judged then may be now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pyarrow.compute as pc

from watchfloor.collect.mapper import Mapper
from watchfloor.detect.correlation import Ask, Gap, Watermark
from watchfloor.detect.correlation_matches import MatchReader
from watchfloor.detect.engine import Engine
from watchfloor.detect.rule import Correlation, Rule
from watchfloor.detect.rulebook import Rulebook
from watchfloor.detect.taxonomy import Taxonomy
from watchfloor.errors import UsageError
from watchfloor.estate import Estate
from watchfloor.ocsf.correlated import NOT_EVALUABLE
from watchfloor.ocsf.events import Events
from watchfloor.run.correlating import Correlating
from watchfloor.run.living import taken_up
from watchfloor.run.path import Path
from watchfloor.run.standing import classes_of, gaps
from watchfloor.store.lake import Lake
from watchfloor.world.coverage import Covering
from watchfloor.world.pulse import PULSE_SCHEMA, pulse_table
from watchfloor.world.tables import PULSES

__all__ = ["Compared", "Told", "replayed"]

OWN, OURS = "detection_finding", "watchfloor"
"""Table of findings; `metadata.product.name` of our own: alerts of other products are events like others."""

OVER = (3, 4)
"""status_id of a finding that was taken back, and of a question that was answered."""

DAY_MS = 86_400_000

ASKED = ("finding_info", "time", "start_time", "status_id", "message", "metadata")
"""Columns that tell what a finding is."""


class Told(NamedTuple):
    """One finding. at: when the event was that it judges, epoch ms; open: it could not be judged."""

    uid: str
    rule: str
    at: int
    message: str
    open: bool


@dataclass(frozen=True, slots=True)
class Compared:
    """What became of the findings of one rule.

    Args:
        rule: id.
        change: `new`, `changed`, `removed`, or "" where it is as it was.
        same: how many findings there are both then and now.
        added, gone: those that are only of now, only of then; by time.
    """

    rule: str
    title: str
    level: str
    change: str
    same: int
    added: tuple[Told, ...]
    gone: tuple[Told, ...]


def replayed(
    estate: Estate,
    book: Rulebook,
    chosen: Mapping[str, str],
    since: int,
    until: int,
    *,
    advance: Callable[[str], None] = lambda day: None,
) -> list[Compared]:
    """Judge what happened in [since, until) again, and compare.

    Args:
        book: the rules as they are now.
        chosen: id of a rule -> what happened to it, for those that are compared.
        since, until: epoch milliseconds.
        advance: told each day that is read.

    Returns:
        One for each chosen rule, the gravest and busiest changes first.

    Raises:
        UsageError: the lake holds nothing of that time.
    """
    lake = Lake(estate.store / "lake", read_only=True)
    tables = [name for name in lake.tables() if _holds_events(lake, name)]
    if not any(lake.days(name) and lake.days(name)[-1] >= _day(since) for name in tables):
        last = max((day for name in tables for day in lake.days(name)), default="")
        raise UsageError(
            f"the lake holds no events since {_day(since)}",
            remedy=f"the youngest are of {last}: --since {last}" if last else "watchfloor run ESTATE --once",
        )
    wanted = _needed(book, chosen)
    now = _folded(_judged(estate, lake, tables, wanted, since, until, advance), chosen, since, until)
    then = _folded(_stored(lake), chosen, since, until)
    rules: dict[str, Rule | Correlation] = {one.id: one for one in book.rules}
    rules.update((one.id, one) for one in book.correlations)
    found = []
    for uid, change in chosen.items():
        old, new = then.get(uid, {}), now.get(uid, {})
        known = rules.get(uid)
        found.append(
            Compared(
                rule=uid,
                title=known.title if known else "no longer among the rules",
                level=known.level if known else "",
                change=change,
                same=len(old.keys() & new.keys()),
                added=_by_time(new[name] for name in new.keys() - old.keys()),
                gone=_by_time(old[name] for name in old.keys() - new.keys()),
            )
        )
    return sorted(found, key=lambda one: (-len(one.added) - len(one.gone), -one.same, one.title))


# -- now --------------------------------------------------------------------------------------------------------------


def _judged(
    estate: Estate,
    lake: Lake,
    tables: Sequence[str],
    book: Rulebook,
    since: int,
    until: int,
    advance: Callable[[str], None],
) -> Iterator[Events]:
    """Findings of stored events. Correlations begin as far before `since` as they look back."""
    taxonomy = Taxonomy.load()
    reader = MatchReader(book.matched, book.correlations, book.members, taxonomy) if book.correlations else None
    path = Path(Mapper(()), Engine(book.matched, taxonomy), book.matched, taxonomy, reader, book.silent)
    correlating = Correlating(book, taxonomy, coverage=_coverage(estate, lake, book, until)) if reader else None
    begin = since - max((2 * one.before + one.after + one.suppress for one in book.correlations), default=0)
    days = sorted({day for name in tables for day in lake.days(name) if _day(begin) <= day <= _day(until - 1)})
    for day in days if book.rules else ():
        advance(day)
        within = (pc.field("day") == day) & (pc.field("time") >= begin) & (pc.field("time") < until)
        for name in tables:
            for rows in lake.scan(name, within):
                events = _foreign(Events.flatten(name, rows))
                judged = path.detect([events])
                if judged.found is not None:
                    yield judged.found
                if correlating is not None and judged.matched:
                    correlating.waiting.append(judged.matched)
        if correlating is not None:
            found = correlating.step((), Watermark({"lake": _end_of(day)}))
            if found is not None:
                yield found
    if correlating is not None:
        found = correlating.step((), Watermark.end())
        if found is not None:
            yield found


def _coverage(estate: Estate, lake: Lake, book: Rulebook, now: int) -> Callable[[Ask], Sequence[Gap]]:
    """What could have been seen, as known now; read when a rule first asks."""
    directory = estate.world()
    taxonomy = Taxonomy.load()
    classes = {rule.id: classes_of(rule, taxonomy) for rule in book.matched}
    known: list[Covering | None] = []

    def asked(ask: Ask) -> Sequence[Gap]:
        if not known:
            known.append(covering() if directory else None)
        return gaps(known[0], classes, ask)

    def covering() -> Covering:
        sources = estate.covers(directory)
        world = taken_up(directory, lake, complete=estate.complete, sources=sources)
        heard = lake.read(PULSES, PULSE_SCHEMA.names)
        pulses = heard.cast(PULSE_SCHEMA) if heard.num_rows else pulse_table([])
        return Covering(directory, sources, pulses, world.history, known_at=now)

    return asked


def _needed(book: Rulebook, chosen: Mapping[str, str]) -> Rulebook:
    """The chosen rules, and those that chosen correlations count on, at whatever depth."""
    wanted, pending = set[str](), list(chosen)
    while pending:
        uid = pending.pop()
        if uid not in wanted:
            wanted.add(uid)
            pending += book.members.get(uid, ())
    correlations = tuple(one for one in book.correlations if one.id in wanted)
    return replace(
        book,
        rules=tuple(rule for rule in book.rules if rule.id in wanted),
        doubtful=tuple(rule for rule in book.doubtful if rule.id in wanted),
        correlations=correlations,
        members={one.id: book.members[one.id] for one in correlations},
    )


def _foreign(events: Events) -> Events:
    """Without our own findings."""
    product = events.column("metadata.product.name")
    if events.class_name != OWN or product is None:
        return events
    return events.take([row for row, name in enumerate(product.to_pylist()) if name != OURS])


# -- then -------------------------------------------------------------------------------------------------------------


def _stored(lake: Lake) -> Iterator[Events]:
    """Our own findings in the lake, in the order in which they were told."""
    columns = lake.columns(OWN)
    if columns is None:
        return
    names = [name for name in ASKED if name in columns.names]
    rows = lake.read(OWN, names, pc.field("metadata", "product", "name") == OURS)
    if rows.num_rows:
        yield Events.flatten(OWN, rows.sort_by("time"))


def _folded(parts: Iterable[Events], chosen: Mapping[str, str], since: int, until: int) -> dict[str, dict[str, Told]]:
    """Rule -> uid -> what holds of it in the end, of those that judge an event in [since, until)."""
    found: dict[str, dict[str, Told]] = {uid: {} for uid in chosen}
    for events in parts:
        for told, status in _told(events):
            if told.rule not in found or not since <= told.at < until:
                continue
            if status in OVER:
                found[told.rule].pop(told.uid, None)
            else:
                found[told.rule][told.uid] = told
    return found


def _told(events: Events) -> Iterator[tuple[Told, int | None]]:
    """Findings, and their status_id."""

    def column(name: str) -> list[Any]:
        values = events.column(name)
        return [None] * len(events) if values is None else values.to_pylist()

    for uid, rule, start, time, message, types, status in zip(
        column("finding_info.uid"), column("finding_info.analytic.uid"), column("start_time"), column("time"),
        column("message"), column("finding_info.types"), column("status_id"), strict=True,
    ):  # fmt: skip
        at = time if start is None else start
        yield Told(uid, rule, at or 0, message or "", NOT_EVALUABLE in (types or ())), status


def _by_time(found: Iterable[Told]) -> tuple[Told, ...]:
    return tuple(sorted(found, key=lambda one: (one.at, one.uid)))


# -- the lake ---------------------------------------------------------------------------------------------------------


def _holds_events(lake: Lake, name: str) -> bool:
    columns = lake.columns(name)
    return columns is not None and {"metadata", "wf", "time"} <= set(columns.names)


def _day(ms: int) -> str:
    try:
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)).date().isoformat()
    except OverflowError:
        return "0001-01-01"


def _end_of(day: str) -> int:
    begin = datetime.fromisoformat(day).replace(tzinfo=UTC)
    return int(begin.timestamp() * 1000) + DAY_MS - 1
