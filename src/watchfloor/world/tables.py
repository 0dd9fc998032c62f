"""Tables of the lake in which is kept what the world has learnt, and from which it is taken up again."""

from __future__ import annotations

__all__ = ["ALIASES", "PULSES", "SIGHTINGS", "STATEMENTS"]

SIGHTINGS, STATEMENTS, PULSES, ALIASES = "sighting", "statement", "pulse", "alias"
