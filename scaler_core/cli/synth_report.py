"""What a synthesis did, as tables and as one line of JSON."""

from __future__ import annotations

from typing import Any

from scaler_core.cli.output import print_table
from scaler_core.synthesis.run import SynthesisReport

EXAMPLE_CHARACTERS = 90

STAGE_COLUMNS = (
    "stage",
    "in",
    "out",
    "rejected",
    "waiting",
    "attempts",
    "replies",
    "tokens asked",
    "tokens answered",
    "cost",
    "seconds",
)


def as_line(report: SynthesisReport) -> dict[str, Any]:
    """The report as the one JSON line of the command."""
    return {**report.model_dump(mode="json"), "complete": report.complete}


def print_report(report: SynthesisReport) -> None:
    """Tables of what came out of each stage and of what was refused, and where it all is."""
    yields = report.yields
    print_table(
        STAGE_COLUMNS,
        [
            (
                item.stage,
                item.entered,
                item.passed,
                item.rejected,
                item.waiting,
                item.attempts,
                item.replies,
                item.prompt_tokens,
                item.reply_tokens,
                item.cost,
                item.seconds,
            )
            for item in yields.stages
        ],
    )
    if yields.refusals:
        print()
        print_table(
            ("refused at", "by check", "problems", "attempts", "for example"),
            [
                (item.stage, item.check, item.problems, item.attempts, _short(item.example))
                for item in yields.refusals
            ],
        )
    print()
    if report.environments:
        print(f"{report.environments} environments in {report.pool}")
    spent = report.spent
    print(
        f"this run: {spent.requests} requests, {spent.cached} replies that were there already, "
        f"{spent.tokens} tokens, cost {spent.cost:.4g}, {report.seconds:.1f} s"
    )
    print(f"yields, their picture and every refusal: {report.folder}")


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= EXAMPLE_CHARACTERS else f"{line[: EXAMPLE_CHARACTERS - 3]}..."
