"""`watchfloor detect` with several workers: the same bytes, nobody left behind, nothing paid for little."""

from __future__ import annotations

import gzip
import os
import re
import signal
from pathlib import Path

import orjson
import pytest

from tests.cli.conftest import Verb
from tests.run import small
from watchfloor import clock
from watchfloor.cli import main
from watchfloor.collect.formats import lines
from watchfloor.run import oneshot
from watchfloor.run.path import Path as RecordPath
from watchfloor.run.workers import possible

pytestmark = pytest.mark.skipif(not possible(), reason="workers need Linux")


@pytest.fixture
def cut_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many steps in little: workers pay at once, blocks are some kilobytes; and the clock stands still."""
    monkeypatch.setattr(clock, "now_ms", lambda: 1_800_000_000_000)
    monkeypatch.setattr(oneshot, "PAYS", 0)
    monkeypatch.setattr(oneshot, "STEP_BYTES", 9_000)
    monkeypatch.setattr(lines, "BLOCK", 4_096)


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """Streams of several sizes and formats, with what cannot be read in between."""
    folder = tmp_path / "mixed"
    (folder / "deeper").mkdir(parents=True)
    many = [small.lines([small.sysmon(i) if i % 17 else {"no": i}]) if i % 41 else b"{broken\n" for i in range(900)]
    (folder / "a.json").write_bytes(b"".join(many[:500]))
    (folder / "b.json.gz").write_bytes(gzip.compress(b"".join(many[500:880])))
    (folder / "c.json.gz").write_bytes(gzip.compress(b"".join(many[:200]))[:-400])
    (folder / "deeper" / "d.json").write_bytes(b"".join(many[880:]))
    (folder / "f.log").write_text("<34>1 2026-01-31T10:00:00Z ws1 sshd 1 - - Failed password for root from 192.0.2.1\n")
    (folder / "g.bin").write_bytes(bytes(range(256)) * 10)
    return folder


def _said(capsysbinary: pytest.CaptureFixture[bytes], *arguments: str | Path) -> tuple[int, bytes, bytes]:
    capsysbinary.readouterr()
    code = main(["detect", *map(str, arguments)])
    out, err = capsysbinary.readouterr()
    return code, out, re.sub(rb"[\d.]+ s(, [\d,]+ records/s)?\n", b"", err)


@pytest.mark.parametrize("form", [("--json",), ("--leftovers",)], ids=["json", "table"])
def test_the_same_bytes_whoever_does_the_work(
    cut_small: None, mixed: Path, rules: Path, capsysbinary: pytest.CaptureFixture[bytes], form: tuple[str, ...]
) -> None:
    given: tuple[str | Path, ...] = (mixed, mixed / "missing", "--rules", rules, *form, "--workers")
    _said(capsysbinary, *given, "1")  # on a new machine the first run says that it compiles the kernels
    said = {count: _said(capsysbinary, *given, count) for count in ("1", "2", "4")}
    assert said["1"] == said["2"] == said["4"]
    code, out, err = said["1"]
    assert code == 4 and b"missing" in err and b"Traceback" not in err
    read, mapped, bad = (
        int(found.replace(b",", b""))
        for found in re.search(rb"read ([\d,]+) = mapped ([\d,]+) \+ quarantined ([\d,]+)", err).groups()  # type: ignore[union-attr]
    )
    assert read == mapped + bad > 900 and bad > 20
    if form == ("--json",):
        found = [orjson.loads(line) for line in out.splitlines()]
        order = [(each["watchfloor"]["file"], each["watchfloor"]["record"]) for each in found]
        assert len(order) > 300 and order == sorted(order), "by stream, then by record"


def test_workers_did_the_work(cut_small: None, mixed: Path, rules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test above would prove nothing if everything were done in one process."""
    counted: list[int] = []
    real = RecordPath.draft

    def count(self: RecordPath, *given: object, **named: object) -> object:
        counted.append(os.getpid())
        return real(self, *given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(RecordPath, "draft", count)
    assert main(["detect", str(mixed), "--rules", str(rules), "--workers", "2"]) == 0
    assert counted == [os.getpid()], "here only the first block, which loads what the workers then find loaded"


def test_little_is_done_by_one(watchfloor: Verb, logs: Path, rules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("a worker for fifty records")

    monkeypatch.setattr(oneshot, "Workers", never)
    said = watchfloor("detect", logs, "--rules", rules, "--workers", "4")
    assert said.code == 0 and said.counts == (50, 50, 0)


def test_numbers_that_make_no_sense(watchfloor: Verb, logs: Path, rules: Path) -> None:
    for number in ("0", "-3"):
        said = watchfloor("detect", logs, "--rules", rules, "--workers", number)
        assert said.code == 2 and "->" in said.err


def test_a_killed_worker_is_told(
    cut_small: None, watchfloor: Verb, mixed: Path, rules: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, real = os.getpid(), RecordPath.draft

    def killed(self: RecordPath, *given: object, **named: object) -> object:
        if os.getpid() != mine:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(self, *given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(RecordPath, "draft", killed)
    said = watchfloor("detect", mixed, "--rules", rules, "--workers", "2")
    assert said.code == 1 and "was killed (signal 9)" in said.err and "->" in said.err
    assert not Path(f"/proc/self/task/{mine}/children").read_text("ascii").split(), "no worker is left"


def test_an_error_in_a_worker_is_the_error_of_one_process(
    cut_small: None, watchfloor: Verb, mixed: Path, rules: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from watchfloor.errors import MappingError

    mine, real = os.getpid(), RecordPath.draft

    def wrong(self: RecordPath, *given: object, **named: object) -> object:
        if os.getpid() != mine:
            raise MappingError("a mapping is wrong", file="mapping.py", line=7, remedy="mend it")
        return real(self, *given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(RecordPath, "draft", wrong)
    said = watchfloor("detect", mixed, "--rules", rules, "--workers", "2")
    assert said.code == 5 and "mapping.py:7: a mapping is wrong" in said.err and "mend it" in said.err
