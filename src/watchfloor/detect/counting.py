"""The row kernel once more, with a counter at every step: what each test and each rule of a plan cost on some rows.

The engine's own kernel must not count, so this one goes over the same rows beside it. It reads a plan as the engine
does and must come to the same hits; whoever calls it compares.

    lanes[lane_rows[l]]  row -> value    one lane per column that a rule of the plan asks about; -1: no value
    value       -> atoms                 value_atoms[value_starts[v] : value_starts[v + 1]]
    atom        -> marks                 atom_marks[atom_starts[a] : atom_starts[a + 1]], a = lane_atoms[l] + atom
    mark        -> test of the plan      map_tests[lane_maps[l] + mark], -1: nobody in this plan asks
    test        -> rules that wake up    witness_rules[witness_starts[t] : witness_starts[t + 1]]
    rule        -> jump code             from code_starts[r]; -1 it holds, -2 it does not

Bounds are the caller's business, as in `rows`: every start array has one entry more than things.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from watchfloor.words import Flags, Int32s, Int64s, kernel

__all__ = ["count"]


@kernel
def count(
    rows: Int32s,
    lanes: npt.NDArray[np.int32],
    lane_rows: Int32s,
    lane_atoms: Int64s,
    lane_maps: Int64s,
    value_starts: Int64s,
    value_atoms: Int32s,
    atom_starts: Int64s,
    atom_marks: Int32s,
    map_tests: Int32s,
    refs: Flags,
    ref_tests: Int32s,
    witness_starts: Int64s,
    witness_rules: Int32s,
    always: Int32s,
    code_starts: Int64s,
    code_tests: Int32s,
    code_true: Int32s,
    code_false: Int32s,
    value_rows: Int64s,
    test_rows: Int64s,
    candidates: Int64s,
    steps: Int64s,
    hits: Int64s,
) -> int:
    """Judge `rows` by one plan; adds to the last five arrays, returns how many marks were looked at.

    lanes: (lanes, rows of the batch), of which lane_rows are this plan's. refs[k, i]: its reference k holds in rows[i].
    value_rows: per value in how many rows it stood. test_rows: per test, the rows in which it held. candidates, steps,
    hits: per rule the rows that woke it, the steps of its code that were taken, the rows it holds for.
    """
    stamps = np.full(len(test_rows), -1, np.int64)
    rule_stamps = np.full(len(hits), -1, np.int64)
    waiting = np.empty(len(hits) + len(always), np.int32)
    visited = 0
    for i in range(len(rows)):
        awake = 0
        for lane in range(len(lane_maps)):
            value = lanes[lane_rows[lane], rows[i]]
            if value < 0:
                continue
            value_rows[value] += 1
            for j in range(value_starts[value], value_starts[value + 1]):
                atom = lane_atoms[lane] + value_atoms[j]
                for k in range(atom_starts[atom], atom_starts[atom + 1]):
                    visited += 1
                    test = map_tests[lane_maps[lane] + atom_marks[k]]
                    if test < 0 or stamps[test] == i:
                        continue
                    stamps[test] = i
                    test_rows[test] += 1
                    for w in range(witness_starts[test], witness_starts[test + 1]):
                        rule = witness_rules[w]
                        if rule_stamps[rule] != i:
                            rule_stamps[rule] = i
                            waiting[awake] = rule
                            awake += 1
        for r in range(len(ref_tests)):
            if refs[r, i]:
                test = ref_tests[r]
                stamps[test] = i
                test_rows[test] += 1
                for w in range(witness_starts[test], witness_starts[test + 1]):
                    rule = witness_rules[w]
                    if rule_stamps[rule] != i:
                        rule_stamps[rule] = i
                        waiting[awake] = rule
                        awake += 1
        for r in range(len(always)):
            waiting[awake] = always[r]
            awake += 1
        for r in range(awake):
            rule = waiting[r]
            candidates[rule] += 1
            base = code_starts[rule]
            step = np.int64(0) if code_starts[rule + 1] > base else np.int64(-1)
            while step >= 0:
                steps[rule] += 1
                at = base + step
                step = np.int64(code_true[at]) if stamps[code_tests[at]] == i else np.int64(code_false[at])
            if step == -1:
                hits[rule] += 1
    return visited
