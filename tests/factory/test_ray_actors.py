"""The factory as Ray actors: equal results, and nothing lost when actors die."""

from __future__ import annotations

import dataclasses
import gc
import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import scaler_core
from scaler_core.errors import InfrastructureError, ScalerError, UsageError
from scaler_core.factory import InstanceFailure, InstanceRequest
from scaler_core.factory.ray_actors import RayFactory
from scaler_core.factory.ray_cluster import RayCluster
from scaler_core.factory.ray_worker import KNOWN_ENVIRONMENTS, FactoryActor, key_of, write_document
from scaler_core.models import ComponentChoice, Environment, Instance, Response, Ticket
from scaler_core.plugins import load_plugins
from scaler_core.plugins.choosing import build_sandbox
from scaler_core.pool import open_pool, write_pool
from scaler_core.run.directory import RunDirectory
from scaler_core.run.recipes import recipe_from
from scaler_core.run.session import Run
from scaler_core.run.setup import assemble
from scaler_core.seeds import derive_seed
from scaler_core.testing.environments import program_environment
from tests.factory.acting import BUILDER, acting_factory, arrived, process_factory, scene
from tests.factory.natives import Adder, Judge, Unbuildable
from tests.sandbox.machines import eventually, is_running

pytestmark = [
    pytest.mark.ray,
    # Ray leaves these to the garbage collector
    pytest.mark.filterwarnings("ignore:unclosed file .*/dev/null:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning"),
]
ROOT = Path(__file__).resolve().parents[2]
SEEDS = tuple(derive_seed("ray", number) for number in range(5))


@pytest.fixture(scope="module", autouse=True)
def ray_is_installed() -> None:
    try:
        import ray  # noqa: F401
    except ImportError:
        if os.environ.get("CI"):
            pytest.fail("ray is missing in CI")
        pytest.skip('ray is not installed: pip install -e ".[ray]"')


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """The address of a small local cluster, to which this process is connected."""
    import warnings

    import ray

    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        # actors import the tests, wherever pytest was started
        patch.setenv("PYTHONPATH", str(ROOT))
        warnings.simplefilter("ignore", FutureWarning)
        ray.init(
            address="local",
            num_cpus=4,
            include_dashboard=False,
            object_store_memory=100 << 20,
            log_to_driver=False,
            logging_level="ERROR",
        )
        yield ray.get_runtime_context().gcs_address
        ray.shutdown()
        gc.collect()


@pytest.fixture(scope="module")
def factory(cluster: str) -> Iterator[RayFactory]:
    """Two actors that act; what dies in a test is replaced for the next."""
    factory = RayFactory(BUILDER, {}, workers=2)
    yield factory
    factory.close()


@pytest.fixture
def own_factory(cluster: str) -> Iterator[RayFactory]:
    """Two actors for a test that closes them or counts what they did."""
    factory = RayFactory(BUILDER, {}, workers=2)
    yield factory
    factory.close()


def requests(*environments: Environment) -> list[InstanceRequest]:
    """Two levels of each environment, so that results can get out of order."""
    return [InstanceRequest(item, level, SEEDS) for level in (3, 1) for item in environments]


def causes(made: list[Instance | InstanceFailure]) -> set[str]:
    return {item.cause if isinstance(item, InstanceFailure) else "made" for item in made}


def one_line(error: pytest.ExceptionInfo[ScalerError]) -> str:
    assert "\n" not in str(error.value)
    assert error.value.hint
    return str(error.value)


# ------------------------------------------------------------------ before there is a cluster


def test_without_ray_the_command_that_installs_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError) as error:
        RayFactory(BUILDER, {})
    assert 'pip install "scaler-rl[ray]"' in one_line(error)


# ------------------------------------------------------------------ one actor, without Ray


def test_an_actor_is_told_of_an_environment_once_and_asks_again_when_it_forgot() -> None:
    actor = FactoryActor()
    with ThreadPoolExecutor(1) as thread:  # which then keeps to one core
        thread.submit(actor.start, BUILDER, "{}", number=1).result()
    key, document = key_of(scene("first")), write_document(scene("first"))
    places = [(1, SEEDS)]
    assert actor.make(key, None, places) is None
    first = actor.make(key, document, places)
    assert first is not None
    again = actor.make(key, None, places)
    assert again is not None
    assert again[0] == first[0]
    for number in range(KNOWN_ENVIRONMENTS):
        other = scene(f"other-{number}")
        assert actor.make(key_of(other), write_document(other), [(0, ())]) is not None
    assert actor.make(key, None, places) is None


def test_what_makes_no_instance_is_not_sent() -> None:
    environment = program_environment(provenance={"by": "x"}, published={"key": "y"})
    assert write_document(environment) == write_document(program_environment())
    assert key_of(environment) == key_of(program_environment())


# ------------------------------------------------------------------ the same instances


def test_actors_make_the_starter_pack_as_a_local_factory_does(cluster: str, tmp_path: Path) -> None:
    source = open_pool("starter")
    environments = [source.get(name) for name in source.ids()[:4]]
    wanted = [InstanceRequest(item, level, SEEDS[:2]) for level in (2, 0) for item in environments]
    arguments = {"cache": str(tmp_path)}
    remote = RayFactory("tests.factory.acting:process_factory", arguments, workers=2)
    local = process_factory(str(tmp_path))
    try:
        made = remote.make_many(wanted)
        assert made == local.make_many(wanted)
        assert remote.make(environments[0], 2, SEEDS[:2]) == made[0]
        assert {cause for items in made for cause in causes(items)} == {"made"}
        counters = remote.counters()
        assert counters["made"] == sum(len(item.seeds) for item in wanted) + 2
        assert counters["cpu_s/solutions"] > 0
    finally:
        remote.close()
        local.close()


def test_native_environments_are_made_and_scored_in_an_actor(factory: RayFactory) -> None:
    assert factory.make(Adder(), 2, SEEDS) == [Adder().make(2, seed) for seed in SEEDS]
    instance = factory.make(Judge(), 1, [7])[0]
    assert isinstance(instance, Instance)
    assert instance.verifier is not None
    for text, result in ((instance.truth, "correct"), ("wrong", "incorrect"), ("die", "undecided")):
        ticket = Ticket.of(instance, id="1", step=1, verifier=instance.verifier)
        assert factory.score(Response(text=text), ticket).result == result


def test_an_environment_goes_to_its_home_actor_while_that_has_room(
    factory: RayFactory, tmp_path: Path
) -> None:
    homes = []
    # by their content, which holds the folder: of so many not all have the same home
    for number in range(16):
        folder = tmp_path / str(number)
        folder.mkdir()
        for _ in range(4):
            factory.make(scene(f"home-{number}", folder), 0, SEEDS)
        factory.prefetch([InstanceRequest(scene(f"home-{number}", folder), 0, ())])
        assert len(list(folder.glob("*-prepared"))) == 1
        homes += arrived(folder)
    assert len(homes) == 16
    assert len(set(homes)) == 2


def test_work_for_a_busy_home_goes_to_the_other_actor(factory: RayFactory, tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as threads:
        environment = scene("busy", tmp_path, wait=True)
        made = [threads.submit(factory.make, environment, 1, SEEDS) for _ in range(4)]
        assert eventually(lambda: len(arrived(tmp_path)) == 2)
        (tmp_path / "go").touch()
        assert all(item.result() == made[0].result() for item in made)


def test_a_level_that_does_not_exist_is_the_askers_mistake(factory: RayFactory) -> None:
    with pytest.raises(UsageError, match="has no level 9"):
        factory.make_many([InstanceRequest(scene("levels"), 9, SEEDS)])


def test_a_run_draws_from_actors_what_it_draws_from_a_local_factory(
    cluster: str, tmp_path: Path
) -> None:
    events, metrics = {}, {}
    write_pool(tmp_path / "pool", [program_environment(id=f"e{n}") for n in range(4)])
    for executor in ("local", "ray"):
        recipe = recipe_from(
            {
                "run": {"steps": 3},
                "pool": {"path": str(tmp_path / "pool")},
                "batch": {"prompts": 4, "responses": 2},
                "backend": {"use": "simulated"},
                "factory": {"executor": executor},
            }
        )
        parts = assemble(recipe, load_plugins())
        # the simulated backend needs no instances, but takes them
        sandbox = build_sandbox(ComponentChoice(use="auto"), parts.host, untrusted=True)
        files = RunDirectory(tmp_path / executor)
        run = Run("test", dataclasses.replace(parts, sandbox=sandbox), files)
        run.train()
        events[executor] = (tmp_path / executor / "events.jsonl").read_text()
        metrics[executor] = (tmp_path / executor / "metrics.jsonl").read_text().splitlines()
    assert events["ray"] == events["local"]
    assert json.loads(metrics["ray"][0])["factory/made"] >= 4
    assert len(metrics["ray"]) == 3


# ------------------------------------------------------------------ deaths


@pytest.mark.parametrize("killed", [1, 2])
def test_when_actors_are_killed_mid_way_nothing_is_lost_or_made_twice(
    own_factory: RayFactory, tmp_path: Path, killed: int
) -> None:
    wanted = requests(*(scene(f"scene-{number}", tmp_path, wait=True) for number in range(8)))
    before = own_factory.make(scene("before"), 0, SEEDS)
    with ThreadPoolExecutor(1) as threads:
        under_way = threads.submit(own_factory.make_many, wanted)
        assert eventually(lambda: len(arrived(tmp_path)) == 2)
        for process in arrived(tmp_path)[:killed]:
            os.kill(process, signal.SIGKILL)
        (tmp_path / "go").touch()
        made = under_way.result()
    local = acting_factory()
    assert made == local.make_many(wanted)
    counters = own_factory.counters()
    assert counters["actors/lost"] == killed
    assert counters["made"] == sum(map(len, made)) + len(before)
    assert len(own_factory.actors) == 2
    local.close()


def home_of_two(environment: Environment) -> int:
    """Which of two actors is the environment's home."""
    return int(hashlib.sha256(key_of(environment).encode()).hexdigest(), 16) % 2


def test_work_that_two_actors_die_of_fails_and_takes_no_other_work_with_it(
    own_factory: RayFactory, tmp_path: Path
) -> None:
    def deadly(name: str) -> Environment:
        (tmp_path / name).mkdir()
        return scene(name, tmp_path / name, die=2)

    bad = deadly("bad")
    # where both wait for the same actor, the first one takes the other with it once
    others = (deadly(f"worse-{number}") for number in range(50))
    worse = next(item for item in others if home_of_two(item) != home_of_two(bad))
    good = [scene(f"good-{number}") for number in range(12)]
    wanted = [
        InstanceRequest(item, 1, SEEDS) for item in (*good[:4], bad, *good[4:8], worse, *good[8:])
    ]
    made = dict(
        zip((item.environment.id for item in wanted), own_factory.make_many(wanted), strict=True)
    )
    for name in (bad.id, worse.id):
        assert causes(made.pop(name)) == {"infrastructure"}
        assert len(arrived(tmp_path / name)) == 2
    assert {cause for items in made.values() for cause in causes(items)} == {"made"}
    assert own_factory.counters()["failed/infrastructure"] == 2 * len(SEEDS)
    # what killed two is tried again when it is asked for again
    assert causes(own_factory.make(bad, 1, SEEDS)) == {"made"}


def test_work_that_waited_behind_another_is_not_blamed_for_the_death_of_its_actor(
    cluster: str, tmp_path: Path
) -> None:
    (first := tmp_path / "first").mkdir()
    (behind := tmp_path / "behind").mkdir()
    factory = RayFactory(BUILDER, {}, workers=1)
    try:
        with ThreadPoolExecutor(2) as threads:
            running = threads.submit(factory.make, scene("first", first, wait=True), 1, SEEDS)
            assert eventually(lambda: len(arrived(first)) == 1)
            waiting = threads.submit(factory.make, scene("behind", behind, die=2), 1, SEEDS)
            (member,) = factory._members
            assert member is not None
            assert eventually(lambda: member.load["make"] == 2)
            os.kill(arrived(first)[0], signal.SIGKILL)
            (first / "go").touch()
            assert causes(running.result()) == {"made"}
            assert causes(waiting.result()) == {"infrastructure"}
        # two actors died at it, beside the one in whose queue it was
        assert len(arrived(behind)) == 2
        assert factory.counters()["actors/lost"] == 3
    finally:
        factory.close()


def test_an_environment_that_only_this_machine_has_is_named_and_not_blamed(
    factory: RayFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "only_here.py").write_text(
        "from tests.factory.natives import Adder\nclass Here(Adder):\n    id = 'here'\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import only_here  # type: ignore[import-not-found]

    made = factory.make(only_here.Here(), 1, SEEDS)
    assert causes(made) == {"infrastructure"}
    assert isinstance(made[0], InstanceFailure)
    assert "No module named 'only_here'" in made[0].detail
    assert "on every machine" in made[0].detail


def test_an_environment_that_cannot_be_built_is_to_blame(factory: RayFactory) -> None:
    assert causes(factory.make(Unbuildable(), 1, SEEDS)) == {"native_error"}


def test_an_environment_that_no_actor_could_import_is_refused(factory: RayFactory) -> None:
    class Local(Adder):
        pass

    with pytest.raises(UsageError, match="top level of a module"):
        factory.make(Local(), 1, SEEDS)


# ------------------------------------------------------------------ starting and ending


def test_closing_ends_calls_under_way_and_all_actors(
    own_factory: RayFactory, tmp_path: Path
) -> None:
    wanted = requests(*(scene(f"scene-{number}", tmp_path, wait=True) for number in range(8)))
    with ThreadPoolExecutor(1) as threads:
        under_way = threads.submit(own_factory.make_many, wanted)
        assert eventually(lambda: len(arrived(tmp_path)) == 2)
        own_factory.close()
        assert {cause for items in under_way.result() for cause in causes(items)} == {
            "infrastructure"
        }
    assert eventually(lambda: not any(map(is_running, arrived(tmp_path))))
    assert causes(own_factory.make(scene("late"), 1, SEEDS)) == {"infrastructure"}
    assert causes(own_factory.make_many(wanted)[0]) == {"infrastructure"}
    ticket = Ticket(
        id="1",
        step=1,
        environment_id="x",
        level=0,
        seed=0,
        messages=(),
        truth="",
        verifier=ComponentChoice(use="native"),
    )
    assert own_factory.score(Response(text="x"), ticket).result == "undecided"


def test_a_cluster_with_too_few_cores_is_refused(cluster: str) -> None:
    with pytest.raises(UsageError, match=r"has 4 cores.*lower factory\.workers"):
        RayCluster(5)


def test_another_version_of_scaler_on_a_machine_is_refused(
    cluster: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scaler_core, "__version__", "99.1")
    with pytest.raises(UsageError) as error:
        RayFactory(BUILDER, {}, workers=1)
    assert "this one 99.1" in one_line(error)


def test_what_a_machine_lacks_is_told_in_one_line(cluster: str) -> None:
    with pytest.raises(UsageError) as error:
        RayFactory("tests.factory.acting:refusing_factory", {}, workers=1)
    assert "on a machine of the Ray cluster: no sandbox can run here" in one_line(error)
    with pytest.raises(InfrastructureError) as broken:
        RayFactory("no.such.module:function", {}, workers=1)
    assert "No module named 'no'" in one_line(broken)


STANDALONE = """
import signal, sys, time
from scaler_core.factory.ray_actors import RayFactory
from tests.factory.acting import BUILDER, scene
signal.signal(signal.SIGTERM, lambda number, frame: sys.exit("asked to end"))
handler = signal.getsignal(signal.SIGTERM)
factory = RayFactory(BUILDER, {}, workers=2)
assert signal.getsignal(signal.SIGTERM) is handler
try:
    made = factory.make(scene("alone"), 1, [1, 2])
    print(len(made), *(who.process for who in factory.actors), flush=True)
    if sys.argv[1] == "stay":
        time.sleep(600)
finally:
    factory.close()
"""


def standalone(what: str, **environ: str) -> tuple[subprocess.Popen[str], list[int]]:
    """A process with a factory of its own, and the processes of its actors."""
    process = subprocess.Popen(
        [sys.executable, "-c", STANDALONE, what],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    made, *actors = map(int, process.stdout.readline().split())
    process.stdout.close()
    assert made == 2
    assert len(actors) == 2
    return process, actors


def test_a_cluster_that_was_there_before_is_still_there_afterwards(
    cluster: str, factory: RayFactory
) -> None:
    process, actors = standalone("leave", RAY_ADDRESS=cluster)
    assert process.wait(60) == 0
    assert eventually(lambda: not any(map(is_running, actors)))
    assert causes(factory.make(scene("still-there"), 1, SEEDS)) == {"made"}


def test_actors_end_with_the_process_that_started_them(cluster: str) -> None:
    process, actors = standalone("stay", RAY_ADDRESS=cluster)
    assert all(map(is_running, actors))
    process.kill()
    process.wait(60)
    assert eventually(lambda: not any(map(is_running, actors)))


def test_an_interrupt_ends_a_cluster_that_was_started_here() -> None:
    process, actors = standalone("stay")
    raylet = int(Path(f"/proc/{actors[0]}/stat").read_text().rpartition(")")[2].split()[1])
    assert is_running(raylet)
    # as Ctrl-C does: to all processes of the terminal
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(60) != 0
    assert eventually(lambda: not any(map(is_running, [*actors, raylet])))
