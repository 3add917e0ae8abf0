"""Questions to the model in training: benchmarks on a schedule, and nothing of training moved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("trl")

from scaler_plugins.backends.local import Local
from tests.plugins.backends.local.fakes import FakeFeed, FakeRun


def local(model: Path, **options: Any) -> Local:
    facts = {"model": str(model), "threads": 1, "max_response_tokens": 4, "rollout_batch": 4}
    return Local(Local.Config(**{**facts, "learning_rate": 1e-2, "warmup_steps": 0, **options}))


def weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def test_benchmarks_are_scored_when_the_run_says_so_after_their_checkpoint(
    micro_model: Path, tmp_path: Path
) -> None:
    class Checking(FakeRun):
        def score_benchmarks(self, step: int, ask: Any) -> Any:
            assert step in (0, *self.finished)
            assert step == 0 or (self.directory / f"step-{step}").is_dir()
            return super().score_benchmarks(step, ask)

        def checkpoint_due(self, step: int) -> bool:
            return True

    run = Checking(tmp_path / "run", steps=3, scored_after=(0, 2, 3))
    local(micro_model).train(FakeFeed(), run)
    assert list(run.scores) == [0, 2, 3]
    assert all(sorted(answers) == [0, 1, 2] for answers in run.scores.values())
    assert all(item.tokens for answers in run.scores.values() for item in answers.values())


def test_asking_leaves_training_as_it_is(micro_model: Path, tmp_path: Path) -> None:
    plain = FakeRun(tmp_path / "plain", steps=3)
    asked = FakeRun(tmp_path / "asked", steps=3, scored_after=(0, 1, 2, 3))
    for run in (plain, asked):
        local(micro_model).train(FakeFeed(), run)
    assert weights(tmp_path / "plain" / "model") == weights(tmp_path / "asked" / "model")


def test_a_resumed_run_first_answers_what_a_kill_left_unanswered_with_the_same_model(
    micro_model: Path, tmp_path: Path
) -> None:
    run = FakeRun(tmp_path / "run", steps=2, scored_after=(2,))
    local(micro_model).train(FakeFeed(), run)
    again = FakeRun(
        tmp_path / "again",
        steps=3,
        first_step=3,
        resume_from=tmp_path / "run" / "step-2",
        scored_after=(2,),
    )
    local(micro_model).train(FakeFeed(step=2), again)
    assert again.scores == run.scores
    assert again.finished == [3]


def test_a_stop_during_an_evaluation_ends_the_run_there(micro_model: Path, tmp_path: Path) -> None:
    class Stopping(FakeRun):
        stopped = False

        @property
        def stop_requested(self) -> bool:
            return self.stopped

        def checkpoint_due(self, step: int) -> bool:
            return True

        def score_benchmarks(self, step: int, ask: Any) -> Any:
            self.stopped = True
            return {}

    run = Stopping(tmp_path / "run", steps=4, scored_after=(2,))
    local(micro_model).train(FakeFeed(), run)
    assert run.finished == [1, 2]
    assert "after" not in run.evaluations


def test_adapted_models_are_asked_too(micro_model: Path, tmp_path: Path) -> None:
    pytest.importorskip("peft")
    run = FakeRun(tmp_path / "run", steps=1, scored_after=(0, 1))
    local(micro_model, lora={"rank": 2}).train(FakeFeed(), run)
    assert list(run.scores) == [0, 1]


def test_the_options_of_sampling_are_told() -> None:
    assert Local(Local.Config(temperature=0.7, top_p=0.9)).sampling() == (0.7, 0.9)
