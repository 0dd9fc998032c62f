"""`watchfloor check ESTATE`: everything that can be wrong before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from watchfloor.cli.screen import console, json_line
from watchfloor.errors import EstateError, ManifestError, WatchfloorError


def check(estate: Path, *, json: Annotated[bool, Parameter(negative=())] = False) -> int:
    """Check an estate: configuration, sources, rules, integrations. Exit 3 when something must be mended.

    Args:
        estate: the folder that holds estate.toml.
        json: one JSON object per problem.
    """
    from watchfloor.collect.integration import load_manifest
    from watchfloor.detect.rulebook import load_rules
    from watchfloor.estate import load
    from watchfloor.run.local import sources_checked
    from watchfloor.testing import integration as contract

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
    rules = 0
    for path in described.rules:
        if not path.exists():
            problems.append(("warning", "rules", f"{path}: there is no such file or folder"))
            continue
        book = load_rules([path], placeholders=described.placeholders)
        rules += len(book.rules)
        problems += [("warning", "rule", str(problem)) for problem in book.problems]
    errors = sum(1 for kind, _, _ in problems if kind == "error")
    if json:
        for kind, subject, text in problems:
            json_line({"kind": kind, "subject": subject, "text": text})
        json_line({"estate": described.name, "rules": rules, "integrations": len(known), "errors": errors})
    else:
        screen = console()
        for kind, subject, text in problems:
            screen.print(f"[{'bold red' if kind == 'error' else 'yellow'}]{subject}[/]", end=" ")
            screen.print(text, markup=False)
        screen.print(
            f"estate {described.name}: {len(described.sources)} sources, {rules} rules, {len(known)} integrations; "
            f"{errors} errors, {len(problems) - errors} warnings",
            markup=False,
        )
    return EstateError.exit_code if errors else 0
