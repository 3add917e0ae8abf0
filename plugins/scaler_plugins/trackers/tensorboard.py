"""The tracker ``tensorboard``: event files in the run's folder."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scaler_core.interfaces import Options, Tracker


class TensorBoard(Tracker):
    """Writes scalars for ``tensorboard --logdir RUN``; TensorFlow and torch are not needed."""

    name = "tensorboard"

    class Config(Options):
        """Options of ``tensorboard``."""

        folder: Path | None = None
        """Where the event files go; ``tracking/tensorboard`` in the run's folder when not given.
        One folder for several runs needs a folder below it for each."""

    config: Config

    def __init__(self, config: Options | None = None) -> None:
        super().__init__(config)
        self._writer: Any = None

    @classmethod
    def missing(cls) -> str:
        """A line where TensorBoard is not installed."""
        if importlib.util.find_spec("tensorboard") is None:
            return "tensorboard is not installed: pip install 'scaler-rl[tensorboard]'"
        return ""

    def start(self, name: str, directory: Path, recipe: Mapping[str, Any], first_step: int) -> None:
        """Open another event file; TensorBoard then drops later steps of older files."""
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        folder = self.config.folder or directory / "tracking" / "tensorboard"
        self._writer = EventFileWriter(str(folder.expanduser()))
        # the mark of a restart: points from this step on are of steps that a kill undid
        mark = SessionLog(status=SessionLog.START)
        self._writer.add_event(Event(session_log=mark, step=first_step))
        self._writer.flush()

    def log(self, step: int, figures: Mapping[str, float]) -> None:
        """Write a scalar for each figure; they are on disk when this returns."""
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary

        values = [
            Summary.Value(tag=name, simple_value=value) for name, value in sorted(figures.items())
        ]
        event = Event(wall_time=time.time(), step=step, summary=Summary(value=values))
        self._writer.add_event(event)
        self._writer.flush()

    def close(self) -> None:
        """Close the event file."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
