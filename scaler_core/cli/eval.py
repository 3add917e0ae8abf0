"""``scaler eval``: score a model on benchmarks, grade again, compare."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import closing, redirect_stdout
from pathlib import Path
from typing import Any

import click

from scaler_core.cli.eval_report import (
    EvaluationView,
    Finished,
    compared,
    comparison_json,
    evaluations_in,
    print_comparison,
    print_summary,
    read_evaluations,
    summary_json,
)
from scaler_core.cli.eval_work import Wanted, evaluate_wanted
from scaler_core.cli.output import emit_json, json_option, load_host, note
from scaler_core.errors import UsageError
from scaler_core.evaluation import regrade
from scaler_core.plugins import PluginHost
from scaler_core.plugins.choosing import build_benchmarks
from scaler_core.run.benchmarks import write_figures

MAX_TOKENS = 8192


@click.command("eval")
@click.argument("model", required=False)
@click.option("--benchmarks", help="Names with commas between; the paper's five when not given.")
@click.option("--limit", type=click.IntRange(1), help="Questions of each benchmark.")
@click.option("--samples", type=click.IntRange(1), help="Responses to each question.")
@click.option(
    "--engine",
    type=click.Choice(["auto", "transformers", "vllm", "endpoint"]),
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
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
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
    type=click.Path(path_type=Path),
    help="Where everything is kept, and gone on with; evaluations/MODEL when not given.",
)
@click.option(
    "--regrade",
    "graded_again",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Grade the responses of an evaluation, or of a run's, once more; no model is asked.",
)
@click.option(
    "--compare",
    multiple=True,
    type=click.Path(path_type=Path),
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
    done: list[Finished] = []
    # a library that prints must not spoil the one line of JSON on stdout
    with redirect_stdout(sys.stderr):
        if model is not None:
            done.append(Finished(*evaluate_wanted(Wanted(model=model, **asked), host)))
        elif graded_again is not None:
            done += _regrade(graded_again, host)
    _print(done, others, as_markdown=as_markdown, as_json=as_json)


def _print(
    done: Sequence[Finished],
    others: Sequence[Finished],
    *,
    as_markdown: bool,
    as_json: bool,
) -> None:
    table = compared([*done, *others]) if others else None
    if as_json:
        found = [summary_json(path, summary) for path, summary in done]
        shown: dict[str, Any] = found[0] if len(found) == 1 else {"evaluations": found}
        emit_json({**shown, **({"comparison": comparison_json(table)} if table else {})})
        return
    for path, summary in done:
        print_summary(summary, as_markdown=as_markdown)
        note(f"all files: {path}")
    if table:
        print_comparison(table, as_markdown=as_markdown)


def _regrade(path: Path, host: PluginHost) -> list[Finished]:
    directories = evaluations_in(path)
    if not directories:
        raise UsageError(f"{path} holds no evaluation", hint="scaler eval MODEL -o DIR makes one")
    # of a run, an evaluation that was interrupted is left for its resume
    done = []
    for directory in [item for item in directories if item.summary.is_file()] or directories:
        choices = directory.settings().benchmarks
        built = build_benchmarks(
            host,
            [choice.use for choice in choices],
            {choice.use: choice.options for choice in choices},
            where=str(directory.path / "evaluation.json"),
        )
        with closing(EvaluationView()) as view:
            done.append(Finished(directory.path, regrade(directory.path, built, view)))
    if directories[0].path != path:
        write_figures(path / "evaluation")
    return done
