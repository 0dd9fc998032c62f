"""What telemetry an estate has, by what its integrations make of vendor records."""

from __future__ import annotations

from pathlib import Path

from watchfloor.estate import find_integrations, load
from watchfloor.ocsf import schema
from watchfloor.run.evidence import NEEDS, given_by, telemetry
from watchfloor.world import directory

FORCED = "2026-01-19T07:10:00.000Z,1,North,Store 3,R-1,Area Alarm,Door Forced Open,,,\n"
DOORS = "EVENT_TIME_UTC,SERIAL,PANEL,READER,READER_ID,EVENT_TYPE,EVENT,BADGE_ID,FACILITY_CODE,DIRECTION\n"


def _leaves(name: str, prefix: str) -> set[str]:
    found: set[str] = set()
    for key, attribute in schema.load().object_(name).items():
        path = f"{prefix}.{key}"
        found |= _leaves(attribute.object, path) if attribute.object else {path}
    return found


def test_of_everything_the_world_tells_it_is_said_who_teaches_it() -> None:
    assert set(NEEDS) == _leaves("asof", "asof") | _leaves("lag", "lag") | _leaves("peer", "peer")


def test_golden_files_say_what_integrations_give() -> None:
    given = given_by(one for one in find_integrations() if one.id == "lenel_onguard")
    forced = [one for one in given if one.route["class_name"] == "physical_access_activity"]
    assert any(one.route["activity_id"] == 5 for one in forced)
    assert {"portal.name", "credential.uid", "deny_reason"} <= frozenset().union(*(one.columns for one in forced))


def test_sources_are_what_they_say_or_what_their_records_are(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(DOORS + FORCED)
    (tmp_path / "estate.toml").write_text(
        '[[sources]]\nid = "told"\npath = "nowhere.csv"\nintegration = "hr_csv"\n'
        '[[sources]]\nid = "seen"\npath = "a.csv"\n'
        '[[sources]]\nid = "globbed"\npath = "a*.csv"\n'
        '[[sources]]\nid = "gone"\npath = "gone.csv"\n'
    )
    estate = load(tmp_path)
    found = telemetry(estate, estate.world(), find_integrations())
    assert found.integrations == ("hr_csv", "lenel_onguard") and found.unknown == ("gone",)
    classes = {one.route["class_name"] for one in found.given}
    assert {"workforce_activity", "physical_access_activity"} <= classes
    assert not found.world and not found.context("asof.person.on_leave"), "no world, no context"


def test_the_world_knows_what_its_sources_teach(tmp_path: Path) -> None:
    (tmp_path / "people").mkdir()
    (tmp_path / "people" / "people.csv").write_text("uid,personnel_no\np-1,1001\n")
    (tmp_path / "estate.toml").write_text('[[sources]]\nid = "hr"\npath = "x.csv"\nintegration = "hr_csv"\n')
    estate = load(tmp_path)
    known = telemetry(estate, directory.load(tmp_path), find_integrations(), ["ip"]).context
    assert known("intel.ip.matched") and known("intel.confidence") and not known("intel.url.matched")
    assert known("asof.person.on_leave") and known("asof.person.employment_status") and known("wf.person_uid")
    assert not known("asof.dst_asset.open_work_order") and not known("asof.person.presence")
    assert not known("peer.role.logons.z") and not known("peer.role.egress_bytes_1d.z")


def test_of_many_products_those_count_that_come(tmp_path: Path) -> None:
    """A firewall that speaks CEF is no access control system, though the integration could read one."""
    cef = "CEF:0|Example Networks|NGFW|11.2|TRAFFIC|end|3|rt=1768204800123 src=192.0.2.10 dst=203.0.113.80 act=allow\n"
    (tmp_path / "fw.log").write_text(cef)
    (tmp_path / "estate.toml").write_text('[[sources]]\nid = "fw"\npath = "fw.log"\nintegration = "cef_leef"\n')
    estate = load(tmp_path)
    found = telemetry(estate, estate.world(), find_integrations())
    assert {one.route["metadata.product.name"] for one in found.given} == {"NGFW"}
    (tmp_path / "fw.log").unlink()
    found = telemetry(estate, estate.world(), find_integrations())
    assert len({one.route["metadata.product.name"] for one in found.given}) > 3, "nobody can say yet"
