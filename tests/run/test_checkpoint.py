"""Checkpoints: whole or absent, pruned only after the commit."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from scaler_core.errors import DataError, InfrastructureError
from scaler_core.run.checkpoint import MARKER, latest_checkpoint, list_checkpoints, write_checkpoint
from tests.sandbox.machines import forks


def save(folder: Path) -> None:
    (folder / "weights").mkdir()
    (folder / "weights" / "w.bin").write_bytes(b"123")


def write(folder: Path, step: int, keep: int = 2) -> None:
    write_checkpoint(folder, step, {"feed": {"step": step}}, save, keep)


def steps(folder: Path) -> list[int]:
    return [item.step for item in list_checkpoints(folder)]


def test_a_checkpoint_holds_feed_and_backend_together(tmp_path: Path) -> None:
    write(tmp_path, 7)
    checkpoint = latest_checkpoint(tmp_path)
    assert checkpoint.step == 7
    assert checkpoint.read() == {"feed": {"step": 7}}
    assert checkpoint.backend is not None
    assert (checkpoint.backend / "weights" / "w.bin").read_bytes() == b"123"


def test_old_ones_go_only_after_the_new_one_is_committed(tmp_path: Path) -> None:
    for step in (1, 2, 10):
        write(tmp_path, step)
    assert steps(tmp_path) == [2, 10]

    def fail(folder: Path) -> None:
        save(folder)
        raise OSError(28, "No space left on device")

    with pytest.raises(InfrastructureError, match="No space left"):
        write_checkpoint(tmp_path, 11, {}, fail, 2)
    assert steps(tmp_path) == [2, 10]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-10", "step-2"]


def test_a_backend_that_fails_to_save_leaves_nothing(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        raise RuntimeError("no weights")

    with pytest.raises(RuntimeError, match="no weights"):
        write_checkpoint(tmp_path, 1, {}, fail, 2)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", ["no marker", "short file", "missing file", "no json"])
def test_a_damaged_checkpoint_is_passed_over(tmp_path: Path, damage: str) -> None:
    write(tmp_path, 1)
    write(tmp_path, 2)
    path = tmp_path / "step-2"
    if damage == "no marker":
        (path / MARKER).unlink()
    elif damage == "short file":
        (path / "backend" / "weights" / "w.bin").write_bytes(b"1")
    elif damage == "missing file":
        (path / "feed.json").unlink()
    else:
        (path / MARKER).write_text("{")
    assert latest_checkpoint(tmp_path).step == 1


def test_a_changed_feed_state_is_noticed(tmp_path: Path) -> None:
    write(tmp_path, 1)
    path = tmp_path / "step-1" / "feed.json"
    path.write_text(path.read_text().replace("1", "2"))
    with pytest.raises(DataError, match="was changed after it was written"):
        latest_checkpoint(tmp_path).read()


def test_what_a_killed_removal_left_is_removed(tmp_path: Path) -> None:
    write(tmp_path, 1)
    (tmp_path / "step-1" / MARKER).unlink()
    for step in (2, 3):
        write(tmp_path, step)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-2", "step-3"]


def test_without_a_whole_checkpoint_a_resume_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".step-3.partial").mkdir()
    (tmp_path / "step-4").mkdir()
    with pytest.raises(DataError, match="no whole checkpoint"):
        latest_checkpoint(tmp_path)


@forks
def test_a_kill_at_any_moment_leaves_a_whole_checkpoint(tmp_path: Path) -> None:
    """Children are killed in the middle of committing; some earlier step must always be whole."""
    import signal
    import time

    write(tmp_path, 0)
    for round_number in range(12):
        child = os.fork()
        if child == 0:
            step = latest_checkpoint(tmp_path).step
            while True:
                step += 1
                write(tmp_path, step)
        time.sleep(0.01 + 0.004 * round_number)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        checkpoint = latest_checkpoint(tmp_path)
        assert checkpoint.read()["feed"]["step"] == checkpoint.step
    marker = json.loads((checkpoint.path / MARKER).read_text())
    assert set(marker["files"]) == {"feed.json", "backend/weights/w.bin"}
