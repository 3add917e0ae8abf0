"""Ray workers that are closed in the middle of a job start no other cluster."""

from __future__ import annotations

import asyncio
import threading

import pytest

from scaler_core.errors import InfrastructureError
from scaler_core.factory.ray_cluster import ActorLost
from scaler_core.interfaces import Metadata
from scaler_core.synthesis import workers as workers_module
from scaler_core.synthesis.config import CalibrationSettings, CheckSettings
from scaler_core.synthesis.records import Candidate
from scaler_core.synthesis.workers import Job
from tests.synthesis.problems import source_problem


class ClosingCluster:
    """A cluster whose calls last until it is closed; a later start would be another."""

    def __init__(self, *args: object, **options: object) -> None:
        self.called = threading.Event()
        self.closed = threading.Event()
        self.started_late = 0

    def start(self, *args: object, how_many: int) -> list[object]:
        self.started_late += self.closed.is_set()
        return [object() for _ in range(how_many)]

    def call(self, *args: object) -> object:
        self.called.set()
        self.closed.wait()
        raise ActorLost("the cluster is gone", begun=True)

    def kill(self, actor: object) -> None:
        """Nothing lives here."""

    def end(self, actors: object) -> None:
        """Nothing lives here."""

    def close(self) -> None:
        self.closed.set()


def test_a_job_that_loses_its_actor_to_the_closing_is_not_done_once_more(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(workers_module, "RayCluster", ClosingCluster)
    workers = workers_module.RayWorkers("module:function", {}, 1)
    cluster = workers._cluster
    metadata = Metadata(parameters={"n": (1, 40)}, output_type="number", answer_unique=True)
    job = Job(
        candidate=Candidate(problem=source_problem(), metadata=metadata, generator=""),
        checks=CheckSettings(),
        calibration=CalibrationSettings(),
    )
    closing = threading.Thread(target=lambda: (cluster.called.wait(), workers.close()))
    closing.start()
    with pytest.raises(InfrastructureError, match="closed"):
        asyncio.run(workers.do(job))
    closing.join()
    assert cluster.started_late == 0
