"""GRPO on a feed: TRL's trainer, with the rows of a step drawn when they are generated.

::

    step t    draw -> chat template -> sample -> verify -> record -> advantages -> slices
              feed    tokenizer        model     feed      feed      TRL             |
               ^                                  |                                  v
               +--- with a group filter: more ----+              forward and backward of each slice
                                                                                     |
                                         run.end_step <- optimiser step <------------+

What differs from a plain ``GRPOTrainer``, and why:

- Its data loader yields nothing. TRL's reads ahead, so that rows which held tickets would be drawn
  before the last step was recorded.
- A generation batch is one step, whatever the gradient accumulation: training is strictly
  on-policy, and needs no second pass for old log-probabilities.
- An undecided response gets no reward, so that TRL leaves it out of its group's mean and
  deviation, and an empty completion mask, so that the loss and its token count leave it out too.
- Position ids are given: a padded row is trained on at the positions that it was sampled at.
- Slices are sorted by length and cut to their longest row: padding costs as much as text. Each is
  split again where its tokens would take more memory than a pass may.
- Rows without a gradient are left out of forward and backward: undecided responses, and those
  without an advantage where no KL term is added. The loss is divided by the same numbers as with
  them. A step that has no other rows moves no weight.
- Every step seeds torch from the run's seed, so that a resumed run samples what an uninterrupted
  one samples.
"""

from __future__ import annotations

import operator
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import torch
from datasets import Dataset
from torch.utils.data import DataLoader
from transformers import PrinterCallback, TrainerCallback
from transformers.trainer import TRAINER_STATE_NAME
from trl import GRPOConfig, GRPOTrainer
from trl.models import unwrap_model_for_generation

from scaler_core.errors import BackendProtocolError, UsageError, one_line
from scaler_core.evaluation.engines.sampling import (
    RowSampler,
    SamplingLimits,
    SamplingRequest,
    is_cut_off,
)
from scaler_core.evaluation.engines.transformers import ChatTemplate, ModelFiles
from scaler_core.interfaces import FeedLike, RunLike, Sample
from scaler_core.judge import reward
from scaler_core.models import Group, Message, Question, Response, Ticket, Verdict
from scaler_core.seeds import derive_seed
from scaler_plugins.backends.local.files import TRY_OLDER
from scaler_plugins.backends.local.rollout import (
    Batch,
    Sampler,
    accepts,
    positions,
    slice_by_length,
    split_by_tokens,
    with_gradient,
    without_undecided,
)

FLOAT32 = torch.float32
ValueT = TypeVar("ValueT")


@dataclass
class _Step:
    """The step under way; token ids, responses and verdicts are in the order of the groups.

    ``trained`` are the places of the tickets that are trained on. ``part_tokens`` counts the tokens
    of the responses in each forward pass.
    """

    number: int
    tickets: list[Ticket]
    started: float
    ids: list[list[int]] = field(default_factory=list)
    responses: list[Response] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    trained: Sequence[int] = ()
    part_tokens: list[int] = field(default_factory=list)
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
        pass_tokens: Most tokens of a forward pass, with padding.
        template: Makes the chat template that takes further values.
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
        pass_tokens: int,
        template: Callable[[Mapping[str, Any]], ChatTemplate],
        adapters: Any = None,
    ) -> None:
        self.feed = feed
        self.run = run
        self.scheme = scheme
        self.pass_tokens = pass_tokens
        self._now: _Step | None = None
        self._slices: list[Batch] = []
        self._slice = 0
        super().__init__(
            model=model,
            reward_funcs=[self._judge],
            args=args,
            # TRL insists on a dataset; get_train_dataloader() below never reads it
            train_dataset=Dataset.from_dict({"prompt": [""]}),
            processing_class=tokenizer,
            peft_config=adapters,
        )
        self.add_callback(_Beginning(self))
        self.remove_callback(PrinterCallback)  # prints every log line to stdout
        self._template = template(self.chat_template_kwargs)
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

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        """Load a checkpoint's weights whole; HF's method lets names that do not fit go by."""
        if hasattr(self.model, "peft_config"):
            with _refusing_others(resume_from_checkpoint):
                super()._load_from_checkpoint(resume_from_checkpoint, model)
            return
        label = f"the checkpoint {resume_from_checkpoint}"
        saved = ModelFiles(resume_from_checkpoint, label, hint=TRY_OLDER).weights(dtype=FLOAT32)
        (model or self.model).load_state_dict(saved.state_dict())

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        with _refusing_others(checkpoint):
            super()._load_optimizer_and_scheduler(checkpoint)

    # -------------------------------------------------------------- generation

    def get_train_dataloader(self) -> DataLoader[dict[str, Any]]:
        """One empty batch for each slice of each step; see the module's docstring."""
        slices: Any = [{}] * (self.args.max_steps * self.args.gradient_accumulation_steps)
        return DataLoader(slices, batch_size=None)

    def training_step(
        self, model: Any, inputs: Any, num_items_in_batch: Any = None
    ) -> torch.Tensor:
        """Forward and backward of the next slice of the step, part by part.

        The step is drawn and generated with its first slice, before any gradient, so that all of it
        is sampled and scored by the same weights. A slice without rows that have a gradient costs
        nothing, and a step without any leaves no gradient, so that the optimiser moves nothing.
        """
        model.train()
        count: int = self.args.gradient_accumulation_steps
        index = self._slice % count
        self._slice += 1
        if index == 0:
            by_advantage = self.beta == 0 and not self.aux_loss_enabled
            batch = self._generate_and_score_completions([])
            rows = with_gradient(batch, by_advantage=by_advantage)
            self._slices = slice_by_length(rows, count)
        loss = torch.zeros((), device=self.accelerator.device)
        if index < len(self._slices):
            # a balancing loss of experts is a mean over slices, so that they stay whole
            most = sys.maxsize if self.aux_loss_enabled else self.pass_tokens
            for part in split_by_tokens(self._slices[index], most):
                loss += super().training_step(model, part, num_items_in_batch)
        return loss

    def _prepare_inputs(self, generation_batch: Any) -> Batch:
        """A part of a slice as it is; TRL's method would sample."""
        part: Batch = generation_batch
        return part

    def _get_per_token_logps_and_entropies(
        self,
        model: Any,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        logits_to_keep: int,
        batch_size: int | None = None,
        **options: Any,
    ) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor | None]:
        """TRL's figures of each token, for no more rows at once than a pass may have tokens."""
        batch_size = batch_size or len(input_ids)
        if not options.get("compute_aux_loss"):
            batch_size = min(batch_size, max(1, self.pass_tokens // input_ids.shape[1]))
        figures: tuple[torch.Tensor, torch.Tensor | None, torch.Tensor | None]
        figures = super()._get_per_token_logps_and_entropies(
            model, input_ids, attention_mask, logits_to_keep, batch_size, **options
        )
        return figures

    def compute_loss(self, model: Any, inputs: Batch, *args: Any, **options: Any) -> torch.Tensor:
        """TRL's loss of a part, as its share of the loss of the whole step."""
        self._under_way.part_tokens.append(int(inputs["completion_mask"].sum()))
        loss: torch.Tensor = super().compute_loss(model, inputs, *args, **options)
        if self.loss_type == "grpo":
            # TRL takes the mean over the rows of a part, undecided ones too, and over the parts
            slices = self.current_gradient_accumulation_steps if self.model.training else 1
            responses = inputs["num_responses_in_batch"].clamp(min=1)
            loss = loss * (len(inputs["completion_mask"]) * slices / responses)
        return loss

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> Batch:
        now = self._begin_step()
        self._answer(now)
        rows = [
            {"prompt": list(now.tickets[place].messages)}
            for place in now.trained
            for _ in range(self.num_generations)
        ]
        batch = super()._generate_and_score_completions(rows)
        decided = [item.result != "undecided" for item in self._of_trained(now.verdicts)]
        return without_undecided(batch, decided)

    def _answer(self, now: _Step) -> None:
        """Sample and judge a step, record it, and choose what is trained on.

        With a group filter further tickets are drawn; where none teaches, those that were drawn
        first take their place, and move no weight.
        """
        plan = self.run.oversampling
        groups = self._answer_wave(now, now.tickets)
        while plan and (count := plan.more(len(groups), sum(item.informative for item in groups))):
            with self._timed("draw"):
                more = self.feed.extend(count).tickets
            now.tickets += more
            groups += self._answer_wave(now, more)
        self.feed.record(now.number, groups)
        now.trained = range(len(groups))
        if plan:
            teaching = [place for place, item in enumerate(groups) if item.informative]
            now.trained = (teaching or now.trained)[: plan.wanted]

    def _answer_wave(self, now: _Step, tickets: Sequence[Ticket]) -> list[Group]:
        """The groups of some tickets, whose responses are added to those of the step."""
        copies = self.num_generations
        prompts = self._tokenize([ticket.messages for ticket in tickets])
        with self._timed("rollout"), self.answering_model() as model:
            ids = self.sampler.sample(model, prompts, copies)
        responses = self._responses(ids, copies)
        with self._timed("verify"):
            repeated = [ticket for ticket in tickets for _ in range(copies)]
            verdicts = list(self._threads.map(self.feed.verify, repeated, responses))
        now.ids += ids
        now.responses += responses
        now.verdicts += verdicts
        return [
            Group.of(
                ticket.id,
                verdicts[place * copies : (place + 1) * copies],
                responses[place * copies : (place + 1) * copies],
            )
            for place, ticket in enumerate(tickets)
        ]

    def _of_trained(self, values: Sequence[ValueT]) -> list[ValueT]:
        """Those of *values*, one for each response of the step, that are trained on."""
        copies = self.num_generations
        return [
            values[place * copies + number]
            for place in self._under_way.trained
            for number in range(copies)
        ]

    def _begin_step(self) -> _Step:
        started = time.perf_counter()
        batch = self.feed.draw()
        if batch.step != self.state.global_step + 1:
            raise BackendProtocolError(
                f"the feed is at step {batch.step}, but the model at {self.state.global_step + 1}: "
                "they come from different checkpoints"
            )
        self._now = _Step(batch.step, list(batch.tickets), started)
        self._now.seconds["draw"] = time.perf_counter() - started
        torch.manual_seed(derive_seed(self.run.seed, "local", "step", batch.step))
        return self._now

    def _tokenize(self, prompts: Sequence[Sequence[Message]]) -> list[list[int]]:
        return [self._template.tokens(messages) for messages in prompts]

    def _tokenize_prompts(self, prompts: Sequence[Sequence[Message]]) -> tuple[Any, None, Any]:
        """Token ids of prompts that come repeated, once for each response.

        TRL's method would let the template's errors through.
        """
        copies = self.num_generations
        once = self._tokenize(prompts[::copies])
        return [ids for ids in once for _ in range(copies)], None, {}

    def _generate_single_turn(self, *_: Any, **__: Any) -> tuple[list[list[int]], None]:
        """Token ids of the responses that are trained on; all of the step were sampled before."""
        return self._of_trained(self._under_way.ids), None

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

    def _judge(self, *_: Any, **__: Any) -> list[float | None]:
        """The reward function: what was judged before; an undecided response gets ``None``."""
        return [reward(item, self.scheme) for item in self._of_trained(self._under_way.verdicts)]

    # -------------------------------------------------------------- end of a step

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Ends a step: HF calls it with the figures of each one, right after the optimiser's."""
        figures = self._metrics["train"]
        # HF also logs a summary when training ends, which belongs to no step
        if "loss" in logs:
            weights = self._under_way.part_tokens
            means = {
                name: sum(map(operator.mul, figures[name], weights)) / sum(weights)
                for name in ("entropy", "kl")
                if figures.get(name)
            }
            self._end_step({**logs, **means})
        figures.clear()

    def _end_step(self, figures: Mapping[str, float]) -> None:
        now = self._under_way
        total = time.perf_counter() - now.started
        tokens = [response.tokens or 0 for response in now.responses]
        metrics = {
            name: figures[name]
            for name in ("loss", "grad_norm", "learning_rate", "entropy", "kl")
            if name in figures
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


@contextmanager
def _refusing_others(checkpoint: str | None) -> Iterator[None]:
    """Tells in one line what the libraries make of state that does not fit the recipe's."""
    try:
        yield
    except (ValueError, RuntimeError) as error:
        raise UsageError(
            f"the checkpoint {checkpoint} holds other adapters, or another optimiser, than the "
            f"recipe trains: {one_line(error)}",
            hint="go on with the settings that the run began with, or begin another run",
        ) from error


class _Beginning(TrainerCallback):  # type: ignore[misc]
    """Begins the run when HF's loop has loaded all that it needs, so that no step waits for it."""

    def __init__(self, trainer: FeedTrainer) -> None:
        self.trainer = trainer

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        """Measures the model before the first step."""
        self.trainer.run.begin(self.trainer.ask)


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
