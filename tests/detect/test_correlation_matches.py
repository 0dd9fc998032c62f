"""What correlations read of an event: of what place its coverage is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from watchfloor.detect.correlation_matches import MatchReader
from watchfloor.detect.rulebook import load_rules
from watchfloor.detect.taxonomy import Taxonomy
from watchfloor.ocsf.column import Column
from watchfloor.ocsf.events import Events

RULES = """
title: A sign-in
name: done
logsource: {product: watchfloor, category: authentication}
detection:
  s: {status_id: 1}
  condition: s
---
title: Signs in often
id: 11111111-1111-4111-8111-111111111111
correlation:
  type: event_count
  rules: [done]
  group-by: [user.name]
  timespan: 5m
  condition: {gte: 2}
"""


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> MatchReader:
    folder: Path = tmp_path_factory.mktemp("rules")
    (folder / "rules.yml").write_text(RULES)
    taxonomy = Taxonomy.load()
    book = load_rules([folder], taxonomy=taxonomy)
    return MatchReader(book.rules, book.correlations, book.members, taxonomy)


@pytest.mark.parametrize(
    ("where", "scope"),
    [
        ({"wf.zone_uid": "z", "wf.place_uid": "p", "asof.person.site": "s"}, "z"),
        ({"wf.place_uid": "p", "wf.asset_uid": "a"}, "p"),
        ({"wf.asset_uid": "a", "asof.person.site": "s"}, "a"),
        ({"asof.person.site": "s"}, "s"),
        ({}, None),
    ],
)
def test_of_what_its_coverage_is_asked(reader: MatchReader, where: dict[str, str], scope: str | None) -> None:
    row: dict[str, Any] = {"time": 1, "user.name": "ada", "metadata.uid": "ab" * 16, **where}
    events = Events.build("authentication", {name: Column.of([value]) for name, value in row.items()}, 1)
    (match,) = reader.read(events, 0, np.array([0])).to_pylist()
    assert match["scope"] == scope
