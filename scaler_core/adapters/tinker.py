"""tinker-cookbook's RL loops on a feed: a dataset whose groups judge and record themselves.

::

    FeedDatasetBuilder -> FeedDataset.get_batch(i) -> [FeedGroup] -> FeedEnv x responses
                             draws a batch               |             keeps the response
                                                         v
                               all responses of a group judged and recorded together

A group of which nothing came back, because a rollout failed or was cancelled, abandons its ticket.
Groups that the loop filters out (``remove_constant_reward_groups``) are recorded before.

An undecided response gets the mean reward of its group, since the cookbook has no reward for
"nobody could judge": where rewards are centred by group, its advantage is 0.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from statistics import fmean
from typing import Any

import chz
import tinker
from tinker_cookbook.renderers import Renderer, get_renderer, get_text_content
from tinker_cookbook.rl.types import (
    Env,
    EnvGroupBuilder,
    RLDataset,
    RLDatasetBuilder,
    StepResult,
    Trajectory,
)
from tinker_cookbook.tokenizer_utils import get_tokenizer

from scaler_core.adapters import AnyFeed
from scaler_core.errors import ScalerError, unknown_name
from scaler_core.judge import REWARDS, RewardScheme, reward
from scaler_core.models import Response, Ticket, Verdict


class FeedEnv(Env):  # type: ignore[misc]
    """One turn: the ticket's prompt, and a response that its group judges.

    The cookbook's ``ProblemEnv`` would judge in the event loop, which stands still meanwhile.

    Attributes:
        response: What the model wrote; ``None`` where the rollout ended before it.
    """

    def __init__(self, ticket: Ticket, renderer: Renderer) -> None:
        self.ticket = ticket
        self.renderer = renderer
        self.response: Response | None = None

    async def initial_observation(self) -> tuple[tinker.ModelInput, Any]:
        """The rendered prompt, and where the model stops."""
        prompt = self.renderer.build_generation_prompt(list(self.ticket.messages))
        return prompt, self.renderer.get_stop_sequences()

    async def step(self, action: list[int], *, extra: Any = None) -> StepResult:
        """End the episode; its reward is that of the group."""
        message, _ = self.renderer.parse_response(action)
        cut = (extra or {}).get("stop_reason") == "length"
        self.response = Response(text=get_text_content(message), tokens=len(action), truncated=cut)
        return StepResult(
            reward=0.0,
            episode_done=True,
            next_observation=tinker.ModelInput.empty(),
            next_stop_condition=self.renderer.get_stop_sequences(),
        )


class FeedGroup(EnvGroupBuilder):  # type: ignore[misc]
    """The rollouts of one ticket.

    It can be pickled, for rollouts in other processes, where its feed is a
    :class:`~scaler_core.FeedClient`.

    Args:
        feed: Where the ticket was drawn.
        ticket: The ticket.
        renderer: Puts it to the model.
        responses: Rollouts.
        scheme: How a verdict becomes a number; see :data:`scaler_core.judge.REWARDS`.
    """

    def __init__(
        self,
        feed: AnyFeed,
        ticket: Ticket,
        renderer: Renderer,
        *,
        responses: int,
        scheme: RewardScheme = "signed",
    ) -> None:
        self.ticket = ticket
        self._feed = feed
        self._renderer = renderer
        self._responses = responses
        self._scheme = scheme
        self._recorded = False

    async def make_envs(self) -> Sequence[Env]:
        """An environment for each rollout."""
        return [FeedEnv(self.ticket, self._renderer) for _ in range(self._responses)]

    async def compute_group_rewards(
        self, trajectory_group: list[Trajectory], env_group: Sequence[Env]
    ) -> list[tuple[float, dict[str, float | int]]]:
        """Judge and record what came back; rollouts that the strategy dropped are not there."""
        responses = [env.response for env in env_group]
        verdicts = await asyncio.to_thread(self._judge, responses)
        rewards = [reward(verdict, self._scheme) for verdict in verdicts]
        decided = [value for value in rewards if value is not None]
        neutral = fmean(decided) if decided else 0.0
        return [
            (neutral if value is None else value, _metrics(self.ticket, verdict))
            for value, verdict in zip(rewards, verdicts, strict=True)
        ]

    def _judge(self, responses: Sequence[Response | None]) -> list[Verdict]:
        written = [item for item in responses if item is not None]
        judged = iter(self._feed.verify_many([(self.ticket, item) for item in written]))
        verdicts = [
            Verdict.undecided("the rollout ended without a response")
            if item is None
            else next(judged)
            for item in responses
        ]
        self._feed.record(
            self.ticket, verdicts, [item or Response(text="", tokens=0) for item in responses]
        )
        self._recorded = True
        return verdicts

    async def cleanup(self) -> None:
        """Give the ticket up where it was not recorded; the cookbook forbids to raise here."""
        if not self._recorded:
            with suppress(ScalerError):
                await asyncio.to_thread(
                    self._feed.abandon, self.ticket, "the group was not finished"
                )

    def logging_tags(self) -> list[str]:
        """All metrics of a feed stand together: it has too many environments for one chart each."""
        return ["scaler"]


def _metrics(ticket: Ticket, verdict: Verdict) -> dict[str, float | int]:
    decided = verdict.credit is not None
    return {
        "level": ticket.level,
        "undecided": int(not decided),
        **({"credit": verdict.credit} if verdict.credit is not None else {}),
    }


class FeedDataset(RLDataset):  # type: ignore[misc]
    """Batches of tickets, drawn when the loop asks for them.

    Args:
        feed: A feed; asynchronous training holds ``max_steps_off_policy + 3`` batches at most, for
            which the feed must have room (``[feed] max_open``).
        renderer: Puts tickets to the model.
        batch: Tickets of a batch.
        responses: Rollouts of a ticket.
        batches: Batches of the whole training, with ``num_epochs = 1``.
        scheme: How a verdict becomes a number.
        save_every: That of the training: before each such batch the feed keeps its state as
            ``batch-NUMBER``, the number of the cookbook's checkpoint.
    """

    def __init__(
        self,
        feed: AnyFeed,
        renderer: Renderer,
        *,
        batch: int,
        responses: int,
        batches: int,
        scheme: RewardScheme = "signed",
        save_every: int = 0,
    ) -> None:
        if scheme not in REWARDS:
            raise unknown_name("reward scheme", scheme, REWARDS)
        self._feed = feed
        self._renderer = renderer
        self._batch = batch
        self._responses = responses
        self._batches = batches
        self._scheme = scheme
        self._save_every = save_every

    def get_batch(self, index: int) -> Sequence[EnvGroupBuilder]:
        """A batch of new tickets, whatever *index* is.

        Raises:
            FeedFull: More tickets are out than the feed has room for.
            PoolExhausted: No environment can give an instance any more.
        """
        if self._save_every and index and index % self._save_every == 0:
            self._feed.checkpoint(f"batch-{index:06d}")
        tickets: list[Ticket] = []
        while len(tickets) < self._batch:  # a draw may give fewer; the next says why
            tickets += self._feed.draw_many(self._batch - len(tickets))
        return [
            FeedGroup(
                self._feed,
                ticket,
                self._renderer,
                responses=self._responses,
                scheme=self._scheme,
            )
            for ticket in tickets
        ]

    def __len__(self) -> int:
        return self._batches


@chz.chz
class FeedDatasetBuilder(RLDatasetBuilder):  # type: ignore[misc]
    """What ``train.Config.dataset_builder`` takes: the fields of :class:`FeedDataset`.

    Attributes:
        feed: A feed, in this process or served.
        model_name: The model whose tokenizer the renderer gets.
        renderer_name: The cookbook's name of the renderer.
    """

    feed: Any
    model_name: str
    renderer_name: str
    batch: int
    responses: int
    batches: int
    scheme: str = "signed"
    save_every: int = 0

    async def __call__(self) -> tuple[RLDataset, None]:
        """The dataset; held-out questions are a matter of ``scaler eval``."""
        renderer = get_renderer(self.renderer_name, get_tokenizer(self.model_name))
        dataset = FeedDataset(
            self.feed,
            renderer,
            batch=self.batch,
            responses=self.responses,
            batches=self.batches,
            scheme=self.scheme,  # type: ignore[arg-type]
            save_every=self.save_every,
        )
        return dataset, None
