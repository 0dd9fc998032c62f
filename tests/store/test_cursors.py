"""The cursor is either the old one or the new one, never something in between."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from watchfloor.errors import StoreDamaged, StoreFull, StoreNewer
from watchfloor.store.cursors import Cursor, CursorFile, Intent

positions = st.dictionaries(st.text(max_size=12), st.integers(0, 2**62), max_size=4)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(
    st.builds(
        Cursor, st.integers(0, 2**40), positions, st.none() | st.builds(Intent, st.integers(1), positions, positions)
    )
)
def test_round_trip(tmp_path: Path, cursor: Cursor) -> None:
    file = CursorFile(tmp_path / "cursor.json")
    file.write(cursor)
    assert file.read() == cursor


def test_no_file_is_the_beginning(tmp_path: Path) -> None:
    assert CursorFile(tmp_path / "none.json").read() == Cursor(0, {}, None)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format": 1}', b'{"format": "x"}'])
def test_damaged(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "cursor.json"
    path.write_bytes(content)
    with pytest.raises(StoreDamaged) as caught:
        CursorFile(path).read()
    assert caught.value.remedy


def test_newer(tmp_path: Path) -> None:
    path = tmp_path / "cursor.json"
    path.write_bytes(b'{"format": 2}')
    with pytest.raises(StoreNewer):
        CursorFile(path).read()


def test_full_disk_keeps_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = CursorFile(tmp_path / "cursor.json")
    file.write(Cursor(1, {"a": 1}))

    def refuse(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", refuse)
    with pytest.raises(StoreFull):
        file.write(Cursor(2, {"a": 2}))
    monkeypatch.undo()
    assert file.read() == Cursor(1, {"a": 1})
