"""Layers and archives: recognised by magic, cut off, damaged, locked, nested, explosive."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from watchfloor.collect.archive import Limits, unpack
from watchfloor.collect.formats.format import broken

TEXT = b"".join(b'{"n":%d,"host":"web-%d.example.com"}\n' % (i, i % 7) for i in range(5000))

PACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "xz": lzma.compress,
    "bzip2": bz2.compress,
    "zstd": lambda data: zstandard.ZstdCompressor().compress(data),
}


def zipped(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def tarred(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def read(data: bytes, name: str = "x", limits: Limits | None = None) -> list[tuple[str, bytes | None, str | None]]:
    """Name, content, problem or break of every stream."""
    out: list[tuple[str, bytes | None, str | None]] = []
    for member in unpack(name, io.BytesIO(data), limits or Limits()):
        if member.file is None:
            out.append((member.name, None, member.problem))
        else:
            content = member.file.read()
            out.append((member.name, content, broken(member.file)))
    return out


@pytest.mark.parametrize("kind", PACK)
def test_a_layer_is_peeled_off_by_its_magic(kind: str) -> None:
    assert read(PACK[kind](TEXT), "plain.name") == [("plain.name", TEXT, None)]


def test_the_ending_goes_with_the_layer() -> None:
    assert read(gzip.compress(TEXT), "a.log.gz")[0][0] == "a.log"
    assert read(gzip.compress(tarred({"x/a.log": b"1\n"})), "b.tgz") == [("b.tar/x/a.log", b"1\n", None)]


@pytest.mark.parametrize("kind", PACK)
def test_several_streams_in_a_row_are_one(kind: str) -> None:
    assert read(PACK[kind](b"one\n") + PACK[kind](b"two\n")) == [("x", b"one\ntwo\n", None)]


@pytest.mark.parametrize("kind", PACK)
def test_half_a_stream_gives_what_it_holds_and_says_so(kind: str) -> None:
    # Random text does not pack well, so that half of the packed bytes hold something.
    text = b"".join(b"%d\n" % (i * 2654435761 % 2**61) for i in range(200_000))
    packed = PACK[kind](text)
    ((_, content, reason),) = read(packed[: len(packed) // 2])
    assert reason == f"the {kind} stream ends early"
    assert content is not None
    assert text.startswith(content)
    assert len(content) > 1000


@pytest.mark.parametrize("kind", PACK)
def test_a_damaged_stream_says_so(kind: str) -> None:
    packed = bytearray(PACK[kind](TEXT))
    packed[len(packed) // 2 :] = bytes(len(packed) - len(packed) // 2)
    ((_, content, reason),) = read(bytes(packed))
    assert content is not None
    assert reason is not None
    assert kind in reason


def test_something_behind_the_stream_is_told_and_padding_is_not() -> None:
    assert read(gzip.compress(b"a\n") + bytes(512)) == [("x", b"a\n", None)]
    ((_, content, reason),) = read(gzip.compress(b"a\n") + b"garbage")
    assert content == b"a\n"
    assert reason == "something that is no gzip follows the gzip stream"


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_utf16_with_a_mark_comes_out_as_utf8(codec: str) -> None:
    line = "Käfer, 東京, \N{GRINNING FACE}\n"
    mark = b"\xff\xfe" if codec.endswith("le") else b"\xfe\xff"
    assert read(mark + (line * 3).encode(codec)) == [("x", (line * 3).encode(), None)]
    assert read(gzip.compress(mark + line.encode(codec))) == [("x", line.encode(), None)]


def test_members_of_zip_and_tar() -> None:
    members = {"host1/auth.log": b"a\n", "host2/auth.log": b"b\n"}
    for data in (zipped(members), tarred(members)):
        assert read(data, "l") == [("l/host1/auth.log", b"a\n", None), ("l/host2/auth.log", b"b\n", None)]


def test_compressed_members_and_one_archive_inside_another() -> None:
    inner = zipped({"deep.log": b"deep\n"})
    data = tarred({"a.log.gz": gzip.compress(b"a\n"), "inner.zip": inner})
    assert read(data, "t") == [("t/a.log", b"a\n", None), ("t/inner.zip/deep.log", b"deep\n", None)]
    deeper = zipped({"one.zip": zipped({"two.zip": inner})})
    ((name, content, problem),) = read(deeper, "z")
    assert (name, content) == ("z/one.zip/two.zip", None)
    assert problem is not None
    assert "nested" in problem


def test_what_archives_carry_along_is_ignored() -> None:
    data = zipped({"__MACOSX/._a.log": b"x", "._a.log": b"x", ".DS_Store": b"x", "d/": b"", "a.log": b"a\n"})
    assert read(data, "z") == [("z/a.log", b"a\n", None)]


def test_a_locked_member_is_told_and_the_others_are_read() -> None:
    data = bytearray(zipped({"secret.log": b"s\n", "open.log": b"o\n"}))
    # Mark the first member as encrypted, in its local header and in the directory.
    data[6] |= 1
    at = data.index(b"PK\x01\x02")
    data[at + 8] |= 1
    first, second = read(bytes(data), "z")
    assert first == ("z/secret.log", None, "is protected by a password; unpack it first")
    assert second == ("z/open.log", b"o\n", None)


def test_a_member_with_a_wrong_checksum_is_told_and_the_others_are_read() -> None:
    data = bytearray(zipped({"bad.log": TEXT, "good.log": b"g\n"}))
    data[60] ^= 0xFF
    first, second = read(bytes(data), "z")
    assert first[2] is not None
    assert "damaged" in first[2] or "cannot be unpacked" in first[2]
    assert second == ("z/good.log", b"g\n", None)


@pytest.mark.parametrize("kind", PACK)
def test_a_bomb_is_stopped(kind: str) -> None:
    bomb = PACK[kind](bytes(8 * 1024 * 1024))
    ((_, content, reason),) = read(bomb, limits=Limits(ratio=100, free=1024 * 1024))
    assert content is not None
    assert len(content) < 8 * 1024 * 1024
    assert reason is not None
    assert "decompression bomb" in reason


def test_a_bomb_in_a_zip_is_stopped() -> None:
    ((_, _, reason),) = read(zipped({"b": bytes(8 * 1024 * 1024)}), limits=Limits(ratio=100, free=1024 * 1024))
    assert reason is not None
    assert "decompression bomb" in reason


def test_too_many_members_are_cut() -> None:
    seen = read(zipped({f"{i}.log": b"x\n" for i in range(5)}), limits=Limits(members=3))
    assert len(seen) == 4
    assert seen[-1][2] is not None
    assert "more than 3 members" in seen[-1][2]


def test_an_office_document_is_named() -> None:
    ((_, content, problem),) = read(zipped({"[Content_Types].xml": b"<x/>", "xl/sheet.xml": b"<y/>"}))
    assert content is None
    assert problem == "is an Office document, not a log we read"


def test_half_a_tar_gives_the_whole_members() -> None:
    data = gzip.compress(tarred({"a.log": b"a\n", "b.log": TEXT * 20}))
    seen = read(data[: len(data) // 2], "t")
    assert seen[0] == ("t/a.log", b"a\n", None)
    assert any(reason for _, _, reason in seen)


@given(
    st.sampled_from([*(pack(TEXT[:500]) for pack in PACK.values()), zipped({"a": b"x"}), tarred({"a": b"x"})]),
    st.lists(st.tuples(st.integers(0, 600), st.integers(0, 255)), max_size=5),
    st.integers(0, 700),
)
@settings(deadline=None, max_examples=200)
def test_damage_never_raises(data: bytes, changes: list[tuple[int, int]], cut: int) -> None:
    raw = bytearray(data[:cut])
    for at, value in changes:
        if at < len(raw):
            raw[at] = value
    for name, content, problem in read(bytes(raw)):
        assert name
        assert content is not None or problem
