"""TRL's GRPOTrainer on a feed: a dataset, a reward function, a callback, no private override.

::

    feed = open_feed("my-recipe.toml", directory="feeds/mine")
    trainer = GRPOTrainer(
        model="...",
        train_dataset=feed_dataset(feed),
        reward_funcs=FeedReward(feed),
        callbacks=[feed_callback(feed)],
        args=GRPOConfig(max_steps=500, shuffle_dataset=False, num_generations=8, ...),
    )

TRL reads one batch ahead of its rewards: ages of outcomes are 0 and 1. ``shuffle_dataset`` must be
off, or it reads 1,000 rows before the first step. All processes of a distributed training draw from
one feed when each is given a :class:`~scaler_core.FeedClient`; the responses to a ticket must lie
in the batch of one process (``per_device_train_batch_size`` a multiple of ``num_generations``).
"""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from scaler_core.adapters import AnyFeed
from scaler_core.errors import UsageError, unknown_name
from scaler_core.judge import REWARDS, RewardScheme, reward
from scaler_core.models import Response, Ticket

if TYPE_CHECKING:
    from datasets import IterableDataset
    from transformers import TrainerCallback


# a dataset pickles its generator and what it is called with, so it gets a number and not the feed
_FEEDS: Final[weakref.WeakValueDictionary[int, AnyFeed]] = weakref.WeakValueDictionary()
_NUMBERS = itertools.count()


def feed_dataset(feed: AnyFeed) -> IterableDataset:
    """An endless dataset with the columns ``prompt`` and ``ticket``.

    A row that a reader looks at and throws away stays a ticket that is out, until the feed gives it
    up.
    """
    from datasets import IterableDataset

    number = next(_NUMBERS)
    _FEEDS[number] = feed
    return IterableDataset.from_generator(_rows, gen_kwargs={"number": number})


def _rows(number: int) -> Iterator[dict[str, Any]]:
    feed = _FEEDS[number]
    while True:
        ticket = feed.draw()
        yield {"prompt": list(ticket.messages), "ticket": ticket.model_dump_json()}


class FeedReward:
    """A reward function that judges responses and records them with the feed.

    Args:
        feed: The feed of the dataset.
        scheme: How a verdict becomes a number; see :data:`scaler_core.judge.REWARDS`.
        max_tokens: ``max_completion_length`` of the training, where responses that reach it are to
            count as cut off.
    """

    __name__ = "scaler"  # by which TRL logs it

    def __init__(
        self, feed: AnyFeed, *, scheme: RewardScheme = "signed", max_tokens: int | None = None
    ) -> None:
        if scheme not in REWARDS:
            raise unknown_name("reward scheme", scheme, REWARDS)
        self._feed = feed
        self._scheme = scheme
        self._max_tokens = max_tokens

    def __call__(
        self,
        completions: Sequence[Any],
        completion_ids: Sequence[Sequence[int]] | None = None,
        ticket: Sequence[str] | None = None,
        **columns: Any,
    ) -> list[float | None]:
        """Rewards in the order of *completions*; ``None`` leaves an undecided one out.

        Raises:
            UsageError: The rows do not come from :func:`feed_dataset`.
        """
        if ticket is None:
            raise UsageError(
                "the dataset has no column 'ticket'", hint="train on feed_dataset(feed)"
            )
        lengths = [len(item) for item in completion_ids] if completion_ids else [None] * len(ticket)
        rewards: list[float | None] = [None] * len(ticket)
        for text, places in _places(ticket).items():
            drawn = Ticket.model_validate_json(text)
            responses = [self._response(completions[at], lengths[at]) for at in places]
            verdicts = [self._feed.verify(drawn, item) for item in responses]
            self._feed.record(drawn, verdicts, responses)
            for at, verdict in zip(places, verdicts, strict=True):
                rewards[at] = reward(verdict, self._scheme)
        return rewards

    def _response(self, completion: Any, tokens: int | None) -> Response:
        # a conversation where the prompt was one, else the text alone
        text = completion if isinstance(completion, str) else completion[-1]["content"]
        cut = self._max_tokens is not None and tokens is not None and tokens >= self._max_tokens
        return Response(text=text, tokens=tokens, truncated=cut)


def _places(values: Sequence[str]) -> Mapping[str, list[int]]:
    """Where each value stands."""
    found: dict[str, list[int]] = {}
    for place, value in enumerate(values):
        found.setdefault(value, []).append(place)
    return found


def feed_callback(feed: AnyFeed) -> TrainerCallback:
    """A callback that keeps the feed's state whenever the trainer saves its own.

    To resume, open the feed ``at="checkpoint-N"`` and train with
    ``resume_from_checkpoint=".../checkpoint-N"`` and ``ignore_data_skip=True``: the feed itself
    knows where it was.
    """
    from transformers import TrainerCallback

    class FeedCallback(TrainerCallback):  # type: ignore[misc]
        def on_save(self, args: Any, state: Any, control: Any, **more: Any) -> None:
            if state.is_world_process_zero:
                feed.checkpoint(f"checkpoint-{state.global_step}")

    return FeedCallback()
