"""Where the time goes: costs add up, reasons are true, the flame graph is one file that needs nothing."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.run import small
from watchfloor.collect.mapper import Mapper
from watchfloor.detect.rule import Logsource
from watchfloor.detect.rulebook import load_rules
from watchfloor.detect.taxonomy import Taxonomy
from watchfloor.estate import find_integrations
from watchfloor.run.flame import Frame, svg
from watchfloor.run.profile import STAGES, Profile, flame, profile

LAUNCHES = "{product: windows, category: process_creation}"
FATES = {  # title -> (log source, detection, reason, part of the detail)
    "fires": (LAUNCHES, r"selection: {Image|endswith: '\whoami.exe'}", None, ""),
    "nobody": (LAUNCHES, "selection: {a: b}", "unknown log source", "nosuchthing"),
    "elsewhere": ("{product: linux, category: process_creation}", "selection: {Image: a}", "no log source", "linux"),
    "other event": (
        "{product: windows, service: sysmon}", "selection: {EventID: 255, Image: a}", "no such event", "EventID"
    ),
    "no field": (LAUNCHES, r"selection: {Image|endswith: '\whoami.exe', Hashes|contains: 'abc'}", "no field", "Hashes"),
    "never seen": (LAUNCHES, "selection: {CommandLine|contains: ['mimikatz', 'rubeus']}", "never seen", "(or 1 more)"),
    "never together": (
        LAUNCHES, r"selection: {Image|endswith: '\whoami.exe', CommandLine|contains: '-enc'}", "false", "all together"
    ),
    "own filter": (
        LAUNCHES,
        "selection: {CommandLine|contains: '-enc'}\n  filter: {Image|startswith: 'C:\\'}",
        "false",
        "always excluded: Image startswith 'c:\\\\'",
    ),
    "expression": (LAUNCHES, "selection: {CommandLine|re: 'zzz[0-9]+'}", "never seen", "zzz"),
}  # fmt: skip


def rule(number: int, title: str) -> str:
    logsource, detection, *_ = FATES[title]
    condition = "selection and not filter" if "filter" in detection else "selection"
    return (
        f"title: {title}\nid: 00000000-0000-4000-8000-{number:012d}\nlevel: high\nlogsource: {logsource}\n"
        f"detection:\n  {detection}\n  condition: {condition}\n"
    )


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Profile:
    folder = tmp_path_factory.mktemp("profile")
    small.write_rules(folder / "rules", {f"{n}.yml": rule(n, title) for n, title in enumerate(FATES)})
    (folder / "log.json").write_bytes(small.lines(small.sysmon(i) for i in range(50)))
    taxonomy = Taxonomy.load()
    book = load_rules([folder / "rules"])
    assert len(book.rules) == len(FATES)
    rules = [
        replace(rule, logsource=Logsource(product="nosuchthing")) if rule.title == "nobody" else rule
        for rule in book.rules
    ]
    return profile([folder / "log.json"], rules, taxonomy, Mapper(find_integrations()), now=0)


@pytest.mark.parametrize("title", FATES)
def test_why_a_rule_never_fired(found: Profile, title: str) -> None:
    (cost,) = [cost for cost in found.costs.rules if cost.rule.title == title]
    *_, reason, detail = FATES[title]
    if reason is None:
        assert cost.never is None and cost.hits == 10
    else:
        assert cost.hits == 0 and cost.never is not None
        assert (cost.never.reason, detail in cost.never.detail) == (reason, True), cost.never


def test_everything_adds_up(found: Profile) -> None:
    costs, stages = found.costs, found.stages
    assert tuple(stages) == STAGES and all(seconds >= 0 for seconds in stages.values())
    assert found.totals.read == found.totals.mapped == 50
    assert sum(stages[name] for name in ("read", "tokenise", "map", "findings")) > 0
    fields = sum(field.seconds for field in costs.fields)
    assert fields == pytest.approx(stages["values"])
    assert fields == pytest.approx(sum(one.seconds for one in costs.comparisons))
    for field in costs.fields:
        assert sum(field.kinds.values()) == pytest.approx(field.seconds)
    assert sum(seconds for _, _, seconds, _ in costs.by_case) == pytest.approx(stages["rows"])
    shares = sum(cost.seconds for cost in costs.rules)
    assert 0 < shares <= stages["values"] + stages["rows"] + 1e-9
    for cost in costs.rules:
        assert 0 <= cost.saved <= cost.seconds + 1e-12
        assert cost.own <= cost.comparisons and cost.hits <= cost.candidates <= cost.rows
    assert [cost.seconds for cost in costs.rules] == sorted((cost.seconds for cost in costs.rules), reverse=True)
    assert found.matched == 10 and found.candidates == sum(cost.candidates for cost in costs.rules)


def test_shared_and_own_comparisons(found: Profile) -> None:
    by_title = {cost.rule.title: cost for cost in found.costs.rules}
    assert (by_title["fires"].comparisons, by_title["fires"].own) == (1, 0)
    assert (by_title["no field"].comparisons, by_title["no field"].own) == (2, 1)
    (whoami,) = [one for one in found.costs.comparisons if "whoami" in one.test]
    assert (len(whoami.rules), whoami.values, whoami.rows, whoami.kind) == (3, 1, 10, "endswith")
    (expression,) = [one for one in found.costs.comparisons if one.kind == "regex"]
    assert by_title["expression"].saved >= expression.seconds > 0, "nobody else asks for it"
    assert by_title["never seen"].saved < by_title["never seen"].seconds, "others need the machine"
    image = next(field for field in found.costs.fields if field.name == "Image")
    assert image.columns == ("process.file.path",) and image.values == 5 and image.rows == 50


# -- the flame graph


def below(frame: Frame) -> list[Frame]:
    return [frame, *(inner for child in frame.children for inner in below(child))]


def test_no_part_is_larger_than_its_whole(found: Profile) -> None:
    root = flame(found)
    assert root.value == pytest.approx(sum(found.stages.values()))
    assert [child.name for child in root.children] == ["read", "tokenise", "map", "detect", "findings"]
    for frame in below(root):
        assert sum(child.value for child in frame.children) <= frame.value * (1 + 1e-9)
        assert [child.value for child in frame.children if frame is not root] == sorted(
            (child.value for child in frame.children if frame is not root), reverse=True
        )
    names = {frame.name for frame in below(root)}
    assert {"process_activity", "values", "rows", "CommandLine", "contains", "regex"} <= names
    assert any("zzz" in name for name in names)


def test_the_picture_is_one_file_that_needs_nothing(found: Profile) -> None:
    text = svg(flame(found), "a title")
    tree = ET.fromstring(text)
    kinds = {element.tag.rpartition("}")[2] for element in tree.iter()}
    assert kinds == {"svg", "title", "style", "rect", "text", "g"}, "no script, no image, no link"
    assert text.count("http") == 1 and 'xmlns="http://www.w3.org/2000/svg"' in text
    assert "url(" not in text and "@import" not in text
    width = float(tree.attrib["width"])
    for box in tree.iter("{http://www.w3.org/2000/svg}rect"):
        left = float(box.attrib.get("x", 0))
        assert left >= 0 and left + float(box.attrib["width"]) <= width


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "a & b", 'quo"te', "nul\0 bell\7", "\ud800 alone", "\uffff"]
)
def test_names_are_text_whatever_they_hold(name: str) -> None:
    text = svg(Frame("all", 2.0, [Frame(name, 2.0, note=name)]), name)
    tree: Any = ET.fromstring(text.encode())
    assert not [element for element in tree.iter() if element.tag.endswith("script")]


def test_boxes_too_narrow_to_see_are_left_out_and_nothing_is_no_picture() -> None:
    many = [Frame(f"part {i}", 1.0) for i in range(10_000)]
    assert svg(Frame("all", 10_000.0, many), "many").count("<g>") == 1
    assert svg(Frame("all", 0.0), "nothing").count("<g>") == 0
    half = svg(Frame("all", 4.0, [Frame("half", 2.0), Frame("quarter", 1.0)]), "shares")
    assert "50.0 %" in half and "25.0 %" in half and "all &gt; half" in half


def test_nothing_found_and_nothing_read(tmp_path: Path) -> None:
    small.write_rules(tmp_path / "rules")
    book = load_rules([tmp_path / "rules"])
    (tmp_path / "empty.json").write_bytes(b"")
    found = profile([tmp_path / "empty.json"], book.rules, Taxonomy.load(), Mapper(find_integrations()), now=0)
    assert {cost.never.reason for cost in found.costs.rules if cost.never} == {"no log source"}
    assert ET.fromstring(svg(flame(found), "empty")) is not None
