"""Open files: how many this process may have, and how the sandboxes share them.

The system limits the descriptors of a process: often to 1,024, which the process itself may raise,
up to a hard limit. Each box takes some, each server one more, and what is started inside inherits
the limit.
"""

from __future__ import annotations

import errno
import os
import resource
from typing import NamedTuple

from scaler_core.errors import UsageError
from scaler_core.sandbox.guard import wire

ENOUGH = 1 << 16
"""The soft limit is raised to it, where the hard one allows it."""
USUAL = 1024
"""Below this, fewer boxes and servers fit than a machine of some cores wants."""
LEAST = 64
"""The least with which one box works, with one call at a time."""
KEPT = 300
"""Reserved for everything but boxes; half of all where there are fewer than twice as many."""
BOX = 16
"""Those of a box without its servers: its keeper's, and those of a call while it runs."""
PROGRAM = 900
"""The number under which a compiled program is executed; lower only where the limit is."""
GUARD, SEED = 16, 5
"""Those that a server takes itself, and for each seed of a generator that share a process."""


class Share(NamedTuple):
    """How many boxes there may be, and how many servers in each."""

    boxes: int
    servers: int


def raise_limit() -> int:
    """Raise the soft limit towards the hard one; returns what it is now."""
    soft, hard = limits()
    wanted = min(hard, ENOUGH)
    if soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, _hard_limit()))
        except (OSError, ValueError):  # macOS has a further limit of its own
            return soft
    return max(soft, wanted)


def require_enough() -> None:
    """Raise the limit.

    Raises:
        UsageError: It stays too low for any sandbox.
    """
    if (allowed := raise_limit()) < LEAST:
        raise UsageError(
            f"this process may open only {allowed} files at once; a sandbox needs {LEAST}",
            hint="ulimit -n 1024 in the shell that starts it",
        )


def share(boxes: int, servers: int) -> Share:
    """The boxes and servers that the limit allows of those wanted, one of each at least."""
    allowed, _ = limits()
    free = allowed - min(KEPT, allowed // 2)
    most_boxes = max(1, min(boxes, free // (BOX + 1)))
    return Share(most_boxes, max(1, min(servers, free // most_boxes - BOX)))


def for_program() -> int:
    """The number under which a compiled program is executed; programs may open lower ones only."""
    allowed, _ = limits()
    return min(PROGRAM, allowed - 1)


def runs_together() -> int:
    """The most runs of a batch: a generator's seeds share a process, which has files of each."""
    allowed, _ = limits()
    return max(1, min(wire.MOST_RUNS, (allowed - GUARD) // SEED))


def explain(message: str) -> str:
    """A message of the system, with what to do where open files ran out."""
    if os.strerror(errno.EMFILE) not in message:
        return message
    soft, hard = limits()
    return (
        f"{message}: this process may open {soft} files at once (hard limit {hard}); "
        "raise the limit (ulimit -n, LimitNOFILE=, --ulimit nofile=) or lower sandbox.boxes"
    )


def limits() -> tuple[int, int]:
    """The soft and the hard limit; ``ENOUGH`` at least stands for none."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(ENOUGH, soft, hard)
    return (
        highest if soft == resource.RLIM_INFINITY else soft,
        highest if hard == resource.RLIM_INFINITY else hard,
    )


def _hard_limit() -> int:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]
