"""One test over every integration folder: samples become golden, every field is accounted for, claims are proved."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from watchfloor.collect.integration import Integration
from watchfloor.collect.mapper import Mapper
from watchfloor.estate import find_integrations
from watchfloor.testing import integration as contract

INTEGRATIONS = sorted(find_integrations(), key=lambda found: found.id)


@pytest.fixture(scope="module")
def mapper() -> Mapper:
    """Every integration at once: samples must be recognised among all of them."""
    return Mapper(INTEGRATIONS)


@pytest.mark.parametrize("integration", INTEGRATIONS, ids=lambda integration: integration.id)
def test_the_contract_holds(integration: Integration) -> None:
    assert contract.problems(integration.folder) == []


@pytest.mark.parametrize("integration", INTEGRATIONS, ids=lambda integration: integration.id)
def test_samples_are_recognised_among_all(integration: Integration, mapper: Mapper) -> None:
    if not integration.signatures:
        pytest.skip("takes what nobody recognises")
    for path in contract.samples(integration.folder):
        sample = contract.read_sample(path, mapper)
        assert set(sample.integrations) == {integration.id}, f"{path.name}: {dict(sample.integrations)}"


def test_a_changed_mapping_is_noticed(tmp_path: Path) -> None:
    """The check itself must be able to fail."""
    original = next(found for found in INTEGRATIONS if found.id == "aws")
    folder = tmp_path / "aws"
    shutil.copytree(original.folder, folder)
    golden = next((folder / "golden").glob("*.ndjson"))
    golden.write_bytes(golden.read_bytes().replace(b'"severity_id":1', b'"severity_id":5'))
    assert any("differs" in problem for problem in contract.problems(folder))


def test_a_mapping_that_raises_on_odd_values_is_noticed(tmp_path: Path) -> None:
    original = next(found for found in INTEGRATIONS if found.id == "kubernetes")
    folder = tmp_path / "kubernetes"
    shutil.copytree(original.folder, folder)
    mapping = folder / "mapping.py"
    mapping.write_text(mapping.read_text().replace('_read(r, "user.uid")', '_read(r, "user.uid").map(int)'))
    assert any("mapping kubernetes/" in problem for problem in contract.problems(folder))
