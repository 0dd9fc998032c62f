"""`watchfloor tune RULE`: a filter for a rule that is too loud, out of what analysts decided."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from watchfloor.cli.screen import console, json_line
from watchfloor.errors import UsageError

LONGEST_DAYS = 365


def tune(
    rule: str,
    *,
    estate: Path = Path(),
    owner: str = "",
    days: int = 90,
    json: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """Propose a Sigma filter out of dispositions.csv: what it would have removed and kept. Nothing is written.

    Args:
        rule: id, name or title of a rule or correlation.
        estate: the folder that holds estate.toml.
        owner: who answers for the filter (default: the user's name).
        days: after so many days it must be decided anew, 1 to 365.
        json: print one JSON object.
    """
    from dataclasses import asdict
    from datetime import timedelta
    from getpass import getuser

    from watchfloor.clock import today
    from watchfloor.estate import load
    from watchfloor.run.tuning import proposed
    from watchfloor.testing.rule import hits_with

    if not 1 <= days <= LONGEST_DAYS:
        raise UsageError(f"{days} days", remedy=f"a filter lasts 1 to {LONGEST_DAYS} days: then somebody looks again")
    expires = today() + timedelta(days=days)
    found = proposed(load(estate), rule, hits_with, owner=owner or getuser(), expires=expires)
    if json:
        json_line(asdict(found))
        return 0
    screen = console()
    screen.print(found.text, markup=False, highlight=False)
    told = f"would have removed {found.removed} unwanted findings and {found.open} nobody decided about"
    screen.print(f"# {told}", markup=False)
    screen.print(f"# would have kept {found.kept} wanted and {found.left} unwanted findings", markup=False)
    kept = ", ".join(found.hits) if found.hits else "none, the rule has no hits of its own"
    screen.print(f"# hits of the rule that are found as before: {kept}", markup=False)
    return 0
