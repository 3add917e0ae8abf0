"""What the process with the feed answers to OpenRLHF's trainer; no cluster is needed for that."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("openrlhf", reason="a test of the session around OpenRLHF's trainer")

from ray.exceptions import ActorDiedError, RayTaskError

from scaler_core.config import PromptSection
from scaler_core.errors import (
    BackendProtocolError,
    DataError,
    InfrastructureError,
    PoolExhausted,
    UsageError,
)
from scaler_core.models import Batch, Group, Response, Ticket, Verdict
from scaler_core.run.checkpoint import write_checkpoint
from scaler_core.run.judge import PortableJudge
from scaler_plugins.backends.openrlhf.assignment import Assignment, Judged
from scaler_plugins.backends.openrlhf.prompts import PromptRenderer
from scaler_plugins.backends.openrlhf.session import SAMPLES_PER_STEP, Session, _explained, _take
from scaler_plugins.backends.openrlhf.trainer import step_metrics
from tests.openrlhf.making import judged
from tests.plugins.backends.local.fakes import FakeFeed, FakeRun
from tests.plugins.backends.openrlhf.making import options

JUDGE = PortableJudge(("some/plugin",))


class Feed(FakeFeed):
    """A feed that can be saved, and whose judge travels."""

    def portable_judge(self) -> PortableJudge:
        return JUDGE

    def state_dict(self) -> dict[str, Any]:
        assert not self.open
        return {"step": self.step}


class Run(FakeRun):
    """A run that gives the curriculum's figures, and keeps what it is asked to save."""

    saved: list[int]

    def finish_step(
        self,
        step: int,
        metrics: Mapping[str, float],
        samples: Sequence[tuple[Ticket, Response, Verdict]] = (),
    ) -> Mapping[str, float]:
        super().finish_step(step, metrics, samples)
        return {"mean_difficulty": float(step)}

    def save_checkpoint(self, step: int, save: Callable[[Path], None]) -> Path:
        self.saved = [*getattr(self, "saved", []), step]
        return self.directory


def session(
    folder: Path, feed: Feed | None = None, run: Run | None = None, **given: Any
) -> Session:
    made = options(**given)
    run = run or Run(folder / "run", steps=9)
    return Session(made, None, feed or Feed(), run, PromptRenderer(made, run.prompt))


# ------------------------------------------------------------------ drawing and recording


def test_a_drawn_step_is_a_rendered_prompt_and_an_assignment_for_each_ticket(
    tmp_path: Path,
) -> None:
    feed = Feed(prompts=3)
    run = Run(tmp_path / "run", responses=5, prompt=PromptSection(stop=("</s>",)))
    made = session(tmp_path, feed, run, reward="binary")
    drawn = made._draw(1)
    assert [source for source, _, _ in drawn] == ["count-target"] * 3
    assert [prompt for _, prompt, _ in drawn] == [
        made.prompts.render(ticket.messages) for ticket in feed.tickets
    ]
    assert [label for _, _, label in drawn] == [
        Assignment(ticket, 5, JUDGE, "binary", ("</s>",)) for ticket in feed.tickets
    ]


def test_a_trainer_at_another_step_than_the_feed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BackendProtocolError, match="the feed is at step 1, but the trainer at 2"):
        session(tmp_path)._draw(2)


def test_equal_tickets_have_equal_seeds_where_seeds_are_asked_for(tmp_path: Path) -> None:
    def seeds(seed: int = 0, **given: Any) -> list[int | None]:
        run = Run(tmp_path / "run", seed=seed)
        return [label.seed for _, _, label in session(tmp_path, run=run, **given)._draw(1)]

    assert seeds() == [None, None]
    first = seeds(seed_responses=True)
    assert first == seeds(seed_responses=True)
    assert len(set(first)) == 2
    assert not set(first) & set(seeds(seed=1, seed_responses=True))


def test_verdicts_are_recorded_before_the_state_that_goes_into_the_checkpoint(
    tmp_path: Path,
) -> None:
    feed = Feed()
    made = session(tmp_path, feed)
    made._draw(1)
    groups = [Group(ticket_id=item.id, verdicts=(Verdict.correct(),)) for item in feed.tickets]
    assert made._record(1, groups) == {"step": 1}
    assert feed.calls == ["draw 1", "record 1"]


# ------------------------------------------------------------------ the end of a step


def finished(made: Session, step: int, metrics: Mapping[str, float] | None = None) -> Any:
    samples = [judged(f"{step}.{index}", 0) for index in range(6)]
    return made._finish(step, metrics or {"loss": 0.5}, samples, {})


def test_a_step_ends_with_its_figures_and_a_few_samples(tmp_path: Path) -> None:
    run = Run(tmp_path / "run", steps=9)
    made = session(tmp_path, run=run)
    ended = finished(made, 1, {"loss": 0.5, "seconds_generate": 3.0})
    assert (ended.figures, ended.stop) == ({"mean_difficulty": 1.0}, False)
    (metrics,) = run.metrics
    assert metrics["loss"] == 0.5
    assert metrics["seconds_rollout"] + metrics["seconds_draw"] == pytest.approx(3.0)
    assert "seconds_generate" not in metrics
    assert len(run.samples) == SAMPLES_PER_STEP
    names = [ticket.id for ticket, _, _ in run.samples]
    assert names == sorted(names)
    finished(made, 2)
    assert [name.partition(".")[2] for name in names] != [
        ticket.id.partition(".")[2] for ticket, _, _ in run.samples[SAMPLES_PER_STEP:]
    ], "other ones each step"


def test_a_stop_that_was_asked_for_stops_after_a_checkpoint(tmp_path: Path) -> None:
    run = Run(tmp_path / "run", steps=9, stop_in=2, scored_after=[1, 2])
    made = session(tmp_path, run=run)
    made.ask = lambda questions: iter(())  # type: ignore[method-assign]
    first = finished(made, 1)
    assert not first.stop
    assert first.figures["eval/some"] == 0.5
    second = finished(made, 2)
    assert second.stop
    assert "eval/some" not in second.figures, "a stop does not wait for a benchmark"
    assert run.saved[-1] == 2


def test_a_step_that_is_due_is_saved(tmp_path: Path) -> None:
    run = Run(tmp_path / "run", steps=3)
    made = session(tmp_path, run=run)
    for step in (1, 2, 3):
        finished(made, step)
    assert run.saved == [3]


# ------------------------------------------------------------------ resuming


def committed(folder: Path) -> Path:
    """A checkpoint with the curriculum after step 4."""
    state = {"feed": {"step": 4, "levels": [1, 2]}}
    checkpoint = write_checkpoint(folder, 4, state, lambda path: None, keep=2)
    assert checkpoint.backend is not None
    return checkpoint.backend


def test_the_model_and_the_curriculum_must_be_of_one_checkpoint(tmp_path: Path) -> None:
    backend = committed(tmp_path)
    made = session(tmp_path, run=Run(tmp_path / "run", resume_from=backend))
    made._restored({"levels": [1, 2], "step": 4})
    for other in ({"step": 4, "levels": [1, 3]}, {"step": 3, "levels": [1, 2]}, {}):
        with pytest.raises(DataError, match="was not saved with the curriculum beside it"):
            made._restored(other)


# ------------------------------------------------------------------ what ended it


def task_error(cause: Exception) -> RayTaskError:
    return RayTaskError("train", "Traceback: many\nlines", cause)


@pytest.mark.parametrize("nested", [0, 1, 3])
@pytest.mark.parametrize("dual", [False, True], ids=["plain", "of two classes"])
def test_an_error_of_ours_is_found_however_many_actors_it_went_through(
    nested: int, dual: bool
) -> None:
    ours = UsageError("a question is too long", hint="raise the limit")
    error: Exception = ours
    for _ in range(nested):
        error = task_error(error)
        if dual:  # as ray.get raises it
            error = error.as_instanceof_cause()
    assert _explained(error) is ours


def test_a_foreign_error_is_one_line_with_where_to_look() -> None:
    error = _explained(task_error(task_error(ValueError("no such\nlayer"))))
    assert isinstance(error, InfrastructureError)
    assert error.message == "OpenRLHF stopped: ValueError: no such layer"
    assert "logs" in error.hint
    assert "--resume" in error.hint


def test_a_dead_actor_is_one_line() -> None:
    message = _explained(ActorDiedError()).message
    assert message.startswith("OpenRLHF stopped: ActorDiedError: ")
    assert "\n" not in message


@pytest.mark.parametrize("error", [SystemExit(1), KeyboardInterrupt(), AssertionError()])
def test_whatever_ends_it_is_explained(error: BaseException) -> None:
    assert _explained(error).message == f"OpenRLHF stopped: {type(error).__name__}" + (
        ": 1" if isinstance(error, SystemExit) else ""
    )


def test_errors_of_the_feed_keep_their_kind() -> None:
    assert isinstance(_explained(PoolExhausted("none left")), PoolExhausted)


# ------------------------------------------------------------------ small things


def test_a_part_is_taken_of_what_is_still_to_come() -> None:
    items = iter(range(5))
    assert list(_take(items, 2)) == [0, 1]
    assert list(_take(items, 0)) == []
    assert list(_take(items, 9)) == [2, 3, 4]
    assert list(_take(items, 9)) == []


def test_openrlhfs_figures_get_a_runs_names() -> None:
    status = {
        "policy_loss": 0.25,
        "actor_grad_norm": 1,
        "timing/generation": 4.0,
        "timing/make_experience": 1.0,
        "timing/ppo_train": 2.0,
        "timing/broadcast": 0.5,
        "rollout/reward_mean": 0.1,
        "generated_samples": ["text"],
    }
    assert step_metrics(status) == {
        "loss": 0.25,
        "grad_norm": 1.0,
        "seconds_generate": 4.0,
        "seconds_train": 3.0,
        "seconds_sync": 0.5,
    }


def test_a_step_that_was_not_trained_on_has_the_figures_that_there_are() -> None:
    assert step_metrics({"timing/generation": 4.0}) == {"seconds_generate": 4.0}
    assert step_metrics({}) == {}


def test_only_the_first_response_to_a_ticket_can_become_a_sample() -> None:
    from scaler_plugins.backends.openrlhf.trainer import CurriculumTrainer

    trainer = CurriculumTrainer.__new__(CurriculumTrainer)
    trainer._judged = [judged("a", 1), judged("b", 0), judged("a", 0), judged("b", 1)]
    picked: list[Judged] = trainer._samples()
    assert [item.ticket.id for item in picked if item.ticket] == ["b", "a"]
