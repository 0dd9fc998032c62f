"""Events and rules to measure with: real recordings where they are at hand, else Windows-like ones of our own making.

`corpus()` gives some 100,000 records as NDJSON, in an order that mixes all kinds. `varied()` streams them over and over
with other values in every round (identifiers, numbers, times), so that nothing that remembers values gets it for free.
"""

from __future__ import annotations

import random
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson

from benchmarks.machine import SHARED

RULES = ("rules/windows/", "rules-emerging-threats/", "rules-threat-hunting/", "rules-compliance/")
"""Folders of SigmaHQ that hold rules for Windows."""

VARIED = re.compile(
    rb"(?<![0-9A-Fa-f])[0-9A-Fa-f]{8}(?=-[0-9A-Fa-f]{4}-)"  # the first group of a GUID
    rb"|(?<=\.)\d{3,9}(?=[Z\"])"  # fractions of a second
    rb"|(?<!EventID\":)(?<!event_id\":)(?<![0-9A-Za-z.])\d{4,}(?![0-9A-Za-z.:/-])"  # long numbers, no event ids
)

DATE, DAY = re.compile(rb"(?<=\")20[12]\d-[01]\d-[0-3]\d(?=[ T])"), b"2026-03-02"


@dataclass(frozen=True, slots=True)
class Corpus:
    """Records and where they are from."""

    name: str
    ndjson: bytes
    records: int


def corpus(*, messages: bool = False, records: int = 100_000, one_day: bool = True, shared: Path = SHARED) -> Corpus:
    """Windows events as a collector wrote them.

    Args:
        one_day: all dates laid on one day, as a collector meets them; else those of the recordings, spread over years.
        messages: with `Message`, the rendered text that repeats all fields.
        records: how many at most; our own makes exactly so many.
        shared: the folder of real recordings.
    """
    if (shared / "it" / "otrf_mordor").is_dir():
        lines = _recorded(shared, messages)
        name = "OTRF Security-Datasets, Windows" + (", with Message" if messages else "")
    else:
        lines = [orjson.dumps(event) for event in _made(records)]
        name = "synthetic Windows events"
    lines = lines[:records]
    ndjson = b"\n".join(lines) + b"\n"
    return Corpus(name, DATE.sub(DAY, ndjson) if one_day else ndjson, len(lines))


def _recorded(shared: Path, messages: bool) -> list[bytes]:
    lines: list[bytes] = []
    for path in sorted((shared / "it" / "otrf_mordor").rglob("windows/**/*.zip")):
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                if member.filename.endswith(".json") and "__MACOSX" not in member.filename:
                    lines += [line for line in archive.read(member).split(b"\n") if line.strip()]
    random.Random(7).shuffle(lines)
    if messages:
        return [line.strip() for line in lines]
    kept = []
    for line in lines:
        event = orjson.loads(line)
        kept.append(orjson.dumps({k: v for k, v in event.items() if k not in ("Message", "message")}))
    return kept


def rules(folder: Path, shared: Path = SHARED) -> list[Path]:
    """Paths of Sigma rules for Windows, unpacked or written into `folder`: SigmaHQ's where they are at hand."""
    archives = sorted((shared / "knowledge" / "sigma_rules").rglob("*.zip"))
    if not archives:
        return [_made_rules(folder)]
    with zipfile.ZipFile(archives[0]) as archive:
        for name in archive.namelist():
            at = next((name.find(part) for part in RULES if part in name), -1)
            if at >= 0 and name.endswith(".yml"):
                target = folder / "sigma" / name[at:]
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(archive.read(name))
    return [folder / "sigma" / part for part in RULES]


def varied(source: Corpus, events: int, chunk: int = 250_000) -> Iterator[tuple[int, bytes]]:
    """About `events` records in chunks (records, NDJSON): the corpus again and again, every round with other values.

    Digits are exchanged for digits and letters for letters by a table of the round's own, so what was equal stays equal
    within a round, and lengths stay.
    """
    base = np.frombuffer(source.ndjson, np.uint8)
    ends = np.flatnonzero(base == 10) + 1
    # the first digit stays, so that no number begins with 0
    places = np.concatenate([np.arange(m.start() + 1, m.end()) for m in VARIED.finditer(source.ndjson)] or [ends[:0]])
    held: list[bytes] = []
    size, given, round_ = 0, 0, 0
    while given < events:
        text = base.copy()
        if round_:
            text[places] = _exchange(round_)[base[places]]
        start = 0
        while start < len(ends) and given < events:
            stop = min(len(ends), start + chunk - size, start + events - given)
            held.append(text[ends[start - 1] if start else 0 : ends[stop - 1]].tobytes())
            size += stop - start
            given += stop - start
            start = stop
            if size == chunk or given == events:
                yield size, b"".join(held)
                held, size = [], 0
        round_ += 1


def _exchange(seed: int) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    table = np.arange(256, dtype=np.uint8)
    generator = np.random.default_rng(seed)
    for alphabet in (b"0123456789", b"abcdef", b"ABCDEF"):
        letters = np.frombuffer(alphabet, np.uint8)
        table[letters] = generator.permutation(letters)
    return table


# -- our own making -----------------------------------------------------------------------------------------------

IMAGES = ("svchost", "chrome", "powershell", "cmd", "rundll32", "explorer", "teams", "wmic", "certutil", "msbuild")
WORDS = ("update", "report", "backup", "invoice", "setup", "config", "printer", "archive", "session", "driver")
KINDS = ((7, 30), (10, 25), (12, 12), (13, 12), (1, 6), (3, 6), (11, 6), (4688, 2), (4624, 4), (4663, 7))
"""Event ids and how often of a hundred."""


def _made(records: int) -> Iterator[dict[str, object]]:
    """Sysmon and Security events, deterministic."""
    random_ = random.Random(7)
    ids = [kind for kind, share in KINDS for _ in range(share)]
    for number in range(records):
        event_id = random_.choice(ids)
        host = f"ws{random_.randrange(200):03d}.example.com"
        user = f"EXAMPLE\\user{random_.randrange(400):03d}"
        image = f"C:\\Windows\\System32\\{random_.choice(IMAGES)}.exe"
        guid = f"{{{random_.getrandbits(32):08X}-5A1F-66C0-{random_.randrange(65536):04X}-000000000400}}"
        when = f"2026-03-{1 + number * 28 // records:02d} {random_.randrange(24):02d}:{random_.randrange(60):02d}"
        moment = f"{when}:{random_.randrange(60):02d}.{random_.randrange(1000):03d}"
        security = event_id > 4000
        event: dict[str, object] = {
            "@timestamp": moment.replace(" ", "T") + "Z",
            "EventID": event_id,
            "Channel": "Security" if security else "Microsoft-Windows-Sysmon/Operational",
            "SourceName": "Microsoft-Windows-Security-Auditing" if security else "Microsoft-Windows-Sysmon",
            "Hostname": host,
            "EventTime": moment[:19],
            "RecordNumber": number,
            "Severity": "INFO",
        }
        line = f'"{image}" -{random_.choice(WORDS)} C:\\Users\\{user[8:]}\\{random_.choice(WORDS)}{number % 9973}.dat'
        if security:
            event |= {"SubjectUserName": user[8:], "SubjectDomainName": "EXAMPLE", "SubjectLogonId": f"0x{number:x}"}
            if event_id == 4688:
                event |= {"NewProcessName": image, "CommandLine": line, "NewProcessId": f"0x{number % 9000:x}"}
            elif event_id == 4624:
                event |= {"TargetUserName": user[8:], "LogonType": "3", "IpAddress": f"192.0.2.{number % 250}"}
            else:
                event |= {"ObjectName": line[-40:], "ObjectType": "File", "ProcessName": image, "AccessMask": "0x1"}
        else:
            event |= {"UtcTime": moment, "ProcessGuid": guid, "ProcessId": str(number % 9000), "Image": image}
            event |= {"User": user, "RuleName": "-"}
            if event_id == 1:
                event |= {"CommandLine": line, "ParentImage": "C:\\Windows\\explorer.exe", "ParentProcessGuid": guid}
            elif event_id == 3:
                event |= {"DestinationIp": f"198.51.100.{number % 250}", "DestinationPort": "443", "Protocol": "tcp"}
            elif event_id == 7:
                event |= {
                    "ImageLoaded": f"C:\\Windows\\System32\\{WORDS[number % 10]}{number % 300}.dll",
                    "Signed": "true",
                }
            elif event_id == 10:
                event |= {"SourceImage": image, "TargetImage": image, "GrantedAccess": "0x1000", "CallTrace": line}
            elif event_id == 11:
                event |= {"TargetFilename": f"C:\\Users\\{user[8:]}\\{WORDS[number % 10]}{number % 4999}.tmp"}
            else:
                event |= {"TargetObject": f"HKLM\\Software\\Example\\{WORDS[number % 10]}\\{number % 999}",
                          "EventType": "SetValue", "Details": str(number)}  # fmt: skip
        yield event


def _made_rules(folder: Path) -> Path:
    """A thousand rules that look like rules."""
    target = folder / "made"
    target.mkdir(parents=True, exist_ok=True)
    shapes = (
        ("process_creation", "Image|endswith", "CommandLine|contains|all"),
        ("image_load", "Image|endswith", "ImageLoaded|endswith"),
        ("registry_set", "Image|endswith", "TargetObject|contains"),
        ("file_event", "Image|endswith", "TargetFilename|endswith"),
    )
    for number in range(1000):
        category, first, second = shapes[number % 4]
        image, word = IMAGES[number % 10], WORDS[number // 10 % 10]
        (target / f"made_{number:04d}.yml").write_text(
            f"title: Made {number}\nid: 00000000-0000-4000-8000-{number:012d}\nstatus: test\nlevel: low\n"
            f"logsource: {{product: windows, category: {category}}}\n"
            f"detection:\n  selection:\n    {first}: '\\{image}.exe'\n    {second}:\n      - '{word}{number}'\n"
            f"      - 'x{number}.dat'\n  condition: selection\n"
        )
    return target
