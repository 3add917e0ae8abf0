"""``scaler bench``: how fast this machine makes instances, and what they cost."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import click

from scaler_core.audit.cost import CostPlan, PoolCost, measure_instances
from scaler_core.cli.output import (
    emit_json,
    json_option,
    load_host,
    note,
    print_table,
    sandbox_options,
)
from scaler_core.errors import DataError, InfrastructureError, UsageError
from scaler_core.factory.local import LocalFactory
from scaler_core.interfaces import EnvironmentPack, Sandbox
from scaler_core.models import ComponentChoice
from scaler_core.plugins import PluginHost
from scaler_core.plugins.choosing import build_sandbox
from scaler_core.pool import open_pool
from scaler_core.pool.browsing import find_environment

MOST_ENVIRONMENTS = 64
REFERENCES = 3


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
    default=lambda: len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2,
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
    host = load_host()
    source = open_pool(pool, host.classes(EnvironmentPack))
    ids = list(source.ids())[:MOST_ENVIRONMENTS]
    environments = [find_environment(source, name) for name in dict.fromkeys(names or ids)]
    if not environments:
        raise UsageError(f"pool {pool}: it holds no environment", hint="see scaler pool ls")
    if not names and len(ids) < len(source):
        note(f"the first {len(ids)} of {len(source)} environments; --env names others")
    plan = CostPlan(level=level, workers=workers, seconds=seconds, batch=batch)
    with tempfile.TemporaryDirectory(prefix="scaler-bench-") as folder:
        box = _cold_sandbox(sandbox, host, not source.trusted, allow_weak, Path(folder))
        note(f"{len(environments)} environments in sandbox {box.name!r}")

        def make_factory() -> LocalFactory:
            considered = max(references, REFERENCES)
            return LocalFactory(box, references=considered, agree=references, workers=1)

        figures = measure_instances(environments, make_factory, plan, note)
    if not figures.made:
        raise _nothing_made(pool, figures.failures)
    if as_json:
        asked = {"level": level, "workers": workers, "references": references}
        emit_json({**figures.model_dump(mode="json"), **asked})
    else:
        _print_figures(figures)


def _cold_sandbox(
    name: str, host: PluginHost, untrusted: bool, allow_weak: bool, folder: Path
) -> Sandbox:
    """The sandbox with an empty cache of compiled programs, where it keeps one."""
    box = build_sandbox(ComponentChoice(use=name), host, untrusted=untrusted, allow_weak=allow_weak)
    if "cache_dir" not in box.Config.model_fields:
        return box
    box.close()
    choice = ComponentChoice(use=box.name, options={"cache_dir": str(folder)})
    return host.build(Sandbox, choice)


def _nothing_made(pool: str, failures: dict[str, int]) -> DataError | InfrastructureError:
    causes = ", ".join(f"{cause} {count}" for cause, count in failures.items()) or "no time"
    kind = InfrastructureError if set(failures) == {"infrastructure"} else DataError
    return kind(
        f"pool {pool}: no instance was made: {causes}", hint="scaler pool sample shows an instance"
    )


def _print_figures(figures: PoolCost) -> None:
    by_stage = figures.cpu_ms_by_stage.items()
    stages = ", ".join(f"{name} {cost:.2f}" for name, cost in by_stage if cost)
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
        f"first touch: {figures.first_touch_cpu_s:.2f} CPU-s an environment, worst {worst:.2f}\n"
        f"largest memory of all processes: {figures.memory_mib:.0f} MiB\n"
        f"failures: {failed}{f' ({causes})' if causes else ''}"
    )
