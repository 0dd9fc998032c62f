"""Where a store's test finds its backend."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(
    params=[
        "local",
        pytest.param("s3", marks=pytest.mark.skip(reason="the landing and the lake write to local disks only so far")),
    ]
)
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A place for a store; every contract test runs on each kind."""
    assert request.param == "local"
    return tmp_path
