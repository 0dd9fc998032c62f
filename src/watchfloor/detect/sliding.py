"""Windows that slide over the matches of one group: kernels of `correlation.py`.

    keys    open addressing, by correlation and group: where its matches begin, what is still to be judged
    rows    matches; each points to the next older one of its group, so that what comes in order costs nothing

    group:  head -> match 12:07 -> 12:05 -> 12:01 -> 11:58
                                   |<- window of 12:05 ->|

A match is judged once the front has reached it (`FRONT`), and again when something in its window came late. What was
decided stands in the flags of its row; a difference is an entry of `out`. So the same matches give the same decisions
in whatever order and portions they came (decisions/correlations.md).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from watchfloor.words import Int32s, Int64s, kernel

NEVER = 1 << 62
"""A time that never comes."""

ROW = np.dtype([
    ("time", "i8"), ("sequence", "i8"), ("high", "i8"), ("low", "i8"),  # high, low: the event's uid
    ("value", "f8"), ("next", "i4"), ("scope", "i4"), ("flags", "i2"), ("member", "i2"),
])  # fmt: skip

KEY = np.dtype([
    ("key", "i8"), ("correlation", "i4"), ("head", "i4"), ("count", "i4"), ("text", "i4"),
    ("due", "i8"),  # the oldest match that is not judged for good
    ("pending", "i8"),  # the oldest one of which nothing was said yet
    ("fired", "i8"),  # the last finding among matches that are gone
    ("active", "i1"), ("used", "i1"), ("touched", "i1"),
])  # fmt: skip

PLAN = np.dtype([
    ("kind", "i4"), ("emit", "i4"), ("anchor", "i4"), ("members", "i4"), ("before", "i8"), ("after", "i8"),
    ("suppress", "i8"), ("percentile", "f8"), ("bounds", "i4"), ("bounds_end", "i4"), ("table", "i4"),
    ("negated", "i8"), ("shut", "i8"), ("fires", "i4"), ("around", "i4"), ("every", "i4"), ("meant", "i4"),
    ("quiet", "i8"),
])  # fmt: skip
"""fires: what was not seen is a finding all the same; around: the window is closed by time on both sides. Members from
`members` up to `every` may be matches of a rule; `meant` is where it stands of which, and which members are in doubt.
negated: rules, as bits; shut: with what may be matches of them. quiet: so long after a question the group asks none."""

FRONT = np.dtype([("settled", "i8"), ("expired", "i8"), ("gone", "i8"), ("widen", "i8")])
"""Per correlation: matches up to `settled` have all that matters to them; up to `expired` nobody waits any longer; up
to `gone` nothing is changed any more. `widen`: by how much windows of what is negated are wider."""

OUT = np.dtype([("slot", "i4"), ("row", "i4"), ("first", "i4"), ("change", "i4"), ("late", "i4"), ("number", "f8")])

EMITTED, FIRED, ACTIVE, DECIDED, UNKNOWN, FULL, GAP, STALLED, WITHDRAWN, UNSEEN, LATE = (1 << bit for bit in range(11))
"""Flags of a row. EMITTED: it has a finding. FIRED: it would have, were it not suppressed. ACTIVE: the condition is
true after it. UNKNOWN: it was said that it cannot be judged. FULL, GAP: its window was seen, or not. STALLED: a source
did not come in time. UNSEEN: the finding was made in spite of that. LATE: it came when its time was over."""

CREATE, RETRACT, UNJUDGED, KNOWN, ASK = 1, 2, 3, 4, 5
"""Changes: a finding; none any more; it cannot be judged; now it can; somebody must say whether its window was seen."""

COUNT, DISTINCT, SUM, MEAN, PERCENTILE, TEMPORAL, ORDERED, WORDS = range(8)
ONCE, EACH, RESET = range(3)
GT, GTE, LT, LTE, EQ, NEQ = range(6)

KEYS_USED, ROWS_USED, ROWS_TOP, FREE, REPEATED, TOO_LATE, SUPPRESSED, CROWDED = range(8)
"""Places in `counts`. ROWS_TOP: rows ever used; FREE: first row that is free again."""

LONGEST = 192
"""Rules of a temporal correlation at most, and twice as many doubts."""

SIZE, DIFFERENT, DOUBTED = range(3)
"""Places in what is counted of a window: matches, different members or values, matches in doubt."""

Records = Any
"""An array of ROW, KEY, PLAN, FRONT or OUT: NumPy's types do not know their fields."""

Place = Any
"""A whole number, of Python or of NumPy."""

Floats = npt.NDArray[np.float64]
Vague = npt.NDArray[np.bool_]


@kernel
def find(keys: Records, correlation: Place, key: Place) -> Place:
    """The place of a group, or the free one where it belongs."""
    mask = len(keys) - 1
    mixed = (np.uint64(key) ^ (np.uint64(correlation) * np.uint64(0x9E3779B97F4A7C15))) * np.uint64(0xD6E8FEB86659FD93)
    at = np.int64(mixed >> np.uint64(20)) & mask
    while keys[at].used and not (keys[at].key == key and keys[at].correlation == correlation):
        at = (at + 1) & mask
    return at


@kernel
def moved(old: Records, new: Records) -> None:
    """Groups that still hold something, into a table that is empty."""
    for at in range(len(old)):
        if old[at].used:
            new[find(new, old[at].correlation, old[at].key)] = old[at]


@kernel
def insert(
    rows: Records,
    keys: Records,
    counts: Int64s,
    front: Records,
    correlation: Int32s,
    member: Int32s,
    key: Int64s,
    time: Int64s,
    sequence: Int64s,
    high: Int64s,
    low: Int64s,
    value: Floats,
    scope: Int32s,
    gone: npt.NDArray[np.bool_],
    fresh: Int64s,
) -> int:
    """Take up matches; `fresh` gets (place, match that brought it) of each new group by turns. Returns how many."""
    new = 0
    for m in range(len(key)):
        c = correlation[m]
        if time[m] <= front[c].gone:
            counts[TOO_LATE] += 1
            continue
        at = find(keys, c, key[m])
        if not keys[at].used:
            if gone[m]:
                continue
            keys[at].used = 1
            keys[at].key = key[m]
            keys[at].correlation = c
            keys[at].head = -1
            keys[at].count = 0
            keys[at].text = -1
            keys[at].due = NEVER
            keys[at].pending = NEVER
            keys[at].fired = -NEVER
            keys[at].active = 0
            counts[KEYS_USED] += 1
            fresh[2 * new] = at
            fresh[2 * new + 1] = m
            new += 1
        above = np.int64(-1)
        below = np.int64(keys[at].head)
        same = False
        while below >= 0:
            if rows[below].time != time[m]:
                older = rows[below].time < time[m]
            elif rows[below].sequence != sequence[m]:
                older = rows[below].sequence < sequence[m]
            elif rows[below].high != high[m]:
                older = rows[below].high < high[m]
            elif rows[below].low != low[m]:
                older = rows[below].low < low[m]
            elif rows[below].member != member[m]:
                older = rows[below].member < member[m]
            else:
                same = True
                break
            if older:
                break
            above = below
            below = np.int64(rows[below].next)
        if same:
            if gone[m]:
                rows[below].flags |= WITHDRAWN
            elif rows[below].flags & WITHDRAWN:
                rows[below].flags &= ~WITHDRAWN
            else:
                counts[REPEATED] += 1
                continue
        elif gone[m]:
            continue
        else:
            if counts[FREE] >= 0:
                r = counts[FREE]
                counts[FREE] = rows[r].next
            else:
                r = counts[ROWS_TOP]
                counts[ROWS_TOP] += 1
            counts[ROWS_USED] += 1
            rows[r].time = time[m]
            rows[r].sequence = sequence[m]
            rows[r].member = member[m]
            rows[r].high = high[m]
            rows[r].low = low[m]
            rows[r].value = value[m]
            rows[r].scope = scope[m]
            rows[r].flags = LATE if time[m] <= front[c].settled else 0
            rows[r].next = below
            if above < 0:
                keys[at].head = r
            else:
                rows[above].next = r
            keys[at].count += 1
        keys[at].touched = 1
        keys[at].due = min(keys[at].due, time[m])
        keys[at].pending = min(keys[at].pending, time[m])
    return new


@kernel
def waiting(keys: Records, front: Records, level: Int32s, now: int, found: Int32s) -> int:
    """Groups of one level of correlations with a match to judge. Returns how many; `found` has room for all."""
    n = 0
    for at in range(len(keys)):
        if keys[at].used and keys[at].due < NEVER:
            c = keys[at].correlation
            if level[c] == now and (keys[at].due <= front[c].settled or keys[at].pending <= front[c].expired):
                found[n] = at
                n += 1
    return n


@kernel
def meets(value: float, plan: Records, c: int, operators: Int32s, numbers: Floats) -> bool:
    """Whether a value is within all bounds of a correlation."""
    for b in range(plan[c].bounds, plan[c].bounds_end):
        operator, number = operators[b], numbers[b]
        if operator == GT:
            fits = value > number
        elif operator == GTE:
            fits = value >= number
        elif operator == LT:
            fits = value < number
        elif operator == LTE:
            fits = value <= number
        elif operator == EQ:
            fits = value == number
        else:
            fits = value != number
        if not fits:
            return False
    return True


@kernel
def ranked(ordered: Floats, n: Place, percentile: float) -> Any:
    """The percentile of n ordered numbers, between two of them on a line (what NumPy calls linear)."""
    place = (n - 1) * percentile / 100.0
    low = np.int64(np.floor(place))
    high = min(low + 1, n - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


@kernel
def entered(ordered: Floats, n: Place, value: float) -> None:
    """Put a number among n ordered ones."""
    at = n
    while at > 0 and ordered[at - 1] > value:
        ordered[at] = ordered[at - 1]
        at -= 1
    ordered[at] = value


@kernel
def left(ordered: Floats, n: Place, value: float) -> None:
    """Take a number from n ordered ones."""
    at = np.searchsorted(ordered[:n], value)
    for i in range(at, n - 1):
        ordered[i] = ordered[i + 1]


@kernel
def tally(values: Floats, counts: Int32s, value: float, step: int) -> Place:
    """Count a value up or down; returns by how much the number of different ones changed."""
    mask = len(values) - 1
    mixed = np.uint64(np.int64(value)) * np.uint64(0x9E3779B97F4A7C15)
    at = np.int64(mixed >> np.uint64(32)) & mask
    while counts[at] != -1 and values[at] != value:
        at = (at + 1) & mask
    if counts[at] == -1:
        counts[at] = 0
        values[at] = value
    before = counts[at]
    counts[at] += step
    return np.int64(before == 0 and step > 0) * 1 - np.int64(before == 1 and step < 0) * 1


@kernel
def alike(rows: Records, one: Place, other: Place) -> Any:
    """Whether two rows are of one event that two rules matched: it is counted, and judged, once."""
    return (
        rows[one].low == rows[other].low
        and rows[one].high == rows[other].high
        and rows[one].time == rows[other].time
        and rows[one].sequence == rows[other].sequence
    )


@kernel
def before_it(rows: Records, chain: Int32s, at: Place) -> bool:
    """Whether the event of a row stands in the chain before it, too."""
    i = at - 1
    while i >= 0 and alike(rows, chain[i], chain[at]):
        if not rows[chain[i]].flags & WITHDRAWN:
            return True
        i -= 1
    return False


@kernel
def behind_it(rows: Records, chain: Int32s, at: Place) -> bool:
    """Whether the event of a row stands in the chain behind it, too."""
    i = at + 1
    while i < len(chain) and alike(rows, chain[i], chain[at]):
        if not rows[chain[i]].flags & WITHDRAWN:
            return True
        i += 1
    return False


@kernel
def enters(
    rows: Records, chain: Int32s, at: Place, kind: Place, meant: Int32s, vague: Vague, window: Int64s, present: Int32s,
    best: npt.NDArray[np.int64], seen: Floats, often: Int32s, amount: Floats, ordered: Floats,
) -> None:  # fmt: skip
    """A match comes into the window."""
    row = chain[at]
    if rows[row].flags & WITHDRAWN or (kind < TEMPORAL and before_it(rows, chain, at)):
        return
    own = np.int64(rows[row].member)
    m = np.int64(meant[own])
    window[SIZE] += 1
    if vague[own]:
        window[DOUBTED] += 1
    if kind >= TEMPORAL:
        place = own if kind == WORDS else m
        if present[place] == 0:
            window[DIFFERENT] += 1
        present[place] += 1
    if kind == ORDERED:
        extends(best, m, rows[row].time)
    elif kind == DISTINCT:
        window[DIFFERENT] += tally(seen, often, rows[row].value, 1)
    elif SUM <= kind <= MEAN:
        amount[0] += rows[row].value
    elif kind == PERCENTILE:
        entered(ordered, window[SIZE] - 1, rows[row].value)


@kernel
def leaves(
    rows: Records, chain: Int32s, at: Place, kind: Place, meant: Int32s, vague: Vague, window: Int64s, present: Int32s,
    seen: Floats, often: Int32s, amount: Floats, ordered: Floats,
) -> None:  # fmt: skip
    """A match goes out of the window."""
    row = chain[at]
    if rows[row].flags & WITHDRAWN or (kind < TEMPORAL and before_it(rows, chain, at)):
        return
    own = np.int64(rows[row].member)
    m = np.int64(meant[own])
    window[SIZE] -= 1
    if vague[own]:
        window[DOUBTED] -= 1
    if kind >= TEMPORAL:
        place = own if kind == WORDS else m
        present[place] -= 1
        if present[place] == 0:
            window[DIFFERENT] -= 1
    elif kind == DISTINCT:
        window[DIFFERENT] += tally(seen, often, rows[row].value, -1)
    elif SUM <= kind <= MEAN:
        amount[0] -= rows[row].value
    elif kind == PERCENTILE:
        left(ordered, window[SIZE] + 1, rows[row].value)


@kernel
def extends(best: npt.NDArray[np.int64], m: Place, time: Place) -> None:
    """A match of member m at a time: per member and length, when the youngest such order began that ends with it."""
    best[m, 1] = max(best[m, 1], time)
    for earlier in range(m):
        for length in range(1, m + 1):
            best[m, length + 1] = max(best[m, length + 1], best[earlier, length])


@kernel
def longest(best: npt.NDArray[np.int64], m: Place, since: Place) -> Any:
    """How long an order is that ends with member m (any: -1) and began at a time or later."""
    found = np.int64(0)
    for member in range(len(best)):
        if m < 0 or member == m:
            for length in range(1, best.shape[1]):
                if best[member, length] >= since and length > found:
                    found = np.int64(length)
    return found


@kernel
def surely(
    rows: Records, chain: Int32s, lo: Place, hi: Place, kind: Place, members: Place, m: Place, since: Place,
    percentile: float, keep: Place, meant: Int32s, vague: Vague, own: Int64s,
) -> Any:  # fmt: skip
    """The value of a window without matches that are in doubt, but for those of the event of a row `keep` (-1: none).

    own[0]: of how many matches; own[1]: how long the order is that ends with member m.
    """
    values = np.empty(hi - lo, np.float64)
    there = np.zeros(LONGEST, np.int32)
    best = np.full((members, members + 1) if kind == ORDERED else (0, 0), -NEVER, np.int64)
    n = np.int64(0)
    counted = np.int64(-1)
    total = 0.0
    for x in range(lo, hi):
        row = chain[x]
        if rows[row].flags & WITHDRAWN:
            continue
        if vague[rows[row].member] and (keep < 0 or not alike(rows, row, keep)):
            continue
        if kind < TEMPORAL and counted >= 0 and alike(rows, row, counted):
            continue
        counted = np.int64(row)
        values[n] = rows[row].value
        total += rows[row].value
        n += 1
        there[meant[rows[row].member]] = 1
        if kind == ORDERED:
            extends(best, np.int64(meant[rows[row].member]), rows[row].time)
    own[0] = n
    if kind == COUNT or n == 0:
        return float(n)
    if kind == DISTINCT:
        different = 1
        ordered = np.sort(values[:n])
        for x in range(1, n):
            different += 1 if ordered[x] != ordered[x - 1] else 0
        return float(different)
    if kind == SUM:
        return total
    if kind == MEAN:
        return total / n
    if kind == PERCENTILE:
        return float(ranked(np.sort(values[:n]), n, percentile))
    if kind == ORDERED:
        own[1] = longest(best, m, since)
        return float(longest(best, -1, since))
    return float(there.sum())


@kernel
def told(
    out: Records, progress: Int64s, slot: Any, row: Any, first: Any, change: int, late: int, number: float
) -> None:  # fmt: skip
    """One entry more. All of it is written: the room was used before."""
    entry = out[progress[0]]
    entry.slot = slot
    entry.row = row
    entry.first = first
    entry.change = change
    entry.late = late
    entry.number = number
    progress[0] += 1


@kernel
def judge(
    rows: Records,
    keys: Records,
    counts: Int64s,
    plan: Records,
    operators: Int32s,
    numbers: Floats,
    tables: npt.NDArray[np.uint8],
    meanings: Int32s,
    vagueness: Vague,
    front: Records,
    found: Int32s,
    begin: int,
    end: int,
    out: Records,
    progress: Int64s,
) -> int:
    """Judge groups found[begin:end]; returns the place of the first that was not, for want of room in `out`.

    progress[0]: entries of `out`. A group with an ASK among its entries was not judged: it is asked again.
    """
    present = np.zeros(LONGEST, np.int32)
    absent = np.zeros(LONGEST, np.int32)
    for p in range(begin, end):
        at = found[p]
        c = keys[at].correlation
        keys[at].touched = 1
        kind, emit, anchor = plan[c].kind, plan[c].emit, plan[c].anchor
        before, after, around = plan[c].before, plan[c].after, plan[c].around
        widen, settled, expired = front[c].widen, front[c].settled, front[c].expired
        suppress, negated, quiet = plan[c].suppress, plan[c].negated, plan[c].quiet
        members, every = np.int64(plan[c].members), np.int64(plan[c].every)
        meant = meanings[plan[c].meant : plan[c].meant + every]
        vague = vagueness[plan[c].meant : plan[c].meant + every]
        total = np.int64(keys[at].count)
        if progress[0] + 2 * total > len(out):
            return p
        start = keys[at].due - (after + widen if around else 0)
        limit = start - max(before + widen, suppress, quiet)
        chain: Any = np.empty(total, np.int32)
        n = np.int64(0)
        r = np.int64(keys[at].head)
        while r >= 0:
            chain[total - 1 - n] = r
            n += 1
            if rows[r].time < limit:
                break
            r = np.int64(rows[r].next)
        whole = r < 0
        chain = chain[total - n :]
        s: Place = np.int64(0)
        while s < n and rows[chain[s]].time < start:
            s += 1
        active = keys[at].active != 0 if whole else False
        fired = keys[at].fired
        last = np.int64(-NEVER)
        questioned: Place = np.int64(-NEVER)
        cleared: Place = np.int64(-1)
        for i in range(s):
            flags = rows[chain[i]].flags
            active = (flags & ACTIVE) != 0
            if flags & EMITTED:
                fired = rows[chain[i]].time
            if flags & UNKNOWN:
                questioned = rows[chain[i]].time
            if flags & FIRED and emit == RESET:
                cleared = i
                while cleared + 1 < n and alike(rows, chain[cleared + 1], chain[i]):
                    cleared += 1
            if not flags & WITHDRAWN:
                last = rows[chain[i]].time
        # What slides: [lo, hi) is in the window; [nlo, nhi) in the wider one of what is negated.
        present[:] = 0
        absent[:] = 0
        window = np.zeros(3, np.int64)
        amount = np.zeros(1, np.float64)
        own = np.zeros(2, np.int64)
        exact = True
        ordered = np.empty(n if kind == PERCENTILE else 0, np.float64)
        room = 16
        while room < 2 * n:
            room *= 2
        seen = np.empty(room if kind == DISTINCT else 0, np.float64)
        often = np.full(room if kind == DISTINCT else 0, -1, np.int32)
        if SUM <= kind <= MEAN:
            most = 0.0
            for i in range(n):
                v = rows[chain[i]].value
                most += abs(v)
                exact = exact and v == np.floor(v)
            exact = exact and most < 9007199254740992.0
        best = np.full((members, members + 1) if kind == ORDERED else (0, 0), -NEVER, np.int64)
        earliest = (rows[chain[s]].time if s < n else NEVER) - before - widen
        lo: Place = np.int64(0)
        while lo < n and (rows[chain[lo]].time < earliest + widen or lo <= cleared):
            lo += 1
        nlo: Place = np.int64(0)
        while nlo < n and rows[chain[nlo]].time < earliest:
            nlo += 1
        hi, nhi = lo, nlo
        asked = False
        due: Any = np.int64(NEVER)
        pending: Any = np.int64(NEVER)
        i = s
        while i < n:
            row = chain[i]
            t = rows[row].time
            if t > settled:
                due = min(due, t)
                if t > expired:
                    pending = t
                    break
            stalled = t > settled
            upto = max(hi, i + 1)
            while upto < n and alike(rows, chain[upto], row):
                upto += 1
            if around:
                while upto < n and rows[chain[upto]].time <= t + after:
                    upto += 1
            while hi < upto:
                enters(rows, chain, hi, kind, meant, vague, window, present, best, seen, often, amount, ordered)
                hi += 1
            while lo < hi and rows[chain[lo]].time < t - before:
                leaves(rows, chain, lo, kind, meant, vague, window, present, seen, often, amount, ordered)
                lo += 1
            if negated:
                while nhi < n and rows[chain[nhi]].time <= t + after + widen:
                    if not rows[chain[nhi]].flags & WITHDRAWN:
                        absent[rows[chain[nhi]].member] += 1
                    nhi += 1
                while nlo < nhi and rows[chain[nlo]].time < t - before - widen:
                    if not rows[chain[nlo]].flags & WITHDRAWN:
                        absent[rows[chain[nlo]].member] -= 1
                    nlo += 1
            flags = np.int64(rows[row].flags)
            if emit == ONCE and active and t - last > before:
                active = False
            judged = not flags & WITHDRAWN
            sure: Any = not vague[rows[row].member]
            if anchor >= 0:
                judged = judged and meant[rows[row].member] == anchor
            else:
                judged = judged and not behind_it(rows, chain, i)
            top = np.int64(meant[rows[row].member])
            sure_top = top if sure else np.int64(-1)
            x = i - 1
            while judged and x >= 0 and alike(rows, chain[x], row):
                if not rows[chain[x]].flags & WITHDRAWN:
                    its = np.int64(meant[rows[chain[x]].member])
                    top = max(top, its)
                    if not vague[rows[chain[x]].member]:
                        sure_top = max(sure_top, its)
                    if anchor >= 0 and not sure and its == anchor:
                        judged = False  # the same event was judged as a match of another rule
                x -= 1
            if anchor < 0:
                sure = sure_top >= 0
            true, unknown, doubt, value, completes = False, False, False, 0.0, True
            if judged and kind != WORDS:
                if SUM <= kind <= MEAN and not exact:
                    amount[0] = 0.0
                    for x in range(lo, hi):
                        if not rows[chain[x]].flags & WITHDRAWN and not before_it(rows, chain, x):
                            amount[0] += rows[chain[x]].value
                if kind == COUNT:
                    value = float(window[SIZE])
                elif kind in (DISTINCT, TEMPORAL):
                    value = float(window[DIFFERENT])
                elif kind == SUM:
                    value = amount[0]
                elif kind == MEAN:
                    value = amount[0] / window[SIZE]
                elif kind == PERCENTILE:
                    value = ranked(ordered, window[SIZE], plan[c].percentile)
                else:
                    value = float(longest(best, -1, t - before))
                    ends = longest(best, top, t - before)
                    completes = meets(float(ends), plan, c, operators, numbers)
                true = meets(value, plan, c, operators, numbers) and (emit == ONCE or completes)
                if window[DOUBTED] > 0 or not sure:
                    certain = surely(
                        rows, chain, lo, hi, kind, members, sure_top if sure else top, t - before,
                        plan[c].percentile, np.int64(-1) if sure else np.int64(row), meant, vague, own,
                    )  # fmt: skip
                    holds = own[0] > 0 and meets(certain, plan, c, operators, numbers)
                    if kind == ORDERED and emit != ONCE:
                        holds = holds and meets(float(own[1]), plan, c, operators, numbers)
                    always, ever = true and holds and sure, true or holds
                    if kind in (COUNT, DISTINCT, TEMPORAL):  # between the two numbers any may be right
                        between = certain
                        while between <= value:
                            if meets(between, plan, c, operators, numbers):
                                ever = True
                            else:
                                always = False
                            between += 1.0
                    true, doubt = ever, ever and not always
            elif judged:
                here, there, may = np.int64(0), np.int64(0), np.int64(0)
                for m in range(members):
                    bit = np.int64(1) << m
                    if vague[m]:
                        continue
                    if negated & bit:
                        there |= bit if absent[m] > 0 else np.int64(0)
                    elif present[m] > 0:
                        here |= bit
                for k in range(every):
                    bit = np.int64(1) << np.int64(meant[k])
                    if vague[k] and (absent[k] if negated & bit else present[k]) > 0:
                        may |= bit
                if not sure:  # it is judged as what it may be
                    here |= np.int64(1) << np.int64(anchor if anchor >= 0 else top)
                may &= ~(here | there)
                value = float(window[SIZE])
                always, seeable = sure, True
                part: Any = may
                while True:
                    if tables[plan[c].table + (here | there | part)] != 0:
                        true = True
                        if negated and tables[plan[c].table + (here | part | negated)] == 0:
                            seeable = False
                    else:
                        always = False
                    if part == 0:
                        break
                    part = (part - 1) & may
                doubt = true and not always
                if true and not doubt and not seeable:
                    if stalled or flags & GAP:
                        unknown = True
                    elif not flags & FULL:
                        told(out, progress, at, row, row, ASK, 0, 0.0)
                        asked = True
            unknown = unknown or doubt
            asks = unknown and not t - questioned < quiet
            if (emit == ONCE and active) or (suppress > 0 and t - fired < suppress):
                asks = False  # there would be no finding either
            if asked:
                i += 1
                continue
            if stalled:  # nobody waits any longer: what cannot be known is said, what can waits for its turn
                if asks and not flags & UNKNOWN:
                    rows[row].flags |= UNKNOWN | STALLED | DECIDED
                    told(out, progress, at, row, chain[lo] if doubt else row, UNJUDGED, 0, 0.0)
                if asks or flags & UNKNOWN:
                    questioned = t
                last = t if not flags & WITHDRAWN else last
                i += 1
                continue
            fires = False
            if judged:
                fires = true and not doubt and (plan[c].fires != 0 or not unknown)
                if emit == ONCE:
                    fires = fires and not active
                else:
                    fires = fires and completes
                if not unknown:
                    active = true
            emitted = fires and not (suppress > 0 and t - fired < suppress)
            if fires and not emitted and not flags & FIRED:
                counts[SUPPRESSED] += 1
            if emitted:
                fired = t
            fresh = (
                (EMITTED if emitted else 0)
                | (FIRED if fires else 0)
                | (ACTIVE if active else 0)
                | (UNKNOWN if asks else 0)
                | (UNSEEN if emitted and unknown else 0)
                | DECIDED
                | (flags & (FULL | GAP | WITHDRAWN | LATE))
            )
            change = 0
            if emitted and not flags & EMITTED:
                change = CREATE
            elif flags & EMITTED and not emitted:
                change = RETRACT
            if change:
                late = 1 if flags & (DECIDED | LATE) else 0
                told(out, progress, at, row, chain[lo] if lo < n else row, change, late, value)
            if asks != ((flags & UNKNOWN) != 0):
                first = chain[lo] if doubt and lo < n else row
                told(out, progress, at, row, first, UNJUDGED if asks else KNOWN, 0, 0.0)
            if asks:
                questioned = t
            rows[row].flags = fresh
            if fires and emit == RESET:
                cleared = np.int64(i)
                while cleared + 1 < n and alike(rows, chain[cleared + 1], row):
                    cleared += 1
                while lo < hi and lo <= cleared:
                    leaves(rows, chain, lo, kind, meant, vague, window, present, seen, often, amount, ordered)
                    lo += 1
                best[:] = -NEVER
                active = False
                rows[row].flags &= ~ACTIVE
            if not flags & WITHDRAWN:
                last = t
            i += 1
        if not asked:  # what was decided before the first question stands; the rest is judged again when it is answered
            keys[at].due = due
            keys[at].pending = pending
    return end


@kernel
def evidence(
    rows: Records, keys: Records, plan: Records, out: Records, n: int, most: int, found: Int32s, sizes: Int32s
) -> int:
    """The rows in the window of each of n entries, youngest first, `most` at most; returns how many in all."""
    total = 0
    for o in range(n):
        sizes[o] = 0
        if out[o].change == ASK:
            continue
        row, first = out[o].row, out[o].first
        t = rows[row].time
        c = keys[out[o].slot].correlation
        until = t + plan[c].after if plan[c].around else t
        r = np.int64(keys[out[o].slot].head)
        begun, met = False, 0
        while r >= 0:
            if plan[c].around:
                begun = rows[r].time <= until
            else:
                begun = begun or r == row
            wanted = begun and not rows[r].flags & WITHDRAWN
            if plan[c].negated >> rows[r].member & 1:
                wanted = False
            if r == row or (wanted and sizes[o] + 1 - met < most):
                met = 1 if r == row else met
                found[total] = r
                total += 1
                sizes[o] += 1
            if r == first or rows[r].time < t - plan[c].before:
                break
            r = np.int64(rows[r].next)
    return total


@kernel
def held(
    rows: Records, keys: Records, correlation: int, key: int, scope: int, members: int, start: int, end: int
) -> bool:
    """Whether a group holds a match of some rules (bits) in [start, end] at a scope; -1 is anywhere."""
    at = find(keys, correlation, key)
    if not keys[at].used:
        return False
    r = np.int64(keys[at].head)
    while r >= 0 and rows[r].time >= start:
        here = scope < 0 or rows[r].scope < 0 or rows[r].scope == scope
        if here and rows[r].time <= end and members >> rows[r].member & 1 and not rows[r].flags & WITHDRAWN:
            return True
        r = np.int64(rows[r].next)
    return False


@kernel
def there(rows: Records, keys: Records, slot: int, start: int, end: int) -> Any:
    """Which of its first 62 members a group holds in [start, end], as bits."""
    found = np.int64(0)
    r = np.int64(keys[slot].head)
    while r >= 0 and rows[r].time >= start:
        if rows[r].time <= end and rows[r].member < 62 and not rows[r].flags & WITHDRAWN:
            found |= np.int64(1) << np.int64(rows[r].member)
        r = np.int64(rows[r].next)
    return found


@kernel
def gathered(rows: Records, keys: Records, slots: Int32s, found: Int32s) -> None:
    """The rows of some groups, one group after the other, youngest first; `found` has room for just these."""
    n = 0
    for slot in slots:
        r = np.int64(keys[slot].head)
        while r >= 0:
            found[n] = r
            n += 1
            r = np.int64(rows[r].next)


@kernel
def swept(rows: Records, keys: Records, counts: Int64s, plan: Records, front: Records, most: int, oldest: int) -> int:
    """Let go of matches that can matter no more, those of crowded groups beyond `most`, and all up to `oldest`.

    A group that holds nothing and suppresses nothing is no longer used: the table has to be made anew then (`moved`).
    Returns how many groups went.
    """
    went = 0
    for at in range(len(keys)):
        if not keys[at].used:
            continue
        c = keys[at].correlation
        span = max(plan[c].before, plan[c].quiet) + plan[c].after + 2 * front[c].widen
        cut = max(front[c].gone - span, oldest)
        r = np.int64(keys[at].head)
        above = np.int64(-1)
        n = 0
        while r >= 0 and rows[r].time > cut and n < most:
            above = r
            r = np.int64(rows[r].next)
            n += 1
        if r >= 0:
            newest = True
            while r >= 0:
                flags = rows[r].flags
                if newest:
                    keys[at].active = 1 if flags & ACTIVE else 0
                    newest = False
                if flags & EMITTED and rows[r].time > keys[at].fired:
                    keys[at].fired = rows[r].time
                if n >= most or rows[r].time <= oldest:
                    counts[CROWDED] += 1
                after = np.int64(rows[r].next)
                rows[r].next = counts[FREE]
                rows[r].time = NEVER
                counts[FREE] = r
                counts[ROWS_USED] -= 1
                keys[at].count -= 1
                r = after
            if above < 0:
                keys[at].head = -1
            else:
                rows[above].next = -1
        if keys[at].head < 0 and keys[at].fired + plan[c].suppress <= front[c].gone:
            keys[at].used = 0
            counts[KEYS_USED] -= 1
            went += 1
    return went
