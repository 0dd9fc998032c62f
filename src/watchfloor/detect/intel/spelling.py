"""Values in their one spelling, so that equal things are equal bytes. Kernels, and what they leave to Python.

    Update.Example.COM.          -> update.example.com        domain: lower case, IDNA, no dot at the end
    HTTPS://Example.com:443/%7ea -> https://example.com/~a    url: RFC 3986, section 6.2.2 and 6.2.3
    44D88612FEA8A8F3...          -> 16, 20 or 32 bytes        hash
    ab-12 cde                    -> AB12CDE                   plate, drone
    42 : 0001234                 -> 42:1234                   badge

A text the kernels do not write themselves (other letters than ASCII, `hxxp`, `[.]`, dots in a path) is ODD: Python
turns it into one they do, once per distinct value. What is no value of the kind is NONE, and nothing equals it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from email.utils import parseaddr
from typing import Any, NamedTuple
from urllib.parse import quote

import numpy as np

from watchfloor.detect.texts import Texts
from watchfloor.words import Bytes, Int64s, kernel

__all__ = ["NONE", "SPELT", "Spelt", "shown", "spelt"]

FINE, ODD, NONE = 0, 1, 2

DOMAIN, URL, HASH, EMAIL, AGENT, JA3, JA4, CVE, PLATE, BADGE, PERSON = range(11)
SPELT: Mapping[str, int] = {
    "domain": DOMAIN, "url": URL, "hash": HASH, "email": EMAIL, "user_agent": AGENT, "ja3": JA3, "ja4": JA4,
    "cve": CVE, "plate": PLATE, "badge": BADGE, "person": PERSON, "drone": PLATE,
}  # fmt: skip
"""Kinds that have a spelling -> which one. Addresses are numbers (`networks.py`)."""

LONGEST = 16_000
"""Bytes of a value at most; what is longer is no value."""

DOT, COLON, SLASH, DASH, SCORE = 46, 58, 47, 45, 95


class Spelt(NamedTuple):
    """Text i is data[starts[i]:stops[i]], or no value of the kind: then it is empty and state[i] is NONE."""

    data: Bytes
    starts: Int64s
    stops: Int64s
    state: Bytes


@kernel
def _is_letter(byte: Any) -> Any:
    return 97 <= (byte | 32) <= 122


@kernel
def _is_digit(byte: Any) -> Any:
    return 48 <= byte <= 57


@kernel
def _low(byte: Any) -> Any:
    return byte | 32 if 65 <= byte <= 90 else byte


@kernel
def _nibble(byte: Any) -> Any:
    if 48 <= byte <= 57:
        return np.int64(byte) - 48
    byte |= 32
    return np.int64(byte) - 87 if 97 <= byte <= 102 else np.int64(-1)


@kernel
def _host(data: Any, at: Any, stop: Any, out: Any, to: Any, single: Any) -> Any:
    """Write a host name; (state, where it ends). `single`: one label is enough."""
    if stop > at and data[stop - 1] == DOT:
        stop -= 1
    if stop - at > 253:
        return NONE, to
    begin = to
    label = to
    dots = 0
    letters = False
    for i in range(at, stop):
        byte = _low(data[i])
        if byte == DOT:
            if to == label or to - label > 63:
                return NONE, begin
            dots += 1
            letters = False
            out[to] = byte
            to += 1
            label = to
            continue
        if byte >= 128 or byte in (91, 40):
            return ODD, begin
        if not (_is_letter(byte) or _is_digit(byte) or byte in (DASH, SCORE)):
            return NONE, begin
        letters |= not _is_digit(byte)
        out[to] = byte
        to += 1
    if to == label or to - label > 63 or not letters or (dots == 0 and not single):
        return NONE, begin
    return FINE, to


@kernel
def _domain(data: Any, at: Any, stop: Any, out: Any, to: Any) -> Any:
    if stop - at > 1 and data[at] == 42 and data[at + 1] == DOT:
        at += 2
    elif stop > at and data[at] == DOT:
        at += 1
    return _host(data, at, stop, out, to, False)


@kernel
def _unreserved(byte: Any) -> Any:
    return _is_letter(byte) or _is_digit(byte) or byte in (DASH, DOT, SCORE, 126)


@kernel
def _rest_of_url(data: Any, at: Any, stop: Any, out: Any, to: Any) -> Any:
    """Path and query: escapes in capitals, those that need none undone, the fragment gone."""
    begin = to
    path = True
    if at == stop or data[at] == 35 or data[at] == 63:
        out[to] = SLASH
        to += 1
    while at < stop and data[at] != 35:
        byte = data[at]
        if byte <= 32 or byte >= 127 or byte == 92:
            return ODD, begin
        if byte == 37:
            high = _nibble(data[at + 1]) if at + 2 < stop else np.int64(-1)
            low = _nibble(data[at + 2]) if at + 2 < stop else np.int64(-1)
            if high < 0 or low < 0:
                return ODD, begin
            meant = high * 16 + low
            at += 3
            if _unreserved(meant):
                if meant == DOT:
                    return ODD, begin
                out[to] = meant
                to += 1
                continue
            out[to] = 37
            out[to + 1] = 48 + high if high < 10 else 55 + high
            out[to + 2] = 48 + low if low < 10 else 55 + low
            to += 3
            continue
        if byte == 63:
            path = False
        if path and byte == DOT and data[at - 1] == SLASH:
            after = at + 1
            if after < stop and data[after] == DOT:
                after += 1
            if after == stop or data[after] == SLASH or data[after] == 63 or data[after] == 35:
                return ODD, begin
        out[to] = byte
        to += 1
        at += 1
    return FINE, to


@kernel
def _port_is_usual(out: Any, begin: Any, length: Any, port: Any) -> Any:
    """Whether the scheme out[begin:begin+length] means that port anyhow."""
    first = out[begin]
    if first == 104 and length == 4:
        return port == 80
    if first == 119 and length == 2:
        return port == 80
    if (first == 104 and length == 5) or (first == 119 and length == 3):
        return port == 443
    return first == 102 and length == 3 and port == 21


@kernel
def _url(data: Any, at: Any, stop: Any, out: Any, to: Any) -> Any:
    begin = to
    i = at
    while i < stop and data[i] != COLON:
        byte = data[i]
        if byte == 91 or byte >= 128:
            return ODD, begin
        if not (_is_letter(byte) or (i > at and (_is_digit(byte) or byte in (43, DASH, DOT)))):
            return NONE, begin
        out[to] = _low(byte)
        to += 1
        i += 1
    length = i - at
    if length == 0 or i + 3 > stop:
        return NONE, begin
    if data[i + 1] == 91 or data[i + 1] == 92:
        return ODD, begin
    if data[i + 1] != SLASH or data[i + 2] != SLASH:
        return NONE, begin
    if length > 2 and data[at + 1] | 32 == 120 and data[at + 2] | 32 == 120:  # hxxp
        return ODD, begin
    out[to] = COLON
    out[to + 1] = SLASH
    out[to + 2] = SLASH
    to += 3
    i += 3
    host = i
    while i < stop and data[i] != SLASH and data[i] != 63 and data[i] != 35:
        byte = data[i]
        if byte in (64, 37, 92) or byte >= 128 or (byte == 91 and i > host):
            return ODD, begin
        i += 1
    end = i
    port = np.int64(0)
    figures = end
    while figures > host and _is_digit(data[figures - 1]):
        figures -= 1
    named = end
    if figures > host and data[figures - 1] == COLON:
        named = figures - 1
        for j in range(figures, end):
            port = port * 10 + data[j] - 48
            if port > 65535:
                return NONE, begin
    if named > host and data[host] == 91:  # an IPv6 address, as it stands
        if data[named - 1] != 93:
            return NONE, begin
        for j in range(host, named):
            out[to] = _low(data[j])
            to += 1
    else:
        address = True
        for j in range(host, named):
            address &= _is_digit(data[j]) or data[j] == DOT
        if address:
            if named == host:
                return NONE, begin
            for j in range(host, named):
                out[to] = data[j]
                to += 1
        else:
            state, to = _host(data, host, named, out, to, True)
            if state != FINE:
                return state, begin
    if figures < end and port > 0 and not _port_is_usual(out, begin, length, port):
        out[to] = COLON
        to += 1
        while figures < end - 1 and data[figures] == 48:
            figures += 1
        for j in range(figures, end):
            out[to] = data[j]
            to += 1
    state, to = _rest_of_url(data, end, stop, out, to)
    return (FINE, to) if state == FINE else (state, begin)


@kernel
def _digest(data: Any, at: Any, stop: Any, out: Any, to: Any, only: Any) -> Any:
    length = stop - at
    if length != only if only else length not in (32, 40, 64):
        return NONE, to
    begin = to
    for i in range(at, stop, 2):
        high, low = _nibble(data[i]), _nibble(data[i + 1])
        if high < 0 or low < 0:
            return NONE, begin
        out[to] = high * 16 + low
        to += 1
    return FINE, to


@kernel
def _email(data: Any, at: Any, stop: Any, out: Any, to: Any) -> Any:
    begin = to
    sign = np.int64(-1)
    for i in range(at, stop):
        byte = data[i]
        if byte == 64:
            sign = np.int64(i)
        elif byte <= 32 or byte >= 128 or byte in (60, 91):
            return ODD, begin
    if sign <= at:
        return NONE, begin
    for i in range(at, sign + 1):
        out[to] = _low(data[i])
        to += 1
    state, to = _host(data, sign + 1, stop, out, to, True)
    return (FINE, to) if state == FINE else (state, begin)


@kernel
def _plate(data: Any, at: Any, stop: Any, out: Any, to: Any) -> Any:
    begin = to
    for i in range(at, stop):
        byte = data[i]
        if byte >= 128:
            return ODD, begin
        if _is_letter(byte):
            out[to] = byte & 223
            to += 1
        elif _is_digit(byte):
            out[to] = byte
            to += 1
    return (FINE, to) if to > begin else (NONE, begin)


@kernel
def _badge(data: Any, at: Any, stop: Any, out: Any, to: Any) -> Any:
    """[format/][facility:]number in capitals, each part without the zeros in front."""
    begin = to
    part = to
    leading = True
    for i in range(at, stop):
        byte = data[i]
        if byte >= 128:
            return NONE, begin
        if byte in (COLON, SLASH):
            if leading and to == part:
                if i == at:
                    return NONE, begin
                out[to] = 48
                to += 1
            out[to] = byte
            to += 1
            part = to
            leading = True
        elif _is_digit(byte) or _is_letter(byte):
            if leading and byte == 48:
                continue
            leading = False
            out[to] = byte & 223 if byte > 57 else byte
            to += 1
        elif byte not in (32, DASH, SCORE):
            return NONE, begin
    if to == part:
        if stop == at or data[stop - 1] != 48:
            return NONE, begin
        out[to] = 48
        to += 1
    return FINE, to


@kernel
def _cve(data: Any, at: Any, stop: Any, out: Any, to: Any) -> Any:
    if stop - at < 13 or stop - at > 24:
        return NONE, to
    begin = to
    for i in range(at, stop):
        place = i - at
        byte = data[i] & 223 if _is_letter(data[i]) else data[i]
        if place == 0:
            right = byte == 67
        elif place == 1:
            right = byte == 86
        elif place == 2:
            right = byte == 69
        elif place in (3, 8):
            right = byte == DASH
        else:
            right = _is_digit(byte)
        if not right:
            return NONE, begin
        out[to] = byte
        to += 1
    return FINE, to


@kernel
def _as_it_stands(data: Any, at: Any, stop: Any, out: Any, to: Any, lower: Any) -> Any:
    for i in range(at, stop):
        out[to] = _low(data[i]) if lower else data[i]
        to += 1
    return (FINE, to) if stop > at else (NONE, to)


@kernel
def spell(
    spelling: int, data: Bytes, starts: Int64s, stops: Int64s, out: Bytes, offsets: Int64s, states: Bytes
) -> None:
    """Every text in the spelling; text i is out[offsets[i]:offsets[i + 1]] then, empty unless states[i] is FINE.

    `out` has room for the texts and four bytes more for each.
    """
    to = np.int64(0)
    for i in range(len(starts)):
        offsets[i] = to
        at = starts[i]
        stop = stops[i]
        while at < stop and data[at] <= 32:
            at += 1
        while at < stop and data[stop - 1] <= 32:
            stop -= 1
        if stop - at > LONGEST:
            states[i] = NONE
            continue
        if spelling == DOMAIN:
            state, to = _domain(data, at, stop, out, to)
        elif spelling == URL:
            state, to = _url(data, at, stop, out, to)
        elif spelling == HASH:
            state, to = _digest(data, at, stop, out, to, 0)
        elif spelling == JA3:
            state, to = _digest(data, at, stop, out, to, 32)
        elif spelling == EMAIL:
            state, to = _email(data, at, stop, out, to)
        elif spelling == CVE:
            state, to = _cve(data, at, stop, out, to)
        elif spelling == PLATE:
            state, to = _plate(data, at, stop, out, to)
        elif spelling == BADGE:
            state, to = _badge(data, at, stop, out, to)
        else:
            state, to = _as_it_stands(data, at, stop, out, to, spelling == JA4)
        states[i] = state
    offsets[len(starts)] = to


def spelt(kind: str, texts: Texts) -> Spelt:
    """Texts in the spelling of their kind."""
    made = _spelt(SPELT[kind], texts)
    odd = np.flatnonzero(made.state == ODD)
    if len(odd) == 0:
        return made
    usual = USUAL.get(SPELT[kind])
    mended = [None if usual is None else usual(texts.text(number)) for number in odd.tolist()]
    made.state[odd] = NONE
    known = [(number, text) for number, text in zip(odd.tolist(), mended, strict=True) if text is not None]
    if not known:
        return made
    again = _spelt(SPELT[kind], Texts.of([text for _, text in known]))
    where = np.array([number for number, _ in known], np.int64)
    fine = again.state == FINE
    starts, stops, states = made.starts.copy(), made.stops.copy(), made.state
    shift = len(made.data)
    starts[where[fine]], stops[where[fine]] = again.starts[fine] + shift, again.stops[fine] + shift
    states[where[fine]] = FINE
    return Spelt(np.concatenate([made.data, again.data]), starts, stops, states)


def _spelt(spelling: int, texts: Texts) -> Spelt:
    count = len(texts.starts)
    out = np.empty(int((texts.stops - texts.starts).sum()) + 4 * count + 8, np.uint8)
    offsets, states = np.zeros(count + 1, np.int64), np.zeros(count, np.uint8)
    spell(spelling, texts.data, texts.starts, texts.stops, out, offsets, states)
    return Spelt(out[: int(offsets[-1]) + 8], offsets[:-1].copy(), offsets[1:].copy(), states)


def shown(kind: str, value: bytes) -> str:
    """A spelt value as people write it."""
    return value.hex() if SPELT[kind] in (HASH, JA3) else value.decode("utf-8", "replace")


# -- what the kernels leave -------------------------------------------------------------------------------------------


def _refanged(text: str) -> str:
    """Without what people put in so that nobody clicks: hxxp, [.], (dot), [:]//"""
    text = re.sub(r"^(\s*)h(?:xx|XX)p", r"\1http", text)
    text = re.sub(r"[\[({](?:\.|dot)[\])}]", ".", text, flags=re.IGNORECASE)
    return re.sub(r"\[(:(?://)?|@|at)\]", lambda found: {"at": "@"}.get(found.group(1), found.group(1)), text)


def _ascii(host: str) -> str | None:
    """Other letters than ASCII as IDNA has them (RFC 3490, as Python's own codec does)."""
    host = unicodedata.normalize("NFKC", host)
    if host.isascii():
        return host
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        return None


def _usual_domain(text: str) -> str | None:
    return _ascii(_refanged(text).strip().removeprefix("*.").strip("."))


def _usual_email(text: str) -> str | None:
    mailbox, _, host = parseaddr(_refanged(text))[1].rpartition("@")
    ascii_ = _ascii(host)
    if not mailbox or not ascii_ or not mailbox.isascii():
        return None
    return f"{mailbox}@{ascii_}"


def _usual_url(text: str) -> str | None:
    text = _refanged(text).strip().replace("\\", "/")
    scheme, mark, rest = text.partition("://")
    if not mark:
        return None
    cut = re.search(r"[/?#]", rest)
    host, tail = (rest, "") if cut is None else (rest[: cut.start()], rest[cut.start() :])
    host = host.rpartition("@")[2]
    name, colon, port = (host, "", "") if host.startswith("[") else host.partition(":")
    ascii_ = _ascii(name)
    if ascii_ is None:
        return None
    tail = tail.partition("#")[0]
    tail = re.sub(r"%(?![0-9A-Fa-f]{2})", "%25", tail)
    tail = quote(re.sub(r"%2[eE]", ".", tail), safe="".join(chr(code) for code in range(33, 127)))
    path, question, query = tail.partition("?")
    return f"{scheme}://{ascii_}{colon}{port}{_without_dots(path)}{question}{query}"


def _without_dots(path: str) -> str:
    """RFC 3986, section 5.2.4."""
    kept: list[str] = []
    parts = path.split("/")
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        if part == ".." and len(kept) > 1:
            kept.pop()
        elif part not in (".", ".."):
            kept.append(part)
            continue
        if last:
            kept.append("")
    return "/".join(kept)


def _usual_plate(text: str) -> str | None:
    kept = "".join(letter for letter in unicodedata.normalize("NFKD", text) if letter.isalnum()).upper()
    return kept if kept.isascii() and kept else None


USUAL: Mapping[int, Callable[[str], str | None]] = {
    DOMAIN: _usual_domain,
    URL: _usual_url,
    EMAIL: _usual_email,
    PLATE: _usual_plate,
}
"""Spelling -> what makes of an odd text one that the kernels write; None where it is no value."""
