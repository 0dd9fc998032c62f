"""What a line of JSON means to us, by Python's `json`: the judge of the tokeniser, which it shares nothing with.

`meaning(line)` gives the fields of a record, or None where it is none; `differences(lines)` holds the tokeniser against
it, and against orjson. The choices it knows are those at the head of `watchfloor.collect.tokeniser`.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import orjson

from watchfloor.collect.records import Piece, tokenise
from watchfloor.collect.tokeniser import MAX_DEPTH

LONE = re.compile("[\ud800-\udfff]")
BOM = b"\xef\xbb\xbf"
SPACE = b" \t\r\n"
LIMITS = ("a dotted name", "more than", "too many different names")
"""Beginnings of reasons that are limits of ours: a valid record may be refused for them."""

Fields = dict[str, Any]
"""Dotted name -> text; of an array (its name ends in `[]`) its parsed value, numbers as written, objects as pairs."""


class Pairs(list[tuple[str, Any]]):
    """An object: its members in their order, repeated ones too."""


class Blank(Exception):
    """Nothing but white space: neither a record nor a bad one."""


def _refuse(constant: str) -> Any:
    raise ValueError(constant)


class Number(str):
    """A number as it is written."""

    __slots__ = ()


_DECODER = json.JSONDecoder(
    object_pairs_hook=Pairs, parse_int=Number, parse_float=Number, parse_constant=_refuse, strict=True
)


def meaning(line: bytes) -> Fields | None:
    """The fields of a record; None where it is no record.

    Raises:
        Blank: there is nothing.
    """
    bare = line.strip(SPACE).removeprefix(BOM).strip(SPACE)
    if not bare:
        raise Blank
    try:
        found = _DECODER.decode(bare.decode())
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, Pairs) or (bare.count(b"{") + bare.count(b"[") > MAX_DEPTH and _depth(found) > MAX_DEPTH):
        return None
    fields: Fields = {}
    _flatten(found, "", fields)
    return _mended(fields) if b"\\ud" in bare or b"\\uD" in bare else fields


def _flatten(found: Pairs, prefix: str, fields: Fields) -> None:
    for key, value in found:
        name = prefix + key
        if value.__class__ is str or value.__class__ is Number:
            fields[name] = value
        elif value is True or value is False:
            fields[name] = "true" if value else "false"
        elif value.__class__ is Pairs:
            if value:
                _flatten(value, f"{name}.", fields)
            else:
                fields[name] = "{}"
        elif value is not None:
            fields[f"{name}[]"] = value


def _depth(value: Any) -> int:
    inner: Iterator[Any] = iter(())
    if isinstance(value, Pairs):
        inner = (item for _, item in value)
    elif isinstance(value, list):
        inner = iter(value)
    else:
        return 0
    return 1 + max((_depth(item) for item in inner), default=0)


def _mended(value: Any) -> Any:
    """Surrogates without their partner become U+FFFD."""
    if isinstance(value, str):
        return LONE.sub("\ufffd", value)
    if isinstance(value, Pairs):
        return Pairs((_mended(key), _mended(item)) for key, item in value)
    if isinstance(value, list):
        return [_mended(item) for item in value]
    return {_mended(key): _mended(item) for key, item in value.items()} if isinstance(value, dict) else value


def differences(lines: Sequence[bytes], tally: Counter[str]) -> Iterator[tuple[bytes, str]]:
    """Lines on which the tokeniser and the judge disagree, and how; `tally` counts what all lines were."""
    half = len(lines) // 2
    pieces = [_piece(part) for part in (lines[:half], lines[half:]) if part]  # values are joined across pieces
    records, bad = tokenise(pieces, source="s", stream="s")
    held: dict[int, Fields] = {record: {} for record in records.record_index.tolist()}
    record_of = records.record_index
    for name, column in records.columns():
        rows = np.flatnonzero(column.codes >= 0)
        values = column.values.to_pylist()
        for record, code in zip(record_of[rows].tolist(), column.codes[rows].tolist(), strict=True):
            held[record][name] = values[code]
    reasons = {one.record: one.reason for one in bad}
    for number, line in enumerate(lines):
        problem = _one(line, held.get(number), reasons.get(number), tally)
        if problem is not None:
            yield line, problem


def _piece(lines: Sequence[bytes]) -> Piece:
    ends = np.concatenate([[0], np.cumsum([len(line) for line in lines])]).astype(np.int64)
    numbers = np.arange(len(lines), dtype=np.int64)
    return Piece(b"".join(lines), ends, numbers, numbers)


def _one(line: bytes, ours: Fields | None, reason: str | None, tally: Counter[str]) -> str | None:
    try:
        wanted = meaning(line)
    except Blank:
        tally["blank"] += 1
        return None if ours is None and reason is None else f"blank, but {reason or ours}"
    if wanted is None:
        tally["invalid"] += 1
        return f"taken as {ours}" if ours is not None else None if reason else "lost"
    tally["valid"] += 1
    if ours is None:
        if reason is not None and reason.startswith(LIMITS) and len(line) > 1024:
            tally["beyond a limit"] += 1
            return None
        return f"refused: {reason}" if reason else "lost"
    if ours.keys() != wanted.keys():
        return f"names {sorted(ours)} instead of {sorted(wanted)}"
    for name, value in wanted.items():
        if value.__class__ is list:
            tally["arrays"] += 1
            if _mended(_DECODER.decode(ours[name])) != value:
                return f"{name!r} is {ours[name]!r} instead of {value!r}"
        elif ours[name] != value:
            return f"{name!r} is {ours[name]!r} instead of {value!r}"
    tally["values"] += len(wanted)
    return _other(line, tally)


def _other(line: bytes, tally: Counter[str]) -> str | None:
    """orjson refuses lone surrogates, a byte order mark, numbers that no double can hold: nothing else of ours."""
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError as error:
        text = line.lower()
        if b"\\ud" in text or BOM in text or re.search(rb"\d[eE]|\d{300}", text):
            tally["orjson has limits of its own"] += 1
            return None
        return f"orjson refuses it: {error}"
    return None
