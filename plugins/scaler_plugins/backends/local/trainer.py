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

Rows, rewards and responses go in by TRL's public interface (``reward_funcs``, ``rollout_func``).
Its private methods and those of HF's trainer are overridden where there is no other way; each says
why. ``nox -s trl_newest`` tells whether the newest TRL still has them.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from torch.utils.data import DataLoader
from transformers import PrinterCallback, TrainerCallback
from transformers.trainer import TRAINER_STATE_NAME
from trl import GRPOConfig, GRPOTrainer
from trl.models import unwrap_model_for_generation

from scaler_core.evaluation.engines.sampling import (
    RowSampler,
    SamplingLimits,
    SamplingRequest,
    is_cut_off,
)
from scaler_core.evaluation.engines.transformers import ChatTemplate
from scaler_core.interfaces import FeedLike, RunLike
from scaler_core.judge import reward
from scaler_core.models import Message, Question, Response
from scaler_plugins.backends.local.checkpoint import load_weights, refusing_others
from scaler_plugins.backends.local.rollout import (
    Batch,
    Sampler,
    slice_by_length,
    split_by_tokens,
    with_gradient,
    with_positions,
    without_undecided,
)
from scaler_plugins.backends.local.step import Step, StepMaker


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
        self._now: Step | None = None
        self._slices: list[Batch] = []
        self._slice = 0
        super().__init__(
            model=model,
            reward_funcs=[self._judge],
            rollout_func=self._rollouts,
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
                policy.register_forward_pre_hook(with_positions, with_kwargs=True)
        self._steps = StepMaker(
            feed,
            run,
            copies=self.num_generations,
            threads=verify_threads,
            tokenize=lambda ticket: self._template.tokens(ticket.messages),
            sample=self._sample,
            spell=self._responses,
        )

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
        """Load a checkpoint's weights whole.

        HF's method lets names that do not fit go by, and has no hook between finding and loading.
        """
        if hasattr(self.model, "peft_config"):
            with refusing_others(resume_from_checkpoint):
                super()._load_from_checkpoint(resume_from_checkpoint, model)
            return
        load_weights(model or self.model, resume_from_checkpoint)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        """Load them; HF's method raises what only its authors understand."""
        with refusing_others(checkpoint):
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
            batch = self.generation_batch()
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
        """A part of a slice as it is.

        TRL's method would sample, and split and shuffle the rows by number instead of length;
        ``training_step`` of HF's trainer calls it, so there is no way around it.
        """
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
        """TRL's figures of each token, for no more rows at once than a pass may have tokens.

        TRL's arguments bound the rows of a pass only, and the same number for all lengths.
        """
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

    def generation_batch(self) -> Batch:
        """A new step as TRL trains on it, all of it sampled and scored."""
        self._now = now = self._steps.make(self.state.global_step + 1)
        rows = [
            {"prompt": list(now.tickets[place].messages)}
            for place in now.trained
            for _ in range(now.copies)
        ]
        batch = self._generate_and_score_completions(rows)
        decided = [item.result != "undecided" for item in now.of_trained(now.verdicts)]
        return without_undecided(batch, decided)

    def _rollouts(self, *_: Any) -> dict[str, Any]:
        """TRL's rollout function: the responses that are trained on, which were sampled before."""
        now = self._under_way
        prompts = [now.prompts[place] for place in now.trained for _ in range(now.copies)]
        return {
            "prompt_ids": prompts,
            "completion_ids": now.of_trained(now.ids),
            "logprobs": None,  # those of sampling; training is on-policy
        }

    def _sample(self, prompts: Sequence[list[int]]) -> list[list[int]]:
        with self.answering_model() as model:
            return self.sampler.sample(model, prompts, self.num_generations)

    def _tokenize(self, prompts: Sequence[Sequence[Message]]) -> list[list[int]]:
        return [self._template.tokens(messages) for messages in prompts]

    @contextmanager
    def answering_model(self) -> Iterator[Any]:
        """The model as it generates: out of training mode, in the precision of the computation."""
        training = self.model.training
        self.model.eval()
        gradient_checkpointing = self.args.gradient_checkpointing_kwargs
        try:
            with (
                unwrap_model_for_generation(
                    self.model_wrapped,
                    self.accelerator,
                    gradient_checkpointing_kwargs=gradient_checkpointing,
                ) as model,
                self.accelerator.autocast(),
            ):
                # an adapted model hides the options of its base model's forward pass
                yield model.get_base_model() if hasattr(model, "get_base_model") else model
        finally:
            self.model.train(training)

    def _responses(self, ids: Sequence[list[int]]) -> list[Response]:
        """Responses to prompts that were sampled several times each, side by side."""
        texts = self.processing_class.batch_decode(ids, skip_special_tokens=True)
        return [
            Response(
                text=text,
                tokens=len(row),
                truncated=is_cut_off(row, self.max_completion_length, self.eos_token_ids),
                sample=index % self.num_generations,
            )
            for index, (text, row) in enumerate(zip(texts, ids, strict=True))
        ]

    # -------------------------------------------------------------- judging

    def _judge(self, *_: Any, **__: Any) -> list[float | None]:
        """The reward function: what was judged before; an undecided response gets ``None``."""
        now = self._under_way
        return [reward(item, self.scheme) for item in now.of_trained(now.verdicts)]

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
            now = self._under_way
            ended = self.run.end_step(
                now.number,
                now.metrics({**logs, **means}),
                now.samples(),
                self.save_state,
                self.ask,
            )
            self.control.should_training_stop |= ended.stop
        figures.clear()

    # -------------------------------------------------------------- small parts

    @property
    def _under_way(self) -> Step:
        assert self._now is not None
        return self._now

    @contextmanager
    def without_autocast(self) -> Iterator[None]:
        """Computes in the precision of the weights, as long as it is open."""
        native, self.accelerator.native_amp = self.accelerator.native_amp, False
        try:
            yield
        finally:
            self.accelerator.native_amp = native

    def _send_telemetry(self) -> None:
        """Send nothing: TRL would report each trainer to its makers without asking the user.

        Its only switches are environment variables, which are the user's and not a library's.
        """


class _Beginning(TrainerCallback):  # type: ignore[misc]
    """Begins the run when HF's loop has loaded all that it needs, so that no step waits for it."""

    def __init__(self, trainer: FeedTrainer) -> None:
        self.trainer = trainer

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        """Measures the model before the first step."""
        self.trainer.run.begin(self.trainer.ask)
