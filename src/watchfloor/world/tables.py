"""Tables of the lake in which is kept what the world has learnt, and from which it is taken up again."""

from __future__ import annotations

__all__ = ["ACTIVITY", "ALIASES", "PULSES", "SIGHTINGS", "STATEMENTS"]

SIGHTINGS, STATEMENTS, PULSES, ALIASES = "sighting", "statement", "pulse", "alias"

ACTIVITY = "activity"
"""Sums of what people did: those of each batch, and now and then all that is kept (`whole`), which stands for whatever
was before."""
