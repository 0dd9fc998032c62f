"""Memory between batches: taken from the system's allocator, and given back to the system."""

from __future__ import annotations

import ctypes

import pyarrow as pa

__all__ = ["give_back", "use_system_allocator"]


def use_system_allocator() -> None:
    """Let Arrow take its memory where everybody else does.

    Its own allocator keeps what it was given for later: a tenth more time and memory where every batch takes and frees
    hundreds of columns.
    """
    pa.set_memory_pool(pa.system_memory_pool())


def give_back() -> None:
    """Return what batches have freed, before somebody takes memory who does not use ours. Only glibc can."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
