"""A small port, founded once, and three days of it with every fault."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest

from watchfloor.simulate.faults import FAULTS
from watchfloor.simulate.founding.estate import TIMEZONE, found
from watchfloor.simulate.generate import Summary, generate
from watchfloor.simulate.site import Site, read_site

FRIDAY = date(2026, 3, 27)
"""The clocks change two nights later."""


@dataclass(frozen=True)
class Lived:
    """An estate, what was recorded there, and the truth."""

    estate: Path
    logs: Path
    summary: Summary
    site: Site
    records: dict[str, list[Any]]
    presence: dict[str, list[Any]]
    told: list[dict[str, Any]]


def live(estate: Path, logs: Path, *, seed: int = 1, days: int = 2, start: date = FRIDAY, **given: Any) -> Summary:
    """Simulate into a folder."""
    return generate(estate, logs, days=days, seed=seed, start=start, timezone=TIMEZONE, **given)


@pytest.fixture(scope="session")
def port(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of an estate for 160 people."""
    folder = tmp_path_factory.mktemp("port")
    found(folder, people=160, seed=5)
    return folder


@pytest.fixture(scope="session")
def port_site(port: Path) -> Site:
    """The same, numbered."""
    return read_site(port, timezone=TIMEZONE)


@pytest.fixture(scope="session")
def lived(port: Path) -> Lived:
    """Three days of it, with every case and every fault."""
    logs = port / "logs"
    summary = live(port, logs, days=3, inject=["all"], faults=set(FAULTS))
    truth = logs / "truth"
    return Lived(
        port,
        logs,
        summary,
        read_site(port, timezone=TIMEZONE),
        pq.read_table(truth / "records.parquet").to_pydict(),
        pq.read_table(truth / "presence.parquet").to_pydict(),
        [orjson.loads(line) for line in (truth / "scenarios.jsonl").read_bytes().splitlines()],
    )
