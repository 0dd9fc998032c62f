"""The inner loops of detection, compiled by Numba: hash, look up, scan, evaluate. Arrays in, arrays out.

All kernels live in this one file because Numba's cache knows only the file of the kernel itself, not of those it
calls. None checks bounds: every caller states and keeps the sizes written here. Byte arrays that kernels only read are
marked read-only, so that each kernel is compiled for one set of types. Positions are int64, hashes uint64 (Numba turns
a mixture of the two into floating point).

Hashing is SipHash-1-3 (Aumasson and Bernstein, 2012) under a random key of the process: whoever writes the values of
events must not be able to choose which of them collide.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]
Flags = npt.NDArray[np.bool_]

Function = TypeVar("Function", bound=Callable[..., Any])
kernel = cast("Callable[[Function], Function]", numba.njit(cache=True, nogil=True))

U = np.uint64
ONE, EIGHT = U(1), U(8)
C0, C1, C2, C3 = U(0x736F6D6570736575), U(0x646F72616E646F6D), U(0x6C7967656E657261), U(0x7465646279746573)
MULTIPLIER = U(0x9E3779B97F4A7C15)
HAS_OUTPUT = np.int32(-(2**31))
STATE = np.int32(0x7FFFFFFF)


# -- hashing --------------------------------------------------------------------------------------------------------


@kernel
def siphash(data: Bytes, start: Any, stop: Any, k0: np.uint64, k1: np.uint64) -> np.uint64:
    """SipHash-1-3 of data[start:stop] under the key (k0, k1)."""
    v0, v1, v2, v3 = k0 ^ C0, k1 ^ C1, k0 ^ C2, k1 ^ C3
    at, end = U(start), U(stop)
    length = end - at
    while at + EIGHT <= end:
        word = (
            U(data[at])
            | (U(data[at + U(1)]) << U(8))
            | (U(data[at + U(2)]) << U(16))
            | (U(data[at + U(3)]) << U(24))
            | (U(data[at + U(4)]) << U(32))
            | (U(data[at + U(5)]) << U(40))
            | (U(data[at + U(6)]) << U(48))
            | (U(data[at + U(7)]) << U(56))
        )
        v3 ^= word
        v0, v1, v2, v3 = _sip_round(v0, v1, v2, v3)
        v0 ^= word
        at += EIGHT
    word = length << U(56)
    shift = U(0)
    while at < end:
        word |= U(data[at]) << shift
        shift += EIGHT
        at += ONE
    v3 ^= word
    v0, v1, v2, v3 = _sip_round(v0, v1, v2, v3)
    v0 ^= word
    v2 ^= U(0xFF)
    for _ in range(3):
        v0, v1, v2, v3 = _sip_round(v0, v1, v2, v3)
    return v0 ^ v1 ^ v2 ^ v3  # type: ignore[no-any-return]


@kernel
def _sip_round(v0: np.uint64, v1: np.uint64, v2: np.uint64, v3: np.uint64) -> tuple[Any, Any, Any, Any]:
    v0 += v1
    v1 = (v1 << U(13)) | (v1 >> U(51))
    v1 ^= v0
    v0 = (v0 << U(32)) | (v0 >> U(32))
    v2 += v3
    v3 = (v3 << U(16)) | (v3 >> U(48))
    v3 ^= v2
    v0 += v3
    v3 = (v3 << U(21)) | (v3 >> U(43))
    v3 ^= v0
    v2 += v1
    v1 = (v1 << U(17)) | (v1 >> U(47))
    v1 ^= v2
    v2 = (v2 << U(32)) | (v2 >> U(32))
    return v0, v1, v2, v3


@kernel
def same(left: Bytes, a: Any, right: Bytes, b: Any, length: Any) -> bool:
    """left[a:a+length] == right[b:b+length]"""
    i, j = U(a), U(b)
    end = i + U(length)
    while i < end:
        if left[i] != right[j]:
            return False
        i += ONE
        j += ONE
    return True


# -- the store of known values --------------------------------------------------------------------------------------


@kernel
def find(
    data: Bytes,
    offsets: Int32s,
    wanted: Int32s,
    asker: int,
    k0: np.uint64,
    k1: np.uint64,
    table: Int32s,
    hashes: Hashes,
    askers: Int32s,
    starts: Int64s,
    arena: Bytes,
    found: Int32s,
    fresh_hashes: Hashes,
    fresh: Int32s,
) -> tuple[int, int]:
    """Look the values data[offsets[w]:offsets[w+1]] for w in `wanted` up in the store.

    found[i] = value id of wanted[i] or -1. Positions of unknown values go to `fresh` with their hashes beside.
    Returns how many are unknown and their bytes. table: size a power of two, -1 = empty, never full.
    """
    mask = U(len(table) - 1)
    unknown = 0
    size: Any = 0
    salted = k1 ^ (U(asker) * MULTIPLIER)
    for i in range(len(wanted)):
        start, stop = np.int64(offsets[wanted[i]]), np.int64(offsets[wanted[i] + 1])
        key = siphash(data, start, stop, k0, salted)
        slot = key & mask
        value = table[slot]
        while value >= 0:
            if (
                hashes[value] == key
                and askers[value] == asker
                and starts[value + 1] - starts[value] == stop - start
                and same(data, start, arena, starts[value], stop - start)
            ):
                break
            slot = (slot + ONE) & mask
            value = table[slot]
        found[i] = value
        if value < 0:
            fresh[unknown] = i
            fresh_hashes[unknown] = key
            unknown += 1
            size += stop - start
    return unknown, size


@kernel
def insert(
    data: Bytes,
    offsets: Int32s,
    wanted: Int32s,
    asker: int,
    unknown: int,
    table: Int32s,
    hashes: Hashes,
    askers: Int32s,
    starts: Int64s,
    arena: Bytes,
    count: int,
    found: Int32s,
    fresh_hashes: Hashes,
    fresh: Int32s,
) -> int:
    """Give the unknown values ids from `count` on, in order; a value met twice gets one id. Returns how many are new.

    `fresh` shrinks to the positions (into `wanted`) of the new ones. Room in every array is the caller's business.
    """
    mask = U(len(table) - 1)
    added = 0
    for j in range(unknown):
        i = fresh[j]
        start, stop = np.int64(offsets[wanted[i]]), np.int64(offsets[wanted[i] + 1])
        key = fresh_hashes[j]
        slot = key & mask
        value = table[slot]
        while value >= 0:
            if (
                hashes[value] == key
                and askers[value] == asker
                and starts[value + 1] - starts[value] == stop - start
                and same(data, start, arena, starts[value], stop - start)
            ):
                break
            slot = (slot + ONE) & mask
            value = table[slot]
        if value < 0:
            value = np.int32(count + added)
            table[slot] = value
            hashes[value] = key
            askers[value] = asker
            base = starts[value]
            for k in range(stop - start):
                arena[base + k] = data[start + k]
            starts[value + 1] = base + stop - start
            fresh[added] = i
            added += 1
        found[i] = value
    return added


@kernel
def rehash(hashes: Hashes, count: int, table: Int32s) -> None:
    """Fill an empty (-1) table with the value ids 0..count-1."""
    mask = U(len(table) - 1)
    for value in range(count):
        slot = hashes[value] & mask
        while table[slot] >= 0:
            slot = (slot + ONE) & mask
        table[slot] = value


@kernel
def used_codes(codes: Int32s, seen: Flags, used: Int32s) -> int:
    """The distinct codes >= 0, ascending, into `used`; `seen` comes all false with one entry per value."""
    for i in range(len(codes)):
        if codes[i] >= 0:
            seen[codes[i]] = True
    count = 0
    for code in range(len(seen)):
        if seen[code]:
            used[count] = code
            count += 1
    return count


# -- texts ----------------------------------------------------------------------------------------------------------


@kernel
def holding(data: Bytes, offsets: Int32s, wanted: Int32s, rare: Bytes, kept: Int32s) -> int:
    """Positions (into `wanted`) of the texts that hold a byte b with rare[b], into `kept`; returns how many."""
    count = 0
    for i in range(len(wanted)):
        for at in range(np.int64(offsets[wanted[i]]), np.int64(offsets[wanted[i] + 1])):
            if rare[data[at]]:
                kept[count] = i
                count += 1
                break
    return count


@kernel
def lowered(data: Bytes, offsets: Int32s, wanted: Int32s, out: Bytes, out_offsets: Int64s, foreign: Flags) -> None:
    """Copy the wanted texts in ASCII lower case, one behind the other; foreign[i]: it holds bytes above 127."""
    at = 0
    for i in range(len(wanted)):
        out_offsets[i] = at
        high = np.uint8(0)
        for j in range(np.int64(offsets[wanted[i]]), np.int64(offsets[wanted[i] + 1])):
            byte = data[j]
            high |= byte
            if 65 <= byte <= 90:
                byte = np.uint8(byte + 32)
            out[at] = byte
            at += 1
        foreign[i] = high > 127
    out_offsets[len(wanted)] = at


# -- machines -------------------------------------------------------------------------------------------------------


@kernel
def build_automaton(
    literals: Bytes, offsets: Int64s, classes: Bytes, width: int
) -> tuple[Int32s, Int32s, Int32s, Int32s]:
    """Aho-Corasick (1975) over sorted literals as a dense automaton over byte classes; states number breadth first.

    Returns (moves, first, again, outputs): moves[state*width + class] = next state * width, with the sign bit set when
    the next state reports something; state s reports the literals of the chain first[s], then along `again` (literal
    -> next literal ending in the same state), then those of state outputs[s] (the next suffix that reports, -1 none).
    """
    count = len(offsets) - 1
    most = 1  # states: the bytes of each literal that it does not share with the start of the one before
    for i in range(count):
        shared = 0
        if i > 0:
            shortest = min(offsets[i] - offsets[i - 1], offsets[i + 1] - offsets[i])
            while shared < shortest and literals[offsets[i - 1] + shared] == literals[offsets[i] + shared]:
                shared += 1
        most += offsets[i + 1] - offsets[i] - shared
    moves = np.empty(most * width, np.int32)
    first = np.full(most, -1, np.int32)
    again = np.full(count, -1, np.int32)
    outputs = np.full(most, -1, np.int32)
    fail = np.zeros(most, np.int32)
    depth = np.zeros(most, np.int32)
    begin = np.zeros(most, np.int32)  # a state is a range of the sorted literals that begin alike
    end = np.zeros(most, np.int32)
    end[0] = count
    states = 1
    for state in range(most):
        row, back, at = state * width, fail[state], np.int64(depth[state])
        if state:  # where no literal goes on, the longest proper suffix does
            for cls in range(width):
                moves[row + cls] = moves[back * width + cls]
        else:
            moves[:width] = 0
        i = begin[state]
        while i < end[state] and offsets[i + 1] - offsets[i] == at:
            i += 1  # ends here
        while i < end[state]:
            byte = literals[offsets[i] + at]
            entry = row + np.int64(classes[byte])
            behind = np.int64(moves[entry] & STATE) // width if state else np.int64(0)
            fail[states], depth[states], begin[states] = behind, at + 1, i
            while i < end[state] and literals[offsets[i] + at] == byte:
                if offsets[i + 1] - offsets[i] == at + 1:
                    again[i] = first[states]
                    first[states] = i
                i += 1
            end[states] = i
            outputs[states] = behind if first[behind] >= 0 else outputs[behind]
            moves[entry] = states * width
            if first[states] >= 0 or outputs[states] >= 0:
                moves[entry] |= HAS_OUTPUT
            states += 1
    return moves, first, again, outputs


@kernel
def build_trie(literals: Bytes, offsets: Int64s, backwards: bool) -> tuple[Int64s, Int32s, Int32s, Int32s]:
    """A trie as a hash table of edges: keys[slot] = node * 256 + byte (-1 empty), targets[slot] = next node.

    Node n reports the literals of the chain first[n], then along `again`. Returns (keys, targets, first, again).
    """
    count = len(offsets) - 1
    size = 16
    while size < 2 * (offsets[count] + 1):
        size *= 2
    mask = U(size - 1)
    keys = np.full(size, -1, np.int64)
    targets = np.zeros(size, np.int32)
    ends = np.zeros(count, np.int32)
    nodes = 1
    for i in range(count):
        node: Any = 0
        length = offsets[i + 1] - offsets[i]
        for j in range(length):
            byte = literals[offsets[i + 1] - 1 - j] if backwards else literals[offsets[i] + j]
            key = np.int64(node) * 256 + np.int64(byte)
            slot = (U(key) * MULTIPLIER >> U(20)) & mask
            while keys[slot] >= 0 and keys[slot] != key:
                slot = (slot + ONE) & mask
            if keys[slot] < 0:
                keys[slot] = key
                targets[slot] = nodes
                nodes += 1
            node = np.int64(targets[slot])
        ends[i] = node
    first = np.full(nodes, -1, np.int32)
    again = np.full(count, -1, np.int32)
    for i in range(count):
        again[i] = first[ends[i]]
        first[ends[i]] = i
    return keys, targets, first, again


@kernel
def _step(keys: Int64s, targets: Int32s, node: Any, byte: Any) -> Any:
    """The next node of a trie, -1 when there is none."""
    mask = U(len(keys) - 1)
    key = np.int64(node) * 256 + np.int64(byte)
    slot = (U(key) * MULTIPLIER >> U(20)) & mask
    while keys[slot] >= 0:
        if keys[slot] == key:
            return np.int64(targets[slot])
        slot = (slot + ONE) & mask
    return np.int64(-1)


@kernel
def scan(
    texts: Bytes,
    starts: Int64s,
    stops: Int64s,
    begin: int,
    whole_table: Int32s,
    whole_hashes: Hashes,
    whole_bytes: Bytes,
    whole_offsets: Int64s,
    whole_needles: Int32s,
    k0: np.uint64,
    k1: np.uint64,
    start_keys: Int64s,
    start_targets: Int32s,
    start_first: Int32s,
    start_again: Int32s,
    start_needles: Int32s,
    end_keys: Int64s,
    end_targets: Int32s,
    end_first: Int32s,
    end_again: Int32s,
    end_needles: Int32s,
    moves: Int32s,
    classes: Bytes,
    width: int,
    first: Int32s,
    again: Int32s,
    outputs: Int32s,
    inside_needles: Int32s,
    seen: Int64s,
    out_text: Int32s,
    out_needle: Int32s,
) -> tuple[int, int]:
    """Find all needles in the lower-case texts from number `begin` on: whole texts, starts, ends, insides.

    Writes pairs (text, needle), each once. Stops early when fewer than len(seen) free places are left. `seen` (one
    entry per needle) remembers in which text a needle was reported last: all -1 before the first call.
    Returns (next text, pairs).
    """
    pairs = 0
    room = len(out_text) - len(seen)
    for i in range(begin, len(starts)):
        if pairs > room:
            return i, pairs
        start, stop = starts[i], stops[i]
        if len(whole_table):
            key = siphash(texts, start, stop, k0, k1)
            mask = U(len(whole_table) - 1)
            slot = key & mask
            while whole_table[slot] >= 0:
                literal = whole_table[slot]
                length = whole_offsets[literal + 1] - whole_offsets[literal]
                if (
                    whole_hashes[literal] == key
                    and length == stop - start
                    and same(texts, start, whole_bytes, whole_offsets[literal], length)
                ):
                    out_text[pairs] = i
                    out_needle[pairs] = whole_needles[literal]
                    pairs += 1
                slot = (slot + ONE) & mask
        if len(start_keys):
            node = np.int64(0)
            j = start
            while j < stop:
                node = _step(start_keys, start_targets, node, texts[j])
                if node < 0:
                    break
                literal = start_first[node]
                while literal >= 0:
                    out_text[pairs] = i
                    out_needle[pairs] = start_needles[literal]
                    pairs += 1
                    literal = start_again[literal]
                j += 1
        if len(end_keys):
            node = np.int64(0)
            j = stop - 1
            while j >= start:
                node = _step(end_keys, end_targets, node, texts[j])
                if node < 0:
                    break
                literal = end_first[node]
                while literal >= 0:
                    out_text[pairs] = i
                    out_needle[pairs] = end_needles[literal]
                    pairs += 1
                    literal = end_again[literal]
                j -= 1
        if width:
            state = np.int32(0)
            j_ = U(start)
            end_ = U(stop)
            while j_ < end_:
                entry = moves[U(state) + U(classes[U(texts[j_])])]
                state = entry & STATE
                j_ += ONE
                if entry < 0:
                    node = np.int64(state) // width
                    while node >= 0:
                        literal = first[node]
                        while literal >= 0:
                            needle = inside_needles[literal]
                            if seen[needle] != i:
                                seen[needle] = i
                                out_text[pairs] = i
                                out_needle[pairs] = needle
                                pairs += 1
                            literal = again[literal]
                        node = np.int64(outputs[node])
    return len(starts), pairs


@kernel
def collect(
    owners: Int32s,
    atoms: Int32s,
    atom_starts: Int64s,
    atom_marks: Int32s,
    values: int,
    last: Int32s,
    mark_starts: Int64s,
    base: int,
) -> Int32s:
    """From pairs (value, atom), ascending by value, to the marks of each value, each once.

    mark_starts[0..values] is written (absolute, from `base`); `last` (one entry per mark) comes all -1.
    """
    total = 0
    for i in range(len(owners)):
        total += atom_starts[atoms[i] + 1] - atom_starts[atoms[i]]
    out = np.empty(total, np.int32)
    filled = 0
    i = 0
    for value in range(values):
        mark_starts[value] = base + filled
        while i < len(owners) and owners[i] == value:
            for k in range(atom_starts[atoms[i]], atom_starts[atoms[i] + 1]):
                mark = atom_marks[k]
                if last[mark] != value:
                    last[mark] = value
                    out[filled] = mark
                    filled += 1
            i += 1
    mark_starts[values] = base + filled
    return out[:filled].copy()


# -- rows -----------------------------------------------------------------------------------------------------------


@kernel
def place(codes: Int32s, used: Int32s, found: Int32s, mark_starts: Int64s, of_code: Int32s, out: Int32s) -> bool:
    """out[row] = id of the row's value, -1 when it has none or one without marks. of_code: room for every code.

    found[i] = id of the value with code used[i], -1 when nobody needs to look at it.

    Returns False (and leaves `out` alone) when no value has a mark.
    """
    some = False
    for i in range(len(used)):
        value = found[i]
        marked = value >= 0 and mark_starts[value + 1] > mark_starts[value]
        of_code[used[i]] = value if marked else -1
        some = some or marked
    if some:
        for row in range(len(codes)):
            out[row] = of_code[codes[row]] if codes[row] >= 0 else -1
    return some


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
    group_plan: Int32s,
    group_starts: Int64s,
    rows: Int32s,
    lane_starts: Int64s,
    lane_rows: Int32s,
    lane_maps: Int64s,
    values: npt.NDArray[np.int32],
    mark_starts: Int64s,
    marks: Int32s,
    map_tests: Int32s,
    ref_starts: Int64s,
    ref_rows: Int32s,
    ref_tests: Int32s,
    refs: npt.NDArray[np.bool_],
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
    """Judge the rows of all groups; a group is the rows of one plan.

    Lanes are a group's value columns: lane_rows[l] picks the row of `values` (columns, rows), lane_maps[l] the place in
    `map_tests` where mark m of that column becomes a test of the plan (-1: no rule of the plan asks). A plan's tests,
    rules and code are slices of the arrays of all plans. stamps[test] == tick says "holds in this row": nothing needs
    clearing between rows.
    progress = [group, position in group, tick], kept between calls; the call returns early when `out` might overflow.
    Returns the number of (row, rule) pairs written.
    """
    written = 0
    for g in range(progress[0], len(group_plan)):
        plan = group_plan[g]
        tests, first_rule = test_base[plan], rule_base[plan]
        most = rule_base[plan + 1] - first_rule
        for position in range(group_starts[g] + progress[1], group_starts[g + 1]):
            if written + most > len(out_row):
                progress[0] = g
                progress[1] = position - group_starts[g]
                return written
            row = rows[position]
            tick = progress[2] + 1
            progress[2] = tick
            waiting = 0
            for lane in range(lane_starts[g], lane_starts[g + 1]):
                value = values[lane_rows[lane], row]
                if value < 0:
                    continue
                mapped = lane_maps[lane]
                for k in range(mark_starts[value], mark_starts[value + 1]):
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
