"""``scaler bench``: how fast this machine makes instances, and what they cost."""

from __future__ import annotations

import click

from scaler_core.audit.cost import MOST_ENVIRONMENTS, measure_pool
from scaler_core.audit.records import PoolCost
from scaler_core.cli.output import (
    emit_json,
    json_option,
    load_host,
    note,
    print_table,
    sandbox_options,
    with_flags,
)
from scaler_core.config import whole_cores


@click.group("bench")
def command() -> None:
    """Measure how fast instances are made."""


@command.command("instances")
@click.argument("pool")
@click.option(
    "--level", default="mid", show_default=True, help="A number, or min, mid, max of each."
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=whole_cores,
    show_default="one for each core",
    help="Batches made side by side.",
)
@click.option(
    "--seconds", type=click.FloatRange(min=0.1), default=20.0, show_default=True, help="How long."
)
@click.option(
    "--references",
    type=click.IntRange(min=1),
    default=2,
    show_default=True,
    help="Reference solutions that must agree.",
)
@click.option(
    "--env",
    "names",
    multiple=True,
    metavar="ENV",
    help=f"Its id or its name; may be repeated. By default the first {MOST_ENVIRONMENTS}.",
)
@click.option(
    "--batch",
    type=click.IntRange(min=1),
    default=16,
    show_default=True,
    help="Seeds of one batch.",
)
@sandbox_options
@json_option
def instances_command(
    pool: str,
    level: str,
    workers: int,
    seconds: float,
    references: int,
    names: tuple[str, ...],
    batch: int,
    sandbox: str,
    allow_weak: bool,
    as_json: bool,
) -> None:
    """Measure the factory on the environments of POOL.

    Every environment is warmed up first, from an empty cache of compiled programs; that is not
    counted, only its cost is shown. Ctrl-C ends it early with what was measured.
    """
    figures = measure_pool(
        pool,
        environments=names,
        level=level,
        workers=workers,
        seconds=seconds,
        batch=batch,
        references=references,
        sandbox=sandbox,
        allow_weak_sandbox=allow_weak,
        host=load_host(),
        report=lambda line: note(with_flags(line, {"environments": "--env"})),
    )
    if as_json:
        asked = {"level": level, "workers": workers, "references": references}
        emit_json({**figures.model_dump(mode="json"), **asked})
    else:
        _print_figures(figures)


def _print_figures(figures: PoolCost) -> None:
    by_stage = figures.cpu_ms_by_stage.items()
    stages = ", ".join(f"{name} {cost:.2f}" for name, cost in by_stage if cost)
    fixed = ", ".join(f"{name} {cost:.2f}" for name, cost in figures.fixed_cpu_ms_per_run.items())
    worst = max(row.first_touch_cpu_s for row in figures.environments)
    failed = sum(figures.failures.values())
    causes = ", ".join(f"{cause} {count}" for cause, count in figures.failures.items())
    print_table(
        ("environment", "level", "made", "failed", "CPU-ms each", "first touch, CPU-s"),
        [
            (
                row.id,
                row.level,
                row.made,
                sum(row.failures.values()),
                "-" if row.cpu_ms_per_instance is None else f"{row.cpu_ms_per_instance:9.2f}",
                f"{row.first_touch_cpu_s:9.2f}",
            )
            for row in figures.environments
        ],
    )
    click.echo(
        f"\n{figures.made} instances in {figures.seconds:.1f} s: "
        f"{figures.instances_per_second:.0f} a second\n"
        f"CPU of all processes: {figures.cpu_ms_per_instance:.2f} ms an instance ({stages})\n"
        f"fixed CPU of a run, its program empty: {f'{fixed} ms' if fixed else 'not measured'}\n"
        f"first touch: {figures.first_touch_cpu_s:.2f} CPU-s an environment, worst {worst:.2f}\n"
        f"largest memory of all processes: {figures.memory_mib:.0f} MiB\n"
        f"failures: {failed}{f' ({causes})' if causes else ''}"
    )
