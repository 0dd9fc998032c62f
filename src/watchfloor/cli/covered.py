"""Coverage of ATT&CK as a table on the screen, and why some rules see nothing here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from watchfloor.detect.coverage import TacticCoverage
    from watchfloor.detect.evidence import Sight
    from watchfloor.detect.rule import Rule
    from watchfloor.run.evidence import Evidence

__all__ = ["blind", "shown", "sights", "why"]

MOST = 8
"""Reasons that are listed; the others are counted."""

MATRICES = {"enterprise": "Enterprise", "ics": "ICS"}


def sights(rules: Sequence[Rule], evidence: Evidence) -> dict[str, Sight]:
    """Id of each rule -> what it can see by this evidence."""
    from watchfloor.detect.evidence import sight
    from watchfloor.detect.taxonomy import Taxonomy

    taxonomy = Taxonomy.load()
    return {rule.id: sight(rule, taxonomy, evidence.given, evidence.context) for rule in rules}


def shown(screen: Console, covered: Sequence[TacticCoverage], *, seen: bool) -> None:
    """Print the table; `seen`: with the column of what could be seen."""
    from rich.table import Table

    from watchfloor.detect.matrix import VERSION

    table = Table(box=None, pad_edge=False, header_style="bold", title=f"ATT&CK {VERSION}", title_justify="left")
    for title in ("matrix", "tactic"):
        table.add_column(title)
    for title in ("techniques", "with a rule", *(("could be seen",) if seen else ())):
        table.add_column(title, justify="right")
    for one in covered:
        numbers = (one.techniques, one.ruled, *((one.seen,) if seen else ()))
        table.add_row(MATRICES[one.matrix], one.tactic, *(str(number) for number in numbers))
    screen.print(table)


def blind(rules: Sequence[Rule], found: Mapping[str, Sight]) -> Counter[str]:
    """Why rules see nothing here -> how many."""
    reasons: Counter[str] = Counter()
    for rule in rules:
        sight = found[rule.id]
        if sight.state == "no events":
            reasons[f"no source gives events of {rule.logsource}"] += 1
        elif sight.state == "no field":
            reasons[f"nothing gives {', '.join(sight.missing)}"] += 1
    return reasons


def why(screen: Console, seeing: int, rules: int, reasons: Counter[str]) -> None:
    """Print how many rules could see something, and why the others could not."""
    screen.print(f"{seeing} of {rules} rules could see something here")
    for reason, count in reasons.most_common(MOST):
        screen.print(f"  {count:4d}  {reason}", markup=False, highlight=False)
    if len(reasons) > MOST:
        screen.print(f"        and {len(reasons) - MOST} more reasons: --json lists them")
