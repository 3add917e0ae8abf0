"""``scaler pool``: import, export, list, show, sample and audit environments."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import click

from scaler_core.cli.output import (
    emit_json,
    json_option,
    load_host,
    note,
    print_table,
    printable,
    sandbox_options,
)
from scaler_core.cli.pool_audit import command as audit_command
from scaler_core.errors import unknown_name
from scaler_core.interfaces import (
    AnyEnvironment,
    EnvironmentPack,
    EnvironmentSource,
    NativeEnvironment,
)
from scaler_core.models import ComponentChoice, Environment, Instance, PromptStyle
from scaler_core.pool import export_pool, import_pool, open_pool
from scaler_core.pool.browsing import find_environment, summaries
from scaler_core.pool.published import published_text
from scaler_core.pool.source import environment_hash
from scaler_core.pool.store import is_name

PROGRESS_EVERY = 1000


class PoolCommands(click.Group):
    """The group of commands; an unknown one names those that exist."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Like click's, but an unknown command names the close ones."""
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            raise unknown_name("pool command", args[0], self.commands, hint="see scaler pool -h")
        return super().resolve_command(ctx, args)


@click.group("pool", cls=PoolCommands)
def command() -> None:
    """Import, export, list, sample and audit environments.

    POOL is the path of a pool directory or a registered name such as `starter`; a directory whose
    name is registered too is reached as ./NAME.
    """


@command.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("-o", "--output", metavar="POOL", required=True, help="The pool directory to make.")
@click.option(
    "--as-published",
    is_flag=True,
    help="Keep level tables with their defects, so that an export gives the file back.",
)
@click.option("--skip-invalid", is_flag=True, help="Leave malformed entries out and name them.")
@click.option("--force", is_flag=True, help="Replace a pool that is there.")
@json_option
def import_command(
    file: Path, output: str, as_published: bool, skip_invalid: bool, force: bool, as_json: bool
) -> None:
    """Make a pool of FILE, a JSON file in the published format."""
    report = import_pool(
        file,
        output,
        as_published=as_published,
        skip_invalid=skip_invalid,
        overwrite=force,
        progress=_note_progress,
    )
    for skipped in report.skipped:
        note(f"skipped {skipped.entry!r}: {skipped.reason}")
    if as_json:
        emit_json(report.model_dump(mode="json"))
        return
    click.echo(
        f"{report.path}: {report.environments} environments, {len(report.repaired)} level tables "
        f"repaired, {len(report.skipped)} entries skipped"
    )
    click.echo(f"next: scaler pool ls {report.path}")


@command.command("export")
@click.argument("pool")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Instead of stdout."
)
@click.option(
    "--as-published",
    is_flag=True,
    help="Undo what the import repaired, so that the file it came from is given back.",
)
@json_option
def export_command(pool: str, output: Path | None, as_published: bool, as_json: bool) -> None:
    """Write POOL in the published JSON format."""
    entries = export_pool(_open(pool), output, as_published=as_published)
    if output is None:
        emit_json(entries) if as_json else click.echo(published_text(entries), nl=False)
    elif as_json:
        emit_json({"path": str(output), "environments": len(entries)})
    else:
        click.echo(f"{output}: {len(entries)} environments")


@command.command("ls")
@click.argument("pool")
@json_option
def ls_command(pool: str, as_json: bool) -> None:
    """List the environments of POOL."""
    rows = list(summaries(_open(pool)))
    if as_json:
        emit_json([row.model_dump(mode="json") for row in rows])
        return
    print_table(
        ("id", "name", "kind", "answer", "top level"),
        [(row.id, row.name, row.kind, row.answer_type or "", row.top_level) for row in rows],
    )


@command.command("show")
@click.argument("pool")
@click.argument("environment", metavar="ENV")
@json_option
def show_command(pool: str, environment: str, as_json: bool) -> None:
    """Show one environment of POOL; ENV is its id or its name."""
    found = find_environment(_open(pool), environment)
    if as_json:
        emit_json(_described(found))
    elif isinstance(found, NativeEnvironment):
        for key, value in _described(found).items():
            click.echo(f"{key}: {value}")
    else:
        _print_environment(found)


@command.command("sample")
@click.argument("pool")
@click.option("--env", "environment", metavar="ENV", required=True, help="Its id or its name.")
@click.option("--level", default="min", show_default=True, help="A number, min, mid or max.")
@click.option("--seed", type=int, default=0, show_default=True, help="Equal seeds, equal sample.")
@click.option(
    "-n", "count", type=click.IntRange(min=1), default=1, show_default=True, help="How many."
)
@click.option(
    "--style",
    type=click.Choice(["paper", "compact"]),
    default="paper",
    show_default=True,
    help="How instances are put to the model.",
)
@sandbox_options
@json_option
def sample_command(
    pool: str,
    environment: str,
    level: str,
    seed: int,
    count: int,
    style: str,
    sandbox: str,
    allow_weak: bool,
    as_json: bool,
) -> None:
    """Print rendered prompts and truths of one environment of POOL."""
    from scaler_core.factory.local import LocalFactory
    from scaler_core.plugins.choosing import build_sandbox
    from scaler_core.pool.browsing import parse_level, sample_instances

    host = load_host()
    source = open_pool(pool, host.classes(EnvironmentPack))
    found = find_environment(source, environment)
    number = parse_level(level, found.top_level)
    box = build_sandbox(
        ComponentChoice(use=sandbox), host, untrusted=not source.trusted, allow_weak=allow_weak
    )
    with closing(LocalFactory(box, prompt_style=cast(PromptStyle, style))) as factory:
        sample = sample_instances(found, number, seed, count, factory)
    for failure in sample.failures:
        note(f"replaced an invalid instance: {failure.cause}: {failure.detail}")
    if as_json:
        emit_json(
            {
                "environment": found.id,
                "level": number,
                "top_level": found.top_level,
                "seed": seed,
                "replaced": len(sample.failures),
                "instances": [item.model_dump(mode="json") for item in sample.instances],
            }
        )
        return
    for index, instance in enumerate(sample.instances):
        _print_instance(instance, f"{index + 1} of {count}")


command.add_command(audit_command)


def _open(pool: str) -> EnvironmentSource:
    # a path needs no plugin, so a broken one is not worth a warning there
    packs = load_host().classes(EnvironmentPack) if is_name(pool) else {}
    return open_pool(pool, packs)


def _note_progress(count: int) -> None:
    if count % PROGRESS_EVERY == 0:
        note(f"{count} environments written")


def _described(environment: AnyEnvironment) -> dict[str, Any]:
    common = {
        "id": environment.id,
        "top_level": environment.top_level,
        "content_hash": environment_hash(environment),
    }
    if isinstance(environment, NativeEnvironment):
        cls = type(environment)
        return {
            **common,
            "kind": "native",
            "class": f"{cls.__module__}.{cls.__qualname__}",
            "version": environment.version,
            "scores_itself": environment.scores_itself,
        }
    problem = environment.problem
    return {
        **common,
        "kind": "program",
        "name": problem.name,
        "statement": problem.statement,
        "instruction": problem.instruction,
        "answer_type": environment.answer_type,
        "answer_unique": environment.answer_unique,
        "parameters": {
            name: item.model_dump(mode="json") for name, item in environment.parameters.items()
        },
        "levels": [
            {"level": level, "offset": offset, "scale": environment.scale(level)}
            for level, offset in enumerate(environment.levels)
        ],
        "solutions": [item.language for item in problem.solutions],
        "time_limit_s": problem.time_limit_s,
        "memory_limit_mb": problem.memory_limit_mb,
        "history_length": environment.history_length,
        "verifier": environment.verifier.model_dump(mode="json") if environment.verifier else None,
        "provenance": environment.provenance,
    }


def _print_environment(environment: Environment) -> None:
    facts = _described(environment)
    _show(f"{facts['name']}  (id {facts['id']})\n")
    _show(facts["statement"].strip() + "\n")
    unique = "one right answer" if facts["answer_unique"] else "several right answers"
    _show(f"answer: {facts['answer_type']}, {unique}")
    _show(f"solutions: {', '.join(facts['solutions'])}")
    for key in ("time_limit_s", "memory_limit_mb", "history_length", "verifier"):
        if facts[key] is not None:
            _show(f"{key}: {facts[key]}")
    _show(f"content hash: {facts['content_hash']}")
    _show(f"provenance: {json.dumps(facts['provenance'], ensure_ascii=False)}\n")
    print_table(
        ("parameter", "minimum", "maximum", "ratio"),
        [
            (name, item.minimum, item.maximum, item.ratio)
            for name, item in environment.parameters.items()
        ],
    )
    _show("")
    print_table(
        ("level", "offset", *environment.parameters),
        [
            (level, offset, *environment.scale(level).values())
            for level, offset in enumerate(environment.levels)
        ],
    )


def _print_instance(instance: Instance, which: str) -> None:
    _show(f"=== {instance.environment_id}, level {instance.level}, {which}, seed {instance.seed}")
    for message in instance.messages:
        _show(f"[{message['role']}]\n{message['content']}\n")
    _show(f"[truth]\n{instance.truth}\n")


def _show(text: str) -> None:
    click.echo(printable(text))
