"""The process that holds feed and run: starts OpenRLHF, and answers its trainer's calls."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ray
from openrlhf.cli import train_ppo_ray
from openrlhf.trainer import ppo_trainer
from openrlhf.trainer.ray.vllm_engine import batch_vllm_engine_call
from ray.exceptions import RayError, RayTaskError
from vllm import SamplingParams

from scaler_core.errors import (
    BackendProtocolError,
    DataError,
    InfrastructureError,
    ScalerError,
    UsageError,
    one_line,
)
from scaler_core.factory.ray_cluster import ray_error_line
from scaler_core.interfaces import FeedLike, RunLike, StepEnd
from scaler_core.jsonio import canonical_json
from scaler_core.models import Group, Question, Response, Ticket
from scaler_core.seeds import derive_seed
from scaler_plugins.backends.openrlhf.assignment import Assignment, Judged
from scaler_plugins.backends.openrlhf.mailbox import Call, Caller, Mailbox
from scaler_plugins.backends.openrlhf.options import OpenRLHFOptions
from scaler_plugins.backends.openrlhf.prompts import PromptRenderer, TokenizerByName
from scaler_plugins.backends.openrlhf.trainer import CurriculumTrainer, TrainerSetup

POLL_S = 0.5
UNJUDGED_STEPS = 3
KEPT_OPTIONS = ("model", "learning_rate", "lora")
ASKED_AT_ONCE = 512
"""Questions under way in each engine at once."""


class Session:
    """One run of OpenRLHF's trainer.

    Args:
        options: The backend's options.
        arguments: OpenRLHF's arguments, parsed.
        feed: Gives tickets and takes verdicts.
        run: Called at the end of every step.
        prompts: Renders and counts prompts.
    """

    def __init__(
        self,
        options: OpenRLHFOptions,
        arguments: Any,
        feed: FeedLike,
        run: RunLike,
        prompts: PromptRenderer,
    ) -> None:
        self.options = options
        self.arguments = Arguments(**vars(arguments))
        self.feed = feed
        self.run = run
        self.prompts = prompts
        self._judge = feed.portable_judge()
        self._draw_s = 0.0
        self._unjudged = 0
        self._actors: Sequence[Any] = ()
        self._references: Sequence[Any] = ()
        self._engines: Sequence[Any] = ()
        self._trainer: Any = None
        self._failure: BaseException | None = None
        self._answers: Mapping[str, Callable[..., Any]] = {
            "started": self._started,
            "restored": self._restored,
            "draw": self._draw,
            "extend": self._extend,
            "record": self._record,
            "finish": self._finish,
            "ended": self._ended,
        }

    def train(self) -> None:
        """Run OpenRLHF to its end, and answer its trainer's calls meanwhile.

        Raises:
            ScalerError: The error that stopped it; those of feed and run as they were raised.
        """
        # concurrent, as calls of both sides wait inside it at the same time
        mailbox = ray.remote(num_cpus=0)(Mailbox).options(max_concurrency=16).remote()
        # OpenRLHF's train() returns only at its end, so it gets a thread of its own: calls of feed
        # and run, and so of observers, stay in this one
        training = threading.Thread(target=self._run_openrlhf, args=[mailbox], daemon=True)
        training.start()
        try:
            self._serve(mailbox, training)
        except RayError as error:
            raise _explain_error(error) from error
        finally:
            self._end_actors(mailbox)
        if self._failure is not None:
            raise _explain_error(self._failure) from self._failure

    # -------------------------------------------------------------- both sides

    def _run_openrlhf(self, mailbox: Any) -> None:
        """OpenRLHF's ``train``, which makes the actors and waits for the trainer's."""
        setup = TrainerSetup(
            call=Caller(mailbox),
            prompts=self.run.prompts,
            first_step=self.run.first_step,
            last_step=self.run.steps,
            oversampling=self.run.oversampling,
        )
        # the one class of OpenRLHF that is replaced, while its train() runs
        original = ppo_trainer.PPOTrainer
        ppo_trainer.PPOTrainer = _TrainerMaker(setup, self._note_trainer)
        try:
            train_ppo_ray.train(self.arguments)
        except BaseException as error:  # raised by train(), in the main thread
            self._failure = error
        finally:
            ppo_trainer.PPOTrainer = original

    def _note_trainer(self, trainer: Any) -> None:
        self._trainer = trainer

    def _serve(self, mailbox: Any, training: threading.Thread) -> None:
        """Answer calls until OpenRLHF has ended."""
        waiting = mailbox.next_call.remote()
        while training.is_alive():
            ready, _ = ray.wait([waiting], timeout=POLL_S)
            if ready:
                call: Call = ray.get(waiting)
                waiting = mailbox.next_call.remote()
                self._answer(mailbox, call)

    def _answer(self, mailbox: Any, call: Call) -> None:
        try:
            value = self._answers[call.name](*call.arguments)
        except BaseException as error:
            # the trainer must not wait for ever; the error itself ends the run here
            mailbox.fail.remote(call.number, one_line(error))
            raise
        mailbox.answer.remote(call.number, value)

    def _end_actors(self, mailbox: Any) -> None:
        """End the remaining processes of OpenRLHF; Ray frees their resources with the job."""
        for actor in [self._trainer, mailbox, *self._engines, *self._actors, *self._references]:
            # a failure here must not hide the error that ended the run
            with suppress(Exception):
                ray.kill(actor)

    # -------------------------------------------------------------- the trainer's calls

    def _started(
        self, actors: Sequence[Any], references: Sequence[Any], engines: Sequence[Any]
    ) -> None:
        self._actors, self._references, self._engines = actors, references, engines
        self.run.begin(self.ask)

    def _restored(self, state: Mapping[str, Any]) -> None:
        """Compare the model's checkpoint with the run: its curriculum must be the feed's, and the
        options that DeepSpeed has restored must be those of this run.
        """
        if canonical_json(state.get("feed")) != canonical_json(self.run.committed_curriculum()):
            raise DataError(
                f"the model in {self.run.resume_from} was not saved with the curriculum beside it",
                hint="restore it from a copy, or remove it to go on from the checkpoint before",
            )
        for name, value in self._kept_options().items():
            if state["options"].get(name) != value:
                raise UsageError(
                    f"backend.{name} cannot be changed with --resume: the optimiser in the "
                    f"checkpoint was made with {state['options'].get(name)!r}",
                    hint="start a new run; backend.model may be a checkpoint's model",
                )

    def _draw(self, step: int) -> list[tuple[str, str, Assignment]]:
        began = time.monotonic()
        batch = self.feed.draw()
        self._draw_s = time.monotonic() - began
        if batch.step != step:
            raise BackendProtocolError(
                f"the feed is at step {batch.step}, but the trainer at {step}"
            )
        return self._assign(batch.tickets)

    def _extend(self, count: int) -> list[tuple[str, str, Assignment]]:
        began = time.monotonic()
        batch = self.feed.extend(count)
        self._draw_s += time.monotonic() - began
        return self._assign(batch.tickets)

    def _assign(self, tickets: Sequence[Ticket]) -> list[tuple[str, str, Assignment]]:
        return [
            (
                ticket.environment_id,
                self.prompts.render(ticket.messages),
                Assignment(
                    ticket=ticket,
                    responses=self.run.responses,
                    judge=self._judge,
                    scheme=self.options.reward,
                    stop=self.run.prompt.stop,
                    seed=self._seed_of(ticket.id),
                ),
            )
            for ticket in tickets
        ]

    def _seed_of(self, ticket_id: str) -> int | None:
        if not self.options.seed_responses:
            return None
        return derive_seed(self.run.seed, "openrlhf", "responses", ticket_id)

    def _record(self, step: int, groups: Sequence[Group]) -> dict[str, Any]:
        self._refuse_to_go_on_unjudged(groups)
        self.feed.record(step, groups)
        return {"feed": self.feed.state_dict(), "options": self._kept_options()}

    def _kept_options(self) -> dict[str, Any]:
        """Options that DeepSpeed restores from its checkpoint, whatever a resume sets."""
        return self.options.model_dump(mode="json", include=set(KEPT_OPTIONS))

    def _refuse_to_go_on_unjudged(self, groups: Sequence[Group]) -> None:
        """Stop after several steps on end without a verdict: they would only cost time."""
        verdicts = [verdict for group in groups for verdict in group.verdicts]
        judged = any(verdict.result != "undecided" for verdict in verdicts)
        self._unjudged = 0 if judged else self._unjudged + 1
        if self._unjudged == UNJUDGED_STEPS:
            reason = verdicts[0].reason if verdicts else "no response came back"
            raise InfrastructureError(
                f"no response of {UNJUDGED_STEPS} steps could be judged: {reason}",
                hint="mend that, then go on with --resume",
            )

    def _finish(
        self,
        step: int,
        metrics: Mapping[str, float],
        samples: Sequence[Judged],
        client_state: dict[str, Any],
    ) -> StepEnd:
        return self.run.end_step(
            step,
            self._timed(metrics),
            [
                (item.ticket, item.response, item.verdict)
                for item in samples
                if item.ticket and item.verdict
            ],
            lambda folder: self._save(folder, step, client_state),
            self.ask,
        )

    def _timed(self, metrics: Mapping[str, float]) -> dict[str, float]:
        """*metrics* with the draw's seconds taken out of those of sampling, which waited for it."""
        figures = {**metrics, "seconds_draw": self._draw_s}
        if "seconds_generate" in figures:
            figures["seconds_rollout"] = figures.pop("seconds_generate") - self._draw_s
        return figures

    def _ended(self) -> None:
        self.run.end(self.ask)

    def _save(self, folder: Path, step: int, client_state: dict[str, Any]) -> None:
        ray.get(
            [
                actor.__ray_call__.remote(save_policy, str(folder), step, client_state)
                for actor in self._actors
            ]
        )
        if not (folder / "_actor" / "latest").is_file():
            raise InfrastructureError(
                f"the policy was saved, but not to the {folder} that this machine sees",
                hint="put run.directory on storage that all machines share",
            )

    # -------------------------------------------------------------- evaluation

    def ask(self, questions: Sequence[Question]) -> Iterator[tuple[int, Response]]:
        """Answers of the engines, as they come, each with the index of its question."""
        if self.options.sleeps:
            batch_vllm_engine_call(self._engines, "wake_up")
        upcoming = iter(enumerate(questions))
        waiting: dict[Any, int] = {}
        try:
            while True:
                room = ASKED_AT_ONCE * len(self._engines) - len(waiting)
                for index, question in _take(upcoming, room):
                    engine = self._engines[index % len(self._engines)]
                    waiting[self._put(engine, question)] = index
                if not waiting:
                    return
                ready, _ = ray.wait(list(waiting))
                for reference in ready:
                    (record,) = ray.get(reference)
                    yield waiting.pop(reference), record["label"].response
        finally:
            if self.options.sleeps:
                # an engine that died has raised in ray.get() already
                with suppress(RayError):
                    batch_vllm_engine_call(self._engines, "sleep")

    def _put(self, engine: Any, question: Question) -> Any:
        text = self.prompts.render(question.messages)
        parameters = SamplingParams(
            temperature=question.temperature,
            top_p=question.top_p,
            max_tokens=self.prompts.room_for_response(text),
            skip_special_tokens=False,
        )
        label = Assignment(ticket=None, responses=1, stop=self.run.prompt.stop, seed=question.seed)
        return engine.generate_responses.remote(
            prompt=text,
            label=label,
            sampling_params=parameters,
            max_length=self.options.max_tokens,
            hf_tokenizer=TokenizerByName(self.options.model),
            num_samples=1,
        )


class Arguments(SimpleNamespace):
    """OpenRLHF's arguments, which it prints when it starts; a dry run shows them as flags."""

    def __repr__(self) -> str:
        return "OpenRLHF starts its processes and loads the model"

    def __reduce__(self) -> tuple[Any, ...]:
        """Unpickle as a plain namespace: the policy's processes need not import this module."""
        return SimpleNamespace, (), vars(self)


class _TrainerMaker:
    """Replaces OpenRLHF's trainer class where its ``train`` makes the actor."""

    def __init__(self, setup: TrainerSetup, note: Callable[[Any], None]) -> None:
        self._setup = setup
        self._note = note

    def remote(self, *arguments: Any, **options: Any) -> Any:
        """The actor of our trainer class, with the same arguments."""
        trainer = ray.remote(CurriculumTrainer).remote(self._setup, *arguments, **options)
        self._note(trainer)
        return trainer


def save_policy(actor: Any, folder: str, step: int, client_state: dict[str, Any]) -> None:
    """Save an actor's part of a checkpoint where a resume loads it; run in each of the policy."""
    actor.strategy.save_ckpt(
        actor.actor.model,
        f"{folder}/_actor",
        tag=f"global_step{step}",
        # a new folder every time: there is nothing to evict, and ours are pruned after the commit
        max_num=2,
        max_mem=float("inf"),
        client_state=client_state,
    )


def _take(items: Iterator[Any], most: int) -> Iterator[Any]:
    for _ in range(most):
        try:
            yield next(items)
        except StopIteration:
            return


def _explain_error(error: BaseException) -> ScalerError:
    """The error that ended OpenRLHF, in one line."""
    while isinstance(error, RayTaskError):
        error = error.cause  # of an actor that called an actor that failed
    if isinstance(error, ScalerError):
        return error
    line = ray_error_line(error) if isinstance(error, RayError) else one_line(error)
    return InfrastructureError(
        f"OpenRLHF stopped: {line}",
        hint="the logs of its processes are in /tmp/ray/session_latest/logs; go on with --resume",
    )
