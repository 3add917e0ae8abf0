"""Every shipped recipe of the openrlhf backend, as far as a dry run goes."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest

pytest.importorskip("openrlhf", reason="a test of OpenRLHF's parser on our recipes")

from scaler_core.cli import main
from scaler_core.config import PoolSection, Recipe
from scaler_core.interfaces import Benchmark
from scaler_core.models import Environment
from scaler_core.plugins import load_plugins
from scaler_core.pool import write_pool
from scaler_core.run.recipes import load_recipe
from scaler_core.run.setup import open_environments
from scaler_plugins.backends.openrlhf.parser import COMMAND, parse_flags

DryRun = Callable[..., str]
HOST = load_plugins()
BEGINNING = f"# command: python -m {COMMAND} "


@cache
def recipe_of(name: str) -> Recipe:
    return load_recipe(name, HOST.recipes())[1]


NAMES = sorted(name for name in HOST.recipes() if recipe_of(name).backend.use == "openrlhf")
PAPER = [name for name in NAMES if name.startswith("paper/")]


@pytest.fixture(scope="module")
def pool_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """A pool of so many environments: copies of one of the starter pack."""
    original = open_environments(PoolSection(use="starter"), HOST).get("count-target")
    assert isinstance(original, Environment)
    folder = tmp_path_factory.mktemp("pools")

    @cache
    def make(size: int) -> Path:
        copies = (
            original.model_copy(update={"id": f"copy-{number:04}", "history_length": 5})
            for number in range(size)
        )
        write_pool(folder / str(size), copies)
        return folder / str(size)

    return make


@pytest.fixture
def dry_run(
    pool_of: Callable[[int], Path],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> DryRun:
    """What ``scaler run NAME --dry-run`` prints, with a pool of the recipe's size and no hub."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path_factory.mktemp("h")))

    def run(name: str, *settings: str) -> str:
        pool = recipe_of(name).pool.path
        if pool is not None:
            size = int(pool.rpartition("-")[2])
            settings = (f"pool.path={pool_of(size)}", *settings)
        # their questions would be fetched from a hub
        settings = ("evaluation.benchmarks=[]", *settings)
        changed = [word for setting in settings for word in ("--set", setting)]
        with pytest.raises(SystemExit) as ended:
            main(["run", name, "--dry-run", *changed])
        printed = capsys.readouterr()
        assert ended.value.code in (0, None), printed.err
        assert list(tmp_path.iterdir()) == [], "a dry run leaves nothing behind"
        return printed.out

    return run


def comments(printed: str, beginning: str) -> list[str]:
    return [line for line in printed.splitlines() if line.startswith(f"# {beginning}: ")]


def flags_of(printed: str) -> list[str]:
    (line,) = comments(printed, "command")
    return shlex.split(line.removeprefix(BEGINNING))


def test_the_recipes_that_are_promised_are_shipped() -> None:
    sizes, models = (8, 64, 512, 2739), ("1.7b", "4b")
    assert {f"paper/qwen3-{model}-{size}" for model in models for size in sizes} == set(PAPER)
    assert {"single-gpu", "multi-node"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_resolves_to_a_command_that_openrlhf_accepts(dry_run: DryRun, name: str) -> None:
    printed = dry_run(name)
    made = parse_flags(flags_of(printed))
    assert made.remarks == ()
    recipe = tomllib.loads(printed)
    assert made.arguments.rollout.batch_size == recipe["batch"]["prompts"]
    assert made.arguments.actor.model_name_or_path == recipe["backend"]["model"]
    (pool,) = comments(printed, "pool")
    size = recipe_of(name).pool.path
    if size is not None:
        assert f"pool: {size.rpartition('-')[2]} environments" in pool
    (machines,) = comments(printed, "machines")
    backend = recipe["backend"]
    assert f": {backend['nodes'] * backend['gpus_per_node']} GPUs; " in machines
    (memory,) = comments(printed, "memory")
    assert re.search(r"at least \d+\.\d GiB a GPU for training", memory)
    assert "activations not known" in memory, "nothing is fetched in tests"
    lengths = comments(printed, "lengths")
    assert f"responses up to {backend['max_response_tokens']} tokens" in lengths[-1]
    assert comments(printed, "instances") == [], "every instance that was looked at was made"


@pytest.mark.parametrize("name", NAMES)
def test_the_benchmarks_of_a_recipe_are_there(name: str) -> None:
    chosen = recipe_of(name).evaluation.benchmarks
    assert [HOST.find(Benchmark, item).name for item in chosen] == list(chosen)
    assert bool(chosen) == (name in PAPER)


@pytest.mark.parametrize("name", PAPER)
def test_the_papers_recipes_have_the_papers_settings(dry_run: DryRun, name: str) -> None:
    """Paper section 6."""
    printed = dry_run(name)
    made: Any = parse_flags(flags_of(printed)).arguments
    assert made.actor.model_name_or_path in ("Qwen/Qwen3-1.7B-Base", "Qwen/Qwen3-4B-Base")
    assert name.split("-")[1] in made.actor.model_name_or_path.lower()
    assert made.algo.advantage.estimator == "group_norm"
    assert (made.rollout.batch_size, made.rollout.n_samples_per_prompt) == (64, 8)
    assert made.train.batch_size == 512
    assert (made.actor.adam.lr, made.actor.adam.weight_decay) == (1e-6, 0)
    assert (made.actor.max_norm, made.actor.dual_clip) == (1, 10)
    assert made.actor.eps_clip_low_high == [0.2, 0.2]
    assert (made.algo.kl.init_coef, made.actor.loss_agg_mode) == (0, "token-mean")
    assert (made.rollout.temperature, made.rollout.top_p) == (1, 1)
    assert made.rollout.max_new_tokens == 8192
    assert made.vllm.tensor_parallel_size in (2, 4)
    assert made.actor.num_nodes == 1
    assert 4 <= made.actor.num_gpus_per_node <= 8
    recipe = tomllib.loads(printed)
    assert recipe["backend"]["warmup_steps"] == 20
    assert recipe["evaluation"]["every"] == recipe["checkpoint"]["every"] == 20
    small = name in ("paper/qwen3-4b-8", "paper/qwen3-4b-64")
    assert recipe["backend"]["max_prompt_tokens"] == (3072 if small else 4096)


def test_a_model_that_lies_here_has_its_prompts_measured(dry_run: DryRun) -> None:
    printed = dry_run(
        "single-gpu",
        "backend.model=tiny",
        "backend.max_prompt_tokens=60",
        "backend.max_response_tokens=100",
    )
    lowest, highest, _ = comments(printed, "lengths")
    assert "environments at level 0 have" in lowest
    assert "exceed the limit of 60" in highest
    (memory,) = comments(printed, "memory")
    assert re.search(r"about \d+\.\d GiB a GPU for training", memory)
    assert "activations not known" not in memory


def test_a_recipe_with_a_wrong_flag_costs_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["run", "single-gpu", "--dry-run", "--set", 'backend.flags=["--actor.optimiser x"]'])
    printed = capsys.readouterr()
    assert ended.value.code == 2
    assert printed.out == ""
    assert printed.err.startswith("scaler: OpenRLHF refuses its flags: ")
    assert "unrecognized arguments: --actor.optimiser x" in printed.err
    assert printed.err.count("\n") == 1


def test_a_dry_run_does_not_wait_for_a_hub_that_does_not_answer(
    dry_run: DryRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hub's client would try again for half a minute, and say so each time."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)

    def unreachable(url: str) -> None:
        raise httpx.ConnectError("no such host")

    monkeypatch.setattr("huggingface_hub.get_hf_file_metadata", unreachable)
    printed = dry_run("single-gpu")
    (looked, _) = comments(printed, "lengths")
    assert looked.endswith("Qwen/Qwen3-0.6B is not on this machine, and the hub does not answer")
    assert "at least" in comments(printed, "memory")[0]
