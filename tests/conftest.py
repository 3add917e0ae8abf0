"""Fixtures that every test may use, and which tests stay together when several workers run them."""

from __future__ import annotations

import gc
import os
import signal
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# how long an example takes says more about the machine's load than about the code
settings.register_profile("scaler", deadline=None)
settings.load_profile("scaler")

# A shell that starts the tests in the background has them ignore Ctrl-C, and so would every command
# that they start and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

SHARED = Path(__file__).resolve().parents[2] / "shared"

# Files that take longest, begun first: otherwise one worker would be left with one of them at the
# end. A number above 1 cuts a file into that many parts; what it builds is then built in each.
LONGEST = {
    "tests/whole/test_quickstart.py": 1,
    "tests/plugins/sandboxes/test_hostile_programs.py": 6,
    "tests/plugins/backends/local/test_tiny_model.py": 1,
    "tests/factory/test_ray_actors.py": 1,
    "tests/synthesis/test_ray_workers.py": 1,
    "tests/plugins/verifiers/test_typed.py": 2,
    "tests/sandbox/test_compiling_with_gxx.py": 1,
    "tests/pool/test_writing.py": 1,
    "tests/plugins/environments/test_starter.py": 1,
    "tests/audit/test_defects.py": 1,
    "tests/cli/test_pool_audit.py": 1,
    "tests/synthesis/checks/test_calibration.py": 1,
    "tests/cli/test_synth.py": 1,
    "tests/run/test_run.py": 1,
    "tests/plugins/sandboxes/fusion/test_generators.py": 1,
    "tests/plugins/sandboxes/test_containment.py": 1,
    "tests/plugins/backends/local/test_training.py": 1,
    "tests/sandbox/test_warm.py": 1,
    "tests/plugins/verifiers/test_math.py": 1,
    "tests/audit/test_contamination.py": 1,
    "tests/run/test_preview.py": 1,
    "tests/synthesis/test_killing.py": 1,
}

# Files whose tests go to one worker. Of Ray there is one cluster at a time on this machine: "auto"
# looks for any that runs here. The others share what a worker loads or makes once.
TOGETHER = {
    "tests/factory/test_ray_actors.py": "ray",
    "tests/factory/test_ray_connection.py": "ray",
    "tests/synthesis/test_ray_workers.py": "ray",
    "tests/whole/test_published_pool.py": "published",
    "tests/whole/test_published_problems.py": "published",
    "tests/cli/test_eval_of_runs.py": "local",
    "tests/evaluation/engines/test_sampling.py": "local",
    "tests/evaluation/engines/test_transformers.py": "local",
    "tests/evaluation/test_published_questions.py": "local",
    **{
        f"tests/plugins/backends/local/{path.name}": "local"
        for path in (Path(__file__).parent / "plugins" / "backends" / "local").glob("test_*.py")
    },
}


def part_of(test: str) -> str:
    """The tests that stay with this one, for they share what fixtures build: those of its file.

    Args:
        test: Its id.
    """
    file, _, name = test.partition("::")
    parts = LONGEST.get(file, 1)
    return TOGETHER.get(file, file) if parts == 1 else f"{file} {zlib.crc32(name.encode()) % parts}"


@pytest.hookimpl(tryfirst=True)  # before those that a mark excludes are left out
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark whole pools as thorough, and begin with the longest where several workers run."""
    for item in items:
        if item.nodeid.startswith("tests/whole/"):
            item.add_marker(pytest.mark.thorough)
    if "PYTEST_XDIST_WORKER" in os.environ:
        order = {file: number for number, file in enumerate(LONGEST)}
        items.sort(key=lambda item: order.get(item.nodeid.partition("::")[0], len(order)))


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist, which not every session of nox has
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Tests by parts of the suite, in the order of their collection.

    Marks for groups would not do: pytest-xdist 3.8 writes them into what pytest 9.2 does not read.
    """
    from xdist.scheduler import LoadScopeScheduling

    class Parts(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return part_of(nodeid)

    config.option.loadscopereorder = False
    return Parts(config, log)


def pytest_collection_finish() -> None:
    """Let the garbage collector pass over the thousands of tests that live to the end."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def programs() -> Path:
    """Where sandboxes keep compiled programs unless told otherwise: each is compiled once, by any
    worker, for any test.
    """
    import platformdirs  # which the session of foreign wheels lacks here

    return Path(platformdirs.user_cache_dir("scaler")) / "programs"


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The reference material beside the project, which only the project's own machines have."""
    if not SHARED.is_dir():
        if os.environ.get("CI"):
            pytest.fail(f"the reference material is missing in CI: {SHARED}")
        pytest.skip(f"no reference material at {SHARED}: a test of the published data and traces")
    return SHARED
