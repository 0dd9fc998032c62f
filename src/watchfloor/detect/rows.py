"""Rows: from routes to groups, and from the marks of their values to the rules that hold. Kernels of `engine.py`.

    group      the rows of a batch that have one plan          rows[group_starts[g] : group_starts[g + 1]]
    lane       a column that the plan of a group minds: codes[row] -> memo -> mark set -> marks -> tests of the plan

        row 17:  Image -> set 5 -> marks 3, 90 -> tests 0, 12      stamps[0] = stamps[12] = tick
                 CommandLine -> set 9 -> mark 44 -> test 7         stamps[7] = tick; 7 is a witness of rule 2
                 rule 2: 7? -> 12? -> 0? -> holds                  its code: test, next step if it holds, if not

A test holds in a row if its stamp is the row's tick, so nothing is cleared between rows. A rule is looked at only if
one of its *witnesses* holds, tests of which it needs at least one, chosen to be rare. A row without a hot value (one
that makes a witness hold, or two fields that compare) is not looked at, unless its plan has a rule without witness.
"""

from __future__ import annotations

import numpy as np

from watchfloor.detect.arena import CODES, MEMO
from watchfloor.words import Bytes, Flags, Int32s, Int64s, int32s_at, kernel


@kernel
def combine(keys: Int64s, codes: Int32s, radix: int) -> None:
    """keys = keys * radix + code + 1, in place."""
    for row in range(len(keys)):
        keys[row] = keys[row] * radix + np.int64(codes[row]) + 1


@kernel
def densify(keys: Int64s, size: int) -> tuple[int, Int64s]:
    """Renumber keys out of 0..size-1 by first appearance, in place; returns how many and the first row of each."""
    number = np.full(size, -1, np.int64)
    firsts = np.empty(min(size, len(keys)), np.int64)
    count = 0
    for row in range(len(keys)):
        key = keys[row]
        if number[key] < 0:
            number[key] = count
            firsts[count] = row
            count += 1
        keys[row] = number[key]
    return count, firsts[:count].copy()


@kernel
def group(route: Int64s, plan_of_route: Int32s, groups: int) -> tuple[Int64s, Int32s]:
    """Rows by group (counting sort); a route with group -1 is left out. Returns starts (groups + 1) and the rows."""
    starts = np.zeros(groups + 1, np.int64)
    for row in range(len(route)):
        number = plan_of_route[route[row]]
        if number >= 0:
            starts[number + 1] += 1
    for number in range(groups):
        starts[number + 1] += starts[number]
    at = starts[:-1].copy()
    rows = np.empty(starts[groups], np.int32)
    for row in range(len(route)):
        number = plan_of_route[route[row]]
        if number >= 0:
            rows[at[number]] = row
            at[number] += 1
    return starts, rows


@kernel
def evaluate(
    asks: Int64s,
    memo: Int32s,
    hot: Bytes,
    group_plan: Int32s,
    group_starts: Int64s,
    rows: Int32s,
    lane_starts: Int64s,
    lane_asks: Int32s,
    lane_maps: Int64s,
    mark_starts: Int64s,
    marks: Int32s,
    map_tests: Int32s,
    ref_starts: Int64s,
    ref_rows: Int32s,
    ref_tests: Int32s,
    refs: Flags,
    test_base: Int64s,
    witness_starts: Int64s,
    witness_rules: Int32s,
    rule_base: Int64s,
    always_starts: Int64s,
    always_rules: Int32s,
    code_starts: Int64s,
    code_tests: Int32s,
    code_true: Int32s,
    code_false: Int32s,
    rule_index: Int32s,
    stamps: Int64s,
    rule_stamps: Int64s,
    candidates: Int32s,
    progress: Int64s,
    out_row: Int32s,
    out_rule: Int32s,
) -> int:
    """Judge the rows of all groups.

    Lane l reads column lane_asks[l] (a row of `asks`); lane_maps[l] is the place in `map_tests` where mark m of that
    column becomes a test of the plan (-1: no rule of the plan asks). A plan's tests, rules and code are slices of the
    arrays of all plans. progress = [group, position in group, tick], kept between calls; the call returns early when
    `out` might overflow. Returns the number of (row, rule) pairs written.
    """
    written = 0
    for g in range(progress[0], len(group_plan)):
        plan = group_plan[g]
        tests, first_rule = test_base[plan], rule_base[plan]
        most = rule_base[plan + 1] - first_rule
        every = always_starts[plan + 1] > always_starts[plan]
        for position in range(group_starts[g] + progress[1], group_starts[g + 1]):
            row = rows[position]
            if not every and not hot[row]:
                continue
            if written + most > len(out_row):
                progress[0] = g
                progress[1] = position - group_starts[g]
                return written
            tick = progress[2] + 1
            progress[2] = tick
            waiting = 0
            for lane in range(lane_starts[g], lane_starts[g + 1]):
                ask = lane_asks[lane]
                code = int32s_at(asks[ask, CODES], len(hot))[row]
                if code < 0:
                    continue
                value = memo[asks[ask, MEMO] + code]
                if value < 0:
                    continue
                number = value >> 1
                mapped = lane_maps[lane]
                for k in range(mark_starts[number], mark_starts[number + 1]):
                    test = map_tests[mapped + marks[k]]
                    if test < 0 or stamps[test] == tick:
                        continue
                    stamps[test] = tick
                    for w in range(witness_starts[tests + test], witness_starts[tests + test + 1]):
                        rule = witness_rules[w]
                        if rule_stamps[rule] != tick:
                            rule_stamps[rule] = tick
                            candidates[waiting] = rule
                            waiting += 1
            for k in range(ref_starts[plan], ref_starts[plan + 1]):
                if ref_rows[k] >= 0 and refs[ref_rows[k], row]:
                    test = ref_tests[k]
                    stamps[test] = tick
                    for w in range(witness_starts[tests + test], witness_starts[tests + test + 1]):
                        rule = witness_rules[w]
                        if rule_stamps[rule] != tick:
                            rule_stamps[rule] = tick
                            candidates[waiting] = rule
                            waiting += 1
            for k in range(always_starts[plan], always_starts[plan + 1]):
                candidates[waiting] = always_rules[k]
                waiting += 1
            for k in range(waiting):
                rule = first_rule + candidates[k]
                at = code_starts[rule]
                base = at
                step = np.int64(0) if code_starts[rule + 1] > base else np.int64(-1)
                while step >= 0:
                    at = base + step
                    if stamps[code_tests[at]] == tick:
                        step = np.int64(code_true[at])
                    else:
                        step = np.int64(code_false[at])
                if step == -1:
                    out_row[written] = row
                    out_rule[written] = rule_index[rule]
                    written += 1
        progress[1] = 0
    progress[0] = len(group_plan)
    return written
