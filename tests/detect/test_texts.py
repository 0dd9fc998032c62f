"""Lower case by table is Python's."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from watchfloor.detect.texts import Lowered, Texts

SOME = "aAzZ@[`{é®É–™ΣσςİıſK\u212aẞß日ǅЖжԱա𐐀😀\0\x7f\x80߿ࠀ￿"
texts = st.lists(st.one_of(st.text(max_size=20), st.text(alphabet=SOME, max_size=20)), max_size=8)


@settings(deadline=None, max_examples=300)
@given(texts)
def test_lower_case(held: list[str]) -> None:
    lower = Lowered.of(Texts.of(held))
    found = [lower.data[a:b].tobytes() for a, b in zip(lower.starts.tolist(), lower.stops.tolist(), strict=True)]
    assert found == [text.encode("utf-8", "replace").decode().lower().encode("utf-8", "replace") for text in held]
    assert lower.foreign.tolist() == [not text.isascii() for text in held]


def test_every_letter() -> None:
    held = [chr(code) for code in range(0x11000) if not 0xD800 <= code < 0xE000]
    lower = Lowered.of(Texts.of(held))
    found = [lower.data[a:b].tobytes() for a, b in zip(lower.starts.tolist(), lower.stops.tolist(), strict=True)]
    assert found == [text.lower().encode() for text in held]
