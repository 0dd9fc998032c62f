"""All literals that rules look for in one field, found in one pass over a text. Kernels of `matcher.py`.

    whole texts   hash -> table -> literal                         one look-up per text
    starts, ends  a trie: (node, byte) -> node, hashed             walks until no literal goes on
    insides       Aho and Corasick's automaton (1975), dense:

        state 0 "" --m--> "m" --i--> "mi" --m--> "mim" ..          moves[state * width + class of the byte]
                                      |                              = next state * width, sign bit: it reports
                                      fails to "i" ..              first, again: the literals that end in a state
                                                                   outputs: the next shorter suffix that reports

Bytes that no literal holds share class 0, so a field's automaton is as wide as its literals need. States are numbered
breadth first: the shallow ones, where texts spend their time, lie side by side and stay in the cache. Texts come
lowered (`lowered`); what only makes a literal a candidate is verified by the owner. No kernel checks bounds: the caller
keeps the sizes written here.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from watchfloor.words import (
    Bytes,
    Flags,
    Hashes,
    Int32s,
    Int64s,
    hashed,
    kernel,
    load,
    lower,
    same,
    store,
    tail,
)

U = np.uint64
ONE = U(1)
HIGH = U(0x8080808080808080)
MULTIPLIER = U(0x9E3779B97F4A7C15)
LITERAL_KEY = U(0xC3A5C85C97CB3127)
"""Literals are hashed under a key that everybody may know: they are the rules', not an attacker's, to choose."""
HAS_OUTPUT = np.int32(-(2**31))
STATE = np.int32(0x7FFFFFFF)


# -- texts ------------------------------------------------------------------------------------------------------------


@kernel
def _lowered_wide(data: Any, at: Any, stop: Any, out: Any, to: Any, lower_two: Any, caseless: Any) -> Any:
    """Copy a text in UTF-8 in lower case; False where it has a letter whose lower case is not in the tables."""
    while at < stop:
        byte = np.int64(data[at])
        if byte < 0x80:
            out[to] = byte + 32 if 65 <= byte <= 90 else byte
            at += 1
            to += 1
        elif byte < 0xE0 and at + 1 < stop:
            code = lower_two[(byte & 0x1F) << 6 | (np.int64(data[at + 1]) & 0x3F)]
            if code < 0:
                return False
            out[to] = 0xC0 | code >> 6
            out[to + 1] = 0x80 | (code & 0x3F)
            at += 2
            to += 2
        elif byte < 0xF0 and at + 2 < stop:
            code = (byte & 0xF) << 12 | (np.int64(data[at + 1]) & 0x3F) << 6 | (np.int64(data[at + 2]) & 0x3F)
            if not caseless[code]:
                return False
            for k in range(3):
                out[to + k] = data[at + k]
            at += 3
            to += 3
        else:
            return False
    return True


@kernel
def lowered(
    data: Bytes, starts: Int64s, stops: Int64s, out: Bytes, out_offsets: Int64s, foreign: Flags, odd: Flags,
    lower_two: Int32s, caseless: Flags,
) -> None:  # fmt: skip
    """Copy the texts data[starts[i]:stops[i]] in lower case, one behind the other; the length stays.

    foreign[i]: text i holds bytes above 127; odd[i]: and its lower case is not in the tables. lower_two: letters of two
    bytes -> their lower case, -1 where it is none of two bytes; caseless: letters of three that are their own. `out`
    has room for seven bytes more.
    """
    at = np.int64(0)
    for i in range(len(starts)):
        out_offsets[i] = at
        start, stop = starts[i], stops[i]
        end = at + stop - start
        seen = U(0)
        while start + 8 <= stop:
            word = load(data, start)
            seen |= word
            store(out, at, lower(word))
            start += 8
            at += 8
        if start < stop:
            word = tail(data, start, stop - start)
            seen |= word
            store(out, at, lower(word))
        at = end
        foreign[i] = (seen & HIGH) != U(0)
        odd[i] = foreign[i] and not _lowered_wide(data, starts[i], stop, out, out_offsets[i], lower_two, caseless)
    out_offsets[len(starts)] = at


# -- machines ---------------------------------------------------------------------------------------------------------


@kernel
def hash_literals(literals: Bytes, offsets: Int64s, out: Hashes) -> None:
    """The hash of each literal, as `scan` makes it of a text."""
    for i in range(len(out)):
        out[i] = hashed(literals, offsets[i], offsets[i + 1] - offsets[i], LITERAL_KEY, MULTIPLIER)


@kernel
def tabulate(hashes: Hashes, count: int, table: Int32s) -> None:
    """Fill an empty (-1) table, a power of two and never full, with the literals 0..count-1."""
    mask = U(len(table) - 1)
    for literal in range(count):
        slot = hashes[literal] & mask
        while table[slot] >= 0:
            slot = (slot + ONE) & mask
        table[slot] = literal


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
            key = hashed(texts, start, stop - start, LITERAL_KEY, MULTIPLIER)
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
