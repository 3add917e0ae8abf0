"""The closing table of a run: before and after, level by level, and what was retired and why."""

from __future__ import annotations

import shlex
from pathlib import Path

from scaler_core.cli.output import note
from scaler_core.run.held_out import Score, standard_errors
from scaler_core.run.summary import EnvironmentSummary, RunSummary


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
