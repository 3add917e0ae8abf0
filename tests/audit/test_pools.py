"""The audit of real pools: the starter pack, and the published environments."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from scaler_core.audit import AuditSettings, EnvironmentAudit, audit_pool
from scaler_core.plugins import load_plugins
from scaler_core.pool import open_pool
from scaler_plugins.sandboxes.process import Process
from tests.audit.makers import rules
from tests.sandbox.machines import require_compiler


def by_id(audits: Iterable[EnvironmentAudit]) -> dict[str, EnvironmentAudit]:
    return {audit.environment_id: audit for audit in audits}


@pytest.mark.slow
def test_the_starter_pack_is_good_but_for_one_easy_environment():
    require_compiler()
    # docs/audit.md has the figures of a whole audit
    found = by_id(
        audit_pool(
            open_pool("starter"), Process, load_plugins(), settings=AuditSettings(instances=10)
        )
    )
    assert len(found) == 40
    # its task is to find the largest element, which is all the work that there is
    easy = {"largest-value": {"answer_derived": "warning"}}
    assert {name: rules(item) for name, item in found.items() if item.findings} == easy


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_every_listed_solution_of_the_published_environments_is_checked(
    published_audits: tuple[EnvironmentAudit, ...],
):
    found = by_id(published_audits)
    assert all(item.verdict != "unknown" for item in found.values())
    # the truths that the factory gives are those of the majority of all solutions, everywhere
    for item in found.values():
        assert item.votes is not None
        assert item.votes.truths_compared == item.votes.testcases == 60
        assert item.votes.truths_wrong == 0
        assert all(check.differing == 0 for check in item.repeats)
    # paper section 8.4: one generator emits invalid inputs, on which good solutions differ
    suspicious = {name for name, item in found.items() if "suspicious_inputs" in rules(item)}
    assert suspicious == {"632-a-grandma-laura-and-apples"}
    outcomes = {
        (name, solution.number): solution.outcome
        for name, item in found.items()
        for solution in item.solutions
        if solution.outcome != "agrees"
    }
    assert outcomes.pop(("1200-a-hotelier", 8)) == "disagrees"
    # accepted where the sandbox falls back to an older dialect of C++
    assert outcomes in ({}, {("1003-f-abbreviation", 9): "does_not_compile"})
    # paper section 8.1: constant answers at the lowest level
    assert "common_answer" in rules(found["1195-b-sport-mafia"])
    assert {item.verdict for item in found.values()} == {"good", "usable", "bad"}
