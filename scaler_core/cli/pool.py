"""``scaler pool``: import, export, list, show, sample and audit environments."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from scaler_core.cli.output import (
    NamedPath,
    emit_json,
    json_option,
    load_host,
    naming_flags,
    note,
    print_table,
    printable,
    sandbox_options,
)
from scaler_core.cli.pool_audit import command as audit_command
from scaler_core.errors import UsageError, unknown_name
from scaler_core.interfaces import EnvironmentPack, EnvironmentSource, NativeEnvironment, Sandbox
from scaler_core.models import ComponentChoice, Environment, Instance, PromptStyle
from scaler_core.pool import (
    describe_environment,
    export_pool,
    find_environment,
    import_pool,
    list_environments,
    open_pool,
)
from scaler_core.pool.published import published_text
from scaler_core.pool.store import is_name

if TYPE_CHECKING:
    from scaler_core.audit.looks import PoolLook

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
@click.argument("file", type=NamedPath(path_type=Path))
@click.option("-o", "--output", metavar="POOL", required=True, help="The pool directory to make.")
@click.option(
    "--as-published",
    is_flag=True,
    help="Keep level tables with their defects, so that an export gives the file back.",
)
@click.option("--skip-invalid", is_flag=True, help="Leave malformed entries out and name them.")
@click.option("--force", is_flag=True, help="Replace a pool that is there.")
@click.option(
    "--look",
    "look_s",
    type=click.FloatRange(min=0),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="How long every level's generator is tried on a seed afterwards; 0 leaves it out.",
)
@sandbox_options
@json_option
def import_command(
    file: Path,
    output: str,
    as_published: bool,
    skip_invalid: bool,
    force: bool,
    look_s: float,
    sandbox: str,
    allow_weak: bool,
    as_json: bool,
) -> None:
    """Make a pool of FILE, a JSON file in the published format.

    Afterwards the generator of each environment makes one testcase at every level, in the sandbox,
    and levels without one are printed. The pool is complete before.
    """
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
    look = _look_at_levels(report.path, look_s, sandbox, allow_weak) if look_s else None
    if as_json:
        levels = look.model_dump(mode="json") if look else None
        emit_json({**report.model_dump(mode="json"), "levels": levels})
        return
    click.echo(
        f"{report.path}: {report.environments} environments, {len(report.repaired)} level tables "
        f"repaired, {len(report.skipped)} entries skipped"
    )
    for item in report.mended:
        kinds = "; ".join(
            f"{kind.replace('_', ' ')}: {what}" for kind, what in item.changes.items()
        )
        note(f"{item.environment_id}: {kinds}")
    if look is not None:
        _print_look(look, look_s)
    click.echo(f"next: scaler pool ls {report.path}")


@command.command("export")
@click.argument("pool")
@click.option(
    "-o",
    "--output",
    type=NamedPath(path_type=Path),
    metavar="PATH",
    help="A file instead of stdout; with --to the package's folder.",
)
@click.option(
    "--as-published",
    is_flag=True,
    help="Undo what the import repaired, so that the file it came from is given back.",
)
@click.option(
    "--to",
    type=click.Choice(["verifiers"]),
    help="Write an environment package for this library instead.",
)
@click.option("--name", help="With --to: the package's name.  [default: scaler-POOL]")
@click.option("--levels", help="With --to: `all`, a level, or a range such as 0-4.  [default: all]")
@click.option("--force", is_flag=True, help="Replace a file or package that is there.")
@json_option
def export_command(
    pool: str,
    output: Path | None,
    as_published: bool,
    to: str | None,
    name: str | None,
    levels: str | None,
    force: bool,
    as_json: bool,
) -> None:
    """Write POOL in the published JSON format, or as an environment package for another library."""
    if to is not None:
        if output is None or as_published:
            raise UsageError(
                "--to writes a package: it needs -o DIR and goes without --as-published"
            )
        _export_package(pool, output, name, levels, force, as_json)
        return
    for flag, value in {"--name": name, "--levels": levels}.items():
        if value is not None:
            raise UsageError(f"{flag} goes with --to", hint="--to verifiers")
    with naming_flags({"overwrite": "--force"}):
        entries = export_pool(_open(pool), output, as_published=as_published, overwrite=force)
    if output is None:
        emit_json(entries) if as_json else click.echo(published_text(entries), nl=False)
    elif as_json:
        emit_json({"path": str(output), "environments": len(entries)})
    else:
        click.echo(f"{output}: {len(entries)} environments")


def _export_package(
    pool: str, output: Path, name: str | None, levels: str | None, force: bool, as_json: bool
) -> None:
    from scaler_core.adapters.packages import export_package

    with naming_flags({"overwrite": "--force", "name": "--name", "levels": "--levels"}):
        written = export_package(
            pool, output, name=name, levels=levels or "all", overwrite=force, host=load_host()
        )
    if as_json:
        emit_json(written.model_dump(mode="json"))
        return
    click.echo(f"{output}: package {written.name}, {written.environments} environments")
    check = f"vf-validate {written.name} -n {written.environments} --runtime.type subprocess"
    click.echo(f"next: pip install {output} && {check}")


@command.command("ls")
@click.argument("pool")
@json_option
def ls_command(pool: str, as_json: bool) -> None:
    """List the environments of POOL."""
    rows = list(list_environments(_open(pool)))
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
        emit_json(describe_environment(found))
    elif isinstance(found, NativeEnvironment):
        for key, value in describe_environment(found).items():
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
    from scaler_core.library import sample_pool

    sample = sample_pool(
        pool,
        environment,
        level=level,
        seed=seed,
        count=count,
        style=cast(PromptStyle, style),
        sandbox=sandbox,
        allow_weak_sandbox=allow_weak,
        host=load_host(),
    )
    for failure in sample.failures:
        note(f"replaced an invalid instance: {failure.cause}: {failure.detail}")
    if as_json:
        emit_json(
            {
                "environment": sample.environment_id,
                "level": sample.level,
                "top_level": sample.top_level,
                "seed": seed,
                "replaced": len(sample.failures),
                "instances": [item.model_dump(mode="json") for item in sample.instances],
            }
        )
        return
    for index, instance in enumerate(sample.instances):
        _print_instance(instance, f"{index + 1} of {count}")


command.add_command(audit_command)


def _look_at_levels(path: str, seconds: float, sandbox: str, allow_weak: bool) -> PoolLook:
    """Look at every level of the pool at *path*."""
    from scaler_core.audit import look_at_pool
    from scaler_core.plugins.choosing import build_sandbox

    def make_sandbox() -> Sandbox:
        choice = ComponentChoice(use=sandbox)
        return build_sandbox(choice, load_host(), untrusted=True, allow_weak=allow_weak)

    return look_at_pool(open_pool(Path(path)), make_sandbox, seconds)


def _print_look(look: PoolLook, seconds: float) -> None:
    for environment_id, reason in look.reasons.items():
        _show(f"{environment_id}: dead {reason}")
    if look.dead:
        click.echo("scaler pool audit --fix writes a pool without dead levels")
    if look.not_possible:
        _show(f"levels were not looked at: {look.not_possible}")
    elif look.left:
        click.echo(
            f"the levels of {look.left} environments were not looked at within {seconds:g} s; "
            "an audit does it"
        )


def _open(pool: str) -> EnvironmentSource:
    # a path needs no plugin, so a broken one is not worth a warning there
    packs = load_host().classes(EnvironmentPack) if is_name(pool) else {}
    return open_pool(pool, packs)


def _note_progress(count: int) -> None:
    if count % PROGRESS_EVERY == 0:
        note(f"{count} environments written")


def _print_environment(environment: Environment) -> None:
    facts = describe_environment(environment)
    _show(f"{facts['name']}  (id {facts['id']})\n")
    _show(facts["statement"].strip() + "\n")
    unique = "one right answer" if facts["answer_unique"] else "several right answers"
    if facts["checker"]:
        unique = f"judged by a checker in {facts['checker']}"
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
