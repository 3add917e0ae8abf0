"""The Ray cluster: a connection, enough GPUs, and the same software on every machine."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from scaler_core.errors import InfrastructureError, UsageError
from scaler_core.factory.ray_cluster import RayCluster, telling_line
from scaler_core.interfaces import RayConnection
from scaler_core.plugins import load_plugins
from scaler_plugins.backends.openrlhf.flags import AGENT
from scaler_plugins.backends.openrlhf.options import OpenRLHFOptions

SHARED_VERSIONS = ("openrlhf", "deepspeed", "transformers", "torch")
LOOK_S = 120.0


@dataclass(frozen=True)
class Machine:
    """What a machine of the cluster has.

    Attributes:
        versions: Distribution -> version, of Python, of every plugin and of what OpenRLHF needs.
        agent: Whether the file that engines load lies where it lies here.
        run: Whether the run's folder can be seen.
    """

    versions: Mapping[str, str]
    agent: bool
    run: bool


@contextmanager
def connected(options: OpenRLHFOptions, connection: RayConnection) -> Iterator[None]:
    """A connection to Ray with room for the policy and the engines.

    Raises:
        UsageError: The cluster cannot be reached, or has too few GPUs.
    """
    with closing(RayCluster(0, connection)):
        there = int(ray.cluster_resources().get("GPU", 0))
        if there < options.gpus:
            raise UsageError(
                f"the options of the backend need {options.gpus} GPUs, but the Ray cluster has "
                f"{there}",
                hint="lower backend.nodes, gpus_per_node or engines, or add machines; ray status "
                "shows the cluster",
            )
        yield


def check_machines(options: OpenRLHFOptions, run_directory: Path) -> None:
    """Compare the machines of the cluster with this one.

    Raises:
        UsageError: One lacks something, has another version, or cannot see the run's folder.
        InfrastructureError: One does not answer.
    """
    here = describe_machine(str(AGENT), str(run_directory.absolute()))
    nodes = [node for node in ray.nodes() if node["Alive"]]
    for node, machine in zip(nodes, _look_at(nodes, run_directory), strict=True):
        name = node["NodeManagerHostname"]
        _compare(name, here.versions, machine.versions)
        if not machine.agent:
            raise UsageError(
                f"machine {name} has SCALER in another place than this one: {AGENT} is not there",
                hint="install it in the same folder on every machine",
            )
        if options.nodes > 1 and not machine.run:
            raise UsageError(
                f"machine {name} cannot see {run_directory}",
                hint="put run.directory on storage that all machines share",
            )


def describe_machine(agent: str, run: str) -> Machine:
    """What this machine has; run on each machine of the cluster."""
    versions = {"Python": platform.python_version()}
    for plugin in load_plugins().plugins:
        versions[plugin.distribution] = plugin.version
    for name in SHARED_VERSIONS:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return Machine(versions, Path(agent).is_file(), Path(run).is_dir())


def _look_at(nodes: Sequence[Mapping[str, Any]], run_directory: Path) -> list[Machine]:
    look = ray.remote(num_cpus=0, max_retries=1)(describe_machine)
    arguments = (str(AGENT), str(run_directory.absolute()))
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
            f"a machine of the Ray cluster cannot be looked at: {telling_line(error)}",
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
