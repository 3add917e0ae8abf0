"""The summary of a run, read from its own files: figures, and rows of the closing table."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from scaler_core.jsonio import read_json
from scaler_core.run.directory import RunDirectory
from scaler_core.run.events import read_events
from scaler_core.run.held_out import IN_POOL, OUT_OF_POOL, Score


@dataclass(frozen=True)
class EnvironmentSummary:
    """One environment that was trained on.

    Attributes:
        environment_id: The environment.
        difficulty_start: d before its first step.
        difficulty_end: d after its last.
        steps: Steps that moved it.
        retirements: How often each rule retired it.
        before: Score by level before training; empty without a held-out grid.
        after: Score by level after training.
    """

    environment_id: str
    difficulty_start: float
    difficulty_end: float
    steps: int
    retirements: Counter[str]
    before: dict[int, Score]
    after: dict[int, Score]


@dataclass(frozen=True)
class RunSummary:
    """A whole run.

    Attributes:
        steps: Steps trained.
        before: Score on held-out instances of trained environments before training, if there is a
            grid.
        after: Score after training.
        outside_before: Score on held-out environments before training, if there are some.
        outside_after: Score after training.
        informative_share: Mean share of groups that carried a gradient.
        retired: Retirements in all.
        environments: One entry for each environment that was trained on.
    """

    steps: int
    before: Score | None
    after: Score | None
    outside_before: Score | None
    outside_after: Score | None
    informative_share: float
    retired: int
    environments: list[EnvironmentSummary]

    @property
    def mean_difficulty_start(self) -> float:
        """Mean d of the trained environments before their first step."""
        return _mean([item.difficulty_start for item in self.environments])

    @property
    def mean_difficulty_end(self) -> float:
        """Mean d of the trained environments after their last step."""
        return _mean([item.difficulty_end for item in self.environments])


def summarize(directory: RunDirectory) -> RunSummary:
    """The summary of a run, as far as it came."""
    metrics = list(directory.read_log("metrics.jsonl"))
    first: dict[str, float] = {}
    last: dict[str, float] = {}
    moves: Counter[str] = Counter()
    rules: dict[str, Counter[str]] = {}
    for event in read_events(directory.path):
        name = event.environment_id or ""
        if event.kind == "difficulty":
            first.setdefault(name, float(str(event.evidence["before"])))
            last[name] = float(str(event.evidence["after"]))
            moves[name] += 1
        elif event.kind == "retired":
            rules.setdefault(name, Counter())[event.reason] += 1
    before, after = _scores(directory, "before"), _scores(directory, "after")
    return RunSummary(
        steps=len(metrics),
        before=_pool(directory, "before", IN_POOL),
        after=_pool(directory, "after", IN_POOL),
        outside_before=_pool(directory, "before", OUT_OF_POOL),
        outside_after=_pool(directory, "after", OUT_OF_POOL),
        informative_share=_mean([record["informative_share"] for record in metrics]),
        retired=sum(counts.total() for counts in rules.values()),
        environments=[
            EnvironmentSummary(
                environment_id=name,
                difficulty_start=first[name],
                difficulty_end=last[name],
                steps=moves[name],
                retirements=rules.get(name, Counter()),
                before=before.get(name, {}),
                after=after.get(name, {}),
            )
            for name in sorted(first)
        ],
    )


def _scores(directory: RunDirectory, label: str) -> dict[str, dict[int, Score]]:
    path = directory.evaluation / f"{label}.json"
    if not path.exists():
        return {}
    record: dict[str, Any] = read_json(path)
    return {
        name: {int(level): Score(*cell) for level, cell in levels.items()}
        for name, levels in record["cells"].items()
    }


def _pool(directory: RunDirectory, label: str, pool: str) -> Score | None:
    """The score on one side of the pool, all levels together."""
    scores = directory.read_json(f"evaluation/{label}.json")
    cells = [Score(*cell) for cell in scores.get("pools", {}).get(pool, {}).values()]
    if not cells:
        return None
    return Score(sum(cell.correct for cell in cells), sum(cell.decided for cell in cells))


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0
