"""Four streams of Windows events that ask different things of an engine.

    W1        what a collector sees: all kinds of records in their natural mixture; values come again and again
    procmix   nothing but process creations, the events most rules are about; half of the command lines are new
    procuniq  the same, and nearly every text of every record is one never seen before: remembering gains nothing
    alluniq   W1 with nearly every text new

They are made from recordings where these are at hand (`events`), else from records of our own making. The same seed
gives the same bytes. What a text is stays what it was: a path stays a path with another name in it, a GUID a GUID, an
address an address, a time a time. So a new value costs what a new value costs, and nothing is broken by being new.
"""

from __future__ import annotations

import io
import itertools
import random
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from benchmarks import events
from benchmarks.machine import SHARED

NAMES = ("W1", "procmix", "procuniq", "alluniq")

SYSMON = "Microsoft-Windows-Sysmon/Operational"

KEPT = frozenset(
    (
        "Channel", "SourceName", "ProviderGuid", "Level", "Severity", "SourceModuleName", "SourceModuleType", "tags",
        "@version", "EventType", "Opcode", "Keywords", "log_name", "source_name", "provider_guid", "level", "event_id",
        "type", "EventID",
    )
)  # fmt: skip
"""Fields that say which kind of record it is: they stay, or nothing would be routed any more."""

CHUNK = 50_000
"""Events made at a time."""

GUID = re.compile(r"\{?[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}?")
TIME = re.compile(r"(\d{4}-\d\d-\d\d[T ])\d\d:\d\d:\d\d(\.\d+)?(.*)", re.DOTALL)
ADDRESS = re.compile(r"(::ffff:)?\d{1,3}(\.\d{1,3}){3}")
NUMBER = re.compile(r"(0x[0-9a-fA-F]+)|\d+")
SID = re.compile(r"S-1-5-21(-\d+)+")


def workload(name: str, count: int, *, shared: Path = SHARED) -> tuple[str, Iterator[bytes]]:
    """Events of one kind: where they are from, and NDJSON in chunks of whole lines.

    Args:
        name: one of `NAMES`.
        count: how many.
        shared: the folder of real recordings.
    """
    if name in ("W1", "alluniq"):
        source = events.corpus(records=min(count, 150_000), shared=shared)
        chunks = (chunk for _, chunk in events.varied(source, count, CHUNK))
        if name == "W1":
            return source.name, chunks
        chance = random.Random(11)
        parsed = (map(orjson.loads, chunk.splitlines()) for chunk in chunks)
        return source.name, (_joined(_all_new(event, chance) for event in part) for part in parsed)
    if name not in NAMES:
        raise ValueError(f"there is no workload {name!r}: {', '.join(NAMES)}")
    found, origin = _process_creations(shared)
    chance = random.Random(13)
    made = (_renewed(chance.choice(found), chance) for _ in range(count))
    if name == "procuniq":
        made = (_all_new(event, chance) for event in made)
    return f"{len(found):,} process creations, {origin}", _chunks(made)


def _chunks(made: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    while part := list(itertools.islice(made, CHUNK)):
        yield _joined(part)


def _joined(made: Iterable[dict[str, Any]]) -> bytes:
    return b"".join(orjson.dumps(event) + b"\n" for event in made)


# -- process creations ------------------------------------------------------------------------------------------------


def _process_creations(shared: Path) -> tuple[list[dict[str, Any]], str]:
    """Sysmon's event 1 and Security's 4688, and where they are from."""
    source = events.corpus(records=1_000_000 if (shared / "it").is_dir() else 15_000, shared=shared)
    wanted = (line for line in source.ndjson.split(b"\n") if b'"EventID":1,' in line or b'"EventID":4688' in line)
    found = [event for event in map(orjson.loads, wanted) if _is_creation(event)]
    archives = [path for name in ("evtx_to_mitre", "sigma_regression") for path in (shared / "it" / name).glob("*.zip")]
    more = [event for path in sorted(archives) for event in _evtx(path)]
    return found + more, source.name + (" and single attacks of other recordings" if more else "")


def _is_creation(event: Mapping[str, Any]) -> bool:
    return (event.get("EventID") == 1 and event.get("Channel") == SYSMON) or event.get("EventID") == 4688


def _evtx(archive: Path) -> Iterator[dict[str, Any]]:
    """The process creations of the EVTX files in an archive, laid flat as NXLog does it."""
    try:
        from evtx import PyEvtxParser
    except ImportError:  # an extra
        return
    with zipfile.ZipFile(archive) as opened:
        for name in sorted(opened.namelist()):
            if not name.lower().endswith(".evtx"):
                continue
            try:
                parser: Any = PyEvtxParser(io.BytesIO(opened.read(name)))
                for record in parser.records_json():
                    said = orjson.loads(record["data"])["Event"]
                    system: dict[str, Any] = said["System"]
                    data: dict[str, Any] = said.get("EventData") or {}
                    number = system["EventID"]
                    event = {
                        "EventID": number["#text"] if isinstance(number, dict) else number,
                        "Channel": system["Channel"],
                        "SourceName": system["Provider"]["#attributes"]["Name"],
                        "Hostname": system["Computer"],
                        "EventTime": f"2026-03-02 {system['TimeCreated']['#attributes']['SystemTime'][11:19]}",
                        "RecordNumber": system["EventRecordID"],
                        **{name: value for name, value in data.items() if isinstance(value, str | int)},
                    }
                    if _is_creation(event):
                        yield event
            except (RuntimeError, OSError, KeyError):  # a file with broken chunks, which others are for
                continue


def _hexed(chance: random.Random, digits: int) -> str:
    return f"{chance.getrandbits(4 * digits):0{digits}x}"


def _renewed(event: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """The same programme started again: another host, user, process and time, and often other arguments."""
    event = dict(event)
    event["Hostname"] = f"ws{chance.randrange(2000):04d}.example.com"
    for name in ("User", "ParentUser"):
        if name in event:
            event[name] = f"EXAMPLE\\user{chance.randrange(3000):04d}"
    for name in ("SubjectUserName", "TargetUserName"):
        if name in event:
            event[name] = f"user{chance.randrange(3000):04d}"
    for name, value in event.items():
        if isinstance(value, str) and name not in KEPT and (GUID.fullmatch(value) or TIME.fullmatch(value)):
            event[name] = _new(value, chance)
    for name in ("ProcessId", "NewProcessId", "ParentProcessId", "LogonId", "SubjectLogonId"):
        if name in event:
            event[name] = _new(str(event[name]), chance)
    event["RecordNumber"] = chance.getrandbits(40)
    if event.get("CommandLine") and chance.random() < 0.5:
        event["CommandLine"] += f" --session {_hexed(chance, 12)}"
    if event.get("ParentCommandLine") and chance.random() < 0.3:
        event["ParentCommandLine"] += f" -p {_hexed(chance, 8)}"
    return event


# -- values nobody has seen -------------------------------------------------------------------------------------------


def _all_new(event: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    return {
        name: _new(value, chance) if isinstance(value, str) and value and name not in KEPT else value
        for name, value in event.items()
    }


def _new(text: str, chance: random.Random) -> str:
    """Another text of the same kind, most likely one that never was."""
    if GUID.fullmatch(text):
        made = "-".join(_hexed(chance, digits) for digits in (8, 4, 4, 4, 12))
        return f"{{{made}}}" if text[0] == "{" else made
    if found := TIME.fullmatch(text):
        second = chance.randrange(86_400)
        fraction = f".{chance.randrange(1000):03d}" if found[2] else ""
        return f"{found[1]}{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}{fraction}{found[3]}"
    if found := ADDRESS.fullmatch(text):
        return (found[1] or "") + ".".join(str(chance.randrange(1, 255)) for _ in range(4))
    if found := NUMBER.fullmatch(text):
        return f"0x{_hexed(chance, max(6, len(text) - 2))}" if found[1] else str(chance.randrange(10**6))
    if SID.fullmatch(text):
        return f"S-1-5-21-{chance.getrandbits(32)}-{chance.getrandbits(32)}-{chance.getrandbits(32)}-{1104}"
    mark = _hexed(chance, 10)
    for split in ("\\", " "):
        head, found_, tail = text.rpartition(split)
        if found_:
            return f"{head}{split}{mark}{split}{tail}"
    return f"{text}-{mark}"


def written(name: str, count: int, folder: Path) -> tuple[str, Path]:
    """Where the events are from, and a file of them."""
    path = folder / f"{name}-{count}.ndjson"
    origin, chunks = workload(name, count)
    with path.open("wb") as file:
        file.writelines(chunks)
    return origin, path


if __name__ == "__main__":
    import argparse

    from benchmarks import machine

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--events", type=machine.count_of, default=100_000)
    given = parser.parse_args()
    print(*written(given.name, given.events, given.folder), sep="\n")
