"""Folders that are looked at again and again, through every way files are renamed, copied and packed: each record once.

A look may also be broken off after any batch, as a kill does: what was kept until then is all the next one knows.
"""

from __future__ import annotations

import gzip
import itertools
import os
import shutil
import tarfile
import time
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from watchfloor.collect.formats.json import Json
from watchfloor.collect.watched import Watched

LONG_AGO = time.time() - 3600


class Watcher:
    """A caller that keeps positions, as the landing does."""

    def __init__(self, path: Path, folder: Path | None = None) -> None:
        self.watched = Watched(path, folder or path)
        self.resume: dict[str, str] = {}
        self.seen: list[bytes] = []
        self.unread: list[tuple[str, str]] = []

    def look(self, *, final: bool = False, steps: int | None = None) -> list[bytes]:
        """One look, broken off after so many batches; returns the new records."""
        new: list[bytes] = []
        self.unread = []
        for stream, batches in self.watched.look(self.resume, self.unread, final=final):
            for batch in batches:
                if steps is not None and steps <= 0:
                    self.seen += new
                    return new
                new += batch.records.records()
                self.resume[stream] = batch.after
                if batch.broken:
                    self.unread.append((stream, batch.broken))
                steps = None if steps is None else steps - 1
        self.seen += new
        return new


def lines(*numbers: int) -> bytes:
    return b"".join(b'{"n":%d,"host":"a.example.com"}\n' % number for number in numbers)


def put(path: Path, *numbers: int) -> list[bytes]:
    with path.open("ab") as file:
        file.write(lines(*numbers))
    return lines(*numbers).splitlines()


def pack(path: Path) -> Path:
    """As gzip leaves it: the time of the file it packed."""
    packed, status = path.with_name(path.name + ".gz"), path.stat()
    packed.write_bytes(gzip.compress(path.read_bytes()))
    os.utime(packed, ns=(status.st_atime_ns, status.st_mtime_ns))
    path.unlink()
    return packed


def rotate(folder: Path, name: str = "app.log") -> None:
    """logrotate's chain, the first one plain and the others packed."""
    for number in range(40, 0, -1):
        for ending in ("", ".gz"):
            old = folder / f"{name}.{number}{ending}"
            if old.exists():
                new = old.rename(folder / f"{name}.{number + 1}{ending}")
                if not ending:
                    pack(new)
    if (folder / name).exists():
        (folder / name).rename(folder / f"{name}.1")


def age(folder: Path) -> None:
    """Nothing has changed for a while: packed files are not being written any more."""
    for path in folder.iterdir():
        os.utime(path, (LONG_AGO, LONG_AGO))


@pytest.mark.parametrize("rotations", [1, 2, 3])
def test_rotations_between_two_looks(tmp_path: Path, rotations: int) -> None:
    watcher = Watcher(tmp_path)
    want = put(tmp_path / "app.log", 1, 2)
    watcher.look()
    for round in range(rotations):
        want += put(tmp_path / "app.log", 10 * round + 5)
        rotate(tmp_path)
        want += put(tmp_path / "app.log", 10 * round + 6)
    age(tmp_path)
    watcher.look()
    assert sorted(watcher.seen) == sorted(want) and watcher.unread == []
    rotate(tmp_path)
    age(tmp_path)
    assert watcher.look() == []


@pytest.mark.parametrize("steps", range(8))
def test_a_kill_at_any_step_after_rotations(tmp_path: Path, steps: int) -> None:
    watcher = Watcher(tmp_path)
    want = put(tmp_path / "app.log", 1, 2)
    watcher.look()
    for round in range(2):
        want += put(tmp_path / "app.log", 10 * round + 5)
        rotate(tmp_path)
        want += put(tmp_path / "app.log", 10 * round + 6)
    watcher.look(steps=steps)
    rotate(tmp_path)
    want += put(tmp_path / "app.log", 100)
    age(tmp_path)
    watcher.look(steps=steps)
    watcher.look()
    assert sorted(watcher.seen) == sorted(want)


def test_moved_and_nothing_in_its_place(tmp_path: Path) -> None:
    watcher = Watcher(tmp_path)
    want = put(tmp_path / "app.log", 1)
    watcher.look()
    want += put(tmp_path / "app.log", 2)
    moved = (tmp_path / "app.log").rename(tmp_path / "kept")
    watcher.look()
    want += put(moved, 3)  # the writer still holds it open
    watcher.look()
    assert watcher.seen == want


def test_copied_and_truncated(tmp_path: Path) -> None:
    watcher = Watcher(tmp_path)
    path = tmp_path / "app.log"
    want = put(path, 1)
    watcher.look()
    want += put(path, 2)
    (tmp_path / "app.log.1").write_bytes(path.read_bytes()[:-5])  # the copy is being made
    watcher.look()
    shutil.copy(path, tmp_path / "app.log.1")
    watcher.look()
    want += put(path, 3)
    shutil.copy(path, tmp_path / "app.log.1")
    os.truncate(path, 0)
    want += put(path, 4, 5, 6, 7)
    watcher.look()
    assert watcher.seen == [*want[:2], *want[3:], want[2]] and watcher.unread == []
    assert watcher.look() == []


def test_a_copy_beside_its_log_is_not_read(tmp_path: Path) -> None:
    watcher = Watcher(tmp_path)
    want = put(tmp_path / "app.log", 1, 2, 3)
    watcher.look()
    shutil.copy(tmp_path / "app.log", tmp_path / "app.log.bak")
    want += put(tmp_path / "app.log", 4)
    watcher.look()
    want += put(tmp_path / "app.log", 5)
    watcher.look()
    assert watcher.seen == want


def test_a_copying_tool_that_puts_a_new_file_in_its_place(tmp_path: Path) -> None:
    """rsync writes beside and renames: another inode, the same log."""
    watcher = Watcher(tmp_path)
    path = tmp_path / "app.log"
    want = put(path, *range(100))
    watcher.look()
    for number in (100, 101):
        beside = tmp_path / ".app.log.tmp"
        beside.write_bytes(path.read_bytes() + lines(number))
        beside.rename(path)
        want += lines(number).splitlines()
        watcher.look()
    assert watcher.seen == want and watcher.unread == []


def test_a_common_header_does_not_make_two_files_one(tmp_path: Path) -> None:
    header = b",".join(b"column_%d" % i for i in range(200)) + b"\n"
    assert len(header) > 1024

    def table(*numbers: int) -> bytes:
        return header + b"".join(b",".join([b"%d" % number] * 200) + b"\n" for number in numbers)

    watcher = Watcher(tmp_path)
    (tmp_path / "export.csv").write_bytes(table(1, 2))
    watcher.look()
    (tmp_path / "export.csv").unlink()
    (tmp_path / "export.csv").write_bytes(table(3, 4, 5))
    (tmp_path / "export-20260102.csv").write_bytes(table(6, 7, 8, 9))
    watcher.look()
    assert sorted(row.split(b",")[0] for row in watcher.seen) == [b"%d" % i for i in range(1, 10)]


def test_truncated_without_a_copy_is_told(tmp_path: Path) -> None:
    watcher = Watcher(tmp_path)
    path = tmp_path / "app.log"
    put(path, 1, 2)
    watcher.look()
    os.truncate(path, 0)
    put(path, 3)
    assert watcher.look() == put(tmp_path / "other", 3)
    assert [name for name, _ in watcher.unread] == ["app.log"]


# -- files that are read as a whole


def test_a_packed_file_that_is_exchanged_is_read_anew(tmp_path: Path) -> None:
    watcher = Watcher(tmp_path)
    path = tmp_path / "export.gz"
    for numbers in ((1, 2, 3), (4,), (5, 6, 7, 8)):
        path.write_bytes(gzip.compress(lines(*numbers)))
        age(tmp_path)
        os.utime(path, (LONG_AGO + numbers[0], LONG_AGO + numbers[0]))
        assert watcher.look() == lines(*numbers).splitlines()
        assert watcher.look() == []


def test_a_packed_file_that_grew_goes_on(tmp_path: Path) -> None:
    watcher = Watcher(tmp_path)
    path = tmp_path / "app.gz"
    want: list[bytes] = []
    for number in range(3):
        with path.open("ab") as file:
            file.write(gzip.compress(lines(number)))
        want += lines(number).splitlines()
        os.utime(path, (LONG_AGO + number, LONG_AGO + number))
        watcher.look()
    assert watcher.seen == want


def test_what_is_still_being_copied_waits(tmp_path: Path) -> None:
    watcher = Watcher(tmp_path)
    whole = gzip.compress(lines(*range(1000)))
    path = tmp_path / "app.gz"
    path.write_bytes(whole[: len(whole) // 2])
    assert watcher.look() == [] and watcher.unread == []
    path.write_bytes(whole)
    age(tmp_path)
    assert len(watcher.look()) == 1000 and watcher.unread == []


def test_members_of_archives(tmp_path: Path) -> None:
    watcher = Watcher(tmp_path)

    def packed(*members: str, first: int) -> None:
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
            for i, member in enumerate(members):
                archive.writestr(member, lines(first, first + i))

    packed("x.json", "y.json", first=1)
    with tarfile.open(tmp_path / "b.tar", "w") as archive:
        (tmp_path.parent / "z.json").write_bytes(lines(7))
        archive.add(tmp_path.parent / "z.json", "z.json")
    age(tmp_path)
    assert sorted(watcher.look()) == sorted(lines(1, 1, 1, 2, 7).splitlines())
    assert set(watcher.resume) == {"a.zip", "a.zip/x.json", "a.zip/y.json", "b.tar", "b.tar/z.json"}
    assert watcher.look() == []
    (tmp_path / "a.zip").rename(tmp_path / "c.zip")
    assert watcher.look() == []
    packed("x.json", "y.json", first=50)
    os.utime(tmp_path / "a.zip", (LONG_AGO - 5, LONG_AGO - 5))
    assert sorted(watcher.look()) == sorted(lines(50, 50, 50, 51).splitlines())


def test_event_files_that_are_exchanged(tmp_path: Path, shared_data: Path) -> None:
    """Another machine's export under the same name is read from its beginning, the same log goes on."""
    with zipfile.ZipFile(shared_data / "it/evtx_to_mitre/evtx.zip") as archive:
        named = {info.filename: info.file_size for info in archive.infolist() if info.filename.endswith(".evtx")}
        first, second = sorted(named, key=lambda name: named[name])[20:22]
        contents = [archive.read(name) for name in (first, second)]
    path = tmp_path / "Security.evtx"
    alone = []
    for content in contents:
        path.write_bytes(content)
        age(tmp_path)
        alone.append(Watcher(tmp_path).look())
    assert all(alone) and alone[0] != alone[1]
    watcher = Watcher(tmp_path)
    for number, which in enumerate((0, 0, 1, 0)):
        path.write_bytes(contents[which])
        os.utime(path, (LONG_AGO + number, LONG_AGO + number))
        found = watcher.look()
        assert found == ([] if number == 1 else alone[which])


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf16_that_grows(tmp_path: Path, codec: str) -> None:
    path = tmp_path / "errorlog"
    watcher = Watcher(tmp_path)
    path.write_bytes(lines(1, 2).decode().encode(codec))
    assert watcher.look() == lines(1, 2).splitlines()
    more = lines(3).decode().encode(codec.removesuffix("-le").removesuffix("-be") + ("-be" if "be" in codec else "-le"))
    with path.open("ab") as file:
        file.write(more[: len(more) // 2])
    assert watcher.look() == []
    with path.open("ab") as file:
        file.write(more[len(more) // 2 :])
    assert watcher.look() == lines(3).splitlines()


# -- one file, patterns, what cannot be read


def test_one_file_finds_its_rotated_forerunner_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    watcher = Watcher(path, tmp_path)
    want = put(path, 1)
    watcher.look()
    want += put(path, 2)
    path.rename(tmp_path / "app.log.1")
    assert watcher.look() == []
    assert watcher.unread
    want += put(path, 3)
    watcher.look()
    assert watcher.seen == want and watcher.unread == []


def test_patterns_and_marks_in_names(tmp_path: Path) -> None:
    (tmp_path / "[1]").mkdir()
    put(tmp_path / "[1]" / "a.log", 1)
    put(tmp_path / "[1]" / ".hidden", 2)
    assert Watcher(tmp_path / "[1]" / "a.log", tmp_path).look() == lines(1).splitlines()
    assert Watcher(tmp_path / "*" / "*.log", tmp_path).look() == lines(1).splitlines()
    nothing = Watcher(tmp_path / "no*.log", tmp_path)
    assert nothing.look() == [] and nothing.unread == [(str(tmp_path / "no*.log"), "there is no such file")]


def test_the_store_is_never_a_source(tmp_path: Path) -> None:
    put(tmp_path / "a.log", 1)
    (tmp_path / "var" / "lake").mkdir(parents=True)
    put(tmp_path / "var" / "lake" / "0.json", 2)
    (tmp_path / "variable").mkdir()
    put(tmp_path / "variable" / "b.log", 3)
    for path in (tmp_path, tmp_path / "**"):
        watched = Watched(path, tmp_path, store=tmp_path / "var")
        found = {stream for stream, _ in watched.look({}, [])}
        assert found == {"a.log", "variable/b.log"}


def test_what_cannot_be_read_is_told_and_the_rest_is_read(tmp_path: Path) -> None:
    put(tmp_path / "a.log", 1)
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe")
    watcher = Watcher(tmp_path)
    assert watcher.look() == lines(1).splitlines()
    assert sorted(name for name, _ in watcher.unread) == ["gone", "pipe"]


def test_records_in_a_document(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"odd": {"place": [{"x": 1}, {"x": 2}]}, "more": 3}')
    watched = Watched(tmp_path, tmp_path, Json("odd.place"))
    found = [r for _, batches in watched.look({}, [], final=True) for b in batches for r in b.records.records()]
    assert found == [b'{"x": 1}', b'{"x": 2}']


# -- any history

ACTS = ("write", "rotate", "copy", "resync", "look", "kill")


@given(st.lists(st.sampled_from(ACTS), min_size=4, max_size=30), st.integers(0, 6))
@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_history(tmp_path_factory: pytest.TempPathFactory, history: list[str], steps: int) -> None:
    folder = tmp_path_factory.mktemp("watched")
    path = folder / "app.log"
    numbers = itertools.count()
    watcher = Watcher(folder)
    want = put(path, next(numbers))
    for act in history:
        if act == "write":
            want += put(path, next(numbers), next(numbers))
        elif act == "rotate":
            rotate(folder)
            want += put(path, next(numbers))
        elif act == "copy":
            rotate(folder)
            shutil.copy(folder / "app.log.1", path)  # as if copied and truncated
            (folder / "app.log.1").unlink()
            path.rename(folder / "app.log.1")
            want += put(path, next(numbers))
        elif act == "resync":
            beside = folder / ".beside"
            shutil.copy(path, beside)
            want += put(beside, next(numbers))
            beside.rename(path)
        else:
            watcher.look(steps=steps if act == "kill" else None)
    age(folder)
    watcher.look()
    watcher.look()
    assert sorted(watcher.seen) == sorted(want)
    shutil.rmtree(folder)
