"""Watching a run: a live panel on a terminal, plain lines elsewhere. All of it on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from scaler_core.cli.output import note
from scaler_core.models import Event
from scaler_core.run.observers import Observer

if TYPE_CHECKING:
    from rich.console import RenderableType

    from scaler_core.run.observers import RunInfo

# decisions of the run that are printed, a line each, while it trains
PRINTED = {
    "quarantined": "quarantined {name}: {reason}",
    "level_capped": "capped {name}: {reason}",
    "pool_changed": "the pool changed since the run began: {reason}",
    "versions_changed": "versions changed since the run was last trained: {reason}",
    "component_changed": "{reason}",
    "environment_removed": "{name} is {reason}",
    "environment_edited": "{name}: {reason}; its difficulty is kept",
    "missing_tickets": "tickets without a group: {reason}",
    "resumed": "resumed after step {step}",
}
# decisions that come too often for a line each; the live panel shows the latest
SHOWN = {"retired": "retired {name}: {reason}", "admitted": "admitted {name}"}
# seconds between two lines of the plain view
PLAIN_INTERVAL_S = 1.0
DECISIONS_SHOWN = 5


class View(Observer):
    """What both views know of a run."""

    def __init__(self) -> None:
        self.run: RunInfo | None = None
        self.metrics: Mapping[str, float] = {}
        self.retired = 0
        self.step = 0
        self._began = time.monotonic()
        self._first_step = 1

    def __enter__(self) -> View:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None

    def run_started(self, run: RunInfo) -> None:
        """Remember whom to watch, and say where its files are."""
        self.run = run
        self._first_step = run.first_step
        self._began = time.monotonic()
        self.say(
            f"recipe {run.name}: {run.steps} steps of {run.prompts} prompts x {run.responses} "
            f"responses on {run.environments} environments, "
            f"backend {run.backend}; files in {run.directory}"
        )

    def event(self, event: Event) -> None:
        """Print the decisions that a person wants to know of."""
        self.retired += event.kind == "retired"
        if event.kind in PRINTED:
            self.say(_described(PRINTED[event.kind], event))

    def step_finished(self, step: int, metrics: Mapping[str, float]) -> None:
        """Remember the step's figures."""
        self.step, self.metrics = step, metrics

    def evaluating(self, label: str, total: int) -> None:
        """Say that the grid is answered."""
        self.say(f"answering {total} held-out instances ({_when(label)})")

    def evaluated(self, label: str, scores: Mapping[str, Any]) -> None:
        """Say what came out."""
        self.say(f"accuracy {_when(label)}: {_percent(scores['accuracy'])}")
        if label == "before":
            self._began = time.monotonic()

    def benchmark_started(self, step: int, benchmark: str, samples: int) -> None:
        """Say what is asked now."""
        self.say(f"step {step}: asking for {samples} responses to {benchmark}")

    def measured(self, step: int, figures: Mapping[str, float]) -> None:
        """Say what was measured, level by level figures left out."""
        shown = {name: value for name, value in figures.items() if name.count("/") == 1}
        parts = [f"{name.partition('/')[2]} {_percent(value)}" for name, value in shown.items()]
        if any(name.startswith("eval/") or name == "grid/out-of-pool" for name in shown):
            self.say(f"step {step}: {', '.join(parts)}")

    def warning(self, text: str) -> None:
        """Tell it."""
        self.say(f"warning: {text}")

    def checkpoint_written(self, step: int, path: Path) -> None:
        """Prints nothing: the closing lines name the checkpoints."""

    def say(self, text: str) -> None:
        """A line for the person at the terminal."""
        note(text)

    @property
    def seconds_left(self) -> float | None:
        """Seconds to the last step at the mean pace so far; ``None`` before the first."""
        trained = self.step - self._first_step + 1
        if self.run is None or trained <= 0:
            return None
        return (time.monotonic() - self._began) / trained * (self.run.steps - self.step)

    def figures(self) -> list[tuple[str, str]]:
        """Name and text of each figure, in the order of reading."""
        metrics = self.metrics
        steps = self.run.steps if self.run else 0
        return [
            ("step", f"{self.step}/{steps}"),
            ("accuracy", _percent(metrics.get("accuracy"))),
            ("informative", _percent(metrics.get("informative_share"))),
            ("difficulty", f"{metrics.get('mean_difficulty', 0):.2f}"),
            ("active", f"{metrics.get('active', 0):.0f}"),
            ("retired", str(self.retired)),
            ("left", _duration(self.seconds_left)),
        ]


class PlainView(View):
    """A line for a step, at most one a second, and always the last."""

    def __init__(self) -> None:
        super().__init__()
        self._printed = 0.0

    def step_finished(self, step: int, metrics: Mapping[str, float]) -> None:
        """Print the step's line, unless one was just printed."""
        super().step_finished(step, metrics)
        now = time.monotonic()
        last = self.run is not None and step >= self.run.steps
        if last or now - self._printed >= PLAIN_INTERVAL_S:
            self._printed = now
            self.say("  ".join(f"{name} {text}" for name, text in self.figures()))


class LiveView(View):
    """A panel that is redrawn in place: progress, figures, and the latest decisions."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live

        super().__init__()
        self._decisions: list[str] = []
        self._live = Live(console=Console(stderr=True), refresh_per_second=4, transient=True)

    @staticmethod
    def fits() -> bool:
        """Whether there is a terminal to draw on."""
        return sys.stderr.isatty()

    def __enter__(self) -> View:
        self._live.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.__exit__(kind, error, trace)

    def say(self, text: str) -> None:
        """Lines scroll past above the panel."""
        self._live.console.print(text, markup=False, highlight=False)

    def event(self, event: Event) -> None:
        """As in the plain view; the latest comings and goings are kept in the panel."""
        super().event(event)
        if event.kind in SHOWN:
            line = _described(SHOWN[event.kind], event)
            self._decisions = [*self._decisions, line][-DECISIONS_SHOWN:]

    def step_finished(self, step: int, metrics: Mapping[str, float]) -> None:
        """Redraw."""
        super().step_finished(step, metrics)
        self._live.update(self._panel())

    def _panel(self) -> RenderableType:
        from rich.console import Group
        from rich.panel import Panel
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        steps = self.run.steps if self.run else 1
        table = Table.grid(expand=True)
        figures = self.figures()
        for _ in figures:
            table.add_column(justify="center")
        table.add_row(*(Text(name, style="dim") for name, _ in figures))
        table.add_row(*(Text(text, style="bold") for _, text in figures))
        decisions = Text("\n".join(self._decisions), style="dim", no_wrap=True, overflow="ellipsis")
        # in a table, because a bar by itself does not end its line
        bar = Table.grid(expand=True)
        bar.add_row(ProgressBar(total=steps, completed=self.step))
        title = f"scaler run {self.run.name}" if self.run else "scaler run"
        return Panel(Group(bar, table, decisions), title=title, title_align="left")


def _when(label: str) -> str:
    """The moment that the label of a measurement means."""
    if label in ("before", "after"):
        return f"{label} training"
    return f"after {label.partition('/')[0].replace('-', ' ')}"


def _described(form: str, event: Event) -> str:
    return form.format(name=event.environment_id, reason=event.reason, step=event.step)


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
