"""Readings: long and wide tables, and those of a real building, by settings alone."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from tests.conftest import PROJECT
from tests.run import small
from tests.run.test_living import run

VAST = PROJECT.parent / "shared" / "data" / "converged"


def estate(folder: Path, *sources: str) -> Path:
    (folder / "rules").mkdir(parents=True)
    (folder / "estate.toml").write_text("".join(f"[[sources]]\n{source}\n" for source in sources))
    return folder


def rows(folder: Path) -> list[tuple[int, str, float]]:
    found = small.rows(
        folder,
        "select time, r.tag as tag, r.reading_value as value from "
        "(select time, unnest(readings) as r from process_reading_activity) order by all",
    )
    return [(row["time"], row["tag"], row["value"]) for row in found]


def test_a_wide_table(tmp_path: Path) -> None:
    (tmp_path / "wide.csv").write_text(
        "Date/Time , fan speed,note\n2026-01-01 00:00, 1.5,\n2026-01-01 00:05,,stopped\n2026-01-01 00:10,-2e3,7\n"
    )
    folder = estate(tmp_path / "e", 'id = "w"\npath = "../wide.csv"\nintegration = "readings_csv"')
    run(folder)
    start = 1_767_225_600_000
    assert rows(folder) == [
        (start, "fan speed", 1.5),
        (start + 600_000, "fan speed", -2000.0),
        (start + 600_000, "note", 7.0),
    ]
    events = small.rows(folder, "select time, unmapped from process_reading_activity order by time")
    assert len(events) == 3 and dict(events[1]["unmapped"])["note"] == "stopped"
    assert small.rows(folder, "select reason from quarantine") == []


@pytest.mark.skipif(not VAST.is_dir(), reason="../shared/data is not there")
def test_the_building_of_2016(tmp_path: Path) -> None:
    data = VAST / "vast2016_mc2"
    files = ["building_hvac_wide.csv.gz", *sorted(path.name for path in data.glob("hazium_*.csv.gz"))]
    sources = [
        f'id = "s{number}"\npath = "{data / name}"\nintegration = "readings_csv"' for number, name in enumerate(files)
    ]
    folder = estate(tmp_path / "e", *sources)
    run(folder)
    assert small.rows(folder, "select reason from quarantine") == []
    (counted,) = small.rows(folder, "select count(*) as n, sum(len(readings)) as values from process_reading_activity")
    records = values = 0
    for name in files:
        with gzip.open(data / name, "rt") as file:
            lines = [line.rstrip("\n").split(",")[1:] for line in file][1:]
        records += len(lines)
        values += sum(1 for line in lines for cell in line if cell.strip())
    assert counted["n"] == records and counted["values"] == values


@pytest.mark.skipif(not VAST.is_dir(), reason="../shared/data is not there")
def test_the_cards_of_2014(tmp_path: Path) -> None:
    """Payments by card: where, when, whose; no door, so each is a row whose word no table knows."""
    data = VAST / "vast2014_mc2"
    settings = (
        'settings = { time = "timestamp", time_format = "%m/%d/%Y %H:%M", event = "location", door = "location" }'
    )
    folder = estate(
        tmp_path / "e",
        f'id = "cc"\npath = "{data}/cc_data.csv.gz"\nintegration = "access_csv"\n{settings}',
        f'id = "loyalty"\npath = "{data}/loyalty_data.csv.gz"\nintegration = "access_csv"\n'
        + settings.replace(" %H:%M", ""),
    )
    run(folder)
    assert small.rows(folder, "select reason from quarantine") == []
    counted = 0
    for table in small.tables(folder):
        (row,) = small.rows(folder, f"select count(*) as n, count(time) as timed from {table}")
        assert row["n"] == row["timed"]
        counted += row["n"]
    with gzip.open(data / "cc_data.csv.gz", "rb") as cc, gzip.open(data / "loyalty_data.csv.gz", "rb") as loyalty:
        assert counted == len(cc.read().splitlines()) + len(loyalty.read().splitlines()) - 2
