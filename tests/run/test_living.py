"""An estate with a world: events come with context, rules may ask for it, and a crash leaves what a replay would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.run import small
from tests.world.test_world import port_estate
from watchfloor.errors import StoreFull
from watchfloor.estate import load
from watchfloor.run import living
from watchfloor.run.living import taken_up
from watchfloor.run.local import LocalEngine
from watchfloor.run.prepare import prepared
from watchfloor.store.lake import Lake
from watchfloor.world.world import World

LEAVER = "33333333-3333-4333-8333-333333333333"
ELSEWHERE = "44444444-4444-4444-8444-444444444444"
RULES = {
    "leaver.yml": f"""
title: A leaver at a door
id: {LEAVER}
status: test
level: high
logsource: {{category: physical_access, product: watchfloor}}
detection:
  selection: {{asof.person.employment_status: ended}}
  condition: selection
""",
    "elsewhere.yml": f"""
title: Logon at a console in a zone nobody saw the person enter
id: {ELSEWHERE}
status: test
level: high
logsource: {{product: windows, service: security}}
detection:
  selection: {{EventID: 4624}}
  elsewhere: {{lag.presence.zone|fieldref|neq: asof.dst_asset.zone}}
  condition: selection and elsewhere
""",
}
HEADER = "Date/Time,Door,Reader,Card Number,Event,Direction\n"
DOORS = [
    "2026-03-02 07:58:11,gate,gate-in,1,Entered,In",
    "2026-03-02 08:02:00,gate,gate-in,2,Entered,In",
    "2026-03-02 08:05:00,crane-door,crane-door-in,1,Entered,In",
    "2026-03-02 09:00:00,crane-door,crane-door-out,1,Exited,Out",
    "2026-03-02 09:10:00,gate,gate-in,9,Entered,In",
]


def logon(minute: int) -> dict[str, Any]:
    return {
        "Event": {
            "System": {
                "Provider": {"#attributes": {"Name": "Microsoft-Windows-Security-Auditing"}},
                "EventID": 4624,
                "Channel": "Security",
                "Computer": "hmi1.example.com",
                "TimeCreated": {"#attributes": {"SystemTime": f"2026-03-02T09:{minute:02d}:00.000000Z"}},
            },
            "EventData": {
                "TargetUserName": "ada", "TargetDomainName": "-", "LogonType": 2, "IpAddress": "-",
            },
        }
    }  # fmt: skip


def estate(folder: Path, *, batch: int = 100) -> Path:
    port_estate(folder)
    small.write_rules(folder / "rules", RULES)
    (folder / "doors.csv").write_text(HEADER + "\n".join(DOORS) + "\n")
    (folder / "hmi.ndjson").write_bytes(small.lines(logon(minute) for minute in (30, 40)))
    (folder / "estate.toml").write_text(
        f"[engine]\nbatch_records = {batch}\n"
        '[[sources]]\nid = "doors"\npath = "doors.csv"\nintegration = "access_csv"\n'
        '[[sources]]\nid = "hmi"\npath = "hmi.ndjson"\n'
    )
    return folder


def run(folder: Path, *, clock: Any = None) -> None:
    described = load(folder)
    ready = prepared(list(described.rules), integrations=described.integrations())
    with LocalEngine(described, ready, **({"clock": clock} if clock else {})) as engine:
        engine.collect(final=True)
        while engine.process() is not None:
            pass


def state(folder: Path) -> dict[str, list[Any]]:
    """All rows that follow from the records, without what tells when and in which batch."""
    access = small.rows(
        folder,
        """select time, activity_id, wf.person_uid, wf.place_uid, "asof".person.presence as presence,
        "asof".person.employment_status as employment, "asof".person.zone as zone, lag.presence.zone as before,
        lag.presence.slack_s as slack from physical_access_activity order by all""",
    )
    found = small.rows(
        folder,
        "select finding_info.analytic.uid as rule, count(*) as n from detection_finding group by all order by all",
    )
    learnt = small.rows(
        folder, "select person, time, sequence, place, strength, moved, source from sighting order by all"
    )
    return {"access": access, "found": found, "learnt": learnt}


def test_context_findings_and_what_was_learnt(tmp_path: Path) -> None:
    folder = estate(tmp_path / "estate")
    run(folder)
    rows = state(folder)
    assert [(row["person_uid"], row["place_uid"], row["employment"]) for row in rows["access"]] == [
        ("p-1", "yard", "active"),
        ("p-2", "yard", "ended"),
        ("p-1", "crane", "active"),
        ("p-1", "yard", "active"),
        (None, "yard", None),
    ]
    assert {row["rule"]: row["n"] for row in rows["found"]} == {LEAVER: 1, ELSEWHERE: 1}, (
        "the second logon is no news: the first placed the person there"
    )
    assert len(rows["learnt"]) == 6
    logons = small.rows(folder, "select wf.asset_uid, wf.person_uid from authentication")
    assert logons == [{"asset_uid": "a-1", "person_uid": "p-1"}] * 2


def test_names_of_people_are_in_no_table_of_the_world(tmp_path: Path) -> None:
    folder = estate(tmp_path / "estate")
    run(folder)
    for table in ("sighting",):
        for row in Lake(folder / "var" / "lake", read_only=True).read(table).to_pylist():
            assert "1001" not in map(str, row.values()) and "ada" not in map(str, row.values())


def test_what_is_usual_is_taken_up_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(living, "WHOLE_EVERY", 3)
    whole, pieces = estate(tmp_path / "whole"), estate(tmp_path / "pieces", batch=1)
    run(whole)
    run(pieces)
    kept = []
    for folder in (whole, pieces):
        described = load(folder)
        lake = Lake(described.store / "lake", read_only=True)
        kept.append(sums(taken_up(described.world(), lake)))
    assert kept[0] == kept[1] == [("p-1", 1 << 7 | 1 << 8), ("p-2", 1 << 8)], "hours, each once"
    assert sums(taken_up(described.world(), lake, until=1)) == [("p-1", 1 << 7)], "as of the first batch"


def sums(world: World) -> list[tuple[str, int]]:
    table = world.peers.to_table()
    return sorted(zip(table["person"].to_pylist(), table["amount"].to_pylist(), strict=True))


def test_batches_one_record_each_give_the_same_presence(tmp_path: Path) -> None:
    whole, pieces = estate(tmp_path / "whole"), estate(tmp_path / "pieces", batch=1)
    run(whole)
    run(pieces)
    assert state(whole)["learnt"] == state(pieces)["learnt"]
    assert state(whole)["access"] == state(pieces)["access"], "records came in order of time"


def test_what_is_known_of_people_is_read_before_what_asks_for_it(tmp_path: Path) -> None:
    """Months read at once: batches hold one record each, and the doors come last in the estate's file."""
    folder = estate(tmp_path, batch=1)
    settings = (folder / "estate.toml").read_text().split("[[sources]]")
    (folder / "estate.toml").write_text("[[sources]]".join([settings[0], settings[2], settings[1]]))
    run(folder)
    rows = Lake(load(folder).store / "lake", read_only=True).read("authentication").to_pylist()
    assert [row["lag"]["presence"]["zone"] for row in sorted(rows, key=lambda row: row["time"])] == [
        "z-yard",
        "z-crane",
    ]


@pytest.mark.parametrize("failing", ["sighting", "physical_access_activity", "detection_finding"])
def test_a_batch_that_failed_half_way_teaches_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    whole, broken = estate(tmp_path / "whole", batch=2), estate(tmp_path / "broken", batch=2)
    run(whole)
    take = Lake.take
    failed: list[str] = []

    def refuse(self: Lake, name: str, *args: Any, **more: Any) -> bool:
        if name == failing and len(failed) < 2:
            failed.append(name)
            raise StoreFull("no space left", remedy="make room")
        return take(self, name, *args, **more)

    monkeypatch.setattr(Lake, "take", refuse)
    for _ in range(2):
        with pytest.raises(StoreFull):
            run(broken)
    run(broken)
    assert failed == [failing] * 2
    assert state(broken) == state(whole)
    batches = small.rows(broken, "select batch, count(*) from sighting group by all order by all")
    assert batches == small.rows(whole, "select batch, count(*) from sighting group by all order by all")
