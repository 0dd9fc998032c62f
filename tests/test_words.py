"""Bytes by words against Python's bytes; and that compiled kernels do not outlive their sources."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watchfloor import words

K0, K1 = np.uint64(0x0706050403020100), np.uint64(0x0F0E0D0C0B0A0908)
FOLDER = Path(words.__file__).parent


def array(data: bytes) -> words.Bytes:
    return np.frombuffer(data or b"\0", np.uint8)


def hash_of(data: bytes, at: int, length: int, k0: np.uint64 = K0) -> int:
    return int(words.hashed(array(data), at, length, k0, K1))


@settings(deadline=None)
@given(st.binary(max_size=70), st.binary(max_size=9), st.binary(max_size=9))
def test_a_hash_is_of_the_text_and_not_of_what_stands_around_it(text: bytes, before: bytes, after: bytes) -> None:
    alone = hash_of(text, 0, len(text))
    assert hash_of(before + text + after, len(before), len(text)) == alone
    assert hash_of(text, 0, len(text), K0 + np.uint64(1)) != alone


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=70), st.data())
def test_every_byte_counts(text: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(text) - 1))
    other = text[:at] + bytes([text[at] ^ data.draw(st.integers(1, 255))]) + text[at + 1 :]
    assert hash_of(other, 0, len(text)) != hash_of(text, 0, len(text))
    assert hash_of(text, 0, len(text) - 1) != hash_of(text, 0, len(text))
    assert not words.same(array(text), 0, array(other), 0, len(text))
    assert words.same(array(text), 0, array(b"x" + text), 1, len(text))


@settings(deadline=None)
@given(st.binary(max_size=40), st.integers(0, 9))
def test_copying_and_lowering(text: bytes, to: int) -> None:
    target = np.zeros(60, np.uint8)
    words.copy(array(text), 0, len(text), target, to)
    assert target[to : to + len(text)].tobytes() == text
    assert not target[:to].any()
    word = int.from_bytes(text[:8].ljust(8, b"\0"), "little")
    assert int(words.lower(np.uint64(word))).to_bytes(8, "little") == text[:8].lower().ljust(8, b"\0")


def test_every_file_with_kernels_is_watched() -> None:
    held = {str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.py") if "\n@kernel\n" in path.read_text()}
    assert held <= {*words.FILES}


def test_a_kernel_is_compiled_anew_when_any_kernel_file_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "some_kernel.py"
    source.write_text("from watchfloor.words import kernel\n@kernel\ndef half(x):\n    return x // 2\n")

    def compiled() -> Any:
        spec = importlib.util.spec_from_file_location("some_kernel", source)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, "some_kernel", module)
        spec.loader.exec_module(module)
        assert module.half(8) == 4
        return module.half

    assert sum(compiled().stats.cache_misses.values()) == 1
    assert sum(compiled().stats.cache_hits.values()) == 1
    monkeypatch.setattr(words, "STAMP", ((0.0, 0), *words.STAMP[1:]))
    assert sum(compiled().stats.cache_misses.values()) == 1
