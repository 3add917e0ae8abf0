"""``scaler eval``: score a model on benchmarks, grade again, compare."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, redirect_stdout
from pathlib import Path
from typing import Any, Final

import click

from scaler_core.cli.eval_report import (
    EvaluationView,
    comparison_json,
    print_comparison,
    print_summary,
    summary_json,
)
from scaler_core.cli.output import (
    NamedPath,
    emit_json,
    json_option,
    load_host,
    naming_flags,
    note,
)
from scaler_core.endpoint import EndpointOptions, key_from
from scaler_core.errors import UsageError, unknown_name
from scaler_core.evaluation import FinishedEvaluation, compare_evaluations, read_evaluations
from scaler_core.evaluation.tables import PAPER_BENCHMARKS
from scaler_core.library import (
    ENDPOINT,
    ENGINES,
    MAX_TOKENS,
    evaluate_model,
    regrade_evaluations,
)
from scaler_core.options import parse_options, parse_settings

FLAGS: Final = {
    "benchmarks": "--benchmarks",
    "best": "--best",
    "chat_template": "--chat-template",
    "endpoint": "--endpoint",
    "engine": "--engine",
    "folder": "-o",
    "leave_refused": "--leave-refused",
    "limit": "--limit",
    "max_tokens": "--max-tokens",
    "options": "--set",
    "samples": "--samples",
}


@click.command("eval")
@click.argument("model", required=False)
@click.option("--benchmarks", help="Names with commas between; the paper's five when not given.")
@click.option("--limit", type=click.IntRange(1), help="Questions of each benchmark.")
@click.option("--samples", type=click.IntRange(1), help="Responses to each question.")
@click.option(
    "--engine",
    type=click.Choice(ENGINES),
    default="auto",
    show_default=True,
    help="What runs the model.",
)
@click.option("--endpoint", metavar="URL", help="Ask this server; MODEL is the name it serves.")
@click.option(
    "--path",
    "paths",
    multiple=True,
    metavar="BENCH=FILE",
    help="A file with the questions of a benchmark; may be repeated.",
)
@click.option(
    "--set",
    "options",
    multiple=True,
    metavar="BENCH.OPTION=VALUE",
    help="An option of a benchmark, or of the endpoint; may be repeated.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Root of all sampling.")
@click.option(
    "--max-tokens",
    type=click.IntRange(1),
    default=MAX_TOKENS,
    show_default=True,
    help="Where a response is cut off.",
)
@click.option("--thinking", is_flag=True, help="The model thinks before it answers.")
@click.option(
    "--chat-template",
    type=NamedPath(exists=True, dir_okay=False, path_type=Path),
    help="A Jinja chat template instead of the tokenizer's own.",
)
@click.option(
    "--leave-refused",
    is_flag=True,
    help="Leave undecided what the server of --endpoint refuses to answer.",
)
@click.option("--best", is_flag=True, help="MODEL is a run: take its best checkpoint.")
@click.option(
    "-o",
    "--output",
    type=NamedPath(path_type=Path),
    help="Where everything is kept, and gone on with; evaluations/MODEL when not given.",
)
@click.option(
    "--regrade",
    "graded_again",
    type=NamedPath(path_type=Path),
    metavar="DIR",
    help="Grade the responses of an evaluation, or of a run's, once more; no model is asked.",
)
@click.option(
    "--compare",
    multiple=True,
    type=NamedPath(path_type=Path),
    metavar="DIR",
    help="Show finished evaluations, or those of a run, side by side; may be repeated.",
)
@click.option("--markdown", "as_markdown", is_flag=True, help="Print tables as Markdown.")
@json_option
def command(
    model: str | None,
    graded_again: Path | None,
    compare: tuple[Path, ...],
    as_markdown: bool,
    as_json: bool,
    **asked: Any,
) -> None:
    """Score a model on benchmarks.

    MODEL is a model that comes with SCALER (tiny), a folder, the directory of a run, or an id of
    the Hugging Face hub. What was answered is kept: the same command goes on where it stopped.
    """
    if (model and graded_again) or not (model or graded_again or compare):
        raise UsageError(
            "name a MODEL, or give --regrade DIR or --compare DIR", hint="see scaler eval --help"
        )
    others = [found for path in compare for found in read_evaluations(path)]
    host = load_host()
    done: list[FinishedEvaluation] = []
    # a library that prints must not spoil the one line of JSON on stdout
    with redirect_stdout(sys.stderr), _watching() as view:
        if model is not None:
            with naming_flags(FLAGS):
                wanted = _arguments(model, **asked)
                done.append(evaluate_model(model, host=host, watcher=view, **wanted))
        elif graded_again is not None:
            done += regrade_evaluations(graded_again, host=host, watcher=view)
    _print(done, others, as_markdown=as_markdown, as_json=as_json)


@contextmanager
def _watching() -> Iterator[EvaluationView]:
    """The view of an evaluation; an interrupt says how to go on."""
    with closing(EvaluationView()) as view:
        try:
            yield view
        except KeyboardInterrupt:
            view.close()
            if view.folder is not None:
                place = view.folder
                note(f"interrupted; what was answered is kept in {place}: the same command goes on")
            raise


def _arguments(
    model: str,
    *,
    benchmarks: str | None,
    paths: Sequence[str],
    options: Sequence[str],
    endpoint: str | None,
    output: Path | None,
    **others: Any,
) -> dict[str, Any]:
    """What was typed as arguments of :func:`~scaler_core.library.evaluate_model`."""
    names = _names(benchmarks)
    found = parse_settings(options, [*names, ENDPOINT])
    given = found.pop(ENDPOINT, {})
    for name, path in _paths(paths, names).items():
        found.setdefault(name, {})["path"] = path
    server, key = None, ""
    if endpoint is not None:
        typed = {"url": endpoint, "model": model, **given}
        server = parse_options(EndpointOptions, typed, ENDPOINT)
        key = key_from(server, os.environ)
    return {
        "benchmarks": names,
        "options": found,
        "endpoint": server,
        "key": key,
        "folder": output,
        **others,
    }


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


def _print(
    done: Sequence[FinishedEvaluation],
    others: Sequence[FinishedEvaluation],
    *,
    as_markdown: bool,
    as_json: bool,
) -> None:
    table = compare_evaluations([*done, *others]) if others else None
    if as_json:
        found = [summary_json(item) for item in done]
        shown: dict[str, Any] = found[0] if len(found) == 1 else {"evaluations": found}
        emit_json({**shown, **({"comparison": comparison_json(table)} if table else {})})
        return
    for item in done:
        print_summary(item.summary, as_markdown=as_markdown)
        note(f"all files: {item.folder}")
    if table:
        print_comparison(table, as_markdown=as_markdown)
