"""`watchfloor rules list|show|coverage`: what the rules are and what they can see."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from watchfloor.cli.screen import LEVEL_STYLES, console, json_line, side
from watchfloor.errors import UsageError

if TYPE_CHECKING:
    from watchfloor.detect.rule import Correlation, Rule

app = App(name="rules", help="What the rules are: list, show, coverage.")

Rules = Annotated[list[Path], Parameter(consume_multiple=True, negative=())]
Flag = Annotated[bool, Parameter(negative=())]


@app.command(name="list")
def list_(*, rules: Rules, level: str | None = None, find: str = "", problems: Flag = False, json: Flag = False) -> int:
    """List the rules and correlations that load, and with --problems those that do not and why.

    Args:
        rules: Sigma rules: files, folders and zip archives; repeatable.
        level: only rules of this level.
        find: only rules whose title, id, tag, log source or type of correlation holds this text.
        problems: list what could not be loaded, with file, line, reason and remedy.
        json: one JSON object a line.
    """
    from rich.markup import escape
    from rich.table import Table

    from watchfloor.detect.rulebook import load_rules

    if level is not None and level not in LEVEL_STYLES:
        raise UsageError(f"{level!r} is no level", remedy=", ".join(reversed(LEVEL_STYLES)))
    book = load_rules(rules)
    screen = console()
    if problems:
        for problem in book.problems:
            if json:
                json_line(
                    {
                        "file": problem.file,
                        "line": problem.line,
                        "rule": problem.rule,
                        "kind": problem.kind,
                        "reason": problem.reason,
                        "remedy": problem.remedy,
                    }
                )
            else:
                screen.print(str(problem), markup=False)
        kinds = ", ".join(f"{kind} {count}" for kind, count in Counter(p.kind for p in book.problems).most_common())
        loaded = _number(len(book.rules), len(book.correlations))
        side().print(f"{len(book.problems)} documents not loaded ({kinds or 'none'}), {loaded} loaded")
        return 0
    needle = find.lower()
    every: tuple[Rule | Correlation, ...] = (*book.rules, *book.correlations)
    chosen = [
        rule
        for rule in every
        if (level is None or rule.level == level)
        and needle in " ".join((rule.title, rule.id, _looks_at(rule), *rule.tags)).lower()
    ]
    if json:
        for rule in chosen:
            json_line(
                {
                    "id": rule.id,
                    "title": rule.title,
                    "level": rule.level,
                    "status": rule.status,
                    **_kind(rule),
                    "silent": rule.id in book.silent,
                    "tags": list(rule.tags),
                    "file": rule.file,
                    "line": rule.line,
                }
            )
        return 0
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("level", "rule", "log source", "techniques", "id"):
        table.add_column(title, no_wrap=title in ("level", "id"), overflow="ellipsis")
    for rule in chosen:
        table.add_row(
            f"[{LEVEL_STYLES[rule.level]}]{rule.level}[/]",
            escape(rule.title),
            _looks_at(rule),
            " ".join(rule.techniques),
            f"[dim]{rule.id}[/]",
        )
    screen.print(table)
    side().print(
        f"{len(chosen)} of {_number(len(book.rules), len(book.correlations))}"
        + (f"; {len(book.problems)} documents not loaded, --problems says why" if book.problems else "")
    )
    return 0


@app.command
def show(rule: str, *, rules: Rules, json: Flag = False) -> int:
    """Show one rule: what it says, where it looks, and in which columns its fields are found.

    Of a correlation: what it counts on and where that stands, its window, and what it does with what comes of it.

    Args:
        rule: id, the beginning of an id, or part of the title.
        rules: Sigma rules: files, folders and zip archives; repeatable.
        json: one JSON object.
    """
    from rich.markup import escape

    from watchfloor.cli import correlation
    from watchfloor.detect.rule import Correlation
    from watchfloor.detect.rulebook import load_rules
    from watchfloor.detect.sentence import fields_of, sentence
    from watchfloor.detect.taxonomy import Taxonomy

    taxonomy = Taxonomy.load()
    book = load_rules(rules, taxonomy=taxonomy)
    needle = rule.lower()
    every: tuple[Rule | Correlation, ...] = (*book.rules, *book.correlations)
    exact = [found for found in every if found.id.startswith(needle)]
    matching = exact or [found for found in every if needle in found.title.lower()]
    if len(matching) != 1:
        near = "\n     ".join(f"{found.id}  {found.title}" for found in matching[:8])
        raise UsageError(
            f"{len(matching) or 'no'} rules match {rule!r}",
            remedy=f"say which:\n     {near}" if matching else "watchfloor rules list --rules ... --find TEXT",
        )
    found = matching[0]
    if isinstance(found, Correlation):
        correlation.shown(found, book, json=json)
        return 0
    columns = {
        name: list(taxonomy.columns(found.logsource, name) or (f"unmapped.{name}",))
        for name in fields_of(found.condition)
    }
    routes = [
        {column: list(values) for column, values in condition.tests}
        for condition in taxonomy.routes_for(found.logsource) or ()
    ]
    if json:
        json_line(
            {
                "id": found.id,
                "title": found.title,
                "level": found.level,
                "file": found.file,
                "line": found.line,
                "logsource": str(found.logsource),
                "condition": sentence(found.condition),
                "routes": routes,
                "columns": columns,
            }
        )
        return 0
    screen = console()
    screen.print(f"[{LEVEL_STYLES[found.level]}]{found.level}[/] [bold]{escape(found.title)}[/]")
    screen.print(f"[dim]{found.id}  {escape(found.file)}:{found.line}[/]")
    if found.description:
        screen.print(escape(found.description.strip()))
    screen.print(f"\n[bold]looks at[/] {found.logsource}")
    for route in routes:
        screen.print("  " + ", ".join(f"{column} = {' | '.join(values)}" for column, values in route.items()))
    screen.print("\n[bold]says[/]")
    screen.print(sentence(found.condition), markup=False)
    screen.print("\n[bold]finds its fields in[/]")
    for name, places in columns.items():
        screen.print(f"  {name}: {', '.join(places)}", markup=False)
    if found.techniques:
        screen.print(f"\n[bold]ATT&CK[/] {' '.join((*found.tactics, *found.techniques))}")
    for title, lines in (("false positives", found.falsepositives), ("references", found.references)):
        if lines:
            screen.print(f"\n[bold]{title}[/]")
            for line in lines:
                screen.print(f"  {line}", markup=False)
    return 0


@app.command
def coverage(*, rules: Rules, estate: Path | None = None, json: Flag = False) -> int:
    """What the rules cover: levels, tactics and techniques of ATT&CK, log sources; and what an estate could see of it.

    Args:
        rules: Sigma rules: files, folders and zip archives; repeatable.
        estate: the folder that holds estate.toml: what could be seen with its sources.
        json: one JSON object.
    """
    from dataclasses import asdict

    from rich.table import Table

    from watchfloor.cli import covered
    from watchfloor.detect.coverage import by_tactic
    from watchfloor.detect.coverage import coverage as count
    from watchfloor.detect.rulebook import load_rules
    from watchfloor.detect.taxonomy import Taxonomy
    from watchfloor.estate import load
    from watchfloor.run.evidence import telemetry

    taxonomy = Taxonomy.load()
    book = load_rules(rules, taxonomy=taxonomy)
    found = count(book.rules, taxonomy)
    seeing, reasons = None, Counter[str]()
    if estate is not None:
        described = load(estate)
        read = described.intelligence()
        kinds = () if read is None else read.intelligence.kinds
        seen = covered.sights(book.rules, telemetry(described, described.world(), described.integrations(), kinds))
        seeing = {uid for uid, sight in seen.items() if sight.state == "sees"}
        reasons = covered.blind(book.rules, seen)
    tactics = by_tactic(book.rules, seeing)
    if json:
        told = {**asdict(found), "not_loaded": len(book.problems), "attack": [asdict(one) for one in tactics]}
        if seeing is not None:
            told |= {"seeing": len(seeing), "blind": dict(reasons.most_common())}
        json_line(told)
        return 0
    screen = console()
    levels = ", ".join(
        f"[{LEVEL_STYLES[level]}]{level}[/] {number}" for level, number in found.levels.items() if number
    )
    screen.print(f"[bold]{found.rules}[/] rules: {levels}; {len(book.problems)} documents not loaded")
    covered.shown(screen, tactics, seen=seeing is not None)
    if seeing is not None:
        covered.why(screen, len(seeing), len(book.rules), reasons)
    screen.print(f"{len(found.techniques)} techniques; {found.untagged} rules carry no ATT&CK tag")
    table = Table(box=None, pad_edge=False, header_style="bold", title="log sources", title_justify="left")
    table.add_column("log source")
    table.add_column("rules", justify="right")
    table.add_column("classes of events")
    for entry in found.logsources:
        table.add_row(entry.logsource, str(entry.rules), ", ".join(entry.classes) or "[dim]any[/]")
    screen.print(table)
    return 0


def _looks_at(rule: Rule | Correlation) -> str:
    """What it is about: its log source, or of how many rules it is which correlation."""
    kind = _kind(rule)
    return kind["logsource"] if "logsource" in kind else f"{kind['correlation']} of {len(kind['rules'])} rules"


def _kind(rule: Rule | Correlation) -> dict[str, Any]:
    from watchfloor.detect.rule import Rule

    if isinstance(rule, Rule):
        return {"logsource": str(rule.logsource)}
    return {"correlation": rule.kind, "rules": list(rule.rules)}


def _number(rules: int, correlations: int) -> str:
    return f"{rules} rules" + (f" and {correlations} correlations" if correlations else "")
