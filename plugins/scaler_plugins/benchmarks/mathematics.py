"""MATH-500, AMC23 and AIME24: problems whose answers are formulas or integers (paper section 7)."""

from __future__ import annotations

import re
from typing import ClassVar

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
from scaler_plugins.verifiers.boxed import ReadingOptions
from scaler_plugins.verifiers.math_equivalence import Math
from scaler_plugins.verifiers.math_notation import truth_of

_INTEGER = re.compile(r"(-?)0*([0-9]+)(?:\.0+)?")


class MathematicsOptions(QuestionOptions):
    """Options of every benchmark here."""

    evaluated: bool = False
    """Whether an answer must be evaluated, as in training. Published scores count answers that
    restate the question, so it is off."""


class Mathematics(Questions):
    """Problems that the verifier ``math`` grades.

    Attributes:
        question_column: Where the data set has the problem.
        id_column: Where it has the problem's id.
        category_column: Where it has the subject; empty where it has none.
    """

    config: MathematicsOptions

    question_column: ClassVar[str] = "problem"
    id_column: ClassVar[str] = "id"
    category_column: ClassVar[str] = ""

    def __init__(self, config: Options | None = None, *, fetch: Fetch = hub.fetch) -> None:
        super().__init__(config, fetch=fetch)
        read = {*ReadingOptions.model_fields, "evaluated"}
        self._math = Math(Math.Config(**self.config.model_dump(include=read)))

    def row(self, record: RawRecord) -> BenchmarkRow:
        """The row of *record*, whose answer may stand in a box."""
        answer = text_of(record, "answer")
        return BenchmarkRow(
            id=label_of(record, self.id_column),
            messages=question_messages(text_of(record, self.question_column)),
            truth=truth_of(answer),
            category=label_of(record, self.category_column),
        )

    def verifier(self, row: BenchmarkRow) -> Verifier:
        """``math``."""
        return self._math

    def grading(self) -> str:
        """Whether answers must be evaluated."""
        return f"evaluated = {str(self.config.evaluated).lower()}"

    def close(self) -> None:
        """End the processes of the verifier."""
        self._math.close()


class Contest(Mathematics):
    """Problems of a contest, whose answers are integers; 16 samples of each."""

    def samples(self) -> int:
        """16, as the paper's."""
        return 16

    def completed(self, row: BenchmarkRow) -> BenchmarkRow:
        """*row* with an integer as it is usually written: 27 for 27.0, 23 for 023."""
        integer = _INTEGER.fullmatch(row.truth)
        return row.model_copy(update={"truth": integer[1] + integer[2]}) if integer else row


class Math500(Mathematics):
    """MATH-500: 500 problems of the MATH test set."""

    class Config(MathematicsOptions):
        """Options of ``math-500``."""

        revision: str = "6e4ed1a2a79af7d8630a6b768ec859cb5af4d3be"
        """Commit, branch or tag of the data set on the hub."""

    name = "math-500"
    config: Config
    id_column = "unique_id"
    category_column = "subject"

    def home(self) -> Home:
        """HuggingFaceH4/MATH-500."""
        return Home("HuggingFaceH4/MATH-500", ("test.jsonl",))

    def size(self) -> int:
        """500."""
        return 500


class Amc23(Contest):
    """AMC23: the 40 problems of the AMC 12 of 2023 that have an integer as answer."""

    class Config(MathematicsOptions):
        """Options of ``amc23``."""

        revision: str = "80815d37005feb82cd7f8fbc6901d5d3eff43057"
        """Commit, branch or tag of the data set on the hub."""

    name = "amc23"
    config: Config
    question_column = "question"

    def home(self) -> Home:
        """math-ai/amc23."""
        return Home("math-ai/amc23", ("test-*.parquet",))

    def size(self) -> int:
        """40."""
        return 40


class Aime24(Contest):
    """AIME24: the 30 problems of the AIME I and II of 2024."""

    class Config(MathematicsOptions):
        """Options of ``aime24``."""

        revision: str = "2fe88a2f1091d5048c0f36abc874fb997b3dd99a"
        """Commit, branch or tag of the data set on the hub."""

    name = "aime24"
    config: Config

    def home(self) -> Home:
        """HuggingFaceH4/aime_2024."""
        return Home("HuggingFaceH4/aime_2024", ("data/train-*.parquet",))

    def size(self) -> int:
        """30."""
        return 30
