"""Fixtures of the sandbox tests: each test of them runs on both sandboxes of this machine."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from scaler_core.interfaces import Sandbox
from scaler_plugins.sandboxes.bubblewrap import Bubblewrap
from scaler_plugins.sandboxes.process import Process
from tests.plugins.sandboxes.hostile.scene import Scene
from tests.sandbox.machines import require_compiler

PR_SET_CHILD_SUBREAPER = 36
LocalKind = type[Bubblewrap] | type[Process]


@pytest.fixture(scope="session", params=[Process, Bubblewrap], ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> LocalKind:
    """A sandbox class that this machine can run and that contains attacks on it."""
    chosen: LocalKind = request.param
    if reason := chosen.missing() or chosen.weakness():
        if os.environ.get("CI"):
            pytest.fail(f"the sandbox {chosen.name} must work in CI: {reason}")
        pytest.skip(f"the sandbox {chosen.name} does not contain attacks here: {reason}")
    return chosen


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where both keep compiled programs, for all workers: a folder that attacks may go for."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    (folder / "programs").mkdir(exist_ok=True)
    return folder / "programs"


@pytest.fixture(scope="module")
def sandbox(kind: LocalKind, cache: Path) -> Iterator[Sandbox]:
    """A sandbox of the kind."""
    opened = kind(kind.Config(cache_dir=cache))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def cpp_sandbox(sandbox: Sandbox) -> Sandbox:
    """The same, on a machine that can compile C++."""
    require_compiler()
    return sandbox


# not for the whole session: other files kill whatever they find below their process
@pytest.fixture(scope="module")
def scene(cache: Path) -> Iterator[Scene]:
    """What attacks are after; it stands before the sandboxes start."""
    bait = Scene(cache, system=True)
    yield bait
    bait.close()


@pytest.fixture
def orphans_come_here() -> Iterator[None]:
    """A process whose parent ends becomes a child of this one, so that none is overlooked."""
    library = ctypes.CDLL(None)
    library.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    yield
    library.prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
