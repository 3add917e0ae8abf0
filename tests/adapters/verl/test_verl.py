"""verl's own classes, loaded by its own configuration, on a served feed."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("verl", reason="verl is not installed")

import numpy as np
import torch
from hydra import compose, initialize_config_module
from tensordict import TensorDict
from torchdata.stateful_dataloader import StatefulDataLoader
from transformers import AutoTokenizer
from verl import DataProto
from verl.experimental.reward_loop.reward_loop import RewardLoopWorker
from verl.trainer.ppo.checkpoint_callback import build_checkpoint_callback
from verl.trainer.ppo.utils import create_rl_dataset, create_rl_sampler
from verl.utils.dataset.rl_dataset import collate_fn

from scaler_core.adapters.verl import _client, write_rows
from scaler_core.errors import FeedFull, InfrastructureError, UsageError
from scaler_core.models import Instance, Verdict
from scaler_core.run.open_feed import OpenFeed
from scaler_plugins.backends.local.backend import Local
from tests.adapters.feeds import RIGHT, WRONG, metrics, scripted_feed
from tests.serve.test_server import Running, journal
from tests.test_imports import ROOT

# the loader that verl pins calls what torch calls deprecated
pytestmark = pytest.mark.filterwarnings("ignore")

TINY = str(Local.models["tiny"])
PROMPTS, RESPONSES = 3, 4


@pytest.fixture
def feed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenFeed]:
    with scripted_feed(tmp_path, monkeypatch, prompts=PROMPTS) as opened:
        yield opened


@pytest.fixture
def url(feed: OpenFeed) -> Iterator[str]:
    with Running(feed) as running:
        yield running.url
        _client(running.url, "").close()


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return AutoTokenizer.from_pretrained(TINY)


def documented() -> list[str]:
    """The arguments of the command that the documentation tells."""
    text = (ROOT / "docs" / "trainers.md").read_text(encoding="utf-8")
    command = re.search(r"verl\.trainer\.main_ppo \\\n(.*?)\n```", text, re.DOTALL)
    assert command
    return command[1].replace("\\\n", " ").split()


def configuration(url: str, *overrides: str) -> Any:
    """verl's configuration by that command, for this feed and the tiny model."""
    here = [
        f"data.train_files={url}",
        f"data.train_batch_size={PROMPTS}",
        f"actor_rollout_ref.rollout.n={RESPONSES}",
        f"actor_rollout_ref.model.path={TINY}",
        "data.max_response_length=64",
    ]
    with initialize_config_module("verl.trainer.config", version_base=None):
        return compose("ppo_trainer", overrides=[*documented(), *here, *overrides])


def loader(config: Any, tokenizer: Any) -> StatefulDataLoader:
    """The loader that verl's trainer makes of its configuration."""
    rows = create_rl_dataset(config.data.train_files, config.data, tokenizer, None)
    return StatefulDataLoader(
        dataset=rows,
        batch_size=config.data.train_batch_size,
        num_workers=config.data.dataloader_num_workers,
        drop_last=True,
        collate_fn=collate_fn,
        sampler=create_rl_sampler(config.data, rows),
    )


def worker_of(config: Any, tokenizer: Any) -> RewardLoopWorker:
    return RewardLoopWorker(config)


def session(row: Mapping[str, Any], text: str, tokenizer: Any) -> DataProto:
    """What an agent loop sends to be scored: one response, padded on its right."""
    ids = tokenizer.encode(text, add_special_tokens=False)
    prompts, padded = torch.zeros(1, 4, dtype=torch.long), torch.zeros(1, 64, dtype=torch.long)
    padded[0, : len(ids)] = torch.tensor(ids)
    mask = torch.cat([torch.ones_like(prompts), (torch.arange(64) < len(ids))[None].long()], dim=1)
    tensors = {"prompts": prompts, "responses": padded, "attention_mask": mask}
    return DataProto(
        batch=TensorDict(tensors, batch_size=1),
        non_tensor_batch={key: np.array([value], dtype=object) for key, value in row.items()},
    )


def rows_of(batch: Mapping[str, Any]) -> list[dict[str, Any]]:
    names = ("data_source", "reward_model", "extra_info")
    return [dict(zip(names, row, strict=True)) for row in zip(*map(batch.get, names), strict=True)]


def score_all(
    worker: RewardLoopWorker, batch: Mapping[str, Any], tokenizer: Any
) -> list[dict[str, Any]]:
    """All sessions of a batch at once and in any order; one of each group is right."""
    sessions = [
        session(row, RIGHT if number == 0 else WRONG, tokenizer)
        for row in rows_of(batch)
        for number in range(RESPONSES)
    ]
    random.Random(0).shuffle(sessions)

    async def scored() -> list[dict[str, Any]]:
        return await asyncio.gather(*map(worker.compute_score, sessions))

    found: list[dict[str, Any]] = worker.loop.run_until_complete(scored())
    return found


def test_a_batch_ahead_is_scored_and_recorded_by_verls_own_classes(
    feed: OpenFeed, url: str, tokenizer: Any
) -> None:
    config = configuration(url)
    batches = iter(loader(config, tokenizer))
    worker = RewardLoopWorker(config)
    callback = build_checkpoint_callback(config)
    ahead = next(batches)
    for step in range(1, 4):
        batch, ahead = ahead, next(batches)
        assert all(message["role"] for prompt in batch["raw_prompt"] for message in prompt)
        scored = score_all(worker, batch, tokenizer)
        assert sorted(item["reward_score"] for item in scored) == [-1] * 9 + [1] * 3
        callback.on_save(trainer=None, global_step=step, checkpoint_dir="")
    assert feed.step == 3
    assert [line.get("mean_age", 0) for line in metrics(feed)] == [0, 1, 1]
    assert {line["accuracy"] for line in metrics(feed)} == {0.25}
    assert feed.checkpoints() == ["global_step_1", "global_step_2", "global_step_3"]
    outcomes = [call["outcome"] for call in journal(feed) if "record" in call]
    assert all(item["tokens"] > RESPONSES for item in outcomes)


def test_a_loader_that_goes_on_draws_nothing_for_the_rows_before(
    feed: OpenFeed, url: str, tokenizer: Any
) -> None:
    config = configuration(url)
    first = loader(config, tokenizer)
    next(iter(first))
    again = loader(config, tokenizer)
    again.load_state_dict(first.state_dict())
    next(iter(again))
    assert len(feed.open_tickets) == 2 * PROMPTS
    with pytest.raises(FeedFull):
        for _ in zip(range(4), again, strict=False):
            pass


def test_the_reward_function_serves_verls_own_reward_managers(
    feed: OpenFeed, url: str, tokenizer: Any
) -> None:
    config = configuration(
        url,
        "reward.reward_manager.source=register",
        "reward.reward_manager.name=naive",
        "reward.custom_reward_function.path=pkg://scaler_core.adapters.verl",
        "+reward.custom_reward_function.reward_kwargs.url='${data.train_files}'",
        "+reward.custom_reward_function.reward_kwargs.responses='${actor_rollout_ref.rollout.n}'",
        "+reward.custom_reward_function.reward_kwargs.scheme=binary",
    )
    batch = next(iter(loader(config, tokenizer)))
    scored = score_all(RewardLoopWorker(config), batch, tokenizer)
    assert sorted(item["reward_score"] for item in scored) == [0] * 9 + [1] * 3
    assert {item["reward_extra_info"]["acc"] for item in scored} == {0, 1}
    assert feed.step == 1


def test_fixed_rows_are_judged_where_they_are_scored_and_not_recorded(
    tmp_path: Path, feed: OpenFeed, url: str, tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path)
    instances = [
        Instance(
            environment_id="e00",
            level=2,
            seed=seed,
            messages=({"role": "system", "content": "Box it."}, {"role": "user", "content": "1+1"}),
            truth="2",
            answer_type="number",
        )
        for seed in range(2)
    ]
    assert write_rows(instances, tmp_path / "val.parquet") == 2
    config = configuration(url, f"+data.cache_dir={tmp_path}")
    rows = create_rl_dataset(
        [str(tmp_path / "val.parquet")], config.data, tokenizer, None, is_train=False
    )
    assert len(rows) == 2
    worker = RewardLoopWorker(config)
    for row, instance in zip(rows, instances, strict=True):
        assert row["raw_prompt"] == list(instance.messages)
        for text, reward in ((rf"\boxed{{{instance.truth}}}", 1), ("?", -1)):
            sent = session({key: row[key] for key in ("extra_info",)}, text, tokenizer)
            scored = worker.loop.run_until_complete(worker.compute_score(sent))
            assert scored["reward_score"] == reward
    assert not feed.step
    assert not feed.open_tickets


def test_an_undecided_response_is_a_failed_session_and_its_group_is_recorded(
    feed: OpenFeed, url: str, tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = configuration(url)
    rows = rows_of(next(iter(loader(config, tokenizer))))
    worker = RewardLoopWorker(config)

    def score(row: Mapping[str, Any], text: str) -> Any:
        return worker.loop.run_until_complete(worker.compute_score(session(row, text, tokenizer)))

    verify = OpenFeed.verify
    lost = Verdict.undecided("lost")
    monkeypatch.setattr(OpenFeed, "verify", lambda *_: lost)
    with pytest.raises(InfrastructureError, match=r"nobody could judge .*: lost"):
        score(rows[0], RIGHT)
    monkeypatch.setattr(OpenFeed, "verify", verify)
    for number in range(1, RESPONSES):
        score(rows[0], RIGHT)
        if number > 1:  # a group that lost a session is not recorded
            score(rows[1], RIGHT)
    (outcome,) = [call["outcome"] for call in journal(feed) if "record" in call]
    assert (outcome["decided"], outcome["undecided"]) == (RESPONSES - 1, 1)
    with pytest.raises(UsageError, match=r"no extra_info\.ticket"):
        score({"extra_info": {"index": 3}}, RIGHT)


@pytest.mark.parametrize(
    ("override", "made", "message"),
    [
        ("data.shuffle=True", loader, r"data\.shuffle = True"),
        ("data.dataloader_num_workers=8", loader, r"data\.dataloader_num_workers = 8"),
        ("reward.num_workers=8", worker_of, r"reward\.num_workers = 8"),
        ("+reward.reward_kwargs.scheme=best", worker_of, "unknown reward scheme 'best'"),
    ],
)
def test_settings_under_which_a_feed_cannot_work_are_refused(
    override: str, made: Callable[[Any, Any], Any], message: str, tokenizer: Any
) -> None:
    config = configuration("http://127.0.0.1:1", override)
    with pytest.raises(UsageError, match=message):
        made(config, tokenizer)
