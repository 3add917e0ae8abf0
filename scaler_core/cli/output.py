"""What commands share: the plugin host, options, flags in errors, printing as JSON or tables."""

from __future__ import annotations

import os
import re
import sys
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from scaler_core.errors import ScalerError
from scaler_core.jsonio import compact_json

if TYPE_CHECKING:
    from scaler_core.plugins import PluginHost

TURNING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}

CommandT = TypeVar("CommandT", bound=Callable[..., Any])


@dataclass(frozen=True)
class PluginFilters:
    """Which plugins a user wants.

    Attributes:
        disabled: Plugins not to load.
        allowed: The only plugins to load; ``None`` for all.
    """

    disabled: tuple[str, ...]
    allowed: tuple[str, ...] | None


def plugin_filters(environ: Mapping[str, str]) -> PluginFilters:
    """The filters in ``SCALER_DISABLE_PLUGINS`` and ``SCALER_PLUGINS``, lists with commas."""
    return PluginFilters(
        disabled=_comma_separated(environ.get("SCALER_DISABLE_PLUGINS", "")),
        allowed=_comma_separated(environ.get("SCALER_PLUGINS", "")) or None,
    )


def load_host() -> PluginHost:
    """The host of this command; each thing wrong with installed plugins is a line on stderr."""
    from scaler_core.plugins import load_plugins

    filters = plugin_filters(os.environ)
    # a plugin that prints when it is imported must not spoil the one line of JSON on stdout
    with redirect_stdout(sys.stderr):
        host = load_plugins(disabled=filters.disabled, allowed=filters.allowed)
    for line in host.warnings():
        note(f"warning: {line}")
    return host


def _comma_separated(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


class NamedPath(click.Path):
    """A path option: an empty text names none, though Python takes it for the current folder."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """As :class:`click.Path` does."""
        if value == "":
            self.fail("it is empty", param, ctx)
        return super().convert(value, param, ctx)


def json_option(command: CommandT) -> CommandT:
    """Adds ``--json``: exactly one compact JSON line on stdout, everything else on stderr."""
    return click.option(
        "--json", "as_json", is_flag=True, help="Print one line of JSON on stdout, nothing else."
    )(command)


def weak_sandbox_option(command: CommandT) -> CommandT:
    """Adds ``--allow-weak-sandbox``: for programs that the user trusts."""
    return click.option(
        "--allow-weak-sandbox",
        "allow_weak",
        is_flag=True,
        help="Run programs of an unknown pool in a sandbox that does not contain attacks.",
    )(command)


def sandbox_options(command: CommandT) -> CommandT:
    """Adds ``--sandbox`` and ``--allow-weak-sandbox``."""
    return click.option(
        "--sandbox", default="auto", show_default=True, help="What runs the programs."
    )(weak_sandbox_option(command))


def emit_json(value: Any) -> None:
    """Print *value* as the one JSON line of a command."""
    sys.stdout.write(compact_json(value) + "\n")
    sys.stdout.flush()


def printable(text: str) -> str:
    """*text* without what a foreign pool could steer a terminal with, or turn its lines round."""
    return "".join(char if char in "\n\t" or not _steers(char) else "\ufffd" for char in text)


def _steers(char: str) -> bool:
    return unicodedata.category(char) == "Cc" or unicodedata.bidirectional(char) in TURNING


def note(text: str) -> None:
    """A line for the person at the terminal: always on stderr, so that pipes stay clean."""
    print(text, file=sys.stderr, flush=True)


Flags = Mapping[str, str]
"""What the library calls an argument, and the flag that a person typed for it."""


def with_flags(text: str, flags: Flags) -> str:
    """*text* of the library with flags in place of arguments, which it writes in backticks."""
    return re.sub(r"`([^`]*)`", lambda found: flags.get(found[1], found[0]), text)


@contextmanager
def naming_flags(flags: Flags) -> Iterator[None]:
    """Errors that come out of this name flags, where the library named its arguments."""
    try:
        yield
    except ScalerError as error:
        error.message = with_flags(error.message, flags)
        error.hint = with_flags(error.hint, flags)
        raise


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], title: str = "") -> None:
    """A table on stdout; numbers are right-aligned by rich where every cell of a column is one."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    numeric = [
        bool(rows) and all(isinstance(row[index], (int, float)) for row in rows)
        for index in range(len(columns))
    ]
    named = Text(printable(title), style="table.title") if title else None
    table = Table(title=named, title_justify="left", box=None, pad_edge=False)
    for name, right in zip(columns, numeric, strict=True):
        table.add_column(
            Text(printable(name)), justify="right" if right else "left", overflow="fold"
        )
    for row in rows:
        table.add_row(*(Text(printable(str(cell))) for cell in row))
    console = Console(soft_wrap=False, width=None if sys.stdout.isatty() else 160)
    console.print(table)
