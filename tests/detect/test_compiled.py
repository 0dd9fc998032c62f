"""A rulebook compiled before is the rulebook: the same matches, the same numbers in every process; or it is nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.detect import test_engine as small
from watchfloor.detect import compiledcache, sealed
from watchfloor.detect.compiled import Compiled
from watchfloor.detect.compiledcache import CompiledCache
from watchfloor.detect.engine import Engine
from watchfloor.detect.predicate import And, Kind, Predicate
from watchfloor.detect.rule import Logsource, Rule
from watchfloor.detect.rulebook import Rulebook, load_rules
from watchfloor.detect.sealed import packed, unpacked
from watchfloor.detect.taxonomy import Taxonomy
from watchfloor.ocsf.column import Column

slowly = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


def kept(engine: Engine) -> Compiled:
    return unpacked(packed(engine.compiled()), Compiled)


@slowly
@given(small.rules_of, small.batches(), small.batches())
def test_the_same_matches_as_when_compiled_afresh(rules: list[small.Rule], drawn: Any, other: Any) -> None:
    first = Engine(rules, small.TAXONOMY)
    expected = small.matched(first, drawn[0])
    again = Engine(rules, small.TAXONOMY, compiled=kept(first))
    assert not again.news
    assert small.matched(again, drawn[0]) == expected == small.expected(rules, drawn[1])
    assert not again.news, "all routes were known"
    assert small.matched(again, other[0]) == small.expected(rules, other[1]), "and routes that were not"
    assert (again.unrouted, {n: str(e) for n, e in again.rejected.items()}) == (
        first.unrouted,
        {n: str(e) for n, e in first.rejected.items()},
    )


def test_known_routes_need_no_rules_taken_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    rules = [small.Rule(And((Predicate("EventID", Kind.EQUALS, "1"), Predicate("Alpha", Kind.CONTAINS, "a"))))]

    def batch(code: str) -> small.Batch:
        columns = {"metadata.event_code": Column.of([code, code]), "x.alpha": Column.of(["ba", "c"])}
        return small.Batch("thing", columns, 2)

    first = Engine(rules, small.TAXONOMY)
    assert first.news
    small.matched(first, batch("1"))
    again = Engine(rules, small.TAXONOMY, compiled=kept(first))
    with monkeypatch.context() as patched:
        patched.setattr("watchfloor.detect.engine.Questions", lambda *_: pytest.fail("taken apart"))
        again = Engine(rules, small.TAXONOMY, compiled=kept(first))
        assert small.matched(again, batch("1")) == [(0, 0)]
        assert not again.news
        with pytest.raises(pytest.fail.Exception):
            again.match(batch("2"))
    again = Engine(rules, small.TAXONOMY, compiled=kept(first))
    assert small.matched(again, batch("2")) == [] and again.news
    assert len(kept(again).routes) == 2


PROGRAM = """
import sys
from pathlib import Path
from tests.detect.test_compiled import sysmon
from watchfloor.detect.engine import Engine
from watchfloor.detect.rulebook import load_rules
from watchfloor.detect.sealed import packed
from watchfloor.detect.taxonomy import Taxonomy
engine = Engine(load_rules([Path(sys.argv[1])]).rules, Taxonomy.load())
engine.match(sysmon())
sys.stdout.buffer.write(packed(engine.compiled()))
"""


def sysmon() -> small.Batch:
    columns = {
        "activity_id": Column.of(["1"]),
        "device.os.type": Column.of(["Windows"]),
        "metadata.product.name": Column.of(["Sysmon"]),
        "metadata.event_code": Column.of(["1"]),
        "process.cmd_line": Column.of(["a -x b"]),
        "process.file.path": Column.of(["C:\\a.exe"]),
    }
    return small.Batch("process_activity", columns, 1)


def test_every_process_gives_the_same_numbers(tmp_path: Path) -> None:
    book(tmp_path, range(30))
    made = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM, tmp_path],
            check=True,
            capture_output=True,
            timeout=120,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2", "77")
    }
    assert len(made) == 1 and len(unpacked(made.pop(), Compiled).plans) == 1


# -- on disk


def rule(number: int, version: int = 0) -> str:
    """One of many rules that share fields and literals."""
    second = ("Image|endswith", "OriginalFileName|contains", "User|contains", "Hashes|contains")[number % 4]
    return f"""
title: Rule {number}
id: 00000000-0000-4000-8000-{number:012d}
logsource: {{product: windows, category: process_creation}}
detection:
  a: {{CommandLine|contains: ['-x', 'w{number % 5}', 'v{version}'], {second}: ['q{number}', '.exe', 'p']}}
  b: {{ParentImage|endswith: '\\{number % 3}.exe', Image|re: 'r{number % 2}'}}
  condition: a{" and not b" * (number % 3 == 0)}{" or b" * (version % 2)}
"""


def book(folder: Path, numbers: Sequence[int]) -> None:
    for number in numbers:
        (folder / f"{number}.yml").write_text(rule(number))


def compiled(folder: Path, numbers: Sequence[int] = range(6)) -> tuple[Rulebook, CompiledCache, Engine]:
    rules = folder / "rules"
    rules.mkdir(parents=True, exist_ok=True)
    book(rules, numbers)
    read = load_rules([rules], cache=folder / "cache")
    memory = CompiledCache(folder / "cache", read.rules, Taxonomy.load())
    return read, memory, Engine(read.rules, Taxonomy.load(), compiled=memory.load())


def file(folder: Path) -> Path:
    (found,) = (folder / "cache" / compiledcache.FOLDER).iterdir()
    return found


def test_kept_and_found_again(tmp_path: Path) -> None:
    _, memory, engine = compiled(tmp_path)
    expected = small.matched(engine, sysmon())
    assert expected and engine.news and memory.load() is None
    memory.save(engine.compiled())
    _, _, engine = compiled(tmp_path)
    assert not engine.news and small.matched(engine, sysmon()) == expected and not engine.news


def test_kept_when_there_is_something_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, memory, engine = compiled(tmp_path)
    saved: list[int] = []
    monkeypatch.setattr(CompiledCache, "save", lambda _, found: saved.append(len(found.routes)))
    memory.keep(engine)
    memory.keep(engine)
    assert saved == [0]
    for number in range(40):
        engine.match(small.Batch("thing", {"metadata.event_code": Column.of([str(number)])}, 1))
        memory.keep(engine, rarely=True)
    assert saved == [0, 2, 6, 14, 30]
    memory.keep(engine)
    assert saved[-1] == 40


def cut(whole: bytes) -> bytes:
    return whole[: len(whole) // 2]


def flip(whole: bytes) -> bytes:
    return whole[:200] + bytes([whole[200] ^ 1]) + whole[201:]


def foreign(whole: bytes) -> bytes:
    return sealed._seal(b"another key", whole[32:]) + whole[32:]


@pytest.mark.parametrize("damage", [cut, flip, foreign, lambda _: b"", lambda _: b"\xff" * 100])
def test_what_does_not_fit_is_as_if_it_were_not_there(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    _, memory, engine = compiled(tmp_path)
    small.matched(engine, sysmon())
    memory.save(engine.compiled())
    whole = file(tmp_path).read_bytes()
    file(tmp_path).write_bytes(damage(whole))
    _, memory, engine = compiled(tmp_path)
    assert memory.load() is None and engine.news
    small.matched(engine, sysmon())
    memory.save(engine.compiled())
    assert file(tmp_path).read_bytes() == whole


def test_whole_but_of_another_shape(tmp_path: Path) -> None:
    _, memory, engine = compiled(tmp_path)
    memory.save(engine.compiled())
    sealed.write_sealed(file(tmp_path), memory._key, {"fields": "nothing of the kind"})
    assert memory.load() is None


def test_another_version_of_the_code_is_another_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read, memory, engine = compiled(tmp_path)
    memory.save(engine.compiled())
    original = sealed.fingerprint
    monkeypatch.setattr(compiledcache, "fingerprint", lambda *sources, more: original(*sources, more=[*more, b"2"]))
    assert CompiledCache(tmp_path / "cache", read.rules, Taxonomy.load()).load() is None


def test_other_tables_are_another_file(tmp_path: Path) -> None:
    read, memory, engine = compiled(tmp_path)
    memory.save(engine.compiled())
    (tmp_path / "mine.toml").write_text('[fields.process_creation]\nCommandLine = "process.name"\n')
    assert CompiledCache(tmp_path / "cache", read.rules, Taxonomy.load([tmp_path])).load() is None
    assert CompiledCache(tmp_path / "cache", read.rules, Taxonomy.load()).load() is not None


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    read, _, engine = compiled(tmp_path)
    (tmp_path / "file").write_text("")
    memory = CompiledCache(tmp_path / "file" / "cache", read.rules, Taxonomy.load())
    memory.save(engine.compiled())
    assert memory.load() is None


def test_a_folder_that_may_only_be_read(tmp_path: Path) -> None:
    if os.getuid() == 0:
        pytest.skip("root may write everywhere")
    _, memory, engine = compiled(tmp_path)
    memory.save(engine.compiled())
    folder = file(tmp_path).parent
    folder.chmod(0o500)
    try:
        assert memory.load() is not None
        memory.save(engine.compiled())
    finally:
        folder.chmod(0o700)


def test_few_files_are_kept_and_those_in_use_longest(tmp_path: Path) -> None:
    made = []
    for count in range(1, compiledcache.MOST_FILES + 3):
        _, memory, engine = compiled(tmp_path, range(count))
        memory.save(engine.compiled())
        made.append(memory)
        for age, one in enumerate(reversed(made)):  # what is on the disk, oldest last
            if one._path.exists():
                os.utime(one._path, (1_000_000 - age, 1_000_000 - age))
        assert made[0].load() is not None  # in use
    assert [one._path.exists() for one in made] == [True, False, False, *[True] * (compiledcache.MOST_FILES - 1)]


def test_texts_out_of_events_do_not_fill_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiledcache, "MOST_ROUTES", 20)
    _, memory, engine = compiled(tmp_path)
    codes = ["long" * 1000, *map(str, range(100))]
    engine.match(small.Batch("thing", {"metadata.event_code": Column.of(codes)}, len(codes)))
    memory.save(engine.compiled())
    found = memory.load()
    assert found is not None and len(found.routes) == 20
    assert max(len(text or "") for route, _ in found.routes for text in route) < 1000


# -- edits


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_after_any_edits_the_cache_gives_what_a_fresh_start_gives(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("book")
    _, memory, engine = compiled(folder, range(data.draw(st.integers(1, 8))))
    small.matched(engine, sysmon())
    memory.save(engine.compiled())
    for _ in range(data.draw(st.integers(1, 4))):
        touched = set()
        for number in data.draw(st.sets(st.integers(0, 9), min_size=1, max_size=3)):
            path = folder / "rules" / f"{number}.yml"
            if path.exists() and data.draw(st.booleans()):
                path.unlink()
            else:
                path.write_text(rule(number, version=data.draw(st.integers(0, 1000))))
                touched.add(str(path))
        parsed: set[str] = set()
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("watchfloor.detect.rulebook._read_file", _noting(parsed))
            read = load_rules([folder / "rules"], cache=folder / "cache")
        assert parsed <= touched, "only what changed is parsed again"
        fresh = load_rules([folder / "rules"])
        assert read == fresh
        memory = CompiledCache(folder / "cache", read.rules, Taxonomy.load())
        with_cache = Engine(read.rules, Taxonomy.load(), compiled=memory.load())
        without = Engine(fresh.rules, Taxonomy.load())
        assert small.matched(with_cache, sysmon()) == small.matched(without, sysmon())
        assert packed(with_cache.compiled()) == packed(without.compiled())
        memory.save(with_cache.compiled())


def _noting(parsed: set[str]) -> Any:
    from watchfloor.detect.rulebook import _read_file as original

    def noted(name: str, *rest: Any) -> Any:
        parsed.add(name)
        return original(name, *rest)

    return noted


def test_rules_that_differ_in_words_only_share_a_file() -> None:
    def one(title: str) -> Rule:
        return Rule("id", title, "low", None, Logsource("windows"), Predicate("f", Kind.EQUALS, "x"), title, 1)

    made = [CompiledCache(Path("somewhere"), [one(title)], Taxonomy.load())._path for title in ("a", "b")]
    assert made[0] == made[1]
