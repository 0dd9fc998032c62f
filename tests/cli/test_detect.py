"""`watchfloor detect`: files in, findings out."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
import zstandard

from tests.cli.conftest import Verb
from tests.run import small
from watchfloor.cli.detect import _strip


def test_a_table_for_people(watchfloor: Verb, logs: Path, rules: Path) -> None:
    said = watchfloor("detect", logs, "--rules", rules)
    assert said.code == 0
    rows = said.out.splitlines()
    assert rows[0].split()[:5] == ["level", "count", "rule", "host", "user"]
    assert rows[1].startswith("high") and "Whoami was run" in rows[1] and " 10 " in rows[1]
    assert rows[2].startswith("low") and "Encoded command line" in rows[2]
    assert said.counts == (50, 50, 0)
    assert "findings: 20" in said.err and "windows 50" in said.err and "files: 2" in said.err
    assert "\x1b" not in said.out + said.err, "colour where nobody looks"


def test_json_is_findings_and_nothing_else(watchfloor: Verb, logs: Path, rules: Path) -> None:
    said = watchfloor("detect", logs, "--rules", rules, "--json")
    assert said.code == 0 and said.counts == (50, 50, 0)
    found = said.objects
    assert Counter(each["finding_info"]["analytic"]["uid"] for each in found) == {small.WHOAMI: 10, small.ENCODED: 10}
    for each in found:
        assert each["class_uid"] == 2004
        place = each["watchfloor"]
        assert set(place) == {"file", "record", "rule_file"}
        number = place["record"] - 1 + (30 if place["file"].endswith("b.log") else 0)
        wanted = {small.WHOAMI: 0, small.ENCODED: 1}[each["finding_info"]["analytic"]["uid"]]
        assert number % 5 == wanted, "record is its number in the file, from 1"
        assert Path(place["file"]).is_relative_to(logs) and Path(place["file"]).is_file()
        assert Path(place["rule_file"]).is_file()
    assert len({each["finding_info"]["uid"] for each in found}) == 20


def test_min_level(watchfloor: Verb, logs: Path, rules: Path) -> None:
    said = watchfloor("detect", logs, "--rules", rules, "--json", "--min-level", "high")
    assert {each["finding_info"]["analytic"]["uid"] for each in said.objects} == {small.WHOAMI}
    assert said.counts == (50, 50, 0)
    said = watchfloor("detect", logs, "--rules", rules, "--min-level", "hgih")
    assert said.code == 2 and "hgih" in said.err and "critical" in said.err


def test_rules_from_files_folders_and_zip_archives(watchfloor: Verb, logs: Path, rules: Path, tmp_path: Path) -> None:
    archive = tmp_path / "rules.zip"
    with zipfile.ZipFile(archive, "w") as out:
        out.write(rules / "deeper" / "encoded.yml", "sigma/rules/encoded.yml")
    said = watchfloor("detect", logs, "--rules", rules / "whoami.yml", "--rules", archive, "--json")
    files = {each["watchfloor"]["rule_file"] for each in said.objects}
    assert len(said.objects) == 20 and len(files) == 2
    assert any("rules.zip" in file and file.endswith("encoded.yml") for file in files)
    said = watchfloor("detect", logs, "--rules", rules / "whoami.yml", rules / "deeper", "--json")
    assert len(said.objects) == 20, "one --rules takes several"


def test_the_same_rule_twice_finds_once(watchfloor: Verb, logs: Path, rules: Path) -> None:
    said = watchfloor("detect", logs, "--rules", rules, "--rules", rules, "--json")
    assert len(said.objects) == 20


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": zstandard.ZstdCompressor().compress,
}


@pytest.mark.parametrize("kind", PACKED)
def test_compressed(watchfloor: Verb, rules: Path, tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"log.{kind}"
    path.write_bytes(PACKED[kind](small.lines(small.sysmon(i) for i in range(10))))
    said = watchfloor("detect", path, "--rules", rules, "--json")
    assert said.counts == (10, 10, 0) and len(said.objects) == 4


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_archives_are_read_member_by_member(watchfloor: Verb, rules: Path, tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"logs.{kind}"
    parts = {f"host{i}/x.json": small.lines(small.sysmon(i * 10 + j) for j in range(10)) for i in range(3)}
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as out:
            for name, data in parts.items():
                out.writestr(name, data)
    else:
        with tarfile.open(path, "w:gz") as tar:
            for name, data in parts.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    said = watchfloor("detect", path, "--rules", rules, "--json")
    assert said.counts == (30, 30, 0)
    assert Counter(Path(each["watchfloor"]["file"]).parent.name for each in said.objects) == {
        "host0": 4, "host1": 4, "host2": 4,
    }  # fmt: skip


def test_formats_are_recognised_by_content_not_by_name(watchfloor: Verb, rules: Path, tmp_path: Path) -> None:
    records = [small.sysmon(i) for i in range(10)]
    folder = tmp_path / "mixed"
    folder.mkdir()
    (folder / "one.txt").write_bytes(small.lines(records))
    (folder / "two.dat").write_bytes(orjson.dumps(records, option=orjson.OPT_INDENT_2))
    (folder / "three").write_bytes(orjson.dumps({"Records": records}))
    data = [record["Event"]["EventData"] for record in records]
    rows = [["EventID", "Channel", "ProviderName", "Computer", "Image", "CommandLine"]]
    rows += [["1", "Microsoft-Windows-Sysmon/Operational", "Microsoft-Windows-Sysmon", "ws", d["Image"],
              d["CommandLine"]] for d in data]  # fmt: skip
    (folder / "four.log").write_text("\n".join(",".join(row) for row in rows) + "\n")
    said = watchfloor("detect", folder, "--rules", rules, "--json")
    assert said.counts == (40, 40, 0)
    assert Counter(Path(each["watchfloor"]["file"]).name for each in said.objects) == {
        "one.txt": 4, "two.dat": 4, "three": 4, "four.log": 4,
    }  # fmt: skip


def test_what_is_forced_is_believed(watchfloor: Verb, rules: Path, tmp_path: Path) -> None:
    path = tmp_path / "odd.json"
    path.write_bytes(orjson.dumps({"answer": {"hits": [small.sysmon(0), small.sysmon(5)]}, "x": [1, 2, 3, 4]}))
    said = watchfloor("detect", path, "--rules", rules, "--records", "answer.hits", "--json")
    assert said.counts == (2, 2, 0) and len(said.objects) == 2
    lines = tmp_path / "lines.json"
    lines.write_bytes(small.lines([small.sysmon(0)]))
    said = watchfloor("detect", lines, "--rules", rules, "--format", "text", "--json")
    assert said.counts == (1, 1, 0) and said.objects == [], "as text it is a line, not a launch"
    said = watchfloor("detect", lines, "--rules", rules, "--format", "txet")
    assert said.code == 2 and "txet" in said.err and "ndjson" in said.err
    said = watchfloor("detect", lines, "--rules", rules, "--integration", "okta", "--json")
    assert said.code == 0 and said.counts[0] == 1
    said = watchfloor("detect", lines, "--rules", rules, "--integration", "octa")
    assert said.code == 2 and "octa" in said.err and "okta" in said.err


def test_exit_4_when_an_input_is_missing_and_the_rest_is_done(watchfloor: Verb, logs: Path, rules: Path) -> None:
    said = watchfloor("detect", logs / "nowhere", logs, "--rules", rules, "--json")
    assert said.code == 4 and len(said.objects) == 20 and said.counts == (50, 50, 0)
    assert "nowhere" in said.err


def test_exit_2_for_nonsense(watchfloor: Verb, logs: Path, rules: Path) -> None:
    for arguments in (("detect",), ("detect", logs), ("detect", "--rules", rules), ("detect", logs, "--rule", rules)):
        said = watchfloor(*arguments)
        assert said.code == 2 and said.err.count("\n") <= 3 and not said.out, said


def test_exit_3_without_one_rule(watchfloor: Verb, logs: Path, tmp_path: Path) -> None:
    said = watchfloor("detect", logs, "--rules", tmp_path / "no-such-rules")
    assert said.code == 3 and "no-such-rules" in said.err
    broken = small.write_rules(tmp_path / "broken", {"x.yml": "title: [\n"})
    said = watchfloor("detect", logs, "--rules", broken)
    assert said.code == 3 and "x.yml:" in said.err and "not one rule" in said.err


def test_no_findings_is_no_error(watchfloor: Verb, rules: Path, tmp_path: Path) -> None:
    path = tmp_path / "calm.json"
    path.write_bytes(small.lines([small.sysmon(2)]))
    said = watchfloor("detect", path, "--rules", rules)
    assert said.code == 0 and said.out.strip() == "no findings" and said.counts == (1, 1, 0)
    assert watchfloor("detect", path, "--rules", rules, "--json").out == ""


def test_order_of_files_does_not_matter(watchfloor: Verb, logs: Path, rules: Path) -> None:
    one, two = logs / "a.json", logs / "deeper" / "b.log"
    forth = watchfloor("detect", one, two, "--rules", rules, "--json").objects
    back = watchfloor("detect", two, one, "--rules", rules, "--json").objects
    assert {each["finding_info"]["uid"] for each in forth} == {each["finding_info"]["uid"] for each in back}


def test_leftovers_and_problems_are_listed(watchfloor: Verb, rules: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(small.lines([small.sysmon(0, Nobody="took this")]))
    (rules / "bad.yml").write_text("title: no detection\nid: 33333333-3333-4333-8333-333333333333\n")
    said = watchfloor("detect", path, "--rules", rules, "--leftovers", "--problems")
    assert said.code == 0 and "Nobody" in said.err and "bad.yml:" in said.err


def test_limit_cuts_the_table_and_says_so(watchfloor: Verb, logs: Path, rules: Path) -> None:
    said = watchfloor("detect", logs, "--rules", rules, "--limit", "1")
    assert "Encoded" not in said.out and "1 more" in said.out


def test_markup_in_a_log_is_text(watchfloor: Verb, rules: Path, tmp_path: Path) -> None:
    record = small.sysmon(0, User="EXAMPLE\\[bold red]eve[/]")
    record["Event"]["System"]["Computer"] = "[/link]ws"
    path = tmp_path / "[red]a.json"
    path.write_bytes(small.lines([record]) + b"broken [/bold]\n")
    said = watchfloor("detect", path, "--rules", rules)
    assert said.code == 0 and "[bold red]eve[/]" in said.out and "[/link]ws" in said.out


def test_a_terminal_is_not_driven_by_a_log(watchfloor: Verb, rules: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(small.lines([small.sysmon(0, User="EXAMPLE\\\x1b]0;owned\x07eve")]))
    said = watchfloor("detect", path, "--rules", rules)
    assert "\x1b" not in said.out and "\x07" not in said.out


def test_the_strip_shows_where_in_time() -> None:
    assert _strip([0], 0, 0)[0] == "█"
    strip = _strip([0, 0, 50, 100], 0, 100)
    assert strip[0] == "█" and strip[-1] != " " and strip.strip() == strip
    assert _strip([-(2**62), 2**62], -(2**62), 2**62).count(" ") == len(strip) - 2


@pytest.mark.parametrize("width", [40, 50, 80, 100, 120, 200])
def test_the_table_fits_the_screen(
    watchfloor: Verb, rules: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    from watchfloor.cli import screen

    title = "A rule whose title is as long as titles of rules are in practice, or so"
    (rules / "long.yml").write_text(small.RULES["whoami.yml"].replace("Whoami was run", title).replace("1111", "5555"))
    record = small.sysmon(0, User="EXAMPLE\\a.person.with.a.long.name")
    record["Event"]["System"]["Computer"] = "a-host-with-a-long-name.department.example.com"
    log = tmp_path / "a.json"
    log.write_bytes(small.lines([record, small.sysmon(5)]))
    monkeypatch.setattr(screen, "_width", lambda stream: width)
    said = watchfloor("detect", log, "--rules", rules)
    assert all(len(line) <= width for line in said.out.splitlines()), said.out
    shown = " ".join(said.out.split())
    for word in title.split():
        assert word in shown, "the rule stays readable"
    assert "high" in said.out and " 2 " in said.out
    assert ("host" in said.out) == (width > 66) and ("user" in said.out.splitlines()[0]) == (width > 88)


def test_many_files_that_are_no_logs_are_one_line(watchfloor: Verb, logs: Path, rules: Path) -> None:
    for i in range(50):
        (logs / f"page{i}.md").write_text("# no log\n")
    said = watchfloor("detect", logs, "--rules", rules)
    assert said.code == 0 and said.counts == (50, 50, 0)
    assert said.err.count("not read") == 1 and "49 more" in said.err


def test_the_first_run_says_that_it_compiles(capsys: pytest.CaptureFixture[str]) -> None:
    from numba import njit

    from watchfloor.cli.screen import announce_compiling

    announce_compiling()
    assert "compiling" not in capsys.readouterr().err
    njit(lambda number: number + 1)(1)
    assert capsys.readouterr().err.count("compiling the kernels") == 1
    njit(lambda number: number + 2)(1)
    assert "compiling" not in capsys.readouterr().err
