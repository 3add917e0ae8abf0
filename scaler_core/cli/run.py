"""``scaler run``: train by a recipe, or go on with a run, and the closing table."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from contextlib import closing, redirect_stdout
from pathlib import Path
from typing import Any

import click

from scaler_core.cli.output import (
    NamedPath,
    emit_json,
    json_option,
    load_host,
    note,
    print_table,
    weak_sandbox_option,
)
from scaler_core.cli.run_view import LiveView, PlainView
from scaler_core.cli.signals import first_stop_asks
from scaler_core.config import DEFAULT_RECIPE
from scaler_core.errors import UsageError
from scaler_core.plugins import PluginHost
from scaler_core.run.held_out import Score, standard_errors
from scaler_core.run.opening import open_run, resume_run
from scaler_core.run.recipes import list_recipes
from scaler_core.run.session import Run
from scaler_core.run.summary import EnvironmentSummary, RunSummary


@click.command("run")
@click.argument("recipe", required=False)
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override a key of the recipe, such as run.steps=3; may be repeated.",
)
@click.option("--run-dir", type=NamedPath(path_type=Path), help="The run's directory.")
@click.option(
    "--resume",
    type=NamedPath(path_type=Path),
    metavar="RUN",
    help="Go on with the run in this directory.",
)
@weak_sandbox_option
@click.option("--list", "list_recipes", is_flag=True, help="List the recipes that can be named.")
@click.option("--dry-run", is_flag=True, help="Check everything, print the recipe, train nothing.")
@json_option
def command(
    recipe: str | None,
    overrides: tuple[str, ...],
    run_dir: Path | None,
    resume: Path | None,
    allow_weak: bool,
    list_recipes: bool,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Train a model on environments that adapt to it.

    RECIPE is a shipped recipe's name or the path of a TOML file; without it, the quickstart runs.
    Ctrl-C finishes the step, writes a checkpoint and says how to go on; so do SIGTERM, and the
    SIGHUP of a terminal that is closed (nohup keeps it training). It then exits with 130, 143, 129.
    """
    host = load_host()
    if allow_weak:
        overrides = (*overrides, "factory.allow_weak_sandbox=true")
    if list_recipes:
        _print_recipes(host, as_json)
        return 0
    if resume is not None and (recipe is not None or run_dir is not None):
        raise UsageError("--resume goes without a recipe and without --run-dir")
    # a component that prints must not spoil the one line of JSON on stdout
    with redirect_stdout(sys.stderr):
        if resume is not None:
            run = resume_run(resume, overrides=overrides, host=host, only_preview=dry_run)
        else:
            name = recipe or DEFAULT_RECIPE
            run = open_run(
                name, overrides=overrides, run_dir=run_dir, host=host, only_preview=dry_run
            )
        if dry_run:
            with closing(run):
                preview = run.preview()
        else:
            summary, code = _train(run)
    if dry_run:
        _print_recipe(run, preview, as_json)
        return 0
    if as_json:
        emit_json(_json_line(run, summary))
    return code


def _train(run: Run) -> tuple[RunSummary, int]:
    """The summary, and the exit code: that of the signal which stopped it early."""
    view = LiveView() if LiveView.fits() else PlainView()
    run.observer = view
    stopping = "stopping after this step, with a checkpoint"
    try:
        with first_stop_asks(run.request_stop, stopping) as stop, view:
            summary = run.train()
    except KeyboardInterrupt:
        note(f"stopped at once; {_how_to_go_on(run)}")
        raise
    if run.finished:
        print_report(summary, run.directory)
        return summary, 0
    note(f"stopped after step {run.feed.step} of {run.steps}")
    note(_how_to_go_on(run))
    return summary, stop.exit_code


def _how_to_go_on(run: Run) -> str:
    return f"go on with: scaler run --resume {shlex.quote(str(run.directory))}"


def _json_line(run: Run, summary: RunSummary) -> dict[str, Any]:
    before, after = summary.before, summary.after
    return {
        "run_dir": str(run.directory),
        "steps": summary.steps,
        "finished": run.finished,
        "accuracy_before": before.accuracy if before and before.decided else None,
        "accuracy_after": after.accuracy if after and after.decided else None,
        "mean_difficulty_start": summary.mean_difficulty_start,
        "mean_difficulty_end": summary.mean_difficulty_end,
        "informative_share": summary.informative_share,
        "retired": summary.retired,
        "seconds": round(run.seconds, 3),
    }


def _print_recipe(run: Run, preview: Sequence[str], as_json: bool) -> None:
    if as_json:
        recipe = run.recipe.model_dump(mode="json")
        emit_json({"recipe": run.name, **recipe, "preview": list(preview)})
        return
    # still a recipe: what the backend says stands in comments
    for line in preview:
        print(f"# {line}")
    print(run.recipe.to_toml(), end="")


def _print_recipes(host: PluginHost, as_json: bool) -> None:
    rows: list[dict[str, Any]] = []
    for listed in list_recipes(host=host):
        recipe = listed.recipe
        if recipe is None:
            note(f"warning: recipe {listed.name!r} cannot be read: {listed.error}")
            continue
        rows.append(
            {
                "name": listed.name,
                "backend": recipe.backend.use,
                "steps": recipe.run.steps,
                "prompts": recipe.batch.prompts,
                "responses": recipe.batch.responses,
                "path": str(listed.path),
            }
        )
    if as_json:
        emit_json(rows)
    else:
        columns: Sequence[str] = ("name", "backend", "steps", "prompts", "responses", "path")
        print_table(columns, [[row[column] for column in columns] for row in rows])


def print_report(summary: RunSummary, directory: Path) -> None:
    """Print the table and the closing lines on stderr."""
    _print_table(summary)
    _print_gain("held-out accuracy", summary.before, summary.after)
    _print_gain("on held-out environments", summary.outside_before, summary.outside_after)
    note(
        f"mean difficulty {summary.mean_difficulty_start:.2f} -> "
        f"{summary.mean_difficulty_end:.2f}, {summary.retired} retired, "
        f"{100 * summary.informative_share:.0f} % of groups informative"
    )
    note(f"all files: {directory}")
    if (directory / "model").is_dir():
        note(f"the trained model: {directory / 'model'}")
    place = shlex.quote(str(directory))
    note(f"go on: scaler run --resume {place} --set run.steps={2 * summary.steps}")


def _print_gain(what: str, before: Score | None, after: Score | None) -> None:
    if before and after and before.decided and after.decided:
        gain = 100 * (after.accuracy - before.accuracy)
        note(
            f"{what} {100 * before.accuracy:.1f} % -> {100 * after.accuracy:.1f} % "
            f"({gain:+.1f} points, {standard_errors(before, after):.1f} standard errors, "
            f"{after.decided} answers)"
        )


def _print_table(summary: RunSummary) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    levels = sorted({level for item in summary.environments for level in item.after})
    table = Table(box=None, pad_edge=False, title_justify="left")
    table.add_column("environment", no_wrap=True)
    table.add_column("difficulty", no_wrap=True)
    for level in levels:
        table.add_column(f"level {level}", justify="right", no_wrap=True)
    table.add_column("retired")
    for item in summary.environments:
        cells = [_change(item.before.get(level), item.after.get(level)) for level in levels]
        d = f"{item.difficulty_start:.1f} -> {item.difficulty_end:.1f}"
        row = [item.environment_id, d, *cells, _retirements(item)]
        table.add_row(*(Text(cell) for cell in row))
    if levels:
        note("accuracy in % on held-out instances, before > after training, by level:")
    console = Console(stderr=True)
    if not console.is_terminal:
        console = Console(stderr=True, width=200)
    console.print(table)


def _change(before: Score | None, after: Score | None) -> str:
    if after is None:
        return ""
    text = f"{100 * after.accuracy:.0f}" if after.decided else "-"
    return f"{100 * before.accuracy:.0f}>{text}" if before and before.decided else text


def _retirements(item: EnvironmentSummary) -> str:
    return ", ".join(
        rule if count == 1 else f"{rule} x{count}" for rule, count in item.retirements.items()
    )
