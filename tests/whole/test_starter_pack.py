"""The audit of the starter pack."""

from __future__ import annotations

import pytest

from scaler_core.audit import AuditSettings, audit_pool
from scaler_core.plugins import load_plugins
from scaler_core.pool import open_pool
from scaler_plugins.sandboxes.process import Process
from tests.audit.makers import rules
from tests.sandbox.machines import require_compiler


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_starter_pack_is_good_but_for_one_easy_environment():
    require_compiler()
    # docs/audit.md has the figures of a whole audit
    settings = AuditSettings(instances=10)
    audits = audit_pool(open_pool("starter"), Process, load_plugins(), settings=settings)
    found = {audit.environment_id: audit for audit in audits}
    assert len(found) == 40
    # its task is to find the largest element, which is all the work that there is
    easy = {"largest-value": {"answer_derived": "warning"}}
    assert {name: rules(item) for name, item in found.items() if item.findings} == easy
