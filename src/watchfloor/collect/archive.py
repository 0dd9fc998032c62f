"""Compressed and archived files as streams of (name, binary file), recognised by their magic, not by their name.

gzip, xz, bzip2 and zstd are layers that are peeled off; zip and tar are opened, and one more archive inside each.
UTF-16 is a layer too, with a byte order mark or plainly without one: it comes out as UTF-8. What cannot be opened is a
member with a problem; nothing aborts the rest.

A layer that ends early gives what could be read and says so afterwards (`broken`).
"""

from __future__ import annotations

import bz2
import codecs
import io
import lzma
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, BinaryIO, cast

from watchfloor.collect.formats.format import HEAD, broken

__all__ = ["LIMITS", "Limits", "Member", "head_of", "packing", "unpack"]

READ = 1024 * 1024
SPOOL = 64 * 1024 * 1024

MAX_LAYERS = 3
"""Compressions around one stream."""

MAX_ARCHIVES = 2
"""Archives around one stream: one, and one inside it."""

IGNORED_FOLDERS = frozenset(("__MACOSX", ".Trashes", ".Spotlight-V100"))
IGNORED_PREFIXES = ("._",)
IGNORED_NAMES = frozenset((".DS_Store", "Thumbs.db", "desktop.ini"))

LAYERS: tuple[tuple[bytes, str, tuple[str, ...]], ...] = (
    (b"\x1f\x8b\x08", "gzip", (".gz", ".gzip", ".tgz")),
    (b"\xfd7zXZ\x00", "xz", (".xz", ".txz")),
    (b"BZh", "bzip2", (".bz2", ".tbz2")),
    (b"\x28\xb5\x2f\xfd", "zstd", (".zst", ".zstd", ".tzst")),
    (b"\xff\xfe", "utf-16-le", ()),
    (b"\xfe\xff", "utf-16-be", ()),
)
"""Magic, name of the layer, endings that vanish from the name with it."""

MARKS = (b"\xff\xfe", b"\xfe\xff")
PRINTABLE = bytes((9, 10, 13, *range(32, 127), *range(160, 256)))

ZIP = b"PK\x03\x04"
EMPTY_ZIP = b"PK\x05\x06"
OFFICE = {
    "[Content_Types].xml": "an Office document",
    "META-INF/MANIFEST.MF": "a Java archive",
    "mimetype": "an OpenDocument or e-book file",
    "AndroidManifest.xml": "an Android app",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """When an archive is no longer believed.

    Args:
        ratio: unpacked to packed size of one stream, beyond the first `free` bytes.
        free: bytes a stream may unpack to whatever its ratio.
        nested: bytes of an archive inside an archive.
        members: members of one archive.
    """

    ratio: int = 1000
    free: int = 512 * 1024 * 1024
    nested: int = 2 * 1024 * 1024 * 1024
    members: int = 100_000


LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Member:
    """One stream of a file.

    Args:
        name: path as the user should read it: `logs.zip/host1/auth.log`.
        file: the unpacked bytes, to be read before the next member is asked for; None when there is a problem.
        problem: why it cannot be read.
    """

    name: str
    file: BinaryIO | None
    problem: str | None = None


class _Layer(io.RawIOBase):
    """Bytes through a decoder, filled as far as possible; `broken` tells why it ended early."""

    def __init__(self, inner: BinaryIO, kind: str, limits: Limits) -> None:
        super().__init__()
        self.inner = inner
        self.kind = kind
        self.limits = limits
        self.broken: str | None = None
        self._decoder: Any = _DECODERS[kind]()
        self._fresh = True  # the decoder has seen nothing yet
        self._ready = memoryview(b"")
        self._pending = b""
        self._end = False
        self._taken = 0
        self._given = 0

    def readable(self) -> bool:
        return True

    def readinto(self, target: Any) -> int:
        view = memoryview(target).cast("B")
        filled = 0
        while filled < len(view):
            if not self._ready:
                if self._end:
                    break
                self._ready = memoryview(self._more())
                continue
            step = min(len(self._ready), len(view) - filled)
            view[filled : filled + step] = self._ready[:step]
            self._ready = self._ready[step:]
            filled += step
        return filled

    def _more(self) -> bytes:
        """The next unpacked bytes, at most a few MiB; sets `_end` when there are none left."""
        data = self._pending
        self._pending = b""
        hungry = not data and (self._decoder_done or getattr(self._decoder, "needs_input", True))
        if hungry:
            data = self.inner.read(READ // 16 if self.kind == "zstd" else READ)
            self._taken += len(data)
            if not data:
                self._end = True
                return self._close()
        try:
            out = self._decode(data)
        except (OSError, ValueError, EOFError, zlib.error, lzma.LZMAError, _zstd_error()) as error:
            self._end = True
            if self._decoder_done and not self._fresh:
                self.broken = f"something that is no {self.kind} follows the {self.kind} stream"
            else:
                self.broken = f"the {self.kind} stream is damaged ({error})"
            return b""
        self._given += len(out)
        if self._given > self.limits.free and self._given > self.limits.ratio * max(self._taken, 1):
            self._end = True
            self.broken = (
                f"it unpacks to more than {self.limits.ratio} times its size, as decompression bombs do; "
                f"reading stopped after {self._given // 1024 // 1024} MiB"
            )
            return b""
        return out

    _decoder_done = False

    def _decode(self, data: bytes) -> bytes:
        if self._decoder_done:
            # A second gzip member, xz stream or zstd frame, or the padding that tapes and rsync leave behind.
            data = data.lstrip(b"\x00") if self.kind != "utf-16" else data
            if not data:
                return b""
            self._decoder = _DECODERS[self.kind]()
            out = self._feed(data)
            self._decoder_done = self._finished()
            return out
        out = self._feed(data)
        self._decoder_done = self._finished()
        return out

    def _feed(self, data: bytes) -> bytes:
        decoder = self._decoder
        if self.kind == "gzip":
            out = decoder.decompress(data, 4 * READ)
            self._pending = decoder.unused_data if decoder.eof else decoder.unconsumed_tail
        elif self.kind in ("xz", "bzip2"):
            out = decoder.decompress(data, 4 * READ)
            self._pending = decoder.unused_data if decoder.eof else b""
        elif self.kind == "zstd":
            out = decoder.decompress(data)
            self._pending = decoder.unused_data if decoder.eof else b""
        else:
            return cast(str, decoder.decode(data)).encode("utf-8", "replace")
        self._fresh = False
        return cast(bytes, out)

    def _finished(self) -> bool:
        return bool(getattr(self._decoder, "eof", False))

    def _close(self) -> bytes:
        """At the end of the packed bytes."""
        if self.kind.startswith("utf-16"):
            return cast(str, self._decoder.decode(b"", True)).encode("utf-8", "replace")
        out = b""
        if self.kind == "gzip" and not self._decoder_done:
            out = cast(bytes, self._decoder.flush())
            self._decoder_done = self._finished()
        if not self._decoder_done:
            self.broken = f"the {self.kind} stream ends early"
        return out


def _zstd_error() -> type[Exception]:
    import zstandard

    return cast(type[Exception], zstandard.ZstdError)


def _zstd() -> Any:
    import zstandard

    return zstandard.ZstdDecompressor(max_window_size=2**31).decompressobj()


def _utf16(codec: str) -> Any:
    return codecs.getincrementaldecoder(codec)("replace")


_DECODERS: dict[str, Callable[[], Any]] = {
    "gzip": lambda: zlib.decompressobj(31),
    "xz": lzma.LZMADecompressor,
    "bzip2": bz2.BZ2Decompressor,
    "zstd": _zstd,
    "utf-16-le": lambda: _utf16("utf-16-le"),
    "utf-16-be": lambda: _utf16("utf-16-be"),
}


def head_of(file: BinaryIO, size: int = HEAD) -> bytes:
    """The first bytes of a stream that stands at its beginning, which stay unread."""
    if file.seekable():
        head = file.read(size)
        file.seek(0)
        return head
    peek = getattr(file, "peek", None)
    if peek is None:
        return b""
    return cast(bytes, peek(size))[:size]


def unpack(name: str, file: BinaryIO, limits: Limits = LIMITS) -> Iterator[Member]:
    """The streams in a file: itself, or what its layers and archives hold.

    Args:
        name: how the user knows the file.
        file: at its beginning.
        limits: when to stop believing an archive.
    """
    yield from _unpack(name, file, limits, 0, 0)


def _unpack(name: str, file: BinaryIO, limits: Limits, layers: int, archives: int) -> Iterator[Member]:
    head = head_of(file)
    kind = packing(head, name)
    if kind in OPENERS:
        yield from _archive(OPENERS[kind], name, file, limits, archives)
    elif kind is None:
        yield Member(name, file)
    elif layers >= MAX_LAYERS:
        yield Member(name, None, f"more than {MAX_LAYERS} compressions around one another")
    else:
        for ending in next(endings for _, of, endings in LAYERS if of == kind):
            if name.lower().endswith(ending):
                name = name[: -len(ending)] + (".tar" if ending.startswith(".t") else "")
                break
        if head[:2] in MARKS:
            file.read(2)
        inner = io.BufferedReader(_Layer(file, kind, limits), HEAD)
        yield from _unpack(name, cast(BinaryIO, inner), limits, layers + 1, archives)


def packing(head: bytes, name: str = "") -> str | None:
    """What a stream with this head is wrapped in: a layer, `zip` or `tar`; None where it is as its writer wrote it."""
    for magic, kind, _ in LAYERS:
        if head.startswith(magic) and _plausible(kind, head):
            return kind
    if head.startswith((ZIP, EMPTY_ZIP)):
        return "zip"
    if head[257:262] == b"ustar" or (name.lower().endswith(".tar") and _old_tar(head)):
        return "tar"
    return _unmarked(head)


def _unmarked(head: bytes) -> str | None:
    """UTF-16 without a byte order mark: every other byte is NUL, and what is between them reads as text."""
    body = head[:4096]
    for kind, text, zeros in (("utf-16-le", body[0::2], body[1::2]), ("utf-16-be", body[1::2], body[0::2])):
        odd = len(text.translate(None, PRINTABLE))
        if len(zeros) >= 8 and zeros.count(0) > 0.9 * len(zeros) and odd <= 0.05 * len(text):
            return kind
    return None


def _plausible(kind: str, head: bytes) -> bool:
    """The two bytes of a UTF-16 mark are weak: text must follow. `BZh` must be followed by a level and a block."""
    if kind.startswith("utf-16"):
        body = head[2:4096]
        zeros = body[1::2] if kind == "utf-16-le" else body[0::2]
        return not body or zeros.count(b"\x00") > len(zeros) // 4
    if kind == "bzip2":
        return head[4:10] in (b"\x31\x41\x59\x26\x53\x59", b"\x17\x72\x45\x38\x50\x90")
    return True


def _old_tar(head: bytes) -> bool:
    try:
        tarfile.TarInfo.frombuf(head[:512], "utf-8", "replace")
    except tarfile.TarError:
        return False
    return True


_Opener = Callable[[str, BinaryIO, Limits], Iterator[Member]]


def _archive(opener: _Opener, name: str, file: BinaryIO, limits: Limits, archives: int) -> Iterator[Member]:
    if archives >= MAX_ARCHIVES:
        yield Member(name, None, f"an archive nested more than {MAX_ARCHIVES - 1} deep; unpack it first")
        return
    count = 0
    for member in opener(name, file, limits):
        count += 1
        if count > limits.members:
            yield Member(name, None, f"an archive of more than {limits.members} members; the rest is not read")
            return
        if member.file is None:
            yield member
            continue
        try:
            yield from _unpack(member.name, member.file, limits, 0, archives + 1)
        finally:
            member.file.close()


def _ignored(path: str) -> bool:
    parts = PurePosixPath(path.replace("\\", "/")).parts
    if not parts:
        return True
    return (
        any(part in IGNORED_FOLDERS for part in parts)
        or parts[-1].startswith(IGNORED_PREFIXES)
        or parts[-1] in IGNORED_NAMES
    )


# -- zip ------------------------------------------------------------------------------------------------------------


class _Stored(io.RawIOBase):
    """A zip or tar member that reports damage instead of raising, and stops at a bomb."""

    def __init__(self, inner: Any, kind: str, packed: int | None, limits: Limits) -> None:
        super().__init__()
        self.inner = inner
        self.kind = kind
        self.packed = packed
        self.limits = limits
        self.broken: str | None = None
        self._given = 0

    def readable(self) -> bool:
        return True

    def readinto(self, target: Any) -> int:
        if self.broken is not None:
            return 0
        view = memoryview(target).cast("B")
        filled = 0
        try:
            while filled < len(view):
                got = self.inner.read(len(view) - filled)
                if not got:
                    break
                view[filled : filled + len(got)] = got
                filled += len(got)
        except EOFError:
            self.broken = f"the {self.kind} archive ends early"
        except (
            OSError,
            ValueError,
            RuntimeError,
            zlib.error,
            lzma.LZMAError,
            zipfile.BadZipFile,
            tarfile.TarError,
        ) as e:
            self.broken = f"the {self.kind} archive is damaged ({e})"
        self._given += filled
        if self.packed is not None and self._given > max(self.limits.free, self.limits.ratio * max(self.packed, 1)):
            self.broken = (
                f"it unpacks to more than {self.limits.ratio} times its size, as decompression bombs do; "
                f"reading stopped after {self._given // 1024 // 1024} MiB"
            )
        return filled

    def close(self) -> None:
        if not self.closed:
            self.inner.close()
        super().close()


def _zip(name: str, file: BinaryIO, limits: Limits) -> Iterator[Member]:
    if not file.seekable():
        spooled = _spool(file, limits)
        if spooled is None:
            yield Member(name, None, f"an inner archive of more than {limits.nested // 2**20} MiB; unpack it first")
            return
        with spooled:
            yield from _zip(name, spooled, limits)
        return
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        reason = broken(file) or f"the zip archive is damaged ({error})"
        yield Member(name, None, reason)
        return
    with archive:
        names = {info.filename for info in archive.infolist()}
        for marker, what in OFFICE.items():
            if marker in names:
                yield Member(name, None, f"is {what}, not a log we read")
                return
        for info in archive.infolist():
            if info.is_dir() or _ignored(info.filename):
                continue
            inner = f"{name}/{info.filename}"
            if info.flag_bits & 0x1:
                yield Member(inner, None, "is protected by a password; unpack it first")
                continue
            try:
                opened = archive.open(info)
            except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError) as error:
                yield Member(inner, None, f"cannot be unpacked ({error})")
                continue
            stored = _Stored(opened, "zip", info.compress_size, limits)
            yield Member(inner, cast(BinaryIO, io.BufferedReader(stored, HEAD)))


def _spool(file: BinaryIO, limits: Limits) -> BinaryIO | None:
    copy = cast(BinaryIO, tempfile.SpooledTemporaryFile(SPOOL))  # noqa: SIM115
    size = 0
    while data := file.read(READ):
        size += len(data)
        if size > limits.nested:
            copy.close()
            return None
        copy.write(data)
    copy.seek(0)
    return copy


# -- tar ------------------------------------------------------------------------------------------------------------


def _tar(name: str, file: BinaryIO, limits: Limits) -> Iterator[Member]:
    try:
        archive = tarfile.open(fileobj=file, mode="r|", errorlevel=0, errors="backslashreplace")  # noqa: SIM115
    except (tarfile.TarError, OSError, ValueError) as error:
        yield Member(name, None, broken(file) or f"the tar archive is damaged ({error})")
        return
    with archive:
        while True:
            try:
                info = archive.next()
            except (tarfile.TarError, OSError, ValueError, EOFError) as error:
                yield Member(name, None, broken(file) or f"the tar archive is damaged ({error})")
                return
            if info is None:
                break
            if not info.isfile() or _ignored(info.name):
                continue
            opened = archive.extractfile(info)
            if opened is None:
                continue
            stored = _Stored(opened, "tar", None, limits)
            yield Member(
                f"{name}/{info.name.removeprefix('./').lstrip('/')}", cast(BinaryIO, io.BufferedReader(stored, HEAD))
            )
            archive.members = []  # type: ignore[attr-defined]  # a stream is not looked back at: keep memory flat
    reason = broken(file)
    if reason is not None:
        yield Member(name, None, reason)


OPENERS: dict[str, _Opener] = {"zip": _zip, "tar": _tar}
