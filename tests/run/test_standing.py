"""Correlations of an estate that runs: the same findings in any batches, after restarts, and after what went wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.run import small
from tests.run.test_correlating import CLEAN, MANY, RECORDS, RIGHT, RULES, SPRAY, record
from watchfloor.errors import StoreError
from watchfloor.estate import load
from watchfloor.run.explanation import explained
from watchfloor.run.local import LocalEngine
from watchfloor.run.prepare import Prepared, prepared
from watchfloor.run.standing import STATE
from watchfloor.store.commit import Committer

LINES = [orjson.dumps(one) for one in [*RECORDS, record(3000, "zed", "192.0.2.77", False)]]
"""What happened, and one record half an hour later, that lets everybody know that nothing more is on its way."""


def still() -> int:
    return 1_772_360_000_000


def estate(folder: Path, batch: int, lines: list[bytes], rules: str = RULES) -> Path:
    made = small.estate(folder, batch=batch, sources=("okta",))
    for file in (made / "rules").rglob("*.yml"):
        file.unlink()
    (made / "rules" / "rules.yml").write_text(rules)
    (made / "logs" / "okta" / "a.json").write_bytes(b"\n".join(lines) + b"\n")
    return made


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    folder = tmp_path_factory.mktemp("rules")
    (folder / "rules.yml").write_text(RULES)
    return prepared([folder])


def engine(folder: Path, ready: Prepared) -> LocalEngine:
    return LocalEngine(load(folder), ready, clock=still)


def findings(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Per rule its findings."""
    found: dict[str, list[dict[str, Any]]] = {}
    for text in small.tables(folder).get("detection_finding", []):
        event = orjson.loads(text)
        found.setdefault(event["finding_info"]["analytic"]["uid"], []).append(event)
    return found


@pytest.fixture(scope="module")
def whole(ready: Prepared, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """What is found if nothing interrupts, in one batch."""
    folder = estate(tmp_path_factory.mktemp("whole"), 1000, LINES)
    with engine(folder, ready) as running:
        running.collect(final=True)
        while running.process() is not None:
            pass
    return findings(folder)


def test_what_is_found(whole: dict[str, list[dict[str, Any]]]) -> None:
    assert {rule: len(some) for rule, some in whole.items()} == {RIGHT: 1, SPRAY: 1, CLEAN: 1}
    (right,) = whole[RIGHT]
    assert len(right["finding_info"]["related_events"]) == 4
    (blind,) = whole[CLEAN]
    assert blind["finding_info"]["types"] == ["not_evaluable"] and blind["is_alert"] is False
    assert blind["severity"] == "Informational" and blind["status_detail"] == "unplaced"
    assert MANY not in whole


def _uids(found: dict[str, list[dict[str, Any]]]) -> dict[str, list[str]]:
    return {rule: sorted(event["metadata"]["uid"] for event in some) for rule, some in found.items()}


@pytest.mark.parametrize("batch", [1, 2, 3, 5])
def test_batches_do_not_matter(
    whole: dict[str, list[dict[str, Any]]], ready: Prepared, tmp_path: Path, batch: int
) -> None:
    folder = estate(tmp_path, batch, LINES)
    with engine(folder, ready) as running:
        running.collect(final=True)
        assert sum(1 for _ in iter(running.process, None)) > 1
    assert _without_time(findings(folder)) == _without_time(whole)


def test_sources_that_are_read_one_after_another_are_judged_together(
    whole: dict[str, list[dict[str, Any]]], ready: Prepared, tmp_path: Path
) -> None:
    """The first one is a month ahead when the second is read: what was not read yet is not late."""
    folder = estate(tmp_path, 2, LINES)
    month = 30 * 86_400
    (folder / "logs" / "ahead").mkdir()
    (folder / "logs" / "ahead" / "a.json").write_bytes(
        b"".join(orjson.dumps(record(month + i, "ada", "192.0.2.9", True)) + b"\n" for i in range(3))
    )
    settings = folder / "estate.toml"
    ahead = '[[sources]]\nid = "ahead"\npath = "logs/ahead"\n'
    settings.write_text(settings.read_text().replace("[[sources]]", f"{ahead}[[sources]]", 1))
    with LocalEngine(load(folder), ready, clock=lambda: still() + 2 * month * 1000) as running:
        running.collect(final=True)
        assert sum(1 for _ in iter(running.process, None)) > 4
    found = findings(folder)
    assert {rule: len(some) for rule, some in found.items()} == {rule: len(some) for rule, some in whole.items()}


def test_of_history_a_source_that_is_quiet_is_as_far_as_the_others(ready: Prepared, tmp_path: Path) -> None:
    """It holds nobody up that its records ended before those of others. While records are fresh, one waits for it."""
    for days in (0, 200):
        folder = estate(tmp_path / str(days), 1000, LINES)
        (folder / "logs" / "other").mkdir()
        (folder / "logs" / "other" / "a.json").write_bytes(orjson.dumps(record(0, "zed", "192.0.2.9", True)) + b"\n")
        settings = folder / "estate.toml"
        other = '[[sources]]\nid = "other"\npath = "logs/other"\n'
        settings.write_text(settings.read_text().replace("[[sources]]", f"{other}[[sources]]", 1))
        with LocalEngine(load(folder), ready, clock=partial(int, still() + days * 86_400_000)) as running:
            running.collect(final=True)
            while running.process() is not None:
                pass
        assert (RIGHT in findings(folder)) is (days > 0)


def _without_time(found: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    return {rule: sorted(some, key=lambda event: str(event["metadata"]["uid"])) for rule, some in found.items()}


def test_restarts_do_not_matter(whole: dict[str, list[dict[str, Any]]], ready: Prepared, tmp_path: Path) -> None:
    """Each batch is another engine's; what it needs of those before it, evidence too, comes out of the lake."""
    folder = estate(tmp_path, 2, LINES)
    with engine(folder, ready) as running:
        running.collect(final=True)
    steps = 0
    while True:
        with engine(folder, ready) as running:
            if running.process() is None:
                break
            steps += 1
    assert steps == 4
    assert _without_time(findings(folder)) == _without_time(whole)


@pytest.mark.parametrize("where", ["before", "after"])
def test_a_commit_that_fails_does_not_matter(
    whole: dict[str, list[dict[str, Any]]],
    ready: Prepared,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    where: str,
) -> None:
    """The disk refuses before anything of the batch is in a table, or when all but the cursor is done."""
    folder = estate(tmp_path, 2, LINES)
    done: Callable[..., Any] = Committer.commit if where == "before" else Committer._save
    broken: Iterator[bool] = iter([False, True, False, True, *[False] * 20])

    def fails(self: Committer, *arguments: Any, **more: Any) -> Any:
        if (where == "before" or not arguments[0].intent) and next(broken):
            raise StoreError("the disk refuses")
        return done(self, *arguments, **more)

    monkeypatch.setattr(Committer, "commit" if where == "before" else "_save", fails)
    failures = 0
    with engine(folder, ready) as running:
        running.collect(final=True)
        while True:
            try:
                if running.process() is None:
                    break
            except StoreError:
                failures += 1
    assert failures == 2
    assert _without_time(findings(folder)) == _without_time(whole)


def test_the_state_is_a_table(ready: Prepared, tmp_path: Path) -> None:
    folder = estate(tmp_path, 3, LINES)
    with engine(folder, ready) as running:
        running.collect(final=True)
        while running.process() is not None:
            pass
    rows = small.rows(folder, f"select text, len(matches) as held from {STATE} where key is not null")
    assert max(row["held"] for row in rows) == 5


def test_rules_that_change_keep_what_the_others_hold(ready: Prepared, tmp_path: Path) -> None:
    """After the first batch one correlation is another one: it begins anew, the others go on."""
    folder = estate(tmp_path, 4, LINES)
    with engine(folder, ready) as running:
        running.collect(final=True)
        assert running.process() is not None
    changed = tmp_path / "changed"
    changed.mkdir()
    (changed / "rules.yml").write_text(
        RULES.replace("condition: {gte: 3, field: user.name}", "condition: {gte: 2, field: user.name}")
    )
    with engine(folder, prepared([changed])) as running:
        while running.process() is not None:
            pass
    assert {rule: len(some) for rule, some in findings(folder).items()} == {RIGHT: 1, CLEAN: 1}


TWICE = f"""
title: A sign-in that failed
name: failed
logsource: {{product: watchfloor, category: authentication}}
detection:
  s: {{status_id: 2}}
  condition: s
---
title: Just two failures
id: {CLEAN}
correlation:
  type: event_count
  rules: [failed]
  group-by: [user.name]
  timespan: 5m
  condition: {{eq: 2}}
watchfloor: {{emit: each}}
"""


def test_a_late_record_takes_a_finding_back(tmp_path: Path) -> None:
    first = [record(at, "ada", "192.0.2.1", False) for at in (0, 10)] + [record(600, "ben", "192.0.2.1", True)]
    folder = estate(tmp_path, 1000, list(map(orjson.dumps, first)), TWICE)
    with engine(folder, prepared([folder / "rules"])) as running:
        running.collect(final=True)
        assert running.process() is not None
        (before,) = findings(folder)[CLEAN]
        (folder / "logs" / "okta" / "b.json").write_bytes(orjson.dumps(record(5, "ada", "192.0.2.1", False)) + b"\n")
        running.collect(final=True)
        assert running.process() is not None
    after = [event for event in findings(folder)[CLEAN] if event != before]
    gone, late = sorted(after, key=lambda event: str(event["activity_name"]), reverse=True)
    assert (before["activity_name"], before["status"], before["is_alert"]) == ("Create", "New", True)
    assert (gone["activity_name"], gone["status"], gone["is_alert"]) == ("Update", "Suppressed", False)
    assert gone["finding_info"]["uid"] == before["finding_info"]["uid"] != late["finding_info"]["uid"]
    assert (gone["status_detail"], late["status_detail"]) == ("retracted_late_fact", "late")
    assert len({before["metadata"]["uid"], gone["metadata"]["uid"], late["metadata"]["uid"]}) == 3


ALONE = f"""
title: A sign-in that failed
name: failed
logsource: {{product: watchfloor, category: authentication}}
detection:
  s: {{status_id: 2, wf.source_uid: okta}}
  condition: s
---
title: A sign-in that went well
name: done
logsource: {{product: watchfloor, category: authentication}}
detection:
  s: {{status_id: 1, wf.source_uid: okta}}
  condition: s
---
title: Signed in with no failure before
id: {CLEAN}
correlation:
  type: temporal
  rules: [done, failed]
  group-by: [user.name]
  timespan: 5m
  condition: done and not failed
watchfloor: {{anchor: done, emit: each, on_incomplete: fire}}
"""


@pytest.mark.parametrize("named", [", wf.source_uid: okta", ""])
def test_a_rule_that_names_its_source_waits_for_no_other(tmp_path: Path, named: str) -> None:
    rules = ALONE.replace(", wf.source_uid: okta", named)
    later = [record(at, "zed", "192.0.2.77", False) for at in (3000, 6000)]
    folder = estate(tmp_path, 1000, [orjson.dumps(one) for one in [*RECORDS, *later]], rules)
    (folder / "logs" / "entra").mkdir()
    (folder / "logs" / "entra" / "a.json").write_bytes(orjson.dumps(record(1, "zed", "192.0.2.77", False)) + b"\n")
    with (folder / "estate.toml").open("a") as settings:
        settings.write('[[sources]]\nid = "entra"\npath = "logs/entra"\n')
    with engine(folder, prepared([folder / "rules"])) as running:
        running.collect(final=True)
        while running.process() is not None:
            pass
    told = {kind for event in findings(folder).get(CLEAN, ()) for kind in event["finding_info"]["types"]}
    assert ("correlation" in told) is bool(named), "the other source fell silent long before"


def test_why_a_correlation_found_something(ready: Prepared, tmp_path: Path) -> None:
    folder = estate(tmp_path, 1000, LINES)
    with engine(folder, ready) as running:
        running.collect(final=True)
        while running.process() is not None:
            pass
    found = {rule: some[0]["finding_info"]["uid"] for rule, some in findings(folder).items()}
    spray = explained(load(folder), found[SPRAY])
    assert spray.counted is not None and spray.title == "One address tries many accounts"
    assert spray.counted.condition == "different values of user.name among matches of failed >= 3, within 5m"
    assert spray.counted.group == {"src_endpoint.ip": "192.0.2.1"} and spray.counted.number == 3
    assert len(spray.counted.events) == 5 and "cyd" in spray.record
    assert "below 3" in spray.counted.otherwise[0] and spray.counted.until == "2026-03-01T10:00:30+00:00"
    assert [reason.matched for reason in spray.reasons] == [True]
    right = explained(load(folder), found[RIGHT])
    assert right.counted is not None and "one after the other" in right.counted.condition
    assert {reason.value for reason in right.reasons} == {"1"}
    blind = explained(load(folder), found[CLEAN])
    assert blind.counted is not None and blind.counted.condition == "done and not failed, within 5m"
    assert blind.counted.gaps and "a match of failed" in blind.counted.otherwise[0]
    assert blind.as_json()["counted"]["group"] == {"user.name": blind.counted.group["user.name"]}
