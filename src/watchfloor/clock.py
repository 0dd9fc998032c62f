"""The only `now`: everything that needs the wall clock asks here, so that a test can answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, date, datetime

Clock = Callable[[], int]
"""Gives the time in milliseconds since 1970-01-01T00:00:00Z."""


def now_ms() -> int:
    """Wall-clock time in milliseconds since 1970-01-01T00:00:00Z."""
    return time.time_ns() // 1_000_000


def today() -> date:
    """The day it is, in UTC."""
    return datetime.fromtimestamp(now_ms() / 1000, UTC).date()


def monotonic_s() -> float:
    """Seconds of a clock that never goes back; only differences mean anything."""
    return time.monotonic()


def cpu_s() -> float:
    """Seconds of processor time this process has used, all threads together; only differences mean anything."""
    return time.process_time()
