"""The ``scaler`` command: one module a command, loaded only when it is called.

Commands print and exit; everything they do is a call into the library.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys

import click

from scaler_core import __version__
from scaler_core.cli.display import hold_standard_streams, unbreakable_stderr
from scaler_core.cli.signals import Stopped, stops_raise
from scaler_core.sandbox.descriptors import raise_limit

# command -> (module, one line of help): kept here so that `scaler --help` imports no command
COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("scaler_core.cli.run", "Train a model on environments that adapt to it."),
    "serve": ("scaler_core.cli.serve", "Serve a curriculum to a trainer over HTTP."),
    "eval": ("scaler_core.cli.eval", "Score a model on benchmarks."),
    "pool": ("scaler_core.cli.pool", "Import, export, list, sample and audit environments."),
    "synth": ("scaler_core.cli.synth", "Make environments out of programming problems."),
    "verify": ("scaler_core.cli.verify", "Judge one response by the answer that is right."),
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

    Exit codes: 0 ok, 1 failed work, 2 wrong use, 128 + signal where one ended it (130 for Ctrl-C).
    """
    argv = list(sys.argv[1:] if args is None else args)
    # wherever it stands: it is wanted after a command failed, at the end of the line
    debug = "--debug" in argv
    hold_standard_streams()
    raise_limit()
    with unbreakable_stderr():
        try:
            with stops_raise():
                code = cli.main(
                    [item for item in argv if item != "--debug"],
                    prog_name="scaler",
                    standalone_mode=False,
                )
                sys.stdout.flush()
        except BaseException as error:
            code = _exit_code(error, debug)
        sys.exit(code if isinstance(code, int) else 0)


def _exit_code(error: BaseException, debug: bool) -> int:
    """Say what ended a command, in one line, and how it exits."""
    from scaler_core.errors import ScalerError, machine_fault

    if isinstance(error, click.Abort) and error.__cause__:
        error = error.__cause__  # click hides what a signal raised
    match error:
        case SystemExit(code=int() as code):
            return code
        case BrokenPipeError():
            # whoever read our output has left; what is still in the buffer goes nowhere
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 128 + signal.SIGPIPE
        case click.exceptions.NoArgsIsHelpError():
            print(error.format_message())
            return error.exit_code
        case click.ClickException():
            message, code = _first_line(error.format_message()), error.exit_code
        case Stopped():
            message, code = str(error), error.exit_code
        case click.Abort() | KeyboardInterrupt() | EOFError():
            message, code = "interrupted", 128 + signal.SIGINT
        case ScalerError():
            message, code = str(error), error.exit_code
        case OSError() if fault := machine_fault(error):
            message, code = str(fault), fault.exit_code
        case _:
            message, code = (
                f"unexpected {type(error).__name__}: {_first_line(str(error))} "
                "(this is a bug in SCALER; run again with --debug and report what it prints)",
                1,
            )
    # loaded for errors alone: `scaler --help` does not wait for it
    from scaler_core.cli.output import printable

    if debug:
        import traceback

        traceback.print_exception(error)
    print(f"scaler: {printable(message)}", file=sys.stderr)
    return code


def _first_line(text: str) -> str:
    return " ".join(text.split())
