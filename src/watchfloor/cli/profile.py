"""`watchfloor profile`: which rules and comparisons cost what, which never fire, which literals dominate."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from watchfloor.cli.screen import LEVEL_STYLES, announce_compiling, console, json_line, progress, side
from watchfloor.cli.summary import print_totals, size_of
from watchfloor.errors import RuleError, SourceError, UsageError, WatchfloorError

if TYPE_CHECKING:
    from watchfloor.detect.costs import ComparisonCost, Costs, FieldCost, RuleCost
    from watchfloor.run.profile import Profile

WORDS = {
    "read": "read, unpack, cut into records",
    "tokenise": "decode, intern",
    "map": "map to OCSF",
    "prepare": "machines and plans, once per field and route",
    "values": "judge values, each once",
    "rows": "look up and judge rows",
    "findings": "make findings",
}
"""Stage -> what happens there."""


def profile(
    rules: Path,
    *paths: Path,
    json: Annotated[bool, Parameter(negative=())] = False,
    flame: Path | None = None,
    min_level: str = "informational",
    format: str | None = None,
    records: str | None = None,
    integration: str | None = None,
    limit: int = 12,
) -> int:
    """Where the time goes: dearest rules, fields and comparisons, rules that never fire and why, commonest literals.

    Exit 0 when the work was done; 4 when an input could not be read (the others were still processed).

    Args:
        rules: Sigma rules: a file, a folder or a zip archive.
        paths: log files, folders and archives (gz, xz, zst, zip, tar).
        json: one JSON object a line on stdout: summary, stages, every rule, field and comparison; the rest on stderr.
        flame: write a flame graph to this file: SVG, self-contained.
        min_level: lowest level that counts: informational, low, medium, high, critical.
        format: the format of all inputs, instead of recognising each.
        records: dotted path of the records inside JSON documents.
        integration: the product of all inputs, instead of recognising each record.
        limit: rows of each table.
    """
    from watchfloor.clock import monotonic_s, now_ms
    from watchfloor.collect.mapper import Mapper
    from watchfloor.detect.rule import LEVELS
    from watchfloor.detect.rulebook import load_rules
    from watchfloor.detect.taxonomy import Taxonomy
    from watchfloor.estate import find_integrations
    from watchfloor.run import profile as run
    from watchfloor.run.memory import use_system_allocator
    from watchfloor.run.prepare import chosen_format, user_cache

    if not paths:
        raise UsageError("which logs?", remedy="watchfloor profile RULES PATH...")
    if min_level not in LEVELS:
        raise UsageError(f"{min_level!r} is no level", remedy=", ".join(LEVELS))
    if flame is not None:
        _writable(flame)
    began = monotonic_s()
    use_system_allocator()
    announce_compiling()
    with progress("reading rules", None, "rules"):
        taxonomy = Taxonomy.load()
        book = load_rules([rules], taxonomy=taxonomy, cache=user_cache())
        chosen = [rule for rule in book.rules if LEVELS.index(rule.level) >= LEVELS.index(min_level)]
        mapper = Mapper(find_integrations())
    if not chosen:
        raise RuleError("not one rule could be loaded", remedy="watchfloor rules list --problems says why")
    if integration is not None and integration not in {known.id for known in mapper.integrations}:
        there_are = ", ".join(sorted(known.id for known in mapper.integrations))
        raise UsageError(f"there is no integration {integration!r}", remedy=f"there are: {there_are}")
    with progress("profiling", size_of(paths)) as bar:
        found = run.profile(
            list(paths),
            chosen,
            taxonomy,
            mapper,
            now=now_ms(),
            format=chosen_format(format, records),
            integration=integration,
            advance=bar.advance,
        )
    if flame is not None:
        from watchfloor.run.flame import svg

        title = f"{len(chosen):,} rules, {found.totals.mapped:,} events"
        flame.write_text(svg(run.flame(found), title), "utf-8")
    if json:
        _print_json(found)
    else:
        _print_tables(found, limit)
    print_totals(found.totals, book, monotonic_s() - began, leftovers=False)
    if flame is not None:
        side().print(f"flame graph: {flame}", markup=False)
    return SourceError.exit_code if found.totals.failed else 0


def _writable(flame: Path) -> None:
    """Say it before the work, not after it."""
    try:
        with flame.open("ab"):
            pass
    except OSError as error:
        raise WatchfloorError(
            f"the flame graph cannot be written: {error.strerror}",
            file=flame,
            remedy="name a file in a folder of yours",
        ) from None


# -- for programs


def _print_json(found: Profile) -> None:
    totals, costs = found.totals, found.costs
    never = Counter(cost.never.reason for cost in costs.rules if cost.never is not None)
    json_line(
        {
            "kind": "summary",
            "read": totals.read,
            "events": totals.mapped,
            "quarantined": totals.quarantined,
            "matched": found.matched,
            "hits": sum(cost.hits for cost in costs.rules),
            "rules": len(costs.rules),
            "rules_fired": sum(cost.hits > 0 for cost in costs.rules),
            "candidates": found.candidates,
            "values": found.values,
            "value_evictions": found.evictions,
            "seconds": sum(found.stages.values()),
            "observing_seconds": found.observing,
            "never": dict(never),
        }
    )
    for stage, seconds in found.stages.items():
        json_line({"kind": "stage", "stage": stage, "seconds": seconds})
    for rule in costs.rules:
        json_line(_rule_object(rule))
    for field in costs.fields:
        json_line(
            {
                "kind": "field",
                "field": field.name,
                "columns": list(field.columns),
                "rules": field.rules,
                "comparisons": field.comparisons,
                "rows": field.rows,
                "values": field.values,
                "bytes": field.bytes,
                "seconds": field.seconds,
                "machines": dict(field.kinds),
            }
        )
    for one in costs.comparisons:
        json_line(
            {
                "kind": "comparison",
                "field": one.field,
                "machine": one.kind,
                "test": one.test,
                "rules": [costs.by_position[position].rule.id for position in one.rules],
                "values": one.values,
                "rows": one.rows,
                "seconds": one.seconds,
            }
        )


def _rule_object(cost: RuleCost) -> dict[str, Any]:
    return {
        "kind": "rule",
        "id": cost.rule.id,
        "title": cost.rule.title,
        "level": cost.rule.level,
        "logsource": str(cost.rule.logsource),
        "file": cost.rule.file,
        "hits": cost.hits,
        "rows": cost.rows,
        "candidates": cost.candidates,
        "steps": cost.steps,
        "comparisons": cost.comparisons,
        "own_comparisons": cost.own,
        "seconds": cost.seconds,
        "saved_seconds": cost.saved,
        "never": None if cost.never is None else {"reason": cost.never.reason, "detail": cost.never.detail},
    }


# -- for people


def _print_tables(found: Profile, limit: int) -> None:
    costs = found.costs
    detect = sum(found.stages[stage] for stage in ("prepare", "values", "rows"))
    fired = sum(cost.hits > 0 for cost in costs.rules)
    console().print(
        f"[bold]{found.totals.mapped:,}[/] events, {found.matched:,} of them matched | "
        f"[bold]{len(costs.rules):,}[/] rules, {fired:,} of them fired | "
        f"{found.values:,} distinct values judged | {found.candidates:,} times a rule was woken"
    )
    _stages(found)
    _rules([cost for cost in costs.rules if cost.seconds > 0], detect, limit)
    _fields(costs.fields, detect, limit)
    _machines(costs, detect, limit)
    _literals(costs, limit)
    _never(costs.rules, limit)


def _table(title: str, *columns: str) -> Any:
    """A table; a column whose title ends with `>` holds numbers."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold", title=f"\n{title}", title_justify="left")
    table.title_style = "bold cyan"
    for column in columns:
        number = column.endswith(">")
        table.add_column(column.rstrip(">"), justify="right" if number else "left", no_wrap=number, overflow="fold")
    return table


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:,.1f}"


def _share(part: float, whole: float) -> str:
    return f"{100 * part / whole:.1f} %" if whole > 0 else "-"


def _stages(found: Profile) -> None:
    whole, events = sum(found.stages.values()), max(1, found.totals.mapped)
    table = _table("where the time goes", "stage", "ms>", "share>", "us an event>", "what happens there")
    for stage, seconds in found.stages.items():
        what = f"[dim]{WORDS[stage]}[/]"
        table.add_row(stage, _ms(seconds), _share(seconds, whole), f"{1e6 * seconds / events:.2f}", what)
    console().print(table)


def _rules(costs: Sequence[RuleCost], whole: float, limit: int) -> None:
    from rich.markup import escape

    columns = ("ms>", "share>", "saved ms>", "hits>", "woken>", "level", "rule")
    table = _table("dearest rules (share of detecting; saved: if only this rule went)", *columns)
    for cost in costs[:limit]:
        level = cost.rule.level
        table.add_row(
            _ms(cost.seconds),
            _share(cost.seconds, whole),
            _ms(cost.saved),
            f"{cost.hits:,}",
            f"{cost.candidates:,}",
            f"[{LEVEL_STYLES[level]}]{level}[/]",
            escape(cost.rule.title),
        )
    console().print(table)


def _fields(costs: Sequence[FieldCost], whole: float, limit: int) -> None:
    from rich.markup import escape

    columns = ("ms>", "share>", "values>", "rows>", "rules>", "comparisons>", "field", "machines")
    table = _table("dearest fields", *columns)
    for cost in costs[:limit]:
        machines = ", ".join(
            f"{kind} {_share(seconds, cost.seconds)}" for kind, seconds in list(cost.kinds.items())[:3] if seconds > 0
        )
        table.add_row(
            _ms(cost.seconds),
            _share(cost.seconds, whole),
            f"{cost.values:,}",
            f"{cost.rows:,}",
            f"{cost.rules:,}",
            f"{cost.comparisons:,}",
            f"{escape(cost.name)} [dim]{escape(_some(cost.columns))}[/]",
            f"[dim]{machines}[/]",
        )
    console().print(table)


def _some(names: Sequence[str]) -> str:
    return names[0] + (f" +{len(names) - 1}" if len(names) > 1 else "") if names else ""


def _machines(costs: Costs, whole: float, limit: int) -> None:
    """Literals of one kind are one machine and have one time; regular expressions each have their own."""
    from rich.markup import escape

    together: dict[tuple[str, str], list[ComparisonCost]] = defaultdict(list)
    for one in costs.comparisons:
        together[one.field, one.test if one.kind == "regex" else one.kind].append(one)
    table = _table("dearest machines and regular expressions", "ms>", "share>", "rules>", "what", "asked by")
    ordered = sorted(together.values(), key=lambda group: -sum(one.seconds for one in group))
    for group in ordered[:limit]:
        seconds, asking = sum(one.seconds for one in group), sorted({rule for one in group for rule in one.rules})
        first = group[0]
        what = _short(first.test) if first.kind == "regex" else f"{first.field}: {len(group):,} x {first.kind}"
        asked = _some([costs.by_position[position].rule.title for position in asking])
        table.add_row(
            _ms(seconds), _share(seconds, whole), f"{len(asking):,}", escape(what), f"[dim]{escape(asked)}[/]"
        )
    console().print(table)


def _literals(costs: Costs, limit: int) -> None:
    from rich.markup import escape

    found = [one for one in costs.comparisons if one.rows and one.kind != "exists"]
    table = _table("literals found most often", "rows>", "values>", "comparison", "asked by")
    for one in sorted(found, key=lambda one: (-one.rows, one.field, one.test))[:limit]:
        asked = _some([costs.by_position[position].rule.title for position in one.rules])
        table.add_row(f"{one.rows:,}", f"{one.values:,}", escape(_short(one.test)), f"[dim]{escape(asked)}[/]")
    console().print(table)


def _short(test: str) -> str:
    return test if len(test) <= 90 else f"{test[:89]}…"


def _never(costs: Sequence[RuleCost], limit: int) -> None:
    from rich.markup import escape

    from watchfloor.detect.never import REASONS

    silent = [cost for cost in costs if cost.never is not None]
    if not silent:
        return
    reasons = Counter(cost.never.reason for cost in silent if cost.never is not None)
    table = _table(f"{len(silent):,} rules never fired", "rules>", "reason", "which means")
    for reason, means in REASONS.items():
        if reasons[reason]:
            table.add_row(f"{reasons[reason]:,}", reason, f"[dim]{means}[/]")
    console().print(table)
    groups = Counter((cost.never.reason, cost.never.detail) for cost in silent if cost.never is not None)
    order = list(REASONS)
    ordered = sorted(groups.items(), key=lambda pair: (-pair[1], order.index(pair[0][0]), pair[0][1]))
    table = _table("what keeps most of them silent", "rules>", "reason", "about")
    for (reason, detail), count in ordered[:limit]:
        table.add_row(f"{count:,}", reason, escape(detail))
    console().print(table)
    if len(ordered) > limit:
        console().print(f"[dim]... and {len(ordered) - limit:,} more; --json names every rule and its reason[/]")
