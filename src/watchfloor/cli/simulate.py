"""`watchfloor simulate ESTATE`: records of all its sources while the site lives, and the truth beside them."""

from __future__ import annotations

import time
from datetime import date
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from watchfloor.cli.screen import console, json_line, progress, side
from watchfloor.errors import UsageError

Flag = Annotated[bool, Parameter(negative=())]
Many = Annotated[int, Parameter(validator=Number(gte=1))]

EVERY_FAULT, NO_FAULT = "all", "none"


def simulate(
    estate: Path,
    *,
    out: Path,
    days: Many = 7,
    seed: Annotated[int, Parameter(validator=Number(gte=0))] = 1,
    start: str = "2026-03-23",
    people: Annotated[int | None, Parameter(validator=Number(gte=40, lte=100_000))] = None,
    inject: str = "",
    faults: str = NO_FAULT,
    json: Flag = False,
) -> int:
    """Let the site live that an estate describes: raw records as its products write them, and the truth beside them.

    Args:
        estate: the folder that holds estate.toml; with --people one that is to be made.
        out: folder for the records; the sources of the sample estate read `logs` beside their estate.toml.
        days: how many days.
        seed: the same seed gives the same bytes.
        start: the first day, as 2026-03-23.
        people: found an estate for so many people at ESTATE first; the folder must hold none.
        inject: cases by comma: `S1`, `S7:blind`, or `all`.
        faults: faults by comma: late, reordered, duplicated, drift, burst, blind; or `all`, or `none`.
        json: one JSON object that sums up.
    """
    from watchfloor.estate import load
    from watchfloor.simulate.faults import FAULTS
    from watchfloor.simulate.founding.estate import found
    from watchfloor.simulate.generate import generate

    try:
        first = date.fromisoformat(start)
    except ValueError:
        raise UsageError(f"--start {start!r} is no day", remedy="write it like 2026-03-23") from None
    asked = {one.strip() for one in faults.split(",") if one.strip()}
    chosen = set(FAULTS) if asked == {EVERY_FAULT} else asked - {NO_FAULT}
    if chosen - set(FAULTS):
        raise UsageError(
            f"there is no fault {min(chosen - set(FAULTS))!r}", remedy=f"there are: all, none, {', '.join(FAULTS)}"
        )
    if people is not None:
        if (estate / "estate.toml").exists():
            raise UsageError(f"{estate} holds an estate already", remedy="give --people a folder that is to be made")
        found(estate, people=people, seed=seed)
    described = load(estate)
    begun = time.perf_counter()
    with progress("simulating", days, "days") as bar:
        summary = generate(
            estate,
            out,
            days=days,
            seed=seed,
            start=first,
            timezone=described.timezone,
            inject=[one for one in inject.split(",") if one.strip()],
            faults=chosen,
            advance=bar.advance,
        )
    seconds = time.perf_counter() - begun
    total = sum(summary.records.values())
    if json:
        json_line(summary.as_json())
    else:
        from rich.table import Table

        table = Table(box=None)
        table.add_column("source")
        table.add_column("records", justify="right")
        for source, count in summary.records.items():
            table.add_row(source, f"{count:,}")
        console().print(table)
    side().print(
        f"{summary.people:,} people, {days} days from {first}: {total:,} records, {summary.bytes / 1e6:,.0f} MB, "
        f"{summary.cases} cases in {seconds:.1f} s | truth: {out / 'truth'}",
        markup=False,
    )
    return 0
