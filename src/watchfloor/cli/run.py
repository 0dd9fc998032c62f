"""`watchfloor run ESTATE`: the path, until stopped; with --once until everything that is there has been taken."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from watchfloor.cli.detect import Board
from watchfloor.cli.screen import announce_compiling, json_line, progress, side
from watchfloor.errors import WatchfloorError

if TYPE_CHECKING:
    from watchfloor.detect.intel.feeds import Read
    from watchfloor.detect.rule import Problem
    from watchfloor.run.local import BatchReport, LocalEngine

LIMIT = 40
"""Rows of the table of findings at the end of a run."""

Flag = Annotated[bool, Parameter(negative=())]


@dataclass(slots=True)
class Sum:
    """All batches of one run together."""

    batches: int = 0
    read: int = 0
    mapped: int = 0
    quarantined: int = 0
    findings: int = 0
    seconds: float = 0.0
    integrations: Counter[str] = field(default_factory=Counter)
    leftovers: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def add(self, report: BatchReport) -> None:
        """Count one batch in."""
        self.batches += 1
        self.read += report.read
        self.mapped += report.mapped
        self.quarantined += report.quarantined
        self.findings += report.findings
        self.seconds += report.seconds
        self.integrations.update(report.integrations)
        self.leftovers.update(report.leftovers)

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "batches": self.batches,
            "read": self.read,
            "mapped": self.mapped,
            "quarantined": self.quarantined,
            "findings": self.findings,
            "seconds": round(self.seconds, 3),
            "integrations": dict(self.integrations),
        }


def run(estate: Path, *, once: Flag = False, json: Flag = False) -> int:
    """Run an estate: collect, map, detect, store. Ctrl-C ends it cleanly; a kill loses and doubles nothing.

    Args:
        estate: the folder that holds estate.toml.
        once: stop when everything that is there now has been taken.
        json: one JSON object per batch on stdout, and one at the end.
    """
    from watchfloor.collect.mapper import Mapper
    from watchfloor.estate import load
    from watchfloor.run.local import LocalEngine
    from watchfloor.run.prepare import prepared
    from watchfloor.run.reload import RuleWatch

    described = load(estate)
    announce_compiling()
    from_rules = partial(
        prepared,
        mapper=Mapper(described.integrations()),
        min_level=described.min_level,
        placeholders=described.placeholders,
        cache=described.store / "cache",
    )
    watch = None if once else RuleWatch(described.rules, from_rules)  # before reading: no change is missed
    with progress("reading rules", None, "rules"):
        ready = from_rules([path for path in described.rules if path.exists()])
    total, board = Sum(), Board(ready.rulebook)
    with LocalEngine(described, ready, watch=watch) as engine:
        _print_indicators(engine.indicators, estate)
        try:
            if once:
                _drain(engine, total, board, json=json, final=True)
            while not once:
                _drain(engine, total, board, json=json, final=False)
                time.sleep(described.poll_seconds)
        except KeyboardInterrupt:
            if once:
                raise
            side().print("stopped; the next run goes on where this one ended")
    if not json and total.findings:
        board.show(LIMIT)
    screen = side()
    rulebook = engine.ready.rulebook
    _print_unloaded(rulebook.problems, estate)
    if json:
        json_line(total.as_json())
    products = ", ".join(f"{name} {count:,}" for name, count in total.integrations.most_common()) or "none"
    rate = f", {total.read / total.seconds:,.0f} records/s" if total.seconds > 1 else ""
    screen.print(f"estate {described.name} | rules: {len(rulebook.rules):,} | products: {products}")
    screen.print(
        f"read {total.read:,} = mapped {total.mapped:,} + quarantined {total.quarantined:,}"
        f" | findings: {total.findings:,} | batches: {total.batches}, {total.seconds:.1f} s{rate}"
    )
    if total.quarantined:
        screen.print(
            f"why quarantined: watchfloor hunt {estate} "
            '"select reason, stream, count(*) from quarantine group by all order by 3 desc"',
            markup=False,
        )
    screen.print(f"lake: {described.store / 'lake'}", markup=False)
    return 0


def _drain(engine: LocalEngine, total: Sum, board: Board, *, json: bool, final: bool) -> None:
    """Collect what is there, then process all of it; workers begin with what has landed before all has."""

    def committed(report: BatchReport) -> None:
        total.add(report)
        if report.mixed:
            side().print(
                f"[yellow]batch {report.batch}[/] was begun with other rules, mappings or another version and "
                "finished with those of now: a table written before the break holds what the former made. To have "
                "all of one kind, move lake and cursor.json out of the estate's var and run again: the landing has "
                "every record"
            )
        if report.found is not None:
            board.add(report.found)
        if json:
            json_line(
                {
                    "batch": report.batch,
                    "read": report.read,
                    "mapped": report.mapped,
                    "quarantined": report.quarantined,
                    "findings": report.findings,
                    "tables": dict(report.tables),
                    "seconds": round(report.seconds, 3),
                }
            )
        engine.keep_house(busy=True)
        _renew(engine, board)

    with progress("collecting", None, "records") as bar:
        engine.collect(final=final, advance=bar.advance, committed=committed)
    for trouble in engine.trouble:
        side().print(f"[yellow]{trouble.source}[/]: {trouble.stream}: {trouble.reason}")
    _renew(engine, board)
    with progress("processing", None, "records") as bar:
        while (report := engine.process()) is not None:
            committed(report)
            bar.advance(report.read)
    engine.keep_house()


def _print_indicators(read: Read | None, estate: Path) -> None:
    if read is None:
        return
    unread = sum(read.unread.values())
    more = f"; [yellow]{unread:,} entries cannot be read[/]: watchfloor check {estate}" if unread else ""
    side().print(f"indicators: {read.intelligence.count:,}{more}")


def _renew(engine: LocalEngine, board: Board) -> None:
    """Go on with changed rules and indicators, and say so."""
    from rich.markup import escape

    anew = engine.renew_indicators()
    if isinstance(anew, WatchfloorError):
        side().print(f"[bold red]changed indicators not taken over[/], the former go on: {escape(str(anew))}")
    elif anew is not None:
        _print_indicators(anew, engine.estate.folder)
    change = engine.renew()
    if change is None:
        return
    screen = side()
    if change.error is not None:
        screen.print(f"[bold red]changed rules not taken over[/], the former go on: {escape(str(change.error))}")
        return
    rulebook = engine.ready.rulebook
    board.know(rulebook)
    screen.print(
        f"[bold]rules changed[/]: {len(rulebook.rules):,} loaded; new {len(change.added)}, changed "
        f"{len(change.changed)}, gone {len(change.removed)}; in use from the next batch on"
    )
    _print_unloaded(change.problems, engine.estate.folder)


def _print_unloaded(problems: Sequence[Problem], estate: Path) -> None:
    from rich.markup import escape

    screen = side()
    for problem in problems[:5]:
        place = f"{problem.file}:{problem.line}"
        screen.print(f"[yellow]rule not loaded[/] {escape(place)}: {escape(problem.reason)}")
    if len(problems) > 5:
        screen.print(f"... and {len(problems) - 5} more: watchfloor check {estate}")
