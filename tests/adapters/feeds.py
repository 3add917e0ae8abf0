"""A feed for the tests of adapters, without programs: each truth is "1"."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from scaler_core.run.open_feed import OpenFeed, open_feed
from scaler_core.run.setup import FeedParts
from tests.run.test_run import HOST, make_pool, recipe
from tests.run.worlds import ScriptedFactory

RIGHT, WRONG = r"\boxed{1}", r"\boxed{2}"


@contextmanager
def scripted_feed(
    path: Path, monkeypatch: pytest.MonkeyPatch, *, prompts: int, at: str | None = None
) -> Iterator[OpenFeed]:
    """A feed of *prompts* tickets a step."""
    monkeypatch.setattr(FeedParts, "make_factory", lambda self: ScriptedFactory())
    pool = path / "pool"
    if not pool.exists():
        make_pool(pool, count=4)
    settings = recipe(pool, batch={"prompts": prompts}, factory={"ready": 0})
    with open_feed(settings, directory=path / "feed", at=at, host=HOST) as feed:
        yield feed


def metrics(feed: OpenFeed) -> list[dict[str, Any]]:
    """A line for each step that ended."""
    lines = (feed.files.path / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]
