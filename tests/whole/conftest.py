"""What several of these tests look at; all of them are left to the thorough run."""

from __future__ import annotations

from pathlib import Path

import pytest

from scaler_core.audit import AuditSettings, EnvironmentAudit, audit_pool
from scaler_core.plugins import load_plugins
from scaler_core.pool import import_pool, open_pool
from scaler_plugins.sandboxes.process import Process
from tests.sandbox.machines import require_compiler

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)  # before pytest looks which marks are asked for
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this folder, and so none of them is forgotten."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("thorough")


@pytest.fixture(scope="session")
def published_audits(
    shared_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[EnvironmentAudit, ...]:
    """The audit of each published environment, with 20 instances a level."""
    require_compiler()
    folder = tmp_path_factory.mktemp("published") / "pool"
    import_pool(shared_dir / "data" / "SCALER-8.json", folder)
    settings = AuditSettings(instances=20)
    return tuple(audit_pool(open_pool(folder), Process, load_plugins(), settings=settings))
