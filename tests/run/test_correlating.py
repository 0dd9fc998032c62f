"""Correlations along the whole path: vendor records in, OCSF findings that name all their evidence out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from watchfloor.ocsf.events import Events
from watchfloor.run import oneshot
from watchfloor.run.prepare import Prepared, prepared

RULES = """
title: A sign-in that failed
name: failed
logsource: {product: watchfloor, category: authentication}
detection:
  s: {status_id: 2}
  condition: s
---
title: A sign-in that went well
name: done
logsource: {product: watchfloor, category: authentication}
detection:
  s: {status_id: 1}
  condition: s
---
title: Many sign-ins of one account failed
id: 11111111-1111-4111-8111-111111111111
name: many
level: low
correlation:
  type: event_count
  rules: [failed]
  group-by: [user.name]
  timespan: 5m
  condition: {gte: 3}
tags: [attack.t1110, attack.credential_access]
---
title: Guessed right
id: 22222222-2222-4222-8222-222222222222
level: high
correlation:
  type: temporal_ordered
  rules: [many, done]
  group-by: [user.name]
  timespan: 10m
---
title: One address tries many accounts
id: 33333333-3333-4333-8333-333333333333
level: medium
correlation:
  type: value_count
  rules: [failed]
  group-by: [src_endpoint.ip]
  timespan: 5m
  condition: {gte: 3, field: user.name}
---
title: Signed in with no failure before
id: 44444444-4444-4444-8444-444444444444
level: medium
correlation:
  type: temporal
  rules: [done, failed]
  group-by: [user.name]
  timespan: 5m
  condition: done and not failed
watchfloor: {anchor: done, emit: each}
"""

MANY, RIGHT, SPRAY, CLEAN = (f"{n}" * 8 + f"-{n}{n}{n}{n}-4{n}{n}{n}-8{n}{n}{n}-" + f"{n}" * 12 for n in "1234")


def record(second: int, user: str, ip: str, ok: bool) -> dict[str, Any]:
    """One line of an Okta system log."""
    return {
        "uuid": f"{second}-{user}",
        "published": f"2026-03-01T10:{second // 60:02}:{second % 60:02}.000Z",
        "eventType": "user.session.start",
        "version": "0",
        "severity": "INFO",
        "displayMessage": "User login to Okta",
        "actor": {"id": "00u1", "type": "User", "alternateId": f"{user}@example.com", "displayName": user},
        "outcome": {"result": "SUCCESS" if ok else "FAILURE", **({} if ok else {"reason": "INVALID_CREDENTIALS"})},
        "client": {"ipAddress": ip, "userAgent": {"rawUserAgent": "curl/8"}},
        "authenticationContext": {},
        "securityContext": {},
        "debugContext": {"debugData": {}},
        "transaction": {"type": "WEB", "id": f"t{second}"},
        "target": [],
        "request": {"ipChain": []},
    }


RECORDS = [
    record(0, "ada", "192.0.2.1", False),
    record(10, "ada", "192.0.2.1", False),
    record(15, "ben", "192.0.2.1", False),
    record(20, "ada", "192.0.2.1", False),
    record(30, "cyd", "192.0.2.1", False),
    record(40, "ada", "192.0.2.9", True),
    record(50, "eve", "192.0.2.9", True),
]


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    folder = tmp_path_factory.mktemp("rules")
    (folder / "rules.yml").write_text(RULES)
    made = prepared([folder])
    assert not made.rulebook.problems, made.rulebook.problems[0]
    return made


def found(
    ready: Prepared, tmp_path: Path, records: Sequence[dict[str, Any]], *, all_seen: bool = True
) -> tuple[list[dict[str, Any]], oneshot.Totals]:
    file = tmp_path / "okta.ndjson"
    file.write_bytes(b"\n".join(map(orjson.dumps, records)))
    totals = oneshot.Totals()
    shown: list[Events] = list(
        oneshot.detect(
            [file], ready.path, totals, now=1_800_000_000_000, show=lambda name, events: events,
            correlating=ready.correlating(all_seen=all_seen),
        )
    )  # fmt: skip
    assert totals.mapped == totals.read == len(records)
    return [event for events in shown for event in events.to_pylist()], totals


def rule_of(event: dict[str, Any]) -> str:
    return str(event["finding_info"]["analytic"]["uid"])


def test_what_correlations_find(ready: Prepared, tmp_path: Path) -> None:
    events, totals = found(ready, tmp_path, RECORDS)
    assert sorted(map(rule_of, events)) == [RIGHT, SPRAY, CLEAN]
    assert totals.findings == 3
    by_rule = {rule_of(event): event for event in events}
    right, spray, clean = (by_rule[uid] for uid in (RIGHT, SPRAY, CLEAN))
    assert right["finding_info"]["types"] == ["correlation"]
    assert right["finding_info"]["analytic"]["type"] == "Correlation"
    assert (right["severity"], right["is_alert"], right["class_name"]) == ("High", True, "Detection Finding")
    assert right["user"]["name"].startswith("ada") if "user" in right else True
    assert len(spray["finding_info"]["related_events"]) == 5 == spray["finding_info"]["related_events_count"]
    assert spray["end_time"] - spray["start_time"] == 30_000
    assert "192.0.2.1" in spray["message"] and "5 events in 30 s" in spray["message"]
    assert "eve" in clean["message"]


def test_an_inner_finding_is_part_of_the_outer_one(ready: Prepared, tmp_path: Path) -> None:
    events, _ = found(ready, tmp_path, RECORDS)
    (right,) = (event for event in events if rule_of(event) == RIGHT)
    assert len(right["finding_info"]["related_events"]) == 4
    assert not any(rule_of(event) == MANY for event in events)


def test_findings_are_the_same_again(ready: Prepared, tmp_path: Path) -> None:
    first, second = (found(ready, tmp_path, RECORDS)[0] for _ in range(2))
    assert first == second
    assert len({event["metadata"]["uid"] for event in first}) == len(first)


def test_the_order_of_records_does_not_matter(ready: Prepared, tmp_path: Path) -> None:
    """Uids follow from where a record stands; what is found does not."""
    events, _ = found(ready, tmp_path, RECORDS[::-1])
    assert sorted(map(rule_of, events)) == [RIGHT, SPRAY, CLEAN]


def test_absence_is_not_judged_where_nobody_knows_what_was_seen(ready: Prepared, tmp_path: Path) -> None:
    events, totals = found(ready, tmp_path, RECORDS, all_seen=False)
    assert sorted(map(rule_of, events)) == [RIGHT, SPRAY]
    assert totals.unjudged == {CLEAN: 1}


def test_a_level_keeps_the_rules_it_counts_on(ready: Prepared, tmp_path: Path) -> None:
    book = ready.rulebook.of_level("high")
    assert [one.id for one in book.correlations] == [MANY, RIGHT]
    assert {rule.name for rule in book.rules} == {"failed", "done"}
    assert book.silent == {MANY, *(rule.id for rule in book.rules)}
