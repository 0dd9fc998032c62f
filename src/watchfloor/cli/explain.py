"""`watchfloor explain FINDING`: the rule, the record and the fields that decided."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from watchfloor.cli.screen import LEVEL_STYLES, console, json_line
from watchfloor.errors import UsageError

if TYPE_CHECKING:
    from watchfloor.run.counted import Counted

Flag = Annotated[bool, Parameter(negative=())]


def explain(finding: str, *, estate: Path = Path(), names: Flag = False, reason: str = "", json: Flag = False) -> int:
    """Why is this a finding: the rule, the untouched record, every comparison that decided, and what was known then.

    Args:
        finding: its uid or the beginning of it (`select finding_info.uid from detection_finding`).
        estate: the folder that holds estate.toml.
        names: show record and values as the source wrote them where the estate has people; needs a reason, and is
            written down.
        reason: what names are needed for.
        json: print one JSON object.
    """
    from watchfloor.estate import load
    from watchfloor.run.explanation import explained

    if len(finding) < 4:
        raise UsageError("four characters of a uid are the least", remedy="give more of it")
    described = load(estate)
    found = explained(described, finding)
    if names:
        from getpass import getuser

        from watchfloor.clock import now_ms
        from watchfloor.world.vault import Vault

        if not reason.strip():
            raise UsageError("names are shown for a reason only", remedy='say it: --names --reason "case 7"')
        Vault(described.store).write_down("record", [found.uid], who=getuser(), reason=reason, at=now_ms())
        found = explained(described, found.uid, whole=True)
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
    if found.counted is not None:
        _print_counted(found.counted)
    if not found.source:
        screen.print("\n[bold]record[/] none: what could not be seen left none")
        return 0
    screen.print(
        f"\n[bold]record[/] {found.sequence} of source {found.source} ({found.stream}), received {found.received}"
    )
    if found.record:
        screen.print(f"  {found.record[:4000]}", markup=False)
    else:
        screen.print("  [dim]may name people: --names --reason WHY shows it, and writes down who saw it[/]")
    screen.print("\n[bold]what decided[/]")
    for each in found.reasons:
        mark = "[green]yes[/]" if each.matched else "[dim]no [/]"
        where = f" [dim]({escape(each.column)})[/]" if each.column and each.column != each.field else ""
        screen.print(f"  {mark} {escape(each.test)}{where}")
        if each.matched and each.value is not None:
            screen.print(f"        = {each.value[:300]}", markup=False)
    if found.known:
        screen.print("\n[bold]known at that time[/]")
        for name, value in sorted(found.known.items()):
            screen.print(f"  {name} = {value}", markup=False)
    return 0


def _print_counted(found: Counted) -> None:
    """What a correlation counted, and what would have made it no finding."""
    from rich.markup import escape

    screen = console()
    screen.print(f"\n[bold]counts[/] {escape(found.condition)}")
    for name, value in found.group.items():
        screen.print(f"  {name} = {value}", markup=False)
    screen.print(f"  window {found.since} to {found.until}", markup=False)
    if found.number is not None:
        screen.print(f"  counted {found.number:g}", markup=False)
    if found.sources:
        screen.print(f"  told by {', '.join(found.sources)}", markup=False)
    screen.print(f"\n[bold]{len(found.events)} events[/]")
    for uid, time, kind in found.events:
        screen.print(f"  {time}  {uid}  {kind}", markup=False)
    for gap in found.gaps:
        screen.print(f"  not seen: {gap}", markup=False)
    screen.print("\n[bold]no finding, had there been[/]")
    for sentence in found.otherwise:
        screen.print(f"  {sentence}", markup=False)
