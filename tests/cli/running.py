"""What the tests of commands call a command line."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

#: Runs a command line: exit code, stdout, stderr.
Scaler = Callable[..., tuple[int, str, str]]
#: Starts a process whose output is text; arguments as those of ``Popen``.
Start = Callable[..., subprocess.Popen[str]]
