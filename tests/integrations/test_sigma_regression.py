"""Ground truth: for each of 99 SigmaHQ rules a recorded event on which exactly that rule must fire."""

from __future__ import annotations

import csv
import gzip
import io
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from watchfloor.collect.mapper import Mapper
from watchfloor.detect.engine import Engine
from watchfloor.detect.rulebook import load_rules
from watchfloor.detect.taxonomy import Taxonomy
from watchfloor.estate import find_integrations
from watchfloor.testing.integration import read_sample

FORMS = {".evtx": 98, ".json": 98, ".raw": 1}
"""File suffix -> samples. One rule is about Cisco IOS; its sample is a line of syslog."""


@pytest.fixture(scope="module")
def samples(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Mapping[str, Path]]:
    """Suffix -> rule id -> sample."""
    folder = shared_data / "it/sigma_regression"
    manifest = csv.DictReader(io.StringIO(gzip.decompress((folder / "manifest.csv.gz").read_bytes()).decode()))
    rules = {row["dir"]: row["rule_id"] for row in manifest}
    found: dict[str, dict[str, Path]] = {suffix: {} for suffix in FORMS}
    unpacked = tmp_path_factory.mktemp("samples")
    with zipfile.ZipFile(folder / "regression_data.zip") as archive:
        for member in archive.namelist():
            suffix = Path(member).suffix
            rule = next((rule for place, rule in rules.items() if f"{place}/" in f"/{member}"), None)
            if suffix in FORMS and rule is not None:
                path = unpacked / f"{rule}{suffix}"
                path.write_bytes(archive.read(member))
                found[suffix][rule] = path
    return found


@pytest.fixture(scope="module")
def rules(shared_data: Path) -> Iterator[tuple[Engine, list[str]]]:
    """Every rule of SigmaHQ that is about Windows or Cisco, in an engine; and their ids."""
    archives = sorted((shared_data / "knowledge").rglob("*sigma*rules*.zip"))
    if not archives:
        pytest.skip("needs the archive of Sigma rules under ../shared/data/knowledge")
    book = load_rules(archives, taxonomy=Taxonomy.load())
    chosen = [rule for rule in book.rules if rule.logsource.product in ("windows", "cisco")]
    yield Engine(chosen, Taxonomy.load()), [rule.id for rule in chosen]


@pytest.mark.parametrize("suffix", FORMS)
def test_every_sample_is_found_by_its_rule(
    suffix: str, samples: Mapping[str, Mapping[str, Path]], rules: tuple[Engine, list[str]]
) -> None:
    engine, ids = rules
    mapper = Mapper(find_integrations())
    assert len(samples[suffix]) == FORMS[suffix]
    missed = []
    for rule, path in samples[suffix].items():
        sample = read_sample(path, mapper)
        assert not sample.bad, f"{path.name}: {sample.bad[0]}"
        hits = {ids[int(position)] for events in sample.events for position in engine.match(events).rules}
        if rule not in hits:
            missed.append(rule)
    assert missed == []
