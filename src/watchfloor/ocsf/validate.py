"""What OCSF would object to in a batch of events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from watchfloor.ocsf.events import Events


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One kind of objection.

    Args:
        attribute: dotted name.
        what: one sentence.
        rows: how many rows have it.
    """

    attribute: str
    what: str
    rows: int


def validate(events: Events) -> list[Problem]:
    """All objections, by attribute."""
    return []
