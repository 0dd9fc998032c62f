"""Back-test: rules that did not change find what they found; those that did, what differs; the lake stays as it is."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.conftest import PROJECT
from tests.run import small
from tests.run.small import ENCODED, RULES, WHOAMI
from tests.run.test_correlating import CLEAN, RIGHT, SPRAY
from tests.run.test_correlating import RULES as CORRELATIONS
from tests.run.test_standing import LINES
from tests.run.test_standing import estate as signing_in
from watchfloor.detect.rulebook import Rulebook, load_rules
from watchfloor.errors import UsageError
from watchfloor.estate import load
from watchfloor.run.local import LocalEngine
from watchfloor.run.prepare import prepared
from watchfloor.run.replay import Compared, replayed
from watchfloor.run.revision import changed, rulebook_at

EVER, NEVER = 0, 4_000_000_000_000
"""From when until when, milliseconds."""

git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not there")


def run(folder: Path) -> Path:
    described = load(folder)
    ready = prepared([path for path in described.rules if path.exists()], placeholders=described.placeholders)
    with LocalEngine(described, ready, clock=lambda: 1_772_360_000_000) as engine:
        engine.collect(final=True)
        while engine.process() is not None:
            pass
    return folder


def ran(folder: Path, count: int = 100) -> Path:
    """A small estate that has taken records, in batches, over two days."""
    made = small.estate(folder, batch=30)
    records = [small.sysmon(number * 1200) | {} for number in range(count)]
    for number, record in enumerate(records):
        data = record["Event"]["EventData"]
        data["Image"] = f"C:\\Windows\\System32\\{small.BINARIES[number % 5]}"
        data["CommandLine"] = "powershell.exe -enc 00" if number % 5 == 1 else "x"
    (made / "logs" / "ws" / "a.ndjson").write_bytes(small.lines(records))
    return run(made)


def book(folder: Path) -> Rulebook:
    found = load_rules(list(load(folder).rules))
    assert not found.problems
    return found


def all_of(rules: Rulebook) -> dict[str, str]:
    return dict.fromkeys((*(rule.id for rule in rules.rules), *(rule.id for rule in rules.correlations)), "")


def compared(
    folder: Path, chosen: Mapping[str, str] | None = None, since: int = EVER, until: int = NEVER
) -> dict[str, Compared]:
    rules = book(folder)
    found = replayed(load(folder), rules, all_of(rules) if chosen is None else chosen, since, until)
    return {one.rule: one for one in found}


def counts(found: Mapping[str, Compared]) -> dict[str, tuple[int, int, int]]:
    return {rule: (one.same, len(one.added), len(one.gone)) for rule, one in found.items()}


def everything(folder: Path) -> dict[str, str]:
    """Every file of the store and a hash of it."""
    files = sorted(path for path in (folder / "var").rglob("*") if path.is_file())
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_what_did_not_change_finds_the_same_and_the_lake_is_not_touched(tmp_path: Path) -> None:
    folder = ran(tmp_path)
    before = everything(folder)
    assert counts(compared(folder)) == {WHOAMI: (20, 0, 0), ENCODED: (20, 0, 0)}
    assert everything(folder) == before


def test_what_changed_is_told_apart(tmp_path: Path) -> None:
    folder = ran(tmp_path)
    file = folder / "rules" / "whoami.yml"
    file.write_text(file.read_text().replace(r"'\whoami.exe'", r"['\notepad.exe', '\cmd.exe']"))
    found = compared(folder)
    assert counts(found) == {WHOAMI: (0, 40, 20), ENCODED: (20, 0, 0)}
    first = found[WHOAMI].added[0]
    assert first.message.startswith("Whoami was run (high)") and not first.open
    assert [one.at for one in found[WHOAMI].added] == sorted(one.at for one in found[WHOAMI].added)


def test_only_what_happened_since_then(tmp_path: Path) -> None:
    folder = ran(tmp_path)
    times = sorted(row["time"] for row in small.rows(folder, "select time from process_activity"))
    middle = times[50]
    assert counts(compared(folder, since=middle)) == {WHOAMI: (10, 0, 0), ENCODED: (10, 0, 0)}
    assert counts(compared(folder, until=middle)) == {WHOAMI: (10, 0, 0), ENCODED: (10, 0, 0)}
    with pytest.raises(UsageError, match="no events since"):
        compared(folder, since=NEVER - 1)


def test_correlations_find_the_same(tmp_path: Path) -> None:
    folder = run(signing_in(tmp_path, 3, LINES))
    found = counts(compared(folder, {RIGHT: "", SPRAY: "", CLEAN: ""}))
    assert found == {RIGHT: (1, 0, 0), SPRAY: (1, 0, 0), CLEAN: (1, 0, 0)}
    (folder / "rules" / "rules.yml").write_text(CORRELATIONS.replace("condition: {gte: 3}", "condition: {gte: 9}"))
    found = counts(compared(folder, {RIGHT: "", SPRAY: ""}))
    assert found == {RIGHT: (0, 0, 1), SPRAY: (1, 0, 0)}


def test_correlations_look_back_beyond_the_beginning(tmp_path: Path) -> None:
    folder = run(signing_in(tmp_path, 3, LINES))
    (only,) = small.rows(
        folder, f"select start_time, end_time from detection_finding where finding_info.analytic.uid = '{SPRAY}'"
    )
    assert only["start_time"] < only["end_time"]
    found = compared(folder, {SPRAY: ""}, since=only["start_time"])
    assert counts(found) == {SPRAY: (1, 0, 0)}


# -- which rules changed ----------------------------------------------------------------------------------------------


def committed(folder: Path) -> Path:
    for words in (
        ["init", "-q"],
        ["add", "estate.toml", "rules"],
        ["-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-q", "-m", "rules"],
    ):
        subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True)
    return folder


@git
def test_changed_is_what_means_something_else_than_at_a_revision(tmp_path: Path) -> None:
    folder = committed(small.estate(tmp_path / "estates" / "small"))
    described = load(folder)
    assert changed(rulebook_at(described, "HEAD"), book(folder)) == {}
    whoami, encoded = folder / "rules" / "whoami.yml", folder / "rules" / "deeper" / "encoded.yml"
    whoami.write_text("# a remark\n" + whoami.read_text())
    assert changed(rulebook_at(described, "HEAD"), book(folder)) == {}, "a remark means nothing"
    whoami.write_text(RULES["whoami.yml"].replace("level: high", "level: low"))
    encoded.unlink()
    new = "33333333-3333-4333-8333-333333333333"
    (folder / "rules" / "new.yml").write_text(RULES["whoami.yml"].replace(WHOAMI, new))
    assert changed(rulebook_at(described, "HEAD"), book(folder)) == {
        WHOAMI: "changed", ENCODED: "removed", new: "new"
    }  # fmt: skip


@git
def test_a_correlation_changes_with_the_rules_it_counts_on(tmp_path: Path) -> None:
    folder = committed(signing_in(tmp_path, 3, LINES))
    described = load(folder)
    (folder / "rules" / "rules.yml").write_text(CORRELATIONS.replace("{status_id: 2}", "{status_id: [2, 99]}"))
    found = changed(rulebook_at(described, "HEAD"), book(folder))
    assert {found[one] for one in (RIGHT, SPRAY, CLEAN)} == {"changed"}
    assert sorted(found.values())[-2:] == ["new", "removed"], "a rule without an id is what it says"


@git
def test_what_git_does_not_know_is_said(tmp_path: Path) -> None:
    folder = small.estate(tmp_path)
    with pytest.raises(UsageError, match="git cannot tell"):
        rulebook_at(load(folder), "HEAD")
    committed(folder)
    with pytest.raises(UsageError, match="git cannot tell"):
        rulebook_at(load(folder), "yesterday")


# -- the verb ---------------------------------------------------------------------------------------------------------


def asked(*words: str | Path) -> tuple[int, str, str]:
    process = small.watchfloor("replay", *words, cwd=PROJECT)
    out, told = process.communicate(timeout=240)
    return process.returncode, out.decode(), told.decode()


@git
def test_the_verb(tmp_path: Path) -> None:
    folder = committed(ran(tmp_path))
    code, out, told = asked(folder, "--since", "2026-01-01")
    assert (code, out.strip()) == (0, "no rule differs from HEAD; --rules all judges every one"), told
    file = folder / "rules" / "whoami.yml"
    file.write_text(RULES["whoami.yml"].replace("whoami.exe", "cmd.exe"))
    code, out, told = asked(folder, "--since", "2026-01-01", "--json")
    assert code == 0, told
    (line,) = map(orjson.loads, out.splitlines())
    shown: dict[str, Any] = {name: line[name] for name in ("rule", "change", "same", "level")}
    assert shown == {"rule": WHOAMI, "change": "changed", "same": 0, "level": "high"}
    assert len(line["added"]) == len(line["gone"]) == 20 and line["added"][0]["evaluable"]
    code, out, told = asked(folder, "--since", "2026-01-01", "--rules", "all", "--limit", "2")
    assert code == 0 and "and 18 more" in out and "Encoded command line" in out, told
    code, out, told = asked(folder, "--since", "2026-01-01", "--rules", str(folder / "rules" / "deeper"), "--json")
    assert code == 0 and [orjson.loads(one)["rule"] for one in out.splitlines()] == [ENCODED], told


def test_the_verb_says_what_it_cannot_read(tmp_path: Path) -> None:
    folder = small.estate(tmp_path)
    code, _, told = asked(folder, "--since", "yesterday", "--rules", "all")
    assert code == 2 and "is no time" in told
    code, _, told = asked(folder, "--since", "30d", "--rules", "all")
    assert code == 2 and "holds no events" in told
