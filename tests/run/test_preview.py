"""What ``scaler run --dry-run`` says of a run's pool and of the lengths of its prompts."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from scaler_core.errors import UsageError
from scaler_core.factory import InstanceFailure
from scaler_core.interfaces import AnyEnvironment, CountTokens
from scaler_core.plugins import load_plugins
from scaler_core.pool import write_pool
from scaler_core.run.preview import LOOKED_AT, preview_run
from scaler_core.run.recipes import recipe_from
from scaler_core.run.setup import Parts, assemble
from scaler_core.testing.environments import program_environment
from scaler_plugins.backends.simulated import Simulated
from tests.run.worlds import ScriptedFactory

HOST = load_plugins()


class Counting(Simulated):
    """A backend that counts the letters x of a prompt, of which there are as many as its level."""

    limit = 3

    def prompt_limit(self) -> tuple[str, int]:
        return "letters", self.limit

    @classmethod
    def token_counter(cls, model: str) -> CountTokens:
        assert model == "letters"
        return lambda messages: str(messages[0]["content"]).partition(" ")[2].count("x")


class Speechless(Counting):
    """A backend that cannot count here."""

    @classmethod
    def token_counter(cls, model: str) -> CountTokens:
        raise UsageError("no tokenizer here", hint="install one")


def parts_of(folder: Path, count: int = 3, backend: type[Simulated] = Counting) -> Parts:
    """A run over *count* environments, whose top levels go from 2 up to 4 and begin again."""
    environments = [
        program_environment(id=f"e{index:03}", levels=tuple(range(3 + index % 3)))
        for index in range(count)
    ]
    write_pool(folder / "pool", environments)
    recipe = recipe_from({"pool": {"path": str(folder / "pool")}, "backend": {"use": "simulated"}})
    return dataclasses.replace(assemble(recipe, HOST), backend=backend())


def test_the_pool_is_told_with_its_top_levels_and_whether_it_is_trusted(tmp_path: Path) -> None:
    line = preview_run(parts_of(tmp_path), ScriptedFactory())[0]
    assert line == "pool: 3 environments, top levels 2 to 4; untrusted: sandboxed"
    shipped = assemble(recipe_from({"backend": {"use": "simulated"}}), HOST)
    assert preview_run(shipped, ScriptedFactory())[0].endswith("; shipped by a plugin")


def test_prompts_are_measured_at_the_lowest_and_at_the_top_level(tmp_path: Path) -> None:
    lines = preview_run(parts_of(tmp_path), ScriptedFactory())
    assert lines[1:] == [
        "lengths: prompts of 3 environments at level 0 have 0 to 0 tokens, all within 3",
        "lengths: prompts of 3 environments at the top level have 2 to 4 tokens, 1 exceed the "
        "limit of 3",
    ]


def test_a_large_pool_is_looked_at_here_and_there(tmp_path: Path) -> None:
    factory = ScriptedFactory()
    lines = preview_run(parts_of(tmp_path, count=100), factory)
    assert lines[0].startswith("pool: 100 environments")
    assert f"prompts of {LOOKED_AT} environments" in lines[1]
    looked_at = sorted({name for name, _, _ in factory.made})
    assert len(looked_at) == LOOKED_AT
    assert looked_at[0] == "e000"
    assert looked_at[-1] >= "e090", "spread over the whole pool"


def test_a_preview_looks_at_the_same_instances_each_time(tmp_path: Path) -> None:
    parts, factories = parts_of(tmp_path), (ScriptedFactory(), ScriptedFactory())
    for factory in factories:
        preview_run(parts, factory)
    assert factories[0].made == factories[1].made


def test_instances_that_cannot_be_made_are_counted_and_the_others_measured(tmp_path: Path) -> None:
    def answer(environment: AnyEnvironment, level: int, seed: int) -> InstanceFailure | str:
        broken = environment.id == "e001" or level == 4
        return InstanceFailure("generator_error", "it raised") if broken else "1"

    lines = preview_run(parts_of(tmp_path), ScriptedFactory(answer))
    assert lines[1].startswith("lengths: prompts of 2 environments at level 0")
    assert lines[2].startswith("lengths: prompts of 1 environments at the top level")
    assert lines[3:] == ["instances: 3 failed"]


def test_where_nothing_can_be_made_no_length_is_told(tmp_path: Path) -> None:
    factory = ScriptedFactory(lambda *_: InstanceFailure("infrastructure", "no compiler"))
    assert preview_run(parts_of(tmp_path), factory)[1:] == ["instances: 6 failed"]


def test_a_backend_that_cannot_count_here_says_why_and_nothing_is_made(tmp_path: Path) -> None:
    factory = ScriptedFactory()
    lines = preview_run(parts_of(tmp_path, backend=Speechless), factory)
    assert lines[1:] == ["lengths: not looked at: no tokenizer here"]
    assert factory.made == []


def test_without_a_limit_nothing_is_made(tmp_path: Path) -> None:
    factory = ScriptedFactory()
    assert len(preview_run(parts_of(tmp_path, backend=Simulated), factory)) == 1
    assert factory.made == []


# ------------------------------------------------------------------ the command


def dry_run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "scaler_core.cli", "run", "quickstart", "--dry-run"]
    done = subprocess.run(
        [*command, *arguments], cwd=folder, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert list(folder.iterdir()) == [], "a dry run leaves nothing behind"
    return done


def comments(text: str) -> list[str]:
    return [line.removeprefix("# ") for line in text.splitlines() if line.startswith("#")]


def test_a_dry_run_prints_a_recipe_that_can_be_run_and_its_preview_in_comments(
    tmp_path: Path,
) -> None:
    # the simulated backend has no model that could answer the grid
    settings = ("backend.use=simulated", "evaluation.seeds=0")
    done = dry_run(tmp_path, *(part for text in settings for part in ("--set", text)))
    assert comments(done.stdout) == [
        "pool: 8 environments, top levels 23 to 29; shipped by a plugin"
    ]
    again = recipe_from(tomllib.loads(done.stdout))
    assert again.backend.use == "simulated"
    assert (
        again.to_toml()
        == "\n".join(line for line in done.stdout.splitlines() if not line.startswith("#")) + "\n"
    )


@pytest.mark.local
def test_a_dry_run_of_the_local_backend_measures_prompts_with_its_tokenizer(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    done = dry_run(tmp_path, "--json", "--set", "backend.max_prompt_tokens=30")
    assert done.stdout.count("\n") == 1
    line: dict[str, Any] = json.loads(done.stdout)
    assert line["recipe"] == "quickstart"
    assert line["backend"]["max_prompt_tokens"] == 30
    pool, lowest, highest, memory = line["preview"]
    assert pool.startswith("pool: 8 environments")
    assert lowest.startswith("lengths: prompts of 8 environments at level 0 have ")
    assert lowest.endswith(" tokens, all within 30")
    assert highest.endswith(" exceed the limit of 30")
    assert memory.startswith("memory: up to ")
