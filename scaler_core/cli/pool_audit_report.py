"""An audit as text: a line for each environment, then details of those that are not good."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import click

from scaler_core.audit import EnvironmentAudit
from scaler_core.audit.looks import name_levels
from scaler_core.audit.records import LevelAudit, SolutionAudit, Spread
from scaler_core.cli.output import print_table, printable

NAME_LENGTH = 60


def print_report(audits: Sequence[EnvironmentAudit]) -> None:
    """Print *audits*; what a pool's author wrote cannot steer the terminal."""
    for audit in audits:
        rules = ", ".join(finding.rule for finding in audit.findings)
        _line(
            f"{audit.verdict:8}{audit.environment_id}{_called(audit)}{': ' if rules else ''}{rules}"
        )
    for audit in audits:
        if audit.verdict != "good":
            _print_details(audit)
    verdicts = Counter(audit.verdict for audit in audits)
    counts = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.most_common())
    _line(f"\n{len(audits)} environments audited: {counts or 'none'}")


def _print_details(audit: EnvironmentAudit) -> None:
    _line(f"\n{audit.environment_id}{_called(audit)}: {audit.verdict}")
    for finding in audit.findings:
        _line(f"  {finding.severity}: {finding.rule}: {finding.detail}")
    for verdict in ("refused", "accepted", "undecided"):
        for answer in getattr(audit.verifier, verdict, ()):
            _line(f"  verifier: {verdict}: {answer}")
    if audit.levels:
        print_table(
            (
                "level",
                "seeds",
                "cases",
                "truths",
                "answers",
                "common",
                "repeat",
                "chars",
                "tokens",
                "CPU ms",
            ),
            [_level_row(level) for level in audit.levels],
        )
    if audit.dead_levels:
        _line(f"dead: {name_levels(audit.dead_levels)}; scaler pool audit --fix leaves them out")
    if audit.solutions:
        _line(f"solutions: {_outcomes(audit.solutions)}")


def _level_row(level: LevelAudit) -> tuple[object, ...]:
    return (
        level.level,
        level.seeds,
        level.testcases,
        level.instances,
        level.distinct_answers,
        f"{level.commonest_share:.0%}",
        f"{level.duplicate_share:.0%}",
        _largest(level.prompt_characters),
        _largest(level.prompt_tokens),
        f"{1000 * level.generator_cpu_s.median:.1f}" if level.generator_cpu_s else "",
    )


def _largest(spread: Spread | None) -> str:
    return f"{spread.largest:.0f}" if spread else ""


def _outcomes(solutions: Iterable[SolutionAudit]) -> str:
    """Solutions by outcome, such as ``1, 2, 4 agrees; 3 fails``."""
    by_outcome: dict[str, list[str]] = {}
    for solution in solutions:
        by_outcome.setdefault(solution.outcome, []).append(str(solution.number))
    return "; ".join(f"{', '.join(who)}: {what}" for what, who in by_outcome.items())


def _called(audit: EnvironmentAudit) -> str:
    """The name, where it says more than the id."""
    name = " ".join(audit.name.split())[:NAME_LENGTH]
    return f" ({name})" if name != audit.environment_id else ""


def _line(text: str) -> None:
    click.echo(printable(text))
