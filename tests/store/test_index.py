"""The index knows what the lake knows, or leaves the question to the lake."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watchfloor.store import index as module
from watchfloor.store.cursors import Cursor, CursorFile
from watchfloor.store.index import BUSY, FILE, Indexed, Remembered, follow
from watchfloor.store.lake import Lake

TABLES: Mapping[str, Indexed] = {
    "sighting": Indexed(("person", "time", "portal"), by=("person", "time"), horizon=True),
    "statement": Indexed(("kind", "entity"), by=("kind", "entity"), only=(("kind", ("shift", "lost")),)),
}
DAY = 86_400_000
ALL = {"sighting": {}, "statement": {"kind": ["shift", "lost"]}}


class Engine:
    """Commits batches into a store, as the engine does: tables first, the cursor last."""

    def __init__(self, store: Path) -> None:
        self.store = store
        self.lake = Lake(store / "lake", durable=False)
        self.batch = CursorFile(store / "cursor.json").read().batch

    def commit(self, seen: list[tuple[str, int]] = [], said: list[tuple[str, str]] = [], **more: Any) -> None:  # noqa: B006
        self.batch += 1
        if seen:
            person, time = zip(*seen, strict=True)
            made = {"person": list(person), "time": list(time), "batch": [self.batch] * len(seen), **more}
            self.lake.append("sighting", pa.table(made), version=self.batch)
        if said:
            kind, entity = zip(*said, strict=True)
            made = {
                "kind": list(kind),
                "entity": list(entity),
                "time": [0] * len(said),
                "batch": [self.batch] * len(said),
            }
            self.lake.append("statement", pa.table(made), version=self.batch)
        CursorFile(self.store / "cursor.json").write(Cursor(self.batch))

    def follow(self) -> str:
        return follow(self.lake, self.batch, TABLES)


def rows(store: Path, name: str, **more: Any) -> list[tuple[Any, ...]]:
    with Remembered(store, TABLES) as known:
        return sorted(known.rows(name, ALL[name], **more), key=repr)


def far(store: Path) -> bool:
    """Whether the index is asked."""
    with Remembered(store, TABLES) as known:
        return known._base is not None


def without_index(store: Path, name: str, **more: Any) -> list[tuple[Any, ...]]:
    known = Remembered(store, TABLES)
    known.close()
    return sorted(known.rows(name, ALL[name], **more), key=repr)


SEEN = st.lists(st.tuples(st.sampled_from(["p-1", "p-2", "it's"]), st.integers(-40 * DAY, 60 * DAY)), max_size=4)
SAID = st.lists(st.tuples(st.sampled_from(["shift", "lost", "role"]), st.sampled_from(["p-1", "a"])), max_size=3)
STEP = st.one_of(st.tuples(SEEN, SAID), st.sampled_from(["follow", "compact", "again"]))


@settings(max_examples=20, deadline=None)
@given(st.lists(STEP, max_size=8), st.integers(-50 * DAY, 60 * DAY), st.integers(-50 * DAY, 60 * DAY))
def test_it_answers_as_the_lake_does(steps: list[Any], since: int, until: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder)
        engine = Engine(store)
        for step in steps:
            if step == "follow":
                assert engine.follow() == ""
            elif step == "again":
                engine = Engine(store)  # after a crash
            elif step == "compact":
                for name in engine.lake.tables():
                    engine.lake.compact(name)
            else:
                engine.commit(*step)
            for name in TABLES:
                assert rows(store, name) == without_index(store, name)
                assert rows(store, name, since=since, until=until) == without_index(
                    store, name, since=since, until=until
                )


def test_it_is_asked_when_it_is_as_far_as_the_cursor(tmp_path: Path) -> None:
    engine = Engine(tmp_path)
    engine.commit([("p-1", 5)])
    assert not far(tmp_path)
    engine.follow()
    known = Remembered(tmp_path, TABLES)
    known._lake = tmp_path / "nowhere"  # the lake is not asked any more
    assert known.rows("sighting", {"person": ["p-1"]}) == [("p-1", 5, None)]
    assert known.rows("sighting", {"person": ["p-2", "'; drop table sighting; --"]}) == []
    known.close()
    engine.commit()
    assert not far(tmp_path), "a batch of which nothing is indexed counts too"


def test_what_is_older_than_the_horizon_is_asked_of_the_lake(tmp_path: Path) -> None:
    engine = Engine(tmp_path)
    engine.commit([("p-1", 5), ("p-1", 90 * DAY), ("p-1", 91 * DAY)])
    engine.follow()
    known = Remembered(tmp_path, TABLES)
    assert known.horizon("sighting") == 91 * DAY - module.KEEP_MS
    assert len(known.rows("sighting", {})) == 3
    known._lake = tmp_path / "nowhere"
    assert len(known.rows("sighting", {}, since=known.horizon("sighting"))) == 2
    assert known.rows("sighting", {}) == []


def test_a_column_that_came_later_is_none_before(tmp_path: Path) -> None:
    engine = Engine(tmp_path)
    engine.commit([("p-1", 1)])
    engine.follow()
    engine.commit([("p-1", 2)], portal=["gate"])
    engine.follow()
    assert rows(tmp_path, "sighting") == without_index(tmp_path, "sighting") == [("p-1", 1, None), ("p-1", 2, "gate")]


@pytest.mark.parametrize("mischief", ["text", "cut", "other columns", "ahead", "gone"])
def test_an_index_that_is_not_right_is_made_anew(mischief: str, tmp_path: Path) -> None:
    engine = Engine(tmp_path)
    for number in range(3):
        engine.commit([("p-1", number)], [("shift", "p-1")])
    engine.follow()
    file = tmp_path / "lake" / FILE
    if mischief == "text":
        file.write_text("not a database, but long enough to be taken for one " * 40)
    elif mischief == "cut":
        file.write_bytes(file.read_bytes()[:5000])
    elif mischief == "gone":
        file.unlink()
    else:
        with sqlite3.connect(file) as base:
            base.execute(
                "update state set shape = 'x'" if mischief == "other columns" else "update state set batch = 9"
            )
        base.close()
    assert rows(tmp_path, "sighting") == [("p-1", number, None) for number in range(3)]
    engine.commit([("p-2", 7)])
    assert engine.follow() == "" and far(tmp_path)
    assert rows(tmp_path, "sighting") == without_index(tmp_path, "sighting")
    assert len(rows(tmp_path, "sighting")) == 4


def test_who_asks_keeps_nobody_from_writing_for_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAIT_S", 0.01)
    engine = Engine(tmp_path)
    engine.commit([("p-1", 1)])
    engine.follow()
    asking = Remembered(tmp_path, TABLES)
    assert asking.rows("sighting", {})
    engine.commit([("p-1", 2)])
    assert engine.follow() == BUSY and len(rows(tmp_path, "sighting")) == 2
    asking.close()
    assert engine.follow() == "" and len(rows(tmp_path, "sighting")) == 2


def test_a_lake_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert Remembered(tmp_path, TABLES).rows("sighting", {}) == []


def test_a_disk_that_refuses_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(tmp_path)
    engine.commit([("p-1", 1)])
    (tmp_path / "lake" / FILE).mkdir()
    assert "directory" in engine.follow()
    assert len(rows(tmp_path, "sighting")) == 1
