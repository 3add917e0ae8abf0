"""Evaluation: benchmarks asked, graded and tabled, for ``scaler eval`` and in training.

::

    plan        what is asked, with which seeds
    runner      asks what is missing, grades, scores
    scoring     verdicts in threads, means and intervals
    directory   which file holds what, every response on disk as it comes
    tables      summaries, comparisons, the paper's rows
    model       the model that is evaluated
    engines/    who answers: transformers, vLLM, an endpoint
    finished    evaluations on disk, read back and compared
"""

from scaler_core.evaluation.finished import (
    FinishedEvaluation,
    compare_evaluations,
    read_evaluations,
)
from scaler_core.evaluation.plan import EvaluationSettings, Plan
from scaler_core.evaluation.runner import Watcher, evaluate, regrade
from scaler_core.evaluation.scoring import BenchmarkScore
from scaler_core.evaluation.tables import EvaluationSummary

__all__ = [
    "BenchmarkScore",
    "EvaluationSettings",
    "EvaluationSummary",
    "FinishedEvaluation",
    "Plan",
    "Watcher",
    "compare_evaluations",
    "evaluate",
    "read_evaluations",
    "regrade",
]
