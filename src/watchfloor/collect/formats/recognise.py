"""Which format is this stream? Decided by what it says, never by its name alone."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from watchfloor.collect.formats.format import Format
from watchfloor.errors import SourceMalformed, SourceUnreachable, UsageError

__all__ = ["FORMATS", "by_name", "not_a_log", "recognise"]

FORMATS: dict[str, tuple[str, str]] = {
    "ndjson": ("ndjson", "NDJSON"),
    "json": ("json", "JSON"),
    "evtx": ("evtx", "EVTX"),
    "windows_xml": ("xml", "WINDOWS_XML"),
    "onvif_xml": ("onvif_xml", "ONVIF_XML"),
    "zeek_tsv": ("zeek", "ZEEK"),
    "auditd": ("auditd", "AUDITD"),
    "dc09": ("dc09", "DC09"),
    "cef": ("cef", "CEF"),
    "leef": ("leef", "LEEF"),
    "syslog": ("syslog", "SYSLOG"),
    "kv": ("kv", "KV"),
    "csv": ("csv", "CSV"),
    "text": ("text", "TEXT"),
}
"""Format name -> module in this package and the instance in it."""

NOT_LOGS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\xd4\xc3\xb2\xa1", "a packet capture (pcap)"),
    (0, b"\xa1\xb2\xc3\xd4", "a packet capture (pcap)"),
    (0, b"\x4d\x3c\xb2\xa1", "a packet capture (pcap)"),
    (0, b"\xa1\xb2\x3c\x4d", "a packet capture (pcap)"),
    (0, b"\x0a\x0d\x0d\x0a", "a packet capture (pcapng)"),
    (4, b"LfLe", "a Windows event file of the old kind (.evt)"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document or an installer"),
    (0, b"%PDF-", "a PDF document"),
    (0, b"{\\rtf", "an RTF document"),
    (0, b"\x89PNG\r\n", "a picture (PNG)"),
    (0, b"\xff\xd8\xff", "a picture (JPEG)"),
    (0, b"GIF8", "a picture (GIF)"),
    (0, b"\x7fELF", "a program (ELF)"),
    (0, b"MZ\x90\x00", "a program (Windows)"),
    (0, b"SQLite format 3\x00", "an SQLite database"),
    (0, b"PAR1", "a Parquet file"),
    (0, b"ARROW1", "an Arrow file"),
    (0, b"Obj\x01", "an Avro file"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (0, b"Rar!\x1a\x07", "a RAR archive"),
    (0, b"MSCF", "a Windows cabinet"),
    (0, b"regf", "a registry hive"),
    (0, b"MDMP", "a memory dump"),
    (0, b"PAGEDU", "a memory dump"),
    (0, b"LPKSHHRH", "a systemd journal; export it with `journalctl -o json`"),
    (0, b"hsqs", "a file system image"),
    (0, b"-----BEGIN ", "a key or a certificate"),
    (0, b"PK\x03\x04", "a zip archive inside an archive inside an archive"),
)
"""Offset, magic, what it is: things we know and do not read as logs."""

CONTROL = 0.1
"""A stream with a larger share of control bytes than this is no text."""

NUL = 0.3
"""Nor is one with a larger share of NUL and no line end."""

_TEXT_BYTES = bytes({7, 8, 9, 10, 11, 12, 13, 27, 29, 30, 31, *range(32, 256)})


def by_name(name: str) -> Format:
    """The format of this name.

    Raises:
        UsageError: there is none.
    """
    if name not in FORMATS:
        raise UsageError(f"there is no format '{name}'", remedy=f"formats: {', '.join(FORMATS)}")
    module, instance = FORMATS[name]
    found: Format = getattr(import_module(f"watchfloor.collect.formats.{module}"), instance)
    return found


def not_a_log(head: bytes) -> str | None:
    """What a stream is that we do not read as a log; None for everything else."""
    for at, magic, what in NOT_LOGS:
        if head[at : at + len(magic)] == magic:
            return what
    if not head:
        return None
    # NUL alone does not make it binary: a log may hold runs of it after a power cut.
    control = len(head.translate(None, _TEXT_BYTES).replace(b"\x00", b""))
    nul = head.count(b"\x00")
    if (
        control > CONTROL * len(head)
        or (nul and control > CONTROL / 5 * len(head))
        or (nul > NUL * len(head) and b"\n" not in head)
    ):
        return "binary data of a kind we do not know"
    return None


def recognise(head: bytes, name: str = "") -> Format:
    """The format that is surest about this stream.

    Args:
        head: the first bytes, decompressed; 64 KiB are enough.
        name: the file's name, as a hint only.

    Raises:
        SourceMalformed: this is no log that we read.
        SourceUnreachable: the package that reads it is not installed.
    """
    best, surest = by_name("text"), 0.0
    for format in FORMATS:
        candidate = by_name(format)
        sure = candidate.sniff(head, name)
        if sure > surest:
            best, surest = candidate, sure
    if best.name == "evtx" and find_spec("evtx") is None:
        raise SourceUnreachable(
            "is a Windows event file, and the package that reads them is not installed",
            file=name or None,
            remedy='pip install "watchfloor[windows]"',
        )
    if best.name != "evtx":
        what = not_a_log(head)
        if what is not None:
            raise SourceMalformed(f"is {what}, not a log we read", file=name or None)
    return best
