"""Jobs for workers: the checks, or the calibration, of one candidate."""

from __future__ import annotations

from typing import Protocol

from pydantic import JsonValue

from scaler_core.models import Record
from scaler_core.synthesis.calibration import calibrate
from scaler_core.synthesis.checks import check_candidate
from scaler_core.synthesis.records import Candidate, Rejection
from scaler_core.synthesis.results import Calibrated, Checked
from scaler_core.synthesis.settings import CalibrationSettings, CheckSettings
from scaler_core.synthesis.workbench import Bench


class Job(Record):
    """All that a worker must know.

    Attributes:
        candidate: What is to be checked, or calibrated.
        checks: How it is checked.
        calibration: How it is calibrated.
        checked: What the checks found: then it is calibrated.
    """

    candidate: Candidate
    checks: CheckSettings
    calibration: CalibrationSettings
    checked: Checked | None = None


class JobResult(Record):
    """What came out: the rejection, or else what was found as JSON."""

    rejection: Rejection | None = None
    value: dict[str, JsonValue] = {}


class Workers(Protocol):
    """Who does jobs, several at the same time."""

    @property
    def count(self) -> int:
        """How many jobs are done at the same time."""

    async def do(self, job: Job) -> JobResult:
        """Do *job*; at most :attr:`count` calls at the same time.

        Raises:
            InfrastructureError: The machine failed; nothing is said of the candidate.
        """

    def close(self) -> None:
        """End all of them; jobs under way fail."""


def do_job(job: Job, bench: Bench) -> JobResult:
    """Do *job* on *bench*; raises ``InfrastructureError`` where the machine fails."""
    found: Checked | Calibrated | Rejection
    if job.checked is None:
        found = check_candidate(job.candidate, bench, job.checks)
    else:
        found = calibrate(job.candidate, job.checked, bench, job.calibration)
    if isinstance(found, Rejection):
        return JobResult(rejection=found)
    return JobResult(value=found.model_dump(mode="json"))
