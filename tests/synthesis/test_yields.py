"""Yields add up, whatever happened, and their picture can be shown."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from scaler_core.jsonlines import LineSpan
from scaler_core.synthesis.journal import Journal, JournalIndex, ReplyUse, StageRecord
from scaler_core.synthesis.journey import STAGES
from scaler_core.synthesis.records import Rejection
from scaler_core.synthesis.yields import (
    StageYield,
    Yields,
    rejected_problems,
    yields_of,
    yields_svg,
)

DIGESTS = dict.fromkeys(STAGES, "now")


class MemoryJournal(Journal):
    """A journal that is on no disk."""

    def __init__(self) -> None:
        self._records: list[StageRecord] = []

    def records(self):
        return iter([(LineSpan(at, 1), record) for at, record in enumerate(self._records)])

    def read(self, span: LineSpan) -> StageRecord:
        return self._records[span.offset]

    def append(self, record: StageRecord) -> LineSpan:
        self._records.append(record)
        return LineSpan(len(self._records) - 1, 1)


def walked(index: JournalIndex, problem: str, fates: list[str]) -> None:
    """Let a problem go on, a step for each fate: passed, or the check that refuses it."""
    for fate in fates:
        step = index.trail(problem).next
        if step is None:
            return
        refused = Rejection(stage=step.stage, check=fate, detail=f"{problem}: {fate}")
        index.append(
            StageRecord(
                problem=problem,
                content="c",
                settings="now",
                stage=step.stage,
                attempt=step.attempt,
                outcome="passed" if fate == "passed" else "rejected",
                rejection=None if fate == "passed" else refused,
                replies=(ReplyUse(hash="h", prompt_tokens=2, reply_tokens=3, cost=0.5),),
                seconds=1.0,
            )
        )


FATES = st.lists(st.sampled_from(["passed", "passed", "passed", "breadth", "reply"]), max_size=14)


@given(st.lists(FATES, max_size=8), st.integers(min_value=1, max_value=4))
def test_what_enters_a_stage_passes_is_rejected_or_waits(fates, generators):
    index = JournalIndex(MemoryJournal(), DIGESTS, generators)
    for number, fate in enumerate(fates):
        walked(index, f"p{number}", fate)
    started = [item for item in fates if item]
    yields = yields_of(index)
    assert yields.problems == len(started)
    assert yields.problems == yields.accepted + yields.rejected + yields.waiting
    before = yields.problems
    for stage in yields.stages:
        assert stage.entered == before
        assert stage.entered == stage.passed + stage.rejected + stage.waiting
        named = [item for item in yields.refusals if item.stage == stage.stage]
        assert sum(item.problems for item in named) == stage.rejected
        assert all(item.attempts >= 0 for item in named)
        before = stage.passed
    assert before == yields.accepted
    assert yields.cost == 0.5 * sum(stage.attempts for stage in yields.stages)
    assert len(list(rejected_problems(index))) == yields.rejected
    ElementTree.fromstring(yields_svg(yields, "any"))


def test_what_was_done_with_other_settings_is_not_counted():
    index = JournalIndex(MemoryJournal(), DIGESTS, 3)
    walked(index, "p", ["passed"] * 5)
    changed = JournalIndex(index._journal, {**DIGESTS, "check": "other", "calibrate": "other"}, 3)
    yields = yields_of(changed)
    assert (yields.accepted, yields.waiting) == (0, 1)
    assert yields.stages[3].attempts == 0


def test_a_picture_of_foreign_text_is_whole_and_escaped(tmp_path: Path):
    index = JournalIndex(MemoryJournal(), DIGESTS, 1)
    walked(index, "p", ["passed", "passed", "passed", "<b>&"])
    walked(index, "q", ["passed"] * 5)
    picture = yields_svg(yields_of(index), "pool <1> & more")
    tree = ElementTree.fromstring(picture)
    texts = [item.text for item in tree.iter() if item.text and item.text.strip()]
    assert "pool <1> & more" in texts
    assert "<b>& 1" in texts
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", picture)


def test_bars_are_as_long_as_what_they_stand_for():
    index = JournalIndex(MemoryJournal(), DIGESTS, 1)
    for number in range(10):
        walked(index, f"p{number}", ["passed", "passed" if number < 5 else "not_unique"])
    tree = ElementTree.fromstring(yields_svg(yields_of(index), "pool"))
    widths = [float(item.get("width", 0)) for item in tree.iter() if item.tag.endswith("rect")]
    filter_bar, extract_passed, extract_refused = widths[1:4]
    assert filter_bar == 2 * extract_passed == 2 * extract_refused


def test_yields_of_nothing_are_yields():
    yields = yields_of(JournalIndex(MemoryJournal(), DIGESTS, 3))
    assert json.loads(yields.model_dump_json())["problems"] == 0
    assert isinstance(yields, Yields)
    assert all(isinstance(item, StageYield) for item in yields.stages)
    assert "nothing came here" in yields_svg(yields, "empty")
