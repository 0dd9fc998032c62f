"""`watchfloor coverage PLACE --between T T`: could what happened there have been seen, all the time?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from watchfloor.cli.screen import console, json_line
from watchfloor.cli.where import moment_of, shown
from watchfloor.errors import UsageError

WORDS = {"full": "all of it could be seen", "partial": "seen in part", "blind": "nothing could be seen"}
COLOURS = {"full": "green", "partial": "yellow", "blind": "bold red"}


def coverage(
    place: str,
    *,
    between: Annotated[tuple[str, str], Parameter(negative=())],
    estate: Path = Path(),
    feed: str | None = None,
    json: bool = False,
) -> int:
    """Whether what happened at a place could have been seen: full, partial or blind, and what was not well.

    Args:
        place: uid or name of a place, zone, door or asset.
        between: two moments, like 2026-05-31 09:00, in the estate's time zone; the second is not included.
        estate: the folder that holds estate.toml.
        feed: class of events that is asked for; without it passages at places and doors, anything at assets.
        json: print one JSON object.
    """
    from rich.markup import escape

    from watchfloor.clock import now_ms
    from watchfloor.estate import load
    from watchfloor.run.covered import clocks, covered
    from watchfloor.run.whereabouts import uid_of
    from watchfloor.store.lake import Lake
    from watchfloor.world.coverage import said

    described = load(estate)
    directory = described.world()
    zone = directory.timezone
    start, end = (moment_of(one, zone) for one in between)
    if end <= start:
        raise UsageError("the second moment is not behind the first", remedy="--between EARLIER LATER")
    uid = uid_of(directory, place)
    lake = Lake(described.store / "lake", read_only=True)
    found = covered(described, directory, lake, uid, start, end, feed, now_ms())
    compared = clocks(directory, lake, end)
    if json:
        json_line(
            {
                "of": uid,
                "since": shown(start, zone),
                "until": shown(end, zone),
                "coverage": found.state,
                "sources": list(found.sources),
                "reasons": [
                    {
                        "since": shown(one.since, zone),
                        "until": shown(one.until, zone),
                        "why": one.why,
                        "source": one.source or None,
                        "of": one.of or None,
                    }
                    for one in found.reasons
                ],
                "clocks": [
                    {"clock": clock, "ahead_s": [round(one.at_least / 1000, 1), round(one.at_most / 1000, 1)]}
                    for clock, one in compared.items()
                ],
            }
        )
        return 0
    screen = console()
    state = f"[{COLOURS[found.state]}]{found.state}[/], {WORDS[found.state]}"
    screen.print(f"{escape(uid)}, {shown(start, zone)} to {shown(end, zone)}: {state}")
    for one in found.reasons:
        screen.print(
            f"  {shown(one.since, zone)} to {shown(one.until, zone)}: {said(one)}", markup=False, highlight=False
        )
    for clock, ahead in compared.items():
        least, most = ahead.at_least / 1000, ahead.at_most / 1000
        if least > 0 or most < 0:
            side, near, far = ("ahead of", least, most) if least > 0 else ("behind", -most, -least)
            told = f"the clock of {clock} is {near:.0f} to {far:.0f} s {side} the others, by who walks between doors"
            screen.print(f"  {told}", markup=False, highlight=False)
    screen.print(f"  watched by: {', '.join(found.sources) or 'no source'}", markup=False, highlight=False)
    return 0
