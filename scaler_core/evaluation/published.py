"""The paper's own figures (paper section 7, Table 1): published, not measured by us.

A figure is shown beside ours only where it was measured in the same setting: all questions of the
same set, with as many samples of each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from scaler_core.evaluation.scores import BenchmarkScore

PAPER_BENCHMARKS: Final = ("math-500", "amc23", "aime24", "mmlu-pro", "bbeh")
"""The five whose unweighted mean is AVG."""

MARK: Final = "published, not measured"


class Published(NamedTuple):
    """A row of the paper's table, in percent."""

    label: str
    scores: dict[str, float]
    average: float


class Setting(NamedTuple):
    """How the paper measured a benchmark: how many questions, and samples of each."""

    questions: int
    samples: int


# MMLU-Pro is its validation set: docs/evaluation.md says how that can be seen
SETTINGS: Final = dict(
    zip(
        PAPER_BENCHMARKS,
        (Setting(500, 1), Setting(40, 16), Setting(30, 16), Setting(70, 16), Setting(460, 1)),
        strict=True,
    )
)


def _published(label: str, scores: Sequence[float], average: float) -> Published:
    return Published(label, dict(zip(PAPER_BENCHMARKS, scores, strict=True)), average)


PUBLISHED: Final = (
    _published("Qwen3-1.7B-Base", (59.6, 29.21, 3.33, 33.30, 3.26), 25.74),
    _published("Qwen3-1.7B-Base + SCALER", (75.8, 49.53, 12.91, 50.89, 11.74), 40.18),
    _published("Qwen3-4B-Base", (66.4, 44.70, 8.75, 51.60, 8.10), 35.91),
    _published("Qwen3-4B-Base + SCALER", (84.4, 75.00, 27.29, 70.00, 14.56), 54.25),
)


def is_comparable(score: BenchmarkScore) -> bool:
    """Whether *score* was measured in the setting of the published figures."""
    setting = SETTINGS.get(score.benchmark)
    return (
        setting is not None
        and score.whole
        and score.questions == setting.questions
        and score.samples == setting.questions * setting.samples
    )
