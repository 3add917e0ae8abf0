"""The work of ``scaler eval``: from what was typed to a finished evaluation."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scaler_core.cli.eval_report import EvaluationView
from scaler_core.cli.output import note
from scaler_core.cli.settings import parse_settings
from scaler_core.config import PromptSection
from scaler_core.endpoint import EndpointOptions, key_from
from scaler_core.errors import UsageError, unknown_name
from scaler_core.evaluation import EvaluationSummary, Plan, evaluate
from scaler_core.evaluation.directory import EvaluationDirectory
from scaler_core.evaluation.engines import choose_engine, open_engine
from scaler_core.evaluation.engines.base import LazyEngine, ModelEngine
from scaler_core.evaluation.tables import PAPER_BENCHMARKS
from scaler_core.jsonio import canonical_json
from scaler_core.options import parse_options
from scaler_core.plugins import PluginHost
from scaler_core.plugins.choosing import build_benchmarks
from scaler_core.run.model import find_model, prompt_of, shipped_models

ENDPOINT = "endpoint"


@dataclass(frozen=True)
class Wanted:
    """What was typed; ``scaler eval --help`` says what each is."""

    model: str
    benchmarks: str | None
    limit: int | None
    samples: int | None
    engine: str
    endpoint: str | None
    paths: Sequence[str]
    options: Sequence[str]
    seed: int
    max_tokens: int
    thinking: bool
    chat_template: Path | None
    best: bool
    leave_refused: bool
    output: Path | None


@dataclass(frozen=True)
class Answerer:
    """Who is to answer: its label, what tells it from others, and how it is loaded."""

    label: str
    identity: str
    engine: str
    lazy: LazyEngine


def evaluate_wanted(wanted: Wanted, host: PluginHost) -> tuple[Path, EvaluationSummary]:
    """The directory of the evaluation and what it came to; errors as for an evaluation.

    Everything that was typed is checked before a model is loaded.
    """
    names = _names(wanted.benchmarks)
    options = parse_settings(wanted.options, [*names, ENDPOINT])
    endpoint_options = options.pop(ENDPOINT, {})
    for name, path in _paths(wanted.paths, names).items():
        options.setdefault(name, {})["path"] = path
    by_endpoint = wanted.endpoint is not None or wanted.engine == ENDPOINT
    prompt = _prompt(wanted, PromptSection() if by_endpoint else prompt_of(wanted.model, host))
    built = build_benchmarks(host, names, options, where="--set", thinking=prompt.thinking)
    if by_endpoint:
        answerer = _at_endpoint(wanted, endpoint_options, prompt)
    else:
        answerer = _on_this_machine(wanted, prompt, host)
    plan = Plan.of(
        built,
        model=answerer.label,
        identity=canonical_json([answerer.identity, prompt.model_dump(mode="json")]),
        engine=answerer.engine,
        seed=wanted.seed,
        limit=wanted.limit,
        samples=wanted.samples,
        max_tokens=wanted.max_tokens,
    )
    name = answerer.label.replace("/", "-").replace(" ", "-")
    folder = wanted.output or Path("evaluations") / name
    _refuse_foreign(folder)
    with closing(answerer.lazy), closing(EvaluationView()) as view:
        try:
            return folder, evaluate(plan, answerer.lazy.ask, folder, view)
        except KeyboardInterrupt:
            view.close()
            note(f"interrupted; what was answered is kept in {folder}: the same command goes on")
            raise


def _on_this_machine(wanted: Wanted, prompt: PromptSection, host: PluginHost) -> Answerer:
    if wanted.leave_refused:
        raise UsageError(
            "--leave-refused is for servers", hint="give --endpoint URL, or leave it out"
        )
    engine = choose_engine(wanted.engine)
    model = find_model(wanted.model, shipped_models(host), best=wanted.best)

    def load() -> ModelEngine:
        note(f"loading {model.label} with {engine}")
        return open_engine(engine, model, prompt, wanted.max_tokens)

    return Answerer(model.label, model.identity, engine, LazyEngine(load))


def _at_endpoint(wanted: Wanted, given: dict[str, Any], prompt: PromptSection) -> Answerer:
    if wanted.engine not in ("auto", ENDPOINT):
        raise UsageError(
            f"--endpoint goes without --engine {wanted.engine}", hint="leave --engine out"
        )
    if wanted.endpoint is None:
        raise UsageError(
            "--engine endpoint needs the server's address",
            hint="--endpoint http://localhost:8000/v1",
        )
    if wanted.best or wanted.chat_template:
        raise UsageError("--best and --chat-template are for models on this machine")
    typed = {"url": wanted.endpoint, "model": wanted.model, **given}
    options = parse_options(EndpointOptions, typed, ENDPOINT)
    key = key_from(options, os.environ)

    def load() -> ModelEngine:
        from scaler_core.evaluation.engines.endpoint import EndpointEngine

        return EndpointEngine(
            options,
            key=key,
            max_tokens=wanted.max_tokens,
            leave_refused=wanted.leave_refused,
        )

    identity = canonical_json([options.url, options.model, options.extra])
    return Answerer(wanted.model, identity, ENDPOINT, LazyEngine(load))


def _refuse_foreign(folder: Path) -> None:
    """Raise where *folder* holds something else than an evaluation."""
    if not folder.exists() or EvaluationDirectory(folder).exists:
        return
    if not folder.is_dir() or any(not item.name.startswith(".") for item in folder.iterdir()):
        raise UsageError(
            f"{folder} holds something else than an evaluation", hint="name another folder with -o"
        )


def _prompt(wanted: Wanted, prompt: PromptSection) -> PromptSection:
    """*prompt* with what the command line says."""
    update: dict[str, Any] = {"thinking": wanted.thinking or prompt.thinking}
    if wanted.chat_template is not None:
        try:
            update["chat_template"] = wanted.chat_template.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"cannot read {wanted.chat_template}: {error}") from error
    return prompt.model_copy(update=update)


def _names(text: str | None) -> list[str]:
    if text is None:
        return list(PAPER_BENCHMARKS)
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise UsageError("--benchmarks names none", hint="e.g. --benchmarks math-500,aime24")
    return names


def _paths(texts: Sequence[str], names: Sequence[str]) -> dict[str, str]:
    """Files by benchmark, out of ``--path BENCH=FILE``."""
    found: dict[str, str] = {}
    for text in texts:
        name, equals, path = text.partition("=")
        if not equals or not path:
            raise UsageError(f"--path {text!r} is not of the form BENCHMARK=FILE")
        if name not in names:
            raise unknown_name("benchmark", name, names, where=f" in --path {text!r}")
        found[name] = path
    return found
