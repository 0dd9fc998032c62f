"""One test over every integration folder: samples become golden, every field is accounted for, claims are proved."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from watchfloor.collect.draft import Draft
from watchfloor.collect.integration import Integration
from watchfloor.collect.mapper import MappedBatch, Mapper
from watchfloor.collect.records import Records
from watchfloor.estate import find_integrations
from watchfloor.ocsf.column import Column
from watchfloor.ocsf.events import Events
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


class Both(Mapper):
    """Makes events, and drafts of the same records beside them; notes where the two differ."""

    def __init__(self) -> None:
        super().__init__(INTEGRATIONS)
        self.differences: list[str] = []

    def map(self, records: Records, *, only: str | None = None) -> MappedBatch:
        made, drafted = super().map(records, only=only), super().draft(records, only=only)
        for part in ("bad", "leftovers", "integrations", "rows"):
            if getattr(made, part) != getattr(drafted, part):
                self.differences.append(part)
        built = {name: events for events in made.events for name in [events.class_name]}
        drafts = defaultdict(list)
        for draft in drafted.drafts:
            drafts[draft.class_name].append(draft)
        for name in {*built, *drafts}:
            self.differences += _differences(built[name], drafts[name])
        return made


def _differences(events: Events, drafts: Sequence[Draft]) -> list[str]:
    """Columns in which drafts of a class do not say what its events say."""
    picked = [draft.take(np.arange(len(draft))) for draft in drafts]
    found = ["whole"] if Events.concat(picked).to_pylist() != events.to_pylist() else []
    for name in {*events.names, *(name for draft in drafts for name in draft.names)}:
        column = events.column(name)
        said = [value for draft in drafts for value in _values(draft.column(name), len(draft))]
        if said != _values(column, len(events)):
            found.append(name)
        if column is not None and pa.types.is_string(column.type):
            for value in column.values.to_pylist():
                if not any(name in draft.may_hold(partial(_holds, value)) for draft in drafts):
                    found.append(f"{name} may hold what it holds")
    return found


def _holds(value: str, texts: pa.StringArray) -> npt.NDArray[np.bool_]:
    return np.asarray(pc.match_substring(texts, value).to_numpy(zero_copy_only=False))


def _values(column: Column | None, rows: int) -> list[object]:
    return [None] * rows if column is None else column.to_pylist()


@pytest.mark.parametrize("integration", INTEGRATIONS, ids=lambda integration: integration.id)
def test_drafts_say_what_events_say(integration: Integration) -> None:
    both = Both()
    for path in contract.samples(integration.folder):
        contract.read_sample(path, both, only=integration.id)
    assert both.differences == []


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
