"""Other people's OCSF: the community's published example events are understood."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from watchfloor.ocsf import schema
from watchfloor.ocsf.column import Column
from watchfloor.ocsf.derive import derive
from watchfloor.ocsf.events import Events

UNDERSTOOD = 0.95
"""Share of attributes that must be known: the examples are of OCSF 1.0 to 1.4 and some were never valid."""


@pytest.fixture(scope="module")
def examples(shared_data: Path) -> list[dict[str, Any]]:
    found = []
    with zipfile.ZipFile(shared_data / "knowledge" / "ocsf_examples" / "ocsf_examples.zip") as archive:
        for name in sorted(archive.namelist()):
            if name.endswith((".json", ".ocsf")):
                try:
                    event = orjson.loads(archive.read(name))
                except orjson.JSONDecodeError:
                    continue
                for one in event if isinstance(event, list) else [event]:
                    if isinstance(one, dict) and isinstance(one.get("class_uid"), int):
                        found.append(one)
    assert len(found) > 40
    return found


def leaves(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, inner in value.items():
        name = f"{prefix}{key}"
        if isinstance(inner, dict) and name != "unmapped":
            yield from leaves(inner, f"{name}.")
        elif name != "unmapped":
            yield name, inner


def test_classes_and_types_agree(examples: list[dict[str, Any]]) -> None:
    """Two of the examples contradict OCSF's own arithmetic (a VPC flow, a Zeek x509); the rest must agree."""
    wrong = [event for event in examples if event.get("type_uid", 0) not in (0, _type_uid(event))]
    assert len(wrong) == 2
    for event in examples:
        class_ = schema.load().by_uid(event["class_uid"])
        derived = derive(class_.name, {"activity_id": event["activity_id"]}, 1)
        assert derived["type_uid"].to_pylist() == [_type_uid(event)], class_.name
        assert derived["category_uid"].to_pylist() == [event["category_uid"]], class_.name


def _type_uid(event: dict[str, Any]) -> int:
    uid: int = event["class_uid"] * 100 + event["activity_id"]
    return uid


def test_attributes_are_known_and_events_survive(examples: list[dict[str, Any]]) -> None:
    known = unknown = 0
    for event in examples:
        class_ = schema.load().by_uid(event["class_uid"])
        columns = {}
        for name, value in leaves(event):
            if not schema.load().has(class_.name, name):
                unknown += 1
                continue
            known += 1
            attribute = schema.attribute(class_.name, name)
            if value is not None and attribute.arrow is not None and not attribute.is_array:
                columns[name] = Column.of([value])
        events = Events.build(class_.name, columns, 1)
        assert Events.flatten(class_.name, events.nest()).to_pylist() == events.to_pylist()
    assert known / (known + unknown) >= UNDERSTOOD, f"{known} of {known + unknown}"
