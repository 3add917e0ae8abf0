"""MMLU-Pro and GPQA-Diamond: questions with options, of which one is named (paper section 7)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from scaler_core.interfaces import BenchmarkRow, Verifier
from scaler_core.models import Message
from scaler_core.seeds import derive_seed
from scaler_plugins.benchmarks.published import options_in
from scaler_plugins.benchmarks.questions import (
    Home,
    QuestionOptions,
    Questions,
    question_messages,
)
from scaler_plugins.benchmarks.records import MissingColumn, RawRecord, is_text, label_of, text_of
from scaler_plugins.verifiers.choice import LETTERS, Choice
from scaler_plugins.verifiers.stated import StatedOptions


class ChoiceOptions(QuestionOptions):
    """Options of the benchmarks with options."""

    unboxed: bool = False
    """Whether a response without a box may state its answer: ``the answer is B``."""


class MultipleChoice(Questions):
    """Questions that the verifier ``choice`` grades."""

    config: ChoiceOptions

    def completed(self, row: BenchmarkRow) -> BenchmarkRow:
        """*row* with the options that a published prompt lists."""
        if row.options:
            return row
        return row.model_copy(update={"options": options_in(row.messages[-1]["content"])})

    def verifier(self, row: BenchmarkRow) -> Verifier:
        """``choice`` with the options of *row*."""
        options = self.config.model_dump(include=set(StatedOptions.model_fields))
        return Choice(Choice.Config(options=row.options, **options))


def choice_messages(question: str, options: Sequence[str]) -> tuple[Message, ...]:
    """The messages that ask *question* with *options*, laid out as in the published files."""
    listed = "\n".join(
        f"({letter}). {option}" for letter, option in zip(LETTERS, options, strict=False)
    )
    return question_messages(
        f"Answer this multiple-choice question.\n{question}\n\n{listed}\n"
        "Exactly one option is right. Give its letter, one uppercase letter X, as \\boxed{X}."
    )


class MmluPro(MultipleChoice):
    """MMLU-Pro: questions of 14 subjects with up to ten options."""

    class Config(ChoiceOptions):
        """Options of ``mmlu-pro``."""

        revision: str = "b189ec765aa7ed75c8acfea42df31fdae71f97be"
        """Commit, branch or tag of the data set on the hub."""

        split: Literal["validation", "test"] = "validation"
        """``validation``: 70 questions, 16 samples of each, as in the published evaluation files.
        ``test``: 12,032 questions, one sample of each."""

    name = "mmlu-pro"
    config: Config

    def home(self) -> Home:
        """TIGER-Lab/MMLU-Pro."""
        return Home("TIGER-Lab/MMLU-Pro", (f"data/{self.config.split}-*.parquet",))

    def size(self) -> int:
        """70 or 12,032."""
        return 70 if self.config.split == "validation" else 12_032

    def samples(self) -> int:
        """16 or one."""
        return 16 if self.config.split == "validation" else 1

    def row(self, record: RawRecord) -> BenchmarkRow:
        """The row of *record*."""
        options = record.get("options")
        if not isinstance(options, list) or not all(map(is_text, options)):
            raise MissingColumn("options")
        if not 2 <= len(options) <= len(LETTERS):
            raise MissingColumn("options")
        return BenchmarkRow(
            id=label_of(record, "question_id"),
            messages=choice_messages(text_of(record, "question"), options),
            truth=text_of(record, "answer").strip(),
            options=tuple(options),
            category=label_of(record, "category"),
        )


class GpqaDiamond(MultipleChoice):
    """GPQA-Diamond: 198 questions that experts answer and others do not; not in the paper's mean.

    The data set is gated: its authors ask that no question be published.
    """

    class Config(ChoiceOptions):
        """Options of ``gpqa-diamond``."""

        revision: str = "633f5ee89ab8ad4522a9f850766b73f62147ffdd"
        """Commit, branch or tag of the data set on the hub."""

    name = "gpqa-diamond"
    config: Config

    def home(self) -> Home:
        """Idavidrein/gpqa."""
        return Home("Idavidrein/gpqa", ("gpqa_diamond.csv",))

    def size(self) -> int:
        """198."""
        return 198

    def row(self, record: RawRecord) -> BenchmarkRow:
        """The row of *record*, its four answers in an order that its question decides."""
        question = text_of(record, "Question").strip()
        right = text_of(record, "Correct Answer").strip()
        options = [right, *(text_of(record, f"Incorrect Answer {n}").strip() for n in (1, 2, 3))]
        order = sorted(range(4), key=lambda index: derive_seed(self.name, question, index))
        options = [options[index] for index in order]
        return BenchmarkRow(
            id=label_of(record, "Record ID"),
            messages=choice_messages(question, options),
            truth=LETTERS[order.index(0)],
            options=tuple(options),
            category=label_of(record, "High-level domain"),
        )
