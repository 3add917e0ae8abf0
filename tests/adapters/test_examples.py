"""Examples for trainers that have no wheel, with stand-ins for what they import of them."""

from __future__ import annotations

import asyncio
import runpy
import sys
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from scaler_core.models import Verdict
from scaler_core.run.open_feed import OpenFeed
from scaler_plugins.backends.local.backend import Local
from tests.adapters.feeds import RIGHT, WRONG, scripted_feed
from tests.serve.test_server import Running
from tests.test_imports import ROOT

pytestmark = pytest.mark.local


@dataclass
class Sample:
    """The fields of slime's sample that the example sets and reads."""

    group_index: int
    index: int
    prompt: str
    label: str
    metadata: dict[str, Any] = field(default_factory=dict)
    response: str = ""
    response_length: int = 0
    status: Any = None
    remove_sample: bool = False

    class Status(Enum):
        """How a response ended."""

        COMPLETED = "completed"
        TRUNCATED = "truncated"


def test_slime_draws_groups_judges_them_and_takes_unfinished_ones_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, members in {
        "slime.rollout.data_source": {"DataSource": object},
        "slime.utils.types": {"Sample": Sample},
    }.items():
        module = ModuleType(name)
        vars(module).update(members)
        monkeypatch.setitem(sys.modules, name, module)
    example = runpy.run_path(str(ROOT / "docs" / "examples" / "slime_feed.py"))
    with (
        scripted_feed(tmp_path, monkeypatch, prompts=2) as feed,
        Running(feed) as running,
    ):
        args = SimpleNamespace(
            feed_url=running.url, hf_checkpoint=str(Local.models["tiny"]), n_samples_per_prompt=3
        )
        source = example["FeedSource"](args)
        groups = source.get_samples(2)
        assert [[sample.index for sample in group] for group in groups] == [[0, 1, 2], [3, 4, 5]]
        assert "user" in groups[0][0].prompt
        source.add_samples(groups[1:])
        assert [group[0].index for group in source.get_samples(2)] == [3, 6]
        verdicts = [Verdict.correct(), Verdict.incorrect("no"), Verdict.undecided("lost")]
        for sample, text in zip(groups[0], (RIGHT, WRONG, WRONG), strict=True):
            sample.response, sample.response_length = text, 4
        assert asyncio.run(example["reward"](args, groups[0])) == [1, 0, 0]
        monkeypatch.setattr(OpenFeed, "verify", lambda *_: verdicts.pop(0))
        assert asyncio.run(example["reward"](args, groups[1])) == [1, 0, 0.5]
        assert [sample.remove_sample for sample in groups[1]] == [False, False, True]
        source.save(7)
        assert (feed.step, feed.checkpoints()) == (1, ["rollout-7"])
        source.feed.close()
