"""The ``scaler`` command; :mod:`scaler_core.cli.commandline` is what it does."""

try:
    from scaler_core.cli.commandline import COMMANDS, cli, main
except KeyboardInterrupt:  # Ctrl-C while it loads, before main() can say so
    import sys

    print("scaler: interrupted", file=sys.stderr)
    raise SystemExit(130) from None

__all__ = ["COMMANDS", "cli", "main"]
