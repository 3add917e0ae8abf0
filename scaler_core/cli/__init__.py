"""The ``scaler`` command: one module a command, loaded only when it is called.

Commands print and exit; everything they do is a call into the library.
"""

from __future__ import annotations

import importlib
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import click

from scaler_core import __version__

# command -> (module, one line of help): kept here so that `scaler --help` imports no command
COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("scaler_core.cli.run", "Train a model on environments that adapt to it."),
    "eval": ("scaler_core.cli.eval", "Score a model on benchmarks."),
    "pool": ("scaler_core.cli.pool", "Import, export, list, sample and audit environments."),
    "synth": ("scaler_core.cli.synth", "Make environments out of programming problems."),
    "bench": ("scaler_core.cli.bench", "Measure how fast instances are made."),
    "plugins": ("scaler_core.cli.plugins", "List installed plugins and what they provide."),
    "doctor": ("scaler_core.cli.doctor", "Tell what this machine has and lacks."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported on use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of :data:`COMMANDS`."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now; ``None`` for an unknown name."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(COMMANDS[cmd_name][0]).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, from the table above."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Like click's, but an unknown command names the close ones."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from scaler_core.errors import unknown_name

            raise unknown_name("command", args[0], COMMANDS, hint="see scaler --help")
        return super().resolve_command(ctx, args)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="scaler")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def cli(debug: bool) -> None:
    """SCALER: reasoning environments of adaptive difficulty, and RL training on them."""


def main(args: list[str] | None = None) -> None:
    """Run the command line and exit.

    0: ok, 1: failed work, 2: wrong use, 130: interrupted, 143: ended by SIGTERM.
    """
    argv = list(sys.argv[1:] if args is None else args)
    # wherever it stands: it is wanted after a command failed, at the end of the line
    debug = "--debug" in argv
    argv = [item for item in argv if item != "--debug"]
    from scaler_core.sandbox.descriptors import raise_limit

    raise_limit()
    terminated: list[int] = []
    try:
        with _sigterm_interrupts(terminated):
            code = cli.main(argv, prog_name="scaler", standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except click.exceptions.NoArgsIsHelpError as error:
        print(error.format_message())
        sys.exit(error.exit_code)
    except click.ClickException as error:
        _fail(_first_line(error.format_message()), error.exit_code, debug)
    except (click.Abort, KeyboardInterrupt):
        if terminated:
            _fail("ended by SIGTERM", 143, debug)
        _fail("interrupted", 130, debug)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(141)
    except Exception as error:
        from scaler_core.errors import ScalerError

        if isinstance(error, ScalerError):
            _fail(str(error), error.exit_code, debug)
        _fail(
            f"unexpected {type(error).__name__}: {_first_line(str(error))} "
            "(this is a bug in SCALER; run again with --debug and report what it prints)",
            1,
            debug,
        )


@contextmanager
def _sigterm_interrupts(seen: list[int]) -> Iterator[None]:
    """The first SIGTERM interrupts as Ctrl-C does, so that what is temporary goes; a second kills.

    Args:
        seen: Receives the number of the signal.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may say what a signal does
        return

    def handle(number: int, frame: FrameType | None) -> None:
        seen.append(number)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        raise KeyboardInterrupt

    old = signal.signal(signal.SIGTERM, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, old or signal.SIG_DFL)


def _first_line(text: str) -> str:
    return " ".join(text.split())


def _fail(message: str, code: int, debug: bool) -> None:
    if debug:
        import traceback

        traceback.print_exc()
    from scaler_core.cli.output import printable

    print(f"scaler: {printable(message)}", file=sys.stderr)
    sys.exit(code)
