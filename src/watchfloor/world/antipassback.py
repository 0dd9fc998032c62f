"""Anti-passback: who goes in is outside, who goes out is inside. Whether a badge says otherwise, as far as it is known.

    hard    the door denies it: watch for the attempt
    soft    the door lets pass and logs it
    timed   as hard, forgiven after a while

Only what was surely known until then counts, whatever the passage itself says against it: after a fire, an outage or
half a day nobody is known to be anywhere, and nothing is violated (domain reference 2.2). A second entry means a badge
that was handed back, somebody who left with somebody else, or a copy.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from watchfloor.ocsf.column import MISSING, Column
from watchfloor.world.directory import Directory
from watchfloor.world.entities import SURE
from watchfloor.world.history import History
from watchfloor.world.presence import OUT, UNKNOWN, asked

__all__ = ["FORGIVEN_MS", "MODES", "mode", "passback"]

MODES = ("soft", "hard", "timed")

FORGIVEN_MS = 30 * 60_000
"""Of mode `timed`: after so long a second entry is none."""


def mode(directory: Directory, portal: Column) -> Column:
    """The mode of each row's portal; missing where it has none."""
    portals = directory.portals
    modes = {uid: one.antipassback for uid, one in portals.items() if one.antipassback in MODES}
    return portal.map(modes.get, pa.string())


def passback(
    directory: Directory,
    history: History,
    person: Column,
    portal: Column,
    direction: Column,
    times: npt.NDArray[np.int64],
) -> Column:
    """Whether each row's person was on the side already that the row leads to; missing where that is not known.

    Args:
        person, portal: uids. Shape (rows,).
        direction: `in` or `out`.
        times: UTC epoch milliseconds; what was true just before counts.
    """
    before = asked(history, person, times - 1, then=True)
    modes = mode(directory, portal)
    sure = (before.confidence >= SURE) & modes.present & direction.present
    place = before.value.where(sure).keep(lambda value: value != UNKNOWN)

    def inside(door: str | None, where: str | None) -> bool | None:
        known = None if door is None else directory.portals.get(door)
        if known is None or where is None:
            return None
        return where != OUT and where in directory.inside(known.inside)

    within = portal.zip(place, inside, pa.bool_())
    again = within.zip(direction, _again, pa.bool_())
    timed = np.array([*(value == "timed" for value in modes.values.to_pylist()), False], np.bool_)[modes.codes]
    flags = np.array([*again.values.to_pylist(), False], np.bool_)[again.codes]
    flags &= ~(timed & (times - before.moment > FORGIVEN_MS))
    return Column(np.where(again.present, flags, MISSING).astype(np.int32), pa.array([False, True]))


def _again(within: bool | None, direction: str | None) -> bool | None:
    if within is None or direction not in ("in", "out"):
        return None
    return within == (direction == "in")
