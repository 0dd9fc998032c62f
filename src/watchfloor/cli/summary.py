"""What `detect` and `profile` say beside their results: how much there is to read, what was not read, the counts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from watchfloor.cli.screen import side

if TYPE_CHECKING:
    from watchfloor.detect.rule import Problem
    from watchfloor.detect.rulebook import Rulebook
    from watchfloor.run.oneshot import Totals

SHOWN = 20
"""Inputs that failed are named up to this many."""


def size_of(paths: tuple[Path, ...]) -> int | None:
    """Bytes to read, as far as the disk tells; unpacking makes it more, so it is only a scale."""
    total = 0
    for path in paths:
        files = [path] if path.is_file() else path.rglob("*") if path.is_dir() else []
        for file in files:
            if file.suffix in (".gz", ".xz", ".zst", ".zip", ".tgz", ".bz2"):
                return None
            total += file.stat().st_size if file.is_file() else 0
    return total or None


def print_problems(found: Iterable[Problem]) -> None:
    """Rules that could not be loaded, and why."""
    screen = side()
    for problem in found:
        screen.print(str(problem), markup=False)


def print_totals(totals: Totals, rulebook: Rulebook, seconds: float, *, leftovers: bool) -> None:
    """What was not read, what was quarantined, and the counts; `leftovers` also names unmapped fields."""
    screen = side()
    from rich.markup import escape

    for item in totals.failed[:SHOWN]:
        screen.print(f"[bold red]not read[/] {escape(item.name)}: {escape(item.reason)}")
        if item.error.remedy:
            screen.print(f"  -> {escape(item.error.remedy)}")
    if len(totals.failed) > SHOWN:
        screen.print(f"[bold red]not read[/] {len(totals.failed) - SHOWN:,} more")
    unfit: dict[str, list[str]] = defaultdict(list)
    for item in totals.skipped:
        if item not in totals.failed:
            unfit[item.reason].append(item.name)
    _print_grouped("not read", unfit)
    broken: dict[str, list[str]] = defaultdict(list)
    for name, reason in totals.broken:
        broken[f"{reason}; what came before it was processed"].append(name)
    _print_grouped("incomplete", broken)
    for reason, count in _ranked(totals.reasons)[:10]:
        where = escape(totals.first[reason])
        screen.print(f"[yellow]quarantined[/] {count:,}: {escape(reason)} ({'first ' if count > 1 else ''}in {where})")
    if len(totals.reasons) > 10:
        screen.print(f"[yellow]quarantined[/] for {len(totals.reasons) - 10} more reasons")
    if leftovers:
        _print_leftovers(totals)
    products = ", ".join(f"{name} {count:,}" for name, count in _ranked(totals.integrations)) or "none"
    rate = f", {totals.read / seconds:,.0f} records/s" if seconds > 1 else ""
    unloaded = len(rulebook.problems)
    titles = {one.id: one.title for one in rulebook.correlations}
    for uid, count in _ranked(totals.unjudged)[:10]:
        screen.print(
            f"[yellow]not evaluable[/] {count:,}: {escape(titles[uid])}: nobody knows what could have been seen"
        )
    if totals.correlations:
        counts = ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in _ranked(totals.correlations))
        screen.print(f"[dim]correlations left out: {counts}[/]")
    correlations = f", {len(rulebook.correlations):,} correlations" if rulebook.correlations else ""
    screen.print(
        f"rules: {len(rulebook.rules):,} loaded{correlations}"
        + (f", {unloaded:,} not (--problems says why)" if unloaded else "")
        + f" | files: {totals.files:,} | products: {products}"
    )
    screen.print(
        f"read {totals.read:,} = mapped {totals.mapped:,} + quarantined {totals.quarantined:,}"
        f" | findings: {totals.findings:,} | {seconds:.1f} s{rate}"
    )


def _ranked(counts: Counter[Any]) -> list[tuple[Any, int]]:
    """The most frequent first, equals by name: how the work was cut must not show."""
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))


def _print_grouped(what: str, names: dict[str, list[str]]) -> None:
    """One line per file as long as they are few, else one per reason."""
    from rich.markup import escape

    screen = side()
    for reason, files in sorted(names.items(), key=lambda pair: -len(pair[1])):
        if len(files) <= 3:
            for name in files:
                screen.print(f"[yellow]{what}[/] {escape(name)}: {escape(reason)}")
        else:
            more = f"{escape(files[0])} and {len(files) - 1:,} more"
            screen.print(f"[yellow]{what}[/] {more}: {escape(reason)}")


def _print_leftovers(totals: Totals) -> None:
    screen = side()
    by_integration: dict[str, list[tuple[str, str, int]]] = defaultdict(list)
    for (integration, family, name), rows in _ranked(totals.leftovers):
        by_integration[integration].append((family, name, rows))
    for integration, entries in by_integration.items():
        screen.print(f"[bold]{integration}[/]: {len(entries)} fields under `unmapped`")
        for family, name, rows in entries[:30]:
            screen.print(f"  {rows:>10,}  {family}: {name}", markup=False)
        if len(entries) > 30:
            screen.print(f"  ... and {len(entries) - 30} more")
