"""Workers that check and calibrate candidates: threads on this machine, or Ray actors.

The threads share one sandbox; each actor has its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, cast

from pydantic import JsonValue

from scaler_core.errors import InfrastructureError
from scaler_core.factory.ray_cluster import Actor, ActorLost, LostActors, RayCluster
from scaler_core.factory.ray_worker import ActorClass, Introduction
from scaler_core.interfaces import RayConnection
from scaler_core.jsonio import canonical_json
from scaler_core.models import Record
from scaler_core.synthesis.calibration import calibrate
from scaler_core.synthesis.checks import check_candidate
from scaler_core.synthesis.config import CalibrationSettings, CheckSettings
from scaler_core.synthesis.records import Calibrated, Candidate, Checked, Rejection
from scaler_core.synthesis.workbench import Workbench


class LocalWorkers:
    """Does jobs in threads.

    Args:
        workbench: Runs the programs; closed with the workers.
        count: Jobs done at the same time.
    """

    def __init__(self, workbench: Workbench, count: int) -> None:
        self.count = count
        self._workbench = workbench
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="synthesis")

    async def do(self, job: Job) -> JobResult:
        """See :meth:`scaler_core.synthesis.workers.Workers.do`."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, do_job, job, self._workbench)

    def close(self) -> None:
        """End all programs; jobs under way fail, and those that wait are never begun."""
        # the threads wait for programs, which closing the workbench ends: so it comes between
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._workbench.close()
        self._threads.shutdown(wait=True)


class Job(Record):
    """The job of a worker: to check a candidate, or to calibrate a checked one.

    Attributes:
        candidate: The candidate.
        checks: Settings of the checks.
        calibration: Settings of calibration.
        checked: The findings of the checks: if given, the candidate is calibrated.
    """

    candidate: Candidate
    checks: CheckSettings
    calibration: CalibrationSettings
    checked: Checked | None = None


class JobResult(Record):
    """The result of a job: the rejection, or else the record as JSON."""

    rejection: Rejection | None = None
    value: dict[str, JsonValue] = {}


class Workers(Protocol):
    """Do jobs, several at the same time."""

    @property
    def count(self) -> int:
        """How many jobs are done at the same time."""

    async def do(self, job: Job) -> JobResult:
        """Do *job*; at most :attr:`count` calls at the same time.

        Raises:
            InfrastructureError: The machine failed, which says nothing about the candidate.
        """

    def close(self) -> None:
        """End all of them; jobs under way fail."""


def do_job(job: Job, workbench: Workbench) -> JobResult:
    """Do *job* on *workbench*; raises ``InfrastructureError`` where the machine fails."""
    found: Checked | Calibrated | Rejection
    if job.checked is None:
        found = check_candidate(job.candidate, workbench, job.checks)
    else:
        found = calibrate(job.candidate, job.checked, workbench, job.calibration)
    if isinstance(found, Rejection):
        return JobResult(rejection=found)
    return JobResult(value=found.model_dump(mode="json"))


class SynthesisActor(ActorClass):
    """The code of an actor: a workbench of its own, and one job after another."""

    LANES = ("work",)

    def __init__(self) -> None:
        self._workbench: Workbench | None = None

    def use(self, built: Workbench) -> None:
        """Do jobs on the workbench *built*."""
        self._workbench = built

    def work(self, job: str) -> str:
        """Do one job; takes and returns JSON."""
        assert self._workbench is not None
        return do_job(Job.model_validate_json(job), self._workbench).model_dump_json()

    def close(self) -> None:
        """End the sandbox."""
        if self._workbench is not None:
            self._workbench.close()


class RayWorkers:
    """Does jobs in actors. One that dies is replaced, and its job is done once more.

    Args:
        builder: The function that builds an actor's workbench, as ``module:function``.
        arguments: Its keyword arguments, plain JSON.
        count: How many actors.
        connection: The cluster; by default that of ``RAY_ADDRESS``.

    Raises:
        UsageError: Ray is not installed, the cluster cannot be reached or has too few cores, or a
            machine of it lacks what a workbench needs or has another version of SCALER.
        InfrastructureError: The actors did not start.
    """

    def __init__(
        self,
        builder: str,
        arguments: Mapping[str, JsonValue],
        count: int,
        connection: RayConnection | None = None,
    ) -> None:
        self.count = count
        self._recipe = (builder, canonical_json(dict(arguments)))
        self._cluster = RayCluster(count, connection, option="--workers")
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="ray-synthesis")
        try:
            actors = self._cluster.start(SynthesisActor, *self._recipe, how_many=count)
        except BaseException:
            self._cluster.close()
            raise
        # None stands for one that died, in whose place the next job starts another. As many entries
        # as threads, so a thread always finds one; pop and append need no lock.
        self._free: list[Actor | None] = list(actors)
        self._closed = False

    @property
    def actors(self) -> list[Introduction]:
        """The actors that are free."""
        return [actor.who for actor in self._free if actor is not None]

    async def do(self, job: Job) -> JobResult:
        """See :meth:`scaler_core.synthesis.workers.Workers.do`."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._do, job)

    def close(self) -> None:
        """End all actors; jobs under way fail."""
        self._closed = True  # first: a thread whose actor ends now must not start another
        self._cluster.end([actor for actor in self._free if actor is not None])
        self._cluster.close()
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _do(self, job: Job) -> JobResult:
        """Do *job* in a free actor; there is one for each thread."""
        document = job.model_dump_json()
        lost = LostActors(repr(job.candidate.problem.id))
        while True:
            if self._closed:  # a call now would make Ray start a cluster of its own
                raise InfrastructureError("the Ray workers are closed")
            actor = self._free.pop()
            try:
                if actor is None:
                    actor = self._cluster.start(SynthesisActor, *self._recipe, how_many=1)[0]
                result = self._cluster.call(actor, "work", document)
                return JobResult.model_validate_json(cast(str, result))
            except ActorLost as error:
                reason = lost.add(error)
                if actor is not None and not self._closed:
                    self._cluster.kill(actor)  # one that is only out of reach must not linger
                actor = None
            finally:
                self._free.append(actor)
            if reason:
                raise InfrastructureError(reason)
