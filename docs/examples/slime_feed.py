"""A served feed in slime: a data source that draws, and a reward function that records.

::

    --data-source-path slime_feed.FeedSource --group-rm --custom-rm-path slime_feed.reward
    --custom-config-path feed.yaml          # feed_url: http://127.0.0.1:8808

Both run in slime's rollout manager, which judges a group at once.
"""

from __future__ import annotations

import asyncio
from functools import cache
from statistics import fmean
from typing import Any

from slime.rollout.data_source import DataSource
from slime.utils.types import Sample
from transformers import AutoTokenizer

from scaler_core import FeedClient, Response, Ticket


@cache
def feed_of(url: str) -> FeedClient:
    """The client of this process."""
    return FeedClient(url)


class FeedSource(DataSource):  # type: ignore[misc]
    """Groups of samples, one for each ticket; groups that come back unfinished go first."""

    def __init__(self, args: Any) -> None:
        self.args = args
        self.feed = feed_of(args.feed_url)
        self.tokenizer = AutoTokenizer.from_pretrained(args.hf_checkpoint)
        self.returned: list[list[Sample]] = []
        self.groups = 0

    def get_samples(self, num_samples: int) -> list[list[Sample]]:
        """So many groups."""
        groups, self.returned = self.returned[:num_samples], self.returned[num_samples:]
        while len(groups) < num_samples:  # a draw may give fewer; the next says why
            groups += map(self.group, self.feed.draw_many(num_samples - len(groups)))
        return groups

    def group(self, ticket: Ticket) -> list[Sample]:
        """The samples of one ticket."""
        prompt = self.tokenizer.apply_chat_template(
            list(ticket.messages), tokenize=False, add_generation_prompt=True
        )
        count, self.groups = self.args.n_samples_per_prompt, self.groups + 1
        return [
            Sample(
                group_index=self.groups - 1,
                index=(self.groups - 1) * count + number,
                prompt=prompt,
                label=ticket.truth,
                metadata={"ticket": ticket.model_dump_json()},
            )
            for number in range(count)
        ]

    def add_samples(self, samples: list[list[Sample]]) -> None:
        """Take groups back that a rollout did not finish."""
        self.returned += samples

    def save(self, rollout_id: int) -> None:
        """Keep the feed's state beside slime's; to go back: ``scaler serve --at rollout-N``."""
        self.feed.checkpoint(f"rollout-{rollout_id}")

    def load(self, rollout_id: int | None = None) -> None:
        """Nothing: the server knows where it is."""

    def __len__(self) -> int:
        return 1 << 40  # without end


async def reward(args: Any, group: list[Sample], **_: Any) -> list[float]:
    """Judge and record a group; a response that nobody could judge is not trained on."""
    feed = feed_of(args.feed_url)
    ticket = Ticket.model_validate_json(group[0].metadata["ticket"])
    responses = [
        Response(
            text=sample.response,
            tokens=sample.response_length,
            truncated=sample.status == Sample.Status.TRUNCATED,
        )
        for sample in group
    ]
    verdicts = await asyncio.to_thread(feed.verify_many, [(ticket, item) for item in responses])
    await asyncio.to_thread(feed.record, ticket, verdicts, responses)
    scores = [item.credit for item in verdicts]
    neutral = fmean([item for item in scores if item is not None] or [0.0])
    for sample, score in zip(group, scores, strict=True):
        sample.remove_sample = score is None
    return [neutral if item is None else item for item in scores]
