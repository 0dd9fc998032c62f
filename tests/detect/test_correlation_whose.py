"""Matches: whose they are, and that they are in doubt where that is not sure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import orjson

from tests.world.test_resolve import built
from watchfloor.detect.correlation_matches import MatchReader
from watchfloor.detect.engine import Engine
from watchfloor.detect.rulebook import load_rules
from watchfloor.detect.taxonomy import Taxonomy

RULES = """
title: A passage
name: passage
logsource: {product: watchfloor, category: physical_access_activity}
detection:
  s: {activity_name: Taken}
  condition: s
---
title: A passage of a guard
name: guard
logsource: {product: watchfloor, category: physical_access_activity}
detection:
  s: {activity_name: Taken, asof.person.role_class: guard}
  condition: s
---
title: Passages, and none of a guard
id: c0000000-0000-4000-8000-000000000001
correlation:
  type: temporal
  rules: [passage, guard]
  group-by: [wf.person_uid]
  timespan: 1h
  condition: passage and not guard
watchfloor: {anchor: passage}
---
title: Guards
id: c0000000-0000-4000-8000-000000000002
correlation:
  type: event_count
  rules: [guard]
  group-by: [wf.person_uid, wf.place_uid]
  timespan: 1h
  condition: {gte: 1}
"""


def test_whose_a_match_is_when_nobody_knows_surely(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(RULES)
    book, taxonomy = load_rules([tmp_path]), Taxonomy.load()
    assert not book.problems
    sure = {"wf.person_uid": "p-1", "wf.resolution_confidence": 100, "asof.person.role_class": "guard"}
    weak = {"wf.credential_uid": "c-9", "wf.resolution_confidence": 60}
    unsure = {"wf.person_uid": "p-2", "wf.resolution_confidence": 79, "asof.person.role_class": "guard"}
    rows: list[dict[str, Any]] = [
        {"time": number, "metadata.uid": f"{number:032x}", "activity_name": "Taken", "wf.place_uid": "lab", **who}
        for number, who in enumerate([sure, weak, unsure, {}])
    ]
    events = built("physical_access_activity", rows)
    matched = Engine(book.matched, taxonomy).match(events)
    reader = MatchReader(book.matched, book.correlations, book.members, taxonomy)
    found: dict[int, set[tuple[int, int, str | None]]] = {0: set(), 1: set()}
    for rule in range(len(book.matched)):
        for one in reader.read(events, rule, matched.rows[matched.rules == rule].astype(np.int64)).to_pylist():
            said = orjson.loads(one["text"] or "[null]")
            found[one["correlation"]].add((one["time"], one["member"], said[0]))
    # members: 0 passage, 1 guard, 2 may be a passage of that person, 3 may be one of a guard
    assert found[0] == {
        (0, 0, "p-1"), (1, 2, "? c-9"), (2, 2, "? p-2"), (3, 0, None),
        (0, 1, "p-1"), (1, 3, None), (2, 3, None),
    }  # fmt: skip
    # members: 0 a guard, 1 may be one
    assert found[1] == {(0, 0, "p-1"), (1, 1, "? c-9"), (2, 1, "? p-2")}
