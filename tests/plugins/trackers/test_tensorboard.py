"""The tracker ``tensorboard``, read back as TensorBoard reads it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("tensorboard")

from scaler_core.testing.contracts import TrackerContract
from scaler_plugins.trackers.tensorboard import TensorBoard

Points = list[tuple[int, float]]


class TestTensorBoard(TrackerContract):
    def make(self) -> TensorBoard:
        return TensorBoard()


def curves(folder: Path) -> dict[str, Points]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(folder))
    found.Reload()
    tags = found.Tags()["scalars"]
    return {tag: [(point.step, point.value) for point in found.Scalars(tag)] for tag in tags}


def test_every_figure_is_a_curve(tmp_path: Path) -> None:
    tracker = TensorBoard()
    tracker.start("some", tmp_path, {}, 1)
    tracker.log(0, {"eval/average": 0.25})
    tracker.log(1, {"accuracy": 0.5, "loss": -2.0})
    tracker.log(1, {"eval/average": 0.75})
    tracker.close()
    assert curves(tmp_path / "tracking" / "tensorboard") == {
        "eval/average": [(0, 0.25), (1, 0.75)],
        "accuracy": [(1, 0.5)],
        "loss": [(1, -2.0)],
    }


def test_a_resumed_run_goes_on_with_the_same_curve(tmp_path: Path) -> None:
    for first_step, last, value in ((1, 5, 0.0), (4, 6, 1.0)):
        tracker = TensorBoard(TensorBoard.Config(folder=tmp_path))
        tracker.start("some", tmp_path / "unused", {}, first_step)
        for step in range(first_step, last + 1):
            tracker.log(step, {"accuracy": value})
        tracker.close()
    expected = [(1, 0.0), (2, 0.0), (3, 0.0), (4, 1.0), (5, 1.0), (6, 1.0)]
    assert curves(tmp_path)["accuracy"] == expected


def test_what_was_logged_survives_a_kill(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path\n"
        "from scaler_plugins.trackers.tensorboard import TensorBoard\n"
        "tracker = TensorBoard(); tracker.start('some', Path(sys.argv[1]), {}, 1)\n"
        "tracker.log(1, {'accuracy': 0.5}); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert curves(tmp_path / "tracking" / "tensorboard") == {"accuracy": [(1, 0.5)]}
