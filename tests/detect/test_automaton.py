"""The literal machines against `in`, `startswith` and `endswith`; hashing against its published definition."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watchfloor.detect import kernels
from watchfloor.detect.automaton import Automaton
from watchfloor.detect.comparison import Comparison
from watchfloor.detect.matcher import Matcher, Texts
from watchfloor.detect.predicate import Kind
from watchfloor.detect.trie import Trie
from watchfloor.errors import RuleError

KEY = (np.uint64(0x0706050403020100), np.uint64(0x0F0E0D0C0B0A0908))
MASK = 2**64 - 1

literals = st.lists(st.text(alphabet="abcé", min_size=1, max_size=5), min_size=1, max_size=12, unique=True)
texts = st.lists(st.text(alphabet="abcé", max_size=14), min_size=1, max_size=8)


def reference_siphash(data: bytes, k0: int, k1: int) -> int:
    """SipHash-1-3, after the authors' reference."""
    v0, v1, v2, v3 = k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573

    def turn(value: int, by: int) -> int:
        return ((value << by) | (value >> (64 - by))) & MASK

    def sip_round() -> None:
        nonlocal v0, v1, v2, v3
        v0 = (v0 + v1) & MASK
        v1 = turn(v1, 13) ^ v0
        v0 = turn(v0, 32)
        v2 = (v2 + v3) & MASK
        v3 = turn(v3, 16) ^ v2
        v0 = (v0 + v3) & MASK
        v3 = turn(v3, 21) ^ v0
        v2 = (v2 + v1) & MASK
        v1 = turn(v1, 17) ^ v2
        v2 = turn(v2, 32)

    whole = len(data) // 8 * 8
    words = [int.from_bytes(data[i : i + 8], "little") for i in range(0, whole, 8)]
    for word in [*words, int.from_bytes(data[whole:], "little") | (len(data) & 255) << 56]:
        v3 ^= word
        sip_round()
        v0 ^= word
    v2 ^= 0xFF
    for _ in range(3):
        sip_round()
    return v0 ^ v1 ^ v2 ^ v3


@settings(deadline=None)
@given(st.binary(max_size=70))
def test_siphash(data: bytes) -> None:
    buffer = np.frombuffer(data or b"\0", np.uint8)
    found = int(kernels.siphash(buffer, 0, len(data), *KEY))
    assert found == reference_siphash(data, int(KEY[0]), int(KEY[1]))


@settings(deadline=None)
@given(literals, literals, literals, literals, texts)
def test_scan_finds_what_python_finds(
    whole: list[str], starts: list[str], ends: list[str], inside: list[str], held: list[str]
) -> None:
    kinds = [(Kind.EQUALS, whole), (Kind.STARTSWITH, starts), (Kind.ENDSWITH, ends), (Kind.CONTAINS, inside)]
    atoms = [Comparison(kind, literal, False) for kind, group in kinds for literal in group]
    positions, numbers = Matcher(atoms, KEY).scan(Texts.of(held), np.arange(len(held), dtype=np.int32))
    tests: dict[Kind, Callable[[str, str], bool]] = {
        Kind.EQUALS: str.__eq__,
        Kind.STARTSWITH: str.startswith,
        Kind.ENDSWITH: str.endswith,
        Kind.CONTAINS: str.__contains__,
    }
    wanted = {
        (i, n) for i, text in enumerate(held) for n, atom in enumerate(atoms) if tests[atom.kind](text, atom.value)
    }
    pairs = list(zip(positions.tolist(), numbers.tolist(), strict=True))
    assert set(pairs) == wanted
    assert len(pairs) == len(wanted)
    assert bool((np.diff(positions) >= 0).all())


def test_nested_literals_need_no_more_memory_than_their_length() -> None:
    nested = [("a" * n).encode() for n in range(1, 400)]
    machine = Automaton.of([(literal, n) for n, literal in enumerate(nested)])
    assert machine.nbytes < 20_000


def test_no_literals() -> None:
    assert Automaton.of([]).width == 0
    assert Trie.of([]).nbytes == 0


def test_too_many_literals_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("watchfloor.detect.automaton.MOST_ENTRIES", 100)
    with pytest.raises(RuleError, match="too many"):
        Automaton.of([(b"abcdefghijklmnopqrstuvwxyz", 0)])
