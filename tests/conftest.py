"""What every test may use."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is no failure: no test of ours is timed.
settings.register_profile("watchfloor", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("watchfloor")

PROJECT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real recorded data beside the project; the test skips, saying so, where it is absent."""
    folder = PROJECT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("needs ../shared/data beside the project")
    return folder
