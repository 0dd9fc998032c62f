"""Growing files through every way of rotating them: no record twice, none lost."""

from __future__ import annotations

import gzip
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from watchfloor.collect.position import Position
from watchfloor.collect.source import START
from watchfloor.collect.tail import Tail
from watchfloor.errors import SourceMalformed, SourceUnreachable


class Follower:
    """A caller that keeps the position, as the landing does."""

    def __init__(self, path: Path, format: str = "ndjson") -> None:
        self.path = path
        self.format = format
        self.after = START
        self.seen: list[bytes] = []
        self.told: list[str] = []

    def look(self, settle_s: float = 0.0) -> None:
        source = Tail([self.path], self.format, settle_s)
        for batch in source.read(str(self.path), self.after):
            self.seen += batch.records.records()
            self.after = batch.after
            if batch.broken:
                self.told.append(batch.broken)


def put(path: Path, *numbers: int) -> list[bytes]:
    lines = [b'{"n":%d,"host":"a.example.com"}' % number for number in numbers]
    with path.open("ab") as file:
        file.write(b"".join(line + b"\n" for line in lines))
    return lines


def test_a_file_that_grows(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    follower = Follower(path)
    want = put(path, 1, 2)
    follower.look()
    follower.look()
    want += put(path, 3)
    follower.look()
    assert follower.seen == want


def test_a_line_in_the_middle_of_being_written_waits(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(b'{"n":1}\n{"n"')
    follower = Follower(path)
    follower.look()
    assert follower.seen == [b'{"n":1}']
    with path.open("ab") as file:
        file.write(b":2}\n")
    follower.look()
    assert follower.seen == [b'{"n":1}', b'{"n":2}']


def test_moved_and_created_anew(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    follower = Follower(path)
    want = put(path, 1, 2)
    follower.look()
    want += put(path, 3)
    path.rename(tmp_path / "a.log.1")
    follower.look()  # nothing at the path yet
    want += put(path, 4)
    follower.look()
    assert follower.seen == want
    assert follower.told == []


def test_the_writer_goes_on_in_the_moved_file_for_a_while(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    follower = Follower(path)
    want = put(path, 1)
    follower.look(60)
    moved = tmp_path / "a.log.1"
    path.rename(moved)
    path.touch()
    want += put(moved, 2)
    follower.look(60)
    want += put(moved, 3)
    follower.look(60)
    want += put(path, 4)
    follower.look(60)
    assert follower.seen == want


def test_moved_and_compressed(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    follower = Follower(path)
    want = put(path, 1, 2)
    follower.look()
    want += put(path, 3)
    (tmp_path / "a.log-20260102.gz").write_bytes(gzip.compress(path.read_bytes()))
    other = tmp_path / "spare"  # keeps the inode from being used again at once
    path.rename(other)
    other.rename(tmp_path / "unrelated")
    want += put(path, 4)
    follower.look()
    assert follower.seen == want


def test_copied_and_truncated(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    follower = Follower(path)
    want = put(path, 1, 2)
    follower.look()
    want += put(path, 3)
    shutil.copy(path, tmp_path / "a.log.1")
    os.truncate(path, 0)
    want += put(path, 4)
    follower.look()
    assert follower.seen == want
    assert follower.told == []


def test_copied_truncated_and_grown_beyond_where_we_were(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    follower = Follower(path)
    want = put(path, 1)
    follower.look()
    want += put(path, 2)
    shutil.copy(path, tmp_path / "a.log.1")
    os.truncate(path, 0)
    want += put(path, 3, 4, 5, 6)
    follower.look()
    assert follower.seen == want


def test_truncated_without_a_copy_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    follower = Follower(path)
    want = put(path, 1, 2)
    follower.look()
    os.truncate(path, 0)
    want += put(path, 3)
    follower.look()
    assert follower.seen == want
    (reason,) = follower.told
    assert "no rotated copy was found" in reason


def test_an_inode_that_is_used_again_is_not_taken_for_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    follower = Follower(path)
    put(path, 1)
    follower.look()
    position = Position.load(follower.after)
    path.write_bytes(b'{"x":1,"somewhat":"longer than what was there before"}\n')
    assert path.stat().st_ino == position.inode
    follower.look()
    assert follower.seen[-1].startswith(b'{"x":1')
    assert follower.told


def test_several_rotations_between_two_looks(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    follower = Follower(path)
    want = put(path, 1)
    follower.look()
    now = time.time()
    for round in range(3):
        want += put(path, 10 * round + 2, 10 * round + 3)
        os.utime(path, (now - 100 + round, now - 100 + round))
        for old in range(5, 0, -1):
            if (tmp_path / f"a.log.{old}").exists():
                (tmp_path / f"a.log.{old}").rename(tmp_path / f"a.log.{old + 1}")
        path.rename(tmp_path / "a.log.1")
        want += put(path, 10 * round + 5)
    follower.look()
    assert follower.seen == want


def test_neighbours_with_a_similar_name_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    follower = Follower(path)
    want = put(path, 1)
    follower.look()
    put(tmp_path / "app2.log", 98)
    put(tmp_path / "app-other.log", 99)
    path.rename(tmp_path / "app.log.1")
    want += put(path, 2)
    follower.look()
    assert follower.seen == want


def test_an_audit_event_waits_for_its_lines_until_the_file_has_settled(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    path.write_bytes(b"type=SYSCALL msg=audit(1.0:1): a=1\n")
    follower = Follower(path, "auditd")
    follower.look(60)
    assert follower.seen == []
    with path.open("ab") as file:
        file.write(b"type=PATH msg=audit(1.0:1): name=x\n")
    follower.look(0)
    assert follower.seen == [b"type=SYSCALL msg=audit(1.0:1): a=1\ntype=PATH msg=audit(1.0:1): name=x"]


def test_a_table_keeps_its_header_across_looks(tmp_path: Path) -> None:
    path = tmp_path / "conn.log"
    header = b"#separator \\x09\n#path\tconn\n#fields\tts\tx\n#types\ttime\tstring\n"
    path.write_bytes(header + b"1.0\ta\n")
    source = Tail([path])
    (first,) = source.read(str(path))
    with path.open("ab") as file:
        file.write(b"2.0\tb\n")
    (second,) = source.read(str(path), first.after)
    assert second.records.records() == [b"2.0\tb"]
    assert second.records.context == first.records.context
    assert second.records.format == "zeek_tsv"


def test_patterns_find_new_files(tmp_path: Path) -> None:
    put(tmp_path / "a.log", 1)
    source = Tail([tmp_path / "*.log"])
    assert [Path(stream).name for stream in source.streams()] == ["a.log"]
    put(tmp_path / "b.log", 1)
    assert [Path(stream).name for stream in source.streams()] == ["a.log", "b.log"]


def test_missing_and_nonsense(tmp_path: Path) -> None:
    source = Tail([tmp_path / "gone.log"])
    assert [type(error) for error in source.check()] == [SourceUnreachable]
    with pytest.raises(SourceUnreachable):
        list(source.read(str(tmp_path / "gone.log")))
    put(tmp_path / "gone.log", 1)
    with pytest.raises(SourceMalformed, match="no position"):
        list(source.read(str(tmp_path / "gone.log"), "rubbish"))


def rotate_by_move(path: Path, number: int) -> None:
    path.rename(path.with_name(f"{path.name}.{number:03d}"))


def rotate_by_copy(path: Path, number: int) -> None:
    shutil.copy(path, path.with_name(f"{path.name}.{number:03d}"))
    os.truncate(path, 0)


@given(st.lists(st.sampled_from(["write", "look", "move", "copy"]), min_size=3, max_size=25))
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_history_of_at_most_one_rotation_between_looks(
    tmp_path_factory: pytest.TempPathFactory, history: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("tail")
    path = folder / "a.log"
    follower = Follower(path)
    want = put(path, 0)
    follower.look()
    rotations: dict[str, Callable[[Path, int], None]] = {"move": rotate_by_move, "copy": rotate_by_copy}
    for number, act in enumerate(history, 1):
        if act == "write":
            want += put(path, number)
        elif act == "look":
            follower.look()
        else:
            rotations[act](path, number)
            want += put(path, number)
            follower.look()
    follower.look()
    assert follower.seen == want
    assert follower.told == []
    shutil.rmtree(folder)
