"""Rows of tables to JSON objects, and text to rows, without one Python object per row or cell.

A table says the names once and then only cells; the tokeniser wants NDJSON. So each row is walked once, byte by byte,
and written out as the object it stands for: the name of a column comes ready-made (`,"name":`), its cell is copied
between quotes and escaped on the way. One reader then serves all formats, and what it refuses is refused here too.

    payload   7;"b;""c";x\\r\\n            one row, cut by `csv_ends` (a line end inside quotes is none)
    names     {"id":  ,"note":  ,"by":    `names[name_starts[k] : name_starts[k + 1]]`
    out       {"id":"7","note":"b;\\"c","by":"x"}\\n        out_offsets[i + 1] stands behind it

A row that is none (too many cells, a line end where none may be) leaves nothing in `out` and a number in `status`.
Bytes that are no UTF-8 are read as Latin-1: the whole row in CSV, the single cell in Zeek's logs.

Nothing is read outside data[0:len(data)], whatever the bytes say. A row is begun only if the longest JSON it can become
fits into the rest of `out`: six bytes for one (`\\u001f`), the names, `SPARE` for each cell. Callers go on with a
larger `out` where a call stopped early.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from watchfloor.words import Bytes, Int64s, kernel, load, store, zeros

__all__ = [
    "ARRAY", "BOOL", "ENDS", "FINE", "LINE_END", "NUMBER", "OPEN", "STRING", "WIDTH",
    "Objects", "csv_ends", "csv_rows", "gather", "objects", "zeek_rows",
]  # fmt: skip

Int8s = npt.NDArray[np.int8]

FINE, WIDTH, LINE_END = 0, 1, 2
"""What became of a row: an object; not as many cells as names; a line end inside an unquoted cell."""

ENDS, OPEN = 0, 1
"""What became of a record of a table: it ends; its quote never closes, so that it is one line only."""

STRING, NUMBER, BOOL, ARRAY = 0, 1, 2, 4
"""How a Zeek column is written; ARRAY is added to the kind of its elements."""

SPARE = 24
"""Bytes a cell may need beside its own: quotes, comma, brackets, `null`, the encoding's note."""

ROOM = 1 << 16
"""Bytes written at a time: what stays in the processor's cache, and what the allocator need not ask the system for."""

QUOTE, BACKSLASH, NEWLINE, RETURN, SPACE, COMMA, MINUS, PLUS, POINT, ZERO, NINE = b'"\\\n\r ,-+.09'
MIXED, NULL, TRUE, FALSE = (
    np.frombuffer(word, np.uint8) for word in (b',"_encoding":"latin-1"', b"null", b"true", b"false")
)
ONES, HIGHS, SPACES, QUOTES, BACKSLASHES = (
    np.uint64(byte * 0x0101010101010101) for byte in (1, 0x80, SPACE, QUOTE, BACKSLASH)
)
HEX = np.frombuffer(b"0123456789abcdef", np.uint8)
SAFE = np.array([32 <= byte < 128 and byte not in (QUOTE, BACKSLASH) for byte in range(256)], np.bool_)
SHORT = np.zeros(32, np.uint8)
SHORT[[8, 9, 10, 12, 13]] = np.frombuffer(b"btnfr", np.uint8)


class Objects(NamedTuple):
    """What rows became.

    Args:
        ndjson: the objects.
        offsets: int64[rows + 1]; object i is ndjson[offsets[i]:offsets[i + 1]], empty for a row that is none.
        status, cells: per row FINE, WIDTH or LINE_END, and how many cells it has.
    """

    ndjson: bytes
    offsets: Int64s
    status: Int8s
    cells: Int64s


def objects(
    offsets: Int64s, most: int, columns: int, write: Callable[[int, Bytes, Int64s, Int8s, Int64s], tuple[int, int]]
) -> Objects:
    """Run one of the kernels over all rows, with as much room as it turns out to need.

    Args:
        offsets: of the rows.
        most: bytes that names and whatever else is not in the row add to it.
        columns: how many names.
        write: `csv_rows` or `zeek_rows` as a function of (first row, out, out_offsets, status, cells).
    """
    rows = len(offsets) - 1
    made = np.zeros(rows + 1, np.int64)
    status, cells = np.zeros(rows, np.int8), np.zeros(rows, np.int64)
    parts: list[bytes] = []
    first = base = 0
    out = np.empty(ROOM, np.uint8)
    while first < rows:
        need = 6 * int(offsets[first + 1] - offsets[first]) + most + SPARE * (columns + 2)
        if need > len(out):
            out = np.empty(need, np.uint8)
        made[first] = 0
        following, size = write(first, out, made, status, cells)
        parts.append(out[:size].tobytes())
        made[first : following + 1] += base
        base += size
        first = following
    made[rows] = base
    return Objects(b"".join(parts), made, status, cells)


# -- text -------------------------------------------------------------------------------------------------------------


@kernel
def _utf8(data: Bytes, at: int, stop: int) -> bool:
    """Is data[at:stop] UTF-8 (RFC 3629: no surrogates, shortest form, up to U+10FFFF)?"""
    while at < stop:
        first = data[at]
        at += 1
        if first < 0x80:
            continue
        if first < 0xC2 or first > 0xF4:
            return False
        more = 1 if first < 0xE0 else (2 if first < 0xF0 else 3)
        if at + more > stop:
            return False
        low, high = 0x80, 0xBF
        if first == 0xE0:
            low = 0xA0
        elif first == 0xED:
            high = 0x9F
        elif first == 0xF0:
            low = 0x90
        elif first == 0xF4:
            high = 0x8F
        if data[at] < low or data[at] > high:
            return False
        for k in range(1, more):
            if data[at + k] & 0xC0 != 0x80:
                return False
        at += more
    return True


@kernel
def _put(byte: Any, latin: Any, out: Bytes, at: int) -> int:
    """Write one byte of a string as JSON has it; `latin`: it is the character of that number."""
    if byte >= 0x20:
        if byte in (QUOTE, BACKSLASH):
            out[at] = BACKSLASH
            out[at + 1] = byte
            return at + 2
        if latin and byte >= 0x80:
            out[at] = 0xC0 | (byte >> 6)
            out[at + 1] = 0x80 | (byte & 0x3F)
            return at + 2
        out[at] = byte
        return at + 1
    out[at] = BACKSLASH
    if SHORT[byte]:
        out[at + 1] = SHORT[byte]
        return at + 2
    out[at + 1] = 117  # u
    out[at + 2] = 48
    out[at + 3] = 48
    out[at + 4] = HEX[byte >> 4]
    out[at + 5] = HEX[byte & 15]
    return at + 6


@kernel
def _marks(word: Any, comma: Any, latin: Any) -> Any:
    """The high bit of each byte of a word that cannot be copied as it is; the lowest one set is exact."""
    quote, slash, between = word ^ QUOTES, word ^ BACKSLASHES, word ^ comma
    found = (word - SPACES) & ~word
    found |= (quote - ONES) & ~quote
    found |= (slash - ONES) & ~slash
    found |= (between - ONES) & ~between
    if latin:
        found |= word
    return found & HIGHS


@kernel
def _copy(data: Bytes, at: int, stop: int, out: Bytes, to: int) -> int:
    """Copy data[at:stop] to out[to:]; returns where it ends there."""
    while at + 8 <= stop:
        store(out, to, load(data, at))
        at += 8
        to += 8
    while at < stop:
        out[to] = data[at]
        at += 1
        to += 1
    return to


@kernel
def _is(data: Bytes, at: int, stop: int, what: Bytes) -> bool:
    """Does data[at:stop] begin with `what`?"""
    if stop - at < len(what):
        return False
    same = 0
    while same < len(what) and data[at + same] == what[same]:
        same += 1
    return same == len(what)


@kernel
def _find(data: Bytes, at: int, stop: int, what: Bytes) -> int:
    """Where `what` begins in data[at:stop]; `stop` where it does not."""
    first = what[0]
    firsts = ONES * np.uint64(first)
    while at < stop:
        while at + 8 <= stop:
            word = load(data, at) ^ firsts
            marks = (word - ONES) & ~word & HIGHS
            if marks:
                at += zeros(marks) >> 3
                break
            at += 8
        if at < stop and data[at] == first and (len(what) == 1 or _is(data, at, stop, what)):
            return at
        at += 1
    return stop


# -- CSV --------------------------------------------------------------------------------------------------------------


@kernel
def csv_ends(
    data: Bytes, at: int, ended: bool, delimiter: Bytes, most: int, starts: Int64s, ends: Int64s, states: Int8s
) -> tuple[int, int]:
    """Cut data[at:] into records, blank ones left out.

    A record ends at a line end outside quotes. A quote counts where a cell begins with it; one that does not close
    within `most` bytes is a stray one and costs its own line (OPEN).

    Args:
        ended: nothing follows `data`; otherwise an unfinished record waits for more.
        starts, ends, states: written, one entry a record; the call returns when they are full.

    Returns:
        (records, where to go on).
    """
    count = 0
    size = len(data)
    while at < size and count < len(starts):
        blank, quoted = True, False
        stop = at
        while stop < size:
            byte = data[stop]
            stop += 1
            if byte == NEWLINE:
                break
            quoted |= byte == QUOTE
            blank &= byte == SPACE or (9 <= byte <= RETURN)
        line = data[stop - 1] == NEWLINE
        state = ENDS
        if not quoted:
            if not line and not ended:
                return count, at
        else:
            limit = min(size, at + most)
            end = _record(data, at, limit, delimiter)
            if end > 0 and (end < limit or data[end - 1] == NEWLINE):
                stop = end
            elif not ended and size - at <= most:
                return count, at  # it may still close
            elif line and stop - at > most:
                state = ENDS
            elif not line and not ended:
                return count, at
            elif end > 0 and ended and end == size:
                stop = end
            else:
                state = OPEN
        if not blank:
            starts[count] = at
            ends[count] = stop
            states[count] = state
            count += 1
        at = stop
    return count, at


@kernel
def gather(data: Bytes, starts: Int64s, ends: Int64s, out: Bytes) -> None:
    """Copy data[starts[i]:ends[i]] for every i, one behind the other; `out` has room for all."""
    at = 0
    for i in range(len(starts)):
        at = _copy(data, starts[i], ends[i], out, at)


@kernel
def _record(data: Bytes, at: int, limit: int, delimiter: Bytes) -> int:
    """Where the record at `at` ends, its line end included; `limit` where it is still open, 0 for a stray quote."""
    while True:
        if at < limit and data[at] == QUOTE:
            at += 1
            while True:
                while at < limit and data[at] != QUOTE:
                    at += 1
                if at + 1 < limit and data[at + 1] == QUOTE:
                    at += 2
                    continue
                break
            if at >= limit:
                return 0
            at += 1
        while at < limit and data[at] != NEWLINE and not _is(data, at, limit, delimiter):
            at += 1
        if at >= limit:
            return limit
        if data[at] == NEWLINE:
            return at + 1
        at += len(delimiter)


@kernel
def csv_rows(
    data: Bytes,
    offsets: Int64s,
    first: int,
    delimiter: Bytes,
    latin_delimiter: Bytes,
    names: Bytes,
    name_starts: Int64s,
    out: Bytes,
    out_offsets: Int64s,
    status: Int8s,
    cells: Int64s,
) -> tuple[int, int]:
    """Write rows `first` and following as JSON objects; as Python's `csv` reads them (dialect `excel`, not strict).

    Args:
        delimiter, latin_delimiter: between cells, in a row of UTF-8 and in one of Latin-1.
        names: per column what stands before its value, its comma and colon included.
        out_offsets: entry i + 1 is written for row i; entry `first` is set.
        status, cells: per row what became of it, and how many cells it has.

    Returns:
        (next row, end of `out`): the next row is beyond the last one, or the first that does not fit into `out`.
    """
    width = len(name_starts) - 1
    at = out_offsets[first]
    for row in range(first, len(offsets) - 1):
        i, stop = offsets[row], offsets[row + 1]
        while stop > i and (data[stop - 1] == NEWLINE or data[stop - 1] == RETURN):
            stop -= 1
        if at + 6 * (stop - i) + len(names) + SPARE * (width + 2) > len(out):
            return row, at
        begin = at
        high = np.uint8(0)
        for k in range(i, stop):
            high |= data[k]
        latin = high >= 0x80 and not _utf8(data, i, stop)
        between = latin_delimiter if latin else delimiter
        simple = len(between) == 1
        comma = between[0]
        commas = ONES * np.uint64(comma)
        count = 0
        more = False  # is there text behind the last named cell?
        state = FINE
        going = i < stop
        while going:
            going = False
            named = count < width
            if named:
                at = _copy(names, name_starts[count], name_starts[count + 1], out, at)
                out[at] = QUOTE
                at += 1
            count += 1
            if i < stop and data[i] == QUOTE:
                i += 1
                while i < stop:
                    if data[i] == QUOTE:
                        if i + 1 >= stop or data[i + 1] != QUOTE:
                            i += 1
                            break
                        i += 1
                    if named:
                        at = _put(data[i], latin, out, at)
                    else:
                        more = True
                    i += 1
                    while named and i + 8 <= stop:
                        word = load(data, i)
                        marks = _marks(word, QUOTES, latin)
                        store(out, at, word)
                        plain = zeros(marks) >> 3 if marks else 8
                        i += plain
                        at += plain
                        if plain < 8:
                            break
            while i < stop:
                while named and i + 8 <= stop:
                    word = load(data, i)
                    marks = _marks(word, commas, latin)
                    store(out, at, word)
                    plain = zeros(marks) >> 3 if marks else 8
                    i += plain
                    at += plain
                    if plain < 8:
                        break
                if i >= stop:
                    break
                byte = data[i]
                if byte == comma and (simple or _is(data, i, stop, between)):
                    i += len(between)
                    going = True
                    break
                if byte in (NEWLINE, RETURN):
                    state = LINE_END
                    break
                if named:
                    at = _put(byte, latin, out, at)
                else:
                    more = True
                i += 1
            if named:
                out[at] = QUOTE
                at += 1
        cells[row] = count
        if state == FINE and (count < width or more):
            state = WIDTH
        status[row] = state
        if state != FINE:
            at = begin
        else:
            if latin:
                at = _copy(MIXED, 0, len(MIXED), out, at)
            out[at] = 125  # }
            out[at + 1] = NEWLINE
            at += 2
        out_offsets[row + 1] = at
    return len(offsets) - 1, at


# -- Zeek -------------------------------------------------------------------------------------------------------------


@kernel
def zeek_rows(
    data: Bytes,
    offsets: Int64s,
    first: int,
    separator: Bytes,
    set_separator: Bytes,
    empty: Bytes,
    unset: Bytes,
    kinds: Int8s,
    head: Bytes,
    names: Bytes,
    name_starts: Int64s,
    scratch: Bytes,
    out: Bytes,
    out_offsets: Int64s,
    status: Int8s,
    cells: Int64s,
) -> tuple[int, int]:
    """As `csv_rows`, for Zeek's logs.

    Args:
        separator, set_separator, empty, unset: as the header says.
        kinds: per column STRING, NUMBER or BOOL, with ARRAY added for sets and vectors.
        head: what every object begins with, a member and its comma included or not.
        names: per column its name and colon.
        scratch: room for the longest row.
    """
    width = len(kinds)
    simple = len(separator) == 1
    tab = separator[0]
    tabs = ONES * np.uint64(tab)
    at = out_offsets[first]
    for row in range(first, len(offsets) - 1):
        i, stop = offsets[row], offsets[row + 1]
        while stop > i and (data[stop - 1] == NEWLINE or data[stop - 1] == RETURN or data[stop - 1] == SPACE):
            stop -= 1
        if at + 6 * (stop - i) + len(head) + len(names) + SPARE * (width + 2) > len(out):
            return row, at
        begin = at
        at = _copy(head, 0, len(head), out, at)
        bare = len(head) == 1
        count = 0
        start = i
        while True:
            end: Any = np.int64(-1)
            if count < width:
                before = at
                if not bare:
                    out[at] = COMMA
                    at += 1
                at = _copy(names, name_starts[count], name_starts[count + 1], out, at)
                kind = kinds[count]
                if kind < ARRAY and simple:  # most cells need no more than to be copied
                    to = at
                    k = start
                    if kind == NUMBER:
                        k = _digits(data, start, stop)
                        to = _copy(data, start, k, out, at)
                    else:
                        out[at] = QUOTE
                        to += 1
                        while k + 8 <= stop:
                            word = load(data, k)
                            marks = _marks(word, tabs, True)
                            store(out, to, word)
                            plain = zeros(marks) >> 3 if marks else 8
                            k += plain
                            to += plain
                            if plain < 8:
                                break
                        while k < stop and data[k] != tab and SAFE[data[k]]:
                            out[to] = data[k]
                            k += 1
                            to += 1
                        out[to] = QUOTE
                        to += 1
                    size = k - start
                    if (
                        (k == stop or data[k] == tab)
                        and (kind == STRING or (kind == NUMBER and size > 0) or size > 1)
                        and not (size == len(unset) and _is(data, start, k, unset))
                        and not (size == len(empty) and _is(data, start, k, empty))
                    ):
                        end = k
                        at = to
                        bare = False
                if end < 0:
                    end = _find(data, start, stop, separator)
                    if end - start == len(unset) and _is(data, start, end, unset):
                        at = before
                    else:
                        bare = False
                        at = _zeek_cell(data, start, end, kind, set_separator, empty, unset, scratch, out, at)
            else:
                end = _find(data, start, stop, separator)
            count += 1
            if end >= stop:
                break
            start = end + len(separator)
        cells[row] = count
        if count != width:
            status[row] = WIDTH
            at = begin
        else:
            status[row] = FINE
            if not _utf8(data, i, stop):
                skipped = 1 if bare else 0
                at = _copy(MIXED, skipped, len(MIXED), out, at)
            out[at] = 125
            out[at + 1] = NEWLINE
            at += 2
        out_offsets[row + 1] = at
    return len(offsets) - 1, at


@kernel
def _zeek_cell(
    data: Bytes,
    start: int,
    end: int,
    kind: int,
    set_separator: Bytes,
    empty: Bytes,
    unset: Bytes,
    scratch: Bytes,
    out: Bytes,
    at: int,
) -> int:
    blank = end - start == len(empty) and _is(data, start, end, empty)
    if kind < ARRAY:
        if blank:
            out[at] = QUOTE
            out[at + 1] = QUOTE
            return at + 2
        return _zeek_value(data, start, end, kind, scratch, out, at)
    out[at] = 91  # [
    at += 1
    if not blank:
        while True:
            stop = _find(data, start, end, set_separator)
            if stop - start == len(unset) and _is(data, start, stop, unset):
                at = _copy(NULL, 0, 4, out, at)
            else:
                at = _zeek_value(data, start, stop, kind - ARRAY, scratch, out, at)
            if stop >= end:
                break
            out[at] = COMMA
            at += 1
            start = stop + len(set_separator)
    out[at] = 93
    return at + 1


@kernel
def _zeek_value(data: Bytes, start: int, end: int, kind: int, scratch: Bytes, out: Bytes, at: int) -> int:
    """One value: digits as they are, T and F as booleans, everything else as text without Zeek's escapes."""
    if kind == NUMBER and end > start and _digits(data, start, end) == end:
        return _copy(data, start, end, out, at)
    if kind == BOOL and end - start == 1 and (data[start] == 84 or data[start] == 70):
        if data[start] == 84:
            return _copy(TRUE, 0, 4, out, at)
        return _copy(FALSE, 0, 5, out, at)
    out[at] = QUOTE
    at += 1
    begin, k = at, start
    while k + 8 <= end:  # most texts need no more than to be copied
        word = load(data, k)
        if _marks(word, BACKSLASHES, True):
            break
        store(out, at, word)
        k += 8
        at += 8
    while k < end and SAFE[data[k]]:
        out[at] = data[k]
        k += 1
        at += 1
    if k < end:
        at = begin
        size = 0
        high = np.uint8(0)
        k = start
        while k < end:
            byte = data[k]
            k += 1
            if kind == STRING and byte == BACKSLASH and k < end:
                if data[k] == BACKSLASH:
                    k += 1
                elif data[k] == 120 and k + 2 < end and _digit(data[k + 1]) < 16 and _digit(data[k + 2]) < 16:
                    byte = np.uint8(_digit(data[k + 1]) * 16 + _digit(data[k + 2]))
                    k += 3
            high |= byte
            scratch[size] = byte
            size += 1
        latin = high >= 0x80 and not _utf8(scratch, 0, size)
        for k in range(size):
            at = _put(scratch[k], latin, out, at)
    out[at] = QUOTE
    return at + 1


@kernel
def _digit(byte: int) -> int:
    """What a hexadecimal digit is worth; 16 when it is none."""
    if 48 <= byte <= 57:
        return byte - 48
    if 97 <= byte <= 102:
        return byte - 87
    if 65 <= byte <= 70:
        return byte - 55
    return 16


@kernel
def _digits(data: Bytes, at: int, stop: int) -> int:
    """Where the number at `at` ends, as JSON writes numbers; `at` where there is none."""
    begin = at
    if at < stop and data[at] == MINUS:
        at += 1
    if at >= stop or not ZERO <= data[at] <= NINE:
        return begin
    at = at + 1 if data[at] == ZERO else _run(data, at, stop)
    if at + 1 < stop and data[at] == POINT and ZERO <= data[at + 1] <= NINE:
        at = _run(data, at + 1, stop)
    if at < stop and (data[at] == 101 or data[at] == 69):
        power = at + 1
        if power < stop and (data[power] == PLUS or data[power] == MINUS):
            power += 1
        if power < stop and ZERO <= data[power] <= NINE:
            at = _run(data, power, stop)
    return at


@kernel
def _run(data: Bytes, at: int, stop: int) -> int:
    while at < stop and ZERO <= data[at] <= NINE:
        at += 1
    return at
