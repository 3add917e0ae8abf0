"""``scaler pool audit``: whether environments give repeatable instances with right truths."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from scaler_core import __version__
from scaler_core.cli.output import (
    NamedPath,
    emit_json,
    json_option,
    load_host,
    note,
    sandbox_options,
)
from scaler_core.cli.signals import first_stop_asks
from scaler_core.errors import UsageError

if TYPE_CHECKING:
    from scaler_core.audit import EnvironmentAudit
    from scaler_core.interfaces import EnvironmentSource, Sandbox
    from scaler_core.plugins import PluginHost

VERDICTS = ("good", "usable", "bad", "unknown")
AUDIT_ONLY = {
    "levels",
    "instances",
    "seed",
    "workers",
    "sandbox",
    "allow_weak",
    "tokenizer",
    "fixed",
}


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
    type=NamedPath(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the report as JSON into FILE too; after an interruption the same command goes on.",
)
@click.option(
    "--fix",
    "fixed",
    type=NamedPath(path_type=Path),
    metavar="NEWPOOL",
    help="Write a pool without the levels on which no seed gives an instance.",
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
    fixed: Path | None,
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
    from scaler_core.cli.pool_audit_file import AuditFile
    from scaler_core.cli.pool_audit_report import print_report
    from scaler_core.cli.progress import Progress
    from scaler_core.interfaces import EnvironmentPack
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

    head = {"pool": pool, "version": __version__, "tokenizer": tokenizer, "settings": settings}
    if fixed is not None:
        _check_fix(source, fixed)
    # nothing is raised at the first signal, so that no audit which is done is lost
    stop = threading.Event()
    stopping = first_stop_asks(stop.set, "stopping with the audits that are done")
    with closing(AuditFile(output)) as file, stopping as signalled:
        done = file.earlier(head, source, ids)
        if done:
            note(f"{len(done)} of {len(ids)} environments were audited before, as {output} says")
        known = {item.environment_id for item in done}
        left = [name for name in dict.fromkeys(ids) if name not in known]
        audits = audit_pool(
            source,
            make_sandbox,
            host,
            environments=left,
            settings=settings,
            count_tokens=token_counter(tokenizer, host) if tokenizer and left else None,
            stopped=stop.is_set,
        )

        def make_report() -> dict[str, Any]:
            done.sort(key=lambda audit: ids.index(audit.environment_id))
            return _report(head, done, len(ids))

        with closing(audits), Progress(len(left), "environments audited") as progress:
            for audit in audits:
                done.append(audit)
                progress.advance()
                if file.is_due():
                    file.write(make_report())
        report = make_report()
        file.write(report)
        if fixed is not None and not report["interrupted"]:
            report["fix"] = _write_fixed(source, done, fixed)
            file.write(report)
    if as_json:
        emit_json(report)
    else:
        print_report(done)
    if report["interrupted"]:
        note(f"interrupted: {len(done)} of {len(ids)} environments were audited")
        if output is not None:
            note(f"the same command goes on with the others; what is done is in {output}")
        sys.exit(signalled.exit_code)
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


def _check_fix(source: EnvironmentSource, destination: Path) -> None:
    """Refuse before the audit what could not be written after it."""
    from scaler_core.audit.fixing import require_programs
    from scaler_core.pool.writer import check_target

    check_target(destination.resolve(), overwrite=False)
    require_programs(source)


def _write_fixed(
    source: EnvironmentSource, audits: Sequence[EnvironmentAudit], destination: Path
) -> dict[str, Any]:
    """Write the pool without dead levels, and say what was taken out."""
    from scaler_core.audit import fix_pool
    from scaler_core.audit.looks import name_levels

    fix = fix_pool(source, audits, destination)
    for environment_id, levels in fix.trimmed.items():
        note(f"{environment_id}: without {name_levels(levels)}")
    for environment_id in fix.left_out:
        note(f"{environment_id}: left out, no level of it gives an instance")
    note(f"{fix.path}: {fix.environments} environments, {len(fix.trimmed)} of them trimmed")
    return fix.model_dump(mode="json")


def _report(
    head: Mapping[str, Any],
    audits: Sequence[EnvironmentAudit],
    count: int,
) -> dict[str, Any]:
    """The report as JSON."""
    verdicts = Counter[str](audit.verdict for audit in audits)
    settings = head["settings"].model_dump(mode="json")
    return {
        **head,
        "environments": count,
        "audited": len(audits),
        "interrupted": len(audits) < count,
        **{verdict: verdicts[verdict] for verdict in VERDICTS},
        "settings": settings,
        "audits": [audit.model_dump(mode="json") for audit in audits],
    }
