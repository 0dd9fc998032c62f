"""NDJSON bytes to (row, name, value) triples, without one Python object per record.

`tokenise_block` walks every record of a piece once. Keys become *name ids* (dotted paths), scalars become *value ids*;
both are interned in hash tables that compare the bytes whenever hashes agree, under a random key per process, because
whoever writes the log chooses the keys and the values. `group_columns` turns the triples of chosen rows into columns
with one counting sort.

    record      {"Channel":"System","Image":"C:\\\\a.exe"}
                  |                  |
    paths       which key under which object      successors: where we are + 8 bytes of the key -> most likely path
      -> names  "Channel", "Image"                (a guess that is compared, else the hash table)
                            |            |
    recent      hash, length -> value id, place in the arena                 (a guess that is compared)
      values    distinct texts -> value id        spelled: strings with escapes -> the value they come to
      arena     C:\\a.exe  C:\\\\a.exe  System ...     every distinct text once, also as it is spelled
                            |            |
    tokens      (name id, value id) row after row

Guesses are the rule: one comparison of up to 64 bytes, no branch that depends on a length, decides a key or a value.

What is a record (RFC 8259, with these deliberate choices):

* one JSON object, in valid UTF-8, between optional white space; one byte order mark in front is tolerated;
* unescaped control characters inside strings are refused, as RFC 8259 section 7 demands;
* numbers of any size are accepted and kept as they are written, also those that no double can hold;
* an escaped surrogate without its partner (`\\ud800`) becomes U+FFFD, also inside the text of an array;
* the limits `MAX_DEPTH`, `MAX_FIELDS`, `MAX_NAME` and, for one batch, `MAX_NAMES` and `MAX_NAME_BYTES`.

How an object becomes names: nested objects are joined with "."; an array is one value, its JSON text as written, under
`name[]`; an empty nested object is the text `{}`; `null` gives nothing. Two members of one record that come to the same
name (a repeated key, another escape, `{"a.b": ..}` beside `{"a": {"b": ..}}`): the last one wins.

All bytes lie in arrays that go on for `PADDING` readable bytes, so that 64 may be loaded wherever one may be read;
every position is checked against the end of its record before it is believed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from watchfloor.words import differing, fold, kernel, load, sixty_four, store, where, zeros

PADDING = 64
MAX_DEPTH = 64
MAX_FIELDS = 4096
MAX_NAME = 1024
"""Bytes of a dotted name as the record spells it."""
MAX_NAMES = 1 << 20
MAX_NAME_BYTES = 64 * 1024 * 1024

REASONS = (
    "",
    "not a JSON object",
    "truncated",
    "invalid UTF-8",
    "malformed JSON: a key, '}' or ',' is missing",
    "malformed JSON: ':' is missing",
    "malformed JSON: not a value",
    "malformed JSON: invalid escape in a string",
    "malformed JSON: unescaped control character in a string",
    "something follows the object",
    f"nested deeper than {MAX_DEPTH}",
    f"more than {MAX_FIELDS} fields",
    f"a dotted name is longer than {MAX_NAME} bytes",
    "too many different names in one block",
)
(
    _FINE,
    _NOT_OBJECT,
    _TRUNCATED,
    _UTF8,
    _STRUCTURE,
    _COLON,
    _VALUE,
    _ESCAPE,
    _CONTROL,
    _TRAILING,
    _DEPTH,
    _FIELDS,
    _NAME,
    _NAMES,
) = range(14)

_U = np.uint64
_0 = _U(0)
_1 = _U(1)
_3 = _U(3)
_ONES = _U(0x0101010101010101)
_HIGH = _U(0x8080808080808080)
_QUOTES = _U(0x2222222222222222)
_BACKSLASHES = _U(0x5C5C5C5C5C5C5C5C)
_SPACES = _U(0x2020202020202020)
_ODD = _U(0xAAAAAAAAAAAAAAAA)
_QUOTE = np.uint8(34)
_BACKSLASH = np.uint8(92)
_TAG = _U(0xFFFFFFFF00000000)
_ID = _U(0x00000000FFFFFFFF)

# The fingerprint's public seeds: part of the format, never to be changed. Every byte is one that valid UTF-8 cannot
# hold, so no text can cancel a seed.
_F0 = _U(0xFBF8FDFAFEF9FFFC)
_F1 = _U(0xF9FFFBFCF8FEFAFD)
_F2 = _U(0x9E3779B97F4A7C15)
_F3 = _U(0xD6E8FEB86659FD93)

# -- texts -------------------------------------------------------------------------------------------------------------


@kernel
def _hash(buffer: Any, at: Any, length: Any, seeds: Any, salt: Any) -> Any:
    """Keyed 64-bit hash of buffer[at:at+length]; `salt` keeps texts of different kinds apart.

    The lengths of values cannot be foreseen, and a wrong guess of a branch costs more than the arithmetic: so 64 bytes
    go through the same instructions as one. The products are those of wyhash (Wang Yi, 2019).
    """
    h = salt ^ _U(length)
    while length > 64:
        h = fold(_mixed(buffer, at, 64, seeds) ^ h, seeds[8])
        at += 64
        length -= 64
    return fold(_mixed(buffer, at, length, seeds) ^ h, seeds[9])


@kernel
def _mixed(buffer: Any, at: Any, length: Any, seeds: Any) -> Any:
    w = sixty_four(buffer, at, length)
    low = fold(w[0] ^ seeds[0], w[1] ^ seeds[1]) ^ fold(w[2] ^ seeds[2], w[3] ^ seeds[3])
    high = fold(w[4] ^ seeds[4], w[5] ^ seeds[5]) ^ fold(w[6] ^ seeds[6], w[7] ^ seeds[7])
    return low + high


@kernel
def _equal(one: Any, a: Any, other: Any, b: Any, length: Any) -> Any:
    """one[a:a+length] == other[b:b+length]; nearly all texts take one comparison."""
    while length > 64:
        if differing(one, a, other, b) != _0:
            return False
        a += 64
        b += 64
        length -= 64
    return length == 0 or (differing(one, a, other, b) << _U(64 - length)) == _0


@kernel
def _copy(source: Any, at: Any, length: Any, target: Any, to: Any) -> None:
    """Copy in words: up to seven bytes behind the end of the target range are overwritten."""
    end = at + length
    while at < end:
        store(target, to, load(source, at))
        at += 8
        to += 8


@kernel
def _find(slots: Any, h: Any, table: Any, texts: Any, buffer: Any, at: Any, length: Any) -> Any:
    """The id of buffer[at:at+length] in a hash table, or -1 - (the free slot it belongs into).

    `table` holds offset and length of every known text in its first two columns, `texts` the bytes they point to.
    """
    mask = len(slots) - 1
    slot = np.int64(h & _U(mask))
    tag = h & _TAG
    while True:
        held = slots[slot]
        if held == _0:
            return -1 - slot
        if (held & _TAG) == tag:
            found = np.int64(held & _ID) - 1
            if table[found, 1] == length and _equal(texts, table[found, 0], buffer, at, length):
                return found
        slot = (slot + 1) & mask


@kernel
def _find_path(slots: Any, h: Any, paths: Any, texts: Any, parent: Any, buffer: Any, at: Any, length: Any) -> Any:
    """As `_find`, for a key below a parent path."""
    mask = len(slots) - 1
    slot = np.int64(h & _U(mask))
    tag = h & _TAG
    while True:
        held = slots[slot]
        if held == _0:
            return -1 - slot
        if (held & _TAG) == tag:
            found = np.int64(held & _ID) - 1
            if (
                paths[found, PARENT] == parent
                and paths[found, 1] == length
                and _equal(texts, paths[found, 0], buffer, at, length)
            ):
                return found
        slot = (slot + 1) & mask


@kernel
def rebuild(slots: Any, table: Any, used: Any) -> None:
    """Put the first `used` entries of a table (its third column is their hash) into empty slots (a power of two)."""
    mask = len(slots) - 1
    for i in range(used):
        h = _U(table[i, 2])
        slot = np.int64(h & _U(mask))
        while slots[slot] != _0:
            slot = (slot + 1) & mask
        slots[slot] = (h & _TAG) | _U(i + 1)


# -- JSON -------------------------------------------------------------------------------------------------------------


@kernel
def _survey(buffer: Any, at: Any, end: Any) -> Any:
    """Fingerprint of buffer[at:end] (two words), has it bytes above 127, has it bytes below 32."""
    length = end - at
    a = _F2 ^ _U(length)
    b = _F3 + _U(length)
    high = _0
    low = _0
    while end - at >= 16:
        v = load(buffer, at)
        w = load(buffer, at + 8)
        high |= v | w
        low |= ((v - _SPACES) & ~v) | ((w - _SPACES) & ~w)
        x = fold(v ^ _F0, w ^ a) + b
        b = fold(w ^ _F1, v ^ b) + a
        a = x
        at += 16
    left = end - at
    v = _0
    w = _0
    if left > 0:
        mask = ~_0 if left >= 8 else (_1 << _U(left * 8)) - _1
        v = load(buffer, at) & mask
        x = v | (_SPACES & ~mask)
        low |= (x - _SPACES) & ~x
        if left > 8:
            mask = (_1 << _U((left - 8) * 8)) - _1
            w = load(buffer, at + 8) & mask
            x = w | (_SPACES & ~mask)
            low |= (x - _SPACES) & ~x
        high |= v | w
    x = fold(v ^ _F0, w ^ a) + b
    b = fold(w ^ _F1, v ^ b) + a
    a = fold(x ^ _F2, b ^ _F1)
    b = fold(b ^ _F3, x ^ _F0)
    return a, b, (high & _HIGH) != _0, (low & _HIGH) != _0


@kernel
def _bad_utf8(buffer: Any, at: Any, end: Any) -> Any:
    """Where buffer[at:end] stops being UTF-8 (RFC 3629), or -1."""
    while at < end:
        if at + 8 <= end and (load(buffer, at) & _HIGH) == _0:
            at += 8
            continue
        c = np.int64(buffer[at])
        if c < 0x80:
            at += 1
            continue
        if c < 0xC2 or c > 0xF4:
            return at
        more = 1 if c < 0xE0 else (2 if c < 0xF0 else 3)
        if at + more >= end:
            return at
        lowest, highest = 0x80, 0xBF
        if c == 0xE0:
            lowest = 0xA0
        elif c == 0xED:
            highest = 0x9F
        elif c == 0xF0:
            lowest = 0x90
        elif c == 0xF4:
            highest = 0x8F
        second = np.int64(buffer[at + 1])
        if second < lowest or second > highest:
            return at
        for i in range(2, more + 1):
            if (np.int64(buffer[at + i]) & 0xC0) != 0x80:
                return at
        at += more + 1
    return -1


@kernel
def _string_end(buffer: Any, at: Any, end: Any) -> Any:
    """Where the closing quote of the string is that begins at `at` (or -1), and does the string hold escapes.

    64 bytes at a time. A byte is escaped when a backslash that is not escaped itself stands before it: a run of
    backslashes escapes every second of them, and what follows where their number is odd. A subtraction finds that
    for all runs of a block at once (Langdale, Lemire: Parsing gigabytes of JSON per second, 2019, section 3.1.1).
    """
    carried = _0  # is the first byte of this block escaped?
    some = _0
    while at < end:
        quotes = where(buffer, at, _QUOTE)
        backslashes = where(buffer, at, _BACKSLASH)
        escaped = carried
        if backslashes != _0:
            escaping = backslashes & ~carried
            codes = (((escaping << _1) | _ODD) - escaping) ^ _ODD
            escaped = codes ^ (backslashes | carried)
            carried = (codes & backslashes) >> _U(63)
        else:
            carried = _0
        closing = quotes & ~escaped
        if closing != _0:
            place = at + zeros(closing)
            some |= backslashes & (closing ^ (closing - _1))
            return (place if place < end else np.int64(-1)), some != _0
        some |= backslashes
        at += 64
    return np.int64(-1), some != _0


@kernel
def _has_control(buffer: Any, at: Any, end: Any) -> Any:
    for i in range(at, end):  # noqa: SIM110 - a kernel
        if buffer[i] < 32:
            return True
    return False


@kernel
def _hex4(buffer: Any, at: Any, end: Any) -> Any:
    """The number that four hexadecimal digits spell, or -1."""
    if at + 4 > end:
        return -1
    number = np.int64(0)
    for i in range(at, at + 4):
        c = np.int64(buffer[i])
        if 48 <= c <= 57:
            digit = c - 48
        elif 65 <= c <= 70:
            digit = c - 55
        elif 97 <= c <= 102:
            digit = c - 87
        else:
            return -1
        number = number * 16 + digit
    return number


@kernel
def _unescape(buffer: Any, at: Any, end: Any, target: Any, to: Any) -> Any:
    """Write the text of the JSON string buffer[at:end] to `target`; where it ended, or -1 for an invalid escape.

    The text is never longer than the string; up to seven bytes behind it are overwritten.
    """
    while at < end:
        v = load(buffer, at)
        y = v ^ _BACKSLASHES
        hit = (y - _ONES) & ~y & _HIGH
        run = zeros(hit) >> 3 if hit != _0 else np.int64(8)
        left = end - at
        store(target, to, v)
        if run >= left:
            return to + left
        at += run
        to += run
        if run == 8:
            continue
        if at + 1 >= end:
            return -1
        c: Any = np.int64(buffer[at + 1])
        at += 2
        if c == 117:
            point = _hex4(buffer, at, end)
            if point < 0:
                return -1
            at += 4
            if 0xD800 <= point < 0xE000:
                low = -1
                if point < 0xDC00 and at + 6 <= end and buffer[at] == 92 and buffer[at + 1] == 117:
                    low = _hex4(buffer, at + 2, end)
                if 0xDC00 <= low < 0xE000:
                    point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00)
                    at += 6
                else:
                    point = 0xFFFD
            if point < 0x80:
                target[to] = point
                to += 1
            elif point < 0x800:
                target[to] = 0xC0 | (point >> 6)
                target[to + 1] = 0x80 | (point & 63)
                to += 2
            elif point < 0x10000:
                target[to] = 0xE0 | (point >> 12)
                target[to + 1] = 0x80 | ((point >> 6) & 63)
                target[to + 2] = 0x80 | (point & 63)
                to += 3
            else:
                target[to] = 0xF0 | (point >> 18)
                target[to + 1] = 0x80 | ((point >> 12) & 63)
                target[to + 2] = 0x80 | ((point >> 6) & 63)
                target[to + 3] = 0x80 | (point & 63)
                to += 4
            continue
        if c == 110:
            c = 10
        elif c == 114:
            c = 13
        elif c == 116:
            c = 9
        elif c == 98:
            c = 8
        elif c == 102:
            c = 12
        elif c not in (34, 92, 47):
            return -1
        target[to] = c
        to += 1
    return to


@kernel
def _check_escapes(buffer: Any, at: Any, end: Any) -> Any:
    """-1: the string buffer[at:end] holds an invalid escape; 1: a surrogate without partner; 0: neither."""
    answer = 0
    while at < end:
        if buffer[at] != 92:
            at += 1
            continue
        if at + 1 >= end:
            return -1
        c = buffer[at + 1]
        at += 2
        if c == 117:
            point = _hex4(buffer, at, end)
            if point < 0:
                return -1
            at += 4
            if 0xD800 <= point < 0xE000:
                low = -1
                if point < 0xDC00 and at + 6 <= end and buffer[at] == 92 and buffer[at + 1] == 117:
                    low = _hex4(buffer, at + 2, end)
                if 0xDC00 <= low < 0xE000:
                    at += 6
                else:
                    answer = 1
        elif c not in (110, 114, 116, 98, 102, 34, 92, 47):
            return -1
    return answer


@kernel
def _mend_surrogates(buffer: Any, at: Any, end: Any) -> None:
    """Overwrite surrogate escapes without partner by `\\ufffd`, in place; the escapes are known to be valid."""
    while at < end:
        if buffer[at] != 92:
            at += 1
            continue
        if buffer[at + 1] != 117:
            at += 2
            continue
        point = _hex4(buffer, at + 2, end)
        if 0xD800 <= point < 0xE000:
            low = -1
            if point < 0xDC00 and at + 12 <= end and buffer[at + 6] == 92 and buffer[at + 7] == 117:
                low = _hex4(buffer, at + 8, end)
            if 0xDC00 <= low < 0xE000:
                at += 6
            else:
                buffer[at + 2] = 102
                buffer[at + 3] = 102
                buffer[at + 4] = 102
                buffer[at + 5] = 100
        at += 6


@kernel
def _literal_end(buffer: Any, at: Any, end: Any) -> Any:
    """Behind the number, true, false or null at `at` (RFC 8259 sections 3 and 6), or -1. Does not look further."""
    c = buffer[at]
    if c in (116, 110):
        if at + 4 > end:
            return -1
        word = load(buffer, at) & _ID
        if word == _U(0x65757274) or word == _U(0x6C6C756E):
            return at + 4
        return -1
    if c == 102:
        if at + 5 > end or (load(buffer, at) & _U(0xFFFFFFFFFF)) != _U(0x65736C6166):
            return -1
        return at + 5
    if c == 45:
        at += 1
    if at >= end:
        return -1
    c = buffer[at]
    if c == 48:
        at += 1
    elif 49 <= c <= 57:
        while at < end and 48 <= buffer[at] <= 57:
            at += 1
    else:
        return -1
    if at < end and buffer[at] == 46:
        at += 1
        if at >= end or not 48 <= buffer[at] <= 57:
            return -1
        while at < end and 48 <= buffer[at] <= 57:
            at += 1
    if at < end and (buffer[at] == 101 or buffer[at] == 69):
        at += 1
        if at < end and (buffer[at] == 43 or buffer[at] == 45):
            at += 1
        if at >= end or not 48 <= buffer[at] <= 57:
            return -1
        while at < end and 48 <= buffer[at] <= 57:
            at += 1
    return at


@kernel
def _array_end(buffer: Any, at: Any, end: Any, depth: Any, control: Any) -> Any:
    """Behind the array that begins at `at`, is there a surrogate to mend in it, reason (0 = fine).

    `depth` counts the containers around it. When there is a reason, the position is where it was found.
    """
    objects = _0  # one bit per open container, the innermost lowest: is it an object?
    inside = 0
    mend = False
    # 0: a value or "]"; 1: a value; 2: a key or "}"; 3: a key; 4: "," or the end of the container
    state = 1
    while at < end:
        c = buffer[at]
        if c in (32, 9, 10, 13):
            at += 1
            continue
        if state == 4:
            if c == 44:
                state = 3 if (objects & _1) != _0 else 1
            elif c == (125 if (objects & _1) != _0 else 93):
                inside -= 1
                objects >>= _1
                if inside == 0:
                    return at + 1, mend, _FINE
            else:
                return at, mend, _STRUCTURE
            at += 1
        elif (state == 0 and c == 93) or (state == 2 and c == 125):
            inside -= 1
            objects >>= _1
            at += 1
            if inside == 0:
                return at, mend, _FINE
            state = 4
        elif c == 34:
            close, escaped = _string_end(buffer, at + 1, end)
            if close < 0:
                return end, mend, _TRUNCATED
            if control and _has_control(buffer, at + 1, close):
                return at, mend, _CONTROL
            if escaped:
                verdict = _check_escapes(buffer, at + 1, close)
                if verdict < 0:
                    return at, mend, _ESCAPE
                if verdict > 0:
                    mend = True
            at = close + 1
            if state >= 2:
                while at < end and (buffer[at] == 32 or buffer[at] == 9 or buffer[at] == 10 or buffer[at] == 13):
                    at += 1
                if at >= end:
                    return end, mend, _TRUNCATED
                if buffer[at] != 58:
                    return at, mend, _COLON
                at += 1
                state = 1
            else:
                state = 4
        elif state >= 2:
            return at, mend, _STRUCTURE
        elif c in (91, 123):
            inside += 1
            if depth + inside > MAX_DEPTH:
                return at, mend, _DEPTH
            objects = (objects << _1) | (_1 if c == 123 else _0)
            at += 1
            state = 2 if c == 123 else 0
        else:
            behind = _literal_end(buffer, at, end)
            if behind < 0:
                return at, mend, _VALUE
            at = behind
            state = 4
    return end, mend, _TRUNCATED


# -- the block --------------------------------------------------------------------------------------------------------

# Columns of the tables, behind offset, length and hash of a text.
PARENT, NAME, ARRAY = 3, 4, 5
"""Of a path (a key below a parent): the parent path, its name id, the name id of an array there (-1: none yet)."""
VALUE = 3
"""Of a spelled string: the id of the text it comes to."""
LAST = 3
"""Of a name: the token it was last emitted as."""

SUCCESSORS = 1 << 12
"""Places to remember which path came behind which: 16 KiB, for the processor's nearest cache."""

_RECENT_BITS = 15
RECENT = 1 << _RECENT_BITS
"""Places to remember values that came a moment ago: 768 KiB, for the cache behind it. Three words each: the hash,
value id and length, and where in the arena the text stands as it is spelled."""
_RECENT_SHIFT = _U(64 - _RECENT_BITS)

# Entries of `progress`, which also number the tables that may become full.
DONE, TOKENS, VALUES, SPELLED, PATHS, NAMES, NAME_BYTES, ARENA, RECORD, ROWS, BAD = range(11)


@kernel
def tokenise_block(
    buffer: Any,
    offsets: Any,
    seeds: Any,
    progress: Any,
    row_table: Any,
    prints: Any,
    bad: Any,
    token_table: Any,
    value_table: Any,
    value_slots: Any,
    arena: Any,
    recent: Any,
    spelled_table: Any,
    spelled_slots: Any,
    path_table: Any,
    path_slots: Any,
    successors: Any,
    name_table: Any,
    name_slots: Any,
    name_bytes: Any,
) -> Any:
    """Every record of a piece in one pass; it stops when a table is full and goes on from there when called again.

    Tables are never replaced in here: Numba would count references in the innermost loop, at ten times the cost.

    Args:
        buffer: uint8, the piece, then `PADDING` bytes; at the very end `PADDING` more that begin with `{}`.
        offsets: int64[n + 1], not decreasing, within the piece; record i = buffer[offsets[i]:offsets[i + 1]].
        seeds: uint64[10], secret.
        progress: int64[11], what is filled of every table and the next record; see the names of its entries.
        row_table: int64[n, 4], filled with record, start, length (without white space around it), end of its tokens.
        prints: uint64[n, 3], filled with fingerprint (2) and shape of every row.
        bad: int64[n, 3], filled with record, reason, byte within the record.
        token_table: int32[.., 2], filled with name id, value id.
        value_table: int64[.., 3]; spelled_table: int64[.., 4]; path_table: int64[.., 6]; name_table: int64[.., 4].
        value_slots, spelled_slots, path_slots, name_slots: uint64, a power of two, more slots than entries.
        arena: uint8, the texts that the offsets of `value_table` and `spelled_table` point to.
        recent: uint64[3 * RECENT], see there; all ones at first.
        successors: int32[SUCCESSORS], -1 at first.
        name_bytes: uint8, what the offsets of `name_table` and `path_table` point to.

    All tables serve all pieces of a batch.

    Returns:
        `DONE`, or which table is full. A record that is empty or only white space is neither a row nor bad.
    """
    tokens, values, spelled, paths = progress[TOKENS], progress[VALUES], progress[SPELLED], progress[PATHS]
    names, name_top = progress[NAMES], progress[NAME_BYTES]
    rows, bads, top = progress[ROWS], progress[BAD], progress[ARENA]
    empty_object = np.int64(buffer.shape[0]) - PADDING
    open_paths = np.empty(MAX_DEPTH + 1, np.int64)
    full = 0
    number = progress[RECORD]
    while number < len(offsets) - 1:
        begin = offsets[number]
        end = offsets[number + 1]
        while end > begin and (
            buffer[end - 1] == 10 or buffer[end - 1] == 13 or buffer[end - 1] == 32 or buffer[end - 1] == 9
        ):
            end -= 1
        for turn in range(2):
            while begin < end and (
                buffer[begin] == 32 or buffer[begin] == 9 or buffer[begin] == 10 or buffer[begin] == 13
            ):
                begin += 1
            if turn == 0 and end - begin >= 3 and (load(buffer, begin) & _U(0xFFFFFF)) == _U(0xBFBBEF):
                begin += 3
        if begin >= end:
            number += 1
            continue

        print0, print1, high, control = _survey(buffer, begin, end)
        reason = _FINE
        at = begin
        row_tokens = tokens
        row_shape = _0
        fields = 0
        depth = 0
        path = np.int64(0)
        before = np.int64(-1)
        state = 0  # 0: a key or "}"; 1: a key; 2: "," or "}"
        if high:
            wrong = _bad_utf8(buffer, begin, end)
            if wrong >= 0:
                reason = _UTF8
                at = wrong
        if reason == _FINE:
            if buffer[at] == 123:
                at += 1
                depth = 1
                open_paths[0] = 0
            else:
                reason = _NOT_OBJECT

        while reason == _FINE and full == 0:
            name = np.int64(-1)
            value = np.int64(-1)
            text = np.int64(0)
            size_of_text = np.int64(0)
            kind = 0  # 0: text as it stands; 1: a string with escapes; 2: an array with surrogates to mend
            key = np.int64(-1)
            if state == 2 and at + 3 < end:  # what nearly all writers put between two members
                joint = load(buffer, at)
                if (joint & _U(0xFFFF)) == _U(0x222C):
                    key = at + 2
                elif (joint & _U(0xFFFFFF)) == _U(0x22202C):
                    key = at + 3
            if key < 0:
                while at < end and (buffer[at] == 32 or buffer[at] == 9 or buffer[at] == 10 or buffer[at] == 13):
                    at += 1
                if at >= end:
                    reason = _TRUNCATED
                    break
                c = buffer[at]
                if state == 2:
                    if c == 44:
                        at += 1
                        state = 1
                        continue
                    if c != 125:
                        reason = _STRUCTURE
                        break
                    at += 1
                    depth -= 1
                    if depth == 0:
                        break
                    before = open_paths[depth]
                    continue
                if c == 125 and state == 0:
                    at += 1
                    depth -= 1
                    if depth == 0:
                        break
                    before = open_paths[depth]
                    name = path_table[before, NAME]
                    text = empty_object
                    size_of_text = np.int64(2)
                    state = 2
                elif c != 34:
                    reason = _STRUCTURE
                    break
                else:
                    key = at + 1
            if key >= 0:
                # the path: most often the one that came here last time, found by where we are and eight bytes
                parent = open_paths[depth - 1]
                word = load(buffer, key)
                quotes = word ^ _QUOTES
                quotes = (quotes - _ONES) & ~quotes & _HIGH
                word &= quotes ^ (quotes - _1)
                place = before if before >= 0 else np.int64(-1) - parent
                spot = np.int64(((word ^ (_U(place) * _F2)) * _F3) >> _U(52))
                path = np.int64(successors[spot])
                close = np.int64(-1)
                if path >= 0:
                    close = key + path_table[path, 1]
                    if (
                        close >= end
                        or buffer[close] != 34
                        or path_table[path, PARENT] != parent
                        or not _equal(name_bytes, path_table[path, 0], buffer, key, path_table[path, 1])
                    ):
                        path = np.int64(-1)
                if path < 0:
                    close, escaped = _string_end(buffer, key, end)
                    if close < 0:
                        at = end
                        reason = _TRUNCATED
                        break
                    h = _hash(buffer, key, close - key, seeds, _U(parent + 3))
                    path = _find_path(path_slots, h, path_table, name_bytes, parent, buffer, key, close - key)
                    if path < 0:
                        slot = -1 - path
                        if control and _has_control(buffer, key, close):
                            reason = _CONTROL
                            break
                        above = path_table[parent, NAME]
                        prefix = name_table[above, 1] + 1 if above >= 0 else np.int64(0)
                        if prefix + close - key > MAX_NAME:
                            reason = _NAME
                            break
                        if names >= MAX_NAMES or name_top > MAX_NAME_BYTES:
                            reason = _NAMES
                            break
                        if name_top + 2 * MAX_NAME + PADDING > len(name_bytes):
                            full = NAME_BYTES
                            break
                        if above >= 0:
                            _copy(name_bytes, name_table[above, 0], prefix - 1, name_bytes, name_top)
                            name_bytes[name_top + prefix - 1] = 46
                        if escaped:
                            name_end = _unescape(buffer, key, close, name_bytes, name_top + prefix)
                            if name_end < 0:
                                reason = _ESCAPE
                                break
                        else:
                            _copy(buffer, key, close - key, name_bytes, name_top + prefix)
                            name_end = name_top + prefix + close - key
                        nh = _hash(name_bytes, name_top, name_end - name_top, seeds, _0)
                        name = _find(name_slots, nh, name_table, name_bytes, name_bytes, name_top, name_end - name_top)
                        if name < 0:
                            if names == len(name_table):
                                full = NAMES
                                break
                            name_slots[-1 - name] = (nh & _TAG) | _U(names + 1)
                            name = np.int64(names)
                            name_table[name, 0] = name_top
                            name_table[name, 1] = name_end - name_top
                            name_table[name, 2] = np.int64(nh)
                            name_table[name, LAST] = -1
                            name_top = name_end
                            names += 1
                        if paths == len(path_table):
                            full = PATHS
                            break
                        path_slots[slot] = (h & _TAG) | _U(paths + 1)
                        path = np.int64(paths)
                        if escaped:  # the key as it is spelled stands nowhere yet
                            _copy(buffer, key, close - key, name_bytes, name_top)
                            path_table[path, 0] = name_top
                            name_top += close - key
                        else:
                            path_table[path, 0] = name_table[name, 0] + name_table[name, 1] - (close - key)
                        path_table[path, 1] = close - key
                        path_table[path, 2] = np.int64(h)
                        path_table[path, PARENT] = parent
                        path_table[path, NAME] = name
                        path_table[path, ARRAY] = -1
                        paths += 1
                    successors[spot] = path
                before = path
                at = close + 1
                if at + 1 < end and buffer[at] == 58 and buffer[at + 1] > 32:
                    at += 1
                else:
                    while at < end and (buffer[at] == 32 or buffer[at] == 9 or buffer[at] == 10 or buffer[at] == 13):
                        at += 1
                    if at < end and buffer[at] != 58:
                        reason = _COLON
                        break
                    at += 1
                    while at < end and (buffer[at] == 32 or buffer[at] == 9 or buffer[at] == 10 or buffer[at] == 13):
                        at += 1
                if at >= end:
                    at = end
                    reason = _TRUNCATED
                    break
                c = buffer[at]
                if c == 34:
                    text = at + 1
                    close, escaped = _string_end(buffer, text, end)
                    if close < 0:
                        at = end
                        reason = _TRUNCATED
                        break
                    if control and _has_control(buffer, text, close):
                        reason = _CONTROL
                        break
                    kind = 1 if escaped else 0
                    size_of_text = close - text
                    name = path_table[path, NAME]
                    at = close + 1
                elif c == 123:
                    if depth >= MAX_DEPTH:
                        reason = _DEPTH
                        break
                    open_paths[depth] = path
                    depth += 1
                    before = np.int64(-1)
                    at += 1
                    state = 0
                    continue
                elif c == 91:
                    text = at
                    at, mend, reason = _array_end(buffer, at, end, depth, control)
                    if reason != _FINE:
                        break
                    size_of_text = at - text
                    kind = 2 if mend else 0
                    name = path_table[path, ARRAY]
                    if name < 0:  # the name of this path with [] behind it
                        if names >= MAX_NAMES or name_top > MAX_NAME_BYTES:
                            reason = _NAMES
                            break
                        plain = path_table[path, NAME]
                        if name_top + MAX_NAME + PADDING > len(name_bytes):
                            full = NAME_BYTES
                            break
                        _copy(name_bytes, name_table[plain, 0], name_table[plain, 1], name_bytes, name_top)
                        name_end = name_top + name_table[plain, 1] + 2
                        name_bytes[name_end - 2] = 91
                        name_bytes[name_end - 1] = 93
                        nh = _hash(name_bytes, name_top, name_end - name_top, seeds, _0)
                        name = _find(name_slots, nh, name_table, name_bytes, name_bytes, name_top, name_end - name_top)
                        if name < 0:
                            if names == len(name_table):
                                full = NAMES
                                break
                            name_slots[-1 - name] = (nh & _TAG) | _U(names + 1)
                            name = np.int64(names)
                            name_table[name, 0] = name_top
                            name_table[name, 1] = name_end - name_top
                            name_table[name, 2] = np.int64(nh)
                            name_table[name, LAST] = -1
                            name_top = name_end
                            names += 1
                        path_table[path, ARRAY] = name
                else:
                    text = at
                    behind = _literal_end(buffer, at, end)
                    if behind < 0:
                        # "tru" at the end of the record is cut off; anything else is no value
                        reason = _VALUE
                        break
                    at = behind
                    size_of_text = at - text
                    name = path_table[path, NAME]
                    if c == 110:
                        name = np.int64(-1)
                state = 2
                fields += 1
                if fields > MAX_FIELDS:
                    reason = _FIELDS
                    break
                if name < 0:
                    continue

            # the value: its id among the distinct texts of the batch, found by how it is spelled
            h = _hash(buffer, text, size_of_text, seeds, _U(kind))
            spot = np.int64(h >> _RECENT_SHIFT) * 3
            held = recent[spot + 1]
            if (
                recent[spot] == h
                and np.int64(held & _ID) == size_of_text
                and _equal(buffer, text, arena, np.int64(recent[spot + 2]), size_of_text)
            ):
                value = np.int64(held >> _U(32))
            else:
                if top + 2 * size_of_text + PADDING > len(arena):
                    full = ARENA
                    break
                if values == len(value_table):
                    full = VALUES
                    break
                if spelled == len(spelled_table):
                    full = SPELLED
                    break
                if kind == 0:
                    value = _find(value_slots, h, value_table, arena, buffer, text, size_of_text)
                    if value < 0:
                        value_slots[-1 - value] = (h & _TAG) | _U(values + 1)
                        value = np.int64(values)
                        value_table[value, 0] = top
                        value_table[value, 1] = size_of_text
                        value_table[value, 2] = np.int64(h)
                        _copy(buffer, text, size_of_text, arena, top)
                        top += size_of_text
                        values += 1
                    stands = value_table[value, 0]
                else:
                    known = _find(spelled_slots, h, spelled_table, arena, buffer, text, size_of_text)
                    if known < 0:
                        # what it comes to stays where it is made, if it is new; how it is spelled stays behind it
                        made_end = top + size_of_text
                        if kind == 1:
                            made_end = _unescape(buffer, text, text + size_of_text, arena, top)
                            if made_end < 0:
                                at = text
                                reason = _ESCAPE
                                break
                        else:
                            _copy(buffer, text, size_of_text, arena, top)
                            _mend_surrogates(arena, top, made_end)
                        made = _hash(arena, top, made_end - top, seeds, _0)
                        value = _find(value_slots, made, value_table, arena, arena, top, made_end - top)
                        if value < 0:
                            value_slots[-1 - value] = (made & _TAG) | _U(values + 1)
                            value = np.int64(values)
                            value_table[value, 0] = top
                            value_table[value, 1] = made_end - top
                            value_table[value, 2] = np.int64(made)
                            top = made_end
                            values += 1
                        spelled_slots[-1 - known] = (h & _TAG) | _U(spelled + 1)
                        known = np.int64(spelled)
                        spelled_table[known, 0] = top
                        spelled_table[known, 1] = size_of_text
                        spelled_table[known, 2] = np.int64(h)
                        spelled_table[known, VALUE] = value
                        _copy(buffer, text, size_of_text, arena, top)
                        top += size_of_text
                        spelled += 1
                    value = spelled_table[known, VALUE]
                    stands = spelled_table[known, 0]
                recent[spot] = h
                recent[spot + 1] = (_U(value) << _U(32)) | _U(size_of_text)
                recent[spot + 2] = _U(stands)

            # the token; a name already seen in this record gets the new value (a refused record may have left
            # a position behind that now belongs to another name)
            seen = name_table[name, LAST]
            if row_tokens <= seen < tokens and token_table[seen, 0] == name:
                token_table[seen, 1] = value
            else:
                if tokens == len(token_table):
                    full = TOKENS
                    break
                token_table[tokens, 0] = name
                token_table[tokens, 1] = value
                name_table[name, LAST] = tokens
                row_shape += _U(name_table[name, 2])
                tokens += 1

        if full != 0:
            tokens = row_tokens
            break
        if reason == _FINE and at != end:
            reason = _TRAILING
        if reason != _FINE:
            tokens = row_tokens
            bad[bads, 0] = number
            bad[bads, 1] = reason
            bad[bads, 2] = at - offsets[number]
            bads += 1
            number += 1
            continue
        row_table[rows, 0] = number
        row_table[rows, 1] = begin
        row_table[rows, 2] = end - begin
        row_table[rows, 3] = tokens
        prints[rows, 0] = print0
        prints[rows, 1] = print1
        prints[rows, 2] = row_shape
        rows += 1
        number += 1

    progress[TOKENS], progress[VALUES], progress[SPELLED], progress[PATHS] = tokens, values, spelled, paths
    progress[NAMES], progress[NAME_BYTES] = names, name_top
    progress[RECORD], progress[ROWS], progress[BAD], progress[ARENA] = number, rows, bads, top
    return full


@kernel
def gathered(values: Any, arena: Any, value_table: Any) -> Any:
    """The texts of `values`, one behind the other: their offsets and their bytes."""
    count = len(values)
    size = np.int64(0)
    for i in range(count):
        size += value_table[values[i], 1]
    offsets = np.empty(count + 1, np.int32)
    text = np.empty(size + PADDING, np.uint8)
    to = np.int64(0)
    for i in range(count):
        offsets[i] = to
        value = values[i]
        _copy(arena, value_table[value, 0], value_table[value, 1], text, to)
        to += value_table[value, 1]
    offsets[count] = to
    return offsets, text


@kernel
def _numbered(values: Any, scratch: Any, stamp: Any, distinct: Any, found: Any) -> Any:
    """Value ids become numbers in the order of their appearance, -1 stays; the ids go to distinct[found:].

    Returns where `distinct` ends now.
    """
    first = found
    for place in range(len(values)):
        value = values[place]
        if value < 0:
            continue
        held = scratch[value]
        if held >= stamp:
            values[place] = held - stamp
            continue
        scratch[value] = stamp + found - first
        values[place] = found - first
        distinct[found] = value
        found += 1
    return found


@kernel
def group_columns(
    rows: Any,
    row_ptr: Any,
    token_table: Any,
    name_scratch: Any,
    value_scratch: Any,
    stamps: Any,
) -> Any:
    """The columns of chosen rows: tokens sorted by name, values numbered within each name.

    The cost follows the tokens of these rows. The scratch arrays (one word per name, one per value, and `stamps`: the
    last stamp given to either) are kept between calls so that nothing need be cleared; one call at a time may use them.

    Returns:
        names int32[k] in the order of their first token, entry_ptr int64[k + 1] (tokens of each), entry_row int32[t]
        (index into `rows`), entry_code int32[t] (index within the column's values), value_ptr int64[k + 1], distinct
        int32[..] (the value ids of all columns, one column after the other; `gathered` makes texts of them), codes
        int32[k, rows] with -1 for "no value". Either the entries are empty, or the codes, when these would be much
        larger than the tokens.
    """
    count = len(rows)
    tokens = np.int64(0)
    for i in range(count):
        tokens += row_ptr[rows[i] + 1] - row_ptr[rows[i]]

    stamp = (stamps[0] + 1) << 32
    stamps[0] += 1
    most: Any = min(tokens, len(name_scratch))
    names = np.empty(most, np.int32)
    filled = np.empty(most, np.int64)
    width = 0
    for i in range(count):
        for token in range(row_ptr[rows[i]], row_ptr[rows[i] + 1]):
            name = token_table[token, 0]
            held = name_scratch[name]
            if held >= stamp:
                filled[held - stamp] += 1
                continue
            name_scratch[name] = stamp + width
            names[width] = name
            filled[width] = 1
            width += 1

    entry_ptr = np.zeros(width + 1, np.int64)
    for k in range(width):
        entry_ptr[k + 1] = entry_ptr[k] + filled[k]
    dense = width * count <= 4 * tokens + 4096
    listed = 0 if dense else tokens
    entry_row = np.empty(listed, np.int32)
    entry_code = np.empty(listed, np.int32)
    codes = np.full((width, count) if dense else (0, 0), -1, np.int32)
    for k in range(width):
        filled[k] = entry_ptr[k]
    for i in range(count):
        for token in range(row_ptr[rows[i]], row_ptr[rows[i] + 1]):
            k = name_scratch[token_table[token, 0]] - stamp
            if dense:
                codes[k, i] = token_table[token, 1]
            else:
                place = filled[k]
                entry_row[place] = i
                entry_code[place] = token_table[token, 1]
                filled[k] = place + 1

    value_ptr = np.zeros(width + 1, np.int64)
    distinct = np.empty(tokens, np.int32)
    found = np.int64(0)
    for k in range(width):
        stamps[1] += 1
        column = codes[k] if dense else entry_code[entry_ptr[k] : entry_ptr[k + 1]]
        found = _numbered(column, value_scratch, stamps[1] << 32, distinct, found)
        value_ptr[k + 1] = found
    return names[:width], entry_ptr, entry_row, entry_code, value_ptr, distinct[:found].copy(), codes
