"""`watchfloor check ESTATE`: everything that can be wrong before anything runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from watchfloor.cli import covered
from watchfloor.cli.screen import console, json_line
from watchfloor.errors import EstateError, ManifestError, WatchfloorError

if TYPE_CHECKING:
    from watchfloor.collect.integration import Integration
    from watchfloor.detect.rule import Rule
    from watchfloor.estate import Estate

COUNTED = {"expired": "over or faded", "held": "on a warninglist", "verdicts": "with a verdict"}


def check(estate: Path, *, json: Annotated[bool, Parameter(negative=())] = False) -> int:
    """Check an estate: configuration, sources, integrations, rules and what they could see. Exit 3 when something must
    be mended.

    Args:
        estate: the folder that holds estate.toml.
        json: one JSON object per problem.
    """
    from dataclasses import asdict

    from watchfloor.clock import today
    from watchfloor.collect.integration import load_manifest
    from watchfloor.collect.mapper import Mapper
    from watchfloor.detect.coverage import by_tactic
    from watchfloor.detect.rulebook import load_rules
    from watchfloor.estate import load
    from watchfloor.run.evidence import telemetry
    from watchfloor.run.local import sources_checked
    from watchfloor.testing import integration as contract
    from watchfloor.testing import rule as rule_contract

    problems: list[tuple[str, str, str]] = []
    described = load(estate)
    try:
        known = described.integrations()
    except ManifestError as error:
        problems.append(("error", "integration", str(error)))
        known = []
    own = described.folder / "integrations"
    for folder in sorted(own.iterdir()) if own.is_dir() else []:
        if (folder / "manifest.toml").is_file():
            try:
                load_manifest(folder)
                problems += [("error", "integration", problem) for problem in contract.problems(folder)]
            except WatchfloorError as error:
                problems.append(("error", "integration", str(error)))
    problems += [("error", "source", str(error)) for error in sources_checked(described, known)]
    books = []
    for path in described.rules:
        if not path.exists():
            problems.append(("warning", "rules", f"{path}: there is no such file or folder"))
            continue
        books.append(load_rules([path], placeholders=described.placeholders, today=today()))
        problems += [("warning", "rule", str(problem)) for problem in books[-1].problems]
        problems += [("warning", "rule", str(note)) for note in books[-1].notes if note.kind == "over"]
    rules = [rule for book in books for rule in book.rules]
    folders = rule_contract.rule_folders(described.rules)
    for folder, wrong in rule_contract.tried(folders, Mapper(known)):
        problems += [("error", "rule", f"{folder / problem}") for problem in wrong]
    problems += [("warning", "rule", text) for text in _looked_at(rules, folders, known)]
    indicators = _indicators(described, problems)
    evidence = telemetry(described, described.world(), known, indicators.get("indicators", ()))
    missing = {source.id for source in described.sources if not source.path.exists()}
    problems += [
        ("warning", "source", f"{source}: nobody can say what it gives: no integration takes its records")
        for source in evidence.unknown if source not in missing
    ]  # fmt: skip
    seen = covered.sights(rules, evidence)
    seeing = {uid for uid, sight in seen.items() if sight.state == "sees"}
    tactics = by_tactic(rules, seeing)
    reasons = covered.blind(rules, seen)
    errors = sum(1 for kind, _, _ in problems if kind == "error")
    if json:
        for kind, subject, text in problems:
            json_line({"kind": kind, "subject": subject, "text": text})
        json_line(
            {
                "estate": described.name,
                "rules": len(rules),
                "proven": len(folders),
                "seeing": len(seeing),
                "blind": dict(reasons.most_common()),
                "attack": [asdict(one) for one in tactics],
                "integrations": len(known),
                "errors": errors,
                **indicators,
            }
        )
        return EstateError.exit_code if errors else 0
    screen = console()
    for kind, subject, text in problems:
        screen.print(f"[{'bold red' if kind == 'error' else 'yellow'}]{subject}[/]", end=" ")
        screen.print(text, markup=False)
    for kind, count in indicators.get("indicators", {}).items():
        told = [f"{count[name]:,} {words}" for name, words in COUNTED.items() if count[name]]
        more = f" ({', '.join(told)})" if told else ""
        screen.print(f"indicators {kind}: {count['values']:,}{more}", markup=False)
    for reason, many in indicators.get("no_indicators", {}).items():
        screen.print(f"not read as an indicator: {many:,} times {reason}", markup=False)
    if rules:
        covered.shown(screen, tactics, seen=True)
        covered.why(screen, len(seeing), len(rules), reasons)
    screen.print(
        f"estate {described.name}: {len(described.sources)} sources, {len(rules)} rules ({len(folders)} with hits and "
        f"misses), {len(known)} integrations; {errors} errors, {len(problems) - errors} warnings"
    )
    return EstateError.exit_code if errors else 0


def _looked_at(rules: Sequence[Rule], folders: Sequence[Path], known: Sequence[Integration]) -> Iterator[str]:
    """What the author of a rule folder should look at: fields nobody gives, traps that are no miss."""
    from watchfloor.detect.evidence import lints
    from watchfloor.detect.taxonomy import Taxonomy
    from watchfloor.run.evidence import given_by
    from watchfloor.testing.rule import traps

    taxonomy, given = Taxonomy.load(), given_by(known)
    by_file = {Path(rule.file).resolve(): rule for rule in rules}
    for folder in folders:
        rule = by_file.get((folder / "rule.yml").resolve())
        if rule is None:
            continue
        for text in lints(rule, taxonomy, given):
            yield f"{rule.file}:{rule.line}: {text}"
        for trap in traps(folder, rule.falsepositives):
            yield f"{rule.file}:{rule.line}: no miss for the trap {trap!r}"


def _indicators(estate: Estate, problems: list[tuple[str, str, str]]) -> dict[str, Any]:
    """How many indicators there are, by kind, and how many entries of feeds are none; adds what cannot be read."""
    from dataclasses import asdict

    from watchfloor.clock import now_ms

    try:
        read = estate.intelligence()
    except EstateError as error:
        problems.append(("error", "intel", str(error)))
        return {}
    if read is None:
        return {}
    problems += [("warning", "intel", str(problem)) for problem in read.problems]
    told = sum(1 for problem in read.problems if problem.file in read.unread)
    more = sum(read.unread.values()) - told
    if more:
        problems.append(("warning", "intel", f"{more:,} further entries of feeds cannot be read"))
    return {
        "indicators": {kind: asdict(tally) for kind, tally in read.intelligence.tally(now_ms()).items()},
        "unread": sum(read.unread.values()),
        "no_indicators": dict(sorted(read.passed.items())),
    }
