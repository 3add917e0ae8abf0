"""A sandbox and a workbench that all tests of the checks share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from scaler_core.interfaces import Sandbox
from scaler_core.synthesis.workbench import Workbench
from scaler_plugins.sandboxes.process import Process


@pytest.fixture(scope="package")
def sandbox(programs: Path) -> Iterator[Sandbox]:
    """A sandbox of this machine."""
    made = Process(Process.Config(cache_dir=programs))
    yield made
    made.close()


@pytest.fixture(scope="package")
def workbench(sandbox: Sandbox) -> Workbench:
    """A workbench on it; the sandbox is closed by itself."""
    return Workbench(sandbox)
