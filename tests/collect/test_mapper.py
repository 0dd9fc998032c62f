"""The mapper: which product, which family, who is guilty, what is left over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from watchfloor.collect import mapper as module
from watchfloor.collect.formats.format import offsets_of
from watchfloor.collect.integration import Integration, load_manifest
from watchfloor.collect.mapper import MappedBatch, Mapper
from watchfloor.collect.records import Piece, Records, tokenise

MAPPING = """
from watchfloor.collect.convert import iso
from watchfloor.collect.mapping import Mapped, Record, event, maps

def classify(r):
    return r.read("kind")

def refuse(value):
    if value.startswith("bad"):
        raise ValueError(value)
    return value

@maps("login", "again")
def login(r: Record) -> Mapped:
    return event("authentication", logon_type_id=3, time=r.take("t", iso), user={"name": r.take("user").map(refuse)})

@maps("logout")
def logout(r: Record) -> Mapped:
    name = r.take("user").map(refuse)
    return event("authentication", logon_type_id=r.constant("7"), time=r.take("t", iso), user={"name": name})

@maps("other")
def other(r: Record) -> Mapped:
    return event("base_event", time=r.take("t", iso), message=r.take("user").map(refuse))
"""

FAMILIES = """
[families.login]
class = "authentication"
[families.again]
class = "authentication"
[families.logout]
class = "authentication"
[families.other]
class = "base_event"
"""

Make = Callable[..., Integration]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def made(name: str, recognise: str, priority: int = 0) -> Integration:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "mapping.py").write_text(MAPPING)
        (folder / "manifest.toml").write_text(
            f'id = "{name}"\nname = "{name}"\nvendor = "Example"\npriority = {priority}\n{recognise}\n' + FAMILIES
        )
        return load_manifest(folder)

    return made


def _records(*raw: dict[str, Any]) -> Records:
    lines = [orjson.dumps(record) + b"\n" for record in raw]
    count = len(raw)
    sequence, received = np.arange(1, count + 1, dtype=np.int64), np.full(count, 1_800_000_000_000, np.int64)
    records, bad = tokenise([Piece(b"".join(lines), offsets_of(lines), sequence, received)], source="s", stream="x")
    assert not bad
    return records


def test_the_more_specific_signature_wins_and_priority_before_it(make: Make) -> None:
    plain = make("plain", '[[recognise]]\nfields = ["kind"]')
    exact = make("exact", '[[recognise]]\nfields = ["kind"]\nvalues = {vendor = "A"}')
    late = make("late", '[[recognise]]\nfields = ["kind", "user", "t"]', -1)
    rest = make("rest", "", -100)
    raw = [{"kind": "login", "vendor": "A"}, {"kind": "login", "vendor": "B"}, {"kind": "x", "user": "u", "t": "y"}]
    batch = Mapper([plain, rest, late, exact]).map(_records(*raw, {"nothing": 1}, {}))
    assert batch.integrations == {"exact": 1, "plain": 2, "rest": 2} and batch.rows == 5 and not batch.bad


def test_a_pattern_decides_row_by_row(make: Make) -> None:
    one = make("one", '[[recognise]]\npatterns = {text = "^a"}')
    two = make("two", '[[recognise]]\nfields = ["text"]', -1)
    batch = Mapper([one, two]).map(_records({"text": "abc"}, {"text": "bcd"}, {"text": "add"}))
    assert batch.integrations == {"one": 2, "two": 1}


def test_nobody_recognises_it_and_nobody_has_that_name(make: Make) -> None:
    mapper = Mapper([make("one", '[[recognise]]\nfields = ["kind"]')])
    batch = mapper.map(_records({"kind": "login"}, {"nothing": 1}))
    assert [bad.record for bad in batch.bad] == [1] and "no integration" in batch.bad[0].reason and batch.rows == 1
    batch = mapper.map(_records({"kind": "login"}), only="two")
    assert batch.rows == 0 and "'two'" in batch.bad[0].reason and batch.bad[0].raw == b'{"kind":"login"}'
    assert mapper.map(_records({"nothing": 1}), only="one").rows == 1, "the estate says what it is"


def test_only_the_guilty_rows_are_set_aside(make: Make) -> None:
    mapper = Mapper([make("one", "")])
    raw = [{"kind": ("login", "x")[i % 2], "user": f"u{i}"} for i in range(100)]
    for guilty in (7, 8, 63):
        raw[guilty]["user"] = f"bad{guilty}"
    batch = mapper.map(_records(*raw))
    assert sorted(bad.record for bad in batch.bad) == [7, 8, 63] and batch.rows == 97
    assert all("ValueError: bad" in bad.reason and "one/" in bad.reason for bad in batch.bad)


@pytest.mark.parametrize("other", ["again", "logout"], ids=["the same types", "types that differ"])
def test_families_of_one_class_become_one_batch(make: Make, other: str) -> None:
    mapper = Mapper([make("one", "")])
    raw: list[dict[str, Any]] = [
        {"kind": ("login", other, "x")[i % 3], "user": f"u{i % 4}", "more": f"m{i % 5}"} for i in range(60)
    ]
    raw[4] |= {"t": "2026-01-31T10:00:00Z", "only": "here"}
    records = _records(*raw)
    batch = mapper.map(records)
    assert [events.class_name for events in batch.events] == ["authentication", "base_event"]
    one_by_one = [mapper.map(records.take(np.array([row]))) for row in range(60)]

    def shown(batches: list[MappedBatch]) -> dict[str, dict[str, Any]]:
        rows = [row for made in batches for events in made.events for row in events.to_pylist()]
        return {row["metadata"]["uid"]: row for row in rows}

    assert shown([batch]) == shown(one_by_one) and len(shown([batch])) == 60
    assert batch.leftovers == sum((made.leftovers for made in one_by_one), Counter())
    names = batch.events[0].column("unmapped.more")
    assert names is not None and len(names.values) == 5, "families share their values"


def test_patience_has_an_end(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 20)
    batch = Mapper([make("one", "")]).map(_records(*({"kind": "login", "user": f"bad{i}"} for i in range(500))))
    assert len(batch.bad) == 500 and len({bad.record for bad in batch.bad}) == 500 and batch.rows == 0
    assert batch.failures < 60


def test_what_the_framework_adds(make: Make) -> None:
    batch = Mapper([make("one", "")]).map(
        _records({"kind": "login", "user": "ada", "t": "2026-01-31T10:00:00Z", "more": {"x": 1}}, {"kind": "login"})
    )
    (events,) = batch.events
    first, second = events.to_pylist()
    assert first["time"] == 1_769_853_600_000 and first["wf"]["source_seq"] == 1 and first["wf"]["source_uid"] == "s"
    assert second["time"] == 1_800_000_000_000 and second["wf"]["time_origin"] == "received"
    assert first["metadata"]["product"] == {"name": "one", "vendor_name": "Example"}
    assert first["metadata"]["uid"] != second["metadata"]["uid"] and first["class_uid"] == 3002
    assert first["unmapped"] == {"kind": "login", "more.x": "1"}
    assert batch.leftovers == {("one", "login", "kind"): 2, ("one", "login", "more.x"): 1}


def test_a_record_has_the_same_uid_wherever_it_stands_in_a_batch(make: Make) -> None:
    mapper = Mapper([make("one", "")])
    records = _records(*({"kind": "login", "user": f"u{i}"} for i in range(10)))

    def uids(part: Records) -> list[str]:
        return [row["metadata"]["uid"] for events in mapper.map(part).events for row in events.to_pylist()]

    assert uids(records.take(np.arange(3, 7))) == uids(records)[3:7] and len(set(uids(records))) == 10


def test_what_is_left_stands_before_what_a_mapping_put_in_its_place(make: Make) -> None:
    one = make("one", "")
    mapping = one.folder / "mapping.py"
    mapping.write_text(
        mapping.read_text().replace('return event("base_event",', 'return event("base_event", {"unmapped.kind": 7},')
    )
    batch = Mapper([load_manifest(one.folder)]).map(_records({"kind": "x", "user": "ada"}, {"kind": "y", "user": "bo"}))
    assert not batch.bad and [row["unmapped"]["kind"] for row in batch.events[0].to_pylist()] == ["x", "y"]


def test_no_records_no_events(make: Make) -> None:
    assert Mapper([make("one", "")]).map(_records()).events == []
