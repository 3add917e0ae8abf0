"""Draws of the checks: the scales, and the testcases that a generator makes at them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from scaler_core.audit.records import shortened
from scaler_core.factory import InstanceFailure
from scaler_core.factory.programs import Testcase
from scaler_core.seeds import derive_random
from scaler_core.synthesis.checks.refusal import Refused
from scaler_core.synthesis.config import CheckSettings
from scaler_core.synthesis.records import Candidate
from scaler_core.synthesis.workbench import Draw, Workbench

BATCH = 20
"""Testcases that are held at a time: each may have megabytes."""

Ranges = Mapping[str, tuple[int, int]]
"""Minimum and maximum of each parameter."""


def drawn_ranges(
    candidate: Candidate, workbench: Workbench, settings: CheckSettings
) -> dict[str, tuple[int, int]]:
    """The ranges that scales are drawn from: to 1,000, or to a parameter's smaller maximum.

    Where a testcase at their joint end is too large for an instance, as a grid of 1,000 rows and
    columns is, all spans are halved until it is not.

    Raises:
        InfrastructureError: The sandbox failed.
    """
    ranges = {
        name: (minimum, min(maximum, max(settings.breadth_top, minimum)))
        for name, (minimum, maximum) in candidate.metadata.parameters.items()
    }
    seed = workbench.seed(candidate.problem.id, "end")

    def exceeds(end: int) -> bool:
        draw = Draw({name: item[end] for name, item in ranges.items()}, seed)
        (made,) = workbench.generate(candidate.generator, [draw], settings.generator_cpu_s)
        return isinstance(made.result, InstanceFailure) and (
            made.result.cause == "generator_limit" or is_too_large(made.result)
        )

    if exceeds(0):  # no smaller range would help: the draws themselves will be refused
        return ranges
    while any(low < high for low, high in ranges.values()) and exceeds(1):
        ranges = {name: (low, low + (high - low) // 2) for name, (low, high) in ranges.items()}
    return ranges


def plan_draws(
    problem_id: str, ranges: Ranges, workbench: Workbench, settings: CheckSettings
) -> dict[str, list[Draw]]:
    """The draws of each group: ``minimum``, ``breadth``, ``depth`` and ``maximum``.

    ``maximum`` is the largest scale that ``breadth`` may draw; its seeds are those of ``minimum``,
    so that a generator which ignores its scale is detected. Calibration finds and checks the
    largest scale of instances.
    """
    lows = {name: low for name, (low, _) in ranges.items()}
    tops = {name: high for name, (_, high) in ranges.items()}
    deep = {name: min(max(lows[name], settings.depth_from), tops[name]) for name in ranges}
    rng = derive_random("synthesis scales", workbench.seed(problem_id))

    def between(low: Mapping[str, int]) -> dict[str, int]:
        return {name: rng.randint(low[name], tops[name]) for name in ranges}

    def draws(seeds: str, scales: Sequence[dict[str, int]]) -> list[Draw]:
        return [
            Draw(scale, workbench.seed(problem_id, seeds, index))
            for index, scale in enumerate(scales)
        ]

    return {
        "minimum": draws("edges", [lows] * settings.edges),
        "breadth": draws("breadth", [between(lows) for _ in range(settings.breadth)]),
        "depth": draws("depth", [between(deep)] * settings.depth),
        "maximum": draws("edges", [tops] * settings.edges),
    }


def make_testcases(
    source: str, draws: Sequence[Draw], workbench: Workbench, cpu_s: float
) -> Iterator[tuple[Draw, Testcase | None, float]]:
    """Yields each draw with its testcase, ``None`` where that is too large, and its CPU seconds.

    The first draw is run alone, so that a generator which never ends costs one CPU limit.

    Raises:
        Refused: The generator fails on a draw.
        InfrastructureError: The sandbox failed.
    """
    starts = [0, *range(1, len(draws), BATCH)]
    for start, end in zip(starts, [*starts[1:], len(draws)], strict=True):
        for item in workbench.generate(source, draws[start:end], cpu_s):
            if isinstance(item.result, Testcase):
                yield item.draw, item.result, item.cpu_s
            elif is_too_large(item.result):
                yield item.draw, None, item.cpu_s
            else:
                raise Refused(
                    "generator",
                    shortened(f"{item.draw.where}: {item.result.detail}"),
                    {"cause": item.result.cause, "scale": dict(item.draw.scale)},
                )


def is_too_large(failure: InstanceFailure) -> bool:
    """Whether a draw failed only by its size, for which the scale alone is to blame."""
    beginnings = {
        "generator_limit": "generator: output_limit",
        "invalid_testcase": "generator: the testcase is larger",
    }
    beginning = beginnings.get(failure.cause)
    return beginning is not None and failure.detail.startswith(beginning)
