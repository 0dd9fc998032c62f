"""Kernels of `exact.py` and `networks.py`: is this value known, and where does it stand?

    value -> keyed hash -> Bloom filter (one word)  -> bucket by the hash's first bits -> its records, bytes compared
    a.b.example.com        no: done, nine times out of ten       [length 1-2][claims 4][bytes] [length]...
      b.example.com        each parent too
        example.com

A record's place is what the value is known by from then on. Who does not know the key cannot make values that crowd one
bucket; equality is decided by the bytes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from watchfloor.detect.addresses import address
from watchfloor.words import Bytes, Hashes, Int32s, Int64s, hashed, kernel, same

U = np.uint64

WHOLE, PARENTS, LESS = 0, 1, 2
"""What of a value is looked for: all of it; also what is behind each dot, two labels at least, or behind : and /"""

LINE = 512


@kernel
def hashes(data: Bytes, starts: Int64s, stops: Int64s, k0: Any, k1: Any, out: Hashes) -> None:
    """Hash of each text."""
    for i in range(len(starts)):
        out[i] = hashed(data, starts[i], stops[i] - starts[i], k0, k1)


@kernel
def group(data: Bytes, starts: Int64s, stops: Int64s, order: Int64s, hash_of: Hashes, out: Int32s) -> int:
    """Number the distinct texts, in the order of their hashes; returns how many there are."""
    count = 0
    begin = 0
    for i in range(len(order)):
        one = order[i]
        if i == 0 or hash_of[one] != hash_of[order[i - 1]]:
            begin = i
        length = stops[one] - starts[one]
        found = np.int32(-1)
        for j in range(begin, i):  # of the same hash: equal ones, but for one chance in 2**64
            other = order[j]
            if stops[other] - starts[other] == length and same(data, starts[one], data, starts[other], length):
                found = out[other]
                break
        if found < 0:
            found = np.int32(count)
            count += 1
        out[one] = found
    return count


@kernel
def _bits(h: Any) -> Any:
    """Four of the bits of a word."""
    return (U(1) << (h & U(63))) | (U(1) << ((h >> U(6)) & U(63))) | (U(1) << ((h >> U(12)) & U(63))) | (
        U(1) << ((h >> U(18)) & U(63))
    )  # fmt: skip


@kernel
def lay_out(
    data: Bytes, starts: Int64s, stops: Int64s, order: Int64s, hash_of: Hashes, claims: Any, shift: Any,
    bloom: Hashes, directory: Any, records: Bytes,
) -> None:  # fmt: skip
    """Write the records of texts, in the order of their hashes (`order`)."""
    to = np.int64(0)
    bucket = np.int64(0)
    mask = U(len(bloom) - 1)
    for i in order:
        h = hash_of[i]
        mine = np.int64(h >> shift)
        while bucket <= mine:
            directory[bucket] = to
            bucket += 1
        bloom[np.int64((h >> U(24)) & mask)] |= _bits(h)
        length = stops[i] - starts[i]
        if length < 128:
            records[to] = length
            to += 1
        else:
            records[to] = 128 | (length & 127)
            records[to + 1] = length >> 7
            to += 2
        claim = np.int64(claims[i])
        for j in range(4):
            records[to + j] = (claim >> (8 * j)) & 255
        to += 4
        for j in range(length):
            records[to + j] = data[starts[i] + j]
        to += length
    while bucket < len(directory):
        directory[bucket] = to
        bucket += 1


@kernel
def record(records: Any, at: Any) -> Any:
    """(length of the value, where it begins) of the record at a place; its claims stand in the four bytes before."""
    length = np.int64(records[at])
    if length < 128:
        return length, at + 5
    return (length & 127) | (np.int64(records[at + 1]) << 7), at + 6


@kernel
def _look(
    data: Any, at: Any, length: Any, k0: Any, k1: Any, shift: Any, bloom: Any, directory: Any, records: Any
) -> Any:
    """The place of data[at:at+length]; -1 where it is not known."""
    h = hashed(data, at, length, k0, k1)
    wanted = _bits(h)
    if bloom[np.int64((h >> U(24)) & U(len(bloom) - 1))] & wanted != wanted:
        return np.int64(-1)
    bucket = np.int64(h >> shift)
    place = np.int64(directory[bucket])
    end = np.int64(directory[bucket + 1])
    while place < end:
        size, begin = record(records, place)
        if size == length and same(records, begin, data, at, length):
            return place
        place = begin + size
    return np.int64(-1)


@kernel
def claims_at(records: Bytes, places: Int64s, out: Int64s) -> None:
    """The claims of the records at some places, as `claims.py` numbers them."""
    for i in range(len(places)):
        _, begin = record(records, places[i])
        claim = np.int64(0)
        for j in range(4):
            claim |= np.int64(records[begin - 4 + j]) << (8 * j)
        out[i] = claim


@kernel
def find(
    data: Bytes, starts: Int64s, stops: Int64s, begin: int, mode: int, k0: Any, k1: Any, shift: Any,
    bloom: Hashes, directory: Any, records: Bytes, out_text: Int32s, out_place: Int64s, out_near: Int32s,
) -> tuple[int, int]:  # fmt: skip
    """Texts that are known, from text `begin` on: which, at which place, and how much of the text was looked for.

    Stops early when `out` could overflow; returns the next text and how many were found.
    """
    found = 0
    for i in range(begin, len(starts)):
        at, stop = starts[i], stops[i]
        if at == stop:
            continue
        if found + LINE > len(out_text):
            return i, found
        place = _look(data, at, stop - at, k0, k1, shift, bloom, directory, records)
        if place >= 0:
            out_text[found] = i
            out_place[found] = place
            out_near[found] = stop - at
            found += 1
        if mode == WHOLE:
            continue
        last = stop
        if mode == PARENTS:
            last -= 1
            while last > at and data[last] != 46:
                last -= 1
        for j in range(at, last):
            byte = data[j]
            if byte == 46 if mode == PARENTS else (byte in (58, 47)):
                place = _look(data, j + 1, stop - j - 1, k0, k1, shift, bloom, directory, records)
                if place >= 0 and found < len(out_text):
                    out_text[found] = i
                    out_place[found] = place
                    out_near[found] = stop - j - 1
                    found += 1
    return len(starts), found


# -- addresses --------------------------------------------------------------------------------------------------------


@kernel
def read_networks(data: Bytes, starts: Int64s, stops: Int64s, out: Hashes, versions: Bytes) -> None:
    """Texts as networks: out[4i:4i+4] first address (high, low), last address; version 4, 6, or 0 where it is none."""
    for i in range(len(starts)):
        at, stop = starts[i], stops[i]
        while at < stop and data[at] <= 32:
            at += 1
        while at < stop and data[stop - 1] <= 32:
            stop -= 1
        versions[i] = 0
        cut = stop
        for j in range(at, stop):
            if data[j] == 47:
                cut = j
                break
        high, low, version = address(data, at, cut)
        if version == 0:
            continue
        width = 32 if version == 4 else 128
        prefix = np.int64(width)
        if cut < stop:
            if stop - cut > 4 or stop - cut < 2:
                continue
            prefix = np.int64(0)
            good = True
            for j in range(cut + 1, stop):
                good &= 48 <= data[j] <= 57
                prefix = prefix * 10 + np.int64(data[j]) - 48
            if version == 4:
                for j in range(at, cut):
                    if data[j] == 58:  # ::ffff:192.0.2.0/120
                        prefix -= 96
                        break
            if not good or prefix < 0 or prefix > width:
                continue
        free = width - prefix
        low_mask = U(0)
        high_mask = U(0)
        if free >= 64:
            low_mask = ~U(0)
            if free == 128:
                high_mask = ~U(0)
            elif free > 64:
                high_mask = (U(1) << U(free - 64)) - U(1)
        elif free > 0:
            low_mask = (U(1) << U(free)) - U(1)
        out[4 * i] = high & ~high_mask
        out[4 * i + 1] = low & ~low_mask
        out[4 * i + 2] = high | high_mask
        out[4 * i + 3] = low | low_mask
        versions[i] = version


@kernel
def nest(high: Hashes, low: Hashes, last_high: Hashes, last_low: Hashes, parents: Int32s) -> None:
    """Of networks in order (first address, then the wider one first): the narrowest that holds each; -1 for none."""
    for i in range(len(high)):
        above = i - 1
        while above >= 0 and (last_high[above] < high[i] or (last_high[above] == high[i] and last_low[above] < low[i])):
            above = parents[above]
        parents[i] = above


@kernel
def around(
    bounds: Hashes, versions: Bytes, begin: int, version: int, high: Hashes, low: Any, last_high: Hashes,
    last_low: Any, parents: Int32s, directory: Int32s, out_text: Int32s, out_row: Int64s,
) -> tuple[int, int]:  # fmt: skip
    """Pairs (i, network): bounds[4i:4i+4], as `read_networks` makes them, lie in it; the narrowest first. As `find`.

    Version 4 has no high words, and `directory[a]` is the first network that begins at a << 16 or behind.
    """
    found = 0
    for i in range(begin, len(versions)):
        if versions[i] != version:
            continue
        if found + LINE > len(out_text):
            return i, found
        word_high, word, end_high, end = bounds[4 * i], bounds[4 * i + 1], bounds[4 * i + 2], bounds[4 * i + 3]
        first = 0
        after = len(low)
        if version == 4:
            first = directory[np.int64(word >> U(16))]
            after = directory[np.int64(word >> U(16)) + 1]
        while first < after:  # the first network that begins behind the address
            middle = (first + after) // 2
            if version == 4:
                behind = U(low[middle]) > word
            else:
                behind = high[middle] > word_high or (high[middle] == word_high and low[middle] > word)
            if behind:
                after = middle
            else:
                first = middle + 1
        row = first - 1
        while row >= 0:
            if version == 4:
                inside = U(last_low[row]) >= end
            else:
                inside = last_high[row] > end_high or (last_high[row] == end_high and last_low[row] >= end)
            if inside:
                out_text[found] = i
                out_row[found] = row
                found += 1
            row = parents[row]
    return len(versions), found
