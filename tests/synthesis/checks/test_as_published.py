"""``CheckSettings.as_published`` says which checks may still refuse a published environment."""

from __future__ import annotations

import re
from pathlib import Path

from scaler_core.synthesis.config import CheckSettings

DOCS = Path(__file__).resolve().parents[3] / "docs" / "synthesis-checks.md"


def test_every_check_that_may_refuse_a_published_environment_is_named():
    section = DOCS.read_text(encoding="utf-8").split("## Checks\n", 1)[1].split("\n**", 1)[0]
    checks = set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))
    assert len(checks) > 10
    named = set(re.findall(r"``(\w+)``", CheckSettings.as_published.__doc__ or ""))
    assert checks <= named


def test_differing_votes_are_all_that_is_forgiven():
    changed = CheckSettings.as_published().model_dump()
    default = CheckSettings().model_dump()
    assert {key for key in changed if changed[key] != default[key]} == {"suspicious"}
