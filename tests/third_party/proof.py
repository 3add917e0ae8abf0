"""The proof that outsiders can extend SCALER, and that none of them can break it.

``nox -s third_party`` runs this file. It builds our wheel and the wheel of the example plugin,
installs both into a clean environment without torch, and uses them as a person would: through the
``scaler`` command. Then the example is broken in five ways, each a small patch, and installed
again.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = Path(__file__).resolve().parent / "scaler-example-plugin"
PLAIN_RECIPE = """\
[run]
steps = 3
[batch]
prompts = 4
[backend]
use = "simulated"
"""

JUDGE = """
from scaler_core import open_pool
from scaler_core.factory.native import NativeLimits, NativeWorkers
from scaler_core.models import Response, Ticket

environment = open_pool("example-pack").get("example-factors")
workers = NativeWorkers(1, NativeLimits())
(instance,) = workers.make(environment, 3, [1])
ticket = Ticket(
    id="1", step=1, environment_id=environment.id, level=3, seed=1,
    messages=instance.messages, truth=instance.truth, verifier=instance.verifier,
)
for answer in (instance.truth, "1 x 1"):
    print(workers.score(Response(text="\\\\boxed{" + answer + "}"), ticket).result)
workers.close()
"""


@dataclass(frozen=True)
class Broken:
    """A way to break the example: in *file* of its package, *old* becomes *new*."""

    name: str
    file: str
    old: str
    new: str
    reason: str


WAYS = [
    Broken(
        "raises at import",
        "plugin.py",
        'SCALER_HOOK_API = "2.0"',
        'raise RuntimeError("no licence found")',
        "importing scaler_example.plugin raised RuntimeError: no licence found",
    ),
    Broken(
        "misspelt hook",
        "plugin.py",
        "def scaler_register_curators()",
        "def scaler_register_curater()",
        "unknown hook 'scaler_register_curater'; did you mean 'scaler_register_curators'?",
    ),
    Broken(
        "wrong argument",
        "plugin.py",
        "def scaler_register_controllers()",
        "def scaler_register_controllers(config)",
        "a hook does not fit its specification",
    ),
    Broken(
        "incompatible API version",
        "plugin.py",
        'SCALER_HOOK_API = "2.0"',
        'SCALER_HOOK_API = "1.0"',
        "written for hook API 1.0, but this SCALER has 2.",
    ),
    Broken(
        "duplicate name",
        "staircase.py",
        'name = "staircase"',
        'name = "proportional"',
        "controller 'proportional' (scaler_example.staircase.Staircase) is already provided by "
        "plugin 'controllers' (scaler-rl ",
    ),
]


@dataclass(frozen=True)
class Result:
    """What a command did; shown whole when a test fails."""

    command: list[str]
    code: int
    stdout: str
    stderr: str

    def json(self):
        """The one line of JSON on stdout."""
        assert self.stdout.count("\n") == 1, self
        return json.loads(self.stdout)

    def errors(self) -> list[str]:
        """The lines of stderr that end a command."""
        return [line for line in self.stderr.splitlines() if line.startswith("scaler: ")]


@dataclass(frozen=True)
class Environment:
    """A clean virtual environment and a folder to work in."""

    folder: Path

    def pip_install(self, *arguments: str) -> None:
        self._check("python", "-m", "pip", "install", "-q", *arguments)

    def scaler(self, *arguments: str) -> Result:
        return self.run("scaler", *arguments)

    def run(self, program: str, *arguments: str) -> Result:
        # an empty folder to work in and no PYTHONPATH: only what is installed can be imported
        command = [str(self.folder / "bin" / program), *arguments]
        work = self.folder / "work"
        work.mkdir(exist_ok=True)
        variables = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        done = subprocess.run(command, capture_output=True, text=True, cwd=work, env=variables)
        return Result(command, done.returncode, done.stdout, done.stderr)

    def _check(self, program: str, *arguments: str) -> None:
        result = self.run(program, *arguments)
        assert result.code == 0, result


def build_wheel(project: Path, out: Path) -> Path:
    """The wheel of *project*, built by this environment's hatchling."""
    before = set(out.glob("*.whl"))
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", str(out), str(project)],
        check=True,
        capture_output=True,
    )
    (wheel,) = set(out.glob("*.whl")) - before
    return wheel


READ_EVENTS = """
import json, sys
from scaler_core import read_events

print(json.dumps([event.model_dump(mode="json") for event in read_events(sys.argv[1])]))
"""


def events(environment: Environment, run: Path) -> list[dict]:
    return json.loads(environment.run("python", "-c", READ_EVENTS, str(run)).stdout)


@pytest.fixture(scope="session")
def example_wheel(tmp_path_factory) -> Path:
    return build_wheel(EXAMPLE, tmp_path_factory.mktemp("example"))


@pytest.fixture(scope="session")
def our_wheel(tmp_path_factory) -> Path:
    return build_wheel(ROOT, tmp_path_factory.mktemp("ours"))


@pytest.fixture(scope="session")
def clean(tmp_path_factory, our_wheel, example_wheel) -> Environment:
    """Both wheels and the core's own dependencies; nothing else."""
    folder = tmp_path_factory.mktemp("clean")
    venv.create(folder, with_pip=True)
    environment = Environment(folder)
    environment.pip_install("-c", str(ROOT / "constraints.txt"), str(our_wheel), str(example_wheel))
    return environment


@pytest.fixture
def whole(clean, example_wheel) -> Environment:
    clean.pip_install("--no-deps", "--force-reinstall", str(example_wheel))
    return clean


@pytest.fixture(params=WAYS, ids=lambda way: way.name)
def broken(request, clean, tmp_path) -> Iterator[tuple[Environment, Broken]]:
    way = request.param
    project = tmp_path / "project"
    shutil.copytree(EXAMPLE, project)
    path = project / "src" / "scaler_example" / way.file
    source = path.read_text()
    assert source.count(way.old) == 1
    path.write_text(source.replace(way.old, way.new))
    wheel = build_wheel(project, tmp_path)
    clean.pip_install("--no-deps", "--force-reinstall", str(wheel))
    return clean, way


def test_our_wheel_holds_what_it_reads_and_no_tool_of_ours(our_wheel):
    names = zipfile.ZipFile(our_wheel).namelist()
    folders = {name.split("/")[0] for name in names}
    (metadata,) = (name for name in folders if name.endswith(".dist-info"))
    assert folders == {"scaler_core", "scaler_plugins", metadata}
    assert not [name for name in names if "/problems/" in name or "/tests/" in name]
    starter = "scaler_plugins/environments/starter/"
    assert sorted(name for name in names if name.startswith(starter)) == [
        f"{starter}__init__.py",
        f"{starter}starter-numbers.json",
        f"{starter}starter-plans.json",
        f"{starter}starter-words.json",
        f"{starter}starter.json",
    ]


def test_the_clean_environment_holds_no_torch(clean):
    result = clean.run("python", "-c", "import torch")
    assert "ModuleNotFoundError" in result.stderr


def test_the_plugin_is_listed_with_all_it_provides(whole):
    result = whole.scaler("plugins", "--json")
    assert (result.code, result.stderr) == (0, ""), result
    record = next(item for item in result.json() if item["name"] == "example")
    assert record["status"] == "loaded"
    assert (record["distribution"], record["version"]) == ("scaler-example-plugin", "1.0")
    assert record["kinds"] == {
        "environments": ["example-pack"],
        "controller": ["staircase"],
        "curator": ["rotation"],
    }


def test_a_run_trains_with_its_environments_controller_and_curator(whole, tmp_path):
    run = tmp_path / "run"
    result = whole.scaler("run", "example", "--run-dir", str(run), "--json")
    assert result.code == 0, result
    line = result.json()
    assert (line["run_dir"], line["steps"]) == (str(run), 24)
    assert line["retired"] == 7, "a turn of 3 steps in 24 steps ends 7 times before the last"
    assert line["mean_difficulty_end"] > line["mean_difficulty_start"] == 0

    happened = events(whole, run)
    environments = {item["environment_id"] for item in happened if item["environment_id"]}
    assert environments == {"example-clock", "example-factors"}
    retired = [item for item in happened if item["kind"] == "retired"]
    assert {item["reason"] for item in retired} == {"turn-over"}
    assert {item["reason"] for item in happened if item["kind"] == "admitted"} == {"next"}
    moves = [
        abs(item["evidence"]["after"] - item["evidence"]["before"])
        for item in happened
        if item["kind"] == "difficulty"
    ]
    assert moves
    assert set(moves) <= {0.0, 1.0}, "the staircase moves by whole levels"

    described = json.loads((run / "environment.json").read_text())
    assert "scaler-example-plugin" in {item["distribution"] for item in described["plugins"]}


def test_its_environments_give_instances(whole):
    for environment in ("example-clock", "example-factors"):
        arguments = ("--env", environment, "--level", "max", "--seed", "1", "-n", "2", "--json")
        result = whole.scaler("pool", "sample", "example-pack", *arguments)
        assert result.code == 0, result
        assert "\\\\boxed" in result.stdout


def test_its_environment_judges_responses_in_a_worker(whole):
    result = whole.run("python", "-c", JUDGE)
    assert (result.code, result.stdout.split()) == (0, ["correct", "incorrect"]), result


def test_a_wrong_option_of_it_stops_before_the_run(whole, tmp_path):
    run = tmp_path / "run"
    override = ("--set", "controller.god=1")
    result = whole.scaler("run", "example", "--run-dir", str(run), *override)
    assert result.code == 2, result
    (error,) = result.errors()
    assert "god" in error
    assert "good" in error
    assert not run.exists()


def test_its_own_tests_pass_with_our_kit(whole, tmp_path):
    whole.pip_install("-c", str(ROOT / "constraints.txt"), "pytest")
    shutil.copytree(EXAMPLE, tmp_path / "copy")
    result = whole.run("python", "-m", "pytest", "-q", "--rootdir", str(tmp_path / "copy"),
                       str(tmp_path / "copy" / "tests"))  # fmt: skip
    assert result.code == 0, result


def test_it_can_be_disabled(whole, monkeypatch):
    monkeypatch.setenv("SCALER_DISABLE_PLUGINS", "example")
    result = whole.scaler("plugins", "--json")
    assert {item["name"]: item["status"] for item in result.json()}["example"] == "disabled"
    needing = whole.scaler("run", "example")
    assert needing.code == 2, needing


def test_a_broken_plugin_is_listed_with_the_reason(broken):
    environment, way = broken
    result = environment.scaler("plugins", "--json")
    assert result.code == 0, result
    records = {item["name"]: item for item in result.json()}
    assert records["example"]["status"] == "failed"
    assert way.reason in records["example"]["error"]
    assert {item["status"] for name, item in records.items() if name != "example"} == {"loaded"}
    (line,) = result.stderr.splitlines()
    assert line.startswith("warning: plugin 'example' (scaler-example-plugin 1.0) failed: ")


def test_a_run_that_does_not_need_a_broken_plugin_works(broken, tmp_path):
    environment, _ = broken
    recipe = tmp_path / "plain.toml"
    recipe.write_text(PLAIN_RECIPE)
    result = environment.scaler("run", str(recipe), "--run-dir", str(tmp_path / "run"), "--json")
    assert result.code == 0, result
    assert result.json()["steps"] == 3


def test_a_run_that_needs_a_broken_plugin_ends_with_one_line_that_names_it(broken, tmp_path):
    environment, way = broken
    recipe = EXAMPLE / "src" / "scaler_example" / "recipes" / "example.toml"
    result = environment.scaler("run", str(recipe), "--run-dir", str(tmp_path / "run"), "--json")
    assert result.code == 2, result
    assert result.stdout == ""
    (error,) = result.errors()
    assert "plugin 'example'" in error
    assert way.reason in error
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "run").exists()
