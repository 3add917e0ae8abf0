"""The figures of generator, solutions and votes that rules judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from scaler_core.audit.records import (
    Disagreement,
    FailureCount,
    LevelAudit,
    SolutionAudit,
    VoteAudit,
)
from scaler_core.audit.rules import Measure
from scaler_core.audit.voting import Count, told


def measure_generator(levels: Sequence[LevelAudit]) -> list[Measure]:
    """Seeds without a testcase, testcases without a truth, and the generator's time."""
    measures = []
    for level in levels:
        where = f"level {level.level}"
        lacking = level.seeds - level.testcases
        missing = level.truths_asked - level.instances
        slowest = level.generator_cpu_s.largest if level.generator_cpu_s else 0.0
        measures += [
            Measure(
                "generator_fails",
                lacking / max(1, level.seeds),
                f"{where}: {lacking} of {level.seeds} seeds: {_causes(level.generator_failures)}",
            ),
            Measure(
                "truth_missing",
                missing / max(1, level.truths_asked),
                f"{where}: {missing} of {level.truths_asked} testcases: "
                f"{_causes(level.truth_failures)}",
            ),
            Measure(
                "slow_generator",
                slowest,
                f"{where}: up to {slowest:.2f} CPU-s a testcase; {level.seeds} seeds tried",
            ),
        ]
    return measures


def measure_solutions(
    solutions: Sequence[SolutionAudit], agree: int, time_limit_s: float | None
) -> list[Measure]:
    """Solutions that are not sound, how many are, and the time of those.

    Args:
        solutions: All of them.
        agree: How many must agree on a truth.
        time_limit_s: CPU seconds that the problem allows, where it says so.
    """
    unsound = [item for item in solutions if item.outcome not in ("agrees", "not_run")]
    sound = [item for item in solutions if item.outcome == "agrees"]
    told = "; ".join(
        f"solution {item.number} ({item.language}) {item.outcome.replace('_', ' ')}: {item.example}"
        for item in unsound
    )
    measures = [Measure("unsound_solutions", len(unsound), told)]
    if unsound or sound or not solutions:  # where none was run, the generator is to blame
        detail = f"{len(sound)} of {len(solutions)} solutions are sound, {agree} must agree"
        measures.append(Measure("too_few_solutions", max(0, agree - len(sound)), detail))
    times = [(item.cpu_s.largest, item.number) for item in sound if item.cpu_s]
    if time_limit_s and times:
        slowest, number = max(times)
        detail = (
            f"solution {number} takes up to {slowest:.2f} CPU-s; the problem allows "
            f"{time_limit_s:g}"
        )
        measures.append(Measure("slow_solution", slowest / time_limit_s, detail))
    return measures


def measure_votes(count: Count, votes: VoteAudit, levels: Sequence[LevelAudit]) -> list[Measure]:
    """Truths that the majority contradicts, and suspicious testcases level by level."""
    measures = [Measure("truth_outvoted", votes.truths_wrong, votes.wrong_example)]
    example = next((_told(item) for item in votes.disagreements if item.suspicious), "")
    for level in levels:
        suspicious = sum(ballot.level == level.level for ballot in count.suspicious)
        detail = (
            f"good solutions differ on {suspicious} of {level.testcases} testcases of level "
            f"{level.level}, so the generator may emit invalid inputs: {example}"
        )
        measures.append(Measure("suspicious_inputs", suspicious / max(1, level.testcases), detail))
    return measures


def _causes(failures: Mapping[str, FailureCount]) -> str:
    return "; ".join(f"{cause} x{item.count}, {item.example}" for cause, item in failures.items())


def _told(item: Disagreement) -> str:
    return f"level {item.level}, seed {item.seed}: {told(item)}"
