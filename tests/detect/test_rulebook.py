"""Files, folders and archives of rules: everything is loaded or listed with its reason."""

from __future__ import annotations

import io
import os
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from tests.detect.oracle import evaluate
from watchfloor.detect.rulebook import Rulebook, load_rules
from watchfloor.errors import RuleError

RULE = """\
title: {title}
id: {id}
logsource: {{product: windows, category: process_creation}}
detection:
  s: {{Image|endswith: '\\{image}'}}
  condition: s
level: high
"""


def write(path: Path, number: int = 1, image: str = "a.exe", title: str = "") -> str:
    text = RULE.format(title=title or f"Rule {number}", id=f"00000000-0000-4000-8000-{number:012}", image=image)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return text


def accounted(book: Rulebook) -> bool:
    """Every document is a rule, a problem, a filter or a duplicate of equal content."""
    return book.documents >= len(book.rules) + len(book.correlations) + len(book.problems)


def test_files_and_folders_are_repeatable(tmp_path: Path) -> None:
    write(tmp_path / "one.yml", 1)
    write(tmp_path / "deep/er/two.YAML", 2)
    (tmp_path / "deep/readme.md").write_text("not a rule")
    book = load_rules([tmp_path / "one.yml", tmp_path / "deep"])
    assert [rule.title for rule in book.rules] == ["Rule 1", "Rule 2"]
    assert book.problems == book.notes == ()
    assert book.documents == 2


def test_an_archive_is_read_in_memory(tmp_path: Path) -> None:
    archive = tmp_path / "rules.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("rules/b.yml", write(tmp_path / "x/b.yml", 2))
        file.writestr("rules/a.yml", write(tmp_path / "x/a.yml", 1))
        file.writestr("license.txt", "text")
    (rule, _) = load_rules([archive]).rules
    assert (rule.title, rule.file) == ("Rule 1", f"{archive}/rules/a.yml")


def test_a_bomb_in_an_archive_is_one_problem(tmp_path: Path) -> None:
    archive = tmp_path / "rules.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.yml", b" " * (200 * 1024 * 1024))
        file.writestr("b.yml", write(tmp_path / "x/b.yml"))
    book = load_rules([archive])
    assert len(book.rules) == 1
    (found,) = book.problems
    assert "bytes" in found.reason


def test_a_damaged_archive_is_a_problem(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("a.yml", write(tmp_path / "x/a.yml"))
    whole = buffer.getvalue()
    (tmp_path / "half.zip").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "bent.zip").write_bytes(whole.replace(b"Rule 1", b"Rule X"))
    write(tmp_path / "good.yml", 2)
    book = load_rules([tmp_path / "half.zip", tmp_path / "bent.zip", tmp_path / "good.yml"])
    assert [rule.title for rule in book.rules] == ["Rule 2"]
    assert len(book.problems) == 2
    assert all(found.remedy for found in book.problems)


def test_a_path_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RuleError) as caught:
        load_rules([tmp_path / "nothing"])
    assert caught.value.remedy


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_we_may_not_read_is_a_problem(tmp_path: Path) -> None:
    write(tmp_path / "a.yml")
    (tmp_path / "a.yml").chmod(0)
    (found,) = load_rules([tmp_path]).problems
    assert "cannot be read" in found.reason


def test_what_is_no_file_is_a_problem_and_a_name_may_hold_any_bytes(tmp_path: Path) -> None:
    write(tmp_path / os.fsdecode(b"caf\xe9.yml"))
    (tmp_path / "gone.yml").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe.yml")
    book = load_rules([tmp_path])
    assert [rule.file for rule in book.rules] == [f"{tmp_path}/caf\\xe9.yml"]
    assert sorted(Path(found.file).name for found in book.problems) == ["gone.yml", "pipe.yml"]
    assert book.documents == 3


BROKEN = {
    "yaml error": b"title: 'open\n",
    "cycle": b"title: x\ndetection: &a {s: *a}\n",
    "duplicate key": b"title: x\ntitle: y\n",
    "too large": b"title: " + b"x" * (10 * 1024 * 1024),
    "binary": os.urandom(4096) + b"\x00\xff",
    "deep": b"a: " + b"[" * 100_000,
    "regex": b"title: x\nlogsource: {product: windows}\ndetection: {s: {f|re: '(?<=a)b'}, condition: s}\n",
    "modifier": b"title: x\nlogsource: {product: windows}\ndetection: {s: {f|banana: b}, condition: s}\n",
    "no condition": b"title: x\nlogsource: {product: windows}\ndetection: {s: {f: b}}\n",
    "unknown selection": b"title: x\nlogsource: {product: windows}\ndetection: {s: {f: b}, condition: s and t}\n",
    "not a map": b"- title: x\n",
    "no route": b"title: x\nlogsource: {product: banana}\ndetection: {s: {f: b}, condition: s}\n",
    "placeholder": b"title: x\nlogsource: {product: windows}\ndetection: {s: {f|expand: '%b%'}, condition: s}\n",
    "correlation": b"title: x\ncorrelation: {type: event_count}\n",
}


@pytest.mark.parametrize("name", BROKEN)
def test_one_broken_document_never_stops_another(tmp_path: Path, name: str) -> None:
    (tmp_path / "bad.yml").write_bytes(BROKEN[name])
    write(tmp_path / "good.yml")
    book = load_rules([tmp_path])
    assert [rule.title for rule in book.rules] == ["Rule 1"]
    (found,) = book.problems
    assert found.file == str(tmp_path / "bad.yml")
    assert found.line >= 1
    assert found.reason
    assert found.remedy
    assert found.kind == {"placeholder": "placeholder", "no route": "no_route"}.get(name, "error")
    assert str(found).startswith(f"{found.file}:{found.line}:")
    assert accounted(book)


def test_neighbours_in_one_file_live_on(tmp_path: Path) -> None:
    text = write(tmp_path / "x.yml", 1) + "---\ntitle: [broken\n---\n" + write(tmp_path / "x.yml", 2)
    (tmp_path / "x.yml").write_text(text)
    book = load_rules([tmp_path])
    assert [(rule.title, rule.line) for rule in book.rules] == [("Rule 1", 1), ("Rule 2", 11)]
    assert len(book.problems) == 1


def test_the_same_id_twice(tmp_path: Path) -> None:
    write(tmp_path / "a.yml", 1)
    write(tmp_path / "b.yml", 1)
    write(tmp_path / "c.yml", 1, image="other.exe")
    book = load_rules([tmp_path])
    assert [rule.file for rule in book.rules] == [str(tmp_path / "a.yml")]
    (same,), (other,) = book.notes, book.problems
    assert same.file.endswith("b.yml")
    assert other.file.endswith("c.yml")
    assert same.kind == other.kind == "duplicate"
    assert str(tmp_path / "a.yml") in other.reason


FILTER = """\
title: Our own tool
id: 11111111-0000-4000-8000-000000000001
logsource: {{{logsource}}}
filter:
  rules: {rules}
  ours: {{User|startswith: 'svc_'}}
  condition: not ours
"""


@pytest.mark.parametrize(
    ("rules", "logsource", "filtered"),
    [
        ("[00000000-0000-4000-8000-000000000001]", "product: windows", True),
        ("00000000-0000-4000-8000-000000000001", "category: process_creation", True),
        ("any", "product: windows, category: process_creation", True),
        ("[]", "product: windows", True),
        ("[00000000-0000-4000-8000-000000000002]", "product: windows", False),
        ("any", "product: linux", False),
    ],
)
def test_a_filter_narrows_the_rules_it_names(tmp_path: Path, rules: str, logsource: str, filtered: bool) -> None:
    write(tmp_path / "rule.yml", 1)
    (tmp_path / "a_filter.yml").write_text(FILTER.format(rules=rules, logsource=logsource))
    book = load_rules([tmp_path])
    (rule,) = book.rules
    assert book.problems == ()
    assert evaluate(rule.condition, {"Image": [r"c:\a.exe"], "User": ["bob"]})
    assert evaluate(rule.condition, {"Image": [r"c:\a.exe"], "User": ["SVC_x"]}) is not filtered
    assert bool(rule.filters) is filtered
    assert bool(book.notes) is not filtered, "a filter that filters nothing is worth a note"


def test_a_broken_filter_is_a_problem(tmp_path: Path) -> None:
    text = FILTER.format(rules="any", logsource="product: windows").replace("  rules: any\n", "")
    (tmp_path / "filter.yml").write_text(text)
    (found,) = load_rules([tmp_path]).problems
    assert "for which rules" in found.reason


def test_placeholders_of_the_estate_let_a_rule_in(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_bytes(BROKEN["placeholder"])
    (rule,) = load_rules([tmp_path], placeholders={"b": ["x", "y"]}).rules
    assert evaluate(rule.condition, {"f": ["Y"]})


def test_all_of_sigmahq_loads_or_is_listed_with_a_true_reason(shared_data: Path) -> None:
    (archive,) = (shared_data / "knowledge" / "sigma_rules").rglob("*.zip")
    book = load_rules([archive])
    kinds = Counter(found.kind for found in book.problems)
    assert set(kinds) <= {"placeholder"}, [str(p) for p in book.problems if p.kind != "placeholder"]
    assert book.documents == len(book.rules) + len(book.problems) + len(book.notes)
    current = [rule for rule in book.rules if rule.status not in ("deprecated", "unsupported")]
    assert len(current) / (len(current) + len(book.problems)) >= 0.985
    assert max(len(found.file) for found in book.problems) > len(str(archive))
