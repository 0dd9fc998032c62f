"""Files and folders: everything readable is read, everything else is told, nothing stops the rest."""

from __future__ import annotations

import gzip
import json
import os
import zipfile
from pathlib import Path

import pytest

from watchfloor.collect.files import Opened, Skipped, opened, walk
from watchfloor.errors import SourceRefused, SourceUnreachable, named

LINES = b'{"a":1}\n{"a":2}\n'


def read(*paths: Path) -> tuple[dict[str, int], dict[str, str], dict[str, str]]:
    """Records per stream, reasons of skipped ones, reasons of broken ones."""
    good: dict[str, int] = {}
    skipped: dict[str, str] = {}
    stopped: dict[str, str] = {}
    for item in opened(paths):
        if isinstance(item, Skipped):
            skipped[Path(item.name).name] = item.reason
            continue
        name = Path(item.name).name
        for framed in item.frames():
            decoded = item.format.decode(framed.block)
            assert len(decoded.offsets) == len(framed.block.offsets)
            good[name] = good.get(name, 0) + len(framed.block) - len(decoded.bad)
            if framed.broken:
                stopped[name] = framed.broken
    return good, skipped, stopped


def test_a_folder_in_depth_with_everything_that_goes_wrong(tmp_path: Path) -> None:
    (tmp_path / "deep/deeper").mkdir(parents=True)
    (tmp_path / "deep/deeper/a.json").write_bytes(LINES)
    (tmp_path / "b.log.gz").write_bytes(gzip.compress(LINES))
    (tmp_path / "capture.log").write_bytes(b"\xd4\xc3\xb2\xa1" + bytes(100))
    (tmp_path / "empty.log").write_bytes(b"")
    (tmp_path / "rule.yml").write_bytes(b"title: x\n")
    (tmp_path / "._b.log").write_bytes(b"junk")
    (tmp_path / "circle").symlink_to(tmp_path)
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")
    os.mkfifo(tmp_path / "pipe")
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as archive:
        archive.writestr("inner.jsonl", LINES)
    good, skipped, stopped = read(tmp_path)
    assert good == {"a.json": 2, "b.log": 2, "inner.jsonl": 2}
    assert skipped == {
        "capture.log": "is a packet capture (pcap), not a log we read",
        "rule.yml": "is a document by its name; name it on its own to read it",
        "nowhere": "a link that leads nowhere",
        "pipe": "is a device, pipe or socket, not a file",
    }
    assert stopped == {}


def test_half_a_gzip_gives_its_records_and_says_so(tmp_path: Path) -> None:
    data = b"".join(b'{"n":%d}\n' % (i * 2654435761 % 2**61) for i in range(50_000))
    packed = gzip.compress(data)
    (tmp_path / "half.json.gz").write_bytes(packed[: len(packed) // 2])
    (tmp_path / "whole.json").write_bytes(LINES)
    streams = opened([tmp_path / "half.json.gz"])
    item = next(streams)
    assert isinstance(item, Opened)
    framed = list(item.frames())
    assert [step.broken for step in framed][-1] == "the gzip stream ends early"
    records = [record for step in framed for record in step.block.records()]
    assert len(records) > 10_000
    assert all(json.loads(record) for record in records)
    # The record that was cut in two is told, and is not among the good ones.
    assert [bad.reason for step in framed for bad in step.bad] == ["the stream ends inside this record"]
    good, _, stopped = read(tmp_path)
    assert good["whole.json"] == 2
    assert stopped == {"half.json": "the gzip stream ends early"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_refused_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "secret.log").write_bytes(LINES)
    (tmp_path / "secret.log").chmod(0)
    (tmp_path / "open.json").write_bytes(LINES)
    items = list(opened([tmp_path]))
    assert [type(item.error) for item in items if isinstance(item, Skipped)] == [SourceRefused]
    assert sum(isinstance(item, Opened) for item in items) == 1


def test_a_refused_file_is_told_also_to_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret.log").write_bytes(LINES)
    (tmp_path / "open.json").write_bytes(LINES)
    real = Path.open

    def refuse(self: Path, *args: object, **kwargs: object) -> object:
        if self.name == "secret.log":
            raise PermissionError(13, "Permission denied", str(self))
        return real(self, *args, **kwargs)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", refuse)
    items = list(opened([tmp_path]))
    (skipped,) = [item for item in items if isinstance(item, Skipped)]
    assert isinstance(skipped.error, SourceRefused)
    assert "we may not read it" in str(skipped.error)
    assert sum(isinstance(item, Opened) for item in items) == 1


def test_a_missing_path_is_unreachable_and_the_next_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(LINES)
    first, second = opened([tmp_path / "gone.json", tmp_path / "a.json"])
    assert isinstance(first, Skipped)
    assert isinstance(first.error, SourceUnreachable)
    assert isinstance(second, Opened)


def test_a_named_document_is_read_as_text(tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_bytes(b"one\ntwo\n")
    assert read(tmp_path / "notes.md")[0] == {"notes.md": 2}


def test_a_folder_seen_by_two_ways_is_not_a_circle(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/x.json").write_bytes(LINES)
    (tmp_path / "b").symlink_to(tmp_path / "a")
    (tmp_path / "a/self").symlink_to(tmp_path / "a")
    assert len([item for item in walk([tmp_path]) if isinstance(item, Path)]) == 2


def test_a_name_that_is_no_utf8_can_be_stored_and_printed(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.json"))
    path.write_bytes(LINES)
    assert named(path) == f"{tmp_path}/caf\\xe9.json"
    good, skipped, _ = read(tmp_path)
    assert good == {"caf\\xe9.json": 2} and skipped == {}
    assert named("a\nb\x1b[31mé 日.log") == "a\\nb\\x1b[31mé 日.log"


def test_utf16_without_a_mark_is_text(tmp_path: Path) -> None:
    for codec in ("utf-16-le", "utf-16-be"):
        (tmp_path / f"{codec}.json").write_bytes('{"a":"é"}\n{"a":2}\n'.encode(codec))
    good, skipped, _ = read(tmp_path)
    assert good == {"utf-16-le.json": 2, "utf-16-be.json": 2} and skipped == {}


# -- real recordings --------------------------------------------------------------------------------------------------

REAL = {
    "it/sigma_regression/regression_data.zip": (98, 0),
    "it/evtx_to_mitre/evtx.zip": (162, 0),
    "cloud/stratus_cloudtrail": (22, 0),
    "cloud/panther_rule_tests/events.jsonl.gz": (1, 0),
    "ot/4sics_zeek_logs": (22, 0),
    "it/fail2ban_logs": (60, 0),
    "it/otrf_mordor/files/atomic/linux": (1, 0),
    "it/otrf_mordor/files/atomic/aws": (2, 0),
    "it/otrf_mordor/files/atomic/windows/discovery": (3, 0),
}


@pytest.mark.parametrize("part", REAL)
def test_real_recordings_load_without_loss(shared_data: Path, part: str) -> None:
    streams, expected_bad = REAL[part]
    seen = records = bad = 0
    for item in opened([shared_data / part]):
        if isinstance(item, Skipped):
            assert "not a log we read" in item.reason or "document by its name" in item.reason
            continue
        seen += 1
        for framed in item.frames():
            assert framed.broken is None, item.name
            bad += len(framed.bad) + len(item.format.decode(framed.block).bad)
            records += len(framed.block)
    assert seen >= streams
    assert records >= seen
    assert bad == expected_bad
