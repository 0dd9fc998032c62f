"""Logs of DHCP servers: who had an address, all the way to the table of aliases."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import PROJECT
from tests.run import small
from tests.run.test_living import run
from tests.world.test_directory import written

SAMPLES = PROJECT / "src" / "watchfloor" / "integrations" / "dhcp" / "samples"


def test_an_acknowledged_lease_names_an_asset(tmp_path: Path) -> None:
    assets = "uid,kind,mac\na-1,host,00:00:5e:00:53:01\na-2,host,00:00:5e:00:53:11\na-3,host,00:00:5e:00:53:03\n"
    folder = written(tmp_path / "estate", {"assets/assets.csv": assets})
    (folder / "rules").mkdir()
    (folder / "estate.toml").write_text(f'[[sources]]\nid = "dhcp"\npath = "{SAMPLES}/*.log"\n')
    run(folder)
    counts = small.rows(folder, "select activity_id as kind, count(*) as n from dhcp_activity group by 1 order by 1")
    assert {row["kind"]: row["n"] for row in counts} == {1: 1, 2: 2, 3: 1, 4: 1, 5: 4, 6: 1, 7: 2, 8: 1}
    leases = small.rows(
        folder,
        "select value, entity, valid_to - valid_from as lasts from alias where entity <> '' order by value",
    )
    assert [(row["value"], row["entity"], row["lasts"]) for row in leases] == [
        ("10.0.3.7", "a-1", 86_400_000),  # dhcpd does not say for how long
        ("10.0.4.18", "a-2", 3_600_000),
    ], "what a server offers, refuses or acknowledges without an address gives nothing out"
    given_back = small.rows(folder, "select value from alias where entity = '' order by value")
    assert [row["value"] for row in given_back] == ["10.0.3.7", "10.0.4.18"], "released: nobody's until given out again"
    (relayed,) = small.rows(folder, "select relay.ip as relay from dhcp_activity where activity_id = 6")
    assert relayed["relay"] == "10.0.3.1"
    assert small.rows(folder, "select 1 from quarantine") == []
