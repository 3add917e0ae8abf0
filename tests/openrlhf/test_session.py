"""What the process with the feed answers to OpenRLHF's trainer; no cluster is needed for that."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("openrlhf", reason="a test of the session around OpenRLHF's trainer")

import ray
from ray.exceptions import ActorDiedError, RayTaskError

from scaler_core.config import PromptSection
from scaler_core.errors import (
    BackendProtocolError,
    DataError,
    InfrastructureError,
    PoolExhausted,
    UsageError,
)
from scaler_core.interfaces import Ask
from scaler_core.judge import PortableJudge
from scaler_core.models import Group, Response, Verdict
from scaler_plugins.backends.openrlhf.assignment import Assignment, Judged
from scaler_plugins.backends.openrlhf.prompts import PromptRenderer
from scaler_plugins.backends.openrlhf.session import (
    KEPT_OPTIONS,
    Arguments,
    Session,
    _explain_error,
    _take,
)
from scaler_plugins.backends.openrlhf.trainer import (
    rollout_figures,
    step_metrics,
    verification_tail,
)
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
    curriculum: Mapping[str, Any] = {}

    def committed_curriculum(self) -> dict[str, Any]:
        return dict(self.curriculum)

    def figures(self, step: int) -> Mapping[str, float]:
        return {"mean_difficulty": float(step)}

    def save_checkpoint(self, step: int, save: Callable[[Path], None]) -> Path:
        self.saved = [*getattr(self, "saved", []), step]
        return self.directory


def session(
    folder: Path, feed: Feed | None = None, run: Run | None = None, **given: Any
) -> Session:
    made = options(**given)
    run = run or Run(folder / "run", steps=9)
    prompts = PromptRenderer(made, run.prompt)
    return Session(made, SimpleNamespace(), feed or Feed(), run, prompts)


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


def test_a_step_is_extended_by_tickets_that_travel_like_the_others(tmp_path: Path) -> None:
    made = session(tmp_path)
    drawn = made._answers["draw"](1)
    further = made._answers["extend"](3)
    assert [label.ticket.id for _, _, label in further] == [
        f"1.{number}" for number in range(len(drawn), len(drawn) + 3)
    ]
    assert {type(label) for _, _, label in further} == {Assignment}


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
    kept = {"model": made.options.model, "learning_rate": made.options.learning_rate, "lora": None}
    assert made._record(1, groups) == {"feed": {"step": 1}, "options": kept}
    assert feed.calls == ["draw 1", "record 1"]


def record(made: Session, step: int, *verdicts: Verdict) -> None:
    made._draw(step)
    made._record(step, [Group(ticket_id=f"{step}.0", verdicts=verdicts)])


def test_three_steps_in_which_nothing_is_judged_stop_the_run(tmp_path: Path) -> None:
    feed = Feed()
    made = session(tmp_path, feed)
    lost = Verdict.undecided("no sandbox here")
    for step in range(1, 7):
        record(made, step, *[lost, Verdict.correct()] if step % 3 == 0 else [lost])
    record(made, 7, lost)
    record(made, 8, lost)
    with pytest.raises(InfrastructureError, match="of 3 steps could be judged: no sandbox here"):
        record(made, 9, lost)
    assert feed.calls[-1] == "draw 9", "what was not judged does not reach the curriculum"


def test_three_steps_without_any_response_stop_the_run_too(tmp_path: Path) -> None:
    made = session(tmp_path)
    record(made, 1)
    record(made, 2)
    with pytest.raises(InfrastructureError, match="no response came back"):
        record(made, 3)


# ------------------------------------------------------------------ the end of a step


def finished(made: Session, step: int, metrics: Mapping[str, float] | None = None) -> Any:
    samples = [judged(f"{step}.{index}", 0) for index in range(6)]
    return made._finish(step, metrics or {"loss": 0.5}, samples, {})


def test_a_step_ends_with_its_figures_and_its_samples(tmp_path: Path) -> None:
    run = Run(tmp_path / "run", steps=9)
    made = session(tmp_path, run=run)
    ended = finished(made, 1, {"loss": 0.5, "seconds_generate": 3.0})
    assert (ended.figures, ended.stop) == ({"mean_difficulty": 1.0}, False)
    (metrics,) = run.metrics
    assert metrics["loss"] == 0.5
    assert metrics["seconds_rollout"] + metrics["seconds_draw"] == pytest.approx(3.0)
    assert "seconds_generate" not in metrics
    names = [ticket.id for ticket, _, _ in run.samples]
    assert names == [f"1.{index}" for index in range(6)], "the run chooses which it keeps"


def test_a_stop_that_was_asked_for_stops_after_a_checkpoint(tmp_path: Path) -> None:
    run = Run(tmp_path / "run", steps=9, stop_in=3, scored_after=[1, 3])
    made = session(tmp_path, run=run)
    made.ask = lambda questions: iter(())  # type: ignore[method-assign]
    first = finished(made, 1)
    assert not first.stop
    assert first.figures["eval/some"] == 0.5
    assert not finished(made, 2).stop
    third = finished(made, 3)
    assert third.stop
    assert "eval/some" not in third.figures, "a stop does not wait for a benchmark"
    assert run.saved[-1] == 3


def test_a_stop_during_an_evaluation_stops(tmp_path: Path) -> None:
    class Stopped(Run):
        stop_requested = False  # type: ignore[assignment]

        def score_benchmarks(self, step: int, ask: Ask) -> Mapping[str, float]:
            self.stop_requested = True
            return {}

    made = session(tmp_path, run=Stopped(tmp_path / "run", steps=9, scored_after=[2]))
    assert [finished(made, step).stop for step in (1, 2)] == [False, True]


def test_a_step_that_is_due_is_saved(tmp_path: Path) -> None:
    run = Run(tmp_path / "run", steps=3)
    made = session(tmp_path, run=run)
    for step in (1, 2, 3):
        finished(made, step)
    assert run.saved == [3]


def test_a_policy_that_is_saved_where_this_machine_does_not_look_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray, "get", list)  # no actor to wait for, and so no cluster
    made = session(tmp_path)
    with pytest.raises(InfrastructureError, match="storage that all machines share"):
        made._save(tmp_path, 1, {})
    (tmp_path / "_actor").mkdir()
    (tmp_path / "_actor" / "latest").write_text("global_step1")
    made._save(tmp_path, 1, {})


# ------------------------------------------------------------------ resuming

CURRICULUM = {"step": 4, "levels": [1, 2]}


def resumed(folder: Path, **given: Any) -> Session:
    """One that goes on after step 4."""
    run = Run(folder / "run", resume_from=folder / "step-4" / "backend")
    run.curriculum = CURRICULUM
    return session(folder, run=run, **given)


def test_the_model_and_the_curriculum_must_be_of_one_checkpoint(tmp_path: Path) -> None:
    made = resumed(tmp_path)
    kept = made._kept_options()
    made._restored({"feed": {"levels": [1, 2], "step": 4}, "options": kept})
    for other in ({"step": 4, "levels": [1, 3]}, {"step": 3, "levels": [1, 2]}, {}):
        with pytest.raises(DataError, match="was not saved with the curriculum beside it"):
            made._restored({"feed": other, "options": kept})
    with pytest.raises(DataError, match="was not saved with the curriculum beside it"):
        made._restored({})


@pytest.mark.parametrize(
    ("name", "before", "now"),
    [
        ("learning_rate", 1e-6, 2e-6),
        ("model", "Qwen/Qwen3-0.6B", "tiny"),
        ("lora", {"rank": 4}, {"rank": 8}),
        ("lora", {"rank": 4}, None),
    ],
)
def test_what_a_checkpoint_decides_cannot_be_changed_when_it_is_resumed(
    tmp_path: Path, name: str, before: Any, now: Any
) -> None:
    saved = options(**{name: before}).model_dump(mode="json", include={*KEPT_OPTIONS})
    state = {"feed": CURRICULUM, "options": json.loads(json.dumps(saved))}
    with pytest.raises(UsageError, match=rf"backend\.{name} cannot be changed with --resume"):
        resumed(tmp_path, **{name: now})._restored(state)


def test_a_resume_may_change_other_options(tmp_path: Path) -> None:
    resumed(tmp_path, clip_high=0.28, lora={"rank": 4})._restored(
        {"feed": CURRICULUM, "options": options(lora={"rank": 4}).model_dump(mode="json")}
    )


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
    assert _explain_error(error) is ours


def test_a_foreign_error_is_one_line_with_where_to_look() -> None:
    error = _explain_error(task_error(task_error(ValueError("no such\nlayer"))))
    assert isinstance(error, InfrastructureError)
    assert error.message == "OpenRLHF stopped: ValueError: no such layer"
    assert "logs" in error.hint
    assert "--resume" in error.hint


def test_a_dead_actor_is_one_line() -> None:
    message = _explain_error(ActorDiedError()).message
    assert message.startswith("OpenRLHF stopped: ActorDiedError: ")
    assert "\n" not in message


@pytest.mark.parametrize("error", [SystemExit(1), KeyboardInterrupt(), AssertionError()])
def test_whatever_ends_it_is_explained(error: BaseException) -> None:
    assert _explain_error(error).message == f"OpenRLHF stopped: {type(error).__name__}" + (
        ": 1" if isinstance(error, SystemExit) else ""
    )


def test_errors_of_the_feed_keep_their_kind() -> None:
    assert isinstance(_explain_error(PoolExhausted("none left")), PoolExhausted)


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
    assert step_metrics({**status, "ppo_kl": 0.25, "vllm_kl": 0.5}) == {
        "kl_to_old": 0.25,
        "kl_to_engine": 0.5,
        "loss": 0.25,
        "grad_norm": 1.0,
        "seconds_generate": 4.0,
        "seconds_train": 3.0,
        "seconds_sync": 0.5,
    }


def test_the_distance_from_the_reference_model_is_told_where_there_is_one() -> None:
    status = {"kl": 0.5, "logprobs_diff": 0.125}
    assert step_metrics(status, with_reference=True) == {"kl": 0.125}
    assert step_metrics(status) == {}


def test_a_step_that_was_not_trained_on_has_the_figures_that_there_are() -> None:
    labels = [judged("a", 0), judged("a", 1)]
    labels[1] = replace(labels[1], response=Response(text="", tokens=3, truncated=True, sample=1))
    status = {**rollout_figures(labels), "timing/generation": 4.0}
    assert step_metrics(status) == {
        "response_tokens": 1.5,
        "truncated_share": 0.5,
        "seconds_generate": 4.0,
    }
    assert step_metrics({}) == {}


def test_verifying_costs_what_the_last_verdict_came_after_the_last_token() -> None:
    times = [(1.0, 9.0), (5.0, 6.0), (7.0, 8.5)]
    label = judged("a", 0)
    assert verification_tail(
        [replace(label, sampled_at=sampled, judged_at=known) for sampled, known in times]
    ) == pytest.approx(2.0)
    assert verification_tail([]) == 0.0


def test_openrlhfs_arguments_are_not_shown_and_travel_as_plain_ones() -> None:
    made = Arguments(ds=SimpleNamespace(zero_stage=2))
    assert "zero_stage" not in repr(made)
    arrived = pickle.loads(pickle.dumps(made))
    assert type(arrived) is SimpleNamespace
    assert arrived.ds.zero_stage == 2


def test_only_the_first_response_to_a_ticket_can_become_a_sample() -> None:
    from scaler_plugins.backends.openrlhf.trainer import CurriculumTrainer

    trainer = CurriculumTrainer.__new__(CurriculumTrainer)
    trainer._judged = [judged("a", 1), judged("b", 0), judged("a", 0), judged("b", 1)]
    picked: list[Judged] = trainer._samples()
    assert [item.ticket.id for item in picked if item.ticket] == ["b", "a"]
