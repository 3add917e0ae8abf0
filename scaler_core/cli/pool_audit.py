"""``scaler pool audit``: whether environments give repeatable instances with right truths."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from scaler_core.cli.output import emit_json, json_option, load_host, note, sandbox_options
from scaler_core.errors import UsageError

if TYPE_CHECKING:
    from scaler_core.audit import AuditSettings, EnvironmentAudit
    from scaler_core.interfaces import EnvironmentSource, Sandbox
    from scaler_core.plugins import PluginHost

VERDICTS = ("good", "usable", "bad", "unknown")
INTERRUPTED = 130
AUDIT_ONLY = {"levels", "instances", "seed", "workers", "sandbox", "allow_weak", "tokenizer"}


@click.command("audit")
@click.argument("pool")
@click.option(
    "--env",
    "environments",
    metavar="ENV",
    multiple=True,
    help="Audit this environment, by id or name; may be given several times. All by default.",
)
@click.option(
    "--levels",
    default="min,mid,max",
    show_default=True,
    help="Levels, with commas: min, mid, max, all, numbers; none is above an environment's top.",
)
@click.option(
    "--instances",
    type=click.IntRange(min=1),
    default=30,
    show_default=True,
    help="Seeds tried at each level.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Equal seeds, equal audit.")
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=2,
    show_default=True,
    help="Environments audited side by side.",
)
@sandbox_options
@click.option(
    "--tokenizer",
    metavar="MODEL",
    help="Count tokens of prompts as this model does: a folder, a model id, or tiny.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the report as JSON into FILE too.",
)
@click.option(
    "--against",
    metavar="BENCHMARK[=FILE]",
    multiple=True,
    help="Only look for questions of this benchmark, from FILE or the hub; may be repeated.",
)
@click.option(
    "--set",
    "benchmark_options",
    metavar="BENCHMARK.OPTION=VALUE",
    multiple=True,
    help="An option of a benchmark of --against, such as mmlu-pro.split=test; may be repeated.",
)
@json_option
@click.pass_context
def command(
    context: click.Context,
    pool: str,
    environments: tuple[str, ...],
    levels: str,
    instances: int,
    seed: int,
    workers: int,
    sandbox: str,
    allow_weak: bool,
    tokenizer: str | None,
    output: Path | None,
    against: tuple[str, ...],
    benchmark_options: tuple[str, ...],
    as_json: bool,
) -> None:
    """Check the environments of POOL: generator, truths, determinism, variety, verifier.

    With --against their texts are compared with a benchmark's questions instead; no program runs.

    Exits with 0 where nothing is bad, with 1 where an environment is bad, holds a question of a
    benchmark, or could not be audited.
    """
    from scaler_core.audit import AuditSettings, audit_pool
    from scaler_core.cli.pool_audit_report import print_report
    from scaler_core.interfaces import EnvironmentPack
    from scaler_core.jsonio import compact_json, write_atomic
    from scaler_core.models import ComponentChoice
    from scaler_core.plugins.choosing import build_sandbox, token_counter
    from scaler_core.pool import find_environment, open_pool

    host = load_host()
    source = open_pool(pool, host.classes(EnvironmentPack))
    wanted = dict.fromkeys(find_environment(source, name).id for name in environments)
    ids = list(wanted) or list(source.ids())
    if against:
        _refuse_audit_options(context)
        _check_contamination(pool, source, ids, against, benchmark_options, host, output, as_json)
        return
    if benchmark_options:
        raise UsageError("--set gives options to benchmarks", hint="name one with --against")
    settings = AuditSettings(
        levels=tuple(text.strip() for text in levels.split(",")),
        instances=instances,
        seed=seed,
        workers=workers,
    )

    def make_sandbox() -> Sandbox:
        return build_sandbox(
            ComponentChoice(use=sandbox), host, untrusted=not source.trusted, allow_weak=allow_weak
        )

    audits = audit_pool(
        source,
        make_sandbox,
        host,
        environments=ids,
        settings=settings,
        count_tokens=token_counter(tokenizer, host) if tokenizer else None,
    )
    done, interrupted = _collect(audits, len(ids))
    done.sort(key=lambda audit: ids.index(audit.environment_id))
    report = _report(pool, done, len(ids), settings, interrupted)
    if output is not None:
        write_atomic(output, compact_json(report) + "\n")
    if as_json:
        emit_json(report)
    else:
        print_report(done)
    if interrupted:
        note(f"interrupted: {len(done)} of {len(ids)} environments were audited")
        sys.exit(INTERRUPTED)
    sys.exit(1 if report["bad"] or report["unknown"] else 0)


def _check_contamination(
    pool: str,
    source: EnvironmentSource,
    ids: Sequence[str],
    against: Sequence[str],
    options: Sequence[str],
    host: PluginHost,
    output: Path | None,
    as_json: bool,
) -> None:
    from scaler_core.cli import pool_audit_against
    from scaler_core.jsonio import compact_json, write_atomic

    found = pool_audit_against.check_against(source, ids, against, options, host)
    report = pool_audit_against.as_json(pool, found)
    if output is not None:
        write_atomic(output, compact_json(report) + "\n")
    if as_json:
        emit_json(report)
    else:
        pool_audit_against.print_found(found)
    sys.exit(1 if report["overlap"] or report["unknown"] else 0)


def _refuse_audit_options(context: click.Context) -> None:
    """Options that a comparison of texts would not heed must not seem to work."""
    for parameter in context.command.params:
        given = context.get_parameter_source(str(parameter.name)) is ParameterSource.COMMANDLINE
        if given and parameter.name in AUDIT_ONLY:
            option = parameter.opts[0]
            raise UsageError(
                f"--against only compares texts, and heeds no {option}",
                hint=f"leave {option} out, or audit without --against",
            )


def _collect(
    audits: Generator[EnvironmentAudit, None, None], count: int
) -> tuple[list[EnvironmentAudit], bool]:
    """The audits, as far as the user lets them go on, and whether they were interrupted."""
    from scaler_core.cli.progress import Progress

    done: list[EnvironmentAudit] = []
    try:
        with closing(audits), Progress(count, "environments audited") as progress:
            for audit in audits:
                done.append(audit)
                progress.advance()
    except KeyboardInterrupt:
        return done, True
    return done, False


def _report(
    pool: str,
    audits: Sequence[EnvironmentAudit],
    count: int,
    settings: AuditSettings,
    interrupted: bool,
) -> dict[str, Any]:
    """The report as JSON."""
    verdicts = Counter[str](audit.verdict for audit in audits)
    return {
        "pool": pool,
        "environments": count,
        "audited": len(audits),
        "interrupted": interrupted,
        **{verdict: verdicts[verdict] for verdict in VERDICTS},
        "settings": settings.model_dump(mode="json"),
        "audits": [audit.model_dump(mode="json") for audit in audits],
    }
