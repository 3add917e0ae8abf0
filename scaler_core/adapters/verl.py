"""verl on a served feed, by its configuration alone: dataset, rewards, a checkpoint callback.

::

    scaler serve RECIPE          data.custom_cls          rollout.n sessions of a prompt, in any
         |  draw_many  --------> FeedDataset ----------->  process and order
         |  verify     <-------- FeedRewards, or compute_score   <------+
         |  record     <---------   when rollout.n responses to a ticket were scored
         |  checkpoint <-------- FeedCheckpoint, after each of verl's own

verl scores one response at a time, in one of ``reward.num_workers`` processes that it picks at
random. A group is recorded by the process that scored all of it, so there must be one: judging is
the server's work, and it has threads. A group that loses a session is never whole; the feed gives
it up as it does with every ticket that does not come back.

verl has no reward for "nobody could judge". Such a response raises, so that its session counts as
failed and is left out of its group, instead of training on a zero.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import torch
from verl import DataProto
from verl.experimental.reward_loop.reward_manager.base import RewardManagerBase
from verl.trainer.ppo.checkpoint_callback import CheckpointCallback
from verl.utils.dataset.rl_dataset import RLHFDataset

from scaler_core.adapters.groups import GroupRecorder
from scaler_core.errors import InfrastructureError, UsageError, unknown_name
from scaler_core.judge import REWARDS, Judge, RewardScheme, reward
from scaler_core.models import ComponentChoice, Instance, Response, Ticket, Verdict
from scaler_core.serve.client import FeedClient

SOURCE: Final = "scaler"
"""``data_source`` of all rows, by which verl names its validation metrics."""
ENDLESS: Final = 1 << 40


class FeedDataset(RLHFDataset):  # type: ignore[misc]
    """``data.custom_cls``: tickets where the file is the address of a feed, else rows of files.

    verl makes the dataset for validation by the same class, from ``data.val_files``. A token for
    the server stands in ``data.feed_token``.

    Args:
        data_files: ``data.train_files``: the address of a served feed, or files.
        tokenizer: For rows of files.
        config: The section ``data``.
        processor: For rows of files.
        max_samples: How many rows there are to be; without end when it is below 1.

    Raises:
        UsageError: The section would have rows drawn long before they are needed.
    """

    def __init__(
        self,
        data_files: Any,
        tokenizer: Any,
        config: Any,
        processor: Any = None,
        max_samples: int = -1,
    ) -> None:
        self.feed: FeedClient | None = None
        url = _address(data_files)
        if url is None:
            super().__init__(data_files, tokenizer, config, processor, max_samples)
            return
        # the base class reads files, of which a feed has none
        for key, allowed in (("shuffle", False), ("dataloader_num_workers", 0)):
            if config.get(key) != allowed:
                raise UsageError(
                    f"data.{key} = {config.get(key)}: rows would be drawn from the feed long "
                    "before they are trained on",
                    hint=f"data.{key}={allowed}",
                )
        self.feed = _client(url, config.get("feed_token") or "")
        self.rows = max_samples if max_samples > 0 else ENDLESS

    def __len__(self) -> int:
        return super().__len__() if self.feed is None else self.rows

    def __getitem__(self, item: int) -> dict[str, Any]:
        """The row of a new ticket, whatever its number."""
        return self.__getitems__([item])[0]

    def __getitems__(self, items: Sequence[int]) -> list[dict[str, Any]]:
        """The rows of a batch, drawn by one call.

        Raises:
            FeedFull: More tickets are out than the feed has room for.
            PoolExhausted: No environment can give an instance any more.
        """
        if self.feed is None:
            return [super(FeedDataset, self).__getitem__(item) for item in items]
        tickets: list[Ticket] = []
        while len(tickets) < len(items):  # a draw may give fewer; the next says why
            tickets += self.feed.draw_many(len(items) - len(tickets))
        return [
            {
                **_row(ticket, index, drawn=True),
                "raw_prompt": list(ticket.messages),
                "index": index,
                "tools_kwargs": {},
                "interaction_kwargs": {},
                "dummy_tensor": torch.tensor([0], dtype=torch.uint8),  # as verl's own rows have
            }
            for index, ticket in zip(items, tickets, strict=True)
        ]


def _address(files: Any) -> str | None:
    """The address of a feed, where *files* is one."""
    names = [files] if isinstance(files, str) else list(files)
    return names[0] if len(names) == 1 and names[0].startswith(("http://", "https://")) else None


def _row(ticket: Ticket, index: int, *, drawn: bool) -> dict[str, Any]:
    return {
        "data_source": SOURCE,
        "reward_model": {"style": "rule", "ground_truth": ticket.truth},
        "extra_info": {"index": index, "ticket": ticket.model_dump_json(), "drawn": drawn},
    }


def write_rows(instances: Iterable[Instance], path: Path | str, *, verifier: str = "math") -> int:
    """Write fixed rows for ``data.val_files`` as Parquet, and return how many.

    They are judged where verl scores them, and no feed hears of them.

    Args:
        instances: From :func:`scaler_core.sample_pool`, say.
        path: The file.
        verifier: Who judges where an environment does not say.
    """
    import pyarrow
    import pyarrow.parquet

    rows = []
    with Judge() as judge:
        for index, instance in enumerate(instances):
            chosen = judge.choose(instance, ComponentChoice(use=verifier))
            ticket = Ticket.of(instance, id=f"fixed-{index}", step=0, verifier=chosen)
            rows.append(
                {**_row(ticket, index, drawn=False), "prompt": [dict(m) for m in ticket.messages]}
            )
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    return len(rows)


class FeedRewards(RewardManagerBase):  # type: ignore[misc]
    """``reward.reward_manager``: judges responses and records groups, with their lengths.

    ``reward.reward_kwargs.scheme`` says how a verdict becomes a number; see
    :data:`scaler_core.judge.REWARDS`.

    Raises:
        UsageError: There would be several processes, or there is no such scheme.
    """

    def __init__(self, config: Any, tokenizer: Any, compute_score: Any = None, **_: Any) -> None:
        super().__init__(config, tokenizer, compute_score)
        if config.reward.num_workers != 1:
            raise UsageError(
                f"reward.num_workers = {config.reward.num_workers}: no process would see a whole "
                "group",
                hint="reward.num_workers=1: judging is the work of the feed's server",
            )
        url = _address(config.data.train_files)
        self._scorer = _scorer(
            url or "",
            config.data.get("feed_token") or "",
            config.actor_rollout_ref.rollout.n,
            (config.reward.get("reward_kwargs") or {}).get("scheme", "signed"),
        )
        self._most_tokens = config.data.max_response_length

    async def run_single(self, data: DataProto) -> dict[str, Any]:
        """The reward of the last response in *data*.

        Raises:
            InfrastructureError: Nobody could judge it.
        """
        item = data[-1:][0]  # of an agent with several outputs verl rewards the last
        ids = item.batch["responses"]
        count = int(item.batch["attention_mask"][-len(ids) :].sum())
        text = await asyncio.to_thread(self.tokenizer.decode, ids[:count], skip_special_tokens=True)
        response = Response(text=text, tokens=count, truncated=count >= self._most_tokens)
        scored = await asyncio.to_thread(
            self._scorer.score, item.non_tensor_batch["extra_info"], response
        )
        return {"reward_score": scored["score"], "reward_extra_info": scored}


def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: str,
    extra_info: Mapping[str, Any],
    *,
    responses: int,
    url: str = "",
    token: str = "",
    scheme: RewardScheme = "signed",
    **_: Any,
) -> dict[str, float]:
    """``reward.custom_reward_function``: as :class:`FeedRewards`, for verl's own reward managers.

    Responses are recorded without their lengths. ``reward.num_workers`` must be 1.

    Args:
        data_source: Not read.
        solution_str: What the model wrote.
        ground_truth: Not read: the ticket has it.
        extra_info: That of a row of :class:`FeedDataset` or :func:`write_rows`.
        responses: ``actor_rollout_ref.rollout.n``.
        url: The server.
        token: Its token.
        scheme: How a verdict becomes a number.

    Raises:
        InfrastructureError: Nobody could judge it.
    """
    scorer = _scorer(url, token, responses, scheme)
    return scorer.score(extra_info, Response(text=solution_str))


class FeedCheckpoint(CheckpointCallback):  # type: ignore[misc]
    """``trainer.checkpoint_callback_class``: keeps the feed's state beside verl's checkpoints.

    To resume, serve the feed ``--at global_step_N``.
    """

    def on_save(self, trainer: Any, global_step: int, checkpoint_dir: str, **_: Any) -> None:
        """Keep the state as ``global_step_N``, the name of verl's folder."""
        data = self.config.data
        url = _address(data.train_files)
        if url is not None:
            _client(url, data.get("feed_token") or "").checkpoint(f"global_step_{global_step}")


class _Scorer:
    """Rewards of responses: to tickets, which are recorded by groups, and to fixed rows."""

    def __init__(self, recorder: GroupRecorder | None, scheme: RewardScheme) -> None:
        if scheme not in REWARDS:
            raise unknown_name("reward scheme", scheme, REWARDS)
        self._recorder = recorder
        self._scheme = scheme
        self._judge: Judge | None = None
        self._lock = threading.Lock()

    def score(self, extra_info: Mapping[str, Any], response: Response) -> dict[str, float]:
        if "ticket" not in extra_info:
            raise UsageError(
                "a row has no extra_info.ticket",
                hint="data.custom_cls is FeedDataset; rows of files come from write_rows",
            )
        ticket = Ticket.model_validate_json(extra_info["ticket"])
        verdict = self._verdict(ticket, response, drawn=extra_info["drawn"])
        value = reward(verdict, self._scheme)
        if value is None or verdict.credit is None:
            raise InfrastructureError(
                f"nobody could judge a response to {ticket.id}: {verdict.reason}"
            )
        return {"score": value, "acc": verdict.credit, "level": ticket.level}

    def _verdict(self, ticket: Ticket, response: Response, *, drawn: bool) -> Verdict:
        if not drawn:
            return self._own_judge().verify(ticket, response)
        if self._recorder is None:
            raise UsageError("a ticket of a feed came, but no feed", hint="give its url")
        return self._recorder.judge(ticket, response)

    def _own_judge(self) -> Judge:
        """The judge of fixed rows; its processes end with this one."""
        with self._lock:
            self._judge = self._judge or Judge()
            return self._judge


# verl makes datasets, managers and callbacks anew, and calls the reward function from many threads
_BUILDING = threading.Lock()


@cache
def _client(url: str, token: str) -> FeedClient:
    return FeedClient(url, token=token)


def _scorer(url: str, token: str, responses: int, scheme: RewardScheme) -> _Scorer:
    with _BUILDING:  # cache alone would let two threads build one each, each with half a group
        return _scorer_of(url, token, responses, scheme)


@cache
def _scorer_of(url: str, token: str, responses: int, scheme: RewardScheme) -> _Scorer:
    recorder = GroupRecorder(_client(url, token), responses) if url else None
    return _Scorer(recorder, scheme)
