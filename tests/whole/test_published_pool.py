"""The audit of the published environments."""

from __future__ import annotations

import pytest

from scaler_core.audit import EnvironmentAudit
from tests.audit.makers import rules


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_every_listed_solution_of_the_published_environments_is_checked(
    published_audits: tuple[EnvironmentAudit, ...],
):
    found = {audit.environment_id: audit for audit in published_audits}
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
