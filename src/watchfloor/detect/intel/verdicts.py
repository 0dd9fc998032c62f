"""What analysts decided about indicators: `intel/verdicts.csv`. It wins over every feed and every warninglist."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from zoneinfo import ZoneInfo

from watchfloor.detect.intel.gathered import Gathered
from watchfloor.detect.intel.indicator import KINDS, Claim
from watchfloor.errors import EstateError
from watchfloor.world.rows import Row, rows

__all__ = ["SOURCE", "VERDICTS", "read_verdicts"]

SOURCE = "verdicts"
"""Source of a claim that is a verdict."""

VERDICTS: Mapping[str, str] = {
    "kind": "kind of the indicator; required",
    "value": "the indicator; required",
    "verdict": "`malicious` or `benign`; required",
    "who": "who decided; required",
    "reason": "why; required",
    "since": "holds for events from then on (default: always)",
    "until": "and before the end of it (default: for ever)",
}
"""Columns of `intel/verdicts.csv`."""

SAYS = {"malicious": 1, "benign": -1}


def read_verdicts(file: Path, zone: ZoneInfo, gathered: Gathered) -> None:
    """All verdicts of a file; without a file there are none.

    Args:
        zone: of the days and times that name none.
    """
    try:
        for row in rows(file, VERDICTS, zone):
            try:
                _verdict(row, gathered)
            except EstateError as error:
                gathered.wrong(file, error.line, error.what, error.remedy or "")
    except EstateError as error:
        gathered.wrong(file, error.line, error.what, error.remedy or "")


def _verdict(row: Row, gathered: Gathered) -> None:
    kind, says = row.one_of("kind", KINDS), SAYS[row.one_of("verdict", SAYS)]
    since, until = row.span("since", "until")
    claim = Claim(
        SOURCE,
        confidence=100,
        since=since,
        until=until,
        labels=(f"{row.must('who')}: {row.must('reason')}",),
        reference=row.place,
        verdict=says,
    )
    gathered.add(kind, row.must("value"), claim, row.file, row.line)
