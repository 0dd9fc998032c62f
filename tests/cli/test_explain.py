"""`watchfloor explain`: the rule, the record, the fields that decided."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Verb
from tests.run import small, test_living, test_private
from watchfloor.estate import load
from watchfloor.world.vault import UNMASKED


@pytest.fixture
def estate(watchfloor: Verb, tmp_path: Path) -> Path:
    made = small.estate(tmp_path, batch=7)
    (made / "logs" / "ws" / "a.json").write_bytes(small.lines(small.sysmon(i) for i in range(20)))
    assert watchfloor("run", made, "--once").code == 0
    return made


def test_every_finding_is_explained_by_its_own_record(watchfloor: Verb, estate: Path) -> None:
    found = small.rows(
        estate,
        "select finding_info.uid as uid, finding_info.analytic.uid as rule, wf.source_seq as seq "
        "from detection_finding",
    )
    assert len(found) == 8
    for each in found:
        (told,) = watchfloor("explain", each["uid"], "--estate", estate, "--json").objects
        assert told["rule"] == each["rule"] and told["sequence"] == each["seq"]
        assert f'"ProcessId":{1000 + each["seq"] - 1}' in told["record"]
        decided = [reason for reason in told["reasons"] if reason["matched"]]
        assert decided and decided[0]["value"]
    said = watchfloor("explain", found[0]["uid"][:12], "--estate", estate)
    assert said.code == 0 and "what decided" in said.out and "yes" in said.out and "logs/ws/a.json" in said.out


def test_questions_without_an_answer(watchfloor: Verb, estate: Path) -> None:
    for uid, word in (("abc", "four characters"), ("ffffffffffff", "no findings"), ("'; drop", "no uid")):
        said = watchfloor("explain", uid, "--estate", estate)
        assert said.code == 2 and word in said.err and "->" in said.err
    uid = small.rows(estate, "select finding_info.uid as uid from detection_finding")[0]["uid"]
    for rule in (estate / "rules").rglob("*.yml"):
        rule.unlink()
    said = watchfloor("explain", uid, "--estate", estate)
    assert said.code == 2 and "any more" in said.err


def test_an_alert_of_another_product_is_not_ours_to_explain(watchfloor: Verb, tmp_path: Path) -> None:
    estate = small.estate(tmp_path)
    alert = {"timestamp": "2026-01-31T10:00:00.000000+0000", "event_type": "alert", "src_ip": "192.0.2.1",
             "dest_ip": "192.0.2.2", "alert": {"signature_id": 1, "signature": "EXAMPLE", "severity": 1}}  # fmt: skip
    (estate / "logs" / "ws" / "eve.json").write_bytes(small.lines([alert]))
    assert watchfloor("run", estate, "--once").code == 0
    (row,) = small.rows(estate, "select finding_info.uid as uid, metadata.product.name as p from detection_finding")
    said = watchfloor("explain", row["uid"], "--estate", estate)
    assert said.code == 2 and row["p"] == "Suricata" and "Suricata raised this alert" in said.err


def test_an_estate_without_findings(watchfloor: Verb, tmp_path: Path) -> None:
    said = watchfloor("explain", "abcdef", "--estate", small.estate(tmp_path))
    assert said.code == 2 and "no findings" in said.err


def test_a_record_that_may_name_people_is_shown_for_a_reason_that_is_written_down(
    watchfloor: Verb, tmp_path: Path
) -> None:
    estate = test_private.estate(tmp_path)
    test_living.run(estate)
    for row in small.rows(estate, "select finding_info.uid as uid from detection_finding"):
        shown = watchfloor("explain", row["uid"], "--estate", estate)
        assert shown.code == 0 and "--names --reason" in shown.out
        (told,) = watchfloor("explain", row["uid"], "--estate", estate, "--json").objects
        assert told["record"] == "" and told["reasons"][-1]["matched"]
        assert told["reasons"][-1]["value"].startswith(("p-1", "anon-")), (
            "the rule names people; what is shown does not"
        )
    refused = watchfloor("explain", row["uid"], "--estate", estate, "--names")
    assert refused.code == 2 and "for a reason only" in refused.err
    written = load(estate).store / UNMASKED
    assert not written.exists()
    shown = watchfloor("explain", row["uid"], "--estate", estate, "--names", "--reason", "case 7")
    assert shown.code == 0 and "TargetUserName" in shown.out
    assert row["uid"] in written.read_text() and "case 7" in written.read_text()


def test_what_was_known_then_counts_and_not_what_is_known_now(watchfloor: Verb, tmp_path: Path) -> None:
    estate = test_living.estate(tmp_path)
    test_living.run(estate)
    rows = small.rows(
        estate,
        "select finding_info.uid as uid from detection_finding "
        f"where finding_info.analytic.uid = '{test_living.LEAVER}'",
    )
    people = estate / "people" / "people.csv"
    people.write_text(people.read_text().replace("2026-02-28", "2027-02-28"))  # the leaver stays after all
    (told,) = watchfloor("explain", rows[0]["uid"], "--estate", estate, "--json").objects
    assert [(one["column"], one["value"], one["matched"]) for one in told["reasons"]] == [
        ("asof.person.employment_status", "ended", True)
    ]
    assert told["known"]["asof.person.presence"] == "in"
