"""The public library does everything that a command does, and a command is a shell over it."""

from __future__ import annotations

import ast
import inspect
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest

import scaler_core
from scaler_core.cli import cli, main
from scaler_core.errors import DataError, UsageError
from scaler_core.evaluation import Watcher
from scaler_core.pool import write_pool
from scaler_core.testing.endpoint import RecordedEndpoint
from scaler_core.testing.environments import program_environment
from tests.evaluation.questions import write_questions

# what does the work of each command, and of each of its options that is a work of its own
WORK: dict[str, tuple[str, ...]] = {
    "run": ("open_run",),
    "run --dry-run": ("open_run",),
    "run --list": ("list_recipes",),
    "run --resume": ("resume_run",),
    "eval": ("evaluate_model",),
    "eval --regrade": ("regrade_evaluations",),
    "eval --compare": ("read_evaluations", "compare_evaluations"),
    "pool import": ("import_pool", "look_at_pool"),
    "pool audit --fix": ("fix_pool",),
    "pool export": ("export_pool", "export_package"),
    "pool ls": ("list_environments",),
    "pool show": ("find_environment", "describe_environment"),
    "pool sample": ("sample_pool",),
    "pool audit": ("audit_pool", "build_sandbox"),
    "pool audit --against": ("compare_with_benchmarks",),
    "pool audit --tokenizer": ("token_counter",),
    "synth": ("open_synthesis",),
    "bench instances": ("measure_pool",),
    "serve": ("open_feed", "serve_feed"),
    "verify": ("grade",),
    "plugins": ("list_plugins",),
    "doctor": ("examine_machine",),
}
# how a function calls what a command has under another name; no name where only the command has it
NAMES: dict[str, dict[str, str]] = {
    "eval": {
        "paths": "options",
        "output": "folder",
        "graded_again": "",
        "compare": "",
        "as_markdown": "",
    },
    "pool import": {
        "output": "destination",
        "force": "overwrite",
        "look_s": "seconds",
        "sandbox": "make_sandbox",
        "allow_weak": "make_sandbox",
    },
    "pool export": {"output": "destination", "force": "overwrite"},
    "pool sample": {"allow_weak": "allow_weak_sandbox"},
    "bench instances": {"names": "environments", "allow_weak": "allow_weak_sandbox"},
    "serve": {"allow_weak": "overrides", "ticket_timeout": "ticket_timeout_s"},
    "verify": {"response": "text", "settings": "options"},
    "plugins": {},
    "doctor": {},
}
EVAL = ["--benchmarks", "bbeh", "--path", "bbeh=bbeh.jsonl", "--set", "bbeh.partial=true"]
QUESTIONS = {"bbeh": {"path": "bbeh.jsonl", "partial": True}}


def commands(group: click.Command = cli, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Every command that does something, as a person types it."""
    if not isinstance(group, click.Group):
        yield " ".join(path)
        return
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        assert found is not None
        yield from commands(found, (*path, name))


def command_of(text: str) -> click.Command:
    found: click.Command = cli
    for name in text.partition(" --")[0].split():
        assert isinstance(found, click.Group)
        inner = found.get_command(click.Context(found), name)
        assert inner is not None, f"there is no command {text}"
        found = inner
    return found


def names_used_by_commands() -> set[str]:
    """The names that the modules of the command line import and use."""
    folder = Path(scaler_core.__file__).parent / "cli"
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in folder.glob("*.py")]
    return {node.id for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Name)}


@pytest.fixture
def scaler(capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Runs a command with ``--json``; what it printed, read."""

    def run(*args: object) -> Any:
        with pytest.raises(SystemExit) as ended:
            main([*map(str, args), "--json"])
        out, err = capsys.readouterr()
        assert not ended.value.code, err
        return json.loads(out)

    return run


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with our own questions."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SCALER_ENDPOINT_KEY", raising=False)
    write_questions(tmp_path)
    return tmp_path


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    """A pool of two environments that only their ids tell apart."""
    write_pool(tmp_path / "pool", [program_environment(id=name) for name in ("first", "second")])
    return tmp_path / "pool"


# ------------------------------------------------------------------ the two lists


def test_every_command_has_a_function_of_the_library_that_does_its_work() -> None:
    assert {text.partition(" --")[0] for text in WORK} == set(commands())


@pytest.mark.parametrize("text", [text for text in WORK if "--" in text])
def test_an_option_that_is_listed_exists(text: str) -> None:
    option = f"--{text.partition('--')[2]}"
    assert any(option in parameter.opts for parameter in command_of(text).params)


@pytest.mark.parametrize("name", sorted({name for names in WORK.values() for name in names}))
def test_what_does_the_work_is_public_documented_and_called_by_the_command_line(name: str) -> None:
    assert name in scaler_core.__all__
    function = getattr(scaler_core, name)
    assert callable(function)
    assert inspect.getdoc(function)
    assert name in names_used_by_commands()


@pytest.mark.parametrize("text", sorted(NAMES))
def test_every_option_of_a_command_is_an_argument_of_the_function(text: str) -> None:
    functions = [getattr(scaler_core, name) for name in WORK[text]]
    arguments = {name for item in functions for name in inspect.signature(item).parameters}
    typed = [str(parameter.name) for parameter in command_of(text).params]
    wanted = [NAMES[text].get(option, option) for option in typed if option != "as_json"]
    assert [option for option in wanted if option and option not in arguments] == []


# ------------------------------------------------------------------ the same result


def test_a_served_model_is_scored_as_the_command_scores_it(
    folder: Path, scaler: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    with RecordedEndpoint(lambda request: "It is \\boxed{yes}.") as server:
        line = scaler("eval", "recorded", "--endpoint", server.url, *EVAL, "-o", "typed")
        asked = len(server.requests)
        done = scaler_core.evaluate_model(
            "recorded", ["bbeh"], endpoint=server.url, options=QUESTIONS, folder="called"
        )
        assert len(server.requests) == 2 * asked
    assert done.folder == Path("called")
    assert done.summary.average == line["average"] == 0.5
    typed = scaler_core.read_evaluations("typed")[0].summary
    assert done.summary.settings == typed.settings
    assert capsys.readouterr() == ("", "")

    compared = scaler("eval", "--compare", "typed", "--compare", "called")["comparison"]
    both = [*scaler_core.read_evaluations("typed"), *scaler_core.read_evaluations("called")]
    assert scaler_core.compare_evaluations(both).rows == compared["rows"]
    again = scaler_core.regrade_evaluations("called")
    assert [item.summary.average for item in again] == [0.5]


@pytest.mark.local
def test_the_tiny_model_is_scored_as_the_command_scores_it(
    folder: Path, scaler: Callable[..., Any]
) -> None:
    pytest.importorskip("transformers")
    line = scaler("eval", "tiny", *EVAL, "--max-tokens", "8", "-o", "typed")
    loaded: list[tuple[str, str]] = []

    class Loads(Watcher):
        def loading(self, model: str, engine: str) -> None:
            loaded.append((model, engine))

    settings: dict[str, Any] = {"options": QUESTIONS, "max_tokens": 8, "watcher": Loads()}
    kept = scaler_core.evaluate_model("tiny", ["bbeh"], folder="typed", **settings)
    assert loaded == []
    done = scaler_core.evaluate_model("tiny", ["bbeh"], **settings)
    assert loaded == [("tiny", done.summary.settings.engine)]
    assert done.folder == Path("evaluations/tiny")
    assert done.summary.settings == kept.summary.settings
    assert done.summary.average == kept.summary.average == line["average"]


def test_the_key_of_a_server_is_handed_in_and_never_looked_up(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCALER_ENDPOINT_KEY", "of-the-environment")
    with RecordedEndpoint(lambda request: "\\boxed{no}") as server:
        asked: dict[str, Any] = {"endpoint": server.url, "options": QUESTIONS}
        scaler_core.evaluate_model("recorded", ["bbeh"], folder="without", **asked)
        scaler_core.evaluate_model("recorded", ["bbeh"], folder="with", key="mine", **asked)
        sent = [request.headers.get("authorization", "") for request in server.requests]
    assert not any("of-the-environment" in header for header in sent)
    assert [header.endswith("mine") for header in sent] == [False, False, True, True]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"best": True}, "`best`: tiny is no run"),
        ({"leave_refused": True}, "`leave_refused` is for servers"),
        ({"engine": "endpoint"}, "`engine` endpoint needs the server's address"),
        ({"engine": "vlm"}, "unknown engine 'vlm'; did you mean 'vllm'"),
        ({"endpoint": "http://127.0.0.1:9/v1", "engine": "vllm"}, "`endpoint` goes without"),
        ({"endpoint": "http://127.0.0.1:9/v1", "best": True}, "`best` and `chat_template`"),
        ({"benchmarks": []}, "`benchmarks` names none"),
        ({"limit": 0}, "`limit` 0 is not allowed"),
        ({"options": {"bbeh": {"x": 1}}}, "unknown option '`options`.bbeh.x'"),
        ({"chat_template": "none.jinja"}, "cannot read none.jinja"),
        ({"folder": "."}, "name another folder with `folder`"),
    ],
)
def test_what_is_wrong_is_told_by_the_names_of_arguments(
    folder: Path, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError) as error:
        scaler_core.evaluate_model("tiny", **{"benchmarks": ["bbeh"], **arguments})
    assert message in str(error.value)
    assert "--" not in str(error.value)


def test_a_sample_is_that_of_the_command(
    pool: Path, scaler: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--env", "second", "--level", "max", "--seed", 3, "-n", 2)
    line = scaler("pool", "sample", pool, *options, "--sandbox", "process")
    sample = scaler_core.sample_pool(
        pool, "second", level="max", seed=3, count=2, sandbox="process"
    )
    found = [item.model_dump(mode="json") for item in sample.instances]
    assert found == line["instances"]
    assert (sample.level, sample.top_level) == (line["level"], line["top_level"])
    assert capsys.readouterr() == ("", "")


def test_an_environment_is_listed_and_described_as_by_the_commands(
    pool: Path, scaler: Callable[..., Any]
) -> None:
    rows = [item.model_dump(mode="json") for item in scaler_core.list_environments(pool)]
    assert rows == scaler("pool", "ls", pool)
    found = scaler_core.find_environment(pool, "second")
    described = scaler_core.describe_environment(found)
    assert json.loads(json.dumps(described)) == scaler("pool", "show", pool, "second")


def test_a_package_is_written_as_by_the_command(
    folder: Path, pool: Path, scaler: Callable[..., Any]
) -> None:
    options = ("--to", "verifiers", "--name", "mine", "--levels", "0-1")
    line = scaler("pool", "export", pool, *options, "-o", "typed")
    written = scaler_core.export_package(pool, "called", name="mine", levels="0-1")
    assert {**written.model_dump(mode="json"), "path": "typed"} == line
    assert files_of(Path("called")) == files_of(Path("typed"))
    assert "mine/pool/manifest.json" in files_of(Path("called"))


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_pool_is_compared_with_benchmarks_as_the_command_does(
    folder: Path, pool: Path, scaler: Callable[..., Any]
) -> None:
    against = ("--against", "bbeh=bbeh.jsonl", "--set", "bbeh.partial=true")
    line = scaler("pool", "audit", pool, *against)
    found = scaler_core.compare_with_benchmarks(pool, QUESTIONS)
    dumped = found.model_dump(mode="json")
    assert {key: line[key] for key in dumped} == dumped


def test_an_audit_needs_no_more_than_a_pool() -> None:
    settings = scaler_core.AuditSettings(levels=("min",), instances=2)
    audits = scaler_core.audit_pool("starter", environments=["longest-run"], settings=settings)
    assert [audit.environment_id for audit in audits] == ["longest-run"]


def test_measuring_a_pool_notifies_instead_of_printing(
    pool: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines: list[str] = []
    figures = scaler_core.measure_pool(
        pool, environments=["first"], level=1, seconds=0.2, batch=2, workers=1,
        sandbox="process", report=lines.append,
    )  # fmt: skip
    assert [row.level for row in figures.environments] == [1]
    assert lines[0] == "1 environments in sandbox 'process'"
    assert capsys.readouterr() == ("", "")
    solution = program_environment().problem.solutions[0].model_copy(update={"source": "1/0"})
    broken = write_pool_of(pool.with_name("broken"), solutions=(solution, solution))
    with pytest.raises(DataError, match="no instance was made: "):
        scaler_core.measure_pool(broken, seconds=0.1, batch=1, workers=1, sandbox="process")


def write_pool_of(path: Path, **changes: Any) -> Path:
    write_pool(path, [program_environment(**changes)])
    return path


def test_plugins_recipes_and_the_machine_are_what_the_commands_show(
    scaler: Callable[..., Any],
) -> None:
    for kind in (None, "controllers"):
        records = [item.model_dump(mode="json") for item in scaler_core.list_plugins(kind)]
        assert records == scaler("plugins", *(["--kind", kind] if kind else []))
    recipes = scaler_core.list_recipes()
    assert [item.error for item in recipes] == [None] * len(recipes)
    assert [item.name for item in recipes] == [row["name"] for row in scaler("run", "--list")]
    line = scaler("doctor")
    findings = scaler_core.examine_machine()
    assert [f"{item.area}/{item.name}" for item in findings] == [
        f"{item['area']}/{item['name']}" for item in line["findings"]
    ]


def test_a_synthesis_is_opened_and_refused_as_by_the_command(
    tmp_path: Path, scaler: Callable[..., Any]
) -> None:
    problems = tmp_path / "problems.jsonl"
    problems.write_text("")
    options = scaler_core.SynthesisOptions(stage="filter")
    report = scaler_core.open_synthesis(problems, tmp_path / "called", options).run()
    line = scaler("synth", problems, "-o", tmp_path / "typed", "--stage", "filter")
    assert report.model_dump(mode="json")["yields"] == line["yields"]
    with pytest.raises(UsageError, match="was begun already"):
        scaler_core.open_synthesis(problems, tmp_path / "called", options, resume=False)
