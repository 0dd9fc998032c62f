"""Texts as addresses of networks, each read once. Kernels of `matcher.py`.

    2001:db8::1%eth0   ->   version 6, two words 0x20010db800000000 0x1        found in every network with
    ::ffff:192.0.2.1   ->   version 4, 0, 0xc0000201                           first <= address <= last

What counts as an address is what `comparison.packed` says: inet_pton (RFC 4291 2.2, no octet with a zero in front), a
zone behind `%` is ignored, an IPv4 address in IPv6 clothes is the IPv4 address it is.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from watchfloor.words import Bytes, Hashes, Int32s, Int64s, kernel

U = np.uint64
NONE = U(0), U(0), 0


@kernel
def _four(data: Any, at: Any, stop: Any) -> Any:
    """A dotted IPv4 address as a number; -1: it is none."""
    address = np.int64(0)
    octet = np.int64(0)
    octets = digits = 0
    while at < stop:
        byte = np.int64(data[at])
        at += 1
        if 48 <= byte <= 57:
            if digits > 0 and octet == 0:
                return np.int64(-1)
            octet = octet * 10 + byte - 48
            if octet > 255:
                return np.int64(-1)
            digits += 1
        elif byte == 46 and digits > 0 and octets < 3:
            address = address * 256 + octet
            octets += 1
            octet = np.int64(0)
            digits = 0
        else:
            return np.int64(-1)
    return address * 256 + octet if octets == 3 and digits > 0 else np.int64(-1)


@kernel
def _nibble(byte: Any) -> Any:
    if 48 <= byte <= 57:
        return byte - 48
    byte |= 32
    return byte - 87 if 97 <= byte <= 102 else np.int64(-1)


@kernel
def address(data: Any, at: Any, stop: Any) -> Any:
    """(high word, low word, 4 or 6) of data[at:stop]; version 0: it is no address."""
    colon = False
    zone = stop
    for i in range(stop - 1, at - 1, -1):
        colon |= data[i] == 58
        if data[i] == 37:
            zone = i
    if not colon:
        number = _four(data, at, stop)
        return (U(0), U(number), 4) if number >= 0 else NONE
    stop = zone
    high = low = U(0)  # groups are shifted in from the right
    tail_high = tail_low = U(0)  # those behind `::`
    groups = behind = digits = 0
    gap = False
    group = np.int64(0)
    if at < stop and data[at] == 58:
        at += 1
        if at >= stop or data[at] != 58:
            return NONE
    begin = at
    while at < stop:
        byte = np.int64(data[at])
        at += 1
        nibble = _nibble(byte)
        if nibble >= 0:
            if digits == 4:
                return NONE
            group = group * 16 + nibble
            digits += 1
            continue
        if byte == 46:
            four = _four(data, begin, stop)
            if four < 0 or groups + behind > 6:
                return NONE
            if gap:
                tail_high = (tail_high << U(32)) | (tail_low >> U(32))
                tail_low = (tail_low << U(32)) | U(four)
                behind += 2
            else:
                high = (high << U(32)) | (low >> U(32))
                low = (low << U(32)) | U(four)
                groups += 2
            digits = 0
            break
        if byte != 58:
            return NONE
        begin = at
        if digits == 0:
            if gap:
                return NONE
            gap = True
            continue
        if at == stop or groups + behind == 8:
            return NONE
        if gap:
            tail_high = (tail_high << U(16)) | (tail_low >> U(48))
            tail_low = (tail_low << U(16)) | U(group)
            behind += 1
        else:
            high = (high << U(16)) | (low >> U(48))
            low = (low << U(16)) | U(group)
            groups += 1
        group = np.int64(0)
        digits = 0
    if digits > 0:
        if groups + behind == 8:
            return NONE
        if gap:
            tail_high = (tail_high << U(16)) | (tail_low >> U(48))
            tail_low = (tail_low << U(16)) | U(group)
            behind += 1
        else:
            high = (high << U(16)) | (low >> U(48))
            low = (low << U(16)) | U(group)
            groups += 1
    if gap == (groups + behind == 8):
        return NONE
    for _ in range(8 - groups if gap else 0):
        high = (high << U(16)) | (low >> U(48))
        low <<= U(16)
    high |= tail_high
    low |= tail_low
    if high == U(0) and low >> U(32) == U(0xFFFF):
        return U(0), low & U(0xFFFFFFFF), 4
    return high, low, 6


@kernel
def inside(
    data: Bytes, starts: Int64s, stops: Int64s, begin: int, networks: Hashes, versions: Int32s,
    out_text: Int32s, out_network: Int32s,
) -> tuple[int, int]:  # fmt: skip
    """Pairs (text, network) where text is an address of the network, from text `begin` on.

    networks[4 * n : 4 * n + 4]: first address (high, low), last address. Stops early when `out` could
    overflow; returns the next text and the number of pairs.
    """
    pairs = 0
    for i in range(begin, len(starts)):
        if pairs + len(versions) > len(out_text):
            return i, pairs
        high, low, version = address(data, starts[i], stops[i])
        if version == 0:
            continue
        for n in range(len(versions)):
            if versions[n] != version:
                continue
            first_high, first_low = networks[4 * n], networks[4 * n + 1]
            last_high, last_low = networks[4 * n + 2], networks[4 * n + 3]
            if (first_high < high or (first_high == high and first_low <= low)) and (
                high < last_high or (high == last_high and low <= last_low)
            ):
                out_text[pairs] = i
                out_network[pairs] = n
                pairs += 1
    return len(starts), pairs
