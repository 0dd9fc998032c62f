"""Questions: what correlations could not judge because nobody could see, each stretch once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.run import small
from tests.run.test_living import DOORS, HEADER
from tests.world.test_world import port_estate
from watchfloor.detect.rulebook import Rulebook, load_rules
from watchfloor.estate import load
from watchfloor.run.explanation import explained
from watchfloor.run.local import LocalEngine
from watchfloor.run.prepare import prepared
from watchfloor.run.unseen import Unseen
from watchfloor.world.blind import Blind

PASSAGES, STAFF, OT = "physical_access_activity", "workforce_activity", "ot_command_activity"
MANY, LEFT = (f"{n}" * 8 + f"-{n}{n}{n}{n}-4{n}{n}{n}-8{n}{n}{n}-" + f"{n}" * 12 for n in "12")
RULES = f"""
title: A passage
name: passage
logsource: {{product: watchfloor, category: physical_access_activity}}
detection:
  s: {{activity_name: Taken}}
  condition: s
---
title: A passage of somebody who left
name: left
logsource: {{product: watchfloor, category: physical_access_activity}}
detection:
  s: {{asof.person.ended_s|gte: 60}}
  condition: s
---
title: A command
name: command
logsource: {{product: watchfloor, category: ot_command_activity}}
detection:
  s: {{ot_command.operation: write}}
  condition: s
---
title: Many passages without a command
id: {MANY}
correlation:
  type: temporal
  rules: [passage, command]
  group-by: [wf.place_uid]
  timespan: 5m
  condition: passage and not command
watchfloor: {{anchor: passage, emit: each}}
---
title: Somebody who left
id: {LEFT}
correlation:
  type: event_count
  rules: [left]
  group-by: [wf.person_uid]
  timespan: 1h
  condition: {{gte: 1}}
"""
MINUTE = 60_000


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Rulebook:
    file = tmp_path_factory.mktemp("rules") / "rules.yml"
    file.write_text(RULES)
    book = load_rules([file])
    assert not book.problems
    return book


def unseen(book: Rulebook) -> Unseen:
    known = {"passage": PASSAGES, "left": PASSAGES, "command": OT}
    return Unseen(book, {rule.id: frozenset({known[rule.name or ""]}) for rule in book.rules})


def gap(
    since: int, until: int, *, source: str = "doors", of: str = "", of_class: str = PASSAGES, lasts: bool = False
) -> Blind:
    return Blind(source, of, since * MINUTE, until * MINUTE, "silent", frozenset({of_class}), lasts)


def told(one: Unseen, upto: int, *stretches: Blind) -> list[dict[str, Any]]:
    """What is said when the sources are at a minute."""
    found = one.look(upto * MINUTE, lambda: list(stretches), upto * MINUTE)
    return [] if found is None else list(found.nest().to_pylist())


def said(rows: list[dict[str, Any]]) -> list[tuple[str, str, int, int]]:
    """(rule, what became of it, since, until) in minutes."""
    found = []
    for row in rows:
        (held,) = orjson.loads(row["evidences"][0]["data"])["gaps"]
        change = f"{row['activity_name']}, {row['status']}"
        found.append((row["finding_info"]["analytic"]["uid"], change, held["since"] // MINUTE, held["until"] // MINUTE))
    return found


def test_each_stretch_is_one_question_of_each_rule_that_counts_on_it(book: Rulebook) -> None:
    one = unseen(book)
    rows = told(one, 100, gap(10, 40))
    assert said(rows) == [(MANY, "Create, New", 10, 40), (LEFT, "Create, New", 10, 40)]
    assert {row["is_alert"] for row in rows} == {False} and rows[0]["finding_info"]["types"] == ["not_evaluable"]
    assert "doors was silent" in rows[0]["message"] and rows[0]["status_detail"] == "silent"
    assert told(one, 200, gap(10, 40)) == []


def test_what_is_only_absent_is_judged_where_it_is_asked_for(book: Rulebook) -> None:
    assert told(unseen(book), 100, gap(10, 40, of_class=OT)) == []


def test_facts_that_a_rule_reads_have_a_source_too(book: Rulebook) -> None:
    assert [rule for rule, *_ in said(told(unseen(book), 100, gap(10, 40, source="hr", of_class=STAFF)))] == [LEFT]


def test_a_stretch_that_lasts_is_told_again_when_it_ends_and_not_before(book: Rulebook) -> None:
    one = unseen(book)
    first = told(one, 50, gap(10, 50, lasts=True))
    assert "still is" in first[0]["message"]
    assert told(one, 60, gap(10, 60, lasts=True)) == []
    last = told(one, 90, gap(10, 70))
    assert said(last)[0] == (MANY, "Update, New", 10, 70)
    assert [row["finding_info"]["uid"] for row in first] == [row["finding_info"]["uid"] for row in last]
    assert len({row["metadata"]["uid"] for row in (*first, *last)}) == 4


def test_what_comes_after_all_answers_the_question(book: Rulebook) -> None:
    one = unseen(book)
    told(one, 50, gap(10, 40))
    assert [change for _, change, *_ in said(told(one, 60))] == ["Update, Resolved"] * 2
    assert told(one, 70) == []


def test_a_stretch_that_begins_elsewhere_than_was_known_is_the_same_question(book: Rulebook) -> None:
    one = unseen(book)
    first = told(one, 50, gap(10, 40))
    again = told(one, 60, gap(5, 40))
    assert said(again) == [(MANY, "Update, New", 5, 40), (LEFT, "Update, New", 5, 40)]
    assert [row["finding_info"]["uid"] for row in first] == [row["finding_info"]["uid"] for row in again]


def test_it_is_not_looked_again_until_the_sources_went_on(book: Rulebook) -> None:
    one = unseen(book)
    told(one, 50)
    assert one.look(51 * MINUTE, lambda: 1 / 0, 0) is None  # type: ignore[arg-type,return-value]


def test_after_a_restart_nothing_is_told_twice(book: Rulebook) -> None:
    one, other = unseen(book), unseen(book)
    told(one, 50, gap(10, 50, lasts=True))
    other.read(one.written())
    assert other.written() == one.written()
    assert told(other, 60, gap(10, 60, lasts=True)) == []
    assert said(told(other, 90, gap(10, 70)))[0] == (MANY, "Update, New", 10, 70)


def test_a_source_that_was_silent_is_a_question_in_the_lake(tmp_path: Path) -> None:
    """Doors are silent from five past eight to nine; other batches, a restart between them, ask nothing else."""

    def questions(folder: Path, batch: int, *, restarts: bool) -> list[dict[str, Any]]:
        port_estate(folder)
        (folder / "rules").mkdir()
        (folder / "rules" / "rules.yml").write_text(RULES)
        rows = [*DOORS, *(f"2026-03-02 09:1{minute}:30,gate,gate-in,1,Entered,In" for minute in range(5, 9))]
        (folder / "doors.csv").write_text(HEADER + "\n".join(rows) + "\n")
        (folder / "coverage.toml").write_text(
            '[[source]]\nid = "doors"\nsees = ["*"]\nheartbeat_s = 600\nlateness_s = 60\n'
        )
        (folder / "estate.toml").write_text(
            f'[engine]\nbatch_records = {batch}\n[[sources]]\nid = "doors"\npath = "doors.csv"\n'
            'integration = "access_csv"\n'
        )
        described = load(folder)
        ready = prepared(list(described.rules), integrations=described.integrations())
        going = True
        while going:
            with LocalEngine(described, ready) as engine:
                engine.collect(final=True)
                going = engine.process() is not None and restarts
                while not restarts and engine.process() is not None:
                    pass
        return small.rows(
            folder,
            "select finding_info.analytic.uid as rule, finding_info.uid as uid, message from detection_finding "
            "where list_contains(finding_info.types, 'not_evaluable') and wf.source_uid is null "
            "qualify row_number() over (partition by finding_info.uid order by time desc, activity_id desc) = 1 "
            "order by rule, message",
        )

    whole = questions(tmp_path / "whole", 100, restarts=False)
    assert {row["rule"] for row in whole} == {MANY, LEFT}
    assert any("from 2026-03-02 08:05:00 to 2026-03-02 09:00:00 (UTC)" in row["message"] for row in whole)
    assert questions(tmp_path / "parts", 2, restarts=True) == whole
    why = explained(load(tmp_path / "whole"), whole[0]["uid"])
    assert why.counted is not None and why.record == "" and why.counted.gaps[0].startswith("silent doors 2026-03-02T")
