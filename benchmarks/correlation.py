"""Correlations: what it costs to count matches by group over windows that slide, and how that grows with live groups.

A hundred correlations of all types with windows of an hour, matches in batches as the path has them, their times in
order but for the jitter of late sources. So many groups are alive at a time, met at random; a group that is met no more
is let go. Matches in, findings out, CPU time of one core; reading matches out of events is measured beside it.
"""

from __future__ import annotations

import argparse
import gc
import time
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks import machine
from watchfloor.detect.correlation import MATCHES, Operator, State, Watermark
from watchfloor.detect.correlation_condition import postfix
from watchfloor.detect.rule import Correlation

GOAL = 300_000
"""Matched events a second and core, asked for in the issue of correlations."""

GOAL_BYTES = 400
"""Bytes of state of a live group at most."""

BATCH = 150_000
RULES = 100
HOUR = 3_600_000
BEGIN = 1_780_000_000_000
JITTER = 20_000

SIZES = (10_000, 100_000, 1_000_000)
"""Live groups."""


def main(sizes: tuple[int, ...] = SIZES, batches: int = 12) -> str:
    """Measure; gives the table."""
    rows = [_row(size, batches) for size in sizes]
    head = ("groups alive", "matches held", "matches/s and core", "µs a match", "bytes a group", "findings",
            "snapshot of all", "of a batch")  # fmt: skip
    text = machine.table(head, rows)
    return (
        f"## Correlations\n\n{RULES} correlations of all types, windows of an hour, batches of {BATCH:,} matches. "
        f"Goals: {GOAL:,} matches/s, {GOAL_BYTES} bytes a live group.\n\n{text}"
    )


def rules() -> list[Correlation]:
    """A hundred correlations of all types, with thresholds that are seldom met."""
    found = []
    for number in range(RULES):
        given: dict[str, Any] = {
            "id": f"c{number}", "title": "t", "level": "high", "status": None, "group_by": ("u",), "timespan": HOUR,
            "before": HOUR, "bounds": (), "expression": (), "file": "f", "line": 1, "rules": ("a", "b"),
        }  # fmt: skip
        kind = number % 10
        if kind < 3:
            given |= {"kind": "event_count", "bounds": (("gte", 12.0),)}
        elif kind < 5:
            given |= {"kind": "value_count", "bounds": (("gte", 10.0),)}
        elif kind == 5:
            given |= {"kind": "value_sum", "bounds": (("gte", 40.0),)}
        elif kind == 6:
            given |= {"kind": "value_percentile", "percentile": 95.0, "bounds": (("gte", 20.0),)}
        elif kind == 7:
            given |= {"kind": "temporal_ordered", "bounds": (("gte", 3.0),), "rules": ("a", "b", "c")}
        elif kind == 8:
            given |= {"kind": "temporal", "bounds": (("gte", 3.0),), "rules": ("a", "b", "c")}
        else:
            given |= {"kind": "temporal", "expression": postfix("a and not b"), "anchor": "a", "before": HOUR // 2,
                      "after": HOUR // 2, "emit": "each"}  # fmt: skip
        found.append(Correlation(**given))
    return found


def _row(groups: int, batches: int) -> tuple[object, ...]:
    random = np.random.default_rng(11)
    made = rules()
    hold = {False: 0, True: 0}
    operator = Operator(made, {one.id: one.rules for one in made}, hold=hold, max_rows=30_000_000)
    span = max(HOUR * BATCH // (groups * 2), 1000)  # so that a group is met about twice an hour
    warm = -(-2 * HOUR // span)
    _warmed(random, made)
    gc.collect()
    before = machine.rss_mb()
    state, number = operator.begin(), 0
    for _ in range(min(warm, 60)):
        state = _stepped(operator, state, _batch(random, groups, number, span), number, span)[0]
        number += 1
    spent, found = 0.0, 0
    for _ in range(batches):
        matches = _batch(random, groups, number, span)
        began = time.process_time()
        state, new = _stepped(operator, state, matches, number, span)
        spent += time.process_time() - began
        found += new
        number += 1
    held = machine.rss_mb() - before
    operator.snapshot(state, changed=True)
    state = _stepped(operator, state, _batch(random, groups, number, span), number, span)[0]
    began = time.process_time()
    operator.snapshot(state, changed=True)
    part = time.process_time() - began
    began = time.process_time()
    operator.snapshot(state)
    whole = time.process_time() - began
    each = spent / (batches * BATCH)
    return (
        f"{state.groups:,}", f"{state.held:,}", f"{1 / each:,.0f}", f"{each * 1e6:.2f}",
        f"{state.nbytes / state.groups:.0f} ({held * 1e6 / state.groups:.0f} of the process)", f"{found:,}",
        f"{whole:.2f} s", f"{part:.2f} s",
    )  # fmt: skip


def _warmed(random: np.random.Generator, made: list[Correlation]) -> None:
    """Compile."""
    operator = Operator(made, {one.id: one.rules for one in made})
    state = operator.begin()
    for number in range(4):
        state = _stepped(operator, state, _batch(random, 1000, number, HOUR), number, HOUR)[0]
    operator.snapshot(state)


def _stepped(operator: Operator, state: State, matches: pa.Table, number: int, span: int) -> tuple[State, int]:
    mark = Watermark({"s": BEGIN + number * span - JITTER})
    state, found = operator.step(state, matches, mark, lambda ask: ())
    return state, found.num_rows


def _batch(random: np.random.Generator, groups: int, number: int, span: int) -> pa.Table:
    """Matches of one batch: which group is chance, its correlation follows from it."""
    group = random.integers(0, groups, BATCH)
    time_ = BEGIN + number * span + np.sort(random.integers(0, span, BATCH)) - random.integers(0, JITTER, BATCH)
    codes, names = np.unique(group, return_inverse=True)
    texts = pa.array([f'["user{one}"]' for one in codes.tolist()], pa.string())
    correlation = (group % RULES).astype(np.int32)
    return pa.table(
        {
            "time": time_,
            "sequence": np.arange(BATCH, dtype=np.int64) + number * BATCH,
            "correlation": correlation,
            "member": (random.integers(0, 2, BATCH)).astype(np.int32),
            "key": group.astype(np.int64) * 7919 + 2,
            "text": pa.DictionaryArray.from_arrays(pa.array(names.astype(np.int32)), texts),
            "value": random.integers(0, 12, BATCH).astype(np.float64),
            "uid": pa.FixedSizeBinaryArray.from_buffers(
                pa.binary(16), BATCH, [None, pa.py_buffer(random.bytes(16 * BATCH))]
            ),
            "scope": pa.DictionaryArray.from_arrays(
                pa.array(np.zeros(BATCH, np.int32)), pa.array(["hall"], pa.string())
            ),
            "gone": np.zeros(BATCH, np.bool_),
        },
        MATCHES,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="What correlations cost.")
    parser.add_argument("--groups", type=int, nargs="*", default=list(SIZES), help="groups alive")
    parser.add_argument("--batches", type=int, default=12, help="batches that are measured")
    given = parser.parse_args()
    print(main(tuple(given.groups), given.batches))
