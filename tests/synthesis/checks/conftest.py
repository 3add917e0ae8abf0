"""A bench that all tests of the checks share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from scaler_core.synthesis.bench import Bench
from scaler_plugins.sandboxes.process import Process


@pytest.fixture(scope="package")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A bench on a sandbox of this machine."""
    cache: Path = tmp_path_factory.mktemp("programs")
    made = Bench(Process(Process.Config(cache_dir=cache)))
    yield made
    made.close()
