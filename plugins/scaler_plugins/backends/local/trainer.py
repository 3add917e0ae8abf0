"""GRPO on a feed: TRL's trainer, with the rows of a step drawn when they are generated.

::

    step t    draw -> chat template -> sample -> verify -> record -> advantages -> slices
              feed    tokenizer        model     feed      feed      TRL             |
                                                                                     v
              run.end_step <- optimiser step <- forward and backward of each slice

What differs from a plain ``GRPOTrainer``, and why:

- Its data loader yields nothing. TRL's reads ahead, so that rows which held tickets would be drawn
  before the last step was recorded.
- A generation batch is one step, whatever the gradient accumulation: training is strictly
  on-policy, and needs no second pass for old log-probabilities.
- An undecided response gets no reward, so that TRL leaves it out of its group's mean and
  deviation, and an empty completion mask, so that the loss and its token count leave it out too.
- Position ids are given: a padded row is trained on at the positions that it was sampled at.
- Slices are sorted by length and cut to their longest row: padding costs as much as text.
- Every step seeds torch from the run's seed, so that a resumed run samples what an uninterrupted
  one samples.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from torch.utils.data import DataLoader
from transformers import PrinterCallback
from transformers.trainer import TRAINER_STATE_NAME
from trl import GRPOConfig, GRPOTrainer
from trl.models import unwrap_model_for_generation

from scaler_core.errors import BackendProtocolError
from scaler_core.evaluation.engines.sampling import (
    RowSampler,
    SamplingLimits,
    SamplingRequest,
    is_cut_off,
)
from scaler_core.interfaces import FeedLike, RunLike, Sample
from scaler_core.judge import reward
from scaler_core.models import Group, Message, Question, Response, Ticket, Verdict
from scaler_core.seeds import derive_seed
from scaler_plugins.backends.local.rollout import (
    Batch,
    Sampler,
    accepts,
    positions,
    slice_by_length,
    without_undecided,
)


@dataclass
class _Step:
    """The step under way; responses and verdicts are in the order of the groups."""

    number: int
    tickets: Sequence[Ticket]
    started: float
    responses: list[Response] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))


class FeedTrainer(GRPOTrainer):  # type: ignore[misc]
    """A ``GRPOTrainer`` whose rows, rewards and end of step belong to a feed and a run.

    Args:
        model: The policy.
        args: TRL's arguments, with one optimiser step per generation batch.
        tokenizer: The policy's tokenizer, with a chat template.
        feed: Gives tickets and takes verdicts.
        run: Called at the end of every step.
        scheme: How a verdict becomes a reward.
        rollout_batch: Responses sampled side by side.
        verify_threads: Responses judged side by side.
        adapters: PEFT's config, where adapters are trained instead of all weights.

    Attributes:
        restore_config: Gives the model's config the values back that training had changed; called
            before the finished model is saved.
    """

    restore_config: Callable[[], None] = staticmethod(lambda: None)

    def __init__(
        self,
        model: Any,
        args: GRPOConfig,
        tokenizer: Any,
        feed: FeedLike,
        run: RunLike,
        *,
        scheme: str,
        rollout_batch: int,
        verify_threads: int,
        adapters: Any = None,
    ) -> None:
        self.feed = feed
        self.run = run
        self.scheme = scheme
        self._now: _Step | None = None
        self._slices: list[Batch] = []
        super().__init__(
            model=model,
            reward_funcs=[self._judge],
            args=args,
            # TRL insists on a dataset; get_train_dataloader() below never reads it
            train_dataset=Dataset.from_dict({"prompt": [""]}),
            processing_class=tokenizer,
            peft_config=adapters,
        )
        self.remove_callback(PrinterCallback)  # prints every log line to stdout
        self.sampler = Sampler(self.generation_config, rollout_batch, tokenizer)
        for policy in (self.model, self.ref_model):
            if policy is not None:
                policy.register_forward_pre_hook(_with_positions, with_kwargs=True)
        self._threads = ThreadPoolExecutor(verify_threads, thread_name_prefix="verify")

    # -------------------------------------------------------------- for the backend

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Tokens of *messages* once the chat template has rendered them."""
        return len(self._tokenize([messages])[0])

    def ask(self, questions: Sequence[Question]) -> Iterator[tuple[int, Response]]:
        """A response to each question, batch by batch, with the model as it is now.

        The same model and question give the same response; training's randomness is not touched.
        """
        prompts = self._tokenize([question.messages for question in questions])
        requests = [
            SamplingRequest(prompt, question.temperature, question.top_p, question.seed)
            for prompt, question in zip(prompts, questions, strict=True)
        ]
        limits = SamplingLimits(
            max_tokens=self.max_completion_length,
            context=getattr(self.model.config, "max_position_embeddings", None),
            end_tokens=self.eos_token_ids,
            pad_token=self.generation_config.pad_token_id,
            stop=self.run.prompt.stop,
        )
        sampler = RowSampler(limits, self.sampler.batch, self.processing_class)
        with self.answering_model() as model:
            for index, row in sampler.sample(model, requests):
                room = limits.room(prompts[index])
                text = self.processing_class.decode(row, skip_special_tokens=True)
                cut_off = is_cut_off(row, room, self.eos_token_ids)
                yield index, Response(text=text, tokens=len(row), truncated=cut_off)

    def save_state(self, folder: Path) -> None:
        """Write all that ``train(resume_from_checkpoint=folder)`` needs to go on exactly."""
        # parts of HF's own _save_checkpoint, which would choose the folder and rotate old ones
        self.save_model(str(folder))
        self._save_optimizer_and_scheduler(str(folder))
        self._save_rng_state(str(folder))
        self.state.save_to_json(str(folder / TRAINER_STATE_NAME))

    # -------------------------------------------------------------- generation

    def get_train_dataloader(self) -> DataLoader[dict[str, Any]]:
        """One empty batch for each slice of each step; see the module's docstring."""
        slices: Any = [{}] * (self.args.max_steps * self.args.gradient_accumulation_steps)
        return DataLoader(slices, batch_size=None)

    def _prepare_inputs(self, generation_batch: Any) -> Batch:
        """The next slice of the step, which is drawn and generated with its first."""
        count: int = self.args.gradient_accumulation_steps
        index: int = self._step % count
        if index == 0:
            # all slices before the first gradient: sampled and scored by the same weights
            self._slices = slice_by_length(self._generate_and_score_completions([]), count)
        return self._slices[index]

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> Batch:
        now = self._begin_step()
        rows = [
            {"prompt": list(ticket.messages)}
            for ticket in now.tickets
            for _ in range(self.num_generations)
        ]
        batch = super()._generate_and_score_completions(rows)
        return without_undecided(batch, [item.result != "undecided" for item in now.verdicts])

    def _begin_step(self) -> _Step:
        started = time.perf_counter()
        batch = self.feed.draw()
        if batch.step != self.state.global_step + 1:
            raise BackendProtocolError(
                f"the feed is at step {batch.step}, but the model at {self.state.global_step + 1}: "
                "they come from different checkpoints"
            )
        self._now = _Step(batch.step, batch.tickets, started)
        self._now.seconds["draw"] = time.perf_counter() - started
        torch.manual_seed(derive_seed(self.run.seed, "local", "step", batch.step))
        return self._now

    def _tokenize(self, prompts: Sequence[Sequence[Message]]) -> list[list[int]]:
        ids: list[list[int]] = self._tokenize_prompts([list(messages) for messages in prompts])[0]
        return ids

    def _generate_single_turn(
        self, prompt_ids: list[list[int]], images: Any, fields: Any, num_generations: int, *_: Any
    ) -> tuple[list[list[int]], None]:
        """Token ids of the responses; prompts come repeated, once for each response."""
        with self._timed("rollout"):
            return self._sample(prompt_ids[::num_generations], num_generations), None

    def _sample(self, prompts: list[list[int]], copies: int) -> list[list[int]]:
        with self.answering_model() as model:
            return self.sampler.sample(model, prompts, copies)

    @contextmanager
    def answering_model(self) -> Iterator[Any]:
        """The model as it generates: out of training mode, in the precision of the computation."""
        training = self.model.training
        self.model.eval()
        try:
            with self._unwrapped_model() as model:
                yield model
        finally:
            self.model.train(training)

    @contextmanager
    def _unwrapped_model(self) -> Iterator[Any]:
        with (
            unwrap_model_for_generation(
                self.model_wrapped,
                self.accelerator,
                gradient_checkpointing_kwargs=self.args.gradient_checkpointing_kwargs,
            ) as model,
            self.accelerator.autocast(),
        ):
            # an adapted model hides the options of its base model's forward pass
            yield model.get_base_model() if hasattr(model, "get_base_model") else model

    def _responses(self, ids: Sequence[list[int]], copies: int = 1) -> list[Response]:
        """Responses to prompts that were sampled *copies* times each, side by side."""
        texts = self.processing_class.batch_decode(ids, skip_special_tokens=True)
        return [
            Response(
                text=text,
                tokens=len(row),
                truncated=is_cut_off(row, self.max_completion_length, self.eos_token_ids),
                sample=index % copies,
            )
            for index, (text, row) in enumerate(zip(texts, ids, strict=True))
        ]

    # -------------------------------------------------------------- judging

    def _judge(
        self, prompts: Any, completions: Any, completion_ids: list[list[int]], **_: Any
    ) -> list[float | None]:
        """The reward function: verifies and records; an undecided response gets ``None``."""
        now = self._under_way
        now.responses = self._responses(completion_ids, self.num_generations)
        tickets = [ticket for ticket in now.tickets for _ in range(self.num_generations)]
        with self._timed("verify"):
            now.verdicts = list(self._threads.map(self.feed.verify, tickets, now.responses))
        size = self.num_generations
        groups = [
            Group(
                ticket_id=ticket.id,
                verdicts=tuple(now.verdicts[index * size : (index + 1) * size]),
            )
            for index, ticket in enumerate(now.tickets)
        ]
        self.feed.record(now.number, groups)
        return [reward(verdict, self.scheme) for verdict in now.verdicts]

    # -------------------------------------------------------------- end of a step

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Ends a step: HF calls it with the figures of each one, right after the optimiser's."""
        figures = self._metrics["train"]
        # HF also logs a summary when training ends, which belongs to no step
        if "loss" in logs:
            entropies = figures["entropy"]
            self._end_step({**logs, "entropy": sum(entropies) / len(entropies)})
        figures.clear()

    def _end_step(self, figures: Mapping[str, float]) -> None:
        now = self._under_way
        total = time.perf_counter() - now.started
        tokens = [response.tokens or 0 for response in now.responses]
        metrics = {
            name: figures[name] for name in ("loss", "grad_norm", "learning_rate", "entropy")
        }
        metrics |= {
            "response_tokens": sum(tokens) / len(tokens),
            "truncated_share": sum(item.truncated for item in now.responses) / len(now.responses),
            **{f"seconds_{name}": now.seconds[name] for name in ("draw", "rollout", "verify")},
            "seconds_train": total - sum(now.seconds.values()),
        }
        ended = self.run.end_step(
            now.number, metrics, self._samples(now), self.save_state, self.ask
        )
        self.control.should_training_stop |= ended.stop

    def _samples(self, now: _Step) -> list[Sample]:
        tickets = [ticket for ticket in now.tickets for _ in range(self.num_generations)]
        return list(zip(tickets, now.responses, now.verdicts, strict=True))

    # -------------------------------------------------------------- small parts

    @property
    def _under_way(self) -> _Step:
        assert self._now is not None
        return self._now

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        if self._now is not None:
            self._now.seconds[stage] += time.perf_counter() - started

    @contextmanager
    def without_autocast(self) -> Iterator[None]:
        """Computes in the precision of the weights, as long as it is open."""
        native, self.accelerator.native_amp = self.accelerator.native_amp, False
        try:
            yield
        finally:
            self.accelerator.native_amp = native

    def _send_telemetry(self) -> None:
        """Send nothing: TRL would report each trainer to its makers without asking the user."""


def _with_positions(
    model: Any, args: tuple[Any, ...], options: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Adds position ids to a forward pass of training.

    TRL leaves them to the model. One with learned absolute positions then counts padding too, and
    sees other positions than when it sampled.
    """
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    missing = options.get("fused_lm_head") and options.get("position_ids") is None
    if missing and accepts(base, "position_ids") and accepts(base.base_model, "position_ids"):
        options["position_ids"] = positions(options["attention_mask"])
    return args, options
