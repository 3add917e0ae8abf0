"""The tracker ``wandb`` without a network."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("wandb")

from scaler_core.errors import UsageError
from scaler_core.testing.contracts import TrackerContract
from scaler_plugins.trackers.wandb import WeightsAndBiases


@pytest.fixture(autouse=True)
def _nobody_is_logged_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    import wandb

    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.delenv("WANDB_MODE", raising=False)
    yield
    wandb.teardown()


def offline() -> WeightsAndBiases:
    return WeightsAndBiases(WeightsAndBiases.Config(mode="offline"))


class TestWeightsAndBiases(TrackerContract):
    def make(self) -> WeightsAndBiases:
        return offline()


def test_off_line_everything_stays_in_the_runs_folder_under_one_id(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for first_step in (1, 2):
        tracker = offline()
        tracker.start("some", tmp_path / "run", {"run": {"steps": 2}}, first_step)
        tracker.log(first_step, {"accuracy": 0.5})
        tracker.close()
    folder = tmp_path / "run" / "tracking" / "wandb"
    identity = json.loads((folder / "run.json").read_text())["id"]
    written = sorted(path.name for path in folder.rglob("*.wandb"))
    assert written == [f"run-{identity}.wandb"] * 2
    content = b"".join(path.read_bytes() for path in folder.rglob("*.wandb"))
    assert b"accuracy" in content
    assert capfd.readouterr().out == ""


def test_on_line_without_an_account_it_fails_and_never_asks(tmp_path: Path) -> None:
    tracker = WeightsAndBiases(WeightsAndBiases.Config(mode="online"))
    with pytest.raises(UsageError, match="nobody is logged in to W&B"):
        tracker.start("some", tmp_path / "run", {}, 1)
    tracker.close()
