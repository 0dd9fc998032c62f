"""A record that cannot be read is kept with the reason; it is never dropped."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["HEAD", "Bad"]

HEAD = 64 * 1024
"""How much of a bad record is kept, bytes."""


@dataclass(frozen=True, slots=True)
class Bad:
    """One record that could not be read.

    Args:
        record: index of the record within its block.
        reason: one short sentence a person can act on.
        raw: the record, or its first 64 KiB.
    """

    record: int
    reason: str
    raw: bytes
