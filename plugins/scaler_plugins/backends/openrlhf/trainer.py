"""OpenRLHF's trainer with a feed's prompts, verdicts and end of step.

::

    fit (OpenRLHF's)
      generate_samples   -> loader: draw      -> engines: sample, verify
                            (with a group filter: extend, until enough groups are informative)
      train_step         -> record            -> experiences, DeepSpeed, weights to the engines
      save_logs_and_...  -> finish: metrics, checkpoint, evaluation; whether to go on
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import ray
from openrlhf.trainer import ppo_trainer
from openrlhf.trainer.ppo_utils.samples_generator import SamplesGenerator
from openrlhf.trainer.ray.vllm_engine import batch_vllm_engine_call
from openrlhf.utils.utils import get_tokenizer

from scaler_core.interfaces import Oversampling, StepEnd
from scaler_plugins.backends.openrlhf.assignment import Judged, group_by_ticket
from scaler_plugins.backends.openrlhf.experience import DecidedExperienceMaker, has_gradient
from scaler_plugins.backends.openrlhf.mailbox import Caller, Item, TicketLoader
from scaler_plugins.backends.openrlhf.policy import allow_empty_passes, broadcast_merged
from scaler_plugins.backends.openrlhf.prompts import TokenizerByName

METRICS = {
    "policy_loss": "loss",
    "actor_grad_norm": "grad_norm",
    "actor_lr": "learning_rate",
    "entropy_loss": "entropy",
    "ppo_clip_ratio": "clip_share",
    "ppo_kl": "kl_to_old",
    "vllm_kl": "kl_to_engine",
    "rollout/response_length_mean": "response_tokens",
    "rollout/truncated_rate": "truncated_share",
    "timing/broadcast": "seconds_sync",
}
"""Names of OpenRLHF's figures -> their names in a run's metrics."""

REFERENCE_KL = "logprobs_diff"
"""The mean of a token's log-probability less that of the reference model. OpenRLHF's own ``kl`` is
a share of the loss, and depends on how many passes a step has."""

# the plain class behind OpenRLHF's actor
_PPOTrainer = ppo_trainer.PPOTrainer.__ray_metadata__.modified_class


@dataclass(frozen=True)
class TrainerSetup:
    """Arguments of the trainer in addition to OpenRLHF's.

    Attributes:
        call: Calls the process that holds feed and run.
        prompts: Tickets per step.
        first_step: The first step to train.
        last_step: The last one.
        oversampling: How many groups a step draws; ``None`` without a group filter.
    """

    call: Caller
    prompts: int
    first_step: int
    last_step: int
    oversampling: Oversampling | None = None


class GroupSampler(SamplesGenerator):  # type: ignore[misc]
    """OpenRLHF's samples generator, drawing until enough groups of a step are informative.

    ::

        wanted 3   . + .   + + .     drawn in two waves; all six are kept for the curriculum
        returned   + + +             at the bound without enough of them: + + .

    A step is always full, because DeepSpeed does a fixed number of passes.

    Attributes:
        plan: How many groups a step draws; ``None`` for no more than it has prompts.
        judged: All responses of the last step, those that are not trained on too.
    """

    plan: Oversampling | None = None
    judged: Sequence[Judged] = ()

    def _generate_vllm(
        self, dataloader_iter: Any, num_prompts: int, dynamic_filtering: bool, **options: Any
    ) -> tuple[list[Any], int, bool]:
        """The responses that a step trains on, how many prompts were drawn, and whether it ends."""
        drawn: list[Item] = list(islice(dataloader_iter, num_prompts))
        samples, _, over = super()._generate_vllm(iter(drawn), num_prompts, False, **options)
        while self.plan and drawn and (count := self.plan.more(len(drawn), _informative(samples))):
            more = self.prompts_dataloader.extend(count)
            drawn += more
            samples += super()._generate_vllm(iter(more), len(more), False, **options)[0]
        self.judged = _labels(samples)
        if self.plan:
            tickets = [label.ticket.id for _, _, (label,), _ in drawn]
            samples = informative_first(samples, tickets, self.plan.wanted)
        return samples, len(drawn), over


def informative_first(samples: Sequence[Any], tickets: Sequence[str], wanted: int) -> list[Any]:
    """The responses to *wanted* tickets: informative groups first, then others to fill the step.

    Args:
        samples: The responses, in whatever order they came.
        tickets: Ids of the tickets, in the order of their draws, which alone decides.
        wanted: How many of them.
    """
    teaching = {item.ticket_id for item in group_by_ticket(_labels(samples)) if item.informative}
    chosen = sorted(tickets, key=lambda name: name not in teaching)[:wanted]
    answers: dict[str, list[Any]] = {name: [] for name in tickets}
    for sample in samples:
        answers[sample.labels[0].ticket.id].append(sample)
    return [sample for name in chosen for sample in answers[name]]


def _informative(samples: Sequence[Any]) -> int:
    return sum(item.informative for item in group_by_ticket(_labels(samples)))


def _labels(samples: Sequence[Any]) -> list[Judged]:
    return [label for sample in samples for label in sample.labels]


class CurriculumTrainer(_PPOTrainer):  # type: ignore[misc, valid-type]
    """``PPOTrainer`` on a feed; made as an actor by ``session.py``."""

    def __init__(
        self,
        setup: TrainerSetup,
        pretrain: str,
        strategy: Any,
        actor_model_group: Any,
        critic_model_group: Any,
        reward_model_group: Any,
        reference_model_group: Any,
        vllm_engines: Any,
        **generate_kwargs: Any,
    ) -> None:
        # OpenRLHF's own __init__ would read a dataset; this one does the rest of it
        arguments = strategy.args
        # the run evaluates and saves, in save_logs_and_checkpoints() below
        arguments.eval.steps = arguments.ckpt.save_steps = float("inf")
        self.setup = setup
        self.generate_kwargs = generate_kwargs
        self.max_steps = setup.last_step
        self.prompts_dataloader = TicketLoader(
            setup.call, setup.prompts, setup.first_step, setup.last_step
        )
        self.eval_dataloader = None
        tokenizer = get_tokenizer(
            pretrain, None, "left", strategy, use_fast=not arguments.data.disable_fast_tokenizer
        )
        # it only hands the tokenizer to the engines, once a prompt
        self.samples_generator = GroupSampler(
            strategy, self.prompts_dataloader, None, TokenizerByName(pretrain), vllm_engines
        )
        self.samples_generator.plan = setup.oversampling
        ppo_trainer.BasePPOTrainer.__init__(
            self,
            strategy,
            actor_model_group,
            critic_model_group,
            reward_model_group,
            reference_model_group,
            vllm_engines,
            tokenizer,
        )
        self.experience_maker = DecidedExperienceMaker(
            actor_model_group,
            critic_model_group,
            reward_model_group,
            reference_model_group,
            self.kl_ctl,
            strategy,
            tokenizer,
        )
        self.experience_maker.only_informative = setup.oversampling is not None
        self._judged: Sequence[Judged] = ()
        self._checkpoint: dict[str, Any] | None = None

    def fit(self, global_step: int = 0) -> None:
        """OpenRLHF's loop, with the run's ``begin`` before and ``end`` after it."""
        # a resumed policy must be in the engines before begin() evaluates it
        if self.init_checkpoint_states()["global_step"]:
            self.broadcast_to_vllm()
        actors = self.actor_model_group._actor_handlers
        ray.get([actor.__ray_call__.remote(allow_empty_passes) for actor in actors])
        references = getattr(self.reference_model_group, "_actor_handlers", [])
        self.setup.call("started", actors, references, self.vllm_engines)
        super().fit(global_step)
        self.setup.call("ended")

    def init_checkpoint_states(self) -> dict[str, Any]:
        """The state in the model's checkpoint, loaded once; OpenRLHF's ``fit`` calls this again.

        Raises:
            RuntimeError: It was not loaded, or is of another step than the curriculum.
        """
        if self._checkpoint is not None:
            return self._checkpoint
        states: dict[str, Any] = super().init_checkpoint_states()
        step = states.get("global_step")
        if step != self.setup.first_step - 1:
            raise RuntimeError(
                f"the model is at step {step}, but the curriculum at {self.setup.first_step - 1}"
            )
        self._checkpoint = states
        return states

    def broadcast_to_vllm(self) -> None:
        """Send the new weights to the engines; those of adapters merged into their model's."""
        if not self.args.ds.lora.rank:
            super().broadcast_to_vllm()
            return
        if self.args.vllm.enable_sleep:
            batch_vllm_engine_call(self.vllm_engines, "wake_up", tags=["weights"])
        actors = self.actor_model_group._actor_handlers
        ray.get([actor.__ray_call__.remote(broadcast_merged) for actor in actors])

    def train_step(self, rollout_samples: Sequence[Any], global_step: int) -> tuple[Any, int]:
        """Record the step's verdicts, all that were given, then train on *rollout_samples*."""
        self._judged = self.samples_generator.judged
        filtered = self.setup.oversampling is not None
        # before training, and so before the loader draws again
        state = self.setup.call("record", global_step + 1, group_by_ticket(self._judged))
        self.prompts_dataloader.remember(state)
        if not has_gradient(self._judged, self.args, only_informative=filtered):
            # the optimiser's momentum would move weights, and a mean over no token break them
            return rollout_figures(self._judged), global_step + 1
        status, step = super().train_step(rollout_samples, global_step)
        if filtered:  # OpenRLHF's are of the responses that were trained on
            status |= rollout_figures(self._judged)
        return status, step

    def save_logs_and_checkpoints(
        self,
        global_step: int,
        logs_dict: dict[str, Any] | None = None,
        client_states: dict[str, Any] | None = None,
    ) -> None:
        """End the step: exchange figures, and save or evaluate where that is due."""
        logs = logs_dict or {}
        metrics = step_metrics(logs, with_reference=self.args.algo.kl.init_coef > 0)
        metrics["seconds_verify"] = verification_tail(self._judged)
        ended: StepEnd = self.setup.call(
            "finish", global_step, metrics, self._samples(), client_states
        )
        if ended.stop:  # OpenRLHF's loop ends with its prompts
            self.prompts_dataloader.stop()
        figures = {f"curriculum/{name}": value for name, value in ended.figures.items()}
        super().save_logs_and_checkpoints(global_step, {**logs, **figures})

    def _samples(self) -> list[Judged]:
        """The first response to each ticket."""
        return [item for item in self._judged if not item.response.sample]


def step_metrics(status: Mapping[str, Any], *, with_reference: bool = False) -> dict[str, float]:
    """A run's metrics, from the figures that OpenRLHF reports of a step.

    Args:
        status: The figures.
        with_reference: Whether there is a reference model, and so a distance from it.
    """
    names = METRICS | ({REFERENCE_KL: "kl"} if with_reference else {})
    metrics = {ours: float(status[name]) for name, ours in names.items() if name in status}
    if "timing/generation" in status:
        metrics["seconds_generate"] = status["timing/generation"]
    if "timing/ppo_train" in status:
        metrics["seconds_train"] = status["timing/make_experience"] + status["timing/ppo_train"]
    return metrics


def rollout_figures(judged: Sequence[Judged]) -> dict[str, float]:
    """OpenRLHF's figures of a step's responses, for one that it does not train on."""
    lengths = [item.response.tokens or 0 for item in judged]
    cut_off = [item.response.truncated for item in judged]
    return {
        "rollout/response_length_mean": sum(lengths) / len(lengths),
        "rollout/truncated_rate": sum(cut_off) / len(cut_off),
    }


def verification_tail(judged: Sequence[Judged]) -> float:
    """Seconds by which a step's last verdict came after its last sampled token."""
    sampled = max((item.sampled_at for item in judged), default=0.0)
    return max(0.0, max((item.judged_at for item in judged), default=0.0) - sampled)
