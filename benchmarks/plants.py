"""Recordings of plants, run as an estate whose owner knows the machines of the plant, and nothing of the attacker.

Captures are read as a Zeek sensor would log them (`captures.py`); of CISA's own the logs are there. A record is of the
attack where its makers say so; all others are the plant's ordinary life, and what is found on them is false.
"""

from __future__ import annotations

import csv
import gzip
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import orjson

from benchmarks.captures import Sensor
from benchmarks.machine import table
from watchfloor.estate import load
from watchfloor.run.local import LocalEngine
from watchfloor.run.prepare import prepared
from watchfloor.store.lake import Lake

DAY_S = 86_400
QUT_ATTACKER = "10.10.10.66"
QUT = {"10.10.10.10": "plc", "10.10.10.20": "hmi"}
LEMAY = {"192.168.1.100": "hmi"} | {f"192.168.1.{number}": "rtu" for number in range(101, 107)}
"""Address -> kind, as the owner of the plant would write into assets.csv."""

LEMAY_ATTACKS = {
    "characterization_modbus_6RTU_with_operate": "a taken-over RTU reads out another one",
    "CnC_uploading_exe_modbus_6RTU_with_operate": "an executable goes from one RTU to another",
}


@dataclass(slots=True)
class Part:
    """The records of one source of the estate.

    Args:
        attack: what it is called; "" where there is none.
        records: as the sensor writes them.
        of_attack: per record whether it is of the attack.
    """

    attack: str
    records: list[dict[str, object]] = field(default_factory=list)
    of_attack: list[bool] = field(default_factory=list)
    unread: str = ""

    def span(self) -> float:
        """Seconds from the first to the last record of ordinary life."""
        times = [float(str(one["ts"])) for one, of in zip(self.records, self.of_attack, strict=True) if not of]
        return max(times) - min(times) if len(times) > 1 else 0.0


def qut(folder: Path) -> dict[str, Part]:
    """QUT S7comm: process attacks on a Siemens plant. Of the attack is what the attacker's address says or is told;
    ordinary life is what the operator's station (HMI) does meanwhile."""
    found: dict[str, Part] = {}
    rows = csv.DictReader((folder / "manifest.csv").read_text("utf-8").splitlines())
    with zipfile.ZipFile(folder / "attack_runs.zip") as archive:
        there = set(archive.namelist())
        for row in rows:
            part = found[row["run"]] = Part(row["attack"])
            views = [
                f"{row['run']}.{row['attack']}/{row['run']}.{row['attack']}.{view}.pcap" for view in ("master", "hmi")
            ]
            capture = next((view for view in views if view in there), None)
            if capture is None or not capture.endswith("master.pcap"):
                part.unread = "the attacker's packets are not in the archive"
            if capture is None:
                continue
            for logged in Sensor().logs(archive.read(capture)):
                part.records.append(logged.record)
                part.of_attack.append(QUT_ATTACKER in (logged.record["id.orig_h"], logged.record["id.resp_h"]))
    return found


def lemay(folder: Path) -> dict[str, Part]:
    """Lemay and Fernandez: Modbus of a station and six RTUs; labels are per packet, 1 is of the attack."""
    found: dict[str, Part] = {}
    for name, attack in LEMAY_ATTACKS.items():
        labels = gzip.decompress((folder / f"{name}_labeled.csv.gz").read_bytes()).decode().split()
        of = [line.endswith(";1") for line in labels]
        part = found[name] = Part(attack)
        for logged in Sensor().logs(gzip.decompress((folder / f"{name}.pcap.gz").read_bytes())):
            part.records.append(logged.record)
            part.of_attack.append(any(of[frame] for frame in logged.frames))
        if not any(part.of_attack):
            part.unread = "none of the packets of the attack is Modbus"
    for name in ("channel_4d_9s", "channel_4d_12s"):
        found[name] = Part(
            "covert channel in the last digits of values", unread="no packets: cut off, without its head"
        )
    return found


def icsnpp(folder: Path) -> Iterator[tuple[str, str, bytes]]:
    """CISA ICSNPP: protocol, name and text of each log its parsers are tested against."""
    for archive in sorted(folder.glob("*.zip")):
        with zipfile.ZipFile(archive) as packed:
            for name in packed.namelist():
                if name.endswith(".log"):
                    yield archive.stem.removeprefix("icsnpp-"), name, packed.read(name)


def estate(folder: Path, assets: Mapping[str, str], sources: Iterable[str]) -> Path:
    """The files of an estate that knows these machines."""
    (folder / "assets").mkdir(parents=True)
    (folder / "rules").mkdir()
    lines = ["uid,kind,name,place,zone,purdue,criticality,hostname,ip,mac"]
    for number, (address, kind) in enumerate(assets.items()):
        lines.append(f"asset-{number},{kind},{kind}-{number},,,{2 if kind == 'hmi' else 1},3,,{address},")
    (folder / "assets" / "assets.csv").write_text("\n".join(lines) + "\n", "utf-8")
    told = [f'[[sources]]\nid = "{one}"\npath = "logs/{one}.ndjson"\nintegration = "zeek"\n' for one in sources]
    (folder / "estate.toml").write_text('[estate]\nname = "Recorded plant"\n\n' + "\n".join(told), "utf-8")
    return folder


def run(folder: Path, rules: Sequence[Path], cache: Path) -> list[tuple[str, str, int]]:
    """Take all records; per finding its rule's title, source and record's number from 1."""
    described = load(folder)
    ready = prepared(rules, integrations=described.integrations(), cache=cache)
    with LocalEngine(described, ready) as engine:
        engine.collect(final=True)
        while engine.process() is not None:
            pass
    lake = Lake(described.store / "lake", read_only=True)
    if "detection_finding" not in lake.tables():
        return []
    asked = f"""select finding_info.title, wf.source_uid, wf.source_seq
        from read_parquet({lake.files("detection_finding")}, union_by_name = true) where is_alert"""
    rows: list[tuple[str, str, int]] = duckdb.connect().execute(asked).fetchall()
    return rows


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a set: a table of its attacks; and in one line each what was found, and what was false."""

    table: str
    found: str
    ordinary: str
    false: str


def judged(
    name: str, parts: Mapping[str, Part], assets: Mapping[str, str], rules: Sequence[Path], into: Path
) -> Outcome:
    """Recall per attack, and false findings per day."""
    place = estate(into / name, assets, [run_ for run_, part in parts.items() if part.records])
    (place / "logs").mkdir()
    for run_, part in parts.items():
        if part.records:
            (place / "logs" / f"{run_}.ndjson").write_bytes(b"".join(orjson.dumps(one) + b"\n" for one in part.records))
    hits: dict[str, Counter[str]] = {run_: Counter() for run_ in parts}
    false: Counter[str] = Counter()
    for title, source, number in run(place, rules, into / "cache"):
        if parts[source].of_attack[number - 1]:
            hits[source][title] += 1
        else:
            false[title] += 1
    rows: list[tuple[object, ...]] = []
    for attack in dict.fromkeys(part.attack for part in parts.values()):
        mine = [run_ for run_, part in parts.items() if part.attack == attack]
        read = [run_ for run_ in mine if not parts[run_].unread]
        titles = sum((hits[run_] for run_ in read), Counter[str]())
        why = ", ".join(dict.fromkeys(parts[run_].unread for run_ in mine if parts[run_].unread))
        rows.append((
            attack, len(mine), len(read), sum(bool(hits[run_]) for run_ in read),
            f"{sum(sum(parts[run_].of_attack) for run_ in read):,}",
            "; ".join(f"{title} ({count:,})" for title, count in titles.most_common()) or (why or "nothing"),
        ))  # fmt: skip
    readable = [run_ for run_, part in parts.items() if not part.unread]
    seconds = sum(part.span() for part in parts.values())
    ordinary = sum(len(part.of_attack) - sum(part.of_attack) for part in parts.values())
    return Outcome(
        table(("attack", "runs", "readable", "found", "records of it", "by (findings)"), rows),
        f"{sum(bool(hits[run_]) for run_ in readable)} of {len(readable)} ({len(parts) - len(readable)} not readable)",
        f"{ordinary:,} records in {seconds / 60:.1f} minutes",
        _false(false, seconds),
    )


def _false(false: Counter[str], seconds: float) -> str:
    """So many a day; where none was seen, how many there may be all the same (rule of three)."""
    if false:
        named = "; ".join(f"{title} ({count:,})" for title, count in false.most_common())
        return f"{false.total():,}, {false.total() * DAY_S / seconds:,.0f} a day: {named}"
    return f"0; in so short a time that says: fewer than {3 * DAY_S / seconds:,.0f} a day, with 95 % confidence"


def expected_logs(folder: Path, rules: Sequence[Path], into: Path) -> str:
    """What rules find in CISA's logs: nobody attacks there, a tester sends every command there is."""
    logs = list(icsnpp(folder))
    place = into / "icsnpp"
    (place / "rules").mkdir(parents=True)
    lines: Counter[str] = Counter()
    names: dict[str, str] = {}
    for number, (protocol, _, text) in enumerate(logs):
        file = place / "logs" / protocol / f"{number}.log"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text)
        lines[protocol] += sum(not line.startswith(b"#") for line in text.splitlines())
        names[f"icsnpp-{protocol}"] = protocol
    told = [f'[[sources]]\nid = "{one}"\npath = "logs/{protocol}"\n' for one, protocol in names.items()]
    (place / "estate.toml").write_text("\n".join(told), "utf-8")
    found: dict[str, Counter[str]] = {protocol: Counter() for protocol in lines}
    for title, source, _ in run(place, rules, into / "cache"):
        found[names[source]][title] += 1
    rows = [
        (
            protocol,
            f"{lines[protocol]:,}",
            "; ".join(f"{title} ({n:,})" for title, n in some.most_common()) or "nothing",
        )
        for protocol, some in found.items()
    ]
    return table(("protocol", "records", "findings"), rows)
