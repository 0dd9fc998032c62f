"""A small world for end-to-end tests: Sysmon records, two Sigma rules, an estate of one source."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import orjson

from watchfloor.store.query import Hunts

WHOAMI = "11111111-1111-4111-8111-111111111111"
ENCODED = "22222222-2222-4222-8222-222222222222"

RULES = {
    "whoami.yml": rf"""
title: Whoami was run
id: {WHOAMI}
status: test
level: high
tags: [attack.discovery, attack.t1033]
logsource: {{product: windows, category: process_creation}}
detection:
  selection: {{Image|endswith: '\whoami.exe'}}
  condition: selection
""",
    "deeper/encoded.yml": f"""
title: Encoded command line
id: {ENCODED}
status: test
level: low
logsource: {{product: windows, category: process_creation}}
detection:
  selection: {{CommandLine|contains: ' -enc '}}
  condition: selection
""",
}

BINARIES = ("whoami.exe", "powershell.exe", "notepad.exe", "cmd.exe", "svchost.exe")


def sysmon(number: int, **more: Any) -> dict[str, Any]:
    """The record of a process launch: every fifth is whoami (high), every fifth an encoded command (low)."""
    binary = BINARIES[number % len(BINARIES)]
    arguments = f"-enc {number % 3:04x}" if binary == "powershell.exe" else f"/n {number % 7}"
    data = {
        "Image": f"C:\\Windows\\System32\\{binary}",
        "CommandLine": f"{binary} {arguments}",
        "User": f"EXAMPLE\\user{number % 4}",
        "ProcessId": 1000 + number,
        **more,
    }
    return {
        "Event": {
            "System": {
                "Provider": {"#attributes": {"Name": "Microsoft-Windows-Sysmon"}},
                "EventID": 1,
                "Channel": "Microsoft-Windows-Sysmon/Operational",
                "Computer": f"ws{number % 3}.example.com",
                "TimeCreated": {"#attributes": {"SystemTime": f"2026-01-31T{number // 3600 % 24:02d}:"
                                                f"{number // 60 % 60:02d}:{number % 60:02d}.000000Z"}},
            },
            "EventData": data,
        }
    }  # fmt: skip


def lines(records: Iterable[Any]) -> bytes:
    """Records as NDJSON."""
    return b"".join(orjson.dumps(record) + b"\n" for record in records)


def write_rules(folder: Path, rules: dict[str, str] | None = None) -> Path:
    """The rules as files; returns their folder."""
    for name, text in (RULES if rules is None else rules).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return folder


def estate(folder: Path, *, batch: int = 50_000, more: str = "", sources: Sequence[str] = ("ws",)) -> Path:
    """An estate whose sources read `logs/<id>/`."""
    write_rules(folder / "rules")
    text = f'[estate]\nname = "small"\n[engine]\nbatch_records = {batch}\npoll_seconds = 0.1\n{more}\n'
    for source in sources:
        (folder / "logs" / source).mkdir(parents=True, exist_ok=True)
        text += f'[[sources]]\nid = "{source}"\npath = "logs/{source}"\n'
    (folder / "estate.toml").write_text(text, "utf-8")
    return folder


def rows(estate: Path, sql: str) -> list[dict[str, Any]]:
    """What a hunt answers; [] where there is no such table yet."""
    hunts = Hunts(estate / "var" / "lake")
    try:
        found: list[dict[str, Any]] = hunts.ask(sql, limit=1_000_000).table.to_pylist()
        return found
    finally:
        hunts.close()


def tables(estate: Path) -> dict[str, list[bytes]]:
    """The whole lake: per table its rows as JSON, sorted; the same for two lakes that hold the same."""
    hunts = Hunts(estate / "var" / "lake")
    try:
        names = [name for name in hunts.tables() if (estate / "var" / "lake" / name).is_dir()]
        return {
            name: sorted(
                orjson.dumps(_plain(row), option=orjson.OPT_SORT_KEYS)
                for row in hunts.ask(f"select * from {name}", limit=1_000_000).table.to_pylist()
            )
            for name in names
        }
    finally:
        hunts.close()


def _plain(value: Any) -> Any:
    """Without what only the shape of a table adds: nulls, empty objects; bytes as text."""
    if isinstance(value, dict):
        return {key: plain for key, part in value.items() if (plain := _plain(part)) not in (None, {}, [])}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value.decode("latin-1") if isinstance(value, bytes) else value


def watchfloor(*arguments: str | Path, **more: Any) -> subprocess.Popen[bytes]:
    """The command line in a process of its own, its output in pipes."""
    return subprocess.Popen(
        [sys.executable, "-c", "from watchfloor.cli import _entry; _entry()", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        **more,
    )
