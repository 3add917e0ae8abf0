"""``scaler synth``: make a pool out of programming problems, or go on, and report what was done."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scaler_core.cli.output import (
    emit_json,
    json_option,
    load_host,
    naming_flags,
    note,
    print_table,
    sandbox_options,
)
from scaler_core.cli.signals import first_stop_asks
from scaler_core.options import parse_options, parse_setting, section_of

if TYPE_CHECKING:
    from scaler_core.synthesis.config import SynthesisOptions
    from scaler_core.synthesis.run import SynthesisReport

STAGES = ("filter", "extract", "generate", "check", "calibrate")
PLAIN_OPTIONS = (
    "backend",
    "executor",
    "generators",
    "limit",
    "redo_changed",
    "retry_rejected",
    "sandbox",
    "seed",
    "stage",
    "tokenizer",
    "workers",
)
COMPONENTS = ("extractor", "generator")
EXAMPLE = "extractor.temperature=0.2"
EXAMPLE_CHARACTERS = 90
STAGE_COLUMNS = (
    "stage",
    "in",
    "out",
    "rejected",
    "waiting",
    "attempts",
    "replies",
    "tokens asked",
    "tokens answered",
    "cost",
    "seconds",
)


@click.command("synth")
@click.argument("problems")
@click.option("-o", "--output", metavar="POOL", required=True, help="The pool directory to make.")
@click.option("--endpoint", "url", metavar="URL", help="OpenAI-compatible endpoint, up to /v1.")
@click.option("--model", metavar="NAME", help="The model, as the endpoint calls it.")
@click.option(
    "--api-key-env",
    metavar="VAR",
    help="Environment variable that holds the key.  [default: SCALER_ENDPOINT_KEY, if set]",
)
@click.option("--limit", type=click.IntRange(min=1), help="Look at the first N problems only.")
@click.option("--stage", type=click.Choice(STAGES), help="The last stage to do; all by default.")
@click.option("--split", help="Part of a dataset of the hub.  [default: train]")
@click.option("--revision", help="Commit, tag or branch of a dataset of the hub.")
@click.option(
    "--resume/--no-resume",
    default=True,
    show_default=True,
    help="Go on with what is there; --no-resume refuses a POOL that was begun.",
)
@click.option(
    "--retry-rejected",
    is_flag=False,
    flag_value="",
    metavar="[STAGE|CHECK]",
    help="Try problems once more that this stage or check rejected; all without a name.",
)
@click.option(
    "--redo-changed", is_flag=True, help="Do stages again whose settings are other ones now."
)
@click.option(
    "--generators",
    type=click.IntRange(min=1),
    help="Generators written for a problem until one passes the checks.  [default: 3]",
)
@click.option(
    "--budget-tokens", type=click.IntRange(min=0), help="Most tokens that this run may pay for."
)
@click.option(
    "--budget-money", type=click.FloatRange(min=0), help="Most money that this run may spend."
)
@click.option(
    "--price-prompt", type=click.FloatRange(min=0), help="Price of a million tokens asked."
)
@click.option(
    "--price-reply", type=click.FloatRange(min=0), help="Price of a million tokens answered."
)
@click.option(
    "--concurrency", type=click.IntRange(min=1), help="Requests under way at the same time."
)
@click.option(
    "--workers", type=click.IntRange(min=1), help="Candidates checked side by side.  [default: 2]"
)
@click.option(
    "--executor", type=click.Choice(["local", "ray"]), help="Where they are.  [default: local]"
)
@click.option(
    "--tokenizer",
    metavar="MODEL",
    help="Measure prompts in tokens of this model: a folder, a model id, or tiny.",
)
@click.option("--backend", help="The backend that counts them.  [default: local]")
@click.option("--as-published", is_flag=True, help="Checks and level tables of the paper's code.")
@click.option("--seed", type=int, help="Equal seeds, equal draws in the checks.  [default: 0]")
@sandbox_options
@click.option(
    "--set",
    "settings",
    metavar="SECTION.KEY=VALUE",
    multiple=True,
    help=f"Any other option, such as {EXAMPLE}; may be repeated.",
)
@json_option
def command(
    problems: str,
    output: str,
    split: str | None,
    revision: str | None,
    resume: bool,
    settings: tuple[str, ...],
    as_json: bool,
    **given: Any,
) -> int:
    """Make the pool POOL out of programming PROBLEMS, with the help of a language model.

    PROBLEMS is a CodeContests *.parquet file or a folder of them, *.jsonl with problems, a
    published pool *.json, or a dataset of the hub as owner/name. The same command goes on with
    a run that ended early; nothing that was answered is asked again. --stage filter needs no
    endpoint. Ctrl-C ends it with what is under way.

    Exits with 0 when nothing is left to do, with 1 when something is left or nothing came out.
    """
    from scaler_core.cli.synth_view import LiveView, PlainView
    from scaler_core.endpoint import key_from
    from scaler_core.synthesis.config import SynthesisOptions
    from scaler_core.synthesis.run import open_synthesis
    from scaler_core.synthesis.sources import open_problems

    host = load_host()
    open_problems(problems, split=split, revision=revision)  # a wrong name goes before options
    options = parse_options(SynthesisOptions, _options(given, settings))
    key = key_from(options.endpoint, os.environ) if options.endpoint else ""
    view = LiveView() if LiveView.fits() else PlainView()
    # a plugin that prints must not spoil the one line of JSON on stdout
    with redirect_stdout(sys.stderr), naming_flags({"resume=False": "--no-resume"}):
        run = open_synthesis(
            problems,
            output,
            options,
            split=split,
            revision=revision,
            resume=resume,
            key=key,
            observer=view,
            host=host,
        )
        if run.store.journal.cut:
            note("the last run was killed while it wrote to its journal; that step is done again")
        ask = partial(run.synthesis.stop, "interrupted")
        stopping = first_stop_asks(ask, "stopping with what is under way")
        with view.watching(run, run.count_problems()), stopping as stop:
            report = run.run()
    if as_json:
        emit_json(as_line(report))
    else:
        print_report(report)
    _note_how_to_continue(report, options)
    if report.stop_reason == "interrupted":
        return stop.exit_code
    produced = report.environments or options.stage != "calibrate"
    return 0 if report.complete and produced else 1


def _options(given: Mapping[str, Any], settings: tuple[str, ...]) -> dict[str, Any]:
    """What the user typed as one document of options; ``--set`` goes last."""
    places = {
        "url": "endpoint.url",
        "model": "endpoint.model",
        "api_key_env": "endpoint.key_variable",
        "concurrency": "endpoint.concurrency",
        "budget_tokens": "budget.tokens",
        "budget_money": "budget.money",
        "price_prompt": "budget.prompt_price",
        "price_reply": "budget.completion_price",
        "allow_weak": "allow_weak_sandbox",
    }
    data: dict[str, Any] = {}
    if given["as_published"]:
        from scaler_core.synthesis.config import CheckSettings

        data["check"] = CheckSettings.as_published().model_dump(mode="json")
        data["calibrate"] = {"as_published": True}
    places |= {name: name for name in PLAIN_OPTIONS}
    for name, dotted in places.items():
        if given[name] is not None:
            keys = dotted.split(".")
            section_of(data, keys, dotted)[keys[-1]] = given[name]
    for text in settings:
        keys, value = parse_setting(text, EXAMPLE)
        section_of(data, keys, text)[keys[-1]] = value
    for component in COMPONENTS:
        if component in data:
            data[component].setdefault("use", "llm")
    return data


def _note_how_to_continue(report: SynthesisReport, options: SynthesisOptions) -> None:
    reasons = {
        "budget": "the budget of this run is spent",
        "endpoint": "stopped: the endpoint failed again and again",
        "machine": "stopped: this machine failed again and again",
        "interrupted": "interrupted",
    }
    if report.stop_reason:
        detail = f": {report.stop_detail}" if report.stop_detail else ""
        note(f"{reasons.get(report.stop_reason, report.stop_reason)}{detail}")
    elif report.undone:
        first = next(iter(report.undone))
        note(f"{len(report.undone)} problems were left undone; {first}: {report.undone[first]}")
    if options.stage == "calibrate" and not report.environments and Path(report.pool).exists():
        note(f"no environment is accepted now, so {shlex.quote(report.pool)} is left as it was")
    if not report.complete:
        # what was let in again stays in: asked for twice, it would be done twice
        without = " without --retry-rejected" * (options.retry_rejected is not None)
        folder = shlex.quote(report.folder)
        note(f"go on with the same command{without}; what is done is in {folder}")


def as_line(report: SynthesisReport) -> dict[str, Any]:
    """The report as the one JSON line of the command."""
    return {**report.model_dump(mode="json"), "complete": report.complete}


def print_report(report: SynthesisReport) -> None:
    """Tables of what came out of each stage and of what was refused, and where it all is."""
    yields = report.yields
    print_table(
        STAGE_COLUMNS,
        [
            (
                item.stage,
                item.entered,
                item.passed,
                item.rejected,
                item.waiting,
                item.attempts,
                item.replies,
                item.prompt_tokens,
                item.reply_tokens,
                item.cost,
                item.seconds,
            )
            for item in yields.stages
        ],
    )
    if yields.refusals:
        print()
        print_table(
            ("refused at", "by check", "problems", "attempts", "for example"),
            [
                (item.stage, item.check, item.problems, item.attempts, _short(item.example))
                for item in yields.refusals
            ],
        )
    print()
    if report.environments:
        print(f"{report.environments} environments in {report.pool}")
    spent = report.spent
    print(
        f"this run: {spent.requests} requests, {spent.cached} replies that were there already, "
        f"{spent.tokens} tokens, cost {spent.cost:.4g}, {report.seconds:.1f} s"
    )
    print(f"yields, their picture and every refusal: {report.folder}")


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= EXAMPLE_CHARACTERS else f"{line[: EXAMPLE_CHARACTERS - 3]}..."
