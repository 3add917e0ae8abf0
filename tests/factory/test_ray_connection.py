"""How a connection to Ray is asked for: whose cluster, and what its processes are told."""

from __future__ import annotations

import dataclasses
import sys
from types import ModuleType
from typing import Any

import pytest

from scaler_core.errors import UsageError
from scaler_core.factory.ray_actors import RayFactory
from scaler_core.factory.ray_cluster import RayCluster
from scaler_core.interfaces import RayConnection
from scaler_core.models import ComponentChoice
from scaler_core.plugins import load_plugins
from scaler_core.plugins.choosing import build_sandbox
from scaler_core.run.recipes import recipe_from
from scaler_core.run.setup import assemble
from scaler_plugins.backends.simulated import Simulated
from tests.factory.acting import BUILDER


class FakeRay(ModuleType):
    """As much of Ray as a connection asks for; keeps what it was asked."""

    def __init__(self, connected: bool = False) -> None:
        super().__init__("ray")
        self.exceptions = ModuleType("ray.exceptions")
        self.connected = connected
        self.begun: list[dict[str, Any]] = []

    def is_initialized(self) -> bool:
        return self.connected

    def init(self, **options: Any) -> None:
        self.begun.append(options)
        self.connected = True

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": 4.0}

    def shutdown(self) -> None:
        self.connected = False


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> FakeRay:
    """Ray, not connected to anything."""
    fake = FakeRay()
    monkeypatch.setitem(sys.modules, "ray", fake)
    monkeypatch.setitem(sys.modules, "ray.exceptions", fake.exceptions)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    return fake


def asked(ray: FakeRay, connection: RayConnection | None) -> dict[str, Any]:
    """What Ray is asked for; the connection is given back afterwards."""
    RayCluster(2, connection).close()
    (options,) = ray.begun
    assert not ray.connected
    return options


def test_without_an_address_a_small_cluster_is_started_here(ray: FakeRay) -> None:
    options = asked(ray, None)
    assert options["address"] == "local"
    assert options["num_cpus"] >= 2
    assert options["object_store_memory"] == 256 << 20
    assert "runtime_env" not in options


def test_a_backend_may_leave_the_memory_for_objects_to_ray(ray: FakeRay) -> None:
    options = asked(ray, RayConnection(object_store_bytes=None))
    assert options["object_store_memory"] is None


@pytest.mark.parametrize("address", ["", "auto"])
def test_the_processes_of_a_cluster_get_the_backends_environment(
    ray: FakeRay, address: str
) -> None:
    options = asked(ray, RayConnection(address=address, environment={"NCCL_DEBUG": "WARN"}))
    assert options["runtime_env"] == {"env_vars": {"NCCL_DEBUG": "WARN"}}


def test_a_named_cluster_is_joined_as_it_is(ray: FakeRay, monkeypatch: pytest.MonkeyPatch) -> None:
    options = asked(ray, RayConnection(address="auto"))
    assert options["address"] == "auto"
    assert not {"num_cpus", "object_store_memory"} & set(options)
    ray.begun.clear()
    monkeypatch.setenv("RAY_ADDRESS", "auto")
    assert asked(ray, None)["address"] == "auto"


def test_a_connection_that_is_there_already_is_used_and_left(ray: FakeRay) -> None:
    ray.connected = True
    RayCluster(2, RayConnection(address="10.0.0.1:6379")).close()
    assert ray.begun == []
    assert ray.connected


def test_a_connection_without_actors_needs_no_cores(ray: FakeRay) -> None:
    RayCluster(0, RayConnection()).close()
    with pytest.raises(UsageError, match=r"factory\.workers = 5, but the Ray cluster has 4 cores"):
        RayCluster(5, RayConnection())
    assert not ray.connected


@pytest.mark.ray
def test_a_cluster_that_cannot_be_reached_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray")
    for address in ("127.0.0.1:9", "auto", "nonsense"):
        with pytest.raises(UsageError) as error:
            RayFactory(BUILDER, {}, connection=RayConnection(address=address))
        assert f"the Ray cluster at {address} cannot be reached" in str(error.value)
        assert "\n" not in str(error.value)
        assert error.value.hint
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:9")
    with pytest.raises(UsageError, match=r"at 127\.0\.0\.1:9 cannot be reached.*RAY_ADDRESS"):
        RayFactory(BUILDER, {})


@pytest.mark.ray
def test_a_runs_factory_of_actors_goes_where_its_backend_goes() -> None:
    pytest.importorskip("ray")

    class Elsewhere(Simulated):
        needs_instances = True

        def ray_connection(self) -> RayConnection:
            return RayConnection(address="127.0.0.1:9")

    recipe = recipe_from({"backend": {"use": "simulated"}, "factory": {"executor": "ray"}})
    host = load_plugins()
    parts = assemble(recipe, host)
    sandbox = build_sandbox(ComponentChoice(use="auto"), host, untrusted=False)
    changed = dataclasses.replace(parts, backend=Elsewhere(), sandbox=sandbox)
    with pytest.raises(UsageError, match=r"the Ray cluster at 127\.0\.0\.1:9 cannot be reached"):
        changed.make_factory()
