"""Fixtures that every test may use, and which tests stay together when several workers run them."""

from __future__ import annotations

import os
import zlib
from pathlib import Path

import pytest
from hypothesis import settings

# how long an example takes says more about the machine's load than about the code
settings.register_profile("scaler", deadline=None)
settings.load_profile("scaler")

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"

# Files that take longest, begun first: otherwise one worker would be left with one of them at the
# end. A number above 1 cuts a file into that many parts; what it builds is then built in each.
LONGEST = {
    "tests/test_quickstart.py": 1,
    "tests/plugins/sandboxes/test_hostile_programs.py": 6,
    "tests/audit/test_pools.py": 2,
    "tests/factory/test_ray_actors.py": 1,
    "tests/synthesis/test_ray_workers.py": 1,
    "tests/plugins/verifiers/test_typed.py": 2,
    "tests/sandbox/test_compiling_with_gxx.py": 1,
    "tests/pool/test_writing.py": 1,
    "tests/plugins/environments/test_starter.py": 1,
    "tests/synthesis/checks/test_calibration.py": 1,
    "tests/cli/test_synth.py": 1,
    "tests/run/test_run.py": 1,
    "tests/plugins/sandboxes/fusion/test_generators.py": 1,
    "tests/plugins/sandboxes/test_containment.py": 1,
    "tests/plugins/backends/local/test_training.py": 1,
    "tests/plugins/backends/local/test_tiny_model.py": 1,
    "tests/sandbox/test_warm.py": 1,
    "tests/plugins/verifiers/test_math.py": 1,
    "tests/audit/test_contamination.py": 1,
    "tests/run/test_preview.py": 1,
    "tests/synthesis/test_killing.py": 1,
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of a file in one worker, for they share what its fixtures build."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(part_of(item)))
    order = {file: number for number, file in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(file_of(item), len(order)))


def file_of(item: pytest.Item) -> str:
    """Where a test stands, from the root of the repository."""
    return item.path.relative_to(ROOT).as_posix()


def part_of(item: pytest.Item) -> str:
    """The tests that stay with this one: those of its file, or of its part of it."""
    file = file_of(item)
    parts = LONGEST.get(file, 1)
    return file if parts == 1 else f"{file} {zlib.crc32(item.name.encode()) % parts}"


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where sandboxes keep compiled programs, so that each is compiled once, by any worker."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    (folder / "programs").mkdir(exist_ok=True)
    return folder / "programs"


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The reference material beside the project, which only the project's own machines have."""
    if not SHARED.is_dir():
        if os.environ.get("CI"):
            pytest.fail(f"the reference material is missing in CI: {SHARED}")
        pytest.skip(f"no reference material at {SHARED}: a test of the published data and traces")
    return SHARED
