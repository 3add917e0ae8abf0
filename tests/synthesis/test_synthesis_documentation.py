"""docs/synthesis.md names every option, every stage and every filter, and no others."""

from __future__ import annotations

import re
from pathlib import Path

from scaler_core.cli.synth import command
from scaler_core.synthesis import filters
from scaler_core.synthesis.config import FilterSettings, SynthesisOptions
from scaler_core.synthesis.journey import STAGES

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "synthesis.md").read_text(encoding="utf-8")


def rows(heading: str) -> list[list[str]]:
    """Cells of the table below *heading*, its own heading left out."""
    section = TEXT.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines[2:]]


def test_every_option_of_the_command_is_documented():
    documented = {name for row in rows("Options") for name in re.findall(r"`(--?[a-z-]+)`", row[0])}
    existing = {name for item in command.params for name in [*item.opts, *item.secondary_opts]} - {
        "problems"
    }
    assert documented - {"--resume"} <= existing
    assert existing <= documented | {"--help"}


def test_every_stage_and_every_refusal_of_the_filters_is_documented():
    stages = re.findall(r"^\| `([a-z]+)` \|", TEXT, re.MULTILINE)
    assert tuple(stages[: len(STAGES)]) == STAGES
    named = {name for row in rows("Filters") for name in re.findall(r"`([a-z_]+)`", row[0])}
    assert filters.__doc__ is not None
    assert named == set(re.findall(r"``([a-z_]+)``", filters.__doc__.split("After extraction")[0]))


def test_every_option_of_the_filters_and_every_section_is_documented():
    for name in FilterSettings.model_fields:
        assert f"filter.{name}" in TEXT
    sections = TEXT.split("Sections of `--set`:", 1)[1].split("## From Python")[0]
    for name in ("extractor", "generator", "endpoint", "sampling", "budget", "filter", "check"):
        assert name in SynthesisOptions.model_fields
        assert f"`{name}`" in sections


def test_what_is_linked_is_there():
    for link in re.findall(r"\]\(([^)#]+)\)", TEXT):
        assert (ROOT / "docs" / link).exists(), link
