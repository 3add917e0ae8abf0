"""The published problems with their own metadata and generators, checked and calibrated."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from scaler_core.audit import EnvironmentAudit
from scaler_core.interfaces import Metadata
from scaler_core.jsonio import compact_json
from scaler_core.models import Environment
from scaler_core.pool import read_published
from scaler_core.synthesis.calibration import calibrate
from scaler_core.synthesis.checks import check_candidate
from scaler_core.synthesis.config import CalibrationSettings, CheckSettings
from scaler_core.synthesis.environment import make_environment
from scaler_core.synthesis.records import Calibrated, Candidate, Checked, Rejection, SourceProblem
from scaler_core.synthesis.workbench import Workbench
from scaler_plugins.sandboxes.process import Process
from tests.sandbox.machines import require_compiler

pytestmark = [pytest.mark.shared, pytest.mark.slow, pytest.mark.timeout(1800)]

FORBIDDEN = "632-a-grandma-laura-and-apples"
"""Its generator lets the last buyer take half, which leaves no apples; the problem rules it out."""

WRONG_ON_FEW = {"1195-b-sport-mafia": {2}, "883-c-downloading-b": {7}}


def as_candidate(environment: Environment) -> Candidate:
    """The candidate that a published environment once was."""
    return Candidate(
        problem=SourceProblem(
            id=environment.id, source=environment.problem.name, problem=environment.problem
        ),
        metadata=Metadata(
            parameters={
                name: (item.minimum, item.maximum) for name, item in environment.parameters.items()
            },
            output_type=environment.answer_type,
            answer_unique=environment.answer_unique,
        ),
        generator=environment.generator,
    )


@pytest.fixture(scope="module")
def compiling_workbench() -> Iterator[Workbench]:
    require_compiler()
    workbench = Workbench(Process())
    yield workbench
    workbench.close()


def test_the_published_problems_pass_but_one_and_keep_the_solutions_that_an_audit_finds_sound(
    shared_dir: Path,
    compiling_workbench: Workbench,
    published_audits: tuple[EnvironmentAudit, ...],
):
    environments = read_published(shared_dir / "data" / "SCALER-8.json")
    candidates = {item.id: as_candidate(item) for item in environments}
    few = {"breadth": 20, "depth": 40, "edges": 3, "repeats": 3}
    sound = CheckSettings(**few)
    published = CheckSettings.as_published().model_copy(update=few)

    checked = {
        name: check_candidate(item, compiling_workbench, sound) for name, item in candidates.items()
    }
    refused = {name: item for name, item in checked.items() if isinstance(item, Rejection)}
    assert {name: item.check for name, item in refused.items()} == {FORBIDDEN: "breadth"}
    assert "inputs that the problem forbids" in refused[FORBIDDEN].detail
    checked |= {
        name: check_candidate(candidates[name], compiling_workbench, published) for name in refused
    }

    settings = CalibrationSettings(end_draws=20, draws=5, checks=published)
    kept: dict[str, set[int]] = {}
    for name, found in checked.items():
        assert isinstance(found, Checked), found
        calibrated = calibrate(candidates[name], found, compiling_workbench, settings)
        assert isinstance(calibrated, Calibrated), calibrated
        length = calibrated.figures["length"]
        assert isinstance(length, int)
        assert length <= 2048
        environment = make_environment(candidates[name], found, calibrated, {})
        assert 10 <= len(environment.levels) <= 30
        assert len(environment.problem.solutions) == len(calibrated.kept) >= 3
        assert len(compact_json(environment.provenance)) < 20_000
        kept[name] = set(calibrated.kept)

    winners = {
        item.environment_id: {each.number for each in item.solutions if each.outcome == "agrees"}
        for item in published_audits
    }
    assert winners["1200-a-hotelier"] == {1, 2, 3, 4, 5, 6, 7, 9, 10}
    for name, numbers in kept.items():
        # wrong on few inputs, of scales that an audit of three levels does not visit
        assert winners[name] - WRONG_ON_FEW.get(name, set()) <= numbers <= winners[name]
