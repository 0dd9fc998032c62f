"""Uids: the same on every machine, different for different records."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.ocsf.batches import relaxed
from watchfloor.ocsf.uid import event_uids, finding_uid, hexadecimal

WORD = st.integers(0, 2**64 - 1)
M = 2**64 - 1


def plain(f0: int, f1: int, source: str, sequence: int) -> str:
    """The definition in the module's docstring, in plain Python."""
    import hashlib

    def mix(x: int) -> int:
        x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & M
        x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & M
        return x ^ (x >> 31)

    digest = hashlib.blake2b(source.encode(), digest_size=16).digest()
    a0, a1 = int.from_bytes(digest[:8], "big"), int.from_bytes(digest[8:], "big")
    s = sequence & M
    h0 = (mix(f0 ^ a0) + mix(s ^ a1)) & M
    h1 = ((mix(f1 ^ a1) + mix((s + 0x9E3779B97F4A7C15) & M)) & M) ^ (((h0 << 32) | (h0 >> 32)) & M)
    return f"{mix(h0):016x}{mix(h1):016x}"


@relaxed
@given(st.lists(st.tuples(WORD, WORD, st.integers(-(2**63), 2**63 - 1)), max_size=5), st.text(max_size=5))
def test_the_definition(rows: list[tuple[int, int, int]], source: str) -> None:
    fingerprint = np.array([[f0, f1] for f0, f1, _ in rows], np.uint64).reshape(-1, 2)
    sequence = np.array([s for *_, s in rows], np.int64)
    assert event_uids(fingerprint, source, sequence).to_pylist() == [plain(*row[:2], source, row[2]) for row in rows]


def test_golden_values_never_change() -> None:
    uids = event_uids(np.arange(4, dtype=np.uint64).reshape(2, 2), "src", np.arange(2)).to_pylist()
    assert uids == ["b93a07953773f75465637570c851cc17", "445abf3e97a355b603f24aa7f15778b4"]
    assert finding_uid("rule", "event") == "a959ccbabfc4baadff906811ff421e20"


def test_each_part_matters() -> None:
    base = np.array([[1, 2]], np.uint64)
    variants = {
        event_uids(f, s, np.array([n])).to_pylist()[0]
        for f in (base, base + np.array([[1, 0]], np.uint64), base + np.array([[0, 1]], np.uint64))
        for s in ("a", "b")
        for n in (0, 1)
    }
    assert len(variants) == 12


def test_no_collision_among_many() -> None:
    rows = 200_000
    uids = event_uids(np.zeros((rows, 2), np.uint64), "same record again and again", np.arange(rows))
    assert len(set(uids.to_pylist())) == rows


def test_hexadecimal() -> None:
    assert hexadecimal(np.array([[0, M], [255, 1]], np.uint64)).to_pylist() == [
        "0" * 16 + "f" * 16,
        f"{255:016x}{1:016x}",
    ]
    assert hexadecimal(np.zeros((0, 2), np.uint64)).to_pylist() == []


def test_rule_and_event_cannot_run_into_each_other() -> None:
    assert finding_uid("ab", "c") != finding_uid("a", "bc")
