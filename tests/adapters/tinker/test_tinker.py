"""tinker-cookbook's own rollouts on a feed; a scripted sampler stands in for its service."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("tinker_cookbook", reason="tinker-cookbook is not installed")

from tinker_cookbook.renderers import Renderer, get_renderer
from tinker_cookbook.rl.rollout_strategy import MinViableGroup, RetryOnFailure
from tinker_cookbook.rl.rollouts import do_group_rollout_and_filter_constant_reward
from tinker_cookbook.rl.types import EnvGroupBuilder, RLDataset, TrajectoryGroup
from transformers import AutoTokenizer

from scaler_core import FeedClient
from scaler_core.adapters.tinker import FeedDataset, FeedDatasetBuilder
from scaler_core.errors import FeedFull, UsageError
from scaler_core.models import Verdict
from scaler_core.run.open_feed import OpenFeed
from scaler_plugins.backends.local.backend import Local
from tests.adapters.feeds import RIGHT, WRONG, metrics, scripted_feed
from tests.serve.test_server import Running, journal

TINY = str(Local.models["tiny"])
PROMPTS, RESPONSES = 3, 4
END = "\n\nUser:"


@pytest.fixture
def feed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenFeed]:
    with scripted_feed(tmp_path, monkeypatch, prompts=PROMPTS) as opened:
        yield opened


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return get_renderer("role_colon", AutoTokenizer.from_pretrained(TINY))


class Sampler:
    """The service's sampler, whose k-th answer is given; an exception is raised."""

    def __init__(self, renderer: Renderer, answer: Callable[[int], str | Exception]) -> None:
        self.renderer = renderer
        self.answer = answer
        self.asked = 0

    async def sample(self, *, prompt: Any, num_samples: int, sampling_params: Any) -> Any:
        text = self.answer(self.asked)
        self.asked += 1
        if isinstance(text, Exception):
            raise text
        tokens = self.renderer.tokenizer.encode(text, add_special_tokens=False)
        stopped = "stop" if text.endswith(END) else "length"
        sequence = SimpleNamespace(
            tokens=tokens, logprobs=[0.0] * len(tokens), stop_reason=stopped, sequence_id=None
        )
        return SimpleNamespace(sequences=[sequence], prompt_cache_hit_tokens=0)


def one_right(k: int) -> str:
    return (RIGHT if k % RESPONSES == 0 else WRONG) + END


def roll(
    sampler: Sampler, groups: Sequence[EnvGroupBuilder], **options: Any
) -> list[TrajectoryGroup | None]:
    async def all_in_turn() -> list[TrajectoryGroup | None]:
        options.setdefault("do_remove_constant_reward_groups", False)
        return [
            await do_group_rollout_and_filter_constant_reward(
                sampler, group, max_tokens=64, temperature=1.0, **options
            )
            for group in groups
        ]

    return asyncio.run(all_in_turn())


def dataset(feed: OpenFeed | FeedClient, renderer: Renderer, **options: Any) -> FeedDataset:
    return FeedDataset(feed, renderer, batch=PROMPTS, responses=RESPONSES, batches=10, **options)


def test_groups_that_are_drawn_ahead_are_judged_and_recorded_as_they_finish(
    feed: OpenFeed, renderer: Renderer
) -> None:
    """Three batches are out before the first comes back, as with two steps off policy."""
    rows = dataset(feed, renderer)
    assert isinstance(rows, RLDataset)
    assert len(rows) == 10
    ahead = [rows.get_batch(index) for index in range(3)]
    sampler = Sampler(renderer, one_right)
    for index in range(3, 6):
        groups = roll(sampler, ahead.pop(0))
        assert [group.get_total_rewards() for group in groups if group] == [[1, -1, -1, -1]] * 3
        ahead.append(rows.get_batch(index))
    assert feed.step == 3
    assert [line.get("mean_age", 0) for line in metrics(feed)] == [0, 1, 2]
    assert {line["accuracy"] for line in metrics(feed)} == {0.25}
    assert {line["decided"] for line in metrics(feed)} == {PROMPTS * RESPONSES}


def test_a_group_that_is_filtered_out_is_recorded_and_one_that_fails_is_abandoned(
    feed: OpenFeed, renderer: Renderer
) -> None:
    constant, failing, partial = dataset(feed, renderer).get_batch(0)
    sampler = Sampler(renderer, lambda k: WRONG + END)
    assert roll(sampler, [constant], do_remove_constant_reward_groups=True) == [None]
    broken = Sampler(renderer, lambda k: ConnectionError("lost"))
    assert roll(broken, [failing], strategy=RetryOnFailure(max_retries=1)) == [None]
    flaky = Sampler(renderer, lambda k: ConnectionError("lost") if k == 1 else one_right(k))
    (group,) = roll(flaky, [partial], strategy=MinViableGroup(min_successful=2, max_retries=0))
    assert group is not None
    assert sorted(group.get_total_rewards()) == [-1, -1, 1]
    (line,) = metrics(feed)
    assert line["decided"] == RESPONSES + 3
    assert sum(row["abandoned"] for row in feed.environments()) == 1
    assert not feed.open_tickets


def test_an_undecided_response_has_no_advantage(
    feed: OpenFeed, renderer: Renderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdicts = [Verdict.correct(), Verdict.undecided("lost"), Verdict.incorrect("no")]
    monkeypatch.setattr(OpenFeed, "verify_many", lambda self, pairs: [*verdicts, Verdict.correct()])
    (group, *_) = dataset(feed, renderer, scheme="binary").get_batch(0)
    (rolled,) = roll(Sampler(renderer, one_right), [group])
    assert rolled is not None
    rewards = rolled.get_total_rewards()
    assert rewards == [1, pytest.approx(2 / 3), 0, 1]
    assert sum(rewards) / len(rewards) == pytest.approx(rewards[1])
    assert [metric["undecided"] for metric in rolled.metrics_G] == [0, 1, 0, 0]


def test_groups_travel_to_other_processes_and_the_feed_follows_the_checkpoints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, feed: OpenFeed, renderer: Renderer
) -> None:
    with Running(feed) as running, FeedClient(running.url) as client:
        builder = FeedDatasetBuilder(
            feed=client,
            model_name=TINY,
            renderer_name="role_colon",
            batch=PROMPTS,
            responses=RESPONSES,
            batches=10,
            save_every=2,
        )
        rows, _ = asyncio.run(builder())
        sampler = Sampler(renderer, one_right)
        for index in range(3):
            copies, other = pickle.loads(pickle.dumps((rows.get_batch(index), client)))
            with other:  # what is pickled together shares a client
                assert None not in roll(sampler, copies)
    assert feed.step == 3
    assert feed.checkpoints() == ["batch-000002"]
    feed.close()
    with scripted_feed(tmp_path, monkeypatch, prompts=PROMPTS, at="batch-000002") as again:
        assert again.step == 2


def test_a_cut_off_response_is_told_and_a_full_feed_says_so(
    feed: OpenFeed, renderer: Renderer
) -> None:
    rows = dataset(feed, renderer)
    roll(Sampler(renderer, lambda k: "no end"), rows.get_batch(0))
    assert [call["outcome"]["truncated"] for call in journal(feed) if "record" in call] == [4] * 3
    with pytest.raises(FeedFull):
        [rows.get_batch(index) for index in range(5)]
    with pytest.raises(UsageError, match="unknown reward scheme 'best'"):
        dataset(feed, renderer, scheme="best")
