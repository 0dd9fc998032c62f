"""Samples with something wrong in them: a mapping never raises, and what it was given is what it gave or refused.

A vendor changes a type, leaves a field out, sends an array where an object was; a sender lies. The mapper would put a
record that makes a mapping raise into quarantine, one search by halves per record: slow, and its events are not there.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import orjson

from watchfloor.collect.formats.format import offsets_of
from watchfloor.collect.integration import Integration
from watchfloor.collect.mapper import Mapper
from watchfloor.collect.records import Piece, tokenise

__all__ = ["fuzzed", "mutants"]

ROUNDS = 12
"""Mutants of each record."""

SHOWN = 10

STRANGE: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 2**63 - 1, -(2**63), 2**70, 1e308, "", " ", "-", "0", "-1", "null", "nan", "1e999",
    "0x", "0xzz", "%%1833", "{}", "[]", "\x00", "\ud7ff\U0010ffff", "É" * 300, "a" * 5000, "\\\\\\", "@@@", "...",
    "::::", "999.999.999.999", "1601-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z", "2026-02-30", "not a time",
    [], {}, [None], [[]], [{}], ["x", 1, None, {"y": [2]}], {"x": {"y": {"z": 1}}}, {"": ""},
)  # fmt: skip
"""What may stand where something sensible stood."""


def fuzzed(integration: Integration, raw: Sequence[bytes], received: int) -> list[str]:
    """What goes wrong with mutants of these records; empty when nothing does. The same records give the same mutants.

    Args:
        raw: the samples' records as JSON.
        received: their received time, epoch milliseconds.
    """
    made = [json.dumps(mutant, ensure_ascii=False).encode() + b"\n" for mutant in mutants(raw, integration.id)]
    numbers = np.arange(1, len(made) + 1, dtype=np.int64)
    piece = Piece(b"".join(made), offsets_of(made), numbers, np.full(len(made), received, np.int64))
    records, unreadable = tokenise([piece], source="fuzz", stream="fuzz")
    batch = Mapper([integration]).map(records, only=integration.id)
    wrong = [f"{integration.id}: {bad.reason}: {bad.raw[:300].decode('utf-8', 'replace')}" for bad in batch.bad]
    given = batch.rows + len(batch.bad) + len(unreadable)
    if given != len(made):
        wrong.append(f"{integration.id}: {len(made)} mutants became {given}")
    return wrong[:SHOWN] + ([f"{integration.id}: and {len(wrong) - SHOWN} more"] if len(wrong) > SHOWN else [])


def mutants(raw: Sequence[bytes], seed: str) -> Iterator[dict[str, Any]]:
    """Each record with one to four places changed."""
    rng = random.Random(seed)
    for text in raw:
        for _ in range(ROUNDS):
            record = orjson.loads(text)
            for _ in range(rng.randint(1, 4)):
                _spoil(record, rng)
            yield record


def _spoil(record: dict[str, Any], rng: random.Random) -> None:
    places = list(_places(record))
    if not places:
        return
    inside, key = rng.choice(places)
    kind = rng.randrange(6)
    if kind == 0:
        del inside[key]
    elif kind == 1 and isinstance(inside[key], str):
        text = inside[key]
        at = rng.randint(0, len(text))
        inside[key] = text[:at] + rng.choice(["", "\x00", '"', "\\", " ", "=", "|", "é", "\n", text]) + text[at + 1 :]
    elif kind == 2:
        inside[key] = {"deeper": inside[key]}
    elif kind == 3:
        inside[key] = [inside[key]] * rng.randint(1, 3)
    else:
        inside[key] = copy.deepcopy(rng.choice(STRANGE))


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    keys: Any = ()
    if isinstance(value, dict):
        keys = list(value)
    elif isinstance(value, list):
        keys = range(len(value))
    for key in keys:
        yield value, key
        yield from _places(value[key])
