"""``scaler serve``: a curriculum for trainers of other processes and machines."""

from __future__ import annotations

import os
import shlex
import sys
from contextlib import ExitStack, redirect_stdout
from pathlib import Path

import click

from scaler_core.cli.output import (
    NamedPath,
    emit_json,
    json_option,
    load_host,
    naming_flags,
    note,
    weak_sandbox_option,
)
from scaler_core.errors import UsageError

TOKEN = "SCALER_TOKEN"
HOST, PORT = "127.0.0.1", 8808
FLAGS = {"host": "--host", "port": "--port", "token": "--token"}


@click.command("serve")
@click.argument("recipe", required=False)
@click.option(
    "--directory",
    "-o",
    type=NamedPath(path_type=Path),
    help="Where the feed is kept, and gone on with; feeds/RECIPE when not given.",
)
@click.option("--at", metavar="NAME", help="Go back to this checkpoint of the feed.")
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override a key of the recipe, such as batch.prompts=16; may be repeated.",
)
@click.option("--host", default=HOST, show_default=True, help="The address to listen on.")
@click.option("--port", default=PORT, show_default=True, help="The port; 0 takes a free one.")
@click.option(
    "--token", help=f"What requests must carry; better in {TOKEN}, which other users cannot see."
)
@click.option(
    "--ticket-timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Abandon tickets that were not recorded in this time, as those of dead clients.",
)
@weak_sandbox_option
@json_option
def command(
    recipe: str | None,
    directory: Path | None,
    at: str | None,
    overrides: tuple[str, ...],
    host: str,
    port: int,
    token: str | None,
    ticket_timeout: float | None,
    allow_weak: bool,
    as_json: bool,
) -> None:
    """Serve the curriculum of RECIPE to a trainer over HTTP, until Ctrl-C.

    RECIPE is a shipped recipe's name or the path of a TOML file; --directory alone goes on with the
    feed that is there. No answered call is lost, however the server ends. The clients are
    scaler_core.FeedClient and AsyncFeedClient; /docs describes the calls.
    """
    from scaler_core.run.open_feed import open_feed
    from scaler_core.serve import check_serving, serve_feed

    if recipe is None and directory is None:
        raise UsageError("name a recipe, or the --directory of a feed to go on with")
    if allow_weak:
        overrides = (*overrides, "factory.allow_weak_sandbox=true")
    place = directory or Path("feeds") / Path(str(recipe)).stem
    plugins = load_host()

    def started(url: str) -> None:
        note(f"serving the feed in {place} at {url} (step {feed.step}); Ctrl-C ends it")
        if as_json:
            emit_json({"url": url, "directory": str(place), "step": feed.step})
        ending.callback(lambda: note(_how_to_go_on(place, host, port)))

    token = os.environ.get(TOKEN, "") if token is None else token
    with naming_flags(FLAGS), ExitStack() as ending:
        check_serving(host, token)  # first: what cannot be served leaves no folder
        with redirect_stdout(sys.stderr):
            feed = open_feed(recipe, directory=place, at=at, overrides=overrides, host=plugins)
        with feed:
            serve_feed(
                feed,
                host=host,
                port=port,
                token=token,
                ticket_timeout_s=ticket_timeout,
                started=started,
            )


def _how_to_go_on(place: Path, host: str, port: int) -> str:
    where = f" --host {shlex.quote(host)}" if host != HOST else ""
    where += f" --port {port}" if port not in (0, PORT) else ""
    return f"go on with: scaler serve -o {shlex.quote(str(place))}{where}"
