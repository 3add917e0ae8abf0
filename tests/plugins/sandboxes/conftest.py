"""Fixtures of the sandbox tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from scaler_plugins.sandboxes.process import Process
from tests.sandbox.machines import require_compiler


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A sandbox with a compile cache of its own."""
    process = Process(Process.Config(cache_dir=tmp_path_factory.mktemp("programs")))
    yield process
    process.close()


@pytest.fixture(scope="module")
def cpp_sandbox(sandbox: Process) -> Process:
    """The same, on a machine that can compile C++."""
    require_compiler()
    return sandbox
