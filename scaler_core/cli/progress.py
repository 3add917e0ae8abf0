"""How far a long command is: a bar on a terminal, plain lines elsewhere. All of it on stderr."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

from scaler_core.cli.output import note

if TYPE_CHECKING:
    import rich.progress

PLAIN_INTERVAL_S = 2.0


class Progress:
    """Counts up to *total*, with the rate and the time left.

    Args:
        total: How many there are.
        what: What is counted, such as ``environments audited``.
    """

    def __init__(self, total: int, what: str) -> None:
        self._total = total
        self._what = what
        self._done = 0
        self._began = self._printed = time.monotonic()
        self._bar: rich.progress.Progress | None = None
        if sys.stderr.isatty():
            self._bar = _bar(what, total)

    def __enter__(self) -> Progress:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar:
            self._bar.stop()

    def advance(self) -> None:
        """One more is done."""
        self._done += 1
        now = time.monotonic()
        if self._bar:
            self._bar.advance(self._bar.task_ids[0])
        elif self._done in (1, self._total) or now - self._printed >= PLAIN_INTERVAL_S:
            self._printed = now
            note(self._line(now - self._began))

    def _line(self, seconds: float) -> str:
        rate = self._done / max(seconds, 1e-9)
        left = (self._total - self._done) / rate
        return (
            f"{self._done} of {self._total} {self._what}, {60 * rate:.1f} a minute, "
            f"{left:.0f} s left"
        )


def _bar(what: str, total: int) -> rich.progress.Progress:
    from rich import progress
    from rich.console import Console

    bar = progress.Progress(
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TimeElapsedColumn(),
        progress.TextColumn("left"),
        progress.TimeRemainingColumn(),
        console=Console(stderr=True),
    )
    bar.add_task(what, total=total)
    return bar
