"""`watchfloor explain FINDING`: the rule, the record and the fields that decided."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from watchfloor.cli.screen import LEVEL_STYLES, console, json_line
from watchfloor.errors import UsageError


def explain(finding: str, *, estate: Path = Path(), json: Annotated[bool, Parameter(negative=())] = False) -> int:
    """Why is this a finding: the rule, the untouched record, and every comparison that decided.

    Args:
        finding: its uid or the beginning of it (`select finding_info.uid from detection_finding`).
        estate: the folder that holds estate.toml.
        json: print one JSON object.
    """
    from watchfloor.estate import load
    from watchfloor.run.explanation import explained

    if len(finding) < 4:
        raise UsageError("four characters of a uid are the least", remedy="give more of it")
    found = explained(load(estate), finding)
    if json:
        json_line(found.as_json())
        return 0
    from rich.markup import escape

    screen = console()
    level = found.level
    screen.print(f"[{LEVEL_STYLES[level]}]{level}[/] [bold]{escape(found.title)}[/]")
    screen.print(escape(found.message))
    screen.print(f"\n[bold]rule[/] {found.rule}")
    screen.print(f"  {found.rule_file}", markup=False)
    screen.print(
        f"\n[bold]record[/] {found.sequence} of source {found.source} ({found.stream}), received {found.received}"
    )
    screen.print(f"  {found.record[:4000]}", markup=False)
    screen.print("\n[bold]what decided[/]")
    for reason in found.reasons:
        mark = "[green]yes[/]" if reason.matched else "[dim]no [/]"
        where = f" [dim]({escape(reason.column)})[/]" if reason.column and reason.column != reason.field else ""
        screen.print(f"  {mark} {escape(reason.test)}{where}")
        if reason.matched and reason.value is not None:
            screen.print(f"        = {reason.value[:300]}", markup=False)
    return 0
