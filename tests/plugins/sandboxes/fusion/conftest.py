"""A server, the sandbox that uses it, and a local sandbox to compare with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from scaler_core.testing.fusion import FakeFusion
from scaler_plugins.sandboxes.fusion.sandbox import SandboxFusion
from scaler_plugins.sandboxes.process import Process


@pytest.fixture
def server() -> Iterator[FakeFusion]:
    with FakeFusion() as server:
        yield server


@pytest.fixture
def fusion(server: FakeFusion) -> Iterator[SandboxFusion]:
    sandbox = SandboxFusion(SandboxFusion.Config(url=server.url, concurrency=4))
    yield sandbox
    sandbox.close()


@pytest.fixture(scope="module")
def local(programs: Path) -> Iterator[Process]:
    sandbox = Process(Process.Config(cache_dir=programs))
    yield sandbox
    sandbox.close()
