"""Where a store's test finds its backend."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(params=["local"])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A place for a store; every contract test runs once per kind of place. The next kind (S3) joins this list."""
    assert request.param == "local"
    return tmp_path
