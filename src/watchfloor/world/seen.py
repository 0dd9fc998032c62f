"""What is seen of a person: that it was in a place at a moment, who says so, and how surely."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["STRONG", "WEAK", "Sighting"]

STRONG, WEAK = 100, 60
"""Confidence of a sighting; Granted where nobody reports Taken is worth 60 at most (domain reference 2.1)."""


class Sighting(NamedTuple):
    """One person at one place at one moment.

    Sorted, sightings of one person are in order of time, of equals by sequence.
    """

    person: str
    time: int
    """UTC epoch milliseconds, at the source."""

    sequence: int
    """The source's own count; ties of time are broken by it."""

    place: str
    """Where the person is from then on."""

    strength: int
    """STRONG or WEAK."""

    moved: bool
    """Came through a portal just then."""

    source: str
    because: str
    """uid of the event."""

    portal: str = ""
    """uid of the portal it was read at, where it was at one."""
