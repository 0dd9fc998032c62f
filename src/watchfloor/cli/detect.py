"""`watchfloor detect`: find attacks in log files; no estate, no set-up."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from watchfloor.cli.limit import Limit
from watchfloor.cli.screen import (
    LEVEL_STYLES,
    announce_compiling,
    as_json_line,
    console,
    progress,
    readable,
    side,
)
from watchfloor.cli.summary import print_problems, print_totals, size_of
from watchfloor.errors import RuleError, SourceError, UsageError

if TYPE_CHECKING:
    from watchfloor.detect.rule import Correlation, Rule
    from watchfloor.detect.rulebook import Rulebook
    from watchfloor.ocsf.events import Events

BARS = " ▁▂▃▄▅▆▇█"
STRIP = 24
"""Cells of the timeline strip."""


def detect(
    *paths: Path,
    rules: Annotated[list[Path], Parameter(consume_multiple=True, negative=())],
    json: Annotated[bool, Parameter(negative=())] = False,
    min_level: str = "informational",
    format: str | None = None,
    records: str | None = None,
    integration: str | None = None,
    leftovers: Annotated[bool, Parameter(negative=())] = False,
    problems: Annotated[bool, Parameter(negative=())] = False,
    limit: Limit = 40,
    workers: int | None = None,
) -> int:
    """Find attacks in log files: no estate, no set-up.

    Formats and products are recognised by content. Exit 0 when the work was done, with or without findings; 4 when an
    input could not be read (the others were still processed).

    Args:
        paths: log files, folders and archives (gz, xz, zst, zip, tar).
        rules: Sigma rules: files, folders and zip archives; repeatable.
        json: only findings on stdout, one OCSF Detection Finding a line; the rest on stderr.
        min_level: lowest level that counts: informational, low, medium, high, critical.
        format: the format of all inputs, instead of recognising each.
        records: dotted path of the records inside JSON documents.
        integration: the product of all inputs, instead of recognising each record.
        leftovers: list the fields that no mapping took.
        problems: list every rule that could not be loaded, with file, line, reason and remedy.
        limit: rows of the table of findings.
        workers: processes that map and match; without it one per core, and one alone where there is little to do.
    """
    from watchfloor.clock import monotonic_s, now_ms
    from watchfloor.detect.rule import LEVELS
    from watchfloor.run import oneshot
    from watchfloor.run.memory import settled
    from watchfloor.run.prepare import chosen_format, prepared, user_cache
    from watchfloor.run.workers import how_many

    if not paths:
        raise UsageError("which logs?", remedy="watchfloor detect PATH... --rules PATH...")
    if min_level not in LEVELS:
        raise UsageError(f"{min_level!r} is no level", remedy=", ".join(LEVELS))
    count = how_many(workers)
    began = monotonic_s()
    announce_compiling()
    with progress("reading rules", None, "rules"):
        ready = prepared(rules, min_level=min_level, cache=user_cache())
    settled()
    if not ready.rulebook.rules:
        for problem in ready.rulebook.problems[:5]:
            side().print(str(problem), markup=False)
        raise RuleError("not one rule could be loaded", remedy="check --rules; --problems lists every reason")
    if integration is not None and integration not in {known.id for known in ready.path.mapper.integrations}:
        there_are = ", ".join(sorted(known.id for known in ready.path.mapper.integrations))
        raise UsageError(f"there is no integration {integration!r}", remedy=f"there are: {there_are}")
    if problems:
        print_problems(ready.rulebook.problems)
    totals, board = oneshot.Totals(), Board(ready.rulebook)
    files = {rule.id: rule.file for rule in ready.rulebook.rules}
    files.update((rule.id, rule.file) for rule in ready.rulebook.correlations)
    show: Callable[[str, Events], bytes | Events] = partial(_lines, files) if json else _as_they_are
    with progress("detecting", size_of(paths)) as bar:
        made = oneshot.detect(
            list(paths),
            ready.path,
            totals,
            now=now_ms(),
            show=show,
            format=chosen_format(format, records),
            integration=integration,
            advance=bar.advance,
            workers=count,
            correlating=ready.correlating(),
        )
        with closing(made):  # whatever ends us ends the workers
            for found in made:
                if isinstance(found, bytes):
                    sys.stdout.buffer.write(found)
                else:
                    board.add(found)
    if not json:
        board.show(limit)
    print_totals(totals, ready.rulebook, monotonic_s() - began, leftovers=leftovers)
    ready.keep()
    return SourceError.exit_code if totals.failed else 0


def _lines(files: Mapping[str, str], name: str, found: Events) -> bytes:
    """Findings as JSON, one a line."""
    lines = []
    for event in found.to_pylist():
        rule = event["finding_info"]["analytic"]["uid"]
        event["watchfloor"] = {"file": name, "record": event["wf"]["source_seq"], "rule_file": files.get(rule, "")}
        lines.append(as_json_line(event))
    return b"".join(lines)


def _as_they_are(name: str, found: Events) -> Events:
    return found


# -- the board


@dataclass(slots=True)
class Line:
    """What is known of one rule's findings."""

    count: int = 0
    hosts: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    users: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    times: list[int] = field(default_factory=list)


class Board:
    """Findings gathered by rule, as a table a tired person can read."""

    def __init__(self, rulebook: Rulebook) -> None:
        self.rules: dict[str, Rule | Correlation] = {}
        self.lines: dict[str, Line] = defaultdict(Line)
        self.know(rulebook)

    def know(self, rulebook: Rulebook) -> None:
        """Learn rules: all that may have made findings."""
        self.rules.update((rule.id, rule) for rule in rulebook.rules)
        self.rules.update((rule.id, rule) for rule in rulebook.correlations)

    def add(self, found: Events) -> None:
        """Count findings in."""

        def column(*names: str) -> list[Any]:
            """Per row the first of these columns that has a value."""
            merged: list[Any] = [None] * len(found)
            for name in names:
                values = found.column(name)
                if values is not None and None in merged:
                    merged = [
                        old if old is not None else new for old, new in zip(merged, values.to_pylist(), strict=True)
                    ]
            return merged

        rows = zip(
            column("finding_info.analytic.uid"),
            column("device.hostname", "src_endpoint.hostname", "device.ip", "src_endpoint.ip"),
            column("actor.user.name", "user.name", "actor.user.uid", "user.uid"),
            column("start_time", "finding_info.first_seen_time", "time"),
            strict=True,
        )
        for rule, host, user, time in rows:
            line = self.lines[rule]
            line.count += 1
            if host:
                line.hosts[host] += 1
            if user:
                line.users[user] += 1
            line.times.append(time)

    def show(self, limit: int) -> None:
        """Print the table, worst first."""
        from rich.table import Table

        screen = console()
        if not self.lines:
            screen.print("[green]no findings[/]")
            return
        every = [time for line in self.lines.values() for time in line.times]
        first, last = min(every), max(every)
        from rich.markup import escape

        from watchfloor.detect.rule import LEVELS

        ordered = sorted(
            self.lines.items(), key=lambda pair: (-LEVELS.index(self.rules[pair[0]].level), -pair[1].count, pair[0])
        )
        shown = ordered[:limit]
        # The rule is what the reader came for: on a narrow screen the others make room, and then go.
        left = screen.width - 53  # without level, count and a rule of 34 cells
        strip = left >= STRIP + 2 + 36
        left -= (STRIP + 2) * strip
        users = left >= 36 and any(line.users for _, line in shown)
        hosts = left >= 14 and any(line.hosts for _, line in shown)
        room = min(30, left // max(1, hosts + users) - 2)
        table = Table(box=None, pad_edge=False, header_style="bold", expand=False)
        table.add_column("level", no_wrap=True)
        table.add_column("count", justify="right", no_wrap=True)
        table.add_column(
            "rule",
            overflow="fold",
            min_width=min(34, max(10, screen.width - 17), max(len(self.rules[rule].title) for rule, _ in shown)),
        )
        for title, wanted in (("host", hosts), ("user", users)):
            if wanted:
                table.add_column(title, no_wrap=True)
        span = _span(first, last)
        if strip:
            table.add_column(span, no_wrap=True)
        for rule, line in shown:
            level = self.rules[rule].level
            row = [f"[{LEVEL_STYLES[level]}]{level}[/]", f"{line.count:,}", escape(self.rules[rule].title)]
            row += [escape(_some(line.hosts, room))] * hosts + [escape(_some(line.users, room))] * users
            table.add_row(*row, *([f"[dim]{_strip(line.times, first, last)}[/]"] * strip))
        screen.print(table)
        if not strip:
            screen.print(f"[dim]{span}[/]")
        if len(ordered) > limit:
            screen.print(f"[dim]... and {len(ordered) - limit} more rules; --limit {len(ordered)} shows all[/]")


def _some(counts: dict[str, int], room: int) -> str:
    """The most frequent name and how many more, in so many cells; a long name loses its end."""
    if not counts:
        return "-"
    names = sorted(counts, key=lambda name: (-counts[name], name))
    more = f" +{len(names) - 1}" if len(names) > 1 else ""
    name = readable(names[0])
    return (name if len(name) <= room - len(more) else f"{name[: room - len(more) - 1]}…") + more


def _span(first: int, last: int) -> str:
    """From when to when; days are enough for more than two of them."""
    begin, end = _day(first), _day(last)
    return f"{begin[:10]} .. {end[:10]}" if last - first > 172_800_000 else f"{begin} .. {end[11:]}"


def _strip(times: list[int], first: int, last: int) -> str:
    cells = [0] * STRIP
    for time in times:
        cells[min(STRIP - 1, (time - first) * STRIP // max(1, last - first))] += 1
    top = max(cells)
    return "".join(BARS[0 if count == 0 else 1 + (len(BARS) - 2) * count // top] for count in cells)


def _day(ms: int) -> str:
    from datetime import UTC, datetime, timedelta

    try:
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)).isoformat(" ", "minutes")[:16]
    except OverflowError:
        return f"{ms} ms"
