"""OpenRLHF's own parser and argument checks, run without starting anything.

Its parser stands under ``if __name__ == "__main__"`` of its command, which ends in ``train(args)``.
That block is run here as it is, but for its last line.
"""

from __future__ import annotations

import argparse
import ast
import importlib.util
import io
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

from scaler_core.errors import InfrastructureError, UsageError, one_line

COMMAND = "openrlhf.cli.train_ppo_ray"


@dataclass(frozen=True)
class Parsed:
    """Flags as OpenRLHF parses them.

    Attributes:
        arguments: The namespace that its ``train`` takes.
        remarks: Lines that it printed while checking them.
    """

    arguments: Any
    remarks: tuple[str, ...]


def parse_flags(flags: Sequence[str]) -> Parsed:
    """Parse and check *flags* as OpenRLHF's command does.

    Raises:
        UsageError: It refuses them.
        InfrastructureError: Its command differs from that of the supported versions.
    """

    class Parser(argparse.ArgumentParser):
        """Reads *flags* instead of the command line; no abbreviations, no exit."""

        def __init__(self) -> None:
            super().__init__(prog="openrlhf", allow_abbrev=False, add_help=False)

        def parse_args(self) -> Any:  # type: ignore[override]
            return super().parse_args(list(flags))

        def error(self, message: str) -> NoReturn:
            raise ValueError(message)

    names: dict[str, Any] = {
        "argparse": SimpleNamespace(ArgumentParser=Parser),
        "datetime": datetime,
        "__name__": COMMAND,
    }
    printed = io.StringIO()
    try:
        with redirect_stdout(printed):
            exec(_main_block(), names)
    except (ValueError, AssertionError, TypeError, AttributeError, ImportError) as error:
        raise UsageError(
            f"OpenRLHF refuses its flags: {one_line(error)}",
            hint="correct backend.flags; scaler run --dry-run shows all flags",
        ) from error
    return Parsed(names["args"], tuple(printed.getvalue().splitlines()))


def _main_block() -> Any:
    spec = importlib.util.find_spec(COMMAND)
    if spec is None or spec.origin is None:
        raise InfrastructureError(f"{COMMAND} is not installed")
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    block = tree.body[-1]
    if not isinstance(block, ast.If) or ast.unparse(block.body[-1]) != "train(args)":
        raise InfrastructureError(
            f"{spec.origin} does not end in a call of train(args)",
            hint="install a supported version of OpenRLHF",
        )
    return compile(ast.Module(body=block.body[:-1], type_ignores=[]), spec.origin, "exec")
