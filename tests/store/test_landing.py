"""The landing keeps every byte, notices every change, and repairs only what was never acknowledged."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from watchfloor.errors import StoreDamaged, StoreError, StoreFull, StoreNewer
from watchfloor.store import segment
from watchfloor.store.landing import LandedBlock, LandingReader, LandingWriter, folder_name, verify

SOURCE = "windows/dc01"
QUIET = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def land(writer: LandingWriter, records: list[bytes], *, stream: str = "s", after: str = "", received: int = 5) -> int:
    offsets = np.cumsum([0, *map(len, records)], dtype=np.int64)
    return writer.append(stream, "ndjson", b"".join(records), offsets, received, after=after, context=b"head")


def parts(block: LandedBlock) -> list[tuple[int, bytes]]:
    at = block.offsets.tolist()
    assert at[0] == 0
    return [
        (number, block.payload[low:high])
        for number, low, high in zip(block.sequence.tolist(), at[:-1], at[1:], strict=True)
    ]


def everything(folder: Path, after: dict[str, int] | None = None) -> list[tuple[int, bytes]]:
    return [part for block in LandingReader(folder).read(after) for part in parts(block)]


def only_segment(folder: Path) -> Path:
    (path,) = folder.glob("*/*.wfl")
    return path


records = st.lists(st.binary(max_size=40), max_size=6)


@QUIET
@given(batches=st.lists(st.tuples(records, st.booleans(), st.booleans()), max_size=8), small=st.booleans())
def test_any_records_come_back(backend: Path, batches: list[tuple[list[bytes], bool, bool]], small: bool) -> None:
    folder = backend / os.urandom(6).hex()
    expected: list[bytes] = []
    writer = LandingWriter(folder, SOURCE, segment_bytes=200 if small else 1 << 20)
    for batch, flush, reopen in batches:
        expected += batch
        assert land(writer, batch) == len(expected)
        if flush:
            assert writer.flush() == len(expected)
        if reopen:
            writer.close(seal=flush)
            writer = LandingWriter(folder, SOURCE, segment_bytes=200 if small else 1 << 20)
            assert writer.repaired is None
    writer.close()
    assert everything(folder) == list(enumerate(expected, 1))
    assert LandingReader(folder).last(SOURCE) == len(expected)


@QUIET
@given(
    batches=st.lists(st.lists(st.binary(max_size=9), min_size=1, max_size=5), min_size=1, max_size=6),
    data=st.data(),
)
def test_reading_resumes_anywhere(backend: Path, batches: list[list[bytes]], data: st.DataObject) -> None:
    folder = backend / os.urandom(6).hex()
    with LandingWriter(folder, SOURCE, segment_bytes=300) as writer:
        for batch in batches:
            land(writer, batch)
    whole = [record for batch in batches for record in batch]
    position = data.draw(st.integers(0, len(whole)))
    assert everything(folder, {SOURCE: position}) == list(enumerate(whole, 1))[position:]
    reader, at, seen = LandingReader(folder), 0, []
    while True:
        limit = data.draw(st.integers(1, 4))
        got = [part for block in reader.read({SOURCE: at}, limit) for part in parts(block)]
        assert len(got) == min(limit, len(whole) - at)
        if not got:
            break
        seen += got
        at = got[-1][0]
    assert seen == list(enumerate(whole, 1))
    stop = data.draw(st.integers(position, len(whole)))
    exact = [p for block in reader.read({SOURCE: position}, until={SOURCE: stop}) for p in parts(block)]
    assert exact == list(enumerate(whole, 1))[position:stop]
    if whole:
        number = data.draw(st.integers(1, len(whole)))
        assert reader.record(SOURCE, number) == whole[number - 1]


@pytest.fixture
def written(tmp_path: Path) -> tuple[Path, bytes, list[bytes]]:
    """A landing of five flushed blocks, its bytes, and its records."""
    folder = tmp_path / "landing"
    kept = []
    with LandingWriter(folder, SOURCE) as writer:
        for number in range(5):
            batch = [f"record {number}.{i}".encode() for i in range(3)]
            land(writer, batch, after=str(number))
            writer.flush()
            kept += batch
    return folder, only_segment(folder).read_bytes(), kept


def test_every_cut_leaves_a_prefix(written: tuple[Path, bytes, list[bytes]], monkeypatch: pytest.MonkeyPatch) -> None:
    for sync in ("fsync", "fdatasync"):  # nothing here depends on the disk, and there are a thousand cuts
        monkeypatch.setattr(os, sync, lambda _: None)
    folder, data, kept = written
    path = only_segment(folder)
    best = -1
    for cut in range(len(data) + 1):
        path.write_bytes(data[:cut])
        with LandingWriter(folder, SOURCE) as writer:
            have = everything(folder)
            assert have == list(enumerate(kept, 1))[: len(have)]
            assert len(have) >= best, "a longer file never holds less"
            best = len(have)
            last = writer.last
            assert last == len(have)
            assert land(writer, [b"next"]) == last + 1
        assert everything(folder)[-1] == (last + 1, b"next")
        for extra in path.parent.iterdir():
            extra.unlink()
    assert best == len(kept)


def test_a_cut_is_reported(written: tuple[Path, bytes, list[bytes]]) -> None:
    folder, data, _ = written
    only_segment(folder).write_bytes(data[:-60])
    with LandingWriter(folder, SOURCE) as writer:
        assert writer.repaired is not None
        assert writer.repaired.records == 3
        assert writer.repaired.bytes + writer.repaired.offset == len(data) - 60
        assert writer.resume() == {"s": "3"}


@pytest.mark.parametrize("sealed", [False, True])
def test_every_flipped_byte_is_noticed(tmp_path: Path, sealed: bool) -> None:
    folder = tmp_path / "landing"
    writer = LandingWriter(folder, SOURCE)
    for number in range(3):
        land(writer, [b"record %d" % number] * 2)
        writer.flush()
    writer.close(seal=sealed)
    path = only_segment(folder)
    data = path.read_bytes()
    whole = everything(folder)
    acknowledged = data.rindex(segment.BLOCK)  # the last flush mark, or the footer
    for at in range(len(data)):
        for extra in path.parent.iterdir():
            extra.unlink()
        path.write_bytes(data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :])
        try:
            with LandingWriter(folder, SOURCE) as again:
                have = everything(folder)
                noticed = again.repaired is not None
            if sealed:
                verify(path)
        except StoreDamaged as error:
            assert error.file == str(path)
            assert error.remedy
            continue
        except StoreNewer:
            continue
        assert have == whole, f"byte {at}: acknowledged records were lost without an error"
        assert noticed, f"byte {at} of {len(data)} flipped and nobody saw it"
        assert at >= acknowledged


def test_reader_sees_only_what_is_flushed(backend: Path) -> None:
    reader = LandingReader(backend)
    assert list(reader.read()) == []
    assert reader.sources() == []
    assert reader.last(SOURCE) == 0
    writer = LandingWriter(backend, SOURCE)
    land(writer, [b"a", b"b"])
    assert everything(backend) == []
    assert reader.end() == {SOURCE: 0}
    writer.flush()
    assert reader.end() == {SOURCE: 2}
    land(writer, [b"c"])
    assert [p for b in reader.read({SOURCE: 1}) for p in parts(b)] == [(2, b"b")]
    writer.flush()
    assert [p for b in reader.read({SOURCE: 2}) for p in parts(b)] == [(3, b"c")]


def test_what_a_block_carries(backend: Path) -> None:
    with LandingWriter(backend, SOURCE) as writer:
        payload = b"xxabcdefyy"
        assert writer.append("st", "csv", payload, np.array([2, 4, 8]), np.array([7, 9]), context=b"h1,h2") == 2
    (block,) = LandingReader(backend).read()
    assert (block.source, block.stream, block.format, block.context) == (SOURCE, "st", "csv", b"h1,h2")
    assert block.received.tolist() == [7, 9]
    assert parts(block) == [(1, b"ab"), (2, b"cdef")]


def test_resume_survives_and_carries_over_segments(backend: Path) -> None:
    with LandingWriter(backend, SOURCE, segment_bytes=100) as writer:
        land(writer, [b"a" * 50], stream="one", after="1:50")
        land(writer, [b"b" * 50], stream="two", after="2:50")
        land(writer, [], stream="one", after="1:99")
        land(writer, [b"c"], stream="three")
        writer.flush()
        assert len(list(backend.glob("*/*.wfl"))) > 1
        reader = LandingReader(backend)
        assert reader.resume(SOURCE) == writer.resume() == {"one": "1:99", "two": "2:50"}
    for _ in range(2):
        with LandingWriter(backend, SOURCE) as writer:
            assert writer.resume() == {"one": "1:99", "two": "2:50"}
            writer.close(seal=True)
    assert LandingReader(backend).resume("nobody") == {}


def test_sources_are_apart_and_read_in_the_order_received(backend: Path) -> None:
    with LandingWriter(backend, "a") as first, LandingWriter(backend, "b") as second:
        land(first, [b"a1"], received=10)
        land(second, [b"b1"], received=5)
        land(first, [b"a2"], received=30)
        land(second, [b"b2"], received=20)
    reader = LandingReader(backend)
    assert [part[1] for block in reader.read() for part in parts(block)] == [b"b1", b"a1", b"b2", b"a2"]
    assert [block.source for block in reader.read(until={"b": 2})] == ["b", "b"]
    assert [block.source for block in reader.read(sources=["a"])] == ["a", "a"]
    assert reader.end() == {"a": 2, "b": 2}


@given(st.text(max_size=300))
def test_folder_names_are_safe(source: str) -> None:
    name = folder_name(source)
    assert 0 < len(name.encode()) <= 200
    assert "/" not in name
    assert "\0" not in name
    assert name not in {".", ".."}


@given(st.text(max_size=40), st.text(max_size=40))
def test_folder_names_are_unambiguous(one: str, other: str) -> None:
    assert (folder_name(one) == folder_name(other)) == (one == other)


def test_damage_names_file_byte_and_remedy(written: tuple[Path, bytes, list[bytes]]) -> None:
    folder, data, _ = written
    path = only_segment(folder)
    middle = len(data) // 2
    path.write_bytes(data[:middle] + b"\0\0\0\0" + data[middle + 4 :])
    for attempt in (lambda: LandingWriter(folder, SOURCE), lambda: everything(folder)):
        with pytest.raises(StoreDamaged, match=r"block at byte \d+ is damaged") as caught:
            attempt()
        assert caught.value.file == str(path)
        assert ".damaged" in (caught.value.remedy or "")


def test_set_aside_damage_is_read_past_and_no_sequence_is_given_twice(
    backend: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with LandingWriter(backend, SOURCE, segment_bytes=10) as writer:
        for letter in b"abc":
            land(writer, [bytes([letter])])
    _, second, third = sorted(backend.glob("*/*.wfl"))
    second.rename(f"{second}.damaged")
    assert everything(backend) == [(1, b"a"), (3, b"c")]
    assert "lacks records 2 to 2" in caplog.text
    third.rename(f"{third}.damaged")
    with LandingWriter(backend, SOURCE) as writer:
        assert land(writer, [b"d"]) > 3
    assert [record for _, record in everything(backend)] == [b"a", b"d"]


def test_newer_format_is_refused(written: tuple[Path, bytes, list[bytes]], monkeypatch: pytest.MonkeyPatch) -> None:
    folder, *_ = written
    shutil.rmtree(folder)
    monkeypatch.setattr(segment, "VERSION", 9)
    with LandingWriter(folder, SOURCE) as writer:
        land(writer, [b"from the future"])
    monkeypatch.undo()
    for attempt in (lambda: LandingWriter(folder, SOURCE), lambda: everything(folder)):
        with pytest.raises(StoreNewer, match="landing format 9"):
            attempt()


def test_a_hostile_record_cannot_pass_for_a_block(tmp_path: Path) -> None:
    """A record that holds a whole valid-looking segment, stored raw, in a tail that is torn."""
    with LandingWriter(tmp_path / "other", SOURCE) as writer:
        land(writer, [os.urandom(200)])
        writer.flush()
        land(writer, [os.urandom(200)])
    forged = only_segment(tmp_path / "other").read_bytes()
    folder = tmp_path / "landing"
    with LandingWriter(folder, SOURCE) as writer:
        land(writer, [b"good"])
        writer.flush()
        land(writer, [forged, os.urandom(100)])
    path = only_segment(folder)
    data = path.read_bytes()
    assert segment.BLOCK in data
    path.write_bytes(data[:-60])
    with LandingWriter(folder, SOURCE) as writer:
        assert writer.repaired is not None
    assert everything(folder) == [(1, b"good")]


def test_sealed_segments_verify_and_chain(backend: Path) -> None:
    with LandingWriter(backend, SOURCE, segment_bytes=10) as writer:
        for letter in b"abc":
            land(writer, [bytes([letter])])
        writer.close(seal=True)
    digests = [verify(path) for path in sorted(backend.glob("*/*.wfl"))]
    previous = []
    for path in sorted(backend.glob("*/*.wfl")):
        with path.open("rb") as file:
            header = segment.read_header(file.fileno(), path)
        assert header is not None
        previous.append(header.previous)
    assert previous == ["", *digests[:-1]]


def test_numbering_goes_on_behind_what_the_lake_has(backend: Path) -> None:
    with LandingWriter(backend, SOURCE) as writer:
        land(writer, [b"a"])
    with LandingWriter(backend, SOURCE, committed=10) as writer:
        assert land(writer, [b"b"]) == 11
    assert everything(backend) == [(1, b"a"), (11, b"b")]


def test_a_folder_of_another_source_is_refused(backend: Path) -> None:
    with LandingWriter(backend, "a") as writer:
        land(writer, [b"a"])
    (backend / "a").rename(backend / "b")
    with pytest.raises(StoreDamaged, match="holds records of 'a'"):
        LandingWriter(backend, "b")


@pytest.mark.parametrize("offsets", [[], [0, 9], [-1, 1], [0, 2, 1]])
def test_offsets_that_do_not_fit_are_refused(backend: Path, offsets: list[int]) -> None:
    with LandingWriter(backend, SOURCE) as writer, pytest.raises(StoreError):
        writer.append("s", "f", b"abc", np.array(offsets, np.int64), 1)


def test_missing_record(backend: Path) -> None:
    with pytest.raises(StoreError, match="not in the landing"):
        LandingReader(backend).record(SOURCE, 1)


def test_full_disk_leaves_a_readable_segment(backend: Path) -> None:
    """A real refusal by the kernel: a limit on the size of a file, in a process of its own."""
    code = textwrap.dedent(f"""
        import os, resource
        from pathlib import Path
        import numpy as np
        from watchfloor.errors import StoreFull
        from watchfloor.store.landing import LandingReader, LandingWriter
        writer = LandingWriter(Path({str(backend)!r}), {SOURCE!r})
        writer.append("s", "f", b"kept", np.array([0, 4]), 1)
        writer.flush()
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
        noise = os.urandom(10_000)
        try:
            writer.append("s", "f", noise, np.array([0, len(noise)]), 1)
        except StoreFull as error:
            assert "free space" in error.remedy
        else:
            raise SystemExit("it fitted?")
        assert writer.append("s", "f", b"more", np.array([0, 4]), 1) == 2
        writer.flush()
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert writer.append("s", "f", noise, np.array([0, len(noise)]), 1) == 3
        writer.close()
    """)
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    with LandingWriter(backend, SOURCE) as writer:
        assert writer.repaired is None
    assert [record[:4] for _, record in everything(backend)][:2] == [b"kept", b"more"]
    assert len(everything(backend)) == 3


def test_failed_sync_is_not_an_acknowledgement(backend: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = LandingWriter(backend, SOURCE)
    land(writer, [b"a"])

    def refuse(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fdatasync", refuse)
    with pytest.raises(StoreFull):
        writer.flush()
    monkeypatch.undo()
    with pytest.raises(StoreError, match="failed before"):
        writer.flush()
    writer.close()
    assert everything(backend) == []
