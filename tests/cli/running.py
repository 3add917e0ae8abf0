"""What the tests of commands call a command line."""

from __future__ import annotations

from collections.abc import Callable

#: Runs a command line: exit code, stdout, stderr.
Scaler = Callable[..., tuple[int, str, str]]
