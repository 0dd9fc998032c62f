"""`watchfloor replay ESTATE`: what would changed rules have found of what the lake holds."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from watchfloor.cli.limit import Limit
from watchfloor.cli.screen import announce_compiling, console, json_line, progress
from watchfloor.errors import RuleError, UsageError

if TYPE_CHECKING:
    from watchfloor.detect.rule import Correlation, Rule
    from watchfloor.detect.rulebook import Rulebook
    from watchfloor.estate import Estate
    from watchfloor.run.replay import Compared, Told

CHANGED, ALL = "changed", "all"
UNITS = {"h": 3_600_000, "d": 86_400_000, "w": 604_800_000}


def replay(
    estate: Path,
    *,
    since: str = "30d",
    rules: Annotated[list[str] | None, Parameter(consume_multiple=True, negative=())] = None,
    against: str = "HEAD",
    limit: Limit = 20,
    json: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """Back-test rules on the lake: what they would have found, against what was found. Nothing is written.

    Args:
        estate: the folder that holds estate.toml.
        since: how far back, such as 30d, 12h or 4w; or a day, such as 2026-03-01 (UTC).
        rules: changed, all, or files and folders of rules, which are judged in place of the estate's.
        against: the revision of the estate's git repository that `changed` compares with.
        limit: findings listed of each rule.
        json: one JSON object a rule.
    """
    from watchfloor.clock import now_ms
    from watchfloor.estate import load
    from watchfloor.run.memory import settled
    from watchfloor.run.replay import replayed

    described = load(estate)
    now = now_ms()
    begin = _begin(since, now)
    announce_compiling()
    book, chosen = _chosen(described, rules or [CHANGED], against)
    settled()
    if not chosen:
        if not json:
            console().print(f"no rule differs from {against}; --rules all judges every one")
        return 0
    with progress("judging", None, "days") as bar:
        found = replayed(described, book, chosen, begin, now, advance=lambda day: bar.advance(1, day))
    if json:
        for one in found:
            json_line(_as_json(one))
        return 0
    _show(found, limit, hidden=described.pseudonyms and bool(described.world().persons))
    return 0


def _chosen(estate: Estate, rules: list[str], against: str) -> tuple[Rulebook, dict[str, str]]:
    """The rules to judge with, and those that are compared."""
    from watchfloor.detect.rulebook import load_rules
    from watchfloor.run.revision import changed, rulebook_at

    own = rules not in ([CHANGED], [ALL])
    paths = [Path(path) for path in rules] if own else [path for path in estate.rules if path.exists()]
    book = load_rules(paths, placeholders=estate.placeholders)
    if own and book.problems:
        raise RuleError(str(book.problems[0]), remedy="watchfloor check ESTATE lists them all")
    if estate.min_level is not None and not own:
        book = book.of_level(estate.min_level)
    if rules == [CHANGED]:
        return book, dict(changed(rulebook_at(estate, against), book))
    every: tuple[Rule | Correlation, ...] = (*book.rules, *book.correlations)
    return book, {one.id: "" for one in every if one.id not in book.silent}


def _begin(since: str, now: int) -> int:
    """The moment that `--since` means, epoch milliseconds.

    Raises:
        UsageError: it is neither a length of time nor a day.
    """
    length = re.fullmatch(r"(\d{1,5})([hdw])", since)
    if length:
        return now - int(length[1]) * UNITS[length[2]]
    try:
        day = datetime.fromisoformat(since)
    except ValueError:
        raise UsageError(f"--since {since!r} is no time", remedy="30d, 12h, 4w, or a day like 2026-03-01") from None
    return int((day if day.tzinfo else day.replace(tzinfo=UTC)).timestamp() * 1000)


def _as_json(one: Compared) -> dict[str, Any]:
    def told(some: tuple[Told, ...]) -> list[dict[str, Any]]:
        return [
            {"uid": each.uid, "time": _moment(each.at), "message": each.message, "evaluable": not each.open}
            for each in some
        ]

    return {
        "rule": one.rule, "title": one.title, "level": one.level, "change": one.change, "same": one.same,
        "added": told(one.added), "gone": told(one.gone),
    }  # fmt: skip


def _show(found: list[Compared], limit: int, *, hidden: bool) -> None:
    from rich.markup import escape
    from rich.table import Table

    screen = console()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("same", "added", "gone"):
        table.add_column(title, justify="right", no_wrap=True)
    for title in ("level", "rule", ""):
        table.add_column(title, overflow="fold")
    for one in found:
        table.add_row(
            f"{one.same:,}", f"{len(one.added):,}", f"{len(one.gone):,}", one.level, escape(one.title), one.change
        )
    screen.print(table)
    for one in found:
        if one.added or one.gone:
            screen.print(f"\n[bold]{escape(one.title)}[/] [dim]{one.rule}[/]")
        for mark, some in (("[green]+[/]", one.added), ("[red]-[/]", one.gone)):
            for each in some[:limit]:
                screen.print(f"  {mark} {_moment(each.at)}  {escape(each.message)}")
            if len(some) > limit:
                screen.print(f"  {mark} [dim]and {len(some) - limit:,} more; --limit N shows more[/]")
    if hidden:
        screen.print(
            "\n[dim]Events rest in the lake without personal identifiers: rules that compare names, accounts or "
            "addresses of people find less here than when the records came.[/]"
        )


def _moment(ms: int) -> str:
    try:
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)).isoformat(" ", "seconds")[:19]
    except OverflowError:
        return f"{ms} ms"
