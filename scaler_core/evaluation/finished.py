"""Evaluations on disk: those of a folder or of a run, read back and compared."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from scaler_core.errors import UsageError
from scaler_core.evaluation.directory import EvaluationDirectory
from scaler_core.evaluation.tables import Comparison, EvaluationSummary, compare


class FinishedEvaluation(NamedTuple):
    """A finished evaluation and where it lies.

    Attributes:
        folder: Its directory.
        summary: Its scores.
    """

    folder: Path
    summary: EvaluationSummary

    @property
    def label(self) -> str:
        """How a table calls it."""
        settings = self.summary.settings
        return settings.model + ("" if settings.step is None else f", step {settings.step}")


def find_evaluations(path: Path) -> list[EvaluationDirectory]:
    """The evaluations in *path*, finished or not, by step.

    Args:
        path: An evaluation's directory, or a run's, which has one for each evaluated step.
    """
    own = EvaluationDirectory(path)
    if own.exists:
        return [own]
    folders = (path / "evaluation").glob("step-*")
    steps = [item for item in map(EvaluationDirectory, folders) if item.exists]
    return sorted(steps, key=lambda item: item.settings().step or 0)


def read_evaluations(path: str | Path) -> list[FinishedEvaluation]:
    """The finished evaluations in *path*, by step.

    Args:
        path: An evaluation's directory, or a run's, which has one for each evaluated step.

    Raises:
        UsageError: There is none.
        DataError: One is damaged.
    """
    found = [
        FinishedEvaluation(directory.path, directory.read("summary.json", EvaluationSummary))
        for directory in find_evaluations(Path(path))
        if directory.summary.is_file()
    ]
    if not found:
        raise UsageError(f"{path} holds no finished evaluation", hint="scaler eval makes one")
    return found


def compare_evaluations(evaluations: Iterable[FinishedEvaluation]) -> Comparison:
    """The table of *evaluations* side by side, with the paper's figures where they may stand there.

    Each directory is shown once; where labels are equal, folders tell their rows apart.
    """
    by_path: dict[Path, FinishedEvaluation] = {}
    for item in evaluations:
        by_path.setdefault(item.folder.resolve(), item)
    once = list(by_path.values())
    labels = [item.label for item in once]
    return compare(
        [
            (
                item.label if labels.count(item.label) == 1 else f"{item.label} ({item.folder})",
                item.summary,
            )
            for item in once
        ]
    )
