"""Rules that change under a running engine: the next batch is made with them, and nothing else is touched."""

from __future__ import annotations

import gc
import os
import weakref
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.run import small
from watchfloor.collect.mapper import Mapper
from watchfloor.estate import Estate, load
from watchfloor.run.local import BatchReport, LocalEngine
from watchfloor.run.prepare import prepared
from watchfloor.run.reload import RuleWatch
from watchfloor.store.commit import Committer, Intent

NOTEPAD_ID = small.WHOAMI.replace("1111", "3333")
NOTEPAD = small.RULES["whoami.yml"].replace("1111", "3333").replace("whoami", "notepad")


@pytest.fixture
def estate(tmp_path: Path) -> Estate:
    return load(small.estate(tmp_path, batch=50))


@pytest.fixture
def engine(estate: Estate) -> Iterator[LocalEngine]:
    make = partial(prepared, mapper=Mapper(estate.integrations()), cache=estate.store / "cache")
    watch = RuleWatch(estate.rules, make, every=0.0)
    with LocalEngine(estate, make(estate.rules), watch=watch) as made:
        yield made


def taken(engine: LocalEngine, start: int, stop: int) -> list[BatchReport]:
    with (engine.estate.folder / "logs" / "ws" / "a.json").open("ab") as log:
        log.write(small.lines(small.sysmon(i) for i in range(start, stop)))
    engine.collect()
    return list(iter(engine.process, None))


def findings(engine: LocalEngine) -> dict[str, int]:
    sql = "select finding_info.analytic.uid as rule, count(*) as found from detection_finding group by all"
    return {row["rule"]: row["found"] for row in small.rows(engine.estate.folder, sql)}


def test_the_next_batch_is_made_with_the_new_rules(engine: LocalEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    makers: list[str] = []
    begin: Callable[..., Intent] = Committer.begin

    def noted(committer: Committer, end: dict[str, int], *, maker: str) -> Intent:
        makers.append(maker)
        return begin(committer, end, maker=maker)

    monkeypatch.setattr(Committer, "begin", noted)
    taken(engine, 0, 50)
    assert engine.renew() is None
    rules = engine.estate.folder / "rules"
    (rules / "notepad.yml").write_text(NOTEPAD)
    (rules / "deeper" / "encoded.yml").unlink()
    (rules / "whoami.yml").write_text(small.RULES["whoami.yml"].replace("level: high", "level: critical"))
    change = engine.renew()
    assert change is not None and change.ready is engine.ready and change.error is None
    assert (change.added, change.removed, change.changed) == (
        (NOTEPAD_ID,),
        (small.ENCODED,),
        (small.WHOAMI,),
    )
    assert engine.renew() is None
    first, second = taken(engine, 50, 60), taken(engine, 60, 100)
    assert [report.read for report in first + second] == [10, 40]
    assert findings(engine) == {small.WHOAMI: 20, small.ENCODED: 10, change.added[0]: 10}
    assert makers[0] != makers[1] == makers[2] == engine.ready.maker()
    levels = "select severity, count(*) as found from detection_finding where finding_info.analytic.uid = "
    assert {row["severity"]: row["found"] for row in small.rows(
        engine.estate.folder, f"{levels}'{small.WHOAMI}' group by all")} == {"High": 10, "Critical": 10}  # fmt: skip


def test_a_broken_rule_is_listed_and_the_others_go_on(engine: LocalEngine) -> None:
    rules = engine.estate.folder / "rules"
    (rules / "broken.yml").write_text("title: x\ndetection: {a: 1\n")
    (rules / "notepad.yml").write_text(NOTEPAD)
    change = engine.renew()
    assert change is not None and change.ready is not None
    assert [Path(problem.file).name for problem in change.problems] == ["broken.yml"] and len(change.added) == 1
    (rules / "whoami.yml").touch()
    change = engine.renew()  # looked at again, nothing new in it, and not complained about twice
    assert change is not None and not (change.added or change.removed or change.changed or change.problems)
    taken(engine, 0, 50)
    assert sorted(findings(engine).values()) == [10, 10, 10]


def test_without_one_rule_the_former_go_on(engine: LocalEngine) -> None:
    before = engine.ready
    rules = engine.estate.folder / "rules"
    rules.rename(rules.with_name("elsewhere"))
    change = engine.renew()
    assert change is not None and change.error is not None and change.ready is None and engine.ready is before
    assert engine.renew() is None  # said once
    taken(engine, 0, 50)
    assert sum(findings(engine).values()) == 20
    rules.with_name("elsewhere").rename(rules)
    change = engine.renew()
    assert change is not None and change.ready is engine.ready and not change.removed


def test_a_pending_batch_is_finished_first(engine: LocalEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_: object, **__: object) -> None:
        raise OSError("no")

    with monkeypatch.context() as patched:
        patched.setattr(Committer, "commit", refuses)
        with pytest.raises(OSError, match="no"):
            taken(engine, 0, 50)
    (engine.estate.folder / "rules" / "notepad.yml").write_text(NOTEPAD)
    assert engine.renew() is None
    report = engine.process()
    assert report is not None and report.redone and not report.mixed and report.findings == 20
    assert engine.renew() is not None


def test_the_former_engine_is_gone_at_once(engine: LocalEngine) -> None:
    taken(engine, 0, 50)
    former = weakref.ref(engine.ready.path.engine)
    (engine.estate.folder / "rules" / "notepad.yml").write_text(NOTEPAD)
    gc.disable()  # what lives when an engine starts is never looked at for garbage again
    try:
        assert engine.renew() is not None and former() is None
    finally:
        gc.enable()


def test_it_is_not_looked_all_the_time(estate: Estate) -> None:
    make = partial(prepared, mapper=Mapper(estate.integrations()))
    ready = make(estate.rules)
    watch = RuleWatch(estate.rules, make, every=3600.0)
    (estate.folder / "rules" / "notepad.yml").write_text(NOTEPAD)
    assert watch.look(ready.rulebook) is None


@pytest.mark.parametrize("kind", ["file", "archive"])
def test_what_counts_as_a_change(tmp_path: Path, kind: str) -> None:
    path = tmp_path / ("rules.zip" if kind == "archive" else "whoami.yml")

    def write(text: str) -> None:
        import zipfile

        if kind == "file":
            path.write_text(text)
            return
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("whoami.yml", text)

    make = partial(prepared, mapper=Mapper([]))
    write(small.RULES["whoami.yml"])
    watch = RuleWatch([path], make, every=0.0)
    rulebook = make([path]).rulebook
    assert watch.look(rulebook) is None
    write(small.RULES["whoami.yml"].replace("level: high", "level: low"))
    os.utime(path, ns=(1, path.stat().st_mtime_ns + 1_000_000))
    change = watch.look(rulebook)
    assert change is not None and change.changed == (small.WHOAMI,)
