"""TRL's own trainer on a feed, as a user's script has it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from scaler_core.adapters.trl import FeedReward, feed_callback, feed_dataset
from scaler_core.errors import UsageError
from scaler_core.models import Verdict
from scaler_core.run.open_feed import OpenFeed, open_feed
from tests.run.test_run import HOST, make_pool, recipe

pytestmark = pytest.mark.local


def make_feed(tmp_path: Path, at: str | None = None) -> OpenFeed:
    pool = tmp_path / "pool"
    if not pool.exists():
        make_pool(pool, count=3)
    settings = recipe(
        pool, batch={"prompts": 2, "responses": 4}, curator={"size": 2}, prompt={"style": "compact"}
    )
    return open_feed(settings, directory=tmp_path / "feed", at=at, host=HOST)


def train(feed: OpenFeed, tmp_path: Path, steps: int, **options: Any) -> None:
    from trl import GRPOConfig, GRPOTrainer

    from scaler_plugins.backends.local.backend import Local

    settings = GRPOConfig(
        output_dir=str(tmp_path / "trl"),
        max_steps=steps,
        save_steps=2,
        shuffle_dataset=False,
        per_device_train_batch_size=8,
        num_generations=4,
        max_completion_length=6,
        learning_rate=1e-4,
        report_to=[],
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        ignore_data_skip=True,
    )
    trainer = GRPOTrainer(
        model=str(Local.models["tiny"]),
        train_dataset=feed_dataset(feed),
        reward_funcs=FeedReward(feed, max_tokens=6),
        callbacks=[feed_callback(feed)],
        args=settings,
    )
    trainer.train(**options)


@pytest.mark.filterwarnings("ignore")
def test_a_script_trains_one_batch_ahead_and_resumes_with_the_feed(tmp_path: Path) -> None:
    with make_feed(tmp_path) as feed:
        train(feed, tmp_path, steps=4)
        assert feed.step == 4
        assert feed.checkpoints() == ["checkpoint-2", "checkpoint-4"]
        ages = [line.get("mean_age", 0) for line in metrics(feed)]
        assert ages == [0, 1, 1, 1]
        assert {line["decided"] for line in metrics(feed)} == {8}
    with make_feed(tmp_path, at="checkpoint-2") as feed:
        assert feed.step == 2
        at = str(tmp_path / "trl/checkpoint-2")
        train(feed, tmp_path, steps=4, resume_from_checkpoint=at)
        assert feed.step == 4


def metrics(feed: OpenFeed) -> list[dict[str, Any]]:
    lines = (feed.files.path / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


class Scripted:
    """A feed whose verdicts are given."""

    def __init__(self, judge: Callable[[str], Verdict]) -> None:
        self.judge = judge
        self.recorded: list[tuple[str, int]] = []

    def verify(self, ticket: Any, response: Any) -> Verdict:
        return self.judge(response.text)

    def record(self, ticket: Any, verdicts: Sequence[Verdict], responses: Any = ()) -> None:
        self.recorded.append((ticket.id, len(verdicts)))


def test_responses_of_one_ticket_are_one_group_wherever_they_stand(tmp_path: Path) -> None:
    with make_feed(tmp_path) as feed:
        first, second = (feed.draw().model_dump_json() for _ in range(2))
    scripted = Scripted(
        lambda text: Verdict.undecided("lost") if text == "?" else Verdict.scored(float(text))
    )
    scored = FeedReward(scripted, scheme="score")  # type: ignore[arg-type]
    rewards = scored(
        completions=["0.5", [{"role": "assistant", "content": "1"}], "?", "0"],
        completion_ids=[[1], [1, 2], [3], [4]],
        ticket=[first, second, second, first],
    )
    assert rewards == [0.5, 1.0, None, 0.0]
    assert [count for _, count in scripted.recorded] == [2, 2]


def test_another_dataset_is_refused() -> None:
    with pytest.raises(UsageError, match="no column 'ticket'"):
        FeedReward(Scripted(lambda text: Verdict.correct()))(completions=["1"])  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="unknown reward scheme 'best'"):
        FeedReward(Scripted(lambda text: Verdict.correct()), scheme="best")  # type: ignore[arg-type]
