"""What analysts decided about findings: `dispositions.csv` of an estate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from watchfloor.world.rows import rows, zone_named

if TYPE_CHECKING:
    from watchfloor.estate import Estate

__all__ = ["COLUMNS", "FILE", "Disposition", "dispositions"]

FILE = "dispositions.csv"

COLUMNS: Mapping[str, str] = {
    "finding": "uid of the finding; required",
    "verdict": "`true_positive`, `false_positive` or `benign` (it happened, and was all right); required",
    "who": "who decided; required",
    "reason": "why; required",
}
"""Columns of `dispositions.csv`; of several rows about one finding the last one counts."""

VERDICTS = {"true_positive": True, "false_positive": False, "benign": False}


class Disposition(NamedTuple):
    """One decision."""

    wanted: bool
    """It is what its rule is for; False: a filter may take its like away."""

    reason: str
    place: str
    """File and line."""


def dispositions(estate: Estate) -> dict[str, Disposition]:
    """Uid of a finding -> what was decided; {} without a file.

    Raises:
        EstateError: a row is wrong; with file and line.
    """
    found = {}
    for row in rows(estate.folder / FILE, COLUMNS, zone_named(estate.timezone)):
        row.must("who")
        wanted = VERDICTS[row.one_of("verdict", VERDICTS)]
        found[row.must("finding")] = Disposition(wanted, row.must("reason"), row.place)
    return found
