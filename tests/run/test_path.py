"""The path gives the same events and findings however the records are cut into blocks and batches."""

from __future__ import annotations

import itertools
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.run import small
from watchfloor.collect.formats.format import offsets_of
from watchfloor.run.local import LocalEngine
from watchfloor.run.oneshot import Totals, detect
from watchfloor.run.path import UNFRAMED, Outcome, by_stream, gathered
from watchfloor.run.prepare import Prepared, prepared
from watchfloor.store.landing import LandedBlock

RECORDS = 60
LINES = [
    b"{broken %d\n" % i if i % 13 == 12 else small.lines([small.sysmon(i) if i % 7 else {"other": i}])
    for i in range(RECORDS)
]


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return prepared([small.write_rules(tmp_path_factory.mktemp("rules"))])


def _block(first: int, stop: int, source: str = "s") -> LandedBlock:
    part = LINES[first:stop]
    return LandedBlock(
        source=source,
        stream="x",
        format="ndjson",
        context=b"",
        sequence=np.arange(first + 1, stop + 1, dtype=np.int64),
        received=np.full(stop - first, 1_800_000_000_000, np.int64),
        content=b"".join(part),
        offsets=offsets_of(part),
    )


def _made(ready: Prepared, outcomes: list[Outcome]) -> tuple[Counter[bytes], Counter[bytes], Counter[tuple[int, str]]]:
    def text(event: dict[str, object]) -> bytes:
        return orjson.dumps(event, option=orjson.OPT_SORT_KEYS)

    for outcome in outcomes:
        assert outcome.read == outcome.mapped + len(outcome.quarantined)
    return (
        Counter(text(row) for outcome in outcomes for events in outcome.events for row in events.to_pylist()),
        Counter(
            text(row)
            for outcome in outcomes
            if (found := ready.path.detect(outcome.events).found) is not None
            for row in found.to_pylist()
        ),
        Counter((bad.sequence or 0, bad.reason) for outcome in outcomes for bad in outcome.quarantined),
    )


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.sets(st.integers(1, RECORDS - 1)), joined=st.integers(1, 2 * RECORDS))
def test_boundaries_do_not_matter(ready: Prepared, cuts: set[int], joined: int) -> None:
    whole = _made(ready, [ready.path.map([_block(0, RECORDS)])])
    assert sum(whole[1].values()) > 10 and len(whole[2]) == RECORDS // 13
    edges = [0, *sorted(cuts), RECORDS]
    blocks = [_block(low, high) for low, high in itertools.pairwise(edges)]
    assert _made(ready, [ready.path.map([block]) for block in blocks]) == whole
    again = list(gathered(blocks, joined))
    assert sum(len(block) for group in again for block in group) == RECORDS
    assert _made(ready, [ready.path.map(group) for group in again]) == whole


def test_groups_are_full_and_streams_apart() -> None:
    blocks = [_block(0, 2), _block(2, 4), _block(4, 6, "other"), _block(6, 7), _block(7, 9)]
    assert [[len(block) for block in group] for group in gathered(blocks, 3)] == [[2], [2], [2, 1], [2]]
    assert [[len(block) for block in group] for group in gathered(blocks, 100)] == [[2, 2, 2, 1, 2]]
    assert list(gathered([], 10)) == []
    assert [[len(block) for block in group] for group in by_stream(blocks)] == [[2, 2, 1, 2], [2]]


def test_what_could_not_be_framed_keeps_its_reasons_when_read_from_the_middle(ready: Prepared) -> None:
    heads = [b"aa", b"bbb", b"c"]
    block = LandedBlock("s", "x", UNFRAMED, orjson.dumps(["one", "two", "three"]), np.arange(3, dtype=np.int64),
                        np.zeros(3, np.int64), b"".join(heads), offsets_of(heads))  # fmt: skip
    for start in range(3):
        part = LandedBlock(block.source, block.stream, block.format, block.context, block.sequence[start:],
                           block.received[start:], block.payload, block.offsets[start:])  # fmt: skip
        outcome = ready.path.map([part])
        assert [bad.reason for bad in outcome.quarantined] == ["one", "two", "three"][start:]
        assert [bad.raw for bad in outcome.quarantined] == heads[start:]


@pytest.mark.parametrize("batch", [1, 7, 29, 1000])
def test_batches_of_any_size_make_the_same_lake(ready: Prepared, tmp_path: Path, batch: int) -> None:
    def lake(folder: Path, size: int) -> dict[str, list[bytes]]:
        folder.mkdir()
        made = small.estate(folder, batch=size)
        few = LINES[:30]  # a commit costs milliseconds, and batch = 1 makes one per record
        (made / "logs" / "ws" / "a.json").write_bytes(b"".join(few))
        from watchfloor.estate import load

        with LocalEngine(load(made), ready, clock=lambda: 1_800_000_000_000) as engine:
            assert engine.collect(final=True) == len(few)
            read = 0
            while (report := engine.process()) is not None:
                assert report.read == report.mapped + report.quarantined <= size
                read += report.read
            assert read == len(few)
        return small.tables(made)

    assert lake(tmp_path / "a", batch) == lake(tmp_path / "b", 50_000)


def test_detect_finds_what_run_finds(ready: Prepared, tmp_path: Path) -> None:
    estate = small.estate(tmp_path)
    for i in range(3):
        (estate / "logs" / "ws" / f"{i}.json").write_bytes(b"".join(LINES[i * 20 : i * 20 + 20]))
    from watchfloor.estate import load

    with LocalEngine(load(estate), ready) as engine:
        engine.collect(final=True)
        while engine.process() is not None:
            pass
    totals = Totals()
    once = [
        (row["finding_info"]["analytic"]["uid"], row["evidences"][0]["data"], row["message"], row["start_time"])
        for found in detect([estate / "logs"], ready.path, totals, now=1, show=lambda _, found: found)
        for row in found.to_pylist()
    ]
    stored = [
        (row["rule"], row["data"], row["message"], row["start_time"])
        for row in small.rows(
            estate,
            "select finding_info.analytic.uid as rule, evidences[1].data as data, message, start_time "
            "from detection_finding",
        )
    ]
    assert Counter(once) == Counter(stored) and len(once) == totals.findings > 10
    assert totals.read == totals.mapped + totals.quarantined == RECORDS


def test_replay_equals_stream(ready: Prepared, tmp_path: Path) -> None:
    """A lake that is thrown away is made again from the landing, row for row."""
    import shutil

    from watchfloor.estate import load

    estate = small.estate(tmp_path, batch=25)
    log = estate / "logs" / "ws" / "a.json"
    for start in range(0, RECORDS, 20):
        with log.open("ab") as out:
            out.write(b"".join(LINES[start : start + 20]))
        with LocalEngine(load(estate), ready) as engine:
            engine.collect(final=True)
            while engine.process() is not None:
                pass
    streamed = small.tables(estate)
    shutil.rmtree(estate / "var" / "lake")
    (estate / "var" / "cursor.json").unlink()
    with LocalEngine(load(estate), ready) as engine:
        assert engine.collect(final=True) == 0
        while engine.process() is not None:
            pass
    assert small.tables(estate) == streamed


def test_a_batch_finished_with_other_rules_says_so(
    ready: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from watchfloor.estate import load
    from watchfloor.store.commit import Committer

    estate = small.estate(tmp_path)
    (estate / "logs" / "ws" / "a.json").write_bytes(b"".join(LINES[:20]))

    def broken_off(folder: Path) -> None:
        with monkeypatch.context() as context, LocalEngine(load(folder), ready) as engine:
            context.setattr(Committer, "commit", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
            engine.collect(final=True)
            with pytest.raises(KeyboardInterrupt):
                engine.process()

    broken_off(estate)
    with LocalEngine(load(estate), ready) as engine:
        report = engine.process()
    assert report is not None and report.redone and not report.mixed
    (estate / "logs" / "ws" / "b.json").write_bytes(b"".join(LINES[20:40]))
    broken_off(estate)
    others = prepared([next(small.write_rules(tmp_path / "others").rglob("whoami.yml"))])
    with LocalEngine(load(estate), others) as engine:
        report = engine.process()
    assert report is not None and report.redone and report.mixed and report.read == 20
    shutil.rmtree(estate / "var" / "lake")  # what `run` advises: the landing has every record
    (estate / "var" / "cursor.json").unlink()
    with LocalEngine(load(estate), others) as engine:
        report = engine.process()
    assert report is not None and not report.redone and report.read == 40


def test_keeping_house_leaves_few_files_and_none_that_is_old(
    ready: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from watchfloor.estate import load
    from watchfloor.store.lake import Lake

    real = Lake.vacuum
    monkeypatch.setattr(Lake, "vacuum", lambda self, name: real(self, name, hours=0))
    estate = small.estate(tmp_path, batch=5, more="compact_commits = 3")
    (estate / "logs" / "ws" / "a.json").write_bytes(b"".join(LINES[:30]))
    with LocalEngine(load(estate), ready) as engine:
        engine.collect(final=True)
        while engine.process() is not None:
            engine.keep_house(busy=True)
        made = small.tables(estate)

        def files() -> int:
            return len(list((estate / "var" / "lake" / "process_activity").rglob("*.parquet")))

        assert files() == 6
        engine.keep_house()
        assert files() == 1 and small.tables(estate) == made
