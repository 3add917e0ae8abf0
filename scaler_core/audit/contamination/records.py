"""Settings and findings of the contamination check: frozen records that print as JSON."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from scaler_core.models import Record, Versioned

OverlapVerdict = Literal["clean", "overlap", "unknown"]


class OverlapSettings(Record):
    """The thresholds of an overlap: a question that is contained, a high share, or a long run.

    Attributes:
        shortest: Words of the shortest question that is looked for.
        gram: Words of an n-gram; 8 as PaLM and Tulu 3 compare.
        share: From this share of a question's n-grams on it overlaps; half, as in Tulu 3.
        run: From this many words in a row on it overlaps; 13, as in GPT-3.
        common_share: A sentence or n-gram in more than this share of the rows says how a benchmark
            asks, not what, and is no evidence.
        common_rows: What fewer rows share is evidence, however few rows there are.
    """

    shortest: int = Field(default=5, ge=1)
    gram: int = Field(default=8, ge=2)
    share: float = Field(default=0.5, gt=0, le=1)
    run: int = Field(default=13, ge=2)
    common_share: float = Field(default=0.1, ge=0, le=1)
    common_rows: int = Field(default=4, ge=2)

    def is_common(self, having: int, rows: int) -> bool:
        """Whether what *having* of *rows* rows share is common."""
        return having >= self.common_rows and having > self.common_share * rows


class RowOverlap(Record):
    """An environment and a question that overlap.

    Attributes:
        benchmark: The benchmark's name.
        row: The question's id.
        contained: Whether the environment holds all of the question, word for word.
        share: The share of the question's n-grams that the environment has.
        run: Words of the longest run that both have.
        words: That run, its end cut off where it is long: letters, digits and blanks alone.
    """

    benchmark: str
    row: str
    contained: bool
    share: float
    run: int
    words: str


class EnvironmentOverlap(Record):
    """The verdict on one environment.

    Attributes:
        environment_id: Its id.
        name: Its name.
        verdict: ``unknown`` where it could not be read.
        reason: Why it could not be read.
        questions: How many questions it overlaps with.
        overlaps: The strongest overlaps, strongest first.
    """

    environment_id: str
    name: str
    verdict: OverlapVerdict
    reason: str = ""
    questions: int = 0
    overlaps: tuple[RowOverlap, ...] = ()


class BenchmarkOverlap(Record):
    """One benchmark against all environments.

    Attributes:
        benchmark: Its name.
        rows: Its questions.
        too_short: Those that are too short to be looked for.
        pairs: Pairs of an environment and a question that were compared.
        highest_share: The highest share of n-grams of any pair.
        longest_run: Words of the longest run of any pair; 0 where it is shorter than an n-gram.
        words: That run.
        overlapping: Environments that overlap.
    """

    benchmark: str
    rows: int
    too_short: int
    pairs: int
    highest_share: float
    longest_run: int
    words: str
    overlapping: int


class Contamination(Versioned):
    """The findings of a check, environments and benchmarks in the order given."""

    settings: OverlapSettings
    environments: tuple[EnvironmentOverlap, ...]
    benchmarks: tuple[BenchmarkOverlap, ...]
