"""``scaler pool audit --against``: whether a pool holds questions of benchmarks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from scaler_core.cli.output import naming_flags, print_table, printable
from scaler_core.errors import UsageError
from scaler_core.options import parse_settings

if TYPE_CHECKING:
    from scaler_core.audit.contamination import Contamination, EnvironmentOverlap
    from scaler_core.interfaces import EnvironmentSource
    from scaler_core.plugins import PluginHost

VERDICTS = ("clean", "overlap", "unknown")


def check_against(
    source: EnvironmentSource,
    ids: Sequence[str],
    against: Sequence[str],
    options: Sequence[str],
    host: PluginHost,
) -> Contamination:
    """Compare environments with the benchmarks that *against* names.

    Args:
        source: The environments.
        ids: Those to look at.
        against: ``NAME`` or ``NAME=FILE``, each benchmark once.
        options: ``NAME.OPTION=VALUE`` for these benchmarks.
        host: Where benchmarks come from.

    Raises:
        UsageError: A benchmark or an option is unknown, or questions are not on this machine.
        DataError: Questions cannot be read.
        InfrastructureError: Questions cannot be fetched.
    """
    from scaler_core.audit import compare_with_benchmarks

    benchmarks = benchmark_options(against, options)
    with naming_flags({"benchmarks": "--against"}):
        return compare_with_benchmarks(source, benchmarks, environments=ids, host=host)


def benchmark_options(against: Sequence[str], options: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The options of each benchmark that a command line names.

    Raises:
        UsageError: One is named twice, or an option is malformed or belongs to none of them.
    """
    chosen: dict[str, dict[str, Any]] = {}
    for text in against:
        name, equals, path = text.partition("=")
        if name in chosen:
            raise UsageError(f"--against {text}: {name} is named twice", hint="name it once")
        if equals and not path:
            raise UsageError(
                f"--against {text}: the file is missing", hint=f"{name}=FILE, or {name}"
            )
        chosen[name] = {"path": path} if equals else {}
    for name, found in parse_settings(options, chosen).items():
        chosen[name] |= found
    return chosen


def as_json(pool: str, found: Contamination) -> dict[str, Any]:
    """The report as JSON."""
    verdicts = Counter[str](item.verdict for item in found.environments)
    return {
        "pool": pool,
        "checked": len(found.environments),
        **{verdict: verdicts[verdict] for verdict in VERDICTS},
        **found.model_dump(mode="json"),
    }


def print_found(found: Contamination) -> None:
    """Print *found*; what a pool's author wrote cannot steer the terminal."""
    for item in found.environments:
        if item.verdict != "clean":
            _print_environment(item, found.settings.gram)
    print_table(
        ("benchmark", "questions", "too short", "pairs", "highest share", "longest run", "overlap"),
        [
            (
                item.benchmark,
                item.rows,
                item.too_short,
                item.pairs,
                f"{item.highest_share:.1%}",
                item.longest_run or f"under {found.settings.gram}",
                item.overlapping,
            )
            for item in found.benchmarks
        ],
    )
    verdicts = Counter[str](item.verdict for item in found.environments)
    counts = ", ".join(f"{verdicts[verdict]} {verdict}" for verdict in VERDICTS)
    _line(f"\n{len(found.environments)} environments compared: {counts}")


def _print_environment(item: EnvironmentOverlap, gram: int) -> None:
    named = "" if item.name == item.environment_id else f" ({' '.join(item.name.split())[:60]})"
    _line(f"{item.verdict:8}{item.environment_id}{named}{item.reason and ': '}{item.reason}")
    for overlap in item.overlaps:
        whole = "all of it" if overlap.contained else f"{overlap.share:.0%} of its {gram}-grams"
        _line(f"  {overlap.benchmark} {overlap.row}: {whole}, {overlap.run} words in a row:")
        _line(f"    {overlap.words}")
    if item.questions > len(item.overlaps):
        _line(f"  and {item.questions - len(item.overlaps)} more questions")


def _line(text: str) -> None:
    click.echo(printable(text))
