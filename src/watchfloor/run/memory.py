"""Memory between batches: taken from the system's allocator, and given back to the system."""

from __future__ import annotations

import ctypes
import gc

import pyarrow as pa

__all__ = ["give_back", "settled", "use_system_allocator"]

GARBAGE = (700, 10, 10)
"""Python's own measure of how often to look for garbage; the command line starts with another."""


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


def settled() -> None:
    """To be called once all is ready: rules and mappings live as long as the process, no garbage is among them."""
    gc.freeze()
    gc.set_threshold(*GARBAGE)
