"""Hits of our whole path equal pySigma's SQLite backend's, rule by rule and record by record.

A sample here; all 100,000 events in `python -m benchmarks.differential`.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tests.detect.differential import EXPLAINED, compare
from tests.detect.sqlite_peer import log_source

FOLDERS = ("rules/windows/", "rules-emerging-threats/", "rules-threat-hunting/", "rules-compliance/")
RECORDS = 2_000


@pytest.fixture(scope="module")
def sigma(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SigmaHQ's rules that may concern Windows, unpacked."""
    folder = tmp_path_factory.mktemp("sigma")
    (path,) = (shared_data / "knowledge" / "sigma_rules").rglob("*.zip")
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            at = next((name.find(part) for part in FOLDERS if part in name), -1)
            if at >= 0 and name.endswith(".yml"):
                target = folder / name[at:]
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(archive.read(name))
    return folder


@pytest.fixture(scope="module")
def recorded(shared_data: Path) -> list[bytes]:
    """Every k-th recorded event, so that all recordings have their share."""
    lines: list[bytes] = []
    for path in sorted((shared_data / "it" / "otrf_mordor").rglob("windows/**/*.zip")):
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                if member.filename.endswith(".json") and "__MACOSX" not in member.filename:
                    lines += [line + b"\n" for line in archive.read(member).splitlines() if line.strip()]
    return lines[:: max(1, len(lines) // RECORDS)]


def test_both_find_the_same(sigma: Path, recorded: list[bytes]) -> None:
    found = compare([sigma], recorded)
    assert found.rules > 2_700
    assert found.hits > 20
    differing = {rule: (found.only_ours.get(rule), found.only_theirs.get(rule)) for rule in found.unexplained}
    assert differing == {}


def test_every_difference_has_a_reason() -> None:
    assert all(len(reason) > 40 for reason in EXPLAINED.values())


@pytest.mark.parametrize(
    ("source", "ids"),
    [
        ({"product": "windows", "category": "registry_set"}, [13]),
        ({"product": "windows", "category": "pipe_created"}, [17, 18]),
    ],
)
def test_log_sources_become_event_ids(source: dict[str, str], ids: list[int]) -> None:
    assert log_source({"logsource": source})["EventID"] == ids


def test_what_is_not_windows_has_no_log_source() -> None:
    assert log_source({"logsource": {"product": "linux", "category": "process_creation"}}) is None
