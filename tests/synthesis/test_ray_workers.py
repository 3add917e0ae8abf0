"""Checks as Ray actors: equal results, and a dead actor costs nobody his job."""

from __future__ import annotations

import asyncio
import os
import signal
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from scaler_core.errors import InfrastructureError, UsageError
from scaler_core.interfaces import Metadata
from scaler_core.plugins import load_plugins
from scaler_core.synthesis.config import CalibrationSettings, CheckSettings
from scaler_core.synthesis.records import Candidate
from scaler_core.synthesis.workbench import BUILDER, Workbench, describe_plugins, make_workbench
from scaler_core.synthesis.workers import Job, LocalWorkers, RayWorkers, do_job
from tests.synthesis.problems import source_problem
from tests.synthesis.test_killing import KNOWN

pytestmark = [
    pytest.mark.ray,
    # Ray leaves these to the garbage collector
    pytest.mark.filterwarnings("ignore:unclosed file .*/dev/null:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning"),
]
ROOT = Path(__file__).resolve().parents[2]
QUICK = CheckSettings(breadth=5, depth=25, edges=2, repeats=1)
OPTIONS = {
    "sandbox": "auto",
    "allow_weak": True,
    "seed": 0,
    "backend": "local",
    "tokenizer": None,
}


@pytest.fixture(scope="module")
def workers() -> Iterator[RayWorkers]:
    """Two actors on a small cluster of this machine."""
    try:
        import ray
    except ImportError:
        if os.environ.get("CI"):
            pytest.fail("ray is missing in CI")
        pytest.skip('ray is not installed: pip install -e ".[ray]"')
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        patch.setenv(
            "PYTHONPATH", str(ROOT)
        )  # actors import the tests, wherever pytest was started
        warnings.simplefilter("ignore", FutureWarning)
        ray.init(
            address="local",
            num_cpus=3,
            include_dashboard=False,
            object_store_memory=100 << 20,
            log_to_driver=False,
            logging_level="ERROR",
        )
        arguments = {"plugins": describe_plugins(load_plugins()), **OPTIONS}
        workers = RayWorkers(BUILDER, arguments, 2)
        yield workers
        workers.close()
        ray.shutdown()


def job(generator: str = KNOWN.generator) -> Job:
    metadata = Metadata(parameters={"n": (1, 40)}, output_type="number", answer_unique=True)
    candidate = Candidate(problem=source_problem(), metadata=metadata, generator=generator)
    return Job(candidate=candidate, checks=QUICK, calibration=CalibrationSettings(checks=QUICK))


async def all_of(workers: RayWorkers | LocalWorkers, *jobs: Job) -> list[object]:
    return await asyncio.gather(*map(workers.do, jobs), return_exceptions=True)


def without_times(result: object) -> dict[str, object]:
    value = result.model_dump(mode="json")["value"]  # type: ignore[attr-defined]
    return {name: item for name, item in value.items() if name != "times"}


def test_actors_find_what_workers_of_this_machine_find(workers: RayWorkers):
    broken = job("def generate_testcase(scale):\n    return 1\n")
    workbench = make_workbench(load_plugins(), **OPTIONS)
    local = LocalWorkers(workbench, 2)
    try:
        here = asyncio.run(all_of(local, job(), broken))
    finally:
        local.close()
    there = asyncio.run(all_of(workers, job(), broken))
    assert without_times(there[0]) == without_times(here[0])
    assert there[1] == here[1]
    assert there[1].rejection.check == "generator"  # type: ignore[union-attr]


def dying_workbench() -> Workbench:
    """What an actor builds that dies with its first job."""
    workbench = make_workbench(load_plugins(), **OPTIONS)

    def die(*_: object, **__: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    workbench.generate = die  # type: ignore[method-assign, assignment]
    return workbench


def test_a_job_that_ends_two_actors_is_given_up_and_the_others_are_done(workers: RayWorkers):
    dying = RayWorkers(f"{__name__}:dying_workbench", {}, 1)
    try:
        (result,) = asyncio.run(all_of(dying, job()))
    finally:
        dying.close()
    assert isinstance(result, InfrastructureError)
    assert "two Ray actors died" in str(result)


def test_an_actor_that_was_killed_is_replaced(workers: RayWorkers):
    for actor in workers.actors:
        os.kill(actor.process, signal.SIGKILL)
    results = asyncio.run(all_of(workers, job(), job()))
    assert [without_times(item) for item in results] == [without_times(do_once())] * 2


def do_once() -> object:
    workbench = make_workbench(load_plugins(), **OPTIONS)
    try:
        return do_job(job(), workbench)
    finally:
        workbench.close()


def test_too_few_cores_are_told_with_the_option(workers: RayWorkers):
    with pytest.raises(UsageError, match=r"--workers = 9, but the Ray cluster has 3 cores"):
        RayWorkers(BUILDER, {}, 9)
