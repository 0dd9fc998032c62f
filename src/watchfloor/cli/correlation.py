"""One correlation on the screen, for `watchfloor rules show`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from watchfloor.cli.screen import LEVEL_STYLES, console, json_line

if TYPE_CHECKING:
    from watchfloor.detect.rule import Correlation, Rule
    from watchfloor.detect.rulebook import Rulebook

__all__ = ["shown"]


def shown(rule: Correlation, book: Rulebook, *, json: bool) -> None:
    """Print what a correlation counts on, its window and what it does with what comes of it."""
    from rich.markup import escape

    told = _told(rule, book)
    if json:
        json_line(told)
        return
    screen = console()
    screen.print(f"[{LEVEL_STYLES[rule.level]}]{rule.level}[/] [bold]{escape(rule.title)}[/]")
    screen.print(f"[dim]{rule.id}  {escape(rule.file)}:{rule.line}[/]")
    if rule.description:
        screen.print(escape(rule.description.strip()))

    def part(title: str, *lines: str) -> None:
        screen.print(f"\n[bold]{title}[/]")
        for line in lines:
            screen.print(f"  {line}", markup=False)

    silent = {one["id"] for one in told["rules"] if one["silent"]}
    part(
        f"{rule.kind} of",
        *(
            f"{one['name']}: {one['title']}{'' if one['id'] in silent else ' (makes findings of its own too)'}\n"
            f"    {one['id']}  {one['file']}:{one['line']}"
            for one in told["rules"]
        ),
    )
    part("says", told["condition"])
    groups = [
        f"{name}{''.join(f'; {uid}: {field}' for uid, field in told['aliases'].get(name, {}).items())}"
        for name in rule.group_by
    ]
    part("of the same", *(groups or ["anything: all matches are one group"]))
    part("looks", told["window"], f"links of entities below confidence {rule.min_confidence} are none")
    part("does", *(f"{name}: {done}" for name, done in told["outcomes"].items()))
    if told["counted_on_by"]:
        part("counted on by", *(f"{one['title']}  {one['id']}" for one in told["counted_on_by"]))
    if rule.techniques:
        screen.print(f"\n[bold]ATT&CK[/] {' '.join((*rule.tactics, *rule.techniques))}")
    for title, lines in (("false positives", rule.falsepositives), ("references", rule.references)):
        if lines:
            part(title, *lines)


def _told(rule: Correlation, book: Rulebook) -> dict[str, Any]:
    from watchfloor.detect import correlation_sentence as sentence

    every: tuple[Rule | Correlation, ...] = (*book.rules, *book.correlations)
    known = {one.id: one for one in every}
    members = book.members[rule.id]
    return {
        "id": rule.id,
        "title": rule.title,
        "level": rule.level,
        "file": rule.file,
        "line": rule.line,
        "correlation": rule.kind,
        "rules": [
            {
                "name": name,
                "id": uid,
                "title": known[uid].title,
                "file": known[uid].file,
                "line": known[uid].line,
                "silent": uid in book.silent,
            }
            for name, uid in zip(rule.rules, members, strict=True)
        ],
        "group_by": list(rule.group_by),
        "aliases": {name: dict(fields) for name, fields in rule.aliases},
        "condition": sentence.condition(rule),
        "window": sentence.window(rule),
        "outcomes": sentence.outcomes(rule),
        "watchfloor": {
            "anchor": rule.anchor,
            "window": {"before_s": rule.before / 1000, "after_s": rule.after / 1000},
            "lateness_s": None if rule.lateness is None else rule.lateness / 1000,
            "on_incomplete": rule.on_incomplete,
            "emit": rule.emit,
            "suppress_s": rule.suppress / 1000,
            "min_confidence": rule.min_confidence,
        },
        "silent": rule.id in book.silent,
        "counted_on_by": [
            {"id": one.id, "title": one.title} for one in book.correlations if rule.id in book.members[one.id]
        ],
    }
