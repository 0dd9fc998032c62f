"""What an estate that runs leaves on the disk: names in the raw landing and the vault, and nowhere else."""

from __future__ import annotations

import json
import stat
from pathlib import Path

from tests.run import small
from tests.run.test_living import HEADER, logon, run
from tests.world.test_world import port_estate
from watchfloor.estate import load
from watchfloor.store.lake import Lake
from watchfloor.world.vault import FILE

PEOPLE = (
    "uid,personnel_no,name,email,role,start\n"
    "p-1,E-1001,Ada Lovage,ada@example.com,crane_operator,2026-01-01\np-2,E-1002,Bo Bergamot,,clerk,2026-01-01\n"
)
IDENTIFIERS = ("lovage", "bergamot", "ada@example.com", "e-1002", "mallory", '"ada"')
RULE = {
    "logon.yml": """
title: Anybody at a console
id: 55555555-5555-4555-8555-555555555555
status: test
level: low
logsource: {product: windows, service: security}
detection:
  selection: {EventID: 4624, TargetUserName: [ada, mallory]}
  condition: selection
"""
}


def estate(folder: Path, privacy: str = "") -> Path:
    port_estate(folder)
    (folder / "people/people.csv").write_text(PEOPLE)
    small.write_rules(folder / "rules", RULE)
    (folder / "doors.csv").write_text(
        HEADER.strip() + ",Holder,Remark\n2026-03-02 07:58:11,gate,gate-in,1,Entered,In,Ada Lovage,for E-1002\n"
        '2026-03-02 07:59:11,gate,gate-in,2,Entered,In,"Bergamot, Bo",sent by ada@example.com\n'
    )
    stranger = logon(40)
    stranger["Event"]["EventData"]["TargetUserName"] = "mallory"
    (folder / "hmi.ndjson").write_bytes(small.lines([logon(30), stranger]))
    (folder / "estate.toml").write_text(
        f"{privacy}\n"
        '[[sources]]\nid = "doors"\npath = "doors.csv"\nintegration = "access_csv"\n'
        '[[sources]]\nid = "hmi"\npath = "hmi.ndjson"\n'
    )
    return folder


def told(folder: Path) -> str:
    lake = Lake(load(folder).store / "lake", read_only=True)
    tables = {name: lake.read(name).to_pylist() for name in lake.tables()}
    assert {"physical_access_activity", "authentication", "detection_finding", "sighting"} <= set(tables)
    assert len(tables["detection_finding"]) == 2, "rules see what the source said"
    return json.dumps(tables, default=str).lower()


def test_no_personal_identifier_outside_the_vault_and_the_landing(tmp_path: Path) -> None:
    folder = estate(tmp_path)
    run(folder)
    text = told(folder)
    assert not [name for name in IDENTIFIERS if name in text]
    assert text.count('"p-1"') >= 4 and "anon-" in text
    vault = load(folder).store / FILE
    assert stat.S_IMODE(vault.stat().st_mode) == 0o600 and b"Ada Lovage" in vault.read_bytes()


def test_an_estate_may_keep_names_in_its_events(tmp_path: Path) -> None:
    folder = estate(tmp_path, "[privacy]\npseudonyms = false")
    run(folder)
    text = told(folder)
    assert [name for name in IDENTIFIERS if name in text] == list(IDENTIFIERS)
    assert not (load(folder).store / FILE).exists()
