"""Fixtures that every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# how long an example takes says more about the machine's load than about the code
settings.register_profile("scaler", deadline=None)
settings.load_profile("scaler")

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The reference material beside the project, which only the project's own machines have."""
    if not SHARED.is_dir():
        if os.environ.get("CI"):
            pytest.fail(f"the reference material is missing in CI: {SHARED}")
        pytest.skip(f"no reference material at {SHARED}: a test of the published data and traces")
    return SHARED
