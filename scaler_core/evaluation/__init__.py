"""Evaluation: benchmarks asked, graded and tabled, for ``scaler eval`` and in training.

::

    plan        what is asked, with which seeds
    runner      asks what is missing, grades, scores
    cache       every response on disk as it comes
    grading     verdicts in threads               scores      means and intervals
    directory   which file holds what             summary     tables
    engines/    who answers: transformers, vLLM, an endpoint
    published   the paper's rows                  comparison  evaluations side by side
"""

from scaler_core.evaluation.plan import Plan, Settings
from scaler_core.evaluation.runner import Watcher, evaluate, regrade
from scaler_core.evaluation.scoring import BenchmarkScore
from scaler_core.evaluation.tables import EvaluationSummary

__all__ = [
    "BenchmarkScore",
    "EvaluationSummary",
    "Plan",
    "Settings",
    "Watcher",
    "evaluate",
    "regrade",
]
