"""What commands do and no single room does: instances without a run, models scored by name.

With what the rooms offer themselves (``scaler_core.__all__`` lists all of it) this is everything
that the command line does. Nothing here prints, reads the environment or exits. An error that is
about an argument has the argument's name in backticks: a command puts its flag there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from scaler_core.config import PromptSection
from scaler_core.endpoint import EndpointOptions
from scaler_core.errors import UsageError, unknown_name
from scaler_core.evaluation import FinishedEvaluation, Plan, Watcher, evaluate, regrade
from scaler_core.evaluation.directory import EvaluationDirectory
from scaler_core.evaluation.engines import LOCAL_ENGINES, choose_engine, open_engine
from scaler_core.evaluation.engines.base import LazyEngine, ModelEngine
from scaler_core.evaluation.finished import find_evaluations
from scaler_core.evaluation.tables import PAPER_BENCHMARKS
from scaler_core.factory import InstanceResult
from scaler_core.factory.local import LocalFactory
from scaler_core.interfaces import (
    AnyEnvironment,
    EnvironmentPack,
    EnvironmentSource,
    NativeEnvironment,
)
from scaler_core.jsonio import canonical_json
from scaler_core.models import ComponentChoice, PromptStyle
from scaler_core.options import parse_options
from scaler_core.plugins import PluginHost, load_plugins
from scaler_core.plugins.choosing import AUTO, build_benchmarks, build_sandbox
from scaler_core.pool import PoolSample, find_environment, open_pool, sample_instances
from scaler_core.pool.browsing import parse_level
from scaler_core.run.benchmarks import write_figures
from scaler_core.run.model import find_model, prompt_of, shipped_models

ENDPOINT: Final = "endpoint"
ENGINES: Final = (AUTO, *LOCAL_ENGINES, ENDPOINT)
MAX_TOKENS: Final = 8192
"""Where a response is cut off by default."""


# ------------------------------------------------------------------ instances


def make_instances(
    environment: AnyEnvironment,
    level: int,
    seeds: Iterable[int],
    *,
    style: PromptStyle = "paper",
    sandbox: str = AUTO,
    allow_weak_sandbox: bool = False,
    host: PluginHost | None = None,
) -> list[InstanceResult]:
    """The instance, or the named failure, of each seed: the same arguments give the same result.

    For many calls keep one :class:`~scaler_core.factory.local.LocalFactory` instead: this starts
    and ends its workers each time.

    Args:
        environment: From :func:`scaler_core.open_pool`, say.
        level: Its difficulty.
        seeds: One instance each.
        style: How the instance is put to a model.
        sandbox: What runs the programs.
        allow_weak_sandbox: Whether that may be one which does not contain attacks.
        host: Installed plugins, where they are loaded already.

    Raises:
        UsageError: The environment has no such level, or no sandbox can run here.
    """
    box = build_sandbox(
        ComponentChoice(use=sandbox),
        host or load_plugins(),
        untrusted=not isinstance(environment, NativeEnvironment),
        allow_weak=allow_weak_sandbox,
    )
    with closing(LocalFactory(box, prompt_style=style)) as factory:
        return factory.make(environment, level, list(seeds))


def sample_pool(
    pool: str | Path | EnvironmentSource,
    environment: str,
    *,
    level: int | str = "min",
    seed: int = 0,
    count: int = 1,
    style: PromptStyle = "paper",
    sandbox: str = AUTO,
    allow_weak_sandbox: bool = False,
    host: PluginHost | None = None,
) -> PoolSample:
    """Instances of one environment; the k-th does not depend on *count*.

    A seed that gives no valid instance is replaced, as in a run, and named in the result.

    Args:
        pool: Path or name of a pool, or one that is open.
        environment: Id or name of the environment.
        level: A number from 0 to its top level, or ``min``, ``mid``, ``max``.
        seed: Equal seeds, equal sample; neighbouring seeds share no instance.
        count: How many.
        style: How instances are put to a model.
        sandbox: What runs the programs.
        allow_weak_sandbox: Whether that may be one which does not contain attacks, for a pool that
            no installed plugin ships.
        host: Installed plugins, where they are loaded already.

    Raises:
        UsageError: There is no such pool, environment or level, or no sandbox can run here.
        DataError: The pool is damaged, or the environment gives no valid instance.
        InfrastructureError: The machine cannot make an instance.
    """
    host = host or load_plugins()
    source = open_pool(pool, host.classes(EnvironmentPack))
    found = find_environment(source, environment)
    number = parse_level(str(level), found.top_level)
    box = build_sandbox(
        ComponentChoice(use=sandbox),
        host,
        untrusted=not source.trusted,
        allow_weak=allow_weak_sandbox,
    )
    with closing(LocalFactory(box, prompt_style=style)) as factory:
        return sample_instances(found, number, seed, count, factory)


# ------------------------------------------------------------------ evaluations


def evaluate_model(
    model: str | Path,
    benchmarks: Sequence[str] = PAPER_BENCHMARKS,
    *,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    limit: int | None = None,
    samples: int | None = None,
    seed: int = 0,
    max_tokens: int = MAX_TOKENS,
    engine: str = AUTO,
    endpoint: str | EndpointOptions | None = None,
    key: str = "",
    leave_refused: bool = False,
    thinking: bool = False,
    chat_template: str | Path | None = None,
    best: bool = False,
    folder: str | Path | None = None,
    watcher: Watcher | None = None,
    host: PluginHost | None = None,
) -> FinishedEvaluation:
    """Score a model on benchmarks; what *folder* holds of it already is not asked again.

    Everything that is asked for is checked before a model is loaded, and none is loaded where
    every response is there. An interrupt keeps what was answered: the same call goes on.

    Args:
        model: A model that a backend ships (``tiny``), the folder of a Hugging Face model, a run,
            one of its checkpoints, or an id of the hub; with *endpoint*, the name on the server.
            Models and checkpoints of a run are asked as its recipe says.
        benchmarks: Their names, each once; the paper's five by default.
        options: Options of benchmarks by name, such as ``{"math-500": {"path": "math.parquet"}}``.
        limit: Questions of each benchmark, always the same ones; all when ``None``.
        samples: Responses to each question; as many as the benchmark says when ``None``.
        seed: Root of all sampling.
        max_tokens: Where a response is cut off.
        engine: One of :data:`ENGINES`; ``auto`` is the endpoint where one is given, else vLLM where
            it is installed and sees a GPU, else transformers.
        endpoint: URL of an OpenAI-compatible server, or all options of one.
        key: The server's key; empty where it needs none.
        leave_refused: Whether questions that the server refuses stay undecided; otherwise they end
            the evaluation unfinished.
        thinking: Whether the model thinks before it answers.
        chat_template: File of a Jinja chat template, instead of the tokenizer's own.
        best: Whether *model* is a run whose best checkpoint is meant.
        folder: Where everything is kept; ``evaluations/MODEL`` when ``None``.
        watcher: Told how far it is.
        host: Installed plugins, where they are loaded already.

    Returns:
        The scores, and the folder that they and all responses lie in.

    Raises:
        UsageError: A name, an option or a file does not exist, arguments contradict each other, the
            engine cannot run here, or *folder* holds something else. Nothing was asked.
        DataError: Questions, or what *folder* holds, are damaged.
        InfrastructureError: The hub or the model did not answer; what was answered is kept.
    """
    name, watcher, host = str(model), watcher or Watcher(), host or load_plugins()
    _check_numbers(limit=limit, samples=samples, max_tokens=max_tokens)
    if engine not in ENGINES:
        raise unknown_name("engine", engine, ENGINES)
    if not benchmarks:
        raise UsageError("`benchmarks` names none", hint=f"known: {', '.join(PAPER_BENCHMARKS)}")
    at_server = endpoint is not None or engine == ENDPOINT
    prompt = PromptSection() if at_server else prompt_of(name, host)
    prompt = _changed(prompt, thinking, chat_template)
    built = build_benchmarks(host, benchmarks, options or {}, where="`options`", prompt=prompt)
    if at_server:
        if best or chat_template is not None:
            raise UsageError("`best` and `chat_template` are for models on this machine")
        server = _server(name, engine, endpoint)
        answerer = _at_server(name, server, key, max_tokens, leave_refused)
    elif leave_refused:
        raise UsageError(
            "`leave_refused` is for servers", hint="give `endpoint` URL, or leave it out"
        )
    else:
        answerer = _on_this_machine(name, engine, prompt, max_tokens, best, watcher, host)
    plan = Plan.of(
        built,
        model=answerer.label,
        # How a thought is marked decides what is read in a response, not how it is made.
        identity=canonical_json(
            [answerer.identity, prompt.model_dump(mode="json", exclude={"thoughts"})]
        ),
        engine=answerer.engine,
        seed=seed,
        limit=limit,
        samples=samples,
        max_tokens=max_tokens,
    )
    label = answerer.label.replace("/", "-").replace(" ", "-")
    place = Path("evaluations") / label if folder is None else Path(folder)
    _refuse_foreign(place)
    with closing(answerer.lazy):
        return FinishedEvaluation(place, evaluate(plan, answerer.lazy.ask, place, watcher))


def regrade_evaluations(
    path: str | Path, *, watcher: Watcher | None = None, host: PluginHost | None = None
) -> list[FinishedEvaluation]:
    """Grade the responses in *path* once more; no model is asked.

    Args:
        path: An evaluation's directory, or a run's. Of a run, all finished evaluations are graded,
            and one that was interrupted is left for the run's resume.
        watcher: Told how far it is.
        host: Installed plugins, where they are loaded already.

    Raises:
        UsageError: There is no evaluation, or another process is at it.
        DataError: It is damaged, or was interrupted before all was answered.
    """
    path, host = Path(path), host or load_plugins()
    directories = find_evaluations(path)
    if not directories:
        raise UsageError(f"{path} holds no evaluation", hint="scaler eval MODEL -o DIR makes one")
    done = []
    for directory in [item for item in directories if item.summary.is_file()] or directories:
        choices = directory.settings().benchmarks
        built = build_benchmarks(
            host,
            [choice.use for choice in choices],
            {choice.use: choice.options for choice in choices},
            where=str(directory.path / "evaluation.json"),
        )
        summary = regrade(directory.path, built, watcher)
        done.append(FinishedEvaluation(directory.path, summary))
    if directories[0].path != path:
        write_figures(path / "evaluation")
    return done


@dataclass(frozen=True)
class _Answerer:
    """Who is to answer: its label, what tells it from others, and how it is loaded."""

    label: str
    identity: str
    engine: str
    lazy: LazyEngine


def _on_this_machine(
    name: str,
    engine: str,
    prompt: PromptSection,
    max_tokens: int,
    best: bool,
    watcher: Watcher,
    host: PluginHost,
) -> _Answerer:
    chosen = choose_engine(engine)
    model = find_model(name, shipped_models(host), best=best)

    def load() -> ModelEngine:
        watcher.loading(model.label, chosen)
        return open_engine(chosen, model, prompt, max_tokens)

    return _Answerer(model.label, model.identity, chosen, LazyEngine(load))


def _server(name: str, engine: str, endpoint: str | EndpointOptions | None) -> EndpointOptions:
    """The server that is to be asked for the model *name*."""
    if engine not in (AUTO, ENDPOINT):
        raise UsageError(f"`endpoint` goes without `engine` {engine}", hint="leave `engine` out")
    if endpoint is None:
        raise UsageError(
            "`engine` endpoint needs the server's address",
            hint="`endpoint` http://localhost:8000/v1",
        )
    if isinstance(endpoint, EndpointOptions):
        return endpoint
    return parse_options(EndpointOptions, {"url": endpoint, "model": name}, ENDPOINT)


def _at_server(
    name: str, options: EndpointOptions, key: str, max_tokens: int, leave_refused: bool
) -> _Answerer:
    def load() -> ModelEngine:
        from scaler_core.evaluation.engines.endpoint import EndpointEngine

        return EndpointEngine(options, key=key, max_tokens=max_tokens, leave_refused=leave_refused)

    identity = canonical_json([options.url, options.model, options.extra])
    return _Answerer(name, identity, ENDPOINT, LazyEngine(load))


def _check_numbers(**numbers: int | None) -> None:
    for name, number in numbers.items():
        if number is not None and number < 1:
            raise UsageError(f"`{name}` {number} is not allowed: it must be at least 1")


def _changed(
    prompt: PromptSection, thinking: bool, chat_template: str | Path | None
) -> PromptSection:
    """*prompt* with what the caller says of it."""
    update: dict[str, Any] = {"thinking": thinking or prompt.thinking}
    if chat_template is not None:
        try:
            update["chat_template"] = Path(chat_template).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"cannot read {chat_template}: {error}") from error
    return prompt.model_copy(update=update)


def _refuse_foreign(folder: Path) -> None:
    """Raise where *folder* holds something else than an evaluation."""
    if not folder.exists() or EvaluationDirectory(folder).exists:
        return
    if not folder.is_dir() or any(not item.name.startswith(".") for item in folder.iterdir()):
        raise UsageError(
            f"{folder} holds something else than an evaluation",
            hint="name another folder with `folder`",
        )
