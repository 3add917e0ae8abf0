"""Watching a synthesis: a live panel on a terminal, plain lines elsewhere. All of it on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

from scaler_core.cli.output import note

if TYPE_CHECKING:
    from rich.console import RenderableType

    from scaler_core.synthesis.pipeline import Status
    from scaler_core.synthesis.run import SynthesisRun

PLAIN_INTERVAL_S = 5.0


class View:
    """What both views know of a run."""

    def __init__(self) -> None:
        self.status: Status | None = None
        self._run: SynthesisRun | None = None
        self._total: int | None = None
        self._first: tuple[float, int] | None = None

    @contextmanager
    def watching(self, run: SynthesisRun, total: int | None) -> Iterator[None]:
        """Show *run* until the end of the context.

        Args:
            run: The run.
            total: Problems that it will look at, where that is known.
        """
        self._run, self._total = run, total
        with self._drawing():
            yield

    def changed(self, status: Status) -> None:
        """Remember it; called often."""
        self.status = status
        if self._first is None and status.under_way.total():
            # what earlier runs have done is gone through in no time, and is no part of the pace
            self._first = (time.monotonic(), self._done)

    def figures(self) -> list[tuple[str, str]]:
        """Name and text of each figure, in the order of reading."""
        status, run = self.status, self._run
        assert status is not None, "shown before anything happened"
        assert run is not None, "shown before it is watched"
        total = "" if self._total is None else f"/{self._total}"
        spent = run.budget.totals
        figures = [
            ("read", f"{status.read}{total}"),
            ("accepted", str(status.accepted)),
            ("rejected", str(status.rejected)),
            ("undone", str(len(status.undone))),
            ("a minute", f"{60 * self._pace:.1f}"),
            ("requests", str(spent.requests)),
            ("tokens", f"{spent.tokens:,}"),
        ]
        if spent.cost:
            figures.append(("cost", f"{spent.cost:.2f}"))
        figures.append(("left", _duration(self._seconds_left())))
        return figures

    def under_way(self) -> str:
        """How many problems are in each stage."""
        counts = self.status.under_way if self.status else {}
        return "  ".join(f"{stage} {count}" for stage, count in counts.items() if count)

    @property
    def _done(self) -> int:
        """Problems that came to an end, in earlier runs too."""
        status = self.status
        return status.accepted + status.rejected + len(status.undone) if status else 0

    @property
    def _pace(self) -> float:
        """Problems that come to an end in a second."""
        if self._first is None:
            return 0.0
        began, before = self._first
        return (self._done - before) / max(time.monotonic() - began, 1e-9)

    def _seconds_left(self) -> float | None:
        if self._total is None or not self._pace:
            return None
        return (self._total - self._done) / self._pace

    def _drawing(self) -> AbstractContextManager[object]:
        return nullcontext()


class PlainView(View):
    """A line now and then."""

    def __init__(self) -> None:
        super().__init__()
        self._printed = time.monotonic()

    def changed(self, status: Status) -> None:
        """Print a line, unless one was just printed."""
        super().changed(status)
        now = time.monotonic()
        if now - self._printed >= PLAIN_INTERVAL_S:
            self._printed = now
            note("  ".join(f"{name} {text}" for name, text in self.figures()))


class LiveView(View):
    """A panel that is redrawn in place."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live

        super().__init__()
        self._live = Live(
            console=Console(stderr=True),
            refresh_per_second=4,
            transient=True,
            get_renderable=self._panel,
        )

    @staticmethod
    def fits() -> bool:
        """Whether there is a terminal to draw on."""
        return sys.stderr.isatty()

    def _drawing(self) -> AbstractContextManager[object]:
        return self._live

    def _panel(self) -> RenderableType:
        from rich.console import Group
        from rich.panel import Panel
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        if self.status is None or self._run is None:
            return Text("reading problems ...")
        table = Table.grid(expand=True)
        figures = self.figures()
        for _ in figures:
            table.add_column(justify="center")
        table.add_row(*(Text(name, style="dim") for name, _ in figures))
        table.add_row(*(Text(text, style="bold") for _, text in figures))
        # in a table, because a bar by itself does not end its line
        bar = Table.grid(expand=True)
        bar.add_row(ProgressBar(total=self._total, completed=self._done, pulse=self._total is None))
        title = f"scaler synth {self._run.pool.name}"
        lines = Group(bar, table, Text(self.under_way(), style="dim"))
        return Panel(lines, title=title, title_align="left")


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
