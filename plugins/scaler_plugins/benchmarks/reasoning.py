"""BBEH mini: 460 questions of 23 kinds of reasoning (paper section 7)."""

from __future__ import annotations

from scaler_core.interfaces import BenchmarkRow, Options, Verifier
from scaler_plugins.benchmarks import hub
from scaler_plugins.benchmarks.questions import (
    Fetch,
    Home,
    QuestionOptions,
    Questions,
    question_messages,
)
from scaler_plugins.benchmarks.records import RawRecord, label_of, text_of
from scaler_plugins.verifiers.bbeh import Bbeh
from scaler_plugins.verifiers.stated import StatedOptions


class BbehMini(Questions):
    """BIG-Bench Extra Hard, its mini set: 20 questions of each of 23 tasks."""

    class Config(QuestionOptions):
        """Options of ``bbeh``."""

        revision: str = "08e07a803851822c04399782ece3c4a07ce419f9"
        """Commit, branch or tag of the data set on the hub."""

        unboxed: bool = False
        """Whether a response without a box may state its answer: ``the final answer is 22``."""

    name = "bbeh"
    config: Config

    def __init__(self, config: Options | None = None, *, fetch: Fetch = hub.fetch) -> None:
        super().__init__(config, fetch=fetch)
        options = self.config.model_dump(include=set(StatedOptions.model_fields))
        self._bbeh = Bbeh(Bbeh.Config(**options))

    def home(self) -> Home:
        """BBEH/bbeh."""
        return Home("BBEH/bbeh", ("*.parquet", "*.jsonl", "*.json"))

    def size(self) -> int:
        """460."""
        return 460

    def row(self, record: RawRecord) -> BenchmarkRow | None:
        """The row of *record*, if it is one of the mini set."""
        if not record.get("mini", True):
            return None
        return BenchmarkRow(
            id="",
            messages=question_messages(text_of(record, "input")),
            truth=text_of(record, "target").strip(),
            category=label_of(record, "task"),
        )

    def verifier(self, row: BenchmarkRow) -> Verifier:
        """``bbeh``."""
        return self._bbeh
