"""What is measured with can be believed: the workloads are what they say, on any machine."""

from __future__ import annotations

import random
import re
from pathlib import Path
from xml.etree import ElementTree

import orjson
import pytest
from benchmarks import plot, results, workloads
from benchmarks.recordings import Label
from benchmarks.scenarios import ORDINARY, Case, Found, _asked, scenario_of, score


def _made(name: str, count: int, folder: Path) -> list[bytes]:
    _, chunks = workloads.workload(name, count, shared=folder)
    return b"".join(chunks).splitlines()


@pytest.mark.parametrize("name", workloads.NAMES)
def test_a_workload_is_so_many_records_and_always_the_same(name: str, tmp_path: Path) -> None:
    lines = _made(name, 500, tmp_path)
    assert len(lines) == 500
    assert all(isinstance(orjson.loads(line), dict) for line in lines)
    assert lines == _made(name, 500, tmp_path)


@pytest.mark.parametrize(("name", "least", "most"), [("W1", 0.0, 0.6), ("procuniq", 0.7, 1.0), ("alluniq", 0.7, 1.0)])
def test_values_are_as_new_as_the_name_says(name: str, least: float, most: float, tmp_path: Path) -> None:
    events = [orjson.loads(line) for line in _made(name, 3_000, tmp_path)]
    texts = [
        value
        for event in events
        for field, value in event.items()
        if isinstance(value, str) and field not in workloads.KEPT
    ]
    assert least <= len(set(texts)) / len(texts) <= most


def test_process_creations_are_nothing_else(tmp_path: Path) -> None:
    assert {orjson.loads(line)["EventID"] for line in _made("procmix", 500, tmp_path)} == {1, 4688}


def test_a_new_value_is_of_the_same_kind() -> None:
    chance = random.Random(1)
    for text, kind in (
        ("{5770385f-c22a-43e0-bf4c-06f5698ffbd9}", workloads.GUID),
        ("2026-03-02T19:30:12.434Z", workloads.TIME),
        ("192.0.2.1", workloads.ADDRESS),
        ("0x3e7", workloads.NUMBER),
        ("4072", workloads.NUMBER),
        ("S-1-5-21-1-2-3-500", workloads.SID),
    ):
        made = workloads._new(text, chance)
        assert made != text
        assert kind.fullmatch(made)
    made = workloads._new("C:\\Windows\\System32\\cmd.exe", chance)
    assert made.startswith("C:\\Windows\\System32\\") and made.endswith("\\cmd.exe")


def test_the_page_of_figures_is_made_from_the_results() -> None:
    kept = results.sections(results.RESULTS.read_text("utf-8").replace("](../docs/", "]("))
    assert kept == results.sections(results.PAGE.read_text("utf-8"))
    assert set(kept) <= set(results.SECTIONS)
    assert all(re.search(r"^Commit ", said, re.MULTILINE) for said in kept.values())


def test_a_section_is_kept_in_both_files_with_its_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, file in (("RESULTS", "RESULTS.md"), ("PAGE", "measured.md")):
        monkeypatch.setattr(results, name, tmp_path / file)
    results.keep("soak", "text")
    results.keep("long_replay", "![Memory](docs/month.svg)")
    results.keep("soak", "other text")
    kept, page = ((tmp_path / file).read_text("utf-8") for file in ("RESULTS.md", "measured.md"))
    assert "](../docs/month.svg)" in kept and "](month.svg)" in page
    assert list(results.sections(page)) == ["long_replay", "soak"] and "other text" in page


def test_a_picture_of_lines_begins_at_nothing_and_holds_every_day(tmp_path: Path) -> None:
    plot.lines({"memory": [500.0, 600.0, 1000.0], "peak": [700.0, 800.0, 900.0]}, tmp_path / "x.svg", "A & B")
    drawn = ElementTree.parse(tmp_path / "x.svg")
    rows = [one.attrib["points"].split() for one in drawn.iter() if one.tag.endswith("polyline")]
    assert [len(points) for points in rows] == [3, 3]
    heights = [float(point.split(",")[1]) for point in rows[0]]
    bottom = 40 + plot.HIGH
    assert heights == pytest.approx([bottom - plot.HIGH / 2, bottom - plot.HIGH * 0.6, 40.0])
    texts = [one.text for one in drawn.iter() if one.tag.endswith("text")]
    assert {"A & B", "0", "1,000", "memory", "peak"} <= set(texts)


@pytest.mark.parametrize(
    ("label", "tags", "exact", "family"),
    [
        (("T1003.001",), ("T1003.001",), True, True),
        (("T1003.001",), ("T1003.002",), False, True),
        (("T1003.001",), ("T1003",), False, True),
        (("T1003",), ("T1003.002",), True, True),  # the label leaves open which
        (("T1003",), ("T10031",), False, False),
        (("T1562.002",), ("T1685.001",), True, True),  # ATT&CK v19 calls it so
        (("T1562.002",), ("T1685.002",), False, True),
        (("T1530", "T1078.004"), ("T1530",), True, True),
        ((), ("T1530",), False, False),
    ],
)
def test_a_label_is_met_exactly_or_by_its_family(
    label: tuple[str, ...], tags: tuple[str, ...], exact: bool, family: bool
) -> None:
    assert Label("", label).exact(tags, ()) is exact
    assert Label("", label).family(tags, ()) is family


def test_a_label_that_is_a_tactic_is_met_by_tactics_only() -> None:
    label = Label("", tactics=("defense-evasion",))
    assert label.exact((), ("defense-impairment",)) and not label.exact(("T1562",), ("execution",))


def test_findings_are_judged_by_the_case_they_belong_to() -> None:
    expected = ["finding", "finding", "finding", "none", "none", "not_evaluable", "indeterminate"]
    cases = [Case(number, "S7", "v", told, False) for number, told in enumerate(expected)]
    cases += [Case(7, "S7", "v", "finding", True), Case(8, "S2", "v", "none", False)]
    by_case = [0, 1, 1, 4, 8, 8, ORDINARY]
    found = [Found("S7", case, False) for case in by_case] + [Found("S7", 5, True), Found("S2", 3, False)]
    told = score("S7", cases, found)
    assert (told.to_find, told.once, told.again) == (3, 1, 1), "a disturbed case does not count"
    assert (told.twins, told.twins_found) == (2, 1), "another scenario's finding is not its own"
    assert (told.blind, told.honest) == (2, 1)
    assert told.ordinary == 3


@pytest.mark.parametrize(
    ("file", "told"),
    [("content/rules/s07_plc_download/rule.yml", "S7"), ("rules/s16_pivot/rule.yml", "S16"), ("rules/s3/r.yml", None),
     ("rules/sshd_refused/rule.yml", None)],
)  # fmt: skip
def test_a_rule_says_of_which_scenario_it_is(file: str, told: str | None) -> None:
    assert scenario_of(file) == told


def test_a_question_without_a_record_is_of_the_case_whose_outage_it_names() -> None:
    outage = {"source": "doors", "portals": ["gate"], "since_ms": 100, "until_ms": 200}
    case = Case(1, "S5", "blind", "not_evaluable", False, (outage,))
    asked = {"source": "doors", "of": "gate", "since": 150, "until": 300}
    assert case.asks(asked) and case.asks({**asked, "of": ""})
    assert not any(map(case.asks, ({**asked, "source": "hr"}, {**asked, "of": "yard"}, {**asked, "since": 200})))
    evidence = ['{"gaps": [{"source": "doors", "of": "gate", "since": 150, "until": 300}]}', "{}"]
    assert _asked([case], "S5", evidence) == [1] and _asked([case], "S3", evidence) == []
